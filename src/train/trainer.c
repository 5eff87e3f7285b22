#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/profile.h"
#include "train/evaluate.h"

#define MICROBATCH_BITS ((UINT64_C(1) << 40) - 1) /* of a (node, microbatch) key */

void ls_training_state_reset(ls_training_state *state)
{
    ls_updater_free(state->updater);
    ls_gradients_free(state->gradients);
    ls_history_free(state->history);
    *state = (ls_training_state){0};
}

/* Only a trainer that was complete gives back: one that failed to be made has left everything where it was. */
static void give_back(ls_trainer *t)
{
    ls_training_state *state = t->state;

    ls_training_state_reset(state);
    *state = (ls_training_state){
        .updater = t->updater, .gradients = t->gradients, .history = t->history, .update = t->update};
    t->updater = NULL;
    t->gradients = NULL;
    t->history = NULL;
    state->gradients->fault = NULL; /* this and the noise scale are the trainer's and go with it */
    ls_gradients_measure(state->gradients, NULL, NULL);
}

void ls_trainer_free(ls_trainer *t)
{
    if (!t)
        return;
    if (t->gradients)
        ls_gradients_return_weights(t->gradients, t->model);
    if (t->state)
        give_back(t);
    ls_engine_free(t->engine);
    ls_gradients_free(t->gradients);
    ls_updater_free(t->updater);
    ls_scores_free(t->scores);
    ls_permutation_free(t->order);
    ls_exact_sums_reset(&t->sums);
    ls_history_free(t->history);
    ls_noise_scale_free(t->noise);
    ls_trace_free(t->trace);
    ls_free(t->order_hash);
    ls_free(t->loss_sums);
    ls_free(t->activity);
    ls_free(t->binary_labels);
    ls_free(t);
}

/* Uses of the weights that are used most often in one pass: each adds one contribution per microbatch. */
static size_t most_uses(const ls_model *model)
{
    size_t most = 1;

    for (size_t i = 0; i < model->nodes; i++)
        if (model->node[i].use + 1 > most)
            most = model->node[i].use + 1;
    return most;
}

static size_t widest_sums(const ls_model *model)
{
    size_t widest = 0;

    for (size_t i = 0; i < model->layers; i++) {
        const ls_layer *layer = model->layer[i];
        const size_t width = layer->ops->sum_width ? layer->ops->sum_width(layer) : 0;

        if (width > widest)
            widest = width;
    }
    for (size_t k = 0; k < model->outputs && widest == 0; k++)
        widest = model->node[model->output[k]].masked_at_run; /* how many positions count */
    return widest;
}

static bool seed_is_faulty(const ls_fault *fault, const ls_comm *comm)
{
    return fault && fault->kind == LS_FAULT_SEED && fault->ranks == comm->size && fault->rank == comm->rank;
}

/* What the noise scale cannot be measured from. */
static ls_status create_noise_scale(ls_trainer *t, size_t microbatches)
{
    const ls_fit_options *fit = &t->experiment->fit;
    const ls_config *at = ls_config_get(ls_config_get(t->experiment->root, "fit"), "noise_scale");

    if (fit->noise_scale_decay == 0)
        return LS_OK;
    if (fit->microbatch >= fit->batch_size)
        return ls_config_fail(at,
                              "fit.noise_scale compares microbatches with the batch, but a batch of %lld is a single "
                              "microbatch; set a smaller fit.microbatch",
                              (long long)fit->batch_size);
    if (most_uses(t->model) > 1)
        return ls_config_fail(at, "fit.noise_scale is not defined for models that share layers between nodes: the "
                                  "gradient of a microbatch arrives in parts");
    return ls_noise_scale_create(fit->noise_scale_decay, microbatches, &t->noise);
}

