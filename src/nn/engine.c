/*
 * The engine: one pass over the nodes forward, one backward; within a node all local rows at once, or one pass over the
 * local microbatches where OpenBLAS computes (its bits depend on the number of rows) or something is summed.
 *
 * Buffers of a node, all planned when the engine is made:
 *     Z   (rows, shape)  what the layer computes: the pre-activation
 *     Y   (rows, shape)  after the activation; the same memory as Z unless the activation's derivative or a fused loss
 *                        needs Z kept
 *     dY  (rows, shape)  gradient of the loss by Y; the activation's backward turns it into dZ in place
 *     saved              what the layer keeps from forward to backward
 */
#include "nn/engine.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "nn/regularizer.h"
#include "tensor/kernels.h"

typedef struct node_state {
    const ls_activation_ops *activation; /* NULL: linear */
    const void *activation_config;
    float *Z, *Y, *dY, *saved;
    const float **X;      /* [inputs] the inputs' Y, first local row */
    const float **X_here; /* [inputs] the same at the microbatch in hand */
    float **dX_here;      /* [inputs] */
    double *totals;       /* [(forward_rounds + backward_rounds) x width] */
    size_t size;          /* elements of one sample */
    size_t width;         /* sums per round; 0: the layer has no rounds */
    bool wants_gradient;  /* something trainable lies at or above it: its dY is computed */
    bool filled;          /* dY holds a gradient already */
    bool is_output;       /* with a loss */
    bool fused;           /* the loss works on Z: dY is dZ already */
    bool last_use;        /* the first node of its layer in running order: the last to be differentiated */
} node_state;

struct ls_engine {
    ls_model *model;               /* borrowed */
    const ls_objective *objective; /* [outputs] owned copy, or NULL */
    node_state *state;             /* [nodes] */
    float **target, **weights;     /* [outputs] */
    float *scratch;                /* the layers' common scratch for one microbatch */
    float *tile;                   /* one tile of a layer's gradient */
    double *sums;                  /* one microbatch's contribution to a round */
    double (*penalty)[2];          /* [nodes] activity regularizer: l1, l2 */
    size_t rows_max;
    bool training;
    const volatile sig_atomic_t *stop; /* NULL: nobody stops it */
    ls_engine_company company;         /* functions NULL: nothing goes on */
    uint64_t seed, update;             /* of the run in progress */
};

/* --- planning ---------------------------------------------------------------------------------------------------- */

/* Zeroed memory for an engine; nothing more once something failed. */
static void *plan(size_t count, size_t size, bool *failed)
{
    void *block = *failed ? NULL : ls_calloc(count, size, "the buffers of the model");

    if (!block)
        *failed = true;
    return block;
}

static size_t rows_of(const ls_engine *engine, size_t per_sample, bool *failed)
{
    size_t n = 0;

    if (!ls_size_mul(engine->rows_max, per_sample, &n))
        *failed = true;
    return n;
}

