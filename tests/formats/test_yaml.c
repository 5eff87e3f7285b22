/* YAML to trees: positions, what is refused, changes from the command line, and reading back what was written. */
#include "ls_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "formats/yaml.h"

static ls_status parse(const char *text, ls_config **out)
{
    return ls_yaml_parse(text, strlen(text), "e.yaml", out);
}

static ls_config *parsed(const char *text)
{
    ls_config *tree;

    assert_true(ok(parse(text, &tree)));
    return tree;
}

static bool same_tree(const ls_config *a, const ls_config *b)
{
    const bool null_a = ls_config_is_null(a), null_b = ls_config_is_null(b);
    const ls_config *x, *y;

    if (null_a || null_b)
        return null_a && null_b;
    if (a->kind != b->kind || a->count != b->count || !a->key != !b->key || (a->key && strcmp(a->key, b->key)) ||
        (a->kind == LS_CONFIG_SCALAR && strcmp(a->text, b->text)))
        return false;
    for (x = a->first, y = b->first; x && y; x = x->next, y = y->next)
        if (!same_tree(x, y))
            return false;
    return !x && !y;
}

static const char experiment[] = "# A comment\n"
                                 "name: fashion-mnist-512\n"
                                 "seed: 42\n"
                                 "data:\n"
                                 "  file: \"../a b.h5\"\n"
                                 "  train: {x: /train/x, y: /train/y}\n"
                                 "model:\n"
                                 "  - flatten: {}\n"
                                 "  - dense: {units: 512, activation: relu}\n"
                                 "  - dense:\n"
                                 "      units: 10\n"
                                 "      activation:\n"
                                 "compile:\n"
                                 "  metrics: [accuracy, 'null']\n";

static void check_position(const ls_config *node, int line, int column, int key_line, int key_column)
{
    assert_non_null(node);
    assert_int_equal(node->line, line);
    assert_int_equal(node->column, column);
    assert_int_equal(node->key_line, key_line);
    assert_int_equal(node->key_column, key_column);
    assert_string_equal(node->file, "e.yaml");
}

static void nodes_know_their_kinds_and_positions(void **state)
{
    ls_config *tree = parsed(experiment), *data, *model, *dense, *metrics;

    (void)state;
    assert_int_equal(tree->kind, LS_CONFIG_MAP);
    assert_int_equal(tree->count, 5);
    check_position(tree, 2, 1, 0, 0);
    check_position(ls_config_get(tree, "seed"), 3, 7, 3, 1);
    data = ls_config_get(tree, "data");
    check_position(data, 5, 3, 4, 1);
    check_position(ls_config_get(data, "file"), 5, 9, 5, 3);
    assert_string_equal(ls_config_get(data, "file")->text, "../a b.h5");
    assert_true(ls_config_get(data, "file")->quoted);
    check_position(ls_config_get(ls_config_get(data, "train"), "y"), 6, 27, 6, 24);
    assert_false(ls_config_get(ls_config_get(data, "train"), "y")->quoted);

    model = ls_config_get(tree, "model");
    assert_int_equal(model->kind, LS_CONFIG_LIST);
    assert_int_equal(model->count, 3);
    assert_null(model->first->key);
    assert_int_equal(ls_config_get(model->first, "flatten")->kind, LS_CONFIG_MAP);
    assert_int_equal(ls_config_get(model->first, "flatten")->count, 0);
    dense = ls_config_get(model->last, "dense");
    check_position(dense, 11, 7, 10, 5);
    assert_int_equal(ls_config_get(dense, "activation")->kind, LS_CONFIG_NULL);

    metrics = ls_config_get(ls_config_get(tree, "compile"), "metrics");
    check_position(metrics->first, 14, 13, 0, 0);
    assert_string_equal(metrics->last->text, "null");
    assert_false(ls_config_is_null(metrics->last));
    ls_config_free(tree);
}

