#include "report/page.h"

#include <stdint.h>
#include <string.h>

#include "report/files.h"

/* Readable at any width: figures shrink, tables scroll; printed, nothing is cut off and no heading stands alone. */
static const char style[] =
    "<style>\n"
    ":root{color-scheme:light}\n"
    "body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:66rem;margin:0 auto;padding:1rem;"
    "overflow-wrap:anywhere}\n"
    "h1{font-size:1.7rem;line-height:1.2}h2{font-size:1.25rem;margin-top:2.2rem;border-bottom:1px solid #ddd}\n"
    "h3{font-size:1.05rem}p{max-width:46rem}\n"
    "figure{margin:1.2rem 0;max-width:40rem}figure img{display:block;width:100%;height:auto}\n"
    "figcaption{font-size:.875rem;color:#555;max-width:40rem}\n"
    "figure.natural{max-width:none}figure.natural img{width:auto;max-width:100%;margin:0 auto}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,28rem),1fr));gap:0 1.5rem}\n"
    ".grid figure{margin:.8rem 0}\n"
    ".wide{overflow-x:auto;margin:.8rem 0}\n"
    "table{border-collapse:collapse;font-size:.8125rem;font-variant-numeric:tabular-nums;overflow-wrap:normal}\n"
    "th,td{padding:.25rem .5rem;border-bottom:1px solid #e4e4e4;text-align:right;white-space:nowrap}\n"
    "thead "
    "th{background:#f6f6f6;white-space:normal;vertical-align:bottom}th:first-child,td:first-child{text-align:left}\n"
    "table.facts td,table.facts th{text-align:left;white-space:normal;vertical-align:top;font-weight:normal}\n"
    "table.facts th{color:#555;white-space:nowrap}table.facts td{overflow-wrap:anywhere}\n"
    "@media(max-width:600px){table.facts th{white-space:normal}}\n"
    "pre,code{font:.85rem/1.45 ui-monospace,monospace}\n"
    "pre{background:#f6f6f6;padding:.7rem;overflow:auto;max-height:32rem;overflow-wrap:normal}\n"
    "p.note{background:#fff6e0;border-left:4px solid #e69f00;padding:.5rem .8rem}\n"
    "@media print{body{max-width:none;font-size:10.5pt;padding:0}figure,tr{break-inside:avoid}\n"
    "h2,h3{break-after:avoid}.grid{display:block}figure{max-width:12cm}\n"
    ".grid figure{display:inline-block;width:49%;vertical-align:top}\n"
    ".wide{overflow:visible}table{font-size:6pt}th,td{padding:.1rem .2rem;white-space:normal;overflow-wrap:normal}\n"
    "td{overflow-wrap:break-word}table.facts{font-size:8pt}\n"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;max-height:none;font-size:7pt}}\n"
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

/* A relative address (RFC 3986): every byte that might mean something becomes %XX. */
static void add_url(ls_text *page, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

    for (; *path; path++)
        ls_text_add(page, strchr(plain, *path) ? "%c" : "%%%02X", (unsigned)(unsigned char)*path);
}

ls_status ls_page_figure(ls_text *page, const char *folder, const char *link, const char *name, const char *text,
                         const char *caption, bool natural)
{
    ls_text path = {0}, svg = {0};
    ls_status st;

    ls_text_add(&path, "%s/%s.svg", folder, name);
    LS_TRY_CLEANUP(path.status);
    LS_TRY_CLEANUP(ls_report_read(path.data, &svg));
    ls_text_add(page, "<figure%s>\n<img alt=\"", natural ? " class=\"natural\"" : "");
    ls_page_text(page, text);
    ls_text_add(page, "\" src=\"data:image/svg+xml;base64,");
    base64(page, (const unsigned char *)svg.data, svg.length);
    ls_text_add(page, "\">\n<figcaption>");
    if (caption) {
        ls_page_text(page, caption);
        ls_text_add(page, " ");
    }
    ls_text_add(page, "(");
    for (int i = 0; i < 3; i++) {
        const char *const suffix[] = {"svg", "png", natural ? "dot" : "gp"};

        ls_text_add(page, "%s<a href=\"", i ? ", " : "");
        add_url(page, link);
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

void ls_page_facts_begin(ls_text *page)
{
    ls_text_add(page, "<div class=\"wide\"><table class=\"facts\">\n<tbody>\n");
}

void ls_page_fact(ls_text *page, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    ls_text_add(page, "<tr><th>");
    ls_page_text(page, name);
    ls_text_add(page, "</th><td>");
    ls_page_text(page, value);
    ls_text_add(page, "</td></tr>\n");
}

void ls_page_table_end(ls_text *page)
{
    ls_text_add(page, "</tbody>\n</table></div>\n");
}
