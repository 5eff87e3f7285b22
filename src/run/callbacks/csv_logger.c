/*
 * Keras's CSVLogger: one row of logs per epoch. The last rows of the run are in its checkpoints, and the file is
 * written whole with the first row of a process: a run that stops and goes on leaves the file of the run that never
 * stopped.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "run/callbacks/callbacks.h"
#include "run/state.h"

typedef struct csv_config {
    const char *filename;
    char separator;
    bool append;
} csv_config;

#define ROWS_BYTES ((size_t)32 << 10) /* of rows that a checkpoint holds, and twice that */

typedef struct csv_logger {
    const csv_config *config;
    uint64_t kept_bytes; /* of the file, before `rows`: from before the run, when appending, and of rows long on disk */
    ls_text keys;        /* columns without "epoch", each ended by a newline; fixed by the first row */
    ls_text rows;        /* of this run, with the header if it wrote one */
    size_t written;      /* bytes of `rows` that are in the file already, ... */
    bool has_begun;      /* ... which this process has written */
    bool is_restored;    /* from a checkpoint */
} csv_logger;

static ls_status parse(void *config, const ls_config *args, const char *where)
{
    csv_config *const c = config;
    const ls_config *separator = ls_config_get(args, "separator");
    const char *text = ",";
    ls_config *filename;

    LS_TRY(ls_callback_need(args, "filename", where, &filename));
    LS_TRY(ls_config_text(filename, where, &c->filename));
    LS_TRY(ls_check_not_reserved(c->filename, filename));
    if (separator)
        LS_TRY(ls_config_text(separator, where, &text));
    if (strlen(text) != 1 || strchr("\"\r\n", *text))
        return ls_config_fail(separator, "%s.separator must be one character, not '%s'", where, text);
    c->separator = *text;
    return LS_OK;
}

static ls_status open_csv(void *context, ls_callback_run *run, const ls_config *at)
{
    return ls_check_not_reserved_in(run, ((const csv_logger *)context)->config->filename, at);
}

static void close_csv(void *context)
{
    csv_logger *const l = context;

    ls_text_reset(&l->keys);
    ls_text_reset(&l->rows);
}

static ls_status on_train_begin(void *context, ls_callback_run *run)
{
    csv_logger *const l = context;
    struct stat file;
    char *path;

    /* One that was added to a run that goes on appends, too: the rows may be of one like it. */
    if (l->is_restored || (!l->config->append && !run->resumed) || !run->directory || run->trainer->comm->rank != 0)
        return LS_OK;
    if (!(path = ls_callback_path(run, l->config->filename)))
        return LS_ERR_MEMORY;
    l->kept_bytes = stat(path, &file) == 0 ? (uint64_t)file.st_size : 0;
    ls_free(path);
    return LS_OK;
}

/* A field, with quotes where it needs them. */
static void add_field(csv_logger *l, const char *text)
{
    const char special[] = {l->config->separator, '"', '\r', '\n', '\0'};

    if (!strpbrk(text, special)) {
        ls_text_add(&l->rows, "%s", text);
        return;
    }
    ls_text_add(&l->rows, "\"");
    for (; *text; text++) {
        if (*text == '"')
            ls_text_add(&l->rows, "\"");
        ls_text_add_bytes(&l->rows, text, 1);
    }
    ls_text_add(&l->rows, "\"");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted; when no validation was logged in the first row, each name once more with "val_" for when it is. */
static ls_status fix_keys(csv_logger *l, const ls_logs *logs)
{
    const char **name = ls_calloc(logs->n, sizeof *name, "the columns of csv_logger");
    bool validated = false;

    if (!name)
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < logs->n; i++) {
        name[i] = logs->log[i].name;
        validated |= strncmp(name[i], "val_", 4) == 0;
    }
    qsort(name, logs->n, sizeof *name, by_name);
    for (size_t i = 0; i < logs->n; i++)
        ls_text_add(&l->keys, "%s\n", name[i]);
    for (size_t i = 0; i < logs->n && !validated; i++)
        ls_text_add(&l->keys, "val_%s\n", name[i]);
    ls_free(name);
    return l->keys.status;
}

/* The next key from *at on, or NULL at the end. Points into a buffer of the caller. */
static const char *next_key(const csv_logger *l, size_t *at, char *buffer, size_t bytes)
{
    const char *key = l->keys.data + *at;
    const size_t length = strcspn(key, "\n");

    if (*at >= l->keys.length)
        return NULL;
    snprintf(buffer, bytes, "%.*s", (int)length, key);
    *at += length + 1;
    return buffer;
}

