#!/usr/bin/env python3
"""PyTorch's or Keras's side of bench/peers/run.

    peer.py torch|keras dense|conv BATCH SAMPLES THREADS DATA.h5

Answers each line on standard input ("train", "evaluate", "predict") with the seconds that one epoch of training, or the
training data once through, took. The networks, the optimizer and its settings are those of dense.yaml and conv.yaml;
data are float32 in memory before the clock starts.
"""
import os
import sys
import time

peer, network, batch, samples, threads, file = sys.argv[1:]
batch, samples, threads = int(batch), int(samples), int(threads)
os.environ["OMP_NUM_THREADS"] = str(threads)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import h5py  # noqa: E402
import numpy as np  # noqa: E402

with h5py.File(file) as data:
    x = data["train/x"][:samples].astype("float32") / 255
    y = data["train/y"][:samples].astype("int64").reshape(-1)
if network == "conv":
    x = x[..., None]


def make_torch():
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(42)
    if network == "dense":
        model = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))
        images = torch.from_numpy(x)
    else:
        def block(channels, filters):
            return [nn.Conv2d(channels, filters, 3, padding="same"), nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01),
                    nn.ReLU(), nn.MaxPool2d(2)]
        model = nn.Sequential(*block(1, 32), *block(32, 64), nn.Flatten(), nn.Linear(64 * 49, 128), nn.ReLU(),
                              nn.Linear(128, 10))
        images = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
        # The faster of the two layouts on this machine for these sizes.
        if os.environ.get("PEERS_CHANNELS_LAST", "1") == "1":
            images = images.contiguous(memory_format=torch.channels_last)
            model = model.to(memory_format=torch.channels_last)
    labels = torch.from_numpy(y)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.001, alpha=0.9, eps=1e-7)
    loss_of = nn.CrossEntropyLoss()

    def train():
        model.train()
        order = torch.randperm(samples)
        correct = torch.zeros((), dtype=torch.long)
        for at in range(0, samples, batch):
            chosen = order[at:at + batch]
            target = labels[chosen]
            output = model(images[chosen])
            loss = loss_of(output, target)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            correct += (output.detach().argmax(1) == target).sum()

    def through(wants_scores):
        model.eval()
        total, correct, outputs = torch.zeros(()), torch.zeros((), dtype=torch.long), []
        with torch.inference_mode():
            for at in range(0, samples, batch):
                output = model(images[at:at + batch])
                if wants_scores:
                    target = labels[at:at + batch]
                    total += nn.functional.cross_entropy(output, target, reduction="sum")
                    correct += (output.argmax(1) == target).sum()
                else:
                    outputs.append(output.softmax(1))

    return train, lambda: through(True), lambda: through(False), "PyTorch " + torch.__version__


def make_keras():
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import keras
    from keras import layers

    keras.utils.set_random_seed(42)
    if network == "dense":
        body = [layers.Flatten(), layers.Dense(512, activation="relu"), layers.Dense(10, activation="softmax")]
    else:
        def block(filters):
            return [layers.Conv2D(filters, 3, padding="same"), layers.BatchNormalization(), layers.Activation("relu"),
                    layers.MaxPooling2D()]
        body = [*block(32), *block(64), layers.Flatten(), layers.Dense(128, activation="relu"),
                layers.Dense(10, activation="softmax")]
    model = keras.Sequential([layers.Input(x.shape[1:]), *body])
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    quiet = {"batch_size": batch, "verbose": 0}
    return (lambda: model.fit(x, y, epochs=1, **quiet), lambda: model.evaluate(x, y, **quiet),
            lambda: model.predict(x, **quiet), "Keras " + keras.__version__ + " on TensorFlow " + tf.__version__)


train, evaluate, predict, name = make_torch() if peer == "torch" else make_keras()
print(name, flush=True)
for line in sys.stdin:
    work = {"t": train, "e": evaluate, "p": predict}[line[0]]
    begun = time.perf_counter()
    work()
    print(f"{time.perf_counter() - begun:.6f}", flush=True)
