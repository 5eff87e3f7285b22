/* What commands that run for long need: to be stopped by signals, and to end when the job hangs. */
#ifndef LS_CLI_LONG_RUN_H
#define LS_CLI_LONG_RUN_H

#include <signal.h>
#include <stdint.h>

/*
 * From now on SIGTERM, SIGUSR1, SIGINT and SIGHUP set the flag that is returned, but for those that whoever started the
 * program had it ignore (nohup); a second SIGINT ends it at once. A closed pipe is an error of write.
 */
const volatile sig_atomic_t *ls_cli_catch_signals(void);

/* An ls_watchdog_expired that ends the program with one message of the job. context: its ls_comm. */
void ls_cli_expired(void *context, double timeout_s, const char *phase, uint64_t update);

#endif
