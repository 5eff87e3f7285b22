#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hdf5.h>

static char last_error[1024]; /* seen by fuzz_verdict */

void fuzz_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: not so: %s\nthe last error: %s\n", file, line, condition, last_error);
    abort();
}

/* ---- leaks ---- */

static int descriptor_before;
static ssize_t objects_before;

/* Files and what is open in them. HDF5 does not tell of dataspaces and property lists. */
static ssize_t open_objects(void)
{
    return H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL);
}

/* The lowest that is free: one that was not closed raises it. */
static int next_descriptor(void)
{
    const int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);

    close(descriptor);
    return descriptor;
}

void fuzz_begin(void)
{
    H5open();
    objects_before = open_objects();
    descriptor_before = next_descriptor();
    ls_fail(LS_ERR_ARG, "nothing failed yet");
}

void fuzz_end(void)
{
    FUZZ_CHECK(open_objects() == objects_before);
    FUZZ_CHECK(next_descriptor() == descriptor_before);
}

bool fuzz_verdict(ls_status status)
{
    const char *const message = ls_error_message();

    if (getenv("FUZZ_VERBOSE"))
        fprintf(stderr, "%s: %s\n", ls_status_text(status), status == LS_OK ? "" : message);
    if (status == LS_OK)
        return true;
    snprintf(last_error, sizeof last_error, "%s", message);
    FUZZ_CHECK(strcmp(ls_status_text(status), "unknown status") != 0);
    FUZZ_CHECK(message[0] != '\0' && strcmp(message, "nothing failed yet") != 0);
    for (const char *c = message; *c; c++)
        FUZZ_CHECK((*c == '\n' && ls_error_count() > 1) ||
                   ((unsigned char)*c >= ' ' && *c != 127)); /* one line, and nothing that a terminal would obey */
    ls_fail(LS_ERR_ARG, "nothing failed yet");
    return false;
}

/* ---- files ---- */

static char folder[128];

static void remove_folder(void)
{
    DIR *const d = opendir(folder);
    char path[512];

    for (struct dirent *entry; d && (entry = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path); /* not . and .., which are directories */
    }
    if (d)
        closedir(d);
    rmdir(folder);
}

static void make_folder(void)
{
    const char *parent = getenv("TMPDIR");

    if (!parent)
        parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/lockstep-fuzz.XXXXXX", parent);
    FUZZ_CHECK(mkdtemp(folder));
    atexit(remove_folder);
}

const char *fuzz_path(const char *name)
{
    static char path[16][256];
    static unsigned turn;

    if (!folder[0])
        make_folder();
    turn = (turn + 1) % 16;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

void fuzz_write(const char *path, const void *data, size_t n)
{
    FILE *const f = fopen(path, "wb");

    FUZZ_CHECK(f);
    FUZZ_CHECK(fwrite(data, 1, n, f) == n);
    FUZZ_CHECK(fclose(f) == 0);
}

void *fuzz_read(const char *path, size_t *n)
{
    FILE *const f = fopen(path, "rb");
    long size;
    void *data;

    FUZZ_CHECK(f && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0);
    rewind(f);
    FUZZ_CHECK((data = malloc((size_t)size + 1)) != NULL);
    FUZZ_CHECK(fread(data, 1, (size_t)size, f) == (size_t)size);
    fclose(f);
    *n = (size_t)size;
    return data;
}

/* ---- the input ---- */

uint8_t fuzz_byte(fuzz_input *input)
{
    return (uint8_t)fuzz_number(input, 1);
}

uint64_t fuzz_number(fuzz_input *input, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes && input->left > 0; i++, input->left--)
        value |= (uint64_t)*input->at++ << 8 * i;
    return value;
}

size_t fuzz_choose(fuzz_input *input, size_t n)
{
    return fuzz_byte(input) % n;
}

const uint8_t *fuzz_take(fuzz_input *input, size_t n, size_t *got)
{
    const uint8_t *const bytes = input->at;

    *got = n < input->left ? n : input->left;
    input->at += *got;
    input->left -= *got;
    return bytes;
}

fuzz_input fuzz_part(fuzz_input *input)
{
    const size_t length = (size_t)fuzz_number(input, 2);
    fuzz_input part;

    part.at = fuzz_take(input, length, &part.left);
    return part;
}

char *fuzz_text(fuzz_input *input)
{
    size_t n;
    const uint8_t *const bytes = fuzz_take(input, SIZE_MAX, &n);
    char *const text = malloc(n + 1);

    FUZZ_CHECK(text);
    memcpy(text, bytes, n);
    text[n] = '\0';
    return text;
}
