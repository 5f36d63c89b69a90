"""Times the programs of examples/npbench in Thalweg, NumPy, Numba and JAX side by side, in one run, and prints the ratios.

    cargo build --release && python3 benches/npbench.py

The Thalweg and the NumPy programs are those of the folder. Numba and JAX get what stands below, where a few lines say the same in
the way that suits them, and else the NumPy program itself: Numba as it is, JAX as traced.py rewrites it. A dash means that they
do not take it. It builds nothing. Where a package is missing it makes a virtual environment under target/ and starts again in it. The rounds are
interleaved; each figure is the median over all rounds. A program's results are compared with NumPy's before it is timed; one
that differs is not timed, and the exit status is 1.
"""

import argparse
import functools
import importlib.util
import inspect
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
import warnings

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

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.threads])

try:
    import jax
    import jax.numpy as jnp
    import numba
    import numpy as np
    import scipy  # noqa: F401  (Numba's linear algebra calls it)
    from numba import prange
except ImportError:
    python = ENVIRONMENT / "bin" / "python"
    if os.environ.get("BENCHES_INSTALLED"):
        sys.exit("numpy, numba and jax could not be imported, although they were installed")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "numpy==2.*", "numba", "jax", "scipy"], check=True)
    os.environ["BENCHES_INSTALLED"] = "1"
    os.execv(str(python), [str(python), __file__, *sys.argv[1:]])

sys.path.insert(0, str(PROGRAMS))
import compare  # noqa: E402  (from the folder of the programs)
import traced  # noqa: E402

jax.config.update("jax_enable_x64", True)
# As in kernels.py: a call returns when its result is there.
jax.config.update("jax_cpu_enable_async_dispatch", False)

PEERS = {"numpy": "NumPy", "numba": "Numba", "jax": "JAX"}
NUMBA, JAX = {}, {}
# An orbit that leaves late has made a rounding larger in each step.
ALLOWED = {"mandelbrot2": 1e-4}


def loops(function):
    NUMBA[function.__name__] = numba.njit(parallel=True, error_model="numpy")(function)
    return function


def sequential(function):
    """Without prange, Numba would only look for array expressions to make parallel."""
    NUMBA[function.__name__] = numba.njit(error_model="numpy")(function)
    return function


def in_jax(function):
    JAX[function.__name__] = function
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


@in_jax
def crc16(data, poly):
    def of_byte(crc, byte):
        crc = crc ^ byte
        for _ in range(8):
            crc = jnp.where(crc & 1, (crc >> 1) ^ poly, crc >> 1)
        return crc, None
    crc = ~jax.lax.scan(of_byte, jnp.int64(0xFFFF), data.astype(jnp.int64))[0] & 0xFFFF
    return ((crc << 8) | (crc >> 8)) & 0xFFFF


@in_jax
def gramschmidt(a):
    def column(k, carried):
        a, q, r = carried
        length = jnp.linalg.norm(a[:, k])
        q = q.at[:, k].set(a[:, k] / length)
        row = jnp.where(jnp.arange(a.shape[1]) > k, q[:, k] @ a, 0)
        return a - jnp.outer(q[:, k], row), q, r.at[k].set(row.at[k].set(length))
    return jax.lax.fori_loop(0, a.shape[1], column, (a, jnp.zeros_like(a), jnp.zeros((a.shape[1], a.shape[1]))))[1:]


@in_jax
def lu(a):
    places = jnp.arange(len(a))
    def step(k, a):
        below = jnp.where(places > k, a[:, k] / a[k, k], 0)
        a = a - jnp.outer(below, jnp.where(places > k, a[k], 0))
        return a.at[:, k].set(jnp.where(places > k, below, a[:, k]))
    return jax.lax.fori_loop(0, len(a), step, a)


@in_jax
def mandelbrot2(xmin, xmax, xn, ymin, ymax, yn, limit, horizon):
    c = jnp.linspace(xmin, xmax, xn) + 1j * jnp.linspace(ymin, ymax, yn)[:, None]
    def turn(step, carried):
        z, where, steps = carried
        z = z * z + c
        out = (steps == 0) & (abs(z) > horizon)
        return jnp.where(out, 0, z), jnp.where(out, z, where), jnp.where(out, step, steps)
    nothing = jnp.zeros_like(c)
    return jax.lax.fori_loop(1, limit + 1, turn, (nothing, nothing, jnp.zeros(c.shape, jnp.int64)))[1:]


@in_jax
def spmv(starts, columns, values, x):
    row = jnp.repeat(jnp.arange(len(starts) - 1), jnp.diff(starts), total_repeat_length=len(values))
    return jax.ops.segment_sum(values * x[columns], row, len(starts) - 1, indices_are_sorted=True)


@in_jax
def trisolv(l, b):
    return jax.scipy.linalg.solve_triangular(l, b, lower=True)


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


