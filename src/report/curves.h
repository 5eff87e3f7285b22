/* One measured number in the course of training: over epochs, updates, samples and wall time. */
#ifndef LS_REPORT_CURVES_H
#define LS_REPORT_CURVES_H

#include "report/document.h"

enum { LS_OVER_EPOCHS, LS_OVER_UPDATES, LS_OVER_SAMPLES, LS_OVER_SECONDS, LS_OVER };

/* Borrowed arrays; NAN where not known. */
typedef struct ls_curve {
    const char *title;
    unsigned color;
    bool dashed;
    size_t n;
    const double *over[LS_OVER]; /* [n] each */
    const double *value;         /* [n] */
} ls_curve;

/* Four figures NAME_epochs, …; those of which nothing is known are left out. note: added to the titles; may be NULL. */
ls_status ls_curves_draw(ls_document *document, const char *metric, const char *note, const ls_curve *curve, size_t n,
                         const char *caption);

/* Letters, digits, '-' and '_' of a name for a file; others become '_'. */
void ls_file_name(ls_text *out, const char *name);

#endif
