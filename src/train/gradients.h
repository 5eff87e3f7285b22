/*
 * The gradient of a batch: contributions of local microbatches in, exact totals of this rank's shard out.
 *
 *     engine ──contributions──> accumulators ──buckets, as layers finish──> reduce-scatter ──> own shard
 *
 * The flat buffer is cut from its end into buckets (layers finish in reverse order); every bucket is cut into P runs of
 * blocks, one per rank. Which rank owns what depends on P; what is computed does not.
 */
#ifndef LS_TRAIN_GRADIENTS_H
#define LS_TRAIN_GRADIENTS_H

#include "comm/agreement.h"
#include "comm/carrier.h"
#include "comm/reducer.h"
#include "experiment/experiment.h"
#include "nn/engine.h"
#include "tensor/wide.h"
#include "train/accumulator.h"
#include "train/shared_products.h"

/* A fault planted by a test, to prove that `verify` finds it. Never set by the program. */
typedef struct ls_fault {
    enum { LS_FAULT_NONE, LS_FAULT_DROP_CONTRIBUTION, LS_FAULT_SPOIL_CONTRIBUTION, LS_FAULT_SEED } kind;
    int rank; /* the rank it happens on, in runs of `ranks` ranks */
    int ranks;
    uint64_t update;   /* DROP, SPOIL: at this update (from 0) … */
    size_t microbatch; /* … this local microbatch's contributions are lost, or a bit of one of them is wrong: */
    size_t param;      /* SPOIL: of that to this trainable parameter */
} ls_fault;

typedef struct ls_bucket {
    size_t begin, end; /* blocks of the flat buffer */
    size_t waiting;    /* layers that have not finished yet, in this step */
    size_t layers;
    size_t own_begin, own_end; /* this rank's blocks */
    size_t *bounds;            /* [P+1] in carrier elements, from the bucket's begin */
    size_t *weight_bounds;     /* [P+1] in weights */
    uint64_t gathered;         /* the reducer's number of its weights, when they were last shared */
} ls_bucket;

typedef struct ls_gradients {
    const ls_comm *comm;   /* borrowed */
    const ls_model *model; /* borrowed */
    const ls_carrier_ops *carrier;
    ls_reducer *reducer;     /* owned */
    ls_agreement *agreement; /* owned */
    int h;                   /* at most 2^h contributions per weight */
    size_t blocks;
    size_t block_bytes; /* of a block in the carrier */
    ls_accumulator sums;
    ls_shared_products *shared; /* owned; NULL: every rank adds up its own products alone */
    uint32_t *param_of;         /* [blocks] index of the parameter */
    int16_t *seen;              /* [blocks + flags] largest exponents of this step: the agreement's */
    ls_exponents exponents;
    double *grid;     /* [blocks] what E says, for products */
    int32_t *largest; /* [blocks x LS_PRODUCT_LANES] of the products in hand */
    ls_bucket *bucket;
    size_t buckets, issued;
    size_t complete;  /* from this block on the layer in hand is, as far as buckets know; SIZE_MAX: nothing */
    uint64_t last;    /* the reducer's number of what was begun last */
    bool gathering;   /* weights may still be under way */
    ls_status failed; /* of what went on meanwhile */
    uint64_t *contribution_hash; /* [local microbatches x trainable params] when tracing; else NULL */
    size_t hash_rows;
    ls_wide *norm;             /* borrowed; NULL: not wanted. See ls_gradients_measure */
    const double *norm_factor; /* borrowed */
    const ls_fault *fault;     /* borrowed; NULL: none */
    uint64_t update, first;    /* of the step in hand */
} ls_gradients;

/*
 * Collective. contributions: the most any weight gets per step. local_microbatches: rows of the hash table when trace
 * is wanted, 0 otherwise. sums: see ls_gradients_sums.
 */
ls_status ls_gradients_create(const ls_comm *comm, const ls_model *model, const ls_distributed_options *options,
                              uint64_t contributions, size_t local_microbatches, size_t sums, ls_gradients **out);
void ls_gradients_free(ls_gradients *gradients);

