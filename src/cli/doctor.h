/* What `lockstep doctor` finds: a page of lines, and how many of them would make a training fail. */
#ifndef LS_CLI_DOCTOR_H
#define LS_CLI_DOCTOR_H

#include "base/text.h"
#include "comm/comm.h"

typedef struct ls_checkup {
    const ls_comm *comm;
    ls_text page; /* rank 0's */
    int failures, warnings;
} ls_checkup;

typedef enum ls_finding { LS_FINE, LS_WORTH_A_LOOK, LS_FATAL } ls_finding;

/* One line about `what`; what is not fine is counted, and marked. The same on all ranks, or on rank 0 alone. */
void ls_checkup_say(ls_checkup *checkup, ls_finding finding, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Collective. Ranks, hosts, binding, arithmetic, memory and network of the job. */
ls_status ls_checkup_job(ls_checkup *checkup);

#endif
