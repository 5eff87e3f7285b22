/*
 * The formats of `lockstep import`, a file each. What all are told alike (the file to make, how to compress it) is read
 * by import.c; a format reads the rest into arguments of its own.
 */
#ifndef LS_CLI_IMPORT_H
#define LS_CLI_IMPORT_H

#include "cli/cli.h"
#include "data/import.h"

typedef struct ls_import_options {
    const char *output; /* the dataset file to make */
    int deflate;        /* 0…9 */
    char **text;        /* copies of words, which live as long as the options */
    size_t texts;
} ls_import_options;

/* The end of a format's table of options; its own have numbers below these. */
enum { LS_IMPORT_OUTPUT = 1000, LS_IMPORT_DEFLATE };
#define LS_IMPORT_OPTIONS                                                                                           \
    {"output", required_argument, NULL, LS_IMPORT_OUTPUT}, {"deflate", required_argument, NULL, LS_IMPORT_DEFLATE}, \
    {                                                                                                               \
        NULL, 0, NULL, 0                                                                                            \
    }

typedef struct ls_import_format {
    const char *name; /* the first word after import */
    const char *help; /* the whole page */
    const struct option *options;
    size_t arguments_bytes; /* of the format's own arguments, which begin as zeros; 0: it has none */
    /* OPTIONAL. Makes room in them for what `words` words can say. */
    ls_status (*begin)(void *arguments, size_t words);
    /* OPTIONAL. An option of the format's own; its value is optarg. */
    ls_status (*read_option)(void *arguments, ls_import_options *options, int option);
    /* REQUIRED. The words behind the options, from argv[optind] on, and whether anything is missing. */
    ls_status (*read_operands)(void *arguments, int argc, char **argv);
    /* REQUIRED. On rank 0. out: what is in the file now. */
    ls_status (*import)(const void *arguments, const ls_import_options *options, ls_text *out);
    /* OPTIONAL. Also after a begin that failed. */
    void (*end)(void *arguments);
} ls_import_format;

/* All formats, in the order of messages. A new format is a file import_NAME.c in this folder and a line here. */
#define LS_IMPORT_FORMAT_LIST(X) \
    X(idx)                       \
    X(csv)                       \
    X(npy)                       \
    X(images)                    \
    X(cifar10)

#define LS_IMPORT_FORMAT_DECLARE(name) extern const ls_import_format ls_import_format_##name;
LS_IMPORT_FORMAT_LIST(LS_IMPORT_FORMAT_DECLARE)

/* Read what follows the format's name. Reset *out in any case. */
ls_status ls_import_options_read(const ls_import_format *format, void *arguments, int argc, char **argv,
                                 ls_import_options *out);
void ls_import_options_reset(ls_import_options *options);

/* A copy of a word, which may be cut. At most one for each word of argv. */
ls_status ls_import_keep(ls_import_options *options, const char *given, char **text);
/* A copy of "KEY=VALUE", cut in two; LS_ERR_USAGE: "FORM, not 'GIVEN'", when one of them is missing. */
ls_status ls_import_pair(ls_import_options *options, const char *form, const char *given, char **key, char **value);

/* "train: x uint8 (60000, 28, 28), y uint8 (60000)": the arrays of a split, as they are in the file. */
ls_status ls_cli_describe_split(const char *path, const char *split, ls_text *out);

/* Of a failure that is about several images: all of them, to standard error. */
void ls_cli_list_bad_images(ls_images_report *report);

#endif
