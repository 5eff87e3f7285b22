#include "h5/written.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "h5/case.h"
#include "h5/open.h"

#define DEPTH_MAX 8                  /* virtual datasets of virtual datasets */
#define NAMED_MAX 1000               /* chunks that are looked at to name the last row */
#define ROWS_MAX (UINT64_C(1) << 32) /* of a virtual dataset */
#define BLOCKS_MAX ((hssize_t)1 << 22)

/* A dataset whose rows [first, first + n) are wanted. */
typedef struct wanted {
    hid_t dataset, creation;
    int rank;
    hsize_t dim[H5S_MAX_RANK];
    const char *file_path, *name;
    uint64_t first, n;
    const ls_h5_rules *rules;
    ls_h5_files *files;
    int depth;
    ls_h5_rows *gap; /* becomes what nobody has written of this dataset itself; NULL: nobody asks */
} wanted;

static ls_status fail_unwritten(const wanted *w, uint64_t first, uint64_t last, const char *why)
{
    if (w->gap)
        *w->gap = (ls_h5_rows){first, last + 1};
    return ls_fail(LS_ERR_DATA,
                   "%s: samples %llu to %llu were never written%s: HDF5 would make up their values. Write them, leave "
                   "them out with rows, or say unwritten: fill below data (evaluate and predict: --unwritten fill) if "
                   "the fill value is meant",
                   w->name, (unsigned long long)first, (unsigned long long)last, why);
}

/* ---- chunks ---- */

/* To the next chunk within a row of chunks; false: that was the last. */
static bool next_chunk(const wanted *w, const hsize_t *chunk, hsize_t *offset)
{
    for (int i = w->rank - 1; i > 0; i--) {
        offset[i] += chunk[i];
        if (offset[i] < w->dim[i])
            return true;
        offset[i] = 0;
    }
    return false;
}

/* Are all chunks that begin with this row there? */
static bool has_chunks(const wanted *w, const hsize_t *chunk, uint64_t row)
{
    hsize_t offset[H5S_MAX_RANK] = {row};

    do {
        hsize_t bytes = 0;

        if (H5Dget_chunk_storage_size(w->dataset, offset, &bytes) < 0 || bytes == 0)
            return false;
    } while (next_chunk(w, chunk, offset));
    return true;
}

static bool has_all_chunks(const wanted *w, const hsize_t *chunk)
{
#if H5_VERSION_GE(1, 10, 5)
    hsize_t there = 0;
    double all = 1;

    for (int i = 0; i < w->rank; i++)
        all *= (double)((w->dim[i] - 1) / chunk[i] + 1);
    return H5Dget_num_chunks(w->dataset, H5S_ALL, &there) >= 0 && (double)there >= all;
#else
    return false;
#endif
}

static ls_status check_chunks(const wanted *w)
{
    hsize_t chunk[H5S_MAX_RANK];
    const uint64_t end = w->first + w->n;

    if (H5Pget_chunk(w->creation, H5S_MAX_RANK, chunk) != w->rank)
        return ls_h5_fail("%s: its chunks cannot be found", w->name);
    if (has_all_chunks(w, chunk))
        return LS_OK;
    for (uint64_t row = w->first / chunk[0] * chunk[0]; row < end; row += chunk[0]) {
        uint64_t last = row;

        if (has_chunks(w, chunk, row))
            continue;
        for (int i = 0; i < NAMED_MAX && last + chunk[0] < end && !has_chunks(w, chunk, last + chunk[0]); i++)
            last += chunk[0];
        return fail_unwritten(w, row < w->first ? w->first : row, last + chunk[0] < end ? last + chunk[0] - 1 : end - 1,
                              "");
    }
    return LS_OK;
}

/* ---- virtual datasets ---- */

/* What one mapping says. */
typedef struct mapping {
    char *file, *dataset;
    hid_t here, there; /* selections */
} mapping;

static void mapping_reset(mapping *m)
{
    ls_free(m->file);
    ls_free(m->dataset);
    if (m->here >= 0)
        H5Sclose(m->here);
    if (m->there >= 0)
        H5Sclose(m->there);
}

