/*
 * Optimizers: three steps against Keras's numbers (float32, printed to 7 digits), cuts at any place, slots, and
 * reading them from an experiment.
 */
#include "component.h"

#include "nn/optimizer.h"

#define N 3

static const float gradients[3][N] = {{.1f, -.2f, 0}, {.3f, .4f, -1}, {-.5f, .25f, 2}};

static double norm(const float *x)
{
    return sqrt((double)x[0] * (double)x[0] + (double)x[1] * (double)x[1] + (double)x[2] * (double)x[2]);
}

/* A rule with a factor for each weight; all of w is one. */
static void follow(const ls_optimizer *o, float h[8], float *w, const float *g, float *const *slot)
{
    const ls_optimizer_ops *const ops = ls_optimizer_ops_of(o);
    float u[N];

    ops->direct(o->own.config, h, g, slot, u, N);
    h[LS_OPTIMIZER_TRUST] = (float)ops->trust(o->own.config, norm(w), norm(u));
    ops->update(o->own.config, h, w, u, slot, N);
}

/* Weight decay and the schedule are the trainer's part: written out here in Keras's order. */
static void train(const ls_optimizer *o, size_t steps, float w[N])
{
    const ls_optimizer_ops *const ops = ls_optimizer_ops_of(o);
    const unsigned mask = ops->slots(o->own.config);
    float memory[LS_OPTIMIZER_SLOTS_MAX][N] = {{0}}, *slot[LS_OPTIMIZER_SLOTS_MAX] = {NULL}, h[8];
    double scalars[LS_OPTIMIZER_SCALARS_MAX];

    for (size_t s = 0; s < ops->scalars; s++)
        scalars[s] = ops->scalars_initial;
    for (size_t s = 0; s < ops->slots_max; s++) {
        slot[s] = mask >> s & 1 ? memory[s] : NULL;
        for (size_t i = 0; i < N && ops->slot_initial; i++)
            memory[s][i] = ops->slot_initial(o->own.config, s);
    }
    if (ops->first_slot_starts_from_weights)
        memcpy(memory[0], w, sizeof memory[0]);
    for (size_t t = 1; t <= steps; t++) {
        const ls_component *const schedule = &o->common.learning_rate_schedule;
        const float lr = (float)(schedule->ops ? ((const ls_schedule_ops *)schedule->ops)->rate(schedule->config, t - 1)
                                               : o->common.learning_rate);

        for (size_t i = 0; i < N && !isnan(o->common.weight_decay); i++)
            w[i] -= w[i] * (float)o->common.weight_decay * lr;
        ops->prepare(o->own.config, t, lr, scalars, h);
        if (ops->direct)
            follow(o, h, w, gradients[t - 1], slot);
        else
            ops->update(o->own.config, h, w, gradients[t - 1], slot, N);
    }
}

static ls_status parse(const char *name, const char *const *pairs, ls_optimizer *out)
{
    ls_config *const root = tree_of_pairs(name, pairs);
    const ls_status st = ls_optimizer_parse(root, "compile.optimizer", out);

    ls_config_free(root);
    return st;
}

static ls_status refused(const char *name, const char *const *pairs)
{
    ls_optimizer o;
    const ls_status st = parse(name, pairs, &o);

    if (st == LS_OK)
        ls_optimizer_reset(&o);
    return st;
}
#define REFUSED(name, ...) refused(name, (const char *const[]){__VA_ARGS__, NULL})

typedef struct golden {
    const char *name, *args[7];
    unsigned slots;
    double after_1[N]; /* NAN: not known */
    double after_3[N];
} golden;

