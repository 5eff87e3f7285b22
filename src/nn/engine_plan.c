/* The engine's buffers: how large they are, which of them hold all local rows, and how many rows a wave has. */
#include "nn/engine_impl.h"

#include <string.h>

#include "base/memory.h"
#include "nn/layers/layers.h"
#include "nn/regularizer.h"

/*
 * Floats of a wave, about, and its samples, at most. Fewer would not make the caches' work easier, since every wave
 * reads all weights again; more would only take memory.
 */
#define WAVE_FLOATS ((size_t)1 << 24)
#define WAVE_ROWS ((size_t)1024)

/* Zeroed memory for an engine; nothing more once something failed. */
static void *plan(size_t count, size_t size, bool *failed)
{
    void *block = *failed ? NULL : ls_calloc(count, size, "the buffers of the model");

    if (!block)
        *failed = true;
    return block;
}

/* Zeroed floats for all local rows, or for those of a wave. */
static float *plan_rows(const ls_engine *engine, bool all, size_t per_sample, bool *failed)
{
    size_t n = 0;

    if (!ls_size_mul(all ? engine->size.rows : engine->size.wave, per_sample, &n))
        *failed = true;
    return plan(n, sizeof(float), failed);
}

bool ls_layer_trains(const ls_layer *layer)
{
    if (!layer->trainable)
        return false;
    for (size_t p = 0; p < layer->params; p++)
        if (layer->param[p].trainable)
            return true;
    return false;
}

bool ls_node_has_rounds(const ls_node *node)
{
    return node->layer->trainable && node->layer->ops->forward_rounds > 0;
}

static bool is_consumed(const ls_model *model, size_t index)
{
    for (size_t i = index + 1; i < model->nodes; i++)
        for (size_t k = 0; k < model->node[i].inputs; k++)
            if (model->node[i].input[k] == index)
                return true;
    return false;
}

bool ls_engine_fuses(const ls_model *model, size_t k, const ls_component *loss)
{
    const ls_layer *layer = model->node[model->output[k]].layer;
    double l1, l2;

    ls_regularizer_factors(&layer->activity_regularizer, &l1, &l2);
    return ls_loss_takes_logits(loss, &layer->activation) && !is_consumed(model, model->output[k]) && l1 == 0 &&
           l2 == 0;
}

/* The stage that a node's own inputs and weights are differentiated in: that of its sums is over before. */
static size_t backward_stage(const ls_engine *engine, size_t i)
{
    const size_t s = engine->state[i].stage;

    return s > 0 && engine->stage[s] == i ? s - 1 : s;
}

/* Cuts the nodes into stages, and says what of a stage is needed in another one. */
static void plan_stages(ls_engine *engine)
{
    const ls_model *model = engine->model;
    const size_t last = model->nodes;

    engine->stages = 1;
    for (size_t i = 0; i < last; i++) {
        node_state *s = &engine->state[i];

        if (engine->size.training && ls_node_has_rounds(&model->node[i]))
            engine->stage[engine->stages++] = i;
        s->stage = engine->stages - 1;
        for (size_t k = 0; k < model->node[i].inputs; k++) {
            node_state *from = &engine->state[model->node[i].input[k]];

            from->keeps_value |= from->stage != s->stage;
            from->keeps_gradient |= backward_stage(engine, model->node[i].input[k]) != backward_stage(engine, i);
        }
    }
    engine->stage[engine->stages] = last;
    for (size_t k = 0; k < model->outputs; k++) { /* losses and scores come in the last stage */
        node_state *s = &engine->state[model->output[k]];

        s->keeps_value |= s->stage + 1 != engine->stages;
        s->keeps_gradient |= backward_stage(engine, model->output[k]) + 1 != engine->stages;
    }
}

static size_t readers_of(const ls_model *model, size_t index)
{
    size_t n = 0;

    for (size_t i = index + 1; i < model->nodes; i++)
        for (size_t k = 0; k < model->node[i].inputs; k++)
            n += model->node[i].input[k] == index;
    return n;
}

