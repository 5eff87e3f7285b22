#include "cli/data_arguments.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/new_rows.h"
#include "experiment/found_data.h"
#include "experiment/model_file.h"
#include "h5/file.h"
#include "run/checkpoint.h"
#include "run/run_files.h"
#include "train/evaluate.h"

enum { DATA = 1, SPLIT, BATCH, OUTPUT, MEMORY, LINKS, UNWRITTEN, REPORT };

static const struct option options[] = {
    {"data", required_argument, NULL, DATA},
    {"split", required_argument, NULL, SPLIT},
    {"batch-size", required_argument, NULL, BATCH},
    {"output", required_argument, NULL, OUTPUT},
    {"memory", required_argument, NULL, MEMORY},
    {"links", required_argument, NULL, LINKS},
    {"unwritten", required_argument, NULL, UNWRITTEN},
    {"report", no_argument, NULL, REPORT},
    {NULL, 0, NULL, 0},
};

void ls_data_arguments_reset(ls_data_arguments *a)
{
    ls_engine_free(a->engine);
    ls_task_free(a->task);
    ls_array_specs_free(a->spec.x, a->spec.xs);
    ls_array_specs_free(a->spec.y, a->spec.ys);
    ls_array_specs_free(a->spec.sample_weight, a->spec.weights);
    ls_free(a->spec.name);
    ls_experiment_free(a->experiment);
    ls_preparation_reset(&a->preparation);
    ls_free(a->model);
    if (a->made)
        unlink(a->made);
    ls_free(a->made);
    ls_text_reset(&a->names);
    *a = (ls_data_arguments){0};
}

/* One array of the split in the file at hand. from: as the experiment has it, or NULL. Takes path. */
static ls_status set_array(const ls_data_arguments *a, const ls_array_spec *from, char *path, const char *name,
                           ls_array_spec *out)
{
    *out = from ? *from : (ls_array_spec){.scale = NAN, .offset = NAN};
    out->name = out->file = NULL;
    out->path = path;
    out->rules = a->rules;
    if (!path || !(out->file = ls_strdup(a->data)) || (name && !(out->name = ls_strdup(name))))
        return LS_ERR_MEMORY;
    return LS_OK;
}