static const golden cases[] = {
    {"sgd", {"learning_rate", "0.1", NULL}, 0, {NAN}, {1.01, -2.045, 2.9}},
    {"sgd", {"learning_rate", "0.1", "momentum", "0.9", NULL}, 1, {NAN}, {.9659001, -2.0468, 2.99}},
    {"sgd", {"learning_rate", "0.1", "momentum", "0.9", "nesterov", "true", NULL}, 1, {NAN}, {.97931, -2.08712, 2.891}},
    {"sgd", {"learning_rate", "0.1", "weight_decay", "0.01", NULL}, 0, {NAN}, {1.007053, -2.039006, 2.890909}},
    {"rmsprop", {"learning_rate", "0.01", NULL}, 1, {.9683788, -1.968378, 3.0}, {.96538, -2.013124, 3.003051}},
    {"rmsprop", {"learning_rate", "0.01", "momentum", "0.9", NULL}, 3, {NAN}, {.8841719, -1.984763, 3.031512}},
    {"rmsprop", {"learning_rate", "0.01", "centered", "true", NULL}, 5, {NAN}, {.9611366, -2.012498, 3.004402}},
    {"adagrad", {"learning_rate", "0.1", NULL}, 1, {.9698489, -1.946548, 3.0}, {.9773024, -2.0611, 3.006785}},
    {"adadelta", {"learning_rate", "1.0", NULL}, 3, {.9985859, -1.998586, 3.0}, {.9990195, -2.001717, 2.999616}},
    {"adam", {"learning_rate", "0.01", NULL}, 3, {.9900004, -1.99, 3.0}, {.9824319, -1.999249, 3.004298}},
    {"adam",
     {"learning_rate", "0.01", "amsgrad", "true", NULL},
     7,
     {.9900004, -1.99, 3.0},
     {.9824319, -1.999249, 3.004298}},
    {"adamw", {"learning_rate", "0.01", NULL}, 3, {.9899604, -1.98992, 2.99988}, {.9823131, -1.99901, 3.003938}},
    {"adamax", {"learning_rate", "0.01", NULL}, 3, {NAN}, {.9842576, -1.997032, 3.003234}},
    {"nadam", {"learning_rate", "0.01", NULL}, 3, {.9893722, -1.989372, 3.0}, {.9879185, -2.003773, 3.001042}},
    {"lion", {"learning_rate", "0.01", NULL}, 1, {NAN}, {.99, -2.01, 3.0}},
    /* The formulas in float64 (NumPy); Keras is asked in optimizers.h5. */
    {"ftrl", {"learning_rate", "0.1", NULL}, 3, {.01638628, -.2562392, 0}, {.02383984, -.3707917, .00678477}},
    {"lamb", {"learning_rate", "0.01", NULL}, 3, {.9735425, -1.973542, 3}, {.9550352, -2.01615, 3.004613}},
    {"lars",
     {"learning_rate", "1", "weight_decay_rate", "0.1", "trust_coefficient", "0.01", NULL},
     1,
     {.9874813, -1.974963, 2.981222},
     {.9532921, -1.942555, 2.947619}},
    {"schedule_free_adamw", {"learning_rate", "0.01", NULL}, 3, {.99, -1.99, 3}, {.9859353, -2.001249, 3.004264}},
};

static void steps_are_keras_s(void **state)
{
    bool good = true;

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        const golden *const c = &cases[i];
        float w1[N] = {1, -2, 3}, w3[N] = {1, -2, 3};
        ls_optimizer o;
        bool one;

        assert_true(ok(parse(c->name, c->args, &o)));
        train(&o, 1, w1);
        train(&o, 3, w3);
        one = isnan(c->after_1[0]) || all_close(w1, c->after_1, N, 0, 4e-7);
        one &= all_close(w3, c->after_3, N, 0, 4e-7);
        one &= ls_optimizer_ops_of(&o)->slots(o.own.config) == c->slots;
        if (!one)
            print_error("in %s, case %zu\n", c->name, i);
        good &= one;
        ls_optimizer_reset(&o);
    }
    assert_true(good);
    assert_true(all_covered(&ls_optimizers, cases, count_of(cases), sizeof cases[0]));
}

/* Large gradients first, small ones later: then AMSGrad, which divides by the largest v, moves less. By hand. */
static void amsgrad_keeps_the_largest(void **state)
{
    ls_component c = make(&ls_optimizers, "adam", "amsgrad", "true", "beta_2", "0.5", NULL);
    const ls_optimizer_ops *const ops = (const ls_optimizer_ops *)c.ops;
    float w = 0, m = 0, v = 0, largest = 0, before, h[8], *slot[LS_OPTIMIZER_SLOTS_MAX] = {&m, &v, &largest};
    const float g[] = {8, 0};

    (void)state;
    ops->prepare(c.config, 1, 1, NULL, h);
    ops->update(c.config, h, &w, &g[0], slot, 1);
    assert_true(v == 32 && largest == 32);
    before = w;
    ops->prepare(c.config, 2, 1, NULL, h);
    ops->update(c.config, h, &w, &g[1], slot, 1);
    assert_true(v == 16 && largest == 32);
    assert_true(close_to((double)before - (double)w, (double)(h[0] * m) / sqrt(32), 1e-6, 1e-5));
    ls_component_reset(&c);
}

