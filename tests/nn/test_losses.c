/*
 * Losses: values and gradients against a double-precision reference of its own (formulas written out with libm,
 * gradients by central differences), golden values of Keras, and by hand.
 */
#include "component.h"

#include "nn/loss.h"

#define ROWS 6
#define WIDE 2500 /* longer than the chunks losses work in */
#define EPS 1e-7

/* ---- reference: one position, double ---- */

typedef struct parameters {
    double smoothing, delta;
    bool logits, binary;
} parameters;

typedef double (*reference)(parameters q, const double *t, const double *p, size_t n);

static double clipped(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

#define MEAN_OF(name, expression)                                                \
    static double name(parameters q, const double *t, const double *p, size_t n) \
    {                                                                            \
        double sum = 0;                                                          \
        (void)q;                                                                 \
        for (size_t i = 0; i < n; i++)                                           \
            sum += (expression);                                                 \
        return sum / (double)n;                                                  \
    }

MEAN_OF(ref_mse, pow(t[i] - p[i], 2))
MEAN_OF(ref_mae, fabs(t[i] - p[i]))
MEAN_OF(ref_mape, 100 * fabs(t[i] - p[i]) / fmax(fabs(t[i]), EPS))
MEAN_OF(ref_msle, pow(log(fmax(p[i], EPS) + 1) - log(fmax(t[i], EPS) + 1), 2))
MEAN_OF(ref_huber,
        fabs(p[i] - t[i]) <= q.delta ? pow(p[i] - t[i], 2) / 2 : q.delta * fabs(p[i] - t[i]) - q.delta * q.delta / 2)
MEAN_OF(ref_log_cosh, log(cosh(p[i] - t[i])))
MEAN_OF(ref_poisson, p[i] - t[i] * log(p[i] + EPS))
MEAN_OF(ref_kld, (double)n *clipped(t[i], EPS, 1) * log(clipped(t[i], EPS, 1) / clipped(p[i], EPS, 1)))
MEAN_OF(ref_hinge, fmax(1 - (q.binary ? 2 * t[i] - 1 : t[i]) * p[i], 0))
MEAN_OF(ref_squared_hinge, pow(fmax(1 - (q.binary ? 2 * t[i] - 1 : t[i]) * p[i], 0), 2))

static double bce(double t, double p)
{
    return -(t * log(p) + (1 - t) * log(1 - p));
}
MEAN_OF(ref_bce,
        bce(t[i] * (1 - q.smoothing) + q.smoothing / 2, q.logits ? 1 / (1 + exp(-p[i])) : clipped(p[i], EPS, 1 - EPS)))

/* delta: gamma; binary: apply_class_balancing. */
static double focal(parameters q, double given, double x)
{
    const double t = given * (1 - q.smoothing) + q.smoothing / 2, p = q.logits ? 1 / (1 + exp(-x)) : x;
    const double wrong = t * (1 - p) + (1 - t) * p;

    return (q.binary ? t * 0.3 + (1 - t) * 0.7 : 1) * pow(wrong, q.delta) *
           bce(t, q.logits ? p : clipped(p, EPS, 1 - EPS));
}
MEAN_OF(ref_focal, focal(q, t[i], p[i]))

static double log_probability(parameters q, const double *p, size_t n, size_t i)
{
    double sum = 0;

    for (size_t j = 0; j < n; j++)
        sum += q.logits ? exp(p[j]) : p[j];
    return q.logits ? p[i] - log(sum) : log(clipped(p[i] / sum, EPS, 1 - EPS));
}

static double ref_sparse(parameters q, const double *t, const double *p, size_t n)
{
    return -log_probability(q, p, n, (size_t)t[0]);
}

static double ref_cce(parameters q, const double *t, const double *p, size_t n)
{
    double sum = 0, total = 0;

    for (size_t j = 0; j < n; j++)
        total += q.logits ? exp(p[j]) : p[j];
    for (size_t i = 0; i < n; i++) {
        const double u = t[i] * (1 - q.smoothing) + q.smoothing / (double)n;

        sum -= u * (q.logits ? p[i] - log(total) : log(clipped(p[i] / total, EPS, 1 - EPS)));
    }
    return sum;
}

/* delta: gamma. */
static double ref_categorical_focal(parameters q, const double *t, const double *p, size_t n)
{
    double sum = 0, total = 0;

    for (size_t j = 0; j < n; j++)
        total += q.logits ? exp(p[j]) : p[j];
    for (size_t i = 0; i < n; i++) {
        const double u = t[i] * (1 - q.smoothing) + q.smoothing / (double)n;
        const double r = clipped((q.logits ? exp(p[i]) : p[i]) / total, EPS, 1 - EPS);

        sum -= 0.25 * u * pow(1 - r, q.delta) * log(r);
    }
    return sum;
}

/* delta: q. */
static double ref_generalized(parameters q, const double *t, const double *p, size_t n)
{
    (void)n;
    return (1 - pow(p[(size_t)t[0]], q.delta)) / q.delta;
}

static double ref_categorical_hinge(parameters q, const double *t, const double *p, size_t n)
{
    double pos = 0, neg = -INFINITY;

    (void)q;
    for (size_t i = 0; i < n; i++) {
        pos += t[i] * p[i];
        neg = fmax(neg, (1 - t[i]) * p[i]);
    }
    return fmax(neg - pos + 1, 0);
}

static double ref_cosine(parameters q, const double *t, const double *p, size_t n)
{
    double tt = 0, pp = 0, tp = 0;

    (void)q;
    for (size_t i = 0; i < n; i++) {
        tt += t[i] * t[i];
        pp += p[i] * p[i];
        tp += t[i] * p[i];
    }
    return -tp / sqrt(fmax(tt, EPS * EPS)) / sqrt(fmax(pp, EPS * EPS));
}

/* ---- cases ---- */

enum targets { ANY, SIGNS, BITS, PROBABILITIES, ONE_HOT, CLASS };
enum predictions { REAL, UNIT };

typedef struct loss_case {
    const char *name, *args[7];
    reference f;
    parameters q;
    enum targets targets;
    enum predictions predictions;
} loss_case;

static const loss_case cases[] = {
    {"mean_squared_error", {NULL}, ref_mse, {.delta = 1}, ANY, REAL},
    {"mean_absolute_error", {NULL}, ref_mae, {.delta = 1}, ANY, REAL},
    {"mean_absolute_percentage_error", {NULL}, ref_mape, {.delta = 1}, ANY, REAL},
    {"mean_squared_logarithmic_error", {NULL}, ref_msle, {.delta = 1}, PROBABILITIES, UNIT},
    {"huber", {NULL}, ref_huber, {.delta = 1}, ANY, REAL},
    {"huber", {"delta", "0.3", NULL}, ref_huber, {.delta = 0.3}, ANY, REAL},
    {"log_cosh", {NULL}, ref_log_cosh, {.delta = 1}, ANY, REAL},
    {"binary_crossentropy", {NULL}, ref_bce, {.delta = 1}, PROBABILITIES, UNIT},
    {"binary_crossentropy", {"label_smoothing", "0.1", NULL}, ref_bce, {.smoothing = 0.1}, BITS, UNIT},
    {"binary_crossentropy", {"from_logits", "true", NULL}, ref_bce, {.logits = true}, BITS, REAL},
    {"binary_crossentropy",
     {"from_logits", "true", "label_smoothing", "0.2", NULL},
     ref_bce,
     {.logits = true, .smoothing = 0.2},
     BITS,
     REAL},
    {"binary_focal_crossentropy", {NULL}, ref_focal, {.delta = 2}, PROBABILITIES, UNIT},
    {"binary_focal_crossentropy",
     {"gamma", "1.5", "apply_class_balancing", "true", "alpha", "0.3", NULL},
     ref_focal,
     {.delta = 1.5, .binary = true},
     BITS,
     UNIT},
    {"binary_focal_crossentropy",
     {"from_logits", "true", "gamma", "3", "label_smoothing", "0.2", NULL},
     ref_focal,
     {.logits = true, .delta = 3, .smoothing = 0.2},
     BITS,
     REAL},
    {"binary_focal_crossentropy", {"gamma", "0", NULL}, ref_focal, {.delta = 0}, BITS, UNIT},
    {"binary_focal_crossentropy",
     {"gamma", "1", "from_logits", "true", NULL},
     ref_focal,
     {.logits = true, .delta = 1},
     BITS,
     REAL},
    {"categorical_focal_crossentropy", {NULL}, ref_categorical_focal, {.delta = 2}, PROBABILITIES, UNIT},
    {"categorical_focal_crossentropy",
     {"gamma", "1.5", "from_logits", "true", "label_smoothing", "0.1", NULL},
     ref_categorical_focal,
     {.delta = 1.5, .logits = true, .smoothing = 0.1},
     ONE_HOT,
     REAL},
    {"categorical_generalized_cross_entropy", {NULL}, ref_generalized, {.delta = 0.5}, CLASS, UNIT},
    {"categorical_generalized_cross_entropy", {"q", "0.8", NULL}, ref_generalized, {.delta = 0.8}, CLASS, UNIT},
    {"categorical_crossentropy", {NULL}, ref_cce, {.delta = 1}, PROBABILITIES, UNIT},
    {"categorical_crossentropy", {"label_smoothing", "0.1", NULL}, ref_cce, {.smoothing = 0.1}, ONE_HOT, UNIT},
    {"categorical_crossentropy", {"from_logits", "true", NULL}, ref_cce, {.logits = true}, PROBABILITIES, REAL},
    {"categorical_crossentropy",
     {"from_logits", "true", "label_smoothing", "0.2", NULL},
     ref_cce,
     {.logits = true, .smoothing = 0.2},
     ONE_HOT,
     REAL},
    {"sparse_categorical_crossentropy", {NULL}, ref_sparse, {.delta = 1}, CLASS, UNIT},
    {"sparse_categorical_crossentropy", {"from_logits", "true", NULL}, ref_sparse, {.logits = true}, CLASS, REAL},
    {"kl_divergence", {NULL}, ref_kld, {.delta = 1}, PROBABILITIES, UNIT},
    {"hinge", {NULL}, ref_hinge, {.delta = 1}, SIGNS, REAL},
    {"hinge", {NULL}, ref_hinge, {.binary = true}, BITS, REAL},
    {"squared_hinge", {NULL}, ref_squared_hinge, {.delta = 1}, SIGNS, REAL},
    {"squared_hinge", {NULL}, ref_squared_hinge, {.binary = true}, BITS, REAL},
    {"categorical_hinge", {NULL}, ref_categorical_hinge, {.delta = 1}, ONE_HOT, REAL},
    {"cosine_similarity", {NULL}, ref_cosine, {.delta = 1}, ANY, REAL},
    {"poisson", {NULL}, ref_poisson, {.delta = 1}, PROBABILITIES, UNIT},
};

/* A well-spread value in (0, 1) that depends on where it stands. */
static double spread(size_t row, size_t i, unsigned salt)
{
    uint64_t x = (row * 100003u + i + 1) * UINT64_C(0x9E3779B97F4A7C15) + salt * UINT64_C(0xD1342543DE82EF95);

    x ^= x >> 29;
    x *= UINT64_C(0xBF58476D1CE4E5B9);
    x ^= x >> 32;
    return ((double)(x >> 40) + 0.5) * 0x1p-24;
}

/* Kinks (t = p, margins of 0, |p - t| = delta, two largest elements) are kept away from by the shape of the values. */
static void fill(const loss_case *c, size_t rows, size_t n, float *t, float *p, float *w)
{
    for (size_t r = 0; r < rows; r++) {
        const size_t label = (size_t)(spread(r, 0, 7) * (double)n);

        w[r] = (float)(0.25 + spread(r, 1, 3));
        for (size_t i = 0; i < n; i++) {
            const double u = spread(r, i, 1), v = spread(r, i, 2);
            float *const target = &t[c->targets == CLASS ? r : r * n + i];

            p[r * n + i] = (float)(c->predictions == UNIT ? 0.02 + 0.96 * v : 4 * v - 2);
            switch (c->targets) {
            case ANY:
                *target = (float)((double)p[r * n + i] + (u < 0.5 ? -0.05 - u : u - 0.45));
                break;
            case SIGNS:
                *target = u < 0.5 ? -1.0f : 1.0f;
                break;
            case BITS:
                *target = u < 0.5 ? 0.0f : 1.0f;
                break;
            case PROBABILITIES:
                *target = (float)(0.03 + 0.9 * u);
                break;
            case ONE_HOT:
                *target = i == label;
                break;
            case CLASS:
                *target = (float)label;
                break;
            }
        }
    }
}

static double row_value(const loss_case *c, const float *t, const double *p, size_t n)
{
    static double wide[WIDE];
    const size_t m = c->targets == CLASS ? 1 : n;

    for (size_t i = 0; i < m; i++)
        wide[i] = (double)t[i];
    return c->f(c->q, wide, p, n);
}

static void evaluate(const ls_component *loss, const loss_case *c, size_t rows, size_t n, const float *t,
                     const float *p, const float *w, double scale, double *sum, float *d)
{
    const ls_loss_ops *const ops = (const ls_loss_ops *)loss->ops;

    ops->evaluate(loss->config, &(const ls_loss_call){.positions = rows,
                                                      .n = n,
                                                      .target = t,
                                                      .pred = p,
                                                      .on_logits = c->q.logits,
                                                      .weight = w,
                                                      .binary_labels = c->q.binary,
                                                      .sum = sum,
                                                      .scale = scale,
                                                      .dpred = d});
}

static bool check_case(const loss_case *c, size_t rows, size_t n)
{
    static float t[ROWS * WIDE], p[ROWS * WIDE], d[ROWS * WIDE], alone[ROWS * WIDE], w[ROWS];
    static double x[WIDE];
    const double scale = 0.7;
    ls_component loss = make_of_pairs(&ls_losses, c->name, c->args);
    const size_t targets = c->targets == CLASS ? 1 : n;
    double want = 0.0, got, again;
    bool good = true;

    fill(c, rows, n, t, p, w);
    evaluate(&loss, c, rows, n, t, p, w, scale, &got, d);
    for (size_t r = 0; r < rows; r++) {
        double magnitude = 0.0;

        for (size_t i = 0; i < n; i++)
            x[i] = (double)p[r * n + i];
        want += (double)w[r] * row_value(c, t + r * targets, x, n);
        for (size_t i = 0; i < n; i++) /* not fmax: gcc 12 for aarch64 has an internal error here */
            magnitude = fabs((double)d[r * n + i]) > magnitude ? fabs((double)d[r * n + i]) : magnitude;
        /* Every element of a short row, some of a long one. */
        for (size_t i = 0; i < n; i += 1 + n / 40) {
            const double h = 1e-4, at = x[i];
            double slope;

            x[i] = at + h;
            slope = row_value(c, t + r * targets, x, n);
            x[i] = at - h;
            slope -= row_value(c, t + r * targets, x, n);
            x[i] = at;
            slope *= scale * (double)w[r] / (2 * h);
            good &= close_to((double)d[r * n + i], slope, 3e-6 * magnitude + 1e-11, 2e-5);
        }
        /* A row's gradient does not depend on its neighbours. */
        evaluate(&loss, c, 1, n, t + r * targets, p + r * n, w + r, scale, &again, alone);
        good &= same_bits(alone, d + r * n, n);
    }
    good &= close_to(got, want, 1e-6, 3e-6);
    evaluate(&loss, c, rows, n, t, p, w, scale, &again, NULL);
    good &= memcmp(&again, &got, sizeof got) == 0;

    /* No weights are weights of 1. */
    for (size_t r = 0; r < rows; r++)
        w[r] = 1.0f;
    evaluate(&loss, c, rows, n, t, p, w, scale, &got, d);
    evaluate(&loss, c, rows, n, t, p, NULL, scale, &again, alone);
    good &= memcmp(&again, &got, sizeof got) == 0 && same_bits(alone, d, rows * n);
    if (!good)
        print_error("in %s (%s %s), %zu rows of %zu\n", c->name, c->args[0] ? c->args[0] : "",
                    c->args[0] ? c->args[1] : "", rows, n);
    ls_component_reset(&loss);
    return good;
}

static void gradients_are_those_of_a_float64_reference(void **state)
{
    bool good = true;

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        good &= check_case(&cases[i], ROWS, 7);
        good &= check_case(&cases[i], 1, 3);
        good &= check_case(&cases[i], 2, WIDE);
        good &= cases[i].f == ref_cosine || cases[i].targets == CLASS || check_case(&cases[i], ROWS, 1);
    }
    assert_true(good);
}

