/* Values copied with a stride: what turning axes around comes down to. */
#ifndef LS_DATA_SCATTER_H
#define LS_DATA_SCATTER_H

#include <stddef.h>
#include <string.h>

/* n values of `bytes` bytes each (1, 2, 4 or 8), side by side in `from`, to places `stride` bytes apart. */
static inline void ls_scatter(const char *from, size_t n, size_t bytes, char *to, size_t stride)
{
#define LS_SCATTER_OF(size)                           \
    for (size_t i = 0; bytes == (size) && i < n; i++) \
        memcpy(to + i * stride, from + i * (size), (size));
    LS_SCATTER_OF(1)
    LS_SCATTER_OF(2)
    LS_SCATTER_OF(4)
    LS_SCATTER_OF(8)
#undef LS_SCATTER_OF
}

/* One sample (channels, positions) to (positions, channels). */
static inline void ls_channels_to_last(const char *from, size_t channels, size_t positions, size_t bytes, char *to)
{
    for (size_t c = 0; c < channels; c++)
        ls_scatter(from + c * positions * bytes, positions, bytes, to + c * bytes, channels * bytes);
}

#endif
