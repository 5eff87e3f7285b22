/* lockstep check */
#include "cli/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/long_run.h"
#include "cli/print.h"
#include "formats/yaml.h"
#include "nn/summary.h"
#include "run/fit.h"
#include "train/epoch_plan.h"
#include "train/task.h"

static const char help[] =
    "usage: lockstep check EXPERIMENT.yaml|SWEEP.yaml [-n N] [OPTIONS]\n\n"
    "Says all that can be known of an experiment without training it: every error at once, the model's table, data, updates,\n"
    "how many ranks can share a batch, memory, and how long it will take, by a few updates that are done and thrown away.\n"
    "Of a sweep: its trials, and what each combination takes. Nothing is written. Started by mpirun, it measures on all\n"
    "ranks there are.\n\n"
    "  -n, --ranks N        how it would go on so many ranks\n"
    "  --set KEY=VALUE      change a setting, as in --set fit.batch_size=64; may be repeated\n";

enum { SET = 1 };

static const struct option options[] = {
    {"ranks", required_argument, NULL, 'n'}, {"set", required_argument, NULL, SET}, {NULL, 0, NULL, 0}};

#define MEASURE_S 0.5

/* ---- what there is to say ---- */

static void add_title(const char *title, ls_text *out)
{
    ls_text_add(out, "%-12s ", title);
}

static void describe_split(const char *name, const ls_split *split, const ls_split_spec *spec, ls_text *out)
{
    if (!split)
        return;
    add_title(name, out);
    ls_text_add(out, "%" PRIu64 " samples", split->samples);
    if (spec && spec->xs && spec->x[0].file)
        ls_text_add(out, " of %s", spec->x[0].file);
    ls_text_add(out, "\n");
}

static void describe_data(const ls_task *task, ls_text *out)
{
    const ls_experiment *e = task->experiment;

    describe_split("train", task->train, ls_experiment_split(e, "train"), out);
    describe_split(
        "validation", task->validation,
        e->fit.validation_data ? ls_experiment_split(e, e->fit.validation_data) : ls_experiment_split(e, "train"), out);
    describe_split("test", task->test, ls_experiment_split(e, "test"), out);
}

/* Of the whole training. */
static uint64_t count_updates(const ls_fit_options *fit, uint64_t samples)
{
    return ls_epoch_plan_of(fit, samples, (uint64_t)fit->epochs).before -
           ls_epoch_plan_of(fit, samples, (uint64_t)fit->initial_epoch).before;
}

static void describe_updates(const ls_task *task, ls_text *out)
{
    const ls_fit_options *fit = &task->experiment->fit;
    const ls_epoch_plan first = ls_epoch_plan_of(fit, task->train->samples, (uint64_t)fit->initial_epoch);
    const long long epochs = (long long)(fit->epochs - fit->initial_epoch);

    add_title("updates", out);
    ls_text_add(out, "%" PRIu64 " in an epoch, %" PRIu64 " in %lld epoch%s\n", first.batches,
                count_updates(fit, task->train->samples), epochs, epochs == 1 ? "" : "s");
}

static int64_t microbatches_of(const ls_fit_options *fit)
{
    return (fit->batch_size + fit->microbatch - 1) / fit->microbatch;
}

static void describe_batch(const ls_fit_options *fit, long ranks, ls_text *out)
{
    const long long m = (long long)microbatches_of(fit), most = (m + ranks - 1) / ranks;

    add_title("batch", out);
    ls_text_add(out, "%lld samples over all ranks, in %lld microbatch%s of %lld: %lld rank%s can share it\n",
                (long long)fit->batch_size, m, m == 1 ? "" : "es", (long long)fit->microbatch, m, m == 1 ? "" : "s");
    add_title("ranks", out);
    if (ranks > m)
        ls_text_add(out,
                    "%ld: %lld of them would have nothing to do; a batch_size of %lld would keep all at work, which is "
                    "another experiment\n",
                    ranks, ranks - m, (long long)fit->microbatch * ranks);
    else
        ls_text_add(out, "%ld: each has %s%lld of the %lld microbatches%s\n", ranks, m % ranks ? "at most " : "", most,
                    m, m % ranks ? ", some one less, and waits for the others" : "");
}

static double data_bytes(const ls_split *split)
{
    return split ? (double)ls_split_bytes(split) : 0;
}

/* In units of 1000, as of disks and of data.memory. */
static const char *megabytes(double bytes, char out[32])
{
    snprintf(out, 32, bytes < 999.5e6 ? "%.3g MB" : "%.3g GB", bytes * (bytes < 999.5e6 ? 1e-6 : 1e-9));
    return out;
}

static void describe_memory(const ls_task *task, const ls_measured *m, long ranks, ls_text *out)
{
    const double limit = (double)task->experiment->data.memory_bytes;
    const double all = data_bytes(task->train) + data_bytes(task->validation) + data_bytes(task->test);
    const double data = limit > 0 && limit < all ? limit : all;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN), here = ranks < cores || cores < 1 ? ranks : cores;
    char text[3][32];

    add_title("memory", out);
    ls_text_add(out, "a rank about %s, a node %s of data once", megabytes(m->rank_bytes, text[0]),
                megabytes(data, text[1]));
    ls_text_add(out, ": %s with %ld rank%s on it\n", megabytes(data + (double)here * m->rank_bytes, text[2]), here,
                here == 1 ? "" : "s");
    add_title("disk", out);
    ls_text_add(out, "about %s for each checkpoint and for the model\n",
                megabytes(4.0 * (double)task->model->size + m->slot_bytes + 1e5, text[0]));
}

