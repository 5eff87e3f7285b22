#include "spatial_reference.h"

/* One of three axes; those that there are none of have one cell. */
typedef struct axis {
    long size, out, kernel, stride, dilation, before;
} axis;

typedef struct volume {
    axis at[3];
    size_t in, out;             /* channels */
    size_t in_cells, out_cells; /* of a sample, without channels */
} volume;

/* Cells in front, by Keras's rule. */
static long padding_before(const layer_driver *d, long covered, long size, long reach)
{
    if (!strcmp(driver_text(d, "padding"), "causal"))
        return reach - 1;
    return strcmp(driver_text(d, "padding"), "same") || covered < size ? 0 : (covered - size) / 2;
}

static volume volume_of(const layer_driver *d, const char *kernel, long otherwise)
{
    volume v = {.in_cells = 1, .out_cells = 1};

    for (size_t i = 0; i < 3; i++) {
        const size_t missing = 4 - d->in[0].axes;

        v.at[i] = (axis){1, 1, 1, 1, 1, 0};
        if (i >= missing) {
            const size_t k = i - missing;
            axis *a = &v.at[i];

            a->size = (long)d->in[0].dim[k];
            a->out = k + 1 < d->out.axes ? (long)d->out.dim[k] : 1;
            a->kernel = driver_arg(d, kernel, k, otherwise);
            a->stride = driver_arg(d, "strides", k, !strcmp(kernel, "kernel_size") ? 1 : a->kernel);
            a->dilation = driver_arg(d, "dilation_rate", k, 1);
            a->before = padding_before(d, (a->out - 1) * a->stride + (a->kernel - 1) * a->dilation + 1, a->size,
                                       (a->kernel - 1) * a->dilation + 1);
        }
        v.in_cells *= (size_t)v.at[i].size;
        v.out_cells *= (size_t)v.at[i].out;
    }
    v.in = d->in[0].dim[d->in[0].axes - 1];
    v.out = d->out.dim[d->out.axes - 1];
    return v;
}

/* Number `i` of a box of these dimensions, as coordinates. */
static void place(size_t i, const long dim[3], long at[3])
{
    for (size_t k = 3; k-- > 0; i /= (size_t)dim[k])
        at[k] = (long)(i % (size_t)dim[k]);
}

#define OF(v, field)                                         \
    (const long[3])                                          \
    {                                                        \
        (v)->at[0].field, (v)->at[1].field, (v)->at[2].field \
    }

/* The cell of the input under kernel cell k of the window at o; -1 in the padding. */
static long cell(const volume *v, size_t o, size_t k)
{
    long window[3], within[3], index = 0;

    place(o, OF(v, out), window);
    place(k, OF(v, kernel), within);
    for (size_t i = 0; i < 3; i++) {
        const axis *a = &v->at[i];
        const long at = window[i] * a->stride + within[i] * a->dilation - a->before;

        if (at < 0 || at >= a->size)
            return -1;
        index = index * a->size + at;
    }
    return index;
}

static size_t kernel_cells(const volume *v)
{
    return (size_t)(v->at[0].kernel * v->at[1].kernel * v->at[2].kernel);
}

static bool has_bias(const layer_driver *d)
{
    return strcmp(driver_text(d, "use_bias"), "false") != 0;
}

LS_REFERENCE(ref_convolution)
{
    const volume v = volume_of(d, "kernel_size", 1);
    const size_t groups = (size_t)driver_arg(d, "groups", 0, 1), cin = v.in / groups, share = v.out / groups;

    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < v.out_cells; o++)
            for (size_t f = 0; f < v.out; f++) {
                double sum = has_bias(d) ? W[1][f] : 0.0;

                for (size_t k = 0; k < kernel_cells(&v); k++)
                    for (size_t c = 0; cell(&v, o, k) >= 0 && c < cin; c++)
                        sum += X[0][(r * v.in_cells + (size_t)cell(&v, o, k)) * v.in + f / share * cin + c] *
                               W[0][(k * cin + c) * v.out + f];
                Y[(r * v.out_cells + o) * v.out + f] = sum;
            }
}

/* By the definition: every input cell writes its kernel into the output. */
LS_REFERENCE(ref_transposed_convolution)
{
    volume v = volume_of(d, "kernel_size", 1), turned = v;

    for (size_t i = 0; i < 3; i++) { /* windows over the output, one for every input cell */
        axis *a = &turned.at[i];

        a->size = v.at[i].out;
        a->out = v.at[i].size;
        a->before = (a->out - 1) * a->stride + (a->kernel - 1) * a->dilation + 1 - a->size;
        a->before = a->before > 0 ? a->before / 2 : 0;
    }
    for (size_t i = 0; i < rows * v.out_cells * v.out; i++)
        Y[i] = has_bias(d) ? W[1][i % v.out] : 0.0;
    for (size_t r = 0; r < rows; r++)
        for (size_t p = 0; p < v.in_cells; p++)
            for (size_t k = 0; k < kernel_cells(&v); k++)
                for (size_t f = 0; cell(&turned, p, k) >= 0 && f < v.out; f++)
                    for (size_t c = 0; c < v.in; c++)
                        Y[(r * v.out_cells + (size_t)cell(&turned, p, k)) * v.out + f] +=
                            X[0][(r * v.in_cells + p) * v.in + c] * W[0][(k * v.out + f) * v.in + c];
}

