/*
 * multi_head_attention (Vaswani et al., 2017) and group_query_attention (Ainslie et al., 2023): heads of attention over
 * projections of a query, a value and a key, and a projection of what they give.
 *
 * X: query (R,T,…), value (R,S,…), key (R,S,…), by default the value.  Kernels: query (in,H,D), key (in,G,D), value
 * (in,G,E), output (H,E,out…), with G = H, or in groups of H / G heads with one head of keys and values each.
 *
 * Every position of a sample has a record, max(T,S) of them: its query, key, value and what its heads give, side by
 * side. Backward they become gradients, but for the last.
 */
#include "nn/layers/attention_head.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

enum { QUERY, KEY, VALUE, OUTPUT, PROJECTIONS };

typedef struct multi_head {
    int64_t num_heads, key_dim, value_dim; /* value_dim 0: as key_dim */
    int64_t groups;                        /* heads of keys and values; multi_head_attention: 0 */
    double dropout;
    bool use_bias, causal;
    ls_ints output_shape;   /* count 0: as the query's */
    ls_ints attention_axes; /* count 0: the one there is */
    int64_t sliding_window; /* 0: none */
    ls_component kernel_initializer, bias_initializer;
    ls_component kernel_regularizer, bias_regularizer;
    ls_component kernel_constraint, bias_constraint;
    int64_t seed; /* -1: the seed of the experiment */

    /* set by build */
    ls_attention attention;
    size_t heads, shared;       /* H; how many of them share a head of keys */
    size_t in[PROJECTIONS];     /* features that are projected */
    size_t width[PROJECTIONS];  /* and what they are projected to */
    size_t place[PROJECTIONS];  /* in a record; of OUTPUT: what goes into it */
    size_t length[PROJECTIONS]; /* positions: T or S */
    size_t record, records;     /* floats; positions of a sample */
    size_t head_scratch;
} multi_head;

static const char *const names[PROJECTIONS][2] = {
    {"query_kernel", "query_bias"},
    {"key_kernel", "key_bias"},
    {"value_kernel", "value_bias"},
    {"output_kernel", "output_bias"},
};

/* ---- build ---- */

static ls_status check_inputs(ls_layer *layer, const ls_shape *in, size_t inputs)
{
    const multi_head *c = layer->config;
    char text[LS_SHAPE_TEXT_BYTES];

    for (size_t i = 0; i < inputs; i++)
        if (in[i].axes != 2)
            return ls_layer_fail(layer, "takes sequences of vectors, (samples, positions, features), not %s",
                                 ls_shape_format_batch(&in[i], text));
    if (inputs == 3 && in[1].dim[0] != in[2].dim[0])
        return ls_layer_fail(layer, "has a value of %zu positions and a key of %zu: they must be as many", in[1].dim[0],
                             in[2].dim[0]);
    if (c->attention_axes.count > 1 ||
        (c->attention_axes.count == 1 && c->attention_axes.value[0] != 1 && c->attention_axes.value[0] != -2))
        return ls_layer_fail(layer, "attention_axes must be 1, the axis of the positions");
    if (c->groups && c->num_heads % c->groups)
        return ls_layer_fail(layer, "num_query_heads (%lld) must be a multiple of num_key_value_heads (%lld)",
                             (long long)c->num_heads, (long long)c->groups);
    if (c->groups && in[0].dim[1] != in[1].dim[1])
        return ls_layer_fail(layer, "needs as many features of the query (%zu) as of the value (%zu)", in[0].dim[1],
                             in[1].dim[1]);
    return LS_OK;
}

static ls_status shape_output(const ls_layer *layer, const ls_shape *in, ls_shape *out)
{
    const ls_ints *given = &((const multi_head *)layer->config)->output_shape;

    *out = in[0];
    if (given->count == 0)
        return LS_OK;
    if (given->count + 1 > LS_AXES_MAX)
        return ls_layer_fail(layer, "output_shape has more than %d entries", LS_AXES_MAX - 1);
    out->axes = 1 + given->count;
    for (size_t i = 0; i < given->count; i++)
        out->dim[1 + i] = (size_t)given->value[i];
    return ls_shape_check(out, "the output of an attention layer");
}

