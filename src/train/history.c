#include "train/history.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

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

ls_status ls_history_add(ls_history *h, uint64_t epoch, const ls_log *logs, size_t n)
{
    double *row;

    if (h->epochs == h->capacity) {
        const size_t capacity = 2 * h->capacity + 16;
        size_t cells;
        double *value;
        uint64_t *numbers;

        if (!ls_size_mul(capacity, h->columns, &cells) ||
            !(value = ls_realloc(h->value, cells, sizeof *value, "the history")))
            return LS_ERR_MEMORY;
        h->value = value;
        if (!(numbers = ls_realloc(h->epoch, capacity, sizeof *numbers, "the history")))
            return LS_ERR_MEMORY;
        h->epoch = numbers;
        h->capacity = capacity;
    }
    row = h->value + h->epochs * h->columns;
    for (size_t c = 0; c < h->columns; c++) {
        row[c] = NAN;
        for (size_t i = 0; i < n; i++)
            if (strcmp(logs[i].name, h->name[c]) == 0)
                row[c] = logs[i].value;
    }
    h->epoch[h->epochs++] = epoch;
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

ls_status ls_history_csv(const ls_history *h, ls_text *out)
{
    ls_text_add(out, "epoch");
    for (size_t c = 0; c < h->columns; c++)
        ls_text_add(out, ",%s", h->name[c]);
    ls_text_add(out, "\r\n");
    for (size_t e = 0; e < h->epochs; e++) {
        ls_text_add(out, "%" PRIu64, h->epoch[e]);
        for (size_t c = 0; c < h->columns; c++) {
            ls_text_add(out, ",");
            add_number(out, h->value[e * h->columns + c]);
        }
        ls_text_add(out, "\r\n");
    }
    return out->status;
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
