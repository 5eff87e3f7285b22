#include "cli/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

ls_status ls_cli_report(const ls_comm *comm, ls_status st, ls_text *text)
{
    if (st == LS_OK)
        st = text->status;
    if (comm->rank == 0 && text->data && (fputs(text->data, stdout) == EOF || fflush(stdout) == EOF) && st == LS_OK)
        st = ls_fail(LS_ERR_IO, "cannot write to standard output: %s", strerror(errno));
    ls_text_reset(text);
    return ls_agree(comm, st);
}
