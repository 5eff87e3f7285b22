/* A CSV file becomes a dataset: what its columns hold, which are used, and how. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/printable.h"
#include "cli/draft.h"
#include "data/import.h"
#include "data/table.h"

#define DISTINCT_MAX 1000 /* different texts of a column that are counted */
#define CATEGORIES_MAX 50 /* of an input that becomes one-hot */
#define LABELS_MAX 20     /* different whole numbers that are taken for classes */
#define CLASSES_MAX 200   /* different texts that are taken for classes */
#define SHOWN 4           /* categories that are named */
#define SHOWN_BYTES 40    /* of a name */
#define ROWS_MIN 8        /* less is nothing to learn from */
#define ROWS_OF_THREE 40  /* from here on there is a test split */

typedef enum role { NUMBER, CATEGORY, LEFT_OUT } role;

typedef struct profile {
    const char *name;                          /* borrowed from the table */
    uint64_t present, numbers, wholes, commas; /* commas: numbers, were fractions behind commas */
    ls_names names;                            /* different values, until there are more than DISTINCT_MAX */
    uint64_t *count;                           /* [DISTINCT_MAX + 1] of each */
    bool many;                                 /* more than that */
    bool counts_up;                            /* whole numbers, each one more than the one before */
    double min, max, last;
    role role;
    const char *why; /* LEFT_OUT */
} profile;

typedef struct sheet {
    const char *path;
    ls_csv *csv;
    char delimiter, decimal;
    bool header;
    profile *column;
    size_t columns, target;
    uint64_t rows;
    ls_names na; /* what stands for missing values */
    bool is_class;
} sheet;

static void close_sheet(sheet *s)
{
    for (size_t c = 0; s->column && c < s->columns; c++) {
        ls_names_reset(&s->column[c].names);
        ls_free(s->column[c].count);
    }
    ls_free(s->column);
    ls_names_reset(&s->na);
    ls_csv_close(s->csv);
}

/* ---- how the file is written ---- */

/* What can stand at the head of a column: no number, but for a year. */
static bool is_name(const char *text)
{
    double value = 0, other;
    const ls_csv_kind kind = ls_csv_number(text, &value);

    if (kind == LS_CSV_WHOLE)
        return value >= 1900 && value <= 2100;
    return kind == LS_CSV_TEXT && ls_csv_number_in(text, ',', &other) == LS_CSV_TEXT;
}

/* What cuts the first line into most pieces; of equals not the comma, which stands before fractions, too. */
static ls_status open_table(sheet *s)
{
    static const char delimiters[] = {',', ';', '\t', '|'};
    size_t most = 0, n;

    s->delimiter = ',';
    for (size_t i = 0; i < sizeof delimiters; i++) {
        if (ls_csv_open(s->path, delimiters[i], true, &s->csv) != LS_OK)
            continue;
        ls_csv_names(s->csv, &n);
        if (n > most || (n == most && n > 1)) {
            most = n;
            s->delimiter = delimiters[i];
        }
        ls_csv_close(s->csv);
        s->csv = NULL;
    }
    LS_TRY(ls_csv_open(s->path, s->delimiter, true, &s->csv));
    s->header = true;
    for (size_t c = 0; c < most; c++)
        s->header = s->header && is_name(ls_csv_names(s->csv, &n)[c]);
    if (!s->header) {
        ls_csv_close(s->csv);
        s->csv = NULL;
        LS_TRY(ls_csv_open(s->path, s->delimiter, false, &s->csv));
    }
    s->columns = most;
    if (most < 2)
        return ls_fail(LS_ERR_DATA, "'%s' has one column: there is nothing to predict it from", s->path);
    return LS_OK;
}

/* ---- what the columns hold ---- */

