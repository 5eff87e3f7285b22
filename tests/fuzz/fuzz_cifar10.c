/*
 * import cifar10: the names of the classes, and six files of records.
 *
 *     length of the names (2 bytes)  names  sizes (6 bytes)  label of every record…
 *
 * The size of a file in records is its byte & 3; with 4 a byte is missing, with 8 one is added, 16: there is no file.
 */
#include <stdlib.h>
#include <unistd.h>

#include "data/dataset.h"
#include "data/import.h"
#include "fuzz.h"

enum { RECORD = 3073, FILES = 6 };

static void write_records(const char *path, uint8_t size, fuzz_input *input)
{
    const size_t records = size & 3, n = records * RECORD + (size & 8 ? 1 : 0) - (size & 4 && records ? 1 : 0);
    uint8_t *bytes;

    unlink(path);
    if (size & 16)
        return;
    FUZZ_CHECK((bytes = calloc(n + 1, 1)) != NULL);
    for (size_t i = 0; i < records; i++)
        bytes[i * RECORD] = fuzz_byte(input);
    fuzz_write(path, bytes, n);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const names[FILES] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                             "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
    fuzz_input input = {data, n};
    const fuzz_input classes = fuzz_part(&input);
    const char *const output = fuzz_path("out.h5");
    uint8_t size[FILES];
    ls_array *a = NULL;

    fuzz_begin();
    fuzz_write(fuzz_path("batches.meta.txt"), classes.at, classes.left);
    for (size_t i = 0; i < FILES; i++)
        size[i] = fuzz_byte(&input);
    for (size_t i = 0; i < FILES; i++)
        write_records(fuzz_path(names[i]), size[i], &input);
    if (fuzz_verdict(ls_import_cifar10(fuzz_path("."), output, 0))) {
        size_t found;

        FUZZ_CHECK(fuzz_verdict(ls_array_open(output, "/train/y", NULL, &a)));
        FUZZ_CHECK(fuzz_verdict(ls_array_check_labels(a, 10)));
        FUZZ_CHECK(ls_array_classes(a, &found) && found == 10);
        ls_array_free(a);
    }
    fuzz_end();
    return 0;
}
