/*
 * Files written so that a crash at any instant leaves the old one or the new one, whole. One rule for all outputs:
 *
 *     a regular file, or none    replaced whole
 *     a link                     followed: what it names is written, and the link stays
 *     a device, a pipe           written to, as it is
 *     a directory                an error
 */
#ifndef LS_BASE_FILE_H
#define LS_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/path.h"
#include "base/text.h"

/*
 * Replace the file at path by these bytes: written to a temporary name in the same directory, fsynced, renamed,
 * directory fsynced. On failure the temporary is removed and an existing file stays; the message says what the system
 * said.
 */
ls_status ls_file_replace(const char *path, const void *bytes, size_t n);

/*
 * ls_file_replace by a file that was written elsewhere in the same directory: `temporary`, which is closed, is brought
 * to disk and takes the place of path. On failure it is removed and an existing file stays.
 */
ls_status ls_file_publish(const char *temporary, const char *path);

/* The file that path means when all links are followed, which may not be there yet; the caller's. */
ls_status ls_file_target(const char *path, char **out);

/*
 * A log that is written line by line from now on, for as long as the process lives: an old regular file gives way to a
 * new one.
 */
ls_status ls_file_start(const char *path, FILE **out);

/* Append all of the file at path to out. */
ls_status ls_file_read(const char *path, ls_text *out);

/* Append to the file at path, made if there is none. After a failure part of the bytes may be there. */
ls_status ls_file_append(const char *path, const void *bytes, size_t n);

/* Bring what was appended to the file at path to disk; nothing for what has no disk, a device or a pipe. */
ls_status ls_file_sync(const char *path);

/*
 * Give the file at path another name in the same directory as well, in the place of a file of that name: a hard link,
 * or a copy where there are none. A file that is not there has no second name, which is fine.
 */
ls_status ls_file_second_name(const char *path, const char *name);

/*
 * Remove what writers of this directory that were killed have left: the temporary files of the functions above whose
 * process is gone. Another host's processes are gone as far as this one knows: two runs must not share a directory.
 */
ls_status ls_file_sweep(const char *directory);

/*
 * Remove what killed writers of one file, links followed, have left: what ls_file_replace does before it writes, and
 * whoever writes a file for ls_file_publish. A temporary that is locked (flock) is somebody's. What cannot be removed
 * stays.
 */
void ls_file_sweep_beside(const char *path);

/* LS_ERR_IO: "cannot write 'PATH': " and what an errno means, with advice. */
ls_status ls_file_fail_write(const char *path, int code);

/* mkdir -p. An existing directory is fine; it must be writable. */
ls_status ls_directory_create(const char *path);

bool ls_file_exists(const char *path);
bool ls_file_same(const char *a, const char *b); /* two names of one file that exists */

#endif
