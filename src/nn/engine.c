/*
 * The engine at work on the rows of a wave: one pass over the nodes of a stage forward, one backward; within a node all
 * rows at once, or one pass over the microbatches where OpenBLAS computes (its bits depend on the number of rows) or
 * something is summed.
 */
#include "nn/engine_impl.h"

#include <string.h>

#include "base/profile.h"
#include "nn/regularizer.h"
#include "tensor/kernels.h"

float *ls_engine_input(ls_engine *engine, size_t input)
{
    return ls_node_value(engine, engine->model->input[input], 0);
}

float *ls_engine_target(ls_engine *engine, size_t output)
{
    return engine->target[output];
}

float *ls_engine_weights(ls_engine *engine, size_t output)
{
    return engine->weights[output];
}

const float *ls_engine_score_weights(const ls_engine *engine, size_t output, bool weighted)
{
    if (engine->counts[output])
        return weighted ? engine->counted_weights[output] : engine->counts[output];
    return weighted ? engine->weights[output] : NULL;
}

double ls_engine_counted(const ls_engine *engine, const ls_slice *slice, size_t output, size_t m)
{
    const size_t positions = engine->objective[output].positions;

    return ls_sum(engine->counts[output] + ls_microbatch_row(slice, m) * positions,
                  ls_microbatch_rows(slice, m) * positions);
}

const float *ls_engine_output(const ls_engine *engine, size_t output)
{
    return ls_node_value(engine, engine->model->output[output], 0);
}

/* --- calls ------------------------------------------------------------------------------------------------------- */

/* Local rows that go through a layer in one call. */
typedef struct span {
    size_t row, rows;
} span;

static span microbatch_span(const ls_slice *slice, size_t m)
{
    return (span){ls_microbatch_row(slice, m), ls_microbatch_rows(slice, m)};
}

#define OFTEN_ROWS 64 /* that go through a layer between two looks at the company, if it wants that often */

/* Microbatches that go through a layer in one call: all, where rows do not depend on each other. */
static size_t microbatches_of_span(const ls_engine *engine, const ls_slice *wave)
{
    if (engine->model->arithmetic == LS_ARITHMETIC_OPENBLAS)
        return 1;
    if (!engine->company.often)
        return wave->count;
    return wave->microbatch < OFTEN_ROWS ? OFTEN_ROWS / wave->microbatch : 1;
}

/* Calls that it takes to get a wave through a layer. */
static size_t spans_of(const ls_engine *engine, const ls_slice *wave)
{
    const size_t each = microbatches_of_span(engine, wave);

    return wave->count ? (wave->count + each - 1) / each : engine->model->arithmetic != LS_ARITHMETIC_OPENBLAS ? 1 : 0;
}

static span span_at(const ls_engine *engine, const ls_slice *wave, size_t i)
{
    const size_t each = microbatches_of_span(engine, wave), begin = i * each;
    const size_t row = wave->count ? ls_microbatch_row(wave, begin) : 0;

    return (span){row, begin + each < wave->count ? ls_microbatch_row(wave, begin + each) - row : wave->rows - row};
}

/* The call of node i on some local rows. Gradients are set by the caller. */
static ls_call call_of(ls_engine *engine, const ls_slice *slice, size_t i, span at, bool training)
{
    const ls_node *node = &engine->model->node[i];
    node_state *s = &engine->state[i];

    for (size_t k = 0; k < node->inputs; k++) {
        s->X_here[k] = ls_node_value(engine, node->input[k], at.row);
        s->mask_here[k] = k < 8 && (node->mask_gone >> k & 1) ? NULL : ls_node_mask(engine, node->input[k], at.row);
    }
    return (ls_call){
        .layer = node->layer,
        .rows = at.rows,
        .training = training,
        .arithmetic = engine->model->arithmetic,
        .place = {.seed = engine->seed, .update = engine->update, .position = slice->begin + at.row},
        .node = (uint32_t)i,
        .inputs = node->inputs,
        .X = s->X_here,
        .mask = s->mask_here,
        .mask_size = s->mask_size,
        .Y = ls_node_before_activation(engine, i, at.row),
        .relu = s->does_relu,
        .saved = s->saved ? s->saved + at.row * node->layer->saved_per_sample : NULL,
        .scratch = engine->scratch,
        .sums = engine->sums,
        .totals = s->totals,
        .batch_size = slice->batch_rows,
    };
}

