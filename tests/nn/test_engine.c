/*
 * The engine against a float64 twin: a naive interpreter of the same graph, whose total loss is differentiated by
 * central differences. And what it refuses.
 */
#include "engine_bench.h"

#include <stdlib.h>

#include "nn/regularizer.h"

/* ---- the twin: float64, naive ---- */

typedef struct twin {
    double *weights;                   /* [model->size] */
    double (*value)[ROWS * WIDTH_MAX]; /* [nodes] */
} twin;

static void activate(const char *name, double *v, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        if (!strcmp(name, "relu"))
            v[i] = v[i] > 0 ? v[i] : 0;
        else if (!strcmp(name, "tanh"))
            v[i] = tanh(v[i]);
        else if (!strcmp(name, "sigmoid"))
            v[i] = 1 / (1 + exp(-v[i]));
        else if (!strcmp(name, "gelu"))
            v[i] = v[i] / 2 * (1 + erf(v[i] / sqrt(2)));
        else if (!strcmp(name, "softmax"))
            sum += v[i] = exp(v[i]);
        else
            assert_string_equal(name, "linear");
    }
    for (size_t i = 0; i < n && sum > 0; i++)
        v[i] /= sum;
}

static void run_node(const engine_bench *b, twin *t, size_t i)
{
    const ls_node *node = &b->model->node[i];
    const ls_layer *layer = node->layer;
    const char *type = layer->ops->ops.name;
    const size_t n = engine_width(node);

    assert_true(n <= WIDTH_MAX);
    for (size_t r = 0; r < ROWS; r++) {
        double *y = t->value[i] + r * n;
        size_t filled = 0;

        memset(y, 0, n * sizeof *y);
        for (size_t k = 0; k < node->inputs; k++) {
            const size_t from = engine_width(&b->model->node[node->input[k]]);
            const double *x = t->value[node->input[k]] + r * from;

            if (!strcmp(type, "dense")) {
                const double *K = t->weights + layer->param[0].offset, *bias = t->weights + layer->param[1].offset;

                for (size_t j = 0; j < n; j++)
                    for (size_t l = 0; l < from; l++)
                        y[j] += x[l] * K[l * n + j] + (l == 0 ? bias[j] : 0);
            } else if (!strcmp(type, "concatenate")) {
                memcpy(y + filled, x, from * sizeof *x);
                filled += from;
            } else {
                for (size_t j = 0; j < n; j++)
                    y[j] = !strcmp(type, "multiply") && k > 0 ? y[j] * x[j] : y[j] + x[j];
            }
        }
        if (layer->activation.ops)
            activate(layer->activation.ops->name, y, n);
    }
}

static double loss_of(const engine_objective *o, const double *y, const float *t, size_t n)
{
    double sum = 0, loss = 0;

    for (size_t j = 0; j < n; j++)
        sum += y[j];
    for (size_t j = 0; j < n; j++) {
        const double target = engine_is_sparse(o) ? (double)((size_t)t[0] == j) : (double)t[j];

        if (strstr(o->loss, "categorical"))
            loss -= target * log(y[j] / sum);
        else if (!strcmp(o->loss, "binary_crossentropy"))
            loss -= (target * log(y[j]) + (1 - target) * log(1 - y[j])) / (double)n;
        else
            loss += (target - y[j]) * (target - y[j]) / (double)n;
    }
    return loss;
}

/* Sum over the batch of everything the engine differentiates; loss_sums [outputs] un-scaled, activity may be NULL. */
static double twin_total(const engine_bench *b, twin *t, double *loss_sums, double *activity)
{
    double total = 0, penalty = 0;

    for (size_t i = 0; i < b->model->inputs; i++) {
        const size_t n = ROWS * engine_width(&b->model->node[b->model->input[i]]);

        for (size_t j = 0; j < n; j++)
            t->value[b->model->input[i]][j] = (double)b->input[i][j];
    }
    for (size_t i = b->model->inputs; i < b->model->nodes; i++) {
        double l1, l2;

        run_node(b, t, i);
        ls_regularizer_factors(&b->model->node[i].layer->activity_regularizer, &l1, &l2);
        for (size_t j = 0; j < ROWS * engine_width(&b->model->node[i]); j++)
            penalty += l1 * fabs(t->value[i][j]) + l2 * t->value[i][j] * t->value[i][j];
    }
    for (size_t k = 0; k < b->model->outputs; k++) {
        const size_t n = engine_width(&b->model->node[b->model->output[k]]);
        double sum = 0;

        for (size_t r = 0; r < ROWS && b->wanted[k].loss; r++)
            sum += (double)b->weight[r] * loss_of(&b->wanted[k], t->value[b->model->output[k]] + r * n,
                                                  b->target[k] + r * b->objective[k].target_size, n);
        total += b->wanted[k].weight * sum;
        if (loss_sums)
            loss_sums[k] = sum;
    }
    if (activity)
        *activity = penalty;
    return total + penalty;
}

