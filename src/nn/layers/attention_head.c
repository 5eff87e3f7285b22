/* One head of one sample: attention_head.h explains. */
#include "nn/layers/attention_head.h"

#include <string.h>

#include "base/memory.h"
#include "tensor/math.h"

/* Scores of a tile: about 256 kB, so that they stay in the second-level cache, and at least so many queries. */
#define TILE_SCORES ((size_t)65536)
#define TILE_QUERIES_MIN ((size_t)16)
#define TILE_QUERIES_MAX ((size_t)64)

const char *const ls_attention_call_options[] = {"use_causal_mask", NULL};

size_t ls_attention_tile(size_t queries, size_t keys)
{
    size_t tile = TILE_SCORES / (keys ? keys : 1);

    tile = tile < TILE_QUERIES_MIN ? TILE_QUERIES_MIN : tile > TILE_QUERIES_MAX ? TILE_QUERIES_MAX : tile;
    return tile < queries ? tile : queries;
}

/* Probabilities, their gradients, probabilities with some dropped; a row of random numbers, of a layer's own. */
bool ls_attention_scratch(const ls_attention *attention, size_t *floats)
{
    size_t scores, own;

    if (!ls_size_mul(attention->keys, 3 * attention->tile + 2, &scores) ||
        !ls_size_mul(attention->keys, 2 * attention->size, &own))
        return false;
    *floats = scores + (attention->scores ? own : 0);
    return *floats >= scores;
}

float *ls_attention_own_scratch(const ls_attention_head *head)
{
    return head->scratch + (3 * head->attention->tile + 2) * head->attention->keys;
}

ls_stream ls_attention_stream(const ls_call *call, int64_t seed, size_t row)
{
    ls_call own = *call;

    if (seed >= 0)
        own.place.seed = (uint64_t)seed;
    return ls_call_stream(&own, LS_PURPOSE_DROPOUT, row);
}

/* Keys that any of the queries [first, first + n) can see; the rest of a row is not even computed. */
static size_t keys_of_tile(const ls_attention_head *head, size_t first, size_t n)
{
    const ls_attention *a = head->attention;
    const bool masked = head->query_mask || head->key_mask[0] || head->key_mask[1] || a->window;

    return a->causal && !masked && first + n < a->keys ? first + n : a->keys;
}

/* May query t see key j? */
static inline bool sees(const ls_attention_head *head, size_t t, size_t j)
{
    const ls_attention *a = head->attention;
    const size_t apart = t > j ? t - j : j - t;

    return (!a->causal || j <= t) && (!a->window || apart < a->window) &&
           (!head->query_mask || head->query_mask[t] != 0.0f) && (!head->key_mask[0] || head->key_mask[0][j] != 0.0f) &&
           (!head->key_mask[1] || head->key_mask[1][j] != 0.0f);
}

static LS_CLONES float largest(const float *x, size_t n)
{
    float most[16], out;

    for (size_t k = 0; k < 16; k++)
        most[k] = x[0];
    for (size_t i = 0; i + 16 <= n; i += 16)
        for (size_t k = 0; k < 16; k++)
            most[k] = x[i + k] > most[k] ? x[i + k] : most[k];
    for (size_t i = n / 16 * 16; i < n; i++)
        most[0] = x[i] > most[0] ? x[i] : most[0];
    out = most[0];
    for (size_t k = 1; k < 16; k++)
        out = most[k] > out ? most[k] : out;
    return out;
}

static LS_CLONES void lower(float *x, float by, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] -= by;
}

static void softmax(float *x, size_t n)
{
    lower(x, largest(x, n), n);
    ls_exp(x, x, n);
    ls_scale(x, (float)(1.0 / ls_sum(x, n)), n);
}

/* The scores of query t become probabilities where masks differ from key to key. */
static void masked_softmax(const ls_attention_head *head, size_t t, float *p, size_t keys)
{
    const ls_attention_masking masking = head->attention->masking;
    bool any = false;

    for (size_t j = 0; j < keys; j++)
        any |= sees(head, t, j);
    for (size_t j = 0; j < keys; j++)
        if (!sees(head, t, j))
            p[j] = masking == LS_ATTENTION_SUBTRACTS ? p[j] - 1e9f : any ? -3e38f : 0.0f;
    if (!any && masking == LS_ATTENTION_ZEROES)
        memset(p, 0, keys * sizeof *p);
    else
        softmax(p, keys);
}

/* P (n,S): the probabilities of a tile, 0 behind the keys that are seen. */
static void probabilities(const ls_attention_head *head, size_t first, size_t n, size_t keys, float *P)
{
    const ls_attention *a = head->attention;
    const bool masked = head->query_mask || head->key_mask[0] || head->key_mask[1] || a->window;

    if (a->scores) {
        a->scores->scores(head, first, n, keys, P);
    } else {
        ls_multiply(head->call->arithmetic, 'n', 't', n, keys, a->size, head->q + first * head->ldq, head->ldq, head->k,
                    head->ldk, false, P, a->keys);
        for (size_t i = 0; i < n; i++)
            ls_scale(P + i * a->keys, a->scale, keys);
    }
    for (size_t i = 0; i < n; i++) {
        float *const p = P + i * a->keys;
        const size_t seen = a->causal && first + i + 1 < keys ? first + i + 1 : keys;

        if (masked) {
            masked_softmax(head, first + i, p, keys);
            continue;
        }
        softmax(p, seen);
        memset(p + seen, 0, (keys - seen) * sizeof *p);
    }
}

