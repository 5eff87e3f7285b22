/* What `lockstep doctor` looks at with all ranks: who they are, where they run, what they compute, how they are joined.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/doctor.h"
#include "comm/reducer.h"
#include "tensor/math.h"
#include "tensor/product/product.h"

#define CPU_WORDS 16 /* 1024 processors of a host */
#define PING_BYTES ((size_t)4 << 20)
#define PINGS 8

/* What hash_arithmetic gives on every machine, until LS_ARITHMETIC_REVISION rises. */
#define GOLDEN UINT64_C(0xd28034ca4c06d67b)

typedef struct facts {
    char host[64], path[16], threads[16], interfaces[160];
    uint64_t cpu[CPU_WORDS]; /* that this rank may run on */
    uint64_t arithmetic;     /* a hash of products and functions computed here */
    int32_t processors;      /* of the host */
} facts;

/* ---- what a rank knows of itself ---- */

/* Products of every shape of tile, and elementary functions of what they gave. */
static uint64_t hash_arithmetic(void)
{
    enum { M = 37, K = 300, N = 29 };
    static float A[M * K], B[K * N], C[4][M * N];
    uint32_t bits = 12345;

    for (size_t i = 0; i < M * K; i++)
        A[i] = (float)((int32_t)(bits = bits * 1664525u + 1013904223u) >> 8) * 0x1p-23f;
    for (size_t i = 0; i < K * N; i++)
        B[i] = (float)((int32_t)(bits = bits * 1664525u + 1013904223u) >> 8) * 0x1p-23f;
    ls_product_multiply('n', 'n', M, N, K, A, K, B, N, false, C[0], N);
    ls_exp(C[0], C[1], M * N);
    ls_tanh(C[0], C[2], M * N);
    ls_log(C[1], C[3], M * N);
    return XXH3_64bits(C, sizeof C);
}

static void list_interfaces(char *out, size_t bytes)
{
    struct ifaddrs *all = NULL;
    size_t n = 0;

    if (getifaddrs(&all))
        return;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next)
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && (i->ifa_flags & IFF_UP) &&
            !(i->ifa_flags & IFF_LOOPBACK) && n + 40 < bytes) {
            char text[INET_ADDRSTRLEN] = "";

            inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr, text, sizeof text);
            n += (size_t)snprintf(out + n, bytes - n, "%s%s %s", n ? ", " : "", i->ifa_name, text);
        }
    freeifaddrs(all);
}

static void look_at_self(facts *f)
{
    const char *threads = getenv("OPENBLAS_NUM_THREADS");
    cpu_set_t set;

    *f = (facts){.processors = (int32_t)sysconf(_SC_NPROCESSORS_ONLN), .arithmetic = hash_arithmetic()};
    gethostname(f->host, sizeof f->host - 1);
    snprintf(f->path, sizeof f->path, "%s", ls_product_path_name());
    snprintf(f->threads, sizeof f->threads, "%s", threads ? threads : "");
    list_interfaces(f->interfaces, sizeof f->interfaces);
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (size_t i = 0; i < 64 * CPU_WORDS && i < CPU_SETSIZE; i++)
            if (CPU_ISSET(i, &set))
                f->cpu[i / 64] |= UINT64_C(1) << i % 64;
}

/* ---- what follows from all of them ---- */

static int count_cpus(const facts *f)
{
    int n = 0;

    for (size_t i = 0; i < CPU_WORDS; i++)
        n += __builtin_popcountll(f->cpu[i]);
    return n;
}

static bool share_cpus(const facts *a, const facts *b)
{
    for (size_t i = 0; i < CPU_WORDS; i++)
        if (a->cpu[i] & b->cpu[i])
            return true;
    return false;
}

static bool same_host(const facts *a, const facts *b)
{
    return strcmp(a->host, b->host) == 0;
}

/* The first rank of the host. */
static bool is_first(const facts *f, int rank)
{
    for (int r = 0; r < rank; r++)
        if (same_host(&f[r], &f[rank]))
            return false;
    return true;
}

static void check_hosts(ls_checkup *c, const facts *f)
{
    for (int r = 0; r < c->comm->size; r++) {
        int ranks = 0;

        if (!is_first(f, r))
            continue;
        for (int k = r; k < c->comm->size; k++)
            ranks += same_host(&f[r], &f[k]);
        ls_checkup_say(c, ranks > f[r].processors ? LS_WORTH_A_LOOK : LS_FINE, "host",
                       "%s: %d rank%s, %d processor%s%s%s%s", f[r].host, ranks, ranks == 1 ? "" : "s",
                       (int)f[r].processors, f[r].processors == 1 ? "" : "s", *f[r].interfaces ? "; " : "",
                       f[r].interfaces, ranks > f[r].processors ? ": more ranks than processors only take turns" : "");
    }
}

/* Two ranks that are bound to the same processor, while others are free, take turns. */
static void check_binding(ls_checkup *c, const facts *f)
{
    for (int a = 0; a < c->comm->size; a++)
        for (int b = a + 1; b < c->comm->size; b++)
            if (same_host(&f[a], &f[b]) && share_cpus(&f[a], &f[b]) && count_cpus(&f[a]) < f[a].processors &&
                count_cpus(&f[b]) < f[b].processors && count_cpus(&f[a]) < 2) {
                ls_checkup_say(
                    c, LS_WORTH_A_LOOK, "binding",
                    "ranks %d and %d on %s are bound to the same processor: two launches on one host, each of "
                    "which binds from processor 0? mpirun --bind-to none",
                    a, b, f[a].host);
                return;
            }
    ls_checkup_say(c, LS_FINE, "binding", "rank 0 may run on %d of %d processors; no two ranks are bound to one",
                   count_cpus(&f[0]), (int)f[0].processors);
}

