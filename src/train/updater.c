#include "train/updater.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/profile.h"
#include "comm/wait.h"
#include "experiment/model_file.h"
#include "nn/constraint.h"
#include "nn/regularizer.h"
#include "tensor/kernels.h"
#include "tensor/wide.h"

void ls_updater_free(ls_updater *u)
{
    if (!u)
        return;
    for (size_t s = 0; s < sizeof u->slot / sizeof u->slot[0]; s++)
        ls_free(u->slot[s].value);
    ls_free(u->norm);
    ls_free(u->scale);
    ls_free(u->direction);
    ls_free(u->trust);
    ls_free(u);
}

static ls_status add_slot(ls_updater *u, size_t s, const char *name, float initial)
{
    u->slot[s].name = name;
    if (!(u->slot[s].value = ls_calloc(u->model->trainable_size, sizeof(float), "the optimizer's state")))
        return LS_ERR_MEMORY;
    if (initial != 0)
        for (size_t p = 0; p < u->model->trainable_params; p++)
            for (size_t i = 0; i < u->model->param[p]->size; i++)
                u->slot[s].value[u->model->param[p]->offset + i] = initial;
    return LS_OK;
}

ls_status ls_updater_create(const ls_optimizer *optimizer, ls_model *model, ls_updater **out)
{
    ls_updater *u = ls_calloc(1, sizeof *u, "the optimizer");
    const ls_optimizer_ops *ops = ls_optimizer_ops_of(optimizer);
    const void *config = optimizer->own.config;
    unsigned slots;
    ls_status st = LS_OK;

    *out = NULL;
    if (!u)
        return LS_ERR_MEMORY;
    u->optimizer = optimizer;
    u->ops = ops;
    u->model = model;
    u->learning_rate = (float)optimizer->common.learning_rate;
    for (size_t i = 0; i < ops->scalars; i++)
        u->scalars[i] = ops->scalars_initial;
    slots = ops->slots(config);
    for (size_t s = 0; s < ops->slots_max; s++)
        if (slots >> s & 1u)
            LS_TRY_CLEANUP(add_slot(u, s, ops->slot_names[s], ops->slot_initial ? ops->slot_initial(config, s) : 0));
    if (optimizer->common.use_ema)
        LS_TRY_CLEANUP(add_slot(u, LS_SLOT_AVERAGE, "average", 0));
    if (optimizer->common.gradient_accumulation_steps > 1)
        LS_TRY_CLEANUP(add_slot(u, LS_SLOT_ACCUMULATOR, "gradient_accumulator", 0));
    u->average = u->slot[LS_SLOT_AVERAGE].value;
    u->accumulator = u->slot[LS_SLOT_ACCUMULATOR].value;
    u->norm = ls_calloc(model->trainable_params, 2 * sizeof *u->norm, "gradient norms");
    u->scale = ls_calloc(model->trainable_params, sizeof *u->scale, "gradient norms");
    u->trust = ls_calloc(model->trainable_params, sizeof *u->trust, "gradient norms");
    if (ops->direct)
        u->direction = ls_calloc(model->trainable_size, sizeof *u->direction, "the optimizer's directions");
    if (!u->norm || !u->scale || !u->trust || (ops->direct && !u->direction)) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    *out = u;
    u = NULL;
cleanup:
    ls_updater_free(u);
    return st;
}

ls_status ls_updater_load(ls_updater *u, const char *path)
{
    ls_optimizer_room room = {
        .iterations = &u->iterations, .average = u->average, .accumulator = u->accumulator, .scalars = u->scalars};

    for (size_t s = 0; s < LS_OPTIMIZER_SLOTS_MAX; s++)
        room.slot[s] = u->slot[s].value;
    return ls_model_file_optimizer(path, u->model, u->optimizer, &room);
}

