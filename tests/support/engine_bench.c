#include "engine_bench.h"

#include <stdlib.h>

#include "formats/yaml.h"

bool engine_is_sparse(const engine_objective *o)
{
    return o->loss && strcmp(o->loss, "sparse_categorical_crossentropy") == 0;
}

/* Values that differ at every index, in (-1, 1), away from 0. */
static float engine_value(size_t i)
{
    const float v = (float)((i * 37 + 11) % 101) / 101.0f - 0.5f;

    return v + (v < 0 ? -0.25f : 0.25f);
}

size_t engine_width(const ls_node *node)
{
    return ls_shape_size(&node->shape);
}

void engine_bench_set_up(engine_bench *b, const char *yaml, const engine_objective *wanted)
{
    *b = (engine_bench){.wanted = wanted};
    assert_true(ok(ls_yaml_parse(yaml, strlen(yaml), "model.yaml", &b->description)));
    assert_true(ok(ls_model_create(b->description, NULL, NULL, &b->model)));
    assert_true(ok(ls_model_init_weights(b->model, 5)));
    for (size_t p = 0; p < b->model->params; p++) /* biases too shall matter */
        for (size_t i = 0; i < b->model->param[p]->size; i++)
            b->model->param[p]->value[i] += 0.3f * engine_value(7 * p + i);
    for (size_t i = 0; i < b->model->inputs; i++) {
        const size_t n = ROWS * engine_width(&b->model->node[b->model->input[i]]);

        assert_non_null(b->input[i] = malloc(n * sizeof(float)));
        for (size_t j = 0; j < n; j++)
            b->input[i][j] = engine_value(j + 50 * i);
    }
    for (size_t k = 0; k < b->model->outputs; k++) {
        const ls_node *node = &b->model->node[b->model->output[k]];
        const size_t width = engine_is_sparse(&wanted[k]) ? 1 : engine_width(node);
        ls_shape target = {.axes = 1, .dim = {width}};

        if (!wanted[k].loss) {
            b->objective[k] = (ls_objective){.loss = &b->loss[k], .positions = 1};
            continue;
        }
        assert_true(ok(ls_component_default(&ls_losses, wanted[k].loss, &b->loss[k])));
        b->objective[k] = (ls_objective){.loss = &b->loss[k], .loss_weight = wanted[k].weight, .target_size = width};
        assert_true(ok(ls_loss_check(&b->loss[k], &node->shape, &target, NULL, &b->objective[k].positions)));
        for (size_t r = 0; r < ROWS; r++)
            for (size_t j = 0; j < width; j++) /* classes, one-hot rows, or numbers in (0, 1) */
                b->target[k][r * width + j] = engine_is_sparse(&wanted[k]) ? (float)((3 * r + k) % engine_width(node))
                                              : strcmp(wanted[k].loss, "categorical_crossentropy") == 0
                                                  ? (float)((r + k) % width == j)
                                                  : 0.5f + 0.6f * engine_value(r * width + j + k);
    }
    for (size_t r = 0; r < ROWS; r++)
        b->weight[r] = (float)(1 + r % 3) / 2.0f;
}

void engine_bench_tear_down(engine_bench *b)
{
    for (size_t k = 0; k < OUTPUTS_MAX; k++) {
        ls_component_reset(&b->loss[k]);
        free(b->input[k]);
    }
    ls_model_free(b->model);
    ls_config_free(b->description);
}

ls_slice engine_bench_load(const engine_bench *b, ls_engine *engine, size_t first, size_t count)
{
    const size_t begin = first * MICROBATCH, end = (first + count) * MICROBATCH;
    const size_t rows = count ? (end < ROWS ? end : ROWS) - begin : 0;

    for (size_t i = 0; i < b->model->inputs; i++) {
        const size_t n = engine_width(&b->model->node[b->model->input[i]]);

        memcpy(ls_engine_input(engine, i), b->input[i] + begin * n, rows * n * sizeof(float));
    }
    for (size_t k = 0; k < b->model->outputs; k++) {
        const size_t n = b->objective[k].target_size;

        memcpy(ls_engine_target(engine, k), b->target[k] + begin * n, rows * n * sizeof(float));
        if (ls_engine_weights(engine, k))
            memcpy(ls_engine_weights(engine, k), b->weight + begin, rows * sizeof(float));
    }
    return (ls_slice){.batch_rows = ROWS,
                      .microbatch = MICROBATCH,
                      .first = first,
                      .count = count,
                      .begin = 40 + begin,
                      .rows = rows};
}

engine_collection engine_collection_new(const ls_model *model)
{
    const size_t n = MICROBATCHES * model->trainable_size;

    return (engine_collection){
        .model = model, .contribution = calloc(n + 1, sizeof(float)), .touched = calloc(n / LS_BLOCK + 1, 1)};
}

void engine_collection_free(engine_collection *c)
{
    free(c->contribution);
    free(c->touched);
}

void engine_collection_take(void *context, size_t microbatch, size_t first, const float *values, size_t n)
{
    engine_collection *c = context;
    float *to = c->contribution + microbatch * c->model->trainable_size + first;

    assert_true(first % LS_BLOCK == 0 && n % LS_BLOCK == 0 && first + n <= c->model->trainable_size);
    for (size_t i = 0; i < n; i++)
        to[i] += values[i];
    for (size_t b = 0; b < n / LS_BLOCK; b++)
        c->touched[(microbatch * c->model->trainable_size + first) / LS_BLOCK + b] = 1;
    for (size_t i = 0; i < c->layers_done; i++)
        c->late |= first >= c->done[i]->param[0].offset && first < c->done[i]->param[0].offset + LS_BLOCK;
}

ls_status engine_collection_layer_done(void *context, const ls_layer *layer)
{
    engine_collection *c = context;

    assert_true(c->layers_done < count_of(c->done));
    for (size_t i = 0; i < c->layers_done; i++)
        assert_ptr_not_equal(c->done[i], layer);
    c->done[c->layers_done++] = layer;
    return LS_OK;
}

ls_status engine_sums_add(void *context, const double *values, size_t n)
{
    engine_sums *s = context;

    for (size_t i = 0; i < n; i++)
        s->sum[i] += values[i];
    return LS_OK;
}

ls_status engine_sums_total(void *context, size_t n, double *totals)
{
    engine_sums *s = context;

    if (!s->playing)
        memcpy(s->record + s->at, s->sum, n * sizeof *totals);
    memcpy(totals, s->record + s->at, n * sizeof *totals);
    memset(s->sum, 0, sizeof s->sum);
    s->at += n;
    return LS_OK;
}

ls_engine *engine_bench_engine(const engine_bench *b, size_t rows)
{
    ls_engine *engine = NULL;

    assert_true(ok(ls_engine_create(
        b->model, b->objective,
        &(ls_engine_size){.rows = rows, .microbatch = MICROBATCH, .wave = rows, .training = true}, &engine)));
    for (size_t k = 0; k < b->model->outputs; k++)
        if (b->wanted[k].loss)
            assert_true(ok(ls_engine_use_weights(engine, k)));
    return engine;
}
