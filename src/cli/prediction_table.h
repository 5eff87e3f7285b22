/* Predictions as a table for people and their programs: a CSV file in the words and units of the training data. */
#ifndef LS_CLI_PREDICTION_TABLE_H
#define LS_CLI_PREDICTION_TABLE_H

#include "cli/data_arguments.h"

/*
 * A line for every sample: its number, from 0; if they came from a CSV file, what stands there in the columns that are
 * no inputs of the model, or of images the name; then for every output the class and the probability of each class, or
 * the values in the units that the target had before it was scaled. rows: [outputs] (samples, output shape).
 */
ls_status ls_prediction_table_write(const ls_data_arguments *a, float *const *rows, uint64_t samples);

#endif
