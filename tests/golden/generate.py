#!/usr/bin/env python3
"""Golden data from the real Keras: see README.md for the layout of every file.

    python generate.py [FILE...]        all files, or only those named (layers, activations, losses, metrics, ...)

Every case is written down once, as the lockstep YAML that a test will read; the Keras object is built from the same
text, so configuration and numbers cannot drift apart. Everything runs twice, in float32 and in float64 (names that end
in _f64). Values come from generators seeded by the name of the case: adding a case changes no other one.
"""
import contextlib
import json
import os
import pathlib
import sys
import zlib

sys.dont_write_bytecode = True
os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3",
                  TF_ENABLE_ONEDNN_OPTS="0")

import h5py
import keras
import numpy as np
import tensorflow as tf
import yaml

import cases

FORMAT_VERSION = 1
HERE = pathlib.Path(__file__).resolve().parent
PRECISIONS = {"": "float32", "_f64": "float64"}  # suffix of the dataset, type of the run


# ----------------------------------------------------------------------------------------------------------------------
# From lockstep YAML to Keras


CLASSES = {
    "layer": {"random_flip": "RandomFlip", "random_crop": "RandomCrop", "random_translation": "RandomTranslation",
              "random_rotation": "RandomRotation", "random_zoom": "RandomZoom",
              "random_brightness": "RandomBrightness", "random_contrast": "RandomContrast",
              "random_erasing": "RandomErasing",
              "rescaling": "Rescaling", "rms_normalization": "RMSNormalization", "unit_normalization": "UnitNormalization",
              "group_normalization": "GroupNormalization",
              "conv1d": "Conv1D", "conv3d": "Conv3D", "conv1d_transpose": "Conv1DTranspose",
              "conv2d_transpose": "Conv2DTranspose", "conv3d_transpose": "Conv3DTranspose",
              "depthwise_conv1d": "DepthwiseConv1D", "depthwise_conv2d": "DepthwiseConv2D",
              "separable_conv1d": "SeparableConv1D", "separable_conv2d": "SeparableConv2D",
              "max_pooling1d": "MaxPooling1D", "max_pooling3d": "MaxPooling3D",
              "average_pooling1d": "AveragePooling1D", "average_pooling3d": "AveragePooling3D",
              "global_max_pooling1d": "GlobalMaxPooling1D", "global_max_pooling2d": "GlobalMaxPooling2D",
              "global_max_pooling3d": "GlobalMaxPooling3D", "global_average_pooling1d": "GlobalAveragePooling1D",
              "global_average_pooling3d": "GlobalAveragePooling3D", "adaptive_max_pooling1d": "AdaptiveMaxPooling1D",
              "adaptive_max_pooling2d": "AdaptiveMaxPooling2D", "adaptive_max_pooling3d": "AdaptiveMaxPooling3D",
              "adaptive_average_pooling1d": "AdaptiveAveragePooling1D",
              "adaptive_average_pooling2d": "AdaptiveAveragePooling2D",
              "adaptive_average_pooling3d": "AdaptiveAveragePooling3D", "up_sampling1d": "UpSampling1D",
              "up_sampling2d": "UpSampling2D", "up_sampling3d": "UpSampling3D", "zero_padding1d": "ZeroPadding1D",
              "zero_padding2d": "ZeroPadding2D", "zero_padding3d": "ZeroPadding3D", "cropping1d": "Cropping1D",
              "cropping2d": "Cropping2D", "cropping3d": "Cropping3D",
              "relu": "ReLU", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "elu": "ELU", "softmax": "Softmax",
              "identity": "Identity", "activity_regularization": "ActivityRegularization",
              "einsum_dense": "EinsumDense", "minimum": "Minimum", "alpha_dropout": "AlphaDropout",
              "spatial_dropout1d": "SpatialDropout1D", "spatial_dropout2d": "SpatialDropout2D",
              "spatial_dropout3d": "SpatialDropout3D", "gaussian_dropout": "GaussianDropout",
              "dense": "Dense", "activation": "Activation", "flatten": "Flatten", "reshape": "Reshape",
              "permute": "Permute", "batch_normalization": "BatchNormalization", "embedding": "Embedding",
              "layer_normalization": "LayerNormalization", "concatenate": "Concatenate", "add": "Add",
              "subtract": "Subtract", "multiply": "Multiply", "average": "Average", "maximum": "Maximum", "dot": "Dot",
              "conv2d": "Conv2D", "max_pooling2d": "MaxPooling2D", "average_pooling2d": "AveragePooling2D",
              "global_average_pooling2d": "GlobalAveragePooling2D", "dropout": "Dropout",
              "simple_rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM", "bidirectional": "Bidirectional",
              "masking": "Masking", "multi_head_attention": "MultiHeadAttention",
              "group_query_attention": "GroupQueryAttention", "attention": "Attention",
              "additive_attention": "AdditiveAttention",
              "time_distributed": "TimeDistributed", "repeat_vector": "RepeatVector",
              "gaussian_noise": "GaussianNoise"},
    "loss": {"binary_focal_crossentropy": "BinaryFocalCrossentropy",
             "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
             "categorical_generalized_cross_entropy": "CategoricalGeneralizedCrossEntropy", "mse": "MeanSquaredError", "mae": "MeanAbsoluteError", "mape": "MeanAbsolutePercentageError",
             "msle": "MeanSquaredLogarithmicError", "huber": "Huber", "log_cosh": "LogCosh",
             "binary_crossentropy": "BinaryCrossentropy", "categorical_crossentropy": "CategoricalCrossentropy",
             "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy", "kl_divergence": "KLDivergence",
             "hinge": "Hinge", "squared_hinge": "SquaredHinge", "categorical_hinge": "CategoricalHinge",
             "cosine_similarity": "CosineSimilarity", "poisson": "Poisson"},
    "metric": {"true_positives": "TruePositives", "true_negatives": "TrueNegatives",
               "false_positives": "FalsePositives", "false_negatives": "FalseNegatives",
               "sensitivity_at_specificity": "SensitivityAtSpecificity",
               "specificity_at_sensitivity": "SpecificityAtSensitivity", "precision_at_recall": "PrecisionAtRecall",
               "recall_at_precision": "RecallAtPrecision", "f1_score": "F1Score", "fbeta_score": "FBetaScore",
               "iou": "IoU", "mean_iou": "MeanIoU", "one_hot_iou": "OneHotIoU", "one_hot_mean_iou": "OneHotMeanIoU",
               "binary_iou": "BinaryIoU", "pearson_correlation": "PearsonCorrelation",
               "concordance_correlation": "ConcordanceCorrelation", "hinge": "Hinge", "squared_hinge": "SquaredHinge",
               "binary_accuracy": "BinaryAccuracy", "categorical_accuracy": "CategoricalAccuracy",
               "sparse_categorical_accuracy": "SparseCategoricalAccuracy",
               "top_k_categorical_accuracy": "TopKCategoricalAccuracy",
               "sparse_top_k_categorical_accuracy": "SparseTopKCategoricalAccuracy",
               "mean_squared_error": "MeanSquaredError", "mean_absolute_error": "MeanAbsoluteError",
               "root_mean_squared_error": "RootMeanSquaredError", "r2_score": "R2Score", "auc": "AUC",
               "precision": "Precision", "recall": "Recall", "cosine_similarity": "CosineSimilarity"},
    "optimizer": {"sgd": "SGD", "rmsprop": "RMSprop", "adagrad": "Adagrad", "adadelta": "Adadelta", "adam": "Adam",
                  "adamw": "AdamW", "adamax": "Adamax", "nadam": "Nadam",
                  "lion": "Lion", "ftrl": "Ftrl", "lamb": "Lamb", "schedule_free_adamw": "ScheduleFreeAdamW"},
    "schedule": {"exponential_decay": "ExponentialDecay", "piecewise_constant_decay": "PiecewiseConstantDecay",
                 "polynomial_decay": "PolynomialDecay", "inverse_time_decay": "InverseTimeDecay",
                 "cosine_decay": "CosineDecay", "cosine_decay_restarts": "CosineDecayRestarts"},
    "regularizer": {"l1": "L1", "l2": "L2", "l1_l2": "L1L2"},
    "constraint": {"max_norm": "MaxNorm", "non_neg": "NonNeg", "unit_norm": "UnitNorm", "min_max_norm": "MinMaxNorm"},
    "callback": {"early_stopping": "EarlyStopping", "reduce_lr_on_plateau": "ReduceLROnPlateau",
                 "model_checkpoint": "ModelCheckpoint"},
}
MODULES = {"layer": keras.layers, "loss": keras.losses, "metric": keras.metrics, "optimizer": keras.optimizers,
           "schedule": keras.optimizers.schedules, "regularizer": keras.regularizers,
           "constraint": keras.constraints, "callback": keras.callbacks}


