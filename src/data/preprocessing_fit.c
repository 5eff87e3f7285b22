/* Fitting to the training rows, and turning a table's values into what was fitted; see preprocessing.h. */
#include "data/preprocessing.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/table.h"

/* The training rows of a table. */
typedef struct training {
    ls_table *table;
    const size_t *row;
    size_t rows;
} training;

/* ---- missing values ---- */

static ls_status fill_number(ls_table *table, size_t c, const ls_prep_column *p)
{
    double value = p->mean;
    ls_csv_kind kind = LS_CSV_NUMBER;

    if (p->missing == LS_MISSING_FILL)
        kind = ls_csv_number(p->fill, &value);
    for (size_t r = 0; r < table->rows; r++) {
        if (!isnan(table->column[c].value[r]))
            continue;
        if (kind != LS_CSV_WHOLE && kind != LS_CSV_NUMBER)
            return ls_fail(LS_ERR_USAGE, "column '%s' holds numbers, and '%s', which is to fill its gaps, is none",
                           p->name, p->fill);
        LS_TRY(ls_table_put(table, c, r, p->fill, kind, value));
    }
    return LS_OK;
}

static ls_status fill_category(ls_table *table, size_t c, const ls_prep_column *p)
{
    size_t index = 0;

    for (size_t r = 0; r < table->rows; r++) {
        if (!isnan(table->column[c].value[r]))
            continue;
        if (p->missing == LS_MISSING_MEAN)
            return ls_fail(LS_ERR_USAGE,
                           "column '%s' holds categories, and these have no mean; fill its gaps with "
                           "--missing %s=fill:NAME, or drop the rows",
                           p->name, p->name);
        LS_TRY(ls_names_add(&table->column[c].names, p->fill, &index));
        table->column[c].value[r] = (double)index;
    }
    return LS_OK;
}

/* What a column is told to do with gaps must fit it only if it has some: it may have been told to all. */
static ls_status fill_gaps(ls_table *table, size_t c, const ls_prep_column *p)
{
    if (p->missing != LS_MISSING_MEAN && p->missing != LS_MISSING_FILL)
        return LS_OK; /* none were let in */
    return p->type == LS_COLUMN_NUMBER ? fill_number(table, c, p) : fill_category(table, c, p);
}

static ls_status fit_mean(ls_prep_column *p, const ls_table_column *column, const training *t)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < t->rows; i++) {
        const double value = column->value[t->row[i]];

        if (!isnan(value)) {
            sum += value;
            n++;
        }
    }
    if (n == 0)
        return ls_fail(LS_ERR_DATA, "column '%s' has no value in the training rows, so no mean to fill gaps with",
                       p->name);
    p->mean = sum / (double)n;
    return LS_OK;
}

/* ---- categories ---- */

typedef struct candidate {
    char *text;
    size_t index; /* in the table */
    double number;
} candidate;

static int by_text(const void *a, const void *b)
{
    return strcmp(((const candidate *)a)->text, ((const candidate *)b)->text);
}

static int by_number(const void *a, const void *b)
{
    const double x = ((const candidate *)a)->number, y = ((const candidate *)b)->number;

    return x < y ? -1 : x > y ? 1 : by_text(a, b);
}

/* In the order of their numbers if all are whole, so that 2 comes before 10; else of their bytes, which is that of
 * Unicode. */
static void sort_candidates(candidate *candidates, size_t n)
{
    bool whole = true;

    for (size_t i = 0; i < n; i++)
        whole &= ls_csv_number(candidates[i].text, &candidates[i].number) == LS_CSV_WHOLE;
    qsort(candidates, n, sizeof *candidates, whole ? by_number : by_text);
}

