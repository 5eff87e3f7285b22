#include "nn/model_description.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/failures.h"
#include "base/memory.h"
#include "nn/model.h"

const char *const ls_layer_common_keys[] = {"name", "trainable", NULL};

static size_t find(const ls_model_description *d, const char *name)
{
    for (size_t i = 0; i < d->nodes; i++)
        if (d->node[i].name && strcmp(d->node[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

/* What other programs call them. */
static const char *usual_name(const char *name)
{
    static const char *const names[][2] = {{"linear", "dense"},
                                           {"fc", "dense"},
                                           {"fully_connected", "dense"},
                                           {"output", "dense"},
                                           {"conv", "conv2d"},
                                           {"max_pooling", "max_pooling2d"},
                                           {"average_pooling", "average_pooling2d"},
                                           {"bn", "batch_normalization"},
                                           {"layernorm", "layer_normalization"}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(name, names[i][0]) == 0)
            return names[i][1];
    return NULL;
}

/* "dense(64)" and "dense 64", which are no YAML. */
static ls_status fail_rewritten(const ls_config *at, const char *name, ls_text *line)
{
    const ls_status st = line->status != LS_OK ? line->status
                                               : ls_config_fail(at, "'%.80s' is no YAML: write - %.*s", name,
                                                                (int)line->length - 2, line->data + 1);

    ls_text_reset(line);
    return st;
}

static ls_status unknown_layer(const ls_config *at, const char *name)
{
    const char *known[256];
    size_t n = 0;
    const char *nearest;
    ls_text list = {0};
    ls_status (*const fail)(const ls_config *, const char *, ...) = at->key ? ls_config_fail_key : ls_config_fail;
    const ls_refusal *const refusal = ls_registry_refusal(&ls_layers, name);
    ls_text line = {0};
    ls_status st;

    if (ls_registry_rewrite(&ls_layers, name, &line))
        return fail_rewritten(at, name, &line);
    if (ls_registry_find(&ls_activations, name))
        return fail(at,
                    "'%s' is an activation: write it as the argument of a layer, activation: %s, or as a layer of "
                    "its own, activation: {activation: %s}",
                    name, name, name);
    for (const ls_ops *const *entry = ls_layers.entries; *entry && n < 256; entry++)
        known[n++] = (*entry)->name;
    nearest = refusal ? NULL : usual_name(name) ? usual_name(name) : ls_registry_nearest(&ls_layers, name);
    ls_text_add_list(&list, known, n);
    if (nearest)
        st = fail(at, "unknown layer '%s'; did you mean '%s'?", name, nearest);
    else if (refusal && refusal->why)
        st = fail(at, "lockstep lacks the layer '%s': %s", name, refusal->why);
    else
        st = fail(at, refusal ? "lockstep lacks the layer '%s' (known: %s)" : "unknown layer '%s' (known: %s)", name,
                  list.data ? list.data : "");
    ls_text_reset(&list);
    return st;
}

/* Keras's automatic names: dense, dense_1, dense_2, … */
static ls_status automatic_name(const ls_model_description *d, const char *base, char **out)
{
    ls_text text = {0};

    ls_text_add(&text, "%s", base);
    for (size_t k = 1; text.status == LS_OK && find(d, text.data) != SIZE_MAX; k++) {
        text.length = 0;
        ls_text_add(&text, "%s_%zu", base, k);
    }
    if (text.status != LS_OK)
        return text.status;
    *out = text.data;
    return LS_OK;
}

static ls_status set_name(const ls_model_description *d, const ls_config *at, const char *given, char **out)
{
    if (given[0] == '\0' || strchr(given, '/') || strcmp(given, ".") == 0)
        return ls_config_fail(at, "a layer's name must not be empty, nor '.', nor hold a '/', as '%s' does", given);
    if (find(d, given) != SIZE_MAX)
        return ls_config_fail(at, "two layers are called '%s'; give one of them another name", given);
    return (*out = ls_strdup(given)) ? LS_OK : LS_ERR_MEMORY;
}

/* The keys that every layer may have, from its argument map (both forms) and from its entry (graph form). */
static ls_status read_common(const ls_model_description *d, const ls_config *map, ls_node_description *node)
{
    const ls_config *name = ls_config_get(map, "name"), *trainable = ls_config_get(map, "trainable");
    const char *text;

    if (name) {
        if (node->name)
            return ls_config_fail(name, "this layer is named twice");
        LS_TRY(ls_config_text(name, "name", &text));
        LS_TRY(set_name(d, name, text, &node->name));
    }
    if (trainable)
        LS_TRY(ls_config_bool(trainable, "trainable", &node->trainable));
    return LS_OK;
}

/* Shows how they are written. */
static ls_status fail_arguments(const ls_ops *ops, const ls_config *at)
{
    const ls_option *first = ops->options;

    if (!first || !first->name)
        return ls_config_fail(at, "%s takes no arguments: write - %s", ops->name, ops->name);
    return ls_config_fail(at, "the arguments of %s have names: write - %s: {%s: ...%s%s%s}", ops->name, ops->name,
                          first->name, first[1].name ? ", " : "", first[1].name ? first[1].name : "",
                          first[1].name ? ": ..." : "");
}

static ls_status read_model(const ls_config *args, ls_model_description **out);

/* `entry` is TYPE: {args} or TYPE: null. */
static ls_status read_layer(const ls_model_description *d, const ls_config *entry, ls_node_description *node)
{
    const ls_ops *ops = ls_registry_find(&ls_layers, entry->key);

    if (strcmp(entry->key, "model") == 0) {
        LS_TRY(ls_config_expect(entry, LS_CONFIG_MAP, "model"));
        node->args = entry;
        LS_TRY(read_common(d, entry, node));
        return read_model(entry, &node->model);
    }
    if (!ops)
        return unknown_layer(entry, entry->key);
    node->ops = (const ls_layer_ops *)ops;
    if (!ls_config_is_null(entry)) {
        if (entry->kind != LS_CONFIG_MAP) {
            node->ops = NULL; /* nothing more is to be said of it */
            return fail_arguments(ops, entry);
        }
        node->args = entry;
        LS_TRY(read_common(d, entry, node));
    }
    return LS_OK;
}

/*
 * One layer, written as its type with arguments and, beside it, the keys every layer may have: {name: h1, dense: {…}}.
 * In a graph (not in a list) `inputs` and `shares` may stand there too; the caller reads them.
 */
static ls_status read_entry(const ls_model_description *d, const ls_config *entry, bool graph,
                            ls_node_description *node)
{
    static const char *const beside[] = {"name", "trainable", "inputs", "shares"};
    const size_t n = graph ? 4 : 2;
    const ls_config *type = NULL;

    if (entry->kind != LS_CONFIG_MAP)
        return ls_config_fail(entry, "a layer is written like 'dense: {units: 10}'");
    LS_TRY(read_common(d, entry, node));
    for (const ls_config *c = entry->first; c; c = c->next) {
        bool is_beside = false;

        for (size_t i = 0; i < n; i++)
            is_beside |= strcmp(c->key, beside[i]) == 0;
        if (is_beside)
            continue;
        if (type)
            return ls_config_fail_key(c, "a layer has one type, but '%s' and '%s' are given", type->key, c->key);
        type = c;
    }
    if (graph && ls_config_get(entry, "shares") && ls_config_get(entry, "trainable"))
        return ls_config_fail_key(ls_config_get(entry, "trainable"),
                                  "a node that shares a layer is trained if that layer is; leave out 'trainable'");
    if (graph && type && ls_config_get(entry, "shares"))
        return ls_config_fail_key(type, "a node that shares a layer has no type of its own; leave out '%s'", type->key);
    if (type)
        LS_TRY(read_layer(d, type, node));
    else if (!graph || !ls_config_get(entry, "shares"))
        return ls_config_fail(entry, "this layer has no type; write 'dense: {units: 10}' or the like beside its name");
    return LS_OK;
}

/* The layer's own arguments, once it has a name for messages. */
static ls_status read_arguments(ls_node_description *node)
{
    char where[128];

    if (!node->ops) /* it calls the layer of another node again, or stands for a model */
        return LS_OK;
    snprintf(where, sizeof where, "layer '%.80s' (%.30s)", node->name, node->ops->ops.name);
    return ls_component_parse_args_at(&node->ops->ops, node->args, node->args ? node->args : node->at, where,
                                      ls_layer_common_keys, &node->config);
}

static const char *base_name(const ls_node_description *node, const char *otherwise)
{
    if (node->model && ls_config_get(node->args, "block"))
        return ls_config_get(node->args, "block")->text;
    if (node->model)
        return node->model->sequential ? "sequential" : "functional";
    return node->ops ? node->ops->ops.name : otherwise;
}

/* The i-th node, from a list of layers: it reads the one before. It gets a name also if it is none. */
static ls_status read_listed(const ls_config *entry, ls_model_description *d, size_t i)
{
    ls_node_description *node = &d->node[i];
    ls_failures all = {0};

    *node = (ls_node_description){.at = entry, .shares = SIZE_MAX, .trainable = true, .within = SIZE_MAX};
    d->nodes = i + 1;
    if (entry->kind == LS_CONFIG_SCALAR) {
        node->ops = (const ls_layer_ops *)ls_registry_find(&ls_layers, entry->text);
        if (!node->ops)
            LS_GATHER(&all, unknown_layer(entry, entry->text));
    } else {
        LS_GATHER(&all, read_entry(d, entry, false, node));
    }
    if (!node->name)
        LS_GATHER(&all, automatic_name(d, base_name(node, "layer"), &node->name));
    LS_GATHER(&all, read_arguments(node));
    if (!(node->input = ls_calloc(1, sizeof *node->input, "inputs")))
        LS_GATHER(&all, LS_ERR_MEMORY);
    node->input[0] = i - 1;
    node->inputs = 1;
    return ls_failures_end(&all);
}

static ls_status read_sequential(const ls_config *model, ls_model_description *d)
{
    const ls_config *entry = model->first;
    ls_failures all = {0};
    size_t i = 1;

    d->sequential = true;
    d->inputs = d->outputs = 1;
    if (!entry)
        return ls_config_fail(model, "the model has no layers");
    if (!(d->node = ls_calloc(model->count + 1, sizeof *d->node, "the layers of the model")) ||
        !(d->output = ls_calloc(1, sizeof *d->output, "the outputs of the model")))
        return LS_ERR_MEMORY;
    d->nodes = 1;
    d->node[0] = (ls_node_description){
        .ops = &ls_input_layer, .at = model, .shares = SIZE_MAX, .trainable = true, .within = SIZE_MAX};
    if (entry->kind == LS_CONFIG_MAP && entry->count == 1 && strcmp(entry->first->key, "input") == 0) {
        LS_TRY(ls_config_expect(entry->first, LS_CONFIG_MAP, "input"));
        d->node[0].at = entry;
        d->node[0].args = entry->first;
        LS_GATHER(&all, read_common(d, entry->first, &d->node[0]));
        entry = entry->next;
    }
    if (!d->node[0].name && !(d->node[0].name = ls_strdup("input")))
        LS_GATHER(&all, LS_ERR_MEMORY);
    LS_GATHER(&all, read_arguments(&d->node[0]));
    if (!entry)
        LS_GATHER(&all, ls_config_fail(model, "the model has an input but no layers"));
    for (; entry; entry = entry->next, i++)
        LS_GATHER(&all, read_listed(entry, d, i));
    d->output[0] = d->nodes - 1;
    return ls_failures_end(&all);
}

static ls_status dangling(const ls_model_description *d, const ls_config *at, const char *name, const char *what)
{
    ls_text list = {0};
    const char **known = ls_calloc(d->nodes, sizeof *known, "names");
    char hint[LS_HINT_BYTES] = "";
    ls_status st;

    for (size_t i = 0; known && i < d->nodes; i++)
        known[i] = d->node[i].name;
    if (known) {
        ls_hint(name, known, d->nodes, hint);
        ls_text_add_list(&list, known, d->nodes);
    }
    st = *hint ? ls_config_fail(at, "%s '%s' does not exist%s", what, name, hint)
               : ls_config_fail(at, "%s '%s' does not exist (there are: %s)", what, name, list.data ? list.data : "");
    ls_text_reset(&list);
    ls_free(known);
    return st;
}

/* A node that stands for a model with several outputs does not say which of them is meant. */
static ls_status ambiguous(const ls_model_description *m, const ls_config *at, const char *name)
{
    ls_text list = {0};
    ls_status st;

    for (size_t k = 0; k < m->outputs; k++)
        ls_text_add(&list, "%s%s/%s", k ? ", " : "", name, m->node[m->output[k]].name);
    st = ls_config_fail(at, "'%s' is a model with %zu outputs: name one of them (%s)", name, m->outputs,
                        list.data ? list.data : "");
    ls_text_reset(&list);
    return st;
}

/* NAME, or NAME/OUTPUT of a model: the node, and which of its outputs. */
static ls_status find_output(const ls_model_description *d, const ls_config *at, const char *name, const char *what,
                             size_t *node, size_t *pick)
{
    const char *slash = strchr(name, '/');
    const ls_model_description *m;

    *pick = 0;
    if ((*node = find(d, name)) != SIZE_MAX) {
        m = ls_node_model(d, *node);
        return m && m->outputs > 1 ? ambiguous(m, at, name) : LS_OK;
    }
    for (size_t i = 0; slash && i < d->nodes; i++)
        if (d->node[i].name && strncmp(d->node[i].name, name, (size_t)(slash - name)) == 0 &&
            d->node[i].name[slash - name] == '\0' && (m = ls_node_model(d, i))) {
            *node = i;
            for (*pick = 0; *pick < m->outputs; (*pick)++)
                if (strcmp(m->node[m->output[*pick]].name, slash + 1) == 0)
                    return LS_OK;
            return ls_config_fail(at, "'%s' is no output of the model '%s': only its outputs can be read from outside",
                                  slash + 1, d->node[i].name);
        }
    return dangling(d, at, name, what);
}

static ls_status read_name_list(const ls_model_description *d, const ls_config *list, const char *what, size_t **out,
                                size_t **pick, size_t *n)
{
    size_t i = 0;

    if (list->kind == LS_CONFIG_LIST && list->count == 0)
        return ls_config_fail(list, "the list of %ss is empty", what);
    *n = list->kind == LS_CONFIG_LIST ? list->count : 1;
    if (!(*out = ls_calloc(*n, sizeof **out, "a list of nodes")) ||
        !(*pick = ls_calloc(*n, sizeof **pick, "a list of nodes")))
        return LS_ERR_MEMORY;
    for (const ls_config *c = list->kind == LS_CONFIG_LIST ? list->first : list; i < *n; c = c->next, i++) {
        const char *name;

        LS_TRY(ls_config_text(c, what, &name));
        LS_TRY(find_output(d, c, name, what, &(*out)[i], &(*pick)[i]));
    }
    return LS_OK;
}

/* Depth-first from a node; state 1: on the path, 2: done. Appends to order after its inputs. */
static ls_status visit(const ls_model_description *d, size_t i, unsigned char *state, size_t *order, size_t *placed)
{
    const ls_node_description *node = &d->node[i];

    if (state[i] == 2)
        return LS_OK;
    state[i] = 1;
    for (size_t k = 0; k < node->inputs + (node->shares != SIZE_MAX); k++) {
        const size_t from = k < node->inputs ? node->input[k] : node->shares;

        if (state[from] == 1)
            return ls_config_fail(node->at, "the graph has a cycle: '%s' needs '%s', which needs '%s' again",
                                  node->name, d->node[from].name, node->name);
        LS_TRY(visit(d, from, state, order, placed));
    }
    state[i] = 2;
    order[(*placed)++] = i;
    return LS_OK;
}

/* Put the nodes into running order: inputs first, then every node after what it needs, else as declared. */
static ls_status sort_nodes(ls_model_description *d)
{
    size_t *order = ls_calloc(d->nodes, sizeof *order, "the order of the layers");
    size_t *place = ls_calloc(d->nodes, sizeof *place, "the order of the layers");
    unsigned char *state = ls_calloc(d->nodes, 1, "the order of the layers");
    ls_node_description *sorted = ls_calloc(d->nodes, sizeof *sorted, "the order of the layers");
    size_t placed = 0;
    ls_status st = LS_OK;

    if (!order || !place || !state || !sorted) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (size_t i = 0; i < d->nodes; i++)
        LS_TRY_CLEANUP(visit(d, i, state, order, &placed));
    for (size_t i = 0; i < d->nodes; i++) {
        sorted[i] = d->node[order[i]];
        place[order[i]] = i;
    }
    for (size_t i = 0; i < d->nodes; i++) {
        for (size_t k = 0; k < sorted[i].inputs; k++)
            sorted[i].input[k] = place[sorted[i].input[k]];
        if (sorted[i].shares != SIZE_MAX)
            sorted[i].shares = place[sorted[i].shares];
    }
    for (size_t k = 0; k < d->outputs; k++)
        d->output[k] = place[d->output[k]];
    memcpy(d->node, sorted, d->nodes * sizeof *sorted);
cleanup:
    ls_free(order);
    ls_free(place);
    ls_free(state);
    ls_free(sorted);
    return st;
}

/* Every layer must lead to an output: what does not would be computed for nothing, and Keras refuses such a model. */
static ls_status check_all_used(const ls_model_description *d)
{
    bool *used = ls_calloc(d->nodes, sizeof *used, "the order of the layers");
    ls_status st = used ? LS_OK : LS_ERR_MEMORY;

    for (size_t k = 0; used && k < d->outputs; k++)
        used[d->output[k]] = true;
    for (size_t i = d->nodes; used && i-- > d->inputs;) {
        if (!used[i] && st == LS_OK)
            st =
                ls_config_fail(d->node[i].at, "layer '%s' leads to no output: use it or leave it out", d->node[i].name);
        for (size_t k = 0; k < d->node[i].inputs; k++)
            used[d->node[i].input[k]] = true;
    }
    ls_free(used);
    return st;
}

/* An entry of a graph, of that kind; LS_CONFIG_NULL: of any. */
static ls_status need(const ls_config *model, const char *key, ls_config_kind kind, ls_config **out)
{
    char where[32];

    LS_TRY(ls_config_need(model, key, "model", out));
    snprintf(where, sizeof where, "model.%s", key);
    return kind == LS_CONFIG_NULL ? LS_OK : ls_config_expect(*out, kind, where);
}

/* What node i reads. All nodes must have been told whose layers they share. */
static ls_status link_node(const ls_model_description *d, const ls_config *entry, size_t i)
{
    ls_node_description *node = &d->node[i];
    ls_config *from;
    ls_failures all = {0};

    if (ls_failures_add(&all, ls_config_need(entry, "inputs", "a layer", &from)) && from)
        LS_GATHER(&all, read_name_list(d, from, "input", &node->input, &node->pick, &node->inputs));
    return ls_failures_end(&all);
}

/* Whose layer node i shares. */
static ls_status share_layer(const ls_model_description *d, const ls_config *entry, size_t i)
{
    ls_node_description *node = &d->node[i];
    ls_config *shares = ls_config_get(entry, "shares");
    const char *name;

    if (!shares)
        return LS_OK;
    LS_TRY(ls_config_text(shares, "shares", &name));
    if ((node->shares = find(d, name)) == SIZE_MAX)
        return dangling(d, shares, name, "layer");
    if (node->shares < d->inputs || node->shares == i)
        return ls_config_fail(shares, "'%s' is no layer that '%s' could share", name, node->name);
    return LS_OK;
}

static ls_status read_node(ls_model_description *d, const ls_config *entry, size_t i)
{
    ls_node_description *node = &d->node[i];
    ls_failures all = {0};

    *node = (ls_node_description){.at = entry, .shares = SIZE_MAX, .trainable = true, .within = SIZE_MAX};
    d->nodes = i + 1; /* from here on the description owns the name */
    LS_GATHER(&all, read_entry(d, entry, true, node));
    if (!node->name)
        LS_GATHER(&all, automatic_name(d, base_name(node, "shared"), &node->name));
    LS_GATHER(&all, read_arguments(node));
    return ls_failures_end(&all);
}

/* Nodes that share each other's layer in a circle have none. */
static ls_status check_sharing(const ls_model_description *d)
{
    for (size_t i = d->inputs; i < d->nodes; i++) {
        size_t owner = i;

        for (size_t steps = 0; d->node[owner].shares != SIZE_MAX; steps++, owner = d->node[owner].shares)
            if (steps > d->nodes)
                return ls_config_fail(d->node[i].at,
                                      "the graph has a cycle: '%s' shares the layer of '%s', which "
                                      "shares that of '%s' again",
                                      d->node[i].name, d->node[d->node[i].shares].name, d->node[i].name);
    }
    return LS_OK;
}

static ls_status read_graph(const ls_config *model, ls_model_description *d)
{
    ls_config *inputs, *layers, *outputs;
    ls_failures all = {0};
    size_t i = 0;

    LS_GATHER(&all, need(model, "inputs", LS_CONFIG_MAP, &inputs));
    LS_GATHER(&all, need(model, "layers", LS_CONFIG_LIST, &layers));
    LS_GATHER(&all, need(model, "outputs", LS_CONFIG_NULL, &outputs));
    LS_TRY(ls_failures_end(&all));
    if (!inputs->count || !layers->count)
        return ls_config_fail(model, "the model needs at least one input and one layer");
    if (!(d->node = ls_calloc(inputs->count + layers->count, sizeof *d->node, "the layers of the model")))
        return LS_ERR_MEMORY;
    for (const ls_config *c = inputs->first; c; c = c->next, i++) {
        ls_node_description *node = &d->node[i];

        *node = (ls_node_description){
            .ops = &ls_input_layer, .at = c, .args = c, .shares = SIZE_MAX, .trainable = true, .within = SIZE_MAX};
        d->nodes = i + 1;
        LS_GATHER(&all, set_name(d, c, c->key, &node->name));
        if (node->name)
            LS_GATHER(&all, read_arguments(node));
    }
    d->inputs = i;
    for (const ls_config *c = layers->first; c; c = c->next, i++)
        LS_GATHER(&all, read_node(d, c, i));
    i = d->inputs;
    for (const ls_config *c = layers->first; c && all.status == LS_OK; c = c->next, i++)
        LS_GATHER(&all, share_layer(d, c, i));
    if (all.status == LS_OK)
        LS_GATHER(&all, check_sharing(d));
    i = d->inputs;
    for (const ls_config *c = layers->first; c && all.status == LS_OK; c = c->next, i++)
        LS_GATHER(&all, link_node(d, c, i));
    LS_TRY(ls_failures_end(&all));
    LS_TRY(read_name_list(d, outputs, "output", &d->output, &d->output_pick, &d->outputs));
    for (size_t a = 0; a < d->outputs; a++)
        for (size_t b = 0; b < a; b++)
            if (d->output[a] == d->output[b] && d->output_pick[a] == d->output_pick[b])
                return ls_config_fail(outputs, "output '%s' is listed twice", d->node[d->output[a]].name);
    LS_TRY(sort_nodes(d));
    return check_all_used(d);
}

/* ---- models within the model ---- */

#define REPEAT_MAX 1000

/* The model that stands there: layers: [...], or a graph with inputs, layers and outputs. */
static ls_status read_once(const ls_config *args, ls_model_description *d)
{
    const ls_config *layers = ls_config_get(args, "layers"), *until = ls_config_get(args, "until");
    const char *name;
    size_t last;

    d->args = args;
    if (!layers)
        return ls_config_fail(args, "a model within the model has layers: [...], or is that of a file: model: {file: "
                                    "base.keras}");
    if (ls_config_get(args, "inputs") || ls_config_get(args, "outputs")) {
        LS_TRY(read_graph(args, d));
    } else {
        LS_TRY(ls_config_expect(layers, LS_CONFIG_LIST, "model.layers"));
        LS_TRY(read_sequential(layers, d));
    }
    if (until) {
        LS_TRY(ls_config_text(until, "model.until", &name));
        if ((last = find(d, name)) == SIZE_MAX)
            return dangling(d, until, name, "layer");
        if (last < d->inputs)
            return ls_config_fail(until, "'%s' is an input of the model: nothing would be left of it", name);
        LS_TRY(ls_model_description_cut(d, last));
    }
    return ls_model_description_expand(d);
}

/* A chain of n such models, called 1, 2, …, each with weights of its own. */
static ls_status read_repeated(const ls_config *args, size_t n, ls_model_description *d)
{
    d->sequential = true;
    d->inputs = d->outputs = 1;
    if (!(d->node = ls_calloc(n + 1, sizeof *d->node, "the layers of the model")) ||
        !(d->output = ls_calloc(1, sizeof *d->output, "the outputs of the model")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i <= n; i++) {
        ls_node_description *node = &d->node[i];
        char name[32];

        snprintf(name, sizeof name, "%zu", i);
        *node = (ls_node_description){.at = args, .shares = SIZE_MAX, .trainable = true, .within = SIZE_MAX};
        d->nodes = i + 1;
        if (!(node->name = ls_strdup(i == 0 ? "input" : name)))
            return LS_ERR_MEMORY;
        if (i == 0) {
            node->ops = &ls_input_layer;
            LS_TRY(read_arguments(node));
            continue;
        }
        if (!(node->input = ls_calloc(1, sizeof *node->input, "inputs")) ||
            !(node->model = ls_calloc(1, sizeof *node->model, "a model within the model")))
            return LS_ERR_MEMORY;
        node->input[0] = i - 1;
        node->inputs = 1;
        LS_TRY(read_once(args, node->model));
        if (node->model->inputs != 1 || node->model->outputs != 1)
            return ls_config_fail(args,
                                  "a model that is repeated has one input and one output; this one has %zu and "
                                  "%zu",
                                  node->model->inputs, node->model->outputs);
    }
    d->output[0] = n;
    return ls_model_description_expand(d);
}

static ls_status read_model(const ls_config *args, ls_model_description **out)
{
    static const char *const keys[] = {"name",   "trainable", "inputs", "layers", "outputs",
                                       "repeat", "until",     "file",   "block",  "weights"};
    const ls_config *repeat = ls_config_get(args, "repeat");
    int64_t n = 0;

    if (!(*out = ls_calloc(1, sizeof **out, "a model within the model")))
        return LS_ERR_MEMORY;
    LS_TRY(ls_config_check_keys(args, keys, sizeof keys / sizeof keys[0], "model"));
    if (repeat)
        LS_TRY(ls_config_int(repeat, "model.repeat", 1, REPEAT_MAX, &n));
    return repeat ? read_repeated(args, (size_t)n, *out) : read_once(args, *out);
}

static ls_status read_graph_alone(const ls_config *model, ls_model_description *d)
{
    static const char *const keys[] = {"inputs", "layers", "outputs"};
    ls_failures all = {0};

    LS_GATHER(&all, ls_config_check_keys(model, keys, 3, "model"));
    LS_GATHER(&all, read_graph(model, d));
    return ls_failures_end(&all);
}

ls_status ls_model_description_read(const ls_config *model, ls_model_description *out)
{
    *out = (ls_model_description){0};
    if (model->kind == LS_CONFIG_LIST)
        LS_TRY(read_sequential(model, out));
    else if (model->kind == LS_CONFIG_MAP)
        LS_TRY(read_graph_alone(model, out));
    else
        return ls_config_fail(model, "model must be a list of layers, or a map with inputs, layers and outputs");
    return ls_model_description_expand(out);
}
