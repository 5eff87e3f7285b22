/* What a data file may lead to and lack. */
#ifndef LS_H5_RULES_H
#define LS_H5_RULES_H

#include <stdbool.h>

/* What is allowed beyond values that stand in the file itself, or in files of its folder. All false by default. */
typedef struct ls_h5_rules {
    bool any_links; /* to files outside the folder of the data file */
    bool unwritten; /* values that nobody has written are the fill value, on purpose */
} ls_h5_rules;

#endif