float ls_updater_learning_rate(const ls_updater *u)
{
    const ls_component *schedule = &u->optimizer->common.learning_rate_schedule;

    if (!schedule->ops)
        return u->learning_rate;
    return (float)((const ls_schedule_ops *)schedule->ops)->rate(schedule->config, u->iterations);
}

/* One step in progress: what is the same for all blocks. */
typedef struct step {
    const ls_gradients *gradients;
    double divisor;     /* samples in the batch */
    int64_t accumulate; /* steps per update; 1: every step is one */
    uint64_t updates;   /* whole updates before this step: what the rule and the moving average count in */
    bool applies;       /* this step ends an accumulation */
    float h[8], lr;
    const float *scale; /* [trainable params] factor of the gradient from clipping by norm; NULL: none */
} step;

/* The gradient of one own block as the rule sees it, before clipping by norm: mean, penalties, accumulation. */
static void gradient_of(const ls_updater *u, const step *now, size_t block, float g[LS_BLOCK])
{
    const size_t first = block * LS_BLOCK;
    const ls_param *param = u->model->param[now->gradients->param_of[block]];
    double l1, l2;

    ls_gradients_finish(now->gradients, block, now->divisor, g);
    ls_regularizer_factors(&param->regularizer, &l1, &l2);
    if (l1 != 0 || l2 != 0)
        ls_penalty_gradient(l1, l2, u->model->weights + first, g, LS_BLOCK);
    if (u->accumulator && now->applies) {
        const float k = (float)now->accumulate;

        for (size_t i = 0; i < LS_BLOCK; i++)
            g[i] = (u->accumulator[first + i] + g[i]) / k;
    }
}

/* The rule's slots at a block. */
static void slots_at(const ls_updater *u, size_t block, float *slot[LS_OPTIMIZER_SLOTS_MAX])
{
    for (size_t s = 0; s < LS_OPTIMIZER_SLOTS_MAX; s++)
        slot[s] = u->slot[s].value ? u->slot[s].value + block * LS_BLOCK : NULL;
}

/* What comes before the rule: accumulation, clipping, decay. If the step applies, the rule gets g. */
static void prepare_block(ls_updater *u, const step *now, size_t block, float g[LS_BLOCK])
{
    const ls_optimizer_common *common = &u->optimizer->common;
    const size_t first = block * LS_BLOCK;
    float *w = u->model->weights + first;

    gradient_of(u, now, block, g);
    if (u->accumulator) {
        if (now->applies)
            memset(u->accumulator + first, 0, LS_BLOCK * sizeof *g);
        else
            ls_add(g, u->accumulator + first, LS_BLOCK);
    }
    if (!now->applies)
        return;
    if (u->ops->first_slot_starts_from_weights && now->updates == 0)
        memcpy(u->slot[0].value + first, w, LS_BLOCK * sizeof *w);
    if (now->scale)
        ls_scale(g, now->scale[now->gradients->param_of[block]], LS_BLOCK);
    if (!isnan(common->clipvalue)) {
        const float v = (float)common->clipvalue;

        for (size_t i = 0; i < LS_BLOCK; i++)
            g[i] = g[i] > v ? v : g[i] < -v ? -v : g[i];
    }
    if (!isnan(common->weight_decay)) {
        const float decay = (float)common->weight_decay;

        for (size_t i = 0; i < LS_BLOCK; i++)
            w[i] -= w[i] * decay * now->lr;
    }
}

