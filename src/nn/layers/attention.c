/*
 * attention (Luong et al., 2015) and additive_attention (Bahdanau et al., 2015): one head over its inputs as they are.
 *
 * X: query (R,T,D), value (R,S,E), key (R,S,D), by default the value.  Scores of query q and key k:
 *
 *     attention             scale q k, or with score_mode: concat  weight sum tanh(scale (q + k))
 *     additive_attention    sum scale_d tanh(q_d + k_d)
 *
 * saved, of a sample: the gradients dq (T,D), dk (S,D), dv (S,E) and of the weights.
 */
#include "nn/layers/attention_head.h"

#include <string.h>

#include "base/memory.h"
#include "tensor/math.h"

enum { DOT, CONCAT };
static const char *const score_modes[] = {"dot", "concat", NULL};

typedef struct attention_config {
    bool use_scale, causal;
    int score_mode;
    double dropout;
    int64_t seed;           /* -1: the seed of the experiment */
    ls_attention attention; /* set by build */
} attention_config;

/* ---- scores ---- */

static const float *weight_of(const ls_attention_head *head, size_t p)
{
    return head->call->layer->params > p ? head->call->layer->param[p].value : NULL;
}

static void scaled_scores(const ls_attention_head *head, size_t first, size_t n, size_t keys, float *P)
{
    const ls_attention *a = head->attention;

    ls_multiply(head->call->arithmetic, 'n', 't', n, keys, a->size, head->q + first * head->ldq, head->ldq, head->k,
                head->ldk, false, P, a->keys);
    for (size_t i = 0; i < n; i++)
        ls_scale(P + i * a->keys, *weight_of(head, 0), keys);
}

static void scaled_back(const ls_attention_head *head, size_t first, size_t n, size_t keys, float *dP, float *dq,
                        size_t ldq, float *dk)
{
    const ls_attention *a = head->attention;
    const float *const q = head->q + first * head->ldq, scale = *weight_of(head, 0);
    const ls_arithmetic arithmetic = head->call->arithmetic;

    ls_multiply(arithmetic, 'n', 'n', n, a->size, keys, dP, a->keys, head->k, head->ldk, false, dq, ldq);
    for (size_t i = 0; i < n; i++) {
        *head->learned += (float)ls_dot(q + i * head->ldq, dq + i * ldq, a->size);
        ls_scale(dq + i * ldq, scale, a->size);
        ls_scale(dP + i * a->keys, scale, keys);
    }
    ls_multiply(arithmetic, 't', 'n', keys, a->size, n, dP, a->keys, q, head->ldq, true, dk, a->size);
}

static LS_CLONES void add_scaled(const float *restrict x, const float *restrict y, float scale, float *restrict z,
                                 size_t n)
{
    for (size_t i = 0; i < n; i++)
        z[i] = (x[i] + y[i]) * scale;
}

/* z (keys,D) = tanh(scale (q + k)) for one query. */
static void curves(const ls_attention_head *head, const float *q, float scale, size_t keys, float *z)
{
    const size_t n = head->attention->size;

    for (size_t j = 0; j < keys; j++)
        add_scaled(q, head->k + j * head->ldk, scale, z + j * n, n);
    ls_tanh(z, z, keys * n);
}

/* concat: the weight behind the scale, if that is there. */
static size_t concat_weight(const ls_attention_head *head)
{
    return head->call->layer->params - 1;
}

static float concat_scale(const ls_attention_head *head)
{
    return concat_weight(head) > 0 ? *weight_of(head, 0) : 1.0f;
}

static void concat_scores(const ls_attention_head *head, size_t first, size_t n, size_t keys, float *P)
{
    const ls_attention *a = head->attention;
    const float weight = *weight_of(head, concat_weight(head));
    float *const z = ls_attention_own_scratch(head);

    for (size_t i = 0; i < n; i++) {
        curves(head, head->q + (first + i) * head->ldq, concat_scale(head), keys, z);
        for (size_t j = 0; j < keys; j++)
            P[i * a->keys + j] = weight * (float)ls_sum(z + j * a->size, a->size);
    }
}

/* du = g w (1 - z^2); w NULL: 1 */
static LS_CLONES void curve_back(const float *restrict z, const float *restrict w, float g, float *restrict du,
                                 size_t n)
{
    for (size_t d = 0; d < n; d++) {
        const float slope = 1.0f - z[d] * z[d];

        du[d] = w ? g * w[d] * slope : g * slope;
    }
}

