#include "data/deal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/csv.h"
#include "h5/output.h"
#include "random/philox.h"

#define SUM_TOLERANCE 1e-6 /* of fractions: 0.33 + 0.33 + 0.34 is not 1 in binary */

typedef struct place {
    double group; /* what the row is sorted by first: its stratum, then its split */
    uint64_t key; /* then: a random number, or 0 for the order of the file */
    size_t row;
} place;

static int by_place(const void *a, const void *b)
{
    const place *const p = a, *const q = b;

    if (p->group != q->group)
        return p->group < q->group ? -1 : 1;
    if (p->key != q->key)
        return p->key < q->key ? -1 : 1;
    return p->row < q->row ? -1 : p->row > q->row;
}

static ls_status read_fractions(const ls_settings *splits, double *fraction)
{
    double sum = 0;

    for (size_t s = 0; s < splits->n; s++) {
        const ls_setting *const split = &splits->at[s];

        if (ls_csv_number(split->value, &fraction[s]) > LS_CSV_NUMBER || !(fraction[s] > 0 && fraction[s] <= 1))
            return ls_fail(LS_ERR_USAGE, "split '%s' must be a fraction of the rows, above 0 and up to 1, not '%s'",
                           split->key, split->value);
        sum += fraction[s];
    }
    if (fabs(sum - 1) > SUM_TOLERANCE)
        return ls_fail(LS_ERR_USAGE, "the fractions of the splits add up to %.9g; they must add up to 1", sum);
    return LS_OK;
}

/*
 * Row after row to the split that is furthest behind its share: after any number of rows each split has its share to
 * within one or two rows; so, with the rows sorted by stratum, in every stratum, and over all of them.
 */
static void deal(place *places, size_t n, const double *fraction, size_t *count, size_t splits)
{
    for (size_t i = 0; i < n; i++) {
        size_t most = 0;

        for (size_t s = 1; s < splits; s++)
            if (fraction[s] * (double)(i + 1) - (double)count[s] >
                fraction[most] * (double)(i + 1) - (double)count[most])
                most = s;
        places[i].group = (double)most;
        count[most]++;
    }
}

/* The first rows to the first split, the next ones to the second … */
static void cut(place *places, size_t n, const double *fraction, size_t *count, size_t splits)
{
    double sum = 0;
    size_t begin = 0;

    for (size_t s = 0; s < splits; s++) {
        size_t end;

        sum += fraction[s];
        end = s + 1 == splits || sum >= 1 ? n : (size_t)(sum * (double)n + 0.5);
        for (size_t i = begin; i < end; i++)
            places[i].group = (double)s;
        count[s] = end - begin;
        begin = end;
    }
}

static ls_status split_by_fractions(const ls_deal *d, place *places, size_t n, size_t *count)
{
    const size_t splits = d->splits->n;
    double *const fraction = ls_calloc(splits, sizeof *fraction, "splits");
    ls_status st;

    if (!fraction)
        return LS_ERR_MEMORY;
    LS_TRY_CLEANUP(read_fractions(d->splits, fraction));
    for (size_t r = 0; d->stratum && r < n; r++)
        places[r].group = isnan(d->stratum[r]) ? -INFINITY : d->stratum[r];
    if (d->in_order) {
        cut(places, n, fraction, count, splits);
    } else {
        qsort(places, n, sizeof *places, by_place);
        deal(places, n, fraction, count, splits);
    }
cleanup:
    ls_free(fraction);
    return st;
}

ls_status ls_rows_deal(const ls_deal *d, size_t n, ls_rows *rows)
{
    const ls_stream stream = ls_stream_at(d->seed, LS_PURPOSE_SPLIT, 0, 0);
    const size_t splits = d->splits->n;
    place *const places = ls_calloc(n, sizeof *places, "rows");
    size_t *const count = ls_calloc(splits, sizeof *count, "splits");
    ls_status st = LS_ERR_MEMORY;

    *rows = (ls_rows){.row = ls_calloc(n, sizeof *rows->row, "rows"),
                      .first = ls_calloc(splits + 1, sizeof *rows->first, "splits")};
    if (!places || !count || !rows->row || !rows->first)
        goto cleanup;
    for (size_t r = 0; r < n; r++) {
        uint32_t bits[2];

        ls_stream_bits(&stream, 2 * r, 2, bits);
        places[r] = (place){.key = (uint64_t)bits[0] << 32 | bits[1], .row = r};
    }
    if (d->source)
        LS_TRY_CLEANUP(split_by_fractions(d, places, n, count));
    for (size_t r = 0; !d->source && r < n; r++) {
        places[r].group = (double)d->split[r];
        count[d->split[r]]++;
    }
    for (size_t r = 0; !d->shuffle && r < n; r++)
        places[r].key = 0;
    qsort(places, n, sizeof *places, by_place);
    for (size_t r = 0; r < n; r++)
        rows->row[r] = places[r].row;
    st = LS_OK;
    for (size_t s = 0; s < splits; s++) {
        rows->first[s + 1] = rows->first[s] + count[s];
        if (count[s] == 0) {
            st = ls_fail(LS_ERR_DATA, "split '%s' gets none of the %zu rows of %s", d->splits->at[s].key, n,
                         d->source ? d->source : d->splits->at[s].value);
            break;
        }
    }
cleanup:
    ls_free(places);
    ls_free(count);
    return st;
}

void ls_rows_reset(ls_rows *rows)
{
    ls_free(rows->row);
    ls_free(rows->first);
    *rows = (ls_rows){0};
}

ls_status ls_splits_check(const ls_settings *splits, size_t *train)
{
    *train = 0;
    if (splits->n == 0)
        return ls_fail(LS_ERR_USAGE, "nothing to import: name at least one split");
    for (size_t i = 0; i < splits->n; i++) {
        const char *const name = splits->at[i].key;

        LS_TRY(ls_h5_output_check_split(name));
        for (size_t j = 0; j < i; j++)
            if (strcmp(name, splits->at[j].key) == 0)
                return ls_fail(LS_ERR_USAGE, "split '%s' is given twice", name);
        if (strcmp(name, "train") == 0)
            *train = i;
    }
    return LS_OK;
}
