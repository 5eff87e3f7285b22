#include "h5/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "h5/case.h"
#include "h5/open.h"

#define LINKS_MAX 32 /* on the way to one object */

/* ---- files ---- */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

ls_status ls_h5_files_add(ls_h5_files *files, const char *path)
{
    ls_h5_file_stamp *grown;
    struct stat info;

    if (stat(path, &info) != 0)
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return ls_fail(LS_ERR_IO, "cannot open '%s': it is not a regular file", path);
    for (size_t i = 0; i < files->n; i++)
        if (is_same_file(&files->file[i].info, &info))
            return LS_OK;
    if (!(grown = ls_realloc(files->file, files->n + 1, sizeof *grown, "the files of a dataset")))
        return LS_ERR_MEMORY;
    files->file = grown;
    grown[files->n] = (ls_h5_file_stamp){.path = ls_strdup(path), .info = info};
    return grown[files->n++].path ? LS_OK : LS_ERR_MEMORY;
}

static ls_status check_stamp(const ls_h5_file_stamp *stamp)
{
    struct stat now;

    if (stat(stamp->path, &now) != 0)
        return ls_fail(LS_ERR_IO, "'%s' has gone while it was in use: %s", stamp->path, strerror(errno));
    if (!is_same_file(&now, &stamp->info))
        return ls_fail(LS_ERR_IO, "'%s' was replaced by another file while it was in use: start again", stamp->path);
    if (now.st_size != stamp->info.st_size)
        return ls_fail(LS_ERR_IO, "'%s' has changed while it was in use: it had %lld bytes and has %lld: start again",
                       stamp->path, (long long)stamp->info.st_size, (long long)now.st_size);
    if (now.st_mtim.tv_sec != stamp->info.st_mtim.tv_sec || now.st_mtim.tv_nsec != stamp->info.st_mtim.tv_nsec)
        return ls_fail(LS_ERR_IO, "'%s' was written to while it was in use: start again", stamp->path);
    return LS_OK;
}

ls_status ls_h5_files_check(const ls_h5_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        LS_TRY(check_stamp(&files->file[i]));
    return LS_OK;
}

void ls_h5_files_reset(ls_h5_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        ls_free(files->file[i].path);
    ls_free(files->file);
    *files = (ls_h5_files){0};
}

/* Does `path` lie in this folder, or below? Links of the file system are seen through. */
static bool lies_in(const char *folder, const char *path)
{
    char *const outer = realpath(folder, NULL), *const inner = realpath(path, NULL);
    const size_t n = outer ? strlen(outer) : 0;
    const bool below = outer && inner && strncmp(outer, inner, n) == 0 && (inner[n] == '/' || outer[n - 1] == '/');

    free(outer);
    free(inner);
    return below;
}

static bool lies_beside(const char *file, const char *path)
{
    char *const folder = ls_path_beside(file, ".");
    const bool below = folder && lies_in(folder, path);

    ls_free(folder);
    return below;
}

/* The data file may be a link of the file system itself: beside it, or beside what it leads to. */
static bool lies_below(const char *data_file, const char *path)
{
    char *const real = realpath(data_file, NULL);
    const bool below = lies_beside(data_file, path) || (real && lies_beside(real, path));

    free(real);
    return below;
}

ls_status ls_h5_linked_file(const char *file, const char *name, const char *what, const ls_h5_rules *rules,
                            ls_h5_files *files, char **path)
{
    ls_status st;

    if (!(*path = ls_path_beside(file, name)))
        return LS_ERR_MEMORY;
    if (!ls_file_exists(*path))
        return ls_fail(LS_ERR_DATA, "%s leads to the file '%s', which is not there: %s", what, *path, strerror(errno));
    if (!rules->any_links && !lies_below(files->file[0].path, *path))
        return ls_fail(LS_ERR_DATA,
                       "%s leads to the file '%s', outside the folder of the data file; say links: any below data "
                       "(evaluate, predict and inspect: --links any) if that is meant",
                       what, *path);
    st = ls_h5_files_add(files, *path);
    return st == LS_OK ? LS_OK : ls_fail_in(st, "%s", what);
}

/* ---- links ---- */

typedef struct walk {
    const ls_h5_rules *rules;
    ls_h5_files *files;
    const char *begun_in; /* the path of the first file */
    hid_t begun;
    ls_text rest; /* of the way, "a/b/c" */
    ls_h5_target *target;
} walk;

static const char *file_path(const walk *w)
{
    return w->target->file_path ? w->target->file_path : w->begun_in;
}

static hid_t file_of(const walk *w)
{
    return w->target->file >= 0 ? w->target->file : w->begun;
}

/* The next name on the way behind what is done; NULL: there is none. To be freed. */
static ls_status take_name(walk *w, char **path)
{
    const char *const begin = w->rest.data + strspn(w->rest.data, "/");
    const size_t length = strcspn(begin, "/");
    ls_text next = {0};

    *path = NULL;
    if (length == 0)
        return LS_OK;
    ls_text_add(&next, "%s/%.*s", strcmp(w->target->path, "/") == 0 ? "" : w->target->path, (int)length, begin);
    memmove(w->rest.data, begin + length, strlen(begin + length) + 1);
    *path = next.data;
    return next.status;
}