/* Of projection p: the kernel, as Keras has it, and its bias. */
static void shapes_of(const multi_head *c, size_t p, const ls_shape *out, ls_shape *kernel, ls_shape *bias)
{
    const size_t size = p == VALUE || p == OUTPUT ? c->attention.value_size : c->attention.size;

    if (p != OUTPUT) {
        *kernel = (ls_shape){3, {c->in[p], c->width[p] / size, size}};
        *bias = (ls_shape){2, {c->width[p] / size, size}};
        return;
    }
    *kernel = (ls_shape){out->axes + 1, {c->heads, size}};
    *bias = (ls_shape){out->axes - 1, {0}};
    for (size_t i = 1; i < out->axes; i++)
        kernel->dim[1 + i] = bias->dim[i - 1] = out->dim[i];
}

static ls_status add_weights(ls_layer *layer, const ls_shape *out)
{
    static const char *const groups[2][PROJECTIONS] = {
        {"query_dense", "key_dense", "value_dense", "output_dense"},
        {"_query_dense", "_key_dense", "_value_dense", "_output_dense"},
    };
    const multi_head *c = layer->config;

    for (size_t p = 0; p < PROJECTIONS; p++) {
        ls_shape kernel, bias;
        ls_param *param;

        shapes_of(c, p, out, &kernel, &bias);
        if (kernel.axes > LS_AXES_MAX)
            return ls_layer_fail(layer, "output_shape has too many entries");
        LS_TRY(ls_layer_add_param(layer, names[p][0], &kernel, true, &c->kernel_initializer, &c->kernel_regularizer,
                                  &c->kernel_constraint));
        param = &layer->param[layer->params - 1];
        param->fans = (ls_shape){2, {c->in[p], c->width[p]}};
        strcpy(param->group, groups[c->groups > 0][p]);
        if (!c->use_bias)
            continue;
        LS_TRY(ls_layer_add_param(layer, names[p][1], &bias, true, &c->bias_initializer, &c->bias_regularizer,
                                  &c->bias_constraint));
        strcpy(layer->param[layer->params - 1].group, groups[c->groups > 0][p]);
    }
    return LS_OK;
}

/* What depends on the shapes of the inputs. */
static void measure(multi_head *c, const ls_shape *in, size_t inputs, const ls_shape *out)
{
    ls_attention *const a = &c->attention;
    const size_t heads = (size_t)c->num_heads, groups = c->groups ? (size_t)c->groups : heads;
    size_t at = 0;

    *a = (ls_attention){.queries = in[0].dim[0],
                        .keys = in[1].dim[0],
                        .size = (size_t)c->key_dim,
                        .value_size = (size_t)(c->value_dim > 0 ? c->value_dim : c->key_dim),
                        .causal = c->causal,
                        .window = c->sliding_window > 0 ? (size_t)c->sliding_window : 0,
                        .masking = c->dropout > 0 ? LS_ATTENTION_ZEROES : LS_ATTENTION_REPLACES,
                        .dropout = c->dropout};
    a->scale = (float)(1.0 / sqrt((double)a->size));
    a->tile = ls_attention_tile(a->queries, a->keys);
    c->heads = heads;
    c->shared = heads / groups;
    for (size_t p = 0; p < PROJECTIONS; p++) {
        const size_t input = p == VALUE ? 1 : p == KEY ? inputs - 1 : 0;

        c->in[p] = p == OUTPUT ? heads * a->value_size : in[input].dim[1];
        c->length[p] = p == KEY || p == VALUE ? a->keys : a->queries;
        c->place[p] = at;
        at += p == QUERY ? heads * a->size
              : p == KEY ? groups * a->size
                         : (p == VALUE ? groups : heads) * a->value_size;
        c->width[p] = p == OUTPUT ? ls_shape_size(out) / out->dim[0] : at - c->place[p];
    }
    c->record = at;
    c->records = a->queries > a->keys ? a->queries : a->keys;
}

