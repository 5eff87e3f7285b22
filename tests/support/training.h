/*
 * Small experiments for tests: a folder that is gone afterwards, HDF5 data, initial weights, and what a run left.
 *
 *     training_set_up ─► data_begin, data_put… ─► training_open(communicator, experiment text) ─► … ─► training_close
 *
 * Everything is called by all ranks of the world (or by the one process of a serial test); rank 0 writes the files.
 */
#ifndef LS_TEST_TRAINING_H
#define LS_TEST_TRAINING_H

#include "ls_test.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include <hdf5.h>

#include "formats/keras_model.h"
#include "formats/yaml.h"
#include "h5/file.h"
#include "run/fit.h"

static char training_folder[32] = "training.XXXXXX"; /* in the working directory */
static char training_yaml[64], training_data[64], training_weights[64], training_run[64];

static inline int training_rank(void)
{
    int running = 0, rank = 0;

    MPI_Initialized(&running);
    if (running)
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank;
}

static inline void training_barrier(void)
{
    int running = 0;

    MPI_Initialized(&running);
    if (running)
        MPI_Barrier(MPI_COMM_WORLD);
}

static inline int training_set_up(void **state)
{
    int running = 0, made = 1;

    (void)state;
    MPI_Initialized(&running);
    if (training_rank() == 0)
        made = mkdtemp(training_folder) != NULL;
    if (running)
        MPI_Bcast(training_folder, sizeof training_folder, MPI_CHAR, 0, MPI_COMM_WORLD);
    snprintf(training_yaml, sizeof training_yaml, "%s/experiment.yaml", training_folder);
    snprintf(training_data, sizeof training_data, "%s/data.h5", training_folder);
    snprintf(training_weights, sizeof training_weights, "%s/start.h5", training_folder);
    snprintf(training_run, sizeof training_run, "%s/run", training_folder);
    return made ? 0 : -1;
}

static inline void training_empty(const char *directory)
{
    DIR *d = opendir(directory);

    for (struct dirent *entry; d && (entry = readdir(d)) != NULL;) {
        char path[512];

        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        unlink(path); /* not . and .., which are directories */
    }
    if (d)
        closedir(d);
    rmdir(directory);
}

static inline int training_tear_down(void **state)
{
    (void)state;
    training_barrier();
    if (training_rank() == 0) {
        training_empty(training_run);
        training_empty(training_folder);
    }
    return 0;
}

/* ---- data ---- */

/* An empty data file. */
static inline void data_begin(void)
{
    training_barrier(); /* nobody reads the old one any more */
    if (training_rank() == 0) {
        const hid_t f = H5Fcreate(training_data, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);

        assert_true(f >= 0);
        H5Fclose(f);
    }
    training_barrier();
}

/* (rows) if width is 0, else (rows, width); row-major. */
static inline void data_put(const char *path, size_t rows, size_t width, const float *values)
{
    if (training_rank() == 0) {
        const hid_t f = H5Fopen(training_data, H5F_ACC_RDWR, H5P_DEFAULT), link = H5Pcreate(H5P_LINK_CREATE);
        const hsize_t dim[] = {rows, width};
        const hid_t space = H5Screate_simple(width ? 2 : 1, dim, NULL);
        hid_t d;

        H5Pset_create_intermediate_group(link, 1);
        d = H5Dcreate2(f, path, H5T_IEEE_F32LE, space, link, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(f >= 0 && d >= 0);
        assert_true(H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
        H5Dclose(d);
        H5Sclose(space);
        H5Pclose(link);
        H5Fclose(f);
    }
    training_barrier();
}

/* ---- runs ---- */

typedef struct training {
    ls_comm *comm;
    ls_experiment *experiment;
    ls_task *task;
} training;

static inline void training_close(training *t)
{
    ls_task_free(t->task);
    ls_experiment_free(t->experiment);
    ls_comm_free(t->comm);
    *t = (training){0};
}

/* Collective on mpi. The text as if it stood in the folder's experiment.yaml. After a failure *t holds nothing. */
static inline ls_status training_open(MPI_Comm mpi, const char *text, training *t)
{
    ls_status st;

    *t = (training){0};
    st = ls_experiment_parse(text, strlen(text), training_yaml, &t->experiment);
    if (st == LS_OK)
        st = ls_comm_create(mpi, &t->comm);
    if (st == LS_OK)
        st = ls_task_create(t->comm, t->experiment, &t->task);
    if (st != LS_OK)
        training_close(t);
    return st;
}

/* Collective on mpi: open, fit without files, close. *weights, unless NULL: a copy of all weights, to be freed. */
static inline ls_status training_fit(MPI_Comm mpi, const char *text, ls_fit_result *result, float **weights)
{
    const ls_fit_settings settings = {0};
    training t;
    ls_status st = training_open(mpi, text, &t);

    if (st == LS_OK)
        st = ls_fit(t.task, &settings, result);
    if (st == LS_OK && weights) {
        const size_t bytes = t.task->model->size * sizeof **weights;

        *weights = malloc(bytes);
        assert_non_null(*weights);
        memcpy(*weights, t.task->model->weights, bytes);
    }
    training_close(&t);
    return st;
}

/*
 * The folder's start.h5: weights for a model of this description, in the order of its layers and their parameters,
 * trainable or not.
 */
static inline void weights_put(const char *model_yaml, const float *values)
{
    if (training_rank() == 0) {
        ls_config *description = NULL;
        ls_model *model = NULL;
        hid_t f = H5I_INVALID_HID;

        assert_true(ok(ls_yaml_parse(model_yaml, strlen(model_yaml), "weights", &description)));
        assert_true(ok(ls_model_create(description, NULL, NULL, &model)));
        for (size_t i = 0; i < model->layers; i++)
            for (size_t p = 0; p < model->layer[i]->params; p++) {
                const ls_param *param = &model->layer[i]->param[p];

                memcpy(param->value, values, param->size * sizeof *values);
                values += param->size;
            }
        assert_true(ok(ls_h5_image_create(&f)));
        assert_true(ok(ls_keras_write(f, model, NULL)));
        assert_true(ok(ls_h5_image_save(f, training_weights)));
        ls_h5_close(f);
        ls_model_free(model);
        ls_config_free(description);
    }
    training_barrier();
}

/* The value of a column in a row (epoch, from 0) of the run directory's history.csv; NAN if there is none. */
static inline double history_value(const char *column, int row)
{
    char path[128], line[1024];
    double value = NAN;
    int at = -1;
    FILE *f;

    snprintf(path, sizeof path, "%s/history.csv", training_run);
    if (!(f = fopen(path, "r")))
        return NAN;
    for (int r = -1; r <= row && fgets(line, sizeof line, f); r++) {
        char *rest = line;

        for (int c = 0;; c++) {
            char *const cell = strsep(&rest, ",\r\n");

            if (!cell)
                break;
            if (r < 0 && strcmp(cell, column) == 0)
                at = c;
            if (r == row && c == at)
                value = strtod(cell, NULL);
        }
    }
    fclose(f);
    return value;
}

/* As LS_MPI_MAIN, with what to do before and after all tests. */
#define TRAINING_MPI_MAIN(tests, before, after)                \
    int main(int argc, char **argv)                            \
    {                                                          \
        int failed;                                            \
                                                               \
        MPI_Init(&argc, &argv);                                \
        failed = cmocka_run_group_tests(tests, before, after); \
        if (failed)                                            \
            MPI_Abort(MPI_COMM_WORLD, 1);                      \
        MPI_Finalize();                                        \
        return 0;                                              \
    }

#endif
