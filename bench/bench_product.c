/*
 * Products of the experiments' layers against OpenBLAS's, on one core: GFLOP/s, their ratio, and the share of the peak.
 *
 *     bench_product [ROUNDS [PART-OF-A-NAME]]
 *
 * Ours, OpenBLAS's and the peak (OpenBLAS's product of 768 x 768 x 768) alternate, a millisecond of processor time
 * each; the fastest of all rounds counts, so that a busy machine measures much the same as an idle one. Of sums of
 * products OpenBLAS's is the plain product, without the exact sum.
 */
#include <cblas.h>
#undef I /* of <complex.h>, which cblas.h includes */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "tensor/kernels.h"
#include "tensor/product/product.h"

#define PEAK_SIDE ((size_t)768)

typedef struct shape {
    const char *name;
    size_t m, n, k;
    char ta, tb;
    size_t part; /* rows of a microbatch; 0: a plain product */
} shape;

static const shape shapes[] = {
    {"forward 784-512, 32 rows", 32, 512, 784, 'n', 'n', 0},
    {"forward 784-512, 128 rows", 128, 512, 784, 'n', 'n', 0},
    {"forward 784-512, 1024 rows", 1024, 512, 784, 'n', 'n', 0},
    {"forward 512-10, 128 rows", 128, 10, 512, 'n', 'n', 0},
    {"forward 784-512, one row", 1, 512, 784, 'n', 'n', 0},
    {"dX 784-512, 128 rows", 128, 784, 512, 'n', 't', 0},
    {"dX 512-10, 128 rows", 128, 512, 10, 'n', 't', 0},
    {"exact dW 784-512, 128 rows in 8", 784, 512, 128, 't', 'n', 8},
    {"exact dW 784-512, 128 rows in 32", 784, 512, 128, 't', 'n', 32},
    {"exact dW 784-512, 1024 rows in 128", 784, 512, 1024, 't', 'n', 128},
    {"exact dW 512-10, 128 rows in 32", 512, 10, 128, 't', 'n', 32},
    {"convolution 3x3, 32-64, 4 x 28 x 28", 3136, 64, 288, 'n', 'n', 0},
    {"its dW", 288, 64, 3136, 't', 'n', 0},
    {"1024 x 1024 x 1024", 1024, 1024, 1024, 'n', 'n', 0},
    {"4096 x 512 x 4096", 4096, 512, 4096, 'n', 'n', 0},
};

typedef struct operands {
    float *A, *B, *C;
    double *total, *grid;
    int32_t *largest;
} operands;

static float *filled(size_t n)
{
    float *x = ls_calloc(n, sizeof *x, "a matrix");

    for (size_t i = 0; x && i < n; i++)
        x[i] = (float)(i * 2654435761u % 1021) / 1021 - 0.5f;
    return x;
}

static operands operands_of(const shape *s)
{
    const size_t blocks = s->m * s->n / LS_PRODUCT_BLOCK + 1;
    operands o = {.A = filled(s->m * s->k),
                  .B = filled(s->k * s->n),
                  .C = filled(s->m * s->n),
                  .total = ls_calloc(s->m * s->n, sizeof(double), "totals"),
                  .grid = ls_calloc(blocks, sizeof(double), "the grid"),
                  .largest = ls_calloc(blocks, LS_PRODUCT_LANES * sizeof(int32_t), "magnitudes")};

    if (!o.A || !o.B || !o.C || !o.total || !o.grid || !o.largest) {
        fprintf(stderr, "bench_product: %s\n", ls_error_message());
        exit(1);
    }
    for (size_t b = 0; b < blocks; b++)
        o.grid[b] = 0x1.8p20;
    return o;
}

static void free_operands(operands *o)
{
    ls_free(o->A);
    ls_free(o->B);
    ls_free(o->C);
    ls_free(o->total);
    ls_free(o->grid);
    ls_free(o->largest);
}

static void multiply_ours(const shape *s, const operands *o)
{
    const size_t lda = s->ta == 't' ? s->m : s->k, ldb = s->tb == 't' ? s->k : s->n;

    if (s->part)
        ls_product_run_sum(&(ls_product_sum){.A = ls_product_matrix(o->A, lda, s->ta == 't', s->m, s->k),
                                             .B = o->B,
                                             .ldb = ldb,
                                             .n = s->n,
                                             .length = s->part,
                                             .total = o->total,
                                             .grid = o->grid,
                                             .largest = o->largest,
                                             .start = true});
    else
        ls_product_multiply(s->ta, s->tb, s->m, s->n, s->k, o->A, lda, o->B, ldb, false, o->C, s->n);
}

static void multiply_openblas(const shape *s, const operands *o)
{
    cblas_sgemm(CblasRowMajor, s->ta == 't' ? CblasTrans : CblasNoTrans, s->tb == 't' ? CblasTrans : CblasNoTrans,
                (int)s->m, (int)s->n, (int)s->k, 1, o->A, (int)(s->ta == 't' ? s->m : s->k), o->B,
                (int)(s->tb == 't' ? s->k : s->n), 0, o->C, (int)s->n);
}

/* Seconds that this thread has had of a processor: what others on the machine take of it is not counted. */
static double spent(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* GFLOP/s of a product, done for about a millisecond. */
static double speed(const shape *s, const operands *o, void (*multiply)(const shape *s, const operands *o))
{
    const double work = 2.0 * (double)s->m * (double)s->n * (double)s->k;
    const size_t times = (size_t)(1e8 / work) + 1;
    const double begun = spent();

    for (size_t i = 0; i < times; i++)
        multiply(s, o);
    return work * (double)times / (spent() - begun) * 1e-9;
}

static void raise_to(double *best, double value)
{
    *best = value > *best ? value : *best;
}

static void compare(const shape *s, size_t rounds)
{
    static const shape large = {"", PEAK_SIDE, PEAK_SIDE, PEAK_SIDE, 'n', 'n', 0};
    double ours = 0, theirs = 0, peak = 0;
    operands o = operands_of(s), p = operands_of(&large);

    for (size_t i = 0; i < rounds; i++) {
        raise_to(&theirs, speed(s, &o, multiply_openblas));
        raise_to(&ours, speed(s, &o, multiply_ours));
        if (i % 4 == 0)
            raise_to(&peak, speed(&large, &p, multiply_openblas));
    }
    printf("%-36s %8.1f %8.1f %8.2f %8.2f\n", s->name, theirs, ours, ours / theirs, ours / peak);
    fflush(stdout);
    free_operands(&o);
    free_operands(&p);
}

int main(int argc, char **argv)
{
    const long asked = argc > 1 ? strtol(argv[1], NULL, 10) : 200;
    const size_t rounds = asked < 1 ? 1 : (size_t)asked;

    MPI_Init(&argc, &argv);
    if (ls_compute_init() != LS_OK) {
        fprintf(stderr, "bench_product: %s\n", ls_error_message());
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    printf("path %s, OpenBLAS's %s kernels, GFLOP/s, %zu rounds\n%-36s %8s %8s %8s %8s\n", ls_product_path_name(),
           ls_blas_kernel(), rounds, "", "OpenBLAS", "ours", "ratio", "of peak");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (argc < 3 || strstr(shapes[i].name, argv[2]))
            compare(&shapes[i], rounds);
    MPI_Finalize();
    return 0;
}
