/* Building a model from its description: layers, shapes, Keras's layer order, the flat weight buffer. */
#include "nn/model.h"

#include <stdio.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* for a hash state on the stack */
#include <xxhash.h>

#include "base/memory.h"
#include "nn/constraint.h"
#include "nn/layer_order.h"
#include "nn/model_description.h"
#include "nn/regularizer.h"

static void free_layer(ls_layer *layer)
{
    ls_component config;

    if (!layer)
        return;
    config = (ls_component){.ops = &layer->ops->ops, .config = layer->config};
    ls_component_reset(&config);
    ls_free(layer->name);
    ls_free(layer);
}

static void house(ls_model *model, float *memory)
{
    model->weights = memory;
    for (size_t i = 0; i < model->params; i++)
        model->param[i]->value = memory + model->param[i]->offset;
    for (size_t i = 0; i < model->layers; i++)
        if (model->layer[i]->ops->placed)
            model->layer[i]->ops->placed(model->layer[i]);
}

void ls_model_free(ls_model *model)
{
    if (!model)
        return;
    for (size_t i = 0; model->layer && i < model->layers; i++)
        free_layer(model->layer[i]);
    for (size_t i = 0; model->node && i < model->nodes; i++) {
        ls_free(model->node[i].name);
        ls_free(model->node[i].input);
    }
    ls_free(model->layer);
    ls_free(model->node);
    ls_free(model->input);
    ls_free(model->output);
    ls_free(model->param);
    ls_submodels_free(model->submodel, model->submodels);
    ls_free(model->home);
    ls_free(model->name);
    ls_free(model);
}

/* Takes the arguments out of the description. */
static ls_status create_layer(ls_node_description *d, ls_layer **out)
{
    ls_layer *layer = ls_calloc(1, sizeof *layer, "a layer");

    *out = NULL;
    if (!layer)
        return LS_ERR_MEMORY;
    layer->ops = d->ops;
    layer->at = d->at;
    layer->trainable = d->trainable;
    layer->within = d->within;
    if (!(layer->name = ls_strdup(d->layer_name ? d->layer_name : d->name))) {
        free_layer(layer);
        return LS_ERR_MEMORY;
    }
    layer->config = d->config.config;
    d->config = (ls_component){0};
    *out = layer;
    return LS_OK;
}

/*
 * Which masks are there as the model runs, in the order of nodes. Layers that only pass masks on pass what is there;
 * those that are handed theirs beforehand have them anyway.
 */
static ls_status plan_mask_at_run(ls_model *model, ls_node *node, const ls_shape **in)
{
    const ls_layer_ops *ops = node->layer->ops;
    ls_shape mask;

    for (size_t k = 0; k < node->inputs; k++) {
        ls_node *from = &model->node[node->input[k]];

        if (from->masked && !from->masked_at_run && !ops->takes_mask) {
            in[k] = NULL;
            if (ops->masks_at_run)
                node->mask_gone |= 1u << k;
        }
    }
    LS_TRY(ops->mask_shape(node->layer, in, node->inputs, &node->masked_at_run, &mask));
    for (size_t k = 0; ops->sheds_masks && k < node->inputs; k++)
        model->node[node->input[k]].masked_at_run = false;
    return LS_OK;
}

/* Does the node's output have a mask, and of which shape? */
static ls_status plan_mask(ls_model *model, size_t index)
{
    ls_node *node = &model->node[index];
    const ls_layer_ops *ops = node->layer->ops;
    const ls_shape **in;
    ls_status st;

    if (!ops->mask_shape)
        return LS_OK;
    if (!(in = ls_calloc(node->inputs + 1, sizeof *in, "masks")))
        return LS_ERR_MEMORY;
    for (size_t k = 0; k < node->inputs; k++)
        in[k] = model->node[node->input[k]].masked ? &model->node[node->input[k]].mask : NULL;
    st = ops->mask_shape(node->layer, in, node->inputs, &node->masked, &node->mask);
    if (st == LS_OK)
        st = plan_mask_at_run(model, node, in);
    ls_free(in);
    return st;
}