static bool has_gradient(const ls_engine *engine, const node_state *s)
{
    return engine->size.training && (s->wants_gradient || s->is_output);
}

/* Who has the memory of whom; that is kept for as long as any of them needs it. */
static void plan_sharing(ls_engine *engine)
{
    const ls_model *model = engine->model;

    for (size_t i = 0; i < model->nodes; i++) {
        const ls_layer_ops *ops = model->node[i].layer->ops;
        node_state *s = &engine->state[i];

        s->Z_at = s->Y_at = s->dY_at = i;
        if (model->node[i].inputs == 1 && ops->forward == ls_forward_copy && ops->backward == ls_backward_copy) {
            const size_t input = model->node[i].input[0];
            const node_state *from = &engine->state[input];

            s->Z_at = from->Y_at;
            if (!s->activation)
                s->Y_at = from->Y_at;
            if (from->wants_gradient && !from->is_output && readers_of(model, input) == 1)
                s->dY_at = from->dY_at;
        }
        engine->state[s->Y_at].keeps_value |= s->keeps_value;
        engine->state[s->dY_at].keeps_gradient |= s->keeps_gradient;
    }
}

static void plan_flags(ls_engine *engine)
{
    ls_model *model = engine->model;

    for (size_t i = 0; i < model->nodes; i++) {
        const ls_node *node = &model->node[i];
        node_state *s = &engine->state[i];

        s->size = ls_shape_size(&node->shape);
        s->activation = ls_activation(&node->layer->activation);
        s->activation_config = node->layer->activation.config;
        s->does_relu = node->layer->does_relu && model->arithmetic == LS_ARITHMETIC_PORTABLE && s->activation &&
                       s->activation->is_relu && s->activation->is_relu(s->activation_config);
        s->last_use = node->use == 0;
        s->width = node->layer->ops->sum_width ? node->layer->ops->sum_width(node->layer) : 0;
        s->wants_gradient = engine->size.training && ls_layer_trains(node->layer);
        for (size_t k = 0; k < node->inputs && engine->size.training && node->layer->ops->backward; k++)
            s->wants_gradient |= engine->state[node->input[k]].wants_gradient;
        ls_regularizer_factors(&node->layer->activity_regularizer, &engine->penalty[i][0], &engine->penalty[i][1]);
    }
    for (size_t k = 0; engine->objective && k < model->outputs; k++) {
        node_state *s = &engine->state[model->output[k]];

        if (!engine->objective[k].loss->ops)
            continue;
        s->is_output = true;
        s->fused = ls_engine_fuses(model, k, engine->objective[k].loss);
    }
}

void ls_gradient_tile(const ls_layer *layer, size_t t, size_t *first, size_t *n)
{
    *first = *n = 0;
    if (layer->ops->tiles)
        layer->ops->tile_range(layer, t, first, n);
    else
        for (size_t p = 0; p < layer->params && layer->param[p].trainable; p++)
            *n += ls_pad_block(layer->param[p].size);
    *n = ls_pad_block(*n);
}

size_t ls_gradient_tiles(const ls_layer *layer)
{
    return layer->ops->tiles ? layer->ops->tiles(layer) : 1;
}

static bool needs_both(const node_state *s)
{
    return s->fused || (s->activation && s->activation->backward_reads == LS_FROM_INPUT);
}

/* Whole microbatches, so many samples together that the work on them outweighs what is done once per wave. */
static void plan_wave(ls_engine *engine)
{
    ls_engine_size *size = &engine->size;
    size_t floats = 1, most;

    for (size_t i = 0; i < engine->model->nodes; i++) {
        const node_state *s = &engine->state[i];

        floats += s->size * ((size_t)(s->Y_at == i) + (size_t)(s->Z_at == i && needs_both(s)) +
                             (size_t)(has_gradient(engine, s) && s->dY_at == i)) +
                  engine->model->node[i].layer->saved_per_sample;
    }
    most = WAVE_FLOATS / floats < WAVE_ROWS ? WAVE_FLOATS / floats : WAVE_ROWS;
    if (size->wave)
        most = size->wave;
    if (most < size->rows) /* else all of them are one wave, whole microbatches or not */
        most = most < size->microbatch ? size->microbatch : most / size->microbatch * size->microbatch;
    size->wave = most < size->rows ? most : size->rows;
}

