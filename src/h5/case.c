#include "h5/case.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "h5/lock.h"

#define STACK_BYTES 4096
#define LEAST_MEMORY ((size_t)64 << 20) /* a process that cannot get so much is short of memory */

/* All entries of HDF5's record, innermost first, each in a line of its own. */
typedef struct record {
    char text[STACK_BYTES];
    size_t length;
    char innermost[LS_H5_REASON_BYTES];
} record;

static herr_t take(unsigned n, const H5E_error2_t *error, void *data)
{
    record *const r = data;
    const char *const text = error->desc ? error->desc : "";
    const size_t length = strlen(text);

    if (n == 0)
        snprintf(r->innermost, sizeof r->innermost, "%s", *text ? text : "no reason given");
    if (r->length + length + 2 <= sizeof r->text) {
        memcpy(r->text + r->length, text, length);
        r->length += length;
        r->text[r->length++] = '\n';
        r->text[r->length] = '\0';
    }
    return 0;
}

static bool says(const record *r, const char *const *words)
{
    for (; *words; words++)
        if (strstr(r->text, *words))
            return true;
    return false;
}
#define SAYS(r, ...) says(r, (const char *const[]){__VA_ARGS__, NULL})

/* A damaged size cannot be allocated, either; that is not for want of memory. */
static bool memory_is_short(void)
{
    void *const probe = mmap(NULL, LEAST_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (probe == MAP_FAILED)
        return true;
    munmap(probe, LEAST_MEMORY);
    return false;
}

/* The number behind a word; 0: there is none. */
static unsigned long long number_behind(const char *text, const char *word)
{
    const char *const at = strstr(text, word);

    return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}

static ls_status set(ls_h5_case *c, ls_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
static ls_status set(ls_h5_case *c, ls_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(c->text, sizeof c->text, format, args);
    va_end(args);
    return c->status = status;
}

static void set_version(ls_h5_case *c, const char *reason)
{
    unsigned major = 0, minor = 0, release = 0;

    H5get_libversion(&major, &minor, &release);
    set(c, LS_ERR_DATA,
        "it is in a format that HDF5 %u.%u.%u, which lockstep was built with, does not know: a newer one, or it is "
        "damaged (HDF5: %s); write it with libver='v108' of h5py, or copy it with h5repack of an older HDF5",
        major, minor, release, reason);
}

/* What the operating system said of a read; 0: nothing. */
static int errno_in(const record *r)
{
    return SAYS(r, "file read failed", "unable to open file") ? (int)number_behind(r->text, "errno = ") : 0;
}

static void judge(const record *r, ls_h5_case *c)
{
    const int code = errno_in(r);

    if (SAYS(r, "memory allocation failed", "unable to allocate", "can't allocate", "no space available for allocation",
             "resource unavailable") &&
        memory_is_short())
        set(c, LS_ERR_MEMORY, "memory is short: free some, or raise the limit (ulimit -v)");
    else if (SAYS(r, "unable to lock file", "file locking"))
        set(c, LS_ERR_IO, "another program has it open for writing: close it there, or copy the file");
    else if (SAYS(r, "already open for write", "consistency flags"))
        set(c, LS_ERR_IO,
            "its writer has not closed it: it is still being written, or its writer was killed (then h5clear -s "
            "brings it back)");
    else if (SAYS(r, "truncated file"))
        set(c, LS_ERR_FORMAT, "it is truncated: %llu of its %llu bytes are there", number_behind(r->text, "eof = "),
            number_behind(r->text, "stored_eof = "));
    else if (code == ENOMEM)
        set(c, LS_ERR_MEMORY, "memory is short: free some, or raise the limit (ulimit -v)");
    else if (code != 0)
        set(c, LS_ERR_IO, "%s", strerror(code));
    else if (SAYS(r, "is not registered", "filter returned failure", "can't load filter") &&
             !SAYS(r, "Fletcher32", "inflate"))
        set(c, LS_ERR_DATA, "it is packed by a filter that this HDF5 library lacks (HDF5: %s)", r->innermost);
    else if (SAYS(r, "version number", "bad superblock version", "unknown layout version", "bad version"))
        set_version(c, r->innermost);
    else if (SAYS(r, "hecksum", "Fletcher32"))
        set(c, LS_ERR_FORMAT, "it is damaged: a checksum does not hold (HDF5: %s)", r->innermost);
    else if (SAYS(r, "inflate"))
        set(c, LS_ERR_FORMAT, "it is damaged: packed values cannot be unpacked (HDF5: %s)", r->innermost);
    else
        set(c, LS_ERR_FORMAT, "it is damaged (HDF5: %s)", r->innermost);
}

void ls_h5_case_get(ls_h5_case *out)
{
    record r = {.innermost = "no reason given"};

    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take, &r);
    judge(&r, out);
}

int ls_h5_errno(void)
{
    record r = {.length = 0};

    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take, &r);
    return (int)number_behind(r.text, "errno = ");
}

