#include "formats/event_writer.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/tfrecord.h"

#define PREFIX "events.out.tfevents."
#define RESUMED ".resumed.v2"
#define HOST_BYTES 256
#define SECONDS_MAX INT64_C(9999999999) /* ten digits */

/* A curve of the files before this one, and how far it goes. */
typedef struct curve {
    char *tag;
    uint64_t last;
} curve;

struct ls_event_writer {
    char *directory;
    bool resumed;
    char *path;      /* of the file; NULL: none yet */
    int64_t after_s; /* the SECONDS of the last file that was there; 0: there was none */
    curve *curve;    /* [curves] of the run before, sorted by tag */
    size_t curves, capacity;
    ls_text pending;
};

void ls_event_writer_free(ls_event_writer *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->curves; i++)
        ls_free(w->curve[i].tag);
    ls_free(w->curve);
    ls_free(w->directory);
    ls_free(w->path);
    ls_text_reset(&w->pending);
    ls_free(w);
}

/* ---- what is there ---- */

/* The place of tag among the curves: where it is, or where it would be. */
static size_t place_of(const ls_event_writer *w, const char *tag, bool *found)
{
    size_t begin = 0, end = w->curves;

    while (begin < end) {
        const size_t middle = begin + (end - begin) / 2;

        if (strcmp(w->curve[middle].tag, tag) < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    *found = begin < w->curves && strcmp(w->curve[begin].tag, tag) == 0;
    return begin;
}

static ls_status note(ls_event_writer *w, const char *tag, uint64_t step)
{
    bool found;
    const size_t at = place_of(w, tag, &found);

    if (!found) {
        char *copy;

        if (w->curves == w->capacity) {
            const size_t capacity = 2 * w->capacity + 16;
            curve *grown = ls_realloc(w->curve, capacity, sizeof *grown, "the curves of event files");

            if (!grown)
                return LS_ERR_MEMORY;
            w->curve = grown;
            w->capacity = capacity;
        }
        if (!(copy = ls_strdup(tag)))
            return LS_ERR_MEMORY;
        memmove(w->curve + at + 1, w->curve + at, (w->curves - at) * sizeof *w->curve);
        w->curve[at] = (curve){.tag = copy};
        w->curves++;
    }
    if (step > w->curve[at].last)
        w->curve[at].last = step;
    return LS_OK;
}

static ls_status read_file(ls_event_writer *w, const char *name)
{
    char *path = ls_path_join(w->directory, name);
    ls_text data = {0}, tag = {0};
    FILE *f = NULL;
    bool end = false;
    uint64_t step;
    ls_status st = LS_OK;

    if (!path)
        return LS_ERR_MEMORY;
    if (!(f = fopen(path, "rb"))) {
        st = ls_fail(LS_ERR_IO, "cannot read '%s', to go on after it: %s", path, strerror(errno));
        goto cleanup;
    }
    for (;;) {
        LS_TRY_CLEANUP(ls_tfrecord_read(f, &data, &end));
        if (end)
            break;
        if (ls_event_parse(data.data, data.length, &step, &tag))
            LS_TRY_CLEANUP(note(w, tag.data, step));
        LS_TRY_CLEANUP(tag.status);
    }
cleanup:
    if (f)
        fclose(f);
    ls_text_reset(&data);
    ls_text_reset(&tag);
    ls_free(path);
    return st;
}

static int64_t seconds_of(const char *name)
{
    return strtoll(name + strlen(PREFIX), NULL, 10);
}

/* Names have ten digits of seconds: one beyond them is no file of a run, and none could come after it. */
static int is_event_file(const struct dirent *entry)
{
    return strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 && seconds_of(entry->d_name) < SECONDS_MAX;
}

static ls_status look(ls_event_writer *w)
{
    struct dirent **entry = NULL;
    const int n = scandir(w->directory, &entry, is_event_file, alphasort);
    int first = n;
    ls_status st = LS_OK;

    if (n < 0 && errno != ENOENT)
        return ls_fail(LS_ERR_IO, "cannot list the directory '%s': %s", w->directory, strerror(errno));
    if (n > 0)
        w->after_s = seconds_of(entry[n - 1]->d_name);
    while (w->resumed && first > 0 && ls_ends_with(entry[first - 1]->d_name, RESUMED))
        first--;
    if (w->resumed && first > 0) /* the one that began it */
        first--;
    for (int i = first; i < n && st == LS_OK; i++)
        st = read_file(w, entry[i]->d_name);
    for (int i = 0; i < n; i++)
        free(entry[i]); /* of the C library */
    free(entry);
    return st;
}

ls_status ls_event_writer_create(const char *directory, bool resumed, ls_event_writer **out)
{
    ls_event_writer *w = ls_calloc(1, sizeof *w, "a writer of events");
    ls_status st;

    *out = NULL;
    if (!w)
        return LS_ERR_MEMORY;
    w->resumed = resumed;
    st = (w->directory = ls_strdup(directory)) ? look(w) : LS_ERR_MEMORY;
    if (st != LS_OK) {
        ls_event_writer_free(w);
        return st;
    }
    *out = w;
    return LS_OK;
}

/* ---- what is written ---- */

static double wall_time_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool is_there(const ls_event_writer *w, const char *tag, uint64_t step)
{
    bool found;
    const size_t at = place_of(w, tag, &found);

    return found && step <= w->curve[at].last;
}

static ls_event event_now(const char *tag, uint64_t step)
{
    return (ls_event){.wall_time = wall_time_s(), .step = step, .tag = tag};
}

void ls_event_writer_scalar(ls_event_writer *w, const char *tag, uint64_t step, float value)
{
    const ls_event event = event_now(tag, step);

    if (!is_there(w, tag, step))
        ls_event_add_scalar(&w->pending, &event, value);
}

void ls_event_writer_histogram(ls_event_writer *w, const char *tag, uint64_t step, const float *x, size_t n)
{
    const ls_event event = event_now(tag, step);
    ls_histogram histogram;

    if (is_there(w, tag, step))
        return;
    ls_histogram_make(x, n, &histogram);
    ls_event_add_histogram(&w->pending, &event, &histogram);
}

void ls_event_writer_keras_model(ls_event_writer *w, const char *tag, uint64_t step, const char *json, size_t bytes)
{
    const ls_event event = event_now(tag, step);

    if (!is_there(w, tag, step))
        ls_event_add_keras_model(&w->pending, &event, json, bytes);
}

/* A name that comes after all that are there. */
static ls_status choose_path(ls_event_writer *w)
{
    char host[HOST_BYTES] = "localhost";
    const int64_t now_s = (int64_t)time(NULL), seconds = now_s > w->after_s ? now_s : w->after_s + 1;

    gethostname(host, sizeof host - 1);
    for (int number = 0;; number++) {
        ls_text path = {0};

        ls_text_add(&path, "%s/" PREFIX "%010lld.%s.%ld.%d%s", w->directory, (long long)seconds, host, (long)getpid(),
                    number, w->resumed ? RESUMED : ".v2");
        if (path.status != LS_OK)
            return LS_ERR_MEMORY;
        if (!ls_file_exists(path.data)) {
            w->path = path.data;
            return LS_OK;
        }
        ls_text_reset(&path);
    }
}

static ls_status begin_file(ls_event_writer *w)
{
    ls_text head = {0};
    ls_status st;

    LS_TRY(ls_directory_create(w->directory));
    LS_TRY(choose_path(w));
    ls_event_add_version(&head, wall_time_s());
    st = head.status == LS_OK ? ls_file_append(w->path, head.data, head.length) : head.status;
    ls_text_reset(&head);
    if (st != LS_OK) { /* the next attempt begins another one */
        ls_free(w->path);
        w->path = NULL;
    }
    return st;
}

ls_status ls_event_writer_flush(ls_event_writer *w)
{
    LS_TRY(w->pending.status);
    if (w->pending.length == 0)
        return LS_OK;
    if (!w->path)
        LS_TRY(begin_file(w));
    LS_TRY(ls_file_append(w->path, w->pending.data, w->pending.length));
    w->pending.length = 0;
    return LS_OK;
}
