#include "cli/one_voice.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int ear = -1;

#define COUNT(names) (sizeof(names) / sizeof(names)[0])

static const char *first_set(const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (getenv(names[i]))
            return getenv(names[i]);
    return NULL;
}

int ls_one_voice_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
    const char *rank = first_set(names, COUNT(names));

    return rank ? atoi(rank) : 0;
}

static int ranks(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"};
    const char *size = first_set(names, COUNT(names));

    return size ? atoi(size) : 1;
}

/* A name without a file: it begins with a zero. Launchers without a name for a job start its ranks from one process. */
static socklen_t address(struct sockaddr_un *out, int rank)
{
    static const char *const names[] = {"PMIX_NAMESPACE", "SLURM_JOB_ID"};
    const char *job = first_set(names, COUNT(names)), *step = getenv("SLURM_STEP_ID");
    char parent[24];
    int length;

    snprintf(parent, sizeof parent, "%ld", (long)getppid());
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    length = snprintf(out->sun_path + 1, sizeof out->sun_path - 1, "lockstep %ld %d %.40s %.12s", (long)getuid(), rank,
                      job ? job : parent, step ? step : "");
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

void ls_one_voice_listen(void)
{
    struct sockaddr_un own;
    const socklen_t length = address(&own, ls_one_voice_rank());

    if (ranks() < 2)
        return;
    ear = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ear >= 0 && bind(ear, (struct sockaddr *)&own, length) != 0) {
        close(ear);
        ear = -1;
    }
}

bool ls_one_voice_heard(void)
{
    char word;

    return ear >= 0 && recv(ear, &word, sizeof word, MSG_PEEK) > 0;
}

void ls_one_voice_speak(void)
{
    struct sockaddr_un other;

    if (ear < 0)
        return;
    for (int rank = 0; rank < ranks(); rank++) {
        const socklen_t length = address(&other, rank);
        if (rank != ls_one_voice_rank())
            (void)!sendto(ear, "!", 1, 0, (struct sockaddr *)&other, length);
    }
}
