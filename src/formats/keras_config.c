#include "formats/keras_config.h"

#include <math.h>
#include <string.h>

#include "formats/json.h"
#include "formats/keras_component.h"

/* jansson fails for want of memory only: then a builder gives NULL, and so does the one that called it. */

static json_t *config_of(const ls_component *component);

/* ---- components ---- */

static bool has_defaults(const ls_registry *registry, const ls_component *component)
{
    ls_component initial;
    json_t *a, *b;
    bool same;

    if (ls_component_default(registry, component->ops->name, &initial) != LS_OK)
        return false;
    a = ls_component_config_to_json(component);
    b = ls_component_config_to_json(&initial);
    same = json_equal(a, b);
    json_decref(a);
    json_decref(b);
    ls_component_reset(&initial);
    return same;
}

/*
 * Keras's functions by name; with arguments a file can only hold the layer that does the same. Where there is none,
 * what is written names a class that Keras does not have.
 */
static json_t *activation_of(const ls_component *activation)
{
    const char *const(*const layers)[2] = ls_keras_activation_layers;
    const ls_ops *ops = activation->ops;

    if (!ops)
        return json_string("linear");
    if (has_defaults(&ls_activations, activation))
        return json_string(ops->name);
    for (size_t i = 0; layers[i][0]; i++)
        if (!strcmp(ops->name, layers[i][0]))
            return json_pack("{s:s, s:s, s:o, s:n}", "module", "keras.layers", "class_name", layers[i][1], "config",
                             config_of(activation), "registered_name");
    return ls_component_to_json(activation);
}

static json_t *component_of(const ls_registry *registry, const ls_component *component)
{
    const ls_ops *ops = component->ops;

    if (registry == &ls_activations)
        return activation_of(component);
    if (!ops)
        return json_null();
    if (!ops->keras_name || !ops->options)
        return json_string(ops->name);
    return json_pack("{s:s, s:o}", "class_name", ops->keras_name, "config", config_of(component));
}

/* The options, without those that are null: Keras's defaults are the same. */
static json_t *config_of(const ls_component *component)
{
    json_t *config = ls_component_config_to_json(component);

    for (const ls_option *option = component->ops->options; config && option && option->name; option++) {
        json_t *value;

        if (option->kind == LS_OPTION_COMPONENT &&
            json_object_set_new(
                config, option->name,
                component_of(option->registry,
                             (const ls_component *)(const void *)((const char *)component->config + option->offset))))
            goto failed;
        value = json_object_get(config, option->name);
        if (json_is_null(value))
            json_object_del(config, option->name);
        else if (!strcmp(option->name, "axis") && json_array_size(value) == 1 && /* Keras wants one axis as a number */
                 json_object_set(config, option->name, json_array_get(value, 0)))
            goto failed;
    }
    return config;

failed:
    json_decref(config);
    return NULL;
}

/* ---- layers ---- */

/* What lockstep's layers have and Keras's have not. */
static int drop_own_options(const char *keras_name, json_t *config)
{
    static const char *const own[][2] = {{"BatchNormalization", "groups"}};

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (!strcmp(keras_name, own[i][0]))
            json_object_del(config, own[i][1]);
    return 0;
}

