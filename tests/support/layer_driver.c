#include "layer_driver.h"

#include "formats/yaml.h"

float test_value(size_t index, size_t salt)
{
    uint64_t h = (index + 1) * 0x9e3779b97f4a7c15u + (salt + 1) * 0xd1b54a32d192ed03u;

    h = (h ^ (h >> 31)) * 0xbf58476d1ce4e5b9u;
    h ^= h >> 29;
    return (float)((double)(h >> 40) * 0x1p-23 - 1.0 + 0x1p-24);
}

void *test_alloc(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);

    assert_non_null(memory);
    return memory;
}

size_t padded(size_t n)
{
    return (n + LS_BLOCK - 1) / LS_BLOCK * LS_BLOCK;
}

ls_config *tree_of_args(const char *const *args)
{
    ls_config *root = ls_config_create(LS_CONFIG_MAP, "test.yaml");

    assert_non_null(root);
    for (; args && args[0]; args += 2) {
        if (args[1][0] == '[') {
            ls_config *list = ls_config_add(root, args[0], LS_CONFIG_LIST, NULL);

            for (const char *c = args[1] + 1; *c && *c != ']';) {
                char item[32] = {0};
                const size_t n = strcspn(c, ",]");

                memcpy(item, c, n);
                assert_non_null(strcmp(item, "null") ? ls_config_add(list, NULL, LS_CONFIG_SCALAR, item)
                                                     : ls_config_add(list, NULL, LS_CONFIG_NULL, NULL));
                c += n;
                c += strspn(c, ", ");
            }
        } else if (args[1][0] == '{') {
            ls_config *map = NULL;

            assert_int_equal(ls_yaml_parse(args[1], strlen(args[1]), "test.yaml", &map), LS_OK);
            assert_int_equal(ls_config_put(root, args[0], map), LS_OK);
            ls_config_free(map);
        } else if (!strcmp(args[1], "null")) {
            assert_non_null(ls_config_add(root, args[0], LS_CONFIG_NULL, NULL));
        } else {
            assert_non_null(ls_config_add(root, args[0], LS_CONFIG_SCALAR, args[1]));
        }
    }
    return root;
}

long driver_arg(const layer_driver *d, const char *name, size_t i, long otherwise)
{
    const ls_config *node = ls_config_get(d->tree, name);

    if (!node || node->kind == LS_CONFIG_NULL)
        return otherwise;
    if (node->kind == LS_CONFIG_LIST)
        for (node = node->first; i > 0; i--)
            node = node->next;
    return strtol(node->text, NULL, 10);
}

const char *driver_text(const layer_driver *d, const char *name)
{
    const ls_config *node = ls_config_get(d->tree, name);

    return node && node->text ? node->text : "";
}

void driver_free(layer_driver *d)
{
    ls_component_reset(&d->config);
    ls_config_free(d->tree);
    free(d->weights);
    memset(d, 0, sizeof *d);
}

ls_status driver_init(layer_driver *d, const char *kind, const char *const *args, const ls_shape *in, size_t inputs)
{
    const ls_ops *ops = ls_registry_find(&ls_layers, kind);
    size_t offset = 0;
    ls_status st;

    memset(d, 0, sizeof *d);
    assert_non_null(ops);
    d->tree = tree_of_args(args);
    st = ls_component_parse_args(ops, d->tree, kind, NULL, &d->config);
    if (st != LS_OK)
        return st;
    d->inputs = inputs;
    memcpy(d->in, in, inputs * sizeof *in);
    d->layer.ops = (const ls_layer_ops *)ops;
    d->layer.name = (char *)(uintptr_t) "tested";
    d->layer.config = d->config.config;
    d->layer.trainable = true;
    st = d->layer.ops->build(&d->layer, in, inputs, &d->out);
    if (st != LS_OK)
        return st;
    d->layer.in_count = inputs;
    for (size_t i = 0; i < inputs && i < count_of(d->layer.in_shape); i++)
        d->layer.in_shape[i] = in[i];
    d->layer.out_shape = d->out;
    d->layer.built = true;

    for (size_t p = 0; p < d->layer.params; p++) {
        d->layer.param[p].offset = offset;
        offset += padded(d->layer.param[p].size);
        if (d->layer.param[p].trainable)
            d->trainable_size = offset;
    }
    d->weights = test_alloc(offset, sizeof(float));
    for (size_t p = 0; p < d->layer.params; p++) {
        ls_param *param = &d->layer.param[p];

        param->value = d->weights + param->offset;
        for (size_t i = 0; i < param->size; i++)
            param->value[i] = test_value(i, 100 + p);
        if (!strcmp(param->name, "moving_variance"))
            for (size_t i = 0; i < param->size; i++)
                param->value[i] = 1.5f + param->value[i];
    }
    if (d->layer.ops->placed)
        d->layer.ops->placed(&d->layer);
    return LS_OK;
}

