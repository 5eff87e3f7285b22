/* lockstep COMMAND: picks the command, starts MPI, prints the one message of a failure. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/launcher.h"
#include "cli/long_run.h"
#include "comm/mpi_settings.h"
#include "formats/yaml.h"
#include "h5/lock.h"
#include "lockstep/version.h"
#include "sweep/sweep.h"
#include "tensor/kernels.h"

extern char **environ;

#define ENTRY(name) &ls_command_##name,

static const ls_command *const commands[] = {LS_COMMAND_LIST(ENTRY)};
#define COMMANDS (sizeof commands / sizeof commands[0])

/* How long a rank that failed waits for the others to fail too, before it ends the job alone. */
#define FAREWELL_S 3

static void print_usage(FILE *out)
{
    fprintf(out, "usage: lockstep COMMAND [ARGUMENTS]\n       mpirun -n P lockstep COMMAND [ARGUMENTS]\n\n"
                 "Data-parallel training: the same weights, bit for bit, on any number of ranks.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "\nlockstep COMMAND --help tells more. lockstep --version prints the version.\n"
                 "Exit status: 0 success; 1 the work failed; 2 wrong usage or configuration; 3 stopped by a signal "
                 "after writing a checkpoint.\n");
}

static const ls_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

/* A command too, so that one rank speaks for all. */
static ls_status run_unknown(const ls_comm *comm, int argc, char **argv)
{
    const char *known[COMMANDS];
    char hint[LS_HINT_BYTES];

    (void)comm;
    (void)argc;
    for (size_t i = 0; i < COMMANDS; i++)
        known[i] = commands[i]->name;
    return ls_fail(LS_ERR_USAGE, "unknown command '%s'%s; see lockstep --help", argv[0],
                   ls_hint(argv[0], known, COMMANDS, hint));
}

static const ls_command unknown = {.works_alone = true, .run = run_unknown};

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* The experiment of a sweep, which stands in another file, in the place of the sweep. */
static void go_to_base(const char *file, ls_config **root)
{
    ls_config *base = NULL;
    char *base_file = NULL;

    if (!ls_config_get(*root, "base") || ls_sweep_base(*root, file, &base, &base_file) != LS_OK)
        return;
    ls_free(base_file);
    ls_config_free(*root);
    *root = base;
}

/*
 * An experiment may pin OpenBLAS's kernel family (distributed.blas_kernel). The library reads its choice from the
 * environment when it is loaded, before main: so set it and start over, once. Errors are left for the command itself.
 */
static void pin_kernel(int argc, char **argv)
{
    ls_config *root = NULL;
    const char *wanted = NULL, *file = NULL, *now = getenv("OPENBLAS_CORETYPE");
    ls_status (*set)(ls_config *, const char *);

    for (int i = 1; i < argc && !root; i++) {
        const size_t n = strlen(argv[i]);

        if ((n > 5 && strcmp(argv[i] + n - 5, ".yaml") == 0) || (n > 4 && strcmp(argv[i] + n - 4, ".yml") == 0))
            if (ls_yaml_read(file = argv[i], &root) != LS_OK)
                return;
    }
    set = ls_config_get(root, "base") ? ls_sweep_set : ls_yaml_set;
    for (int i = 1; root && i < argc; i++) {
        if (strcmp(argv[i], "--set") == 0 && i + 1 < argc)
            set(root, argv[i + 1]);
        else if (strncmp(argv[i], "--set=", 6) == 0)
            set(root, argv[i] + 6);
    }
    if (root)
        go_to_base(file, &root);
    if (root && !ls_config_is_null(ls_config_get(ls_config_get(root, "distributed"), "blas_kernel")) &&
        ls_config_text(ls_config_get(ls_config_get(root, "distributed"), "blas_kernel"), "blas_kernel", &wanted) ==
            LS_OK &&
        strcasecmp(ls_blas_kernel(), wanted) != 0 && !(now && strcasecmp(now, wanted) == 0)) {
        setenv("OPENBLAS_CORETYPE", wanted, 1);
        execv("/proc/self/exe", argv - 1);
    }
    ls_config_free(root);
}

/*
 * One thread of OpenBLAS per rank, and none that only waits: OpenBLAS starts as many as there are processors when it is
 * loaded, each of which wants memory, and where there is none (ulimit -v) waits for it for ever, also when the program
 * is to end. The library has read the environment before main: so set it and start over, once.
 */
static void pin_threads(char **argv)
{
    const char *now = getenv("OPENBLAS_NUM_THREADS");

    if (now && strcmp(now, "1") == 0)
        return;
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    execv("/proc/self/exe", argv); /* if it cannot, things are as they were */
}

/* srun and mpirun of different MPI libraries start P programs that each believe to be alone. */
static ls_status check_launcher(const ls_comm *comm)
{
    for (const char *const *name = ls_launcher_sizes; *name && comm->size == 1; name++) {
        const char *value = getenv(*name);

        if (value && atoi(value) > 1)
            return ls_fail(LS_ERR_MPI,
                           "%s says that %s ranks were started, but MPI sees one: start lockstep with the "
                           "mpirun of the MPI it was built with (under Slurm, srun --mpi=pmix)",
                           *name, value);
    }
    return LS_OK;
}

/*
 * The one message of a failure. Of several faults, each has a line that begins with its place, as editors take it, and
 * the message is how many there are.
 */
static void print_failure(void)
{
    const size_t faults = ls_error_count();

    if (faults > 1)
        fprintf(stderr, "%s\nlockstep: %zu errors\n", ls_error_message(), faults);
    else
        fprintf(stderr, "lockstep: %s\n", ls_error_message());
}

