#include "files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mpi_main.h"

char folder[32];

bool folder_make(const char *name)
{
    int made = 1;

    if (world_rank() == 0) {
        snprintf(folder, sizeof folder, "%s.XXXXXX", name);
        made = mkdtemp(folder) != NULL;
    }
    if (world_is_running())
        MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
    return made;
}

int folder_set_up(void **state)
{
    (void)state;
    return folder_make("test_folder") ? 0 : -1;
}

void remove_all(const char *path)
{
    DIR *const d = opendir(path);

    for (struct dirent *entry; d && (entry = readdir(d)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            char inner[512];

            if ((size_t)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) < sizeof inner && unlink(inner))
                remove_all(inner);
        }
    if (d)
        closedir(d);
    rmdir(path);
}

int folder_tear_down(void **state)
{
    (void)state;
    world_barrier();
    if (world_rank() == 0)
        remove_all(folder);
    return 0;
}

int folder_tear_down_of(const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        unlink(paths[i]);
    if (rmdir(folder) == 0)
        return 0;
    fprintf(stderr, "the test left files behind in %s\n", folder);
    remove_all(folder);
    return -1;
}

size_t folder_entries(void)
{
    DIR *const d = opendir(folder);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; /* without . and .. */
}

const char *in_folder(const char *name)
{
    static char path[4][512];
    static size_t turn;
    char *const out = path[turn++ % 4];

    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

void write_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *f;

    unlink(path);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

char *read_whole(const char *path, size_t *n)
{
    FILE *const f = fopen(path, "rb");
    char *bytes;

    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    bytes = malloc(*n + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

bool same_files(const char *a, const char *b)
{
    size_t n, m;
    char *const x = read_whole(a, &n), *const y = read_whole(b, &m);
    const bool same = n == m && memcmp(x, y, n) == 0;

    free(x);
    free(y);
    return same;
}
