#include "comm/comm.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/memory.h"
#include "comm/wait.h"
#include "lockstep/version.h"
#include "tensor/kernels.h"

#define QUOTE_BYTES 81 /* texts shorter than this are quoted in a message of ls_comm_same */

__extension__ typedef unsigned __int128 wide_uint;

ls_status ls_comm_create(MPI_Comm parent, ls_comm **out)
{
    ls_status st = LS_OK;
    ls_comm *comm = ls_calloc(1, sizeof *comm, "a communicator");

    *out = NULL;
    if (!comm)
        return LS_ERR_MEMORY;
    comm->mpi = MPI_COMM_NULL;
    LS_TRY_CLEANUP(ls_mpi_check(MPI_Comm_dup(parent, &comm->mpi), "cannot duplicate the communicator"));
    LS_TRY_CLEANUP(ls_mpi_check(MPI_Comm_set_errhandler(comm->mpi, MPI_ERRORS_RETURN), "cannot set the error handler"));
    LS_TRY_CLEANUP(ls_mpi_check(MPI_Comm_rank(comm->mpi, &comm->rank), "cannot ask for the rank"));
    LS_TRY_CLEANUP(ls_mpi_check(MPI_Comm_size(comm->mpi, &comm->size), "cannot ask for the number of ranks"));
    *out = comm;
    comm = NULL;
cleanup:
    ls_comm_free(comm);
    return st;
}

ls_status ls_comm_alone(ls_comm **out)
{
    if (!(*out = ls_calloc(1, sizeof **out, "a communicator")))
        return LS_ERR_MEMORY;
    **out = (ls_comm){.mpi = MPI_COMM_NULL, .size = 1};
    return LS_OK;
}

void ls_comm_free(ls_comm *comm)
{
    if (!comm)
        return;
    if (comm->mpi != MPI_COMM_NULL)
        MPI_Comm_free(&comm->mpi);
    ls_free(comm);
}

int ls_comm_rank(const ls_comm *comm)
{
    return comm->rank;
}

int ls_comm_size(const ls_comm *comm)
{
    return comm->size;
}

ls_status ls_mpi_check(int code, const char *what)
{
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;

    if (code == MPI_SUCCESS)
        return LS_OK;
    if (MPI_Error_string(code, text, &length) != MPI_SUCCESS)
        return ls_fail(LS_ERR_MPI, "%s: MPI error code %d", what, code);
    return ls_fail(LS_ERR_MPI, "%s: %.*s", what, length, text);
}

static void name_host(char host[MPI_MAX_PROCESSOR_NAME])
{
    int length = 0;

    if (MPI_Get_processor_name(host, &length) != MPI_SUCCESS)
        snprintf(host, MPI_MAX_PROCESSOR_NAME, "an unknown host");
}

/* The failure of rank `speaker` becomes that of all. alone: it is not that of all already. */
static ls_status share_failure(const ls_comm *comm, ls_status mine, int speaker, bool alone)
{
    struct {
        int status;
        size_t faults;
        char host[MPI_MAX_PROCESSOR_NAME], message[LS_ERROR_BYTES];
    } failure = {.status = (int)mine};

    if (speaker == comm->rank) {
        name_host(failure.host);
        failure.faults = ls_error_count();
        snprintf(failure.message, sizeof failure.message, "%s", ls_error_message());
    }
    LS_TRY(ls_mpi_check(MPI_Bcast(&failure, (int)sizeof failure, MPI_BYTE, speaker, comm->mpi),
                        "the ranks cannot share an error message"));
    if (!alone || failure.faults > 1)
        return ls_fail_lines((ls_status)failure.status, failure.message, failure.faults);
    return ls_fail((ls_status)failure.status, "rank %d on %s: %s", speaker, failure.host, failure.message);
}

ls_status(ls_agree)(const ls_comm *comm, ls_status mine)
{
    /* Two minima: the lowest rank that failed (or size), and whether all did. The usual case ends here. */
    int verdict[2] = {mine == LS_OK ? comm->size : comm->rank, mine != LS_OK}, code;

    if (comm->mpi == MPI_COMM_NULL)
        return mine;
    ls_wait_begin("to agree");
    code = MPI_Allreduce(MPI_IN_PLACE, verdict, 2, MPI_INT, MPI_MIN, comm->mpi);
    ls_wait_end();
    LS_TRY(ls_mpi_check(code, "the ranks cannot agree on a status"));
    return verdict[0] == comm->size ? LS_OK : share_failure(comm, mine, verdict[0], verdict[1] == 0);
}

ls_status ls_comm_same(const ls_comm *comm, const char *what, const char *text)
{
    struct {
        XXH128_canonical_t hash;
        char host[MPI_MAX_PROCESSOR_NAME], quote[QUOTE_BYTES];
        int quoted;
    } mine = {.quoted = strlen(text) < QUOTE_BYTES}, first, other;
    int differs;

    if (comm->mpi == MPI_COMM_NULL)
        return LS_OK;
    XXH128_canonicalFromHash(&mine.hash, XXH3_128bits(text, strlen(text)));
    name_host(mine.host);
    if (mine.quoted)
        memcpy(mine.quote, text, strlen(text) + 1);

    first = mine;
    LS_TRY(ls_mpi_check(MPI_Bcast(&first, (int)sizeof first, MPI_BYTE, 0, comm->mpi), "the ranks cannot be compared"));
    differs = memcmp(&first.hash, &mine.hash, sizeof mine.hash) != 0 ? comm->rank : comm->size;
    LS_TRY(ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, &differs, 1, MPI_INT, MPI_MIN, comm->mpi),
                        "the ranks cannot be compared"));
    if (differs == comm->size)
        return LS_OK;

    other = mine;
    LS_TRY(ls_mpi_check(MPI_Bcast(&other, (int)sizeof other, MPI_BYTE, differs, comm->mpi),
                        "the ranks cannot be compared"));
    if (first.quoted && other.quoted)
        return ls_fail(
            LS_ERR_MISMATCH,
            "%s differs between ranks: '%s' on rank 0 (%s), '%s' on rank %d (%s); it must be the same on all", what,
            first.quote, first.host, other.quote, differs, other.host);
    return ls_fail(LS_ERR_MISMATCH,
                   "%s differs between ranks: rank %d (%s) has another than rank 0 (%s); it must be the same on all",
                   what, differs, other.host, first.host);
}

ls_status ls_comm_prepare(const ls_comm *comm)
{
    LS_TRY(ls_agree(comm, ls_compute_init()));
    return ls_comm_same(comm, "the version of lockstep", ls_version());
}

uint64_t ls_part_begin(uint64_t n, uint64_t part, uint64_t parts)
{
    return (uint64_t)((wide_uint)n * part / parts);
}
