/* Folders of pictures to an HDF5 dataset file. See import.h. */
#include "data/import.h"

#include <string.h>

#include "base/memory.h"
#include "data/deal.h"
#include "data/image.h"
#include "data/image_list.h"
#include "h5/output.h"

#define LISTED_MAX 20 /* images in a list for people */

/* A file that was left out. */
typedef struct skip {
    char *image; /* its path below the folder, "CLASS/NAME.png"; with "SPLIT/" before where splits have their own */
    char *reason;
} skip;

typedef struct job {
    const ls_images_import *import;
    ls_images_report *report;
    size_t train; /* the split that says which classes there are */
    ls_image_list list;
    skip *skipped; /* (report->skipped) */
    ls_rows rows;
    size_t height, width, channels; /* of all images */
    const char *model;              /* the image that has them */
    bool image_failed;              /* it is an image that the failure is about */
} job;

static ls_status check_arguments(const ls_images_import *import, size_t *train)
{
    LS_TRY(ls_h5_output_check_deflate(import->deflate));
    LS_TRY(ls_splits_check(&import->splits, train));
    if (import->channels != 0 && import->channels != 1 && import->channels != 3)
        return ls_fail(LS_ERR_USAGE, "images have 1 channel (gray) or 3 (red, green, blue), not %zu", import->channels);
    if (import->height || import->width)
        LS_TRY(ls_image_check_size("the size to resize to", import->height, import->width));
    if (import->stratify && !import->input)
        return ls_fail(LS_ERR_USAGE, "splits that are folders of their own cannot be stratified");
    return LS_OK;
}

/* The training images first: they decide which classes there are. */
static ls_status list_images(job *j)
{
    const ls_settings *const splits = &j->import->splits;

    if (j->import->flat)
        return ls_image_list_add_flat(&j->list, j->import->input, 0);
    if (j->import->class)
        LS_TRY(ls_image_list_set_classes(&j->list, j->import->class, j->import->classes));
    if (j->import->input)
        return ls_image_list_add(&j->list, j->import->input, 0);
    LS_TRY(ls_image_list_add(&j->list, splits->at[j->train].value, j->train));
    for (size_t s = 0; s < splits->n; s++)
        if (s != j->train)
            LS_TRY(ls_image_list_add(&j->list, splits->at[s].value, s));
    return LS_OK;
}

static ls_status check_output(const job *j)
{
    for (size_t i = 0; i < j->list.files; i++) {
        const char *const path = j->list.file[i].path;

        LS_TRY(ls_h5_output_check(j->import->output, &path, 1));
    }
    return LS_OK;
}

static ls_status deal_images(job *j)
{
    const ls_images_import *const import = j->import;
    const size_t n = j->list.files;
    size_t *const split = ls_calloc(n, sizeof *split, "images");
    double *const class = ls_calloc(n, sizeof *class, "images");
    const ls_deal deal = {.splits = &import->splits,
                          .source = import->input,
                          .split = split,
                          .stratum = import->stratify ? class : NULL,
                          .seed = import->seed,
                          .shuffle = import->shuffle};
    ls_status st = LS_ERR_MEMORY;

    if (split && class) {
        for (size_t i = 0; i < n; i++) {
            split[i] = j->list.file[i].split;
            class[i] = (double)j->list.file[i].class;
        }
        st = ls_rows_deal(&deal, n, &j->rows);
    }
    ls_free(split);
    ls_free(class);
    return st;
}

/* What is not asked for is as in the first image that can be read. */
static ls_status choose_form(job *j)
{
    ls_image image = {0};
    ls_status st = LS_OK;

    if (j->height && j->channels)
        return LS_OK;
    for (size_t i = 0; i < j->list.files; i++) {
        st = ls_image_read(j->model = j->list.file[i].path, &image);
        if (st == LS_OK || st == LS_ERR_MEMORY)
            break;
    }
    if (!j->height) {
        j->height = image.height;
        j->width = image.width;
    }
    if (!j->channels)
        j->channels = image.channels;
    ls_image_reset(&image);
    j->image_failed = st != LS_OK && st != LS_ERR_MEMORY;
    return st;
}

