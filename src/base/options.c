/* Reading option tables, and components: things chosen by name together with their parsed arguments. */
#include "base/options.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/failures.h"
#include "base/memory.h"

#define WHERE_BYTES 256

static void *field(void *config, const ls_option *option)
{
    return (char *)config + option->offset;
}

/* ---- registries ---- */

static bool answers_to(const ls_ops *ops, const char *name)
{
    if (!strcmp(ops->name, name) || (ops->keras_name && !strcmp(ops->keras_name, name)))
        return true;
    for (const char *const *alias = ops->aliases; alias && *alias; alias++)
        if (!strcmp(*alias, name))
            return true;
    return false;
}

const ls_ops *ls_registry_find(const ls_registry *registry, const char *name)
{
    for (const ls_ops *const *entry = registry->entries; *entry; entry++)
        if (answers_to(*entry, name))
            return *entry;
    return NULL;
}

/* Equal but for case and underscores. */
static bool same_word(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, "_");
        b += strspn(b, "_");
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (!*a)
            return true;
    }
}

/* The entry that is meant by its name and what it is: hinge_loss, adam_optimizer, DenseLayer. NULL: none. */
static const char *entry_without_kind(const ls_registry *registry, const char *name)
{
    const size_t kind = strlen(registry->what), length = strlen(name);
    char stem[128];

    if (length <= kind || length - kind >= sizeof stem || strcasecmp(name + length - kind, registry->what) != 0)
        return NULL;
    snprintf(stem, sizeof stem, "%.*s", (int)(length - kind), name);
    for (const ls_ops *const *entry = registry->entries; *entry; entry++)
        if (same_word((*entry)->name, stem))
            return (*entry)->name;
    return NULL;
}

/* Does the word begin so, but for case and underscores? */
static bool begins_with(const char *word, const char *start)
{
    for (;; word++, start++) {
        word += strspn(word, "_");
        start += strspn(start, "_");
        if (!*start)
            return true;
        if (tolower((unsigned char)*word) != tolower((unsigned char)*start))
            return false;
    }
}

/* The only entry that begins so: f1, batchnorm. NULL: none, or several. */
static const char *entry_beginning_with(const ls_registry *registry, const char *name)
{
    const char *found = NULL;

    for (const ls_ops *const *entry = registry->entries; *entry && name[0] && name[1]; entry++)
        if (begins_with((*entry)->name, name)) {
            if (found)
                return NULL;
            found = (*entry)->name;
        }
    return found;
}

/* The name of an entry that is spelt nearly so: its first name, an alias or the Keras class. */
static const char *nearest_entry(const ls_registry *registry, const char *name)
{
    const char *candidates[256], *plain = entry_without_kind(registry, name);
    size_t n = 0;

    if (plain || (plain = entry_beginning_with(registry, name)))
        return plain;
    for (const ls_ops *const *entry = registry->entries; *entry; entry++) {
        if (n < 254)
            candidates[n++] = (*entry)->name;
        if (n < 254 && (*entry)->keras_name)
            candidates[n++] = (*entry)->keras_name;
        for (const char *const *alias = (*entry)->aliases; alias && *alias && n < 254; alias++)
            candidates[n++] = *alias;
    }
    return ls_nearest_name(name, candidates, n);
}

const ls_refusal *ls_registry_refusal(const ls_registry *registry, const char *name)
{
    for (const ls_refusal *lacking = registry->lacking; lacking && lacking->name; lacking++)
        if (same_word(name, lacking->name))
            return lacking;
    return NULL;
}

/*
 * Python's way of writing, Adam(0.001, beta_1=0.8), as {adam: {learning_rate: 0.001, beta_1: 0.8}}; or names with
 * commas between, as a list. False: it is neither.
 */
bool ls_registry_rewrite(const ls_registry *registry, const char *text, ls_text *out)
{
    const size_t n = strcspn(text, "(,= ");
    const char *at = text + n;
    const ls_option *option;
    const ls_ops *ops;
    char name[64];
    bool is_call;

    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), text);
    if (!*at || !(ops = ls_registry_find(registry, name)))
        return false;
    if (*at == ',') {
        ls_text_add(out, "[%s]", text);
        return true;
    }
    is_call = *at == '(';
    at += strspn(at, "( ");
    option = ops->options;
    ls_text_add(out, "{%s: {", ops->name);
    for (size_t i = 0; *at && *at != ')'; i++) {
        const size_t length = strcspn(at, is_call ? ",)" : ","), equals = strcspn(at, "=");

        if (equals < length)
            ls_text_add(out, "%s%.*s: %.*s", i ? ", " : "", (int)equals, at, (int)(length - equals - 1),
                        at + equals + 1);
        else if (i == 0 && strcmp(registry->what, "optimizer") == 0)
            ls_text_add(out, "learning_rate: %.*s", (int)length, at);
        else
            ls_text_add(out, "%s%s: %.*s", i ? ", " : "", option && option->name ? option->name : "...", (int)length,
                        at);
        if (option && option->name && equals >= length)
            option++;
        at += length + (at[length] == ',');
        at += strspn(at, " ");
    }
    ls_text_add(out, "}}");
    return true;
}

