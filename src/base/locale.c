#include "base/locale.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t plain; /* of the process, to its end; 0: there was no memory for it, and uselocale(0) changes nothing */

static void make_plain(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

locale_t ls_locale_enter(void)
{
    pthread_once(&once, make_plain);
    return uselocale(plain);
}

void ls_locale_leave(locale_t before)
{
    uselocale(before);
}

int ls_format(char *out, size_t bytes, const char *format, ...)
{
    const locale_t before = ls_locale_enter();
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(out, bytes, format, args);
    va_end(args);
    ls_locale_leave(before);
    return length;
}

double ls_parse_double(const char *text, char **end)
{
    const locale_t before = ls_locale_enter();
    const double value = strtod(text, end);

    ls_locale_leave(before);
    return value;
}
