/* A small CSV file in memory: the tables that runs and sweeps leave. */
#ifndef LS_REPORT_SHEET_H
#define LS_REPORT_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define LS_NO_COLUMN ((size_t)-1)

typedef struct ls_sheet {
    char **name;    /* [columns] */
    char **cell;    /* [rows x columns] */
    double *number; /* [rows x columns] NAN where the cell is empty, NA or no number */
    size_t columns, rows, capacity;
} ls_sheet;

ls_status ls_sheet_read(const char *path, ls_sheet **out);
void ls_sheet_free(ls_sheet *sheet);

/* The index of a column by its name; LS_NO_COLUMN if there is none. */
size_t ls_sheet_find(const ls_sheet *sheet, const char *name);
/*
 * LS_ERR_DATA naming the file unless there are these columns (NULL-terminated) and all their cells are numbers, empty
 * or NA.
 */
ls_status ls_sheet_need(const ls_sheet *sheet, const char *path, const char *const *names);

/* ls_sheet_need for all columns there are. */
ls_status ls_sheet_need_numbers(const ls_sheet *sheet, const char *path);

double ls_sheet_number(const ls_sheet *sheet, size_t row, size_t column);    /* NAN without a column */
const char *ls_sheet_text(const ls_sheet *sheet, size_t row, size_t column); /* "" without a column */

#endif
