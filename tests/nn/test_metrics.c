/* Metrics against Keras's numbers and sums by hand; contributions of microbatches add up to those of the whole. */
#include "component.h"

#include "nn/metric.h"

typedef struct sample {
    size_t rows, n;
    const float *t, *p, *w;
} sample;

static bool is_sparse(const ls_component *metric)
{
    const ls_metric_ops *const ops = (const ls_metric_ops *)metric->ops;

    return ops->sparse ? ops->sparse(metric->config) : ops->sparse_targets;
}

/* The value over the sample, worked in pieces of `piece` rows whose sums are added. */
static double value(const ls_component *metric, const sample *s, bool weighted, size_t piece)
{
    const ls_metric_ops *const ops = (const ls_metric_ops *)metric->ops;
    const size_t width = ops->width(metric->config, s->n), targets = is_sparse(metric) ? 1 : s->n;
    static double totals[2048], sums[2048];

    assert_true(width <= count_of(totals));
    memset(totals, 0, sizeof totals);
    for (size_t r = 0; r < s->rows; r += piece) {
        for (size_t i = 0; i < width; i++)
            sums[i] = NAN; /* update must overwrite them */
        ops->update(metric->config, &(const ls_metric_call){.positions = piece < s->rows - r ? piece : s->rows - r,
                                                            .n = s->n,
                                                            .target = s->t + r * targets,
                                                            .pred = s->p + r * s->n,
                                                            .weight = weighted ? s->w + r : NULL,
                                                            .binary_labels = true,
                                                            .sums = sums});
        for (size_t i = 0; i < width; i++)
            totals[i] += sums[i];
    }
    return ops->result(metric->config, totals, s->n);
}

/* Keras's golden scores, one output. */
static const float scores[] = {.05f, .2f, .35f, .5f, .55f, .7f, .8f, .95f}, truths[] = {0, 0, 1, 0, 1, 1, 0, 1};
static const float ones_and_twos[] = {1, 2, 1, 2, 1, 2, 1, 2};

/* Four classes; by hand: the label's rank is 0, 1, 3, 0 (a tie, first wins). */
static const float classes[] = {1, 2, 0, 0}, one_hot[] = {0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0},
                   four[] = {.1f, .6f, .2f, .1f, .4f, .1f, .3f, .2f, .1f, .2f, .3f, .4f, .3f, .3f, .2f, .2f},
                   four_weights[] = {1, 2, 3, 4};

/* Keras's golden losses, as means: with weights 1 and 3 the sum of w l over 4. Two rows of three. */
static const float loss_t[] = {0, 1, 1, 1, 0, 0}, loss_p[] = {.1f, .7f, .2f, .6f, .3f, .1f}, loss_w[] = {1, 3},
                   loss_labels[] = {1, 0};

enum data { BINARY, FOUR, LOSS };

static sample sample_of(enum data data, bool sparse)
{
    if (data == BINARY)
        return (sample){8, 1, truths, scores, ones_and_twos};
    if (data == FOUR)
        return (sample){4, 4, sparse ? classes : one_hot, four, four_weights};
    return (sample){2, 3, sparse ? loss_labels : loss_t, loss_p, loss_w};
}

typedef struct metric_case {
    const char *name, *args[7];
    enum data data;
    double plain, weighted;
} metric_case;

