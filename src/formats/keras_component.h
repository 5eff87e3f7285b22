/*
 * What Keras says of one object ("GlorotUniform", {"module": ..., "class_name": "Adam", "config": {...}}) in the words
 * of an experiment: glorot_uniform, {adam: {learning_rate: 0.001}}. Names and options come from the same tables that
 * the experiment reader and the Keras writer go by; here stands only what Keras has besides.
 *
 * A class or an option that lockstep does not have is an error that names the file and `where`, unless the option is at
 * the value at which it does nothing.
 */
#ifndef LS_FORMATS_KERAS_COMPONENT_H
#define LS_FORMATS_KERAS_COMPONENT_H

#include "base/options.h"

/*
 * One object: a name, {class_name, config} or null. Appended to `out`, under `key` if that is a map. where: for
 * messages, "layer 'd1' (Dense).kernel_initializer".
 */
ls_status ls_keras_put_component(const ls_registry *registry, const ls_config *node, const char *where, ls_config *out,
                                 const char *key);

/* The options of `ops`, and those of a further table (may be NULL), that `config` gives, into the map `out`. */
ls_status ls_keras_put_options(const ls_ops *ops, const ls_option *more, const ls_config *config, const char *where,
                               ls_config *out);

/* {"module": "keras.layers", ...}: an error if this is a class of somebody's own. Files of old have no module. */
ls_status ls_keras_check_module(const ls_config *node, const char *where);

/* An error unless "dtype" is "float32" or the policy of that name; integers too if asked for. */
ls_status ls_keras_check_dtype(const ls_config *node, bool integers, const char *where);

/*
 * Activations that Keras also has as layers, {"relu", "ReLU"} and so on, ended by NULLs: only those layers take
 * arguments in a file.
 */
extern const char *const ls_keras_activation_layers[][2];
/* The activation that a layer of this class applies; NULL: it is another layer. */
const ls_ops *ls_keras_activation_of(const char *class_name);

/* The text of a scalar entry; NULL if there is none. */
const char *ls_keras_text(const ls_config *map, const char *key);

/* Appended to a list or map: a text that is a text whatever it says, an empty list or map. NULL: out of memory. */
ls_config *ls_keras_add_text(ls_config *out, const char *key, const char *text);

#endif
