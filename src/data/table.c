#include "data/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/memory.h"
#include "base/text.h"

#define SHOWN 40         /* bytes of a value in a message */
#define EXACT_MAX 0x1p53 /* doubles hold all whole numbers below */

static const double missing = NAN;

/* ---- distinct texts ---- */

static size_t find_slot(const ls_names *names, const char *text)
{
    size_t at = (size_t)XXH3_64bits(text, strlen(text)) & (names->slots - 1);

    while (names->slot[at] && strcmp(names->text[names->slot[at] - 1], text) != 0)
        at = (at + 1) & (names->slots - 1);
    return at;
}

/* At most half of the slots are taken. */
static ls_status grow_names(ls_names *names)
{
    const size_t capacity = names->capacity ? 2 * names->capacity : 16;
    char **text = ls_realloc(names->text, capacity, sizeof *text, "categories");
    uint32_t *slot;

    if (!text)
        return LS_ERR_MEMORY;
    names->text = text;
    if (!(slot = ls_calloc(2 * capacity, sizeof *slot, "categories")))
        return LS_ERR_MEMORY;
    ls_free(names->slot);
    names->slot = slot;
    names->slots = 2 * capacity;
    names->capacity = capacity;
    for (size_t i = 0; i < names->n; i++)
        names->slot[find_slot(names, names->text[i])] = (uint32_t)(i + 1);
    return LS_OK;
}

ls_status ls_names_add(ls_names *names, const char *text, size_t *index)
{
    size_t at;

    if (names->n == names->capacity)
        LS_TRY(grow_names(names));
    at = find_slot(names, text);
    if (!names->slot[at]) {
        if (names->n == LS_CATEGORIES_MAX)
            return ls_fail(LS_ERR_DATA, "there are more than %zu different texts; this column holds no categories",
                           LS_CATEGORIES_MAX);
        if (strlen(text) > LS_CATEGORY_BYTES_MAX)
            return ls_fail(LS_ERR_DATA, "a text of %zu bytes; the name of a category has at most %zu", strlen(text),
                           LS_CATEGORY_BYTES_MAX);
        if (!(names->text[names->n] = ls_strdup(text)))
            return LS_ERR_MEMORY;
        names->slot[at] = (uint32_t)++names->n;
    }
    *index = names->slot[at] - 1;
    return LS_OK;
}

bool ls_names_find(const ls_names *names, const char *text, size_t *index)
{
    const size_t at = names->n ? find_slot(names, text) : 0;

    if (names->n == 0 || !names->slot[at])
        return false;
    *index = names->slot[at] - 1;
    return true;
}

void ls_names_reset(ls_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        ls_free(names->text[i]);
    ls_free(names->text);
    ls_free(names->slot);
    *names = (ls_names){0};
}

/* ---- tables ---- */

ls_status ls_table_create(size_t columns, ls_table **out)
{
    ls_table *table = ls_calloc(1, sizeof *table, "a table");

    *out = NULL;
    if (!table || !(table->column = ls_calloc(columns, sizeof *table->column, "a table"))) {
        ls_free(table);
        return LS_ERR_MEMORY;
    }
    table->columns = columns;
    for (size_t i = 0; i < columns; i++)
        table->column[i] = (ls_table_column){.whole = true, .first_row = SIZE_MAX};
    *out = table;
    return LS_OK;
}

void ls_table_free(ls_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->columns; i++) {
        ls_free(table->column[i].value);
        ls_free(table->column[i].exact);
        ls_names_reset(&table->column[i].names);
    }
    for (size_t i = 0; i < table->files; i++)
        ls_free(table->path[i]);
    ls_free(table->path);
    ls_free(table->split);
    ls_free(table->column);
    ls_free(table->line);
    ls_free(table->file);
    for (size_t i = 0; i < table->misfits; i++)
        ls_free(table->misfit[i].message);
    ls_free(table);
}

ls_status(ls_table_fail)(const ls_table *table, size_t row, const char *column, const char *format, ...)
{
    char message[768];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return ls_fail(LS_ERR_DATA, "%s:%llu: column '%.*s': %s", table->path[table->file[row]],
                   (unsigned long long)table->line[row], SHOWN, column, message);
}

static ls_status check_memory(const ls_table *table, size_t rows)
{
    const double bytes =
        (double)rows * (double)(table->columns * sizeof(double) + sizeof *table->line + sizeof *table->file);
    const double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);

    if (bytes > memory)
        return ls_fail(LS_ERR_MEMORY,
                       "%s: %zu rows of %zu columns take %.4g GiB, but this machine has %.4g GiB of memory",
                       table->path[table->files - 1], rows, table->columns, bytes / 0x1p30, memory / 0x1p30);
    return LS_OK;
}