/* Shards may be cut anywhere: the same bits whether 1000 elements are updated at once or in odd pieces. */
static void shards_may_be_cut_anywhere(void **state)
{
    enum { M = 1000 };
    static float w[2][M], g[M], memory[2][LS_OPTIMIZER_SLOTS_MAX][M];
    bool good = true;

    (void)state;
    for (size_t k = 0; k < count_of(cases); k++) {
        ls_optimizer o;
        const ls_optimizer_ops *ops;
        double scalars[LS_OPTIMIZER_SCALARS_MAX] = {0.75};
        float h[8];
        unsigned mask;

        assert_true(ok(parse(cases[k].name, cases[k].args, &o)));
        ops = ls_optimizer_ops_of(&o);
        mask = ops->slots(o.own.config);
        for (size_t i = 0; i < M; i++) {
            g[i] = (float)(i * 7919 % 1009) / 500.0f - 1.0f;
            w[0][i] = w[1][i] = (float)(i * 104729 % 997) / 100.0f - 5.0f;
            for (size_t s = 0; s < LS_OPTIMIZER_SLOTS_MAX; s++)
                memory[0][s][i] = memory[1][s][i] = (float)(4 + (i * (s + 3)) % 13);
        }
        ops->prepare(o.own.config, 17, 0.01f, scalars, h);
        h[LS_OPTIMIZER_TRUST] = 0.5f; /* of those that want a factor */
        for (size_t first = 0, n; first < M; first += n) {
            float *slot[LS_OPTIMIZER_SLOTS_MAX] = {NULL};

            n = first % 5 + 1 < M - first ? first % 5 + 1 : M - first;
            for (size_t s = 0; s < ops->slots_max; s++)
                slot[s] = mask >> s & 1 ? memory[0][s] + first : NULL;
            ops->update(o.own.config, h, w[0] + first, g + first, slot, n);
        }
        {
            float *slot[LS_OPTIMIZER_SLOTS_MAX] = {NULL};

            for (size_t s = 0; s < ops->slots_max; s++)
                slot[s] = mask >> s & 1 ? memory[1][s] : NULL;
            ops->update(o.own.config, h, w[1], g, slot, M);
        }
        good &= same_bits(w[0], w[1], M);
        for (size_t s = 0; s < ops->slots_max; s++)
            good &= same_bits(memory[0][s], memory[1][s], M);
        ls_optimizer_reset(&o);
    }
    assert_true(good);
}

