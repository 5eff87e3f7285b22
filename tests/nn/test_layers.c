/*
 * Every layer of the registry: forward against an independent float64 twin, gradients against its central differences
 * (several shapes, cuts into microbatches, writing and adding), and purity: the same samples elsewhere in memory or in
 * a batch have the same bits.
 */
#include "attention_reference.h"
#include "sequence_reference.h"
#include "spatial_reference.h"

#include <ctype.h>

/* ---- float64 twins ---- */

static size_t size_of(const ls_shape *shape)
{
    return ls_shape_size(shape);
}

static void ref_copy(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    (void)W;
    memcpy(Y, X[0], rows * size_of(&d->in[0]) * sizeof *Y);
}

static void ref_dense(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const size_t units = (size_t)driver_arg(d, "units", 0, 0), in = d->in[0].dim[d->in[0].axes - 1];

    for (size_t r = 0; r < rows * size_of(&d->in[0]) / in; r++)
        for (size_t u = 0; u < units; u++) {
            Y[r * units + u] = strcmp(driver_text(d, "use_bias"), "false") != 0 ? W[1][u] : 0.0;
            for (size_t i = 0; i < in; i++)
                Y[r * units + u] += X[0][r * in + i] * W[0][i * units + u];
        }
}

/* What the engine adds to these layers, the activation, is tested by itself. */
static void ref_softmax(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const long given = driver_arg(d, "axis", 0, -1);
    const size_t rank = d->in[0].axes, axis = given > 0 ? (size_t)given - 1 : (size_t)((long)rank + given);
    const size_t n = d->in[0].dim[axis];
    size_t outer = rows, inner = 1;

    (void)W;
    if (axis + 1 == rank) {
        ref_copy(d, rows, X, W, Y);
        return;
    }
    for (size_t i = 0; i < rank; i++)
        *(i < axis ? &outer : &inner) *= i == axis ? 1 : d->in[0].dim[i];
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < inner; i++) {
            double sum = 0;

            for (size_t k = 0; k < n; k++)
                sum += exp(X[0][(o * n + k) * inner + i]);
            for (size_t k = 0; k < n; k++)
                Y[(o * n + k) * inner + i] = exp(X[0][(o * n + k) * inner + i]) / sum;
        }
}

static void ref_prelu(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const ls_shape *in = &d->in[0], *alpha = &d->layer.param[0].shape;

    for (size_t i = 0; i < rows * size_of(in); i++) {
        size_t rest = i % size_of(in), at = 0, stride = 1;

        for (size_t axis = in->axes; axis-- > 0; rest /= in->dim[axis]) {
            at += alpha->dim[axis] == 1 ? 0 : rest % in->dim[axis] * stride;
            stride *= alpha->dim[axis];
        }
        Y[i] = X[0][i] > 0 ? X[0][i] : W[0][at] * X[0][i];
    }
}

/* By brute force, over all values of all letters; the batch is 'a', no ellipsis. */
static void ref_einsum_dense(const layer_driver *d, size_t rows, const double *const *X, const double *const *W,
                             double *Y)
{
    const char *equation = driver_text(d, "equation"), *comma = strchr(equation, ','), *arrow = strstr(equation, "->");
    const char *bias = driver_text(d, "bias_axes");
    const struct {
        const char *letters;
        size_t n;
    } term[3] = {{equation, (size_t)(comma - equation)},
                 {comma + 1, (size_t)(arrow - comma - 1)},
                 {arrow + 2, strlen(arrow + 2)}};
    const size_t *dims[3] = {d->in[0].dim, d->layer.param[0].shape.dim, d->out.dim};
    size_t size[128] = {0}, at[128] = {0}, total = rows;

    size['a'] = rows;
    for (int t = 0; t < 3; t++)
        for (size_t i = t == 1 ? 0 : 1; i < term[t].n; i++) {
            const int letter = term[t].letters[i];

            total *= size[letter] ? 1 : dims[t][t == 1 ? i : i - 1];
            size[letter] = dims[t][t == 1 ? i : i - 1];
        }
    memset(Y, 0, rows * size_of(&d->out) * sizeof *Y);
    for (size_t step = 0; step < total; step++) {
        size_t place[3] = {0}, rest = step;

        for (int letter = 0; letter < 128; letter++)
            if (size[letter]) {
                at[letter] = rest % size[letter];
                rest /= size[letter];
            }
        for (int t = 0; t < 3; t++)
            for (size_t i = 0; i < term[t].n; i++)
                place[t] = place[t] * size[(int)term[t].letters[i]] + at[(int)term[t].letters[i]];
        Y[place[2]] += X[0][place[0]] * W[0][place[1]];
    }
    for (size_t i = 0; *bias && i < rows * size_of(&d->out); i++) {
        size_t rest = i, b = 0, stride = 1;

        for (size_t k = term[2].n; k-- > 0; rest /= size[(int)term[2].letters[k]])
            if (strchr(bias, term[2].letters[k])) {
                b += rest % size[(int)term[2].letters[k]] * stride;
                stride *= size[(int)term[2].letters[k]];
            }
        Y[i] += W[1][b];
    }
}

/* Only for three axes. */
static void ref_permute(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const size_t *dim = d->in[0].dim, n = size_of(&d->in[0]);

    (void)W;
    for (size_t r = 0; r < rows; r++)
        for (size_t a = 0; a < dim[0]; a++)
            for (size_t b = 0; b < dim[1]; b++)
                for (size_t c = 0; c < dim[2]; c++) {
                    const size_t at[3] = {a, b, c};
                    size_t out = 0;

                    for (size_t i = 0; i < 3; i++) {
                        const size_t axis = (size_t)driver_arg(d, "dims", i, 0) - 1;

                        out = out * dim[axis] + at[axis];
                    }
                    Y[r * n + out] = X[0][r * n + (a * dim[1] + b) * dim[2] + c];
                }
}

/* A dense layer without time_distributed is the same: it works along the last axis. */
static void ref_distributed_dense(const layer_driver *d, size_t rows, const double *const *X, const double *const *W,
                                  double *Y)
{
    const size_t units = d->out.dim[d->out.axes - 1], in = d->in[0].dim[d->in[0].axes - 1];

    for (size_t r = 0; r < rows * size_of(&d->in[0]) / in; r++)
        for (size_t u = 0; u < units; u++) {
            Y[r * units + u] = W[1][u];
            for (size_t i = 0; i < in; i++)
                Y[r * units + u] += X[0][r * in + i] * W[0][i * units + u];
        }
}

