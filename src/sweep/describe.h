/* sweep.json: what holds for a whole sweep, and the label that its tables and figures carry. */
#ifndef LS_SWEEP_DESCRIBE_H
#define LS_SWEEP_DESCRIBE_H

#include "sweep/facts.h"

/* "learning rate searched at every combination; updates to val_accuracy 0.88" */
void ls_sweep_label(const ls_sweep *sweep, const ls_sweep_facts *facts, ls_text *out);

/*
 * Were the learning rates searched, and is there a fixed goal? Else combinations are compared at something arbitrary.
 */
bool ls_sweep_is_tuned(const ls_sweep *sweep);

/* The text of sweep.json. arithmetic: from ls_arithmetic_describe. */
ls_status ls_sweep_describe(const ls_sweep *sweep, const ls_sweep_facts *facts, const char *arithmetic, ls_text *out);

#endif
