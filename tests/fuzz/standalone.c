/*
 * What libFuzzer does, for compilers that do not have it, and without its eyes: runs a harness on every file of the
 * corpus and then on mutations of these files. The same arguments give the same inputs on every machine.
 *
 *     fuzz_X [-runs=N] [-seed=S] FILE_OR_FOLDER…
 *
 * N: mutations on top of the files. The input that ended the process is in crash-SEED-NUMBER, in the working directory.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_BYTES_MAX ((size_t)1 << 16)
#define PATIENCE_S 60 /* for one input */

typedef struct seed_file {
    char path[512];
    uint8_t *data;
    size_t n;
} seed_file;

static seed_file *file;
static size_t files;

static uint8_t input[INPUT_BYTES_MAX];
static size_t length;
static char crash[64]; /* the name of the file for this input */

static uint64_t state; /* of the generator */

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t below(size_t n)
{
    return (size_t)(draw() % n);
}

/* ---- the end of the process ---- */

static void keep_input(void)
{
    FILE *const f = crash[0] ? fopen(crash, "wb") : NULL;

    if (!f)
        return;
    fwrite(input, 1, length, f);
    fclose(f);
    fprintf(stderr, "the input is in %s\n", crash);
}

static void on_signal(int number)
{
    signal(number, SIG_DFL);
    if (number == SIGALRM)
        fprintf(stderr, "one input takes more than %d s\n", PATIENCE_S);
    keep_input();
    raise(number);
}

/* Of the sanitizers, which end the process in their own way. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch(void)
{
    static const int numbers[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!__sanitizer_set_death_callback || numbers[i] == SIGABRT || numbers[i] == SIGALRM)
            signal(numbers[i], on_signal);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(keep_input);
}

/* ---- the corpus ---- */

static void add_file(const char *path)
{
    seed_file *const more = realloc(file, (files + 1) * sizeof *file);

    FUZZ_CHECK(more);
    file = more;
    snprintf(file[files].path, sizeof file[files].path, "%s", path);
    file[files].data = fuzz_read(path, &file[files].n);
    files++;
}

static void add(const char *path)
{
    struct dirent **entry;
    struct stat info;
    char inside[512];
    int n;

    if (stat(path, &info) != 0) {
        fprintf(stderr, "there is no '%s'\n", path);
        exit(2);
    }
    if (!S_ISDIR(info.st_mode)) {
        add_file(path);
        return;
    }
    n = scandir(path, &entry, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        snprintf(inside, sizeof inside, "%s/%s", path, entry[i]->d_name);
        if (entry[i]->d_name[0] != '.')
            add_file(inside);
        free(entry[i]);
    }
    free(entry);
}

/* ---- mutations ---- */

static void erase(size_t at, size_t n)
{
    memmove(input + at, input + at + n, length - at - n);
    length -= n;
}

/* Room for n bytes, as many as fit. */
static size_t insert(size_t at, size_t n)
{
    if (n > INPUT_BYTES_MAX - length)
        n = INPUT_BYTES_MAX - length;
    memmove(input + at + n, input + at, length - at);
    length += n;
    return n;
}

/* A number that programs stumble over, of 1, 2, 4 or 8 bytes, in either byte order. */
static void put_number(size_t at)
{
    static const uint64_t interesting[] = {0,
                                           1,
                                           2,
                                           3,
                                           7,
                                           8,
                                           9,
                                           16,
                                           64,
                                           100,
                                           127,
                                           128,
                                           255,
                                           256,
                                           1000,
                                           32767,
                                           32768,
                                           65535,
                                           65536,
                                           0x7fffffff,
                                           0x80000000,
                                           0xffffffff,
                                           0x10000000,
                                           0x100000000,
                                           UINT64_C(1) << 62,
                                           INT64_MAX,
                                           UINT64_MAX,
                                           UINT64_MAX - 1};
    const uint64_t value = interesting[below(sizeof interesting / sizeof interesting[0])];
    const size_t bytes = (size_t)1 << below(4);
    const bool big = draw() & 1;

    for (size_t i = 0; i < bytes && at + i < length; i++)
        input[at + i] = (uint8_t)(value >> 8 * (big ? bytes - 1 - i : i));
}

static void mutate(void)
{
    const seed_file *const other = &file[below(files)];
    const size_t at = below(length + 1), n = 1 + below(length - at < 64 ? length - at + 1 : 64);
    size_t from;

    switch (below(9)) {
    case 0:
        if (at < length)
            input[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        if (at < length)
            input[at] = (uint8_t)draw();
        break;
    case 2:
        put_number(at);
        break;
    case 3:
        length = at;
        break;
    case 4:
        erase(at, n <= length - at ? n : length - at);
        break;
    case 5: /* bytes of its own, once more */
        if (at + n <= length) {
            uint8_t copy[64];

            memcpy(copy, input + at, n);
            from = below(length + 1);
            memcpy(input + from, copy, insert(from, n));
        }
        break;
    case 6: /* bytes of another file */
        if (other->n > 0) {
            size_t taken;

            from = below(other->n);
            taken = insert(at, n <= other->n - from ? n : other->n - from);
            memcpy(input + at, other->data + from, taken);
        }
        break;
    case 7: /* its end from another file */
        from = below(other->n + 1);
        length = at;
        memcpy(input + at, other->data + from, insert(at, other->n - from));
        break;
    default: { /* one byte, many times */
        const size_t made = insert(at, n << below(8));

        memset(input + at, (int)(draw() & 255), made);
    }
    }
}

static void run(void)
{
    uint8_t *const copy = malloc(length ? length : 1); /* so that a sanitizer sees what is read beyond it */

    FUZZ_CHECK(copy);
    memcpy(copy, input, length);
    alarm(PATIENCE_S);
    LLVMFuzzerTestOneInput(copy, length);
    alarm(0);
    free(copy);
}

int main(int argc, char **argv)
{
    unsigned long long runs = 0, seed = 1;

    for (int i = 1; i < argc; i++)
        if (argv[i][0] != '-')
            add(argv[i]);
        else if (sscanf(argv[i], "-runs=%llu", &runs) != 1 && sscanf(argv[i], "-seed=%llu", &seed) != 1) {
            fprintf(stderr, "usage: %s [-runs=N] [-seed=S] FILE_OR_FOLDER...\n", argv[0]);
            return 2;
        }
    if (!files) {
        fprintf(stderr, "%s: no file to begin with\n", argv[0]);
        return 2;
    }
    watch();
    for (size_t i = 0; i < files; i++) {
        snprintf(crash, sizeof crash, "crash-file-%zu", i);
        length = file[i].n < INPUT_BYTES_MAX ? file[i].n : INPUT_BYTES_MAX;
        memcpy(input, file[i].data, length);
        run();
    }
    for (unsigned long long i = 0; i < runs; i++) {
        const seed_file *base;

        snprintf(crash, sizeof crash, "crash-%llu-%llu", seed, i);
        state = seed << 32 ^ i; /* so that any input can be made again alone */
        base = &file[below(files)];
        length = base->n < INPUT_BYTES_MAX ? base->n : INPUT_BYTES_MAX;
        memcpy(input, base->data, length);
        for (size_t m = 1 + below(8); m > 0; m--)
            mutate();
        run();
    }
    crash[0] = '\0'; /* a leak that is found at the end is of no input in particular */
    fprintf(stderr, "%zu files and %llu mutations\n", files, runs);
    for (size_t i = 0; i < files; i++)
        free(file[i].data);
    free(file);
    return 0;
}