/*
 * [sums] What else is added up over ranks in the message of ls_gradients_agree: this rank's before, the totals after
 * it.
 */
ls_wide *ls_gradients_sums(const ls_gradients *gradients);

/* The first block from `block` on that this rank owns, whose sums it gets and whose weights it updates; blocks: none.
 */
size_t ls_gradients_own(const ls_gradients *gradients, size_t block);
#define LS_FOR_OWN_BLOCKS(gradients, b)                                        \
    for (size_t b = ls_gradients_own(gradients, 0); (b) < (gradients)->blocks; \
         (b) = ls_gradients_own(gradients, (b) + 1))

/* Start a step (or start it again): nothing is accumulated yet. first: this rank's first microbatch of the batch. */
void ls_gradients_begin(ls_gradients *gradients, uint64_t update, uint64_t first);
/* The sink for ls_engine_backward. Buckets are reduced, collectively, as their layers finish. */
ls_gradient_sink ls_gradients_sink(ls_gradients *gradients);

/*
 * Add factor[m] |contribution|^2 of every local microbatch m to *norm, exactly, from the next contribution on. Both are
 * borrowed until the next call; norm NULL: no more.
 */
void ls_gradients_measure(ls_gradients *gradients, ls_wide *norm, const double *factor);

typedef enum ls_verdict {
    LS_VERDICT_FITS,      /* totals are exact: go on with the update */
    LS_VERDICT_REDO,      /* exponents rose: do the step again */
    LS_VERDICT_NONFINITE, /* some contribution is NaN or Inf */
    LS_VERDICT_STOP       /* some rank stops within the step, which leaves no trace */
} ls_verdict;

/*
 * Collective, after backward. *stop (in: this rank's wish, out: any rank's) rides along and is the verdict before any
 * other: what a rank that stops has computed means nothing. All ranks get the same verdict. FITS also settles the
 * exponents for update number update+1.
 */
ls_status ls_gradients_agree(ls_gradients *gradients, bool *stop, ls_verdict *verdict);
/* The trainable parameter whose contributions were not finite, nearest to the output; NULL if there is none. */
const ls_param *ls_gradients_nonfinite(const ls_gradients *gradients);

/* Own block: g (LS_BLOCK) = total / divisor. Until the totals are released, or the next step begins. */
void ls_gradients_finish(const ls_gradients *gradients, size_t block, double divisor, float *g);
/* This rank needs the totals no more, but for ls_trainer_gradient, in which all ranks meet. */
void ls_gradients_release(ls_gradients *gradients);

/*
 * Collective. Where ranks share memory, what is trained of the model's weights moves there: one copy for a node, of
 * which each rank writes its own blocks. Until the weights are returned, whoever else writes them has to meet before
 * and after, and to leave the writing to one rank of the node. What is not trained stays each rank's own.
 */
ls_status ls_gradients_share_weights(ls_gradients *gradients, ls_model *model);
/* The weights move back into the model's own memory, if they are in this one's. */
void ls_gradients_return_weights(const ls_gradients *gradients, ls_model *model);
/* This rank among the `parts` that have one copy of the weights; 0 of 1 if each has its own. parts may be NULL. */
int ls_gradients_part(const ls_gradients *gradients, int *parts);
/* Collective. Returns when all of them are here: none reads the weights as they were any more. */
void ls_gradients_meet(const ls_gradients *gradients);

/*
 * Collective: every rank's own weights of a bucket (weights: the flat buffer of trainable_size) begin to become known
 * to all; nothing may write them before they have arrived.
 */
ls_status ls_gradients_give(ls_gradients *gradients, size_t bucket, float *weights);
/* Returns when all weights that were given have arrived. */
ls_status ls_gradients_arrive(ls_gradients *gradients);
/* For the engine: reductions go on while it computes, and a layer's weights are waited for when it needs them. */
ls_engine_company ls_gradients_company(ls_gradients *gradients);
/* Collective: rank 0 gets every rank's own part of an array of trainable_size, in place; nothing changes elsewhere. */
ls_status ls_gradients_gather(const ls_gradients *gradients, float *array);

#endif
