#include "run/run_profile.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/locale.h"
#include "base/memory.h"
#include "run/run_files.h"
#include "run/timeline.h"

/* Spans that are kept of all ranks together, and of one, at most and at least. */
#define SPANS_OF_ALL (UINT64_C(1) << 18)
#define SPANS_MOST (UINT64_C(1) << 16)
#define SPANS_LEAST (UINT64_C(1) << 8)

/* What a rank tells of itself. */
enum { FLIGHT = LS_PHASES, BARE, ALL, KEPT, SPANS, NUMBERS };

#define BOOT_BYTES 40

static uint64_t zero_ns; /* the beginning, on this host's clock */

/* Which start of which machine this is: clocks are the same where this is. Empty: not known. */
static void read_boot(char boot[BOOT_BYTES])
{
    FILE *const file = fopen("/proc/sys/kernel/random/boot_id", "r");

    memset(boot, 0, BOOT_BYTES);
    if (!file)
        return;
    if (!fgets(boot, BOOT_BYTES, file))
        memset(boot, 0, BOOT_BYTES);
    fclose(file);
}

/* Collective. All ranks begin at one moment; those of rank 0's machine take its clock for it. */
static ls_status set_zero(const ls_comm *comm)
{
    struct {
        uint64_t ns;
        char boot[BOOT_BYTES];
    } first;
    char boot[BOOT_BYTES];

    read_boot(boot);
    if (comm->mpi == MPI_COMM_NULL) {
        zero_ns = ls_now_ns();
        return LS_OK;
    }
    LS_TRY(ls_mpi_check(MPI_Barrier(comm->mpi), "the ranks cannot begin a profile together"));
    zero_ns = ls_now_ns();
    first.ns = zero_ns;
    memcpy(first.boot, boot, BOOT_BYTES);
    LS_TRY(ls_mpi_check(MPI_Bcast(&first, (int)sizeof first, MPI_BYTE, 0, comm->mpi),
                        "the ranks cannot begin a profile together"));
    if (*boot && memcmp(boot, first.boot, BOOT_BYTES) == 0)
        zero_ns = first.ns;
    return LS_OK;
}

ls_status ls_run_profile_start(const ls_comm *comm)
{
    uint64_t spans = SPANS_OF_ALL / (uint64_t)comm->size;

    spans = spans > SPANS_MOST ? SPANS_MOST : spans < SPANS_LEAST ? SPANS_LEAST : spans;
    LS_TRY(set_zero(comm));
    return ls_agree(comm, ls_profile_start(spans));
}

/* ---- the summary ---- */

static void count_self(const ls_profile *profile, double number[NUMBERS])
{
    const ls_track *const track = &profile->track[0];

    for (size_t p = 0; p < LS_PHASES; p++)
        number[p] = 1e-9 * (double)track->phase_ns[p];
    number[FLIGHT] = 1e-9 * (double)track->flight_ns;
    number[BARE] = 1e-9 * (double)track->bare_ns;
    number[ALL] = 1e-9 * (double)(profile->end_ns - profile->begin_ns);
    number[SPANS] = (double)track->spans;
    number[KEPT] = (double)(track->spans < track->capacity ? track->spans : track->capacity);
}

static double work_of(const double number[NUMBERS])
{
    return number[LS_PHASE_LOAD] + number[LS_PHASE_FORWARD] + number[LS_PHASE_BACKWARD] + number[LS_PHASE_PRODUCT] +
           number[LS_PHASE_UPDATE];
}

static double other_of(const double number[NUMBERS])
{
    double rest = number[ALL];

    for (size_t p = 0; p < LS_PHASES; p++)
        rest -= number[p];
    return rest > 0 ? rest : 0;
}

/* One more rank's time. */
static void add_time(ls_phase_time *time, int rank, int ranks, double s)
{
    if (rank == 0 || s < time->least_s) {
        time->least_s = s;
        time->least_rank = rank;
    }
    if (rank == 0 || s > time->most_s) {
        time->most_s = s;
        time->most_rank = rank;
    }
    time->mean_s += s / ranks;
}

