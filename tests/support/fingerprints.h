/* The golden fingerprints: what trainings end with on every machine, tests/golden/fingerprints.txt. */
#ifndef LS_TEST_FINGERPRINTS_H
#define LS_TEST_FINGERPRINTS_H

#include <stdbool.h>

/*
 * Is it that of NAME? Else it says what to run. Where LOCKSTEP_FINGERPRINTS names a file, the line is added to that
 * instead: this is how the table is made. On several ranks each asks for itself.
 */
bool fingerprint_is_golden(const char *name, const char *fingerprint);

#endif
