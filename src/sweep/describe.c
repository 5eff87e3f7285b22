#include "sweep/describe.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "formats/json.h"
#include "sweep/growth.h"
#include "sweep/settings.h"

static bool varies_rate(const ls_sweep *sweep)
{
    for (size_t s = 0; s < sweep->settings; s++)
        if (strcmp(sweep->setting[s], "learning_rate") == 0 ||
            (strncmp(sweep->setting[s], "compile.optimizer.", 18) == 0 && strstr(sweep->setting[s], "learning_rate")))
            return true;
    return false;
}

static const char *rate_word(const ls_sweep *sweep)
{
    return sweep->rate == LS_RATE_SEARCHED ? "searched"
           : sweep->rate == LS_RATE_RULE   ? "rule"
           : varies_rate(sweep)            ? "varied"
                                           : "fixed";
}

static bool rule_varies(const ls_sweep *sweep)
{
    return ls_varied(sweep, 0, "learning_rate.rule") != NULL;
}

static void add_rate(const ls_sweep *sweep, ls_text *out)
{
    if (sweep->rate == LS_RATE_SEARCHED)
        ls_text_add(out, "learning rate searched at every combination");
    else if (sweep->rate == LS_RATE_RULE && !rule_varies(sweep))
        ls_text_add(out, "learning rate not searched but by rule (%s)", sweep->rule.rule->text);
    else if (sweep->rate == LS_RATE_RULE)
        ls_text_add(out, "learning rate not searched but by rules");
    else if (varies_rate(sweep))
        ls_text_add(out, "learning rates given");
    else
        ls_text_add(out, "one learning rate for all");
}

void ls_sweep_label(const ls_sweep *sweep, const ls_sweep_facts *facts, ls_text *out)
{
    char number[32];

    add_rate(sweep, out);
    ls_format_double(sweep->has_target ? sweep->target : sweep->budget, number, sizeof number);
    if (sweep->has_target)
        ls_text_add(out, "; updates to %s %s", facts->monitor, number);
    else if (isnan(sweep->budget))
        ls_text_add(out, "; fixed epochs");
    else
        ls_text_add(out, "; fixed %s (%s)", ls_budget_units[sweep->budget_unit], number);
}

bool ls_sweep_is_tuned(const ls_sweep *sweep)
{
    return sweep->rate == LS_RATE_SEARCHED && sweep->has_target;
}

static json_t *texts(const char *const *text, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < n; i++)
        json_array_append_new(list, json_string(text[i]));
    return list;
}

static json_t *seeds(const ls_sweep *sweep)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < sweep->seeds; i++)
        json_array_append_new(list, json_integer((json_int_t)sweep->seed[i]));
    return list;
}

/* In their order, which is their number. */
static json_t *combinations(const ls_sweep *sweep)
{
    json_t *list = json_array();

    for (size_t c = 0; list && c < sweep->combinations; c++) {
        ls_text text = {0};

        ls_combination_text(sweep, c, &text);
        json_array_append_new(list, json_string(text.data ? text.data : ""));
        ls_text_reset(&text);
    }
    return list;
}

ls_status ls_sweep_describe(const ls_sweep *sweep, const ls_sweep_facts *facts, const char *arithmetic, ls_text *out)
{
    const bool in_seconds = !isnan(sweep->budget) && sweep->budget_unit == LS_BUDGET_SECONDS;
    const char *unit = ls_budget_units[isnan(sweep->budget) ? LS_BUDGET_EPOCHS : sweep->budget_unit];
    ls_text label = {0};
    json_t *json;
    ls_status st;

    ls_sweep_label(sweep, facts, &label);
    json = json_pack(
        "{s:i, s:s?, s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:I, s:o, s:s, s:s, s:o, s:o, s:s, s:I, s:I, s:s, s:s, s:s}",
        "format", 1, "name", sweep->name, "label", label.data ? label.data : "", "protocol",
        ls_sweep_is_tuned(sweep) ? "tuned" : "fixed", "learning_rate", rate_word(sweep), "comparison",
        sweep->has_target ? "target" : unit, "reproducible", !in_seconds, "varied",
        texts(sweep->setting, sweep->settings), "seeds", seeds(sweep), "combinations", (json_int_t)sweep->combinations,
        "combination", combinations(sweep), "monitor", facts->monitor, "direction", facts->up ? "up" : "down", "target",
        sweep->has_target ? json_real(sweep->target) : json_null(), "budget",
        isnan(sweep->budget) ? json_null() : json_real(sweep->budget), "budget_unit", unit, "training_samples",
        (json_int_t)facts->samples[0], "validation_samples", (json_int_t)facts->validation_samples, "data", facts->data,
        "lockstep", LS_VERSION, "arithmetic", arithmetic);
    st = label.status == LS_OK ? ls_json_write(json, out) : label.status;
    ls_text_add(out, "\n");
    json_decref(json);
    ls_text_reset(&label);
    return st == LS_OK ? out->status : st;
}
