#include "h5/tree.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "h5/case.h"
#include "h5/lock.h"

typedef struct walk {
    ls_h5_tree *tree;
    const char *group; /* "" for the root */
    ls_status status;
} walk;

void ls_h5_tree_reset(ls_h5_tree *tree)
{
    for (size_t i = 0; i < tree->n; i++)
        ls_free(tree->node[i].path);
    ls_free(tree->node);
    *tree = (ls_h5_tree){0};
}

/* Takes path. */
static ls_status append(ls_h5_tree *tree, char *path, ls_h5_kind kind)
{
    if (tree->n == tree->capacity) {
        const size_t capacity = 2 * tree->capacity + 16;
        ls_h5_node *node = ls_realloc(tree->node, capacity, sizeof *node, "the list of an HDF5 file");

        if (!node) {
            ls_free(path);
            return LS_ERR_MEMORY;
        }
        tree->node = node;
        tree->capacity = capacity;
    }
    tree->node[tree->n++] = (ls_h5_node){path, kind};
    return LS_OK;
}

/* file: any object in it. */
static ls_status fail_damaged(hid_t file, const char *name)
{
    char path[1024];
    ls_h5_case c;

    ls_h5_case_get(&c); /* first, since other calls clear it */
    if (H5Fget_name(file, path, sizeof path) < 0)
        snprintf(path, sizeof path, "HDF5 file");
    return ls_h5_fail_case(&c, "%s: '%s' cannot be opened", path, name);
}

static ls_status kind_of(hid_t group, const char *name, const H5L_info_t *info, ls_h5_kind *kind)
{
    hid_t object;

    *kind = LS_H5_LINK;
    if (info->type != H5L_TYPE_HARD)
        return LS_OK;
    if ((object = H5Oopen(group, name, H5P_DEFAULT)) < 0)
        return fail_damaged(group, name);
    switch (H5Iget_type(object)) {
    case H5I_DATASET:
        *kind = LS_H5_DATASET;
        break;
    case H5I_DATATYPE:
        *kind = LS_H5_TYPE;
        break;
    default:
        *kind = LS_H5_GROUP;
    }
    H5Oclose(object);
    return LS_OK;
}

static herr_t visit(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    walk *w = data;
    ls_text path = {0};
    ls_h5_kind kind;

    w->status = kind_of(group, name, info, &kind);
    if (w->status == LS_OK) {
        ls_text_add(&path, "%s/%s", w->group, name);
        w->status = path.status == LS_OK ? append(w->tree, path.data, kind) : path.status;
    }
    return w->status == LS_OK ? 0 : -1;
}

ls_status ls_h5_tree_read(hid_t file, const char *group, ls_h5_tree *out)
{
    walk w = {.tree = out, .group = strcmp(group, "/") == 0 ? "" : group};
    ls_h5_lock lock;
    hid_t start;

    *out = (ls_h5_tree){0};
    ls_h5_lock_take(&lock);
    start = H5Gopen2(file, group, H5P_DEFAULT);
    if ((start < 0 || H5Lvisit(start, H5_INDEX_NAME, H5_ITER_INC, visit, &w) < 0) && w.status == LS_OK)
        w.status = fail_damaged(file, group);
    if (start >= 0)
        H5Gclose(start);
    ls_h5_lock_release(&lock);
    if (w.status != LS_OK)
        ls_h5_tree_reset(out);
    return w.status;
}
