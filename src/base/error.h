/* Setting the error record. See include/lockstep/status.h for reading it. */
#ifndef LS_BASE_ERROR_H
#define LS_BASE_ERROR_H

#include <stddef.h>

#include "lockstep/status.h"

#define LS_ERROR_BYTES 16384 /* the longest record of a thread, with its zero byte */

/* Set this thread's message (printf format, truncated at 1023 bytes, one line) and return status. */
ls_status ls_fail(ls_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Put "CONTEXT: " before this thread's message; returns status, so that it can wrap a return. LS_OK passes untouched.
 */
ls_status ls_fail_in(ls_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Set the record to the messages of n faults, each a line, and return status. base/failures.h gathers them. */
ls_status ls_fail_lines(ls_status status, const char *lines, size_t n);

/* How many faults the record tells of. */
size_t ls_error_count(void);

#ifdef __clang_analyzer__
/*
 * The analyzer reads one file at a time: it must be told what the functions of others promise, or it goes on after a
 * fault with what was never set. A fault that is returned is never LS_OK. Where such a function is defined its name
 * stands in parentheses, so that the macro leaves it alone.
 */
static inline ls_status ls_still_fault(ls_status fault, ls_status returned)
{
    if (fault != LS_OK && returned == LS_OK)
        __builtin_unreachable();
    return returned;
}

#define LS_STILL_FAULT(function, status, ...)                    \
    __extension__({                                              \
        const ls_status fault_ = (status);                       \
        ls_still_fault(fault_, (function)(fault_, __VA_ARGS__)); \
    })
#define ls_fail(...) LS_STILL_FAULT(ls_fail, __VA_ARGS__)
#define ls_fail_in(...) LS_STILL_FAULT(ls_fail_in, __VA_ARGS__)
#define ls_fail_lines(...) LS_STILL_FAULT(ls_fail_lines, __VA_ARGS__)
#endif

/* Return from the calling function if the expression is not LS_OK. Only where nothing is held. */
#define LS_TRY(expression)                   \
    do {                                     \
        const ls_status try_ = (expression); \
        if (try_ != LS_OK)                   \
            return try_;                     \
    } while (0)

/* Jump to cleanup with the status in `st` if the expression is not LS_OK. */
#define LS_TRY_CLEANUP(expression)        \
    do {                                  \
        if ((st = (expression)) != LS_OK) \
            goto cleanup;                 \
    } while (0)

#endif
