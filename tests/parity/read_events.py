#!/usr/bin/env python3
"""Read what the tensorboard callback wrote with TensorBoard's own reader: run by hand where Keras is installed.

    read_events.py RUN_DIRECTORY

The run must have one tensorboard callback with the default log_dir, and must have run to its end without restoring
other weights. Checked:

  - every curve of an epoch against history.csv, to the bit (float32);
  - histograms of weights of the last epoch against model.h5, through TensorBoard's own histogram: the same counts, edges
    to 1e-13 (NumPy rounds them in another way than TensorFlow, which lockstep follows);
  - directories, tags, plugins and steps against those that keras.callbacks.TensorBoard writes with the same arguments for
    the same model (load_model of model.h5), number of batches and epochs. With update_freq: N, Keras leaves out lines of
    epochs and evaluations at moments when no batch is due; these alone may be missing there;
  - the graph that TensorBoard makes of the model against the one it makes of Keras's.

Exit status 1 if anything of this fails. Running it needs: keras, tensorflow, tensorboard, h5py, PyYAML.
"""

import csv
import json
import os
import pathlib
import sys
import tempfile

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import keras
import numpy as np
import yaml
from keras_open import losses_of, sample_input, sample_target
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.util import tensor_util

OURS_ALONE = "/gradient/histogram"
failures = 0


def check(good, what):
    global failures
    failures += not good
    print(("ok      " if good else "FAILED  ") + what)


def read(directory):
    """{(folder, tag): (plugin, [(step, value), ...])} of a log directory, by TensorBoard's reader."""
    curves = {}
    for folder in sorted(path for path in pathlib.Path(directory).iterdir() if path.is_dir()):
        events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
        events.Reload()
        for tag in events.Tags()["tensors"]:
            plugin = events.SummaryMetadata(tag).plugin_data.plugin_name
            values = [(event.step, tensor_util.make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)]
            curves[folder.name, tag] = plugin, values
    return curves


def check_history(run, curves):
    with open(run / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for name in rows[0]:
        if name == "epoch":
            continue
        folder, log = ("validation", name[4:]) if name.startswith("val_") else ("train", name)
        want = [(int(row["epoch"]), np.float32(row[name])) for row in rows if row[name] != "NA"]
        got = curves.get((folder, "epoch_" + log), (None, []))[1]
        check(name == "learning_rate" or [(s, v.item()) for s, v in got] == [(s, v.item()) for s, v in want],
              f"{name}: {len(got)} values are those of history.csv")
    return rows


def check_weights(run, curves, epoch):
    checked = 0
    with h5py.File(run / "model.h5", "r") as file:
        model = json.loads(file.attrs["model_config"])
        prefix = model["config"]["name"] + "/" if model["class_name"] == "Sequential" else ""
        for layer in file["model_weights"].attrs["layer_names"]:
            group = file["model_weights"][layer]
            for path in group.attrs.get("weight_names", []):
                tag = f"{prefix}{layer}/{path.split('/')[-1].split(':')[0]}/histogram"
                values = dict(curves.get(("train", tag), (None, []))[1])
                if epoch in values:
                    want = tensor_util.make_ndarray(histogram_pb(tag, group[path][()]).value[0].tensor)
                    check(np.array_equal(values[epoch][:, 2], want[:, 2]) and
                          np.allclose(values[epoch], want, rtol=1e-13, atol=1e-15), f"{tag} is that of model.h5")
                    checked += 1
    check(checked > 0, f"{checked} histograms of weights in the last epoch")


def run_keras(run, arguments, batches, batch_size, epochs, validates, directory):
    model = keras.models.load_model(run / "model.h5")
    rows = batches * batch_size
    x = [sample_input(i, tensor.shape[1:], rows) for i, tensor in enumerate(model.inputs)]
    y = [sample_target(loss, tensor.shape[1:], rows) for loss, tensor in zip(losses_of(model), model.outputs)]
    x, y = (x[0] if len(x) == 1 else x), (y[0] if len(y) == 1 else y)
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0, validation_data=(x, y) if validates else None,
              callbacks=[keras.callbacks.TensorBoard(directory, **arguments)])


def check_against_keras(ours, theirs, update_freq):
    def steps_of(curves):
        return {key: (plugin, {step for step, _ in values}) for key, (plugin, values) in curves.items()
                if not key[1].endswith(OURS_ALONE)}

    ours, theirs = steps_of(ours), steps_of(theirs)
    check(set(theirs) <= set(ours), f"all {len(theirs)} curves of Keras are there: {sorted(set(theirs) - set(ours))}")
    for key, (plugin, steps) in sorted(ours.items()):
        their_plugin, their_steps = theirs.get(key, (plugin, set()))
        may_miss = update_freq not in ("epoch", "batch", 1) and not key[1].startswith("batch_")
        check(plugin == their_plugin and (steps == their_steps or may_miss and their_steps <= steps),
              f"{'/'.join(key)}: {len(steps)} steps, {plugin}" +
              (f"; Keras wrote {len(their_steps)}" if steps != their_steps else ""))


def edges_of(curves):
    model = json.loads(curves["train", "keras"][1][0][1].item())
    return {(node.name, node.attr["keras_class"].s, tuple(node.input)) for node in keras_model_to_graph_def(model).node}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    run = pathlib.Path(sys.argv[1])
    experiment = yaml.safe_load((run / "experiment.yaml").read_text())
    entries = [entry for entry in experiment["callbacks"] if entry == "tensorboard" or "tensorboard" in entry]
    arguments = dict(entries[0]["tensorboard"] or {}) if isinstance(entries[0], dict) else {}
    arguments.pop("histogram_gradients", None)

    ours = read(run / "tensorboard")
    rows = check_history(run, ours)
    if arguments.get("histogram_freq", 0) and (len(rows) - 1) % arguments["histogram_freq"] == 0:
        check_weights(run, ours, len(rows) - 1)
    updates = json.loads((run / "run.json").read_text())["updates"]
    with tempfile.TemporaryDirectory() as directory:
        run_keras(run, arguments, updates // len(rows), experiment["fit"]["batch_size"], len(rows),
                  any(name.startswith("val_") for name in rows[0]), directory)
        theirs = read(directory)
    check_against_keras(ours, theirs, arguments.get("update_freq", "epoch"))
    if arguments.get("write_graph", True):
        same = edges_of(ours) == edges_of(theirs)
        check(same, f"the graph: {len(edges_of(ours))} layers, as Keras's" +
              ("" if same else f"; differences: {edges_of(ours) ^ edges_of(theirs)}"))
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
