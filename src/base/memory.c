#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Above this size memory comes straight from mmap: zero pages that cost nothing until they are touched. The size is
 * kept in a header page-slice before the block, so that ls_free needs no help from the caller.
 */
#define MAP_THRESHOLD_BYTES ((size_t)1 << 18)

/* A sanitizer must see the ends of the block and not those of what it was cut from, which is larger. */
#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#define FORBID(from, bytes) ASAN_POISON_MEMORY_REGION(from, bytes)
#define ALLOW(from, bytes) ASAN_UNPOISON_MEMORY_REGION(from, bytes)
#else
#define FORBID(from, bytes) ((void)(from), (void)(bytes))
#define ALLOW(from, bytes) ((void)(from), (void)(bytes))
#endif

typedef struct header {
    void *base;          /* what free or munmap takes */
    size_t mapped_bytes; /* 0: the block came from malloc */
    size_t bytes;        /* what the caller asked for */
} header;

_Static_assert(sizeof(header) <= LS_ALIGNMENT, "the header must fit before an aligned block");

static _Thread_local uint64_t allocations;

uint64_t ls_allocations(void)
{
    return allocations;
}

void *ls_calloc(size_t count, size_t size, const char *what)
{
    size_t bytes, total;
    char *base, *block;
    header h;

    allocations++;
    if (!ls_size_mul(count, size, &bytes) || bytes > PTRDIFF_MAX - 2 * LS_ALIGNMENT) {
        ls_fail(LS_ERR_MEMORY, "out of memory: %s needs %zu elements of %zu bytes, more than can be addressed", what,
                count, size);
        return NULL;
    }
    total = bytes + 2 * LS_ALIGNMENT;
    if (total >= MAP_THRESHOLD_BYTES) {
        base = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (base == MAP_FAILED)
            base = NULL;
        h.mapped_bytes = total;
    } else {
        base = calloc(1, total);
        h.mapped_bytes = 0;
    }
    if (!base) {
        ls_fail(LS_ERR_MEMORY, "out of memory: %s needs %zu bytes", what, bytes);
        return NULL;
    }
    h.base = base;
    h.bytes = bytes;
    block = (char *)(((uintptr_t)base + 2 * LS_ALIGNMENT - 1) / LS_ALIGNMENT * LS_ALIGNMENT);
    memcpy(block - LS_ALIGNMENT, &h, sizeof h);
    FORBID(base, (size_t)(block - base));
    FORBID(block + bytes, (size_t)(base + total - block) - bytes);
    return block;
}

static header header_of(const void *block)
{
    const char *const at = (const char *)block - LS_ALIGNMENT;
    header h;

    ALLOW(at, sizeof h);
    memcpy(&h, at, sizeof h);
    FORBID(at, sizeof h);
    return h;
}

void ls_free(void *memory)
{
    header h;

    if (!memory)
        return;
    h = header_of(memory);
    ALLOW(h.base, h.bytes + 2 * LS_ALIGNMENT);
    if (h.mapped_bytes)
        munmap(h.base, h.mapped_bytes);
    else
        free(h.base);
}

void ls_release(void *memory)
{
    const header h = header_of(memory);
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = ((uintptr_t)memory + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)memory + h.bytes) / page * page;

    if (h.mapped_bytes && begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}

void *ls_realloc(void *old, size_t count, size_t size, const char *what)
{
    void *block = ls_calloc(count, size, what);

    if (block && old) {
        const size_t bytes = header_of(old).bytes;

        memcpy(block, old, bytes < count * size ? bytes : count * size);
        ls_free(old);
    }
    return block;
}

char *ls_strdup(const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *copy = ls_calloc(bytes, 1, "a string");

    return copy ? memcpy(copy, text, bytes) : NULL;
}
