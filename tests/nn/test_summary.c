/* The table against what Keras 3.15 printed for the same models, byte for byte; the picture by its lines. */
#include "ls_test.h"

#include "formats/yaml.h"
#include "nn/graphviz.h"
#include "nn/summary.h"

static const char mlp[] = "- input: {shape: [784]}\n"
                          "- dense: {units: 300}\n"
                          "- dense: {units: 200}\n"
                          "- dense: {units: 100}\n"
                          "- dense: {units: 10}\n";

/* 784*300+300 = 235,500; 300*200+200 = 60,200; 200*100+100 = 20,100; 100*10+10 = 1,010 */
static const char mlp_table[] = "Model: \"sequential\"\n"
                                "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓\n"
                                "┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃\n"
                                "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩\n"
                                "│ dense (Dense)                   │ (None, 300)            │       235,500 │\n"
                                "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
                                "│ dense_1 (Dense)                 │ (None, 200)            │        60,200 │\n"
                                "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
                                "│ dense_2 (Dense)                 │ (None, 100)            │        20,100 │\n"
                                "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
                                "│ dense_3 (Dense)                 │ (None, 10)             │         1,010 │\n"
                                "└─────────────────────────────────┴────────────────────────┴───────────────┘\n"
                                " Total params: 316,810 (1.21 MB)\n"
                                " Trainable params: 316,810 (1.21 MB)\n"
                                " Non-trainable params: 0 (0.00 B)\n";

/* Names that wrap and names that are cut; a layer that is not trained; weights that never are. */
static const char convolutional[] = "- input: {shape: [28, 28, 1]}\n"
                                    "- conv2d: {filters: 4, kernel_size: 3}\n"
                                    "- batch_normalization\n"
                                    "- max_pooling2d: {pool_size: 2}\n"
                                    "- dropout: {rate: 0.5}\n"
                                    "- flatten\n"
                                    "- dense: {units: 16, name: a_layer_with_a_name_longer_than_its_column_is_wide, "
                                    "trainable: false}\n"
                                    "- dense: {units: 10, name: two words and several more in it}\n";

static const char convolutional_table[] =
    "Model: \"sequential\"\n"
    "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓\n"
    "┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃\n"
    "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩\n"
    "│ conv2d (Conv2D)                 │ (None, 26, 26, 4)      │            40 │\n"
    "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
    "│ batch_normalization             │ (None, 26, 26, 4)      │            16 │\n"
    "│ (BatchNormalization)            │                        │               │\n"
    "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
    "│ max_pooling2d (MaxPooling2D)    │ (None, 13, 13, 4)      │             0 │\n"
    "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
    "│ dropout (Dropout)               │ (None, 13, 13, 4)      │             0 │\n"
    "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
    "│ flatten (Flatten)               │ (None, 676)            │             0 │\n"
    "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
    "│ a_layer_with_a_name_longer_tha… │ (None, 16)             │        10,832 │\n"
    "│ (Dense)                         │                        │               │\n"
    "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
    "│ two words and several more in   │ (None, 10)             │           170 │\n"
    "│ it (Dense)                      │                        │               │\n"
    "└─────────────────────────────────┴────────────────────────┴───────────────┘\n"
    " Total params: 11,058 (43.20 KB)\n"
    " Trainable params: 218 (872.00 B)\n"
    " Non-trainable params: 10,840 (42.34 KB)\n";

/* Two inputs, two outputs, a layer called twice. */
static const char graph[] = "inputs: {a: {shape: [4]}, b: {shape: [2]}}\n"
                            "layers:\n"
                            "- {name: pb, dense: {units: 4}, inputs: b}\n"
                            "- {name: shared, dense: {units: 3}, inputs: a}\n"
                            "- {name: again, shares: shared, inputs: pb}\n"
                            "- {name: cat, concatenate: null, inputs: [shared, again]}\n"
                            "- {name: a_rather_long_name_of_a_layer, batch_normalization: null, inputs: cat}\n"
                            "- {name: o1, dense: {units: 1}, inputs: a_rather_long_name_of_a_layer}\n"
                            "- {name: o2, dense: {units: 2}, inputs: a_rather_long_name_of_a_layer}\n"
                            "outputs: [o1, o2]\n";