static ls_status create(ls_trainer *t, const ls_trainer_options *options)
{
    const ls_fit_options *fit = &t->experiment->fit;
    const ls_task *task = t->task;
    const uint64_t batch = (uint64_t)fit->batch_size, microbatch = (uint64_t)fit->microbatch;
    const uint64_t validation = (uint64_t)fit->validation_batch_size;
    const uint64_t widest = validation > batch ? validation : batch;
    const uint64_t rows = ls_slice_rows_max(batch, microbatch, t->comm->size);
    const uint64_t least = microbatch < widest ? microbatch : widest; /* validation needs room for a microbatch */
    const ls_engine_size size = {.rows = (size_t)(rows > least ? rows : least),
                                 .microbatch = (size_t)microbatch,
                                 .wave = options->wave,
                                 .training = true};
    const size_t most = (size_t)ls_batches(batch, microbatch), outputs = t->model->outputs;

    t->epoch = (uint64_t)fit->initial_epoch;
    t->plan = ls_epoch_plan_of(fit, task->train->samples, t->epoch);
    t->needs_label_check = ls_needs_binary_check(task);
    for (size_t p = 0; p < t->model->trainable_params; p++)
        t->penalized |= t->model->param[p]->regularizer.ops != NULL;
    LS_TRY(ls_engine_create(t->model, task->objective, &size, &t->engine));
    LS_TRY(ls_task_plan_weights(task, task->train, t->engine));
    LS_TRY(ls_task_plan_weights(task, task->validation, t->engine));
    LS_TRY(ls_task_plan_weights(task, task->test, t->engine));
    if (!options->state)
        LS_TRY(ls_updater_create(&t->experiment->optimizer, t->model, &t->updater));
    LS_TRY(ls_scores_create(t->comm, t->model, task->outputs, task->objective, &t->scores));
    LS_TRY(ls_exact_sums_init(&t->sums, t->comm, widest_sums(t->model)));
    LS_TRY(ls_history_create(&t->history));
    LS_TRY(create_noise_scale(t, most));
    if (fit->shuffle) {
        const uint64_t seed = t->experiment->seed + seed_is_faulty(options->fault, t->comm);
        const ls_split *train = task->train;

        LS_TRY(train->windows.window ? ls_permutation_create_windowed(train->samples, &train->windows, seed, &t->order)
                                     : ls_permutation_create(train->samples, seed, &t->order));
    }
    t->loss_sums = ls_calloc(most * outputs, sizeof *t->loss_sums, "the losses of a batch");
    t->activity = ls_calloc(most, sizeof *t->activity, "the losses of a batch");
    t->order_hash = ls_calloc(most, sizeof *t->order_hash, "the trace");
    t->binary_labels = ls_calloc(outputs, sizeof *t->binary_labels, "the losses of a batch");
    if (!t->loss_sums || !t->activity || !t->order_hash || !t->binary_labels)
        return LS_ERR_MEMORY;
    if (options->trace)
        LS_TRY(ls_trace_create(t->comm, t->model, most, options->trace, &t->trace));
    if (options->state)
        return LS_OK;
    LS_TRY(ls_task_init_weights(t->experiment, t->model));
    return t->experiment->initial_optimizer ? ls_updater_load(t->updater, t->experiment->initial_weights) : LS_OK;
}

/* Nothing here can fail: the exponents of a model have one size. */
static void take_over(ls_trainer *t, ls_training_state *state)
{
    t->state = state;
    t->updater = state->updater;
    t->update = state->update;
    ls_exponents_copy(&t->gradients->exponents, &state->gradients->exponents);
    state->updater = NULL;
}

/* Contributions to a weight in one step, at most. */
static uint64_t most_contributions(const ls_fit_options *fit, const ls_model *model)
{
    return ls_batches((uint64_t)fit->batch_size, (uint64_t)fit->microbatch) * most_uses(model);
}

ls_status ls_training_state_create(const ls_comm *comm, const ls_experiment *experiment, ls_model *model,
                                   ls_training_state *state)
{
    ls_status st = ls_agree(comm, ls_updater_create(&experiment->optimizer, model, &state->updater));

    if (st == LS_OK)
        st = ls_agree(comm, ls_gradients_create(comm, model, &experiment->distributed,
                                                most_contributions(&experiment->fit, model), 0, 0, &state->gradients));
    if (st != LS_OK)
        ls_training_state_reset(state);
    return st;
}

ls_status ls_trainer_create(const ls_task *task, const ls_trainer_options *options, ls_trainer **out)
{
    ls_trainer *t = ls_calloc(1, sizeof *t, "the trainer");
    const ls_fit_options *fit = &task->experiment->fit;
    const size_t microbatches = (size_t)ls_batches((uint64_t)fit->batch_size, (uint64_t)fit->microbatch);
    const ls_wide *sums;
    ls_engine_company company;
    ls_status st = LS_ERR_MEMORY;

    *out = NULL;
    if (t) {
        t->comm = task->comm;
        t->experiment = task->experiment;
        t->task = task;
        t->model = task->model;
        t->watchdog = options->watchdog;
        t->stop = options->stop;
        st = create(t, options);
    }
    st = ls_agree(task->comm, st);
    if (st == LS_OK)
        st = ls_agree(task->comm,
                      ls_gradients_create(t->comm, t->model, &t->experiment->distributed,
                                          most_contributions(fit, t->model), options->trace ? microbatches : 0,
                                          ls_scores_sums(t->scores, &sums), &t->gradients));
    if (st == LS_OK) {
        char fingerprint[33];

        /* Each rank updates its own shard of its own copy: copies that differ would become a patchwork. */
        ls_model_fingerprint(t->model, fingerprint);
        st = ls_comm_same(t->comm, "the initial weights", fingerprint);
    }
    if (st == LS_OK && !options->own_weights)
        st = ls_gradients_share_weights(t->gradients, t->model);
    if (st != LS_OK) {
        ls_trainer_free(t);
        return st;
    }
    t->gradients->fault = options->fault;
    company = ls_gradients_company(t->gradients);
    ls_engine_keep_company(t->engine, &company);
    if (options->state)
        take_over(t, options->state);
    *out = t;
    return LS_OK;
}

