#!/usr/bin/env python3
"""Open a model file of lockstep with the real Keras: run by hand where Keras is installed.

    keras_open.py MODEL.h5 [SAMPLES]

Loads MODEL.h5 with keras.models.load_model, checks that every weight arrived in the layer it was saved for, prints the
predictions for samples that depend on nothing but their index, and trains one epoch if the model is compiled.
Exit status 1 if anything of this fails.
"""

import sys

import h5py
import keras
import numpy as np


def sample_input(index, shape, samples):
    """Values in [0, 1), different at every place; an embedding reads them as 0."""
    n = samples * int(np.prod(shape))
    return ((np.arange(n) + index / 3) * 0.6180339887498949 % 1).astype("float32").reshape(samples, *shape)


def check_weights(path, model):
    with h5py.File(path, "r") as file:
        group = file["model_weights"]
        for name in group.attrs["layer_names"]:
            saved = [group[name][weight][()] for weight in group[name].attrs.get("weight_names", [])]
            loaded = model.get_layer(name).get_weights() if saved else []
            if len(saved) != len(loaded) or not all(map(np.array_equal, saved, loaded)):
                sys.exit(f"{path}: the weights of layer '{name}' did not arrive")


def sample_target(loss, shape, samples):
    """A target that any loss takes: class 0, or a one-hot row."""
    if "sparse" in str(loss):
        return np.zeros((samples, *shape[:-1]), "int32")
    target = np.zeros((samples, *shape), "float32")
    target[..., 0] = 1
    return target


def losses_of(model):
    """One per output."""
    loss = model.get_compile_config()["loss"]
    if isinstance(loss, dict) and "class_name" not in loss:
        return [loss[name] for name in model.output_names]
    return loss if isinstance(loss, list) else [loss] * len(model.outputs)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    path, samples = sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 4
    keras.utils.set_random_seed(1)
    model = keras.models.load_model(path)
    check_weights(path, model)

    x = [sample_input(i, tensor.shape[1:], samples) for i, tensor in enumerate(model.inputs)]
    predictions = model.predict(x if len(x) > 1 else x[0], verbose=0)
    many = isinstance(predictions, (list, tuple))
    names = getattr(model, "output_names", ["output"])
    for name, prediction in zip(names, predictions if many else [predictions]):
        print(f"{name} {prediction.shape}")
        print(np.array2string(prediction, precision=7, threshold=64))

    if model.compiled:
        y = [sample_target(loss, tensor.shape[1:], samples) for loss, tensor in zip(losses_of(model), model.outputs)]
        history = model.fit(x if len(x) > 1 else x[0], y if many else y[0], epochs=1, verbose=0).history
        print("fit:", {name: float(values[-1]) for name, values in history.items()})
        if not np.isfinite(history["loss"][-1]):
            sys.exit(f"{path}: training gives a loss that is not finite")


if __name__ == "__main__":
    main()
