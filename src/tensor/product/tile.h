/*
 * A tile of a product: the innermost loop and what happens at its end. Included by loops.h, once per path.
 *
 * A tile of fewer rows or columns than fit into registers is a function of its own, so edges cost what they compute.
 */
#include <string.h>

#define WIDTH (TILE_VECS * LANES)
#define ALWAYS_INLINE inline __attribute__((always_inline))

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

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

#define PARTS_MAX 8
#define TILE_SIZE (TILE_ROWS * WIDTH)

/*
 * The tiles of several parts that wait, in the first-level cache, to be added to their totals. That is done between the
 * chains of the tiles after them: it depends on none of these, so the processor does both at a time.
 */
typedef struct waiting {
    float values[2][PARTS_MAX * TILE_SIZE]; /* part after part, vector after vector: these tiles, and the next ones */
    size_t here;                            /* which are which */
    size_t parts, left;                     /* vectors that have not been added */
    bool start;
    struct place {
        double *total;
        double grid;
        int32_t *largest;
    } place[TILE_ROWS * TILE_VECS]; /* of the vectors */
} waiting;

/* n more vectors, all parts of each. */
static ALWAYS_INLINE void add_some(waiting *w, size_t n)
{
    const float *const values = w->values[w->here];

    for (size_t i = w->left; n > 0 && i > 0; n--) {
        const struct place *const to = &w->place[--i];

        add_to_grid(to->total, values + i * LANES, TILE_SIZE, w->parts, to->grid, w->start, to->largest);
        w->left = i;
    }
}

/* Elements of one row that do not fill a vector, or lie in two blocks. */
static __attribute__((noinline)) void add_slowly(const tile *t, size_t at, const float *values, size_t n, size_t parts)
{
    for (size_t i = 0; i < n; i++, at++) {
        const size_t block = at / LS_PRODUCT_BLOCK;
        const double M = t->grid[block];
        int32_t *const largest = &t->largest[block * LS_PRODUCT_LANES];
        double total = t->start ? 0 : t->total[at];

        for (size_t p = 0; p < parts; p++) {
            const float value = values[p * TILE_SIZE + i];
            int32_t size;

            memcpy(&size, &value, sizeof size);
            size &= INT32_MAX;
            *largest = size > *largest ? size : *largest;
            total += ((double)value + M) - M;
        }
        t->total[at] = total;
    }
}

/* A vector of n elements at `at` of C is whole, and on one grid. */
static ALWAYS_INLINE bool is_plain(size_t at, size_t n)
{
    return n >= LANES && at % LS_PRODUCT_BLOCK <= LS_PRODUCT_BLOCK - LANES;
}

static ALWAYS_INLINE bool all_plain(const tile *t, const size_t rows, const size_t vecs)
{
    if (t->columns == vecs * LANES && t->n % LANES == 0)
        return true;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < vecs; j++)
            if (!is_plain(t->first + i * t->n + j * LANES, t->columns - j * LANES))
                return false;
    return true;
}

static ALWAYS_INLINE struct place place_of(const tile *t, size_t at)
{
    const size_t block = at / LS_PRODUCT_BLOCK;

    return (struct place){t->total + at, t->grid[block], t->largest + block * LS_PRODUCT_LANES};
}

/* Tiles at the edge, or across the border of blocks, at once. */
static ALWAYS_INLINE void add_now(const tile *t, const float *values, size_t parts, const size_t rows,
                                  const size_t vecs)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < vecs; j++, values += LANES) {
            const size_t at = t->first + i * t->n + j * LANES, n = t->columns - j * LANES;
            const struct place to = place_of(t, at);

            if (is_plain(at, n))
                add_to_grid(to.total, values, TILE_SIZE, parts, to.grid, t->start, to.largest);
            else
                add_slowly(t, at, values, n < LANES ? n : LANES, parts);
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
static ALWAYS_INLINE void run_parts(const tile *t, size_t parts, waiting *w, const size_t rows, const size_t vecs)
{
    float *const values = w->values[!w->here];
    const size_t each = ceil_div(w->left, parts);
    const float *B = t->B;

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < t->columns; j += 8) /* a line of the cache */
            __builtin_prefetch(t->total + t->first + i * t->n + j, 1);
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
                store(values + p * TILE_SIZE + (i * vecs + j) * LANES, acc[i][j]);
        B += t->runs[p].length * t->ldb;
        add_some(w, each);
    }
    if (!all_plain(t, rows, vecs)) {
        add_now(t, values, parts, rows, vecs);
        return; /* nothing waits any more */
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < vecs; j++)
            w->place[i * vecs + j] = place_of(t, t->first + i * t->n + j * LANES);
    w->here = !w->here;
    w->parts = parts;
    w->left = rows * vecs;
    w->start = t->start;
}

#define HEIGHT(R)                                                      \
    static void run_##R##_1(const tile *t)                             \
    {                                                                  \
        run_tile(t, R, 1);                                             \
    }                                                                  \
    static void run_##R##_2(const tile *t)                             \
    {                                                                  \
        run_tile(t, R, TILE_VECS);                                     \
    }                                                                  \
    static void parts_##R##_1(const tile *t, size_t parts, waiting *w) \
    {                                                                  \
        run_parts(t, parts, w, R, 1);                                  \
    }                                                                  \
    static void parts_##R##_2(const tile *t, size_t parts, waiting *w) \
    {                                                                  \
        run_parts(t, parts, w, R, TILE_VECS);                          \
    }
EACH_HEIGHT(HEIGHT)

#define ROW_OF_RUNS(R) {run_##R##_1, run_##R##_2},
#define ROW_OF_PARTS(R) {parts_##R##_1, parts_##R##_2},
static void (*const run_table[TILE_ROWS][2])(const tile *) = {EACH_HEIGHT(ROW_OF_RUNS)};
static void (*const parts_table[TILE_ROWS][2])(const tile *, size_t, waiting *) = {EACH_HEIGHT(ROW_OF_PARTS)};
