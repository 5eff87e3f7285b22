/*
 * From totals to weights: Keras's numbers for every optimizer with every common option, and the same bits however the
 * update is cut into shards.
 */
#include "training.h"

/* ---- Keras's numbers: w0 = [1, -2, 3], gradients g1, g2, g3 ---- */

static const float gradient[3][3] = {{.1f, -.2f, 0}, {.3f, .4f, -1}, {-.5f, .25f, 2}};

#define STEPS_MAX 4

typedef struct sequence {
    const char *optimizer, *constraint;
    struct {
        size_t calls; /* weights after so many; 0: none */
        double weights[3];
    } want[STEPS_MAX];
    double finished[3]; /* after the end of fit; all 0: not asked */
} sequence;

#define DECAY "{exponential_decay: {initial_learning_rate: 0.1, decay_steps: 2, decay_rate: 0.5}}"
#define EMA "learning_rate: 0.1, use_ema: true, ema_momentum: 0.9"

static const sequence sequences[] = {
    {.optimizer = "{sgd: {learning_rate: 0.1}}", .want = {{3, {1.01, -2.045, 2.9}}}},
    {.optimizer = "{sgd: {learning_rate: 0.1, momentum: 0.9}}", .want = {{3, {.9659001, -2.0468, 2.99}}}},
    {.optimizer = "{sgd: {learning_rate: 0.1, momentum: 0.9, nesterov: true}}",
     .want = {{3, {.97931, -2.08712, 2.891}}}},
    {.optimizer = "{sgd: {learning_rate: 0.1, weight_decay: 0.01}}", .want = {{3, {1.007053, -2.039006, 2.890909}}}},
    {.optimizer = "{sgd: {learning_rate: 0.1, clipnorm: 0.2}}", .want = {{3, {.9905046, -1.991675, 2.998627}}}},
    {.optimizer = "{sgd: {learning_rate: 0.1, global_clipnorm: 0.2}}", .want = {{3, {.9905046, -1.991675, 2.998627}}}},
    {.optimizer = "{sgd: {learning_rate: 0.1, clipvalue: 0.15}}", .want = {{3, {.99, -2.015, 3.0}}}},
    {.optimizer = "{rmsprop: {learning_rate: 0.01}}",
     .want = {{1, {.9683788, -1.968378, 3.0}}, {3, {.96538, -2.013124, 3.003051}}}},
    {.optimizer = "{rmsprop: {learning_rate: 0.01, momentum: 0.9}}", .want = {{3, {.8841719, -1.984763, 3.031512}}}},
    {.optimizer = "{rmsprop: {learning_rate: 0.01, centered: true}}", .want = {{3, {.9611366, -2.012498, 3.004402}}}},
    {.optimizer = "{adagrad: {learning_rate: 0.1}}",
     .want = {{1, {.9698489, -1.946548, 3.0}}, {3, {.9773024, -2.0611, 3.006785}}}},
    {.optimizer = "{adadelta: {learning_rate: 1.0}}",
     .want = {{1, {.9985859, -1.998586, 3.0}}, {3, {.9990195, -2.001717, 2.999616}}}},
    {.optimizer = "{adam: {learning_rate: 0.01}}",
     .want = {{1, {.9900004, -1.99, 3.0}}, {3, {.9824319, -1.999249, 3.004298}}}},
    {.optimizer = "{adam: {learning_rate: 0.01, amsgrad: true}}", .want = {{3, {.9824319, -1.999249, 3.004298}}}},
    {.optimizer = "{adamw: {learning_rate: 0.01}}",
     .want = {{1, {.9899604, -1.98992, 2.99988}}, {3, {.9823131, -1.99901, 3.003938}}}},
    {.optimizer = "{adamax: {learning_rate: 0.01}}", .want = {{3, {.9842576, -1.997032, 3.003234}}}},
    {.optimizer = "{nadam: {learning_rate: 0.01}}",
     .want = {{1, {.9893722, -1.989372, 3.0}}, {3, {.9879185, -2.003773, 3.001042}}}},
    {.optimizer = "{lion: {learning_rate: 0.01}}", .want = {{3, {.99, -2.01, 3.0}}}},
    {.optimizer = "{ftrl: {learning_rate: 0.1}}",
     .want = {{1, {.01638628, -.2562392, 0}}, {3, {.02383984, -.3707917, .00678477}}}},
    {.optimizer = "{lamb: {learning_rate: 0.01}}",
     .want = {{1, {.9735425, -1.973542, 3}}, {3, {.9550352, -2.01615, 3.004613}}}},
    {.optimizer = "{lars: {learning_rate: 1.0, weight_decay_rate: 0.1, trust_coefficient: 0.01}}",
     .want = {{1, {.9874813, -1.974963, 2.981222}}, {3, {.9532921, -1.942555, 2.947619}}}},
    {.optimizer = "{schedule_free_adamw: {learning_rate: 0.01}}",
     .want = {{1, {.99, -1.99, 3}}, {3, {.9859353, -2.001249, 3.004264}}}},
    {.optimizer = "{adam: {learning_rate: " DECAY "}}",
     .want = {{1, {.9000038, -1.900002, 3.0}}, {3, {.8431538, -1.953831, 3.036904}}}},
    {.optimizer = "{sgd: {learning_rate: 0.1, gradient_accumulation_steps: 2}}",
     .want = {{1, {1, -2, 3}}, {2, {.98, -2.01, 3.05}}, {3, {.98, -2.01, 3.05}}, {4, {1.0, -2.0125, 2.95}}}},
    {.optimizer = "{adam: {learning_rate: " DECAY ", gradient_accumulation_steps: 2}}", /* the rate counts calls */
     .want = {{2, {.9292909, -2.070708, 3.07071}}, {4, {.9311516, -2.100073, 3.057766}}}},
    {.optimizer = "{sgd: {" EMA "}}", .want = {{3, {1.01, -2.045, 2.9}}}, .finished = {.9893, -1.9901, 2.999}},
    {.optimizer = "{sgd: {" EMA ", ema_overwrite_frequency: 2}}",
     .want = {{2, {.987, -1.984, 3.01}}, {3, {1.037, -2.009, 2.81}}}},
    {.optimizer = "{sgd: {" EMA "}}", /* the average sees what the constraint has not touched yet */
     .constraint = ", kernel_constraint: non_neg",
     .want = {{3, {1.01, 0, 2.9}}},
     .finished = {.9893, -1.6099, 2.999}},
};

