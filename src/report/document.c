#include "report/document.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"

ls_status ls_document_plot(ls_document *d, ls_plot *plot, const char *caption)
{
    ls_status st = plot->status;

    if (st == LS_OK && !ls_plot_is_empty(plot)) {
        st = ls_figure_draw(d->figures, &plot->figure);
        if (st == LS_OK)
            st = ls_page_figure(&d->page, d->figures, d->link, plot->figure.name, plot->figure.title, caption, false);
    }
    ls_plot_reset(plot);
    return st;
}

void ls_document_grid_begin(ls_document *d)
{
    ls_text_add(&d->page, "<div class=\"grid\">\n");
}

void ls_document_grid_end(ls_document *d)
{
    ls_text_add(&d->page, "</div>\n");
}

static void paragraph(ls_document *d, const char *tag, const char *format, va_list arguments)
{
    va_list again;
    char *text;
    int n;

    va_copy(again, arguments);
    n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (!(text = ls_calloc((size_t)n + 1, 1, "the page"))) {
        d->page.status = LS_ERR_MEMORY;
        return;
    }
    vsnprintf(text, (size_t)n + 1, format, arguments);
    ls_page_element(&d->page, tag, text);
    ls_free(text);
}

void ls_document_say(ls_document *d, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    paragraph(d, "p", format, arguments);
    va_end(arguments);
}

void ls_document_note(ls_document *d, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    paragraph(d, "p class=\"note\"", format, arguments);
    va_end(arguments);
}

void ls_document_heading(ls_document *d, const char *text)
{
    ls_page_element(&d->page, "h2", text);
}
