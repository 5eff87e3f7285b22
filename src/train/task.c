#include "train/task.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/failures.h"
#include "base/memory.h"
#include "data/preprocessing.h"
#include "experiment/inner_models.h"
#include "experiment/model_file.h"
#include "formats/yaml.h"
#include "nn/layers/layers.h"
#include "tensor/kernels.h"
#include "train/class_weights.h"
#include "train/placement.h"

void ls_task_free(ls_task *task)
{
    if (!task)
        return;
    ls_split_free(task->validation); /* perhaps a view of train: first */
    ls_split_free(task->train);
    ls_split_free(task->test);
    ls_node_memory_free(task->memory);
    if (task->preprocessing)
        ls_preprocessing_reset(task->preprocessing);
    ls_free(task->preprocessing);
    ls_free(task->class_weight);
    ls_free(task->objective);
    if (task->model)
        ls_outputs_free(task->outputs, task->model->outputs);
    if (!task->borrows_model)
        ls_model_free(task->model);
    ls_free(task);
}

/* The shape that data.train's x has, for a Sequential model that does not name its own. */
static ls_status input_shape_of(const ls_split_spec *spec, ls_shape *out)
{
    ls_array *array = NULL;

    if (spec->xs != 1)
        return ls_config_fail(spec->at, "a list of layers has one input, but %zu arrays are given as x", spec->xs);
    if (spec->x[0].memory) {
        *out = spec->x[0].memory->shape;
    } else {
        LS_TRY(ls_array_describe_by(&spec->x[0].rules, spec->x[0].file, spec->x[0].path,
                                    spec->has_rows ? spec->rows : NULL, &array));
        *out = *ls_array_shape(array);
    }
    if (spec->x[0].channels_first)
        *out = ls_shape_channels_last(out);
    if (spec->x[0].one_hot) {
        out->axes = 1;
        out->dim[0] = (size_t)spec->x[0].one_hot;
    }
    ls_array_free(array);
    return LS_OK;
}

static bool names_input(const ls_config *model)
{
    return model->kind == LS_CONFIG_MAP || (model->first && model->first->kind == LS_CONFIG_MAP &&
                                            model->first->first && strcmp(model->first->first->key, "input") == 0);
}

static ls_status build_model(const ls_experiment *e, const ls_split_spec *spec, ls_model **out)
{
    ls_shape shape = {0};
    ls_status st;

    if (names_input(e->model))
        return ls_model_create(e->model, NULL, NULL, out);
    if (!spec)
        return ls_config_fail(e->model, "the model has no input shape: begin it with '- input: {shape: [...]}', or "
                                        "name data.train.x");
    LS_TRY(input_shape_of(spec, &shape));
    st = ls_model_create(e->model, NULL, &shape, out);
    return st == LS_OK || shape.axes
               ? st
               : ls_fail(st,
                         "%s (x has one number per sample, without an axis: begin the model with '- input: {shape: "
                         "[1]}' to give it one)",
                         ls_error_message());
}

static ls_status create_model(const ls_experiment *e, const ls_split_spec *spec, ls_model **out)
{
    ls_status st;

    LS_TRY(build_model(e, spec, out));
    if (e->of_model_file || (st = ls_model_check_names(*out)) == LS_OK)
        return LS_OK;
    ls_model_free(*out);
    *out = NULL;
    return st;
}

ls_status ls_task_model(const ls_experiment *experiment, ls_model **out)
{
    return create_model(experiment, ls_experiment_split(experiment, "train"), out);
}

ls_status ls_task_model_for(const ls_experiment *experiment, const ls_split_spec *spec, ls_model **out)
{
    return create_model(experiment, spec, out);
}

ls_status ls_task_init_weights(const ls_experiment *experiment, ls_model *model)
{
    if (experiment->initial_weights)
        return ls_model_file_weights(experiment->initial_weights, model);
    LS_TRY(ls_model_init_weights(model, experiment->seed));
    return ls_inner_models_init_weights(experiment->file, model);
}

static const char *output_name(const ls_task *task, size_t k)
{
    return task->model->node[task->model->output[k]].name;
}