static void ref_embedding(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const size_t n = (size_t)driver_arg(d, "output_dim", 0, 0);

    for (size_t p = 0; p < rows * size_of(&d->in[0]); p++)
        for (size_t i = 0; i < n; i++)
            Y[p * n + i] = W[0][(size_t)X[0][p] * n + i];
}

static void ref_concatenate(const layer_driver *d, size_t rows, const double *const *X, const double *const *W,
                            double *Y)
{
    const long given = driver_arg(d, "axis", 0, -1);
    const size_t rank = d->in[0].axes, axis = given > 0 ? (size_t)given - 1 : (size_t)((long)rank + given);
    size_t outer = rows, inner = 1, at = 0;

    (void)W;
    for (size_t i = 0; i < rank; i++)
        *(i < axis ? &outer : &inner) *= i == axis ? 1 : d->in[0].dim[i];
    for (size_t o = 0; o < outer; o++)
        for (size_t k = 0; k < d->inputs; k++)
            for (size_t i = 0; i < d->in[k].dim[axis] * inner; i++)
                Y[at++] = X[k][o * d->in[k].dim[axis] * inner + i];
}

/* The element of input k, broadcast as NumPy does, that meets element i of the output of sample r. */
static double broadcast(const layer_driver *d, const double *const *X, size_t k, size_t r, size_t i)
{
    size_t offset = 0, stride = 1;

    for (size_t axis = d->out.axes; axis-- > 0; i /= d->out.dim[axis]) {
        const size_t missing = d->out.axes - d->in[k].axes;

        if (axis < missing)
            continue;
        if (d->in[k].dim[axis - missing] != 1)
            offset += i % d->out.dim[axis] * stride;
        stride *= d->in[k].dim[axis - missing];
    }
    return X[k][r * size_of(&d->in[k]) + offset];
}

static void ref_merge(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const char *kind = d->layer.ops->ops.name;
    const size_t n = size_of(&d->out);

    (void)W;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++) {
            double y = broadcast(d, X, 0, r, i);

            for (size_t k = 1; k < d->inputs; k++) {
                const double x = broadcast(d, X, k, r, i);

                y = !strcmp(kind, "multiply")   ? y * x
                    : !strcmp(kind, "subtract") ? y - x
                    : !strcmp(kind, "maximum")  ? fmax(y, x)
                    : !strcmp(kind, "minimum")  ? fmin(y, x)
                                                : y + x;
            }
            Y[r * n + i] = !strcmp(kind, "average") ? y / (double)d->inputs : y;
        }
}

/* (d) . (d), (a,K) . (b,K) over 2, (K,a) . (b,K) over (1,2): element k of vector v of input i. */
static size_t dot_place(const layer_driver *d, size_t input, size_t v, size_t k)
{
    const ls_shape *in = &d->in[input];
    const long axis = driver_arg(d, "axes", input, 0);

    if (in->axes == 1)
        return k;
    return axis == 1 ? k * in->dim[1] + v : v * in->dim[1] + k;
}

static void ref_dot(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const size_t n0 = size_of(&d->in[0]), n1 = size_of(&d->in[1]);
    const long axis = driver_arg(d, "axes", 0, 0);
    const size_t K = d->in[0].dim[d->in[0].axes == 1 || axis == 1 ? 0 : 1], P = n0 / K, Q = n1 / K;

    (void)W;
    for (size_t r = 0; r < rows; r++)
        for (size_t p = 0; p < P; p++)
            for (size_t q = 0; q < Q; q++) {
                double sum = 0.0, xx = 0.0, yy = 0.0;

                for (size_t k = 0; k < K; k++) {
                    const double x = X[0][r * n0 + dot_place(d, 0, p, k)], y = X[1][r * n1 + dot_place(d, 1, q, k)];

                    sum += x * y;
                    xx += x * x;
                    yy += y * y;
                }
                Y[(r * P + p) * Q + q] =
                    strcmp(driver_text(d, "normalize"), "true") ? sum : sum / sqrt(fmax(xx, 1e-14) * fmax(yy, 1e-14));
            }
}

/* y = gamma (x - mean) / sqrt(var + eps) + beta over `count` values x[i * step]. */
static void ref_normalize(const double *x, double *y, size_t count, size_t step, double eps, const double *gamma,
                          const double *beta, size_t weight_step)
{
    double mean = 0.0, var = 0.0;

    for (size_t i = 0; i < count; i++)
        mean += x[i * step] / (double)count;
    for (size_t i = 0; i < count; i++)
        var += (x[i * step] - mean) * (x[i * step] - mean) / (double)count;
    for (size_t i = 0; i < count; i++)
        y[i * step] = (x[i * step] - mean) / sqrt(var + eps) * (gamma ? gamma[i * weight_step] : 1.0) +
                      (beta ? beta[i * weight_step] : 0.0);
}

static void weights_of(const layer_driver *d, const double *const *W, const double **gamma, const double **beta)
{
    const bool scale = strcmp(driver_text(d, "scale"), "false") != 0;

    *gamma = scale ? W[0] : NULL;
    *beta = strcmp(driver_text(d, "center"), "false") != 0 ? W[scale] : NULL;
}

static void ref_batch_normalization(const layer_driver *d, size_t rows, const double *const *X, const double *const *W,
                                    double *Y)
{
    const size_t C = d->in[0].dim[d->in[0].axes - 1], positions = size_of(&d->in[0]) / C;
    const size_t group = (size_t)driver_arg(d, "groups", 0, (long)rows);
    const double *gamma, *beta;

    weights_of(d, W, &gamma, &beta);
    for (size_t r = 0; r < rows; r += group)
        for (size_t c = 0; c < C; c++)
            ref_normalize(X[0] + r * positions * C + c, Y + r * positions * C + c,
                          (rows - r < group ? rows - r : group) * positions, C, 1e-3, gamma ? gamma + c : NULL,
                          beta ? beta + c : NULL, 0);
}

