/*
 * Which splits are held in memory and which are read a window at a time, within the limit of data.memory.
 *
 * All in memory if they fit. Else splits that together take no more than a quarter of the limit stay, the smallest
 * first, and the others are streamed: a quarter of what remains is for those that are only evaluated, the rest for
 * training. Decided from the experiment and the sizes of the data alone, never from the ranks.
 */
#ifndef LS_TRAIN_PLACEMENT_H
#define LS_TRAIN_PLACEMENT_H

#include "train/split.h"

#define LS_PLACEMENT_MAX 3

/* split[0]: the one to train on, or NULL; a NULL split is none. A view follows the split that it was cut from. */
typedef struct ls_placement {
    ls_split *split[LS_PLACEMENT_MAX];
    bool streamed[LS_PLACEMENT_MAX];
    ls_feed_settings feed[LS_PLACEMENT_MAX];
} ls_placement;

/*
 * Decide; placement->split is given. Sets the windows of the split to train on. LS_ERR_CONFIG if it does not fit and
 * its order cannot be had in windows that do; the message says what would.
 */
ls_status ls_placement_plan(const ls_experiment *experiment, ls_placement *placement);
/* Collective over sharing: read and open as planned. */
ls_status ls_placement_carry_out(ls_placement *placement, const ls_sharing *sharing);

#endif