/* The same lengths in another order: the channels stand first in the file, or the axes are mixed up. */
static const char *permutation_advice(const ls_shape *got, const ls_shape *want)
{
    const ls_shape turned = ls_shape_channels_last(got);
    bool taken[LS_AXES_MAX] = {false};

    if (ls_shape_equal(&turned, want))
        return ": its channels come first; say {path: ..., channels_first: true}";
    for (size_t i = 0; i < got->axes; i++) {
        size_t k = 0;

        while (k < want->axes && (taken[k] || want->dim[k] != got->dim[i]))
            k++;
        if (got->axes != want->axes || k == want->axes)
            return "";
        taken[k] = true;
    }
    return ": the same axes in another order; channels stand last, or channels_first: true must say that they stand first";
}

/* Keras lets a sample's shape differ from the input's by a trailing axis of one. */
static ls_status check_input(const ls_task *task, const ls_split *split, size_t i)
{
    const ls_shape *want = &task->model->node[task->model->input[i]].shape, *got = ls_array_shape(split->x[i]);
    char a[LS_SHAPE_TEXT_BYTES], b[LS_SHAPE_TEXT_BYTES];

    if (ls_shape_size(got) == ls_shape_size(want) &&
        (ls_shape_equal(got, want) || (got->axes == want->axes + 1 && got->dim[got->axes - 1] == 1) ||
         (want->axes == got->axes + 1 && want->dim[want->axes - 1] == 1)))
        return LS_OK;
    return ls_fail(LS_ERR_SHAPE, "%s has samples of shape %s, but the model's input '%s' takes %s%s",
                   ls_array_path(split->x[i]), ls_shape_format(got, a), task->model->node[task->model->input[i]].name,
                   ls_shape_format(want, b), permutation_advice(got, want));
}

static ls_targets targets_of(const ls_loss_ops *loss)
{
    return !loss          ? LS_TARGETS_ANY
           : loss->shares ? LS_TARGETS_SHARES
           : loss->signs  ? LS_TARGETS_SIGNS
           : loss->counts ? LS_TARGETS_COUNTS
                          : LS_TARGETS_ANY;
}

/* The sizes of one target against its output and loss; from the first split that has it. */
static ls_status bind_target(ls_task *task, const ls_split *split, size_t k)
{
    const ls_shape *output = &task->model->node[task->model->output[k]].shape, *target = ls_array_shape(split->y[k]);
    const size_t n = output->axes ? output->dim[output->axes - 1] : 1;
    ls_output_spec *spec = &task->outputs[k];
    const ls_loss_ops *loss = (const ls_loss_ops *)spec->loss.ops;
    ls_objective *objective = &task->objective[k];
    size_t positions = ls_shape_size(output) / n;
    char a[LS_SHAPE_TEXT_BYTES], b[LS_SHAPE_TEXT_BYTES];
    bool sparse;

    if (loss)
        LS_TRY(
            ls_loss_check(&spec->loss, output, target, ls_config_get(task->experiment->compile, "loss"), &positions));
    if (objective->target_size && objective->target_size != ls_shape_size(target))
        return ls_fail(LS_ERR_SHAPE, "%s has samples of %zu values, but an earlier split has %zu for the output '%s'",
                       ls_array_path(split->y[k]), ls_shape_size(target), objective->target_size, output_name(task, k));
    if (ls_shape_size(target) != positions && ls_shape_size(target) != positions * n)
        return ls_fail(LS_ERR_SHAPE, "%s has samples of shape %s, which does not fit the output '%s' of shape %s",
                       ls_array_path(split->y[k]), ls_shape_format(target, a), output_name(task, k),
                       ls_shape_format(output, b));
    sparse = n > 1 && ls_shape_size(target) == positions;
    if (!objective->target_size)
        for (size_t i = 0; i < spec->metrics; i++) {
            ls_component resolved = {0};

            LS_TRY(ls_metric_resolve(&spec->metric[i], n, sparse, &resolved));
            ls_component_reset(&spec->metric[i]);
            spec->metric[i] = resolved;
            LS_TRY(
                ls_metric_check(&spec->metric[i], output, target, ls_config_get(task->experiment->compile, "metrics")));
        }
    objective->target_size = ls_shape_size(target);
    objective->positions = positions;
    if (loss && loss->labels == LS_CLASSES_SPARSE)
        LS_TRY(ls_array_check_labels(split->y[k], n));
    return ls_array_check_targets(split->y[k], targets_of(loss));
}

