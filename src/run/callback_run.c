/* What callbacks see and do: include/lockstep/callback.h over the run. */
#include <math.h>
#include <stdarg.h>

#include "base/locale.h"
#include "formats/keras_archive.h"
#include "run/callback.h"
#include "run/checkpoint.h"
#include "run/checkpoints.h"

const ls_comm *ls_callback_comm(const ls_callback_run *run)
{
    return run->trainer->comm;
}

ls_model *ls_callback_model(ls_callback_run *run)
{
    return run->trainer->model;
}

const char *ls_callback_directory(const ls_callback_run *run)
{
    return run->directory;
}

bool ls_callback_resumed(const ls_callback_run *run)
{
    return run->resumed;
}

uint64_t ls_callback_epoch(const ls_callback_run *run)
{
    return run->trainer->epoch;
}

uint64_t ls_callback_batch(const ls_callback_run *run)
{
    return run->trainer->batch;
}

uint64_t ls_callback_updates(const ls_callback_run *run)
{
    return run->trainer->update;
}

void ls_callback_stop_training(ls_callback_run *run)
{
    run->stop_training = true;
}

double ls_callback_learning_rate(const ls_callback_run *run)
{
    return (double)ls_updater_learning_rate(run->trainer->updater);
}

ls_status ls_callback_set_learning_rate(ls_callback_run *run, double rate)
{
    if (!(rate >= 0) || isinf(rate) || isinf((float)rate))
        return ls_fail(LS_ERR_ARG, "a learning rate must be a number from 0 up, not %g", rate);
    if (run->trainer->experiment->optimizer.common.learning_rate_schedule.ops)
        return ls_fail(LS_ERR_CONFIG,
                       "the learning rate follows the schedule of compile.optimizer: no callback can set it");
    run->trainer->updater->learning_rate = (float)rate;
    return LS_OK;
}

ls_status ls_callback_save(ls_callback_run *run, const char *path)
{
    ls_trainer *const t = run->trainer;

    LS_TRY(ls_agree(t->comm, path ? LS_OK : ls_fail(LS_ERR_ARG, "ls_callback_save: path is NULL")));
    ls_watchdog_beat(t->watchdog, "saving the model");
    return ls_keras_names_archive(path) || ls_keras_names_weights(path) ? ls_checkpoint_write_keras(t, path)
                                                                        : ls_checkpoint_write(t, run->all, path);
}

ls_status ls_callback_save_beside(ls_callback_run *run, const char *path)
{
    if (!run->checkpoints || run->all->n > run->all->specs || ls_keras_names_archive(path) ||
        ls_keras_names_weights(path))
        return ls_callback_save(run, path);
    return ls_checkpoints_write_model(run->checkpoints, path);
}

void ls_callback_say(ls_callback_run *run, const char *format, ...)
{
    locale_t before;
    va_list args;

    if (!run->out)
        return;
    before = ls_locale_enter();
    if (run->progress->width > 0) { /* the bar stands on the line */
        fputc('\n', run->out);
        run->progress->width = 0;
    }
    va_start(args, format);
    vfprintf(run->out, format, args);
    va_end(args);
    fputc('\n', run->out);
    fflush(run->out);
    ls_locale_leave(before);
}

ls_status ls_callback_fail(ls_status status, const char *format, ...)
{
    char message[1024]; /* as long as the error record's */
    const locale_t before = ls_locale_enter();
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    ls_locale_leave(before);
    return ls_fail(status, "%s", message);
}
