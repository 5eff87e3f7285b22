/*
 * Sweeps: many runs of one experiment, made into evidence. This page is the format of SWEEP.yaml and of the directory
 * that a sweep leaves behind.
 *
 * The protocol is that of Shallue, Lee, Antognini, Sohl-Dickstein, Frostig and Dahl, "Measuring the Effects of Data
 * Parallelism on Neural Network Training", JMLR 20 (2019): a fixed goal, and for every combination (batch size, …) its
 * own search for the learning rate, several seeds at the rate that was found, and the updates it took. Comparing batch
 * sizes at one learning rate, or after a fixed number of epochs, is allowed and labelled as what it is.
 *
 * No result depends on the number of ranks, nor on how they are divided into groups.
 *
 * ---- SWEEP.yaml ----
 *
 *     name: batch-size                          # optional
 *     base: ../experiments/fashion_mnist.yaml   # the experiment; relative to this file
 *     output: runs/batch_size                   # relative to where you are; --output DIR goes before it
 *     set: {fit.validation_split: 0.1}          # settings for every trial; dotted, as with train --set
 *     grid: {fit.batch_size: [32, 64, 128],     # every combination, the last setting varies fastest;
 *            model.1.dense.units: [32, 64]}
 *     list: [{fit.batch_size: 32}, {…}]         # or one by one, all with the same settings. Neither: one combination
 *     seeds: [1, 2, 3]                          # each combination with each; default: the experiment's own
 *     learning_rate:                            # absent: the experiment's. A search:
 *       search: {low: 0.001, high: 10, trials: 6, seed: 1, refine: 2, widen: 3}
 *       search: {values: [0.01, 0.03, 0.1], refine: 0, widen: 3}
 *     learning_rate:                            # or a rule (batch_scaling): none, sqrt or linear in the batch,
 *       rule: linear                            # from `base` at `base_batch_size`, rising from `base` during
 *       base: 0.1                               # `warmup_epochs`. Grid and list may vary each of the four, as
 *       base_batch_size: 64                     # learning_rate.rule: [none, sqrt, linear]
 *       warmup_epochs: 5
 *     budget: {epochs: 10}                      # passes over the data; or updates, samples, seconds. Else fit.epochs
 *     target: {val_accuracy: 0.88}              # ends a trial: how long did it take? Of the validation split
 *     monitor: val_accuracy                     # what trials are judged by: the target's, else val_loss, else loss
 *     evaluate: {first_samples: 4096, growth: 1.1}
 *     ranks_per_run: 1                          # side by side on groups of so many ranks; absent: all ranks on each
 *     keep: false                               # also model.h5, checkpoint.h5 and run.json of every trial
 *
 * `ranks` may be varied too: [1, 2, 4] trains each combination on the first so many ranks of its group, the others sleep. That
 * changes no result but the times: updates per second against ranks, for strong and weak scaling.
 *
 * `learning_rate` may itself be varied (grid: {learning_rate: [0.01, 0.1]}): the constant rate of whatever optimizer.
 *
 * When the validation split is evaluated: at the end of an epoch as fit.validation_freq says, and with a target also at
 * the updates u_1 = the first after which first_samples samples were trained on, u_(k+1) = max(u_k + 1,
 * ceil(growth u_k)). A target is reached at the first of these that sees it, so `updates` is at most a factor of growth
 * too large, and the column `updates_before` says when it was last seen missed.
 *
 * The search at one combination is a chain of trials with the first seed, each point following from the results before:
 *   1. `trials` points, spread evenly over log(rate) by the golden-ratio sequence, x_k = frac(x_0 + k 0.618…), where
 *      x_0 is a random number of `seed`; rate = low (high / low)^x, rounded to three digits. Or `values`, in the order
 *      given. The same for every combination.
 *   2. While the best rate is the lowest or highest tried, and at most `widen` times: one point beyond it, as far away
 *      as (high / low)^(1 / trials), or as the two outermost of `values`.
 *   3. `refine` times: the geometric mean of the best rate and its neighbour, on the side of the wider gap (the lower
 *      one if they are alike).
 * Better is: reached before not reached; then fewer updates, then a better value. Not reached: a better best_value. All
 * alike: the lower rate. Once a trial of a chain has reached the target, later ones end after as many updates ("cut"):
 * they lost. When the chain is through, the other seeds run at its best rate; the search's own trial counts for the
 * first seed. (It was picked as the best of several, so the first seed is a little flattered.)
 *
 * ---- the directory ----
 *
 *     sweep.yaml     the sweep, with `base: base.yaml`; output, set and ranks_per_run are left out
 *     base.yaml      the experiment with `set` in it and absolute paths
 *     sweep.json     what holds for the whole sweep, see below
 *     trials.csv     one row per finished trial, in the order of combinations, search before seeds
 *     summary.csv    one row per combination
 *     trials/ID/     experiment.yaml   `lockstep train` on it trains this trial for the whole budget
 *                    history.csv       one row per epoch, as of train; the last may be of an unfinished epoch
 *                    evaluations.csv   update,samples,epoch,NAME,… one row per evaluation of the validation split, at
 *                                      the end of epochs also; NAMEs are val_loss, val_accuracy, …
 *                    result.json       the row of trials.csv. A trial is finished if and only if this file is there; it
 *                                      is written last
 *     claims/, lock  which groups work at what, while they do
 *
 * ID is COMBINATION-search-K or COMBINATION-seed-SEED, as in 003-search-05; combinations and K count from 1.
 *
 * A sweep started again on its directory goes on where it was. One whose sweep.yaml, base.yaml, data, version or BLAS
 * kernel family differs is refused: every table holds one sweep. Ranks and ranks_per_run may change.
 * `lockstep sweep … --repeat ID` trains a finished trial again and compares fingerprints, on any number of ranks.
 *
 * trials.csv, RFC 4180 with one header line and "\n" ends. Numbers read back exactly; empty: not known.
 *     trial           ID
 *     combination     from 1
 *     phase           search | seeds
 *     chosen          1: counts for its combination in summary.csv; 0: a rate that was tried and lost
 *     SETTING …       one column per varied setting, named as in SWEEP.yaml: fit.batch_size (not for `ranks`, see below)
 *     batch_size      always, also where it is a varied setting
 *     learning_rate   the constant rate, or the final one of a rule; empty: the experiment's schedule
 *     seed
 *     status          reached | missed (the budget is used up; without a target every trial is) | diverged (NaN or
 *                     infinity) | cut
 *     updates         done when it ended: updates to the target if reached
 *     updates_before  the last evaluation that saw the target missed; 0: none. Empty without a target
 *     samples         trained on in these updates, and in units of the training split:
 *     epochs
 *     value           the monitored number when last evaluated
 *     best_value      the best one seen, and after how many updates:
 *     best_updates
 *     noise_scale     the last one logged (fit.noise_scale); else empty
 *     fingerprint     of the weights at the end; empty if diverged
 *     ranks           from here on: what may differ from run to run
 *     train_seconds   in updates
 *     evaluate_seconds
 *     finished        UTC, 2025-01-31T12:00:00Z
 *
 * summary.csv, of the chosen trials of each combination. MEDIAN, MIN and MAX over seeds; of trials that reached the
 * target where there is one, else of those that did not diverge.
 *     combination, SETTING …, batch_size
 *     learning_rate   chosen, or given
 *     rates_tried     trials of its search; empty: no search
 *     edge            low | high: the best rate is still the lowest or highest tried; no; empty: no search
 *     seeds           how many trials are finished
 *     reached         how many of them reached the target; empty: no target
 *     feasible        yes: all did; partly; no; empty: no target
 *     updates_median, updates_min, updates_max, and so samples_, epochs_, value_, best_value_
 *     noise_scale_median
 *     train_seconds_median, train_seconds_min, train_seconds_max    differ from run to run
 *
 * sweep.json:
 *     format          1
 *     name            or null
 *     label           one sentence for figures and tables: "learning rate searched at every combination; updates to
 *                     val_accuracy 0.88", "one learning rate for all; fixed epochs (10)"
 *     protocol        "tuned": searched rates and a target; else "fixed": what is not tuned stands in `label`
 *     learning_rate   "searched" | "fixed" | "rule" (rates follow a rule) | "varied" (a varied setting)
 *     comparison      "target" | "epochs" | "updates" | "samples" | "seconds"
 *     reproducible    false with a budget in seconds, which depends on the machine
 *     varied          [SETTING, …]
 *     seeds           [1, 2, 3]
 *     combinations    how many
 *     monitor         "val_accuracy", and its direction "up" | "down"
 *     target          0.88 or null
 *     budget          10, in units of `budget_unit`: "epochs" | …
 *     training_samples, validation_samples (0: none)
 *     data            identity of the base experiment's data
 *     lockstep, blas_kernel
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
