/* What a sweep takes: its combinations, their trials, and how long they will be at it. */
#include <inttypes.h>
#include <math.h>

#include "base/memory.h"
#include "cli/check.h"
#include "formats/yaml.h"
#include "sweep/facts.h"
#include "sweep/protocol.h"
#include "sweep/queue.h"
#include "sweep/settings.h"

#define MEASURE_S 0.2
#define MEASURED_MAX 32 /* combinations; of the others nothing is said */

static void add_combination(const ls_sweep *sweep, size_t c, ls_text *out)
{
    ls_text_add(out, "%3zu  ", c + 1);
    for (size_t s = 0; s < sweep->settings; s++) {
        ls_text_add(out, "%s%s=", s ? ", " : "", sweep->setting[s]);
        ls_yaml_write_line(sweep->combination[c].value[s], out);
    }
}

/* Of a combination, at most: a search may end sooner. */
static size_t count_trials(const ls_sweep *sweep)
{
    return sweep->rate == LS_RATE_SEARCHED ? ls_search_most(&sweep->search) + sweep->seeds - 1 : sweep->seeds;
}

/* Collective. *seconds: what is added to it, of all trials of the combination. */
static ls_status check_combination(const ls_comm *comm, const ls_sweep *sweep, const ls_sweep_facts *facts, size_t c,
                                   double *seconds, ls_text *out)
{
    const ls_trial trial = {.combination = c,
                            .seed = sweep->seed[0],
                            .rate = sweep->rate == LS_RATE_SEARCHED ? sweep->search.point[0] : NAN};
    ls_experiment *experiment = NULL;
    ls_measured m;
    double rate, all;
    uint64_t updates;
    char text[2][LS_DURATION_BYTES];
    ls_status st = ls_agree(comm, ls_trial_experiment(sweep, &trial, facts->samples[c], &experiment, &rate));

    if (st == LS_OK)
        st = ls_measure(comm, experiment, MEASURE_S, &m);
    if (st == LS_OK) {
        updates = ls_trial_updates(sweep, experiment, facts->samples[c]);
        all = (updates == UINT64_MAX ? sweep->budget : (double)updates * m.update_s) * (double)count_trials(sweep);
        *seconds += all;
        add_combination(sweep, c, out);
        if (updates == UINT64_MAX)
            ls_text_add(out, ": %s an update", ls_format_duration(m.update_s, text[0]));
        else
            ls_text_add(out, ": %" PRIu64 " updates of %s", updates, ls_format_duration(m.update_s, text[0]));
        ls_text_add(out, ", %zu trial%s: %s\n", count_trials(sweep), count_trials(sweep) == 1 ? "" : "s",
                    ls_format_duration(all, text[1]));
        st = out->status;
    }
    ls_experiment_free(experiment);
    return ls_agree(comm, st);
}

static ls_status check(const ls_comm *comm, const ls_sweep *sweep, const ls_sweep_facts *facts, ls_text *out)
{
    const size_t n = sweep->combinations, shown = n < MEASURED_MAX ? n : MEASURED_MAX;
    const int groups = sweep->ranks_per_run ? comm->size / sweep->ranks_per_run : 1;
    double seconds = 0;
    char text[LS_DURATION_BYTES];

    ls_text_add(out, "%zu combination%s of %s, %zu trial%s each%s; measured is %s\n\n", n, n == 1 ? "" : "s",
                sweep->base_file, count_trials(sweep), count_trials(sweep) == 1 ? "" : "s",
                sweep->rate == LS_RATE_SEARCHED ? " at most" : "", facts->monitor);
    for (size_t c = 0; c < shown; c++)
        LS_TRY(check_combination(comm, sweep, facts, c, &seconds, out));
    seconds *= (double)n / (double)shown / (groups > 1 ? groups : 1);
    ls_text_add(out, "\n%s%s to train on %d rank%s here%s, without evaluations%s. Nothing is wrong.\n",
                shown < n ? "by those, about " : "", ls_format_duration(seconds, text), comm->size,
                comm->size == 1 ? "" : "s", groups > 1 ? ", side by side" : "",
                sweep->has_target ? "; less where the target is reached" : "");
    return out->status;
}

ls_status ls_check_sweep(const ls_comm *comm, const ls_sweep *sweep, ls_text *out)
{
    ls_sweep_facts *facts = NULL;
    ls_text mine = {0};
    ls_status st = ls_sweep_check_ranks(comm, sweep);

    if (st == LS_OK)
        st = ls_sweep_facts_create(comm, sweep, NULL, &facts);
    if (st == LS_OK)
        st = check(comm, sweep, facts, comm->rank == 0 ? out : &mine);
    ls_text_reset(&mine);
    ls_sweep_facts_free(facts);
    return st;
}
