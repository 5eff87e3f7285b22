/*
 * A batch through the model, wave after wave (engine_impl.h): forward up to the last stage, there and back again in
 * one go, then backward through the other stages.
 */
#include <string.h>

#include "nn/engine_impl.h"

size_t ls_engine_waves(const ls_engine *engine, const ls_slice *slice)
{
    const uint64_t most = engine->size.wave / slice->microbatch, each = most ? most : 1;

    return slice->rows > engine->size.wave ? (size_t)((slice->count - 1) / each + 1) : 1;
}

ls_slice ls_engine_wave(const ls_engine *engine, const ls_slice *slice, size_t i)
{
    const uint64_t waves = ls_engine_waves(engine, slice);
    const uint64_t begin = i * slice->count / waves, end = (i + 1) * slice->count / waves;
    const uint64_t row = ls_microbatch_row(slice, begin), left = slice->rows - row;
    const uint64_t rows = (end - begin) * slice->microbatch;
    ls_slice wave = *slice;

    wave.first += begin;
    wave.count = end - begin;
    wave.begin += row;
    wave.rows = rows < left ? rows : left;
    return wave;
}

/* A batch on its way. */
typedef struct journey {
    ls_engine *engine;
    const ls_slice *slice;
    const ls_pass *pass;
} journey;

/* The i-th wave is the one in hand, as far as stage s has come with it. */
static ls_slice take(const journey *j, size_t i, size_t s)
{
    ls_engine *const engine = j->engine;
    const ls_slice wave = ls_engine_wave(engine, j->slice, i);

    engine->before = (size_t)(wave.begin - j->slice->begin);
    for (size_t k = 0; k < engine->model->nodes; k++)
        engine->state[k].filled = engine->state[k].was_filled;
    if ((s == 0 || s + 1 == engine->stages) && !ls_engine_gives_up(engine)) /* inputs are read there, targets here */
        j->pass->load(j->pass->context, &wave);
    return wave;
}

/* Where the gradients of this wave go: layers are done with the last one. */
static ls_gradient_sink sink_of(const journey *j, size_t wave)
{
    ls_gradient_sink sink = *j->pass->sink;

    if (wave + 1 < ls_engine_waves(j->engine, j->slice))
        sink.layer_done = NULL;
    return sink;
}

/* A stage has gone backward: what it filled stays so. */
static void leave(ls_engine *engine)
{
    for (size_t i = 0; i < engine->model->nodes; i++)
        engine->state[i].was_filled = engine->state[i].filled;
}

static ls_status go_forward(const journey *j, size_t s, void (*look)(void *context, const ls_slice *wave, bool last),
                            void *context)
{
    LS_TRY(ls_stage_forward_sums(j->engine, j->slice, s, j->pass->sums));
    for (size_t w = 0; w < ls_engine_waves(j->engine, j->slice); w++) {
        const ls_slice wave = take(j, w, s);

        LS_TRY(ls_stage_forward(j->engine, &wave, s, true, false));
        if (look)
            look(context, &wave, s + 1 == j->engine->stages);
        else
            ls_stage_penalties(j->engine, &wave, s, j->pass->activity + (wave.first - j->slice->first));
    }
    return LS_OK;
}

