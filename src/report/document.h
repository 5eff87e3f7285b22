/* A page in the making, and where its figures lie. */
#ifndef LS_REPORT_DOCUMENT_H
#define LS_REPORT_DOCUMENT_H

#include "report/page.h"
#include "report/plot.h"

typedef struct ls_document {
    const char *scores; /* how a run does on its test split, as text; NULL: not known; borrowed */
    ls_text page;
    const char *figures; /* the folder of the figures; borrowed */
    const char *link;    /* how the page sees it; borrowed */
} ls_document;

/* Draw and put in, unless there is nothing to see. The plot is reset, also by a failure. caption: what to look for. */
ls_status ls_document_plot(ls_document *document, ls_plot *plot, const char *caption);

/* Figures between these two stand side by side where there is room. */
void ls_document_grid_begin(ls_document *document);
void ls_document_grid_end(ls_document *document);

/* A paragraph, as printf. */
void ls_document_say(ls_document *document, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A paragraph that must not be overlooked. */
void ls_document_note(ls_document *document, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ls_document_heading(ls_document *document, const char *text);

#endif
