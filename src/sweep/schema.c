#include "sweep/schema.h"

#include "run/schema.h"
#include "sweep/sweep.h"

/* What each key takes, as JSON: no table says it. */
static const struct {
    const char *key, *schema;
} keys[] = {
    {"name", "{\"type\": [\"string\", \"number\"]}"},
    {"base", "{\"type\": \"string\"}"},
    {"output", "{\"type\": \"string\"}"},
    {"set", "{\"type\": [\"object\", \"null\"]}"},
    {"grid", "{\"type\": \"object\", \"minProperties\": 1, \"additionalProperties\": {\"type\": \"array\", "
             "\"minItems\": 1}}"},
    {"list", "{\"type\": \"array\", \"minItems\": 1, \"items\": {\"type\": \"object\", \"minProperties\": 1}}"},
    {"seeds", "{\"anyOf\": [{\"type\": \"integer\", \"minimum\": 1}, {\"type\": \"array\", \"minItems\": 1, "
              "\"items\": {\"type\": \"integer\", \"minimum\": 0}}]}"},
    {"learning_rate",
     "{\"type\": [\"object\", \"null\"], \"properties\": {\"search\": {\"type\": \"object\", \"properties\": {"
     "\"low\": {\"type\": \"number\", \"exclusiveMinimum\": 0}, \"high\": {\"type\": \"number\", "
     "\"exclusiveMinimum\": 0}, \"trials\": {\"type\": \"integer\", \"minimum\": 2}, \"seed\": {\"type\": \"integer\", "
     "\"minimum\": 0}, \"refine\": {\"type\": \"integer\", \"minimum\": 0}, \"widen\": {\"type\": \"integer\", "
     "\"minimum\": 0}, \"values\": {\"type\": \"array\", \"minItems\": 2, \"items\": {\"type\": \"number\", "
     "\"exclusiveMinimum\": 0}}}, \"additionalProperties\": false}, \"rule\": {\"enum\": [\"none\", \"sqrt\", "
     "\"linear\"]}, \"base\": {\"type\": \"number\", \"exclusiveMinimum\": 0}, \"base_batch_size\": {\"type\": "
     "\"integer\", \"minimum\": 1}, \"warmup_epochs\": {\"type\": \"number\", \"minimum\": 0}}, "
     "\"additionalProperties\": false}"},
    {"budget",
     "{\"type\": [\"object\", \"null\"], \"properties\": {\"epochs\": {\"type\": \"number\", \"exclusiveMinimum\": 0}, "
     "\"updates\": {\"type\": \"integer\", \"minimum\": 1}, \"samples\": {\"type\": \"integer\", \"minimum\": 1}, "
     "\"seconds\": {\"type\": \"number\", \"exclusiveMinimum\": 0}}, \"minProperties\": 1, \"maxProperties\": 1, "
     "\"additionalProperties\": false}"},
    {"target", "{\"type\": [\"object\", \"null\"], \"maxProperties\": 1, \"additionalProperties\": {\"type\": "
               "\"number\"}}"},
    {"monitor", "{\"type\": [\"string\", \"null\"]}"},
    {"evaluate", "{\"type\": [\"object\", \"null\"], \"properties\": {\"first_samples\": {\"type\": \"integer\", "
                 "\"minimum\": 1}, \"growth\": {\"type\": \"number\", \"minimum\": 1}}, \"additionalProperties\": "
                 "false}"},
    {"ranks_per_run", "{\"type\": [\"integer\", \"null\"], \"minimum\": 1}"},
    {"keep", "{\"type\": [\"boolean\", \"null\"]}"},
};
#define KEYS (sizeof keys / sizeof keys[0])

ls_status ls_sweep_schema(ls_text *out)
{
    const char *name[KEYS];
    json_t *schema[KEYS], *root;

    for (size_t i = 0; i < KEYS; i++) {
        name[i] = keys[i].key;
        schema[i] = json_loads(keys[i].schema, 0, NULL);
    }
    root = ls_schema_of_keys(name, schema, KEYS);
    if (root && json_object_set_new(root, "required", json_pack("[s]", "base")) != 0) {
        json_decref(root);
        root = NULL;
    }
    return ls_schema_write("a sweep of lockstep", json_object(), root, out);
}
