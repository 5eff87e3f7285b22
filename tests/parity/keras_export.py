#!/usr/bin/env python3
"""Go on training from lockstep's exports with the real Keras: run by hand where Keras is installed.

    keras_export.py LOCKSTEP [CASE...]

Trains small experiments with the program LOCKSTEP, a batch per epoch, and exports what stands after epoch 3. Keras loads
the archive, predicts, and trains on the same batch: its weights and optimizer variables must be those of lockstep after
epoch 4. Also: the archive that the callback model_checkpoint wrote has the same bytes, and the weights file brings a
model loaded from the legacy file to the same update. Prints, per case, the largest differences: of predictions (relative to
the largest prediction), of the update (relative to its largest element), of the optimizer's variables (to the largest of
each). Exit status 1 if one is above its bound.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

PREDICTIONS, UPDATE, VARIABLES = 1e-6, 1e-4, 1e-4
ROWS = 24

DENSE = """
  - input: {shape: [5]}
  - dense: {units: 8, activation: tanh, kernel_regularizer: {l2: {l2: 0.01}}}
  - batch_normalization: {}
  - dense: {units: 3, activation: {leaky_relu: {negative_slope: 0.1}}, kernel_constraint: {max_norm: {}}}
  - dense: {units: 4, activation: softmax}
"""
ONE = "loss: sparse_categorical_crossentropy, metrics: [accuracy]"

# name: optimizer. All with the model above.
OPTIMIZERS = {
    "sgd": "{sgd: {learning_rate: 0.1}}",
    "momentum": "{sgd: {learning_rate: 0.1, momentum: 0.9}}",
    "nesterov": "{sgd: {learning_rate: 0.1, momentum: 0.9, nesterov: true, clipnorm: 0.5}}",
    "rmsprop": "rmsprop",
    "rmsprop_momentum": "{rmsprop: {momentum: 0.9}}",
    "rmsprop_centered": "{rmsprop: {momentum: 0.5, centered: true}}",
    "adagrad": "{adagrad: {learning_rate: 0.01}}",
    "adadelta": "{adadelta: {learning_rate: 1.0}}",
    "adam": "{adam: {global_clipnorm: 1.0}}",
    "amsgrad": "{adam: {amsgrad: true, clipvalue: 0.1}}",
    "adamw": "adamw",
    "adamw_plain": "{adamw: {weight_decay: null}}",
    "adamax": "adamax",
    "nadam": "nadam",
    "lion": "{lion: {weight_decay: 0.01}}",
    "ftrl": "{ftrl: {learning_rate: 0.1, beta: 0.1}}",
    "lamb": "{lamb: {learning_rate: 0.01, weight_decay: 0.01}}",
    "schedule_free_adamw": "{schedule_free_adamw: {warmup_steps: 2}}",
    "schedule": "{adam: {learning_rate: {exponential_decay: {initial_learning_rate: 0.01, decay_steps: 2, decay_rate: 0.5}}}}",
    "warm_up": "{sgd: {learning_rate: {batch_scaling: {base_learning_rate: 0.1, base_batch_size: 8, batch_size: 24, warmup_steps: 10}}}}",
    "scaled": "{sgd: {momentum: 0.5, learning_rate: {batch_scaling: {base_learning_rate: 0.1, base_batch_size: 8, batch_size: 24}}}}",
    "ema": "{rmsprop: {use_ema: true, ema_momentum: 0.9}}",
    "ema_overwrites": "{adam: {use_ema: true, ema_momentum: 0.5, ema_overwrite_frequency: 2}}",
    "accumulation": "{adam: {gradient_accumulation_steps: 2}}",
    "accumulation_midway": "{sgd: {momentum: 0.9, gradient_accumulation_steps: 3}}",
    "everything": "{nadam: {use_ema: true, gradient_accumulation_steps: 2, weight_decay: 0.01}}",
}

# name: (optimizer, model, rest of compile, inputs {name: shape}, targets {name: classes or 0})
GRAPHS = {
    "two_outputs": (
        "adam",
        """
  inputs: {a: {shape: [5]}, b: {shape: [3]}}
  layers:
    - {name: pb, dense: {units: 5, activation: relu}, inputs: b}
    - {name: shared, dense: {units: 4, activation: tanh}, inputs: a}
    - {name: again, shares: shared, inputs: pb}
    - {name: cat, concatenate: {}, inputs: [shared, again]}
    - {name: price, dense: {units: 1, activity_regularizer: {l2: {l2: 0.01}}}, inputs: cat}
    - {name: kind, dense: {units: 4, activation: softmax}, inputs: cat}
  outputs: [price, kind]
