/* What batch size does: updates and samples to a target, critical batch, noise scale, learning rates, time. */
#ifndef LS_REPORT_SWEEP_BATCH_H
#define LS_REPORT_SWEEP_BATCH_H

#include "report/sweep_files.h"

/* The section on batch sizes of a sweep that varies them; nothing of one that does not. */
ls_status ls_swept_batch_draw(ls_document *document, const ls_swept_all *sweep);

#endif
