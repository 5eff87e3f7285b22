#include "random/permutation.h"

#include <stdbool.h>

#include "base/memory.h"
#include "random/bijection.h"

/* The last part of the address of random numbers: what is permuted. Part of the format. */
enum { PART_WHOLE = 0, PART_CHUNKS = 1, PART_WINDOWS = 2 /* and the number of the window */ };

typedef enum order_kind { WHOLE, WINDOWED, IN_ORDER } order_kind;

/* The rows of one window. */
typedef struct window_rows {
    ls_bijection order;
    uint64_t window; /* UINT64_MAX: none chosen yet */
} window_rows;

struct ls_permutation {
    order_kind kind;
    uint64_t n, seed, epoch;
    ls_bijection order; /* WHOLE: of the samples; WINDOWED: of the chunks */

    uint64_t chunk, window; /* rows of a chunk, chunks of a window */
    uint64_t chunks;
    uint64_t missing;  /* rows that the short chunk lacks */
    uint64_t short_at; /* where the short chunk stands among the permuted ones */
    window_rows *rows; /* [2] WINDOWED: of the even and of the odd window that was asked for last */
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void prepare(ls_permutation *p)
{
    const ls_stream stream =
        ls_stream_at(p->seed, LS_PURPOSE_SHUFFLE, p->epoch, p->kind == WHOLE ? PART_WHOLE : PART_CHUNKS);

    ls_bijection_choose(&p->order, p->kind == WHOLE ? p->n : p->chunks, &stream);
    if (p->kind == WINDOWED) {
        p->short_at = ls_bijection_find(&p->order, p->chunks - 1);
        p->rows[0].window = p->rows[1].window = UINT64_MAX;
    }
}

static ls_status create(uint64_t n, order_kind kind, const ls_windows *windows, uint64_t seed, ls_permutation **out)
{
    ls_permutation *p = ls_calloc(1, sizeof *p, "a permutation");
    ls_status st = LS_OK;

    *out = NULL;
    if (!p)
        return LS_ERR_MEMORY;
    p->kind = kind;
    p->n = n;
    p->seed = seed;
    if (windows) {
        p->chunk = smaller(windows->chunk, n);
        p->chunks = n / p->chunk + (n % p->chunk != 0);
        p->window = smaller(windows->window, p->chunks);
        p->missing = n % p->chunk ? p->chunk - n % p->chunk : 0;
        p->short_at = p->chunks - 1;
    }
    if (kind != IN_ORDER)
        LS_TRY_CLEANUP(ls_bijection_init(&p->order, kind == WHOLE ? n : p->chunks));
    if (kind == WINDOWED) {
        if (!(p->rows = ls_calloc(2, sizeof *p->rows, "a permutation"))) {
            st = LS_ERR_MEMORY;
            goto cleanup;
        }
        for (int i = 0; i < 2; i++)
            LS_TRY_CLEANUP(ls_bijection_init(&p->rows[i].order, ls_permutation_window_rows_max(p)));
    }
    if (kind != IN_ORDER)
        prepare(p);
    *out = p;
    p = NULL;
cleanup:
    ls_permutation_free(p);
    return st;
}

ls_status ls_permutation_create(uint64_t n, uint64_t seed, ls_permutation **out)
{
    return create(n, WHOLE, NULL, seed, out);
}

ls_status ls_permutation_create_windowed(uint64_t n, const ls_windows *windows, uint64_t seed, ls_permutation **out)
{
    return create(n, WINDOWED, windows, seed, out);
}

ls_status ls_permutation_create_in_order(uint64_t n, const ls_windows *windows, ls_permutation **out)
{
    return create(n, IN_ORDER, windows, 0, out);
}

void ls_permutation_free(ls_permutation *permutation)
{
    if (!permutation)
        return;
    for (int i = 0; permutation->rows && i < 2; i++)
        ls_bijection_reset(&permutation->rows[i].order);
    ls_free(permutation->rows);
    ls_bijection_reset(&permutation->order);
    ls_free(permutation);
}

void ls_permutation_set_epoch(ls_permutation *permutation, uint64_t epoch)
{
    if (epoch == permutation->epoch)
        return;
    permutation->epoch = epoch;
    if (permutation->kind != IN_ORDER)
        prepare(permutation);
}

uint64_t ls_permutation_epoch(const ls_permutation *permutation)
{
    return permutation->epoch;
}

/* ---- chunks in their order: each is followed by the next without a gap, the short one too ---- */

/* The position where the chunk at place q begins; n for q = chunks. */
static uint64_t chunk_begin(const ls_permutation *p, uint64_t q)
{
    return q * p->chunk - (q > p->short_at ? p->missing : 0);
}

/* The place of the chunk that holds a position. */
static uint64_t chunk_place(const ls_permutation *p, uint64_t position)
{
    return (position < chunk_begin(p, p->short_at + 1) ? position : position + p->missing) / p->chunk;
}

static uint64_t chunk_at(const ls_permutation *p, uint64_t q)
{
    return p->kind == IN_ORDER ? q : ls_bijection_at(&p->order, q);
}

static uint64_t window_begin(const ls_permutation *p, uint64_t window)
{
    return chunk_begin(p, smaller(window * p->window, p->chunks));
}

/* The permutation of a window's rows. */
static const ls_bijection *rows_of(const ls_permutation *p, uint64_t window)
{
    window_rows *r = &p->rows[window % 2];

    if (r->window != window) {
        const ls_stream stream = ls_stream_at(p->seed, LS_PURPOSE_SHUFFLE, p->epoch, PART_WINDOWS + window);

        ls_bijection_choose(&r->order, window_begin(p, window + 1) - window_begin(p, window), &stream);
        r->window = window;
    }
    return &r->order;
}

ls_sample_place ls_permutation_place(const ls_permutation *permutation, uint64_t position)
{
    const ls_permutation *p = permutation;
    const uint64_t window = ls_permutation_window_of(p, position), begin = window_begin(p, window);
    uint64_t row = position - begin, q;

    if (p->kind == WINDOWED)
        row = ls_bijection_at(rows_of(p, window), row);
    q = chunk_place(p, begin + row);
    return (ls_sample_place){
        .sample = chunk_at(p, q) * p->chunk + (begin + row - chunk_begin(p, q)), .window = window, .row = row};
}

uint64_t ls_permutation_at(const ls_permutation *permutation, uint64_t position)
{
    if (permutation->kind == WHOLE)
        return ls_bijection_at(&permutation->order, position);
    return ls_permutation_place(permutation, position).sample;
}

uint64_t ls_permutation_windows(const ls_permutation *permutation)
{
    return permutation->chunks / permutation->window + (permutation->chunks % permutation->window != 0);
}

uint64_t ls_permutation_window_of(const ls_permutation *permutation, uint64_t position)
{
    return chunk_place(permutation, position) / permutation->window;
}

uint64_t ls_permutation_window_rows_max(const ls_permutation *permutation)
{
    /* In bounds: the window has all chunks, or fewer of them. */
    return permutation->window == permutation->chunks ? permutation->n : permutation->window * permutation->chunk;
}

/* All windows between the first and the last one that are touched lie in the range whole: at most one has the short
 * chunk. */
uint64_t ls_permutation_windows_of(const ls_permutation *permutation, uint64_t count)
{
    const uint64_t full = ls_permutation_window_rows_max(permutation), smallest = full - permutation->missing;
    uint64_t most = count < 2 ? count : 2;

    if (count >= 2 + smallest)
        most += 1 + (count - 2 - smallest) / full;
    return smaller(most, ls_permutation_windows(permutation));
}

uint64_t ls_permutation_window_chunks(const ls_permutation *permutation, uint64_t window)
{
    return smaller(permutation->window, permutation->chunks - window * permutation->window);
}

ls_chunk ls_permutation_chunk(const ls_permutation *permutation, uint64_t window, uint64_t k)
{
    const uint64_t q = window * permutation->window + k, begin = chunk_begin(permutation, q);

    return (ls_chunk){.first = chunk_at(permutation, q) * permutation->chunk,
                      .rows = chunk_begin(permutation, q + 1) - begin,
                      .row = begin - window_begin(permutation, window)};
}
