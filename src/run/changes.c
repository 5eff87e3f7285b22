#include "run/changes.h"

#include <jansson.h>
#include <string.h>

#include "base/memory.h"
#include "formats/json.h"
#include "formats/yaml.h"
#include "run/callback_spec.h"

void ls_changes_reset(ls_changes *c)
{
    ls_free(c->kept);
    ls_free(c->other);
    *c = (ls_changes){0};
}

void ls_departure_reset(ls_departure *d)
{
    ls_changes_reset(&d->changes);
    ls_free(d->place);
    *d = (ls_departure){0};
}

/* ---- lists ---- */

static json_t *list_of(const char *text)
{
    return text ? json_loads(text, 0, NULL) : json_array();
}

/* Replaces *text; takes the list. */
static ls_status put_list(char **text, json_t *list)
{
    ls_text out = {0};
    ls_status st = list ? ls_json_write(list, &out) : LS_ERR_MEMORY;

    json_decref(list);
    if (st == LS_OK) {
        ls_free(*text);
        *text = out.data;
        return LS_OK;
    }
    ls_text_reset(&out);
    return st;
}

/* One value as a line; a node that is not there: NULL. */
static ls_status line_of(const ls_config *node, ls_text *out)
{
    if (node)
        ls_yaml_write_line(node, out);
    return out->status;
}

/* Adds an entry unless the two are written alike. *differs may be NULL. */
static ls_status add(char **text, const char *key, const ls_config *theirs, const ls_config *ours, bool *differs)
{
    ls_text from = {0}, to = {0};
    ls_status st;
    json_t *list;

    LS_TRY_CLEANUP(line_of(theirs, &from));
    LS_TRY_CLEANUP(line_of(ours, &to));
    if ((!from.data && !to.data) || (from.data && to.data && strcmp(from.data, to.data) == 0))
        goto cleanup;
    if (differs)
        *differs = true;
    list = list_of(*text);
    json_array_append_new(list, json_pack("{s:s, s:s?, s:s?}", "key", key, "from", from.data, "to", to.data));
    st = put_list(text, list);
cleanup:
    ls_text_reset(&from);
    ls_text_reset(&to);
    return st;
}

ls_status ls_changes_add(ls_changes *changes, const char *before, const ls_departure *d, uint64_t update)
{
    const char *const found[] = {d->changes.kept, d->changes.other};
    char **const out[] = {&changes->kept, &changes->other};

    for (int k = 0; k < 2; k++) {
        json_t *all = list_of(k == 0 ? before : NULL), *fresh = list_of(found[k]);
        size_t i;
        json_t *entry;

        json_array_foreach(fresh, i, entry)
        {
            json_t *numbered = json_pack("{s:I}", "update", (json_int_t)update);

            json_object_update(numbered, entry);
            json_array_append_new(all, numbered);
        }
        json_decref(fresh);
        if (json_array_size(all) == 0)
            json_decref(all);
        else
            LS_TRY(put_list(out[k], all));
    }
    return LS_OK;
}

/* ---- what may differ ---- */

/* The arguments of the optimizer, and how messages name them. */
static const ls_config *optimizer_arguments(const ls_config *root, ls_text *where)
{
    const ls_config *node = ls_config_get(ls_config_get(root, "compile"), "optimizer");

    ls_text_add(where, "compile.optimizer");
    if (ls_config_get(node, "class_name"))
        return ls_config_get(node, "config");
    return node && node->kind == LS_CONFIG_MAP ? node->first : NULL;
}

static ls_status compare_rates(const ls_config *theirs, const ls_config *ours, ls_departure *d)
{
    ls_text where = {0}, unused = {0};
    const ls_config *a = optimizer_arguments(theirs, &unused), *b = optimizer_arguments(ours, &where);
    ls_status st;

    ls_text_add(&where, ".learning_rate");
    st = where.status;
    if (st == LS_OK)
        st = add(&d->changes.kept, where.data, ls_config_get(a, "learning_rate"), ls_config_get(b, "learning_rate"),
                 &d->rate);
    ls_text_reset(&where);
    ls_text_reset(&unused);
    return st;
}

static ls_status compare_fit_key(const char *key, const ls_config *theirs, const ls_config *ours, ls_departure *d)
{
    ls_text where = {0};
    ls_status st;

    ls_text_add(&where, "fit.%s", key);
    st = where.status;
    if (st == LS_OK)
        st = add(&d->changes.other, where.data, ls_config_get(theirs, key), ls_config_get(ours, key), NULL);
    ls_text_reset(&where);
    return st;
}

