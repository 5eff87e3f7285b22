#include "sweep/growth.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/yaml.h"

void ls_combination_text(const ls_sweep *sweep, size_t combination, ls_text *out)
{
    ls_text_add(out, "{");
    for (size_t s = 0; s < sweep->settings; s++) {
        ls_text_add(out, "%s%s: ", s ? ", " : "", sweep->setting[s]);
        ls_yaml_write_line(sweep->combination[combination].value[s], out);
    }
    ls_text_add(out, "}");
}

static ls_status fail_gone(const char *directory, const char *what, const char *which)
{
    return ls_fail(
        LS_ERR_MISMATCH,
        "'%s' has results of %s %s, which the sweep has no more: a sweep may get more, and keeps what it has; "
        "put it back, or choose another --output",
        directory, what, which);
}

/* Bring the one with that text to `place`; those from there on keep their order. */
static ls_status pull_combination(ls_sweep *s, size_t place, const char *text, const char *directory)
{
    for (size_t c = place; c < s->combinations; c++) {
        const ls_combination found = s->combination[c];
        ls_text own = {0};
        bool same;

        ls_combination_text(s, c, &own);
        LS_TRY(own.status);
        same = strcmp(own.data, text) == 0;
        ls_text_reset(&own);
        if (!same)
            continue;
        memmove(&s->combination[place + 1], &s->combination[place], (c - place) * sizeof found);
        s->combination[place] = found;
        return LS_OK;
    }
    return fail_gone(directory, "the combination", text);
}

static ls_status pull_seed(ls_sweep *s, size_t place, uint64_t seed, const char *directory)
{
    char text[32];

    for (size_t k = place; k < s->seeds; k++)
        if (s->seed[k] == seed) {
            memmove(&s->seed[place + 1], &s->seed[place], (k - place) * sizeof seed);
            s->seed[place] = seed;
            return LS_OK;
        }
    snprintf(text, sizeof text, "%" PRIu64, seed);
    return fail_gone(directory, "seed", text);
}

/* Another version's file, or a damaged one, has no lists: who opens the directory compares and refuses it. */
static ls_status follow(ls_sweep *s, const char *facts, const char *directory)
{
    json_t *json = json_loads(facts, 0, NULL), *value;
    size_t i;
    ls_status st = LS_OK;

    json_array_foreach(json_object_get(json, "combination"), i, value)
    {
        if (st == LS_OK && json_is_string(value))
            st = pull_combination(s, i, json_string_value(value), directory);
    }
    json_array_foreach(json_object_get(json, "seeds"), i, value)
    {
        if (st == LS_OK && json_is_integer(value))
            st = pull_seed(s, i, (uint64_t)json_integer_value(value), directory);
    }
    json_decref(json);
    return st;
}

/* On rank 0. found stays empty where there is no file, or none that can be read: that is said when it is opened. */
static ls_status read_facts(const char *directory, ls_text *found)
{
    char *path = ls_path_join(directory, "sweep.json");

    if (!path)
        return LS_ERR_MEMORY;
    if (ls_file_exists(path) && ls_file_read(path, found) != LS_OK)
        ls_text_reset(found);
    ls_free(path);
    return LS_OK;
}

ls_status ls_sweep_follow(const ls_comm *comm, ls_sweep *sweep, const char *directory)
{
    ls_text found = {0};
    char *facts = NULL;
    uint64_t length = 0;
    ls_status st = ls_agree(comm, comm->rank == 0 ? read_facts(directory, &found) : LS_OK);

    if (st != LS_OK)
        goto cleanup;
    length = found.length;
    LS_TRY_CLEANUP(ls_mpi_check(MPI_Bcast(&length, 1, MPI_UINT64_T, 0, comm->mpi), "sharing what a sweep has done"));
    if (!length || length > INT32_MAX)
        goto cleanup;
    if (!(facts = ls_calloc((size_t)length + 1, 1, "what a sweep has done")))
        st = LS_ERR_MEMORY;
    LS_TRY_CLEANUP(ls_agree(comm, st));
    if (comm->rank == 0)
        memcpy(facts, found.data, found.length);
    LS_TRY_CLEANUP(
        ls_mpi_check(MPI_Bcast(facts, (int)length, MPI_CHAR, 0, comm->mpi), "sharing what a sweep has done"));
    st = ls_agree(comm, follow(sweep, facts, directory));
cleanup:
    ls_free(facts);
    ls_text_reset(&found);
    return st;
}
