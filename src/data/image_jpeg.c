/* JPEG through libjpeg, whose errors come back by longjmp: everything that must survive one lies in a decoder. */
#include "data/image.h"

#include <jpeglib.h>
#include <setjmp.h>
#include <string.h>

#define SCANS_MAX                                                                                       \
    500 /* of a progressive file; each costs a walk over the whole image, and no encoder writes so many \
         */

typedef struct decoder {
    struct jpeg_decompress_struct jpeg; /* its client_data is this decoder */
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    FILE *file;
    const char *path;
    ls_image *image;
    char problem[JMSG_LENGTH_MAX];
} decoder;

static void note_error(j_common_ptr jpeg)
{
    decoder *const d = jpeg->client_data;

    jpeg->err->format_message(jpeg, d->problem);
    longjmp(d->jump, 1);
}

/* A warning means damaged data, which libjpeg would make up for with pixels of its own. Other levels only trace. */
static void note_message(j_common_ptr jpeg, int level)
{
    if (level < 0)
        note_error(jpeg);
}

static void check_scans(j_common_ptr jpeg)
{
    decoder *const d = jpeg->client_data;

    if (d->jpeg.input_scan_number > SCANS_MAX) {
        snprintf(d->problem, sizeof d->problem, "more than %d scans", SCANS_MAX);
        longjmp(d->jump, 1);
    }
}

static ls_status decode(decoder *d)
{
    struct jpeg_decompress_struct *const jpeg = &d->jpeg;

    if (setjmp(d->jump))
        return ls_fail(LS_ERR_FORMAT, "%s is damaged: libjpeg: %s", d->path, d->problem);
    jpeg_create_decompress(jpeg);
    jpeg->progress = &d->progress;
    jpeg_stdio_src(jpeg, d->file);
    jpeg_read_header(jpeg, TRUE);
    LS_TRY(ls_image_check_size(d->path, jpeg->image_height, jpeg->image_width));
    if (jpeg->num_components != 1 && jpeg->num_components != 3)
        return ls_fail(LS_ERR_DATA, "%s has %d colour components (CMYK?); gray and RGB are possible: convert it",
                       d->path, jpeg->num_components);
    jpeg->out_color_space = jpeg->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW; /* the one whose bits are the same on every machine */
    LS_TRY(ls_image_allocate(jpeg->image_height, jpeg->image_width, (size_t)jpeg->num_components, d->image));
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = d->image->pixels + (size_t)jpeg->output_scanline * d->image->width * d->image->channels;

        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
    return LS_OK;
}

ls_status ls_image_read_jpeg(FILE *file, const char *path, ls_image *out)
{
    decoder d = {.file = file, .path = path, .image = out, .progress = {.progress_monitor = check_scans}};
    ls_status st;

    d.jpeg.err = jpeg_std_error(&d.errors);
    d.jpeg.client_data = &d; /* jpeg_create_decompress keeps both */
    d.errors.error_exit = note_error;
    d.errors.emit_message = note_message;
    st = decode(&d);
    jpeg_destroy_decompress(&d.jpeg);
    return st;
}
