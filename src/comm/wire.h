/*
 * Sums on the grid of the carried exponents (carrier.h), packed for slow networks without loss.
 *
 * Every element of a block is an integer multiple of the block's unit u = 2^(E+h-52). The integers are short: the
 * head-room of E is unused as a rule, so that they stay below 2^47 and travel as 6 bytes, or below 2^39 and travel
 * as 5. A block in which one does not travels as it is. What is packed is a run of elements, cut at multiples of
 * LS_BLOCK; each piece begins with a byte that says its width.
 */
#ifndef LS_COMM_WIRE_H
#define LS_COMM_WIRE_H

#include <stddef.h>

#include "tensor/block.h"

/* What `count` elements need at most. */
#define LS_WIRE_BYTES(count) ((count) * sizeof(double) + (count) / LS_BLOCK + 2)

/*
 * Elements [first, first + count) of x go to out. grid[b]: 1.5 x 2^52 u of block b, elements [b, b + 1) x LS_BLOCK.
 * Returns the bytes.
 */
size_t ls_wire_pack(const double *x, size_t first, size_t count, const double *grid, char *out);
/* Elements [first, first + count) of y += what was packed. */
void ls_wire_add(const char *in, size_t first, size_t count, const double *grid, double *y);

#endif
