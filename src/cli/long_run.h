/* What commands that run for long need: to be stopped by signals, and to end when the job hangs. */
#ifndef LS_CLI_LONG_RUN_H
#define LS_CLI_LONG_RUN_H

#include <signal.h>
#include <stdint.h>

/*
 * From now on SIGTERM and SIGUSR1 set the flag that is returned, and a closed pipe or a full disk are errors of write.
 */
const volatile sig_atomic_t *ls_cli_catch_signals(void);

/* An ls_watchdog_expired that ends the program with one message of the job. context: its ls_comm. */
void ls_cli_expired(void *context, double timeout_s, const char *phase, uint64_t update);

#endif
