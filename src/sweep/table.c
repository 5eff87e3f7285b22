#include "sweep/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/yaml.h"
#include "sweep/describe.h"
#include "sweep/protocol.h"
#include "sweep/settings.h"

/* ---- cells ---- */

static void add_cell(ls_text *out, const char *text)
{
    if (!strpbrk(text, ",\"\n\r")) {
        ls_text_add(out, "%s,", text);
        return;
    }
    ls_text_add(out, "\"");
    for (; *text; text++)
        ls_text_add(out, *text == '"' ? "\"\"" : "%c", *text);
    ls_text_add(out, "\",");
}

static void add_number(ls_text *out, double value)
{
    char text[32] = "";

    if (isfinite(value))
        ls_format_double(value, text, sizeof text);
    ls_text_add(out, "%s,", text);
}

static void add_count(ls_text *out, uint64_t value)
{
    ls_text_add(out, "%" PRIu64 ",", value);
}

/* The comma behind the last cell ends the line. */
static void end_row(ls_text *out)
{
    if (out->status == LS_OK && out->length)
        out->data[out->length - 1] = '\n';
}

/* The ranks of a trial stand in a column of their own. */
static bool has_column(const ls_sweep *sweep, size_t s, bool of_trials)
{
    return !of_trials || strcmp(sweep->setting[s], "ranks") != 0;
}

static void add_settings(const ls_sweep *sweep, size_t c, bool of_trials, ls_text *out)
{
    for (size_t s = 0; s < sweep->settings; s++) {
        ls_text value = {0};

        if (!has_column(sweep, s, of_trials))
            continue;

        ls_yaml_write_line(sweep->combination[c].value[s], &value);
        add_cell(out, value.data ? value.data : "");
        ls_text_reset(&value);
    }
}

static void add_setting_names(const ls_sweep *sweep, bool of_trials, ls_text *out)
{
    for (size_t s = 0; s < sweep->settings; s++)
        if (has_column(sweep, s, of_trials))
            add_cell(out, sweep->setting[s]);
}

/* fit.batch_size of a combination, varied or not. */
static ls_status find_batch_size(const ls_sweep *sweep, size_t c, uint64_t *out)
{
    const ls_trial trial = {.combination = c, .rate = sweep->rate == LS_RATE_SEARCHED ? sweep->search.point[0] : NAN};
    ls_experiment *experiment;
    double rate;

    LS_TRY(ls_trial_experiment(sweep, &trial, 0, &experiment, &rate));
    *out = (uint64_t)experiment->fit.batch_size;
    ls_experiment_free(experiment);
    return LS_OK;
}

/* ---- trials.csv ---- */

static void add_trial(const ls_results *r, const ls_trial *t, const ls_trial_result *result, bool chosen,
                      uint64_t batch_size, ls_text *out)
{
    char id[LS_TRIAL_ID_BYTES];

    ls_trial_id(t, id);
    ls_text_add(out, "%s,%zu,%s,%d,", id, t->combination + 1, t->searches ? "search" : "seeds", chosen);
    add_settings(r->sweep, t->combination, true, out);
    add_count(out, batch_size);
    add_number(out, result->learning_rate);
    add_count(out, t->seed);
    ls_text_add(out, "%s,", ls_trial_statuses[result->status]);
    add_count(out, result->updates);
    add_number(out, r->sweep->has_target ? (double)result->updates_before : NAN);
    add_count(out, result->samples);
    add_number(out, result->epochs);
    add_number(out, result->value);
    add_number(out, result->best_value);
    add_number(out, isnan(result->best_value) ? NAN : (double)result->best_updates);
    add_number(out, result->noise_scale);
    ls_text_add(out, "%s,%d,", result->fingerprint, result->ranks);
    add_number(out, result->train_s);
    add_number(out, result->evaluate_s);
    ls_text_add(out, "%s,", result->finished);
    end_row(out);
}