static void scalars_of_all_styles_are_read(void **state)
{
    static const struct {
        const char *yaml, *text; /* text NULL: null */
        bool quoted;
    } cases[] = {
        {"~", NULL, false},
        {"null", NULL, false},
        {"", NULL, false},
        {"# only a comment", NULL, false},
        {"'null'", "null", true},
        {"''", "", true},
        {"'it''s'", "it's", true},
        {"\"tab\\t\\u00e9\"", "tab\t\xc3\xa9", true},
        {"two words", "two words", false},
        {"|\n  block\n  text\n", "block\ntext\n", true},
        {"0x10", "0x10", false},
        {"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9", false},
    };

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        ls_config *tree = parsed(cases[i].yaml);

        if (cases[i].text) {
            assert_string_equal(tree->text, cases[i].text);
            assert_int_equal(tree->quoted, cases[i].quoted);
        } else {
            assert_int_equal(tree->kind, LS_CONFIG_NULL);
            assert_null(tree->text);
        }
        ls_config_free(tree);
    }
}

static void what_yaml_offers_beyond_trees_is_refused(void **state)
{
    static const struct {
        const char *yaml, *where, *what;
    } cases[] = {
        {"a: &x 1\n", "e.yaml:1:4:", "anchors"},
        {"a: 1\nb: *x\n", "e.yaml:2:4:", "aliases"},
        {"*x : 1\n", "e.yaml:1:1:", "aliases"},
        {"a: !!int 1\n", "e.yaml:1:4:", "tags"},
        {"- !mine [1]\n", "e.yaml:1:3:", "tags"},
        {"a: &x {b: 1}\n", "e.yaml:1:4:", "anchors"},
        {"&k a: 1\n", "e.yaml:1:1:", "anchors"},
        {"<<: {b: 1}\n", "e.yaml:1:1:", "merge keys"},
        {"? [a, b]\n: 1\n", "e.yaml:1:3:", "a key must be a plain word"},
        {"a: 1\n---\nb: 2\n", "e.yaml:2:1:", "second document"},
        {"a: 1\nb: 2\na: 3\n", "e.yaml:3:1:", "key 'a' stands twice in one map, first in line 1"},
        {"x: {b: 2, c: 1, b: 3}\n", "e.yaml:1:17:", "key 'b' stands twice"},
        {"a: \"zero\\0byte\"\n", "e.yaml:1:4:", "zero byte"},
        {"a: \xff\xfe\n", "e.yaml: byte 3:", "UTF-8"},
        {"a: \xc3\n", "e.yaml: byte 4:", "UTF-8"},
        {"a: \x01\n", "e.yaml: byte", "control characters are not allowed"},
    };
    ls_config *tree;

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        FAILS(parse(cases[i].yaml, &tree), LS_ERR_CONFIG, cases[i].where, cases[i].what);
        assert_null(tree);
    }
    FAILS(ls_yaml_parse("a: b\0c", 6, "e.yaml", &tree), LS_ERR_CONFIG, "control characters");
    FAILS(ls_yaml_parse("\xff\xfe"
                        "a\0:\0 \0b\0",
                        10, "e.yaml", &tree),
          LS_ERR_CONFIG, "UTF-16");
}