static const metric_case cases[] = {
    {"auc", {NULL}, BINARY, .75, .8333333},
    {"auc", {"curve", "PR", NULL}, BINARY, .7355524, .8255839},
    {"precision", {NULL}, BINARY, .75, .8333333},
    {"recall", {NULL}, BINARY, .75, .8333333},
    {"precision", {"thresholds", "0.6", NULL}, BINARY, .6666667, .8},
    {"binary_accuracy", {NULL}, BINARY, .75, .8333333},
    /* Above .9 only the last: right are 3 true 0s of index 0, 1, 3, that of index 6, and the last. */
    {"binary_accuracy", {"threshold", "0.9", NULL}, BINARY, 5.0 / 8, 8.0 / 12},
    {"root_mean_squared_error", {NULL}, BINARY, .4541476, .411552},
    {"r2_score", {NULL}, BINARY, .175, .3225},
    {"categorical_accuracy", {NULL}, FOUR, 2.0 / 4, 5.0 / 10},
    {"sparse_categorical_accuracy", {NULL}, FOUR, 2.0 / 4, 5.0 / 10},
    {"top_k_categorical_accuracy", {"k", "2", NULL}, FOUR, 3.0 / 4, 7.0 / 10},
    {"sparse_top_k_categorical_accuracy", {"k", "2", NULL}, FOUR, 3.0 / 4, 7.0 / 10},
    {"sparse_top_k_categorical_accuracy", {"k", "3", NULL}, FOUR, 3.0 / 4, 7.0 / 10},
    {"sparse_top_k_categorical_accuracy", {"k", "4", NULL}, FOUR, 1, 1},
    {"mean_squared_error", {NULL}, LOSS, .1666667, .2533333 / 2},
    {"mean_absolute_error", {NULL}, LOSS, .3333333, .6 / 2},
    {"mean_absolute_percentage_error", {NULL}, LOSS, 83333360, 216666700.0 / 2},
    {"mean_squared_logarithmic_error", {NULL}, LOSS, .07069186, .1132625 / 2},
    {"log_cosh", {NULL}, LOSS, .07789532, .120324 / 2},
    {"kl_divergence", {NULL}, LOSS, 1.238467, 1.74929 / 2},
    {"poisson", {NULL}, LOSS, .7461563, 1.249765 / 2},
    {"categorical_hinge", {NULL}, LOSS, .45, 1.15 / 2},
    {"binary_crossentropy", {NULL}, LOSS, .5073891, .8316761 / 2},
    {"binary_crossentropy", {"from_logits", "true", NULL}, LOSS, .630327, 1.309074 / 2},
    {"categorical_crossentropy", {"label_smoothing", "0.1", NULL}, LOSS, 1.252724, 1.84638 / 2},
    {"sparse_categorical_crossentropy", {NULL}, LOSS, .4337503, .9445758 / 2},
    {"cosine_similarity", {NULL}, LOSS, .8753386, 1.75999 / 2},
    {"hinge", {NULL}, LOSS, .8333334, 1.766667 / 2},
    {"squared_hinge", {NULL}, LOSS, .8333334, 1.853333 / 2},
    {"pearson_correlation", {NULL}, LOSS, .7731407, .8454018},
    {"concordance_correlation", {NULL}, LOSS, .5295044, .6008865},
    /* Above .5: .55, .7, .95 rightly, .8 wrongly; .35 is missed. */
    {"true_positives", {NULL}, BINARY, 3, 5},
    {"true_negatives", {NULL}, BINARY, 3, 5},
    {"false_positives", {NULL}, BINARY, 1, 1},
    {"false_negatives", {NULL}, BINARY, 1, 1},
    {"true_positives", {"thresholds", "0.6", NULL}, BINARY, 2, 4},
    {"sensitivity_at_specificity", {"specificity", "0.75", NULL}, BINARY, .75, .8333333},
    {"specificity_at_sensitivity", {"sensitivity", "0.75", NULL}, BINARY, .75, .8333333},
    {"precision_at_recall", {"recall", "0.75", NULL}, BINARY, .75, .8333333},
    {"recall_at_precision", {"precision", "0.75", NULL}, BINARY, .75, .8333333},
    {"recall_at_precision", {"precision", "0.75", "num_thresholds", "1", NULL}, BINARY, .75, .8333333},
    {"f1_score", {"average", "macro", NULL}, BINARY, .6666667, 2 * .5 / 1.5},
    {"f1_score", {"average", "macro", "threshold", "0.5", NULL}, BINARY, .75, .8333333},
    {"fbeta_score", {"average", "micro", "beta", "2", "threshold", "0.6", NULL}, BINARY, .5263158, .6896552},
    /* Two largest of each: hits in rows 0, 1 and 3. */
    {"precision", {"top_k", "2", NULL}, FOUR, 3.0 / 8, 7.0 / 20},
    {"recall", {"top_k", "2", NULL}, FOUR, 3.0 / 4, 7.0 / 10},
    {"recall", {"top_k", "2", "class_id", "0", NULL}, FOUR, 1.0 / 2, 4.0 / 7},
    /* Truth 1 2 0 0, predicted 1 0 3 0. */
    {"iou", {"num_classes", "4", "target_class_ids", "[0]", "sparse_y_pred", "false", NULL}, FOUR, 1.0 / 3, 4.0 / 9},
    {"mean_iou", {"num_classes", "4", "sparse_y_pred", "false", NULL}, FOUR, 1.0 / 3, 13.0 / 36},
    {"mean_iou",
     {"num_classes", "4", "sparse_y_pred", "false", "ignore_class", "0", NULL},
     FOUR,
     1.0 / 3, /* of the classes 0, 1 and 2, which occur */
     1.0 / 3},
    {"one_hot_iou", {"num_classes", "4", "target_class_ids", "[0,1]", NULL}, FOUR, 2.0 / 3, 13.0 / 18},
    {"one_hot_mean_iou", {"num_classes", "4", NULL}, FOUR, 1.0 / 3, 13.0 / 36},
    {"binary_iou", {NULL}, BINARY, .45, (5.0 / 9 + 3.0 / 7) / 2},
    {"auc", {"multi_label", "true", NULL}, BINARY, .75, .8333333},
};

