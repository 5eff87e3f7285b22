/* Recurrent layers: from the first step to the last, and back. recurrent.h explains. */
#include <string.h>

#include "nn/layers/recurrent.h"

/* What lies in call->scratch. */
typedef struct scratch {
    float *input_mask;                  /* (R, input_masks, in) */
    float *X;                           /* (R, T, in) masked inputs, or their gradients */
    float *mask;                        /* (R, operands, units) of recurrent_dropout; NULL: none */
    float *dh, *dc, *product, *d_reset; /* (R, units) */
    float *d;                           /* (gates, units) */
    float *zeros;                       /* (units) */
    float *start;                       /* (filled) what a record begins with: biases */
} scratch;

static scratch scratch_of(const ls_recurrent *c, const ls_call *call)
{
    const size_t rows = call->rows, u = c->u;
    float *at = call->scratch;
    scratch s = {.d = at, .zeros = at + c->width, .start = at + c->width + u};

    at = s.start + c->filled;
    memset(s.zeros, 0, u * sizeof *s.zeros);
    s.dh = at;
    s.dc = at + rows * u;
    s.product = at + 2 * rows * u;
    s.d_reset = at + 3 * rows * u;
    at += 4 * rows * u;
    if (call->training && c->recurrent_dropout > 0) {
        s.mask = at;
        at += rows * c->operands * u;
    }
    if (call->training && c->input_masks > 0) {
        s.input_mask = at;
        s.X = at + rows * c->input_masks * c->in;
    }
    return s;
}

/* --- dropout: one mask for a whole sequence ----------------------------------------------------------------------- */

static void draw(const ls_stream *stream, uint64_t first, size_t n, double rate, float *mask)
{
    const float least = (float)rate, scale = (float)(1.0 / (1.0 - rate));

    ls_stream_uniform(stream, first, n, mask);
    for (size_t i = 0; i < n; i++)
        mask[i] = mask[i] >= least ? scale : 0.0f;
}

/* Masks of all samples, a function of their places alone: forward and backward draw the same. */
static void draw_masks(const ls_recurrent *c, const ls_call *call, const scratch *s)
{
    const size_t inputs = c->input_masks * c->in, operands = c->operands * c->u;
    ls_call own = *call;

    if (c->seed >= 0)
        own.place.seed = (uint64_t)c->seed;
    for (size_t r = 0; r < call->rows && (s->input_mask || s->mask); r++) {
        const ls_stream stream = ls_call_stream(&own, LS_PURPOSE_DROPOUT, r);

        if (s->input_mask)
            draw(&stream, c->first_random, inputs, c->dropout, s->input_mask + r * inputs);
        if (s->mask)
            draw(&stream, c->first_random + inputs, operands, c->recurrent_dropout, s->mask + r * operands);
    }
}

/* to (R,T,in) = from x mask g of its sample, or += it. */
static void mask_inputs(const ls_recurrent *c, const scratch *s, size_t rows, size_t g, const float *from, float *to,
                        bool add)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t t = 0; t < c->steps; t++) {
            const size_t at = (r * c->steps + t) * c->in;

            (add ? ls_add_products : ls_products)(from + at, s->input_mask + (r * c->input_masks + g) * c->in, to + at,
                                                  c->in);
        }
}

/* The inputs that columns of mask g see, and how many columns those are. */
static const float *inputs_for(const ls_recurrent *c, const ls_call *call, const scratch *s, size_t g)
{
    if (!s->input_mask)
        return call->X[0];
    mask_inputs(c, s, call->rows, g, call->X[0], s->X, false);
    return s->X;
}

/* How often the kernel is multiplied: once, or for every gate by itself. */
static size_t kernel_products(const ls_recurrent *c, const scratch *s)
{
    return s->input_mask ? c->input_masks : 1;
}

/* --- forward ------------------------------------------------------------------------------------------------------ */

/* gates = biases + x K, all steps at once. */
static void input_products(const ls_layer *layer, const ls_call *call, const scratch *s, float *records)
{
    const ls_recurrent *c = layer->config;
    const size_t n = call->rows * c->steps, parts = kernel_products(c, s), columns = c->width / parts;
    const float *bias = c->use_bias ? layer->param[2].value : NULL;

    memset(s->start, 0, c->filled * sizeof *s->start);
    if (bias)
        ls_copy(bias, s->start, c->width);
    for (size_t g = 0; bias && c->filled > c->width && g < c->groups; g++)
        ls_add(bias + c->width + c->group[g].column, s->start + c->group[g].into, c->group[g].columns);
    for (size_t i = 0; i < n; i++)
        ls_copy(s->start, records + i * c->step, c->filled);
    for (size_t g = 0; g < parts; g++)
        ls_multiply(call->arithmetic, 'n', 'n', n, columns, c->in, inputs_for(c, call, s, g), c->in,
                    layer->param[0].value + g * columns, c->width, true, records + g * columns, c->step);
}

