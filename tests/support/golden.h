/*
 * Reading the golden data: what the real Keras computed, in tests/golden (README.md there explains every file).
 *
 *     golden_each("layers.h5", check, …) ─► check(case, …) for every group of the file
 *                                             golden_get, golden_text, …   what the case is given
 *                                             golden_close                 what came out against Keras in float64
 *
 * Nothing is skipped in silence: an array of a case that the check never looked at makes the case fail, and so does a
 * file without cases.
 */
#ifndef LS_TEST_GOLDEN_H
#define LS_TEST_GOLDEN_H

#include "ls_test.h"

#include <stdlib.h>

#include <hdf5.h>

#include "base/options.h"
#include "formats/yaml.h"
#include "tensor/shape.h"

#define GOLDEN_FORMAT_VERSION 1
#define GOLDEN_ARRAYS_MAX 160 /* of a case */
#define GOLDEN_NAME_BYTES 200
#define GOLDEN_NAMES_MAX 256   /* of a group */
#define GOLDEN_TEXT_BYTES 4096 /* of a configuration */

typedef struct golden_array {
    char name[GOLDEN_NAME_BYTES];
    double *value; /* float32, float64 and int32 all fit exactly */
    size_t n, axes, dim[LS_AXES_MAX + 2];
    bool integer;
} golden_array;

/* A group of the file. Owns the arrays that were read, until the check returns. */
typedef struct golden_case {
    hid_t group;
    const char *name;
    golden_array array[GOLDEN_ARRAYS_MAX];
    size_t arrays;
    double atol, rtol; /* of golden_close: see "Tolerances" in README.md */
    bool partly;       /* set by a check that leaves arrays to another test */
} golden_case;

typedef struct golden_tolerance {
    double atol, rtol;
} golden_tolerance;

/* ---- one case ---- */

static inline bool golden_has(const golden_case *c, const char *name)
{
    return H5Lexists(c->group, name, H5P_DEFAULT) > 0;
}

static inline bool golden_has_attribute(const golden_case *c, const char *name)
{
    return H5Aexists(c->group, name) > 0;
}

/* A text attribute into out, which is returned. */
static inline const char *golden_text(const golden_case *c, const char *name, char *out, size_t out_bytes)
{
    const hid_t attribute = H5Aopen(c->group, name, H5P_DEFAULT), type = H5Aget_type(attribute);

    assert_true(H5Tget_class(type) == H5T_STRING && H5Tget_size(type) <= out_bytes);
    assert_true(H5Aread(attribute, type, out) >= 0);
    assert_int_equal(out[H5Tget_size(type) - 1], '\0');
    H5Tclose(type);
    H5Aclose(attribute);
    return out;
}

static inline int golden_int(hid_t object, const char *name)
{
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    int value = 0;

    assert_true(attribute >= 0 && H5Aread(attribute, H5T_NATIVE_INT, &value) >= 0);
    H5Aclose(attribute);
    return value;
}

/* An array of the case by its path in it ("weights/kernel"); it must be there. Lent. */
static inline const golden_array *golden_get(golden_case *c, const char *name)
{
    golden_array *a = &c->array[c->arrays];
    hsize_t dim[LS_AXES_MAX + 2];
    hid_t set, space, type;
    int axes;

    for (size_t i = 0; i < c->arrays; i++)
        if (strcmp(c->array[i].name, name) == 0)
            return &c->array[i];
    assert_true(c->arrays < count_of(c->array) && strlen(name) < sizeof a->name);
    if (!golden_has(c, name))
        print_error("'%s' has no array '%s'\n", c->name, name);
    set = H5Dopen2(c->group, name, H5P_DEFAULT);
    space = H5Dget_space(set);
    type = H5Dget_type(set);
    axes = H5Sget_simple_extent_dims(space, NULL, NULL);
    assert_true(set >= 0 && axes >= 0 && (size_t)axes <= count_of(dim));
    H5Sget_simple_extent_dims(space, dim, NULL);
    snprintf(a->name, sizeof a->name, "%s", name);
    a->axes = (size_t)axes;
    a->n = (size_t)H5Sget_simple_extent_npoints(space);
    a->integer = H5Tget_class(type) == H5T_INTEGER;
    for (size_t i = 0; i < a->axes; i++)
        a->dim[i] = (size_t)dim[i];
    a->value = calloc(a->n + 1, sizeof *a->value);
    assert_non_null(a->value);
    assert_true(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, a->value) >= 0);
    H5Tclose(type);
    H5Sclose(space);
    H5Dclose(set);
    c->arrays++;
    return a;
}