static void values_are_keras_s(void **state)
{
    bool good = true;

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        ls_component metric = make_of_pairs(&ls_metrics, cases[i].name, cases[i].args);
        const sample s = sample_of(cases[i].data, is_sparse(&metric));
        bool one = true;

        for (size_t piece = 1; piece <= s.rows; piece++) {
            one &= close_to(value(&metric, &s, false, piece), cases[i].plain, 0, 1e-6);
            one &= close_to(value(&metric, &s, true, piece), cases[i].weighted, 0, 1e-6);
        }
        if (!one)
            print_error("in %s, case %zu\n", cases[i].name, i);
        good &= one;
        ls_component_reset(&metric);
    }
    assert_true(good);
}

static void every_metric_has_a_case(void **state)
{
    (void)state;
    for (const ls_ops *const *entry = ls_metrics.entries; *entry; entry++) {
        const ls_metric_ops *const ops = (const ls_metric_ops *)*entry;

        if (!strcmp((*entry)->name, "accuracy"))
            continue; /* accuracy_resolves_by_the_data */
        assert_true(ops->width && ops->update && ops->result);
        assert_true(ops->direction == LS_METRIC_UP || ops->direction == LS_METRIC_DOWN);
        assert_true(
            all_covered(&(const ls_registry){.what = "metric", .entries = (const ls_ops *const[]){*entry, NULL}}, cases,
                        count_of(cases), sizeof cases[0]));
    }
}

/* Nothing seen: 0, as Keras. */
static void nothing_seen_is_zero(void **state)
{
    const sample none = {0, 1, truths, scores, NULL};

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        ls_component metric = make_of_pairs(&ls_metrics, cases[i].name, cases[i].args);

        if (strcmp(cases[i].name, "r2_score"))
            assert_true(close_to(value(&metric, &none, false, 1), 0, 0, 0));
        ls_component_reset(&metric);
    }
}

static bool resolves(const char *name, size_t n, bool sparse, const char *want)
{
    ls_component named = make(&ls_metrics, name, NULL), out;
    bool good = ok(ls_metric_resolve(&named, n, sparse, &out)) && !strcmp(out.ops->name, want);

    ls_component_reset(&named);
    ls_component_reset(&out);
    return good;
}

static void accuracy_resolves_by_the_data(void **state)
{
    ls_component named = make(&ls_metrics, "top_k_categorical_accuracy", "k", "2", NULL), out;
    const sample s = sample_of(FOUR, false);

    (void)state;
    assert_true(resolves("accuracy", 1, false, "binary_accuracy"));
    assert_true(resolves("acc", 1, true, "binary_accuracy"));
    assert_true(resolves("accuracy", 10, true, "sparse_categorical_accuracy"));
    assert_true(resolves("acc", 10, false, "categorical_accuracy"));
    assert_true(resolves("mae", 10, true, "mean_absolute_error"));
    /* Others keep their options in the copy. */
    assert_true(ok(ls_metric_resolve(&named, 4, false, &out)));
    ls_component_reset(&named);
    assert_true(close_to(value(&out, &s, false, 4), .75, 0, 0));
    ls_component_reset(&out);
}

