/*
 * Two moons: a complete program that trains with lockstep.
 *
 *     mpirun -n 3 ./moons DIRECTORY
 *
 * It makes points on two half circles, trains a small network to tell them apart, asks it about them, and saves it as
 * DIRECTORY/moons.h5. DIRECTORY/moons.csv has the same points for `lockstep import csv`. The weights, and so the line
 * `fingerprint: ...`, are the same on any number of ranks.
 */
#include <lockstep/lockstep.h>

#include <stdio.h>
#include <stdlib.h>

#define SAMPLES 200
#define TRY(call)                   \
    do {                            \
        if ((status = (call)) != 0) \
            goto cleanup;           \
    } while (0)

/* The model and how it is trained: what would stand in an experiment file, without its data. */
static const char experiment[] = "seed: 7\n"
                                 "model:\n"
                                 "  - dense: {units: 16, activation: tanh}\n"
                                 "  - dense: {units: 1, activation: sigmoid}\n"
                                 "compile: {optimizer: {adam: {learning_rate: 0.05}}, loss: binary_crossentropy,\n"
                                 "          metrics: [accuracy]}\n"
                                 "fit: {epochs: 40, batch_size: 32, microbatch: 8}\n";

/* Thousandths. A point on the circle for every t: (2t / (1 + t^2), (1 - t^2) / (1 + t^2)). */
static void make_moons(int16_t x[SAMPLES][2], uint8_t y[SAMPLES])
{
    for (int i = 0; i < SAMPLES; i++) {
        const double t = (2.0 * i - (SAMPLES - 1)) / (SAMPLES - 1);
        const double a = 2 * t / (1 + t * t), b = (1 - t * t) / (1 + t * t);

        y[i] = (uint8_t)(i % 2);
        x[i][0] = (int16_t)(1000 * (y[i] ? 1 - a : a));
        x[i][1] = (int16_t)(1000 * (y[i] ? 0.5 - b : b));
    }
}

/* A callback with a memory: the smallest loss so far. `state` keeps it in checkpoints. */
typedef struct best {
    float loss;
    uint64_t epoch;
} best;

static ls_status on_epoch_end(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    best *b = context;
    const float loss = (float)*ls_logs_get(logs, "loss");

    if (epoch == 0 || loss < b->loss)
        *b = (best){.loss = loss, .epoch = epoch};
    if ((epoch + 1) % 10 == 0)
        ls_callback_say(run, "best loss after %d epochs: %.4f", (int)epoch + 1, (double)b->loss);
    return LS_OK;
}

static ls_status state(void *context, ls_callback_run *run, ls_state *checkpoint)
{
    best *b = context;
    const ls_status status = ls_state_float(checkpoint, "loss", &b->loss);

    (void)run;
    return status == LS_OK ? ls_state_uint(checkpoint, "epoch", &b->epoch) : status;
}

static const ls_callback_hooks hooks = {.on_epoch_end = on_epoch_end, .state = state};

static int write_csv(const char *path, int16_t x[SAMPLES][2], const uint8_t y[SAMPLES])
{
    FILE *file = fopen(path, "w");
    int bad;

    if (!file)
        return -1;
    fprintf(file, "x1,x2,y\n");
    for (int i = 0; i < SAMPLES; i++)
        fprintf(file, "%d,%d,%d\n", x[i][0], x[i][1], y[i]);
    bad = ferror(file);
    return fclose(file) || bad;
}

static ls_status run(const ls_comm *comm, const char *directory)
{
    static int16_t x[SAMPLES][2];
    static uint8_t y[SAMPLES];
    static float predicted[SAMPLES];
    const size_t two = 2;
    const int speaks = ls_comm_rank(comm) == 0;
    char path[1024], fingerprint[33];
    best b = {0};
    const ls_callback callback = {.name = "best", .hooks = &hooks, .context = &b};
    ls_fit_arguments arguments = {.callback = &callback, .callbacks = 1, .verbose = 2, .out = stdout};
    ls_data *data = NULL;
    ls_estimator *estimator = NULL, *loaded = NULL;
    ls_model *model;
    ls_fit_result result;
    const ls_logs *logs;
    ls_status status;

    /* The data: every rank has all of them. They keep their type; a batch is made of float32. */
    make_moons(x, y);
    TRY(ls_data_create("train", &data));
    TRY(ls_data_add(data, LS_INPUT, NULL, LS_TYPE_INT16, SAMPLES, 1, &two, x));
    TRY(ls_data_scale(data, 0.001, 0));
    TRY(ls_data_add(data, LS_TARGET, NULL, LS_TYPE_UINT8, SAMPLES, 0, NULL, y));

    /* Train. */
    TRY(ls_estimator_create(comm, experiment, &estimator));
    arguments.train = data;
    TRY(ls_estimator_fit(estimator, &arguments, &result));

    /* Ask: loss and metrics, then what the network says of every point (rank 0 gets that). */
    TRY(ls_estimator_evaluate(estimator, data, &logs));
    for (size_t i = 0; speaks && i < ls_logs_count(logs); i++)
        printf("%s: %.4f\n", ls_logs_name(logs, i), ls_logs_value(logs, i));
    TRY(ls_estimator_predict(estimator, data, 0, predicted, SAMPLES));
    if (speaks)
        printf("the first point is of moon 1 with probability %.2f\n", (double)predicted[0]);

    /* Keep: a file that Keras opens too; and back. */
    snprintf(path, sizeof path, "%s/moons.h5", directory);
    TRY(ls_estimator_save(estimator, path));
    TRY(ls_estimator_load(comm, path, &loaded));
    TRY(ls_estimator_model(loaded, &model));
    ls_model_fingerprint(model, fingerprint);
    if (speaks)
        printf("loaded: %s\nfingerprint: %s\n", fingerprint, result.fingerprint);

    snprintf(path, sizeof path, "%s/moons.csv", directory);
    if (speaks && write_csv(path, x, y) != 0)
        status = ls_callback_fail(LS_ERR_IO, "cannot write '%s'", path);
    TRY(ls_agree(comm, status));
cleanup:
    ls_estimator_free(loaded);
    ls_estimator_free(estimator);
    ls_data_free(data);
    return status;
}

int main(int argc, char **argv)
{
    ls_comm *comm = NULL;
    ls_status status;
    int threads;

    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &threads);
    status = ls_comm_create(MPI_COMM_WORLD, &comm);
    if (status == LS_OK)
        status = run(comm, argc > 1 ? argv[1] : ".");
    if (status != LS_OK && (!comm || ls_comm_rank(comm) == 0) && *ls_error_message())
        fprintf(stderr, "moons: %s\n", ls_error_message());
    ls_comm_free(comm);
    MPI_Finalize();
    return ls_exit_code(status);
}