/* What libyaml would say of all these is "did not find expected key" and the like, at a place behind the mistake. */
static void a_mistake_is_said_with_its_place_and_the_remedy(void **state)
{
    static const struct {
        const char *yaml, *where, *what;
    } cases[] = {
        /* tabs */
        {"fit:\n\tepochs: 3\n", "e.yaml:2:1:", "a tab at the beginning of the line"},
        {"fit:\n  epochs: 3\n\tbatch: 1\n", "e.yaml:3:1:", "write two blanks for each tab"},
        {"fit:\n  \tepochs: 3\n  batch: 1\n", "e.yaml:2:3:", "a tab at the beginning of the line"},
        {"a: b\n\tc: 1\n", "e.yaml:2:1:", "a tab at the beginning of the line"},
        /* blanks and colons that are missing */
        {"fit:\n  epochs:3\n  batch: 3\n", "e.yaml:2:9:", "write 'epochs: 3'"},
        {"fit:\n  epochs:3 # few\n\n  # and\n  batch: 3\n", "e.yaml:2:9:", "write 'epochs: 3'"},
        {"model\n  - dense: 3\n", "e.yaml:1:6:", "a colon is missing behind 'model': write 'model:'"},
        {"name: a\nfit\nmodel: b\n", "e.yaml:2:4:", "a colon is missing behind 'fit': write 'fit:'"},
        {"model:\n  -dense: 3\n", "e.yaml:2:3:", "a blank is missing behind the '-' of a list"},
        {"name: a: b\n", "e.yaml:1:8:", "a text with ': ' in it stands in quotes, 'name: \"a: b\"'"},
        /* indentation */
        {"a: 1\n b: 2\n", "e.yaml:2:2:", "indented by 1, the one above it (line 1) by 0"},
        {"fit:\n  a: 3\n   b: 3\n", "e.yaml:3:4:", "indented by 3, the one above it (line 2) by 2"},
        {"fit:\n  a: 3\n b: 3\n",
         "e.yaml:3:2:", "indented by 1, as no key above it is; those of the map that began in line 1"},
        {"a: |\n  x\n b: 1\n", "e.yaml:3:2:", "keys of one map begin in the same column"},
        {"m:\n  - dense: 3\n  dropout: 3\n",
         "e.yaml:3:3:", "a list began in line 2, and this is no entry of it: begin it with '- '"},
        {"m:\n  - dense: 3\n   - dropout: 3\n",
         "e.yaml:3:4:", "this '-' is indented by 3, those of its list (from line 2) by 2"},
        {"m:\n  - dense: 3\n    - dropout: 3\n", "e.yaml:3:5:", "an entry of a list ('- ') among the keys of a map"},
        {"fit:\n  a: 3\n- b: 3\n", "e.yaml:3:1:", "an entry of a list ('- ') among the keys of a map (from line 1)"},
        /* quotes */
        {"name: \"abc\nfit:\n  a: 3\n", "e.yaml:1:7:", "the quote that opens here is never closed"},
        {"a: 1\nb: 'open\n", "e.yaml:2:4:", "write the same quote behind the text"},
        {"a: \"C:\\dir\"\n", "e.yaml:1:7:", "use 'single quotes'"},
        {"a: \"x\" y\n", "e.yaml:1:8:", "'y' does not belong behind the value before it"},
        /* brackets */
        {"a: [1, 2\nb: 3\n", "e.yaml:1:4:", "the '[' that opens here is not closed when line 2 begins: write ']'"},
        {"fit: {a: 3\nname: b\n", "e.yaml:1:6:", "the '{' that opens here is not closed when line 2 begins: write '}'"},
        {"a: {b: 3]\n", "e.yaml:1:9:", "']' cannot close the '{' of line 1: write '}'"},
        {"a: [1, 3}\n", "e.yaml:1:9:", "'}' cannot close the '[' of line 1: write ']'"},
        {"a: [\"b\" \"c\"]\n", "e.yaml:1:9:", "a ',' is missing before '\"c\"]'"},
        {"a: }\n", "e.yaml:1:4:", "'}' closes nothing"},
        {"a: {b: 1, , c: 2}\n", "e.yaml:1:11:", "a value is missing before this ','"},
        /* what YAML keeps for itself */
        {"a: @b\n", "e.yaml:1:4:", "a value cannot begin with '@': put it in quotes, \"@b\""},
        {"a: %b # c\n", "e.yaml:1:4:", "put it in quotes, \"%b\""},
        {"a: `b`\n", "e.yaml:1:4:", "a value cannot begin with '`'"},
        {"a: *\n", "e.yaml:1:5:", "a value cannot begin with '*' or '&': put it in quotes"},
        /* places count characters, texts are cut between them */
        {"\xc3\xa4: \xc3\xa4: b\n", "e.yaml:1:5:", "'\xc3\xa4: \"\xc3\xa4: b\"'"},
        {"a: 1\r\n b: 2\r\n", "e.yaml:2:2:", "indented by 1"},
    };
    ls_config *tree;

    (void)state;
    for (size_t i = 0; i < count_of(cases); i++) {
        FAILS(parse(cases[i].yaml, &tree), LS_ERR_CONFIG, cases[i].where, cases[i].what);
        assert_null(tree);
    }
}

static char *repeat(const char *text, size_t times, const char *end)
{
    ls_text out = {0};

    for (size_t i = 0; i < times; i++)
        ls_text_add(&out, "%s", text);
    ls_text_add(&out, "%s", end);
    assert_int_equal(out.status, LS_OK);
    return out.data;
}