/* One batch of 4 samples whose gradients add up to 4 g, all of it on the last rank. */
static ls_status feed(const ls_comm *comm, const ls_layer *layer, ls_gradients *gradients, ls_updater *updater,
                      const float g[3])
{
    float block[LS_BLOCK] = {4 * g[0], 4 * g[1], 4 * g[2]};
    ls_verdict verdict = LS_VERDICT_REDO;
    bool stop = false;

    for (int attempt = 0; attempt < 2 && verdict == LS_VERDICT_REDO; attempt++) {
        const ls_gradient_sink sink = ls_gradients_sink(gradients);

        ls_gradients_begin(gradients, updater->iterations, 0);
        if (comm->rank == comm->size - 1)
            sink.add(sink.context, 0, 0, block, LS_BLOCK);
        LS_TRY(sink.layer_done(sink.context, layer));
        LS_TRY(ls_gradients_agree(gradients, &stop, &verdict));
    }
    if (verdict != LS_VERDICT_FITS)
        return LS_ERR_INTERNAL;
    LS_TRY(ls_updater_step(updater, gradients, 4));
    return ls_gradients_arrive(gradients);
}

static bool follows(const ls_comm *comm, const sequence *s)
{
    char text[512];
    ls_config *model_tree = NULL, *optimizer_tree = NULL;
    ls_model *model = NULL;
    ls_optimizer optimizer = {0};
    ls_gradients *gradients = NULL;
    ls_updater *updater = NULL;
    char ring[] = "ring";
    const ls_distributed_options options = {.allreduce = ring, .bucket_kib = 1, .segment_kib = 1};
    float *w;
    bool good = true;

    snprintf(text, sizeof text, "[input: {shape: [3]}, dense: {units: 1, use_bias: false%s}]",
             s->constraint ? s->constraint : "");
    assert_true(ok(ls_yaml_parse(text, strlen(text), "model", &model_tree)));
    assert_true(ok(ls_yaml_parse(s->optimizer, strlen(s->optimizer), "optimizer", &optimizer_tree)));
    assert_true(ok(ls_model_create(model_tree, NULL, NULL, &model)));
    assert_true(ok(ls_optimizer_parse(optimizer_tree, "optimizer", &optimizer)));
    assert_true(ok(ls_gradients_create(comm, model, &options, 1, 0, 0, &gradients)));
    assert_true(ok(ls_updater_create(&optimizer, model, &updater)));
    w = model->param[0]->value;
    w[0] = 1;
    w[1] = -2;
    w[2] = 3;
    for (size_t call = 1; call <= 4; call++) {
        good &= ok(feed(comm, model->layer[1], gradients, updater, gradient[(call - 1) % 3]));
        for (size_t i = 0; i < STEPS_MAX; i++)
            if (s->want[i].calls == call)
                good &= all_close(w, s->want[i].weights, 3, 2e-7, 4e-7);
        if (call == 3 && s->finished[0] != 0) {
            good &= ok(ls_updater_finish(updater, gradients)) && all_close(w, s->finished, 3, 2e-7, 4e-7);
            break;
        }
    }
    for (size_t i = 3; i < model->size; i++)
        good &= w[i] == 0; /* the padding */
    if (!good)
        print_error("that was %s\n", s->optimizer);
    ls_updater_free(updater);
    ls_gradients_free(gradients);
    ls_optimizer_reset(&optimizer);
    ls_model_free(model);
    ls_config_free(optimizer_tree);
    ls_config_free(model_tree);
    return good;
}

