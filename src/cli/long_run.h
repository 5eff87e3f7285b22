/* What commands that run for long need: to be stopped by signals, and to end when the job hangs. */
#ifndef LS_CLI_LONG_RUN_H
#define LS_CLI_LONG_RUN_H

#include <signal.h>

#include "comm/comm.h"

/*
 * From now on SIGTERM, SIGUSR1, SIGINT and SIGHUP set the flag that is returned, but for those that whoever started the
 * program had it ignore (nohup); a second SIGINT ends it at once. A closed pipe is an error of write.
 */
const volatile sig_atomic_t *ls_cli_catch_signals(void);

/*
 * The watchdog of a command that all ranks work at: from before MPI starts, so that a rank that hangs there is noticed,
 * too. When no rank makes progress it ends the program with one message of the job, which names who does not answer or
 * stands elsewhere. It is the program's (ls_watchdog_set_program).
 */
void ls_cli_watch_begin(void);
/* Collective. From here on the ranks can be asked. */
ls_status ls_cli_watch_ranks(const ls_comm *comm);
/* distributed.timeout, once it is known; before, LOCKSTEP_TIMEOUT of the environment, or 600. */
void ls_cli_watch_timeout(double timeout_s);
void ls_cli_watch_end(void);

#endif
