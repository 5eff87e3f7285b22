#include "train/shared_products.h"

#include <string.h>

#include "base/memory.h"
#include "base/profile.h"
#include "comm/wait.h"

#define SLOTS 8                       /* products of a rank that are shown at a time */
#define MOST_FLOATS ((size_t)4 << 20) /* of one */
#define LINE (LS_ALIGNMENT / sizeof(float))

/* A product, without addresses, which differ from rank to rank. */
typedef struct shown {
    bool ends; /* no product, but the end of an attempt */
    size_t first_block;
    size_t m, k, n, length;
} shown;

/* Of each rank, in the node's memory. Entries are numbered; number t is in slot t mod SLOTS. */
typedef struct board {
    ls_counter entries; /* so many so far */
    shown entry[SLOTS];
} board;

struct ls_shared_products {
    size_t part, parts;
    ls_add_rows_of_product add;
    void *context;
    board *board;      /* [parts] the node's */
    ls_counter *taken; /* [parts x parts] the node's: entries of a rank that another is through with */
    float *floats;     /* [parts x SLOTS x slot] the node's: A' (k,m), B (k,n), rows padded to whole lines */
    size_t slot;
    uint32_t mine;             /* entries of this rank so far */
    uint32_t *worked;          /* [parts] owned: entries of every rank that this one is through with */
    uint32_t *ended, attempts; /* [parts] owned: attempts that a rank has ended; those of this one */
    bool begun;                /* something was shown in this attempt */
};

static size_t padded(size_t n)
{
    return (n + LINE - 1) / LINE * LINE;
}

/* A rank's number of entries that `by` has taken. */
static ls_counter *taken(const ls_shared_products *x, size_t rank, size_t by)
{
    return &x->taken[rank * x->parts + by];
}

static float *floats_of(const ls_shared_products *x, size_t rank, uint32_t entry)
{
    return x->floats + (rank * SLOTS + entry % SLOTS) * x->slot;
}

void ls_shared_products_free(ls_shared_products *x)
{
    if (x) {
        ls_free(x->worked);
        ls_free(x->ended);
    }
    ls_free(x);
}

ls_status ls_shared_products_create(const ls_sharing *sharing, size_t largest, ls_add_rows_of_product add,
                                    void *context, ls_shared_products **out)
{
    static const char what[] = "what the ranks of a node show each other";
    const size_t parts = (size_t)sharing->parts;
    ls_shared_products *x = ls_calloc(1, sizeof *x, what);
    void *boards, *counters, *floats;
    ls_status st = LS_ERR_MEMORY;

    *out = NULL;
    if (x && (x->worked = ls_calloc(parts, sizeof *x->worked, what)) &&
        (x->ended = ls_calloc(parts, sizeof *x->ended, what)))
        st = LS_OK;
    LS_TRY_CLEANUP(sharing->agree(sharing->context, st, NULL));
    x->part = (size_t)sharing->part;
    x->parts = parts;
    x->add = add;
    x->context = context;
    x->slot = padded(largest < MOST_FLOATS ? largest : MOST_FLOATS);
    LS_TRY_CLEANUP(sharing->allocate(sharing->context, parts * sizeof *x->board, what, &boards));
    LS_TRY_CLEANUP(sharing->allocate(sharing->context, parts * parts * sizeof *x->taken, what, &counters));
    LS_TRY_CLEANUP(sharing->allocate(sharing->context, parts * SLOTS * x->slot * sizeof *x->floats, what, &floats));
    x->board = boards;
    x->taken = counters;
    x->floats = floats;
    *out = x;
    x = NULL;
cleanup:
    ls_shared_products_free(x);
    return st;
}

/* Rows of a product that `part` adds: whole blocks of sums. */
static void rows_of(const ls_shared_products *x, const shown *s, size_t *begin, size_t *end)
{
    const size_t whole = ls_block_rows(s->n), units = (s->m + whole - 1) / whole;

    *begin = units * x->part / x->parts * whole;
    *end = x->part + 1 < x->parts ? units * (x->part + 1) / x->parts * whole : s->m;
}

