/* Programs that the report is drawn with: gnuplot, Graphviz. */
#ifndef LS_REPORT_TOOL_H
#define LS_REPORT_TOOL_H

#include "base/text.h"

/*
 * Run PROGRAM ARGUMENT… (NULL-terminated, argv[0] is the program, looked for on the PATH) in `folder` and wait for it.
 * The program's input is empty, what it prints goes into *said (which may be NULL). LS_ERR_IO: it is not installed (the
 * message says what to install, `package`), or it ended with another status than 0 (with the last line it printed).
 */
ls_status ls_tool_run(const char *folder, const char *const *argv, const char *package, ls_text *said);

#endif
