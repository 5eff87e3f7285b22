/*
 * A sweep that grows: seeds, values and combinations that are added to its file go on in the directory of the first
 * ones. What is there keeps its number, and so its trials; what is new is numbered behind.
 */
#ifndef LS_SWEEP_GROWTH_H
#define LS_SWEEP_GROWTH_H

#include "comm/comm.h"
#include "sweep/sweep.h"

/*
 * Collective. Puts the combinations and seeds of the sweep in the order of sweep.json of that directory, those that are
 * not in it behind. No such file: nothing is done. LS_ERR_MISMATCH if the directory has one that the sweep has not.
 */
ls_status ls_sweep_follow(const ls_comm *comm, ls_sweep *sweep, const char *directory);

/* What a combination varies, as text: equal texts are the same combination. Appends "{fit.batch_size: 32}". */
void ls_combination_text(const ls_sweep *sweep, size_t combination, ls_text *out);

#endif
