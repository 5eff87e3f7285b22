#include "comm/wire.h"

#include <stdint.h>
#include <string.h>

#include "tensor/kernels.h"

#define RAW 8
/* 1.5 x 2^52: to add it to an integer below 2^51 leaves the integer in the lowest bits, as two's complement. */
#define MAGIC 0x1.8p52
#define MAGIC_BITS UINT64_C(0x4338000000000000)

/* The unit of a grid and its reciprocal: powers of two, so that products with them are exact. */
static void unit_of(double grid, double *unit, double *scale)
{
    uint64_t bits, biased;

    memcpy(&bits, &grid, sizeof bits);
    biased = (bits >> 52 & 0x7ff) - 52; /* of the unit; grids lie far from the ends of the doubles */
    bits = biased << 52;
    memcpy(unit, &bits, sizeof bits);
    bits = (2 * UINT64_C(1023) - biased) << 52;
    memcpy(scale, &bits, sizeof bits);
}

/* The largest |x|; NaN, whose bits are above those of infinity, if there is one. */
LS_CLONES static double largest_of(const double *x, size_t n)
{
    int64_t largest = 0;
    double value;

    for (size_t i = 0; i < n; i++) {
        int64_t bits;

        memcpy(&bits, &x[i], sizeof bits);
        bits &= INT64_MAX;
        largest = bits > largest ? bits : largest;
    }
    memcpy(&value, &largest, sizeof value);
    return value;
}

/* Bytes an element takes. Bytes are taken from the low end of 64 bits, which is where they begin on these machines
 * only. */
static size_t width_of(double largest)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (largest < 0x1p39)
        return 5;
    if (largest < 0x1p47)
        return 6;
#endif
    (void)largest;
    return RAW;
}

/* All but the last element write 8 bytes, of which the next overwrites what is too much. */
static inline void pack(const double *x, size_t n, double scale, size_t width, char *out)
{
    for (size_t i = 0; i < n; i++) {
        const double shifted = x[i] * scale + MAGIC;

        memcpy(out + i * width, &shifted, i + 1 < n ? sizeof shifted : width);
    }
}

static inline void add(const char *in, size_t n, double unit, size_t width, double *y)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned spare = (unsigned)(64 - 8 * width);
        uint64_t bits = 0;
        double shifted;

        memcpy(&bits, in + i * width, i + 1 < n ? sizeof bits : width);
        bits = MAGIC_BITS + (uint64_t)((int64_t)(bits << spare) >> spare);
        memcpy(&shifted, &bits, sizeof shifted);
        y[i] += (shifted - MAGIC) * unit;
    }
}

/* Elements from `first` on that are of one block, at most count. */
static size_t piece_of(size_t first, size_t count)
{
    const size_t left = LS_BLOCK - first % LS_BLOCK;

    return left < count ? left : count;
}

size_t ls_wire_pack(const double *x, size_t first, size_t count, const double *grid, char *out)
{
    char *const begin = out;

    for (size_t n; count > 0; first += n, count -= n) {
        double unit, scale;
        size_t width;

        n = piece_of(first, count);
        unit_of(grid[first / LS_BLOCK], &unit, &scale);
        width = width_of(largest_of(x + first, n) * scale);
        *out++ = (char)width;
        if (width == 5)
            pack(x + first, n, scale, 5, out);
        else if (width == 6)
            pack(x + first, n, scale, 6, out);
        else
            memcpy(out, x + first, n * sizeof *x);
        out += n * width;
    }
    return (size_t)(out - begin);
}

void ls_wire_add(const char *in, size_t first, size_t count, const double *grid, double *y)
{
    for (size_t n; count > 0; first += n, count -= n) {
        const size_t width = (size_t)*in++;
        double unit, scale;

        n = piece_of(first, count);
        unit_of(grid[first / LS_BLOCK], &unit, &scale);
        if (width == 5)
            add(in, n, unit, 5, y + first);
        else if (width == 6)
            add(in, n, unit, 6, y + first);
        else
            for (size_t i = 0; i < n; i++) {
                double value;

                memcpy(&value, in + i * sizeof value, sizeof value);
                y[first + i] += value;
            }
        in += n * width;
    }
}
