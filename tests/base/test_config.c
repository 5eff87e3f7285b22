/* Configuration trees: building and changing them, typed values and their messages, YAML output. */
#include "formats/yaml.h"
#include "ls_test.h"

#include <stdlib.h>

#include "base/config.h"
#include "base/memory.h"

/* A child at line:column, its key at line:1. */
static ls_config *place(ls_config *node, int line, int column)
{
    assert_non_null(node);
    node->line = node->key_line = line;
    node->column = column;
    node->key_column = 1;
    return node;
}

static ls_config *scalar(ls_config *parent, const char *key, const char *text)
{
    ls_config *node = ls_config_add(parent, key, LS_CONFIG_SCALAR, text);

    assert_non_null(node);
    return node;
}

static ls_config *quoted(ls_config *parent, const char *key, const char *text)
{
    ls_config *node = scalar(parent, key, text);

    node->quoted = true;
    return node;
}

/* ---- the tree ---- */

static void children_keep_their_order(void **state)
{
    ls_config *root = ls_config_create(LS_CONFIG_MAP, "a.yaml");
    ls_config *list = ls_config_add(root, "list", LS_CONFIG_LIST, NULL);
    char text[16];

    (void)state;
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "%d", i * i);
        scalar(list, NULL, text);
    }
    assert_int_equal(list->count, 10);
    assert_string_equal(list->last->text, "81");
    for (ls_config *child = list->first, *before = NULL; child; before = child, child = child->next)
        assert_true(!before || atoi(before->text) < atoi(child->text));
    assert_string_equal(list->last->file, "a.yaml");
    assert_ptr_equal(ls_config_get(root, "list"), list);
    assert_null(ls_config_get(root, "lis"));
    assert_null(ls_config_get(list, "0"));
    assert_null(ls_config_get(NULL, "list"));
    ls_config_free(root);
    ls_config_free(NULL);
}

static void put_replaces_in_place_and_names_its_own_file(void **state)
{
    ls_config *root = ls_config_create(LS_CONFIG_MAP, "a.yaml"), *other = ls_config_create(LS_CONFIG_MAP, "b.yaml");
    ls_config *inner;

    (void)state;
    scalar(root, "one", "1");
    scalar(root, "two", "2");
    scalar(root, "three", "3");
    inner = ls_config_add(other, "inner", LS_CONFIG_MAP, NULL);
    place(quoted(inner, "deep", "x"), 7, 9);
    assert_true(ok(ls_config_put(root, "two", other)));
    assert_true(ok(ls_config_put(root, "four", ls_config_get(other, "inner"))));
    assert_true(ok(ls_config_put(root, "three", ls_config_get(root, "one"))));
    ls_config_free(other); /* nothing below may lean on it */

    assert_int_equal(root->count, 4);
    assert_string_equal(root->first->next->key, "two");
    assert_string_equal(root->first->next->next->key, "three");
    assert_string_equal(ls_config_get(root, "three")->text, "1");
    assert_string_equal(root->last->key, "four");
    inner = ls_config_get(ls_config_get(ls_config_get(root, "two"), "inner"), "deep");
    assert_true(inner->quoted);
    FAILS(ls_config_fail(inner, "bad"), LS_ERR_CONFIG, "b.yaml:7:9: bad");
    FAILS(ls_config_fail(root->first, "bad"), LS_ERR_CONFIG, "a.yaml: bad");
    FAILS(ls_config_fail(ls_config_get(root->last, "deep"), "bad"), LS_ERR_CONFIG, "b.yaml:7:9: bad");

    /* The last one replaced: what is added afterwards still comes last. */
    assert_true(ok(ls_config_put(root, "four", root->first)));
    scalar(root, "five", "5");
    assert_string_equal(root->first->next->next->next->next->key, "five");
    assert_int_equal(root->count, 5);
    ls_config_free(root);
}

static void a_copy_outlives_its_source(void **state)
{
    ls_config *root = ls_config_create(LS_CONFIG_MAP, "a.yaml"), *copy;

    (void)state;
    place(scalar(root, "k", "v"), 3, 4);
    copy = ls_config_copy(root);
    ls_config_free(root);
    assert_string_equal(copy->first->text, "v");
    FAILS(ls_config_fail(copy->first, "bad"), LS_ERR_CONFIG, "a.yaml:3:4: bad");
    FAILS(ls_config_fail_key(copy->first, "bad"), LS_ERR_CONFIG, "a.yaml:3:1: bad");
    FAILS(ls_config_fail(NULL, "bad %d", 5), LS_ERR_CONFIG, "bad 5");
    ls_config_free(copy);
}

