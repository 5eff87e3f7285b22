/*
 * lockstep's side of bench/peers/run and bench/table: answers each line on standard input ("train", "evaluate",
 * "predict") with the seconds that one epoch of training, or the training data once through, took on the slowest rank;
 * "memory" with the MiB that the largest rank has had resident at most. Data are in memory.
 *
 *     bench_peers EXPERIMENT.yaml [KEY=VALUE...]        (or under mpirun)
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "comm/mpi_settings.h"
#include "tensor/kernels.h"
#include "train/evaluate.h"
#include "train/trainer.h"

static void check(ls_status st, const char *what)
{
    if (st != LS_OK) {
        fprintf(stderr, "bench_peers: %s: %s\n", what, ls_error_message());
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
}

/* The next line's first letter on all ranks, 0 at the end. Ranks sleep meanwhile: the peers need the cores. */
static char next_command(const ls_comm *comm)
{
    const struct timespec nap = {.tv_nsec = 2000000};
    char line[64] = "";
    MPI_Request request;
    int done = 0;

    if (comm->rank == 0 && !fgets(line, sizeof line, stdin))
        line[0] = '\0';
    MPI_Ibcast(line, 1, MPI_CHAR, 0, comm->mpi, &request);
    for (;;) {
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (done)
            return line[0];
        nanosleep(&nap, NULL);
    }
}

static void train(ls_trainer *t)
{
    ls_trainer_begin_epoch(t);
    while (t->batch < t->plan.batches) {
        bool stop = false;
        double loss;

        check(ls_trainer_update(t, &stop, &loss), "an update");
    }
    t->epoch++;
    t->batch = 0;
}

static ls_status ignore(void *context, size_t output, uint64_t first, size_t n, const float *values)
{
    (void)context, (void)output, (void)first, (void)n, (void)values;
    return LS_OK;
}

static void run(const ls_trainer *t, ls_engine *engine, ls_scores *scores, char command)
{
    const ls_fit_options *fit = &t->experiment->fit;
    const ls_prediction_sink sink = {.rows = ignore};

    if (command == 'e')
        check(ls_evaluate(t->task, engine, t->task->train, (uint64_t)fit->batch_size, (uint64_t)fit->microbatch,
                          UINT64_MAX, NULL, scores),
              "evaluate");
    else
        check(ls_predict(t->task, engine, t->task->train, (uint64_t)fit->batch_size, (uint64_t)fit->microbatch, &sink),
              "predict");
}

/* MiB; Linux counts in KiB. */
static double resident(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024 : 0;
}

int main(int argc, char **argv)
{
    const ls_trainer_options options = {0};
    ls_experiment *experiment;
    ls_trainer *trainer;
    ls_engine *engine;
    ls_scores *scores;
    ls_task *task;
    ls_comm *comm;
    char command;

    ls_mpi_settings_apply();
    MPI_Init(&argc, &argv);
    check(ls_comm_create(MPI_COMM_WORLD, &comm), "MPI");
    check(ls_comm_prepare(comm), "the processor");
    if (argc < 2) {
        fprintf(stderr, "usage: bench_peers EXPERIMENT.yaml [KEY=VALUE...]\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    check(ls_experiment_read(argv[1], (const char *const *)argv + 2, (size_t)argc - 2, &experiment), "the experiment");
    check(ls_task_create(comm, experiment, &task), "the task");
    check(ls_trainer_create(task, &options, &trainer), "the trainer");
    trainer->overlaps = true; /* as in `train`, unless a callback looks at batches */
    check(ls_scores_create(comm, task->model, task->outputs, task->objective, &scores), "the scores");
    check(ls_evaluate_engine(task, true, (uint64_t)experiment->fit.batch_size, (uint64_t)experiment->fit.microbatch,
                             &engine),
          "the engine");
    while ((command = next_command(comm)) != '\0') {
        double spent;

        MPI_Barrier(comm->mpi);
        spent = MPI_Wtime();
        if (command == 't')
            train(trainer);
        else if (command != 'm')
            run(trainer, engine, scores, command);
        spent = command == 'm' ? resident() : MPI_Wtime() - spent;
        MPI_Allreduce(MPI_IN_PLACE, &spent, 1, MPI_DOUBLE, MPI_MAX, comm->mpi);
        if (comm->rank == 0) {
            printf("%.6f\n", spent);
            fflush(stdout);
        }
    }
    ls_engine_free(engine);
    ls_scores_free(scores);
    ls_trainer_free(trainer);
    ls_task_free(task);
    ls_experiment_free(experiment);
    ls_comm_free(comm);
    MPI_Finalize();
    return 0;
}
