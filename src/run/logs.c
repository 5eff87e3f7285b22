#include "run/logs.h"

#include <string.h>

#include "base/error.h"

size_t ls_logs_count(const ls_logs *logs)
{
    return logs->n;
}

const char *ls_logs_name(const ls_logs *logs, size_t i)
{
    return logs->log[i].name;
}

double ls_logs_value(const ls_logs *logs, size_t i)
{
    return logs->log[i].value;
}

const double *ls_logs_get(const ls_logs *logs, const char *name)
{
    for (size_t i = 0; i < logs->n; i++)
        if (strcmp(logs->log[i].name, name) == 0)
            return &logs->log[i].value;
    return NULL;
}

ls_status ls_logs_put(ls_logs *logs, const char *name, double value)
{
    size_t i = 0;

    while (i < logs->n && strcmp(logs->log[i].name, name) != 0)
        i++;
    if (i == logs->capacity)
        return ls_fail(LS_ERR_ARG, "there is no room for '%s' in the logs: name it in the `adds` of the callback",
                       name);
    logs->log[i] = (ls_log){.name = name, .value = value};
    logs->n += i == logs->n;
    return LS_OK;
}
