/*
 * Every loss against Keras: the value of each position, the mean over the batch and its gradient, with and without
 * sample weights; and the cross-entropies that work on the logits of the softmax or sigmoid before them.
 */
#include "golden_bench.h"

static const golden_tolerance tolerance = {2e-6, 1e-5};

static bool labels_are_binary(const golden_array *target)
{
    for (size_t i = 0; i < target->n; i++)
        if (target->value[i] != 0 && target->value[i] != 1)
            return false;
    return true;
}

/* One position after the other. */
static bool values_are_right(golden_case *c, const ls_component *loss, const golden_array *pred,
                             const golden_array *target, bool fused)
{
    const ls_loss_ops *const ops = (const ls_loss_ops *)loss->ops;
    const size_t positions = golden_get(c, "values")->n, n = pred->n / positions, wide = target->n / positions;
    float *const p = malloc(pred->n * sizeof *p), *const t = malloc(target->n * sizeof *t);
    double *const values = malloc(positions * sizeof *values);
    bool good;

    assert_true(p && t && values);
    golden_floats(pred, p);
    golden_floats(target, t);
    for (size_t i = 0; i < positions; i++)
        ops->evaluate(loss->config,
                      &(ls_loss_call){.positions = 1,
                                      .n = n,
                                      .target = t + i * wide,
                                      .pred = p + i * n,
                                      .on_logits = fused || (ops->from_logits && ops->from_logits(loss->config)),
                                      .binary_labels = labels_are_binary(target),
                                      .sum = &values[i],
                                      .scale = 1});
    good = golden_close_doubles(c, "values", values, positions);
    free(p);
    free(t);
    free(values);
    return good;
}

/* Loss and gradient of the batch, in microbatches of 4 and 2; the engine adds up sums, the mean is taken here. */
static bool batch_is_right(golden_case *c, bench *b, const ls_objective *objective, bool binary_labels,
                           const char *loss_name, const char *gradient_name)
{
    const ls_slice batch = bench_forward(b, 4, true);
    const double loss = bench_backward(b, &batch, binary_labels) / ((double)b->rows * (double)objective->positions);
    const size_t n = b->x[0]->n;
    double *const gradient = malloc(n * sizeof *gradient);
    bool good = golden_close_doubles(c, loss_name, &loss, 1);

    assert_non_null(gradient);
    for (size_t i = 0; i < n; i++)
        gradient[i] = bench_input_gradient(b, 0)[i] / (double)b->rows;
    good &= golden_close_doubles(c, gradient_name, gradient, n);
    free(gradient);
    return good;
}

static bool check_loss(golden_case *c, void *context)
{
    const bool fused = golden_has_attribute(c, "fused");
    const golden_array *const pred = golden_get(c, fused ? "logits" : "pred"), *const target = golden_get(c, "target");
    const golden_array *const weight = golden_get(c, "sample_weight");
    const ls_shape target_shape = golden_sample_shape(target);
    ls_config *const config = golden_config(c);
    char activation[32] = "linear", layer[128];
    ls_component loss = {0};
    ls_objective objective;
    bench b;
    bool good;

    assert_true(ok(ls_component_parse(&ls_losses, config, c->name, &loss)));
    golden_note(context, loss.ops);
    if (fused)
        golden_text(c, "fused", activation, sizeof activation);
    snprintf(layer, sizeof layer, "activation: {activation: %s}", activation);
    bench_open(&b, layer, &pred, 1, false);
    objective = (ls_objective){.loss = &loss, .loss_weight = 1, .target_size = ls_shape_size(&target_shape)};
    assert_true(ok(ls_loss_check(&loss, bench_output_shape(&b), &target_shape, NULL, &objective.positions)));
    assert_int_equal(weight->n, b.rows * objective.positions);
    bench_plan(&b, &objective, target);

    good = values_are_right(c, &loss, pred, target, fused);
    good &= batch_is_right(c, &b, &objective, labels_are_binary(target), "loss", fused ? "dlogits" : "dpred");
    if (fused)
        good &= golden_close(c, "pred", ls_engine_output(b.engine, 0), pred->n);
    assert_true(ok(ls_engine_use_weights(b.engine, 0)));
    golden_floats(weight, ls_engine_weights(b.engine, 0));
    good &= batch_is_right(c, &b, &objective, labels_are_binary(target), "loss_weighted",
                           fused ? "dlogits_weighted" : "dpred_weighted");
    bench_close(&b);
    ls_component_reset(&loss);
    ls_config_free(config);
    return good;
}

static void losses_agree_with_keras(void **state)
{
    golden_coverage coverage = {0};

    (void)state;
    assert_true(golden_each("losses.h5", tolerance, check_loss, &coverage));
    assert_true(golden_covers(&coverage, &ls_losses));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(losses_agree_with_keras)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
