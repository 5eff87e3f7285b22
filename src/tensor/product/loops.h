/*
 * The loops of a product, included once by every path after it has said what a vector is:
 *
 *     LANES                floats in a `vec`
 *     TILE_ROWS, TILE_VECS the tile of C that lives in registers, TILE_ROWS x (TILE_VECS LANES); TILE_VECS is 2
 *     EACH_HEIGHT(X)       X(1) X(2) … X(TILE_ROWS)
 *     load, store, splat, zero_vec, add_vec, relu_vec; fused(a, b, c) = a b + c rounded once
 *     load_part, store_part(…, lanes)  the first `lanes` of a vector; nothing behind them is touched
 *     add_to_grid                      LANES totals of an ls_product_sum: the same lanes of all parts, `step` apart
 *     transpose_lanes                  LANES rows of LANES floats into LANES steps of a panel
 *
 * A product is cut into panels of B, WIDTH columns wide, and blocks of rows of A, both packed: a panel and a strip of A
 * fit the first-level cache, a block of A the second-level one.
 *
 *     for blocks of rows, for segments of the sum: pack A; for panels: pack B; for tiles of the block: chain, add,
 * store
 *
 * A strip, the TILE_ROWS rows of a tile, is packed as it lies in memory: row by row, or step by step.
 */
#include "tensor/product/tile.h"

#define BLOCK_ROWS 192    /* of a block of A with the most steps; with fewer steps there are more rows */
#define BLOCK_COLUMNS 128 /* packed at once: rows of B are read in runs that are worth the page they lie on */

#define PREFETCH 6 /* rows of B ahead: runs of a page each are too short for the processor to see them coming */

typedef struct block {
    run runs[LS_PRODUCT_SEGMENT];
    size_t run_count;
    float panels[LS_PRODUCT_SEGMENT * BLOCK_COLUMNS];
    float strips[BLOCK_ROWS * LS_PRODUCT_SEGMENT];
} block;

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

/* One strip, step by step: element (r, k) at r + k height. */
static void pack_steps(const float *const *row, size_t height, const block *b, size_t step, float *out)
{
    const bool side_by_side = height == TILE_ROWS && row[TILE_ROWS - 1] == row[0] + TILE_ROWS - 1;

    for (size_t i = 0; i < b->run_count; i++)
        for (size_t k = 0, at = b->runs[i].offset; k < b->runs[i].length; k++, at += step, out += height)
            if (side_by_side)
                memcpy(out, row[0] + at, TILE_ROWS * sizeof *out);
            else
                for (size_t r = 0; r < height; r++)
                    out[r] = row[r][at];
}

/* One strip, row by row: element (r, k) at r length + k. */
static void pack_rows(const float *const *row, size_t height, const block *b, float *out)
{
    for (size_t r = 0; r < height; r++)
        for (size_t i = 0; i < b->run_count; i++) {
            const float *const from = row[r] + b->runs[i].offset;
            const size_t n = b->runs[i].length;

            for (size_t k = 0; k < n; k++)
                out[k] = from[k];
            out += n;
        }
}

/* The steps of b->runs of rows [i, i+rows) of A into strips, one after the other. */
static void pack_left(const ls_product_left *A, size_t i, size_t rows, size_t length, block *b)
{
    for (size_t at = 0; at < rows; at += TILE_ROWS) {
        const size_t height = least(TILE_ROWS, rows - at);
        const float *row[TILE_ROWS];

        point_rows(A, i + at, height, row);
        if (A->sum.step[2] == 1)
            pack_rows(row, height, b, b->strips + at * length);
        else
            pack_steps(row, height, b, A->sum.step[2], b->strips + at * length);
    }
}

/* Steps [0, length) of `columns` columns of B into panels; columns behind them hold zeros. */
static void pack(const float *B, size_t ldb, size_t length, size_t columns, float *panels)
{
    const size_t whole = columns / WIDTH * WIDTH;

    for (size_t k = 0; k < length; k++) {
        for (size_t j = 0; j < whole; j += WIDTH) {
            __builtin_prefetch(B + least(k + PREFETCH, length - 1) * ldb + j);
#pragma GCC unroll 4
            for (size_t v = 0; v < WIDTH; v += LANES)
                store(panels + j * length + k * WIDTH + v, load(B + k * ldb + j + v));
        }
        for (size_t q = 0; whole < columns && q < WIDTH; q++)
            panels[whole * length + k * WIDTH + q] = whole + q < columns ? B[k * ldb + whole + q] : 0.0f;
    }
}