#define GROW(array, capacity)                                                   \
    do {                                                                        \
        void *grown_ = ls_realloc(array, capacity, sizeof *(array), "a table"); \
                                                                                \
        if (!grown_)                                                            \
            return LS_ERR_MEMORY;                                               \
        (array) = grown_;                                                       \
    } while (0)

static ls_status grow_table(ls_table *table)
{
    const size_t capacity = table->capacity ? 2 * table->capacity : 1024;

    LS_TRY(check_memory(table, capacity));
    GROW(table->line, capacity);
    GROW(table->file, capacity);
    for (size_t i = 0; i < table->columns; i++) {
        GROW(table->column[i].value, capacity);
        if (table->column[i].exact)
            GROW(table->column[i].exact, capacity);
    }
    table->capacity = capacity;
    return LS_OK;
}

/* ---- reading ---- */

static ls_status add_file(ls_table *table, const char *path, size_t split)
{
    GROW(table->path, table->files + 1);
    GROW(table->split, table->files + 1);
    table->split[table->files] = split;
    if (!(table->path[table->files] = ls_strdup(path)))
        return LS_ERR_MEMORY;
    table->files++;
    return LS_OK;
}

/* Where each column of p stands in the file. */
static ls_status find_columns(const ls_csv *csv, const ls_preprocessing *p, size_t *place)
{
    for (size_t c = 0; c < p->columns; c++)
        LS_TRY(ls_csv_find(csv, p->column[c].name, &place[c]));
    return LS_OK;
}

static bool is_missing(const char *text, const ls_prep_format *format)
{
    if (*text == '\0')
        return true;
    for (size_t i = 0; i < format->nas; i++)
        if (strcmp(text, format->na[i]) == 0)
            return true;
    return false;
}

/* From here on whole numbers are kept as what they are; those before are small enough for doubles. */
static ls_status begin_exact(ls_table *table, ls_table_column *column, size_t rows)
{
    if (!(column->exact = ls_calloc(table->capacity, sizeof *column->exact, "a table")))
        return LS_ERR_MEMORY;
    for (size_t r = 0; column->whole && r < rows; r++)
        column->exact[r] = isnan(column->value[r]) ? 0 : (int64_t)column->value[r];
    return LS_OK;
}

ls_status ls_table_put(ls_table *table, size_t c, size_t row, const char *text, ls_csv_kind kind, double number)
{
    ls_table_column *const column = &table->column[c];

    column->value[row] = number;
    column->whole &= kind == LS_CSV_WHOLE;
    if (!column->whole)
        return LS_OK;
    if (!column->exact && fabs(number) >= EXACT_MAX)
        LS_TRY(begin_exact(table, column, row < table->rows ? table->rows : row));
    if (column->exact)
        column->exact[row] = ls_csv_whole(text);
    return LS_OK;
}

static ls_status read_number(ls_table *table, size_t c, const char *name, const char *text, char decimal)
{
    const ls_table_column *column = &table->column[c];
    const size_t row = table->rows;
    double number = 0;
    const ls_csv_kind kind = ls_csv_number_in(text, decimal, &number);

    if (kind == LS_CSV_NO_NUMBER)
        return ls_table_fail(table, row, name, "%.*s is no %s; if it means a missing value, say so with --na %.*s",
                             SHOWN, text, ls_csv_required_of(text), SHOWN, text);
    if (kind == LS_CSV_TEXT && column->first_row != SIZE_MAX)
        return ls_table_fail(table, row, name,
                             "'%.*s' is not a number, but line %llu of %s has one; say --na %.*s if it means a missing "
                             "value, or --type %.*s=category if numbers are names here",
                             SHOWN, text, (unsigned long long)table->line[column->first_row],
                             table->path[table->file[column->first_row]], SHOWN, text, SHOWN, name);
    if (kind == LS_CSV_TEXT)
        return ls_table_fail(table, row, name, "'%.*s' is not a number", SHOWN, text);
    return ls_table_put(table, c, row, text, kind, number);
}

