#!/usr/bin/env python3
"""keras_files/: models that the real Keras saved in its three formats. README.md tells what is in the folder.

    venv/bin/python make_keras_files.py [DATA...]   # with requirements.txt, as generate.py; about a minute

DATA: data, sequences, masks, spatial, nested; all of them if none is named.
"""

import os
import sys
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="")

import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import constraints, initializers, layers, losses, metrics, optimizers, regularizers  # noqa: E402

OUT = Path(__file__).parent / "keras_files"
N, BATCH = 13, 5
rng = np.random.default_rng(20260101)


def image():
    """Sequential: images, normalizations, every kind of argument, and a schedule."""
    model = keras.Sequential([
        keras.Input((8, 8, 2), name="pixels"),
        layers.Conv2D(4, 3, padding="same", activation="leaky_relu", kernel_regularizer="l2", name="zebra"),
        layers.BatchNormalization(epsilon=0.01),
        layers.MaxPooling2D(),
        layers.LeakyReLU(),
        layers.Conv2D(4, (2, 1), strides=1, groups=2, use_bias=False, dilation_rate=1,
                      kernel_initializer=initializers.HeNormal(seed=3), kernel_constraint=constraints.MaxNorm(3.0)),
        layers.BatchNormalization(scale=False, trainable=False, name="apple"),
        layers.ReLU(max_value=6.0, negative_slope=0.1),
        layers.GaussianNoise(0.1),
        layers.AveragePooling2D(2, strides=1, padding="same"),
        layers.LayerNormalization(axis=[1, 2, 3]),
        layers.Dropout(0.3, noise_shape=(None, 1, 1, 4), seed=7),
        layers.GlobalAveragePooling2D(),
        layers.Dense(6, activation="silu", bias_regularizer=regularizers.L1L2(0.01, 0.02),
                     activity_regularizer=regularizers.L1(0.001), name="dense_10"),
        layers.ELU(alpha=0.5),
        layers.Dense(4, trainable=False),
        layers.LayerNormalization(center=False),
        layers.Dense(3, name="a_first_name"),
        layers.Softmax(),
    ], name="images")
    model.compile(
        optimizers.Adam(optimizers.schedules.ExponentialDecay(0.01, 100, 0.9), amsgrad=True, clipnorm=1.0),
        losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy", metrics.AUC(num_thresholds=50), metrics.RootMeanSquaredError(name="distance"),
                 metrics.TopKCategoricalAccuracy(k=2), metrics.CategoricalCrossentropy()],
        weighted_metrics=["mae"])
    return model, rng.normal(size=(N, 8, 8, 2)), np.eye(3)[rng.integers(0, 3, N)]


def graph():
    """Shared layers, three inputs, two outputs, every merging layer, and an operation of Python's own."""
    a, b = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    words = keras.Input((5,), dtype="int32", name="words")
    shared = layers.Dense(3, activation="tanh", name="shared")
    table = layers.Embedding(7, 3, name="table")
    x, y = shared(a), shared(layers.Dense(4, activation="gelu", name="narrow")(b))
    text = layers.Permute((2, 1))(table(words))
    text = layers.Dense(3, kernel_constraint=constraints.UnitNorm(), name="text")(layers.Flatten()(text))
    merged = [layers.Add()([x, y]), layers.Subtract()([x, y]), layers.Multiply()([x, text]), x + text,
              layers.Average()([x, y, text]), layers.Maximum()([x, y])]
    merged.append(layers.Dot(axes=(2, 2), normalize=True)(
        [layers.Reshape((1, 3))(x), layers.Reshape((-1, 3))(text)]))
    merged[-1] = layers.Reshape((1,))(merged[-1])
    all_of_it = layers.Concatenate(name="all")(merged)
    all_of_it = layers.BatchNormalization(name="norm")(all_of_it)
    price = layers.Dense(1, kernel_initializer="ones", name="price")(all_of_it)
    kind = layers.Dense(3, activation="softmax", name="kind")(layers.Activation("softplus")(all_of_it))
    model = keras.Model([a, b, words], [price, kind], name="graph")
    model.compile(optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
                  [losses.Huber(delta=0.5), "sparse_categorical_crossentropy"], loss_weights=[1.0, 0.5],
                  metrics=[["mae", metrics.R2Score()], ["acc"]])
    inputs = {"left": rng.normal(size=(N, 4)), "right": rng.normal(size=(N, 4)),
              "words": rng.integers(0, 7, (N, 5)).astype("int32")}
    return model, inputs, {"price": rng.normal(size=(N, 1)), "kind": rng.integers(0, 3, N).astype("int32")}


