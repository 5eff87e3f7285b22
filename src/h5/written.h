/*
 * Are the values of a dataset there? Where none was ever written HDF5 gives the fill value, 0 as a rule, without a
 * word: in chunks that nobody filled, in datasets that nobody wrote, in virtual datasets whose sources are gone.
 */
#ifndef LS_H5_WRITTEN_H
#define LS_H5_WRITTEN_H

#include <hdf5.h>
#include <stdint.h>

#include "base/text.h"
#include "h5/links.h"

typedef struct ls_h5_rows {
    uint64_t first, end;
} ls_h5_rows;

/*
 * Between ls_h5_lock_take and _release. file_path: that the dataset is in; name: for messages. Before any call that
 * lets HDF5 open the sources of a virtual dataset: they must be files that may be read, and are added to files.
 */
ls_status ls_h5_check_sources(hid_t dataset, const char *file_path, const char *name, const ls_h5_rules *rules,
                              ls_h5_files *files);

/* LS_ERR_DATA naming rows of [first, first + n), and the source, that nobody has written; nothing with unwritten. */
ls_status ls_h5_check_written(hid_t dataset, const char *file_path, const char *name, uint64_t first, uint64_t n,
                              const ls_h5_rules *rules, ls_h5_files *files);

/*
 * ls_h5_check_written whatever the rules say of unwritten values. *gap: the rows that the failure is about; empty if
 * it is about something else, such as a source.
 */
ls_status ls_h5_find_gap(hid_t dataset, const char *file_path, const char *name, uint64_t first, uint64_t n,
                         const ls_h5_rules *rules, ls_h5_files *files, ls_h5_rows *gap);

/*
 * The sources of a virtual dataset or the external files of another one, n in all, a line for each of the first max:
 * "a.h5:/x (samples 0 to 9)". None is opened. Between ls_h5_lock_take and _release.
 */
ls_status ls_h5_list_sources(hid_t dataset, const char *name, size_t max, ls_text *out, size_t *n);

#endif
