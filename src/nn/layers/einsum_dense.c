/*
 * einsum_dense: Y = einsum(equation, X, kernel) + bias.
 *
 * The letters behind the batch are of four kinds: free ones (of X and Y), summed ones (of X and the kernel), new ones
 * (of the kernel and Y) and groups (of all three). For every index of the groups Y is a product of matrices,
 *
 *     Y (rows x free, new) = X (rows x free, summed) K (summed, new)
 *
 * whose operands are gathered from where they lie, and whose result is put where it belongs.
 */
#include "nn/layers/layers.h"
#include "nn/layers/walk.h"

#include <string.h>

enum { FREE, SUMMED, NEW, GROUP, KINDS };
enum { INPUT, KERNEL, OUTPUT, TERMS };

/* The letters of one kind, in the order they are first met, and where they lie in the three arrays. */
typedef struct letters {
    ls_shape shape;
    size_t stride[TERMS][LS_AXES_MAX]; /* 0 where an array does not have the letter */
} letters;

typedef struct einsum_dense {
    char equation[LS_OPTION_TEXT_BYTES], bias_axes[LS_OPTION_TEXT_BYTES];
    ls_ints output_shape; /* of the named letters behind the batch; 0: as in the input */
    ls_component activation;
    ls_component kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer;
    ls_component kernel_constraint, bias_constraint;
    letters kind[KINDS];             /* set by build */
    size_t bias_stride[LS_AXES_MAX]; /* likewise: of the bias along the axes of the output */
} einsum_dense;

#define LETTERS_MAX (LS_AXES_MAX + 2)

/* ---- the equation ---- */

typedef struct operand {
    char letter[LETTERS_MAX];
    size_t n;
} operand;

static size_t place_of(const operand *t, char letter)
{
    const char *at = memchr(t->letter, letter, t->n);

    return at ? (size_t)(at - t->letter) : SIZE_MAX;
}

