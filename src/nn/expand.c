/* Models within a description: their nodes come to stand among the others (submodel.h). */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "nn/model.h"
#include "nn/model_description.h"

void ls_model_description_reset(ls_model_description *description)
{
    for (size_t i = 0; description->node && i < description->nodes; i++) {
        ls_free(description->node[i].name);
        ls_free(description->node[i].layer_name);
        ls_free(description->node[i].input);
        ls_free(description->node[i].pick);
        ls_component_reset(&description->node[i].config);
        if (description->node[i].model)
            ls_model_description_reset(description->node[i].model);
        ls_free(description->node[i].model);
    }
    ls_free(description->node);
    ls_free(description->output);
    ls_free(description->output_pick);
    ls_submodels_free(description->submodel, description->submodels);
    *description = (ls_model_description){0};
}

static size_t owner_of(const ls_model_description *d, size_t i)
{
    while (d->node[i].shares != SIZE_MAX)
        i = d->node[i].shares;
    return i;
}

const ls_model_description *ls_node_model(const ls_model_description *d, size_t i)
{
    return d->node[owner_of(d, i)].model;
}

/* ---- names ---- */

static ls_status prefixed(const char *before, const char *name, char **out)
{
    ls_text text = {0};

    ls_text_add(&text, "%s/%s", before, name);
    *out = text.data;
    return text.status;
}

/* ---- expansion ---- */

typedef struct expansion {
    ls_model_description *d;
    ls_node_description *node; /* [nodes so far] */
    size_t nodes;
    size_t *place; /* [d->nodes] where the first of a node's nodes is */
    ls_submodel *submodel;
    size_t submodels;
    size_t *first_submodel; /* [d->nodes] the submodel that a node became */
} expansion;

static size_t target(const expansion *x, size_t i, size_t pick)
{
    const ls_model_description *m = ls_node_model(x->d, i);

    return x->place[i] + (m ? m->output[pick] : 0);
}

static size_t *copy_indices(const size_t *from, size_t n, size_t shift)
{
    size_t *copy = ls_calloc(n, sizeof *copy, "the layers of the model");

    for (size_t i = 0; copy && i < n; i++)
        copy[i] = from[i] + shift;
    return copy;
}

/* The submodel that node i becomes, and those within it. */
static ls_status add_submodels(expansion *x, size_t i, const ls_model_description *m)
{
    const ls_node_description *node = &x->d->node[i];
    const size_t owner = owner_of(x->d, i), first = x->submodels, at = x->nodes;
    ls_submodel *s = &x->submodel[x->submodels++];

    x->first_submodel[i] = first;
    *s = (ls_submodel){.parent = SIZE_MAX,
                       .shares = owner == i ? SIZE_MAX : x->first_submodel[owner],
                       .sequential = m->sequential,
                       .args = m->args,
                       .name = ls_strdup(node->name),
                       .input = ls_calloc(m->inputs, sizeof *s->input, "the layers of the model"),
                       .output = copy_indices(m->output, m->outputs, at),
                       .inputs = m->inputs,
                       .outputs = m->outputs};
    if (!s->name || !s->input || !s->output)
        return LS_ERR_MEMORY;
    for (size_t k = 0; k < m->inputs; k++)
        s->input[k] = at + k;
    for (size_t k = 0; k < m->submodels; k++) {
        const ls_submodel *from = &m->submodel[k];
        ls_submodel *to = &x->submodel[x->submodels++];

        *to = *from;
        to->parent = from->parent == SIZE_MAX ? first : from->parent + first + 1;
        to->shares = owner != i                 ? x->first_submodel[owner] + 1 + k
                     : from->shares == SIZE_MAX ? SIZE_MAX
                                                : from->shares + first + 1;
        to->input = copy_indices(from->input, from->inputs, at);
        to->output = copy_indices(from->output, from->outputs, at);
        to->name = NULL;
        LS_TRY(prefixed(node->name, from->name, &to->name));
        if (!to->input || !to->output)
            return LS_ERR_MEMORY;
    }
    return LS_OK;
}

static bool is_output(const ls_model_description *m, size_t j)
{
    for (size_t k = 0; k < m->outputs; k++)
        if (m->output[k] == j)
            return true;
    return false;
}

/* Node j of the model m that node i stands for. Takes what it holds, unless its layers are called again. */
static ls_status add_inner(expansion *x, size_t i, ls_model_description *m, size_t j)
{
    const ls_node_description *outer = &x->d->node[i];
    const size_t owner = owner_of(x->d, i), at = x->place[i], first = x->first_submodel[i];
    ls_node_description *from = &m->node[j], *to = &x->node[x->nodes++];
    const size_t inputs = j < m->inputs ? 1 : from->inputs;

    *to = (ls_node_description){.args = from->args, .at = from->at, .inputs = inputs, .shares = SIZE_MAX};
    to->within = from->within == SIZE_MAX ? first : from->within + first + 1;
    to->trainable = from->trainable && outer->trainable;
    to->input = j < m->inputs ? ls_calloc(1, sizeof *to->input, "inputs") : copy_indices(from->input, from->inputs, at);
    if (!to->input)
        return LS_ERR_MEMORY;
    if (j < m->inputs)
        to->input[0] = target(x, outer->input[j], outer->pick ? outer->pick[j] : 0);
    if (owner != i) {
        to->shares = x->place[owner] + j;
    } else if (from->shares != SIZE_MAX) {
        to->shares = at + from->shares;
    } else {
        to->ops = j < m->inputs ? &ls_inner_input_layer : from->ops;
        to->config = from->config;
        if (j < m->inputs)
            to->config.ops = &ls_inner_input_layer.ops;
        from->config = (ls_component){0};
    }
    LS_TRY(prefixed(outer->name, from->layer_name ? from->layer_name : from->name, &to->layer_name));
    if (m->outputs == 1 && is_output(m, j))
        return (to->name = ls_strdup(outer->name)) ? LS_OK : LS_ERR_MEMORY;
    return prefixed(outer->name, from->name, &to->name);
}

