/* lockstep inspect: any HDF5 file as the list of what lies in it; model files are left to inspect_model.c. */
#include "cli/inspect.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/h5_describe.h"
#include "cli/print.h"
#include "cli/weight_list.h"
#include "experiment/data_spec.h"
#include "formats/keras_file.h"
#include "h5/case.h"
#include "h5/links.h"
#include "h5/lock.h"
#include "h5/tree.h"
#include "h5/written.h"
#include "run/run_files.h"

#define PATH_MAX_BYTES 1000

static const char help[] =
    "usage: lockstep inspect FILE.h5|RUN [--links below|any]\n\n"
    "Says what an HDF5 file holds. Of a dataset file: every array with type, shape, scaling, chunks, compression,\n"
    "checksum, size, range of values and how often each label occurs; where links lead, what virtual and external\n"
    "datasets take their values from, which samples were never written. Of a model or checkpoint: layers, weights, and\n"
    "the state lockstep keeps beside them. Files of h5py and Keras (.h5, .weights.h5, .keras) are read too. Of a run\n"
    "directory: its model, or the newest checkpoint if the run has not ended.\n\n"
    "  --links below|any    follow links and virtual datasets to other files below the folder of FILE.h5 (default), or\n"
    "                       to any, as links below data does for train\n";

enum { LINKS = 1 };

static const struct option options[] = {{"links", required_argument, NULL, LINKS}, {NULL, 0, NULL, 0}};

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

/* ---- a tree of groups, and what links lead to ---- */

#define SOURCES_SHOWN 10
#define GAPS_SHOWN 5
#define GAPS_SOUGHT 200 /* one search finds about 1000 chunks */

/* An object that was shown. */
typedef struct seen {
    unsigned long file;
    haddr_t address;
} seen;

typedef struct view {
    const ls_h5_rules *rules;
    ls_h5_files files; /* that were read; the first is the one that is inspected */
    seen *group;       /* whose members were shown */
    size_t groups;
    size_t datasets;
    ls_text *out;
} view;

/* Something in a file, and how it is called here, which links may make another name. */
typedef struct place {
    hid_t file;
    const char *file_path, *path, *shown;
} place;

/* What cannot be followed or read is a line of the page; what is short of memory is a failure. */
static ls_status say_failure(view *v, const char *before, ls_status st)
{
    if (st == LS_OK || st == LS_ERR_MEMORY)
        return st;
    ls_text_add(v->out, "%s%s\n", before, ls_error_message());
    return LS_OK;
}

static ls_status add_sources(view *v, hid_t dataset, const char *name)
{
    ls_text lines = {0};
    size_t n;
    ls_status st = ls_h5_list_sources(dataset, name, SOURCES_SHOWN, &lines, &n);

    for (char *line = lines.data, *end; st == LS_OK && line && *line; line = end + 1) {
        end = strchr(line, '\n');
        *end = '\0';
        ls_text_add(v->out, "    from ");
        ls_add_clean(line, PATH_MAX_BYTES, v->out);
        ls_text_add(v->out, "\n");
    }
    if (st == LS_OK && n > SOURCES_SHOWN)
        ls_text_add(v->out, "    and %zu more sources\n", n - SOURCES_SHOWN);
    ls_text_reset(&lines);
    return say_failure(v, "    ", st);
}

static void add_gap(view *v, const ls_h5_rows *gap, size_t n)
{
    if (n == GAPS_SHOWN)
        ls_text_add(v->out, "    and more that were never written\n");
    else if (n < GAPS_SHOWN)
        ls_text_add(v->out, "    samples %llu to %llu were never written: HDF5 makes up their values\n",
                    (unsigned long long)gap->first, (unsigned long long)gap->end - 1);
}

/* *whole: every value was written, so that values can be told. Neighbouring gaps are one. */
static ls_status add_gaps(view *v, const place *p, hid_t dataset, const char *name, bool *whole)
{
    size_t axes, dim[LS_H5_AXES_MAX], n = 0;
    ls_h5_rows gap = {0}, next;
    ls_status st = LS_OK;

    *whole = true;
    if (ls_describe_dims(dataset, &axes, dim) != LS_OK || axes == 0)
        return LS_OK;
    for (size_t i = 0; i < axes; i++)
        if (dim[i] == 0)
            return LS_OK;
    for (uint64_t first = 0, i = 0; first < dim[0] && i < GAPS_SOUGHT; first = next.end, i++) {
        st = ls_h5_find_gap(dataset, p->file_path, name, first, dim[0] - first, v->rules, &v->files, &next);
        if (st == LS_OK || next.end == 0)
            break;
        *whole = false;
        if (gap.end != next.first && gap.end)
            add_gap(v, &gap, n++);
        gap = (ls_h5_rows){gap.end == next.first && gap.end ? gap.first : next.first, next.end};
        st = LS_OK;
    }
    if (gap.end)
        add_gap(v, &gap, n);
    *whole &= st == LS_OK;
    return say_failure(v, "    ", st);
}

