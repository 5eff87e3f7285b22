/* Histograms of weights and of a gradient. */
#ifndef LS_REPORT_WEIGHTS_H
#define LS_REPORT_WEIGHTS_H

#include "report/document.h"
#include "report/run.h"

/* The sections on weights and gradients of a finished run, or a sentence why there is none. */
ls_status ls_weights_draw(ls_document *document, const ls_run *run);

#endif
