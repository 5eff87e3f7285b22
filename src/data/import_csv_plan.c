/* The options of ls_import_csv against the names in a file; see import.h. */
#include "data/import_csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "h5/output.h"

/* ---- lists of columns ---- */

typedef struct reader {
    const ls_csv *csv;
    ls_preprocessing *p;
    size_t *index; /* (columns of the file): its column in p, 1 + index; 0: none */
} reader;

/* The column of p for a column of the file, added if need be. */
static ls_status use_column(const reader *r, size_t place, size_t *out)
{
    size_t n;

    if (!r->index[place]) {
        LS_TRY(ls_preprocessing_add_column(r->p, ls_csv_names(r->csv, &n)[place], out));
        r->index[place] = *out + 1;
    }
    *out = r->index[place] - 1;
    return LS_OK;
}

static ls_status use_column_named(const reader *r, const char *name, size_t *out)
{
    size_t place;

    LS_TRY(ls_csv_find(r->csv, name, &place));
    return use_column(r, place, out);
}

/* A name up to ',' ':' or the end, without its quotes. Moves *at behind it. */
static ls_status read_name(const char *list, const char **at, ls_text *name)
{
    const char *s = *at;

    name->length = 0;
    ls_text_add_bytes(name, "", 0);
    if (*s == '"') {
        for (s++; *s && !(*s == '"' && s[1] != '"'); s++) {
            s += *s == '"';
            ls_text_add_bytes(name, s, 1);
        }
        if (*s++ != '"')
            return ls_fail(LS_ERR_USAGE, "the list of columns '%.200s' has a quote that is never closed", list);
    } else {
        s += strcspn(s, ",:");
        ls_text_add_bytes(name, *at, (size_t)(s - *at));
    }
    if (name->length == 0 || (*s && *s != ',' && *s != ':'))
        return ls_fail(LS_ERR_USAGE, "'%.200s' is not a list of columns, as in a,b,p0:p63", list);
    *at = s;
    return name->status;
}

typedef ls_status take_column(void *context, size_t column);

/* Calls take for every column of "a,b,c:d". */
static ls_status each_column(const reader *r, const char *list, take_column *take, void *context)
{
    const char *at = list;
    ls_text name = {0};
    size_t first, last, column;
    ls_status st;

    for (;;) {
        LS_TRY_CLEANUP(read_name(list, &at, &name));
        LS_TRY_CLEANUP(ls_csv_find(r->csv, name.data, &first));
        last = first;
        if (*at == ':') {
            at++;
            LS_TRY_CLEANUP(read_name(list, &at, &name));
            LS_TRY_CLEANUP(ls_csv_find(r->csv, name.data, &last));
        }
        if (last < first || *at == ':') {
            st = ls_fail(LS_ERR_USAGE, "'%.200s' is not a list of columns: a range runs from one column to a later one",
                         list);
            goto cleanup;
        }
        for (size_t place = first; place <= last; place++) {
            LS_TRY_CLEANUP(use_column(r, place, &column));
            LS_TRY_CLEANUP(take(context, column));
        }
        if (*at == '\0')
            break;
        at++;
    }
cleanup:
    ls_text_reset(&name);
    return st;
}

/* ---- arrays ---- */

typedef struct array_columns {
    ls_preprocessing *p;
    ls_prep_array *array;
} array_columns;

static ls_status take_for_array(void *context, size_t column)
{
    const array_columns *const a = context;

    a->p->column[column].used = true;
    return ls_prep_array_add_column(a->array, column);
}

static ls_prep_array *find_array(const ls_preprocessing *p, const char *name)
{
    for (size_t i = 0; i < p->arrays; i++)
        if (strcmp(p->array[i].name, name) == 0)
            return &p->array[i];
    return NULL;
}

static ls_status plan_arrays(const reader *r, const ls_settings *arrays)
{
    if (arrays->n == 0)
        return ls_fail(LS_ERR_USAGE, "no array is asked for: name at least one and its columns, as in --array x=a,b");
    for (size_t i = 0; i < arrays->n; i++) {
        const ls_setting *const s = &arrays->at[i];
        array_columns a = {.p = r->p};

        LS_TRY(ls_h5_output_check_name(s->key, "an array"));
        if (!s->value)
            return ls_fail(LS_ERR_USAGE, "array '%s' has no columns: name them, as in %s=a,b", s->key, s->key);
        if (find_array(r->p, s->key))
            return ls_fail(LS_ERR_USAGE, "array '%s' is given twice", s->key);
        LS_TRY(ls_preprocessing_add_array(r->p, s->key, &a.array));
        LS_TRY(each_column(r, s->value, take_for_array, &a));
    }
    return LS_OK;
}