static ls_status fit_categories(ls_prep_column *p, const ls_table_column *column, const training *t)
{
    candidate *candidates = ls_calloc(column->names.n, sizeof *candidates, "categories");
    bool *seen = ls_calloc(column->names.n, sizeof *seen, "categories");
    size_t n = 0;
    ls_status st = LS_ERR_MEMORY;

    if (!candidates || !seen)
        goto cleanup;
    for (size_t i = 0; i < t->rows; i++) {
        const size_t index = (size_t)column->value[t->row[i]];

        if (!seen[index])
            candidates[n++] = (candidate){.text = column->names.text[index], .index = index};
        seen[index] = true;
    }
    sort_candidates(candidates, n);
    if (!(p->category = ls_calloc(n, sizeof *p->category, "categories")))
        goto cleanup;
    for (; p->categories < n; p->categories++)
        if (!(p->category[p->categories] = ls_strdup(candidates[p->categories].text)))
            goto cleanup;
    st = LS_OK;
cleanup:
    ls_free(candidates);
    ls_free(seen);
    return st;
}

/* The number in p of every text of the column. */
static ls_status number_texts(const ls_prep_column *p, const ls_names *names, double **out)
{
    ls_names known = {0};
    double *number = ls_calloc(names->n, sizeof *number, "categories");
    ls_status st = number ? LS_OK : LS_ERR_MEMORY;
    size_t index;

    for (size_t i = 0; st == LS_OK && i < p->categories; i++)
        st = ls_names_add(&known, p->category[i], &index);
    for (size_t i = 0; st == LS_OK && i < names->n; i++)
        number[i] = ls_names_find(&known, names->text[i], &index) ? (double)index : LS_UNKNOWN_CATEGORY;
    ls_names_reset(&known);
    if (st != LS_OK) {
        ls_free(number);
        number = NULL;
    }
    *out = number;
    return st;
}

static ls_status bind_categories(ls_table *table, size_t c, const ls_prep_column *p, bool ignore_unknown)
{
    ls_table_column *const column = &table->column[c];
    double *number;
    ls_status st = LS_OK;

    LS_TRY(number_texts(p, &column->names, &number));
    for (size_t r = 0; r < table->rows; r++) {
        const size_t text = isnan(column->value[r]) ? 0 : (size_t)column->value[r];

        if (isnan(column->value[r])) /* a misfit already */
            continue;
        if (number[text] == LS_UNKNOWN_CATEGORY && p->used && (!ignore_unknown || p->encoding == LS_ENCODING_LABEL)) {
            st = ls_table_fail(table, r, p->name, "the category '%.80s' does not occur in the training rows%s",
                               column->names.text[text],
                               p->encoding == LS_ENCODING_LABEL ? "" : "; --unknown ignore lets such rows pass");
            st = ls_table_keep(table, r, st);
            if (st != LS_OK)
                break;
        }
        column->value[r] = number[text];
    }
    ls_free(number);
    return st;
}

/* ---- target encoding ---- */

static double mean_of(const double *value, const training *t)
{
    double sum = 0;

    for (size_t i = 0; i < t->rows; i++)
        sum += value[i];
    return sum / (double)t->rows;
}

static double variance_of(const double *value, double mean, const training *t)
{
    double sum = 0;

    for (size_t i = 0; i < t->rows; i++)
        sum += (value[i] - mean) * (value[i] - mean);
    return sum / (double)t->rows;
}

/*
 * Feature k of a target-encoded column: for each category its mean of y (training rows), drawn towards the mean of all
 * y, the more so the fewer and the more scattered its rows are: the empirical Bayes estimate of D. Micci-Barreca,
 * SIGKDD Explorations 3 (2001), equations 5 and 6, as in scikit-learn's TargetEncoder(smooth="auto"). count, sum,
 * squares: (categories) zeros.
 */