/* ---- filters ---- */

/* Registered with the HDF Group. */
static const struct {
    H5Z_filter_t id;
    const char *name;
} filters[] = {
    {H5Z_FILTER_SZIP, "SZIP"},
    {305, "LZO"},
    {307, "bzip2"},
    {32000, "LZF"},
    {32001, "Blosc"},
    {32004, "LZ4"},
    {32008, "bitshuffle"},
    {32013, "ZFP"},
    {32015, "Zstandard"},
    {32017, "SZ"},
    {32018, "FCIDECOMP"},
    {32019, "JPEG"},
    {32024, "SZ3"},
    {32026, "Blosc2"},
};

static const char *known_name(H5Z_filter_t id)
{
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        if (filters[i].id == id)
            return filters[i].name;
    return NULL;
}

static bool can_unpack(H5Z_filter_t id)
{
    unsigned flags = 0;

    return H5Zfilter_avail(id) > 0 &&
           (H5Zget_filter_info(id, &flags) < 0 || (flags & H5Z_FILTER_CONFIG_DECODE_ENABLED));
}

/* Is there a filter of the dataset that is not in this library? */
static bool find_missing(hid_t dataset, H5Z_filter_t *id, char *name, size_t bytes)
{
    const hid_t creation = H5Dget_create_plist(dataset);
    const int n = creation >= 0 ? H5Pget_nfilters(creation) : 0;
    bool found = false;

    for (int i = 0; i < n && !found; i++) {
        unsigned flags, info;
        size_t none = 0;

        name[0] = '\0';
        *id = H5Pget_filter2(creation, (unsigned)i, &flags, &none, NULL, bytes, name, &info);
        name[bytes - 1] = '\0';
        found = *id >= 0 && !can_unpack(*id);
    }
    if (creation >= 0)
        H5Pclose(creation);
    return found;
}

void ls_h5_case_of_read(hid_t dataset, ls_h5_case *out)
{
    char name[64];
    H5Z_filter_t id;

    ls_h5_case_get(out);
    if (out->status == LS_ERR_MEMORY || out->status == LS_ERR_IO || !find_missing(dataset, &id, name, sizeof name))
        return;
    set(out, LS_ERR_DATA,
        "it is packed by the filter %s (number %d), which this HDF5 library lacks: install its plugin and set "
        "HDF5_PLUGIN_PATH, or pack the file with gzip where the filter is (h5repack -f GZIP=4 OLD NEW, or h5py)",
        known_name(id) ? known_name(id)
        : name[0]      ? name
                       : "of no name",
        (int)id);
}

/* ---- messages ---- */

ls_status(ls_h5_fail_case)(const ls_h5_case *c, const char *format, ...)
{
    char message[640];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return ls_fail(c->status, "%s: %s", message, c->text);
}

ls_status(ls_h5_fail)(const char *format, ...)
{
    char message[640];
    ls_h5_case c;
    va_list args;

    ls_h5_case_get(&c);
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return ls_fail(c.status, "%s: %s", message, c.text);
}
