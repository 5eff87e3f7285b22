#include "commands.h"

#include <getopt.h>
#include <mpi.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"

#define ARGUMENTS_MAX 8

/* Of the sanitizers: what is allocated between the two is no leak. Open MPI's start loses memory. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

const ls_comm *fuzz_comm(void)
{
    static ls_comm *comm;

    if (comm)
        return comm;
    if (__lsan_disable)
        __lsan_disable();
    setenv("OMPI_MCA_btl", "self", 0); /* one process: no files for shared memory */
    MPI_Init(NULL, NULL);
    FUZZ_CHECK(fuzz_verdict(ls_comm_create(MPI_COMM_SELF, &comm)));
    if (__lsan_enable)
        __lsan_enable();
    return comm;
}

/* From the beginning of standard output, which is a file. */
static void check_printed(void)
{
    FILE *const f = fopen(fuzz_path("stdout"), "rb");
    int c;

    FUZZ_CHECK(f);
    while ((c = getc(f)) != EOF)
        FUZZ_CHECK((c >= ' ' && c != 127) || c == '\n' || c == '\t');
    fclose(f);
}

bool fuzz_command(const ls_command *command, ...)
{
    char *argv[ARGUMENTS_MAX + 2] = {(char *)(uintptr_t)command->name};
    static bool redirected;
    va_list arguments;
    int argc = 1;
    bool good;

    va_start(arguments, command);
    while (argc <= ARGUMENTS_MAX && (argv[argc] = va_arg(arguments, char *)) != NULL)
        argc++;
    va_end(arguments);
    if (!redirected)
        FUZZ_CHECK(freopen(fuzz_path("stdout"), "w", stdout));
    redirected = true;
    rewind(stdout);
    FUZZ_CHECK(ftruncate(fileno(stdout), 0) == 0);
    optind = 0; /* of the GNU library: begin anew */
    good = fuzz_verdict(command->run(fuzz_comm(), argc, argv));
    check_printed();
    return good;
}
