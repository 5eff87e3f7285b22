/*
 * gru (Cho et al., 2014). Gates in Keras's order, z, r, g:
 *
 *     z = sigmoid(x K_z + h U_z + b_z)        r = sigmoid(x K_r + h U_r + b_r)        h' = z h + (1 - z) g
 *     g = tanh(x K_g + b_g + r (h U_g + b'_g))        with reset_after: biases of both products, b (2, 3 units)
 *     g = tanh(x K_g + b_g + (r h) U_g)               without
 */
#include "nn/layers/recurrent.h"

enum { Z, R, G, GATES };

static LS_CLONES void mix(const float *restrict z, const float *restrict g, const float *restrict h,
                          float *restrict out, size_t n)
{
    for (size_t k = 0; k < n; k++)
        out[k] = z[k] * h[k] + (1.0f - z[k]) * g[k];
}

static void activate_gates(const ls_recurrent_step *step)
{
    const ls_recurrent *l = step->layer;

    ls_recurrent_activate(step, l->gate_act, &l->recurrent_activation, Z * l->u, 2);
}

static void finish(const ls_recurrent_step *step)
{
    const ls_recurrent *l = step->layer;
    const size_t u = l->u;
    float *const gates = step->record;

    ls_recurrent_activate(step, l->act, &l->activation, G * u, 1);
    mix(gates + Z * u, gates + G * u, step->h, step->record + l->h, u);
}

/* Of dh: dz and dg as they are before the activations, at d; what goes straight to h stays. */
static LS_CLONES void unmix(const float *restrict z, const float *restrict g, const float *restrict h,
                            float *restrict dh, float *restrict dz, float *restrict dg, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        dz[k] = dh[k] * (h[k] - g[k]);
        dg[k] = dh[k] * (1.0f - z[k]);
        dh[k] *= z[k];
    }
}

static void unfinish(const ls_recurrent_step *step)
{
    const ls_recurrent *l = step->layer;
    const size_t u = l->u;
    float *const gates = step->record, *const d = step->d;

    unmix(gates + Z * u, gates + G * u, step->h, step->dh, d + Z * u, d + G * u, u);
    ls_recurrent_derive(step, l->act, &l->activation, G * u, 1, d + G * u);
}

/* --- reset_after -------------------------------------------------------------------------------------------------- */

static void forward_after(const ls_recurrent_step *step)
{
    const ls_recurrent *l = step->layer;
    const size_t u = l->u;
    float *const gates = step->record;

    activate_gates(step);
    ls_add_products(gates + R * u, gates + l->inner, gates + G * u, u);
    finish(step);
}

static void backward_after(const ls_recurrent_step *step)
{
    const ls_recurrent *l = step->layer;
    const size_t u = l->u;
    float *const gates = step->record, *const d = step->d;

    unfinish(step);
    ls_products(d + G * u, gates + l->inner, d + R * u, u);
    ls_products(d + G * u, gates + R * u, gates + l->inner, u);
    ls_recurrent_derive(step, l->gate_act, &l->recurrent_activation, Z * u, 2, d + Z * u);
    ls_copy(d, gates, GATES * u);
}

/* --- reset before ------------------------------------------------------------------------------------------------- */

/* h as the last gate sees it: with its mask, which d of the step keeps for a moment. */
static const float *masked_h(const ls_recurrent_step *step)
{
    const ls_recurrent *l = step->layer;

    if (!step->mask)
        return step->h;
    ls_products(step->h, step->mask + (l->operands - 1) * l->u, step->d, l->u);
    return step->d;
}

static void reset(const ls_recurrent_step *step)
{
    const ls_recurrent *l = step->layer;

    activate_gates(step);
    ls_products(step->record + R * l->u, masked_h(step), step->record + l->operand + (l->operands - 1) * l->u, l->u);
}

static void backward_before(const ls_recurrent_step *step)
{
    const ls_recurrent *l = step->layer;
    const size_t u = l->u;
    float *const gates = step->record, *const d = step->d;

    unfinish(step);
    ls_recurrent_derive(step, l->gate_act, &l->recurrent_activation, Z * u, 1, d + Z * u);
    ls_copy(d + Z * u, gates + Z * u, u);
    ls_copy(d + G * u, gates + G * u, u);
}

static void reset_backward(const ls_recurrent_step *step, const float *d_operand)
{
    const ls_recurrent *l = step->layer;
    const size_t u = l->u;
    float *const r = step->record + R * u, *const d = step->d, *const through = d + G * u;

    ls_products(d_operand, masked_h(step), d + R * u, u);
    ls_products(d_operand, r, through, u);
    if (step->mask)
        ls_add_products(through, step->mask + (l->operands - 1) * u, step->dh, u);
    else
        ls_add(through, step->dh, u);
    ls_recurrent_derive(step, l->gate_act, &l->recurrent_activation, R * u, 1, d + R * u);
    ls_copy(d + R * u, r, u);
}

static const ls_recurrent_cell after = {.gates = GATES, .forward = forward_after, .backward = backward_after};
static const ls_recurrent_cell before = {
    .gates = GATES, .forward = finish, .backward = backward_before, .reset = reset, .reset_backward = reset_backward};

static ls_status build_gru(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const ls_recurrent *l = layer->config;

    return ls_recurrent_build(layer, l->reset_after ? &after : &before, in, inputs, out);
}

static const ls_option options[] = {LS_RECURRENT_UNITS,
                                    LS_COMPONENT_OPTION(ls_recurrent, recurrent_activation, ls_activations, "sigmoid"),
                                    LS_RECURRENT_FLAG(reset_after, "true"),
                                    LS_RECURRENT_OPTIONS,
                                    {.name = NULL}};

const ls_layer_ops ls_layer_gru = {
    .ops = {.name = "gru",
            .keras_name = "GRU",
            .options = options,
            .config_bytes = sizeof(ls_recurrent),
            .check = ls_recurrent_check},
    .build = build_gru,
    LS_RECURRENT_OPS,
};
