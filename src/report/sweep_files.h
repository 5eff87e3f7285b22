/* What the directory of a sweep holds, read for a report. The format: sweep/sweep.h. */
#ifndef LS_REPORT_SWEEP_FILES_H
#define LS_REPORT_SWEEP_FILES_H

#include "base/config.h"
#include "report/document.h"
#include "report/scaling.h"
#include "report/sheet.h"
#include "sweep/result.h"

/* A row of trials.csv. Numbers are NAN where they are not known. */
typedef struct ls_swept {
    const char *id, *fingerprint, *ending_word; /* borrowed from the sheet */
    size_t combination;                         /* from 0 */
    bool searches, chosen;
    ls_trial_status ending;
    double batch_size, rate, seed, updates, updates_before, samples, epochs, value, best_value, noise_scale, ranks,
        train_s, evaluate_s;
} ls_swept;

/* Trials that differ in nothing but batch size, ranks, seed and learning rate. */
typedef struct ls_family {
    char *title; /* "model.1.dense.units 32"; "": there is only one */
} ls_family;

typedef struct ls_combo {
    char *title; /* "fit.batch_size 64, model.1.dense.units 32" */
    size_t family;
    bool repeats; /* an earlier combination on other ranks, with the same results: counts for times only */
    double batch_size, microbatches; /* microbatches NAN: its experiment cannot be read */
    size_t chosen, reached;          /* trials that count, and those of them that reached the target */
} ls_combo;

typedef struct ls_swept_all {
    const char *directory; /* borrowed */
    ls_config *about;      /* sweep.json */
    ls_sheet *trials, *summary;
    ls_swept *trial; /* [n] */
    size_t n;
    ls_combo *combo; /* [combos] */
    size_t combos;
    ls_family *family; /* [families] */
    size_t families;
    size_t batch_sizes;         /* different ones */
    bool has_target, tuned, up; /* up: a larger value is better */
    const char *label, *monitor;
    const char *note; /* for titles of figures: the label, unless rates were searched and there is a goal; else NULL */
} ls_swept_all;

bool ls_is_sweep(const char *directory);
ls_status ls_swept_read(const char *directory, ls_swept_all **out);
void ls_swept_free(ls_swept_all *sweep);

/* Are there finished trials of a combination, and is it no repetition on other ranks? */
bool ls_combo_counts(const ls_combo *combo);
/* Did all seeds of a combination reach the target? */
bool ls_combo_is_feasible(const ls_combo *combo);

/*
 * The median of a number over the chosen trials of a combination, of those that reached the target if `reached`; NAN
 * if there is none. field: offsetof(ls_swept, updates).
 */
double ls_combo_median(const ls_swept_all *sweep, size_t combo, size_t field, bool reached);

/* Measured times of the trials. */
ls_status ls_swept_times(const ls_swept_all *sweep, ls_times *times);

#endif
