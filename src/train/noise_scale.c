#include "train/noise_scale.h"

#include <math.h>

#include "base/memory.h"
#include "tensor/kernels.h"

ls_status ls_noise_scale_create(double decay, size_t microbatches, ls_noise_scale **out)
{
    ls_noise_scale *noise = ls_calloc(1, sizeof *noise, "the noise scale");

    *out = NULL;
    if (!noise)
        return LS_ERR_MEMORY;
    noise->decay = decay;
    noise->factors = microbatches;
    if (!(noise->factor = ls_calloc(microbatches, sizeof *noise->factor, "the noise scale"))) {
        ls_noise_scale_free(noise);
        return LS_ERR_MEMORY;
    }
    *out = noise;
    return LS_OK;
}

void ls_noise_scale_free(ls_noise_scale *noise)
{
    if (!noise)
        return;
    ls_free(noise->factor);
    ls_free(noise);
}

/* Samples of microbatch k (of the whole batch): the last one may be short. */
static double microbatch_samples(const ls_slice *slice, uint64_t k)
{
    const uint64_t left = slice->batch_rows - k * slice->microbatch;

    return (double)(left < slice->microbatch ? left : slice->microbatch);
}

void ls_noise_scale_begin(ls_noise_scale *noise, ls_gradients *gradients, const ls_slice *slice)
{
    const double K = (double)ls_batch_microbatches(slice);

    for (size_t m = 0; m < slice->count; m++) {
        const double n = microbatch_samples(slice, slice->first + m);

        noise->factor[m] = 1 / (K * n * n);
    }
    ls_wide_clear(noise->norm, 2);
    ls_gradients_measure(gradients, &noise->norm[0], noise->factor);
}

ls_status ls_noise_scale_end(ls_noise_scale *noise, const ls_gradients *gradients, const ls_slice *slice)
{
    const uint64_t K = ls_batch_microbatches(slice);
    const double N = (double)slice->batch_rows;
    double h = 0, a, whole, S;

    if (K < 2)
        return LS_OK;
    LS_FOR_OWN_BLOCKS (gradients, b) {
        float g[LS_BLOCK];

        ls_gradients_finish(gradients, b, N, g);
        ls_wide_add(&noise->norm[1], ls_sum_squares(g, LS_BLOCK));
    }
    if (gradients->comm->size > 1)
        LS_TRY(ls_mpi_check(
            MPI_Allreduce(MPI_IN_PLACE, noise->norm, 2 * LS_WIDE_WORDS, MPI_INT64_T, MPI_SUM, gradients->comm->mpi),
            "adding up gradient norms"));
    for (uint64_t k = 0; k < K; k++)
        h += 1 / microbatch_samples(slice, k);
    h /= (double)K;
    a = ls_wide_value(&noise->norm[0]);
    whole = ls_wide_value(&noise->norm[1]);
    S = (a - whole) / (h - 1 / N);
    ls_noise_scale_add(noise, S, whole - S / N);
    return LS_OK;
}

void ls_noise_scale_add(ls_noise_scale *noise, double S, double Q)
{
    for (size_t r = 0; r < LS_NOISE_REPLICATES; r++) {
        noise->S[r] *= noise->decay;
        noise->Q[r] *= noise->decay;
    }
    noise->S[noise->steps % LS_NOISE_REPLICATES] += S;
    noise->Q[noise->steps % LS_NOISE_REPLICATES] += Q;
    noise->steps++;
}

/* The quantile 0.975 of Student's t for 1, 2, … degrees of freedom. */
static const double student[LS_NOISE_REPLICATES - 1] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                                        2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131};

ls_noise_estimate ls_noise_scale_estimate(const ls_noise_scale *noise)
{
    const size_t n = noise->steps < LS_NOISE_REPLICATES ? (size_t)noise->steps : LS_NOISE_REPLICATES;
    ls_noise_estimate e = {NAN, NAN, NAN};
    double S = 0, Q = 0, mean = 0, squares = 0, error, without[LS_NOISE_REPLICATES];

    for (size_t r = 0; r < n; r++) {
        S += noise->S[r];
        Q += noise->Q[r];
    }
    if (!(S > 0 && Q > 0))
        return e;
    if (n >= 4) {
        for (size_t r = 0; r < n; r++) {
            if (!(Q - noise->Q[r] > 0))
                return e;
            without[r] = (S - noise->S[r]) / (Q - noise->Q[r]);
            mean += without[r] / (double)n;
        }
        for (size_t r = 0; r < n; r++)
            squares += (without[r] - mean) * (without[r] - mean);
        error = student[n - 2] * sqrt(squares * (double)(n - 1) / (double)n);
        e.low = fmax(S / Q - error, 0);
        e.high = S / Q + error;
    }
    e.scale = S / Q;
    return e;
}
