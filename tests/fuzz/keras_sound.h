/* The files of Keras in tests/golden, and the models that their weights belong to: what harnesses edit. */
#ifndef LS_FUZZ_KERAS_SOUND_H
#define LS_FUZZ_KERAS_SOUND_H

#include <stdio.h>

#include "experiment/model_file.h"
#include "fuzz.h"
#include "run/checkpoint.h"
#include "source_dir.h"

typedef struct keras_sound {
    void *data;
    size_t n;
    ls_experiment *experiment;
    ls_model *model;
} keras_sound;

/* name: "custom.weights.h5"; model: "custom.h5", the file that tells the architecture. */
static inline keras_sound keras_sound_read(const char *name, const char *model)
{
    char path[512];
    keras_sound sound;

    snprintf(path, sizeof path, "%s/tests/golden/keras_files/%s", source_dir, name);
    sound.data = fuzz_read(path, &sound.n);
    snprintf(path, sizeof path, "%s/tests/golden/keras_files/%s", source_dir, model);
    FUZZ_CHECK(fuzz_verdict(ls_experiment_of_model(path, &sound.experiment)));
    FUZZ_CHECK(fuzz_verdict(ls_task_model(sound.experiment, &sound.model)));
    return sound;
}

/* What predict does with a file, then what train does with one as initial_weights. */
static inline void keras_use(const char *path, ls_model *model)
{
    ls_experiment *e = NULL;
    ls_model *own = NULL;

    if (fuzz_verdict(ls_experiment_of_model(path, &e)) && fuzz_verdict(ls_task_model(e, &own)))
        fuzz_verdict(ls_model_file_weights(path, own));
    ls_model_free(own);
    ls_experiment_free(e);
    fuzz_verdict(ls_model_file_weights(path, model));
}

#endif
