#include "cli/one_voice.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/launcher.h"

static int ear = -1;

/* A name without a file: it begins with a zero. Launchers without a name for a job start its ranks from one process. */
static socklen_t address(struct sockaddr_un *out, int rank)
{
    const char *job = getenv("PMIX_NAMESPACE"), *step = getenv("SLURM_STEP_ID");
    char parent[24];
    int length;

    job = job ? job : getenv("SLURM_JOB_ID");
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
    socklen_t length;

    if (ls_launcher_ranks() < 2)
        return;
    length = address(&own, ls_launcher_rank());
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
    for (int rank = 0; rank < ls_launcher_ranks(); rank++)
        if (rank != ls_launcher_rank()) {
            const socklen_t length = address(&other, rank);

            (void)!sendto(ear, "!", 1, 0, (struct sockaddr *)&other, length);
        }
}