static void every_loss_has_a_case(void **state)
{
    (void)state;
    assert_true(all_covered(&ls_losses, cases, count_of(cases), sizeof cases[0]));
}

/* ---- golden values: Keras, float32 ---- */

typedef struct golden {
    const char *name, *args[7];
    double plain, weighted;
    bool logits;
} golden;

static const golden golden_values[] = {
    {"mse", {NULL}, .1666667, .2533333, false},
    {"mae", {NULL}, .3333333, .6, false},
    {"msle", {NULL}, .07069186, .1132625, false},
    {"mape", {NULL}, 83333360, 216666700, false},
    {"huber", {NULL}, .08333334, .1266667, false},
    {"huber", {"delta", "0.3", NULL}, .06166667, .1033333, false},
    {"log_cosh", {NULL}, .07789532, .120324, false},
    {"bce", {NULL}, .5073891, .8316761, false},
    {"bce", {"label_smoothing", "0.1", NULL}, .5499575, .9317443, false},
    {"bce", {"from_logits", "true", NULL}, .630327, 1.309074, true},
    {"categorical_crossentropy", {NULL}, 1.238469, 1.749295, false},
    {"categorical_crossentropy", {"label_smoothing", "0.1", NULL}, 1.252724, 1.84638, false},
    {"categorical_crossentropy", {"from_logits", "true", NULL}, 1.444593, 2.297879, true},
    {"sparse_categorical_crossentropy", {NULL}, .4337503, .9445758, false},
    {"sparse_categorical_crossentropy", {"from_logits", "true", NULL}, .810618, NAN, true},
    {"kld", {NULL}, 1.238467, 1.74929, false},
    {"hinge", {NULL}, .8333334, 1.766667, false},
    {"squared_hinge", {NULL}, .8333334, 1.853333, false},
    {"categorical_hinge", {NULL}, .45, 1.15, false},
    {"cosine_similarity", {NULL}, -.8753386, -1.75999, false},
    {"poisson", {NULL}, .7461563, 1.249765, false},
};

