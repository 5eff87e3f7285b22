/*
 * Files that the real Keras wrote, in its three formats: what lockstep predicts from them, and what it finds the loss
 * and the metrics to be, against Keras. Every layer of lockstep is in one of them.
 */
#include "mpi_main.h"
#include "source_dir.h"

#include "golden.h"

#include "base/memory.h"
#include "experiment/model_file.h"
#include "nn/layers/layers.h"
#include "run/checkpoint.h"
#include "train/evaluate.h"

#define FOLDER "tests/golden/keras_files"
#define BATCH 6       /* not Keras's: the numbers do not depend on it */
#define KERAS_BATCH 5 /* but these do: a loss is divided by how many positions of its batch count */
#define MICROBATCH 2

/* Keras computed in float32 itself: what is compared is the reading, and no layer amplifies rounding. */
static const golden_tolerance tolerance = {1e-6, 2e-6};

/* ---- the data of a case: one array, or a group of them by name ---- */

/* Of the models at hand. */
static const char *data_file;

static size_t batch_of(const golden_case *c)
{
    return strcmp(c->name, "masks") == 0 ? KERAS_BATCH : BATCH;
}

static ls_array_spec array_of(const golden_case *c, const char *what, const char *name)
{
    ls_array_spec spec = {.scale = NAN, .offset = NAN};
    char path[256];

    snprintf(path, sizeof path, name ? "/%s/%s/%s" : "/%s/%s", c->name, what, name);
    spec.path = ls_strdup(path);
    spec.file = ls_strdup(in_source(data_file));
    spec.name = name ? ls_strdup(name) : NULL;
    return spec;
}

static ls_array_spec *arrays_of(golden_case *c, const char *what, size_t *n)
{
    golden_names names = {.n = 0};
    ls_array_spec *specs;

    if (!golden_is_group(c->group, what)) {
        specs = ls_calloc(1, sizeof *specs, "specs");
        specs[0] = array_of(c, what, NULL);
        (void)golden_get(c, what);
        *n = 1;
        return specs;
    }
    golden_list(c->group, what, &names);
    specs = ls_calloc(names.n, sizeof *specs, "specs");
    for (size_t i = 0; i < names.n; i++) {
        specs[i] = array_of(c, what, names.name[i]);
        (void)golden_getf(c, "%s/%s", what, names.name[i]);
    }
    *n = names.n;
    return specs;
}

/* ---- what comes out ---- */

typedef struct prediction {
    const ls_model *model;
    float *values[4]; /* [outputs] (samples, output's size) */
    size_t n[4];
} prediction;

static ls_status take_rows(void *context, size_t output, uint64_t first, size_t n, const float *values)
{
    prediction *p = context;
    const size_t size = ls_shape_size(&p->model->node[p->model->output[output]].shape);

    memcpy(p->values[output] + (size_t)first * size, values, n * size * sizeof *values);
    return LS_OK;
}

static bool prediction_is_right(golden_case *c, const ls_task *task, ls_engine *engine)
{
    prediction p = {.model = task->model};
    const ls_prediction_sink sink = {.context = &p, .rows = take_rows};
    bool good;

    assert_true(task->model->outputs <= count_of(p.values));
    for (size_t o = 0; o < task->model->outputs; o++) {
        p.n[o] = (size_t)task->test->samples * ls_shape_size(&task->model->node[task->model->output[o]].shape);
        assert_non_null(p.values[o] = calloc(p.n[o], sizeof *p.values[o]));
    }
    good = ok(ls_predict(task, engine, task->test, batch_of(c), MICROBATCH, &sink));
    for (size_t o = 0; o < task->model->outputs; o++) {
        char name[GOLDEN_NAME_BYTES];

        snprintf(name, sizeof name, "predict/%s", task->model->node[task->model->output[o]].name);
        (void)golden_get(c, name); /* on all ranks: a case is to be looked at as a whole */
        if (good && task->comm->rank == 0)
            good = golden_close(c, name, p.values[o], p.n[o]);
        free(p.values[o]);
    }
    return good;
}