/* Shapes of one node's inputs, and the layer's own check of them. */
static ls_status build_node(ls_model *model, size_t index, const ls_shape *fallback)
{
    ls_node *node = &model->node[index];
    ls_layer *layer = node->layer;
    const ls_layer_ops *ops = layer->ops;
    ls_shape *in = NULL;
    ls_status st = LS_OK;

    if (node->inputs < ops->inputs_min || node->inputs > ops->inputs_max) {
        if (ops->inputs_min == ops->inputs_max)
            return ls_layer_fail(layer, "takes %zu input%s, but has %zu", ops->inputs_min,
                                 ops->inputs_min == 1 ? "" : "s", node->inputs);
        return ls_layer_fail(layer, "takes at least %zu inputs, but has %zu", ops->inputs_min, node->inputs);
    }
    if (ops == &ls_input_layer && fallback) {
        node->shape = *fallback;
        layer->out_shape = *fallback;
        layer->built = true;
        return LS_OK;
    }
    if (!(in = ls_calloc(node->inputs + 1, sizeof *in, "input shapes")))
        return LS_ERR_MEMORY;
    for (size_t k = 0; k < node->inputs; k++)
        in[k] = model->node[node->input[k]].shape;
    LS_TRY_CLEANUP(ops->build(layer, in, node->inputs, &node->shape));
    LS_TRY_CLEANUP(ls_shape_check(&node->shape, node->name));
    if (ls_activation(&layer->activation) && ls_activation(&layer->activation)->logits == LS_LOGITS_SOFTMAX &&
        node->shape.axes && node->shape.dim[node->shape.axes - 1] == 1) {
        st = ls_layer_fail(layer, "softmax over one unit is always 1; use sigmoid, or one unit per class");
        goto cleanup;
    }
    for (size_t p = 0; p < layer->params && !layer->built; p++)
        if (layer->param[p].constraint.ops)
            LS_TRY_CLEANUP(ls_constraint_check(&layer->param[p].constraint, &layer->param[p].shape, layer->at));
    if (!layer->built) {
        layer->in_count = node->inputs;
        for (size_t k = 0; k < node->inputs && k < sizeof layer->in_shape / sizeof layer->in_shape[0]; k++)
            layer->in_shape[k] = in[k];
        layer->out_shape = node->shape;
        layer->built = true;
    }
    LS_TRY_CLEANUP(plan_mask(model, index));
cleanup:
    ls_free(in);
    return st;
}

static ls_status create_nodes(ls_model *model, ls_model_description *d, const ls_shape *in_shape)
{
    size_t *uses;
    ls_status st = LS_OK;

    model->sequential = d->sequential;
    model->nodes = d->nodes;
    model->inputs = d->inputs;
    model->outputs = d->outputs;
    model->node = ls_calloc(d->nodes, sizeof *model->node, "the layers of the model");
    model->layer = ls_calloc(d->nodes, sizeof *model->layer, "the layers of the model");
    model->input = ls_calloc(d->inputs, sizeof *model->input, "the inputs of the model");
    model->output = ls_calloc(d->outputs, sizeof *model->output, "the outputs of the model");
    uses = ls_calloc(d->nodes, sizeof *uses, "the layers of the model"); /* per first node of a layer */
    if (!model->node || !model->layer || !model->input || !model->output || !uses) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (size_t i = 0; i < d->nodes; i++) {
        ls_node_description *from = &d->node[i];
        ls_node *node = &model->node[i];
        size_t owner = i;

        while (d->node[owner].shares != SIZE_MAX)
            owner = d->node[owner].shares;
        if (owner == i) {
            LS_TRY_CLEANUP(create_layer(from, &model->layer[model->layers]));
            node->layer = model->layer[model->layers++];
        } else {
            node->layer = model->node[owner].layer;
        }
        node->use = uses[owner]++;
        node->within = from->within;
        node->name = from->name;
        from->name = NULL;
        node->input = from->input;
        node->inputs = from->inputs;
        from->input = NULL;
        node->at = from->at;
        if (i < d->inputs && !from->args && !in_shape) {
            st = ls_config_fail(from->at, "the model has no input shape: begin it with '- input: {shape: [...]}'");
            goto cleanup;
        }
        LS_TRY_CLEANUP(build_node(model, i, i < d->inputs && !from->args ? in_shape : NULL));
        if (i < d->inputs)
            model->input[i] = i;
    }
    memcpy(model->output, d->output, d->outputs * sizeof *model->output);
    model->submodel = d->submodel;
    model->submodels = d->submodels;
    d->submodel = NULL;
    d->submodels = 0;
cleanup:
    ls_free(uses);
    return st;
}

/* A layer is trained if it is not frozen; within it, its trainable parameters. */
static bool is_trained(const ls_layer *layer, const ls_param *param)
{
    return layer->trainable && param->trainable;
}

static ls_status place_params(ls_model *model)
{
    size_t n = 0, at = 0;

    for (size_t i = 0; i < model->layers; i++)
        model->params += model->layer[i]->params;
    if (!(model->param = ls_calloc(model->params, sizeof *model->param, "the parameters")))
        return LS_ERR_MEMORY;
    for (int pass = 0; pass < 2; pass++) { /* first what is trained, then the rest */
        for (size_t i = 0; i < model->layers; i++)
            for (size_t p = 0; p < model->layer[i]->params; p++) {
                ls_param *param = &model->layer[i]->param[p];

                if (is_trained(model->layer[i], param) != (pass == 0))
                    continue;
                param->index = n;
                param->offset = at;
                model->param[n++] = param;
                model->count += param->size;
                at += ls_pad_block(param->size);
            }
        if (pass == 0) {
            model->trainable_params = n;
            model->trainable_size = at;
            model->trainable_count = model->count;
        }
    }
    model->size = at;
    if (!(model->home = ls_calloc(at, sizeof *model->home, "the weights")))
        return LS_ERR_MEMORY;
    house(model, model->home);
    return LS_OK;
}

