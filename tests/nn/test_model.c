/* Models from their descriptions: names, order, shapes, parameter counts, every refusal with its place, the weights. */
#include "ls_test.h"

#include <inttypes.h>
#include <math.h>

#include <xxhash.h>

#include "formats/yaml.h"
#include "nn/model.h"

typedef struct built {
    ls_config *description;
    ls_model *model;
} built;

static ls_status try_build(const char *yaml, const ls_shape *in, built *out)
{
    *out = (built){0};
    assert_true(ok(ls_yaml_parse(yaml, strlen(yaml), "m.yaml", &out->description)));
    return ls_model_create(out->description, NULL, in, &out->model);
}

static void tear_down(built *b)
{
    ls_model_free(b->model);
    ls_config_free(b->description);
}

static built build(const char *yaml)
{
    built b;

    assert_true(ok(try_build(yaml, NULL, &b)));
    return b;
}

static bool layers_are(const ls_model *model, const char *const *names)
{
    size_t n = 0;

    for (; names[n]; n++)
        if (n >= model->layers || strcmp(model->layer[n]->name, names[n]) != 0) {
            print_error("layer %zu is '%s', want '%s'\n", n, n < model->layers ? model->layer[n]->name : "none",
                        names[n]);
            return false;
        }
    return model->layers == n;
}
#define LAYERS(model, ...) assert_true(layers_are((model), (const char *const[]){__VA_ARGS__, NULL}))

static void fails(const char *yaml, ls_status status, const char *const *words)
{
    built b;

    assert_true(failed_with(try_build(yaml, NULL, &b), status, words));
    assert_null(b.model);
    tear_down(&b);
}
#define REFUSED(yaml, ...) fails((yaml), LS_ERR_CONFIG, (const char *const[]){__VA_ARGS__, NULL})
#define UNSHAPELY(yaml, ...) fails((yaml), LS_ERR_SHAPE, (const char *const[]){__VA_ARGS__, NULL})

/* ---- what is built ---- */

/* 784*300+300 = 235,500; 300*200+200 = 60,200; 200*100+100 = 20,100; 100*10+10 = 1,010 */
static void counts_parameters(void **state)
{
    static const size_t want[] = {0, 235500, 60200, 20100, 1010};
    built b = build("[input: {shape: [784]}, dense: {units: 300}, dense: {units: 200}, dense: {units: 100}, dense: "
                    "{units: 10}]");

    (void)state;
    LAYERS(b.model, "input", "dense", "dense_1", "dense_2", "dense_3");
    for (size_t i = 0; i < count_of(want); i++) {
        size_t n = 0;

        for (size_t p = 0; p < b.model->layer[i]->params; p++)
            n += b.model->layer[i]->param[p].size;
        assert_int_equal(n, want[i]);
    }
    assert_int_equal(b.model->count, 235500 + 60200 + 20100 + 1010);
    assert_int_equal(b.model->trainable_count, b.model->count);
    assert_string_equal(b.model->name, "sequential");
    tear_down(&b);
}

static void lays_out_weights(void **state)
{
    built b =
        build("[input: {shape: [3]}, dense: {units: 100}, batch_normalization, dense: {units: 2, trainable: false}, "
              "dense: {units: 1}]");
    const ls_model *m = b.model;
    /* What is trained first, in the order of the layers; then the moving statistics and the frozen layer. */
    static const char *const names[] = {
        "dense/kernel",   "dense/bias",   "batch_normalization/gamma",       "batch_normalization/beta",
        "dense_2/kernel", "dense_2/bias", "batch_normalization/moving_mean", "batch_normalization/moving_variance",
        "dense_1/kernel", "dense_1/bias"};
    /* 300 floats take two blocks, everything else one. */
    static const size_t offset[] = {0, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304, 2560};
    char name[LS_PARAM_NAME_BYTES];

    (void)state;
    assert_int_equal(m->params, count_of(names));
    assert_int_equal(m->trainable_params, 6);
    for (size_t p = 0; p < m->params; p++) {
        assert_string_equal(ls_model_param_name(m, m->param[p], name), names[p]);
        assert_int_equal(m->param[p]->offset, offset[p]);
        assert_int_equal(m->param[p]->index, p);
        assert_ptr_equal(m->param[p]->value, m->weights + offset[p]);
    }
    assert_int_equal(m->trainable_size, 1792);
    assert_int_equal(m->size, 2816);
    assert_int_equal(m->trainable_count, 300 + 100 + 2 * 100 + 2 + 1);
    assert_int_equal(m->count, m->trainable_count + 2 * 100 + 200 + 2);
    assert_string_equal(ls_model_param_layer(m, m->param[8])->name, "dense_1");
    tear_down(&b);
}

