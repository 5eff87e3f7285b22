/* NumPy's arrays to an HDF5 dataset file. See import.h. */
#include "data/import.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/npy.h"
#include "data/scatter.h"
#include "h5/output.h"

/* In Fortran order a sample's values lie far apart: the larger the piece, the longer the runs that are read. */
#define FORTRAN_PIECE_BYTES ((uint64_t)32 << 20)

typedef struct job {
    const ls_npy_source *source;
    size_t sources;
    const char *output;
    int deflate;
    hid_t file;
} job;

/* ---- types ---- */

static hid_t stored_type(const ls_npy_info *info)
{
    const bool has_sign = info->kind == 'i';

    if (info->kind == 'f')
        return info->value_bytes == 8 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
    switch (info->value_bytes) {
    case 1:
        return has_sign ? H5T_STD_I8LE : H5T_STD_U8LE;
    case 2:
        return has_sign ? H5T_STD_I16LE : H5T_STD_U16LE;
    case 4:
        return has_sign ? H5T_STD_I32LE : H5T_STD_U32LE;
    default:
        return has_sign ? H5T_STD_I64LE : H5T_STD_U64LE;
    }
}

/* How HDF5 is to understand the values of the NumPy array; to be closed. IEEE's half precision: 1, 5 and 10 bits. */
static hid_t given_type(const ls_npy_info *info)
{
    const hid_t type = H5Tcopy(stored_type(info));

    if (type >= 0 && (!info->big_endian || H5Tset_order(type, H5T_ORDER_BE) >= 0) &&
        (info->kind != 'f' || info->value_bytes != 2 ||
         (H5Tset_fields(type, 15, 10, 5, 0, 10) >= 0 && H5Tset_size(type, 2) >= 0 && H5Tset_ebias(type, 15) >= 0)))
        return type;
    if (type >= 0)
        H5Tclose(type);
    return H5I_INVALID_HID;
}

/* ---- values ---- */

/* Samples as they are stored. */
static ls_status stored_shape(const ls_npy_source *source, const ls_npy *npy, ls_shape *out)
{
    *out = ls_npy_get_info(npy)->shape;
    if (!source->channels_first)
        return LS_OK;
    if (out->axes < 2)
        return ls_fail(LS_ERR_SHAPE,
                       "%s: channels-first asks for samples of 2 axes or more, channels and positions; here "
                       "they have %zu",
                       ls_npy_name(npy), out->axes);
    *out = ls_shape_channels_last(out);
    return LS_OK;
}

static void turn_channels(const ls_npy_info *info, const char *from, size_t samples, char *to)
{
    const size_t channels = info->shape.dim[0], positions = ls_shape_size(&info->shape) / channels;
    const size_t sample_bytes = channels * positions * info->value_bytes;

    for (size_t i = 0; i < samples; i++)
        ls_channels_to_last(from + i * sample_bytes, channels, positions, info->value_bytes, to + i * sample_bytes);
}

static ls_status copy_values(const job *j, const ls_npy_source *source, ls_npy *npy, hid_t dataset)
{
    const ls_npy_info *const info = ls_npy_get_info(npy);
    const size_t sample_bytes = ls_shape_size(&info->shape) * info->value_bytes;
    const hid_t type = given_type(info);
    uint64_t piece = ls_h5_chunk_rows(info->samples, sample_bytes);
    char *buffer = NULL, *turned = NULL;
    ls_status st = LS_ERR_MEMORY;

    if (info->fortran_order && piece * sample_bytes < FORTRAN_PIECE_BYTES) /* whole chunks */
        piece *= FORTRAN_PIECE_BYTES / (piece * sample_bytes);
    piece = piece < info->samples ? piece : info->samples;
    buffer = ls_calloc((size_t)piece, sample_bytes, "a piece of an NPY file");
    turned = source->channels_first ? ls_calloc((size_t)piece, sample_bytes, "a piece of an NPY file") : NULL;
    if (!buffer || (source->channels_first && !turned))
        goto cleanup;
    for (uint64_t row = 0; row < info->samples; row += piece) {
        const uint64_t rows = info->samples - row < piece ? info->samples - row : piece;

        LS_TRY_CLEANUP(ls_npy_read(npy, rows, buffer));
        if (turned)
            turn_channels(info, buffer, (size_t)rows, turned);
        if (type < 0 || !ls_h5_write_rows(dataset, type, row, rows, turned ? turned : buffer)) {
            st = ls_h5_output_fail(j->output);
            goto cleanup;
        }
    }
    st = LS_OK;
cleanup:
    if (type >= 0)
        H5Tclose(type);
    ls_free(buffer);
    ls_free(turned);
    return st;
}

