#include "data/image.h"

#include <string.h>

#include "base/memory.h"

void ls_image_reset(ls_image *image)
{
    ls_free(image->pixels);
    *image = (ls_image){0};
}

ls_status ls_image_check_size(const char *path, size_t height, size_t width)
{
    if (height == 0 || width == 0 || height > LS_IMAGE_SIDE_MAX || width > LS_IMAGE_SIDE_MAX ||
        height > LS_IMAGE_PIXELS_MAX / width)
        return ls_fail(LS_ERR_DATA, "%s has %zu x %zu pixels; 1 to %zu on a side and 2^28 in all are possible", path,
                       height, width, LS_IMAGE_SIDE_MAX);
    return LS_OK;
}

/* The memory stays untouched until rows are decoded into it: a file that declares much and has little costs little. */
ls_status ls_image_allocate(size_t height, size_t width, size_t channels, ls_image *out)
{
    out->height = height;
    out->width = width;
    out->channels = channels;
    return (out->pixels = ls_calloc(height * width, channels, "an image")) ? LS_OK : LS_ERR_MEMORY;
}

ls_status ls_image_set_channels(ls_image *image, size_t channels)
{
    const size_t n = image->height * image->width;
    const unsigned char *const from = image->pixels;
    unsigned char *to;

    if (channels == image->channels)
        return LS_OK;
    if (!(to = ls_calloc(n, channels, "an image")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < n; i++)
        if (channels == 1)
            to[i] =
                (unsigned char)((19595u * from[3 * i] + 38470u * from[3 * i + 1] + 7471u * from[3 * i + 2] + 32768u) >>
                                16);
        else
            memset(to + 3 * i, from[i], 3);
    ls_free(image->pixels);
    image->pixels = to;
    image->channels = channels;
    return LS_OK;
}