ls_status ls_table_trials(const ls_results *results, ls_text *out)
{
    ls_text_add(out, "trial,combination,phase,chosen,");
    add_setting_names(results->sweep, true, out);
    ls_text_add(out, "batch_size,learning_rate,seed,status,updates,updates_before,samples,epochs,value,best_value,"
                     "best_updates,noise_scale,fingerprint,ranks,train_seconds,evaluate_seconds,finished\n");
    for (size_t c = 0; c < results->sweep->combinations; c++) {
        ls_trial trial;
        ls_trial_result result;
        uint64_t batch_size;
        bool chosen;

        LS_TRY(find_batch_size(results->sweep, c, &batch_size));
        for (size_t k = 0; ls_results_get(results, c, k, &trial, &result, &chosen); k++)
            add_trial(results, &trial, &result, chosen, batch_size, out);
    }
    return out->status;
}

/* ---- summary.csv ---- */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

ls_spread ls_spread_of(double *value, size_t n)
{
    size_t known = 0;

    for (size_t i = 0; i < n; i++)
        if (isfinite(value[i]))
            value[known++] = value[i];
    if (!known)
        return (ls_spread){NAN, NAN, NAN};
    qsort(value, known, sizeof *value, compare);
    return (ls_spread){.median = 0.5 * (value[(known - 1) / 2] + value[known / 2]), value[0], value[known - 1]};
}

typedef enum column { UPDATES, SAMPLES, EPOCHS, VALUE, BEST_VALUE, NOISE_SCALE, TRAIN_SECONDS, COLUMNS } column;

static const char *const column_names[COLUMNS] = {"updates",    "samples",     "epochs",       "value",
                                                  "best_value", "noise_scale", "train_seconds"};

static double cell_of(const ls_trial_result *r, column which)
{
    switch (which) {
    case UPDATES:
        return (double)r->updates;
    case SAMPLES:
        return (double)r->samples;
    case EPOCHS:
        return r->epochs;
    case VALUE:
        return r->value;
    case BEST_VALUE:
        return r->best_value;
    case NOISE_SCALE:
        return r->noise_scale;
    case TRAIN_SECONDS:
        return r->train_s;
    case COLUMNS:
        break;
    }
    return NAN;
}

typedef struct summary {
    double learning_rate;
    size_t tried, seeds, reached;
    int edge;
    bool searched; /* its search is through */
    ls_spread spread[COLUMNS];
} summary;

static ls_status summarise(const ls_results *r, size_t c, summary *out)
{
    const ls_chain *chain = &r->chain[c];
    double *value = ls_calloc(r->sweep->seeds, sizeof *value, "the summary");

    if (!value)
        return LS_ERR_MEMORY;
    *out = (summary){.learning_rate = NAN, .tried = chain->searched};
    out->searched = r->sweep->rate == LS_RATE_SEARCHED && chain->decided;
    if (out->searched)
        out->edge = ls_search_edge(chain->search, chain->searched, r->facts->up);
    for (size_t k = 0; k < r->sweep->seeds; k++) {
        if (!chain->finished[k])
            continue;
        out->learning_rate = chain->seed[k].learning_rate;
        out->seeds++;
        out->reached += chain->seed[k].status == LS_TRIAL_REACHED;
    }
    for (column which = 0; which < COLUMNS; which++) {
        size_t n = 0;

        for (size_t k = 0; k < r->sweep->seeds; k++)
            if (chain->finished[k] && (r->sweep->has_target ? chain->seed[k].status == LS_TRIAL_REACHED
                                                            : chain->seed[k].status != LS_TRIAL_DIVERGED))
                value[n++] = cell_of(&chain->seed[k], which);
        out->spread[which] = ls_spread_of(value, n);
    }
    ls_free(value);
    return LS_OK;
}

static const char *edge_word(const summary *s)
{
    return !s->searched ? "" : s->edge < 0 ? "low" : s->edge > 0 ? "high" : "no";
}

static const char *feasible_word(const ls_sweep *sweep, const summary *s)
{
    if (!sweep->has_target || !s->seeds)
        return "";
    return s->reached == s->seeds ? "yes" : s->reached ? "partly" : "no";
}

