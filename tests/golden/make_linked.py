#!/usr/bin/env python3
"""linked/: data files that lead to others, as h5py writes them. README.md tells what is in them.

    python3 -m venv venv && venv/bin/pip install h5py==3.14.0 numpy==2.4.6
    venv/bin/python make_linked.py
"""

import os
from pathlib import Path

import h5py
import numpy as np

os.chdir(Path(__file__).parent / "linked")  # names in the files are relative to it


def new(path):
    return h5py.File(path, "w", libver="earliest", track_order=False)


def virtual(file, name, shape, parts):
    layout = h5py.VirtualLayout(shape=shape, dtype="f4")
    for first, rows, source in parts:
        layout[first : first + rows] = h5py.VirtualSource(source, "x", shape=(rows, *shape[1:]))
    file.create_virtual_dataset(name, layout)


def main():
    rows = np.arange(20, dtype="f4").reshape(10, 2)
    Path("parts").mkdir(exist_ok=True)
    for name, part in [("a", rows[:6]), ("b", rows[6:])]:
        with new(f"parts/{name}.h5") as f:
            f.create_dataset("x", data=part, track_times=False)
    with new("parts/c.h5") as f:
        f.create_dataset("test/x", data=rows[:3] + 100, track_times=False)
        f.create_dataset("test/y", data=np.arange(3, dtype="u1"), track_times=False)
    with new("outside.h5") as f:
        f.create_dataset("x", data=rows, track_times=False)
    with new("main.h5") as f:
        f.create_dataset("labels", data=np.arange(10, dtype="u1") % 3, track_times=False)
        f.create_group("train")
        virtual(f, "train/x", (10, 2), [(0, 6, "parts/a.h5"), (6, 4, "parts/b.h5")])
        f["train/y"] = h5py.SoftLink("/labels")
        f["test"] = h5py.ExternalLink("parts/c.h5", "/test")
        f["circle"] = h5py.SoftLink("/")
        f["outside"] = h5py.ExternalLink("../outside.h5", "/x")
        f["gone"] = h5py.ExternalLink("gone.h5", "/x")
        f["pipe"] = h5py.ExternalLink("pipe", "/x")
        virtual(f, "virtual_gone", (4, 2), [(0, 4, "gone.h5")])
        virtual(f, "virtual_pipe", (4, 2), [(0, 4, "pipe")])
        virtual(f, "virtual_part", (10, 2), [(0, 6, "parts/a.h5")])
        holes = f.create_dataset("holes", (20,), "i4", chunks=(4,), fillvalue=7, track_times=False)
        holes[0:4] = 1
        holes[8:12] = 2
        holes[16:20] = 3
        f.create_dataset("never", (5,), "f4", track_times=False)
        f.create_dataset("raw", (4,), "f4", external=[("raw.bin", 0, 16)], track_times=False)


main()
