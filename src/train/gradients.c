#include "train/gradients.h"

#include <limits.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "tensor/kernels.h"

#define FIRST_BUCKET_PART 4 /* the first bucket is this much smaller, so that the first reduction starts early */
#define SHORT_WIRE_H 7      /* the grid is so many bits coarser then: sums below 2^46 units lie below 2^39 */
#define FLAGS 1             /* int16 words after the exponents: the wish to stop */

void ls_gradients_free(ls_gradients *g)
{
    if (!g)
        return;
    for (size_t i = 0; g->bucket && i < g->buckets; i++) {
        ls_free(g->bucket[i].bounds);
        ls_free(g->bucket[i].weight_bounds);
    }
    ls_free(g->bucket);
    ls_agreement_free(g->agreement);
    ls_reducer_free(g->reducer);
    ls_exponents_reset(&g->exponents);
    ls_free(g->touched);
    ls_free(g->param_of);
    ls_free(g->grid);
    ls_free(g->largest);
    ls_free(g->contribution_hash);
    ls_free(g);
}

static size_t padded_blocks(const ls_param *param)
{
    return ls_blocks(param->size);
}

/* Blocks [*begin, *end) of a layer's trainable parameters; false if it has none. */
static bool layer_blocks(const ls_layer *layer, size_t *begin, size_t *end)
{
    if (!layer->trainable || !layer->params || !layer->param[0].trainable)
        return false;
    *begin = *end = layer->param[0].offset / LS_BLOCK;
    for (size_t p = 0; p < layer->params && layer->param[p].trainable; p++)
        *end += padded_blocks(&layer->param[p]);
    return true;
}

static ls_status cut_bucket(ls_gradients *g, ls_bucket *bucket)
{
    const size_t parts = (size_t)g->comm->size, rank = (size_t)g->comm->rank, n = bucket->end - bucket->begin;

    bucket->bounds = ls_calloc(parts + 1, sizeof *bucket->bounds, "the bounds of a bucket");
    bucket->weight_bounds = ls_calloc(parts + 1, sizeof *bucket->weight_bounds, "the bounds of a bucket");
    if (!bucket->bounds || !bucket->weight_bounds)
        return LS_ERR_MEMORY;
    for (size_t p = 0; p <= parts; p++) {
        bucket->weight_bounds[p] = ls_part_begin(n, p, parts) * LS_BLOCK;
        bucket->bounds[p] = bucket->weight_bounds[p] * g->carrier->per_weight;
    }
    bucket->own_begin = bucket->begin + bucket->weight_bounds[rank] / LS_BLOCK;
    bucket->own_end = bucket->begin + bucket->weight_bounds[rank + 1] / LS_BLOCK;
    for (size_t i = 0; i < g->model->layers; i++) {
        size_t begin, end;

        if (layer_blocks(g->model->layer[i], &begin, &end) && begin < bucket->end && end > bucket->begin)
            bucket->layers++;
    }
    return LS_OK;
}

/* Buckets from the end of the buffer: a pure function of the model and the bucket size. */
static ls_status cut_buckets(ls_gradients *g, int64_t bucket_kib)
{
    const size_t full = (size_t)bucket_kib * 1024 / g->block_bytes;
    const size_t most = full ? full : 1;
    const size_t first = most / FIRST_BUCKET_PART ? most / FIRST_BUCKET_PART : 1;
    size_t end = g->blocks;

    if (!(g->bucket = ls_calloc(g->blocks / most + 2, sizeof *g->bucket, "the buckets")))
        return LS_ERR_MEMORY;
    while (end > 0) {
        const size_t want = g->buckets ? most : first;
        ls_bucket *bucket = &g->bucket[g->buckets++];

        bucket->end = end;
        bucket->begin = end = end > want ? end - want : 0;
        LS_TRY(cut_bucket(g, bucket));
    }
    return LS_OK;
}

