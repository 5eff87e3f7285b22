/*
 * Datasets in HDF5 files, as train, evaluate and predict read them: any type, shape, layout and attributes (h5_edit.h).
 *
 *     rows (0: all)  one_hot  channels_first  scale  edits…
 */
#include <math.h>
#include <stdlib.h>

#include "data/dataset.h"
#include "h5_edit.h"

static const char *const objects[] = {"/", "/x", "/x", "/train", "/train/x", "/other/x", NULL};
static const char *const attributes[] = {"scale", "offset", "classes", "other", NULL};
static const char *const texts[] = {"a", "T-shirt", "", "\xc3\xa9", "a\nb", NULL};
static const fuzz_h5_names names = {objects, attributes, texts};

static void use(ls_array *a, fuzz_input *how)
{
    const double scale = ldexp(1, fuzz_byte(how) - 128);
    const size_t classes = fuzz_byte(how), first = fuzz_byte(how);
    const ls_shape *shape;
    float *sample;
    size_t n;

    FUZZ_CHECK(ls_array_samples(a) > 0 && ls_array_path(a) && ls_array_type(a));
    ls_array_hash(a);
    ls_array_classes(a, &n);
    fuzz_verdict(ls_array_check_labels(a, 10));
    if (first & 1)
        fuzz_verdict(ls_array_channels_first(a));
    if (first & 2)
        fuzz_verdict(ls_array_set_scaling(a, &scale, first & 4 ? &scale : NULL));
    if (classes)
        fuzz_verdict(ls_array_one_hot(a, classes));
    shape = ls_array_shape(a);
    FUZZ_CHECK((sample = malloc(ls_shape_size(shape) * sizeof *sample)) != NULL);
    for (uint64_t i = 0; i < ls_array_samples(a) && i < 100; i++) {
        ls_array_prefetch(a, i);
        ls_array_get(a, i, sample);
        for (size_t k = 0; k < ls_shape_size(shape) && !(first & 2); k++)
            FUZZ_CHECK(isfinite(sample[k])); /* the promise of ls_array_open, unless the scale was changed */
    }
    free(sample);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_input input = {data, n};
    const uint64_t end = fuzz_byte(&input), rows[] = {end / 16, end % 16};
    fuzz_input how = input;
    const char *const path = fuzz_path("data.h5");
    ls_array *a = NULL;
    size_t skipped;

    fuzz_take(&input, 3, &skipped);
    fuzz_begin();
    if (!fuzz_h5_make(path, NULL, 0, &input, &names))
        return 0;
    if (fuzz_verdict(ls_array_open(path, "/x", end ? rows : NULL, &a)))
        use(a, &how);
    ls_array_free(a);
    fuzz_end();
    return 0;
}
