/* Where the schema of experiments lies, beside the program itself. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/draft.h"

ls_status ls_draft_schema(char **out)
{
    static const char *const places[] = {"share", "../share"}; /* of a build, and of what is installed */
    char *const program = realpath("/proc/self/exe", NULL);
    ls_status st = LS_OK;

    *out = NULL;
    for (size_t i = 0; program && !*out && st == LS_OK && i < sizeof places / sizeof places[0]; i++) {
        ls_text path = {0};
        char *whole;

        ls_text_add(&path, "%.*s/%s/lockstep/experiment.schema.json", (int)(strrchr(program, '/') - program), program,
                    places[i]);
        st = path.status;
        if (st == LS_OK && (whole = realpath(path.data, NULL))) {
            st = (*out = ls_strdup(whole)) ? LS_OK : LS_ERR_MEMORY;
            free(whole);
        }
        ls_text_reset(&path);
    }
    free(program);
    return st;
}
