#include "run/run_identity.h"

#include <inttypes.h>
#include <string.h>

#include "formats/yaml.h"
#include "nn/optimizer.h"

/* 0: null. */
static void add_count(ls_text *out, const char *name, int64_t value)
{
    if (!value)
        ls_text_add(out, "%s: null\n", name);
    else
        ls_text_add(out, "%s: %" PRId64 "\n", name, value);
}

ls_status ls_run_identity(const ls_trainer *t, const ls_callbacks *callbacks, ls_text *out)
{
    const ls_experiment *e = t->experiment;
    ls_text experiment = {0};
    ls_config *root = NULL;
    ls_status st;

    ls_text_add(out, "seed: %" PRIu64 "\nbatch_size: %" PRId64 "\nmicrobatch: %" PRId64 "\nshuffle: %s", e->seed,
                e->fit.batch_size, e->fit.microbatch, e->fit.shuffle ? "true" : "false");
    if (t->task->train->windows.window)
        ls_text_add(out, ", in windows of %" PRIu64 " chunks of %" PRIu64, t->task->train->windows.window,
                    t->task->train->windows.chunk);
    ls_text_add(out, "\n");
    add_count(out, "steps_per_epoch", e->fit.steps_per_epoch);
    ls_text_add(out, "initial_epoch: %" PRId64 "\n", e->fit.initial_epoch);
    if (e->distributed.wire_bits == LS_WIRE_BITS_SHORT)
        ls_text_add(out, "wire_bits: 40\n");
    ls_text_add(out, "reduction: %s\ngrid: %s\ntraining data: ", ls_reduction_names[e->distributed.reduction],
                ls_grid_names[e->distributed.grid]);
    LS_TRY(ls_split_identity(t->task->train, out));
    ls_text_add(out, "\nclass_weight:");
    for (size_t i = 0; i < e->fit.class_weights; i++)
        ls_text_add(out, " %" PRId64 "=%a", e->fit.class_weight[i].label, (double)e->fit.class_weight[i].weight);
    ls_text_add(out, "\n");
    if (t->noise)
        ls_text_add(out, "noise_scale: %a\n", e->fit.noise_scale_decay);
    LS_TRY_CLEANUP(ls_experiment_write(e, t->model, true, &experiment));
    LS_TRY_CLEANUP(ls_yaml_parse(experiment.data, experiment.length, "experiment", &root));
    for (ls_config *c = root->first; c; c = c->next)
        if (strcmp(c->key, "model") == 0 || strcmp(c->key, "compile") == 0 || strcmp(c->key, "callbacks") == 0) {
            ls_text_add(out, "%s:\n", c->key);
            ls_yaml_write(c, out);
        }
    for (size_t i = callbacks ? callbacks->specs : 0; callbacks && i < callbacks->n; i++)
        ls_text_add(out, "callback of the program: %s\n", callbacks->callback[i].name);
    if (callbacks && callbacks->n && t->task->validation) { /* callbacks decide by it */
        add_count(out, "validation_freq", e->fit.validation_freq);
        add_count(out, "validation_steps", e->fit.validation_steps);
        if (e->fit.validation_steps > 0 || ls_needs_binary_check(t->task)) /* else it shapes no number */
            add_count(out, "validation_batch_size", e->fit.validation_batch_size);
        ls_text_add(out, "validation data: ");
        LS_TRY_CLEANUP(ls_split_identity(t->task->validation, out));
    }
    st = out->status;
cleanup:
    ls_text_reset(&experiment);
    ls_config_free(root);
    return st;
}

/* ---- comparing ---- */

/* An identity in parts. */
typedef struct parts {
    ls_text same;       /* what must be the same */
    ls_text validation; /* what must be if both runs have callbacks that decide by it; empty: they do not */
} parts;

static void reset_parts(parts *p)
{
    ls_text_reset(&p->same);
    ls_text_reset(&p->validation);
}

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

/* Does a line of the identity end what stands before it: the YAML of model, compile or callbacks? */
static bool ends_yaml(const char *line)
{
    return begins(line, "model:\n") || begins(line, "compile:\n") || begins(line, "callbacks:\n") ||
           begins(line, "callback of the program:") || begins(line, "validation");
}

/* The entry whose key comes next after this one, in the order of strcmp. */
static const ls_config *next_by_name(const ls_config *map, const char *after)
{
    const ls_config *next = NULL;

    for (const ls_config *c = map && map->kind == LS_CONFIG_MAP ? map->first : NULL; c; c = c->next)
        if (strcmp(c->key, after) > 0 && (!next || strcmp(c->key, next->key) < 0))
            next = c;
    return next;
}