LS_REFERENCE(ref_depthwise_convolution)
{
    const volume v = volume_of(d, "kernel_size", 1);
    const size_t M = (size_t)driver_arg(d, "depth_multiplier", 0, 1), deep = v.in * M;
    const bool separable = driver_arg(d, "filters", 0, 0) > 0;
    double Z[64];

    assert_true(deep <= 64);
    for (size_t i = 0; i < rows * v.out_cells; i++) {
        for (size_t z = 0; z < deep; z++) {
            Z[z] = 0.0;
            for (size_t k = 0; k < kernel_cells(&v); k++)
                if (cell(&v, i % v.out_cells, k) >= 0)
                    Z[z] += X[0][(i / v.out_cells * v.in_cells + (size_t)cell(&v, i % v.out_cells, k)) * v.in + z / M] *
                            W[0][k * deep + z];
        }
        for (size_t f = 0; f < v.out; f++) {
            Y[i * v.out + f] = separable ? 0.0 : Z[f];
            for (size_t z = 0; separable && z < deep; z++)
                Y[i * v.out + f] += Z[z] * W[1][z * v.out + f];
            Y[i * v.out + f] += has_bias(d) ? W[separable ? 2 : 1][f] : 0.0;
        }
    }
}

static bool is_average(const layer_driver *d)
{
    return strstr(d->layer.ops->ops.name, "average") != NULL;
}

/* Does the window at o have the cell? */
static bool covers(const layer_driver *d, const volume *v, size_t o, size_t at)
{
    const bool adaptive = strstr(d->layer.ops->ops.name, "adaptive") != NULL;
    long window[3], cell_at[3];

    place(o, OF(v, out), window);
    place(at, OF(v, size), cell_at);
    for (size_t i = 0; i < 3; i++) {
        const axis *a = &v->at[i];
        const long first = adaptive ? window[i] * a->size / a->out : window[i] * a->stride - a->before;
        const long end = adaptive ? ((window[i] + 1) * a->size + a->out - 1) / a->out : first + a->kernel;

        if (cell_at[i] < first || cell_at[i] >= end)
            return false;
    }
    return true;
}

LS_REFERENCE(ref_pooling)
{
    const volume v = volume_of(d, "pool_size", 2);

    (void)W;
    for (size_t i = 0; i < rows * v.out_cells; i++)
        for (size_t c = 0; c < v.in; c++) {
            double most = -INFINITY, sum = 0.0, count = 0.0;

            for (size_t at = 0; at < v.in_cells; at++)
                if (covers(d, &v, i % v.out_cells, at)) {
                    const double x = X[0][(i / v.out_cells * v.in_cells + at) * v.in + c];

                    most = fmax(most, x);
                    sum += x;
                    count += 1.0;
                }
            Y[i * v.in + c] = is_average(d) ? sum / count : most;
        }
}

LS_REFERENCE(ref_global_pooling)
{
    const size_t C = d->in[0].dim[d->in[0].axes - 1], cells = ls_shape_size(&d->in[0]) / C;

    (void)W;
    for (size_t i = 0; i < rows * C; i++) {
        double most = -INFINITY, sum = 0.0;

        for (size_t at = 0; at < cells; at++) {
            const double x = X[0][(i / C * cells + at) * C + i % C];

            most = fmax(most, x);
            sum += x;
        }
        Y[i] = is_average(d) ? sum / (double)cells : most;
    }
}

/* Margins of an axis, of arguments without lists in lists. */
LS_REFERENCE(ref_margins)
{
    const bool crop = strstr(d->layer.ops->ops.name, "cropping") != NULL;
    const char *key = crop ? "cropping" : "padding";
    const bool line = d->in[0].axes == 2;
    volume v = volume_of(d, key, 1);
    const size_t missing = 4 - d->in[0].axes;

    (void)W;
    for (size_t i = 0; i < rows * v.out_cells; i++) {
        long at[3], from = 0;

        place(i % v.out_cells, OF(&v, out), at);
        for (size_t k = 0; k < 3 && from >= 0; k++) {
            const long front = k < missing ? 0 : driver_arg(d, key, line ? 0 : k - missing, 1);
            const long x = at[k] + (crop ? front : -front);

            from = x < 0 || x >= v.at[k].size ? -1 : from * v.at[k].size + x;
        }
        for (size_t c = 0; c < v.in; c++)
            Y[i * v.in + c] = from < 0 ? 0.0 : X[0][(i / v.out_cells * v.in_cells + (size_t)from) * v.in + c];
    }
}

LS_REFERENCE(ref_up_sampling)
{
    const bool bilinear = !strcmp(driver_text(d, "interpolation"), "bilinear");
    const volume v = volume_of(d, "size", 2);

    (void)W;
    for (size_t i = 0; i < rows * v.out_cells; i++)
        for (size_t c = 0; c < v.in; c++) {
            long at[3], corner[3];
            double sum = 0.0;

            place(i % v.out_cells, OF(&v, out), at);
            for (size_t k = 0; k < v.in_cells; k++) {
                double weight = 1.0;

                place(k, OF(&v, size), corner);
                for (size_t n = 0; n < 3; n++) {
                    const axis *a = &v.at[n];
                    const double x = ((double)at[n] + 0.5) / (double)a->kernel - 0.5;
                    const double inside = fmin(fmax(x, 0.0), (double)(a->size - 1));

                    if (bilinear)
                        weight *= fmax(0.0, 1.0 - fabs(inside - (double)corner[n]));
                    else
                        weight *= at[n] / a->kernel == corner[n];
                }
                sum += weight * X[0][(i / v.out_cells * v.in_cells + k) * v.in + c];
            }
            Y[i * v.in + c] = sum;
        }
}
