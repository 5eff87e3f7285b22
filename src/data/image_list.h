/* The pictures in folders of classes, ROOT/CLASS/NAME.png, .jpg or .jpeg, in an order that the names alone decide. */
#ifndef LS_DATA_IMAGE_LIST_H
#define LS_DATA_IMAGE_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct ls_image_file {
    char *path;
    size_t class, split;
} ls_image_file;

typedef struct ls_image_list {
    char **class; /* names, sorted by their bytes */
    size_t classes;
    ls_image_file *file; /* root after root; each by class, then by name, sorted by their bytes */
    size_t files;
    uint64_t left_out; /* files that are not called like pictures */
} ls_image_list;

/*
 * Add what lies in root; split: as ls_image_file has it. The first root decides which classes there are, and each of
 * them must have pictures; another class further on is an error. Names that begin with a dot are skipped. Starts as
 * {0}.
 */
ls_status ls_image_list_add(ls_image_list *list, const char *root, size_t split);
/* The classes there are, before the first root, and not as that decides; copied. LS_ERR_DATA if they are not sorted. */
ls_status ls_image_list_set_classes(ls_image_list *list, const char *const *class, size_t n);
/* Add the pictures that lie in a folder itself, as those of the only class, "". LS_ERR_DATA if there are none. */
ls_status ls_image_list_add_flat(ls_image_list *list, const char *folder, size_t split);
void ls_image_list_reset(ls_image_list *list);

#endif
