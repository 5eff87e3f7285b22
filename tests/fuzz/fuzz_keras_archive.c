/*
 * .keras files.
 *
 *     flags  bytes…
 *
 * Flags 1: the bytes are a whole archive; else they are config.json in one that is otherwise sound. 2, 4, 8: without
 * metadata.json, config.json, weights.
 */
#include "base/zip.h"
#include "keras_sound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char metadata[] = "{\"keras_version\": \"3.15.1\", \"date_saved\": \"2025-01-01@00:00:00\"}";
    static keras_sound sound;
    fuzz_input input = {data, n};
    const uint8_t flags = fuzz_byte(&input);
    const char *const path = fuzz_path("model.keras");
    const ls_zip_member all[] = {{"metadata.json", metadata, sizeof metadata - 1},
                                 {"config.json", input.at, input.left},
                                 {"model.weights.h5", sound.data, sound.n}};
    ls_zip_member member[3];
    size_t members = 0;

    if (!sound.data) {
        sound = keras_sound_read("custom.weights.h5", "custom.h5");
        return LLVMFuzzerTestOneInput(data, n);
    }
    fuzz_begin();
    for (size_t i = 0; i < 3; i++)
        if (!(flags & 2 << i))
            member[members++] = all[i];
    if (flags & 1)
        fuzz_write(path, input.at, input.left);
    else if (members)
        FUZZ_CHECK(fuzz_verdict(ls_zip_save(path, member, members)));
    keras_use(path, sound.model);
    fuzz_end();
    return 0;
}