static ls_status copy_name(ssize_t (*get)(hid_t, size_t, char *, size_t), const wanted *w, size_t i, char **out)
{
    const ssize_t n = get(w->creation, i, NULL, 0);

    if (n < 0)
        return ls_h5_fail("%s: its sources cannot be found", w->name);
    if (!(*out = ls_calloc((size_t)n + 1, 1, "the source of a dataset")))
        return LS_ERR_MEMORY;
    return get(w->creation, i, *out, (size_t)n + 1) < 0 ? ls_h5_fail("%s: its sources cannot be found", w->name)
                                                        : LS_OK;
}

static ls_status read_mapping(const wanted *w, size_t i, mapping *m)
{
    *m = (mapping){.here = H5I_INVALID_HID, .there = H5I_INVALID_HID};
    LS_TRY(copy_name(H5Pget_virtual_filename, w, i, &m->file));
    LS_TRY(copy_name(H5Pget_virtual_dsetname, w, i, &m->dataset));
    if ((m->here = H5Pget_virtual_vspace(w->creation, i)) < 0 ||
        (m->there = H5Pget_virtual_srcspace(w->creation, i)) < 0)
        return ls_h5_fail("%s: its sources cannot be found", w->name);
    return LS_OK;
}

static bool is_unlimited(hid_t space)
{
    hsize_t start[H5S_MAX_RANK], stride[H5S_MAX_RANK], count[H5S_MAX_RANK], block[H5S_MAX_RANK];
    const int rank = H5Sget_simple_extent_ndims(space);

    if (H5Sget_select_type(space) != H5S_SEL_HYPERSLABS || H5Sis_regular_hyperslab(space) <= 0 ||
        H5Sget_regular_hyperslab(space, start, stride, count, block) < 0)
        return false;
    for (int i = 0; i < rank; i++)
        if (count[i] == H5S_UNLIMITED || block[i] == H5S_UNLIMITED)
            return true;
    return false;
}

/* "FILE:/x takes values from 'b.h5:/y', which" */
static ls_status describe_source(const wanted *w, const mapping *m, ls_text *out)
{
    ls_text_add(out, "%s: its source '%s:%s'", w->name, m->file, m->dataset);
    return out->status;
}

/* A source that is not there, where that is meant. */
static bool may_be_gone(const wanted *w, const mapping *m)
{
    char *const path = w->rules->unwritten && strcmp(m->file, ".") != 0 ? ls_path_beside(w->file_path, m->file) : NULL;
    const bool gone = path && !ls_file_exists(path);

    ls_free(path);
    return gone;
}

static ls_status source_file(const wanted *w, const mapping *m, char **path)
{
    ls_text what = {0};
    ls_status st;

    *path = NULL;
    if (strcmp(m->file, ".") == 0)
        return (*path = ls_strdup(w->file_path)) ? LS_OK : LS_ERR_MEMORY;
    if (strstr(m->file, "%b") || strstr(m->dataset, "%b"))
        return ls_fail(LS_ERR_DATA,
                       "%s is a virtual dataset over a series of files, '%s', whose end nobody knows: copy its values "
                       "into one file",
                       w->name, m->file);
    LS_TRY_CLEANUP(describe_source(w, m, &what));
    st = ls_h5_linked_file(w->file_path, m->file, what.data, w->rules, w->files, path);
cleanup:
    ls_text_reset(&what);
    return st;
}

static ls_status check(const wanted *w, bool values);

/* All of it is taken. */
static ls_status check_whole_source(wanted *source, const mapping *m)
{
    double values = 1;

    for (int i = 0; i < source->rank; i++)
        values *= (double)source->dim[i];
    source->n = source->dim[0];
    return is_unlimited(m->here) || values == (double)H5Sget_select_npoints(m->here)
               ? LS_OK
               : ls_fail(LS_ERR_DATA, "%s has %.0f values, but %.0f are taken from it: HDF5 would make up the rest",
                         source->name, values, (double)H5Sget_select_npoints(m->here));
}

