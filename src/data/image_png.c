/* PNG through libpng, whose errors come back by longjmp: everything that must survive one lies in a decoder. */
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "base/memory.h"
#include "data/image.h"

typedef struct decoder {
    FILE *file;
    const char *path;
    ls_image *image;
    png_structp png;
    png_infop info;
    png_bytep *row; /* (height) */
    char problem[128];
} decoder;

static void note_error(png_structp png, png_const_charp message)
{
    decoder *const d = png_get_error_ptr(png);

    snprintf(d->problem, sizeof d->problem, "%s", message);
    png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* Opaque pixels lose their alpha channel, the last one. */
static ls_status drop_alpha(const decoder *d)
{
    ls_image *const image = d->image;
    const size_t n = image->height * image->width, channels = image->channels, colours = channels - 1;
    unsigned char *const p = image->pixels;

    for (size_t i = 0; i < n; i++) {
        if (p[i * channels + colours] != 255)
            return ls_fail(LS_ERR_DATA,
                           "%s has transparent pixels, such as row %zu, column %zu; what they look like depends on the "
                           "background: convert it to an image without transparency",
                           d->path, i / image->width, i % image->width);
        memmove(p + i * colours, p + i * channels, colours);
    }
    image->channels = colours;
    return LS_OK;
}

static ls_status decode(decoder *d)
{
    if (setjmp(png_jmpbuf(d->png)))
        return ls_fail(LS_ERR_FORMAT, "%s is damaged: libpng: %s", d->path, d->problem);
    png_set_crc_action(d->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_user_limits(d->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* ls_image_check_size judges */
    png_init_io(d->png, d->file);
    png_read_info(d->png, d->info);
    LS_TRY(ls_image_check_size(d->path, png_get_image_height(d->png, d->info), png_get_image_width(d->png, d->info)));
    if (png_get_bit_depth(d->png, d->info) == 16)
        return ls_fail(LS_ERR_DATA,
                       "%s has 16 bits per sample; 8 are possible: convert it, or import it with import npy", d->path);
    png_set_expand(d->png);
    png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
    LS_TRY(ls_image_allocate(png_get_image_height(d->png, d->info), png_get_image_width(d->png, d->info),
                             png_get_channels(d->png, d->info), d->image));
    if (!(d->row = ls_calloc(d->image->height, sizeof *d->row, "an image")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < d->image->height; i++)
        d->row[i] = d->image->pixels + i * d->image->width * d->image->channels;
    png_read_image(d->png, d->row);
    png_read_end(d->png, NULL);
    return d->image->channels % 2 == 0 ? drop_alpha(d) : LS_OK;
}

ls_status ls_image_read_png(FILE *file, const char *path, ls_image *out)
{
    decoder d = {.file = file, .path = path, .image = out};
    ls_status st = LS_ERR_MEMORY;

    d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, note_error, ignore_warning);
    d.info = d.png ? png_create_info_struct(d.png) : NULL;
    if (d.info)
        st = decode(&d);
    else
        ls_fail(LS_ERR_MEMORY, "%s: libpng cannot be started", path);
    png_destroy_read_struct(d.png ? &d.png : NULL, d.info ? &d.info : NULL, NULL);
    ls_free(d.row);
    return st;
}
