#include "nn/layer_order.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"

/*
 * One model: the whole, or one within it. What is directly in it are vertices: nodes, by their index, and calls of
 * models, by their index behind those of all nodes. Vertices are calls of units, layers or models, numbered alike.
 */
typedef struct level {
    const ls_model *model;
    size_t within; /* the submodel; SIZE_MAX: the whole */
    size_t *post, posts;
    size_t *depth;                /* [vertices] */
    size_t *unit_depth, *reached; /* [units]; reached: SIZE_MAX before the walk comes by */
    unsigned char *done;          /* [vertices] */
    size_t next;
} level;

static size_t layer_index(const ls_model *model, const ls_layer *layer)
{
    size_t i = 0;

    while (model->layer[i] != layer)
        i++;
    return i;
}

static size_t vertex_of(const level *l, size_t node)
{
    const size_t call = ls_submodel_at(l->model->submodel, l->model->node[node].within, l->within);

    return call == SIZE_MAX ? node : l->model->nodes + call;
}

static bool is_call(const level *l, size_t vertex)
{
    return vertex >= l->model->nodes;
}

static size_t unit_of(const level *l, size_t vertex)
{
    return is_call(l, vertex) ? l->model->layers + ls_submodel_owner(l->model->submodel, vertex - l->model->nodes)
                              : layer_index(l->model, l->model->node[vertex].layer);
}

static size_t inputs_of(const level *l, size_t vertex)
{
    if (is_call(l, vertex))
        return l->model->submodel[vertex - l->model->nodes].inputs;
    return ls_layer_is_input(l->model->node[vertex].layer) ? 0 : l->model->node[vertex].inputs;
}

/* What a vertex reads: a vertex. */
static size_t input_of(const level *l, size_t vertex, size_t k)
{
    const size_t node = is_call(l, vertex) ? l->model->submodel[vertex - l->model->nodes].input[k] : vertex;

    return vertex_of(l, l->model->node[node].input[is_call(l, vertex) ? 0 : k]);
}

static void walk(level *l, size_t v)
{
    const size_t unit = unit_of(l, v);

    if (l->done[v])
        return;
    l->done[v] = 1;
    if (l->reached[unit] == SIZE_MAX)
        l->reached[unit] = l->next++;
    for (size_t k = 0; k < inputs_of(l, v); k++)
        walk(l, input_of(l, v, k));
    l->post[l->posts++] = v;
}

static void lie_above(level *l, size_t v, size_t depth)
{
    if (l->depth[v] < depth)
        l->depth[v] = depth;
}

/* Something at `depth` needs the mask of a vertex: what Keras makes that of lies above, operation by operation. */
static void need_mask(level *l, size_t v, size_t depth)
{
    const ls_node *node = &l->model->node[v];
    const size_t inputs = is_call(l, v) ? 0 : inputs_of(l, v);

    if (inputs == 0 || !node->masked) /* within a model, its inputs have none: Keras built it for itself */
        return;
    switch (node->layer->ops->mask_kind) {
    case LS_MASK_PASSES:
        need_mask(l, input_of(l, v, 0), depth);
        break;
    case LS_MASK_COPIES:
        need_mask(l, input_of(l, v, 0), depth + 1);
        break;
    case LS_MASK_OF_NUMBERS:
        lie_above(l, input_of(l, v, 0), depth + 2);
        break;
    case LS_MASK_OF_STEPS:
        lie_above(l, input_of(l, v, 0), depth + 3);
        break;
    case LS_MASK_FOLDS:
        for (size_t k = 0; k < inputs; k++)
            need_mask(l, input_of(l, v, k), depth + inputs - (k > 0 ? k : 1));
        break;
    case LS_MASK_JOINS: /* any of (concatenation of (mask or zeros like the input)), or of ones like it */
        for (size_t k = 0; k < inputs; k++) {
            lie_above(l, input_of(l, v, k), depth + (l->model->node[node->input[k]].masked ? 5 : 4));
            need_mask(l, input_of(l, v, k), depth + 4);
        }
        break;
    }
}

static bool comes_before(const level *l, size_t a, size_t b)
{
    if (l->unit_depth[a] != l->unit_depth[b])
        return l->unit_depth[a] > l->unit_depth[b];
    return l->reached[a] + 1 < l->reached[b] + 1; /* never reached (SIZE_MAX) comes first, as Keras's -1 */
}

/* Depths of all units of a graph. */
static void measure(level *l)
{
    const ls_model *model = l->model;
    const ls_submodel *s = l->within == SIZE_MAX ? NULL : &model->submodel[l->within];

    for (size_t k = 0; k < (s ? s->outputs : model->outputs); k++)
        walk(l, vertex_of(l, s ? s->output[k] : model->output[k]));
    for (size_t p = l->posts; p-- > 0;) {
        const size_t v = l->post[p], unit = unit_of(l, v);
        size_t depth = l->depth[v];

        if (l->unit_depth[unit] > depth)
            depth = l->unit_depth[unit];
        l->unit_depth[unit] = l->depth[v] = depth;
        for (size_t k = 0; k < inputs_of(l, v); k++)
            lie_above(l, input_of(l, v, k), depth + 1);
        if (!is_call(l, v) && model->node[v].layer->ops->takes_mask)
            need_mask(l, input_of(l, v, 0), depth);
    }
}

