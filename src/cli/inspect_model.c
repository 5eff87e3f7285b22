/* What a model file of lockstep or Keras holds. Nothing of it is needed: what is missing is left out. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* for a hash state on the stack */
#include <xxhash.h>

#include "base/memory.h"
#include "cli/h5_describe.h"
#include "cli/inspect.h"
#include "cli/weight_list.h"
#include "formats/keras_file.h"
#include "formats/keras_weights.h"
#include "h5/tree.h"
#include "nn/summary.h"

#define GROUP "/lockstep"
#define NAME_BYTES 80
#define EPOCHS_SHOWN 20

static void add_headline(hid_t file, const char *path, const ls_keras_json *json, ls_text *out)
{
    char *text = NULL;

    ls_text_add(out, "%s: %s file", path, json->model ? "model" : "weights");
    if (json->version) {
        ls_text_add(out, " in the layout of Keras ");
        ls_add_clean(json->version, NAME_BYTES, out);
    }
    if (ls_h5_has(file, GROUP) && ls_h5_has_attribute(file, GROUP, "version") &&
        ls_h5_get_text(file, GROUP, "version", &text) == LS_OK) {
        ls_text_add(out, ", written by lockstep ");
        ls_add_clean(text, NAME_BYTES, out);
        ls_free(text);
    }
    ls_text_add(out, "\n");
}

static void add_scalar(const ls_config *node, const char *otherwise, ls_text *out)
{
    ls_add_clean(node && node->kind == LS_CONFIG_SCALAR ? node->text : otherwise, NAME_BYTES, out);
}

/* "Sequential: input (InputLayer), dense (Dense)", from the JSON that Keras builds the model from. */
static void add_architecture(const ls_config *model, ls_text *out)
{
    const ls_config *layers = ls_config_get(ls_config_get(model, "config"), "layers");
    size_t n = 0;

    if (!model)
        return;
    ls_text_add(out, "architecture: ");
    add_scalar(ls_config_get(model, "class_name"), "?", out);
    ls_text_add(out, " of ");
    for (const ls_config *c = layers ? layers->first : NULL; c; c = c->next) {
        ls_text_add(out, "%s", n++ ? ", " : "");
        add_scalar(ls_config_get(ls_config_get(c, "config"), "name"), "?", out);
        ls_text_add(out, " (");
        add_scalar(ls_config_get(c, "class_name"), "?", out);
        ls_text_add(out, ")");
    }
    ls_text_add(out, "%s\n", n ? "" : "no layers");
}

/* ---- weights ---- */

static ls_status add_weight(hid_t file, const char *path, const ls_weight_entry *entry, int name_width,
                            XXH3_state_t *hash, ls_text *out)
{
    ls_value_stats stats = {0};
    ls_text name = {0}, shape = {0};
    float *values = NULL;
    ls_status st;

    LS_TRY_CLEANUP(ls_weight_values(file, path, entry, &values));
    XXH3_128bits_update(hash, values, entry->size * sizeof *values);
    for (size_t i = 0; i < entry->size; i++)
        ls_stats_add(&stats, (double)values[i]);
    ls_add_clean(entry->name, NAME_BYTES, &name);
    ls_describe_shape(entry->axes, entry->dim, &shape);
    LS_TRY_CLEANUP(name.status != LS_OK ? name.status : shape.status);
    ls_text_add(out, "    %-*s %-16s", name_width, name.data, shape.data);
    if (stats.n)
        ls_text_add(out, " mean %11.4g  std %10.4g  min %11.4g  max %11.4g", stats.mean, ls_stats_deviation(&stats),
                    stats.min, stats.max);
    if (stats.nan || stats.infinite)
        ls_text_add(out, "  %llu NaN, %llu infinite", (unsigned long long)stats.nan,
                    (unsigned long long)stats.infinite);
    ls_text_add(out, "\n");
    st = out->status;
cleanup:
    ls_free(values);
    ls_text_reset(&name);
    ls_text_reset(&shape);
    return st;
}

/* The fingerprint of what the file holds, and whether it is the one that was recorded when it was written. */
static void add_fingerprint(hid_t file, XXH3_state_t *hash, ls_text *out)
{
    const XXH128_hash_t value = XXH3_128bits_digest(hash);
    char found[33], *recorded = NULL;

    snprintf(found, sizeof found, "%016llx%016llx", (unsigned long long)value.high64, (unsigned long long)value.low64);
    ls_text_add(out, "    fingerprint %s", found);
    if (ls_h5_has(file, GROUP) && ls_h5_has_attribute(file, GROUP, "fingerprint") &&
        ls_h5_get_text(file, GROUP, "fingerprint", &recorded) == LS_OK && strcmp(found, recorded) != 0) {
        ls_text_add(out, ", but ");
        ls_add_clean(recorded, NAME_BYTES, out);
        ls_text_add(out, " was recorded: the weights were changed or are damaged");
    } else if (recorded) {
        ls_text_add(out, ", as recorded");
    }
    ls_text_add(out, "\n");
    ls_free(recorded);
}