/* What was printed is printed, or that is an error. errno is that of the last try, which says why. */
static ls_status finish_output(void)
{
    const bool failed = ferror(stdout) != 0;

    errno = 0;
    if (fflush(stdout) == 0 && !failed)
        return LS_OK;
    return ls_fail(LS_ERR_IO, "cannot write to standard output: %s", errno ? strerror(errno) : "part of it is lost");
}

/* Of what needs no command. */
static int finish_page(void)
{
    if (finish_output() == LS_OK)
        return 0;
    print_failure();
    return 1;
}

/* Print the one message. True if all ranks are here, so that MPI can be shut down in order. */
static bool farewell(const ls_comm *comm)
{
    const struct timespec nap = {.tv_nsec = 10 * 1000 * 1000};
    char host[MPI_MAX_PROCESSOR_NAME] = "";
    MPI_Request request;
    int together = 0;

    if (comm->rank == 0)
        print_failure();
    if (comm->size == 1)
        return true;
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    for (int looks = 0; looks < FAREWELL_S * 100; looks++) {
        MPI_Test(&request, &together, MPI_STATUS_IGNORE);
        if (together)
            return true;
        nanosleep(&nap, NULL);
    }
    if (comm->rank != 0) {
        gethostname(host, sizeof host - 1);
        fprintf(stderr, "lockstep: rank %d on %s: %s\n", comm->rank, host, ls_error_message());
    }
    return false;
}

/*
 * By mpirun, srun or another launcher, perhaps as one of many: what it leaves in the environment begins like this. A
 * name too many costs the start of MPI; one too few would start many runs of one rank each.
 */
static bool is_launched(void)
{
    static const char *const beginnings[] = {"OMPI_COMM_WORLD_", "PMI_",      "PMIX_",      "PMI2_",
                                             "SLURM_STEP_NUM",   "PALS_RANK", "ALPS_APP_",  "FLUX_TASK_",
                                             "JSM_NAMESPACE_",   "MV2_COMM_", "MPI_LOCALRA"};

    for (char **entry = environ; *entry; entry++)
        for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
            if (strncmp(*entry, beginnings[i], strlen(beginnings[i])) == 0)
                return true;
    return false;
}

static int run_alone(const ls_command *command, int argc, char **argv)
{
    ls_comm *comm = NULL;
    ls_status st;

    if (command->is_watched)
        ls_cli_watch_begin();
    st = ls_comm_alone(&comm);
    if (st == LS_OK)
        st = ls_comm_prepare(comm);
    if (st == LS_OK && command->is_watched)
        st = ls_cli_watch_ranks(comm);
    if (st == LS_OK)
        st = command->run(comm, argc, argv);
    ls_cli_watch_end();
    if (st == LS_OK)
        st = finish_output();
    if (st != LS_OK)
        print_failure();
    ls_comm_free(comm);
    return ls_exit_code(st);
}

static int run(const ls_command *command, int argc, char **argv)
{
    ls_comm *comm = NULL;
    ls_status st;
    int provided;

    if (!is_launched() && command->works_alone)
        return run_alone(command, argc, argv);
    if (!is_launched()) /* Open MPI 4 would start a daemon for one process, and look for ssh */
        setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
    ls_mpi_settings_apply();
    if (command->is_watched)
        ls_cli_watch_begin();
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    st = command->after_mpi ? command->after_mpi() : LS_OK;
    if (st != LS_OK || ls_comm_create(MPI_COMM_WORLD, &comm) != LS_OK) {
        print_failure();
        MPI_Abort(MPI_COMM_WORLD, 1);
        return 1;
    }
    st = check_launcher(comm);
    if (st == LS_OK)
        st = ls_comm_prepare(comm);
    if (st == LS_OK && command->is_watched)
        st = ls_cli_watch_ranks(comm);
    if (st == LS_OK)
        st = command->run(comm, argc, argv);
    ls_cli_watch_end();
    if (st == LS_OK)
        st = ls_agree(comm, comm->rank == 0 ? finish_output() : LS_OK);
    if (st != LS_OK && !farewell(comm))
        MPI_Abort(MPI_COMM_WORLD, ls_exit_code(st));
    ls_comm_free(comm);
    MPI_Finalize();
    return ls_exit_code(st);
}

/*
 * A signal that comes before it can be caught waits, also while the program starts over, which would forget it: it is
 * told to those who catch it, or ends the program, when they are ready.
 */
static void hold_signals(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(how, &set, NULL);
}

int main(int argc, char **argv)
{
    const ls_command *command;

    hold_signals(SIG_BLOCK);
    pin_threads(argv);
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return finish_page();
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("lockstep %s\n", ls_version());
        return finish_page();
    }
    if (!(command = find_command(argv[1])))
        return run(&unknown, argc - 1, argv + 1);
    if (asks_for_help(argc - 1, argv + 1)) {
        const char *about = command->help_about && argc > 2 ? command->help_about(argv[2]) : NULL;

        fputs(about ? about : command->help, stdout);
        return finish_page();
    }
    signal(SIGXFSZ, SIG_IGN); /* a file too large is an error of write */
    ls_h5_end_by_ourselves();
    if (command->before_mpi)
        command->before_mpi(argc - 1, argv + 1);
    pin_kernel(argc - 1, argv + 1);
    hold_signals(SIG_UNBLOCK);
    return run(command, argc - 1, argv + 1);
}