static void ref_layer_normalization(const layer_driver *d, size_t rows, const double *const *X, const double *const *W,
                                    double *Y)
{
    const ls_config *axis = ls_config_get(d->tree, "axis");
    const size_t axes = axis && axis->kind == LS_CONFIG_LIST ? axis->count : 1;
    const double *gamma, *beta;
    size_t n = 1;

    weights_of(d, W, &gamma, &beta);
    for (size_t i = 0; i < axes; i++)
        n *= d->in[0].dim[d->in[0].axes - 1 - i];
    for (size_t at = 0; at < rows * size_of(&d->in[0]); at += n)
        ref_normalize(X[0] + at, Y + at, n, 1, 1e-3, gamma, beta, 1);
}

static void ref_rescaling(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    (void)W;
    for (size_t i = 0; i < rows * size_of(&d->in[0]); i++)
        Y[i] = X[0][i] * 0.25 - 1.5;
}

/* Runs as sets of elements: two elements of a sample are in one run if they are alike in all that is not normalized. */
static size_t run_of(const layer_driver *d, size_t i, bool groups)
{
    const ls_config *axis = ls_config_get(d->tree, "axis");
    const size_t rank = d->in[0].axes, channels = d->in[0].dim[rank - 1];
    const long G = driver_arg(d, "groups", 0, 32);
    size_t run = 0, rest = i;

    if (groups)
        return i % channels / (channels / (G < 0 ? channels : (size_t)G));
    for (size_t k = rank; k-- > 0; rest /= d->in[0].dim[k]) {
        bool normalized = !axis && k + 1 == rank;

        for (size_t a = 0; axis && a < (axis->kind == LS_CONFIG_LIST ? axis->count : 1); a++) {
            const long given = driver_arg(d, "axis", a, -1);

            normalized |= k == (given > 0 ? (size_t)given - 1 : (size_t)((long)rank + given));
        }
        run = normalized ? run : run * d->in[0].dim[k] + rest % d->in[0].dim[k];
    }
    return run;
}

static void ref_runs(const layer_driver *d, size_t rows, const double *const *X, const double *const *W, double *Y)
{
    const char *kind = d->layer.ops->ops.name;
    const bool groups = !strcmp(kind, "group_normalization"), unit = !strcmp(kind, "unit_normalization");
    const size_t n = size_of(&d->in[0]), channels = d->in[0].dim[d->in[0].axes - 1];
    const double *gamma = NULL, *beta = NULL;

    if (groups)
        weights_of(d, W, &gamma, &beta);
    for (size_t i = 0; i < rows * n; i++) {
        const double *x = X[0] + i / n * n;
        double count = 0, mean = 0, squares = 0, before = 0;

        for (size_t k = 0; k < n; k++)
            if (run_of(d, k, groups) == run_of(d, i % n, groups)) {
                count += 1;
                mean += groups ? x[k] : 0;
                before += k < i % n; /* the place in the run, which is that of the weight */
            }
        mean /= count;
        for (size_t k = 0; k < n; k++)
            if (run_of(d, k, groups) == run_of(d, i % n, groups))
                squares += (x[k] - mean) * (x[k] - mean);
        Y[i] = (x[i % n] - mean) / sqrt(unit ? squares : squares / count + (groups ? 1e-3 : 1e-6));
        if (!groups && !unit)
            Y[i] *= W[0][(size_t)before];
        Y[i] = Y[i] * (gamma ? gamma[i % channels] : 1) + (beta ? beta[i % channels] : 0);
    }
}

/* ---- the cases ---- */

#define INPUTS 4

