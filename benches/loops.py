"""Times loops over single elements in Thalweg, with and without machine code, and in Numba, side by side, in one run.

    cargo build --release && python3 benches/loops.py

It builds nothing. The programs and their inputs are those of examples/npbench; what Numba compiles stands here, written as loops.
Results are compared before anything is timed. Each figure is the median over the rounds, which are interleaved.
"""

import argparse
import importlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numba
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "examples" / "npbench"
SIZES = json.loads((PROGRAMS / "sizes.json").read_text())


@numba.njit
def seidel_2d(steps, a):
    n = a.shape[0]
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                a[i, j] = (a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1] + a[i, j - 1] + a[i, j] + a[i, j + 1]
                           + a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]) / 9
    return a


@numba.njit
def crc16(data, poly):
    crc = np.uint16(0xFFFF)
    for index in range(len(data)):
        crc ^= np.uint16(data[index])
        for _ in range(8):
            if crc & np.uint16(1) == 1:
                crc = np.uint16(np.uint16(crc >> np.uint16(1)) ^ poly)
            else:
                crc = np.uint16(crc >> np.uint16(1))
    crc = np.uint16(~crc)
    return np.uint16((crc << np.uint16(8)) | (crc >> np.uint16(8)))


@numba.njit
def nussinov(bases):
    n = len(bases)
    table = np.zeros((n, n), dtype=np.int64)
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            pair = 1 if j > i + 1 and bases[i] + bases[j] == 3 else 0
            best = max(table[i, j - 1], table[i + 1, j], table[i + 1, j - 1] + pair)
            for k in range(i + 1, j):
                best = max(best, table[i, k] + table[k + 1, j])
            table[i, j] = best
    return table


@numba.njit
def trisolv(l, b):
    n = len(b)
    x = np.zeros(n)
    for i in range(n):
        total = b[i]
        for j in range(i):
            total -= l[i, j] * x[j]
        x[i] = total / l[i, i]
    return x


@numba.njit
def lu(a):
    n = a.shape[0]
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= a[i, k] * a[k, j]
    return a


@numba.njit
def spmv(starts, columns, values, x):
    n = len(starts) - 1
    y = np.zeros(n)
    for i in range(n):
        total = 0.0
        for k in range(starts[i], starts[i + 1]):
            total += values[k] * x[columns[k]]
        y[i] = total
    return y


@numba.njit
def mandelbrot2(xmin, xmax, xn, ymin, ymax, yn, limit, horizon):
    re, im = np.linspace(xmin, xmax, xn), np.linspace(ymin, ymax, yn)
    out, steps = np.zeros((yn, xn), dtype=np.complex128), np.zeros((yn, xn), dtype=np.int64)
    for i in range(yn):
        for j in range(xn):
            c = complex(re[j], im[i])
            z, step = c, 1
            while step < limit and abs(z) <= horizon:
                z = z * z + c
                step += 1
            if abs(z) > horizon:
                out[i, j], steps[i, j] = z, step
    return out, steps


@numba.njit
def smooth_rows(x, alpha):
    k = (1 - np.exp(-alpha)) ** 2 / (1 + 2 * alpha * np.exp(-alpha) - np.exp(2 * alpha))
    a1, a2 = k, k * np.exp(-alpha) * (alpha - 1)
    a3, a4 = k * np.exp(-alpha) * (alpha + 1), -k * np.exp(-2 * alpha)
    b1, b2 = 2 ** -alpha, -np.exp(-2 * alpha)
    n, m = x.shape
    forward, backward = np.zeros_like(x), np.zeros_like(x)
    for i in range(n):
        forward[i, 0] = a1 * x[i, 0]
        forward[i, 1] = a1 * x[i, 1] + a2 * x[i, 0] + b1 * forward[i, 0]
        for j in range(2, m):
            forward[i, j] = a1 * x[i, j] + a2 * x[i, j - 1] + b1 * forward[i, j - 1] + b2 * forward[i, j - 2]
        backward[i, m - 2] = a3 * x[i, m - 1]
        for j in range(m - 3, -1, -1):
            backward[i, j] = (a3 * x[i, j + 1] + a4 * x[i, j + 2] + b1 * backward[i, j + 1]
                              + b2 * backward[i, j + 2])
    return forward + backward


@numba.njit
def deriche(alpha, picture):
    once = np.ascontiguousarray(smooth_rows(picture, alpha).T)
    return smooth_rows(once, alpha).T


# What the folder does not have: programs of this file's own, as Thalweg and as Numba, with their inputs.
@numba.njit
def collatz(n):
    most = 0
    for start in range(1, n):
        number, steps = start, 0
        while number != 1:
            number = number // 2 if number % 2 == 0 else 3 * number + 1
            steps += 1
        most = max(most, steps)
    return most


@numba.njit
def recurrence(x):
    y, total = np.zeros_like(x), 0.0
    for i in range(len(x)):
        total = 0.9 * total + 0.1 * x[i]
        y[i] = total
    return y


@numba.njit
def bubbles(x):
    n = len(x)
    for i in range(n):
        for j in range(n - 1 - i):
            if x[j] > x[j + 1]:
                x[j], x[j + 1] = x[j + 1], x[j]
    return x


