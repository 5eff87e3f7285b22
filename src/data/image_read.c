#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "data/image.h"

ls_status ls_image_read(const char *path, ls_image *out)
{
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    unsigned char magic[sizeof png] = {0};
    struct stat info;
    FILE *file;
    ls_status st;

    *out = (ls_image){0};
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) /* before it is opened: a pipe would be waited for */
        return ls_fail(LS_ERR_IO, "cannot open '%s': it is not a regular file", path);
    if (!(file = fopen(path, "rb")))
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    if (fread(magic, 1, sizeof magic, file) < sizeof jpeg || fseek(file, 0, SEEK_SET) != 0)
        st = ls_fail(LS_ERR_FORMAT, "%s is neither a PNG nor a JPEG file: it has %lld bytes", path,
                     (long long)info.st_size);
    else if (memcmp(magic, png, sizeof png) == 0)
        st = ls_image_read_png(file, path, out);
    else if (memcmp(magic, jpeg, sizeof jpeg) == 0)
        st = ls_image_read_jpeg(file, path, out);
    else
        st = ls_fail(LS_ERR_FORMAT, "%s is neither a PNG nor a JPEG file, by its first bytes", path);
    fclose(file);
    if (st != LS_OK)
        ls_image_reset(out);
    return st;
}