static void defaults_are_keras_s(void **state)
{
    static const struct {
        const char *name, *keras;
        double rate, decay;
        size_t interleaved;
        const char *slots[3];
    } want[] = {
        {"sgd", "SGD", 0.01, NAN, 0, {"momentum"}},
        {"rmsprop", "RMSprop", 0.001, NAN, 0, {"velocity", "momentum", "average_gradient"}},
        {"adagrad", "Adagrad", 0.001, NAN, 0, {"accumulator"}},
        {"adadelta", "Adadelta", 0.001, NAN, 2, {"accumulated_grad", "accumulated_delta_var"}},
        {"adam", "Adam", 0.001, NAN, 2, {"momentum", "velocity", "velocity_hat"}},
        {"adamw", "AdamW", 0.001, 0.004, 2, {"momentum", "velocity", "velocity_hat"}},
        {"adamax", "Adamax", 0.001, NAN, 2, {"momentum", "norm"}},
        {"nadam", "Nadam", 0.001, NAN, 2, {"momentum", "velocity"}},
        {"lion", "Lion", 0.001, NAN, 0, {"momentum"}},
        {"ftrl", "Ftrl", 0.001, NAN, 2, {"accumulator", "linear"}},
        {"lamb", "Lamb", 0.001, NAN, 2, {"momentum", "velocity"}},
        {"lars", NULL, 0.1, NAN, 0, {"momentum"}},
        {"schedule_free_adamw", "ScheduleFreeAdamW", 0.0025, NAN, 2, {"momentum", "velocity"}},
    };

    (void)state;
    assert_true(all_covered(&ls_optimizers, want, count_of(want), sizeof want[0]));
    for (size_t i = 0; i < count_of(want); i++) {
        ls_config *const name = ls_config_create(LS_CONFIG_SCALAR, NULL);
        const ls_optimizer_ops *ops;
        ls_config *text = ls_config_create(LS_CONFIG_LIST, NULL);
        ls_optimizer o;

        assert_true(ok(ls_optimizer_parse(ls_config_add(text, NULL, LS_CONFIG_SCALAR, want[i].name), "x", &o)));
        ops = ls_optimizer_ops_of(&o);
        assert_true(want[i].keras ? !strcmp(ops->ops.keras_name, want[i].keras) : !ops->ops.keras_name);
        assert_true(o.common.learning_rate == (double)(float)want[i].rate);
        assert_true(want[i].decay == o.common.weight_decay || (isnan(want[i].decay) && isnan(o.common.weight_decay)));
        assert_true(isnan(o.common.clipnorm) && isnan(o.common.clipvalue) && isnan(o.common.global_clipnorm));
        assert_true(!o.common.use_ema && o.common.ema_momentum == 0.99);
        assert_true(o.common.ema_overwrite_frequency == 0);
        assert_true(o.common.gradient_accumulation_steps == 1);
        assert_int_equal(ops->slots_interleaved, want[i].interleaved);
        for (size_t s = 0; s < 3; s++)
            assert_true(want[i].slots[s] ? s < ops->slots_max && !strcmp(ops->slot_names[s], want[i].slots[s])
                                         : s >= ops->slots_max);
        ls_optimizer_reset(&o);
        ls_config_free(text);
        ls_config_free(name);
    }
}

static void common_options_are_read(void **state)
{
    static const char *const args[] = {"learning_rate",
                                       "0.002",
                                       "beta_1",
                                       "0.8",
                                       "clipnorm",
                                       "1.5",
                                       "weight_decay",
                                       "0.01",
                                       "use_ema",
                                       "true",
                                       "ema_momentum",
                                       "0.9",
                                       "ema_overwrite_frequency",
                                       "10",
                                       "gradient_accumulation_steps",
                                       "4",
                                       NULL};
    ls_optimizer o;
    float h[8];

    (void)state;
    assert_true(ok(parse("adam", args, &o)));
    assert_true(o.common.learning_rate == (double)0.002f && o.common.clipnorm == 1.5);
    assert_true(o.common.weight_decay == 0.01 && o.common.use_ema && o.common.ema_momentum == 0.9);
    assert_true(o.common.ema_overwrite_frequency == 10 && o.common.gradient_accumulation_steps == 4);
    /* beta_1 arrived: the first step's alpha is lr sqrt(1 - .999) / (1 - .8). */
    ls_optimizer_ops_of(&o)->prepare(o.own.config, 1, 1, NULL, h);
    assert_true(close_to((double)h[0], sqrt(0.001) / 0.2, 0, 1e-4));
    ls_optimizer_reset(&o);
    ls_optimizer_reset(&o); /* twice is harmless */

    assert_true(ok(parse("adamw", (const char *const[]){"weight_decay", "null", NULL}, &o)));
    assert_true(isnan(o.common.weight_decay));
    ls_optimizer_reset(&o);
}

