#include "cli/h5_describe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "h5/attribute.h"
#include "h5/case.h"
#include "h5/file.h"
#include "h5/lock.h"
#include "nn/summary.h"

#define VALUES_MAX ((uint64_t)1 << 26)       /* values read for their range: MNIST's 47 million are in it */
#define PIECE_VALUES ((uint64_t)1 << 18)     /* read at a time, if the chunks are not larger */
#define PIECE_VALUES_MAX ((uint64_t)1 << 24) /* 128 MiB as doubles */
#define SHOWN_MAX 16                         /* values of an attribute */
#define NAME_BYTES 1024
#define TEXT_MAX 160                     /* bytes of one text */
#define LISTED_MAX 20                    /* texts of a dataset */
#define TEXT_BYTES_MAX ((size_t)1 << 16) /* of one such text in the file */

/* file: any object in it. */
static ls_status fail_damaged(hid_t file, const char *what, const char *name)
{
    char path[NAME_BYTES];
    ls_h5_case c;

    ls_h5_case_get(&c); /* first, since other calls clear it */
    if (H5Fget_name(file, path, sizeof path) < 0)
        snprintf(path, sizeof path, "HDF5 file");
    return ls_h5_fail_case(&c, "%s: %s '%s' cannot be read", path, what, name);
}

void ls_add_clean(const char *text, size_t max, ls_text *out)
{
    size_t n = strlen(text);
    const bool cut = n > max;

    if (cut)
        for (n = max; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--) /* not within a character of UTF-8 */
            ;
    for (size_t i = 0; i < n; i++)
        ls_text_add_bytes(out, (unsigned char)text[i] < ' ' || text[i] == 0x7f ? "?" : text + i, 1);
    if (cut)
        ls_text_add(out, "…");
}

void ls_describe_shape(size_t axes, const size_t *dim, ls_text *out)
{
    ls_text_add(out, "(");
    for (size_t i = 0; i < axes; i++)
        ls_text_add(out, "%s%zu", i ? ", " : "", dim[i]);
    ls_text_add(out, ")");
}

static bool is_number(hid_t type)
{
    return H5Tget_class(type) == H5T_INTEGER || H5Tget_class(type) == H5T_FLOAT;
}

/* ---- datasets ---- */

static void add_type(hid_t type, ls_text *out)
{
    const H5T_class_t class = H5Tget_class(type);
    const size_t bits = 8 * H5Tget_size(type);
    size_t exponent_bits = 0, unused;

    if (class == H5T_INTEGER) {
        ls_text_add(out, "%sint%zu", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
    } else if (class == H5T_FLOAT) {
        H5Tget_fields(type, &unused, &unused, &exponent_bits, &unused, &unused);
        ls_text_add(out, "%sfloat%zu", bits == 16 && exponent_bits == 8 ? "b" : "", bits);
    } else {
        ls_text_add(out, "%s", ls_h5_class_name(type));
        return;
    }
    if (bits > 8 && H5Tget_order(type) == H5T_ORDER_BE)
        ls_text_add(out, " big-endian");
}

typedef struct dataset {
    hid_t id, type, space; /* below 0: not open */
    int axes;
    hsize_t dim[H5S_MAX_RANK];
    uint64_t n; /* values */
} dataset;

static void close_dataset(dataset *d)
{
    if (d->space >= 0)
        H5Sclose(d->space);
    if (d->type >= 0)
        H5Tclose(d->type);
    if (d->id >= 0)
        H5Dclose(d->id);
}

static ls_status open_dataset(hid_t file, const char *path, dataset *d)
{
    hssize_t n;

    d->type = d->space = H5I_INVALID_HID;
    if ((d->id = H5Dopen2(file, path, H5P_DEFAULT)) < 0 || (d->type = H5Dget_type(d->id)) < 0 ||
        (d->space = H5Dget_space(d->id)) < 0 || (d->axes = H5Sget_simple_extent_dims(d->space, d->dim, NULL)) < 0 ||
        (n = H5Sget_simple_extent_npoints(d->space)) < 0)
        return fail_damaged(file, "dataset", path);
    d->n = (uint64_t)n;
    return LS_OK;
}

static void add_dims(const hsize_t *dim, int axes, ls_text *out)
{
    size_t dims[H5S_MAX_RANK] = {0};

    for (int i = 0; i < axes; i++)
        dims[i] = (size_t)dim[i];
    ls_describe_shape((size_t)axes, dims, out);
}

ls_status ls_describe_dataset(hid_t file, const char *path, ls_text *out)
{
    dataset d;
    ls_h5_lock lock;
    ls_status st;

    ls_h5_lock_take(&lock);
    LS_TRY_CLEANUP(open_dataset(file, path, &d));
    add_type(d.type, out);
    ls_text_add(out, " ");
    add_dims(d.dim, d.axes, out);
    st = out->status;
cleanup:
    close_dataset(&d);
    ls_h5_lock_release(&lock);
    return st;
}

ls_status ls_describe_dims(hid_t id, size_t *axes, size_t *dim)
{
    const hid_t space = H5Dget_space(id);
    hsize_t dims[H5S_MAX_RANK];
    const int n = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dims, NULL);

    if (space >= 0)
        H5Sclose(space);
    if (n < 0 || n > LS_H5_AXES_MAX)
        return ls_fail(LS_ERR_FORMAT, "the shape of a dataset cannot be read");
    *axes = (size_t)n;
    for (int i = 0; i < n; i++)
        dim[i] = (size_t)dims[i];
    return LS_OK;
}

