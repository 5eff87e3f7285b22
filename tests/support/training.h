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

#include <stdlib.h>
#include <unistd.h>

#include <hdf5.h>

#include "files.h"
#include "mpi_main.h"

#include "formats/keras_model.h"
#include "formats/yaml.h"
#include "h5/file.h"
#include "run/fit.h"

extern char training_yaml[64], training_data[64], training_weights[64], training_run[64]; /* in the folder */

int training_set_up(void **state);
int training_tear_down(void **state);

/* ---- data ---- */

/* An empty data file. */
void data_begin(void);

/* (rows) if width is 0, else (rows, width); row-major. */
void data_put(const char *path, size_t rows, size_t width, const float *values);

/* Values that differ from index to index, in (-1, 1). */
float data_value(size_t i);
/* Samples of such values, (samples, width), and targets (samples): classes, or 0: values. */
void data_put_samples(const char *x, const char *y, size_t samples, size_t width, int classes);

/* ---- runs ---- */

typedef struct training {
    ls_comm *comm;
    ls_experiment *experiment;
    ls_task *task;
} training;

void training_close(training *t);

/* Collective on mpi. The text as if it stood in the folder's experiment.yaml. After a failure *t holds nothing. */
ls_status training_open(MPI_Comm mpi, const char *text, training *t);

/* Collective on mpi: open, fit without files, close. *weights, unless NULL: a copy of all weights, to be freed. */
ls_status training_fit(MPI_Comm mpi, const char *text, ls_fit_result *result, float **weights);

/*
 * The folder's start.h5: weights for a model of this description, in the order of its layers and their parameters,
 * trainable or not.
 */
void weights_put(const char *model_yaml, const float *values);

/* The value of a column in a row (epoch, from 0) of the run directory's history.csv; NAN if there is none. */
double history_value(const char *column, int row);

#endif