static ls_status read_text(ls_table *table, size_t c, const char *name, const char *text)
{
    ls_table_column *const column = &table->column[c];
    char message[256];
    size_t index = 0;
    const ls_status st = ls_names_add(&column->names, text, &index);

    if (st == LS_ERR_DATA) {
        snprintf(message, sizeof message, "%s", ls_error_message());
        return ls_table_fail(table, table->rows, name, "%s", message);
    }
    LS_TRY(st);
    column->value[table->rows] = (double)index;
    return LS_OK;
}

/* Of a column that may turn out to be anything. */
static ls_status read_unknown(ls_table *table, size_t c, const char *name, const char *text, char decimal)
{
    ls_table_column *const column = &table->column[c];
    ls_table_census *const census = &column->census;
    size_t strays = 0;
    double number = 0;
    const ls_csv_kind kind = ls_csv_number_in(text, decimal, &number);

    if (kind == LS_CSV_WHOLE || kind == LS_CSV_NUMBER) {
        census->numbers++;
        return ls_table_put(table, c, table->rows, text, kind, number);
    }
    for (size_t i = 0; i < 3; i++)
        strays += census->look[i];
    if (strays < LS_STRAYS_MAX)
        census->stray_row[strays] = table->rows;
    census->look[ls_csv_look_of(text)]++;
    return read_text(table, c, name, text);
}

static ls_status read_value(ls_table *table, size_t c, const ls_prep_column *p, const char *text, char decimal)
{
    ls_table_column *column = &table->column[c];

    if (column->type == LS_COLUMN_ANY)
        column->type = p->type;
    switch (column->type) {
    case LS_COLUMN_ANY:
        LS_TRY(read_unknown(table, c, p->name, text, decimal));
        break;
    case LS_COLUMN_NUMBER:
        LS_TRY(read_number(table, c, p->name, text, decimal));
        break;
    case LS_COLUMN_CATEGORY:
        LS_TRY(read_text(table, c, p->name, text));
        break;
    }
    if (column->first_row == SIZE_MAX)
        column->first_row = table->rows;
    return LS_OK;
}

static int by_row(const void *a, const void *b)
{
    const size_t x = ((const ls_misfit *)a)->row, y = ((const ls_misfit *)b)->row;

    return x < y ? -1 : x > y;
}

static ls_status tell_misfits(const ls_table *table, bool more)
{
    ls_misfit sorted[LS_MISFITS_MAX];
    ls_text lines = {0};
    ls_status st;

    memcpy(sorted, table->misfit, sizeof sorted);
    qsort(sorted, table->misfits, sizeof *sorted, by_row);
    for (size_t i = 0; i < table->misfits; i++)
        ls_text_add(&lines, "%s%s", i ? "\n" : "", sorted[i].message);
    if (more)
        ls_text_add(&lines, "\nand there are more");
    st = lines.status != LS_OK ? lines.status
         : table->misfits == 1 ? ls_fail(LS_ERR_DATA, "%s", lines.data)
                               : ls_fail_lines(LS_ERR_DATA, lines.data, table->misfits + more);
    ls_text_reset(&lines);
    return st;
}

ls_status ls_table_keep(ls_table *table, size_t row, ls_status st)
{
    if (st != LS_ERR_DATA || !table->keeps_misfits)
        return st;
    if (table->misfits == LS_MISFITS_MAX)
        return tell_misfits(table, true);
    if (!(table->misfit[table->misfits].message = ls_strdup(ls_error_message())))
        return LS_ERR_MEMORY;
    table->misfit[table->misfits++].row = row;
    return LS_OK;
}

ls_status ls_table_misfits(const ls_table *table)
{
    return table->misfits ? tell_misfits(table, false) : LS_OK;
}

static ls_status read_row(ls_table *table, const ls_csv_row *row, const size_t *place, const ls_preprocessing *p)
{
    if (table->rows == table->capacity)
        LS_TRY(grow_table(table));
    table->line[table->rows] = row->line;
    table->file[table->rows] = (uint32_t)(table->files - 1);
    for (size_t c = 0; c < p->columns; c++)
        if (p->column[c].missing == LS_MISSING_DROP && is_missing(row->field[place[c]], &p->format)) {
            table->dropped++;
            return LS_OK;
        }
    for (size_t c = 0; c < p->columns; c++) {
        const char *const text = row->field[place[c]];
        ls_status st = LS_OK;

        table->column[c].value[table->rows] = missing;
        if (!is_missing(text, &p->format))
            st = read_value(table, c, &p->column[c], text, p->format.decimal);
        else if (p->column[c].missing == LS_MISSING_ERROR)
            st =
                ls_table_fail(table, table->rows, p->column[c].name,
                              "the value is missing; say --missing drop to leave such rows out, or mean or fill:VALUE");
        LS_TRY(ls_table_keep(table, table->rows, st));
    }
    table->rows++;
    return LS_OK;
}

