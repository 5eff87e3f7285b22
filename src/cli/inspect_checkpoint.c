/* Where a checkpoint of lockstep stands, what its callbacks keep, and whether its state is as it was written. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/h5_describe.h"
#include "cli/inspect.h"
#include "formats/yaml.h"
#include "h5/file.h"
#include "h5/lock.h"
#include "h5/tree.h"
#include "run/state.h"

#define GROUP "/lockstep"
#define CALLBACKS GROUP "/callbacks"
#define NAME_BYTES 80

/* ---- the checksum ---- */

/* A text adds nothing. */
static ls_status add_attribute(hid_t file, const char *object, const char *name, uint64_t *sum)
{
    ls_text path = {0};
    uint64_t integer;
    double number;
    const bool is_integer = ls_h5_get_uint(file, object, name, &integer) == LS_OK;
    ls_status st;

    if (!is_integer && ls_h5_get_double(file, object, name, &number) != LS_OK)
        return LS_OK;
    ls_text_add(&path, "%s@%s", object, name);
    if ((st = path.status) == LS_OK)
        *sum += ls_state_item(path.data, is_integer ? (void *)&integer : (void *)&number, sizeof integer);
    ls_text_reset(&path);
    return st;
}

static herr_t collect(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
    ls_text *const names = context;

    (void)object;
    (void)info;
    ls_text_add_bytes(names, name, strlen(name) + 1);
    return names->status == LS_OK ? 0 : -1;
}

/* Their names, each with a zero byte at its end. To be reset, also after a failure. */
static ls_status list_attributes(hid_t file, const char *object, ls_text *names)
{
    ls_h5_lock lock;
    herr_t failed;

    *names = (ls_text){0};
    ls_h5_lock_take(&lock);
    failed = H5Aiterate_by_name(file, object, H5_INDEX_NAME, H5_ITER_INC, NULL, collect, names, H5P_DEFAULT);
    ls_h5_lock_release(&lock);
    return failed < 0 ? ls_fail(LS_ERR_FORMAT, "the attributes of '%s' cannot be read", object) : names->status;
}

static ls_status add_attributes(hid_t file, const char *object, uint64_t *sum)
{
    ls_text names;
    ls_status st = list_attributes(file, object, &names);

    for (size_t at = 0; st == LS_OK && at < names.length; at += strlen(names.data + at) + 1)
        st = add_attribute(file, object, names.data + at, sum);
    ls_text_reset(&names);
    return st;
}

