/* What an import says it has made. */
#include <string.h>

#include "cli/h5_describe.h"
#include "cli/import.h"
#include "h5/file.h"
#include "h5/tree.h"

ls_status ls_cli_describe_split(const char *path, const char *split, ls_text *out)
{
    hid_t file = H5I_INVALID_HID;
    ls_h5_tree tree = {0};
    ls_text group = {0};
    const char *between = ": ";
    ls_status st;

    ls_text_add(&group, "/%s", split);
    LS_TRY_CLEANUP(group.status);
    LS_TRY_CLEANUP(ls_h5_open_read(path, &file));
    LS_TRY_CLEANUP(ls_h5_tree_read(file, group.data, &tree));
    ls_text_add(out, "%s", split);
    for (size_t i = 0; i < tree.n; i++) {
        ls_text_add(out, "%s%s ", between, strrchr(tree.node[i].path, '/') + 1);
        LS_TRY_CLEANUP(ls_describe_dataset(file, tree.node[i].path, out));
        between = ", ";
    }
    ls_text_add(out, "\n");
cleanup:
    ls_h5_tree_reset(&tree);
    ls_h5_close(file);
    ls_text_reset(&group);
    return st;
}
