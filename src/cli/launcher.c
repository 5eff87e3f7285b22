#include "cli/launcher.h"

#include <stddef.h>
#include <stdlib.h>

/* SLURM_NTASKS is not among them: a program that is alone in a job has it, too. */
const char *const ls_launcher_sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", NULL};
static const char *const ranks[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID", NULL};

static int first_of(const char *const *names, int otherwise)
{
    for (; *names; names++)
        if (getenv(*names))
            return atoi(getenv(*names));
    return otherwise;
}

int ls_launcher_ranks(void)
{
    return first_of(ls_launcher_sizes, 1);
}

int ls_launcher_rank(void)
{
    return first_of(ranks, 0);
}
