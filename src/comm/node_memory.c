#define _GNU_SOURCE /* memfd_create */
#include "comm/node_memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

typedef struct block {
    void *memory;
    size_t mapped_bytes; /* 0: from ls_calloc */
    struct block *next;
} block;

struct ls_node_memory {
    const ls_comm *comm;
    MPI_Comm node; /* MPI_COMM_NULL: each rank by itself */
    ls_sharing sharing;
    block *blocks;
};

/*
 * What the first rank tells the others of its file. They check what they find: process numbers may be of another space.
 */
typedef struct announcement {
    int64_t pid, fd; /* fd < 0: it could not be made */
    uint64_t device, inode;
} announcement;

/* The file's bytes, and `own` more behind them that are this process's alone. */
static ls_status map(int fd, size_t bytes, size_t own, const char *what, void **memory)
{
    *memory = mmap(NULL, bytes + own, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (*memory == MAP_FAILED ||
        mmap(*memory, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        return ls_fail(LS_ERR_MEMORY, "out of memory: %s needs %zu bytes that the ranks of a node share: %s", what,
                       bytes, strerror(errno));
    return LS_OK;
}

/* The first rank of the node. *fd stays open until the others have found it. */
static ls_status make(size_t bytes, size_t own, const char *what, announcement *a, int *fd, void **memory)
{
    struct rlimit limit;
    struct stat info;

    /* ftruncate would not fail, but end the program with SIGXFSZ. */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && bytes > limit.rlim_cur)
        return ls_fail(LS_ERR_MEMORY,
                       "%s: cannot get %zu bytes that the ranks of a node share: files may have %llu (ulimit -f)", what,
                       bytes, (unsigned long long)limit.rlim_cur);
    *fd = memfd_create("lockstep", MFD_CLOEXEC);
    if (*fd < 0 || ftruncate(*fd, (off_t)bytes) != 0 || fstat(*fd, &info) != 0)
        return ls_fail(LS_ERR_MEMORY, "%s: cannot get %zu bytes that the ranks of a node share: %s", what, bytes,
                       strerror(errno));
    LS_TRY(map(*fd, bytes, own, what, memory));
    *a = (announcement){.pid = getpid(), .fd = *fd, .device = info.st_dev, .inode = info.st_ino};
    return LS_OK;
}

static ls_status find(size_t bytes, size_t own, const char *what, const announcement *a, void **memory)
{
    char path[64];
    struct stat info;
    int fd;
    ls_status st;

    if (a->fd < 0)
        return LS_OK; /* the first rank says why */
    snprintf(path, sizeof path, "/proc/%lld/fd/%lld", (long long)a->pid, (long long)a->fd);
    if ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
        return ls_fail(LS_ERR_MEMORY, "%s: cannot open the memory of another rank of this node, '%s': %s", what, path,
                       strerror(errno));
    if (fstat(fd, &info) != 0 || info.st_dev != a->device || info.st_ino != a->inode)
        st = ls_fail(LS_ERR_MEMORY, "%s: '%s' is not the memory of another rank of this node", what, path);
    else
        st = map(fd, bytes, own, what, memory);
    close(fd);
    return st;
}

/* Collective on the node. *memory is NULL after a failure here; it may fail on some ranks only. */
static ls_status map_together(ls_node_memory *m, size_t bytes, size_t own, const char *what, int *fd, void **memory)
{
    announcement a = {.fd = -1};
    ls_status st = LS_OK;

    if (m->sharing.part == 0)
        st = make(bytes, own, what, &a, fd, memory);
    LS_TRY(ls_mpi_check(MPI_Bcast(&a, sizeof a, MPI_BYTE, 0, m->node), "sharing memory on a node"));
    if (m->sharing.part != 0)
        st = find(bytes, own, what, &a, memory);
    if (*memory == MAP_FAILED)
        *memory = NULL;
    return st;
}

/* Collective on comm. shared: bytes of one copy for the node; own: bytes behind them, a copy for each rank. */
static ls_status allocate_both(ls_node_memory *m, size_t shared, size_t own, const char *what, void **memory)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t lead = own ? (page - shared % page) % page : 0; /* the shared part ends where a page does */
    block *b = ls_calloc(1, sizeof *b, what);
    int fd = -1;
    ls_status st = b ? LS_OK : LS_ERR_MEMORY;

    *memory = NULL;
    LS_TRY_CLEANUP(ls_agree(m->comm, st));
    if (m->sharing.parts > 1) {
        const size_t bytes = shared + lead ? shared + lead : page;

        b->mapped_bytes = bytes + own;
        st = map_together(m, bytes, own, what, &fd, &b->memory);
    } else if (!(b->memory = ls_calloc(shared + own, 1, what))) {
        st = LS_ERR_MEMORY;
    }
    st = ls_agree(m->comm, st); /* now all have opened the file, too */
    if (fd >= 0)
        close(fd);
    if (st == LS_OK) {
        *memory = b->mapped_bytes ? (char *)b->memory + lead : b->memory;
        b->next = m->blocks;
        m->blocks = b;
        return LS_OK;
    }
    if (b->mapped_bytes && b->memory)
        munmap(b->memory, b->mapped_bytes);
cleanup:
    ls_free(b);
    return st;
}

static ls_status allocate(void *context, size_t bytes, const char *what, void **memory)
{
    return allocate_both(context, bytes, 0, what, memory);
}

ls_status ls_node_memory_split(ls_node_memory *m, size_t shared, size_t own, const char *what, void **memory)
{
    assert(shared % LS_ALIGNMENT == 0);
    return allocate_both(m, shared, own, what, memory);
}

/* MPI orders what the ranks do; the fences order what their processors write and read. */
static ls_status agree(void *context, ls_status mine, uint64_t *unfinished)
{
    ls_node_memory *m = context;

    atomic_thread_fence(memory_order_seq_cst);
    LS_TRY(ls_agree(m->comm, mine));
    if (unfinished && m->comm->size > 1)
        LS_TRY(ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, unfinished, 1, MPI_UINT64_T, MPI_SUM, m->comm->mpi),
                            "the ranks cannot agree on what is left to read"));
    atomic_thread_fence(memory_order_seq_cst);
    return LS_OK;
}

