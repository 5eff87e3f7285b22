#include "formats/keras_architecture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "base/memory.h"
#include "formats/keras_component.h"
#include "nn/layer.h"

#define WHERE_BYTES 256

/* ---- layers ---- */

/* One entry of "layers". */
typedef struct entry {
    const ls_config *node, *config;
    const char *class_name, *name;
    const ls_config *calls;  /* inbound_nodes; NULL in a Sequential model */
    bool from_one;           /* a model in a file of Keras 2: calls of it count from 1 */
    char where[WHERE_BYTES]; /* "layer 'd1' (Dense)" */
} entry;

static bool is_model(const char *class_name)
{
    static const char *const models[] = {"Sequential", "Functional", "Model"};

    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (strcmp(class_name, models[i]) == 0)
            return true;
    return false;
}

static ls_status read_entry(const ls_config *node, entry *out)
{
    LS_TRY(ls_config_expect(node, LS_CONFIG_MAP, "a layer"));
    *out = (entry){.node = node,
                   .config = ls_config_get(node, "config"),
                   .class_name = ls_keras_text(node, "class_name"),
                   .name = ls_keras_text(node, "name"),
                   .calls = ls_config_get(node, "inbound_nodes")};
    if (!out->name)
        out->name = ls_keras_text(out->config, "name");
    if (!out->class_name || !out->name || !*out->name)
        return ls_config_fail(node, "a layer of the model has no class_name or no name");
    snprintf(out->where, sizeof out->where, "layer '%.100s' (%.60s)", out->name, out->class_name);
    return LS_OK;
}

/* x + y in Python makes such an operation; with as many axes on both sides it is what the layer does. */
static bool is_merging_operation(const entry *e)
{
    static const char *const names[] = {"Add", "Subtract", "Multiply", "Maximum"};
    const char *module = ls_keras_text(e->node, "module");

    for (size_t i = 0; module && strcmp(module, "keras.src.ops.numpy") == 0 && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(e->class_name, names[i]) == 0)
            return true;
    return false;
}

/* Of a package beside Keras that lockstep knows. */
static bool is_of_package(const entry *e, const char *module)
{
    const ls_layer_ops *ops = (const ls_layer_ops *)ls_registry_find(&ls_layers, e->class_name);
    const size_t n = ops && ops->keras_package ? strlen(ops->keras_package) : 0;

    return n > 0 && module && strncmp(module, ops->keras_package, n) == 0 && module[n] == '.';
}

static ls_status check_class(const entry *e)
{
    const char *module = ls_keras_text(e->node, "module");

    if (!is_of_package(e, module))
        LS_TRY(ls_keras_check_module(e->node, e->where));
    if (module && strncmp(module, "keras.src.ops", 13) == 0 && !is_merging_operation(e))
        return ls_config_fail(e->node, "%s is a bare operation of %s, not a layer: lockstep does not have it", e->where,
                              module);
    return ls_keras_check_dtype(ls_config_get(e->config, "dtype"), strcmp(e->class_name, "InputLayer") == 0, e->where);
}

static ls_status put_inner_model(const entry *e, size_t depth, ls_config *out);

/* "Dense: {units: 3}" of ours into the map `out`. depth: of models around it. */
static ls_status put_layer(const entry *e, size_t depth, ls_config *out)
{
    const ls_ops *ops = ls_registry_find(&ls_layers, e->class_name);
    const ls_config *trainable = ls_config_get(e->config, "trainable");
    ls_config *args;

    LS_TRY(check_class(e));
    if (is_model(e->class_name))
        return put_inner_model(e, depth, out);
    if (!ops) {
        const ls_refusal *const refusal = ls_registry_refusal(&ls_layers, e->class_name);
        ls_text known = {0};
        ls_status st;

        if (refusal && refusal->why)
            return ls_config_fail(e->node, "%s: lockstep lacks it: %s", e->where, refusal->why);
        for (const ls_ops *const *c = ls_layers.entries; *c; c++)
            ls_text_add(&known, "%s%s", c == ls_layers.entries ? "" : ", ", (*c)->keras_name);
        st = known.status == LS_OK ? ls_config_fail(e->node, "%s is of a class that lockstep does not have (it has %s)",
                                                    e->where, known.data)
                                   : known.status;
        ls_text_reset(&known);
        return st;
    }
    if (!(args = ls_config_add(out, ops->name, LS_CONFIG_MAP, NULL)))
        return LS_ERR_MEMORY;
    LS_TRY(ls_keras_put_options(ops, NULL, e->config, e->where, args));
    return ls_config_is_null(trainable) || !trainable->text || strcmp(trainable->text, "true") == 0
               ? LS_OK
               : ls_config_put(args, "trainable", trainable);
}