/* Seconds of evaluation: of validation, and of the test at the end. */
static double evaluation_s(const ls_task *task, const ls_measured *m)
{
    const ls_fit_options *fit = &task->experiment->fit;
    const double epochs = (double)((fit->epochs - fit->initial_epoch) / fit->validation_freq);
    double samples = task->test ? (double)task->test->samples : 0;

    if (task->validation) {
        double each = (double)task->validation->samples;

        if (fit->validation_steps && (double)(fit->validation_steps * fit->validation_batch_size) < each)
            each = (double)(fit->validation_steps * fit->validation_batch_size);
        samples += epochs * each;
    }
    return samples * m->sample_s;
}

static void describe_time(const ls_task *task, const ls_measured *m, long ranks, ls_text *out)
{
    const ls_fit_options *fit = &task->experiment->fit;
    const double updates = (double)count_updates(fit, task->train->samples), evaluation = evaluation_s(task, m);
    const int64_t all = microbatches_of(fit), now = (all + task->comm->size - 1) / task->comm->size;
    const double share = (double)((all + ranks - 1) / ranks) / (double)now;
    char text[3][LS_DURATION_BYTES];

    add_title("time", out);
    ls_text_add(out, "%s an update on %d rank%s here (median of %zu)", ls_format_duration(m->update_s, text[0]),
                task->comm->size, task->comm->size == 1 ? "" : "s", m->updates);
    ls_text_add(out, ": %s to train%s\n", ls_format_duration(updates * m->update_s, text[1]),
                ls_experiment_split(task->experiment, "train") && fit->epochs > 1 ? ", unless a callback stops it"
                                                                                  : "");
    if (evaluation > 0) {
        add_title("", out);
        ls_text_add(out, "%s to validate and test\n", ls_format_duration(evaluation, text[2]));
    }
    if (ranks == task->comm->size)
        return;
    add_title("", out);
    ls_text_add(out, "on %ld ranks at best %s to train, without what sums between them take (mpirun measures that)\n",
                ranks, ls_format_duration(updates * m->update_s * share, text[0]));
}

ls_status ls_check_experiment(const ls_comm *comm, const ls_experiment *e, long ranks, ls_text *out)
{
    ls_task *task = NULL;
    ls_measured m;
    ls_status st;

    ranks = ranks > 0 ? ranks : comm->size;
    LS_TRY(ls_agree(comm, ls_task_describe(comm, e, &task)));
    LS_TRY_CLEANUP(ls_measure(comm, e, MEASURE_S, &m));
    if (comm->rank == 0) {
        LS_TRY_CLEANUP(ls_summary_write(task->model, out));
        ls_text_add(out, "\n");
        describe_data(task, out);
        describe_updates(task, out);
        describe_batch(&e->fit, ranks, out);
        describe_memory(task, &m, ranks, out);
        describe_time(task, &m, ranks, out);
        ls_text_add(out, "\nNo error was found.\n");
        st = out->status;
    }
cleanup:
    ls_task_free(task);
    return ls_agree(comm, st);
}

/* ---- the command ---- */

typedef struct arguments {
    const char *file;
    const char **setting;
    size_t settings;
    long ranks;
} arguments;

static ls_status read_arguments(int argc, char **argv, arguments *a)
{
    ls_status st = LS_OK;
    int option;

    if (!(a->setting = ls_calloc((size_t)argc, sizeof *a->setting, "arguments")))
        return LS_ERR_MEMORY;
    while ((option = ls_cli_option(argc, argv, options, &st)) != -1)
        if (option == 'n')
            LS_TRY(ls_cli_number("-n", optarg, 1, 1 << 24, &a->ranks));
        else
            a->setting[a->settings++] = optarg;
    LS_TRY(st);
    LS_TRY(ls_cli_operands(argc, argv, 1, "EXPERIMENT.yaml|SWEEP.yaml"));
    a->file = argv[optind];
    return LS_OK;
}

/* Collective. */
static ls_status check_sweep_file(const ls_comm *comm, const arguments *a, ls_text *out)
{
    ls_sweep *sweep = NULL;
    ls_status st = ls_agree(comm, ls_sweep_read(a->file, a->setting, a->settings, &sweep));

    if (st == LS_OK)
        st = ls_check_sweep(comm, sweep, out);
    ls_sweep_free(sweep);
    return st;
}

static ls_status is_sweep(const char *file, bool *out)
{
    ls_config *root;

    LS_TRY(ls_yaml_read(file, &root));
    *out = ls_config_get(root, "base") != NULL && !ls_config_get(root, "model");
    ls_config_free(root);
    return LS_OK;
}

static ls_status check(const ls_comm *comm, const arguments *a, ls_text *out)
{
    ls_experiment *experiment = NULL;
    bool sweep = false;
    ls_status st;

    LS_TRY(ls_agree(comm, is_sweep(a->file, &sweep)));
    if (sweep && a->ranks)
        return ls_fail(LS_ERR_USAGE, "-n is for an experiment; a sweep is measured on the ranks that mpirun starts");
    if (sweep)
        return check_sweep_file(comm, a, out);
    st = ls_agree(comm, ls_fit_read(a->file, a->setting, a->settings, &experiment));
    if (st == LS_OK) {
        ls_cli_watch_timeout(experiment->distributed.timeout_s);
        st = ls_check_experiment(comm, experiment, a->ranks, out);
    }
    ls_experiment_free(experiment);
    return st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    arguments a = {0};
    ls_text text = {0};
    ls_status st = ls_agree(comm, read_arguments(argc, argv, &a));

    if (st == LS_OK)
        st = check(comm, &a, &text);
    ls_free(a.setting);
    return ls_cli_print(comm, st, &text);
}

const ls_command ls_command_check = {
    .name = "check",
    .summary = "errors, memory and time of an experiment or a sweep, before it is trained",
    .help = help,
    .is_watched = true,
    .run = run,
};