/*
 * Rows of the smallest table that looks up values of input i as they are; 0: none does. Nodes come after those they
 * read, and only layers that move values about pass them on.
 */
static ls_status smallest_table(const ls_model *model, size_t i, uint64_t *rows)
{
    bool *carries = ls_calloc(model->nodes, sizeof *carries, "the model");

    *rows = 0;
    if (!carries)
        return LS_ERR_MEMORY;
    carries[model->input[i]] = true;
    for (size_t k = model->inputs; k < model->nodes; k++) {
        const ls_node *node = &model->node[k];
        const ls_layer_ops *ops = node->layer->ops;
        bool given = false;

        for (size_t j = 0; j < node->inputs; j++)
            given |= carries[node->input[j]];
        carries[k] = given && ops->moves_values;
        if (given && ops->table_rows && (*rows == 0 || ops->table_rows(node->layer) < *rows))
            *rows = ops->table_rows(node->layer);
    }
    ls_free(carries);
    return LS_OK;
}

static ls_status bind_input(const ls_task *task, const ls_split *split, size_t i)
{
    uint64_t rows;

    LS_TRY(check_input(task, split, i));
    LS_TRY(smallest_table(task->model, i, &rows));
    return rows ? ls_array_check_rows(split->x[i], rows) : LS_OK;
}

/*
 * Weights of samples or, where an output has positions, of those: shape () or (1), or the output's without its last
 * axis, or the beginning of that. One array for several outputs weighs samples, as Keras demands.
 */
static ls_status bind_weight(const ls_task *task, const ls_split *split, size_t k)
{
    const ls_array *weight = ls_split_weight(split, k);
    const ls_shape *output = &task->model->node[task->model->output[k]].shape;
    char a[LS_SHAPE_TEXT_BYTES], b[LS_SHAPE_TEXT_BYTES];
    ls_shape shape, positions = *output;

    if (!weight || !(split->y && split->y[k]))
        return LS_OK;
    shape = *ls_array_shape(weight);
    while (shape.axes > 0 && shape.dim[shape.axes - 1] == 1)
        shape.axes--;
    positions.axes -= positions.axes > 0;
    if (shape.axes == 0)
        return LS_OK;
    if (split->one_weight && task->model->outputs > 1)
        return ls_fail(LS_ERR_SHAPE,
                       "%s: one array of sample weights for several outputs must be one number per sample, not of "
                       "shape %s; name an array for each output",
                       ls_array_path(weight), ls_shape_format(&shape, a));
    if (shape.axes <= positions.axes && memcmp(shape.dim, positions.dim, shape.axes * sizeof *shape.dim) == 0)
        return LS_OK;
    return ls_fail(LS_ERR_SHAPE,
                   "%s: sample weights of shape %s per sample fit the output '%s' neither by sample nor by position: "
                   "they must be one number per sample, or of shape %s",
                   ls_array_path(weight), ls_shape_format(ls_array_shape(weight), a), output_name(task, k),
                   ls_shape_format(&positions, b));
}

static ls_status bind_split(ls_task *task, const ls_split *split)
{
    ls_failures all = {0};

    if (!split)
        return LS_OK;
    for (size_t i = 0; i < task->model->inputs; i++)
        LS_GATHER(&all, bind_input(task, split, i));
    for (size_t k = 0; k < task->model->outputs; k++)
        if (split->y && split->y[k])
            LS_GATHER(&all, bind_target(task, split, k));
    for (size_t k = 0; k < task->model->outputs; k++)
        LS_GATHER(&all, bind_weight(task, split, k));
    return ls_failures_end(&all);
}

ls_status ls_task_check_targets(const ls_task *task, const ls_split *split)
{
    for (size_t k = 0; k < task->model->outputs; k++) {
        const ls_output_spec *spec = &task->outputs[k];

        if ((spec->loss.ops || spec->metrics) && !(split->y && split->y[k]))
            return ls_fail(LS_ERR_CONFIG, "the split '%s' has no targets for the output '%s', but compile gives it %s",
                           split->name, output_name(task, k), spec->loss.ops ? "a loss" : "metrics");
    }
    return LS_OK;
}