def dictionary():
    """Inputs and outputs by names of their own, compiled by them; the same dense layer class in odd order."""
    a, b = keras.Input((3,), name="z_in"), keras.Input((3,), name="a_in")
    first = layers.Dense(3, activation="selu", name="d9")(a)
    second = layers.Dense(3, activation="hard_sigmoid", name="d1")(b)
    up = layers.Dense(2, name="up")(layers.Add()([first, second]))
    down = layers.Dense(1, activation="sigmoid", name="down")(layers.Multiply()([first, second]))
    model = keras.Model({"z": a, "a": b}, {"zeta": up, "alpha": down}, name="dictionary")
    model.compile("rmsprop", {"zeta": "mse", "alpha": "binary_crossentropy"}, loss_weights={"zeta": 2.0, "alpha": 1.0},
                  metrics={"alpha": ["accuracy", "mse"]})
    inputs = {"z_in": rng.normal(size=(N, 3)), "a_in": rng.normal(size=(N, 3))}
    return model, inputs, {"up": rng.normal(size=(N, 2)), "down": rng.integers(0, 2, (N, 1)).astype("float32")}


def sequences():
    """Recurrent layers, stacked and wrapped, with every argument."""
    model = keras.Sequential([
        keras.Input((6,), dtype="int32", name="words"),
        layers.Embedding(9, 4),
        layers.LSTM(5, return_sequences=True, recurrent_activation="hard_sigmoid", dropout=0.1, seed=3,
                    kernel_regularizer="l2", recurrent_constraint=constraints.MaxNorm(2.0), name="zz"),
        layers.LSTM(4, return_sequences=True, unit_forget_bias=False, recurrent_initializer="glorot_uniform"),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both"),
        layers.Bidirectional(layers.GRU(3, return_sequences=True, reset_after=False), merge_mode="mul"),
        layers.Bidirectional(
            layers.SimpleRNN(4, return_sequences=True, go_backwards=True), merge_mode="sum",
            backward_layer=layers.GRU(4, return_sequences=True, activation=layers.LeakyReLU(negative_slope=0.2))),
        layers.TimeDistributed(layers.Dense(5, activation="silu", use_bias=False)),
        layers.TimeDistributed(layers.Reshape((5, 1))),
        layers.TimeDistributed(layers.Bidirectional(layers.LSTM(2)), name="letters"),
        layers.TimeDistributed(layers.Dropout(0.2)),
        layers.GRU(4, return_sequences=True, go_backwards=True, recurrent_dropout=0.2, use_bias=False),
        layers.SimpleRNN(5, activation="softsign", recurrent_regularizer=regularizers.L1(0.01)),
        layers.RepeatVector(3),
        layers.GRU(4, bias_constraint="non_neg", activity_regularizer=regularizers.L2(0.01), unroll=True),
        layers.Dense(3, activation="softmax"),
    ], name="sentences")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, rng.integers(0, 9, (N, 6)).astype("int32"), rng.integers(0, 3, N).astype("int32")


def kinds():
    """Activations with and without arguments, as layers; dropouts; einsum_dense."""
    model = keras.Sequential([
        keras.Input((4, 6), name="numbers"),
        layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de", activation="mish", name="heads"),
        layers.SpatialDropout2D(0.2),
        layers.EinsumDense("...de,def->...f", output_shape=5, activation="log_softmax", kernel_regularizer="l2"),
        layers.PReLU(alpha_initializer="glorot_uniform", shared_axes=[1]),
        layers.SpatialDropout1D(0.1, seed=2),
        layers.Softmax(axis=1),
        layers.Identity(),
        layers.ActivityRegularization(l1=0.01, l2=0.02),
        layers.AlphaDropout(0.2),
        layers.GaussianDropout(0.3, seed=4),
        layers.Reshape((2, 2, 1, 5)),
        layers.SpatialDropout3D(0.3),
        layers.Flatten(),
        layers.Dense(6, activation="celu"),
        layers.Dense(6, activation="hard_swish"),
        layers.Dense(6, activation="squareplus"),
        layers.Dense(5, activation="tanh_shrink"),
        layers.Dense(5, activation="sparse_plus"),
        layers.Dense(3, activation="relu6"),
        layers.Activation("log_sigmoid"),
    ], name="kinds")
    model.compile("adam", "mse")
    return model, rng.normal(size=(N, 4, 6)), rng.normal(size=(N, 3))


