/* What evaluate and predict have in common: a trained model and a split of a dataset file, bound and ready. */
#ifndef LS_CLI_DATA_ARGUMENTS_H
#define LS_CLI_DATA_ARGUMENTS_H

#include "cli/cli.h"
#include "run/preparation.h"
#include "train/task.h"

#define LS_DATA_ARGUMENTS_HELP                                                                                         \
    "  --data FILE          the dataset file; or a CSV file (.csv, .tsv, .txt, also .gz), or a folder of\n"            \
    "                       images, or of folders of the model's classes: they are made ready as the\n"                \
    "                       training data were, by what the model's file says of them\n"                               \
    "  --split NAME         the split (default: test); its arrays are those the experiment names for\n"                \
    "                       it, or /NAME/x and /NAME/y (/NAME/x/INPUT and\n"                                           \
    "                       /NAME/y/OUTPUT where the model has several)\n"                                             \
    "  --batch-size N       samples at a time over all ranks (default: the experiment's batch_size)\n"                 \
    "  --memory SIZE        what a node may hold of the data (512MB): the rest is read a window at a time; default:\n" \
    "                       all of them are held\n"                                                                    \
    "  --links below|any    may the data file lead to other files by links and virtual datasets: to those below its\n" \
    "                       folder (default), or to any\n"                                                             \
    "  --unwritten error|fill  values that nobody has written: an error (default), or HDF5's fill value\n"

typedef struct ls_data_arguments {
    char *model;                       /* owned: a run directory's, if it was one that was named */
    const char *data, *split, *output; /* output: predict only */
    const char *table;                 /* the CSV file that data was made of; NULL: none was */
    bool report;                       /* evaluate only */
    ls_text names; /* of the images of a folder that data was made of, as ls_images_report has them */
    char *made;    /* that dataset file, owned, with its name; removed by _reset */
    ls_experiment *experiment;
    ls_preparation preparation; /* of the data that the model was trained on */
    ls_h5_rules rules;
    ls_split_spec spec; /* owned texts */
    ls_task *task;      /* the split is task->test; weights are loaded */
    ls_engine *engine;  /* inference only */
    uint64_t batch_size, microbatch;
} ls_data_arguments;

/* Collective. wants_output: --output is required too. *a can be reset after a failure as well. */
ls_status ls_data_arguments_read(const ls_comm *comm, int argc, char **argv, bool wants_output, ls_data_arguments *a);
/* Collective. The split test of a run, in the file data, which is borrowed; for its scores. */
ls_status ls_data_arguments_of_run(const ls_comm *comm, const char *directory, const char *data, ls_data_arguments *a);
void ls_data_arguments_reset(ls_data_arguments *a);

#endif