ls_status ls_table_summary(const ls_results *results, ls_text *out)
{
    const ls_sweep *sweep = results->sweep;

    ls_text_add(out, "combination,");
    add_setting_names(sweep, false, out);
    ls_text_add(out, "batch_size,learning_rate,rates_tried,edge,seeds,reached,feasible,");
    for (column which = 0; which < COLUMNS; which++) {
        ls_text_add(out, "%s_median,", column_names[which]);
        if (which != NOISE_SCALE)
            ls_text_add(out, "%s_min,%s_max,", column_names[which], column_names[which]);
    }
    end_row(out);
    for (size_t c = 0; c < sweep->combinations; c++) {
        uint64_t batch_size;
        summary s;

        LS_TRY(find_batch_size(sweep, c, &batch_size));
        LS_TRY(summarise(results, c, &s));
        add_count(out, c + 1);
        add_settings(sweep, c, false, out);
        add_count(out, batch_size);
        add_number(out, s.learning_rate);
        add_number(out, sweep->rate == LS_RATE_SEARCHED ? (double)s.tried : NAN);
        ls_text_add(out, "%s,%zu,", edge_word(&s), s.seeds);
        add_number(out, sweep->has_target ? (double)s.reached : NAN);
        ls_text_add(out, "%s,", feasible_word(sweep, &s));
        for (column which = 0; which < COLUMNS; which++) {
            add_number(out, s.spread[which].median);
            if (which != NOISE_SCALE) {
                add_number(out, s.spread[which].min);
                add_number(out, s.spread[which].max);
            }
        }
        end_row(out);
    }
    return out->status;
}

/* ---- for people ---- */

static void add_combination(const ls_sweep *sweep, size_t c, ls_text *out)
{
    for (size_t s = 0; s < sweep->settings; s++) {
        ls_text_add(out, "%s%s ", s ? ", " : "", sweep->setting[s]);
        ls_yaml_write_line(sweep->combination[c].value[s], out);
    }
}

void ls_table_line(const ls_results *results, const ls_trial *trial, const ls_trial_result *result, ls_text *out)
{
    char id[LS_TRIAL_ID_BYTES], rate[32];

    ls_trial_id(trial, id);
    ls_text_add(out, "%s: ", id);
    add_combination(results->sweep, trial->combination, out);
    ls_text_add(out, "%s", results->sweep->settings ? ", " : "");
    if (isfinite(result->learning_rate) && !ls_varied(results->sweep, trial->combination, "learning_rate")) {
        ls_format_double(result->learning_rate, rate, sizeof rate);
        ls_text_add(out, "learning rate %s, ", rate);
    }
    ls_text_add(out, "seed %" PRIu64 ": %s after %" PRIu64 " updates", trial->seed,
                result->status == LS_TRIAL_MISSED && !results->sweep->has_target ? "done"
                                                                                 : ls_trial_statuses[result->status],
                result->updates);
    if (isfinite(result->value))
        ls_text_add(out, ", %s %.4f", results->facts->monitor, result->value);
    ls_text_add(out, ", %.1f s", result->train_s + result->evaluate_s);
}

ls_status ls_table_print(const ls_results *results, ls_text *out)
{
    const ls_sweep *sweep = results->sweep;

    ls_sweep_label(sweep, results->facts, out);
    ls_text_add(out, "\n");
    for (size_t c = 0; c < sweep->combinations; c++) {
        char rate[32] = "its schedule";
        summary s;
        const ls_spread *updates = &s.spread[UPDATES], *value = &s.spread[VALUE];

        LS_TRY(summarise(results, c, &s));
        if (isfinite(s.learning_rate))
            ls_format_double(s.learning_rate, rate, sizeof rate);
        ls_text_add(out, "  ");
        add_combination(sweep, c, out);
        ls_text_add(out, "%slearning rate %s%s: ", sweep->settings ? ", " : "", rate,
                    s.edge ? " (the best is at the edge of what was tried)" : "");
        if (sweep->has_target && s.reached)
            ls_text_add(out, "%zu of %zu reached it, after %.6g updates (%.6g to %.6g), %.3g epochs\n", s.reached,
                        s.seeds, updates->median, updates->min, updates->max, s.spread[EPOCHS].median);
        else if (sweep->has_target)
            ls_text_add(out, "infeasible within the budget\n");
        else
            ls_text_add(out, "%s %.4f (%.4f to %.4f)\n", results->facts->monitor, value->median, value->min,
                        value->max);
    }
    return out->status;
}
