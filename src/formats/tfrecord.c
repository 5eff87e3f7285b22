#include "formats/tfrecord.h"

#include <string.h>

#define MASK_DELTA UINT32_C(0xa282ead8)
#define HEADER_BYTES 12 /* length and its checksum */

/* Four bits at a time. Entry i: the remainder of i, of the reflected polynomial 0x82f63b78. */
uint32_t ls_crc32c(const void *bytes, size_t n)
{
    static const uint32_t remainder[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                           0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                           0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    const unsigned char *p = bytes;
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ remainder[crc & 15];
        crc = crc >> 4 ^ remainder[crc & 15];
    }
    return ~crc;
}

static uint32_t masked_crc(const void *bytes, size_t n)
{
    const uint32_t crc = ls_crc32c(bytes, n);

    return (crc >> 15 | crc << 17) + MASK_DELTA;
}

static void put_little(unsigned char *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get_little(const unsigned char *in, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)in[i] << 8 * i;
    return value;
}

void ls_tfrecord_add(ls_text *out, const void *data, size_t n)
{
    unsigned char header[HEADER_BYTES], footer[4];

    put_little(header, n, 8);
    put_little(header + 8, masked_crc(header, 8), 4);
    put_little(footer, masked_crc(data, n), 4);
    ls_text_add_bytes(out, header, sizeof header);
    ls_text_add_bytes(out, data, n);
    ls_text_add_bytes(out, footer, sizeof footer);
}

/* n bytes more; fewer, if the file ends. In pieces, so that a length that is wrong asks for no more than there is. */
static void read_bytes(FILE *file, uint64_t n, ls_text *data)
{
    char piece[4096];
    size_t got = 1;

    while (n > 0 && got > 0 && data->status == LS_OK) {
        got = fread(piece, 1, n < sizeof piece ? (size_t)n : sizeof piece, file);
        ls_text_add_bytes(data, piece, got);
        n -= got;
    }
}

ls_status ls_tfrecord_read(FILE *file, ls_text *data, bool *end)
{
    unsigned char header[HEADER_BYTES], footer[4];
    uint64_t length;

    data->length = 0;
    *end = true;
    if (fread(header, 1, sizeof header, file) != sizeof header || get_little(header + 8, 4) != masked_crc(header, 8))
        return LS_OK;
    length = get_little(header, 8);
    read_bytes(file, length, data);
    if (data->status != LS_OK)
        return data->status;
    *end = data->length != length || fread(footer, 1, sizeof footer, file) != sizeof footer ||
           get_little(footer, 4) != masked_crc(data->data, data->length);
    return LS_OK;
}