static void add_filters(hid_t creation, ls_text *out)
{
    const int n = H5Pget_nfilters(creation);

    for (int i = 0; i < n; i++) {
        char name[64] = "";
        unsigned flags, values[8] = {0}, info;
        size_t count = sizeof values / sizeof values[0];
        const H5Z_filter_t filter =
            H5Pget_filter2(creation, (unsigned)i, &flags, &count, values, sizeof name, name, &info);

        name[sizeof name - 1] = '\0';
        ls_text_add(out, ", ");
        if (filter == H5Z_FILTER_DEFLATE)
            ls_text_add(out, "deflate %u", values[0]);
        else if (name[0])
            ls_add_clean(name, sizeof name, out);
        else
            ls_text_add(out, "filter %d", (int)filter);
        if (H5Zfilter_avail(filter) <= 0)
            ls_text_add(out, " (not in this HDF5 library)");
    }
}

ls_status ls_describe_storage(hid_t file, const char *path, ls_text *out)
{
    char on_disk[LS_NUMBER_BYTES], in_memory[LS_NUMBER_BYTES];
    hid_t creation = H5I_INVALID_HID;
    hsize_t chunk[H5S_MAX_RANK];
    dataset d;
    ls_h5_lock lock;
    ls_status st;

    ls_h5_lock_take(&lock);
    LS_TRY_CLEANUP(open_dataset(file, path, &d));
    if ((creation = H5Dget_create_plist(d.id)) < 0) {
        st = fail_damaged(file, "dataset", path);
        goto cleanup;
    }
    switch (H5Pget_layout(creation)) {
    case H5D_CHUNKED:
        ls_text_add(out, "chunks of ");
        add_dims(chunk, H5Pget_chunk(creation, H5S_MAX_RANK, chunk), out);
        break;
    case H5D_COMPACT:
        ls_text_add(out, "compact");
        break;
    case H5D_VIRTUAL:
        ls_text_add(out, "virtual, from other datasets");
        break;
    default:
        ls_text_add(out, "%s", H5Pget_external_count(creation) > 0 ? "in other files" : "contiguous");
    }
    add_filters(creation, out);
    ls_text_add(out, "; %s on disk for %s", ls_format_bytes((double)H5Dget_storage_size(d.id), on_disk),
                ls_format_bytes((double)d.n * (double)H5Tget_size(d.type), in_memory));
    st = out->status;
cleanup:
    if (creation >= 0)
        H5Pclose(creation);
    close_dataset(&d);
    ls_h5_lock_release(&lock);
    return st;
}

