/* Data files for the tests of feeds: /x (n, 3) float32 with x[i] = (i, i + 0.25, i + 0.5), /y (n) uint8 with y[i] = i
 * % 10. */
#ifndef LS_TEST_FEED_FILES_H
#define LS_TEST_FEED_FILES_H

#include "ls_test.h"

#include <stdlib.h>

#include <hdf5.h>

#include "data/feed.h"

/* How /x lies in the file: chunk rows, 0: contiguous; deflated or not. /y has chunks of another length. */
typedef struct layout {
    hsize_t chunk;
    int deflate;
} layout;

void feed_put(hid_t f, const char *name, hid_t type, int rank, const hsize_t *dim, hsize_t chunk, int deflate,
              hid_t memory, const void *values);

/* bad: a sample whose x is NaN and whose y is 10; n or above: none. */
void feed_file(const char *path, size_t n, const layout *l, size_t bad);

/* What stands at positions [first, first + n) of an epoch is what the order says. */
bool feed_holds(const ls_feed *feed, const ls_permutation *order, uint64_t epoch, uint64_t begin, uint64_t first,
                uint64_t n);

#endif