ls_status ls_table_read(ls_table *table, ls_csv *csv, size_t split, const ls_preprocessing *p)
{
    size_t *place = ls_calloc(p->columns, sizeof *place, "columns");
    ls_csv_row row;
    ls_status st;

    if (!place)
        return LS_ERR_MEMORY;
    LS_TRY_CLEANUP(add_file(table, ls_csv_path(csv), split));
    LS_TRY_CLEANUP(find_columns(csv, p, place));
    for (;;) {
        LS_TRY_CLEANUP(ls_csv_next(csv, &row));
        if (!row.field)
            break;
        LS_TRY_CLEANUP(read_row(table, &row, place, p));
    }
cleanup:
    ls_free(place);
    return st;
}

/* ---- what a column is ---- */

static const char *stray(const ls_table_column *column, size_t i)
{
    return column->names.text[(size_t)column->value[column->census.stray_row[i]]];
}

static void describe_stray(const char *field, char decimal, ls_text *out)
{
    double number;

    if (ls_csv_number_in(field, decimal, &number) == LS_CSV_NO_NUMBER)
        ls_text_add(out, "'%.*s' is no %s", SHOWN, field, ls_csv_required_of(field));
    else
        ls_text_add(out, "'%.*s' is not a number", SHOWN, field);
}

/* "'NA' in line 2, '?' in line 9 and 3 more are not numbers, as 80 of the 85 values are; say …". */
static ls_status fail_mixed(const ls_table *table, const ls_table_column *column, const char *name, char decimal)
{
    const ls_table_census *const census = &column->census;
    const size_t strays = census->look[0] + census->look[1] + census->look[2];
    const size_t shown = strays < LS_STRAYS_MAX ? strays : LS_STRAYS_MAX;
    ls_text text = {0};
    bool comma = false;
    ls_status st;

    for (size_t i = 0; i < shown; i++) {
        comma |= strchr(stray(column, i), ',') != NULL;
        if (i == 0)
            describe_stray(stray(column, i), decimal, &text);
        else
            ls_text_add(&text, "%s'%.*s' in line %llu", i == 1 ? ", nor is " : ", ", SHOWN, stray(column, i),
                        (unsigned long long)table->line[census->stray_row[i]]);
    }
    if (strays > shown)
        ls_text_add(&text, " and %zu more", strays - shown);
    ls_text_add(&text, ", in a column of %s: %zu of its %zu values are some",
                census->numbers ? "numbers" : "what looks like numbers", census->numbers, census->numbers + strays);
    if (comma && decimal == '.')
        ls_text_add(&text, "; say --decimal , if fractions stand behind commas");
    if (ls_csv_look_of(stray(column, 0)) == LS_CSV_LOOKS_NUMBER)
        ls_text_add(&text, "; numbers are written plainly, as -1234.5");
    else
        ls_text_add(&text, "; say --na %.*s with --missing drop, mean or fill:VALUE if it means a missing value", SHOWN,
                    stray(column, 0));
    ls_text_add(&text, "; --type %.*s=category if these are names", SHOWN, name);
    st = text.status == LS_OK ? ls_table_fail(table, census->stray_row[0], name, "%s", text.data) : text.status;
    ls_text_reset(&text);
    return st;
}

ls_status ls_table_decide(ls_table *table, ls_preprocessing *p, bool *again)
{
    *again = false;
    for (size_t c = 0; c < table->columns; c++) {
        ls_table_column *const column = &table->column[c];
        const ls_table_census *const census = &column->census;
        const size_t numbers = census->numbers + census->look[LS_CSV_LOOKS_NUMBER];

        if (column->type != LS_COLUMN_ANY || column->first_row == SIZE_MAX)
            continue;
        if (census->look[LS_CSV_LOOKS_TEXT] > numbers)
            column->type = LS_COLUMN_CATEGORY;
        else if (numbers == census->numbers &&
                 census->look[LS_CSV_LOOKS_MISSING] + census->look[LS_CSV_LOOKS_TEXT] == 0)
            column->type = LS_COLUMN_NUMBER;
        else
            return fail_mixed(table, column, p->column[c].name, p->format.decimal);
        if (column->type == LS_COLUMN_CATEGORY && census->numbers) {
            p->column[c].type = LS_COLUMN_CATEGORY;
            *again = true;
        }
    }
    return LS_OK;
}
