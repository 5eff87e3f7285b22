/*
 * One message of a job that hangs, and not one of each rank: who speaks tells the others on its host, before MPI can
 * carry anything, or when it does no more. A socket of each rank, with a name made of the job's and the rank's, that is
 * gone with its process. Not collective; where a launcher says too little of its job, or no socket can be had, nobody
 * hears anybody.
 */
#ifndef LS_CLI_ONE_VOICE_H
#define LS_CLI_ONE_VOICE_H

#include <stdbool.h>

/* Once, from the start of the process on. */
void ls_one_voice_listen(void);
/* Has another rank on this host spoken? */
bool ls_one_voice_heard(void);
/* This rank is about to speak. */
void ls_one_voice_speak(void);

#endif
