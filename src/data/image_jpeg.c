/* JPEG through libjpeg, whose errors come back by longjmp: everything that must survive one lies in a decoder. */
#include "data/image.h"

#include <jpeglib.h>
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#include <jerror.h> /* behind the header of libjpeg, whose version it goes by */

#define SCANS_MAX 500 /* of a progressive file; each costs a walk over the whole image, no encoder writes so many */

typedef struct decoder {
    struct jpeg_decompress_struct jpeg; /* its client_data is this decoder */
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    FILE *file;
    const char *path;
    ls_image *image;
    bool ended;    /* the file, before its end marker */
    bool complete; /* all pixels are there */
    char problem[JMSG_LENGTH_MAX];
} decoder;

static void note_error(j_common_ptr jpeg)
{
    decoder *const d = jpeg->client_data;

    jpeg->err->format_message(jpeg, d->problem);
    longjmp(d->jump, 1);
}

/* The first of them. */
static void note_flaw(decoder *d, const char *flaw)
{
    if (!d->image->flaw[0])
        snprintf(d->image->flaw, sizeof d->image->flaw, "libjpeg: %s", flaw);
}

/*
 * Does this warning mean that pixels are missing, which libjpeg makes up? The others are about bytes between the parts
 * of a file and what its head says. At the end of the file the Huffman decoder says by itself that it lacks data; the
 * arithmetic one takes zeros without a word.
 */
static bool is_loss(const decoder *d, int code)
{
    switch (code) {
    case JWRN_HIT_MARKER:    /* data that end too soon */
    case JWRN_HUFF_BAD_CODE: /* data that mean nothing */
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:       /* a part is missing */
    case JWRN_BOGUS_PROGRESSION: /* a scan is missing */
        return true;
    case JWRN_JPEG_EOF:
        return d->jpeg.arith_code;
    default:
        return false;
    }
}

/* Levels from 0 on only trace. */
static void note_message(j_common_ptr jpeg, int level)
{
    decoder *const d = jpeg->client_data;
    const int code = jpeg->err->msg_code;

    if (level >= 0)
        return;
    if (is_loss(d, code))
        note_error(jpeg);
    d->ended |= code == JWRN_JPEG_EOF;
    jpeg->err->format_message(jpeg, d->problem);
    note_flaw(d, d->problem);
}

static void check_scans(j_common_ptr jpeg)
{
    decoder *const d = jpeg->client_data;

    if (d->jpeg.input_scan_number > SCANS_MAX) {
        snprintf(d->problem, sizeof d->problem, "more than %d scans", SCANS_MAX);
        longjmp(d->jump, 1);
    }
}

/* Of a file in several scans that ends without its end marker: have all of them been there? */
static bool has_all_scans(const struct jpeg_decompress_struct *jpeg)
{
    for (int c = 0; c < jpeg->num_components; c++) {
        if (!jpeg->comp_info[c].quant_table) /* which its first scan brings */
            return false;
        for (int i = 0; jpeg->progressive_mode && i < DCTSIZE2; i++)
            if (jpeg->coef_bits[c][i] != 0) /* bits that are still to come; -1: all */
                return false;
    }
    return true;
}

/* After libjpeg has given up. */
static ls_status fail_decode(decoder *d)
{
    switch (d->errors.msg_code) {
    case JERR_SOF_UNSUPPORTED: /* lossless, hierarchical */
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
        return ls_fail(LS_ERR_DATA, "%s is of a kind of JPEG that this libjpeg does not read (%s): convert it", d->path,
                       d->problem);
    default:
        return ls_fail(LS_ERR_FORMAT, "%s is damaged: libjpeg: %s", d->path, d->problem);
    }
}

static ls_status decode(decoder *d)
{
    struct jpeg_decompress_struct *const jpeg = &d->jpeg;

    if (setjmp(d->jump)) {
        if (!d->complete)
            return fail_decode(d);
        note_flaw(d, d->problem);
        return LS_OK;
    }
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
    if (d->ended && jpeg_has_multiple_scans(jpeg) && !has_all_scans(jpeg))
        return ls_fail(LS_ERR_FORMAT, "%s is damaged: it ends before its last scan", d->path);
    d->complete = true;
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
