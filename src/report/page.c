#include "report/page.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Readable at any width: figures shrink, tables scroll; printed, nothing is cut off and no heading stands alone. */
static const char style[] =
    "<style>\n"
    ":root{color-scheme:light}\n"
    "body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:60rem;margin:0 auto;padding:1rem}\n"
    "h1{font-size:1.7rem;line-height:1.2}h2{font-size:1.25rem;margin-top:2.2rem;border-bottom:1px solid #ddd}\n"
    "h3{font-size:1.05rem}\n"
    "figure{margin:1.2rem 0}figure img{display:block;width:100%;height:auto}\n"
    "figcaption{font-size:.875rem;color:#555}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.25rem .6rem;border-bottom:1px solid #e4e4e4;text-align:right;white-space:nowrap}\n"
    "th{background:#f6f6f6}th:first-child,td:first-child{text-align:left}\n"
    "pre,code{font:.85rem/1.45 ui-monospace,monospace}\n"
    "pre{background:#f6f6f6;padding:.7rem;overflow-x:auto}\n"
    "p.note{background:#fff6e0;border-left:4px solid #e69f00;padding:.5rem .8rem}\n"
    "@media print{body{max-width:none;font-size:11pt;padding:0}figure,tr{break-inside:avoid}h2,h3{break-after:avoid}\n"
    ".wide{overflow:visible}table{font-size:7.5pt}th,td{padding:.1rem "
    ".25rem;white-space:normal;overflow-wrap:anywhere}\n"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere}}\n"
    "</style>\n";

void ls_page_text(ls_text *page, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            ls_text_add(page, "&amp;");
            break;
        case '<':
            ls_text_add(page, "&lt;");
            break;
        case '>':
            ls_text_add(page, "&gt;");
            break;
        case '"':
            ls_text_add(page, "&quot;");
            break;
        case '\'':
            ls_text_add(page, "&#39;");
            break;
        default:
            ls_text_add_bytes(page, text, 1);
        }
}

void ls_page_begin(ls_text *page, const char *title)
{
    ls_text_add(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    ls_page_text(page, title);
    ls_text_add(page, "</title>\n%s</head>\n<body>\n", style);
    ls_page_element(page, "h1", title);
}

void ls_page_end(ls_text *page)
{
    ls_text_add(page, "</body>\n</html>\n");
}

void ls_page_element(ls_text *page, const char *tag, const char *text)
{
    ls_text_add(page, "<%s>", tag);
    ls_page_text(page, text);
    ls_text_add(page, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

/* RFC 4648, section 4. */
static void base64(ls_text *out, const unsigned char *bytes, size_t n)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < n; i += 3) {
        const size_t left = n - i;
        const uint32_t word = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                              (left > 2 ? (uint32_t)bytes[i + 2] : 0);
        const char four[4] = {digit[word >> 18], digit[word >> 12 & 63], left > 1 ? digit[word >> 6 & 63] : '=',
                              left > 2 ? digit[word & 63] : '='};

        ls_text_add_bytes(out, four, 4);
    }
}

static ls_status read_whole(const char *path, ls_text *out)
{
    FILE *f = fopen(path, "rb");
    char part[1 << 14];
    size_t n;
    ls_status st = LS_OK;

    if (!f)
        return ls_fail(LS_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        ls_text_add_bytes(out, part, n);
    if (ferror(f))
        st = ls_fail(LS_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
    fclose(f);
    return st == LS_OK ? out->status : st;
}

ls_status ls_page_figure(ls_text *page, const char *folder, const char *link, const char *name, const char *text,
                         const char *caption)
{
    ls_text path = {0}, svg = {0};
    ls_status st;

    ls_text_add(&path, "%s/%s.svg", folder, name);
    LS_TRY_CLEANUP(path.status);
    LS_TRY_CLEANUP(read_whole(path.data, &svg));
    ls_text_add(page, "<figure>\n<img alt=\"");
    ls_page_text(page, text);
    ls_text_add(page, "\" src=\"data:image/svg+xml;base64,");
    base64(page, (const unsigned char *)svg.data, svg.length);
    ls_text_add(page, "\">\n<figcaption>");
    if (caption) {
        ls_page_text(page, caption);
        ls_text_add(page, " ");
    }
    ls_text_add(page, "(");
    for (int i = 0; i < 2; i++) {
        static const char *const suffix[] = {"svg", "png"};

        ls_text_add(page, "%s<a href=\"", i ? ", " : "");
        ls_page_text(page, link);
        ls_text_add(page, "/%s.%s\">%s</a>", name, suffix[i], suffix[i]);
    }
    ls_text_add(page, ")</figcaption>\n</figure>\n");
    st = page->status;
cleanup:
    ls_text_reset(&path);
    ls_text_reset(&svg);
    return st;
}

static void row(ls_text *page, const char *tag, const char *const *cell, size_t columns)
{
    ls_text_add(page, "<tr>");
    for (size_t i = 0; i < columns; i++) {
        ls_text_add(page, "<%s>", tag);
        if (cell[i])
            ls_page_text(page, cell[i]);
        ls_text_add(page, "</%s>", tag);
    }
    ls_text_add(page, "</tr>\n");
}

void ls_page_table_begin(ls_text *page, const char *const *head, size_t columns)
{
    ls_text_add(page, "<div class=\"wide\"><table>\n<thead>");
    row(page, "th", head, columns);
    ls_text_add(page, "</thead>\n<tbody>\n");
}

void ls_page_row(ls_text *page, const char *const *cell, size_t columns)
{
    row(page, "td", cell, columns);
}

void ls_page_table_end(ls_text *page)
{
    ls_text_add(page, "</tbody>\n</table></div>\n");
}
