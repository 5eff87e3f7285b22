/*
 * Proof that the rank count does not matter: the same experiment on several rank counts, traced, and compared update by
 * update until the first difference.
 */
#ifndef LS_RUN_VERIFY_H
#define LS_RUN_VERIFY_H

#include "run/fit.h"

/* What differed first, from what must come first: the samples, then what they contribute, then the sum of it. */
typedef enum ls_difference {
    LS_SAME,
    LS_DIFFERENT_LENGTH,       /* one run has more updates */
    LS_DIFFERENT_SAMPLES,      /* a microbatch has other samples */
    LS_DIFFERENT_CONTRIBUTION, /* a microbatch computed another gradient from the same samples and weights */
    LS_DIFFERENT_SUM,          /* the contributions agree, the weights after the update do not: the reduction failed */
    LS_DIFFERENT_END           /* all updates agree, the weights at the end (moving averages) do not */
} ls_difference;

typedef struct ls_verify_result {
    char fingerprint[33]; /* of the first run */
    uint64_t updates;
    ls_difference difference;
    int ranks[2];                     /* the first rank count, and the one that differs from it */
    uint64_t update, epoch, batch;    /* from 0 */
    size_t microbatch;                /* of the batch; SAMPLES and CONTRIBUTION */
    char tensor[LS_PARAM_NAME_BYTES]; /* CONTRIBUTION and SUM */
} ls_verify_result;

/* Called on world rank 0 after each run that agreed. */
typedef void (*ls_verify_report)(void *context, int ranks, const char *fingerprint, double seconds);

/*
 * Collective on world, which has at least max(count) ranks: runs the experiment on its first count[i] ranks, for each
 * i. fault: planted in the runs it names, NULL: none. LS_OK with result->difference != LS_SAME if bits part; all ranks
 * get the same result. report may be NULL.
 */
ls_status ls_verify(const ls_comm *world, const ls_experiment *experiment, const int *count, size_t n,
                    const ls_fault *fault, ls_verify_report report, void *context, ls_verify_result *result);

/* One sentence about a difference. */
void ls_verify_explain(const ls_verify_result *result, ls_text *out);

#endif