def name_and_arguments(node):
    """'relu' or {relu: {negative_slope: 0.1}}"""
    if isinstance(node, str):
        return node, {}
    (name, arguments), = node.items()
    return name, dict(arguments or {})


def activation(node):
    name, arguments = name_and_arguments(node)
    function = keras.activations.get(name)
    return (lambda z: function(z, **arguments)) if arguments else function


def float64_constants(value):
    """TensorFlow makes a Python float a float32 where Keras does not name a type: rates of schedules, Adam's betas."""
    if isinstance(value, list):
        return [float64_constants(v) for v in value]
    return np.float64(value) if isinstance(value, float) else value


CALL_ARGUMENTS = {}  # by layer: what its call is given besides its inputs


def build(kind, node, **more):
    name, arguments = name_and_arguments(node)
    call = {key: arguments.pop(key) for key in ("use_causal_mask",) if kind == "layer" and key in arguments}
    for key, value in arguments.items():
        if key in ("activation", "recurrent_activation"):
            arguments[key] = activation(value)
        elif key in ("layer", "backward_layer"):
            arguments[key] = build("layer", value)
        elif key.endswith("_regularizer"):
            arguments[key] = build("regularizer", value)
        elif key.endswith("_constraint"):
            arguments[key] = build("constraint", value)
        elif key == "learning_rate" and isinstance(value, dict):
            arguments[key] = build("schedule", value)
        elif kind == "schedule" and keras.config.floatx() == "float64":
            arguments[key] = float64_constants(value)
    built = getattr(MODULES[kind], CLASSES[kind][name])(**arguments, **more)
    CALL_ARGUMENTS[id(built)] = (built, call)
    if kind == "optimizer" and keras.config.floatx() == "float64":
        for key in [key for key, value in vars(built).items() if isinstance(value, float)]:
            setattr(built, key, float64_constants(getattr(built, key)))
    return built


# ----------------------------------------------------------------------------------------------------------------------
# Runs, numbers, files


