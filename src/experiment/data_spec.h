/* `data:` of an experiment: which arrays of which files make its splits. */
#ifndef LS_EXPERIMENT_DATA_SPEC_H
#define LS_EXPERIMENT_DATA_SPEC_H

#include "base/config.h"
#include "data/dataset.h"

/* One array of a split: where it lies and how it is read. */
typedef struct ls_array_spec {
    char *name;              /* the input or output it feeds; NULL: the only one */
    char *file;              /* path, already relative to the working directory */
    char *path;              /* inside the file: "/train/x"; what to call the array when it lies in memory */
    const ls_buffer *memory; /* borrowed; NULL: it lies in a file */
    int64_t one_hot;         /* classes; 0: not asked for */
    double scale, offset;    /* NAN: as the file says */
    bool channels_first;     /* samples are stored as (channels, …) */
    ls_h5_rules rules;       /* data.links, data.unwritten */
    const ls_config *at;
} ls_array_spec;

typedef struct ls_split_spec {
    char *name; /* "train" */
    ls_array_spec *x, *y, *sample_weight;
    size_t xs, ys, weights; /* weights: 0 or 1 */
    bool has_rows;
    uint64_t rows[2]; /* [begin, end) */
    const ls_config *at;
} ls_split_spec;

typedef struct ls_data_spec {
    ls_split_spec *split;
    size_t splits;
    uint64_t memory_bytes; /* data.memory: of data held on a node; 0: no limit */
    ls_h5_rules rules;     /* data.links and data.unwritten */
} ls_data_spec;

/*
 * base: the experiment file, to which paths are relative; NULL: none. The tree must outlive the specs. To be reset by
 * the caller, also after a failure.
 */
ls_status ls_data_spec_read(const ls_config *data, const char *base, ls_data_spec *out);
void ls_data_spec_reset(ls_data_spec *spec);

/* n array specs with their texts, and the list itself. */
void ls_array_specs_free(ls_array_spec *spec, size_t n);

/* The words of data.links (below, any) and data.unwritten (error, fill). where: for messages, "data.links". */
ls_status ls_links_parse(const char *text, const char *where, bool *any);
ls_status ls_unwritten_parse(const char *text, const char *where, bool *fill);

/* Bytes of a size like 512MB or 1.5 GiB, or of a number of bytes; where: for messages, "data.memory". */
ls_status ls_bytes_parse(const char *text, const char *where, uint64_t *out);

#endif
