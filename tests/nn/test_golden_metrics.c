/*
 * Every metric against Keras: the value after each of three batches, with and without sample weights, through the
 * scores that fit and evaluate keep. Metrics that are the mean of a loss are compared with Keras's values of that loss.
 */
#include "golden.h"

#include "nn/outputs.h"
#include "train/scores.h"

static const golden_tolerance tolerance = {2e-6, 1e-5};

#define MICROBATCH 3 /* the batches of 8, 5 and 3 become 3 + 3 + 2, 3 + 2 and 3 */

/* A model that hands its input through, measured by one metric twice: without weights and with them. */
typedef struct meter {
    ls_config *description, *compile;
    ls_model *model;
    ls_output_spec *outputs;
    ls_objective objective;
    ls_engine *engine;
    ls_scores *scores;
    ls_comm alone; /* one rank, without MPI */
} meter;

static ls_config *yaml(const char *text)
{
    ls_config *tree = NULL;

    assert_true(ok(ls_yaml_parse(text, strlen(text), "metrics", &tree)));
    return tree;
}

static void meter_open(meter *m, const char *metric, const golden_array *pred, const golden_array *target,
                       size_t rows_max)
{
    const ls_shape shape = golden_sample_shape(target);
    const size_t rows = pred->dim[0], n = pred->dim[pred->axes - 1];
    const bool sparse = n > 1 && target->n * n == pred->n;
    ls_text text = {0};

    *m = (meter){.alone = {.mpi = MPI_COMM_NULL, .size = 1}};
    ls_text_add(&text, "inputs: {p: {shape: [");
    for (size_t i = 1; i < pred->axes; i++)
        ls_text_add(&text, "%s%zu", i > 1 ? ", " : "", pred->dim[i]);
    ls_text_add(&text, "]}}\nlayers: [{name: o, activation: {activation: linear}, inputs: p}]\noutputs: o\n");
    m->description = yaml(text.data);
    text.length = 0;
    ls_text_add(&text, "{metrics: [%s], weighted_metrics: [%s]}", metric, metric);
    m->compile = yaml(text.data);
    ls_text_reset(&text);
    assert_true(ok(ls_model_create(m->description, NULL, NULL, &m->model)));
    assert_true(ok(ls_outputs_read(m->compile, m->model, &m->outputs)));
    for (size_t i = 0; i < m->outputs[0].metrics; i++) {
        ls_component resolved = {0};

        assert_true(ok(ls_metric_resolve(&m->outputs[0].metric[i], n, sparse, &resolved)));
        assert_true(ok(ls_metric_check(&resolved, &m->model->node[m->model->output[0]].shape, &shape, NULL)));
        ls_component_reset(&m->outputs[0].metric[i]);
        m->outputs[0].metric[i] = resolved;
    }
    m->objective = (ls_objective){.loss = &m->outputs[0].loss,
                                  .loss_weight = 1,
                                  .positions = pred->n / rows / n,
                                  .target_size = target->n / rows};
    assert_true(ok(ls_engine_create(m->model, &m->objective,
                                    &(ls_engine_size){.rows = rows_max, .microbatch = MICROBATCH, .wave = rows_max},
                                    &m->engine)));
    assert_true(ok(ls_engine_use_weights(m->engine, 0)));
    assert_true(ok(ls_scores_create(&m->alone, m->model, m->outputs, &m->objective, &m->scores)));
    ls_scores_begin_epoch(m->scores);
}

static void meter_close(meter *m)
{
    ls_scores_free(m->scores);
    ls_engine_free(m->engine);
    ls_outputs_free(m->outputs, 1);
    ls_model_free(m->model);
    ls_config_free(m->compile);
    ls_config_free(m->description);
}

