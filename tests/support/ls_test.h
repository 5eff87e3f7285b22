/* What every test uses. cmocka 1.1.5's assert_float_equal lets NaN and Inf pass; all_close does not (test_helpers.c).
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
bool all_close(const float *got, const double *want, size_t n, double atol, double rtol);

bool close_to(double got, double want, double atol, double rtol);

/* Bit for bit; prints the first difference. */
bool same_bits(const float *got, const float *want, size_t n);

/* The call succeeded; otherwise its message is printed. */
bool ok(ls_status status);

/* The call failed with this status and every one of the words (NULL-terminated list) is in its message. */
bool failed_with(ls_status got, ls_status want, const char *const *words);
#define FAILS(call, status, ...) assert_true(failed_with((call), (status), (const char *const[]){__VA_ARGS__, NULL}))

#endif
