/*
 * The loops of a product, included once by every path after it has said what a vector is:
 *
 *     LANES                floats in a `vec`
 *     TILE_ROWS, TILE_VECS the tile of C that lives in registers, TILE_ROWS x (TILE_VECS LANES); TILE_VECS is 2
 *     EACH_HEIGHT(X)       X(1) X(2) … X(TILE_ROWS)
 *     load, store, splat, zero_vec, add_vec, relu_vec; fused(a, b, c) = a b + c rounded once
 *     load_part, store_part(…, lanes)  the first `lanes` of a vector; nothing behind them is touched
 *     add_to_grid                      LANES totals of an ls_product_sum: the same lanes of all parts, `step` apart
 *     TURN, turn                       TURN rows of TURN floats become as many steps of a strip or panel
 *
 * and, if it has a faster way to add what is finite, HAS_FINITE with add_finite_to_grid.
 *
 * A product is cut into panels of B, WIDTH columns wide, and blocks of rows of A, both packed: a panel and a strip of A
 * fit the first-level cache, a block of A the second-level one.
 *
 *     for blocks of rows, for segments of the sum: pack A; for panels: pack B; for tiles of the block: chain, add,
 * store
 */
#include "tensor/kernels.h"
#include "tensor/product/tile.h"

#define BLOCK_ROWS 192    /* of a block of A with the most steps; with fewer steps there are more rows */
#define BLOCK_COLUMNS 128 /* packed at once: rows of B are read in runs that are worth the page they lie on */

#define TOTALS ((size_t)64 << 10) /* float64, of the rows that go through all pieces of an exact sum together */

#define PREFETCH 6 /* rows of B ahead: runs of a page each are too short for the processor to see them coming */

