#include "formats/keras_component.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "nn/activation.h"
#include "nn/loss.h"

#define WHERE_BYTES 256

const char *ls_keras_text(const ls_config *map, const char *key)
{
    const ls_config *node = ls_config_get(map, key);

    return ls_config_is_null(node) || node->kind != LS_CONFIG_SCALAR ? NULL : node->text;
}

ls_config *ls_keras_add_text(ls_config *out, const char *key, const char *text)
{
    ls_config *node = ls_config_add(out, key, LS_CONFIG_SCALAR, text);

    if (node)
        node->quoted = true;
    return node;
}

/* ---- classes ---- */

/* "keras", "keras.layers", "keras.src.models.functional"; Keras 2 had "keras.layers.core" and the like. */
ls_status ls_keras_check_module(const ls_config *node, const char *where)
{
    static const char own[] = "keras";
    const char *module = ls_keras_text(node, "module");

    if (!module || (strncmp(module, own, sizeof own - 1) == 0 && strchr(".", module[sizeof own - 1])))
        return LS_OK;
    return ls_config_fail(node, "%s is of the module '%.80s', not Keras's own: lockstep cannot run it", where, module);
}

ls_status ls_keras_check_dtype(const ls_config *node, bool integers, const char *where)
{
    static const char *const whole[] = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"};
    const char *name = node && node->kind == LS_CONFIG_MAP      ? ls_keras_text(ls_config_get(node, "config"), "name")
                       : node && node->kind == LS_CONFIG_SCALAR ? node->text
                                                                : NULL;

    if (ls_config_is_null(node) || (name && strcmp(name, "float32") == 0))
        return LS_OK;
    for (size_t i = 0; integers && name && i < sizeof whole / sizeof whole[0]; i++)
        if (strcmp(name, whole[i]) == 0)
            return LS_OK;
    return ls_config_fail(node, "%s works in '%.40s'; lockstep has float32 only", where, name ? name : "another type");
}

const char *const ls_keras_activation_layers[][2] = {
    {"relu", "ReLU"}, {"leaky_relu", "LeakyReLU"}, {"elu", "ELU"}, {"softmax", "Softmax"}, {NULL, NULL}};

const ls_ops *ls_keras_activation_of(const char *class_name)
{
    for (size_t i = 0; ls_keras_activation_layers[i][0]; i++)
        if (strcmp(class_name, ls_keras_activation_layers[i][1]) == 0)
            return ls_registry_find(&ls_activations, ls_keras_activation_layers[i][0]);
    return NULL;
}

static ls_status fail_unknown(const ls_registry *registry, const ls_config *at, const char *where, const char *name)
{
    const ls_refusal *const refusal = ls_registry_refusal(registry, name);
    ls_text known = {0};
    ls_status st;

    if (refusal && refusal->why)
        return ls_config_fail(at, "%s: lockstep lacks the %s '%.80s': %s", where, registry->what, name, refusal->why);
    for (const ls_ops *const *entry = registry->entries; *entry; entry++)
        ls_text_add(&known, "%s%s", entry == registry->entries ? "" : ", ", (*entry)->name);
    st = known.status == LS_OK
             ? ls_config_fail(at, "%s: lockstep has no %s '%.80s' (it has %s)", where, registry->what, name, known.data)
             : known.status;
    ls_text_reset(&known);
    return st;
}

/* ---- options ---- */

/* Of a loss, where it says something: reduction: sum. What else there is check_unknown knows. */
static const char *const reductions[] = {"sum", NULL};
static const ls_option sum_option[] = {
    {.name = "reduction", .kind = LS_OPTION_CHOICE, .choices = reductions},
    {.name = NULL},
};

static bool is_text(const ls_config *node, const char *text)
{
    return node->kind == LS_CONFIG_SCALAR && node->text && strcmp(node->text, text) == 0;
}

/* Options that lockstep does not have, where they change nothing. What is off says null or false, whatever it is. */
static bool changes_nothing(const ls_config *option)
{
    static const struct {
        const char *key, *value; /* value NULL: any */
    } harmless[] = {
        {"name", NULL}, /* this one, and the next three, are read by the caller */
        {"trainable", NULL},
        {"learning_rate", NULL},
        {"batch_input_shape", NULL}, /* Keras 2 */
        {"input_length", NULL},      /* Keras 2: in that shape already */
        {"seed", NULL},              /* of fresh weights; ours come from the experiment's seed */
        {"renorm_momentum", NULL},   /* of renorm, which is off */
        {"jit_compile", NULL},
        {"implementation", NULL}, /* of recurrent layers: how, not what */
        {"use_cudnn", NULL},
        {"reduction", "sum_over_batch_size"},
        {"reduction", "auto"}, /* Keras 2's name for the same */
        {"axis", "-1"},
        {"decay", "0.0"},
    };

    if (ls_config_is_null(option) || (is_text(option, "false") && !option->quoted))
        return true;
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        if (strcmp(option->key, harmless[i].key) == 0 && (!harmless[i].value || is_text(option, harmless[i].value)))
            return true;
    return false;
}

