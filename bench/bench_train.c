/*
 * What training costs: an epoch in portable arithmetic, one with `reduction: fast`, one in OpenBLAS's arithmetic, and
 * the bare sequence of the epoch's GEMM calls in a loop, alternating in one run; medians and ratios. The calls are made
 * twice: as plain BLAS calls of whole products, and as lockstep makes them (in strips, where that is faster:
 * tensor/blas.c). Efficiency is the arithmetic of the model's products / time / peak, where the peak is OpenBLAS's
 * product of 768 x 768 x 768 in the same round, on every rank's core.
 *
 *     bench_train EXPERIMENT.yaml [ROUNDS [KEY=VALUE...]]        (or under mpirun)
 *
 * The bare sequence is, per microbatch and dense layer: forward, weight gradient, and for all but the first layer the
 * input gradient, each as one call of the microbatch's shape, on as many microbatches as rank 0 holds.
 */
#include <cblas.h>
#undef I /* of <complex.h>, which cblas.h includes */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tensor/kernels.h"
#include "tensor/product/product.h"
#include "train/trainer.h"

#define ROUNDS_MAX 101

typedef struct run {
    ls_experiment *experiment;
    ls_task *task;
    ls_trainer *trainer;
} run;

static void die(const char *what)
{
    fprintf(stderr, "bench_train: %s: %s\n", what, ls_error_message());
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void check(ls_status st, const char *what)
{
    if (st != LS_OK)
        die(what);
}

static run start(const ls_comm *comm, const char *file, const char *setting, char **settings, size_t n)
{
    const ls_trainer_options options = {0};
    const char *all[64];
    run r;

    for (size_t i = 0; i < n && i < 63; i++)
        all[i] = settings[i];
    all[n < 63 ? n : 63] = setting;
    check(ls_experiment_read(file, all, (n < 63 ? n : 63) + 1, &r.experiment), "the experiment");
    check(ls_task_create(comm, r.experiment, &r.task), "the task");
    check(ls_trainer_create(r.task, &options, &r.trainer), "the trainer");
    return r;
}

static void finish(run *r)
{
    ls_trainer_free(r->trainer);
    ls_task_free(r->task);
    ls_experiment_free(r->experiment);
}

/* Seconds of one epoch, the slowest rank's. */
static double epoch(run *r)
{
    ls_trainer *t = r->trainer;
    double begun, spent;

    MPI_Barrier(MPI_COMM_WORLD);
    begun = MPI_Wtime();
    ls_trainer_begin_epoch(t);
    while (t->batch < t->plan.batches) {
        bool stop = false;
        double loss;

        check(ls_trainer_update(t, &stop, &loss), "an update");
    }
    t->epoch++;
    t->batch = 0;
    spent = MPI_Wtime() - begun;
    MPI_Allreduce(MPI_IN_PLACE, &spent, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return spent;
}

/* The matrices of the bare sequence: one set per dense layer, rows for the whole local batch. */
typedef struct dense {
    size_t in, out;
    float *X, *K, *Y, *dX, *dK;
} dense;

static size_t collect(const ls_model *model, size_t rows, dense *layer)
{
    size_t n = 0;

    for (size_t p = 0; p < model->trainable_params; p++) {
        const ls_param *param = model->param[p];
        dense *d = &layer[n];

        if (param->shape.axes != 2)
            continue;
        d->in = param->shape.dim[0];
        d->out = param->shape.dim[1];
        d->X = ls_calloc(rows * d->in, sizeof(float), "X");
        d->K = ls_calloc(d->in * d->out, sizeof(float), "K");
        d->Y = ls_calloc(rows * d->out, sizeof(float), "Y");
        d->dX = ls_calloc(rows * d->in, sizeof(float), "dX");
        d->dK = ls_calloc(d->in * d->out, sizeof(float), "dK");
        if (!d->X || !d->K || !d->Y || !d->dX || !d->dK)
            die("the matrices");
        for (size_t i = 0; i < rows * d->in; i++)
            d->X[i] = (float)(i % 255) / 255;
        memcpy(d->K, param->value, d->in * d->out * sizeof(float));
        n++;
    }
    return n;
}

typedef void gemm(char ta, char tb, size_t m, size_t n, size_t k, float alpha, const float *A, size_t lda,
                  const float *B, size_t ldb, float beta, float *C, size_t ldc);

/* A plain BLAS call of the whole product. */
static void plain_gemm(char ta, char tb, size_t m, size_t n, size_t k, float alpha, const float *A, size_t lda,
                       const float *B, size_t ldb, float beta, float *C, size_t ldc)
{
    cblas_sgemm(CblasRowMajor, ta == 't' ? CblasTrans : CblasNoTrans, tb == 't' ? CblasTrans : CblasNoTrans, (int)m,
                (int)n, (int)k, alpha, A, (int)lda, B, (int)ldb, beta, C, (int)ldc);
}

static double bare(const run *r, const dense *layer, size_t layers, gemm *multiply)
{
    const ls_fit_options *fit = &r->experiment->fit;
    const size_t m = (size_t)fit->microbatch;
    double begun, spent;

    MPI_Barrier(MPI_COMM_WORLD);
    begun = MPI_Wtime();
    for (uint64_t k = 0; k < r->trainer->plan.batches; k++) {
        const ls_slice s = ls_slice_of(r->task->train->samples, (uint64_t)fit->batch_size, m, k, r->trainer->comm->rank,
                                       r->trainer->comm->size);

        for (size_t l = 0; l < layers; l++)
            for (size_t at = 0; at < s.rows; at += m) {
                const size_t rows = s.rows - at < m ? s.rows - at : m;
                const dense *d = &layer[l];

                multiply('n', 'n', rows, d->out, d->in, 1, d->X + at * d->in, d->in, d->K, d->out, 0,
                         d->Y + at * d->out, d->out);
            }
        for (size_t l = layers; l-- > 0;)
            for (size_t at = 0; at < s.rows; at += m) {
                const size_t rows = s.rows - at < m ? s.rows - at : m;
                const dense *d = &layer[l];

                multiply('t', 'n', d->in, d->out, rows, 1, d->X + at * d->in, d->in, d->Y + at * d->out, d->out, 0,
                         d->dK, d->out);
                if (l > 0)
                    multiply('n', 't', rows, d->in, d->out, 1, d->Y + at * d->out, d->out, d->K, d->out, 0,
                             d->dX + at * d->in, d->in);
            }
    }
    spent = MPI_Wtime() - begun;
    MPI_Allreduce(MPI_IN_PLACE, &spent, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return spent;
}

/* Multiply-adds of one sample: forward, dK, and dX where something trainable lies below. */
static double work_of(const ls_model *model)
{
    double work = 0;
    bool below = false;

    for (size_t i = 0; i < model->nodes; i++) {
        const ls_node *node = &model->node[i];
        const ls_layer *layer = node->layer;

        if (layer->params && layer->param[0].shape.axes >= 2) {
            work += (below ? 3.0 : 2.0) * (double)layer->param[0].size *
                    (double)(ls_shape_size(&node->shape) / node->shape.dim[node->shape.axes - 1]);
            below = true;
        }
    }
    return work;
}

/* Multiply-adds per second of a large product, the sum over ranks. */
static double peak(void)
{
    enum { SIDE = 768, TIMES = 10 };
    static float A[SIDE * SIDE], B[SIDE * SIDE], C[SIDE * SIDE];
    double begun, all;

    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++)
        A[i] = B[i] = (float)(i % 255) / 255;
    begun = MPI_Wtime();
    for (int i = 0; i < TIMES; i++)
        plain_gemm('n', 'n', SIDE, SIDE, SIDE, 1, A, SIDE, B, SIDE, 0, C, SIDE);
    all = (double)SIDE * SIDE * SIDE * TIMES / (MPI_Wtime() - begun);
    MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return all;
}

static int ascending(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double median(const double *values, size_t n)
{
    double sorted[ROUNDS_MAX];

    memcpy(sorted, values, n * sizeof *values);
    qsort(sorted, n, sizeof *sorted, ascending);
    return sorted[n / 2];
}

int main(int argc, char **argv)
{
    double exact[ROUNDS_MAX], fast[ROUNDS_MAX], openblas[ROUNDS_MAX], plain[ROUNDS_MAX], strips[ROUNDS_MAX];
    double to_plain[ROUNDS_MAX], to_strips[ROUNDS_MAX], to_fast[ROUNDS_MAX], to_openblas[ROUNDS_MAX];
    double efficiency[ROUNDS_MAX];
    const long asked = argc > 2 ? strtol(argv[2], NULL, 10) : 5;
    const size_t rounds = asked < 1 ? 1 : asked > ROUNDS_MAX ? ROUNDS_MAX : (size_t)asked;
    dense layer[32];
    size_t layers;
    ls_comm *comm;
    run a, b, c;

    MPI_Init(&argc, &argv);
    check(ls_comm_create(MPI_COMM_WORLD, &comm), "MPI");
    check(ls_compute_init(), "the processor");
    if (argc < 2)
        die("usage: bench_train EXPERIMENT.yaml [ROUNDS [KEY=VALUE...]]");
    a = start(comm, argv[1], "distributed.reduction=exact", argv + 3, argc > 3 ? (size_t)argc - 3 : 0);
    b = start(comm, argv[1], "distributed.reduction=fast", argv + 3, argc > 3 ? (size_t)argc - 3 : 0);
    c = start(comm, argv[1], "distributed.arithmetic=openblas", argv + 3, argc > 3 ? (size_t)argc - 3 : 0);
    layers = collect(a.task->model,
                     (size_t)ls_slice_rows_max((uint64_t)a.experiment->fit.batch_size,
                                               (uint64_t)a.experiment->fit.microbatch, comm->size),
                     layer);
    for (size_t i = 0; i < rounds + 1; i++) { /* the first round warms up and is written over */
        const size_t at = i ? i - 1 : 0;

        exact[at] = epoch(&a);
        plain[at] = bare(&a, layer, layers, plain_gemm);
        strips[at] = bare(&a, layer, layers, ls_gemm);
        fast[at] = epoch(&b);
        openblas[at] = epoch(&c);
        efficiency[at] = work_of(a.task->model) * (double)a.task->train->samples / exact[at] / peak();
        to_plain[at] = exact[at] / plain[at];
        to_strips[at] = exact[at] / strips[at];
        to_fast[at] = exact[at] / fast[at];
        to_openblas[at] = exact[at] / openblas[at];
    }
    if (comm->rank == 0)
        printf("ranks %d  batch %lld  microbatch %lld  path %s  kernel %s  rounds %zu\n"
               "medians per epoch: exact %.3f s  fast %.3f s  openblas %.3f s  GEMM calls %.3f s  in strips %.3f s\n"
               "ratios (median of pairs): exact/GEMM %.3f  exact/GEMM in strips %.3f  exact/fast %.3f  "
               "portable/openblas %.3f\n"
               "efficiency %.3f  samples/s %.0f\n"
               "steps done twice: %llu of %llu\n",
               comm->size, (long long)a.experiment->fit.batch_size, (long long)a.experiment->fit.microbatch,
               ls_product_path_name(), ls_blas_kernel(), rounds, median(exact, rounds), median(fast, rounds),
               median(openblas, rounds), median(plain, rounds), median(strips, rounds), median(to_plain, rounds),
               median(to_strips, rounds), median(to_fast, rounds), median(to_openblas, rounds),
               median(efficiency, rounds), (double)a.task->train->samples / median(exact, rounds),
               (unsigned long long)a.trainer->redone, (unsigned long long)a.trainer->update);
    for (size_t l = 0; l < layers; l++) {
        ls_free(layer[l].X);
        ls_free(layer[l].K);
        ls_free(layer[l].Y);
        ls_free(layer[l].dX);
        ls_free(layer[l].dK);
    }
    finish(&a);
    finish(&b);
    finish(&c);
    ls_comm_free(comm);
    MPI_Finalize();
    return 0;
}
