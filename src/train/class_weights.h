/* fit.class_weight: balanced. */
#ifndef LS_TRAIN_CLASS_WEIGHTS_H
#define LS_TRAIN_CLASS_WEIGHTS_H

#include "train/split.h"

/*
 * What scikit-learn's class_weight="balanced" is for the targets of a split in memory: samples / (classes x samples of
 * the class), classes being those that occur. target_size: numbers of a target, one label or one per class. at: for
 * messages. LS_ERR_CONFIG if the split is not in memory, or its targets are no classes. *out is the caller's.
 */
ls_status ls_balance_classes(const ls_split *train, size_t target_size, const ls_config *at, ls_class_weight **out,
                             size_t *n);

#endif
