/*
 * Products whose exact sums are gradients, done by the ranks of a node together. A rank shows the others what its
 * contributions to a kernel are the product of, which is little where layers are large: a batch's X and dY instead of
 * sums for every weight. Each then adds some rows of everybody's products, so that sums are written by one rank alone,
 * and by the one that updates them, about:
 *
 *     rank 0 shows X0, dY0     rank 0: rows 0 to 391 of X0' dY0, then of X1' dY1
 *     rank 1 shows X1, dY1     rank 1: rows 392 to 783 of both
 *
 * Exact sums have no order, so who comes to what first makes no difference, and a rank that finds no room, or a product
 * that is not worth it, adds it up by itself. Nothing here waits but ls_shared_products_finish.
 */
#ifndef LS_TRAIN_SHARED_PRODUCTS_H
#define LS_TRAIN_SHARED_PRODUCTS_H

#include "data/sharing.h"
#include "tensor/block.h"
#include "tensor/product/product.h"

typedef struct ls_shared_products ls_shared_products;

/* Adds rows [row, row + rows), whole blocks, of a product whose first block is first_block. */
typedef void (*ls_add_rows_of_product)(void *context, const ls_product_sum *product, size_t first_block, size_t row,
                                       size_t rows);

/* Collective; with more than one part. largest: elements of the largest kernel. context is borrowed. */
ls_status ls_shared_products_create(const ls_sharing *sharing, size_t largest, ls_add_rows_of_product add,
                                    void *context, ls_shared_products **out);
/* Not collective: the memory is the sharing's. Accepts NULL. */
void ls_shared_products_free(ls_shared_products *products);

/* Shows a product, whose total, grid and largest do not matter; false: no. Works at what has been shown so far. */
bool ls_shared_products_show(ls_shared_products *products, const ls_product_sum *product, size_t first_block);
/* Collective, once in each attempt at a step. Returns when this rank has added its rows of all that was shown in it. */
void ls_shared_products_finish(ls_shared_products *products);

#endif