/* ---- looking things up ---- */

static void nothing_and_null_are_null(void **state)
{
    ls_config *root = ls_config_create(LS_CONFIG_LIST, NULL);

    (void)state;
    assert_true(ls_config_is_null(NULL));
    assert_true(ls_config_is_null(ls_config_add(root, NULL, LS_CONFIG_NULL, NULL)));
    assert_true(ls_config_is_null(scalar(root, NULL, "null")));
    assert_true(ls_config_is_null(scalar(root, NULL, "~")));
    assert_false(ls_config_is_null(scalar(root, NULL, "nil")));
    assert_false(ls_config_is_null(scalar(root, NULL, "0")));
    assert_false(ls_config_is_null(quoted(root, NULL, "null")));
    assert_false(ls_config_is_null(quoted(root, NULL, "")));
    assert_false(ls_config_is_null(root));
    ls_config_free(root);
}

static void what_is_needed_or_of_another_kind_is_named(void **state)
{
    ls_config *root = ls_config_create(LS_CONFIG_MAP, "a.yaml"), *out;

    (void)state;
    place(scalar(root, "file", "x.h5"), 2, 7);
    place(ls_config_add(root, "train", LS_CONFIG_NULL, NULL), 3, 7);
    root->line = root->column = 1;
    assert_true(ok(ls_config_need(root, "file", "data", &out)));
    assert_string_equal(out->text, "x.h5");
    FAILS(ls_config_need(root, "test", "data", &out), LS_ERR_CONFIG, "a.yaml:1:1: data needs the key 'test'");
    FAILS(ls_config_need(root, "train", "data", &out), LS_ERR_CONFIG, "a.yaml:3:7: data needs a value for 'train'");
    FAILS(ls_config_need(NULL, "train", "data", &out), LS_ERR_CONFIG, "data needs the key 'train'");
    FAILS(ls_config_need(root->first, "x", "data.file", &out), LS_ERR_CONFIG,
          "a.yaml:2:7: data.file must be a map of keys and values, not 'x.h5'");

    assert_true(ok(ls_config_expect(root, LS_CONFIG_MAP, "fit")));
    assert_true(ok(ls_config_expect(root->first, LS_CONFIG_SCALAR, "fit")));
    FAILS(ls_config_expect(root, LS_CONFIG_LIST, "fit"), LS_ERR_CONFIG, "a.yaml:1:1: fit must be a list, not a map");
    FAILS(ls_config_expect(NULL, LS_CONFIG_MAP, "fit"), LS_ERR_CONFIG, "fit must be a map", "not null");
    ls_config_free(root);
}

static void unknown_keys_are_refused(void **state)
{
    static const char *const many[] = {"epochs", "batch_size", "microbatch", "shuffle", "validation_data", "a", "b"};
    ls_config *root = ls_config_create(LS_CONFIG_MAP, "e.yaml");

    (void)state;
    place(scalar(root, "batch_size", "1"), 11, 5);
    assert_true(ok(ls_config_check_keys(root, many, 7, "fit")));
    assert_true(ok(ls_config_check_keys(NULL, many, 7, "fit")));
    place(scalar(root, "epoch", "1"), 12, 5);
    FAILS(ls_config_check_keys(root, many, 7, "fit"), LS_ERR_CONFIG,
          "e.yaml:12:1: unknown key 'epoch' in fit; did you mean 'epochs'?");
    assert_null(strstr(ls_error_message(), "known:"));
    FAILS(ls_config_check_keys(root, many, 3, "fit"), LS_ERR_CONFIG,
          "did you mean 'epochs'? (known: epochs, batch_size, microbatch)");
    FAILS(ls_config_check_keys(root, many + 1, 6, "fit"), LS_ERR_CONFIG,
          "unknown key 'epoch' in fit (known: batch_size");
    FAILS(ls_config_check_keys(root, NULL, 0, "flatten"), LS_ERR_CONFIG, "unknown key 'batch_size' in flatten");
    FAILS(ls_config_check_keys(root->first, many, 7, "fit"), LS_ERR_CONFIG, "fit must be a map", "'1'");
    ls_config_free(root);
}

