#!/usr/bin/env python3
"""Draw random experiments, train each with the real Keras and with lockstep, compare: run by hand where Keras is.

    random_experiments.py [--cases 60] [--seed 1] [--first 0] [--ranks 1,3] [--lockstep build/lockstep] [--keep DIR]

Case K of a seed is the same experiment everywhere: layers, activations, a loss that fits, metrics, an optimizer with its
options, batch size with or without a short last batch, epochs, a validation split, class or sample weights. Both train
from the same weights and without shuffling; nothing that is random in training is drawn, for there the two have other
random numbers. The Keras model is load_model of the file that lockstep wrote.

Compared are all weights, and the loss and metrics of every epoch. The difference of a weight is told in units of the
largest change that Keras made to any weight, for a weight that nothing moved has no scale of its own. On several numbers
of ranks the model files must be the same bytes. A line per case; exit status 1 if one differs by more than --tolerance.

What is in the table of src/nn/KERAS.md, section 9, differs: gradients of embeddings are made dense in Keras, the rest is
for whoever reads the lines. Running it needs: keras, tensorflow, h5py, PyYAML.
"""

import argparse
import json
import os
import pathlib
import random
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

from compare import dense_gradients, weights_of

ACTIVATIONS = ["relu", "leaky_relu", "elu", "selu", "tanh", "sigmoid", "hard_sigmoid", "softplus", "softsign", "silu",
               "gelu", "exponential", "linear", "softmax"]
INITIALIZERS = ["glorot_uniform", "he_normal", "lecun_normal", {"random_normal": {"stddev": 0.2}}, "orthogonal",
                {"variance_scaling": {"scale": 2.0, "mode": "fan_out", "distribution": "uniform"}}]


class Draw:
    """The choices of one case."""

    def __init__(self, seed, case):
        self.random = random.Random(f"{seed}/{case}")

    def one(self, *items):
        return self.random.choice(items)

    def number(self, low, high):
        return self.random.randint(low, high)

    def log(self, low, high):
        return float(f"{low * (high / low) ** self.random.random():.3g}")

    def chance(self, p):
        return self.random.random() < p


# --- the experiment ---------------------------------------------------------------------------------------------------


def dense(d, units, activation):
    layer = {"units": units, "activation": activation}
    if d.chance(0.2):
        layer["use_bias"] = False
    if d.chance(0.3):
        layer["kernel_initializer"] = d.one(*INITIALIZERS)
    if d.chance(0.15):
        layer["kernel_regularizer"] = d.one({"l2": {"l2": 0.01}}, {"l1": {"l1": 0.003}}, {"l1_l2": {"l1": 0.002, "l2": 0.01}})
    if d.chance(0.1):
        layer["kernel_constraint"] = d.one({"max_norm": {"max_value": 1.5}}, "non_neg", "unit_norm")
    return {"dense": layer}


def hidden(d):
    layers = [dense(d, d.number(3, 17), d.one(*ACTIVATIONS)) for _ in range(d.number(0, 3))]
    if d.chance(0.25):
        layers.insert(d.number(0, len(layers)), {"batch_normalization": {"momentum": d.one(0.99, 0.9, 0.6)}})
    if d.chance(0.25):
        layers.insert(d.number(0, len(layers)), {"layer_normalization": {"epsilon": d.one(0.001, 1e-5)}})
    return layers


