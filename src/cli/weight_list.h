/* The weights of a model file in the order in which Keras pairs them, without building the model. */
#ifndef LS_CLI_WEIGHT_LIST_H
#define LS_CLI_WEIGHT_LIST_H

#include "h5/file.h"
#include "nn/model.h"

typedef struct ls_weight_entry {
    char *name; /* "dense/kernel" */
    char *path; /* in the file */
    size_t axes, dim[LS_H5_AXES_MAX];
    size_t size; /* elements */
} ls_weight_entry;

typedef struct ls_weight_list {
    ls_weight_entry *entry;
    size_t n;
    size_t size; /* elements of all */
} ls_weight_list;

/* A file with weights of lockstep or Keras, in any layout? */
bool ls_weight_list_is_model(hid_t file);

/* The model that a file says it holds, without its weights; NULL: it does not say, or lockstep cannot build it. */
ls_model *ls_weight_list_model(const char *path);

/*
 * Of a model file: layers in the order of layer_names, weights in the order of weight_names. Of a weights file of Keras
 * 3 or of its archive: in the order of the model, which the file does not say; model NULL or of other weights: by path.
 * Of any other file: all floating-point datasets by path. path: for messages.
 */
ls_status ls_weight_list_read(hid_t file, const char *path, const ls_model *model, ls_weight_list *out);
void ls_weight_list_reset(ls_weight_list *list);

/*
 * The values of one weight, *values is the caller's to ls_free. LS_ERR_FORMAT if it is stored in more than float32, for
 * then rounding would hide differences.
 */
ls_status ls_weight_values(hid_t file, const char *path, const ls_weight_entry *entry, float **values);

#endif
