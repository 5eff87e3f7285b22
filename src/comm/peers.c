#include "comm/peers.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define ADDRESSES 4 /* of a host, at most; and the loopback */
#define PHASE_BYTES 96
#define PATIENCE_S 2.0 /* for answers */
#define REPEATS 4      /* datagrams may be lost */
#define NAMED_MAX 6    /* ranks that a message names */

/* Where a rank is asked. */
typedef struct place {
    char host[64];
    uint32_t address[ADDRESSES + 1]; /* network byte order; 0: none */
    uint16_t port;                   /* likewise; 0: it cannot be asked */
} place;

/* A question, and with `answers` the answer to it. All ranks are the same program on the same kind of machine. */
typedef struct datagram {
    uint64_t job;   /* a number of this run alone */
    uint64_t round; /* of questions: an answer that comes late is of another one */
    uint64_t beats, update;
    int32_t rank, answers;
    char phase[PHASE_BYTES];
} datagram;

typedef struct state {
    bool answered;
    uint64_t beats, update;
    char phase[PHASE_BYTES];
} state;

struct ls_peers {
    int rank, size;
    ls_watchdog *watchdog; /* borrowed */
    uint64_t job;
    place *place;                   /* [size] */
    state *state;                   /* [size] when they were asked last */
    uint64_t rounds;                /* how often they were asked */
    int answering, asking, wake[2]; /* descriptors; < 0: none */
    pthread_t thread;
    bool has_thread;
};

static void read_own(const ls_peers *p, state *out)
{
    const char *phase;

    ls_watchdog_look(p->watchdog, &phase, &out->beats, &out->update);
    snprintf(out->phase, sizeof out->phase, "%s", phase);
    out->answered = true;
}

/* ---- answering ---- */

static void *answer(void *argument)
{
    ls_peers *const p = argument;
    struct pollfd from[2] = {{.fd = p->answering, .events = POLLIN}, {.fd = p->wake[0], .events = POLLIN}};

    while (poll(from, 2, -1) >= 0 && !from[1].revents) {
        struct sockaddr_in who;
        socklen_t bytes = sizeof who;
        datagram d;
        state own;

        if (recvfrom(p->answering, &d, sizeof d, 0, (struct sockaddr *)&who, &bytes) != (ssize_t)sizeof d ||
            d.job != p->job || d.answers)
            continue;
        read_own(p, &own);
        d = (datagram){.job = p->job,
                       .round = d.round,
                       .beats = own.beats,
                       .update = own.update,
                       .rank = p->rank,
                       .answers = true};
        memcpy(d.phase, own.phase, sizeof d.phase);
        sendto(p->answering, &d, sizeof d, MSG_DONTWAIT, (struct sockaddr *)&who, bytes);
    }
    return NULL;
}

/* ---- places ---- */

static void find_place(const ls_peers *p, place *out)
{
    struct sockaddr_in own;
    socklen_t bytes = sizeof own;
    struct ifaddrs *all = NULL;
    size_t n = 0;

    *out = (place){0};
    gethostname(out->host, sizeof out->host - 1);
    if (!p->has_thread || getsockname(p->answering, (struct sockaddr *)&own, &bytes) || getifaddrs(&all))
        return;
    out->port = own.sin_port;
    for (const struct ifaddrs *i = all; i && n < ADDRESSES; i = i->ifa_next)
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && (i->ifa_flags & IFF_UP) &&
            !(i->ifa_flags & IFF_LOOPBACK))
            out->address[n++] = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr.s_addr;
    freeifaddrs(all);
}

/* The addresses of this rank's own host lead to ranks there also without a network. */
static void add_loopbacks(ls_peers *p)
{
    for (int r = 0; r < p->size; r++)
        if (strcmp(p->place[r].host, p->place[p->rank].host) == 0)
            p->place[r].address[ADDRESSES] = htonl(INADDR_LOOPBACK);
}

static bool open_sockets(ls_peers *p)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};

    p->answering = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    p->asking = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return p->answering >= 0 && p->asking >= 0 && bind(p->answering, (const struct sockaddr *)&any, sizeof any) == 0 &&
           bind(p->asking, (const struct sockaddr *)&any, sizeof any) == 0 && pipe(p->wake) == 0;
}