const char *ls_registry_nearest(const ls_registry *registry, const char *name)
{
    const char *const near = nearest_entry(registry, name);

    return near ? ls_registry_find(registry, near)->name : NULL;
}

static ls_status fail_rewritten(const ls_config *at, const char *name, ls_text *line)
{
    const ls_status st =
        line->status == LS_OK ? ls_config_fail(at, "'%.80s' is no YAML: write %s", name, line->data) : line->status;

    ls_text_reset(line);
    return st;
}

static ls_status fail_unknown(const ls_registry *registry, const char *name, const ls_config *at, bool at_key)
{
    const ls_refusal *const refusal = ls_registry_refusal(registry, name);
    const char *near = refusal ? NULL : nearest_entry(registry, name);
    const size_t length = strlen(registry->what);
    ls_text message = {0}, line = {0};
    ls_status st;

    if (ls_registry_rewrite(registry, name, &line))
        return fail_rewritten(at, name, &line);
    ls_text_add(&message, refusal ? "lockstep lacks the %s '%.80s'" : "unknown %s '%.80s'", registry->what, name);
    ls_text_add(&message, "%s%s; ", refusal && refusal->why ? ": " : "", refusal && refusal->why ? refusal->why : "");
    if (near)
        ls_text_add(&message, "did you mean '%s'? ", near);
    ls_text_add(&message, "known %s%s: ", registry->what, length && registry->what[length - 1] == 's' ? "es" : "s");
    for (const ls_ops *const *entry = registry->entries; *entry; entry++)
        ls_text_add(&message, "%s%s", entry == registry->entries ? "" : ", ", (*entry)->name);
    if (message.status != LS_OK)
        st = message.status;
    else if (at_key)
        st = ls_config_fail_key(at, "%s", message.data);
    else
        st = ls_config_fail(at, "%s", message.data);
    ls_text_reset(&message);
    return st;
}

/* ---- one option ---- */

static void bounds_of(const ls_option *option, double *min, double *max)
{
    const bool none = option->min == 0 && option->max == 0;

    *min = none && !option->open_min ? -INFINITY : option->min;
    *max = (none && !option->open_max) || option->max < option->min ? INFINITY : option->max;
    if (none && option->open_max)
        *min = -INFINITY;
    if (*min <= -DBL_MAX)
        *min = -INFINITY;
    if (*max >= DBL_MAX)
        *max = INFINITY;
}

static ls_status parse_float(const ls_option *option, const ls_config *node, const char *where, double *out)
{
    double min, max;

    bounds_of(option, &min, &max);
    return ls_config_float_open(node, where, min, option->open_min, max, option->open_max, out);
}

static ls_status parse_int(const ls_option *option, const ls_config *node, const char *where, int64_t *out)
{
    double min, max;

    bounds_of(option, &min, &max);
    min += option->open_min;
    max -= option->open_max;
    return ls_config_int(node, where, min < -0x1p62 ? INT64_MIN : (int64_t)min, max > 0x1p62 ? INT64_MAX : (int64_t)max,
                         out);
}

/* INTS and FLOATS: exactly one of ints and floats is not NULL. */
static ls_status parse_numbers(const ls_option *option, const ls_config *node, const char *where, ls_ints *ints,
                               ls_floats *floats)
{
    const bool list = !ls_config_is_null(node) && node->kind == LS_CONFIG_LIST;
    const ls_config *child = list ? node->first : node;
    const size_t n = list ? node->count : option->repeat ? option->repeat : 1;
    ls_failures all = {0};

    if (list && option->repeat && n != option->repeat)
        return ls_config_fail(node, "%s takes one number or a list of %zu, not a list of %zu", where, option->repeat,
                              n);
    if (n > LS_OPTION_LIST_MAX)
        return ls_config_fail(node, "%s holds %zu numbers; at most %d are possible", where, n, LS_OPTION_LIST_MAX);
    for (size_t i = 0; i < n; i++) {
        if (list && option->nulls && ls_config_is_null(child))
            ints->value[i] = 0;
        else
            LS_GATHER(&all, ints ? parse_int(option, child, where, &ints->value[i])
                                 : parse_float(option, child, where, &floats->value[i]));
        if (list)
            child = child->next;
    }
    *(ints ? &ints->count : &floats->count) = n;
    return ls_failures_end(&all);
}

