/* lockstep new */
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/draft.h"
#include "cli/print.h"

static const char help[] =
    "usage: lockstep new [DATA] [--target COLUMN] [--output EXPERIMENT.yaml] [--overwrite]\n\n"
    "Writes an experiment that runs, with comments, for data that you have: looks at them, says what is there, and chooses\n"
    "a model, a loss and how long to train. It is a beginning: what was chosen is in the file, to be changed.\n\n"
    "DATA is a CSV file, a folder of images in a folder for each class (or of folders train, valid and test of such), or a\n"
    "dataset file (HDF5). The first two become a dataset file of the experiment's name beside it; the command that makes\n"
    "the same, for other choices, stands in the experiment. Without DATA: an example to play with.\n\n"
    "  --from DATA          the same as DATA\n"
    "  --target COLUMN      the column of the CSV file that is to be predicted (default: one that is called target,\n"
    "                       label, class or the like; else the last one)\n"
    "  --output FILE.yaml   the experiment (default: beside DATA, of its name)\n"
    "  --overwrite          replace files that are there already\n\n"
    "  lockstep new titanic.csv --target survived      # writes titanic.h5 and titanic.yaml\n"
    "  lockstep train titanic.yaml                     # writes runs/titanic\n"
    "  lockstep predict runs/titanic passengers.csv --output predictions.csv\n";

enum { FROM = 1, TARGET, OUTPUT, OVERWRITE };

static const struct option options[] = {
    {"from", required_argument, NULL, FROM},
    {"target", required_argument, NULL, TARGET},
    {"output", required_argument, NULL, OUTPUT},
    {"overwrite", no_argument, NULL, OVERWRITE},
    {NULL, 0, NULL, 0},
};

#define EXAMPLE "example.csv"

static ls_status read_arguments(int argc, char **argv, ls_draft_request *a)
{
    ls_status st = LS_OK;
    int option;

    while ((option = ls_cli_option(argc, argv, options, &st)) != -1) {
        if (option == FROM)
            a->from = optarg;
        else if (option == TARGET)
            a->target = optarg;
        else if (option == OUTPUT)
            a->output = optarg;
        else if (option == OVERWRITE)
            a->overwrite = true;
    }
    LS_TRY(st);
    if (a->from)
        LS_TRY(ls_cli_operands(argc, argv, 0, "no operand beside --from"));
    else if (argc - optind > 0) {
        LS_TRY(ls_cli_operands(argc, argv, 1, "DATA"));
        a->from = argv[optind];
    }
    if (a->output && !ls_ends_with(a->output, ".yaml") && !ls_ends_with(a->output, ".yml"))
        return ls_fail(LS_ERR_USAGE, "--output names the experiment, a file that ends in .yaml, not '%s'", a->output);
    return LS_OK;
}

/* Points that are red where both coordinates have one sign, and blue elsewhere: no line parts them. */
static ls_status write_example(ls_draft_request *a)
{
    ls_text text = {0};
    ls_status st;

    if (ls_file_exists(EXAMPLE) && !a->overwrite)
        return ls_fail(LS_ERR_USAGE,
                       "'" EXAMPLE "' is there already: name it, or data of your own: lockstep new FILE.csv");
    ls_text_add(&text, "right,up,colour\n");
    for (int i = 0; i < 600; i++) {
        const int right = i * 7 % 41 - 20, up = i * 13 % 37 - 18;

        ls_text_add(&text, "%d,%d,%s\n", right, up, right * up > 0 ? "red" : "blue");
    }
    st = text.status == LS_OK ? ls_file_replace(EXAMPLE, text.data, text.length) : text.status;
    ls_text_reset(&text);
    a->from = EXAMPLE;
    if (!a->target)
        a->target = "colour";
    return st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    ls_draft_request a = {0};
    ls_draft draft = {0};
    ls_text text = {0};
    ls_status st = read_arguments(argc, argv, &a);

    if (st == LS_OK && comm->rank == 0) {
        if (!a.from)
            st = write_example(&a);
        if (st == LS_OK)
            st = ls_draft_make(&a, &draft);
        if (st == LS_OK) {
            ls_draft_describe(&draft, &text);
            ls_text_add(&text, "now: lockstep train %s\n", draft.experiment);
            st = text.status;
        }
    }
    ls_draft_reset(&draft);
    return ls_cli_print(comm, st, &text);
}

const ls_command ls_command_new = {
    .name = "new",
    .summary = "write a first experiment for your own data",
    .help = help,
    .works_alone = true,
    .run = run,
};