/* Everything but what takes part in reductions. Not collective. */
static ls_status plan(ls_gradients *g, const ls_comm *comm, const ls_model *model,
                      const ls_distributed_options *options, uint64_t contributions, size_t local_microbatches)
{
    g->comm = comm;
    g->model = model;
    g->carrier = options->reduction == LS_REDUCTION_FAST ? &ls_carrier_fast
                 : options->grid == LS_GRID_STATIC       ? &ls_carrier_static
                                                         : &ls_carrier_carried;
    g->blocks = model->trainable_size / LS_BLOCK;
    g->block_bytes = LS_BLOCK * g->carrier->per_weight * ls_element_bytes(g->carrier->element);
    LS_TRY(ls_carrier_h(contributions, &g->h));
    if (g->carrier == &ls_carrier_carried && options->wire_bits == LS_WIRE_BITS_SHORT)
        g->h += SHORT_WIRE_H;
    if (g->blocks > INT_MAX - FLAGS)
        return ls_fail(LS_ERR_CONFIG, "the model has %zu weights, more than the %d blocks of %d that can be reduced",
                       model->trainable_size, INT_MAX - FLAGS, LS_BLOCK);
    g->touched = ls_calloc(g->blocks, sizeof *g->touched, "the gradient accumulators");
    g->param_of = ls_calloc(g->blocks, sizeof *g->param_of, "the gradient accumulators");
    g->grid = ls_calloc(g->blocks, sizeof *g->grid, "the gradient accumulators");
    g->largest = ls_calloc(g->blocks, LS_PRODUCT_LANES * sizeof *g->largest, "the gradient accumulators");
    g->hash_rows = local_microbatches;
    if (local_microbatches)
        g->contribution_hash =
            ls_calloc(local_microbatches * model->trainable_params, sizeof *g->contribution_hash, "the trace");
    if (!g->touched || !g->param_of || !g->grid || !g->largest || (local_microbatches && !g->contribution_hash))
        return LS_ERR_MEMORY;
    LS_TRY(ls_exponents_init(&g->exponents, g->blocks));
    for (size_t i = 0; i < model->trainable_params; i++)
        for (size_t b = 0; b < padded_blocks(model->param[i]); b++)
            g->param_of[model->param[i]->offset / LS_BLOCK + b] = (uint32_t)i;
    return cut_buckets(g, options->bucket_kib);
}

/* Collective. */
static ls_status plan_reductions(ls_gradients *g, const ls_distributed_options *options, size_t sums)
{
    ls_reducer_options wanted = {.algorithm = options->allreduce,
                                 .segment_bytes = (size_t)options->segment_kib * 1024,
                                 .node_ranks = (int)options->node_ranks,
                                 .any_order = g->carrier->exact,
                                 .wire = options->wire_bits == LS_WIRE_BITS_SHORT   ? LS_WIRE_PACKED
                                         : options->wire_bits == LS_WIRE_BITS_WHOLE ? LS_WIRE_PLAIN
                                                                                    : LS_WIRE_AUTO,
                                 .vectors = 2 * g->buckets};
    ls_node_memory *memory;
    size_t largest = 0;

    for (size_t i = 0; i < g->buckets; i++)
        if (g->bucket[i].end - g->bucket[i].begin > largest)
            largest = g->bucket[i].end - g->bucket[i].begin;
    wanted.max_bytes = largest * g->block_bytes;
    if (!ls_size_mul(g->blocks, g->block_bytes, &wanted.sums_bytes))
        wanted.sums_bytes = SIZE_MAX - LS_ALIGNMENT; /* more than there is */
    LS_TRY(ls_reducer_create(g->comm, &wanted, &g->reducer));
    g->acc = g->reducer->sums;
    memory = g->reducer->memory;
    if (memory && ls_node_memory_sharing(memory)->parts < g->comm->size)
        memory = NULL; /* of some of the ranks only */
    LS_TRY(ls_agreement_create(g->comm, memory, g->blocks + FLAGS, sums, &g->agreement));
    g->seen = ls_agreement_maxima(g->agreement);
    return LS_OK;
}

ls_status ls_gradients_create(const ls_comm *comm, const ls_model *model, const ls_distributed_options *options,
                              uint64_t contributions, size_t local_microbatches, size_t sums, ls_gradients **out)
{
    ls_gradients *g = ls_calloc(1, sizeof *g, "the gradients");
    ls_status st = LS_ERR_MEMORY;

    *out = NULL;
    if (g)
        st = plan(g, comm, model, options, contributions, local_microbatches);
    LS_TRY_CLEANUP(ls_agree(comm, st));
    LS_TRY_CLEANUP(plan_reductions(g, options, sums));
    *out = g;
    g = NULL;
cleanup:
    ls_gradients_free(g);
    return st;
}

ls_wide *ls_gradients_sums(const ls_gradients *g)
{
    return ls_agreement_sums(g->agreement);
}

size_t ls_gradients_own(const ls_gradients *g, size_t block)
{
    size_t next = g->blocks;

    for (size_t i = 0; i < g->buckets; i++) {
        const ls_bucket *bucket = &g->bucket[i];
        const size_t first = block > bucket->own_begin ? block : bucket->own_begin;

        if (first < bucket->own_end && first < next)
            next = first;
    }
    return next;
}