def image_layers(d, shape):
    layers, size = [], min(shape[:2])
    for _ in range(d.number(1, 2)):
        kernel = d.number(1, min(3, size))
        padding = d.one("same", "valid")
        strides = d.one(1, 1, 2)
        layers.append({"conv2d": {"filters": d.number(1, 6), "kernel_size": kernel, "padding": padding, "strides": strides,
                                  "activation": d.one(*ACTIVATIONS[:-1])}})
        size = -(-(size if padding == "same" else size - kernel + 1) // strides)
        if size >= 2 and d.chance(0.4):
            layers.append({d.one("max_pooling2d", "average_pooling2d"): {"pool_size": 2, "padding": "same"}})
            size = -(-size // 2)
        if d.chance(0.2):
            layers.append({"batch_normalization": {}})
    layers.append({d.one("flatten", "flatten", "global_average_pooling2d"): {}})
    return layers


def graph(d, width, tail):
    """A branch and its join between an input and the layers of `tail`."""
    units = d.number(2, 9)
    layers = [{"name": "a", **dense(d, units, d.one("relu", "tanh", "silu")), "inputs": ["x"]},
              {"name": "b", **dense(d, units, d.one("elu", "sigmoid", "linear")), "inputs": ["x"]},
              {"name": "join", d.one("add", "multiply", "subtract", "average", "maximum", "concatenate"): {},
               "inputs": ["a", "b"]}]
    before = "join"
    for i, layer in enumerate(tail):
        layers.append({"name": f"t{i}", **layer, "inputs": [before]})
        before = f"t{i}"
    return {"inputs": {"x": {"shape": [width]}}, "layers": layers, "outputs": [before]}


def head(d):
    """(units, activation, loss, metrics, target) of the output; target: how the targets are made."""
    kind = d.one("regression", "binary", "classes", "classes", "positive")
    if kind == "regression":
        loss = d.one("mse", "mae", "huber", "log_cosh", {"huber": {"delta": 0.3}}, "cosine_similarity",
                     {"mse": {"reduction": "sum"}})
        units = d.number(2, 4) if loss == "cosine_similarity" else d.number(1, 4)
        return units, "linear", loss, d.one([], ["mae"], ["root_mean_squared_error"], ["r2_score"]), "normal"
    if kind == "positive":
        return (d.number(1, 3), d.one("softplus", "exponential", "sigmoid"), d.one("msle", "poisson", "mape"),
                d.one([], ["mse"]), "positive")
    if kind == "binary":
        choice = d.number(0, 3)
        if choice == 0:
            return 1, "tanh", d.one("hinge", "squared_hinge"), d.one([], ["mae"]), "binary"
        if choice == 1:
            return 1, "linear", {"binary_crossentropy": {"from_logits": True}}, [], "binary"
        return (1, "sigmoid", d.one("binary_crossentropy", {"binary_crossentropy": {"label_smoothing": 0.1}}),
                d.one([], ["accuracy"], ["auc"], ["precision", "recall"]), "binary")
    units = d.number(2, 6)
    choice = d.number(0, 5)
    if choice == 0:
        return units, "linear", {"sparse_categorical_crossentropy": {"from_logits": True}}, ["accuracy"], "sparse"
    if choice == 1:
        return units, "linear", {"categorical_crossentropy": {"from_logits": True}}, ["accuracy"], "one_hot"
    if choice == 2:
        return units, "softmax", d.one("kl_divergence", {"categorical_crossentropy": {"label_smoothing": 0.2}}), [], "one_hot"
    if choice == 3:
        return units, "softmax", "categorical_hinge", [], "one_hot"
    return (units, "softmax", "sparse_categorical_crossentropy",
            d.one(["accuracy"], ["accuracy", {"sparse_top_k_categorical_accuracy": {"k": 2}}]), "sparse")


def learning_rate(d, low, high):
    rate = d.log(low, high)
    schedules = [{"exponential_decay": {"initial_learning_rate": rate, "decay_steps": 7, "decay_rate": 0.7}},
                 {"cosine_decay": {"initial_learning_rate": rate, "decay_steps": 9, "alpha": 0.1}},
                 {"piecewise_constant_decay": {"boundaries": [3, 6], "values": [rate, rate / 2, rate / 5]}},
                 {"polynomial_decay": {"initial_learning_rate": rate, "decay_steps": 8, "end_learning_rate": rate / 9}},
                 {"inverse_time_decay": {"initial_learning_rate": rate, "decay_steps": 4, "decay_rate": 0.5}}]
    return d.one(*schedules) if d.chance(0.25) else rate


def optimizer(d):
    name = d.one("sgd", "sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamw", "adamax", "nadam", "lion")
    low, high = {"sgd": (1e-3, 0.1), "adadelta": (0.1, 3), "lion": (1e-4, 3e-3)}.get(name, (3e-4, 0.03))
    options = {"learning_rate": learning_rate(d, low, high)}
    if name == "nadam":
        options["learning_rate"] = d.log(low, high)
    if name == "sgd" and d.chance(0.5):
        options.update(momentum=d.one(0.5, 0.9), nesterov=d.chance(0.5))
    if name == "rmsprop":
        options.update(d.one({}, {"momentum": 0.7}, {"centered": True}, {"rho": 0.8}))
    if name in ("adam", "adamw") and d.chance(0.3):
        options["amsgrad"] = True
    if name in ("adam", "adamax", "nadam") and d.chance(0.3):
        options.update(beta_1=0.8, beta_2=0.95)
    if d.chance(0.2):
        options["weight_decay"] = 0.01
    if d.chance(0.3):
        options.update(d.one({"clipnorm": 0.5}, {"clipvalue": 0.1}, {"global_clipnorm": 0.7}))
    if d.chance(0.15):
        options.update(use_ema=True, ema_momentum=0.9, **({"ema_overwrite_frequency": 3} if d.chance(0.5) else {}))
    if d.chance(0.15):
        options["gradient_accumulation_steps"] = d.number(2, 3)
    return {name: options}


def targets(d, kind, samples, units, values):
    if kind == "normal":
        return values.normal(size=(samples, units)).astype("float32")
    if kind == "positive":
        return values.uniform(0.2, 3, size=(samples, units)).astype("float32")
    if kind == "binary":
        return values.integers(0, 2, size=(samples, 1)).astype("float32")
    labels = values.integers(0, units, size=samples)
    return labels.astype("int64") if kind == "sparse" else np.eye(units, dtype="float32")[labels]


def draw(seed, case):
    """(the experiment without its data, arrays)"""
    d, values = Draw(seed, case), np.random.default_rng([seed, case])
    samples = d.number(20, 90)
    units, activation, loss, metrics, kind = head(d)
    tail = [*hidden(d), {"dense": {"units": units, "activation": activation}}]
    form = d.one("vector", "vector", "graph", "image", "index")
    if form in ("vector", "graph"):
        width = d.number(2, 12)
        x = values.normal(size=(samples, width)).astype("float32")
        model = graph(d, width, tail) if form == "graph" else tail
    elif form == "image":
        shape = (d.number(4, 9), d.number(4, 9), d.number(1, 3))
        x = values.normal(size=(samples, *shape)).astype("float32")
        model = [*image_layers(d, shape), *tail]
    else:
        length, rows = d.number(1, 5), d.number(3, 20)
        x = values.integers(0, rows, size=(samples, length)).astype("int32")
        model = [{"embedding": {"input_dim": rows, "output_dim": d.number(1, 6)}}, {"flatten": {}}, *tail]
    arrays = {"x": x, "y": targets(d, kind, samples, units, values)}
    batch = d.number(1, samples) if d.chance(0.7) else d.one(8, 16, 32)
    fit = {"epochs": d.number(1, 3), "batch_size": batch, "microbatch": d.number(1, batch), "shuffle": False}
    if d.chance(0.4):
        fit["validation_split"] = d.one(0.2, 0.33)
    if kind == "sparse" and d.chance(0.4):
        fit["class_weight"] = {k: d.log(0.2, 5) for k in range(d.number(1, units))}
    elif d.chance(0.25):
        arrays["w"] = values.uniform(0, 2, size=samples).astype("float32")
    return {"seed": case + 1, "model": model, "fit": fit,
            "compile": {"optimizer": optimizer(d), "loss": loss, "metrics": metrics}}, arrays


# --- both train -------------------------------------------------------------------------------------------------------


def write(folder, experiment, arrays):
    with h5py.File(folder / "data.h5", "w") as file:
        for name, values in arrays.items():
            file[name] = values
    train = {name: f"/{key}" for name, key in (("x", "x"), ("y", "y"), ("sample_weight", "w")) if key in arrays}
    whole = {**experiment, "data": {"file": "data.h5", "train": train}}
    (folder / "e.yaml").write_text(json.dumps(whole), encoding="utf-8")


def lockstep(arguments, folder, output, ranks, *settings):
    command = [arguments.lockstep, "train", folder / "e.yaml", "--output", folder / output, "--verbose", "0"]
    if ranks > 1:
        command = ["mpirun", "--oversubscribe", "-n", str(ranks), *command]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"lockstep: {done.stderr.strip()}")


def history_of(folder):
    """[{name: value} of each epoch]"""
    rows = (folder / "history.csv").read_text().split("\n")
    names = rows[0].strip().split(",")
    return [dict(zip(names[1:], row.strip().split(",")[1:])) for row in rows[1:] if row.strip()]


def keras_fit(model, experiment, arrays):
    fit = experiment["fit"]
    dense_gradients(model.optimizer)
    history = model.fit(arrays["x"], arrays["y"], batch_size=fit["batch_size"], epochs=fit["epochs"], shuffle=False,
                        verbose=0, sample_weight=arrays.get("w"), class_weight=fit.get("class_weight"),
                        validation_split=fit.get("validation_split", 0.0))
    return [{name: values[i] for name, values in history.history.items()} for i in range(fit["epochs"])]


def worst_weight(ours, theirs, start):
    """The largest difference over the largest change."""
    got, want, before = (list(weights_of(path).values()) for path in (ours, theirs, start))
    change = max(np.max(np.abs(a.astype("float64") - b), initial=0) for a, b in zip(want, before))
    difference = max(np.max(np.abs(a.astype("float64") - b), initial=0) for a, b in zip(got, want))
    return difference / max(change, 1e-3)  # no update, but of the last bit by a constraint


def worst_log(ours, theirs):
    worst = 0.0
    for mine, yours in zip(ours, theirs):
        if set(mine) != set(yours):
            raise RuntimeError(f"lockstep logs {sorted(mine)}, Keras {sorted(yours)}")
        for name, value in yours.items():
            got, want = float(mine[name]), float(value)
            if got != want and not (np.isnan(got) and np.isnan(want)):
                worst = max(worst, abs(got - want) / (abs(want) + 1e-3))
    return worst


def compare(arguments, folder, case):
    """(difference of weights, difference of logs)"""
    experiment, arrays = draw(arguments.seed, case)
    write(folder, experiment, arrays)
    lockstep(arguments, folder, "made", 1, "fit.epochs=1", "fit.validation_split=0.0", "data.train.rows=[0, 1]",
             "fit.batch_size=1", "fit.microbatch=1")
    model = keras.models.load_model(folder / "made/model.h5")
    model.save(folder / "start.h5")
    for ranks in arguments.ranks:
        lockstep(arguments, folder, f"on{ranks}", ranks, f"initial_weights={folder / 'start.h5'}")
    models = {(folder / f"on{ranks}/model.h5").read_bytes() for ranks in arguments.ranks}
    if len(models) > 1:
        raise RuntimeError("the model files of the numbers of ranks differ")
    theirs = keras_fit(model, experiment, arrays)
    model.save(folder / "theirs.h5")
    ours = folder / f"on{arguments.ranks[0]}"
    return (worst_weight(ours / "model.h5", folder / "theirs.h5", folder / "start.h5"),
            worst_log(history_of(ours), theirs))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ranks", type=lambda text: [int(n) for n in text.split(",")], default=[1, 3])
    parser.add_argument("--lockstep", default="build/lockstep")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--keep", type=pathlib.Path, help="keep the files of cases that differ in this folder")
    arguments = parser.parse_args()
    absl.logging.set_verbosity(absl.logging.ERROR)
    seen, bad = [], 0
    for case in range(arguments.first, arguments.first + arguments.cases):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            try:
                weights, logs = compare(arguments, folder, case)
                differs = not (weights <= arguments.tolerance and logs <= arguments.tolerance)
                print(f"{case}: weights {weights:.2g}, logs {logs:.2g}{'   DIFFERS' if differs else ''}", flush=True)
                seen.append(weights)
            except (RuntimeError, ValueError) as error:
                differs = True
                print(f"{case}: FAILED: {error}", flush=True)
            bad += differs
            if differs and arguments.keep:
                arguments.keep.mkdir(parents=True, exist_ok=True)
                (folder / "e.yaml").rename(arguments.keep / f"{arguments.seed}-{case}.yaml")
                (folder / "data.h5").rename(arguments.keep / f"{arguments.seed}-{case}.h5")
    print(f"{arguments.cases} cases of seed {arguments.seed}: {bad} differ; weights at the median {np.median(seen):.2g}, "
          f"at most {max(seen, default=0):.2g} of the largest change")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
