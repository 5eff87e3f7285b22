/* Opening an HDF5 dataset and reading it whole: every way in which a file can be wrong ends here with a message. */
#include "data/dataset.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/dataset_impl.h"
#include "data/h5.h"

#define PIECE_BYTES ((size_t)4 << 20) /* read at a time, so that a damaged part can be named */
#define LISTED_MAX 200                /* datasets looked at for "did you mean" */

typedef struct reader {
    ls_array *a;
    const char *file, *path;
    hid_t file_id, object_id; /* < 0: not open */
    hid_t type_id, space_id;
    int rank; /* of the dataset, samples included */
    hsize_t dim[H5S_MAX_RANK];
    uint64_t rows; /* of the dataset */
    char reason[LS_H5_REASON_BYTES];
} reader;

static ls_status open_file(reader *r)
{
    struct stat info;
    hid_t properties;
    htri_t is_hdf5;

    if (stat(r->file, &info) != 0)
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", r->file, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return ls_fail(LS_ERR_IO, "cannot open '%s': it is not a regular file", r->file);
    if (access(r->file, R_OK) != 0)
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", r->file, strerror(errno));
    if ((is_hdf5 = H5Fis_hdf5(r->file)) <= 0)
        return ls_fail(LS_ERR_FORMAT, "'%s' is not an HDF5 file%s", r->file, info.st_size ? "" : ": it is empty");
    if ((properties = H5Pcreate(H5P_FILE_ACCESS)) < 0)
        return ls_fail(LS_ERR_IO, "cannot open '%s': HDF5: %s", r->file, ls_h5_reason(r->reason));
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(properties, true, true); /* some cluster file systems have no locks: then read without */
#endif
    r->file_id = H5Fopen(r->file, H5F_ACC_RDONLY, properties);
    if (r->file_id < 0)
        ls_h5_reason(r->reason);
    H5Pclose(properties);
    if (r->file_id < 0)
        return ls_fail(LS_ERR_FORMAT, "cannot read '%s', it may be truncated or damaged: HDF5: %s", r->file, r->reason);
    return LS_OK;
}

typedef struct listing {
    char *path[LISTED_MAX];
    size_t n;
} listing;

