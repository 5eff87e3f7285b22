#include "cli/draft.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/printable.h"
#include "cli/new_rows.h"

void ls_draft_reset(ls_draft *draft)
{
    ls_free(draft->experiment);
    ls_free(draft->dataset);
    ls_text_reset(&draft->notes);
    *draft = (ls_draft){0};
}

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* PATH without slashes at its end, and without endings like .csv.gz. To be freed. */
static char *without_ending(const char *path, bool folder)
{
    static const char *const ends[] = {".gz", ".csv", ".tsv", ".txt", ".h5", ".hdf5", ".yaml", ".yml"};
    char *stem = ls_strdup(path);
    size_t n = stem ? strlen(stem) : 0;

    while (n > 1 && stem[n - 1] == '/')
        stem[--n] = '\0';
    for (size_t i = 0; stem && !folder && i < sizeof ends / sizeof ends[0]; i++)
        if (ls_ends_with(stem, ends[i]))
            stem[n -= strlen(ends[i])] = '\0';
    return stem;
}

static char *add_ending(const char *stem, const char *ending)
{
    ls_text path = {0};

    ls_text_add(&path, "%s%s", stem, ending);
    return path.status == LS_OK ? path.data : NULL;
}

/* As an experiment in that folder names the file: by its name where it is beside it. To be freed. */
static ls_status name_beside(const char *experiment, const char *file, char **out)
{
    const char *slash = strrchr(experiment, '/'), *name = strrchr(file, '/');
    char *beside, *whole;

    name = name ? name + 1 : file;
    if (!(beside = ls_path_beside(slash ? experiment : NULL, name)))
        return LS_ERR_MEMORY;
    if (ls_file_same(beside, file))
        *out = ls_strdup(name);
    else if ((whole = realpath(file, NULL))) {
        *out = ls_strdup(whole);
        free(whole);
    } else
        *out = ls_strdup(file);
    ls_free(beside);
    return *out ? LS_OK : LS_ERR_MEMORY;
}

static ls_status check_free(const char *path, const ls_draft_request *request)
{
    if (request->overwrite || !ls_file_exists(path))
        return LS_OK;
    return ls_fail(LS_ERR_USAGE, "'%s' is there already: %s, or replace what is there: --overwrite", path,
                   ls_ends_with(path, ".h5") ? "name another experiment: --output FILE.yaml" : "train it as it is");
}

ls_status ls_draft_name(const ls_draft_request *r, ls_draft *d)
{
    const bool folder = is_folder(r->from);
    char *stem = without_ending(r->output ? r->output : r->from, !r->output && folder);

    *d = (ls_draft){.made_dataset = folder || ls_is_table(r->from)};
    if (!stem)
        return LS_ERR_MEMORY;
    d->experiment = r->output ? ls_strdup(r->output) : add_ending(stem, ".yaml");
    d->dataset = d->made_dataset ? add_ending(stem, ".h5") : ls_strdup(r->from);
    ls_free(stem);
    return d->experiment && d->dataset ? LS_OK : LS_ERR_MEMORY;
}

static ls_status write_experiment(const ls_draft_arrays *arrays, ls_draft *d)
{
    char *data = NULL, *stem = without_ending(d->experiment, false);
    const char *slash = stem ? strrchr(stem, '/') : NULL;
    ls_text out = {0};
    ls_status st = stem ? name_beside(d->experiment, d->dataset, &data) : LS_ERR_MEMORY;

    if (st == LS_OK)
        st = ls_draft_write(arrays, data, slash ? slash + 1 : stem, &d->notes, &out);
    if (st == LS_OK)
        st = ls_file_replace(d->experiment, out.data, out.length);
    ls_text_reset(&out);
    ls_free(data);
    ls_free(stem);
    return st;
}

void ls_draft_describe(const ls_draft *draft, ls_text *out)
{
    ls_text_add(out, "%s", draft->notes.length ? draft->notes.data : "");
    if (draft->made_dataset)
        ls_text_add(out, "wrote %s, the data as a model reads them\n", draft->dataset);
    ls_text_add(out, "wrote %s, the experiment: read and change it\n", draft->experiment);
}

ls_status ls_draft_make(const ls_draft_request *request, ls_draft *d)
{
    const bool folder = is_folder(request->from), table = !folder && ls_is_table(request->from);
    ls_draft_arrays arrays = {0};
    ls_status st;

    LS_TRY(ls_draft_name(request, d));
    if (!folder && !ls_file_exists(request->from))
        return ls_fail(LS_ERR_IO, "there is no file '%s'", request->from);
    if (request->target && !table)
        return ls_fail(LS_ERR_USAGE, "--target names a column of a table; '%s' is %s", request->from,
                       folder ? "a folder" : "a dataset file, whose targets are in y");
    LS_TRY(check_free(d->experiment, request));
    if (d->made_dataset)
        LS_TRY(check_free(d->dataset, request));
    if (table)
        LS_TRY(ls_draft_table(request->from, request->target, d->dataset, &d->notes));
    else if (folder)
        LS_TRY(ls_draft_images(request->from, d->dataset, &d->notes));
    st = ls_draft_arrays_read(d->dataset, &arrays, &d->notes);
    if (st == LS_OK && d->notes.data)
        ls_make_printable(d->notes.data, true);
    if (st == LS_OK)
        st = write_experiment(&arrays, d);
    if (st != LS_OK && d->made_dataset)
        unlink(d->dataset);
    ls_draft_arrays_reset(&arrays);
    return st;
}
