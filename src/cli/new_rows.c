#include "cli/new_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
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

/* What import says of a row, without its advice about options of import. */
static ls_status fail_row(const char *message)
{
    const char *end = strstr(message, "; say --");

    if (!end)
        end = strstr(message, "; --");
    return ls_fail(LS_ERR_DATA,
                   "%.*s: every row must fit the data that the model was trained with: mend it, or take it out",
                   (int)(end ? end - message : (long)strlen(message)), message);
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
        st = fail_row(ls_error_message());
cleanup:
    ls_free(array);
    return st;
}