/* A loss that must work on logits has to get them. */
static ls_status check_logits(const ls_task *task, size_t k)
{
    const ls_component *loss = &task->outputs[k].loss;
    const ls_loss_ops *ops = (const ls_loss_ops *)loss->ops;
    const ls_layer *layer = task->model->node[task->model->output[k]].layer;

    if (!ops || !ops->from_logits || !ops->from_logits(loss->config) ||
        !ls_loss_takes_logits(loss, &layer->activation) || ls_engine_fuses(task->model, k, loss))
        return LS_OK;
    return ls_config_fail(ls_config_get(task->experiment->compile, "loss"),
                          "the loss of the output '%s' is to work on logits, but its layer ends with %s, whose result "
                          "something else uses, too: leave out from_logits or the activation",
                          output_name(task, k), layer->activation.ops->name);
}

static ls_status prepare(ls_task *task, const ls_split_spec *model_data)
{
    if (!task->borrows_model)
        LS_TRY(create_model(task->experiment, model_data, &task->model));
    task->model->arithmetic = (ls_arithmetic)task->experiment->distributed.arithmetic;
    if (task->model->arithmetic == LS_ARITHMETIC_OPENBLAS)
        LS_TRY(ls_gemm_reserve());
    LS_TRY(ls_outputs_read(task->experiment->compile, task->model, &task->outputs));
    if (!(task->objective = ls_calloc(task->model->outputs, sizeof *task->objective, "the outputs")))
        return LS_ERR_MEMORY;
    for (size_t k = 0; k < task->model->outputs; k++) {
        LS_TRY(check_logits(task, k));
        task->objective[k] = (ls_objective){.loss = &task->outputs[k].loss,
                                            .loss_weight = task->outputs[k].loss_weight,
                                            .sums = task->outputs[k].sums,
                                            .positions = 1};
        task->has_loss |= task->outputs[k].loss.ops != NULL;
    }
    return LS_OK;
}

/* Where the output has classes: a weight of another one would wait for samples that never come. */
static ls_status check_classes(const ls_task *task, const ls_config *at)
{
    const ls_fit_options *fit = &task->experiment->fit;
    const ls_shape *output = &task->model->node[task->model->output[0]].shape;
    const ls_ops *loss = task->outputs[0].loss.ops;
    const bool binary = loss && strncmp(loss->name, "binary_", 7) == 0;
    const int64_t n = output->axes ? (int64_t)output->dim[output->axes - 1] : 1, classes = n > 1 ? n : binary ? 2 : 0;
    ls_failures all = {0};

    for (size_t i = 0; classes && i < fit->class_weights; i++)
        if (fit->class_weight[i].label < 0 || fit->class_weight[i].label >= classes)
            LS_GATHER(&all, ls_config_fail(at,
                                           "fit.class_weight: the model has the classes 0 to %lld, and none of the "
                                           "number %lld",
                                           (long long)classes - 1, (long long)fit->class_weight[i].label));
    return ls_failures_end(&all);
}

/* For training only, as in Keras; a validation split that was cut off before does not have them. */
static ls_status set_class_weights(ls_task *task)
{
    const ls_fit_options *fit = &task->experiment->fit;
    const ls_config *at = ls_config_get(ls_config_get(task->experiment->root, "fit"), "class_weight");

    if (!fit->class_weights && !fit->balanced)
        return LS_OK;
    if (task->model->outputs > 1)
        return ls_config_fail(at, "fit.class_weight needs a model with one output, this one has %zu",
                              task->model->outputs);
    if (task->train->weight)
        return ls_config_fail(at, "fit.class_weight and sample weights cannot be used together");
    LS_TRY(check_classes(task, at));
    task->train->class_weight = fit->class_weight;
    task->train->class_weights = fit->class_weights;
    return LS_OK;
}

/*
 * Ghost batch normalization works on whole groups of samples within a microbatch: those must fit into it.
 */
static ls_status check_microbatch(const ls_task *task)
{
    const ls_experiment *e = task->experiment;

    for (size_t i = 0; i < task->model->layers; i++) {
        const size_t unit = ls_layer_microbatch_unit(task->model->layer[i]);

        if ((uint64_t)e->fit.microbatch % unit)
            return ls_config_fail(
                task->model->layer[i]->at,
                "layer '%s' normalises groups of %zu samples, but fit.microbatch is %lld: it must be a "
                "multiple of the groups",
                task->model->layer[i]->name, unit, (long long)e->fit.microbatch);
    }
    return LS_OK;
}

