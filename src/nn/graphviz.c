#include "nn/graphviz.h"

#include <string.h>

#include "nn/summary.h"

/* Text inside a quoted label of a record, where braces, bars, angles and spaces have a meaning. */
static void add_escaped(ls_text *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("{}|<>\"\\ ", *text))
            ls_text_add(out, "\\");
        ls_text_add_bytes(out, (unsigned char)*text < ' ' ? "?" : text, 1);
    }
}

static void add_shape(ls_text *out, const ls_shape *shape)
{
    char text[LS_SHAPE_TEXT_BYTES];

    add_escaped(out, ls_shape_format_batch(shape, text));
}

static bool is_shared(const ls_model *model, const ls_layer *layer)
{
    size_t calls = 0;

    for (size_t i = 0; i < model->nodes; i++)
        calls += model->node[i].layer == layer;
    return calls > 1;
}

static void add_node(ls_text *out, const ls_model *model, size_t i)
{
    const ls_node *node = &model->node[i];
    const bool shared = is_shared(model, node->layer);
    char count[LS_NUMBER_BYTES];

    ls_text_add(out, "    n%zu [%slabel=\"{", i, shared ? "style=dashed, " : "");
    add_escaped(out, node->name);
    ls_text_add(out, "\\ (%s)|{", ls_layer_class(node->layer));
    if (node->inputs > 0) {
        ls_text_add(out, "input:\\ ");
        for (size_t k = 0; k < node->inputs; k++) {
            ls_text_add(out, "%s", k ? ",\\ " : "");
            add_shape(out, &model->node[node->input[k]].shape);
        }
        ls_text_add(out, "|");
    }
    ls_text_add(out, "output:\\ ");
    add_shape(out, &node->shape);
    if (node->use == 0) {
        ls_text_add(out, "}|%s\\ parameters}\"];\n", ls_format_count(ls_layer_count(node->layer), count));
    } else {
        ls_text_add(out, "}|weights\\ of\\ ");
        add_escaped(out, node->layer->name);
        ls_text_add(out, "}\"];\n");
    }
}

static void add_edges(ls_text *out, const ls_model *model, size_t i)
{
    const ls_node *node = &model->node[i];

    for (size_t k = 0; k < node->inputs; k++)
        ls_text_add(out, "    n%zu -> n%zu;\n", node->input[k], i);
}

ls_status ls_graphviz_write(const ls_model *model, ls_text *out)
{
    ls_text_add(out, "digraph model {\n"
                     "    node [shape=record, fontname=\"Helvetica\", fontsize=10];\n");
    for (size_t i = 0; i < model->nodes; i++)
        add_node(out, model, i);
    for (size_t i = 0; i < model->nodes; i++)
        add_edges(out, model, i);
    ls_text_add(out, "}\n");
    return out->status;
}