static void update_block(ls_updater *u, const step *now, size_t block)
{
    const ls_optimizer_common *common = &u->optimizer->common;
    const size_t first = block * LS_BLOCK;
    float g[LS_BLOCK], h[8], *w = u->model->weights + first, *slot[LS_OPTIMIZER_SLOTS_MAX];
    const bool directed = u->direction && now->applies; /* all is prepared, and u is there */

    if (!directed)
        prepare_block(u, now, block, g);
    if (now->applies) {
        memcpy(h, now->h, sizeof h);
        if (directed)
            h[LS_OPTIMIZER_TRUST] = u->trust[now->gradients->param_of[block]];
        slots_at(u, block, slot);
        u->ops->update(u->optimizer->own.config, h, w, directed ? u->direction + first : g, slot, LS_BLOCK);
    }
    if (u->average) {
        /*
         * Keras moves the average at every step, but counts in updates for what is first and how often it overwrites.
         */
        const float m = now->updates == 0 ? 0 : (float)common->ema_momentum, rest = 1 - m;
        float *average = u->average + first;

        for (size_t i = 0; i < LS_BLOCK; i++)
            average[i] = m * average[i] + rest * w[i];
        if (common->ema_overwrite_frequency > 0 && (now->updates + 1) % (uint64_t)common->ema_overwrite_frequency == 0)
            memcpy(w, average, LS_BLOCK * sizeof *w);
    }
}

/* Collective. Adds up n squared norms over ranks. */
static ls_status add_norms(const ls_gradients *gradients, ls_wide *norm, size_t n)
{
    int code;

    if (gradients->comm->size == 1)
        return LS_OK;
    ls_wait_begin("for gradient norms");
    code = MPI_Allreduce(MPI_IN_PLACE, norm, (int)(n * LS_WIDE_WORDS), MPI_INT64_T, MPI_SUM, gradients->comm->mpi);
    ls_wait_end();
    return ls_mpi_check(code, "adding up gradient norms");
}

/* Collective. Squared norms of all gradients, exact over blocks and ranks; then the factors that clip them. */
static ls_status clip_factors(ls_updater *u, step *now)
{
    const ls_optimizer_common *common = &u->optimizer->common;
    const ls_gradients *gradients = now->gradients;
    const size_t n = u->model->trainable_params;
    const bool global = !isnan(common->global_clipnorm);
    float g[LS_BLOCK];
    ls_wide all;

    ls_wide_clear(u->norm, n);
    LS_FOR_OWN_BLOCKS (gradients, b) {
        gradient_of(u, now, b, g);
        ls_wide_add(&u->norm[gradients->param_of[b]], ls_sum_squares(g, LS_BLOCK));
    }
    LS_TRY(add_norms(gradients, u->norm, n));
    ls_wide_clear(&all, 1);
    for (size_t p = 0; p < n; p++)
        ls_wide_add_wide(&all, &u->norm[p]);
    for (size_t p = 0; p < n; p++) {
        const double c = global ? common->global_clipnorm : common->clipnorm;
        const double norm = sqrt(ls_wide_value(global ? &all : &u->norm[p]));

        u->scale[p] = norm > c ? (float)(c / norm) : 1.0f;
    }
    now->scale = u->scale;
    return LS_OK;
}

/* Collective. The rule's directions, and from their norms and those of the weights its factors. */
static ls_status trust_factors(ls_updater *u, const step *now)
{
    const ls_gradients *gradients = now->gradients;
    const size_t n = u->model->trainable_params;

    ls_wide_clear(u->norm, 2 * n);
    LS_FOR_OWN_BLOCKS (gradients, b) {
        const size_t param = gradients->param_of[b];
        float g[LS_BLOCK], *direction = u->direction + b * LS_BLOCK, *slot[LS_OPTIMIZER_SLOTS_MAX];

        prepare_block(u, now, b, g);
        slots_at(u, b, slot);
        u->ops->direct(u->optimizer->own.config, now->h, g, slot, direction, LS_BLOCK);
        ls_wide_add(&u->norm[param], ls_sum_squares(direction, LS_BLOCK));
        ls_wide_add(&u->norm[n + param], ls_sum_squares(u->model->weights + b * LS_BLOCK, LS_BLOCK));
    }
    LS_TRY(add_norms(gradients, u->norm, 2 * n));
    for (size_t p = 0; p < n; p++)
        u->trust[p] = (float)u->ops->trust(u->optimizer->own.config, sqrt(ls_wide_value(&u->norm[n + p])),
                                           sqrt(ls_wide_value(&u->norm[p])));
    return LS_OK;
}