static ls_status build(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    multi_head *c = layer->config;
    size_t scratch;

    LS_TRY(check_inputs(layer, in, inputs));
    LS_TRY(shape_output(layer, in, out));
    if (layer->built)
        return ls_layer_same_inputs(layer, in, inputs);
    measure(c, in, inputs, out);
    if (!ls_size_mul(c->records, c->record, &layer->saved_per_sample) || !ls_attention_scratch(&c->attention, &scratch))
        return ls_layer_fail(layer, "a sequence of %zu positions is too long", c->records);
    c->head_scratch = scratch;
    /* Of one sample: the gradient of what the heads give; of one head of keys: theirs and the values'. */
    layer->scratch_fixed = scratch + c->attention.queries * c->in[OUTPUT] +
                           c->attention.keys * (c->attention.size + c->attention.value_size);
    return add_weights(layer, out);
}

/* ---- projections ---- */

static const float *kernel_of(const ls_layer *layer, size_t p)
{
    const multi_head *c = layer->config;

    return layer->param[c->use_bias ? 2 * p : p].value;
}

/* The input that a projection reads; of OUTPUT none. */
static size_t input_of(const ls_call *call, size_t p)
{
    return p == VALUE ? 1 : p == KEY ? call->inputs - 1 : 0;
}

/* A matrix of rows: a projection's on the side of the inputs, or of the outputs. */
typedef struct rows {
    float *at;
    size_t ld;
    size_t sample; /* from one sample's to the next one's */
} rows;

static rows in_records(const ls_call *call, size_t p)
{
    const multi_head *c = call->layer->config;

    return (rows){call->saved + c->place[p], c->record, c->record * c->records};
}

static rows contiguous(const ls_call *call, size_t p, const float *at, size_t width)
{
    return (rows){(float *)(uintptr_t)at, width, ((const multi_head *)call->layer->config)->length[p] * width};
}

/* Can the samples be taken as one matrix? */
static bool join(const multi_head *c, size_t p)
{
    return c->length[p] == c->records;
}

/* to = from x kernel + bias, or with `back` to (+)= from x kernel^T, of all rows of the call. */
static void project(const ls_call *call, size_t p, const rows *from, const rows *to, bool back, bool add)
{
    const multi_head *c = call->layer->config;
    const size_t calls = join(c, p) ? 1 : call->rows, n = call->rows / calls * c->length[p];
    const size_t in = back ? c->width[p] : c->in[p], out = back ? c->in[p] : c->width[p];

    for (size_t r = 0; r < calls; r++) {
        const float *const A = from->at + r * from->sample;
        float *const C = to->at + r * to->sample;

        if (call->arithmetic == LS_ARITHMETIC_PORTABLE)
            ls_product_run(&(ls_product){.A = ls_product_matrix(A, from->ld, false, n, in),
                                         .B = kernel_of(call->layer, p),
                                         .ldb = c->width[p],
                                         .transposed_b = back,
                                         .n = out,
                                         .C = C,
                                         .ldc = to->ld,
                                         .add = add,
                                         .bias = c->use_bias && !back ? call->layer->param[2 * p + 1].value : NULL});
        else
            ls_multiply(call->arithmetic, 'n', back ? 't' : 'n', n, out, in, A, from->ld, kernel_of(call->layer, p),
                        c->width[p], add, C, to->ld);
        for (size_t i = 0; call->arithmetic != LS_ARITHMETIC_PORTABLE && c->use_bias && !back && i < n; i++)
            ls_add(call->layer->param[2 * p + 1].value, C + i * to->ld, out);
    }
}

/* ---- forward ---- */

/* The mask of an input for sample r. */
static const float *mask_of(const ls_call *call, size_t input, size_t r)
{
    const multi_head *c = call->layer->config;
    const float *mask = ls_call_mask(call, input);

    return mask ? mask + r * c->length[input == 0 ? QUERY : KEY] : NULL;
}