void ls_gradients_begin(ls_gradients *g, uint64_t update, uint64_t first)
{
    g->update = update;
    g->first = first;
    g->issued = 0;
    ls_reducer_settle(g->reducer);
    if (++g->attempt == 0) { /* the counter wrapped: no block may look written */
        memset(g->touched, 0, g->blocks * sizeof *g->touched);
        g->attempt = 1;
    }
    for (size_t b = 0; b < g->blocks; b++) {
        g->seen[b] = LS_EXPONENT_NONE;
        g->grid[b] = ls_carrier_grid(g->exponents.E[b], g->h);
    }
    for (size_t i = 0; i < g->buckets; i++)
        g->bucket[i].waiting = g->bucket[i].layers;
    if (g->contribution_hash)
        memset(g->contribution_hash, 0, g->hash_rows * g->model->trainable_params * sizeof *g->contribution_hash);
}

static bool is_planted(const ls_gradients *g, int kind, size_t microbatch)
{
    const ls_fault *fault = g->fault;

    return fault && (int)fault->kind == kind && fault->ranks == g->comm->size && fault->rank == g->comm->rank &&
           fault->update == g->update && fault->microbatch == microbatch;
}

/* A copy with the lowest bit of the first weight flipped: what a broken kernel or memory might do. */
static const float *spoil(const float *a, float copy[LS_BLOCK])
{
    uint32_t bits;

    memcpy(copy, a, LS_BLOCK * sizeof *copy);
    memcpy(&bits, copy, sizeof bits);
    bits ^= 1;
    memcpy(copy, &bits, sizeof bits);
    return copy;
}

static void add(void *context, size_t number, size_t first, const float *values, size_t n)
{
    ls_gradients *g = context;
    const size_t microbatch = number - (size_t)g->first; /* local */
    const size_t begin = first / LS_BLOCK, end = begin + n / LS_BLOCK;
    const bool lost = is_planted(g, LS_FAULT_DROP_CONTRIBUTION, microbatch);
    const bool spoilt = is_planted(g, LS_FAULT_SPOIL_CONTRIBUTION, microbatch);
    double squares = 0;
    uint64_t *row = g->contribution_hash ? g->contribution_hash + microbatch * g->model->trainable_params : NULL;

    for (size_t b = begin; b < end; b++, values += LS_BLOCK) {
        float copy[LS_BLOCK];
        const float *a = spoilt && g->param_of[b] == g->fault->param ? spoil(values, copy) : values;
        int16_t e;

        if (row)
            row[g->param_of[b]] = XXH3_64bits_withSeed(a, LS_BLOCK * sizeof *a, row[g->param_of[b]]);
        if (g->norm)
            squares += ls_sum_squares(a, LS_BLOCK);
        if (lost)
            continue;
        e = g->carrier->add(g->acc + b * g->block_bytes, a, g->exponents.E[b], g->h, g->touched[b] != g->attempt);
        g->touched[b] = g->attempt;
        if (e > g->seen[b])
            g->seen[b] = e;
    }
    if (g->norm)
        ls_wide_add(g->norm, squares * g->norm_factor[microbatch]);
}

static void meanwhile(void *context)
{
    ls_gradients *g = context;

    if (g->failed == LS_OK)
        g->failed = ls_reducer_progress(g->reducer);
}

_Static_assert(LS_PRODUCT_BLOCK == LS_BLOCK, "a product's grid is the carrier's");

/* Exact sums while the products' tiles are in registers, unless somebody wants to see the contributions themselves. */
static bool add_products(void *context, size_t first, const ls_product_sum *products)
{
    ls_gradients *g = context;
    const size_t n = ls_product_axis_size(&products->A.row) * products->n;
    const size_t begin = first / LS_BLOCK, end = begin + (n + LS_BLOCK - 1) / LS_BLOCK;
    double *const total = (double *)(g->acc + begin * g->block_bytes);
    ls_product_sum sum = *products;

    if (g->carrier != &ls_carrier_carried || g->contribution_hash || g->norm || g->fault ||
        products->length > LS_PRODUCT_SEGMENT)
        return false;
    sum.total = total;
    sum.grid = g->grid + begin;
    sum.largest = g->largest;
    sum.start = g->touched[begin] != g->attempt;
    memset(sum.largest, 0, (end - begin) * LS_PRODUCT_LANES * sizeof *sum.largest);
    if (sum.start)
        memset(total + n, 0, ((end - begin) * LS_BLOCK - n) * sizeof *total);
    ls_product_run_sum(&sum);
    meanwhile(g);
    for (size_t b = begin; b < end; b++) {
        const int16_t e = ls_carrier_exponent(ls_product_largest(&sum, b - begin));

        g->touched[b] = g->attempt;
        if (e > g->seen[b])
            g->seen[b] = e;
    }
    return true;
}