""",
        "loss: {price: {huber: {delta: 0.5}}, kind: sparse_categorical_crossentropy}, "
        "loss_weights: {price: 2.0, kind: 0.5}, metrics: {price: [mae], kind: accuracy}, weighted_metrics: {price: mse}",
        {"a": (5,), "b": (3,)},
        {"price": 0, "kind": 4},
    ),
    "merges": (
        "{rmsprop: {momentum: 0.9}}",
        """
  inputs: {x: {shape: [6, 6, 2]}}
  layers:
    - {name: c1, conv2d: {filters: 3, kernel_size: 3, padding: same, activation: elu}, inputs: x}
    - {name: bn, batch_normalization: {}, inputs: c1}
    - {name: c1x, conv2d: {filters: 3, kernel_size: 1}, inputs: c1}
    - {name: c2, shares: c1x, inputs: bn}
    - {name: sum, add: {}, inputs: [c1x, c2]}
    - {name: product, multiply: {}, inputs: [sum, bn]}
    - {name: norm, layer_normalization: {axis: [1, 2, 3]}, inputs: product}
    - {name: pool, max_pooling2d: {}, inputs: norm}
    - {name: mean, global_average_pooling2d: {}, inputs: pool}
    - {name: y, dense: {units: 1, activation: sigmoid}, inputs: mean}
  outputs: [y]
""",
        "loss: {binary_crossentropy: {label_smoothing: 0.1}}, metrics: [accuracy, auc]",
        {"x": (6, 6, 2)},
        {"y": 2},
    ),
}
SEQUENCES = {
    "recurrent": (
        "adam",
        """
  - input: {shape: [6, 3]}
  - lstm: {units: 5, return_sequences: true, recurrent_activation: hard_sigmoid, kernel_regularizer: l2}
  - bidirectional: {layer: {gru: {units: 3, return_sequences: true, reset_after: false}}, merge_mode: mul}
  - time_distributed: {layer: {dense: {units: 4, activation: {leaky_relu: {negative_slope: 0.1}}}}}
  - time_distributed: {layer: {reshape: {target_shape: [4, 1]}}}
  - time_distributed: {layer: {bidirectional: {layer: {lstm: {units: 2, unit_forget_bias: false}}}}}
  - gru: {units: 4, go_backwards: true}
  - repeat_vector: {n: 3}
  - bidirectional:
      layer: {simple_rnn: {units: 3, use_bias: false}}
      backward_layer: {lstm: {units: 3, go_backwards: true}}
  - dense: {units: 4, activation: softmax}
""",
        ONE,
        {"": (6, 3)},
        {"": 4},
    ),
}

# Inputs are tokens. Not with an adaptive optimizer: TensorFlow squares an embedding's gradient token by token.
TOKENS = {
    "masked": (
        "{sgd: {learning_rate: 0.1, momentum: 0.9}}",
        """
  inputs: {t: {shape: [7]}, u: {shape: [7]}}
  layers:
    - {name: et, embedding: {input_dim: 6, output_dim: 4, mask_zero: true}, inputs: t}
    - {name: eu, embedding: {input_dim: 6, output_dim: 4, mask_zero: true}, inputs: u}
    - {name: a, lstm: {units: 3, return_sequences: true}, inputs: et}
    - {name: b, lstm: {units: 3, return_sequences: true}, inputs: eu}
    - {name: s, add: {}, inputs: [a, b]}
    - {name: c, concatenate: {}, inputs: [s, eu]}
    - {name: g, gru: {units: 4, return_sequences: true, zero_output_for_mask: true}, inputs: c}
    - {name: h, lstm: {units: 3}, inputs: b}
    - {name: i, bidirectional: {layer: {gru: {units: 3}}}, inputs: g}
    - {name: j, concatenate: {}, inputs: [i, h]}
    - {name: y, dense: {units: 4, activation: softmax}, inputs: j}
  outputs: [y]
