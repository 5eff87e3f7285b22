/*
 * What the files of the engine share: engine_plan.c makes the buffers, engine.c takes the rows in hand through nodes,
 * engine_train.c takes a batch through the model, wave after wave.
 *
 * Buffers of a node, all planned when the engine is made:
 *     Z   (rows, shape)  what the layer computes: the pre-activation
 *     Y   (rows, shape)  after the activation; the same memory as Z unless the activation's derivative or a fused loss
 *                        needs Z kept
 *     dY  (rows, shape)  gradient of the loss by Y; the activation's backward turns it into dZ in place
 *     saved              what the layer keeps from forward to backward
 *
 * A layer that only copies (flatten, reshape, activation) has no Z: it is the Y of its input, and so is its Y if there
 * is no activation. If it is the only one to read its input, dY is the same memory, too.
 *
 * Their rows are those of a wave. A layer that sums over the whole batch (rounds) has to see all waves before the first
 * of them goes on: with each such node a new stage of nodes begins. A stage is gone through wave by wave, forward from
 * the first stage to the last, backward from the last to the first. What a stage needs from another one is kept, in
 * buffers for all local rows; everything else is computed again before a stage goes backward.
 */
#ifndef LS_NN_ENGINE_IMPL_H
#define LS_NN_ENGINE_IMPL_H

#include "nn/engine.h"

typedef struct node_state {
    const ls_activation_ops *activation; /* NULL: linear */
    const void *activation_config;
    float *Z, *Y, *dY, *saved;
    const float **X_here;    /* [inputs] the inputs' Y at the rows of a call */
    float **dX_here;         /* [inputs] */
    const float **mask_here; /* [inputs] masks of the inputs there; NULL where there is none */
    float *mask;             /* of the output, all local rows; NULL: it has none. Its own, or an input's */
    size_t mask_size;        /* of one sample */
    bool owns_mask;
    double *totals; /* [(forward_rounds + backward_rounds) x width] */
    size_t size;    /* elements of one sample */
    size_t width;   /* sums per round; 0: the layer has no rounds */
    size_t stage;
    size_t Z_at, Y_at, dY_at; /* the nodes that have the memory; Z_at: their Y, unless it is this node */
    bool keeps_value;         /* Z and Y have all local rows: another stage reads them */
    bool keeps_gradient;      /* dY has: it is written while one stage goes backward and read while another does */
    bool wants_gradient;      /* something trainable lies at or above it: its dY is computed */
    bool filled;              /* dY holds a gradient already */
    bool was_filled;          /* … when the stage that goes backward began to */
    bool is_output;           /* with a loss */
    bool does_relu;           /* the layer ends with its activation itself */
    bool fused;               /* the loss works on Z: dY is dZ already */
    bool last_use;            /* the first node of its layer in running order: the last to be differentiated */
} node_state;

struct ls_engine {
    ls_model *model;               /* borrowed */
    const ls_objective *objective; /* [outputs] owned copy, or NULL */
    node_state *state;             /* [nodes] */
    size_t *stage;                 /* [stages + 1] first nodes; the last is the number of nodes */
    size_t stages;
    float **target, **weights; /* [outputs] */
    /* [outputs] of masked ones, (rows, positions): 1 where a position counts, and that times its sample's weight. */
    float **counts, **counted_weights;
    double *counted;      /* [outputs] positions of the global batch that count, in training */
    float *scratch;       /* the layers' common scratch for one call */
    float *tile;          /* one tile of a layer's gradient */
    double *sums;         /* one microbatch's contribution to a round */
    double (*penalty)[2]; /* [nodes] activity regularizer: l1, l2 */
    ls_engine_size size;
    size_t seen[2];                    /* the nodes that the last forward was about: [seen[0], seen[1]) */
    size_t before;                     /* local rows before the wave in hand */
    const volatile sig_atomic_t *stop; /* NULL: nobody stops it */
    bool stopped;
    ls_engine_company company; /* functions NULL: nothing goes on */
    ls_status arrived;         /* of weights that were waited for */
    uint64_t seed, update;     /* of the run in progress */
};

/* Where the rows of the wave in hand, from `row` on, lie in a node's buffers. */
static inline float *ls_node_rows(const ls_engine *engine, float *buffer, bool keeps, size_t size, size_t row)
{
    return buffer + (keeps ? engine->before + row : row) * size;
}

static inline float *ls_node_value(const ls_engine *engine, size_t i, size_t row)
{
    const node_state *s = &engine->state[engine->state[i].Y_at];

    return ls_node_rows(engine, s->Y, s->keeps_value, s->size, row);
}

static inline float *ls_node_before_activation(const ls_engine *engine, size_t i, size_t row)
{
    const node_state *s = &engine->state[i];

    return s->Z_at == i ? ls_node_rows(engine, s->Z, s->keeps_value, s->size, row)
                        : ls_node_value(engine, s->Z_at, row);
}

static inline float *ls_node_gradient(const ls_engine *engine, size_t i, size_t row)
{
    const node_state *s = &engine->state[engine->state[i].dY_at];

    return ls_node_rows(engine, s->dY, s->keeps_gradient, s->size, row);
}

static inline float *ls_node_mask(const ls_engine *engine, size_t i, size_t row)
{
    const node_state *s = &engine->state[i];

    return s->mask ? s->mask + (engine->before + row) * s->mask_size : NULL;
}

/* engine_plan.c */
bool ls_layer_trains(const ls_layer *layer);
/* Does the node sum over the whole batch in training? */
bool ls_node_has_rounds(const ls_node *node);
/* Tiles of a layer's gradient, and where tile t lies in its trainable range, padded to whole blocks. */
size_t ls_gradient_tiles(const ls_layer *layer);
void ls_gradient_tile(const ls_layer *layer, size_t t, size_t *first, size_t *n);

/* engine.c: a stage, for the rows of a wave. sums of the stage's first node must be there. */

/* Sums over the batch, of all local rows, that stage s begins with. Collective. */
ls_status ls_stage_forward_sums(ls_engine *engine, const ls_slice *slice, size_t s, const ls_batch_sums *sums);
ls_status ls_stage_backward_sums(ls_engine *engine, const ls_slice *slice, size_t s, const ls_batch_sums *sums);
/* Do losses wait for the number of positions that count, because an output has a mask? */
bool ls_engine_counts(const ls_engine *engine);
/* That number; masks of all local rows must be there. Collective. */
ls_status ls_engine_count(ls_engine *engine, const ls_slice *slice, const ls_batch_sums *sums);
/* again: what is kept of the stage is there already. */
ls_status ls_stage_forward(ls_engine *engine, const ls_slice *wave, size_t s, bool training, bool again);
/* Adds the activity penalties of the stage's nodes to activity [wave->count]. */
void ls_stage_penalties(const ls_engine *engine, const ls_slice *wave, size_t s, double *activity);
/*
 * From the node that begins stage s + 1 down to the one that begins stage s; of this one only the activation, for its
 * sums come first.
 */
ls_status ls_stage_backward(ls_engine *engine, const ls_slice *wave, size_t s, const ls_gradient_sink *sink);
/* What is computed will not be used. */
bool ls_engine_gives_up(ls_engine *engine);

#endif
