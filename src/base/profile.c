#include "base/profile.h"

#include <time.h>

#include "base/memory.h"

#define DEPTH 32         /* spans within spans; deeper ones are not noted */
#define SHORTEST_NS 1000 /* shorter spans count, but the ring does not keep them */

#define NAME(name, text) text,

const char *const ls_phase_names[LS_PHASES] = {LS_PHASE_LIST(NAME)};
const char *const ls_track_names[LS_PROFILE_TRACKS] = {"training", "checkpoint writer"};

/* A span that has not ended. */
typedef struct ls_frame {
    uint64_t begin_ns, within_ns; /* within: of the spans in it */
    const char *what;
    ls_phase phase;   /* as shown */
    ls_phase account; /* that its time goes to: the checkpoint's or validation's, if it is part of one */
    bool flies;       /* reductions were under way when it began */
} ls_frame;

static ls_profile *program; /* NULL: there is none */
static bool is_on;
static _Thread_local ls_track *mine; /* NULL: this thread notes nothing */

uint64_t ls_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

bool ls_profile_is_on(void)
{
    return is_on;
}

ls_status ls_profile_start(uint64_t spans)
{
    ls_profile_free();
    if (!(program = ls_calloc(1, sizeof *program, "the profile")))
        return LS_ERR_MEMORY;
    for (size_t i = 0; i < LS_PROFILE_TRACKS; i++) {
        ls_track *const track = &program->track[i];

        track->capacity = spans;
        track->ring = ls_calloc(spans, sizeof *track->ring, "the profile");
        track->stack = ls_calloc(DEPTH, sizeof *track->stack, "the profile");
        if (!track->ring || !track->stack) {
            ls_profile_free();
            return LS_ERR_MEMORY;
        }
    }
    program->begin_ns = ls_now_ns();
    mine = &program->track[0];
    is_on = true;
    return LS_OK;
}

const ls_profile *ls_profile_stop(void)
{
    if (!is_on)
        return program;
    while (mine->depth > 0)
        ls_profile_end();
    while (mine->flights > 0)
        ls_profile_arrive();
    program->end_ns = ls_now_ns();
    mine = NULL;
    is_on = false;
    return program;
}

void ls_profile_free(void)
{
    for (size_t i = 0; program && i < LS_PROFILE_TRACKS; i++) {
        ls_free(program->track[i].ring);
        ls_free(program->track[i].stack);
    }
    ls_free(program);
    program = NULL;
    mine = NULL;
    is_on = false;
}

/* Spans in one of these belong to it, whatever they are. */
static bool absorbs(ls_phase phase)
{
    return phase == LS_PHASE_VALIDATE || phase == LS_PHASE_CHECKPOINT;
}

void ls_profile_begin(ls_phase phase, const char *what)
{
    ls_track *const track = mine;
    const ls_frame *above;
    ls_phase account = phase;

    if (!track)
        return;
    if (track->depth > 0 && track->depth <= DEPTH) {
        above = &track->stack[track->depth - 1];
        account = absorbs(above->account) ? above->account : phase;
    }
    if (track->depth < DEPTH)
        track->stack[track->depth] = (ls_frame){
            .begin_ns = ls_now_ns(), .what = what, .phase = phase, .account = account, .flies = track->flights > 0};
    track->depth++;
}

void ls_profile_end(void)
{
    ls_track *const track = mine;
    const ls_frame *frame;
    uint64_t now_ns, took_ns, alone_ns;

    if (!track || track->depth == 0)
        return;
    if (--track->depth >= DEPTH)
        return;
    frame = &track->stack[track->depth];
    now_ns = ls_now_ns();
    took_ns = now_ns - frame->begin_ns;
    alone_ns = took_ns - frame->within_ns;
    track->phase_ns[frame->account] += alone_ns;
    if (frame->flies && (frame->account == LS_PHASE_WAIT || frame->account == LS_PHASE_REDUCE))
        track->bare_ns += alone_ns;
    if (track->depth > 0)
        track->stack[track->depth - 1].within_ns += took_ns;
    if (took_ns >= SHORTEST_NS)
        track->ring[track->spans++ % track->capacity] =
            (ls_profile_span){frame->begin_ns, now_ns, frame->what, frame->phase};
}

void ls_profile_depart(void)
{
    if (mine && mine->flights++ == 0)
        mine->flight_begin_ns = ls_now_ns();
}

void ls_profile_arrive(void)
{
    if (mine && mine->flights > 0 && --mine->flights == 0)
        mine->flight_ns += ls_now_ns() - mine->flight_begin_ns;
}

void ls_profile_join(void)
{
    if (is_on)
        mine = &program->track[1];
}

void ls_profile_leave(void)
{
    mine = NULL;
}
