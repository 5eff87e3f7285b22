/*
 * Experiments: the YAML file up to the first zero byte, behind it a setting of the command line ("fit.epochs=3"). Then
 * the model is built, and what is written of the experiment must read as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "experiment/experiment.h"
#include "formats/yaml.h"
#include "fuzz.h"

/* Data are not there, so an input that the model does not name has 4 features. */
static void check_model(const ls_experiment *e)
{
    static const ls_shape four = {.axes = 1, .dim = {4}};
    ls_text first = {0}, second = {0};
    ls_experiment *again = NULL;
    ls_model *model = NULL;

    if (fuzz_verdict(ls_model_create(e->model, NULL, e->model->kind == LS_CONFIG_LIST ? &four : NULL, &model))) {
        FUZZ_CHECK(fuzz_verdict(ls_experiment_write(e, model, true, &first)));
        FUZZ_CHECK(fuzz_verdict(ls_experiment_parse(first.data, first.length, "again", &again)));
        FUZZ_CHECK(fuzz_verdict(ls_experiment_write(again, model, true, &second)));
        FUZZ_CHECK(strcmp(first.data, second.data) == 0);
    }
    ls_experiment_free(again);
    ls_model_free(model);
    ls_text_reset(&first);
    ls_text_reset(&second);
}

/* A tree that was written reads as the same tree. */
static void check_tree(const ls_config *tree)
{
    ls_text first = {0}, second = {0};
    ls_config *again = NULL;

    ls_yaml_write(tree, &first);
    FUZZ_CHECK(first.status == LS_OK);
    FUZZ_CHECK(fuzz_verdict(ls_yaml_parse(first.data ? first.data : "", first.length, "again", &again)));
    ls_yaml_write(again, &second);
    FUZZ_CHECK(first.length == second.length && (!first.length || strcmp(first.data, second.data) == 0));
    ls_config_free(again);
    ls_text_reset(&first);
    ls_text_reset(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_input input = {data, n};
    char *const text = fuzz_text(&input);
    const size_t yaml = strlen(text);
    ls_experiment *e = NULL;
    ls_config *tree = NULL;

    fuzz_begin();
    if (fuzz_verdict(ls_yaml_parse(text, yaml, "experiment.yaml", &tree))) {
        check_tree(tree);
        if (yaml < n && fuzz_verdict(ls_yaml_set(tree, text + yaml + 1)))
            check_tree(tree);
        if (fuzz_verdict(ls_experiment_create(tree, "experiment.yaml", &e)))
            check_model(e);
    }
    ls_experiment_free(e);
    fuzz_end();
    free(text);
    return 0;
}