void run_free(const layer_driver *d, layer_run *run)
{
    for (size_t i = 0; i < d->inputs; i++) {
        free(run->X[i]);
        free(run->dX[i]);
    }
    free(run->dY);
    free(run->Y);
    free(run->dW);
    free(run->totals);
    memset(run, 0, sizeof *run);
}

void run_init(const layer_driver *d, layer_run *run, size_t rows, size_t microbatch)
{
    const size_t out = ls_shape_size(&d->out);
    const size_t rounds = d->layer.ops->forward_rounds + d->layer.ops->backward_rounds;
    const size_t width = d->layer.ops->sum_width ? d->layer.ops->sum_width(&d->layer) : 0;

    memset(run, 0, sizeof *run);
    run->rows = rows;
    run->microbatch = microbatch;
    run->training = true;
    run->first_use = true;
    run->seed = 11;
    run->update = 3;
    run->position = 1000;
    run->node = 5;
    for (size_t i = 0; i < d->inputs; i++) {
        const size_t n = rows * ls_shape_size(&d->in[i]);

        run->X[i] = test_alloc(n, sizeof(float));
        run->dX[i] = test_alloc(n, sizeof(float));
        run->want_dX[i] = true;
        for (size_t k = 0; k < n; k++) {
            run->X[i][k] = test_value(k, i);
            run->dX[i][k] = 0.5f;
        }
    }
    run->dY = test_alloc(rows * out, sizeof(float));
    run->Y = test_alloc(rows * out, sizeof(float));
    for (size_t k = 0; k < rows * out; k++)
        run->dY[k] = test_value(k, 50);
    run->dW = test_alloc(d->trainable_size, sizeof(float));
    run->totals = test_alloc(rounds * width, sizeof(double));
}

/*
 * Memory of exactly n floats, `shift` floats into an allocation, with `from` in it (NULL: NaN). Freed by shifted_free.
 */
static float *shifted_copy(const float *from, size_t n, size_t shift)
{
    float *memory = test_alloc(n + shift, sizeof(float));

    for (size_t i = 0; i < n; i++)
        memory[shift + i] = from ? from[i] : NAN;
    return memory + shift;
}

static void shifted_free(float *memory, size_t shift)
{
    if (memory)
        free(memory - shift);
}

void run_params(const layer_driver *d, layer_run *run, const ls_call *call)
{
    const ls_layer_ops *ops = d->layer.ops;
    const size_t tiles = ops->tiles ? ops->tiles(&d->layer) : 1;
    size_t covered = 0;

    for (size_t t = 0; t < tiles; t++) {
        size_t first = 0, n = d->trainable_size;
        float *out;

        if (ops->tiles)
            ops->tile_range(&d->layer, t, &first, &n);
        assert_int_equal(first % LS_BLOCK, 0);
        assert_int_equal(first, covered);
        covered = first + padded(n);
        out = shifted_copy(NULL, padded(n), run->shift);
        ops->backward_params(call, t, out);
        for (size_t p = 0; p < d->layer.params; p++)
            for (size_t i = 0; i < padded(d->layer.param[p].size); i++) {
                const size_t at = d->layer.param[p].offset + i;

                if (!d->layer.param[p].trainable || at < first || at >= covered)
                    continue;
                if (i < d->layer.param[p].size)
                    run->dW[at] += out[at - first];
                else
                    assert_true(isnan(out[at - first]));
            }
        shifted_free(out, run->shift);
    }
    assert_int_equal(covered, d->trainable_size);
}

