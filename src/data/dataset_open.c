/* Opening an HDF5 dataset: every way in which a file can be wrong ends here, or in dataset_read.c, with a message. */
#include "data/dataset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/dataset_impl.h"
#include "h5/case.h"
#include "h5/lock.h"
#include "h5/open.h"
#include "h5/written.h"

#define LISTED_MAX 200 /* datasets looked at for "did you mean" */

static ls_status open_file(const char *path, ls_h5_files *files, ls_array_source *s)
{
    if (!ls_file_exists(path) && path[0] != '/')
        return ls_fail(LS_ERR_IO,
                       "cannot open '%s': %s (paths in an experiment, also those of --set, are relative to the "
                       "experiment file)",
                       path, strerror(errno));
    LS_TRY(ls_h5_files_add(files, path));
    return ls_h5_open_file(path, &s->file);
}

/* The file that the dataset is in, which a link may have led to. */
static hid_t opened_file(const ls_array_source *s)
{
    return s->target.file >= 0 ? s->target.file : s->file;
}

static const char *file_of(const ls_array *a, const ls_array_source *s)
{
    return s->target.file_path ? s->target.file_path : a->file;
}

typedef struct listing {
    char *path[LISTED_MAX];
    size_t n;
} listing;

static herr_t list_dataset(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    listing *l = data;
    hid_t object = H5I_INVALID_HID;

    if (info->type == H5L_TYPE_HARD) /* others may lead anywhere */
        object = H5Oopen(group, name, H5P_DEFAULT);
    if (object < 0)
        return 0;
    if (H5Iget_type(object) == H5I_DATASET) {
        char *path = ls_calloc(strlen(name) + 2, 1, "the path of a dataset");

        if (path) {
            sprintf(path, "/%s", name);
            l->path[l->n++] = path;
        }
    }
    H5Oclose(object);
    return l->n == LISTED_MAX;
}

static ls_status fail_missing(const ls_array_source *s, const char *path)
{
    listing l = {.n = 0};
    ls_text names = {0};
    const char *nearest;
    ls_status st;

    H5Lvisit(s->file, H5_INDEX_NAME, H5_ITER_INC, list_dataset, &l);
    nearest = ls_nearest_name(path, (const char *const *)l.path, l.n);
    ls_text_add_list(&names, (const char *const *)l.path, l.n < 12 ? l.n : 12);
    if (l.n > 12)
        ls_text_add(&names, ", ...");
    if (l.n == 0)
        st = ls_fail(LS_ERR_DATA, "%s: there is no such dataset; the file holds none at all", s->name);
    else if (nearest)
        st = ls_fail(LS_ERR_DATA, "%s: there is no such dataset; did you mean '%s'? The file has %s", s->name, nearest,
                     names.data ? names.data : "others");
    else
        st = ls_fail(LS_ERR_DATA, "%s: there is no such dataset; the file has %s", s->name,
                     names.data ? names.data : "others");
    for (size_t i = 0; i < l.n; i++)
        ls_free(l.path[i]);
    ls_text_reset(&names);
    return st;
}

static ls_status open_dataset(const ls_array *a, ls_h5_files *files, ls_array_source *s)
{
    bool missing;
    ls_status st = ls_h5_follow(s->file, a->file, a->dataset, &a->rules, files, &missing, &s->target);

    if (missing)
        st = fail_missing(s, a->dataset);
    LS_TRY(st);
    if ((s->object = H5Oopen(opened_file(s), s->target.path, H5P_DEFAULT)) < 0)
        return ls_h5_fail("%s: cannot be opened", s->name);
    switch (H5Iget_type(s->object)) {
    case H5I_DATASET:
        break;
    case H5I_GROUP:
        return ls_fail(LS_ERR_DATA, "%s is a group; name a dataset in it", s->name);
    default:
        return ls_fail(LS_ERR_DATA, "%s is not a dataset", s->name);
    }
    LS_TRY(ls_h5_check_sources(s->object, file_of(a, s), s->name, &a->rules, files));
    if ((s->type = H5Dget_type(s->object)) < 0 || (s->space = H5Dget_space(s->object)) < 0)
        return ls_h5_fail("%s: cannot be opened", s->name);
    return LS_OK;
}