static void takes_the_shape_of_the_data(void **state)
{
    const ls_shape in = {.axes = 2, .dim = {4, 3}};
    built b;

    (void)state;
    assert_true(ok(try_build("[flatten, dense: {units: 2}]", &in, &b)));
    LAYERS(b.model, "input", "flatten", "dense");
    assert_true(b.model->sequential && b.model->nodes == 3);
    assert_true(ls_shape_equal(&b.model->node[0].shape, &in));
    assert_int_equal(b.model->count, 12 * 2 + 2);
    tear_down(&b);

    /* A model that declares its input ignores the data's. */
    assert_true(ok(try_build("[input: {shape: [7], name: x}, dense: {units: 2}]", &in, &b)));
    LAYERS(b.model, "x", "dense");
    assert_int_equal(b.model->count, 16);
    tear_down(&b);
    REFUSED("[dense: {units: 2}]", "m.yaml:1:1", "no input shape", "- input: {shape: [...]}");
}

static void writes_of_a_layer(void **state)
{
    built b = build("- input: {shape: [4]}\n"
                    "- flatten\n"
                    "- flatten:\n"
                    "- {name: h, dense: {units: 3}}\n"
                    "- Dense: {units: 3}\n"
                    "- dense: {units: 2, name: dense_1}\n"
                    "- {dense: {units: 3}, trainable: false}\n");

    (void)state;
    LAYERS(b.model, "input", "flatten", "flatten_1", "h", "dense", "dense_1", "dense_2");
    assert_true(b.model->layer[5]->trainable && !b.model->layer[6]->trainable);
    tear_down(&b);
}

/* ---- graphs ---- */

#define EXAMPLE                                                   \
    "inputs: {a: {shape: [4]}, b: {shape: [2]}}\n"                \
    "layers:\n"                                                   \
    "- {name: o2, dense: {units: 2}, inputs: cat}\n"              \
    "- {name: pb, dense: {units: 4}, inputs: b}\n"                \
    "- {name: shared, dense: {units: 3}, inputs: a}\n"            \
    "- {name: cat, concatenate: null, inputs: [shared, again]}\n" \
    "- {name: again, shares: shared, inputs: [pb]}\n"             \
    "- {name: o1, dense: {units: 1}, inputs: cat}\n"              \
    "outputs: [o1, o2]\n"

/* pb = Dense(b), shared(a), shared(pb), cat, outputs o1, o2: Keras has b, a, pb, shared, cat, o1, o2. */
static void orders_layers_as_keras(void **state)
{
    built b = build(EXAMPLE);
    const ls_model *m = b.model;
    size_t calls = 0;

    (void)state;
    LAYERS(m, "b", "a", "pb", "shared", "cat", "o1", "o2");
    assert_string_equal(m->name, "functional");
    assert_int_equal(m->nodes, 8);
    assert_int_equal(m->inputs, 2);
    assert_string_equal(m->node[m->input[0]].name, "a");
    assert_string_equal(m->node[m->input[1]].name, "b");
    assert_string_equal(m->node[m->output[0]].name, "o1");
    assert_string_equal(m->node[m->output[1]].name, "o2");
    assert_int_equal(m->count, 12 + 15 + 7 + 14); /* pb, shared once, o1, o2 */
    for (size_t i = 0; i < m->nodes; i++) {
        for (size_t k = 0; k < m->node[i].inputs; k++)
            assert_true(m->node[i].input[k] < i);
        if (strcmp(m->node[i].layer->name, "shared") == 0)
            assert_int_equal(m->node[i].use, calls++);
    }
    assert_int_equal(calls, 2);
    tear_down(&b);
}