static void concat_back(const ls_attention_head *head, size_t first, size_t n, size_t keys, float *dP, float *dq,
                        size_t ldq, float *dk)
{
    const ls_attention *a = head->attention;
    const size_t size = a->size;
    const float weight = *weight_of(head, concat_weight(head)), scale = concat_scale(head);
    float *const z = ls_attention_own_scratch(head), *const du = z + a->keys * size;

    for (size_t i = 0; i < n; i++) {
        const float *const q = head->q + (first + i) * head->ldq;
        float *const d = dq + i * ldq;

        curves(head, q, scale, keys, z);
        memset(d, 0, size * sizeof *d);
        for (size_t j = 0; j < keys; j++) {
            const float g = dP[i * a->keys + j];

            head->learned[concat_weight(head)] += g * (float)ls_sum(z + j * size, size);
            curve_back(z + j * size, NULL, g * weight, du, size);
            if (concat_weight(head) > 0)
                *head->learned += (float)(ls_dot(du, q, size) + ls_dot(du, head->k + j * head->ldk, size));
            ls_scale(du, scale, size);
            ls_add(du, d, size);
            ls_add(du, dk + j * size, size);
        }
    }
}

static void additive_scores(const ls_attention_head *head, size_t first, size_t n, size_t keys, float *P)
{
    const ls_attention *a = head->attention;
    const float *const weight = weight_of(head, 0);
    float *const z = ls_attention_own_scratch(head);

    for (size_t i = 0; i < n; i++) {
        curves(head, head->q + (first + i) * head->ldq, 1.0f, keys, z);
        for (size_t j = 0; j < keys; j++)
            P[i * a->keys + j] =
                (float)(weight ? ls_dot(z + j * a->size, weight, a->size) : ls_sum(z + j * a->size, a->size));
    }
}

static void additive_back(const ls_attention_head *head, size_t first, size_t n, size_t keys, float *dP, float *dq,
                          size_t ldq, float *dk)
{
    const ls_attention *a = head->attention;
    const size_t size = a->size;
    float *const z = ls_attention_own_scratch(head), *const du = z + a->keys * size;

    for (size_t i = 0; i < n; i++) {
        float *const d = dq + i * ldq;

        curves(head, head->q + (first + i) * head->ldq, 1.0f, keys, z);
        memset(d, 0, size * sizeof *d);
        for (size_t j = 0; j < keys; j++) {
            const float g = dP[i * a->keys + j];

            curve_back(z + j * size, weight_of(head, 0), g, du, size);
            ls_add(du, d, size);
            ls_add(du, dk + j * size, size);
            ls_scale(z + j * size, g, size);
            if (head->learned)
                ls_add(z + j * size, head->learned, size);
        }
    }
}

static const ls_attention_scores scaled = {scaled_scores, scaled_back}, concat = {concat_scores, concat_back},
                                 additive = {additive_scores, additive_back};

/* ---- build ---- */

static ls_status check_inputs(ls_layer *layer, const ls_shape *in, size_t inputs)
{
    const ls_shape *const key = &in[inputs - 1];
    char text[LS_SHAPE_TEXT_BYTES];

    for (size_t i = 0; i < inputs; i++)
        if (in[i].axes != 2)
            return ls_layer_fail(layer, "takes sequences of vectors, (samples, positions, features), not %s",
                                 ls_shape_format_batch(&in[i], text));
    if (key->dim[1] != in[0].dim[1])
        return ls_layer_fail(layer, "compares a query of %zu features with a key of %zu: they must be as many",
                             in[0].dim[1], key->dim[1]);
    if (key->dim[0] != in[1].dim[0])
        return ls_layer_fail(layer, "has a value of %zu positions and a key of %zu: they must be as many", in[1].dim[0],
                             key->dim[0]);
    return LS_OK;
}

/* Gradients of a sample and scratch of a call. */
static ls_status plan(ls_layer *layer, size_t learned)
{
    const ls_attention *a = &((const attention_config *)layer->config)->attention;
    size_t scratch, both;

    if (!ls_attention_scratch(a, &scratch) || !ls_size_mul(a->keys, a->size + a->value_size, &both))
        return ls_layer_fail(layer, "a sequence of %zu positions is too long", a->keys);
    layer->saved_per_sample = a->queries * a->size + both + learned;
    layer->scratch_fixed = scratch + a->queries * a->value_size; /* dY where the query counts */
    return LS_OK;
}

