/* What tests of files for Keras share: an experiment without data, whose weights are known. */
#ifndef LS_TEST_KERAS_EXPERIMENT_H
#define LS_TEST_KERAS_EXPERIMENT_H

#include "ls_test.h"

#include "formats/keras_model.h"
#include "formats/yaml.h"

/* An experiment as far as it concerns a model file. */
typedef struct experiment {
    ls_config *tree;
    ls_model *model;
    ls_output_spec *outputs;
    ls_optimizer optimizer;
    float learning_rate;
} experiment;

experiment create(const char *model_yaml, const char *compile_yaml);

void destroy(experiment *e);

ls_compile_info compile_info(const experiment *e, const ls_optimizer_state *state);

#endif