/* 3 or [1, 2] */
static ls_status parse_pair(const ls_option *option, const ls_config *node, const char *where, int64_t out[2])
{
    const bool list = !ls_config_is_null(node) && node->kind == LS_CONFIG_LIST;

    if (list && node->count != 2)
        return ls_config_fail(node, "%s takes one number or two, in front and behind, not a list of %zu", where,
                              node->count);
    LS_TRY(parse_int(option, list ? node->first : node, where, &out[0]));
    if (!list)
        out[1] = out[0];
    return list ? parse_int(option, node->first->next, where, &out[1]) : LS_OK;
}

static ls_status parse_pairs(const ls_option *option, const ls_config *node, const char *where, ls_ints *out)
{
    const bool list = option->repeat > 1 && !ls_config_is_null(node) && node->kind == LS_CONFIG_LIST;
    const ls_config *child = list ? node->first : node;

    if (list && node->count != option->repeat)
        return ls_config_fail(node, "%s takes one number or a list of %zu, one for each axis, not a list of %zu", where,
                              option->repeat, node->count);
    for (size_t i = 0; i < option->repeat; i++, child = list ? child->next : child)
        LS_TRY(parse_pair(option, child, where, &out->value[2 * i]));
    out->count = 2 * option->repeat;
    return LS_OK;
}

static ls_status parse_choice(const ls_option *option, const ls_config *node, const char *where, int *out)
{
    const char *text = NULL;
    char hint[LS_HINT_BYTES];
    ls_text message = {0};
    size_t n = 0;
    ls_status st;

    while (option->choices[n])
        n++;
    if (!ls_config_is_null(node) && node->kind == LS_CONFIG_SCALAR)
        text = node->text;
    for (size_t i = 0; text && i < n; i++)
        if (!strcmp(text, option->choices[i])) {
            *out = (int)i;
            return LS_OK;
        }

    ls_text_add(&message, "%s must be one of ", where);
    ls_text_add_list(&message, option->choices, n);
    if (text) {
        ls_text_add(&message, ", not '%.80s'", text);
        ls_text_add(&message, "%s", ls_hint(text, option->choices, n, hint));
    }
    if (option->advice)
        ls_text_add(&message, "; %s", option->advice);
    st = message.status == LS_OK ? ls_config_fail(node, "%s", message.data) : message.status;
    ls_text_reset(&message);
    return st;
}

static ls_status parse_text(const ls_config *node, const char *where, char out[LS_OPTION_TEXT_BYTES])
{
    const char *text;
    size_t length;

    LS_TRY(ls_config_text(node, where, &text));
    length = strlen(text);
    if (length >= LS_OPTION_TEXT_BYTES)
        return ls_config_fail(node, "%s is longer than %d bytes", where, LS_OPTION_TEXT_BYTES - 1);
    memcpy(out, text, length + 1);
    return LS_OK;
}

/* Into the zeroed config. A node that is absent must already have been replaced by the default. */
static ls_status parse_option(const ls_option *option, const ls_config *node, const char *where, void *config)
{
    void *at = field(config, option);

    if (option->nullable && ls_config_is_null(node)) {
        if (option->kind == LS_OPTION_INT)
            *(int64_t *)at = (int64_t)option->min - 1;
        else if (option->kind == LS_OPTION_FLOAT)
            *(double *)at = NAN;
        if (option->kind != LS_OPTION_BOOL && option->kind != LS_OPTION_CHOICE)
            return LS_OK; /* lists, texts and components: zero means none */
    }
    switch (option->kind) {
    case LS_OPTION_INT:
        return parse_int(option, node, where, at);
    case LS_OPTION_FLOAT:
        return parse_float(option, node, where, at);
    case LS_OPTION_BOOL:
        return ls_config_bool(node, where, at);
    case LS_OPTION_CHOICE:
        return parse_choice(option, node, where, at);
    case LS_OPTION_INTS:
        if (option->pairs)
            return parse_pairs(option, node, where, at);
        return parse_numbers(option, node, where, at, NULL);
    case LS_OPTION_FLOATS:
        return parse_numbers(option, node, where, NULL, at);
    case LS_OPTION_TEXT:
        return parse_text(node, where, at);
    case LS_OPTION_COMPONENT:
        return ls_component_parse(option->registry, node, where, at);
    }
    return ls_fail(LS_ERR_INTERNAL, "option '%s' has no kind", option->name);
}

