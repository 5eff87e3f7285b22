/* The rows of a CSV file; see csv.h. One state machine over bytes, for which zlib unpacks what is packed. */
#include "data/csv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/text.h"

#define BUFFER_BYTES ((unsigned)1 << 16)
#define END (-1) /* of the file, or a failure in csv->status */

struct ls_csv {
    char *path;
    gzFile stream;
    char delimiter;
    uint64_t line; /* of the next byte */
    ls_status status;

    unsigned char *buffer; /* bytes at … end are still to be read */
    size_t at, end;

    char *text; /* the fields of the row, each ended by a zero byte */
    size_t text_bytes, text_capacity;
    size_t *start; /* of every field in text; one more entry for the end */
    size_t fields, field_capacity;
    const char **field; /* the same as pointers, made when the row is complete */
    uint32_t *length;
    size_t pointer_capacity;

    char **name;
    size_t names;
    bool pending; /* the first row of a file without header was read, but not given yet */
    uint64_t row_line;
};

static bool fail_at(ls_csv *csv, uint64_t line, const char *problem)
{
    csv->status = ls_fail(LS_ERR_FORMAT, "%s:%llu: %s", csv->path, (unsigned long long)line, problem);
    return false;
}

/* ---- bytes ---- */

static bool fill(ls_csv *csv)
{
    const int got = gzread(csv->stream, csv->buffer, BUFFER_BYTES);
    int code = Z_OK;
    const char *reason = gzerror(csv->stream, &code);

    csv->at = 0;
    csv->end = got > 0 ? (size_t)got : 0;
    if (got < 0)
        csv->status = ls_fail(code == Z_ERRNO ? LS_ERR_IO : LS_ERR_FORMAT, "%s:%llu: cannot read on: %s", csv->path,
                              (unsigned long long)csv->line, code == Z_ERRNO ? strerror(errno) : reason);
    else if (got == 0 && code == Z_BUF_ERROR)
        return fail_at(csv, csv->line, "the gzip file ends too early; it is truncated");
    return got > 0;
}

static inline int next_byte(ls_csv *csv)
{
    return csv->at < csv->end || fill(csv) ? csv->buffer[csv->at++] : END;
}

static inline int peek_byte(ls_csv *csv)
{
    return csv->at < csv->end || fill(csv) ? csv->buffer[csv->at] : END;
}

/* The next byte outside quotes, line ends of all kinds as '\n'. */
static inline int next_plain(ls_csv *csv)
{
    int c = next_byte(csv);

    if (c == '\r') {
        if (peek_byte(csv) == '\n')
            next_byte(csv);
        c = '\n';
    }
    if (c == '\n')
        csv->line++;
    return c;
}

/* ---- fields ---- */

static bool grow_text(ls_csv *csv)
{
    const size_t capacity = csv->text_capacity ? 2 * csv->text_capacity : 4096;
    char *text = ls_realloc(csv->text, capacity, 1, "a row of a CSV file");

    if (!text) {
        csv->status = LS_ERR_MEMORY;
        return false;
    }
    csv->text = text;
    csv->text_capacity = capacity;
    return true;
}

static inline bool put(ls_csv *csv, int c)
{
    if (csv->text_bytes == csv->text_capacity && !grow_text(csv))
        return false;
    csv->text[csv->text_bytes++] = (char)c;
    return true;
}

/* A byte of the current field, which began in `line`. */
static inline bool put_in_field(ls_csv *csv, int c, uint64_t line, bool quoted)
{
    if (c == '\0')
        return fail_at(csv, csv->line,
                       "there is a zero byte; this is not a text file, or one in UTF-16: "
                       "convert it to UTF-8");
    if (csv->text_bytes - csv->start[csv->fields] == LS_CSV_FIELD_MAX)
        return fail_at(csv, line,
                       quoted ? "a quoted field is longer than 1 MiB; is its closing quote missing?"
                              : "a field is longer than 1 MiB; is this a CSV file?");
    if (csv->text_bytes == LS_CSV_ROW_MAX)
        return fail_at(csv, line, "a row is longer than 64 MiB; is this a CSV file?");
    return put(csv, c);
}

static bool is_blank(const ls_csv *csv, int c)
{
    return (c == ' ' || c == '\t') && c != csv->delimiter;
}

