/*
 * What the attention layers share: one head of one sample, out = softmax(scores(q, k)) v, and back (Vaswani et al.,
 * 2017).
 *
 *     q (T,D)  k (S,D)  v (S,E)  out (T,E)        T queries, S keys
 *
 * A tile of queries is worked at a time, with all their scores (tile,S): memory grows with the length, not with its
 * square. Nothing of the scores is kept; the way back computes them again, with the same bits. A query's output depends
 * on that query, all keys and all values alone.
 */
#ifndef LS_NN_LAYERS_ATTENTION_HEAD_H
#define LS_NN_LAYERS_ATTENTION_HEAD_H

#include "nn/layers/layers.h"

typedef struct ls_attention_head ls_attention_head;

/* What scores and their gradients are, but for the products that are the rule. */
typedef struct ls_attention_scores {
    /* P (n,S): scores of queries [first, first + n) with keys [0, keys). */
    void (*scores)(const ls_attention_head *head, size_t first, size_t n, size_t keys, float *P);
    /* dP (n,S), their gradient, which it may spoil: adds to dk (S,D) and to learned, writes dq (n rows, ldq). */
    void (*back)(const ls_attention_head *head, size_t first, size_t n, size_t keys, float *dP, float *dq, size_t ldq,
                 float *dk);
} ls_attention_scores;

/* What becomes of a score that a mask leaves out. Its probability is 0 wherever a query has another key. */
typedef enum ls_attention_masking {
    LS_ATTENTION_REPLACES,  /* it is replaced by a very low number: a query without a key sees all of them alike */
    LS_ATTENTION_ZEROES,    /* … and its probability is 0 then: that query's output is 0 */
    LS_ATTENTION_SUBTRACTS, /* it is lowered by 1e9 */
} ls_attention_masking;

/* Set by build. */
typedef struct ls_attention {
    size_t queries, keys, size, value_size; /* T, S, D, E */
    float scale;                            /* of q k; not with scores of a layer's own */
    bool causal;                            /* query i sees keys 0 … i */
    size_t window;                          /* it sees keys less than so far away; 0: all */
    ls_attention_masking masking;
    double dropout;                    /* of probabilities, in training */
    const ls_attention_scores *scores; /* NULL: scale q k */
    size_t tile;                       /* queries worked at a time: ls_attention_tile */
} ls_attention;

struct ls_attention_head {
    const ls_attention *attention;
    const ls_call *call;
    const float *q, *k, *v; /* rows ldq, ldk, ldv apart */
    size_t ldq, ldk, ldv;
    const float *query_mask, *key_mask[2]; /* (T), (S), (S) of 0 and 1; NULL: none */
    const ls_stream *stream;               /* of dropout's numbers; NULL: nothing is dropped */
    uint64_t first_random;                 /* of them: T x S follow */
    float *scratch;                        /* ls_attention_scratch floats */
    float *learned;                        /* backward, with scores of a layer's own: its gradient */
};

/* For keys, how many queries to work at a time. */
size_t ls_attention_tile(size_t queries, size_t keys);
/* Floats of scratch of a head; false: more than can be counted. */
bool ls_attention_scratch(const ls_attention *attention, size_t *floats);

/* Where the numbers of dropout are for a row of the call; seed: the layer's own, -1: none. */
ls_stream ls_attention_stream(const ls_call *call, int64_t seed, size_t row);
/* Scratch (2,S,D) for a layer's own scores. */
float *ls_attention_own_scratch(const ls_attention_head *head);

/* out: rows ldo apart. */
void ls_attention_forward(const ls_attention_head *head, float *out, size_t ldo);
/*
 * From dout (T,E): dq (T,D) and adds to dk (S,D), dv (S,E), both contiguous. dq may be q's own memory: a tile of q is
 * not read any more when its dq is written.
 */
void ls_attention_backward(const ls_attention_head *head, const float *dout, size_t ldo, float *dq, size_t ldq,
                           float *dk, float *dv);

/* ls_layer_ops.call_options: use_causal_mask. */
extern const char *const ls_attention_call_options[];

/* Options that all of them have. */
#define LS_ATTENTION_DROPOUT(type)                                                                              \
    {                                                                                                           \
        .name = "dropout", .kind = LS_OPTION_FLOAT, .offset = offsetof(type, dropout), .initial = "0", .max = 1 \
    }
#define LS_ATTENTION_SEED(type)                                                                                     \
    {                                                                                                               \
        .name = "seed", .kind = LS_OPTION_INT, .offset = offsetof(type, seed), .initial = "null", .nullable = true, \
        .max = 0x1p62                                                                                               \
    }
#define LS_ATTENTION_CAUSAL(type)                                                                               \
    {                                                                                                           \
        .name = "use_causal_mask", .kind = LS_OPTION_BOOL, .offset = offsetof(type, causal), .initial = "false" \
    }

#endif
