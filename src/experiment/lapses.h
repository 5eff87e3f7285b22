/* What people write from memory of Keras and is not meant so here: refused with the line as it should read. */
#ifndef LS_EXPERIMENT_LAPSES_H
#define LS_EXPERIMENT_LAPSES_H

#include "base/config.h"

/*
 * In the tree of an experiment as it was written. Everything is told together, and what was told of is taken out, so
 * that it is told once.
 */
ls_status ls_experiment_lapses(ls_config *root);

#endif
