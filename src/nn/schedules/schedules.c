/* The registry of learning-rate schedules. */
#include "nn/schedules/schedules.h"

#define ENTRY(name) &ls_##name.ops,

static const ls_ops *const entries[] = {LS_SCHEDULE_LIST(ENTRY) NULL};

const ls_registry ls_schedules = {.what = "learning-rate schedule", .entries = entries};
