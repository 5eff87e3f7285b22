/* The registry of callbacks, which need what callbacks.c holds. */
#include "run/callbacks/callbacks.h"

#define ENTRY(name) &ls_##name.ops,

static const ls_ops *const entries[] = {LS_CALLBACK_LIST(ENTRY) NULL};

/* Of Keras's, those that are not there, and why. */
static const ls_refusal lacking[] = {
    {"backup_and_restore", NULL}, {"history", NULL},        {"lambda_callback", NULL},  {"orbax_checkpoint", NULL},
    {"progbar_logger", NULL},     {"remote_monitor", NULL}, {"swap_ema_weights", NULL}, {NULL, NULL},
};

const ls_registry ls_callback_registry = {.what = "callback", .entries = entries, .lacking = lacking};
