/* An experiment as YAML again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "experiment/experiment.h"
#include "experiment/inner_models.h"
#include "formats/yaml.h"

/* A Sequential description that takes its input shape from the data gets it written out. */
static ls_status put_input_shape(ls_config *root, const ls_model *model)
{
    ls_config *list = ls_config_get(root, "model");
    ls_config *fresh, *input, *shape;
    const ls_shape *s = &model->node[model->input[0]].shape;
    ls_status st = LS_OK;

    if (!model->sequential || (list->first && list->first->kind == LS_CONFIG_MAP && list->first->first &&
                               strcmp(list->first->first->key, "input") == 0))
        return LS_OK;
    if (!(fresh = ls_config_create(LS_CONFIG_LIST, "model")))
        return LS_ERR_MEMORY;
    if (!(input = ls_config_add(fresh, NULL, LS_CONFIG_MAP, NULL)) ||
        !(input = ls_config_add(input, "input", LS_CONFIG_MAP, NULL)) ||
        !(shape = ls_config_add(input, "shape", LS_CONFIG_LIST, NULL))) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    for (size_t i = 0; i < s->axes; i++) {
        char text[32];

        snprintf(text, sizeof text, "%zu", s->dim[i]);
        if (!ls_config_add(shape, NULL, LS_CONFIG_SCALAR, text)) {
            st = LS_ERR_MEMORY;
            goto cleanup;
        }
    }
    for (const ls_config *c = list->first; c; c = c->next)
        LS_TRY_CLEANUP(ls_config_put(fresh, NULL, c));
    st = ls_config_put(root, "model", fresh);
cleanup:
    ls_config_free(fresh);
    return st;
}

/* Make one path absolute: the copy of an experiment in its run directory must name the same files. */
static ls_status put_absolute(const ls_experiment *e, ls_config *map, const char *key)
{
    const ls_config *node = ls_config_get(map, key);
    ls_config *fresh;
    char *relative, *absolute;
    ls_status st = LS_ERR_MEMORY;

    if (ls_config_is_null(node) || node->kind != LS_CONFIG_SCALAR)
        return LS_OK;
    if (!(relative = ls_path_beside(e->file, node->text)))
        return LS_ERR_MEMORY;
    absolute = realpath(relative, NULL); /* NULL: no such file; then the path stays as it was written */
    ls_free(relative);
    if (!absolute)
        return LS_OK;
    if ((fresh = ls_config_create(LS_CONFIG_SCALAR, "experiment")) && (fresh->text = ls_strdup(absolute))) {
        fresh->quoted = true;
        st = ls_config_put(map, key, fresh);
    }
    ls_config_free(fresh);
    free(absolute);
    return st;
}

/* `file` wherever it stands below data: in data itself, in splits, in arrays. */
static ls_status put_absolute_files(const ls_experiment *e, ls_config *map)
{
    if (!map || map->kind != LS_CONFIG_MAP)
        return LS_OK;
    LS_TRY(put_absolute(e, map, "file"));
    for (ls_config *c = map->first; c; c = c->next)
        LS_TRY(put_absolute_files(e, c));
    return LS_OK;
}

static ls_status put_absolute_file(void *context, ls_config *map)
{
    return put_absolute(context, map, "file");
}

/* A copy of a map into another one, but for one of its entries. */
static ls_status put_without(ls_config *parent, const ls_config *map, const char *key)
{
    ls_config *copy = ls_config_add(parent, map->key, LS_CONFIG_MAP, NULL);

    if (!copy)
        return LS_ERR_MEMORY;
    for (const ls_config *c = map->first; c; c = c->next)
        if (strcmp(c->key, key) != 0)
            LS_TRY(ls_config_put(copy, c->key, c));
    return LS_OK;
}

ls_status ls_experiment_write(const ls_experiment *experiment, const ls_model *model, bool for_model, ls_text *out)
{
    ls_config *root = ls_config_create(LS_CONFIG_MAP, "experiment");
    ls_status st = LS_OK;

    if (!root)
        return LS_ERR_MEMORY;
    for (const ls_config *c = experiment->root->first; c; c = c->next)
        if (!for_model)
            LS_TRY_CLEANUP(ls_config_put(root, c->key, c));
        else if (strcmp(c->key, "data") == 0)
            LS_TRY_CLEANUP(put_without(root, c, "memory"));
        else if (strcmp(c->key, "output") != 0 && strcmp(c->key, "distributed") != 0)
            LS_TRY_CLEANUP(ls_config_put(root, c->key, c));
    if (model)
        LS_TRY_CLEANUP(put_input_shape(root, model));
    if (!for_model) {
        ls_config *weights = ls_config_get(root, "initial_weights");

        LS_TRY_CLEANUP(put_absolute(experiment, root, "initial_weights"));
        if (weights && weights->kind == LS_CONFIG_MAP)
            LS_TRY_CLEANUP(put_absolute(experiment, weights, "file"));
        LS_TRY_CLEANUP(put_absolute_files(experiment, ls_config_get(root, "data")));
        LS_TRY_CLEANUP(
            ls_inner_models_each_file(ls_config_get(root, "model"), put_absolute_file, (void *)(uintptr_t)experiment));
    }
    ls_yaml_write(root, out);
    st = out->status;
cleanup:
    ls_config_free(root);
    return st;
}