static ls_status copy_arrays(const ls_data_arguments *a, const ls_array_spec *from, size_t n, ls_array_spec **out,
                             size_t *count)
{
    if (!(*out = ls_calloc(n, sizeof **out, "the arrays of a split")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < n; i++)
        LS_TRY(set_array(a, &from[i], ls_strdup(from[i].path), from[i].name, &(*out)[(*count)++]));
    return LS_OK;
}

/* What the file has itself: /SPLIT/x, or /SPLIT/x/NAME for the model's input of that name. Neither: no arrays. */
static ls_status find_arrays(const ls_data_arguments *a, hid_t file, const char *what, ls_array_spec **out,
                             size_t *count)
{
    char **names;
    size_t n;
    bool found;
    ls_text path = {0};
    ls_status st;

    LS_TRY(ls_found_arrays(file, a->split, what, &found, &names, &n));
    if (!found)
        return LS_OK;
    ls_text_add(&path, "/%s/%s", a->split, what);
    LS_TRY_CLEANUP(path.status);
    if (!(*out = ls_calloc(n ? n : 1, sizeof **out, "the arrays of a split"))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    if (!n)
        LS_TRY_CLEANUP(set_array(a, NULL, ls_strdup(path.data), NULL, &(*out)[(*count)++]));
    for (size_t i = 0; i < n; i++)
        LS_TRY_CLEANUP(set_array(a, NULL, ls_path_join(path.data, names[i]), names[i], &(*out)[(*count)++]));
cleanup:
    ls_h5_free_texts(names, n);
    ls_text_reset(&path);
    return st;
}

/*
 * The arrays that the experiment names for this split; else what the file has of that name. scored: with the sample
 * weights, which predictions have no use for.
 */
static ls_status make_spec(ls_data_arguments *a, bool scored)
{
    const ls_split_spec *from = ls_experiment_split(a->experiment, a->split);
    hid_t file;
    ls_status st;

    if (!(a->spec.name = ls_strdup(a->split)))
        return LS_ERR_MEMORY;
    if (from) {
        a->spec.has_rows = from->has_rows;
        memcpy(a->spec.rows, from->rows, sizeof from->rows);
        LS_TRY(copy_arrays(a, from->x, from->xs, &a->spec.x, &a->spec.xs));
        if (scored && from->weights)
            LS_TRY(copy_arrays(a, from->sample_weight, from->weights, &a->spec.sample_weight, &a->spec.weights));
        return copy_arrays(a, from->y, from->ys, &a->spec.y, &a->spec.ys);
    }
    LS_TRY(ls_h5_open_read(a->data, &file));
    LS_TRY_CLEANUP(find_arrays(a, file, "x", &a->spec.x, &a->spec.xs));
    if (!a->spec.xs) {
        st = ls_fail(LS_ERR_FORMAT, "'%s' has no '/%s/x', and the experiment names no arrays for the split '%s'",
                     a->data, a->split, a->split);
        goto cleanup;
    }
    st = find_arrays(a, file, "y", &a->spec.y, &a->spec.ys);
cleanup:
    ls_h5_close(file);
    return st;
}

static ls_status add_new_arrays(const ls_data_arguments *a, const ls_prepared *list, size_t n, ls_array_spec **out,
                                size_t *count)
{
    if (!(*out = ls_calloc(n, sizeof **out, "the arrays of a split")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < n; i++)
        LS_TRY(
            set_array(a, NULL, ls_path_join("/new", list[i].array), n > 1 ? list[i].name : NULL, &(*out)[(*count)++]));
    return LS_OK;
}

/* The split is a CSV file. */
static ls_status make_new_spec(ls_data_arguments *a, bool scored)
{
    const ls_preparation *const p = &a->preparation;

    LS_TRY(ls_new_rows_import(a->model, p, a->data, scored, &a->made));
    a->table = a->data;
    a->data = a->made;
    a->rules.any_links = false;
    if (!(a->spec.name = ls_strdup("new")))
        return LS_ERR_MEMORY;
    LS_TRY(add_new_arrays(a, p->x, p->xs, &a->spec.x, &a->spec.xs));
    return scored ? add_new_arrays(a, p->y, p->ys, &a->spec.y, &a->spec.ys) : LS_OK;
}

/* The split is a folder of images. */
static ls_status make_image_spec(ls_data_arguments *a, bool scored)
{
    ls_model *model = NULL;
    bool has_y = false;
    ls_status st;

    LS_TRY(ls_task_model(a->experiment, &model));
    st = model->inputs == 1 ? ls_new_images_import(a->model, &a->preparation, &model->node[model->input[0]].shape,
                                                   a->data, &a->made, &a->names, &has_y)
                            : ls_fail(LS_ERR_DATA, "'%s' takes several inputs, and not images of a folder", a->model);
    ls_model_free(model);
    LS_TRY(st);
    if (scored && !has_y)
        return ls_fail(LS_ERR_DATA,
                       "the images in '%s' have no classes: there is nothing to evaluate; put them in a folder for "
                       "each class",
                       a->data);
    a->data = a->made;
    if (!(a->spec.name = ls_strdup("new")) || !(a->spec.x = ls_calloc(1, sizeof *a->spec.x, "the images")) ||
        !(a->spec.y = ls_calloc(1, sizeof *a->spec.y, "the images")))
        return LS_ERR_MEMORY;
    LS_TRY(set_array(a, NULL, ls_strdup("/new/x"), NULL, &a->spec.x[a->spec.xs++]));
    return scored ? set_array(a, NULL, ls_strdup("/new/y"), NULL, &a->spec.y[a->spec.ys++]) : LS_OK;
}

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* MODEL, and the data if no option names them. */
static ls_status read_operands(int argc, char **argv, bool wants_output, ls_data_arguments *a)
{
    const bool has_data = !a->data && argc - optind == 2;

    if (!has_data)
        LS_TRY(ls_cli_operands(argc, argv, 1, wants_output ? "MODEL DATA --output OUT" : "MODEL DATA"));
    if (has_data)
        a->data = argv[optind + 1];
    return ls_run_model_file(argv[optind], false, &a->model);
}

/* What the model's file says: its experiment, and the data as it takes them. memory: NULL, batch: 0: as there. */
static ls_status look_up(ls_data_arguments *a, const char *memory, long batch, bool scored)
{
    LS_TRY(ls_experiment_of_model(a->model, &a->experiment));
    LS_TRY(ls_preparation_read(a->model, &a->preparation));
    if (memory)
        LS_TRY(ls_bytes_parse(memory, "--memory", &a->experiment->data.memory_bytes));
    a->batch_size = batch ? (uint64_t)batch : (uint64_t)a->experiment->fit.batch_size;
    a->microbatch = (uint64_t)a->experiment->fit.microbatch;
    a->experiment->fit.validation_batch_size = (int64_t)a->batch_size; /* data that are streamed are held for it */
    if (is_folder(a->data))
        return make_image_spec(a, scored);
    return ls_is_table(a->data) ? make_new_spec(a, scored) : make_spec(a, scored);
}

static ls_status read_arguments(int argc, char **argv, bool wants_output, ls_data_arguments *a)
{
    ls_status st = LS_OK;
    const char *memory = NULL;
    long batch = 0;
    int option;

    while ((option = ls_cli_option(argc, argv, options, &st)) != -1) {
        if (option == DATA)
            a->data = optarg;
        else if (option == SPLIT)
            a->split = optarg;
        else if (option == BATCH)
            LS_TRY(ls_cli_number("--batch-size", optarg, 1, 1000000000, &batch));
        else if (option == MEMORY)
            memory = optarg;
        else if (option == LINKS)
            LS_TRY(ls_links_parse(optarg, "--links", &a->rules.any_links));
        else if (option == UNWRITTEN)
            LS_TRY(ls_unwritten_parse(optarg, "--unwritten", &a->rules.unwritten));
        else if (option == OUTPUT && wants_output)
            a->output = optarg;
        else if (option == REPORT && !wants_output)
            a->report = true;
        else
            return ls_fail(LS_ERR_USAGE, "unknown option '--%s'; see lockstep %s --help",
                           option == REPORT ? "report" : "output", argv[0]);
    }
    LS_TRY(st);
    LS_TRY(read_operands(argc, argv, wants_output, a));
    if (!a->data)
        return ls_fail(LS_ERR_USAGE,
                       "the data are missing: name a dataset file or a CSV file (--data); see lockstep %s --help",
                       argv[0]);
    if (wants_output && !a->output)
        return ls_fail(LS_ERR_USAGE, "--output OUT.h5 is missing; see lockstep %s --help", argv[0]);
    if (a->split && (ls_is_table(a->data) || is_folder(a->data)))
        return ls_fail(LS_ERR_USAGE, "--split names a split of a dataset file; '%s' has none", a->data);
    a->split = a->split ? a->split : "test";
    return look_up(a, memory, batch, !wants_output);
}

/* Collective. What has been looked up becomes ready. */
static ls_status get_ready(const ls_comm *comm, ls_data_arguments *a)
{
    ls_status st;

    LS_TRY(ls_task_create_for(comm, a->experiment, &a->spec, &a->task));
    st = ls_preparation_check(&a->preparation, a->task, &a->spec);
    if (st == LS_OK)
        st = ls_model_file_weights(a->model, a->task->model);
    if (st == LS_OK)
        st = ls_evaluate_engine(a->task, true, a->batch_size, a->microbatch, &a->engine);
    if (st == LS_OK)
        st = ls_task_plan_weights(a->task, a->task->test, a->engine);
    return ls_agree(comm, st);
}

ls_status ls_data_arguments_read(const ls_comm *comm, int argc, char **argv, bool wants_output, ls_data_arguments *a)
{
    *a = (ls_data_arguments){0};
    LS_TRY(ls_agree(comm, read_arguments(argc, argv, wants_output, a)));
    return get_ready(comm, a);
}

ls_status ls_data_arguments_of_run(const ls_comm *comm, const char *directory, const char *data, ls_data_arguments *a)
{
    ls_status st;

    *a = (ls_data_arguments){.data = data, .split = "test"};
    st = ls_run_model_file(directory, false, &a->model);
    if (st == LS_OK)
        st = look_up(a, NULL, 0, true);
    LS_TRY(ls_agree(comm, st));
    return get_ready(comm, a);
}