static void values_and_gradients_are_keras_s(void **state)
{
    const float t[] = {0, 1, 1, 1, 0, 0}, labels[] = {1, 0}, p[] = {.1f, .7f, .2f, .6f, .3f, .1f}, w[] = {1, 3};
    bool good = true;

    (void)state;
    for (size_t i = 0; i < count_of(golden_values); i++) {
        const golden *const g = &golden_values[i];
        ls_component loss = make_of_pairs(&ls_losses, g->name, g->args);
        const ls_loss_ops *const ops = (const ls_loss_ops *)loss.ops;
        double sum;
        ls_loss_call call = {.positions = 2,
                             .n = 3,
                             .target = ops->sparse_targets ? labels : t,
                             .pred = p,
                             .on_logits = g->logits,
                             .binary_labels = true,
                             .sum = &sum};
        bool one = ops->from_logits ? ops->from_logits(loss.config) == g->logits : !g->logits;

        ops->evaluate(loss.config, &call);
        one &= close_to(sum / 2, g->plain, 0, 1e-6);
        call.weight = w;
        ops->evaluate(loss.config, &call);
        one &= isnan(g->weighted) || close_to(sum / 2, g->weighted, 0, 1e-6);
        if (!one)
            print_error("in %s, %s\n", g->name, g->args[0] ? g->args[0] : "no options");
        good &= one;
        ls_component_reset(&loss);
    }
    assert_true(good);
}

