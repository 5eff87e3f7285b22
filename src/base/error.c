/* The per-thread error record: one status text table and one message buffer per thread. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/locale.h"
#include "base/printable.h"

#define MESSAGE_BYTES 1024

static _Thread_local char message[LS_ERROR_BYTES];
static _Thread_local size_t faults;

const char *ls_status_text(ls_status status)
{
    switch (status) {
#define STATUS_CASE(name, value, text) \
    case name:                         \
        return text;
        LS_STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}

const char *ls_error_message(void)
{
    return message;
}

int ls_exit_code(ls_status status)
{
    switch (status) {
    case LS_OK:
        return 0;
    case LS_ERR_CONFIG:
    case LS_ERR_USAGE:
        return 2;
    case LS_ERR_STOPPED:
        return 3;
    default:
        return 1;
    }
}

ls_status(ls_fail)(ls_status status, const char *format, ...)
{
    /* Formatted aside first: an argument may be the old message itself. */
    char fresh[MESSAGE_BYTES];
    const locale_t before = ls_locale_enter();
    va_list args;

    va_start(args, format);
    vsnprintf(fresh, sizeof fresh, format, args);
    va_end(args);
    ls_locale_leave(before);
    ls_make_printable(fresh, false);
    memcpy(message, fresh, sizeof fresh);
    faults = 1;
    return status;
}

ls_status(ls_fail_lines)(ls_status status, const char *lines, size_t n)
{
    snprintf(message, sizeof message, "%s", lines);
    faults = n;
    return status;
}

size_t ls_error_count(void)
{
    return faults;
}

ls_status(ls_fail_in)(ls_status status, const char *format, ...)
{
    char context[MESSAGE_BYTES];
    locale_t before;
    va_list args;

    if (status == LS_OK)
        return LS_OK;
    before = ls_locale_enter();
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
    ls_locale_leave(before);
    return ls_fail(status, "%s: %s", context, message);
}