static const char graph_table[] = "Model: \"functional\"\n"
                                  "┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓\n"
                                  "┃ Layer (type)        ┃ Output Shape      ┃    Param # ┃ Connected to      ┃\n"
                                  "┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩\n"
                                  "│ b (InputLayer)      │ (None, 2)         │          0 │ -                 │\n"
                                  "├─────────────────────┼───────────────────┼────────────┼───────────────────┤\n"
                                  "│ a (InputLayer)      │ (None, 4)         │          0 │ -                 │\n"
                                  "├─────────────────────┼───────────────────┼────────────┼───────────────────┤\n"
                                  "│ pb (Dense)          │ (None, 4)         │         12 │ b[0][0]           │\n"
                                  "├─────────────────────┼───────────────────┼────────────┼───────────────────┤\n"
                                  "│ shared (Dense)      │ (None, 3)         │         15 │ a[0][0], pb[0][0] │\n"
                                  "├─────────────────────┼───────────────────┼────────────┼───────────────────┤\n"
                                  "│ cat (Concatenate)   │ (None, 6)         │          0 │ shared[0][0],     │\n"
                                  "│                     │                   │            │ shared[1][0]      │\n"
                                  "├─────────────────────┼───────────────────┼────────────┼───────────────────┤\n"
                                  "│ a_rather_long_name… │ (None, 6)         │         24 │ cat[0][0]         │\n"
                                  "│ (BatchNormalizatio… │                   │            │                   │\n"
                                  "├─────────────────────┼───────────────────┼────────────┼───────────────────┤\n"
                                  "│ o1 (Dense)          │ (None, 1)         │          7 │ a_rather_long_na… │\n"
                                  "├─────────────────────┼───────────────────┼────────────┼───────────────────┤\n"
                                  "│ o2 (Dense)          │ (None, 2)         │         14 │ a_rather_long_na… │\n"
                                  "└─────────────────────┴───────────────────┴────────────┴───────────────────┘\n"
                                  " Total params: 72 (288.00 B)\n"
                                  " Trainable params: 60 (240.00 B)\n"
                                  " Non-trainable params: 12 (48.00 B)\n";

/* A graph that is a chain is shown as one, but with its input. */
static const char chain[] = "inputs: {x: {shape: [4]}}\n"
                            "layers:\n"
                            "- {name: h, dense: {units: 3}, inputs: x}\n"
                            "- {name: o, dense: {units: 2}, inputs: h}\n"
                            "outputs: [h, o]\n";

static const char chain_table[] = "Model: \"functional\"\n"
                                  "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓\n"
                                  "┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃\n"
                                  "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩\n"
                                  "│ x (InputLayer)                  │ (None, 4)              │             0 │\n"
                                  "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
                                  "│ h (Dense)                       │ (None, 3)              │            15 │\n"
                                  "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
                                  "│ o (Dense)                       │ (None, 2)              │             8 │\n"
                                  "└─────────────────────────────────┴────────────────────────┴───────────────┘\n"
                                  " Total params: 23 (92.00 B)\n"
                                  " Trainable params: 23 (92.00 B)\n"
                                  " Non-trainable params: 0 (0.00 B)\n";

/* Letters of two bytes take one column. */
static const char letters[] = "- input: {shape: [3]}\n"
                              "- dense: {units: 2, name: größe_der_schicht_übermäßig_länglich}\n"
                              "- dense: {units: 2, name: größe}\n";

static const char letters_table[] = "Model: \"sequential\"\n"
                                    "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓\n"
                                    "┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃\n"
                                    "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩\n"
                                    "│ größe_der_schicht_übermäßig_lä… │ (None, 2)              │             8 │\n"
                                    "│ (Dense)                         │                        │               │\n"
                                    "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
                                    "│ größe (Dense)                   │ (None, 2)              │             6 │\n"
                                    "└─────────────────────────────────┴────────────────────────┴───────────────┘\n"
                                    " Total params: 14 (56.00 B)\n"
                                    " Trainable params: 14 (56.00 B)\n"
                                    " Non-trainable params: 0 (0.00 B)\n";

typedef ls_status writer(const ls_model *, ls_text *);

static void write_model(const char *yaml, writer *write, ls_text *out)
{
    ls_config *description = NULL;
    ls_model *model = NULL;

    assert_true(ok(ls_yaml_parse(yaml, strlen(yaml), "model", &description)));
    assert_true(ok(ls_model_create(description, NULL, NULL, &model)));
    assert_true(ok(write(model, out)));
    ls_model_free(model);
    ls_config_free(description);
}

