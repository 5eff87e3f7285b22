/* The choice of a path, and the shorter ways to ask for a product. */
#include "tensor/product/product.h"

#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/profile.h"
#include "base/text.h"
#include "tensor/product/path.h"

#define VARIABLE "LOCKSTEP_PRODUCT"

static const ls_product_path *chosen = &ls_product_generic;

size_t ls_product_paths(const ls_product_path *out[LS_PRODUCT_PATHS_MAX])
{
    const ls_product_path *const all[] = {ls_product_avx512, ls_product_avx2, ls_product_neon, &ls_product_generic};
    size_t n = 0;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i])
            out[n++] = all[i];
    return n;
}

/*
 * AMD's family 19h with AVX-512 is Zen 4, which takes two cycles for a 512-bit operation: its AVX2 tile is as fast on
 * forward products, and faster on short sums, where the end of a tile counts.
 */
static bool prefers_avx2(void)
{
    bool zen4 = false;

#if defined(__x86_64__)
    unsigned a = 0, b = 0, c = 0, d = 0;

    if (__get_cpuid(0, &a, &b, &c, &d) && b == signature_AMD_ebx && __get_cpuid(1, &a, &b, &c, &d))
        zen4 = ((a >> 8) & 0xf) + ((a >> 20) & 0xff) == 0x19;
#endif
    return zen4;
}

static const ls_product_path *best(const ls_product_path *const *path, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (path[i]->available() && !(path[i] == ls_product_avx512 && prefers_avx2()))
            return path[i];
    return &ls_product_generic;
}

ls_status ls_product_init(void)
{
    const char *const wanted = getenv(VARIABLE);
    const ls_product_path *path[LS_PRODUCT_PATHS_MAX];
    const char *known[LS_PRODUCT_PATHS_MAX];
    const size_t n = ls_product_paths(path);

    if (!wanted || !*wanted) {
        chosen = best(path, n);
        return LS_OK;
    }
    for (size_t i = 0; i < n; i++) {
        known[i] = path[i]->name;
        if (strcmp(wanted, path[i]->name) != 0)
            continue;
        if (!path[i]->available())
            return ls_fail(LS_ERR_CONFIG,
                           VARIABLE " is '%s', which this processor does not have; unset it, or use generic", wanted);
        chosen = path[i];
        return LS_OK;
    }
    {
        ls_text list = {0};

        ls_text_add_list(&list, known, n);
        ls_fail(LS_ERR_CONFIG, VARIABLE " is '%s'; this program knows %s", wanted, list.data ? list.data : "generic");
        ls_text_reset(&list);
    }
    return LS_ERR_CONFIG;
}

const char *ls_product_path_name(void)
{
    return chosen->name;
}

ls_product_left ls_product_matrix(const float *A, size_t lda, bool transposed, size_t m, size_t k)
{
    return (ls_product_left){
        .at = A,
        .row = {.count = {1, 1, m}, .step = {0, 0, transposed ? 1 : lda}},
        .sum = {.count = {1, 1, k}, .step = {0, 0, transposed ? lda : 1}},
    };
}

size_t ls_product_axis_size(const ls_product_axis *axis)
{
    return axis->count[0] * axis->count[1] * axis->count[2];
}

/* Loops that go on where the inner one ends become one with it. */
static ls_product_axis joined(const ls_product_axis *axis)
{
    ls_product_axis a = *axis;

    for (size_t i = 0; i < 2 && (a.count[1] == 1 || a.step[1] == a.count[2] * a.step[2]); i++)
        a = (ls_product_axis){.count = {1, a.count[0], a.count[1] * a.count[2]}, .step = {0, a.step[0], a.step[2]}};
    return a;
}

static ls_product_left joined_left(const ls_product_left *A)
{
    return (ls_product_left){.at = A->at, .row = joined(&A->row), .sum = joined(&A->sum)};
}

/* A sum of no products: C = 0, or what it was; then bias and relu as ever. */
static void run_empty(const ls_product *p, size_t m)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < p->n; j++) {
            float c = p->add ? p->C[i * p->ldc + j] : 0.0f;

            if (p->bias)
                c += p->bias[j];
            p->C[i * p->ldc + j] = p->relu && c <= 0.0f ? 0.0f : c;
        }
}

void ls_product_run(const ls_product *product)
{
    const size_t m = ls_product_axis_size(&product->A.row);
    ls_product p = *product;

    if (m == 0 || p.n == 0)
        return;
    if (ls_product_axis_size(&p.A.sum) == 0) {
        run_empty(&p, m);
        return;
    }
    p.A = joined_left(&product->A);
    ls_profile_begin(LS_PHASE_PRODUCT, NULL);
    chosen->run(&p);
    ls_profile_end();
}

void ls_product_run_batch(const ls_product_batch *batch)
{
    for (size_t a = 0; a < batch->count[0]; a++)
        for (size_t b = 0; b < batch->count[1]; b++) {
            ls_product p = batch->first;

            p.A.at += a * batch->A[0] + b * batch->A[1];
            p.B += a * batch->B[0] + b * batch->B[1];
            p.C += a * batch->C[0] + b * batch->C[1];
            ls_product_run(&p);
        }
}

void ls_product_run_sum(const ls_product_sum *sum)
{
    ls_product_sum s = *sum;

    if (ls_product_axis_size(&s.A.row) == 0 || ls_product_axis_size(&s.A.sum) == 0 || s.n == 0)
        return;
    s.A = joined_left(&sum->A);
    ls_profile_begin(LS_PHASE_PRODUCT, "exact sum");
    chosen->run_sum(&s);
    ls_profile_end();
}

void ls_product_multiply(char transpose_a, char transpose_b, size_t m, size_t n, size_t k, const float *A, size_t lda,
                         const float *B, size_t ldb, bool add, float *C, size_t ldc)
{
    const ls_product p = {.A = ls_product_matrix(A, lda, transpose_a == 't', m, k),
                          .B = B,
                          .ldb = ldb,
                          .transposed_b = transpose_b == 't',
                          .n = n,
                          .C = C,
                          .ldc = ldc,
                          .add = add};

    ls_product_run(&p);
}
