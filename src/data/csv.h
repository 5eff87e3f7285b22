/*
 * Reading CSV files row by row: RFC 4180 quoting, any line ends, a byte order mark, plain or gzipped. Memory depends on
 * the longest row, not on the file. Every failure names the file and the line.
 *
 * Blanks around a field are dropped unless they are quoted. Lines without a character are skipped, also in files of one
 * column: write "" for an empty value there.
 */
#ifndef LS_DATA_CSV_H
#define LS_DATA_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define LS_CSV_FIELD_MAX ((size_t)1 << 20) /* bytes of a field */
#define LS_CSV_ROW_MAX ((size_t)64 << 20)  /* bytes of a row */
#define LS_CSV_COLUMNS_MAX ((size_t)1 << 20)

typedef struct ls_csv ls_csv;

typedef struct ls_csv_row {
    const char *const *field; /* valid UTF-8, zero-terminated; lent until the next row is read; NULL: no row is left */
    const uint32_t *length;   /* bytes; a field holds no zero byte */
    uint64_t line;            /* that it begins in, from 1 */
} ls_csv_row;

/*
 * Open the file and read its column names: the first row, or "1", "2", … without header. delimiter: any ASCII character
 * but a quote or a line end. LS_ERR_DATA if the file has no row.
 */
ls_status ls_csv_open(const char *path, char delimiter, bool header, ls_csv **out);
void ls_csv_close(ls_csv *csv);

const char *ls_csv_path(const ls_csv *csv);
/* Borrowed from csv. */
const char *const *ls_csv_names(const ls_csv *csv, size_t *n);

/* The index of the only column of that name. LS_ERR_DATA if there is none or more than one. */
ls_status ls_csv_find(const ls_csv *csv, const char *name, size_t *index);

/* The next row, which has as many fields as there are names. */
ls_status ls_csv_next(ls_csv *csv, ls_csv_row *row);

typedef enum ls_csv_kind {
    LS_CSV_TEXT,
    LS_CSV_WHOLE,     /* digits with an optional sign that int64 can hold */
    LS_CSV_NUMBER,    /* any other decimal number that float32 can hold */
    LS_CSV_NO_NUMBER, /* written like a number, but NaN, infinite, beyond float32 or an integer beyond int64 */
} ls_csv_kind;

/* What a field says. *value is set for WHOLE and NUMBER only; beyond 2^53 it is not exact. */
ls_csv_kind ls_csv_number(const char *field, double *value);
/* ls_csv_number where fractions begin with this character, '.' or ','. */
ls_csv_kind ls_csv_number_in(const char *field, char decimal, double *value);
/* Of a field that is NO_NUMBER: what it is not. */
const char *ls_csv_required_of(const char *field);
/* The value of a field that is WHOLE. */
int64_t ls_csv_whole(const char *field);

/* What a field that is no number looks like to a person. */
typedef enum ls_csv_look {
    LS_CSV_LOOKS_TEXT,
    LS_CSV_LOOKS_NUMBER,  /* a number in another notation: "1,5", "$1.50", "1.5%", "1,500", "\u22125", "1e999" */
    LS_CSV_LOOKS_MISSING, /* what programs write for a missing value: "NA", "?", "null", "NaN" */
} ls_csv_look;

ls_csv_look ls_csv_look_of(const char *field);

#endif
