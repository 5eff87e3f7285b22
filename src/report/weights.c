#include "report/weights.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "experiment/model_file.h"
#include "h5/file.h"
#include "report/files.h"
#include "report/say.h"
#include "report/ticks.h"
#include "run/checkpoint.h"
#include "run/run_files.h"
#include "train/trainer.h"

#define BINS 48

/* ---- histograms ---- */

static ls_range range_of(const ls_layer *layer, const float *values)
{
    ls_range r = {INFINITY, -INFINITY};

    for (size_t p = 0; p < layer->params; p++)
        for (size_t i = 0; i < layer->param[p].size && layer->param[p].trainable; i++) {
            r.low = fmin(r.low, (double)values[layer->param[p].offset + i]);
            r.high = fmax(r.high, (double)values[layer->param[p].offset + i]);
        }
    return r;
}

/* The share of a parameter's values in each of BINS equal bins. */
static void add_histogram(ls_plot *plot, const ls_param *param, const float *value, const ls_range *range,
                          unsigned color)
{
    const double width = (range->high - range->low) / BINS;
    size_t count[BINS] = {0};
    char text[LS_SAY_BYTES];

    for (size_t i = 0; i < param->size; i++) {
        const size_t bin = width > 0 ? (size_t)(((double)value[i] - range->low) / width) : 0;

        count[bin < BINS ? bin : BINS - 1]++;
    }
    ls_plot_series(plot, LS_MARK_STEPS, color, "%s (%s values)", param->name, ls_say_count((double)param->size, text));
    for (size_t b = 0; b <= BINS; b++) /* the last bin once more, to close it */
        ls_plot_point(plot, range->low + (double)b * width,
                      100.0 * (double)count[b < BINS ? b : BINS - 1] / (double)param->size);
}

static bool has_trainable(const ls_layer *layer)
{
    for (size_t p = 0; p < layer->params; p++)
        if (layer->param[p].trainable)
            return true;
    return false;
}

static ls_status draw_layer(ls_document *d, const ls_layer *layer, const float *values, const char *what)
{
    const ls_range range = range_of(layer, values);
    ls_text name = {0}, title = {0};
    ls_plot plot = {0};
    unsigned color = 0;
    ls_status st;

    if (!isfinite(range.low) || !isfinite(range.high)) {
        ls_document_say(d, "Layer %s: the %s are not finite.", layer->name, what);
        return LS_OK;
    }
    ls_text_add(&name, "%s_", what);
    ls_file_name(&name, layer->name);
    ls_text_add(&title, "%s of %s", what, layer->name);
    if ((st = name.status ? name.status : title.status) == LS_OK) {
        plot.figure.name = name.data;
        plot.figure.title = title.data;
        plot.figure.x = (ls_axis){.label = strcmp(what, "weights") == 0 ? "weight" : "element of the gradient"};
        plot.figure.y = (ls_axis){.label = "share of its values (%)", .scale = LS_SCALE_LOG};
        for (size_t p = 0; p < layer->params; p++)
            if (layer->param[p].trainable)
                add_histogram(&plot, &layer->param[p], values + layer->param[p].offset, &range, color++);
        st = ls_document_plot(d, &plot, NULL);
    }
    ls_text_reset(&name);
    ls_text_reset(&title);
    return st;
}

/* values: in the layout of the model's flat buffer. */
static ls_status draw_model(ls_document *d, const ls_model *model, const float *values, const char *what)
{
    ls_document_grid_begin(d);
    for (size_t i = 0; i < model->layers; i++)
        if (has_trainable(model->layer[i]))
            LS_TRY(draw_layer(d, model->layer[i], values, what));
    ls_document_grid_end(d);
    return LS_OK;
}

/* ---- the gradient ---- */

