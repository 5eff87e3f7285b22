#!/usr/bin/env python3
"""Writes the seeds of corpus/X/: sound inputs, small, in the form that each harness takes (see the head of fuzz_X.c).
Needs numpy and Pillow; run once, the files are committed. Files named found-… are not from here: inputs that once
failed, kept for ever."""
import gzip, io, json, os, re, struct, zlib
import h5py
import numpy as np
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))


def put(corpus, name, data):
    os.makedirs(f"{here}/corpus/{corpus}", exist_ok=True)
    with open(f"{here}/corpus/{corpus}/{name}", "wb") as f:
        f.write(data.encode() if isinstance(data, str) else data)


def part(data):
    return struct.pack("<H", len(data)) + data


def idx(kind, shape, values):
    return bytes([0, 0, kind, len(shape)]) + b"".join(struct.pack(">I", n) for n in shape) + values


images, labels = idx(8, (2, 2, 3), bytes(range(12))), idx(8, (2,), b"\1\0")
put("idx", "plain", b"\0" + part(images) + labels)
put("idx", "packed", b"\3" + part(images) + labels)
put("idx", "float", b"\1" + part(idx(13, (2, 1), struct.pack(">2f", 1, -2.5))) + idx(12, (2,), struct.pack(">2i", 1, 2)))
put("idx", "double", b"\0" + part(idx(14, (1, 1), struct.pack(">d", 0.5))) + idx(9, (1,), b"\xff"))
put("idx", "short", b"\2" + part(idx(11, (1,), b"\0\1")) + labels)
put("idx", "raw_gzip", b"\0" + part(gzip.compress(images, mtime=0)) + gzip.compress(labels, mtime=0))
put("idx", "huge", b"\1" + part(idx(8, (0xFFFFFFFF, 28, 28), b"abc")) + idx(8, (0xFFFFFFFF,), b"abc"))


def csv(flags, columns, text, delimiter=0, scaling=0, encoding=0, missing=0, split=0):
    return bytes([flags, delimiter, scaling, encoding, missing, split]) + part(columns.encode()) + text.encode()


table = "a,b,c\n1,2,x\n3,4.5,y\n-1e3,6,x\n7,8,z\n"
put("csv", "plain", csv(0, "a,b", table))
put("csv", "standard", csv(4, "a:b", table, scaling=1))
put("csv", "one_hot", csv(8, "c,a", table, scaling=2, encoding=2))
put("csv", "target", csv(0, "c", table, encoding=3))
put("csv", "label", csv(16, "c", table, encoding=1))
put("csv", "split", csv(2, "a,c", table.replace("z", "x"), split=1))
put("csv", "missing", csv(64 + 1, "a,b", "a,b\r\n1,NA\r\n?,2\r\n3,4\r\n", missing=3))
put("csv", "drop", csv(0, "b,a", "a,b\n1,\n2,3\n", missing=2))
put("csv", "fill", csv(64, "a", "a,b\nNA,3\n5,\n", missing=4))
put("csv", "quotes", csv(8, '"a ""b"",:"', '\ufeff"a ""b"",:",b\n"x\ny",1\n" q ",2\n\xe9,3\n', encoding=1))
put("csv", "no_header", csv(32, "1:2", "1;2\n3;4\n", delimiter=1))
put("csv", "tabs", csv(0, "a", "a\tb\r1\t2\r", delimiter=2))
put("csv", "gzip", csv(0, "a", "") + gzip.compress(b"a,b\n1,2\n", mtime=0))


def npy(array, version=(1, 0)):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version)
    return out.getvalue()


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


small = np.arange(12, dtype="<f4").reshape(3, 2, 2)
put("npy", "plain", b"\0" + npy(small))
put("npy", "fortran", b"\4" + npy(np.asfortranarray(small.astype(">i2"))))
put("npy", "half", b"\x08" + npy(small.astype("<f2")))
put("npy", "bool", b"\0" + npy(small > 3, (2, 0)))
put("npy", "member", b"\2" + npy(small.astype("u1")))
put("npy", "fortran_member", b"\6" + npy(np.asfortranarray(small.astype("<u8")), (3, 0)))
put("npy", "archive", b"\1" + npz(x=small[:, 0], y=small[0]))
for name, array in {"float": small, "fortran": np.asfortranarray(small), "record": np.zeros(2, [("a", "i4")]),
                    "text": np.array(["ab"]), "complex": np.zeros(2, "c8"), "vector": np.zeros(3, ">u2")}.items():
    header = npy(array)
    put("npy_header", name, header[10:10 + struct.unpack("<H", header[8:10])[0]])
put("npy_header", "huge", "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000000, 9), }\n")