/* One term, up to any of `end`; "..." is written out as `elided` digits. NULL: no term. */
static const char *read_term(const char *c, const char *end, size_t elided, operand *out)
{
    out->n = 0;
    while (*c && !strchr(end, *c)) {
        const bool dots = strncmp(c, "...", 3) == 0;

        for (size_t i = 0; i < (dots ? elided : 1); i++) {
            const char letter = dots ? (char)('0' + i) : *c;

            if (out->n == LETTERS_MAX || place_of(out, letter) != SIZE_MAX)
                return NULL;
            out->letter[out->n++] = letter;
        }
        if (!dots && !((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')))
            return NULL;
        c += dots ? 3 : 1;
    }
    return out->n > 0 ? c : NULL;
}

/* "ab,bc->ac" for an input of so many axes besides the batch. */
static bool read_equation(const char *equation, size_t axes, operand t[3])
{
    const char *comma = strchr(equation, ',');
    size_t written = 0, elided = 0;

    for (const char *c = equation; comma && c < comma; c++)
        written += *c != '.';
    if (strstr(equation, "...")) {
        if (written > axes + 1)
            return false;
        elided = axes + 1 - written;
    }
    if (!comma || read_term(equation, ",", elided, &t[INPUT]) != comma)
        return false;
    equation = read_term(comma + 1, "-", 0, &t[KERNEL]);
    if (!equation || strncmp(equation, "->", 2) != 0)
        return false;
    equation = read_term(equation + 2, "", elided, &t[OUTPUT]);
    return equation && t[INPUT].n == axes + 1 && t[INPUT].letter[0] == t[OUTPUT].letter[0] &&
           place_of(&t[KERNEL], t[INPUT].letter[0]) == SIZE_MAX;
}

/* ---- shapes ---- */

static bool is_elided(char letter)
{
    return letter >= '0' && letter <= '9';
}

/* output_shape says nothing of the batch and of what "..." stands for. */
static ls_status size_output(const ls_layer *layer, const operand t[3], const ls_shape *in, ls_shape *out)
{
    const ls_ints *given = &((const einsum_dense *)layer->config)->output_shape;
    size_t wanted = 0, next = 0;

    for (size_t i = 1; i < t[OUTPUT].n; i++)
        wanted += !is_elided(t[OUTPUT].letter[i]);
    if (given->count != wanted)
        return ls_layer_fail(layer, "output_shape has %zu entries, but the equation names %zu axes besides the batch",
                             given->count, wanted);
    if (t[OUTPUT].n - 1 > LS_AXES_MAX)
        return ls_layer_fail(layer, "the output would have more than %d axes", LS_AXES_MAX);
    out->axes = t[OUTPUT].n - 1;
    for (size_t i = 0; i < out->axes; i++) {
        const char letter = t[OUTPUT].letter[i + 1];
        const size_t place = place_of(&t[INPUT], letter);
        const int64_t size = is_elided(letter) ? 0 : given->value[next++];

        if (size == 0 && place == SIZE_MAX)
            return ls_layer_fail(layer, "output_shape must give the size of '%c', which the input does not have",
                                 letter);
        out->dim[i] = size == 0 ? in->dim[place - 1] : (size_t)size;
        if (place != SIZE_MAX && out->dim[i] != in->dim[place - 1])
            return ls_layer_fail(layer, "output_shape gives %zu for '%c', which is %zu in the input", out->dim[i],
                                 letter, in->dim[place - 1]);
    }
    return ls_shape_check(out, "the output of einsum_dense");
}

static ls_status shape_kernel(const ls_layer *layer, const operand t[3], const ls_shape *in, const ls_shape *out,
                              ls_shape *kernel)
{
    kernel->axes = t[KERNEL].n;
    if (kernel->axes > LS_AXES_MAX)
        return ls_layer_fail(layer, "the kernel would have more than %d axes", LS_AXES_MAX);
    for (size_t i = 0; i < kernel->axes; i++) {
        const size_t input = place_of(&t[INPUT], t[KERNEL].letter[i]),
                     output = place_of(&t[OUTPUT], t[KERNEL].letter[i]);

        if (input == SIZE_MAX && output == SIZE_MAX)
            return ls_layer_fail(layer, "the letter '%c' of the kernel is in neither input nor output",
                                 t[KERNEL].letter[i]);
        kernel->dim[i] = input != SIZE_MAX ? in->dim[input - 1] : out->dim[output - 1];
    }
    return LS_OK;
}

/* From the first axis of the output that is a bias axis to the last: 1 for those that are none. */
static ls_status shape_bias(const ls_layer *layer, const operand *output, const ls_shape *out, ls_shape *bias)
{
    const char *axes = ((const einsum_dense *)layer->config)->bias_axes;
    size_t first = output->n;

    for (const char *c = axes; *c; c++) {
        const size_t place = place_of(output, *c);

        if (place == SIZE_MAX || place == 0)
            return ls_layer_fail(layer, "bias_axes names '%c', which is no axis of the output besides the batch", *c);
        first = place < first ? place : first;
    }
    bias->axes = output->n - first;
    for (size_t i = 0; i < bias->axes; i++)
        bias->dim[i] = strchr(axes, output->letter[first + i]) ? out->dim[first + i - 1] : 1;
    return LS_OK;
}

/* The step of the letter at `place` (counted with `skip` letters that are not stored) in an array; 0: not there. */
static size_t step_of(const ls_shape *shape, size_t place, size_t skip)
{
    size_t step = 1;

    if (place == SIZE_MAX || place < skip || shape->dim[place - skip] == 1)
        return 0;
    for (size_t i = place - skip + 1; i < shape->axes; i++)
        step *= shape->dim[i];
    return step;
}

static void add_letter(einsum_dense *config, const operand t[3], char letter, size_t size, const ls_shape *shape[TERMS])
{
    const size_t input = place_of(&t[INPUT], letter), kernel = place_of(&t[KERNEL], letter);
    const size_t output = place_of(&t[OUTPUT], letter);
    letters *k = &config->kind[kernel == SIZE_MAX   ? FREE
                               : output == SIZE_MAX ? SUMMED
                               : input == SIZE_MAX  ? NEW
                                                    : GROUP];
    const size_t i = k->shape.axes++;

    k->shape.dim[i] = size;
    k->stride[INPUT][i] = step_of(shape[INPUT], input, 1);
    k->stride[KERNEL][i] = step_of(shape[KERNEL], kernel, 0);
    k->stride[OUTPUT][i] = step_of(shape[OUTPUT], output, 1);
}

/* Every letter to its kind. */
static ls_status sort_letters(ls_layer *layer, const operand t[3], const ls_shape *shape[TERMS])
{
    static const char *const names[TERMS] = {"input", "kernel", "output"};

    for (int own = 0; own < TERMS; own++)
        for (size_t i = own == KERNEL ? 0 : 1; i < t[own].n; i++) {
            const char letter = t[own].letter[i];
            bool elsewhere = false;

            for (int other = 0; other < TERMS; other++)
                elsewhere |= other != own && place_of(&t[other], letter) != SIZE_MAX;
            if (!elsewhere)
                return ls_layer_fail(layer, "the letter '%c' is in the %s alone", letter, names[own]);
            if (own == INPUT || (own == KERNEL && place_of(&t[INPUT], letter) == SIZE_MAX))
                add_letter(layer->config, t, letter, shape[own]->dim[own == KERNEL ? i : i - 1], shape);
        }
    return LS_OK;
}

static ls_status add_params(ls_layer *layer, const ls_shape *kernel, const ls_shape *bias)
{
    const einsum_dense *config = layer->config;
    const size_t inputs = ls_shape_size(&config->kind[SUMMED].shape);

    LS_TRY(ls_layer_add_param(layer, "kernel", kernel, true, &config->kernel_initializer, &config->kernel_regularizer,
                              &config->kernel_constraint));
    /* Groups are outputs to Keras, so that the two always make up the kernel. */
    layer->param[0].fans = (ls_shape){2, {inputs, ls_shape_size(kernel) / inputs}};
    if (*config->bias_axes)
        LS_TRY(ls_layer_add_param(layer, "bias", bias, true, &config->bias_initializer, &config->bias_regularizer,
                                  &config->bias_constraint));
    return LS_OK;
}

static ls_status build_einsum_dense(ls_layer *layer, const ls_shape *in, size_t inputs, ls_shape *out)
{
    einsum_dense *config = layer->config;
    ls_shape kernel = {0}, bias = {0};
    const ls_shape *shape[TERMS] = {&in[0], &kernel, out};
    char text[LS_SHAPE_TEXT_BYTES];
    size_t free, summed, new;
    operand t[3];

    if (layer->built)
        LS_TRY(ls_layer_same_inputs(layer, in, inputs));
    if (!read_equation(config->equation, in[0].axes, t))
        return ls_layer_fail(layer,
                             "the equation '%s' is none for an input of shape %s: write it like 'abc,cd->abd', each "
                             "letter once in a term, the batch first",
                             config->equation, ls_shape_format_batch(&in[0], text));
    LS_TRY(size_output(layer, t, &in[0], out));
    if (layer->built)
        return LS_OK;
    for (size_t i = 1, next = 0; i < t[OUTPUT].n; i++) /* Keras, reading it, knows no other sizes than these */
        if (!is_elided(t[OUTPUT].letter[i]))
            config->output_shape.value[next++] = (int64_t)out->dim[i - 1];
    LS_TRY(shape_kernel(layer, t, &in[0], out, &kernel));
    LS_TRY(shape_bias(layer, &t[OUTPUT], out, &bias));
    LS_TRY(sort_letters(layer, t, shape));
    for (size_t i = 0; i < out->axes; i++)
        config->bias_stride[i] = step_of(&bias, i + 1, t[OUTPUT].n - bias.axes);
    layer->activation = config->activation;
    layer->activity_regularizer = config->activity_regularizer;
    free = ls_shape_size(&config->kind[FREE].shape);
    summed = ls_shape_size(&config->kind[SUMMED].shape);
    new = ls_shape_size(&config->kind[NEW].shape);
    layer->scratch_per_sample = free * (summed + new);
    layer->scratch_fixed = summed * new;
    return add_params(layer, &kernel, &bias);
}

/* ---- gathering and scattering ---- */

static size_t count_of(const ls_call *call, int kind)
{
    return ls_shape_size(&((const einsum_dense *)call->layer->config)->kind[kind].shape);
}

/* Where element (outer, inner) of a matrix lies in an array: visit it in row-major order. */
static inline void for_elements(const letters *outer, const letters *inner, int term, float *array, float *matrix,
                                void (*visit)(float *element, float *cell))
{
    const size_t rows = ls_shape_size(&outer->shape), columns = ls_shape_size(&inner->shape);
    ls_walk o = {.shape = &outer->shape, .stride = outer->stride[term]};

    for (size_t r = 0; r < rows; r++, ls_walk_next(&o)) {
        ls_walk i = {.shape = &inner->shape, .stride = inner->stride[term]};

        for (size_t c = 0; c < columns; c++, ls_walk_next(&i))
            visit(array + o.offset + i.offset, matrix++);
    }
}

static inline void take(float *element, float *cell)
{
    *cell = *element;
}

static inline void put(float *element, float *cell)
{
    *element = *cell;
}

static inline void add(float *element, float *cell)
{
    *element += *cell;
}

/* The parts of scratch: a matrix of X (rows x free, summed), of Y (rows x free, new), of the kernel (summed, new). */
typedef struct matrices {
    float *X, *Y, *K;
    size_t rows, summed, new;
} matrices;

static matrices matrices_in(const ls_call *call)
{
    matrices m = {
        .rows = call->rows * count_of(call, FREE), .summed = count_of(call, SUMMED), .new = count_of(call, NEW)};

    m.X = call->scratch;
    m.Y = m.X + m.rows * m.summed;
    m.K = m.Y + m.rows * m.new;
    return m;
}

/* All samples of an array at a group: to or from its matrix. */
static void for_samples(const ls_call *call, int term, size_t group, const float *array, float *matrix,
                        void (*visit)(float *element, float *cell))
{
    const einsum_dense *config = call->layer->config;
    const letters *columns = &config->kind[term == INPUT ? SUMMED : NEW];
    const size_t size = ls_shape_size(term == INPUT ? &call->layer->in_shape[0] : &call->layer->out_shape);
    const size_t step = ls_shape_size(&config->kind[FREE].shape) * ls_shape_size(&columns->shape);

    for (size_t r = 0; r < call->rows; r++)
        for_elements(&config->kind[FREE], columns, term, (float *)(uintptr_t)array + r * size + group,
                     matrix + r * step, visit);
}

/* An index of the groups, and where it begins in the arrays. */
typedef struct groups {
    ls_walk at[TERMS];
    size_t left;
} groups;

static groups first_group(const ls_call *call)
{
    const letters *kind = &((const einsum_dense *)call->layer->config)->kind[GROUP];
    groups g = {.left = ls_shape_size(&kind->shape)};

    for (int term = 0; term < TERMS; term++)
        g.at[term] = (ls_walk){.shape = &kind->shape, .stride = kind->stride[term]};
    return g;
}

static void next_group(groups *g)
{
    for (int term = 0; term < TERMS; term++)
        ls_walk_next(&g->at[term]);
    g->left--;
}

static void take_kernel(const ls_call *call, const groups *g, const matrices *m)
{
    const einsum_dense *config = call->layer->config;

    for_elements(&config->kind[SUMMED], &config->kind[NEW], KERNEL, call->layer->param[0].value + g->at[KERNEL].offset,
                 m->K, take);
}

/* Y += bias, or out += dY. */
static void for_bias(const ls_call *call, float *Y, float *bias, void (*visit)(float *element, float *cell))
{
    const einsum_dense *config = call->layer->config;
    const size_t n = ls_shape_size(&call->layer->out_shape);

    for (size_t r = 0; r < call->rows; r++) {
        ls_walk b = {.shape = &call->layer->out_shape, .stride = config->bias_stride};

        for (size_t i = 0; i < n; i++, ls_walk_next(&b))
            visit(bias + b.offset, Y + r * n + i);
    }
}

static void add_to_cell(float *element, float *cell)
{
    *cell += *element;
}

static void forward_einsum_dense(const ls_call *call)
{
    const matrices m = matrices_in(call);

    for (groups g = first_group(call); g.left; next_group(&g)) {
        for_samples(call, INPUT, g.at[INPUT].offset, call->X[0], m.X, take);
        take_kernel(call, &g, &m);
        ls_multiply(call->arithmetic, 'n', 'n', m.rows, m.new, m.summed, m.X, m.summed, m.K, m.new, false, m.Y, m.new);
        for_samples(call, OUTPUT, g.at[OUTPUT].offset, call->Y, m.Y, put);
    }
    if (call->layer->params > 1)
        for_bias(call, call->Y, call->layer->param[1].value, add_to_cell);
}

/* dX = dY K^T, of each group. */
static void backward_einsum_dense(const ls_call *call)
{
    const matrices m = matrices_in(call);

    if (!call->dX[0])
        return;
    ls_clear_if_first(call, call->dX[0], call->rows * ls_shape_size(&call->layer->in_shape[0]));
    for (groups g = first_group(call); g.left; next_group(&g)) {
        for_samples(call, OUTPUT, g.at[OUTPUT].offset, call->dY, m.Y, take);
        take_kernel(call, &g, &m);
        ls_multiply(call->arithmetic, 'n', 't', m.rows, m.summed, m.new, m.Y, m.new, m.K, m.new, false, m.X, m.summed);
        for_samples(call, INPUT, g.at[INPUT].offset, call->dX[0], m.X, add);
    }
}

/* dK = X^T dY, of each group; dbias = the sum of dY, sample by sample. */
static void backward_params_einsum_dense(const ls_call *call, size_t tile, float *out)
{
    const einsum_dense *config = call->layer->config;
    const ls_param *param = call->layer->param;
    const matrices m = matrices_in(call);

    (void)tile;
    for (groups g = first_group(call); g.left; next_group(&g)) {
        for_samples(call, INPUT, g.at[INPUT].offset, call->X[0], m.X, take);
        for_samples(call, OUTPUT, g.at[OUTPUT].offset, call->dY, m.Y, take);
        ls_multiply(call->arithmetic, 't', 'n', m.summed, m.new, m.rows, m.X, m.summed, m.Y, m.new, false, m.K, m.new);
        for_elements(&config->kind[SUMMED], &config->kind[NEW], KERNEL, out + g.at[KERNEL].offset, m.K, put);
    }
    if (call->layer->params > 1) {
        out += ls_pad_block(param[0].size);
        memset(out, 0, param[1].size * sizeof *out);
        for_bias(call, (float *)(uintptr_t)call->dY, out, add);
    }
}

static const ls_option options[] = {
    {.name = "equation", .kind = LS_OPTION_TEXT, .offset = offsetof(einsum_dense, equation)},
    {.name = "output_shape",
     .kind = LS_OPTION_INTS,
     .offset = offsetof(einsum_dense, output_shape),
     .nulls = true,
     .min = 1,
     .max = 0x1p31},
    LS_COMPONENT_OPTION(einsum_dense, activation, ls_activations, "null"),
    {.name = "bias_axes",
     .kind = LS_OPTION_TEXT,
     .offset = offsetof(einsum_dense, bias_axes),
     .initial = "null",
     .nullable = true},
    LS_COMPONENT_OPTION(einsum_dense, kernel_initializer, ls_initializers, "glorot_uniform"),
    LS_COMPONENT_OPTION(einsum_dense, bias_initializer, ls_initializers, "zeros"),
    LS_COMPONENT_OPTION(einsum_dense, kernel_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(einsum_dense, bias_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(einsum_dense, activity_regularizer, ls_regularizers, "null"),
    LS_COMPONENT_OPTION(einsum_dense, kernel_constraint, ls_constraints, "null"),
    LS_COMPONENT_OPTION(einsum_dense, bias_constraint, ls_constraints, "null"),
    {.name = NULL},
};

const ls_layer_ops ls_layer_einsum_dense = {
    .ops = {.name = "einsum_dense",
            .keras_name = "EinsumDense",
            .options = options,
            .config_bytes = sizeof(einsum_dense)},
    .inputs_min = 1,
    .inputs_max = 1,
    .build = build_einsum_dense,
    .forward = forward_einsum_dense,
    .backward = backward_einsum_dense,
    .backward_params = backward_params_einsum_dense,
};
