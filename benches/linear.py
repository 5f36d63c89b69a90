"""Times linear algebra in Thalweg and NumPy side by side, in one run, and prints the ratios (above 1: Thalweg is faster).

    cargo build --release && python3 benches/linear.py --threads 1

It needs a Python with NumPy. The rounds are interleaved; each figure is the least of all rounds, as the work is the same each time.
OpenBLAS is held to the same number of threads by its environment variable, so that one run measures one number of threads.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
arguments = argparse.ArgumentParser(description="Thalweg's linear algebra against NumPy's")
arguments.add_argument("--threads", type=int, default=1)
arguments.add_argument("--rounds", type=int, default=3)
arguments.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048])
arguments.add_argument("--command", default=str(ROOT / "target" / "release" / "thalweg"))
options = arguments.parse_args()
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(options.threads)

import numpy as np  # noqa: E402  (after the number of threads)

random = np.random.default_rng(7)


def cases(n):
    """What is timed for matrices of a size: a label, Thalweg's text, NumPy's function, the inputs."""
    a, b, v = random.random((n, n)), random.random((n, n)), random.random(n)
    whole = {"a": a, "b": b, "v": v, "s": a + a.T, "i": (a * 100).astype(np.int64), "x": random.random(n * n)}
    inputs = whole | {"f": a.astype(np.float32), "g": b.astype(np.float32)}
    return inputs, [
        ("f64 a @ b", "a @ b", lambda m: m["a"] @ m["b"]),
        ("f64 a.T @ b", "a.T @ b", lambda m: m["a"].T @ m["b"]),
        ("f32 f @ g", "f @ g", lambda m: m["f"] @ m["g"]),
        ("i64 i @ i", "i @ i", lambda m: m["i"] @ m["i"] if n <= 512 else None),
        ("a @ v", "a @ v", lambda m: m["a"] @ m["v"]),
        ("a.T @ v", "a.T @ v", lambda m: m["a"].T @ m["v"]),
        ("x @ x", "x @ x", lambda m: m["x"] @ m["x"]),
        ("inv(a)", "inv(a)", lambda m: np.linalg.inv(m["a"])),
        ("solve(a, v)", "solve(a, v)", lambda m: np.linalg.solve(m["a"], m["v"])),
        ("eigvalsh(s)", "eigvalsh(s)", lambda m: np.linalg.eigvalsh(m["s"]) if n <= 1024 else None),
        ("fft(x)", "fft(x)", lambda m: np.fft.fft(m["x"])),
    ]


def least(action, seconds=0.3):
    action()
    best, begin = float("inf"), time.perf_counter()
    while time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return best


def main():
    print(f"threads: {options.threads}; least of {options.rounds} rounds, milliseconds")
    for n in options.sizes:
        inputs, rows = cases(n)
        rows = [row for row in rows if n <= 1024 or row[0] not in ("eigvalsh(s)", "i64 i @ i")]
        rows = [row for row in rows if n <= 512 or row[0] != "i64 i @ i"]
        found = [[float("inf")] * 2 for _ in rows]
        with tempfile.TemporaryDirectory() as folder:
            for name, value in inputs.items():
                np.save(f"{folder}/{name}.npy", value)
            lines = [f'{name} = load("{folder}/{name}.npy")' for name in inputs]
            first = len(lines) + 1
            lines += [f"r{index} = {text}" for index, (_, text, _) in enumerate(rows)]
            script = pathlib.Path(folder) / "linear.tw"
            script.write_text("\n".join(lines) + "\n")
            for _ in range(options.rounds):
                ended = subprocess.run([options.command, "bench", str(script), "--json", "--threads", str(options.threads)],
                                       capture_output=True, text=True, check=False)
                if ended.returncode != 0:
                    sys.exit(f"{options.command} bench fails:\n{ended.stderr}")
                by_line = {row["line"]: row for row in json.loads(ended.stdout)["statements"]}
                for index, (_, _, function) in enumerate(rows):
                    row = by_line[first + index]
                    found[index][0] = min(found[index][0], row["min_seconds"])
                    found[index][1] = min(found[index][1], least(lambda: function(inputs)))
        for (label, _, _), (ours, theirs) in zip(rows, found):
            print(f"{n:5}  {label:14} Thalweg {ours * 1e3:9.3f}   NumPy {theirs * 1e3:9.3f}   {theirs / ours:5.2f}")


if __name__ == "__main__":
    main()
