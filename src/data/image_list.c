#include "data/image_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"

#define CLASSES_MAX 65536

/* ---- a folder ---- */

typedef struct names {
    char **name;
    size_t n;
} names;

static void names_reset(names *list)
{
    for (size_t i = 0; i < list->n; i++)
        ls_free(list->name[i]);
    ls_free(list->name);
    *list = (names){0};
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Room for one more element after n: the room doubles whenever n is a power of two. */
static void *make_room(void *elements, size_t n, size_t size)
{
    return n & (n - 1) ? elements : ls_realloc(elements, n ? 2 * n : 1, size, "the names of images");
}

/* What a folder holds, sorted, without the names that begin with a dot. To be reset also after a failure. */
static ls_status read_folder(const char *path, names *out)
{
    DIR *const folder = opendir(path);
    const struct dirent *entry;
    ls_status st = LS_OK;

    if (!folder)
        return ls_fail(LS_ERR_IO, "cannot open the folder '%s': %s", path, strerror(errno));
    while (st == LS_OK && (errno = 0, entry = readdir(folder)) != NULL) {
        char **grown;

        if (entry->d_name[0] == '.')
            continue;
        st = LS_ERR_MEMORY;
        if (!(grown = make_room(out->name, out->n, sizeof *grown)))
            break;
        out->name = grown;
        if (!(grown[out->n] = ls_strdup(entry->d_name)))
            break;
        out->n++;
        st = LS_OK;
    }
    if (st == LS_OK && errno != 0)
        st = ls_fail(LS_ERR_IO, "cannot read the folder '%s': %s", path, strerror(errno));
    closedir(folder);
    if (st == LS_OK && out->n)
        qsort(out->name, out->n, sizeof *out->name, by_bytes);
    return st;
}

static ls_status is_folder(const char *path, bool *out)
{
    struct stat info;

    if (stat(path, &info) != 0)
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    *out = S_ISDIR(info.st_mode);
    return LS_OK;
}

/* ---- classes and their pictures ---- */

static bool is_called_like_an_image(const char *name)
{
    static const char *const ends[] = {".png", ".jpg", ".jpeg"};
    const char *const dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof ends / sizeof ends[0]; i++)
        if (strcasecmp(dot, ends[i]) == 0)
            return true;
    return false;
}

/* `path` is kept in the list, or freed. */
static ls_status add_file(ls_image_list *list, char *path, const char *name, size_t class, size_t split)
{
    ls_image_file *grown;
    struct stat info;
    ls_status st = LS_OK;

    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) { /* what is not there is said when it is read */
        st =
            ls_fail(LS_ERR_DATA, "'%s' is a folder within the folder of a class; images must lie directly there", path);
        goto cleanup;
    }
    if (!is_called_like_an_image(name)) {
        list->left_out++;
        goto cleanup;
    }
    if (!(grown = make_room(list->file, list->files, sizeof *grown))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    list->file = grown;
    grown[list->files++] = (ls_image_file){.path = path, .class = class, .split = split};
    return LS_OK;
cleanup:
    ls_free(path);
    return st;
}

static ls_status add_class(ls_image_list *list, const char *path, const char *name, size_t split)
{
    char **const known = list->classes ? bsearch(&name, list->class, list->classes, sizeof *known, by_bytes) : NULL;
    const size_t before = list->files;
    names inside = {0};
    ls_status st;

    if (!known)
        return ls_fail(LS_ERR_DATA, "'%s' is the folder of a class that the training images do not have", path);
    LS_TRY_CLEANUP(read_folder(path, &inside));
    for (size_t i = 0; i < inside.n; i++) {
        char *const file = ls_path_join(path, inside.name[i]);

        st = file ? add_file(list, file, inside.name[i], (size_t)(known - list->class), split) : LS_ERR_MEMORY;
        if (st != LS_OK)
            goto cleanup;
    }
    if (list->files == before)
        st = ls_fail(LS_ERR_DATA, "the folder '%s' holds no images: no .png, .jpg or .jpeg file", path);
cleanup:
    names_reset(&inside);
    return st;
}

/* Folders alone, in *inside; other files are left out. */
static ls_status read_root(ls_image_list *list, const char *root, names *inside)
{
    size_t kept = 0;
    ls_status st = read_folder(root, inside);

    for (size_t i = 0; st == LS_OK && i < inside->n; i++) {
        char *const path = ls_path_join(root, inside->name[i]);
        bool folder = false;

        st = path ? is_folder(path, &folder) : LS_ERR_MEMORY;
        ls_free(path);
        list->left_out += st == LS_OK && !folder;
        if (folder) {
            char *const name = inside->name[kept];

            inside->name[kept++] = inside->name[i];
            inside->name[i] = name;
        }
    }
    if (st != LS_OK)
        return st;
    while (inside->n > kept)
        ls_free(inside->name[--inside->n]);
    if (kept == 0)
        return ls_fail(LS_ERR_DATA, "'%s' has no folders: every class of images must have one of its own", root);
    if (kept > CLASSES_MAX)
        return ls_fail(LS_ERR_DATA, "'%s' has %zu folders; at most %d classes are possible", root, kept, CLASSES_MAX);
    return LS_OK;
}

ls_status ls_image_list_set_classes(ls_image_list *list, const char *const *class, size_t n)
{
    if (!(list->class = ls_calloc(n, sizeof *list->class, "classes")))
        return LS_ERR_MEMORY;
    for (; list->classes < n; list->classes++) {
        const size_t i = list->classes;

        if (i > 0 && strcmp(class[i - 1], class[i]) >= 0)
            return ls_fail(LS_ERR_DATA, "the class '%s' is numbered before '%s': folders are numbered by name",
                           class[i - 1], class[i]);
        if (!(list->class[i] = ls_strdup(class[i])))
            return LS_ERR_MEMORY;
    }
    return LS_OK;
}

ls_status ls_image_list_add_flat(ls_image_list *list, const char *folder, size_t split)
{
    static const char *const none[] = {""};

    LS_TRY(ls_image_list_set_classes(list, none, 1));
    return add_class(list, folder, none[0], split);
}

ls_status ls_image_list_add(ls_image_list *list, const char *root, size_t split)
{
    names inside = {0};
    ls_status st;

    LS_TRY_CLEANUP(read_root(list, root, &inside));
    if (!list->class)
        LS_TRY_CLEANUP(ls_image_list_set_classes(list, (const char *const *)inside.name, inside.n));
    for (size_t i = 0; i < inside.n; i++) {
        char *const path = ls_path_join(root, inside.name[i]);

        st = path ? add_class(list, path, inside.name[i], split) : LS_ERR_MEMORY;
        ls_free(path);
        if (st != LS_OK)
            goto cleanup;
    }
cleanup:
    names_reset(&inside);
    return st;
}

void ls_image_list_reset(ls_image_list *list)
{
    for (size_t i = 0; i < list->files; i++)
        ls_free(list->file[i].path);
    for (size_t i = 0; i < list->classes; i++)
        ls_free(list->class[i]);
    ls_free(list->file);
    ls_free(list->class);
    *list = (ls_image_list){0};
}
