"""Times the programs of examples/npbench in Thalweg, NumPy and Numba side by side, in one run, and prints the ratios.

    cargo build --release && python3 benches/npbench.py

The Thalweg and the NumPy programs are those of the folder; Numba's stand below, where fewer than ten lines of loops say the same.
It builds nothing. Where a package is missing it makes a virtual environment under target/ and starts again in it. The rounds are
interleaved; each figure is the median over all rounds. A program's results are compared with NumPy's before it is timed; one
that differs is not timed, and the exit status is 1.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "examples" / "npbench"
ENVIRONMENT = ROOT / "target" / "benches-venv"

arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
arguments.add_argument("names", nargs="*", metavar="NAME", help="programs; all of them when none is named")
arguments.add_argument("--command", default=str(ROOT / "target" / "release" / "thalweg"), help="the thalweg command")
arguments.add_argument("--rounds", type=int, default=3)
arguments.add_argument("--sizes", default="S,M", help="of test, S and M")
arguments.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
arguments.add_argument("--json", action="store_true", help="one JSON object instead of the tables")
options = arguments.parse_args()
# The libraries read these when they are imported.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "THALWEG_NUM_THREADS"):
    os.environ[name] = str(options.threads)

try:
    import numba
    import numpy as np
    from numba import prange
except ImportError:
    python = ENVIRONMENT / "bin" / "python"
    if os.environ.get("BENCHES_INSTALLED"):
        sys.exit("numpy and numba could not be imported, although they were installed")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "numpy==2.*", "numba"], check=True)
    os.environ["BENCHES_INSTALLED"] = "1"
    os.execv(str(python), [str(python), __file__, *sys.argv[1:]])

sys.path.insert(0, str(PROGRAMS))
import compare  # noqa: E402  (from the folder of the programs)

NUMBA = {}
# An orbit that leaves late has made a rounding larger in each step.
ALLOWED = {"mandelbrot2": 1e-4}


def loops(function):
    NUMBA[function.__name__] = numba.njit(parallel=True, error_model="numpy")(function)
    return function


def sequential(function):
    """Without prange, Numba would only look for array expressions to make parallel."""
    NUMBA[function.__name__] = numba.njit(error_model="numpy")(function)
    return function


@loops
def arc_distance(theta_1, phi_1, theta_2, phi_2):
    out = np.empty_like(theta_1)
    for i in prange(out.size):
        north, east = math.sin((theta_2[i] - theta_1[i]) / 2), math.sin((phi_2[i] - phi_1[i]) / 2)
        chord = north ** 2 + math.cos(theta_1[i]) * math.cos(theta_2[i]) * east ** 2
        out[i] = 2 * math.atan2(math.sqrt(chord), math.sqrt(1 - chord))
    return out


@sequential
def azimint_hist(data, radius, npt):
    low, high = radius.min(), radius.max()
    sums, counts = np.zeros(npt), np.zeros(npt)
    for i in range(radius.size):
        place = min(int((radius[i] - low) / (high - low) * npt), npt - 1)
        sums[place] += data[i]
        counts[place] += 1
    return sums / counts


@sequential
def crc16(data, poly):
    crc = np.uint32(0xFFFF)
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ poly if crc & 1 else crc >> 1
    crc = ~crc & 0xFFFF
    return np.uint16(((crc << 8) | (crc >> 8)) & 0xFFFF)


@loops
def fdtd_2d(ex, ey, hz, drive):
    ex, ey, hz = ex.copy(), ey.copy(), hz.copy()
    for value in drive:
        ey[0] = value
        ey[1:] -= 0.5 * (hz[1:] - hz[:-1])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])
    return ex, ey, hz


@loops
def go_fast(a):
    trace = 0.0
    for i in range(len(a)):
        trace += math.tanh(a[i, i])
    return a + trace


@loops
def jacobi_1d(steps, a, b):
    a, b = a.copy(), b.copy()
    for _ in range(steps):
        for i in prange(1, a.size - 1):
            b[i] = 0.33333 * (a[i - 1] + a[i] + a[i + 1])
        for i in prange(1, a.size - 1):
            a[i] = 0.33333 * (b[i - 1] + b[i] + b[i + 1])
    return a, b


@loops
def jacobi_2d(steps, a, b):
    a, b = a.copy(), b.copy()
    for step in range(2 * steps):
        for i in prange(1, len(a) - 1):
            for j in range(1, len(a) - 1):
                b[i, j] = 0.2 * (a[i, j] + a[i, j - 1] + a[i, j + 1] + a[i + 1, j] + a[i - 1, j])
        a, b = b, a
    return a, b


@loops
def lu(a):
    a = a.copy()
    for k in range(len(a)):
        for i in prange(k + 1, len(a)):
            a[i, k] /= a[k, k]
            for j in range(k + 1, len(a)):
                a[i, j] -= a[i, k] * a[k, j]
    return a


@loops
def mandelbrot2(xmin, xmax, xn, ymin, ymax, yn, limit, horizon):
    x, y = np.linspace(xmin, xmax, xn), np.linspace(ymin, ymax, yn)
    where, steps = np.zeros((yn, xn), np.complex128), np.zeros((yn, xn), np.int64)
    for i in prange(yn):
        for j in range(xn):
            c, z, step = complex(x[j], y[i]), complex(x[j], y[i]), 1
            while step < limit and abs(z) <= horizon:
                z, step = z * z + c, step + 1
            where[i, j], steps[i, j] = (z, step) if abs(z) > horizon else (0j, 0)
    return where, steps


@sequential
def nussinov(bases):
    table = np.zeros((bases.size, bases.size), np.int64)
    for i in range(bases.size - 1, -1, -1):
        for j in range(i + 1, bases.size):
            pair = 1 if j > i + 1 and bases[i] + bases[j] == 3 else 0
            best = max(table[i, j - 1], table[i + 1, j], table[i + 1, j - 1] + pair)
            for k in range(i + 1, j):
                best = max(best, table[i, k] + table[k + 1, j])
            table[i, j] = best
    return table


@sequential
def seidel_2d(steps, a):
    a = a.copy()
    for _ in range(steps):
        for i in range(1, len(a) - 1):
            for j in range(1, len(a) - 1):
                a[i, j] = (a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1] + a[i, j - 1] + a[i, j] + a[i, j + 1]
                           + a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]) / 9
    return a


@loops
def softmax(x):
    out, rows = np.empty(x.shape), x.reshape(-1, x.shape[-1])
    flat = out.reshape(rows.shape)
    for i in prange(len(rows)):
        e = np.exp(rows[i] - rows[i].max())
        flat[i] = e / e.sum()
    return out


@loops
def spmv(starts, columns, values, x):
    out = np.zeros(starts.size - 1)
    for i in prange(out.size):
        for place in range(starts[i], starts[i + 1]):
            out[i] += values[place] * x[columns[place]]
    return out


@sequential
def trisolv(l, b):
    x = np.empty_like(b)
    for i in range(b.size):
        total = b[i]
        for j in range(i):
            total -= l[i, j] * x[j]
        x[i] = total / l[i, i]
    return x


class Wrong(Exception):
    """A result that is not NumPy's."""