static void encode_target(ls_prep_column *p, size_t k, const double *category, const double *y, const training *t,
                          double *count, double *mean, double *squares)
{
    const double all = mean_of(y, t), variance = variance_of(y, all, t);

    p->unknown[k] = all;
    for (size_t i = 0; i < t->rows; i++) {
        const size_t c = (size_t)category[t->row[i]];

        count[c] += 1;
        mean[c] += y[i];
    }
    for (size_t c = 0; c < p->categories; c++)
        mean[c] /= count[c];
    for (size_t i = 0; i < t->rows; i++) {
        const size_t c = (size_t)category[t->row[i]];

        squares[c] += (y[i] - mean[c]) * (y[i] - mean[c]);
    }
    for (size_t c = 0; c < p->categories; c++) {
        const double lambda = variance * count[c] / (variance * count[c] + squares[c] / count[c]);

        p->encoded[c * p->width + k] = isnan(lambda) ? all : lambda * mean[c] + (1 - lambda) * all;
    }
}

/* Numbers as they are; two classes as 0 and 1; more classes as one feature each, 1 where the row has that class. */
static ls_status fit_target(ls_prep_column *p, const double *category, const ls_prep_column *target,
                            const double *value, const training *t)
{
    const bool classes = target->type == LS_COLUMN_CATEGORY && target->categories > 2;
    double *y = ls_calloc(t->rows, sizeof *y, "target encoding");
    double *sums = ls_calloc(3 * p->categories, sizeof *sums, "target encoding");
    size_t size = 0;
    ls_status st = LS_ERR_MEMORY;

    p->width = classes ? target->categories : 1;
    if (!ls_size_mul(p->categories, p->width, &size) || size > LS_CATEGORIES_MAX) {
        st = ls_fail(LS_ERR_DATA, "column '%s': a target encoding of %zu categories by %zu classes is too large",
                     p->name, p->categories, p->width);
        goto cleanup;
    }
    p->encoded = ls_calloc(size, sizeof *p->encoded, "target encoding");
    p->unknown = ls_calloc(p->width, sizeof *p->unknown, "target encoding");
    if (!y || !sums || !p->encoded || !p->unknown)
        goto cleanup;
    for (size_t k = 0; k < p->width; k++) {
        for (size_t i = 0; i < t->rows; i++)
            y[i] = classes ? value[t->row[i]] == (double)k : value[t->row[i]];
        memset(sums, 0, 3 * p->categories * sizeof *sums);
        encode_target(p, k, category, y, t, sums, sums + p->categories, sums + 2 * p->categories);
    }
    st = LS_OK;
cleanup:
    ls_free(y);
    ls_free(sums);
    return st;
}

/* ---- scaling ---- */

/*
 * A feature that does not change gets scale 1: scikit-learn's bounds for what rounding makes of a constant
 * (_is_constant_feature and _handle_zeros_in_scale in preprocessing/_data.py).
 */
static void fit_standard(const double *value, const training *t, double *offset, double *scale)
{
    const double n = (double)t->rows, mean = mean_of(value, t), variance = variance_of(value, mean, t);
    const double bound = n * mean * DBL_EPSILON;
    const bool constant = variance <= n * DBL_EPSILON * variance + bound * bound;

    *offset = mean;
    *scale = constant ? 1 : 1 / sqrt(variance);
}

static void fit_minmax(const double *value, const training *t, double *offset, double *scale)
{
    double min = value[0], max = value[0];

    for (size_t i = 1; i < t->rows; i++) {
        min = value[i] < min ? value[i] : min;
        max = value[i] > max ? value[i] : max;
    }
    *offset = min;
    *scale = max - min < 10 * DBL_EPSILON ? 1 : 1 / (max - min);
}