void ls_trainer_begin_epoch(ls_trainer *t)
{
    t->plan = ls_epoch_plan_of(&t->experiment->fit, t->task->train->samples, t->epoch);
    if (t->order)
        ls_permutation_set_epoch(t->order, t->plan.pass);
    if (t->batch == 0)
        ls_scores_begin_epoch(t->scores);
}

/* Not collective: this rank's outputs that a loss takes the logarithm of, which is NaN of a negative one. */
static ls_status check_logarithms(const ls_trainer *t, const ls_slice *slice, const char *step)
{
    for (size_t k = 0; k < t->model->outputs; k++) {
        const ls_node *node = &t->model->node[t->model->output[k]];
        const ls_loss_ops *loss = (const ls_loss_ops *)t->task->outputs[k].loss.ops;
        const size_t n = slice->rows * ls_shape_size(&node->shape);
        const float *Y = ls_engine_output(t->engine, k);

        for (size_t i = 0; loss && loss->logs_prediction && i < n; i++)
            if (Y[i] < 0)
                return ls_fail(LS_ERR_NUMERIC,
                               "%s: %s takes the logarithm of a negative prediction, %.9g, of the output '%s'; let its "
                               "layer end with an activation that is never negative: exponential, softplus or relu",
                               step, loss->ops.name, (double)Y[i], node->name);
    }
    return LS_OK;
}

/* ---- the waves of a batch ---- */

static void load_wave(void *trainer, const ls_slice *wave)
{
    ls_trainer *t = trainer;

    ls_watchdog_beat(t->watchdog, "computing the forward pass");
    ls_profile_begin(LS_PHASE_LOAD, NULL);
    ls_split_load(t->task->train, t->order, wave, t->engine, t->task->objective);
    ls_profile_end();
}

static void score_wave(void *trainer, const ls_slice *wave, const double *loss_sums, const double *activity)
{
    ls_trainer *t = trainer;

    for (size_t m = 0; m < wave->count; m++)
        ls_scores_add(t->scores, t->engine, wave, m, loss_sums + m * t->model->outputs, activity[m], t->binary_labels);
    ls_watchdog_beat(t->watchdog, "computing gradients and reducing them (reduce-scatter)");
}

static ls_pass pass_of(ls_trainer *t, const ls_batch_sums *sums, const ls_gradient_sink *sink)
{
    return (ls_pass){.seed = t->experiment->seed,
                     .update = t->update,
                     .sums = sums,
                     .sink = sink,
                     .binary_labels = t->binary_labels,
                     .loss_sums = t->loss_sums,
                     .activity = t->activity,
                     .stop = t->stop,
                     .context = t,
                     .load = load_wave,
                     .scored = score_wave};
}

/* ---- what is not finite ---- */

/* What is looked for in the waves of a batch. */
typedef struct search {
    ls_trainer *t;
    enum { FIRST_NODE, TABLE_ROWS, LOGARITHMS } kind;
    uint64_t first; /* FIRST_NODE: node and microbatch; UINT64_MAX: none so far */
    ls_status found;
    const char *step; /* for the message */
} search;

static void look(void *context, const ls_slice *wave, bool last)
{
    search *s = context;
    size_t microbatch = 0, node;

    if (s->kind == FIRST_NODE && (node = ls_engine_first_nonfinite(s->t->engine, wave, &microbatch)) != SIZE_MAX) {
        const uint64_t here = (uint64_t)node << 40 | (wave->first + microbatch);

        s->first = here < s->first ? here : s->first;
    }
    if (s->kind == TABLE_ROWS && s->found == LS_OK)
        s->found = ls_engine_check_rows(s->t->engine, wave);
    if (s->kind == LOGARITHMS && last && s->found == LS_OK)
        s->found = check_logarithms(s->t, wave, s->step);
}

