/*
 * The group /preprocessing of a dataset file:
 *
 *     /preprocessing            @format_version 2 @delimiter @decimal @header @na
 *       column/0, 1, …          @name @type @encoding @missing @fill @mean @categories
 *                               @encoded (categories * width) @unknown (width)
 *       array/0, 1, …           @name @columns @shape @scaling @offset @scale
 *
 * Everything is an attribute, and those that mean nothing for a column or an array are absent; @decimal if it is '.'.
 */
#include "data/preprocessing.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/csv.h"
#include "h5/attribute.h"
#include "h5/file.h"
#include "h5/open.h"
#include "h5/output.h"

#define FORMAT_VERSION 2
#define ARRAYS_MAX 1024
#define VALUES_MAX ((size_t)1 << 24)     /* of an attribute */
#define TEXT_BYTES_MAX ((size_t)1 << 30) /* of an attribute */
#define PLACE_BYTES 4096
#define GROUP "/preprocessing"

/* ---- writing ---- */

static bool add_text(hid_t object, const char *name, const char *text)
{
    return ls_h5_add_texts(object, name, &text, 1, true);
}

static bool write_column(hid_t group, const ls_prep_column *c)
{
    return add_text(group, "name", c->name) && add_text(group, "type", ls_column_type_names[c->type]) &&
           add_text(group, "encoding", ls_encoding_names[c->encoding]) &&
           add_text(group, "missing", ls_missing_names[c->missing]) && (!c->fill || add_text(group, "fill", c->fill)) &&
           (c->missing != LS_MISSING_MEAN || ls_h5_add_doubles(group, "mean", &c->mean, 1, true)) &&
           (c->encoding == LS_ENCODING_NONE ||
            ls_h5_add_texts(group, "categories", (const char *const *)c->category, c->categories, false)) &&
           (c->encoding != LS_ENCODING_TARGET ||
            (ls_h5_add_doubles(group, "encoded", c->encoded, c->categories * c->width, false) &&
             ls_h5_add_doubles(group, "unknown", c->unknown, c->width, false)));
}

/* The columns of an array by their place among those that are used, which are the ones written. */
static bool write_array(hid_t group, const ls_preprocessing *p, const ls_prep_array *a)
{
    int64_t *const columns = ls_calloc(a->columns, sizeof *columns, "columns");
    int64_t shape[LS_AXES_MAX] = {0};
    bool good = columns != NULL;

    for (size_t i = 0; good && i < a->columns; i++)
        for (size_t c = 0; c < a->column[i]; c++)
            columns[i] += p->column[c].used;
    for (size_t i = 0; i < a->shape.axes; i++)
        shape[i] = (int64_t)a->shape.dim[i];
    good = good && add_text(group, "name", a->name) && ls_h5_add_ints(group, "columns", columns, a->columns, false) &&
           ls_h5_add_ints(group, "shape", shape, a->shape.axes, false) &&
           add_text(group, "scaling", ls_scaling_names[a->scaling]) &&
           (a->scaling == LS_SCALING_NONE || (ls_h5_add_doubles(group, "offset", a->offset, a->elements, false) &&
                                              ls_h5_add_doubles(group, "scale", a->scale, a->elements, false)));
    ls_free(columns);
    return good;
}

static bool write_columns(hid_t parent, const ls_preprocessing *p)
{
    const hid_t columns = ls_h5_create_group(parent, "column");
    bool good = columns >= 0;
    size_t written = 0;
    char number[32];

    for (size_t i = 0; good && i < p->columns; i++) {
        hid_t group;

        if (!p->column[i].used)
            continue;
        snprintf(number, sizeof number, "%zu", written++);
        group = ls_h5_create_group(columns, number);
        good = group >= 0 && write_column(group, &p->column[i]);
        if (group >= 0 && H5Gclose(group) < 0)
            good = false;
    }
    if (columns >= 0 && H5Gclose(columns) < 0)
        good = false;
    return good;
}

