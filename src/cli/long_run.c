#include "cli/long_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/locale.h"
#include "base/text.h"
#include "cli/launcher.h"
#include "cli/one_voice.h"
#include "comm/peers.h"

/*
 * When the job hangs: how long each rank lets the one before it speak, and how many may before it at most; then how
 * long it waits to be ended by the launcher, which may be slow.
 */
#define TURN_S 2
#define TURNS_MAX 5
#define END_S 60

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    if (number == SIGINT && stop)
        _exit(128 + SIGINT);
    stop = 1;
}

const volatile sig_atomic_t *ls_cli_catch_signals(void)
{
    static const int signals[] = {SIGTERM, SIGUSR1, SIGINT, SIGHUP};
    struct sigaction before, action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe must not end the training */
    return &stop;
}

/* ---- the watchdog ---- */

#define TIMEOUT_S 600.0 /* as distributed.timeout */
#define NEVER_S 1e9 /* what 0 means: ranks have watchdogs all the same, for the environment may differ between them */

static struct {
    ls_watchdog *watchdog; /* NULL: none */
    const ls_comm *comm;   /* NULL: MPI has not started */
    ls_peers *peers;       /* NULL: nobody can be asked */
} job;

/* Who it is that hangs. */
static void add_culprits(ls_text *out)
{
    if (!job.comm)
        ls_text_add(out,
                    "other ranks have not started, cannot be reached, or MPI takes an interface that does not lead "
                    "to them (mpirun --mca btl_tcp_if_include SUBNET)");
    else if (job.comm->size == 1)
        ls_text_add(out, "this machine or its file system hangs");
    else if (!job.peers)
        ls_text_add(out, "another rank hangs or cannot be reached");
    else
        ls_peers_describe(job.peers, out);
}

/*
 * All ranks that wait come here at about the same time, and one of them is to speak: the lowest that is alive. Returns
 * there. The others hear of it, and the launcher ends them. was_told: the user told them to end, before.
 */
static void wait_for_turn(int rank, bool was_told)
{
    int seconds = TURN_S * (rank < TURNS_MAX ? rank : TURNS_MAX);

    for (int tenth = 0; tenth <= 10 * seconds; tenth++) {
        if (stop && !was_told)
            _exit(1);
        if (ls_one_voice_heard())
            seconds = END_S;
        nanosleep(&(const struct timespec){.tv_nsec = 100000000}, NULL);
    }
    if (ls_one_voice_heard())
        _exit(1);
}

static void expired(void *context, double timeout_s, const char *phase, uint64_t update)
{
    const bool was_told = stop; /* by the user, before */
    const int rank = job.comm ? job.comm->rank : ls_launcher_rank();
    char host[MPI_MAX_PROCESSOR_NAME] = "";
    ls_text who = {0};

    (void)context;
    wait_for_turn(rank, was_told);
    gethostname(host, sizeof host - 1);
    add_culprits(&who); /* asks, and waits for answers */
    ls_one_voice_speak();
    fprintf(stderr,
            "lockstep: rank %d on %s: no progress for %.0f s after update %llu, while %s: %s; look there, or raise "
            "distributed.timeout\n",
            rank, host, timeout_s, (unsigned long long)update, phase, who.status == LS_OK ? who.data : "");
    _exit(1); /* mpirun ends the other ranks when one is gone */
}

static bool others_progress(void *context)
{
    return ls_peers_progress(context);
}

/* Until an experiment says otherwise, and for commands that have none. */
static double first_timeout(void)
{
    const char *text = getenv("LOCKSTEP_TIMEOUT");
    char *end;
    const double seconds = text ? ls_parse_double(text, &end) : TIMEOUT_S;

    if (text && (end == text || *end || !(seconds >= 0 && seconds <= NEVER_S)))
        return TIMEOUT_S;
    return seconds > 0 ? seconds : NEVER_S;
}

void ls_cli_watch_begin(void)
{
    ls_one_voice_listen();
    if (ls_watchdog_start(first_timeout(), expired, NULL, &job.watchdog) != LS_OK)
        return; /* without it, it works all the same */
    ls_watchdog_set_program(job.watchdog);
    ls_watchdog_beat(NULL, "starting MPI");
}

ls_status ls_cli_watch_ranks(const ls_comm *comm)
{
    ls_watchdog_beat(NULL, "starting");
    job.comm = comm;
    if (comm->size == 1)
        return LS_OK;
    LS_TRY(ls_agree(comm, job.watchdog ? LS_OK : ls_fail(LS_ERR_INTERNAL, "the watchdog cannot be started")));
    LS_TRY(ls_peers_create(comm, job.watchdog, &job.peers));
    ls_watchdog_set_others(job.watchdog, others_progress, job.peers);
    return LS_OK;
}

void ls_cli_watch_timeout(double timeout_s)
{
    if (job.watchdog)
        ls_watchdog_set_timeout(job.watchdog, timeout_s);
}

void ls_cli_watch_end(void)
{
    ls_watchdog_set_program(NULL);
    ls_watchdog_halt(job.watchdog); /* it asks the peers, who look at it */
    ls_peers_free(job.peers);
    ls_watchdog_stop(job.watchdog);
    job.watchdog = NULL;
    job.peers = NULL;
}