/* Collective: the status that the search found on any rank. */
static ls_status search_waves(search *s, const ls_slice *slice)
{
    ls_trainer *t = s->t;
    const ls_batch_sums sums = ls_exact_sums_interface(&t->sums);
    const ls_pass pass = pass_of(t, &sums, NULL);

    LS_TRY(ls_engine_replay(t->engine, slice, &pass, look, s));
    return ls_agree(t->comm, s->found);
}

/* Collective. LS_ERR_NUMERIC naming the layer, parameter or loss that is not finite, and the step. */
static ls_status fail_nonfinite(ls_trainer *t, const ls_slice *slice, const ls_param *param)
{
    const uint64_t none = INT64_MAX; /* MPICH compares unsigned numbers as signed ones */
    char name[LS_PARAM_NAME_BYTES], step[96];
    search node = {t, FIRST_NODE, none, LS_OK, step}, rows = {t, TABLE_ROWS, none, LS_OK, step};
    search logs = {t, LOGARITHMS, none, LS_OK, step};
    uint64_t first;

    LS_TRY(search_waves(&node, slice));
    /* The earliest node wins, then the earliest microbatch: the same answer on any number of ranks. */
    first = node.first;
    if (t->comm->size > 1)
        LS_TRY(ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT64_T, MPI_MIN, t->comm->mpi),
                            "finding the layer that is not finite"));
    snprintf(step, sizeof step, "epoch %" PRIu64 ", batch %" PRIu64 ", update %" PRIu64, t->epoch + 1, t->batch + 1,
             t->update + 1);
    if (first != none && first >> 40 < t->model->inputs)
        return ls_fail(LS_ERR_DATA, "%s: the input '%s' holds a NaN or an infinity (microbatch %" PRIu64 ")", step,
                       t->model->node[first >> 40].name, first & MICROBATCH_BITS);
    if (first != none)
        LS_TRY(search_waves(&rows, slice));
    if (first != none)
        return ls_fail(LS_ERR_NUMERIC,
                       "%s: layer '%s' gave a NaN or an infinity (microbatch %" PRIu64 "); lower the learning rate, "
                       "clip gradients or scale the inputs",
                       step, t->model->node[first >> 40].name, first & MICROBATCH_BITS);
    if (param)
        return ls_fail(LS_ERR_NUMERIC,
                       "%s: the gradient of layer '%s' (%s) is a NaN or an infinity; lower the learning rate or clip "
                       "gradients",
                       step, ls_model_param_layer(t->model, param)->name, ls_model_param_name(t->model, param, name));
    LS_TRY(search_waves(&logs, slice));
    return ls_fail(LS_ERR_NUMERIC, "%s: the loss is a NaN or an infinity; lower the learning rate", step);
}

/* Forward, losses and backward of the local microbatches, with all that is collective in them. */
static ls_status compute(ls_trainer *t, const ls_slice *slice, bool *stop)
{
    const ls_batch_sums sums = ls_exact_sums_interface(&t->sums);
    const ls_gradient_sink sink = ls_gradients_sink(t->gradients);
    const ls_pass pass = pass_of(t, &sums, &sink);

    ls_gradients_begin(t->gradients, t->update, slice->first);
    if (t->noise)
        ls_noise_scale_begin(t->noise, t->gradients, slice);
    ls_scores_begin_batch(t->scores);
    return ls_engine_train(t->engine, slice, &pass, stop);
}

/* Collective: the end of the reductions, with the loss in the same message. */
static ls_status agree(ls_trainer *t, bool *stop, ls_verdict *verdict)
{
    ls_wide *const totals = ls_gradients_sums(t->gradients);
    const ls_wide *sums;
    const size_t n = ls_scores_sums(t->scores, &sums);

    memcpy(totals, sums, n * sizeof *totals);
    LS_TRY(ls_gradients_agree(t->gradients, stop, verdict));
    ls_scores_take(t->scores, totals);
    return LS_OK;
}

static ls_status record(ls_trainer *t, const ls_slice *slice)
{
    if (!t->trace)
        return LS_OK;
    for (uint64_t m = 0; m < slice->count; m++)
        t->order_hash[m] = ls_split_order_hash(t->task->train, t->order, slice->begin + ls_microbatch_row(slice, m),
                                               ls_microbatch_rows(slice, m));
    return ls_trace_record(t->trace, t->update, t->epoch, t->batch, slice, t->order_hash,
                           t->gradients->contribution_hash);
}

