/*
 * Weights in files that Keras wrote, or that pretend to be: paired with the model's, refused when they do not fit, and
 * never changed by a damaged file.
 */
#include "files.h"
#include "source_dir.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/zip.h"
#include "experiment/model_file.h"
#include "formats/keras_model.h"
#include "formats/keras_weights.h"
#include "formats/yaml.h"
#include "h5/file.h"
#include "nn/summary.h"
#include "run/checkpoint.h"
#include "train/task.h"

#define FIXTURES "tests/golden/keras_files/"

static char archive[64], weights[64], other[64];

static int set_up(void **state)
{
    if (folder_set_up(state))
        return -1;
    snprintf(archive, sizeof archive, "%s/it.keras", folder);
    snprintf(weights, sizeof weights, "%s/it.h5", folder);
    snprintf(other, sizeof other, "%s/other.h5", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return folder_tear_down_of((const char *const[]){archive, weights, other}, 3);
}

/* The model of a fixture, without weights. */
static ls_model *fixture_model(const char *name, ls_experiment **experiment)
{
    char path[512];
    ls_model *model;

    snprintf(path, sizeof path, "%s/" FIXTURES "%s.keras", source_dir, name);
    assert_true(ok(ls_experiment_of_model(path, experiment)));
    assert_true(ok(ls_task_model(*experiment, &model)));
    return model;
}

/* A weights file of Keras's layout with 1, 2, 3, ... in it, to be spoilt and saved. */
static hid_t weights_file(ls_model *model, bool whole_model)
{
    hid_t file;
    size_t n = 0;

    for (size_t p = 0; p < model->params; p++)
        for (size_t i = 0; i < model->param[p]->size; i++)
            model->param[p]->value[i] = (float)++n;
    assert_true(ok(ls_h5_image_create(&file)));
    assert_true(ok(whole_model ? ls_keras_write(file, model, NULL) : ls_keras_write_weights(file, model, NULL)));
    return file;
}

static void save(hid_t file)
{
    assert_true(ok(ls_h5_image_save(file, weights)));
    ls_h5_close(file);
}

/* What lockstep writes for Keras it reads as it reads Keras's own: the same model, compiled in the same way. */
static void reads_what_it_writes(void **state)
{
    static const char *const fixtures[] = {"image", "graph", "dictionary"};

    (void)state;
    for (size_t i = 0; i < count_of(fixtures); i++) {
        ls_experiment *experiment, *again;
        ls_model *model = fixture_model(fixtures[i], &experiment), *second;
        ls_output_spec *outputs = NULL;
        ls_text want = {0}, got = {0};
        char path[512];
        hid_t file;

        snprintf(path, sizeof path, "%s/" FIXTURES "%s.h5", source_dir, fixtures[i]);
        assert_true(ok(ls_model_file_weights(path, model)));
        assert_true(ok(ls_outputs_read(experiment->compile, model, &outputs)));
        assert_true(ok(ls_h5_image_create(&file)));
        assert_true(ok(ls_keras_write(file, model, &(ls_compile_info){outputs, &experiment->optimizer, 0.25F, NULL})));
        save(file);
        assert_true(ok(ls_experiment_of_model(weights, &again)));
        if (again->refused.loss)
            print_error("%s: %s\n", fixtures[i], again->refused.loss);
        assert_true(!again->refused.loss && !again->refused.optimizer && !again->refused.metrics);
        assert_ptr_equal(again->optimizer.own.ops, experiment->optimizer.own.ops);
        assert_true(ok(ls_task_model(again, &second)));
        assert_true(ok(ls_model_file_weights(weights, second)));
        assert_true(ok(ls_summary_write(model, &want)) && ok(ls_summary_write(second, &got)));
        assert_string_equal(got.data, want.data);
        assert_int_equal(second->size, model->size);
        assert_true(same_bits(second->weights, model->weights, model->size));
        ls_text_reset(&want);
        ls_text_reset(&got);
        ls_outputs_free(outputs, model->outputs);
        ls_model_free(second);
        ls_experiment_free(again);
        ls_model_free(model);
        ls_experiment_free(experiment);
    }
}

/* dense, dense_1, ... are paired by their place in the model, though "dense_10" sorts before "dense_2". */
static void weights_in_the_order_of_the_model(void **state)
{
    ls_text json = {0};
    ls_experiment *experiment;
    ls_model *model;

    (void)state;
    ls_text_add(&json, "{\"class_name\": \"Sequential\", \"config\": {\"layers\": [{\"class_name\": \"InputLayer\", "
                       "\"config\": {\"name\": \"in\", \"batch_shape\": [null, 4], \"dtype\": \"float32\"}}");
    for (int i = 0; i < 12; i++)
        ls_text_add(&json, ", {\"class_name\": \"Dense\", \"config\": {\"name\": \"%c\", \"units\": 4}}", 'z' - i);
    ls_text_add(&json, "]}}");
    assert_true(ok(ls_zip_save(archive,
                               (const ls_zip_member[]){{"metadata.json", "{\"keras_version\": \"3.15.1\"}", 27},
                                                       {"config.json", json.data, strlen(json.data)}},
                               2)));
    ls_text_reset(&json);
    assert_true(ok(ls_experiment_of_model(archive, &experiment)));
    assert_true(ok(ls_task_model(experiment, &model)));
    for (int whole_model = 0; whole_model < 2; whole_model++) {
        save(weights_file(model, whole_model));
        memset(model->weights, 0, model->size * sizeof *model->weights);
        assert_true(ok(ls_model_file_weights(weights, model)));
        for (size_t p = 0, n = 0; p < model->params; p++)
            for (size_t i = 0; i < model->param[p]->size; i++)
                assert_true(model->param[p]->value[i] == (float)++n);
    }
    ls_model_free(model);
    ls_experiment_free(experiment);
}

static void spoil_float(hid_t file, const char *path, size_t rank, const size_t *dim)
{
    static const float values[64];

    if (ls_h5_has(file, path))
        H5Ldelete(file, path, H5P_DEFAULT);
    assert_true(ok(ls_h5_put_array(file, path, H5T_NATIVE_FLOAT, rank, dim, values)));
}

/* The dataset with its values in another file. */
static void spoil_external(hid_t file, const char *path, hsize_t n)
{
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &n, NULL);
    hid_t set;

    H5Ldelete(file, path, H5P_DEFAULT);
    H5Pset_external(creation, "/etc/passwd", 0, n * sizeof(float));
    set = H5Dcreate2(file, path, H5T_NATIVE_FLOAT, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(set >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(creation);
}

static void spoil_virtual(hid_t file, const char *path, hsize_t n)
{
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &n, NULL);
    hid_t set;

    H5Ldelete(file, path, H5P_DEFAULT);
    H5Pset_virtual(creation, space, other, "/vars/b", space);
    set = H5Dcreate2(file, path, H5T_NATIVE_FLOAT, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(set >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(creation);
}

/* custom.keras is a Dense layer of 3 inputs and 2 units: /layers/dense/vars/0 (3, 2) and 1 (2). */
static void weights_that_do_not_fit_are_refused(void **state)
{
    enum {
        GOOD,
        SHAPE,
        MISSING,
        MORE,
        KEY,
        LAYERS,
        NESTED,
        TYPE,
        NOT_FINITE,
        LINK,
        SOFT,
        GROUP_LINK,
        KEY_LINK,
        VARS_LINK,
        EXTERNAL,
        VIRTUAL,
        END
    };
    static const char bias[] = "/layers/dense/vars/1";
    static const struct {
        ls_status status;
        const char *word[2];
    } want[END] = {
        [SHAPE] = {LS_ERR_SHAPE, {"'dense'", "(2, 3)"}},
        [MISSING] = {LS_ERR_MISMATCH, {"'dense'", "1 weight"}},
        [MORE] = {LS_ERR_MISMATCH, {"'dense'", "3 weights"}},
        [KEY] = {LS_ERR_MISMATCH, {"another model", "/layers/dense"}},
        [LAYERS] = {LS_ERR_MISMATCH, {"dense_1", "the model has 1"}},
        [NESTED] = {LS_ERR_MISMATCH, {"functional/layers/dense", "the model has 1"}},
        [TYPE] = {LS_ERR_FORMAT, {bias, "integers"}},
        [NOT_FINITE] = {LS_ERR_NUMERIC, {"'dense'", "NaN"}},
        [LINK] = {LS_ERR_FORMAT, {bias, "link to elsewhere"}},
        [SOFT] = {LS_ERR_FORMAT, {bias, "link to elsewhere"}},
        [GROUP_LINK] = {LS_ERR_FORMAT, {"/layers", "link to elsewhere"}},
        [KEY_LINK] = {LS_ERR_FORMAT, {"'/layers/dense'", "link to elsewhere"}},
        [VARS_LINK] = {LS_ERR_FORMAT, {"'/layers/dense/vars'", "link to elsewhere"}},
        [EXTERNAL] = {LS_ERR_FORMAT, {bias, "other files"}},
        [VIRTUAL] = {LS_ERR_FORMAT, {bias, "other files"}},
    };
    ls_experiment *experiment;
    ls_model *model = fixture_model("custom", &experiment);
    const float nan[2] = {1, NAN};
    const int32_t integers[2] = {1, 2};

    (void)state;
    save(weights_file(model, false));
    assert_int_equal(rename(weights, other), 0); /* what the links point at is there */
    for (int what = GOOD; what < END; what++) {
        const hid_t file = weights_file(model, false);

        if (what == SHAPE)
            spoil_float(file, "/layers/dense/vars/0", 2, (const size_t[]){2, 3});
        if (what == MISSING)
            H5Ldelete(file, bias, H5P_DEFAULT);
        if (what == MORE)
            spoil_float(file, "/layers/dense/vars/2", 1, (const size_t[]){1});
        if (what == KEY)
            H5Lmove(file, "/layers/dense", file, "/layers/conv2d", H5P_DEFAULT, H5P_DEFAULT);
        if (what == LAYERS)
            spoil_float(file, "/layers/dense_1/vars/0", 1, (const size_t[]){1});
        if (what == NESTED)
            spoil_float(file, "/layers/functional/layers/dense/vars/0", 1, (const size_t[]){1});
        if (what >= TYPE && what < EXTERNAL)
            H5Ldelete(file,
                      what == GROUP_LINK  ? "/layers"
                      : what == KEY_LINK  ? "/layers/dense"
                      : what == VARS_LINK ? "/layers/dense/vars"
                                          : bias,
                      H5P_DEFAULT);
        if (what == TYPE)
            assert_true(ok(ls_h5_put_array(file, bias, H5T_NATIVE_INT32, 1, (const size_t[]){2}, integers)));
        if (what == NOT_FINITE)
            assert_true(ok(ls_h5_put_array(file, bias, H5T_NATIVE_FLOAT, 1, (const size_t[]){2}, nan)));
        if (what == LINK)
            assert_true(H5Lcreate_external("other.h5", bias, file, bias, H5P_DEFAULT, H5P_DEFAULT) >= 0);
        if (what == SOFT)
            assert_true(H5Lcreate_soft("/layers/dense/vars/0", file, bias, H5P_DEFAULT, H5P_DEFAULT) >= 0);
        if (what == GROUP_LINK)
            assert_true(H5Lcreate_external("other.h5", "/layers", file, "/layers", H5P_DEFAULT, H5P_DEFAULT) >= 0);
        if (what == KEY_LINK)
            assert_true(H5Lcreate_soft("/layers", file, "/layers/dense", H5P_DEFAULT, H5P_DEFAULT) >= 0);
        if (what == VARS_LINK) /* in which every name seems to be */
            assert_true(H5Lcreate_soft("/layers", file, "/layers/dense/vars", H5P_DEFAULT, H5P_DEFAULT) >= 0);
        if (what == EXTERNAL)
            spoil_external(file, bias, 2);
        if (what == VIRTUAL)
            spoil_virtual(file, bias, 2);
        save(file);
        if (what == GOOD)
            assert_true(ok(ls_model_file_weights(weights, model)));
        else
            FAILS(ls_model_file_weights(weights, model), want[what].status, weights, want[what].word[0],
                  want[what].word[1]);
        assert_true(model->param[0]->value[0] == 1.0f); /* as it was */
    }
    ls_model_free(model);
    ls_experiment_free(experiment);
}

static void weights_of_another_model(void **state)
{
    static const char *const files[] = {"graph.h5", "graph.keras", "graph.weights.h5"};
    ls_experiment *experiment;
    ls_model *model = fixture_model("dictionary", &experiment);

    (void)state;
    for (size_t i = 0; i < count_of(files); i++) {
        char path[512];

        snprintf(path, sizeof path, "%s/" FIXTURES "%s", source_dir, files[i]);
        FAILS(ls_model_file_weights(path, model), LS_ERR_MISMATCH, path, "the model has 4 (");
    }
    ls_model_free(model);
    ls_experiment_free(experiment);
}

/* ---- damage ---- */

static unsigned char *contents(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    unsigned char *bytes;

    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    assert_non_null(bytes = malloc(*n));
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

/* Not ls_file_replace, which waits for the disk. */
static void put_bytes(const unsigned char *bytes, size_t n)
{
    FILE *f = fopen(archive, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* Everything that reads a file; whatever is said must be one line. */
static ls_status read_all(const char *path, ls_model *model)
{
    ls_experiment *experiment = NULL;
    ls_model *own = NULL;
    ls_status st = ls_experiment_of_model(path, &experiment), second;

    if (st == LS_OK)
        st = ls_task_model(experiment, &own);
    ls_model_free(own);
    ls_experiment_free(experiment);
    second = ls_model_file_weights(path, model);
    st = st == LS_OK ? second : st;
    assert_true(st == LS_OK || (*ls_error_message() && !strchr(ls_error_message(), '\n')));
    return st;
}

/*
 * Cut off anywhere; and with a bit changed anywhere, but only within an archive, which has checksums: libhdf5 1.10
 * itself crashes on some files whose insides were changed.
 */
static void damaged_files_change_no_weight(void **state)
{
    static const char *const files[] = {"dictionary.keras", "dictionary.h5"};
    ls_experiment *experiment;
    ls_model *model = fixture_model("dictionary", &experiment);
    uint32_t random = 1;

    (void)state;
    for (size_t k = 0; k < count_of(files); k++) {
        char path[512];
        unsigned char *bytes;
        size_t n;

        snprintf(path, sizeof path, "%s/" FIXTURES "%s", source_dir, files[k]);
        bytes = contents(path, &n);
        for (size_t cut = 0; cut < n; cut += cut < 16 ? 1 : 499) {
            put_bytes(bytes, cut);
            assert_true(read_all(archive, model) != LS_OK);
        }
        for (int i = 0; k == 0 && i < 300; i++) {
            size_t at;
            unsigned char old;

            random = random * 1664525u + 1013904223u;
            at = (random >> 3) % n;
            old = bytes[at];
            bytes[at] ^= (unsigned char)(1u << (random & 7));
            put_bytes(bytes, n);
            (void)read_all(archive, model);
            bytes[at] = old;
        }
        free(bytes);
    }
    ls_model_free(model);
    ls_experiment_free(experiment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(weights_in_the_order_of_the_model),
        cmocka_unit_test(weights_that_do_not_fit_are_refused),
        cmocka_unit_test(weights_of_another_model),
        cmocka_unit_test(damaged_files_change_no_weight),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