/* The last stage: losses come next, and then its gradients, before the next wave takes its buffers. */
static ls_status turn_around(const journey *j)
{
    ls_engine *const engine = j->engine;
    const ls_pass *pass = j->pass;
    const size_t s = engine->stages - 1;

    LS_TRY(ls_stage_forward_sums(engine, j->slice, s, pass->sums));
    if (ls_engine_counts(engine) && ls_engine_waves(engine, j->slice) > 1) /* for the masks: losses wait for them */
        for (size_t w = 0; w < ls_engine_waves(engine, j->slice); w++) {
            const ls_slice wave = take(j, w, s);

            LS_TRY(ls_stage_forward(engine, &wave, s, true, false));
        }
    for (size_t w = 0; w < ls_engine_waves(engine, j->slice); w++) {
        const ls_slice wave = take(j, w, s);
        const size_t at = (size_t)(wave.first - j->slice->first);
        const ls_gradient_sink sink = sink_of(j, w);

        LS_TRY(ls_stage_forward(engine, &wave, s, true, false));
        if (ls_engine_counts(engine) && w == 0)
            LS_TRY(ls_engine_count(engine, j->slice, pass->sums));
        ls_stage_penalties(engine, &wave, s, pass->activity + at);
        LS_TRY(ls_engine_losses(engine, &wave, true, pass->binary_labels, pass->loss_sums + at * engine->model->outputs,
                                NULL));
        if (!ls_engine_gives_up(engine))
            pass->scored(pass->context, &wave, pass->loss_sums + at * engine->model->outputs, pass->activity + at);
        LS_TRY(ls_stage_backward(engine, &wave, s, &sink));
    }
    leave(engine);
    return LS_OK;
}

static ls_status go_back(const journey *j, size_t s)
{
    ls_engine *const engine = j->engine;

    LS_TRY(ls_stage_backward_sums(engine, j->slice, s + 1, j->pass->sums));
    for (size_t w = 0; w < ls_engine_waves(engine, j->slice); w++) {
        const ls_slice wave = take(j, w, s);
        const ls_gradient_sink sink = sink_of(j, w);

        if (ls_engine_waves(engine, j->slice) > 1) /* else nothing has taken its buffers */
            LS_TRY(ls_stage_forward(engine, &wave, s, true, true));
        LS_TRY(ls_stage_backward(engine, &wave, s, &sink));
    }
    leave(engine);
    return LS_OK;
}

static ls_status there_and_back(const journey *j)
{
    const size_t last = j->engine->stages - 1;

    for (size_t s = 0; s < last; s++)
        LS_TRY(go_forward(j, s, NULL, NULL));
    LS_TRY(turn_around(j));
    for (size_t s = last; s-- > 0;)
        LS_TRY(go_back(j, s));
    return LS_OK;
}

/* LS_ERR_ARG if the engine was not made for this. */
static ls_status set_out(ls_engine *engine, const ls_slice *slice, const ls_pass *pass)
{
    if (!engine->objective || !engine->size.training)
        return ls_fail(LS_ERR_ARG, "this engine was not planned for losses or gradients");
    if (slice->rows > engine->size.rows)
        return ls_fail(LS_ERR_ARG, "a batch of %zu local samples is more than the %zu that were planned",
                       (size_t)slice->rows, engine->size.rows);
    engine->seed = pass->seed;
    engine->update = pass->update;
    engine->stop = pass->stop;
    engine->stopped = false;
    for (size_t i = 0; i < engine->model->nodes; i++)
        engine->state[i].was_filled = false;
    return LS_OK;
}

/* The next to use the engine has one wave, at the beginning of all buffers. */
static void arrive(ls_engine *engine)
{
    engine->before = 0;
    engine->stop = NULL;
    engine->stopped = false;
}

ls_status ls_engine_train(ls_engine *engine, const ls_slice *slice, const ls_pass *pass, bool *stopped)
{
    const journey j = {engine, slice, pass};
    ls_status st;

    LS_TRY(set_out(engine, slice, pass));
    memset(pass->activity, 0, slice->count * sizeof *pass->activity);
    st = there_and_back(&j);
    *stopped = ls_engine_gives_up(engine);
    arrive(engine);
    return st;
}

ls_status ls_engine_replay(ls_engine *engine, const ls_slice *slice, const ls_pass *pass,
                           void (*look)(void *context, const ls_slice *wave, bool last), void *context)
{
    const journey j = {engine, slice, pass};
    ls_status st = LS_OK;

    LS_TRY(set_out(engine, slice, pass));
    engine->stop = NULL;
    for (size_t s = 0; s < engine->stages && st == LS_OK; s++)
        st = go_forward(&j, s, look, context);
    arrive(engine);
    return st;
}
