/* The searches for learning rates of a sweep, one figure per combination. */
#ifndef LS_REPORT_SWEEP_SEARCH_H
#define LS_REPORT_SWEEP_SEARCH_H

#include "report/sweep_files.h"

/* Nothing if no rates were searched. */
ls_status ls_swept_search_draw(ls_document *document, const ls_swept_all *sweep);

#endif