/* LS_ERR_MISMATCH if the run was trained on other data than lies there now. */
static ls_status check_data(const char *model_file, const ls_task *task)
{
    static const char key[] = "training data: ";
    ls_text now = {0};
    char *identity = NULL;
    const char *line;
    hid_t file = H5I_INVALID_HID;
    ls_status st;

    LS_TRY(ls_model_file_open(model_file, &file));
    LS_TRY_CLEANUP(ls_h5_get_text(file, LS_MODEL_FILE_GROUP, "identity", &identity));
    LS_TRY_CLEANUP(ls_split_identity(task->train, &now));
    line = strstr(identity, key);
    if (!line || strncmp(line + strlen(key), now.data, now.length) != 0)
        st = ls_fail(LS_ERR_MISMATCH, "the training data has changed since");
cleanup:
    ls_h5_close(file);
    ls_text_reset(&now);
    ls_free(identity);
    return st;
}

/*
 * The gradient of the first batch of the first epoch at the final weights, in the layout of the flat buffer; ls_free.
 */
static ls_status compute_gradient(const ls_run *run, const char *model_file, float **out)
{
    const ls_trainer_options options = {0};
    ls_comm *self = NULL;
    ls_task *task = NULL;
    ls_trainer *trainer = NULL;
    bool stop = false;
    double loss;
    ls_status st;

    LS_TRY(ls_comm_alone(&self));
    LS_TRY_CLEANUP(ls_task_create(self, run->experiment, &task));
    LS_TRY_CLEANUP(check_data(model_file, task));
    LS_TRY_CLEANUP(ls_trainer_create(task, &options, &trainer));
    LS_TRY_CLEANUP(ls_model_file_weights(model_file, task->model));
    if (!(*out = ls_calloc(task->model->size, sizeof **out, "the gradient"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    ls_trainer_begin_epoch(trainer);
    LS_TRY_CLEANUP(ls_trainer_update(trainer, &stop, &loss));
    LS_TRY_CLEANUP(ls_trainer_gradient(trainer, *out));
cleanup:
    ls_trainer_free(trainer);
    ls_task_free(task);
    ls_comm_free(self);
    return st;
}

static ls_status draw_gradient(ls_document *d, const ls_run *run, const ls_model *model, const char *model_file)
{
    float *gradient = NULL;
    ls_status st = compute_gradient(run, model_file, &gradient);

    ls_document_heading(d, "Gradients");
    if (st != LS_OK) {
        ls_document_say(d, "No histograms of gradients, for they could not be computed: %s.", ls_error_message());
        st = LS_OK;
    } else {
        ls_document_say(
            d, "The gradient of the loss at the final weights, over the first batch of the first epoch, as in "
               "training (dropout and batch statistics on), without penalties and clipping. Most elements near 0 "
               "are what a trained model looks like; a layer where all are 0 learns nothing.");
        st = draw_model(d, model, gradient, "gradients");
    }
    ls_free(gradient);
    return st;
}

static ls_status draw_weights(ls_document *d, const ls_run *run, const ls_model *model, const char *path)
{
    ls_document_heading(d, "Weights");
    ls_document_say(d, "How the weights of each layer are distributed at the end. The axis of shares is logarithmic.");
    LS_TRY(draw_model(d, model, model->weights, "weights"));
    return draw_gradient(d, run, model, path);
}

ls_status ls_weights_draw(ls_document *d, const ls_run *run)
{
    const char *const name = ls_report_has(run->directory, LS_RUN_MODEL) ? LS_RUN_MODEL : LS_RUN_CHECKPOINT;
    char *path = ls_path_join(run->directory, name);
    ls_model *model = NULL;
    ls_status st;

    if (!path)
        return LS_ERR_MEMORY;
    if (!ls_file_exists(path)) {
        ls_document_say(d, "No histograms of weights: there is neither model.h5 nor checkpoint.h5.");
        ls_free(path);
        return LS_OK;
    }
    LS_TRY_CLEANUP(ls_task_model(run->experiment, &model));
    LS_TRY_CLEANUP(ls_model_file_weights(path, model));
    st = draw_weights(d, run, model, path);
cleanup:
    ls_model_free(model);
    ls_free(path);
    return st;
}