/* In the form that all have. To be reset also after a failure. */
static ls_status read_image(const job *j, const char *path, ls_image *image)
{
    LS_TRY(ls_image_read(path, image));
    if (!j->import->channels && image->channels != j->channels)
        return ls_fail(LS_ERR_DATA, "%s is %s, but the first image, %s, is not; say --channels 1 or --channels 3", path,
                       image->channels == 1 ? "gray" : "in colour", j->model);
    if (!j->import->height && (image->height != j->height || image->width != j->width))
        return ls_fail(LS_ERR_DATA,
                       "%s is %zu pixels high and %zu wide, but the first image, %s, is %zu x %zu; say --size "
                       "HEIGHT,WIDTH to make them equal",
                       path, image->height, image->width, j->model, j->height, j->width);
    LS_TRY(ls_image_set_channels(image, j->channels));
    return ls_image_resize(image, j->height, j->width);
}

/* ---- images that cannot be imported ---- */

/* Line number n, from 0, of a list. */
static void add_line(ls_text *lines, uint64_t n, const char *text)
{
    if (n < LISTED_MAX)
        ls_text_add(lines, "  %s\n", text);
}

static void end_lines(ls_text *lines, uint64_t n)
{
    if (n > LISTED_MAX)
        ls_text_add(lines, "  and %llu more\n", (unsigned long long)n - LISTED_MAX);
}

/*
 * An image cannot be imported, and people want to hear of all such at once: every image is looked at. One alone is the
 * message; of more it is the first. Returns the failure.
 */
static ls_status fail_images(const job *j)
{
    ls_images_report *const report = j->report;
    char first[400] = "";
    uint64_t damaged = 0;
    ls_status failure = LS_OK;

    for (size_t i = 0; i < j->list.files; i++) {
        ls_image image = {0};
        const ls_status st = read_image(j, j->list.file[i].path, &image);

        ls_image_reset(&image);
        if (st == LS_OK)
            continue;
        if (st == LS_ERR_MEMORY)
            return st;
        if (report->bad == 0) {
            failure = st;
            snprintf(first, sizeof first, "%s", ls_error_message());
        }
        damaged += st == LS_ERR_FORMAT;
        add_line(&report->bad_lines, report->bad++, ls_error_message());
    }
    end_lines(&report->bad_lines, report->bad);
    LS_TRY(report->bad_lines.status);
    if (report->bad == 0)
        return ls_fail(LS_ERR_IO, "the images of '%s' change while they are read: start again",
                       j->import->input ? j->import->input : j->import->splits.at[0].value);
    if (report->bad == 1)
        return ls_fail(failure, "%s%s", first, damaged ? "; --skip-damaged leaves it out" : "");
    ls_fail(failure, "%llu of %zu images cannot be imported, the first: %s", (unsigned long long)report->bad,
            j->list.files, first);
    return damaged ? ls_fail(failure, "%s; --skip-damaged leaves out the %llu that are damaged", ls_error_message(),
                             (unsigned long long)damaged)
                   : failure;
}

/* What follows `begin` in a path, without slashes. */
static const char *below(const char *path, const char *begin)
{
    const size_t n = strlen(begin);

    path += strncmp(path, begin, n) == 0 ? n : 0;
    return path + strspn(path, "/");
}

/* The message of this thread is the reason. */
static ls_status skip_image(job *j, const ls_image_file *file)
{
    const ls_setting *const split = &j->import->splits.at[file->split];
    const char *const message = ls_error_message();
    const size_t n = strlen(file->path);
    ls_text image = {0};
    skip *out;

    if (!j->skipped && !(j->skipped = ls_calloc(j->list.files, sizeof *j->skipped, "the names of images")))
        return LS_ERR_MEMORY;
    out = &j->skipped[j->report->skipped];
    add_line(&j->report->skipped_lines, j->report->skipped++, message);
    if (j->import->input)
        ls_text_add(&image, "%s", below(file->path, j->import->input));
    else
        ls_text_add(&image, "%s/%s", split->key, below(file->path, split->value));
    out->image = image.data;
    out->reason = ls_strdup(strncmp(message, file->path, n) == 0 && message[n] == ' ' ? message + n + 1 : message);
    return image.status == LS_OK && out->reason ? LS_OK : LS_ERR_MEMORY;
}

