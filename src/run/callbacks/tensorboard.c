/*
 * Keras's TensorBoard: event files in DIRECTORY/train and DIRECTORY/validation, with Keras's tags. Steps count epochs
 * and batches from where training began, not from where a run was resumed:
 *
 *     tag                            in          step              when
 *     keras                          train       0                 write_graph: the model, at the start
 *     batch_LOG                      train       batches so far    update_freq; means over the epoch so far
 *     batch_steps_per_second         train       batches so far    the same, with write_steps_per_second
 *     epoch_LOG, epoch_learning_rate train       epoch             every epoch
 *     epoch_steps_per_second         train       epoch             write_steps_per_second
 *     evaluation_LOG_vs_iterations   validation  optimizer steps   every validation
 *     epoch_LOG (without val_)       validation  epoch             the same
 *     WEIGHT/histogram               train       epoch             every histogram_freq epochs, from the first
 *     WEIGHT/gradient/histogram      train       epoch             the same, with histogram_gradients (not Keras's)
 *
 * WEIGHT is Keras's path: "sequential/dense/kernel" in a Sequential model, "dense/kernel" in a graph.
 *
 * With update_freq other than epoch, Keras 3.15 on TensorFlow writes the lines of an epoch only if its last batch is
 * one to be written too; here they are always written.
 *
 * The gradient is that of the last batch of the epoch: the mean of the loss over its samples, without what penalties of
 * weights, accumulation and clipping do to it afterwards. Each rank has its shard of it; rank 0 gathers it. Checkpoints
 * do not hold it: an epoch whose last batch was done before a stop, so that the resumed run only ends it, has none.
 */
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "formats/event_writer.h"
#include "formats/json.h"
#include "formats/keras_config.h"
#include "run/callbacks/callbacks.h"

#define EVERY_EPOCH 0 /* as update_freq */

typedef struct tensorboard_config {
    const char *log_dir;
    int64_t histogram_freq; /* epochs; 0: never */
    int64_t update_freq;    /* batches; EVERY_EPOCH: none */
    bool write_graph, write_steps_per_second, histogram_gradients;
} tensorboard_config;

typedef struct tensorboard {
    const tensorboard_config *config;
    ls_event_writer *train, *validation; /* NULL where nothing is written: on other ranks, in a run without files */
    ls_text tag;
    float *gradient; /* [trainable_size] NULL: no histograms of gradients */
    bool has_begun;  /* a batch, in this process */
    uint64_t batch_update, epoch_iterations;
    double batch_begun_s, epoch_begun_s;
} tensorboard;

/* ---- arguments ---- */

/* An argument of Keras's that only its default, as YAML text, can be given to. */
static ls_status refuse(const ls_config *args, const char *key, const char *initial, const char *where, const char *why)
{
    const ls_config *node = ls_config_get(args, key);

    if (ls_config_is_null(node) || (node->kind == LS_CONFIG_SCALAR && strcmp(node->text, initial) == 0))
        return LS_OK;
    return ls_config_fail(node, "%s.%s: %s; leave it out", where, key, why);
}

static ls_status parse_update_freq(tensorboard_config *c, const ls_config *args, const char *where)
{
    const ls_config *freq = ls_config_get(args, "update_freq");
    const char *text = freq && freq->kind == LS_CONFIG_SCALAR ? freq->text : "";

    c->update_freq = strcmp(text, "batch") == 0 ? 1 : EVERY_EPOCH;
    if (freq && strcmp(text, "batch") != 0 && strcmp(text, "epoch") != 0 &&
        ls_config_int(freq, where, 1, 1000000000, &c->update_freq) != LS_OK)
        return ls_config_fail(freq, "%s.update_freq must be epoch, batch or a number of batches from 1", where);
    return LS_OK;
}

static ls_status parse(void *config, const ls_config *args, const char *where)
{
    tensorboard_config *const c = config;
    const ls_config *log_dir = ls_config_get(args, "log_dir");

    c->log_dir = "tensorboard";
    if (log_dir) {
        LS_TRY(ls_config_text(log_dir, where, &c->log_dir));
        if (!*c->log_dir)
            return ls_config_fail(log_dir, "%s.log_dir must name a directory", where);
        LS_TRY(ls_check_not_reserved(c->log_dir, log_dir));
    }
    LS_TRY(parse_update_freq(c, args, where));
    LS_TRY(refuse(args, "write_images", "false", where, "lockstep writes no images of weights"));
    LS_TRY(refuse(args, "profile_batch", "0", where, "lockstep has no profiler"));
    LS_TRY(refuse(args, "embeddings_freq", "0", where, "lockstep writes nothing for TensorBoard's projector"));
    LS_TRY(refuse(args, "embeddings_metadata", "null", where, "lockstep writes nothing for TensorBoard's projector"));
    if (c->histogram_gradients && c->histogram_freq == 0)
        return ls_config_fail(args, "%s: histogram_gradients needs a histogram_freq of 1 or more epochs", where);
    return LS_OK;
}

