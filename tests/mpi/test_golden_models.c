/*
 * Whole trainings against Keras, from its initial weights, on every number of ranks: the first update, the weights
 * after all of them, the history, evaluate and predict with the weights from the model file; and the same bits as one
 * rank.
 */
#include "experiment/model_file.h"
#include "training.h"
#include "source_dir.h"

#include "golden.h"

#include "base/memory.h"
#include "run/checkpoint.h"
#include "train/evaluate.h"

/*
 * Twenty updates feed rounding errors back. Keras's own float32 weights are up to 6e-6 away from its float64 ones,
 * mostly because it rounds Adam's beta_2.
 */
static const golden_tolerance tolerance = {1e-5, 1e-4};

#define UPDATES 20

/* Of the models at hand. */
static const char *data_file;

/* The experiment of the case with its data file where it is, and with the folder's start.h5 to start from. */
static void read_experiment(const golden_case *c, char *out, size_t out_bytes)
{
    char text[GOLDEN_TEXT_BYTES];
    const char *at = strstr(golden_text(c, "experiment", text, sizeof text), data_file);

    assert_non_null(at);
    assert_true((size_t)snprintf(out, out_bytes, "%.*s%s/tests/golden/%s\ninitial_weights: start.h5\n",
                                 (int)(at - text), text, source_dir, at) < out_bytes);
}

static bool weights_are_right(golden_case *c, const char *when, const ls_model *model)
{
    bool good = true;

    for (size_t p = 0; p < model->params; p++) {
        char name[LS_PARAM_NAME_BYTES], path[LS_PARAM_NAME_BYTES + 32];

        snprintf(path, sizeof path, "%s/%s", when, ls_model_param_name(model, model->param[p], name));
        good &= golden_close(c, path, model->param[p]->value, model->param[p]->size);
    }
    return good;
}

/* Keras's model.layers: it decides the order of weights. Sequential models leave out their input. */
static bool layers_are_in_order(const golden_case *c, const ls_model *model)
{
    char want[512], got[512] = "";

    golden_text(c, "layers", want, sizeof want);
    for (size_t i = model->sequential; i < model->layers; i++) {
        const size_t n = strlen(got);

        snprintf(got + n, sizeof got - n, "%s%s", n ? " " : "", model->layer[i]->name);
    }
    if (strcmp(got, want) != 0)
        print_error("'%s': the layers are '%s', want '%s'\n", c->name, got, want);
    return strcmp(got, want) == 0;
}

/* The folder's start.h5, as Keras writes weights. */
static bool put_initial_weights(golden_case *c, const char *text)
{
    ls_experiment *experiment = NULL;
    ls_model *model = NULL;
    hid_t file = H5I_INVALID_HID;
    bool good;

    assert_true(ok(ls_experiment_parse(text, strlen(text), training_yaml, &experiment)));
    assert_true(ok(ls_task_model(experiment, &model)));
    good = layers_are_in_order(c, model);
    for (size_t p = 0; p < model->params; p++) {
        char name[LS_PARAM_NAME_BYTES];
        const golden_array *w = golden_getf(c, "weights_initial/%s", ls_model_param_name(model, model->param[p], name));

        assert_true(golden_shape_is(w, &model->param[p]->shape));
        golden_floats(w, model->param[p]->value);
    }
    world_barrier();
    if (world_rank() == 0) {
        good &= ok(ls_h5_image_create(&file)) && ok(ls_keras_write(file, model, NULL)) &&
                ok(ls_h5_image_save(file, training_weights));
        ls_h5_close(file);
    }
    ls_model_free(model);
    ls_experiment_free(experiment);
    return all_ranks(good);
}

/* One update. */
static bool first_update_is_right(golden_case *c, const char *text)
{
    const ls_trainer_options options = {0};
    ls_trainer *trainer = NULL;
    bool stop = false, good;
    double loss;
    training t;

    if (!all_ranks(ok(training_open(MPI_COMM_WORLD, text, &t))))
        return false;
    good = ok(ls_trainer_create(t.task, &options, &trainer));
    if (good) {
        ls_trainer_begin_epoch(trainer);
        good = ok(ls_trainer_update(trainer, &stop, &loss)) && weights_are_right(c, "weights_first", t.task->model);
    }
    ls_trainer_free(trainer);
    training_close(&t);
    return all_ranks(good);
}