""",
        ONE,
        {"t": (7,), "u": (7,)},
        {"y": 4},
    ),
}

SPATIAL = {
    "lines": (
        "lamb",
        """
  - input: {shape: [12, 3]}
  - rescaling: {scale: 0.5, offset: 0.1}
  - zero_padding1d: {padding: [2, 1]}
  - conv1d: {filters: 4, kernel_size: 3, padding: causal, dilation_rate: 2, activation: elu}
  - prelu: {shared_axes: 1}
  - max_pooling1d: {pool_size: 2, strides: 1, padding: same}
  - separable_conv1d: {filters: 5, kernel_size: 3, depth_multiplier: 2, activation: mish}
  - average_pooling1d: {pool_size: 2}
  - conv1d_transpose: {filters: 4, kernel_size: 3, strides: 2, padding: same, output_padding: 1}
  - group_normalization: {groups: 2}
  - depthwise_conv1d: {kernel_size: 2, padding: same, use_bias: false}
  - up_sampling1d: {size: 2}
  - cropping1d: {cropping: [1, 2]}
  - adaptive_average_pooling1d: {output_size: 4}
  - leaky_relu: {}
  - rms_normalization: {}
  - softmax: {axis: 1}
  - unit_normalization: {axis: [1, 2]}
  - einsum_dense: {equation: 'abc,cde->abde', output_shape: [null, 2, 3], bias_axes: de}
  - identity: {}
  - elu: {alpha: 0.5}
  - relu: {max_value: 6.0}
  - flatten: {}
  - dense: {units: 4, activation: softmax}
""",
        ONE,
        {"": (12, 3)},
        {"": 4},
    ),
    "pictures": (
        "{ftrl: {learning_rate: 0.05}}",
        """
  - input: {shape: [7, 6, 2]}
  - zero_padding2d: {padding: [[1, 0], [2, 1]]}
  - conv2d_transpose: {filters: 3, kernel_size: [3, 2], strides: 2, padding: same, activation: silu}
  - separable_conv2d: {filters: 4, kernel_size: 3, strides: 2, padding: same, depth_multiplier: 2}
  - depthwise_conv2d: {kernel_size: 2, depth_multiplier: 2, dilation_rate: 2}
  - up_sampling2d: {size: [2, 1], interpolation: bilinear}
  - cropping2d: {cropping: [[1, 0], [0, 2]]}
  - adaptive_max_pooling2d: {output_size: [2, 3]}
  - global_max_pooling2d: {}
  - dense: {units: 4, activation: softmax}
""",
        "loss: categorical_focal_crossentropy, metrics: [{f1_score: {average: macro}}, {precision: {top_k: 2}}]",
        {"": (7, 6, 2)},
        {"": -4},
    ),
    "volumes": (
        "schedule_free_adamw",
        """
  - input: {shape: [4, 4, 3, 2]}
  - conv3d: {filters: 3, kernel_size: [2, 1, 3], padding: same, activation: tanh}
  - max_pooling3d: {pool_size: [2, 1, 2], strides: 1}
  - zero_padding3d: {padding: [1, 0, 1]}
  - conv3d_transpose: {filters: 3, kernel_size: 2, strides: [1, 2, 1]}
  - average_pooling3d: {pool_size: 2, padding: same}
  - up_sampling3d: {size: [1, 2, 2]}
  - cropping3d: {cropping: [[0, 1], [1, 0], [0, 0]]}
  - adaptive_average_pooling3d: {output_size: [2, 3, 2]}
  - global_average_pooling3d: {}
  - dense: {units: 1, activation: sigmoid}
