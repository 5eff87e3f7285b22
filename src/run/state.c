#include "run/state.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "h5/file.h"
#include "nn/model.h"

uint64_t ls_state_item(const char *path, const void *data, size_t bytes)
{
    return XXH3_64bits_withSeed(data, bytes, XXH3_64bits(path, strlen(path)));
}

ls_status ls_state_array(ls_state *t, const char *path, hid_t type, size_t element_bytes, size_t rank,
                         const size_t *dim, void *data)
{
    size_t n = 1;

    for (size_t i = 0; i < rank; i++)
        n *= dim[i];
    if (t->writing)
        LS_TRY(ls_h5_put_array(t->file, path, type, rank, dim, data));
    else
        LS_TRY(ls_h5_get_array(t->file, path, type, rank, dim, data));
    t->checksum += ls_state_item(path, data, n * element_bytes);
    return LS_OK;
}

static ls_status add_attribute(ls_state *t, const char *group, const char *name, const void *value, size_t bytes)
{
    ls_text path = {0};
    ls_status st;

    ls_text_add(&path, "%s@%s", group, name);
    if ((st = path.status) == LS_OK)
        t->checksum += ls_state_item(path.data, value, bytes);
    ls_text_reset(&path);
    return st;
}

ls_status ls_state_group_uint(ls_state *t, const char *group, const char *name, uint64_t *value)
{
    LS_TRY(t->writing ? ls_h5_put_uint(t->file, group, name, *value) : ls_h5_get_uint(t->file, group, name, value));
    return add_attribute(t, group, name, value, sizeof *value);
}

ls_status ls_state_group_float(ls_state *t, const char *group, const char *name, float *value)
{
    double wide = (double)*value;

    LS_TRY(t->writing ? ls_h5_put_double(t->file, group, name, wide) : ls_h5_get_double(t->file, group, name, &wide));
    *value = (float)wide;
    return add_attribute(t, group, name, &wide, sizeof wide);
}

/* ---- what callbacks keep ---- */

ls_status ls_state_uint(ls_state *t, const char *name, uint64_t *value)
{
    return ls_state_group_uint(t, t->group, name, value);
}

ls_status ls_state_flag(ls_state *t, const char *name, bool *value)
{
    uint64_t number = *value;

    LS_TRY(ls_state_group_uint(t, t->group, name, &number));
    *value = number != 0;
    return LS_OK;
}

ls_status ls_state_float(ls_state *t, const char *name, float *value)
{
    return ls_state_group_float(t, t->group, name, value);
}

ls_status ls_state_bytes(ls_state *t, const char *name, ls_text *text)
{
    size_t dim[LS_H5_AXES_MAX] = {text->length}, rank;
    ls_text path = {0};
    char *bytes = NULL;
    ls_status st;

    ls_text_add(&path, "%s/%s", t->group, name);
    LS_TRY_CLEANUP(path.status);
    if (t->writing) {
        st = ls_state_array(t, path.data, H5T_NATIVE_UINT8, 1, 1, dim, text->data);
        goto cleanup;
    }
    LS_TRY_CLEANUP(ls_h5_get_shape(t->file, path.data, &rank, dim));
    if (rank != 1) {
        st = ls_fail(LS_ERR_FORMAT, "'%s' is no list of bytes", path.data);
        goto cleanup;
    }
    if (!(bytes = ls_calloc(dim[0], 1, "the state of a callback"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(ls_state_array(t, path.data, H5T_NATIVE_UINT8, 1, 1, dim, bytes));
    ls_text_reset(text);
    ls_text_add_bytes(text, bytes, dim[0]);
    st = text->status;
cleanup:
    ls_text_reset(&path);
    ls_free(bytes);
    return st;
}

ls_status ls_state_text(ls_state *t, const char *name, char *text, size_t capacity)
{
    ls_text all = {0};
    ls_status st = LS_OK;

    if (t->writing)
        ls_text_add(&all, "%s", text);
    LS_TRY_CLEANUP(all.status);
    LS_TRY_CLEANUP(ls_state_bytes(t, name, &all));
    if (all.length >= capacity)
        st = ls_fail(LS_ERR_FORMAT, "'%s/%s' is a text of %zu bytes, but there is room for %zu", t->group, name,
                     all.length, capacity);
    else if (!t->writing)
        memcpy(text, all.data ? all.data : "", all.length + 1);
cleanup:
    ls_text_reset(&all);
    return st;
}

ls_status ls_state_weights(ls_state *t, const char *name, float *weights)
{
    for (size_t p = 0; p < t->model->params; p++) {
        const ls_param *param = t->model->param[p];
        char param_name[LS_PARAM_NAME_BYTES];
        ls_text path = {0};
        ls_status st;

        ls_text_add(&path, "%s/%s/%s", t->group, name, ls_model_param_name(t->model, param, param_name));
        st = path.status;
        if (st == LS_OK)
            st = ls_state_array(t, path.data, H5T_NATIVE_FLOAT, sizeof *weights, param->shape.axes, param->shape.dim,
                                weights + param->offset);
        ls_text_reset(&path);
        LS_TRY(st);
    }
    return LS_OK;
}
