/* GEMM through OpenBLAS, and the state of the processor that every bit depends on. */
#include "tensor/kernels.h"

#include <cblas.h>
#undef I /* of <complex.h>, which cblas.h includes */
#include <fenv.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#define MXCSR_FLUSH_TO_ZERO 0x8000u
#define MXCSR_DENORMALS_ARE_ZERO 0x0040u
#endif

#include "tensor/product/product.h"

#define N 128                            /* of the first product; packed by all kernel families */
#define BUFFER_BYTES ((size_t)160 << 20) /* OpenBLAS takes 32 to 128 MiB of address space, by kernel family */

static bool unpacked_path; /* of the kernel family; set by ls_compute_init */

/* C = beta C, or `value` everywhere with beta 0. */
static void fill(float *C, size_t m, size_t n, size_t ldc, float beta, float value)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            C[i * ldc + j] = beta == 0.0f ? value : beta * C[i * ldc + j];
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/*
 * OpenBLAS's AVX-512 families multiply matrices of m n k <= 10^6 without first packing them. A microbatch's product
 * that is a little larger is faster in strips of columns below that limit (784 x 512 with 32 rows: about a quarter).
 * The strip width follows from the shape and the kernel family, which are the same on all ranks.
 */
#define UNPACKED_MAX 1000000
#define STRIP_MIN 32

static bool has_unpacked_path(void)
{
    static const char *const families[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};

    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (strcmp(ls_blas_kernel(), families[i]) == 0)
            return true;
    return false;
}

/* Columns of C per call: n unless strips pay. */
static size_t split_width(size_t m, size_t n, size_t k)
{
    size_t width = n;

    if (m > UNPACKED_MAX || k > UNPACKED_MAX / m || !unpacked_path)
        return n;
    while (width > STRIP_MIN && width * m * k > UNPACKED_MAX)
        width = width / 2 / STRIP_MIN * STRIP_MIN > STRIP_MIN ? width / 2 / STRIP_MIN * STRIP_MIN : STRIP_MIN;
    return width * m * k <= UNPACKED_MAX ? width : n;
}

void ls_gemm(char transpose_a, char transpose_b, size_t m, size_t n, size_t k, float alpha, const float *A, size_t lda,
             const float *B, size_t ldb, float beta, float *C, size_t ldc)
{
    if (m == 0 || n == 0)
        return;
    if (k == 0) {
        fill(C, m, n, ldc, beta, 0.0f);
        return;
    }
    if (max_size(max_size(max_size(m, n), k), max_size(max_size(lda, ldb), ldc)) > INT_MAX) {
        fill(C, m, n, ldc, 0.0f, NAN);
        return;
    }
    {
        const size_t width = split_width(m, n, k);

        for (size_t j = 0; j < n; j += width)
            cblas_sgemm(CblasRowMajor, transpose_a == 't' ? CblasTrans : CblasNoTrans,
                        transpose_b == 't' ? CblasTrans : CblasNoTrans, (int)m, (int)(n - j < width ? n - j : width),
                        (int)k, alpha, A, (int)lda, transpose_b == 't' ? B + j * ldb : B + j, (int)ldb, beta, C + j,
                        (int)ldc);
    }
}

/* Sums that come out differently under any other rounding, and products that vanish when subnormals are flushed. */
static bool arithmetic_is_ieee(void)
{
    const volatile float one = 1.0f, half_ulp = 0x1p-24f, above_half = 0x1.8p-24f, smallest = 0x1p-126f;
    const volatile float half = 0.5f, subnormal = 0x1p-127f, two = 2.0f;
    volatile float tie, up, down, gradual, read;

    tie = one + half_ulp;
    up = one + above_half;
    down = -one - above_half;
    gradual = smallest * half;
    read = subnormal * two;
    return tie == 1.0f && up == 0x1.000002p0f && down == -0x1.000002p0f && gradual == 0x1p-127f && read == 0x1p-126f;
}

ls_status ls_compute_init(void)
{
    unpacked_path = has_unpacked_path();
    openblas_set_num_threads(1);
    if (openblas_get_num_threads() != 1)
        return ls_fail(LS_ERR_INTERNAL,
                       "OpenBLAS runs %d threads although it was told to use one; set OPENBLAS_NUM_THREADS=1",
                       openblas_get_num_threads());
    if (fesetround(FE_TONEAREST) != 0)
        return ls_fail(LS_ERR_INTERNAL, "the processor refuses rounding to nearest");
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() & ~(MXCSR_FLUSH_TO_ZERO | MXCSR_DENORMALS_ARE_ZERO));
#elif defined(__aarch64__)
    {
        unsigned long long control;

        __asm__ volatile("mrs %0, fpcr" : "=r"(control));
        control &= ~(1ull << 24); /* FZ: flush to zero */
        __asm__ volatile("msr fpcr, %0" : : "r"(control));
    }
#endif
    if (!arithmetic_is_ieee())
        return ls_fail(LS_ERR_INTERNAL, "float arithmetic is not IEEE 754 (rounding to nearest, gradual underflow); "
                                        "results could not be the same on every node");
    return ls_product_init();
}

/*
 * Where OpenBLAS finds no memory for its buffer it tries again for ever. It takes it with the first product, of any
 * matrices that are not tiny, and keeps it.
 */
ls_status ls_gemm_reserve(void)
{
    static const float A[N * N], B[N * N]; /* zeros */
    float C[N * N];
    void *const probe = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (probe == MAP_FAILED)
        return ls_fail(LS_ERR_MEMORY,
                       "out of memory: OpenBLAS needs %zu bytes for its products; free some, raise the "
                       "limit (ulimit -v), or set distributed.arithmetic: portable",
                       BUFFER_BYTES);
    munmap(probe, BUFFER_BYTES);
    ls_gemm('n', 'n', N, N, N, 1.0f, A, N, B, N, 0.0f, C, N);
    return LS_OK;
}

const char *ls_blas_kernel(void)
{
    return openblas_get_corename();
}