/* A folder of which every image was left out would be a class without a sample. */
static ls_status check_folders(const job *j)
{
    const ls_image_list *const list = &j->list;
    const size_t splits = j->import->input ? 1 : j->import->splits.n;
    size_t *const left = ls_calloc(splits * list->classes, sizeof *left, "classes");
    ls_status st = left ? LS_OK : LS_ERR_MEMORY;

    for (size_t i = 0; left && i < list->files; i++)
        left[list->file[i].split * list->classes + list->file[i].class]++;
    for (size_t i = 0; left && i < splits * list->classes && st == LS_OK; i++)
        if (left[i] == 0 && (j->import->input || i / list->classes == j->train))
            st = ls_fail(LS_ERR_DATA, "every image of the class '%s' is damaged: none is left to learn it from",
                         list->class[i % list->classes]);
    ls_free(left);
    return st;
}

/* Take what is damaged out of the list, whose order stays. */
static ls_status skip_damaged(job *j)
{
    ls_image_list *const list = &j->list;
    size_t kept = 0;
    ls_status failure = LS_OK;

    for (size_t i = 0; i < list->files; i++) {
        const ls_image_file file = list->file[i];
        ls_image image = {0};
        const ls_status st = failure == LS_OK ? ls_image_read(file.path, &image) : LS_OK;

        ls_image_reset(&image);
        if (st == LS_ERR_FORMAT)
            failure = skip_image(j, &file);
        else if (st == LS_ERR_MEMORY)
            failure = st;
        if (st == LS_ERR_FORMAT)
            ls_free(file.path);
        else
            list->file[kept++] = file;
    }
    list->files = kept;
    end_lines(&j->report->skipped_lines, j->report->skipped);
    if (failure == LS_OK)
        failure = j->report->skipped_lines.status;
    return failure == LS_OK && j->report->skipped ? check_folders(j) : failure;
}

/* ---- writing ---- */

static void note_name(const job *j, const char *path)
{
    const char *const name = j->import->input ? below(path, j->import->input) : path;

    if (j->import->flat || j->import->class)
        ls_text_add_bytes(&j->report->names, name, strlen(name) + 1);
}

static void note_flaw(ls_images_report *report, const char *path, const char *flaw)
{
    if (*flaw && report->flawed++ == 0)
        ls_text_add(&report->flaw, "%s: %s", path, flaw);
}

static ls_status write_images(job *j, hid_t dataset, const size_t *row, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        const char *const path = j->list.file[row[i]].path;
        ls_image image = {0};
        ls_status st = read_image(j, path, &image);

        j->image_failed = st != LS_OK && st != LS_ERR_MEMORY;
        note_flaw(j->report, path, image.flaw);
        note_name(j, path);
        if (st == LS_OK && !ls_h5_write_rows(dataset, H5T_NATIVE_UINT8, i, 1, image.pixels))
            st = ls_h5_output_fail(j->import->output);
        ls_image_reset(&image);
        LS_TRY(st);
    }
    return LS_OK;
}

static ls_status write_x(job *j, hid_t group, const size_t *row, size_t rows)
{
    static const double scale = 1.0 / 255.0;
    const hsize_t dim[] = {rows, j->height, j->width, j->channels};
    const hid_t dataset = ls_h5_create_rows(group, "x", H5T_STD_U8LE, 4, dim, j->import->deflate);
    ls_status st;

    if (dataset < 0 || !ls_h5_add_doubles(dataset, "scale", &scale, 1, true))
        st = ls_h5_output_fail(j->import->output);
    else
        st = write_images(j, dataset, row, rows);
    if (dataset >= 0 && H5Dclose(dataset) < 0 && st == LS_OK)
        st = ls_h5_output_fail(j->import->output);
    return st;
}

static ls_status write_y(const job *j, hid_t group, const size_t *row, size_t rows)
{
    const hid_t type = j->list.classes <= 256 ? H5T_STD_U8LE : H5T_STD_U16LE;
    const hsize_t dim = rows;
    uint16_t *const label = ls_calloc(rows, sizeof *label, "labels");
    const hid_t dataset = label ? ls_h5_create_rows(group, "y", type, 1, &dim, j->import->deflate) : H5I_INVALID_HID;
    ls_status st = LS_OK;

    if (!label)
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < rows; i++)
        label[i] = (uint16_t)j->list.file[row[i]].class;
    if (dataset < 0 ||
        !ls_h5_add_texts(dataset, "classes", (const char *const *)j->list.class, j->list.classes, false) ||
        !ls_h5_write_rows(dataset, H5T_NATIVE_UINT16, 0, rows, label))
        st = ls_h5_output_fail(j->import->output);
    if (dataset >= 0 && H5Dclose(dataset) < 0 && st == LS_OK)
        st = ls_h5_output_fail(j->import->output);
    ls_free(label);
    return st;
}

