#include "golden_bench.h"

ls_layer *bench_layer(const bench *b, const char *name)
{
    for (size_t i = 0; i < b->model->layers; i++)
        if (strcmp(b->model->layer[i]->name, name) == 0)
            return b->model->layer[i];
    print_error("no layer '%s'\n", name);
    fail();
    return NULL;
}

static void bench_add_dims(ls_text *text, const golden_array *x)
{
    for (size_t i = 1; i < x->axes; i++)
        ls_text_add(text, "%s%zu", i > 1 ? ", " : "", x->dim[i]);
}

void bench_open(bench *b, const char *layer, const golden_array *const *x, size_t inputs, bool masked)
{
    ls_text text = {0};

    assert_true(inputs <= BENCH_INPUTS_MAX);
    *b = (bench){.inputs = inputs, .rows = x[0]->dim[0], .alone = {.mpi = MPI_COMM_NULL, .size = 1}};
    ls_text_add(&text, "inputs:\n");
    for (size_t i = 0; i < inputs; i++) {
        b->x[i] = x[i];
        assert_int_equal(x[i]->dim[0], b->rows);
        ls_text_add(&text, "  i%zu: {shape: [", i);
        if (x[i]->integer)
            bench_add_dims(&text, x[i]);
        ls_text_add(&text, "%s]}\n", x[i]->integer ? "" : "1");
    }
    ls_text_add(&text, "layers:\n");
    for (size_t i = 0; i < inputs; i++) {
        if (x[i]->integer)
            continue;
        ls_text_add(&text, "  - {name: table%zu, embedding: {input_dim: %zu, output_dim: %zu}, inputs: i%zu}\n", i,
                    b->rows, x[i]->n / b->rows, i);
        ls_text_add(&text, "  - {name: %s%zu, inputs: table%zu, reshape: {target_shape: [", masked ? "r" : "x", i, i);
        bench_add_dims(&text, x[i]);
        ls_text_add(&text, "]}}\n");
        if (masked)
            ls_text_add(&text, "  - {name: x%zu, inputs: r%zu, masking: {}}\n", i, i);
    }
    ls_text_add(&text, "  - {name: tested, %s, inputs: [", layer);
    for (size_t i = 0; i < inputs; i++)
        ls_text_add(&text, "%s%s%zu", i ? ", " : "", x[i]->integer ? "i" : "x", i);
    ls_text_add(&text, masked ? "]}\n  - {name: bare, flatten: {}, inputs: tested}\noutputs: bare\n"
                              : "]}\noutputs: tested\n");
    assert_int_equal(text.status, LS_OK);
    assert_true(ok(ls_yaml_parse(text.data, text.length, "bench", &b->description)));
    assert_true(ok(ls_model_create(b->description, NULL, NULL, &b->model)));
    ls_text_reset(&text);
    for (size_t i = 0; i < inputs; i++)
        if (!x[i]->integer) {
            char name[32];

            snprintf(name, sizeof name, "table%zu", i);
            golden_floats(x[i], bench_layer(b, name)->param[0].value);
        }
    b->gradient = calloc(b->model->trainable_size + 1, sizeof *b->gradient);
    assert_non_null(b->gradient);
}

void bench_close(bench *b)
{
    ls_engine_free(b->engine);
    ls_exact_sums_reset(&b->sums);
    ls_model_free(b->model);
    ls_config_free(b->description);
    free(b->gradient);
}

const ls_shape *bench_output_shape(const bench *b)
{
    return &b->model->node[b->model->output[0]].shape;
}

void bench_plan(bench *b, const ls_objective *objective, const golden_array *target)
{
    const ls_layer *tested = bench_layer(b, "tested");

    assert_int_equal(target->n, b->rows * objective->target_size);
    assert_true(ok(ls_engine_create(
        b->model, objective, &(ls_engine_size){.rows = b->rows, .microbatch = 1, .wave = b->rows, .training = true},
        &b->engine)));
    assert_true(
        ok(ls_exact_sums_init(&b->sums, &b->alone, tested->ops->sum_width ? tested->ops->sum_width(tested) : 1)));
    golden_floats(target, ls_engine_target(b->engine, 0));
    for (size_t i = 0; i < b->inputs; i++) {
        float *const to = ls_engine_input(b->engine, i);

        if (b->x[i]->integer)
            golden_floats(b->x[i], to);
        for (size_t r = 0; !b->x[i]->integer && r < b->rows; r++)
            to[r] = (float)r;
    }
}

ls_slice bench_forward(bench *b, size_t microbatch, bool training)
{
    const ls_batch_sums sums = ls_exact_sums_interface(&b->sums);
    const ls_slice batch = {.batch_rows = b->rows,
                            .microbatch = microbatch,
                            .count = (b->rows + microbatch - 1) / microbatch,
                            .rows = b->rows};

    assert_true(ok(ls_engine_forward(b->engine, &batch, training, 1, 0, &sums)));
    return batch;
}

static void bench_take(void *context, size_t microbatch, size_t first, const float *values, size_t n)
{
    bench *b = context;

    (void)microbatch;
    for (size_t i = 0; i < n; i++)
        b->gradient[first + i] += (double)values[i];
}

static ls_status bench_layer_done(void *context, const ls_layer *layer)
{
    (void)context;
    (void)layer;
    return LS_OK;
}

/* L = sum target y: the gradient of the output is the target. */
static void bench_evaluate_linear(const void *config, const ls_loss_call *call)
{
    double sum = 0;

    (void)config;
    for (size_t i = 0; i < call->positions * call->n; i++) {
        sum += (double)call->target[i] * (double)call->pred[i];
        call->dpred[i] = (float)call->scale * call->target[i];
    }
    *call->sum = sum;
}

void bench_plan_gradient(bench *b, const golden_array *dy)
{
    static const ls_loss_ops linear = {.ops = {.name = "linear"}, .evaluate = bench_evaluate_linear};
    const ls_component loss = {.ops = &linear.ops};
    const ls_shape *shape = bench_output_shape(b);

    b->loss = loss;
    bench_plan(b,
               &(ls_objective){.loss = &b->loss,
                               .loss_weight = (double)(ls_shape_size(shape) / shape->dim[shape->axes - 1]),
                               .positions = ls_shape_size(shape) / shape->dim[shape->axes - 1],
                               .target_size = ls_shape_size(shape)},
               dy);
}

double bench_backward(bench *b, const ls_slice *slice, bool binary_labels)
{
    const ls_batch_sums sums = ls_exact_sums_interface(&b->sums);
    const ls_gradient_sink sink = {.context = b, .add = bench_take, .layer_done = bench_layer_done};
    double *const losses = calloc(slice->count, sizeof *losses), loss = 0;

    assert_non_null(losses);
    memset(b->gradient, 0, b->model->trainable_size * sizeof *b->gradient);
    assert_true(ok(ls_engine_losses(b->engine, slice, true, &binary_labels, losses, NULL)));
    assert_true(ok(ls_engine_backward(b->engine, slice, &sums, &sink)));
    for (size_t m = 0; m < slice->count; m++)
        loss += losses[m];
    free(losses);
    return loss;
}

const double *bench_input_gradient(const bench *b, size_t i)
{
    char name[32];

    snprintf(name, sizeof name, "table%zu", i);
    return b->gradient + bench_layer(b, name)->param[0].offset;
}
