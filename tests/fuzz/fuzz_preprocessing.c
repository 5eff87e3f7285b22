/*
 * import csv --like FILE.h5: the group /preprocessing of a dataset file, with edits (h5_edit.h), applied to a CSV file.
 *
 *     flags  edits…
 */
#include <stdlib.h>
#include <string.h>

#include "data/import.h"
#include "h5_edit.h"

static const char table[] = "a,b,c,d,e\n1,x,0.5,u,7\n2,y,,v,8\n3,x,2.5,w,9\n4,z,1e3,u,NA\n";

/* The dataset file that is edited: every kind of column. */
static void *make_sound(const char *csv, size_t *n)
{
    const ls_setting splits[] = {{"train", csv}}, arrays[] = {{"x", "a,c,b"}, {"y", "d"}, {"z", "a,e,b"}};
    const ls_setting scales[] = {{"x", "standard"}}, encodes[] = {{"b", "onehot"}, {"d", "label"}};
    const ls_setting missing[] = {{"c", "mean"}, {"e", "fill:3"}};
    const char *const na[] = {"NA"};
    const char *const output = fuzz_path("sound.h5");
    uint64_t dropped;

    FUZZ_CHECK(fuzz_verdict(ls_import_csv(&(ls_csv_import){.splits = {splits, 1},
                                                           .arrays = {arrays, 3},
                                                           .scales = {scales, 1},
                                                           .encodes = {encodes, 2},
                                                           .missing = {missing, 2},
                                                           .na = na,
                                                           .nas = 1,
                                                           .output = output},
                                          &dropped)));
    return fuzz_read(output, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static void *sound;
    static size_t sound_bytes;
    static fuzz_h5_names names;
    fuzz_input input = {data, n};
    const uint8_t flags = fuzz_byte(&input);
    const char *const csv = fuzz_path("in.csv"), *const like = fuzz_path("like.h5");
    const ls_setting splits[] = {{"train", csv}};
    uint64_t dropped;

    fuzz_write(csv, table, sizeof table - 1);
    if (!sound) {
        sound = make_sound(csv, &sound_bytes);
        names = fuzz_h5_names_of(sound, sound_bytes);
    }
    fuzz_begin();
    if (!fuzz_h5_make(like, sound, sound_bytes, &input, &names))
        return 0;
    fuzz_verdict(ls_import_csv(
        &(ls_csv_import){
            .splits = {splits, 1}, .like = like, .ignore_unknown = flags & 1, .output = fuzz_path("out.h5")},
        &dropped));
    fuzz_end();
    return 0;
}