static ls_status add_weight(ls_layer *layer, const char *name, size_t size, const ls_component *initializer)
{
    const ls_shape shape = {size > 0, {size}};

    return ls_layer_add_param(layer, name, &shape, true, initializer, NULL, NULL);
}

static ls_status build(ls_layer *layer, const ls_shape *in, size_t inputs, const ls_attention_scores *scores,
                       ls_shape *out)
{
    attention_config *c = layer->config;
    ls_attention *const a = &c->attention;

    LS_TRY(check_inputs(layer, in, inputs));
    *out = (ls_shape){2, {in[0].dim[0], in[1].dim[1]}};
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    *a = (ls_attention){.queries = in[0].dim[0],
                        .keys = in[1].dim[0],
                        .size = in[0].dim[1],
                        .value_size = in[1].dim[1],
                        .scale = 1.0f,
                        .causal = c->causal,
                        .masking = LS_ATTENTION_SUBTRACTS,
                        .dropout = c->dropout,
                        .scores = scores};
    a->tile = ls_attention_tile(a->queries, a->keys);
    return LS_OK;
}

static ls_status build_attention(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const attention_config *c = layer->config;

    LS_TRY(build(layer, in, inputs, c->score_mode == CONCAT ? &concat : c->use_scale ? &scaled : NULL, out));
    if (layer->built)
        return LS_OK;
    if (c->use_scale)
        LS_TRY(add_weight(layer, "scale", 0, &ls_initializer_ones));
    if (c->score_mode == CONCAT)
        LS_TRY(add_weight(layer, "concat_score_weight", 0, &ls_initializer_ones));
    return plan(layer, layer->params);
}

static ls_status build_additive(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    const attention_config *c = layer->config;
    const size_t size = in[0].axes == 2 ? in[0].dim[1] : 0;

    LS_TRY(build(layer, in, inputs, &additive, out));
    if (layer->built)
        return LS_OK;
    if (c->use_scale)
        LS_TRY(add_weight(layer, "scale", size, &ls_initializer_glorot_uniform));
    return plan(layer, c->use_scale ? size : 0);
}

/* ---- forward ---- */

static const float *mask_of(const ls_call *call, size_t input, size_t r, size_t positions)
{
    const float *mask = ls_call_mask(call, input);

    return mask ? mask + r * positions : NULL;
}

/* Sample r. A query that does not count sees what others see; its output is put to 0 afterwards. */
static ls_attention_head head_at(const ls_call *call, size_t r, const ls_stream *stream)
{
    const ls_attention *a = &((const attention_config *)call->layer->config)->attention;

    return (ls_attention_head){
        .attention = a,
        .call = call,
        .q = call->X[0] + r * a->queries * a->size,
        .k = call->X[call->inputs - 1] + r * a->keys * a->size,
        .v = call->X[1] + r * a->keys * a->value_size,
        .ldq = a->size,
        .ldk = a->size,
        .ldv = a->value_size,
        .key_mask = {mask_of(call, 1, r, a->keys)},
        .stream = call->training && a->dropout > 0 ? stream : NULL,
        .scratch = call->scratch,
    };
}

/* Rows (n, width) of queries that do not count become 0. */
static void clear_rows(const float *mask, size_t n, size_t width, float *x)
{
    for (size_t i = 0; mask && i < n; i++)
        if (mask[i] == 0.0f)
            memset(x + i * width, 0, width * sizeof *x);
}

static ls_stream stream_of(const ls_call *call, size_t r)
{
    return ls_attention_stream(call, ((const attention_config *)call->layer->config)->seed, r);
}

static void forward(const ls_call *call)
{
    const ls_attention *a = &((const attention_config *)call->layer->config)->attention;

    for (size_t r = 0; r < call->rows; r++) {
        const ls_stream stream = stream_of(call, r);
        const ls_attention_head head = head_at(call, r, &stream);
        float *const y = call->Y + r * a->queries * a->value_size;

        ls_attention_forward(&head, y, a->value_size);
        clear_rows(mask_of(call, 0, r, a->queries), a->queries, a->value_size, y);
    }
}

/* ---- backward ---- */

/* Gradients in the memory of a sample. */
typedef struct gradients {
    float *dq, *dk, *dv, *learned;
} gradients;

