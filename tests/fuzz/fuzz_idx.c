/*
 * import idx: two IDX files, plain or gzipped.
 *
 *     flags  length of the images (2 bytes)  images  labels
 *
 * Flags 1, 2: the harness gzips the images, the labels, so that what comes behind zlib is reached too.
 */
#include <zlib.h>

#include "data/dataset.h"
#include "data/import.h"
#include "fuzz.h"

static void write_file(const char *path, const uint8_t *data, size_t n, bool gzip)
{
    gzFile f;

    if (!gzip) {
        fuzz_write(path, data, n);
        return;
    }
    FUZZ_CHECK((f = gzopen(path, "wb1")) != NULL);
    FUZZ_CHECK(n == 0 || gzwrite(f, data, (unsigned)n) == (int)n);
    FUZZ_CHECK(gzclose(f) == Z_OK);
}

/* What was imported can be opened, or has NaN in it. */
static void check(const char *output, const char *path, uint64_t *samples)
{
    ls_array *a = NULL;

    *samples = 0;
    if (!fuzz_verdict(ls_array_open(output, path, NULL, &a)))
        return;
    *samples = ls_array_samples(a);
    FUZZ_CHECK(*samples > 0);
    ls_array_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_input input = {data, n};
    const uint8_t flags = fuzz_byte(&input);
    const fuzz_input images = fuzz_part(&input);
    const ls_idx_split split = {"train", fuzz_path("images"), fuzz_path("labels")};
    const char *const output = fuzz_path("out.h5");
    uint64_t x, y;

    fuzz_begin();
    write_file(split.images, images.at, images.left, flags & 1);
    write_file(split.labels, input.at, input.left, flags & 2);
    if (fuzz_verdict(ls_import_idx(&split, 1, output, 0))) {
        check(output, "/train/x", &x);
        check(output, "/train/y", &y);
        FUZZ_CHECK(!x || !y || x == y);
    }
    fuzz_end();
    return 0;
}
