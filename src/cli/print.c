#include "cli/print.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "train/advice.h"

ls_status ls_cli_print(const ls_comm *comm, ls_status st, ls_text *text)
{
    if (st == LS_OK)
        st = text->status;
    if (text->data)
        ls_make_printable(text->data, true);
    if (comm->rank == 0 && text->data && (fputs(text->data, stdout) == EOF || fflush(stdout) == EOF) && st == LS_OK)
        st = ls_fail(LS_ERR_IO, "cannot write to standard output: %s", strerror(errno));
    ls_text_reset(text);
    return ls_agree(comm, st);
}

void ls_cli_warn_nan(const char *prefix, const ls_log *logs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(logs[i].value))
            fprintf(
                stderr,
                "lockstep: warning: %s%s is NaN, no number: outputs or weights of the model are, or a logarithm was taken of "
                "a negative output, or it is not defined for these data\n",
                prefix, logs[i].name);
}

ls_status ls_cli_advise(const ls_task *task)
{
    ls_text text = {0};
    ls_status st = ls_task_advice(task, &text);

    for (char *line = text.data, *end; st == LS_OK && task->comm->rank == 0 && line && *line; line = end + 1) {
        end = strchr(line, '\n');
        fprintf(stderr, "lockstep: warning: %.*s\n", (int)(end - line), line);
    }
    ls_text_reset(&text);
    return st;
}