/*
 * Depth is counted from the outputs, and a layer is as deep as its deepest call. From o: cat has depth 1, long2 and
 * short 2, long1 3, x 4 - not 3, as the way over `short` would have it. Of two layers at one depth the one met first on
 * a walk from the output comes first: short, the first input of cat.
 */
static void orders_by_depth(void **state)
{
    built b = build("inputs: {x: {shape: [2]}}\n"
                    "layers:\n"
                    "- {name: long1, dense: {units: 2}, inputs: x}\n"
                    "- {name: long2, dense: {units: 2}, inputs: long1}\n"
                    "- {name: short, dense: {units: 2}, inputs: x}\n"
                    "- {name: cat, concatenate: null, inputs: [short, long2]}\n"
                    "- {name: o, dense: {units: 1}, inputs: cat}\n"
                    "outputs: o\n");

    (void)state;
    LAYERS(b.model, "x", "long1", "short", "long2", "cat", "o");
    tear_down(&b);

    /* An unused input has depth 0 and comes before the layers met there. */
    b = build("inputs: {x: {shape: [2]}, spare: {shape: [2]}}\n"
              "layers: [{name: h, dense: {units: 2}, inputs: x}, {name: o, dense: {units: 1}, inputs: h}]\n"
              "outputs: o\n");
    LAYERS(b.model, "x", "h", "spare", "o");
    tear_down(&b);
}

static void nodes_of_graphs_have_names(void **state)
{
    built b = build("inputs: {x: {shape: [2]}}\n"
                    "layers:\n"
                    "- {dense: {units: 2}, inputs: x}\n"
                    "- {dense: {units: 2, name: mine}, inputs: dense}\n"
                    "- {dense: {units: 2}, inputs: mine}\n"
                    "outputs: [dense_1]\n");

    (void)state;
    LAYERS(b.model, "x", "dense", "mine", "dense_1");
    tear_down(&b);
}

/* ---- refusals ---- */

#define GRAPH(layers, outputs) \
    "inputs:\n"                \
    "  x: {shape: [4]}\n"      \
    "layers:\n" layers "outputs: " outputs "\n"

