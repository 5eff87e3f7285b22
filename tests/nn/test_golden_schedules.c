/* Every learning-rate schedule against Keras, at steps 0 to 60, as the optimizer asks for it. */
#include "golden.h"

#include "train/updater.h"

/* Computed in double and rounded to float32 once; Keras's own float32 schedules need ten times as much. */
static const golden_tolerance tolerance = {1e-10, 1e-7};

static bool check_schedule(golden_case *c, void *context)
{
    const size_t steps = golden_get(c, "lr")->n;
    float *const rate = malloc(steps * sizeof *rate);
    char schedule[GOLDEN_TEXT_BYTES], text[GOLDEN_TEXT_BYTES + 64];
    ls_config *config = NULL;
    ls_optimizer optimizer;
    bool good;

    assert_non_null(rate);
    golden_text(c, "config", schedule, sizeof schedule);
    snprintf(text, sizeof text, "sgd: {learning_rate: {%s}}", schedule);
    assert_true(ok(ls_yaml_parse(text, strlen(text), c->name, &config)));
    assert_true(ok(ls_optimizer_parse(config, "optimizer", &optimizer)));
    assert_non_null(optimizer.common.learning_rate_schedule.ops);
    golden_note(context, optimizer.common.learning_rate_schedule.ops);
    for (size_t step = 0; step < steps; step++)
        rate[step] = ls_updater_learning_rate(&(ls_updater){.optimizer = &optimizer, .iterations = step});
    good = golden_close(c, "lr", rate, steps);
    ls_optimizer_reset(&optimizer);
    ls_config_free(config);
    free(rate);
    return good;
}

static void schedules_agree_with_keras(void **state)
{
    golden_coverage coverage = {0};

    (void)state;
    assert_true(golden_each("schedules.h5", tolerance, check_schedule, &coverage));
    assert_true(golden_covers(&coverage, &ls_schedules));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(schedules_agree_with_keras)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
