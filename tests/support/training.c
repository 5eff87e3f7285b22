#include "training.h"

char training_yaml[64], training_data[64], training_weights[64], training_run[64];

int training_set_up(void **state)
{
    if (folder_set_up(state))
        return -1;
    snprintf(training_yaml, sizeof training_yaml, "%s/experiment.yaml", folder);
    snprintf(training_data, sizeof training_data, "%s/data.h5", folder);
    snprintf(training_weights, sizeof training_weights, "%s/start.h5", folder);
    snprintf(training_run, sizeof training_run, "%s/run", folder);
    return 0;
}

int training_tear_down(void **state)
{
    return folder_tear_down(state);
}

void data_begin(void)
{
    world_barrier(); /* nobody reads the old one any more */
    if (world_rank() == 0) {
        const hid_t f = H5Fcreate(training_data, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);

        assert_true(f >= 0);
        H5Fclose(f);
    }
    world_barrier();
}

void data_put(const char *path, size_t rows, size_t width, const float *values)
{
    if (world_rank() == 0) {
        const hid_t f = H5Fopen(training_data, H5F_ACC_RDWR, H5P_DEFAULT), link = H5Pcreate(H5P_LINK_CREATE);
        const hsize_t dim[] = {rows, width};
        const hid_t space = H5Screate_simple(width ? 2 : 1, dim, NULL);
        hid_t d;

        H5Pset_create_intermediate_group(link, 1);
        d = H5Dcreate2(f, path, H5T_IEEE_F32LE, space, link, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(f >= 0 && d >= 0);
        assert_true(H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
        H5Dclose(d);
        H5Sclose(space);
        H5Pclose(link);
        H5Fclose(f);
    }
    world_barrier();
}

float data_value(size_t i)
{
    return (float)((i * 37 + 11) % 101) / 101.0f - 0.5f + (float)(i % 7) / 16.0f;
}

void data_put_samples(const char *x, const char *y, size_t samples, size_t width, int classes)
{
    float *const values = malloc(samples * width * sizeof *values), *const targets = malloc(samples * sizeof *targets);

    assert_non_null(values);
    assert_non_null(targets);
    for (size_t i = 0; i < samples * width; i++)
        values[i] = data_value(i);
    for (size_t i = 0; i < samples; i++)
        targets[i] = classes ? (float)((i * 5 + i / 3) % (size_t)classes) : data_value(3 * i + 1);
    data_put(x, samples, width, values);
    data_put(y, samples, 0, targets);
    free(values);
    free(targets);
}

void training_close(training *t)
{
    ls_task_free(t->task);
    ls_experiment_free(t->experiment);
    ls_comm_free(t->comm);
    *t = (training){0};
}

ls_status training_open(MPI_Comm mpi, const char *text, training *t)
{
    ls_status st;

    *t = (training){0};
    st = ls_experiment_parse(text, strlen(text), training_yaml, &t->experiment);
    if (st == LS_OK)
        st = ls_comm_create(mpi, &t->comm);
    if (st == LS_OK)
        st = ls_task_create(t->comm, t->experiment, &t->task);
    if (st != LS_OK)
        training_close(t);
    return st;
}

ls_status training_fit(MPI_Comm mpi, const char *text, ls_fit_result *result, float **weights)
{
    const ls_fit_settings settings = {0};
    training t;
    ls_status st = training_open(mpi, text, &t);

    if (st == LS_OK)
        st = ls_fit(t.task, &settings, result);
    if (st == LS_OK && weights) {
        const size_t bytes = t.task->model->size * sizeof **weights;

        *weights = malloc(bytes);
        assert_non_null(*weights);
        memcpy(*weights, t.task->model->weights, bytes);
    }
    training_close(&t);
    return st;
}

void weights_put(const char *model_yaml, const float *values)
{
    if (world_rank() == 0) {
        ls_config *description = NULL;
        ls_model *model = NULL;
        hid_t f = H5I_INVALID_HID;

        assert_true(ok(ls_yaml_parse(model_yaml, strlen(model_yaml), "weights", &description)));
        assert_true(ok(ls_model_create(description, NULL, NULL, &model)));
        for (size_t i = 0; i < model->layers; i++)
            for (size_t p = 0; p < model->layer[i]->params; p++) {
                const ls_param *param = &model->layer[i]->param[p];

                memcpy(param->value, values, param->size * sizeof *values);
                values += param->size;
            }
        assert_true(ok(ls_h5_image_create(&f)));
        assert_true(ok(ls_keras_write(f, model, NULL)));
        assert_true(ok(ls_h5_image_save(f, training_weights)));
        ls_h5_close(f);
        ls_model_free(model);
        ls_config_free(description);
    }
    world_barrier();
}

double history_value(const char *column, int row)
{
    char path[128], line[1024];
    double value = NAN;
    int at = -1;
    FILE *f;

    snprintf(path, sizeof path, "%s/history.csv", training_run);
    if (!(f = fopen(path, "r")))
        return NAN;
    for (int r = -1; r <= row && fgets(line, sizeof line, f); r++) {
        char *rest = line;

        for (int c = 0;; c++) {
            char *const cell = strsep(&rest, ",\r\n");

            if (!cell)
                break;
            if (r < 0 && strcmp(cell, column) == 0)
                at = c;
            if (r == row && c == at)
                value = strtod(cell, NULL);
        }
    }
    fclose(f);
    return value;
}
