/*
 * TensorBoard's event files: a run that goes on reads those that it left.
 *
 *     flags  records…
 *
 * Flags 1: the bytes are the file; else they are cut into records (two bytes of length each), which get their
 * checksums.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "formats/event_writer.h"
#include "formats/tfrecord.h"
#include "fuzz.h"

#define NAME "events.out.tfevents.1000000000.host.1.0.v2"

/* All files of the run. */
static void empty(const char *directory)
{
    DIR *const d = opendir(directory);

    FUZZ_CHECK(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (strncmp(entry->d_name, "events", 6) == 0)
            unlink(fuzz_path(entry->d_name));
    closedir(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_input input = {data, n};
    const uint8_t flags = fuzz_byte(&input);
    const char *const directory = fuzz_path(".");
    ls_event_writer *writer = NULL;
    ls_text file = {0};

    fuzz_begin();
    if (flags & 1)
        ls_text_add_bytes(&file, input.at, input.left);
    while (!(flags & 1) && input.left > 0) {
        const fuzz_input part = fuzz_part(&input);

        ls_tfrecord_add(&file, part.at, part.left);
    }
    fuzz_write(fuzz_path(NAME), file.data ? file.data : "", file.length);
    ls_text_reset(&file);
    if (fuzz_verdict(ls_event_writer_create(directory, true, &writer))) {
        ls_event_writer_scalar(writer, "epoch_loss", 3, 0.5f);
        ls_event_writer_scalar(writer, "a", 7, 0.5f);
        FUZZ_CHECK(fuzz_verdict(ls_event_writer_flush(writer)));
    }
    ls_event_writer_free(writer);
    empty(directory);
    fuzz_end();
    return 0;
}