void ls_gradients_measure(ls_gradients *g, ls_wide *norm, const double *factor)
{
    g->norm = norm;
    g->norm_factor = factor;
}

/* Blocks that no local microbatch wrote hold an earlier step's totals: they must count as zero. */
static void clear_untouched(ls_gradients *g, size_t begin, size_t end)
{
    for (size_t b = begin; b < end; b++)
        if (g->touched[b] != g->attempt) {
            memset(g->acc + b * g->block_bytes, 0, g->block_bytes);
            g->touched[b] = g->attempt;
        }
}

static ls_status layer_done(void *context, const ls_layer *layer)
{
    ls_gradients *g = context;
    size_t begin, end;

    if (!layer_blocks(layer, &begin, &end))
        return LS_OK;
    clear_untouched(g, begin, end);
    for (size_t i = 0; i < g->buckets; i++)
        if (begin < g->bucket[i].end && end > g->bucket[i].begin)
            g->bucket[i].waiting--;
    /* Always in index order, so that all ranks do the same collectives whatever order layers finish in. */
    while (g->issued < g->buckets && g->bucket[g->issued].waiting == 0) {
        const ls_bucket *bucket = &g->bucket[g->issued++];

        LS_TRY(
            ls_reducer_start(g->reducer,
                             &(ls_vector){.half = LS_REDUCE_SCATTER,
                                          .element = g->carrier->element,
                                          .buf = g->acc + bucket->begin * g->block_bytes,
                                          .begin = bucket->bounds,
                                          .end = bucket->bounds + 1,
                                          .grid = g->carrier == &ls_carrier_carried ? g->grid + bucket->begin : NULL},
                             &g->last));
    }
    return LS_OK;
}

ls_gradient_sink ls_gradients_sink(ls_gradients *g)
{
    return (ls_gradient_sink){.context = g, .add = add, .add_products = add_products, .layer_done = layer_done};
}

ls_status ls_gradients_agree(ls_gradients *g, bool *stop, ls_verdict *verdict)
{
    bool fits = true;

    g->seen[g->blocks] = *stop;
    LS_TRY(g->failed);
    LS_TRY(ls_agreement_start(g->agreement));
    if (g->buckets > 0)
        LS_TRY(ls_reducer_finish(g->reducer, g->last));
    g->gathering = false; /* they were before */
    LS_TRY(ls_agreement_finish(g->agreement));
    *stop = g->seen[g->blocks] != 0;
    if (*stop) {
        *verdict = LS_VERDICT_STOP;
        return LS_OK;
    }
    for (size_t b = 0; b < g->blocks; b++) {
        if (g->seen[b] == LS_EXPONENT_NONFINITE) {
            *verdict = LS_VERDICT_NONFINITE;
            return LS_OK;
        }
        fits = fits && g->carrier->fits(g->seen[b], g->exponents.E[b], g->h);
    }
    *verdict = fits ? LS_VERDICT_FITS : LS_VERDICT_REDO;
    if (g->carrier != &ls_carrier_carried) {
        if (fits)
            return LS_OK;
        for (size_t b = 0; b < g->blocks; b++)
            if (!g->carrier->fits(g->seen[b], 0, g->h)) {
                char name[LS_PARAM_NAME_BYTES];

                return ls_fail(LS_ERR_NUMERIC,
                               "update %llu: a gradient of %s is 2^%d or more, too large for distributed.grid: %s; use "
                               "grid: carried",
                               (unsigned long long)g->update + 1,
                               ls_model_param_name(g->model, g->model->param[g->param_of[b]], name), g->seen[b] - 1,
                               g->carrier->name);
            }
    }
    if (fits)
        ls_exponents_settle(&g->exponents, g->seen, g->update + 1);
    else
        ls_exponents_rise(&g->exponents, g->seen);
    return LS_OK;
}

