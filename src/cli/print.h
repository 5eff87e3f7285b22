/* The last step of a command that rank 0 does alone: its text, and one verdict for all ranks. */
#ifndef LS_CLI_PRINT_H
#define LS_CLI_PRINT_H

#include "base/text.h"
#include "comm/comm.h"
#include "train/task.h"

/*
 * Collective. Rank 0 prints what it found out so far, also before a failure, and resets the text; the others pass an
 * empty one. st: of this rank. Output that cannot be written is an error too.
 */
ls_status ls_cli_print(const ls_comm *comm, ls_status st, ls_text *text);

/* What ls_task_advice says, as warnings of rank 0. */
ls_status ls_cli_advise(const ls_task *task);
/* A warning that names the values that are NaN, if some are: by rank 0. prefix: before the names, "test ". */
void ls_cli_warn_nan(const char *prefix, const ls_log *logs, size_t n);

#endif