static ls_status add_weights(hid_t file, const char *path, ls_text *out)
{
    char count[LS_NUMBER_BYTES], bytes[LS_NUMBER_BYTES];
    ls_model *const model = ls_weight_list_model(path);
    XXH3_state_t hash;
    ls_weight_list list;
    int width = 0;
    ls_status st = ls_weight_list_read(file, path, model, &list);

    ls_model_free(model);
    LS_TRY(st);
    XXH3_128bits_reset(&hash);
    ls_text_add(out, "weights: %zu, %s parameters (%s)\n", list.n, ls_format_count(list.size, count),
                ls_format_bytes((double)list.size * sizeof(float), bytes));
    for (size_t i = 0; i < list.n; i++) {
        const int length = (int)strnlen(list.entry[i].name, NAME_BYTES);

        width = length > width ? length : width;
    }
    for (size_t i = 0; i < list.n && st == LS_OK; i++)
        st = add_weight(file, path, &list.entry[i], width, &hash, out);
    if (st == LS_OK)
        add_fingerprint(file, &hash, out);
    ls_weight_list_reset(&list);
    return st;
}

/* ---- what is beside the weights ---- */

static ls_status add_state(hid_t file, ls_text *out)
{
    static const char *const names[] = {"format", "arithmetic", "revision", "kernel", "reduction",  "seed",
                                        "epoch",  "batch",      "begun",    "update", "iterations", "learning_rate"};

    ls_text_add(out, "state:\n");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!ls_h5_has_attribute(file, GROUP, names[i]))
            continue;
        ls_text_add(out, "    %-14s ", names[i]);
        LS_TRY(ls_describe_attribute(file, GROUP, names[i], out));
        ls_text_add(out, "\n");
    }
    return out->status;
}

/* Elements of a dataset, SIZE_MAX if there are more. */
static ls_status count_elements(hid_t file, const char *path, size_t *n)
{
    size_t rank, dim[LS_H5_AXES_MAX];

    LS_TRY(ls_h5_get_shape(file, path, &rank, dim));
    *n = 1;
    for (size_t i = 0; i < rank; i++)
        if (!ls_size_mul(*n, dim[i], n))
            *n = SIZE_MAX;
    return LS_OK;
}

/* Per child of the group (a slot of lockstep, an optimizer of Keras): how many arrays it has, and how large. */
static ls_status add_optimizer(hid_t file, const char *group, ls_text *out)
{
    const size_t prefix = strlen(group) + 1;
    char count[LS_NUMBER_BYTES];
    ls_h5_tree tree;
    ls_status st = LS_OK;

    if (!ls_h5_has(file, group))
        return LS_OK;
    LS_TRY(ls_h5_tree_read(file, group, &tree));
    ls_text_add(out, "optimizer:%s\n", tree.n ? "" : " no state");
    for (size_t i = 0; i < tree.n;) { /* in order of paths, so a child's arrays follow it */
        const char *const child = tree.node[i].path + prefix;
        const size_t length = strcspn(child, "/");
        size_t arrays = 0, elements = 0;

        for (; i < tree.n && strncmp(tree.node[i].path + prefix, child, length) == 0 &&
               strcspn(tree.node[i].path + prefix, "/") == length;
             i++) {
            size_t n;

            if (tree.node[i].kind != LS_H5_DATASET)
                continue;
            LS_TRY_CLEANUP(count_elements(file, tree.node[i].path, &n));
            arrays++;
            elements += n;
        }
        ls_text_add(out, "    %-14.*s %zu array%s, %s values\n", (int)length, child, arrays, arrays == 1 ? "" : "s",
                    ls_format_count(elements, count));
    }
cleanup:
    ls_h5_tree_reset(&tree);
    return st;
}

