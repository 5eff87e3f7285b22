#include "base/failures.h"

#include <stdlib.h>
#include <string.h>

/* The line and column in "FILE:LINE:COLUMN: …"; the bytes of FILE, 0 if the text does not begin so. */
static size_t place_of(const char *text, size_t n, unsigned long *line, unsigned long *column)
{
    for (size_t i = 1; i < n; i++) {
        char *end;

        if (text[i] != ':')
            continue;
        *line = strtoul(text + i + 1, &end, 10);
        if (end == text + i + 1 || *end != ':')
            continue;
        *column = strtoul(end + 1, &end, 10);
        if (end[-1] != ':' && *end == ':')
            return i;
    }
    return 0;
}

/* Does line a name a later place than line b of the same file? */
static bool is_later(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    unsigned long line[2], column[2];
    const size_t file = place_of(a, a_bytes, &line[0], &column[0]);

    return file > 0 && place_of(b, b_bytes, &line[1], &column[1]) == file && memcmp(a, b, file) == 0 &&
           (line[0] != line[1] ? line[0] > line[1] : column[0] > column[1]);
}

static bool is_known(const ls_text *lines, const char *line, size_t n)
{
    for (const char *at = lines->data; at && *at; at += strcspn(at, "\n") + 1)
        if (strcspn(at, "\n") == n && memcmp(at, line, n) == 0)
            return true;
    return false;
}

/* Put it behind the last line that does not name a later place. Every line in `lines` ends with a newline. */
static void insert(ls_text *lines, const char *line, size_t n)
{
    size_t at = lines->length;

    while (at > 0) {
        size_t begin = at - 1;

        while (begin > 0 && lines->data[begin - 1] != '\n')
            begin--;
        if (!is_later(lines->data + begin, at - 1 - begin, line, n))
            break;
        at = begin;
    }
    ls_text_add_bytes(lines, line, n);
    ls_text_add_bytes(lines, "\n", 1);
    if (lines->status != LS_OK || at + n + 1 == lines->length)
        return;
    memmove(lines->data + at + n + 1, lines->data + at, lines->length - at - n - 1);
    memcpy(lines->data + at, line, n);
    lines->data[at + n] = '\n';
}

bool ls_failures_add(ls_failures *f, ls_status st)
{
    const bool ends = st == LS_ERR_MEMORY || st == LS_ERR_INTERNAL || st == LS_ERR_MPI || st == LS_ERR_STOPPED;
    const char *line = ls_error_message();
    size_t more = ls_error_count();

    if (st == LS_OK || f->status == LS_ERR_MEMORY)
        return st == LS_OK;
    if (ends) {
        ls_text_reset(&f->lines);
        f->n = 0;
    }
    if (ends || f->status == LS_OK)
        f->status = st;
    for (; !ends && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const size_t n = strcspn(line, "\n");

        if (is_known(&f->lines, line, n))
            more -= more > 0;
        else
            insert(&f->lines, line, n);
    }
    f->n += more;
    return !ends;
}

ls_status ls_failures_end(ls_failures *f)
{
    const ls_status st = f->lines.status != LS_OK ? f->lines.status : f->status;

    if (st == f->status && f->lines.length > 0) {
        f->lines.data[f->lines.length - 1] = '\0';
        ls_fail_lines(st, f->lines.data, f->n);
    }
    ls_text_reset(&f->lines);
    *f = (ls_failures){0};
    return st;
}