/* numbers [ranks x NUMBERS] */
static void summarize(const double *numbers, int ranks, ls_run_profile *out)
{
    double work = 0, most = 0, apart = 0, flight = 0, bare = 0;

    *out = (ls_run_profile){.ranks = ranks};
    for (int r = 0; r < ranks; r++) {
        const double *const number = numbers + (size_t)r * NUMBERS, mine = work_of(number);

        for (size_t p = 0; p < LS_PHASES; p++)
            add_time(&out->phase[p], r, ranks, number[p]);
        add_time(&out->other, r, ranks, other_of(number));
        add_time(&out->all, r, ranks, number[ALL]);
        if (mine > most) {
            most = mine;
            out->slowest = r;
        }
        work += mine;
        apart += number[LS_PHASE_REDUCE] + number[LS_PHASE_WAIT];
        flight += number[FLIGHT];
        bare += number[BARE];
        if (number[SPANS] > (double)out->spans) {
            out->spans = (uint64_t)number[SPANS];
            out->kept = (uint64_t)number[KEPT];
        }
    }
    out->efficiency = work + apart > 0 ? work / (work + apart) : NAN;
    out->flight_s = flight / ranks;
    out->hidden = ranks > 1 && flight > 0 ? fmax(0, 1 - bare / flight) : NAN;
    out->slowest_by = work > 0 ? most * ranks / work - 1 : 0;
}

/* ---- the timeline ---- */

static void render_self(const ls_comm *comm, const ls_profile *profile, ls_text *out)
{
    char host[MPI_MAX_PROCESSOR_NAME] = "this host";
    int length;

    if (comm->mpi != MPI_COMM_NULL)
        MPI_Get_processor_name(host, &length);
    ls_timeline_add(profile, comm->rank, host, zero_ns, out);
    if (out->status == LS_OK && out->length > INT_MAX)
        out->status = ls_fail(LS_ERR_INTERNAL, "a rank's timeline of %zu bytes cannot be sent", out->length);
}

/* Rank 0 appends what the rank sends. */
static ls_status receive(const ls_comm *comm, int rank, ls_text *into)
{
    int length = 0;
    char *buffer;
    ls_status st;

    LS_TRY(ls_mpi_check(MPI_Recv(&length, 1, MPI_INT, rank, LS_TAG_TIMELINE, comm->mpi, MPI_STATUS_IGNORE),
                        "gathering the timeline"));
    if (!(buffer = ls_calloc((size_t)length + 1, 1, "the timeline")))
        return LS_ERR_MEMORY;
    st = ls_mpi_check(MPI_Recv(buffer, length, MPI_CHAR, rank, LS_TAG_TIMELINE, comm->mpi, MPI_STATUS_IGNORE),
                      "gathering the timeline");
    ls_text_add_bytes(into, buffer, (size_t)length);
    ls_free(buffer);
    return st;
}

static ls_status send(const ls_comm *comm, const ls_text *mine)
{
    const int length = (int)mine->length;

    LS_TRY(ls_mpi_check(MPI_Send(&length, 1, MPI_INT, 0, LS_TAG_TIMELINE, comm->mpi), "gathering the timeline"));
    return ls_mpi_check(MPI_Send(mine->data, length, MPI_CHAR, 0, LS_TAG_TIMELINE, comm->mpi),
                        "gathering the timeline");
}

/* Rank 0, which has its own part. */
static ls_status write_timeline(const ls_comm *comm, const char *directory, const ls_run_profile *profile,
                                ls_text *text)
{
    char *path;
    ls_status st = LS_OK, mine;

    for (int r = 1; r < comm->size; r++) { /* also after a failure: they send */
        mine = receive(comm, r, text);
        st = st == LS_OK ? mine : st;
    }
    ls_timeline_end(profile->kept, profile->spans, text);
    LS_TRY(st == LS_OK ? text->status : st);
    if (!(path = ls_path_join(directory, LS_RUN_TIMELINE)))
        return LS_ERR_MEMORY;
    st = ls_file_replace(path, text->data, text->length);
    ls_free(path);
    return st;
}

ls_status ls_run_profile_end(const ls_comm *comm, const char *directory, ls_run_profile *out)
{
    const ls_profile *const profile = ls_profile_stop();
    double mine[NUMBERS] = {0}, *all = NULL;
    ls_text text = {0};
    ls_status st = LS_OK;

    *out = (ls_run_profile){0};
    if (profile)
        count_self(profile, mine);
    if (comm->rank == 0 && !(all = ls_calloc((size_t)comm->size, NUMBERS * sizeof *all, "the profile")))
        st = LS_ERR_MEMORY;
    if (comm->rank == 0)
        ls_timeline_begin(&text);
    if (profile && directory)
        render_self(comm, profile, &text);
    st = ls_agree(comm, st == LS_OK ? text.status : st);
    if (st == LS_OK && comm->size > 1)
        st = ls_mpi_check(MPI_Gather(mine, NUMBERS, MPI_DOUBLE, all, NUMBERS, MPI_DOUBLE, 0, comm->mpi),
                          "gathering the profile");
    else if (st == LS_OK)
        memcpy(all, mine, sizeof mine);
    if (st == LS_OK && comm->rank == 0)
        summarize(all, comm->size, out);
    if (st == LS_OK && directory)
        st = ls_agree(comm, comm->rank == 0 ? write_timeline(comm, directory, out, &text) : send(comm, &text));
    ls_text_reset(&text);
    ls_free(all);
    ls_profile_free();
    return st;
}

