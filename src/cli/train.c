/* lockstep train */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/locale.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/draft.h"
#include "cli/long_run.h"
#include "cli/new_rows.h"
#include "cli/print.h"
#include "run/claim.h"
#include "run/fit.h"
#include "run/run_files.h"

static const char help[] =
    "usage: lockstep train EXPERIMENT.yaml [OPTIONS]\n"
    "       lockstep train --data FILE.csv --target COLUMN [OPTIONS]\n\n"
    "Trains the model of an experiment, writes its run directory and ends with a line `fingerprint: HEX`, the XXH3-128\n"
    "of all weights: equal fingerprints mean equal bits, on any number of ranks.\n\n"
    "  --data DATA          no experiment yet: write one for a CSV file, a folder of images or a dataset file first, as\n"
    "                       `lockstep new` does, beside it and of its name, and train that\n"
    "  --target COLUMN      the column of the CSV file that is to be predicted\n"
    "  --output DIR         the run directory (default: `output` of the experiment)\n"
    "  --resume             go on from DIR/checkpoint.h5, on any number of ranks; if it is damaged, from the newest whole\n"
    "                       one of those that fit.checkpoint_keep kept; starts afresh if there is none. fit.epochs, the\n"
    "                       learning rate and callbacks may be others than before, which is said here and in run.json\n"
    "  --overwrite          replace the run that is in DIR: its files go, those of its callbacks in DIR, too. Without it\n"
    "                       and --resume a directory with a run in it is refused\n"
    "  --set KEY=VALUE      change a setting, as in --set fit.epochs=3; may be repeated. A value replaces all there is\n"
    "                       below its key: --set 'fit={epochs: 3}' leaves nothing else of fit\n"
    "  --verbose 0|1|2      silent, a progress bar, one line per epoch (default: a bar on a terminal, else lines)\n"
    "  --trace              write DIR/trace.txt: hashes of samples, gradients and weights after every update (not with\n"
    "                       --resume: a trace begins with the first update)\n"
    "  --profile            write DIR/timeline.json: what each rank did when, for Perfetto (ui.perfetto.dev) or\n"
    "                       chrome://tracing; a table at the end says where the time went, how much communication was\n"
    "                       hidden and which rank was slowest, as do run.json and `lockstep report`\n"
    "  --allow-other-kernel\n"
    "                       resume a checkpoint of another arithmetic, of another revision of it, or with OpenBLAS of\n"
    "                       another kernel family or version of lockstep\n\n"
    "Paths of data and of initial weights, in the experiment and in --set, are relative to the experiment file; --output and\n"
    "`output` to where you are; files of callbacks to the run directory.\n\n"
    "SIGTERM, SIGUSR1, SIGHUP and Ctrl-C write the checkpoint at once, of the last update that is finished, and exit with\n"
    "status 3; a second Ctrl-C exits without. What mpirun makes of them is told in launch/README.md of the sources.\n";

enum { OUTPUT = 1, RESUME, OVERWRITE, SET, VERBOSE, TRACE, PROFILE, ALLOW, DATA, TARGET };

static const struct option options[] = {
    {"output", required_argument, NULL, OUTPUT},
    {"resume", no_argument, NULL, RESUME},
    {"overwrite", no_argument, NULL, OVERWRITE},
    {"set", required_argument, NULL, SET},
    {"verbose", required_argument, NULL, VERBOSE},
    {"trace", no_argument, NULL, TRACE},
    {"profile", no_argument, NULL, PROFILE},
    {"allow-other-kernel", no_argument, NULL, ALLOW},
    {"data", required_argument, NULL, DATA},
    {"target", required_argument, NULL, TARGET},
    {NULL, 0, NULL, 0},
};

typedef struct arguments {
    const char *experiment, *output; /* experiment: draft.experiment with data */
    const char *data, *target;       /* data NULL: there is an experiment */
    ls_draft draft;
    const char **setting;
    size_t settings;
    bool resume, overwrite, trace, profile, allow;
    long verbose;
} arguments;

static ls_status check_data(const arguments *a, int argc)
{
    if (a->target && !a->data)
        return ls_fail(LS_ERR_USAGE, "--target names a column of --data FILE.csv, which is not given");
    if (a->data && optind < argc)
        return ls_fail(LS_ERR_USAGE, "--data writes an experiment for data that have none yet; an experiment names its "
                                     "own: give one of the two");
    if (a->data && a->resume)
        return ls_fail(LS_ERR_USAGE, "--data writes a new experiment; to go on, name the one it has written, and "
                                     "--resume");
    return LS_OK;
}

