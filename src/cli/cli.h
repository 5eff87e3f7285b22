/* What the commands share: one table, one way to read options, one way to fail. */
#ifndef LS_CLI_CLI_H
#define LS_CLI_CLI_H

#include <getopt.h>
#include <stdbool.h>

#include "comm/comm.h"
#include "experiment/experiment.h"

typedef struct ls_command {
    const char *name;
    const char *summary; /* one line, for `lockstep --help` */
    const char *help;    /* the whole page */
    /* OPTIONAL. The page about a first operand, as in `import csv --help`; NULL: `help` it is. */
    const char *(*help_about)(const char *operand);
    /* OPTIONAL. Before MPI is started; may start the program over in another way and then does not return. */
    void (*before_mpi)(int argc, char **argv);
    /* OPTIONAL. Right after MPI has started, before its first message. A failure of one rank ends the job. */
    ls_status (*after_mpi)(void);
    bool works_alone; /* one process needs no MPI for it */
    bool is_watched;  /* it ends with a message when no rank makes progress */
    /* REQUIRED. Collective: the same arguments on every rank. An error is an error everywhere (ls_agree). */
    ls_status (*run)(const ls_comm *comm, int argc, char **argv);
} ls_command;

/* All commands, in the order of `lockstep --help`. A new command is a file in this folder and a line here. */
#define LS_COMMAND_LIST(X) \
    X(new)                 \
    X(train)               \
    X(check)               \
    X(evaluate)            \
    X(predict)             \
    X(import)              \
    X(export)              \
    X(summary)             \
    X(inspect)             \
    X(compare)             \
    X(verify)              \
    X(sweep)               \
    X(report)              \
    X(schema)              \
    X(doctor)

#define LS_COMMAND_DECLARE(name) extern const ls_command ls_command_##name;
LS_COMMAND_LIST(LS_COMMAND_DECLARE)

/*
 * The next option of argv as getopt_long gives it, or -1 at the end. An unknown one or a missing value sets *st to
 * LS_ERR_USAGE with a message and gives -1.
 */
int ls_cli_option(int argc, char **argv, const struct option *options, ls_status *st);

/* Exactly n operands must follow the options; what: "EXPERIMENT.yaml". */
ls_status ls_cli_operands(int argc, char **argv, int n, const char *what);

/* A whole number from an option's value. */
ls_status ls_cli_number(const char *option, const char *text, long min, long max, long *out);

#endif
