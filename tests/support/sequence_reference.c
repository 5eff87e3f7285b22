#include "sequence_reference.h"

#include <math.h>

#define UNITS_MAX 16
#define FEATURES_MAX 16
#define GATES_MAX 4

typedef struct cell_reference {
    const char *act, *gate_act;
    size_t u, in, gates;
    const double *K, *U, *b; /* b NULL: none */
    bool after;              /* gru: reset_after */
    double x_mask[GATES_MAX][FEATURES_MAX], h_mask[GATES_MAX][UNITS_MAX];
} cell_reference;

static double activated(const char *name, double z)
{
    if (strcmp(name, "sigmoid") == 0)
        return 1.0 / (1.0 + exp(-z));
    if (strcmp(name, "gelu") == 0)
        return 0.5 * z * (1.0 + erf(z / sqrt(2.0)));
    if (strcmp(name, "softsign") == 0)
        return z / (1.0 + fabs(z));
    if (strcmp(name, "linear") == 0)
        return z;
    return tanh(z);
}

static const char *text_of(const ls_config *args, const char *name)
{
    const ls_config *node = ls_config_get(args, name);

    return node && node->text ? node->text : "";
}

static double rate_of(const ls_config *args, const char *name)
{
    return strtod(text_of(args, name), NULL);
}

static bool says(const ls_config *args, const char *name, const char *value)
{
    return strcmp(text_of(args, name), value) == 0;
}

/* One mask for a sequence; for every gate one of its own where h is masked, too. Returns how many numbers they took. */
static size_t draw_masks(const ls_config *args, size_t row, size_t first, cell_reference *c)
{
    const double x_rate = rate_of(args, "dropout"), h_rate = rate_of(args, "recurrent_dropout");
    const ls_stream stream = ls_stream_at(11, LS_PURPOSE_DROPOUT, 3, ((uint64_t)5 << 40) ^ (1000 + row));
    const size_t x_masks = x_rate > 0 ? (h_rate > 0 ? c->gates : 1) : 0;
    float uniform;

    for (size_t g = 0; g < c->gates; g++) {
        for (size_t i = 0; i < c->in; i++) {
            c->x_mask[g][i] = 1.0;
            if (x_masks == 0)
                continue;
            ls_stream_uniform(&stream, first + (x_masks == 1 ? 0 : g) * c->in + i, 1, &uniform);
            c->x_mask[g][i] = uniform >= (float)x_rate ? (double)(float)(1.0 / (1.0 - x_rate)) : 0.0;
        }
        for (size_t k = 0; k < c->u; k++) {
            c->h_mask[g][k] = 1.0;
            if (h_rate == 0)
                continue;
            ls_stream_uniform(&stream, first + x_masks * c->in + g * c->u + k, 1, &uniform);
            c->h_mask[g][k] = uniform >= (float)h_rate ? (double)(float)(1.0 / (1.0 - h_rate)) : 0.0;
        }
    }
    return x_masks * c->in + (h_rate > 0 ? c->gates : 1) * c->u;
}

/* x K + b of unit k of gate g. */
static double from_input(const cell_reference *c, const double *x, size_t g, size_t k)
{
    double sum = c->b ? c->b[g * c->u + k] : 0.0;

    for (size_t i = 0; i < c->in; i++)
        sum += x[i] * c->x_mask[g][i] * c->K[i * c->gates * c->u + g * c->u + k];
    return sum;
}

static double from_state(const cell_reference *c, const double *h, size_t g, size_t k)
{
    double sum = c->b && c->after ? c->b[(c->gates + g) * c->u + k] : 0.0;

    for (size_t i = 0; i < c->u; i++)
        sum += h[i] * c->h_mask[g][i] * c->U[i * c->gates * c->u + g * c->u + k];
    return sum;
}

static void step_gru(const cell_reference *c, const double *x, double *h)
{
    double z[UNITS_MAX], r[UNITS_MAX], reset[UNITS_MAX], next[UNITS_MAX];

    for (size_t k = 0; k < c->u; k++) {
        z[k] = activated(c->gate_act, from_input(c, x, 0, k) + from_state(c, h, 0, k));
        r[k] = activated(c->gate_act, from_input(c, x, 1, k) + from_state(c, h, 1, k));
        reset[k] = r[k] * h[k];
    }
    for (size_t k = 0; k < c->u; k++) {
        const double inner = c->after ? r[k] * from_state(c, h, 2, k) : from_state(c, reset, 2, k);

        next[k] = z[k] * h[k] + (1.0 - z[k]) * activated(c->act, from_input(c, x, 2, k) + inner);
    }
    memcpy(h, next, c->u * sizeof *h);
}

static void step_lstm(const cell_reference *c, const double *x, double *h, double *carry)
{
    double next[UNITS_MAX];

    for (size_t k = 0; k < c->u; k++) {
        double z[4];

        for (size_t g = 0; g < 4; g++)
            z[g] = from_input(c, x, g, k) + from_state(c, h, g, k);
        carry[k] = activated(c->gate_act, z[1]) * carry[k] + activated(c->gate_act, z[0]) * activated(c->act, z[2]);
        next[k] = activated(c->gate_act, z[3]) * activated(c->act, carry[k]);
    }
    memcpy(h, next, c->u * sizeof *h);
}

