#include "run/timings.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/locale.h"
#include "base/memory.h"
#include "data/csv.h"

#define COLUMNS 6
static const char header[] = "epochs,updates,samples,seconds,train_seconds,ranks\n";

void ls_timings_reset(ls_timings *t)
{
    ls_free(t->path);
    ls_text_reset(&t->earlier);
    *t = (ls_timings){0};
}

static void add_row(const ls_timing *row, ls_text *out)
{
    char epochs[32];

    ls_format_double(row->epochs, epochs, sizeof epochs);
    ls_text_add(out, "%s,%" PRIu64 ",%" PRIu64 ",%.6f,%.6f,%d\n", epochs, row->updates, row->samples, row->seconds,
                row->train_seconds, row->ranks);
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
        if (st == LS_OK) {
            out->last = row;
            add_row(&row, &out->earlier);
            st = ls_csv_next(csv, &from);
        }
    }
    ls_csv_close(csv);
    return st;
}

/* It lacks the beginning and would tell wrong times. */
static ls_status give_up(ls_timings *t)
{
    ls_status st = LS_OK;

    if (remove(t->path) != 0 && errno != ENOENT)
        st = ls_fail(LS_ERR_IO, "cannot remove '%s', which is out of date: %s", t->path, strerror(errno));
    ls_timings_reset(t);
    return st;
}

ls_status ls_timings_open(const char *path, uint64_t updates, ls_timings *out)
{
    ls_status st = LS_OK;

    *out = (ls_timings){.path = ls_strdup(path)};
    if (!out->path)
        return LS_ERR_MEMORY;
    if (updates == 0)
        return LS_OK;
    st = ls_file_exists(path) ? read_rows(path, updates, out) : LS_ERR_DATA;
    if (st == LS_ERR_MEMORY || out->earlier.status != LS_OK)
        return LS_ERR_MEMORY;
    return st == LS_OK && out->last.updates == updates ? LS_OK : give_up(out);
}

ls_status ls_timings_add(ls_timings *t, const ls_timing *row)
{
    ls_text text = {0};
    ls_status st;

    if (!t->path || (t->last.epochs > 0 && t->last.updates == row->updates))
        return LS_OK;
    if (!t->has_begun)
        ls_text_add(&text, "%s%s", header, t->earlier.data ? t->earlier.data : "");
    add_row(row, &text);
    st = text.status;
    if (st == LS_OK)
        st = t->has_begun ? ls_file_append(t->path, text.data, text.length)
                          : ls_file_replace(t->path, text.data, text.length);
    ls_text_reset(&text);
    ls_text_reset(&t->earlier);
    t->last = *row;
    t->has_begun = true;
    return st;
}
