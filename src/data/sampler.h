/*
 * From epoch order to ranks: epoch -> batch -> microbatch -> rank. Plain arithmetic, tested without MPI.
 *
 * Batch k of an epoch holds positions [kB, min((k+1)B, N)); it is cut at multiples of `microbatch`; of its M
 * microbatches rank r of P takes [rM/P, (r+1)M/P). Nothing else may depend on P.
 */
#ifndef LS_DATA_SAMPLER_H
#define LS_DATA_SAMPLER_H

#include "nn/slice.h"

/* The largest power of two <= batch/4, kept within 16…64, never above the batch: a function of the batch alone. */
uint64_t ls_microbatch_auto(uint64_t batch);

/* ceil(n / batch). */
uint64_t ls_batches(uint64_t n, uint64_t batch);
/* Samples in the first `batches` batches of passes over n samples: the last batch of a pass may be short. */
uint64_t ls_samples_in(uint64_t batches, uint64_t batch, uint64_t n);

/* What `rank` gets of batch k of n samples. */
ls_slice ls_slice_of(uint64_t n, uint64_t batch, uint64_t microbatch, uint64_t k, int rank, int size);

/* The most rows a rank can get of any batch. */
uint64_t ls_slice_rows_max(uint64_t batch, uint64_t microbatch, int size);

#endif