/* Are the values in HDF5 files, and can this HDF5 library unpack them? */
static bool can_read(hid_t creation)
{
    const int filters = H5Pget_nfilters(creation);

    if (H5Pget_external_count(creation) != 0)
        return false;
    for (int i = 0; i < filters; i++) {
        unsigned flags, info;
        size_t none = 0;

        if (H5Zfilter_avail(H5Pget_filter2(creation, (unsigned)i, &flags, &none, NULL, 0, NULL, &info)) <= 0)
            return false;
    }
    return true;
}

static bool can_read_dataset(const dataset *d)
{
    const hid_t creation = H5Dget_create_plist(d->id);
    const bool can = creation >= 0 && can_read(creation);

    if (creation >= 0)
        H5Pclose(creation);
    return can;
}

/* Of a list: its first rows, from 0 on, as texts side by side, each `width` bytes and a zero. To be freed. */
static ls_status read_texts(const dataset *d, const char *path, size_t rows, size_t width, char **out)
{
    const hsize_t start = 0, count = rows;
    const hid_t memory = H5Screate_simple(1, &count, NULL), type = H5Tcopy(H5T_C_S1);
    ls_status st = LS_OK;

    if (!(*out = ls_calloc(rows, width + 1, "the texts of a dataset")))
        st = LS_ERR_MEMORY;
    else if (memory < 0 || type < 0 || H5Tset_size(type, width + 1) < 0 ||
             H5Tset_cset(type, H5Tget_cset(d->type)) < 0 ||
             H5Sselect_hyperslab(d->space, H5S_SELECT_SET, &start, NULL, &count, NULL) < 0 ||
             H5Dread(d->id, type, memory, d->space, H5P_DEFAULT, *out) < 0)
        st = fail_damaged(d->id, "dataset", path);
    if (memory >= 0)
        H5Sclose(memory);
    if (type >= 0)
        H5Tclose(type);
    return st;
}

ls_status ls_describe_texts(hid_t file, const char *path, ls_text *out)
{
    char *texts = NULL;
    size_t rows, width;
    dataset d;
    ls_h5_lock lock;
    ls_status st;

    ls_h5_lock_take(&lock);
    LS_TRY_CLEANUP(open_dataset(file, path, &d));
    if (H5Tget_class(d.type) != H5T_STRING || H5Tis_variable_str(d.type) || d.axes != 1 || d.n == 0)
        goto cleanup;
    rows = d.n < LISTED_MAX ? (size_t)d.n : LISTED_MAX;
    width = H5Tget_size(d.type);
    if (width > TEXT_BYTES_MAX || !can_read_dataset(&d))
        goto cleanup;
    LS_TRY_CLEANUP(read_texts(&d, path, rows, width, &texts));
    for (size_t i = 0; i < rows; i++) {
        ls_text_add(out, "    ");
        ls_add_clean(texts + i * (width + 1), TEXT_MAX, out);
        ls_text_add(out, "\n");
    }
    if (d.n > rows)
        ls_text_add(out, "    and %llu more\n", (unsigned long long)(d.n - rows));
cleanup:
    ls_free(texts);
    close_dataset(&d);
    ls_h5_lock_release(&lock);
    return st == LS_OK ? out->status : st;
}

/* ---- attributes ---- */

static ls_status add_texts(hid_t file, const char *object, const char *name, ls_text *out)
{
    char **texts;
    size_t n;

    LS_TRY(ls_h5_get_texts(file, object, name, &texts, &n));
    for (size_t i = 0; i < n && i < SHOWN_MAX; i++) {
        ls_text_add(out, "%s", i ? ", " : "");
        ls_add_clean(texts[i], TEXT_MAX, out);
    }
    if (n > SHOWN_MAX)
        ls_text_add(out, ", … (%zu in all)", n);
    ls_h5_free_texts(texts, n);
    return LS_OK;
}