/* Rows of length n that the activation sees: softmax works along the last axis. */
static void activation_rows(const ls_shape *shape, size_t samples, size_t *rows, size_t *n)
{
    *n = shape->axes ? shape->dim[shape->axes - 1] : 1;
    *rows = samples * (ls_shape_size(shape) / *n);
}

bool ls_engine_gives_up(ls_engine *engine)
{
    engine->stopped = engine->stopped || (engine->stop && *engine->stop);
    return engine->stopped;
}

void ls_engine_keep_company(ls_engine *engine, const ls_engine_company *company)
{
    engine->company = company ? *company : (ls_engine_company){0};
}

static void meanwhile(const ls_engine *engine)
{
    if (engine->company.meanwhile)
        engine->company.meanwhile(engine->company.context);
}

/* One round of sums over the global batch, into totals[0..width). What it reads is kept for all local rows. */
static ls_status sum_round(ls_engine *engine, const ls_slice *slice, size_t i, size_t round, bool backward,
                           const ls_batch_sums *sums, double *totals)
{
    const ls_layer_ops *ops = engine->model->node[i].layer->ops;
    node_state *s = &engine->state[i];

    engine->before = 0;
    for (size_t m = 0; m < slice->count && !ls_engine_gives_up(engine); m++) {
        ls_call call = call_of(engine, slice, i, microbatch_span(slice, m), true);

        if (backward) {
            call.dY = ls_node_gradient(engine, i, ls_microbatch_row(slice, m));
            ops->backward_sums(&call, round);
        } else {
            ops->forward_sums(&call, round);
        }
        LS_TRY(sums->add(sums->context, engine->sums, s->width));
    }
    return sums->total(sums->context, s->width, totals);
}

ls_status ls_stage_forward_sums(ls_engine *engine, const ls_slice *slice, size_t s, const ls_batch_sums *sums)
{
    const size_t i = engine->stage[s];

    for (size_t r = 0; s > 0 && r < engine->model->node[i].layer->ops->forward_rounds; r++)
        LS_TRY(sum_round(engine, slice, i, r, false, sums, engine->state[i].totals + r * engine->state[i].width));
    return LS_OK;
}

ls_status ls_stage_backward_sums(ls_engine *engine, const ls_slice *slice, size_t s, const ls_batch_sums *sums)
{
    const size_t i = engine->stage[s];
    const ls_layer_ops *ops = engine->model->node[i].layer->ops;
    const node_state *state = &engine->state[i];

    for (size_t r = 0; s > 0 && state->wants_gradient && state->filled && r < ops->backward_rounds; r++)
        LS_TRY(sum_round(engine, slice, i, r, true, sums, state->totals + (ops->forward_rounds + r) * state->width));
    return LS_OK;
}

/* A wave goes through such a layer at once, piece by piece of the weights. */
static bool reads_as_they_come(const ls_engine *engine, const ls_node *node, const ls_slice *wave)
{
    return engine->company.often && engine->company.before_weights && node->layer->ops->reads_in_order &&
           engine->model->arithmetic == LS_ARITHMETIC_PORTABLE && wave->rows > 0;
}

static void wait_for_weights(void *context, const ls_layer *layer, size_t n)
{
    ls_engine *engine = context;

    meanwhile(engine);
    if (engine->arrived == LS_OK)
        engine->arrived = engine->company.before_weights(engine->company.context, layer, n);
}

