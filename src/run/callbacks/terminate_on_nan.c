/*
 * Keras's TerminateOnNaN: a loss that is not finite ends the training instead of being an error. The update of that
 * batch is not made, so the weights stay as the batch found them; the epoch is validated and logged, its loss as that
 * of the batch.
 */
#include <inttypes.h>
#include <math.h>

#include "run/callbacks/callbacks.h"

typedef struct terminate_config {
    bool raise_error;
} terminate_config;

typedef struct terminate {
    const terminate_config *config;
} terminate;

static ls_status open_terminate(void *context, ls_callback_run *run, const ls_config *at)
{
    (void)at;
    if (!((const terminate *)context)
             ->config->raise_error) /* else it stays the error that it is without this callback */
        run->survives_nan = true;
    return LS_OK;
}

static ls_status on_train_batch_end(void *context, ls_callback_run *run, uint64_t batch, ls_logs *logs)
{
    const double *loss = ls_logs_get(logs, "loss");

    (void)context;
    if (loss && !isfinite(*loss)) {
        ls_callback_say(run, "Batch %" PRIu64 ": Invalid loss, terminating training", batch);
        run->stop_training = true;
    }
    return LS_OK;
}

static const ls_option options[] = {
    {.name = "raise_error",
     .kind = LS_OPTION_BOOL,
     .offset = offsetof(terminate_config, raise_error),
     .initial = "false"},
    {.name = NULL},
};

const ls_callback_ops ls_terminate_on_nan = {
    .ops = {.name = "terminate_on_nan",
            .keras_name = "TerminateOnNaN",
            .options = options,
            .config_bytes = sizeof(terminate_config)},
    .context_bytes = sizeof(terminate),
    .open = open_terminate,
    .hooks = {.on_train_batch_end = on_train_batch_end},
};