/* After the opening quote. Gives the byte that ends the field. */
static int read_quoted(ls_csv *csv)
{
    const uint64_t opened = csv->line;
    int c;

    for (;;) {
        c = next_byte(csv);
        if (c == '"' && peek_byte(csv) == '"')
            next_byte(csv);
        else if (c == '"')
            break;
        if (c == END) {
            if (csv->status == LS_OK)
                fail_at(csv, opened, "the quote opened here is never closed");
            return END;
        }
        if (!put_in_field(csv, c, opened, true))
            return END;
        if (c == '\n')
            csv->line++;
    }
    do
        c = next_plain(csv);
    while (is_blank(csv, c));
    if (c != csv->delimiter && c != '\n' && c != END)
        fail_at(csv, csv->line,
                "there is text between a closing quote and the end of the field; a quote within a "
                "quoted field is written twice");
    return c;
}

static int read_unquoted(ls_csv *csv, int c)
{
    const uint64_t line = csv->line;

    for (; c != csv->delimiter && c != '\n' && c != END; c = next_plain(csv))
        if (!put_in_field(csv, c, line, false))
            return END;
    while (csv->text_bytes > csv->start[csv->fields] && is_blank(csv, csv->text[csv->text_bytes - 1]))
        csv->text_bytes--;
    return c;
}

static bool begin_field(ls_csv *csv)
{
    if (csv->fields == LS_CSV_COLUMNS_MAX)
        return fail_at(csv, csv->line, "a row has more than 2^20 fields; is this a CSV file?");
    if (csv->fields == csv->field_capacity) {
        const size_t capacity = csv->field_capacity ? 2 * csv->field_capacity : 64;
        size_t *start = ls_realloc(csv->start, capacity + 1, sizeof *start, "a row of a CSV file");

        if (!start) {
            csv->status = LS_ERR_MEMORY;
            return false;
        }
        csv->start = start;
        csv->field_capacity = capacity;
    }
    csv->start[csv->fields] = csv->text_bytes;
    return true;
}

/* One line into text and start. Gives '\n' or END; *bare: there was nothing but blanks. */
static int read_fields(ls_csv *csv, bool *bare)
{
    int c;

    csv->fields = csv->text_bytes = 0;
    *bare = true;
    do {
        if (!begin_field(csv))
            return END;
        do
            c = next_plain(csv);
        while (is_blank(csv, c));
        *bare &= c == '\n' || c == END;
        c = c == '"' ? read_quoted(csv) : read_unquoted(csv, c);
        if (csv->status != LS_OK || !put(csv, '\0'))
            return END;
        csv->fields++;
    } while (c == csv->delimiter);
    csv->start[csv->fields] = csv->text_bytes;
    return c;
}

/* ---- rows ---- */

static ls_status make_pointers(ls_csv *csv)
{
    if (csv->fields > csv->pointer_capacity) {
        ls_free(csv->field);
        ls_free(csv->length);
        csv->pointer_capacity = 0;
        csv->field = ls_calloc(csv->fields, sizeof *csv->field, "a row of a CSV file");
        csv->length = ls_calloc(csv->fields, sizeof *csv->length, "a row of a CSV file");
        if (!csv->field || !csv->length)
            return LS_ERR_MEMORY;
        csv->pointer_capacity = csv->fields;
    }
    for (size_t i = 0; i < csv->fields; i++) {
        csv->field[i] = csv->text + csv->start[i];
        csv->length[i] = (uint32_t)(csv->start[i + 1] - csv->start[i] - 1);
        if (!ls_is_utf8(csv->field[i]))
            return ls_fail(LS_ERR_FORMAT, "%s:%llu: field %zu is not UTF-8; convert the file, as with iconv -t UTF-8",
                           csv->path, (unsigned long long)csv->row_line, i + 1);
    }
    return LS_OK;
}

/* The next line that is not empty; fields 0: there is none. */
static ls_status read_row(ls_csv *csv)
{
    bool bare;
    int end;

    do {
        csv->row_line = csv->line;
        end = read_fields(csv, &bare);
        if (csv->status != LS_OK)
            return csv->status;
    } while (bare && end != END);
    if (bare)
        csv->fields = 0;
    return make_pointers(csv);
}