def lines():
    """One axis: convolutions, poolings, sizes."""
    x = keras.Input((12, 3), name="line")
    y = layers.ZeroPadding1D((2, 1))(layers.Rescaling(0.5, offset=0.1)(x))
    y = layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="elu", name="zz")(y)
    y = layers.MaxPooling1D(2, strides=1, padding="same")(y)
    y = layers.SeparableConv1D(5, 3, depth_multiplier=2, activation="relu6", pointwise_regularizer="l2")(y)
    y = layers.AveragePooling1D(2)(y)
    y = layers.Conv1DTranspose(4, 3, strides=2, padding="same", output_padding=1)(y)
    y = layers.DepthwiseConv1D(2, padding="same", use_bias=False)(y)
    y = layers.UpSampling1D(2)(y)
    y = layers.Cropping1D((1, 2))(y)
    parts = [layers.GlobalAveragePooling1D()(y), layers.GlobalMaxPooling1D()(y),
             layers.Flatten()(layers.AdaptiveMaxPooling1D(2)(y)),
             layers.Flatten()(layers.AdaptiveAveragePooling1D(3)(y))]
    parts.append(layers.Minimum()(parts[:2]))
    y = layers.Dense(3, activation="softmax", name="class")(layers.Concatenate()(parts))
    model = keras.Model(x, y, name="lines")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, rng.normal(size=(N, 12, 3)), rng.integers(0, 3, N).astype("int32")


def pictures():
    """Two axes."""
    x = keras.Input((7, 6, 2), name="picture")
    y = layers.ZeroPadding2D(((1, 0), (2, 1)))(layers.GroupNormalization(2, center=False)(x))
    y = layers.Conv2DTranspose(3, (3, 2), strides=2, padding="same", activation="silu")(y)
    y = layers.SeparableConv2D(4, 3, strides=2, padding="same", depth_multiplier=2)(y)
    y = layers.DepthwiseConv2D(2, depth_multiplier=2, dilation_rate=2, depthwise_constraint=constraints.MaxNorm(2.0))(y)
    y = layers.UpSampling2D((2, 1), interpolation="bilinear")(y)
    y = layers.UpSampling2D(2)(y)
    y = layers.Cropping2D(((1, 0), (0, 2)))(y)
    parts = [layers.GlobalMaxPooling2D()(y), layers.Flatten()(layers.AdaptiveMaxPooling2D((2, 3))(y)),
             layers.Flatten()(layers.AdaptiveAveragePooling2D(2)(y))]
    y = layers.UnitNormalization()(layers.RMSNormalization()(layers.Concatenate()(parts)))
    model = keras.Model(x, layers.Dense(2, name="value")(y), name="pictures")
    model.compile("adam", "mse")
    return model, rng.normal(size=(N, 7, 6, 2)), rng.normal(size=(N, 2))


def volumes():
    """Three axes."""
    x = keras.Input((4, 4, 3, 2), name="volume")
    y = layers.ZeroPadding3D((1, 0, 1))(x)
    y = layers.Conv3D(3, (2, 1, 3), padding="same", activation="tanh")(y)
    y = layers.MaxPooling3D((2, 1, 2), strides=1)(y)
    y = layers.Conv3DTranspose(3, 2, strides=(1, 2, 1))(y)
    y = layers.AveragePooling3D(2, padding="same")(y)
    y = layers.UpSampling3D((1, 2, 2))(y)
    y = layers.Cropping3D(((0, 1), (1, 0), (0, 0)))(y)
    parts = [layers.GlobalAveragePooling3D()(y), layers.GlobalMaxPooling3D()(y),
             layers.Flatten()(layers.AdaptiveMaxPooling3D(2)(y)),
             layers.Flatten()(layers.AdaptiveAveragePooling3D((2, 3, 2))(y))]
    model = keras.Model(x, layers.Dense(2, name="value")(layers.Concatenate()(parts)), name="volumes")
    model.compile("adam", "mse")
    return model, rng.normal(size=(N, 4, 4, 3, 2)), rng.normal(size=(N, 2))