/* {adam: {learning_rate: {exponential_decay: {...}}}} and Keras's {class_name: ..., config: ...}. */
static void a_schedule_gives_the_rate(void **state)
{
    static const double after_1[] = {.9000038, -1.900002, 3.0}, after_3[] = {.8431538, -1.953831, 3.036904};

    (void)state;
    for (int keras = 0; keras < 2; keras++) {
        ls_config *const root = ls_config_create(LS_CONFIG_MAP, "test.yaml");
        ls_config *args, *rate;
        float w1[] = {1, -2, 3}, w3[] = {1, -2, 3};
        ls_optimizer o;

        if (keras)
            ls_config_add(root, "class_name", LS_CONFIG_SCALAR, "Adam");
        args = ls_config_add(root, keras ? "config" : "adam", LS_CONFIG_MAP, NULL);
        rate = ls_config_add(args, "learning_rate", LS_CONFIG_MAP, NULL);
        if (keras)
            ls_config_add(rate, "class_name", LS_CONFIG_SCALAR, "ExponentialDecay");
        rate = ls_config_add(rate, keras ? "config" : "exponential_decay", LS_CONFIG_MAP, NULL);
        ls_config_add(rate, "initial_learning_rate", LS_CONFIG_SCALAR, "0.1");
        ls_config_add(rate, "decay_steps", LS_CONFIG_SCALAR, "2");
        ls_config_add(rate, "decay_rate", LS_CONFIG_SCALAR, "0.5");
        assert_true(ok(ls_optimizer_parse(root, "compile.optimizer", &o)));
        assert_string_equal(o.common.learning_rate_schedule.ops->name, "exponential_decay");
        train(&o, 1, w1);
        train(&o, 3, w3);
        assert_true(all_close(w1, after_1, N, 0, 4e-7));
        assert_true(all_close(w3, after_3, N, 0, 4e-7));
        ls_optimizer_reset(&o);
        ls_config_free(root);
    }
}

static void wrong_options_are_refused(void **state)
{
    ls_optimizer o;

    (void)state;
    FAILS(REFUSED("adma", NULL), LS_ERR_CONFIG, "test.yaml", "adma", "did you mean 'adam'");
    FAILS(REFUSED("adam", "beta1", "0.9"), LS_ERR_CONFIG, "beta1", "beta_1");
    FAILS(REFUSED("adam", "learnign_rate", "0.9"), LS_ERR_CONFIG, "learnign_rate", "did you mean 'learning_rate'");
    FAILS(REFUSED("adam", "clip_norm", "0.9"), LS_ERR_CONFIG, "clip_norm", "did you mean 'clipnorm'");
    FAILS(REFUSED("sgd", "rho", "0.9"), LS_ERR_CONFIG, "rho");
    FAILS(REFUSED("adam", "beta_1", "1.0"), LS_ERR_CONFIG, "adam.beta_1");
    FAILS(REFUSED("adam", "beta_2", "-0.1"), LS_ERR_CONFIG, "adam.beta_2");
    FAILS(REFUSED("sgd", "momentum", "1.1"), LS_ERR_CONFIG, "sgd.momentum");
    FAILS(REFUSED("adam", "epsilon", "0"), LS_ERR_CONFIG, "epsilon");
    FAILS(REFUSED("adam", "learning_rate", "-1"), LS_ERR_CONFIG, "compile.optimizer.adam.learning_rate");
    FAILS(REFUSED("adam", "learning_rate", "fast"), LS_ERR_CONFIG, "learning_rate", "fast");
    FAILS(REFUSED("adam", "clipnorm", "0"), LS_ERR_CONFIG, "clipnorm");
    FAILS(REFUSED("adam", "clipnorm", "1", "clipvalue", "1"), LS_ERR_CONFIG, "at most one", "clipvalue");
    FAILS(REFUSED("adam", "gradient_accumulation_steps", "1"), LS_ERR_CONFIG, "gradient_accumulation_steps");
    FAILS(REFUSED("adam", "ema_momentum", "1.5"), LS_ERR_CONFIG, "ema_momentum");
    FAILS(REFUSED("adam", "ema_overwrite_frequency", "0"), LS_ERR_CONFIG, "ema_overwrite_frequency");
    FAILS(ls_optimizer_parse(NULL, "compile.optimizer", &o), LS_ERR_CONFIG, "compile.optimizer");
    assert_null(ls_optimizer_ops_of(&o));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_keras_s),          cmocka_unit_test(amsgrad_keeps_the_largest),
        cmocka_unit_test(shards_may_be_cut_anywhere), cmocka_unit_test(defaults_are_keras_s),
        cmocka_unit_test(common_options_are_read),    cmocka_unit_test(a_schedule_gives_the_rate),
        cmocka_unit_test(wrong_options_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
