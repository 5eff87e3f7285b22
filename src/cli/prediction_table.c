#include "cli/prediction_table.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/csv.h"
#include "nn/activations/activations.h"
#include "nn/losses/losses.h"

/* How one output is written. */
typedef struct column_group {
    const char *name;    /* of the target's column, else of the output */
    const char *prefix;  /* of all columns, where there are several outputs; else "" */
    char *const *class;  /* names, borrowed; NULL: numbers */
    size_t width;        /* values per sample */
    bool is_class;       /* the outputs are classes' */
    double cut;          /* of a single one: it is the second class above */
    const double *scale; /* of the target, with period; NULL: none */
    const double *offset;
    size_t period;
} column_group;

typedef struct table {
    const ls_data_arguments *arguments;
    column_group *group; /* [outputs] */
    ls_csv *source;      /* NULL: there is none */
    bool *copied;        /* of its columns */
    size_t columns;
    ls_text out;
} table;

/* ---- what the outputs mean ---- */

static const ls_prep_array *array_of(const ls_preparation *p, const ls_prepared *target)
{
    for (size_t i = 0; p->of_table && target && target->array && i < p->preprocessing.arrays; i++)
        if (strcmp(p->preprocessing.array[i].name, target->array) == 0)
            return &p->preprocessing.array[i];
    return NULL;
}

static bool is_loss(const ls_component *loss, const char *name)
{
    return loss->ops && strcmp(loss->ops->name, name) == 0;
}

/* A sigmoid's middle is 1/2, that of a logit 0. */
static void set_meaning(const ls_data_arguments *a, size_t k, size_t classes, column_group *g)
{
    const ls_model *const model = a->task->model;
    const ls_node *const node = &model->node[model->output[k]];
    const char *const activation = node->layer->activation.ops ? node->layer->activation.ops->name : "linear";
    const ls_component *const loss = &a->task->outputs[k].loss;
    const bool flat = node->shape.axes <= 1;

    if (g->width == 1) {
        const bool is_sigmoid = strcmp(activation, "sigmoid") == 0;

        g->is_class = flat && (is_loss(loss, "binary_crossentropy") || (classes == 2 && is_sigmoid));
        g->cut = is_sigmoid ? 0.5 : 0;
        return;
    }
    g->is_class =
        flat && (classes == g->width || strcmp(activation, "softmax") == 0 ||
                 is_loss(loss, "sparse_categorical_crossentropy") || is_loss(loss, "categorical_crossentropy"));
}

static void describe_output(const ls_data_arguments *a, size_t k, column_group *g)
{
    const ls_preparation *const p = &a->preparation;
    const ls_model *const model = a->task->model;
    const ls_node *const node = &model->node[model->output[k]];
    const ls_prepared *const target = ls_preparation_output(p, node->name);
    const ls_prep_array *const array = array_of(p, target);
    const ls_prep_column *const column =
        array && array->columns == 1 ? &p->preprocessing.column[array->column[0]] : NULL;
    size_t classes = target ? target->classes : 0;

    g->width = ls_shape_size(&node->shape);
    g->name = column ? column->name : node->name;
    g->prefix = model->outputs > 1 ? g->name : "";
    if (target)
        g->class = target->class;
    if (column && column->encoding == LS_ENCODING_ONE_HOT) {
        g->class = column->category;
        classes = column->categories;
    }
    set_meaning(a, k, classes, g);
    if (classes != (g->width == 1 ? 2 : g->width))
        g->class = NULL;
    if (target && target->scale && !g->is_class) {
        g->scale = target->scale;
        g->offset = target->offset;
        g->period = target->period;
    }
}

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

static void add_number(ls_text *out, double value)
{
    ls_text_add(out, ",%.9g", value);
}

static void add_head(ls_text *out, const column_group *g, const char *before, const char *name, const char *after)
{
    ls_text head = {0};

    ls_text_add(&head, "%s%s%s%s%s", g->prefix, *g->prefix ? " " : "", before, name, after);
    if (head.status == LS_OK)
        add_field(out, head.data);
    else
        out->status = head.status;
    ls_text_reset(&head);
}

static void add_class_head(ls_text *out, const column_group *g, size_t c)
{
    char number[24];

    snprintf(number, sizeof number, "%zu", c);
    add_head(out, g, "p(", g->class ? g->class[c] : number, ")");
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
static void add_heads(table *t, const column_group *g)
{
    char number[32];

    if (g->is_class) {
        add_head(&t->out, g, "", "class", "");
        for (size_t c = g->width == 1 ? 1 : 0; c < (g->width == 1 ? 2 : g->width); c++)
            add_class_head(&t->out, g, c);
        return;
    }
    for (size_t i = 0; i < g->width; i++) {
        const bool copied = is_copied(t, g->name);

        snprintf(number, sizeof number, g->width > 1 ? "[%zu]" : "%.0zu", g->width > 1 ? i : 0);
        if (*g->prefix)
            add_head(&t->out, g, "", g->width > 1 ? number : "value", "");
        else
            add_head(&t->out, g, copied ? "predicted " : "", g->name, number);
    }
}

static void add_class(ls_text *out, const column_group *g, size_t c)
{
    char number[24];

    snprintf(number, sizeof number, "%zu", c);
    add_field(out, g->class ? g->class[c] : number);
}

static void add_values(ls_text *out, const column_group *g, const float *value)
{
    size_t best = 0;

    if (g->is_class && g->width == 1) {
        add_class(out, g, (double)value[0] > g->cut);
    } else if (g->is_class) {
        for (size_t i = 1; i < g->width; i++)
            if (value[i] > value[best])
                best = i;
        add_class(out, g, best);
    }
    for (size_t i = 0; i < g->width; i++)
        add_number(out,
                   g->scale ? (double)value[i] / g->scale[i % g->period] + g->offset[i % g->period] : (double)value[i]);
}

/* ---- the source ---- */

/* Is this column one of an input? */
static bool is_input(const ls_preparation *p, const char *name)
{
    for (size_t i = 0; i < p->xs; i++) {
        const ls_prep_array *const array = array_of(p, &p->x[i]);

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

    ls_text_add(&t->out, "row");
    for (size_t i = 0; i < t->columns; i++)
        if (t->copied[i])
            add_field(&t->out, names[i]);
    for (size_t k = 0; k < outputs; k++)
        add_heads(t, &t->group[k]);
    for (uint64_t r = 0; r < samples; r++) {
        ls_text_add(&t->out, "\n%llu", (unsigned long long)(first + r));
        LS_TRY(copy_row(t));
        for (size_t k = 0; k < outputs; k++)
            add_values(&t->out, &t->group[k], rows[k] + r * t->group[k].width);
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

    if (!(t.group = ls_calloc(outputs, sizeof *t.group, "the predictions")))
        return LS_ERR_MEMORY;
    for (size_t k = 0; k < outputs; k++)
        describe_output(a, k, &t.group[k]);
    LS_TRY_CLEANUP(open_source(&t));
    st = write_table(&t, rows, samples);
cleanup:
    ls_csv_close(t.source);
    ls_free(t.copied);
    ls_free(t.group);
    ls_text_reset(&t.out);
    return st;
}
