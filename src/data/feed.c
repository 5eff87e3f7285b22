#include "data/feed.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "data/dataset_impl.h"

#define NONE UINT64_MAX
#define MESSAGE_BYTES 1024
#define ROUND_S 1 /* the longest that ranks go without agreeing whether all is read */

/*
 * A slot goes EMPTY -> WANTED -> READ -> READY -> WANTED …: the thread is to read this process's share; it has; all
 * processes have. Windows are numbered through all epochs, epoch * windows + window, and number n is in slot n % slots.
 */
typedef enum slot_state { EMPTY, WANTED, READ, READY } slot_state;

typedef struct slot {
    uint64_t window; /* numbered through; NONE */
    slot_state state;
    ls_chunk *chunk; /* [chunks] this process's share */
    uint64_t chunks;
    uint64_t left; /* rows of all arrays that are still to be read */
} slot;

struct ls_feed {
    ls_feed_settings settings;
    ls_permutation *order;    /* which chunks a window has */
    ls_array *array;          /* [arrays] as the given ones, with the slots as values */
    ls_array_reader **reader; /* [arrays] */
    size_t arrays_read;       /* those that are not NULL */
    uint64_t windows;         /* of an epoch */
    uint64_t rows;            /* of a slot */
    uint64_t slots;
    ls_chunk *window_chunks; /* scratch: of a whole window */

    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work, news;
    bool stop;
    slot *slot;      /* [slots] */
    uint64_t *queue; /* [slots] slots that are WANTED, a ring */
    uint64_t queued, next;
    ls_status status; /* of the thread */
    char message[MESSAGE_BYTES];
};

static uint64_t slots_of(const ls_permutation *order, uint64_t most)
{
    return ls_permutation_windows_of(order, most) + 1;
}

size_t ls_feed_bytes(const ls_feed_settings *settings)
{
    ls_permutation *order;
    size_t row = 0, rows, bytes;
    bool fits;

    if (ls_permutation_create_in_order(settings->samples, &settings->windows, &order) != LS_OK)
        return SIZE_MAX;
    for (size_t i = 0; i < settings->arrays; i++)
        if (settings->array[i])
            row += ls_array_sample_bytes(settings->array[i]);
    fits = ls_size_mul(slots_of(order, settings->most), ls_permutation_window_rows_max(order), &rows) &&
           ls_size_mul(rows, row, &bytes);
    ls_permutation_free(order);
    return fits ? bytes : SIZE_MAX;
}

/* ---- the thread ---- */

/* False: it is to stop. */
static bool advance_left(ls_feed *f, slot *s, uint64_t rows)
{
    bool goes_on;

    pthread_mutex_lock(&f->lock);
    s->left -= rows;
    goes_on = !f->stop;
    pthread_mutex_unlock(&f->lock);
    return goes_on;
}

static ls_status read_chunk(ls_feed *f, slot *s, const ls_chunk *chunk, size_t i, uint64_t index)
{
    ls_array_reader *reader = f->reader[i];

    for (uint64_t row = 0, n; row < chunk->rows; row += n) {
        const uint64_t left = chunk->rows - row;

        n = left < reader->piece ? left : reader->piece;
        LS_TRY(ls_array_reader_read(reader, f->settings.begin + chunk->first + row, n,
                                    (char *)f->array[i].values + (size_t)((index * f->rows + chunk->row + row) *
                                                                          ls_array_sample_bytes(&f->array[i]))));
        if (!advance_left(f, s, n))
            return LS_OK;
    }
    return LS_OK;
}

static ls_status read_slot(ls_feed *f, uint64_t index)
{
    slot *s = &f->slot[index];

    for (uint64_t k = 0; k < s->chunks; k++)
        for (size_t i = 0; i < f->settings.arrays; i++)
            if (f->reader[i])
                LS_TRY(read_chunk(f, s, &s->chunk[k], i, index));
    return LS_OK;
}

