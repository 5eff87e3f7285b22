/* What is in a dataset file: splits, what a sample is, and what its target is. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/draft.h"
#include "data/dataset.h"
#include "experiment/found_data.h"
#include "h5/file.h"

#define LOOKED_AT 4096      /* samples of x that decide about its range */
#define TARGETS_MAX 1000000 /* samples of y that decide what it is */
#define CLASSES_MAX 1000    /* of whole numbers without names */
#define PICTURE_MIN 16      /* pixels of a side */
#define COLOURS_MAX 4

void ls_draft_arrays_reset(ls_draft_arrays *a)
{
    ls_draft_split *const split[] = {&a->train, &a->validation, &a->test};

    for (size_t i = 0; i < 3; i++) {
        ls_free(split[i]->x);
        ls_free(split[i]->y);
    }
    *a = (ls_draft_arrays){0};
}

/* ---- splits ---- */

/* A path in the file, or with several inputs or targets, none: those want a graph, which nobody can guess. */
static ls_status take_path(const ls_config *split, const char *what, const char *dataset, char **out)
{
    const ls_config *node = ls_config_get(split, what);

    if (!node)
        return ls_fail(LS_ERR_DATA, "'%s' has /%s/x and no /%s/y: there is nothing to predict", dataset, split->key,
                       split->key);
    if (node->kind != LS_CONFIG_SCALAR)
        return ls_fail(LS_ERR_DATA,
                       "'%s' has several arrays in /%s/%s: a model of several inputs or outputs is a graph, which is "
                       "yours to draw; see launch/experiments/iris_two_outputs.yaml of the sources",
                       dataset, split->key, what);
    return (*out = ls_strdup(node->text)) ? LS_OK : LS_ERR_MEMORY;
}

static ls_status take_split(const ls_config *data, const char *name, const char *dataset, ls_draft_split *out)
{
    const ls_config *split = ls_config_get(data, name);

    if (!split)
        return LS_OK;
    out->name = name;
    LS_TRY(take_path(split, "x", dataset, &out->x));
    return take_path(split, "y", dataset, &out->y);
}

/* By the names that everybody knows. */
static ls_status find_named(ls_config *root, const char *dataset, ls_draft_arrays *a)
{
    ls_config *const data = ls_config_add(root, "data", LS_CONFIG_MAP, NULL);

    if (!data || !ls_config_add(data, "file", LS_CONFIG_SCALAR, dataset))
        return LS_ERR_MEMORY;
    LS_TRY(ls_find_data(root, NULL));
    LS_TRY(take_split(data, "train", dataset, &a->train));
    LS_TRY(take_split(data, "valid", dataset, &a->validation));
    if (!a->validation.name)
        LS_TRY(take_split(data, "validation", dataset, &a->validation));
    a->found = true;
    return take_split(data, "test", dataset, &a->test);
}

static ls_status guess_split(hid_t file, const char *name, const char *word, ls_draft_split *out)
{
    LS_TRY(ls_guess_array(file, word, "x", &out->x));
    LS_TRY(ls_guess_array(file, word, "y", &out->y));
    if (out->x && out->y) {
        out->name = name;
        return LS_OK;
    }
    ls_free(out->x);
    ls_free(out->y);
    out->x = out->y = NULL;
    return LS_OK;
}

static ls_status find_splits(const char *dataset, ls_draft_arrays *a)
{
    ls_config *root;
    hid_t file;
    bool is_named;
    ls_status st = LS_OK;

    LS_TRY(ls_h5_open_read(dataset, &file));
    is_named = ls_h5_has(file, "/train/x");
    if (!is_named) {
        LS_TRY_CLEANUP(guess_split(file, "train", "train", &a->train));
        LS_TRY_CLEANUP(guess_split(file, "valid", "valid", &a->validation));
        if (!a->validation.name)
            LS_TRY_CLEANUP(guess_split(file, "valid", "val", &a->validation));
        LS_TRY_CLEANUP(guess_split(file, "test", "test", &a->test));
        if (!a->train.name)
            LS_TRY_CLEANUP(guess_split(file, "train", NULL, &a->train));
    }
cleanup:
    ls_h5_close(file);
    if (a->train.name)
        return st;
    if (!(root = ls_config_create(LS_CONFIG_MAP, dataset)))
        return LS_ERR_MEMORY;
    st = find_named(root, dataset, a); /* or says what there is */
    ls_config_free(root);
    return st;
}

