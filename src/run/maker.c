#include "run/maker.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/model_file.h"
#include "lockstep/version.h"
#include "tensor/kernels.h"

#define GROUP LS_MODEL_FILE_GROUP
#define ACCEPT "accept it with --allow-other-kernel"

ls_status ls_maker_put(hid_t file, ls_arithmetic arithmetic)
{
    LS_TRY(ls_h5_put_text(file, GROUP, "arithmetic", ls_arithmetic_names[arithmetic]));
    return arithmetic == LS_ARITHMETIC_PORTABLE ? ls_h5_put_int(file, GROUP, "revision", LS_ARITHMETIC_REVISION)
                                                : ls_h5_put_text(file, GROUP, "kernel", ls_blas_kernel());
}

/* OpenBLAS: equal bits need the same kernels and the same lockstep. */
static ls_status check_kernel(hid_t file, const char *path)
{
    char *kernel, *version;
    ls_status st = LS_OK;

    LS_TRY(ls_h5_get_text(file, GROUP, "version", &version));
    if (strcmp(version, ls_version()) != 0)
        st = ls_fail(
            LS_ERR_MISMATCH,
            "'%s' was written by lockstep %s, this is %s: the bits may differ. Go on with that version, or " ACCEPT,
            path, version, ls_version());
    ls_free(version);
    LS_TRY(st);
    LS_TRY(ls_h5_get_text(file, GROUP, "kernel", &kernel));
    if (strcmp(kernel, ls_blas_kernel()) != 0)
        st = ls_fail(LS_ERR_MISMATCH,
                     "'%s' was computed with OpenBLAS's %s kernels, this run uses %s: the bits would differ. Set "
                     "distributed.blas_kernel: %s, or " ACCEPT,
                     path, kernel, ls_blas_kernel(), kernel);
    ls_free(kernel);
    return st;
}

/* Portable: any machine and any lockstep of the same revision. */
static ls_status check_revision(hid_t file, const char *path)
{
    int64_t revision;

    LS_TRY(ls_h5_get_int(file, GROUP, "revision", &revision));
    if (revision == LS_ARITHMETIC_REVISION)
        return LS_OK;
    return ls_fail(LS_ERR_MISMATCH,
                   "'%s' was computed with revision %" PRId64 " of the portable arithmetic, this lockstep has revision "
                   "%d: the bits would differ. Go on with a lockstep of that revision, or " ACCEPT,
                   path, revision, LS_ARITHMETIC_REVISION);
}

ls_status ls_maker_check(hid_t file, const char *path, ls_arithmetic ours)
{
    const char *const openblas = ls_arithmetic_names[LS_ARITHMETIC_OPENBLAS];
    char *theirs = NULL;
    ls_status st;

    if (ls_h5_has_attribute(file, GROUP, "arithmetic")) /* else it is of a lockstep that had OpenBLAS alone */
        LS_TRY(ls_h5_get_text(file, GROUP, "arithmetic", &theirs));
    if (strcmp(theirs ? theirs : openblas, ls_arithmetic_names[ours]) != 0)
        st = ls_fail(LS_ERR_MISMATCH,
                     "'%s' was computed with distributed.arithmetic: %s, this run has %s: the bits would differ. Set "
                     "that one, or " ACCEPT,
                     path, theirs ? theirs : openblas, ls_arithmetic_names[ours]);
    else
        st = ours == LS_ARITHMETIC_PORTABLE ? check_revision(file, path) : check_kernel(file, path);
    ls_free(theirs);
    return st;
}
