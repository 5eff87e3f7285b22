/*
 * import csv: one file with all that can be asked for.
 *
 *     flags  delimiter  scaling  encoding  missing  splits  list of columns (2 bytes of length, text)  the file…
 *
 * What was imported is imported once more with --like.
 */
#include <stdlib.h>

#include "data/dataset.h"
#include "data/import.h"
#include "fuzz.h"

/* Rows that were left out may hold categories that were not seen. */
static void check_like(ls_csv_import import, const char *first, bool whole)
{
    uint64_t dropped;
    bool read;

    import.like = first;
    import.output = fuzz_path("second.h5");
    import.arrays = (ls_settings){NULL, 0};
    import.scales = import.encodes = import.missing = import.types = (ls_settings){NULL, 0};
    import.stratify = NULL;
    read = fuzz_verdict(ls_import_csv(&import, &dropped));
    FUZZ_CHECK(read || !whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char delimiters[] = {',', ';', '\t', ' ', '|', '\0'};
    static const char *const scalings[] = {NULL, "standard", "minmax"};
    static const char *const encodings[] = {NULL, "label", "onehot", "target:b", "target:2"};
    static const char *const gaps[] = {NULL, "error", "drop", "mean", "fill:0", "fill:x"};
    static const char *const na[] = {"NA", "?"};
    fuzz_input input = {data, n};
    const uint8_t flags = fuzz_byte(&input);
    const char delimiter = delimiters[fuzz_choose(&input, sizeof delimiters)];
    const char *const scaling = scalings[fuzz_choose(&input, 3)], *const encoding = encodings[fuzz_choose(&input, 5)];
    const char *const gap = gaps[fuzz_choose(&input, 6)];
    const bool split = fuzz_byte(&input) & 1;
    fuzz_input list = fuzz_part(&input);
    char *const columns = fuzz_text(&list);
    const char *const path = fuzz_path("in.csv"), *const output = fuzz_path("out.h5");
    const ls_setting shares[] = {{"train", "0.75"}, {"test", "0.25"}}, whole[] = {{"train", path}};
    const ls_setting array[] = {{"x", columns}}, scale[] = {{"x", scaling}}, encode[] = {{columns, encoding}};
    const ls_setting missing[] = {{flags & 1 ? columns : NULL, gap}}, type[] = {{columns, "category"}};
    const ls_csv_import import = {.input = split ? path : NULL,
                                  .splits = {split ? shares : whole, split ? 2 : 1},
                                  .stratify = split && flags & 2 ? "b" : NULL,
                                  .seed = 1,
                                  .shuffle = flags & 4,
                                  .arrays = {array, 1},
                                  .scales = {scale, scaling ? 1 : 0},
                                  .encodes = {encode, encoding ? 1 : 0},
                                  .missing = {missing, gap ? 1 : 0},
                                  .types = {type, flags & 8 ? 1 : 0},
                                  .ignore_unknown = flags & 16,
                                  .delimiter = delimiter,
                                  .no_header = flags & 32,
                                  .na = na,
                                  .nas = flags & 64 ? 2 : 0,
                                  .output = output};
    uint64_t dropped;
    ls_array *a = NULL;

    fuzz_begin();
    fuzz_write(path, input.at, input.left);
    if (fuzz_verdict(ls_import_csv(&import, &dropped))) {
        FUZZ_CHECK(fuzz_verdict(ls_array_open(output, "/train/x", NULL, &a)));
        FUZZ_CHECK(ls_array_samples(a) > 0);
        ls_array_free(a);
        check_like(import, output, dropped == 0);
    }
    fuzz_end();
    free(columns);
    return 0;
}