static double one_row(const char *name, bool logits, bool binary, size_t n, const float *t, const float *p, float *d)
{
    ls_component loss = make(&ls_losses, name, NULL);
    double sum;

    ((const ls_loss_ops *)loss.ops)
        ->evaluate(loss.config, &(const ls_loss_call){.positions = 1,
                                                      .n = n,
                                                      .target = t,
                                                      .pred = p,
                                                      .on_logits = logits,
                                                      .binary_labels = binary,
                                                      .sum = &sum,
                                                      .scale = 1,
                                                      .dpred = d});
    ls_component_reset(&loss);
    return sum;
}

/* Hinge labels 0 and 1 stand for -1 and 1 only if the whole batch has no others: the caller says so. */
static void hinge_takes_labels_0_and_1_for_signs_only_when_told(void **state)
{
    const float zero = 0, one = 1, two = 2, half = .5f;
    float d;

    (void)state;
    assert_true(close_to(one_row("hinge", false, true, 1, &zero, &half, &d), 1.5, 0, 0));
    assert_true(close_to((double)d, 1, 0, 0));
    assert_true(close_to(one_row("hinge", false, true, 1, &one, &half, &d), .5, 0, 0));
    assert_true(close_to((double)d, -1, 0, 0));
    assert_true(close_to(one_row("hinge", false, false, 1, &zero, &half, &d), 1, 0, 0));
    assert_true(close_to((double)d, 0, 0, 0));
    assert_true(close_to(one_row("hinge", false, false, 1, &two, &half, &d), 0, 0, 0)); /* margin 0: the line's slope */
    assert_true(close_to((double)d, -2, 0, 0));
    assert_true(close_to(one_row("squared_hinge", false, false, 1, &two, &half, &d), 0, 0, 0));
    assert_true(close_to((double)d, 0, 0, 0));
    assert_true(isnan(one_row("hinge", false, false, 1, &one, &(const float){NAN}, &d)));
    assert_true(isnan(one_row("squared_hinge", false, false, 1, &one, &(const float){NAN}, &d)));
}