/* Head h of sample r, from its records. stream: the sample's. */
static ls_attention_head head_at(const ls_call *call, size_t r, size_t h, const ls_stream *stream)
{
    const multi_head *c = call->layer->config;
    const ls_attention *a = &c->attention;
    const float *const record = call->saved + r * c->record * c->records;
    const size_t shared = h / c->shared;

    return (ls_attention_head){
        .attention = a,
        .call = call,
        .q = record + c->place[QUERY] + h * a->size,
        .k = record + c->place[KEY] + shared * a->size,
        .v = record + c->place[VALUE] + shared * a->value_size,
        .ldq = c->record,
        .ldk = c->record,
        .ldv = c->record,
        .query_mask = mask_of(call, 0, r),
        .key_mask = {mask_of(call, 1, r), call->inputs > 2 ? mask_of(call, 2, r) : NULL},
        .stream = call->training && a->dropout > 0 ? stream : NULL,
        .first_random = (uint64_t)h * a->queries * a->keys,
        .scratch = call->scratch,
    };
}

static ls_stream stream_of(const ls_call *call, size_t r)
{
    return ls_attention_stream(call, ((const multi_head *)call->layer->config)->seed, r);
}

static void forward(const ls_call *call)
{
    const multi_head *c = call->layer->config;
    const rows given = in_records(call, OUTPUT), Y = contiguous(call, OUTPUT, call->Y, c->width[OUTPUT]);

    for (size_t p = 0; p < OUTPUT; p++) {
        const rows X = contiguous(call, p, call->X[input_of(call, p)], c->in[p]), record = in_records(call, p);

        project(call, p, &X, &record, false, false);
    }
    for (size_t r = 0; r < call->rows; r++) {
        const ls_stream stream = stream_of(call, r);

        for (size_t h = 0; h < c->heads; h++) {
            const ls_attention_head head = head_at(call, r, h, &stream);

            ls_attention_forward(&head, given.at + r * given.sample + h * c->attention.value_size, given.ld);
        }
    }
    project(call, OUTPUT, &given, &Y, false, false);
}

/* ---- backward ---- */

/* Rows (n) of a contiguous matrix into a record's place. */
static void put_rows(const float *from, size_t width, size_t n, float *to, size_t ld)
{
    for (size_t i = 0; i < n; i++)
        ls_copy(from + i * width, to + i * ld, width);
}

/* One head of keys of sample r and the heads that share it: their records become gradients. dgiven: (T, heads E). */
static void group_back(const ls_call *call, size_t r, size_t group, const ls_stream *stream, const float *dgiven)
{
    const multi_head *c = call->layer->config;
    const ls_attention *a = &c->attention;
    float *const record = call->saved + r * c->record * c->records;
    float *const dk = call->scratch + c->head_scratch + a->queries * c->in[OUTPUT], *const dv = dk + a->keys * a->size;

    memset(dk, 0, a->keys * (a->size + a->value_size) * sizeof *dk);
    for (size_t h = group * c->shared; h < (group + 1) * c->shared; h++) {
        const ls_attention_head head = head_at(call, r, h, stream);

        ls_attention_backward(&head, dgiven + h * a->value_size, c->in[OUTPUT], record + c->place[QUERY] + h * a->size,
                              c->record, dk, dv);
    }
    put_rows(dk, a->size, a->keys, record + c->place[KEY] + group * a->size, c->record);
    put_rows(dv, a->value_size, a->keys, record + c->place[VALUE] + group * a->value_size, c->record);
}

static void prepare_backward(const ls_call *call)
{
    const multi_head *c = call->layer->config;
    float *const dgiven = call->scratch + c->head_scratch;

    for (size_t r = 0; r < call->rows; r++) {
        const ls_stream stream = stream_of(call, r);

        ls_multiply(call->arithmetic, 'n', 't', c->length[OUTPUT], c->in[OUTPUT], c->width[OUTPUT],
                    call->dY + r * c->length[OUTPUT] * c->width[OUTPUT], c->width[OUTPUT],
                    kernel_of(call->layer, OUTPUT), c->width[OUTPUT], false, dgiven, c->in[OUTPUT]);
        for (size_t group = 0; group < c->heads / c->shared; group++)
            group_back(call, r, group, &stream, dgiven);
    }
}

