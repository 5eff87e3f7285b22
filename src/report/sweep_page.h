/* The page of a sweep. */
#ifndef LS_REPORT_SWEEP_PAGE_H
#define LS_REPORT_SWEEP_PAGE_H

#include "report/sweep_files.h"

/* times: measured elsewhere, to which those of the sweep are added. */
ls_status ls_swept_page(ls_document *document, const ls_swept_all *sweep, ls_times *times);

#endif
