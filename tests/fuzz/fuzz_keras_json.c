/*
 * Keras's descriptions of models: "model_config" up to the first zero byte, "training_config" behind it. What is made
 * of them is built.
 */
#include <stdlib.h>
#include <string.h>

#include "formats/json.h"
#include "formats/keras_architecture.h"
#include "fuzz.h"
#include "nn/outputs.h"

static void check_compile(const ls_config *json, const char *text, const ls_model *model, ls_config *out)
{
    ls_config *training = NULL;
    ls_output_spec *outputs = NULL;
    ls_keras_refused refused = {0};

    if (fuzz_verdict(ls_json_parse(text, strlen(text), "training_config", &training)) &&
        fuzz_verdict(ls_keras_put_compile(json, training, model, out, &refused))) {
        fuzz_verdict(ls_outputs_read(ls_config_get(out, "compile"), model, &outputs));
        ls_outputs_free(outputs, model->outputs);
    }
    ls_keras_refused_reset(&refused);
    ls_config_free(training);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_input input = {data, n};
    char *const text = fuzz_text(&input);
    const size_t bytes = strlen(text);
    ls_config *json = NULL, *out = ls_config_create(LS_CONFIG_MAP, "model.keras");
    ls_model *model = NULL;

    FUZZ_CHECK(out);
    fuzz_begin();
    if (fuzz_verdict(ls_json_parse(text, bytes, "model_config", &json)) &&
        fuzz_verdict(ls_keras_put_model(json, out)) &&
        fuzz_verdict(ls_model_create(ls_config_get(out, "model"), NULL, NULL, &model)) && bytes < n)
        check_compile(json, text + bytes + 1, model, out);
    ls_model_free(model);
    ls_config_free(out);
    ls_config_free(json);
    fuzz_end();
    free(text);
    return 0;
}