static void backward(const ls_call *call)
{
    const multi_head *c = call->layer->config;
    bool given[3] = {false};

    for (size_t p = 0; p < OUTPUT; p++) {
        const size_t input = input_of(call, p);
        const rows d = in_records(call, p);

        if (call->dX[input]) {
            const rows dX = contiguous(call, p, call->dX[input], c->in[p]);

            project(call, p, &d, &dX, true, given[input] || !call->first_use);
            given[input] = true;
        }
    }
}

/* ---- gradients of weights: tiles of rows of each kernel, then its bias ---- */

static size_t kernel_tiles(const multi_head *c, size_t p)
{
    const size_t tile_rows = ls_tile_rows(c->width[p]);

    return (c->in[p] + tile_rows - 1) / tile_rows;
}

static size_t tiles(const ls_layer *layer)
{
    const multi_head *c = layer->config;
    size_t n = 0;

    for (size_t p = 0; p < PROJECTIONS; p++)
        n += kernel_tiles(c, p) + c->use_bias;
    return n;
}

/* The projection that a tile belongs to; the tile becomes one of that. */
static size_t projection_of_tile(const multi_head *c, size_t *tile)
{
    size_t p = 0;

    for (; *tile >= kernel_tiles(c, p) + c->use_bias; p++)
        *tile -= kernel_tiles(c, p) + c->use_bias;
    return p;
}

static void tile_range(const ls_layer *layer, size_t tile, size_t *first, size_t *n)
{
    const multi_head *c = layer->config;
    const size_t p = projection_of_tile(c, &tile), kernel = ls_pad_block(c->in[p] * c->width[p]);
    const size_t size = ls_tile_rows(c->width[p]) * c->width[p], bias = tile == kernel_tiles(c, p);

    *first = bias ? kernel : tile * size;
    for (size_t before = 0; before < p; before++)
        *first += ls_pad_block(c->in[before] * c->width[before]) + (c->use_bias ? ls_pad_block(c->width[before]) : 0);
    *n = bias ? ls_pad_block(c->width[p]) : tile * size + size < kernel ? size : kernel - tile * size;
}

static void backward_params(const ls_call *call, size_t tile, float *out)
{
    const multi_head *c = call->layer->config;
    const size_t p = projection_of_tile(c, &tile), width = c->width[p], tile_rows = ls_tile_rows(width);
    const size_t first = tile * tile_rows, calls = join(c, p) ? 1 : call->rows, n = call->rows / calls * c->length[p];
    const rows X = p == OUTPUT ? in_records(call, p) : contiguous(call, p, call->X[input_of(call, p)], c->in[p]);
    const rows d = p == OUTPUT ? contiguous(call, p, call->dY, width) : in_records(call, p);

    if (tile == kernel_tiles(c, p)) {
        memset(out, 0, width * sizeof *out);
        for (size_t r = 0; r < call->rows; r++)
            for (size_t i = 0; i < c->length[p]; i++)
                ls_add(d.at + r * d.sample + i * d.ld, out, width);
        return;
    }
    for (size_t r = 0; r < calls; r++)
        ls_multiply(call->arithmetic, 't', 'n', c->in[p] - first < tile_rows ? c->in[p] - first : tile_rows, width, n,
                    X.at + r * X.sample + first, X.ld, d.at + r * d.sample, d.ld, r > 0, out, width);
}

static ls_product_sum first_param_product(const ls_call *call)
{
    const multi_head *c = call->layer->config;
    const rows d = in_records(call, QUERY);

    if (!join(c, QUERY))
        return (ls_product_sum){.A = {.at = NULL}};
    return (ls_product_sum){
        .A = ls_product_matrix(call->X[0], c->in[QUERY], true, c->in[QUERY], call->rows * c->length[QUERY]),
        .B = d.at,
        .ldb = d.ld,
        .n = c->width[QUERY],
        .length = c->length[QUERY]};
}