/* Ties, as TensorFlow 2.21 has them: all that reach the maximum share its slope. */
static void outputs_that_tie_share_the_slope_of_categorical_hinge(void **state)
{
    static const struct {
        float p[3];
        double value, slope[3];
    } ties[] = {
        {{0, 0, 0}, 1, {-1, 1 / 3.0, 1 / 3.0}},
        {{1, 0, 0}, 0, {-1, 1 / 3.0, 1 / 3.0}},
        {{.5f, .5f, .5f}, 1, {-1, .5, .5}},
        {{2, 1, 1}, 0, {-1, .5, .5}},
        {{3, 1, 1}, 0, {0, 0, 0}},
    };
    float d[3];

    (void)state;
    for (size_t i = 0; i < count_of(ties); i++) {
        assert_true(close_to(one_row("categorical_hinge", false, false, 3, (const float[]){1, 0, 0}, ties[i].p, d),
                             ties[i].value, 0, 0));
        assert_true(all_close(d, ties[i].slope, 3, 0, 1e-6));
    }
}

/* Where a naive formula would overflow, or has no gradient left. By hand. */
static void extremes_neither_overflow_nor_lose_the_gradient(void **state)
{
    const float z[] = {1000, 0, -1000}, label = 2, hot[] = {0, 0, 1}, one = 1, zero = 0;
    const float far = -200, sure = 1, never = 0, big = 1e4f;
    float d[3];

    (void)state;
    assert_true(close_to(one_row("sparse_categorical_crossentropy", true, false, 3, &label, z, d), 2000, 0, 1e-7));
    assert_true(all_close(d, (const double[]){1, 0, -1}, 3, 0, 0));
    assert_true(close_to(one_row("categorical_crossentropy", true, false, 3, hot, z, d), 2000, 0, 1e-7));
    assert_true(all_close(d, (const double[]){1, 0, -1}, 3, 0, 0));
    assert_true(close_to(one_row("binary_crossentropy", true, false, 1, &one, &far, d), 200, 0, 1e-7));
    assert_true(close_to((double)d[0], -1, 0, 1e-7));
    assert_true(close_to(one_row("log_cosh", false, false, 1, &zero, &big, d), 1e4 - log(2), 0, 1e-7));
    assert_true(close_to((double)d[0], 1, 0, 0));
    assert_true(close_to(one_row("msle", false, false, 1, &one, &(const float){3e38f}, d),
                         (log(3e38) - log(2)) * (log(3e38) - log(2)), 0, 1e-6));
    assert_true(isinf(one_row("msle", false, false, 1, &one, &(const float){INFINITY}, d)));
    for (const ls_ops *const *entry = ls_losses.entries; *entry; entry++) /* what is no number stays none */
        assert_true(isnan(one_row((*entry)->name, false, false, 3, hot, (const float[]){NAN, NAN, NAN}, d)));

    /* Probabilities of exactly 0 and 1 are clipped to 1e-7 and get no gradient. */
    assert_true(close_to(one_row("binary_crossentropy", false, false, 1, &one, &never, d), -log(1e-7), 0, 1e-6));
    assert_true(close_to((double)d[0], 0, 0, 0));
    assert_true(close_to(one_row("binary_crossentropy", false, false, 1, &zero, &sure, d), -log(0x1p-23), 0, 1e-6));
    assert_true(close_to((double)d[0], 0, 0, 0));
    assert_true(
        close_to(one_row("sparse_categorical_crossentropy", false, false, 3, &label, (const float[]){.5f, .5f, 0}, d),
                 -log(1e-7), 0, 1e-6));
    assert_true(all_close(d, (const double[]){1, 1, 0}, 3, 0, 1e-6)); /* of the sum they are divided by */
    assert_true(close_to(one_row("categorical_crossentropy", false, false, 3, hot, (const float[]){.5f, .5f, 0}, d),
                         -log(1e-7), 0, 1e-6));
    assert_true(all_close(d, (const double[]){0, 0, 0}, 3, 0, 0));
    /* A vector of zeros has a cosine of 0 with everything. */
    assert_true(close_to(one_row("cosine_similarity", false, false, 3, hot, (const float[]){0, 0, 0}, d), 0, 0, 0));
    assert_true(all_close(d, (const double[]){0, 0, -1e7}, 3, 0, 1e-6));
}

