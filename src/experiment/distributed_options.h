/* `distributed:` of an experiment, with defaults filled in. */
#ifndef LS_EXPERIMENT_DISTRIBUTED_OPTIONS_H
#define LS_EXPERIMENT_DISTRIBUTED_OPTIONS_H

#include "base/options.h"

/* Names of the following two as settings and files have them, NULL-terminated. */
extern const char *const ls_reduction_names[], *const ls_grid_names[];

typedef enum ls_reduction { LS_REDUCTION_EXACT, LS_REDUCTION_FAST } ls_reduction;
typedef enum ls_grid { LS_GRID_CARRIED, LS_GRID_STATIC } ls_grid;

/*
 * wire_bits: what a sum takes on a slow network at best. 48: packed to 6 bytes there, without loss. 40: packed to 5
 * bytes everywhere, on a grid 7 bits coarser. 64: never packed.
 */
#define LS_WIRE_BITS_SHORT 40
#define LS_WIRE_BITS_AUTO 48
#define LS_WIRE_BITS_WHOLE 64

typedef struct ls_distributed_options {
    int arithmetic;      /* ls_arithmetic */
    int reduction;       /* ls_reduction */
    int grid;            /* ls_grid */
    int64_t bucket_kib;  /* of the carrier */
    int64_t segment_kib; /* of what a ring sends at a time */
    int64_t node_ranks;  /* neighbours on a node that share memory, at most; 0: all */
    int64_t wire_bits;   /* one of the following */
    double timeout_s;    /* 0: wait for ever */
    char *allreduce;     /* a name in ls_reducers, or "auto" */
    char *blas_kernel;   /* with OpenBLAS; NULL: as it picks */
} ls_distributed_options;

/* Its option table; blas_kernel comes besides. */
extern const ls_ops ls_distributed_ops;

/* node: `distributed`; absent or null: all defaults. */
ls_status ls_distributed_options_read(const ls_config *node, ls_distributed_options *out);
void ls_distributed_options_reset(ls_distributed_options *options);

#endif
