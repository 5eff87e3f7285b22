/* The registry of callbacks, which need what callbacks.c holds. */
#include "run/callbacks/callbacks.h"

#define ENTRY(name) &ls_##name.ops,

static const ls_ops *const entries[] = {LS_CALLBACK_LIST(ENTRY) NULL};

/* Of Keras's, those that are not there. */
static const char *const lacking[] = {"backup_and_restore", "history",        "lambda_callback",  "orbax_checkpoint",
                                      "progbar_logger",     "remote_monitor", "swap_ema_weights", NULL};

const ls_registry ls_callback_registry = {.what = "callback", .entries = entries, .lacking = lacking};
