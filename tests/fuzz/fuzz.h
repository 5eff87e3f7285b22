/*
 * What every harness uses. A harness is one fuzz_X.c with LLVMFuzzerTestOneInput: bytes in, a loader called on them,
 * and whatever comes back is one of two things, success or an error with one line of text. Anything else ends the
 * process.
 *
 *     fuzz_begin() ─► fuzz_write(…), the loader, fuzz_verdict(status) … ─► fuzz_end()
 */
#ifndef LS_FUZZ_H
#define LS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Ends the process, saying where, unless the condition holds. Also in builds without assertions. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
void fuzz_fail(const char *file, int line, const char *condition) __attribute__((noreturn));

/* What is open in HDF5 and in the process must be the same at the end as at the beginning: nothing is leaked. */
void fuzz_begin(void);
void fuzz_end(void);

/* LS_OK, or an error whose message is one line. Gives back whether it was LS_OK. FUZZ_VERBOSE in the environment: says
 * it. */
bool fuzz_verdict(ls_status status);

/* ---- files. In a folder in memory that is gone when the process ends well. ---- */

/* The path of NAME in that folder; good until the 16th call after this one. */
const char *fuzz_path(const char *name);
/* Replace the file by these bytes. */
void fuzz_write(const char *path, const void *data, size_t n);
/* A whole file, to be freed; the process ends if it cannot be read. */
void *fuzz_read(const char *path, size_t *n);

/* ---- the input, taken apart from the front ---- */

typedef struct fuzz_input {
    const uint8_t *at;
    size_t left;
} fuzz_input;

/* 0 when nothing is left. */
uint8_t fuzz_byte(fuzz_input *input);
/* Little-endian, of 1 to 8 bytes. */
uint64_t fuzz_number(fuzz_input *input, size_t bytes);
/* 0 … n - 1. */
size_t fuzz_choose(fuzz_input *input, size_t n);
/* The next n bytes or what is left of them; *got: how many. */
const uint8_t *fuzz_take(fuzz_input *input, size_t n, size_t *got);
/* A part of its own: two bytes of length, then so many bytes. */
fuzz_input fuzz_part(fuzz_input *input);
/* All of the rest as a text with a zero byte at its end, to be freed. */
char *fuzz_text(fuzz_input *input);

#endif
