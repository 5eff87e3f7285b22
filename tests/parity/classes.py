#!/usr/bin/env python3
"""The table of Keras's public classes in src/nn/KERAS.md, held against the real Keras and against the program.

    classes.py LOCKSTEP

Every public class of keras.layers, losses, metrics, optimizers, schedules, initializers, regularizers, constraints and
callbacks, and every activation, must stand in the table once: as what lockstep has, which LOCKSTEP must then know, or as
what it refuses, with the reason that LOCKSTEP must then give. Bases that programs derive their own from do not count.
Prints what differs; exit status 1 if something does.
"""
import inspect
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")

import h5py
import keras
import numpy as np

TABLE = pathlib.Path(__file__).resolve().parents[2] / "src/nn/KERAS.md"
BASES = {"Layer", "Wrapper", "InputSpec", "Loss", "Metric", "Optimizer", "OptimizerMap", "Initializer", "Regularizer",
         "Constraint", "Callback", "CallbackList", "LearningRateSchedule", "serialize", "deserialize", "get"}
DENSE = "model=[{dense: {units: 1, %s: {NAME: {}}}}]"
SETTINGS = {  # how an experiment says it
    "layers": "model=[{NAME: {}}, {dense: {units: 1}}]",
    "activations": DENSE % "activation",
    "losses": "compile.loss={NAME: {}}",
    "metrics": "compile.metrics=[{NAME: {}}]",
    "optimizers": "compile.optimizer={NAME: {}}",
    "schedules": "compile.optimizer={sgd: {learning_rate: {NAME: {}}}}",
    "initializers": DENSE % "kernel_initializer",
    "regularizers": DENSE % "kernel_regularizer",
    "constraints": DENSE % "kernel_constraint",
    "callbacks": "callbacks=[{NAME: {}}]",
}


def public(kind):
    module = keras.optimizers.schedules if kind == "schedules" else getattr(keras, kind)
    chosen = inspect.isfunction if kind == "activations" else inspect.isclass
    return {name for name in dir(module) if chosen(getattr(module, name)) and name not in BASES and
            (kind == "activations" or name[0].isupper())}


def read_table():
    """{kind: names}, {kind: {name: why}}"""
    has, refused, kind = {}, {}, None
    for line in TABLE.read_text().split("## 10.")[1].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("**"):
            kind = re.match(r"\*\*(\w+)\*\*", line)[1].lower()
            has[kind] = set(re.findall(r"\w+", line.split(":", 1)[1]))
            refused[kind] = {}
        elif kind and has[kind] is not None and line and line[0] not in "|#":
            has[kind] |= set(re.findall(r"\w+", line))
        elif line.startswith("|") and len(cells) == 2 and not re.fullmatch("-+|refused", cells[0]):
            refused[kind] |= {name.strip(): cells[1] for name in cells[0].split(",")}
    return has, refused


def answer(program, folder, kind, name):
    run = subprocess.run([program, "train", "e.yaml", "--output", "run", "--overwrite", "--set",
                          SETTINGS[kind].replace("NAME", name)], cwd=folder, capture_output=True, text=True, check=False)
    return " ".join(run.stderr.split())


def compare(program, folder):
    has, refused = read_table()
    for kind in SETTINGS:
        named = has[kind] | set(refused[kind])
        for name in sorted(public(kind) ^ named):
            yield f"{kind}: {name} is {'not in the table' if name not in named else 'not in Keras'}"
        for name in sorted(has[kind] & set(refused[kind])):
            yield f"{kind}: {name} is in the table twice"
        for name in sorted(named & public(kind)):
            said = answer(program, folder, kind, name)
            lacks = re.search(r"lockstep lacks|unknown", said)
            if name in has[kind] and lacks and f"'{name}'" in said and name != "InputLayer":  # written `input`
                yield f"{kind}: {name} should be there, but: {said[:200]}"
            if name in refused[kind] and refused[kind][name].removeprefix("it ") not in said:
                yield f"{kind}: {name} should be refused because '{refused[kind][name]}', but: {said[:200]}"


def main():
    with tempfile.TemporaryDirectory() as folder:
        with h5py.File(f"{folder}/data.h5", "w") as file:
            file["x"], file["y"] = np.zeros((4, 3), "float32"), np.zeros((4, 1), "float32")
        pathlib.Path(folder, "e.yaml").write_text(
            "data: {file: data.h5, train: {x: /x, y: /y}}\nmodel: [{dense: {units: 1}}]\n"
            "compile: {loss: mse, optimizer: sgd}\nfit: {epochs: 1, batch_size: 4}\n")
        differences = list(compare(os.path.abspath(sys.argv[1]), folder))
    print("\n".join(differences) or f"classes.py: the table agrees with Keras {keras.__version__} and with lockstep")
    return bool(differences)


if __name__ == "__main__":
    sys.exit(main())
