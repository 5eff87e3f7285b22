/* What the three cross-entropies share: their options, and the softmax denominator of a row of logits. */
#include "nn/losses/losses.h"

#include "tensor/kernels.h"
#include "tensor/math.h"

#define FROM_LOGITS                                                                                      \
    {                                                                                                    \
        .name = "from_logits", .kind = LS_OPTION_BOOL, .offset = offsetof(ls_crossentropy, from_logits), \
        .initial = "false"                                                                               \
    }

const ls_option ls_sparse_crossentropy_options[] = {
    FROM_LOGITS,
    {.name = NULL},
};

const ls_option ls_crossentropy_options[] = {
    FROM_LOGITS,
    {.name = "label_smoothing",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(ls_crossentropy, label_smoothing),
     .initial = "0.0",
     .max = 1.0},
    {.name = NULL},
};

bool ls_crossentropy_from_logits(const void *config)
{
    return ((const ls_crossentropy *)config)->from_logits;
}

double ls_loss_exp_sum(const float *z, size_t n, float *e, float *max)
{
    float chunk[LS_LOSS_CHUNK], top = z[0];
    double sum = 0.0;

    for (size_t i = 1; i < n; i++)
        top = z[i] > top ? z[i] : top;
    for (size_t first = 0; first < n; first += LS_LOSS_CHUNK) {
        const size_t m = n - first < LS_LOSS_CHUNK ? n - first : LS_LOSS_CHUNK;
        float *const to = e ? e + first : chunk;

        for (size_t i = 0; i < m; i++)
            to[i] = z[first + i] - top;
        ls_exp(to, to, m);
        sum += ls_sum(to, m);
    }
    *max = top;
    return sum;
}