def picture(mode, form, size=(5, 3), **options):
    image = Image.new(mode, size)
    image.putdata([(i * 37 % 256 if mode in "LP" else i % 2 if mode == "1" else
                    tuple(255 if mode[k] == "A" else (i * 53 + 80 * k) % 256 for k in range(len(mode))))
                   for i in range(size[0] * size[1])])
    if mode == "P":
        image.putpalette([i * 7 % 256 for i in range(768)])
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def adam7():
    """A gray picture of 1 x 1, interlaced: Pillow writes none."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 1)) +
            chunk(b"IDAT", zlib.compress(b"\0\x80")) + chunk(b"IEND", b""))


for mode in ("1", "L", "P", "RGB", "RGBA", "LA"):
    put("image", f"png_{mode}", bytes([5 if mode != "1" else 3, 4, 2]) + picture(mode, "PNG"))
put("image", "png_adam7", bytes([1, 0, 0]) + adam7())
put("image", "jpeg_gray", bytes([6, 7, 1]) + picture("L", "JPEG", quality=30))
put("image", "jpeg_rgb", bytes([2, 0, 0]) + picture("RGB", "JPEG", quality=30, optimize=True))
put("image", "jpeg_progressive", bytes([4, 20, 20]) + picture("RGB", "JPEG", quality=10, progressive=True, optimize=True))

names = b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"
put("cifar10", "sound", part(names) + bytes([2, 1, 1, 1, 1, 3]) + bytes(range(9)))
put("cifar10", "label", part(names) + bytes([1, 1, 1, 1, 1, 1]) + b"\n\0\0\0\0\0")
put("cifar10", "lengths", part(names) + bytes([1, 5, 9, 0, 16, 1]))

# ---- edits of HDF5 files: see operate() in h5_edit.c. Choices are taken modulo the number of what there is. ----

# dataset: operation 5, object (of fuzz_dataset: 1 is /x), type, space, layout, values
def dataset(kind, space, values, layout=2, path=1):
    return bytes([5, path]) + bytes([kind]) + space + bytes([layout]) + values


def axes(*lengths):
    return bytes([5 + (len(lengths) - 1) if len(lengths) > 0 else 1]) + bytes(lengths)


head = bytes([0, 0, 0])
count = b"\1"  # values: 0, 1, 2, …
put("dataset", "bytes", bytes([0, *head]) + dataset(0, axes(4, 3), count))
put("dataset", "labels", bytes([0, 4, 1, 0]) + dataset(5, axes(9), count) + bytes([2, 1, 2]) + b"\1")
put("dataset", "floats", bytes([0x13, *head]) + dataset(9, axes(5, 2), count, layout=11))
put("dataset", "nan", bytes([0, *head]) + dataset(9, axes(2, 1), b"\2" + part(struct.pack("<2f", 1, np.nan))))
put("dataset", "scaled", bytes([0, 0, 130, 2]) + dataset(11, axes(3, 2), count, layout=15) + b"\0\x0b\1\1\0\1" + b"\0\x0b\1\1\1\1")
put("dataset", "texts", bytes([0, *head]) + dataset(17, axes(2), b"\0"))
put("dataset", "absurd", bytes([0, *head]) + dataset(0, b"\6\xf0\x08\xf0\x08", b"", layout=8))
put("dataset", "many", bytes([0, *head]) + dataset(9, b"\5\xf0\x0c", b"", layout=8))
put("dataset", "classes", bytes([0, *head]) + dataset(0, axes(4), count) + bytes([4, 1, 2, 3, 0, 1, 2]))
for corpus in ("preprocessing", "keras_h5", "checkpoint", "inspect"):
    flags = b"" if corpus == "checkpoint" else b"\0"
    put(corpus, "untouched", flags)
    for operation, what in enumerate(("attribute", "attribute2", "text", "text2", "texts", "dataset", "dataset2",
                                      "dataset3", "group", "delete", "delete_attribute", "link")):
        put(corpus, what, flags + bytes([operation] + [(7 * k + 3 * operation) % 23 for k in range(24)]))
for which in (1, 2, 3):
    put("keras_h5", f"untouched_{which}", bytes([which]))
put("inspect", "untouched_1", b"\1")
put("inspect", "untouched_2", b"\2")

# ---- experiments, Keras's JSON ----

for name in os.listdir(f"{root}/launch/experiments"):
    if name.endswith(".yaml"):
        text = open(f"{root}/launch/experiments/{name}").read()
        text = "\n".join(line for line in re.sub(r" +#.*", "", text).split("\n") if line and line[0] != "#") + "\n"
        if len(text) < 1200:
            put("experiment", name[:-5], text + "\0fit.epochs=3")
put("experiment", "all_kinds", """name: k
seed: 7
data: {file: d.h5, train: {x: /x, y: {path: /y, one_hot: 3}, rows: [0, 10]}}
model:
  - input: {shape: [8, 8, 1]}
  - conv2d: {filters: 2, kernel_size: [3, 3], padding: same, activation: gelu}
  - max_pooling2d
  - batch_normalization: {groups: 4}
  - dropout: {rate: 0.5}
  - flatten
  - dense: {units: 3, activation: softmax, kernel_regularizer: {l2: {l2: 0.01}}, kernel_constraint: {max_norm: {max_value: 2}}}
