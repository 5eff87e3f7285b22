/* The formats of `lockstep import`, a file each. */
#ifndef LS_CLI_IMPORT_H
#define LS_CLI_IMPORT_H

#include "cli/cli.h"

typedef struct ls_import_format {
    const char *name; /* the first word after import */
    /* REQUIRED. Reads the words after the format and, on rank 0, imports. Collective. */
    ls_status (*run)(const ls_comm *comm, int argc, char **argv);
    const char *help; /* the whole page */
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

/* "train: x uint8 (60000, 28, 28), y uint8 (60000)": the arrays of a split, as they are in the file. */
ls_status ls_cli_describe_split(const char *path, const char *split, ls_text *out);

#endif