def masks():
    """A graph of masked sequences: Keras writes down the operations that it computes their masks with."""
    words = keras.Input((6,), dtype="int32", name="words")
    steps = keras.Input((6, 3), name="steps")
    table = layers.Embedding(9, 4, mask_zero=True, name="table")(words)
    given = layers.Masking(name="given")(layers.Dense(3, activation="relu", name="narrow")(steps))
    one = layers.LSTM(3, return_sequences=True, name="one")(table)
    two = layers.LSTM(3, return_sequences=True, name="two")(given)
    both = layers.Add(name="both")([one, layers.Dropout(0.1)(two)])
    side = layers.Concatenate(name="side")([both, one, steps])
    last = layers.Bidirectional(layers.GRU(2), name="last")(side)
    tags = layers.Dense(3, activation="softmax", name="tags")(
        layers.TimeDistributed(layers.Dense(4, activation="tanh"), name="each")(one))
    price = layers.Dense(1, name="price")(last)
    model = keras.Model([words, steps], [price, tags], name="masks")
    model.compile("adam", ["mse", "sparse_categorical_crossentropy"], loss_weights=[0.5, 2.0],
                  metrics=[["mae"], ["accuracy"]])
    words, steps = rng.integers(0, 9, (N, 6)), rng.normal(size=(N, 6, 3))
    words[rng.random((N, 6)) < 0.3] = 0
    return (model, {"words": words.astype("int32"), "steps": steps},
            {"price": rng.normal(size=(N, 1)), "tags": rng.integers(0, 3, (N, 6)).astype("int32")})


def nested():
    """Models within models: shared, with two inputs and two outputs, in one another, frozen in part."""
    a, b = keras.Input((4,), name="one"), keras.Input((3,), name="two")
    hidden = layers.Dense(5, activation="relu", name="hidden")(layers.Concatenate()([a, b]))
    norm = layers.BatchNormalization(name="norm")(hidden)
    pair = keras.Model([a, b], [layers.Dense(3, activation="tanh", name="left")(norm),
                                layers.Add(name="right")([norm, hidden])], name="pair")
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="up"), layers.BatchNormalization(name="still"),
                              layers.Dense(3, name="down")], name="inner")
    inner.get_layer("still").trainable = False
    deep = keras.Sequential([keras.Input((3,), name="begin"), layers.Dense(3, name="zz"), inner, layers.ReLU()], name="deep")
    frozen = keras.Sequential([keras.Input((5,)), layers.Dense(3, name="cold"), layers.BatchNormalization()], name="frozen")
    frozen.trainable = False
    x, y = keras.Input((4,), name="x"), keras.Input((3,), name="y")
    left, right = pair([x, y])
    again, other = pair([layers.Dense(4, name="turn")(x), left])
    both = layers.Multiply(name="both")([deep(left), deep(again)])
    price = layers.Dense(1, name="price")(layers.Concatenate(name="all")([both, frozen(right), other]))
    kind = keras.Sequential([keras.Input((3,)), layers.Dense(2, activation="softmax")], name="kind")(both)
    model = keras.Model([x, y], [price, kind], name="nested")
    model.compile("adam", ["mse", "sparse_categorical_crossentropy"], metrics=[["mae"], ["accuracy"]])
    return (model, {"x": rng.normal(size=(N, 4)), "y": rng.normal(size=(N, 3))},
            {"price": rng.normal(size=(N, 1)), "kind": rng.integers(0, 2, N).astype("int32")})


def augmented():
    """Layers that change images at random while a model is trained."""
    model = keras.Sequential([
        keras.Input((8, 8, 3), name="photos"),
        layers.RandomFlip("horizontal"),
        layers.RandomCrop(8, 8),
        layers.RandomTranslation(0.1, (-0.2, 0.3), fill_mode="wrap"),
        layers.RandomRotation(0.1, interpolation="nearest"),
        layers.RandomZoom(0.2, fill_mode="constant", fill_value=0.5),
        layers.RandomBrightness(0.1, value_range=(-4, 4)),
        layers.RandomContrast((0.1, 0.3), value_range=(-4, 4)),
        layers.RandomErasing(0.5, scale=(0.1, 0.2), fill_value=0.25, value_range=(-4, 4), seed=5),
        layers.Conv2D(4, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, activation="softmax"),
    ], name="augmented")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, rng.normal(size=(N, 8, 8, 3)), rng.integers(0, 3, N).astype("int32")