static ls_status check_unknown(const ls_config *option, const char *where)
{
    const char *value = option->kind == LS_CONFIG_SCALAR ? option->text : "an object";

    if (strcmp(option->key, "dtype") == 0)
        return ls_keras_check_dtype(option, false, where);
    if (strcmp(option->key, "reduction") == 0 && ls_config_is_null(option))
        return ls_config_fail(option, "%s has reduction none, which lockstep does not have", where);
    if (changes_nothing(option))
        return LS_OK;
    return ls_config_fail(option, "%s has the option '%.80s' (%.40s), which lockstep does not have", where, option->key,
                          value);
}

/* Keras gives the axis of the samples in noise_shape as null; ours does without. */
static ls_status put_noise_shape(const ls_config *value, const char *where, ls_config *out)
{
    ls_config *list;

    if (value->kind != LS_CONFIG_LIST || !value->first || !ls_config_is_null(value->first))
        return ls_config_fail(value, "%s: a noise_shape must begin with null, the samples", where);
    if (!(list = ls_config_add(out, value->key, LS_CONFIG_LIST, NULL)))
        return LS_ERR_MEMORY;
    for (const ls_config *c = value->first->next; c; c = c->next)
        LS_TRY(ls_config_put(list, NULL, c));
    return LS_OK;
}

static ls_status put_option(const ls_option *option, const ls_config *value, const char *where, ls_config *out)
{
    char place[WHERE_BYTES];

    if (ls_config_is_null(value) && !option->nullable) /* Keras: as by default */
        return LS_OK;
    if (option->kind == LS_OPTION_COMPONENT) {
        snprintf(place, sizeof place, "%.200s.%s", where, option->name);
        return ls_keras_put_component(option->registry, value, place, out, option->name);
    }
    if (strcmp(option->name, "noise_shape") == 0 && !ls_config_is_null(value))
        return put_noise_shape(value, where, out);
    if (strcmp(option->name, "seed") == 0 && value->kind != LS_CONFIG_SCALAR) /* a generator: of fresh weights, masks */
        return LS_OK;
    if (option->kind == LS_OPTION_INT && value->kind == LS_CONFIG_LIST && value->count == 1) /* axis: [3] */
        value = value->first;
    return ls_config_put(out, option->name, value);
}

static const ls_option *find_option(const ls_option *options, const char *name)
{
    for (; options && options->name; options++)
        if (strcmp(options->name, name) == 0)
            return options;
    return NULL;
}

ls_status ls_keras_put_options(const ls_ops *ops, const ls_option *more, const ls_config *config, const char *where,
                               ls_config *out)
{
    if (ls_config_is_null(config))
        return LS_OK;
    LS_TRY(ls_config_expect(config, LS_CONFIG_MAP, where));
    for (const ls_config *value = config->first; value; value = value->next) {
        const ls_option *option = find_option(ops->options, value->key);

        if (!option)
            option = find_option(more, value->key);
        if (option && option->choices == reductions && !is_text(value, "sum"))
            option = NULL;
        if (option)
            LS_TRY(put_option(option, value, where, out));
        else
            LS_TRY(check_unknown(value, where));
    }
    return LS_OK;
}

/* ---- objects ---- */

static ls_status put_object(const ls_registry *registry, const ls_config *node, const char *where, ls_config *out,
                            const char *key)
{
    const char *class_name = ls_keras_text(node, "class_name");
    const ls_config *config = ls_config_get(node, "config");
    const ls_ops *ops = NULL;
    char place[WHERE_BYTES];
    ls_config *entry, *args;
    bool is_function; /* one of Keras's, by its name */

    if (!class_name)
        return ls_config_fail(node, "%s is an object without a class_name", where);
    is_function = strcmp(class_name, "function") == 0 && config && config->text;
    snprintf(place, sizeof place, "%.180s (%.60s)", where, is_function ? config->text : class_name);
    LS_TRY(ls_keras_check_module(node, place));
    if (is_function)
        return ls_keras_put_component(registry, config, where, out, key);
    if (registry == &ls_activations)
        ops = ls_keras_activation_of(class_name);
    if (!ops)
        ops = ls_registry_find(registry, class_name);
    if (!ops)
        return fail_unknown(registry, node, where, class_name);
    if (!(entry = ls_config_add(out, key, LS_CONFIG_MAP, NULL)) ||
        !(args = ls_config_add(entry, ops->name, LS_CONFIG_MAP, NULL)))
        return LS_ERR_MEMORY;
    LS_TRY(ls_keras_put_options(ops, registry == &ls_losses ? sum_option : NULL, config, place, args));
    if (strcmp(class_name, "LeakyReLU") == 0 && !ls_config_get(args, "negative_slope") && /* not the function's 0.2 */
        !ls_config_add(args, "negative_slope", LS_CONFIG_SCALAR, "0.3"))
        return LS_ERR_MEMORY;
    return LS_OK;
}

ls_status ls_keras_put_component(const ls_registry *registry, const ls_config *node, const char *where, ls_config *out,
                                 const char *key)
{
    if (ls_config_is_null(node))
        return ls_config_add(out, key, LS_CONFIG_NULL, NULL) ? LS_OK : LS_ERR_MEMORY;
    if (node->kind == LS_CONFIG_MAP)
        return put_object(registry, node, where, out, key);
    LS_TRY(ls_config_expect(node, LS_CONFIG_SCALAR, where));
    if (!ls_registry_find(registry, node->text))
        return fail_unknown(registry, node, where, node->text);
    return ls_keras_add_text(out, key, node->text) ? LS_OK : LS_ERR_MEMORY;
}