/* ---- inputs ---- */

static bool is_picture(const ls_array *x)
{
    const ls_shape *const s = ls_array_shape(x);
    const bool bytes = strcmp(ls_array_type(x), "uint8") == 0;

    if (s->axes < 2 || s->dim[0] < PICTURE_MIN || s->dim[1] < PICTURE_MIN)
        return false;
    return s->axes == 3 ? s->dim[2] <= COLOURS_MAX : s->axes == 2 && bytes;
}

/* Mean and standard deviation of all numbers of the samples. */
static ls_status measure(const ls_array *array, double *mean, double *deviation)
{
    const size_t n = ls_shape_size(ls_array_shape(array));
    const uint64_t samples = ls_array_samples(array);
    float *const sample = ls_calloc(n, sizeof *sample, "a sample");
    double sum = 0, squares = 0, count = (double)n * (double)samples;

    if (!sample)
        return LS_ERR_MEMORY;
    for (int pass = 0; pass < 2; pass++) {
        for (uint64_t i = 0; i < samples; i++) {
            ls_array_get(array, i, sample);
            for (size_t j = 0; j < n; j++)
                if (pass == 0)
                    sum += (double)sample[j];
                else
                    squares += ((double)sample[j] - *mean) * ((double)sample[j] - *mean);
        }
        *mean = sum / count;
    }
    *deviation = sqrt(squares / count);
    ls_free(sample);
    return LS_OK;
}

static bool is_far(double mean, double deviation)
{
    return fabs(mean) > 5 || deviation > 5 || (deviation > 0 && deviation < 0.05);
}

static ls_status look_at_inputs(const char *dataset, ls_draft_arrays *a, ls_text *notes)
{
    const uint64_t rows[2] = {0, LOOKED_AT};
    ls_array *all = NULL, *some = NULL;
    char shape[LS_SHAPE_TEXT_BYTES];
    double mean, deviation;
    bool is_scaled;
    ls_status st;

    LS_TRY_CLEANUP(ls_array_describe(dataset, a->train.x, NULL, &all));
    a->samples = ls_array_samples(all);
    a->x = *ls_array_shape(all);
    LS_TRY_CLEANUP(ls_array_open(dataset, a->train.x, a->samples > LOOKED_AT ? rows : NULL, &some));
    LS_TRY_CLEANUP(measure(some, &mean, &deviation));
    is_scaled = ls_array_scaling(all, &(const double *){NULL}, &(size_t){0}) != NULL;
    a->is_image = is_picture(all);
    a->is_bytes = !is_scaled && strcmp(ls_array_type(all), "uint8") == 0 && (a->is_image || mean > 5);
    a->is_uneven = !is_scaled && !a->is_bytes && is_far(mean, deviation);
    ls_text_add(notes, "%s: %" PRIu64 " samples to train on, each %s%s of %s%s\n", a->train.x, a->samples,
                a->is_image ? "an image " : "", ls_shape_format(&a->x, shape), ls_array_type(all),
                is_scaled      ? ", scaled as the file says"
                : a->is_bytes  ? "; divided by 255"
                : a->is_uneven ? ", not scaled: batch normalization comes first"
                               : "");
cleanup:
    ls_array_free(all);
    ls_array_free(some);
    return st;
}

/* ---- targets ---- */

typedef struct targets {
    bool whole, flags, one_hot; /* all are whole numbers from 0; 0 or 1; rows of one 1 */
    size_t classes;             /* whole: one more than the largest */
    size_t different;           /* of those below CLASSES_MAX: how many there are */
} targets;