static void refuses_graphs(void **state)
{
    (void)state;
    REFUSED(GRAPH("  - {name: p, dense: {units: 4}, inputs: q}\n"
                  "  - {name: q, dense: {units: 4}, inputs: r}\n"
                  "  - {name: r, dense: {units: 4}, inputs: p}\n",
                  "r"),
            "m.yaml:", "cycle", "'p'", "'r'");
    REFUSED(GRAPH("  - {name: p, dense: {units: 4}, inputs: p}\n", "p"), "m.yaml:4:5", "cycle", "'p'");
    REFUSED(GRAPH("  - {name: hidden, dense: {units: 4}, inputs: x}\n"
                  "  - {name: o, dense: {units: 4}, inputs: hiden}\n",
                  "o"),
            "m.yaml:5:42", "'hiden'", "did you mean 'hidden'");
    REFUSED(GRAPH("  - {name: o, dense: {units: 4}, inputs: x}\n", "[o, else]"), "m.yaml:5:14", "'else'",
            "does not exist");
    REFUSED(GRAPH("  - {name: o, dense: {units: 4}, inputs: x}\n", "[o, o]"), "m.yaml:5:10", "'o'", "twice");
    REFUSED(GRAPH("  - {name: o, dense: {units: 4}, inputs: x}\n", "[]"), "m.yaml:5:10", "empty");
    REFUSED(GRAPH("  - {name: o, dense: {units: 4}, inputs: []}\n", "o"), "m.yaml:4:42", "empty");
    REFUSED(GRAPH("  - {name: o, dense: {units: 4}}\n", "o"), "m.yaml:4:5", "inputs");
    REFUSED(GRAPH("  - {name: x, dense: {units: 4}, inputs: x}\n", "x"), "m.yaml:4:12", "two layers are called 'x'");
    REFUSED(GRAPH("  - {name: o, dense: {units: 4}, inputs: x}\n"
                  "  - {name: o, dense: {units: 4}, inputs: x}\n",
                  "o"),
            "m.yaml:5:12", "two layers are called 'o'");
    REFUSED(GRAPH("  - {name: o, dense: {units: 4}, flatten: {}, inputs: x}\n", "o"), "m.yaml:4:34", "one type",
            "'dense'", "'flatten'");
    REFUSED(GRAPH("  - {name: o, inputs: x}\n", "o"), "m.yaml:4:5", "no type");
    REFUSED(GRAPH("  - {name: o, dens: {units: 4}, inputs: x}\n", "o"), "m.yaml:4:15", "unknown layer 'dens'",
            "did you mean 'dense'");
    REFUSED(GRAPH("  - {name: a/b, dense: {units: 4}, inputs: x}\n", "o"), "m.yaml:4:12", "'a/b'");
    REFUSED(GRAPH("  - {name: o, dense: {units: 4, name: p}, inputs: x}\n", "o"), "m.yaml:4:39", "named twice");
    REFUSED(GRAPH("  - {name: h, dense: {units: 4}, inputs: x}\n"
                  "  - {name: o, dense: {units: 4}, inputs: x}\n",
                  "o"),
            "m.yaml:4:5", "'h'", "no output");
    REFUSED(GRAPH("  - {name: h, dense: {units: 4}, inputs: x}\n"
                  "  - {name: o, shares: h, dense: {units: 4}, inputs: h}\n",
                  "o"),
            "m.yaml:5:26", "no type of its own", "'dense'");
    REFUSED(GRAPH("  - {name: o, shares: hh, inputs: x}\n", "o"), "m.yaml:4:23", "'hh'", "does not exist");
    REFUSED(GRAPH("  - {name: o, shares: x, inputs: x}\n", "o"), "m.yaml:4:23", "'x'", "share");
    REFUSED("inputs: {x: {shape: [4]}}\nlayers: []\noutputs: x\n", "at least one input and one layer");
    REFUSED("inputs: {}\nlayers: [{name: o, dense: {units: 1}, inputs: x}]\noutputs: o\n", "at least one input");
    REFUSED("inputs: {x: {shape: [4]}}\nlayer: []\noutputs: x\n", "m.yaml:2:1", "'layer'", "did you mean 'layers'");
    REFUSED("layers: [{name: o, dense: {units: 1}, inputs: x}]\noutputs: o\n", "inputs");
    REFUSED("inputs: {x: {shape: [4]}}\nlayers: [{name: o, dense: {units: 1}, inputs: x}]\n", "outputs");
    REFUSED("dense", "model must be a list of layers");
}