/* A bool of h5py: an enumeration of the bytes FALSE and TRUE. */
static bool is_h5py_bool(hid_t type)
{
    static const char *const names[] = {"FALSE", "TRUE"};
    bool is_bool = H5Tget_class(type) == H5T_ENUM && H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2;

    for (unsigned i = 0; i < 2 && is_bool; i++) {
        char *const name = H5Tget_member_name(type, i);
        unsigned char value = 2;

        is_bool = name && strcasecmp(name, names[i]) == 0 && H5Tget_member_value(type, i, &value) >= 0 && value == i;
        H5free_memory(name);
    }
    return is_bool;
}

/* The narrowest type of ours that holds the file's values; half precision becomes float32. */
static ls_status choose_kind(const ls_array_source *s, ls_array *a)
{
    const size_t size = H5Tget_size(s->type);
    const H5T_class_t class = H5Tget_class(s->type);

    if (class == H5T_FLOAT && size <= 4) {
        a->kind = LS_TYPE_FLOAT32;
    } else if (class == H5T_FLOAT) {
        a->kind = LS_TYPE_FLOAT64;
    } else if (class == H5T_INTEGER && size <= 8) {
        const bool has_sign = H5Tget_sign(s->type) == H5T_SGN_2;

        if (size == 1)
            a->kind = has_sign ? LS_TYPE_INT8 : LS_TYPE_UINT8;
        else if (size == 2)
            a->kind = has_sign ? LS_TYPE_INT16 : LS_TYPE_UINT16;
        else if (size <= 4)
            a->kind = has_sign ? LS_TYPE_INT32 : LS_TYPE_UINT32;
        else
            a->kind = has_sign ? LS_TYPE_INT64 : LS_TYPE_UINT64;
    } else if (is_h5py_bool(s->type) || (class == H5T_BITFIELD && size == 1)) {
        a->kind = LS_TYPE_UINT8;
        a->is_bits = class == H5T_BITFIELD;
    } else if (class == H5T_INTEGER) {
        return ls_fail(LS_ERR_DATA, "%s holds integers of %zu bytes; 1 to 8 are possible", a->path, size);
    } else {
        return ls_fail(LS_ERR_DATA, "%s holds %s; only integers, floating-point numbers and booleans can be used",
                       a->path, ls_h5_class_name(s->type));
    }
    a->value_bytes = ls_type_bytes(a->kind);
    return LS_OK;
}

static ls_status choose_shape(ls_array_source *s, ls_array *a)
{
    ls_status st;

    s->axes = H5Sget_simple_extent_type(s->space) == H5S_SIMPLE ? H5Sget_simple_extent_ndims(s->space) : 0;
    if (s->axes < 1)
        return ls_fail(LS_ERR_DATA, "%s holds a single value; a dataset needs a first axis that counts samples",
                       a->path);
    if (s->axes > LS_AXES_MAX + 1)
        return ls_fail(LS_ERR_DATA, "%s has %d axes; at most %d are possible, the first counting samples", a->path,
                       s->axes, LS_AXES_MAX + 1);
    if (H5Sget_simple_extent_dims(s->space, s->dim, NULL) < 0)
        return ls_h5_fail("%s: its size cannot be read", a->path);
    if (s->dim[0] == 0)
        return ls_fail(LS_ERR_DATA, "%s holds no samples: its first axis has length 0", a->path);
    a->stored.axes = (size_t)s->axes - 1;
    for (size_t i = 0; i < a->stored.axes; i++)
        a->stored.dim[i] = s->dim[i + 1];
    if ((st = ls_shape_check(&a->stored, "a sample")) != LS_OK)
        return ls_fail_in(st, "%s", a->path);
    a->shape = a->stored;
    a->elements = ls_shape_size(&a->stored);
    return LS_OK;
}

static ls_status choose_rows(const ls_array_source *s, const uint64_t *rows, ls_array *a)
{
    const uint64_t all = s->dim[0];

    if (rows && (rows[0] >= rows[1] || rows[1] > all))
        return ls_fail(LS_ERR_CONFIG,
                       "%s: rows [%llu, %llu] cannot be taken: it has %llu samples, and the range must "
                       "run from a first row to the one after the last",
                       a->path, (unsigned long long)rows[0], (unsigned long long)rows[1], (unsigned long long)all);
    a->first_row = rows ? rows[0] : 0;
    a->samples = rows ? rows[1] - rows[0] : all;
    return LS_OK;
}

