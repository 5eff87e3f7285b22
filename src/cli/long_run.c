#include "cli/long_run.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "comm/comm.h"

/*
 * When the job hangs: how long each rank lets the one before it speak, and how many may before it at most. Open MPI's
 * mpirun sends SIGTERM a second after the first rank is gone.
 */
#define TURN_S 2
#define TURNS_MAX 5

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

/*
 * All ranks that wait come here at about the same time, and one of them is to speak: the lowest that is alive. The
 * others wait their turn, and meanwhile mpirun sends them SIGTERM.
 */
void ls_cli_expired(void *context, double timeout_s, const char *phase, uint64_t update)
{
    const ls_comm *comm = context;
    const bool was_told = stop; /* by the user, before */
    char host[MPI_MAX_PROCESSOR_NAME] = "";

    for (int turn = 0; turn < comm->rank && turn < TURNS_MAX; turn++) {
        nanosleep(&(const struct timespec){.tv_sec = TURN_S}, NULL);
        if (stop && !was_told)
            _exit(1);
    }
    gethostname(host, sizeof host - 1);
    fprintf(stderr,
            "lockstep: rank %d on %s: no progress for %.0f s after update %llu, while %s: another rank hangs or cannot "
            "be reached; look for it, or raise distributed.timeout\n",
            comm->rank, host, timeout_s, (unsigned long long)update, phase);
    _exit(1); /* mpirun ends the other ranks when one is gone */
}
