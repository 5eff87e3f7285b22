/* lockstep import */
#include "cli/import.h"

#include <string.h>

#include "cli/h5_describe.h"
#include "cli/h5_tree.h"
#include "formats/h5_file.h"

static const char help[] =
    "usage: lockstep import idx --split NAME=IMAGES,LABELS [--split ...] --output FILE.h5 [--deflate LEVEL]\n"
    "       lockstep import csv FILE.csv --array NAME=COLUMNS [--array ...] --output FILE.h5 [OPTIONS]\n"
    "       lockstep import csv --split NAME=FILE.csv [--split ...] --array NAME=COLUMNS --output FILE.h5 [OPTIONS]\n"
    "       lockstep import npy --split NAME=X.npy,Y.npy [--split ...] --output FILE.h5 [OPTIONS]\n"
    "       lockstep import images FOLDER --output FILE.h5 [OPTIONS]\n"
    "       lockstep import images --split NAME=FOLDER [--split ...] --output FILE.h5 [OPTIONS]\n"
    "       lockstep import cifar10 FOLDER --output FILE.h5 [--deflate LEVEL]\n\n"
    "Makes a dataset file from the files of a known format, the first word. FILE.h5 appears whole or not at all; the "
    "same\n"
    "input gives the same bytes. Arrays are kept in checksummed chunks.\n\n"
    "  --output FILE.h5            the dataset file to write\n"
    "  --deflate 0..9              compress: 0 not at all (default), 9 as small as possible\n\n"
    "idx: IDX files as those of MNIST and Fashion-MNIST, plain or gzipped. Every split becomes /NAME/x and /NAME/y in "
    "the\n"
    "type of the IDX file. Images of bytes get the attribute scale = 1/255.\n\n"
    "  --split NAME=IMAGES,LABELS  a split and its two files; may be repeated. File names must not hold a comma\n\n"
    "  lockstep import idx --split train=train-images-idx3-ubyte.gz,train-labels-idx1-ubyte.gz \\\n"
    "                      --split test=t10k-images-idx3-ubyte.gz,t10k-labels-idx1-ubyte.gz --output mnist.h5\n\n"
    "csv: text files of rows and columns, plain or gzipped. Every split gets every array, as /SPLIT/ARRAY; a sample "
    "has the\n"
    "features of the array's columns side by side. Columns of numbers stay numbers, columns of text become "
    "categories.\n"
    "Whatever is fitted (scalings, means, categories, encodings) is fitted on the split train alone, or the first one "
    "if\n"
    "there is none, and is kept in FILE.h5 under /preprocessing.\n\n"
    "  --array NAME=COLUMNS        an array and its columns: a,b,p0:p63 (from p0 to p63); a name with a comma, a colon "
    "or an\n"
    "                              equals sign stands in double quotes. May be repeated\n"
    "  --shape ARRAY=N,N,...       the shape of a sample; default: one axis of all features; empty: no axis\n"
    "  --split NAME=FRACTION       deal the rows of FILE.csv at random; the fractions add up to 1; default: all are "
    "train\n"
    "  --split NAME=FILE.csv       or a file for each split\n"
    "  --seed N                    another random order of the rows; default: 1\n"
    "  --stratify COLUMN           deal so that every split has equal shares of each value of COLUMN\n"
    "  --in-order                  the first rows to the first split, the next to the second, none at random\n"
    "  --shuffle                   write the rows of a split in random order instead of that of the file\n"
    "  --scale ARRAY=standard      mean 0 and standard deviation 1; stored as the attributes offset and scale\n"
    "  --scale ARRAY=minmax        from 0 to 1. Labels and one-hot features are never scaled\n"
    "  --type COLUMNS=TYPE         number or category; default: what the first value looks like\n"
    "  --encode COLUMNS=HOW        of categories: label (0, 1, 2, ...; default), onehot, or target:COLUMN, the mean of "
    "COLUMN\n"
    "  --missing [COLUMNS=]HOW     what to do with a missing value: error (default), drop (the row), mean or "
    "fill:VALUE\n"
    "  --na TEXT                   TEXT means a missing value, as the empty text does. May be repeated\n"
    "  --unknown ignore            let categories pass that train does not have: one-hot all 0, target the overall "
    "mean\n"
    "  --no-header                 the first row is data; columns are called 1, 2, 3, ...\n"
    "  --delimiter C               what separates fields: a character or the word tab; default: a comma\n"
    "  --like TRAIN.h5             treat the file as the one that became TRAIN.h5: arrays, all that was fitted, and "
    "--na,\n"
    "                              --delimiter and --no-header come from there, unless they are given. --array NAME "
    "picks\n"
    "                              arrays. Without --split, the split is called test\n\n"
    "  lockstep import csv iris.csv --output iris.h5 --array x=sepal_length:petal_length --array species=species \\\n"
    "                      --scale x=standard --split train=0.8 --split test=0.2 --stratify species\n"
    "  lockstep import csv new_flowers.csv --like iris.h5 --array x --output new_flowers.h5\n\n"
    "npy: arrays of NumPy, first axis = samples, in files .npy and archives .npz. They keep their type and every bit; bool\n"
    "becomes uint8, float16 float32. NaN and infinity are copied, and refused when the dataset is used.\n\n"
    "  --split NAME=X.npy,Y.npy    becomes /NAME/x and /NAME/y\n"
    "  --split NAME=FILE.npz       the same from the arrays x and y of an archive\n"
    "  --array SPLIT/NAME=FILE     any other: FILE.npy, or FILE.npz:ARRAY of an archive. May be repeated\n"
    "  --scale ARRAY=NUMBER        multiply by this when a batch is assembled, as in x=1/255; stored as the attribute "
    "scale\n"
    "  --channels-first ARRAY      samples are (channels, ...); they are turned around to (..., channels)\n\n"
    "  lockstep import npy --array train/x=mnist.npz:x_train --array train/y=mnist.npz:y_train \\\n"
    "                      --array test/x=mnist.npz:x_test --array test/y=mnist.npz:y_test --scale x=1/255 --output "
    "mnist.h5\n\n"
    "images: PNG and JPEG files of 8 bits in folders, one for each class: FOLDER/CLASS/NAME.png, .jpg or .jpeg. Every "
    "split\n"
    "becomes /SPLIT/x, bytes (height, width, channels) with the attribute scale = 1/255, and /SPLIT/y, the number of the\n"
    "class, with the attribute classes. Classes are numbered by name, images ordered by class and name, both byte by "
    "byte;\n"
    "the split train, or the first one, says which classes there are. Transparent pixels and damaged files are "
    "refused.\n\n"
    "  --split NAME=FRACTION       deal the images of FOLDER at random; the fractions add up to 1; default: all are "
    "train\n"
    "  --split NAME=FOLDER         or a folder for each split\n"
    "  --stratify                  deal so that every split has equal shares of each class\n"
    "  --seed N                    another random order of the images; default: 1\n"
    "  --shuffle                   write the images of a split in random order instead of class after class\n"
    "  --channels 1|3              gray or RGB; default: as the first image, and all must be alike\n"
    "  --size HEIGHT,WIDTH         resize (bilinear, every pixel counts; width and height on their own); default: all "
    "images\n"
    "                              must be of one size\n\n"
    "  lockstep import images flowers --split train=0.8 --split test=0.2 --stratify --size 64,64 --output flowers.h5\n\n"
    "cifar10: the folder of CIFAR-10's binary version (data_batch_1.bin to data_batch_5.bin, test_batch.bin,\n"
    "batches.meta.txt), which datasets/fetch cifar10 downloads. /train and /test get x, bytes (32, 32, 3) with the "
    "attribute\n"
    "scale = 1/255, and y with the attribute classes.\n\n"
    "  lockstep import cifar10 datasets/cifar10/cifar-10-batches-bin --output datasets/cifar10.h5\n";

