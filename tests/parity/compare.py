#!/usr/bin/env python3
"""Train an experiment with the real Keras and with lockstep, side by side: run by hand where Keras is installed.

    compare.py EXPERIMENT.yaml [--updates 20] [--start lockstep|keras] [--ranks 1] [--lockstep build/lockstep]
               [--set KEY=VALUE]... [--atol 1e-5] [--rtol 1e-4]

Both train the same model from the same weights on the first UPDATES batches of data.train, in order, for one epoch, and
must agree on every weight, on the loss and on the metrics. Where the weights come from:

    --start lockstep   lockstep draws them (and makes one update); Keras reads them out of lockstep's model file
    --start keras      Keras draws them and saves a model file; lockstep reads it (initial_weights)

The Keras model is always load_model of a file that lockstep wrote, so the file format is compared, too.

Exit status 0 if all agree, 1 if something differs, 2 if the experiment cannot be compared: layers that are random in
training (dropout, gaussian_noise) have other random numbers, unless --set turns their rate to 0.

What is done to Keras: gradients of embeddings are made dense, and models with several losses run eagerly. Otherwise
TensorFlow squares gradients per token instead of per weight, and averages output losses over batches of unequal size.
Running it needs: keras, tensorflow, h5py, PyYAML.
"""

import argparse
import csv
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import absl.logging
import h5py
import keras
import numpy as np
import tensorflow as tf
import yaml


def give_up(message):
    print(f"compare.py: {message}", file=sys.stderr)
    sys.exit(2)


# --- lockstep ---------------------------------------------------------------------------------------------------------


def train(arguments, directory, settings):
    """Run lockstep into directory."""
    command = [arguments.lockstep, "train", arguments.experiment, "--output", directory, "--verbose", "0"]
    if arguments.ranks > 1:
        command = ["mpirun", "--oversubscribe", "-n", str(arguments.ranks), *command]
    for setting in [*arguments.set, *settings]:
        command += ["--set", setting]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        give_up(f"lockstep failed: {result.stderr.strip()}")


def load(path, experiment):
    """An experiment, with the paths that are relative to the original file made good."""
    resolved = yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))
    data, folder = resolved["data"], pathlib.Path(experiment).parent
    arrays = [node for key in ("x", "y", "sample_weight") for node in listed(data["train"].get(key))]
    for node in [data, data["train"], *(node for node in arrays if isinstance(node, dict))]:
        if "file" in node:
            node["file"] = str(folder / node["file"])
    return resolved


def first_rows(resolved, samples):
    """The setting that leaves at most so many samples of data.train."""
    data, split = resolved["data"], resolved["data"]["train"]
    node = listed(split["x"])[0]
    with h5py.File(file_of(node, data, split)) as file:
        begin, end = split.get("rows") or (0, len(file[node["path"] if isinstance(node, dict) else node]))
    return f"data.train.rows=[{begin}, {min(end, begin + samples)}]"


