/*
 * What every test uses. cmocka 1.1.5's assert_float_equal lets NaN and Inf pass; all_close does not (test_helpers.c).
 *
 * In MPI programs no rank may fail alone, since the others would wait in the next collective: wrap every verdict in
 * all_ranks(), and end the program with LS_MPI_MAIN.
 */
#ifndef LS_TEST_H
#define LS_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <mpi.h>

#include "base/error.h"

#define count_of(array) (sizeof(array) / sizeof((array)[0]))

/* |got - want| <= atol + rtol |want| and finite, for all n; prints the first element that is not. */
static inline bool all_close(const float *got, const double *want, size_t n, double atol, double rtol)
{
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)got[i] - want[i]);

        if (!isfinite(d) || d > atol + rtol * fabs(want[i])) {
            print_error("element %zu of %zu: got %.9g, want %.9g\n", i, n, (double)got[i], want[i]);
            return false;
        }
    }
    return true;
}

static inline bool close_to(double got, double want, double atol, double rtol)
{
    const double d = fabs(got - want);

    if (isfinite(d) && d <= atol + rtol * fabs(want))
        return true;
    print_error("got %.17g, want %.17g\n", got, want);
    return false;
}

/* Bit for bit; prints the first difference. */
static inline bool same_bits(const float *got, const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof(float)) != 0) {
            print_error("element %zu of %zu: got %a, want %a\n", i, n, (double)got[i], (double)want[i]);
            return false;
        }
    return true;
}

/* The call succeeded; otherwise its message is printed. */
static inline bool ok(ls_status status)
{
    if (status != LS_OK)
        print_error("%s: %s\n", ls_status_text(status), ls_error_message());
    return status == LS_OK;
}

/* The call failed with this status and every one of the words (NULL-terminated list) is in its message. */
static inline bool failed_with(ls_status got, ls_status want, const char *const *words)
{
    if (got != want) {
        print_error("status is '%s' (%s), want '%s'\n", ls_status_text(got), ls_error_message(), ls_status_text(want));
        return false;
    }
    for (; words && *words; words++)
        if (!strstr(ls_error_message(), *words)) {
            print_error("no '%s' in the message: %s\n", *words, ls_error_message());
            return false;
        }
    return true;
}
#define FAILS(call, status, ...) assert_true(failed_with((call), (status), (const char *const[]){__VA_ARGS__, NULL}))

/* Collective on the world. All ranks learn the verdict, so none waits alone. */
static inline bool all_ranks(bool mine)
{
    int good = mine, all = 0;

    MPI_Allreduce(&good, &all, 1, MPI_INT, MPI_LAND, MPI_COMM_WORLD);
    return all;
}

#define LS_MPI_MAIN(tests)                                  \
    int main(int argc, char **argv)                         \
    {                                                       \
        int failed;                                         \
                                                            \
        MPI_Init(&argc, &argv);                             \
        failed = cmocka_run_group_tests(tests, NULL, NULL); \
        if (failed)                                         \
            MPI_Abort(MPI_COMM_WORLD, 1);                   \
        MPI_Finalize();                                     \
        return 0;                                           \
    }

#endif
