/*
 * lstm (Hochreiter, Schmidhuber, 1997). Gates in Keras's order, (i, f, g, o) = x K + h U + b:
 *
 *     c' = sigmoid(f) c + sigmoid(i) tanh(g)        h' = sigmoid(o) tanh(c')
 */
#include <string.h>

#include "nn/layers/recurrent.h"

enum { I, F, G, O, GATES };

static LS_CLONES void mix(const float *restrict i, const float *restrict f, const float *restrict g,
                          const float *restrict c, float *restrict out, size_t n)
{
    for (size_t k = 0; k < n; k++)
        out[k] = f[k] * c[k] + i[k] * g[k];
}

static void forward_lstm(const ls_recurrent_step *step)
{
    const ls_recurrent *l = step->layer;
    const size_t u = l->u;
    float *const gates = step->record, *const c = step->record + l->c, *const act_c = step->record + l->act_c;

    ls_recurrent_activate(step, l->gate_act, &l->recurrent_activation, I * u, 2);
    ls_recurrent_activate(step, l->act, &l->activation, G * u, 1);
    ls_recurrent_activate(step, l->gate_act, &l->recurrent_activation, O * u, 1);
    mix(gates + I * u, gates + F * u, gates + G * u, step->c, c, u);
    if (l->act)
        l->act->forward(l->activation.config, c, act_c, 1, u);
    else
        ls_copy(c, act_c, u);
    ls_products(gates + O * u, act_c, step->record + l->h, u);
}

static void backward_lstm(const ls_recurrent_step *step)
{
    const ls_recurrent *l = step->layer;
    const size_t u = l->u;
    float *const gates = step->record, *const d = step->d;

    ls_products(step->dh, step->record + l->act_c, d + O * u, u);
    ls_products(step->dh, gates + O * u, d, u); /* by act(c'), for a moment */
    if (l->act)
        l->act->backward(l->activation.config,
                         step->record + (l->act->backward_reads == LS_FROM_INPUT ? l->c : l->act_c), d, 1, u);
    ls_add(d, step->dc, u);
    ls_products(step->dc, gates + G * u, d + I * u, u);
    ls_products(step->dc, step->c, d + F * u, u);
    ls_products(step->dc, gates + I * u, d + G * u, u);
    ls_recurrent_derive(step, l->gate_act, &l->recurrent_activation, I * u, 2, d + I * u);
    ls_recurrent_derive(step, l->act, &l->activation, G * u, 1, d + G * u);
    ls_recurrent_derive(step, l->gate_act, &l->recurrent_activation, O * u, 1, d + O * u);
    for (size_t k = 0; k < u; k++)
        step->dc[k] *= gates[F * u + k];
    ls_copy(d, gates, GATES * u);
    memset(step->dh, 0, u * sizeof *step->dh);
}

static const ls_recurrent_cell cell = {
    .gates = GATES, .carries = true, .forward = forward_lstm, .backward = backward_lstm};

static ls_status build_lstm(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    return ls_recurrent_build(layer, &cell, in, inputs, out);
}

/* unit_forget_bias: what is forgotten at first is little (Jozefowicz, Zaremba, Sutskever, 2015). */
static void initialize_lstm(const ls_layer *layer)
{
    const ls_recurrent *l = layer->config;

    for (size_t k = 0; l->use_bias && l->unit_forget_bias && k < l->u; k++)
        layer->param[2].value[F * l->u + k] = 1.0f;
}

static const ls_option options[] = {LS_RECURRENT_UNITS,
                                    LS_COMPONENT_OPTION(ls_recurrent, recurrent_activation, ls_activations, "sigmoid"),
                                    LS_RECURRENT_FLAG(unit_forget_bias, "true"),
                                    LS_RECURRENT_OPTIONS,
                                    {.name = NULL}};

const ls_layer_ops ls_layer_lstm = {
    .ops = {.name = "lstm",
            .keras_name = "LSTM",
            .options = options,
            .config_bytes = sizeof(ls_recurrent),
            .check = ls_recurrent_check},
    .build = build_lstm,
    .initialize = initialize_lstm,
    LS_RECURRENT_OPS,
};