typedef struct block {
    run runs[LS_PRODUCT_SEGMENT];
    size_t run_count;
    _Alignas(64) float panels[LS_PRODUCT_SEGMENT * BLOCK_COLUMNS];
    _Alignas(64) float strips[BLOCK_ROWS * LS_PRODUCT_SEGMENT + TURN];
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

/* A strip whose steps lie `step` apart. */
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

/*
 * A strip whose steps lie side by side, turned. Rows are turned TURN at a time; where there are fewer, the last one
 * stands for those that are missing, and what it writes is written over: by the first rows of the next step, which
 * come later, or by the next strip.
 */
static void pack_rows(const float *const *row, size_t height, const block *b, float *out)
{
    for (size_t i = 0; i < b->run_count; i++) {
        const size_t n = b->runs[i].length, at = b->runs[i].offset;
        size_t k = 0;

        for (; k + TURN <= n; k += TURN, out += TURN * height)
            for (size_t r = ceil_div(height, TURN) * TURN; r > 0; r -= TURN)
                turn(row + r - TURN, at + k, out + r - TURN, height);
        for (; k < n; k++)
            for (size_t r = 0; r < height; r++)
                *out++ = row[r][at + k];
    }
}

/* The steps of b->runs of rows [i, i+rows) of A into strips, one after the other: element (r, k) at r + k height. */
static void pack_left(const ls_product_left *A, size_t i, size_t rows, size_t length, block *b)
{
    for (size_t at = 0; at < rows; at += TILE_ROWS) {
        const size_t height = least(TILE_ROWS, rows - at);
        const float *row[TILE_ROWS + TURN];

        point_rows(A, i + at, height, row);
        for (size_t r = height; r < TILE_ROWS + TURN; r++)
            row[r] = row[height - 1];
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
#pragma GCC unroll 4
            for (size_t v = 0; v < WIDTH; v += 16) /* a line of the cache */
                __builtin_prefetch(B + least(k + PREFETCH, length - 1) * ldb + j + v);
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
    for (size_t j = 0; j < ceil_div(columns, WIDTH) * WIDTH; j += TURN) {
        float *const panel = panels + j / WIDTH * WIDTH * length + j % WIDTH;
        const float *row[TURN];
        size_t k = 0;

        for (size_t q = 0; q < TURN; q++)
            row[q] = B + least(j + q, columns - 1) * ldb;
        if (j + TURN <= columns)
            for (; k + TURN <= length; k += TURN)
                turn(row, k, panel + k * WIDTH, WIDTH);
        for (; k < length; k++)
            for (size_t q = 0; q < TURN; q++)
                panel[k * WIDTH + q] = j + q < columns ? row[q][k] : 0.0f;
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

/* All panels of one segment of one block of rows. */
static void segment_of_product(const ls_product *p, size_t k_all, size_t i, size_t rows, size_t k, size_t length,
                               block *b)
{
    const bool last = k + length == k_all;
    const bool packs_a = p->n > WIDTH;                        /* a strip is used more than once */
    const bool packs_b = rows > TILE_ROWS || p->transposed_b; /* a panel is */
    tile t = {.runs = b->runs,
              .step = p->A.sum.step[2],
              .length = length,
              .ldc = p->ldc,
              .add = p->add || k > 0,
              .relu = last && p->relu};

    t.run_count = b->run_count = cut_runs(&p->A.sum, k, length, b->runs);
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
                t.A = b->strips + at * length;
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
    const size_t m = size_of(&p->A.row), k = size_of(&p->A.sum), segments = ls_product_segments(k);
    const size_t rows = rows_of_block(m, ceil_div(k, segments));
    block b;

    for (size_t i = 0; i < m; i += rows)
        for (size_t s = 0; s < segments; s++) {
            const size_t at = ls_product_segment_begin(k, s);

            segment_of_product(p, k, i, least(rows, m - i), at, ls_product_segment_begin(k, s + 1) - at, &b);
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
    const size_t segments = ls_product_segments(whole);
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

static void tiles_of_piece(const ls_product_sum *s, const piece *p, size_t j, bool finite, waiting *w, const block *b)
{
    tile t = {.length = least(s->length, p->length),
              .B = b->panels + j % BLOCK_COLUMNS * p->length,
              .ldb = WIDTH,
              .columns = least(s->n - j, WIDTH),
              .ldc = s->n,
              .add = !p->begins,
              .parts = p->parts,
              .last = p->length - (p->parts - 1) * s->length,
              .total = s->total,
              .grid = s->grid,
              .largest = s->largest,
              .n = s->n,
              .start = s->start && p->k < s->length,
              .finite = finite && p->begins};

    for (size_t at = 0; at < p->rows; at += TILE_ROWS) {
        const size_t height = least(TILE_ROWS, p->rows - at);

        t.A = b->strips + at * p->length;
        t.C = s->unfinished + (p->i + at) * s->n + j;
        t.first = (p->i + at) * s->n + j;
        if (p->ends)
            parts_table[height - 1][t.columns > LANES](&t, w);
        else
            run_table[height - 1][t.columns > LANES](&t);
    }
}

/* The largest |x|, or Inf where there is Inf or NaN. */
static double largest_of(const float *x, size_t n)
{
    const uint32_t bits = ls_max_bits(x, n) < 0x7f800000 ? ls_max_bits(x, n) : 0x7f800000;
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Rows whose totals stay in the second-level cache from piece to piece. */
static size_t rows_of_sum(const ls_product_sum *s, size_t m, size_t k)
{
    const size_t rows = rows_of_block(m, longest_piece(s, k)), few = TOTALS / s->n / TILE_ROWS * TILE_ROWS;

    return longest_piece(s, k) >= k ? rows : least(rows, few > TILE_ROWS ? few : TILE_ROWS);
}

static void run_product_sum(const ls_product_sum *s)
{
    const size_t m = size_of(&s->A.row), k = size_of(&s->A.sum), rows = rows_of_sum(s, m, k);
    waiting w;
    block b;

    w.left = w.here = 0;

    for (size_t i = 0; i < m; i += rows)
        for (size_t at = 0; at < k;) {
            piece p = piece_at(s, at, k);
            double most, size = 0;

            p.i = i;
            p.rows = least(rows, m - i);
            b.run_count = cut_runs(&s->A.sum, p.k, p.length, b.runs);
            pack_left(&s->A, i, p.rows, p.length, &b);
            most = largest_of(b.strips, p.rows * p.length);
            for (size_t j = 0; j < s->n; j += WIDTH) {
                if (j % BLOCK_COLUMNS == 0) {
                    const size_t columns = least(s->n - j, BLOCK_COLUMNS);

                    pack(s->B + p.k * s->ldb + j, s->ldb, p.length, columns, b.panels);
                    size = largest_of(b.panels, ceil_div(columns, WIDTH) * WIDTH * p.length);
                }
                tiles_of_piece(s, &p, j, most * size * LS_PRODUCT_SEGMENT < 0x1p120, &w, &b);
            }
            at += p.length;
        }
    add_some(&w, w.left);
}
