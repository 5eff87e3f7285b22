/*
 * Every optimizer against Keras, on every number of ranks: ten updates through carrier, reduction and updater, as in
 * training. The ranks share the contributions that add up to Keras's gradients.
 */
#include "golden.h"
#include "mpi_main.h"

#include "train/updater.h"

/*
 * Ten updates, each rounded to float32. Keras rounds Adam's beta_2 to float32, which changes the first updates
 * by 6.5e-6 of themselves.
 */
static const golden_tolerance tolerance = {5e-6, 1e-5};

/* Shapes (3, 4) and (5), each in a layer of its own: weights clipped by their own norm are variables of their own. */
static const char description[] = "inputs: {a: {shape: [1]}, b: {shape: [1]}}\n"
                                  "layers:\n"
                                  "  - {name: w0, embedding: {input_dim: 3, output_dim: 4}, inputs: a}\n"
                                  "  - {name: w1, embedding: {input_dim: 5, output_dim: 1}, inputs: b}\n"
                                  "outputs: [w0, w1]\n";
#define VARIABLES 2

/* A batch of 4 has contributions 1 g, 2 g, 0.5 g and 0.5 g: exact in float32, and so is their sum of 4 g. */
static const float share[] = {1, 2, 0.5f, 0.5f};
#define BATCH_SIZE 4

/* What the cases have in common, at the top of the file, and one set-up of the reduction. */
typedef struct shared {
    ls_comm *comm;
    golden_case top;
    ls_distributed_options distributed;
    golden_coverage coverage;
} shared;

static const ls_param *param_of(const ls_model *model, size_t v)
{
    char name[8], got[LS_PARAM_NAME_BYTES], want[32];

    snprintf(name, sizeof name, "w%zu", v);
    snprintf(want, sizeof want, "%s/embeddings", name);
    for (size_t p = 0; p < model->params; p++)
        if (strcmp(ls_model_param_name(model, model->param[p], got), want) == 0)
            return model->param[p];
    fail();
    return NULL;
}

/* This rank's contributions to the gradient of an update. */
static ls_status contribute(shared *s, const ls_model *model, ls_gradients *gradients, size_t update)
{
    const ls_gradient_sink sink = ls_gradients_sink(gradients);
    const uint64_t ranks = (uint64_t)s->comm->size, rank = (uint64_t)s->comm->rank;
    const size_t begin = (size_t)ls_part_begin(count_of(share), rank, ranks);
    const size_t end = (size_t)ls_part_begin(count_of(share), rank + 1, ranks);

    ls_gradients_begin(gradients, update, 0);
    for (size_t v = VARIABLES; v-- > 0;) { /* as backward does: the last layer first */
        const golden_array *g = golden_getf(&s->top, "g%zu", v);
        const ls_param *param = param_of(model, v);

        for (size_t m = begin; m < end; m++) {
            float contribution[LS_BLOCK] = {0};

            for (size_t i = 0; i < param->size; i++)
                contribution[i] = share[m] * (float)g->value[update * param->size + i];
            sink.add(sink.context, m - begin, param->offset, contribution, LS_BLOCK);
        }
        LS_TRY(sink.layer_done(sink.context, ls_model_param_layer(model, param)));
    }
    return LS_OK;
}

/* As the trainer does: again, if the exact grid had to be raised. */
static bool reduce(shared *s, const ls_model *model, ls_gradients *gradients, size_t update)
{
    ls_verdict verdict = LS_VERDICT_REDO;

    for (int attempt = 0; attempt < 2 && verdict == LS_VERDICT_REDO; attempt++) {
        bool stop = false;

        if (!ok(contribute(s, model, gradients, update)) || !ok(ls_gradients_agree(gradients, &stop, &verdict)))
            return false;
    }
    return verdict == LS_VERDICT_FITS;
}

/* All updates; trace[v] (updates, size) gets the weights after each of them. */
static bool run(shared *s, ls_model *model, ls_gradients *gradients, ls_updater *updater, size_t updates,
                float *const *trace)
{
    for (size_t u = 0; u < updates; u++) {
        if (!reduce(s, model, gradients, u) || !ok(ls_updater_step(updater, gradients, BATCH_SIZE)) ||
            !ok(ls_gradients_arrive(gradients)))
            return false;
        for (size_t v = 0; v < VARIABLES; v++) {
            const ls_param *param = param_of(model, v);

            memcpy(trace[v] + u * param->size, param->value, param->size * sizeof *param->value);
        }
    }
    return ok(ls_updater_finish(updater, gradients));
}

