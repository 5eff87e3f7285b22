#include "formats/keras_weights.h"

#include <ctype.h>
#include <string.h>

#include "formats/h5_file.h"

/* Keras's to_snake_case: "Conv2D" is conv2d, "BatchNormalization" batch_normalization, "LeakyReLU" leaky_re_lu. */
static void add_snake_case(const char *name, ls_text *out)
{
    for (size_t i = 0; name[i]; i++) {
        const unsigned char c = (unsigned char)name[i];

        if (i && isupper(c) && (islower((unsigned char)name[i + 1]) || islower((unsigned char)name[i - 1])))
            ls_text_add(out, "_");
        ls_text_add(out, "%c", tolower(c));
    }
}

/* A Sequential model does not count its input among its layers. */
static bool is_listed(const ls_model *model, const ls_layer *layer)
{
    return !model->sequential || layer->ops != &ls_input_layer;
}

static ls_status put_layer(hid_t file, const ls_model *model, size_t index)
{
    const ls_layer *layer = model->layer[index];
    const ls_ops *ops = &layer->ops->ops;
    ls_text path = {0};
    size_t same = 0, length;
    ls_status st;

    for (size_t i = 0; i < index; i++)
        same += model->layer[i]->ops == layer->ops && is_listed(model, model->layer[i]);
    ls_text_add(&path, "/layers/");
    add_snake_case(ops->keras_name ? ops->keras_name : ops->name, &path);
    if (same)
        ls_text_add(&path, "_%zu", same);
    ls_text_add(&path, "/vars");
    LS_TRY_CLEANUP(path.status);
    LS_TRY_CLEANUP(ls_h5_put_group(file, path.data));
    LS_TRY_CLEANUP(ls_h5_put_text(file, path.data, "name", layer->name));
    length = path.length;
    for (size_t p = 0; p < layer->params; p++) {
        const ls_param *param = &layer->param[p];

        path.length = length;
        ls_text_add(&path, "/%zu", p);
        LS_TRY_CLEANUP(path.status);
        LS_TRY_CLEANUP(
            ls_h5_put_array(file, path.data, H5T_NATIVE_FLOAT, param->shape.rank, param->shape.dim, param->value));
    }
    st = LS_OK;
cleanup:
    ls_text_reset(&path);
    return st;
}

ls_status ls_keras_write_weights(hid_t file, const ls_model *model)
{
    LS_TRY(ls_h5_put_group(file, "/vars"));
    LS_TRY(ls_h5_put_text(file, "/vars", "name", model->name));
    LS_TRY(ls_h5_put_group(file, "/layers"));
    for (size_t i = 0; i < model->layers; i++)
        if (is_listed(model, model->layer[i]))
            LS_TRY(put_layer(file, model, i));
    return LS_OK;
}
