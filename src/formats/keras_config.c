#include "formats/keras_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "formats/json.h"
#include "formats/keras_component.h"
#include "nn/constraint.h"
#include "nn/layer_order.h"
#include "nn/regularizer.h"

/* jansson fails for want of memory only: then a builder gives NULL, and so does the one that called it. */

static json_t *config_of(ls_keras_form form, const ls_component *component);

/* ---- objects ---- */

/* An object as the archive has it, with the module that Keras imports its class from. Takes config. */
static json_t *full_object(const char *module, const char *class_name, json_t *config)
{
    return json_pack("{s:s, s:s, s:o, s:n}", "module", module, "class_name", class_name, "config", config,
                     "registered_name");
}

static json_t *object_of(ls_keras_form form, const char *module, const char *class_name, json_t *config)
{
    if (form == LS_KERAS_ARCHIVE)
        return full_object(module, class_name, config);
    return json_pack("{s:s, s:o}", "class_name", class_name, "config", config);
}

static const char *module_of(const ls_registry *registry)
{
    static const struct {
        const ls_registry *registry;
        const char *module;
    } modules[] = {
        {&ls_losses, "keras.losses"},
        {&ls_metrics, "keras.metrics"},
        {&ls_optimizers, "keras.optimizers"},
        {&ls_schedules, "keras.optimizers.schedules"},
        {&ls_constraints, "keras.constraints"},
        {&ls_initializers, "keras.initializers"},
        {&ls_regularizers, "keras.regularizers"},
    };

    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++)
        if (modules[i].registry == registry)
            return modules[i].module;
    return "keras.layers";
}

/* Wrappers choose from lists of layers of their own. */
static bool is_of_layers(const ls_registry *registry)
{
    return strcmp(registry->what, ls_layers.what) == 0;
}

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

/* The layer that does the same as an activation with arguments, or NULL. */
static const char *activation_layer(const ls_ops *ops)
{
    for (size_t i = 0; ls_keras_activation_layers[i][0]; i++)
        if (!strcmp(ops->name, ls_keras_activation_layers[i][0]))
            return ls_keras_activation_layers[i][1];
    return NULL;
}

/*
 * Keras's functions by name; with arguments a file can only hold the layer that does the same. Where there is none,
 * what is written names a class that Keras does not have.
 */
static json_t *activation_of(ls_keras_form form, const ls_component *activation)
{
    const ls_ops *ops = activation->ops;

    if (!ops)
        return json_string("linear");
    if (has_defaults(&ls_activations, activation))
        return json_string(ops->name);
    if (activation_layer(ops))
        return full_object("keras.layers", activation_layer(ops), config_of(form, activation));
    return ls_component_to_json(activation);
}

static json_t *component_of(ls_keras_form form, const ls_registry *registry, const ls_component *component)
{
    const ls_ops *ops = component->ops;
    json_t *config;

    if (registry == &ls_activations)
        return activation_of(form, component);
    if (!ops)
        return json_null();
    if (is_of_layers(registry)) /* a layer within a layer: Keras reads these in the new form only */
        return full_object(module_of(registry), ops->keras_name, config_of(form, component));
    if (!ops->keras_name || !ops->options)
        return json_string(ops->name);
    if (!(config = config_of(form, component)))
        return NULL;
    if (json_object_size(config) == 0) {
        json_decref(config);
        return json_string(ops->name);
    }
    return object_of(form, module_of(registry), ops->keras_name, config);
}

/* Lists that Keras wants as a number where they have one: an axis, a factor of an augmentation. */
static bool wants_number(const char *option)
{
    static const char *const names[] = {"axis", "factor", "height_factor", "width_factor", "scale", "fill_value"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(option, names[i]))
            return true;
    return false;
}