static void refuses_lists(void **state)
{
    (void)state;
    REFUSED("[]", "m.yaml:1:1", "no layers");
    REFUSED("[input: {shape: [4]}]", "no layers");
    REFUSED("- input: {shape: [4]}\n- dnese: {units: 3}\n", "m.yaml:2:3", "unknown layer 'dnese'",
            "did you mean 'dense'");
    REFUSED("- input: {shape: [4]}\n- flaten\n", "m.yaml:2:3", "unknown layer 'flaten'", "did you mean 'flatten'");
    REFUSED("- input: {shape: [4]}\n- transformer_xl: {}\n", "m.yaml:2:3", "unknown layer", "known: ", "dense");
    REFUSED("- input: {shape: [4]}\n- {dense: {units: 3}, flatten: {}}\n", "m.yaml:2:23", "one type");
    REFUSED("- input: {shape: [4]}\n- {name: h}\n", "m.yaml:2:3", "no type");
    REFUSED("- input: {shape: [4]}\n- [dense]\n", "m.yaml:2:3", "dense: {units: 10}");
    REFUSED("- input: {shape: [4]}\n- dense: {units: 3, name: input}\n", "m.yaml:2:27",
            "two layers are called 'input'");
    REFUSED("- input: {shape: [4]}\n- dense: {units: 3, unit: 4}\n", "m.yaml:2:21", "'unit'", "did you mean 'units'");
    REFUSED("- input: {shape: [4]}\n- dense: {units: none}\n", "m.yaml:2:18", "'none'", "units");
    REFUSED("- input: {shape: [4]}\n- dense\n", "m.yaml:2:3", "units");
    REFUSED("- input: {shape: [4]}\n- dense: {units: 3, trainable: maybe}\n", "m.yaml:2:32", "trainable", "'maybe'");
    REFUSED("- input: {shape: [4]}\n- dense: {units: 3, kernel_constraint: {max_norm: {axis: 2}}}\n", "m.yaml:2:3",
            "axis 2", "(4, 3)");
}

static void refuses_shapes(void **state)
{
    (void)state;
    /* Both sides are in the message. */
    UNSHAPELY(GRAPH("  - {name: h, dense: {units: 3}, inputs: x}\n"
                    "  - {name: o, add: null, inputs: [x, h]}\n",
                    "o"),
              "m.yaml:5:5", "layer 'o' (add)", "(None, 4)", "(None, 3)");
    UNSHAPELY(GRAPH("  - {name: h, dense: {units: 3}, inputs: x}\n"
                    "  - {name: o, shares: h, inputs: h}\n",
                    "o"),
              "layer 'h' (dense)", "(None, 4)", "(None, 3)");
    UNSHAPELY("- input: {shape: [4]}\n- reshape: {target_shape: [3]}\n", "m.yaml:2:3", "4", "3");
    UNSHAPELY("- input: {shape: [4]}\n- max_pooling2d: {}\n", "m.yaml:2:3", "max_pooling2d", "(None, 4)");
    UNSHAPELY(GRAPH("  - {name: o, add: null, inputs: x}\n", "o"), "m.yaml:4:5", "at least 2 inputs, but has 1");
    UNSHAPELY(GRAPH("  - {name: o, dense: {units: 1}, inputs: [x, x]}\n", "o"), "m.yaml:4:5",
              "takes 1 input, but has 2");
    UNSHAPELY("- input: {shape: []}\n- dense: {units: 3}\n", "m.yaml:2:3", "dense");
    UNSHAPELY("- input: {shape: [100000000]}\n- dense: {units: 2000000000}\n", "(100000000, 2000000000)");
}

/* ---- weights ---- */

static bool padding_is_zero(const ls_model *m)
{
    bool zero = true;

    for (size_t p = 0; p < m->params; p++) {
        const size_t end = p + 1 < m->params ? m->param[p + 1]->offset : m->size;

        for (size_t i = m->param[p]->offset + m->param[p]->size; i < end; i++)
            zero &= m->weights[i] == 0 && !signbit(m->weights[i]);
    }
    return zero;
}

