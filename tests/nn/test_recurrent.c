/* Recurrent layers and wrappers as models have them: how weights start, their names, and what is refused and why. */
#include "ls_test.h"

#include "formats/yaml.h"
#include "nn/model.h"

typedef struct built {
    ls_config *description;
    ls_model *model;
} built;

static ls_status try_build(const char *layer, built *out)
{
    char yaml[1024];

    snprintf(yaml, sizeof yaml, "[input: {shape: [4, 3]}, %s]", layer);
    *out = (built){0};
    assert_true(ok(ls_yaml_parse(yaml, strlen(yaml), "m.yaml", &out->description)));
    return ls_model_create(out->description, NULL, NULL, &out->model);
}

static built build(const char *layer)
{
    built b;

    assert_true(ok(try_build(layer, &b)));
    assert_true(ok(ls_model_init_weights(b.model, 7)));
    return b;
}

static void tear_down(built *b)
{
    ls_model_free(b->model);
    ls_config_free(b->description);
}

static void fails(const char *layer, ls_status status, const char *const *words)
{
    built b;

    assert_true(failed_with(try_build(layer, &b), status, words));
    tear_down(&b);
}
#define REFUSED(layer, ...) fails((layer), LS_ERR_CONFIG, (const char *const[]){__VA_ARGS__, NULL})
#define UNSHAPELY(layer, ...) fails((layer), LS_ERR_SHAPE, (const char *const[]){__VA_ARGS__, NULL})

/* Biases of i, f, g, o: only f starts at 1, and only if asked to. */
static void check_lstm_bias(const ls_param *bias, size_t units, bool forgets_little)
{
    for (size_t i = 0; i < 4 * units; i++)
        assert_true(bias->value[i] == (forgets_little && i >= units && i < 2 * units ? 1.0f : 0.0f));
}

static void lstm_forgets_little_at_first(void **state)
{
    built plain = build("lstm: {units: 2}"), without = build("lstm: {units: 2, unit_forget_bias: false}");
    built both = build("time_distributed: {layer: {reshape: {target_shape: [3, 1]}}}, "
                       "time_distributed: {layer: {bidirectional: {layer: {lstm: {units: 2}}}}}");

    (void)state;
    check_lstm_bias(&plain.model->layer[1]->param[2], 2, true);
    check_lstm_bias(&without.model->layer[1]->param[2], 2, false);
    check_lstm_bias(&both.model->layer[2]->param[2], 2, true);
    check_lstm_bias(&both.model->layer[2]->param[5], 2, true);
    tear_down(&plain);
    tear_down(&without);
    tear_down(&both);
}

/* The rows of an orthogonal (2, 8) matrix. */
static void recurrent_kernels_start_orthogonal(void **state)
{
    built b = build("lstm: {units: 2}");
    const float *U = b.model->layer[1]->param[1].value;

    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++) {
            double dot = 0;

            for (size_t k = 0; k < 8; k++)
                dot += (double)U[i * 8 + k] * (double)U[j * 8 + k];
            assert_true(close_to(dot, i == j, 1e-6, 0));
        }
    tear_down(&b);
}

static void weights_of_wrapped_layers_have_names_of_their_own(void **state)
{
    static const char *const names[] = {"forward_kernel",  "forward_recurrent_kernel",  "forward_bias",
                                        "backward_kernel", "backward_recurrent_kernel", "backward_bias"};
    built b = build("time_distributed: {layer: {reshape: {target_shape: [3, 1]}}}, "
                    "time_distributed: {layer: {bidirectional: {layer: {gru: {units: 2}}}}}");
    const ls_layer *layer = b.model->layer[2];

    (void)state;
    assert_int_equal(layer->params, 6);
    for (size_t p = 0; p < 6; p++) {
        assert_string_equal(layer->param[p].name, names[p]);
        assert_string_equal(layer->param[p].group, p < 3 ? "layer/forward_layer/cell" : "layer/backward_layer/cell");
    }
    tear_down(&b);
}

