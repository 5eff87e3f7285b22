/* lockstep summary */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "formats/keras_file.h"
#include "nn/graphviz.h"
#include "nn/summary.h"
#include "run/checkpoint.h"
#include "run/run_files.h"
#include "train/task.h"

static const char help[] =
    "usage: lockstep summary EXPERIMENT.yaml|MODEL|RUN [--dot FILE.dot]\n\n"
    "Prints the table of a model as Keras does: layers, output shapes, parameters. For an experiment whose model does "
    "not\n"
    "begin with its input shape, the shape is read from the training data. MODEL: a file of lockstep or Keras (.h5, .keras).\n"
    "RUN: a run directory.\n\n"
    "  --dot FILE.dot       also write a picture of the graph for Graphviz: dot -Tsvg FILE.dot > FILE.svg\n";

enum { DOT = 1 };

static const struct option options[] = {{"dot", required_argument, NULL, DOT}, {NULL, 0, NULL, 0}};

typedef struct arguments {
    char *file; /* owned */
    const char *dot;
} arguments;

static ls_status read_arguments(int argc, char **argv, arguments *a)
{
    ls_status st = LS_OK;

    while (ls_cli_option(argc, argv, options, &st) == DOT)
        a->dot = optarg;
    LS_TRY(st);
    LS_TRY(ls_cli_operands(argc, argv, 1, "EXPERIMENT.yaml|MODEL|RUN"));
    LS_TRY(ls_run_model_file(argv[optind], true, &a->file));
    if (a->dot && ls_file_same(a->dot, a->file))
        return ls_fail(LS_ERR_USAGE, "--dot would overwrite '%s' itself", a->file);
    return LS_OK;
}

static bool reads_from(const ls_array_spec *spec, size_t n, const char *file)
{
    for (size_t i = 0; i < n; i++)
        if (spec[i].file && ls_file_same(spec[i].file, file))
            return true;
    return false;
}

/* A picture must not take the place of the experiment's data or initial weights. */
static ls_status check_dot(const ls_experiment *e, const char *dot)
{
    bool is_input = e->initial_weights && ls_file_same(e->initial_weights, dot);

    for (size_t i = 0; i < e->data.splits; i++)
        is_input |= reads_from(e->data.split[i].x, e->data.split[i].xs, dot) ||
                    reads_from(e->data.split[i].y, e->data.split[i].ys, dot) ||
                    reads_from(e->data.split[i].sample_weight, e->data.split[i].weights, dot);
    return is_input ? ls_fail(LS_ERR_USAGE, "--dot would overwrite '%s', which the experiment reads", dot) : LS_OK;
}

static ls_status summarize(const arguments *a, ls_text *out)
{
    ls_experiment *experiment = NULL;
    ls_model *model = NULL;
    ls_text dot = {0};
    ls_status st;

    if (ls_keras_file_kind(a->file) != LS_FILE_OTHER) /* whatever it is called */
        LS_TRY(ls_experiment_of_model(a->file, &experiment));
    else
        LS_TRY(ls_experiment_read(a->file, NULL, 0, &experiment));
    if (a->dot)
        LS_TRY_CLEANUP(check_dot(experiment, a->dot));
    LS_TRY_CLEANUP(ls_task_model(experiment, &model));
    LS_TRY_CLEANUP(ls_summary_write(model, out));
    if (a->dot) {
        LS_TRY_CLEANUP(ls_graphviz_write(model, &dot));
        LS_TRY_CLEANUP(ls_file_replace(a->dot, dot.data, dot.length));
    }
cleanup:
    ls_text_reset(&dot);
    ls_model_free(model);
    ls_experiment_free(experiment);
    return st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    arguments a = {0};
    ls_text text = {0};
    ls_status st = read_arguments(argc, argv, &a);

    if (st == LS_OK && comm->rank == 0)
        st = summarize(&a, &text);
    ls_free(a.file);
    return ls_cli_print(comm, st, &text);
}

const ls_command ls_command_summary = {
    .name = "summary",
    .summary = "the table of a model, as Keras prints it",
    .help = help,
    .works_alone = true,
    .run = run,
};
