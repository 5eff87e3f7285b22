#include "base/text.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "base/memory.h"

#define NAME_MAX_BYTES 64 /* longer names have no near neighbour worth naming */

static char *reserve(ls_text *text, size_t more)
{
    if (text->status != LS_OK)
        return NULL;
    if (text->length + more + 1 > text->capacity) {
        size_t capacity = 2 * text->capacity + more + 1;
        char *data = ls_realloc(text->data, capacity, 1, "text");

        if (!data) {
            text->status = LS_ERR_MEMORY;
            return NULL;
        }
        text->data = data;
        text->capacity = capacity;
    }
    return text->data + text->length;
}

void ls_text_add(ls_text *text, const char *format, ...)
{
    const locale_t before = ls_locale_enter();
    va_list args, again;
    int n;
    char *end;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    if (n >= 0 && (end = reserve(text, (size_t)n)) != NULL) {
        vsnprintf(end, (size_t)n + 1, format, again);
        text->length += (size_t)n;
    }
    va_end(again);
    va_end(args);
    ls_locale_leave(before);
}

void ls_text_add_bytes(ls_text *text, const void *bytes, size_t n)
{
    char *end = reserve(text, n);

    if (end) {
        memcpy(end, bytes, n);
        end[n] = '\0';
        text->length += n;
    }
}

bool ls_ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);

    return n > m && strcmp(text + n - m, end) == 0;
}

void ls_text_add_list(ls_text *text, const char *const *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ls_text_add(text, "%s%s", i ? ", " : "", items[i]);
}

void ls_text_reset(ls_text *text)
{
    ls_free(text->data);
    *text = (ls_text){0};
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool same_letter(char a, char b, bool any_case)
{
    return a == b || (any_case && tolower((unsigned char)a) == tolower((unsigned char)b));
}

/* Edit distance with swaps of neighbours (optimal string alignment), three rows of the table at a time. */
static size_t edit_distance(const char *a, size_t na, const char *b, size_t nb, bool any_case)
{
    size_t rows[3][NAME_MAX_BYTES + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= nb; j++)
        last[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *spare;

        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + !same_letter(a[i - 1], b[j - 1], any_case));
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2], any_case) &&
                same_letter(a[i - 2], b[j - 1], any_case))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[nb];
}

const char *ls_nearest_name(const char *name, const char *const *known, size_t n)
{
    const size_t length = strlen(name);
    const char *nearest = NULL;
    size_t best = SIZE_MAX;

    if (length > NAME_MAX_BYTES)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const size_t other = strlen(known[i]);
        size_t d, order;

        if (other > NAME_MAX_BYTES)
            continue;
        d = edit_distance(name, length, known[i], other, true);
        order = d * (NAME_MAX_BYTES + 1) + edit_distance(name, length, known[i], other, false);
        if (order < best && d <= ((length > other ? length : other) + 2) / 3) {
            best = order;
            nearest = known[i];
        }
    }
    return nearest;
}

const char *ls_hint(const char *name, const char *const *known, size_t n, char out[LS_HINT_BYTES])
{
    const char *nearest = ls_nearest_name(name, known, n);

    out[0] = '\0';
    if (nearest)
        snprintf(out, LS_HINT_BYTES, "; did you mean '%.130s'?", nearest);
    return out;
}

/* Length of the UTF-8 sequence at s, which ends with a zero byte; 0 if it is none (Unicode 15, table 3-7). */
static size_t utf8_length(const unsigned char *s)
{
    const unsigned low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    const unsigned high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    const size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

    if (n > 1 && (s[1] < low || s[1] > high))
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool ls_is_utf8(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    while (*s) {
        const size_t n = utf8_length(s);

        if (n == 0)
            return false;
        s += n;
    }
    return true;
}

void ls_format_double(double value, char *out, size_t out_bytes)
{
    const locale_t before = ls_locale_enter();

    /* Whole numbers as such: "%.1g" would make 10 into 1e+01. */
    if (fabs(value) < 1e15 && value == (double)(int64_t)value) {
        snprintf(out, out_bytes, "%.0f", value);
    } else {
        /* "%g" drops zeros at the end: where 15 digits read back the same, that is the shortest. Not of subnormals. */
        for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
            snprintf(out, out_bytes, "%.*g", digits, value);
            if (strtod(out, NULL) == value)
                break;
        }
    }
    ls_locale_leave(before);
}

const char *ls_format_duration(double seconds, char out[LS_DURATION_BYTES])
{
    static const struct {
        double below, unit;
        const char *name;
    } units[] = {{1e-3, 1e-6, "us"}, {1, 1e-3, "ms"}, {120, 1, "s"}, {7200, 60, "min"}, {48 * 3600.0, 3600, "h"}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (seconds < units[i].below) {
            snprintf(out, LS_DURATION_BYTES, "%.3g %s", seconds / units[i].unit, units[i].name);
            return out;
        }
    snprintf(out, LS_DURATION_BYTES, "%.3g days", seconds / 86400);
    return out;
}