def read_history(directory):
    with open(directory / "history.csv", newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    return {name: float(value) for name, value in row.items() if name != "epoch"}


# --- the data of an experiment, as lockstep resolved it ---------------------------------------------------------------


def listed(node):
    """What stands under x, y or sample_weight: nothing, one array, or arrays by name."""
    if node is None:
        return []
    return list(node.values()) if isinstance(node, dict) and "path" not in node else [node]


def file_of(node, data, split):
    return (isinstance(node, dict) and node.get("file")) or split.get("file") or data["file"]


def read_array(node, data, split, rows):
    """One array of the split, as float32: (value - offset) * scale, one-hot if asked for."""
    file = file_of(node, data, split)
    node = node if isinstance(node, dict) else {"path": node}
    with h5py.File(file) as opened:
        dataset = opened[node["path"]]
        values = dataset[slice(*rows)].astype("float64")
        offset = node.get("offset", dataset.attrs.get("offset", 0))
        scale = node.get("scale", dataset.attrs.get("scale", 1))
    if node.get("one_hot"):
        return np.eye(node["one_hot"], dtype="float32")[values.astype("int64").reshape(len(values))]
    return ((values - offset) * scale).astype("float32")


def read_arrays(node, data, split, rows):
    """{name: array}; the name is None if there is only one."""
    if isinstance(node, dict) and "path" not in node:
        return {name: read_array(entry, data, split, rows) for name, entry in node.items()}
    return {None: read_array(node, data, split, rows)}


def in_order(arrays, names):
    """One array, or a list in the order of names."""
    values = [arrays[name if name in arrays else None] for name in names]
    return values if len(values) > 1 else values[0]


# --- Keras ------------------------------------------------------------------------------------------------------------


def dense_gradients(optimizer):
    apply = optimizer.apply
    optimizer.apply = lambda grads, variables=None: apply([tf.convert_to_tensor(g) for g in grads], variables)


def check_not_random(model):
    for layer in model.layers:
        rate = getattr(layer, "rate", 0) or getattr(layer, "stddev", 0)
        if rate:
            give_up(f"layer '{layer.name}' is random in training; turn it off with --set")


def draw_anew(model):
    """Fresh weights from the layers' own initializers."""
    fresh = keras.models.clone_model(model)
    model.set_weights(fresh.get_weights())


def fit(model, resolved):
    """History of the one epoch."""
    data, options = resolved["data"], resolved["fit"]
    split = data["train"]
    rows = split["rows"]
    inputs = [tensor.name for tensor in model.inputs]
    x = in_order(read_arrays(split["x"], data, split, rows), inputs)
    y = in_order(read_arrays(split["y"], data, split, rows), getattr(model, "output_names", [None]))
    weight = read_array(split["sample_weight"], data, split, rows) if split.get("sample_weight") else None
    dense_gradients(model.optimizer)
    model.run_eagerly = len(model.outputs) > 1
    history = model.fit(x, y, batch_size=options["batch_size"], epochs=1, shuffle=False, verbose=0,
                        sample_weight=weight, class_weight=options.get("class_weight"))
    return {name: float(values[-1]) for name, values in history.history.items()}


# --- comparing --------------------------------------------------------------------------------------------------------


def agrees(name, got, want, arguments):
    """Prints the largest difference in units of the tolerance."""
    got, want = np.asarray(got, "float64"), np.asarray(want, "float64")
    if got.shape != want.shape:
        print(f"  {name}: shape {got.shape} in lockstep, {want.shape} in Keras")
        return False
    worst = np.max(np.abs(got - want) / (arguments.atol + arguments.rtol * np.abs(want)), initial=0)
    good = bool(worst <= 1)
    print(f"  {name}: {worst:.2g} of the tolerance{'' if good else '   DIFFERS'}")
    return good


def weights_of(path):
    """{layer/variable: values} in the order of the file."""
    with h5py.File(path) as file:
        group = file["model_weights"]
        return {weight: group[layer][weight][()]
                for layer in group.attrs["layer_names"] for weight in group[layer].attrs.get("weight_names", [])}


def compare(arguments, folder):
    common = ["fit.shuffle=false", "fit.epochs=1", "fit.validation_split=0.0", "fit.validation_data=null"]

    # A run of one batch gives the model file and the resolved experiment.
    original = load(arguments.experiment, arguments.experiment)
    train(arguments, folder / "model", [*common, first_rows(original, 1)])
    batch_size = load(folder / "model/experiment.yaml", arguments.experiment)["fit"]["batch_size"]
    model = keras.models.load_model(folder / "model/model.h5")
    check_not_random(model)
    if arguments.start == "keras":
        draw_anew(model)
    model.save(folder / "start.h5")

    rows = first_rows(original, arguments.updates * batch_size)
    train(arguments, folder / "run", [*common, rows, f"initial_weights={folder / 'start.h5'}"])
    resolved = load(folder / "run/experiment.yaml", arguments.experiment)
    ours, theirs = read_history(folder / "run"), fit(model, resolved)
    iterations = int(np.asarray(model.optimizer._iterations))

    print(f"{arguments.experiment}: {iterations} updates from the weights of {arguments.start}")
    good = iterations > 0
    if set(ours) != set(theirs):
        print(f"  lockstep logs {sorted(ours)}, Keras {sorted(theirs)}")
        good = False
    for name in sorted(set(ours) & set(theirs)):
        good &= agrees(name, ours[name], theirs[name], arguments)
    model.save(folder / "theirs.h5")
    got, want = weights_of(folder / "run/model.h5"), weights_of(folder / "theirs.h5")
    if len(got) != len(want):
        print(f"  lockstep has {len(got)} weights, Keras {len(want)}")
        good = False
    for (name, mine), yours in zip(got.items(), want.values()):
        good &= agrees(name, mine, yours, arguments)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment")
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--start", choices=("lockstep", "keras"), default="lockstep")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--lockstep", default="build/lockstep")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--atol", type=float, default=1e-5)
    parser.add_argument("--rtol", type=float, default=1e-4)
    arguments = parser.parse_args()
    absl.logging.set_verbosity(absl.logging.ERROR)
    keras.utils.set_random_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(0 if compare(arguments, pathlib.Path(folder)) else 1)


if __name__ == "__main__":
    main()
