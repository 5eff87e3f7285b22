/*
 * A message is a header, the sums, the maxima. Shared memory holds two of every rank, used in turns: who writes the one
 * of round k + 2 has finished round k + 1, in which everybody took part after reading those of round k.
 */
#include "comm/agreement.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "base/profile.h"
#include "comm/wait.h"

/* MPI hands an operation nothing but the message, so the message says what it is. */
typedef struct header {
    uint64_t sums, maxima;
} header;

struct ls_agreement {
    const ls_comm *comm;
    size_t bytes;      /* of a message */
    char *mine;        /* owned: what the caller sees */
    char *shared;      /* [P x 2 x bytes] the node's; NULL: messages are sent */
    ls_counter *round; /* [P] the node's */
    uint32_t rounds;   /* so far */
    MPI_Datatype type; /* a message as one element */
    MPI_Op op;
    MPI_Request request;
};

static ls_wide *sums_of(char *message)
{
    return (ls_wide *)(void *)(message + sizeof(header));
}

static int16_t *maxima_of(char *message)
{
    header h;

    memcpy(&h, message, sizeof h);
    return (int16_t *)(void *)(message + sizeof(header) + h.sums * sizeof(ls_wide));
}

static void combine(char *from, char *into)
{
    header h;
    ls_wide *const sum = sums_of(into), *const add = sums_of(from);
    int16_t *const max = maxima_of(into), *const other = maxima_of(from);

    memcpy(&h, into, sizeof h);
    for (uint64_t i = 0; i < h.sums; i++)
        ls_wide_add_wide(&sum[i], &add[i]);
    for (uint64_t i = 0; i < h.maxima; i++)
        max[i] = other[i] > max[i] ? other[i] : max[i];
}

static void combine_messages(void *from, void *into, int *n, MPI_Datatype *type)
{
    int bytes = 0;

    MPI_Type_size(*type, &bytes);
    for (int i = 0; i < *n; i++)
        combine((char *)from + (size_t)i * (size_t)bytes, (char *)into + (size_t)i * (size_t)bytes);
}

void ls_agreement_free(ls_agreement *a)
{
    if (!a)
        return;
    if (a->type != MPI_DATATYPE_NULL)
        MPI_Type_free(&a->type);
    if (a->op != MPI_OP_NULL)
        MPI_Op_free(&a->op);
    ls_free(a->mine);
    ls_free(a);
}

/* Not collective. */
static ls_status make(ls_agreement *a, size_t maxima, size_t sums)
{
    const header h = {.sums = sums, .maxima = maxima};
    size_t bytes = 0, more = 0;

    if (!ls_size_mul(sums, sizeof(ls_wide), &bytes) || !ls_size_mul(maxima, sizeof(int16_t), &more) ||
        more > INT_MAX - LS_ALIGNMENT - sizeof h || bytes > INT_MAX - LS_ALIGNMENT - sizeof h - more)
        return ls_fail(LS_ERR_CONFIG, "%zu sums and %zu exponents are more than one message can carry", sums, maxima);
    a->bytes = (sizeof h + bytes + more + LS_ALIGNMENT - 1) / LS_ALIGNMENT * LS_ALIGNMENT;
    if (!(a->mine = ls_calloc(a->bytes, 1, "what the ranks agree on")))
        return LS_ERR_MEMORY;
    memcpy(a->mine, &h, sizeof h);
    if (a->comm->size == 1)
        return LS_OK;
    LS_TRY(ls_mpi_check(MPI_Type_contiguous((int)a->bytes, MPI_BYTE, &a->type), "cannot describe a message"));
    LS_TRY(ls_mpi_check(MPI_Type_commit(&a->type), "cannot describe a message"));
    return ls_mpi_check(MPI_Op_create(combine_messages, 1, &a->op), "cannot describe a sum");
}

ls_status ls_agreement_create(const ls_comm *comm, ls_node_memory *node, size_t maxima, size_t sums, ls_agreement **out)
{
    ls_agreement *a = ls_calloc(1, sizeof *a, "what the ranks agree on");
    const size_t P = (size_t)comm->size;
    ls_status st = LS_ERR_MEMORY;

    *out = NULL;
    if (a) {
        *a = (ls_agreement){.comm = comm, .type = MPI_DATATYPE_NULL, .op = MPI_OP_NULL, .request = MPI_REQUEST_NULL};
        st = make(a, maxima, sums);
    }
    LS_TRY_CLEANUP(ls_agree(comm, st));
    if (node && P > 1) {
        const ls_sharing *sharing = ls_node_memory_sharing(node);
        void *shared, *round;

        LS_TRY_CLEANUP(sharing->allocate(sharing->context, 2 * P * a->bytes, "what the ranks agree on", &shared));
        LS_TRY_CLEANUP(sharing->allocate(sharing->context, P * sizeof *a->round, "what the ranks agree on", &round));
        a->shared = shared;
        a->round = round;
    }
    *out = a;
    a = NULL;
cleanup:
    ls_agreement_free(a);
    return st;
}

int16_t *ls_agreement_maxima(ls_agreement *a)
{
    return maxima_of(a->mine);
}

ls_wide *ls_agreement_sums(ls_agreement *a)
{
    return sums_of(a->mine);
}

/* A rank's message of the round in hand. */
static char *shared_message(const ls_agreement *a, int rank)
{
    return a->shared + (2 * (size_t)rank + a->rounds % 2) * a->bytes;
}

ls_status ls_agreement_start(ls_agreement *a)
{
    if (a->comm->size == 1)
        return LS_OK;
    ls_profile_depart();
    if (!a->shared)
        return ls_mpi_check(MPI_Iallreduce(MPI_IN_PLACE, a->mine, 1, a->type, a->op, a->comm->mpi, &a->request),
                            "agreeing on exponents, loss and metrics");
    a->rounds++;
    memcpy(shared_message(a, a->comm->rank), a->mine, a->bytes);
    ls_counter_raise(&a->round[a->comm->rank], a->rounds);
    return LS_OK;
}

ls_status ls_agreement_progress(ls_agreement *a)
{
    int done;

    if (a->request == MPI_REQUEST_NULL)
        return LS_OK;
    return ls_mpi_check(MPI_Test(&a->request, &done, MPI_STATUS_IGNORE), "agreeing on exponents, loss and metrics");
}

static ls_status receive(ls_agreement *a)
{
    for (ls_pause pause = {0}; a->request != MPI_REQUEST_NULL; ls_pause_next(&pause))
        LS_TRY(ls_agreement_progress(a));
    for (int r = 0; a->shared && r < a->comm->size; r++)
        if (r != a->comm->rank) {
            ls_counter_wait(&a->round[r], a->rounds);
            combine(shared_message(a, r), a->mine);
        }
    return LS_OK;
}

ls_status ls_agreement_finish(ls_agreement *a)
{
    ls_status st;

    if (a->comm->size == 1)
        return LS_OK;
    ls_wait_begin("to agree on exponents, loss and metrics");
    st = receive(a);
    ls_wait_end();
    ls_profile_arrive();
    return st;
}
