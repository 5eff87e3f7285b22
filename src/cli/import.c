/* lockstep import */
#include "cli/import.h"

#include <string.h>

#include "base/memory.h"
#include "cli/print.h"

static const char help[] =
    "usage: lockstep import idx --split NAME=IMAGES,LABELS [--split ...] --output FILE.h5 [--deflate LEVEL]\n"
    "       lockstep import csv FILE.csv --array NAME=COLUMNS [--array ...] --output FILE.h5 [OPTIONS]\n"
    "       lockstep import csv --split NAME=FILE.csv [--split ...] --array NAME=COLUMNS --output FILE.h5 [OPTIONS]\n"
    "       lockstep import npy --split NAME=X.npy,Y.npy [--split ...] --output FILE.h5 [OPTIONS]\n"
    "       lockstep import images FOLDER --output FILE.h5 [OPTIONS]\n"
    "       lockstep import images --split NAME=FOLDER [--split ...] --output FILE.h5 [OPTIONS]\n"
    "       lockstep import cifar10 FOLDER --output FILE.h5 [--deflate LEVEL]\n\n"
    "Makes a dataset file from the files of a known format, the first word. FILE.h5 appears whole or not at all; the same\n"
    "input gives the same bytes. Arrays are kept in checksummed chunks.\n"
    "lockstep import FORMAT --help tells what a format is and which options it takes.\n";

#define ENTRY(name) &ls_import_format_##name,

static const ls_import_format *const formats[] = {LS_IMPORT_FORMAT_LIST(ENTRY)};

#define FORMATS (sizeof formats / sizeof formats[0])

/* The page about a format; NULL: there is no such. */
static const char *help_about(const char *format)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(format, formats[i]->name) == 0)
            return formats[i]->help;
    return NULL;
}

/* LS_ERR_USAGE, with the formats that there are. given: none of them; NULL: nothing was given. */
static ls_status fail(const char *given)
{
    ls_text known = {0};
    ls_status st;

    for (size_t i = 0; i < FORMATS; i++)
        ls_text_add(&known, "%s%s", i ? ", " : "", formats[i]->name);
    st = known.status;
    if (st == LS_OK && given)
        st = ls_fail(LS_ERR_USAGE, "cannot import '%s' (there are: %s)", given, known.data);
    else if (st == LS_OK)
        st = ls_fail(LS_ERR_USAGE,
                     "the first word after import names the format (there are: %s); see lockstep import "
                     "--help",
                     known.data);
    ls_text_reset(&known);
    return st;
}

static ls_status import_as(const ls_import_format *format, const ls_comm *comm, int argc, char **argv)
{
    void *const arguments = ls_calloc(1, format->arguments_bytes ? format->arguments_bytes : 1, "arguments");
    ls_import_options options = {0};
    ls_text text = {0};
    ls_status st = LS_ERR_MEMORY;

    if (arguments) {
        st = ls_import_options_read(format, arguments, argc, argv, &options);
        if (st == LS_OK && comm->rank == 0)
            st = format->import(arguments, &options, &text);
    }
    st = ls_cli_print(comm, st, &text);
    ls_import_options_reset(&options);
    if (arguments && format->end)
        format->end(arguments);
    ls_free(arguments);
    return st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-')
        return fail(NULL);
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(argv[1], formats[i]->name) == 0)
            return import_as(formats[i], comm, argc, argv);
    return fail(argv[1]);
}

const ls_command ls_command_import = {
    .name = "import",
    .summary = "make a dataset file from IDX, CSV, NumPy or image files",
    .help = help,
    .help_about = help_about,
    .works_alone = true,
    .run = run,
};
