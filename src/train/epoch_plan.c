#include "train/epoch_plan.h"

#include "data/sampler.h"

ls_epoch_plan ls_epoch_plan_of(const ls_fit_options *fit, uint64_t samples, uint64_t epoch)
{
    const uint64_t batches = ls_batches(samples, (uint64_t)fit->batch_size), begun = (uint64_t)fit->initial_epoch;
    const uint64_t wish = fit->steps_per_epoch ? (uint64_t)fit->steps_per_epoch : batches;
    const uint64_t steps = wish < batches ? wish : batches, epochs = steps ? ls_batches(batches, steps) : 1;
    const uint64_t passes = (epoch - begun) / epochs, first = (epoch - begun) % epochs * steps, left = batches - first;

    return (ls_epoch_plan){.pass = begun + passes,
                           .first = first,
                           .batches = steps < left ? steps : left,
                           .before = passes * batches + first};
}
