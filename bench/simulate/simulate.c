/*
 * A training step of lockstep on a simulated cluster (bench/simulate/run): its reducers and its agreement as they are,
 * compiled by SimGrid's smpicc, in the order of work of a step (nn/engine.c, train/gradients.c, train/updater.c); the
 * time of products, additions, packing and updates is declared.
 *
 *     simulate step KEY=VALUE...     prints: ranks, seconds of a step, of which computing
 *     simulate vector KEY=VALUE...   prints: ranks, elements, seconds of a reduce-scatter and an all-gather
 *
 *     layers=784,1024,10  batch=N (samples of a rank)  algorithm=ring|halving|auto  node_ranks=N  bucket_kib=N
 *     segment_kib=N  elements=N  flop_ns= add_ns= pack_ns= update_ns=  wire_bytes=6 (8: not packed)  nap_us=N
 *
 * With node_ranks > 1 ranks go on with their peers, as those of `hierarchical` do (comm/shared.c), once they have spent
 * what it takes to add up within the node.
 */
#include "simulate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "comm/agreement.h"
#include "comm/mixed.h"
#include "tensor/block.h"
#include "train/bucket_size.h"

#define LAYERS_MAX 16
#define STEPS 2 /* after one that is not counted */
#define METRICS 2

typedef struct layer {
    size_t begin, end; /* blocks */
    double product_s;  /* one of a rank's samples: forward, of the weights' gradients, of the inputs' */
} layer;

typedef struct bucket {
    size_t begin, end, layers, waiting;
    size_t *bounds[2]; /* [peers] where the peers' chunks begin, and end */
    double in_node_s;  /* to add up within the node */
    double update_s;
    uint64_t number; /* of its vector under way */
} bucket;

typedef struct state {
    ls_comm world, peers;
    int place, places;
    ls_reducer reducer;
    ls_agreement *agreement;
    size_t layers, buckets, blocks;
    layer layer[LAYERS_MAX];
    bucket *bucket;
    char *sums, *weights;
    double *grid;
    double computed_s; /* so far */
} state;

