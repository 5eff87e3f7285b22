/* What tests of files for Keras share: an experiment without data, whose weights are known. */
#ifndef LS_TEST_KERAS_EXPERIMENT_H
#define LS_TEST_KERAS_EXPERIMENT_H

#include "ls_test.h"

#include "formats/keras_model.h"
#include "formats/yaml.h"

/* An experiment as far as it concerns a model file. */
typedef struct experiment {
    ls_config *tree;
    ls_model *model;
    ls_output_spec *outputs;
    ls_optimizer optimizer;
    float learning_rate;
} experiment;

static inline experiment create(const char *model_yaml, const char *compile_yaml)
{
    experiment e = {0};
    ls_text text = {0};
    const ls_config *compile;

    ls_text_add(&text, "%scompile:\n  %s\n", model_yaml, compile_yaml);
    assert_true(ok(text.status) && ok(ls_yaml_parse(text.data, text.length, "test.yaml", &e.tree)));
    ls_text_reset(&text);
    compile = ls_config_get(e.tree, "compile");
    assert_true(ok(ls_model_create(ls_config_get(e.tree, "model"), NULL, NULL, &e.model)));
    /* A value of its own for every weight: 0.5, 1.5, … in the order of the flat buffer. */
    for (size_t i = 0, n = 0; i < e.model->params; i++)
        for (size_t k = 0; k < e.model->param[i]->size; k++)
            e.model->param[i]->value[k] = (float)n++ + 0.5f;
    assert_true(ok(ls_outputs_read(compile, e.model, &e.outputs)));
    assert_true(ok(ls_optimizer_parse(ls_config_get(compile, "optimizer"), "compile.optimizer", &e.optimizer)));
    e.learning_rate = (float)e.optimizer.common.learning_rate;
    return e;
}

static inline void destroy(experiment *e)
{
    ls_outputs_free(e->outputs, e->model->outputs);
    ls_optimizer_reset(&e->optimizer);
    ls_model_free(e->model);
    ls_config_free(e->tree);
}

static inline ls_compile_info compile_info(const experiment *e, const ls_optimizer_state *state)
{
    return (ls_compile_info){e->outputs, &e->optimizer, e->learning_rate, state};
}

#endif
