/* lockstep import idx */
#include <string.h>

#include "base/memory.h"
#include "cli/import.h"
#include "cli/print.h"
#include "data/import.h"

enum { SPLIT = 1, OUTPUT, DEFLATE };

static const struct option options[] = {
    {"split", required_argument, NULL, SPLIT},
    {"output", required_argument, NULL, OUTPUT},
    {"deflate", required_argument, NULL, DEFLATE},
    {NULL, 0, NULL, 0},
};

typedef struct arguments {
    ls_idx_split *split; /* names lie in text */
    size_t splits;
    char **text;
    const char *output;
    long deflate;
} arguments;

/* "train=IMAGES,LABELS", cut in place. */
static ls_status read_split(const char *given, char *text, ls_idx_split *split)
{
    char *const equals = strchr(text, '='), *const comma = equals ? strchr(equals, ',') : NULL;

    if (!comma || equals == text || comma == equals + 1 || comma[1] == '\0' || strchr(comma + 1, ','))
        return ls_fail(LS_ERR_USAGE, "--split takes NAME=IMAGES,LABELS, not '%s'", given);
    *equals = *comma = '\0';
    *split = (ls_idx_split){.name = text, .images = equals + 1, .labels = comma + 1};
    return LS_OK;
}

static ls_status read_arguments(int argc, char **argv, arguments *a)
{
    ls_status st = LS_OK;
    int option;

    a->split = ls_calloc((size_t)argc, sizeof *a->split, "arguments");
    a->text = ls_calloc((size_t)argc, sizeof *a->text, "arguments");
    if (!a->split || !a->text)
        return LS_ERR_MEMORY;
    optind = 2; /* behind the format */
    while ((option = ls_cli_option(argc, argv, options, &st)) != -1) {
        if (option == SPLIT) {
            if (!(a->text[a->splits] = ls_strdup(optarg)))
                return LS_ERR_MEMORY;
            a->splits++;
            LS_TRY(read_split(optarg, a->text[a->splits - 1], &a->split[a->splits - 1]));
        } else if (option == OUTPUT) {
            a->output = optarg;
        } else if (option == DEFLATE) {
            LS_TRY(ls_cli_number("--deflate", optarg, 0, 9, &a->deflate));
        }
    }
    LS_TRY(st);
    LS_TRY(ls_cli_operands(argc, argv, 0, "idx --split NAME=IMAGES,LABELS --output FILE.h5"));
    if (a->splits == 0)
        return ls_fail(LS_ERR_USAGE, "--split is missing: name at least one, as in --split train=IMAGES,LABELS");
    if (!a->output)
        return ls_fail(LS_ERR_USAGE, "--output is missing: say which dataset file to write");
    return LS_OK;
}

static ls_status import_idx(const arguments *a, ls_text *out)
{
    LS_TRY(ls_import_idx(a->split, a->splits, a->output, (int)a->deflate));
    for (size_t i = 0; i < a->splits; i++)
        LS_TRY(ls_cli_describe_split(a->output, a->split[i].name, out));
    return LS_OK;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    arguments a = {0};
    ls_text text = {0};
    ls_status st = read_arguments(argc, argv, &a);

    if (st == LS_OK && comm->rank == 0)
        st = import_idx(&a, &text);
    st = ls_cli_print(comm, st, &text);
    for (size_t i = 0; i < a.splits; i++)
        ls_free(a.text[i]);
    ls_free(a.text);
    ls_free(a.split);
    return st;
}

static const char help[] =
    "usage: lockstep import idx --split NAME=IMAGES,LABELS [--split ...] --output FILE.h5 [--deflate LEVEL]\n\n"
    "IDX files as those of MNIST and Fashion-MNIST, plain or gzipped. Every split becomes /NAME/x and /NAME/y in the\n"
    "type of the IDX file. Images of bytes get the attribute scale = 1/255.\n\n"
    "  --output FILE.h5            the dataset file to write\n"
    "  --deflate 0..9              compress: 0 not at all (default), 9 as small as possible\n"
    "  --split NAME=IMAGES,LABELS  a split and its two files; may be repeated. File names must not hold a comma\n\n"
    "  lockstep import idx --split train=train-images-idx3-ubyte.gz,train-labels-idx1-ubyte.gz \\\n"
    "                      --split test=t10k-images-idx3-ubyte.gz,t10k-labels-idx1-ubyte.gz --output mnist.h5\n";

const ls_import_format ls_import_format_idx = {.name = "idx", .run = run, .help = help};
