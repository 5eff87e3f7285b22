/* The page that compares several runs. */
#ifndef LS_REPORT_RUNS_PAGE_H
#define LS_REPORT_RUNS_PAGE_H

#include "report/document.h"
#include "report/run.h"

ls_status ls_runs_page(ls_document *document, ls_run *const *run, size_t n);

#endif