static ls_status add_row(csv_logger *l, uint64_t epoch, const ls_logs *logs)
{
    const bool first = l->keys.length == 0;
    const char separator[] = {l->config->separator, '\0'};
    char key[512], number[LS_PYTHON_FLOAT_BYTES];

    if (first)
        LS_TRY(fix_keys(l, logs));
    if (first && l->kept_bytes == 0) {
        add_field(l, "epoch");
        for (size_t at = 0; next_key(l, &at, key, sizeof key);) {
            ls_text_add(&l->rows, "%s", separator);
            add_field(l, key);
        }
        ls_text_add(&l->rows, "\r\n");
    }
    ls_text_add(&l->rows, "%" PRIu64, epoch);
    for (size_t at = 0; next_key(l, &at, key, sizeof key);) {
        const double *value = ls_logs_get(logs, key);

        ls_text_add(&l->rows, "%s", separator);
        if (value)
            ls_python_float(*value, number);
        add_field(l, value ? number : "NA");
    }
    ls_text_add(&l->rows, "\r\n");
    return l->rows.status;
}

/* What the file holds that `rows` do not, into out; nothing of a device or a pipe. */
static ls_status read_kept(const csv_logger *l, const char *path, ls_text *out)
{
    struct stat info;
    const bool is_special = stat(path, &info) == 0 && !S_ISREG(info.st_mode);
    FILE *f = is_special ? NULL : fopen(path, "rb");
    char buffer[4096];
    uint64_t left = is_special ? 0 : l->kept_bytes;
    size_t n;

    while (f && left > 0 && (n = fread(buffer, 1, left < sizeof buffer ? (size_t)left : sizeof buffer, f)) > 0) {
        ls_text_add_bytes(out, buffer, n);
        left -= n;
    }
    if (f)
        fclose(f);
    if (left > 0)
        return ls_fail(LS_ERR_IO, "cannot append to '%s': the %" PRIu64 " bytes that it held before are gone", path,
                       l->kept_bytes);
    return out->status;
}

static ls_status write_whole(const csv_logger *l, const char *path)
{
    ls_text all = {0};
    ls_status st = l->kept_bytes ? read_kept(l, path, &all) : LS_OK;

    if (st == LS_OK) {
        ls_text_add_bytes(&all, l->rows.data, l->rows.length);
        st = all.status;
    }
    if (st == LS_OK)
        st = ls_file_replace(path, all.data, all.length);
    ls_text_reset(&all);
    return st;
}

/* The older half of many rows is for the file alone, once it is on disk. */
static ls_status keep_in_file(csv_logger *l, const char *path)
{
    size_t n = ROWS_BYTES;

    if (l->rows.length < 2 * ROWS_BYTES)
        return LS_OK;
    while (n > 0 && l->rows.data[n - 1] != '\n') /* whole rows */
        n--;
    LS_TRY(ls_file_sync(path));
    memmove(l->rows.data, l->rows.data + n, l->rows.length + 1 - n);
    l->rows.length -= n;
    l->kept_bytes += n;
    return LS_OK;
}

static ls_status write_rows(csv_logger *l, const ls_callback_run *run)
{
    char *const path = ls_callback_path(run, l->config->filename);
    ls_status st;

    if (!path)
        return LS_ERR_MEMORY;
    if (l->has_begun)
        st = ls_file_append(path, l->rows.data + l->written, l->rows.length - l->written);
    else
        st = write_whole(l, path);
    if (st == LS_OK)
        st = keep_in_file(l, path);
    l->has_begun = true;
    l->written = l->rows.length;
    ls_free(path);
    return st;
}

static ls_status on_epoch_end(void *context, ls_callback_run *run, uint64_t epoch, ls_logs *logs)
{
    csv_logger *const l = context;
    ls_status st = LS_OK;

    if (run->trainer->comm->rank == 0 && run->directory) {
        st = add_row(l, epoch, logs);
        if (st == LS_OK)
            st = write_rows(l, run);
    }
    return ls_agree(run->trainer->comm, st);
}

static ls_status pass_state(void *context, ls_callback_run *run, ls_state *state)
{
    csv_logger *const l = context;

    (void)run;
    l->is_restored = !state->writing;
    LS_TRY(ls_state_uint(state, "kept_bytes", &l->kept_bytes));
    LS_TRY(ls_state_bytes(state, "keys", &l->keys));
    return ls_state_bytes(state, "rows", &l->rows);
}

static const ls_option options[] = {
    {.name = "append", .kind = LS_OPTION_BOOL, .offset = offsetof(csv_config, append), .initial = "false"},
    {.name = NULL},
};

const ls_callback_ops ls_csv_logger = {
    .ops = {.name = "csv_logger", .keras_name = "CSVLogger", .options = options, .config_bytes = sizeof(csv_config)},
    .texts = (const char *const[]){"filename", "separator", NULL},
    .anew = (const char *const[]){"filename", "separator", NULL},
    .parse = parse,
    .context_bytes = sizeof(csv_logger),
    .open = open_csv,
    .close = close_csv,
    .hooks = {.on_train_begin = on_train_begin, .on_epoch_end = on_epoch_end, .state = pass_state},
};