/* Every column of history.csv, which rank 0 reads. */
static bool history_is_right(golden_case *c)
{
    char path[128], header[1024] = "";
    golden_names names;
    size_t columns = 1; /* one more than commas */
    bool good = true;
    FILE *f;

    golden_list(c->group, "history", &names);
    for (size_t k = 0; k < names.n; k++) {
        const golden_array *want = golden_getf(c, "history/%s_f64", names.name[k]);

        for (size_t epoch = 0; world_rank() == 0 && epoch < want->n; epoch++)
            if (!close_to(history_value(names.name[k], (int)epoch), want->value[epoch], c->atol, c->rtol)) {
                print_error("'%s' history: %s of epoch %zu\n", c->name, names.name[k], epoch);
                good = false;
            }
    }
    snprintf(path, sizeof path, "%s/history.csv", training_run);
    if (world_rank() == 0 && (f = fopen(path, "r")) != NULL) {
        good &= fgets(header, sizeof header, f) != NULL;
        for (const char *comma = header; (comma = strchr(comma, ',')) != NULL; comma++)
            columns++;
        fclose(f);
        if (columns != names.n + 1) /* and "epoch" */
            print_error("'%s' history: the columns are %s", c->name, header);
        good &= columns == names.n + 1;
    }
    return good;
}

static bool evaluation_is_right(golden_case *c, const ls_task *task)
{
    const ls_fit_options *fit = &task->experiment->fit;
    ls_engine *engine = NULL;
    ls_scores *scores = NULL;
    const ls_log *logs;
    bool good = ok(ls_evaluate_engine(task, true, (uint64_t)fit->batch_size, (uint64_t)fit->microbatch, &engine)) &&
                ok(ls_scores_create(task->comm, task->model, task->outputs, task->objective, &scores));

    if (all_ranks(good)) {
        good = ok(ls_evaluate(task, engine, task->test, (uint64_t)fit->batch_size, (uint64_t)fit->microbatch,
                              UINT64_MAX, NULL, scores));
        for (size_t i = 0, n = ls_scores_logs(scores, &logs); good && i < n; i++) {
            char name[GOLDEN_NAME_BYTES];

            snprintf(name, sizeof name, "evaluate/%s", logs[i].name);
            good = golden_close_doubles(c, name, &logs[i].value, 1);
        }
    }
    ls_scores_free(scores);
    ls_engine_free(engine);
    return all_ranks(good);
}

typedef struct prediction {
    const ls_model *model;
    float *values[4]; /* [outputs] (samples, output's size) */
} prediction;

static ls_status take_rows(void *context, size_t output, uint64_t first, size_t n, const float *values)
{
    prediction *p = context;
    const size_t size = ls_shape_size(&p->model->node[p->model->output[output]].shape);

    memcpy(p->values[output] + (size_t)first * size, values, n * size * sizeof *values);
    return LS_OK;
}

static bool prediction_is_right(golden_case *c, const ls_task *task)
{
    const ls_fit_options *fit = &task->experiment->fit;
    prediction p = {.model = task->model};
    const ls_prediction_sink sink = {.context = &p, .rows = take_rows};
    const golden_array *want[count_of(p.values)];
    ls_engine *engine = NULL;
    bool good;

    assert_true(task->model->outputs <= count_of(p.values));
    for (size_t o = 0; o < task->model->outputs; o++) {
        want[o] = golden_getf(c, "predict/%s_f64", task->model->node[task->model->output[o]].name);
        p.values[o] = calloc(want[o]->n, sizeof *p.values[o]);
        assert_non_null(p.values[o]);
    }
    good = ok(ls_evaluate_engine(task, false, (uint64_t)fit->batch_size, (uint64_t)fit->microbatch, &engine));
    if (all_ranks(good))
        good = ok(ls_predict(task, engine, task->test, (uint64_t)fit->batch_size, (uint64_t)fit->microbatch, &sink));
    for (size_t o = 0; o < task->model->outputs; o++) {
        if (good && world_rank() == 0)
            good = all_close(p.values[o], want[o]->value, want[o]->n, c->atol, c->rtol);
        free(p.values[o]);
    }
    ls_engine_free(engine);
    return all_ranks(good);
}

/* On all samples, also those that fit kept for validation; with the weights of the run's model file. */
static bool model_file_is_right(golden_case *c, const training *t)
{
    char path[128];
    ls_task *task = NULL;
    bool good;

    snprintf(path, sizeof path, "%s/model.h5", training_run);
    good = ok(ls_task_create_for(t->comm, t->experiment, ls_experiment_split(t->experiment, "train"), &task));
    if (!all_ranks(good && ok(ls_model_file_weights(path, task->model)))) {
        good = false;
    } else {
        good = evaluation_is_right(c, task);
        good &= prediction_is_right(c, task);
    }
    ls_task_free(task);
    return good;
}