void ls_model_move(ls_model *model, float *memory, size_t first)
{
    float *const to = memory ? memory : model->home;

    if (to == model->weights)
        return;
    memcpy(to + first, model->weights + first, (model->size - first) * sizeof *to);
    house(model, to);
    if (memory)
        ls_release(model->home);
}

ls_status ls_model_create(const ls_config *description, const char *name, const ls_shape *in_shape, ls_model **out)
{
    ls_model_description d;
    ls_model *model = NULL;
    ls_status st;

    *out = NULL;
    LS_TRY_CLEANUP(ls_model_description_read(description, &d));
    if (!(model = ls_calloc(1, sizeof *model, "the model")) ||
        !(model->name = ls_strdup(name           ? name
                                  : d.sequential ? "sequential"
                                                 : "functional"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(create_nodes(model, &d, in_shape));
    LS_TRY_CLEANUP(ls_model_order_layers(model));
    LS_TRY_CLEANUP(place_params(model));
    *out = model;
    model = NULL;
cleanup:
    ls_model_free(model);
    ls_model_description_reset(&d);
    return st;
}

ls_status ls_model_check_names(const ls_model *model)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.>-/";

    for (size_t i = 0; i < model->layers; i++) {
        const ls_layer *layer = model->layer[i];

        if (!ls_layer_is_input(layer) && layer->name[strspn(layer->name, allowed)])
            return ls_config_fail(
                layer->at,
                "the layer's name '%s' is none that Keras can run: letters of ASCII, digits and _ . > "
                "- only; write 'a_b' for 'a b'",
                layer->name);
    }
    return LS_OK;
}

/* The shape that an initializer goes by. */
static const ls_shape *initial_shape(const ls_param *param)
{
    const ls_initializer_ops *ops = (const ls_initializer_ops *)param->initializer.ops;

    return ops && ops->by_fans && param->fans.axes ? &param->fans : &param->shape;
}

ls_status ls_model_init_weights(ls_model *model, uint64_t seed)
{
    /*
     * The address of a weight is its parameter's place in the order of layers, so that freezing a layer, which moves
     * its weights in the buffer, does not change how they start.
     */
    uint64_t address = 0;

    for (size_t i = 0; i < model->layers; i++)
        for (size_t p = 0; p < model->layer[i]->params; p++, address++) {
            ls_param *param = &model->layer[i]->param[p];
            const ls_stream stream = ls_stream_at(seed, LS_PURPOSE_INITIAL_WEIGHTS, address, 0);

            LS_TRY(ls_initializer_fill(&param->initializer, initial_shape(param), &stream, param->value));
        }
    for (size_t i = 0; i < model->layers; i++)
        if (model->layer[i]->ops->initialize)
            model->layer[i]->ops->initialize(model->layer[i]);
    return LS_OK;
}

void ls_model_fingerprint(const ls_model *model, char out[33])
{
    XXH3_state_t state;
    XXH128_hash_t hash;

    *out = '\0';
    if (!model)
        return;
    XXH3_128bits_reset(&state);
    for (size_t i = 0; i < model->layers; i++)
        for (size_t p = 0; p < model->layer[i]->params; p++) {
            const ls_param *param = &model->layer[i]->param[p];

            XXH3_128bits_update(&state, param->value, param->size * sizeof(float));
        }
    hash = XXH3_128bits_digest(&state);
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
}

const ls_layer *ls_model_param_layer(const ls_model *model, const ls_param *param)
{
    for (size_t i = 0; i < model->layers; i++) {
        const ls_layer *layer = model->layer[i];

        if (param >= layer->param && param < layer->param + layer->params)
            return layer;
    }
    return NULL;
}

const char *ls_model_param_name(const ls_model *model, const ls_param *param, char out[LS_PARAM_NAME_BYTES])
{
    snprintf(out, LS_PARAM_NAME_BYTES, "%.120s/%.30s", ls_model_param_layer(model, param)->name, param->name);
    return out;
}

double ls_model_penalty(const ls_model *model)
{
    double sum = 0;

    for (size_t p = 0; p < model->trainable_params; p++) {
        double l1, l2;

        ls_regularizer_factors(&model->param[p]->regularizer, &l1, &l2);
        if (l1 != 0 || l2 != 0)
            sum += ls_penalty(l1, l2, model->param[p]->value, model->param[p]->size);
    }
    return sum;
}