static bool layer_trains(const ls_layer *layer)
{
    if (!layer->trainable)
        return false;
    for (size_t p = 0; p < layer->params; p++)
        if (layer->param[p].trainable)
            return true;
    return false;
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

static void plan_flags(ls_engine *engine)
{
    ls_model *model = engine->model;

    for (size_t i = 0; i < model->nodes; i++) {
        const ls_node *node = &model->node[i];
        node_state *s = &engine->state[i];

        s->size = ls_shape_size(&node->shape);
        s->activation = ls_activation(&node->layer->activation);
        s->activation_config = node->layer->activation.config;
        s->last_use = node->use == 0;
        s->width = node->layer->ops->sum_width ? node->layer->ops->sum_width(node->layer) : 0;
        s->wants_gradient = engine->training && layer_trains(node->layer);
        for (size_t k = 0; k < node->inputs && engine->training && node->layer->ops->backward; k++)
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

/* Where tile t lies in the layer's trainable range, padded to whole blocks. */
static void tile_range(const ls_layer *layer, size_t t, size_t *first, size_t *n)
{
    *first = *n = 0;
    if (layer->ops->tiles)
        layer->ops->tile_range(layer, t, first, n);
    else
        for (size_t p = 0; p < layer->params && layer->param[p].trainable; p++)
            *n += ls_pad_block(layer->param[p].size);
    *n = ls_pad_block(*n);
}

static size_t tiles_of(const ls_layer *layer)
{
    return layer->ops->tiles ? layer->ops->tiles(layer) : 1;
}

/* Everything a node needs; sizes of the common scratch are raised on the way. */
static void plan_node(ls_engine *engine, size_t i, size_t *scratch, size_t *tile, size_t *width, bool *failed)
{
    const ls_node *node = &engine->model->node[i];
    const ls_layer *layer = node->layer;
    node_state *s = &engine->state[i];
    const size_t rounds = layer->ops->forward_rounds + layer->ops->backward_rounds;
    const bool keep_z = s->fused || (s->activation && s->activation->backward_reads == LS_FROM_INPUT);
    size_t need = rows_of(engine, layer->scratch_per_sample, failed) + layer->scratch_fixed;

    s->Z = plan(rows_of(engine, s->size, failed), sizeof(float), failed);
    s->Y = keep_z ? plan(rows_of(engine, s->size, failed), sizeof(float), failed) : s->Z;
    if (engine->training && (s->wants_gradient || s->is_output))
        s->dY = plan(rows_of(engine, s->size, failed), sizeof(float), failed);
    if (layer->saved_per_sample)
        s->saved = plan(rows_of(engine, layer->saved_per_sample, failed), sizeof(float), failed);
    s->X = plan(node->inputs, sizeof *s->X, failed);
    s->X_here = plan(node->inputs, sizeof *s->X_here, failed);
    s->dX_here = plan(node->inputs, sizeof *s->dX_here, failed);
    s->totals = plan(rounds * s->width, sizeof *s->totals, failed);
    for (size_t k = 0; !*failed && k < node->inputs; k++)
        s->X[k] = engine->state[node->input[k]].Y;
    if (need > *scratch)
        *scratch = need;
    if (s->width > *width)
        *width = s->width;
    for (size_t t = 0; layer_trains(layer) && t < tiles_of(layer); t++) {
        size_t first, n;

        tile_range(layer, t, &first, &n);
        if (n > *tile)
            *tile = n;
    }
}

ls_status ls_engine_create(ls_model *model, const ls_objective *objective, size_t rows_max, bool training,
                           ls_engine **out)
{
    ls_engine *engine = ls_calloc(1, sizeof *engine, "the engine");
    size_t scratch = 0, tile = 0, width = 0;
    bool failed = false;

    *out = NULL;
    if (!engine)
        return LS_ERR_MEMORY;
    engine->model = model;
    engine->rows_max = rows_max;
    engine->training = training;
    engine->state = plan(model->nodes, sizeof *engine->state, &failed);
    engine->penalty = plan(model->nodes, sizeof *engine->penalty, &failed);
    engine->target = plan(model->outputs, sizeof *engine->target, &failed);
    engine->weights = plan(model->outputs, sizeof *engine->weights, &failed);
    if (objective && !failed) {
        ls_objective *copy = plan(model->outputs, sizeof *copy, &failed);

        if (copy)
            memcpy(copy, objective, model->outputs * sizeof *copy);
        engine->objective = copy;
    }
    if (!failed)
        plan_flags(engine);
    for (size_t i = 0; i < model->nodes && !failed; i++)
        plan_node(engine, i, &scratch, &tile, &width, &failed);
    for (size_t k = 0; k < model->outputs && objective && !failed; k++)
        engine->target[k] = plan(rows_of(engine, objective[k].target_size, &failed), sizeof(float), &failed);
    engine->scratch = plan(scratch, sizeof(float), &failed);
    engine->tile = plan(tile, sizeof(float), &failed);
    engine->sums = plan(width, sizeof(double), &failed);
    if (failed) {
        ls_engine_free(engine);
        return ls_fail(LS_ERR_MEMORY,
                       "out of memory: the model's buffers for %zu samples; use more ranks or a smaller "
                       "fit.batch_size",
                       rows_max);
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
        ls_free(s->X);
        ls_free(s->X_here);
        ls_free(s->dX_here);
        ls_free(s->totals);
    }
    for (size_t k = 0; engine->target && k < engine->model->outputs; k++)
        ls_free(engine->target[k]);
    for (size_t k = 0; engine->weights && k < engine->model->outputs; k++)
        ls_free(engine->weights[k]);
    ls_free((void *)engine->objective);
    ls_free(engine->state);
    ls_free(engine->penalty);
    ls_free(engine->target);
    ls_free(engine->weights);
    ls_free(engine->scratch);
    ls_free(engine->tile);
    ls_free(engine->sums);
    ls_free(engine);
}

float *ls_engine_input(ls_engine *engine, size_t input)
{
    return engine->state[engine->model->input[input]].Y;
}

float *ls_engine_target(ls_engine *engine, size_t output)
{
    return engine->target[output];
}

float *ls_engine_weights(ls_engine *engine, size_t output)
{
    return engine->weights[output];
}

ls_status ls_engine_use_weights(ls_engine *engine, size_t output)
{
    size_t n;

    if (engine->weights[output])
        return LS_OK;
    if (!ls_size_mul(engine->rows_max, engine->objective[output].positions, &n) ||
        !(engine->weights[output] = ls_calloc(n, sizeof(float), "sample weights")))
        return ls_fail(LS_ERR_MEMORY, "out of memory: sample weights");
    return LS_OK;
}

const float *ls_engine_output(const ls_engine *engine, size_t output)
{
    return engine->state[engine->model->output[output]].Y;
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

/* Calls that it takes to get all local rows through a layer: one, where rows do not depend on each other. */
static size_t spans_of(const ls_engine *engine, const ls_slice *slice)
{
    return engine->model->arithmetic == LS_ARITHMETIC_OPENBLAS || slice->count == 0 ? slice->count : 1;
}

static span span_at(const ls_engine *engine, const ls_slice *slice, size_t i)
{
    return engine->model->arithmetic == LS_ARITHMETIC_OPENBLAS ? microbatch_span(slice, i) : (span){0, slice->rows};
}

/* The call of node i on some local rows. Gradients are set by the caller. */
static ls_call call_of(ls_engine *engine, const ls_slice *slice, size_t i, span at, bool training)
{
    const ls_node *node = &engine->model->node[i];
    node_state *s = &engine->state[i];

    for (size_t k = 0; k < node->inputs; k++)
        s->X_here[k] = s->X[k] + at.row * engine->state[node->input[k]].size;
    return (ls_call){
        .layer = node->layer,
        .rows = at.rows,
        .training = training,
        .arithmetic = engine->model->arithmetic,
        .place = {.seed = engine->seed, .update = engine->update, .position = slice->begin + at.row},
        .node = (uint32_t)i,
        .inputs = node->inputs,
        .X = s->X_here,
        .Y = s->Z + at.row * s->size,
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

static bool has_rounds(const ls_node *node, bool training)
{
    return training && node->layer->trainable && node->layer->ops->forward_rounds > 0;
}

/* What is computed will not be used. */
static bool gives_up(const ls_engine *engine)
{
    return engine->stop && *engine->stop;
}

static void meanwhile(const ls_engine *engine)
{
    if (engine->company.meanwhile)
        engine->company.meanwhile(engine->company.context);
}

/* One round of sums over the global batch, into totals[0..width). */
static ls_status sum_round(ls_engine *engine, const ls_slice *slice, size_t i, size_t round, bool backward,
                           const ls_batch_sums *sums, double *totals)
{
    const ls_layer_ops *ops = engine->model->node[i].layer->ops;
    node_state *s = &engine->state[i];

    for (size_t m = 0; m < slice->count; m++) {
        ls_call call = call_of(engine, slice, i, microbatch_span(slice, m), true);

        if (backward) {
            call.dY = s->dY + ls_microbatch_row(slice, m) * s->size;
            ops->backward_sums(&call, round);
        } else {
            ops->forward_sums(&call, round);
        }
        LS_TRY(sums->add(sums->context, engine->sums, s->width));
    }
    return sums->total(sums->context, s->width, totals);
}

void ls_engine_keep_company(ls_engine *engine, const ls_engine_company *company)
{
    engine->company = company ? *company : (ls_engine_company){0};
}

void ls_engine_stop_at(ls_engine *engine, const volatile sig_atomic_t *stop)
{
    engine->stop = stop;
}

ls_status ls_engine_forward(ls_engine *engine, const ls_slice *slice, bool training, uint64_t seed, uint64_t update,
                            const ls_batch_sums *sums)
{
    ls_model *model = engine->model;

    if (slice->rows > engine->rows_max)
        return ls_fail(LS_ERR_ARG, "a batch of %zu local samples is more than the %zu that were planned", slice->rows,
                       engine->rows_max);
    engine->seed = seed;
    engine->update = update;
    for (size_t i = model->inputs; i < model->nodes; i++) {
        const ls_node *node = &model->node[i];
        node_state *s = &engine->state[i];

        if (engine->company.before_layer)
            LS_TRY(engine->company.before_layer(engine->company.context, node->layer));
        for (size_t r = 0; has_rounds(node, training) && r < node->layer->ops->forward_rounds; r++)
            LS_TRY(sum_round(engine, slice, i, r, false, sums, s->totals + r * s->width));
        for (size_t c = 0; c < spans_of(engine, slice) && !gives_up(engine); c++) {
            const span at = span_at(engine, slice, c);
            const ls_call call = call_of(engine, slice, i, at, training);
            size_t rows, n;

            node->layer->ops->forward(&call);
            meanwhile(engine);
            if (!s->activation)
                continue;
            activation_rows(&node->shape, call.rows, &rows, &n);
            s->activation->forward(s->activation_config, call.Y, s->Y + at.row * s->size, rows, n);
        }
    }
    return LS_OK;
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

    for (size_t i = model->inputs; i < model->nodes; i++)
        if (model->node[i].layer->ops->table_rows)
            LS_TRY(check_rows_of(&model->node[i], engine->state[i].X[0],
                                 slice->rows * engine->state[model->node[i].input[0]].size));
    return LS_OK;
}

/* --- losses ------------------------------------------------------------------------------------------------------ */

static void evaluate_loss(ls_engine *engine, const ls_slice *slice, size_t k, size_t m, bool want_gradient,
                          bool binary_labels, double *sum)
{
    const size_t index = engine->model->output[k];
    const ls_objective *objective = &engine->objective[k];
    const ls_loss_ops *loss = (const ls_loss_ops *)objective->loss->ops;
    node_state *s = &engine->state[index];
    const ls_shape *shape = &engine->model->node[index].shape;
    const size_t row = ls_microbatch_row(slice, m), rows = ls_microbatch_rows(slice, m);
    const bool logits = s->fused || (loss->from_logits && loss->from_logits(objective->loss->config));

    loss->evaluate(objective->loss->config,
                   &(ls_loss_call){
                       .positions = rows * objective->positions,
                       .n = shape->axes ? shape->dim[shape->axes - 1] : 1,
                       .target = engine->target[k] + row * objective->target_size,
                       .pred = (s->fused ? s->Z : s->Y) + row * s->size,
                       .on_logits = logits,
                       .weight = engine->weights[k] ? engine->weights[k] + row * objective->positions : NULL,
                       .binary_labels = binary_labels,
                       .sum = sum,
                       /* The sum over samples is divided by their number later: what is to stay a sum is multiplied. */
                       .scale = objective->sums ? objective->loss_weight * (double)slice->batch_rows
                                                : objective->loss_weight / (double)objective->positions,
                       .dpred = want_gradient ? s->dY + row * s->size : NULL,
                   });
}

/* Sum over nodes of l1 sum|Y| + l2 sum Y^2 for one microbatch. */
static double activity_penalty(const ls_engine *engine, const ls_slice *slice, size_t m)
{
    double sum = 0;

    for (size_t i = 0; i < engine->model->nodes; i++) {
        const node_state *s = &engine->state[i];
        const double *factor = engine->penalty[i];

        if (factor[0] != 0 || factor[1] != 0)
            sum += ls_penalty(factor[0], factor[1], s->Y + ls_microbatch_row(slice, m) * s->size,
                              ls_microbatch_rows(slice, m) * s->size);
    }
    return sum;
}

ls_status ls_engine_losses(ls_engine *engine, const ls_slice *slice, bool want_gradient, const bool *binary_labels,
                           double *loss_sums, double *activity)
{
    const ls_model *model = engine->model;

    if (!engine->objective || (want_gradient && !engine->training))
        return ls_fail(LS_ERR_ARG, "this engine was not planned for losses or gradients");
    if (want_gradient)
        for (size_t i = 0; i < model->nodes; i++)
            engine->state[i].filled = engine->state[i].is_output;
    for (size_t m = 0; m < slice->count; m++) {
        for (size_t k = 0; k < model->outputs; k++) {
            double sum = 0;

            if (engine->objective[k].loss->ops)
                evaluate_loss(engine, slice, k, m, want_gradient, binary_labels && binary_labels[k], &sum);
            if (loss_sums)
                loss_sums[m * model->outputs + k] = sum;
        }
        if (activity)
            activity[m] = activity_penalty(engine, slice, m);
    }
    return LS_OK;
}

/* --- backward ---------------------------------------------------------------------------------------------------- */

/* dY -> dZ of one node: the activity penalty's share first, then the activation. */
static void backward_activation(ls_engine *engine, const ls_slice *slice, size_t i)
{
    const ls_node *node = &engine->model->node[i];
    node_state *s = &engine->state[i];
    const double *factor = engine->penalty[i];

    for (size_t c = 0; c < spans_of(engine, slice) && !gives_up(engine); c++) {
        const span here = span_at(engine, slice, c);
        const size_t at = here.row * s->size, samples = here.rows;
        size_t rows, n;

        if (factor[0] != 0 || factor[1] != 0)
            ls_penalty_gradient(factor[0], factor[1], s->Y + at, s->dY + at, samples * s->size);
        if (!s->activation || s->fused)
            continue;
        activation_rows(&node->shape, samples, &rows, &n);
        s->activation->backward(s->activation_config,
                                (s->activation->backward_reads == LS_FROM_INPUT ? s->Z : s->Y) + at, s->dY + at, rows,
                                n);
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
static bool backward_products(ls_engine *engine, const ls_slice *slice, size_t i, const ls_gradient_sink *sink)
{
    const ls_layer *layer = engine->model->node[i].layer;
    ls_product_sum products;
    ls_call call;

    if (engine->model->arithmetic != LS_ARITHMETIC_PORTABLE || !layer->ops->first_param_product ||
        !sink->add_products || slice->rows == 0)
        return false;
    call = call_of(engine, slice, i, (span){0, slice->rows}, true);
    call.dY = engine->state[i].dY;
    products = layer->ops->first_param_product(&call);
    if (!products.A.at)
        return false;
    products.length *= slice->microbatch;
    return sink->add_products(sink->context, layer->param[0].offset, &products);
}

static void backward_params(ls_engine *engine, const ls_slice *slice, size_t i, const ls_gradient_sink *sink)
{
    const ls_layer *layer = engine->model->node[i].layer;
    const ls_layer_ops *ops = layer->ops;
    node_state *s = &engine->state[i];
    const size_t done = backward_products(engine, slice, i, sink) ? layer->param[0].size : 0;

    for (size_t t = 0; t < tiles_of(layer); t++) {
        size_t first, n;

        tile_range(layer, t, &first, &n);
        if (first < done)
            continue;
        clear_padding(layer, engine->tile, first, n);
        for (size_t m = 0; m < slice->count && !gives_up(engine); m++) {
            ls_call call = call_of(engine, slice, i, microbatch_span(slice, m), true);

            call.dY = s->dY + ls_microbatch_row(slice, m) * s->size;
            ops->backward_params(&call, t, engine->tile);
            sink->add(sink->context, m, layer->param[0].offset + first, engine->tile, n);
            meanwhile(engine);
        }
    }
}

static void prepare_backward(ls_engine *engine, const ls_slice *slice, size_t i)
{
    const ls_layer_ops *ops = engine->model->node[i].layer->ops;
    const node_state *s = &engine->state[i];

    for (size_t c = 0; ops->prepare_backward && c < spans_of(engine, slice) && !gives_up(engine); c++) {
        const span at = span_at(engine, slice, c);
        ls_call call = call_of(engine, slice, i, at, true);

        call.dY = s->dY + at.row * s->size;
        ops->prepare_backward(&call);
    }
}

static void backward_inputs(ls_engine *engine, const ls_slice *slice, size_t i)
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
    /* Layers write or add to all their inputs alike: where some are empty and some are not, zero stands for empty. */
    if (empty && (twice || empty < wanted))
        for (size_t k = 0; k < node->inputs; k++) {
            node_state *from = &engine->state[node->input[k]];

            if (from->wants_gradient && !from->filled) {
                memset(from->dY, 0, slice->rows * from->size * sizeof(float));
                from->filled = true;
            }
        }
    for (size_t c = 0; c < spans_of(engine, slice) && !gives_up(engine); c++) {
        const span at = span_at(engine, slice, c);
        ls_call call = call_of(engine, slice, i, at, true);

        for (size_t k = 0; k < node->inputs; k++) {
            const node_state *from = &engine->state[node->input[k]];

            s->dX_here[k] = from->wants_gradient ? from->dY + at.row * from->size : NULL;
        }
        call.dY = s->dY + at.row * s->size;
        call.dX = s->dX_here;
        call.first_use = empty && !(twice || empty < wanted);
        node->layer->ops->backward(&call);
        meanwhile(engine);
    }
    for (size_t k = 0; k < node->inputs; k++)
        if (engine->state[node->input[k]].wants_gradient)
            engine->state[node->input[k]].filled = true;
}

ls_status ls_engine_backward(ls_engine *engine, const ls_slice *slice, const ls_batch_sums *sums,
                             const ls_gradient_sink *sink)
{
    const ls_model *model = engine->model;

    for (size_t i = model->nodes; i-- > model->inputs;) {
        const ls_node *node = &model->node[i];
        const ls_layer_ops *ops = node->layer->ops;
        node_state *s = &engine->state[i];

        if (s->wants_gradient) {
            const bool has_penalty = engine->penalty[i][0] != 0 || engine->penalty[i][1] != 0;

            if (!s->filled && has_penalty) {
                memset(s->dY, 0, slice->rows * s->size * sizeof(float));
                s->filled = true;
            }
        }
        if (s->wants_gradient && s->filled) {
            backward_activation(engine, slice, i);
            for (size_t r = 0; has_rounds(node, true) && r < ops->backward_rounds; r++)
                LS_TRY(sum_round(engine, slice, i, r, true, sums, s->totals + (ops->forward_rounds + r) * s->width));
            prepare_backward(engine, slice, i);
            if (layer_trains(node->layer))
                backward_params(engine, slice, i, sink);
            if (ops->backward)
                backward_inputs(engine, slice, i);
        }
        if (s->last_use && layer_trains(node->layer))
            LS_TRY(sink->layer_done(sink->context, node->layer));
    }
    return LS_OK;
}

void ls_engine_commit(ls_engine *engine, const ls_slice *slice)
{
    for (size_t i = 0; i < engine->model->nodes; i++) {
        const ls_node *node = &engine->model->node[i];

        if (has_rounds(node, true) && node->layer->ops->commit)
            node->layer->ops->commit(node->layer, engine->state[i].totals, slice->batch_rows);
    }
}

size_t ls_engine_first_nonfinite(const ls_engine *engine, const ls_slice *slice, size_t *microbatch)
{
    for (size_t i = 0; i < engine->model->nodes; i++) {
        const node_state *s = &engine->state[i];

        for (size_t m = 0; m < slice->count; m++)
            if (ls_max_bits(s->Y + ls_microbatch_row(slice, m) * s->size, ls_microbatch_rows(slice, m) * s->size) >=
                0x7f800000u) {
                *microbatch = m;
                return i;
            }
    }
    return SIZE_MAX;
}