@contextlib.contextmanager
def precision(dtype):
    keras.utils.clear_session()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    yield dtype
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def generator(*name):
    return np.random.default_rng(zlib.crc32("/".join(name).encode()))


def normal(rng, shape):
    return rng.standard_normal(shape).astype(np.float32)


def one_hot(rng, shape):
    return np.eye(shape[-1], dtype=np.float32)[rng.integers(0, shape[-1], shape[:-1])]


def as_run(array, dtype):
    """Integers stay; floats take the type of the run. The float32 value is what both runs start from."""
    return array if array.dtype.kind in "iu" else array.astype(dtype)


def text(value):
    """A fixed-length ASCII string with a zero byte at the end: readable into a plain char array."""
    raw = value.encode("ascii")
    return np.array(raw, dtype=h5py.string_dtype("ascii", len(raw) + 1))


@contextlib.contextmanager
def golden(name):
    path = HERE / name
    with h5py.File(path, "w") as file:
        attributes = {"made_by": "tests/golden/generate.py", "keras_version": keras.__version__,
                      "backend": keras.backend.backend(), "backend_version": tf.__version__,
                      "numpy_version": np.__version__, "h5py_version": h5py.__version__}
        file.attrs["format_version"] = np.int32(FORMAT_VERSION)
        for key, value in attributes.items():
            file.attrs[key] = text(value)
        yield file
    print(f"{name}: {path.stat().st_size / 1024:.0f} KiB")


def put(group, name, value):
    value = np.asarray(value)
    assert value.dtype.kind != "f" or np.isfinite(value).all(), f"{group.name}/{name} is not finite"
    group.create_dataset(name, data=value, track_times=False)


def put_all(group, arrays, suffix=""):
    for name, value in arrays.items():
        put(group, name + suffix, np.asarray(value))


def new_case(file, name, config):
    group = file.create_group(name)
    group.attrs["config"] = text(config)
    return group


def check_close(name, pair, rtol=1e-5, atol=2e-6):
    """
    float32 and float64 must agree within the tolerance that README.md suggests to tests, or the case is a bad one: at a
    kink, a tie, a rounding edge.
    """
    low, high = (np.asarray(v, dtype=np.float64) for v in pair)
    worst = np.max(np.abs(low - high) - atol - rtol * np.abs(high), initial=-1)
    assert worst <= 0, f"{name}: float32 and float64 differ: {low} {high}"


# ----------------------------------------------------------------------------------------------------------------------
# layers.h5, sequences.h5, attention.h5, spatial.h5


def layer_inputs(rng, shapes):
    return [rng.integers(0, s[0], (cases.BATCH, *s[1:])).astype(np.int32) if isinstance(s[0], np.int32)
            else normal(rng, (cases.BATCH, *s)) for s in shapes]


def call(layer, inputs, **arguments):
    """The inputs of some layers are arguments of their own: query, value, key."""
    arguments |= CALL_ARGUMENTS.get(id(layer), (None, {}))[1]
    if isinstance(layer, (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)):
        return layer(*inputs, **arguments)
    return layer(inputs, **arguments)


def name_of(layer, variable):
    """lockstep's: the variable's, with what tells two of the same name apart before it."""
    if isinstance(layer, (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)):
        return f"{variable.path.split('/')[-2].replace('attention_', '')}_{variable.name}"
    if isinstance(layer, keras.layers.Bidirectional):
        forward = any(variable is w for w in layer.forward_layer.weights)
        return ("forward_" if forward else "backward_") + variable.name
    return variable.name


def layer_weights(rng, layer):
    """Random ones for every variable, also where Keras begins with 0 or 1; variances positive."""
    values = {}
    for variable in layer.weights:
        if not variable.path.endswith("seed_generator_state"):
            value = normal(rng, variable.shape) * np.float32(0.5)
            values[name_of(layer, variable)] = np.abs(value) + np.float32(0.5) if "variance" in variable.name else value
    return values


def argument_of(tensors, masked):
    """What the layer is called with: masked ones come out of a masking layer."""
    given = [keras.layers.Masking()(t) for t in tensors] if masked else tensors
    return given[0] if len(given) == 1 else given


