/* A folder of images becomes a dataset: their splits, size and colours. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/path.h"
#include "cli/draft.h"
#include "cli/import.h"
#include "data/image.h"
#include "data/image_list.h"

#define LOOKED_AT 64 /* images that decide about the size of all */
#define SIDE_MAX 128 /* larger ones are made smaller: a first model need not see every pixel */

typedef struct folder {
    ls_setting split[3];
    char *path[3]; /* of those that are folders of their own */
    size_t splits;
    bool by_folder;
} folder;

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Folders of splits in it, or fractions. */
static ls_status find_splits(const char *root, folder *f)
{
    static const struct {
        const char *folder, *split;
    } known[] = {{"train", "train"}, {"valid", "valid"}, {"validation", "valid"}, {"val", "valid"}, {"test", "test"}};
    static const ls_setting shares[] = {{"train", "0.7"}, {"valid", "0.15"}, {"test", "0.15"}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char *path = ls_path_join(root, known[i].folder);

        if (!path)
            return LS_ERR_MEMORY;
        if (!is_folder(path) || (i > 0 && !f->splits) ||
            (f->splits && strcmp(f->split[f->splits - 1].key, known[i].split) == 0)) {
            ls_free(path);
            continue;
        }
        f->path[f->splits] = path;
        f->split[f->splits++] = (ls_setting){known[i].split, path};
    }
    f->by_folder = f->splits > 0;
    if (!f->by_folder) {
        memcpy(f->split, shares, sizeof shares);
        f->splits = 3;
    }
    return LS_OK;
}

/* The smallest height and width of some of them, cut to SIDE_MAX; colours if any has some. */
static ls_status find_size(const ls_image_list *list, size_t *height, size_t *width, size_t *channels)
{
    const size_t step = list->files / LOOKED_AT + 1;

    *height = *width = SIDE_MAX;
    *channels = 1;
    for (size_t i = 0; i < list->files; i += step) {
        ls_image image = {0};

        if (ls_image_read(list->file[i].path, &image) == LS_OK) { /* import tells of those that are damaged */
            *height = image.height < *height ? image.height : *height;
            *width = image.width < *width ? image.width : *width;
            *channels = image.channels > *channels ? image.channels : *channels;
        }
        ls_image_reset(&image);
    }
    return LS_OK;
}

ls_status ls_draft_images(const char *root, const char *dataset, ls_text *notes)
{
    ls_images_import import = {.seed = 1, .output = dataset};
    ls_images_report report = {0};
    ls_image_list list = {0};
    folder f = {0};
    ls_status st;

    LS_TRY_CLEANUP(find_splits(root, &f));
    LS_TRY_CLEANUP(ls_image_list_add(&list, f.by_folder ? f.split[0].value : root, 0));
    LS_TRY_CLEANUP(find_size(&list, &import.height, &import.width, &import.channels));
    import.input = f.by_folder ? NULL : root;
    import.splits = (ls_settings){f.split, f.splits};
    import.stratify = !f.by_folder;
    st = ls_import_images(&import, &report);
    if (st != LS_OK)
        ls_cli_list_bad_images(&report);
    LS_TRY_CLEANUP(st);
    ls_text_add(notes, "%s: %zu images%s of %zu classes: ", root, list.files, f.by_folder ? " to train on" : "",
                list.classes);
    for (size_t i = 0; i < list.classes && i < 8; i++)
        ls_text_add(notes, "%s%.40s", i ? ", " : "", list.class[i]);
    ls_text_add(notes, "%s\n", list.classes > 8 ? ", ..." : "");
    ls_text_add(notes, "made by: lockstep import images %s --size %zu,%zu --channels %zu", f.by_folder ? "" : root,
                import.height, import.width, import.channels);
    for (size_t i = 0; i < f.splits; i++)
        ls_text_add(notes, " --split %s=%s", f.split[i].key, f.split[i].value);
    ls_text_add(notes, "%s --output %s\n", f.by_folder ? "" : " --stratify", dataset);
    st = notes->status;
cleanup:
    ls_images_report_reset(&report);
    ls_image_list_reset(&list);
    for (size_t i = 0; i < 3; i++)
        ls_free(f.path[i]);
    return st;
}