""",
        "loss: binary_focal_crossentropy, metrics: [true_positives, {precision_at_recall: {recall: 0.5}}, binary_iou]",
        {"": (4, 4, 3, 2)},
        {"": 2},
    ),
}

# Random in training, so only predictions are compared.
ZOO = {
    "dropouts": (
        "nadam",
        """
  - input: {shape: [4]}
  - reshape: {target_shape: [2, 2, 1, 1]}
  - spatial_dropout3d: {rate: 0.2}
  - reshape: {target_shape: [2, 2, 1]}
  - spatial_dropout2d: {rate: 0.2}
  - reshape: {target_shape: [2, 2]}
  - spatial_dropout1d: {rate: 0.2}
  - flatten: {}
  - alpha_dropout: {rate: 0.1}
  - gaussian_dropout: {rate: 0.1}
  - activity_regularization: {l1: 0.01}
  - dense: {units: 4, activation: softmax, kernel_initializer: identity}
""",
        "loss: categorical_crossentropy",
        {"": (4,)},
        {"": -4},
    ),
    "random_layers": (
        "nadam",
        """
  - input: {shape: [7]}
  - embedding: {input_dim: 6, output_dim: 4}
  - gaussian_noise: {stddev: 0.1}
  - reshape: {target_shape: [4, 7]}
  - permute: {dims: [2, 1]}
  - dropout: {rate: 0.25, noise_shape: [1, 4]}
  - flatten: {}
  - activation: {activation: gelu}
  - layer_normalization: {}
  - dense: {units: 4, activation: softmax, kernel_initializer: {random_normal: {stddev: 0.2}}}
""",
        "loss: {categorical_crossentropy: {label_smoothing: 0.1}}, metrics: [accuracy, {top_k_categorical_accuracy: {k: 2}}]",
        {"": (7,)},
        {"": -4},
    ),
}


def make_data(path, inputs, targets, integers):
    random = np.random.default_rng(1)
    arrays = {}
    with h5py.File(path, "w") as file:
        for name, shape in inputs.items():
            x = random.integers(0, 6, (ROWS, *shape)) if integers else random.normal(size=(ROWS, *shape))
            arrays["x" + name] = file[f"train/x{name}"] = x.astype("float32")
        for name, classes in targets.items():
            if classes > 0:
                y = random.integers(0, classes, (ROWS, 1))
            elif classes < 0:
                y = np.eye(-classes)[random.integers(0, -classes, ROWS)]
            else:
                y = random.normal(size=(ROWS, 1))
            arrays["y" + name] = file[f"train/y{name}"] = y.astype("float32")
    return arrays


def named(kind, names):
    return f"/train/{kind}" if list(names) == [""] else "{" + ", ".join(f"{n}: /train/{kind}{n}" for n in names) + "}"


def lockstep(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"lockstep {' '.join(map(str, arguments))}: {done.stderr}")


def train(program, folder, optimizer, model, compile_, inputs, targets, integers):
    arrays = make_data(folder / "data.h5", inputs, targets, integers)
    (folder / "experiment.yaml").write_text(f"""
seed: 7
data: {{file: {folder}/data.h5, train: {{x: {named("x", inputs)}, y: {named("y", targets)}}}}}
model:{model}
compile: {{optimizer: {optimizer}, {compile_}}}
fit: {{epochs: 4, batch_size: {ROWS}, microbatch: 8, shuffle: false}}
callbacks:
  - model_checkpoint: {{filepath: 'e{{epoch}}.h5'}}
  - model_checkpoint: {{filepath: 'e{{epoch}}.keras'}}
