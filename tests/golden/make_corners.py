#!/usr/bin/env python3
"""corners.json: what Keras makes of corners: ties and kinks, outputs that a cross-entropy is not about, infinities, weights
of samples and positions, and the ways in which compile takes losses of several outputs. README.md tells how the file is
laid out.

    venv/bin/pip install -r requirements.txt
    venv/bin/python make_corners.py

All in float64 on TensorFlow, eagerly (see README.md about models with several losses).
"""
import json
import math
import pathlib

import numpy as np

import generate

keras = generate.keras
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")

N = 5  # samples; batches of 4, so that the last one is short


def values(*name, shape):
    """Multiples of 1/8, exact in float32."""
    return generate.generator("corners", *name).integers(-16, 17, shape).astype("float64") / 8


def classes(*name, shape, n):
    return generate.generator("corners", *name).integers(0, n, shape).astype("float64")


def one_hot(*name, shape):
    return np.eye(shape[-1])[classes(*name, shape=shape[:-1], n=shape[-1]).astype(int)]


def layer(node):
    (name, arguments), = ((k, dict(v or {})) for k, v in node.items() if k not in ("name", "inputs"))
    if name == "input":
        return keras.Input(**arguments)
    if "name" in node:
        arguments["name"] = node["name"]
    return generate.build("layer", {name: arguments})


def loss_of(node):
    if isinstance(node, list):
        return [loss_of(entry) for entry in node]
    if isinstance(node, dict) and not set(node) <= set(generate.CLASSES["loss"]):
        return {key: loss_of(entry) for key, entry in node.items()}
    return None if node is None else generate.build("loss", node)


def metric(node):
    return node if node == "accuracy" else generate.build("metric", node)


def metrics_of(node):
    if isinstance(node, dict):
        return {key: metrics_of(entry) for key, entry in node.items()}
    return node and [metrics_of(entry) if isinstance(entry, list) else metric(entry) for entry in node]


def build(model):
    if isinstance(model, list):
        return keras.Sequential([layer(node) for node in model])
    tensors = {name: keras.Input(name=name, **arguments) for name, arguments in model["inputs"].items()}
    for node in model["layers"]:
        inputs = [tensors[name] for name in node["inputs"]]
        tensors[node["name"]] = layer(node)(inputs[0] if len(inputs) == 1 else inputs)
    return keras.Model([tensors[name] for name in model["inputs"]], [tensors[name] for name in model["outputs"]])


def number(x):
    return float(x) if math.isfinite(x) else str(float(x))


def numbers(array):
    return [number(x) for x in np.asarray(array, "float64").ravel()]


def arrays(given):
    """{name: array} or an array, as JSON has it; the name "" is that of an array that stands alone."""
    if given is None:
        return {}
    given = given if isinstance(given, dict) else {"": given}
    return {name: {"shape": list(a.shape), "values": numbers(a)} for name, a in given.items()}


def in_order(given, names):
    if not isinstance(given, dict):
        return given
    return [given[name] for name in names]


def case(model, compiled, x, y, weights, sample_weight=None, fit=True):
    keras.utils.clear_session()
    built = build(model)
    optimizer = keras.optimizers.SGD(0.25)
    built.compile(optimizer=optimizer, loss=loss_of(compiled["loss"]), loss_weights=compiled.get("loss_weights"),
                  metrics=metrics_of(compiled.get("metrics")),
                  weighted_metrics=metrics_of(compiled.get("weighted_metrics")), run_eagerly=True)
    built.set_weights(weights)
    names = [] if isinstance(model, list) else model["outputs"]
    targets = in_order(y, names)
    scales = in_order(sample_weight, names)
    result = {"evaluate": built.evaluate(x, targets, sample_weight=scales, batch_size=4, verbose=0, return_dict=True)}
    if fit:
        history = built.fit(x, targets, sample_weight=scales, batch_size=4, epochs=2, shuffle=False, verbose=0)
        result["history"] = history.history
        result["weights"] = [numbers(w) for w in built.get_weights()]
    text = {"model": model, "compile": {"optimizer": {"sgd": {"learning_rate": 0.25}}} | compiled,
            "fit": {"batch_size": 4, "microbatch": 1, "epochs": 2, "shuffle": False}}
    return {"experiment": json.dumps(text), "x": arrays(x), "y": arrays(y), "sample_weight": arrays(sample_weight),
            "start": [numbers(w) for w in weights],
            "evaluate": {key: number(v) for key, v in result["evaluate"].items()},
            **({"history": {key: [number(v) for v in row] for key, row in result["history"].items()},
                "weights": result["weights"]} if fit else {})}


