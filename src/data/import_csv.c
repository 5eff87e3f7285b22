/* CSV files to a dataset file: read the columns asked for, deal the rows, fit to the training rows, write. See
 * import.h. */
#include "data/import_csv.h"

#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "data/deal.h"
#include "data/table.h"
#include "h5/output.h"

#define SAMPLE_BYTES_MAX ((size_t)1 << 30) /* a chunk, and so a sample, must stay below HDF5's 4 GiB */

typedef struct job {
    const ls_csv_import *import;
    size_t train; /* the split that everything is fitted on */
    ls_preprocessing p;
    size_t stratify; /* column or SIZE_MAX */
    ls_table *table;
    ls_rows rows;
    double *buffer; /* of a chunk */
} job;

/* ---- arguments ---- */

static ls_status check_arguments(const ls_csv_import *import, size_t *train)
{
    LS_TRY(ls_h5_output_check_deflate(import->deflate));
    if (import->in_order && (import->stratify || import->shuffle))
        return ls_fail(LS_ERR_USAGE, "rows cannot stay in the order of the file and be stratified or shuffled as well");
    if (import->stratify && !import->input)
        return ls_fail(LS_ERR_USAGE, "splits that are files of their own cannot be stratified");
    LS_TRY(ls_splits_check(&import->splits, train));
    LS_TRY(ls_h5_output_check(import->output, &import->input, import->input != NULL));
    LS_TRY(ls_h5_output_check(import->output, &import->like, import->like != NULL));
    for (size_t i = 0; !import->input && i < import->splits.n; i++)
        LS_TRY(ls_h5_output_check(import->output, &import->splits.at[i].value, 1));
    return LS_OK;
}

/* ---- reading ---- */

/* What the command line says goes before what is known from the file to be like. */
static ls_status choose_format(const ls_csv_import *import, ls_preprocessing *p)
{
    ls_prep_format *const format = &p->format;

    if (!import->like)
        *format = (ls_prep_format){.delimiter = ',', .decimal = '.', .header = true};
    if (import->delimiter)
        format->delimiter = import->delimiter;
    if (import->decimal)
        format->decimal = import->decimal;
    if (import->no_header)
        format->header = false;
    return import->nas ? ls_preprocessing_set_na(p, import->na, import->nas) : LS_OK;
}

static ls_status read_rows(job *j, const char *path, size_t split)
{
    ls_csv *csv = NULL;
    ls_status st;

    LS_TRY(ls_csv_open(path, j->p.format.delimiter, j->p.format.header, &csv));
    if (!j->table) {
        if (!j->import->like && j->p.columns == 0)
            LS_TRY_CLEANUP(ls_csv_plan(j->import, csv, &j->p, &j->stratify));
        LS_TRY_CLEANUP(ls_table_create(j->p.columns, &j->table));
        j->table->keeps_misfits = j->import->keep_rows;
    }
    st = ls_table_read(j->table, csv, split, &j->p);
cleanup:
    ls_csv_close(csv);
    return st;
}

/*
 * The first file also tells which columns there are and what they hold. It is read twice if some hold names of which a
 * few are numbers: their texts were not kept.
 */
