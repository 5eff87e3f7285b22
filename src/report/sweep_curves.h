/* The course of the chosen trials of a sweep. */
#ifndef LS_REPORT_SWEEP_CURVES_H
#define LS_REPORT_SWEEP_CURVES_H

#include "report/sweep_files.h"

ls_status ls_swept_curves_draw(ls_document *document, const ls_swept_all *sweep);

#endif