/* "input: {shape: [4]}" from [null, 4]. */
static ls_status put_shape(const entry *e, const ls_config *batch_shape, ls_config *out)
{
    ls_config *shape;

    if (ls_config_is_null(batch_shape) || batch_shape->kind != LS_CONFIG_LIST || !batch_shape->first)
        return ls_config_fail(e->node, "%s says no input shape", e->where);
    if (!(shape = ls_config_add(out, "shape", LS_CONFIG_LIST, NULL)))
        return LS_ERR_MEMORY;
    for (const ls_config *c = batch_shape->first->next; c; c = c->next) {
        if (ls_config_is_null(c))
            return ls_config_fail(e->node, "%s has an axis of any length; lockstep needs fixed shapes", e->where);
        LS_TRY(ls_config_put(shape, NULL, c));
    }
    return LS_OK;
}

static const ls_config *batch_shape_of(const ls_config *config)
{
    const ls_config *shape = ls_config_get(config, "batch_shape");

    return ls_config_is_null(shape) ? ls_config_get(config, "batch_input_shape") : shape;
}

/* ---- Sequential ---- */

/* The batch_shape of the input that a model begins with. */
static const ls_config *input_shape_of_model(const ls_config *config, size_t depth)
{
    const ls_config *layers = ls_config_get(config, "layers"), *first = layers ? layers->first : NULL;
    const ls_config *own = ls_config_get(first, "config"), *shape = batch_shape_of(own);
    const char *class_name = ls_keras_text(first, "class_name");

    if (ls_config_is_null(shape))
        shape = ls_config_get(config, "build_input_shape");
    if (ls_config_is_null(shape) && class_name && is_model(class_name) && depth < LS_MODEL_DEPTH_MAX)
        shape = input_shape_of_model(own, depth + 1);
    return shape;
}

/*
 * What a Sequential model begins with, from its first entry. Keras 2, and models built by calling them, have the shape
 * elsewhere; a model within a model may have none, and takes what it gets.
 */
static ls_status put_first(const ls_config *config, const entry *e, bool is_input, size_t depth, ls_config *model)
{
    const ls_config *shape = batch_shape_of(e->config);
    ls_config *item;

    if (ls_config_is_null(shape))
        shape = ls_config_get(config, "build_input_shape");
    if (ls_config_is_null(shape) && is_model(e->class_name))
        shape = input_shape_of_model(e->config, 0);
    if (ls_config_is_null(shape) && depth > 0 && !is_input)
        return LS_OK;
    if (!(item = ls_config_add(model, NULL, LS_CONFIG_MAP, NULL)) ||
        !(item = ls_config_add(item, "input", LS_CONFIG_MAP, NULL)))
        return LS_ERR_MEMORY;
    if (is_input) {
        LS_TRY(check_class(e));
        LS_TRY(ls_keras_add_text(item, "name", e->name) ? LS_OK : LS_ERR_MEMORY);
    }
    return put_shape(e, shape, item);
}

/* key: of the list in `out`. */
static ls_status put_sequential(const ls_config *config, size_t depth, const char *key, ls_config *out)
{
    const ls_config *layers = ls_config_get(config, "layers");
    ls_config *model = ls_config_add(out, key, LS_CONFIG_LIST, NULL), *item;

    if (!model)
        return LS_ERR_MEMORY;
    for (const ls_config *c = layers->first; c; c = c->next) {
        bool is_input;
        entry e;

        LS_TRY(read_entry(c, &e));
        is_input = strcmp(e.class_name, "InputLayer") == 0;
        if (is_input && c != layers->first)
            return ls_config_fail(c, "%s is not the first layer", e.where);
        if (c == layers->first)
            LS_TRY(put_first(config, &e, is_input, depth, model));
        if (is_input)
            continue;
        if (!(item = ls_config_add(model, NULL, LS_CONFIG_MAP, NULL)) || !ls_keras_add_text(item, "name", e.name))
            return LS_ERR_MEMORY;
        LS_TRY(put_layer(&e, depth, item));
    }
    return LS_OK;
}