/* From here the way goes on to `path`, from the root if it is absolute, and then to the rest. */
static ls_status go_to(walk *w, const char *path)
{
    ls_text rest = {0};

    ls_text_add(&rest, "%s/%s", path, w->rest.data);
    if (rest.status != LS_OK)
        return rest.status;
    ls_text_reset(&w->rest);
    w->rest = rest;
    if (path[0] == '/')
        w->target->path[1] = '\0'; /* the root */
    return LS_OK;
}

static ls_status note_link(walk *w, const char *at, const char *file, const char *path)
{
    ls_text link = {0};

    ls_text_add(&link, "%s -> %s%s%s", at, file ? file : "", file ? ":" : "", path);
    ls_free(w->target->link);
    w->target->link = link.data;
    if (++w->target->links > LINKS_MAX)
        return ls_fail(LS_ERR_DATA, "'%s': more than %d links on the way, the last %s: do they go in a circle?",
                       w->begun_in, LINKS_MAX, link.data ? link.data : at);
    return link.status;
}

static ls_status follow_external(walk *w, const char *at, const char *file, const char *path)
{
    ls_text what = {0};
    char *next = NULL;
    hid_t opened = H5I_INVALID_HID;
    ls_status st;

    LS_TRY(note_link(w, at, file, path));
    ls_text_add(&what, "'%s': the link %s", w->begun_in, w->target->link);
    LS_TRY_CLEANUP(what.status);
    LS_TRY_CLEANUP(ls_h5_linked_file(file_path(w), file, what.data, w->rules, w->files, &next));
    LS_TRY_CLEANUP(ls_h5_open_file(next, &opened));
    if (w->target->file >= 0)
        H5Fclose(w->target->file);
    w->target->file = opened;
    ls_free(w->target->file_path);
    w->target->file_path = next;
    next = NULL;
    w->target->path[1] = '\0';
    st = go_to(w, path);
cleanup:
    ls_free(next);
    ls_text_reset(&what);
    return st;
}

static ls_status follow_link(walk *w, const char *at, const H5L_info_t *info)
{
    const char *file = NULL, *path = NULL;
    char *const value = ls_calloc(info->u.val_size + 1, 1, "a link");
    unsigned flags;
    ls_status st;

    if (!value)
        return LS_ERR_MEMORY;
    if (H5Lget_val(file_of(w), at, value, info->u.val_size, H5P_DEFAULT) < 0)
        st = ls_h5_fail("%s: the link '%s' cannot be read", file_path(w), at);
    else if (info->type == H5L_TYPE_SOFT)
        st = (st = note_link(w, at, NULL, value)) == LS_OK ? go_to(w, value) : st;
    else if (info->type == H5L_TYPE_EXTERNAL && H5Lunpack_elink_val(value, info->u.val_size, &flags, &file, &path) >= 0)
        st = follow_external(w, at, file, path);
    else
        st = ls_fail(LS_ERR_DATA, "%s: '%s' is a link of a kind that is not followed", file_path(w), at);
    ls_free(value);
    return st;
}

static ls_status step(walk *w, const char *at, bool *missing)
{
    H5L_info_t info;
    char *done;

    if (H5Lget_info(file_of(w), at, &info, H5P_DEFAULT) < 0) {
        *missing = w->target->links == 0;
        return *missing ? LS_ERR_DATA
                        : ls_fail(LS_ERR_DATA, "'%s': the link %s leads to nothing: there is no '%s' in '%s'",
                                  w->begun_in, w->target->link, at, file_path(w));
    }
    if (info.type != H5L_TYPE_HARD)
        return follow_link(w, at, &info);
    if (!(done = ls_strdup(at)))
        return LS_ERR_MEMORY;
    ls_free(w->target->path);
    w->target->path = done;
    return LS_OK;
}

ls_status ls_h5_follow(hid_t file, const char *begun_in, const char *path, const ls_h5_rules *rules, ls_h5_files *files,
                       bool *missing, ls_h5_target *out)
{
    walk w = {.rules = rules, .files = files, .begun_in = begun_in, .begun = file, .target = out};
    char *at = NULL;
    ls_status st;

    *missing = false;
    *out = (ls_h5_target){.file = H5I_INVALID_HID, .path = ls_strdup("/")};
    ls_text_add(&w.rest, "%s", path);
    LS_TRY_CLEANUP(out->path ? w.rest.status : LS_ERR_MEMORY);
    for (;;) {
        LS_TRY_CLEANUP(take_name(&w, &at));
        if (!at)
            break;
        LS_TRY_CLEANUP(step(&w, at, missing));
        ls_free(at);
        at = NULL;
    }
cleanup:
    ls_free(at);
    ls_text_reset(&w.rest);
    return st;
}

void ls_h5_target_reset(ls_h5_target *target)
{
    if (target->file >= 0)
        H5Fclose(target->file);
    ls_free(target->file_path);
    ls_free(target->path);
    ls_free(target->link);
    *target = (ls_h5_target){.file = H5I_INVALID_HID};
}