static void a_key_given_twice_is_refused(void **state)
{
    static const char *const known[] = {"epochs"};
    ls_config *root = ls_config_create(LS_CONFIG_MAP, "e.yaml");

    (void)state;
    place(scalar(root, "epochs", "1"), 2, 5);
    place(scalar(root, "epochs", "1"), 4, 5);
    FAILS(ls_config_check_keys(root, known, 1, "fit"), LS_ERR_CONFIG, "e.yaml:4:1:", "'epochs' stands twice", "line 2");
    ls_config_free(root);
}

/* ---- typed values ---- */

static ls_config *value_of(const char *text)
{
    ls_config *root = ls_config_create(LS_CONFIG_SCALAR, "f.yaml");

    assert_non_null(root);
    root->text = ls_strdup(text);
    root->line = 3;
    root->column = 11;
    return root;
}

static void integers_are_read_whole_or_refused(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-3", -3},
                {"+7", 7},
                {"007", 7},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    static const char *const bad[] = {"abc",
                                      "",
                                      " 1",
                                      "1 ",
                                      "1e3",
                                      "100.0",
                                      "1.5",
                                      "0x10",
                                      "1_000",
                                      "true",
                                      "null",
                                      "--1",
                                      "+",
                                      "-",
                                      ".5",
                                      "1,5",
                                      "¹",
                                      "inf",
                                      "9223372036854775808",
                                      "-9223372036854775809"};

    (void)state;
    for (size_t i = 0; i < count_of(good); i++) {
        ls_config *node = value_of(good[i].text);
        int64_t out = 99;

        assert_true(ok(ls_config_int(node, "x", INT64_MIN, INT64_MAX, &out)));
        assert_true(out == good[i].value);
        ls_config_free(node);
    }
    for (size_t i = 0; i < count_of(bad); i++) {
        ls_config *node = value_of(bad[i]);
        int64_t out = 99;

        FAILS(ls_config_int(node, "x", INT64_MIN, INT64_MAX, &out), LS_ERR_CONFIG, "f.yaml:3:11: x must be an integer");
        assert_int_equal(out, 99);
        ls_config_free(node);
    }
}

static void check_int_message(const char *text, int64_t min, int64_t max, const char *message)
{
    ls_config *node = value_of(text);
    int64_t out;

    FAILS(ls_config_int(node, "fit.epochs", min, max, &out), LS_ERR_CONFIG, "fit.epochs");
    assert_string_equal(ls_error_message(), message);
    ls_config_free(node);
}

static void messages_on_integers_name_their_bounds(void **state)
{
    (void)state;
    check_int_message("abc", 1, 1000000, "f.yaml:3:11: fit.epochs must be an integer from 1 to 1000000, not 'abc'");
    check_int_message("0", 1, INT64_MAX, "f.yaml:3:11: fit.epochs must be an integer of at least 1, not '0'");
    check_int_message("5", INT64_MIN, -1, "f.yaml:3:11: fit.epochs must be an integer of at most -1, not '5'");
    check_int_message("1e3", 1, 1000000,
                      "f.yaml:3:11: fit.epochs must be an integer from 1 to 1000000, not '1e3'; write 1000");
    check_int_message("100.0", 1, 1000000,
                      "f.yaml:3:11: fit.epochs must be an integer from 1 to 1000000, not '100.0'; write 100");
    check_int_message("1e9", 1, 1000000, "f.yaml:3:11: fit.epochs must be an integer from 1 to 1000000, not '1e9'");
    check_int_message("1.5", 1, 9, "f.yaml:3:11: fit.epochs must be an integer from 1 to 9, not '1.5'");
}

