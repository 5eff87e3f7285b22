/* The carried exponents: one grid per block, moved by what all microbatches of all ranks showed, never by the ranks. */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "comm/carrier.h"

ls_status ls_exponents_init(ls_exponents *exponents, size_t blocks)
{
    *exponents = (ls_exponents){.blocks = blocks};
    exponents->E = ls_calloc(blocks, sizeof *exponents->E, "the exponents of the exact grid");
    exponents->seen = ls_calloc(blocks, sizeof *exponents->seen, "the observed exponents");
    if (!exponents->E || !exponents->seen) {
        ls_exponents_reset(exponents);
        return LS_ERR_MEMORY;
    }
    for (size_t b = 0; b < blocks; b++)
        exponents->E[b] = exponents->seen[b] = LS_EXPONENT_NONE;
    return LS_OK;
}

void ls_exponents_reset(ls_exponents *exponents)
{
    ls_free(exponents->E);
    ls_free(exponents->seen);
    *exponents = (ls_exponents){0};
}

void ls_exponents_copy(ls_exponents *exponents, const ls_exponents *source)
{
    assert(exponents->blocks == source->blocks);
    memcpy(exponents->E, source->E, source->blocks * sizeof *source->E);
    memcpy(exponents->seen, source->seen, source->blocks * sizeof *source->seen);
}

bool ls_exponents_rise(ls_exponents *exponents, const int16_t *step)
{
    bool all_fit = true;

    for (size_t b = 0; b < exponents->blocks; b++) {
        assert(step[b] != LS_EXPONENT_NONFINITE);
        all_fit = all_fit && step[b] <= exponents->E[b];
    }
    if (all_fit)
        return true;
    for (size_t b = 0; b < exponents->blocks; b++)
        if (step[b] != LS_EXPONENT_NONE && step[b] + LS_HEADROOM > exponents->E[b])
            exponents->E[b] = (int16_t)(step[b] + LS_HEADROOM);
    return false;
}

void ls_exponents_settle(ls_exponents *exponents, const int16_t *step, uint64_t update)
{
    const bool closes = update % LS_EXPONENT_WINDOW == 0;

    for (size_t b = 0; b < exponents->blocks; b++) {
        if (step[b] > exponents->seen[b])
            exponents->seen[b] = step[b];
        if (closes && exponents->seen[b] != LS_EXPONENT_NONE) {
            exponents->E[b] = (int16_t)(exponents->seen[b] + LS_HEADROOM);
            exponents->seen[b] = LS_EXPONENT_NONE;
        }
    }
}