static ls_status add_layers(const ls_model *model, size_t within, ls_layer **sorted, size_t *n);

/* The units of a level, in order; unit[]: [layers + submodels]. */
static size_t list_units(const level *l, size_t *unit)
{
    const ls_model *model = l->model;
    const bool sequential = l->within == SIZE_MAX ? model->sequential : model->submodel[l->within].sequential;
    size_t n = 0;

    /* As their nodes come, which a Sequential model keeps: of a unit the first call. */
    for (size_t i = 0; i < model->nodes; i++) {
        size_t u, k = 0;

        if (!ls_submodel_is_in(model->submodel, model->node[i].within, l->within))
            continue;
        u = unit_of(l, vertex_of(l, i));
        while (k < n && unit[k] != u)
            k++;
        if (k == n)
            unit[n++] = u;
    }
    for (size_t i = 1; !sequential && i < n; i++) /* insertion: stable, and models have few layers */
        for (size_t j = i; j > 0 && comes_before(l, unit[j], unit[j - 1]); j--) {
            const size_t swap = unit[j];

            unit[j] = unit[j - 1];
            unit[j - 1] = swap;
        }
    return n;
}

static ls_status add_layers(const ls_model *model, size_t within, ls_layer **sorted, size_t *n)
{
    const size_t units = model->layers + model->submodels, vertices = model->nodes + model->submodels;
    level l = {.model = model, .within = within};
    size_t *unit = ls_calloc(units, sizeof *unit, "the order of the layers"), count;
    ls_status st = LS_OK;

    l.post = ls_calloc(vertices, sizeof *l.post, "the order of the layers");
    l.depth = ls_calloc(vertices, sizeof *l.depth, "the order of the layers");
    l.done = ls_calloc(vertices, 1, "the order of the layers");
    l.unit_depth = ls_calloc(units, sizeof *l.unit_depth, "the order of the layers");
    l.reached = ls_calloc(units, sizeof *l.reached, "the order of the layers");
    if (!unit || !l.post || !l.depth || !l.done || !l.unit_depth || !l.reached) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (size_t i = 0; i < units; i++)
        l.reached[i] = SIZE_MAX;
    measure(&l);
    count = list_units(&l, unit);
    for (size_t i = 0; i < count; i++)
        if (unit[i] < model->layers)
            sorted[(*n)++] = model->layer[unit[i]];
        else
            LS_TRY_CLEANUP(add_layers(model, unit[i] - model->layers, sorted, n));
cleanup:
    ls_free(unit);
    ls_free(l.post);
    ls_free(l.depth);
    ls_free(l.done);
    ls_free(l.unit_depth);
    ls_free(l.reached);
    return st;
}

ls_status ls_model_order_layers(ls_model *model)
{
    ls_layer **sorted = ls_calloc(model->layers, sizeof *sorted, "the order of the layers");
    size_t n = 0;
    const ls_status st = sorted ? add_layers(model, SIZE_MAX, sorted, &n) : LS_ERR_MEMORY;

    if (st == LS_OK)
        memcpy(model->layer, sorted, n * sizeof *sorted);
    ls_free(sorted);
    return st;
}

bool ls_model_next_unit(const ls_model *model, size_t within, ls_unit *unit)
{
    size_t i = unit->end;

    while (i < model->layers && !ls_submodel_is_in(model->submodel, model->layer[i]->within, within))
        i++;
    if (i == model->layers)
        return false;
    *unit = (ls_unit){.first = i, .end = i + 1};
    unit->submodel = ls_submodel_at(model->submodel, model->layer[i]->within, within);
    if (unit->submodel == SIZE_MAX) {
        unit->layer = model->layer[i];
        unit->name = ls_own_name(unit->layer->name);
        return true;
    }
    unit->name = ls_own_name(model->submodel[unit->submodel].name);
    while (unit->end < model->layers &&
           ls_submodel_is_in(model->submodel, model->layer[unit->end]->within, unit->submodel))
        unit->end++;
    return true;
}

size_t ls_node_call(const ls_model *model, size_t node)
{
    size_t n = 0;

    for (size_t i = 0; i < node; i++)
        n += model->node[i].layer == model->node[node].layer && model->node[i].within == model->node[node].within;
    return n;
}

size_t ls_submodel_call(const ls_model *model, size_t submodel)
{
    const ls_submodel *all = model->submodel;
    size_t n = 0;

    for (size_t i = 0; i < submodel; i++)
        n += all[i].parent == all[submodel].parent && ls_submodel_owner(all, i) == ls_submodel_owner(all, submodel);
    return n;
}

const char *ls_model_output_name(const ls_model *model, size_t k)
{
    const ls_node *node = &model->node[model->output[k]];
    const size_t s = ls_submodel_at(model->submodel, node->within, SIZE_MAX);

    return s == SIZE_MAX ? node->layer->name : model->submodel[ls_submodel_owner(model->submodel, s)].name;
}
