/* Numbers for people: as many digits as mean something, with units. Each writes to out, which is returned. */
#ifndef LS_REPORT_SAY_H
#define LS_REPORT_SAY_H

#include "base/text.h"
#include "sweep/fits.h"

#define LS_SAY_BYTES 64

/* Four significant digits, whole numbers in full with commas: "1,204", "0.8123", "1.2e-05". NAN: "". */
const char *ls_say(double value, char out[LS_SAY_BYTES]);
/* Always four significant digits, so that the numbers of a column line up: "0.7600". NAN: "". */
const char *ls_say_measured(double value, char out[LS_SAY_BYTES]);
/* A whole number rounded: "1,204"; NAN: "". */
const char *ls_say_count(double value, char out[LS_SAY_BYTES]);
/* "350 ms", "12.3 s", "4 min 10 s", "3 h 05 min"; NAN: "". */
const char *ls_say_seconds(double seconds, char out[LS_SAY_BYTES]);
/* A number at an axis: as %g, with commas from 10,000. */
const char *ls_say_tick(double value, char out[LS_SAY_BYTES]);

/* "412 (95 % interval 380 to 455)", or the value alone if there is no interval; rounded to whole numbers. */
void ls_say_interval(ls_text *out, const ls_interval *interval);

/* A word for a shell, in single quotes where it needs them. */
void ls_say_shell(ls_text *out, const char *word);

#endif