static const struct layer_case {
    const char *kind;
    const char *args[13];
    ls_shape in[INPUTS];
    size_t inputs;
    layer_reference forward; /* NULL: linear in X with a random mask, checked by itself */
    size_t unit;             /* microbatches must be a multiple; 0: any */
} cases[] = {
    {"dense", {"units", "3", NULL}, {{1, {5}}}, 1, ref_dense, 0},
    {"dense", {"units", "4", "use_bias", "false", NULL}, {{2, {3, 2}}}, 1, ref_dense, 0},
    {"activation", {"activation", "tanh", NULL}, {{2, {3, 2}}}, 1, ref_copy, 0},
    {"relu", {"max_value", "2", NULL}, {{2, {3, 2}}}, 1, ref_copy, 0},
    {"leaky_relu", {NULL}, {{2, {3, 2}}}, 1, ref_copy, 0},
    {"elu", {NULL}, {{2, {3, 2}}}, 1, ref_copy, 0},
    {"prelu", {NULL}, {{2, {3, 2}}}, 1, ref_prelu, 0},
    {"prelu", {"shared_axes", "[1, 3]", NULL}, {{3, {2, 3, 2}}}, 1, ref_prelu, 0},
    {"softmax", {NULL}, {{2, {3, 2}}}, 1, ref_softmax, 0},
    {"softmax", {"axis", "1", NULL}, {{3, {4, 2, 3}}}, 1, ref_softmax, 0},
    {"softmax", {"axis", "-2", NULL}, {{3, {2, 4, 3}}}, 1, ref_softmax, 0},
    {"identity", {NULL}, {{2, {3, 2}}}, 1, ref_copy, 0},
    {"activity_regularization", {"l1", "0.1", NULL}, {{2, {3, 2}}}, 1, ref_copy, 0},
    {"einsum_dense", {"equation", "ab,bc->ac", "output_shape", "3", NULL}, {{1, {4}}}, 1, ref_einsum_dense, 0},
    {"einsum_dense",
     {"equation", "abc,cde->abed", "output_shape", "[2, 3, 4]", "bias_axes", "d", NULL},
     {{2, {2, 3}}},
     1,
     ref_einsum_dense,
     0},
    {"einsum_dense",
     {"equation", "abcd,cbe->aebd", "output_shape", "[4, 2, 2]", "bias_axes", "eb", NULL},
     {{3, {2, 3, 2}}},
     1,
     ref_einsum_dense,
     0},
    {"flatten", {NULL}, {{3, {2, 3, 2}}}, 1, ref_copy, 0},
    {"reshape", {"target_shape", "[3, -1, 2]", NULL}, {{2, {4, 3}}}, 1, ref_copy, 0},
    {"reshape", {"target_shape", "[12]", NULL}, {{2, {4, 3}}}, 1, ref_copy, 0},
    {"permute", {"dims", "[2, 3, 1]", NULL}, {{3, {2, 3, 4}}}, 1, ref_permute, 0},
    {"permute", {"dims", "[3, 2, 1]", NULL}, {{3, {2, 3, 2}}}, 1, ref_permute, 0},
    {"dropout", {"rate", "0.4", NULL}, {{1, {7}}}, 1, NULL, 0},
    {"dropout", {"rate", "0.5", "noise_shape", "[1, 3]", NULL}, {{2, {4, 3}}}, 1, NULL, 0},
    {"spatial_dropout1d", {"rate", "0.5", NULL}, {{2, {4, 3}}}, 1, NULL, 0},
    {"spatial_dropout2d", {"rate", "0.5", NULL}, {{3, {2, 2, 3}}}, 1, NULL, 0},
    {"spatial_dropout3d", {"rate", "0.5", NULL}, {{4, {2, 1, 2, 3}}}, 1, NULL, 0},
    {"alpha_dropout", {"rate", "0.4", NULL}, {{1, {7}}}, 1, NULL, 0},
    {"gaussian_dropout", {"rate", "0.4", NULL}, {{1, {7}}}, 1, NULL, 0},
    {"gaussian_noise", {"stddev", "0.3", NULL}, {{1, {7}}}, 1, NULL, 0},
    {"random_flip", {"mode", "horizontal", NULL}, {{3, {3, 4, 2}}}, 1, NULL, 0},
    {"random_crop", {"height", "2", "width", "3", NULL}, {{3, {4, 5, 2}}}, 1, NULL, 0},
    {"random_translation", {"height_factor", "0.3", "width_factor", "0.2", NULL}, {{3, {4, 5, 2}}}, 1, NULL, 0},
    {"random_rotation", {"factor", "0.2", "fill_mode", "wrap", NULL}, {{3, {4, 5, 2}}}, 1, NULL, 0},
    {"random_rotation", {"factor", "0.2", "interpolation", "nearest", NULL}, {{3, {4, 5, 2}}}, 1, NULL, 0},
    {"random_zoom", {"height_factor", "0.4", "fill_mode", "constant", NULL}, {{3, {4, 5, 2}}}, 1, NULL, 0},
    {"random_brightness", {"factor", "0.2", "value_range", "[-1, 1]", NULL}, {{3, {3, 2, 2}}}, 1, NULL, 0},
    {"random_contrast", {"factor", "0.5", "value_range", "[-1, 1]", NULL}, {{3, {3, 2, 2}}}, 1, NULL, 0},
    {"random_erasing", {"scale", "[0.2, 0.5]", "fill_value", "1", NULL}, {{3, {4, 5, 2}}}, 1, NULL, 0},
    {"embedding", {"input_dim", "9", "output_dim", "3", NULL}, {{1, {4}}}, 1, ref_embedding, 0},
    {"embedding", {"input_dim", "300", "output_dim", "200", NULL}, {{0, {0}}}, 1, ref_embedding, 0},
    {"masking", {NULL}, {{2, {4, 2}}}, 1, ref_copy, 0},
    {"simple_rnn", {"units", "3", NULL}, {{2, {4, 2}}}, 1, ref_recurrent, 0},
    {"simple_rnn",
     {"units", "4", "activation", "gelu", "use_bias", "false", "return_sequences", "true", "go_backwards", "true",
      NULL},
     {{2, {3, 3}}},
     1,
     ref_recurrent,
     0},
    {"simple_rnn",
     {"units", "3", "dropout", "0.4", "recurrent_dropout", "0.3", "return_sequences", "true", NULL},
     {{2, {5, 3}}},
     1,
     ref_recurrent,
     0},
    {"gru", {"units", "3", NULL}, {{2, {4, 2}}}, 1, ref_recurrent, 0},
    {"gru", {"units", "3", "reset_after", "false", NULL}, {{2, {4, 2}}}, 1, ref_recurrent, 0},
    {"gru",
     {"units", "2", "activation", "gelu", "recurrent_activation", "gelu", "use_bias", "false", "return_sequences",
      "true", NULL},
     {{2, {3, 3}}},
     1,
     ref_recurrent,
     0},
    {"gru",
     {"units", "2", "reset_after", "false", "activation", "gelu", "recurrent_activation", "gelu", "use_bias", "false",
      "go_backwards", "true", NULL},
     {{2, {3, 3}}},
     1,
     ref_recurrent,
     0},
    {"gru",
     {"units", "3", "dropout", "0.4", "recurrent_dropout", "0.3", "return_sequences", "true", NULL},
     {{2, {4, 3}}},
     1,
     ref_recurrent,
     0},
    {"gru",
     {"units", "3", "reset_after", "false", "dropout", "0.4", "recurrent_dropout", "0.3", NULL},
     {{2, {4, 3}}},
     1,
     ref_recurrent,
     0},
    {"lstm", {"units", "3", NULL}, {{2, {4, 2}}}, 1, ref_recurrent, 0},
    {"lstm",
     {"units", "2", "activation", "gelu", "recurrent_activation", "gelu", "use_bias", "false", "return_sequences",
      "true", "go_backwards", "true", NULL},
     {{2, {3, 3}}},
     1,
     ref_recurrent,
     0},
    {"lstm",
     {"units", "3", "activation", "linear", "recurrent_activation", "softsign", NULL},
     {{2, {1, 3}}},
     1,
     ref_recurrent,
     0},
    {"lstm", {"units", "3", "dropout", "0.4", NULL}, {{2, {4, 3}}}, 1, ref_recurrent, 0},
    {"lstm",
     {"units", "3", "dropout", "0.4", "recurrent_dropout", "0.3", "return_sequences", "true", NULL},
     {{2, {4, 3}}},
     1,
     ref_recurrent,
     0},
    {"lstm", {"units", "16", NULL}, {{2, {2, 9}}}, 1, ref_recurrent, 0},
    {"bidirectional", {"layer", "{lstm: {units: 3}}", NULL}, {{2, {4, 2}}}, 1, ref_bidirectional, 0},
    {"bidirectional",
     {"layer", "{gru: {units: 2, dropout: 0.4, recurrent_dropout: 0.3, return_sequences: true}}", NULL},
     {{2, {4, 3}}},
     1,
     ref_bidirectional,
     0},
    {"bidirectional",
     {"layer", "{gru: {units: 3, return_sequences: true}}", "merge_mode", "mul", NULL},
     {{2, {4, 2}}},
     1,
     ref_bidirectional,
     0},
    {"bidirectional",
     {"layer", "{simple_rnn: {units: 3, use_bias: false, return_sequences: true}}", "merge_mode", "sum", NULL},
     {{2, {4, 2}}},
     1,
     ref_bidirectional,
     0},
    {"bidirectional",
     {"layer", "{lstm: {units: 2}}", "merge_mode", "ave", NULL},
     {{2, {3, 2}}},
     1,
     ref_bidirectional,
     0},
    {"time_distributed", {"layer", "{dense: {units: 3}}", NULL}, {{2, {4, 5}}}, 1, ref_distributed_dense, 0},
    {"time_distributed",
     {"layer", "{time_distributed: {layer: {dense: {units: 2}}}}", NULL},
     {{3, {2, 3, 5}}},
     1,
     ref_distributed_dense,
     0},
    {"time_distributed", {"layer", "{dropout: {rate: 0.4}}", NULL}, {{2, {4, 5}}}, 1, NULL, 0},
    {"time_distributed", {"layer", "{flatten: {}}", NULL}, {{3, {4, 2, 3}}}, 1, ref_copy, 0},
    {"repeat_vector", {"n", "3", NULL}, {{1, {4}}}, 1, ref_repeat_vector, 0},
    {"multi_head_attention",
     {"num_heads", "2", "key_dim", "3", NULL},
     {{2, {4, 5}}, {2, {4, 5}}},
     2,
     ref_multi_head,
     0},
    {"multi_head_attention",
     {"num_heads", "2", "key_dim", "2", "value_dim", "3", "output_shape", "4", "dropout", "0.3", NULL},
     {{2, {3, 2}}, {2, {5, 3}}, {2, {5, 2}}},
     3,
     ref_multi_head,
     0},
    {"multi_head_attention",
     {"num_heads", "1", "key_dim", "2", "use_bias", "false", "use_causal_mask", "true", "dropout", "0.2", NULL},
     {{2, {5, 2}}, {2, {3, 2}}},
     2,
     ref_multi_head,
     0},
    {"multi_head_attention",
     {"num_heads", "2", "key_dim", "5", "sliding_window", "2", NULL},
     {{2, {4, 3}}, {2, {4, 3}}},
     2,
     ref_multi_head,
     0},
    {"group_query_attention",
     {"num_query_heads", "4", "num_key_value_heads", "2", "head_dim", "2", "use_causal_mask", "true", "dropout", "0.2",
      NULL},
     {{2, {4, 3}}, {2, {4, 3}}},
     2,
     ref_multi_head,
     0},
    {"group_query_attention",
     {"num_query_heads", "3", "num_key_value_heads", "1", "head_dim", "2", "use_bias", "false", NULL},
     {{2, {2, 3}}, {2, {4, 3}}, {2, {4, 2}}},
     3,
     ref_multi_head,
     0},
    {"attention", {"dropout", "0.3", NULL}, {{2, {3, 4}}, {2, {5, 4}}}, 2, ref_attention, 0},
    {"attention",
     {"use_scale", "true", "use_causal_mask", "true", NULL},
     {{2, {3, 4}}, {2, {3, 2}}, {2, {3, 4}}},
     3,
     ref_attention,
     0},
    {"attention",
     {"use_scale", "true", "score_mode", "concat", "dropout", "0.3", NULL},
     {{2, {3, 2}}, {2, {4, 3}}, {2, {4, 2}}},
     3,
     ref_attention,
     0},
    {"attention", {"score_mode", "concat", NULL}, {{2, {3, 2}}, {2, {2, 2}}}, 2, ref_attention, 0},
    {"additive_attention",
     {"use_causal_mask", "true", "dropout", "0.3", NULL},
     {{2, {4, 3}}, {2, {4, 3}}},
     2,
     ref_attention,
     0},
    {"additive_attention", {"use_scale", "false", NULL}, {{2, {2, 3}}, {2, {3, 2}}, {2, {3, 3}}}, 3, ref_attention, 0},
    {"position_embedding", {"sequence_length", "6", NULL}, {{3, {2, 4, 3}}}, 1, ref_positions, 0},
    {"sine_position_encoding", {"max_wavelength", "100", NULL}, {{2, {7, 5}}}, 1, ref_positions, 0},
    {"batch_normalization", {NULL}, {{1, {4}}}, 1, ref_batch_normalization, 0},
    {"batch_normalization", {"scale", "false", NULL}, {{3, {2, 2, 3}}}, 1, ref_batch_normalization, 0},
    {"batch_normalization", {"center", "false", "axis", "2", NULL}, {{2, {2, 3}}}, 1, ref_batch_normalization, 0},
    {"batch_normalization", {"groups", "2", NULL}, {{1, {4}}}, 1, ref_batch_normalization, 2},
    {"batch_normalization", {"groups", "3", "center", "false", NULL}, {{2, {2, 3}}}, 1, ref_batch_normalization, 3},
    {"layer_normalization", {NULL}, {{1, {5}}}, 1, ref_layer_normalization, 0},
    {"layer_normalization", {"axis", "[-1, -2]", NULL}, {{3, {2, 2, 3}}}, 1, ref_layer_normalization, 0},
    {"layer_normalization", {"scale", "false", "axis", "2", NULL}, {{2, {3, 4}}}, 1, ref_layer_normalization, 0},
    {"layer_normalization", {"center", "false", NULL}, {{2, {3, 4}}}, 1, ref_layer_normalization, 0},
    {"rescaling", {"scale", "0.25", "offset", "-1.5", NULL}, {{2, {2, 3}}}, 1, ref_rescaling, 0},
    {"rms_normalization", {NULL}, {{1, {5}}}, 1, ref_runs, 0},
    {"rms_normalization", {"axis", "1", NULL}, {{3, {3, 2, 2}}}, 1, ref_runs, 0},
    {"rms_normalization", {"axis", "[-1, 1]", NULL}, {{3, {2, 3, 2}}}, 1, ref_runs, 0},
    {"unit_normalization", {NULL}, {{2, {2, 4}}}, 1, ref_runs, 0},
    {"unit_normalization", {"axis", "[1, 2]", NULL}, {{3, {2, 2, 2}}}, 1, ref_runs, 0},
    {"group_normalization", {"groups", "2", NULL}, {{1, {6}}}, 1, ref_runs, 0},
    {"group_normalization", {"groups", "3", "scale", "false", NULL}, {{3, {2, 2, 6}}}, 1, ref_runs, 0},
    {"group_normalization", {"groups", "-1", "center", "false", NULL}, {{2, {4, 2}}}, 1, ref_runs, 0},
    {"conv2d", {"filters", "3", "kernel_size", "[2, 3]", NULL}, {{3, {4, 5, 2}}}, 1, ref_convolution, 0},
    {"conv2d",
     {"filters", "2", "kernel_size", "3", "padding", "same", "strides", "2", NULL},
     {{3, {4, 5, 1}}},
     1,
     ref_convolution,
     0},
    {"conv2d",
     {"filters", "4", "kernel_size", "2", "padding", "same", "dilation_rate", "[2, 1]", "groups", "2", NULL},
     {{3, {4, 3, 4}}},
     1,
     ref_convolution,
     0},
    {"conv2d",
     {"filters", "2", "kernel_size", "1", "use_bias", "false", "strides", "[1, 2]", NULL},
     {{3, {2, 5, 3}}},
     1,
     ref_convolution,
     0},
    {"max_pooling2d", {NULL}, {{3, {4, 5, 2}}}, 1, ref_pooling, 0},
    {"max_pooling2d", {NULL}, {{3, {2, 3, 70}}}, 1, ref_pooling, 0},
    {"max_pooling2d",
     {"pool_size", "[3, 2]", "strides", "[1, 2]", "padding", "same", NULL},
     {{3, {4, 5, 2}}},
     1,
     ref_pooling,
     0},
    {"average_pooling2d", {"pool_size", "2", "padding", "same", NULL}, {{3, {5, 3, 2}}}, 1, ref_pooling, 0},
    {"average_pooling2d", {"pool_size", "3", "strides", "1", NULL}, {{3, {4, 5, 2}}}, 1, ref_pooling, 0},
    {"average_pooling2d",
     {"pool_size", "[5, 1]", "strides", "[2, 3]", "padding", "same", NULL},
     {{3, {3, 4, 2}}},
     1,
     ref_pooling,
     0},
    {"global_average_pooling2d", {NULL}, {{3, {3, 4, 2}}}, 1, ref_global_pooling, 0},
    {"global_average_pooling2d", {"keepdims", "true", NULL}, {{3, {2, 1, 3}}}, 1, ref_global_pooling, 0},
    {"conv1d", {"filters", "3", "kernel_size", "3", "padding", "causal", NULL}, {{2, {5, 2}}}, 1, ref_convolution, 0},
    {"conv1d",
     {"filters", "2", "kernel_size", "2", "padding", "causal", "dilation_rate", "2", "groups", "2", NULL},
     {{2, {6, 4}}},
     1,
     ref_convolution,
     0},
    {"conv1d",
     {"filters", "2", "kernel_size", "2", "padding", "same", "strides", "2", "use_bias", "false", NULL},
     {{2, {5, 3}}},
     1,
     ref_convolution,
     0},
    {"conv3d", {"filters", "2", "kernel_size", "2", NULL}, {{4, {3, 2, 3, 2}}}, 1, ref_convolution, 0},
    {"conv3d",
     {"filters", "2", "kernel_size", "[1, 2, 3]", "padding", "same", "strides", "[1, 2, 1]", "groups", "2", NULL},
     {{4, {2, 3, 3, 2}}},
     1,
     ref_convolution,
     0},
    {"conv1d_transpose",
     {"filters", "2", "kernel_size", "3", "strides", "2", NULL},
     {{2, {3, 2}}},
     1,
     ref_transposed_convolution,
     0},
    {"conv1d_transpose",
     {"filters", "2", "kernel_size", "3", "strides", "3", "padding", "same", "output_padding", "1", NULL},
     {{2, {3, 2}}},
     1,
     ref_transposed_convolution,
     0},
    {"conv2d_transpose",
     {"filters", "3", "kernel_size", "[2, 3]", "strides", "2", "padding", "same", NULL},
     {{3, {2, 3, 2}}},
     1,
     ref_transposed_convolution,
     0},
    {"conv2d_transpose",
     {"filters", "2", "kernel_size", "1", "strides", "[2, 3]", "use_bias", "false", NULL},
     {{3, {2, 2, 2}}},
     1,
     ref_transposed_convolution,
     0},
    {"conv3d_transpose",
     {"filters", "2", "kernel_size", "2", "strides", "[1, 2, 1]", NULL},
     {{4, {2, 1, 2, 2}}},
     1,
     ref_transposed_convolution,
     0},
    {"depthwise_conv1d", {"kernel_size", "3", "padding", "same", NULL}, {{2, {4, 3}}}, 1, ref_depthwise_convolution, 0},
    {"depthwise_conv2d",
     {"kernel_size", "[2, 3]", "depth_multiplier", "2", "strides", "2", NULL},
     {{3, {4, 5, 2}}},
     1,
     ref_depthwise_convolution,
     0},
    {"depthwise_conv2d",
     {"kernel_size", "2", "dilation_rate", "2", "padding", "same", "use_bias", "false", NULL},
     {{3, {4, 3, 2}}},
     1,
     ref_depthwise_convolution,
     0},
    {"separable_conv1d", {"filters", "3", "kernel_size", "2", NULL}, {{2, {4, 2}}}, 1, ref_depthwise_convolution, 0},
    {"separable_conv2d",
     {"filters", "3", "kernel_size", "[3, 2]", "depth_multiplier", "2", "padding", "same", NULL},
     {{3, {3, 3, 2}}},
     1,
     ref_depthwise_convolution,
     0},
    {"separable_conv2d",
     {"filters", "2", "kernel_size", "2", "strides", "2", "use_bias", "false", NULL},
     {{3, {4, 3, 2}}},
     1,
     ref_depthwise_convolution,
     0},
    {"max_pooling1d", {"padding", "same", NULL}, {{2, {5, 3}}}, 1, ref_pooling, 0},
    {"max_pooling3d", {"pool_size", "[2, 1, 2]", "strides", "1", NULL}, {{4, {3, 2, 3, 2}}}, 1, ref_pooling, 0},
    {"average_pooling1d",
     {"pool_size", "3", "strides", "2", "padding", "same", NULL},
     {{2, {6, 2}}},
     1,
     ref_pooling,
     0},
    {"average_pooling3d", {"pool_size", "2", "padding", "same", NULL}, {{4, {3, 2, 3, 2}}}, 1, ref_pooling, 0},
    {"global_average_pooling1d", {NULL}, {{2, {4, 3}}}, 1, ref_global_pooling, 0},
    {"global_average_pooling3d", {"keepdims", "true", NULL}, {{4, {2, 3, 2, 2}}}, 1, ref_global_pooling, 0},
    {"global_max_pooling1d", {NULL}, {{2, {4, 3}}}, 1, ref_global_pooling, 0},
    {"global_max_pooling2d", {"keepdims", "true", NULL}, {{3, {3, 4, 2}}}, 1, ref_global_pooling, 0},
    {"global_max_pooling3d", {NULL}, {{4, {2, 3, 2, 2}}}, 1, ref_global_pooling, 0},
    {"adaptive_max_pooling1d", {"output_size", "3", NULL}, {{2, {5, 2}}}, 1, ref_pooling, 0},
    {"adaptive_max_pooling2d", {"output_size", "[2, 5]", NULL}, {{3, {5, 3, 2}}}, 1, ref_pooling, 0},
    {"adaptive_max_pooling3d", {"output_size", "2", NULL}, {{4, {3, 2, 3, 2}}}, 1, ref_pooling, 0},
    {"adaptive_average_pooling1d", {"output_size", "3", NULL}, {{2, {7, 2}}}, 1, ref_pooling, 0},
    {"adaptive_average_pooling2d", {"output_size", "[3, 2]", NULL}, {{3, {5, 4, 2}}}, 1, ref_pooling, 0},
    {"adaptive_average_pooling3d", {"output_size", "[1, 2, 2]", NULL}, {{4, {3, 2, 3, 2}}}, 1, ref_pooling, 0},
    {"up_sampling1d", {"size", "3", NULL}, {{2, {3, 2}}}, 1, ref_up_sampling, 0},
    {"up_sampling2d", {"size", "[2, 3]", NULL}, {{3, {2, 2, 2}}}, 1, ref_up_sampling, 0},
    {"up_sampling2d", {"size", "[2, 3]", "interpolation", "bilinear", NULL}, {{3, {3, 2, 2}}}, 1, ref_up_sampling, 0},
    {"up_sampling3d", {"size", "[1, 2, 2]", NULL}, {{4, {2, 1, 2, 2}}}, 1, ref_up_sampling, 0},
    {"zero_padding1d", {"padding", "[2, 1]", NULL}, {{2, {3, 2}}}, 1, ref_margins, 0},
    {"zero_padding2d", {"padding", "[0, 2]", NULL}, {{3, {2, 3, 2}}}, 1, ref_margins, 0},
    {"zero_padding3d", {NULL}, {{4, {2, 1, 2, 2}}}, 1, ref_margins, 0},
    {"cropping1d", {"cropping", "[2, 1]", NULL}, {{2, {5, 2}}}, 1, ref_margins, 0},
    {"cropping2d", {"cropping", "[0, 1]", NULL}, {{3, {2, 4, 2}}}, 1, ref_margins, 0},
    {"cropping3d", {NULL}, {{4, {3, 4, 3, 2}}}, 1, ref_margins, 0},
    {"concatenate", {NULL}, {{1, {3}}, {1, {1}}, {1, {4}}}, 3, ref_concatenate, 0},
    {"concatenate", {"axis", "1", NULL}, {{2, {2, 3}}, {2, {4, 3}}}, 2, ref_concatenate, 0},
    {"concatenate", {"axis", "-2", NULL}, {{3, {2, 3, 2}}, {3, {2, 1, 2}}}, 2, ref_concatenate, 0},
    {"add", {NULL}, {{2, {3, 2}}, {2, {3, 2}}, {2, {3, 2}}}, 3, ref_merge, 0},
    {"add", {NULL}, {{2, {3, 2}}, {1, {2}}, {2, {3, 1}}}, 3, ref_merge, 0},
    {"subtract", {NULL}, {{1, {5}}, {1, {5}}}, 2, ref_merge, 0},
    {"subtract", {NULL}, {{2, {1, 2}}, {2, {3, 1}}}, 2, ref_merge, 0},
    {"multiply", {NULL}, {{1, {5}}, {1, {5}}, {1, {5}}, {1, {5}}}, 4, ref_merge, 0},
    {"multiply", {NULL}, {{3, {2, 1, 2}}, {1, {1}}, {2, {3, 2}}}, 3, ref_merge, 0},
    {"average", {NULL}, {{1, {5}}, {1, {5}}, {1, {5}}}, 3, ref_merge, 0},
    {"average", {NULL}, {{2, {4, 2}}, {1, {2}}}, 2, ref_merge, 0},
    {"maximum", {NULL}, {{1, {5}}, {1, {5}}, {1, {5}}}, 3, ref_merge, 0},
    {"maximum", {NULL}, {{2, {4, 2}}, {1, {2}}, {2, {4, 1}}}, 3, ref_merge, 0},
    {"minimum", {NULL}, {{1, {5}}, {1, {5}}, {1, {5}}}, 3, ref_merge, 0},
    {"minimum", {NULL}, {{2, {4, 2}}, {1, {2}}, {2, {4, 1}}}, 3, ref_merge, 0},
    {"dot", {"axes", "1", NULL}, {{1, {5}}, {1, {5}}}, 2, ref_dot, 0},
    {"dot", {"axes", "1", "normalize", "true", NULL}, {{1, {5}}, {1, {5}}}, 2, ref_dot, 0},
    {"dot", {"axes", "[2, 2]", "normalize", "true", NULL}, {{2, {3, 4}}, {2, {2, 4}}}, 2, ref_dot, 0},
    {"dot", {"axes", "[1, 2]", NULL}, {{2, {4, 3}}, {2, {2, 4}}}, 2, ref_dot, 0},
};