static twin new_twin(const engine_bench *b)
{
    twin t = {.weights = calloc(b->model->size, sizeof(double)), .value = calloc(b->model->nodes, sizeof *t.value)};

    assert_true(t.weights && t.value);
    for (size_t i = 0; i < b->model->size; i++)
        t.weights[i] = (double)b->model->weights[i];
    return t;
}

/* ---- gradients of whole models ---- */

static void gradients_match(const char *yaml, const engine_objective *wanted)
{
    engine_bench b;
    double loss_sums[MICROBATCHES * OUTPUTS_MAX], activity[MICROBATCHES];
    double want_losses[OUTPUTS_MAX], want_activity, record[64];
    engine_sums s = {.record = record};
    const ls_batch_sums interface = {.context = &s, .add = engine_sums_add, .total = engine_sums_total};
    engine_collection c;
    ls_gradient_sink sink;
    ls_engine *engine;
    ls_slice batch;
    size_t trained = 0;
    twin t;

    engine_bench_set_up(&b, yaml, wanted);
    engine = engine_bench_engine(&b, ROWS);
    c = engine_collection_new(b.model);
    sink = (ls_gradient_sink){.context = &c, .add = engine_collection_take, .layer_done = engine_collection_layer_done};
    t = new_twin(&b);

    for (int pass = 0; pass < 2; pass++) { /* the first leaves its gradients in every buffer */
        memset(c.contribution, 0, MICROBATCHES * b.model->trainable_size * sizeof *c.contribution);
        c.layers_done = 0;
        batch = engine_bench_load(&b, engine, 0, MICROBATCHES);
        assert_true(ok(ls_engine_forward(engine, &batch, true, 1, 0, &interface)));
        assert_true(ok(ls_engine_losses(engine, &batch, true, NULL, loss_sums, activity)));
        assert_true(ok(ls_engine_backward(engine, &batch, &interface, &sink)));
    }

    twin_total(&b, &t, want_losses, &want_activity);
    for (size_t k = 0; k < b.model->outputs; k++) {
        double sum = 0;

        for (size_t m = 0; m < MICROBATCHES; m++)
            sum += loss_sums[m * b.model->outputs + k];
        assert_true(close_to(sum, want_losses[k], 1e-6, 1e-5));
    }
    assert_true(close_to(activity[0] + activity[1] + activity[2], want_activity, 1e-9, 1e-5));

    for (size_t p = 0; p < b.model->trainable_params; p++) {
        const ls_param *param = b.model->param[p];
        const size_t padded = (param->size + LS_BLOCK - 1) / LS_BLOCK * LS_BLOCK;

        for (size_t i = 0; i < padded; i++) {
            double *const w = &t.weights[param->offset + i], at = *w, h = 1e-5, up, down, got = 0;

            for (size_t m = 0; m < MICROBATCHES; m++)
                got += (double)c.contribution[m * b.model->trainable_size + param->offset + i];
            if (i >= param->size) {
                assert_true(got == 0);
                continue;
            }
            *w = at + h;
            up = twin_total(&b, &t, NULL, NULL);
            *w = at - h;
            down = twin_total(&b, &t, NULL, NULL);
            *w = at;
            if (!close_to(got, (up - down) / (2 * h), 1e-5, 1e-5)) {
                char name[LS_PARAM_NAME_BYTES];

                fail_msg("gradient of %s[%zu] in\n%s", ls_model_param_name(b.model, param, name), i, yaml);
            }
        }
    }
    for (size_t i = 0; i < b.model->layers; i++) {
        const ls_layer *layer = b.model->layer[i];
        bool found = false;

        for (size_t d = 0; d < c.layers_done; d++)
            found |= c.done[d] == layer;
        assert_true(found == (layer->trainable && layer->params > 0));
        trained += found;
    }
    assert_true(c.layers_done == trained && !c.late);

    free(t.weights);
    free(t.value);
    engine_collection_free(&c);
    ls_engine_free(engine);
    engine_bench_tear_down(&b);
}

#define CE "sparse_categorical_crossentropy"
#define MSE "mean_squared_error"

