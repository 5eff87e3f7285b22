"""The JSON Schemas that lockstep writes, by Python's jsonschema: every file in launch/ is accepted, wrong ones are not.

    tests/parity/schema.py build/lockstep
"""
import copy
import json
import pathlib
import subprocess
import sys

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Loader(yaml.SafeLoader):
    """YAML 1.2's floats, as editors read them: 1e-3 is one."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    __import__("re").compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
    list("-+0123456789."),
)

WRONG = {
    "model": {"model": [{"dence": 3}]},
    "units": {"model": [{"dense": {"unitz": 3}}]},
    "units of 0": {"model": [{"dense": 0}]},
    "no units": {"model": [{"dense": {"activation": "relu"}}]},
    "activation": {"model": [{"dense": {"units": 3, "activation": "rellu"}}]},
    "rate": {"model": [{"dropout": 1.5}]},
    "no model": {"seed": 1},
    "top": {"model": ["flatten"], "epochs": 3},
    "fit": {"model": ["flatten"], "fit": {"epoch": 3}},
    "epochs": {"model": ["flatten"], "fit": {"epochs": 0}},
    "shuffle": {"model": ["flatten"], "fit": {"shuffle": {"windows": 3}}},
    "optimizer": {"model": ["flatten"], "compile": {"optimizer": "adamm"}},
    "momentum": {"model": ["flatten"], "optimizer": {"sgd": {"momentun": 0.9}}},
    "loss": {"model": ["flatten"], "loss": "sparse"},
    "metric": {"model": ["flatten"], "metrics": ["acuracy"]},
    "callback": {"model": ["flatten"], "callbacks": [{"early_stop": {"patience": 3}}]},
    "patience": {"model": ["flatten"], "callbacks": [{"early_stopping": {"patience": -3}}]},
    "reduction": {"model": ["flatten"], "distributed": {"reduction": "exakt"}},
    "data": {"model": ["flatten"], "data": {"file": "d.h5", "train": {"y": "/y"}}},
    "rows": {"model": ["flatten"], "data": {"file": "d.h5", "train": {"x": "/x", "rows": [1]}}},
    "array": {"model": ["flatten"], "data": {"file": "d.h5", "train": {"x": {"path": "/x", "onehot": 3}}}},
}
WRONG_SWEEPS = {
    "no base": {"grid": {"fit.batch_size": [1]}},
    "key": {"base": "e.yaml", "grids": {}},
    "grid": {"base": "e.yaml", "grid": {"fit.batch_size": 32}},
    "budget": {"base": "e.yaml", "budget": {"epoch": 3}},
    "rule": {"base": "e.yaml", "learning_rate": {"rule": "linaer"}},
}
RIGHT = [
    {"model": [{"dense": 64}, {"conv2d": [32, 3]}, {"reshape": [28, 28, 1]}, {"Dense": {"units": 3}}], "data": "d.h5"},
    {"model": {"file": "start.keras"}, "optimizer": {"adam": {"lr": 0.1}}, "loss": {"a": "mse", "b": None}},
    {"model": ["flatten"], "compile": {"loss": ["mse", {"huber": {"delta": 2}}], "metrics": {"a": ["mae"]}}},
    {"model": [{"bidirectional": {"layer": {"lstm": {"units": 3}}}}], "fit": {"callbacks": ["terminate_on_nan"]}},
    {"model": ["flatten"], "compile": {"optimizer": {"sgd": {"learning_rate": {"exponential_decay": {
        "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}}}}}},
]


def schema(program, kind):
    text = subprocess.run([program, "schema", kind], check=True, capture_output=True, text=True).stdout
    loaded = json.loads(text)
    jsonschema.Draft7Validator.check_schema(loaded)
    return jsonschema.Draft7Validator(loaded)


def main(program):
    faults = 0
    checks = [("experiment", ROOT.glob("launch/experiments/*.yaml"), WRONG, RIGHT),
              ("experiment", ROOT.glob("launch/course/*.yaml"), {}, []),
              ("sweep", ROOT.glob("launch/sweeps/*.yaml"), WRONG_SWEEPS, [])]
    for kind, files, wrong, right in checks:
        validator = schema(program, kind)
        for path in sorted(files):
            tree = yaml.load(path.read_text(), Loader)
            here = validator if "model" in tree or kind == "sweep" else schema(program, "sweep")
            for error in here.iter_errors(tree):
                faults += 1
                print(f"{path.name}: {error.json_path}: {error.message[:200]}")
        for tree in right:
            for error in validator.iter_errors(tree):
                faults += 1
                print(f"{json.dumps(tree)[:60]}: {error.json_path}: {error.message[:200]}")
        for name, tree in wrong.items():
            if validator.is_valid(copy.deepcopy(tree)):
                faults += 1
                print(f"{name}: taken, though it is wrong")
    print("all as it should be" if not faults else f"{faults} faults")
    return faults > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
