/* The table of a model as Keras 3 prints it (model.summary()), and numbers the way it writes them. */
#ifndef LS_NN_SUMMARY_H
#define LS_NN_SUMMARY_H

#include "base/text.h"
#include "nn/model.h"

/*
 * Append what Keras prints to a terminal of 80 columns. The state of the optimizer is left out: Keras counts it only
 * once the optimizer is built, and neither an experiment nor a model that load_model gives has a built one.
 * A character counts as one column, whatever its glyph.
 */
ls_status ls_summary_write(const ls_model *model, ls_text *out);

#define LS_NUMBER_BYTES 32
/* "316,810" */
const char *ls_format_count(uint64_t count, char out[LS_NUMBER_BYTES]);
/* "1.21 MB": units of 1024. */
const char *ls_format_bytes(double bytes, char out[LS_NUMBER_BYTES]);

/* "Dense": Keras's class of a layer, or our own name if Keras has none. */
const char *ls_layer_class(const ls_layer *layer);
/* Elements of all weights of a layer. */
size_t ls_layer_count(const ls_layer *layer);

#endif