/* What this rank has of a batch of the epoch, from 0. */
static ls_slice slice_of(const ls_trainer *t, uint64_t batch)
{
    const ls_fit_options *fit = &t->experiment->fit;

    return ls_slice_of(t->task->train->samples, (uint64_t)fit->batch_size, (uint64_t)fit->microbatch,
                       t->plan.first + batch, t->comm->rank, t->comm->size);
}

/* Returns when the samples of the next batch are there. */
static ls_status advance(const ls_trainer *t, const ls_slice *slice)
{
    ls_status st;

    ls_profile_begin(LS_PHASE_LOAD, "waiting for the file");
    st =
        ls_split_advance(t->task->train, t->order, (t->plan.first + t->batch) * (uint64_t)t->experiment->fit.batch_size,
                         slice->batch_rows, t->watchdog);
    ls_profile_end();
    return st;
}

ls_status ls_trainer_update(ls_trainer *t, bool *stop, double *loss)
{
    const ls_slice slice = slice_of(t, t->batch);
    double penalty;
    ls_verdict verdict = LS_VERDICT_REDO;

    ls_watchdog_update(t->watchdog, t->update);
    /* Before gradients are shared: then other ranks may go on to the update, of weights that are everybody's. */
    if (t->penalized)
        LS_TRY(ls_gradients_arrive(t->gradients));
    penalty = ls_model_penalty(t->model);
    LS_TRY(advance(t, &slice));
    if (t->needs_label_check)
        LS_TRY(ls_check_binary_labels(t->task, t->task->train, t->order, &slice, t->engine, t->binary_labels));
    for (int attempt = 0; verdict == LS_VERDICT_REDO; attempt++) {
        /* The second attempt sums the same contributions on grids that were raised for them: it must fit. */
        if (attempt == 2)
            return ls_fail(LS_ERR_INTERNAL, "update %" PRIu64 ": the exact grid does not hold after it was raised",
                           t->update + 1);
        t->redone += attempt > 0;
        LS_TRY(compute(t, &slice, stop));
        ls_watchdog_beat(t->watchdog, "reducing gradients, agreeing on exponents and loss");
        LS_TRY(agree(t, stop, &verdict));
    }
    if (verdict == LS_VERDICT_STOP)
        return LS_OK;
    *loss = ls_scores_batch_loss(t->scores, slice.batch_rows, 0);
    if (verdict == LS_VERDICT_NONFINITE)
        return fail_nonfinite(t, &slice, ls_gradients_nonfinite(t->gradients));
    if (!isfinite(*loss))
        return fail_nonfinite(t, &slice, NULL);
    if (t->noise)
        LS_TRY(ls_noise_scale_end(t->noise, t->gradients, &slice));
    *loss = ls_scores_commit(t->scores, slice.batch_rows, penalty);
    ls_engine_commit(t->engine, &slice);
    ls_watchdog_beat(t->watchdog, "updating and sharing the weights (all-gather)");
    LS_TRY(ls_updater_step(t->updater, t->gradients, slice.batch_rows));
    if (!t->overlaps || t->trace || t->batch + 1 == t->plan.batches)
        LS_TRY(ls_gradients_arrive(t->gradients));
    LS_TRY(record(t, &slice));
    t->update++;
    t->batch++;
    t->begun = false;
    return LS_OK;
}

ls_status ls_trainer_gradient(const ls_trainer *t, float *gradient)
{
    const ls_gradients *g = t->gradients;
    const ls_slice slice = slice_of(t, t->batch - 1);

    LS_FOR_OWN_BLOCKS (g, b)
        ls_gradients_finish(g, b, (double)slice.batch_rows, gradient + b * LS_BLOCK);
    ls_watchdog_beat(t->watchdog, "gathering a gradient");
    /* Nobody begins the next step before all have read their sums. */
    return ls_agree(t->comm, ls_gradients_gather(g, gradient));
}

ls_status ls_trainer_evaluate(ls_trainer *t, const ls_split *split, ls_scores *scores)
{
    const ls_fit_options *fit = &t->experiment->fit;

    return ls_evaluate(t->task, t->engine, split, (uint64_t)fit->validation_batch_size, (uint64_t)fit->microbatch,
                       fit->validation_steps ? (uint64_t)fit->validation_steps : UINT64_MAX, t->watchdog, scores);
}

void ls_trainer_restore(ls_trainer *t, const float *weights)
{
    const ls_model *model = t->model;
    const size_t first = ls_gradients_part(t->gradients, NULL) == 0 ? 0 : model->trainable_size;

    ls_gradients_meet(t->gradients);
    memcpy(model->weights + first, weights + first, (model->size - first) * sizeof *weights);
    ls_gradients_meet(t->gradients);
}
