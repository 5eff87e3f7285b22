#include "cli/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "train/evaluate.h"
#include "train/trainer.h"

#define BATCHES 4 /* that are read: more samples are the same work again */
#define UPDATES_MIN 4
#define UPDATES_MAX 64

/* Of this process, in memory now. */
static double resident_bytes(void)
{
    ls_text text = {0};
    double kib = 0;
    const char *at;

    if (ls_file_read("/proc/self/status", &text) == LS_OK && text.data && (at = strstr(text.data, "VmRSS:")))
        kib = (double)strtoull(at + strlen("VmRSS:"), NULL, 10);
    ls_text_reset(&text);
    return kib * 1024;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* All ranks go on, or none: as rank 0's clock says. */
static ls_status agree_to_stop(const ls_comm *comm, double end_s, int *stop)
{
    *stop = ls_now_s() > end_s;
    return ls_mpi_check(MPI_Bcast(stop, 1, MPI_INT, 0, comm->mpi), "measuring");
}

/* The first update makes grids rise and pages come; it does not count. */
static ls_status measure_updates(ls_trainer *trainer, double seconds, ls_measured *out)
{
    double took[UPDATES_MAX];
    const double end_s = ls_now_s() + seconds;
    size_t n = 0;
    int stop = 0;

    ls_trainer_begin_epoch(trainer);
    while (n < UPDATES_MIN || (!stop && n < UPDATES_MAX)) {
        const double begun_s = ls_now_s();
        bool told;
        double loss;

        if (trainer->batch >= trainer->plan.batches) {
            trainer->batch = 0;
            trainer->epoch++;
            ls_trainer_begin_epoch(trainer);
        }
        LS_TRY(ls_trainer_update(trainer, &told, &loss));
        took[n++] = ls_now_s() - begun_s;
        LS_TRY(agree_to_stop(trainer->comm, end_s, &stop));
    }
    out->updates = n - 1;
    qsort(took + 1, out->updates, sizeof *took, by_value);
    out->update_s = took[1 + out->updates / 2];
    return LS_OK;
}

static ls_status measure_evaluation(ls_trainer *trainer, ls_measured *out)
{
    const ls_split *split = trainer->task->train;
    ls_scores *scores = NULL;
    const double begun_s = ls_now_s();

    LS_TRY(ls_evaluate_once(trainer->task, split, NULL, &scores));
    out->sample_s = (ls_now_s() - begun_s) / (double)split->samples;
    ls_scores_free(scores);
    return LS_OK;
}

static void measure_memory(const ls_trainer *trainer, ls_measured *out)
{
    const double data = (double)ls_split_bytes(trainer->task->train), resident = resident_bytes();

    for (size_t s = 0; s < sizeof trainer->updater->slot / sizeof trainer->updater->slot[0]; s++)
        out->slot_bytes += trainer->updater->slot[s].value ? 4.0 * (double)trainer->model->trainable_size : 0;
    out->rank_bytes = resident > data ? resident - data : resident;
}

/* What rank 0 has seen holds for all; memory, the most that a rank takes. */
static ls_status share(const ls_comm *comm, ls_measured *out)
{
    double numbers[] = {out->update_s, out->sample_s};

    LS_TRY(ls_mpi_check(MPI_Bcast(numbers, 2, MPI_DOUBLE, 0, comm->mpi), "measuring"));
    out->update_s = numbers[0];
    out->sample_s = numbers[1];
    return ls_mpi_check(MPI_Allreduce(MPI_IN_PLACE, &out->rank_bytes, 1, MPI_DOUBLE, MPI_MAX, comm->mpi), "measuring");
}

ls_status ls_measure(const ls_comm *comm, const ls_experiment *experiment, double seconds, ls_measured *out)
{
    ls_split_spec some = *ls_experiment_split(experiment, "train");
    const ls_task_source source = {.train = &some};
    const uint64_t wanted = BATCHES * (uint64_t)experiment->fit.batch_size;
    ls_trainer_options options = {0};
    ls_task *whole = NULL, *task = NULL;
    ls_trainer *trainer = NULL;
    ls_status st;

    *out = (ls_measured){0};
    LS_TRY(ls_agree(comm, ls_task_describe(comm, experiment, &whole)));
    if (!some.has_rows && wanted < whole->train->samples) {
        some.has_rows = true;
        some.rows[1] = wanted;
    } else if (some.has_rows && wanted < some.rows[1] - some.rows[0]) {
        some.rows[1] = some.rows[0] + wanted;
    }
    ls_task_free(whole);
    LS_TRY_CLEANUP(ls_task_create_from(comm, experiment, &source, &task));
    LS_TRY_CLEANUP(ls_trainer_create(task, &options, &trainer));
    LS_TRY_CLEANUP(measure_updates(trainer, seconds, out));
    measure_memory(trainer, out);
    LS_TRY_CLEANUP(measure_evaluation(trainer, out));
    st = share(comm, out);
cleanup:
    ls_trainer_free(trainer);
    ls_task_free(task);
    return st;
}
