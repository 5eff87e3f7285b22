/* The registry of callbacks, which need what callbacks.c holds. */
#include "run/callbacks/callbacks.h"

#define ENTRY(name) &ls_##name.ops,

static const ls_ops *const entries[] = {LS_CALLBACK_LIST(ENTRY) NULL};

/* Of Keras's, those that are not there, and why. */
static const ls_refusal lacking[] = {
    {"backup_and_restore", "it is what --resume does"},
    {"history", "it is what every run writes: history.csv"},
    {"lambda_callback", "it is a function of its program, which no file can hold"},
    {"orbax_checkpoint", "it writes another library's files; model_checkpoint writes Keras's"},
    {"progbar_logger", "it is what every run shows (--verbose)"},
    {"remote_monitor", "it sends numbers to a server; history.csv and csv_logger have them"},
    {"swap_ema_weights", "the weights become their averages at the end of fit, with use_ema: true"},
    {NULL, NULL},
};

const ls_registry ls_callback_registry = {.what = "callback", .entries = entries, .lacking = lacking};