/* One phase for the microbatch at `row`; saved lives from forward to backward in `saved`. */
static void run_microbatch(const layer_driver *d, layer_run *run, size_t row, enum driver_phase phase, size_t round,
                           float *saved, double *sums)
{
    const ls_layer *layer = &d->layer;
    const size_t rows = run->rows - row < run->microbatch ? run->rows - row : run->microbatch;
    const size_t out = ls_shape_size(&d->out);
    const bool backward = phase == DRIVE_BACKWARD_SUMS || phase == DRIVE_BACKWARD;
    float *X[DRIVER_INPUTS] = {0}, *dX[DRIVER_INPUTS] = {0};
    float *Y = shifted_copy(NULL, rows * out, run->shift);
    float *dY = shifted_copy(run->dY + row * out, rows * out, run->shift);
    float *scratch = test_alloc(rows * layer->scratch_per_sample + layer->scratch_fixed, sizeof(float));
    ls_call call = {
        .layer = layer,
        .rows = rows,
        .training = run->training,
        .place = {run->seed, run->update, run->position + row},
        .node = run->node,
        .inputs = d->inputs,
        .X = (const float *const *)X,
        .Y = Y,
        .saved = saved + row * layer->saved_per_sample,
        .scratch = scratch,
        .dY = backward ? dY : NULL,
        .dX = dX,
        .first_use = run->first_use,
        .sums = sums,
        .totals = run->totals,
        .batch_size = run->rows,
    };

    for (size_t i = 0; i < rows * layer->scratch_per_sample + layer->scratch_fixed; i++)
        scratch[i] = NAN;
    for (size_t i = 0; i < d->inputs; i++) {
        const size_t n = ls_shape_size(&d->in[i]);

        X[i] = shifted_copy(run->X[i] + row * n, rows * n, run->shift);
        if (run->want_dX[i] && layer->ops->backward)
            dX[i] = shifted_copy(run->first_use ? NULL : run->dX[i] + row * n, rows * n, run->shift);
    }
    switch (phase) {
    case DRIVE_FORWARD_SUMS:
        layer->ops->forward_sums(&call, round);
        break;
    case DRIVE_FORWARD:
        layer->ops->forward(&call);
        memcpy(run->Y + row * out, Y, rows * out * sizeof *Y);
        break;
    case DRIVE_BACKWARD_SUMS:
        layer->ops->backward_sums(&call, round);
        break;
    case DRIVE_BACKWARD:
        if (layer->ops->prepare_backward)
            layer->ops->prepare_backward(&call);
        if (layer->ops->backward_params && d->trainable_size)
            run_params(d, run, &call);
        if (layer->ops->backward)
            layer->ops->backward(&call);
        for (size_t i = 0; i < d->inputs; i++) {
            const size_t n = ls_shape_size(&d->in[i]);

            if (dX[i])
                memcpy(run->dX[i] + row * n, dX[i], rows * n * sizeof *dX[i]);
        }
        break;
    }
    for (size_t i = 0; i < d->inputs; i++) {
        shifted_free(X[i], run->shift);
        shifted_free(dX[i], run->shift);
    }
    shifted_free(Y, run->shift);
    shifted_free(dY, run->shift);
    free(scratch);
}

static void run_phase(const layer_driver *d, layer_run *run, enum driver_phase phase, size_t rounds, size_t done,
                      float *saved)
{
    const size_t width = d->layer.ops->sum_width ? d->layer.ops->sum_width(&d->layer) : 0;
    const bool sums = phase == DRIVE_FORWARD_SUMS || phase == DRIVE_BACKWARD_SUMS;
    double *here = test_alloc(width, sizeof(double));

    for (size_t round = 0; round < rounds; round++)
        for (size_t row = 0; row < run->rows; row += run->microbatch) {
            for (size_t i = 0; i < width; i++)
                here[i] = NAN; /* must be overwritten */
            run_microbatch(d, run, row, phase, round, saved, here);
            for (size_t i = 0; sums && i < width; i++) {
                double *total = &run->totals[(done + round) * width + i];

                *total = (row == 0 ? 0.0 : *total) + here[i];
            }
        }
    free(here);
}