static ls_status count_value(profile *p, const char *text)
{
    size_t index;

    if (p->many)
        return LS_OK;
    if (strlen(text) > LS_CATEGORY_BYTES_MAX) {
        p->many = true;
        return LS_OK;
    }
    LS_TRY(ls_names_add(&p->names, text, &index));
    if (index >= DISTINCT_MAX)
        p->many = true;
    else
        p->count[index]++;
    return LS_OK;
}

static ls_status look_at(sheet *s, profile *p, const char *text)
{
    double value = 0, other;
    const ls_csv_kind kind = ls_csv_number(text, &value);
    size_t index;

    if (!*text)
        return LS_OK;
    if (kind != LS_CSV_WHOLE && kind != LS_CSV_NUMBER && ls_csv_look_of(text) == LS_CSV_LOOKS_MISSING)
        return ls_names_add(&s->na, text, &index);
    if (ls_csv_number_in(text, ',', &other) == LS_CSV_NUMBER || kind == LS_CSV_WHOLE)
        p->commas++;
    if (kind == LS_CSV_WHOLE || kind == LS_CSV_NUMBER) {
        p->min = p->numbers && p->min < value ? p->min : value;
        p->max = p->numbers && p->max > value ? p->max : value;
        p->counts_up = kind == LS_CSV_WHOLE && (p->numbers == 0 || (p->counts_up && value == p->last + 1));
        p->last = value;
        p->numbers++;
        p->wholes += kind == LS_CSV_WHOLE;
    }
    p->present++;
    return count_value(p, text);
}

static ls_status read_columns(sheet *s)
{
    ls_csv_row row;
    size_t n;

    if (!(s->column = ls_calloc(s->columns, sizeof *s->column, "the columns")))
        return LS_ERR_MEMORY;
    for (size_t c = 0; c < s->columns; c++) {
        s->column[c].name = ls_csv_names(s->csv, &n)[c];
        if (!(s->column[c].count = ls_calloc(DISTINCT_MAX, sizeof *s->column[c].count, "the columns")))
            return LS_ERR_MEMORY;
    }
    for (;;) {
        LS_TRY(ls_csv_next(s->csv, &row));
        if (!row.field)
            break;
        for (size_t c = 0; c < s->columns; c++)
            LS_TRY(look_at(s, &s->column[c], row.field[c]));
        s->rows++;
    }
    if (s->rows < ROWS_MIN)
        return ls_fail(LS_ERR_DATA, "'%s' has %" PRIu64 " rows: too few to learn from and to see what was learnt",
                       s->path, s->rows);
    return LS_OK;
}

/* Fractions stand behind commas, where that makes more numbers. */
static void find_decimal(sheet *s)
{
    uint64_t points = 0, commas = 0;

    for (size_t c = 0; c < s->columns; c++) {
        points += s->column[c].numbers;
        commas += s->column[c].commas;
    }
    s->decimal = s->delimiter != ',' && commas > points ? ',' : '.';
    for (size_t c = 0; s->decimal == ',' && c < s->columns; c++)
        if (s->column[c].commas == s->column[c].present && s->column[c].numbers < s->column[c].present) {
            s->column[c].numbers = s->column[c].present;
            s->column[c].min = s->column[c].max = NAN; /* nobody asked */
        }
}

/* ---- what becomes of them ---- */

static bool all_numbers(const profile *p)
{
    return p->present > 0 && p->numbers == p->present;
}

static bool is_called(const char *name, const char *const *words)
{
    for (; *words; words++)
        if (strcasecmp(name, *words) == 0)
            return true;
    return false;
}

/* A number that says which row it is, and nothing else. */
static bool is_identifier(const profile *p, uint64_t rows)
{
    static const char *const names[] = {"id", "index", "row", "nr", "no", "number", NULL};
    const size_t n = strlen(p->name);
    const bool ends = n > 2 && (strcmp(p->name + n - 2, "Id") == 0 || strcmp(p->name + n - 2, "ID") == 0 ||
                                strcmp(p->name + n - 3, "_id") == 0);

    if (p->wholes != p->present || p->present != rows || (!p->many && p->names.n != rows))
        return false;
    return is_called(p->name, names) || ends || p->counts_up;
}

