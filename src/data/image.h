/* Pictures: PNG (libpng) and JPEG (libjpeg) files as bytes, gray or RGB, and their sizes made equal. */
#ifndef LS_DATA_IMAGE_H
#define LS_DATA_IMAGE_H

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

/* What a file may declare. */
#define LS_IMAGE_SIDE_MAX ((size_t)65535)
#define LS_IMAGE_PIXELS_MAX ((size_t)1 << 28)

#define LS_IMAGE_FLAW_BYTES 220 /* a message of libjpeg, and its name */

typedef struct ls_image {
    size_t height, width, channels; /* channels: 1 gray, 3 red green blue */
    unsigned char *pixels;          /* (height, width, channels), owned */
    char
        flaw[LS_IMAGE_FLAW_BYTES]; /* what the file is not quite, though all its pixels are there; empty: it is whole */
} ls_image;

/*
 * Read a file, whose first bytes tell what it is; its pixels as they are: no colour management, no turning by Exif.
 * Palettes and fewer than 8 bits are expanded. LS_ERR_DATA: sound, but 16 bits per sample, transparent pixels, CMYK or
 * absurdly large. LS_ERR_FORMAT: damaged: a checksum of a PNG does not hold, pixels of a JPEG are missing. What else
 * libjpeg warns of (an odd revision, surplus bytes, no end marker) is a flaw of the image, which is read.
 */
ls_status ls_image_read(const char *path, ls_image *out);
void ls_image_reset(ls_image *image);

/* Gray to RGB copies; RGB to gray is (19595 R + 38470 G + 7471 B + 32768) >> 16, ITU-R BT.601 as Pillow computes it. */
ls_status ls_image_set_channels(ls_image *image, size_t channels);

/*
 * Make an image height x width, bilinear; where it shrinks, the triangle is as wide as the step, so that every pixel
 * counts. As Pillow's BILINEAR, bit for bit, first to the width, then to the height. The aspect ratio is not kept.
 */
ls_status ls_image_resize(ls_image *image, size_t height, size_t width);

/* Readers of one format, which ls_image_read chooses: image_png.c and image_jpeg.c. */
ls_status ls_image_read_png(FILE *file, const char *path, ls_image *out);
ls_status ls_image_read_jpeg(FILE *file, const char *path, ls_image *out);
/* LS_ERR_DATA unless these are sizes that a file may declare: before any memory is spent on it. */
ls_status ls_image_check_size(const char *path, size_t height, size_t width);
/* Memory for the pixels of an image that has none. */
ls_status ls_image_allocate(size_t height, size_t width, size_t channels, ls_image *out);

#endif