/* ---- graphs ---- */

typedef struct graph {
    const ls_config *layers;
    size_t depth; /* of models around it */
    entry *entry; /* [n] */
    size_t n;
    signed char *carries; /* [n] does the output of the entry's first call have a mask? -1: not known yet */
} graph;

static const entry *find_entry(const graph *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->entry[i].name, name) == 0)
            return &g->entry[i];
    return NULL;
}

/* --- masks: Keras 3 writes down what it computes them with, and hands them to the layers that take them --- */

/* The first tensor in the arguments of a call, or NULL. */
static const ls_config *first_tensor(const ls_config *node)
{
    while (node && node->kind == LS_CONFIG_LIST)
        node = node->first;
    return ls_config_get(node, "class_name") ? ls_config_get(node, "config") : NULL;
}

static const ls_config *call_of(const entry *e, size_t index)
{
    const ls_config *call = e->calls && e->calls->kind == LS_CONFIG_LIST ? e->calls->first : NULL;

    for (; call && index > 0; index--)
        call = call->next;
    return call;
}

/* An operation that Keras computes masks with: lockstep does so by itself. */
static bool is_mask_operation(const entry *e)
{
    static const char *const names[] = {"NotEqual",  "Any",      "LogicalOr",   "ExpandDims",
                                        "ZerosLike", "OnesLike", "Concatenate", "ConvertToTensor"};
    const char *module = ls_keras_text(e->node, "module");
    const ls_config *x = first_tensor(ls_config_get(call_of(e, 0), "args"));
    const char *type = ls_keras_text(x, "dtype");

    if (module && strcmp(module, "keras.src.ops.numpy") != 0 &&
        (strcmp(module, "keras.src.ops.core") != 0 || !type || strcmp(type, "bool") != 0))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(e->class_name, names[i]) == 0) /* the layer of that name joins no truth values */
            return strcmp(names[i], "Concatenate") != 0 || (type && strcmp(type, "bool") == 0);
    return false;
}

static const entry *source_of(const graph *g, const ls_config *tensor)
{
    const ls_config *history = ls_config_get(tensor, "keras_history");
    const ls_config *name = history && history->kind == LS_CONFIG_LIST ? history->first : NULL;

    return name && name->text ? find_entry(g, name->text) : NULL;
}

/* Numbers that are not VALUE must be what an embedding or a masking layer of the same numbers makes its mask of. */
static ls_status check_mask_operation(const graph *g, const entry *e)
{
    const ls_config *args = ls_config_get(call_of(e, 0), "args");
    const entry *of = source_of(g, first_tensor(args));
    const ls_config *value = args && args->first ? args->first->next : NULL;

    if (strcmp(e->class_name, "NotEqual") != 0)
        return LS_OK;
    for (size_t i = 0; of && value && value->text && i < g->n; i++) {
        const entry *maker = &g->entry[i];
        const char *zero = ls_keras_text(maker->config, "mask_zero"),
                   *step = ls_keras_text(maker->config, "mask_value");
        const double want = step ? ls_parse_double(step, NULL) : 0.0;

        if ((zero && strcmp(zero, "true") == 0) || (step && strcmp(maker->class_name, "Masking") == 0))
            for (size_t k = 0; call_of(maker, k); k++)
                if (source_of(g, first_tensor(ls_config_get(call_of(maker, k), "args"))) == of &&
                    ls_parse_double(value->text, NULL) == want)
                    return LS_OK;
    }
    return ls_config_fail(e->node, "%s is a bare operation, not the mask of a layer: lockstep does not have it",
                          e->where);
}

static bool is_true(const ls_config *config, const char *key)
{
    const char *text = ls_keras_text(config, key);

    return text && strcmp(text, "true") == 0;
}