/* One-hot features and labels stay as they are. */
static ls_status fit_scaling(const ls_preprocessing *p, ls_prep_array *array, const training *t)
{
    double *const value = ls_calloc(t->rows, sizeof *value, "scaling");
    double *feature = NULL;
    size_t at = 0, widest = 0;
    ls_status st = LS_ERR_MEMORY;

    for (size_t i = 0; i < array->columns; i++)
        if (p->column[array->column[i]].width > widest)
            widest = p->column[array->column[i]].width;
    feature = ls_calloc(widest, sizeof *feature, "scaling");
    array->offset = ls_calloc(array->elements, sizeof *array->offset, "scaling");
    array->scale = ls_calloc(array->elements, sizeof *array->scale, "scaling");
    if (!value || !feature || !array->offset || !array->scale)
        goto cleanup;
    for (size_t i = 0; i < array->columns; i++) {
        const size_t c = array->column[i];
        const ls_prep_column *const column = &p->column[c];

        for (size_t k = 0; k < column->width; k++, at++) {
            array->scale[at] = 1;
            if (column->encoding == LS_ENCODING_LABEL || column->encoding == LS_ENCODING_ONE_HOT)
                continue;
            for (size_t r = 0; r < t->rows; r++) {
                ls_prep_features(column, t->table->column[c].value[t->row[r]], feature);
                value[r] = feature[k];
            }
            if (array->scaling == LS_SCALING_STANDARD)
                fit_standard(value, t, &array->offset[at], &array->scale[at]);
            else
                fit_minmax(value, t, &array->offset[at], &array->scale[at]);
        }
    }
    st = LS_OK;
cleanup:
    ls_free(feature);
    ls_free(value);
    return st;
}

/* ---- all of it ---- */

static ls_status fit_type(ls_prep_column *p, const ls_table_column *column)
{
    p->type = column->type;
    if (p->type == LS_COLUMN_ANY)
        return ls_fail(LS_ERR_DATA, "column '%s' has no value in any row", p->name);
    if (p->type == LS_COLUMN_CATEGORY && p->encoding == LS_ENCODING_NONE)
        p->encoding = LS_ENCODING_LABEL;
    return LS_OK;
}

static ls_status fit_column(ls_prep_column *p, size_t c, const training *t)
{
    ls_table_column *const column = &t->table->column[c];

    LS_TRY(fit_type(p, column));
    if (p->type == LS_COLUMN_NUMBER && p->missing == LS_MISSING_MEAN)
        LS_TRY(fit_mean(p, column, t));
    LS_TRY(fill_gaps(t->table, c, p));
    if (p->type == LS_COLUMN_CATEGORY)
        LS_TRY(fit_categories(p, column, t));
    p->width = p->encoding == LS_ENCODING_ONE_HOT ? p->categories : 1;
    return LS_OK;
}

ls_status ls_preprocessing_fit(ls_preprocessing *p, ls_table *table, const size_t *row, size_t rows,
                               bool ignore_unknown)
{
    const training t = {table, row, rows};

    for (size_t c = 0; c < p->columns; c++)
        LS_TRY(fit_column(&p->column[c], c, &t));
    for (size_t c = 0; c < p->columns; c++)
        if (p->column[c].type == LS_COLUMN_CATEGORY)
            LS_TRY(bind_categories(table, c, &p->column[c], ignore_unknown));
    for (size_t c = 0; c < p->columns; c++)
        if (p->column[c].encoding == LS_ENCODING_TARGET) {
            const size_t target = p->column[c].target;

            LS_TRY(
                fit_target(&p->column[c], table->column[c].value, &p->column[target], table->column[target].value, &t));
        }
    LS_TRY(ls_preprocessing_set_shapes(p));
    for (size_t i = 0; i < p->arrays; i++)
        if (p->array[i].scaling != LS_SCALING_NONE)
            LS_TRY(fit_scaling(p, &p->array[i], &t));
    return LS_OK;
}

ls_status ls_preprocessing_bind(const ls_preprocessing *p, ls_table *table, bool ignore_unknown)
{
    for (size_t c = 0; c < p->columns; c++) {
        LS_TRY(fill_gaps(table, c, &p->column[c]));
        if (p->column[c].type == LS_COLUMN_CATEGORY)
            LS_TRY(bind_categories(table, c, &p->column[c], ignore_unknown));
    }
    return LS_OK;
}
