/*
 * Where a process's time goes: spans of named phases, one within another, for `train --profile`. Off until
 * ls_profile_start: then everything below costs a look at a variable.
 *
 *     ls_profile_begin(LS_PHASE_FORWARD, "dense");
 *     …                                             (spans within it)
 *     ls_profile_end();
 *
 * Nothing is allocated between start and stop. Spans are kept in a ring, the newest of them; totals count all. A thread
 * beside the one that started has a track of its own, one at a time.
 */
#ifndef LS_BASE_PROFILE_H
#define LS_BASE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * load: samples into a batch, and waiting for a file. forward, backward: layers and losses without their products.
 * reduce: adding up over ranks, and moving. wait: for other ranks. update: the optimizer's. validate, checkpoint: with
 * all that is in them.
 */
#define LS_PHASE_LIST(X)    \
    X(LOAD, "load")         \
    X(FORWARD, "forward")   \
    X(BACKWARD, "backward") \
    X(PRODUCT, "product")   \
    X(REDUCE, "reduce")     \
    X(WAIT, "wait")         \
    X(UPDATE, "update")     \
    X(VALIDATE, "validate") \
    X(CHECKPOINT, "checkpoint")
#define LS_PHASE_ENTRY(name, text) LS_PHASE_##name,
typedef enum ls_phase { LS_PHASE_LIST(LS_PHASE_ENTRY) LS_PHASES } ls_phase;

extern const char *const ls_phase_names[LS_PHASES];

typedef struct ls_profile_span {
    uint64_t begin_ns, end_ns; /* since some fixed point of this host */
    const char *what;          /* borrowed: the layer; NULL: nothing in particular */
    ls_phase phase;
} ls_profile_span;

/* What one thread did. */
typedef struct ls_track {
    ls_profile_span *ring; /* [capacity] span number s at s mod capacity, in the order of their ends */
    uint64_t capacity, spans;
    uint64_t phase_ns[LS_PHASES]; /* of each phase without the spans within it */
    uint64_t flight_ns, bare_ns;  /* with reductions under way; … of that, waiting for them or moving them */
    uint64_t flight_begin_ns;     /* of the time in hand */
    unsigned flights;             /* under way */
    unsigned depth;               /* of the stack */
    struct ls_frame *stack;
} ls_track;

#define LS_PROFILE_TRACKS 2
extern const char *const ls_track_names[LS_PROFILE_TRACKS];

typedef struct ls_profile {
    ls_track track[LS_PROFILE_TRACKS]; /* of the thread that started, and of the one beside it */
    uint64_t begin_ns, end_ns;         /* end: 0 while it goes on */
} ls_profile;

/* The profile of the program begins, on this thread; `spans` are kept of each track. One at a time. */
ls_status ls_profile_start(uint64_t spans);
/* Nothing is noted any more; the profile is lent until ls_profile_free. NULL: there is none. */
const ls_profile *ls_profile_stop(void);
void ls_profile_free(void);
bool ls_profile_is_on(void);

/* what: text that lives as long as the profile, or NULL. Calls come in pairs on one thread. */
void ls_profile_begin(ls_phase phase, const char *what);
void ls_profile_end(void);

/* A reduction is under way from here on; the last one of those has arrived. */
void ls_profile_depart(void);
void ls_profile_arrive(void);

/* The calling thread is the one beside: between these its spans are noted. */
void ls_profile_join(void);
void ls_profile_leave(void);

uint64_t ls_now_ns(void); /* the clock of all this */

#endif