void run_batch(const layer_driver *d, layer_run *run)
{
    const ls_layer_ops *ops = d->layer.ops;
    float *saved = test_alloc(run->rows * d->layer.saved_per_sample, sizeof(float));

    for (size_t i = 0; i < d->trainable_size; i++)
        run->dW[i] = 0.0f;
    if (run->training)
        run_phase(d, run, DRIVE_FORWARD_SUMS, ops->forward_rounds, 0, saved);
    run_phase(d, run, DRIVE_FORWARD, 1, 0, saved);
    if (run->training) {
        run_phase(d, run, DRIVE_BACKWARD_SUMS, ops->backward_rounds, ops->forward_rounds, saved);
        run_phase(d, run, DRIVE_BACKWARD, 1, 0, saved);
    }
    free(saved);
}

static reference_run reference_init(const layer_driver *d, const layer_run *run)
{
    reference_run ref = {0};

    for (size_t i = 0; i < d->inputs; i++) {
        const size_t n = run->rows * ls_shape_size(&d->in[i]);

        ref.X[i] = test_alloc(n, sizeof(double));
        for (size_t k = 0; k < n; k++)
            ref.X[i][k] = (double)run->X[i][k];
    }
    for (size_t p = 0; p < d->layer.params; p++) {
        ref.W[p] = test_alloc(d->layer.param[p].size, sizeof(double));
        for (size_t k = 0; k < d->layer.param[p].size; k++)
            ref.W[p][k] = (double)d->layer.param[p].value[k];
    }
    ref.Y = test_alloc(run->rows * ls_shape_size(&d->out), sizeof(double));
    return ref;
}

static void reference_free(reference_run *ref)
{
    for (size_t i = 0; i < DRIVER_INPUTS; i++)
        free(ref->X[i]);
    for (size_t p = 0; p < LS_LAYER_PARAMS_MAX; p++)
        free(ref->W[p]);
    free(ref->Y);
}

/* L = sum dY Y of the reference. */
static double reference_loss(const layer_driver *d, const layer_run *run, layer_reference forward, reference_run *ref)
{
    double loss = 0.0;

    forward(d, run->rows, (const double *const *)ref->X, (const double *const *)ref->W, ref->Y);
    for (size_t k = 0; k < run->rows * ls_shape_size(&d->out); k++)
        loss += (double)run->dY[k] * ref->Y[k];
    return loss;
}

static double central_difference(const layer_driver *d, const layer_run *run, layer_reference forward,
                                 reference_run *ref, double *at)
{
    const double x = *at;
    double up, down;

    *at = x + DRIVER_STEP;
    up = reference_loss(d, run, forward, ref);
    *at = x - DRIVER_STEP;
    down = reference_loss(d, run, forward, ref);
    *at = x;
    return (up - down) / (2.0 * DRIVER_STEP);
}

bool agrees_with_reference(const layer_driver *d, const layer_run *run, layer_reference forward,
                           bool differentiable_inputs, double before)
{
    reference_run ref = reference_init(d, run);
    const double tolerance = 2e-5;
    bool good;

    (void)reference_loss(d, run, forward, &ref);
    good = all_close(run->Y, ref.Y, run->rows * ls_shape_size(&d->out), 1e-5, 1e-5);
    for (size_t i = 0; good && differentiable_inputs && i < d->inputs; i++)
        for (size_t k = 0; good && run->want_dX[i] && k < run->rows * ls_shape_size(&d->in[i]); k++) {
            const double want = before + central_difference(d, run, forward, &ref, &ref.X[i][k]);

            if (!close_to((double)run->dX[i][k], want, tolerance, tolerance)) {
                print_error("dX of input %zu, element %zu\n", i, k);
                good = false;
            }
        }
    for (size_t p = 0; good && p < d->layer.params && d->layer.param[p].trainable; p++)
        for (size_t k = 0; good && k < d->layer.param[p].size; k++) {
            const double want = central_difference(d, run, forward, &ref, &ref.W[p][k]);

            if (!close_to((double)run->dW[d->layer.param[p].offset + k], want, tolerance, tolerance)) {
                print_error("d%s, element %zu\n", d->layer.param[p].name, k);
                good = false;
            }
        }
    reference_free(&ref);
    return good;
}
