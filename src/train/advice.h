/* What can be meant, but hardly is: settings of a task that deserve a warning. */
#ifndef LS_TRAIN_ADVICE_H
#define LS_TRAIN_ADVICE_H

#include "train/task.h"

/* Warnings, one a line; nothing where there is none. The same on all ranks. */
ls_status ls_task_advice(const ls_task *task, ls_text *out);

#endif
