/* Losses that add up a function of target and prediction over the last axis, worked in chunks on the stack. */
#include "nn/losses/losses.h"

#include "tensor/kernels.h"

void ls_loss_elementwise(const void *config, const ls_loss_call *call, ls_loss_element f, double divisor)
{
    const size_t n = call->n, elements = call->positions * n;
    float value[LS_LOSS_CHUNK];
    double sum = 0.0;
    size_t m;

    for (size_t first = 0; first < elements; first += m) {
        /* A chunk is some whole rows or, where a row is longer than a chunk, a piece of one row. */
        const size_t row = first / n, room = LS_LOSS_CHUNK / n;
        const size_t rows_left = call->positions - row, row_left = n - first % n;
        size_t width;

        if (room > 0)
            m = (room < rows_left ? room : rows_left) * n;
        else
            m = LS_LOSS_CHUNK < row_left ? LS_LOSS_CHUNK : row_left;
        width = m < n ? m : n;
        f(config, call, call->target + first, call->pred + first, m, value, call->dpred ? call->dpred + first : NULL);
        for (size_t i = 0; i < m; i += width) {
            const double weight = ls_loss_weight(call, row + i / n);

            sum += weight * ls_sum(value + i, width) / divisor;
            if (call->dpred)
                ls_scale(call->dpred + first + i, (float)(call->scale * weight / divisor), width);
        }
    }
    *call->sum = sum;
}
