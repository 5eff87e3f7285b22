/* What lies in an HDF5 file, as a flat list. */
#ifndef LS_H5_TREE_H
#define LS_H5_TREE_H

#include <hdf5.h>
#include <stddef.h>

#include "base/error.h"

typedef enum ls_h5_kind {
    LS_H5_GROUP,
    LS_H5_DATASET,
    LS_H5_TYPE, /* a named datatype */
    LS_H5_LINK, /* soft or external; never followed, so that a file cannot point us at other files */
} ls_h5_kind;

typedef struct ls_h5_node {
    char *path; /* from the root: "/train/x" */
    ls_h5_kind kind;
} ls_h5_node;

typedef struct ls_h5_tree {
    ls_h5_node *node;
    size_t n, capacity;
} ls_h5_tree;

/* All below `group` ("/" for the whole file), each group before its members, members by name. Not collective. */
ls_status ls_h5_tree_read(hid_t file, const char *group, ls_h5_tree *out);
void ls_h5_tree_reset(ls_h5_tree *tree);

#endif
