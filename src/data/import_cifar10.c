/*
 * CIFAR-10's binary files to an HDF5 dataset file. A record: one byte of label, then 1024 bytes of red, 1024 of green
 * and 1024 of blue, each in rows (https://www.cs.toronto.edu/~kriz/cifar.html). batches.meta.txt: a class name a line.
 */
#include "data/import.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/scatter.h"
#include "h5/output.h"

enum { CLASSES = 10, SIDE = 32, CHANNELS = 3, PIXELS = SIDE * SIDE, RECORD = 1 + CHANNELS * PIXELS, FILES_MAX = 5 };

#define PIECE 128 /* records read at a time */

typedef struct split {
    const char *name;
    const char *file[FILES_MAX + 1]; /* NULL-terminated */
} split;

static const split splits[] = {
    {"train", {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"}},
    {"test", {"test_batch.bin"}},
};

typedef struct job {
    const char *folder, *output;
    int deflate;
    char class[CLASSES][64];
    hid_t x, y; /* of the split at hand */
    unsigned char record[PIECE * RECORD], image[PIECE * CHANNELS * PIXELS], label[PIECE];
} job;

static ls_status open_file(const job *j, const char *name, char **path, FILE **file)
{
    *file = NULL;
    if (!(*path = ls_path_join(j->folder, name)))
        return LS_ERR_MEMORY;
    if (!(*file = fopen(*path, "rb")))
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", *path, strerror(errno));
    return LS_OK;
}

static ls_status read_classes(job *j)
{
    char line[128], *path = NULL;
    FILE *file = NULL;
    size_t n = 0;
    ls_status st;

    LS_TRY_CLEANUP(open_file(j, "batches.meta.txt", &path, &file));
    while (fgets(line, sizeof line, file)) {
        const size_t length = strcspn(line, "\r\n");

        if (length == 0)
            continue;
        if (n < CLASSES && length < sizeof j->class[0])
            memcpy(j->class[n], line, length);
        n++;
    }
    if (n != CLASSES)
        st = ls_fail(LS_ERR_FORMAT, "%s names %zu classes; CIFAR-10 has %d", path, n, CLASSES);
cleanup:
    if (file)
        fclose(file);
    ls_free(path);
    return st;
}

/* Records of a file, by its length. */
static ls_status count_records(const job *j, const char *name, uint64_t *records)
{
    char *const path = ls_path_join(j->folder, name);
    struct stat info;
    ls_status st = LS_OK;

    if (!path)
        return LS_ERR_MEMORY;
    if (stat(path, &info) != 0)
        st = ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    else if (!S_ISREG(info.st_mode) || info.st_size == 0 || info.st_size % RECORD != 0)
        st = ls_fail(LS_ERR_FORMAT, "%s has %lld bytes, which is no whole number of CIFAR-10's records of %d", path,
                     (long long)info.st_size, RECORD);
    else
        st = ls_h5_output_check(j->output, (const char *const *)&path, 1);
    *records = st == LS_OK ? (uint64_t)info.st_size / RECORD : 0;
    ls_free(path);
    return st;
}

/* Rows [first, first + records) of the split. */
static ls_status copy_file(job *j, const char *name, uint64_t first, uint64_t records)
{
    char *path = NULL;
    FILE *file = NULL;
    ls_status st;

    LS_TRY_CLEANUP(open_file(j, name, &path, &file));
    for (uint64_t row = 0; row < records; row += PIECE) {
        const size_t n = records - row < PIECE ? (size_t)(records - row) : PIECE;

        if (fread(j->record, RECORD, n, file) != n) {
            st = ls_fail(LS_ERR_IO, "cannot read '%s': %s", path,
                         ferror(file) ? strerror(errno) : "it has become shorter");
            goto cleanup;
        }
        for (size_t i = 0; i < n; i++) {
            const unsigned char *const record = j->record + i * RECORD;

            if ((j->label[i] = record[0]) >= CLASSES) {
                st = ls_fail(LS_ERR_DATA, "%s: record %llu has label %d; there are 0 to %d", path,
                             (unsigned long long)(row + i), record[0], CLASSES - 1);
                goto cleanup;
            }
            ls_channels_to_last((const char *)record + 1, CHANNELS, PIXELS, 1,
                                (char *)j->image + i * CHANNELS * PIXELS);
        }
        if (!ls_h5_write_rows(j->x, H5T_NATIVE_UINT8, first + row, n, j->image) ||
            !ls_h5_write_rows(j->y, H5T_NATIVE_UINT8, first + row, n, j->label)) {
            st = ls_h5_output_fail(j->output);
            goto cleanup;
        }
    }
cleanup:
    if (file)
        fclose(file);
    ls_free(path);
    return st;
}

static ls_status create_datasets(job *j, hid_t group, uint64_t rows)
{
    static const double scale = 1.0 / 255.0;
    const hsize_t dim[] = {rows, SIDE, SIDE, CHANNELS};
    const char *class[CLASSES];

    for (size_t i = 0; i < CLASSES; i++)
        class[i] = j->class[i];
    j->x = ls_h5_create_rows(group, "x", H5T_STD_U8LE, 4, dim, j->deflate);
    j->y = ls_h5_create_rows(group, "y", H5T_STD_U8LE, 1, dim, j->deflate);
    return j->x >= 0 && j->y >= 0 && ls_h5_add_doubles(j->x, "scale", &scale, 1, true) &&
                   ls_h5_add_texts(j->y, "classes", class, CLASSES, false)
               ? LS_OK
               : ls_h5_output_fail(j->output);
}

static ls_status write_split(job *j, hid_t file, const split *s)
{
    const hid_t group = ls_h5_create_group(file, s->name);
    uint64_t records[FILES_MAX] = {0}, rows = 0, row = 0;
    ls_status st = group < 0 ? ls_h5_output_fail(j->output) : LS_OK;
    bool failed = false;

    j->x = j->y = H5I_INVALID_HID;
    for (size_t i = 0; st == LS_OK && s->file[i]; i++) {
        st = count_records(j, s->file[i], &records[i]);
        rows += records[i];
    }
    if (st == LS_OK)
        st = create_datasets(j, group, rows);
    for (size_t i = 0; st == LS_OK && s->file[i]; row += records[i++])
        st = copy_file(j, s->file[i], row, records[i]);
    failed |= j->x >= 0 && H5Dclose(j->x) < 0;
    failed |= j->y >= 0 && H5Dclose(j->y) < 0;
    failed |= group >= 0 && H5Gclose(group) < 0;
    if (failed && st == LS_OK)
        st = ls_h5_output_fail(j->output);
    return st;
}

ls_status ls_import_cifar10(const char *folder, const char *output, int deflate)
{
    job *const j = ls_calloc(1, sizeof *j, "CIFAR-10");
    ls_h5_output out = {.file = H5I_INVALID_HID};
    ls_status st;

    if (!j)
        return LS_ERR_MEMORY;
    j->folder = folder;
    j->output = output;
    j->deflate = deflate;
    LS_TRY_CLEANUP(ls_h5_output_check_deflate(deflate));
    LS_TRY_CLEANUP(ls_h5_output_check(output, NULL, 0));
    LS_TRY_CLEANUP(read_classes(j));
    if ((st = ls_h5_output_begin(output, &out)) == LS_OK) {
        for (size_t s = 0; st == LS_OK && s < sizeof splits / sizeof splits[0]; s++)
            st = write_split(j, out.file, &splits[s]);
        if (st == LS_OK)
            st = ls_h5_output_commit(&out);
    }
    ls_h5_output_end(&out);
cleanup:
    ls_free(j);
    return st;
}