static ls_status compare_fit(const ls_config *theirs, const ls_config *ours, ls_departure *d)
{
    for (const ls_config *c = theirs && theirs->kind == LS_CONFIG_MAP ? theirs->first : NULL; c; c = c->next)
        LS_TRY(compare_fit_key(c->key, theirs, ours, d));
    for (const ls_config *c = ours && ours->kind == LS_CONFIG_MAP ? ours->first : NULL; c; c = c->next)
        if (!ls_config_get(theirs, c->key))
            LS_TRY(compare_fit_key(c->key, theirs, ours, d));
    return LS_OK;
}

/* ---- callbacks ---- */

static const ls_config *arguments_of(const ls_config *item)
{
    return item->kind == LS_CONFIG_MAP ? item->first : NULL;
}

static const ls_callback_ops *ops_of(const ls_registry *registry, const ls_config *item)
{
    const char *name = item->kind == LS_CONFIG_MAP && item->first ? item->first->key : item->text;

    return name && registry ? (const ls_callback_ops *)ls_registry_find(registry, name) : NULL;
}

static ls_status written_alike(const ls_config *a, const ls_config *b, bool *alike)
{
    ls_text x = {0}, y = {0};
    ls_status st;

    LS_TRY_CLEANUP(line_of(a, &x));
    LS_TRY_CLEANUP(line_of(b, &y));
    *alike = strcmp(x.data ? x.data : "", y.data ? y.data : "") == 0;
cleanup:
    ls_text_reset(&x);
    ls_text_reset(&y);
    return st;
}

/* May `ours` go on from the state of `theirs`? exactly: only if they are written alike. */
static ls_status inherits(const ls_registry *registry, const ls_config *theirs, const ls_config *ours, bool exactly,
                          bool *out)
{
    const ls_callback_ops *ops = ops_of(registry, ours);

    *out = false;
    if (exactly)
        return written_alike(theirs, ours, out);
    if (!ops || ops != ops_of(registry, theirs) || !ops->anew)
        return LS_OK;
    *out = true;
    for (const char *const *name = ops->anew; *name && *out; name++)
        LS_TRY(
            written_alike(ls_config_get(arguments_of(theirs), *name), ls_config_get(arguments_of(ours), *name), out));
    return LS_OK;
}

/* Whose heirs are ours? First those that are the same, then those that were changed. */
static ls_status match(const ls_registry *registry, const ls_config *theirs, const ls_config *ours, ls_departure *d)
{
    bool *taken = ls_calloc(d->theirs, sizeof *taken, "the callbacks"), fits;
    size_t heirs = 0;
    ls_status st = taken ? LS_OK : LS_ERR_MEMORY;

    for (int exactly = 1; exactly >= 0 && st == LS_OK; exactly--) {
        size_t i = 0;

        for (const ls_config *a = ours ? ours->first : NULL; a; a = a->next, i++) {
            size_t k = 0;

            for (const ls_config *b = theirs ? theirs->first : NULL; b && d->place[i] == SIZE_MAX; b = b->next, k++) {
                if (taken[k])
                    continue;
                LS_TRY_CLEANUP(inherits(registry, b, a, exactly, &fits));
                if (fits) {
                    d->place[i] = k;
                    taken[k] = true;
                    heirs += (size_t)exactly;
                }
            }
        }
    }
    d->drops = heirs < d->theirs;
cleanup:
    ls_free(taken);
    return st;
}

static const ls_config *list_in(const ls_config *root)
{
    const ls_config *list = ls_config_get(root, "callbacks");

    return list && list->kind == LS_CONFIG_LIST && list->count ? list : NULL;
}

static ls_status compare_callbacks(const ls_registry *registry, const ls_config *theirs, const ls_config *ours,
                                   ls_departure *d)
{
    LS_TRY(add(&d->changes.kept, "callbacks", theirs, ours, &d->callbacks));
    d->ours = ours ? ours->count : 0;
    d->theirs = theirs ? theirs->count : 0;
    if (!d->callbacks)
        return LS_OK;
    if (!(d->place = ls_calloc(d->ours, sizeof *d->place, "the callbacks")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < d->ours; i++)
        d->place[i] = SIZE_MAX;
    return match(registry, theirs, ours, d);
}

ls_status ls_departure_find(const ls_registry *registry, const char *theirs, const char *ours, ls_departure *out)
{
    ls_config *a = NULL, *b = NULL;
    ls_status st = LS_OK;

    *out = (ls_departure){0};
    if (strcmp(theirs, ours) == 0)
        return LS_OK;
    LS_TRY_CLEANUP(ls_yaml_parse(theirs, strlen(theirs), "experiment", &a));
    LS_TRY_CLEANUP(ls_yaml_parse(ours, strlen(ours), "experiment", &b));
    LS_TRY_CLEANUP(compare_rates(a, b, out));
    LS_TRY_CLEANUP(compare_fit(ls_config_get(a, "fit"), ls_config_get(b, "fit"), out));
    st = compare_callbacks(registry, list_in(a), list_in(b), out);
cleanup:
    ls_config_free(a);
    ls_config_free(b);
    return st;
}