/* How the dataset lies in its file. */
static ls_status read_layout(ls_array_source *s, ls_array *a)
{
    const hid_t creation = H5Dget_create_plist(s->object);
    hsize_t chunk[H5S_MAX_RANK];
    ls_status st = LS_OK;

    if (creation < 0)
        return ls_h5_fail("%s: cannot be opened", a->path);
    a->storage_bytes = H5Pget_layout(creation) == H5D_VIRTUAL ? UINT64_MAX : H5Dget_storage_size(s->object);
    if (H5Pget_external_count(creation) > 0)
        st = ls_fail(LS_ERR_DATA, "%s has its values in other files, which are not read: copy them into this one",
                     a->path);
    if (H5Pget_layout(creation) == H5D_CHUNKED && H5Pget_chunk(creation, s->axes, chunk) == s->axes) {
        a->chunk_rows = chunk[0];
        a->chunk_bytes = a->value_bytes;
        for (int i = 0; i < s->axes; i++)
            a->chunk_bytes *= chunk[i]; /* HDF5 keeps chunks below 4 GiB */
    }
    H5Pclose(creation);
    return st;
}

void ls_array_source_close(ls_array_source *s)
{
    if (s->space >= 0)
        H5Sclose(s->space);
    if (s->type >= 0)
        H5Tclose(s->type);
    if (s->object >= 0)
        H5Oclose(s->object);
    ls_h5_target_reset(&s->target);
    if (s->file >= 0)
        H5Fclose(s->file);
}

ls_status ls_array_source_open(const ls_array *array, ls_h5_files *files, ls_array_source *out)
{
    *out = (ls_array_source){
        .name = array->path, .file = -1, .object = -1, .type = -1, .space = -1, .target = {.file = -1}};
    LS_TRY(open_file(array->file, files, out));
    return open_dataset(array, files, out);
}

/* What leads to other files is part of what the data are: their names as the data file has them, and their sizes. */
static void hash_links(const ls_array_source *s, ls_array *a)
{
    uint64_t hash = 0;

    if (s->target.link)
        hash = XXH3_64bits(s->target.link, strlen(s->target.link));
    for (size_t i = 1; i < a->files.n; i++) {
        const char *const path = a->files.file[i].path, *const slash = strrchr(path, '/');
        const int64_t bytes = a->files.file[i].info.st_size;

        hash = XXH3_64bits_withSeed(slash ? slash : path, strlen(slash ? slash : path), hash);
        hash = XXH3_64bits_withSeed(&bytes, sizeof bytes, hash);
    }
    a->link_hash = hash;
}

static ls_status describe(ls_array_source *s, const uint64_t *rows, ls_array *a)
{
    LS_TRY(ls_array_source_open(a, &a->files, s));
    LS_TRY(choose_kind(s, a));
    LS_TRY(choose_shape(s, a));
    LS_TRY(choose_rows(s, rows, a));
    LS_TRY(read_layout(s, a));
    LS_TRY(ls_h5_check_written(s->object, file_of(a, s), a->path, a->first_row, a->samples, &a->rules, &a->files));
    hash_links(s, a);
    LS_TRY(ls_array_read_scaling(a, s->object));
    return ls_array_read_classes(a, s->object);
}

ls_status ls_array_describe(const char *file, const char *path, const uint64_t *rows, ls_array **out)
{
    return ls_array_describe_by(&(ls_h5_rules){0}, file, path, rows, out);
}

ls_status ls_array_describe_by(const ls_h5_rules *rules, const char *file, const char *path, const uint64_t *rows,
                               ls_array **out)
{
    ls_array *a = ls_calloc(1, sizeof *a, "a dataset");
    ls_array_source source;
    ls_text name = {0};
    ls_h5_lock lock;
    ls_status st;

    *out = NULL;
    if (!a)
        return LS_ERR_MEMORY;
    ls_text_add(&name, "%s:%s%s", file, path[0] == '/' ? "" : "/", path);
    a->path = name.data;
    a->file = ls_strdup(file);
    a->dataset = ls_strdup(path);
    a->rules = *rules;
    st = name.status != LS_OK || !a->file || !a->dataset ? LS_ERR_MEMORY : LS_OK;
    if (st == LS_OK) {
        ls_h5_lock_take(&lock);
        st = describe(&source, rows, a);
        ls_array_source_close(&source);
        ls_h5_lock_release(&lock);
    }
    if (st != LS_OK) {
        ls_array_free(a);
        return st;
    }
    *out = a;
    return LS_OK;
}