/* ---- options ---- */

#define COUNT(key, field)                                                                                   \
    {                                                                                                       \
        .name = key, .kind = LS_OPTION_INT, .offset = offsetof(multi_head, field), .min = 1, .max = 1 << 20 \
    }
#define COMMON                                                                                                 \
    {.name = "use_bias", .kind = LS_OPTION_BOOL, .offset = offsetof(multi_head, use_bias), .initial = "true"}, \
        LS_ATTENTION_DROPOUT(multi_head), LS_ATTENTION_CAUSAL(multi_head),                                     \
        {.name = "sliding_window",                                                                             \
         .kind = LS_OPTION_INT,                                                                                \
         .offset = offsetof(multi_head, sliding_window),                                                       \
         .initial = "null",                                                                                    \
         .nullable = true,                                                                                     \
         .min = 1,                                                                                             \
         .max = 1 << 30},                                                                                      \
        LS_COMPONENT_OPTION(multi_head, kernel_initializer, ls_initializers, "glorot_uniform"),                \
        LS_COMPONENT_OPTION(multi_head, bias_initializer, ls_initializers, "zeros"),                           \
        LS_COMPONENT_OPTION(multi_head, kernel_regularizer, ls_regularizers, "null"),                          \
        LS_COMPONENT_OPTION(multi_head, bias_regularizer, ls_regularizers, "null"),                            \
        LS_COMPONENT_OPTION(multi_head, kernel_constraint, ls_constraints, "null"),                            \
        LS_COMPONENT_OPTION(multi_head, bias_constraint, ls_constraints, "null"), LS_ATTENTION_SEED(multi_head)

static const ls_option multi_head_options[] = {
    COUNT("num_heads", num_heads),
    COUNT("key_dim", key_dim),
    {.name = "value_dim",
     .kind = LS_OPTION_INT,
     .offset = offsetof(multi_head, value_dim),
     .initial = "null",
     .nullable = true,
     .min = 1,
     .max = 1 << 20},
    {.name = "output_shape",
     .kind = LS_OPTION_INTS,
     .offset = offsetof(multi_head, output_shape),
     .initial = "null",
     .nullable = true,
     .min = 1,
     .max = INT_MAX},
    {.name = "attention_axes",
     .kind = LS_OPTION_INTS,
     .offset = offsetof(multi_head, attention_axes),
     .initial = "null",
     .nullable = true,
     .min = -8,
     .max = 8},
    COMMON,
    {.name = NULL},
};

static const ls_option group_query_options[] = {
    COUNT("head_dim", key_dim),
    COUNT("num_query_heads", num_heads),
    COUNT("num_key_value_heads", groups),
    COMMON,
    {.name = NULL},
};

static const char *const inputs_of_call[] = {"query", "value", "key", NULL};

#define OPS                                                                                                     \
    .inputs_min = 2, .inputs_max = 3, .build = build, .mask_shape = ls_mask_pass, .forward = forward,           \
    .prepare_backward = prepare_backward, .backward = backward, .backward_params = backward_params,             \
    .first_param_product = first_param_product, .tiles = tiles, .tile_range = tile_range, .masks_at_run = true, \
    .input_names = inputs_of_call, .call_options = ls_attention_call_options

const ls_layer_ops ls_layer_multi_head_attention = {
    .ops = {.name = "multi_head_attention",
            .keras_name = "MultiHeadAttention",
            .options = multi_head_options,
            .config_bytes = sizeof(multi_head)},
    OPS,
    .sheds_masks = true,
};

const ls_layer_ops ls_layer_group_query_attention = {
    .ops = {.name = "group_query_attention",
            .keras_name = "GroupQueryAttention",
            .aliases = (const char *const[]){"GroupedQueryAttention", NULL},
            .options = group_query_options,
            .config_bytes = sizeof(multi_head)},
    OPS,
    .keras_class = "GroupedQueryAttention",
};
