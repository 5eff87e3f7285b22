/*
 * The loops of a product, included once by every path after it has said what a vector is:
 *
 *     LANES                floats in a `vec`
 *     TILE_ROWS, TILE_VECS the tile of C that lives in registers, TILE_ROWS x (TILE_VECS LANES); TILE_VECS is 2
 *     EACH_HEIGHT(X)       X(1) X(2) … X(TILE_ROWS)
 *     load, store, splat, zero_vec, add_vec, relu_vec; fused(a, b, c) = a b + c rounded once
 *     load_part, store_part(…, lanes)  the first `lanes` of a vector; nothing behind them is touched
 *     wide, splat_wide, add_to_grid    see ls_product_sum
 *     bits, zero_bits, magnitude       integer vectors: the larger of a bit pattern and that of |v|
 *     transpose_lanes                  LANES rows of LANES floats into LANES steps of a panel
 *
 * A product is cut into panels of B, WIDTH columns wide, packed one at a time, and blocks of rows of A. A is not
 * packed: a tile reads each of its rows where it lies. Rows are dealt evenly to tiles.
 *
 *     for blocks of rows, for segments of the sum, for panels: pack; for tiles of the block: chain, add, store
 */
#include "tensor/product/tile.h"

#ifndef LS_PRODUCT_SEGMENT
#define LS_PRODUCT_SEGMENT 384
#endif /* steps: a panel stays in the first-level cache */
#ifndef BLOCK_ROWS
#define BLOCK_ROWS 192
#endif /* a block of A in the second-level one */

typedef struct block {
    run runs[LS_PRODUCT_SEGMENT];
    size_t run_count, step;
    float panel[LS_PRODUCT_SEGMENT * WIDTH];
} block;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* Steps [k, k+length) of the sum as runs. Returns how many. */
static size_t cut_runs(const ls_product_axis *sum, size_t k, size_t length, run *runs)
{
    const size_t inner = sum->count[2];
    size_t n = 0;

    for (size_t done = 0; done < length; n++) {
        const size_t outer = (k + done) / inner, at = (k + done) % inner;

        runs[n].length = least(inner - at, length - done);
        runs[n].offset =
            outer / sum->count[1] * sum->step[0] + outer % sum->count[1] * sum->step[1] + at * sum->step[2];
        done += runs[n].length;
    }
    return n;
}

/* The rows [i, i+rows) of A. */
static void point_rows(const ls_product_left *A, size_t i, size_t rows, const float **row)
{
    const ls_product_axis *axis = &A->row;
    size_t c = i % axis->count[2], outer = i / axis->count[2];

    for (size_t r = 0; r < rows; r++) {
        row[r] =
            A->at + outer / axis->count[1] * axis->step[0] + outer % axis->count[1] * axis->step[1] + c * axis->step[2];
        if (++c == axis->count[2]) {
            c = 0;
            outer++;
        }
    }
}

/* Steps [0, length) of `columns` columns of B into a panel; columns behind them hold zeros. */
static void pack(const float *B, size_t ldb, size_t length, size_t columns, float *panel)
{
    if (columns == WIDTH) {
        for (size_t k = 0; k < length; k++)
            for (size_t j = 0; j < WIDTH; j += LANES)
                store(panel + k * WIDTH + j, load(B + k * ldb + j));
        return;
    }
    for (size_t k = 0; k < length; k++)
        for (size_t j = 0; j < WIDTH; j++)
            panel[k * WIDTH + j] = j < columns ? B[k * ldb + j] : 0.0f;
}

/* Pack steps of a B that is stored transposed, (n,k). */
static void pack_transposed(const float *B, size_t ldb, size_t length, size_t columns, float *panel)
{
    for (size_t j = 0; j < WIDTH; j += LANES) {
        size_t k = 0;

        if (j + LANES <= columns)
            for (; k + LANES <= length; k += LANES)
                transpose_lanes(B + j * ldb + k, ldb, panel + k * WIDTH + j, WIDTH);
        for (; k < length; k++)
            for (size_t q = j; q < j + LANES; q++)
                panel[k * WIDTH + q] = q < columns ? B[q * ldb + k] : 0.0f;
    }
}

/* Calls `each` for the tiles of rows [i, i+rows) at one panel. */
static ALWAYS_INLINE void over_tiles(const ls_product_left *A, size_t i, size_t rows, tile *t,
                                     void (*each)(tile *t, size_t row, size_t height, const void *how), const void *how)
{
    const size_t tiles = ceil_div(rows, TILE_ROWS);

    for (size_t s = 0, at = 0; s < tiles; s++) {
        const size_t height = rows / tiles + (s < rows % tiles);

        point_rows(A, i + at, height, t->row);
        each(t, at, height, how);
        at += height;
    }
}

static ALWAYS_INLINE void each_plain(tile *t, size_t row, size_t height, const void *how)
{
    float *const *C = how;

    t->C = *C + row * t->ldc;
    run_table[height - 1][t->columns > LANES](t);
}

