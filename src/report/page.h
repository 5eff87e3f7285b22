/* An HTML page that needs nothing beside it: no network, no scripts; figures are inside it. */
#ifndef LS_REPORT_PAGE_H
#define LS_REPORT_PAGE_H

#include <stdbool.h>

#include "base/text.h"

/* Everything is appended to a text, whose status tells the first failure. */
void ls_page_begin(ls_text *page, const char *title);
void ls_page_end(ls_text *page);

/* Text with &, <, > and quotes escaped. */
void ls_page_text(ls_text *page, const char *text);
/* <TAG>text</TAG>, the text escaped: "h2", "p", "pre". */
void ls_page_element(ls_text *page, const char *tag, const char *text);

/*
 * FOLDER/NAME.svg inside the page, with links to the files beside it (folder is where it lies for us, link
 * how the page sees it). text: what it shows, for those who cannot see it; caption: below it, or NULL.
 * natural: a drawing of Graphviz (NAME.dot instead of NAME.gp), as large as the file says, or smaller where that is too
 * wide; else as wide as there is room.
 */
ls_status ls_page_figure(ls_text *page, const char *folder, const char *link, const char *name, const char *text,
                         const char *caption, bool natural);

/* A table: begin, rows of cells, end. It scrolls by itself where it is wider than the screen. */
void ls_page_table_begin(ls_text *page, const char *const *head, size_t columns);
void ls_page_row(ls_text *page, const char *const *cell, size_t columns); /* NULL: an empty cell */
void ls_page_table_end(ls_text *page);

/* A table of names and values, ended as any table. A value that is NULL or empty is left out with its name. */
void ls_page_facts_begin(ls_text *page);
void ls_page_fact(ls_text *page, const char *name, const char *value);

#endif
