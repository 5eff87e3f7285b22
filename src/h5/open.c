#include "h5/open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "h5/case.h"
#include "h5/seal.h"

#define HEAD_BYTES 512
#define HEAP_HEAD_BYTES 16
#define HEAP_BYTES_MAX ((uint64_t)1 << 30)
#define PIECE_BYTES ((size_t)1 << 20)
#define SCANNED_MAX ((off_t)1 << 30) /* larger files hold data; their texts are few */

/* ---- what a file is instead ---- */

typedef struct kind {
    const char *magic;
    size_t bytes;
    const char *what;
} kind;
#define KIND(magic, what)              \
    {                                  \
        magic, sizeof(magic) - 1, what \
    }

static const kind kinds[] = {
    KIND("version https://git-lfs", "a pointer of Git LFS; fetch the file itself with git lfs pull"),
    KIND("version https://hawser", "a pointer of Git LFS; fetch the file itself with git lfs pull"),
    KIND("/annex/objects/", "a pointer of git-annex; fetch the file itself with git annex get"),
    KIND("\x1f\x8b", "packed by gzip; unpack it first"),
    KIND("BZh", "packed by bzip2; unpack it first"),
    KIND("\xfd"
         "7zXZ",
         "packed by xz; unpack it first"),
    KIND("\x28\xb5\x2f\xfd", "packed by zstd; unpack it first"),
    KIND("PK\x03\x04", "a ZIP archive (.npz, .keras or .zip)"),
    KIND("\x93NUMPY", "an array of NumPy; import it with lockstep import npy"),
    KIND("CDF\x01", "netCDF in its classic format; convert it with nccopy -k nc4"),
    KIND("CDF\x02", "netCDF in its classic format; convert it with nccopy -k nc4"),
    KIND("CDF\x05", "netCDF in its classic format; convert it with nccopy -k nc4"),
    KIND("\x0e\x03\x13\x01", "HDF4; convert it with h4toh5"),
    KIND("MATLAB 5.0", "a MATLAB file of version 5; save it with -v7.3"),
    KIND("\x80\x04\x95", "a pickle of Python"),
    KIND("\x89PNG", "a PNG image"),
    KIND("\xff\xd8\xff", "a JPEG image"),
    KIND("%PDF", "a PDF document"),
    KIND("PAR1", "a Parquet file"),
    KIND("{", "text (JSON?)"),
};

static bool is_html(const char *head)
{
    head += strspn(head, " \t\r\n\xef\xbb\xbf");
    return strncasecmp(head, "<!doctype html", 14) == 0 || strncasecmp(head, "<html", 5) == 0 ||
           strncasecmp(head, "<head", 5) == 0 || strncasecmp(head, "<?xml", 5) == 0;
}

static bool is_text(const char *head, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)head[i] < ' ' && !strchr("\t\r\n\f", head[i]))
            return false;
    return true;
}

static bool is_zero(const char *head, size_t n)
{
    return n > 0 && head[0] == '\0' && memcmp(head, head + 1, n - 1) == 0;
}

static const char *what_it_is(const char *head, size_t n)
{
    if (n == 0)
        return "it is empty";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (n >= kinds[i].bytes && memcmp(head, kinds[i].magic, kinds[i].bytes) == 0)
            return kinds[i].what;
    if (is_html(head))
        return "a web page; a download has failed, or it needs a login";
    if (is_zero(head, n))
        return "it begins with zeros: its writing or copying was interrupted";
    return is_text(head, n) ? "text" : NULL;
}

static ls_status fail_foreign(const char *path)
{
    char head[HEAD_BYTES + 1] = "";
    FILE *const f = fopen(path, "rb");
    const size_t n = f ? fread(head, 1, HEAD_BYTES, f) : 0;
    const char *const what = what_it_is(head, n);

    if (f)
        fclose(f);
    return ls_fail(LS_ERR_FORMAT, "'%s' is not an HDF5 file%s%s", path,
                   !what                          ? ""
                   : strncmp(what, "it ", 3) == 0 ? ": "
                                                  : ", but ",
                   what ? what : "");
}

/* ---- heaps ---- */

static uint64_t little_endian(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | at[bytes];
    return value;
}

/*
 * A global heap, in which texts of variable length lie: "GCOL", a version, its size, then objects: number (2 bytes),
 * references (2), nothing (4), size (8), and the bytes, padded to 8. Number 0 is free space, whose size counts this
 * head. HDF5 goes from object to object by these sizes; a free space of size 0 holds it for ever.
 */
static bool heap_ends(const unsigned char *heap, size_t left)
{
    const uint64_t size = little_endian(heap + 8, 8);

    if (size > left)
        return true; /* which HDF5 finds */
    for (uint64_t at = 16; at + 16 <= size;) {
        const uint64_t object = little_endian(heap + at, 2), bytes = little_endian(heap + at + 8, 8);
        const uint64_t step = object ? 16 + (bytes + 7) / 8 * 8 : bytes;

        if (step < 16 || bytes > size)
            return false;
        at += step;
    }
    return true;
}

static ls_status fail_endless(const char *name, size_t at)
{
    return ls_fail(LS_ERR_FORMAT, "cannot read '%s': it is damaged: a heap of texts at byte %zu has no end", name, at);
}

static const unsigned char heap_magic[] = {'G', 'C', 'O', 'L', 1, 0, 0, 0};