static void set_role(profile *p, uint64_t rows)
{
    p->role = all_numbers(p) ? NUMBER : CATEGORY;
    if (!*p->name)
        p->why = "it has no name";
    else if (!p->present)
        p->why = "it has no values";
    else if (!p->many && p->names.n == 1 && p->present == rows)
        p->why = "it has one value";
    else if (is_identifier(p, rows))
        p->why = "it numbers the rows";
    else if (p->role == CATEGORY && p->numbers * 2 > p->present)
        p->why = "some of its values are numbers, others are not";
    else if (p->role == CATEGORY && (p->many || p->names.n > CATEGORIES_MAX || p->names.n * 2 > p->present))
        p->why = "it has too many different texts";
    if (p->why)
        p->role = LEFT_OUT;
}

/* Capitals do not matter, unless they make the difference. */
static ls_status find_named(sheet *s, const char *target)
{
    size_t n, alike = 0, at = 0;
    const char *const *names = ls_csv_names(s->csv, &n);

    for (size_t c = 0; c < n; c++) {
        if (strcmp(names[c], target) == 0)
            return ls_csv_find(s->csv, target, &s->target);
        if (strcasecmp(names[c], target) == 0) {
            alike++;
            at = c;
        }
    }
    if (alike != 1)
        return ls_csv_find(s->csv, target, &s->target);
    s->target = at;
    return LS_OK;
}

static ls_status find_target(sheet *s, const char *target)
{
    static const char *const names[] = {"target", "label", "labels", "class", "y", "outcome", "response", NULL};

    if (target)
        return find_named(s, target);
    s->target = s->columns - 1;
    for (size_t c = s->columns; c-- > 0;)
        if (is_called(s->column[c].name, names))
            s->target = c;
    return LS_OK;
}

static ls_status set_target(sheet *s)
{
    const profile *p = &s->column[s->target];
    const size_t n = p->names.n;

    if (!p->present || (!p->many && n == 1))
        return ls_fail(LS_ERR_DATA,
                       "'%s': column '%.80s' %s: there is nothing to predict; name another one: --target "
                       "COLUMN",
                       s->path, p->name, p->present ? "has one value" : "has no values");
    if (!all_numbers(p) && (p->many || n > CLASSES_MAX || n * 2 > p->present))
        return ls_fail(LS_ERR_DATA,
                       "'%s': column '%.80s' is text of %s%zu different values: too many for classes; name another "
                       "one: --target COLUMN",
                       s->path, p->name, p->many ? "more than " : "", p->many ? (size_t)DISTINCT_MAX : n);
    s->is_class = !all_numbers(p) || (p->wholes == p->present && !p->many && n <= LABELS_MAX && n * 2 <= p->present);
    return LS_OK;
}

/* ---- notes ---- */

static void add_name(const char *name, ls_text *out)
{
    char text[SHOWN_BYTES + 1];
    size_t n = strlen(name);

    if (n > SHOWN_BYTES)
        for (n = SHOWN_BYTES; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80; n--)
            ;
    memcpy(text, name, n);
    text[n] = '\0';
    ls_make_printable(text, false);
    ls_text_add(out, "%s%s", text, name[n] ? "…" : "");
}

static void add_values(const profile *p, bool counts, ls_text *out)
{
    for (size_t i = 0; i < p->names.n && i < SHOWN; i++) {
        ls_text_add(out, i ? ", " : ": ");
        add_name(p->names.text[i], out);
        if (counts)
            ls_text_add(out, " (%" PRIu64 ")", p->count[i]);
    }
    ls_text_add(out, p->names.n > SHOWN ? ", ..." : "");
}