static void every_layer_has_a_case(void **state)
{
    (void)state;
    for (const ls_ops *const *entry = ls_layers.entries; *entry; entry++) {
        bool found = false;

        for (size_t c = 0; c < count_of(cases); c++)
            found |= !strcmp(cases[c].kind, (*entry)->name);
        if (!found)
            print_error("layer '%s' has no case in this test\n", (*entry)->name);
        assert_true(found);
        assert_non_null((*entry)->keras_name);
        assert_true(isupper((unsigned char)(*entry)->keras_name[0]));
    }
}

static void start(size_t c, layer_driver *d)
{
    assert_true(ok(driver_init(d, cases[c].kind, cases[c].args, cases[c].in, cases[c].inputs)));
}

/* Inputs of an embedding are row numbers, some of them several times. */
static void fill(const layer_driver *d, layer_run *run, size_t rows, size_t microbatch)
{
    run_init(d, run, rows, microbatch);
    if (!strcmp(d->layer.ops->ops.name, "embedding"))
        for (size_t i = 0; i < rows * size_of(&d->in[0]); i++)
            run->X[0][i] = (float)((i * i * 7 + 3) % (size_t)driver_arg(d, "input_dim", 0, 1));
}

static bool passes_gradients(const layer_driver *d)
{
    return d->layer.ops->backward != NULL;
}

