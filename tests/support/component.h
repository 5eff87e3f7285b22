/* Making components for tests: make(&ls_losses, "huber", "delta", "0.3", NULL). */
#ifndef LS_TEST_COMPONENT_H
#define LS_TEST_COMPONENT_H

#include "ls_test.h"

#include "base/options.h"

/* {name: {key: value, ...}} as a tree; a value "[a,b]" is a list. Pairs end with NULL. */
ls_config *tree_of_pairs(const char *name, const char *const *pairs);

ls_component make_of_pairs(const ls_registry *registry, const char *name, const char *const *pairs);
#define make(registry, name, ...) make_of_pairs(registry, name, (const char *const[]){__VA_ARGS__})

ls_status parse_pairs(const ls_registry *registry, const char *name, const char *const *pairs);
/* The status of parsing {name: {...}}. */
#define parsed(registry, name, ...) parse_pairs(registry, name, (const char *const[]){__VA_ARGS__})

/* Every entry of the registry has a case of its name: names[i] is the i-th field of that name, `stride` bytes apart. */
bool all_covered(const ls_registry *registry, const void *cases, size_t n, size_t stride);

#endif