/* Collective. Of one copy of the weights, each rank constrains some parameters. */
static ls_status constrain(const ls_model *model, ls_gradients *gradients)
{
    int parts;
    const int part = ls_gradients_part(gradients, &parts);
    bool any = false;

    for (size_t p = 0; p < model->trainable_params; p++)
        any |= model->param[p]->constraint.ops != NULL;
    if (any)
        LS_TRY(ls_gradients_arrive(gradients));
    for (size_t p = 0; p < model->trainable_params; p++) {
        const ls_component *constraint = &model->param[p]->constraint;

        if (constraint->ops && p % (size_t)parts == (size_t)part)
            ((const ls_constraint_ops *)constraint->ops)
                ->apply(constraint->config, &model->param[p]->shape, model->param[p]->value);
    }
    if (any)
        ls_gradients_meet(gradients);
    return LS_OK;
}

static ls_status take_step(ls_updater *u, ls_gradients *gradients, uint64_t batch_size)
{
    const ls_optimizer_common *common = &u->optimizer->common;
    step now = {.gradients = gradients, .divisor = (double)batch_size};

    now.accumulate = common->gradient_accumulation_steps;
    now.updates = u->iterations / (uint64_t)now.accumulate;
    now.applies = (u->iterations + 1) % (uint64_t)now.accumulate == 0;
    now.lr = ls_updater_learning_rate(u);
    if (now.applies) {
        u->ops->prepare(u->optimizer->own.config, now.updates + 1, now.lr, u->scalars, now.h);
        if (!isnan(common->clipnorm) || !isnan(common->global_clipnorm))
            LS_TRY(clip_factors(u, &now));
        if (u->ops->direct)
            LS_TRY(trust_factors(u, &now));
    }
    /* From the beginning of the buffer: the order in which the next forward pass will want the weights. */
    for (size_t i = gradients->buckets; i-- > 0;) {
        for (size_t b = gradients->bucket[i].own_begin; b < gradients->bucket[i].own_end; b++)
            update_block(u, &now, b);
        LS_TRY(ls_gradients_give(gradients, i, u->model->weights));
    }
    ls_gradients_release(gradients);
    LS_TRY(constrain(u->model, gradients));
    u->iterations++;
    return LS_OK;
}

ls_status ls_updater_step(ls_updater *u, ls_gradients *gradients, uint64_t batch_size)
{
    ls_status st;

    ls_profile_begin(LS_PHASE_UPDATE, NULL);
    st = take_step(u, gradients, batch_size);
    ls_profile_end();
    return st;
}

ls_status ls_updater_finish(ls_updater *u, ls_gradients *gradients)
{
    if (!u->average || u->iterations == 0)
        return LS_OK;
    ls_gradients_meet(gradients);
    LS_FOR_OWN_BLOCKS (gradients, b)
        memcpy(u->model->weights + b * LS_BLOCK, u->average + b * LS_BLOCK, LS_BLOCK * sizeof(float));
    for (size_t i = gradients->buckets; i-- > 0;)
        LS_TRY(ls_gradients_give(gradients, i, u->model->weights));
    return ls_gradients_arrive(gradients);
}

ls_status ls_updater_gather(ls_updater *u, const ls_gradients *gradients)
{
    for (size_t s = 0; s < sizeof u->slot / sizeof u->slot[0]; s++)
        if (u->slot[s].value)
            LS_TRY(ls_gradients_gather(gradients, u->slot[s].value));
    return LS_OK;
}

ls_optimizer_state ls_updater_state(const ls_updater *u)
{
    ls_optimizer_state state = {
        .iterations = u->iterations, .average = u->average, .accumulator = u->accumulator, .scalars = u->scalars};

    for (size_t s = 0; s < LS_OPTIMIZER_SLOTS_MAX; s++)
        state.slot[s] = u->slot[s].value;
    return state;
}
