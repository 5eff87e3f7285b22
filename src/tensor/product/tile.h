/*
 * A tile of a product: the innermost loop and what happens at its end. Included by loops.h, once per path.
 *
 * A tile of fewer rows or columns than fit into registers is a function of its own, so edges cost what they compute.
 */
#include <string.h>

#define WIDTH (TILE_VECS * LANES)
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Steps of the sum that lie at one distance from each other in A. */
typedef struct run {
    size_t offset, length;
} run;

typedef struct tile {
    const float *row[TILE_ROWS]; /* of A, at step 0 of the sum */
    const run *runs;             /* [run_count] */
    size_t run_count, step;
    const float *B; /* the first of the steps at this panel */
    size_t ldb;
    size_t columns; /* in the panel */
    float *C;
    size_t ldc;
    bool add;
    const float *bias; /* NULL: none */
    bool relu;

    /* of a sum: */
    double *total;
    const double *grid;
    int32_t *largest;
    size_t first, n; /* of the tile's first element in C (m,n) */
    bool start;
} tile;

typedef vec corner[TILE_ROWS][TILE_VECS];

/* acc += A B over the runs. rows and vecs are constants to the compiler. */
static ALWAYS_INLINE void chain(const tile *t, const run *runs, size_t run_count, const float *B, corner acc,
                                const size_t rows, const size_t vecs)
{
    const size_t step = t->step, ldb = t->ldb;

    for (size_t r = 0; r < run_count; r++) {
        const float *a[TILE_ROWS];
        const size_t end = runs[r].length * step;

#pragma GCC unroll 16
        for (size_t i = 0; i < rows; i++)
            a[i] = t->row[i] + runs[r].offset;
        for (size_t q = 0; q < end; q += step, B += ldb) {
            vec b[TILE_VECS];

#pragma GCC unroll 4
            for (size_t j = 0; j < vecs; j++)
                b[j] = load(B + j * LANES);
#pragma GCC unroll 16
            for (size_t i = 0; i < rows; i++) {
                const vec x = splat(a[i] + q);

#pragma GCC unroll 4
                for (size_t j = 0; j < vecs; j++)
                    acc[i][j] = fused(x, b[j], acc[i][j]);
            }
        }
    }
}

static ALWAYS_INLINE vec load_some(const float *x, size_t lanes)
{
    return lanes == LANES ? load(x) : load_part(x, lanes);
}

static ALWAYS_INLINE void store_some(float *x, vec v, size_t lanes)
{
    if (lanes == LANES)
        store(x, v);
    else
        store_part(x, v, lanes);
}