/* A default as a tree: a scalar, or "[a, b]" as a list of scalars. NULL: out of memory. */
static ls_config *tree_of_default(const char *text)
{
    const bool list = text[0] == '[';
    ls_config *root = ls_config_create(list ? LS_CONFIG_LIST : LS_CONFIG_SCALAR, NULL);

    if (!root)
        return NULL;
    if (!list) {
        if (!(root->text = ls_strdup(text)))
            goto failed;
        return root;
    }
    for (const char *c = text + 1 + strspn(text + 1, " ,"); *c && *c != ']'; c += strspn(c, " ,")) {
        const size_t n = strcspn(c, " ,]");
        char item[64];

        snprintf(item, sizeof item, "%.*s", (int)n, c);
        if (!ls_config_add(root, NULL, LS_CONFIG_SCALAR, item))
            goto failed;
        c += n;
    }
    return root;

failed:
    ls_config_free(root);
    return NULL;
}

static ls_status parse_default(const ls_option *option, const char *where, void *config)
{
    ls_config *tree = tree_of_default(option->initial);
    ls_status st = tree ? parse_option(option, tree, where, config) : LS_ERR_MEMORY;

    ls_config_free(tree);
    return st;
}

/* ---- all options of one thing ---- */

static ls_status check_keys(const ls_ops *ops, const ls_config *args, const char *where, const char *const *extra)
{
    const char **known;
    size_t n = 0;
    ls_status st;

    for (const ls_option *option = ops->options; option && option->name; option++)
        n++;
    for (const char *const *key = extra; key && *key; key++)
        n++;
    if (!(known = ls_calloc(n, sizeof *known, "option names")))
        return LS_ERR_MEMORY;
    n = 0;
    for (const ls_option *option = ops->options; option && option->name; option++)
        known[n++] = option->name;
    for (const char *const *key = extra; key && *key; key++)
        known[n++] = *key;
    st = ls_config_check_keys(args, known, n, where);
    ls_free(known);
    return st;
}

const char *const ls_any_key[] = {NULL};

static bool is_option(const ls_ops *ops, const char *name, const char *const *extra)
{
    for (const ls_option *option = ops->options; option && option->name; option++)
        if (strcmp(option->name, name) == 0)
            return true;
    for (; extra && *extra; extra++)
        if (strcmp(*extra, name) == 0)
            return true;
    return false;
}

/* Is there an unknown key, of which the message was that the option is meant? */
static bool is_misspelt(const ls_ops *ops, const ls_config *args, const char *const *extra, const ls_option *option)
{
    for (const ls_config *c = args && args->kind == LS_CONFIG_MAP ? args->first : NULL; c; c = c->next)
        if (!is_option(ops, c->key, extra) && ls_nearest_name(c->key, &option->name, 1))
            return true;
    return false;
}

static ls_status parse_one(const ls_ops *ops, const ls_option *option, const ls_config *args, const ls_config *at,
                           const char *where, const char *const *extra, void *config)
{
    const ls_config *node = ls_config_get(args, option->name);
    char path[WHERE_BYTES];

    snprintf(path, sizeof path, "%s.%s", where, option->name);
    if (node && (option->initial || option->nullable || !ls_config_is_null(node)))
        return parse_option(option, node, path, config);
    if (option->initial)
        return parse_default(option, path, config);
    return is_misspelt(ops, args, extra, option) ? LS_OK : ls_config_fail(at, "%s needs '%s'", where, option->name);
}

ls_status ls_component_parse_args_at(const ls_ops *ops, const ls_config *args, const ls_config *at, const char *where,
                                     const char *const *extra, ls_component *out)
{
    ls_component made = {.ops = ops};
    ls_failures all = {0};
    ls_status st;
    bool goes_on;

    *out = (ls_component){0};
    if (!ls_config_is_null(args))
        LS_TRY(ls_config_expect(args, LS_CONFIG_MAP, where));
    if (extra != ls_any_key)
        LS_GATHER(&all, check_keys(ops, args, where, extra));
    goes_on = !ops->config_bytes || (made.config = ls_calloc(1, ops->config_bytes, ops->name));
    if (!goes_on)
        ls_failures_add(&all, LS_ERR_MEMORY);
    for (const ls_option *option = ops->options; option && option->name && goes_on; option++)
        goes_on = ls_failures_add(&all, parse_one(ops, option, args, at, where, extra, made.config));
    if ((st = ls_failures_end(&all)) == LS_OK && ops->check)
        st = ops->check(made.config, at);
    if (st != LS_OK) {
        ls_component_reset(&made);
        return st;
    }
    *out = made;
    return LS_OK;
}