/* ---- does a loss fit? ---- */

static ls_status checked(const char *name, ls_shape output, ls_shape target, size_t *positions)
{
    ls_component loss = make(&ls_losses, name, NULL);
    ls_config *const at = ls_config_create(LS_CONFIG_SCALAR, "exp.yaml");
    ls_status st;

    at->line = 12;
    at->column = 9;
    st = ls_loss_check(&loss, &output, &target, at, positions);
    ls_config_free(at);
    ls_component_reset(&loss);
    return st;
}
#define SHAPE(...) ((ls_shape){sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), {__VA_ARGS__}})
#define SCALAR ((ls_shape){0})

static void a_loss_takes_the_shapes_that_fit_it(void **state)
{
    size_t T = 0;

    (void)state;
    assert_true(ok(checked("mse", SHAPE(1), SCALAR, &T)) && T == 1);
    assert_true(ok(checked("mse", SHAPE(1), SHAPE(1), &T)) && T == 1);
    assert_true(ok(checked("mse", SHAPE(10), SHAPE(10), &T)) && T == 1);
    assert_true(ok(checked("mse", SHAPE(5, 6, 3), SHAPE(5, 6, 3), &T)) && T == 30);
    assert_true(ok(checked("mse", SHAPE(5, 1), SHAPE(5), &T)) && T == 5);
    assert_true(ok(checked("mse", SHAPE(5), SHAPE(5, 1), &T)) && T == 1);
    assert_true(ok(checked("sparse_categorical_crossentropy", SHAPE(10), SCALAR, &T)) && T == 1);
    assert_true(ok(checked("sparse_categorical_crossentropy", SHAPE(10), SHAPE(1), &T)) && T == 1);
    assert_true(ok(checked("sparse_categorical_crossentropy", SHAPE(4, 5, 10), SHAPE(4, 5), &T)) && T == 20);
    assert_true(ok(checked("sparse_categorical_crossentropy", SHAPE(4, 5, 10), SHAPE(4, 5, 1), &T)) && T == 20);

    FAILS(checked("mse", SHAPE(10), SCALAR, &T), LS_ERR_SHAPE, "exp.yaml:12:9", "mean_squared_error", "(10,)", "()",
          "sparse_categorical_crossentropy");
    FAILS(checked("mse", SHAPE(10), SHAPE(9), &T), LS_ERR_SHAPE, "(10,)", "(9,)");
    FAILS(checked("mse", SCALAR, SCALAR, &T), LS_ERR_SHAPE, "at least one axis");
    FAILS(checked("cosine_similarity", SHAPE(5, 1), SHAPE(5), &T), LS_ERR_SHAPE, "(5, 1)", "(5,)");
    FAILS(checked("sparse_categorical_crossentropy", SHAPE(1), SCALAR, &T), LS_ERR_SHAPE, "binary_crossentropy");
    FAILS(checked("sparse_categorical_crossentropy", SHAPE(10), SHAPE(10), &T), LS_ERR_SHAPE, "one class index",
          "one-hot");
    FAILS(checked("sparse_categorical_crossentropy", SHAPE(4, 10), SHAPE(5), &T), LS_ERR_SHAPE, "(4,)", "(5,)");
}

