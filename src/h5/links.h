/*
 * The files and the way to a dataset: a data file may lead to others, by links and by virtual datasets. Which of them
 * may be read, and that none of them changes while they are.
 */
#ifndef LS_H5_LINKS_H
#define LS_H5_LINKS_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/error.h"
#include "h5/rules.h"

/* A file as it was when it was first looked at. */
typedef struct ls_h5_file_stamp {
    char *path;
    struct stat info;
} ls_h5_file_stamp;

typedef struct ls_h5_files {
    ls_h5_file_stamp *file; /* the first is the data file itself */
    size_t n;
} ls_h5_files;

/* LS_ERR_IO if it is not a regular file, which would be read for ever or not at all. Once for each. */
ls_status ls_h5_files_add(ls_h5_files *files, const char *path);
/* LS_ERR_IO naming the first that is not what it was: replaced, written to, cut. */
ls_status ls_h5_files_check(const ls_h5_files *files);
void ls_h5_files_reset(ls_h5_files *files);

/*
 * The file that `file` names in a link or a virtual dataset: beside it, unless the name is absolute. LS_ERR_DATA if it
 * lies outside the folder of files->file[0] and the rules do not say any_links; LS_ERR_IO if it cannot be read.
 * It is added to files. *path: owned by the caller.
 */
ls_status ls_h5_linked_file(const char *file, const char *name, const char *what, const ls_h5_rules *rules,
                            ls_h5_files *files, char **path);

/* An object at the end of all links. */
typedef struct ls_h5_target {
    hid_t file;      /* < 0: not open */
    char *file_path; /* of the file it is in, where it differs from the one begun in; else NULL */
    char *path;      /* in that file */
    size_t links;    /* on the way */
    char *link;      /* the last of them, as "/x -> other.h5:/y"; NULL: there was none */
} ls_h5_target;

/*
 * Between ls_h5_lock_take and _release. Follow hard, soft and external links from the root of an open file.
 * LS_ERR_DATA: a link leads nowhere, says the message; with *missing there was no link, path itself is not there, and
 * no message. To be reset also after a failure.
 */
ls_status ls_h5_follow(hid_t file, const char *file_path, const char *path, const ls_h5_rules *rules,
                       ls_h5_files *files, bool *missing, ls_h5_target *out);
void ls_h5_target_reset(ls_h5_target *target);

#endif
