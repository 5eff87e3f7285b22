#include "cli/new_rows.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/import.h"
#include "data/import.h"

bool ls_is_table(const char *path)
{
    static const char *const ends[] = {".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (ls_ends_with(path, ends[i]))
            return true;
    return false;
}

/* An empty file that nobody else has; *out: its name, to be freed. */
static ls_status make_file(char **out)
{
    const char *const folder = getenv("TMPDIR");
    ls_text name = {0};
    int fd;

    ls_text_add(&name, "%s/lockstep-XXXXXX", folder && *folder ? folder : "/tmp");
    LS_TRY(name.status);
    if ((fd = mkstemp(name.data)) < 0) {
        const ls_status st = ls_file_fail_write(name.data, errno);

        ls_text_reset(&name);
        return st;
    }
    close(fd);
    *out = name.data;
    return LS_OK;
}

/* Each once. */
static ls_status add_arrays(const ls_prepared *list, size_t n, ls_setting *array, size_t *arrays)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;

        if (!list[i].array)
            return ls_fail(LS_ERR_DATA, "the model's file does not say which array '%s' is made of", list[i].name);
        while (k < *arrays && strcmp(array[k].key, list[i].array) != 0)
            k++;
        if (k == *arrays)
            array[(*arrays)++] = (ls_setting){.key = list[i].array};
    }
    return LS_OK;
}

/* What import says of the rows, without its advice about options of import. */
static ls_status fail_rows(const char *messages, size_t n)
{
    ls_text lines = {0};
    ls_status st;

    for (const char *line = messages; *line;) {
        const char *const next = line + strcspn(line, "\n");
        const char *end = strstr(line, "; say --");

        if (!end || end > next)
            end = strstr(line, "; --");
        if (!end || end > next)
            end = next;
        ls_text_add(&lines, "%.*s%s%s", (int)(end - line), line,
                    n == 1 || !*next ? ": every row must fit the data that the model was trained with: mend it, or "
                                       "take it out"
                                     : "",
                    *next ? "\n" : "");
        line = next + (*next == '\n');
    }
    st = lines.status == LS_OK ? ls_fail_lines(LS_ERR_DATA, lines.data, n) : lines.status;
    ls_text_reset(&lines);
    return st;
}

ls_status ls_new_rows_import(const char *model, const ls_preparation *p, const char *table, bool targets, char **out)
{
    const ls_setting whole = {.key = "new", .value = "1"};
    ls_setting *array = NULL;
    size_t arrays = 0;
    uint64_t dropped;
    ls_status st;

    if (!p->of_table)
        return ls_fail(LS_ERR_DATA,
                       "'%s' does not say how rows of a table are made ready for it: it was not trained on a file of "
                       "import csv (or by a lockstep that kept nothing of it). Import '%s' with --like and the "
                       "training data's file, then name the dataset file",
                       model, table);
    if (!(array = ls_calloc(p->xs + p->ys, sizeof *array, "arrays")))
        return LS_ERR_MEMORY;
    LS_TRY_CLEANUP(add_arrays(p->x, p->xs, array, &arrays));
    if (targets)
        LS_TRY_CLEANUP(add_arrays(p->y, p->ys, array, &arrays));
    LS_TRY_CLEANUP(make_file(out));
    st = ls_import_csv(&(ls_csv_import){.input = table,
                                        .splits = {&whole, 1},
                                        .in_order = true,
                                        .arrays = {array, arrays},
                                        .like = model,
                                        .keep_rows = true,
                                        .output = *out},
                       &dropped);
    if (st == LS_ERR_DATA)
        st = fail_rows(ls_error_message(), ls_error_count());
cleanup:
    ls_free(array);
    return st;
}

/* ---- images ---- */

/* Is there a folder in the folder, whose name does not begin with a dot? */
static ls_status has_folders(const char *path, bool *out)
{
    DIR *const d = opendir(path);

    *out = false;
    if (!d)
        return ls_fail(LS_ERR_IO, "cannot open the folder '%s': %s", path, strerror(errno));
    for (const struct dirent *entry; !*out && (entry = readdir(d)) != NULL;) {
        struct stat info;

        *out = entry->d_name[0] != '.' && fstatat(dirfd(d), entry->d_name, &info, 0) == 0 && S_ISDIR(info.st_mode);
    }
    closedir(d);
    return LS_OK;
}

/* As import images makes them: one input (height, width, 1 or 3) of bytes over 255. */
static bool takes_images(const ls_preparation *p, const ls_shape *shape)
{
    return p->xs == 1 && p->x[0].period == 1 && p->x[0].scale[0] == 1.0 / 255.0 && p->x[0].offset[0] == 0 &&
           shape->axes == 3 && (shape->dim[2] == 1 || shape->dim[2] == 3);
}

ls_status ls_new_images_import(const char *model, const ls_preparation *p, const ls_shape *shape, const char *folder,
                               char **out, ls_text *names, bool *has_y)
{
    const ls_setting whole = {.key = "new", .value = "1"};
    ls_images_import import = {.input = folder, .splits = {&whole, 1}};
    ls_images_report report = {0};
    ls_status st;

    if (!takes_images(p, shape))
        return ls_fail(
            LS_ERR_DATA,
            "'%s' does not take the images of the folder '%s': it was not trained on a file of import images "
            "(or by a lockstep that kept nothing of it)",
            model, folder);
    import.height = shape->dim[0];
    import.width = shape->dim[1];
    import.channels = shape->dim[2];
    LS_TRY(has_folders(folder, has_y));
    if (*has_y && (p->ys != 1 || !p->y[0].class_name))
        return ls_fail(LS_ERR_DATA, "'%s' does not say which classes the folders in '%s' are", model, folder);
    import.flat = !*has_y;
    if (*has_y) {
        import.class = (const char *const *)p->y[0].class_name;
        import.classes = p->y[0].classes;
    }
    LS_TRY(make_file(out));
    import.output = *out;
    st = ls_import_images(&import, &report);
    if (st != LS_OK)
        ls_cli_list_bad_images(&report);
    *names = report.names;
    report.names = (ls_text){0};
    ls_images_report_reset(&report);
    return st;
}
