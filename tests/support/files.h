/*
 * Files of tests, in a folder of the test program's own, in its working directory, gone afterwards. In MPI programs all
 * ranks share one.
 *
 *     cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
 */
#ifndef LS_TEST_FILES_H
#define LS_TEST_FILES_H

#include "ls_test.h"

extern char folder[32];

/* Collective on the world where MPI runs. */
int folder_set_up(void **state);
/* folder_set_up with a name ("report's") that matters to the test. */
bool folder_make(const char *name);

/* Removes the folder with all that is in it; collective likewise. */
int folder_tear_down(void **state);
/* Fails, and removes all the same, if more is in the folder than the files at these paths (they need not be there). */
int folder_tear_down_of(const char *const *paths, size_t n);

/* How many files and folders are in the folder. */
size_t folder_entries(void);

/* Folders within folders and all files; nothing if there is no such path. */
void remove_all(const char *path);

/* "FOLDER/name", lent until the fourth call after this one. */
const char *in_folder(const char *name);

/* A new file: some file systems bring one that was cut to nothing to disk at once. */
void write_bytes(const char *path, const void *bytes, size_t n);
/* All of a file, to be freed. */
char *read_whole(const char *path, size_t *n);
bool same_files(const char *a, const char *b);

#endif