@numba.njit
def lu_by_hand(a):
    n = a.shape[0]
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] = a[i, k] / a[k, k]
            for j in range(k + 1, n):
                a[i, j] = a[i, j] - a[i, k] * a[k, j]
    return a


OWN = {
    "collatz": ("""fn collatz(n: i64) -> i64 {
    most = 0
    for start in range(1, n) {
        number, steps = start, 0
        while number != 1 {
            number = if number % 2 == 0 { number // 2 } else { 3 * number + 1 }
            steps += 1
        }
        most = maximum(most, steps)
    }
    most
}
""", lambda random: {"n": 30_000}),
    "recurrence": ("""fn recurrence(x: f64[n]) -> f64[n] {
    y, total = zeros(n), 0.0
    for i in range(n) {
        total = 0.9 * total + 0.1 * x[i]
        y[i] = total
    }
    y
}
""", lambda random: {"x": random.random(1_000_000)}),
    "bubbles": ("""fn bubbles(x: f64[n]) -> f64[n] {
    for i in range(n) {
        for j in range(n - 1 - i) {
            if x[j] > x[j + 1] {
                x[j], x[j + 1] = x[j + 1], x[j]
            }
        }
    }
    x
}
""", lambda random: {"x": random.random(2_000)}),
    "lu_by_hand": ("""fn lu_by_hand(a: f64[n, n]) -> f64[n, n] {
    for k in range(n) {
        for i in range(k + 1, n) {
            a[i, k] = a[i, k] / a[k, k]
            for j in range(k + 1, n) {
                a[i, j] = a[i, j] - a[i, k] * a[k, j]
            }
        }
    }
    a
}
""", lambda random: {"a": random.random((200, 200)) + 200 * np.eye(200)}),
}
NAMES = ["seidel_2d", "crc16", "nussinov", "trisolv", "lu", "spmv", "mandelbrot2", "deriche", *OWN]


def case(name, size):
    """The program's text, its inputs and its parameters."""
    random = np.random.default_rng([1, *name.encode()])
    if name in OWN:
        text, inputs = OWN[name]
        return text, inputs(random)
    module = importlib.import_module(name)
    # What the file prints is no part of it: its functions come first.
    text = (PROGRAMS / f"{name}.tw").read_text()
    return text, module.inputs(random, **SIZES[name][size])


def copies(inputs):
    return [value.copy() if isinstance(value, np.ndarray) else value for value in inputs.values()]


def timed_numba(function, inputs):
    times = []
    while len(times) < 5 or (sum(times) < 0.3 and len(times) < 2000):
        own = copies(inputs)
        begin = time.perf_counter()
        function(*own)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def timed_thalweg(command, script, environment):
    ended = subprocess.run([command, "bench", script, "--json", "--threads", "1"], capture_output=True, text=True,
                           env={**os.environ, **environment}, check=False)
    if ended.returncode != 0:
        sys.exit(f"{command} bench fails:\n{ended.stderr}")
    return json.loads(ended.stdout.splitlines()[-1])["statements"][-1]["median_seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--size", default="M", choices=["test", "S", "M"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--command", default=str(ROOT / "target" / "release" / "thalweg"))
    options = parser.parse_args()
    sys.path.insert(0, str(PROGRAMS))
    print(f"{'program':14} {'Numba':>11} {'Thalweg':>11} {'interpreted':>12} {'to Numba':>9} {'gain':>7}")
    for name in options.names or NAMES:
        text, inputs = case(name, options.size)
        function = globals()[name]
        expected = function(*copies(inputs))
        with tempfile.TemporaryDirectory() as path:
            folder = pathlib.Path(path)
            for key, value in inputs.items():
                np.save(folder / f"{key}.npy", value)
            count = len(expected) if isinstance(expected, tuple) else 1
            names = ", ".join(f"result_{index}" for index in range(count))
            lines = [text] + [f'{key} = load("{folder}/{key}.npy")' for key in inputs]
            script = folder / "script.tw"
            script.write_text("\n".join(lines + [f"{names} = {name}({', '.join(inputs)})", ""]))
            outputs = [f"--out=result_{index}={folder}/{index}.npy" for index in range(count)]
            subprocess.run([options.command, "run", script, *outputs], check=True, stdout=subprocess.DEVNULL)
            for index, own in enumerate(expected if isinstance(expected, tuple) else (expected,)):
                np.testing.assert_allclose(np.load(folder / f"{index}.npy"), own, rtol=1e-9, atol=1e-12)
            times = [[], [], []]
            for _ in range(options.rounds):
                times[0].append(timed_numba(function, inputs))
                times[1].append(timed_thalweg(options.command, script, {}))
                times[2].append(timed_thalweg(options.command, script, {"THALWEG_MACHINE_CODE": "off"}))
        own, code, interpreted = map(statistics.median, times)
        print(f"{name:14} {1e3 * own:8.3f} ms {1e3 * code:8.3f} ms {1e3 * interpreted:9.3f} ms {code / own:8.2f}x "
              f"{interpreted / code:6.1f}x", flush=True)


if __name__ == "__main__":
    main()
