/* JSON Schema (draft 7) of what option tables and registries take: for editors, which complete and check by it. */
#ifndef LS_FORMATS_OPTION_SCHEMA_H
#define LS_FORMATS_OPTION_SCHEMA_H

#include <jansson.h>

#include "base/options.h"

#define LS_SCHEMA_REGISTRIES_MAX 64

typedef struct ls_schema ls_schema;
struct ls_schema {
    json_t *definitions;                                   /* owned; one for each registry and each of its entries */
    const ls_registry *registry[LS_SCHEMA_REGISTRIES_MAX]; /* defined so far */
    size_t registries;
    /*
     * OPTIONAL. Arguments of an entry that are not in its table, into `properties`. What holds for arguments may hold
     * for none: false if anything failed.
     */
    bool (*extra)(ls_schema *schema, const ls_registry *registry, const ls_ops *ops, json_t *properties);
};

/*
 * All of these give a new reference, or NULL: out of memory.
 *
 * A component, as ls_component_parse reads it: a name, {name: {arguments}}, or Keras's form. or_null: or null.
 */
json_t *ls_schema_component(ls_schema *schema, const ls_registry *registry, bool or_null);
/* The arguments of an entry: a map, or nothing where none is required. registry NULL: of a table by itself. */
json_t *ls_schema_arguments(ls_schema *schema, const ls_registry *registry, const ls_ops *ops);
json_t *ls_schema_option(ls_schema *schema, const ls_option *option);

/* How many arguments must be written; those come first. */
size_t ls_schema_required(const ls_ops *ops);
/* Adds a name of the entry to a list of texts, and all its others. */
bool ls_schema_add_names(const ls_ops *ops, json_t *list);

/* {"anyOf": [a, b]}; takes both, NULL: there is no such. */
json_t *ls_schema_either(json_t *a, json_t *b);
/* {"type": type} */
json_t *ls_schema_type(const char *type);

#endif