static const ls_import_format *const formats[] = {&ls_import_format_idx, &ls_import_format_csv, &ls_import_format_npy,
                                                  &ls_import_format_images, &ls_import_format_cifar10};

#define FORMATS (sizeof formats / sizeof formats[0])

ls_status ls_cli_describe_split(const char *path, const char *split, ls_text *out)
{
    hid_t file = H5I_INVALID_HID;
    ls_h5_tree tree = {0};
    ls_text group = {0};
    const char *between = ": ";
    ls_status st;

    ls_text_add(&group, "/%s", split);
    LS_TRY_CLEANUP(group.status);
    LS_TRY_CLEANUP(ls_h5_open_read(path, &file));
    LS_TRY_CLEANUP(ls_h5_tree_read(file, group.data, &tree));
    ls_text_add(out, "%s", split);
    for (size_t i = 0; i < tree.n; i++) {
        ls_text_add(out, "%s%s ", between, strrchr(tree.node[i].path, '/') + 1);
        LS_TRY_CLEANUP(ls_describe_dataset(file, tree.node[i].path, out));
        between = ", ";
    }
    ls_text_add(out, "\n");
cleanup:
    ls_h5_tree_reset(&tree);
    ls_h5_close(file);
    ls_text_reset(&group);
    return st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-')
        return ls_fail(LS_ERR_USAGE,
                       "the first word after import names the format, 'idx', 'csv', 'npy', 'images' or 'cifar10'; see "
                       "lockstep import --help");
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(argv[1], formats[i]->name) == 0)
            return formats[i]->run(comm, argc, argv);
    return ls_fail(LS_ERR_USAGE, "cannot import '%s' (there are: idx, csv, npy, images, cifar10)", argv[1]);
}

const ls_command ls_command_import = {
    .name = "import",
    .summary = "make a dataset file from IDX, CSV, NumPy or image files",
    .help = help,
    .run = run,
};