def attending():
    """Every attention layer, with masks of an embedding, arguments of the call, and heads that share keys."""
    tokens = keras.Input((5,), name="tokens")
    embedded = layers.Embedding(10, 4, mask_zero=True, name="embedded")(tokens)
    heads = layers.MultiHeadAttention(2, 3, value_dim=2, dropout=0.1, name="heads")(embedded, embedded, use_causal_mask=True)
    added = layers.Add(name="added")([embedded, heads])
    grouped = layers.GroupQueryAttention(3, 4, 2, use_bias=False, name="grouped")(added, value=added, key=embedded)
    plain = layers.Attention(use_scale=True, score_mode="concat", name="plain")([grouped, embedded])
    additive = layers.AdditiveAttention(name="additive")([plain, embedded, embedded], use_causal_mask=True)
    pooled = layers.GlobalAveragePooling1D(name="pooled")(additive)
    model = keras.Model(tokens, layers.Dense(3, activation="softmax", name="out")(pooled), name="attending")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = rng.integers(0, 10, (N, 5)).astype("float32")
    x[:, 3:] *= rng.random((N, 2)) < 0.5
    return model, x, rng.integers(0, 3, N).astype("int32")


def own_loss(y_true, y_pred):
    return keras.ops.mean((y_true - y_pred) ** 4)


def custom():
    """Compiled with a function that only its own program has: predicts, but cannot be evaluated."""
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, activation="relu")], name="custom")
    model.compile("adam", own_loss)
    return model, rng.normal(size=(N, 3)), rng.normal(size=(N, 2))


def randomize(model):
    """So that nothing hides behind zeros, ones or symmetry."""
    for variable in model.variables:
        if "seed" in variable.path or not variable.dtype.startswith("float"):
            continue
        values = rng.normal(0, 0.6, variable.shape)
        if variable.path.endswith(("moving_variance", "gamma")):
            values = 0.5 + np.abs(values)
        variable.assign(values)


def as_floats(values):
    return values.astype("float32") if values.dtype == np.float64 else values


def put(group, name, values):
    if isinstance(values, dict):
        for key, value in values.items():
            group[f"{name}/{key}"] = as_floats(value)
    else:
        group[name] = as_floats(values)


def make(data, build):
    model, x, y = build()
    randomize(model)
    case, name = data.create_group(build.__name__), build.__name__
    put(case, "x", x)
    put(case, "y", y)
    inputs, targets = x, y
    if name == "dictionary":
        inputs, targets = {"z": x["z_in"], "a": x["a_in"]}, {"zeta": y["up"], "alpha": y["down"]}
    elif isinstance(x, dict):
        inputs, targets = list(x.values()), list(y.values())
    model.save(OUT / f"{name}.keras")
    model.save_weights(OUT / f"{name}.weights.h5")
    if name != "augmented":  # whose layers Keras 3.15 cannot write into such a file
        model.save(OUT / f"{name}.h5")
    # What Keras itself makes of its file: it does not keep every argument (Huber's delta).
    model = keras.saving.load_model(OUT / f"{name}.keras", compile=name != "custom")
    predicted = model.predict(inputs, batch_size=BATCH, verbose=0)
    if name == "dictionary":
        predicted = {"up": predicted["zeta"], "down": predicted["alpha"]}
    elif isinstance(predicted, list):
        predicted = dict(zip(y, predicted))
    else:
        predicted = {model.layers[-1].name: predicted}
    put(case, "predict", predicted)
    if name != "custom":
        # Eagerly: a graph gives every output's own loss as a mean over batches, whatever their sizes.
        model.run_eagerly = len(model.outputs) > 1
        for key, value in model.evaluate(inputs, targets, batch_size=BATCH, verbose=0, return_dict=True).items():
            case[f"evaluate/{key.replace('zeta_', 'up_').replace('alpha_', 'down_')}"] = float(value)


OUT.mkdir(exist_ok=True)
keras.utils.set_random_seed(1)
models = {"data": (image, graph, dictionary, custom), "sequences": (sequences,),
          "masks": (masks,), "spatial": (kinds, lines, pictures, volumes), "nested": (nested, augmented),
          "attention": (attending,)}
for name in sys.argv[1:] or models:
    rng = np.random.default_rng(20260101)
    with h5py.File(OUT / ("data.h5" if name == "data" else f"data_{name}.h5"), "w") as data:
        data.attrs["format_version"] = np.int32(1)
        for key, value in {"made_by": "make_keras_files.py", "keras_version": keras.__version__}.items():
            data.attrs[key] = value
        for build in models[name]:
            make(data, build)