ls_status ls_stage_forward(ls_engine *engine, const ls_slice *wave, size_t s, bool training, bool again)
{
    const ls_model *model = engine->model;
    const ls_arrival arrival = {.wait = wait_for_weights, .context = engine};
    const size_t first = s == 0 ? model->inputs : engine->stage[s];

    for (size_t i = first; i < engine->stage[s + 1]; i++) {
        const ls_node *node = &model->node[i];
        const node_state *state = &engine->state[i];
        const bool in_order = reads_as_they_come(engine, node, wave);

        if (engine->company.before_weights && !in_order)
            LS_TRY(engine->company.before_weights(engine->company.context, node->layer, SIZE_MAX));
        for (size_t c = 0; c < (in_order ? 1 : spans_of(engine, wave)) && !ls_engine_gives_up(engine); c++) {
            const span at = in_order ? (span){0, wave->rows} : span_at(engine, wave, c);
            ls_call call = call_of(engine, wave, i, at, training);
            size_t rows, n;

            call.arrival = in_order ? &arrival : NULL;
            if (again && state->keeps_value && !state->saved)
                continue;
            ls_profile_begin(LS_PHASE_FORWARD, node->layer->name);
            if (state->owns_mask)
                node->layer->ops->write_mask(&call, ls_node_mask(engine, i, at.row));
            if (state->Z_at == i)
                node->layer->ops->forward(&call);
            if (state->activation && !state->does_relu) {
                activation_rows(&node->shape, call.rows, &rows, &n);
                state->activation->forward(state->activation_config, call.Y, ls_node_value(engine, i, at.row), rows, n);
            }
            ls_profile_end();
            meanwhile(engine);
            LS_TRY(engine->arrived);
        }
    }
    engine->seen[0] = s == 0 ? 0 : first;
    engine->seen[1] = engine->stage[s + 1];
    return LS_OK;
}

ls_status ls_engine_forward(ls_engine *engine, const ls_slice *slice, bool training, uint64_t seed, uint64_t update,
                            const ls_batch_sums *sums)
{
    if (slice->rows > engine->size.wave)
        return ls_fail(LS_ERR_ARG, "a batch of %zu local samples is more than the %zu that were planned",
                       (size_t)slice->rows, engine->size.wave);
    engine->seed = seed;
    engine->update = update;
    for (size_t s = 0; s < engine->stages; s++) {
        if (training)
            LS_TRY(ls_stage_forward_sums(engine, slice, s, sums));
        LS_TRY(ls_stage_forward(engine, slice, s, training, false));
    }
    engine->seen[0] = 0;
    return training && ls_engine_counts(engine) ? ls_engine_count(engine, slice, sums) : LS_OK;
}

static ls_status check_rows_of(const ls_node *node, const float *X, size_t n)
{
    const size_t rows = node->layer->ops->table_rows(node->layer);

    for (size_t i = 0; i < n; i++)
        if (!(X[i] > -1.0f && (double)X[i] < (double)rows))
            return ls_fail(LS_ERR_DATA,
                           "layer '%s' is asked for row %.9g of its table, which has %zu rows: its inputs must be 0 to "
                           "%zu",
                           node->layer->name, (double)X[i], rows, rows - 1);
    return LS_OK;
}

ls_status ls_engine_check_rows(const ls_engine *engine, const ls_slice *slice)
{
    const ls_model *model = engine->model;

    for (size_t i = engine->seen[0]; i < engine->seen[1]; i++)
        if (model->node[i].layer->ops->table_rows)
            LS_TRY(check_rows_of(&model->node[i], ls_node_value(engine, model->node[i].input[0], 0),
                                 slice->rows * engine->state[model->node[i].input[0]].size));
    return LS_OK;
}

/* --- losses ------------------------------------------------------------------------------------------------------ */

bool ls_engine_counts(const ls_engine *engine)
{
    for (size_t k = 0; engine->objective && k < engine->model->outputs; k++)
        if (engine->counts[k])
            return true;
    return false;
}