static ls_status add_contents(view *v, const place *p, hid_t dataset, const char *name)
{
    bool whole;
    ls_status st = ls_h5_check_sources(dataset, p->file_path, name, v->rules, &v->files);

    v->datasets++;
    if (st != LS_OK) { /* not even its size, for which HDF5 would open the sources */
        LS_TRY(say_failure(v, "  not read: ", st));
        return add_sources(v, dataset, name);
    }
    ls_text_add(v->out, "  ");
    LS_TRY(ls_describe_dataset(p->file, p->path, v->out));
    ls_text_add(v->out, "\n    ");
    LS_TRY(ls_describe_storage(p->file, p->path, v->out));
    ls_text_add(v->out, "\n");
    LS_TRY(add_sources(v, dataset, name));
    LS_TRY(add_gaps(v, p, dataset, name, &whole));
    if (!whole)
        return LS_OK;
    LS_TRY(ls_describe_texts(p->file, p->path, v->out));
    return add_values(p->file, p->path, v->out);
}

/* Behind its name. */
static ls_status add_dataset(view *v, const place *p)
{
    const hid_t dataset = H5Dopen2(p->file, p->path, H5P_DEFAULT);
    ls_text name = {0};
    ls_status st;

    ls_text_add(&name, "%s:%s", p->file_path, p->path);
    if (dataset < 0)
        st = ls_h5_fail("%s: dataset '%s' cannot be read", p->file_path, p->path);
    else
        st = name.status == LS_OK ? add_contents(v, p, dataset, name.data) : name.status;
    if (dataset >= 0)
        H5Dclose(dataset);
    ls_text_reset(&name);
    LS_TRY(st);
    return ls_describe_attributes(p->file, p->path, v->out);
}

/* *is_new: the members of this group were not shown before; from now on they were. */
static ls_status mark_group(view *v, const place *p, bool *is_new)
{
    H5O_info_t info;
    seen *grown;

    *is_new = false;
    if (H5Oget_info_by_name(p->file, p->path, &info, H5P_DEFAULT) < 0)
        return ls_h5_fail("%s: '%s' cannot be read", p->file_path, p->path);
    for (size_t i = 0; i < v->groups; i++)
        if (v->group[i].file == info.fileno && v->group[i].address == info.addr)
            return LS_OK;
    if (!(grown = ls_realloc(v->group, v->groups + 1, sizeof *grown, "the groups of a file")))
        return LS_ERR_MEMORY;
    v->group = grown;
    grown[v->groups++] = (seen){info.fileno, info.addr};
    *is_new = true;
    return LS_OK;
}

static ls_status add_members(view *v, const place *group);

/* "/x  a link to other.h5:/y", and what is there. */
static ls_status add_target(view *v, const place *p)
{
    H5O_info_t info;
    bool is_new;

    if (H5Oget_info_by_name(p->file, p->path, &info, H5P_DEFAULT) < 0)
        return say_failure(v, ": ", ls_h5_fail("%s: '%s' cannot be read", p->file_path, p->path));
    if (info.type == H5O_TYPE_DATASET)
        return add_dataset(v, p);
    if (info.type != H5O_TYPE_GROUP) {
        ls_text_add(v->out, ", a named type\n");
        return LS_OK;
    }
    LS_TRY(mark_group(v, p, &is_new));
    ls_text_add(v->out, is_new ? ", a group\n" : ", a group that is shown elsewhere\n");
    LS_TRY(ls_describe_attributes(p->file, p->path, v->out));
    return is_new ? add_members(v, p) : LS_OK;
}

static ls_status add_link(view *v, const place *p)
{
    ls_h5_target target;
    bool missing;
    ls_status st = ls_h5_follow(p->file, p->file_path, p->path, v->rules, &v->files, &missing, &target);

    if (st == LS_OK) {
        const place there = {.file = target.file >= 0 ? target.file : p->file,
                             .file_path = target.file_path ? target.file_path : p->file_path,
                             .path = target.path,
                             .shown = p->shown};

        ls_text_add(v->out, "  a link to ");
        if (target.file_path) {
            ls_add_clean(target.file_path, PATH_MAX_BYTES, v->out);
            ls_text_add(v->out, ":");
        }
        ls_add_clean(target.path, PATH_MAX_BYTES, v->out);
        st = add_target(v, &there);
    } else if (!missing) {
        st = say_failure(v, "  a link, not followed: ", st);
    }
    ls_h5_target_reset(&target);
    return st;
}

