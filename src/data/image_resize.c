/*
 * Bilinear resizing, rows first, then columns, in whole numbers: the same bits everywhere.
 *
 * Output pixel i has its middle at (i + 1/2) s in the input, s = inputs / outputs, and is the mean of the pixels there,
 * weighted by a triangle of half-width max(s, 1):
 *
 *     weight of input j  ~  max(0, 1 - |j + 1/2 - middle| / max(s, 1)),  normalised, then rounded to 22 bits
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/image.h"

#define WEIGHT_BITS 22 /* weights below 2^22 times bytes: sums stay below 2^31 */

/* For every output, where its inputs begin, how many they are, and their weights. */
typedef struct filter {
    size_t outputs, width;
    size_t *first, *count; /* (outputs) */
    int32_t *weight;       /* (outputs, width) */
} filter;

static void filter_reset(filter *f)
{
    ls_free(f->first);
    ls_free(f->count);
    ls_free(f->weight);
}

static ls_status filter_init(filter *f, size_t inputs, size_t outputs)
{
    const double step = (double)inputs / (double)outputs, half = step < 1 ? 1 : step, inverse = 1 / half;
    double *raw = NULL;
    ls_status st = LS_ERR_MEMORY;

    *f = (filter){.outputs = outputs, .width = 2 * (size_t)ceil(half) + 1};
    f->first = ls_calloc(outputs, sizeof *f->first, "a filter");
    f->count = ls_calloc(outputs, sizeof *f->count, "a filter");
    f->weight = ls_calloc(outputs, f->width * sizeof *f->weight, "a filter");
    raw = ls_calloc(f->width, sizeof *raw, "a filter");
    if (!f->first || !f->count || !f->weight || !raw)
        goto cleanup;
    for (size_t i = 0; i < outputs; i++) {
        const double middle = ((double)i + 0.5) * step, begin = middle - half + 0.5, end = middle + half + 0.5;
        const size_t first = begin > 0 ? (size_t)begin : 0, last = (size_t)end < inputs ? (size_t)end : inputs;
        double sum = 0;

        for (size_t j = 0; j < last - first; j++) {
            const double distance = fabs(((double)(j + first) - middle + 0.5) * inverse);

            raw[j] = distance < 1 ? 1 - distance : 0;
            sum += raw[j];
        }
        for (size_t j = 0; j < last - first; j++)
            f->weight[i * f->width + j] = (int32_t)(raw[j] / sum * (1 << WEIGHT_BITS) + 0.5);
        f->first[i] = first;
        f->count[i] = last - first;
    }
    st = LS_OK;
cleanup:
    ls_free(raw);
    return st;
}

/* One output: `count` weighted inputs, `stride` bytes apart. */
static unsigned char apply(const int32_t *weight, size_t count, const unsigned char *in, size_t stride)
{
    int64_t sum = 1 << (WEIGHT_BITS - 1);

    for (size_t j = 0; j < count; j++)
        sum += (int64_t)weight[j] * in[j * stride];
    sum >>= WEIGHT_BITS;
    return sum > 255 ? 255 : (unsigned char)sum;
}

/*
 * Lines (lines, inputs, inner) to (lines, outputs, inner). Rows of pixels: a line is a row and inner its channels;
 * columns: there is one line, and inner is a whole row.
 */
static void resample(const filter *f, const unsigned char *in, size_t lines, size_t inputs, size_t inner,
                     unsigned char *out)
{
    for (size_t line = 0; line < lines; line++, in += inputs * inner)
        for (size_t i = 0; i < f->outputs; i++)
            for (size_t k = 0; k < inner; k++)
                *out++ = apply(f->weight + i * f->width, f->count[i], in + f->first[i] * inner + k, inner);
}

ls_status ls_image_resize(ls_image *image, size_t height, size_t width)
{
    filter rows = {0}, columns = {0};
    unsigned char *wide = NULL, *whole = NULL;
    ls_status st;

    if (image->height == height && image->width == width)
        return LS_OK;
    LS_TRY_CLEANUP(filter_init(&rows, image->width, width));
    LS_TRY_CLEANUP(filter_init(&columns, image->height, height));
    wide = ls_calloc(image->height * width, image->channels, "an image");
    whole = ls_calloc(height * width, image->channels, "an image");
    if (!wide || !whole) {
        st = LS_ERR_MEMORY;
        goto cleanup;
    }
    resample(&rows, image->pixels, image->height, image->width, image->channels, wide);
    resample(&columns, wide, 1, image->height, width * image->channels, whole);
    ls_free(image->pixels);
    image->height = height;
    image->width = width;
    image->pixels = whole;
    whole = NULL;
cleanup:
    filter_reset(&rows);
    filter_reset(&columns);
    ls_free(wide);
    ls_free(whole);
    return st;
}