/* Freezing a layer moves its weights in the buffer but not where they start from, nor the fingerprint. */
static void freezing_changes_no_weight(void **state)
{
    built free_ = build("[input: {shape: [30]}, dense: {units: 20}, batch_normalization, dense: {units: 5}]");
    built frozen = build("[input: {shape: [30]}, dense: {units: 20, trainable: false}, batch_normalization, dense: "
                         "{units: 5}]");
    char a[33], b[33], c[33];

    (void)state;
    assert_true(ok(ls_model_init_weights(free_.model, 3)));
    assert_true(ok(ls_model_init_weights(frozen.model, 3)));
    assert_true(frozen.model->param[0] != &frozen.model->layer[1]->param[0]); /* it did move */
    for (size_t i = 0; i < free_.model->layers; i++)
        for (size_t p = 0; p < free_.model->layer[i]->params; p++)
            assert_true(same_bits(frozen.model->layer[i]->param[p].value, free_.model->layer[i]->param[p].value,
                                  free_.model->layer[i]->param[p].size));
    ls_model_fingerprint(free_.model, a);
    ls_model_fingerprint(frozen.model, b);
    assert_string_equal(a, b);
    assert_true(padding_is_zero(free_.model) && padding_is_zero(frozen.model));

    assert_true(ok(ls_model_init_weights(frozen.model, 4)));
    ls_model_fingerprint(frozen.model, c);
    assert_string_not_equal(b, c);
    assert_true(ok(ls_model_init_weights(frozen.model, 3))); /* a pure function of model and seed */
    ls_model_fingerprint(frozen.model, c);
    assert_string_equal(b, c);
    tear_down(&free_);
    tear_down(&frozen);
}

/* Two layers of one shape start differently, and a layer's start does not depend on the ones behind it. */
static void every_parameter_has_its_own_stream(void **state)
{
    built two = build("[input: {shape: [8]}, dense: {units: 8}, dense: {units: 8}]");
    built three = build("[input: {shape: [8]}, dense: {units: 8}, dense: {units: 8}, dense: {units: 8}]");

    (void)state;
    assert_true(ok(ls_model_init_weights(two.model, 1)));
    assert_true(ok(ls_model_init_weights(three.model, 1)));
    for (size_t p = 0; p < two.model->params; p++)
        assert_true(same_bits(three.model->param[p]->value, two.model->param[p]->value, two.model->param[p]->size));
    for (size_t i = 0; i < 64; i++)
        assert_true(two.model->param[0]->value[i] != two.model->param[2]->value[i]);
    tear_down(&two);
    tear_down(&three);
}

/* As measured in Keras 3.15.1: sqrt(6 / (fan_in + fan_out)), where fan_out is of the kernel's axes that the output has.
 */
static void einsum_dense_starts_as_wide_as_keras(void **state)
{
    static const struct {
        const char *yaml;
        double fans; /* their sum */
    } cases[] = {
        {"[input: {shape: [50]}, einsum_dense: {equation: 'ab,bc->ac', output_shape: 30}]", 50 + 30},
        {"[input: {shape: [7, 40]}, einsum_dense: {equation: 'abc,cde->abde', output_shape: [7, 10, 30]}]", 40 + 300},
        {"[input: {shape: [6, 40]}, einsum_dense: {equation: 'abc,bcd->abd', output_shape: [6, 20]}]", 40 + 120},
        {"[input: {shape: [5, 13]}, einsum_dense: {equation: 'abc,bcde->ade', output_shape: [9, 11]}]", 65 + 99},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        built b = build(cases[i].yaml);
        const ls_param *kernel = b.model->param[0];
        const double limit = sqrt(6 / cases[i].fans);
        double largest = 0;

        assert_true(ok(ls_model_init_weights(b.model, 5)));
        for (size_t k = 0; k < kernel->size; k++)
            largest = fmax(largest, fabs((double)kernel->value[k]));
        if (!(largest <= limit * (1 + 1e-6) && largest > 0.97 * limit))
            print_error("%s: %g instead of %g\n", cases[i].yaml, largest, limit);
        assert_true(largest <= limit * (1 + 1e-6) && largest > 0.97 * limit);
        tear_down(&b);
    }
}

