/* Learning-rate schedules against Keras's numbers (six digits) at steps 0, 1, 4, 5, 6, 10, 11, 15, 25, and the batch
 * rule by hand. */
#include "component.h"

#include "nn/optimizer.h"

#define STEPS 9

static const uint64_t steps[STEPS] = {0, 1, 4, 5, 6, 10, 11, 15, 25};

static const struct {
    const char *name, *args[13];
    double want[STEPS];
} cases[] = {
    {"exponential_decay",
     {"initial_learning_rate", "0.1", "decay_steps", "10", "decay_rate", "0.5", NULL},
     {.1, .0933033, .0757858, .0707107, .0659754, .05, .0466517, .0353553, .0176777}},
    {"exponential_decay",
     {"initial_learning_rate", "0.1", "decay_steps", "10", "decay_rate", "0.5", "staircase", "true", NULL},
     {.1, .1, .1, .1, .1, .05, .05, .05, .025}},
    {"piecewise_constant_decay",
     {"boundaries", "[5,10]", "values", "[0.1,0.01,0.001]", NULL},
     {.1, .1, .1, .1, .01, .01, .001, .001, .001}},
    {"polynomial_decay",
     {"initial_learning_rate", "0.1", "decay_steps", "10", "end_learning_rate", "0.01", "power", "2", NULL},
     {.1, .0829, .0424, .0325, .0244, .01, .01, .01, .01}},
    {"polynomial_decay",
     {"initial_learning_rate", "0.1", "decay_steps", "10", "end_learning_rate", "0.01", "power", "2", "cycle", "true",
      NULL},
     {.1, .0829, .0424, .0325, .0244, .01, .028225, .015625, .0125}},
    {"inverse_time_decay",
     {"initial_learning_rate", "0.1", "decay_steps", "10", "decay_rate", "0.5", NULL},
     {.1, .0952381, .0833333, .08, .0769231, .0666667, .0645161, .0571429, .0444444}},
    {"inverse_time_decay",
     {"initial_learning_rate", "0.1", "decay_steps", "10", "decay_rate", "0.5", "staircase", "true", NULL},
     {.1, .1, .1, .1, .1, .1 / 1.5, .1 / 1.5, .1 / 1.5, .05}},
    {"cosine_decay",
     {"initial_learning_rate", "0.1", "decay_steps", "10", "alpha", "0.1", NULL},
     {.1, .0977975, .0689058, .055, .0410942, .01, .01, .01, .01}},
    {"cosine_decay",
     {"initial_learning_rate", "0", "decay_steps", "10", "warmup_target", "0.1", "warmup_steps", "5", NULL},
     {0, .02, .08, .1, .0975528, .05, .0345491, 0, 0}},
    {"cosine_decay_restarts",
     {"initial_learning_rate", "0.1", "first_decay_steps", "4", NULL},
     {.1, .0853553, .1, .096194, .0853553, .0146447, .00380602, .0915735, .00842652}},
    {"cosine_decay_restarts",
     {"initial_learning_rate", "0.1", "first_decay_steps", "4", "t_mul", "1", "m_mul", "0.5", "alpha", "0.1", NULL},
     {.1, .0868198, .055, .0484099, .0325, .02125, .013295, .0116475, .0112003}},
    /* 4 times the batch: 4 times the rate, in tenths of the way from .1 to .4. */
    {"batch_scaling",
     {"base_learning_rate", "0.1", "base_batch_size", "256", "batch_size", "1024", "warmup_steps", "10", NULL},
     {.1, .13, .22, .25, .28, .4, .4, .4, .4}},
    /* sqrt 4 = 2 times, at once. */
    {"batch_scaling",
     {"base_learning_rate", "0.1", "base_batch_size", "256", "batch_size", "1024", "rule", "sqrt", NULL},
     {.2, .2, .2, .2, .2, .2, .2, .2, .2}},
};

static double rate(const ls_component *c, uint64_t step)
{
    return ((const ls_schedule_ops *)c->ops)->rate(c->config, step);
}

static void rates_are_keras_s(void **state)
{
    bool good = true;

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        ls_component c = make_of_pairs(&ls_schedules, cases[i].name, cases[i].args);

        for (size_t s = 0; s < STEPS; s++)
            if (!close_to(rate(&c, steps[s]), cases[i].want[s], 1e-15, 5e-6)) {
                print_error("in %s, case %zu, step %d\n", cases[i].name, i, (int)steps[s]);
                good = false;
            }
        ls_component_reset(&c);
    }
    assert_true(good);
    assert_true(all_covered(&ls_schedules, cases, count_of(cases), sizeof cases[0]));
}

/* Every restart of t_mul 3 lies at 7 (3^i - 1) / 2 exactly: there the rate is the initial one, just before it is near
 * 0. */
static void restarts_hit_their_steps(void **state)
{
    ls_component c = make(&ls_schedules, "cosine_decay_restarts", "initial_learning_rate", "0.1", "first_decay_steps",
                          "7", "t_mul", "3", NULL);
    uint64_t length = 7, start = 0;

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_true(close_to(rate(&c, start), 0.1, 0, 1e-9));
        start += length;
        length *= 3;
        if (i > 0)
            assert_true(rate(&c, start - 1) < 0.01);
    }
    ls_component_reset(&c);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    FAILS(parsed(&ls_schedules, "exponential_decay", "decay_steps", "10", "decay_rate", "0.5", NULL), LS_ERR_CONFIG,
          "initial_learning_rate");
    FAILS(parsed(&ls_schedules, "exponential_decay", "initial_learning_rate", "1", "decay_steps", "0", "decay_rate",
                 "0.5", NULL),
          LS_ERR_CONFIG, "decay_steps");
    FAILS(parsed(&ls_schedules, "piecewise_constant_decay", "boundaries", "[5,10]", "values", "[1,2]", NULL),
          LS_ERR_CONFIG, "one more value");
    FAILS(parsed(&ls_schedules, "piecewise_constant_decay", "boundaries", "[10,5]", "values", "[1,2,3]", NULL),
          LS_ERR_CONFIG, "rise");
    FAILS(parsed(&ls_schedules, "cosine_decay_restarts", "initial_learning_rate", "1", "first_decay_steps", "5",
                 "t_mul", "0.5", NULL),
          LS_ERR_CONFIG, "t_mul");
    FAILS(parsed(&ls_schedules, "batch_scaling", "base_learning_rate", "1", "base_batch_size", "5", "batch_size", "9",
                 "rule", "log", NULL),
          LS_ERR_CONFIG, "linear", "sqrt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_keras_s),
        cmocka_unit_test(restarts_hit_their_steps),
        cmocka_unit_test(wrong_options_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