/* Shapes of ours are without the batch axis, which Keras gives as null. */
static json_t *batch_shape(const ls_shape *shape)
{
    json_t *list = json_pack("[n]");

    for (size_t i = 0; list && i < shape->rank; i++)
        if (json_array_append_new(list, json_integer((json_int_t)shape->dim[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *input_config(const ls_layer *layer)
{
    return json_pack("{s:s, s:o, s:s}", "name", layer->name, "batch_shape", batch_shape(&layer->out_shape), "dtype",
                     "float32");
}

static json_t *layer_config(const ls_layer *layer)
{
    const char *const keras_name = layer->ops->ops.keras_name;
    const ls_component component = {.ops = &layer->ops->ops, .config = layer->config};
    json_t *config, *options, *noise_shape;

    if (layer->ops == &ls_input_layer)
        return input_config(layer);
    config = json_pack("{s:s}", "name", layer->name);
    options = config_of(&component);
    noise_shape = json_object_get(options, "noise_shape");
    if (!config || !options || (!layer->trainable && json_object_set_new(config, "trainable", json_false())) ||
        (noise_shape && json_array_insert_new(noise_shape, 0, json_null())) || drop_own_options(keras_name, options) ||
        json_object_update(config, options)) {
        json_decref(config);
        config = NULL;
    }
    json_decref(options);
    return config;
}

static json_t *layer_of(const ls_layer *layer)
{
    json_t *config = layer_config(layer), *json = json_object();
    int failed = 0;

    /*
     * Keras drops a list of several axes from a layer in the old form. An entry that names its module counts as new
     * form, and is read as it stands.
     */
    if (json_is_array(json_object_get(config, "axis")))
        failed |= json_object_set_new(json, "module", json_string("keras.layers")) ||
                  json_object_set_new(json, "registered_name", json_null());
    failed |= json_object_set_new(json, "class_name", json_string(layer->ops->ops.keras_name));
    failed |= json_object_set_new(json, "config", config);
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* ---- graphs ---- */

/* The output of a node as Keras addresses it: the layer, and which of its calls. */
static json_t *tensor_of(const ls_node *node)
{
    return json_pack("[s, I, i]", node->layer->name, (json_int_t)node->use, 0);
}

/* One call: [["a", 0, 0, {}], ["b", 0, 0, {}]]. */
static json_t *call_of(const ls_model *model, const ls_node *node)
{
    json_t *call = json_array();

    for (size_t k = 0; call && k < node->inputs; k++) {
        json_t *tensor = tensor_of(&model->node[node->input[k]]);

        if (json_array_append_new(tensor, json_object()) || json_array_append(call, tensor)) {
            json_decref(call);
            call = NULL;
        }
        json_decref(tensor);
    }
    return call;
}

/* Calls of a layer in the order of their index, which is the order of nodes. */
static json_t *calls_of(const ls_model *model, const ls_layer *layer)
{
    json_t *calls = json_array();

    for (size_t i = 0; calls && layer->ops != &ls_input_layer && i < model->nodes; i++)
        if (model->node[i].layer == layer && json_array_append_new(calls, call_of(model, &model->node[i]))) {
            json_decref(calls);
            return NULL;
        }
    return calls;
}

/* A lone tensor stands for itself, so that the loaded model takes and gives arrays and not lists of one. */
static json_t *tensors_of(const ls_model *model, const size_t *nodes, size_t n)
{
    json_t *list;

    if (n == 1)
        return tensor_of(&model->node[nodes[0]]);
    list = json_array();
    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, tensor_of(&model->node[nodes[i]]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *ls_keras_model_config(const ls_model *model)
{
    json_t *layers = json_array(), *config = NULL;
    int failed = 0;

    for (size_t i = 0; layers && !failed && i < model->layers; i++) {
        json_t *layer = layer_of(model->layer[i]);

        if (!model->sequential)
            failed = json_object_set_new(layer, "name", json_string(model->layer[i]->name)) ||
                     json_object_set_new(layer, "inbound_nodes", calls_of(model, model->layer[i]));
        failed |= json_array_append_new(layers, layer);
    }
    if (failed)
        json_decref(layers);
    else
        config = json_pack("{s:s, s:o}", "name", model->name, "layers", layers);
    if (config && !model->sequential &&
        (json_object_set_new(config, "input_layers", tensors_of(model, model->input, model->inputs)) ||
         json_object_set_new(config, "output_layers", tensors_of(model, model->output, model->outputs)))) {
        json_decref(config);
        config = NULL;
    }
    return json_pack("{s:s, s:o}", "class_name", model->sequential ? "Sequential" : "Functional", "config", config);
}

/* ---- compile settings ---- */

/* By its long name; with arguments as a class. */
static json_t *loss_of(const ls_output_spec *output)
{
    const ls_component *loss = &output->loss;

    if (loss->ops && has_defaults(&ls_losses, loss))
        return json_string(loss->ops->name);
    return component_of(&ls_losses, loss);
}

static json_t *weight_of(const ls_output_spec *output)
{
    return json_real(output->loss_weight);
}

/* As a class, since that keeps the name; but "accuracy" means different classes for different outputs. */
static json_t *metric_of(const ls_component *metric, const char *name)
{
    json_t *config = metric->ops->keras_name ? config_of(metric) : NULL;

    if (!metric->ops->keras_name)
        return json_string(name);
    if (json_object_set_new(config, "name", json_string(name))) {
        json_decref(config);
        config = NULL;
    }
    return json_pack("{s:s, s:o}", "class_name", metric->ops->keras_name, "config", config);
}

static json_t *metric_range(const ls_output_spec *output, size_t first, size_t end)
{
    json_t *list = json_array();

    for (size_t i = first; list && i < end; i++)
        if (json_array_append_new(list, metric_of(&output->metric[i], output->metric_name[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *metrics_of(const ls_output_spec *output)
{
    return metric_range(output, 0, output->unweighted);
}

static json_t *weighted_metrics_of(const ls_output_spec *output)
{
    return metric_range(output, output->unweighted, output->metrics);
}

/* Keras names an output after its layer. Two calls of a shared layer then have the same name: no map can be made. */
static bool names_differ(const ls_model *model)
{
    for (size_t a = 0; a < model->outputs; a++)
        for (size_t b = 0; b < a; b++)
            if (model->node[model->output[a]].layer == model->node[model->output[b]].layer)
                return false;
    return true;
}

/* The same for every output: the value itself if there is one output, else a map by name or, failing that, a list. */
static json_t *by_output(const ls_model *model, const ls_output_spec *outputs, json_t *(*value)(const ls_output_spec *))
{
    const bool map = names_differ(model);
    json_t *all;

    if (model->outputs == 1)
        return value(&outputs[0]);
    all = map ? json_object() : json_array();
    for (size_t k = 0; all && k < model->outputs; k++)
        if (map ? json_object_set_new(all, model->node[model->output[k]].layer->name, value(&outputs[k]))
                : json_array_append_new(all, value(&outputs[k]))) {
            json_decref(all);
            return NULL;
        }
    return all;
}

/*
 * The rate for a large batch, which Keras does not have: a straight line from the base rate to the target, then the
 * target. That is Keras's polynomial decay of power 1, and without a warm-up a constant.
 */
static json_t *batch_scaling_of(const ls_component *schedule)
{
    const ls_schedule_ops *ops = (const ls_schedule_ops *)schedule->ops;
    json_t *own = ls_component_config_to_json(schedule);
    const json_int_t warmup = json_integer_value(json_object_get(own, "warmup_steps"));
    const double target = ops->rate(schedule->config, UINT64_MAX);
    json_t *json;

    json_decref(own);
    if (warmup == 0)
        return json_real(target);
    json = json_pack("{s:f, s:I, s:f, s:f, s:b}", "initial_learning_rate", ops->rate(schedule->config, 0),
                     "decay_steps", warmup, "end_learning_rate", target, "power", 1.0, "cycle", 0);
    return json_pack("{s:s, s:s, s:o, s:n}", "module", "keras.optimizers.schedules", "class_name", "PolynomialDecay",
                     "config", json, "registered_name");
}

static json_t *learning_rate_of(const ls_compile_info *compile)
{
    const ls_component *schedule = &compile->optimizer->common.learning_rate_schedule;

    if (!schedule->ops)
        return json_real((double)compile->learning_rate);
    if (!schedule->ops->keras_name)
        return batch_scaling_of(schedule);
    return json_pack("{s:s, s:s, s:o, s:n}", "module", "keras.optimizers.schedules", "class_name",
                     schedule->ops->keras_name, "config", config_of(schedule), "registered_name");
}

/* What all optimizers take, where it is not as it is by default. */
static int add_common(json_t *config, const ls_optimizer_ops *ops, const ls_optimizer_common *common)
{
    const struct {
        const char *name;
        double value; /* NAN: none */
    } numbers[] = {
        {"weight_decay", isnan(common->weight_decay) && !isnan(ops->weight_decay) ? 0.0 : common->weight_decay},
        {"clipnorm", common->clipnorm},
        {"clipvalue", common->clipvalue},
        {"global_clipnorm", common->global_clipnorm},
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!isnan(numbers[i].value))
            failed |= json_object_set_new(config, numbers[i].name, json_real(numbers[i].value));
    if (common->use_ema) {
        failed |= json_object_set_new(config, "use_ema", json_true());
        failed |= json_object_set_new(config, "ema_momentum", json_real(common->ema_momentum));
        if (common->ema_overwrite_frequency != INT64_MIN)
            failed |=
                json_object_set_new(config, "ema_overwrite_frequency", json_integer(common->ema_overwrite_frequency));
    }
    if (common->gradient_accumulation_steps != INT64_MIN)
        failed |= json_object_set_new(config, "gradient_accumulation_steps",
                                      json_integer(common->gradient_accumulation_steps));
    return failed;
}

static json_t *optimizer_of(const ls_compile_info *compile)
{
    const ls_optimizer_ops *ops = ls_optimizer_ops_of(compile->optimizer);
    json_t *config = json_pack("{s:s, s:o}", "name", ops->ops.name, "learning_rate", learning_rate_of(compile));
    json_t *own = config_of(&compile->optimizer->own);

    if (json_object_update(config, own) || add_common(config, ops, &compile->optimizer->common)) {
        json_decref(config);
        config = NULL;
    }
    json_decref(own);
    return json_pack("{s:s, s:o}", "class_name", ops->ops.keras_name, "config", config);
}

json_t *ls_keras_training_config(const ls_model *model, const ls_compile_info *compile)
{
    const ls_output_spec *outputs = compile->outputs;

    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "loss", by_output(model, outputs, loss_of), "loss_weights",
                     by_output(model, outputs, weight_of), "metrics", by_output(model, outputs, metrics_of),
                     "weighted_metrics", by_output(model, outputs, weighted_metrics_of), "optimizer_config",
                     optimizer_of(compile));
}