/* Pack steps of a B that is stored transposed, (n,k). */
static void pack_transposed(const float *B, size_t ldb, size_t length, size_t columns, float *panels)
{
    for (size_t j = 0; j < ceil_div(columns, WIDTH) * WIDTH; j += LANES) {
        float *const panel = panels + j / WIDTH * WIDTH * length + j % WIDTH;
        size_t k = 0;

        if (j + LANES <= columns)
            for (; k + LANES <= length; k += LANES)
                transpose_lanes(B + j * ldb + k, ldb, panel + k * WIDTH, WIDTH);
        for (; k < length; k++)
            for (size_t q = 0; q < LANES; q++)
                panel[k * WIDTH + q] = j + q < columns ? B[(j + q) * ldb + k] : 0.0f;
    }
}

/* Steps [k, k+length) of the panels of columns [j, j+columns) of B. */
static void pack_panels(const ls_product *p, size_t j, size_t k, size_t length, size_t columns, float *panels)
{
    if (p->transposed_b)
        pack_transposed(p->B + j * p->ldb + k, p->ldb, length, columns, panels);
    else
        pack(p->B + k * p->ldb + j, p->ldb, length, columns, panels);
}

/* Points a tile to its strip of a packed block. */
static ALWAYS_INLINE void aim(tile *t, const block *b, size_t at, size_t height, size_t length, bool by_rows)
{
    const float *const strip = b->strips + at * length;

    t->step = by_rows ? 1 : height;
    for (size_t r = 0; r < height; r++)
        t->row[r] = strip + r * (by_rows ? length : 1);
}

/* All panels of one segment of one block of rows. */
static void segment_of_product(const ls_product *p, size_t k_all, size_t i, size_t rows, size_t k, size_t length,
                               block *b)
{
    const bool last = k + length == k_all, by_rows = p->A.sum.step[2] == 1;
    const bool packs_a = p->n > WIDTH;                        /* a strip is used more than once */
    const bool packs_b = rows > TILE_ROWS || p->transposed_b; /* a panel is */
    const run whole = {0, length};
    tile t = {.runs = packs_a ? &whole : b->runs, .ldc = p->ldc, .add = p->add || k > 0, .relu = last && p->relu};

    b->run_count = cut_runs(&p->A.sum, k, length, b->runs);
    t.run_count = packs_a ? 1 : b->run_count;
    t.step = p->A.sum.step[2];
    if (packs_a)
        pack_left(&p->A, i, rows, length, b);
    for (size_t j = 0; j < p->n; j += WIDTH) {
        t.columns = least(p->n - j, WIDTH);
        t.bias = last && p->bias ? p->bias + j : NULL;
        if (j % BLOCK_COLUMNS == 0 && packs_b)
            pack_panels(p, j, k, length, least(p->n - j, BLOCK_COLUMNS), b->panels);
        if (packs_b) {
            t.B = b->panels + j % BLOCK_COLUMNS * length;
            t.ldb = WIDTH;
        } else if (t.columns == WIDTH) {
            t.B = p->B + k * p->ldb + j;
            t.ldb = p->ldb;
        } else {
            pack_panels(p, j, k, length, t.columns, b->panels);
            t.B = b->panels;
            t.ldb = WIDTH;
        }
        for (size_t at = 0; at < rows; at += TILE_ROWS) {
            const size_t height = least(TILE_ROWS, rows - at);

            if (packs_a)
                aim(&t, b, at, height, length, by_rows);
            else
                point_rows(&p->A, i + at, height, t.row);
            t.C = p->C + (i + at) * p->ldc + j;
            run_table[height - 1][t.columns > LANES](&t);
        }
    }
}

static size_t size_of(const ls_product_axis *axis)
{
    return axis->count[0] * axis->count[1] * axis->count[2];
}

/* Rows of a block when there are m, of `length` steps: blocks of much the same size, in whole strips. */
static size_t rows_of_block(size_t m, size_t length)
{
    const size_t most = BLOCK_ROWS * LS_PRODUCT_SEGMENT / length / TILE_ROWS * TILE_ROWS;

    return ceil_div(ceil_div(m, ceil_div(m, most)), TILE_ROWS) * TILE_ROWS;
}