static bool check_optimizer(golden_case *c, void *context)
{
    shared *s = context;
    ls_config *const config = golden_config(c), *model_config = NULL;
    float *trace[VARIABLES];
    ls_optimizer optimizer;
    ls_model *model;
    ls_updater *updater;
    ls_gradients *gradients;
    bool good;

    assert_true(ok(ls_optimizer_parse(config, "optimizer", &optimizer)));
    golden_note(&s->coverage, optimizer.own.ops);
    assert_true(ok(ls_yaml_parse(description, strlen(description), "model", &model_config)));
    assert_true(ok(ls_model_create(model_config, NULL, NULL, &model)));
    for (size_t v = 0; v < VARIABLES; v++) {
        golden_floats(golden_getf(&s->top, "w%zu_initial", v), param_of(model, v)->value);
        trace[v] = malloc(golden_getf(&s->top, "g%zu", v)->n * sizeof *trace[v]);
        assert_non_null(trace[v]);
    }
    assert_true(ok(ls_updater_create(&optimizer, model, &updater)));
    assert_true(ok(ls_gradients_create(s->comm, model, &s->distributed, count_of(share), 0, 0, &gradients)));

    good = run(s, model, gradients, updater, golden_get(&s->top, "g0")->dim[0], trace);
    for (size_t v = 0; good && v < VARIABLES; v++) {
        char name[8], average[16];

        snprintf(name, sizeof name, "w%zu", v);
        snprintf(average, sizeof average, "w%zu_ema", v);
        good &= golden_close(c, name, trace[v], golden_getf(&s->top, "g%zu", v)->n);
        if (optimizer.common.use_ema)
            good &= golden_close(c, average, param_of(model, v)->value, param_of(model, v)->size);
    }
    ls_gradients_free(gradients);
    ls_updater_free(updater);
    for (size_t v = 0; v < VARIABLES; v++)
        free(trace[v]);
    ls_model_free(model);
    ls_config_free(model_config);
    ls_optimizer_reset(&optimizer);
    ls_config_free(config);
    return all_ranks(good);
}

static void agree_with_keras(int reduction, int grid, char *allreduce)
{
    shared s = {.top = {.name = "optimizers.h5"},
                .distributed = {.reduction = reduction,
                                .grid = grid,
                                .bucket_kib = 1, /* a bucket per variable */
                                .segment_kib = 1,
                                .allreduce = allreduce}};
    const hid_t file = golden_open("optimizers.h5");

    s.top.group = file;
    assert_true(all_ranks(ok(ls_comm_create(MPI_COMM_WORLD, &s.comm))));
    assert_true(golden_each("optimizers.h5", tolerance, check_optimizer, &s));
    assert_true(golden_covers(&s.coverage, &ls_optimizers));
    ls_comm_free(s.comm);
    for (size_t i = 0; i < s.top.arrays; i++)
        free(s.top.array[i].value);
    H5Fclose(file);
}

static void keras_agrees_with_carried_exponents_on_a_ring(void **state)
{
    char allreduce[] = "ring";

    (void)state;
    agree_with_keras(LS_REDUCTION_EXACT, LS_GRID_CARRIED, allreduce);
}

static void keras_agrees_with_static_bins_through_mpi(void **state)
{
    char allreduce[] = "mpi";

    (void)state;
    agree_with_keras(LS_REDUCTION_EXACT, LS_GRID_STATIC, allreduce);
}

static void keras_agrees_with_fast_sums_on_a_ring(void **state)
{
    char allreduce[] = "ring";

    (void)state;
    agree_with_keras(LS_REDUCTION_FAST, LS_GRID_CARRIED, allreduce);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(keras_agrees_with_carried_exponents_on_a_ring),
    cmocka_unit_test(keras_agrees_with_static_bins_through_mpi),
    cmocka_unit_test(keras_agrees_with_fast_sums_on_a_ring),
};

LS_MPI_MAIN(tests, NULL, NULL)
