/* A first message round the ring of ranks, with a timeout: before anything else of MPI, which would wait for ever. */
#ifndef LS_CLI_RING_PING_H
#define LS_CLI_RING_PING_H

#include "base/error.h"

/*
 * Collective over MPI_COMM_WORLD, right after MPI has started. Fails on a rank that got no message from the one before
 * it within seconds: names both hosts, and the setting that makes Open MPI use a network that both have. Ranks that got
 * theirs succeed.
 */
ls_status ls_ring_ping(void);

#endif
