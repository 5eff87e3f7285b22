/*
 * PNG and JPEG files, their channels and their size.
 *
 *     flags  height  width  bytes…
 *
 * Flags 1: the checksums of the chunks of a PNG file are made right, so that libpng looks at what is in them. 2: to
 * RGB, else to gray. 4: resized.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/image.h"
#include "fuzz.h"

static uint32_t big_number(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* length (4 bytes)  type (4)  data  checksum of type and data (4) */
static void set_checksums(uint8_t *png, size_t n)
{
    size_t at = 8;

    while (n >= 12 && at <= n - 12 && big_number(png + at) <= n - 12 - at) {
        const size_t length = big_number(png + at);
        const uint32_t sum = (uint32_t)crc32(crc32(0, NULL, 0), png + at + 4, (unsigned)length + 4);

        for (int i = 0; i < 4; i++)
            png[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_input input = {data, n};
    const uint8_t flags = fuzz_byte(&input);
    const size_t height = 1 + (size_t)fuzz_byte(&input), width = 1 + (size_t)fuzz_byte(&input);
    const char *const path = fuzz_path("image");
    ls_image image;
    uint8_t *file;

    FUZZ_CHECK((file = malloc(input.left + 1)) != NULL);
    memcpy(file, input.at, input.left);
    if (flags & 1)
        set_checksums(file, input.left);
    fuzz_begin();
    fuzz_write(path, file, input.left);
    free(file);
    if (fuzz_verdict(ls_image_read(path, &image))) {
        FUZZ_CHECK(image.height && image.width && (image.channels == 1 || image.channels == 3));
        FUZZ_CHECK(fuzz_verdict(ls_image_set_channels(&image, flags & 2 ? 3 : 1)));
        if (flags & 4)
            FUZZ_CHECK(fuzz_verdict(ls_image_resize(&image, height, width)));
        FUZZ_CHECK(image.channels == (flags & 2 ? 3 : 1) && (!(flags & 4) || image.height == height));
        ls_image_reset(&image);
    }
    fuzz_end();
    return 0;
}
