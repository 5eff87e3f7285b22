/*
 * What a sweep's numbers say: curves through them, with intervals. Pure functions of numbers in memory; nothing here
 * reaches a weight.
 */
#ifndef LS_SWEEP_FITS_H
#define LS_SWEEP_FITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* An estimate with its 95 % interval; NAN: not known. */
typedef struct ls_interval {
    double value, low, high;
} ls_interval;

/* ---- updates to a target against batch size ---- */

/* One trial: it reached the target after `updates` updates at this batch size. */
typedef struct ls_steps_point {
    double batch_size, updates;
} ls_steps_point;

/*
 * (S / S_min - 1) (E / E_min - 1) = 1 with S updates and E = B S samples (McCandlish et al. 2018, equation 5.1), that
 * is S(B) = S_min + E_min / B = S_min (1 + B_crit / B),   B_crit = E_min / S_min. A straight line in 1/B, fitted by
 * least squares of relative errors (weights 1/S^2).
 *
 * Far below B_crit twice the batch halves the updates (perfect scaling), far above it saves none. We call it perfect up
 * to B_crit / 4, where doubling still saves 40 % of the updates, and saturated from 4 B_crit on, where it saves 10 %.
 */
typedef struct ls_steps_fit {
    ls_interval min_updates, min_samples, critical; /* S_min, E_min, B_crit */
    double error;                                   /* root mean square of the relative errors */
    bool low_edge, high_edge; /* B_crit lies outside the batch sizes that were tried, so that it is extrapolated */
} ls_steps_fit;

#define LS_PERFECT_BELOW 0.25  /* times B_crit */
#define LS_SATURATED_ABOVE 4.0 /* times B_crit */

typedef enum ls_regime { LS_REGIME_PERFECT, LS_REGIME_DIMINISHING, LS_REGIME_SATURATED } ls_regime;

/*
 * Points of at least two batch sizes, in any order. The intervals are percentiles of `resamples` bootstrap fits, in
 * which the trials of each batch size are drawn anew with replacement, a function of `seed`; with one trial per batch
 * size they are NAN, since seeds were not varied, and with two batch sizes, since a curve of two numbers always goes
 * through them. LS_ERR_DATA if the points do not bend that way: S_min or E_min is not
 * positive.
 */
ls_status ls_steps_fit_make(const ls_steps_point *point, size_t n, size_t resamples, uint64_t seed, ls_steps_fit *out);

double ls_steps_fit_at(const ls_steps_fit *fit, double batch_size); /* updates */
ls_regime ls_steps_fit_regime(const ls_steps_fit *fit, double batch_size);
extern const char *const ls_regimes[]; /* "perfect scaling", … by ls_regime */

/* ---- the time of an update against ranks ---- */

/* A measured run. */
typedef struct ls_scaling_point {
    double ranks, microbatches; /* P; M of a batch */
    double seconds;             /* of one update */
} ls_scaling_point;

/*
 *     T(P, M) = fixed + microbatch ceil(M / P) + alpha 2 (P - 1) + wire (P - 1) / P
 * What every update takes on any number of ranks (Amdahl's serial part); a microbatch; the latency of a message of a
 * ring (reduce-scatter and all-gather are P - 1 messages each); the time to bring all weights and gradients over the
 * wire once (12 bytes a weight). Non-negative least squares of relative errors.
 */
typedef struct ls_scaling_fit {
    double fixed_s, microbatch_s, alpha_s, wire_s;
    double serial; /* Amdahl: the share of T(1, M) that no rank can take over, for the largest M measured */
    double error;  /* root mean square of the relative errors */
} ls_scaling_fit;

/*
 * Fit step times. LS_ERR_DATA: fewer than two numbers of ranks, a point that is not positive, or times that scatter
 * about the curve by more than LS_SCATTER_MAX: other work was on the machine, and the curve would be of that. `error`
 * is set then, too.
 */
#define LS_SCATTER_MAX 0.2
ls_status ls_scaling_fit_make(const ls_scaling_point *point, size_t n, ls_scaling_fit *out);
double ls_scaling_fit_at(const ls_scaling_fit *fit, double ranks, double microbatches); /* seconds */

/* ---- small statistics ---- */

/* The median of n > 0 numbers, which are sorted in place. */
double ls_median(double *x, size_t n);
/* The quantile p in [0, 1] of n > 0 sorted numbers, linear between them (Hyndman and Fan's definition 7). */
double ls_quantile(const double *sorted, size_t n, double p);

#endif