/* golden_get of a name made with snprintf: ("weights_%s/%s", …). */
static inline const golden_array *golden_getf(golden_case *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline const golden_array *golden_getf(golden_case *c, const char *format, ...)
{
    char name[GOLDEN_NAME_BYTES];
    va_list args;

    va_start(args, format);
    assert_true((size_t)vsnprintf(name, sizeof name, format, args) < sizeof name);
    va_end(args);
    return golden_get(c, name);
}

/* The values as float32, which is what inputs and weights are stored as. */
static inline void golden_floats(const golden_array *a, float *out)
{
    for (size_t i = 0; i < a->n; i++) {
        out[i] = (float)a->value[i];
        assert_true((double)out[i] == a->value[i]);
    }
}

/* The shape of one sample: all axes but the first. */
static inline ls_shape golden_sample_shape(const golden_array *a)
{
    ls_shape shape = {.axes = a->axes - 1};

    assert_true(a->axes > 0 && shape.axes <= LS_AXES_MAX);
    for (size_t i = 0; i < shape.axes; i++)
        shape.dim[i] = a->dim[i + 1];
    return shape;
}

/* Does the array have exactly this shape, without a batch axis? */
static inline bool golden_shape_is(const golden_array *a, const ls_shape *shape)
{
    bool same = a->axes == shape->axes;

    for (size_t i = 0; same && i < shape->axes; i++)
        same = a->dim[i] == shape->dim[i];
    return same;
}

/*
 * Values against those of the float64 run, NAME_f64; where Keras has none (its top-k metrics), against NAME. All n
 * values are expected and no more.
 */
static inline bool golden_close_doubles(golden_case *c, const char *name, const double *got, size_t n)
{
    char reference[GOLDEN_NAME_BYTES + 8];
    const golden_array *want;

    snprintf(reference, sizeof reference, "%s_f64", name);
    want = golden_get(c, golden_has(c, reference) ? reference : name);
    if (want->n != n) {
        print_error("'%s' %s: %zu values, want %zu\n", c->name, name, n, want->n);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (!close_to(got[i], want->value[i], c->atol, c->rtol)) {
            print_error("'%s' %s: element %zu of %zu\n", c->name, name, i, n);
            return false;
        }
    return true;
}

static inline bool golden_close(golden_case *c, const char *name, const float *got, size_t n)
{
    double *const values = calloc(n + 1, sizeof *values);
    bool good;

    assert_non_null(values);
    for (size_t i = 0; i < n; i++)
        values[i] = (double)got[i];
    good = golden_close_doubles(c, name, values, n);
    free(values);
    return good;
}

typedef struct golden_names {
    char name[GOLDEN_NAMES_MAX][GOLDEN_NAME_BYTES];
    size_t n;
} golden_names;

static inline herr_t golden_add_name(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    golden_names *names = context;
    const size_t length = strlen(name);

    (void)group;
    (void)info;
    if (length > 4 && strcmp(name + length - 4, "_f64") == 0)
        return 0;
    assert_true(names->n < count_of(names->name) && length < sizeof names->name[0]);
    memcpy(names->name[names->n++], name, length + 1);
    return 0;
}

/* What a group holds ("history" of a case), without the float64 twins. */
static inline void golden_list(hid_t place, const char *group, golden_names *out)
{
    *out = (golden_names){.n = 0};
    assert_true(H5Literate_by_name(place, group, H5_INDEX_NAME, H5_ITER_INC, NULL, golden_add_name, out, H5P_DEFAULT) >=
                0);
}

/* ---- the components that the cases of a file are about ---- */

typedef struct golden_coverage {
    const ls_ops *seen[128];
    size_t n;
} golden_coverage;

static inline void golden_note(golden_coverage *coverage, const ls_ops *ops)
{
    for (size_t i = 0; i < coverage->n; i++)
        if (coverage->seen[i] == ops)
            return;
    assert_true(coverage->n < count_of(coverage->seen));
    coverage->seen[coverage->n++] = ops;
}

/* Everything in the registry that Keras has too was met in some case. */
static inline bool golden_covers(const golden_coverage *coverage, const ls_registry *registry)
{
    bool all = true;

    for (const ls_ops *const *entry = registry->entries; *entry; entry++) {
        bool seen = !(*entry)->keras_name;

        for (size_t i = 0; i < coverage->n; i++)
            seen |= coverage->seen[i] == *entry;
        if (!seen)
            print_error("%s '%s' has no case\n", registry->what, (*entry)->name);
        all &= seen;
    }
    return all;
}

/* The `config` of a case as a tree (ls_config_free). */
static inline ls_config *golden_config(const golden_case *c)
{
    char text[GOLDEN_TEXT_BYTES];
    ls_config *tree = NULL;

    golden_text(c, "config", text, sizeof text);
    assert_true(ok(ls_yaml_parse(text, strlen(text), c->name, &tree)));
    return tree;
}

/* ---- all cases of a file ---- */

static inline bool golden_is_group(hid_t place, const char *name)
{
    const hid_t object = H5Oopen(place, name, H5P_DEFAULT);
    const bool is_group = H5Iget_type(object) == H5I_GROUP;

    assert_true(object >= 0);
    H5Oclose(object);
    return is_group;
}

/* For H5Lvisit: every array was read, or its float64 twin was. */
static inline herr_t golden_was_read(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    const golden_case *c = context;
    const size_t length = strlen(name);

    (void)info;
    if (golden_is_group(group, name))
        return 0;
    for (size_t i = 0; i < c->arrays; i++)
        if (strncmp(c->array[i].name, name, length) == 0 &&
            (c->array[i].name[length] == '\0' || strcmp(c->array[i].name + length, "_f64") == 0))
            return 0;
    print_error("'%s': nothing was compared with '%s'\n", c->name, name);
    return 1;
}

typedef bool (*golden_check)(golden_case *c, void *context);

/* False if something of the case is not as it should be. */
static inline bool golden_run(hid_t file, const char *name, golden_tolerance tolerance, golden_check check,
                              void *context)
{
    golden_case c = {.name = name, .atol = tolerance.atol, .rtol = tolerance.rtol};
    bool good;

    c.group = H5Gopen2(file, name, H5P_DEFAULT);
    assert_true(c.group >= 0);
    good = check(&c, context);
    if (good && !c.partly)
        good = H5Lvisit(c.group, H5_INDEX_NAME, H5_ITER_INC, golden_was_read, &c) == 0;
    if (!good)
        print_error("case '%s' failed\n", name);
    for (size_t i = 0; i < c.arrays; i++)
        free(c.array[i].value);
    H5Gclose(c.group);
    return good;
}

/* The file, which must have the format this reader knows. */
static inline hid_t golden_open(const char *file)
{
    char path[1024];
    hid_t id;

    assert_true((size_t)snprintf(path, sizeof path, "%s/tests/golden/%s", LS_SOURCE_DIR, file) < sizeof path);
    id = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(id >= 0);
    assert_int_equal(golden_int(id, "format_version"), GOLDEN_FORMAT_VERSION);
    return id;
}

/* Every case of the file, also after one that failed; false if one did or if there was none. */
static inline bool golden_each(const char *file, golden_tolerance tolerance, golden_check check, void *context)
{
    golden_names *const names = malloc(sizeof *names);
    const hid_t id = golden_open(file);
    size_t cases = 0;
    bool good = true;

    assert_non_null(names);
    golden_list(id, "/", names);
    for (size_t i = 0; i < names->n; i++)
        if (golden_is_group(id, names->name[i])) { /* else what all cases of the file have in common */
            good &= golden_run(id, names->name[i], tolerance, check, context);
            cases++;
        }
    if (cases == 0)
        print_error("%s holds no case\n", file);
    free(names);
    H5Fclose(id);
    return good && cases > 0;
}

#endif
