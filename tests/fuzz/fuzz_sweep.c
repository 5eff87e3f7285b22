/*
 * SWEEP.yaml up to the first zero byte, and behind it the result.json of a trial that is finished.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "sweep/result.h"

static const char base[] = "data: {file: d.h5, train: {x: /x, y: /y}, val: {x: /x, y: /y}}\n"
                           "model: [flatten, dense: {units: 3, activation: softmax}]\n"
                           "compile: {optimizer: sgd, loss: sparse_categorical_crossentropy, metrics: [accuracy]}\n"
                           "fit: {epochs: 2, batch_size: 8, validation_data: val}\n";

/* What was read is written, and that reads as the same. */
static void check_result(const ls_sweep *sweep, const char *json)
{
    const ls_trial trial = {.combination = 0, .searches = false, .index = 0, .seed = 1, .rate = (double)NAN};
    const char *const path = fuzz_path("result.json");
    ls_text first = {0}, second = {0};
    ls_trial_result result;
    bool found;

    fuzz_write(path, json, strlen(json));
    if (!fuzz_verdict(ls_result_read(path, &trial, &result, &found)))
        return;
    FUZZ_CHECK(found);
    FUZZ_CHECK(fuzz_verdict(ls_result_write(sweep, &trial, &result, &first)));
    fuzz_write(path, first.data, first.length);
    FUZZ_CHECK(fuzz_verdict(ls_result_read(path, &trial, &result, &found)));
    FUZZ_CHECK(fuzz_verdict(ls_result_write(sweep, &trial, &result, &second)));
    FUZZ_CHECK(strcmp(first.data, second.data) == 0);
    ls_text_reset(&first);
    ls_text_reset(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_input input = {data, n};
    char *const text = fuzz_text(&input);
    const size_t yaml = strlen(text);
    const char *const path = fuzz_path("sweep.yaml");
    ls_sweep *sweep = NULL;

    fuzz_begin();
    fuzz_write(fuzz_path("base.yaml"), base, sizeof base - 1);
    fuzz_write(path, text, yaml);
    if (fuzz_verdict(ls_sweep_read(path, NULL, 0, &sweep)) && yaml < n)
        check_result(sweep, text + yaml + 1);
    ls_sweep_free(sweep);
    fuzz_end();
    free(text);
    return 0;
}
