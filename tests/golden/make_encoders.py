#!/usr/bin/env python3
"""encoders.h5: what scikit-learn makes of two small tables. README.md tells how the file is laid out.

    python3 -m venv venv && venv/bin/pip install h5py==3.16.0 numpy==2.4.6 scikit-learn==1.9.1
    venv/bin/python make_encoders.py
"""

import csv
import io
from pathlib import Path

import h5py
import numpy as np
import sklearn
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (LabelEncoder, MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler,
                                   TargetEncoder)

HERE = Path(__file__).parent
NAMES = ["length", "count", "constant", "gap", "city", "month", "size", "price", "bought", "grade"]
CITIES = ["Zürich", "Bern", "Ålesund", "Lyon, Rhône", 'the "Hague"']  # by code point: Bern, Lyon, Zürich, the, Ålesund


def rows(rng, n, unknown):
    """Ten columns. The target `price` depends on the city; some cities are rare; `gap` has missing values."""
    table = []
    for i in range(n):
        city = int(min(len(CITIES) - 1, rng.exponential(1.2)))
        length = round(float(rng.normal(50, 12)), 3)
        table.append([
            length,
            int(rng.integers(-5, 300)),
            7.25,
            None if rng.random() < 0.2 else round(float(rng.normal(-1, 3)), 2),
            "Atlantis" if unknown and i % 4 == 0 else CITIES[city],
            str(int(rng.integers(1, 13))) if n > 20 else str(1 + i % 12),
            "SML"[int(rng.integers(0, 3))],
            round(10 * city + 0.2 * length + float(rng.normal(0, 2)), 4),
            "yes" if rng.random() < 0.2 + 0.15 * city else "no",
            "abc"[min(2, city // 2 + int(rng.integers(0, 2)))],
        ])
    return table


def to_csv(table):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(NAMES)
    writer.writerows([["" if v is None else v for v in row] for row in table])
    return text.getvalue().encode("utf-8")


def column(table, name, kind=float):
    i = NAMES.index(name)
    return [kind("nan") if row[i] is None else kind(row[i]) for row in table]


def numbers(table, *names):
    return np.array([column(table, n) for n in names], dtype=np.float64).T


def texts(table, *names, kind=str):
    return np.array([column(table, n, kind) for n in names], dtype=object).T


def fit(encoder, train, test, *target):
    encoder.fit(train, *target)
    return [np.asarray(encoder.transform(t), dtype=np.float64) for t in (train, test)]


def beside(*parts):
    return [np.concatenate(p, axis=1) for p in zip(*parts)]


def main():
    rng = np.random.default_rng(20240607)
    train, test, strange = rows(rng, 90, False), rows(rng, 20, False), rows(rng, 20, True)
    plain = ("length", "count", "constant", "price")
    standard = lambda a, b: fit(StandardScaler(), a, b)
    minmax = lambda a, b: fit(MinMaxScaler(), a, b)
    filled = fit(SimpleImputer(strategy="mean"), numbers(train, "gap", "length"), numbers(test, "gap", "length"))
    one_hot = fit(OneHotEncoder(sparse_output=False), texts(train, "city", "size"), texts(test, "city", "size"))
    month = fit(OneHotEncoder(sparse_output=False), texts(train, "month", kind=int), texts(test, "month", kind=int))
    labels = fit(OrdinalEncoder(), texts(train, "city", "size", "grade"), texts(test, "city", "size", "grade"))
    continuous, binary, classes = (
        fit(TargetEncoder(target_type=kind), texts(train, "city", "size"), texts(test, "city", "size"), target)
        for kind, target in [("continuous", column(train, "price")),
                             ("binary", LabelEncoder().fit_transform(column(train, "bought", str))),
                             ("multiclass", column(train, "grade", str))])
    unknown_hot = fit(OneHotEncoder(sparse_output=False, handle_unknown="ignore"), texts(train, "city"),
                      texts(strange, "city"))
    unknown_target = fit(TargetEncoder(target_type="continuous"), texts(train, "city"), texts(strange, "city"),
                         column(train, "price"))
    # name: (columns, scale, encode, missing, ignore unknown, test table, (train, test))
    cases = {
        "standard": (",".join(plain), "standard", "", "", 0, test, standard(numbers(train, *plain), numbers(test, *plain))),
        "minmax": (",".join(plain), "minmax", "", "", 0, test, minmax(numbers(train, *plain), numbers(test, *plain))),
        "mean": ("gap,length", "", "", "mean", 0, test, filled),
        "mean_standard": ("gap,length", "standard", "", "mean", 0, test, standard(*filled)),
        "mean_minmax": ("gap,length", "minmax", "", "mean", 0, test, minmax(*filled)),
        "label": ("city:city,size,grade", "", "", "", 0, test, labels),
        "one_hot": ("city,size", "", "city,size=onehot", "", 0, test, one_hot),
        "one_hot_numbers": ("month", "", "month=onehot", "", 0, test, month),
        "one_hot_unknown": ("city", "", "city=onehot", "", 1, strange, unknown_hot),
        "target_continuous": ("city,size", "", "city,size=target:price", "", 0, test, continuous),
        "target_binary": ("city,size", "", "city,size=target:bought", "", 0, test, binary),
        "target_multiclass": ("city,size", "", "city,size=target:grade", "", 0, test, classes),
        "target_unknown": ("city", "", "city=target:price", "", 1, strange, unknown_target),
        "target_standard": ("city,length", "standard", "city=target:price", "", 0, test,
                            standard(*beside([t[:, :1] for t in continuous],
                                             [numbers(train, "length"), numbers(test, "length")]))),
        "mixed": ("size,length,count", "standard", "size=onehot", "", 0, test,
                  beside([t[:, -3:] for t in one_hot],
                         standard(numbers(train, "length", "count"), numbers(test, "length", "count")))),
    }
    with h5py.File(HERE / "encoders.h5", "w", libver=("v108", "v108"), track_order=False) as file:
        file.attrs["format_version"] = np.int32(1)
        for name, text in [("made_by", "make_encoders.py"), ("sklearn_version", sklearn.__version__),
                           ("numpy_version", np.__version__), ("h5py_version", h5py.__version__)]:
            file.attrs[name] = np.bytes_(text + "\0")
        for name, (columns, scale, encode, missing, ignore, table, arrays) in sorted(cases.items()):
            group = file.create_group(name)
            for key, text in [("columns", columns), ("scale", scale), ("encode", encode), ("missing", missing)]:
                group.attrs.create(key, text.encode() + b"\0", dtype=f"S{len(text.encode()) + 1}")
            group.attrs["ignore_unknown"] = np.int32(ignore)
            for key, rows_of in [("train_csv", train), ("test_csv", table)]:
                text = to_csv(rows_of) + b"\0"
                group.attrs.create(key, text, dtype=f"S{len(text)}")
            for key, values in zip(("train", "test"), arrays):
                group.create_dataset(key, data=values, track_times=False)


if __name__ == "__main__":
    main()
