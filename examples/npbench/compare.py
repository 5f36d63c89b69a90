"""Runs the programs of this folder in Thalweg and in NumPy on the same random input, and compares results and times.

    cargo build --release && python3 examples/npbench/compare.py --size S gemm lu

With --write FOLDER nothing is run but NumPy: the inputs and its results are left in the folder for the tests.
"""

import argparse
import inspect
import importlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
SIZES = json.loads((HERE / "sizes.json").read_text())
TOLERANCE = 1e-9


class Case:
    """A program, its inputs at one size, and what NumPy makes of them."""

    def __init__(self, name, size, seed):
        module = importlib.import_module(name)
        self.name = name
        self.kernel = getattr(module, name)
        self.inputs = module.inputs(np.random.default_rng([seed, *name.encode()]), **SIZES[name][size])
        parameters = list(inspect.signature(self.kernel).parameters)
        assert sorted(parameters) == sorted(self.inputs), f"{name}.py: inputs() gives other names than {name}() takes"
        self.call = f"{name}({', '.join(parameters)})"

    def results(self):
        """The kernel's results as a list of arrays."""
        found = self.kernel(**self.inputs)
        return [np.asarray(result) for result in (found if isinstance(found, tuple) else (found,))]

    def write_inputs(self, folder):
        """Each input as NAME.npy."""
        folder.mkdir(parents=True)
        for name, value in self.inputs.items():
            np.save(folder / f"{name}.npy", value)


def write(folder, names, seed):
    """For each program: FOLDER/NAME/call, and its inputs and results as .npy files below it."""
    for name in names:
        case = Case(name, "test", seed)
        case.write_inputs(folder / name / "inputs")
        (folder / name / "call").write_text(case.call)
        (folder / name / "results").mkdir()
        for index, result in enumerate(case.results()):
            np.save(folder / name / "results" / f"{index}.npy", result)


def difference(found, expected):
    """The greatest distance, relative to the greatest element; infinite where shape, dtype or a NaN's place differ."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return float("inf")
    if not np.array_equal(np.isfinite(found), np.isfinite(expected)):
        return float("inf")
    known = np.isfinite(expected)
    if not known.any():
        return 0.0
    distance = np.max(np.abs(found[known].astype(complex) - expected[known]))
    return float(distance / max(np.max(np.abs(expected[known])), np.finfo(float).tiny))


def run_thalweg(command, case, count):
    """The results that the command computes, and the median seconds of one call."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        case.write_inputs(folder / "inputs")
        names = ", ".join(f"result_{index}" for index in range(count))
        lines = [(HERE / f"{case.name}.tw").read_text()]
        lines += [f'{parameter} = load("{folder}/inputs/{parameter}.npy")' for parameter in case.inputs]
        lines += [f"{names} = {case.call}"]
        script = folder / "script.tw"
        script.write_text("\n".join(lines) + "\n")
        outputs = [f"--out=result_{index}={folder}/{index}.npy" for index in range(count)]
        subprocess.run([command, "run", script, *outputs], check=True, stdout=subprocess.DEVNULL)
        timing = subprocess.run([command, "bench", script, "--json"], check=True, capture_output=True, text=True)
        statements = json.loads(timing.stdout.splitlines()[-1])["statements"]
        return [np.load(folder / f"{index}.npy") for index in range(count)], statements[-1]["median_seconds"]


def run_numpy(case):
    """NumPy's results, and the median seconds of one call."""
    times, results = [], None
    while len(times) < 3 or (sum(times) < 1 and len(times) < 1000):
        begin = time.perf_counter()
        results = case.results()
        times.append(time.perf_counter() - begin)
    return results, statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="programs; all of them when none is named")
    parser.add_argument("--size", default="S", choices=["test", "S", "M"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--command", default=str(HERE.parent.parent / "target" / "release" / "thalweg"))
    parser.add_argument("--write", metavar="FOLDER", type=pathlib.Path)
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    np.seterr(all="ignore")
    names = options.names or sorted(SIZES)
    if options.write:
        write(options.write, names, options.seed)
        return
    wrong = 0
    print(f"{'program':26} {'difference':>10} {'NumPy':>12} {'Thalweg':>12} {'ratio':>7}")
    for name in names:
        case = Case(name, options.size, options.seed)
        expected, reference = run_numpy(case)
        try:
            found, seconds = run_thalweg(options.command, case, len(expected))
        except subprocess.CalledProcessError as error:
            wrong += 1
            print(f"{name:26} fails: exit status {error.returncode}")
            continue
        worst = max(difference(*pair) for pair in zip(found, expected))
        wrong += worst > TOLERANCE
        print(f"{name:26} {worst:10.1e} {1e3 * reference:9.3f} ms {1e3 * seconds:9.3f} ms {reference / seconds:6.2f}x",
              flush=True)
    sys.exit(f"{wrong} of {len(names)} differ by more than {TOLERANCE} or fail" if wrong else 0)


if __name__ == "__main__":
    main()