def for_numba(case):
    """The program in Numba, called."""
    if case.name in NUMBA:
        compiled = NUMBA[case.name]
    else:
        path = PROGRAMS / f"{case.name}.py"
        module = importlib.util.module_from_spec(importlib.util.spec_from_file_location(f"{case.name}_in_numba", path))
        module.__spec__.loader.exec_module(module)
        for name, function in list(vars(module).items()):
            if inspect.isfunction(function) and name != "inputs":
                setattr(module, name, numba.njit(parallel=True, error_model="numpy")(function))
        compiled = getattr(module, case.name)
    # The parameters have the order that the program's call names.
    ordered = [case.inputs[part.strip()] for part in case.call[len(case.name) + 1:-1].split(",")]
    return lambda: compiled(*ordered)


def for_jax(case):
    """The program in JAX, called. Its Python integers, which are lengths and numbers of steps, are known when it is compiled."""
    function = JAX.get(case.name) or traced.traced(importlib.import_module(case.name))
    known = {name: value for name, value in case.inputs.items() if isinstance(value, int)}
    arrays = {name: jnp.asarray(value) for name, value in case.inputs.items() if name not in known}
    compiled = jax.jit(functools.partial(function, **known))
    return lambda: jax.block_until_ready(compiled(**arrays))


def measure(name, size):
    """The median seconds of each, and of the first calls of Numba and JAX."""
    case = compare.Case(name, size, 1)
    expected = case.results()
    found, _ = compare.run_thalweg(options.command, case, len(expected))
    row = {"program": name, "size": size, "difference": check(name, "Thalweg", found, expected), "first": {}}
    actions = {"numpy": lambda: case.kernel(**case.inputs)}
    for who, prepared in (("numba", for_numba), ("jax", for_jax)):
        try:
            action = prepared(case)
            begin = time.perf_counter()
            found = as_list(action())
        except Exception as refusal:  # whatever a compiler says to a program that it does not take
            row.setdefault("refused", {})[who] = str(refusal).strip().split("\n")[0]
            continue
        row["first"][who] = time.perf_counter() - begin
        # They give numbers of other types where NumPy's type follows from another library.
        found = [one.astype(other.dtype) for one, other in zip(found, expected, strict=True)]
        check(name, PEERS[who], found, expected)
        actions[who] = action
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


def ratios_of(row):
    """What the others take over what Thalweg takes, and the least of these."""
    times = row["seconds"]
    ratios = {who: times[who] / times["thalweg"] for who in PEERS if who in times}
    return ratios | {"best": min(ratios.values())}


def print_row(row):
    ratios = ratios_of(row)
    cells = [f"{row['program']:24}", f"{shown(row['seconds']['thalweg']):>8}"]
    cells += [f"{ratio_shown(ratios[who]) if who in ratios else '-':>8}" for who in (*PEERS, "best")]
    cells += [f"{shown(row['first'][who]) if who in row['first'] else '-':>11}" for who in ("numba", "jax")]
    print(f"| {' | '.join(cells)} | {row['difference']:10.1e} |", flush=True)


def main():
    if not pathlib.Path(options.command).exists():
        sys.exit(f"{options.command} does not exist: run `cargo build --release` first, or give --command")
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    names = options.names or sorted(compare.SIZES)
    if not options.json:
        print(f"NumPy {np.__version__}, Numba {numba.__version__}, JAX {jax.__version__}, {options.threads} "
              f"thread{'s' * (options.threads > 1)}, {platform.machine()}, load {os.getloadavg()[0]:.1f}, {options.rounds} rounds; "
              "a ratio is the other's time over Thalweg's: above 1 Thalweg is faster\n")
    everything, wrong = [], 0
    for size in options.sizes.split(","):
        if not options.json:
            heads = [f"{'program':24}", *(f"{head:>8}" for head in ("Thalweg", *PEERS.values(), "best")), "Numba first",
                     f"{'JAX first':>11}", "difference"]
            print(f"size {size}\n| {' | '.join(heads)} |\n|{'|'.join('-' * (len(head) + 2) for head in heads)}|")
        found = []
        for name in names:
            try:
                row = measure(name, size)
            except (Wrong, subprocess.CalledProcessError) as error:
                wrong += 1
                print(error, file=sys.stderr, flush=True)
                continue
            everything.append(row)
            found.append(ratios_of(row))
            if not options.json:
                print_row(row)
        if not options.json:
            means = {who: [ratios[who] for ratios in found if who in ratios] for who in (*PEERS, "best")}
            print("\ngeometric means: " + ", ".join(f"{PEERS.get(who, who)} {geometric_mean(values):.2f} ({len(values)})"
                                                    for who, values in means.items() if values) + "\n")
    if options.json:
        print(json.dumps({"threads": options.threads, "rows": everything}))
    sys.exit(f"{wrong} programs differ from NumPy or fail" if wrong else 0)


if __name__ == "__main__":
    main()