static void depth_is_bounded(void **state)
{
    char *deepest = repeat("- ", 64, "1"), *deeper = repeat("- ", 65, "1"), *hostile = repeat("[", 1000000, "");
    ls_config *tree;

    (void)state;
    ls_config_free(parsed(deepest));
    FAILS(parse(deeper, &tree), LS_ERR_CONFIG, "e.yaml:1:129:", "more than 64 levels");
    FAILS(parse(hostile, &tree), LS_ERR_CONFIG, "e.yaml:1:65:", "more than 64 levels");
    ls_free(deepest);
    ls_free(deeper);
    ls_free(hostile);
}

static void size_is_bounded(void **state)
{
    char *many = repeat("- 1\n", 100001, ""), *large = repeat("# 4567890123456\n", 1 << 20, "a: 1\n");
    char *long_key = repeat("k", 257, ": 1");
    ls_config *tree;

    (void)state;
    FAILS(parse(many, &tree), LS_ERR_CONFIG, "e.yaml:100000:3:", "too many values");
    FAILS(parse(large, &tree), LS_ERR_CONFIG, "more than 16 MiB");
    FAILS(parse(long_key, &tree), LS_ERR_CONFIG, "e.yaml:1:1:", "256 bytes");
    ls_free(many);
    ls_free(large);
    ls_free(long_key);
}

static void files_are_read_or_refused_by_name(void **state)
{
    char path[] = "test_yaml_XXXXXX";
    const int fd = mkstemp(path);
    ls_config *tree;
    ls_text text = {0};

    (void)state;
    assert_true(fd >= 0);
    for (int i = 0; i < 20000; i++) /* longer than one read */
        ls_text_add(&text, "key%d: %d\n", i, i * i);
    assert_int_equal(write(fd, text.data, text.length), text.length);
    assert_int_equal(close(fd), 0);
    assert_true(ok(ls_yaml_read(path, &tree)));
    assert_int_equal(tree->count, 20000);
    assert_string_equal(tree->last->text, "399960001");
    assert_string_equal(tree->last->file, path);
    ls_config_free(tree);
    assert_int_equal(unlink(path), 0);

    FAILS(ls_yaml_read(path, &tree), LS_ERR_CONFIG, "cannot open", path, "No such file");
    FAILS(ls_yaml_read(".", &tree), LS_ERR_IO, "cannot read '.'", "directory");
    ls_text_reset(&text);
}

/* ---- --set ---- */

static const ls_config *at(const ls_config *node, const char *a, const char *b)
{
    return ls_config_get(ls_config_get(node, a), b);
}

static void settings_change_the_tree(void **state)
{
    ls_config *tree = parsed(experiment);
    const ls_config *model = ls_config_get(tree, "model");

    (void)state;
    assert_true(ok(ls_yaml_set(tree, "seed=7")));
    assert_string_equal(ls_config_get(tree, "seed")->text, "7");
    assert_string_equal(tree->first->next->key, "seed");
    assert_true(ok(ls_yaml_set(tree, "fit.epochs=3"))); /* makes the map */
    assert_string_equal(at(tree, "fit", "epochs")->text, "3");
    assert_true(ok(ls_yaml_set(tree, "model.1.dense.units=99")));
    assert_string_equal(at(model->first->next, "dense", "units")->text, "99");
    assert_string_equal(at(model->last, "dense", "units")->text, "10");
    assert_true(ok(ls_yaml_set(tree, "model.2={dense: {units: 5}}")));
    assert_int_equal(model->count, 3);
    assert_string_equal(at(model->last, "dense", "units")->text, "5");
    assert_null(model->last->key);
    assert_true(ok(ls_yaml_set(tree, "data.train=")));
    assert_true(ls_config_is_null(at(tree, "data", "train")));
    assert_true(ok(ls_yaml_set(tree, "data.train.x=/a=b"))); /* null becomes a map; later '=' are the value's */
    assert_string_equal(ls_config_get(at(tree, "data", "train"), "x")->text, "/a=b");
    assert_true(ok(ls_yaml_set(tree, "compile.metrics=[mae, 'x y']")));
    assert_string_equal(at(tree, "compile", "metrics")->last->text, "x y");
    ls_config_free(tree);
}

