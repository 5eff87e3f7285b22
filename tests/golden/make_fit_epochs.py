#!/usr/bin/env python3
"""fit_epochs.json: what Keras's fit makes of steps_per_epoch, initial_epoch and validation_steps. Without shuffling, so
that the losses tell which samples were used. README.md tells how the file is laid out.

    venv/bin/pip install -r requirements.txt
    venv/bin/python make_fit_epochs.py
"""

import json
import os
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
import keras  # noqa: E402
import numpy as np  # noqa: E402

BATCH = 4
VALIDATION = 7
CASES = [  # training samples, fit
    (10, dict(epochs=5, steps_per_epoch=2)),
    (10, dict(epochs=3, steps_per_epoch=1)),
    (10, dict(epochs=3, steps_per_epoch=3)),
    (10, dict(epochs=3, steps_per_epoch=7)),
    (8, dict(epochs=4, steps_per_epoch=1)),
    (18, dict(epochs=6, steps_per_epoch=2)),
    (18, dict(epochs=7, steps_per_epoch=3, initial_epoch=2)),
    (10, dict(epochs=4, initial_epoch=1)),
    (10, dict(epochs=6, initial_epoch=3, steps_per_epoch=2)),
    (10, dict(epochs=2, validation_steps=1, validation_batch_size=3)),
    (10, dict(epochs=2, validation_steps=2, validation_batch_size=3)),
    (10, dict(epochs=2, validation_steps=9, validation_batch_size=3)),
    (10, dict(epochs=2, validation_steps=1)),
    (10, dict(epochs=5, steps_per_epoch=2, validation_steps=2, validation_batch_size=2, validation_freq=2)),
]


class Record(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append({"epoch": epoch, "batches": self.batches} | {k: float(v) for k, v in logs.items()})


def run(samples, fit):
    x, y = np.array(X[:samples], "float32"), np.array(Y[:samples], "float32")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizer=keras.optimizers.SGD(0.125), loss="mse")
    record = Record()
    model.fit(x[:, None], y[:, None], batch_size=BATCH, shuffle=False, verbose=0, callbacks=[record],
              validation_data=(x[:VALIDATION, None], y[:VALIDATION, None]), **fit)
    return record.epochs


X = [((7 * i) % 19) / 8 - 1 for i in range(18)]
Y = [((5 * i) % 17) / 4 - 2 for i in range(18)]
cases = [{"samples": n, "fit": fit, "epochs": run(n, fit)} for n, fit in CASES]
text = {"format_version": 1, "keras_version": keras.__version__, "batch_size": BATCH, "validation_samples": VALIDATION,
        "learning_rate": 0.125, "x": X, "y": Y, "cases": cases}
Path(__file__).with_name("fit_epochs.json").write_text(json.dumps(text, indent=1) + "\n")