/* Time of step k of the walk. */
static size_t time_of(const ls_recurrent *c, size_t k)
{
    return c->go_backwards ? c->steps - 1 - k : k;
}

static float *record_of(const ls_recurrent *c, const float *records, size_t row, size_t k)
{
    return (float *)(uintptr_t)records + (row * c->steps + time_of(c, k)) * c->step;
}

/* A masked step leaves the states as they are. */
static bool is_masked(const ls_recurrent *c, const ls_call *call, size_t row, size_t k)
{
    const float *mask = ls_call_mask(call, 0);

    return mask && mask[row * c->steps + time_of(c, k)] == 0.0f;
}

const float *ls_recurrent_output(const ls_recurrent *c, const ls_call *call, const float *records, size_t row, size_t k)
{
    return c->zero_output_for_mask && is_masked(c, call, row, k) ? NULL : record_of(c, records, row, k) + c->h;
}

static ls_recurrent_step step_of(const ls_recurrent *c, const scratch *s, const float *records, size_t row, size_t k)
{
    const float *before = k ? record_of(c, records, row, k - 1) : NULL;

    return (ls_recurrent_step){.layer = c,
                               .record = record_of(c, records, row, k),
                               .h = before ? before + c->h : s->zeros,
                               .c = before ? before + c->c : s->zeros,
                               .mask = s->mask ? s->mask + row * c->operands * c->u : NULL,
                               .dh = s->dh + row * c->u,
                               .dc = s->dc + row * c->u,
                               .d = s->d};
}

/* Groups whose operand is h before the step; one more comes after the gates where a cell resets. */
static size_t plain_groups(const ls_recurrent *c)
{
    return c->groups - (c->cell->reset ? 1 : 0);
}

static void write_operands(const ls_recurrent *c, const ls_recurrent_step *step)
{
    const size_t n = c->operands - (c->cell->reset ? 1 : 0);
    float *to = step->record + c->operand;

    for (size_t i = 0; i < n; i++)
        if (step->mask)
            ls_products(step->h, step->mask + i * c->u, to + i * c->u, c->u);
        else
            ls_copy(step->h, to + i * c->u, c->u);
}

/* What a group's product adds to at step k, for all samples. */
static void recurrent_product(const ls_layer *layer, const ls_call *call, float *records, size_t g, size_t k)
{
    const ls_recurrent *c = layer->config;
    const ls_recurrent_group *group = &c->group[g];
    const size_t ld = c->steps * c->step;
    float *const at = records + time_of(c, k) * c->step;

    ls_multiply(call->arithmetic, 'n', 'n', call->rows, group->columns, c->u, at + group->operand, ld,
                layer->param[1].value + group->column, c->width, true, at + group->into, ld);
}

static void pass_states(const ls_recurrent *c, const ls_recurrent_step *step)
{
    ls_copy(step->h, step->record + c->h, c->u);
    if (c->cell->carries)
        ls_copy(step->c, step->record + c->c, c->u);
}

void ls_recurrent_run(const ls_layer *layer, const ls_call *call, float *records)
{
    const ls_recurrent *c = layer->config;
    const scratch s = scratch_of(c, call);

    draw_masks(c, call, &s);
    input_products(layer, call, &s, records);
    for (size_t k = 0; k < c->steps; k++) {
        for (size_t r = 0; r < call->rows; r++) {
            const ls_recurrent_step step = step_of(c, &s, records, r, k);

            write_operands(c, &step);
        }
        for (size_t g = 0; g < plain_groups(c); g++)
            recurrent_product(layer, call, records, g, k);
        for (size_t r = 0; c->cell->reset && r < call->rows; r++) {
            const ls_recurrent_step step = step_of(c, &s, records, r, k);

            if (is_masked(c, call, r, k)) /* what is multiplied is a number, whatever it is */
                ls_copy(s.zeros, step.record + c->group[c->groups - 1].operand, c->u);
            else
                c->cell->reset(&step);
        }
        if (c->cell->reset)
            recurrent_product(layer, call, records, c->groups - 1, k);
        for (size_t r = 0; r < call->rows; r++) {
            const ls_recurrent_step step = step_of(c, &s, records, r, k);

            if (is_masked(c, call, r, k))
                pass_states(c, &step);
            else
                c->cell->forward(&step);
        }
    }
}

/* --- backward ----------------------------------------------------------------------------------------------------- */

