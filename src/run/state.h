/*
 * The state of a run on its way into a checkpoint or out of it. Arrays and numbers of /lockstep pass through one list,
 * for writing and for reading, and through one checksum: so what is read is what was written, and a flipped bit
 * anywhere is found. include/lockstep/callback.h has what callbacks pass.
 */
#ifndef LS_RUN_STATE_H
#define LS_RUN_STATE_H

#include <hdf5.h>

#include "base/text.h"
#include "lockstep/callback.h"

/* H5T_NATIVE_… of the functions below are calls of HDF5: whoever passes anything holds its lock. */
struct ls_state {
    hid_t file;
    bool writing;
    uint64_t checksum;
    const ls_model *model; /* of the run */
    const char *group;     /* of the callback whose turn it is */
    const size_t *place; /* reading: where the file has the state of each callback; SIZE_MAX: nowhere; NULL: in order */
    size_t stored;       /* with place: how many callbacks of its experiment the file has */
    bool drops;          /* with place: what callbacks decided so far is void */
    uint64_t training;   /* the part of the checksum that the optimizer and the grid give: it can be read alone */
};

/*
 * What one array or number adds to `checksum`, an attribute of /lockstep: the sum, modulo 2^64, over all datasets in
 * it, over epoch, batch, update, iterations, learning_rate and, where it is, begun, and over all numbers that are
 * attributes of groups in it. path: of a dataset, or "OBJECT@NAME"; data: in the types of this machine, attributes as
 * uint64 or double.
 */
uint64_t ls_state_item(const char *path, const void *data, size_t bytes);

/* A dataset of shape dim[rank]; data must have room for all of it. type: H5T_NATIVE_FLOAT or the like. */
ls_status ls_state_array(ls_state *state, const char *path, hid_t type, size_t element_bytes, size_t rank,
                         const size_t *dim, void *data);
/* A number that is an attribute of a group. */
ls_status ls_state_group_uint(ls_state *state, const char *group, const char *name, uint64_t *value);
ls_status ls_state_group_float(ls_state *state, const char *group, const char *name, float *value);

/* ls_state_text for a text of any length; text->data may become NULL if empty. */
ls_status ls_state_bytes(ls_state *state, const char *name, ls_text *text);
/* A copy of all weights in the layout of model->weights, one array per parameter in the file. */
ls_status ls_state_weights(ls_state *state, const char *name, float *weights);

#endif
