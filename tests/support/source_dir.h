/* Where the sources lie, for tests that read files of the repository. */
#ifndef LS_TEST_SOURCE_DIR_H
#define LS_TEST_SOURCE_DIR_H

extern const char source_dir[];

/* A file of the repository ("tests/golden/numpy.npz") by its whole path, lent until the fourth call after this one. */
const char *in_source(const char *path);

#endif
