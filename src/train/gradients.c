#include "train/gradients.h"

#include <limits.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "tensor/kernels.h"
#include "train/bucket_size.h"

#define SHORT_WIRE_H 7             /* the grid is so many bits coarser then: sums below 2^46 units lie below 2^39 */
#define SENT_PIECE_ELEMENTS 131072 /* of a product that is added up at a time when it is sent as it is complete */
#define FLAGS 1                    /* int16 words after the exponents: the wish to stop */

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
    ls_exponents_reset(&g->exponents);
    ls_shared_products_free(g->shared);
    ls_accumulator_reset(&g->sums);
    ls_reducer_free(g->reducer);
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

/*
 * Where a bucket that ends at `end` begins, if it may be so long: where a layer does, if any begins within it. A piece
 * of the layer before would keep the others waiting for that layer.
 */
static size_t begin_of_bucket(const ls_model *model, size_t end, size_t most)
{
    const size_t least = end > most ? end - most : 0;
    size_t found = end;

    for (size_t i = 0; i < model->layers; i++) {
        size_t begin, stop;

        if (layer_blocks(model->layer[i], &begin, &stop) && begin >= least && begin < found)
            found = begin;
    }
    return found < end ? found : least;
}

/* Buckets from the end of the buffer: a pure function of the model, the bucket size and the number of ranks. */
static ls_status cut_buckets(ls_gradients *g, int64_t bucket_kib)
{
    const size_t most = ls_bucket_blocks((size_t)bucket_kib * 1024, (size_t)g->comm->size, g->block_bytes);
    size_t end = g->blocks;

    if (!(g->bucket = ls_calloc(g->blocks / most + g->model->layers + 2, sizeof *g->bucket, "the buckets")))
        return LS_ERR_MEMORY;
    while (end > 0) {
        const size_t want = g->buckets ? most : ls_first_bucket_blocks(most);
        ls_bucket *bucket = &g->bucket[g->buckets++];

        bucket->end = end;
        bucket->begin = end = begin_of_bucket(g->model, end, want);
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
    g->param_of = ls_calloc(g->blocks, sizeof *g->param_of, "the gradient accumulators");
    g->grid = ls_calloc(g->blocks, sizeof *g->grid, "the gradient accumulators");
    g->largest = ls_calloc(g->blocks, LS_PRODUCT_LANES * sizeof *g->largest, "the gradient accumulators");
    g->hash_rows = local_microbatches;
    if (local_microbatches)
        g->contribution_hash =
            ls_calloc(local_microbatches * model->trainable_params, sizeof *g->contribution_hash, "the trace");
    if (!g->param_of || !g->grid || !g->largest || (local_microbatches && !g->contribution_hash))
        return LS_ERR_MEMORY;
    LS_TRY(ls_exponents_init(&g->exponents, g->blocks));
    for (size_t i = 0; i < model->trainable_params; i++)
        for (size_t b = 0; b < padded_blocks(model->param[i]); b++)
            g->param_of[model->param[i]->offset / LS_BLOCK + b] = (uint32_t)i;
    return cut_buckets(g, options->bucket_kib);
}

static void add_rows(void *context, const ls_product_sum *all, size_t first_block, size_t row, size_t rows);

/* Collective. */
static ls_status share_products(ls_gradients *g)
{
    size_t largest = 0;

    if (!g->sums.all || g->sums.parts == 1 || g->carrier != &ls_carrier_carried)
        return LS_OK;
    for (size_t p = 0; p < g->model->trainable_params; p++)
        if (g->model->param[p]->size > largest)
            largest = g->model->param[p]->size;
    return ls_shared_products_create(ls_node_memory_sharing(g->reducer->memory), largest, add_rows, g, &g->shared);
}

/* Collective. */
static ls_status plan_reductions(ls_gradients *g, const ls_distributed_options *options, size_t sums)
{
    ls_reducer_options wanted = {.algorithm = options->allreduce,
                                 .segment_bytes = (size_t)options->segment_kib * 1024,
                                 .node_ranks = (int)options->node_ranks,
                                 .any_order = g->carrier->exact,
                                 .together = g->carrier->exact,
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
    LS_TRY(ls_accumulator_init(&g->sums, g->reducer, g->blocks, g->block_bytes));
    LS_TRY(share_products(g));
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
    size_t after = 0, at = g->buckets; /* buckets from `at` on end before the block; they lie in reverse order */

    while (after < at) {
        const size_t middle = (after + at) / 2;

        if (g->bucket[middle].end > block)
            after = middle + 1;
        else
            at = middle;
    }
    while (at-- > 0) {
        const ls_bucket *bucket = &g->bucket[at];
        const size_t first = block > bucket->own_begin ? block : bucket->own_begin;

        if (first < bucket->own_end)
            return first;
    }
    return g->blocks;
}

void ls_gradients_begin(ls_gradients *g, uint64_t update, uint64_t first)
{
    g->update = update;
    g->first = first;
    g->issued = 0;
    g->complete = SIZE_MAX;
    ls_accumulator_begin(&g->sums);
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
        e = g->carrier->add(ls_accumulator_at(&g->sums, b), a, g->exponents.E[b], g->h,
                            ls_accumulator_open(&g->sums, b, b + 1));
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

/*
 * Blocks [from, end) of a layer's [begin, end) are complete. Buckets that nothing is missing in begin their way, always
 * in index order, so that all ranks do the same collectives whatever order layers finish in.
 */
static ls_status hand_in(ls_gradients *g, size_t begin, size_t end, size_t from)
{
    ls_accumulator_close(&g->sums, from, end);
    for (size_t i = 0; i < g->buckets; i++) {
        const size_t first = begin > g->bucket[i].begin ? begin : g->bucket[i].begin;

        if (begin < g->bucket[i].end && end > g->bucket[i].begin && first >= from && first < g->complete)
            g->bucket[i].waiting--;
    }
    g->complete = from;
    while (g->issued < g->buckets && g->bucket[g->issued].waiting == 0) {
        const ls_bucket *bucket = &g->bucket[g->issued++];

        LS_TRY(
            ls_reducer_start(g->reducer,
                             &(ls_vector){.half = LS_REDUCE_SCATTER,
                                          .element = g->carrier->element,
                                          .buf = ls_accumulator_at(&g->sums, bucket->begin),
                                          .begin = bucket->bounds,
                                          .end = bucket->bounds + 1,
                                          .grid = g->carrier == &ls_carrier_carried ? g->grid + bucket->begin : NULL},
                             &g->last));
    }
    return LS_OK;
}

/* Are sums sent as they are complete? */
static bool is_sent(const ls_gradients *g)
{
    return g->comm->size > 1 && !g->sums.all;
}

/* Rows of a product that are added up at a time, so that their elements are whole blocks. */
static size_t rows_of_piece(const ls_product_axis *row, size_t n)
{
    const size_t m = ls_product_axis_size(row);
    const size_t whole = ls_block_rows(n);
    size_t most = SENT_PIECE_ELEMENTS / n ? SENT_PIECE_ELEMENTS / n : 1;

    if (row->count[0] * row->count[1] > 1)
        return m;
    most = (most + whole - 1) / whole * whole;
    return most < m ? most : m;
}

/* What a product showed of its blocks. */
LS_CLONES static void see(const ls_product_sum *sum, size_t blocks, int16_t *seen)
{
    for (size_t b = 0; b < blocks; b++) {
        const int16_t e = ls_carrier_exponent(ls_product_largest(sum, b));

        if (e > seen[b])
            seen[b] = e;
    }
}

/* Rows [row, row + rows) of a product. */
static void add_rows(void *context, const ls_product_sum *all, size_t first_block, size_t row, size_t rows)
{
    ls_gradients *g = context;
    const size_t at = row * all->n, n = rows * all->n;
    const size_t begin = first_block + at / LS_BLOCK, blocks = (n + LS_BLOCK - 1) / LS_BLOCK;
    ls_product_sum piece = *all;

    piece.A.at += row * all->A.row.step[2];
    if (rows < ls_product_axis_size(&all->A.row))
        piece.A.row = (ls_product_axis){.count = {1, 1, rows}, .step = {0, 0, all->A.row.step[2]}};
    piece.total = (double *)(void *)ls_accumulator_at(&g->sums, begin);
    piece.grid = g->grid + begin;
    piece.largest = g->largest;
    memset(piece.largest, 0, blocks * LS_PRODUCT_LANES * sizeof *piece.largest);
    piece.start = ls_accumulator_open(&g->sums, begin, begin + blocks);
    if (piece.start)
        memset(piece.total + n, 0, (blocks * LS_BLOCK - n) * sizeof *piece.total);
    ls_product_run_sum(&piece);
    see(&piece, blocks, g->seen + begin);
    meanwhile(g);
}

/* From the last row on: what is complete sets out. */
static void add_and_hand_in(ls_gradients *g, const ls_product_sum *all, const ls_layer *layer, size_t first_block)
{
    const size_t m = ls_product_axis_size(&all->A.row), each = rows_of_piece(&all->A.row, all->n);
    size_t begin, end;

    for (size_t row = (m - 1) / each * each, rows = m - row;; row -= each, rows = each) {
        add_rows(g, all, first_block, row, rows);
        if (g->failed == LS_OK && layer_blocks(layer, &begin, &end))
            g->failed = hand_in(g, begin, end, first_block + row * all->n / LS_BLOCK);
        if (row == 0)
            return;
    }
}

/* Exact sums while the products' tiles are in registers, unless somebody wants to see the contributions themselves. */
static bool takes_products(void *context, const ls_product_sum *products)
{
    const ls_gradients *g = context;

    return g->carrier == &ls_carrier_carried && !g->contribution_hash && !g->norm && !g->fault &&
           products->length <= LS_PRODUCT_SEGMENT;
}

static void add_products(void *context, size_t first, const ls_product_sum *products, const ls_layer *finishes)
{
    ls_gradients *g = context;

    if (g->shared && ls_shared_products_show(g->shared, products, first / LS_BLOCK))
        return;
    if (finishes && is_sent(g))
        add_and_hand_in(g, products, finishes, first / LS_BLOCK);
    else
        add_rows(g, products, first / LS_BLOCK, 0, ls_product_axis_size(&products->A.row));
}

void ls_gradients_measure(ls_gradients *g, ls_wide *norm, const double *factor)
{
    g->norm = norm;
    g->norm_factor = factor;
}

static ls_status layer_done(void *context, const ls_layer *layer)
{
    ls_gradients *g = context;
    ls_status st = LS_OK;
    size_t begin, end;

    if (layer_blocks(layer, &begin, &end))
        st = hand_in(g, begin, end, begin);
    g->complete = SIZE_MAX;
    return st;
}

ls_gradient_sink ls_gradients_sink(ls_gradients *g)
{
    return (ls_gradient_sink){.context = g,
                              .add = add,
                              .takes_products = takes_products,
                              .add_products = add_products,
                              .layer_done = layer_done};
}

ls_status ls_gradients_agree(ls_gradients *g, bool *stop, ls_verdict *verdict)
{
    bool fits = true;

    g->seen[g->blocks] = *stop;
    LS_TRY(g->failed);
    if (g->shared)
        ls_shared_products_finish(g->shared); /* also of sums that have set out: nobody reads them before all agree */
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
    double sum[LS_ACCUMULATOR_DOUBLES];

    g->carrier->finish(ls_accumulator_total(&g->sums, block, sum), divisor, out);
}

void ls_gradients_release(ls_gradients *g)
{
    ls_accumulator_release(&g->sums);
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

static ls_status before_weights(void *context, const ls_layer *layer, size_t n)
{
    ls_gradients *g = context;
    size_t begin, end;

    if (!g->gathering || !layer_blocks(layer, &begin, &end))
        return LS_OK;
    if (n < (end - begin) * LS_BLOCK)
        end = begin + (n + LS_BLOCK - 1) / LS_BLOCK;
    for (size_t i = 0; i < g->buckets; i++)
        if (begin < g->bucket[i].end && end > g->bucket[i].begin)
            LS_TRY(ls_reducer_finish(g->reducer, g->bucket[i].gathered));
    return LS_OK;
}

ls_engine_company ls_gradients_company(ls_gradients *g)
{
    return (ls_engine_company){
        .context = g, .before_weights = before_weights, .meanwhile = meanwhile, .often = g->reducer->slow};
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
