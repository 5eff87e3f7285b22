/*
 * The engine against a float64 twin: a naive interpreter of the same graph, whose total loss is differentiated by
 * central differences. And the promise that a microbatch contributes the same bits in whatever slice it is held.
 */
#include "ls_test.h"

#include <stdlib.h>

#include "formats/yaml.h"
#include "nn/engine.h"
#include "nn/regularizer.h"

#define ROWS 7       /* samples of the batch */
#define MICROBATCH 3 /* so the last of 3 is short */
#define MICROBATCHES 3
#define OUTPUTS_MAX 3
#define WIDTH_MAX 16 /* of a node, and of a target */

/* ---- a model with losses ---- */

typedef struct objective {
    const char *loss;
    double weight;
} objective;

typedef struct bench {
    ls_config *description;
    ls_model *model;
    ls_component loss[OUTPUTS_MAX];
    ls_objective objective[OUTPUTS_MAX];
    const objective *wanted;
    float *input[OUTPUTS_MAX], target[OUTPUTS_MAX][ROWS * WIDTH_MAX], weight[ROWS];
} bench;

static bool is_sparse(const objective *o)
{
    return o->loss && strcmp(o->loss, "sparse_categorical_crossentropy") == 0;
}

/* Values that differ at every index, in (-1, 1), away from 0. */
static float value_at(size_t i)
{
    const float v = (float)((i * 37 + 11) % 101) / 101.0f - 0.5f;

    return v + (v < 0 ? -0.25f : 0.25f);
}

static size_t width_of(const ls_node *node)
{
    return ls_shape_size(&node->shape);
}

static void set_up(bench *b, const char *yaml, const objective *wanted)
{
    *b = (bench){.wanted = wanted};
    assert_true(ok(ls_yaml_parse(yaml, strlen(yaml), "model.yaml", &b->description)));
    assert_true(ok(ls_model_create(b->description, NULL, NULL, &b->model)));
    assert_true(ok(ls_model_init_weights(b->model, 5)));
    for (size_t p = 0; p < b->model->params; p++) /* biases too shall matter */
        for (size_t i = 0; i < b->model->param[p]->size; i++)
            b->model->param[p]->value[i] += 0.3f * value_at(7 * p + i);
    for (size_t i = 0; i < b->model->inputs; i++) {
        const size_t n = ROWS * width_of(&b->model->node[b->model->input[i]]);

        assert_non_null(b->input[i] = malloc(n * sizeof(float)));
        for (size_t j = 0; j < n; j++)
            b->input[i][j] = value_at(j + 50 * i);
    }
    for (size_t k = 0; k < b->model->outputs; k++) {
        const ls_node *node = &b->model->node[b->model->output[k]];
        const size_t width = is_sparse(&wanted[k]) ? 1 : width_of(node);
        ls_shape target = {.axes = 1, .dim = {width}};

        if (!wanted[k].loss) {
            b->objective[k] = (ls_objective){.loss = &b->loss[k], .positions = 1};
            continue;
        }
        assert_true(ok(ls_component_default(&ls_losses, wanted[k].loss, &b->loss[k])));
        b->objective[k] = (ls_objective){.loss = &b->loss[k], .loss_weight = wanted[k].weight, .target_size = width};
        assert_true(ok(ls_loss_check(&b->loss[k], &node->shape, &target, NULL, &b->objective[k].positions)));
        for (size_t r = 0; r < ROWS; r++)
            for (size_t j = 0; j < width; j++) /* classes, one-hot rows, or numbers in (0, 1) */
                b->target[k][r * width + j] = is_sparse(&wanted[k]) ? (float)((3 * r + k) % width_of(node))
                                              : strcmp(wanted[k].loss, "categorical_crossentropy") == 0
                                                  ? (float)((r + k) % width == j)
                                                  : 0.5f + 0.6f * value_at(r * width + j + k);
    }
    for (size_t r = 0; r < ROWS; r++)
        b->weight[r] = (float)(1 + r % 3) / 2.0f;
}