static void add_range(const profile *p, ls_text *out)
{
    char min[32], max[32];

    ls_text_add(out, p->wholes == p->present ? "whole numbers" : "numbers");
    if (isnan(p->min))
        return;
    ls_format_double(p->min, min, sizeof min);
    ls_format_double(p->max, max, sizeof max);
    ls_text_add(out, " from %s to %s", min, max);
}

/* Enough rows have no category for the training rows to have some of them. */
static bool has_own_missing(const sheet *s, const profile *p)
{
    return (s->rows - p->present) * 20 > s->rows && s->rows - p->present >= 20;
}

static const char *most_frequent(const profile *p)
{
    size_t most = 0;

    for (size_t i = 1; i < p->names.n; i++)
        if (p->count[i] > p->count[most])
            most = i;
    return p->names.text[most];
}

static void describe_input(const sheet *s, const profile *p, ls_text *out)
{
    const uint64_t missing = s->rows - p->present;

    if (p->role == LEFT_OUT) {
        ls_text_add(out, "left out: %s", p->why);
        return;
    }
    if (p->role == NUMBER)
        add_range(p, out);
    else {
        ls_text_add(out, "%zu categories", p->names.n);
        add_values(p, false, out);
    }
    if (missing)
        ls_text_add(out, "; %" PRIu64 " missing: ", missing);
    if (missing && p->role == CATEGORY && !has_own_missing(s, p))
        add_name(most_frequent(p), out);
    else if (missing)
        ls_text_add(out, p->role == NUMBER ? "the mean of the training rows" : "a category of their own");
    ls_text_add(out, p->role == NUMBER ? "; scaled" : "; one-hot");
}

static void describe_target(const sheet *s, const profile *p, ls_text *out)
{
    ls_text_add(out, "the target: ");
    if (s->is_class) {
        ls_text_add(out, "%zu classes", p->names.n);
        add_values(p, true, out);
    } else {
        add_range(p, out);
        ls_text_add(out, "; scaled");
    }
    if (p->present < s->rows)
        ls_text_add(out, "; %" PRIu64 " rows without it left out", s->rows - p->present);
}

static void describe(const sheet *s, const char *target, ls_text *notes)
{
    ls_text_add(notes, "%s: %" PRIu64 " rows, %zu columns", s->path, s->rows, s->columns);
    if (!s->header)
        ls_text_add(notes, ", without names");
    if (s->delimiter != ',')
        ls_text_add(notes, ", separated by %s",
                    s->delimiter == '\t'  ? "tabs"
                    : s->delimiter == ';' ? "semicolons"
                                          : "|");
    if (s->decimal == ',')
        ls_text_add(notes, ", fractions behind commas");
    ls_text_add(notes, "\n");
    for (size_t c = 0; c < s->columns; c++) {
        ls_text_add(notes, "  ");
        add_name(*s->column[c].name ? s->column[c].name : "(no name)", notes);
        ls_text_add(notes, ": ");
        if (c == s->target)
            describe_target(s, &s->column[c], notes);
        else
            describe_input(s, &s->column[c], notes);
        if (c == s->target && !target)
            ls_text_add(notes, " (a guess; another one: --target COLUMN)");
        ls_text_add(notes, "\n");
    }
}

/* ---- the import ---- */

typedef struct plan {
    ls_text x, one_hot, y, mean, own; /* lists of columns; own: whose missing values are a category */
    ls_text *most;                    /* [columns] one each, whose few missing values are the most frequent one … */
    ls_text *fill;                    /* [columns] … which this says */
    ls_setting array[2], scale[2], type[1], encode[1], *missing, split[3];
    size_t scales, encodes, types, missings, splits;
} plan;

static void reset_plan(plan *p, size_t columns)
{
    for (size_t c = 0; p->most && p->fill && c < columns; c++) {
        ls_text_reset(&p->most[c]);
        ls_text_reset(&p->fill[c]);
    }
    ls_free(p->most);
    ls_free(p->fill);
    ls_free(p->missing);
    ls_text_reset(&p->x);
    ls_text_reset(&p->one_hot);
    ls_text_reset(&p->y);
    ls_text_reset(&p->mean);
    ls_text_reset(&p->own);
}

