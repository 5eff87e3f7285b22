/* The lines of `lockstep doctor`. */
#include <stdarg.h>
#include <stdio.h>

#include "cli/doctor.h"

void ls_checkup_say(ls_checkup *c, ls_finding finding, const char *what, const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    c->failures += finding == LS_FATAL;
    c->warnings += finding == LS_WORTH_A_LOOK;
    if (c->comm->rank == 0)
        ls_text_add(&c->page, "%s %-13s %s\n",
                    finding == LS_FATAL          ? "!!"
                    : finding == LS_WORTH_A_LOOK ? "! "
                                                 : "  ",
                    what, line);
}