static void plan_mask(ls_engine *engine, size_t i, bool *failed)
{
    const ls_node *node = &engine->model->node[i];
    node_state *s = &engine->state[i];

    s->mask_here = plan(node->inputs, sizeof *s->mask_here, failed);
    if (!node->masked)
        return;
    s->mask_size = ls_shape_size(&node->mask);
    s->owns_mask = node->layer->ops->write_mask != NULL;
    if (s->owns_mask)
        s->mask = plan_rows(engine, true, s->mask_size, failed);
    for (size_t k = 0; k < node->inputs && !s->mask; k++)
        s->mask = engine->state[node->input[k]].mask;
}

/* A mask of an output says which of its loss's positions count: it covers them evenly. */
static ls_status check_masks(const ls_model *model, const ls_objective *objective)
{
    for (size_t k = 0; objective && k < model->outputs; k++) {
        const ls_node *node = &model->node[model->output[k]];

        if (node->masked_at_run && objective[k].target_size && objective[k].positions % ls_shape_size(&node->mask) != 0)
            return ls_fail(LS_ERR_SHAPE,
                           "output '%s' has a mask of %zu positions, but its loss has %zu: let the last axis be that "
                           "of the predictions for one position",
                           node->name, ls_shape_size(&node->mask), objective[k].positions);
    }
    return LS_OK;
}

/* What is known of an output's targets, and what of them counts if it has a mask. */
static void plan_output(ls_engine *engine, size_t k, bool *failed)
{
    const ls_objective *objective = &engine->objective[k];

    engine->target[k] = plan_rows(engine, false, objective->target_size, failed);
    if (!engine->model->node[engine->model->output[k]].masked_at_run || objective->target_size == 0)
        return;
    engine->counts[k] = plan_rows(engine, false, objective->positions, failed);
    engine->counted_weights[k] = plan_rows(engine, false, objective->positions, failed);
}

/* Everything a node needs; sizes of the common scratch are raised on the way. */
static void plan_node(ls_engine *engine, size_t i, size_t *scratch, size_t *tile, size_t *width, bool *failed)
{
    const ls_node *node = &engine->model->node[i];
    const ls_layer *layer = node->layer;
    node_state *s = &engine->state[i];
    const size_t rounds = layer->ops->forward_rounds + layer->ops->backward_rounds;
    size_t need = 0;

    if (!ls_size_mul(engine->size.wave, layer->scratch_per_sample, &need))
        *failed = true;
    need += layer->scratch_fixed;
    if (s->Z_at == i)
        s->Z = plan_rows(engine, s->keeps_value, s->size, failed);
    if (s->Y_at == i)
        s->Y = s->Z && !needs_both(s) ? s->Z : plan_rows(engine, s->keeps_value, s->size, failed);
    if (has_gradient(engine, s) && s->dY_at == i)
        s->dY = plan_rows(engine, s->keeps_gradient, s->size, failed);
    if (layer->saved_per_sample)
        s->saved = plan_rows(engine, false, layer->saved_per_sample, failed);
    s->X_here = plan(node->inputs, sizeof *s->X_here, failed);
    s->dX_here = plan(node->inputs, sizeof *s->dX_here, failed);
    plan_mask(engine, i, failed);
    s->totals = plan(rounds * s->width, sizeof *s->totals, failed);
    if (need > *scratch)
        *scratch = need;
    if (s->width > *width)
        *width = s->width;
    for (size_t t = 0; ls_layer_trains(layer) && t < ls_gradient_tiles(layer); t++) {
        size_t first, n;

        ls_gradient_tile(layer, t, &first, &n);
        if (n > *tile)
            *tile = n;
    }
}