static void updates_follow_keras(void **state)
{
    ls_comm *comm = NULL;

    (void)state;
    assert_true(all_ranks(ok(ls_comm_create(MPI_COMM_WORLD, &comm))));
    for (size_t i = 0; i < count_of(sequences); i++)
        assert_true(all_ranks(follows(comm, &sequences[i])));
    ls_comm_free(comm);
}

/* No optimizer of the registry is forgotten above. */
static void all_optimizers_have_numbers(void **state)
{
    (void)state;
    for (const ls_ops *const *entry = ls_optimizers.entries; *entry; entry++) {
        char begin[64];
        bool found = false;

        snprintf(begin, sizeof begin, "{%s:", (*entry)->name);
        for (size_t i = 0; i < count_of(sequences); i++)
            found |= strncmp(sequences[i].optimizer, begin, strlen(begin)) == 0;
        if (!found)
            print_error("optimizer '%s' has no case in sequences\n", (*entry)->name);
        assert_true(found);
    }
}

/* ---- shards ---- */

/* Everything that happens to a weight beside the rule itself. */
static const char *const options[] = {
    "learning_rate: 0.02",
    "learning_rate: 0.02, clipnorm: 0.003",
    "learning_rate: 0.02, global_clipnorm: 0.005",
    "learning_rate: 0.02, clipvalue: 0.0004",
    "learning_rate: 0.02, weight_decay: 0.1",
    "learning_rate: 0.02, use_ema: true, ema_momentum: 0.8",
    "learning_rate: 0.02, use_ema: true, ema_momentum: 0.8, ema_overwrite_frequency: 3",
    "learning_rate: 0.02, gradient_accumulation_steps: 2",
    "learning_rate: " DECAY
    ", gradient_accumulation_steps: 3, global_clipnorm: 0.005, weight_decay: 0.05, use_ema: true",
};

static void put_data(void)
{
    float x[30 * 18], y[30 * 3];

    for (size_t i = 0; i < count_of(x); i++)
        x[i] = (float)((i * 37 + 11) % 101) / 101.0f - 0.5f;
    for (size_t i = 0; i < count_of(y); i++)
        y[i] = (float)((i * 29 + 3) % 17) / 17.0f;
    data_begin();
    data_put("/x", 30, 18, x);
    data_put("/y", 30, 3, y);
}

/*
 * 18 x 30 and 30 x 3 weights, so 3 + 1 + 1 + 1 blocks, each a bucket of its own: more ranks than some, fewer than all.
 */
static ls_status fit(MPI_Comm mpi, const char *optimizer, const char *option, ls_fit_result *result)
{
    char text[1024];

    snprintf(text, sizeof text,
             "data: {file: data.h5, train: {x: /x, y: /y}}\n"
             "model:\n"
             "- dense: {units: 30, activation: tanh, kernel_constraint: {max_norm: {max_value: 0.8}}, "
             "kernel_regularizer: {l1_l2: {l1: 0.001, l2: 0.01}}}\n"
             "- dense: {units: 3, kernel_constraint: unit_norm, bias_constraint: non_neg, bias_regularizer: l2}\n"
             "compile: {optimizer: {%s: {%s}}, loss: mse}\n"
             "fit: {epochs: 2, batch_size: 8, microbatch: 2}\n"
             "distributed: {bucket_kib: 6}\n",
             optimizer, option);
    return training_fit(mpi, text, result, NULL);
}

static void shards_do_not_matter(void **state)
{
    char plain[33] = "";

    (void)state;
    put_data();
    for (const ls_ops *const *entry = ls_optimizers.entries; *entry; entry++)
        for (size_t i = 0; i < count_of(options); i++) {
            ls_fit_result together = {0}, alone = {0};
            bool good = ok(fit(MPI_COMM_WORLD, (*entry)->name, options[i], &together)) &&
                        ok(fit(MPI_COMM_SELF, (*entry)->name, options[i], &alone)) &&
                        strcmp(together.fingerprint, alone.fingerprint) == 0 && together.updates == 8;

            if (i == 0)
                memcpy(plain, alone.fingerprint, sizeof plain);
            else
                good = good && strcmp(plain, alone.fingerprint) != 0; /* the option did something */
            if (!good)
                print_error("%s with %s: %s together, %s alone\n", (*entry)->name, options[i], together.fingerprint,
                            alone.fingerprint);
            assert_true(all_ranks(good));
        }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(updates_follow_keras),
    cmocka_unit_test(all_optimizers_have_numbers),
    cmocka_unit_test(shards_do_not_matter),
};

LS_MPI_MAIN(tests, training_set_up, training_tear_down)
