#include "nn/summary.h"

#include <stdio.h>
#include <string.h>

#include "base/locale.h"
#include "nn/layer_order.h"

#define COLUMNS_MAX 4

/* Keras asks for 76 columns, cut at fixed fractions; these are the widths between the bars that result from them. */
static const size_t chain_width[] = {33, 24, 15}, graph_width[] = {21, 19, 12, 19};
static const char *const header[] = {"Layer (type)", "Output Shape", "Param #", "Connected to"};
#define RIGHT_ALIGNED 2 /* the column of counts */

typedef struct table {
    const size_t *width; /* [columns] */
    size_t columns;
    ls_text *out;
} table;

const char *ls_format_count(uint64_t count, char out[LS_NUMBER_BYTES])
{
    char digits[LS_NUMBER_BYTES];
    const size_t n = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

const char *ls_format_bytes(double bytes, char out[LS_NUMBER_BYTES])
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
    size_t u = 0;

    for (; bytes >= 1024 && u + 1 < sizeof units / sizeof units[0]; u++)
        bytes /= 1024;
    ls_format(out, LS_NUMBER_BYTES, "%.2f %s", bytes, units[u]);
    return out;
}

const char *ls_layer_class(const ls_layer *layer)
{
    return layer->ops->ops.keras_name ? layer->ops->ops.keras_name : layer->ops->ops.name;
}

size_t ls_layer_count(const ls_layer *layer)
{
    size_t count = 0;

    for (size_t p = 0; p < layer->params; p++)
        count += layer->param[p].size;
    return count;
}

/* ---- text in cells ---- */

/* Columns that n bytes of UTF-8 take: all bytes but those that continue a character. */
static size_t columns_of(const char *text, size_t n)
{
    size_t columns = 0;

    for (size_t i = 0; i < n; i++)
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    return columns;
}

/* Bytes of the first `columns` characters. */
static size_t bytes_of(const char *text, size_t n, size_t columns)
{
    size_t i = 0;

    while (i < n) {
        if (((unsigned char)text[i] & 0xc0) != 0x80 && columns-- == 0)
            break;
        i++;
    }
    return i;
}

/*
 * Bytes of the first line of text when it wraps at `width` columns: words with the spaces that follow them, as long as
 * they fit. A word too long for any line stays whole on a line of its own, and is cut when it is printed.
 */
static size_t line_bytes(const char *text, size_t width)
{
    size_t line = 0, columns = 0;

    while (text[line]) {
        const size_t lead = line + strspn(text + line, " "), end = lead + strcspn(text + lead, " ");
        const size_t next = end + strspn(text + end, " ");

        if (line > 0 && columns + columns_of(text + line, end - line) > width)
            break;
        columns += columns_of(text + line, next - line);
        line = next;
    }
    return line;
}

static void add_spaces(ls_text *out, size_t n)
{
    ls_text_add(out, "%*s", (int)n, "");
}

/* The first line of *text, which moves on behind it, `width` columns wide; an ellipsis stands for what does not fit. */
static void add_cell_line(ls_text *out, const char **text, size_t width, bool right)
{
    const size_t line = line_bytes(*text, width);
    size_t n = line, columns;

    while (n > 0 && (*text)[n - 1] == ' ')
        n--;
    columns = columns_of(*text, n);
    if (right && columns < width)
        add_spaces(out, width - columns);
    if (columns > width) {
        ls_text_add_bytes(out, *text, bytes_of(*text, n, width - 1));
        ls_text_add(out, "…");
    } else {
        ls_text_add_bytes(out, *text, n);
    }
    if (!right && columns < width)
        add_spaces(out, width - columns);
    *text += line;
}

static void add_row(const table *t, const char *const *cell, const char *bar)
{
    const char *rest[COLUMNS_MAX];
    bool more = true;

    memcpy(rest, cell, t->columns * sizeof *rest);
    while (more) {
        more = false;
        for (size_t c = 0; c < t->columns; c++) {
            ls_text_add(t->out, "%s ", bar);
            add_cell_line(t->out, &rest[c], t->width[c] - 2, c == RIGHT_ALIGNED);
            ls_text_add(t->out, " ");
            more |= *rest[c] != '\0';
        }
        ls_text_add(t->out, "%s\n", bar);
    }
}

static void add_line(const table *t, const char *left, const char *fill, const char *cross, const char *right)
{
    for (size_t c = 0; c < t->columns; c++) {
        ls_text_add(t->out, "%s", c ? cross : left);
        for (size_t i = 0; i < t->width[c]; i++)
            ls_text_add(t->out, "%s", fill);
    }
    ls_text_add(t->out, "%s\n", right);
}

/* ---- the model ---- */

/* Every node takes the one before it, and no layer is called twice: then Keras leaves "Connected to" out. */
static bool is_chain(const ls_model *model)
{
    if (model->submodels > 0)
        return false;
    for (size_t i = 0; i < model->nodes; i++)
        if (model->node[i].use > 0 || model->node[i].inputs != (i > 0) || (i > 0 && model->node[i].input[0] != i - 1))
            return false;
    return true;
}