static void refuses_what_it_has_not(void **state)
{
    (void)state;
    REFUSED("lstm: {units: 2, stateful: true}", "m.yaml:1:", "stateful: true is not supported", "in every epoch");
    REFUSED("gru: {units: 2, return_state: true}", "return_state: true is not supported", "return_sequences");
    REFUSED("simple_rnn: {units: 2, dropout: 1.0}", "dropout", "below 1");
    REFUSED("bidirectional: {layer: {dense: {units: 2}}}", "unknown layer 'dense'", "simple_rnn, gru, lstm");
    REFUSED("bidirectional: {layer: null}", "needs 'layer'");
    REFUSED("bidirectional: {layer: {gru: {units: 2}}, merge_mode: null}", "merge_mode", "two outputs");
    REFUSED("bidirectional: {layer: {gru: {units: 2, go_backwards: true}}}", "go_backwards");
    REFUSED("bidirectional: {layer: {gru: {units: 2}}, backward_layer: {gru: {units: 2}}}", "go_backwards");
    REFUSED("bidirectional: {layer: {gru: {units: 2}}, backward_layer: {gru: {units: 3, go_backwards: true}}}",
            "same units");
    REFUSED("bidirectional: {layer: {gru: {units: 2, activity_regularizer: l2}}, merge_mode: sum}", "concat");
    REFUSED("time_distributed: {layer: null}", "needs 'layer'");
    UNSHAPELY("time_distributed: {layer: {batch_normalization: {}}}", "cannot wrap 'batch_normalization'", "step");
    UNSHAPELY("time_distributed: {layer: {embedding: {input_dim: 2, output_dim: 2}}}", "cannot wrap 'embedding'");
    UNSHAPELY("time_distributed: {layer: {add: {}}}", "cannot wrap 'add'");
    UNSHAPELY("flatten: {}, lstm: {units: 2}", "layer 'lstm' (lstm)", "(samples, steps, features)", "(None, 12)");
    UNSHAPELY("flatten: {}, time_distributed: {layer: {dense: {units: 2}}}", "(None, 12)");
    UNSHAPELY("masking: {}, batch_normalization: {}", "does not take a masked sequence", "layer_normalization");
    UNSHAPELY("masking: {}, softmax: {}", "does not take a masked sequence");
    UNSHAPELY("masking: {}, time_distributed: {layer: {time_distributed: {layer: {dense: {units: 2}}}}}", "(None, 3)");
    UNSHAPELY("repeat_vector: {n: 2}", "(samples, features)", "(None, 4, 3)");
}

static bool is_masked(const ls_model *m, const char *name)
{
    for (size_t i = 0; i < m->nodes; i++)
        if (strcmp(m->node[i].name, name) == 0)
            return m->node[i].masked;
    fail();
    return false;
}

/* Which layers hand a mask on: Keras's supports_masking and compute_mask. */
static void masks_go_as_far_as_in_keras(void **state)
{
    built b = build("masking: {}, dense: {units: 3, name: d}, layer_normalization: {name: n}, dropout: {rate: 0.5, "
                    "name: dr}, lstm: {units: 3, return_sequences: true, name: all}, "
                    "time_distributed: {layer: {dense: {units: 3}}, name: t}, "
                    "bidirectional: {layer: {gru: {units: 2, return_sequences: true}}, name: b}, "
                    "reshape: {target_shape: [4, 4], name: r}, masking: {name: again}, gru: {units: 2, name: last}");
    static const char *const masked[] = {"masking", "d", "n", "dr", "all", "t", "b", "again"};

    (void)state;
    for (size_t i = 0; i < count_of(masked); i++)
        assert_true(is_masked(b.model, masked[i]));
    assert_false(is_masked(b.model, "input") || is_masked(b.model, "r") || is_masked(b.model, "last"));
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lstm_forgets_little_at_first),
        cmocka_unit_test(recurrent_kernels_start_orthogonal),
        cmocka_unit_test(weights_of_wrapped_layers_have_names_of_their_own),
        cmocka_unit_test(refuses_what_it_has_not),
        cmocka_unit_test(masks_go_as_far_as_in_keras),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