/* The options, without those that are null: Keras's defaults are the same. */
static json_t *config_of(ls_keras_form form, const ls_component *component)
{
    json_t *config = ls_component_config_to_json(component);

    for (const ls_option *option = component->ops->options; config && option && option->name; option++) {
        json_t *value;

        if (option->kind == LS_OPTION_COMPONENT &&
            json_object_set_new(
                config, option->name,
                component_of(form, option->registry,
                             (const ls_component *)(const void *)((const char *)component->config + option->offset))))
            goto failed;
        value = json_object_get(config, option->name);
        if (json_is_null(value))
            json_object_del(config, option->name);
        else if (wants_number(option->name) && json_array_size(value) == 1 &&
                 json_object_set(config, option->name, json_array_get(value, 0)))
            goto failed;
    }
    return config;

failed:
    json_decref(config);
    return NULL;
}

/* ---- layers ---- */

/* What lockstep's layers have and Keras's have not, or have in their calls. */
static int drop_own_options(const ls_layer_ops *ops, json_t *config)
{
    static const char *const own[][2] = {{"BatchNormalization", "groups"}};
    const char *const keras_name = ops->ops.keras_name;

    for (const char *const *name = ops->call_options; name && *name; name++)
        json_object_del(config, *name);

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (!strcmp(keras_name, own[i][0]))
            json_object_del(config, own[i][1]);
    return 0;
}

