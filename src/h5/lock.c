#include "h5/lock.h"

#include <pthread.h>
#include <stdio.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex;

static void make_lock(void)
{
    pthread_mutexattr_t recursive;

    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&mutex, &recursive);
    pthread_mutexattr_destroy(&recursive);
}

void ls_h5_lock_take(ls_h5_lock *lock)
{
    pthread_once(&once, make_lock);
    pthread_mutex_lock(&mutex);
    H5Eget_auto2(H5E_DEFAULT, &lock->print, &lock->data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void ls_h5_lock_release(const ls_h5_lock *lock)
{
    H5Eset_auto2(H5E_DEFAULT, lock->print, lock->data);
    pthread_mutex_unlock(&mutex);
}

void ls_h5_end_by_ourselves(void)
{
    H5dont_atexit();
}

static herr_t take_first(unsigned n, const H5E_error2_t *error, void *data)
{
    if (n == 0 && error->desc)
        snprintf(data, LS_H5_REASON_BYTES, "%s", error->desc);
    return 0;
}

const char *ls_h5_reason(char out[LS_H5_REASON_BYTES])
{
    snprintf(out, LS_H5_REASON_BYTES, "no reason given");
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, out);
    return out;
}

bool ls_h5_is_hollow(double declared_bytes, uint64_t stored_bytes)
{
    return declared_bytes > 0x1p26 && declared_bytes > 1e5 * (double)stored_bytes;
}

const char *ls_h5_class_name(hid_t type)
{
    switch (H5Tget_class(type)) {
    case H5T_STRING:
        return "strings";
    case H5T_COMPOUND:
        return "compounds (records)";
    case H5T_ENUM:
        return "enumeration values (a bool of h5py is one)";
    case H5T_TIME:
        return "times";
    case H5T_BITFIELD:
        return "bit fields";
    case H5T_OPAQUE:
        return "opaque bytes";
    case H5T_REFERENCE:
        return "references";
    case H5T_VLEN:
        return "variable-length lists";
    case H5T_ARRAY:
        return "fixed arrays";
    default:
        return "values of an unknown type";
    }
}