static ls_status need_array(const ls_preprocessing *p, const char *name, const char *what, ls_prep_array **array)
{
    if ((*array = find_array(p, name)))
        return LS_OK;
    return ls_fail(LS_ERR_USAGE, "%s is given for an array '%s', but there is none of that name", what, name);
}

/* "8,8"; empty: one value without an axis. */
static ls_status read_shape(const ls_setting *s, ls_prep_array *array)
{
    const char *at = s->value;
    ls_shape shape = {0};

    while (*at) {
        char *end = NULL;
        const long n = strtol(at, &end, 10);

        if (end == at || n < 1 || (*end && *end != ',') || (*end && !end[1]) || shape.axes == LS_AXES_MAX)
            return ls_fail(LS_ERR_USAGE, "the shape of array '%s' must be up to %d numbers, as in 8,8, not '%s'",
                           s->key, LS_AXES_MAX, s->value);
        shape.dim[shape.axes++] = (size_t)n;
        at = end + (*end == ',');
    }
    array->shape = shape;
    array->shaped = true;
    return ls_shape_check(&shape, s->key);
}

static ls_status plan_array_settings(const ls_csv_import *import, const ls_preprocessing *p)
{
    for (size_t i = 0; i < import->shapes.n; i++) {
        ls_prep_array *array;

        LS_TRY(need_array(p, import->shapes.at[i].key, "a shape", &array));
        LS_TRY(read_shape(&import->shapes.at[i], array));
    }
    for (size_t i = 0; i < import->scales.n; i++) {
        const ls_setting *const s = &import->scales.at[i];
        const int scaling = ls_name_index(s->value, ls_scaling_names);
        ls_prep_array *array;

        LS_TRY(need_array(p, s->key, "a scaling", &array));
        if (scaling < 0)
            return ls_fail(LS_ERR_USAGE, "array '%s': unknown scaling '%s' (there are: standard, minmax)", s->key,
                           s->value);
        array->scaling = (ls_scaling)scaling;
    }
    return LS_OK;
}

/* ---- columns ---- */

/* An option for columns: its value applies to each of them. */
typedef struct column_setting {
    const reader *r;
    const char *value;
    const char *fill; /* behind "fill:" */
    size_t target;
    int choice;
} column_setting;

static ls_status take_type(void *context, size_t column)
{
    const column_setting *const s = context;

    s->r->p->column[column].type = (ls_column_type)s->choice;
    return LS_OK;
}

static ls_status take_encoding(void *context, size_t column)
{
    const column_setting *const s = context;
    ls_prep_column *const c = &s->r->p->column[column];

    if (c->type == LS_COLUMN_NUMBER)
        return ls_fail(LS_ERR_USAGE, "column '%s' is said to be of type number, and only categories are encoded",
                       c->name);
    c->type = LS_COLUMN_CATEGORY;
    c->encoding = (ls_encoding)s->choice;
    c->target = s->target;
    if (c->encoding == LS_ENCODING_TARGET && c->target == column)
        return ls_fail(LS_ERR_USAGE, "column '%s' cannot be encoded by itself", c->name);
    return LS_OK;
}

static ls_status take_missing(void *context, size_t column)
{
    const column_setting *const s = context;
    ls_prep_column *const c = &s->r->p->column[column];

    ls_free(c->fill);
    c->fill = NULL;
    c->missing = (ls_missing)s->choice;
    return s->fill && !(c->fill = ls_strdup(s->fill)) ? LS_ERR_MEMORY : LS_OK;
}

static ls_status plan_types(const reader *r, const ls_settings *types)
{
    for (size_t i = 0; i < types->n; i++) {
        column_setting s = {.r = r, .choice = ls_name_index(types->at[i].value, ls_column_type_names)};

        if (s.choice <= LS_COLUMN_ANY)
            return ls_fail(LS_ERR_USAGE, "columns '%s': unknown type '%s' (there are: number, category)",
                           types->at[i].key, types->at[i].value);
        LS_TRY(each_column(r, types->at[i].key, take_type, &s));
    }
    return LS_OK;
}

