#include "report/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "base/memory.h"
#include "data/csv.h"

void ls_sheet_free(ls_sheet *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->name && i < s->columns; i++)
        ls_free(s->name[i]);
    for (size_t i = 0; s->cell && i < s->rows * s->columns; i++)
        ls_free(s->cell[i]);
    ls_free(s->name);
    ls_free(s->cell);
    ls_free(s->number);
    ls_free(s);
}

static bool is_absent(const char *text)
{
    return !*text || strcmp(text, "NA") == 0;
}

static double parse(const char *text)
{
    char *end;
    const double value = ls_parse_double(text, &end);

    return is_absent(text) || *end ? NAN : value;
}

static ls_status grow(ls_sheet *s)
{
    const size_t capacity = 2 * s->capacity + 64;
    size_t cells;
    char **cell;
    double *number;

    if (!ls_size_mul(capacity, s->columns, &cells) || !(cell = ls_realloc(s->cell, cells, sizeof *cell, "a table")))
        return LS_ERR_MEMORY;
    s->cell = cell;
    if (!(number = ls_realloc(s->number, cells, sizeof *number, "a table")))
        return LS_ERR_MEMORY;
    s->number = number;
    s->capacity = capacity;
    return LS_OK;
}

static ls_status add_row(ls_sheet *s, const ls_csv_row *row)
{
    size_t at;

    if (s->rows == s->capacity)
        LS_TRY(grow(s));
    at = s->rows++ * s->columns; /* counted first: what is missing is NULL and freed as such */
    for (size_t c = 0; c < s->columns; c++) {
        if (!(s->cell[at + c] = ls_strdup(row->field[c])))
            return LS_ERR_MEMORY;
        s->number[at + c] = parse(row->field[c]);
    }
    return LS_OK;
}

static ls_status read_all(ls_csv *csv, ls_sheet *s)
{
    const char *const *names = ls_csv_names(csv, &s->columns);
    ls_csv_row row;

    if (!(s->name = ls_calloc(s->columns, sizeof *s->name, "a table")))
        return LS_ERR_MEMORY;
    for (size_t c = 0; c < s->columns; c++)
        if (!(s->name[c] = ls_strdup(names[c])))
            return LS_ERR_MEMORY;
    for (;;) {
        LS_TRY(ls_csv_next(csv, &row));
        if (!row.field)
            return LS_OK;
        LS_TRY(add_row(s, &row));
    }
}

ls_status ls_sheet_read(const char *path, ls_sheet **out)
{
    ls_sheet *s = NULL;
    ls_csv *csv;
    ls_status st;

    *out = NULL;
    LS_TRY(ls_csv_open(path, ',', true, &csv));
    if (!(s = ls_calloc(1, sizeof *s, "a table"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(read_all(csv, s));
    *out = s;
    s = NULL;
cleanup:
    ls_csv_close(csv);
    ls_sheet_free(s);
    return st;
}

size_t ls_sheet_find(const ls_sheet *s, const char *name)
{
    for (size_t c = 0; s && c < s->columns; c++)
        if (strcmp(s->name[c], name) == 0)
            return c;
    return LS_NO_COLUMN;
}

ls_status ls_sheet_need(const ls_sheet *s, const char *path, const char *const *names)
{
    for (; *names; names++) {
        const size_t c = ls_sheet_find(s, *names);

        if (c == LS_NO_COLUMN)
            return ls_fail(LS_ERR_DATA, "'%s' has no column '%s': it is damaged, or was written by another program",
                           path, *names);
        for (size_t r = 0; r < s->rows; r++)
            if (isnan(ls_sheet_number(s, r, c)) && !is_absent(ls_sheet_text(s, r, c)) &&
                strcmp(ls_sheet_text(s, r, c), "nan") != 0)
                return ls_fail(LS_ERR_DATA, "'%s', row %zu: '%s' is no number, but column %s holds numbers", path,
                               r + 1, ls_sheet_text(s, r, c), *names);
    }
    return LS_OK;
}

ls_status ls_sheet_need_numbers(const ls_sheet *s, const char *path)
{
    for (size_t c = 0; c < s->columns; c++)
        LS_TRY(ls_sheet_need(s, path, (const char *const[]){s->name[c], NULL}));
    return LS_OK;
}

double ls_sheet_number(const ls_sheet *s, size_t row, size_t column)
{
    return column == LS_NO_COLUMN ? NAN : s->number[row * s->columns + column];
}

const char *ls_sheet_text(const ls_sheet *s, size_t row, size_t column)
{
    return column == LS_NO_COLUMN ? "" : s->cell[row * s->columns + column];
}
