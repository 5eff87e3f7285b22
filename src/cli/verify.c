/* lockstep verify */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/locale.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/long_run.h"
#include "run/fit.h"
#include "run/verify.h"

#define COUNTS_MAX 64

static const char help[] =
    "usage: lockstep verify EXPERIMENT.yaml -n 1,2,3,4 [--set KEY=VALUE]...\n\n"
    "Trains the experiment on each of these rank counts and compares them after every update: prints one fingerprint\n"
    "for all, or names the first update, tensor and microbatch where bits part (exit status 1). Writes no files.\n\n"
    "  -n, --ranks LIST     rank counts, the first being the reference (default: 1,2,3,4)\n"
    "  --set KEY=VALUE      change a setting, as in --set fit.epochs=1; may be repeated\n\n"
    "Started without mpirun it starts mpirun itself, with as many ranks as the largest count.\n";

enum { SET = 1 };

static const struct option options[] = {
    {"ranks", required_argument, NULL, 'n'},
    {"set", required_argument, NULL, SET},
    {NULL, 0, NULL, 0},
};

typedef struct arguments {
    const char *experiment;
    const char **setting;
    size_t settings, counts;
    int count[COUNTS_MAX], most;
} arguments;

static ls_status read_counts(const char *text, arguments *a)
{
    a->counts = 0;
    a->most = 0;
    for (const char *c = text;; c++) {
        char *end;
        const long value = strtol(c, &end, 10);

        if (end == c || value < 1 || value > 1000000 || (*end && *end != ',') || a->counts == COUNTS_MAX)
            return ls_fail(LS_ERR_USAGE, "-n takes rank counts with commas between, as in -n 1,2,3,4, not '%s'", text);
        a->count[a->counts++] = (int)value;
        if ((int)value > a->most)
            a->most = (int)value;
        if (!*end)
            return LS_OK;
        c = end;
    }
}

static ls_status read_arguments(int argc, char **argv, arguments *a)
{
    ls_status st = LS_OK;
    int option;

    *a = (arguments){0};
    if (!(a->setting = ls_calloc((size_t)argc, sizeof *a->setting, "arguments")))
        return LS_ERR_MEMORY;
    LS_TRY(read_counts("1,2,3,4", a));
    optind = 1;
    while ((option = ls_cli_option(argc, argv, options, &st)) != -1) {
        if (option == 'n')
            LS_TRY(read_counts(optarg, a));
        else if (option == SET)
            a->setting[a->settings++] = optarg;
    }
    LS_TRY(st);
    LS_TRY(ls_cli_operands(argc, argv, 1, "EXPERIMENT.yaml"));
    a->experiment = argv[optind];
    return LS_OK;
}

/* Before MPI starts: alone, this program cannot be several ranks; mpirun can make it so. */
static void start_ranks(int argc, char **argv)
{
    char self[PATH_MAX] = "", ranks[16];
    char **command;
    arguments a = {0};
    int n = 0;

    if (!getenv("OMPI_COMM_WORLD_SIZE") && !getenv("PMI_SIZE") && !getenv("PMIX_RANK") &&
        read_arguments(argc, argv, &a) == LS_OK && a.most > 1 &&
        readlink("/proc/self/exe", self, sizeof self - 1) > 0 &&
        (command = ls_calloc((size_t)argc + 8, sizeof *command, "a command")) != NULL) {
        snprintf(ranks, sizeof ranks, "%d", a.most);
        command[n++] = (char *)LS_MPIEXEC;
        command[n++] = (char *)"-n";
        command[n++] = ranks;
        command[n++] = self;
        for (int i = 0; i < argc; i++)
            command[n++] = argv[i];
        if (geteuid() == 0) {
            setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
            setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
        }
        setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 0);
        setenv("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe", 0);
        setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
        execvp(command[0], command);
        command[0] = (char *)"mpirun"; /* the program has come to another machine */
        execvp(command[0], command);
        ls_free(command);
    }
    ls_free(a.setting);
    optind = 1;
}

static void report(void *context, int ranks, const char *fingerprint, double seconds)
{
    char took[32];

    (void)context;
    ls_format(took, sizeof took, "%.1f s", seconds);
    printf("%4d rank%s  fingerprint: %s  %s\n", ranks, ranks == 1 ? " " : "s", fingerprint, took);
    fflush(stdout);
}

static ls_status verify(const ls_comm *comm, const arguments *a, const ls_experiment *experiment)
{
    ls_verify_result result;
    ls_text sentence = {0};
    ls_status st;

    if (comm->size < a->most)
        return ls_fail(LS_ERR_USAGE, "-n asks for %d ranks, but there are %d: start it with mpirun -n %d", a->most,
                       comm->size, a->most);
    ls_cli_watch_timeout(experiment->distributed.timeout_s);
    LS_TRY(ls_verify(comm, experiment, a->count, a->counts, NULL, report, NULL, &result));
    ls_verify_explain(&result, &sentence);
    st = sentence.status;
    if (st == LS_OK && result.difference != LS_SAME)
        st = ls_fail(LS_ERR_MISMATCH, "%s", sentence.data);
    else if (st == LS_OK && comm->rank == 0)
        printf("verified: %s\nfingerprint: %s\n", sentence.data, result.fingerprint);
    ls_text_reset(&sentence);
    return st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    arguments a;
    ls_experiment *experiment = NULL;
    ls_status st = read_arguments(argc, argv, &a);

    if (st == LS_OK)
        st = ls_fit_read(a.experiment, a.setting, a.settings, &experiment);
    st = ls_agree(comm, st);
    if (st == LS_OK)
        st = verify(comm, &a, experiment);
    ls_experiment_free(experiment);
    ls_free(a.setting);
    return st;
}

const ls_command ls_command_verify = {
    .name = "verify",
    .summary = "prove the same bits at several rank counts",
    .help = help,
    .before_mpi = start_ranks,
    .is_watched = true,
    .run = run,
};