static ALWAYS_INLINE void begin(corner acc, const size_t rows, const size_t vecs)
{
#pragma GCC unroll 16
    for (size_t i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (size_t j = 0; j < vecs; j++)
            acc[i][j] = zero_vec();
}

/* acc = C + acc. */
static ALWAYS_INLINE void add_old(const tile *t, corner acc, const size_t rows, const size_t vecs)
{
    const size_t last = t->columns - (vecs - 1) * LANES;

#pragma GCC unroll 16
    for (size_t i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (size_t j = 0; j < vecs; j++)
            acc[i][j] = add_vec(load_some(t->C + i * t->ldc + j * LANES, j + 1 < vecs ? LANES : last), acc[i][j]);
}

static ALWAYS_INLINE void end(const tile *t, corner acc, const size_t rows, const size_t vecs)
{
    const size_t last = t->columns - (vecs - 1) * LANES;

#pragma GCC unroll 4
    for (size_t j = 0; j < vecs; j++) {
        const size_t lanes = j + 1 < vecs ? LANES : last;
        const vec bias = t->bias ? load_some(t->bias + j * LANES, lanes) : zero_vec();

#pragma GCC unroll 16
        for (size_t i = 0; i < rows; i++) {
            vec c = acc[i][j];

            if (t->bias)
                c = add_vec(c, bias);
            if (t->relu)
                c = relu_vec(c);
            store_some(t->C + i * t->ldc + j * LANES, c, lanes);
        }
    }
}

#define PARTS_MAX 8 /* their tiles wait in the first-level cache until all can be added at once */
#define TILE_SIZE (TILE_ROWS * WIDTH)

/* Elements of one row that do not fill vectors or lie in two blocks. */
static __attribute__((noinline)) void add_row_slowly(const tile *t, size_t at, const float *values, size_t parts)
{
    for (size_t p = 0; p < parts; p++)
        for (size_t i = at; i < at + t->columns; i++) {
            const float value = values[p * TILE_SIZE + i - at];
            const double M = t->grid[i / LS_PRODUCT_BLOCK], q = ((double)value + M) - M;
            int32_t word;

            memcpy(&word, &value, sizeof word);
            word &= INT32_MAX;
            if (word > t->largest[i / LS_PRODUCT_BLOCK])
                t->largest[i / LS_PRODUCT_BLOCK] = word;
            t->total[i] = t->start && p == 0 ? q : t->total[i] + q;
        }
}

static ALWAYS_INLINE void note_largest(const tile *t, size_t block, bits top)
{
    int32_t lane[LANES];

    memcpy(lane, &top, sizeof lane);
    for (size_t j = 0; j < LANES; j++)
        if (lane[j] > t->largest[block])
            t->largest[block] = lane[j];
}

/* The tiles of all parts into the totals, row by row. */
static ALWAYS_INLINE void add_parts(const tile *t, const float *values, size_t parts, const size_t rows,
                                    const size_t vecs)
{
    for (size_t i = 0; i < rows; i++, values += WIDTH) {
        const size_t at = t->first + i * t->n, block = at / LS_PRODUCT_BLOCK;
        bits top = zero_bits();

        if (t->columns < vecs * LANES || block != (at + t->columns - 1) / LS_PRODUCT_BLOCK) {
            add_row_slowly(t, at, values, parts);
            continue;
        }
#pragma GCC unroll 4
        for (size_t j = 0; j < vecs; j++)
            top = add_to_grid(t->total + at + j * LANES, values + j * LANES, TILE_SIZE, parts, t->grid[block], t->start,
                              top);
        note_largest(t, block, top);
    }
}

static ALWAYS_INLINE void run_tile(const tile *t, const size_t rows, const size_t vecs)
{
    corner acc;

    begin(acc, rows, vecs);
    chain(t, t->runs, t->run_count, t->B, acc, rows, vecs);
    if (t->add)
        add_old(t, acc, rows, vecs);
    end(t, acc, rows, vecs);
}

/* Several parts of a sum, each one run; the first goes on from C when adding. */
static ALWAYS_INLINE void run_parts(const tile *t, size_t parts, const size_t rows, const size_t vecs)
{
    float values[PARTS_MAX * TILE_SIZE];
    const float *B = t->B;

    for (size_t p = 0; p < parts; p++) {
        corner acc;

        begin(acc, rows, vecs);
        chain(t, t->runs + p, 1, B, acc, rows, vecs);
        if (t->add && p == 0)
            add_old(t, acc, rows, vecs);
#pragma GCC unroll 16
        for (size_t i = 0; i < rows; i++)
#pragma GCC unroll 4
            for (size_t j = 0; j < vecs; j++)
                store(values + p * TILE_SIZE + i * WIDTH + j * LANES, acc[i][j]);
        B += t->runs[p].length * t->ldb;
    }
    add_parts(t, values, parts, rows, vecs);
}

#define HEIGHT(R)                                          \
    static void run_##R##_1(const tile *t)                 \
    {                                                      \
        run_tile(t, R, 1);                                 \
    }                                                      \
    static void run_##R##_2(const tile *t)                 \
    {                                                      \
        run_tile(t, R, TILE_VECS);                         \
    }                                                      \
    static void parts_##R##_1(const tile *t, size_t parts) \
    {                                                      \
        run_parts(t, parts, R, 1);                         \
    }                                                      \
    static void parts_##R##_2(const tile *t, size_t parts) \
    {                                                      \
        run_parts(t, parts, R, TILE_VECS);                 \
    }
EACH_HEIGHT(HEIGHT)

#define ROW_OF_RUNS(R) {run_##R##_1, run_##R##_2},
#define ROW_OF_PARTS(R) {parts_##R##_1, parts_##R##_2},
static void (*const run_table[TILE_ROWS][2])(const tile *) = {EACH_HEIGHT(ROW_OF_RUNS)};
static void (*const parts_table[TILE_ROWS][2])(const tile *, size_t) = {EACH_HEIGHT(ROW_OF_PARTS)};
