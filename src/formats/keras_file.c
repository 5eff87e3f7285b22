#include "formats/keras_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/zip.h"
#include "formats/json.h"
#include "h5/file.h"

#define WEIGHTS "model.weights.h5"
#define JSON_BYTES_MAX ((size_t)64 << 20)    /* what a large model takes is 1 MB */
#define WEIGHTS_BYTES_MAX ((size_t)16 << 30) /* they are held in memory */

ls_file_kind ls_keras_file_kind(const char *path)
{
    static const char hdf5[] = "\211HDF\r\n\032\n";
    char begin[sizeof hdf5 - 1] = {0};
    ls_file_kind kind = LS_FILE_OTHER;
    struct stat info;
    FILE *file;

    if (stat(path, &info) || !S_ISREG(info.st_mode) || !(file = fopen(path, "rb")))
        return kind;
    if (fread(begin, 1, sizeof begin, file) == sizeof begin && memcmp(begin, hdf5, sizeof begin) == 0)
        kind = LS_FILE_HDF5;
    else if (begin[0] == 'P' && begin[1] == 'K')
        kind = LS_FILE_ZIP;
    fclose(file);
    return kind;
}

ls_status ls_keras_open(const char *path, hid_t *file)
{
    ls_zip *zip = NULL;
    void *bytes = NULL;
    ls_text name = {0};
    size_t n;
    ls_status st;

    *file = H5I_INVALID_HID;
    if (ls_keras_file_kind(path) != LS_FILE_ZIP)
        return ls_h5_open_read(path, file);
    ls_text_add(&name, "%s/%s", path, WEIGHTS);
    LS_TRY_CLEANUP(name.status);
    LS_TRY_CLEANUP(ls_zip_open(path, &zip));
    LS_TRY_CLEANUP(ls_zip_read(zip, WEIGHTS, WEIGHTS_BYTES_MAX, &bytes, &n));
    st = ls_h5_open_image(bytes, n, name.data, file);
cleanup:
    ls_text_reset(&name);
    ls_zip_close(zip);
    ls_free(bytes);
    return st;
}

/* ---- JSON ---- */

void ls_keras_json_reset(ls_keras_json *json)
{
    ls_config_free(json->model);
    ls_config_free(json->training);
    ls_free(json->version);
    *json = (ls_keras_json){0};
}

static ls_status read_attribute(hid_t file, const char *path, const char *name, ls_config **out)
{
    char *text;
    ls_status st;

    if (!ls_h5_has_attribute(file, "/", name))
        return LS_OK;
    LS_TRY(ls_h5_get_text(file, "/", name, &text));
    st = ls_json_parse(text, strlen(text), path, out);
    ls_free(text);
    return st;
}

static ls_status read_attributes(const char *path, ls_keras_json *out)
{
    hid_t file;
    ls_status st;

    LS_TRY(ls_h5_open_read(path, &file));
    LS_TRY_CLEANUP(read_attribute(file, path, "model_config", &out->model));
    LS_TRY_CLEANUP(read_attribute(file, path, "training_config", &out->training));
    if (ls_h5_has_attribute(file, "/", "keras_version"))
        st = ls_h5_get_text(file, "/", "keras_version", &out->version);
cleanup:
    ls_h5_close(file);
    return st;
}

static ls_status read_member(ls_zip *zip, const char *path, const char *member, ls_config **out)
{
    void *text;
    size_t n;
    ls_status st;

    LS_TRY(ls_zip_read(zip, member, JSON_BYTES_MAX, &text, &n));
    st = ls_json_parse(text, n, path, out);
    ls_free(text);
    return st;
}

static ls_status read_archive(const char *path, ls_keras_json *out)
{
    ls_config *metadata = NULL;
    const ls_config *part;
    ls_zip *zip;
    ls_status st;

    LS_TRY(ls_zip_open(path, &zip));
    LS_TRY_CLEANUP(read_member(zip, path, "config.json", &out->model));
    LS_TRY_CLEANUP(read_member(zip, path, "metadata.json", &metadata));
    part = ls_config_get(metadata, "keras_version");
    if (part && part->text && !(out->version = ls_strdup(part->text))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    part = ls_config_get(out->model, "compile_config");
    if (!ls_config_is_null(part) && !(out->training = ls_config_copy(part)))
        st = LS_ERR_MEMORY;
cleanup:
    ls_config_free(metadata);
    ls_zip_close(zip);
    return st;
}

ls_status ls_keras_json_read(const char *path, ls_keras_json *out)
{
    ls_status st;

    *out = (ls_keras_json){0};
    st = ls_keras_file_kind(path) == LS_FILE_ZIP ? read_archive(path, out) : read_attributes(path, out);
    if (st != LS_OK)
        ls_keras_json_reset(out);
    return st;
}
