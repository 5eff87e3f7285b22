/* lockstep evaluate */
#include <stdio.h>

#include "cli/data_arguments.h"
#include "cli/print.h"
#include "cli/score_report.h"
#include "train/evaluate.h"

static const char help[] =
    "usage: lockstep evaluate MODEL DATA [--split test] [OPTIONS]\n\n"
    "Loss and metrics of a trained model on a split, a CSV file or a folder of images, the same numbers on any\n"
    "number of ranks.\n"
    "MODEL: a model file of lockstep or Keras (.h5, .keras), or a run directory.\n\n" LS_DATA_ARGUMENTS_HELP
    "  --report             also the confusion matrix, and precision, recall, F1 and support of each class as\n"
    "                       scikit-learn has them; of other outputs the residuals, in the units of the target\n";

/* Collective. */
static ls_status add_report(const ls_comm *comm, const ls_data_arguments *a, ls_text *out)
{
    ls_predictions predictions;
    ls_status st = ls_predictions_collect(comm, a, &predictions);

    if (st == LS_OK)
        st = ls_agree(comm, comm->rank == 0 ? ls_score_report(a, &predictions, out) : LS_OK);
    ls_predictions_reset(&predictions);
    return st;
}

static ls_status evaluate(const ls_comm *comm, const ls_data_arguments *a)
{
    ls_scores *scores = NULL;
    ls_text text = {0};
    const ls_log *logs;
    size_t n;
    ls_status st = LS_OK;

    if (a->experiment->refused.loss)
        return ls_fail(LS_ERR_CONFIG, "%s; without it there is nothing to evaluate", a->experiment->refused.loss);
    if (a->experiment->refused.metrics && comm->rank == 0)
        fprintf(stderr, "lockstep: warning: %s; left out here\n", a->experiment->refused.metrics);
    if (a->experiment->refused.guessed && comm->rank == 0)
        fprintf(stderr, "lockstep: warning: %s: %s\n", a->model, a->experiment->refused.guessed);
    if (!a->task->has_loss)
        return ls_fail(LS_ERR_CONFIG, "'%s' was compiled without a loss: there is nothing to evaluate", a->model);
    LS_TRY(ls_task_check_targets(a->task, a->task->test));
    LS_TRY(ls_agree(comm, ls_cli_advise(a->task)));
    st = ls_scores_create(comm, a->task->model, a->task->outputs, a->task->objective, &scores);
    LS_TRY_CLEANUP(ls_agree(comm, st));
    LS_TRY_CLEANUP(
        ls_evaluate(a->task, a->engine, a->task->test, a->batch_size, a->microbatch, UINT64_MAX, NULL, scores));
    n = ls_scores_logs(scores, &logs);
    for (size_t i = 0; i < n && comm->rank == 0; i++)
        ls_text_add(&text, "%s: %.9g\n", logs[i].name, logs[i].value);
    if (a->report)
        LS_TRY_CLEANUP(add_report(comm, a, &text));
    st = ls_cli_print(comm, LS_OK, &text);
    if (comm->rank == 0)
        ls_cli_warn_nan("", logs, n);
cleanup:
    ls_text_reset(&text);
    ls_scores_free(scores);
    return st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    ls_data_arguments a;
    ls_status st = ls_data_arguments_read(comm, argc, argv, false, &a);

    if (st == LS_OK)
        st = evaluate(comm, &a);
    ls_data_arguments_reset(&a);
    return st;
}

const ls_command ls_command_evaluate = {
    .name = "evaluate",
    .summary = "loss and metrics of a trained model",
    .help = help,
    .works_alone = true,
    .is_watched = true,
    .run = run,
};