static ls_status add_node(expansion *x, size_t i)
{
    ls_node_description *from = &x->d->node[i];
    ls_model_description *m = x->d->node[owner_of(x->d, i)].model;

    x->place[i] = x->nodes;
    if (!m) {
        ls_node_description *to = &x->node[x->nodes++];
        size_t *const pick = from->pick;

        *to = *from;
        *from = (ls_node_description){.shares = to->shares};
        to->pick = NULL;
        for (size_t k = 0; k < to->inputs; k++)
            to->input[k] = target(x, to->input[k], pick ? pick[k] : 0);
        ls_free(pick);
        to->shares = to->shares == SIZE_MAX ? SIZE_MAX : x->place[to->shares];
        return LS_OK;
    }
    if (from->inputs != m->inputs)
        return ls_config_fail(from->at, "model '%s' takes %zu input%s, but has %zu", from->name, m->inputs,
                              m->inputs == 1 ? "" : "s", from->inputs);
    LS_TRY(add_submodels(x, i, m));
    for (size_t j = 0; j < m->nodes; j++)
        LS_TRY(add_inner(x, i, m, j));
    return LS_OK;
}

ls_status ls_model_description_expand(ls_model_description *d)
{
    expansion x = {.d = d};
    size_t nodes = 0, submodels = 0;
    ls_model_description whole;
    ls_status st = LS_OK;

    for (size_t i = 0; i < d->nodes; i++) {
        const ls_model_description *m = ls_node_model(d, i);

        nodes += m ? m->nodes : 1;
        submodels += m ? m->submodels + 1 : 0;
    }
    if (submodels == 0)
        return LS_OK;
    whole = (ls_model_description){
        .args = d->args, .sequential = d->sequential, .inputs = d->inputs, .outputs = d->outputs};
    x.node = ls_calloc(nodes, sizeof *x.node, "the layers of the model");
    x.submodel = ls_calloc(submodels, sizeof *x.submodel, "the layers of the model");
    x.place = ls_calloc(d->nodes, sizeof *x.place, "the layers of the model");
    x.first_submodel = ls_calloc(d->nodes, sizeof *x.first_submodel, "the layers of the model");
    whole.output = ls_calloc(d->outputs, sizeof *whole.output, "the outputs of the model");
    if (!x.node || !x.submodel || !x.place || !x.first_submodel || !whole.output)
        st = LS_ERR_MEMORY;
    for (size_t i = 0; i < d->nodes && st == LS_OK; i++)
        st = add_node(&x, i);
    for (size_t k = 0; k < d->outputs && st == LS_OK; k++)
        whole.output[k] = target(&x, d->output[k], d->output_pick ? d->output_pick[k] : 0);
    whole.node = x.node;
    whole.nodes = x.nodes;
    whole.submodel = x.submodel;
    whole.submodels = x.submodels;
    ls_free(x.place);
    ls_free(x.first_submodel);
    ls_model_description_reset(d);
    *d = whole;
    return st;
}

/* ---- cutting ---- */

/* Node i calls a layer, or a model, that another node had: now it has it. */
static void inherit(ls_model_description *d, size_t i)
{
    const size_t owner = owner_of(d, i);
    ls_node_description *from = &d->node[owner], *to = &d->node[i];

    to->ops = from->ops;
    to->args = from->args;
    to->config = from->config;
    to->model = from->model;
    to->trainable = from->trainable;
    from->config = (ls_component){0};
    from->model = NULL;
    for (size_t k = 0; k < d->nodes; k++)
        if (k != i && d->node[k].shares != SIZE_MAX && owner_of(d, k) == owner)
            d->node[k].shares = i;
    to->shares = SIZE_MAX;
}

static void drop_node(ls_node_description *node)
{
    ls_free(node->name);
    ls_free(node->input);
    ls_free(node->pick);
    ls_component_reset(&node->config);
    if (node->model)
        ls_model_description_reset(node->model);
    ls_free(node->model);
}

ls_status ls_model_description_cut(ls_model_description *d, size_t last)
{
    bool *needed = ls_calloc(d->nodes, sizeof *needed, "the layers of the model");
    size_t *place = ls_calloc(d->nodes, sizeof *place, "the layers of the model");
    size_t n = 0;

    if (!needed || !place) {
        ls_free(needed);
        ls_free(place);
        return LS_ERR_MEMORY;
    }
    needed[last] = true;
    for (size_t i = d->nodes; i-- > 0;)
        for (size_t k = 0; needed[i] && k < d->node[i].inputs; k++)
            needed[d->node[i].input[k]] = true;
    for (size_t i = 0; i < d->inputs; i++)
        needed[i] = true;
    for (size_t i = 0; i < d->nodes; i++)
        if (needed[i] && !needed[owner_of(d, i)])
            inherit(d, i);
    for (size_t i = 0; i < d->nodes; i++) {
        if (!needed[i]) {
            drop_node(&d->node[i]);
            continue;
        }
        place[i] = n;
        d->node[n] = d->node[i];
        for (size_t k = 0; k < d->node[n].inputs; k++)
            d->node[n].input[k] = place[d->node[n].input[k]];
        if (d->node[n].shares != SIZE_MAX)
            d->node[n].shares = place[d->node[n].shares];
        n++;
    }
    d->nodes = n;
    d->outputs = 1;
    d->output[0] = place[last];
    if (d->output_pick)
        d->output_pick[0] = 0;
    ls_free(needed);
    ls_free(place);
    return LS_OK;
}
