#include "experiment/distributed_options.h"

#include <string.h>

#include "base/memory.h"
#include "base/options.h"
#include "comm/reducer.h"
#include "tensor/arithmetic.h"

typedef struct distributed_config {
    int arithmetic, reduction, grid, allreduce;
    int64_t bucket_kib, segment_kib, node_ranks, wire_bits;
    double timeout_s;
} distributed_config;

const char *const ls_reduction_names[] = {"exact", "fast", NULL};
const char *const ls_grid_names[] = {"carried", "static", NULL};

static const ls_option distributed_options[] = {
    {.name = "arithmetic",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(distributed_config, arithmetic),
     .initial = "portable",
     .choices = ls_arithmetic_names},
    {.name = "reduction",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(distributed_config, reduction),
     .initial = "exact",
     .choices = ls_reduction_names},
    {.name = "grid",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(distributed_config, grid),
     .initial = "carried",
     .choices = ls_grid_names},
    {.name = "allreduce",
     .kind = LS_OPTION_CHOICE,
     .offset = offsetof(distributed_config, allreduce),
     .initial = "auto",
     .choices = ls_reducer_names},
    {.name = "bucket_kib",
     .kind = LS_OPTION_INT,
     .offset = offsetof(distributed_config, bucket_kib),
     .initial = "4096",
     .min = 1,
     .max = 1 << 20},
    {.name = "segment_kib",
     .kind = LS_OPTION_INT,
     .offset = offsetof(distributed_config, segment_kib),
     .initial = "256",
     .min = 1,
     .max = 1 << 20},
    {.name = "node_ranks",
     .kind = LS_OPTION_INT,
     .offset = offsetof(distributed_config, node_ranks),
     .initial = "0",
     .min = 0,
     .max = 1 << 20},
    {.name = "wire_bits",
     .kind = LS_OPTION_INT,
     .offset = offsetof(distributed_config, wire_bits),
     .initial = "48",
     .min = LS_WIRE_BITS_SHORT,
     .max = LS_WIRE_BITS_WHOLE},
    {.name = "timeout",
     .kind = LS_OPTION_FLOAT,
     .offset = offsetof(distributed_config, timeout_s),
     .initial = "600.0",
     .min = 0,
     .max = 1e9},
    {.name = NULL},
};

const ls_ops ls_distributed_ops = {
    .name = "distributed", .options = distributed_options, .config_bytes = sizeof(distributed_config)};

static ls_status read_blas_kernel(const ls_config *node, ls_distributed_options *out)
{
    const ls_config *kernel = ls_config_get(node, "blas_kernel");

    if (!ls_config_is_null(kernel) && out->arithmetic != LS_ARITHMETIC_OPENBLAS)
        return ls_config_fail(kernel, "distributed.blas_kernel is for distributed.arithmetic: openblas; the portable "
                                      "arithmetic has the same bits with any, so leave it out, or set that, too");
    return ls_config_copy_text(kernel, "distributed.blas_kernel", &out->blas_kernel);
}

ls_status ls_distributed_options_read(const ls_config *node, ls_distributed_options *out)
{
    static const char *const extra[] = {"blas_kernel", NULL};
    ls_component component = {0};
    const distributed_config *config;
    ls_status st = LS_OK;

    if (!ls_config_is_null(node))
        LS_TRY(ls_config_expect(node, LS_CONFIG_MAP, "distributed"));
    LS_TRY_CLEANUP(ls_component_parse_args(&ls_distributed_ops, node, "distributed", extra, &component));
    config = component.config;
    *out = (ls_distributed_options){
        .arithmetic = config->arithmetic,
        .reduction = config->reduction,
        .grid = config->grid,
        .bucket_kib = config->bucket_kib,
        .segment_kib = config->segment_kib,
        .node_ranks = config->node_ranks,
        .wire_bits = config->wire_bits,
        .timeout_s = config->timeout_s,
    };
    if (out->wire_bits % 8 != 0 || out->wire_bits == 56)
        st = ls_config_fail(ls_config_get(node, "wire_bits"), "distributed.wire_bits is 40, 48 or 64, not %lld",
                            (long long)out->wire_bits);
    else if (!(out->allreduce = ls_strdup(ls_reducer_names[config->allreduce])))
        st = LS_ERR_MEMORY;
    else
        st = read_blas_kernel(node, out);
cleanup:
    ls_component_reset(&component);
    return st;
}

void ls_distributed_options_reset(ls_distributed_options *options)
{
    ls_free(options->allreduce);
    ls_free(options->blas_kernel);
    *options = (ls_distributed_options){0};
}