static void tear_down(bench *b)
{
    for (size_t k = 0; k < OUTPUTS_MAX; k++) {
        ls_component_reset(&b->loss[k]);
        free(b->input[k]);
    }
    ls_model_free(b->model);
    ls_config_free(b->description);
}

/* The rows of microbatches first … first+count-1 into an engine. */
static ls_slice load(const bench *b, ls_engine *engine, size_t first, size_t count)
{
    const size_t begin = first * MICROBATCH, end = (first + count) * MICROBATCH;
    const size_t rows = count ? (end < ROWS ? end : ROWS) - begin : 0;

    for (size_t i = 0; i < b->model->inputs; i++) {
        const size_t n = width_of(&b->model->node[b->model->input[i]]);

        memcpy(ls_engine_input(engine, i), b->input[i] + begin * n, rows * n * sizeof(float));
    }
    for (size_t k = 0; k < b->model->outputs; k++) {
        const size_t n = b->objective[k].target_size;

        memcpy(ls_engine_target(engine, k), b->target[k] + begin * n, rows * n * sizeof(float));
        if (ls_engine_weights(engine, k))
            memcpy(ls_engine_weights(engine, k), b->weight + begin, rows * sizeof(float));
    }
    return (ls_slice){.batch_rows = ROWS,
                      .microbatch = MICROBATCH,
                      .first = first,
                      .count = count,
                      .begin = 40 + begin,
                      .rows = rows};
}

/* ---- what the engine hands out ---- */

typedef struct collection {
    const ls_model *model;
    float *contribution;    /* [MICROBATCHES x trainable_size] added up over uses of a layer */
    unsigned char *touched; /* [MICROBATCHES x blocks] */
    size_t layers_done;
    const ls_layer *done[32];
    bool late; /* something came after its layer was done */
} collection;

static collection new_collection(const ls_model *model)
{
    const size_t n = MICROBATCHES * model->trainable_size;

    return (collection){
        .model = model, .contribution = calloc(n + 1, sizeof(float)), .touched = calloc(n / LS_BLOCK + 1, 1)};
}

static void free_collection(collection *c)
{
    free(c->contribution);
    free(c->touched);
}

static void take(void *context, size_t microbatch, size_t first, const float *values, size_t n)
{
    collection *c = context;
    float *to = c->contribution + microbatch * c->model->trainable_size + first;

    assert_true(first % LS_BLOCK == 0 && n % LS_BLOCK == 0 && first + n <= c->model->trainable_size);
    for (size_t i = 0; i < n; i++)
        to[i] += values[i];
    for (size_t b = 0; b < n / LS_BLOCK; b++)
        c->touched[(microbatch * c->model->trainable_size + first) / LS_BLOCK + b] = 1;
    for (size_t i = 0; i < c->layers_done; i++)
        c->late |= first >= c->done[i]->param[0].offset && first < c->done[i]->param[0].offset + LS_BLOCK;
}

static ls_status done(void *context, const ls_layer *layer)
{
    collection *c = context;

    assert_true(c->layers_done < count_of(c->done));
    for (size_t i = 0; i < c->layers_done; i++)
        assert_ptr_not_equal(c->done[i], layer);
    c->done[c->layers_done++] = layer;
    return LS_OK;
}

/*
 * Sums over the global batch, recorded in the order they are asked for; or played back, for a rank with a part of it.
 */
typedef struct sums {
    double sum[64], *record;
    size_t at;
    bool playing;
} sums;

static ls_status add_sums(void *context, const double *values, size_t n)
{
    sums *s = context;

    for (size_t i = 0; i < n; i++)
        s->sum[i] += values[i];
    return LS_OK;
}

