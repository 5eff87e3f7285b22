/* What the fields of a CSV file say: numbers, and what people may have meant by all else. */
#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/locale.h"
#include "base/memory.h"
#include "data/csv.h"

#define NUMBER_BYTES 64 /* a longer number with a comma is copied to the heap */

static const char *skip_digits(const char *s)
{
    while (isdigit((unsigned char)*s))
        s++;
    return s;
}

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}
#define IS_ONE_OF(text, words) is_one_of(text, words, sizeof(words) / sizeof((words)[0]))

/* ---- numbers ---- */

/* With a dot in the place of the comma, which is the only one. */
static double parse_with_comma(const char *field)
{
    char few[NUMBER_BYTES];
    const size_t bytes = strlen(field) + 1;
    char *copy = bytes <= sizeof few ? memcpy(few, field, bytes) : ls_strdup(field), *comma;
    double value = NAN;

    if (copy) {
        if ((comma = strchr(copy, ',')))
            *comma = '.';
        value = ls_parse_double(copy, NULL);
    }
    if (copy != few)
        ls_free(copy);
    return value;
}

static bool fits_int64(const char *digits)
{
    errno = 0;
    strtoll(digits, NULL, 10);
    return errno == 0;
}

/* strtod takes more than a CSV file may say: hexadecimal numbers, nan(…), blanks. So the form is checked first. */
ls_csv_kind ls_csv_number_in(const char *field, char decimal, double *value)
{
    static const char *const none[] = {"nan", "inf", "infinity"};
    const char *const first = field + (*field == '+' || *field == '-'), *s = skip_digits(first);
    size_t digits = (size_t)(s - first);
    bool whole = true;
    double number;

    if (IS_ONE_OF(first, none))
        return LS_CSV_NO_NUMBER;
    if (*s == decimal) {
        const char *const fraction = s + 1;

        s = skip_digits(fraction);
        digits += (size_t)(s - fraction);
        whole = false;
    }
    if (digits > 0 && (*s == 'e' || *s == 'E')) {
        const char *const exponent = s + 1 + (s[1] == '+' || s[1] == '-');

        s = skip_digits(exponent);
        if (s == exponent)
            return LS_CSV_TEXT;
        whole = false;
    }
    if (digits == 0 || *s != '\0')
        return LS_CSV_TEXT;
    number = decimal == '.' ? ls_parse_double(field, NULL) : parse_with_comma(field);
    if (!(fabs(number) <= (double)FLT_MAX) || (whole && !fits_int64(field)))
        return LS_CSV_NO_NUMBER;
    *value = number;
    return whole ? LS_CSV_WHOLE : LS_CSV_NUMBER;
}

const char *ls_csv_required_of(const char *field)
{
    const char *const digits = field + (*field == '+' || *field == '-');

    return *digits && *skip_digits(digits) == '\0' && strlen(digits) <= FLT_MAX_10_EXP
               ? "integer that int64 can hold (with a point behind it, it would be rounded)"
               : "finite number that float32 can hold";
}

ls_csv_kind ls_csv_number(const char *field, double *value)
{
    return ls_csv_number_in(field, '.', value);
}

int64_t ls_csv_whole(const char *field)
{
    return strtoll(field, NULL, 10);
}

/* ---- what else a field may be ---- */

/* What spreadsheets and statistics programs write, in any case of letters. */
static bool means_missing(const char *field)
{
    static const char *const words[] = {
        "na",     "n/a",     "n.a.",    "#n/a",     "#na",     "<na>",    "nan",   "-nan",   "null",
        "nil",    "none",    "missing", "nat",      "void",    "?",       "??",    "-",      "--",
        ".",      "..",      "*",       "#value!",  "#ref!",   "#div/0!", "#num!", "#name?", "#null!",
        "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "unknown", "\\n",
    };

    return IS_ONE_OF(field, words);
}

/* Moves *s behind one of the texts, if it begins with one. */
static bool skip_one_of(const char **s, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strncasecmp(*s, texts[i], strlen(texts[i])) == 0) {
            *s += strlen(texts[i]);
            return true;
        }
    return false;
}
#define SKIP_ONE_OF(s, texts) skip_one_of(s, texts, sizeof(texts) / sizeof((texts)[0]))