static ls_status read_arguments(int argc, char **argv, arguments *a)
{
    ls_status st = LS_OK;
    int option;

    *a = (arguments){.verbose = -1};
    if (!(a->setting = ls_calloc((size_t)argc, sizeof *a->setting, "arguments")))
        return LS_ERR_MEMORY;
    while ((option = ls_cli_option(argc, argv, options, &st)) != -1) {
        if (option == OUTPUT)
            a->output = optarg;
        else if (option == RESUME)
            a->resume = true;
        else if (option == OVERWRITE)
            a->overwrite = true;
        else if (option == SET)
            a->setting[a->settings++] = optarg;
        else if (option == VERBOSE)
            LS_TRY(ls_cli_number("--verbose", optarg, 0, 2, &a->verbose));
        else if (option == TRACE)
            a->trace = true;
        else if (option == PROFILE)
            a->profile = true;
        else if (option == ALLOW)
            a->allow = true;
        else if (option == DATA)
            a->data = optarg;
        else if (option == TARGET)
            a->target = optarg;
    }
    LS_TRY(st);
    LS_TRY(check_data(a, argc));
    if (a->trace && a->resume)
        return ls_fail(LS_ERR_USAGE, "--trace and --resume do not go together: a trace begins with the first update");
    if (a->overwrite && a->resume)
        return ls_fail(LS_ERR_USAGE, "--overwrite and --resume do not go together: one replaces what the other goes on "
                                     "from");
    if (a->data)
        return LS_OK;
    LS_TRY(ls_cli_operands(argc, argv, 1, "EXPERIMENT.yaml"));
    a->experiment = argv[optind];
    if (ls_is_table(a->experiment) || ls_ends_with(a->experiment, ".h5"))
        return ls_fail(LS_ERR_USAGE, "'%s' is no experiment; to train a first model on it: lockstep train --data %s%s",
                       a->experiment, a->experiment, ls_is_table(a->experiment) ? " --target COLUMN" : "");
    return LS_OK;
}

static void warn(void *context, const char *message)
{
    (void)context;
    fprintf(stderr, "lockstep: warning: %s\n", message);
}

/* More ranks than microbatches work, but the surplus only waits. */
static void warn_idle_ranks(const ls_comm *comm, const ls_experiment *e)
{
    const long long microbatches = (e->fit.batch_size + e->fit.microbatch - 1) / e->fit.microbatch;

    if (comm->rank == 0 && comm->size > microbatches)
        fprintf(stderr,
                "lockstep: warning: %d ranks, but a batch of %lld has %lld microbatches of %lld: %lld ranks will do "
                "nothing; more than %lld ranks add nothing here\n",
                comm->size, (long long)e->fit.batch_size, microbatches, (long long)e->fit.microbatch,
                (long long)comm->size - microbatches, microbatches);
}

/* An epoch of fewer updates than fit.steps_per_epoch says; Keras warns too. */
static void warn_short_epochs(const ls_task *task)
{
    const ls_fit_options *fit = &task->experiment->fit;
    const long long steps = (long long)fit->steps_per_epoch;
    const long long batches = (long long)ls_batches(task->train->samples, (uint64_t)fit->batch_size);

    if (task->comm->rank != 0 || !fit->steps_per_epoch || batches % steps == 0)
        return;
    if (steps > batches)
        fprintf(stderr,
                "lockstep: warning: fit.steps_per_epoch is %lld, but the training data have %lld batches: epochs have "
                "%lld steps\n",
                steps, batches, batches);
    else
        fprintf(stderr,
                "lockstep: warning: fit.steps_per_epoch is %lld, and the training data have %lld batches: one epoch in "
                "%lld has what is left, %lld\n",
                steps, batches, batches / steps + 1, batches % steps);
}

/*
 * data.test, wherever it is: as validation data it is the task's only copy. NULL: there is none, or it has no targets.
 */
static const ls_split *test_split(const ls_task *task)
{
    const char *validation = task->experiment->fit.validation_data;
    const ls_split *test = task->test;

    if (!test && validation && strcmp(validation, "test") == 0)
        test = task->validation;
    return test && ls_task_check_targets(task, test) == LS_OK ? test : NULL;
}

static void print_test(const ls_log *logs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char value[400];

        ls_format(value, sizeof value, "%.4f", logs[i].value);
        printf("test %s: %s\n", logs[i].name, value);
    }
    ls_cli_warn_nan("test ", logs, n);
}

