#include "run/callbacks/path_template.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"

#define FIELD_BYTES 128
#define DIGITS_MAX 64 /* of a width or a precision: file names are shorter than 256 bytes */

typedef struct format_spec {
    char fill, align, sign, type; /* 0: not given */
    int width, precision;         /* -1: not given */
} format_spec;

static bool is_align(char c)
{
    return c && strchr("<>=^", c);
}

/* At most DIGITS_MAX; -1 if there is no number here. */
static int read_number(const char **c)
{
    int n = -1;

    for (; **c >= '0' && **c <= '9'; (*c)++) {
        n = 10 * (n < 0 ? 0 : n) + (**c - '0');
        if (n > DIGITS_MAX)
            n = DIGITS_MAX + 1;
    }
    return n;
}

static bool read_spec(const char *c, format_spec *spec)
{
    *spec = (format_spec){.width = -1, .precision = -1};
    if (c[0] && is_align(c[1])) {
        spec->fill = *c++;
        spec->align = *c++;
    } else if (is_align(*c)) {
        spec->align = *c++;
    }
    if (*c && strchr("+- ", *c))
        spec->sign = *c++;
    if (*c == '0') {
        spec->fill = spec->fill ? spec->fill : '0';
        spec->align = spec->align ? spec->align : '=';
        c++;
    }
    spec->width = read_number(&c);
    if (*c == '.') {
        c++;
        if ((spec->precision = read_number(&c)) < 0)
            return false;
    }
    if (*c)
        spec->type = *c++;
    return !*c && spec->width <= DIGITS_MAX && spec->precision <= DIGITS_MAX;
}

/* number: with its sign as the first character if it has one. */
static void add_padded(const format_spec *spec, const char *number, ls_text *out)
{
    const char fill = spec->fill ? spec->fill : ' ', align = spec->align ? spec->align : '>';
    const size_t length = strlen(number), width = spec->width < 0 ? 0 : (size_t)spec->width;
    const size_t space = width > length ? width - length : 0;
    const bool sign_first = align == '=' && strchr("+- ", *number);
    const size_t before = align == '<' ? 0 : align == '^' ? space / 2 : space;

    if (sign_first)
        ls_text_add_bytes(out, number++, 1);
    for (size_t i = 0; i < before; i++)
        ls_text_add_bytes(out, &fill, 1);
    ls_text_add(out, "%s", number);
    for (size_t i = before; i < space; i++)
        ls_text_add_bytes(out, &fill, 1);
}

static bool add_integer(const format_spec *spec, uint64_t value, ls_text *out)
{
    char text[32];

    if ((spec->type && spec->type != 'd') || spec->precision >= 0)
        return false;
    snprintf(text, sizeof text, "%s%llu",
             spec->sign == '+'   ? "+"
             : spec->sign == ' ' ? " "
                                 : "",
             (unsigned long long)value);
    add_padded(spec, text, out);
    return true;
}

static bool add_float(const format_spec *spec, double value, ls_text *out)
{
    const char sign[2] = {signbit(value) || spec->sign == '-' ? '\0' : spec->sign, '\0'};
    const int precision = spec->precision < 0 ? 6 : spec->precision;
    const locale_t before = ls_locale_enter();
    char text[512], digits[480];
    bool known = true;

    if (spec->type == '%')
        snprintf(digits, sizeof digits, "%.*f%%", precision, 100 * value);
    else if (spec->type == 'e' || spec->type == 'E')
        snprintf(digits, sizeof digits, spec->type == 'e' ? "%.*e" : "%.*E", precision, value);
    else if (spec->type == 'f' || spec->type == 'F')
        snprintf(digits, sizeof digits, spec->type == 'f' ? "%.*f" : "%.*F", precision, value);
    else if (spec->type == 'g' || spec->type == 'G')
        snprintf(digits, sizeof digits, spec->type == 'g' ? "%.*g" : "%.*G", precision, value);
    else if (!spec->type && spec->precision < 0)
        ls_python_float(value, digits);
    else
        known = false;
    ls_locale_leave(before);
    if (!known)
        return false;
    snprintf(text, sizeof text, "%s%s", sign, digits);
    add_padded(spec, text, out);
    return true;
}

static ls_status fail_field(const char *field, const ls_path_values *values)
{
    ls_text known = {0};
    ls_status st;

    ls_text_add(&known, "epoch%s", values->batch ? ", batch" : "");
    for (size_t i = 0; i < values->logs; i++)
        ls_text_add(&known, ", %s", values->log[i].name);
    st = known.status;
    if (st == LS_OK)
        st = ls_fail(LS_ERR_CONFIG, "filepath: nothing is called '{%.80s}' when the file is written; there is: %s",
                     field, known.data);
    ls_text_reset(&known);
    return st;
}

/* What stands between braces: "epoch:02d". */
static ls_status add_field(char *field, const ls_path_values *values, ls_text *out)
{
    char *const colon = strchr(field, ':');
    format_spec spec;
    bool good;

    if (colon)
        *colon = '\0';
    good = read_spec(colon ? colon + 1 : "", &spec);
    if (strcmp(field, "epoch") == 0) {
        good = good && add_integer(&spec, values->epoch, out);
    } else if (strcmp(field, "batch") == 0 && values->batch) {
        good = good && add_integer(&spec, values->batch, out);
    } else {
        size_t i = 0;

        while (i < values->logs && strcmp(values->log[i].name, field) != 0)
            i++;
        if (i == values->logs)
            return fail_field(field, values);
        good = good && add_float(&spec, values->log[i].value, out);
    }
    return good ? LS_OK
                : ls_fail(LS_ERR_CONFIG,
                          "filepath: '{%s:%s}' is no format that is known here; write {epoch:02d} or "
                          "{val_loss:.4f}",
                          field, colon ? colon + 1 : "");
}

ls_status ls_path_format(const char *path_template, const ls_path_values *values, ls_text *out)
{
    const char *c = path_template;

    while (*c) {
        char field[FIELD_BYTES];
        size_t length;

        if ((c[0] == '{' || c[0] == '}') && c[1] == c[0]) { /* Python's way to write a brace */
            ls_text_add_bytes(out, c, 1);
            c += 2;
        } else if (*c == '{') {
            length = strcspn(++c, "{}");
            if (c[length] != '}' || length >= sizeof field)
                return ls_fail(LS_ERR_CONFIG, "filepath: '{%.40s' has no '}'", c);
            memcpy(field, c, length);
            field[length] = '\0';
            LS_TRY(add_field(field, values, out));
            c += length + 1;
        } else if (*c == '}') {
            return ls_fail(LS_ERR_CONFIG, "filepath: a '}' without a '{' in '%s'; write '}}' for a brace",
                           path_template);
        } else {
            length = strcspn(c, "{}");
            ls_text_add_bytes(out, c, length);
            c += length;
        }
    }
    return out->status;
}
