/* The commands of the program on a file, in this process. */
#ifndef LS_FUZZ_COMMANDS_H
#define LS_FUZZ_COMMANDS_H

#include "cli/cli.h"

/* The communicator of this process alone; MPI starts with the first call. */
const ls_comm *fuzz_comm(void);

/*
 * Run a command with these arguments, ended by NULL. It succeeds or fails like a loader (fuzz_verdict), and what it
 * prints is text: lines without control characters.
 */
bool fuzz_command(const ls_command *command, ...) __attribute__((sentinel));

#endif
