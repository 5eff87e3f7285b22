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
    const float *A;              /* packed: element (r, step) at r + step height; NULL: not packed, but … */
    const float *row[TILE_ROWS]; /* … in memory, at step 0 of the sum */
    const run *runs;             /* [run_count] */
    size_t run_count, step;
    size_t length;  /* steps: if packed, of each part but the last */
    const float *B; /* the first of the steps at this panel */
    size_t ldb;
    size_t columns; /* in the panel */
    float *C;
    size_t ldc;
    bool add;
    const float *bias; /* NULL: none */
    bool relu;

    /* of a sum: */
    size_t parts, last; /* steps of the last part */
    double *total;
    const double *grid;
    int32_t *largest;
    size_t first, n; /* of the tile's first element in C (m,n) */
    bool start;
    bool finite; /* no product of A and B, and no sum of them, can be Inf or NaN */
} tile;

typedef vec corner[TILE_ROWS][TILE_VECS];

/* acc += a[.][q] B for one step of the sum. */
static ALWAYS_INLINE void add_step(const float *const *a, size_t q, const float *B, corner acc, const size_t rows,
                                   const size_t vecs)
{
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

/* acc += A B over the runs. rows and vecs are constants to the compiler. */
static ALWAYS_INLINE void chain_of_runs(const tile *t, corner acc, const size_t rows, const size_t vecs)
{
    const size_t step = t->step, ldb = t->ldb;
    const float *B = t->B;

    for (size_t r = 0; r < t->run_count; r++) {
        const float *a[TILE_ROWS];
        const size_t end = t->runs[r].length * step;

#pragma GCC unroll 16
        for (size_t i = 0; i < rows; i++)
            a[i] = t->row[i] + t->runs[r].offset;
        for (size_t q = 0; q < end; q += step, B += ldb)
            add_step(a, q, B, acc, rows, vecs);
    }
}

/* acc += A B over `length` steps of a packed strip. */
static ALWAYS_INLINE void chain(const float *A, size_t length, const float *B, size_t ldb, corner acc,
                                const size_t rows, const size_t vecs)
{
    for (const float *const end = A + length * rows; A < end; A += rows, B += ldb) {
        const float *a[TILE_ROWS];

#pragma GCC unroll 16
        for (size_t i = 0; i < rows; i++)
            a[i] = A + i;
        add_step(a, 0, B, acc, rows, vecs);
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

/* Where a vector of a tile is to be added. */
typedef struct place {
    double *total;
    double grid;
    int32_t *largest;
    size_t at; /* of its first part among the values that wait */
} place;

/*
 * The tiles of several parts that wait, in the first-level cache, to be added to their totals. That is done between the
 * chains of the tiles after them: it depends on none of these, so the processor does both at a time.
 */
typedef struct waiting {
    /* Part after part: these tiles, and the next ones. A vector more, for what is stored behind a row. */
    _Alignas(64) float values[2][PARTS_MAX * TILE_SIZE + LANES];
    size_t here;        /* which are which */
    size_t parts, left; /* vectors that have not been added */
    bool start, finite;
    place vector[2][TILE_ROWS * TILE_VECS];
} waiting;

/* n more vectors, all parts of each. */
static ALWAYS_INLINE void add_some(waiting *w, size_t n)
{
    const float *const values = w->values[w->here];

    for (; n > 0 && w->left > 0; n--) {
        const place *const to = &w->vector[w->here][--w->left];

#ifdef HAS_FINITE
        if (w->finite) {
            add_finite_to_grid(to->total, values + to->at, TILE_SIZE, w->parts, to->grid, w->start, to->largest);
            continue;
        }
#endif
        add_to_grid(to->total, values + to->at, TILE_SIZE, w->parts, to->grid, w->start, to->largest);
    }
}

/* Elements of one row that do not fill a vector, or lie in two blocks. */
static __attribute__((noinline)) void add_slowly(const tile *t, size_t at, const float *values, size_t n)
{
    const size_t block = at / LS_PRODUCT_BLOCK;
    const double M = t->grid[block];
    int32_t *const largest = &t->largest[block * LS_PRODUCT_LANES], top = *largest;

    for (size_t i = 0; i < n; i++, at++) {
        double total = t->start ? 0 : t->total[at];

        for (size_t p = 0; p < t->parts; p++) {
            const float value = values[p * TILE_SIZE + i];
            int32_t size;

            memcpy(&size, &value, sizeof size);
            size &= INT32_MAX;
            top = size > top ? size : top;
            total += ((double)value + M) - M;
        }
        t->total[at] = total;
    }
    *largest = top;
}

/* A tile that is as wide as C lies in one run, its values too; else every row is one. */
static ALWAYS_INLINE size_t values_apart(const tile *t, const size_t vecs)
{
    return t->columns == t->n ? t->n : vecs * LANES;
}

static ALWAYS_INLINE place place_of(const tile *t, size_t to, size_t at)
{
    const size_t block = to / LS_PRODUCT_BLOCK;

    return (place){t->total + to, t->grid[block], t->largest + block * LS_PRODUCT_LANES, at};
}

/* All vectors of the registers are whole, and each on one grid. */
static ALWAYS_INLINE bool is_even(const tile *t, const size_t vecs)
{
    return t->columns == vecs * LANES && t->n % LANES == 0;
}

/*
 * Cuts a tile that is not into vectors that are; they are left for add_some. What remains is added now if there are
 * `values`. Returns how many vectors.
 */
static ALWAYS_INLINE size_t cut_tile(const tile *t, const float *values, place *vector, const size_t rows,
                                     const size_t vecs)
{
    const bool whole = t->columns == t->n;
    const size_t length = whole ? rows * t->n : t->columns, apart = values_apart(t, vecs);
    size_t count = 0;

    for (size_t r = 0; r < (whole ? 1 : rows); r++)
        for (size_t at = 0, n; at < length; at += n) {
            const size_t to = t->first + r * t->n + at;

            n = least(least(LANES, length - at), LS_PRODUCT_BLOCK - to % LS_PRODUCT_BLOCK);
            if (n == LANES)
                vector[count++] = place_of(t, to, r * apart + at);
            else if (values)
                add_slowly(t, to, values + r * apart + at, n);
        }
    return count;
}

static ALWAYS_INLINE size_t places_of_tile(const tile *t, place *vector, const size_t rows, const size_t vecs)
{
    if (!is_even(t, vecs))
        return cut_tile(t, NULL, vector, rows, vecs);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < vecs; j++)
            vector[i * vecs + j] = place_of(t, t->first + i * t->n + j * LANES, (i * vecs + j) * LANES);
    return rows * vecs;
}

static ALWAYS_INLINE void run_tile(const tile *t, const size_t rows, const size_t vecs)
{
    corner acc;

    begin(acc, rows, vecs);
    if (t->A)
        chain(t->A, t->length, t->B, t->ldb, acc, rows, vecs);
    else
        chain_of_runs(t, acc, rows, vecs);
    if (t->add)
        add_old(t, acc, rows, vecs);
    end(t, acc, rows, vecs);
}

/* Totals of rows [begin, end) into the cache, before they are wanted. */
static ALWAYS_INLINE void fetch_totals(const tile *t, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        for (size_t j = 0; j < t->columns; j += 8) /* a line of the cache */
            __builtin_prefetch(t->total + t->first + i * t->n + j, 1);
}

/* Several parts of a sum; the first goes on from C when adding. */
static ALWAYS_INLINE void run_parts(const tile *t, waiting *w, const size_t rows, const size_t vecs)
{
    const size_t each = ceil_div(w->left, t->parts), apart = values_apart(t, vecs);
    place *const vector = w->vector[!w->here];
    float *const values = w->values[!w->here];
    const size_t vectors = places_of_tile(t, vector, rows, vecs);
    const float *A = t->A, *B = t->B;

    for (size_t p = 0; p < t->parts; p++) {
        const size_t length = p + 1 < t->parts ? t->length : t->last;
        float *const out = values + p * TILE_SIZE;
        corner acc;

        fetch_totals(t, p * rows / t->parts, (p + 1) * rows / t->parts);
        begin(acc, rows, vecs);
        chain(A, length, B, WIDTH, acc, rows, vecs);
        if (t->add && p == 0)
            add_old(t, acc, rows, vecs);
#pragma GCC unroll 16
        for (size_t i = 0; i < rows; i++)
#pragma GCC unroll 4
            for (size_t j = 0; j < vecs; j++)
                store(out + i * apart + j * LANES, acc[i][j]);
        A += length * rows;
        B += length * WIDTH;
        add_some(w, each);
    }
    if (!is_even(t, vecs))
        cut_tile(t, values, vector, rows, vecs);
    w->here = !w->here;
    w->parts = t->parts;
    w->left = vectors;
    w->start = t->start;
    w->finite = t->finite;
}

#define HEIGHT(R)                                        \
    static void run_##R##_1(const tile *t)               \
    {                                                    \
        run_tile(t, R, 1);                               \
    }                                                    \
    static void run_##R##_2(const tile *t)               \
    {                                                    \
        run_tile(t, R, TILE_VECS);                       \
    }                                                    \
    static void parts_##R##_1(const tile *t, waiting *w) \
    {                                                    \
        run_parts(t, w, R, 1);                           \
    }                                                    \
    static void parts_##R##_2(const tile *t, waiting *w) \
    {                                                    \
        run_parts(t, w, R, TILE_VECS);                   \
    }
EACH_HEIGHT(HEIGHT)

#define ROW_OF_RUNS(R) {run_##R##_1, run_##R##_2},
#define ROW_OF_PARTS(R) {parts_##R##_1, parts_##R##_2},
static void (*const run_table[TILE_ROWS][2])(const tile *) = {EACH_HEIGHT(ROW_OF_RUNS)};
static void (*const parts_table[TILE_ROWS][2])(const tile *, waiting *) = {EACH_HEIGHT(ROW_OF_PARTS)};
