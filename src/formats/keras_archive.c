#include "formats/keras_archive.h"

#include <string.h>

#include "base/memory.h"
#include "base/zip.h"
#include "formats/json.h"
#include "formats/keras_config.h"
#include "formats/keras_weights.h"
#include "h5/file.h"

/* ---- names ---- */

bool ls_keras_names_archive(const char *path)
{
    return ls_ends_with(path, ".keras");
}

bool ls_keras_names_weights(const char *path)
{
    return ls_ends_with(path, ".weights.h5");
}

ls_status ls_keras_check_path(const char *path)
{
    if (ls_keras_names_archive(path) || ls_ends_with(path, ".h5"))
        return LS_OK;
    return ls_fail(
        LS_ERR_USAGE,
        "cannot tell what '%s' is to be: its name must end in .keras (archive), .weights.h5 (weights and the "
        "optimizer's state) or .h5 (legacy model file)",
        path);
}

/* ---- writing ---- */

/*
 * Keras writes the time of saving, and reads it never. A time would make two archives of one model differ: here it is
 * the day that zip archives count from, which is also the date of the members.
 */
static const char metadata[] = "{\"keras_version\": \"" LS_KERAS_VERSION "\", \"date_saved\": \"1980-01-01@00:00:00\"}";

static ls_status make_config(const ls_model *model, const ls_compile_info *compile, ls_text *out)
{
    json_t *config = ls_keras_model_config(LS_KERAS_ARCHIVE, model);
    ls_status st;

    if (ls_keras_can_compile(compile) &&
        json_object_set_new(config, "compile_config", ls_keras_training_config(LS_KERAS_ARCHIVE, model, compile))) {
        json_decref(config);
        config = NULL;
    }
    st = ls_json_write(config, out);
    json_decref(config);
    return st;
}

static ls_status save_archive(const char *path, const ls_model *model, const ls_compile_info *compile)
{
    hid_t file = H5I_INVALID_HID;
    ls_text config = {0};
    void *weights = NULL;
    size_t bytes;
    ls_status st;

    LS_TRY_CLEANUP(make_config(model, compile, &config));
    LS_TRY_CLEANUP(ls_h5_image_create(&file));
    LS_TRY_CLEANUP(ls_keras_write_weights(file, model, compile));
    LS_TRY_CLEANUP(ls_h5_image_bytes(file, &weights, &bytes));
    {
        const ls_zip_member members[] = {
            {"metadata.json", metadata, sizeof metadata - 1},
            {"config.json", config.data, config.length},
            {"model.weights.h5", weights, bytes},
        };

        st = ls_zip_save(path, members, sizeof members / sizeof members[0]);
    }
cleanup:
    ls_h5_close(file);
    ls_text_reset(&config);
    ls_free(weights);
    return st;
}

static ls_status save_h5(const char *path, const ls_model *model, const ls_compile_info *compile)
{
    hid_t file = H5I_INVALID_HID;
    ls_status st;

    LS_TRY_CLEANUP(ls_h5_image_create(&file));
    LS_TRY_CLEANUP(ls_keras_names_weights(path) ? ls_keras_write_weights(file, model, compile)
                                                : ls_keras_write(file, model, compile));
    st = ls_h5_image_save(file, path);
cleanup:
    ls_h5_close(file);
    return st;
}

ls_status ls_keras_save(const char *path, const ls_model *model, const ls_compile_info *compile)
{
    LS_TRY(ls_keras_check_path(path));
    if (!ls_keras_names_weights(path))
        LS_TRY(ls_keras_check_model(model));
    return ls_keras_names_archive(path) ? save_archive(path, model, compile) : save_h5(path, model, compile);
}
