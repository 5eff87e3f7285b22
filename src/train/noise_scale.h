/*
 * The simple gradient noise scale B = tr(Sigma) / |G|^2: up to about this batch size a larger batch buys fewer updates.
 * (McCandlish, Kaplan, Amodei et al. 2018, "An Empirical Model of Large-Batch Training", section 2.2 and appendix A.)
 *
 * Every step has K microbatches of n_k samples with mean gradients G_k, and the gradient G_B of the whole batch of N.
 * With a = mean_k |G_k|^2,   h = mean_k 1/n_k:   E[a] = |G|^2 + tr(Sigma) h,   E[|G_B|^2] = |G|^2 + tr(Sigma) / N, so
 * that S = (a - |G_B|^2) / (h - 1/N) and Q = |G_B|^2 - S/N are unbiased for tr(Sigma) and |G|^2. Both are noisy, and a
 * ratio of noisy numbers is biased: numerator and denominator are averaged over steps before they are divided.
 *
 * The averages are exponential, with equal weights as long as there are few steps: sums that decay by `decay` per step.
 * For an interval the steps are dealt to replicates in turn, each with sums of its own, and left out one after another
 * (jackknife). All norms are summed exactly: the same numbers on any number of ranks.
 *
 * Measured is the gradient of the loss without weight penalties, before clipping. With batch normalization over the
 * whole batch the G_k depend on each other, and the formulas hold approximately.
 */
#ifndef LS_TRAIN_NOISE_SCALE_H
#define LS_TRAIN_NOISE_SCALE_H

#include "train/gradients.h"

#define LS_NOISE_REPLICATES 16

typedef struct ls_noise_scale {
    double decay;
    ls_wide norm[2]; /* of the step in hand: a, and this rank's part of |G_B|^2 */
    double *factor;  /* [factors] 1 / (K n_k^2) of the local microbatches */
    size_t factors;
    uint64_t steps;                                        /* measured */
    double S[LS_NOISE_REPLICATES], Q[LS_NOISE_REPLICATES]; /* decayed sums */
} ls_noise_scale;

typedef struct ls_noise_estimate {
    double scale;     /* in samples; NAN: undetermined, since |G|^2 drowns in the noise or nothing was measured yet */
    double low, high; /* 95 % interval; NAN: fewer than 4 steps, or undetermined */
} ls_noise_estimate;

/* microbatches: the most this rank can get of a batch. decay in (0, 1). */
ls_status ls_noise_scale_create(double decay, size_t microbatches, ls_noise_scale **out);
void ls_noise_scale_free(ls_noise_scale *noise);

/* Begin a batch, before its contributions: say what gradients is asked to measure. A redone step begins again. */
void ls_noise_scale_begin(ls_noise_scale *noise, ls_gradients *gradients, const ls_slice *slice);
/* Collective. After the gradients of a batch are exact. A batch of one microbatch says nothing and is passed over. */
ls_status ls_noise_scale_end(ls_noise_scale *noise, const ls_gradients *gradients, const ls_slice *slice);

/* Count one measured step with the S and Q of the file's head. */
void ls_noise_scale_add(ls_noise_scale *noise, double S, double Q);
ls_noise_estimate ls_noise_scale_estimate(const ls_noise_scale *noise);

#endif
