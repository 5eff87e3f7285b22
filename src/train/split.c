#include "train/split.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <xxhash.h>

#include "base/failures.h"
#include "base/memory.h"

#define AHEAD 4         /* samples fetched before they are needed */
#define CHUNK_ROWS 1024 /* of datasets without chunks; part of the format */

/* The arrays of a split one after another: inputs, outputs, weights of outputs. NULL where there is none. */
static size_t arrays_of(const ls_split *split)
{
    return split->inputs + 2 * split->outputs;
}

static ls_array *array_at(const ls_split *split, size_t i)
{
    if (i < split->inputs)
        return split->x[i];
    i -= split->inputs;
    if (i < split->outputs)
        return split->y ? split->y[i] : NULL;
    return split->weight ? split->weight[i - split->outputs] : NULL;
}

/* Which of the arrays holds the weights of output k. */
static size_t weight_index(const ls_split *split, size_t k)
{
    return split->inputs + split->outputs + (split->one_weight ? 0 : k);
}

const ls_array *ls_split_weight(const ls_split *split, size_t output)
{
    return array_at(split, weight_index(split, output));
}

static ls_status list_arrays(ls_split *split)
{
    if (!(split->fed = ls_calloc(arrays_of(split), sizeof(ls_array *), "a split")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < arrays_of(split); i++)
        split->fed[i] = array_at(split, i);
    return LS_OK;
}

void ls_split_free(ls_split *split)
{
    if (!split)
        return;
    ls_feed_close(split->feed);
    ls_free(split->fed);
    for (size_t i = 0; split->owns && split->x && i < split->inputs; i++)
        ls_array_free(split->x[i]);
    for (size_t k = 0; split->owns && split->y && k < split->outputs; k++)
        ls_array_free(split->y[k]);
    for (size_t k = 0; split->owns && split->weight && k < split->outputs; k++)
        ls_array_free(split->weight[k]);
    ls_free(split->x);
    ls_free(split->y);
    ls_free(split->weight);
    ls_free(split->name);
    ls_free(split);
}

static ls_status open_array(const ls_array_spec *spec, const ls_split_spec *of, ls_array **out)
{
    const uint64_t *rows = of->has_rows ? of->rows : NULL;
    ls_status st = spec->memory ? ls_array_borrow(spec->memory, rows, spec->path, out)
                                : ls_array_describe_by(&spec->rules, spec->file, spec->path, rows, out);

    if (st != LS_OK)
        return st;
    if (!isnan(spec->scale) || !isnan(spec->offset))
        LS_TRY(ls_array_set_scaling(*out, isnan(spec->scale) ? NULL : &spec->scale,
                                    isnan(spec->offset) ? NULL : &spec->offset));
    if (spec->channels_first)
        LS_TRY(ls_array_channels_first(*out));
    return spec->one_hot ? ls_array_one_hot(*out, (uint64_t)spec->one_hot) : LS_OK;
}

/* The place of a named array among `n` nodes; unnamed ones go to the only node there is. */
static ls_status place_of(const ls_array_spec *spec, const ls_model *model, const size_t *node, size_t n,
                          const char *what, size_t *out)
{
    const char *known[64];
    char hint[LS_HINT_BYTES];
    size_t names = 0;

    *out = 0;
    if (!spec->name && n == 1)
        return LS_OK;
    for (size_t i = 0; i < n; i++) {
        if (spec->name && strcmp(model->node[node[i]].name, spec->name) == 0) {
            *out = i;
            return LS_OK;
        }
        if (names < 64)
            known[names++] = model->node[node[i]].name;
    }
    if (!spec->name)
        return ls_config_fail(spec->at, "the model has %zu %ss; name the array of each: {%s: /path}", n, what,
                              known[0]);
    return ls_config_fail_key(spec->at, "the model has no %s '%s'%s", what, spec->name,
                              ls_hint(spec->name, known, names, hint));
}

static ls_status open_arrays(const ls_split_spec *spec, const ls_array_spec *arrays, size_t n, const ls_model *model,
                             const size_t *node, size_t places, const char *what, ls_array **out)
{
    ls_failures all = {0};

    for (size_t i = 0; i < n; i++) {
        size_t place = i;
        const ls_status st = model ? place_of(&arrays[i], model, node, places, what, &place) : LS_OK;

        LS_GATHER(&all, st);
        if (st == LS_OK && out[place])
            LS_GATHER(&all, ls_config_fail(arrays[i].at, "two arrays are given for one %s", what));
        else if (st == LS_OK)
            LS_GATHER(&all, open_array(&arrays[i], spec, &out[place]));
    }
    return ls_failures_end(&all);
}

/*
 * Sample weights: one array for all outputs or, by their names, one for each that has targets. Keras refuses a dict
 * that names only some, too: nobody can tell whether the others are to count 1 or nothing.
 */
static ls_status open_weights(const ls_split_spec *spec, const ls_model *model, ls_split *split)
{
    ls_array_spec *const weights = spec->sample_weight;

    if (!(split->weight = ls_calloc(split->outputs, sizeof *split->weight, "a split")))
        return LS_ERR_MEMORY;
    split->one_weight = !weights[0].name;
    if (split->one_weight)
        return open_array(&weights[0], spec, &split->weight[0]);
    LS_TRY(open_arrays(spec, weights, spec->weights, model, model ? model->output : NULL, split->outputs, "output",
                       split->weight));
    for (size_t k = 0; model && k < split->outputs; k++)
        if (!split->weight[k] && split->y && split->y[k])
            return ls_config_fail(spec->at,
                                  "data.%s gives sample weights by name, but none for the output '%s'; name one for "
                                  "each output, or give one array for all",
                                  spec->name, model->node[model->output[k]].name);
    return LS_OK;
}

static ls_status check_samples(ls_split *split, const ls_array *array)
{
    if (!array)
        return LS_OK;
    if (split->samples == UINT64_MAX)
        split->samples = ls_array_samples(array);
    if (ls_array_samples(array) != split->samples)
        return ls_fail(LS_ERR_DATA,
                       "%s has %" PRIu64 " samples, but %s has %" PRIu64 ": x and y must have equally many",
                       ls_array_path(array), ls_array_samples(array), ls_array_path(split->x[0]), split->samples);
    return LS_OK;
}

ls_status ls_split_open(const ls_split_spec *spec, const ls_model *model, ls_split **out)
{
    ls_split *split = ls_calloc(1, sizeof *split, "a split");
    ls_failures all = {0};
    ls_status st = LS_OK;
    bool has_rows;

    *out = NULL;
    if (!split)
        return LS_ERR_MEMORY;
    split->owns = true;
    split->samples = UINT64_MAX;
    split->inputs = model ? model->inputs : spec->xs;
    split->outputs = model ? model->outputs : spec->ys;
    split->name = ls_strdup(spec->name);
    split->x = ls_calloc(split->inputs, sizeof *split->x, "a split");
    split->y = spec->ys ? ls_calloc(split->outputs, sizeof *split->y, "a split") : NULL;
    if (!split->name || !split->x || (spec->ys && !split->y)) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    st = open_arrays(spec, spec->x, spec->xs, model, model ? model->input : NULL, split->inputs, "input", split->x);
    ls_failures_add(&all, st);
    has_rows = !(spec->has_rows && st == LS_ERR_CONFIG); /* else the others lack them, too */
    if (spec->ys && has_rows)
        ls_failures_add(&all, open_arrays(spec, spec->y, spec->ys, model, model ? model->output : NULL, split->outputs,
                                          "output", split->y));
    if (spec->weights && has_rows)
        ls_failures_add(&all, open_weights(spec, model, split));
    LS_TRY_CLEANUP(ls_failures_end(&all));
    for (size_t i = 0; i < split->inputs; i++) {
        if (!split->x[i]) {
            st = ls_config_fail(spec->at, "data.%s gives no array for the input '%s'", spec->name,
                                model->node[model->input[i]].name);
            goto cleanup;
        }
        LS_TRY_CLEANUP(check_samples(split, split->x[i]));
    }
    for (size_t k = 0; split->y && k < split->outputs; k++)
        LS_TRY_CLEANUP(check_samples(split, split->y[k]));
    for (size_t k = 0; split->weight && k < split->outputs; k++)
        LS_TRY_CLEANUP(check_samples(split, split->weight[k]));
    if (!split->samples) {
        st = ls_fail(LS_ERR_DATA, "%s holds no sample", ls_array_path(split->x[0]));
        goto cleanup;
    }
    LS_TRY_CLEANUP(list_arrays(split));
    *out = split;
    split = NULL;
cleanup:
    ls_split_free(split);
    return st;
}

ls_status ls_split_cut(ls_split *split, double fraction, const ls_config *at, ls_split **rest)
{
    /* floor(N (1 - f)) in double: Keras's own formula, so that the cut falls on the same sample. */
    const uint64_t cut = (uint64_t)floor((double)split->samples * (1.0 - fraction));
    ls_split *view;

    *rest = NULL;
    if (cut == 0 || cut == split->samples)
        return ls_config_fail(at, "fit.validation_split %g of %" PRIu64 " samples leaves %s part empty", fraction,
                              split->samples, cut ? "the validation" : "the training");
    if (!(view = ls_calloc(1, sizeof *view, "a split")))
        return LS_ERR_MEMORY;
    *view = *split;
    view->owns = false;
    view->fed = NULL;
    view->name = ls_strdup("validation_split");
    view->x = ls_calloc(split->inputs, sizeof *view->x, "a split");
    view->y = split->y ? ls_calloc(split->outputs, sizeof *view->y, "a split") : NULL;
    view->weight = split->weight ? ls_calloc(split->outputs, sizeof *view->weight, "a split") : NULL;
    if (!view->name || !view->x || (split->y && !view->y) || (split->weight && !view->weight)) {
        ls_split_free(view);
        return LS_ERR_MEMORY;
    }
    memcpy(view->x, split->x, split->inputs * sizeof *view->x);
    if (split->y)
        memcpy(view->y, split->y, split->outputs * sizeof *view->y);
    if (split->weight)
        memcpy(view->weight, split->weight, split->outputs * sizeof *view->weight);
    if (list_arrays(view) != LS_OK) {
        ls_split_free(view);
        return LS_ERR_MEMORY;
    }
    view->begin = split->begin + cut;
    view->samples = split->samples - cut;
    split->samples = cut;
    *rest = view;
    return LS_OK;
}

size_t ls_split_bytes(const ls_split *split)
{
    size_t row = 0, bytes;

    for (size_t i = 0; i < arrays_of(split); i++)
        if (array_at(split, i) && !ls_array_is_borrowed(array_at(split, i)))
            row += ls_array_sample_bytes(array_at(split, i));
    return ls_size_mul((size_t)split->samples, row, &bytes) ? bytes : SIZE_MAX;
}

uint64_t ls_split_chunk_rows(const ls_split *split)
{
    const uint64_t rows = ls_array_chunk_rows(split->x[0]);

    return rows ? rows : CHUNK_ROWS;
}

ls_status ls_split_identify(ls_split *split)
{
    for (size_t i = 0; split->owns && i < arrays_of(split); i++)
        if (array_at(split, i))
            LS_TRY(ls_array_identify(array_at(split, i)));
    return LS_OK;
}

ls_status ls_split_read(ls_split *split, const ls_sharing *sharing)
{
    ls_status st;

    ls_watchdog_beat(NULL, "reading data");
    for (size_t i = 0; split->owns && i < arrays_of(split); i++)
        if (array_at(split, i))
            LS_TRY(ls_array_load(array_at(split, i), sharing));
    st = ls_split_identify(split);
    return sharing ? sharing->agree(sharing->context, st, NULL) : st;
}

ls_feed_settings ls_split_feed_settings(const ls_split *split, const ls_windows *windows, uint64_t most,
                                        const ls_sharing *sharing)
{
    return (ls_feed_settings){
        .array = split->fed,
        .arrays = arrays_of(split),
        .begin = split->begin,
        .samples = split->samples,
        .windows = *windows,
        .most = most < split->samples ? most : split->samples,
        .sharing = sharing,
    };
}

ls_status ls_split_stream(ls_split *split, const ls_feed_settings *settings)
{
    const ls_sharing *sharing = settings->sharing;
    ls_status st = LS_OK;

    for (size_t i = 0; split->owns && st == LS_OK && i < settings->arrays; i++)
        if (settings->array[i] && ls_array_is_borrowed(settings->array[i]))
            st =
                ls_fail(LS_ERR_CONFIG,
                        "%s lies in memory, other data of this split in a file larger than data.memory: raise that, or "
                        "put all of them in files",
                        ls_array_path(settings->array[i]));
    if (st == LS_OK)
        st = ls_split_identify(split);
    if (sharing)
        st = sharing->agree(sharing->context, st, NULL);
    return st == LS_OK ? ls_feed_open(settings, &split->feed) : st;
}

ls_status ls_split_facts(const ls_split *split, ls_text *out)
{
    ls_text_add(out, "%s[%" PRIu64 "+%" PRIu64 "]", split->name, split->begin, split->samples);
    for (size_t i = 0; i < arrays_of(split); i++) {
        const ls_array *a = array_at(split, i);

        if (a)
            ls_text_add(out, " %zu: %" PRIu64 " of %s %zu, chunks %" PRIu64, i, ls_array_samples(a), ls_array_type(a),
                        ls_array_sample_bytes(a), ls_array_chunk_rows(a));
    }
    return out->status;
}

ls_status ls_split_identity(const ls_split *split, ls_text *out)
{
    ls_text_add(out, "%s[%" PRIu64 "+%" PRIu64 "]", split->name, split->begin, split->samples);
    for (size_t i = 0; i < split->inputs; i++)
        ls_text_add(out, " x%zu=%016" PRIx64, i, ls_array_identity(split->x[i]));
    for (size_t k = 0; split->y && k < split->outputs; k++)
        if (split->y[k])
            ls_text_add(out, " y%zu=%016" PRIx64, k, ls_array_identity(split->y[k]));
    for (size_t k = 0; split->weight && k < split->outputs; k++)
        if (split->weight[k]) {
            ls_text_add(out, " w");
            if (!split->one_weight)
                ls_text_add(out, "%zu", k);
            ls_text_add(out, "=%016" PRIx64, ls_array_identity(split->weight[k]));
        }
    return out->status;
}

ls_status ls_split_contents(const ls_split *split, ls_text *out)
{
    LS_TRY(ls_split_identity(split, out));
    for (size_t i = 0; i < arrays_of(split); i++)
        if (array_at(split, i) && ls_array_is_loaded(array_at(split, i)))
            ls_text_add(out, " %zu=%016" PRIx64, i, ls_array_hash(array_at(split, i)));
    return out->status;
}

static uint64_t sample_at(const ls_split *split, const ls_permutation *order, uint64_t position)
{
    return split->begin + (order ? ls_permutation_at(order, position) : position);
}

/* ---- where the values are: in the split's arrays, or in those of its feed ---- */

static const ls_array *held(const ls_split *split, size_t i)
{
    return split->feed ? ls_feed_array(split->feed, i) : array_at(split, i);
}

static uint64_t index_at(const ls_split *split, const ls_permutation *order, uint64_t position)
{
    ls_sample_place place;

    if (!split->feed)
        return sample_at(split, order, position);
    place = ls_permutation_place(order ? order : ls_feed_order(split->feed), position);
    return ls_feed_index(split->feed, order ? ls_permutation_epoch(order) : 0, &place);
}

static void beat(void *watchdog)
{
    ls_watchdog_beat(watchdog, "reading data");
}

ls_status ls_split_advance(const ls_split *split, const ls_permutation *order, uint64_t begin, uint64_t rows,
                           ls_watchdog *watchdog)
{
    if (!split->feed)
        return LS_OK;
    ls_watchdog_beat(watchdog, "reading data");
    return ls_feed_advance(split->feed, order ? ls_permutation_epoch(order) : 0, begin, rows, beat, watchdog);
}

int64_t ls_class_of(const float *target, size_t n)
{
    size_t best = 0;

    if (n == 1)
        return (int64_t)rintf(target[0]);
    for (size_t i = 1; i < n; i++)
        if (target[i] > target[best])
            best = i;
    return (int64_t)best;
}

static float class_weight_of(const ls_split *split, const float *target, size_t target_size)
{
    for (size_t i = 0; i < split->class_weights; i++)
        if (split->class_weight[i].label == ls_class_of(target, target_size))
            return split->class_weight[i].weight;
    return 1;
}

/*
 * The weights of a sample at its positions: 1 where this split has none but another one had. What the file has fewer of
 * (one per sample, or per row of an image) counts for all positions below it.
 */
static void load_weight(const ls_split *split, size_t output, uint64_t index, const float *target, size_t target_size,
                        float *weights, size_t positions)
{
    const ls_array *weight = ls_split_weight(split, output);
    const size_t n = weight ? ls_shape_size(ls_array_shape(weight)) : 1, below = positions / n;
    const float by_class = class_weight_of(split, target, target_size);

    if (weight)
        ls_array_get(held(split, weight_index(split, output)), index, weights);
    else
        weights[0] = by_class;
    for (size_t i = n; below > 1 && i-- > 0;)
        for (size_t t = below; t-- > 0;)
            weights[i * below + t] = weights[i];
}

void ls_split_load(const ls_split *split, const ls_permutation *order, const ls_slice *slice, ls_engine *engine,
                   const ls_objective *objective)
{
    for (uint64_t r = 0; r < slice->rows; r++) {
        const uint64_t index = index_at(split, order, slice->begin + r);

        if (r + AHEAD < slice->rows) {
            const uint64_t ahead = index_at(split, order, slice->begin + r + AHEAD);

            for (size_t i = 0; i < split->inputs; i++)
                ls_array_prefetch(held(split, i), ahead);
        }
        for (size_t i = 0; i < split->inputs; i++) {
            const size_t n = ls_shape_size(ls_array_shape(split->x[i]));

            ls_array_get(held(split, i), index, ls_engine_input(engine, i) + r * n);
        }
        for (size_t k = 0; objective && split->y && k < split->outputs; k++) {
            float *target;

            if (!split->y[k] || !objective[k].target_size)
                continue;
            target = ls_engine_target(engine, k) + r * objective[k].target_size;
            ls_array_get(held(split, split->inputs + k), index, target);
            if (ls_engine_weights(engine, k))
                load_weight(split, k, index, target, objective[k].target_size,
                            ls_engine_weights(engine, k) + r * objective[k].positions, objective[k].positions);
        }
    }
}

uint64_t ls_split_order_hash(const ls_split *split, const ls_permutation *order, uint64_t begin, uint64_t rows)
{
    uint64_t hash = 0;

    for (uint64_t r = 0; r < rows; r++) {
        const uint64_t sample = sample_at(split, order, begin + r);

        hash = XXH3_64bits_withSeed(&sample, sizeof sample, hash);
    }
    return hash;
}