def as_list(found):
    return [np.asarray(result) for result in (found if isinstance(found, tuple) else (found,))]


def timed(action):
    """The median of as many calls as fit in a third of a second: three at least."""
    times = []
    while len(times) < 3 or (sum(times) < 0.3 and len(times) < 1000):
        begin = time.perf_counter()
        result = action()
        times.append(time.perf_counter() - begin)
        del result
    return statistics.median(times)


def measure(name, size):
    """The median seconds of each, and of Numba's first call."""
    case = compare.Case(name, size, 1)
    expected = case.results()
    found, _ = compare.run_thalweg(options.command, case, len(expected))
    row = {"program": name, "size": size, "difference": check(name, "Thalweg", found, expected)}
    actions = {"numpy": lambda: case.kernel(**case.inputs)}
    if name in NUMBA:
        # The parameters have the order that the program's call names.
        ordered = [case.inputs[part.strip()] for part in case.call[len(name) + 1:-1].split(",")]
        actions["numba"] = lambda: NUMBA[name](*ordered)
        begin = time.perf_counter()
        found = as_list(actions["numba"]())
        row["first"] = time.perf_counter() - begin
        # Numba gives a Python number in the place of a NumPy scalar.
        found = [one.astype(other.dtype) for one, other in zip(found, expected, strict=True)]
        check(name, "Numba", found, expected)
    del found
    times = {"thalweg": []} | {who: [] for who in actions}
    for _ in range(options.rounds):
        times["thalweg"].append(compare.run_thalweg(options.command, case, len(expected))[1])
        for who, action in actions.items():
            times[who].append(timed(action))
    return row | {"seconds": {who: statistics.median(values) for who, values in times.items()}}