static void gradients_are_those_of_a_float64_reference(void **state)
{
    static const size_t cuts[][2] = {{6, 6}, {7, 3}, {1, 1}, {5, 2}};

    (void)state;
    for (size_t c = 0; c < count_of(cases); c++)
        for (size_t k = 0; cases[c].forward && k < count_of(cuts); k++) {
            const size_t unit = cases[c].unit ? cases[c].unit : 1;
            const size_t microbatch = (cuts[k][1] + unit - 1) / unit * unit;
            layer_driver d;
            layer_run run;

            start(c, &d);
            if (d.trainable_size > 10000 && k > 0) { /* many weights: differences are slow */
                driver_free(&d);
                continue;
            }
            fill(&d, &run, cuts[k][0], microbatch);
            run_batch(&d, &run);
            if (!agrees_with_reference(&d, &run, cases[c].forward, passes_gradients(&d), 0.0)) {
                print_error("case %zu (%s), %zu rows by %zu, writing\n", c, cases[c].kind, run.rows, microbatch);
                fail();
            }
            run.first_use = false;
            for (size_t i = 0; i < d.inputs; i++)
                for (size_t e = 0; e < run.rows * size_of(&d.in[i]); e++)
                    run.dX[i][e] = 0.5f;
            run_batch(&d, &run);
            if (!agrees_with_reference(&d, &run, cases[c].forward, passes_gradients(&d), 0.5)) {
                print_error("case %zu (%s), %zu rows by %zu, adding\n", c, cases[c].kind, run.rows, microbatch);
                fail();
            }
            /* one gradient not wanted at a time: the others stay what they are */
            for (size_t skip = 0; skip < d.inputs; skip++) {
                run.first_use = true;
                run.want_dX[skip] = false;
                run_batch(&d, &run);
                assert_true(agrees_with_reference(&d, &run, cases[c].forward, passes_gradients(&d), 0.0));
                run.want_dX[skip] = true;
            }
            run_free(&d, &run);
            driver_free(&d);
        }
}