/* ---- for people ---- */

static void print_time(const char *name, const ls_phase_time *time, const ls_run_profile *p, FILE *out)
{
    char line[160];
    int n = ls_format(line, sizeof line, "%-10s %9.3f %5.1f %%", name, time->mean_s,
                      p->all.mean_s > 0 ? 100 * time->mean_s / p->all.mean_s : 0.0);

    if (p->ranks > 1 && n > 0 && (size_t)n < sizeof line)
        ls_format(line + n, sizeof line - (size_t)n, "   %9.3f (%d) %9.3f (%d)", time->least_s, time->least_rank,
                  time->most_s, time->most_rank);
    fprintf(out, "%s\n", line);
}

ls_status ls_run_profile_print(const ls_run_profile *p, const char *directory, FILE *out)
{
    char text[200];

    ls_format(text, sizeof text, "profile: %llu updates in %.3f s, %.0f samples/s on %d rank%s",
              (unsigned long long)p->updates, p->train_s, p->train_s > 0 ? (double)p->samples / p->train_s : 0.0,
              p->ranks, p->ranks == 1 ? "" : "s");
    fprintf(out, "%s\n%-10s %9s %7s%s\n", text, "phase", "seconds", "share",
            p->ranks > 1 ? "   least (rank)    most (rank)" : "");
    for (size_t i = 0; i < LS_PHASES; i++)
        if (p->phase[i].most_s > 0)
            print_time(ls_phase_names[i], &p->phase[i], p, out);
    print_time("other", &p->other, p, out);
    print_time("all", &p->all, p, out);
    if (p->ranks > 1) {
        ls_format(text, sizeof text, "communication: %.0f %% of the %.3f s it was under way were hidden behind work",
                  isnan(p->hidden) ? 0.0 : 100 * p->hidden, p->flight_s);
        fprintf(out, "%s\n", text);
        ls_format(text, sizeof text,
                  "efficiency: %.1f %% of the ranks' time in updates was work; rank %d had most of it, %.1f %% more "
                  "than the mean",
                  isnan(p->efficiency) ? 0.0 : 100 * p->efficiency, p->slowest, 100 * p->slowest_by);
        fprintf(out, "%s\n", text);
    }
    if (directory && p->kept < p->spans)
        fprintf(out, "timeline: %s/%s holds the last %llu of %llu spans of a rank\n", directory, LS_RUN_TIMELINE,
                (unsigned long long)p->kept, (unsigned long long)p->spans);
    else if (directory)
        fprintf(out, "timeline: %s/%s\n", directory, LS_RUN_TIMELINE);
    return ferror(out) ? ls_fail(LS_ERR_IO, "cannot print the profile") : LS_OK;
}

/* To the microsecond. */
static json_t *number_json(double value)
{
    return isnan(value) ? json_null() : json_real(round(value * 1e6) / 1e6);
}

static json_t *time_json(const ls_phase_time *time)
{
    return json_pack("{s:o, s:o, s:i, s:o, s:i}", "seconds", number_json(time->mean_s), "least",
                     number_json(time->least_s), "least_rank", time->least_rank, "most", number_json(time->most_s),
                     "most_rank", time->most_rank);
}

json_t *ls_run_profile_json(const ls_run_profile *p)
{
    json_t *const phases = json_object();

    for (size_t i = 0; phases && i < LS_PHASES; i++)
        json_object_set_new(phases, ls_phase_names[i], time_json(&p->phase[i]));
    json_object_set_new(phases, "other", time_json(&p->other));
    json_object_set_new(phases, "all", time_json(&p->all));
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o}", "updates", (json_int_t)p->updates, "samples",
                     (json_int_t)p->samples, "train_seconds", number_json(p->train_s), "samples_per_second",
                     number_json(p->train_s > 0 ? (double)p->samples / p->train_s : NAN), "efficiency",
                     number_json(p->efficiency), "communication_hidden", number_json(p->hidden),
                     "communication_seconds", number_json(p->flight_s), "slowest_rank", p->slowest, "slowest_by",
                     number_json(p->slowest_by), "phases", phases);
}
