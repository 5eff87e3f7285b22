#include "train/history.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/locale.h"
#include "base/memory.h"
#include "data/csv.h"

ls_status ls_history_create(ls_history **out)
{
    return (*out = ls_calloc(1, sizeof **out, "the history")) ? LS_OK : LS_ERR_MEMORY;
}

void ls_history_free(ls_history *h)
{
    if (!h)
        return;
    for (size_t c = 0; h->name && c < h->columns; c++)
        ls_free(h->name[c]);
    ls_free(h->name);
    ls_free(h->value);
    ls_free(h->epoch);
    ls_free(h);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

ls_status ls_history_set_columns(ls_history *h, const char *const *names, size_t n)
{
    if (h->columns)
        return LS_OK;
    if (!(h->name = ls_calloc(n, sizeof *h->name, "the history")))
        return LS_ERR_MEMORY;
    for (size_t c = 0; c < n; c++, h->columns++)
        if (!(h->name[c] = ls_strdup(names[c])))
            return LS_ERR_MEMORY;
    qsort(h->name, n, sizeof *h->name, by_name);
    return LS_OK;
}

static bool has_column(const ls_history *h, const char *name)
{
    for (size_t c = 0; c < h->columns; c++)
        if (strcmp(h->name[c], name) == 0)
            return true;
    return false;
}

ls_status ls_history_add_columns(ls_history *h, const char *const *names, size_t n)
{
    char **all;

    if (!(all = ls_realloc(h->name, h->columns + n, sizeof *all, "the history")))
        return LS_ERR_MEMORY;
    h->name = all;
    for (size_t i = 0; i < n; i++)
        if (!has_column(h, names[i])) {
            if (!(h->name[h->columns] = ls_strdup(names[i])))
                return LS_ERR_MEMORY;
            h->columns++;
        }
    qsort(h->name, h->columns, sizeof *h->name, by_name);
    return LS_OK;
}

/* Room for one more row. */
static ls_status reserve(ls_history *h)
{
    const size_t capacity = 2 * h->capacity + 16;
    size_t cells;
    double *value;
    uint64_t *numbers;

    if (h->epochs < h->capacity)
        return LS_OK;
    if (!ls_size_mul(capacity, h->columns, &cells) ||
        !(value = ls_realloc(h->value, cells, sizeof *value, "the history")))
        return LS_ERR_MEMORY;
    h->value = value;
    if (!(numbers = ls_realloc(h->epoch, capacity, sizeof *numbers, "the history")))
        return LS_ERR_MEMORY;
    h->epoch = numbers;
    h->capacity = capacity;
    return LS_OK;
}

/* The row that was filled behind the last one counts from now on. All NaN are one, so that they have one digest. */
static void finish_row(ls_history *h, uint64_t epoch)
{
    double *const row = h->value + h->epochs * h->columns;

    for (size_t c = 0; c < h->columns; c++)
        if (isnan(row[c]))
            row[c] = NAN;
    h->digest = XXH3_64bits_withSeed(&epoch, sizeof epoch, h->digest);
    h->digest = XXH3_64bits_withSeed(row, h->columns * sizeof *row, h->digest);
    h->epoch[h->epochs++] = epoch;
}

ls_status ls_history_add(ls_history *h, uint64_t epoch, const ls_log *logs, size_t n)
{
    double *row;

    LS_TRY(reserve(h));
    row = h->value + h->epochs * h->columns;
    for (size_t c = 0; c < h->columns; c++) {
        row[c] = NAN;
        for (size_t i = 0; i < n; i++)
            if (strcmp(logs[i].name, h->name[c]) == 0)
                row[c] = logs[i].value;
    }
    finish_row(h, epoch);
    return LS_OK;
}

ls_status ls_history_add_row(ls_history *h, uint64_t epoch, const double *value)
{
    LS_TRY(reserve(h));
    memcpy(h->value + h->epochs * h->columns, value, h->columns * sizeof *value);
    finish_row(h, epoch);
    return LS_OK;
}

void ls_python_float(double value, char out[LS_PYTHON_FLOAT_BYTES])
{
    if (isnan(value))
        snprintf(out, LS_PYTHON_FLOAT_BYTES, "nan");
    else
        ls_format_double(value, out, LS_PYTHON_FLOAT_BYTES);
    if (!strpbrk(out, ".en"))
        strcat(out, ".0");
}

static void add_number(ls_text *out, double value)
{
    char text[LS_PYTHON_FLOAT_BYTES];

    ls_python_float(value, text);
    ls_text_add(out, "%s", isnan(value) ? "NA" : text);
}

ls_status ls_history_csv(const ls_history *h, size_t first, ls_text *out)
{
    if (first == 0) {
        ls_text_add(out, "epoch");
        for (size_t c = 0; c < h->columns; c++)
            ls_text_add(out, ",%s", h->name[c]);
        ls_text_add(out, "\r\n");
    }
    for (size_t e = first; e < h->epochs; e++) {
        ls_text_add(out, "%" PRIu64, h->epoch[e]);
        for (size_t c = 0; c < h->columns; c++) {
            ls_text_add(out, ",");
            add_number(out, h->value[e * h->columns + c]);
        }
        ls_text_add(out, "\r\n");
    }
    return out->status;
}

/* A field as add_number writes it, or an epoch. */
static bool read_number(const char *field, double *out)
{
    char *end;

    *out = strcmp(field, "NA") == 0 ? NAN : ls_parse_double(field, &end);
    return isnan(*out) || (end != field && *end == '\0');
}

/* The next row of the file; LS_ERR_DATA: there is none like that. value [columns] is room for it. */
static ls_status read_row(ls_csv *csv, ls_history *h, double *value)
{
    ls_csv_row row;
    double epoch;

    LS_TRY(ls_csv_next(csv, &row));
    if (!row.field || !read_number(row.field[0], &epoch) || !(epoch >= 0 && epoch < 0x1p53))
        return LS_ERR_DATA;
    for (size_t c = 0; c < h->columns; c++)
        if (!read_number(row.field[c + 1], &value[c]))
            return LS_ERR_DATA;
    return ls_history_add_row(h, (uint64_t)epoch, value);
}

ls_status ls_history_prepend(ls_history *h, const char *path, uint64_t n, uint64_t digest)
{
    ls_history whole = {.columns = h->columns};
    double *value = ls_calloc(h->columns, sizeof *value, "the history");
    ls_csv *csv = NULL;
    size_t columns = 0;
    ls_status st = value ? ls_csv_open(path, ',', true, &csv) : LS_ERR_MEMORY;

    if (st == LS_OK)
        ls_csv_names(csv, &columns);
    if (st == LS_OK && columns != h->columns + 1)
        st = LS_ERR_DATA;
    for (uint64_t i = 0; i < n && st == LS_OK; i++)
        st = read_row(csv, &whole, value);
    for (size_t i = 0; i < h->epochs && st == LS_OK; i++)
        st = ls_history_add_row(&whole, h->epoch[i], h->value + i * h->columns);
    if (st == LS_OK && whole.digest != digest)
        st = LS_ERR_DATA;
    if (st == LS_OK) { /* the names stay */
        const ls_history part = *h;

        whole.name = part.name;
        *h = whole;
        whole = part;
    }
    ls_csv_close(csv);
    ls_free(whole.value);
    ls_free(whole.epoch);
    ls_free(value);
    if (st == LS_OK || st == LS_ERR_MEMORY)
        return st;
    return ls_fail(LS_ERR_DATA, "'%s' is not what this run wrote", path);
}

/* ---- for programs: include/lockstep/estimator.h ---- */

size_t ls_history_count(const ls_history *h)
{
    return h->epochs;
}

size_t ls_history_columns(const ls_history *h)
{
    return h->columns;
}

const char *ls_history_name(const ls_history *h, size_t i)
{
    return h->name[i];
}

uint64_t ls_history_epoch(const ls_history *h, size_t row)
{
    return h->epoch[row];
}

double ls_history_value(const ls_history *h, size_t row, const char *name)
{
    for (size_t c = 0; c < h->columns && row < h->epochs; c++)
        if (strcmp(h->name[c], name) == 0)
            return h->value[row * h->columns + c];
    return NAN;
}
