/*
 * Orthonormal columns (or rows, if there are fewer): the Q of a matrix of normals, times gain (Saxe, McClelland and
 * Ganguli 2014). The matrix has rows = all axes but the last, cols = the last.
 *
 * Q is the one whose R has a positive diagonal, which is what Keras's Q sign(diag R) makes of any QR. Gram-Schmidt in
 * double gives it directly; orthogonalising twice makes it orthogonal to rounding (Giraud, Langou and Rozloznik 2005).
 */
#include "nn/initializers/initializers.h"

#include <float.h>
#include <math.h>

#include "base/memory.h"

typedef struct orthogonal {
    double gain;
    int64_t seed;
} orthogonal;

/* Eight running sums, added pairwise: a fixed order that vectorises. */
static double dot(const double *restrict x, const double *restrict y, size_t n)
{
    double s[8] = {0};
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            s[j] += x[i + j] * y[i + j];
    for (size_t j = 0; i < n; i++, j++)
        s[j] += x[i] * y[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

static void subtract(double a, const double *restrict x, double *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] -= a * x[i];
}

/* count vectors of n elements, one after another, become orthonormal, each with a positive part along its old self. */
static bool orthonormalise(double *vectors, size_t count, size_t n)
{
    for (size_t k = 0; k < count; k++) {
        double *const v = vectors + k * n;
        double norm;

        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < k; j++)
                subtract(dot(vectors + j * n, v, n), vectors + j * n, v, n);
        norm = sqrt(dot(v, v, n));
        if (!(norm > 0.0))
            return false;
        for (size_t i = 0; i < n; i++)
            v[i] /= norm;
    }
    return true;
}

static ls_status fill(const void *config, const ls_shape *shape, const ls_stream *stream, float *out)
{
    const double gain = ((const orthogonal *)config)->gain;
    char text[LS_SHAPE_TEXT_BYTES];
    size_t rows, cols, n, count;
    double *vectors = NULL;

    if (shape->axes < 2)
        return ls_fail(LS_ERR_SHAPE, "initializer 'orthogonal' needs a weight of at least two axes, not %s",
                       ls_shape_format(shape, text));
    cols = shape->dim[shape->axes - 1];
    rows = ls_shape_size(shape) / cols;
    n = rows > cols ? rows : cols;
    count = rows > cols ? cols : rows;
    if (!(vectors = ls_calloc(n * count, sizeof *vectors, "an orthogonal matrix")))
        return LS_ERR_MEMORY;

    /* The (n, count) matrix of normals, column by column. */
    ls_stream_normal(stream, 0, n * count, out);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < count; k++)
            vectors[k * n + i] = (double)out[i * count + k];
    if (!orthonormalise(vectors, count, n)) {
        ls_free(vectors);
        return ls_fail(LS_ERR_NUMERIC,
                       "initializer 'orthogonal' drew dependent vectors for a weight of shape %s; "
                       "choose another seed",
                       ls_shape_format(shape, text));
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            out[r * cols + c] = (float)(gain * (rows >= cols ? vectors[c * n + r] : vectors[r * n + c]));
    ls_free(vectors);
    return LS_OK;
}

static const ls_option options[] = {
    {.name = "gain",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(orthogonal, gain),
     .initial = "1.0",
     .min = -FLT_MAX,
     .max = FLT_MAX},
    LS_SEED_OPTION(orthogonal),
    {.name = NULL},
};

const ls_initializer_ops ls_orthogonal = {
    .ops = {.name = "orthogonal",
            .keras_name = "Orthogonal",
            .aliases = (const char *const[]){"orthogonal_initializer", "OrthogonalInitializer", NULL},
            .options = options,
            .config_bytes = sizeof(orthogonal)},
    .fill = fill,
};
