#include "attention_reference.h"

#include <math.h>

#define KEYS_MAX 80

static bool says(const layer_driver *d, const char *name, const char *value)
{
    return strcmp(driver_text(d, name), value) == 0;
}

/* The share of key j of S in the sum of query t of T; head: whose numbers of dropout it draws. */
static void shares(const layer_driver *d, size_t row, size_t head, size_t T, size_t S, size_t t, double *score)
{
    const double rate = strtod(driver_text(d, "dropout"), NULL);
    const long window = driver_arg(d, "sliding_window", 0, 0);
    const ls_stream stream = ls_stream_at(11, LS_PURPOSE_DROPOUT, 3, ((uint64_t)5 << 40) ^ (1000 + row));
    double sum = 0;

    for (size_t j = 0; j < S; j++) {
        const bool seen =
            (!says(d, "use_causal_mask", "true") || j <= t) && (window == 0 || labs((long)t - (long)j) < window);

        sum += score[j] = seen ? exp(score[j]) : 0.0;
    }
    for (size_t j = 0; j < S; j++) {
        float uniform;

        score[j] /= sum;
        if (rate == 0)
            continue;
        ls_stream_uniform(&stream, (head * T + t) * S + j, 1, &uniform);
        score[j] *= uniform >= (float)rate ? (double)(float)(1.0 / (1.0 - rate)) : 0.0;
    }
}

/* Number (position, head, i) of X (positions, in) times K (in, heads, size), plus b (heads, size) if there is one. */
static double projected(const double *x, size_t in, const double *K, const double *b, size_t heads, size_t size,
                        size_t head, size_t i)
{
    double sum = b ? b[head * size + i] : 0.0;

    for (size_t f = 0; f < in; f++)
        sum += x[f] * K[(f * heads + head) * size + i];
    return sum;
}

void ref_multi_head(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const bool grouped = d->layer.ops == (const ls_layer_ops *)ls_registry_find(&ls_layers, "group_query_attention");
    const size_t heads = (size_t)driver_arg(d, grouped ? "num_query_heads" : "num_heads", 0, 1);
    const size_t groups = grouped ? (size_t)driver_arg(d, "num_key_value_heads", 0, 1) : heads;
    const size_t D = (size_t)driver_arg(d, grouped ? "head_dim" : "key_dim", 0, 1);
    const size_t E = (size_t)driver_arg(d, "value_dim", 0, (long)D), T = d->in[0].dim[0], S = d->in[1].dim[0];
    const size_t key = d->inputs - 1, out = ls_shape_size(&d->out) / T, per = says(d, "use_bias", "false") ? 1 : 2;
    const size_t in[3] = {d->in[0].dim[1], d->in[key].dim[1], d->in[1].dim[1]};
    const double *b[4] = {NULL};

    for (size_t p = 0; per == 2 && p < 4; p++)
        b[p] = W[2 * p + 1];
    for (size_t r = 0; r < rows; r++)
        for (size_t t = 0; t < T; t++) {
            double *y = Y + (r * T + t) * out;

            for (size_t o = 0; o < out; o++)
                y[o] = b[3] ? b[3][o] : 0.0;
            for (size_t h = 0; h < heads; h++) {
                const size_t group = h / (heads / groups);
                double score[KEYS_MAX] = {0};

                for (size_t j = 0; j < S; j++) {
                    for (size_t i = 0; i < D; i++)
                        score[j] += projected(X[0] + (r * T + t) * in[0], in[0], W[0], b[0], heads, D, h, i) *
                                    projected(X[key] + (r * S + j) * in[1], in[1], W[per], b[1], groups, D, group, i);
                    score[j] /= sqrt((double)D);
                }
                shares(d, r, h, T, S, t, score);
                for (size_t i = 0; i < E; i++) {
                    double given = 0;

                    for (size_t j = 0; j < S; j++)
                        given += score[j] *
                                 projected(X[1] + (r * S + j) * in[2], in[2], W[2 * per], b[2], groups, E, group, i);
                    for (size_t o = 0; o < out; o++)
                        y[o] += given * W[3 * per][(h * E + i) * out + o];
                }
            }
        }
}

static double score_of(const layer_driver *d, const double *q, const double *k, size_t n, const double *const *W)
{
    const bool additive = strcmp(d->layer.ops->ops.name, "additive_attention") == 0;
    const bool concat = says(d, "score_mode", "concat"), scaled = d->layer.params > (size_t)concat;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += additive ? (scaled ? W[0][i] : 1.0) * tanh(q[i] + k[i])
               : concat ? tanh((scaled ? *W[0] : 1.0) * (q[i] + k[i]))
                        : q[i] * k[i] * (scaled ? *W[0] : 1.0);
    return concat ? sum * *W[scaled] : sum;
}

void ref_attention(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const size_t T = d->in[0].dim[0], S = d->in[1].dim[0], D = d->in[0].dim[1], E = d->in[1].dim[1];

    for (size_t r = 0; r < rows; r++)
        for (size_t t = 0; t < T; t++) {
            double score[KEYS_MAX];

            for (size_t j = 0; j < S; j++)
                score[j] = score_of(d, X[0] + (r * T + t) * D, X[d->inputs - 1] + (r * S + j) * D, D, W);
            shares(d, r, 0, T, S, t, score);
            for (size_t i = 0; i < E; i++) {
                double sum = 0;

                for (size_t j = 0; j < S; j++)
                    sum += score[j] * X[1][(r * S + j) * E + i];
                Y[(r * T + t) * E + i] = sum;
            }
        }
}

void ref_positions(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const size_t F = d->out.dim[d->out.axes - 1], T = d->out.dim[d->out.axes - 2], n = rows * ls_shape_size(&d->out);

    (void)X;
    for (size_t i = 0; i < n; i++) {
        const size_t t = i / F % T, f = i % F;
        const double angle = (double)t / pow(100.0, 2.0 * (double)(f / 2) / (double)F);

        Y[i] = d->layer.params ? W[0][t * F + f] : f % 2 ? cos(angle) : sin(angle);
    }
}