static gradients gradients_at(const ls_call *call, size_t r)
{
    const ls_attention *a = &((const attention_config *)call->layer->config)->attention;
    float *const dq = call->saved + r * call->layer->saved_per_sample, *const dk = dq + a->queries * a->size;
    float *const dv = dk + a->keys * a->size;

    return (gradients){dq, dk, dv, dv + a->keys * a->value_size};
}

static void prepare_backward(const ls_call *call)
{
    const ls_layer *layer = call->layer;
    const ls_attention *a = &((const attention_config *)layer->config)->attention;
    const size_t n = a->queries * a->value_size;
    float *const dy = call->scratch + layer->scratch_fixed - n;

    for (size_t r = 0; r < call->rows; r++) {
        const ls_stream stream = stream_of(call, r);
        const gradients g = gradients_at(call, r);
        ls_attention_head head = head_at(call, r, &stream);

        head.learned = layer->params ? g.learned : NULL;
        memset(g.dq, 0, layer->saved_per_sample * sizeof *g.dq);
        ls_copy(call->dY + r * n, dy, n);
        clear_rows(mask_of(call, 0, r, a->queries), a->queries, a->value_size, dy);
        ls_attention_backward(&head, dy, a->value_size, g.dq, a->size, g.dk, g.dv);
    }
}

static void backward(const ls_call *call)
{
    const ls_attention *a = &((const attention_config *)call->layer->config)->attention;
    const size_t sizes[3] = {a->queries * a->size, a->keys * a->value_size, a->keys * a->size};
    const size_t inputs[3] = {0, 1, call->inputs - 1};

    for (size_t r = 0; r < call->rows; r++) {
        const gradients g = gradients_at(call, r);
        const float *const from[3] = {g.dq, g.dv, g.dk};

        for (size_t i = 0; i < 3; i++) {
            float *const dX = call->dX[inputs[i]];

            if (dX && (i < 2 || call->inputs > 2))
                ls_give(call, from[i], dX + r * sizes[i], sizes[i]);
            else if (dX)
                ls_add(from[i], dX + r * sizes[i], sizes[i]);
        }
    }
}

static void backward_params(const ls_call *call, size_t tile, float *out)
{
    (void)tile;
    for (size_t p = 0, at = 0, from = 0; p < call->layer->params; p++) {
        const size_t n = call->layer->param[p].size;

        memset(out + at, 0, n * sizeof *out);
        for (size_t r = 0; r < call->rows; r++)
            ls_add(gradients_at(call, r).learned + from, out + at, n);
        at += ls_pad_block(n);
        from += n;
    }
}

/* ---- options ---- */

#define USE_SCALE(by_default)                                                                         \
    {                                                                                                 \
        .name = "use_scale", .kind = LS_OPTION_BOOL, .offset = offsetof(attention_config, use_scale), \
        .initial = by_default                                                                         \
    }

static const ls_option attention_options[] = {
    USE_SCALE("false"),
    {.name = "score_mode",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(attention_config, score_mode),
     .initial = "dot",
     .choices = score_modes},
    LS_ATTENTION_DROPOUT(attention_config),
    LS_ATTENTION_CAUSAL(attention_config),
    LS_ATTENTION_SEED(attention_config),
    {.name = NULL},
};

static const ls_option additive_options[] = {
    USE_SCALE("true"),
    LS_ATTENTION_DROPOUT(attention_config),
    LS_ATTENTION_CAUSAL(attention_config),
    LS_ATTENTION_SEED(attention_config),
    {.name = NULL},
};

#define OPS                                                                                         \
    .inputs_min = 2, .inputs_max = 3, .mask_shape = ls_mask_pass, .forward = forward,               \
    .prepare_backward = prepare_backward, .backward = backward, .backward_params = backward_params, \
    .mask_kind = LS_MASK_COPIES, .masks_at_run = true, .call_options = ls_attention_call_options

const ls_layer_ops ls_layer_attention = {
    .ops = {.name = "attention",
            .keras_name = "Attention",
            .options = attention_options,
            .config_bytes = sizeof(attention_config)},
    .build = build_attention,
    OPS,
};

const ls_layer_ops ls_layer_additive_attention = {
    .ops = {.name = "additive_attention",
            .keras_name = "AdditiveAttention",
            .options = additive_options,
            .config_bytes = sizeof(attention_config)},
    .build = build_additive,
    OPS,
};
