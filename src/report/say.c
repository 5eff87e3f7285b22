#include "report/say.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/locale.h"
#include "nn/summary.h"

#define WHOLE_MAX 1e15
#define NOTHING_S 5e-10 /* no clock of ours sees less */

const char *ls_say_count(double value, char out[LS_SAY_BYTES])
{
    char digits[LS_NUMBER_BYTES];

    out[0] = '\0';
    if (isnan(value))
        return out;
    if (fabs(value) >= WHOLE_MAX)
        ls_format(out, LS_SAY_BYTES, "%.3g", value);
    else
        snprintf(out, LS_SAY_BYTES, "%s%s", rint(value) < 0 ? "-" : "",
                 ls_format_count((uint64_t)fabs(rint(value)), digits));
    return out;
}

const char *ls_say(double value, char out[LS_SAY_BYTES])
{
    if (isnan(value) || (fabs(value) < WHOLE_MAX && (value == rint(value) || fabs(value) >= 1000)))
        return ls_say_count(value, out);
    ls_format(out, LS_SAY_BYTES, "%.4g", value);
    return out;
}

const char *ls_say_measured(double value, char out[LS_SAY_BYTES])
{
    out[0] = '\0';
    if (!isnan(value))
        ls_format(out, LS_SAY_BYTES, fabs(value) >= 1000 && fabs(value) < WHOLE_MAX ? "%.0f" : "%#.4g", value);
    return out;
}

const char *ls_say_tick(double value, char out[LS_SAY_BYTES])
{
    if (fabs(value) >= 10000 && fabs(value) < 1e9 && value == rint(value))
        return ls_say_count(value, out);
    ls_format(out, LS_SAY_BYTES, "%.6g", value == 0 ? 0 : value); /* no -0 */
    return out;
}

const char *ls_say_seconds(double s, char out[LS_SAY_BYTES])
{
    const double minutes = floor(rint(s) / 60);

    out[0] = '\0';
    if (isnan(s))
        return out;
    if (s < NOTHING_S)
        snprintf(out, LS_SAY_BYTES, "0 s");
    else if (s < 0.9995e-3) /* what rounds to 1000 belongs to the next unit */
        ls_format(out, LS_SAY_BYTES, "%.3g µs", 1e6 * s);
    else if (s < 0.9995)
        ls_format(out, LS_SAY_BYTES, "%.3g ms", 1e3 * s);
    else if (s < 59.95)
        ls_format(out, LS_SAY_BYTES, "%.3g s", s);
    else if (s < 3599.5)
        ls_format(out, LS_SAY_BYTES, "%.0f min %02.0f s", minutes, rint(s) - 60 * minutes);
    else
        ls_format(out, LS_SAY_BYTES, "%.0f h %02.0f min", floor(rint(s / 60) / 60), fmod(rint(s / 60), 60));
    return out;
}

void ls_say_interval(ls_text *out, const ls_interval *interval)
{
    char text[LS_SAY_BYTES];

    ls_text_add(out, "%s", ls_say_count(interval->value, text));
    if (isnan(interval->low) || isnan(interval->high))
        return;
    ls_text_add(out, " (95 %% interval %s", ls_say_count(interval->low, text));
    ls_text_add(out, " to %s)", ls_say_count(interval->high, text));
}

void ls_say_shell(ls_text *out, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./=:,+@%";

    if (*word && word[strspn(word, plain)] == '\0') {
        ls_text_add(out, "%s", word);
        return;
    }
    ls_text_add(out, "'");
    for (; *word; word++) {
        if (*word == '\'')
            ls_text_add(out, "'\\'"); /* ends the quotes, a quote, and begins them again */
        ls_text_add_bytes(out, word, 1);
    }
    ls_text_add(out, "'");
}