/* One more batch; then the value without weights and the value with them. */
static void measure(meter *m, const golden_array *pred, const golden_array *target, const golden_array *weight,
                    double value[2])
{
    const size_t rows = pred->dim[0];
    const ls_slice batch = {
        .batch_rows = rows, .microbatch = MICROBATCH, .count = (rows + MICROBATCH - 1) / MICROBATCH, .rows = rows};
    const double no_loss = 0;
    bool binary = true;
    const ls_log *logs;

    assert_int_equal(weight->n, rows * m->objective.positions);
    golden_floats(pred, ls_engine_input(m->engine, 0));
    golden_floats(target, ls_engine_target(m->engine, 0));
    golden_floats(weight, ls_engine_weights(m->engine, 0));
    for (size_t i = 0; i < target->n; i++)
        binary = binary && (ls_engine_target(m->engine, 0)[i] == 0 || ls_engine_target(m->engine, 0)[i] == 1);
    assert_true(ok(ls_engine_forward(m->engine, &batch, false, 0, 0, NULL)));
    ls_scores_begin_batch(m->scores);
    for (size_t i = 0; i < batch.count; i++)
        ls_scores_add(m->scores, m->engine, &batch, i, &no_loss, 0, &binary);
    assert_true(ok(ls_scores_reduce(m->scores)));
    ls_scores_commit(m->scores, rows, 0);
    assert_int_equal(ls_scores_logs(m->scores, &logs), 3); /* the loss, which there is none of, comes first */
    value[0] = logs[1].value;
    value[1] = logs[2].value;
}

static bool check_metric(golden_case *c, void *context)
{
    const size_t batches = golden_get(c, "result")->n;
    double *const value = malloc(2 * batches * sizeof *value), *const weighted = value + batches;
    char config[GOLDEN_TEXT_BYTES], resolved[64];
    bool good = true;
    meter m;

    assert_non_null(value);
    golden_text(c, "config", config, sizeof config);
    meter_open(&m, config, golden_get(c, "pred0"), golden_get(c, "target0"), golden_get(c, "pred0")->dim[0]);
    golden_note(context, m.outputs[0].metric[0].ops);
    if (golden_has_attribute(c, "resolved") &&
        strcmp(golden_text(c, "resolved", resolved, sizeof resolved), m.outputs[0].metric[0].ops->name) != 0) {
        print_error("'%s' became %s, want %s\n", config, m.outputs[0].metric[0].ops->name, resolved);
        good = false;
    }
    for (size_t k = 0; k < batches; k++) {
        double both[2];

        measure(&m, golden_getf(c, "pred%zu", k), golden_getf(c, "target%zu", k), golden_getf(c, "weight%zu", k), both);
        value[k] = both[0];
        weighted[k] = both[1];
    }
    good &= golden_close_doubles(c, "result", value, batches);
    good &= golden_close_doubles(c, "result_weighted", weighted, batches);
    meter_close(&m);
    free(value);
    return good;
}

/* A metric of the loss's name and options over the loss's data: its mean, and its mean by weight. */
static bool check_loss_as_metric(golden_case *c, void *context)
{
    const bool fused = golden_has_attribute(c, "fused"); /* its values come from logits, which a metric does not see */
    const golden_array *const target = golden_get(c, "target"), *const weight = golden_get(c, "sample_weight");
    const golden_array *const v = golden_get(c, "values_f64"), *const pred = golden_get(c, "pred");
    ls_config *const tree = golden_config(c);
    const ls_ops *const ops = ls_registry_find(&ls_metrics, tree->first->key);
    double sum = 0, weighted_sum = 0, weights = 0, got[2];
    char config[GOLDEN_TEXT_BYTES];
    bool good = true;
    meter m;

    c->partly = true;
    if (ops && !fused) {
        const double sign = strcmp(ops->name, "cosine_similarity") == 0 ? -1 : 1; /* the loss is the negative */

        for (size_t i = 0; i < v->n; i++) {
            sum += sign * v->value[i];
            weighted_sum += sign * v->value[i] * weight->value[i];
            weights += weight->value[i];
        }
        golden_note(context, ops);
        golden_text(c, "config", config, sizeof config);
        meter_open(&m, config, pred, target, pred->dim[0]);
        measure(&m, pred, target, weight, got);
        good = close_to(got[0], sum / (double)v->n, tolerance.atol, tolerance.rtol) &&
               close_to(got[1], weighted_sum / weights, tolerance.atol, tolerance.rtol);
        meter_close(&m);
    }
    ls_config_free(tree);
    return good;
}

static void metrics_agree_with_keras(void **state)
{
    golden_coverage coverage = {0};

    (void)state;
    assert_true(golden_each("metrics.h5", tolerance, check_metric, &coverage));
    assert_true(golden_each("losses.h5", tolerance, check_loss_as_metric, &coverage));
    assert_true(golden_covers(&coverage, &ls_metrics));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(metrics_agree_with_keras)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
