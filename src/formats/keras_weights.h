/*
 * Weights files that Keras 3 opens: model.load_weights("x.weights.h5").
 *
 *     /vars @name                     the model's name
 *     /layers/KEY/vars @name          the layer's name; KEY: its class in snake_case, the second one KEY_1, …
 *     /layers/KEY/vars/0, 1, …        (…) float32, in the order of creation
 *     /layers/KEY/cell/vars/0, 1, …   those of a layer within it: a recurrent layer's cell
 *     /optimizer/vars @name           the optimizer's name
 *     /optimizer/vars/0, 1, …         its variables in the order in which Keras makes them
 *
 * The optimizer's variables are, as far as they are in use: iteration (int64), learning_rate (float32; not with a
 * schedule), averages of all weights, gradient accumulators of all weights, the slots of the rule
 * (ls_optimizer_ops.slots_interleaved tells which of them take turns), scalars (Nadam's u_product). Keras knows them by
 * their place alone.
 */
#ifndef LS_FORMATS_KERAS_WEIGHTS_H
#define LS_FORMATS_KERAS_WEIGHTS_H

#include <hdf5.h>

#include "base/text.h"
#include "formats/keras_model.h"

#define LS_KERAS_LAYERS "/layers"

/* Is this such a file, and not a whole model? */
bool ls_keras_is_weights_file(hid_t file);

/*
 * The KEY of layer `index` of the model, which counts layers of its class before it. Only layers for which
 * ls_keras_is_listed have one.
 */
void ls_keras_layer_key(const ls_model *model, size_t index, ls_text *out);
/* Where weight p of a layer lies below its KEY: "vars/0", "cell/vars/2". */
void ls_keras_weight_place(const ls_layer *layer, size_t p, ls_text *out);
/* Does Keras count this layer among model.layers? A Sequential model has its input beside them. */
bool ls_keras_is_listed(const ls_model *model, const ls_layer *layer);

/*
 * Add the weights to an HDF5 file open for writing, and the optimizer's variables unless compile or compile->state is
 * NULL. The same weights give the same bytes.
 */
ls_status ls_keras_write_weights(hid_t file, const ls_model *model, const ls_compile_info *compile);

/*
 * The optimizer's variables of a file of Keras into *state, whose arrays must be there as `optimizer` uses them. Its
 * learning rate is not taken: that is the experiment's. keras_class: what the file's description says of the
 * optimizer; NULL: it has none, and the name of the variables tells. LS_ERR_MISMATCH, LS_ERR_FORMAT or LS_ERR_NUMERIC
 * naming path; *state may then have changed in part.
 */
ls_status ls_keras_read_optimizer(hid_t file, const char *path, const char *keras_class, const ls_model *model,
                                  const ls_optimizer *optimizer, ls_optimizer_room *state);

#endif
