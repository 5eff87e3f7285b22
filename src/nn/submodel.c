#include "nn/submodel.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"

void ls_submodels_free(ls_submodel *all, size_t n)
{
    for (size_t i = 0; all && i < n; i++) {
        ls_free(all[i].name);
        ls_free(all[i].input);
        ls_free(all[i].output);
    }
    ls_free(all);
}

const char *ls_own_name(const char *name)
{
    const char *last = strrchr(name, '/');

    return last ? last + 1 : name;
}

size_t ls_submodel_at(const ls_submodel *all, size_t within, size_t level)
{
    while (within != level && within != SIZE_MAX) {
        if (all[within].parent == level)
            return within;
        within = all[within].parent;
    }
    return SIZE_MAX;
}

bool ls_submodel_is_in(const ls_submodel *all, size_t within, size_t level)
{
    return within == level || ls_submodel_at(all, within, level) != SIZE_MAX;
}

size_t ls_submodel_owner(const ls_submodel *all, size_t i)
{
    while (all[i].shares != SIZE_MAX)
        i = all[i].shares;
    return i;
}