const ls_param *ls_gradients_nonfinite(const ls_gradients *g)
{
    /* Backward runs from the output: the bad parameter furthest down the buffer met the fault first. */
    for (size_t b = g->blocks; b-- > 0;)
        if (g->seen[b] == LS_EXPONENT_NONFINITE)
            return g->model->param[g->param_of[b]];
    return NULL;
}

void ls_gradients_finish(const ls_gradients *g, size_t block, double divisor, float *out)
{
    g->carrier->finish(g->acc + block * g->block_bytes, divisor, out);
}

ls_status ls_gradients_give(ls_gradients *g, size_t i, float *weights)
{
    ls_bucket *bucket = &g->bucket[i];

    LS_TRY(ls_reducer_start(g->reducer,
                            &(ls_vector){.half = LS_ALL_GATHER,
                                         .element = LS_FLOAT32,
                                         .buf = weights + bucket->begin * LS_BLOCK,
                                         .begin = bucket->weight_bounds,
                                         .end = bucket->weight_bounds + 1},
                            &bucket->gathered));
    g->last = bucket->gathered;
    g->gathering = true;
    return LS_OK;
}

ls_status ls_gradients_arrive(ls_gradients *g)
{
    if (g->gathering)
        LS_TRY(ls_reducer_finish(g->reducer, g->last));
    g->gathering = false;
    return LS_OK;
}

static ls_status before_layer(void *context, const ls_layer *layer)
{
    ls_gradients *g = context;
    size_t begin, end;

    if (!g->gathering || !layer_blocks(layer, &begin, &end))
        return LS_OK;
    for (size_t i = 0; i < g->buckets; i++)
        if (begin < g->bucket[i].end && end > g->bucket[i].begin)
            LS_TRY(ls_reducer_finish(g->reducer, g->bucket[i].gathered));
    return LS_OK;
}

ls_engine_company ls_gradients_company(ls_gradients *g)
{
    return (ls_engine_company){.context = g, .before_layer = before_layer, .meanwhile = meanwhile};
}

ls_status ls_gradients_share_weights(ls_gradients *g, ls_model *model)
{
    const size_t trained = model->trainable_size * sizeof(float), rest = model->size * sizeof(float) - trained;
    void *memory;

    LS_TRY(ls_reducer_share(g->reducer, trained, rest, &memory));
    if (!memory)
        return LS_OK;
    /* The first rank of the node brings what is common, everybody his own. */
    ls_model_move(model, memory, ls_gradients_part(g, NULL) == 0 ? 0 : model->trainable_size);
    ls_reducer_meet(g->reducer);
    return LS_OK;
}

void ls_gradients_return_weights(const ls_gradients *g, ls_model *model)
{
    if (g->reducer->common && model->weights == (float *)(void *)g->reducer->common)
        ls_model_move(model, NULL, 0);
}

int ls_gradients_part(const ls_gradients *g, int *parts)
{
    const ls_sharing *sharing = g->reducer->common ? ls_node_memory_sharing(g->reducer->memory) : NULL;

    if (parts)
        *parts = sharing ? sharing->parts : 1;
    return sharing ? sharing->part : 0;
}

void ls_gradients_meet(const ls_gradients *g)
{
    ls_reducer_meet(g->reducer);
}

ls_status ls_gradients_gather(const ls_gradients *g, float *array)
{
    const size_t parts = (size_t)g->comm->size, rank = (size_t)g->comm->rank;
    int *count = ls_calloc(parts, sizeof *count, "the counts of a gather");
    int *start = ls_calloc(parts, sizeof *start, "the counts of a gather");
    ls_status st = count && start ? LS_OK : LS_ERR_MEMORY;

    st = ls_agree(g->comm, st);
    for (size_t i = 0; i < g->buckets && st == LS_OK && parts > 1; i++) {
        const ls_bucket *bucket = &g->bucket[i];
        float *here = array + bucket->begin * LS_BLOCK;

        for (size_t p = 0; p < parts; p++) { /* a bucket is at most a GiB, so these fit */
            start[p] = (int)bucket->weight_bounds[p];
            count[p] = (int)(bucket->weight_bounds[p + 1] - bucket->weight_bounds[p]);
        }
        st = ls_mpi_check(
            rank == 0
                ? MPI_Gatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, here, count, start, MPI_FLOAT, 0, g->comm->mpi)
                : MPI_Gatherv(here + start[rank], count[rank], MPI_FLOAT, NULL, NULL, NULL, MPI_FLOAT, 0, g->comm->mpi),
            "gathering what each rank has of the weights");
    }
    ls_free(count);
    ls_free(start);
    return st;
}