static ls_status add_arrays(hid_t file, ls_text *out)
{
    static const struct {
        const char *path, *what;
    } arrays[] = {
        {GROUP "/exponents/E", "exponents of the exact grid"},
        {GROUP "/exponents/seen", "exponents seen"},
        {GROUP "/scores", "sums of the epoch under way"},
    };
    char count[LS_NUMBER_BYTES];
    size_t n;

    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        if (ls_h5_has(file, arrays[i].path)) {
            LS_TRY(count_elements(file, arrays[i].path, &n));
            ls_text_add(out, "%s: %s\n", arrays[i].what, ls_format_count(n, count));
        }
    return LS_OK;
}

static void add_rows(const ls_text *header, char *const *name, const uint64_t *epoch, const double *value,
                     size_t epochs, size_t columns, ls_text *out)
{
    const size_t begin = epochs > EPOCHS_SHOWN ? epochs - EPOCHS_SHOWN : 0;

    ls_text_add(out, "history: %zu epoch%s", epochs, epochs == 1 ? "" : "s");
    if (begin > 0)
        ls_text_add(out, ", the last %d", EPOCHS_SHOWN);
    ls_text_add(out, "\n");
    ls_text_add_bytes(out, header->data, header->length);
    for (size_t e = begin; e < epochs; e++) {
        ls_text_add(out, "    %6llu", (unsigned long long)epoch[e]);
        for (size_t c = 0; c < columns; c++) {
            const double v = value[e * columns + c];
            const size_t length = strnlen(name[c], NAME_BYTES);
            const int width = length > 12 ? (int)length : 12;

            if (isnan(v))
                ls_text_add(out, "  %*s", width, "-");
            else
                ls_text_add(out, "  %*.6g", width, v);
        }
        ls_text_add(out, "\n");
    }
}

static ls_status add_history(hid_t file, ls_text *out)
{
    char **name = NULL;
    uint64_t *epoch = NULL;
    double *value = NULL;
    ls_text header = {0}, column = {0};
    size_t columns = 0, rank, dim[LS_H5_AXES_MAX], elements;
    ls_status st = LS_OK;

    if (!ls_h5_has(file, GROUP "/history") || !ls_h5_has_attribute(file, GROUP "/history", "columns") ||
        !ls_h5_has(file, GROUP "/history/epoch") || !ls_h5_has(file, GROUP "/history/value"))
        return LS_OK;
    LS_TRY_CLEANUP(ls_h5_get_texts(file, GROUP "/history", "columns", &name, &columns));
    LS_TRY_CLEANUP(ls_h5_get_shape(file, GROUP "/history/value", &rank, dim));
    if (rank != 2 || dim[1] != columns || !ls_size_mul(dim[0], dim[1], &elements)) {
        st = ls_fail(LS_ERR_FORMAT, "the history has %zu names of columns, but values of another shape", columns);
        goto cleanup;
    }
    epoch = ls_calloc(dim[0], sizeof *epoch, "the history");
    value = ls_calloc(elements, sizeof *value, "the history");
    if (!epoch || !value) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(ls_h5_get_array(file, GROUP "/history/epoch", H5T_NATIVE_UINT64, 1, dim, epoch));
    LS_TRY_CLEANUP(ls_h5_get_array(file, GROUP "/history/value", H5T_NATIVE_DOUBLE, 2, dim, value));
    ls_text_add(&header, "    %6s", "epoch");
    for (size_t c = 0; c < columns; c++) {
        column.length = 0;
        ls_add_clean(name[c], NAME_BYTES, &column);
        ls_text_add(&header, "  %12s", column.data ? column.data : "");
    }
    ls_text_add(&header, "\n");
    LS_TRY_CLEANUP(header.status);
    add_rows(&header, name, epoch, value, dim[0], columns, out);
cleanup:
    ls_text_reset(&header);
    ls_text_reset(&column);
    ls_free(epoch);
    ls_free(value);
    ls_h5_free_texts(name, columns);
    return st;
}

ls_status ls_inspect_model(hid_t file, const char *path, ls_text *out)
{
    ls_keras_json json;

    ls_keras_json_read(path, &json); /* empty after a failure */
    add_headline(file, path, &json, out);
    add_architecture(json.model, out);
    ls_keras_json_reset(&json);
    LS_TRY(add_weights(file, path, out));
    LS_TRY(add_optimizer(file, "/optimizer_weights", out));
    if (ls_keras_is_weights_file(file))
        LS_TRY(add_optimizer(file, "/optimizer", out));
    if (!ls_h5_has(file, GROUP))
        return out->status;
    LS_TRY(add_state(file, out));
    LS_TRY(ls_inspect_checkpoint(file, out));
    LS_TRY(add_optimizer(file, GROUP "/optimizer", out));
    LS_TRY(add_arrays(file, out));
    LS_TRY(add_history(file, out));
    return out->status;
}
