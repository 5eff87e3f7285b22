#include "cli/print.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

ls_status ls_cli_print(const ls_comm *comm, ls_status st, ls_text *text)
{
    if (st == LS_OK)
        st = text->status;
    if (comm->rank == 0 && text->data && (fputs(text->data, stdout) == EOF || fflush(stdout) == EOF) && st == LS_OK)
        st = ls_fail(LS_ERR_IO, "cannot write to standard output: %s", strerror(errno));
    ls_text_reset(text);
    return ls_agree(comm, st);
}

void ls_cli_warn_nan(const char *prefix, const ls_log *logs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(logs[i].value))
            fprintf(stderr,
                    "lockstep: warning: %s%s is NaN, no number: the model's outputs or its weights hold a NaN, or it is "
                    "not defined for these data\n",
                    prefix, logs[i].name);
}