/* This rank's rows of an entry. */
static void work_at(const ls_shared_products *x, size_t rank, uint32_t entry)
{
    const shown *s = &x->board[rank].entry[entry % SLOTS];
    const float *const A = floats_of(x, rank, entry);
    size_t begin, end;

    rows_of(x, s, &begin, &end);
    if (begin < end)
        x->add(x->context,
               &(ls_product_sum){.A = ls_product_matrix(A, padded(s->m), true, s->m, s->k),
                                 .B = A + s->k * padded(s->m),
                                 .ldb = padded(s->n),
                                 .n = s->n,
                                 .length = s->length},
               s->first_block, begin, end - begin);
}

/* What a rank has shown and this one has not done yet. */
static void work(ls_shared_products *x, size_t rank)
{
    while (ls_counter_reached(&x->board[rank].entries, x->worked[rank] + 1)) {
        if (x->board[rank].entry[x->worked[rank] % SLOTS].ends)
            x->ended[rank]++;
        else
            work_at(x, rank, x->worked[rank]);
        ls_counter_raise(taken(x, rank, x->part), ++x->worked[rank]);
    }
}

/* Has everybody taken what was in the slot of this rank's entry `number`? */
static bool is_free(const ls_shared_products *x, uint32_t number)
{
    for (size_t r = 0; r < x->parts; r++)
        if (!ls_counter_reached(taken(x, x->part, r), number - SLOTS + 1))
            return false;
    return true;
}

/* A plain matrix that lies as X does, of so few rows that it is less to read than the kernel's sums. */
static bool is_worth_it(const ls_shared_products *x, const ls_product_sum *p)
{
    const ls_product_axis *row = &p->A.row, *sum = &p->A.sum;
    const size_t m = row->count[2], k = sum->count[2], n = p->n;

    return row->count[0] * row->count[1] * sum->count[0] * sum->count[1] == 1 && row->step[2] == 1 &&
           k <= m * n / (m + n) && k * (padded(m) + padded(n)) <= x->slot;
}

static void work_at_all(ls_shared_products *x)
{
    for (size_t r = 0; r < x->parts; r++)
        work(x, r);
}

/* One slot is left for the end of the attempt. */
bool ls_shared_products_show(ls_shared_products *x, const ls_product_sum *p, size_t first_block)
{
    const uint32_t number = x->mine;
    const size_t m = p->A.row.count[2], k = p->A.sum.count[2];
    const bool shows = is_worth_it(x, p) && is_free(x, number) && is_free(x, number + 1);

    if (shows) {
        float *const A = floats_of(x, x->part, number), *const B = A + k * padded(m);

        if (!x->begun)
            ls_profile_depart();
        x->begun = true;
        for (size_t i = 0; i < k; i++) {
            memcpy(A + i * padded(m), p->A.at + i * p->A.sum.step[2], m * sizeof *A);
            memcpy(B + i * padded(p->n), p->B + i * p->ldb, p->n * sizeof *B);
        }
        x->board[x->part].entry[number % SLOTS] =
            (shown){.first_block = first_block, .m = m, .k = k, .n = p->n, .length = p->length};
        ls_counter_raise(&x->board[x->part].entries, ++x->mine);
    }
    work_at_all(x);
    return shows;
}

/* The slot is free: what there was of attempts before has been taken by all, and the last product has left one. */
void ls_shared_products_finish(ls_shared_products *x)
{
    x->attempts++;
    x->board[x->part].entry[x->mine % SLOTS] = (shown){.ends = true};
    ls_counter_raise(&x->board[x->part].entries, ++x->mine);
    work_at_all(x);
    for (size_t r = 0; r < x->parts; r++)
        while (x->ended[r] != x->attempts) {
            ls_wait_begin("for what the others show");
            ls_counter_wait(&x->board[r].entries, x->worked[r] + 1);
            ls_wait_end();
            work(x, r);
        }
    if (x->begun)
        ls_profile_arrive();
    x->begun = false;
}
