/* What is the case when a call of HDF5 has failed: one sentence for people, and the status that goes with it. */
#ifndef LS_H5_CASE_H
#define LS_H5_CASE_H

#include <hdf5.h>

#include "base/error.h"

#define LS_H5_CASE_BYTES 384

typedef struct ls_h5_case {
    ls_status status;            /* MEMORY, IO (locked, not closed, unreadable), DATA (a filter is missing) or FORMAT */
    char text[LS_H5_CASE_BYTES]; /* "it is truncated: …" */
} ls_h5_case;

/* Of the last failed call: first thing after it, since other calls clear HDF5's record. */
void ls_h5_case_get(ls_h5_case *out);

/* What the operating system said, likewise; 0: nothing. */
int ls_h5_errno(void);

/* ls_h5_case_get for a failed read of a dataset; a filter that this HDF5 lacks is named as well as can be. */
void ls_h5_case_of_read(hid_t dataset, ls_h5_case *out);

/* "MESSAGE: WHAT IS THE CASE" with the case's status. The arguments of the message must be ready before the failure. */
ls_status ls_h5_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
ls_status ls_h5_fail_case(const ls_h5_case *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
#ifdef __clang_analyzer__ /* base/error.h */
#define ls_h5_fail(...) ls_still_fault(LS_ERR_INTERNAL, (ls_h5_fail)(__VA_ARGS__))
#define ls_h5_fail_case(...) ls_still_fault(LS_ERR_INTERNAL, (ls_h5_fail_case)(__VA_ARGS__))
#endif

#endif
