#include "sweep/result.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "formats/json.h"
#include "formats/yaml.h"
#include "sweep/settings.h"

const char *const ls_trial_statuses[] = {
    [LS_TRIAL_REACHED] = "reached", [LS_TRIAL_MISSED] = "missed", [LS_TRIAL_DIVERGED] = "diverged",
    [LS_TRIAL_CUT] = "cut",         [LS_TRIAL_CUT + 1] = NULL,
};

void ls_trial_id(const ls_trial *trial, char out[LS_TRIAL_ID_BYTES])
{
    if (trial->searches)
        snprintf(out, LS_TRIAL_ID_BYTES, "%03zu-search-%02zu", trial->combination + 1, trial->index + 1);
    else
        snprintf(out, LS_TRIAL_ID_BYTES, "%03zu-seed-%" PRIu64, trial->combination + 1, trial->seed);
}

static json_t *real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *settings_json(const ls_sweep *sweep, const ls_trial *trial)
{
    json_t *map = json_object();

    for (size_t s = 0; map && s < sweep->settings; s++) {
        ls_text text = {0};

        ls_yaml_write_line(sweep->combination[trial->combination].value[s], &text);
        json_object_set_new(map, sweep->setting[s], json_string(text.data ? text.data : ""));
        ls_text_reset(&text);
    }
    return map;
}

ls_status ls_result_write(const ls_sweep *sweep, const ls_trial *trial, const ls_trial_result *result, ls_text *out)
{
    char id[LS_TRIAL_ID_BYTES];
    json_t *json;
    ls_status st;

    ls_trial_id(trial, id);
    json = json_pack(
        "{s:s, s:o, s:I, s:o, s:I, s:s, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:o, s:s, s:i, s:o, s:o, s:s}", "trial",
        id, "settings", settings_json(sweep, trial), "seed", (json_int_t)trial->seed, "search_rate", real(trial->rate),
        "limit", (json_int_t)trial->limit, "status", ls_trial_statuses[result->status], "learning_rate",
        real(result->learning_rate), "updates", (json_int_t)result->updates, "updates_before",
        (json_int_t)result->updates_before, "samples", (json_int_t)result->samples, "epochs", real(result->epochs),
        "value", real(result->value), "best_value", real(result->best_value), "best_updates",
        (json_int_t)result->best_updates, "noise_scale", real(result->noise_scale), "fingerprint", result->fingerprint,
        "ranks", result->ranks, "train_seconds", real(result->train_s), "evaluate_seconds", real(result->evaluate_s),
        "finished", result->finished);
    st = ls_json_write(json, out);
    ls_text_add(out, "\n");
    json_decref(json);
    return st == LS_OK ? out->status : st;
}

static bool take_real(const json_t *json, const char *key, double *out)
{
    const json_t *value = json_object_get(json, key);

    *out = json_is_number(value) ? json_number_value(value) : NAN;
    return json_is_number(value) || json_is_null(value);
}

static bool take_count(const json_t *json, const char *key, uint64_t *out)
{
    const json_t *value = json_object_get(json, key);

    *out = (uint64_t)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool take_text(const json_t *json, const char *key, char *out, size_t bytes)
{
    const char *text = json_string_value(json_object_get(json, key));

    if (!text || strlen(text) >= bytes)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool take_status(const json_t *json, ls_trial_status *out)
{
    char text[16] = "";

    if (!take_text(json, "status", text, sizeof text))
        return false;
    for (int s = 0; ls_trial_statuses[s]; s++) {
        *out = (ls_trial_status)s;
        if (strcmp(text, ls_trial_statuses[s]) == 0)
            return true;
    }
    return false;
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* The file is of the sweep that it lies in, or somebody put it there. */
static bool is_of(const json_t *json, const ls_trial *trial)
{
    char id[LS_TRIAL_ID_BYTES], text[LS_TRIAL_ID_BYTES] = "";
    uint64_t seed, limit;
    double rate;

    ls_trial_id(trial, id);
    return take_text(json, "trial", text, sizeof text) && strcmp(text, id) == 0 && take_count(json, "seed", &seed) &&
           seed == trial->seed && take_count(json, "limit", &limit) && limit == trial->limit &&
           take_real(json, "search_rate", &rate) && same_number(rate, trial->rate);
}

ls_status ls_result_read(const char *path, const ls_trial *trial, ls_trial_result *out, bool *found)
{
    json_error_t error;
    json_t *json;
    uint64_t ranks = 0;
    ls_status st = LS_OK;

    *out = (ls_trial_result){0};
    *found = ls_file_exists(path);
    if (!*found)
        return LS_OK;
    if (!(json = json_load_file(path, JSON_REJECT_DUPLICATES, &error)))
        return ls_fail(LS_ERR_FORMAT, "'%s' is damaged (%s); remove it, and the trial is done again", path, error.text);
    if (!is_of(json, trial))
        st = ls_fail(LS_ERR_FORMAT,
                     "'%s' is the result of another trial than this sweep has there; remove it, and the "
                     "trial is done again",
                     path);
    else if (!take_status(json, &out->status) || !take_real(json, "learning_rate", &out->learning_rate) ||
             !take_count(json, "updates", &out->updates) || !take_count(json, "updates_before", &out->updates_before) ||
             !take_count(json, "samples", &out->samples) || !take_real(json, "epochs", &out->epochs) ||
             !take_real(json, "value", &out->value) || !take_real(json, "best_value", &out->best_value) ||
             !take_count(json, "best_updates", &out->best_updates) ||
             !take_real(json, "noise_scale", &out->noise_scale) ||
             !take_text(json, "fingerprint", out->fingerprint, sizeof out->fingerprint) ||
             !take_count(json, "ranks", &ranks) || ranks > INT32_MAX ||
             !take_real(json, "train_seconds", &out->train_s) ||
             !take_real(json, "evaluate_seconds", &out->evaluate_s) ||
             !take_text(json, "finished", out->finished, sizeof out->finished))
        st = ls_fail(LS_ERR_FORMAT,
                     "'%s' is damaged: a value is missing or wrong; remove it, and the trial is done again", path);
    out->ranks = (int)ranks;
    json_decref(json);
    return st;
}