/* A name as lists of columns have it. */
static void add_column(ls_text *list, const char *name)
{
    if (list->length)
        ls_text_add(list, ",");
    if (!strpbrk(name, ",:=\"")) {
        ls_text_add(list, "%s", name);
        return;
    }
    ls_text_add(list, "\"");
    for (; *name; name++)
        ls_text_add(list, *name == '"' ? "\"\"" : "%c", *name);
    ls_text_add(list, "\"");
}

/* What stands in for a missing value of the column. */
static ls_status set_missing(const sheet *s, size_t c, plan *p)
{
    const profile *const column = &s->column[c];

    if (column->role == NUMBER) {
        add_column(&p->mean, column->name);
        return LS_OK;
    }
    if (has_own_missing(s, column)) {
        add_column(&p->own, column->name);
        return LS_OK;
    }
    add_column(&p->most[c], column->name);
    ls_text_add(&p->fill[c], "fill:%s", most_frequent(column));
    LS_TRY(p->most[c].status);
    LS_TRY(p->fill[c].status);
    p->missing[p->missings++] = (ls_setting){p->most[c].data, p->fill[c].data};
    return LS_OK;
}

static ls_status collect(const sheet *s, plan *p)
{
    bool has_numbers = false;

    p->most = ls_calloc(s->columns, sizeof *p->most, "the columns");
    p->fill = ls_calloc(s->columns, sizeof *p->fill, "the columns");
    p->missing = ls_calloc(s->columns + 3, sizeof *p->missing, "the columns");
    if (!p->most || !p->fill || !p->missing)
        return LS_ERR_MEMORY;
    for (size_t c = 0; c < s->columns; c++) {
        const profile *const column = &s->column[c];

        if (c == s->target || column->role == LEFT_OUT)
            continue;
        has_numbers |= column->role == NUMBER;
        add_column(&p->x, column->name);
        if (column->role == CATEGORY)
            add_column(&p->one_hot, column->name);
        if (column->present < s->rows)
            LS_TRY(set_missing(s, c, p));
    }
    add_column(&p->y, s->column[s->target].name);
    LS_TRY(p->x.status);
    LS_TRY(p->y.status);
    if (!p->x.length)
        return ls_fail(LS_ERR_DATA, "'%s' has no column that '%.80s' could be predicted from", s->path,
                       s->column[s->target].name);
    p->array[0] = (ls_setting){"x", p->x.data};
    p->array[1] = (ls_setting){"y", p->y.data};
    if (has_numbers)
        p->scale[p->scales++] = (ls_setting){"x", "standard"};
    if (!s->is_class)
        p->scale[p->scales++] = (ls_setting){"y", "standard"};
    else if (all_numbers(&s->column[s->target]))
        p->type[p->types++] = (ls_setting){p->y.data, "category"};
    if (p->one_hot.length)
        p->encode[p->encodes++] = (ls_setting){p->one_hot.data, "onehot"};
    if (p->mean.length)
        p->missing[p->missings++] = (ls_setting){p->mean.data, "mean"};
    if (p->own.length)
        p->missing[p->missings++] = (ls_setting){p->own.data, "fill:missing"};
    if (s->column[s->target].present < s->rows)
        p->missing[p->missings++] = (ls_setting){p->y.data, "drop"};
    p->split[p->splits++] = (ls_setting){"train", "0.7"};
    p->split[p->splits++] = (ls_setting){"valid", s->rows < ROWS_OF_THREE ? "0.3" : "0.15"};
    if (s->rows >= ROWS_OF_THREE)
        p->split[p->splits++] = (ls_setting){"test", "0.15"};
    return LS_OK;
}

