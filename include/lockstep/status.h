/**
 * @file status.h
 * Status codes and the per-thread error record.
 *
 * Every function that can fail returns an ls_status. The message, with the offending values in it, is set where the
 * fault is found and stays in the error record of the calling thread until the next failure; callers pass the status
 * up and do not rewrite the message. The library never prints an error and never exits.
 */
#ifndef LOCKSTEP_STATUS_H
#define LOCKSTEP_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/**
 * One list makes the enum and the texts. CONFIG and USAGE make a program exit with 2, STOPPED with 3, the rest with 1.
 */
#define LS_STATUS_LIST(X)                           \
    X(LS_OK, 0, "success")                          \
    X(LS_ERR_ARG, 1, "invalid argument")            \
    X(LS_ERR_CONFIG, 2, "invalid configuration")    \
    X(LS_ERR_USAGE, 3, "wrong usage")               \
    X(LS_ERR_SHAPE, 4, "shapes do not agree")       \
    X(LS_ERR_MEMORY, 5, "out of memory")            \
    X(LS_ERR_IO, 6, "input or output failed")       \
    X(LS_ERR_FORMAT, 7, "malformed file")           \
    X(LS_ERR_DATA, 8, "invalid data")               \
    X(LS_ERR_NUMERIC, 9, "not a finite number")     \
    X(LS_ERR_MPI, 10, "MPI failed")                 \
    X(LS_ERR_MISMATCH, 11, "ranks or files differ") \
    X(LS_ERR_STOPPED, 12, "stopped by a signal")    \
    X(LS_ERR_INTERNAL, 13, "internal error")

/** How a call went. */
typedef enum ls_status {
#define LS_STATUS_ENUM(name, value, text) name = (value),
    LS_STATUS_LIST(LS_STATUS_ENUM)
#undef LS_STATUS_ENUM
} ls_status;

/** The short text of a status; never NULL. */
const char *ls_status_text(ls_status status);

/**
 * The message of this thread's last failure, without a newline at its end; "" if there was none. Borrowed. It is one
 * line, but where several faults of an experiment are told together one for each of them.
 */
const char *ls_error_message(void);

/** The exit status a program should end with: 0 success, 1 the work failed, 2 usage or configuration, 3 stopped. */
int ls_exit_code(ls_status status);

#ifdef __cplusplus
}
#endif
#endif
