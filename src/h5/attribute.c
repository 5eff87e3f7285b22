#include "h5/attribute.h"

#include <string.h>

#include "base/memory.h"
#include "h5/case.h"
#include "h5/open.h"

#define WHAT "texts of an HDF5 file"

bool ls_h5_attribute_open(hid_t from, const char *object, const char *name, ls_h5_attribute *out)
{
    hssize_t n = -1;

    *out = (ls_h5_attribute){H5I_INVALID_HID, H5I_INVALID_HID, H5I_INVALID_HID, 0};
    if ((out->id = H5Aopen_by_name(from, object, name, H5P_DEFAULT, H5P_DEFAULT)) < 0 ||
        (out->type = H5Aget_type(out->id)) < 0 || (out->space = H5Aget_space(out->id)) < 0 ||
        (n = H5Sget_simple_extent_npoints(out->space)) < 0)
        return false;
    out->n = (size_t)n;
    return true;
}

void ls_h5_attribute_close(ls_h5_attribute *a)
{
    if (a->space > 0)
        H5Sclose(a->space);
    if (a->type > 0)
        H5Tclose(a->type);
    if (a->id > 0)
        H5Aclose(a->id);
    *a = (ls_h5_attribute){H5I_INVALID_HID, H5I_INVALID_HID, H5I_INVALID_HID, 0};
}

/* At most `limit` bytes; NULL: out of memory. */
static char *copy_text(const char *from, size_t limit, bool padded_with_spaces)
{
    size_t length = strnlen(from, limit);
    char *text;

    while (padded_with_spaces && length > 0 && from[length - 1] == ' ') /* as Fortran does */
        length--;
    text = ls_calloc(length + 1, 1, WHAT);
    return text ? memcpy(text, from, length) : NULL;
}

static ls_status read_fixed(const ls_h5_attribute *a, bool spaces, const char *place, char **texts)
{
    const size_t size = H5Tget_size(a->type);
    char *const bytes = ls_calloc(a->n, size, WHAT);
    ls_status st = LS_OK;

    if (!bytes)
        return LS_ERR_MEMORY;
    if (H5Aread(a->id, a->type, bytes) < 0)
        st = ls_h5_fail("%s cannot be read", place);
    for (size_t i = 0; i < a->n && st == LS_OK; i++)
        if (!(texts[i] = copy_text(bytes + i * size, size, spaces)))
            st = LS_ERR_MEMORY;
    ls_free(bytes);
    return st;
}

static ls_status read_variable(const ls_h5_attribute *a, bool spaces, const char *place, char **texts)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    char **const read = ls_calloc(a->n, sizeof *read, WHAT);
    ls_status st = read ? ls_h5_check_heaps_around(a->id) : LS_ERR_MEMORY;

    if (st != LS_OK) {
        /* said */
    } else if (type < 0 || H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5Tget_cset(a->type)) < 0 ||
               H5Aread(a->id, type, read) < 0) {
        st = ls_h5_fail("%s cannot be read", place);
    } else {
        for (size_t i = 0; i < a->n && st == LS_OK; i++)
            if (!(texts[i] = copy_text(read[i] ? read[i] : "", SIZE_MAX, spaces)))
                st = LS_ERR_MEMORY;
        H5Dvlen_reclaim(type, a->space, H5P_DEFAULT, read);
    }
    ls_free(read);
    if (type >= 0)
        H5Tclose(type);
    return st;
}

ls_status ls_h5_attribute_texts(const ls_h5_attribute *a, const char *place, char **texts)
{
    const bool spaces = H5Tget_strpad(a->type) == H5T_STR_SPACEPAD;

    return (H5Tis_variable_str(a->type) > 0 ? read_variable : read_fixed)(a, spaces, place, texts);
}
