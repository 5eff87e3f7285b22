/* Linked into a program, this makes it a program whose author called setlocale(LC_ALL, ""), as GTK and many others do.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((constructor)) static void use_the_users_locale(void)
{
    const char *set = setlocale(LC_ALL, "");

    if (!set || strcmp(localeconv()->decimal_point, ",") != 0) {
        fprintf(stderr, "this program is to be tested with a decimal comma, but the locale has '%s'\n",
                localeconv()->decimal_point);
        exit(99);
    }
}
