/* lockstep import cifar10 */
#include "cli/import.h"
#include "cli/print.h"
#include "data/import.h"

enum { OUTPUT = 1, DEFLATE };

static const struct option options[] = {
    {"output", required_argument, NULL, OUTPUT},
    {"deflate", required_argument, NULL, DEFLATE},
    {NULL, 0, NULL, 0},
};

typedef struct arguments {
    const char *folder, *output;
    long deflate;
} arguments;

static ls_status read_arguments(int argc, char **argv, arguments *a)
{
    ls_status st = LS_OK;
    int option;

    optind = 2; /* behind the format */
    while ((option = ls_cli_option(argc, argv, options, &st)) != -1) {
        if (option == OUTPUT)
            a->output = optarg;
        else
            LS_TRY(ls_cli_number("--deflate", optarg, 0, 9, &a->deflate));
    }
    LS_TRY(st);
    LS_TRY(ls_cli_operands(argc, argv, 1, "cifar10 FOLDER --output FILE.h5"));
    a->folder = argv[optind];
    if (!a->output)
        return ls_fail(LS_ERR_USAGE, "--output is missing: say which dataset file to write");
    return LS_OK;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    arguments a = {0};
    ls_text text = {0};
    ls_status st = read_arguments(argc, argv, &a);

    if (st == LS_OK && comm->rank == 0) {
        st = ls_import_cifar10(a.folder, a.output, (int)a.deflate);
        if (st == LS_OK)
            st = ls_cli_describe_split(a.output, "train", &text);
        if (st == LS_OK)
            st = ls_cli_describe_split(a.output, "test", &text);
    }
    return ls_cli_print(comm, st, &text);
}

static const char help[] =
    "usage: lockstep import cifar10 FOLDER --output FILE.h5 [--deflate LEVEL]\n\n"
    "The folder of CIFAR-10's binary version (data_batch_1.bin to data_batch_5.bin, test_batch.bin,\n"
    "batches.meta.txt), which datasets/fetch cifar10 downloads. /train and /test get x, bytes (32, 32, 3) with the attribute\n"
    "scale = 1/255, and y with the attribute classes.\n\n"
    "  --output FILE.h5            the dataset file to write\n"
    "  --deflate 0..9              compress: 0 not at all (default), 9 as small as possible\n\n"
    "  lockstep import cifar10 datasets/cifar10/cifar-10-batches-bin --output datasets/cifar10.h5\n";

const ls_import_format ls_import_format_cifar10 = {.name = "cifar10", .run = run, .help = help};