ls_status ls_csv_next(ls_csv *csv, ls_csv_row *row)
{
    if (!csv->pending)
        LS_TRY(read_row(csv));
    csv->pending = false;
    if (csv->fields != 0 && csv->fields != csv->names)
        return ls_fail(LS_ERR_FORMAT, "%s:%llu: %zu field%s, but the first row has %zu", csv->path,
                       (unsigned long long)csv->row_line, csv->fields, csv->fields == 1 ? "" : "s", csv->names);
    *row = (ls_csv_row){csv->fields ? csv->field : NULL, csv->length, csv->row_line};
    return LS_OK;
}

/* ---- opening ---- */

static void skip_byte_order_mark(ls_csv *csv)
{
    if (peek_byte(csv) == 0xef && csv->end >= 3 && memcmp(csv->buffer, "\xef\xbb\xbf", 3) == 0)
        csv->at = 3;
}

static ls_status read_names(ls_csv *csv, bool header)
{
    char number[32];

    LS_TRY(read_row(csv));
    if (csv->fields == 0)
        return ls_fail(LS_ERR_DATA, "%s is empty: it has not even a header", csv->path);
    if (!(csv->name = ls_calloc(csv->fields, sizeof *csv->name, "column names")))
        return LS_ERR_MEMORY;
    csv->names = csv->fields;
    for (size_t i = 0; i < csv->names; i++) {
        snprintf(number, sizeof number, "%zu", i + 1);
        if (!(csv->name[i] = ls_strdup(header ? csv->field[i] : number)))
            return LS_ERR_MEMORY;
    }
    csv->pending = !header;
    return LS_OK;
}

ls_status ls_csv_open(const char *path, char delimiter, bool header, ls_csv **out)
{
    ls_csv *csv = NULL;
    struct stat info;
    ls_status st = LS_ERR_MEMORY;

    *out = NULL;
    if (delimiter == '\0' || (unsigned char)delimiter > 0x7f || strchr("\"\r\n", delimiter))
        return ls_fail(LS_ERR_USAGE, "a delimiter is one ASCII character, but not a quote or a line end");
    if (stat(path, &info) != 0)
        return ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return ls_fail(LS_ERR_IO, "cannot open '%s': it is a directory", path);
    if (!(csv = ls_calloc(1, sizeof *csv, "a CSV file")) || !(csv->path = ls_strdup(path)) ||
        !(csv->buffer = ls_calloc(BUFFER_BYTES, 1, "a CSV file")))
        goto cleanup;
    csv->delimiter = delimiter;
    csv->line = 1;
    errno = ENOMEM; /* what a failing gzopen means when it leaves errno alone */
    if (!(csv->stream = gzopen(path, "rb"))) {
        st = ls_fail(LS_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
        goto cleanup;
    }
    skip_byte_order_mark(csv);
    LS_TRY_CLEANUP(csv->status);
    LS_TRY_CLEANUP(read_names(csv, header));
    *out = csv;
    csv = NULL;
cleanup:
    ls_csv_close(csv);
    return st;
}

void ls_csv_close(ls_csv *csv)
{
    if (!csv)
        return;
    if (csv->stream)
        gzclose(csv->stream);
    for (size_t i = 0; csv->name && i < csv->names; i++)
        ls_free(csv->name[i]);
    ls_free(csv->name);
    ls_free(csv->length);
    ls_free(csv->field);
    ls_free(csv->start);
    ls_free(csv->text);
    ls_free(csv->buffer);
    ls_free(csv->path);
    ls_free(csv);
}

const char *ls_csv_path(const ls_csv *csv)
{
    return csv->path;
}

const char *const *ls_csv_names(const ls_csv *csv, size_t *n)
{
    *n = csv->names;
    return (const char *const *)csv->name;
}

ls_status ls_csv_find(const ls_csv *csv, const char *name, size_t *index)
{
    const char *const *const names = (const char *const *)csv->name;
    char hint[LS_HINT_BYTES];
    size_t found = 0;

    for (size_t i = 0; i < csv->names; i++)
        if (strcmp(names[i], name) == 0 && found++ == 0)
            *index = i;
    if (found == 1)
        return LS_OK;
    if (found > 1)
        return ls_fail(LS_ERR_DATA, "%s has %zu columns named '%.80s'; names must differ", csv->path, found, name);
    return ls_fail(LS_ERR_DATA, "%s has no column '%.80s'%s", csv->path, name, ls_hint(name, names, csv->names, hint));
}