static ls_status read_file(job *j, const char *path, size_t split)
{
    const bool first = !j->table;
    struct stat info;
    bool again;

    LS_TRY(read_rows(j, path, split));
    LS_TRY(ls_table_decide(j->table, &j->p, &again));
    if (!again)
        return LS_OK;
    if (!first || stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return ls_fail(LS_ERR_DATA,
                       "%s: some columns hold names of which a few are numbers; say --type COLUMNS=category", path);
    ls_table_free(j->table);
    j->table = NULL;
    LS_TRY(read_rows(j, path, split));
    return ls_table_decide(j->table, &j->p, &again);
}

/* The training rows first: they decide what a column holds. */
static ls_status read_files(job *j)
{
    const ls_settings *const splits = &j->import->splits;

    if (j->import->like)
        LS_TRY(ls_csv_plan_like(j->import, &j->p, &j->stratify));
    for (size_t c = 0; j->import->keep_rows && c < j->p.columns; c++)
        if (j->p.column[c].missing == LS_MISSING_DROP)
            j->p.column[c].missing = LS_MISSING_ERROR;
    LS_TRY(choose_format(j->import, &j->p));
    if (j->import->input)
        return read_file(j, j->import->input, 0);
    LS_TRY(read_file(j, splits->at[j->train].value, j->train));
    for (size_t s = 0; s < splits->n; s++)
        if (s != j->train)
            LS_TRY(read_file(j, splits->at[s].value, s));
    return LS_OK;
}

/* ---- dealing ---- */

static ls_status deal_rows(job *j)
{
    const ls_csv_import *const import = j->import;
    const ls_table *const table = j->table;
    ls_deal deal = {.splits = &import->splits,
                    .source = import->input,
                    .stratum = j->stratify == SIZE_MAX ? NULL : table->column[j->stratify].value,
                    .seed = import->seed,
                    .in_order = import->in_order,
                    .shuffle = import->shuffle};
    size_t *split = NULL;
    ls_status st;

    if (!import->input) {
        if (!(split = ls_calloc(table->rows, sizeof *split, "rows")))
            return LS_ERR_MEMORY;
        for (size_t r = 0; r < table->rows; r++)
            split[r] = table->split[table->file[r]];
        deal.split = split;
    }
    st = ls_rows_deal(&deal, table->rows, &j->rows);
    ls_free(split);
    return st;
}

/* ---- writing ---- */

/* Whole features as the narrowest integers; others as float32, or as float64 where a scaling is to follow. */
static hid_t storage_type(const job *j, const ls_prep_array *array)
{
    double min = 0, max = 0;

    for (size_t i = 0; i < array->columns; i++) {
        const size_t c = array->column[i];
        const ls_prep_column *const column = &j->p.column[c];
        const double *const value = j->table->column[c].value;

        if (column->encoding == LS_ENCODING_TARGET ||
            !(column->type == LS_COLUMN_CATEGORY || j->table->column[c].whole))
            return array->scaling == LS_SCALING_NONE ? H5T_IEEE_F32LE : H5T_IEEE_F64LE;
        for (size_t r = 0; column->type == LS_COLUMN_NUMBER && r < j->table->rows; r++) {
            min = value[r] < min ? value[r] : min;
            max = value[r] > max ? value[r] : max;
        }
        if (column->encoding == LS_ENCODING_LABEL)
            max = (double)column->categories - 1 > max ? (double)column->categories - 1 : max;
        else if (column->encoding == LS_ENCODING_ONE_HOT)
            max = max > 1 ? max : 1;
    }
    if (min >= 0)
        return max <= 0xff         ? H5T_STD_U8LE
               : max <= 0xffff     ? H5T_STD_U16LE
               : max <= 0xffffffff ? H5T_STD_U32LE
                                   : H5T_STD_I64LE;
    return min >= INT8_MIN && max <= INT8_MAX     ? H5T_STD_I8LE
           : min >= INT16_MIN && max <= INT16_MAX ? H5T_STD_I16LE
           : min >= INT32_MIN && max <= INT32_MAX ? H5T_STD_I32LE
                                                  : H5T_STD_I64LE;
}

static bool write_attributes(const job *j, const ls_prep_array *array, hid_t dataset)
{
    const ls_prep_column *const first = &j->p.column[array->column[0]];

    if (array->scaling != LS_SCALING_NONE &&
        (!ls_h5_add_doubles(dataset, "offset", array->offset, array->elements, false) ||
         !ls_h5_add_doubles(dataset, "scale", array->scale, array->elements, false)))
        return false;
    return array->columns != 1 || first->encoding != LS_ENCODING_LABEL ||
           ls_h5_add_texts(dataset, "classes", (const char *const *)first->category, first->categories, false);
}

static void put_row(const job *j, const ls_prep_array *array, size_t row, double *out)
{
    for (size_t i = 0; i < array->columns; i++) {
        const ls_prep_column *const column = &j->p.column[array->column[i]];

        ls_prep_features(column, j->table->column[array->column[i]].value[row], out);
        out += column->width;
    }
}

/* The features of a row in the place of doubles: those of whole columns as int64, which holds them all. */
static void make_whole(const job *j, const ls_prep_array *array, size_t row, double *features)
{
    size_t at = 0;

    for (size_t i = 0; i < array->columns; i++) {
        const int64_t *const exact = j->table->column[array->column[i]].exact;

        for (size_t k = 0; k < j->p.column[array->column[i]].width; k++, at++) {
            const int64_t value = exact ? exact[row] : (int64_t)features[at];

            memcpy(&features[at], &value, sizeof value);
        }
    }
}

static ls_status write_rows(job *j, const ls_prep_array *array, hid_t dataset, bool whole, size_t chunk_rows,
                            const size_t *row, size_t rows)
{
    ls_free(j->buffer);
    if (!(j->buffer = ls_calloc(chunk_rows, array->elements * sizeof *j->buffer, "rows")))
        return LS_ERR_MEMORY;
    for (size_t first = 0; first < rows; first += chunk_rows) {
        const size_t n = rows - first < chunk_rows ? rows - first : chunk_rows;

        for (size_t i = 0; i < n; i++) {
            put_row(j, array, row[first + i], j->buffer + i * array->elements);
            if (whole)
                make_whole(j, array, row[first + i], j->buffer + i * array->elements);
        }
        if (!ls_h5_write_rows(dataset, whole ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE, first, n, j->buffer))
            return ls_h5_output_fail(j->import->output);
    }
    return LS_OK;
}

static ls_status write_array(job *j, const ls_prep_array *array, hid_t group, const size_t *row, size_t rows)
{
    const hid_t type = storage_type(j, array);
    hsize_t dim[LS_AXES_MAX + 1] = {rows};
    hid_t dataset;
    ls_status st;

    if (array->elements > SAMPLE_BYTES_MAX / sizeof *j->buffer)
        return ls_fail(LS_ERR_SHAPE, "array '%s' has %zu features; at most %zu are possible", array->name,
                       array->elements, SAMPLE_BYTES_MAX / sizeof *j->buffer);
    for (size_t i = 0; i < array->shape.axes; i++)
        dim[i + 1] = array->shape.dim[i];
    dataset = ls_h5_create_rows(group, array->name, type, (int)array->shape.axes + 1, dim, j->import->deflate);
    if (dataset < 0)
        return ls_h5_output_fail(j->import->output);
    st = write_attributes(j, array, dataset) ? LS_OK : ls_h5_output_fail(j->import->output);
    if (st == LS_OK)
        st = write_rows(j, array, dataset, H5Tget_class(type) == H5T_INTEGER,
                        (size_t)ls_h5_chunk_rows(rows, array->elements * H5Tget_size(type)), row, rows);
    if (H5Dclose(dataset) < 0 && st == LS_OK)
        st = ls_h5_output_fail(j->import->output);
    return st;
}

static ls_status write_split(job *j, hid_t file, size_t s)
{
    const size_t *const row = j->rows.row + j->rows.first[s], rows = j->rows.first[s + 1] - j->rows.first[s];
    const hid_t group = ls_h5_create_group(file, j->import->splits.at[s].key);
    ls_status st = group < 0 ? ls_h5_output_fail(j->import->output) : LS_OK;

    for (size_t i = 0; st == LS_OK && i < j->p.arrays; i++)
        st = write_array(j, &j->p.array[i], group, row, rows);
    if (group >= 0 && H5Gclose(group) < 0 && st == LS_OK)
        st = ls_h5_output_fail(j->import->output);
    return st;
}

static ls_status write_file(job *j)
{
    ls_h5_output output;
    ls_status st;

    LS_TRY_CLEANUP(ls_h5_output_begin(j->import->output, &output));
    for (size_t s = 0; s < j->import->splits.n; s++)
        LS_TRY_CLEANUP(write_split(j, output.file, s));
    LS_TRY_CLEANUP(ls_preprocessing_write(&j->p, output.file, j->import->output));
    st = ls_h5_output_commit(&output);
cleanup:
    ls_h5_output_end(&output);
    return st;
}

ls_status ls_import_csv(const ls_csv_import *import, uint64_t *dropped)
{
    job j = {.import = import};
    ls_status st;

    *dropped = 0;
    LS_TRY_CLEANUP(check_arguments(import, &j.train));
    LS_TRY_CLEANUP(read_files(&j));
    *dropped = j.table->dropped;
    LS_TRY_CLEANUP(deal_rows(&j));
    j.p.ignores_unknown |= import->ignore_unknown;
    if (import->like)
        LS_TRY_CLEANUP(ls_preprocessing_bind(&j.p, j.table, j.p.ignores_unknown));
    else
        LS_TRY_CLEANUP(ls_preprocessing_fit(&j.p, j.table, j.rows.row + j.rows.first[j.train],
                                            j.rows.first[j.train + 1] - j.rows.first[j.train], j.p.ignores_unknown));
    LS_TRY_CLEANUP(ls_table_misfits(j.table));
    st = write_file(&j);
cleanup:
    ls_free(j.buffer);
    ls_rows_reset(&j.rows);
    ls_table_free(j.table);
    ls_preprocessing_reset(&j.p);
    return st;
}
