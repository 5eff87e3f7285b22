#include "cli/ring_ping.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <mpi.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define PATIENCE_S 10.0
#define TURN_S 0.5 /* how long a rank lets the one before it speak, which ends the job */
#define TURNS_MAX 6
#define CARD_BYTES 240 /* shorter than MPI_MAX_PORT_NAME of every library */

/* ---- networks ---- */

typedef struct network {
    uint32_t address, mask; /* host byte order */
} network;

static int count_bits(uint32_t mask)
{
    return __builtin_popcount(mask);
}

/* "host1 e0 10.0.0.1/24, ib0 10.1.0.1/16": this host, and what it could be reached at. */
static void write_card(char card[CARD_BYTES])
{
    struct ifaddrs *all = NULL;
    size_t n;

    gethostname(card, 64);
    card[64] = '\0';
    n = strlen(card);
    if (getifaddrs(&all))
        return;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        char text[INET_ADDRSTRLEN] = "";
        const struct sockaddr_in *address = (const void *)i->ifa_addr, *mask = (const void *)i->ifa_netmask;

        if (!address || !mask || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP) ||
            i->ifa_flags & IFF_LOOPBACK || n + strlen(i->ifa_name) + sizeof text + 8 > CARD_BYTES)
            continue;
        inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
        n += (size_t)snprintf(card + n, CARD_BYTES - n, "%s %s %s/%d", strchr(card, ' ') ? "," : "", i->ifa_name, text,
                              count_bits(ntohl(mask->sin_addr.s_addr)));
    }
    freeifaddrs(all);
}

/* The next network of a card; *at moves on. */
static bool next_network(const char **at, network *out)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    int bits;

    while ((*at = strchr(*at, ' ')) != NULL) {
        ++*at;
        if (sscanf(*at, "%15[0-9.]/%d", text, &bits) != 2 || bits < 1 || bits > 32 ||
            inet_pton(AF_INET, text, &address) != 1)
            continue;
        *out = (network){.address = ntohl(address.s_addr), .mask = UINT32_MAX << (32 - bits)};
        return true;
    }
    return false;
}

/* A network that both hosts are in, under addresses of their own (that of a container's bridge is the same everywhere).
 */
static bool find_common(const char *here, const char *there, const network *unused, network *out)
{
    network a, b;

    for (const char *x = here; next_network(&x, &a);)
        for (const char *y = there; next_network(&y, &b);)
            if (a.mask == b.mask && (a.address & a.mask) == (b.address & b.mask) && a.address != b.address &&
                (a.address & a.mask) != (unused->address & unused->mask)) {
                *out = a;
                return true;
            }
    return false;
}

static void write_network(const network *n, char *text, size_t bytes)
{
    const struct in_addr address = {.s_addr = htonl(n->address & n->mask)};
    char dotted[INET_ADDRSTRLEN] = "";

    inet_ntop(AF_INET, &address, dotted, sizeof dotted);
    snprintf(text, bytes, "%s/%d", dotted, count_bits(n->mask));
}

/* ---- the job's notice board, which the launcher keeps: no message of MPI is needed for it ---- */

static bool name_card(int rank, char *name, size_t bytes)
{
    const char *job = getenv("PMIX_NAMESPACE");

    return job && snprintf(name, bytes, "lockstep-%s-%d", job, rank) < (int)bytes;
}

static void pin_up(int rank, char *card)
{
    char name[MPI_MAX_PORT_NAME];

    if (name_card(rank, name, sizeof name))
        MPI_Publish_name(name, MPI_INFO_NULL, card); /* where it cannot, the message says less */
}

static void take_down(int rank, char *card)
{
    char name[MPI_MAX_PORT_NAME];

    if (name_card(rank, name, sizeof name))
        MPI_Unpublish_name(name, MPI_INFO_NULL, card);
}

static bool look_up(int rank, char card[MPI_MAX_PORT_NAME + 1])
{
    char name[MPI_MAX_PORT_NAME];

    memset(card, 0, MPI_MAX_PORT_NAME + 1);
    return name_card(rank, name, sizeof name) && MPI_Lookup_name(name, MPI_INFO_NULL, card) == MPI_SUCCESS;
}

/* ---- the ping ---- */

static void nap(double seconds)
{
    nanosleep(&(const struct timespec){.tv_sec = (time_t)seconds,
                                       .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)},
              NULL);
}

static bool arrives(int rank, int size)
{
    const double begun = ls_now_s();
    char here = 0, there = 0;
    MPI_Request request[2];
    int done = 0;

    if (MPI_Irecv(&there, 1, MPI_BYTE, (rank + size - 1) % size, 0, MPI_COMM_WORLD, &request[0]) ||
        MPI_Isend(&here, 1, MPI_BYTE, (rank + 1) % size, 0, MPI_COMM_WORLD, &request[1]))
        return false;
    while (!done && ls_now_s() - begun < PATIENCE_S) {
        if (MPI_Testall(2, request, &done, MPI_STATUSES_IGNORE))
            return false;
        if (!done)
            nap(0.001);
    }
    return done; /* else the job ends, and the requests with it */
}

static void advise(const char *here, const char *there, ls_text *out)
{
    const char *include = getenv("OMPI_MCA_btl_tcp_if_include");
    network common, used = {0};
    char text[INET_ADDRSTRLEN + 4], asked[64] = " ";

    if (include) { /* a subnet, as the one thing that can be compared */
        const char *at = asked;

        snprintf(asked, sizeof asked, " %s", include);
        if (!next_network(&at, &used))
            used = (network){0};
    }
    if (find_common(here, there, &used, &common)) {
        write_network(&common, text, sizeof text);
        ls_text_add(out, "; try mpirun --mca btl_tcp_if_include %s --mca oob_tcp_if_include %s", text, text);
    } else {
        ls_text_add(out, "; no other network joins them: look at cables, routes and firewalls");
    }
}

static ls_status fail(int rank, int size)
{
    const int before = (rank + size - 1) % size;
    char here[CARD_BYTES], there[MPI_MAX_PORT_NAME + 1];
    ls_text text = {0};
    ls_status st;

    nap(TURN_S * (rank < TURNS_MAX ? rank : TURNS_MAX));
    write_card(here);
    ls_text_add(&text, "rank %d on %.*s got no message from rank %d", rank, (int)strcspn(here, " "), here, before);
    if (look_up(before, there))
        ls_text_add(&text, " on %.*s", (int)strcspn(there, " "), there);
    ls_text_add(&text, " within %.0f s: MPI takes a network that does not join them", PATIENCE_S);
    if (getenv("OMPI_MCA_btl_tcp_if_include"))
        ls_text_add(&text, " (btl_tcp_if_include %s)", getenv("OMPI_MCA_btl_tcp_if_include"));
    if (strchr(here, ' '))
        ls_text_add(&text, "; the first has%s", strchr(here, ' '));
    if (strchr(there, ' ')) {
        ls_text_add(&text, "; the second has%s", strchr(there, ' '));
        advise(here, there, &text);
    } else {
        ls_text_add(&text, "; name the network that both have: mpirun --mca btl_tcp_if_include SUBNET");
    }
    st = text.status == LS_OK ? ls_fail(LS_ERR_MPI, "%s", text.data) : text.status;
    ls_text_reset(&text);
    return st;
}

ls_status ls_ring_ping(void)
{
    char card[CARD_BYTES];
    int rank = 0, size = 1;
    ls_status st;

    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size == 1)
        return LS_OK;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    write_card(card);
    pin_up(rank, card);
    st = arrives(rank, size) ? LS_OK : fail(rank, size);
    take_down(rank, card);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
    return st;
}