static ls_status plan_encodings(const reader *r, const ls_settings *encodes)
{
    static const char prefix[] = "target:";

    for (size_t i = 0; i < encodes->n; i++) {
        const char *const value = encodes->at[i].value;
        column_setting s = {.r = r, .choice = ls_name_index(value, ls_encoding_names)};

        if (strncmp(value, prefix, strlen(prefix)) == 0) {
            s.choice = LS_ENCODING_TARGET;
            LS_TRY(use_column_named(r, value + strlen(prefix), &s.target));
        } else if (s.choice != LS_ENCODING_LABEL && s.choice != LS_ENCODING_ONE_HOT) {
            return ls_fail(LS_ERR_USAGE,
                           "columns '%s': unknown encoding '%s' (there are: label, onehot, target:COLUMN)",
                           encodes->at[i].key, value);
        }
        LS_TRY(each_column(r, encodes->at[i].key, take_encoding, &s));
    }
    return LS_OK;
}

static ls_status plan_missing(const reader *r, const ls_settings *missing)
{
    static const char prefix[] = "fill:";

    for (size_t i = 0; i < missing->n; i++) {
        const char *const value = missing->at[i].value;
        column_setting s = {.r = r, .choice = ls_name_index(value, ls_missing_names)};

        if (strncmp(value, prefix, strlen(prefix)) == 0 && value[strlen(prefix)]) {
            s.choice = LS_MISSING_FILL;
            s.fill = value + strlen(prefix);
        } else if (s.choice < 0 || s.choice == LS_MISSING_FILL) {
            return ls_fail(LS_ERR_USAGE,
                           "unknown way '%s' with missing values (there are: error, drop, mean, fill:VALUE)", value);
        }
        if (missing->at[i].key)
            LS_TRY(each_column(r, missing->at[i].key, take_missing, &s));
        else
            for (size_t c = 0; c < r->p->columns; c++)
                LS_TRY(take_missing(&s, c));
    }
    return LS_OK;
}

/* A way for all columns means numbers and categories alike; a mean exists for numbers only, which fitting checks. */
ls_status ls_csv_plan(const ls_csv_import *import, const ls_csv *csv, ls_preprocessing *p, size_t *stratify)
{
    reader r = {.csv = csv, .p = p};
    size_t names;
    ls_status st;

    ls_csv_names(csv, &names);
    *stratify = SIZE_MAX;
    if (!(r.index = ls_calloc(names, sizeof *r.index, "columns")))
        return LS_ERR_MEMORY;
    LS_TRY_CLEANUP(plan_arrays(&r, &import->arrays));
    LS_TRY_CLEANUP(plan_array_settings(import, p));
    LS_TRY_CLEANUP(plan_types(&r, &import->types));
    LS_TRY_CLEANUP(plan_encodings(&r, &import->encodes));
    if (import->stratify)
        LS_TRY_CLEANUP(use_column_named(&r, import->stratify, stratify));
    LS_TRY_CLEANUP(plan_missing(&r, &import->missing));
cleanup:
    ls_free(r.index);
    return st;
}

/* ---- like another file ---- */

static ls_status keep_wanted(const ls_settings *wanted, ls_preprocessing *p)
{
    bool *const keep = ls_calloc(p->arrays, sizeof *keep, "arrays");
    ls_status st = keep ? LS_OK : LS_ERR_MEMORY;

    for (size_t i = 0; st == LS_OK && i < wanted->n; i++) {
        const ls_prep_array *const array = find_array(p, wanted->at[i].key);

        if (array)
            keep[array - p->array] = true;
        else
            st = ls_fail(LS_ERR_USAGE, "the file to be like has no array '%s'", wanted->at[i].key);
        if (wanted->at[i].value)
            st = ls_fail(LS_ERR_USAGE,
                         "the columns of array '%s' are known from the file to be like; give its name alone",
                         wanted->at[i].key);
    }
    if (st == LS_OK)
        st = ls_preprocessing_keep(p, keep);
    ls_free(keep);
    return st;
}

ls_status ls_csv_plan_like(const ls_csv_import *import, ls_preprocessing *p, size_t *stratify)
{
    *stratify = SIZE_MAX;
    if (import->shapes.n || import->scales.n || import->types.n || import->encodes.n || import->missing.n)
        return ls_fail(LS_ERR_USAGE,
                       "shapes, scalings, types, encodings and what becomes of missing values are taken from "
                       "'%s'; leave out such options",
                       import->like);
    LS_TRY(ls_preprocessing_read(import->like, p));
    if (import->arrays.n)
        LS_TRY(keep_wanted(&import->arrays, p));
    for (size_t c = 0; import->stratify && c < p->columns; c++)
        if (strcmp(p->column[c].name, import->stratify) == 0)
            *stratify = c;
    return import->stratify && *stratify == SIZE_MAX ? ls_preprocessing_add_column(p, import->stratify, stratify)
                                                     : LS_OK;
}