static bool carries_mask(const graph *g, const ls_config *tensor, size_t depth);

/* Do all tensors in the arguments have masks, or any? */
static bool arguments_carry(const graph *g, const ls_config *node, bool all, size_t depth)
{
    if (!node || node->kind != LS_CONFIG_LIST)
        return carries_mask(g, ls_config_get(node, "config"), depth);
    for (const ls_config *c = node->first; c; c = c->next)
        if (arguments_carry(g, c, all, depth) != all)
            return !all;
    return all && node->first;
}

/* Has this output of a layer a mask, by the rules of its layers (ls_layer_ops.mask_shape)? */
static bool carries_mask(const graph *g, const ls_config *tensor, size_t depth)
{
    const entry *e = source_of(g, tensor);
    const ls_layer_ops *ops = e ? (const ls_layer_ops *)ls_registry_find(&ls_layers, e->class_name) : NULL;
    const ls_config *args = e ? ls_config_get(call_of(e, 0), "args") : NULL;
    bool carries;

    if (!e || depth > g->n || is_mask_operation(e) || !ops || !ops->mask_shape)
        return false;
    if (g->carries[e - g->entry] >= 0)
        return g->carries[e - g->entry];
    switch (ops->mask_kind) {
    case LS_MASK_OF_NUMBERS:
        carries = is_true(e->config, "mask_zero");
        break;
    case LS_MASK_OF_STEPS:
        carries = true;
        break;
    case LS_MASK_FOLDS:
        carries = arguments_carry(g, args, true, depth + 1);
        break;
    case LS_MASK_JOINS:
        carries = arguments_carry(g, args, false, depth + 1);
        break;
    default:
        carries = carries_mask(g, first_tensor(args), depth + 1);
    }
    if (ops->takes_mask && strcmp(e->class_name, "TimeDistributed") != 0) /* one output has no steps to mask */
        carries &= is_true(e->config, "return_sequences") ||
                   is_true(ls_config_get(ls_config_get(e->config, "layer"), "config"), "return_sequences");
    g->carries[e - g->entry] = carries;
    return carries;
}

static bool holds_tensor(const ls_config *node)
{
    if (!node || node->kind != LS_CONFIG_LIST)
        return first_tensor(node) != NULL;
    for (const ls_config *c = node->first; c; c = c->next)
        if (holds_tensor(c))
            return true;
    return false;
}

/* A layer must be called with the mask that its input has, for that is the one it gets here. */
static ls_status check_mask(const graph *g, const entry *e, const ls_config *call)
{
    const ls_layer_ops *ops = (const ls_layer_ops *)ls_registry_find(&ls_layers, e->class_name);
    const ls_config *mask = ls_config_get(ls_config_get(call, "kwargs"), "mask");
    const entry *made_by = source_of(g, first_tensor(mask));
    const bool carries = carries_mask(g, first_tensor(ls_config_get(call, "args")), 0);

    if (is_model(e->class_name) && holds_tensor(mask))
        return ls_config_fail(e->node,
                              "%s is called with a mask, which lockstep does not hand into a model within the "
                              "model of a Keras file: put the layer that makes the mask into it",
                              e->where);
    if (!ops || (!ops->takes_mask && ls_config_is_null(mask)))
        return LS_OK;
    if (ls_config_is_null(mask) ? !carries : ops->takes_mask && carries && made_by && is_mask_operation(made_by))
        return LS_OK;
    return ls_config_fail(
        e->node, "%s is called with another mask than that of its input, which lockstep does not have", e->where);
}

/* The node of ours for a call of a layer: the layer's name, "LAYER_call_2" for its third call, made unique by "_". */
static ls_status add_call_name(const graph *g, const entry *e, size_t call, ls_text *out)
{
    ls_text_add(out, "%s", e->name);
    if (call)
        ls_text_add(out, "_call_%zu", call);
    while (call && out->status == LS_OK && find_entry(g, out->data))
        ls_text_add(out, "_");
    return out->status;
}

