/*
 * Sweeps: many runs of one experiment, made into evidence. launch/sweeps/README.md is the format of SWEEP.yaml and of
 * the directory that a sweep leaves behind, the rules of the search, and whose protocol it is.
 *
 * No result depends on the number of ranks, nor on how they are divided into groups. So a trial knows nothing of the
 * groups, what is next follows from the results alone (protocol.h), and result.json, written last, is what makes a
 * trial finished.
 */
#ifndef LS_SWEEP_SWEEP_H
#define LS_SWEEP_SWEEP_H

#include "base/config.h"

typedef enum ls_rate_kind {
    LS_RATE_GIVEN, /* the experiment's, or a varied setting */
    LS_RATE_SEARCHED,
    LS_RATE_RULE,
} ls_rate_kind;

typedef enum ls_budget_unit {
    LS_BUDGET_EPOCHS,
    LS_BUDGET_UPDATES,
    LS_BUDGET_SAMPLES,
    LS_BUDGET_SECONDS
} ls_budget_unit;

extern const char *const ls_budget_units[]; /* by ls_budget_unit; NULL-terminated */

typedef struct ls_rate_search {
    double *point;              /* [points] in the order they are tried; owned */
    size_t points;              /* at least 2 */
    double step_low, step_high; /* by which factor a widened search goes beyond its edges; > 1 */
    size_t refine, widen;
} ls_rate_search;

/* `learning_rate.rule` and its numbers: NULL where neither the sweep nor a combination gives it. Borrowed. */
typedef struct ls_rate_rule {
    const ls_config *rule, *base, *base_batch_size, *warmup_epochs;
} ls_rate_rule;

/* One combination of varied settings. */
typedef struct ls_combination {
    const ls_config **value; /* [settings] borrowed from the sweep's tree */
    const ls_config **at;    /* [settings] whose key names the setting; borrowed */
} ls_combination;

/* SWEEP.yaml, checked as far as it can be without data. */
typedef struct ls_sweep {
    ls_config *root;           /* owned: everything borrowed borrows from it */
    ls_config *base;           /* owned: the experiment with `set` in it */
    char *file;                /* SWEEP.yaml */
    char *base_file;           /* path of the experiment from here */
    const char *name, *output; /* NULL: not given; borrowed */
    const char **setting;      /* [settings] names of what varies; borrowed */
    size_t settings;
    ls_combination *combination; /* [combinations] */
    size_t combinations;
    uint64_t *seed; /* [seeds] at least one */
    size_t seeds;
    ls_rate_kind rate;
    ls_rate_search search;
    ls_rate_rule rule;
    ls_budget_unit budget_unit;
    double budget;       /* NAN: fit.epochs of each trial */
    const char *monitor; /* NULL: not given, the default holds */
    bool has_target;
    double target;
    uint64_t first_samples;
    double growth;
    int ranks_per_run; /* 0: all */
    bool keep;
} ls_sweep;

/*
 * Read SWEEP.yaml and its experiment, and check every combination's settings. Every error names file, line and column.
 * Not collective, writes nothing. settings: changes to the sweep file itself, "budget.epochs=2".
 */
ls_status ls_sweep_read(const char *file, const char *const *settings, size_t n, ls_sweep **out);
void ls_sweep_free(ls_sweep *sweep);

/*
 * ls_yaml_set for a sweep file, where the keys in set, in grid and in the entries of list are paths of the experiment:
 * "set.fit.epochs=3" sets fit.epochs and leaves the rest of fit alone.
 */
ls_status ls_sweep_set(ls_config *root, const char *assignment);

/* The experiment of a sweep as a tree with `set` in it, without checks: for what must be known before MPI starts. */
ls_status ls_sweep_base(const ls_config *sweep, const char *sweep_file, ls_config **out, char **base_file);

#endif