/* All that Keras reports, and nothing else. */
static bool evaluation_is_right(golden_case *c, const ls_task *task, ls_engine *engine)
{
    ls_scores *scores = NULL;
    golden_names names;
    const ls_log *logs;
    size_t n;
    bool good;

    golden_list(c->group, "evaluate", &names);
    assert_true(all_ranks(ok(ls_scores_create(task->comm, task->model, task->outputs, task->objective, &scores))));
    good = ok(ls_evaluate(task, engine, task->test, batch_of(c), MICROBATCH, UINT64_MAX, NULL, scores));
    n = ls_scores_logs(scores, &logs);
    if (n != names.n)
        print_error("'%s': %zu numbers, want %zu\n", c->name, n, names.n);
    good &= n == names.n;
    for (size_t i = 0; i < n && good; i++) {
        char name[GOLDEN_NAME_BYTES];

        snprintf(name, sizeof name, "evaluate/%s", logs[i].name);
        good = golden_close_doubles(c, name, &logs[i].value, 1);
    }
    ls_scores_free(scores);
    return good;
}

/* The model as one file describes it, with the weights from another. */
static bool files_are_right(golden_case *c, const ls_comm *comm, const char *model, const char *weights,
                            golden_coverage *coverage)
{
    ls_split_spec spec = {.name = ls_strdup("test")};
    ls_experiment *experiment = NULL;
    ls_engine *engine = NULL;
    ls_task *task = NULL;
    char path[512];
    bool good;

    snprintf(path, sizeof path, "%s/" FOLDER "/%s.%s", source_dir, c->name, model);
    spec.x = arrays_of(c, "x", &spec.xs);
    spec.y = arrays_of(c, "y", &spec.ys);
    good = ok(ls_experiment_of_model(path, &experiment)) && ok(ls_task_create_for(comm, experiment, &spec, &task));
    snprintf(path, sizeof path, "%s/" FOLDER "/%s.%s", source_dir, c->name, weights);
    good = good && ok(ls_model_file_weights(path, task->model)) &&
           ok(ls_evaluate_engine(task, true, batch_of(c), MICROBATCH, &engine));
    if (all_ranks(good)) {
        good = prediction_is_right(c, task, engine);
        if (golden_has(c, "evaluate"))
            good &= evaluation_is_right(c, task, engine);
        else
            good &= !task->has_loss && strstr(experiment->refused.loss, "own_loss") != NULL;
        for (size_t i = 0; i < task->model->layers; i++)
            if (!ls_layer_is_input(task->model->layer[i]))
                golden_note(coverage, &task->model->layer[i]->ops->ops);
    }
    if (!good)
        print_error("'%s': the model of .%s, the weights of .%s\n", c->name, model, weights);
    ls_engine_free(engine);
    ls_task_free(task);
    ls_experiment_free(experiment);
    ls_array_specs_free(spec.x, spec.xs);
    ls_array_specs_free(spec.y, spec.ys);
    ls_free(spec.name);
    return all_ranks(good);
}

static bool check_case(golden_case *c, void *context)
{
    static const char *const models[] = {"h5", "keras"}, *const weights[] = {"h5", "keras", "weights.h5"};
    const bool has_h5 = strcmp(c->name, "augmented") != 0; /* Keras 3.15 cannot write it */
    ls_comm *comm = NULL;
    bool good = true;

    assert_true(all_ranks(ok(ls_comm_create(MPI_COMM_WORLD, &comm))));
    for (size_t m = has_h5 ? 0 : 1; m < count_of(models); m++)
        for (size_t w = has_h5 ? 0 : 1; w < count_of(weights); w++)
            good &= files_are_right(c, comm, models[m], weights[w], context);
    ls_comm_free(comm);
    return good;
}

static void files_agree_with_keras(void **state)
{
    static const char *const files[] = {FOLDER "/data.h5",         FOLDER "/data_sequences.h5",
                                        FOLDER "/data_spatial.h5", FOLDER "/data_masks.h5",
                                        FOLDER "/data_nested.h5",  FOLDER "/data_attention.h5"};
    golden_coverage coverage = {.n = 0};

    (void)state;
    for (size_t i = 0; i < count_of(files); i++) {
        data_file = files[i];
        assert_true(all_ranks(golden_each(files[i] + sizeof "tests/golden", tolerance, check_case, &coverage)));
    }
    /* KerasHub's: Keras itself has no file with them. */
    golden_note(&coverage, &ls_layer_position_embedding.ops);
    golden_note(&coverage, &ls_layer_sine_position_encoding.ops);
    assert_true(all_ranks(golden_covers(&coverage, &ls_layers)));
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(files_agree_with_keras)};

LS_MPI_MAIN(tests, NULL, NULL)