static void the_table_is_keras_s(void **unused)
{
    static const struct {
        const char *yaml, *table;
    } known[] = {
        {mlp, mlp_table},         {convolutional, convolutional_table}, {graph, graph_table}, {chain, chain_table},
        {letters, letters_table},
    };

    (void)unused;
    for (size_t i = 0; i < count_of(known); i++) {
        ls_text got = {0};

        write_model(known[i].yaml, ls_summary_write, &got);
        assert_string_equal(got.data, known[i].table);
        ls_text_reset(&got);
    }
}

static void counts_get_their_commas(void **unused)
{
    static const struct {
        uint64_t count;
        const char *text;
    } known[] = {
        {0, "0"},
        {999, "999"},
        {1000, "1,000"},
        {316810, "316,810"},
        {1234567, "1,234,567"},
        {UINT64_MAX, "18,446,744,073,709,551,615"},
    };
    char text[LS_NUMBER_BYTES];

    (void)unused;
    for (size_t i = 0; i < count_of(known); i++)
        assert_string_equal(ls_format_count(known[i].count, text), known[i].text);
}

static void sizes_get_their_units(void **unused)
{
    /* 316,810 * 4 = 1,267,240 = 1.2085 * 2^20 */
    static const struct {
        double bytes;
        const char *text;
    } known[] = {
        {0, "0.00 B"},          {1023, "1023.00 B"},  {1024, "1.00 KB"},
        {1267240, "1.21 MB"},   {1048576, "1.00 MB"}, {1.5 * 1073741824.0, "1.50 GB"},
        {0x1p60, "1024.00 PB"},
    };
    char text[LS_NUMBER_BYTES];

    (void)unused;
    for (size_t i = 0; i < count_of(known); i++)
        assert_string_equal(ls_format_bytes(known[i].bytes, text), known[i].text);
}

/* Nodes in running order: a, b, pb, shared, again, cat, … */
static void the_picture_shows_nodes_edges_and_sharing(void **unused)
{
    static const char *const lines[] = {
        "digraph model {\n",
        "    n0 [label=\"{a\\ (InputLayer)|{output:\\ (None,\\ 4)}|0\\ parameters}\"];\n",
        "    n2 [label=\"{pb\\ (Dense)|{input:\\ (None,\\ 2)|output:\\ (None,\\ 4)}|12\\ parameters}\"];\n",
        "    n3 [style=dashed, label=\"{shared\\ (Dense)|{input:\\ (None,\\ 4)|output:\\ (None,\\ 3)}|15\\ "
        "parameters}\"];",
        "    n4 [style=dashed, label=\"{again\\ (Dense)|{input:\\ (None,\\ 4)|output:\\ (None,\\ 3)}|weights\\ of\\ "
        "shared}\"];",
        "    n5 [label=\"{cat\\ (Concatenate)|{input:\\ (None,\\ 3),\\ (None,\\ 3)|output:\\ (None,\\ 6)}|0\\ "
        "parameters}\"];",
        "    n1 -> n2;\n",
        "    n0 -> n3;\n",
        "    n2 -> n4;\n",
        "    n3 -> n5;\n    n4 -> n5;\n",
        "    n6 -> n7;\n    n6 -> n8;\n}\n",
    };
    ls_text got = {0};

    (void)unused;
    write_model(graph, ls_graphviz_write, &got);
    for (size_t i = 0; i < count_of(lines); i++)
        if (!strstr(got.data, lines[i])) {
            print_error("no line: %s\nin:\n%s", lines[i], got.data);
            fail();
        }
    ls_text_reset(&got);
}

static void the_picture_escapes_what_records_read(void **unused)
{
    ls_text got = {0};

    (void)unused;
    write_model("- input: {shape: [3]}\n- dense: {units: 2, name: '{a|b}<\"c\\'}\n", ls_graphviz_write, &got);
    assert_non_null(strstr(got.data, "label=\"{\\{a\\|b\\}\\<\\\"c\\\\\\ (Dense)|"));
    ls_text_reset(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_keras_s),
        cmocka_unit_test(counts_get_their_commas),
        cmocka_unit_test(sizes_get_their_units),
        cmocka_unit_test(the_picture_shows_nodes_edges_and_sharing),
        cmocka_unit_test(the_picture_escapes_what_records_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
