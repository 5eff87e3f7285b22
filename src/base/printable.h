/* Texts that do nothing to a terminal. */
#ifndef LS_BASE_PRINTABLE_H
#define LS_BASE_PRINTABLE_H

#include <stdbool.h>

/*
 * Names out of a file may say anything, also to a terminal: in place, control characters (of ASCII, and those from 128
 * on as UTF-8 has them) become '?', tabs and ends of lines blanks, unless `lines` lets them stay.
 */
void ls_make_printable(char *text, bool lines);

#endif
