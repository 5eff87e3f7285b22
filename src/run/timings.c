#include "run/timings.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/locale.h"
#include "base/memory.h"
#include "data/csv.h"

#define COLUMNS 6
static const char header[] = "epochs,updates,samples,seconds,train_seconds,ranks\n";

void ls_timings_reset(ls_timings *t)
{
    ls_free(t->row);
    *t = (ls_timings){0};
}

static ls_status append(ls_timings *t, const ls_timing *row)
{
    if (t->n == t->capacity) {
        const size_t capacity = 2 * t->capacity + 16;
        ls_timing *grown = ls_realloc(t->row, capacity, sizeof *grown, "the timings");

        if (!grown)
            return LS_ERR_MEMORY;
        t->row = grown;
        t->capacity = capacity;
    }
    t->row[t->n++] = *row;
    return LS_OK;
}

/* LS_ERR_DATA: no row of ours. */
static ls_status read_row(const ls_csv_row *from, ls_timing *out)
{
    double value[COLUMNS];

    for (size_t i = 0; i < COLUMNS; i++) {
        char *end;

        value[i] = ls_parse_double(from->field[i], &end);
        if (end == from->field[i] || *end || !(value[i] >= 0 && value[i] < 0x1p53))
            return LS_ERR_DATA;
    }
    *out = (ls_timing){value[0], (uint64_t)value[1], (uint64_t)value[2], value[3], value[4], (int)fmin(value[5], 1e9)};
    return LS_OK;
}

static ls_status read_rows(const char *path, uint64_t updates, ls_timings *out)
{
    ls_csv *csv;
    ls_csv_row from;
    size_t columns;
    ls_status st;

    LS_TRY(ls_csv_open(path, ',', true, &csv));
    ls_csv_names(csv, &columns);
    st = columns == COLUMNS ? ls_csv_next(csv, &from) : LS_ERR_DATA;
    while (st == LS_OK && from.field) {
        ls_timing row = {0};

        st = read_row(&from, &row);
        if (st == LS_OK && row.updates > updates)
            break;
        if (st == LS_OK)
            st = append(out, &row);
        if (st == LS_OK)
            st = ls_csv_next(csv, &from);
    }
    ls_csv_close(csv);
    return st;
}

ls_status ls_timings_read(const char *path, uint64_t updates, ls_timings *out)
{
    ls_status st = LS_OK;

    *out = (ls_timings){.known = true};
    if (updates == 0)
        return LS_OK;
    if (!ls_file_exists(path) || (st = read_rows(path, updates, out)) != LS_OK || out->n == 0 ||
        out->row[out->n - 1].updates != updates) {
        ls_timings_reset(out);
    }
    return st == LS_ERR_MEMORY ? st : LS_OK;
}

static bool is_within_epoch(const ls_timing *row)
{
    return row->epochs != floor(row->epochs);
}

ls_status ls_timings_add(ls_timings *t, const ls_timing *row, size_t keep)
{
    size_t kept = 0, within = is_within_epoch(row);

    if (!t->known)
        return LS_OK;
    for (size_t i = 0; i < t->n; i++)
        within += is_within_epoch(&t->row[i]);
    for (size_t i = 0; i < t->n; i++) {
        const bool too_old = is_within_epoch(&t->row[i]) && within > keep + 1;

        within -= too_old;
        if (!too_old && t->row[i].updates != row->updates)
            t->row[kept++] = t->row[i];
    }
    t->n = kept;
    return append(t, row);
}

ls_status ls_timings_csv(const ls_timings *t, ls_text *out)
{
    ls_text_add(out, "%s", header);
    for (size_t i = 0; i < t->n; i++) {
        const ls_timing *row = &t->row[i];
        char epochs[32];

        ls_format_double(row->epochs, epochs, sizeof epochs);
        ls_text_add(out, "%s,%" PRIu64 ",%" PRIu64 ",%.6f,%.6f,%d\n", epochs, row->updates, row->samples, row->seconds,
                    row->train_seconds, row->ranks);
    }
    return out->status;
}
