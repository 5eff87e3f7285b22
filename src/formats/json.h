/*
 * JSON (jansson): Keras's model and training configurations, read as a configuration tree and written from components.
 *
 * Keras reads JSON numbers with their types: a learning rate of 1 or a unit count of 32.0 does not load. So floats are
 * always written with a point or an exponent, integers never.
 */
#ifndef LS_FORMATS_JSON_H
#define LS_FORMATS_JSON_H

#include <jansson.h>

#include "base/options.h"

/*
 * Objects become maps, strings quoted scalars, true, false and numbers bare scalars. A key given twice is an error.
 * `name` is for messages: the errors of the tree name it without line and column.
 */
ls_status ls_json_parse(const char *text, size_t bytes, const char *name, ls_config **out);

/*
 * A component as Keras reads it: null if none is chosen; its name as a string ("relu") when it takes no options or
 * Keras has no class for it; else {"class_name": "L2", "config": {"l2": 0.01}}. New reference; NULL: out of memory.
 */
json_t *ls_component_to_json(const ls_component *component);
/* A component's arguments, what stands under "config": an object with every option in table order, to which the caller
 * may add more. */
json_t *ls_component_config_to_json(const ls_component *component);

/*
 * Append as Python's json.dumps writes it, keys in the order they were added: the same bytes from any jansson. Doubles
 * are the shortest text that reads back the same. LS_ERR_MEMORY, also when json is NULL (a builder above failed).
 */
ls_status ls_json_write(const json_t *json, ls_text *out);

#endif
