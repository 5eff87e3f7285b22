/* lockstep export */
#include <stdio.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "experiment/model_file.h"
#include "formats/keras_archive.h"
#include "formats/keras_file.h"
#include "run/checkpoint.h"
#include "run/run_files.h"
#include "train/task.h"

static const char help[] =
    "usage: lockstep export MODEL.h5|RUN --output FILE\n\n"
    "A model or checkpoint of lockstep, or that of a run directory, as a file for Keras 3, by the end of FILE's\n"
    "name:\n\n"
    "  .keras        the archive: model, compile settings, weights, the optimizer's state. Keras loads it with\n"
    "                keras.models.load_model, and its next update is the one that lockstep would make next\n"
    "  .weights.h5   weights and the optimizer's state, for model.load_weights\n"
    "  .h5           the legacy model file that MODEL.h5 is already, without what lockstep resumes from, and without the\n"
    "                optimizer's state: Keras 3 cannot go on from one in this form, its optimizer starts anew\n\n"
    "The same bytes for the same model, always.\n\n"
    "  --output FILE    where to write; an existing file is replaced once the new one is whole\n";

static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},
    {NULL, 0, NULL, 0},
};

/*
 * What "accuracy" means, as training knows it from the targets and here the loss tells: a sparse one takes one class
 * per position, any other as many values as the output has.
 */
static ls_status resolve_metrics(const ls_model *model, ls_output_spec *outputs)
{
    for (size_t k = 0; k < model->outputs; k++) {
        const ls_shape *shape = &model->node[model->output[k]].shape;
        const ls_loss_ops *loss = (const ls_loss_ops *)outputs[k].loss.ops;

        for (size_t i = 0; loss && i < outputs[k].metrics; i++) {
            ls_component resolved;

            LS_TRY(ls_metric_resolve(&outputs[k].metric[i], shape->axes ? shape->dim[shape->axes - 1] : 1,
                                     loss->labels == LS_CLASSES_SPARSE, &resolved));
            ls_component_reset(&outputs[k].metric[i]);
            outputs[k].metric[i] = resolved;
        }
    }
    return LS_OK;
}

static ls_status export_model(const char *model_path, const char *path)
{
    ls_experiment *experiment = NULL;
    ls_model *model = NULL;
    ls_output_spec *outputs = NULL;
    ls_updater *updater = NULL;
    ls_optimizer_state state;
    ls_status st;

    if (ls_keras_file_kind(model_path) == LS_FILE_ZIP)
        return ls_fail(LS_ERR_FORMAT, "'%s' is an archive already; export takes models and checkpoints of lockstep",
                       model_path);
    LS_TRY_CLEANUP(ls_experiment_of_model(model_path, &experiment));
    LS_TRY_CLEANUP(ls_task_model(experiment, &model));
    LS_TRY_CLEANUP(ls_outputs_read(experiment->compile, model, &outputs));
    LS_TRY_CLEANUP(resolve_metrics(model, outputs));
    LS_TRY_CLEANUP(ls_model_file_weights(model_path, model));
    LS_TRY_CLEANUP(ls_updater_create(&experiment->optimizer, model, &updater));
    LS_TRY_CLEANUP(ls_checkpoint_optimizer(model_path, updater));
    state = ls_updater_state(updater);
    st = ls_keras_save(path, model,
                       &(ls_compile_info){.outputs = outputs,
                                          .optimizer = &experiment->optimizer,
                                          .learning_rate = updater->learning_rate,
                                          .state = &state});
cleanup:
    ls_updater_free(updater);
    if (model)
        ls_outputs_free(outputs, model->outputs);
    ls_model_free(model);
    ls_experiment_free(experiment);
    return st;
}

static ls_status run(const ls_comm *comm, int argc, char **argv)
{
    const char *path = NULL;
    char *model = NULL;
    ls_status st = LS_OK;

    while (ls_cli_option(argc, argv, options, &st) != -1)
        path = optarg;
    LS_TRY(st);
    LS_TRY(ls_cli_operands(argc, argv, 1, "MODEL.h5 --output FILE"));
    if (!path)
        return ls_fail(LS_ERR_USAGE, "--output FILE is missing; see lockstep %s --help", argv[0]);
    LS_TRY(ls_keras_check_path(path));
    if (comm->rank == 0)
        st = ls_run_model_file(argv[optind], false, &model);
    if (comm->rank == 0 && st == LS_OK && ls_file_same(model, path))
        st = ls_fail(LS_ERR_USAGE, "--output names the model itself: '%s' would lose what lockstep resumes from", path);
    else if (comm->rank == 0 && st == LS_OK)
        st = export_model(model, path);
    ls_free(model);
    LS_TRY(ls_agree(comm, st));
    if (comm->rank == 0)
        printf("%s\n", path);
    return LS_OK;
}

const ls_command ls_command_export = {
    .name = "export",
    .summary = "a trained model as a file for Keras (.keras, .weights.h5: with the optimizer's state)",
    .help = help,
    .works_alone = true,
    .run = run,
};