static ls_status add_dataset(hid_t file, const char *path, uint64_t *sum)
{
    size_t rank, dim[LS_H5_AXES_MAX], bytes;
    hid_t set = H5I_INVALID_HID, stored = H5I_INVALID_HID, type = H5I_INVALID_HID;
    void *values = NULL;
    ls_status st;

    LS_TRY_CLEANUP(ls_h5_get_shape(file, path, &rank, dim));
    if ((set = H5Dopen2(file, path, H5P_DEFAULT)) < 0 || (stored = H5Dget_type(set)) < 0 ||
        (type = H5Tget_native_type(stored, H5T_DIR_ASCEND)) < 0) {
        st = ls_fail(LS_ERR_FORMAT, "'%s' cannot be read", path);
        goto cleanup;
    }
    bytes = H5Tget_size(type);
    for (size_t i = 0; i < rank; i++)
        if (!ls_size_mul(bytes, dim[i], &bytes)) {
            st = ls_fail(LS_ERR_FORMAT, "'%s' is too large", path);
            goto cleanup;
        }
    if (!(values = ls_calloc(bytes, 1, path))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    LS_TRY_CLEANUP(ls_h5_get_array(file, path, type, rank, dim, values));
    *sum += ls_state_item(path, values, bytes);
cleanup:
    if (type >= 0)
        H5Tclose(type);
    if (stored >= 0)
        H5Tclose(stored);
    if (set >= 0)
        H5Dclose(set);
    ls_free(values);
    return st;
}

static ls_status find_sum(hid_t file, uint64_t *sum)
{
    static const char *const position[] = {"epoch", "batch", "begun", "update", "iterations", "learning_rate"};
    ls_h5_tree tree;
    ls_status st;

    *sum = 0;
    LS_TRY(ls_h5_tree_read(file, GROUP, &tree));
    st = LS_OK;
    for (size_t i = 0; i < sizeof position / sizeof position[0] && st == LS_OK; i++)
        st = add_attribute(file, GROUP, position[i], sum);
    for (size_t i = 0; i < tree.n && st == LS_OK; i++)
        if (tree.node[i].kind == LS_H5_DATASET)
            st = add_dataset(file, tree.node[i].path, sum);
        else if (tree.node[i].kind == LS_H5_GROUP)
            st = add_attributes(file, tree.node[i].path, sum);
    ls_h5_tree_reset(&tree);
    return st;
}

static void add_checksum(hid_t file, ls_text *out)
{
    uint64_t recorded, found;

    if (!ls_h5_has_attribute(file, GROUP, "checksum") || ls_h5_get_uint(file, GROUP, "checksum", &recorded) != LS_OK)
        ls_text_add(out, "    checksum       none was recorded\n");
    else if (find_sum(file, &found) != LS_OK)
        ls_text_add(out, "    checksum       cannot be found: %s\n", ls_error_message());
    else
        ls_text_add(out, "    checksum       %s\n",
                    found == recorded ? "holds" : "does not hold: the state was changed or is damaged");
}

/* ---- callbacks ---- */

/* What the callback of that group, "N_NAME", looks at: as the experiment says, or by default. Empty: at nothing. */
static void add_monitor(hid_t file, const char *group, const ls_config *experiment, ls_text *out)
{
    const ls_config *c = ls_config_get(experiment, "callbacks"), *monitor;
    const char *const name = group + sizeof CALLBACKS;

    if (!ls_h5_has_attribute(file, group, "has_best"))
        return;
    c = c ? c->first : NULL;
    for (long i = strtol(name, NULL, 10); c && i > 0; i--)
        c = c->next;
    monitor = c && c->kind == LS_CONFIG_MAP && c->first ? ls_config_get(c->first, "monitor") : NULL;
    ls_text_add(out, "monitor ");
    ls_add_clean(monitor && monitor->kind == LS_CONFIG_SCALAR ? monitor->text : "val_loss", NAME_BYTES, out);
    ls_text_add(out, ", ");
}

static ls_status add_callback(hid_t file, const char *group, const ls_config *experiment, ls_text *out)
{
    ls_text names = {0};
    ls_text line = {0};
    uint64_t any = 1;
    ls_status st;

    LS_TRY_CLEANUP(list_attributes(file, group, &names));
    if (ls_h5_has_attribute(file, group, "has_best"))
        LS_TRY_CLEANUP(ls_h5_get_uint(file, group, "has_best", &any));
    ls_add_clean(group + sizeof CALLBACKS, NAME_BYTES, &line);
    ls_text_add(out, "    %-24s ", line.data ? line.data : "");
    line.length = 0;
    add_monitor(file, group, experiment, &line);
    for (size_t at = 0; at < names.length; at += strlen(names.data + at) + 1) {
        const char *const name = names.data + at;

        if (strcmp(name, "has_best") == 0 || (strcmp(name, "best") == 0 && !any)) /* nothing was better than nothing */
            continue;
        ls_add_clean(name, NAME_BYTES, &line);
        ls_text_add(&line, " ");
        LS_TRY_CLEANUP(ls_describe_attribute(file, group, name, &line));
        ls_text_add(&line, ", ");
    }
    st = line.status;
    ls_text_add(out, "%.*s\n", (int)(line.length ? line.length - 2 : 0), line.data && line.length ? line.data : "");
cleanup:
    ls_text_reset(&names);
    ls_text_reset(&line);
    return st;
}

static ls_status add_callbacks(hid_t file, ls_text *out)
{
    ls_config *experiment = NULL;
    char *text = NULL;
    ls_h5_tree tree = {0};
    uint64_t stopped = 0;
    ls_status st;

    if (!ls_h5_has(file, CALLBACKS))
        return LS_OK;
    if (ls_h5_get_text(file, GROUP, "experiment", &text) != LS_OK ||
        ls_yaml_parse(text, strlen(text), "experiment", &experiment) != LS_OK)
        experiment = NULL; /* then without what they look at */
    if (ls_h5_has_attribute(file, CALLBACKS, "stop_training"))
        LS_TRY_CLEANUP(ls_h5_get_uint(file, CALLBACKS, "stop_training", &stopped));
    LS_TRY_CLEANUP(ls_h5_tree_read(file, CALLBACKS, &tree));
    ls_text_add(out, "callbacks:%s\n", stopped ? " training was ended by one" : "");
    for (size_t i = 0; i < tree.n && st == LS_OK; i++)
        if (tree.node[i].kind == LS_H5_GROUP && !strchr(tree.node[i].path + sizeof CALLBACKS, '/'))
            st = add_callback(file, tree.node[i].path, experiment, out);
cleanup:
    ls_h5_tree_reset(&tree);
    ls_config_free(experiment);
    ls_free(text);
    return st;
}

static void add_position(hid_t file, ls_text *out)
{
    uint64_t epoch, batch, update;

    if (ls_h5_get_uint(file, GROUP, "epoch", &epoch) == LS_OK &&
        ls_h5_get_uint(file, GROUP, "batch", &batch) == LS_OK &&
        ls_h5_get_uint(file, GROUP, "update", &update) == LS_OK)
        ls_text_add(out,
                    "    stands at      update %" PRIu64 ", before batch %" PRIu64 " of epoch %" PRIu64
                    " (counted from 1)\n",
                    update, batch + 1, epoch + 1);
}

ls_status ls_inspect_checkpoint(hid_t file, ls_text *out)
{
    add_position(file, out);
    add_checksum(file, out);
    LS_TRY(add_callbacks(file, out));
    return out->status;
}
