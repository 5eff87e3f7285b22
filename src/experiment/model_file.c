#include "experiment/model_file.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "formats/keras_file.h"
#include "formats/keras_model.h"
#include "formats/keras_weights.h"
#include "formats/yaml.h"
#include "h5/lock.h"
#include "h5/file.h"
#include "nn/outputs.h"

/* ---- files of lockstep ---- */

static ls_status check_format(hid_t file, const char *path)
{
    int64_t format;

    if (!ls_h5_has(file, LS_MODEL_FILE_GROUP))
        return ls_fail(LS_ERR_FORMAT, "'%s' is no lockstep model: it has no group %s", path, LS_MODEL_FILE_GROUP);
    LS_TRY(ls_h5_get_int(file, LS_MODEL_FILE_GROUP, "format", &format));
    if (format != LS_MODEL_FILE_FORMAT)
        return ls_fail(LS_ERR_FORMAT, "'%s' has format %" PRId64 ", but this lockstep reads format %d", path, format,
                       LS_MODEL_FILE_FORMAT);
    return LS_OK;
}

ls_status ls_model_file_open(const char *path, hid_t *file)
{
    ls_status st;

    LS_TRY(ls_h5_open_read(path, file));
    if ((st = check_format(*file, path)) != LS_OK)
        ls_h5_close(*file);
    return st;
}

static ls_status own_experiment(hid_t file, const char *path, ls_config **out)
{
    char *text;
    ls_status st;

    LS_TRY(check_format(file, path));
    LS_TRY(ls_h5_get_text(file, LS_MODEL_FILE_GROUP, "experiment", &text));
    st = ls_yaml_parse(text, strlen(text), path, out);
    ls_free(text);
    return st;
}

/* ---- files of Keras ---- */

/* A model takes its losses and metrics only when it is used, which would be too late. */
static ls_status check_outputs(const ls_config *compile, const ls_model *model)
{
    ls_output_spec *outputs = NULL;
    const ls_status st = ls_outputs_read(compile, model, &outputs);

    ls_outputs_free(outputs, model->outputs);
    return st;
}

static ls_status put_compile(const ls_keras_json *json, ls_config *root, const char *path, ls_keras_refused *refused)
{
    ls_config *draft = ls_config_create(LS_CONFIG_MAP, path);
    ls_model *model = NULL;
    ls_status st;

    if (!draft)
        return LS_ERR_MEMORY;
    LS_TRY_CLEANUP(ls_model_create(ls_config_get(root, "model"), NULL, NULL, &model));
    st = ls_keras_put_compile(json->model, json->training, model, draft, refused);
    if (st == LS_OK)
        st = check_outputs(ls_config_get(draft, "compile"), model);
    if (st == LS_OK)
        st = ls_config_put(root, "compile", ls_config_get(draft, "compile"));
    else if (st != LS_ERR_MEMORY)
        st = (refused->loss = ls_strdup(ls_error_message())) ? LS_OK : LS_ERR_MEMORY;
cleanup:
    ls_model_free(model);
    ls_config_free(draft);
    return st;
}

static ls_status keras_experiment(const char *path, ls_config **out, ls_keras_refused *refused)
{
    ls_config *root = NULL;
    ls_keras_json json;
    ls_status st;

    LS_TRY(ls_keras_json_read(path, &json));
    if (!json.model) {
        st = ls_fail(LS_ERR_FORMAT,
                     "'%s' is no lockstep model, nor one of Keras: it does not say what its layers are (a "
                     "file with weights only can serve as initial_weights)",
                     path);
        goto cleanup;
    }
    if (!(root = ls_config_create(LS_CONFIG_MAP, path)) || !ls_config_add(root, "data", LS_CONFIG_MAP, NULL)) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(ls_keras_put_model(json.model, root));
    if (!ls_config_is_null(json.training))
        LS_TRY_CLEANUP(put_compile(&json, root, path, refused));
    *out = root;
    root = NULL;
cleanup:
    ls_config_free(root);
    ls_keras_json_reset(&json);
    return st;
}

ls_status ls_model_file_experiment(const char *path, ls_config **out, ls_keras_refused *refused)
{
    hid_t file;
    ls_status st;
    bool own;

    *out = NULL;
    *refused = (ls_keras_refused){0};
    if (ls_keras_file_kind(path) == LS_FILE_ZIP)
        return keras_experiment(path, out, refused);
    LS_TRY(ls_h5_open_read(path, &file));
    own = ls_h5_has(file, LS_MODEL_FILE_GROUP);
    st = own ? own_experiment(file, path, out) : LS_OK;
    ls_h5_close(file);
    return own || st != LS_OK ? st : keras_experiment(path, out, refused);
}

/* ---- weights ---- */

ls_status ls_model_file_check_fingerprint(hid_t file, const char *path, const ls_model *model)
{
    char *want, fingerprint[33];
    ls_status st = LS_OK;

    LS_TRY(ls_h5_get_text(file, LS_MODEL_FILE_GROUP, "fingerprint", &want));
    ls_model_fingerprint(model, fingerprint);
    if (strcmp(want, fingerprint) != 0)
        st = ls_fail(LS_ERR_FORMAT, "'%s' is damaged: its weights have the fingerprint %s, not %s", path, fingerprint,
                     want);
    ls_free(want);
    return st;
}

ls_status ls_model_file_weights(const char *path, ls_model *model)
{
    hid_t file = H5I_INVALID_HID;
    ls_h5_lock lock;
    ls_status st;

    ls_h5_lock_take(&lock);
    st = ls_keras_open(path, &file);
    if (st == LS_OK)
        st = ls_keras_read_weights(file, path, model);
    if (st == LS_OK && ls_h5_has(file, LS_MODEL_FILE_GROUP)) /* Keras's own files have no fingerprint */
        st = ls_model_file_check_fingerprint(file, path, model);
    ls_h5_close(file);
    ls_h5_lock_release(&lock);
    return st;
}

ls_status ls_model_file_optimizer(const char *path, const ls_model *model, const ls_optimizer *optimizer,
                                  ls_optimizer_room *state)
{
    const char *keras_class = NULL;
    hid_t file = H5I_INVALID_HID;
    ls_keras_json json = {0};
    ls_h5_lock lock;
    ls_status st;

    ls_h5_lock_take(&lock);
    st = ls_keras_file_kind(path) == LS_FILE_ZIP ? ls_keras_json_read(path, &json) : LS_OK;
    if (st == LS_OK && json.training) {
        const ls_config *own = ls_config_get(json.training, "optimizer");
        const ls_config *name = own ? ls_config_get(own, "class_name") : NULL;

        keras_class = name && name->kind == LS_CONFIG_SCALAR ? name->text : NULL;
    }
    if (st == LS_OK)
        st = ls_keras_open(path, &file);
    if (st == LS_OK)
        st = ls_keras_read_optimizer(file, path, keras_class, model, optimizer, state);
    ls_h5_close(file);
    ls_h5_lock_release(&lock);
    ls_keras_json_reset(&json);
    return st;
}
