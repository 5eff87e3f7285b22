/* For tests of the public interface on every number of ranks: ten samples, in a file and in memory, and estimators. */
#ifndef LS_TEST_ESTIMATORS_H
#define LS_TEST_ESTIMATORS_H

#include "training.h"

#include "lockstep/lockstep.h"

#define N 10

#define MODEL(fit)                                                                    \
    "seed: 3\n"                                                                       \
    "model:\n  - dense: {units: 4, activation: tanh}\n  - dense: {units: 1}\n"        \
    "compile: {optimizer: {adam: {learning_rate: 0.1}}, loss: mse, metrics: [mae]}\n" \
    "fit: {batch_size: 4, microbatch: 1, " fit "}\n"

#define REFUSED(call, status, ...) \
    assert_true(all_ranks(failed_with((call), (status), (const char *const[]){__VA_ARGS__, NULL})))

extern ls_comm *estimator_comm; /* of all ranks */
/* /train/x, /train/y and /train/w of the folder's data file; labels are 0, 1 and 2 in turn. */
extern float x[2 * N], y[N], weight[N];
extern uint8_t labels[N];

int estimators_set_up(void **state);
int estimators_tear_down(void **state);

/* x and y in memory, perhaps weighted. */
ls_data *memory_data(const char *name, bool weighted);

ls_estimator *made(const char *yaml);

/* One more fit; the fingerprint afterwards, in a buffer of its own for each of the last four calls. */
const char *fitted(ls_estimator *e, const ls_data *train);

#endif
