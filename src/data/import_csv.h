/* The steps of ls_import_csv: what is asked for, and which rows go where. */
#ifndef LS_DATA_IMPORT_CSV_H
#define LS_DATA_IMPORT_CSV_H

#include "data/csv.h"
#include "data/import.h"
#include "data/preprocessing.h"
#include "data/table.h"

/* Columns and arrays as asked for, by the names in a file; *stratify: SIZE_MAX if there is none. */
ls_status ls_csv_plan(const ls_csv_import *import, const ls_csv *csv, ls_preprocessing *p, size_t *stratify);
/* The same from import->like: everything is known, only the arrays are chosen. */
ls_status ls_csv_plan_like(const ls_csv_import *import, ls_preprocessing *p, size_t *stratify);

/* Rows of a table by split. */
typedef struct ls_rows {
    size_t *row;   /* all splits one after another */
    size_t *first; /* (splits + 1): where each begins in row */
} ls_rows;

/* LS_ERR_DATA if a split gets no row. stratify: a column of the table or SIZE_MAX. */
ls_status ls_rows_assign(const ls_csv_import *import, const ls_table *table, size_t stratify, ls_rows *rows);
void ls_rows_reset(ls_rows *rows);

#endif