static bool fit_is_right(golden_case *c, const char *text)
{
    const ls_fit_settings settings = {.directory = training_run};
    ls_fit_result together, alone;
    training t;
    bool good;

    if (!all_ranks(ok(training_open(MPI_COMM_WORLD, text, &t))))
        return false;
    good = ok(ls_fit(t.task, &settings, &together)) && together.updates == UPDATES;
    if (all_ranks(good)) {
        good = weights_are_right(c, "weights_final", t.task->model);
        good &= history_is_right(c);
        good &= model_file_is_right(c, &t);
    }
    training_close(&t);
    world_barrier();
    if (world_rank() == 0)
        remove_all(training_run);

    if (!ok(training_fit(MPI_COMM_SELF, text, &alone, NULL)) || strcmp(alone.fingerprint, together.fingerprint) != 0) {
        print_error("'%s': fingerprint %s together, %s alone\n", c->name, together.fingerprint, alone.fingerprint);
        good = false;
    }
    return all_ranks(good);
}

static bool check_model(golden_case *c, void *context)
{
    char text[GOLDEN_TEXT_BYTES + 1024];
    golden_names data;
    bool good;

    (void)context;
    read_experiment(c, text, sizeof text);
    golden_list(c->group, "train", &data); /* which the experiments themselves read */
    for (size_t i = 0; i < data.n; i++)
        (void)golden_getf(c, "train/%s", data.name[i]);
    good = put_initial_weights(c, text);
    good &= first_update_is_right(c, text);
    good &= fit_is_right(c, text);
    return good;
}

static void models_agree_with_keras(void **state)
{
    (void)state;
    static const char *const files[] = {"models.h5", "sequence_models.h5"};

    for (size_t i = 0; i < count_of(files); i++) {
        data_file = files[i];
        assert_true(all_ranks(golden_each(data_file, tolerance, check_model, NULL)));
    }
}

/* ---- trainings that Keras began ---- */

/* The weights after `name` of optimizer_states/after.h5. */
static bool ends_like_keras(hid_t after, const char *name, const ls_model *model)
{
    bool good = true;

    for (size_t p = 0; p < model->params; p++) {
        const ls_param *param = model->param[p];
        char of[LS_PARAM_NAME_BYTES], path[LS_PARAM_NAME_BYTES + 32];
        float *want = calloc(param->size, sizeof *want);

        assert_non_null(want);
        snprintf(path, sizeof path, "/%s/%s", name, ls_model_param_name(model, param, of));
        good &= ok(ls_h5_get_array(after, path, H5T_NATIVE_FLOAT, param->shape.axes, param->shape.dim, want));
        for (size_t i = 0; good && i < param->size; i++)
            if (!close_to(param->value[i], want[i], tolerance.atol, tolerance.rtol)) {
                print_error("%s[%zu]: %g, Keras has %g\n", path, i, (double)param->value[i], (double)want[i]);
                good = false;
            }
        free(want);
    }
    return good;
}

static bool goes_on(hid_t after, const char *name)
{
    static const char folder_of[] = "tests/golden/optimizer_states";
    const ls_fit_settings settings = {0};
    ls_fit_result result, alone;
    char text[2048], *optimizer;
    training t;
    bool good;

    assert_true(ok(ls_h5_get_text(after, name, "optimizer", &optimizer)));
    snprintf(text, sizeof text,
             "initial_weights: {file: %s/%s/%s.keras, optimizer: true}\n"
             "data: {file: %s/%s/after.h5, train: {x: /train/x, y: /train/y}}\n"
             "model: {file: %s/%s/%s.keras}\n"
             "compile: {loss: mse, optimizer: %s}\n"
             "fit: {batch_size: 4, microbatch: 1, shuffle: false}\n",
             source_dir, folder_of, name, source_dir, folder_of, source_dir, folder_of, name, optimizer);
    ls_free(optimizer);
    good = ok(training_open(MPI_COMM_WORLD, text, &t));
    if (!all_ranks(good))
        return false;
    good = ok(ls_fit(t.task, &settings, &result)) && ends_like_keras(after, name, t.task->model);
    training_close(&t);
    if (!ok(training_fit(MPI_COMM_SELF, text, &alone, NULL)) || strcmp(alone.fingerprint, result.fingerprint) != 0) {
        print_error("'%s': other bits on one rank\n", name);
        good = false;
    }
    return all_ranks(good);
}

/* Five updates in Keras, a file, five more there or here: iterations, slots, averages and half accumulations count. */
static void the_state_of_keras_s_optimizers_is_taken_along(void **state)
{
    static const char *const names[] = {"adam", "adamw", "nadam", "sgd", "rmsprop", "lion"};
    char path[1024];
    hid_t after;

    (void)state;
    snprintf(path, sizeof path, "%s/tests/golden/optimizer_states/after.h5", source_dir);
    assert_true(all_ranks(ok(ls_h5_open_read(path, &after))));
    for (size_t i = 0; i < count_of(names); i++)
        assert_true(all_ranks(goes_on(after, names[i])));
    ls_h5_close(after);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(models_agree_with_keras),
                                          cmocka_unit_test(the_state_of_keras_s_optimizers_is_taken_along)};

LS_MPI_MAIN(tests, training_set_up, training_tear_down)
