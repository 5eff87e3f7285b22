/*
 * A first experiment for data that somebody has: what `new` writes, and `train --data`. A table or a folder of images
 * becomes a dataset file first; what is found in that decides about model, loss and fit.
 *
 *     FILE.csv ──► draft_table ──┐
 *     FOLDER   ──► draft_images ─┼──► FILE.h5 ──► draft_arrays (what is in it) ──► draft_write ──► FILE.yaml
 *     FILE.h5  ──────────────────┘
 *
 * All that was seen and chosen is said in notes, which stand in the experiment as comments, too. Nothing here is
 * collective.
 */
#ifndef LS_CLI_DRAFT_H
#define LS_CLI_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "tensor/shape.h"

typedef struct ls_draft_request {
    const char *from;   /* a CSV file, a dataset file, or a folder of images in folders of classes */
    const char *target; /* the column of the table that is to be predicted; NULL: guessed */
    const char *output; /* the experiment; NULL: beside `from`, of its name */
    bool overwrite;     /* files that are there already */
} ls_draft_request;

/* What the model is to give. */
typedef enum ls_draft_task {
    LS_DRAFT_REGRESSION,
    LS_DRAFT_BINARY,  /* a label 0 or 1, or several of them that do not exclude each other */
    LS_DRAFT_CLASSES, /* a label from 0 */
    LS_DRAFT_ONE_HOT, /* shares of classes */
} ls_draft_task;

typedef struct ls_draft_split {
    const char *name; /* "train"; NULL: there is none */
    char *x, *y;      /* paths in the file */
} ls_draft_split;

/* The arrays of a dataset file. */
typedef struct ls_draft_arrays {
    ls_draft_split train, validation, test;
    bool found;       /* they are /train/x and so on: naming the file is enough */
    uint64_t samples; /* to train on */
    ls_shape x, y;    /* of a sample */
    bool is_image;    /* x are pictures, with their colours last, or without that axis */
    bool is_bytes;    /* x are bytes that nothing scales */
    bool is_uneven;   /* x are other numbers that nothing scales, far from mean 0 and deviation 1 */
    ls_draft_task task;
    size_t classes;         /* CLASSES, ONE_HOT */
    double mean, deviation; /* REGRESSION: of y, where it is far from mean 0 and deviation 1; else 0 and 1 */
} ls_draft_arrays;

typedef struct ls_draft {
    char *experiment, *dataset; /* the files that were made, or for a dataset file, the one that was there */
    bool made_dataset;
    ls_text notes; /* lines */
} ls_draft;

/* The names of the files alone. *out can be reset after a failure as well. */
ls_status ls_draft_name(const ls_draft_request *request, ls_draft *out);
/*
 * Makes the files. LS_ERR_USAGE if one is there already; nothing of what was made stays after a failure. *out can be
 * reset after a failure as well.
 */
ls_status ls_draft_make(const ls_draft_request *request, ls_draft *out);
void ls_draft_reset(ls_draft *draft);

/* What was seen, and the files that were made. */
void ls_draft_describe(const ls_draft *draft, ls_text *out);

/* ---- the steps ---- */

/* A CSV file becomes a dataset; target NULL: guessed. */
ls_status ls_draft_table(const char *table, const char *target, const char *dataset, ls_text *notes);
/* A folder of images. */
ls_status ls_draft_images(const char *folder, const char *dataset, ls_text *notes);
/* What is in a dataset file. To be reset after a failure as well. */
ls_status ls_draft_arrays_read(const char *dataset, ls_draft_arrays *out, ls_text *notes);
void ls_draft_arrays_reset(ls_draft_arrays *arrays);
/* The experiment. data: how it names the dataset; name: of the run. */
/* *out: the schema of experiments that came with this program (ls_free), by its whole path; NULL: it came without. */
ls_status ls_draft_schema(char **out);
ls_status ls_draft_write(const ls_draft_arrays *arrays, const char *data, const char *name, const ls_text *notes,
                         ls_text *out);

#endif