/* "a[0][0]": a node that something in the model itself reads. */
static void add_source(const ls_model *model, size_t node, ls_text *out)
{
    const size_t s = ls_submodel_at(model->submodel, model->node[node].within, SIZE_MAX);
    size_t output = 0;

    if (s == SIZE_MAX) {
        ls_text_add(out, "%s%s[%zu][0]", out->length ? ", " : "", model->node[node].layer->name,
                    ls_node_call(model, node));
        return;
    }
    while (model->submodel[s].output[output] != node)
        output++;
    ls_text_add(out, "%s%s[%zu][%zu]", out->length ? ", " : "",
                model->submodel[ls_submodel_owner(model->submodel, s)].name, ls_submodel_call(model, s), output);
}

/* "a[0][0], shared[1][0]": for all calls of a layer, what they take, by layer, number of its call and of its output. */
static void add_connections(const ls_model *model, const ls_unit *unit, ls_text *out)
{
    for (size_t i = 0; unit->layer && i < model->nodes; i++)
        for (size_t k = 0; model->node[i].layer == unit->layer && k < model->node[i].inputs; k++)
            add_source(model, model->node[i].input[k], out);
    for (size_t i = 0; !unit->layer && i < model->submodels; i++)
        for (size_t k = 0; model->submodel[i].parent == SIZE_MAX &&
                           ls_submodel_owner(model->submodel, i) == unit->submodel && k < model->submodel[i].inputs;
             k++)
            add_source(model, model->node[model->submodel[i].input[k]].input[0], out);
    if (!out->length)
        ls_text_add(out, "-");
}

/* "(None, 4)"; of a model with several outputs "[(None, 4), (None, 2)]". */
static void add_shapes(const ls_model *model, const ls_unit *unit, ls_text *out)
{
    const ls_submodel *s = unit->layer ? NULL : &model->submodel[unit->submodel];
    char shape[LS_SHAPE_TEXT_BYTES];

    if (unit->layer) {
        ls_text_add(out, "%s", ls_shape_format_batch(&unit->layer->out_shape, shape));
        return;
    }
    for (size_t k = 0; k < s->outputs; k++)
        ls_text_add(out, "%s%s%s",
                    k                ? ", "
                    : s->outputs > 1 ? "["
                                     : "",
                    ls_shape_format_batch(&model->node[s->output[k]].shape, shape),
                    k > 0 && k + 1 == s->outputs ? "]" : "");
}

static ls_status add_unit(const table *t, const ls_model *model, const ls_unit *unit)
{
    char number[LS_NUMBER_BYTES];
    ls_text name = {0}, connections = {0}, shapes = {0};
    size_t count = 0;
    ls_status st;

    ls_text_add(&name, "%s (%s)", unit->name,
                unit->layer                                  ? ls_layer_class(unit->layer)
                : model->submodel[unit->submodel].sequential ? "Sequential"
                                                             : "Functional");
    for (size_t i = unit->first; i < unit->end; i++)
        count += ls_layer_count(model->layer[i]);
    add_connections(model, unit, &connections);
    add_shapes(model, unit, &shapes);
    st = name.status != LS_OK ? name.status : connections.status != LS_OK ? connections.status : shapes.status;
    if (st == LS_OK) {
        const char *const cell[] = {name.data, shapes.data, ls_format_count(count, number), connections.data};

        add_row(t, cell, "│");
        st = t->out->status;
    }
    ls_text_reset(&name);
    ls_text_reset(&connections);
    ls_text_reset(&shapes);
    return st;
}

static void add_total(ls_text *out, const char *what, size_t count)
{
    char number[LS_NUMBER_BYTES], size[LS_NUMBER_BYTES];

    ls_text_add(out, " %s params: %s (%s)\n", what, ls_format_count(count, number),
                ls_format_bytes((double)count * sizeof(float), size));
}

ls_status ls_summary_write(const ls_model *model, ls_text *out)
{
    const bool chain = model->sequential || is_chain(model);
    size_t rows = 0;
    const table t = {.width = chain ? chain_width : graph_width, .columns = chain ? 3 : 4, .out = out};

    ls_text_add(out, "Model: \"%s\"\n", model->name);
    add_line(&t, "┏", "━", "┳", "┓");
    add_row(&t, header, "┃");
    add_line(&t, "┡", "━", "╇", "┩");
    for (ls_unit unit = {0}; ls_model_next_unit(model, SIZE_MAX, &unit);) {
        if (model->sequential && unit.layer && unit.layer->ops == &ls_input_layer)
            continue; /* as Keras does: a Sequential model's input is not one of its layers */
        if (rows++ > 0)
            add_line(&t, "├", "─", "┼", "┤");
        LS_TRY(add_unit(&t, model, &unit));
    }
    add_line(&t, "└", "─", "┴", "┘");
    add_total(out, "Total", model->count);
    add_total(out, "Trainable", model->trainable_count);
    add_total(out, "Non-trainable", model->count - model->trainable_count);
    return out->status;
}
