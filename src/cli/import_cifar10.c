/* lockstep import cifar10 */
#include "cli/import.h"
#include "data/import.h"

static const struct option options[] = {LS_IMPORT_OPTIONS};

typedef struct arguments {
    const char *folder;
} arguments;

static ls_status read_operands(void *context, int argc, char **argv)
{
    arguments *const a = context;

    LS_TRY(ls_cli_operands(argc, argv, 1, "cifar10 FOLDER --output FILE.h5"));
    a->folder = argv[optind];
    return LS_OK;
}

static ls_status import_cifar10(const void *context, const ls_import_options *o, ls_text *out)
{
    const arguments *const a = context;

    LS_TRY(ls_import_cifar10(a->folder, o->output, o->deflate));
    LS_TRY(ls_cli_describe_split(o->output, "train", out));
    return ls_cli_describe_split(o->output, "test", out);
}

static const char help[] =
    "usage: lockstep import cifar10 FOLDER --output FILE.h5 [--deflate LEVEL]\n\n"
    "The folder of CIFAR-10's binary version (data_batch_1.bin to data_batch_5.bin, test_batch.bin,\n"
    "batches.meta.txt), which datasets/fetch cifar10 downloads. /train and /test get x, bytes (32, 32, 3) with the attribute\n"
    "scale = 1/255, and y with the attribute classes.\n\n"
    "  --output FILE.h5            the dataset file to write\n"
    "  --deflate 0..9              compress: 0 not at all (default), 9 as small as possible\n\n"
    "  lockstep import cifar10 datasets/cifar10/cifar-10-batches-bin --output datasets/cifar10.h5\n";

const ls_import_format ls_import_format_cifar10 = {
    .name = "cifar10",
    .help = help,
    .options = options,
    .arguments_bytes = sizeof(arguments),
    .read_operands = read_operands,
    .import = import_cifar10,
};
