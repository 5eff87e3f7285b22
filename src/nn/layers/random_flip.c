/*
 * random_flip: in training, half of the images are turned around: left and right (horizontal), top and bottom
 * (vertical), or both at once. random_crop: a window of every image, at the same random place for a whole batch; its
 * middle outside training, and in training, too, where the window is as high or as wide as the image.
 */
#include "nn/layers/augmentation.h"

enum { HORIZONTAL, VERTICAL, BOTH };
static const char *const modes[] = {"horizontal", "vertical", "horizontal_and_vertical", NULL};

typedef struct random_flip {
    int64_t seed; /* -1: that of the experiment */
    int mode, data_format;
} random_flip;

static bool flips(const ls_call *call, size_t row)
{
    float u;

    ls_draw(call, ((const random_flip *)call->layer->config)->seed, row, 1, &u);
    return u <= 0.5f;
}

/* Y = X turned around, or Y += that; it is its own inverse. */
static void flip(const ls_call *call, const float *from, float *to, bool add)
{
    const int mode = ((const random_flip *)call->layer->config)->mode;
    const ls_image_size size = ls_image_size_of(call->layer);
    const size_t c = size.channels, n = size.height * size.width * c;

    for (size_t r = 0; r < call->rows; r++) {
        const bool turned = flips(call, r);

        for (size_t y = 0; y < size.height; y++)
            for (size_t x = 0; x < size.width; x++) {
                const size_t v = turned && mode != HORIZONTAL ? size.height - 1 - y : y;
                const size_t h = turned && mode != VERTICAL ? size.width - 1 - x : x;
                const float *p = from + r * n + (v * size.width + h) * c;
                float *q = to + r * n + (y * size.width + x) * c;

                for (size_t k = 0; k < c; k++)
                    q[k] = add ? q[k] + p[k] : p[k];
            }
    }
}

static void forward_flip(const ls_call *call)
{
    if (call->training)
        flip(call, call->X[0], call->Y, false);
    else
        ls_forward_copy(call);
}

static void backward_flip(const ls_call *call)
{
    if (!call->training)
        ls_backward_copy(call);
    else if (call->dX[0])
        flip(call, call->dY, call->dX[0], !call->first_use);
}

static const ls_option flip_options[] = {
    {.name = "mode",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(random_flip, mode),
     .initial = "horizontal_and_vertical",
     .choices = modes},
    LS_AUGMENTATION_SEED(random_flip),
    LS_DATA_FORMAT_OPTION(random_flip),
    {.name = NULL},
};

const ls_layer_ops ls_layer_random_flip = {
    .ops = {.name = "random_flip",
            .keras_name = "RandomFlip",
            .options = flip_options,
            .config_bytes = sizeof(random_flip)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = ls_build_augmentation,
    .forward = forward_flip,
    .backward = backward_flip,
};

/* ---- random_crop ---- */

typedef struct random_crop {
    int64_t height, width;
    int64_t seed; /* -1: that of the experiment */
    int data_format;
} random_crop;

static ls_status build_crop(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const random_crop *config = layer->config;
    const size_t height = (size_t)config->height, width = (size_t)config->width;

    LS_TRY(ls_build_augmentation(layer, in, inputs, out));
    if (height > in->dim[0] || width > in->dim[1])
        return ls_layer_fail(layer,
                             "cannot cut %zu x %zu out of images of %zu x %zu: make them larger with "
                             "zero_padding2d or resizing first",
                             height, width, in->dim[0], in->dim[1]);
    out->dim[0] = height;
    out->dim[1] = width;
    return LS_OK;
}

/* Where the window begins if nothing is drawn: in the middle of the largest window of its proportions. */
static size_t middle(size_t length, size_t window, size_t other, size_t other_window)
{
    const size_t scaled = other * window / other_window;

    return (length - (scaled < length ? scaled : length)) / 2;
}

static void place_window(const ls_call *call, size_t *top, size_t *left)
{
    const random_crop *config = call->layer->config;
    const ls_image_size size = ls_image_size_of(call->layer);
    const size_t height = (size_t)config->height, width = (size_t)config->width;
    ls_call whole = *call; /* one place for the batch */
    float u[2];

    if (!call->training) {
        *top = (size.height - height) / 2;
        *left = (size.width - width) / 2;
        return;
    }
    if (size.height == height || size.width == width) {
        *top = middle(size.height, height, size.width, width);
        *left = middle(size.width, width, size.height, height);
        return;
    }
    whole.place.position = 0;
    whole.steps = 0;
    ls_draw(&whole, config->seed, 0, 2, u);
    *top = (size_t)(u[0] * (float)(size.height - height + 1));
    *left = (size_t)(u[1] * (float)(size.width - width + 1));
}

static void forward_crop(const ls_call *call)
{
    const random_crop *config = call->layer->config;
    const ls_image_size size = ls_image_size_of(call->layer);
    const size_t height = (size_t)config->height, line = (size_t)config->width * size.channels;
    size_t top, left;

    place_window(call, &top, &left);
    for (size_t r = 0; r < call->rows; r++)
        for (size_t y = 0; y < height; y++)
            ls_copy(call->X[0] + ((r * size.height + top + y) * size.width + left) * size.channels,
                    call->Y + (r * height + y) * line, line);
}

static void backward_crop(const ls_call *call)
{
    const random_crop *config = call->layer->config;
    const ls_image_size size = ls_image_size_of(call->layer);
    const size_t height = (size_t)config->height, line = (size_t)config->width * size.channels;
    size_t top, left;

    if (!call->dX[0])
        return;
    place_window(call, &top, &left);
    ls_clear_if_first(call, call->dX[0], call->rows * size.height * size.width * size.channels);
    for (size_t r = 0; r < call->rows; r++)
        for (size_t y = 0; y < height; y++)
            ls_add(call->dY + (r * height + y) * line,
                   call->dX[0] + ((r * size.height + top + y) * size.width + left) * size.channels, line);
}

static const ls_option crop_options[] = {
    {.name = "height", .kind = LS_OPTION_INT, .offset = offsetof(random_crop, height), .min = 1, .max = 1e9},
    {.name = "width", .kind = LS_OPTION_INT, .offset = offsetof(random_crop, width), .min = 1, .max = 1e9},
    LS_AUGMENTATION_SEED(random_crop),
    LS_DATA_FORMAT_OPTION(random_crop),
    {.name = NULL},
};

const ls_layer_ops ls_layer_random_crop = {
    .ops = {.name = "random_crop",
            .keras_name = "RandomCrop",
            .options = crop_options,
            .config_bytes = sizeof(random_crop)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_crop,
    .forward = forward_crop,
    .backward = backward_crop,
};