/* Of a node's ranks, `most` neighbours at most share memory; 0: all. */
static ls_status find_node(ls_node_memory *m, int most)
{
    MPI_Comm whole;
    int rank;

    LS_TRY(ls_mpi_check(MPI_Comm_split_type(m->comm->mpi, MPI_COMM_TYPE_SHARED, m->comm->rank, MPI_INFO_NULL, &m->node),
                        "cannot find the ranks of this node"));
    if (most > 0) {
        whole = m->node;
        MPI_Comm_rank(whole, &rank);
        LS_TRY(
            ls_mpi_check(MPI_Comm_split(whole, rank / most, rank, &m->node), "cannot divide the ranks of this node"));
        MPI_Comm_free(&whole);
    }
    LS_TRY(ls_mpi_check(MPI_Comm_set_errhandler(m->node, MPI_ERRORS_RETURN), "cannot set the error handler"));
    LS_TRY(ls_mpi_check(MPI_Comm_rank(m->node, &m->sharing.part), "cannot ask for the rank on the node"));
    return ls_mpi_check(MPI_Comm_size(m->node, &m->sharing.parts), "cannot ask for the ranks of the node");
}

/* Collective on the node. Can its ranks see what one of them writes? If not, each goes by itself. */
static ls_status try_sharing(ls_node_memory *m)
{
    const size_t bytes = sizeof(uint64_t);
    volatile uint64_t *word = NULL;
    void *memory = NULL;
    int fd = -1, works;

    if (m->sharing.parts == 1)
        return LS_OK;
    works = map_together(m, bytes, 0, "a trial", &fd, &memory) == LS_OK && memory;
    word = memory;
    if (works && m->sharing.part == 0)
        *word = 1;
    LS_TRY(ls_mpi_check(MPI_Barrier(m->node), "sharing memory on a node"));
    works = works && *word == 1;
    LS_TRY(
        ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, &works, 1, MPI_INT, MPI_LAND, m->node), "sharing memory on a node"));
    if (memory)
        munmap(memory, bytes);
    if (fd >= 0)
        close(fd);
    if (!works) {
        m->sharing.part = 0;
        m->sharing.parts = 1;
    }
    return LS_OK;
}

ls_status ls_node_memory_create(const ls_comm *comm, int most, ls_node_memory **out)
{
    ls_node_memory *m = ls_calloc(1, sizeof *m, "the memory of a node");
    ls_status st;

    *out = NULL;
    LS_TRY_CLEANUP(ls_agree(comm, m ? LS_OK : LS_ERR_MEMORY));
    m->comm = comm;
    m->node = MPI_COMM_NULL;
    m->sharing = (ls_sharing){.context = m, .parts = 1, .allocate = allocate, .agree = agree};
    if (comm->size > 1)
        LS_TRY_CLEANUP(ls_agree(comm, find_node(m, most)));
    LS_TRY_CLEANUP(ls_agree(comm, try_sharing(m)));
    *out = m;
    m = NULL;
cleanup:
    ls_node_memory_free(m);
    return st;
}

void ls_node_memory_free(ls_node_memory *m)
{
    if (!m)
        return;
    while (m->blocks) {
        block *const b = m->blocks;

        m->blocks = b->next;
        if (b->mapped_bytes)
            munmap(b->memory, b->mapped_bytes);
        else
            ls_free(b->memory);
        ls_free(b);
    }
    if (m->node != MPI_COMM_NULL)
        MPI_Comm_free(&m->node);
    ls_free(m);
}

const ls_sharing *ls_node_memory_sharing(const ls_node_memory *memory)
{
    return &memory->sharing;
}