def check(name, who, found, expected):
    worst = max(compare.difference(*pair) for pair in zip(found, expected, strict=True))
    if worst > ALLOWED.get(name, compare.TOLERANCE):
        raise Wrong(f"{name}: {who} and NumPy differ by {worst:.2g}")
    return worst


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def shown(seconds):
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def ratio_shown(ratio):
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"


def print_row(row):
    times = row["seconds"]
    ratios = {who: times[who] / times["thalweg"] for who in ("numpy", "numba") if who in times}
    best = min(ratios.values())
    cells = [f"{row['program']:24}", f"{shown(times['thalweg']):>8}", f"{ratio_shown(ratios['numpy']):>8}",
             f"{ratio_shown(ratios['numba']) if 'numba' in ratios else '-':>8}", f"{ratio_shown(best):>8}",
             f"{shown(row['first']) if 'first' in row else '-':>11}", f"{row['difference']:10.1e}"]
    print(f"| {' | '.join(cells)} |", flush=True)
    return ratios | {"best": best}


def main():
    if not pathlib.Path(options.command).exists():
        sys.exit(f"{options.command} does not exist: run `cargo build --release` first, or give --command")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.threads])
    np.seterr(all="ignore")
    names = options.names or sorted(compare.SIZES)
    if not options.json:
        print(f"NumPy {np.__version__}, Numba {numba.__version__}, {options.threads} thread{'s' * (options.threads > 1)}, "
              f"{platform.machine()}, load {os.getloadavg()[0]:.1f}, {options.rounds} rounds; a ratio is the other's time over "
              "Thalweg's: above 1 Thalweg is faster\n")
    everything, wrong = [], 0
    for size in options.sizes.split(","):
        if not options.json:
            print(f"size {size}\n| {'program':24} | {'Thalweg':>8} | {'NumPy':>8} | {'Numba':>8} | {'best':>8} "
                  f"| Numba first | difference |\n|{'-' * 26}|{'-' * 10}|{'-' * 10}|{'-' * 10}|{'-' * 10}|{'-' * 13}|{'-' * 12}|")
        found = []
        for name in names:
            try:
                everything.append(measure(name, size))
            except (Wrong, subprocess.CalledProcessError) as error:
                wrong += 1
                print(error, file=sys.stderr, flush=True)
                continue
            if not options.json:
                found.append(print_row(everything[-1]))
        if not options.json:
            means = {who: [ratios[who] for ratios in found if who in ratios] for who in ("numpy", "numba", "best")}
            print("\ngeometric means: " + ", ".join(f"{who} {geometric_mean(values):.2f} ({len(values)})"
                                                    for who, values in means.items() if values) + "\n")
    if options.json:
        print(json.dumps({"threads": options.threads, "rows": everything}))
    sys.exit(f"{wrong} programs differ from NumPy or fail" if wrong else 0)


if __name__ == "__main__":
    main()