/* A pinned kernel family that OpenBLAS did not take (a name it does not know, a build with one family only). */
static ls_status check_kernel(const ls_experiment *e)
{
    const char *pinned = e->distributed.blas_kernel;

    if (!pinned || strcasecmp(pinned, ls_blas_kernel()) == 0)
        return LS_OK;
    return ls_config_fail(ls_config_get(ls_config_get(e->root, "distributed"), "blas_kernel"),
                          "distributed.blas_kernel is '%s', but OpenBLAS runs its %s kernels: it does not know that "
                          "family, or was built for one only",
                          pinned, ls_blas_kernel());
}

/* The splits of a training that the experiment itself names. */
static ls_task_source own_splits(const ls_experiment *e)
{
    const char *validation = e->fit.validation_data;

    return (ls_task_source){
        .train = ls_experiment_split(e, "train"),
        .validation = validation ? ls_experiment_split(e, validation) : NULL,
        .test = validation && strcmp(validation, "test") == 0 ? NULL : ls_experiment_split(e, "test"),
    };
}

static ls_status open_splits(ls_task *task, const ls_task_source *source)
{
    const ls_experiment *e = task->experiment;
    const ls_config *cut = ls_config_get(ls_config_get(e->root, "fit"), "validation_split");
    ls_failures all = {0};

    LS_GATHER(&all, ls_split_open(source->train, task->model, &task->train));
    if (source->validation)
        LS_GATHER(&all, ls_split_open(source->validation, task->model, &task->validation));
    else if (e->fit.validation_split > 0 && task->train)
        LS_GATHER(&all, ls_split_cut(task->train, e->fit.validation_split, cut, &task->validation));
    if (source->test)
        LS_GATHER(&all, ls_split_open(source->test, task->model, &task->test));
    return ls_failures_end(&all);
}

static bool is_all_in(const ls_array_spec *specs, size_t n, const char *file)
{
    for (size_t i = 0; i < n; i++)
        if (specs[i].memory || !specs[i].file || strcmp(specs[i].file, file) != 0)
            return false;
    return true;
}

/*
 * For the model file, which is to make new data ready as these were. Now and not when it is written, when the data file
 * may be gone; what cannot be read is no reason not to train.
 */
static ls_status read_table(ls_task *task, const ls_split_spec *train)
{
    const char *const file = train->xs ? train->x[0].file : NULL;
    ls_status st;

    if (task->comm->rank != 0 || !file || !is_all_in(train->x, train->xs, file) ||
        !is_all_in(train->y, train->ys, file) || !ls_preprocessing_is_in(file))
        return LS_OK;
    if (!(task->preprocessing = ls_calloc(1, sizeof *task->preprocessing, "preprocessing")))
        return LS_ERR_MEMORY;
    st = ls_preprocessing_read(file, task->preprocessing);
    if (st != LS_OK) {
        ls_preprocessing_reset(task->preprocessing);
        ls_free(task->preprocessing);
        task->preprocessing = NULL;
    }
    return st == LS_ERR_MEMORY ? st : LS_OK;
}

static ls_status open_training(ls_task *task, const ls_task_source *source)
{
    const ls_experiment *e = task->experiment;
    const ls_split_spec *train = source->train;
    ls_failures all = {0};
    ls_status st;

    if (e->refused.optimizer)
        return ls_fail(LS_ERR_CONFIG, "%s; the model can be evaluated, but not trained without another optimizer",
                       e->refused.optimizer);
    if (!train && !ls_config_get(e->root, "data"))
        return ls_config_fail(e->root, "data is missing: nothing to train on");
    if (!train)
        return ls_config_fail(ls_config_get(e->root, "data"), "data names no split 'train'");
    LS_GATHER(&all, check_kernel(e));
    LS_GATHER(&all, st = prepare(task, train));
    if (st != LS_OK) { /* the rest needs the model */
        ls_failures_add(&all, open_splits(task, source));
        return ls_failures_end(&all);
    }
    LS_GATHER(&all, check_microbatch(task));
    if (!task->has_loss)
        LS_GATHER(&all,
                  ls_config_fail(e->compile ? e->compile : e->root, "compile.loss is missing: nothing to train on"));
    LS_GATHER(&all, open_splits(task, source));
    if (task->train)
        LS_GATHER(&all, set_class_weights(task));
    LS_GATHER(&all, bind_split(task, task->train));
    LS_GATHER(&all, bind_split(task, task->validation));
    LS_GATHER(&all, bind_split(task, task->test));
    if (task->train)
        LS_GATHER(&all, ls_task_check_targets(task, task->train));
    if (task->validation)
        LS_GATHER(&all, ls_task_check_targets(task, task->validation));
    if (task->train)
        LS_GATHER(&all, read_table(task, train));
    return ls_failures_end(&all);
}

