/* Products that the ranks of a node work at together: sums of small whole numbers, exact in any order. */
#include "mpi_main.h"

#include <stdlib.h>

#include "comm/node_memory.h"
#include "train/shared_products.h"

static ls_comm *world;
static size_t P, rank;

/* Products of small whole numbers, and the kernels that they are added to, one behind the other in whole blocks. */
enum { KERNELS = 3, PRODUCTS = 20, MOST_STEPS = 12, KERNEL_BLOCKS = 24 };
static const size_t kernel_rows[KERNELS] = {40, 8, 131}, kernel_columns[KERNELS] = {48, 512, 20};

/* [k][i] of X, or [k][j] of dY, of a rank's product in a round. */
static float factor(size_t product, size_t k, size_t i, size_t r, size_t round)
{
    return (float)((product * 31 + k * 7 + i * 13 + r * 5 + round * 3) % 17) - 8;
}

static size_t steps_of(size_t product, size_t r)
{
    return 1 + (product * 5 + r * 3) % MOST_STEPS;
}

/* What ls_shared_products is told to do with rows: sums [KERNELS x KERNEL_BLOCKS x LS_BLOCK]. */
static void add_rows_of_product(void *sums, const ls_product_sum *p, size_t first_block, size_t row, size_t rows)
{
    double *const at = (double *)sums + first_block * LS_BLOCK;
    const size_t steps = ls_product_axis_size(&p->A.sum);

    for (size_t i = row; i < row + rows; i++)
        for (size_t k = 0; k < steps; k++)
            for (size_t j = 0; j < p->n; j++)
                at[i * p->n + j] +=
                    (double)p->A.at[k * p->A.sum.step[2] + i * p->A.row.step[2]] * (double)p->B[k * p->ldb + j];
}

/* One attempt of this rank: what it cannot show it adds by itself. Returns how many it could. */
static size_t show_products(ls_shared_products *shared, double *sums, size_t round)
{
    size_t shown = 0;

    for (size_t product = 0; product < PRODUCTS && rank != round % (P + 1); product++) {
        static float X[MOST_STEPS * 131], dY[MOST_STEPS * 512];
        const size_t kernel = product % KERNELS, m = kernel_rows[kernel], n = kernel_columns[kernel];
        const size_t steps = steps_of(product, rank);
        ls_product_sum p = {.A = ls_product_matrix(X, m, true, m, steps), .B = dY, .ldb = n, .n = n, .length = 3};

        for (size_t k = 0; k < steps; k++) {
            for (size_t i = 0; i < m; i++)
                X[k * m + i] = factor(product, k, i, rank, round);
            for (size_t j = 0; j < n; j++)
                dY[k * n + j] = factor(product + 1, k, j, rank, round);
        }
        if (ls_shared_products_show(shared, &p, kernel * KERNEL_BLOCKS))
            shown++;
        else
            add_rows_of_product(sums, &p, kernel * KERNEL_BLOCKS, 0, m);
        if (product % 8 == 7)
            be_late(world, round + product);
    }
    ls_shared_products_finish(shared);
    return shown;
}

/*
 * Ranks work at each other's products: every row of every rank's is added once, by somebody, whoever is late, shows
 * more than there is room for, or has nothing to show; and a product with more steps than it is worth is not shown.
 */
static void products_are_worked_at_together(void **unused)
{
    enum { N = KERNELS * KERNEL_BLOCKS * LS_BLOCK, ROUNDS = 12 };
    double *sums = calloc(N, sizeof *sums), *expected = calloc(N, sizeof *expected);
    ls_shared_products *shared = NULL;
    ls_node_memory *node;
    size_t shown = 0;
    bool good = sums && expected;

    (void)unused;
    assert_true(all_ranks(good));
    assert_true(all_ranks(ok(ls_node_memory_create(world, 0, &node))));
    if (P > 1)
        good = ok(ls_shared_products_create(ls_node_memory_sharing(node), 131 * 20 + 512, add_rows_of_product, sums,
                                            &shared));
    assert_true(all_ranks(good));
    for (size_t round = 0; round < ROUNDS && P > 1; round++) {
        memset(sums, 0, N * sizeof *sums);
        memset(expected, 0, N * sizeof *expected);
        be_late(world, round);
        shown += show_products(shared, sums, round);
        for (size_t r = 0; r < P; r++)
            for (size_t product = 0; product < PRODUCTS && r != round % (P + 1); product++) {
                const size_t kernel = product % KERNELS, n = kernel_columns[kernel];
                double *const at = expected + kernel * KERNEL_BLOCKS * LS_BLOCK;

                for (size_t k = 0; k < steps_of(product, r); k++)
                    for (size_t i = 0; i < kernel_rows[kernel]; i++)
                        for (size_t j = 0; j < n; j++)
                            at[i * n + j] +=
                                (double)factor(product, k, i, r, round) * (double)factor(product + 1, k, j, r, round);
            }
        good &= ok(ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, sums, N, MPI_DOUBLE, MPI_SUM, world->mpi), "sums"));
        good &= memcmp(sums, expected, N * sizeof *sums) == 0;
    }
    assert_true(all_ranks(good));
    assert_true(all_ranks(P == 1 || shown > 0));
    ls_shared_products_free(shared);
    ls_node_memory_free(node);
    free(sums);
    free(expected);
}

static int set_up(void **state)
{
    (void)state;
    if (ls_comm_create(MPI_COMM_WORLD, &world) != LS_OK)
        return -1;
    P = (size_t)world->size;
    rank = (size_t)world->rank;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ls_comm_free(world);
    return 0;
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(products_are_worked_at_together)};

LS_MPI_MAIN(tests, set_up, tear_down)
