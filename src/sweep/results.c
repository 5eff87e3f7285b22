#include "sweep/results.h"

#include <math.h>

#include "base/file.h"
#include "base/memory.h"
#include "sweep/protocol.h"

void ls_results_free(ls_results *results)
{
    if (!results)
        return;
    for (size_t c = 0; results->chain && c < results->sweep->combinations; c++) {
        ls_free(results->chain[c].search);
        ls_free(results->chain[c].seed);
        ls_free(results->chain[c].finished);
    }
    ls_free(results->chain);
    ls_free(results);
}

static bool searches(const ls_results *r)
{
    return r->sweep->rate == LS_RATE_SEARCHED;
}

ls_status ls_results_create(const ls_sweep *sweep, const ls_sweep_facts *facts, const char *directory, ls_results **out)
{
    ls_results *r = ls_calloc(1, sizeof *r, "the results");

    *out = NULL;
    if (!r)
        return LS_ERR_MEMORY;
    *r = (ls_results){.sweep = sweep, .facts = facts, .directory = directory};
    r->chain = ls_calloc(sweep->combinations, sizeof *r->chain, "the results");
    for (size_t c = 0; r->chain && c < sweep->combinations; c++) {
        ls_chain *chain = &r->chain[c];

        chain->decided = !searches(r);
        chain->search = ls_calloc(ls_search_most(&sweep->search), sizeof *chain->search, "the results");
        chain->seed = ls_calloc(sweep->seeds, sizeof *chain->seed, "the results");
        chain->finished = ls_calloc(sweep->seeds, sizeof *chain->finished, "the results");
        if (!chain->search || !chain->seed || !chain->finished) {
            ls_results_free(r);
            return LS_ERR_MEMORY;
        }
    }
    if (!r->chain) {
        ls_results_free(r);
        return LS_ERR_MEMORY;
    }
    *out = r;
    return LS_OK;
}

char *ls_trial_directory(const char *directory, const ls_trial *trial)
{
    char id[LS_TRIAL_ID_BYTES];
    ls_text path = {0};

    ls_trial_id(trial, id);
    ls_text_add(&path, "%s/trials/%s", directory, id);
    if (path.status != LS_OK)
        ls_text_reset(&path);
    return path.data;
}

static ls_trial search_trial(const ls_results *r, size_t c, size_t k, double rate)
{
    return (ls_trial){.combination = c,
                      .searches = true,
                      .index = k,
                      .seed = r->sweep->seed[0],
                      .rate = rate,
                      .limit = ls_search_limit(r->chain[c].search, k)};
}

static ls_trial seed_trial(const ls_results *r, size_t c, size_t k)
{
    const ls_chain *chain = &r->chain[c];

    return (ls_trial){.combination = c,
                      .index = k,
                      .seed = r->sweep->seed[k],
                      .rate = searches(r) ? chain->search[chain->best].learning_rate : NAN};
}

static ls_status read_result(const ls_results *r, const ls_trial *trial, ls_trial_result *out, bool *found)
{
    char *directory = ls_trial_directory(r->directory, trial);
    char *path = directory ? ls_path_join(directory, "result.json") : NULL;
    const ls_status st = path ? ls_result_read(path, trial, out, found) : LS_ERR_MEMORY;

    ls_free(path);
    ls_free(directory);
    return st;
}

/* Follow the search as far as there are results; what comes next is known only then. */
static ls_status refresh_search(ls_results *r, size_t c)
{
    ls_chain *chain = &r->chain[c];
    const ls_rate_search *search = &r->sweep->search;
    double rate;

    while (ls_search_next(search, chain->search, chain->searched, r->facts->up, &rate)) {
        const ls_trial trial = search_trial(r, c, chain->searched, rate);
        bool found;

        LS_TRY(read_result(r, &trial, &chain->search[chain->searched], &found));
        if (!found)
            return LS_OK;
        chain->searched++;
    }
    chain->decided = true;
    chain->best = ls_search_best(chain->search, chain->searched, r->facts->up);
    chain->seed[0] = chain->search[chain->best];
    chain->finished[0] = true;
    return LS_OK;
}

static ls_status refresh(ls_results *r, size_t c)
{
    ls_chain *chain = &r->chain[c];

    if (!chain->decided)
        LS_TRY(refresh_search(r, c));
    chain->complete = chain->decided;
    for (size_t k = 0; k < r->sweep->seeds && chain->decided; k++) {
        const ls_trial trial = seed_trial(r, c, k);

        if (!chain->finished[k])
            LS_TRY(read_result(r, &trial, &chain->seed[k], &chain->finished[k]));
        chain->complete &= chain->finished[k];
    }
    return LS_OK;
}

ls_status ls_results_refresh(ls_results *results)
{
    for (size_t c = 0; c < results->sweep->combinations; c++)
        if (!results->chain[c].complete)
            LS_TRY(refresh(results, c));
    return LS_OK;
}

size_t ls_results_ready(const ls_results *results, size_t combination, bool of_search, ls_trial *out)
{
    const ls_chain *chain = &results->chain[combination];
    size_t n = 0;
    double rate;

    if (of_search) {
        if (chain->decided ||
            !ls_search_next(&results->sweep->search, chain->search, chain->searched, results->facts->up, &rate))
            return 0;
        out[0] = search_trial(results, combination, chain->searched, rate);
        return 1;
    }
    for (size_t k = 0; k < results->sweep->seeds && chain->decided; k++)
        if (!chain->finished[k])
            out[n++] = seed_trial(results, combination, k);
    return n;
}

bool ls_results_complete(const ls_results *results)
{
    for (size_t c = 0; c < results->sweep->combinations; c++)
        if (!results->chain[c].complete)
            return false;
    return true;
}

size_t ls_results_count(const ls_results *results)
{
    size_t n = 0;

    for (size_t c = 0; c < results->sweep->combinations; c++) {
        n += results->chain[c].searched;
        for (size_t k = searches(results) ? 1 : 0; k < results->sweep->seeds; k++)
            n += results->chain[c].finished[k];
    }
    return n;
}

size_t ls_results_expected(const ls_results *results, bool *exact)
{
    const ls_rate_search *search = &results->sweep->search;
    const size_t least = search->points + search->refine, seeds = results->sweep->seeds;
    size_t n = 0;

    *exact = true;
    for (size_t c = 0; c < results->sweep->combinations; c++) {
        const ls_chain *chain = &results->chain[c];

        *exact &= chain->decided;
        if (!searches(results))
            n += seeds;
        else
            n += (chain->decided || chain->searched >= least ? chain->searched + !chain->decided : least) + seeds - 1;
    }
    return n;
}

bool ls_results_get(const ls_results *results, size_t combination, size_t k, ls_trial *trial, ls_trial_result *result,
                    bool *chosen)
{
    const ls_chain *chain = &results->chain[combination];

    if (k < chain->searched) {
        *result = chain->search[k];
        *trial = search_trial(results, combination, k, result->learning_rate);
        if (chosen)
            *chosen = chain->decided && k == chain->best;
        return true;
    }
    k -= chain->searched;
    for (size_t s = searches(results) ? 1 : 0; s < results->sweep->seeds; s++)
        if (chain->finished[s] && k-- == 0) {
            *result = chain->seed[s];
            *trial = seed_trial(results, combination, s);
            if (chosen)
                *chosen = true;
            return true;
        }
    return false;
}
