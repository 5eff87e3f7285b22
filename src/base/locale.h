/* Numbers as text have a decimal point here, also where the calling program chose a locale with a decimal comma. */
#ifndef LS_BASE_LOCALE_H
#define LS_BASE_LOCALE_H

#include <locale.h>
#include <stddef.h>

/*
 * Between the two, printf, strtod and their like of this thread know the C locale only. Pairs may nest.
 *
 *     const locale_t before = ls_locale_enter();
 *     ...
 *     ls_locale_leave(before);
 */
locale_t ls_locale_enter(void);
void ls_locale_leave(locale_t before);

/* snprintf and strtod in the C locale. */
int ls_format(char *out, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));
double ls_parse_double(const char *text, char **end);

#endif
