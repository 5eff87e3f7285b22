/*
 * Slices and waves: a microbatch contributes the same bits in whatever slice it is held and in whatever wave it comes,
 * and its random numbers are found by address.
 */
#include "engine_bench.h"

#include <stdlib.h>

#include "nn/regularizer.h"

#define CE "sparse_categorical_crossentropy"
#define MSE "mean_squared_error"
#define L1_L2 "activity_regularizer: {l1_l2: {l1: 0.03, l2: 0.05}}"

/* ---- slices ---- */

static void run_slice(const engine_bench *b, ls_engine *engine, engine_sums *s, engine_collection *c, size_t first,
                      size_t count, double *loss_sums)
{
    const ls_batch_sums interface = {.context = s, .add = engine_sums_add, .total = engine_sums_total};
    const ls_gradient_sink sink = {
        .context = c, .add = engine_collection_take, .layer_done = engine_collection_layer_done};
    const ls_slice batch = engine_bench_load(b, engine, first, count);

    s->at = 0;
    c->layers_done = 0;
    assert_true(ok(ls_engine_forward(engine, &batch, true, 9, 3, &interface)));
    assert_true(ok(ls_engine_losses(engine, &batch, true, NULL, loss_sums + first * b->model->outputs, NULL)));
    assert_true(ok(ls_engine_backward(engine, &batch, &interface, &sink)));
}

/* All microbatches in one engine, against every way of dealing them to 1, 2, 3 and 5 ranks. */
static void slices_match(const char *yaml, const engine_objective *wanted)
{
    engine_bench b;
    double record[256], want_losses[MICROBATCHES * OUTPUTS_MAX];
    engine_sums whole = {.record = record};
    engine_collection want;
    ls_engine *engine;

    engine_bench_set_up(&b, yaml, wanted);
    engine = engine_bench_engine(&b, ROWS);
    want = engine_collection_new(b.model);
    run_slice(&b, engine, &whole, &want, 0, MICROBATCHES, want_losses);
    for (size_t ranks = 1; ranks <= 5; ranks += ranks == 3 ? 2 : 1) {
        engine_collection got = engine_collection_new(b.model);
        double losses[MICROBATCHES * OUTPUTS_MAX];
        size_t layers = 0;

        for (size_t r = 0; r < ranks; r++) {
            const size_t first = r * MICROBATCHES / ranks, end = (r + 1) * MICROBATCHES / ranks;
            ls_engine *own = engine_bench_engine(&b, (end - first) * MICROBATCH);
            engine_sums part = {.record = record, .playing = true};

            run_slice(&b, own, &part, &got, first, end - first, losses);
            assert_true(part.at == whole.at); /* an idle rank asks for as many totals */
            assert_true(r == 0 || got.layers_done == layers);
            layers = got.layers_done;
            ls_engine_free(own);
        }
        assert_true(same_bits(got.contribution, want.contribution, MICROBATCHES * b.model->trainable_size));
        assert_memory_equal(losses, want_losses, MICROBATCHES * b.model->outputs * sizeof(double));
        engine_collection_free(&got);
    }
    engine_collection_free(&want);
    ls_engine_free(engine);
    engine_bench_tear_down(&b);
}

static void contributions_do_not_depend_on_slices(void **state)
{
    (void)state;
    slices_match("[input: {shape: [5]}, dense: {units: 6, activation: relu}, dense: {units: 4, activation: softmax}]",
                 (const engine_objective[]){{CE, 1}});
    slices_match(
        "[input: {shape: [5]}, dense: {units: 12}, dropout: {rate: 0.4}, gaussian_noise: {stddev: 0.5}, dense: "
        "{units: 4, activation: softmax}]",
        (const engine_objective[]){{CE, 1}});
    slices_match("[input: {shape: [5]}, dense: {units: 6}, batch_normalization, dense: {units: 3}]",
                 (const engine_objective[]){{MSE, 1}});
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
                 (const engine_objective[]){{"binary_crossentropy", 1}, {MSE, 0.5}});
}

/* ---- waves ---- */

typedef struct trip {
    const engine_bench *b;
    ls_engine *engine;
    uint64_t scored; /* samples */
    size_t largest;  /* wave, in samples */
} trip;

