/* lockstep import idx */
#include <string.h>

#include "base/memory.h"
#include "cli/import.h"
#include "data/import.h"

enum { SPLIT = 1 };

static const struct option options[] = {{"split", required_argument, NULL, SPLIT}, LS_IMPORT_OPTIONS};

typedef struct arguments {
    ls_idx_split *split;
    size_t splits;
} arguments;

static ls_status begin(void *context, size_t words)
{
    arguments *const a = context;

    a->split = ls_calloc(words, sizeof *a->split, "arguments");
    return a->split ? LS_OK : LS_ERR_MEMORY;
}

static void end(void *context)
{
    ls_free(((arguments *)context)->split);
}

/* "train=IMAGES,LABELS" */
static ls_status read_split(void *context, ls_import_options *o, int option)
{
    static const char form[] = "--split takes NAME=IMAGES,LABELS";
    arguments *const a = context;
    char *name, *images, *comma;

    (void)option;
    LS_TRY(ls_import_pair(o, form, optarg, &name, &images));
    comma = strchr(images, ',');
    if (!comma || comma == images || comma[1] == '\0' || strchr(comma + 1, ','))
        return ls_fail(LS_ERR_USAGE, "%s, not '%s'", form, optarg);
    *comma = '\0';
    a->split[a->splits++] = (ls_idx_split){.name = name, .images = images, .labels = comma + 1};
    return LS_OK;
}

static ls_status read_operands(void *context, int argc, char **argv)
{
    const arguments *const a = context;

    LS_TRY(ls_cli_operands(argc, argv, 0, "idx --split NAME=IMAGES,LABELS --output FILE.h5"));
    if (a->splits == 0)
        return ls_fail(LS_ERR_USAGE, "--split is missing: name at least one, as in --split train=IMAGES,LABELS");
    return LS_OK;
}

static ls_status import_idx(const void *context, const ls_import_options *o, ls_text *out)
{
    const arguments *const a = context;

    LS_TRY(ls_import_idx(a->split, a->splits, o->output, o->deflate));
    for (size_t i = 0; i < a->splits; i++)
        LS_TRY(ls_cli_describe_split(o->output, a->split[i].name, out));
    return LS_OK;
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

const ls_import_format ls_import_format_idx = {
    .name = "idx",
    .help = help,
    .options = options,
    .arguments_bytes = sizeof(arguments),
    .begin = begin,
    .read_option = read_split,
    .read_operands = read_operands,
    .import = import_idx,
    .end = end,
};