static LS_CLONES void keep_or_drop(const float *x, const float *restrict uniform, float *y, size_t n, float rate,
                                   float scale)
{
    for (size_t i = 0; i < n; i++) {
        const float factor = uniform[i] >= rate ? scale : 0.0f;

        y[i] = x[i] * factor;
    }
}

/* to (n,S) = from, with the probabilities of a tile that are dropped 0 and the others larger. In place too. */
static void drop(const ls_attention_head *head, size_t first, size_t n, size_t keys, const float *from, float *to)
{
    const ls_attention *a = head->attention;
    const float scale = a->dropout < 1.0 ? (float)(1.0 / (1.0 - a->dropout)) : 0.0f;
    float *const uniform = head->scratch + 3 * a->tile * a->keys;

    for (size_t i = 0; i < n; i++) {
        ls_stream_uniform(head->stream, head->first_random + (first + i) * a->keys, keys, uniform);
        keep_or_drop(from + i * a->keys, uniform, to + i * a->keys, keys, (float)a->dropout, scale);
    }
}

void ls_attention_forward(const ls_attention_head *head, float *out, size_t ldo)
{
    const ls_attention *a = head->attention;
    float *const P = head->scratch;

    for (size_t first = 0; first < a->queries; first += a->tile) {
        const size_t n = a->queries - first < a->tile ? a->queries - first : a->tile;
        const size_t keys = keys_of_tile(head, first, n);

        probabilities(head, first, n, keys, P);
        if (head->stream)
            drop(head, first, n, keys, P, P);
        ls_multiply(head->call->arithmetic, 'n', 'n', n, a->value_size, keys, P, a->keys, head->v, head->ldv, false,
                    out + first * ldo, ldo);
    }
}

/* dp = p (dp - sum p dp) scale */
static LS_CLONES void softmax_back(const float *restrict p, float *restrict dp, float mean, float scale, size_t n)
{
    for (size_t j = 0; j < n; j++)
        dp[j] = p[j] * (dp[j] - mean) * scale;
}

/* Gradients by probabilities become those by scores, but for what masks replaced. */
static void scores_back(const ls_attention_head *head, size_t first, size_t n, size_t keys, const float *P, float *dP)
{
    const ls_attention *a = head->attention;

    for (size_t i = 0; i < n; i++) {
        const float *const p = P + i * a->keys;
        float *const dp = dP + i * a->keys;

        softmax_back(p, dp, (float)ls_dot(p, dp, keys), a->scores ? 1.0f : a->scale, keys);
        for (size_t j = 0; a->masking == LS_ATTENTION_REPLACES && keys == a->keys && j < keys; j++)
            if (!sees(head, first + i, j))
                dp[j] = 0.0f;
    }
}

void ls_attention_backward(const ls_attention_head *head, const float *dout, size_t ldo, float *dq, size_t ldq,
                           float *dk, float *dv)
{
    const ls_attention *a = head->attention;
    const ls_arithmetic arithmetic = head->call->arithmetic;
    float *const P = head->scratch, *const dP = P + a->tile * a->keys, *const dropped = dP + a->tile * a->keys;

    for (size_t first = 0; first < a->queries; first += a->tile) {
        const size_t n = a->queries - first < a->tile ? a->queries - first : a->tile;
        const size_t keys = keys_of_tile(head, first, n);
        const float *const d = dout + first * ldo, *const q = head->q + first * head->ldq;

        probabilities(head, first, n, keys, P);
        ls_multiply(arithmetic, 'n', 't', n, keys, a->value_size, d, ldo, head->v, head->ldv, false, dP, a->keys);
        if (head->stream) {
            drop(head, first, n, keys, P, dropped);
            drop(head, first, n, keys, dP, dP);
        }
        ls_multiply(arithmetic, 't', 'n', keys, a->value_size, n, head->stream ? dropped : P, a->keys, d, ldo, true, dv,
                    a->value_size);
        scores_back(head, first, n, keys, P, dP);
        if (a->scores) {
            a->scores->back(head, first, n, keys, dP, dq + first * ldq, ldq, dk);
            continue;
        }
        ls_multiply(arithmetic, 't', 'n', keys, a->size, n, dP, a->keys, q, head->ldq, true, dk, a->size);
        ls_multiply(arithmetic, 'n', 'n', n, a->size, keys, dP, a->keys, head->k, head->ldk, false, dq + first * ldq,
                    ldq);
    }
}
