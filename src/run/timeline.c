#include "run/timeline.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "formats/json.h"

/* Earlier first; of two that begin together the outer one. */
static int compare(const void *a, const void *b)
{
    const ls_profile_span *const x = a, *const y = b;

    if (x->begin_ns != y->begin_ns)
        return x->begin_ns < y->begin_ns ? -1 : 1;
    return x->end_ns == y->end_ns ? 0 : x->end_ns > y->end_ns ? -1 : 1;
}

/* A JSON string, quotes and all. */
static void add_string(const char *text, ls_text *out)
{
    const char *c = text;
    json_t *string;

    while (*c >= ' ' && *c <= '~' && *c != '"' && *c != '\\')
        c++;
    if (!*c) { /* nearly always, and there are many */
        ls_text_add(out, "\"%s\"", text);
        return;
    }
    string = json_string(text);
    if (ls_json_write(string, out) != LS_OK)
        out->status = LS_ERR_MEMORY;
    json_decref(string);
}

static void add_name(const char *kind, int rank, size_t track, const char *name, ls_text *out)
{
    ls_text_add(out, ",\n{\"ph\": \"M\", \"pid\": %d, \"tid\": %zu, \"name\": \"%s\", \"args\": {\"name\": ", rank,
                track, kind);
    add_string(name, out);
    ls_text_add(out, "}}");
}

static void add_span(const ls_profile_span *span, int rank, size_t track, uint64_t zero_ns, ls_text *out)
{
    const uint64_t at_ns = span->begin_ns > zero_ns ? span->begin_ns - zero_ns : 0;
    const uint64_t took_ns = span->end_ns - span->begin_ns;
    const char *const phase = ls_phase_names[span->phase];

    ls_text_add(out,
                ",\n{\"ph\": \"X\", \"pid\": %d, \"tid\": %zu, \"ts\": %" PRIu64 ".%03" PRIu64 ", \"dur\": %" PRIu64
                ".%03" PRIu64 ", \"cat\": \"%s\", \"name\": ",
                rank, track, at_ns / 1000, at_ns % 1000, took_ns / 1000, took_ns % 1000, phase);
    if (span->what) {
        ls_text name = {0};

        ls_text_add(&name, "%s: %s", phase, span->what);
        if (name.status == LS_OK)
            add_string(name.data, out);
        else
            out->status = name.status;
        ls_text_reset(&name);
    } else {
        ls_text_add(out, "\"%s\"", phase);
    }
    ls_text_add(out, "}");
}

void ls_timeline_add(const ls_profile *profile, int rank, const char *host, uint64_t zero_ns, ls_text *out)
{
    ls_text process = {0};

    ls_text_add(&process, "rank %d on %s", rank, host);
    if (process.status == LS_OK)
        add_name("process_name", rank, 0, process.data, out);
    ls_text_reset(&process);
    ls_text_add(out,
                ",\n{\"ph\": \"M\", \"pid\": %d, \"tid\": 0, \"name\": \"process_sort_index\", \"args\": "
                "{\"sort_index\": %d}}",
                rank, rank);
    for (size_t t = 0; t < LS_PROFILE_TRACKS; t++) {
        const ls_track *const track = &profile->track[t];
        const uint64_t n = track->spans < track->capacity ? track->spans : track->capacity;

        if (n == 0)
            continue;
        add_name("thread_name", rank, t, ls_track_names[t], out);
        qsort(track->ring, n, sizeof *track->ring, compare); /* nobody needs the order of their ends any more */
        for (uint64_t i = 0; i < n && out->status == LS_OK; i++)
            add_span(&track->ring[i], rank, t, zero_ns, out);
    }
}

void ls_timeline_begin(ls_text *out)
{
    ls_text_add(out, "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n"
                     "{\"ph\": \"M\", \"pid\": 0, \"name\": \"process_labels\", \"args\": {\"labels\": \"lockstep\"}}");
}

void ls_timeline_end(uint64_t kept, uint64_t spans, ls_text *out)
{
    ls_text_add(out,
                "\n],\n\"otherData\": {\"spans kept per rank\": %" PRIu64 ", \"spans per rank\": %" PRIu64
                ", \"note\": \"%s\"}}\n",
                kept, spans,
                kept < spans ? "the newest spans are kept: earlier ones are only in the totals of run.json"
                             : "all spans of a microsecond or more are here");
}
