#include "run/callbacks/callbacks.h"

#include <math.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "run/run_files.h"

ls_status ls_callback_need(const ls_config *args, const char *key, const char *where, ls_config **out)
{
    if (args->kind != LS_CONFIG_MAP)
        return ls_config_fail(args, "%s needs '%s'", where, key);
    return ls_config_need(args, key, where, out);
}

/* ---- monitored values ---- */

enum { AUTO, MIN, MAX };

const char *const ls_monitor_modes[] = {"auto", "min", "max", NULL};

ls_status ls_monitor_parse(const ls_config *args, const char *where, const char **out)
{
    const ls_config *node = ls_config_get(args, "monitor");

    char place[128];

    *out = "val_loss";
    snprintf(place, sizeof place, "%s.monitor", where);
    return node ? ls_config_text(node, place, out) : LS_OK;
}

static ls_status fail_unknown(const ls_callback_run *run, const char *name, const ls_config *at)
{
    ls_text known = {0};
    ls_status st;

    for (size_t i = 0; i < run->logs; i++)
        ls_text_add(&known, "%s%s", i ? ", " : "", run->known[i].name);
    st = known.status;
    if (st == LS_OK)
        st = ls_config_fail(at, "monitor: there will be no '%.80s' in the logs; there will be: %s%s", name, known.data,
                            strncmp(name, "val_", 4) == 0 && run->logs && !run->trainer->task->validation
                                ? "; for val_ logs add validation_data or validation_split to fit"
                                : "");
    ls_text_reset(&known);
    return st;
}

ls_status ls_monitor_resolve(const ls_callback_run *run, const char *name, int mode, double min_delta,
                             const ls_config *at, ls_monitor *out)
{
    bool known = false;

    *out = (ls_monitor){.name = name, .rises = mode == MAX, .min_delta = (float)fabs(min_delta)};
    for (size_t i = 0; i < run->logs; i++)
        known |= strcmp(run->known[i].name, name) == 0;
    if (!known)
        return fail_unknown(run, name, at);
    if (mode == AUTO) {
        const int direction =
            ls_scores_direction(run->trainer->scores, strncmp(name, "val_", 4) == 0 ? name + 4 : name);

        if (direction == LS_METRIC_UNKNOWN)
            return ls_config_fail(at,
                                  "monitor: it is not known whether '%s' should rise or fall; add `mode: max` or "
                                  "`mode: min`",
                                  name);
        out->rises = direction == LS_METRIC_UP;
    }
    return LS_OK;
}

bool ls_monitor_improves(const ls_monitor *monitor, double value, const ls_best *reference)
{
    const float current = (float)value;

    if (!reference->any)
        return true;
    return monitor->rises ? current - monitor->min_delta > reference->value
                          : current + monitor->min_delta < reference->value;
}

ls_status ls_best_state(ls_best *best, ls_state *state)
{
    LS_TRY(ls_state_flag(state, "has_best", &best->any));
    return ls_state_float(state, "best", &best->value);
}

/* ---- learning rates ---- */

const char *const ls_adds_learning_rate[] = {LS_LOG_LEARNING_RATE, NULL};

ls_status ls_needs_constant_rate(const ls_callback_run *run, const char *name, const ls_config *at)
{
    const ls_component *schedule = &run->trainer->experiment->optimizer.common.learning_rate_schedule;

    if (!schedule->ops)
        return LS_OK;
    return ls_config_fail(at,
                          "%s cannot change the learning rate, which follows the schedule %s; make the optimizer's "
                          "learning_rate a number, or remove this callback",
                          name, schedule->ops->name);
}

/* ---- files ---- */

char *ls_callback_path(const ls_callback_run *run, const char *path)
{
    return path[0] == '/' ? ls_strdup(path) : ls_path_join(run->directory, path);
}

/* name: in the directory of the run. */
static ls_status check_name(const char *name, const char *path, const ls_config *at)
{
    static const char *const reserved[] = {LS_RUN_FILES};
    bool is_reserved = strncmp(name, LS_RUN_OLDER_CHECKPOINT, strlen(LS_RUN_OLDER_CHECKPOINT)) == 0;

    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        is_reserved |= strcmp(name, reserved[i]) == 0;
    return is_reserved ? ls_config_fail(at, "'%s' is a file that every run writes itself; choose another name", path)
                       : LS_OK;
}

ls_status ls_check_not_reserved(const char *path, const ls_config *at)
{
    char *const plain = ls_path_plain(path);
    const ls_status st = plain ? check_name(plain, path, at) : LS_ERR_MEMORY;

    ls_free(plain);
    return st;
}

/* path from the root on, without links as far as it is there; NULL: out of memory. */
static char *absolute(const char *path)
{
    char here[PATH_MAX] = "/", real[PATH_MAX];
    char *full, *plain;

    if (realpath(path, real))
        return ls_strdup(real);
    if (path[0] == '/' || !getcwd(here, sizeof here))
        return ls_path_plain(path);
    full = ls_path_join(here, path);
    plain = full ? ls_path_plain(full) : NULL;
    ls_free(full);
    return plain;
}

ls_status ls_check_not_reserved_in(const ls_callback_run *run, const char *path, const ls_config *at)
{
    char *const joined = run->directory ? ls_callback_path(run, path) : NULL;
    char *const slash = joined ? strrchr(joined, '/') : NULL;
    char *place = NULL, *directory = NULL;
    ls_status st = LS_OK;

    if (!run->directory)
        return LS_OK;
    if (slash)
        *slash = '\0';
    place = joined ? absolute(slash && slash > joined ? joined : "/") : NULL;
    directory = absolute(run->directory);
    if (!place || !directory)
        st = LS_ERR_MEMORY;
    else if (slash && strcmp(place, directory) == 0)
        st = check_name(slash + 1, path, at);
    ls_free(place);
    ls_free(directory);
    ls_free(joined);
    return st;
}
