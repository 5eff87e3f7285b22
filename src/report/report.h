/* Reports: one HTML page of a run, of several runs, or of a sweep, and its figures as SVG and PNG. */
#ifndef LS_REPORT_REPORT_H
#define LS_REPORT_REPORT_H

#include "base/text.h"

/*
 * The page of directory[0]; with several runs a comparison; further directories of a sweep (runs or sweeps) add their
 * measured times. scores: what evaluate --report says of the only run, NULL: nothing. output: the page, figures go to
 * the folder beside it that is named after it; NULL: report.html and figures/ in the only directory. Not collective.
 * *written: where the page is, ls_free.
 */
ls_status ls_report_make(const char *const *directory, size_t n, const char *scores, const char *output,
                         char **written);

#endif