/* What the engine reads to hand over logits, check labels and test for binary ones. */
static void the_engine_learns_what_a_loss_wants(void **state)
{
    (void)state;
    for (const ls_ops *const *entry = ls_losses.entries; *entry; entry++) {
        const ls_loss_ops *const ops = (const ls_loss_ops *)*entry;
        const bool sparse = strstr((*entry)->name, "sparse_") || strstr((*entry)->name, "generalized"),
                   binary = strstr((*entry)->name, "binary_") != NULL;
        const bool entropy = strstr((*entry)->name, "crossentropy") != NULL;
        const bool fused = entropy && !strstr((*entry)->name, "categorical_focal");

        assert_int_equal(ops->fused_logits, !fused ? LS_LOGITS_NONE : binary ? LS_LOGITS_SIGMOID : LS_LOGITS_SOFTMAX);
        assert_int_equal(ops->from_logits != NULL, entropy);
        assert_int_equal(ops->sparse_targets, sparse);
        assert_int_equal(ops->labels, sparse ? LS_CLASSES_SPARSE : LS_CLASSES_NONE);
        assert_int_equal(ops->needs_binary_check,
                         !strcmp((*entry)->name, "hinge") || !strcmp((*entry)->name, "squared_hinge"));
    }
}

static void names_are_keras_s_and_options_are_checked(void **state)
{
    (void)state;
    assert_ptr_equal(ls_registry_find(&ls_losses, "mse"), ls_registry_find(&ls_losses, "MeanSquaredError"));
    assert_ptr_equal(ls_registry_find(&ls_losses, "bce"), ls_registry_find(&ls_losses, "binary_crossentropy"));
    assert_ptr_equal(ls_registry_find(&ls_losses, "kld"), ls_registry_find(&ls_losses, "KLDivergence"));
    assert_null(ls_registry_find(&ls_losses, "mean_square"));
    FAILS(parsed(&ls_losses, "huber", "delta", "0", NULL), LS_ERR_CONFIG, "delta");
    FAILS(parsed(&ls_losses, "binary_crossentropy", "label_smoothing", "1.5", NULL), LS_ERR_CONFIG, "label_smoothing");
    FAILS(parsed(&ls_losses, "sparse_categorical_crossentropy", "label_smoothing", "0.1", NULL), LS_ERR_CONFIG,
          "label_smoothing");
    FAILS(parsed(&ls_losses, "mse", "from_logits", "true", NULL), LS_ERR_CONFIG, "from_logits");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_a_float64_reference),
        cmocka_unit_test(every_loss_has_a_case),
        cmocka_unit_test(values_and_gradients_are_keras_s),
        cmocka_unit_test(hinge_takes_labels_0_and_1_for_signs_only_when_told),
        cmocka_unit_test(outputs_that_tie_share_the_slope_of_categorical_hinge),
        cmocka_unit_test(extremes_neither_overflow_nor_lose_the_gradient),
        cmocka_unit_test(a_loss_takes_the_shapes_that_fit_it),
        cmocka_unit_test(the_engine_learns_what_a_loss_wants),
        cmocka_unit_test(names_are_keras_s_and_options_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