/* dh (R,units) += dgates U^T of a group; with its mask, or written into `whole` as it is. */
static void product_back(const ls_layer *layer, const ls_call *call, const scratch *s, const float *records, size_t g,
                         size_t k, float *whole)
{
    const ls_recurrent *c = layer->config;
    const ls_recurrent_group *group = &c->group[g];
    const bool masked = s->mask && !whole;
    float *const to = whole ? whole : masked ? s->product : s->dh;

    ls_multiply(call->arithmetic, 'n', 't', call->rows, c->u, group->columns,
                records + time_of(c, k) * c->step + group->into, c->steps * c->step,
                layer->param[1].value + group->column, c->width, to == s->dh, to, c->u);
    for (size_t r = 0; masked && r < call->rows; r++)
        ls_add_products(s->product + r * c->u, s->mask + r * c->operands * c->u + (group->operand - c->operand),
                        s->dh + r * c->u, c->u);
}

void ls_recurrent_run_back(const ls_layer *layer, const ls_call *call, float *records, ls_recurrent_gradient *add)
{
    const ls_recurrent *c = layer->config;
    const scratch s = scratch_of(c, call);

    draw_masks(c, call, &s);
    memset(s.dh, 0, 2 * call->rows * c->u * sizeof *s.dh); /* dc lies behind dh */
    for (size_t k = c->steps; k-- > 0;) {
        for (size_t r = 0; r < call->rows; r++) {
            const ls_recurrent_step step = step_of(c, &s, records, r, k);

            add(call, r, k, step.dh);
            if (is_masked(c, call, r, k))
                memset(step.record, 0, c->filled * sizeof *step.record);
            else
                c->cell->backward(&step);
        }
        if (c->cell->reset)
            product_back(layer, call, &s, records, c->groups - 1, k, s.d_reset);
        for (size_t r = 0; c->cell->reset && r < call->rows; r++) {
            const ls_recurrent_step step = step_of(c, &s, records, r, k);

            if (!is_masked(c, call, r, k))
                c->cell->reset_backward(&step, s.d_reset + r * c->u);
        }
        for (size_t g = 0; k > 0 && g < plain_groups(c); g++)
            product_back(layer, call, &s, records, g, k, NULL);
    }
}

void ls_recurrent_input_gradient(const ls_layer *layer, const ls_call *call, const float *records)
{
    const ls_recurrent *c = layer->config;
    const scratch s = scratch_of(c, call);
    const size_t n = call->rows * c->steps, parts = kernel_products(c, &s), columns = c->width / parts;

    draw_masks(c, call, &s);
    for (size_t g = 0; g < parts; g++) {
        ls_multiply(call->arithmetic, 'n', 't', n, c->in, columns, records + g * columns, c->step,
                    layer->param[0].value + g * columns, c->width, !s.input_mask, s.input_mask ? s.X : call->dX[0],
                    c->in);
        if (s.input_mask)
            mask_inputs(c, &s, call->rows, g, s.X, call->dX[0], true);
    }
}

void ls_recurrent_kernel_rows(const ls_layer *layer, const ls_call *call, const float *records, size_t first,
                              size_t rows, float *out)
{
    const ls_recurrent *c = layer->config;
    const scratch s = scratch_of(c, call);
    const size_t n = call->rows * c->steps, parts = kernel_products(c, &s), columns = c->width / parts;

    draw_masks(c, call, &s);
    for (size_t g = 0; g < parts; g++)
        ls_multiply(call->arithmetic, 't', 'n', rows, columns, n, inputs_for(c, call, &s, g) + first, c->in,
                    records + g * columns, c->step, false, out + g * columns, c->width);
}

/* --- for cells ---------------------------------------------------------------------------------------------------- */

void ls_recurrent_activate(const ls_recurrent_step *step, const ls_activation_ops *act, const ls_component *component,
                           size_t at, size_t rows)
{
    const ls_recurrent *c = step->layer;
    float *const z = step->record + at, *before = step->record + c->before + at;

    if (!act)
        return;
    if (act->backward_reads == LS_FROM_INPUT)
        ls_copy(z, before, rows * c->u);
    act->forward(component->config, act->backward_reads == LS_FROM_INPUT ? before : z, z, rows, c->u);
}

void ls_recurrent_derive(const ls_recurrent_step *step, const ls_activation_ops *act, const ls_component *component,
                         size_t at, size_t rows, float *d)
{
    const ls_recurrent *c = step->layer;

    if (act)
        act->backward(component->config, step->record + (act->backward_reads == LS_FROM_INPUT ? c->before + at : at), d,
                      rows, c->u);
}
