/* Times against the number of ranks: strong and weak scaling, fitted and predicted. */
#ifndef LS_REPORT_SCALING_H
#define LS_REPORT_SCALING_H

#include "report/document.h"

/* A measurement: on so many ranks, an update of such a batch took so long. */
typedef struct ls_timed {
    double ranks, batch_size, microbatches;
    double step_s;   /* one update */
    double target_s; /* all updates to the target; NAN: there is none */
} ls_timed;

typedef struct ls_times {
    ls_timed *item; /* [n] */
    size_t n, capacity;
} ls_times; /* starts as {0} */

ls_status ls_times_add(ls_times *times, const ls_timed *item);
void ls_times_reset(ls_times *times);

/* How many updates a batch size needs to the target, whatever the ranks. */
typedef struct ls_need {
    double batch_size, microbatches, updates;
} ls_need;

/* The section about scaling, or a sentence why there is none. need [needs]: for predictions; may be empty. Sorts the
 * times. */
ls_status ls_scaling_draw(ls_document *document, ls_times *times, const ls_need *need, size_t needs);

#endif