/* Doubles would not hold every 64-bit integer, so these are read as what they are. */
static ls_status add_numbers(hid_t attribute, hid_t type, const char *name, size_t n, ls_text *out)
{
    const bool integer = H5Tget_class(type) == H5T_INTEGER;
    const bool is_signed = integer && H5Tget_sign(type) != H5T_SGN_NONE;
    const hid_t memory = !integer ? H5T_NATIVE_DOUBLE : is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64;
    union number {
        double real;
        int64_t whole;
        uint64_t natural;
    } *value = ls_calloc(n, sizeof *value, "an attribute");
    char text[LS_NUMBER_BYTES];

    if (!value)
        return LS_ERR_MEMORY;
    if (H5Aread(attribute, memory, value) < 0) {
        ls_free(value);
        return fail_damaged(attribute, "attribute", name);
    }
    for (size_t i = 0; i < n && i < SHOWN_MAX; i++) {
        ls_text_add(out, "%s", i ? ", " : "");
        if (!integer) {
            ls_format_double(value[i].real, text, sizeof text);
            ls_text_add(out, "%s", text);
        } else if (is_signed) {
            ls_text_add(out, "%lld", (long long)value[i].whole);
        } else {
            ls_text_add(out, "%llu", (unsigned long long)value[i].natural);
        }
    }
    if (n > SHOWN_MAX)
        ls_text_add(out, ", … (%zu in all)", n);
    ls_free(value);
    return LS_OK;
}

ls_status ls_describe_attribute(hid_t file, const char *object, const char *name, ls_text *out)
{
    ls_h5_attribute a;
    ls_h5_lock lock;
    ls_status st = LS_OK;

    ls_h5_lock_take(&lock);
    if (!ls_h5_attribute_open(file, object, name, &a))
        st = fail_damaged(file, "attribute", name);
    else if (a.n == 0)
        ls_text_add(out, "(empty)");
    else if (H5Tget_class(a.type) == H5T_STRING)
        st = add_texts(file, object, name, out);
    else if (is_number(a.type) && H5Tget_size(a.type) <= sizeof(double))
        st = add_numbers(a.id, a.type, name, a.n, out);
    else
        ls_text_add(out, "(%s)", ls_h5_class_name(a.type));
    ls_h5_attribute_close(&a);
    ls_h5_lock_release(&lock);
    return st == LS_OK ? out->status : st;
}

/* Names end to end with their zero bytes. */
static herr_t collect_name(hid_t object, const char *name, const H5A_info_t *info, void *data)
{
    (void)object;
    (void)info;
    ls_text_add_bytes(data, name, strlen(name) + 1);
    return 0;
}

ls_status ls_describe_attributes(hid_t file, const char *object, ls_text *out)
{
    ls_text names = {0};
    ls_h5_lock lock;
    ls_status st;

    ls_h5_lock_take(&lock);
    if (H5Aiterate_by_name(file, object, H5_INDEX_NAME, H5_ITER_INC, NULL, collect_name, &names, H5P_DEFAULT) < 0) {
        st = fail_damaged(file, "the attributes of", object);
        goto cleanup;
    }
    st = names.status;
    for (size_t at = 0; at < names.length && st == LS_OK; at += strlen(names.data + at) + 1) {
        ls_text_add(out, "    @");
        ls_add_clean(names.data + at, TEXT_MAX, out);
        ls_text_add(out, " ");
        st = ls_describe_attribute(file, object, names.data + at, out);
        ls_text_add(out, "\n");
    }
cleanup:
    ls_text_reset(&names);
    ls_h5_lock_release(&lock);
    return st;
}

/* ---- values ---- */