/* Thresholds .3 and .6 by hand: (fp, tp) rates fall from (1,1) over (2/4,4/4), (1/4,2/4) to (0,0). */
static void the_area_at_given_thresholds_is_that_by_hand(void **state)
{
    const sample s = sample_of(BINARY, false);
    ls_component metric = make(&ls_metrics, "auc", "thresholds", "[0.3,0.6]", NULL);
    ls_component minoring = make(&ls_metrics, "auc", "thresholds", "[0.3,0.6]", "summation_method", "minoring", NULL);
    ls_component majoring = make(&ls_metrics, "auc", "thresholds", "[0.3,0.6]", "summation_method", "majoring", NULL);

    (void)state;
    assert_true(close_to(value(&metric, &s, false, 3), .5 * 1 + .25 * .75 + .25 * .25, 0, 1e-12));
    assert_true(close_to(value(&minoring, &s, false, 3), .5 * 1 + .25 * .5 + 0, 0, 1e-12));
    assert_true(close_to(value(&majoring, &s, false, 3), .5 * 1 + .25 * 1 + .25 * .5, 0, 1e-12));
    ls_component_reset(&metric);
    ls_component_reset(&minoring);
    ls_component_reset(&majoring);
}

/* With many thresholds the area is the share of (positive, negative) pairs in the right order; logits give the same. */
static void the_area_counts_pairs_in_the_right_order(void **state)
{
    enum { M = 60 };
    float t[M], p[M], z[M];
    double right = 0, pairs = 0;
    ls_component metric = make(&ls_metrics, "auc", "num_thresholds", "1000", NULL);
    ls_component from_logits = make(&ls_metrics, "auc", "num_thresholds", "1000", "from_logits", "true", NULL);

    (void)state;
    for (int i = 0; i < M; i++) { /* distinct scores, at least 1/64 apart */
        const double u = (i * 37 % 61 + 1) / 64.0;

        p[i] = (float)u;
        z[i] = (float)log(u / (1 - u));
        t[i] = (float)(i * 37 % 61 * 5 % 7 + i * 37 % 61 / 10 > 5); /* likelier the higher the score */
    }
    for (int i = 0; i < M; i++)
        for (int j = 0; j < M; j++)
            if (t[i] == 1 && t[j] == 0) {
                pairs++;
                right += p[i] > p[j];
            }
    assert_true(pairs > 100 && right / pairs > 0.55 && right / pairs < 0.99);
    assert_true(close_to(value(&metric, &(const sample){M, 1, t, p, NULL}, false, 7), right / pairs, 1e-12, 0));
    assert_true(close_to(value(&from_logits, &(const sample){M, 1, t, z, NULL}, false, 7), right / pairs, 1e-12, 0));
    ls_component_reset(&metric);
    ls_component_reset(&from_logits);
}

/*
 * Two outputs by hand. First: t = 1 2 3 4, residuals 1 0 0 1, so 1 - 2/5 = .6. Second: t = 0 0 2 2, residuals 0 1 1 0:
 * 1 - 2/4 = .5. A third with constant targets that are missed counts 0.
 */
static void r2_is_that_by_hand(void **state)
{
    const float t[] = {1, 0, 7, 2, 0, 7, 3, 2, 7, 4, 2, 7}, p[] = {2, 0, 8, 2, 1, 7, 3, 3, 7, 3, 2, 7};
    const sample s = {4, 3, t, p, NULL};
    const float t1[] = {1, 2, 3, 4}, p1[] = {2, 2, 3, 3};
    const sample first = {4, 1, t1, p1, NULL};
    ls_component mean = make(&ls_metrics, "r2", NULL);
    ls_component by_variance = make(&ls_metrics, "r2_score", "class_aggregation", "variance_weighted_average", NULL);
    ls_component adjusted = make(&ls_metrics, "r2_score", "num_regressors", "1", NULL);

    (void)state;
    assert_true(close_to(value(&mean, &s, false, 3), 1.1 / 3, 0, 1e-12));
    assert_true(close_to(value(&by_variance, &s, false, 3), (5 * .6 + 4 * .5) / 9, 0, 1e-12));
    assert_true(close_to(value(&adjusted, &first, false, 3), 1 - .4 * 3 / 2, 0, 1e-12));
    ls_component_reset(&mean);
    ls_component_reset(&by_variance);
    ls_component_reset(&adjusted);
}

