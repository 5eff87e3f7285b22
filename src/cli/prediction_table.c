#include "cli/prediction_table.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/output_meaning.h"
#include "data/csv.h"

typedef struct table {
    const ls_data_arguments *arguments;
    ls_output_meaning *meaning; /* [outputs] */
    ls_csv *source;             /* NULL: there is none */
    bool *copied;               /* of its columns */
    size_t columns;
    ls_text out;
} table;

/* ---- text ---- */

static void add_field(ls_text *out, const char *text)
{
    const size_t n = strlen(text);
    const bool quoted = strpbrk(text, ",\"\r\n") || (n && (strchr(" \t", text[0]) || strchr(" \t", text[n - 1])));

    ls_text_add(out, "%s%s", out->length && out->data[out->length - 1] != '\n' ? "," : "", quoted ? "\"" : "");
    for (; *text; text++)
        ls_text_add(out, "%s%c", quoted && *text == '"' ? "\"" : "", *text);
    ls_text_add(out, "%s", quoted ? "\"" : "");
}

/* Of an output among several its name stands before that of the column. */
static void add_head(table *t, const ls_output_meaning *m, const char *before, const char *name, const char *after)
{
    const bool several = t->arguments->task->model->outputs > 1;
    ls_text head = {0};

    ls_text_add(&head, "%s%s%s%s%s", several ? m->name : "", several ? " " : "", before, name, after);
    if (head.status == LS_OK)
        add_field(&t->out, head.data);
    else
        t->out.status = head.status;
    ls_text_reset(&head);
}

static bool is_copied(const table *t, const char *name)
{
    size_t n = 0;
    const char *const *const names = t->source ? ls_csv_names(t->source, &n) : NULL;

    for (size_t i = 0; i < n; i++)
        if (t->copied[i] && strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* A value's name must not be that of a column of the source, which may hold what was to be predicted. */
static void add_heads(table *t, const ls_output_meaning *m)
{
    const bool several = t->arguments->task->model->outputs > 1;
    char number[32] = "";

    if (m->classes)
        add_head(t, m, "", "class", "");
    for (size_t i = 0; i < m->width; i++) {
        if (m->width > 1)
            snprintf(number, sizeof number, "[%zu]", i);
        if (m->classes)
            add_head(t, m, m->is_probability ? "p(" : "logit(", ls_class_name(m, m->width == 1 ? 1 : i, number), ")");
        else if (m->value)
            add_head(t, m, is_copied(t, m->value[i]) ? "predicted " : "", m->value[i], "");
        else if (several)
            add_head(t, m, "", m->width > 1 ? number : "value", "");
        else
            add_head(t, m, is_copied(t, m->name) ? "predicted " : "", m->name, number);
    }
}

static void add_values(ls_text *out, const ls_output_meaning *m, const float *value)
{
    char number[24];

    if (m->classes)
        add_field(out, ls_class_name(m, ls_meant_class(m, value), number));
    for (size_t i = 0; i < m->width; i++)
        ls_text_add(out, ",%.9g", ls_meant_value(m, i, value[i]));
}

/* ---- the source ---- */

/* Is this column one of an input? */
static bool is_input(const ls_preparation *p, const char *name)
{
    for (size_t i = 0; i < p->xs; i++) {
        const ls_prep_array *const array = ls_prepared_table(p, &p->x[i]);

        for (size_t c = 0; array && c < array->columns; c++)
            if (strcmp(p->preprocessing.column[array->column[c]].name, name) == 0)
                return true;
    }
    return false;
}

static ls_status open_source(table *t)
{
    const ls_preparation *const p = &t->arguments->preparation;
    const char *const *names;

    if (!t->arguments->table)
        return LS_OK;
    LS_TRY(ls_csv_open(t->arguments->table, p->preprocessing.format.delimiter, p->preprocessing.format.header,
                       &t->source));
    names = ls_csv_names(t->source, &t->columns);
    if (!(t->copied = ls_calloc(t->columns, sizeof *t->copied, "columns")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < t->columns; i++)
        t->copied[i] = !is_input(p, names[i]);
    return LS_OK;
}

static ls_status copy_row(table *t)
{
    ls_csv_row row;

    if (!t->source)
        return LS_OK;
    LS_TRY(ls_csv_next(t->source, &row));
    if (!row.field)
        return ls_fail(LS_ERR_IO, "'%s' has changed while it was read", t->arguments->table);
    for (size_t i = 0; i < t->columns; i++)
        if (t->copied[i])
            add_field(&t->out, row.field[i]);
    return LS_OK;
}

/* ---- all ---- */

static ls_status write_table(table *t, float *const *rows, uint64_t samples)
{
    const size_t outputs = t->arguments->task->model->outputs;
    const uint64_t first = t->arguments->spec.has_rows ? t->arguments->spec.rows[0] : 0;
    const char *const *const names = t->source ? ls_csv_names(t->source, &t->columns) : NULL;

    const char *name = t->arguments->names.data;

    ls_text_add(&t->out, name ? "row,image" : "row");
    for (size_t i = 0; i < t->columns; i++)
        if (t->copied[i])
            add_field(&t->out, names[i]);
    for (size_t k = 0; k < outputs; k++)
        add_heads(t, &t->meaning[k]);
    for (uint64_t r = 0; r < samples; r++) {
        ls_text_add(&t->out, "\n%llu", (unsigned long long)(first + r));
        LS_TRY(copy_row(t));
        if (name) {
            add_field(&t->out, name);
            name += strlen(name) + 1;
        }
        for (size_t k = 0; k < outputs; k++)
            add_values(&t->out, &t->meaning[k], rows[k] + r * t->meaning[k].width);
    }
    ls_text_add(&t->out, "\n");
    LS_TRY(t->out.status);
    return ls_file_replace(t->arguments->output, t->out.data, t->out.length);
}

ls_status ls_prediction_table_write(const ls_data_arguments *a, float *const *rows, uint64_t samples)
{
    const size_t outputs = a->task->model->outputs;
    table t = {.arguments = a};
    ls_status st;

    if (!(t.meaning = ls_calloc(outputs, sizeof *t.meaning, "the predictions")))
        return LS_ERR_MEMORY;
    for (size_t k = 0; k < outputs; k++)
        LS_TRY_CLEANUP(ls_output_meaning_init(&t.meaning[k], a, k));
    LS_TRY_CLEANUP(open_source(&t));
    st = write_table(&t, rows, samples);
cleanup:
    ls_csv_close(t.source);
    ls_free(t.copied);
    for (size_t k = 0; k < outputs; k++)
        ls_output_meaning_reset(&t.meaning[k]);
    ls_free(t.meaning);
    ls_text_reset(&t.out);
    return st;
}