/* Shapes of ours are without the batch axis, which Keras gives as null. */
static json_t *batch_shape(const ls_shape *shape)
{
    json_t *list = json_pack("[n]");

    for (size_t i = 0; list && i < shape->axes; i++)
        if (json_array_append_new(list, json_integer((json_int_t)shape->dim[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *input_config(const ls_layer *layer)
{
    return json_pack("{s:s, s:o, s:s}", "name", ls_own_name(layer->name), "batch_shape", batch_shape(&layer->out_shape),
                     "dtype", "float32");
}

static json_t *layer_config(ls_keras_form form, const ls_layer *layer)
{
    const ls_component component = {.ops = &layer->ops->ops, .config = layer->config};
    json_t *config, *options, *noise_shape;

    if (ls_layer_is_input(layer))
        return input_config(layer);
    config = json_pack("{s:s}", "name", ls_own_name(layer->name));
    options = config_of(form, &component);
    noise_shape = json_object_get(options, "noise_shape");
    if (form == LS_KERAS_ARCHIVE && json_object_set_new(config, "dtype", json_string("float32"))) {
        json_decref(config);
        config = NULL;
    }
    if (!config || !options || (!layer->trainable && json_object_set_new(config, "trainable", json_false())) ||
        (noise_shape && json_array_insert_new(noise_shape, 0, json_null())) || drop_own_options(layer->ops, options) ||
        json_object_update(config, options)) {
        json_decref(config);
        config = NULL;
    }
    json_decref(options);
    return config;
}

/* A layer of a package beside Keras, which knows it by the name that it is registered under. Takes config. */
static json_t *package_object(const ls_layer_ops *ops, json_t *config)
{
    char module[64], registered[96];

    snprintf(module, sizeof module, "%s.layers", ops->keras_package);
    snprintf(registered, sizeof registered, "%s>%s", ops->keras_package, ops->ops.keras_name);
    return json_pack("{s:s, s:s, s:o, s:s}", "module", module, "class_name", ops->ops.keras_name, "config", config,
                     "registered_name", registered);
}

static json_t *layer_of(ls_keras_form form, const ls_layer *layer)
{
    json_t *config = layer_config(form, layer);

    /*
     * Keras drops a list of several axes from a layer in the old form. An entry that names its module counts as new
     * form, and is read as it stands.
     */
    if (json_is_array(json_object_get(config, "axis")) || layer->ops->call_options)
        form = LS_KERAS_ARCHIVE;
    if (layer->ops->keras_package)
        return package_object(layer->ops, config);
    return object_of(form, "keras.layers", layer->ops->ops.keras_name, config);
}

/* ---- graphs ---- */

/*
 * The output of a node as Keras addresses it within a model: the layer, which of its calls, and which output of that
 * call. In lists of a model's outputs calls of a graph count from 1.
 */
static json_t *tensor_of(const ls_model *model, size_t within, size_t node, bool listed)
{
    const size_t s = ls_submodel_at(model->submodel, model->node[node].within, within);
    const ls_submodel *from = s == SIZE_MAX ? NULL : &model->submodel[s];
    size_t output = 0;

    if (!from)
        return json_pack("[s, I, i]", ls_own_name(model->node[node].layer->name), (json_int_t)ls_node_call(model, node),
                         0);
    while (from->output[output] != node)
        output++;
    return json_pack("[s, I, I]", ls_own_name(model->submodel[ls_submodel_owner(model->submodel, s)].name),
                     (json_int_t)(ls_submodel_call(model, s) + (listed && !from->sequential)), (json_int_t)output);
}

/* What a call is given: ["a", 0, 0, {}], or in the archive a tensor with its shape and history. */
static json_t *argument_of(ls_keras_form form, const ls_model *model, size_t within, size_t node)
{
    json_t *tensor = tensor_of(model, within, node, false);

    if (form == LS_KERAS_ARCHIVE)
        return json_pack("{s:s, s:{s:o, s:s, s:o}}", "class_name", "__keras_tensor__", "config", "shape",
                         batch_shape(&model->node[node].shape), "dtype", "float32", "keras_history", tensor);
    if (json_array_append_new(tensor, json_object())) {
        json_decref(tensor);
        return NULL;
    }
    return tensor;
}

/* The options of a layer that Keras has in its calls. */
static json_t *call_options(const ls_layer *layer)
{
    const ls_component component = {.ops = &layer->ops->ops, .config = layer->config};
    json_t *options = ls_component_config_to_json(&component), *out = json_object();

    for (const char *const *name = layer->ops->call_options; out && name && *name; name++)
        if (json_object_set(out, *name, json_object_get(options, *name))) {
            json_decref(out);
            out = NULL;
        }
    json_decref(options);
    return out;
}

/* What a layer, or a model, is called with: nodes. */
typedef struct call_inputs {
    const ls_model *model;
    const ls_node *node;         /* of a layer … */
    const ls_submodel *submodel; /* … or of a model */
} call_inputs;

static size_t count_inputs(const call_inputs *c)
{
    return c->node ? c->node->inputs : c->submodel->inputs;
}

static size_t input_at(const call_inputs *c, size_t k)
{
    return c->node ? c->node->input[k] : c->model->node[c->submodel->input[k]].input[0];
}

/*
 * One call: [["a", 0, 0, {}], ["b", 0, 0, {}]], or in the archive {"args": [A], "kwargs": {}}. There a merging layer,
 * and a model with several inputs, takes one argument, which is a list of tensors.
 */
static json_t *call_of(ls_keras_form form, size_t within, const call_inputs *c)
{
    const ls_layer_ops *ops = c->node ? c->node->layer->ops : NULL;
    const bool list = ops ? ops->inputs_max > 1 && !ops->input_names : c->submodel->inputs > 1;
    json_t *call = json_array();

    if (ops && (ops->input_names || ops->call_options)) /* the old form has nothing for them */
        form = LS_KERAS_ARCHIVE;

    for (size_t k = 0; call && k < count_inputs(c); k++)
        if (json_array_append_new(call, argument_of(form, c->model, within, input_at(c, k)))) {
            json_decref(call);
            return NULL;
        }
    if (form == LS_KERAS_LEGACY)
        return call;
    return json_pack(list ? "{s:[o], s:o}" : "{s:o, s:o}", "args", call, "kwargs",
                     c->node ? call_options(c->node->layer) : json_object());
}

/* Calls of a layer or of a model, in the order of their index, which is the order of nodes. */
static json_t *calls_of(ls_keras_form form, const ls_model *model, size_t within, const ls_unit *unit)
{
    json_t *calls = json_array();
    int failed = 0;

    for (size_t i = 0; unit->layer && !ls_layer_is_input(unit->layer) && i < model->nodes; i++)
        if (model->node[i].layer == unit->layer && model->node[i].within == within)
            failed |= json_array_append_new(
                calls, call_of(form, within, &(call_inputs){.model = model, .node = &model->node[i]}));
    for (size_t i = 0; !unit->layer && i < model->submodels; i++)
        if (model->submodel[i].parent == within && ls_submodel_owner(model->submodel, i) == unit->submodel)
            failed |= json_array_append_new(
                calls, call_of(form, within, &(call_inputs){.model = model, .submodel = &model->submodel[i]}));
    if (failed) {
        json_decref(calls);
        return NULL;
    }
    return calls;
}

/* A lone tensor stands for itself, so that the loaded model takes and gives arrays and not lists of one. */
static json_t *tensors_of(const ls_model *model, size_t within, const size_t *nodes, size_t n)
{
    json_t *list;

    if (n == 1)
        return tensor_of(model, within, nodes[0], true);
    list = json_array();
    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, tensor_of(model, within, nodes[i], true))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* The activations of a layer, and of one within it. */
static ls_status check_activations(const ls_layer *layer, const ls_component *component)
{
    for (const ls_option *option = component->ops->options; option && option->name; option++) {
        const ls_component *part =
            (const ls_component *)(const void *)((const char *)component->config + option->offset);

        if (option->kind != LS_OPTION_COMPONENT || !part->ops)
            continue;
        if (is_of_layers(option->registry))
            LS_TRY(check_activations(layer, part));
        if (option->registry == &ls_activations && !has_defaults(&ls_activations, part) && !activation_layer(part->ops))
            return ls_fail(
                LS_ERR_ARG,
                "layer '%s': a Keras file cannot keep the activation %s with arguments; its weights alone can "
                "be written to a file that ends in .weights.h5",
                layer->name, part->ops->name);
    }
    return LS_OK;
}

ls_status ls_keras_check_model(const ls_model *model)
{
    for (size_t i = 0; i < model->layers; i++) {
        const ls_layer *layer = model->layer[i];
        const ls_component component = {.ops = &layer->ops->ops, .config = layer->config};

        LS_TRY(check_activations(layer, &component));
    }
    return LS_OK;
}

static json_t *model_object(ls_keras_form form, const ls_model *model, size_t within);

/* The units of a model; those of a graph with their calls. */
static json_t *units_of(ls_keras_form form, const ls_model *model, size_t within, bool sequential)
{
    json_t *all = json_array();
    int failed = !all;

    for (ls_unit u = {0}; !failed && ls_model_next_unit(model, within, &u);) {
        json_t *unit = u.layer ? layer_of(form, u.layer) : model_object(form, model, u.submodel);

        if (!sequential)
            failed = json_object_set_new(unit, "name", json_string(u.name)) ||
                     json_object_set_new(unit, "inbound_nodes", calls_of(form, model, within, &u));
        failed |= json_array_append_new(all, unit);
    }
    if (failed) {
        json_decref(all);
        return NULL;
    }
    return all;
}

/* A model, or one within it, as Keras writes it. */
static json_t *model_object(ls_keras_form form, const ls_model *model, size_t within)
{
    const ls_submodel *s = within == SIZE_MAX ? NULL : &model->submodel[within];
    const bool sequential = s ? s->sequential : model->sequential;
    json_t *config = json_pack("{s:s, s:o}", "name", s ? ls_own_name(s->name) : model->name, "layers",
                               units_of(form, model, within, sequential));
    json_t *json;

    if (sequential)
        return object_of(form, "keras", "Sequential", config);
    if (json_object_set_new(config, "input_layers",
                            tensors_of(model, within, s ? s->input : model->input, s ? s->inputs : model->inputs)) ||
        json_object_set_new(
            config, "output_layers",
            tensors_of(model, within, s ? s->output : model->output, s ? s->outputs : model->outputs))) {
        json_decref(config);
        config = NULL;
    }
    json = object_of(form, "keras.src.models.functional", "Functional", config);
    if (form == LS_KERAS_ARCHIVE && json_object_set_new(json, "registered_name", json_string("Functional"))) {
        json_decref(json);
        return NULL;
    }
    return json;
}

json_t *ls_keras_model_config(ls_keras_form form, const ls_model *model)
{
    return model_object(form, model, SIZE_MAX);
}

/* ---- compile settings ---- */

/* By its long name; with arguments as a class. */
static json_t *loss_of(ls_keras_form form, const ls_output_spec *output)
{
    const ls_component *loss = &output->loss;

    json_t *config;

    if (loss->ops && has_defaults(&ls_losses, loss) && !output->sums)
        return json_string(loss->ops->name);
    if (!loss->ops || !output->sums)
        return component_of(form, &ls_losses, loss);
    config = config_of(form, loss);
    if (!config || json_object_set_new(config, "reduction", json_string("sum"))) {
        json_decref(config);
        return NULL;
    }
    return object_of(form, "keras.losses", loss->ops->keras_name, config);
}

static json_t *weight_of(ls_keras_form form, const ls_output_spec *output)
{
    (void)form;
    return json_real(output->loss_weight);
}

/*
 * As a class, since that keeps the name. But "accuracy" means different classes for different outputs: it stays what it
 * is, whether or not it has been resolved, and Keras resolves it by the same rule.
 */
static json_t *metric_of(ls_keras_form form, const ls_component *metric, const char *name)
{
    const ls_ops *typed = ls_registry_find(&ls_metrics, name);
    json_t *config;

    if (typed && !typed->keras_name)
        return json_string(name);
    if (!metric->ops->keras_name) /* the same under another name, which Keras gives to classes only */
        return json_string(metric->ops->name);
    config = config_of(form, metric);
    if (json_object_set_new(config, "name", json_string(name))) {
        json_decref(config);
        config = NULL;
    }
    return object_of(form, "keras.metrics", metric->ops->keras_name, config);
}

static json_t *metric_range(ls_keras_form form, const ls_output_spec *output, size_t first, size_t end)
{
    json_t *list = json_array();

    for (size_t i = first; list && i < end; i++)
        if (json_array_append_new(list, metric_of(form, &output->metric[i], output->metric_name[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *metrics_of(ls_keras_form form, const ls_output_spec *output)
{
    return metric_range(form, output, 0, output->unweighted);
}

static json_t *weighted_metrics_of(ls_keras_form form, const ls_output_spec *output)
{
    return metric_range(form, output, output->unweighted, output->metrics);
}

/* Keras names an output after its layer. Two calls of a shared layer then have the same name: no map can be made. */
static bool names_differ(const ls_model *model)
{
    for (size_t a = 0; a < model->outputs; a++)
        for (size_t b = 0; b < a; b++)
            if (!strcmp(ls_model_output_name(model, a), ls_model_output_name(model, b)))
                return false;
    return true;
}

/* The same for every output: the value itself if there is one output, else a map by name or, failing that, a list. */
static json_t *by_output(ls_keras_form form, const ls_model *model, const ls_output_spec *outputs,
                         json_t *(*value)(ls_keras_form, const ls_output_spec *))
{
    const bool map = names_differ(model);
    json_t *all;

    if (model->outputs == 1)
        return value(form, &outputs[0]);
    all = map ? json_object() : json_array();
    for (size_t k = 0; all && k < model->outputs; k++)
        if (map ? json_object_set_new(all, ls_model_output_name(model, k), value(form, &outputs[k]))
                : json_array_append_new(all, value(form, &outputs[k]))) {
            json_decref(all);
            return NULL;
        }
    return all;
}

bool ls_keras_constant_rate(const ls_optimizer *optimizer, float learning_rate, double *rate)
{
    const ls_component *schedule = &optimizer->common.learning_rate_schedule;
    json_t *own;
    bool constant;

    *rate = (double)learning_rate;
    if (!schedule->ops)
        return true;
    if (schedule->ops->keras_name)
        return false;
    /* batch_scaling: without a warm-up it is at its target from the beginning. */
    own = ls_component_config_to_json(schedule);
    constant = json_integer_value(json_object_get(own, "warmup_steps")) == 0;
    *rate = ((const ls_schedule_ops *)schedule->ops)->rate(schedule->config, UINT64_MAX);
    json_decref(own);
    return constant;
}

/*
 * The rate for a large batch, which Keras does not have: a straight line from the base rate to the target, then the
 * target. That is Keras's polynomial decay of power 1.
 */
static json_t *batch_scaling_of(const ls_component *schedule)
{
    const ls_schedule_ops *ops = (const ls_schedule_ops *)schedule->ops;
    json_t *own = ls_component_config_to_json(schedule);
    json_t *json = json_pack("{s:f, s:O, s:f, s:f, s:b}", "initial_learning_rate", ops->rate(schedule->config, 0),
                             "decay_steps", json_object_get(own, "warmup_steps"), "end_learning_rate",
                             ops->rate(schedule->config, UINT64_MAX), "power", 1.0, "cycle", 0);

    json_decref(own);
    return full_object(module_of(&ls_schedules), "PolynomialDecay", json);
}

static json_t *learning_rate_of(ls_keras_form form, const ls_compile_info *compile)
{
    const ls_component *schedule = &compile->optimizer->common.learning_rate_schedule;
    double rate;

    if (ls_keras_constant_rate(compile->optimizer, compile->learning_rate, &rate))
        return json_real(rate);
    if (!schedule->ops->keras_name)
        return batch_scaling_of(schedule);
    return full_object(module_of(&ls_schedules), schedule->ops->keras_name, config_of(form, schedule));
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
        if (common->ema_overwrite_frequency > 0)
            failed |=
                json_object_set_new(config, "ema_overwrite_frequency", json_integer(common->ema_overwrite_frequency));
    }
    if (common->gradient_accumulation_steps > 1)
        failed |= json_object_set_new(config, "gradient_accumulation_steps",
                                      json_integer(common->gradient_accumulation_steps));
    return failed;
}

static json_t *optimizer_of(ls_keras_form form, const ls_compile_info *compile)
{
    const ls_optimizer_ops *ops = ls_optimizer_ops_of(compile->optimizer);
    json_t *config = json_pack("{s:s, s:o}", "name", ops->ops.name, "learning_rate", learning_rate_of(form, compile));
    json_t *own = config_of(form, &compile->optimizer->own);

    if (json_object_update(config, own) || add_common(config, ops, &compile->optimizer->common)) {
        json_decref(config);
        config = NULL;
    }
    json_decref(own);
    if (!strcmp(ops->ops.name, "lamb")) /* Keras finds it by its module only, which the old form does not name */
        form = LS_KERAS_ARCHIVE;
    return object_of(form, module_of(&ls_optimizers), ops->ops.keras_name, config);
}

bool ls_keras_can_compile(const ls_compile_info *compile)
{
    return compile && ls_optimizer_ops_of(compile->optimizer)->ops.keras_name;
}

json_t *ls_keras_training_config(ls_keras_form form, const ls_model *model, const ls_compile_info *compile)
{
    const ls_output_spec *outputs = compile->outputs;

    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "loss", by_output(form, model, outputs, loss_of), "loss_weights",
                     by_output(form, model, outputs, weight_of), "metrics", by_output(form, model, outputs, metrics_of),
                     "weighted_metrics", by_output(form, model, outputs, weighted_metrics_of),
                     form == LS_KERAS_ARCHIVE ? "optimizer" : "optimizer_config", optimizer_of(form, compile));
}
