/* Folders of pictures to an HDF5 dataset file. See import.h. */
#include "data/import.h"

#include <string.h>

#include "base/memory.h"
#include "data/deal.h"
#include "data/image.h"
#include "data/image_list.h"
#include "h5/output.h"

typedef struct job {
    const ls_images_import *import;
    size_t train; /* the split that says which classes there are */
    ls_image_list list;
    ls_rows rows;
    size_t height, width, channels; /* of all images */
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

/* What is not asked for is as in the first image. */
static ls_status choose_form(job *j)
{
    ls_image image;

    if (j->height && j->channels)
        return LS_OK;
    LS_TRY(ls_image_read(j->list.file[0].path, &image));
    if (!j->height) {
        j->height = image.height;
        j->width = image.width;
    }
    if (!j->channels)
        j->channels = image.channels;
    ls_image_reset(&image);
    return LS_OK;
}

/* In the form that all have. To be reset also after a failure. */
static ls_status read_image(const job *j, const char *path, ls_image *image)
{
    const char *const first = j->list.file[0].path;

    LS_TRY(ls_image_read(path, image));
    if (!j->import->channels && image->channels != j->channels)
        return ls_fail(LS_ERR_DATA, "%s is %s, but the first image, %s, is not; say --channels 1 or --channels 3", path,
                       image->channels == 1 ? "gray" : "in colour", first);
    if (!j->import->height && (image->height != j->height || image->width != j->width))
        return ls_fail(LS_ERR_DATA,
                       "%s is %zu pixels high and %zu wide, but the first image, %s, is %zu x %zu; say --size "
                       "HEIGHT,WIDTH to make them equal",
                       path, image->height, image->width, first, j->height, j->width);
    LS_TRY(ls_image_set_channels(image, j->channels));
    return ls_image_resize(image, j->height, j->width);
}

static ls_status write_images(const job *j, hid_t dataset, const size_t *row, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        ls_image image = {0};
        ls_status st = read_image(j, j->list.file[row[i]].path, &image);

        if (st == LS_OK && !ls_h5_write_rows(dataset, H5T_NATIVE_UINT8, i, 1, image.pixels))
            st = ls_h5_output_fail(j->import->output);
        ls_image_reset(&image);
        LS_TRY(st);
    }
    return LS_OK;
}

static ls_status write_x(const job *j, hid_t group, const size_t *row, size_t rows)
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

static ls_status write_split(const job *j, hid_t file, size_t s)
{
    const size_t *const row = j->rows.row + j->rows.first[s], rows = j->rows.first[s + 1] - j->rows.first[s];
    const hid_t group = ls_h5_create_group(file, j->import->splits.at[s].key);
    ls_status st = group < 0 ? ls_h5_output_fail(j->import->output) : LS_OK;

    if (st == LS_OK)
        st = write_x(j, group, row, rows);
    if (st == LS_OK)
        st = write_y(j, group, row, rows);
    if (group >= 0 && H5Gclose(group) < 0 && st == LS_OK)
        st = ls_h5_output_fail(j->import->output);
    return st;
}

static ls_status write_file(const job *j)
{
    ls_h5_output output;
    ls_status st;

    LS_TRY_CLEANUP(ls_h5_output_begin(j->import->output, &output));
    for (size_t s = 0; s < j->import->splits.n; s++)
        LS_TRY_CLEANUP(write_split(j, output.file, s));
    st = ls_h5_output_commit(&output);
cleanup:
    ls_h5_output_end(&output);
    return st;
}

ls_status ls_import_images(const ls_images_import *import, uint64_t *left_out)
{
    job j = {.import = import, .height = import->height, .width = import->width, .channels = import->channels};
    ls_status st;

    *left_out = 0;
    LS_TRY_CLEANUP(check_arguments(import, &j.train));
    LS_TRY_CLEANUP(list_images(&j));
    LS_TRY_CLEANUP(check_output(&j));
    LS_TRY_CLEANUP(deal_images(&j));
    LS_TRY_CLEANUP(choose_form(&j));
    *left_out = j.list.left_out;
    st = write_file(&j);
cleanup:
    ls_rows_reset(&j.rows);
    ls_image_list_reset(&j.list);
    return st;
}