static void gradients_of_lists_are_those_of_a_float64_twin(void **state)
{
    (void)state;
    gradients_match(
        "[input: {shape: [5]}, dense: {units: 6, activation: relu}, dense: {units: 4, activation: softmax}]",
        (const engine_objective[]){{CE, 1}});
    gradients_match("[input: {shape: [5]}, dense: {units: 4}, activation: {activation: softmax}]",
                    (const engine_objective[]){{"categorical_crossentropy", 0.7}});
    gradients_match(
        "[input: {shape: [5]}, dense: {units: 6, activation: tanh}, dense: {units: 3, activation: sigmoid}]",
        (const engine_objective[]){{"binary_crossentropy", 1}});
    gradients_match("[input: {shape: [5]}, dense: {units: 6, activation: gelu}, dense: {units: 3}]",
                    (const engine_objective[]){{MSE, 2}});
    /* No cross-entropy that would engine_collection_take the logits. */
    gradients_match("[input: {shape: [5]}, dense: {units: 4, activation: softmax}]",
                    (const engine_objective[]){{MSE, 1}});
}

static void gradients_of_graphs_are_those_of_a_float64_twin(void **state)
{
    (void)state;
    /* A layer called three times, twice in a row; its node consumed by three others. */
    gradients_match("inputs: {a: {shape: [4]}, b: {shape: [4]}}\n"
                    "layers:\n"
                    "  - {name: s, dense: {units: 4, activation: tanh}, inputs: a}\n"
                    "  - {name: t, shares: s, inputs: b}\n"
                    "  - {name: u, shares: s, inputs: s}\n"
                    "  - {name: cat, concatenate: null, inputs: [s, t, u]}\n"
                    "  - {name: o, dense: {units: 2}, inputs: cat}\n"
                    "outputs: o\n",
                    (const engine_objective[]){{MSE, 1}});
    /* The same tensor on both sides of add and multiply, and beside another one. */
    gradients_match("inputs: {a: {shape: [4]}}\n"
                    "layers:\n"
                    "  - {name: h, dense: {units: 3, activation: tanh}, inputs: a}\n"
                    "  - {name: twice, add: null, inputs: [h, h]}\n"
                    "  - {name: square, multiply: null, inputs: [h, h]}\n"
                    "  - {name: mixed, multiply: null, inputs: [h, square, twice]}\n"
                    "  - {name: again, add: null, inputs: [mixed, h, mixed]}\n"
                    "  - {name: o, dense: {units: 3, activation: softmax}, inputs: again}\n"
                    "outputs: o\n",
                    (const engine_objective[]){{CE, 1}});
    /* Outputs with weights; one is consumed by another node, softmax or not; one has no loss. */
    gradients_match("inputs: {a: {shape: [4]}}\n"
                    "layers:\n"
                    "  - {name: h, dense: {units: 5, activation: relu}, inputs: a}\n"
                    "  - {name: kind, dense: {units: 3, activation: softmax}, inputs: h}\n"
                    "  - {name: both, concatenate: null, inputs: [h, kind]}\n"
                    "  - {name: price, dense: {units: 2}, inputs: both}\n"
                    "  - {name: spare, dense: {units: 2}, inputs: price}\n"
                    "outputs: [price, kind, spare]\n",
                    (const engine_objective[]){{MSE, 0.3}, {CE, 1.7}, {NULL, 0}});
    /* The input goes around the layers; a part of the graph leads to no loss. */
    gradients_match("inputs: {a: {shape: [3]}}\n"
                    "layers:\n"
                    "  - {name: h, dense: {units: 3, activation: tanh}, inputs: a}\n"
                    "  - {name: skip, add: null, inputs: [a, h]}\n"
                    "  - {name: nowhere, dense: {units: 2}, inputs: skip}\n"
                    "  - {name: o, dense: {units: 2}, inputs: skip}\n"
                    "outputs: [nowhere, o]\n",
                    (const engine_objective[]){{NULL, 0}, {MSE, 1}});
}

static void frozen_layers_have_no_gradients(void **state)
{
    (void)state;
    /* Gradients pass through a frozen layer to the ones before it. */
    gradients_match("[input: {shape: [5]}, dense: {units: 4, activation: tanh}, dense: {units: 4, activation: tanh, "
                    "trainable: false}, dense: {units: 3, activation: softmax}]",
                    (const engine_objective[]){{CE, 1}});
    /* … and stop where nothing is trained any more. */
    gradients_match("[input: {shape: [5]}, dense: {units: 4, trainable: false}, dense: {units: 3}]",
                    (const engine_objective[]){{MSE, 1}});
    /* A frozen branch meets a trained one. */
    gradients_match("inputs: {a: {shape: [4]}}\n"
                    "layers:\n"
                    "  - {name: f, trainable: false, dense: {units: 3}, inputs: a}\n"
                    "  - {name: h, dense: {units: 3}, inputs: a}\n"
                    "  - {name: sum, add: null, inputs: [f, h, f]}\n"
                    "  - {name: o, trainable: false, dense: {units: 2}, inputs: sum}\n"
                    "outputs: o\n",
                    (const engine_objective[]){{MSE, 1}});
}

