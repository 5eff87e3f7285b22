/* Attributes of HDF5 objects, between ls_h5_lock_take and _release. Who asks knows what should be there, and says so.
 */
#ifndef LS_H5_ATTRIBUTE_H
#define LS_H5_ATTRIBUTE_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct ls_h5_attribute {
    hid_t id, type, space; /* < 0: not open */
    size_t n;              /* values */
} ls_h5_attribute;

/* The attribute of the object at that path from `from` ("." is `from` itself). false: HDF5 cannot, and knows the case
 * (h5/case.h). To be closed also then. */
bool ls_h5_attribute_open(hid_t from, const char *object, const char *name, ls_h5_attribute *out);

/* All zeros and closed ones are accepted. */
void ls_h5_attribute_close(ls_h5_attribute *a);

/*
 * Its n texts, of fixed or variable length, without what they are padded with; each becomes the caller's (ls_free),
 * also after a failure. LS_ERR_FORMAT: "PLACE cannot be read", or its heap is one that HDF5 would read for ever.
 */
ls_status ls_h5_attribute_texts(const ls_h5_attribute *a, const char *place, char **texts);

#endif