static void settings_that_fit_nothing_are_refused(void **state)
{
    static const char *const known[] = {"name", "seed", "data", "model", "compile", "fit"};
    ls_config *tree = parsed(experiment);
    char text[300];
    int64_t out;

    (void)state;
    FAILS(ls_yaml_set(tree, "fit.epochs"), LS_ERR_CONFIG, "setting fit.epochs: write it as KEY.KEY=VALUE");
    FAILS(ls_yaml_set(tree, "fit.\xd3=1"), LS_ERR_CONFIG, "setting fit.", "not UTF-8");
    FAILS(ls_yaml_set(tree, "=3"), LS_ERR_CONFIG, "setting =3: write it");
    FAILS(ls_yaml_set(tree, "fit..epochs=3"), LS_ERR_CONFIG, "setting fit..epochs=3: the path has an empty part");
    FAILS(ls_yaml_set(tree, "seed.x=3"), LS_ERR_CONFIG, "'x' would lie below the single value '42'");
    FAILS(ls_yaml_set(tree, "model.3.dense=1"), LS_ERR_CONFIG, "'3' is no entry of a list of 3");
    FAILS(ls_yaml_set(tree, "model.-1=1"), LS_ERR_CONFIG, "'-1' is no entry");
    FAILS(ls_yaml_set(tree, "fit.<<=1"), LS_ERR_CONFIG, "'<<' can be no key");
    memset(text, 'k', 257);
    memcpy(text + 257, "=1", 3);
    FAILS(ls_yaml_set(tree, text), LS_ERR_CONFIG, "can be no key");
    FAILS(ls_yaml_set(tree, "seed=[1"), LS_ERR_CONFIG, "setting seed=[1:1:1: the '[' that opens here is not closed");

    /* What was set names the command line when it turns out to be wrong. */
    assert_true(ok(ls_yaml_set(tree, "seed=abc")));
    FAILS(ls_config_int(ls_config_get(tree, "seed"), "seed", 0, 9, &out), LS_ERR_CONFIG,
          "setting seed=abc: seed must be an integer from 0 to 9, not 'abc'");
    assert_true(ok(ls_yaml_set(tree, "fitt.epochs=3")));
    FAILS(ls_config_check_keys(tree, known, 6, "the experiment"), LS_ERR_CONFIG,
          "setting fitt.epochs=3: unknown key 'fitt' in the experiment; did you mean 'fit'?");

    for (size_t i = 0; i < 64; i++)
        memcpy(text + 2 * i, "a.", 2);
    memcpy(text + 127, "=1", 3);
    assert_true(ok(ls_yaml_set(tree, text)));
    memcpy(text + 127, "=[]", 4);
    FAILS(ls_yaml_set(tree, text), LS_ERR_CONFIG, "deeper than 64 levels");
    ls_config_free(tree);
}

/* ---- reading back what was written ---- */

static void check_round_trip(const ls_config *tree)
{
    ls_text first = {0}, second = {0};
    ls_config *back;

    ls_yaml_write(tree, &first);
    assert_int_equal(first.status, LS_OK);
    assert_true(ok(ls_yaml_parse(first.data, first.length, "written.yaml", &back)));
    if (!same_tree(tree, back))
        print_error("does not read back the same:\n%s", first.data);
    assert_true(same_tree(tree, back));
    ls_yaml_write(back, &second);
    assert_string_equal(first.data, second.data);
    ls_text_reset(&first);
    ls_text_reset(&second);
    ls_config_free(back);
}

static void an_experiment_reads_back(void **state)
{
    ls_config *tree = parsed(experiment);

    (void)state;
    check_round_trip(tree);
    ls_config_free(tree);
}