static ls_status write_split(job *j, hid_t file, size_t s)
{
    const size_t *const row = j->rows.row + j->rows.first[s], rows = j->rows.first[s + 1] - j->rows.first[s];
    const hid_t group = ls_h5_create_group(file, j->import->splits.at[s].key);
    ls_status st = group < 0 ? ls_h5_output_fail(j->import->output) : LS_OK;

    if (st == LS_OK)
        st = write_x(j, group, row, rows);
    if (st == LS_OK && !j->import->flat)
        st = write_y(j, group, row, rows);
    if (group >= 0 && H5Gclose(group) < 0 && st == LS_OK)
        st = ls_h5_output_fail(j->import->output);
    return st;
}

static bool write_skips(const job *j, hid_t group, const char **text)
{
    const size_t n = (size_t)j->report->skipped;
    bool good;

    for (size_t i = 0; i < n; i++)
        text[i] = j->skipped[i].image;
    good = ls_h5_write_texts(group, "image", text, n, j->import->deflate);
    for (size_t i = 0; i < n; i++)
        text[i] = j->skipped[i].reason;
    return good && ls_h5_write_texts(group, "reason", text, n, j->import->deflate);
}

static ls_status write_skipped(const job *j, hid_t file)
{
    const char **const text = ls_calloc((size_t)j->report->skipped, sizeof *text, "the names of images");
    const hid_t group = text ? ls_h5_create_group(file, "skipped") : H5I_INVALID_HID;
    ls_status st = LS_OK;

    if (!text)
        return LS_ERR_MEMORY;
    if (group < 0 || !write_skips(j, group, text))
        st = ls_h5_output_fail(j->import->output);
    if (group >= 0 && H5Gclose(group) < 0 && st == LS_OK)
        st = ls_h5_output_fail(j->import->output);
    ls_free(text);
    return st;
}

static ls_status write_file(job *j)
{
    ls_h5_output output;
    ls_status st;

    LS_TRY_CLEANUP(ls_h5_output_begin(j->import->output, &output));
    for (size_t s = 0; s < j->import->splits.n; s++)
        LS_TRY_CLEANUP(write_split(j, output.file, s));
    if (j->report->skipped)
        LS_TRY_CLEANUP(write_skipped(j, output.file));
    st = ls_h5_output_commit(&output);
cleanup:
    ls_h5_output_end(&output);
    return st;
}

void ls_images_report_reset(ls_images_report *report)
{
    ls_text_reset(&report->bad_lines);
    ls_text_reset(&report->skipped_lines);
    ls_text_reset(&report->flaw);
    ls_text_reset(&report->names);
    *report = (ls_images_report){0};
}

ls_status ls_import_images(const ls_images_import *import, ls_images_report *report)
{
    job j = {.import = import,
             .report = report,
             .height = import->height,
             .width = import->width,
             .channels = import->channels};
    ls_status st;

    LS_TRY_CLEANUP(check_arguments(import, &j.train));
    LS_TRY_CLEANUP(list_images(&j));
    LS_TRY_CLEANUP(check_output(&j));
    report->left_out = j.list.left_out;
    if (import->skip_damaged)
        LS_TRY_CLEANUP(skip_damaged(&j));
    LS_TRY_CLEANUP(deal_images(&j));
    LS_TRY_CLEANUP(choose_form(&j));
    LS_TRY_CLEANUP(write_file(&j));
    st = report->flaw.status == LS_OK ? report->names.status : report->flaw.status;
cleanup:
    if (j.image_failed)
        st = fail_images(&j);
    for (uint64_t i = 0; j.skipped && i < report->skipped; i++) {
        ls_free(j.skipped[i].image);
        ls_free(j.skipped[i].reason);
    }
    ls_free(j.skipped);
    ls_rows_reset(&j.rows);
    ls_image_list_reset(&j.list);
    return st;
}