ls_status ls_engine_count(ls_engine *engine, const ls_slice *slice, const ls_batch_sums *sums)
{
    for (size_t k = 0; k < engine->model->outputs; k++) {
        const node_state *s = &engine->state[engine->model->output[k]];

        for (size_t m = 0; engine->counts[k] && m < slice->count; m++) {
            const double n = ls_sum(s->mask + ls_microbatch_row(slice, m) * s->mask_size,
                                    ls_microbatch_rows(slice, m) * s->mask_size) *
                             (double)(engine->objective[k].positions / s->mask_size);

            LS_TRY(sums->add(sums->context, &n, 1));
        }
        if (engine->counts[k])
            LS_TRY(sums->total(sums->context, 1, &engine->counted[k]));
    }
    return LS_OK;
}

/* Which positions of these rows count, and what they weigh. */
static void weigh_positions(ls_engine *engine, const ls_slice *slice)
{
    for (size_t k = 0; k < engine->model->outputs; k++) {
        const size_t index = engine->model->output[k], positions = engine->objective[k].positions;
        const float *mask = ls_node_mask(engine, index, 0), *weights = engine->weights[k];

        for (size_t i = 0; engine->counts[k] && i < slice->rows * positions; i++) {
            engine->counts[k][i] = mask[i / (positions / engine->state[index].mask_size)];
            engine->counted_weights[k][i] = engine->counts[k][i] * (weights ? weights[i] : 1.0f);
        }
    }
}

/*
 * What a position's loss counts for in the gradient. The sum over samples is divided by their number later: what is to
 * stay a sum, or be divided by the number of positions that count, is multiplied.
 */
static double weight_of_position(const ls_engine *engine, const ls_slice *slice, size_t k)
{
    const ls_objective *objective = &engine->objective[k];

    if (objective->sums)
        return objective->loss_weight * (double)slice->batch_rows;
    if (engine->counts[k])
        return engine->counted[k] > 0 ? objective->loss_weight * (double)slice->batch_rows / engine->counted[k] : 0.0;
    return objective->loss_weight / (double)objective->positions;
}

static void evaluate_loss(ls_engine *engine, const ls_slice *slice, size_t k, size_t m, bool want_gradient,
                          bool binary_labels, double *sum)
{
    const size_t index = engine->model->output[k];
    const ls_objective *objective = &engine->objective[k];
    const ls_loss_ops *loss = (const ls_loss_ops *)objective->loss->ops;
    const node_state *s = &engine->state[index];
    const ls_shape *shape = &engine->model->node[index].shape;
    const size_t row = ls_microbatch_row(slice, m), rows = ls_microbatch_rows(slice, m);
    const float *weight = ls_engine_score_weights(engine, k, true);
    const bool logits = s->fused || (loss->from_logits && loss->from_logits(objective->loss->config));

    loss->evaluate(objective->loss->config, &(ls_loss_call){
                                                .positions = rows * objective->positions,
                                                .n = shape->axes ? shape->dim[shape->axes - 1] : 1,
                                                .target = engine->target[k] + row * objective->target_size,
                                                .pred = s->fused ? ls_node_before_activation(engine, index, row)
                                                                 : ls_node_value(engine, index, row),
                                                .on_logits = logits,
                                                .weight = weight ? weight + row * objective->positions : NULL,
                                                .binary_labels = binary_labels,
                                                .sum = sum,
                                                .scale = weight_of_position(engine, slice, k),
                                                .dpred = want_gradient ? ls_node_gradient(engine, index, row) : NULL,
                                            });
}

/* Per microbatch the sum over nodes of l1 sum|Y| + l2 sum Y^2. */
void ls_stage_penalties(const ls_engine *engine, const ls_slice *wave, size_t s, double *activity)
{
    for (size_t i = engine->stage[s]; i < engine->stage[s + 1]; i++) {
        const double *factor = engine->penalty[i];

        for (size_t m = 0; (factor[0] != 0 || factor[1] != 0) && m < wave->count; m++)
            activity[m] += ls_penalty(factor[0], factor[1], ls_node_value(engine, i, ls_microbatch_row(wave, m)),
                                      ls_microbatch_rows(wave, m) * engine->state[i].size);
    }
}