static ls_status look_at_values(const ls_array *y, targets *t)
{
    const size_t n = ls_shape_size(ls_array_shape(y));
    const uint64_t samples = ls_array_samples(y);
    float *const sample = ls_calloc(n, sizeof *sample, "a sample");
    bool seen[CLASSES_MAX] = {false};

    if (!sample)
        return LS_ERR_MEMORY;
    *t = (targets){.whole = true, .flags = true, .one_hot = n > 1};
    for (uint64_t i = 0; i < samples; i++) {
        double sum = 0;

        ls_array_get(y, i, sample);
        for (size_t j = 0; j < n; j++) {
            const float v = sample[j];

            t->whole = t->whole && v >= 0 && v < 0x1p24f && v == floorf(v);
            t->flags = t->flags && (v == 0 || v == 1);
            sum += (double)v;
            if (t->whole && v < CLASSES_MAX)
                seen[(size_t)v] = true;
            if (t->whole && (size_t)v >= t->classes)
                t->classes = (size_t)v + 1;
        }
        t->one_hot = t->one_hot && t->flags && sum == 1;
    }
    for (size_t k = 0; k < CLASSES_MAX; k++)
        t->different += seen[k];
    ls_free(sample);
    return LS_OK;
}

/* Whole numbers, of which there are few and hardly a gap between them. */
static bool are_labels(const targets *t, uint64_t samples)
{
    return t->whole && t->classes >= 2 && t->classes <= CLASSES_MAX && t->different * 2 > t->classes &&
           t->classes * 2 <= samples;
}

static void set_task(const ls_array *y, const targets *t, size_t names, ls_draft_arrays *a)
{
    const size_t n = ls_shape_size(&a->y);

    a->task = LS_DRAFT_REGRESSION;
    if (n == 1 && (names > 0 || (ls_array_is_integer(y) && are_labels(t, a->samples)) || t->flags)) {
        a->classes = names > t->classes ? names : t->classes;
        a->task = a->classes == 2 ? LS_DRAFT_BINARY : LS_DRAFT_CLASSES;
    } else if (t->one_hot) {
        a->classes = n;
        a->task = LS_DRAFT_ONE_HOT;
    } else if (t->flags) {
        a->task = LS_DRAFT_BINARY;
    }
}

static ls_status look_at_targets(const char *dataset, ls_draft_arrays *a, ls_text *notes)
{
    const uint64_t rows[2] = {0, TARGETS_MAX};
    ls_array *y = NULL;
    char shape[LS_SHAPE_TEXT_BYTES];
    targets t;
    size_t names = 0;
    ls_status st;

    LS_TRY_CLEANUP(ls_array_open(dataset, a->train.y, a->samples > TARGETS_MAX ? rows : NULL, &y));
    a->y = *ls_array_shape(y);
    ls_array_classes(y, &names);
    LS_TRY_CLEANUP(look_at_values(y, &t));
    LS_TRY_CLEANUP(measure(y, &a->mean, &a->deviation));
    set_task(y, &t, names, a);
    if (a->deviation == 0) {
        st = ls_fail(LS_ERR_DATA, "%s:%s has one value in all samples: there is nothing to learn", dataset, a->train.y);
        goto cleanup;
    }
    ls_text_add(notes, "%s: %s of %s: ", a->train.y, ls_shape_format(&a->y, shape), ls_array_type(y));
    if (a->task == LS_DRAFT_REGRESSION)
        ls_text_add(notes, "numbers, so this is a regression%s\n", is_far(a->mean, a->deviation) ? "; scaled" : "");
    else if (a->classes)
        ls_text_add(notes, "%zu classes\n", a->classes);
    else
        ls_text_add(notes, "%zu yes or no that do not exclude each other\n", ls_shape_size(&a->y));
    if (a->task != LS_DRAFT_REGRESSION || !is_far(a->mean, a->deviation)) {
        a->mean = 0;
        a->deviation = 1;
    }
    st = notes->status;
cleanup:
    ls_array_free(y);
    return st;
}

static void describe_splits(const ls_draft_arrays *a, ls_text *notes)
{
    if (a->validation.name)
        ls_text_add(notes, "validated on %s after every epoch", a->validation.x);
    else
        ls_text_add(notes, "validated on the last fifth of the training samples, which must not be sorted");
    ls_text_add(notes, "%s%s\n", a->test.name ? "; tested at the end on " : "; there is no test split",
                a->test.name ? a->test.x : "");
}

ls_status ls_draft_arrays_read(const char *dataset, ls_draft_arrays *out, ls_text *notes)
{
    *out = (ls_draft_arrays){0};
    LS_TRY(find_splits(dataset, out));
    LS_TRY(look_at_inputs(dataset, out, notes));
    LS_TRY(look_at_targets(dataset, out, notes));
    describe_splits(out, notes);
    return notes->status;
}