static ls_status total_sums(void *context, size_t n, double *totals)
{
    sums *s = context;

    if (!s->playing)
        memcpy(s->record + s->at, s->sum, n * sizeof *totals);
    memcpy(totals, s->record + s->at, n * sizeof *totals);
    memset(s->sum, 0, sizeof s->sum);
    s->at += n;
    return LS_OK;
}

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

static void run_node(const bench *b, twin *t, size_t i)
{
    const ls_node *node = &b->model->node[i];
    const ls_layer *layer = node->layer;
    const char *type = layer->ops->ops.name;
    const size_t n = width_of(node);

    assert_true(n <= WIDTH_MAX);
    for (size_t r = 0; r < ROWS; r++) {
        double *y = t->value[i] + r * n;
        size_t filled = 0;

        memset(y, 0, n * sizeof *y);
        for (size_t k = 0; k < node->inputs; k++) {
            const size_t from = width_of(&b->model->node[node->input[k]]);
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

static double loss_of(const objective *o, const double *y, const float *t, size_t n)
{
    double sum = 0, loss = 0;

    for (size_t j = 0; j < n; j++)
        sum += y[j];
    for (size_t j = 0; j < n; j++) {
        const double target = is_sparse(o) ? (double)((size_t)t[0] == j) : (double)t[j];

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
static double twin_total(const bench *b, twin *t, double *loss_sums, double *activity)
{
    double total = 0, penalty = 0;

    for (size_t i = 0; i < b->model->inputs; i++) {
        const size_t n = ROWS * width_of(&b->model->node[b->model->input[i]]);

        for (size_t j = 0; j < n; j++)
            t->value[b->model->input[i]][j] = (double)b->input[i][j];
    }
    for (size_t i = b->model->inputs; i < b->model->nodes; i++) {
        double l1, l2;

        run_node(b, t, i);
        ls_regularizer_factors(&b->model->node[i].layer->activity_regularizer, &l1, &l2);
        for (size_t j = 0; j < ROWS * width_of(&b->model->node[i]); j++)
            penalty += l1 * fabs(t->value[i][j]) + l2 * t->value[i][j] * t->value[i][j];
    }
    for (size_t k = 0; k < b->model->outputs; k++) {
        const size_t n = width_of(&b->model->node[b->model->output[k]]);
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

static twin new_twin(const bench *b)
{
    twin t = {.weights = calloc(b->model->size, sizeof(double)), .value = calloc(b->model->nodes, sizeof *t.value)};

    assert_true(t.weights && t.value);
    for (size_t i = 0; i < b->model->size; i++)
        t.weights[i] = (double)b->model->weights[i];
    return t;
}

/* ---- gradients of whole models ---- */

static ls_engine *new_engine(const bench *b, size_t rows)
{
    ls_engine *engine = NULL;

    assert_true(ok(ls_engine_create(
        b->model, b->objective,
        &(ls_engine_size){.rows = rows, .microbatch = MICROBATCH, .wave = rows, .training = true}, &engine)));
    for (size_t k = 0; k < b->model->outputs; k++)
        if (b->wanted[k].loss)
            assert_true(ok(ls_engine_use_weights(engine, k)));
    return engine;
}

static void gradients_match(const char *yaml, const objective *wanted)
{
    bench b;
    double loss_sums[MICROBATCHES * OUTPUTS_MAX], activity[MICROBATCHES];
    double want_losses[OUTPUTS_MAX], want_activity, record[64];
    sums s = {.record = record};
    const ls_batch_sums interface = {.context = &s, .add = add_sums, .total = total_sums};
    collection c;
    ls_gradient_sink sink;
    ls_engine *engine;
    ls_slice batch;
    size_t trained = 0;
    twin t;

    set_up(&b, yaml, wanted);
    engine = new_engine(&b, ROWS);
    c = new_collection(b.model);
    sink = (ls_gradient_sink){.context = &c, .add = take, .layer_done = done};
    t = new_twin(&b);

    for (int pass = 0; pass < 2; pass++) { /* the first leaves its gradients in every buffer */
        memset(c.contribution, 0, MICROBATCHES * b.model->trainable_size * sizeof *c.contribution);
        c.layers_done = 0;
        batch = load(&b, engine, 0, MICROBATCHES);
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
    free_collection(&c);
    ls_engine_free(engine);
    tear_down(&b);
}

#define CE "sparse_categorical_crossentropy"
#define MSE "mean_squared_error"

static void gradients_of_lists_are_those_of_a_float64_twin(void **state)
{
    (void)state;
    gradients_match(
        "[input: {shape: [5]}, dense: {units: 6, activation: relu}, dense: {units: 4, activation: softmax}]",
        (const objective[]){{CE, 1}});
    gradients_match("[input: {shape: [5]}, dense: {units: 4}, activation: {activation: softmax}]",
                    (const objective[]){{"categorical_crossentropy", 0.7}});
    gradients_match(
        "[input: {shape: [5]}, dense: {units: 6, activation: tanh}, dense: {units: 3, activation: sigmoid}]",
        (const objective[]){{"binary_crossentropy", 1}});
    gradients_match("[input: {shape: [5]}, dense: {units: 6, activation: gelu}, dense: {units: 3}]",
                    (const objective[]){{MSE, 2}});
    /* No cross-entropy that would take the logits. */
    gradients_match("[input: {shape: [5]}, dense: {units: 4, activation: softmax}]", (const objective[]){{MSE, 1}});
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
                    (const objective[]){{MSE, 1}});
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
                    (const objective[]){{CE, 1}});
    /* Outputs with weights; one is consumed by another node, softmax or not; one has no loss. */
    gradients_match("inputs: {a: {shape: [4]}}\n"
                    "layers:\n"
                    "  - {name: h, dense: {units: 5, activation: relu}, inputs: a}\n"
                    "  - {name: kind, dense: {units: 3, activation: softmax}, inputs: h}\n"
                    "  - {name: both, concatenate: null, inputs: [h, kind]}\n"
                    "  - {name: price, dense: {units: 2}, inputs: both}\n"
                    "  - {name: spare, dense: {units: 2}, inputs: price}\n"
                    "outputs: [price, kind, spare]\n",
                    (const objective[]){{MSE, 0.3}, {CE, 1.7}, {NULL, 0}});
    /* The input goes around the layers; a part of the graph leads to no loss. */
    gradients_match("inputs: {a: {shape: [3]}}\n"
                    "layers:\n"
                    "  - {name: h, dense: {units: 3, activation: tanh}, inputs: a}\n"
                    "  - {name: skip, add: null, inputs: [a, h]}\n"
                    "  - {name: nowhere, dense: {units: 2}, inputs: skip}\n"
                    "  - {name: o, dense: {units: 2}, inputs: skip}\n"
                    "outputs: [nowhere, o]\n",
                    (const objective[]){{NULL, 0}, {MSE, 1}});
}

static void frozen_layers_have_no_gradients(void **state)
{
    (void)state;
    /* Gradients pass through a frozen layer to the ones before it. */
    gradients_match("[input: {shape: [5]}, dense: {units: 4, activation: tanh}, dense: {units: 4, activation: tanh, "
                    "trainable: false}, dense: {units: 3, activation: softmax}]",
                    (const objective[]){{CE, 1}});
    /* … and stop where nothing is trained any more. */
    gradients_match("[input: {shape: [5]}, dense: {units: 4, trainable: false}, dense: {units: 3}]",
                    (const objective[]){{MSE, 1}});
    /* A frozen branch meets a trained one. */
    gradients_match("inputs: {a: {shape: [4]}}\n"
                    "layers:\n"
                    "  - {name: f, trainable: false, dense: {units: 3}, inputs: a}\n"
                    "  - {name: h, dense: {units: 3}, inputs: a}\n"
                    "  - {name: sum, add: null, inputs: [f, h, f]}\n"
                    "  - {name: o, trainable: false, dense: {units: 2}, inputs: sum}\n"
                    "outputs: o\n",
                    (const objective[]){{MSE, 1}});
}

#define L1_L2 "activity_regularizer: {l1_l2: {l1: 0.03, l2: 0.05}}"

static void activity_penalties_have_their_gradients(void **state)
{
    (void)state;
    gradients_match("[input: {shape: [5]}, dense: {units: 4, activation: tanh, " L1_L2 "}, dense: {units: 3, "
                    "activation: softmax}]",
                    (const objective[]){{CE, 1}});
    /* At the output: linear, and with an activation that the loss could be fused with. */
    gradients_match("[input: {shape: [5]}, dense: {units: 3, " L1_L2 "}]", (const objective[]){{MSE, 1}});
    gradients_match("[input: {shape: [5]}, dense: {units: 3, activation: sigmoid, " L1_L2 "}]",
                    (const objective[]){{"binary_crossentropy", 1}});
    gradients_match("[input: {shape: [5]}, dense: {units: 3, activation: softmax, " L1_L2 "}]",
                    (const objective[]){{CE, 1}});
    /* Every call of a shared layer counts; so does a node that leads to no loss, and a frozen layer. */
    gradients_match("inputs: {a: {shape: [4]}}\n"
                    "layers:\n"
                    "  - {name: s, dense: {units: 4, activation: tanh, " L1_L2 "}, inputs: a}\n"
                    "  - {name: t, shares: s, inputs: s}\n"
                    "  - {name: f, trainable: false, dense: {units: 2, " L1_L2 "}, inputs: t}\n"
                    "  - {name: nowhere, dense: {units: 2, " L1_L2 "}, inputs: s}\n"
                    "  - {name: o, dense: {units: 2}, inputs: t}\n"
                    "outputs: [o, nowhere, f]\n",
                    (const objective[]){{MSE, 1}, {NULL, 0}, {NULL, 0}});
}

/* ---- slices ---- */

static void run_slice(const bench *b, ls_engine *engine, sums *s, collection *c, size_t first, size_t count,
                      double *loss_sums)
{
    const ls_batch_sums interface = {.context = s, .add = add_sums, .total = total_sums};
    const ls_gradient_sink sink = {.context = c, .add = take, .layer_done = done};
    const ls_slice batch = load(b, engine, first, count);

    s->at = 0;
    c->layers_done = 0;
    assert_true(ok(ls_engine_forward(engine, &batch, true, 9, 3, &interface)));
    assert_true(ok(ls_engine_losses(engine, &batch, true, NULL, loss_sums + first * b->model->outputs, NULL)));
    assert_true(ok(ls_engine_backward(engine, &batch, &interface, &sink)));
}

/* All microbatches in one engine, against every way of dealing them to 1, 2, 3 and 5 ranks. */
static void slices_match(const char *yaml, const objective *wanted)
{
    bench b;
    double record[256], want_losses[MICROBATCHES * OUTPUTS_MAX];
    sums whole = {.record = record};
    collection want;
    ls_engine *engine;

    set_up(&b, yaml, wanted);
    engine = new_engine(&b, ROWS);
    want = new_collection(b.model);
    run_slice(&b, engine, &whole, &want, 0, MICROBATCHES, want_losses);
    for (size_t ranks = 1; ranks <= 5; ranks += ranks == 3 ? 2 : 1) {
        collection got = new_collection(b.model);
        double losses[MICROBATCHES * OUTPUTS_MAX];
        size_t layers = 0;

        for (size_t r = 0; r < ranks; r++) {
            const size_t first = r * MICROBATCHES / ranks, end = (r + 1) * MICROBATCHES / ranks;
            ls_engine *own = new_engine(&b, (end - first) * MICROBATCH);
            sums part = {.record = record, .playing = true};

            run_slice(&b, own, &part, &got, first, end - first, losses);
            assert_true(part.at == whole.at); /* an idle rank asks for as many totals */
            assert_true(r == 0 || got.layers_done == layers);
            layers = got.layers_done;
            ls_engine_free(own);
        }
        assert_true(same_bits(got.contribution, want.contribution, MICROBATCHES * b.model->trainable_size));
        assert_memory_equal(losses, want_losses, MICROBATCHES * b.model->outputs * sizeof(double));
        free_collection(&got);
    }
    free_collection(&want);
    ls_engine_free(engine);
    tear_down(&b);
}

static void contributions_do_not_depend_on_slices(void **state)
{
    (void)state;
    slices_match("[input: {shape: [5]}, dense: {units: 6, activation: relu}, dense: {units: 4, activation: softmax}]",
                 (const objective[]){{CE, 1}});
    slices_match(
        "[input: {shape: [5]}, dense: {units: 12}, dropout: {rate: 0.4}, gaussian_noise: {stddev: 0.5}, dense: "
        "{units: 4, activation: softmax}]",
        (const objective[]){{CE, 1}});
    slices_match("[input: {shape: [5]}, dense: {units: 6}, batch_normalization, dense: {units: 3}]",
                 (const objective[]){{MSE, 1}});
    slices_match("inputs: {a: {shape: [6]}}\n"
                 "layers:\n"
                 "  - {name: s, dense: {units: 6, activation: tanh, " L1_L2 "}, inputs: a}\n"
                 "  - {name: n, batch_normalization: null, inputs: s}\n"
                 "  - {name: t, shares: s, inputs: n}\n"
                 "  - {name: m, shares: n, inputs: t}\n"
                 "  - {name: d, dropout: {rate: 0.5}, inputs: m}\n"
                 "  - {name: e, shares: d, inputs: m}\n"
                 "  - {name: sum, add: null, inputs: [d, e, s]}\n"
                 "  - {name: o, dense: {units: 2, activation: sigmoid}, inputs: sum}\n"
                 "outputs: [o, sum]\n",
                 (const objective[]){{"binary_crossentropy", 1}, {MSE, 0.5}});
}

/* ---- waves ---- */

typedef struct trip {
    const bench *b;
    ls_engine *engine;
    uint64_t scored; /* samples */
    size_t largest;  /* wave, in samples */
} trip;

static void load_rows(void *context, const ls_slice *wave)
{
    const trip *t = context;
    const ls_slice same = load(t->b, t->engine, wave->first, wave->count);

    assert_memory_equal(&same, wave, sizeof same);
}

static void note_scores(void *context, const ls_slice *wave, const double *loss_sums, const double *activity)
{
    trip *t = context;

    assert_non_null(loss_sums);
    assert_non_null(activity);
    t->scored += wave->rows;
    t->largest = wave->rows > t->largest ? wave->rows : t->largest;
}

/* All microbatches at once, against waves of 1, 2 and 3 of them: contributions, losses, penalties, moving statistics.
 */
static void waves_match(const char *yaml, const objective *wanted)
{
    for (size_t each = 1; each <= MICROBATCHES; each++) {
        double record[1024], losses[2][MICROBATCHES * OUTPUTS_MAX], activity[2][MICROBATCHES];
        sums s = {.record = record};
        const ls_batch_sums interface = {.context = &s, .add = add_sums, .total = total_sums};
        collection c[2];
        float *after[2];
        bench b;

        for (size_t way = 0; way < 2; way++) { /* by hand in one wave; in waves */
            const ls_engine_size size = {
                .rows = ROWS, .microbatch = MICROBATCH, .wave = way ? each * MICROBATCH : ROWS, .training = true};
            const ls_gradient_sink sink = {.context = &c[way], .add = take, .layer_done = done};
            ls_engine *engine = NULL;
            ls_slice slice;

            s.at = 0;
            set_up(&b, yaml, wanted);
            assert_true(ok(ls_engine_create(b.model, b.objective, &size, &engine)));
            for (size_t k = 0; k < b.model->outputs; k++)
                if (b.wanted[k].loss)
                    assert_true(ok(ls_engine_use_weights(engine, k)));
            c[way] = new_collection(b.model);
            slice = load(&b, engine, 0, way ? 0 : MICROBATCHES);
            if (way) {
                trip t = {.b = &b, .engine = engine};
                const ls_pass pass = {.seed = 9,
                                      .update = 3,
                                      .sums = &interface,
                                      .sink = &sink,
                                      .loss_sums = losses[way],
                                      .activity = activity[way],
                                      .context = &t,
                                      .load = load_rows,
                                      .scored = note_scores};
                bool stopped = true;

                slice.count = MICROBATCHES;
                slice.rows = ROWS;
                assert_true(ok(ls_engine_train(engine, &slice, &pass, &stopped)) && !stopped);
                assert_int_equal(t.scored, ROWS);
                assert_int_equal(t.largest, each == MICROBATCHES ? ROWS : (each == 2 ? 4 : MICROBATCH));
            } else {
                assert_true(ok(ls_engine_forward(engine, &slice, true, 9, 3, &interface)));
                assert_true(ok(ls_engine_losses(engine, &slice, true, NULL, losses[way], activity[way])));
                assert_true(ok(ls_engine_backward(engine, &slice, &interface, &sink)));
            }
            ls_engine_commit(engine, &slice);
            ls_engine_free(engine);
            after[way] = malloc(b.model->size * sizeof(float));
            assert_non_null(after[way]);
            memcpy(after[way], b.model->weights, b.model->size * sizeof(float));
            assert_int_equal(c[way].layers_done, c[0].layers_done);
            if (way)
                assert_true(same_bits(c[1].contribution, c[0].contribution, MICROBATCHES * b.model->trainable_size) &&
                            same_bits(after[1], after[0], b.model->size) && !c[1].late);
            for (size_t m = 0; way && m < MICROBATCHES; m++)
                assert_memory_equal(&activity[1][m], &activity[0][m], sizeof(double));
            if (way)
                assert_memory_equal(losses[1], losses[0], MICROBATCHES * b.model->outputs * sizeof(double));
            tear_down(&b);
        }
        for (size_t way = 0; way < 2; way++) {
            free_collection(&c[way]);
            free(after[way]);
        }
    }
}

static void waves_change_nothing(void **state)
{
    (void)state;
    waves_match("[input: {shape: [5]}, dense: {units: 6, activation: gelu, " L1_L2 "}, dropout: {rate: 0.4}, dense: "
                "{units: 4, activation: softmax}]",
                (const objective[]){{CE, 1}});
    /* Statistics of the batch: of the inputs themselves, twice in a row, next to the loss. */
    waves_match("[input: {shape: [5]}, batch_normalization, dense: {units: 6, activation: relu}, batch_normalization, "
                "batch_normalization, dropout: {rate: 0.4}, dense: {units: 3}, batch_normalization]",
                (const objective[]){{MSE, 1}});
    /* With groups, where only the moving statistics need the whole batch. */
    waves_match("[input: {shape: [5]}, dense: {units: 6}, batch_normalization: {groups: 3}, dense: {units: 3}]",
                (const objective[]){{MSE, 1}});
    /* Ways around the statistics, forward and back; outputs before them; a layer that is called on both sides. */
    waves_match("inputs: {a: {shape: [6]}}\n"
                "layers:\n"
                "  - {name: s, dense: {units: 6, activation: gelu, " L1_L2 "}, inputs: a}\n"
                "  - {name: n, batch_normalization: null, inputs: s}\n"
                "  - {name: t, shares: s, inputs: n}\n"
                "  - {name: m, shares: n, inputs: t}\n"
                "  - {name: d, dropout: {rate: 0.5}, inputs: m}\n"
                "  - {name: e, dropout: {rate: 0.5}, inputs: s}\n"
                "  - {name: p, batch_normalization: null, inputs: e}\n"
                "  - {name: sum, add: null, inputs: [d, e, s, p, a]}\n"
                "  - {name: early, dense: {units: 3, activation: softmax}, inputs: s}\n"
                "  - {name: q, batch_normalization: {trainable: false}, inputs: sum}\n"
                "  - {name: r, batch_normalization: null, inputs: q}\n"
                "  - {name: o, dense: {units: 2, activation: sigmoid}, inputs: r}\n"
                "outputs: [o, early, n]\n",
                (const objective[]){{"binary_crossentropy", 1}, {CE, 0.5}, {MSE, 0.25}});
}

/* Random numbers are addressed: another update, seed or call of the layer gives others. */
static void randomness_is_addressed(void **state)
{
    static const char yaml[] = "inputs: {a: {shape: [16]}}\n"
                               "layers:\n"
                               "  - {name: d, dropout: {rate: 0.5}, inputs: a}\n"
                               "  - {name: e, shares: d, inputs: a}\n"
                               "outputs: [d, e]\n";
    static const objective wanted[] = {{MSE, 1}, {MSE, 1}};
    static const struct {
        uint64_t seed, update;
        bool training;
    } runs[] = {{1, 0, true}, {2, 0, true}, {1, 1, true}, {1, 0, false}};
    float first[4][ROWS * 16];
    const size_t bytes = sizeof first[0];
    bench b;
    ls_engine *engine;

    (void)state;
    set_up(&b, yaml, wanted);
    engine = new_engine(&b, ROWS);
    for (size_t i = 0; i < count_of(runs); i++) {
        const ls_slice batch = load(&b, engine, 0, MICROBATCHES);

        assert_true(ok(ls_engine_forward(engine, &batch, runs[i].training, runs[i].seed, runs[i].update, NULL)));
        memcpy(first[i], ls_engine_output(engine, 0), bytes);
        assert_true((memcmp(first[i], ls_engine_output(engine, 1), bytes) == 0) == !runs[i].training);
    }
    assert_true(memcmp(first[0], first[1], bytes) && memcmp(first[0], first[2], bytes));
    assert_memory_equal(first[3], b.input[0], bytes);
    ls_engine_free(engine);
    tear_down(&b);
}

/* ---- refusals and the search for what is not finite ---- */

static void what_cannot_be_planned_is_refused(void **state)
{
    static const objective wanted[] = {{MSE, 1}};
    ls_engine *engine = NULL;
    ls_slice batch;
    bench b;

    (void)state;
    set_up(&b, "[input: {shape: [5]}, dense: {units: 3}]", wanted);
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
    batch = load(&b, engine, 0, MICROBATCHES);
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
    tear_down(&b);
}

static void finds_the_first_that_is_not_finite(void **state)
{
    static const objective wanted[] = {{MSE, 1}};
    ls_engine *engine;
    ls_slice batch;
    size_t microbatch = 99;
    bench b;

    (void)state;
    set_up(&b, "[input: {shape: [2]}, dense: {units: 3}, dense: {units: 1, name: last}]", wanted);
    engine = new_engine(&b, ROWS);
    batch = load(&b, engine, 0, MICROBATCHES);
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
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_lists_are_those_of_a_float64_twin),
        cmocka_unit_test(gradients_of_graphs_are_those_of_a_float64_twin),
        cmocka_unit_test(frozen_layers_have_no_gradients),
        cmocka_unit_test(activity_penalties_have_their_gradients),
        cmocka_unit_test(contributions_do_not_depend_on_slices),
        cmocka_unit_test(waves_change_nothing),
        cmocka_unit_test(randomness_is_addressed),
        cmocka_unit_test(what_cannot_be_planned_is_refused),
        cmocka_unit_test(finds_the_first_that_is_not_finite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
