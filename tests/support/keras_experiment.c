#include "keras_experiment.h"

experiment create(const char *model_yaml, const char *compile_yaml)
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

void destroy(experiment *e)
{
    ls_outputs_free(e->outputs, e->model->outputs);
    ls_optimizer_reset(&e->optimizer);
    ls_model_free(e->model);
    ls_config_free(e->tree);
}

ls_compile_info compile_info(const experiment *e, const ls_optimizer_state *state)
{
    return (ls_compile_info){e->outputs, &e->optimizer, e->learning_rate, state};
}
