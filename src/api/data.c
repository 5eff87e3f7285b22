#include "api/data.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "h5/file.h"

static void free_specs(ls_array_spec *spec, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ls_free((ls_buffer *)(uintptr_t)spec[i].memory); /* made below, and lent to the library as const */
    ls_array_specs_free(spec, n);
}

void ls_data_free(ls_data *data)
{
    if (!data)
        return;
    free_specs(data->spec.x, data->spec.xs);
    free_specs(data->spec.y, data->spec.ys);
    free_specs(data->spec.sample_weight, data->spec.weights);
    ls_free(data->spec.name);
    ls_free(data);
}

ls_status ls_data_create(const char *name, ls_data **out)
{
    ls_data *data;

    if (!out)
        return ls_fail(LS_ERR_ARG, "ls_data_create: out is NULL");
    *out = NULL;
    if (!name || !*name)
        return ls_fail(LS_ERR_ARG, "ls_data_create: the data need a name, like \"train\"");
    if (!(data = ls_calloc(1, sizeof *data, "the data")))
        return LS_ERR_MEMORY;
    if (!(data->spec.name = ls_strdup(name))) {
        ls_data_free(data);
        return LS_ERR_MEMORY;
    }
    *out = data;
    return LS_OK;
}

/* The list of a role, and its length. */
static ls_array_spec **list_of(ls_data *data, ls_role role, size_t **n)
{
    ls_split_spec *spec = &data->spec;

    *n = role == LS_INPUT ? &spec->xs : role == LS_TARGET ? &spec->ys : &spec->weights;
    return role == LS_INPUT ? &spec->x : role == LS_TARGET ? &spec->y : &spec->sample_weight;
}

static const char *const role_names[] = {
    [LS_INPUT] = "input", [LS_TARGET] = "target", [LS_SAMPLE_WEIGHT] = "sample weights"};

static ls_status check_role(const ls_data *data, ls_role role, const char *name)
{
    if (!data)
        return ls_fail(LS_ERR_ARG, "ls_data_add: data is NULL");
    if ((unsigned)role > LS_SAMPLE_WEIGHT)
        return ls_fail(LS_ERR_ARG, "%s: %d is no role of an array", data->spec.name, (int)role);
    if (role == LS_SAMPLE_WEIGHT && data->spec.weights && !(name && data->spec.sample_weight[0].name))
        return ls_fail(LS_ERR_ARG, "%s has sample weights already", data->spec.name);
    return LS_OK;
}

/* Takes nothing: on failure the data are as before. */
static ls_status append(ls_data *data, ls_role role, const char *name, const ls_array_spec *from)
{
    size_t *n;
    ls_array_spec **list = list_of(data, role, &n);
    ls_array_spec *grown = ls_realloc(*list, *n + 1, sizeof *grown, "the data");
    ls_array_spec spec = *from;

    if (!grown)
        return LS_ERR_MEMORY;
    *list = grown;
    spec.name = name ? ls_strdup(name) : NULL;
    spec.path = ls_strdup(from->path);
    spec.file = from->file ? ls_strdup(from->file) : NULL;
    if (!spec.path || (from->file && !spec.file) || (name && !spec.name)) {
        ls_free(spec.name);
        ls_free(spec.path);
        ls_free(spec.file);
        return LS_ERR_MEMORY;
    }
    spec.at = NULL; /* the data may outlive the experiment they come from */
    grown[(*n)++] = spec;
    data->last = role;
    data->any = true;
    return LS_OK;
}

static ls_status set_memory(const char *label, ls_type type, uint64_t samples, size_t axes, const size_t *dim,
                            const void *values, ls_buffer *out)
{
    if (!ls_type_name(type))
        return ls_fail(LS_ERR_ARG, "%s: %d is no type of values", label, (int)type);
    if (!values)
        return ls_fail(LS_ERR_ARG, "%s: values is NULL", label);
    if (!samples)
        return ls_fail(LS_ERR_ARG, "%s holds no sample", label);
    if (axes > LS_AXES_MAX || (axes && !dim))
        return ls_fail(LS_ERR_ARG, "%s: a sample has 0 to %d axes and a length for each, not %zu", label, LS_AXES_MAX,
                       axes);
    *out = (ls_buffer){.type = type, .samples = samples, .shape.axes = axes, .values = values};
    if (axes)
        memcpy(out->shape.dim, dim, axes * sizeof *dim);
    return ls_shape_check(&out->shape, label);
}