/* Blanks of all kinds, also those that do not break. */
static void skip_blanks(const char **s)
{
    static const char *const blanks[] = {" ", "\t", "\xc2\xa0", "\xe2\x80\x89", "\xe2\x80\xaf", "\xe2\x80\x87"};

    while (SKIP_ONE_OF(s, blanks))
        ;
}

/* Signs of all kinds, currencies and opening brackets, in any order. */
static void skip_before(const char **s)
{
    static const char *const before[] = {
        "+",
        "-",
        "\xe2\x88\x92",
        "\xe2\x80\x93",
        "\xe2\x80\x92",
        "\xef\xbc\x8d",
        "(",
        "~",
        "<",
        ">",
        "=",
        "\xe2\x89\x88",
        "\xb1",
        "\xc2\xb1",
        "'",
        "$",
        "\xe2\x82\xac",
        "\xc2\xa3",
        "\xc2\xa5",
        "\xe2\x82\xb9",
        "\xc2\xa2",
        "USD",
        "EUR",
        "GBP",
        "CHF",
        "JPY",
        "Rs.",
        "R$",
    };

    do
        skip_blanks(s);
    while (SKIP_ONE_OF(s, before));
}

/* Per cent, currencies, closing brackets, a sign behind the number: to the end? */
static bool is_after(const char *s)
{
    static const char *const after[] = {
        "%",        "\xe2\x80\xb0", ")",        "-",   "+",   "\xe2\x88\x92", "$",   "\xe2\x82\xac", "\xc2\xa3",
        "\xc2\xa5", "\xe2\x82\xb9", "\xc2\xa2", "USD", "EUR", "GBP",          "CHF", "JPY",          "*",
        "'",
    };

    do
        skip_blanks(&s);
    while (SKIP_ONE_OF(&s, after));
    return *s == '\0';
}

/*
 * Digits in groups, and a fraction: "1,234,567.89", "1'234", "12 345,6", "12.5". *digits: of all; *fraction: the last
 * group stands behind a point or comma.
 */
static const char *skip_groups(const char *s, size_t *digits, bool *fraction)
{
    static const char *const between[] = {"'",           "_", " ", ".", ",", "\xc2\xa0", "\xe2\x80\x99", "\xe2\x80\x89",
                                          "\xe2\x80\xaf"};
    const char *end = skip_digits(s);

    *digits = (size_t)(end - s);
    *fraction = false;
    for (;;) {
        const char *group = end, *after;
        const bool point = *end == '.' || *end == ',';

        if (!SKIP_ONE_OF(&group, between))
            return end;
        after = skip_digits(group);
        *digits += (size_t)(after - group);
        *fraction = point;
        if (point && *after != '.' && *after != ',' && *after != '\'')
            return after;                           /* any number of digits, also none: "1." */
        if (after - group < 2 || after - group > 3) /* India has groups of two */
            return end;
        end = after;
    }
}

/* "0x1F" */
static bool is_hexadecimal(const char *s)
{
    return s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && s[2] &&
           s[2 + strspn(s + 2, "0123456789abcdefABCDEF")] == '\0';
}

static bool is_exponent(const char *s)
{
    if (*s != 'e' && *s != 'E' && *s != 'd' && *s != 'D')
        return false;
    s += 1 + (s[1] == '+' || s[1] == '-');
    return isdigit((unsigned char)*s) && is_after(skip_digits(s));
}

/* A number with marks around it, or with a fraction and a unit behind it ("12.5kg"); "1.2.3", "12a" and dates are none.
 */
static bool looks_like_number(const char *s)
{
    static const char *const more[] = {"inf", "infinity"};
    size_t digits;
    bool fraction;

    skip_before(&s);
    if (is_hexadecimal(s) || IS_ONE_OF(s, more))
        return true;
    if (strncasecmp(s, "inf", 3) == 0 && is_after(s + 3))
        return true;
    s = skip_groups(s, &digits, &fraction);
    if (digits == 0)
        return false;
    if (is_after(s) || is_exponent(s))
        return true;
    skip_blanks(&s);
    return fraction && isalpha((unsigned char)*s) &&
           s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/^0123456789")] == '\0';
}

ls_csv_look ls_csv_look_of(const char *field)
{
    if (means_missing(field))
        return LS_CSV_LOOKS_MISSING;
    return looks_like_number(field) ? LS_CSV_LOOKS_NUMBER : LS_CSV_LOOKS_TEXT;
}
