/* lockstep report */
#include "report/report.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "cli/cli.h"
#include "cli/predictions.h"
#include "cli/print.h"
#include "cli/score_report.h"
#include "run/run_files.h"

static const char help[] =
    "usage: lockstep report DIR... [--output FILE.html]\n\n"
    "Makes one HTML page of a run directory or a sweep directory, to be read without a network, and its figures as "
    "SVG,\n"
    "PNG and gnuplot scripts: DIR/report.html and DIR/figures/. Of several directories of runs it compares the runs;\n"
    "runs and sweeps after that of a sweep add the times they measured, on other numbers of ranks.\n\n"
    "  --output FILE.html   another page, with figures in FILE_figures/; needed with several directories\n\n"
    "Needs gnuplot, and Graphviz for the picture of the model. Where the training data is still there, the gradient "
    "at\n"
    "the final weights of a run is computed for its histograms; where its test split is, the page has what evaluate\n"
    "--report says of it, which figures/test_scores.txt has, too.\n";

static ls_status predict(const ls_comm *self, const char *directory, const char *file, ls_text *scores)
{
    ls_predictions predictions = {0};
    ls_data_arguments a;
    ls_status st = ls_data_arguments_of_run(self, directory, file, &a);

    if (st == LS_OK)
        st = ls_task_check_targets(a.task, a.task->test);
    if (st == LS_OK)
        st = ls_predictions_collect(self, &a, &predictions);
    if (st == LS_OK)
        st = ls_score_report(&a, &predictions, scores);
    ls_predictions_reset(&predictions);
    ls_data_arguments_reset(&a);
    return st;
}

/*
 * What evaluate --report says of a run on its test split, if it has one and model and data are still there. A report
 * does not fail for want of them.
 */
static void score(const char *directory, ls_text *scores)
{
    char *path = ls_path_join(directory, LS_RUN_EXPERIMENT);
    ls_experiment *experiment = NULL;
    const ls_split_spec *test = NULL;
    ls_comm *self = NULL;

    if (path && ls_file_exists(path) && ls_experiment_read(path, NULL, 0, &experiment) == LS_OK)
        test = ls_experiment_split(experiment, "test");
    if (test && test->xs && test->x[0].file && ls_file_exists(test->x[0].file) && ls_comm_alone(&self) == LS_OK &&
        predict(self, directory, test->x[0].file, scores) != LS_OK)
        ls_text_reset(scores);
    ls_comm_free(self);
    ls_experiment_free(experiment);
    ls_free(path);
}

enum { OUTPUT = 1 };

static const struct option options[] = {{"output", required_argument, NULL, OUTPUT}, {NULL, 0, NULL, 0}};

static ls_status make(int argc, char **argv, ls_text *said)
{
    const char *output = NULL;
    char *written = NULL;
    ls_text scores = {0};
    ls_status st = LS_OK;

    while (ls_cli_option(argc, argv, options, &st) == OUTPUT)
        output = optarg;
    LS_TRY(st);
    if (argc == optind)
        return ls_fail(LS_ERR_USAGE, "DIR is missing; usage: lockstep report DIR... [--output FILE.html]");
    if (argc - optind > 1 && !output)
        return ls_fail(LS_ERR_USAGE, "a report of several directories needs --output FILE.html");
    if (argc - optind == 1)
        score(argv[optind], &scores);
    st = ls_report_make((const char *const *)argv + optind, (size_t)(argc - optind), scores.data, output, &written);
    ls_text_reset(&scores);
    if (st == LS_OK)
        ls_text_add(said, "%s\n", written);
    ls_free(written);
    return st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    ls_text said = {0};
    ls_status st = LS_OK;

    if (comm->rank == 0)
        st = make(argc, argv, &said);
    return ls_cli_print(comm, st, &said);
}

const ls_command ls_command_report = {
    .name = "report",
    .summary = "an HTML page and figures of a run or a sweep",
    .help = help,
    .works_alone = true,
    .run = run,
};
