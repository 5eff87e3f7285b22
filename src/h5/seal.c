#include "h5/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_STATIC_LINKING_ONLY /* for a hash state on the stack */
#include <xxhash.h>

#include "base/memory.h"

#define ONE_BYTES 64 /* of one of the two: magic, length of the image, its XXH3-128, zeros */
#define PIECE_BYTES ((size_t)1 << 20)
#define HEAD_BYTES 56

static const char magic[16] = "\211lockstep seal\n";

static void put_little_endian(unsigned char *at, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t little_endian(const unsigned char *at)
{
    uint64_t value = 0;

    for (size_t i = 8; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

void ls_h5_seal(const void *image, size_t n, unsigned char out[LS_H5_SEAL_BYTES])
{
    XXH128_canonical_t hash;

    XXH128_canonicalFromHash(&hash, XXH3_128bits(image, n));
    memset(out, 0, LS_H5_SEAL_BYTES);
    memcpy(out, magic, sizeof magic);
    put_little_endian(out + 16, n);
    memcpy(out + 24, &hash, sizeof hash);
    memcpy(out + LS_H5_SEAL_BYTES - ONE_BYTES, out, ONE_BYTES);
}

/* The length of the image by its own superblock, of version 0 to 3; 0: it does not say. */
static uint64_t length_of(int fd)
{
    static const char signature[] = "\211HDF\r\n\032\n";
    unsigned char head[HEAD_BYTES];

    if (pread(fd, head, sizeof head, 0) != sizeof head || memcmp(head, signature, sizeof signature - 1) != 0)
        return 0;
    return head[8] == 0   ? little_endian(head + 40)
           : head[8] == 1 ? little_endian(head + 44)
           : head[8] < 4  ? little_endian(head + 28)
                          : 0;
}

/* Is there a seal at `place`, of an image that ends no later? */
static bool find(int fd, off_t place, unsigned char seal[ONE_BYTES], uint64_t *length)
{
    if (place < 0 || pread(fd, seal, ONE_BYTES, place) != ONE_BYTES || memcmp(seal, magic, sizeof magic) != 0)
        return false;
    *length = little_endian(seal + 16);
    return *length <= (uint64_t)place;
}

static ls_status hash_of(int fd, uint64_t n, const char *path, XXH128_canonical_t *out)
{
    unsigned char *piece = ls_calloc(PIECE_BYTES, 1, "a checksum");
    XXH3_state_t state;
    uint64_t at = 0;
    ls_status st = piece ? LS_OK : LS_ERR_MEMORY;

    XXH3_128bits_reset(&state);
    while (st == LS_OK && at < n) {
        const ssize_t got = pread(fd, piece, n - at < PIECE_BYTES ? (size_t)(n - at) : PIECE_BYTES, (off_t)at);

        if (got < 0)
            st = ls_fail(LS_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
        else if (got == 0)
            st = ls_fail(LS_ERR_FORMAT, "'%s' is damaged: it became shorter while it was read", path);
        else
            XXH3_128bits_update(&state, piece, (size_t)got);
        at += got > 0 ? (uint64_t)got : 0;
    }
    XXH128_canonicalFromHash(out, XXH3_128bits_digest(&state));
    ls_free(piece);
    return st;
}

static ls_status check(int fd, const char *path, bool *sealed)
{
    const uint64_t own = length_of(fd);
    unsigned char seal[2][ONE_BYTES];
    XXH128_canonical_t hash;
    uint64_t length[2], hashed = UINT64_MAX;
    struct stat info;
    bool found[2];

    if (fstat(fd, &info) != 0)
        return ls_fail(LS_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
    found[0] = find(fd, info.st_size - ONE_BYTES, seal[0], &length[0]);
    found[1] = own > 0 && own < INT64_MAX && find(fd, (off_t)own, seal[1], &length[1]);
    for (int i = 0; i < 2 && !*sealed; i++) {
        if (!found[i])
            continue;
        if (hashed != length[i])
            LS_TRY(hash_of(fd, hashed = length[i], path, &hash));
        *sealed = memcmp(seal[i] + 24, &hash, sizeof hash) == 0;
    }
    if (*sealed || (!found[0] && !found[1] && (own == 0 || (uint64_t)info.st_size != own + LS_H5_SEAL_BYTES)))
        return LS_OK;
    return ls_fail(LS_ERR_FORMAT, "'%s' is damaged: the checksum of the file does not hold", path);
}

ls_status ls_h5_check_seal(const char *path, bool *sealed)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    ls_status st;

    *sealed = false;
    if (fd < 0)
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    st = check(fd, path, sealed);
    close(fd);
    return st;
}
