/* A rank's spans as JSON of the Trace Event Format: complete events ("X") in microseconds, in the order they began. */
#ifndef LS_RUN_TIMELINE_H
#define LS_RUN_TIMELINE_H

#include "base/profile.h"
#include "base/text.h"

/* The events of a rank, each with a comma and a line end before it. zero_ns: what counts as the beginning. */
void ls_timeline_add(const ls_profile *profile, int rank, const char *host, uint64_t zero_ns, ls_text *out);

/* What stands before all events, and after. kept of `spans` are there for the rank that has most. */
void ls_timeline_begin(ls_text *out);
void ls_timeline_end(uint64_t kept, uint64_t spans, ls_text *out);

#endif
