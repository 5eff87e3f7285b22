#include "component.h"

ls_config *tree_of_pairs(const char *name, const char *const *pairs)
{
    ls_config *const root = ls_config_create(LS_CONFIG_MAP, "test.yaml");
    ls_config *const args = ls_config_add(root, name, LS_CONFIG_MAP, NULL);

    for (; pairs[0]; pairs += 2) {
        if (pairs[1][0] != '[') {
            ls_config_add(args, pairs[0], LS_CONFIG_SCALAR, pairs[1]);
        } else {
            ls_config *const list = ls_config_add(args, pairs[0], LS_CONFIG_LIST, NULL);
            const char *c = pairs[1] + 1;

            while (*c && *c != ']') {
                char item[32] = {0};
                const size_t n = strcspn(c, ",]");

                memcpy(item, c, n < sizeof item ? n : sizeof item - 1);
                ls_config_add(list, NULL, LS_CONFIG_SCALAR, item);
                c += n + (c[n] == ',');
            }
        }
    }
    return root;
}

ls_component make_of_pairs(const ls_registry *registry, const char *name, const char *const *pairs)
{
    ls_config *const root = tree_of_pairs(name, pairs);
    ls_component made = {0};

    assert_true(ok(ls_component_parse(registry, root, "test", &made)));
    ls_config_free(root);
    return made;
}

ls_status parse_pairs(const ls_registry *registry, const char *name, const char *const *pairs)
{
    ls_config *const root = tree_of_pairs(name, pairs);
    ls_component made = {0};
    const ls_status st = ls_component_parse(registry, root, "test", &made);

    ls_component_reset(&made);
    ls_config_free(root);
    return st;
}

bool all_covered(const ls_registry *registry, const void *cases, size_t n, size_t stride)
{
    bool all = true;

    for (const ls_ops *const *entry = registry->entries; *entry; entry++) {
        bool found = false;

        for (size_t i = 0; i < n && !found; i++)
            found = !strcmp(*(const char *const *)(const void *)((const char *)cases + i * stride), (*entry)->name);
        if (!found)
            print_error("%s '%s' has no case here: src/README.md, \"To add\", says which it needs\n", registry->what,
                        (*entry)->name);
        all = all && found;
    }
    return all;
}