compile: {optimizer: {adamw: {learning_rate: {cosine_decay: {initial_learning_rate: 0.1, decay_steps: 10}}}}, loss: categorical_crossentropy, metrics: [accuracy, auc]}
fit: {epochs: 2, batch_size: 8, class_weight: {0: 1, 1: 2.5}, noise_scale: {decay: 0.9}}
callbacks: [early_stopping: {monitor: loss}, csv_logger: {filename: l.csv}, tensorboard]
distributed: {reduction: exact, allreduce: ring}
output: runs/k
\0model.1.conv2d.filters=4""")
put("experiment", "blocks", "a: |\n  x\n\n  y\nb: >-\n  folded\n  text\n'c d': \"\\x41\\n\\u00e9\"\n? e\n: - 1\n  - [2, {f: ~}]\n\0a.b=[1]")

result = json.dumps({"trial": "001-seed-1", "settings": {}, "seed": 1, "search_rate": None, "limit": 0, "status": "missed",
                     "learning_rate": 0.01, "updates": 20, "updates_before": 0, "samples": 160, "epochs": 2.0, "value": 0.5,
                     "best_value": 0.25, "best_updates": 10, "noise_scale": None, "fingerprint": "0" * 32, "ranks": 1,
                     "train_seconds": 0.5, "evaluate_seconds": 0.1, "finished": "2025-01-31T12:00:00Z"})
put("sweep", "search", """base: base.yaml
output: out
set: {fit.validation_split: 0.1}
grid: {fit.batch_size: [32, 64], model.1.dense.units: [3, 5]}
seeds: [1, 2]
learning_rate: {search: {low: 0.001, high: 10, trials: 6, seed: 1, refine: 2, widen: 3}}
budget: {epochs: 10}
target: {val_accuracy: 0.88}
evaluate: {first_samples: 4096, growth: 1.1}
ranks_per_run: 1
\0""" + result)
put("sweep", "rule", """base: base.yaml
list: [{fit.batch_size: 32, learning_rate.rule: none}, {fit.batch_size: 8, learning_rate.rule: sqrt}]
learning_rate: {rule: linear, base: 0.1, base_batch_size: 64, warmup_epochs: 5}
budget: {updates: 100}
monitor: val_loss
keep: true
""")
put("sweep", "values", """base: base.yaml
grid: {learning_rate: [0.01, 0.1]}
budget: {seconds: 1.5}
\0""" + result.replace("missed", "diverged").replace("0.5", "null"))


def keras_json(name):
    with h5py.File(f"{root}/tests/golden/keras_files/{name}.h5") as f:
        return tuple(json.dumps(json.loads(f.attrs[key])) for key in ("model_config", "training_config"))


def without_repetition(json):
    """What every layer says alike; "custom" and "dictionary" keep it."""
    if isinstance(json, list):
        return [without_repetition(item) for item in json]
    if not isinstance(json, dict):
        return json
    return {key: without_repetition(value) for key, value in json.items()
            if key not in ("module", "registered_name", "build_config", "trainable", "dtype") and value is not None}


for name in ("custom", "dictionary"):
    model, training = keras_json(name)
    put("keras_json", name, model + "\0" + training)
model, training = keras_json("image")
model = json.loads(model)
layers = model["config"]["layers"]
for i in range(1, len(layers)):  # one layer at a time, so that inputs are small
    config = {**model, "config": {**model["config"], "layers": [layers[0], layers[i]]}}
    put("keras_json", f"image_{i}", json.dumps(without_repetition(config)) + "\0" + training)
archive = io.BytesIO()
import zipfile
with zipfile.ZipFile(archive, "w") as z:
    z.writestr(zipfile.ZipInfo("metadata.json"), '{"keras_version": "3.15.1"}')
    z.writestr(zipfile.ZipInfo("config.json"), "{}")
    z.writestr(zipfile.ZipInfo("model.weights.h5"), b"\x89HDF\r\n\x1a\n")
put("keras_archive", "raw", b"\1" + archive.getvalue())
with zipfile.ZipFile(f"{root}/tests/golden/keras_files/custom.keras") as z:
    put("keras_archive", "built", b"\0" + z.read("config.json"))
put("keras_archive", "no_weights", b"\x08" + b"{}")


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


event = b"\x09" + struct.pack("<d", 1) + b"\x10" + varint(3) + field(5, field(1, field(1, b"epoch_loss") + field(8, b"\x08\1")))
put("events", "two", b"\0" + part(b"\x09" + bytes(8) + field(3, b"brain.Event:2")) + part(event) + part(event[:-3]))
golden = open(f"{root}/tests/golden/tensorboard.events", "rb").read()
put("events", "golden", b"\1" + golden[:400])