static ls_status add_node(view *v, const place *p, ls_h5_kind kind)
{
    bool is_new;

    ls_add_clean(p->shown, PATH_MAX_BYTES, v->out);
    switch (kind) {
    case LS_H5_DATASET:
        return add_dataset(v, p);
    case LS_H5_LINK:
        return add_link(v, p);
    case LS_H5_GROUP:
        ls_text_add(v->out, "/\n");
        LS_TRY(mark_group(v, p, &is_new));
        return ls_describe_attributes(p->file, p->path, v->out);
    default:
        ls_text_add(v->out, "  a named type\n");
        return LS_OK;
    }
}

/* What `import csv` fitted stands in a group per column; where there are hundreds, people get one line. */
#define FITTED_SHOWN 40

static bool is_preprocessing(const ls_h5_node *node)
{
    static const char group[] = "/preprocessing/";

    return strncmp(node->path, group, sizeof group - 1) == 0;
}

static ls_status add_members(view *v, const place *group)
{
    const size_t prefix = strcmp(group->path, "/") == 0 ? 0 : strlen(group->path);
    size_t fitted = 0;
    ls_h5_tree tree;
    ls_status st = LS_OK;

    LS_TRY(ls_h5_tree_read(group->file, group->path, &tree));
    for (size_t i = 0; i < tree.n; i++)
        fitted += is_preprocessing(&tree.node[i]);
    for (size_t i = 0; i < tree.n && st == LS_OK; i++) {
        ls_text shown = {0};

        if (fitted > FITTED_SHOWN && is_preprocessing(&tree.node[i]))
            continue;
        ls_text_add(&shown, "%s%s", group->shown, tree.node[i].path + prefix);
        st = shown.status;
        if (st == LS_OK)
            st = add_node(v, &(place){group->file, group->file_path, tree.node[i].path, shown.data}, tree.node[i].kind);
        ls_text_reset(&shown);
    }
    if (fitted > FITTED_SHOWN)
        ls_text_add(v->out, "/preprocessing/  %zu entries: what import fitted, for import --like (h5dump shows them)\n",
                    fitted);
    ls_h5_tree_reset(&tree);
    return st;
}

static ls_status inspect_tree(hid_t file, const char *path, const ls_h5_rules *rules, ls_text *out)
{
    const place root = {.file = file, .file_path = path, .path = "/", .shown = ""};
    ls_text body = {0};
    view v = {.rules = rules, .out = &body};
    bool is_new;
    ls_status st;

    LS_TRY_CLEANUP(ls_h5_files_add(&v.files, path));
    LS_TRY_CLEANUP(ls_describe_attributes(file, "/", &body));
    LS_TRY_CLEANUP(mark_group(&v, &root, &is_new));
    LS_TRY_CLEANUP(add_members(&v, &root));
    LS_TRY_CLEANUP(body.status);
    ls_text_add(out, "%s: %zu dataset%s\n", path, v.datasets, v.datasets == 1 ? "" : "s");
    ls_text_add_bytes(out, body.data, body.length);
cleanup:
    ls_h5_files_reset(&v.files);
    ls_free(v.group);
    ls_text_reset(&body);
    return st;
}

static ls_status inspect(const char *path, const ls_h5_rules *rules, ls_text *out)
{
    ls_h5_lock lock;
    hid_t file;
    ls_status st;

    LS_TRY(ls_keras_open(path, &file));
    ls_h5_lock_take(&lock);
    st = ls_weight_list_is_model(file) ? ls_inspect_model(file, path, out) : inspect_tree(file, path, rules, out);
    ls_h5_lock_release(&lock);
    ls_h5_close(file);
    return st == LS_OK ? out->status : st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    ls_h5_rules rules = {0};
    ls_text text = {0};
    char *path = NULL;
    ls_status st = LS_OK;

    while (ls_cli_option(argc, argv, options, &st) == LINKS && st == LS_OK)
        st = ls_links_parse(optarg, "--links", &rules.any_links);
    if (st == LS_OK)
        st = ls_cli_operands(argc, argv, 1, "FILE.h5|RUN");
    if (st == LS_OK && comm->rank == 0)
        st = ls_run_model_file(argv[optind], false, &path);
    if (st == LS_OK && comm->rank == 0)
        st = inspect(path, &rules, &text);
    ls_free(path);
    return ls_cli_print(comm, st, &text);
}

const ls_command ls_command_inspect = {
    .name = "inspect",
    .summary = "what a dataset, model or checkpoint file holds",
    .help = help,
    .works_alone = true,
    .run = run,
};