ls_status ls_engine_create(ls_model *model, const ls_objective *objective, const ls_engine_size *size, ls_engine **out)
{
    ls_engine *engine;
    size_t scratch = 0, tile = 0, width = 0;
    bool failed = false;

    *out = NULL;
    LS_TRY(check_masks(model, objective));
    if (!(engine = ls_calloc(1, sizeof *engine, "the engine")))
        return LS_ERR_MEMORY;
    engine->model = model;
    engine->size = *size;
    engine->state = plan(model->nodes, sizeof *engine->state, &failed);
    engine->stage = plan(model->nodes + 2, sizeof *engine->stage, &failed);
    engine->penalty = plan(model->nodes, sizeof *engine->penalty, &failed);
    engine->target = plan(model->outputs, sizeof *engine->target, &failed);
    engine->weights = plan(model->outputs, sizeof *engine->weights, &failed);
    engine->counts = plan(model->outputs, sizeof *engine->counts, &failed);
    engine->counted_weights = plan(model->outputs, sizeof *engine->counted_weights, &failed);
    engine->counted = plan(model->outputs, sizeof *engine->counted, &failed);
    if (objective && !failed) {
        ls_objective *copy = plan(model->outputs, sizeof *copy, &failed);

        if (copy)
            memcpy(copy, objective, model->outputs * sizeof *copy);
        engine->objective = copy;
    }
    if (!failed) {
        plan_flags(engine);
        plan_stages(engine);
        plan_sharing(engine);
        plan_wave(engine);
    }
    for (size_t i = 0; i < model->nodes && !failed; i++)
        plan_node(engine, i, &scratch, &tile, &width, &failed);
    for (size_t k = 0; k < model->outputs && objective && !failed; k++)
        plan_output(engine, k, &failed);
    engine->scratch = plan(scratch, sizeof(float), &failed);
    engine->tile = plan(tile, sizeof(float), &failed);
    engine->sums = plan(width, sizeof(double), &failed);
    if (failed) {
        ls_engine_free(engine);
        return ls_fail(LS_ERR_MEMORY,
                       "out of memory: the model's buffers for %zu samples; use more ranks or a smaller "
                       "fit.batch_size",
                       size->rows);
    }
    *out = engine;
    return LS_OK;
}

void ls_engine_free(ls_engine *engine)
{
    if (!engine)
        return;
    for (size_t i = 0; engine->state && i < engine->model->nodes; i++) {
        node_state *s = &engine->state[i];

        if (s->Y != s->Z)
            ls_free(s->Y);
        ls_free(s->Z);
        ls_free(s->dY);
        ls_free(s->saved);
        ls_free(s->X_here);
        ls_free(s->dX_here);
        ls_free(s->mask_here);
        if (s->owns_mask)
            ls_free(s->mask);
        ls_free(s->totals);
    }
    for (size_t k = 0; engine->target && k < engine->model->outputs; k++)
        ls_free(engine->target[k]);
    for (size_t k = 0; engine->counted && k < engine->model->outputs; k++) {
        ls_free(engine->weights[k]);
        ls_free(engine->counts[k]);
        ls_free(engine->counted_weights[k]);
    }
    ls_free(engine->counts);
    ls_free(engine->counted_weights);
    ls_free(engine->counted);
    ls_free((void *)engine->objective);
    ls_free(engine->state);
    ls_free(engine->stage);
    ls_free(engine->penalty);
    ls_free(engine->target);
    ls_free(engine->weights);
    ls_free(engine->scratch);
    ls_free(engine->tile);
    ls_free(engine->sums);
    ls_free(engine);
}

ls_status ls_engine_use_weights(ls_engine *engine, size_t output)
{
    size_t n;

    if (engine->weights[output])
        return LS_OK;
    if (!ls_size_mul(engine->size.wave, engine->objective[output].positions, &n) ||
        !(engine->weights[output] = ls_calloc(n, sizeof(float), "sample weights")))
        return ls_fail(LS_ERR_MEMORY, "out of memory: sample weights");
    return LS_OK;
}
