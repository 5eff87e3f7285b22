/* lockstep sweep */
#include "sweep/sweep.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/check.h"
#include "cli/long_run.h"
#include "sweep/queue.h"
#include "sweep/settings.h"

static const char help[] =
    "usage: lockstep sweep SWEEP.yaml [OPTIONS]\n\n"
    "Trains many variants of one experiment and writes DIR/trials.csv and DIR/summary.csv: batch sizes, learning "
    "rates,\n"
    "scaling rules, seeds, any setting. With a target it measures how many updates each variant needs to reach it; "
    "with a\n"
    "learning-rate search every variant is compared at its own best rate. launch/sweeps/README.md of the sources tells "
    "all\n"
    "that can stand in the file, how the search goes, and what the columns of the tables are.\n\n"
    "  --output DIR         the directory of the sweep (default: `output` of the file)\n"
    "  --set KEY=VALUE      change a setting of the sweep file, as in --set budget.epochs=2; may be repeated. Keys\n"
    "                       in set, grid and list are those of the experiment: --set set.fit.shuffle=false\n"
    "  --shard I/N          do part I of N of the combinations: jobs of their own, one for each I, share one DIR\n"
    "  --dry-run            only say what it will take, as lockstep check does, and how much of it is done\n"
    "  --repeat ID          train the finished trial ID of DIR again, on any number of ranks, and compare "
    "fingerprints\n\n"
    "  name: batch-size                          # optional\n"
    "  base: ../experiments/fashion_mnist.yaml   # the experiment, relative to this file\n"
    "  set: {fit.validation_split: 0.1}          # settings for every trial\n"
    "  grid: {fit.batch_size: [32, 64, 128]}     # every combination; or list: [{fit.batch_size: 32}, ...]\n"
    "                                            # also ranks: [1, 2, 4], for strong and weak scaling\n"
    "  seeds: [1, 2, 3]                          # or 3\n"
    "  learning_rate:                            # or {rule: linear, base: 0.1, base_batch_size: 64, warmup_epochs: "
    "5}\n"
    "    search: {low: 0.001, high: 10, trials: 6}   # or {values: [0.01, 0.1, 1]}; also refine, widen, seed\n"
    "  budget: {epochs: 10}                      # or updates, samples, seconds\n"
    "  target: {val_accuracy: 0.88}\n"
    "  ranks_per_run: 1                          # side by side on groups of ranks; absent: all ranks on each run\n"
    "  output: runs/batch_size\n\n"
    "Results do not depend on the number of ranks, ranks_per_run and shards. More seeds, values or entries in the file go\n"
    "on in the same directory. A sweep that was stopped or killed goes on "
    "when it\n"
    "is started again; finished trials are not repeated. SIGTERM and SIGUSR1 end it with status 3. Groups side by side hold a copy of\n"
    "the data each, and data.memory is for each of them.\n";

enum { OUTPUT = 1, SET, REPEAT, SHARD, DRY_RUN };

static const struct option options[] = {
    {"output", required_argument, NULL, OUTPUT}, {"set", required_argument, NULL, SET},
    {"repeat", required_argument, NULL, REPEAT}, {"shard", required_argument, NULL, SHARD},
    {"dry-run", no_argument, NULL, DRY_RUN},     {NULL, 0, NULL, 0},
};

typedef struct arguments {
    const char *sweep, *output, *repeat;
    const char **setting;
    size_t settings;
    ls_shard shard;
    bool dry_run;
} arguments;

/* "2/8" */
static ls_status read_shard(const char *text, ls_shard *out)
{
    unsigned long long index, count;
    char end;

    if (strspn(text, "0123456789/") != strlen(text) || sscanf(text, "%llu/%llu%c", &index, &count, &end) != 2 ||
        !index || index > count || count > 1000000)
        return ls_fail(LS_ERR_USAGE, "--shard takes a part and how many there are, as in 1/8 to 8/8, not '%s'", text);
    *out = (ls_shard){(size_t)index - 1, (size_t)count};
    return LS_OK;
}

