/*
 * The commands that say what a file holds, inspect, summary and compare, and export: on dataset files and on Keras's,
 * with edits (h5_edit.h).
 *
 *     which file  edits…
 */
#include "commands.h"
#include "source_dir.h"
#include "data/import.h"
#include "h5_edit.h"
#include "keras_sound.h"

typedef struct sound_file {
    void *data;
    size_t n;
    fuzz_h5_names names;
} sound_file;

static sound_file make_dataset(void)
{
    static const char table[] = "a,b\n1,x\n2.5,y\n";
    const char *const csv = fuzz_path("in.csv"), *const output = fuzz_path("sound.h5");
    const ls_setting splits[] = {{"train", csv}}, arrays[] = {{"x", "a"}, {"y", "b"}}, scales[] = {{"x", "standard"}};
    sound_file f;
    uint64_t dropped;

    fuzz_write(csv, table, sizeof table - 1);
    FUZZ_CHECK(fuzz_verdict(ls_import_csv(
        &(ls_csv_import){.splits = {splits, 1}, .arrays = {arrays, 2}, .scales = {scales, 1}, .output = output},
        &dropped)));
    f.data = fuzz_read(output, &f.n);
    f.names = fuzz_h5_names_of(f.data, f.n);
    return f;
}

static sound_file read_keras(const char *name)
{
    char path[512];
    sound_file f;

    snprintf(path, sizeof path, "%s/tests/golden/keras_files/%s", source_dir, name);
    f.data = fuzz_read(path, &f.n);
    f.names = fuzz_h5_names_of(f.data, f.n);
    return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enum { FILES = 3 };
    static sound_file sound[FILES];
    fuzz_input input = {data, n};
    const sound_file *const which = &sound[fuzz_choose(&input, FILES)];
    const char *const path = fuzz_path("edited.h5"), *const unedited = fuzz_path("unedited.h5");

    if (!sound[0].data) {
        fuzz_comm();
        sound[0] = make_dataset();
        sound[1] = read_keras("custom.h5");
        sound[2] = read_keras("custom.weights.h5");
    }
    fuzz_begin();
    if (!fuzz_h5_make(path, which->data, which->n, &input, &which->names))
        return 0;
    fuzz_write(unedited, which->data, which->n);
    fuzz_command(&ls_command_inspect, path, NULL);
    fuzz_command(&ls_command_summary, path, NULL);
    fuzz_command(&ls_command_compare, path, unedited, NULL);
    fuzz_command(&ls_command_compare, unedited, path, NULL);
    fuzz_command(&ls_command_export, path, "--output", fuzz_path("out.keras"), NULL);
    fuzz_end();
    return 0;
}