/* ---- the file ---- */

static ls_status write_dataset(const job *j, hid_t group, const ls_npy_source *source, ls_npy *npy)
{
    const ls_npy_info *const info = ls_npy_get_info(npy);
    hsize_t dim[LS_AXES_MAX + 1] = {info->samples};
    hid_t dataset = H5I_INVALID_HID;
    ls_shape shape;
    ls_status st;

    LS_TRY(stored_shape(source, npy, &shape));
    for (size_t i = 0; i < shape.axes; i++)
        dim[i + 1] = shape.dim[i];
    dataset = ls_h5_create_rows(group, source->array, stored_type(info), (int)shape.axes + 1, dim, j->deflate);
    if (dataset < 0 || (!isnan(source->scale) && !ls_h5_add_doubles(dataset, "scale", &source->scale, 1, true)))
        st = ls_h5_output_fail(j->output);
    else
        st = copy_values(j, source, npy, dataset);
    if (dataset >= 0 && H5Dclose(dataset) < 0 && st == LS_OK)
        st = ls_h5_output_fail(j->output);
    return st;
}

/* All arrays of the split that source[first] is the first one of. */
static ls_status write_split(const job *j, size_t first)
{
    const char *const split = j->source[first].split;
    const hid_t group = ls_h5_create_group(j->file, split);
    ls_status st = group < 0 ? ls_h5_output_fail(j->output) : LS_OK;
    uint64_t samples = 0;

    for (size_t i = first; st == LS_OK && i < j->sources; i++) {
        const ls_npy_source *const source = &j->source[i];
        ls_npy *npy = NULL;

        if (strcmp(source->split, split) != 0)
            continue;
        if ((st = ls_npy_open(source->file, source->member, &npy)) != LS_OK)
            break;
        samples = i == first ? ls_npy_get_info(npy)->samples : samples;
        if (ls_npy_get_info(npy)->samples != samples)
            st = ls_fail(LS_ERR_DATA, "split '%s': %s has %" PRIu64 " samples, but its array '%s' has %" PRIu64, split,
                         ls_npy_name(npy), ls_npy_get_info(npy)->samples, j->source[first].array, samples);
        else
            st = write_dataset(j, group, source, npy);
        ls_npy_close(npy);
    }
    if (group >= 0 && H5Gclose(group) < 0 && st == LS_OK)
        st = ls_h5_output_fail(j->output);
    return st;
}

static bool is_first_of_split(const ls_npy_source *source, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(source[k].split, source[i].split) == 0)
            return false;
    return true;
}

static ls_status check_arguments(const job *j)
{
    if (j->sources == 0)
        return ls_fail(LS_ERR_USAGE, "nothing to import: name at least one split or array and its file");
    LS_TRY(ls_h5_output_check_deflate(j->deflate));
    for (size_t i = 0; i < j->sources; i++) {
        LS_TRY(ls_h5_output_check_split(j->source[i].split));
        LS_TRY(ls_h5_output_check_name(j->source[i].array, "an array"));
        LS_TRY(ls_h5_output_check(j->output, &j->source[i].file, 1));
        for (size_t k = 0; k < i; k++)
            if (strcmp(j->source[k].split, j->source[i].split) == 0 &&
                strcmp(j->source[k].array, j->source[i].array) == 0)
                return ls_fail(LS_ERR_USAGE, "array '%s' of split '%s' is given twice", j->source[i].array,
                               j->source[i].split);
    }
    return LS_OK;
}

ls_status ls_import_npy(const ls_npy_source *source, size_t sources, const char *output, int deflate)
{
    job j = {.source = source, .sources = sources, .output = output, .deflate = deflate};
    ls_h5_output out;
    ls_status st;

    LS_TRY(check_arguments(&j));
    LS_TRY_CLEANUP(ls_h5_output_begin(output, &out));
    j.file = out.file;
    for (size_t i = 0; i < sources; i++)
        if (is_first_of_split(source, i))
            LS_TRY_CLEANUP(write_split(&j, i));
    st = ls_h5_output_commit(&out);
cleanup:
    ls_h5_output_end(&out);
    return st;
}