def run_layer(config, inputs, weights, dy, training, dtype, masked):
    layer = build("layer", config)
    tensors = [tf.constant(as_run(x, dtype)) for x in inputs]
    argument = argument_of(tensors, masked)
    call(layer, argument)  # creates the weights
    for variable in layer.weights:
        if name_of(layer, variable) in weights:
            variable.assign(weights[name_of(layer, variable)])

    results = {"y": call(layer, argument_of(tensors, masked), training=False)}
    trainable = layer.trainable_weights
    floats = [t for t in tensors if t.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(floats)
        y = call(layer, argument_of(tensors, masked), training=training)
    grads = tape.gradient(y, floats + [v.value for v in trainable], output_gradients=tf.constant(as_run(dy, dtype)))
    if training:
        results["y_train"] = y
        results |= {f"after/{name_of(layer, v)}": v.value for v in layer.non_trainable_weights}
    results |= {f"dx{i}": g for i, g in enumerate(grads[:len(floats)])}
    results |= {f"dweights/{name_of(layer, v)}": g for v, g in zip(trainable, grads[len(floats):])}
    return {name: tf.convert_to_tensor(value).numpy() for name, value in results.items()}


def make_layers():
    make_layer_cases("layers.h5", cases.LAYERS)


def make_sequences():
    make_layer_cases("sequences.h5", cases.SEQUENCES)


def make_attention():
    make_layer_cases("attention.h5", cases.ATTENTION)


def make_spatial():
    make_layer_cases("spatial.h5", cases.SPATIAL)


# What lockstep draws: src/random/philox.h. Addresses are those of the test's engine.
SEED, UPDATE, NODE, AUGMENTATION = 1, 0, 3, 7


def philox(counter, key):
    c, k, mask = list(counter), list(key), 0xFFFFFFFF
    for _ in range(10):
        p0, p1 = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & mask, (p0 >> 32) ^ c[3] ^ k[1], p0 & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return c


class Stream:
    def __init__(self, seed, a, b):
        key = philox((AUGMENTATION, 0, 0, 0), (seed & 0xFFFFFFFF, seed >> 32))
        folded = philox((a & 0xFFFFFFFF, a >> 32, b & 0xFFFFFFFF, b >> 32), key[:2])
        self.key, self.high = folded[:2], folded[2:]

    def uniform(self, i):
        return (philox((i // 4, 0, *self.high), self.key)[i % 4] >> 8) * 2.0**-24

    def normal(self, i):
        u, v = self.uniform(i // 2 * 2), self.uniform(i // 2 * 2 + 1)
        return np.sqrt(-2 * np.log(1 - u)) * (np.sin if i % 2 else np.cos)(2 * np.pi * v)


class Drawn:
    """In the place of a layer's backend: its random numbers are lockstep's, one after the other for every sample."""

    def __init__(self, backend, seed):
        self.backend, self.random, self.seed, self.next = backend, self, seed, 0

    def __getattr__(self, name):
        return getattr(self.backend, name)

    def rows(self, shape):
        return [Stream(self.seed, UPDATE, (NODE << 40) ^ row) for row in range(shape[0] if len(shape) else 1)]

    def uniform(self, shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
        n = int(np.prod(shape[1:]))
        u = np.array([[s.uniform(self.next + i) for i in range(n)] for s in self.rows(shape)]).reshape(shape)
        self.next += n
        return tf.constant(u * (maxval - minval) + minval, dtype or keras.config.floatx())

    def normal(self, shape, dtype=None, seed=None):
        n = int(np.prod(shape[1:]))
        values = [[s.normal(8 + i) for i in range(n)] for s in self.rows(shape)]
        return tf.constant(np.array(values).reshape(shape), dtype or keras.config.floatx())


def run_augmentation(config, x, dy, dtype):
    (name, arguments), = config.items()
    layer = build("layer", config)
    layer.backend = Drawn(layer.backend, (arguments or {}).get("seed", SEED))
    image = tf.constant(as_run(x, dtype))
    with tf.GradientTape() as tape:
        tape.watch(image)
        y = layer(image, training=True)
    results = {"y_train": y}
    if "rotation" not in name and "translation" not in name and "zoom" not in name:  # TensorFlow's is not the gradient
        results["dx0"] = tape.gradient(y, image, output_gradients=tf.constant(as_run(dy, dtype)))
    if "crop" not in name:  # Keras 3.15 leaves images whole then, whatever shape it says they have
        results["y"] = layer(image, training=False)
    return {key: value.numpy() for key, value in results.items()}


def make_augmentation():
    with golden("augmentation.h5") as file:
        for name, yaml_text, shapes in cases.AUGMENTATION:
            config = yaml.safe_load(yaml_text)
            rng = generator("augmentation", name)
            x, = layer_inputs(rng, shapes)
            out = run_augmentation(config, x, x, "float32") if "crop" not in name else None
            shape = x.shape if out else (len(x), *list(config["random_crop"].values())[:2], x.shape[-1])
            dy = normal(rng, shape)
            group = new_case(file, name, yaml_text)
            put_all(group, {"x0": x, "dy": dy})
            runs = []
            for suffix, dtype in PRECISIONS.items():
                if dtype == "float64" and "rotation" in name:
                    continue  # Keras has it in float32 only
                with precision(dtype):
                    runs.append(run_augmentation(config, x, dy, dtype))
                put_all(group, runs[-1], suffix)
            for key in runs[0]:
                check_close(f"{name}/{key}", [runs[0][key], runs[-1][key]], atol=2e-5)


def make_layer_cases(path, table):
    with golden(path) as file:
        for name, yaml_text, shapes in table:
            config = yaml.safe_load(yaml_text)
            training = "batch_normalization" in config and "frozen" not in name
            rng = generator("layers", name)
            inputs = layer_inputs(rng, shapes)
            masked = name.startswith("masked_")
            for x in inputs if masked else []:  # of the first sample all steps are, of the last none
                x[rng.random(x.shape[:2]) < np.linspace(0.7 if "mean" in name else 1.1, 0, len(x))[:, None]] = 0
            with precision("float32"):
                layer = build("layer", config)
                out = call(layer, argument_of([tf.constant(x) for x in inputs], masked))
                weights = layer_weights(rng, layer)
            dy = normal(rng, out.shape)
            group = new_case(file, name, yaml_text)
            group.attrs["gradient_training"] = np.int32(training)
            group.attrs["inputs"] = np.int32(len(inputs))
            put_all(group, {f"x{i}": x for i, x in enumerate(inputs)} | {"dy": dy})
            put_all(group, {f"weights/{n}": w for n, w in weights.items()})
            runs = []
            for suffix, dtype in PRECISIONS.items():
                if dtype == "float64" and "pooling3d" in name and "global" not in name:
                    continue  # TensorFlow has it in float32 only
                with precision(dtype):
                    runs.append(run_layer(config, inputs, weights, dy, training, dtype, masked))
                put_all(group, runs[-1], suffix)
            for key in runs[0]:
                check_close(f"{name}/{key}", [runs[0][key], runs[-1][key]])


# ----------------------------------------------------------------------------------------------------------------------
# activations.h5


def make_activations():
    with golden("activations.h5") as file:
        for yaml_text in cases.ACTIVATIONS:
            name, arguments = name_and_arguments(yaml.safe_load(yaml_text))
            case = "_".join([name, *(k for k in sorted(arguments))])
            rng = generator("activations", case)
            z = np.concatenate([normal(rng, (6, 4)) * np.float32(2), cases.ACTIVATION_ENDS])
            dy = normal(rng, z.shape)
            group = new_case(file, case, yaml_text)
            put_all(group, {"z": z, "dy": dy})
            runs = []
            for suffix, dtype in PRECISIONS.items():
                with precision(dtype), tf.GradientTape() as tape:
                    t = tf.constant(as_run(z, dtype))
                    tape.watch(t)
                    y = tf.convert_to_tensor(activation(yaml.safe_load(yaml_text))(t))
                dz = tape.gradient(y, t, output_gradients=tf.constant(as_run(dy, dtype)))
                runs.append({"y": y.numpy(), "dz": dz.numpy()})
                put_all(group, runs[-1], suffix)
            for key in runs[0]:
                check_close(f"{case}/{key}", [run[key] for run in runs])


# ----------------------------------------------------------------------------------------------------------------------
# losses.h5


def targets_and_predictions(rng, kind, shape):
    """kind: what the loss expects. Values stay away from kinks and, unless the case is about it, from clipping."""
    uniform = rng.uniform(0.05, 0.95, shape).astype(np.float32)
    real = normal(rng, shape) * np.float32(2)
    if kind == "real":
        return normal(rng, shape), real
    if kind == "positive":
        return rng.uniform(0.1, 3, shape).astype(np.float32), rng.uniform(0.1, 3, shape).astype(np.float32)
    if kind == "counts":
        return rng.integers(0, 5, shape).astype(np.float32), rng.uniform(0.1, 3, shape).astype(np.float32)
    if kind in ("binary", "binary_logits"):
        return rng.integers(0, 2, shape).astype(np.float32), uniform if kind == "binary" else real
    if kind == "signs":
        return (rng.integers(0, 2, shape) * 2 - 1).astype(np.float32), real
    if kind == "zero_one_hinge":
        return rng.integers(0, 2, shape).astype(np.float32), real
    if kind == "three_labels":
        return (rng.integers(0, 6, shape) % 3 - 1).astype(np.float32), real
    if kind in ("soft", "distributions"):
        target = rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(np.float32)
        return target, rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(np.float32)
    if kind in ("classes", "classes_logits", "classes_unnormalized"):
        normalized = uniform / uniform.sum(-1, keepdims=True)
        return one_hot(rng, shape), {"classes": normalized, "classes_logits": real}.get(kind, uniform)
    assert kind in ("labels", "labels_logits", "labels_column")
    labels = rng.integers(0, shape[-1], shape[:-1]).astype(np.int32)
    normalized = uniform / uniform.sum(-1, keepdims=True)
    return labels[..., None] if kind == "labels_column" else labels, real if kind == "labels_logits" else normalized


def run_loss(config, target, pred, weight, fused, dtype):
    """value and gradient; with `fused` the gradient is with respect to the logits, and pred are the logits."""
    target = tf.constant(as_run(target, dtype))
    variable = tf.constant(as_run(pred, dtype))
    results = {}
    for suffix, w in {"": None, "_weighted": tf.constant(as_run(weight, dtype))}.items():
        with tf.GradientTape() as tape:
            tape.watch(variable)
            output = activation(fused)(variable) if fused else variable
            value = build("loss", config)(target, output, sample_weight=w)
        gradient = tape.gradient(value, variable)
        results |= {f"loss{suffix}": value, f"{'dlogits' if fused else 'dpred'}{suffix}": gradient}
    output = activation(fused)(variable) if fused else variable
    results["values"] = build("loss", config, reduction="none")(target, output)
    return {name: np.asarray(value) for name, value in results.items()}


def make_losses():
    with golden("losses.h5") as file:
        for name, yaml_text, kind, shape, *rest in cases.LOSSES + cases.FUSED:
            fused = rest[0] if rest else None
            config = yaml.safe_load(yaml_text)
            rng = generator("losses", name)
            target, pred = targets_and_predictions(rng, kind, shape)
            if fused:  # far beyond where probabilities are clipped: only the fused form has a gradient there
                pred[0] *= np.float32(20)
            weight = rng.integers(0, 5, shape[:-1]).astype(np.float32) / np.float32(2)
            group = new_case(file, name, yaml_text)
            put_all(group, {"target": target, "sample_weight": weight, "logits" if fused else "pred": pred})
            if fused:
                group.attrs["fused"] = text(fused)
                put(group, "pred", np.asarray(activation(fused)(tf.constant(pred))))
            runs = []
            for suffix, dtype in PRECISIONS.items():
                with precision(dtype):
                    runs.append(run_loss(config, target, pred, weight, fused, dtype))
                put_all(group, runs[-1], suffix)
            for key in runs[0]:
                check_close(f"{name}/{key}", [run[key] for run in runs])


# ----------------------------------------------------------------------------------------------------------------------
# metrics.h5


def run_metric(config, batches, weighted, dtype):
    """The result after each of the batches."""
    # By default Keras counts in integers there, and cuts weights to them.
    metric = build("metric", config, **({"dtype": dtype} if "iou" in next(iter(config)) else {}))
    results = []
    for target, pred, weight in batches:
        metric.update_state(as_run(target, dtype), as_run(pred, dtype),
                            sample_weight=as_run(weight, dtype) if weighted else None)
        results.append(np.asarray(metric.result()))
    return np.array(results)


def make_metrics():
    with golden("metrics.h5") as file:
        for name, yaml_text, kind, axes, *resolved in cases.METRICS:
            config = resolved[0] if resolved else yaml.safe_load(yaml_text)
            rng = generator("metrics", name)
            batches = []
            for size in cases.METRIC_BATCHES:
                target, pred = targets_and_predictions(rng, kind, (size, *axes))
                batches.append((target, pred, rng.integers(1, 6, size).astype(np.float32) / np.float32(2)))
            group = new_case(file, name, yaml_text)
            if resolved:
                group.attrs["resolved"] = text(resolved[0])
            for i, (target, pred, weight) in enumerate(batches):
                put_all(group, {f"target{i}": target, f"pred{i}": pred, f"weight{i}": weight})
            for key, weighted in {"result": False, "result_weighted": True}.items():
                runs = []
                for suffix, dtype in PRECISIONS.items():
                    if dtype == "float64" and "top_k" in name:  # TensorFlow has it in float32 only
                        continue
                    with precision(dtype):
                        runs.append(run_metric(config, batches, weighted, dtype))
                    put(group, key + suffix, runs[-1])
                check_close(f"{name}/{key}", [runs[0], runs[-1]])


# ----------------------------------------------------------------------------------------------------------------------
# schedules.h5, optimizers.h5


def make_schedules():
    with golden("schedules.h5") as file:
        for name, yaml_text in cases.SCHEDULES:
            group = new_case(file, name, yaml_text)
            runs = []
            for suffix, dtype in PRECISIONS.items():
                with precision(dtype):
                    schedule = build("schedule", yaml.safe_load(yaml_text))
                    rates = [np.asarray(schedule(step)) for step in range(cases.SCHEDULE_STEPS)]
                runs.append(np.array(rates, dtype=dtype))
                put(group, "lr" + suffix, runs[-1])
            check_close(name, runs, rtol=1e-6, atol=2e-8)


def run_optimizer(config, weights, gradients, dtype):
    variables = [keras.Variable(as_run(w, dtype), dtype=dtype, name=f"w{i}") for i, w in enumerate(weights)]
    optimizer = build("optimizer", config)
    optimizer.build(variables)
    trace = [[] for _ in variables]
    for step in range(cases.OPTIMIZER_UPDATES):
        optimizer.apply([tf.constant(as_run(g[step], dtype)) for g in gradients], variables)
        for values, variable in zip(trace, variables):
            values.append(variable.numpy().copy())
    results = {f"w{i}": np.array(values) for i, values in enumerate(trace)}
    if optimizer.use_ema:
        optimizer.finalize_variable_values(variables)
        results |= {f"w{i}_ema": v.numpy() for i, v in enumerate(variables)}
    return results


def make_optimizers():
    with golden("optimizers.h5") as file:
        rng = generator("optimizers")
        weights = [normal(rng, shape) for shape in cases.OPTIMIZER_SHAPES]
        gradients = [normal(rng, (cases.OPTIMIZER_UPDATES, *shape)) * np.float32(0.5)
                     for shape in cases.OPTIMIZER_SHAPES]
        gradients[0][:, 0, 0] = 0               # never a gradient: weight decay and sign(0) show
        gradients[1][:4, 1] = 0                 # late ones
        gradients[0][:, 2, 3] *= np.float32(1e-4)  # small ones: where epsilon matters
        put_all(file, {f"w{i}_initial": w for i, w in enumerate(weights)})
        put_all(file, {f"g{i}": g for i, g in enumerate(gradients)})
        for name, yaml_text in cases.OPTIMIZERS:
            group = new_case(file, name, yaml_text)
            runs = []
            for suffix, dtype in PRECISIONS.items():
                with precision(dtype):
                    runs.append(run_optimizer(yaml.safe_load(yaml_text), weights, gradients, dtype))
                put_all(group, runs[-1], suffix)
            for key in runs[0]:
                check_close(f"{name}/{key}", [run[key] for run in runs], atol=5e-6)


# ----------------------------------------------------------------------------------------------------------------------
# models.h5


def make_data(rng, inputs, outputs):
    """x and y by name. Targets depend on the inputs, so that there is something to learn."""
    x, y = {}, {}
    for name, shape in inputs.items():
        if shape[0] == "tokens":
            x[name] = rng.integers(0, 10, (cases.SAMPLES, shape[1])).astype(np.int32)
        elif shape[0] == "unit":
            x[name] = (rng.integers(0, 256, (cases.SAMPLES, shape[1])) / 255).astype(np.float32)
        else:
            x[name] = normal(rng, (cases.SAMPLES, *shape))
    flat = np.concatenate([v.reshape(cases.SAMPLES, -1) for v in x.values()], axis=1).astype(np.float64)
    for name, (kind, width) in outputs.items():
        all_of_it = int(np.prod(width))
        score = (flat - flat.mean(0)) @ rng.standard_normal((flat.shape[1], all_of_it)) + 0.5 * rng.standard_normal(
            (cases.SAMPLES, all_of_it))
        y[name] = {"labels": lambda: score.argmax(1).astype(np.int32),
                   "tags": lambda: score.reshape(cases.SAMPLES, *width).argmax(-1).astype(np.int32),
                   "classes": lambda: np.eye(width, dtype=np.float32)[score.argmax(1)],
                   "binary": lambda: (score[:, 0] > 0).astype(np.int32),
                   "real": lambda: (score / score.std()).astype(np.float32)}[kind]()
    return x, y


def build_model(experiment, x):
    described = experiment["model"]
    keys = ("name", "inputs", "shares")
    if isinstance(described, list):
        value, = x.values()
        stack = [keras.Input(value.shape[1:], dtype=value.dtype.name if value.dtype.kind == "i" else None)]
        for entry in described:
            kind, = (k for k in entry if k not in keys)
            stack.append(build("layer", {kind: entry[kind]}, name=entry["name"]))
        return keras.Sequential(stack)
    tensors = {name: keras.Input(node["shape"], name=name) for name, node in described["inputs"].items()}
    inputs, layers = list(tensors.values()), {}
    for entry in described["layers"]:
        if "shares" in entry:
            layer = layers[entry["shares"]]
        else:
            kind, = (k for k in entry if k not in keys)
            layer = layers[entry["name"]] = build("layer", {kind: entry[kind]}, name=entry["name"])
        arguments = [tensors[name] for name in entry["inputs"]]
        tensors[entry["name"]] = call(layer, arguments[0] if len(arguments) == 1 else arguments)
    outputs = [tensors[name] for name in described["outputs"]]
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs if len(outputs) > 1 else outputs[0])


def initial_weights(rng, model):
    scale = {"kernel": 0.4, "recurrent_kernel": 0.4, "embeddings": 0.4, "bias": 0.1, "beta": 0.1, "gamma": 0.1}
    weights = {}
    for layer in model.layers:
        for v in layer.weights:
            start = 1 if v.name in ("gamma", "moving_variance") else 0
            weights[f"{layer.name}/{name_of(layer, v)}"] = np.float32(start) + normal(rng, v.shape) * np.float32(
                scale.get(v.name, 0))
    return weights


def weights_of(model):
    return {f"{layer.name}/{name_of(layer, v)}": v.numpy().copy() for layer in model.layers for v in layer.weights}


def with_dense_gradients(optimizer):
    """
    TensorFlow hands an embedding's gradient on as slices, one per token. An optimizer that squares it then gets the sum
    of squares instead of the square of the sum, unlike on any other backend.
    """
    apply = optimizer.apply
    optimizer.apply = lambda grads, variables=None: apply([tf.convert_to_tensor(g) for g in grads], variables)
    return optimizer


def run_model(experiment, x, y, weights, dtype):
    model = build_model(experiment, x)
    for layer in model.layers:
        for v in layer.weights:
            v.assign(weights[f"{layer.name}/{name_of(layer, v)}"])
    described = experiment["model"]
    output_names = [described[-1]["name"]] if isinstance(described, list) else described["outputs"]
    compiled, fit = dict(experiment["compile"]), dict(experiment["fit"])
    fit.pop("microbatch")
    optimizer, loss = build("optimizer", compiled.pop("optimizer")), compiled.pop("loss")
    if isinstance(loss, dict) and not set(loss) <= set(output_names):
        loss = build("loss", loss)
    # Eagerly, if there are several losses: Keras weights each with the static size of the batch, unknown in a graph.
    model.compile(optimizer=with_dense_gradients(optimizer), loss=loss, jit_compile=False,
                  run_eagerly=len(output_names) > 1, **compiled)
    after_first = {}

    def keep_first(batch, logs):
        if not after_first:
            after_first.update(weights_of(model))

    inputs = [as_run(v, dtype) for v in x.values()]
    targets = [as_run(v, dtype) for v in (y or x).values()]
    inputs, targets = (v if len(v) > 1 else v[0] for v in (inputs, targets))
    history = model.fit(inputs, targets, verbose=0, callbacks=[keras.callbacks.LambdaCallback(
        on_train_batch_end=keep_first)], **fit).history
    assert int(optimizer._iterations) == 20  # batches; also under gradient accumulation
    results = {f"weights_first/{n}": w for n, w in after_first.items()}
    results |= {f"weights_final/{n}": w for n, w in weights_of(model).items()}
    results |= {f"history/{n}": np.array(v, dtype=np.float64) for n, v in history.items()}
    evaluated = model.evaluate(inputs, targets, batch_size=cases.BATCH_SIZE, verbose=0, return_dict=True)
    results |= {f"evaluate/{n}": np.float64(v) for n, v in evaluated.items()}
    predicted = model.predict(inputs, batch_size=cases.BATCH_SIZE, verbose=0)
    predicted = predicted if isinstance(predicted, list) else [predicted]
    results |= {f"predict/{n}": p for n, p in zip(output_names, predicted)}
    return results, [layer.name for layer in model.layers]


def make_models():
    make_model_cases("models.h5", cases.MODELS)


def make_sequence_models():
    make_model_cases("sequence_models.h5", cases.SEQUENCE_MODELS)


def make_model_cases(path, table):
    with golden(path) as file:
        for name, (yaml_text, inputs, outputs) in table.items():
            yaml_text = f"name: {name}\nseed: 1\n{yaml_text.replace('NAME', name)}"
            experiment = yaml.safe_load(yaml_text)
            rng = generator("models", name)
            x, y = make_data(rng, inputs, outputs)
            with precision("float32"):
                weights = initial_weights(rng, build_model(experiment, x))
            group = file.create_group(name)
            group.attrs["experiment"] = text(yaml_text)
            put_all(group, {f"train/{n}": v for n, v in (x | y).items()})
            put_all(group, {f"weights_initial/{n}": w for n, w in weights.items()})
            runs = []
            for suffix, dtype in PRECISIONS.items():
                with precision(dtype):
                    results, layers = run_model(experiment, x, y, weights, dtype)
                runs.append(results)
                put_all(group, results, suffix)
            group.attrs["layers"] = text(" ".join(layers))
            for key in runs[0]:
                check_close(f"{name}/{key}", [run[key] for run in runs], atol=1e-5, rtol=1e-4)
            final = [k for k in runs[0] if k.startswith("weights_final")]
            print(f"  {name}: largest |float32 - float64| in final weights",
                  f"{max(np.abs(runs[0][k] - runs[1][k]).max() for k in final):.1e}")


# ----------------------------------------------------------------------------------------------------------------------
# callbacks.json


def callback_model():
    """Its one weight will hold the epoch, so that a restored epoch can be read from it."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(cases.INITIAL_LR), "mse", metrics=["accuracy", "mae"], jit_compile=False)
    model.fit(np.ones((2, 1)), np.ones((2, 1)), verbose=0)  # metrics are built: mode: auto can be resolved
    return model


def run_callback(model, kind, config, monitor, values):
    """The hooks of a fit without validation batches; logs hold float32 values, as Keras's do."""
    callback = build("callback", {kind: config})
    model.stop_training = False
    model.optimizer.learning_rate = cases.INITIAL_LR
    saves = []
    place = {"epoch": 0, "batch": 0}
    model.save = lambda path, **_: saves.append({**place, "path": str(path)})
    model.save_weights = model.save
    callback.set_params({"verbose": 0, "epochs": len(values), "steps": cases.BATCHES_PER_EPOCH})
    callback.set_model(model)
    callback.on_train_begin({})
    rates, logged = [], []
    for epoch, value in enumerate(values):
        logs = {monitor: float("nan") if value is None else value}
        callback.on_epoch_begin(epoch, {})
        for batch in range(cases.BATCHES_PER_EPOCH):
            place.update(epoch=epoch, batch=batch)
            callback.on_train_batch_begin(batch, {})
            callback.on_train_batch_end(batch, dict(logs) if monitor == "loss" else {})
        place["batch"] = None
        model.layers[0].kernel.assign([[float(epoch)]])
        callback.on_epoch_end(epoch, logs)
        rates.append(float(model.optimizer.learning_rate))
        logged.append(logs.get("learning_rate"))
        if model.stop_training:
            break
    callback.on_train_end(logs)
    if kind == "early_stopping":
        return {"epochs_run": len(rates), "stopped": bool(model.stop_training), "stopped_epoch": callback.stopped_epoch,
                "weights_of_epoch": int(np.asarray(model.layers[0].kernel)[0, 0]), "wait": callback.wait}
    if kind == "reduce_lr_on_plateau":
        return {"learning_rate_after": rates, "learning_rate_logged": [float(v) for v in logged]}
    return {"saves": saves, "files": sorted({s["path"] for s in saves})}


def make_callbacks():
    with precision("float32"):
        model = callback_model()
    entries = []
    for kind, table in {"early_stopping": cases.EARLY_STOPPING, "reduce_lr_on_plateau": cases.REDUCE_LR,
                        "model_checkpoint": cases.CHECKPOINT}.items():
        for arguments, raw in table:
            yaml_text = f"{kind}: {{{arguments}}}"
            config = yaml.safe_load(yaml_text)[kind]
            monitor = config.get("monitor", "val_loss")
            values = [None if v is None else float(np.float32(v)) for v in raw]
            entries.append({"config": yaml_text, "monitor": monitor, "values": values,
                            "expect": run_callback(model, kind, config, monitor, values)})
    document = {"format_version": FORMAT_VERSION, "made_by": "tests/golden/generate.py",
                "keras_version": keras.__version__, "backend": keras.backend.backend(),
                "backend_version": tf.__version__, "initial_learning_rate": float(np.float32(cases.INITIAL_LR)),
                "batches_per_epoch": cases.BATCHES_PER_EPOCH}
    lines = ",\n".join("  " + json.dumps(entry) for entry in entries)
    path = HERE / "callbacks.json"
    path.write_text(json.dumps(document, indent=1)[:-2] + f',\n "cases": [\n{lines}\n ]\n}}\n')
    json.loads(path.read_text())
    print(f"callbacks.json: {path.stat().st_size / 1024:.0f} KiB, {len(entries)} cases")


def main():
    makers = {"layers": make_layers, "augmentation": make_augmentation, "sequences": make_sequences,
              "attention": make_attention, "spatial": make_spatial,
              "activations": make_activations, "losses": make_losses, "metrics": make_metrics,
              "schedules": make_schedules, "optimizers": make_optimizers, "models": make_models,
              "sequence_models": make_sequence_models,
              "callbacks": make_callbacks}
    chosen = sys.argv[1:] or list(makers)
    for name in chosen:
        if name not in makers:
            sys.exit(f"generate.py: no golden file '{name}'; known: {', '.join(makers)}")
    tf.get_logger().setLevel("ERROR")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(1)
    for name in chosen:
        makers[name]()


if __name__ == "__main__":
    main()
