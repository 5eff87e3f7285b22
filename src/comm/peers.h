/*
 * What the other ranks are at, when MPI itself hangs: a thread of each answers questions over UDP, even while its rank
 * waits in MPI or computes. Who does not answer is stopped, swapping, dead or cut off.
 */
#ifndef LS_COMM_PEERS_H
#define LS_COMM_PEERS_H

#include "base/text.h"
#include "base/watchdog.h"
#include "comm/comm.h"

typedef struct ls_peers ls_peers;

/*
 * Collective. watchdog: of this rank, whose state it tells; borrowed. Without sockets or addresses there are no
 * answers, which is no error.
 */
ls_status ls_peers_create(const ls_comm *comm, ls_watchdog *watchdog, ls_peers **out);
void ls_peers_free(ls_peers *peers);

/*
 * Not collective; from one thread at a time. Asks all ranks and waits a moment for their answers. Has any of them made
 * progress since it was asked before? false the first time.
 */
bool ls_peers_progress(ls_peers *peers);

/*
 * Of the last time they were asked: who did not answer, and who is at something else than this rank, as the end of a
 * sentence: "rank 3 on h2 does not answer; rank 1 on h1 is at 'reading data' after update 7".
 */
void ls_peers_describe(const ls_peers *peers, ls_text *out);

#endif