#define L1_L2 "activity_regularizer: {l1_l2: {l1: 0.03, l2: 0.05}}"

static void activity_penalties_have_their_gradients(void **state)
{
    (void)state;
    gradients_match("[input: {shape: [5]}, dense: {units: 4, activation: tanh, " L1_L2 "}, dense: {units: 3, "
                    "activation: softmax}]",
                    (const engine_objective[]){{CE, 1}});
    /* At the output: linear, and with an activation that the loss could be fused with. */
    gradients_match("[input: {shape: [5]}, dense: {units: 3, " L1_L2 "}]", (const engine_objective[]){{MSE, 1}});
    gradients_match("[input: {shape: [5]}, dense: {units: 3, activation: sigmoid, " L1_L2 "}]",
                    (const engine_objective[]){{"binary_crossentropy", 1}});
    gradients_match("[input: {shape: [5]}, dense: {units: 3, activation: softmax, " L1_L2 "}]",
                    (const engine_objective[]){{CE, 1}});
    /* Every call of a shared layer counts; so does a node that leads to no loss, and a frozen layer. */
    gradients_match("inputs: {a: {shape: [4]}}\n"
                    "layers:\n"
                    "  - {name: s, dense: {units: 4, activation: tanh, " L1_L2 "}, inputs: a}\n"
                    "  - {name: t, shares: s, inputs: s}\n"
                    "  - {name: f, trainable: false, dense: {units: 2, " L1_L2 "}, inputs: t}\n"
                    "  - {name: nowhere, dense: {units: 2, " L1_L2 "}, inputs: s}\n"
                    "  - {name: o, dense: {units: 2}, inputs: t}\n"
                    "outputs: [o, nowhere, f]\n",
                    (const engine_objective[]){{MSE, 1}, {NULL, 0}, {NULL, 0}});
}

/* ---- refusals and the search for what is not finite ---- */

static void what_cannot_be_planned_is_refused(void **state)
{
    static const engine_objective wanted[] = {{MSE, 1}};
    ls_engine *engine = NULL;
    ls_slice batch;
    engine_bench b;

    (void)state;
    engine_bench_set_up(&b, "[input: {shape: [5]}, dense: {units: 3}]", wanted);
    assert_true(
        ok(ls_engine_create(b.model, NULL, &(ls_engine_size){.rows = ROWS - 1, .microbatch = MICROBATCH}, &engine)));
    batch = (ls_slice){.batch_rows = ROWS, .microbatch = MICROBATCH, .count = MICROBATCHES, .rows = ROWS};
    FAILS(ls_engine_forward(engine, &batch, false, 0, 0, NULL), LS_ERR_ARG, "7", "6");
    batch.rows = ROWS - 1;
    batch.count = 2;
    assert_true(ok(ls_engine_forward(engine, &batch, false, 0, 0, NULL)));
    FAILS(ls_engine_losses(engine, &batch, false, NULL, NULL, NULL), LS_ERR_ARG, "not planned");
    ls_engine_free(engine);

    /* Losses without gradients are fine in an engine for evaluation; gradients are not. */
    assert_true(
        ok(ls_engine_create(b.model, b.objective, &(ls_engine_size){.rows = ROWS, .microbatch = MICROBATCH}, &engine)));
    batch = engine_bench_load(&b, engine, 0, MICROBATCHES);
    assert_true(ok(ls_engine_forward(engine, &batch, false, 0, 0, NULL)));
    assert_true(ok(ls_engine_losses(engine, &batch, false, NULL, NULL, NULL)));
    FAILS(ls_engine_losses(engine, &batch, true, NULL, NULL, NULL), LS_ERR_ARG, "not planned");
    ls_engine_free(engine);
    FAILS(ls_engine_create(
              b.model, b.objective,
              &(ls_engine_size){.rows = SIZE_MAX / 8, .microbatch = 1, .wave = SIZE_MAX / 8, .training = true},
              &engine),
          LS_ERR_MEMORY, "batch_size");
    assert_null(engine);
    engine_bench_tear_down(&b);
}