/* Collective. Text that `add` makes of each split must be the same on all ranks. */
static ls_status check_same_data(const ls_task *task, ls_status (*add)(const ls_split *split, ls_text *out))
{
    const ls_split *splits[] = {task->train, task->validation, task->test};
    ls_text data = {0};
    ls_status st = LS_OK;

    for (size_t i = 0; i < 3 && st == LS_OK; i++)
        if (splits[i])
            st = add(splits[i], &data);
    st = ls_agree(task->comm, st);
    if (st == LS_OK)
        st = ls_comm_same(task->comm, "the data", data.data ? data.data : "");
    ls_text_reset(&data);
    return st;
}

/* Collective. Ranks may be of any machines, but those of OpenBLAS must run the same kernels. */
static ls_status check_same_experiment(const ls_task *task)
{
    char arithmetic[LS_ARITHMETIC_BYTES];
    ls_text experiment = {0};
    ls_status st;

    ls_yaml_write(task->experiment->root, &experiment);
    st = ls_agree(task->comm, experiment.status);
    if (st == LS_OK)
        st = ls_comm_same(task->comm, "the experiment", experiment.data ? experiment.data : "");
    ls_text_reset(&experiment);
    LS_TRY(st);
    return ls_comm_same(task->comm, "the arithmetic", ls_arithmetic_describe(task->model->arithmetic, arithmetic));
}

/* Collective. What follows from the experiment and the sizes of the data is the same on all ranks from here on. */
static ls_status read_splits(ls_task *task)
{
    ls_placement placement = {.split = {task->train, task->validation, task->test}};

    LS_TRY(check_same_experiment(task));
    LS_TRY(check_same_data(task, ls_split_facts));
    LS_TRY(ls_agree(task->comm, ls_placement_plan(task->experiment, &placement)));
    LS_TRY(ls_node_memory_create(task->comm, 0, &task->memory));
    LS_TRY(ls_placement_carry_out(&placement, ls_node_memory_sharing(task->memory)));
    return check_same_data(task, ls_split_contents);
}

/* class_weight: balanced. Every rank has the whole training split in sight. */
static ls_status balance_classes(ls_task *task)
{
    const ls_config *at = ls_config_get(ls_config_get(task->experiment->root, "fit"), "class_weight");

    if (!task->train || !task->experiment->fit.balanced)
        return LS_OK;
    if (task->objective[0].positions != 1)
        return ls_config_fail(at, "fit.class_weight goes by one class per sample, and a target here has %zu positions",
                              task->objective[0].positions);
    LS_TRY(ls_balance_classes(task->train, task->objective[0].target_size, at, &task->class_weight,
                              &task->train->class_weights));
    task->train->class_weight = task->class_weight;
    return LS_OK;
}

static ls_status finish(const ls_comm *comm, ls_task *task, ls_status st, ls_task **out)
{
    st = ls_agree(comm, st);
    if (st == LS_OK)
        st = read_splits(task);
    if (st == LS_OK)
        st = ls_agree(comm, balance_classes(task));
    if (st != LS_OK) {
        ls_task_free(task);
        return st;
    }
    *out = task;
    return LS_OK;
}

static ls_task *new_task(const ls_comm *comm, const ls_experiment *experiment)
{
    ls_task *task = ls_calloc(1, sizeof *task, "the task");

    if (task) {
        task->comm = comm;
        task->experiment = experiment;
    }
    return task;
}

ls_status ls_task_create(const ls_comm *comm, const ls_experiment *experiment, ls_task **out)
{
    const ls_task_source source = own_splits(experiment);
    ls_task *task = new_task(comm, experiment);

    *out = NULL;
    return finish(comm, task, task ? open_training(task, &source) : LS_ERR_MEMORY, out);
}