/* Collective. The trace file of rank 0; others get NULL. */
static ls_status open_trace(const ls_comm *comm, const char *directory, FILE **out)
{
    ls_status st = LS_OK;
    char *path = NULL;

    *out = NULL;
    if (comm->rank == 0)
        st = (path = ls_path_join(directory, LS_RUN_TRACE)) ? ls_file_start(path, out) : LS_ERR_MEMORY;
    ls_free(path);
    return ls_agree(comm, st);
}

/*
 * Does what this rank prints end up on a terminal? Open MPI gives its ranks a pseudo-terminal of their own, whatever
 * its own output goes to: then it is mpirun's, the parent's, that counts.
 */
static bool prints_on_terminal(void)
{
    char link[64], target[PATH_MAX] = "";

    if (!isatty(STDOUT_FILENO))
        return false;
    if (!getenv("OMPI_COMM_WORLD_SIZE"))
        return true;
    snprintf(link, sizeof link, "/proc/%ld/fd/1", (long)getppid());
    return readlink(link, target, sizeof target - 1) > 0 &&
           (strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0);
}

static ls_status train(const ls_comm *comm, const arguments *a, const ls_experiment *e)
{
    const char *directory = a->output ? a->output : e->output;
    ls_fit_settings settings = {.directory = directory,
                                .resume = a->resume,
                                .overwrite = a->overwrite,
                                .allow_other_kernel = a->allow,
                                .explains = a->verbose == 2,
                                .profile = a->profile,
                                .verbose = a->verbose >= 0        ? (int)a->verbose
                                           : prints_on_terminal() ? 1
                                                                  : 2,
                                .out = stdout,
                                .warn = warn,
                                .tested = print_test};
    ls_trace_sink sink = {.update = ls_trace_write};
    ls_fit_result result;
    ls_task *task = NULL;
    ls_run_claim claim = {0};
    FILE *trace = NULL;
    ls_status st;

    if (!directory || !*directory)
        return ls_fail(LS_ERR_USAGE, "%s names no `output`: say where to write the run with --output DIR",
                       a->experiment);
    LS_TRY(ls_run_check(comm, directory, a->resume, a->overwrite)); /* before much is read */
    warn_idle_ranks(comm, e);
    ls_cli_watch_timeout(e->distributed.timeout_s);
    LS_TRY_CLEANUP(ls_task_create(comm, e, &task));
    warn_short_epochs(task);
    LS_TRY_CLEANUP(ls_agree(comm, ls_cli_advise(task)));
    LS_TRY_CLEANUP(ls_run_take(comm, directory, a->resume, a->overwrite, &claim));
    if (a->trace) {
        LS_TRY_CLEANUP(open_trace(comm, directory, &trace));
        sink.context = trace;
        settings.trainer.trace = &sink;
    }
    settings.stop = ls_cli_catch_signals(); /* since before MPI; here for the flag */
    settings.test = test_split(task);
    LS_TRY_CLEANUP(ls_fit(task, &settings, &result));
    if (comm->rank == 0)
        printf("fingerprint: %s\n", result.fingerprint);
cleanup:
    if (trace)
        fclose(trace);
    ls_run_release(&claim);
    ls_task_free(task);
    return st;
}

/* Collective. With --data: the experiment is written first, by rank 0. */
static ls_status draft(const ls_comm *comm, arguments *a)
{
    const ls_draft_request request = {.from = a->data, .target = a->target, .overwrite = a->overwrite};
    ls_text said = {0};
    ls_status st;

    if (!a->data)
        return LS_OK;
    st = ls_agree(comm, comm->rank == 0 ? ls_draft_make(&request, &a->draft) : ls_draft_name(&request, &a->draft));
    if (st == LS_OK && comm->rank == 0 && a->verbose != 0)
        ls_draft_describe(&a->draft, &said);
    if (said.length)
        fputs(said.data, stdout);
    ls_text_reset(&said);
    a->experiment = a->draft.experiment;
    return st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    arguments a;
    ls_experiment *experiment = NULL;
    ls_status st = read_arguments(argc, argv, &a);

    if (st == LS_OK)
        st = draft(comm, &a);
    if (st == LS_OK)
        st = ls_fit_read(a.experiment, a.setting, a.settings, &experiment);
    st = ls_agree(comm, st);
    if (st == LS_OK)
        st = train(comm, &a, experiment);
    ls_experiment_free(experiment);
    ls_draft_reset(&a.draft);
    ls_free(a.setting);
    return st;
}

/* A signal that comes early, while MPI starts or data are read, counts too. */
static void catch_signals(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    ls_cli_catch_signals();
}

const ls_command ls_command_train = {
    .name = "train",
    .summary = "train the model of an experiment",
    .help = help,
    .before_mpi = catch_signals,
    .works_alone = true,
    .is_watched = true,
    .run = run,
};
