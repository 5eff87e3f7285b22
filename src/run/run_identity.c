#include "run/run_identity.h"

#include <inttypes.h>
#include <string.h>

#include "formats/yaml.h"

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

ls_status ls_run_identity_check(const char *path, const char *theirs, const char *ours)
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