static ls_status describe_splits(ls_task *task)
{
    ls_split *splits[] = {task->train, task->validation, task->test};
    ls_placement placement = {.split = {task->train, task->validation, task->test}};

    LS_TRY(ls_placement_plan(task->experiment, &placement));
    for (size_t i = 0; i < 3; i++)
        if (splits[i])
            LS_TRY(ls_split_identify(splits[i]));
    return LS_OK;
}

ls_status ls_task_describe(const ls_comm *comm, const ls_experiment *experiment, ls_task **out)
{
    const ls_task_source source = own_splits(experiment);
    ls_task *task = new_task(comm, experiment);
    ls_status st = task ? open_training(task, &source) : LS_ERR_MEMORY;

    *out = NULL;
    if (st == LS_OK)
        st = describe_splits(task);
    if (st != LS_OK) {
        ls_task_free(task);
        return st;
    }
    *out = task;
    return LS_OK;
}

static ls_status open_one(ls_task *task, const ls_split_spec *spec)
{
    LS_TRY(prepare(task, spec));
    LS_TRY(ls_split_open(spec, task->model, &task->test));
    return bind_split(task, task->test);
}

ls_status ls_task_create_for(const ls_comm *comm, const ls_experiment *experiment, const ls_split_spec *spec,
                             ls_task **out)
{
    ls_task *task = new_task(comm, experiment);

    *out = NULL;
    return finish(comm, task, task ? open_one(task, spec) : LS_ERR_MEMORY, out);
}

ls_status ls_task_create_from(const ls_comm *comm, const ls_experiment *experiment, const ls_task_source *source,
                              ls_task **out)
{
    ls_task *task = new_task(comm, experiment);
    ls_status st = LS_ERR_MEMORY;

    *out = NULL;
    if (task) {
        task->model = source->model;
        task->borrows_model = source->model != NULL;
        st = source->train ? open_training(task, source) : open_one(task, source->test);
    }
    return finish(comm, task, st, out);
}

ls_status ls_task_plan_weights(const ls_task *task, const ls_split *split, ls_engine *engine)
{
    for (size_t k = 0; split && (split->weight || split->class_weights) && k < task->model->outputs; k++)
        if (task->objective[k].target_size)
            LS_TRY(ls_engine_use_weights(engine, k));
    return LS_OK;
}

/* Does a loss or a metric of the output look at whether all labels are 0 or 1? */
static bool output_needs_binary_check(const ls_output_spec *output)
{
    const ls_loss_ops *loss = (const ls_loss_ops *)output->loss.ops;

    if (loss && loss->needs_binary_check)
        return true;
    for (size_t i = 0; i < output->metrics; i++)
        if (((const ls_metric_ops *)output->metric[i].ops)->needs_binary_check)
            return true;
    return false;
}

bool ls_needs_binary_check(const ls_task *task)
{
    for (size_t k = 0; k < task->model->outputs; k++)
        if (output_needs_binary_check(&task->outputs[k]))
            return true;
    return false;
}

/* Are all these targets of the loaded rows 0 or 1? */
static bool are_binary(const ls_task *task, ls_engine *engine, size_t k, size_t rows)
{
    const float *target = ls_engine_target(engine, k);

    for (size_t i = 0; i < rows * task->objective[k].target_size; i++)
        if (target[i] != 0 && target[i] != 1)
            return false;
    return true;
}

ls_status ls_check_binary_labels(const ls_task *task, const ls_split *split, const ls_permutation *order,
                                 const ls_slice *slice, ls_engine *engine, bool *binary_labels)
{
    const size_t outputs = task->model->outputs;

    for (size_t k = 0; k < outputs; k++)
        binary_labels[k] = true;
    for (size_t w = 0; w < ls_engine_waves(engine, slice); w++) {
        const ls_slice wave = ls_engine_wave(engine, slice, w);

        ls_split_load(split, order, &wave, engine, task->objective);
        for (size_t k = 0; k < outputs; k++)
            binary_labels[k] = binary_labels[k] && are_binary(task, engine, k, (size_t)wave.rows);
    }
    if (task->comm->size == 1)
        return LS_OK;
    return ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, binary_labels, (int)outputs, MPI_C_BOOL, MPI_LAND, task->comm->mpi),
                        "looking at the labels of the batch");
}