static void bounds_are_inclusive(void **state)
{
    int64_t i;
    double d;

    (void)state;
    for (int v = -3; v <= 3; v++) {
        char text[16];
        ls_config *node;

        snprintf(text, sizeof text, "%d", v);
        node = value_of(text);
        assert_int_equal(ls_config_int(node, "x", -2, 2, &i) == LS_OK, v >= -2 && v <= 2);
        assert_int_equal(ls_config_float(node, "x", -2, 2, &d) == LS_OK, v >= -2 && v <= 2);
        assert_int_equal(ls_config_float_open(node, "x", -2, true, 2, false, &d) == LS_OK, v > -2 && v <= 2);
        assert_int_equal(ls_config_float_open(node, "x", -2, false, 2, true, &d) == LS_OK, v >= -2 && v < 2);
        ls_config_free(node);
    }
}

static void floats_are_decimal_and_finite(void **state)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {{"1", 1},      {"1.", 1},       {".5", 0.5},  {"-.5", -0.5},   {"1e-3", 0.001},
                {"1E+2", 100}, {"+0.25", 0.25}, {"-0", -0.0}, {"1.e2", 100.0}, {"0.1", 0x1.999999999999ap-4}};
    static const char *const bad[] = {"",    ".",  "e5",    "1e",  "1e+", "inf",   ".inf", "nan",   ".nan", "-.Inf",
                                      "0x1", "1f", "1e999", "1,5", " 1",  "1.2.3", "--1",  "1e5.5", "true", "1d3"};

    (void)state;
    for (size_t i = 0; i < count_of(good); i++) {
        ls_config *node = value_of(good[i].text);
        double out = 99;

        assert_true(ok(ls_config_float(node, "x", -INFINITY, INFINITY, &out)));
        assert_true(out == good[i].value && signbit(out) == signbit(good[i].value));
        ls_config_free(node);
    }
    for (size_t i = 0; i < count_of(bad); i++) {
        ls_config *node = value_of(bad[i]);
        double out = 99;

        FAILS(ls_config_float(node, "x", -INFINITY, INFINITY, &out), LS_ERR_CONFIG, "f.yaml:3:11: x must be a finite");
        assert_true(out == 99);
        ls_config_free(node);
    }
}

static void messages_on_floats_name_their_bounds(void **state)
{
    ls_config *node = value_of("-1"), *list = ls_config_create(LS_CONFIG_LIST, NULL);
    double out;

    (void)state;
    FAILS(ls_config_float(node, "rate", 0, 0.5, &out), LS_ERR_CONFIG, "rate");
    assert_string_equal(ls_error_message(), "f.yaml:3:11: rate must be a finite number from 0 to 0.5, not '-1'");
    FAILS(ls_config_float_open(node, "rate", 0, true, 0.5, true, &out), LS_ERR_CONFIG,
          "a finite number above 0 and below 0.5, not '-1'");
    FAILS(ls_config_float_open(node, "rate", 0, true, INFINITY, false, &out), LS_ERR_CONFIG,
          "number above 0, not '-1'");
    FAILS(ls_config_float(list, "rate", 0, 1, &out), LS_ERR_CONFIG, "rate must be", "not a list");
    FAILS(ls_config_float(NULL, "rate", 0, 1, &out), LS_ERR_CONFIG, "rate must be", "not null");
    node->quoted = true;
    FAILS(ls_config_float(node, "rate", -2, 1, &out), LS_ERR_CONFIG, "not '-1' in quotes");
    ls_config_free(node);
    ls_config_free(list);
}

static void booleans_are_those_of_yaml(void **state)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "on", "On"};
    static const char *const no[] = {"false", "False", "no", "No", "off", "OFF"};
    static const char *const neither[] = {"1", "0", "y", "n", "tru", "truee", "", "null"};

    (void)state;
    for (size_t i = 0; i < count_of(yes); i++) {
        ls_config *a = value_of(yes[i]), *b = value_of(no[i]);
        bool out = false;

        assert_true(ok(ls_config_bool(a, "x", &out)) && out);
        assert_true(ok(ls_config_bool(b, "x", &out)) && !out);
        a->quoted = true;
        FAILS(ls_config_bool(a, "x", &out), LS_ERR_CONFIG, "x must be true or false", "in quotes");
        ls_config_free(a);
        ls_config_free(b);
    }
    for (size_t i = 0; i < count_of(neither); i++) {
        ls_config *node = value_of(neither[i]);
        bool out;

        FAILS(ls_config_bool(node, "fit.shuffle", &out), LS_ERR_CONFIG,
              "f.yaml:3:11: fit.shuffle must be true or false");
        ls_config_free(node);
    }
}