static void run_product(const ls_product *p)
{
    const size_t m = size_of(&p->A.row), k = size_of(&p->A.sum), segments = ceil_div(k, LS_PRODUCT_SEGMENT);
    const size_t rows = rows_of_block(m, ceil_div(k, segments));
    block b;

    for (size_t i = 0; i < m; i += rows)
        for (size_t s = 0, at = 0; s < segments; s++) {
            const size_t length = k / segments + (s < k % segments);

            segment_of_product(p, k, i, least(rows, m - i), at, length, &b);
            at += length;
        }
}

/* --- exact sums of products -------------------------------------------------------------------------------------- */

/* Steps [k, k+length) of rows [i, i+rows), all panels: `parts` whole parts, or a segment of one. */
typedef struct piece {
    size_t i, rows, k, length;
    size_t parts;
    bool begins, ends;
} piece;

/* The most steps of a piece. */
static size_t longest_piece(const ls_product_sum *s, size_t k)
{
    if (s->length > LS_PRODUCT_SEGMENT)
        return LS_PRODUCT_SEGMENT;
    return least(least(LS_PRODUCT_SEGMENT / s->length, PARTS_MAX) * s->length, k);
}

/* The piece at step k: as many whole parts as fit a segment, or a segment of the part that is going on. */
static piece piece_at(const ls_product_sum *s, size_t k, size_t k_all)
{
    const size_t begun = k % s->length, whole = least(s->length, k_all - (k - begun));
    const size_t segments = ceil_div(whole, LS_PRODUCT_SEGMENT);
    piece p = {.k = k};

    if (s->length <= LS_PRODUCT_SEGMENT) {
        p.length = least(longest_piece(s, k_all), k_all - k);
        p.parts = ceil_div(p.length, s->length);
        p.begins = p.ends = true;
    } else {
        p.length = whole / segments + (begun < whole % segments * (whole / segments + 1));
        p.parts = 1;
        p.begins = begun == 0;
        p.ends = begun + p.length == whole;
    }
    return p;
}

/* Every part is one run of the packed steps. */
static void runs_of_parts(const piece *p, size_t part, size_t step, run *runs)
{
    for (size_t q = 0; q < p->parts; q++)
        runs[q] = (run){q * part * step, least(part, p->length - q * part)};
}

static void tiles_of_piece(const ls_product_sum *s, const piece *p, size_t j, waiting *w, block *b)
{
    const bool by_rows = s->A.sum.step[2] == 1;
    tile t = {.runs = b->runs,
              .run_count = 1,
              .ldb = WIDTH,
              .B = b->panels + j % BLOCK_COLUMNS * p->length,
              .columns = least(s->n - j, WIDTH),
              .ldc = s->n,
              .add = !p->begins,
              .total = s->total,
              .grid = s->grid,
              .largest = s->largest,
              .n = s->n,
              .start = s->start && p->k < s->length};

    for (size_t at = 0; at < p->rows; at += TILE_ROWS) {
        const size_t height = least(TILE_ROWS, p->rows - at);
        tile here = t; /* its first part differs from the others */

        aim(&here, b, at, height, p->length, by_rows);
        runs_of_parts(p, s->length, here.step, b->runs);
        here.C = s->unfinished + (p->i + at) * s->n + j;
        here.first = (p->i + at) * s->n + j;
        if (p->ends)
            parts_table[height - 1][t.columns > LANES](&here, p->parts, w);
        else
            run_table[height - 1][t.columns > LANES](&here);
    }
}

static void run_product_sum(const ls_product_sum *s)
{
    const size_t m = size_of(&s->A.row), k = size_of(&s->A.sum), rows = rows_of_block(m, longest_piece(s, k));
    waiting w;
    block b;

    w.left = w.here = 0;

    for (size_t i = 0; i < m; i += rows)
        for (size_t at = 0; at < k;) {
            piece p = piece_at(s, at, k);

            p.i = i;
            p.rows = least(rows, m - i);
            b.run_count = cut_runs(&s->A.sum, p.k, p.length, b.runs);
            pack_left(&s->A, i, p.rows, p.length, &b);
            for (size_t j = 0; j < s->n; j += WIDTH) {
                if (j % BLOCK_COLUMNS == 0)
                    pack(s->B + p.k * s->ldb + j, s->ldb, p.length, least(s->n - j, BLOCK_COLUMNS), b.panels);
                tiles_of_piece(s, &p, j, &w, &b);
            }
            at += p.length;
        }
    add_some(&w, w.left);
}
