/* The first step of ls_import_csv: what is asked for. */
#ifndef LS_DATA_IMPORT_CSV_H
#define LS_DATA_IMPORT_CSV_H

#include "data/csv.h"
#include "data/import.h"
#include "data/preprocessing.h"

/* Columns and arrays as asked for, by the names in a file; *stratify: SIZE_MAX if there is none. */
ls_status ls_csv_plan(const ls_csv_import *import, const ls_csv *csv, ls_preprocessing *p, size_t *stratify);
/* ls_csv_plan from import->like: everything is known, only the arrays are chosen. */
ls_status ls_csv_plan_like(const ls_csv_import *import, ls_preprocessing *p, size_t *stratify);

#endif