/* What is taken must be there. */
static ls_status check_source_part(wanted *source, const mapping *m)
{
    hsize_t begin[H5S_MAX_RANK] = {0}, end[H5S_MAX_RANK] = {0};
    const int rank = H5Sget_simple_extent_ndims(m->there);
    const bool grows = is_unlimited(m->there);

    if (source->rank != rank || H5Sget_select_bounds(m->there, begin, end) < 0)
        return ls_fail(LS_ERR_DATA, "%s has %d axes, not the %d that are taken from it", source->name, source->rank,
                       rank);
    for (int i = 0; i < rank; i++)
        if (!grows && end[i] >= source->dim[i])
            return ls_fail(LS_ERR_DATA,
                           "%s has length %llu along axis %d, but %llu are taken from it: HDF5 would make up the rest",
                           source->name, (unsigned long long)source->dim[i], i, (unsigned long long)end[i] + 1);
    source->first = begin[0];
    source->n = (grows ? source->dim[0] : end[0] + 1) - begin[0];
    return LS_OK;
}

/* The rows of the source that a mapping takes. */
static ls_status check_source_rows(const wanted *w, const mapping *m, const char *path, hid_t dataset, bool values)
{
    ls_text name = {0};
    hid_t space = H5I_INVALID_HID;
    wanted source = {
        .dataset = dataset, .file_path = path, .rules = w->rules, .files = w->files, .depth = w->depth + 1};
    ls_status st;

    LS_TRY_CLEANUP(describe_source(w, m, &name));
    source.name = name.data;
    if ((source.creation = H5Dget_create_plist(dataset)) < 0) {
        st = ls_h5_fail("%s", name.data);
        goto cleanup;
    }
    LS_TRY_CLEANUP(check(&source, false)); /* its own sources, before its size can be asked for */
    if ((space = H5Dget_space(dataset)) < 0 || (source.rank = H5Sget_simple_extent_dims(space, source.dim, NULL)) < 0) {
        st = ls_h5_fail("%s", name.data);
        goto cleanup;
    }
    if (w->rules->unwritten)
        goto cleanup;                                /* what is missing may be */
    if (H5Sget_select_type(m->there) == H5S_SEL_ALL) /* of a size that is not known before */
        st = check_whole_source(&source, m);
    else
        st = check_source_part(&source, m);
    if (st == LS_OK && values)
        st = check(&source, true);
cleanup:
    if (space >= 0)
        H5Sclose(space);
    if (source.creation > 0)
        H5Pclose(source.creation);
    ls_text_reset(&name);
    return st;
}

static ls_status check_source(const wanted *w, const mapping *m, bool values)
{
    char *path = NULL;
    hid_t file = H5I_INVALID_HID, dataset = H5I_INVALID_HID;
    ls_h5_target target = {.file = H5I_INVALID_HID};
    bool missing = false;
    ls_status st;

    if (may_be_gone(w, m))
        return LS_OK;
    LS_TRY_CLEANUP(source_file(w, m, &path));
    LS_TRY_CLEANUP(ls_h5_open_file(path, &file));
    st = ls_h5_follow(file, path, m->dataset, w->rules, w->files, &missing, &target);
    if (missing)
        ls_fail(st, "%s: its source '%s:%s' is not there: HDF5 would make up its values", w->name, path, m->dataset);
    LS_TRY_CLEANUP(st);
    if ((dataset = H5Dopen2(target.file >= 0 ? target.file : file, target.path, H5P_DEFAULT)) < 0)
        st = ls_h5_fail("%s: its source '%s:%s' cannot be opened", w->name, m->file, m->dataset);
    else
        st = check_source_rows(w, m, target.file_path ? target.file_path : path, dataset, values);
cleanup:
    if (dataset >= 0)
        H5Dclose(dataset);
    ls_h5_target_reset(&target);
    if (file >= 0)
        H5Fclose(file);
    ls_free(path);
    return st;
}