static void start_thread(ls_peers *p)
{
    sigset_t all, old;

    if (!open_sockets(p))
        return;
    sigfillset(&all); /* signals are for the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    p->has_thread = pthread_create(&p->thread, NULL, answer, p) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void ls_peers_free(ls_peers *p)
{
    if (!p)
        return;
    if (p->has_thread && write(p->wake[1], "", 1) == 1)
        pthread_join(p->thread, NULL);
    for (int i = 0; i < 2; i++)
        if (p->wake[i] >= 0)
            close(p->wake[i]);
    if (p->answering >= 0)
        close(p->answering);
    if (p->asking >= 0)
        close(p->asking);
    ls_free(p->place);
    ls_free(p->state);
    ls_free(p);
}

ls_status ls_peers_create(const ls_comm *comm, ls_watchdog *watchdog, ls_peers **out)
{
    ls_peers *p = ls_calloc(1, sizeof *p, "the state of the ranks");
    place own;
    ls_status st = LS_ERR_MEMORY;

    *out = NULL;
    if (p) {
        *p = (ls_peers){.rank = comm->rank,
                        .size = comm->size,
                        .watchdog = watchdog,
                        .answering = -1,
                        .asking = -1,
                        .wake = {-1, -1}};
        p->place = ls_calloc((size_t)comm->size, sizeof *p->place, "the state of the ranks");
        p->state = ls_calloc((size_t)comm->size, sizeof *p->state, "the state of the ranks");
        st = p->place && p->state ? LS_OK : LS_ERR_MEMORY;
    }
    LS_TRY_CLEANUP(ls_agree(comm, st));
    if (comm->rank == 0 && getrandom(&p->job, sizeof p->job, 0) != (ssize_t)sizeof p->job)
        p->job = (uint64_t)getpid();
    LS_TRY_CLEANUP(ls_mpi_check(MPI_Bcast(&p->job, 1, MPI_UINT64_T, 0, comm->mpi), "telling where ranks are"));
    start_thread(p);
    find_place(p, &own);
    LS_TRY_CLEANUP(
        ls_mpi_check(MPI_Allgather(&own, (int)sizeof own, MPI_BYTE, p->place, (int)sizeof own, MPI_BYTE, comm->mpi),
                     "telling where ranks are"));
    add_loopbacks(p);
    *out = p;
    p = NULL;
cleanup:
    ls_peers_free(p);
    return st;
}

/* ---- asking ---- */

static void ask(const ls_peers *p, int rank)
{
    const datagram d = {.job = p->job, .round = p->rounds, .rank = p->rank};

    for (size_t i = 0; i < ADDRESSES + 1; i++) {
        const struct sockaddr_in to = {
            .sin_family = AF_INET, .sin_port = p->place[rank].port, .sin_addr.s_addr = p->place[rank].address[i]};

        if (to.sin_addr.s_addr && to.sin_port)
            sendto(p->asking, &d, sizeof d, MSG_DONTWAIT, (const struct sockaddr *)&to, sizeof to);
    }
}

/* Answers that come within so many seconds; how many ranks have answered by now. */
static int listen_for(ls_peers *p, double seconds, int answered, bool *progress)
{
    const double end_s = ls_now_s() + seconds;

    while (answered < p->size) {
        struct pollfd from = {.fd = p->asking, .events = POLLIN};
        const double left_s = end_s - ls_now_s();
        datagram d;

        if (left_s <= 0 || poll(&from, 1, (int)(left_s * 1e3) + 1) <= 0)
            break;
        if (recv(p->asking, &d, sizeof d, 0) != (ssize_t)sizeof d || d.job != p->job || !d.answers ||
            d.round != p->rounds || d.rank < 0 || d.rank >= p->size || p->state[d.rank].answered)
            continue;
        *progress |= p->rounds > 0 && d.beats != p->state[d.rank].beats;
        p->state[d.rank] = (state){.answered = true, .beats = d.beats, .update = d.update};
        memcpy(p->state[d.rank].phase, d.phase, PHASE_BYTES - 1);
        answered++;
    }
    return answered;
}

bool ls_peers_progress(ls_peers *p)
{
    bool progress = false;
    int answered = 1;

    for (int r = 0; r < p->size; r++)
        p->state[r].answered = false;
    read_own(p, &p->state[p->rank]);
    for (int i = 0; i < REPEATS && answered < p->size; i++) {
        for (int r = 0; r < p->size; r++)
            if (!p->state[r].answered)
                ask(p, r);
        answered = listen_for(p, PATIENCE_S / REPEATS, answered, &progress);
    }
    p->rounds++;
    return progress;
}

/* Is this rank at something else than the one that asks, or at nothing that is known? */
static bool differs(const ls_peers *p, int rank)
{
    const state *a = &p->state[rank], *own = &p->state[p->rank];

    return !a->answered || a->update != own->update || strcmp(a->phase, own->phase) != 0;
}

void ls_peers_describe(const ls_peers *p, ls_text *out)
{
    int n = 0;

    for (int silent = 1; silent >= 0; silent--) /* who does not answer is named first */
        for (int r = 0; r < p->size; r++) {
            if (!differs(p, r) || p->state[r].answered == silent || ++n > NAMED_MAX)
                continue;
            ls_text_add(out, "%srank %d on %s ", n > 1 ? "; " : "", r, p->place[r].host);
            if (silent)
                ls_text_add(out, "does not answer: it is stopped, swapping, gone or cut off");
            else
                ls_text_add(out, "is at something else, %s after update %" PRIu64, p->state[r].phase,
                            p->state[r].update);
        }
    if (n > NAMED_MAX)
        ls_text_add(out, "; and %d ranks more", n - NAMED_MAX);
    if (n == 0)
        ls_text_add(out, "all ranks are at the same: one of them hangs in it, or the network does");
}