static ls_status read_arguments(int argc, char **argv, arguments *a)
{
    ls_status st = LS_OK;
    int option;

    *a = (arguments){0};
    if (!(a->setting = ls_calloc((size_t)argc, sizeof *a->setting, "arguments")))
        return LS_ERR_MEMORY;
    while ((option = ls_cli_option(argc, argv, options, &st)) != -1) {
        if (option == OUTPUT)
            a->output = optarg;
        else if (option == SET)
            a->setting[a->settings++] = optarg;
        else if (option == REPEAT)
            a->repeat = optarg;
        else if (option == SHARD)
            LS_TRY(read_shard(optarg, &a->shard));
        else if (option == DRY_RUN)
            a->dry_run = true;
    }
    LS_TRY(st);
    if (a->repeat && (a->shard.count || a->dry_run))
        return ls_fail(LS_ERR_USAGE, "--repeat goes neither with --shard nor with --dry-run");
    LS_TRY(ls_cli_operands(argc, argv, 1, "SWEEP.yaml"));
    a->sweep = argv[optind];
    return LS_OK;
}

/* distributed.timeout of the experiment. */
static ls_status find_timeout(const ls_sweep *sweep, double *out)
{
    const ls_trial trial = {.seed = sweep->seed[0],
                            .rate = sweep->rate == LS_RATE_SEARCHED ? sweep->search.point[0] : NAN};
    ls_experiment *experiment;
    double rate;

    LS_TRY(ls_trial_experiment(sweep, &trial, 0, &experiment, &rate));
    *out = experiment->distributed.timeout_s;
    ls_experiment_free(experiment);
    return LS_OK;
}

/* Collective. */
static ls_status say_cost(const ls_comm *comm, ls_sweep *sweep, const char *directory)
{
    ls_text text = {0};
    size_t done = 0, all = 0;
    int there = comm->rank == 0 && directory && ls_file_exists(directory);
    bool exact = true;
    ls_status st;

    LS_TRY_CLEANUP(ls_check_sweep(comm, sweep, &text));
    LS_TRY_CLEANUP(ls_mpi_check(MPI_Bcast(&there, 1, MPI_INT, 0, comm->mpi), "looking for the directory of a sweep"));
    if (there)
        LS_TRY_CLEANUP(ls_sweep_look(comm, sweep, directory, &done, &all, &exact));
    if (there)
        ls_text_add(&text, "%s: %zu of %s%zu trials are done.\n", directory, done, exact ? "" : "about ", all);
    else
        ls_text_add(&text, "Nothing is done yet.\n");
    if (comm->rank == 0)
        printf("%s", text.data ? text.data : "");
cleanup:
    ls_text_reset(&text);
    return st;
}

static ls_status work(const ls_comm *comm, const arguments *a, ls_sweep *sweep)
{
    ls_sweep_settings settings = {.directory = a->output ? a->output : sweep->output, .shard = a->shard, .out = stdout};
    double timeout_s = 0;

    if (a->dry_run)
        return say_cost(comm, sweep, settings.directory);
    if (!settings.directory || !*settings.directory)
        return ls_fail(LS_ERR_USAGE, "%s names no `output`: say where to write the sweep with --output DIR", a->sweep);
    LS_TRY(ls_sweep_check_ranks(comm, sweep));
    LS_TRY(ls_agree(comm, find_timeout(sweep, &timeout_s)));
    ls_cli_watch_timeout(timeout_s);
    settings.stop = ls_cli_catch_signals(); /* since before MPI; here for the flag */
    return a->repeat ? ls_sweep_repeat(comm, sweep, &settings, a->repeat) : ls_sweep_run(comm, sweep, &settings);
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    arguments a;
    ls_sweep *sweep = NULL;
    ls_status st = read_arguments(argc, argv, &a);

    if (st == LS_OK)
        st = ls_sweep_read(a.sweep, a.setting, a.settings, &sweep);
    st = ls_agree(comm, st);
    if (st == LS_OK)
        st = work(comm, &a, sweep);
    ls_sweep_free(sweep);
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

const ls_command ls_command_sweep = {
    .name = "sweep",
    .summary = "train many variants of an experiment, and compare them",
    .help = help,
    .before_mpi = catch_signals,
    .is_watched = true,
    .run = run,
};