ls_status ls_engine_losses(ls_engine *engine, const ls_slice *slice, bool want_gradient, const bool *binary_labels,
                           double *loss_sums, double *activity)
{
    const ls_model *model = engine->model;

    if (!engine->objective || (want_gradient && !engine->size.training))
        return ls_fail(LS_ERR_ARG, "this engine was not planned for losses or gradients");
    if (want_gradient)
        for (size_t i = 0; i < model->nodes; i++)
            engine->state[i].filled = engine->state[i].is_output;
    ls_profile_begin(LS_PHASE_FORWARD, "losses");
    weigh_positions(engine, slice);
    for (size_t m = 0; m < slice->count && !ls_engine_gives_up(engine); m++)
        for (size_t k = 0; k < model->outputs; k++) {
            double sum = 0;

            if (engine->objective[k].loss->ops)
                evaluate_loss(engine, slice, k, m, want_gradient, binary_labels && binary_labels[k], &sum);
            if (loss_sums)
                loss_sums[m * model->outputs + k] = sum;
        }
    if (activity) {
        memset(activity, 0, slice->count * sizeof *activity);
        for (size_t s = 0; s < engine->stages; s++)
            ls_stage_penalties(engine, slice, s, activity);
    }
    ls_profile_end();
    return LS_OK;
}

/* --- backward ---------------------------------------------------------------------------------------------------- */

static void clear_gradient(ls_engine *engine, const ls_slice *wave, size_t i)
{
    memset(ls_node_gradient(engine, i, 0), 0, wave->rows * engine->state[i].size * sizeof(float));
    engine->state[i].filled = true;
}

/* dY -> dZ of one node: the activity penalty's share first, then the activation. */
static void backward_activation(ls_engine *engine, const ls_slice *wave, size_t i)
{
    const ls_node *node = &engine->model->node[i];
    node_state *s = &engine->state[i];
    const double *factor = engine->penalty[i];
    const bool has_penalty = factor[0] != 0 || factor[1] != 0;

    if (s->wants_gradient && !s->filled && has_penalty)
        clear_gradient(engine, wave, i);
    if (!s->wants_gradient || !s->filled)
        return;
    for (size_t c = 0; c < spans_of(engine, wave) && !ls_engine_gives_up(engine); c++) {
        const span here = span_at(engine, wave, c);
        float *const dY = ls_node_gradient(engine, i, here.row);
        size_t rows, n;

        if (has_penalty)
            ls_penalty_gradient(factor[0], factor[1], ls_node_value(engine, i, here.row), dY, here.rows * s->size);
        if (!s->activation || s->fused)
            continue;
        activation_rows(&node->shape, here.rows, &rows, &n);
        s->activation->backward(s->activation_config,
                                s->activation->backward_reads == LS_FROM_INPUT
                                    ? ls_node_before_activation(engine, i, here.row)
                                    : ls_node_value(engine, i, here.row),
                                dY, rows, n);
    }
}

/* Zero the padding of parameters inside a tile [first, first+n) of the layer's trainable range. */
static void clear_padding(const ls_layer *layer, float *tile, size_t first, size_t n)
{
    const size_t base = layer->param[0].offset;

    for (size_t p = 0; p < layer->params && layer->param[p].trainable; p++) {
        const ls_param *param = &layer->param[p];
        size_t begin = param->offset - base + param->size;
        size_t end = param->offset - base + ls_pad_block(param->size);

        begin = begin < first ? first : begin;
        end = end > first + n ? first + n : end;
        if (begin < end)
            memset(tile + begin - first, 0, (end - begin) * sizeof *tile);
    }
}

