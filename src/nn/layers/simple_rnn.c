/* simple_rnn: h' = act(x K + h U + b). */
#include <string.h>

#include "nn/layers/recurrent.h"

static void forward_simple_rnn(const ls_recurrent_step *step)
{
    const ls_recurrent *c = step->layer;

    ls_recurrent_activate(step, c->act, &c->activation, 0, 1);
    ls_copy(step->record, step->record + c->h, c->u);
}

static void backward_simple_rnn(const ls_recurrent_step *step)
{
    const ls_recurrent *c = step->layer;

    ls_recurrent_derive(step, c->act, &c->activation, 0, 1, step->dh);
    ls_copy(step->dh, step->record, c->u);
    memset(step->dh, 0, c->u * sizeof *step->dh);
}

static const ls_recurrent_cell cell = {.gates = 1, .forward = forward_simple_rnn, .backward = backward_simple_rnn};

static ls_status build_simple_rnn(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    return ls_recurrent_build(layer, &cell, in, inputs, out);
}

static const ls_option options[] = {LS_RECURRENT_UNITS, LS_RECURRENT_OPTIONS, {.name = NULL}};

const ls_layer_ops ls_layer_simple_rnn = {
    .ops = {.name = "simple_rnn",
            .keras_name = "SimpleRNN",
            .options = options,
            .config_bytes = sizeof(ls_recurrent),
            .check = ls_recurrent_check},
    .build = build_simple_rnn,
    LS_RECURRENT_OPS,
};
