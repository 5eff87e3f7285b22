/* Dealing rows to splits, for the importers that split what they read. */
#ifndef LS_DATA_DEAL_H
#define LS_DATA_DEAL_H

#include "data/import.h"

typedef struct ls_deal {
    const ls_settings *splits; /* name = fraction of the rows, as "0.7", all adding up to 1 */
    const char *source;        /* what is split, for messages: a file or a folder; NULL: every split has its own */
    const size_t *split;       /* (rows) of which split each is, if source is NULL */
    const double *stratum;     /* (rows): every split has equal shares of each value; NULL: none */
    uint64_t seed;             /* of the rows' random order, which depends on (seed, row) alone */
    bool in_order;             /* splits are consecutive rows instead of random ones */
    bool shuffle;              /* rows stand in random order in their splits */
} ls_deal;

/* Rows by split. */
typedef struct ls_rows {
    size_t *row;   /* all splits one after another */
    size_t *first; /* (splits + 1): where each begins in row */
} ls_rows;

/* Deal rows to splits. LS_ERR_DATA if a split gets no row. */
ls_status ls_rows_deal(const ls_deal *deal, size_t rows, ls_rows *out);
void ls_rows_reset(ls_rows *rows);

/* Names that can be those of groups, none twice. *train: "train", or the first one: what everything is fitted on. */
ls_status ls_splits_check(const ls_settings *splits, size_t *train);

#endif