static void *read_ahead(void *argument)
{
    ls_feed *f = argument;

    pthread_mutex_lock(&f->lock);
    while (!f->stop) {
        uint64_t index;
        ls_status st;

        if (!f->queued || f->status != LS_OK) {
            pthread_cond_wait(&f->work, &f->lock);
            continue;
        }
        index = f->queue[f->next];
        pthread_mutex_unlock(&f->lock);
        st = read_slot(f, index);
        pthread_mutex_lock(&f->lock);
        if (st == LS_OK) {
            f->next = (f->next + 1) % f->slots;
            f->queued--;
            f->slot[index].state = READ;
        } else { /* for good: the slot stays WANTED, and who wants it is told */
            f->status = st;
            strncpy(f->message, ls_error_message(), sizeof f->message - 1);
        }
        pthread_cond_broadcast(&f->news);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static ls_status start_thread(ls_feed *f)
{
    pthread_condattr_t clock;
    sigset_t all, old;
    int code;

    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->work, NULL);
    pthread_cond_init(&f->news, &clock);
    pthread_condattr_destroy(&clock);
    /* Signals are for the main thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    code = pthread_create(&f->thread, NULL, read_ahead, f);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    f->running = code == 0;
    return code ? ls_fail(LS_ERR_INTERNAL, "cannot start the thread that reads ahead: %s", strerror(code)) : LS_OK;
}

static void stop_thread(ls_feed *f)
{
    if (f->running) {
        pthread_mutex_lock(&f->lock);
        f->stop = true;
        pthread_cond_signal(&f->work);
        pthread_mutex_unlock(&f->lock);
        pthread_join(f->thread, NULL);
        pthread_cond_destroy(&f->news);
        pthread_cond_destroy(&f->work);
        pthread_mutex_destroy(&f->lock);
    }
}

/* ---- opening ---- */

static ls_status agree(const ls_feed *f, ls_status mine, uint64_t *unfinished)
{
    const ls_sharing *s = f->settings.sharing;

    return s ? s->agree(s->context, mine, unfinished) : mine;
}

/* All that one process can do by itself. */
static ls_status prepare(ls_feed *f)
{
    const ls_feed_settings *s = &f->settings;
    const uint64_t parts = s->sharing ? (uint64_t)s->sharing->parts : 1;
    uint64_t chunks;

    LS_TRY(s->shuffled ? ls_permutation_create_windowed(s->samples, &s->windows, s->seed, &f->order)
                       : ls_permutation_create_in_order(s->samples, &s->windows, &f->order));
    f->windows = ls_permutation_windows(f->order);
    f->rows = ls_permutation_window_rows_max(f->order);
    f->slots = slots_of(f->order, s->most);
    chunks = ls_permutation_window_chunks(f->order, 0); /* no other has more */
    f->slot = ls_calloc((size_t)f->slots, sizeof *f->slot, "windows of the data");
    f->queue = ls_calloc((size_t)f->slots, sizeof *f->queue, "windows of the data");
    f->window_chunks = ls_calloc((size_t)chunks, sizeof *f->window_chunks, "the chunks of a window");
    f->array = ls_calloc(s->arrays, sizeof *f->array, "windows of the data");
    f->reader = ls_calloc(s->arrays, sizeof(ls_array_reader *), "windows of the data");
    if (!f->slot || !f->queue || !f->window_chunks || !f->array || !f->reader)
        return LS_ERR_MEMORY;
    for (uint64_t k = 0; k < f->slots; k++) {
        f->slot[k].window = NONE;
        f->slot[k].chunk = ls_calloc((size_t)(chunks / parts + 1), sizeof *f->slot[k].chunk, "the chunks of a window");
        if (!f->slot[k].chunk)
            return LS_ERR_MEMORY;
    }
    for (size_t i = 0; i < s->arrays; i++)
        if (s->array[i]) {
            LS_TRY(ls_array_reader_open(s->array[i], &f->reader[i]));
            f->array[i] = *s->array[i];
            f->array[i].samples = f->slots * f->rows;
            f->array[i].owns_values = false;
            f->array[i].values = NULL;
            f->arrays_read++;
        }
    return LS_OK;
}

static ls_status allocate(ls_feed *f)
{
    const ls_sharing *s = f->settings.sharing;

    for (size_t i = 0; i < f->settings.arrays; i++) {
        ls_array *a = &f->array[i];

        if (!f->settings.array[i])
            continue;
        if (s) {
            LS_TRY(s->allocate(s->context, ls_array_bytes(a), a->path, &a->values));
        } else {
            if (!(a->values = ls_calloc((size_t)a->samples, ls_array_sample_bytes(a), a->path)))
                return LS_ERR_MEMORY;
            a->owns_values = true;
        }
    }
    return LS_OK;
}

ls_status ls_feed_open(const ls_feed_settings *settings, ls_feed **out)
{
    ls_feed *f = ls_calloc(1, sizeof *f, "windows of the data");
    ls_status st;

    *out = NULL;
    if (f)
        f->settings = *settings;
    st = f ? prepare(f) : LS_ERR_MEMORY;
    if (settings->sharing)
        st = settings->sharing->agree(settings->sharing->context, st, NULL);
    LS_TRY_CLEANUP(st);
    LS_TRY_CLEANUP(allocate(f));
    LS_TRY_CLEANUP(agree(f, start_thread(f), NULL));
    *out = f;
    f = NULL;
cleanup:
    ls_feed_close(f);
    return st;
}

void ls_feed_close(ls_feed *f)
{
    if (!f)
        return;
    stop_thread(f);
    for (size_t i = 0; i < f->settings.arrays; i++) {
        if (f->reader)
            ls_array_reader_close(f->reader[i]);
        if (f->array && f->array[i].owns_values)
            ls_free(f->array[i].values);
    }
    for (uint64_t k = 0; f->slot && k < f->slots; k++)
        ls_free(f->slot[k].chunk);
    ls_free(f->slot);
    ls_free(f->queue);
    ls_free(f->window_chunks);
    ls_free(f->array);
    ls_free(f->reader);
    ls_permutation_free(f->order);
    ls_free(f);
}

/* ---- using ---- */

static int by_first(const void *a, const void *b)
{
    const ls_chunk *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

static slot *slot_of(const ls_feed *f, uint64_t window)
{
    return &f->slot[window % f->slots];
}

/* Tell the thread to read this process's share of a window: neighbours in the file, in the order of the file. */
static void request(ls_feed *f, uint64_t window)
{
    const ls_sharing *sharing = f->settings.sharing;
    const uint64_t part = sharing ? (uint64_t)sharing->part : 0, parts = sharing ? (uint64_t)sharing->parts : 1;
    const uint64_t epoch = f->settings.shuffled ? window / f->windows : 0, in_epoch = window - epoch * f->windows;
    slot *s = slot_of(f, window);
    uint64_t n, first;

    ls_permutation_set_epoch(f->order, epoch);
    n = ls_permutation_window_chunks(f->order, in_epoch);
    for (uint64_t k = 0; k < n; k++)
        f->window_chunks[k] = ls_permutation_chunk(f->order, in_epoch, k);
    if (f->settings.shuffled)
        qsort(f->window_chunks, (size_t)n, sizeof *f->window_chunks, by_first);
    first = n * part / parts;

    pthread_mutex_lock(&f->lock);
    s->window = window;
    s->state = WANTED;
    s->chunks = n * (part + 1) / parts - first;
    s->left = 0;
    for (uint64_t k = 0; k < s->chunks; k++) {
        s->chunk[k] = f->window_chunks[first + k];
        s->left += s->chunk[k].rows * f->arrays_read;
    }
    if (f->status == LS_OK) {
        f->queue[(f->next + f->queued++) % f->slots] = (uint64_t)(s - f->slot);
        pthread_cond_signal(&f->work);
    }
    pthread_mutex_unlock(&f->lock);
}

/* Wait a while for this process's shares of the windows [first, last]; *left: what is still to do. */
static ls_status wait_own(ls_feed *f, uint64_t first, uint64_t last, uint64_t *left)
{
    struct timespec deadline;
    ls_status st = LS_OK;
    int code = 0;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += ROUND_S;
    pthread_mutex_lock(&f->lock);
    for (;;) {
        *left = 0;
        for (uint64_t k = 0; k < f->slots; k++)
            if (f->slot[k].state == WANTED && f->slot[k].window >= first && f->slot[k].window <= last)
                *left += f->slot[k].left + 1;
        if (!*left || code || f->status != LS_OK)
            break;
        code = pthread_cond_timedwait(&f->news, &f->lock, &deadline);
    }
    if (*left && f->status != LS_OK)
        st = ls_fail(f->status, "%s", f->message);
    pthread_mutex_unlock(&f->lock);
    return st;
}

/* Until all processes have read their shares of these windows. */
static ls_status wait_all(ls_feed *f, uint64_t first, uint64_t last, ls_feed_progress progress, void *context)
{
    uint64_t left, before = NONE;

    do {
        const ls_status st = wait_own(f, first, last, &left);

        LS_TRY(agree(f, st, &left));
        if (left && left != before && progress)
            progress(context);
        before = left;
    } while (left);
    return LS_OK;
}

/*
 * All processes come here with the same windows in their slots, READY or not: what each does then follows from that
 * alone, so that all meet in the same agreements. Nobody overwrites a slot before an agreement in this call, which
 * tells that no process uses what the last call gave; nor one that another process may still be reading into, which
 * after a jump can be any.
 */
static ls_status make_ready(ls_feed *f, uint64_t first, uint64_t last, ls_feed_progress progress, void *context)
{
    bool jump = false;

    for (uint64_t w = first; w <= last; w++)
        jump |= slot_of(f, w)->window != w;
    if (jump) {
        LS_TRY(wait_all(f, 0, NONE, progress, context));
        for (uint64_t w = first; w <= last; w++)
            if (slot_of(f, w)->window != w)
                request(f, w);
    }
    LS_TRY(wait_all(f, first, last, progress, context));
    for (uint64_t w = first; w <= last; w++)
        slot_of(f, w)->state = READY;
    return LS_OK;
}

ls_status ls_feed_advance(ls_feed *f, uint64_t epoch, uint64_t first, uint64_t n, ls_feed_progress progress,
                          void *context)
{
    const uint64_t base = epoch * f->windows;
    uint64_t begin, end, stop;
    bool ready = true;

    if (n == 0)
        return LS_OK;
    if (n > f->settings.most)
        return ls_fail(LS_ERR_ARG, "%llu samples at a time of data that are read for %llu", (unsigned long long)n,
                       (unsigned long long)f->settings.most);
    ls_permutation_set_epoch(f->order, epoch);
    begin = base + ls_permutation_window_of(f->order, first);
    end = base + ls_permutation_window_of(f->order, first + n - 1);
    pthread_mutex_lock(&f->lock);
    for (uint64_t w = begin; w <= end; w++)
        ready &= slot_of(f, w)->window == w && slot_of(f, w)->state == READY;
    pthread_mutex_unlock(&f->lock);
    if (ready)
        return LS_OK;
    LS_TRY(make_ready(f, begin, end, progress, context));
    /* What is over may be overwritten now. After the last window of a shuffled epoch comes the next epoch. */
    stop = begin + f->slots;
    if (!f->settings.shuffled && stop > f->windows)
        stop = f->windows;
    for (uint64_t w = end + 1; w < stop; w++)
        if (slot_of(f, w)->window != w)
            request(f, w);
    return LS_OK;
}

const ls_permutation *ls_feed_order(const ls_feed *feed)
{
    return feed->order;
}

const ls_array *ls_feed_array(const ls_feed *feed, size_t i)
{
    return feed->settings.array[i] ? &feed->array[i] : NULL;
}

uint64_t ls_feed_index(const ls_feed *feed, uint64_t epoch, const ls_sample_place *place)
{
    return (epoch * feed->windows + place->window) % feed->slots * feed->rows + place->row;
}
