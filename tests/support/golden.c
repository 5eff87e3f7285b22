#include "golden.h"
#include "source_dir.h"

bool golden_has(const golden_case *c, const char *name)
{
    return H5Lexists(c->group, name, H5P_DEFAULT) > 0;
}

bool golden_has_attribute(const golden_case *c, const char *name)
{
    return H5Aexists(c->group, name) > 0;
}

const char *golden_text(const golden_case *c, const char *name, char *out, size_t out_bytes)
{
    const hid_t attribute = H5Aopen(c->group, name, H5P_DEFAULT), type = H5Aget_type(attribute);

    assert_true(H5Tget_class(type) == H5T_STRING && H5Tget_size(type) <= out_bytes);
    assert_true(H5Aread(attribute, type, out) >= 0);
    assert_int_equal(out[H5Tget_size(type) - 1], '\0');
    H5Tclose(type);
    H5Aclose(attribute);
    return out;
}

int golden_int(hid_t object, const char *name)
{
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    int value = 0;

    assert_true(attribute >= 0 && H5Aread(attribute, H5T_NATIVE_INT, &value) >= 0);
    H5Aclose(attribute);
    return value;
}

const golden_array *golden_get(golden_case *c, const char *name)
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

const golden_array *golden_getf(golden_case *c, const char *format, ...)
{
    char name[GOLDEN_NAME_BYTES];
    va_list args;

    va_start(args, format);
    assert_true((size_t)vsnprintf(name, sizeof name, format, args) < sizeof name);
    va_end(args);
    return golden_get(c, name);
}

void golden_floats(const golden_array *a, float *out)
{
    for (size_t i = 0; i < a->n; i++) {
        out[i] = (float)a->value[i];
        assert_true((double)out[i] == a->value[i]);
    }
}

ls_shape golden_sample_shape(const golden_array *a)
{
    ls_shape shape = {.axes = a->axes - 1};

    assert_true(a->axes > 0 && shape.axes <= LS_AXES_MAX);
    for (size_t i = 0; i < shape.axes; i++)
        shape.dim[i] = a->dim[i + 1];
    return shape;
}

bool golden_shape_is(const golden_array *a, const ls_shape *shape)
{
    bool same = a->axes == shape->axes;

    for (size_t i = 0; same && i < shape->axes; i++)
        same = a->dim[i] == shape->dim[i];
    return same;
}

bool golden_close_doubles(golden_case *c, const char *name, const double *got, size_t n)
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

bool golden_close(golden_case *c, const char *name, const float *got, size_t n)
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

static herr_t golden_add_name(hid_t group, const char *name, const H5L_info_t *info, void *context)
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

void golden_list(hid_t place, const char *group, golden_names *out)
{
    *out = (golden_names){.n = 0};
    assert_true(H5Literate_by_name(place, group, H5_INDEX_NAME, H5_ITER_INC, NULL, golden_add_name, out, H5P_DEFAULT) >=
                0);
}

void golden_note(golden_coverage *coverage, const ls_ops *ops)
{
    for (size_t i = 0; i < coverage->n; i++)
        if (coverage->seen[i] == ops)
            return;
    assert_true(coverage->n < count_of(coverage->seen));
    coverage->seen[coverage->n++] = ops;
}

bool golden_covers(const golden_coverage *coverage, const ls_registry *registry)
{
    bool all = true;

    for (const ls_ops *const *entry = registry->entries; *entry; entry++) {
        bool seen = !(*entry)->keras_name;

        for (size_t i = 0; i < coverage->n; i++)
            seen |= coverage->seen[i] == *entry;
        if (!seen)
            print_error("%s '%s' has no case here: src/README.md, \"To add\", says which it needs\n", registry->what,
                        (*entry)->name);
        all &= seen;
    }
    return all;
}

ls_config *golden_config(const golden_case *c)
{
    char text[GOLDEN_TEXT_BYTES];
    ls_config *tree = NULL;

    golden_text(c, "config", text, sizeof text);
    assert_true(ok(ls_yaml_parse(text, strlen(text), c->name, &tree)));
    return tree;
}

bool golden_is_group(hid_t place, const char *name)
{
    const hid_t object = H5Oopen(place, name, H5P_DEFAULT);
    const bool is_group = H5Iget_type(object) == H5I_GROUP;

    assert_true(object >= 0);
    H5Oclose(object);
    return is_group;
}

/* For H5Lvisit: every array was read, or its float64 twin was. */
static herr_t golden_was_read(hid_t group, const char *name, const H5L_info_t *info, void *context)
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

/* False if something of the case is not as it should be. */
static bool golden_run(hid_t file, const char *name, golden_tolerance tolerance, golden_check check, void *context)
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

hid_t golden_open(const char *file)
{
    char path[1024];
    hid_t id;

    assert_true((size_t)snprintf(path, sizeof path, "%s/tests/golden/%s", source_dir, file) < sizeof path);
    id = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(id >= 0);
    assert_int_equal(golden_int(id, "format_version"), GOLDEN_FORMAT_VERSION);
    return id;
}

bool golden_each(const char *file, golden_tolerance tolerance, golden_check check, void *context)
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
