/*
 * The callbacks that an experiment can name, and its list of them. What it takes to add one: a file in
 * src/run/callbacks/ with an ls_callback_ops table, and one line in callbacks.h.
 */
#ifndef LS_RUN_CALLBACK_SPEC_H
#define LS_RUN_CALLBACK_SPEC_H

#include "base/options.h"
#include "lockstep/callback.h"

typedef struct ls_callback_ops {
    ls_ops ops;
    const char *const *texts; /* arguments that are not in ops.options, NULL-terminated; NULL: none */
    /* OPTIONAL. Reads those of args (never NULL) into config, which borrows from the tree. */
    ls_status (*parse)(void *config, const ls_config *args, const char *where);
    /* OPTIONAL. Frees what parse made; config may be half filled. */
    void (*reset)(void *config);
    /*
     * OPTIONAL, NULL-terminated. Arguments that its state belongs to: in a run that goes on with another of these it
     * begins anew, with others of the rest it keeps its state. NULL: any change makes it begin anew.
     */
    const char *const *anew;
    size_t context_bytes; /* zeroed; begins with a pointer to the config */
    /* OPTIONAL. Checks the arguments against the run and prepares the context. at: where it stands, for messages. */
    ls_status (*open)(void *context, ls_callback_run *run, const ls_config *at);
    /* OPTIONAL. */
    void (*close)(void *context);
    ls_callback_hooks hooks;
} ls_callback_ops;

extern const ls_registry ls_callback_registry;

/* One entry of `callbacks:`, parsed. */
typedef struct ls_callback_spec {
    ls_component component; /* ops is an ls_callback_ops */
    const ls_config *at;
} ls_callback_spec;

/* `callbacks:` of an experiment, a list or null. The tree must outlive the specs. */
ls_status ls_callback_specs_parse(const ls_config *list, ls_callback_spec **out, size_t *n);
void ls_callback_specs_free(ls_callback_spec *specs, size_t n);
const ls_callback_ops *ls_callback_spec_ops(const ls_callback_spec *spec);

/* What fit would say against the list, before there is anything to fit. */
ls_status ls_callback_specs_check(const ls_config *list);

#endif