static void add_word(const char *word, ls_text *out)
{
    ls_text_add(out, " ");
    if (!word[strcspn(word, " '\"\\$&;|<>()*?[]#~`!\t\n")]) {
        ls_text_add(out, "%s", word);
        return;
    }
    ls_text_add(out, "'");
    for (; *word; word++)
        ls_text_add(out, *word == '\'' ? "'\\''" : "%c", *word);
    ls_text_add(out, "'");
}

static void add_option(const char *option, const ls_setting *at, size_t n, ls_text *out)
{
    for (size_t i = 0; i < n; i++) {
        ls_text word = {0};

        ls_text_add(&word, "%s=%s", at[i].key, at[i].value);
        ls_text_add(out, " --%s", option);
        if (word.status == LS_OK)
            add_word(word.data, out);
        ls_text_reset(&word);
    }
}

/* The same as a command, for who wants another choice. */
static void add_command(const sheet *s, const plan *p, const char *dataset, ls_text *out)
{
    ls_text_add(out, "made by: lockstep import csv");
    add_word(s->path, out);
    add_option("array", p->array, 2, out);
    add_option("type", p->type, p->types, out);
    add_option("encode", p->encode, p->encodes, out);
    add_option("scale", p->scale, p->scales, out);
    add_option("missing", p->missing, p->missings, out);
    for (size_t i = 0; i < s->na.n; i++) {
        ls_text_add(out, " --na");
        add_word(s->na.text[i], out);
    }
    add_option("split", p->split, p->splits, out);
    if (s->is_class) {
        ls_text_add(out, " --stratify");
        add_word(s->column[s->target].name, out);
    }
    ls_text_add(out, " --unknown ignore");
    if (!s->header)
        ls_text_add(out, " --no-header");
    if (s->delimiter != ',') {
        ls_text_add(out, " --delimiter");
        add_word(s->delimiter == '\t' ? "tab" : s->delimiter == ';' ? ";" : "|", out);
    }
    if (s->decimal == ',')
        ls_text_add(out, " --decimal ,");
    ls_text_add(out, " --output");
    add_word(dataset, out);
    ls_text_add(out, "\n");
}

static ls_status import(const sheet *s, const plan *p, const char *dataset)
{
    uint64_t dropped;

    return ls_import_csv(&(ls_csv_import){.input = s->path,
                                          .splits = {p->split, p->splits},
                                          .stratify = s->is_class ? s->column[s->target].name : NULL,
                                          .seed = 1,
                                          .arrays = {p->array, 2},
                                          .scales = {p->scale, p->scales},
                                          .types = {p->type, p->types},
                                          .encodes = {p->encode, p->encodes},
                                          .missing = {p->missing, p->missings},
                                          .ignore_unknown = true,
                                          .delimiter = s->delimiter,
                                          .decimal = s->decimal,
                                          .no_header = !s->header,
                                          .na = (const char *const *)s->na.text,
                                          .nas = s->na.n,
                                          .output = dataset},
                         &dropped);
}

ls_status ls_draft_table(const char *table, const char *target, const char *dataset, ls_text *notes)
{
    sheet s = {.path = table};
    plan p = {0};
    ls_status st;

    LS_TRY_CLEANUP(open_table(&s));
    if (target) /* before all of it is read */
        LS_TRY_CLEANUP(find_target(&s, target));
    LS_TRY_CLEANUP(read_columns(&s));
    find_decimal(&s);
    LS_TRY_CLEANUP(find_target(&s, target));
    LS_TRY_CLEANUP(set_target(&s));
    for (size_t c = 0; c < s.columns; c++)
        set_role(&s.column[c], s.rows);
    LS_TRY_CLEANUP(collect(&s, &p));
    LS_TRY_CLEANUP(import(&s, &p, dataset));
    describe(&s, target, notes);
    add_command(&s, &p, dataset, notes);
    st = notes->status;
cleanup:
    reset_plan(&p, s.columns);
    close_sheet(&s);
    return st;
}