static bool write_arrays(hid_t parent, const ls_preprocessing *p)
{
    const hid_t arrays = ls_h5_create_group(parent, "array");
    bool good = arrays >= 0;
    char number[32];

    for (size_t i = 0; good && i < p->arrays; i++) {
        hid_t group;

        snprintf(number, sizeof number, "%zu", i);
        group = ls_h5_create_group(arrays, number);
        good = group >= 0 && write_array(group, p, &p->array[i]);
        if (group >= 0 && H5Gclose(group) < 0)
            good = false;
    }
    if (arrays >= 0 && H5Gclose(arrays) < 0)
        good = false;
    return good;
}

static bool write_format(hid_t group, const ls_prep_format *format)
{
    const int64_t header = format->header;

    return add_text(group, "delimiter", (char[]){format->delimiter, '\0'}) &&
           (format->decimal == '.' || add_text(group, "decimal", (char[]){format->decimal, '\0'})) &&
           ls_h5_add_ints(group, "header", &header, 1, true) &&
           ls_h5_add_texts(group, "na", (const char *const *)format->na, format->nas, false);
}

ls_status ls_preprocessing_write(const ls_preprocessing *p, hid_t file, const char *path)
{
    const hid_t group = ls_h5_create_group(file, GROUP);
    const int64_t version = FORMAT_VERSION, ignores = 1;
    ls_status st = LS_OK;

    if (group < 0 || !ls_h5_add_ints(group, "format_version", &version, 1, true) || !write_format(group, &p->format) ||
        (p->ignores_unknown && !ls_h5_add_ints(group, "ignores_unknown", &ignores, 1, true)) ||
        !write_columns(group, p) || !write_arrays(group, p))
        st = ls_h5_output_fail(path);
    if (group >= 0 && H5Gclose(group) < 0 && st == LS_OK)
        st = ls_h5_output_fail(path);
    return st;
}

/* ---- reading ---- */

/* An object whose attributes are read, for messages: "FILE:/preprocessing/column/3". */
typedef struct place {
    hid_t id;
    const char *path;
    char name[64];
} place;

static ls_status fail_in(const place *at, const char *attribute, const char *problem)
{
    return ls_fail(LS_ERR_FORMAT, "%s:%s: attribute '%s' %s; the file is damaged or not by lockstep", at->path,
                   at->name, attribute, problem);
}

/* Of that class. To be closed also after a failure. */
static ls_status open_attribute(const place *at, const char *name, H5T_class_t class, ls_h5_attribute *a)
{
    *a = (ls_h5_attribute){0};
    if (H5Aexists(at->id, name) <= 0)
        return fail_in(at, name, "is missing");
    if (!ls_h5_attribute_open(at->id, ".", name, a))
        return fail_in(at, name, "cannot be read");
    if (H5Tget_class(a->type) != class || (class == H5T_STRING && H5Tis_variable_str(a->type) != 0))
        return fail_in(at, name, "is of another type");
    return a->n > VALUES_MAX ? fail_in(at, name, "has too many values") : LS_OK;
}

/* memory: H5T_NATIVE_DOUBLE or H5T_NATIVE_INT64, both of 8 bytes. */
static ls_status read_numbers(const place *at, const char *name, hid_t memory, void **values, size_t *n)
{
    ls_h5_attribute a;
    ls_status st = open_attribute(at, name, H5Tget_class(memory), &a);

    *values = NULL;
    if (st == LS_OK && !(*values = ls_calloc(a.n, 8, name)))
        st = LS_ERR_MEMORY;
    if (st == LS_OK && a.n > 0 && H5Aread(a.id, memory, *values) < 0)
        st = fail_in(at, name, "cannot be read");
    if (st != LS_OK) {
        ls_free(*values);
        *values = NULL;
    }
    *n = a.n;
    ls_h5_attribute_close(&a);
    return st;
}

/* Exactly n finite ones. */
static ls_status read_doubles(const place *at, const char *name, size_t n, double **values)
{
    size_t got;
    ls_status st;
    void *numbers;

    LS_TRY(read_numbers(at, name, H5T_NATIVE_DOUBLE, &numbers, &got));
    *values = numbers; /* owned by what is being read, whatever follows */
    st = got == n ? LS_OK : fail_in(at, name, "has a wrong number of values");
    for (size_t i = 0; st == LS_OK && i < n; i++)
        if (!isfinite((*values)[i]))
            st = fail_in(at, name, "holds a value that is not finite");
    return st;
}

