"""
Trainings of the real Keras that are saved half way with the optimizer's state, and what they end with:
optimizer_states/NAME.keras is the model after 5 updates, optimizer_states/after.h5 holds the data (x, y), and for each
NAME its weights after 5 more (NAME/LAYER/kernel, ...) and the optimizer as lockstep spells it.

    venv/bin/python make_optimizer_states.py
"""
import json
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import h5py
import keras
import numpy as np

CASES = {
    "adam": (keras.optimizers.Adam, {"learning_rate": 0.01}),
    "nadam": (keras.optimizers.Nadam, {"learning_rate": 0.01}),
    "sgd": (
        keras.optimizers.SGD,
        {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True, "use_ema": True, "ema_momentum": 0.9},
    ),
    "rmsprop": (keras.optimizers.RMSprop, {"learning_rate": 0.01, "momentum": 0.5, "centered": True}),
    "lion": (keras.optimizers.Lion, {"learning_rate": 0.003, "gradient_accumulation_steps": 2}),
    "adamw": (keras.optimizers.AdamW, {"learning_rate": "schedule", "weight_decay": 0.01}),
}


def build():
    """Two branches of one shape: their order matters to the optimizer."""
    inputs = keras.Input((4,), name="x")
    b = keras.layers.Dense(3, activation="tanh", name="b")(inputs)
    a = keras.layers.Dense(3, activation="relu", name="a")(inputs)
    joined = keras.layers.Concatenate(name="joined")([a, b])
    return keras.Model(inputs, keras.layers.Dense(1, name="y")(joined), name="halves")


def main():
    rng = np.random.default_rng(15)
    x = rng.normal(size=(20, 4)).astype("float32")
    y = (x @ rng.normal(size=(4, 1)) + 0.1 * rng.normal(size=(20, 1))).astype("float32")
    os.makedirs("optimizer_states", exist_ok=True)
    with h5py.File("optimizer_states/after.h5", "w") as file:
        file["train/x"], file["train/y"] = x, y
        for name, (kind, arguments) in CASES.items():
            keras.utils.set_random_seed(3)
            model = build()
            spelled = dict(arguments)
            given = dict(arguments)
            if given["learning_rate"] == "schedule":
                given["learning_rate"] = keras.optimizers.schedules.ExponentialDecay(0.02, 3, 0.7)
                spelled["learning_rate"] = {
                    "exponential_decay": {"initial_learning_rate": 0.02, "decay_steps": 3, "decay_rate": 0.7}
                }
            model.compile(optimizer=kind(**given), loss="mse")
            model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
            model.save(f"optimizer_states/{name}.keras")
            model = keras.models.load_model(f"optimizer_states/{name}.keras")
            model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
            group = file.create_group(name)
            group.attrs["optimizer"] = json.dumps({name: spelled})
            for weight in model.weights:
                group[weight.path] = np.asarray(weight)


main()
