/* Small files that reports are made from. */
#ifndef LS_REPORT_FILES_H
#define LS_REPORT_FILES_H

#include <stdbool.h>

#include "base/config.h"

bool ls_report_has(const char *directory, const char *file);

/* Append a whole file to out. */
ls_status ls_report_read(const char *path, ls_text *out);
/* Read a file that holds a JSON object. */
ls_status ls_report_json(const char *path, ls_config **out);

/* The text of an entry of a map, "" if it is absent or null; its number, NAN if it is none. map may be NULL. */
const char *ls_report_text(const ls_config *map, const char *key);
double ls_report_number(const ls_config *map, const char *key);

#endif