/* The first heap in n bytes; NULL: there is none. */
static const unsigned char *find_heap(const unsigned char *at, size_t n)
{
    const unsigned char *const end = at + n;

    while (n >= sizeof heap_magic && (at = memchr(at, heap_magic[0], n - sizeof heap_magic + 1))) {
        if (memcmp(at, heap_magic, sizeof heap_magic) == 0)
            return at;
        n = (size_t)(end - ++at);
    }
    return NULL;
}

ls_status ls_h5_check_heaps(const void *bytes, size_t n, const char *name)
{
    const unsigned char *const begin = bytes, *at = begin;

    while ((at = find_heap(at, n - (size_t)(at - begin)))) {
        const size_t left = n - (size_t)(at - begin);

        if (left >= HEAP_HEAD_BYTES && !heap_ends(at, left))
            return fail_endless(name, (size_t)(at - begin));
        at += sizeof heap_magic;
    }
    return LS_OK;
}

/* The heap at a place of a file. Not mapped, since a file that is cut meanwhile would end the program. */
static ls_status check_heap_at(int fd, off_t place, const char *path)
{
    unsigned char head[HEAP_HEAD_BYTES], *heap;
    uint64_t size;
    ssize_t got;
    ls_status st = LS_OK;

    if (pread(fd, head, sizeof head, place) != sizeof head || (size = little_endian(head + 8, 8)) > HEAP_BYTES_MAX)
        return LS_OK; /* which HDF5 finds */
    if (!(heap = ls_calloc((size_t)size + HEAP_HEAD_BYTES, 1, "a heap of texts")))
        return LS_ERR_MEMORY;
    got = pread(fd, heap, (size_t)size, place);
    if (got >= HEAP_HEAD_BYTES && !heap_ends(heap, (size_t)got))
        st = fail_endless(path, (size_t)place);
    ls_free(heap);
    return st;
}

/* Pieces overlap by one byte less than what is looked for. */
static ls_status check_heaps_of(int fd, unsigned char *piece, const char *path)
{
    const size_t overlap = sizeof heap_magic - 1;
    off_t place = 0;
    ssize_t got;

    for (; (got = pread(fd, piece, PIECE_BYTES, place)) > (ssize_t)overlap; place += got - (ssize_t)overlap)
        for (const unsigned char *at = piece; (at = find_heap(at, (size_t)(piece + got - at))); at += sizeof heap_magic)
            LS_TRY(check_heap_at(fd, place + (at - piece), path));
    return LS_OK;
}

static bool same_state(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static ls_status scan_heaps(const char *path, off_t bytes)
{
    const int fd = bytes <= SCANNED_MAX ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    unsigned char *const piece = fd >= 0 ? ls_calloc(PIECE_BYTES, 1, path) : NULL;
    ls_status st = LS_OK;

    if (piece)
        st = check_heaps_of(fd, piece, path);
    else if (fd >= 0)
        st = LS_ERR_MEMORY;
    ls_free(piece);
    if (fd >= 0)
        close(fd);
    return st;
}

/* The file whose heaps are known to end, as it was then: it is sealed, or was scanned. */
static _Thread_local struct stat sound;

/* Images in memory were looked at when they were opened. */
static bool is_image(hid_t object)
{
    const hid_t file = H5Iget_file_id(object), access_list = file >= 0 ? H5Fget_access_plist(file) : H5I_INVALID_HID;
    const bool image = access_list >= 0 && H5Pget_driver(access_list) == H5FD_CORE;

    if (access_list >= 0)
        H5Pclose(access_list);
    if (file >= 0)
        H5Fclose(file);
    return image;
}

ls_status ls_h5_check_heaps_around(hid_t object)
{
    char path[PATH_MAX];
    struct stat state;

    if (is_image(object) || H5Fget_name(object, path, sizeof path) < 0 || stat(path, &state) != 0 ||
        same_state(&sound, &state))
        return LS_OK;
    LS_TRY(scan_heaps(path, state.st_size));
    sound = state;
    return LS_OK;
}

/* ---- opening ---- */

static ls_status open_by_hdf5(const char *path, hid_t *file)
{
    const hid_t access_list = H5Pcreate(H5P_FILE_ACCESS);
    ls_h5_case c;

    if (access_list < 0)
        return ls_h5_fail("cannot open '%s'", path);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(access_list, true, true); /* some cluster file systems have no locks: then read without */
#endif
    if ((*file = H5Fopen(path, H5F_ACC_RDONLY, access_list)) < 0)
        ls_h5_case_get(&c);
    H5Pclose(access_list);
    return *file < 0 ? ls_h5_fail_case(&c, "cannot read '%s'", path) : LS_OK;
}

ls_status ls_h5_open_file(const char *path, hid_t *file)
{
    struct stat info;
    htri_t is_hdf5;
    bool sealed;

    *file = H5I_INVALID_HID;
    if (stat(path, &info) != 0)
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return ls_fail(LS_ERR_IO, "cannot open '%s': it is not a regular file", path);
    if (access(path, R_OK) != 0)
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    if ((is_hdf5 = H5Fis_hdf5(path)) < 0)
        return ls_h5_fail("cannot open '%s'", path);
    if (!is_hdf5)
        return fail_foreign(path);
    LS_TRY(ls_h5_check_seal(path, &sealed));
    if (sealed)
        sound = info;
    return open_by_hdf5(path, file);
}