""")
    lockstep(program, "train", folder / "experiment.yaml", "--output", folder / "run", "--verbose", 0)
    lockstep(program, "predict", folder / "run/e3.h5", "--data", folder / "data.h5", "--split", "train", "--output",
             folder / "predictions.h5")
    for name in ("e3.keras", "e3.weights.h5", "e3.legacy.h5"):
        lockstep(program, "export", folder / "run/e3.h5", "--output", folder / name)
    if (folder / "e3.keras").read_bytes() != (folder / "run/e3.keras").read_bytes():
        sys.exit("the archives of export and of model_checkpoint differ")
    return arrays


def weights_of(path, model):
    """Weights of a model file, in the order of model.layers."""
    with h5py.File(path, "r") as file:
        group = file["model_weights"]
        return [group[layer.name][weight][()] for layer in model.layers
                for weight in group[layer.name].attrs.get("weight_names", [])]


def flat(model):
    return [w for layer in model.layers for w in layer.get_weights()]


def difference(got, want, scale=None):
    """Largest difference of two lists of arrays, each relative to the largest of its array (or of `scale`)."""
    if [g.shape for g in got] != [w.shape for w in want]:
        sys.exit(f"shapes {[g.shape for g in got]} instead of {[w.shape for w in want]}")
    largest = 0.0
    for g, w, s in zip(got, want, scale or want):
        size = float(np.abs(s).max()) or 1.0
        largest = max(largest, float(np.abs(g.astype("float64") - w).max()) / size)
    return largest


def keras_update(model, folder, x, y):
    """One update. Differences of the update and of the optimizer's variables from lockstep's."""
    before, after = (weights_of(folder / f"run/e{epoch}.h5", model) for epoch in (3, 4))
    assert all(map(np.array_equal, flat(model), before)), "the weights did not arrive"
    model.train_on_batch(x, y)
    moved = [a - b for a, b in zip(after, before)]
    update = difference([g - b for g, b in zip(flat(model), before)], moved)
    want = keras.models.load_model(folder / "run/e4.keras").optimizer.variables
    got = model.optimizer.variables
    return update, difference([v.numpy() for v in got], [v.numpy() for v in want])


def check(program, name, case, updates, integers=False):
    optimizer, description, compile_, inputs, targets = case
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data = train(program, folder, optimizer, description, compile_, inputs, targets, integers)
        x, y = ([data[kind + n] for n in names] for kind, names in (("x", inputs), ("y", targets)))
        x, y = (v[0] if len(v) == 1 else v for v in (x, y))
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*optimizer.*variables.*")  # Keras skips a state that does not fit
            model = keras.models.load_model(folder / "e3.keras")
        assert int(model.optimizer.variables[0]) == 3
        predictions = model.predict(x, verbose=0)
        with h5py.File(folder / "predictions.h5", "r") as file:
            names = [n for n in targets if n] or list(file)
            want = [file[n][()] for n in names]
        figures = [difference(predictions if isinstance(predictions, (list, tuple)) else [predictions], want)]
        if updates:
            figures += keras_update(model, folder, x, y)
            again = keras.models.load_model(folder / "e3.legacy.h5")
            again.optimizer.build(again.trainable_variables)
            again.load_weights(folder / "e3.weights.h5")
            assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(
                again.optimizer.variables, keras.models.load_model(folder / "e3.keras").optimizer.variables))
            figures[1:] = [max(pair) for pair in zip(figures[1:], keras_update(again, folder, x, y))]
            model.fit(x, y, epochs=1, verbose=0)
        good = all(f <= bound for f, bound in zip(figures, (PREDICTIONS, UPDATE, VARIABLES)))
        print(f"{name:20}", *(f"{f:9.2g}" for f in figures), "" if good else " TOO LARGE", flush=True)
        return good


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, chosen = sys.argv[1], sys.argv[2:]
    cases = {name: ((o, DENSE, ONE, {"": (5,)}, {"": 4}), True, False) for name, o in OPTIMIZERS.items()}
    cases |= {name: (case, True, False) for name, case in (GRAPHS | SEQUENCES | SPATIAL).items()}
    cases |= {name: (case, True, True) for name, case in TOKENS.items()}
    cases |= {name: (case, False, True) for name, case in ZOO.items()}
    print(f"{'case':20} {'predict':>9} {'update':>9} {'variables':>9}")
    good = [check(program, name, *case) for name, case in cases.items() if not chosen or name in chosen]
    sys.exit(not good or not all(good))


if __name__ == "__main__":
    main()