static void finds_the_first_that_is_not_finite(void **state)
{
    static const engine_objective wanted[] = {{MSE, 1}};
    ls_engine *engine;
    ls_slice batch;
    size_t microbatch = 99;
    engine_bench b;

    (void)state;
    engine_bench_set_up(&b, "[input: {shape: [2]}, dense: {units: 3}, dense: {units: 1, name: last}]", wanted);
    engine = engine_bench_engine(&b, ROWS);
    batch = engine_bench_load(&b, engine, 0, MICROBATCHES);
    assert_true(ok(ls_engine_forward(engine, &batch, false, 0, 0, NULL)));
    assert_true(ls_engine_first_nonfinite(engine, &batch, &microbatch) == SIZE_MAX && microbatch == 99);
    b.model->param[2]->value[1] = INFINITY; /* last/kernel */
    assert_true(ok(ls_engine_forward(engine, &batch, false, 0, 0, NULL)));
    assert_int_equal(ls_engine_first_nonfinite(engine, &batch, &microbatch), 2);
    assert_int_equal(microbatch, 0);
    ls_engine_input(engine, 0)[2 * 4 + 1] = NAN; /* row 4: microbatch 1 */
    assert_int_equal(ls_engine_first_nonfinite(engine, &batch, &microbatch), 0);
    assert_int_equal(microbatch, 1);
    ls_engine_free(engine);
    engine_bench_tear_down(&b);
}

/* ---- weights that are still coming in ---- */

typedef struct late_weights {
    const ls_model *model;
    float *stash; /* [model->size] what is to come */
    size_t waits;
} late_weights;

/* What is asked for comes at this moment, and no more of it. */
static ls_status bring(void *context, const ls_layer *layer, size_t n)
{
    late_weights *late = context;
    size_t all = 0;

    for (size_t p = 0; p < layer->params; p++)
        all += ls_pad_block(layer->param[p].size);
    for (size_t i = 0; layer->params > 0 && i < (n < all ? n : all); i++)
        late->model->weights[layer->param[0].offset + i] = late->stash[layer->param[0].offset + i];
    late->waits += layer->params > 0;
    return LS_OK;
}

/* 700 inputs are three segments of a sum, 520 are three, 9 are one; the same bits with weights that were there before.
 */
static void layers_begin_with_the_weights_that_are_there(void **state)
{
    static const engine_objective wanted[] = {{MSE, 1}};
    late_weights late;
    engine_bench b;
    float expected[ROWS * 4];

    (void)state;
    engine_bench_set_up(&b,
                        "[input: {shape: [700]}, dense: {units: 520, activation: relu}, dense: {units: 9, use_bias: "
                        "false}, dense: {units: 4, activation: tanh}]",
                        wanted);
    late = (late_weights){.model = b.model, .stash = malloc(b.model->size * sizeof *late.stash)};
    assert_non_null(late.stash);
    memcpy(late.stash, b.model->weights, b.model->size * sizeof *late.stash);
    for (int often = -1; often < 2; often++) { /* -1: all weights are there */
        ls_engine *engine = engine_bench_engine(&b, ROWS);
        const ls_slice batch = engine_bench_load(&b, engine, 0, MICROBATCHES);

        if (often >= 0) {
            ls_engine_keep_company(engine,
                                   &(ls_engine_company){.context = &late, .before_weights = bring, .often = often});
            for (size_t i = 0; i < b.model->size; i++)
                b.model->weights[i] = NAN;
        }
        late.waits = 0;
        assert_true(ok(ls_engine_forward(engine, &batch, true, 0, 0, NULL)));
        assert_int_equal(late.waits, often < 0 ? 0 : often ? 3 + 3 + 1 : 3);
        if (often < 0)
            memcpy(expected, ls_engine_output(engine, 0), sizeof expected);
        assert_memory_equal(expected, ls_engine_output(engine, 0), sizeof expected);
        assert_true(isfinite(expected[0]) && expected[0] != expected[4]);
        ls_engine_free(engine);
    }
    free(late.stash);
    engine_bench_tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_lists_are_those_of_a_float64_twin),
        cmocka_unit_test(gradients_of_graphs_are_those_of_a_float64_twin),
        cmocka_unit_test(frozen_layers_have_no_gradients),
        cmocka_unit_test(activity_penalties_have_their_gradients),
        cmocka_unit_test(what_cannot_be_planned_is_refused),
        cmocka_unit_test(finds_the_first_that_is_not_finite),
        cmocka_unit_test(layers_begin_with_the_weights_that_are_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