static void block_of_product(const ls_product *p, size_t k_all, size_t i, size_t rows, size_t k, size_t length,
                             block *b)
{
    const bool last = k + length == k_all;
    tile t = {.runs = b->runs, .step = p->A.sum.step[2], .ldc = p->ldc, .add = p->add || k > 0};
    const bool direct = rows <= TILE_ROWS && !p->transposed_b; /* packing would touch B as often as computing does */

    t.run_count = cut_runs(&p->A.sum, k, length, b->runs);
    t.relu = last && p->relu;
    for (size_t j = 0; j < p->n; j += WIDTH) {
        float *C = p->C + i * p->ldc + j;

        t.columns = least(p->n - j, WIDTH);
        t.bias = last && p->bias ? p->bias + j : NULL;
        if (direct && t.columns == WIDTH) {
            t.B = p->B + k * p->ldb + j;
            t.ldb = p->ldb;
        } else {
            if (p->transposed_b)
                pack_transposed(p->B + j * p->ldb + k, p->ldb, length, t.columns, b->panel);
            else
                pack(p->B + k * p->ldb + j, p->ldb, length, t.columns, b->panel);
            t.B = b->panel;
            t.ldb = WIDTH;
        }
        over_tiles(&p->A, i, rows, &t, each_plain, &C);
    }
}

static size_t size_of(const ls_product_axis *axis)
{
    return axis->count[0] * axis->count[1] * axis->count[2];
}

static void run_product(const ls_product *p)
{
    const size_t m = size_of(&p->A.row), k = size_of(&p->A.sum);
    const size_t row_blocks = ceil_div(m, BLOCK_ROWS), sum_blocks = ceil_div(k, LS_PRODUCT_SEGMENT);
    block b;

    for (size_t r = 0, i = 0; r < row_blocks; r++) {
        const size_t rows = m / row_blocks + (r < m % row_blocks);

        for (size_t s = 0, at = 0; s < sum_blocks; s++) {
            const size_t length = k / sum_blocks + (s < k % sum_blocks);

            block_of_product(p, k, i, rows, at, length, &b);
            at += length;
        }
        i += rows;
    }
}

/* --- exact sums of products -------------------------------------------------------------------------------------- */

typedef struct parts {
    const ls_product_sum *sum;
    size_t i, j; /* the first row and column of the block's panel */
    const size_t *runs_of_part;
    size_t count;
    float *unfinished; /* [rows x WIDTH] what a part that is longer than a block has so far */
    bool ends;         /* the parts end with this block */
} parts;

static ALWAYS_INLINE void each_parts(tile *t, size_t row, size_t height, const void *how)
{
    const parts *p = how;
    tile here = *t; /* the first part differs from the others */

    here.C = p->unfinished + row * WIDTH;
    if (!p->ends) {
        run_table[height - 1][t->columns > LANES](&here);
        return;
    }
    here.first = (p->i + row) * t->n + p->j;
    parts_table[height - 1][t->columns > LANES](&here, p->runs_of_part, p->count);
}

/* Steps [k, k+length) of rows [i, i+rows), all panels: whole parts, or a piece of one. */
typedef struct piece {
    size_t i, rows, k, length;
    size_t count; /* parts */
    bool begins, ends;
} piece;

static void piece_of_sum(const ls_product_sum *s, const piece *p, size_t j, float *unfinished, block *b)
{
    size_t runs_of_part[LS_PRODUCT_SEGMENT];
    tile t = {.runs = b->runs,
              .step = s->A.sum.step[2],
              .ldb = WIDTH,
              .B = b->panel,
              .columns = least(s->n - j, WIDTH),
              .ldc = WIDTH,
              .add = !p->begins,
              .total = s->total,
              .grid = s->grid,
              .largest = s->largest,
              .n = s->n,
              .start = s->start && p->k < s->length};
    const parts how = {s, p->i, j, runs_of_part, p->count, unfinished, p->ends};

    for (size_t q = 0; q < p->count; q++) {
        const size_t from = q * s->length;

        runs_of_part[q] = cut_runs(&s->A.sum, p->k + from, least(s->length, p->length - from), b->runs + t.run_count);
        t.run_count += runs_of_part[q];
    }
    pack(s->B + p->k * s->ldb + j, s->ldb, p->length, t.columns, b->panel);
    over_tiles(&s->A, p->i, p->rows, &t, each_parts, &how);
}

/* One panel of one block of rows over the whole sum. */
static void panel_of_sum(const ls_product_sum *s, size_t i, size_t rows, size_t j, block *b)
{
    const size_t k = size_of(&s->A.sum);
    float unfinished[BLOCK_ROWS * WIDTH];

    for (size_t at = 0; at < k;) {
        piece p = {.i = i, .rows = rows, .k = at};

        if (s->length <= LS_PRODUCT_SEGMENT) { /* as many whole parts as fit */
            p.length = least(LS_PRODUCT_SEGMENT / s->length * s->length, k - at);
            p.count = ceil_div(p.length, s->length);
            p.begins = p.ends = true;
        } else { /* a segment of the part that is going on */
            const size_t begun = at % s->length, whole = least(s->length, k - (at - begun));
            const size_t segments = ceil_div(whole, LS_PRODUCT_SEGMENT);

            p.length = whole / segments + (begun < whole % segments * (whole / segments + 1));
            p.count = 1;
            p.begins = begun == 0;
            p.ends = begun + p.length == whole;
        }
        piece_of_sum(s, &p, j, unfinished, b);
        at += p.length;
    }
}

static void run_product_sum(const ls_product_sum *s)
{
    const size_t m = size_of(&s->A.row), row_blocks = ceil_div(m, BLOCK_ROWS);
    block b;

    for (size_t r = 0, i = 0; r < row_blocks; r++) {
        const size_t rows = m / row_blocks + (r < m % row_blocks);

        for (size_t j = 0; j < s->n; j += WIDTH)
            panel_of_sum(s, i, rows, j, &b);
        i += rows;
    }
}