/* The optimizer with all it was given but its learning rate, in one way of writing it. */
static ls_status put_optimizer(const ls_config *optimizer, ls_config *out)
{
    const ls_config *class_name = ls_config_get(optimizer, "class_name"), *args = NULL;
    const char *name = "rmsprop"; /* Keras's default */
    const ls_ops *ops;
    ls_config *chosen;

    if (class_name) {
        name = class_name->text;
        args = ls_config_get(optimizer, "config");
    } else if (!ls_config_is_null(optimizer) && optimizer->kind == LS_CONFIG_SCALAR) {
        name = optimizer->text;
    } else if (!ls_config_is_null(optimizer) && optimizer->first) {
        name = optimizer->first->key;
        args = optimizer->first;
    }
    ops = name ? ls_registry_find(&ls_optimizers, name) : NULL;
    if (!(chosen = ls_config_add(out, "optimizer", LS_CONFIG_MAP, NULL)) ||
        !(chosen = ls_config_add(chosen, ops ? ops->name : "?", LS_CONFIG_MAP, NULL)))
        return LS_ERR_MEMORY;
    for (const ls_config *c = next_by_name(args, ""); c; c = next_by_name(args, c->key))
        if (strcmp(c->key, "learning_rate") != 0)
            LS_TRY(ls_config_put(chosen, c->key, c));
    return LS_OK;
}

/* n bytes of YAML, of `compile`. */
static ls_status add_compile(const char *text, size_t n, ls_text *out)
{
    ls_config *compile = NULL, *plain = ls_config_create(LS_CONFIG_MAP, "compile");
    ls_status st = plain ? LS_OK : LS_ERR_MEMORY;

    LS_TRY_CLEANUP(st);
    LS_TRY_CLEANUP(ls_yaml_parse(text, n, "compile", &compile));
    LS_TRY_CLEANUP(put_optimizer(ls_config_get(compile, "optimizer"), plain));
    for (const ls_config *c = compile->kind == LS_CONFIG_MAP ? compile->first : NULL; c; c = c->next)
        if (strcmp(c->key, "optimizer") != 0)
            LS_TRY_CLEANUP(ls_config_put(plain, c->key, c));
    ls_yaml_write(plain, out);
    st = out->status;
cleanup:
    ls_config_free(compile);
    ls_config_free(plain);
    return st;
}

static ls_status split(const char *text, parts *out)
{
    while (*text) {
        const char *const end = text + strcspn(text, "\n"), *next = end + (*end != '\0');

        if (begins(text, "compile:\n") || begins(text, "callbacks:\n")) {
            const bool compile = begins(text, "compile:\n");
            const char *const yaml = next;

            while (*next && !ends_yaml(next))
                next += strcspn(next, "\n") + (next[strcspn(next, "\n")] != '\0');
            if (compile)
                LS_TRY(add_compile(yaml, (size_t)(next - yaml), &out->same));
        } else {
            ls_text_add_bytes(begins(text, "validation") ? &out->validation : &out->same, text, (size_t)(next - text));
        }
        text = next;
    }
    return out->same.status != LS_OK ? out->same.status : out->validation.status;
}

/* LS_ERR_MISMATCH naming the first line in which the two differ. */
static ls_status compare(const char *path, const char *theirs, const char *ours)
{
    while (*theirs || *ours) {
        const size_t a = strcspn(theirs, "\n"), b = strcspn(ours, "\n");

        if (a != b || memcmp(theirs, ours, a) != 0)
            return ls_fail(
                LS_ERR_MISMATCH,
                "'%s' is of another experiment: it has '%.*s' where this one has '%.*s'; use another --output, "
                "or train without --resume",
                path, (int)(a < 200 ? a : 200), theirs, (int)(b < 200 ? b : 200), ours);
        theirs += a + (theirs[a] == '\n');
        ours += b + (ours[b] == '\n');
    }
    return LS_OK;
}

ls_status ls_run_identity_check(const char *path, const char *theirs, const char *ours)
{
    parts a = {0}, b = {0};
    ls_status st;

    LS_TRY_CLEANUP(split(theirs, &a));
    LS_TRY_CLEANUP(split(ours, &b));
    LS_TRY_CLEANUP(compare(path, a.same.data ? a.same.data : "", b.same.data ? b.same.data : ""));
    if (a.validation.length && b.validation.length)
        st = compare(path, a.validation.data, b.validation.data);
cleanup:
    reset_parts(&a);
    reset_parts(&b);
    return st;
}
