#include "run/run_files.h"

#include <stdbool.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"

static bool is_directory(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The first of these files that is there; *out stays NULL if none is. */
static ls_status find_first(const char *directory, const char *const *names, size_t n, char **out)
{
    for (size_t i = 0; i < n; i++) {
        char *const path = ls_path_join(directory, names[i]);

        if (!path)
            return LS_ERR_MEMORY;
        if (ls_file_exists(path)) {
            *out = path;
            return LS_OK;
        }
        ls_free(path);
    }
    return LS_OK;
}

ls_status ls_run_model_file(const char *path, bool or_experiment, char **out)
{
    static const char *const names[] = {LS_RUN_MODEL, LS_RUN_CHECKPOINT, LS_RUN_EXPERIMENT};

    *out = NULL;
    if (!is_directory(path))
        return (*out = ls_strdup(path)) ? LS_OK : LS_ERR_MEMORY;
    LS_TRY(find_first(path, names, or_experiment ? 3 : 2, out));
    return *out ? LS_OK
                : ls_fail(LS_ERR_IO,
                          "'%s' is a directory, and not one of a run that has come so far: it has neither " LS_RUN_MODEL
                          " nor " LS_RUN_CHECKPOINT "%s",
                          path, or_experiment ? " nor " LS_RUN_EXPERIMENT : "");
}
