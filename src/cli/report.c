/* lockstep report */
#include "report/report.h"

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/print.h"

static const char help[] =
    "usage: lockstep report DIR... [--output FILE.html]\n\n"
    "Makes one HTML page of a run directory or a sweep directory, to be read without a network, and its figures as "
    "SVG,\n"
    "PNG and gnuplot scripts: DIR/report.html and DIR/figures/. Of several directories of runs it compares the runs;\n"
    "runs and sweeps after that of a sweep add the times they measured, on other numbers of ranks.\n\n"
    "  --output FILE.html   another page, with figures in FILE_figures/; needed with several directories\n\n"
    "Needs gnuplot, and Graphviz for the picture of the model. Where the training data is still there, the gradient "
    "at\n"
    "the final weights of a run is computed for its histograms.\n";

enum { OUTPUT = 1 };

static const struct option options[] = {{"output", required_argument, NULL, OUTPUT}, {NULL, 0, NULL, 0}};

static ls_status make(int argc, char **argv, ls_text *said)
{
    const char *output = NULL;
    char *written = NULL;
    ls_status st = LS_OK;

    while (ls_cli_option(argc, argv, options, &st) == OUTPUT)
        output = optarg;
    LS_TRY(st);
    if (argc == optind)
        return ls_fail(LS_ERR_USAGE, "DIR is missing; usage: lockstep report DIR... [--output FILE.html]");
    if (argc - optind > 1 && !output)
        return ls_fail(LS_ERR_USAGE, "a report of several directories needs --output FILE.html");
    st = ls_report_make((const char *const *)argv + optind, (size_t)(argc - optind), output, &written);
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