static herr_t list_dataset(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    listing *l = data;
    const hid_t object = H5Oopen(group, name, H5P_DEFAULT);

    (void)info;
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

static ls_status fail_missing(const reader *r)
{
    listing l = {.n = 0};
    ls_text names = {0};
    const char *nearest;
    ls_status st;

    H5Lvisit(r->file_id, H5_INDEX_NAME, H5_ITER_INC, list_dataset, &l);
    nearest = ls_nearest_name(r->path, (const char *const *)l.path, l.n);
    ls_text_add_list(&names, (const char *const *)l.path, l.n < 12 ? l.n : 12);
    if (l.n > 12)
        ls_text_add(&names, ", ...");
    if (l.n == 0)
        st = ls_fail(LS_ERR_DATA, "%s: there is no such dataset; the file holds none at all", r->a->path);
    else if (nearest)
        st = ls_fail(LS_ERR_DATA, "%s: there is no such dataset; did you mean '%s'? The file has %s", r->a->path,
                     nearest, names.data ? names.data : "others");
    else
        st = ls_fail(LS_ERR_DATA, "%s: there is no such dataset; the file has %s", r->a->path,
                     names.data ? names.data : "others");
    for (size_t i = 0; i < l.n; i++)
        ls_free(l.path[i]);
    ls_text_reset(&names);
    return st;
}

static ls_status open_dataset(reader *r)
{
    if (H5Oexists_by_name(r->file_id, r->path, H5P_DEFAULT) <= 0)
        return fail_missing(r);
    if ((r->object_id = H5Oopen(r->file_id, r->path, H5P_DEFAULT)) < 0)
        return ls_fail(LS_ERR_FORMAT, "%s: cannot be opened, the file may be damaged: HDF5: %s", r->a->path,
                       ls_h5_reason(r->reason));
    switch (H5Iget_type(r->object_id)) {
    case H5I_DATASET:
        break;
    case H5I_GROUP:
        return ls_fail(LS_ERR_DATA, "%s is a group; name a dataset in it", r->a->path);
    default:
        return ls_fail(LS_ERR_DATA, "%s is not a dataset", r->a->path);
    }
    if ((r->type_id = H5Dget_type(r->object_id)) < 0 || (r->space_id = H5Dget_space(r->object_id)) < 0)
        return ls_fail(LS_ERR_FORMAT, "%s: cannot be opened, the file may be damaged: HDF5: %s", r->a->path,
                       ls_h5_reason(r->reason));
    return LS_OK;
}

/* The narrowest type of ours that holds the file's values; half precision becomes float32. */
static ls_status choose_kind(reader *r)
{
    static const size_t bytes[] = {
#define BYTES(constant, type, name) [constant] = sizeof(type),
        LS_ARRAY_TYPES(BYTES)
#undef BYTES
    };
    const size_t size = H5Tget_size(r->type_id);
    const H5T_class_t class = H5Tget_class(r->type_id);

    if (class == H5T_FLOAT && size <= 4) {
        r->a->kind = LS_FLOAT32;
    } else if (class == H5T_FLOAT) {
        r->a->kind = LS_FLOAT64;
    } else if (class == H5T_INTEGER && size <= 8) {
        const bool has_sign = H5Tget_sign(r->type_id) == H5T_SGN_2;

        if (size == 1)
            r->a->kind = has_sign ? LS_INT8 : LS_UINT8;
        else if (size == 2)
            r->a->kind = has_sign ? LS_INT16 : LS_UINT16;
        else if (size <= 4)
            r->a->kind = has_sign ? LS_INT32 : LS_UINT32;
        else
            r->a->kind = has_sign ? LS_INT64 : LS_UINT64;
    } else if (class == H5T_INTEGER) {
        return ls_fail(LS_ERR_DATA, "%s holds integers of %zu bytes; 1 to 8 are possible", r->a->path, size);
    } else {
        return ls_fail(LS_ERR_DATA, "%s holds %s; only integers and floating-point numbers can be used", r->a->path,
                       ls_h5_class_name(r->type_id));
    }
    r->a->value_bytes = bytes[r->a->kind];
    return LS_OK;
}

static hid_t memory_type(ls_array_kind kind)
{
    switch (kind) {
    case LS_UINT8:
        return H5T_NATIVE_UINT8;
    case LS_INT8:
        return H5T_NATIVE_INT8;
    case LS_UINT16:
        return H5T_NATIVE_UINT16;
    case LS_INT16:
        return H5T_NATIVE_INT16;
    case LS_UINT32:
        return H5T_NATIVE_UINT32;
    case LS_INT32:
        return H5T_NATIVE_INT32;
    case LS_UINT64:
        return H5T_NATIVE_UINT64;
    case LS_INT64:
        return H5T_NATIVE_INT64;
    case LS_FLOAT32:
        return H5T_NATIVE_FLOAT;
    case LS_FLOAT64:
        return H5T_NATIVE_DOUBLE;
    }
    return H5I_INVALID_HID;
}

static ls_status choose_shape(reader *r)
{
    ls_array *a = r->a;
    ls_status st;

    r->rank = H5Sget_simple_extent_type(r->space_id) == H5S_SIMPLE ? H5Sget_simple_extent_ndims(r->space_id) : 0;
    if (r->rank < 1)
        return ls_fail(LS_ERR_DATA, "%s holds a single value; a dataset needs a first axis that counts samples",
                       a->path);
    if (r->rank > LS_RANK_MAX + 1)
        return ls_fail(LS_ERR_DATA, "%s has %d axes; at most %d are possible, the first counting samples", a->path,
                       r->rank, LS_RANK_MAX + 1);
    if (H5Sget_simple_extent_dims(r->space_id, r->dim, NULL) < 0)
        return ls_fail(LS_ERR_FORMAT, "%s: its size cannot be read: HDF5: %s", a->path, ls_h5_reason(r->reason));
    r->rows = r->dim[0];
    if (r->rows == 0)
        return ls_fail(LS_ERR_DATA, "%s holds no samples: its first axis has length 0", a->path);
    a->stored.rank = (size_t)r->rank - 1;
    for (size_t i = 0; i < a->stored.rank; i++)
        a->stored.dim[i] = r->dim[i + 1];
    if ((st = ls_shape_check(&a->stored, "a sample")) != LS_OK)
        return ls_fail_in(st, "%s", a->path);
    a->shape = a->stored;
    a->elements = ls_shape_size(&a->stored);
    return LS_OK;
}

static ls_status choose_rows(reader *r, const uint64_t *rows)
{
    ls_array *a = r->a;

    if (rows && (rows[0] >= rows[1] || rows[1] > r->rows))
        return ls_fail(LS_ERR_CONFIG,
                       "%s: rows [%llu, %llu] cannot be taken: it has %llu samples, and the range must "
                       "run from a first row to the one after the last",
                       a->path, (unsigned long long)rows[0], (unsigned long long)rows[1], (unsigned long long)r->rows);
    a->first_row = rows ? rows[0] : 0;
    a->samples = rows ? rows[1] - rows[0] : r->rows;
    return LS_OK;
}

/* What a file declares costs it nothing: compare with what this machine has before touching any memory. */
static ls_status check_memory(const reader *r)
{
    const ls_array *a = r->a;
    const double bytes = (double)a->samples * (double)a->elements * (double)a->value_bytes;
    const double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    char shape[LS_SHAPE_TEXT_BYTES];

    if (bytes > memory)
        return ls_fail(LS_ERR_MEMORY,
                       "%s declares %llu samples of shape %s, %s: %.4g GiB, but this machine has %.4g GiB of memory; "
                       "use fewer rows, or check that the file is what it should be",
                       a->path, (unsigned long long)a->samples, ls_shape_format(&a->stored, shape), ls_array_type(a),
                       bytes / 0x1p30, memory / 0x1p30);
    return LS_OK;
}

/* Rows read at a time: about PIECE_BYTES, whole chunks. */
static uint64_t piece_rows(const reader *r)
{
    const size_t row_bytes = r->a->elements * r->a->value_bytes;
    const hid_t creation = H5Dget_create_plist(r->object_id);
    hsize_t chunk[H5S_MAX_RANK] = {1};
    uint64_t rows = PIECE_BYTES / row_bytes;

    if (creation >= 0) {
        if (H5Pget_layout(creation) == H5D_CHUNKED && H5Pget_chunk(creation, r->rank, chunk) < 0)
            chunk[0] = 1;
        H5Pclose(creation);
    }
    rows -= rows % chunk[0];
    return rows ? rows : chunk[0];
}

static ls_status read_values(reader *r)
{
    ls_array *a = r->a;
    const size_t row_bytes = a->elements * a->value_bytes;
    const uint64_t piece = piece_rows(r), end = a->first_row + a->samples;
    uint64_t row = a->first_row;

    /* In bounds: check_memory has passed. */
    if (!(a->values = ls_calloc((size_t)a->samples * a->elements, a->value_bytes, a->path)))
        return LS_ERR_MEMORY;
    while (row < end) {
        const uint64_t boundary = (row / piece + 1) * piece, next = boundary < end ? boundary : end;
        hsize_t start[H5S_MAX_RANK] = {row}, count[H5S_MAX_RANK];
        hid_t memory;
        herr_t result;

        memcpy(count, r->dim, sizeof count);
        count[0] = next - row;
        if ((memory = H5Screate_simple(r->rank, count, NULL)) < 0)
            return ls_fail(LS_ERR_MEMORY, "%s: HDF5: %s", a->path, ls_h5_reason(r->reason));
        result = H5Sselect_hyperslab(r->space_id, H5S_SELECT_SET, start, NULL, count, NULL);
        if (result >= 0)
            result = H5Dread(r->object_id, memory_type(a->kind), memory, r->space_id, H5P_DEFAULT,
                             (char *)a->values + (size_t)(row - a->first_row) * row_bytes);
        if (result < 0)
            ls_h5_reason(r->reason);
        H5Sclose(memory);
        if (result < 0)
            return ls_fail(LS_ERR_DATA, "%s: cannot read samples %llu to %llu, the file may be damaged: HDF5: %s",
                           a->path, (unsigned long long)row, (unsigned long long)(next - 1), r->reason);
        row = next;
    }
    return LS_OK;
}

/* Every value must be finite as float32, which is how training will see it. */
static ls_status check_finite(const ls_array *a)
{
    ls_status st = LS_OK;
    float *sample;

    if (ls_array_is_integer(a))
        return LS_OK; /* even 2^64 is finite as float32 */
    if (!(sample = ls_calloc(a->elements, sizeof *sample, a->path)))
        return LS_ERR_MEMORY;
    for (uint64_t i = 0; st == LS_OK && i < a->samples; i++) {
        float worst = 0; /* NaN as soon as one value is NaN or Inf: x - x is 0 for finite x only */

        ls_array_get(a, i, sample);
        for (size_t j = 0; j < a->elements; j++)
            worst += sample[j] - sample[j];
        for (size_t j = 0; isnan(worst) && j < a->elements; j++)
            if (!isfinite(sample[j])) {
                st = ls_fail(LS_ERR_DATA, "%s: sample %llu has %g at element %zu; all values must be finite as float32",
                             a->path, (unsigned long long)(a->first_row + i), (double)sample[j], j);
                break;
            }
    }
    ls_free(sample);
    return st;
}

static ls_status read_all(reader *r, const uint64_t *rows)
{
    LS_TRY(open_file(r));
    LS_TRY(open_dataset(r));
    LS_TRY(choose_kind(r));
    LS_TRY(choose_shape(r));
    LS_TRY(choose_rows(r, rows));
    LS_TRY(check_memory(r));
    LS_TRY(ls_array_read_scaling(r->a, r->object_id));
    LS_TRY(ls_array_read_classes(r->a, r->object_id));
    LS_TRY(read_values(r));
    return check_finite(r->a);
}

ls_status ls_array_open(const char *file, const char *path, const uint64_t *rows, ls_array **out)
{
    reader r = {.file = file, .path = path, .file_id = -1, .object_id = -1, .type_id = -1, .space_id = -1};
    ls_status st = LS_ERR_MEMORY;
    ls_text name = {0};
    ls_h5_quiet quiet;

    *out = NULL;
    ls_h5_quiet_begin(&quiet);
    if (!(r.a = ls_calloc(1, sizeof *r.a, "a dataset")))
        goto cleanup;
    ls_text_add(&name, "%s:%s%s", file, path[0] == '/' ? "" : "/", path);
    if ((st = name.status) != LS_OK)
        goto cleanup;
    r.a->path = name.data;
    LS_TRY_CLEANUP(read_all(&r, rows));
    *out = r.a;
    r.a = NULL;
cleanup:
    ls_array_free(r.a);
    if (r.space_id >= 0)
        H5Sclose(r.space_id);
    if (r.type_id >= 0)
        H5Tclose(r.type_id);
    if (r.object_id >= 0)
        H5Oclose(r.object_id);
    if (r.file_id >= 0)
        H5Fclose(r.file_id);
    ls_h5_quiet_end(&quiet);
    return st;
}