/* The first parameter's contributions of all microbatches in one product, if layer and sink can. */
static bool find_products(ls_engine *engine, const ls_slice *wave, size_t i, const ls_gradient_sink *sink,
                          ls_product_sum *out)
{
    const ls_layer *layer = engine->model->node[i].layer;
    ls_call call;

    if (engine->model->arithmetic != LS_ARITHMETIC_PORTABLE || !layer->ops->first_param_product ||
        !sink->takes_products || wave->rows == 0)
        return false;
    call = call_of(engine, wave, i, (span){0, wave->rows}, true);
    call.dY = ls_node_gradient(engine, i, 0);
    *out = layer->ops->first_param_product(&call);
    if (!out->A.at)
        return false;
    out->length *= wave->microbatch;
    return sink->takes_products(sink->context, out);
}

/* The product comes last: it goes from the layer's last weights to its first, and what is complete can set out. */
static void backward_params(ls_engine *engine, const ls_slice *wave, size_t i, const ls_gradient_sink *sink)
{
    const ls_layer *layer = engine->model->node[i].layer;
    const ls_layer_ops *ops = layer->ops;
    ls_product_sum products;
    const bool at_once = find_products(engine, wave, i, sink, &products);

    for (size_t t = 0; t < ls_gradient_tiles(layer); t++) {
        size_t first, n;

        ls_gradient_tile(layer, t, &first, &n);
        if (at_once && first < layer->param[0].size)
            continue;
        clear_padding(layer, engine->tile, first, n);
        for (size_t m = 0; m < wave->count && !ls_engine_gives_up(engine); m++) {
            ls_call call = call_of(engine, wave, i, microbatch_span(wave, m), true);

            call.dY = ls_node_gradient(engine, i, ls_microbatch_row(wave, m));
            ops->backward_params(&call, t, engine->tile);
            sink->add(sink->context, wave->first + m, layer->param[0].offset + first, engine->tile, n);
            meanwhile(engine);
        }
    }
    if (at_once)
        sink->add_products(sink->context, layer->param[0].offset, &products,
                           engine->state[i].last_use && sink->layer_done ? layer : NULL);
}

static void prepare_backward(ls_engine *engine, const ls_slice *wave, size_t i)
{
    const ls_layer_ops *ops = engine->model->node[i].layer->ops;

    for (size_t c = 0; ops->prepare_backward && c < spans_of(engine, wave) && !ls_engine_gives_up(engine); c++) {
        const span at = span_at(engine, wave, c);
        ls_call call = call_of(engine, wave, i, at, true);

        call.dY = ls_node_gradient(engine, i, at.row);
        ops->prepare_backward(&call);
    }
}

static void backward_inputs(ls_engine *engine, const ls_slice *wave, size_t i)
{
    const ls_node *node = &engine->model->node[i];
    node_state *s = &engine->state[i];
    size_t wanted = 0, empty = 0;
    bool twice = false;

    for (size_t k = 0; k < node->inputs; k++) {
        const node_state *from = &engine->state[node->input[k]];

        if (!from->wants_gradient)
            continue;
        wanted++;
        empty += !from->filled;
        for (size_t j = 0; j < k; j++)
            twice |= node->input[j] == node->input[k];
    }
    if (!wanted)
        return;
    if (s->dY_at == engine->state[node->input[0]].dY_at) { /* the gradient is where it has to be */
        engine->state[node->input[0]].filled = true;
        return;
    }
    /* Layers write or add to all their inputs alike: where some are empty and some are not, zero stands for empty. */
    for (size_t k = 0; empty && (twice || empty < wanted) && k < node->inputs; k++)
        if (engine->state[node->input[k]].wants_gradient && !engine->state[node->input[k]].filled)
            clear_gradient(engine, wave, node->input[k]);
    for (size_t c = 0; c < spans_of(engine, wave) && !ls_engine_gives_up(engine); c++) {
        const span at = span_at(engine, wave, c);
        ls_call call = call_of(engine, wave, i, at, true);

        for (size_t k = 0; k < node->inputs; k++)
            s->dX_here[k] =
                engine->state[node->input[k]].wants_gradient ? ls_node_gradient(engine, node->input[k], at.row) : NULL;
        call.dY = ls_node_gradient(engine, i, at.row);
        call.dX = s->dX_here;
        call.first_use = empty && !(twice || empty < wanted);
        node->layer->ops->backward(&call);
        meanwhile(engine);
    }
    for (size_t k = 0; k < node->inputs; k++)
        if (engine->state[node->input[k]].wants_gradient)
            engine->state[node->input[k]].filled = true;
}

