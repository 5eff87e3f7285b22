#include "data/sampler.h"

#define MICROBATCH_MIN 16
#define MICROBATCH_MAX 64

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* floor(a * b / c) for a <= c without overflow of the product. */
static uint64_t portion(uint64_t a, uint64_t b, uint64_t c)
{
    return a * (b / c) + a * (b % c) / c;
}

uint64_t ls_microbatch_auto(uint64_t batch)
{
    uint64_t m = MICROBATCH_MIN;

    while (2 * m <= batch / 4 && 2 * m <= MICROBATCH_MAX)
        m *= 2;
    return least(m, batch);
}

uint64_t ls_batches(uint64_t n, uint64_t batch)
{
    return ceil_div(n, batch);
}

uint64_t ls_samples_in(uint64_t batches, uint64_t batch, uint64_t n)
{
    const uint64_t pass = ls_batches(n, batch);

    return batches / pass * n + batches % pass * batch; /* only the last batch of a pass is short */
}

ls_slice ls_slice_of(uint64_t n, uint64_t batch, uint64_t microbatch, uint64_t k, int rank, int size)
{
    const uint64_t r = (uint64_t)rank, P = (uint64_t)size;
    ls_slice s = {.microbatch = microbatch};
    uint64_t begin, end; /* rows of this rank within the batch */
    uint64_t M;

    if (k < ls_batches(n, batch))
        s.batch_rows = least(batch, n - k * batch);
    M = ls_batch_microbatches(&s);
    s.first = portion(r, M, P);
    s.count = portion(r + 1, M, P) - s.first;
    begin = least(s.first * microbatch, s.batch_rows);
    end = s.first + s.count == M ? s.batch_rows : (s.first + s.count) * microbatch;
    s.begin = k * batch + begin;
    s.rows = end - begin;
    return s;
}

uint64_t ls_slice_rows_max(uint64_t batch, uint64_t microbatch, int size)
{
    uint64_t most = 0;

    /* A shorter batch gives no rank more than a full one. */
    for (int rank = 0; rank < size; rank++) {
        const uint64_t rows = ls_slice_of(batch, batch, microbatch, 0, rank, size).rows;

        if (rows > most)
            most = rows;
    }
    return most;
}