/* Adds to have[row] how many values of each row the selection gives. */
static ls_status count_values(const wanted *w, hid_t selection, uint64_t *have)
{
    const hssize_t n = H5Sget_select_type(selection) == H5S_SEL_ALL ? 0 : H5Sget_select_hyper_nblocks(selection);
    hsize_t *blocks;
    uint64_t row_values = 1;

    for (int i = 1; i < w->rank; i++)
        row_values *= w->dim[i];
    if (H5Sget_select_type(selection) == H5S_SEL_ALL)
        for (uint64_t r = 0; r < w->dim[0]; r++)
            have[r] += row_values;
    if (n > BLOCKS_MAX)
        return ls_fail(LS_ERR_DATA, "%s is made of too many pieces: copy its values into one file", w->name);
    if (n <= 0)
        return LS_OK;
    if (!(blocks = ls_calloc((size_t)n * (size_t)w->rank, 2 * sizeof *blocks, "a virtual dataset")))
        return LS_ERR_MEMORY;
    if (H5Sget_select_hyper_blocklist(selection, 0, (hsize_t)n, blocks) < 0) {
        ls_free(blocks);
        return ls_h5_fail("%s: its sources cannot be found", w->name);
    }
    for (hssize_t b = 0; b < n; b++) {
        const hsize_t *const begin = blocks + (size_t)b * 2 * (size_t)w->rank, *const end = begin + w->rank;
        uint64_t values = 1;

        for (int i = 1; i < w->rank; i++)
            values *= end[i] - begin[i] + 1;
        for (hsize_t r = begin[0]; r <= end[0] && r < w->dim[0]; r++)
            have[r] += values;
    }
    ls_free(blocks);
    return LS_OK;
}

static ls_status check_coverage(const wanted *w, const uint64_t *have)
{
    uint64_t row_values = 1;

    for (int i = 1; i < w->rank; i++)
        row_values *= w->dim[i];
    for (uint64_t r = w->first; r < w->first + w->n; r++) {
        uint64_t last = r;

        if (have[r] >= row_values)
            continue;
        while (last + 1 < w->first + w->n && have[last + 1] < row_values)
            last++;
        return fail_unwritten(w, r, last, " (no source of the virtual dataset has them all)");
    }
    return LS_OK;
}

/* values false: only that the sources may be opened. */
static ls_status check_virtual(const wanted *w, bool values)
{
    uint64_t *have = NULL;
    size_t n = 0;
    ls_status st = LS_OK;

    if (w->depth > DEPTH_MAX)
        return ls_fail(LS_ERR_DATA, "%s: virtual datasets of virtual datasets, more than %d deep", w->name, DEPTH_MAX);
    if (H5Pget_virtual_count(w->creation, &n) < 0)
        return ls_h5_fail("%s: its sources cannot be found", w->name);
    if (values && w->dim[0] > ROWS_MAX)
        return ls_fail(LS_ERR_DATA, "%s is a virtual dataset of more than 2^32 samples", w->name);
    if (values && !(have = ls_calloc((size_t)w->dim[0], sizeof *have, w->name)))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < n && st == LS_OK; i++) {
        mapping m;

        st = read_mapping(w, i, &m);
        if (st == LS_OK && is_unlimited(m.here) && !w->rules->unwritten)
            st = ls_fail(LS_ERR_DATA,
                         "%s is a virtual dataset that grows with its sources, and where they end HDF5 makes up "
                         "values: copy its values into one file",
                         w->name);
        if (st == LS_OK)
            st = check_source(w, &m, values);
        if (st == LS_OK && values)
            st = count_values(w, m.here, have);
        mapping_reset(&m);
    }
    if (st == LS_OK && values)
        st = check_coverage(w, have);
    ls_free(have);
    return st;
}

/* ---- all ---- */

static ls_status check(const wanted *w, bool values)
{
    switch (H5Pget_layout(w->creation)) {
    case H5D_VIRTUAL:
        return check_virtual(w, values);
    case H5D_CHUNKED:
        return values ? check_chunks(w) : LS_OK;
    case H5D_CONTIGUOUS:
        return values && H5Pget_external_count(w->creation) == 0 && H5Dget_storage_size(w->dataset) == 0
                   ? fail_unwritten(w, w->first, w->first + w->n - 1, "")
                   : LS_OK;
    default:
        return LS_OK;
    }
}

static ls_status check_dataset(wanted *w, bool values)
{
    hid_t space = H5I_INVALID_HID;
    ls_status st = LS_OK;

    if ((w->creation = H5Dget_create_plist(w->dataset)) < 0)
        return ls_h5_fail("%s: cannot be opened", w->name);
    if (values &&
        ((space = H5Dget_space(w->dataset)) < 0 || (w->rank = H5Sget_simple_extent_dims(space, w->dim, NULL)) < 0))
        st = ls_h5_fail("%s: its size cannot be read", w->name);
    if (st == LS_OK)
        st = check(w, values && w->rank > 0);
    if (space >= 0)
        H5Sclose(space);
    H5Pclose(w->creation);
    return st;
}

