/*
 * An experiment: what the YAML file says, checked and with defaults filled in. Nothing here knows ranks.
 */
#ifndef LS_EXPERIMENT_EXPERIMENT_H
#define LS_EXPERIMENT_EXPERIMENT_H

#include "experiment/data_spec.h"
#include "experiment/distributed_options.h"
#include "experiment/fit_options.h"
#include "formats/keras_architecture.h"
#include "nn/engine.h"
#include "nn/optimizer.h"
#include "nn/outputs.h"

typedef struct ls_experiment {
    ls_config *root; /* owned: everything below borrows from it */
    char *file;      /* for messages */
    char *name;
    uint64_t seed;
    char *initial_weights;  /* path; NULL: fresh ones */
    bool initial_optimizer; /* the state of the optimizer is taken from that file, too */
    char *output;           /* directory; NULL: none given */
    ls_data_spec data;
    const ls_config *model; /* description */
    const ls_config *compile;
    bool of_model_file;       /* `model` is that of a file of lockstep or Keras, not a user's description */
    ls_keras_refused refused; /* what a model of Keras was compiled with that `compile` leaves out */
    ls_optimizer optimizer;
    ls_fit_options fit;
    const ls_config *callbacks; /* description; NULL: none */
    ls_distributed_options distributed;
} ls_experiment;

/* FILE as a tree with settings ("fit.epochs=3") in it. */
ls_status ls_experiment_tree(const char *file, const char *const *settings, size_t n, ls_config **out);
/*
 * Read FILE and apply settings. Every error names file, line and column, and all are told together (base/failures.h)
 * that can be found without data: the model's shapes, and what fits them, come later (ls_task_create).
 */
ls_status ls_experiment_read(const char *file, const char *const *settings, size_t n, ls_experiment **out);
/* ls_experiment_read from text. name: for messages and as base of relative paths (may be NULL: none). */
ls_status ls_experiment_parse(const char *text, size_t bytes, const char *name, ls_experiment **out);
/* ls_experiment_read from a tree, which is taken. */
ls_status ls_experiment_create(ls_config *root, const char *name, ls_experiment **out);
/*
 * That of a model file, for evaluate, predict and summary: as lockstep wrote it there, or made from what Keras says of
 * a model (then without data; see ls_keras_refused).
 */
ls_status ls_experiment_of_model(const char *path, ls_experiment **out);
/* A copy with one more setting. */
ls_status ls_experiment_with(const ls_experiment *experiment, const char *setting, ls_experiment **out);
void ls_experiment_free(ls_experiment *experiment);

/* NULL if there is no split of that name. */
const ls_split_spec *ls_experiment_split(const ls_experiment *experiment, const char *name);

/*
 * The experiment as YAML with the input shape written out and paths made absolute: what a run directory gets.
 * for_model: only what shapes the weights, without `output`, `distributed` and `data.memory`, so that the text does not
 * depend on how the run was started.
 */
ls_status ls_experiment_write(const ls_experiment *experiment, const ls_model *model, bool for_model, ls_text *out);

#endif
