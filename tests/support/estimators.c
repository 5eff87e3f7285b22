#include "estimators.h"

ls_comm *estimator_comm;
float x[2 * N], y[N], weight[N];
uint8_t labels[N];

int estimators_set_up(void **state)
{
    if (training_set_up(state) != 0 || ls_comm_create(MPI_COMM_WORLD, &estimator_comm) != LS_OK)
        return -1;
    for (int i = 0; i < 2 * N; i++)
        x[i] = (float)((i * 7) % 11) / 11.0f;
    for (int i = 0; i < N; i++) {
        y[i] = x[2 * i] - 2 * x[2 * i + 1];
        weight[i] = (float)(1 + i % 3);
        labels[i] = (uint8_t)(i % 3);
    }
    data_begin();
    data_put("/train/x", N, 2, x);
    data_put("/train/y", N, 0, y);
    data_put("/train/w", N, 0, weight);
    return 0;
}

int estimators_tear_down(void **state)
{
    ls_comm_free(estimator_comm);
    return training_tear_down(state);
}

ls_data *memory_data(const char *name, bool weighted)
{
    const size_t two = 2;
    ls_data *data = NULL;

    assert_true(all_ranks(ok(ls_data_create(name, &data))));
    assert_true(all_ranks(ok(ls_data_add(data, LS_INPUT, NULL, LS_TYPE_FLOAT32, N, 1, &two, x))));
    assert_true(all_ranks(ok(ls_data_add(data, LS_TARGET, NULL, LS_TYPE_FLOAT32, N, 0, NULL, y))));
    if (weighted)
        assert_true(all_ranks(ok(ls_data_add(data, LS_SAMPLE_WEIGHT, NULL, LS_TYPE_FLOAT32, N, 0, NULL, weight))));
    return data;
}

ls_estimator *made(const char *yaml)
{
    ls_estimator *e = NULL;

    assert_true(all_ranks(ok(ls_estimator_create(estimator_comm, yaml, &e))));
    return e;
}

const char *fitted(ls_estimator *e, const ls_data *train)
{
    static ls_fit_result results[4];
    static int next;
    ls_fit_result *result = &results[next++ % 4];

    assert_true(all_ranks(ok(ls_estimator_fit(e, &(ls_fit_arguments){.train = train}, result))));
    return result->fingerprint;
}
