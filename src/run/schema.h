/* The JSON Schema of an experiment file: from the tables that its readers read by. */
#ifndef LS_RUN_SCHEMA_H
#define LS_RUN_SCHEMA_H

#include <jansson.h>

#include "base/text.h"

/* Append it. Not collective. */
ls_status ls_experiment_schema(ls_text *out);

/* An object of these keys and no others; schemas [n] are taken. New reference, or NULL: out of memory. */
json_t *ls_schema_of_keys(const char *const *keys, json_t *const *schemas, size_t n);

/* Append the whole: title, and what is taken: definitions, {"anyOf": …} or the like. */
ls_status ls_schema_write(const char *title, json_t *definitions, json_t *schema, ls_text *out);

#endif