ls_status ls_h5_check_sources(hid_t dataset, const char *file_path, const char *name, const ls_h5_rules *rules,
                              ls_h5_files *files)
{
    wanted w = {.dataset = dataset, .file_path = file_path, .name = name, .rules = rules, .files = files};

    return check_dataset(&w, false);
}

ls_status ls_h5_check_written(hid_t dataset, const char *file_path, const char *name, uint64_t first, uint64_t n,
                              const ls_h5_rules *rules, ls_h5_files *files)
{
    ls_h5_rows gap;

    return rules->unwritten ? LS_OK : ls_h5_find_gap(dataset, file_path, name, first, n, rules, files, &gap);
}

ls_status ls_h5_find_gap(hid_t dataset, const char *file_path, const char *name, uint64_t first, uint64_t n,
                         const ls_h5_rules *rules, ls_h5_files *files, ls_h5_rows *gap)
{
    const ls_h5_rules strict = {.any_links = rules->any_links};
    wanted w = {.dataset = dataset,
                .file_path = file_path,
                .name = name,
                .first = first,
                .n = n,
                .rules = &strict,
                .files = files,
                .gap = gap};

    *gap = (ls_h5_rows){0};
    return check_dataset(&w, true);
}

/* ---- what it is made of ---- */

static ls_status list_mapping(const wanted *w, size_t i, ls_text *out)
{
    hsize_t begin[H5S_MAX_RANK] = {0}, end[H5S_MAX_RANK] = {0};
    mapping m;
    const ls_status st = read_mapping(w, i, &m);

    if (st == LS_OK) {
        ls_text_add(out, "%s:%s", strcmp(m.file, ".") == 0 ? "this file" : m.file, m.dataset);
        if (H5Sget_select_type(m.here) == H5S_SEL_ALL)
            ls_text_add(out, " (all)");
        else if (is_unlimited(m.here))
            ls_text_add(out, " (as many as there are)");
        else if (H5Sget_select_bounds(m.here, begin, end) >= 0)
            ls_text_add(out, " (samples %llu to %llu)", (unsigned long long)begin[0], (unsigned long long)end[0]);
        ls_text_add(out, "\n");
    }
    mapping_reset(&m);
    return st;
}

static ls_status list_external(const wanted *w, size_t i, ls_text *out)
{
    char name[1024] = "";
    off_t offset;
    hsize_t bytes;

    if (H5Pget_external(w->creation, (unsigned)i, sizeof name - 1, name, &offset, &bytes) < 0)
        return ls_h5_fail("%s: its sources cannot be found", w->name);
    ls_text_add(out, "%s (", name);
    if (bytes == H5F_UNLIMITED)
        ls_text_add(out, "all bytes from %lld)\n", (long long)offset);
    else
        ls_text_add(out, "%llu bytes from %lld)\n", (unsigned long long)bytes, (long long)offset);
    return LS_OK;
}

ls_status ls_h5_list_sources(hid_t dataset, const char *name, size_t max, ls_text *out, size_t *n)
{
    wanted w = {.dataset = dataset, .name = name, .creation = H5Dget_create_plist(dataset)};
    bool is_virtual;
    ls_status st = LS_OK;

    *n = 0;
    if (w.creation < 0)
        return ls_h5_fail("%s: cannot be opened", name);
    is_virtual = H5Pget_layout(w.creation) == H5D_VIRTUAL;
    if (is_virtual && H5Pget_virtual_count(w.creation, n) < 0)
        st = ls_h5_fail("%s: its sources cannot be found", name);
    else if (!is_virtual && H5Pget_external_count(w.creation) > 0)
        *n = (size_t)H5Pget_external_count(w.creation);
    for (size_t i = 0; i < *n && i < max && st == LS_OK; i++)
        st = is_virtual ? list_mapping(&w, i, out) : list_external(&w, i, out);
    H5Pclose(w.creation);
    return st == LS_OK ? out->status : st;
}