static void fingerprint_sees_every_bit(void **state)
{
    built b = build("[input: {shape: [3]}, dense: {units: 2}, batch_normalization]");
    ls_model *m = b.model;
    char was[33], now[33];

    (void)state;
    assert_true(ok(ls_model_init_weights(m, 0)));
    ls_model_fingerprint(m, was);
    assert_int_equal(strspn(was, "0123456789abcdef"), 32);
    for (size_t p = 0; p < m->params; p++)
        for (size_t i = 0; i < m->param[p]->size; i++)
            for (int bit = 0; bit < 32; bit++) {
                uint32_t word;

                memcpy(&word, &m->param[p]->value[i], sizeof word);
                word ^= UINT32_C(1) << bit;
                memcpy(&m->param[p]->value[i], &word, sizeof word);
                ls_model_fingerprint(m, now);
                assert_string_not_equal(was, now);
                word ^= UINT32_C(1) << bit;
                memcpy(&m->param[p]->value[i], &word, sizeof word);
            }
    ls_model_fingerprint(m, now);
    assert_string_equal(was, now);
    tear_down(&b);
}

/* XXH3-128 of all weights in one piece: layer by layer, wherever they lie in the buffer, without padding. */
static void fingerprint_is_xxh3(void **state)
{
    built b =
        build("[input: {shape: [3]}, dense: {units: 2, trainable: false}, batch_normalization, dense: {units: 1}]");
    const ls_model *m = b.model;
    float all[64];
    size_t n = 0;
    char got[33], want[33];
    XXH128_hash_t hash;

    (void)state;
    assert_true(ok(ls_model_init_weights(b.model, 0)));
    for (size_t i = 0; i < m->layers; i++)
        for (size_t p = 0; p < m->layer[i]->params; p++)
            for (size_t j = 0; j < m->layer[i]->param[p].size; j++)
                all[n++] = m->layer[i]->param[p].value[j];
    assert_int_equal(n, 8 + 8 + 3);
    hash = XXH3_128bits(all, n * sizeof(float));
    snprintf(want, sizeof want, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
    ls_model_fingerprint(m, got);
    assert_string_equal(got, want);
    tear_down(&b);
}

/* l1 = 0.5, l2 = 0.25 on w = 2, -1: 0.5 x 3 + 0.25 x 5; a frozen layer's penalty does not count. */
static void adds_penalties(void **state)
{
    built b = build("[input: {shape: [2]}, dense: {units: 1, kernel_regularizer: {l1_l2: {l1: 0.5, l2: 0.25}}, "
                    "bias_regularizer: {l2: {l2: 10}}}, dense: {units: 1, trainable: false, kernel_regularizer: l1}]");

    (void)state;
    assert_true(ls_model_penalty(b.model) == 0);
    b.model->layer[1]->param[0].value[0] = 2;
    b.model->layer[1]->param[0].value[1] = -1;
    b.model->layer[2]->param[0].value[0] = 100;
    assert_true(ls_model_penalty(b.model) == 0.5 * 3 + 0.25 * 5);
    b.model->layer[1]->param[1].value[0] = 0.5f;
    assert_true(ls_model_penalty(b.model) == 0.5 * 3 + 0.25 * 5 + 10 * 0.25);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_parameters),
        cmocka_unit_test(lays_out_weights),
        cmocka_unit_test(einsum_dense_starts_as_wide_as_keras),
        cmocka_unit_test(takes_the_shape_of_the_data),
        cmocka_unit_test(writes_of_a_layer),
        cmocka_unit_test(orders_layers_as_keras),
        cmocka_unit_test(orders_by_depth),
        cmocka_unit_test(nodes_of_graphs_have_names),
        cmocka_unit_test(refuses_graphs),
        cmocka_unit_test(refuses_lists),
        cmocka_unit_test(refuses_shapes),
        cmocka_unit_test(freezing_changes_no_weight),
        cmocka_unit_test(every_parameter_has_its_own_stream),
        cmocka_unit_test(fingerprint_sees_every_bit),
        cmocka_unit_test(fingerprint_is_xxh3),
        cmocka_unit_test(adds_penalties),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
