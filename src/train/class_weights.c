#include "train/class_weights.h"

#include <string.h>

#include "base/memory.h"

#define CLASSES_MAX ((size_t)1 << 20) /* that can be balanced */

/* How many training samples each class has. *classes: the largest label and 1. */
static ls_status count_classes(const ls_split *train, size_t n, const ls_config *at, uint64_t **count, size_t *classes)
{
    float *const target = ls_calloc(n, sizeof *target, "a target");
    ls_status st = target ? LS_OK : LS_ERR_MEMORY;

    *count = NULL;
    *classes = 0;
    for (uint64_t i = 0; i < train->samples && st == LS_OK; i++) {
        int64_t label;

        ls_array_get(train->y[0], train->begin + i, target);
        label = ls_class_of(target, n);
        if (label < 0 || (uint64_t)label >= CLASSES_MAX || (n == 1 && target[0] != (float)label)) {
            st = ls_config_fail(at,
                                "fit.class_weight: balanced needs classes as targets, and sample %llu of %s is "
                                "%.9g",
                                (unsigned long long)(train->begin + i), ls_array_path(train->y[0]), (double)target[0]);
        } else if ((size_t)label >= *classes) {
            uint64_t *more = ls_realloc(*count, (size_t)label + 1, sizeof *more, "classes");

            if (!more) {
                st = LS_ERR_MEMORY;
                break;
            }
            memset(more + *classes, 0, ((size_t)label + 1 - *classes) * sizeof *more);
            *count = more;
            *classes = (size_t)label + 1;
        }
        if (st == LS_OK)
            (*count)[label]++;
    }
    ls_free(target);
    return st;
}

ls_status ls_balance_classes(const ls_split *train, size_t target_size, const ls_config *at, ls_class_weight **out,
                             size_t *n)
{
    size_t classes, present = 0;
    uint64_t *count = NULL;
    ls_status st;

    *out = NULL;
    *n = 0;
    if (train->feed)
        return ls_config_fail(at, "fit.class_weight: balanced counts targets, which are not in memory here: write the "
                                  "weights as {0: 1.0, 1: 2.5}");
    LS_TRY_CLEANUP(count_classes(train, target_size, at, &count, &classes));
    for (size_t c = 0; c < classes; c++)
        present += count[c] > 0;
    if (!(*out = ls_calloc(present, sizeof **out, "the weights of the classes"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (size_t c = 0; c < classes; c++)
        if (count[c] > 0)
            (*out)[(*n)++] = (ls_class_weight){
                .label = (int64_t)c, .weight = (float)((double)train->samples / ((double)present * (double)count[c]))};
cleanup:
    ls_free(count);
    return st;
}