static void awkward_texts_read_back(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "-",
        "--",
        "---",
        "...",
        "..",
        "-a",
        "- a",
        "?",
        ": ",
        "a: b",
        "a:",
        ":a",
        "#",
        "a #b",
        "a#b",
        "null",
        "~",
        "true",
        "'",
        "''",
        "\"",
        "\\",
        "\\n",
        "\n",
        "a\n\nb\n",
        "\ttab",
        "trail ",
        " lead",
        "{",
        "}",
        "[a]",
        "a,b",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "1e3",
        "-1",
        "+.5",
        ".",
        "=",
        "<<",
        "\x01\x1f",
        "\x7f",
        "\xc2\x85",
        "\xc2\xa0",
        "\xe2\x80\xa8",
        "\xe2\x80\xa9",
        "\xef\xbb\xbf",
        "\xc3\xa9",
        "\xf0\x9f\x98\x80",
        "\r",
        "\r\n",
        "C:\\dir",
        "a\xc2\x85z",
        "\xef\xbf\xbe",
        "\xc2\x9f",
        "\x1b[0m",
    };
    ls_config *map = ls_config_create(LS_CONFIG_MAP, NULL), *list = ls_config_add(map, "list", LS_CONFIG_LIST, NULL);

    (void)state;
    for (size_t i = 0; i < count_of(texts); i++) {
        ls_config *child = ls_config_add(list, NULL, LS_CONFIG_SCALAR, texts[i]);

        child->quoted = true;
        if (strcmp(texts[i], "<<"))
            assert_non_null(ls_config_add(map, texts[i], LS_CONFIG_SCALAR, "v"));
    }
    check_round_trip(map);
    ls_config_free(map);
}

static uint32_t dice(uint32_t n)
{
    static uint64_t bits = 1;

    bits = bits * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(bits >> 33) % n;
}

static void grow(ls_config *node, int depth)
{
    const uint32_t n = dice(5);

    for (uint32_t i = 0; i < n; i++) {
        static const ls_config_kind kinds[] = {LS_CONFIG_NULL, LS_CONFIG_SCALAR, LS_CONFIG_SCALAR, LS_CONFIG_LIST,
                                               LS_CONFIG_MAP};
        const ls_config_kind kind = kinds[dice(depth ? 5 : 3)];
        char key[16], text[8] = "";
        ls_config *child;

        snprintf(key, sizeof key, "k%u", i);
        for (uint32_t k = dice(7); k > 0; k--)
            text[strlen(text)] = "ab1-:#'\" \n,[]{}&*!|>%@~.?"[dice(26)];
        child =
            ls_config_add(node, node->kind == LS_CONFIG_MAP ? key : NULL, kind, kind == LS_CONFIG_SCALAR ? text : NULL);
        assert_non_null(child);
        child->quoted = kind == LS_CONFIG_SCALAR;
        if (kind == LS_CONFIG_LIST || kind == LS_CONFIG_MAP)
            grow(child, depth - 1);
    }
}

static void random_trees_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) {
        ls_config *root = ls_config_create(i % 2 ? LS_CONFIG_MAP : LS_CONFIG_LIST, NULL);

        grow(root, 4);
        check_round_trip(root);
        ls_config_free(root);
    }
}

/* Damaged files are read or refused with a message; sanitizers see the rest. */
static void damaged_files_are_read_or_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        char text[sizeof experiment];
        const size_t n = 1 + dice(sizeof experiment - 1);
        ls_config *tree;

        memcpy(text, experiment, sizeof experiment);
        for (uint32_t k = dice(4); k > 0; k--)
            text[dice(sizeof experiment)] = dice(2) ? "-:#'\" \n,[]{}&*!|>\t\\"[dice(19)] : (char)dice(256);
        if (ls_yaml_parse(text, n, "e.yaml", &tree) != LS_OK) {
            assert_null(tree);
            assert_int_equal(strncmp(ls_error_message(), "e.yaml:", 7), 0);
        }
        ls_config_free(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_know_their_kinds_and_positions),
        cmocka_unit_test(scalars_of_all_styles_are_read),
        cmocka_unit_test(what_yaml_offers_beyond_trees_is_refused),
        cmocka_unit_test(a_mistake_is_said_with_its_place_and_the_remedy),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(files_are_read_or_refused_by_name),
        cmocka_unit_test(settings_change_the_tree),
        cmocka_unit_test(settings_that_fit_nothing_are_refused),
        cmocka_unit_test(an_experiment_reads_back),
        cmocka_unit_test(awkward_texts_read_back),
        cmocka_unit_test(random_trees_read_back),
        cmocka_unit_test(damaged_files_are_read_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
