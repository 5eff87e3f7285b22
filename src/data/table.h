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

typedef struct ls_table_column {
    double *value;       /* (rows): the number, or the index of the text; NaN: missing */
    ls_column_type type; /* ANY until a value was seen */
    bool whole;          /* NUMBER: all of them are whole */
    ls_names names;      /* CATEGORY */
    size_t first_row;    /* that has a value */
} ls_table_column;

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
} ls_table;

ls_status ls_table_create(size_t columns, ls_table **out);
void ls_table_free(ls_table *table);

/*
 * Append the rows of a file that was just opened; its columns are found by name. Types of columns follow p, or else the
 * first value; p also tells which texts mean a missing value. split: whatever the caller wants to know of the file's
 * rows later.
 */
ls_status ls_table_read(ls_table *table, ls_csv *csv, size_t split, const ls_preprocessing *p);

/* Fail with LS_ERR_DATA and "FILE:LINE: column 'NAME': " of a value of the table before the message. */
ls_status ls_table_fail(const ls_table *table, size_t row, const char *column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The index of a text in names, added if need be. LS_ERR_DATA with a message without place: too many or too long. */
ls_status ls_names_add(ls_names *names, const char *text, size_t *index);
bool ls_names_find(const ls_names *names, const char *text, size_t *index);
void ls_names_reset(ls_names *names);

#endif