static ls_status read_texts(const place *at, const char *name, char ***texts, size_t *n)
{
    char where[PLACE_BYTES];
    ls_h5_attribute a;
    size_t width, bytes;
    ls_status st;

    *texts = NULL;
    LS_TRY_CLEANUP(open_attribute(at, name, H5T_STRING, &a));
    width = H5Tget_size(a.type);
    if (width > LS_CSV_FIELD_MAX || !ls_size_mul(a.n, width, &bytes) || bytes > TEXT_BYTES_MAX) {
        st = fail_in(at, name, "is too large");
        goto cleanup;
    }
    if (!(*texts = ls_calloc(a.n, sizeof **texts, name))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    snprintf(where, sizeof where, "%s:%s: attribute '%s'", at->path, at->name, name);
    st = a.n > 0 ? ls_h5_attribute_texts(&a, where, *texts) : LS_OK;
    *n = a.n;
cleanup:
    if (st != LS_OK) {
        ls_h5_free_texts(*texts, a.n);
        *texts = NULL;
    }
    ls_h5_attribute_close(&a);
    return st;
}

static ls_status read_text(const place *at, const char *name, char **text)
{
    char **texts = NULL;
    size_t n = 0;

    LS_TRY(read_texts(at, name, &texts, &n));
    if (n != 1) {
        ls_h5_free_texts(texts, n);
        return fail_in(at, name, "is not one text");
    }
    *text = texts[0];
    ls_free(texts);
    return LS_OK;
}

static ls_status read_choice(const place *at, const char *name, const char *const *names, int *value)
{
    char *text = NULL;

    LS_TRY(read_text(at, name, &text));
    *value = ls_name_index(text, names);
    ls_free(text);
    return *value < 0 ? fail_in(at, name, "has an unknown value") : LS_OK;
}

/* encoded: (categories, width), and unknown: (width) gives the width. */
static ls_status read_target(const place *at, ls_prep_column *c)
{
    size_t n;
    void *numbers;
    size_t size = 0;

    LS_TRY(read_numbers(at, "unknown", H5T_NATIVE_DOUBLE, &numbers, &n));
    ls_free(numbers);
    if (n == 0 || !ls_size_mul(n, c->categories, &size))
        return fail_in(at, "unknown", "has a wrong number of values");
    c->width = n;
    LS_TRY(read_doubles(at, "unknown", n, &c->unknown));
    return read_doubles(at, "encoded", size, &c->encoded);
}

static ls_status read_column(const place *at, void *context)
{
    ls_preprocessing *const p = context;
    ls_prep_column *c;
    char *name = NULL;
    size_t index = 0;
    int type, encoding, gaps;
    double *mean = NULL;
    ls_status st;

    LS_TRY(read_text(at, "name", &name));
    st = ls_preprocessing_add_column(p, name, &index);
    ls_free(name);
    LS_TRY(st);
    c = &p->column[index];
    LS_TRY(read_choice(at, "type", ls_column_type_names, &type));
    LS_TRY(read_choice(at, "encoding", ls_encoding_names, &encoding));
    LS_TRY(read_choice(at, "missing", ls_missing_names, &gaps));
    c->used = true;
    c->type = (ls_column_type)type;
    c->encoding = (ls_encoding)encoding;
    c->missing = (ls_missing)gaps;
    c->width = 1;
    if (c->type == LS_COLUMN_ANY || (c->type == LS_COLUMN_NUMBER) != (c->encoding == LS_ENCODING_NONE))
        return fail_in(at, "encoding", "does not fit the type");
    if (c->missing == LS_MISSING_FILL)
        LS_TRY(read_text(at, "fill", &c->fill));
    if (c->missing == LS_MISSING_MEAN) {
        st = read_doubles(at, "mean", 1, &mean);
        c->mean = st == LS_OK ? *mean : 0;
        ls_free(mean);
        LS_TRY(st);
    }
    if (c->type == LS_COLUMN_NUMBER)
        return LS_OK;
    LS_TRY(read_texts(at, "categories", &c->category, &c->categories));
    if (c->categories == 0 || c->categories > LS_CATEGORIES_MAX)
        return fail_in(at, "categories", "has a wrong number of values");
    if (c->encoding == LS_ENCODING_ONE_HOT)
        c->width = c->categories;
    return c->encoding == LS_ENCODING_TARGET ? read_target(at, c) : LS_OK;
}

static ls_status read_shape(const place *at, ls_prep_array *array)
{
    size_t n;
    void *numbers;
    int64_t *dim;

    LS_TRY(read_numbers(at, "shape", H5T_NATIVE_INT64, &numbers, &n));
    dim = numbers;
    array->shaped = true;
    array->shape.axes = n <= LS_AXES_MAX ? n : 0;
    for (size_t i = 0; i < array->shape.axes; i++)
        array->shape.dim[i] = dim[i] > 0 ? (size_t)dim[i] : 0; /* which ls_preprocessing_set_shapes refuses */
    ls_free(numbers);
    return n <= LS_AXES_MAX ? LS_OK : fail_in(at, "shape", "has too many axes");
}

static ls_status read_array_columns(const place *at, const ls_preprocessing *p, ls_prep_array *array)
{
    size_t n;
    void *numbers;
    int64_t *column;
    ls_status st = LS_OK;

    LS_TRY(read_numbers(at, "columns", H5T_NATIVE_INT64, &numbers, &n));
    column = numbers;
    for (size_t i = 0; st == LS_OK && i < n; i++)
        st = column[i] >= 0 && (uint64_t)column[i] < p->columns ? ls_prep_array_add_column(array, (size_t)column[i])
                                                                : fail_in(at, "columns", "names no column");
    ls_free(numbers);
    return st == LS_OK && n == 0 ? fail_in(at, "columns", "is empty") : st;
}

static ls_status read_array(const place *at, void *context)
{
    ls_preprocessing *const p = context;
    ls_prep_array *array;
    char *name = NULL;
    int scaling;
    ls_status st;

    LS_TRY(read_text(at, "name", &name));
    if ((st = ls_h5_output_check_name(name, "an array")) == LS_OK)
        st = ls_preprocessing_add_array(p, name, &array);
    ls_free(name);
    LS_TRY(st);
    LS_TRY(read_array_columns(at, p, array));
    LS_TRY(read_shape(at, array));
    LS_TRY(read_choice(at, "scaling", ls_scaling_names, &scaling));
    array->scaling = (ls_scaling)scaling;
    LS_TRY(ls_preprocessing_set_shapes(p));
    if (array->scaling == LS_SCALING_NONE)
        return LS_OK;
    LS_TRY(read_doubles(at, "offset", array->elements, &array->offset));
    return read_doubles(at, "scale", array->elements, &array->scale);
}

/* Every group 0, 1, … below /preprocessing/WHAT. */
static ls_status read_each(hid_t file, const char *path, const char *what, size_t max,
                           ls_status (*read)(const place *, void *), ls_preprocessing *p)
{
    place at = {.path = path};

    for (size_t i = 0; i < max; i++) {
        ls_status st;

        snprintf(at.name, sizeof at.name, GROUP "/%s", what);
        if (!ls_h5_is_group(file, at.name))
            return fail_in(&at, what, "is missing");
        snprintf(at.name, sizeof at.name, GROUP "/%s/%zu", what, i);
        if (!ls_h5_is_group(file, at.name))
            return i > 0 ? LS_OK : fail_in(&at, what, "is missing");
        if ((at.id = H5Oopen(file, at.name, H5P_DEFAULT)) < 0)
            return fail_in(&at, what, "cannot be opened");
        st = read(&at, p);
        H5Oclose(at.id);
        LS_TRY(st);
    }
    return fail_in(&at, what, "has too many members");
}

/* One whole number. */
static ls_status read_int(const place *at, const char *name, int64_t *value)
{
    void *numbers;
    size_t n;

    LS_TRY(read_numbers(at, name, H5T_NATIVE_INT64, &numbers, &n));
    *value = n == 1 ? *(int64_t *)numbers : 0;
    ls_free(numbers);
    return n == 1 ? LS_OK : fail_in(at, name, "is not one number");
}

static ls_status read_format(const place *at, ls_prep_format *format)
{
    char *delimiter = NULL, *decimal = NULL;
    int64_t header;

    LS_TRY(read_text(at, "delimiter", &delimiter));
    format->delimiter = strlen(delimiter) == 1 ? *delimiter : '\0';
    ls_free(delimiter);
    if (!format->delimiter)
        return fail_in(at, "delimiter", "is not one character");
    format->decimal = '.';
    if (H5Aexists(at->id, "decimal") > 0) {
        LS_TRY(read_text(at, "decimal", &decimal));
        format->decimal = strcmp(decimal, ",") == 0 ? ',' : '.';
        ls_free(decimal);
    }
    LS_TRY(read_int(at, "header", &header));
    format->header = header != 0;
    return read_texts(at, "na", &format->na, &format->nas);
}

static ls_status check_version(const place *at)
{
    int64_t version;

    LS_TRY(read_int(at, "format_version", &version));
    if (version != FORMAT_VERSION)
        return ls_fail(
            LS_ERR_FORMAT,
            "%s:%s has format_version %lld, not %d: import the file again, or use the lockstep that wrote it", at->path,
            GROUP, (long long)version, FORMAT_VERSION);
    return LS_OK;
}

static ls_status read_head(hid_t file, const char *path, ls_preprocessing *p)
{
    place at = {.path = path, .name = GROUP};
    ls_status st;

    if (!ls_h5_is_group(file, GROUP))
        return ls_fail(LS_ERR_DATA,
                       "'%s' does not say how its arrays were made: it has no group %s; name a dataset file "
                       "that was written by lockstep import csv",
                       path, GROUP);
    if ((at.id = H5Oopen(file, GROUP, H5P_DEFAULT)) < 0)
        return fail_in(&at, "format_version", "cannot be read");
    st = check_version(&at);
    if (st == LS_OK)
        st = read_format(&at, &p->format);
    p->ignores_unknown = st == LS_OK && H5Aexists(at.id, "ignores_unknown") > 0;
    H5Oclose(at.id);
    return st;
}

ls_status ls_preprocessing_read(const char *path, ls_preprocessing *p)
{
    ls_h5_lock lock;
    hid_t file = H5I_INVALID_HID;
    ls_status st;

    ls_h5_lock_take(&lock);
    LS_TRY_CLEANUP(ls_h5_open_file(path, &file));
    LS_TRY_CLEANUP(read_head(file, path, p));
    LS_TRY_CLEANUP(read_each(file, path, "column", LS_CSV_COLUMNS_MAX, read_column, p));
    LS_TRY_CLEANUP(read_each(file, path, "array", ARRAYS_MAX, read_array, p));
cleanup:
    if (file >= 0)
        H5Fclose(file);
    ls_h5_lock_release(&lock);
    return st;
}

bool ls_preprocessing_is_in(const char *path)
{
    ls_h5_lock lock;
    hid_t file = H5I_INVALID_HID;
    bool found;

    ls_h5_lock_take(&lock);
    found = ls_h5_open_file(path, &file) == LS_OK && ls_h5_is_group(file, GROUP);
    if (file >= 0)
        H5Fclose(file);
    ls_h5_lock_release(&lock);
    return found;
}

/* As pack_texts of h5/output.c lays them out. */
static size_t texts_bytes(char *const *texts, size_t n)
{
    size_t width = 1;

    for (size_t i = 0; i < n; i++)
        width = strlen(texts[i]) > width ? strlen(texts[i]) : width;
    return n * width;
}

size_t ls_preprocessing_widest(const ls_preprocessing *p)
{
    size_t most = texts_bytes(p->format.na, p->format.nas);

    for (size_t c = 0; c < p->columns; c++) {
        const size_t names = texts_bytes(p->column[c].category, p->column[c].categories);
        const size_t numbers = p->column[c].encoded ? p->column[c].categories * p->column[c].width * sizeof(double) : 0;

        most = names > most ? names : most;
        most = numbers > most ? numbers : most;
    }
    for (size_t a = 0; a < p->arrays; a++) {
        const size_t longest = p->array[a].elements > p->array[a].columns ? p->array[a].elements : p->array[a].columns;

        most = longest * sizeof(double) > most ? longest * sizeof(double) : most;
    }
    return most;
}