# --- one layer whose kernel is what the activation gets: sample i gets row i -------------------------------------------


def rows(logits, activation, loss, targets, metrics=None, sample_weight=None, fit=True):
    n = logits.shape[-1]
    model = [{"input": {"shape": [len(logits)]}}, {"dense": {"units": n, "use_bias": False}}]
    if activation:
        model.append({"activation": {"activation": activation}})
    compiled = {"loss": loss} | ({"metrics": metrics} if metrics else {})
    return case(model, compiled, np.eye(len(logits)), targets, [logits], sample_weight, fit)


KINKS = np.array([[-6, -3, -1], [0, 0, 1], [2, 3, 6], [7, 0.5, -0.5], [1, 2, 0]], "float64")
GOAL = np.full((N, 3), 10.0)
ACTIVATIONS = ["relu", "leaky_relu", "elu", "selu", "hard_sigmoid", "softsign",
               {"relu": {"max_value": 2.0}}, {"relu": {"max_value": 6.0}}, {"relu": {"threshold": 1.0}},
               {"relu": {"negative_slope": 0.5, "max_value": 6.0}},
               {"relu": {"negative_slope": 0.5, "threshold": 1.0, "max_value": 2.0}}, {"elu": {"alpha": 0.5}}]
HINGES = np.array([[0, 0, 0], [1, 0, 0], [0.5, 0.5, 0.5], [2, 1, 1], [-1, 1, 0]], "float64")
LABELS = np.eye(3)[[0, 0, 0, 0, 1]]
SIGNS = np.array([[1, -1, 1], [-1, 1, 1], [1, 1, 1], [0.5, 1, -1], [-1, 1, 1]], "float64")
LOGITS = values("logits", shape=(N, 3))
SHARES = np.array([[0.25, 0.75, 0], [0.5, 0.25, 0.25], [1, 0, 0], [0, 1, 0], [0.125, 0.125, 0.75]])
BITS = classes("bits", shape=(N, 3), n=2)
INDEX = classes("index", shape=(N,), n=3)
FAR = np.array([[1e25, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
CE, SCE, BCE = "categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy"


def single():
    cases = {f"slopes of {json.dumps(a)}": rows(KINKS, a, "mse", GOAL) for a in ACTIVATIONS}
    cases |= {f"{loss} at its margin": rows(HINGES, None, loss, SIGNS) for loss in ("hinge", "squared_hinge")}
    cases["categorical_hinge where outputs are equal"] = rows(HINGES, None, "categorical_hinge", LABELS)
    cases |= {f"{loss} at its kink": rows(SIGNS, None, loss, SIGNS) for loss in ("mae", "huber", "log_cosh")}
    cases |= {f"{last} with {json.dumps(loss)}": rows(LOGITS, last, loss, targets, ["accuracy"]) for last, loss, targets in [
        ("softmax", BCE, BITS), ("sigmoid", CE, SHARES), ("sigmoid", SCE, INDEX), ("relu", SCE, INDEX),
        ("tanh", BCE, BITS), ("exponential", SCE, INDEX),
        ("softmax", {CE: {"from_logits": True}}, SHARES), ("softmax", {SCE: {"from_logits": True}}, INDEX),
        ("sigmoid", {BCE: {"from_logits": True}}, BITS), ("softmax", {BCE: {"from_logits": True}}, BITS),
        ("sigmoid", {CE: {"from_logits": True, "label_smoothing": 0.125}}, SHARES)]}
    with generate.precision("float32"):  # where infinity begins
        cases["mse of a target of 1e25"] = rows(LOGITS, None, "mse", FAR, ["mean_absolute_error"], fit=False)
        cases["a metric of a target of 1e25"] = rows(LOGITS, None, "mae", FAR, ["mean_squared_error"], fit=False)
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    cases |= {f"reduction {reduction}": rows(LOGITS, None, {"mse": {"reduction": reduction}}, KINKS, ["mean_absolute_error"],
                                             values("scale", shape=(N,)) + 2)
              for reduction in ("sum", "mean", "sum_over_batch_size")}
    return cases


# --- several outputs, and positions ------------------------------------------------------------------------------------

TWO = {"inputs": {"in": {"shape": [4]}},
       "layers": [{"name": "a", "dense": {"units": 2}, "inputs": ["in"]},
                  {"name": "b", "dense": {"units": 3, "activation": "softmax"}, "inputs": ["in"]}],
       "outputs": ["a", "b"]}
SEQUENCE = [{"input": {"shape": [3, 2]}}, {"dense": {"units": 2}}]
X = values("x", shape=(N, 4))
Y = {"a": values("a", shape=(N, 2)), "b": one_hot("b", shape=(N, 3))}
START = [values("ka", shape=(4, 2)), values("ba", shape=(2,)), values("kb", shape=(4, 3)), values("bb", shape=(3,))]
WA, WB = (values("wa", shape=(N,)) + 2, values("wb", shape=(N,)) + 3)


def two(compiled, sample_weight=None):
    return case(TWO, compiled, X, Y, START, sample_weight)


def sequence(shape, sums=False):
    loss = {"mse": {"reduction": "sum"}} if sums else "mse"
    return case(SEQUENCE, {"loss": loss, "metrics": ["mean_absolute_error"], "weighted_metrics": ["mean_squared_error"]},
                values("s", shape=(N, 3, 2)), values("t", shape=(N, 3, 2)),
                [values("ks", shape=(2, 2)), values("bs", shape=(2,))], values("ws", shape=shape) + 2)


def several():
    both = {"a": "mse", "b": CE}
    measures = {"a": ["mean_absolute_error"], "b": ["accuracy"]}
    weighted = {"weighted_metrics": {"a": ["mean_squared_error"], "b": ["categorical_accuracy"]}}
    return {
        "one loss for all outputs": two({"loss": "mse"}),
        "one loss and one weight": two({"loss": "mae", "loss_weights": 0.5}),
        "a list of losses": two({"loss": ["mse", CE], "metrics": [["mean_absolute_error"], ["accuracy"]]}),
        "lists of losses and weights": two({"loss": ["mse", CE], "loss_weights": [0.5, 2.0]}),
        "a sum and a mean": two({"loss": {"a": {"mse": {"reduction": "sum"}}, "b": CE}, "loss_weights": {"a": 0.5, "b": 2}}),
        "weights of one output and of the other": two({"loss": both, "metrics": measures} | weighted, {"a": WA, "b": WB}),
        "one array of weights for both": two({"loss": both, "metrics": measures} | weighted, WA),
        "weights of positions": sequence((N, 3)),
        "weights of positions, summed": sequence((N, 3), True),
        "weights of samples with positions": sequence((N, 1)),
    }


def main():
    cases = single() | several()
    text = {"format_version": 1, "keras_version": keras.__version__, "tensorflow_version": generate.tf.__version__,
            "cases": cases}
    path = pathlib.Path(__file__).with_name("corners.json")
    path.write_text(json.dumps(text, indent=None, separators=(",", ":")).replace('},"', '},\n"') + "\n")


main()
