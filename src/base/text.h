/* Text helpers: a growing string and the nearest known name for an unknown one. */
#ifndef LS_BASE_TEXT_H
#define LS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* A growing string. Starts as {0}; data is NULL until something is added, and always ends with a zero byte after. */
typedef struct ls_text {
    char *data;
    size_t length;    /* bytes without the zero byte */
    size_t capacity;  /* bytes */
    ls_status status; /* the first failure; later additions do nothing, so that only the end needs a check */
} ls_text;

void ls_text_add(ls_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ls_text_add_bytes(ls_text *text, const void *bytes, size_t n);
void ls_text_reset(ls_text *text); /* frees; the text can be used again */

/*
 * The known name closest to `name` by edit distance (insert, delete, substitute, swap of neighbours; case only decides
 * between equals), or NULL when none is near: the distance must not exceed a third of the longer name, rounded up.
 */
const char *ls_nearest_name(const char *name, const char *const *known, size_t n);

/* "; did you mean 'NAME'?" about that into out, which is returned: the end of a message. Empty if none is near. */
#define LS_HINT_BYTES 160
const char *ls_hint(const char *name, const char *const *known, size_t n, char out[LS_HINT_BYTES]);

bool ls_is_utf8(const char *text);

/* Is `text` longer than `end`, and ends with it: ".npz"? */
bool ls_ends_with(const char *text, const char *end);

/* Append a list as "a, b, c". */
void ls_text_add_list(ls_text *text, const char *const *items, size_t n);

/* The shortest decimal text that reads back as the same double ("0.001", "1e-07", "128"). out: at least 32 bytes. */
void ls_format_double(double value, char *out, size_t out_bytes);

/* "1.2 ms", "4.5 s", "12 min", "3.2 h", "2.1 days" */
#define LS_DURATION_BYTES 32
const char *ls_format_duration(double seconds, char out[LS_DURATION_BYTES]);

#endif
