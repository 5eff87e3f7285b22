/* Some columns of CSV files in memory. Memory: 8 bytes per value, 16 per row, and the distinct texts of each column. */
#ifndef LS_DATA_TABLE_H
#define LS_DATA_TABLE_H

#include "data/csv.h"
#include "data/preprocessing.h"

/* The distinct texts of a column in order of appearance. */
typedef struct ls_names {
    char **text;
    size_t n, capacity;
    uint32_t *slot; /* hash table of 1 + number, 0: free */
    size_t slots;   /* a power of two */
} ls_names;

#define LS_STRAYS_MAX 4

/* What a column of unknown type holds. */
typedef struct ls_table_census {
    size_t numbers;                  /* values that are some; their texts are not kept */
    size_t look[3];                  /* the others, by ls_csv_look; their texts are in names */
    size_t stray_row[LS_STRAYS_MAX]; /* where the first of these stand */
} ls_table_census;

typedef struct ls_table_column {
    double *value;  /* (rows): the number, or the index of the text; NaN: missing */
    int64_t *exact; /* (rows): the same of whole numbers, which doubles round beyond 2^53; NULL: there are none such */
    ls_column_type type; /* ANY until ls_table_decide */
    bool whole;          /* NUMBER: all of them are whole */
    ls_names names;      /* CATEGORY */
    size_t first_row;    /* that has a value */
    ls_table_census census;
} ls_table_column;

#define LS_MISFITS_MAX 10

/* A value that does not fit, where all of them are to be told and not the first alone. */
typedef struct ls_misfit {
    size_t row;
    char *message;
} ls_misfit;

typedef struct ls_table {
    ls_table_column *column;
    size_t columns;
    size_t rows, capacity;
    uint64_t *line; /* (rows) */
    uint32_t *file; /* (rows): index into path */
    char **path;    /* (files) */
    size_t *split;  /* (files): as given to ls_table_read */
    size_t files;
    uint64_t dropped; /* rows with a missing value in a column that drops them */
    bool keeps_misfits;
    ls_misfit misfit[LS_MISFITS_MAX];
    size_t misfits;
} ls_table;

ls_status ls_table_create(size_t columns, ls_table **out);
void ls_table_free(ls_table *table);

/*
 * Append the rows of a file that was just opened; its columns are found by name. p tells the types of columns, as far
 * as they are known, and which texts mean a missing value. split: whatever the caller wants to know of the file's rows
 * later.
 */
ls_status ls_table_read(ls_table *table, ls_csv *csv, size_t split, const ls_preprocessing *p);

/*
 * After a file: columns of unknown type become numbers if all their values are some, categories if most are plain texts
 * (*again: some numbers are among these; p says so from now on, and the file is to be read again into a new table).
 * LS_ERR_DATA naming rows and values if a column is one of numbers but for some of them.
 */
ls_status ls_table_decide(ls_table *table, ls_preprocessing *p, bool *again);

/* A number of a column, as ls_csv_number found it in text. */
ls_status ls_table_put(ls_table *table, size_t column, size_t row, const char *text, ls_csv_kind kind, double number);

/* Fail with LS_ERR_DATA and "FILE:LINE: column 'NAME': " of a value of the table before the message. */
ls_status ls_table_fail(const ls_table *table, size_t row, const char *column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#ifdef __clang_analyzer__ /* base/error.h */
#define ls_table_fail(...) ls_still_fault(LS_ERR_INTERNAL, (ls_table_fail)(__VA_ARGS__))
#endif

/*
 * What a value of that row came to. Of a table that keeps misfits LS_ERR_DATA becomes LS_OK, until there are
 * LS_MISFITS_MAX of them; then, and by ls_table_misfits, all are told together, by row.
 */
ls_status ls_table_keep(ls_table *table, size_t row, ls_status st);
ls_status ls_table_misfits(const ls_table *table);

/* The index of a text in names, added if need be. LS_ERR_DATA with a message without place: too many or too long. */
ls_status ls_names_add(ls_names *names, const char *text, size_t *index);
bool ls_names_find(const ls_names *names, const char *text, size_t *index);
void ls_names_reset(ls_names *names);

#endif