static bool is_listed(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/*
 * Arguments of a call besides its inputs. What is off says null or false. Keras records training: false of layers that
 * behave otherwise in training, for that is what a model is built with; while it trains it says true, so it means
 * nothing. ops: of the layer; NULL: no argument can be one of it.
 */
static ls_status check_call_arguments(const ls_layer_ops *ops, const ls_config *arguments, const char *where)
{
    for (const ls_config *c = arguments && arguments->kind == LS_CONFIG_MAP ? arguments->first : NULL; c; c = c->next) {
        const bool is_false = c->kind == LS_CONFIG_SCALAR && !c->quoted && strcmp(c->text, "false") == 0;

        if (strcmp(c->key, "mask") == 0 || ls_config_is_null(c) || is_false ||
            (ops && (is_listed(ops->input_names, c->key) || is_listed(ops->call_options, c->key))))
            continue;
        return ls_config_fail(c, "%s is called with the argument '%.80s', which lockstep does not have", where, c->key);
    }
    return LS_OK;
}

static const ls_layer_ops *ops_of(const entry *e)
{
    return (const ls_layer_ops *)ls_registry_find(&ls_layers, e->class_name);
}

/* Options that Keras has in calls: they must be the same in all of a layer. */
static ls_status put_call_options(const entry *e, const ls_config *call, bool first, ls_config *args)
{
    const ls_config *kwargs = ls_config_get(call, "kwargs");

    for (const char *const *name = ops_of(e) ? ops_of(e)->call_options : NULL; name && *name; name++) {
        const char *value = is_true(kwargs, *name) ? "true" : "false";
        const char *before = ls_keras_text(args, *name);

        if (first && !ls_config_add(args, *name, LS_CONFIG_SCALAR, value))
            return LS_ERR_MEMORY;
        if (!first && (!before || strcmp(before, value) != 0))
            return ls_config_fail(e->node, "%s is called with and without %s: lockstep has it for a whole layer",
                                  e->where, *name);
    }
    return LS_OK;
}

/* The name of output `index` of a model within the graph: "/conv" if there are several of them. */
static ls_status add_output_name(const entry *e, const ls_config *at, size_t index, ls_text *out)
{
    const ls_config *list = ls_config_get(e->config, "output_layers"), *t = NULL;
    size_t n = 0;

    for (const ls_config *c = list ? ls_keras_next_tensor(list, NULL) : NULL; c; c = ls_keras_next_tensor(list, c)) {
        t = n == index ? c : t;
        n++;
    }
    if (n == 0 && index == 0) /* Sequential */
        return LS_OK;
    if (!t)
        return ls_config_fail(at, "%s has no output %zu", e->where, index);
    if (n > 1)
        ls_text_add(out, "/%s", t->first && t->first->text ? t->first->text : "?");
    return out->status;
}

/*
 * Which call the number in an address means. In lists of a model's outputs calls of a graph count from 1; in files of
 * Keras 2, where addresses stand in lists, those of all models do.
 */
static int64_t first_call(const entry *e, bool listed)
{
    return is_model(e->class_name) && (e->from_one || (listed && strcmp(e->class_name, "Sequential") != 0));
}

/*
 * ["a", 0, 0] (three of them, or four with keyword arguments): the output of call 0 of layer a. listed: in the list of
 * the model's outputs.
 */
static ls_status put_tensor(const graph *g, const ls_config *address, const char *where, bool listed, ls_config *out)
{
    const ls_config *name, *call, *tensor, *rest;
    int64_t calls = 0, tensors = 0;
    const entry *from;
    ls_text text = {0};
    ls_status st;

    if (!address || address->kind != LS_CONFIG_LIST || address->count < 3 || address->count > 4)
        return ls_config_fail(address, "%s: an input is no [layer, call, tensor]", where);
    name = address->first;
    call = name->next;
    tensor = call->next;
    rest = tensor->next;
    LS_TRY(ls_config_expect(name, LS_CONFIG_SCALAR, where));
    LS_TRY(ls_config_int(call, where, 0, 1 << 30, &calls));
    if (!(from = find_entry(g, name->text)))
        return ls_config_fail(address, "%s has an input from the layer '%.80s', which is not there", where, name->text);
    LS_TRY(ls_config_int(tensor, where, 0, is_model(from->class_name) ? 1 << 20 : 0, &tensors));
    calls = calls > 0 ? calls - first_call(from, listed) : 0;
    if (is_mask_operation(from))
        return ls_config_fail(from->node, "%s is a bare operation, not a layer: lockstep does not have it",
                              from->where);
    if (calls && (size_t)calls >= (from->calls ? from->calls->count : 0))
        return ls_config_fail(address, "%s has an input from call %lld of the layer '%.80s', which is not there", where,
                              (long long)calls, name->text);
    LS_TRY(check_call_arguments(NULL, rest, where));
    st = add_call_name(g, from, (size_t)calls, &text);
    if (st == LS_OK && is_model(from->class_name))
        st = add_output_name(from, address, (size_t)tensors, &text);
    if (st == LS_OK && !ls_keras_add_text(out, NULL, text.data))
        st = LS_ERR_MEMORY;
    ls_text_reset(&text);
    return st;
}

/* Arguments of a call as Keras 3 writes them: tensors, in lists of any depth. */
static ls_status put_arguments(const graph *g, const ls_config *node, const char *where, ls_config *out)
{
    const char *class_name = ls_keras_text(node, "class_name");

    if (node->kind == LS_CONFIG_LIST) {
        for (const ls_config *c = node->first; c; c = c->next)
            LS_TRY(put_arguments(g, c, where, out));
        return LS_OK;
    }
    if (ls_config_is_null(node))
        return LS_OK;
    if (!class_name || strcmp(class_name, "__keras_tensor__") != 0)
        return ls_config_fail(node, "%s is called with something that is no output of a layer", where);
    return put_tensor(g, ls_config_get(ls_config_get(node, "config"), "keras_history"), where, false, out);
}

/* Both operands must have as many axes: a layer and Python's + broadcast differently if not. */
static ls_status check_operands(const entry *e, const ls_config *args)
{
    const ls_config *a = args && args->kind == LS_CONFIG_LIST ? args->first : NULL, *b = a ? a->next : NULL;
    const ls_config *x = ls_config_get(ls_config_get(a, "config"), "shape");
    const ls_config *y = ls_config_get(ls_config_get(b, "config"), "shape");

    if (!x || !y || x->count != y->count)
        return ls_config_fail(e->node, "%s does not take two outputs of as many axes: lockstep does not have that",
                              e->where);
    return LS_OK;
}

/* The inputs of one call, into the list `out`. */
static ls_status put_inputs(const graph *g, const entry *e, const ls_config *call, ls_config *out)
{
    const ls_config *args = ls_config_get(call, "args"), *kwargs = ls_config_get(call, "kwargs");

    if (call->kind == LS_CONFIG_LIST) { /* Keras 2 */
        for (const ls_config *c = call->first; c; c = c->next)
            LS_TRY(put_tensor(g, c, e->where, false, out));
        return LS_OK;
    }
    LS_TRY(ls_config_expect(call, LS_CONFIG_MAP, e->where));
    if (is_merging_operation(e))
        LS_TRY(check_operands(e, args));
    LS_TRY(check_call_arguments(ops_of(e), kwargs, e->where));
    LS_TRY(check_mask(g, e, call));
    if (args)
        LS_TRY(put_arguments(g, args, e->where, out));
    for (const char *const *name = ops_of(e) ? ops_of(e)->input_names : NULL; name && *name; name++)
        if (!ls_config_is_null(ls_config_get(kwargs, *name)))
            LS_TRY(put_arguments(g, ls_config_get(kwargs, *name), e->where, out));
    return LS_OK;
}

static ls_status put_calls(const graph *g, const entry *e, ls_config *layers)
{
    ls_config *options = NULL; /* of the layer, as its first call has it */
    size_t i = 0;

    if (!e->calls || e->calls->kind != LS_CONFIG_LIST || !e->calls->first)
        return ls_config_fail(e->node, "%s is never called", e->where);
    for (const ls_config *call = e->calls->first; call; call = call->next, i++) {
        ls_config *item = ls_config_add(layers, NULL, LS_CONFIG_MAP, NULL), *inputs;
        ls_text name = {0};
        ls_status st = add_call_name(g, e, i, &name);

        if (st == LS_OK && (!item || !ls_keras_add_text(item, "name", name.data)))
            st = LS_ERR_MEMORY;
        ls_text_reset(&name);
        LS_TRY(st);
        if (i == 0)
            LS_TRY(put_layer(e, g->depth, item));
        else
            LS_TRY(ls_keras_add_text(item, "shares", e->name) ? LS_OK : LS_ERR_MEMORY);
        if (i == 0)
            options = ops_of(e) ? ls_config_get(item, ops_of(e)->ops.name) : NULL;
        LS_TRY(put_call_options(e, call, i == 0, options));
        if (!(inputs = ls_config_add(item, "inputs", LS_CONFIG_LIST, NULL)))
            return LS_ERR_MEMORY;
        LS_TRY(put_inputs(g, e, call, inputs));
    }
    return LS_OK;
}

const ls_config *ls_keras_next_tensor(const ls_config *list, const ls_config *last)
{
    const ls_config *best = NULL;

    if (list->kind == LS_CONFIG_LIST && list->first && list->first->kind == LS_CONFIG_SCALAR)
        return last ? NULL : list;
    if (list->kind != LS_CONFIG_MAP)
        return last ? last->next : list->first;
    for (const ls_config *c = list->first; c; c = c->next)
        if ((!last || strcmp(c->key, last->key) > 0) && (!best || strcmp(c->key, best->key) < 0))
            best = c;
    return best;
}

static ls_status put_graph_inputs(const graph *g, const ls_config *config, ls_config *model)
{
    const ls_config *list = ls_config_get(config, "input_layers");
    ls_config *inputs = ls_config_add(model, "inputs", LS_CONFIG_MAP, NULL), *input;

    if (!inputs)
        return LS_ERR_MEMORY;
    for (const ls_config *t = ls_keras_next_tensor(list, NULL); t; t = ls_keras_next_tensor(list, t)) {
        const entry *e = t->kind == LS_CONFIG_LIST && t->first && t->first->text ? find_entry(g, t->first->text) : NULL;

        if (!e || strcmp(e->class_name, "InputLayer") != 0)
            return ls_config_fail(t, "an input of the model is no InputLayer");
        LS_TRY(check_class(e));
        if (ls_config_get(inputs, e->name))
            return ls_config_fail(t, "%s is listed twice as an input of the model", e->where);
        if (!(input = ls_config_add(inputs, e->name, LS_CONFIG_MAP, NULL)))
            return LS_ERR_MEMORY;
        LS_TRY(put_shape(e, batch_shape_of(e->config), input));
    }
    return LS_OK;
}

/* Does an address in a list, as Keras 2 has them, name a call of the entry that there is only if they count from 1? */
static bool counts_from_one(const ls_config *node, const entry *e, size_t depth)
{
    const ls_config *call = node && node->kind == LS_CONFIG_LIST && node->first ? node->first->next : NULL;
    char last[32];

    if (!node || node->kind != LS_CONFIG_LIST || depth == 0)
        return false;
    snprintf(last, sizeof last, "%zu", e->calls ? e->calls->count : 0);
    if (call && call->text && node->count >= 3 && node->first->text && strcmp(node->first->text, e->name) == 0)
        return strcmp(call->text, last) == 0;
    for (const ls_config *c = node->first; c; c = c->next)
        if (counts_from_one(c, e, depth - 1))
            return true;
    return false;
}

static void find_first_calls(graph *g)
{
    for (size_t i = 0; i < g->n; i++)
        for (size_t k = 0; is_model(g->entry[i].class_name) && k < g->n; k++)
            g->entry[i].from_one |= counts_from_one(g->entry[k].calls, &g->entry[i], 4);
}

/* The entries of a graph: inputs, layers, outputs. */
static ls_status put_graph(const ls_config *config, size_t depth, ls_config *model)
{
    graph g = {.layers = ls_config_get(config, "layers"), .depth = depth};
    const ls_config *outputs;
    ls_config *layers, *names;
    ls_config *needed;
    ls_status st = LS_OK;

    LS_TRY(ls_config_need(config, "input_layers", "the model", &needed));
    LS_TRY(ls_config_need(config, "output_layers", "the model", &needed));
    outputs = needed;
    if (!(g.entry = ls_calloc(g.layers->count, sizeof *g.entry, "the layers of a model")) ||
        !(g.carries = ls_calloc(g.layers->count, 1, "the layers of a model"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    memset(g.carries, -1, g.layers->count);
    for (const ls_config *c = g.layers->first; c; c = c->next)
        LS_TRY_CLEANUP(read_entry(c, &g.entry[g.n++]));
    find_first_calls(&g);
    LS_TRY_CLEANUP(put_graph_inputs(&g, config, model));
    if (!(layers = ls_config_add(model, "layers", LS_CONFIG_LIST, NULL)) ||
        !(names = ls_config_add(model, "outputs", LS_CONFIG_LIST, NULL))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (size_t i = 0; i < g.n; i++) {
        if (is_mask_operation(&g.entry[i]))
            LS_TRY_CLEANUP(check_mask_operation(&g, &g.entry[i]));
        else if (strcmp(g.entry[i].class_name, "InputLayer") != 0)
            LS_TRY_CLEANUP(put_calls(&g, &g.entry[i], layers));
        else if (!ls_config_get(ls_config_get(model, "inputs"), g.entry[i].name)) {
            st = ls_config_fail(g.entry[i].node, "%s is none of the model's inputs", g.entry[i].where);
            goto cleanup;
        }
    }
    for (const ls_config *t = ls_keras_next_tensor(outputs, NULL); t; t = ls_keras_next_tensor(outputs, t))
        LS_TRY_CLEANUP(put_tensor(&g, t, "an output of the model", true, names));
cleanup:
    ls_free(g.entry);
    ls_free(g.carries);
    return st;
}

/* What every model must have. */
static ls_status check_model(const ls_config *json, const char *where, ls_config **config)
{
    ls_config *layers;

    LS_TRY(ls_config_need(json, "config", where, config));
    if ((*config)->kind == LS_CONFIG_LIST) /* Keras 1 */
        return ls_config_fail(json, "the file is of a version of Keras before 2, which lockstep does not read");
    LS_TRY(ls_keras_check_dtype(ls_config_get(*config, "dtype"), false, where));
    LS_TRY(ls_config_need(*config, "layers", where, &layers));
    LS_TRY(ls_config_expect(layers, LS_CONFIG_LIST, where));
    return layers->first ? LS_OK : ls_config_fail(json, "%s has no layers", where);
}

/* "model: {layers: ...}" into the map `out`. */
static ls_status put_inner_model(const entry *e, size_t depth, ls_config *out)
{
    const ls_config *trainable = ls_config_get(e->config, "trainable");
    ls_config *model = ls_config_add(out, "model", LS_CONFIG_MAP, NULL), *config;

    if (!model)
        return LS_ERR_MEMORY;
    if (depth == LS_MODEL_DEPTH_MAX)
        return ls_config_fail(e->node, "%s lies within more than %d models", e->where, LS_MODEL_DEPTH_MAX);
    LS_TRY(check_model(e->node, e->where, &config));
    if (trainable && trainable->text && strcmp(trainable->text, "false") == 0)
        LS_TRY(ls_config_put(model, "trainable", trainable));
    return strcmp(e->class_name, "Sequential") == 0 ? put_sequential(config, depth + 1, "layers", model)
                                                    : put_graph(config, depth + 1, model);
}

ls_status ls_keras_put_model(const ls_config *json, ls_config *out)
{
    const char *class_name = ls_keras_text(json, "class_name");
    ls_config *config, *model;

    LS_TRY(ls_config_expect(json, LS_CONFIG_MAP, "the description of the model"));
    LS_TRY(ls_config_need(json, "config", "the description of the model", &config));
    if (!class_name || !is_model(class_name))
        return ls_config_fail(json,
                              "the model is of the class '%.80s', which only its own program can build; lockstep "
                              "reads Sequential and Functional models",
                              class_name ? class_name : "?");
    LS_TRY(check_model(json, "the model", &config));
    if (strcmp(class_name, "Sequential") == 0)
        return put_sequential(config, 0, "model", out);
    if (!(model = ls_config_add(out, "model", LS_CONFIG_MAP, NULL)))
        return LS_ERR_MEMORY;
    return put_graph(config, 0, model);
}
