/*
 * Keras's HDF5 files, whole models and weights alone, with edits (h5_edit.h).
 *
 *     which file  edits…
 */
#include "h5_edit.h"
#include "keras_sound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enum { FILES = 4 };
    static const char *const file_name[FILES][2] = {{"custom.h5", "custom.h5"},
                                                    {"custom.weights.h5", "custom.h5"},
                                                    {"dictionary.h5", "dictionary.h5"},
                                                    {"dictionary.weights.h5", "dictionary.h5"}};
    static keras_sound sound[FILES];
    static fuzz_h5_names names[FILES];
    fuzz_input input = {data, n};
    const size_t which = fuzz_choose(&input, FILES);
    const char *const path = fuzz_path("model");

    for (size_t i = 0; !sound[FILES - 1].data && i < FILES; i++) {
        sound[i] = keras_sound_read(file_name[i][0], file_name[i][1]);
        names[i] = fuzz_h5_names_of(sound[i].data, sound[i].n);
    }
    fuzz_begin();
    if (!fuzz_h5_make(path, sound[which].data, sound[which].n, &input, &names[which]))
        return 0;
    keras_use(path, sound[which].model);
    fuzz_end();
    return 0;
}
