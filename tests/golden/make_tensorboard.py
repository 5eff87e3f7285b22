#!/usr/bin/env python3
"""tensorboard.events: what TensorFlow 2 writes for TensorBoard. README.md tells what is in it.

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu==2.21.0 tensorboard==2.21.0
    venv/bin/python make_tensorboard.py

The events are tf.summary's own. Only their wall times are replaced, by 1, 2, 3, ..., and the name of the program that wrote
the file is removed from the first.
"""

import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.compat.v1 import Event, SummaryMetadata

HERE = Path(__file__).parent
SPREAD = ((np.arange(500) * 37) % 101 / 8 - 3).astype("float32")
EDGES = np.arange(31, dtype="float32")  # every value on an edge
TENTHS = np.array([-0.1, 0.2, 0.7], "float32")  # edges that are no float32
MODEL = '{"class_name": "Sequential", "config": {"name": "' + "x" * 200 + '"}}'


def write(directory):
    writer = tf.summary.create_file_writer(directory)
    with writer.as_default():
        metadata = SummaryMetadata()
        metadata.plugin_data.plugin_name = "graph_keras_model"
        metadata.plugin_data.content = b"1"
        tf.summary.write(tag="keras", tensor=MODEL, step=0, metadata=metadata)
        tf.summary.scalar("epoch_loss", 0.5, step=3)
        tf.summary.scalar("epoch_accuracy", 0.0, step=0)
        tf.summary.scalar("batch_loss", float("nan"), step=127)
        tf.summary.scalar("batch_loss", -1e-7, step=1 << 40)
        tf.summary.histogram("dense/kernel/histogram", SPREAD, step=2)
        tf.summary.histogram("edges", EDGES, step=128)
        tf.summary.histogram("tenths", TENTHS, step=1)
        tf.summary.histogram("equal", np.full(5, -0.25, "float32"), step=0)
        tf.summary.histogram("none", np.zeros(0, "float32"), step=4)
    writer.close()


def main():
    with tempfile.TemporaryDirectory() as directory:
        write(directory)
        (path,) = Path(directory).iterdir()
        records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    with tf.io.TFRecordWriter(str(HERE / "tensorboard.events")) as out:
        for i, record in enumerate(records):
            event = Event.FromString(record)
            event.wall_time = 1.0 + i
            event.ClearField("source_metadata")
            out.write(event.SerializeToString())


if __name__ == "__main__":
    main()