/* Welford's running mean and squares: no sum of large squares that would swallow the small differences. */
void ls_stats_add(ls_value_stats *s, double value)
{
    const double before = value - s->mean;

    if (!isfinite(value)) {
        s->nan += isnan(value) != 0;
        s->infinite += isinf(value) != 0;
        return;
    }
    if (s->n == 0 || value < s->min)
        s->min = value;
    if (s->n == 0 || value > s->max)
        s->max = value;
    s->n++;
    s->mean += before / (double)s->n;
    s->squares += before * (value - s->mean);
    if (value >= 0 && value < LS_LABELS_MAX && value == floor(value)) {
        s->label[(size_t)value]++;
        s->labels++;
    }
}

double ls_stats_deviation(const ls_value_stats *stats)
{
    return stats->n ? sqrt(stats->squares / (double)stats->n) : 0;
}

/* Rows read at a time: whole chunks, so that none is unpacked twice. 0: do not read. */
static uint64_t rows_of_piece(const dataset *d)
{
    const hid_t creation = H5Dget_create_plist(d->id);
    hsize_t chunk[H5S_MAX_RANK] = {1};
    uint64_t row = 1, rows = 0;

    if (creation < 0)
        return 0;
    for (int i = 1; i < d->axes; i++)
        row *= d->dim[i];
    if (H5Pget_layout(creation) == H5D_CHUNKED)
        H5Pget_chunk(creation, H5S_MAX_RANK, chunk);
    if (can_read(creation)) {
        rows = PIECE_VALUES / row / chunk[0] * chunk[0];
        rows = rows ? rows : chunk[0];
        rows = d->axes && rows > d->dim[0] ? d->dim[0] : rows;
    }
    H5Pclose(creation);
    return rows <= PIECE_VALUES_MAX / row ? rows : 0;
}

static ls_status read_piece(const dataset *d, const char *path, uint64_t row, uint64_t rows, double *values,
                            ls_value_stats *stats)
{
    hsize_t start[H5S_MAX_RANK] = {row}, count[H5S_MAX_RANK] = {rows};
    hid_t memory;
    uint64_t n = rows;
    ls_status st = LS_OK;

    for (int i = 1; i < d->axes; i++)
        n *= count[i] = d->dim[i];
    memory = H5Screate_simple(d->axes, count, NULL);
    if (memory < 0 || H5Sselect_hyperslab(d->space, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
        H5Dread(d->id, H5T_NATIVE_DOUBLE, memory, d->space, H5P_DEFAULT, values) < 0)
        st = fail_damaged(d->id, "dataset", path);
    for (uint64_t i = 0; i < n && st == LS_OK; i++)
        ls_stats_add(stats, values[i]);
    if (memory >= 0)
        H5Sclose(memory);
    return st;
}

static ls_status read_all(const dataset *d, const char *path, ls_value_stats *stats, bool *known)
{
    const uint64_t rows = rows_of_piece(d);
    double *values = NULL;
    ls_status st = LS_OK;

    if (rows == 0)
        return LS_OK;
    values = ls_calloc((size_t)(d->axes ? d->n / d->dim[0] * rows : 1), sizeof *values, "values of a dataset");
    if (!values)
        return LS_ERR_MEMORY;
    if (d->axes == 0 && H5Dread(d->id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        st = fail_damaged(d->id, "dataset", path);
    else if (d->axes == 0)
        ls_stats_add(stats, values[0]);
    for (uint64_t row = 0; d->axes && row < d->dim[0] && st == LS_OK; row += rows)
        st = read_piece(d, path, row, rows < d->dim[0] - row ? rows : d->dim[0] - row, values, stats);
    ls_free(values);
    *known = st == LS_OK;
    return st;
}

ls_status ls_stats_read(hid_t file, const char *path, ls_value_stats *stats, bool *known)
{
    dataset d;
    ls_h5_lock lock;
    ls_status st;

    *known = false;
    *stats = (ls_value_stats){0};
    ls_h5_lock_take(&lock);
    LS_TRY_CLEANUP(open_dataset(file, path, &d));
    if (is_number(d.type) && d.n > 0 && d.n <= VALUES_MAX)
        st = read_all(&d, path, stats, known);
cleanup:
    close_dataset(&d);
    ls_h5_lock_release(&lock);
    return st;
}
