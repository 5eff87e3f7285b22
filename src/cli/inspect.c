/* lockstep inspect: any HDF5 file as the list of what lies in it; model files are left to inspect_model.c. */
#include "cli/inspect.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/h5_describe.h"
#include "cli/print.h"
#include "cli/weight_list.h"
#include "formats/keras_file.h"
#include "h5/lock.h"
#include "h5/tree.h"

#define PATH_MAX_BYTES 1000

static const char help[] =
    "usage: lockstep inspect FILE.h5\n\n"
    "Says what an HDF5 file holds. Of a dataset file: every array with type, shape, scaling, chunks, compression,\n"
    "checksum, size, range of values and how often each label occurs. Of a model or checkpoint: layers, weights, and "
    "the\n"
    "state lockstep keeps beside them. Files of h5py and Keras (.h5, .weights.h5, .keras) are read too.\n";

static const struct option options[] = {{NULL, 0, NULL, 0}};

/* The class names of labels, where the dataset has them. */
static void add_label(hid_t file, const char *path, const ls_value_stats *stats, ls_text *out)
{
    char **class = NULL;
    size_t classes = 0;
    const char *between = "";

    if (!ls_h5_has_attribute(file, path, "classes") ||
        ls_h5_get_texts(file, path, "classes", &class, &classes) != LS_OK)
        classes = 0;
    ls_text_add(out, "    labels ");
    for (size_t i = 0; i < LS_LABELS_MAX; i++) {
        if (stats->label[i] == 0)
            continue;
        ls_text_add(out, "%s%zu", between, i);
        if (i < classes) {
            ls_text_add(out, " (");
            ls_add_clean(class[i], 40, out);
            ls_text_add(out, ")");
        }
        ls_text_add(out, ": %llu", (unsigned long long)stats->label[i]);
        between = ", ";
    }
    ls_text_add(out, "\n");
    ls_h5_free_texts(class, classes);
}

/* Statistics are doubles, which hold all integers up to 2^53. */
static void add_range(const ls_value_stats *stats, bool integer, ls_text *out)
{
    const bool exact = fabs(stats->min) <= 0x1p53 && fabs(stats->max) <= 0x1p53;

    if (stats->n == 0)
        ls_text_add(out, "    no finite value");
    else if (integer && !exact)
        ls_text_add(out, "    values about %.9g to %.9g", stats->min, stats->max);
    else if (integer)
        ls_text_add(out, "    values %.0f to %.0f", stats->min, stats->max);
    else
        ls_text_add(out, "    values %.9g to %.9g, mean %.6g, standard deviation %.6g", stats->min, stats->max,
                    stats->mean, ls_stats_deviation(stats));
    if (stats->nan)
        ls_text_add(out, ", %llu NaN", (unsigned long long)stats->nan);
    if (stats->infinite)
        ls_text_add(out, ", %llu infinite", (unsigned long long)stats->infinite);
    ls_text_add(out, "\n");
}

/* Labels: integers, one per sample, all small. */
static ls_status add_values(hid_t file, const char *path, ls_text *out)
{
    const hid_t set = H5Dopen2(file, path, H5P_DEFAULT), type = set < 0 ? H5I_INVALID_HID : H5Dget_type(set);
    const bool integer = type >= 0 && H5Tget_class(type) == H5T_INTEGER;
    ls_value_stats stats;
    size_t rank, dim[LS_H5_AXES_MAX];
    bool known;

    if (type >= 0)
        H5Tclose(type);
    if (set >= 0)
        H5Dclose(set);
    LS_TRY(ls_stats_read(file, path, &stats, &known));
    if (!known)
        return LS_OK;
    add_range(&stats, integer, out);
    if (integer && stats.labels == stats.n && ls_h5_get_shape(file, path, &rank, dim) == LS_OK &&
        (rank == 1 || (rank == 2 && dim[1] == 1)))
        add_label(file, path, &stats, out);
    return LS_OK;
}

static ls_status add_dataset(hid_t file, const char *path, ls_text *out)
{
    ls_add_clean(path, PATH_MAX_BYTES, out);
    ls_text_add(out, "  ");
    LS_TRY(ls_describe_dataset(file, path, out));
    ls_text_add(out, "\n    ");
    LS_TRY(ls_describe_storage(file, path, out));
    ls_text_add(out, "\n");
    LS_TRY(add_values(file, path, out));
    return ls_describe_attributes(file, path, out);
}

static ls_status add_node(hid_t file, const ls_h5_node *node, ls_text *out)
{
    if (node->kind == LS_H5_DATASET)
        return add_dataset(file, node->path, out);
    ls_add_clean(node->path, PATH_MAX_BYTES, out);
    ls_text_add(out, node->kind == LS_H5_GROUP  ? "/\n"
                     : node->kind == LS_H5_LINK ? "  a link to elsewhere, not followed\n"
                                                : "  a named type\n");
    return node->kind == LS_H5_GROUP ? ls_describe_attributes(file, node->path, out) : LS_OK;
}

/* What `import csv` fitted stands in a group per column; where there are hundreds, people get one line. */
#define FITTED_SHOWN 40

static bool is_preprocessing(const ls_h5_node *node)
{
    static const char group[] = "/preprocessing/";

    return strncmp(node->path, group, sizeof group - 1) == 0;
}

static ls_status inspect_tree(hid_t file, const char *path, ls_text *out)
{
    ls_h5_tree tree;
    size_t datasets = 0, fitted = 0;
    ls_status st;

    LS_TRY(ls_h5_tree_read(file, "/", &tree));
    for (size_t i = 0; i < tree.n; i++) {
        datasets += tree.node[i].kind == LS_H5_DATASET;
        fitted += is_preprocessing(&tree.node[i]);
    }
    ls_text_add(out, "%s: %zu dataset%s\n", path, datasets, datasets == 1 ? "" : "s");
    st = ls_describe_attributes(file, "/", out);
    for (size_t i = 0; i < tree.n && st == LS_OK; i++)
        if (fitted <= FITTED_SHOWN || !is_preprocessing(&tree.node[i]))
            st = add_node(file, &tree.node[i], out);
    if (fitted > FITTED_SHOWN)
        ls_text_add(out, "/preprocessing/  %zu entries: what import fitted, for import --like (h5dump shows them)\n",
                    fitted);
    ls_h5_tree_reset(&tree);
    return st;
}

static ls_status inspect(const char *path, ls_text *out)
{
    ls_h5_lock lock;
    hid_t file;
    ls_status st;

    LS_TRY(ls_keras_open(path, &file));
    ls_h5_lock_take(&lock);
    st = ls_weight_list_is_model(file) ? ls_inspect_model(file, path, out) : inspect_tree(file, path, out);
    ls_h5_lock_release(&lock);
    ls_h5_close(file);
    return st == LS_OK ? out->status : st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    ls_text text = {0};
    ls_status st = LS_OK;

    ls_cli_option(argc, argv, options, &st);
    if (st == LS_OK)
        st = ls_cli_operands(argc, argv, 1, "FILE.h5");
    if (st == LS_OK && comm->rank == 0)
        st = inspect(argv[optind], &text);
    return ls_cli_print(comm, st, &text);
}

const ls_command ls_command_inspect = {
    .name = "inspect",
    .summary = "what a dataset, model or checkpoint file holds",
    .help = help,
    .works_alone = true,
    .run = run,
};
