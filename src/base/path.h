/* Names of files as text: no file is looked at. What is returned is the caller's; NULL: out of memory. */
#ifndef LS_BASE_PATH_H
#define LS_BASE_PATH_H

/* path without empty parts, "." and "x/..", as far as its text says; absolute if it was, else still relative. */
char *ls_path_plain(const char *path);

/* DIRECTORY/NAME. */
char *ls_path_join(const char *directory, const char *name);

/* A path as that file means it: relative to the directory the file is in. file may be NULL. */
char *ls_path_beside(const char *file, const char *path);

#endif