static void check_arithmetic(ls_checkup *c, const facts *f)
{
    for (int r = 0; r < c->comm->size; r++)
        if (f[r].arithmetic != GOLDEN) {
            ls_checkup_say(c, LS_FATAL, "arithmetic",
                           "rank %d on %s computes other bits (%016" PRIx64 ", path %s) than all machines do: please "
                           "report it",
                           r, f[r].host, f[r].arithmetic, f[r].path);
            return;
        }
    for (int r = 1; r < c->comm->size; r++)
        if (strcmp(f[r].path, f[0].path) != 0) {
            ls_checkup_say(c, LS_FINE, "arithmetic",
                           "%016" PRIx64
                           ", as on every machine; rank 0 multiplies with %s, rank %d with %s, to the same bits",
                           GOLDEN, f[0].path, r, f[r].path);
            return;
        }
    ls_checkup_say(c, LS_FINE, "arithmetic", "%016" PRIx64 ", as on every machine; products: %s", GOLDEN, f[0].path);
}

static void check_threads(ls_checkup *c, const facts *f)
{
    if (strcmp(f[0].threads, "1") == 0 || c->comm->size == 1)
        ls_checkup_say(c, LS_FINE, "BLAS threads", "%s", *f[0].threads ? f[0].threads : "as OpenBLAS likes");
    else
        ls_checkup_say(
            c, LS_WORTH_A_LOOK, "BLAS threads",
            "OPENBLAS_NUM_THREADS is %s: with distributed.arithmetic: openblas, export OPENBLAS_NUM_THREADS=1",
            *f[0].threads ? f[0].threads : "not set");
}

/* ---- the network ---- */

/* Collective. Seconds of a message of so many bytes from each rank to the next, all at once: the longest of all. */
static ls_status ring(const ls_comm *comm, char *buffer, size_t bytes, double *seconds)
{
    const int next = (comm->rank + 1) % comm->size, before = (comm->rank + comm->size - 1) % comm->size;
    double begun;

    LS_TRY(ls_mpi_check(MPI_Barrier(comm->mpi), "measuring the network"));
    begun = ls_now_s();
    for (int i = 0; i < PINGS; i++)
        LS_TRY(ls_mpi_check(MPI_Sendrecv(buffer, (int)bytes, MPI_BYTE, next, 0, buffer + PING_BYTES, (int)bytes,
                                         MPI_BYTE, before, 0, comm->mpi, MPI_STATUS_IGNORE),
                            "measuring the network"));
    *seconds = (ls_now_s() - begun) / PINGS;
    return ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, seconds, 1, MPI_DOUBLE, MPI_MAX, comm->mpi),
                        "measuring the network");
}

static ls_status check_network(ls_checkup *c)
{
    const ls_reducer_options options = {
        .algorithm = "auto", .max_bytes = 1 << 20, .segment_bytes = LS_SEGMENT_BYTES_DEFAULT, .sums_bytes = 1 << 20};
    char *buffer = ls_calloc(2, PING_BYTES, "messages");
    ls_reducer *reducer = NULL;
    double small_s = 0, large_s = 0;
    ls_status st;

    LS_TRY_CLEANUP(ls_agree(c->comm, buffer ? LS_OK : LS_ERR_MEMORY));
    LS_TRY_CLEANUP(ring(c->comm, buffer, 8, &small_s)); /* the first messages find their way */
    LS_TRY_CLEANUP(ring(c->comm, buffer, 8, &small_s));
    LS_TRY_CLEANUP(ring(c->comm, buffer, PING_BYTES, &large_s));
    ls_checkup_say(c, LS_FINE, "network",
                   "round the ring of ranks %.0f us for a small message, %.2f GB/s from each rank to the next",
                   small_s * 1e6, (double)PING_BYTES / large_s * 1e-9);
    LS_TRY_CLEANUP(ls_reducer_create(c->comm, &options, &reducer));
    ls_checkup_say(c, LS_FINE, "allreduce", "auto takes %s", reducer->why ? reducer->why : reducer->ops->name);
cleanup:
    ls_reducer_free(reducer);
    ls_free(buffer);
    return st;
}

ls_status ls_checkup_job(ls_checkup *c)
{
    const ls_comm *comm = c->comm;
    facts own, *all = NULL;
    ls_status st;

    look_at_self(&own);
    all = ls_calloc((size_t)comm->size, sizeof *all, "what ranks are");
    LS_TRY_CLEANUP(ls_agree(comm, all ? LS_OK : LS_ERR_MEMORY));
    LS_TRY_CLEANUP(ls_mpi_check(
        MPI_Allgather(&own, (int)sizeof own, MPI_BYTE, all, (int)sizeof own, MPI_BYTE, comm->mpi), "asking the ranks"));
    check_hosts(c, all);
    check_binding(c, all);
    check_arithmetic(c, all);
    check_threads(c, all);
    if (comm->size > 1)
        LS_TRY_CLEANUP(check_network(c));
cleanup:
    ls_free(all);
    return st;
}
