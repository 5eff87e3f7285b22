/*
 * import npy: NumPy's files and archives.
 *
 *     flags  bytes…
 *
 * Flags 1: the bytes are a whole .npz; 2: the harness makes an archive whose member "x" they are, else they are a .npy.
 * 4: channels_first, 8: scale.
 */
#include <math.h>

#include "base/zip.h"
#include "data/dataset.h"
#include "data/import.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_input input = {data, n};
    const uint8_t flags = fuzz_byte(&input);
    const char *const path = fuzz_path("in"), *const output = fuzz_path("out.h5");
    const ls_npy_source source = {.split = "train",
                                  .array = "x",
                                  .file = path,
                                  .member = flags & 3 ? "x" : NULL,
                                  .channels_first = flags & 4,
                                  .scale = flags & 8 ? 0.5 : (double)NAN};
    const ls_zip_member member = {"x.npy", input.at, input.left};
    ls_array *a = NULL;

    fuzz_begin();
    if ((flags & 3) >= 2)
        FUZZ_CHECK(fuzz_verdict(ls_zip_save(path, &member, 1)));
    else
        fuzz_write(path, input.at, input.left);
    if (fuzz_verdict(ls_import_npy(&source, 1, output, 0)) &&
        fuzz_verdict(ls_array_open(output, "/train/x", NULL, &a))) /* not if there is NaN in it */
        FUZZ_CHECK(ls_array_samples(a) > 0);
    ls_array_free(a);
    fuzz_end();
    return 0;
}