/* ---- the run ---- */

static ls_status open_tensorboard(void *context, ls_callback_run *run, const ls_config *at)
{
    tensorboard *const b = context;

    LS_TRY(ls_check_not_reserved_in(run, b->config->log_dir, at));
    if (b->config->histogram_gradients && run->directory &&
        !(b->gradient = ls_calloc(run->trainer->model->trainable_size, sizeof *b->gradient, "the gradient")))
        return LS_ERR_MEMORY;
    return LS_OK;
}

static void close_tensorboard(void *context)
{
    tensorboard *const b = context;

    ls_event_writer_free(b->train);
    ls_event_writer_free(b->validation);
    ls_text_reset(&b->tag);
    ls_free(b->gradient);
}

static ls_status create_writer(const char *directory, const char *name, bool resumed, ls_event_writer **out)
{
    char *path = ls_path_join(directory, name);
    const ls_status st = path ? ls_event_writer_create(path, resumed, out) : LS_ERR_MEMORY;

    ls_free(path);
    return st;
}

static ls_status create_writers(tensorboard *b, const ls_callback_run *run)
{
    char *directory = ls_callback_path(run, b->config->log_dir);
    ls_status st = directory ? LS_OK : LS_ERR_MEMORY;

    if (st == LS_OK)
        st = create_writer(directory, "train", run->resumed, &b->train);
    if (st == LS_OK)
        st = create_writer(directory, "validation", run->resumed, &b->validation);
    ls_free(directory);
    return st;
}

/* TensorBoard follows calls in the form of archives only. */
static ls_status write_graph(tensorboard *b, const ls_model *model)
{
    json_t *json = ls_keras_model_config(LS_KERAS_ARCHIVE, model);
    ls_text text = {0};
    const ls_status st = ls_json_write(json, &text);

    json_decref(json);
    if (st == LS_OK)
        ls_event_writer_keras_model(b->train, "keras", 0, text.data, text.length);
    ls_text_reset(&text);
    return st;
}

/* A tag, lent until the next one is made. */
static const char *make_tag(tensorboard *b, const char *before, const char *name, const char *after)
{
    b->tag.length = 0;
    ls_text_add(&b->tag, "%s%s%s", before, name, after);
    return b->tag.status == LS_OK ? b->tag.data : "";
}

/* Collective. What was collected goes to disk before a checkpoint can say that it was written. */
static ls_status flush(tensorboard *b, const ls_callback_run *run)
{
    ls_status st = b->tag.status;

    if (!run->directory)
        return LS_OK;
    if (b->train && st == LS_OK)
        st = ls_event_writer_flush(b->train);
    if (b->validation && st == LS_OK)
        st = ls_event_writer_flush(b->validation);
    return ls_agree(run->trainer->comm, st);
}

static void begin_clock(tensorboard *b, const ls_callback_run *run)
{
    b->epoch_iterations = run->trainer->updater->iterations;
    b->epoch_begun_s = ls_now_s();
}

static ls_status on_train_begin(void *context, ls_callback_run *run)
{
    tensorboard *const b = context;
    ls_status st = LS_OK;

    begin_clock(b, run); /* a run that was resumed within an epoch does not begin one */
    if (run->directory && run->trainer->comm->rank == 0) {
        st = create_writers(b, run);
        if (st == LS_OK && b->config->write_graph)
            st = write_graph(b, run->trainer->model);
    }
    LS_TRY(ls_agree(run->trainer->comm, st));
    return flush(b, run);
}

static ls_status on_epoch_begin(void *context, ls_callback_run *run, uint64_t epoch)
{
    (void)epoch;
    begin_clock(context, run);
    return LS_OK;
}

static ls_status on_train_batch_begin(void *context, ls_callback_run *run, uint64_t batch)
{
    tensorboard *const b = context;

    (void)batch;
    b->has_begun = true;
    b->batch_update = run->trainer->update;
    b->batch_begun_s = ls_now_s();
    return LS_OK;
}

static void write_rate(ls_event_writer *to, const char *tag, uint64_t step, uint64_t updates, double begun_s)
{
    const double seconds = ls_now_s() - begun_s;

    ls_event_writer_scalar(to, tag, step, seconds > 0 ? (float)((double)updates / seconds) : 0);
}

static ls_status on_train_batch_end(void *context, ls_callback_run *run, uint64_t batch, ls_logs *logs)
{
    tensorboard *const b = context;
    const uint64_t step = run->trainer->plan.before + batch + 1;

    if (b->config->update_freq == EVERY_EPOCH || step % (uint64_t)b->config->update_freq != 0)
        return LS_OK;
    if (b->train) {
        if (b->config->write_steps_per_second)
            write_rate(b->train, "batch_steps_per_second", step, 1, b->batch_begun_s);
        for (size_t i = 0; i < logs->n; i++)
            ls_event_writer_scalar(b->train, make_tag(b, "batch_", logs->log[i].name, ""), step,
                                   (float)logs->log[i].value);
    }
    return flush(b, run);
}

