#include "data/preprocessing.h"

#include <string.h>

#include "base/memory.h"

const char *const ls_column_type_names[] = {"any", "number", "category", NULL};
const char *const ls_encoding_names[] = {"none", "label", "onehot", "target", NULL};
const char *const ls_missing_names[] = {"error", "drop", "mean", "fill", NULL};
const char *const ls_scaling_names[] = {"none", "standard", "minmax", NULL};

int ls_name_index(const char *name, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* Room for one more element after n: the room doubles whenever n is a power of two. */
static void *make_room(void *elements, size_t n, size_t size)
{
    return n & (n - 1) ? elements : ls_realloc(elements, n ? 2 * n : 1, size, "columns");
}

ls_status ls_preprocessing_add_column(ls_preprocessing *p, const char *name, size_t *index)
{
    ls_prep_column *const column = make_room(p->column, p->columns, sizeof *column);

    if (!column)
        return LS_ERR_MEMORY;
    p->column = column;
    if (!(column[p->columns].name = ls_strdup(name)))
        return LS_ERR_MEMORY;
    *index = p->columns++;
    return LS_OK;
}

ls_status ls_preprocessing_add_array(ls_preprocessing *p, const char *name, ls_prep_array **array)
{
    ls_prep_array *const grown = make_room(p->array, p->arrays, sizeof *grown);

    if (!grown)
        return LS_ERR_MEMORY;
    p->array = grown;
    if (!(grown[p->arrays].name = ls_strdup(name)))
        return LS_ERR_MEMORY;
    *array = &grown[p->arrays++];
    return LS_OK;
}

ls_status ls_prep_array_add_column(ls_prep_array *array, size_t column)
{
    size_t *const grown = make_room(array->column, array->columns, sizeof *grown);

    if (!grown)
        return LS_ERR_MEMORY;
    array->column = grown;
    grown[array->columns++] = column;
    return LS_OK;
}

static void reset_column(ls_prep_column *column)
{
    for (size_t i = 0; column->category && i < column->categories; i++)
        ls_free(column->category[i]);
    ls_free(column->category);
    ls_free(column->encoded);
    ls_free(column->unknown);
    ls_free(column->fill);
    ls_free(column->name);
}

static void reset_array(ls_prep_array *array)
{
    ls_free(array->offset);
    ls_free(array->scale);
    ls_free(array->column);
    ls_free(array->name);
}

static void keep_arrays(ls_preprocessing *p, const bool *keep)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->arrays; i++) {
        if (keep[i])
            p->array[kept++] = p->array[i];
        else
            reset_array(&p->array[i]);
    }
    memset(p->array + kept, 0, (p->arrays - kept) * sizeof *p->array); /* room for others, which begin as zeros */
    p->arrays = kept;
}

ls_status ls_preprocessing_keep(ls_preprocessing *p, const bool *array)
{
    size_t *const place = ls_calloc(p->columns, sizeof *place, "columns"); /* afterwards */
    size_t kept = 0;

    if (!place)
        return LS_ERR_MEMORY;
    keep_arrays(p, array);
    for (size_t c = 0; c < p->columns; c++)
        p->column[c].used = false;
    for (size_t i = 0; i < p->arrays; i++)
        for (size_t k = 0; k < p->array[i].columns; k++)
            p->column[p->array[i].column[k]].used = true;
    for (size_t c = 0; c < p->columns; c++) {
        place[c] = kept;
        if (p->column[c].used)
            p->column[kept++] = p->column[c];
        else
            reset_column(&p->column[c]);
    }
    memset(p->column + kept, 0, (p->columns - kept) * sizeof *p->column);
    p->columns = kept;
    for (size_t i = 0; i < p->arrays; i++)
        for (size_t k = 0; k < p->array[i].columns; k++)
            p->array[i].column[k] = place[p->array[i].column[k]];
    ls_free(place);
    return LS_OK;
}

static void reset_na(ls_prep_format *format)
{
    for (size_t i = 0; format->na && i < format->nas; i++)
        ls_free(format->na[i]);
    ls_free(format->na);
    format->na = NULL;
    format->nas = 0;
}

ls_status ls_preprocessing_set_na(ls_preprocessing *p, const char *const *na, size_t n)
{
    reset_na(&p->format);
    if (!(p->format.na = ls_calloc(n, sizeof *p->format.na, "texts that mean a missing value")))
        return LS_ERR_MEMORY;
    for (; p->format.nas < n; p->format.nas++)
        if (!(p->format.na[p->format.nas] = ls_strdup(na[p->format.nas])))
            return LS_ERR_MEMORY;
    return LS_OK;
}

void ls_preprocessing_reset(ls_preprocessing *p)
{
    for (size_t i = 0; i < p->columns; i++)
        reset_column(&p->column[i]);
    for (size_t i = 0; i < p->arrays; i++)
        reset_array(&p->array[i]);
    ls_free(p->column);
    ls_free(p->array);
    reset_na(&p->format);
    *p = (ls_preprocessing){0};
}

static ls_status set_shape(const ls_preprocessing *p, ls_prep_array *array)
{
    char text[LS_SHAPE_TEXT_BYTES];
    size_t elements = 0;

    for (size_t i = 0; i < array->columns; i++)
        elements += p->column[array->column[i]].width; /* at most 2^20 columns of 10^6 categories each */
    if (!array->shaped)
        array->shape = (ls_shape){.axes = 1, .dim = {elements}};
    LS_TRY(ls_shape_check(&array->shape, array->name));
    if (ls_shape_size(&array->shape) != elements)
        return ls_fail(LS_ERR_SHAPE, "the shape %s of array '%s' has %zu elements, but its columns give %zu features",
                       ls_shape_format(&array->shape, text), array->name, ls_shape_size(&array->shape), elements);
    array->elements = elements;
    return LS_OK;
}

ls_status ls_preprocessing_set_shapes(ls_preprocessing *p)
{
    for (size_t i = 0; i < p->arrays; i++)
        LS_TRY(set_shape(p, &p->array[i]));
    return LS_OK;
}

void ls_prep_features(const ls_prep_column *column, double value, double *out)
{
    switch (column->encoding) {
    case LS_ENCODING_NONE:
    case LS_ENCODING_LABEL:
        *out = value;
        break;
    case LS_ENCODING_ONE_HOT:
        memset(out, 0, column->width * sizeof *out);
        if (value >= 0)
            out[(size_t)value] = 1;
        break;
    case LS_ENCODING_TARGET:
        memcpy(out, value >= 0 ? column->encoded + (size_t)value * column->width : column->unknown,
               column->width * sizeof *out);
        break;
    }
}
