/* Checked allocation: sizes are multiplied with care, memory comes zeroed and aligned for vector loads. */
#ifndef LS_BASE_MEMORY_H
#define LS_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define LS_ALIGNMENT 64 /* bytes: one cache line, one AVX-512 register */

/* a * b in *product; false if it does not fit in size_t. */
static inline bool ls_size_mul(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/*
 * count elements of `size` bytes, zeroed, aligned to LS_ALIGNMENT. count 0 gives a pointer that may be freed.
 * Large requests stay untouched until written, so a sparsely used array costs only the pages in use.
 * NULL with LS_ERR_MEMORY in the error record, naming `what`.
 */
void *ls_calloc(size_t count, size_t size, const char *what);

/* Grow or shrink to count elements; new elements are zero; old may be NULL. NULL leaves `old` alive. */
void *ls_realloc(void *old, size_t count, size_t size, const char *what);

/* A copy of a string; NULL as ls_calloc does. */
char *ls_strdup(const char *text);

void ls_free(void *memory);

/* The contents are not needed any more, but the block will be: where it is large its pages go back to the system. */
void ls_release(void *memory);

/* How many blocks this thread has asked for so far: a test holds the training loop to its promise to ask for none. */
uint64_t ls_allocations(void);

#endif