static ls_status on_test_end(void *context, ls_callback_run *run, ls_logs *logs)
{
    tensorboard *const b = context;

    for (size_t i = 0; b->validation && i < logs->n; i++)
        ls_event_writer_scalar(b->validation, make_tag(b, "evaluation_", logs->log[i].name, "_vs_iterations"),
                               run->trainer->updater->iterations, (float)logs->log[i].value);
    return LS_OK;
}

static void write_logs(tensorboard *b, const ls_callback_run *run, uint64_t epoch, const ls_logs *logs)
{
    for (size_t i = 0; i < logs->n; i++) {
        const char *name = logs->log[i].name;
        const bool validates = strncmp(name, "val_", 4) == 0;

        if (strcmp(name, LS_LOG_LEARNING_RATE) != 0) /* other callbacks log what it was: here it is what it is now */
            ls_event_writer_scalar(validates ? b->validation : b->train,
                                   make_tag(b, "epoch_", name + (validates ? 4 : 0), ""), epoch,
                                   (float)logs->log[i].value);
    }
    ls_event_writer_scalar(b->train, "epoch_" LS_LOG_LEARNING_RATE, epoch,
                           ls_updater_learning_rate(run->trainer->updater));
    if (b->config->write_steps_per_second)
        write_rate(b->train, "epoch_steps_per_second", epoch, run->trainer->updater->iterations - b->epoch_iterations,
                   b->epoch_begun_s);
}

/* ---- histograms ---- */

static void write_histogram(tensorboard *b, const ls_model *model, const ls_layer *layer, const ls_param *param,
                            const char *what, uint64_t epoch, const float *x)
{
    b->tag.length = 0;
    ls_text_add(&b->tag, "%s%s%s/%s/%s", model->sequential ? model->name : "", model->sequential ? "/" : "",
                layer->name, param->name, what);
    if (b->tag.status == LS_OK)
        ls_event_writer_histogram(b->train, b->tag.data, epoch, x, param->size);
}

static void write_weights(tensorboard *b, const ls_model *model, uint64_t epoch)
{
    for (size_t i = 0; i < model->layers; i++)
        for (size_t p = 0; p < model->layer[i]->params; p++)
            write_histogram(b, model, model->layer[i], &model->layer[i]->param[p], "histogram", epoch,
                            model->layer[i]->param[p].value);
}

/* Collective. A batch that terminate_on_nan let pass made no update and has no gradient. */
static ls_status write_gradient(tensorboard *b, ls_callback_run *run, uint64_t epoch)
{
    const ls_trainer *t = run->trainer;

    if (!b->gradient || !b->has_begun || t->update == b->batch_update)
        return LS_OK;
    LS_TRY(ls_trainer_gradient(t, b->gradient));
    for (size_t p = 0; b->train && p < t->model->trainable_params; p++) {
        const ls_param *param = t->model->param[p];

        write_histogram(b, t->model, ls_model_param_layer(t->model, param), param, "gradient/histogram", epoch,
                        b->gradient + param->offset);
    }
    return LS_OK;
}

static ls_status on_epoch_end(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    tensorboard *const b = context;
    const int64_t every = b->config->histogram_freq;

    if (b->train)
        write_logs(b, run, epoch, logs);
    if (every && epoch % (uint64_t)every == 0) {
        if (b->train)
            write_weights(b, run->trainer->model, epoch);
        LS_TRY(write_gradient(b, run, epoch));
    }
    return flush(b, run);
}

#define FIELD(field) offsetof(tensorboard_config, field)

static const ls_option options[] = {
    {.name = "histogram_freq", .kind = LS_OPTION_INT, .offset = FIELD(histogram_freq), .initial = "0", .max = 1e9},
    {.name = "write_graph", .kind = LS_OPTION_BOOL, .offset = FIELD(write_graph), .initial = "true"},
    {.name = "write_steps_per_second",
     .kind = LS_OPTION_BOOL,
     .offset = FIELD(write_steps_per_second),
     .initial = "false"},
    {.name = "histogram_gradients", .kind = LS_OPTION_BOOL, .offset = FIELD(histogram_gradients), .initial = "false"},
    {.name = NULL},
};

const ls_callback_ops ls_tensorboard = {
    .ops = {.name = "tensorboard",
            .keras_name = "TensorBoard",
            .options = options,
            .config_bytes = sizeof(tensorboard_config)},
    .texts = (const char *const[]){"log_dir", "update_freq", "write_images", "profile_batch", "embeddings_freq",
                                   "embeddings_metadata", NULL},
    .parse = parse,
    .context_bytes = sizeof(tensorboard),
    .open = open_tensorboard,
    .close = close_tensorboard,
    .hooks = {.on_train_begin = on_train_begin,
              .on_epoch_begin = on_epoch_begin,
              .on_train_batch_begin = on_train_batch_begin,
              .on_train_batch_end = on_train_batch_end,
              .on_test_end = on_test_end,
              .on_epoch_end = on_epoch_end},
};