static bool runs_agree(const layer_driver *d, const layer_run *a, size_t row_a, const layer_run *b, size_t row_b,
                       size_t rows)
{
    const size_t out = size_of(&d->out);
    bool same = same_bits(a->Y + row_a * out, b->Y + row_b * out, rows * out);

    for (size_t i = 0; same && passes_gradients(d) && i < d->inputs; i++) {
        const size_t n = size_of(&d->in[i]);

        same = same_bits(a->dX[i] + row_a * n, b->dX[i] + row_b * n, rows * n);
    }
    return same;
}

/* Elsewhere in memory, with any alignment of 4 bytes; and as the second microbatch of a larger batch. */
static void bits_depend_on_the_sample_alone(void **state)
{
    (void)state;
    for (size_t c = 0; c < count_of(cases); c++) {
        layer_driver d;
        layer_run here, there;

        start(c, &d);
        fill(&d, &here, 6, 6);
        run_batch(&d, &here);
        for (size_t shift = 1; shift < 16; shift += 6) {
            fill(&d, &there, 6, 6);
            there.shift = shift;
            run_batch(&d, &there);
            assert_true(runs_agree(&d, &there, 0, &here, 0, 6));
            assert_true(same_bits(there.dW, here.dW, d.trainable_size));
            run_free(&d, &there);
        }
        if (d.layer.ops->backward_rounds == 0) {
            fill(&d, &there, 14, 6);
            there.position = here.position - 6;
            for (size_t i = 0; i < d.inputs; i++)
                memcpy(there.X[i] + 6 * size_of(&d.in[i]), here.X[i], 6 * size_of(&d.in[i]) * sizeof(float));
            memcpy(there.dY + 6 * size_of(&d.out), here.dY, 6 * size_of(&d.out) * sizeof(float));
            run_batch(&d, &there);
            assert_true(runs_agree(&d, &there, 6, &here, 0, 6));
            run_free(&d, &there);
        }
        run_free(&d, &here);
        driver_free(&d);
    }
}

/* A second call of a shared layer: same shapes pass and change nothing, other shapes are refused with both in words. */
static void shared_layers_add_their_gradients(void **state)
{
    (void)state;
    for (size_t c = 0; c < count_of(cases); c++) {
        layer_driver d;
        ls_shape out, other[INPUTS];
        size_t params;

        start(c, &d);
        params = d.layer.params;
        assert_true(ok(d.layer.ops->build(&d.layer, d.in, d.inputs, &out)));
        assert_true(ls_shape_equal(&out, &d.out));
        assert_int_equal(d.layer.params, params);
        memcpy(other, cases[c].in, sizeof other);
        for (size_t k = 0; k < d.inputs; k++) {
            other[k].dim[0] = 2 * other[k].dim[0] + 2;
            other[k].axes += other[k].axes == 0;
        }
        FAILS(d.layer.ops->build(&d.layer, other, d.inputs, &out), LS_ERR_SHAPE, "layer 'tested'");
        driver_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_has_a_case),
        cmocka_unit_test(gradients_are_those_of_a_float64_reference),
        cmocka_unit_test(bits_depend_on_the_sample_alone),
        cmocka_unit_test(shared_layers_add_their_gradients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