/*
 * From dZ to the gradients of a node's weights and inputs. The weights' come first: they can be on their way to other
 * ranks while the inputs' are computed.
 */
static ls_status backward_layer(ls_engine *engine, const ls_slice *wave, size_t i, const ls_gradient_sink *sink)
{
    const ls_layer *layer = engine->model->node[i].layer;
    const node_state *s = &engine->state[i];
    const bool goes = s->wants_gradient && s->filled;

    /* Also when the engine gives up: what is filled says which sums come next, and those are collective. */
    if (goes) {
        ls_profile_begin(LS_PHASE_BACKWARD, layer->name);
        prepare_backward(engine, wave, i);
        if (ls_layer_trains(layer) && !ls_engine_gives_up(engine))
            backward_params(engine, wave, i, sink);
        ls_profile_end();
    }
    if (s->last_use && ls_layer_trains(layer) && sink->layer_done)
        LS_TRY(sink->layer_done(sink->context, layer));
    if (goes && layer->ops->backward) {
        ls_profile_begin(LS_PHASE_BACKWARD, layer->name);
        backward_inputs(engine, wave, i);
        ls_profile_end();
    }
    return LS_OK;
}

ls_status ls_stage_backward(ls_engine *engine, const ls_slice *wave, size_t s, const ls_gradient_sink *sink)
{
    const size_t first = s == 0 ? engine->model->inputs : engine->stage[s] + 1;

    if (s + 1 < engine->stages)
        LS_TRY(backward_layer(engine, wave, engine->stage[s + 1], sink));
    for (size_t i = engine->stage[s + 1]; i-- > first;) {
        backward_activation(engine, wave, i);
        LS_TRY(backward_layer(engine, wave, i, sink));
    }
    if (s > 0)
        backward_activation(engine, wave, engine->stage[s]);
    return LS_OK;
}

ls_status ls_engine_backward(ls_engine *engine, const ls_slice *slice, const ls_batch_sums *sums,
                             const ls_gradient_sink *sink)
{
    for (size_t s = engine->stages; s-- > 0;) {
        if (s + 1 < engine->stages)
            LS_TRY(ls_stage_backward_sums(engine, slice, s + 1, sums));
        LS_TRY(ls_stage_backward(engine, slice, s, sink));
    }
    return LS_OK;
}

void ls_engine_commit(ls_engine *engine, const ls_slice *slice)
{
    for (size_t s = 1; s < engine->stages; s++) {
        ls_layer *layer = engine->model->node[engine->stage[s]].layer;

        if (layer->ops->commit)
            layer->ops->commit(layer, engine->state[engine->stage[s]].totals, slice->batch_rows);
    }
}

size_t ls_engine_first_nonfinite(const ls_engine *engine, const ls_slice *slice, size_t *microbatch)
{
    for (size_t i = engine->seen[0]; i < engine->seen[1]; i++)
        for (size_t m = 0; m < slice->count; m++)
            if (ls_max_bits(ls_node_value(engine, i, ls_microbatch_row(slice, m)),
                            ls_microbatch_rows(slice, m) * engine->state[i].size) >= 0x7f800000u) {
                *microbatch = m;
                return i;
            }
    return SIZE_MAX;
}
