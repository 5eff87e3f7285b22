#include "run/preparation.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/keras_file.h"
#include "h5/file.h"

#define GROUP "/prepared" /* not in /lockstep, whose checksum is about the state of a run */
#define ATTRIBUTE_BYTES_MAX ((size_t)60 << 10)
#define CLASSES_MAX ((size_t)3500) /* each takes 16 bytes of an attribute */
#define PATH_BYTES 64

/* ---- writing ---- */

/* "x" of "/train/x" */
static const char *array_name(const char *path)
{
    const char *const slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The spec that feeds this input or output; a lone one has no name. */
static const ls_array_spec *spec_of(const ls_array_spec *specs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (n == 1 || (specs[i].name && strcmp(specs[i].name, name) == 0))
            return &specs[i];
    return NULL;
}

static ls_status put_numbers(hid_t file, const char *group, const char *name, const double *values, size_t n)
{
    char path[PATH_BYTES + 16];

    snprintf(path, sizeof path, "%s/%s", group, name);
    return ls_h5_put_array(file, path, H5T_NATIVE_DOUBLE, 1, &n, values);
}

static ls_status put_array(hid_t file, const char *what, size_t number, const char *name, const ls_array_spec *spec,
                           const ls_array *array)
{
    const double *offset, *scale;
    size_t period, classes = 0;
    const char *const *const class_name = ls_array_classes(array, &classes);
    char group[PATH_BYTES];

    snprintf(group, sizeof group, GROUP "/%s/%zu", what, number);
    LS_TRY(ls_h5_put_group(file, group));
    LS_TRY(ls_h5_put_text(file, group, "name", name));
    if (spec && spec->path)
        LS_TRY(ls_h5_put_text(file, group, "array", array_name(spec->path)));
    if (classes && classes <= CLASSES_MAX)
        LS_TRY(ls_h5_put_texts(file, group, "classes", class_name, classes));
    if (!(scale = ls_array_scaling(array, &offset, &period)))
        return LS_OK;
    LS_TRY(put_numbers(file, group, "scale", scale, period));
    return put_numbers(file, group, "offset", offset, period);
}

ls_status ls_preparation_put(hid_t file, const ls_task *task)
{
    const ls_split_spec *const spec = ls_experiment_split(task->experiment, "train");
    const ls_model *const model = task->model;
    size_t n = 0;

    if (!spec || !task->train)
        return LS_OK;
    LS_TRY(ls_h5_put_group(file, GROUP));
    for (size_t i = 0; i < model->inputs; i++) {
        const char *const name = model->node[model->input[i]].name;

        LS_TRY(put_array(file, "x", i, name, spec_of(spec->x, spec->xs, name), task->train->x[i]));
    }
    for (size_t k = 0; task->train->y && k < model->outputs; k++) {
        const char *const name = model->node[model->output[k]].name;

        if (task->train->y[k])
            LS_TRY(put_array(file, "y", n++, name, spec_of(spec->y, spec->ys, name), task->train->y[k]));
    }
    return task->preprocessing && ls_preprocessing_widest(task->preprocessing) <= ATTRIBUTE_BYTES_MAX
               ? ls_preprocessing_write(task->preprocessing, file, "a model file")
               : LS_OK;
}

/* ---- reading ---- */

static void reset_prepared(ls_prepared *list, size_t n)
{
    for (size_t i = 0; list && i < n; i++) {
        ls_free(list[i].name);
        ls_free(list[i].array);
        ls_free(list[i].scale);
        ls_free(list[i].offset);
        ls_h5_free_texts(list[i].class_name, list[i].classes);
    }
    ls_free(list);
}

void ls_preparation_reset(ls_preparation *p)
{
    reset_prepared(p->x, p->xs);
    reset_prepared(p->y, p->ys);
    ls_preprocessing_reset(&p->preprocessing);
    *p = (ls_preparation){0};
}

static ls_status get_numbers(hid_t file, const char *group, const char *name, double **values, size_t *n)
{
    char path[PATH_BYTES + 16];
    size_t axes, dim[LS_H5_AXES_MAX];

    snprintf(path, sizeof path, "%s/%s", group, name);
    if (!ls_h5_has(file, path))
        return LS_OK;
    LS_TRY(ls_h5_get_shape(file, path, &axes, dim));
    if (axes != 1 || dim[0] == 0 || (*n && *n != dim[0]))
        return ls_fail(LS_ERR_FORMAT, "the scaling in %s of a model file has no fitting shape", group);
    *n = dim[0];
    if (!(*values = ls_calloc(*n, sizeof **values, "scaling")))
        return LS_ERR_MEMORY;
    return ls_h5_get_array(file, path, H5T_NATIVE_DOUBLE, 1, n, *values);
}

static ls_status get_array(hid_t file, const char *group, ls_prepared *out)
{
    LS_TRY(ls_h5_get_text(file, group, "name", &out->name));
    if (ls_h5_has_attribute(file, group, "array"))
        LS_TRY(ls_h5_get_text(file, group, "array", &out->array));
    if (ls_h5_has_attribute(file, group, "classes"))
        LS_TRY(ls_h5_get_texts(file, group, "classes", &out->class_name, &out->classes));
    LS_TRY(get_numbers(file, group, "scale", &out->scale, &out->period));
    LS_TRY(get_numbers(file, group, "offset", &out->offset, &out->period));
    return !out->scale == !out->offset ? LS_OK : ls_fail(LS_ERR_FORMAT, "%s of a model file has half a scaling", group);
}

static ls_status get_arrays(hid_t file, const char *what, ls_prepared **out, size_t *n)
{
    char group[PATH_BYTES];

    for (;; ++*n) {
        ls_prepared *grown;

        snprintf(group, sizeof group, GROUP "/%s/%zu", what, *n);
        if (!ls_h5_has(file, GROUP) || !ls_h5_is_group(file, group))
            return LS_OK;
        if (!(grown = ls_realloc(*out, *n + 1, sizeof *grown, "what a model file says of its data")))
            return LS_ERR_MEMORY;
        *out = grown;
        grown[*n] = (ls_prepared){0};
        LS_TRY(get_array(file, group, &grown[*n]));
    }
}

ls_status ls_preparation_read(const char *path, ls_preparation *out)
{
    hid_t file;
    ls_status st;

    if (ls_keras_file_kind(path) != LS_FILE_HDF5)
        return LS_OK;
    LS_TRY(ls_h5_open_read(path, &file));
    st = get_arrays(file, "x", &out->x, &out->xs);
    if (st == LS_OK)
        st = get_arrays(file, "y", &out->y, &out->ys);
    out->of_table = ls_h5_is_group(file, "/preprocessing") && out->xs > 0;
    ls_h5_close(file);
    if (st == LS_OK && out->of_table)
        st = ls_preprocessing_read(path, &out->preprocessing);
    return st;
}

const ls_prepared *ls_preparation_output(const ls_preparation *p, const char *name)
{
    for (size_t i = 0; i < p->ys; i++)
        if (strcmp(p->y[i].name, name) == 0)
            return &p->y[i];
    return NULL;
}

/* ---- comparing ---- */

static const ls_prep_array *find_array(const ls_preprocessing *p, const char *name)
{
    for (size_t i = 0; name && i < p->arrays; i++)
        if (strcmp(p->array[i].name, name) == 0)
            return &p->array[i];
    return NULL;
}

static bool same_texts(char *const *a, size_t n, char *const *b, size_t m)
{
    if (n != m)
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

static bool same_numbers(const double *a, const double *b, size_t n)
{
    return !a || !b ? a == b : memcmp(a, b, n * sizeof *a) == 0;
}

/* What differs between two columns; NULL: nothing that values would show. */
static const char *column_difference(const ls_prep_column *a, const ls_prep_column *b)
{
    if (strcmp(a->name, b->name) != 0)
        return "is another column";
    if (a->type != b->type || a->encoding != b->encoding || a->width != b->width)
        return "is encoded in another way";
    if (!same_texts(a->category, a->categories, b->category, b->categories))
        return "has other categories, or in another order";
    if (!same_numbers(a->encoded, b->encoded, a->categories * a->width))
        return "is encoded by other means of its target";
    return a->missing == LS_MISSING_MEAN && b->missing == LS_MISSING_MEAN && a->mean != b->mean
               ? "has its missing values filled by another mean"
               : NULL;
}

static ls_status check_array(const ls_preprocessing *trained, const ls_prep_array *a, const ls_preprocessing *given,
                             const ls_prep_array *b, const char *path)
{
    static const char advice[] = "import it with --like and the training data's file, or name the CSV file itself here";

    if (a->columns != b->columns)
        return ls_fail(LS_ERR_MISMATCH, "%s has %zu columns, the model was trained with %zu: %s", path, b->columns,
                       a->columns, advice);
    for (size_t i = 0; i < a->columns; i++) {
        const ls_prep_column *const c = &given->column[b->column[i]];
        const char *const difference = column_difference(&trained->column[a->column[i]], c);

        if (difference)
            return ls_fail(LS_ERR_MISMATCH, "%s: column '%s' %s than in the data that the model was trained with: %s",
                           path, c->name, difference, advice);
    }
    if (a->elements != b->elements || !same_numbers(a->scale, b->scale, a->elements) ||
        !same_numbers(a->offset, b->offset, a->elements))
        return ls_fail(LS_ERR_MISMATCH,
                       "%s is scaled by other numbers than the data that the model was trained with (it was fitted to "
                       "its own rows): %s",
                       path, advice);
    return LS_OK;
}

static bool same_columns(const ls_preprocessing *p, const ls_prep_array *a, const ls_preprocessing *q,
                         const ls_prep_array *b)
{
    bool same = a->columns == b->columns;

    for (size_t i = 0; same && i < a->columns; i++)
        same = strcmp(p->column[a->column[i]].name, q->column[b->column[i]].name) == 0;
    return same;
}

/* any: other columns may be meant, as when a model is held against another target. */
static ls_status check_tables(const ls_prepared *list, size_t n, const ls_preprocessing *trained,
                              const ls_array_spec *specs, size_t ns, const ls_preprocessing *given, bool any)
{
    for (size_t i = 0; i < n; i++) {
        const ls_array_spec *const spec = spec_of(specs, ns, list[i].name);
        const ls_prep_array *const a = find_array(trained, list[i].array);
        const ls_prep_array *const b = spec && spec->path ? find_array(given, array_name(spec->path)) : NULL;
        ls_text path = {0};
        ls_status st;

        if (!a || !b || (any && !same_columns(trained, a, given, b)))
            continue;
        ls_text_add(&path, "%s:%s", spec->file, spec->path);
        st = path.status == LS_OK ? check_array(trained, a, given, b, path.data) : path.status;
        ls_text_reset(&path);
        LS_TRY(st);
    }
    return LS_OK;
}

static ls_status check_table(const ls_preparation *p, const ls_split_spec *spec)
{
    const char *const path = spec->xs ? spec->x[0].file : NULL;
    ls_preprocessing given = {0};
    ls_status st;

    if (!p->of_table || !path || !ls_preprocessing_is_in(path))
        return LS_OK;
    st = ls_preprocessing_read(path, &given);
    if (st == LS_OK)
        st = check_tables(p->x, p->xs, &p->preprocessing, spec->x, spec->xs, &given, false);
    if (st == LS_OK)
        st = check_tables(p->y, p->ys, &p->preprocessing, spec->y, spec->ys, &given, true);
    ls_preprocessing_reset(&given);
    return st;
}

static ls_status check_classes(const ls_prepared *trained, const ls_array *array)
{
    size_t n = 0, i = 0;
    const char *const *const class_name = ls_array_classes(array, &n);

    if (!class_name || !trained->class_name)
        return LS_OK;
    while (i < n && i < trained->classes && strcmp(class_name[i], trained->class_name[i]) == 0)
        i++;
    if (i == n && i == trained->classes)
        return LS_OK;
    if (i == n || i == trained->classes)
        return ls_fail(LS_ERR_MISMATCH, "%s has %zu classes, the model was trained with %zu", ls_array_path(array), n,
                       trained->classes);
    return ls_fail(LS_ERR_MISMATCH,
                   "%s: class %zu is '%s', but '%s' in the data that the model was trained with: the same classes must "
                   "have the same numbers; import both sets as splits of one file, or CSV with --like",
                   ls_array_path(array), i, class_name[i], trained->class_name[i]);
}

ls_status ls_preparation_check(const ls_preparation *p, const ls_task *task, const ls_split_spec *spec)
{
    const ls_model *const model = task->model;

    LS_TRY(check_table(p, spec));
    for (size_t k = 0; task->test->y && k < model->outputs; k++) {
        const ls_prepared *const trained = ls_preparation_output(p, model->node[model->output[k]].name);

        if (trained && task->test->y[k])
            LS_TRY(check_classes(trained, task->test->y[k]));
    }
    return LS_OK;
}
