#include "data/image.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

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
    *out = (ls_image){.height = height, .width = width, .channels = channels};
    return (out->pixels = ls_calloc(height * width, channels, "an image")) ? LS_OK : LS_ERR_MEMORY;
}

ls_status ls_image_read(const char *path, ls_image *out)
{
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    FILE *const file = fopen(path, "rb");
    unsigned char magic[sizeof png] = {0};
    struct stat info;
    ls_status st;

    *out = (ls_image){0};
    if (!file)
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode))
        st = ls_fail(LS_ERR_IO, "cannot open '%s': it is not a regular file", path);
    else if (fread(magic, 1, sizeof magic, file) < sizeof jpeg || fseek(file, 0, SEEK_SET) != 0)
        st = ls_fail(LS_ERR_FORMAT, "%s is neither a PNG nor a JPEG file: it has %lld bytes", path,
                     (long long)info.st_size);
    else if (memcmp(magic, png, sizeof png) == 0)
        st = ls_image_read_png(file, path, out);
    else if (memcmp(magic, jpeg, sizeof jpeg) == 0)
        st = ls_image_read_jpeg(file, path, out);
    else
        st = ls_fail(LS_ERR_FORMAT, "%s is neither a PNG nor a JPEG file, by its first bytes", path);
    fclose(file);
    if (st != LS_OK)
        ls_image_reset(out);
    return st;
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