static void load_rows(void *context, const ls_slice *wave)
{
    const trip *t = context;
    const ls_slice same = engine_bench_load(t->b, t->engine, wave->first, wave->count);

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
static void waves_match(const char *yaml, const engine_objective *wanted)
{
    for (size_t each = 1; each <= MICROBATCHES; each++) {
        double record[1024], losses[2][MICROBATCHES * OUTPUTS_MAX], activity[2][MICROBATCHES];
        engine_sums s = {.record = record};
        const ls_batch_sums interface = {.context = &s, .add = engine_sums_add, .total = engine_sums_total};
        engine_collection c[2];
        float *after[2];
        engine_bench b;

        for (size_t way = 0; way < 2; way++) { /* by hand in one wave; in waves */
            const ls_engine_size size = {
                .rows = ROWS, .microbatch = MICROBATCH, .wave = way ? each * MICROBATCH : ROWS, .training = true};
            const ls_gradient_sink sink = {
                .context = &c[way], .add = engine_collection_take, .layer_done = engine_collection_layer_done};
            ls_engine *engine = NULL;
            ls_slice slice;

            s.at = 0;
            engine_bench_set_up(&b, yaml, wanted);
            assert_true(ok(ls_engine_create(b.model, b.objective, &size, &engine)));
            for (size_t k = 0; k < b.model->outputs; k++)
                if (b.wanted[k].loss)
                    assert_true(ok(ls_engine_use_weights(engine, k)));
            c[way] = engine_collection_new(b.model);
            slice = engine_bench_load(&b, engine, 0, way ? 0 : MICROBATCHES);
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
            engine_bench_tear_down(&b);
        }
        for (size_t way = 0; way < 2; way++) {
            engine_collection_free(&c[way]);
            free(after[way]);
        }
    }
}

static void waves_change_nothing(void **state)
{
    (void)state;
    waves_match("[input: {shape: [5]}, dense: {units: 6, activation: gelu, " L1_L2 "}, dropout: {rate: 0.4}, dense: "
                "{units: 4, activation: softmax}]",
                (const engine_objective[]){{CE, 1}});
    /* Statistics of the batch: of the inputs themselves, twice in a row, next to the loss. */
    waves_match("[input: {shape: [5]}, batch_normalization, dense: {units: 6, activation: relu}, batch_normalization, "
                "batch_normalization, dropout: {rate: 0.4}, dense: {units: 3}, batch_normalization]",
                (const engine_objective[]){{MSE, 1}});
    /* With groups, where only the moving statistics need the whole batch. */
    waves_match("[input: {shape: [5]}, dense: {units: 6}, batch_normalization: {groups: 3}, dense: {units: 3}]",
                (const engine_objective[]){{MSE, 1}});
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
                (const engine_objective[]){{"binary_crossentropy", 1}, {CE, 0.5}, {MSE, 0.25}});
}

/* Random numbers are addressed: another update, seed or call of the layer gives others. */
static void randomness_is_addressed(void **state)
{
    static const char yaml[] = "inputs: {a: {shape: [16]}}\n"
                               "layers:\n"
                               "  - {name: d, dropout: {rate: 0.5}, inputs: a}\n"
                               "  - {name: e, shares: d, inputs: a}\n"
                               "outputs: [d, e]\n";
    static const engine_objective wanted[] = {{MSE, 1}, {MSE, 1}};
    static const struct {
        uint64_t seed, update;
        bool training;
    } runs[] = {{1, 0, true}, {2, 0, true}, {1, 1, true}, {1, 0, false}};
    float first[4][ROWS * 16];
    const size_t bytes = sizeof first[0];
    engine_bench b;
    ls_engine *engine;

    (void)state;
    engine_bench_set_up(&b, yaml, wanted);
    engine = engine_bench_engine(&b, ROWS);
    for (size_t i = 0; i < count_of(runs); i++) {
        const ls_slice batch = engine_bench_load(&b, engine, 0, MICROBATCHES);

        assert_true(ok(ls_engine_forward(engine, &batch, runs[i].training, runs[i].seed, runs[i].update, NULL)));
        memcpy(first[i], ls_engine_output(engine, 0), bytes);
        assert_true((memcmp(first[i], ls_engine_output(engine, 1), bytes) == 0) == !runs[i].training);
    }
    assert_true(memcmp(first[0], first[1], bytes) && memcmp(first[0], first[2], bytes));
    assert_memory_equal(first[3], b.input[0], bytes);
    ls_engine_free(engine);
    engine_bench_tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contributions_do_not_depend_on_slices),
        cmocka_unit_test(waves_change_nothing),
        cmocka_unit_test(randomness_is_addressed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
