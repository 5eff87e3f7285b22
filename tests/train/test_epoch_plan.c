/* Epochs cut passes over the data: every batch of a pass in one epoch, in order, as steps_per_epoch says. */
#include "ls_test.h"

#include "train/epoch_plan.h"

#define NONE 0

static ls_epoch_plan plan(uint64_t samples, int64_t batch, int64_t steps, int64_t initial, uint64_t epoch)
{
    const ls_fit_options fit = {.batch_size = batch, .steps_per_epoch = steps, .initial_epoch = initial};

    return ls_epoch_plan_of(&fit, samples, epoch);
}

static void is_a_pass_without_steps(void **state)
{
    (void)state;
    for (uint64_t epoch = 3; epoch < 9; epoch++) {
        const ls_epoch_plan p = plan(10, 4, NONE, 3, epoch);

        assert_true(p.pass == epoch && p.first == 0 && p.batches == 3);
    }
}

/* The picture in the header. */
static void cuts_ten_samples(void **state)
{
    static const ls_epoch_plan want[] = {{0, 0, 2, 0}, {0, 2, 1, 2}, {1, 0, 2, 3}, {1, 2, 1, 5}};

    (void)state;
    for (uint64_t epoch = 0; epoch < count_of(want); epoch++) {
        const ls_epoch_plan p = plan(10, 4, 2, 0, epoch);

        assert_true(p.pass == want[epoch].pass && p.first == want[epoch].first && p.batches == want[epoch].batches);
        assert_int_equal(p.before, want[epoch].before);
    }
}

static void uses_every_batch_once(void **state)
{
    (void)state;
    for (uint64_t samples = 1; samples < 30; samples++)
        for (int64_t batch = 1; batch < 9; batch++)
            for (int64_t steps = 1; steps < 12; steps++)
                for (int64_t initial = 0; initial < 4; initial++) {
                    const uint64_t batches = (samples + (uint64_t)batch - 1) / (uint64_t)batch;
                    uint64_t pass = (uint64_t)initial, next = 0, before = 0;

                    for (uint64_t epoch = (uint64_t)initial; epoch < 40; epoch++) {
                        const ls_epoch_plan p = plan(samples, batch, steps, initial, epoch);

                        assert_true(p.pass == pass && p.first == next && p.before == before);
                        before += p.batches;
                        assert_true(p.batches == (uint64_t)steps || p.first + p.batches == batches);
                        assert_true(p.batches >= 1 && p.batches <= (uint64_t)steps);
                        next += p.batches;
                        assert_true(next <= batches);
                        if (next == batches) {
                            next = 0;
                            pass++;
                        }
                    }
                }
}

static void takes_large_numbers(void **state)
{
    const ls_epoch_plan p = plan(UINT64_C(1) << 62, 1, INT64_MAX, 1000000000, 2000000000);

    (void)state;
    assert_true(p.pass == 2000000000 && p.first == 0 && p.batches == UINT64_C(1) << 62);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_pass_without_steps),
        cmocka_unit_test(cuts_ten_samples),
        cmocka_unit_test(uses_every_batch_once),
        cmocka_unit_test(takes_large_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