static void texts_are_scalars(void **state)
{
    ls_config *node = value_of("12"), *map = ls_config_create(LS_CONFIG_MAP, NULL);
    const char *out = NULL;

    (void)state;
    assert_true(ok(ls_config_text(node, "name", &out)));
    assert_string_equal(out, "12");
    FAILS(ls_config_text(map, "name", &out), LS_ERR_CONFIG, "name must be text, not a map");
    FAILS(ls_config_text(NULL, "name", &out), LS_ERR_CONFIG, "name must be text, not null");
    ls_config_free(node);
    ls_config_free(map);
}

/* ---- writing ---- */

static void trees_are_written_as_yaml(void **state)
{
    ls_config *root = ls_config_create(LS_CONFIG_MAP, NULL), *list, *item, *inner;
    ls_text out = {0};

    (void)state;
    scalar(root, "name", "fashion-mnist-512");
    quoted(root, "version", "1.0");
    scalar(root, "sentence", "say \"hi\": a\\b\n");
    ls_config_add(root, "nothing", LS_CONFIG_NULL, NULL);
    ls_config_add(root, "empty", LS_CONFIG_MAP, NULL);
    ls_config_add(root, "none", LS_CONFIG_LIST, NULL);
    list = ls_config_add(root, "model", LS_CONFIG_LIST, NULL);
    item = ls_config_add(list, NULL, LS_CONFIG_MAP, NULL);
    inner = ls_config_add(item, "dense", LS_CONFIG_MAP, NULL);
    scalar(inner, "units", "-1");
    scalar(inner, "activation", "-");
    scalar(item, "name", "h1");
    scalar(list, NULL, "softmax");
    inner = ls_config_add(list, NULL, LS_CONFIG_LIST, NULL);
    scalar(inner, NULL, "1");
    scalar(inner, NULL, "2e-3");
    scalar(root, "a key", "/train/x");
    ls_yaml_write(root, &out);
    assert_int_equal(out.status, LS_OK);
    assert_string_equal(out.data, "name: fashion-mnist-512\n"
                                  "version: \"1.0\"\n"
                                  "sentence: \"say \\\"hi\\\": a\\\\b\\n\"\n"
                                  "nothing: null\n"
                                  "empty: {}\n"
                                  "none: []\n"
                                  "model:\n"
                                  "  - dense:\n"
                                  "      units: -1\n"
                                  "      activation: \"-\"\n"
                                  "    name: h1\n"
                                  "  - softmax\n"
                                  "  - - 1\n"
                                  "    - 2e-3\n"
                                  "\"a key\": /train/x\n");
    ls_text_reset(&out);
    ls_config_free(root);
}

static void bare_roots_are_written_as_yaml(void **state)
{
    ls_config *empty = ls_config_create(LS_CONFIG_LIST, NULL), *word = value_of("relu");
    ls_text out = {0};

    (void)state;
    ls_yaml_write(NULL, &out);
    ls_yaml_write(empty, &out);
    ls_yaml_write(word, &out);
    assert_string_equal(out.data, "null\n[]\nrelu\n");
    ls_text_reset(&out);
    ls_config_free(empty);
    ls_config_free(word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_keep_their_order),
        cmocka_unit_test(put_replaces_in_place_and_names_its_own_file),
        cmocka_unit_test(a_copy_outlives_its_source),
        cmocka_unit_test(nothing_and_null_are_null),
        cmocka_unit_test(what_is_needed_or_of_another_kind_is_named),
        cmocka_unit_test(unknown_keys_are_refused),
        cmocka_unit_test(a_key_given_twice_is_refused),
        cmocka_unit_test(integers_are_read_whole_or_refused),
        cmocka_unit_test(messages_on_integers_name_their_bounds),
        cmocka_unit_test(bounds_are_inclusive),
        cmocka_unit_test(floats_are_decimal_and_finite),
        cmocka_unit_test(messages_on_floats_name_their_bounds),
        cmocka_unit_test(booleans_are_those_of_yaml),
        cmocka_unit_test(texts_are_scalars),
        cmocka_unit_test(trees_are_written_as_yaml),
        cmocka_unit_test(bare_roots_are_written_as_yaml),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