ls_status ls_component_parse_args(const ls_ops *ops, const ls_config *args, const char *where, const char *const *extra,
                                  ls_component *out)
{
    return ls_component_parse_args_at(ops, args, args, where, extra, out);
}

/* ---- components ---- */

/* {class_name: Name, config: {…}} as Keras writes it; further keys say where Keras keeps the class. */
static ls_status parse_keras_form(const ls_registry *registry, const ls_config *node, const char *where,
                                  ls_component *out)
{
    static const char *const known[] = {"class_name",      "config",       "module",
                                        "registered_name", "build_config", "shared_object_id"};
    const ls_config *class_name = ls_config_get(node, "class_name"), *args = ls_config_get(node, "config");
    const ls_ops *ops;
    const char *name;

    LS_TRY(ls_config_check_keys(node, known, sizeof known / sizeof *known, where));
    LS_TRY(ls_config_text(class_name, where, &name));
    if (!(ops = ls_registry_find(registry, name)))
        return fail_unknown(registry, name, class_name, false);
    return ls_component_parse_args_at(ops, args, args ? args : class_name, where, NULL, out);
}

ls_status ls_component_parse(const ls_registry *registry, const ls_config *node, const char *where, ls_component *out)
{
    char path[WHERE_BYTES];
    const ls_config *args = NULL;
    const ls_ops *ops;
    const char *name;

    *out = (ls_component){0};
    if (ls_config_is_null(node))
        return LS_OK;
    if (node->kind == LS_CONFIG_MAP && ls_config_get(node, "class_name"))
        return parse_keras_form(registry, node, where, out);
    if (node->kind == LS_CONFIG_SCALAR) {
        name = node->text;
    } else if (node->kind == LS_CONFIG_MAP && node->count == 1) {
        args = node->first;
        name = args->key;
    } else {
        return ls_config_fail(node, "%s must be the name of one %s, or {NAME: {ARGUMENT: VALUE}}, not a %s of %zu",
                              where, registry->what, node->kind == LS_CONFIG_MAP ? "map" : "list", node->count);
    }
    if (!(ops = ls_registry_find(registry, name)))
        return fail_unknown(registry, name, args ? args : node, args != NULL);
    snprintf(path, sizeof path, "%s.%s", where, name);
    return ls_component_parse_args_at(ops, args, args ? args : node, path, NULL, out);
}

ls_status ls_component_default(const ls_registry *registry, const char *name, ls_component *out)
{
    const ls_ops *ops = ls_registry_find(registry, name);

    *out = (ls_component){0};
    if (!ops)
        return fail_unknown(registry, name, NULL, false);
    for (const ls_option *option = ops->options; option && option->name; option++)
        if (!option->initial)
            return ls_fail(LS_ERR_ARG, "%s '%s' cannot be made by name alone: it needs '%s'", registry->what, name,
                           option->name);
    return ls_component_parse_args_at(ops, NULL, NULL, name, NULL, out);
}

ls_status ls_component_copy(const ls_component *source, ls_component *out)
{
    ls_component copy = {.ops = source->ops};
    ls_status st = LS_OK;

    *out = (ls_component){0};
    if (!source->config) {
        *out = copy;
        return LS_OK;
    }
    if (!(copy.config = ls_calloc(1, source->ops->config_bytes, source->ops->name)))
        return LS_ERR_MEMORY;
    memcpy(copy.config, source->config, source->ops->config_bytes);
    /* Nested components still point into the source: each is replaced by a copy, or by none once something failed. */
    for (const ls_option *option = source->ops->options; option && option->name; option++)
        if (option->kind == LS_OPTION_COMPONENT) {
            ls_component *nested = field(copy.config, option);

            if (st == LS_OK)
                st = ls_component_copy(field(source->config, option), nested);
            else
                *nested = (ls_component){0};
        }
    if (st == LS_OK)
        *out = copy;
    else
        ls_component_reset(&copy);
    return st;
}

void ls_component_reset(ls_component *component)
{
    if (component->config)
        for (const ls_option *option = component->ops->options; option && option->name; option++)
            if (option->kind == LS_OPTION_COMPONENT)
                ls_component_reset(field(component->config, option));
    ls_free(component->config);
    *component = (ls_component){0};
}