/* Class 2 of the four: predicted above .25 in rows 1, 2; true in row 1 only. */
static void class_id_looks_at_one_class(void **state)
{
    const sample s = sample_of(FOUR, false);
    ls_component metric = make(&ls_metrics, "precision", "thresholds", "0.25", "class_id", "2", NULL);
    const ls_shape output = {1, {4}}, narrow = {1, {2}};

    (void)state;
    assert_true(close_to(value(&metric, &s, false, 3), .5, 0, 0));
    assert_true(close_to(value(&metric, &s, true, 3), 2.0 / 5, 0, 1e-15));
    assert_true(ok(ls_metric_check(&metric, &output, &output, NULL)));
    FAILS(ls_metric_check(&metric, &narrow, &narrow, NULL), LS_ERR_CONFIG, "class_id 2", "2 classes");
    ls_component_reset(&metric);
}

static void metrics_that_do_not_fit_are_refused(void **state)
{
    const ls_shape scalar = {0}, ten = {1, {10}};
    ls_component mse = make(&ls_metrics, "mse", NULL);
    ls_component sparse = make(&ls_metrics, "sparse_categorical_accuracy", NULL);

    (void)state;
    assert_true(ok(ls_metric_check(&sparse, &ten, &scalar, NULL)));
    assert_true(ok(ls_metric_check(&mse, &ten, &ten, NULL)));
    FAILS(ls_metric_check(&mse, &ten, &scalar, NULL), LS_ERR_SHAPE, "metric 'mean_squared_error'");
    FAILS(ls_metric_check(&sparse, &ten, &ten, NULL), LS_ERR_SHAPE, "metric 'sparse_categorical_accuracy'");
    ls_component_reset(&mse);
    ls_component_reset(&sparse);
}

static void names_are_keras_s_and_options_are_checked(void **state)
{
    (void)state;
    assert_ptr_equal(ls_registry_find(&ls_metrics, "rmse"), ls_registry_find(&ls_metrics, "RootMeanSquaredError"));
    assert_ptr_equal(ls_registry_find(&ls_metrics, "r2"), ls_registry_find(&ls_metrics, "R2Score"));
    assert_ptr_equal(ls_registry_find(&ls_metrics, "acc"), ls_registry_find(&ls_metrics, "accuracy"));
    FAILS(parsed(&ls_metrics, "auc", "curve", "roc", NULL), LS_ERR_CONFIG, "ROC", "PR");
    FAILS(parsed(&ls_metrics, "auc", "num_thresholds", "1", NULL), LS_ERR_CONFIG, "num_thresholds");
    FAILS(parsed(&ls_metrics, "top_k_categorical_accuracy", "k", "0", NULL), LS_ERR_CONFIG, "k");
    FAILS(parsed(&ls_metrics, "precision", "thresholds", "1.5", NULL), LS_ERR_CONFIG, "thresholds");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_keras_s),
        cmocka_unit_test(every_metric_has_a_case),
        cmocka_unit_test(nothing_seen_is_zero),
        cmocka_unit_test(accuracy_resolves_by_the_data),
        cmocka_unit_test(the_area_at_given_thresholds_is_that_by_hand),
        cmocka_unit_test(the_area_counts_pairs_in_the_right_order),
        cmocka_unit_test(r2_is_that_by_hand),
        cmocka_unit_test(class_id_looks_at_one_class),
        cmocka_unit_test(metrics_that_do_not_fit_are_refused),
        cmocka_unit_test(names_are_keras_s_and_options_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