static void check(ls_status st)
{
    if (st != LS_OK) {
        fprintf(stderr, "simulate: %s\n", ls_error_message());
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
}

static const char *text_of(char **argv, const char *key, const char *otherwise)
{
    const size_t n = strlen(key);

    for (; *argv; argv++)
        if (strncmp(*argv, key, n) == 0 && (*argv)[n] == '=')
            return *argv + n + 1;
    return otherwise;
}

static double number_of(char **argv, const char *key, double otherwise)
{
    const char *text = text_of(argv, key, NULL);

    return text ? atof(text) : otherwise;
}

static void compute(state *s, double seconds)
{
    spend(seconds);
    s->computed_s += seconds;
}

/* ---- the plan ---- */

static void plan_comms(state *s, char **argv)
{
    MPI_Comm peers;

    s->world.mpi = MPI_COMM_WORLD;
    MPI_Comm_rank(MPI_COMM_WORLD, &s->world.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &s->world.size);
    s->places = (int)number_of(argv, "node_ranks", 1);
    s->place = s->world.rank % s->places;
    MPI_Comm_split(MPI_COMM_WORLD, s->place, s->world.rank, &peers);
    s->peers.mpi = peers;
    MPI_Comm_rank(peers, &s->peers.rank);
    MPI_Comm_size(peers, &s->peers.size);
}

static void plan_reducer(state *s, char **argv, size_t elements, size_t vectors)
{
    const char *algorithm = text_of(argv, "algorithm", "auto");
    ls_reducer *r = &s->reducer;

    *r = (ls_reducer){
        .ops = strcmp(algorithm, "ring") == 0      ? &ls_reducer_ring
               : strcmp(algorithm, "halving") == 0 ? &ls_reducer_halving
                                                   : &ls_reducer_mixed,
        .comm = &s->peers,
        .max_bytes = elements * sizeof(double),
        .segment_bytes = (size_t)number_of(argv, "segment_kib", 256) * 1024,
        .packs = cost.wire_bytes < 8,
        .wire = cost.wire_bytes < 8 ? LS_WIRE_AUTO : LS_WIRE_PLAIN,
        .any_order = true,
        .capacity = vectors,
        .queue = ls_calloc(vectors, sizeof *r->queue, "the vectors"),
    };
    if (s->peers.size > 1)
        check(r->ops->setup(r));
}

static void plan_layers(state *s, char **argv)
{
    const char *units = text_of(argv, "layers", "784,1024,1024,10");
    const double batch = number_of(argv, "batch", 256);
    char *end;
    double inputs = strtod(units, &end);

    while (*end == ',' && s->layers < LAYERS_MAX) {
        const double outputs = strtod(end + 1, &end);
        layer *l = &s->layer[s->layers++];

        l->begin = s->blocks;
        s->blocks += ls_blocks((size_t)(inputs * outputs)) + ls_blocks((size_t)outputs);
        l->end = s->blocks;
        l->product_s = 2 * inputs * outputs * batch * cost.flop_s;
        inputs = outputs;
    }
}

/* Chunks of n elements: those of the peers, and what this rank has to do with its own. */
static void cut(state *s, bucket *b, size_t n)
{
    const size_t P = (size_t)s->world.size, nodes = (size_t)s->peers.size, blocks = n / LS_BLOCK;
    size_t mine = 0;

    for (int side = 0; side < 2; side++) {
        b->bounds[side] = ls_calloc(nodes, sizeof(size_t), "the chunks");
        for (size_t k = 0; k < nodes; k++)
            b->bounds[side][k] =
                ls_part_begin(blocks, k * (size_t)s->places + (size_t)s->place + (size_t)side, P) * LS_BLOCK;
    }
    for (size_t k = 0; k < nodes; k++)
        mine += b->bounds[1][k] - b->bounds[0][k];
    b->in_node_s = (double)mine * (s->places - 1) * cost.add_s;
    b->update_s = (double)(b->bounds[1][s->peers.rank] - b->bounds[0][s->peers.rank]) * cost.update_s;
}

/* As train/gradients.c cuts them. */
static size_t begin_of_bucket(const state *s, size_t end, size_t most)
{
    const size_t least = end > most ? end - most : 0;

    for (size_t l = 0; l < s->layers; l++)
        if (s->layer[l].begin >= least && s->layer[l].begin < end)
            return s->layer[l].begin;
    return least;
}

static void plan_buckets(state *s, char **argv)
{
    const size_t most = ls_bucket_blocks((size_t)(number_of(argv, "bucket_kib", 4096) * 1024), (size_t)s->world.size,
                                         LS_BLOCK * sizeof(double));
    size_t end = s->blocks;

    s->bucket = ls_calloc(s->blocks / most + s->layers + 2, sizeof *s->bucket, "the buckets");
    while (end > 0) {
        const size_t want = s->buckets ? most : ls_first_bucket_blocks(most);
        bucket *b = &s->bucket[s->buckets++];

        b->end = end;
        b->begin = end = begin_of_bucket(s, b->end, want);
        cut(s, b, (b->end - b->begin) * LS_BLOCK);
        for (size_t l = 0; l < s->layers; l++)
            b->layers += s->layer[l].begin < b->end && s->layer[l].end > b->begin;
    }
    plan_reducer(s, argv, most * LS_BLOCK, 2 * s->buckets);
    s->sums = ls_calloc(s->blocks, LS_BLOCK * sizeof(double), "the sums");
    s->weights = ls_calloc(s->blocks, LS_BLOCK * sizeof(float), "the weights");
    s->grid = ls_calloc(s->blocks, sizeof(double), "the grids");
    check(ls_agreement_create(&s->world, NULL, s->blocks + 1, METRICS, &s->agreement));
}

/* ---- a step ---- */

static void start(state *s, bucket *b, ls_half half)
{
    const bool sums = half == LS_REDUCE_SCATTER;
    const ls_vector v = {.half = half,
                         .element = sums ? LS_FLOAT64 : LS_FLOAT32,
                         .buf = sums ? s->sums + b->begin * LS_BLOCK * sizeof(double)
                                     : s->weights + b->begin * LS_BLOCK * sizeof(float),
                         .begin = b->bounds[0],
                         .end = b->bounds[1],
                         .grid = sums ? s->grid + b->begin : NULL};

    check(ls_reducer_start(&s->reducer, &v, &b->number));
}

/* What of a layer's blocks is a bucket's. */
static double share_of(const layer *l, const bucket *b)
{
    const size_t begin = l->begin > b->begin ? l->begin : b->begin, end = l->end < b->end ? l->end : b->end;

    return begin < end ? (double)(end - begin) / (double)(l->end - l->begin) : 0;
}

/* Over a slow network, bucket by bucket of the weights. */
static void forward(state *s, const layer *l, bool first)
{
    for (size_t i = s->buckets; i-- > 0;) {
        const double share = share_of(l, &s->bucket[i]);

        if (share > 0 && !first)
            check(ls_reducer_finish(&s->reducer, s->bucket[i].number));
        if (s->reducer.slow && share > 0)
            compute(s, l->product_s * share);
    }
    if (!s->reducer.slow)
        compute(s, l->product_s);
    check(ls_reducer_progress(&s->reducer));
}

/* The gradients of its weights; over a slow network what is complete sets out at once. */
static void weights_gradients(state *s, const layer *l, size_t *issued)
{
    if (!s->reducer.slow)
        compute(s, l->product_s);
    for (size_t i = 0; i < s->buckets; i++) {
        const double share = share_of(l, &s->bucket[i]);

        if (share > 0 && s->reducer.slow)
            compute(s, l->product_s * share);
        s->bucket[i].waiting -= share > 0;
        for (; *issued <= i && s->bucket[*issued].waiting == 0; ++*issued) {
            compute(s, s->bucket[*issued].in_node_s);
            start(s, &s->bucket[*issued], LS_REDUCE_SCATTER);
        }
    }
}

static void step(state *s, bool first)
{
    size_t issued = 0;

    for (size_t l = 0; l < s->layers; l++)
        forward(s, &s->layer[l], first);
    for (size_t i = 0; i < s->buckets; i++)
        s->bucket[i].waiting = s->bucket[i].layers;
    for (size_t l = s->layers; l-- > 0;) {
        weights_gradients(s, &s->layer[l], &issued);
        if (l > 0)
            compute(s, s->layer[l].product_s);
        check(ls_reducer_progress(&s->reducer));
    }
    check(ls_reducer_finish(&s->reducer, s->bucket[s->buckets - 1].number));
    check(ls_agreement_start(s->agreement));
    check(ls_agreement_finish(s->agreement));
    for (size_t i = s->buckets; i-- > 0;) {
        compute(s, s->bucket[i].update_s);
        start(s, &s->bucket[i], LS_ALL_GATHER);
    }
}

static void run_steps(state *s, char **argv)
{
    double begun, took[2];

    plan_layers(s, argv);
    plan_buckets(s, argv);
    step(s, true);
    MPI_Barrier(MPI_COMM_WORLD);
    s->computed_s = 0;
    begun = MPI_Wtime();
    for (int i = 0; i < STEPS; i++)
        step(s, false);
    check(ls_reducer_finish(&s->reducer, s->bucket[0].number));
    took[0] = (MPI_Wtime() - begun) / STEPS;
    took[1] = s->computed_s / STEPS;
    MPI_Allreduce(MPI_IN_PLACE, took, 2, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    if (s->world.rank == 0)
        printf("%d %.9f %.9f\n", s->world.size, took[0], took[1]);
}

static void run_vector(state *s, char **argv)
{
    const size_t n = (size_t)number_of(argv, "elements", 1e6) / LS_BLOCK * LS_BLOCK;
    bucket b = {0};
    double took;

    plan_reducer(s, argv, n, 2);
    cut(s, &b, n);
    s->sums = ls_calloc(n, sizeof(double), "the sums");
    s->weights = ls_calloc(n, sizeof(float), "the weights");
    s->grid = ls_calloc(ls_blocks(n), sizeof(double), "the grids");
    MPI_Barrier(MPI_COMM_WORLD);
    took = MPI_Wtime();
    spend(b.in_node_s);
    for (int half = 0; half < 2; half++) {
        start(s, &b, half ? LS_ALL_GATHER : LS_REDUCE_SCATTER);
        check(ls_reducer_finish(&s->reducer, b.number));
    }
    took = MPI_Wtime() - took;
    MPI_Allreduce(MPI_IN_PLACE, &took, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    if (s->world.rank == 0)
        printf("%d %zu %.9f\n", s->world.size, n, took);
}

int main(int argc, char **argv)
{
    state s = {0};

    MPI_Init(&argc, &argv);
    cost = (costs){.flop_s = 1e-9 * number_of(argv, "flop_ns", 0.02),
                   .add_s = 1e-9 * number_of(argv, "add_ns", 1),
                   .pack_s = 1e-9 * number_of(argv, "pack_ns", 3),
                   .update_s = 1e-9 * number_of(argv, "update_ns", 3),
                   .wire_bytes = number_of(argv, "wire_bytes", 6),
                   .nap_us = (unsigned)number_of(argv, "nap_us", 10)};
    plan_comms(&s, argv);
    if (argc > 1 && strcmp(argv[1], "step") == 0)
        run_steps(&s, argv);
    else if (argc > 1 && strcmp(argv[1], "vector") == 0)
        run_vector(&s, argv);
    else if (s.world.rank == 0)
        fprintf(stderr, "usage: simulate step|vector KEY=VALUE...\n");
    MPI_Finalize();
    return 0;
}