static void step_simple_rnn(const cell_reference *c, const double *x, double *h)
{
    double next[UNITS_MAX];

    for (size_t k = 0; k < c->u; k++)
        next[k] = activated(c->act, from_input(c, x, 0, k) + from_state(c, h, 0, k));
    memcpy(h, next, c->u * sizeof *h);
}

/* h after every step of the walk, (rows, steps, units). first: of the numbers of its masks; moved on. */
static double *walk(const char *kind, const ls_config *args, const ls_shape *in, size_t rows, const double *X,
                    const double *const *W, size_t *first)
{
    const size_t steps = in->dim[0];
    const bool backwards = says(args, "go_backwards", "true");
    cell_reference c = {.act = text_of(args, "activation"),
                        .gate_act = text_of(args, "recurrent_activation"),
                        .u = strtoul(text_of(args, "units"), NULL, 10),
                        .in = in->dim[1],
                        .gates = strcmp(kind, "lstm") == 0  ? 4
                                 : strcmp(kind, "gru") == 0 ? 3
                                                            : 1,
                        .K = W[0],
                        .U = W[1],
                        .b = says(args, "use_bias", "false") ? NULL : W[2]};
    double *H = test_alloc(rows * steps * c.u, sizeof *H);
    size_t drawn = 0;

    c.after = c.gates == 3 && !says(args, "reset_after", "false");
    if (!*c.gate_act)
        c.gate_act = "sigmoid";
    assert_true(c.u <= UNITS_MAX && c.in <= FEATURES_MAX);
    for (size_t r = 0; r < rows; r++) {
        double h[UNITS_MAX] = {0}, carry[UNITS_MAX] = {0};

        drawn = draw_masks(args, r, *first, &c);
        for (size_t k = 0; k < steps; k++) {
            const double *x = X + (r * steps + (backwards ? steps - 1 - k : k)) * c.in;

            if (c.gates == 4)
                step_lstm(&c, x, h, carry);
            else if (c.gates == 3)
                step_gru(&c, x, h);
            else
                step_simple_rnn(&c, x, h);
            memcpy(H + (r * steps + k) * c.u, h, c.u * sizeof *h);
        }
    }
    *first += drawn;
    return H;
}

void ref_recurrent(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const size_t steps = d->in[0].dim[0], u = (size_t)driver_arg(d, "units", 0, 0);
    size_t first = 0;
    double *H = walk(d->layer.ops->ops.name, d->tree, &d->in[0], rows, X[0], W, &first);

    if (strcmp(driver_text(d, "return_sequences"), "true") == 0)
        memcpy(Y, H, rows * steps * u * sizeof *Y);
    else
        for (size_t r = 0; r < rows; r++)
            memcpy(Y + r * u, H + (r * steps + steps - 1) * u, u * sizeof *Y);
    free(H);
}

void ref_bidirectional(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const ls_config *one = ls_config_get(d->tree, "layer")->first;
    const char *mode = *driver_text(d, "merge_mode") ? driver_text(d, "merge_mode") : "concat";
    const bool concat = strcmp(mode, "concat") == 0;
    const size_t steps = d->in[0].dim[0], u = strtoul(text_of(one, "units"), NULL, 10);
    const size_t outputs = says(one, "return_sequences", "true") ? steps : 1, weights = d->layer.params / 2;
    double *turned = test_alloc(rows * steps * d->in[0].dim[1], sizeof *turned), *H[2];
    size_t first = 0;

    for (size_t r = 0; r < rows; r++)
        for (size_t t = 0; t < steps; t++)
            memcpy(turned + (r * steps + t) * d->in[0].dim[1], X[0] + (r * steps + steps - 1 - t) * d->in[0].dim[1],
                   d->in[0].dim[1] * sizeof *turned);
    H[0] = walk(one->key, one, &d->in[0], rows, X[0], W, &first);
    H[1] = walk(one->key, one, &d->in[0], rows, turned, W + weights, &first);
    for (size_t r = 0; r < rows; r++)
        for (size_t p = 0; p < outputs; p++)
            for (size_t k = 0; k < u; k++) {
                const double a = H[0][(r * steps + (outputs == 1 ? steps - 1 : p)) * u + k];
                const double b = H[1][(r * steps + (outputs == 1 ? steps - 1 : steps - 1 - p)) * u + k];
                double *y = Y + (r * outputs + p) * (concat ? 2 * u : u) + k;

                *y = concat ? a : strcmp(mode, "sum") == 0 ? a + b : strcmp(mode, "mul") == 0 ? a * b : (a + b) / 2.0;
                if (concat)
                    y[u] = b;
            }
    free(H[0]);
    free(H[1]);
    free(turned);
}

void ref_repeat_vector(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const size_t n = d->out.dim[0], features = d->out.dim[1];

    (void)W;
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < n * features; k++)
            Y[r * n * features + k] = X[0][r * features + k % features];
}