ls_status ls_data_add(ls_data *data, ls_role role, const char *name, ls_type type, uint64_t samples, size_t axes,
                      const size_t *dim, const void *values)
{
    ls_buffer *memory = NULL;
    ls_text label = {0};
    ls_status st;

    LS_TRY(check_role(data, role, name));
    ls_text_add(&label, "%s: %s%s%s%s", data->spec.name, role_names[role], name ? " '" : "", name ? name : "",
                name ? "'" : "");
    LS_TRY_CLEANUP(label.status);
    if (!(memory = ls_calloc(1, sizeof *memory, "the data"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(set_memory(label.data, type, samples, axes, dim, values, memory));
    LS_TRY_CLEANUP(
        append(data, role, name, &(ls_array_spec){.path = label.data, .memory = memory, .scale = NAN, .offset = NAN}));
    memory = NULL;
cleanup:
    ls_free(memory);
    ls_text_reset(&label);
    return st;
}

ls_status ls_data_add_file(ls_data *data, ls_role role, const char *name, const char *file, const char *path)
{
    LS_TRY(check_role(data, role, name));
    if (!file || !path)
        return ls_fail(LS_ERR_ARG, "%s: a %s in a file needs the file and a path inside it", data->spec.name,
                       role_names[role]);
    /* append copies the texts. */
    return append(data, role, name,
                  &(ls_array_spec){
                      .file = (char *)(uintptr_t)file, .path = (char *)(uintptr_t)path, .scale = NAN, .offset = NAN});
}

/* The array added last. */
static ls_status last_array(ls_data *data, const char *what, ls_array_spec **out)
{
    size_t *n;

    if (!data || !data->any)
        return ls_fail(LS_ERR_ARG, "%s: there is no array yet to be changed", what);
    *out = *list_of(data, data->last, &n);
    *out += *n - 1;
    return LS_OK;
}

ls_status ls_data_scale(ls_data *data, double scale, double offset)
{
    ls_array_spec *last = NULL;

    LS_TRY(last_array(data, "ls_data_scale", &last));
    if (!isfinite(scale) || !isfinite(offset))
        return ls_fail(LS_ERR_ARG, "%s: scale %g and offset %g must be finite", data->spec.name, scale, offset);
    last->scale = scale;
    last->offset = offset;
    return LS_OK;
}

ls_status ls_data_one_hot(ls_data *data, int64_t classes)
{
    ls_array_spec *last = NULL;

    LS_TRY(last_array(data, "ls_data_one_hot", &last));
    if (classes < 2)
        return ls_fail(LS_ERR_ARG, "%s: one_hot needs at least 2 classes, not %lld", data->spec.name,
                       (long long)classes);
    last->one_hot = classes;
    return LS_OK;
}

ls_status ls_data_rows(ls_data *data, uint64_t begin, uint64_t end)
{
    if (!data)
        return ls_fail(LS_ERR_ARG, "ls_data_rows: data is NULL");
    if (begin >= end)
        return ls_fail(LS_ERR_ARG, "%s: rows [%llu, %llu) holds no sample", data->spec.name, (unsigned long long)begin,
                       (unsigned long long)end);
    data->spec.has_rows = true;
    data->spec.rows[0] = begin;
    data->spec.rows[1] = end;
    return LS_OK;
}

/* How many of `all` samples the data take. */
static ls_status taken(const ls_data *data, uint64_t all, uint64_t *out)
{
    const uint64_t *rows = data->spec.rows;

    if (data->spec.has_rows && rows[1] > all)
        return ls_fail(LS_ERR_ARG, "%s: rows [%llu, %llu) cannot be taken: it has %llu samples", data->spec.name,
                       (unsigned long long)rows[0], (unsigned long long)rows[1], (unsigned long long)all);
    *out = data->spec.has_rows ? rows[1] - rows[0] : all;
    return LS_OK;
}

ls_status ls_data_samples(const ls_data *data, uint64_t *out)
{
    const ls_array_spec *x;
    size_t rank, dim[LS_H5_AXES_MAX];
    hid_t file;
    ls_status st;

    if (!data || !out)
        return ls_fail(LS_ERR_ARG, "ls_data_samples: %s is NULL", data ? "out" : "data");
    if (!data->spec.xs)
        return ls_fail(LS_ERR_ARG, "%s has no input: there are no samples to count", data->spec.name);
    x = &data->spec.x[0];
    if (x->memory)
        return taken(data, x->memory->samples, out);
    LS_TRY(ls_h5_open_read(x->file, &file));
    st = ls_h5_get_shape(file, x->path, &rank, dim);
    ls_h5_close(file);
    LS_TRY(st);
    if (!rank)
        return ls_fail(LS_ERR_FORMAT, "'%s' in '%s' has no axis of samples", x->path, x->file);
    return taken(data, dim[0], out);
}

static ls_status copy_arrays(ls_data *data, ls_role role, const ls_array_spec *spec, size_t n)
{
    for (size_t i = 0; i < n; i++)
        LS_TRY(append(data, role, spec[i].name, &spec[i]));
    return LS_OK;
}

ls_status ls_data_copy(const ls_split_spec *spec, ls_data **out)
{
    ls_data *data;
    ls_status st;

    LS_TRY(ls_data_create(spec->name, out));
    data = *out;
    data->spec.has_rows = spec->has_rows;
    memcpy(data->spec.rows, spec->rows, sizeof spec->rows);
    st = copy_arrays(data, LS_INPUT, spec->x, spec->xs);
    if (st == LS_OK)
        st = copy_arrays(data, LS_TARGET, spec->y, spec->ys);
    if (st == LS_OK)
        st = copy_arrays(data, LS_SAMPLE_WEIGHT, spec->sample_weight, spec->weights);
    if (st != LS_OK) {
        ls_data_free(data);
        *out = NULL;
    }
    return st;
}
