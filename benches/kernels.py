"""Times Thalweg beside NumPy, numexpr, Numba and JAX on 26 kernels, in one run, and prints the ratios.

    cargo build --release && python3 benches/kernels.py

It builds nothing. Where a package is missing it makes a virtual environment under target/ and starts again in it. Each number of
threads has a process of its own, pinned to so many cores, in which every library is held to so many threads. The rounds are
interleaved (Thalweg, NumPy, numexpr, Numba, JAX, Thalweg, ...); each figure is the median over all rounds. Before a kernel is
timed, every answer is compared with Thalweg's. See README.md beside this file.
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
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / "target" / "benches-venv"

try:
    import jax
    import jax.numpy as jnp
    import numba
    import numexpr
    import numpy as np
    import scipy
    from numba import prange
    from scipy.special import erf
except ImportError:
    python = ENVIRONMENT / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == ENVIRONMENT.resolve() and os.environ.get("BENCHES_INSTALLED"):
        sys.exit("the packages could not be imported, although they were installed")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    packages = ["numpy==2.*", "numexpr", "numba", "jax", "scipy"]
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
    os.environ["BENCHES_INSTALLED"] = "1"
    os.execv(str(python), [str(python), __file__, *sys.argv[1:]])

jax.config.update("jax_enable_x64", True)
# Each call is waited for: without a second thread that takes it over, a small one is several times faster.
jax.config.update("jax_cpu_enable_async_dispatch", False)
PEERS = ["numpy", "numexpr", "numba", "jax"]
SHOWN = {"numpy": "NumPy", "numexpr": "numexpr", "numba": "Numba", "jax": "JAX"}
TOLERANCE = {"f64": 1e-9, "f32": 1e-4}
DTYPES = {"f64": np.float64, "f32": np.float32}
# A kernel whose ratio to the best peer is below this is listed at the end.
ENOUGH = 0.95
# From so many elements on arrays are longer than caches.
STREAMING = 5_000_000
# What --grow shows.
GROWING = ["multiply_add", "rational", "sum", "softmax", "cumsum"]

# The error model is NumPy's: a check for zero before each division would keep loops from the vector lanes.
compiled = numba.njit(parallel=True, error_model="numpy")


def side(n):
    """The side of a square of about n elements."""
    return max(4, math.isqrt(n))


def vectors(names):
    return lambda random, n, dtype: {name: random.random(n).astype(dtype) for name in names}


def square(random, n, dtype):
    return {"x": random.random((side(n), side(n))).astype(dtype)}


class Kernel:
    """What is timed. The functions take the inputs in the order of `inputs`; None where a peer cannot say it."""
    # Thalweg's text: definitions, and in the last line the call that is timed. COUNT, STEPS and KIND are replaced.
    thalweg = ""
    results = 1
    # Kernels that amplify rounding: how much more than the usual difference is allowed.
    loose = 1
    # Kernels whose integers hang on rounding: the part of them that may differ.
    differing = 0.0
    # Each library has its own generator: only the expectation is the same.
    random = False
    # Where memory decides how long large arrays take: how many arrays of n elements are read and written at least.
    arrays = None
    in_numexpr = None

    inputs = vectors("abc")


class Add(Kernel):
    arrays = 3
    thalweg = "a + b"
    inputs = vectors("ab")
    in_numexpr = "a + b"

    def in_numpy(a, b):
        return a + b

    @compiled
    def in_numba(a, b):
        out = np.empty_like(a)
        for i in prange(a.size):
            out[i] = a[i] + b[i]
        return out

    @jax.jit
    def in_jax(a, b):
        return a + b


class MultiplyAdd(Kernel):
    arrays = 3
    thalweg = "a * b + 2"
    inputs = vectors("ab")
    in_numexpr = "a * b + 2"

    def in_numpy(a, b):
        return a * b + 2

    @compiled
    def in_numba(a, b):
        # Numba's literals are 64 bits wide: the constants of a loop over f32 need its dtype.
        of = a.dtype.type
        out = np.empty_like(a)
        for i in prange(a.size):
            out[i] = a[i] * b[i] + of(2)
        return out

    @jax.jit
    def in_jax(a, b):
        return a * b + 2


class Rational(Kernel):
    arrays = 4
    thalweg = "2*a + 3*b - a*b / (1 + c*c)"
    in_numexpr = "2*a + 3*b - a*b / (1 + c*c)"

    def in_numpy(a, b, c):
        return 2 * a + 3 * b - a * b / (1 + c * c)

    @compiled
    def in_numba(a, b, c):
        of = a.dtype.type
        out = np.empty_like(a)
        for i in prange(a.size):
            out[i] = of(2) * a[i] + of(3) * b[i] - a[i] * b[i] / (of(1) + c[i] * c[i])
        return out

    @jax.jit
    def in_jax(a, b, c):
        return 2 * a + 3 * b - a * b / (1 + c * c)


class SinCos(Kernel):
    thalweg = "sin(a)**2 + cos(b)**2"
    inputs = vectors("ab")
    in_numexpr = "sin(a)**2 + cos(b)**2"

    def in_numpy(a, b):
        return np.sin(a) ** 2 + np.cos(b) ** 2

    @compiled
    def in_numba(a, b):
        out = np.empty_like(a)
        for i in prange(a.size):
            out[i] = math.sin(a[i]) ** 2 + math.cos(b[i]) ** 2
        return out

    @jax.jit
    def in_jax(a, b):
        return jnp.sin(a) ** 2 + jnp.cos(b) ** 2


class BlackScholes(Kernel):
    thalweg = """\
fn price(s, k, t) {
    d1 = (log(s / k) + 0.065 * t) / (0.3 * sqrt(t))
    d2 = d1 - 0.3 * sqrt(t)
    cdf = x -> 0.5 * (1 + erf(x * 0.7071067811865476))
    s * cdf(d1) - k * exp(-0.02 * t) * cdf(d2)
}
price(s, k, t)"""

    def inputs(random, n, dtype):
        found = {"s": 50 + 50 * random.random(n), "k": 50 + 50 * random.random(n), "t": 0.1 + 2 * random.random(n)}
        return {name: value.astype(dtype) for name, value in found.items()}

    def in_numpy(s, k, t):
        d1 = (np.log(s / k) + 0.065 * t) / (0.3 * np.sqrt(t))
        d2 = d1 - 0.3 * np.sqrt(t)
        return (s * (0.5 * (1 + erf(d1 * 0.7071067811865476)))
                - k * np.exp(-0.02 * t) * (0.5 * (1 + erf(d2 * 0.7071067811865476))))

    @compiled
    def in_numba(s, k, t):
        of = s.dtype.type
        out = np.empty_like(s)
        for i in prange(s.size):
            spread = of(0.3) * math.sqrt(t[i])
            d1 = (math.log(s[i] / k[i]) + of(0.065) * t[i]) / spread
            d2 = d1 - spread
            above = of(0.5) * (of(1) + math.erf(d1 * of(0.7071067811865476)))
            below = of(0.5) * (of(1) + math.erf(d2 * of(0.7071067811865476)))
            out[i] = s[i] * above - k[i] * math.exp(of(-0.02) * t[i]) * below
        return out

    @jax.jit
    def in_jax(s, k, t):
        d1 = (jnp.log(s / k) + 0.065 * t) / (0.3 * jnp.sqrt(t))
        d2 = d1 - 0.3 * jnp.sqrt(t)

        def cdf(x):
            return 0.5 * (1 + jax.scipy.special.erf(x * 0.7071067811865476))
        return s * cdf(d1) - k * jnp.exp(-0.02 * t) * cdf(d2)


class Sigmoid(Kernel):
    arrays = 2
    thalweg = "1 / (1 + exp(-a))"
    inputs = vectors("a")
    in_numexpr = "1 / (1 + exp(-a))"

    def in_numpy(a):
        return 1 / (1 + np.exp(-a))

    @compiled
    def in_numba(a):
        of = a.dtype.type
        out = np.empty_like(a)
        for i in prange(a.size):
            out[i] = of(1) / (of(1) + math.exp(-a[i]))
        return out

    @jax.jit
    def in_jax(a):
        return 1 / (1 + jnp.exp(-a))


class HypotChain(Kernel):
    thalweg = "hypot(hypot(a, b), c)"
    in_numexpr = "hypot(hypot(a, b), c)"

    def in_numpy(a, b, c):
        return np.hypot(np.hypot(a, b), c)

    @compiled
    def in_numba(a, b, c):
        out = np.empty_like(a)
        for i in prange(a.size):
            out[i] = math.hypot(math.hypot(a[i], b[i]), c[i])
        return out

    @jax.jit
    def in_jax(a, b, c):
        return jnp.hypot(jnp.hypot(a, b), c)


class WhereChain(Kernel):
    thalweg = "where(a < 0.3, a * b, where(a < 0.6, a + b, where(a < 0.8, a - b, b)))"
    inputs = vectors("ab")

    def in_numpy(a, b):
        return np.where(a < 0.3, a * b, np.where(a < 0.6, a + b, np.where(a < 0.8, a - b, b)))

    def in_numexpr(a, b):
        low, middle, high = (a.dtype.type(limit) for limit in (0.3, 0.6, 0.8))
        return numexpr.evaluate("where(a < low, a * b, where(a < middle, a + b, where(a < high, a - b, b)))")

    @compiled
    def in_numba(a, b):
        of = a.dtype.type
        out = np.empty_like(a)
        for i in prange(a.size):
            if a[i] < of(0.3):
                out[i] = a[i] * b[i]
            elif a[i] < of(0.6):
                out[i] = a[i] + b[i]
            elif a[i] < of(0.8):
                out[i] = a[i] - b[i]
            else:
                out[i] = b[i]
        return out

    @jax.jit
    def in_jax(a, b):
        return jnp.where(a < 0.3, a * b, jnp.where(a < 0.6, a + b, jnp.where(a < 0.8, a - b, b)))


class Sum(Kernel):
    arrays = 2
    thalweg = "sum(a * b + 2)"
    inputs = vectors("ab")

    def in_numpy(a, b):
        return np.sum(a * b + 2)

    def in_numexpr(a, b):
        # numexpr adds f32 one after another, and is several percent away at ten million.
        return numexpr.evaluate("sum(a * b + 2)") if a.dtype == np.float64 else numexpr.evaluate("a * b + 2").sum()

    @compiled
    def in_numba(a, b):
        of = a.dtype.type
        total = 0.0
        for i in prange(a.size):
            total += a[i] * b[i] + of(2)
        return total

    @jax.jit
    def in_jax(a, b):
        return jnp.sum(a * b + 2)


class MeanVarAxis0(Kernel):
    arrays = 1
    thalweg = "(mean(x, axis=0), var(x, axis=0))"
    results = 2
    inputs = square

    def in_numpy(x):
        return np.mean(x, axis=0), np.var(x, axis=0)

    def in_numexpr(x):
        mean = numexpr.evaluate("sum(x, axis=0)") / x.dtype.type(len(x))
        return mean, numexpr.evaluate("sum((x - mean) ** 2, axis=0)") / x.dtype.type(len(x))

    @compiled
    def in_numba(x):
        rows, columns = x.shape
        mean, variance = np.zeros(columns, x.dtype), np.zeros(columns, x.dtype)
        # Rows lie one after another: a task walks down a band of columns.
        width = 256
        for band in prange((columns + width - 1) // width):
            first, last = band * width, min(columns, (band + 1) * width)
            for i in range(rows):
                for j in range(first, last):
                    mean[j] += x[i, j]
            for j in range(first, last):
                mean[j] /= rows
            for i in range(rows):
                for j in range(first, last):
                    variance[j] += (x[i, j] - mean[j]) * (x[i, j] - mean[j])
            for j in range(first, last):
                variance[j] /= rows
        return mean, variance

    @jax.jit
    def in_jax(x):
        return jnp.mean(x, axis=0), jnp.var(x, axis=0)


class MeanVarAxis1(Kernel):
    arrays = 1
    thalweg = "(mean(x, axis=1), var(x, axis=1))"
    results = 2
    inputs = square

    def in_numpy(x):
        return np.mean(x, axis=1), np.var(x, axis=1)

    def in_numexpr(x):
        columns = x.dtype.type(x.shape[1])
        mean = numexpr.evaluate("sum(x, axis=1)") / columns
        middle = mean[:, np.newaxis]
        return mean, numexpr.evaluate("sum((x - middle) ** 2, axis=1)") / columns

    @compiled
    def in_numba(x):
        rows, columns = x.shape
        mean, variance = np.empty(rows, x.dtype), np.empty(rows, x.dtype)
        for i in prange(rows):
            total = 0.0
            for j in range(columns):
                total += x[i, j]
            middle = total / columns
            total = 0.0
            for j in range(columns):
                total += (x[i, j] - middle) ** 2
            mean[i], variance[i] = middle, total / columns
        return mean, variance

    @jax.jit
    def in_jax(x):
        return jnp.mean(x, axis=1), jnp.var(x, axis=1)


class Softmax(Kernel):
    thalweg = """\
fn softened(x) {
    e = exp(x - max(x, axis=-1, keepdims=true))
    e / sum(e, axis=-1, keepdims=true)
}
softened(x)"""
    inputs = square

    def in_numpy(x):
        e = np.exp(x - np.max(x, axis=-1, keepdims=True))
        return e / np.sum(e, axis=-1, keepdims=True)

    def in_numexpr(x):
        greatest = np.max(x, axis=-1, keepdims=True)
        e = numexpr.evaluate("exp(x - greatest)")
        total = numexpr.evaluate("sum(e, axis=1)")[:, np.newaxis]
        return numexpr.evaluate("e / total")

    @compiled
    def in_numba(x):
        rows, columns = x.shape
        out = np.empty_like(x)
        for i in prange(rows):
            greatest = x[i, 0]
            for j in range(1, columns):
                greatest = max(greatest, x[i, j])
            total = 0.0
            for j in range(columns):
                out[i, j] = math.exp(x[i, j] - greatest)
                total += out[i, j]
            factor = x.dtype.type(1 / total)
            for j in range(columns):
                out[i, j] *= factor
        return out

    @jax.jit
    def in_jax(x):
        return jax.nn.softmax(x, axis=-1)


class StandardScores(Kernel):
    arrays = 2
    thalweg = "(x - mean(x, axis=0)) / std(x, axis=0)"
    inputs = square

    def in_numpy(x):
        return (x - np.mean(x, axis=0)) / np.std(x, axis=0)

    def in_numexpr(x):
        mean, variance = MeanVarAxis0.in_numexpr(x)
        deviation = np.sqrt(variance)
        return numexpr.evaluate("(x - mean) / deviation")

    @compiled
    def in_numba(x):
        rows, columns = x.shape
        out = np.empty_like(x)
        width = 256
        for band in prange((columns + width - 1) // width):
            first, last = band * width, min(columns, (band + 1) * width)
            mean, factor = np.zeros(last - first, x.dtype), np.zeros(last - first, x.dtype)
            for i in range(rows):
                for j in range(first, last):
                    mean[j - first] += x[i, j]
            mean /= rows
            for i in range(rows):
                for j in range(first, last):
                    factor[j - first] += (x[i, j] - mean[j - first]) * (x[i, j] - mean[j - first])
            for j in range(last - first):
                factor[j] = 1 / math.sqrt(factor[j] / rows)
            for i in range(rows):
                for j in range(first, last):
                    out[i, j] = (x[i, j] - mean[j - first]) * factor[j - first]
        return out

    @jax.jit
    def in_jax(x):
        return (x - jnp.mean(x, axis=0)) / jnp.std(x, axis=0)


class Cumsum(Kernel):
    arrays = 2
    thalweg = "cumsum(a)"
    # Sequential sums of f32 wander.
    loose = 10
    inputs = vectors("a")

    def in_numpy(a):
        return np.cumsum(a)

    @compiled
    def in_numba(a):
        out = np.empty_like(a)
        # With threads twice over the data: the sum of each part, then the running sums from where the parts begin.
        parts = numba.get_num_threads()
        length = (a.size + parts - 1) // parts
        begins = np.zeros(parts + 1)
        if parts > 1:
            for part in prange(parts):
                total = 0.0
                for i in range(part * length, min(a.size, (part + 1) * length)):
                    total += a[i]
                begins[part + 1] = total
            for part in range(parts):
                begins[part + 1] += begins[part]
        for part in prange(parts):
            running = begins[part]
            for i in range(part * length, min(a.size, (part + 1) * length)):
                running += a[i]
                out[i] = running
        return out

    @jax.jit
    def in_jax(a):
        return jnp.cumsum(a)


class Filter(Kernel):
    thalweg = "a[a > 0.5]"
    inputs = vectors("a")

    def in_numpy(a):
        return a[a > 0.5]

    @compiled
    def in_numba(a):
        parts = numba.get_num_threads()
        length = (a.size + parts - 1) // parts
        # Each part writes what it meets and steps forward where it is kept: no branch, and never past its own end.
        kept, ends = np.empty_like(a), np.zeros(parts + 1, np.int64)
        for part in prange(parts):
            begin = part * length
            place = begin
            for i in range(begin, min(a.size, begin + length)):
                kept[place] = a[i]
                place += a[i] > 0.5
            ends[part + 1] = place - begin
        if parts == 1:
            return kept[:ends[1]].copy()
        for part in range(parts):
            ends[part + 1] += ends[part]
        out = np.empty(ends[parts], a.dtype)
        for part in prange(parts):
            for i in range(ends[part + 1] - ends[part]):
                out[ends[part] + i] = kept[part * length + i]
        return out

    def in_jax(a):
        # The shape hangs on the data: there is no jit of it.
        return a[a > 0.5]


class Bincount(Kernel):
    thalweg = "bincount(i, minlength=1000)"

    def inputs(random, n, dtype):
        return {"i": random.integers(0, 1000, n)}

    def in_numpy(i):
        return np.bincount(i, minlength=1000)

    @compiled
    def in_numba(i):
        parts = numba.get_num_threads()
        length = (i.size + parts - 1) // parts
        # As many bins as the greatest index asks for: that is a part of the work.
        counts = np.zeros((parts, max(1000, i.max() + 1)), np.int64)
        for part in prange(parts):
            for place in range(part * length, min(i.size, (part + 1) * length)):
                counts[part, i[place]] += 1
        return counts.sum(axis=0)

    @jax.jit
    def in_jax(i):
        return jnp.bincount(i, length=1000)


class Gather(Kernel):
    thalweg = "a[i]"

    def inputs(random, n, dtype):
        return {"a": random.random(n).astype(dtype), "i": random.integers(0, n, n)}

    def in_numpy(a, i):
        return a[i]

    @compiled
    def in_numba(a, i):
        out = np.empty_like(a)
        for place in prange(i.size):
            out[place] = a[i[place]]
        return out

    @jax.jit
    def in_jax(a, i):
        return a[i]


class Transpose(Kernel):
    arrays = 2
    thalweg = "x.T + x"
    inputs = square

    def in_numpy(x):
        return x.T + x

    def in_numexpr(x):
        y = x.T
        return numexpr.evaluate("y + x", order="C")

    @compiled
    def in_numba(x):
        n = len(x)
        out = np.empty_like(x)
        tile = 32
        for band in prange((n + tile - 1) // tile):
            for first in range(0, n, tile):
                for i in range(band * tile, min(n, (band + 1) * tile)):
                    for j in range(first, min(n, first + tile)):
                        out[i, j] = x[j, i] + x[i, j]
        return out

    @jax.jit
    def in_jax(x):
        return x.T + x


class Jacobi(Kernel):
    thalweg = """\
fn heated(u) {
    for step in range(STEPS) {
        u[1:-1, 1:-1] = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:])
    }
    u
}
heated(u)"""

    def inputs(random, n, dtype):
        # The full size, a thousand steps of a plate of a thousand by a thousand, is reached at a million.
        u = np.zeros((min(1000, side(n)),) * 2, dtype)
        u[0] = 1
        return {"u": u}

    def in_numpy(u):
        u = u.copy()
        for _ in range(len(u)):
            u[1:-1, 1:-1] = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:])
        return u

    def in_numexpr(u):
        quarter = u.dtype.type(0.25)
        old, new = u.copy(), u.copy()
        for _ in range(len(u)):
            names = {"a": old[:-2, 1:-1], "b": old[2:, 1:-1], "c": old[1:-1, :-2], "d": old[1:-1, 2:], "quarter": quarter}
            numexpr.evaluate("quarter * (a + b + c + d)", local_dict=names, out=new[1:-1, 1:-1])
            old, new = new, old
        return old

    @compiled
    def in_numba(u):
        n = len(u)
        of = u.dtype.type
        old, new = u.copy(), u.copy()
        for _ in range(n):
            for i in prange(1, n - 1):
                for j in range(1, n - 1):
                    new[i, j] = of(0.25) * (old[i - 1, j] + old[i + 1, j] + old[i, j - 1] + old[i, j + 1])
            old, new = new, old
        return old

    @jax.jit
    def in_jax(u):
        def step(_, u):
            return u.at[1:-1, 1:-1].set(0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]))
        return jax.lax.fori_loop(0, len(u), step, u)


class Blur(Kernel):
    thalweg = """\
fn blurred(x) = (
    x[:-2, :-2] + 2 * x[:-2, 1:-1] + x[:-2, 2:] + 2 * x[1:-1, :-2] + 4 * x[1:-1, 1:-1] + 2 * x[1:-1, 2:] +
    x[2:, :-2] + 2 * x[2:, 1:-1] + x[2:, 2:]
) / 16
blurred(x)"""
    inputs = square

    def in_numpy(x):
        return (x[:-2, :-2] + 2 * x[:-2, 1:-1] + x[:-2, 2:] + 2 * x[1:-1, :-2] + 4 * x[1:-1, 1:-1] + 2 * x[1:-1, 2:]
                + x[2:, :-2] + 2 * x[2:, 1:-1] + x[2:, 2:]) / 16

    def in_numexpr(x):
        a, b, c = x[:-2, :-2], x[:-2, 1:-1], x[:-2, 2:]
        d, e, f = x[1:-1, :-2], x[1:-1, 1:-1], x[1:-1, 2:]
        g, h, i = x[2:, :-2], x[2:, 1:-1], x[2:, 2:]
        return numexpr.evaluate("(a + 2*b + c + 2*d + 4*e + 2*f + g + 2*h + i) / 16")

    @compiled
    def in_numba(x):
        rows, columns = x.shape
        of = x.dtype.type
        out = np.empty((rows - 2, columns - 2), x.dtype)
        for i in prange(rows - 2):
            for j in range(columns - 2):
                out[i, j] = (x[i, j] + of(2) * x[i, j + 1] + x[i, j + 2] + of(2) * x[i + 1, j] + of(4) * x[i + 1, j + 1]
                             + of(2) * x[i + 1, j + 2] + x[i + 2, j] + of(2) * x[i + 2, j + 1] + x[i + 2, j + 2]) / of(16)
        return out

    @jax.jit
    def in_jax(x):
        return (x[:-2, :-2] + 2 * x[:-2, 1:-1] + x[:-2, 2:] + 2 * x[1:-1, :-2] + 4 * x[1:-1, 1:-1] + 2 * x[1:-1, 2:]
                + x[2:, :-2] + 2 * x[2:, 1:-1] + x[2:, 2:]) / 16


class Nbody(Kernel):
    """The pull on each body, with the coordinates apart, as every one of the five likes them."""
    thalweg = """\
fn pull(x, y, z, mass) {
    dx = x - x[:, newaxis]
    dy = y - y[:, newaxis]
    dz = z - z[:, newaxis]
    square = dx * dx + dy * dy + dz * dz + 0.01
    weight = mass / (square * sqrt(square))
    (sum(dx * weight, axis=1), sum(dy * weight, axis=1), sum(dz * weight, axis=1))
}
pull(x, y, z, mass)"""
    results = 3

    def inputs(random, n, dtype):
        bodies = min(4096, side(n))
        return {name: random.random(bodies).astype(dtype) for name in ("x", "y", "z", "mass")}

    def in_numpy(x, y, z, mass):
        dx = x - x[:, np.newaxis]
        dy = y - y[:, np.newaxis]
        dz = z - z[:, np.newaxis]
        square = dx * dx + dy * dy + dz * dz + 0.01
        weight = mass / (square * np.sqrt(square))
        return np.sum(dx * weight, axis=1), np.sum(dy * weight, axis=1), np.sum(dz * weight, axis=1)

    def in_numexpr(x, y, z, mass):
        i, j, k, soft = x[:, np.newaxis], y[:, np.newaxis], z[:, np.newaxis], x.dtype.type(0.01)
        square = numexpr.evaluate("(x - i) * (x - i) + (y - j) * (y - j) + (z - k) * (z - k) + soft")
        weight = numexpr.evaluate("mass / (square * sqrt(square))")
        return (numexpr.evaluate("sum((x - i) * weight, axis=1)"), numexpr.evaluate("sum((y - j) * weight, axis=1)"),
                numexpr.evaluate("sum((z - k) * weight, axis=1)"))

    @compiled
    def in_numba(x, y, z, mass):
        of = x.dtype.type
        ax, ay, az = np.empty_like(x), np.empty_like(x), np.empty_like(x)
        for i in prange(x.size):
            px = py = pz = of(0)
            for j in range(x.size):
                dx, dy, dz = x[j] - x[i], y[j] - y[i], z[j] - z[i]
                square = dx * dx + dy * dy + dz * dz + of(0.01)
                weight = mass[j] / (square * math.sqrt(square))
                px += dx * weight
                py += dy * weight
                pz += dz * weight
            ax[i], ay[i], az[i] = px, py, pz
        return ax, ay, az

    @jax.jit
    def in_jax(x, y, z, mass):
        dx = x - x[:, np.newaxis]
        dy = y - y[:, np.newaxis]
        dz = z - z[:, np.newaxis]
        square = dx * dx + dy * dy + dz * dz + 0.01
        weight = mass / (square * jnp.sqrt(square))
        return jnp.sum(dx * weight, axis=1), jnp.sum(dy * weight, axis=1), jnp.sum(dz * weight, axis=1)


class Mandelbrot(Kernel):
    """Steps until a point leaves the disk, fifty at most; an orbit near the border hangs on every rounding."""
    thalweg = """\
fn steps(re, im) {
    x, y, count = 0 * re, 0 * im, 0
    while count < 50 and x * x + y * y <= 4 {
        x, y = x * x - y * y + re, 2 * x * y + im
        count += 1
    }
    count
}
[steps(x, y) for y in im, x in re]"""
    differing = 1e-3

    def inputs(random, n, dtype):
        return {"re": np.linspace(-2, 0.5, side(n)).astype(dtype), "im": np.linspace(-1.2, 1.2, side(n)).astype(dtype)}

    def in_numpy(re, im):
        # The points that are still inside are kept in arrays that shrink.
        cx, cy = np.tile(re, im.size), np.repeat(im, re.size)
        x, y = np.zeros_like(cx), np.zeros_like(cy)
        counts, inside = np.full(cx.size, 50), np.arange(cx.size)
        for step in range(50):
            still = x * x + y * y <= 4
            counts[inside[~still]] = step
            inside, x, y, cx, cy = inside[still], x[still], y[still], cx[still], cy[still]
            x, y = x * x - y * y + cx, 2 * x * y + cy
        return counts.reshape(im.size, re.size)

    def in_numexpr(re, im):
        cx, cy = np.tile(re, im.size), np.repeat(im, re.size)
        x, y, counts = np.zeros_like(cx), np.zeros_like(cy), np.zeros(cx.size, dtype=np.int64)
        for _ in range(50):
            still = numexpr.evaluate("x*x + y*y <= 4")
            numexpr.evaluate("where(still, counts + 1, counts)", out=counts)
            x, y = (numexpr.evaluate("where(still, x*x - y*y + cx, x)"), numexpr.evaluate("where(still, 2*x*y + cy, y)"))
        return counts.reshape(im.size, re.size)

    @compiled
    def in_numba(re, im):
        of = re.dtype.type
        out = np.empty((im.size, re.size), np.int64)
        for i in prange(im.size):
            for j in range(re.size):
                x = y = of(0)
                count = 0
                while count < 50 and x * x + y * y <= of(4):
                    x, y = x * x - y * y + re[j], of(2) * x * y + im[i]
                    count += 1
                out[i, j] = count
        return out

    @jax.jit
    def in_jax(re, im):
        cx, cy = jnp.broadcast_arrays(re[None, :], im[:, None])

        def step(_, state):
            x, y, counts = state
            still = x * x + y * y <= 4
            return (jnp.where(still, x * x - y * y + cx, x), jnp.where(still, 2 * x * y + cy, y), counts + still)
        begin = (jnp.zeros_like(cx), jnp.zeros_like(cy), jnp.zeros(cx.shape, dtype=jnp.int64))
        return jax.lax.fori_loop(0, 50, step, begin)[2]


class MonteCarlo(Kernel):
    thalweg = "4 * sum(rand(COUNT, dtype=KIND) ** 2 + rand(COUNT, dtype=KIND) ** 2 < 1) / COUNT"
    random = True
    generator, key = np.random.default_rng(5), jax.random.key(5)

    def inputs(random, n, dtype):
        # The peers need the number of points and the dtype, and get them as an array that is not read.
        return {"like": np.empty(n, dtype)}

    def in_numpy(like):
        x = MonteCarlo.generator.random(like.size, dtype=like.dtype)
        y = MonteCarlo.generator.random(like.size, dtype=like.dtype)
        return 4 * np.sum(x ** 2 + y ** 2 < 1) / like.size

    @compiled
    def in_numba(like):
        of = like.dtype.type
        inside = 0
        for _ in prange(like.size):
            x, y = of(np.random.random()), of(np.random.random())
            inside += x * x + y * y < of(1)
        return 4 * inside / like.size

    @jax.jit
    def in_jax(like):
        first, second = jax.random.split(MonteCarlo.key)
        x = jax.random.uniform(first, like.shape, like.dtype)
        y = jax.random.uniform(second, like.shape, like.dtype)
        return 4 * jnp.sum(x ** 2 + y ** 2 < 1) / like.size


class Kmeans(Kernel):
    """One assignment of points in four dimensions to eight centres, and the centres' update."""
    thalweg = """\
fn moved(points: float[n, d], centres: float[k, d]) {
    label = argmin(sum((points[:, newaxis, :] - centres[newaxis, :, :]) ** 2, axis=2), axis=1)
    (label, [mean(points[label == c], axis=0) for c in range(k)])
}
moved(points, centres)"""
    results = 2
    differing = 1e-4

    def inputs(random, n, dtype):
        centres = random.random((8, 4))
        # Each centre is a point too: a centre without points has no mean.
        points = np.concatenate((centres, random.random((max(0, n // 4 - 8), 4))))
        return {"points": points.astype(dtype), "centres": centres.astype(dtype)}

    def in_numpy(points, centres):
        label = np.argmin(np.sum((points[:, np.newaxis, :] - centres[np.newaxis, :, :]) ** 2, axis=2), axis=1)
        return label, np.stack([np.mean(points[label == c], axis=0) for c in range(8)])

    @compiled
    def in_numba(points, centres):
        n, d = points.shape
        k = len(centres)
        parts = numba.get_num_threads()
        length = (n + parts - 1) // parts
        label = np.empty(n, np.int64)
        sums, counts = np.zeros((parts, k, d)), np.zeros((parts, k), np.int64)
        for part in prange(parts):
            for i in range(part * length, min(n, (part + 1) * length)):
                nearest, least = 0, np.inf
                for c in range(k):
                    distance = points.dtype.type(0)
                    for j in range(d):
                        distance += (points[i, j] - centres[c, j]) ** 2
                    if distance < least:
                        nearest, least = c, distance
                label[i] = nearest
                counts[part, nearest] += 1
                for j in range(d):
                    sums[part, nearest, j] += points[i, j]
        moved = np.empty_like(centres)
        for c in range(k):
            for j in range(d):
                moved[c, j] = sums[:, c, j].sum() / counts[:, c].sum()
        return label, moved

    @jax.jit
    def in_jax(points, centres):
        label = jnp.argmin(jnp.sum((points[:, np.newaxis, :] - centres[np.newaxis, :, :]) ** 2, axis=2), axis=1)
        sums = jax.ops.segment_sum(points, label, 8)
        return label, sums / jnp.bincount(label, length=8)[:, np.newaxis].astype(points.dtype)


class Pairwise(Kernel):
    thalweg = "sqrt(sum((p[:, newaxis, :] - p[newaxis, :, :]) ** 2, axis=2))"

    def inputs(random, n, dtype):
        return {"p": random.random((side(n), 3)).astype(dtype)}

    def in_numpy(p):
        return np.sqrt(np.sum((p[:, np.newaxis, :] - p[np.newaxis, :, :]) ** 2, axis=2))

    def in_numexpr(p):
        x, y, z = p[:, 0], p[:, 1], p[:, 2]
        a, b, c = p[:, :1], p[:, 1:2], p[:, 2:]
        return numexpr.evaluate("sqrt((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2)")

    @compiled
    def in_numba(p):
        n = len(p)
        out = np.empty((n, n), p.dtype)
        # With each coordinate in its own array the inner loop runs on lanes.
        x, y, z = p[:, 0].copy(), p[:, 1].copy(), p[:, 2].copy()
        for i in prange(n):
            for j in range(n):
                out[i, j] = math.sqrt((x[i] - x[j]) ** 2 + (y[i] - y[j]) ** 2 + (z[i] - z[j]) ** 2)
        return out

    @jax.jit
    def in_jax(p):
        return jnp.sqrt(jnp.sum((p[:, np.newaxis, :] - p[np.newaxis, :, :]) ** 2, axis=2))


class Argmin(Kernel):
    arrays = 1
    thalweg = "argmin(x, axis=1)"
    inputs = square

    def in_numpy(x):
        return np.argmin(x, axis=1)

    @compiled
    def in_numba(x):
        out = np.empty(len(x), np.int64)
        for i in prange(len(x)):
            place, least = 0, x[i, 0]
            for j in range(1, x.shape[1]):
                if x[i, j] < least:
                    place, least = j, x[i, j]
            out[i] = place
        return out

    @jax.jit
    def in_jax(x):
        return jnp.argmin(x, axis=1)


KERNELS = {
    "add": Add, "multiply_add": MultiplyAdd, "rational": Rational, "sin_cos": SinCos, "black_scholes": BlackScholes,
    "sigmoid": Sigmoid, "hypot_chain": HypotChain, "where_chain": WhereChain, "sum": Sum, "mean_var_axis0": MeanVarAxis0,
    "mean_var_axis1": MeanVarAxis1, "softmax": Softmax, "standard_scores": StandardScores, "cumsum": Cumsum,
    "filter": Filter, "bincount": Bincount, "gather": Gather, "transpose": Transpose, "jacobi": Jacobi, "blur": Blur,
    "nbody": Nbody, "mandelbrot": Mandelbrot, "monte_carlo": MonteCarlo, "kmeans": Kmeans, "pairwise": Pairwise,
    "argmin": Argmin,
}


def peers(kernel, inputs):
    """For each peer that can say the kernel: an action without arguments that computes it."""
    arguments = list(inputs.values())
    found = {"numpy": lambda: kernel.in_numpy(*arguments)}
    if isinstance(kernel.in_numexpr, str):
        found["numexpr"] = lambda: numexpr.evaluate(kernel.in_numexpr, local_dict=inputs)
    elif kernel.in_numexpr:
        found["numexpr"] = lambda: kernel.in_numexpr(*arguments)
    found["numba"] = lambda: kernel.in_numba(*arguments)
    on_device = [jax.device_put(argument) for argument in arguments]
    found["jax"] = lambda: jax.block_until_ready(kernel.in_jax(*on_device))
    return found


def seconds_of(action):
    """How long one call takes, and its result, whose memory is given back outside the time."""
    begin = time.perf_counter()
    result = action()
    return time.perf_counter() - begin, result


def timed(action, seconds):
    """The median of as many calls as fit in a time: five at least, unless one of them takes seconds."""
    times = []
    while not times or (sum(times) < seconds and len(times) < 5000) or (len(times) < 5 and sum(times) < 5):
        times.append(seconds_of(action)[0])
    return statistics.median(times)


class Thalweg:
    """One kernel as a script, with its inputs as files that are read before the run."""

    def __init__(self, options, folder, kernel, inputs, n, kind):
        text = kernel.thalweg.replace("COUNT", str(n)).replace("KIND", kind)
        text = text.replace("STEPS", str(len(next(iter(inputs.values())))))
        *definitions, call = text.split("\n")
        names = [f"result_{index}" for index in range(kernel.results)]
        self.options, self.folder, self.names, self.line = options, folder, names, len(definitions) + 1
        self.script, self.nothing = folder / "kernel.tw", folder / "nothing.tw"
        self.script.write_text("\n".join([*definitions, f"{', '.join(names)} = {call}"]) + "\n")
        self.nothing.write_text("\n")
        self.inputs = [] if kernel.random else [f"--in={name}={folder}/{name}.npy" for name in inputs]
        self.outputs = [f"--out={name}={folder}/{name}.npy" for name in names]
        for name, value in inputs.items():
            np.save(folder / f"{name}.npy", value)

    def run(self, *arguments):
        command = [self.options.command, *arguments, "--threads", str(self.options.child)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))} fails:\n{self.script.read_text()}\n{ended.stderr}")
        return ended.stdout

    def answer(self):
        self.run("run", self.script, *self.inputs, *self.outputs)
        return [np.load(self.folder / f"{name}.npy") for name in self.names]

    def first(self):
        """The first call: a process that runs the kernel, less one that only reads the inputs.

        It writes what it computes, as it would compute nothing otherwise: so this is an upper bound. The least of several, as
        the start of a process varies by more than what is sought."""
        whole, reading = [], []
        for _ in range(7):
            whole.append(seconds_of(lambda: self.run("run", self.script, *self.inputs, *self.outputs))[0])
            reading.append(seconds_of(lambda: self.run("run", self.nothing, *self.inputs))[0])
        return max(0.0, min(whole) - min(reading))

    def median(self):
        statements = json.loads(self.run("bench", self.script, "--json", *self.inputs))["statements"]
        return next(row["median_seconds"] for row in statements if row["line"] == self.line)


def as_list(result):
    return [np.asarray(part) for part in (result if isinstance(result, (tuple, list)) else (result,))]


def difference(kernel, found, expected, tolerance, n):
    """What is wrong with a peer's answer, if anything; the comparison is relative to the greatest element."""
    if kernel.random:
        # Six standard deviations of the estimate, for either.
        allowed = 6 * math.sqrt(math.pi * (4 - math.pi) / n)
        values = [float(found[0]), float(expected[0])]
        return None if all(abs(value - math.pi) <= allowed for value in values) else f"{values} is not near pi"
    for index, (one, other) in enumerate(zip(found, expected, strict=True)):
        if one.shape != other.shape:
            return f"result {index} has the shape {one.shape}, Thalweg's has {other.shape}"
        if one.dtype.kind in "iu":
            differ = float(np.mean(one != other))
            if differ > kernel.differing:
                return f"result {index} differs at {differ:.2%} of the places"
            continue
        size = float(np.max(np.abs(other), initial=0.0))
        if not np.allclose(one, other, rtol=tolerance, atol=tolerance * size):
            return f"result {index} differs by {float(np.max(np.abs(one - other))):.3g} (greatest element {size:.3g})"
    return None


def measure(options, name, n, kind):
    """For one kernel, size and dtype: the median seconds of each, and the seconds of the first calls."""
    kernel, random = KERNELS[name], np.random.default_rng(7)
    inputs = kernel.inputs(random, n, DTYPES[kind])
    with tempfile.TemporaryDirectory() as folder:
        thalweg = Thalweg(options, pathlib.Path(folder), kernel, inputs, n, kind)
        expected = thalweg.answer()
        actions, first = peers(kernel, inputs), {}
        for peer, action in actions.items():
            first[peer], result = seconds_of(action)
            found = as_list(result)
            wrong = difference(kernel, found, expected, TOLERANCE[kind] * kernel.loose, n)
            if peer == "numpy" and [part.dtype for part in found] != [part.dtype for part in expected]:
                wrong = f"the dtype is {[str(part.dtype) for part in found]}, not {[str(part.dtype) for part in expected]}"
            if wrong:
                sys.exit(f"{name}: {SHOWN[peer]} and Thalweg differ at n = {n}, {kind}: {wrong}")
        del expected, result, found
        seconds = 0.3 if n > 100_000 else 0.05
        times = {"thalweg": []} | {peer: [] for peer in actions}
        for _ in range(options.rounds):
            times["thalweg"].append(thalweg.median())
            for peer, action in actions.items():
                times[peer].append(timed(action, seconds))
        # The table of first calls shows the first size alone.
        first["thalweg"] = thalweg.first() if n == options.sizes[0] else None
    return {"kernel": name, "n": n, "dtype": kind, "threads": options.child, "first": first,
            "seconds": {who: statistics.median(values) for who, values in times.items()}}


def copy_seconds(n, kind):
    """How long NumPy takes to copy n elements into memory that it has written before: the median, as of all else."""
    source, target = (np.ones(n, DTYPES[kind]) for _ in range(2))
    return timed(lambda: np.copyto(target, source), 0.3)


def child(options):
    """Measures with one number of threads, and writes each row as a line of JSON."""
    numexpr.set_num_threads(options.child)
    numba.set_num_threads(options.child)
    for kind in options.dtypes:
        for n in options.sizes:
            for name in options.kernels:
                if options.verbose:
                    print(f"{plural(options.child)}, {kind}, n = {n:.0e}: {name}", file=sys.stderr, flush=True)
                row = measure(options, name, n, kind)
                if KERNELS[name].arrays and n >= STREAMING and options.child == 1:
                    row["copy"] = copy_seconds(n, kind)
                print(json.dumps(row), flush=True)


def rows_of(options, threads):
    """Starts a process for one number of threads, whose libraries read it from their environment."""
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS",
             "NUMEXPR_MAX_THREADS"]
    environment = os.environ | {name: str(threads) for name in names} | {"JAX_PLATFORMS": "cpu"}
    command = [sys.executable, __file__, "--child", str(threads), "--command", options.command,
               "--rounds", str(options.rounds), "--sizes", ",".join(map(str, options.sizes)),
               "--dtypes", ",".join(options.dtypes), "--kernels", ",".join(options.kernels)]
    command += ["--verbose"] * options.verbose
    # It begins with its cores, before it imports anything: JAX makes its threads at once, and they keep the cores that they begin with.
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(every)[:threads])
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    os.sched_setaffinity(0, every)
    if ended.returncode != 0:
        # What is wrong stands on stderr already.
        sys.exit(ended.returncode)
    return [json.loads(line) for line in ended.stdout.splitlines()]


def shown(seconds):
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def ratio_shown(ratio):
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"


def best(row):
    """The fastest peer, and its time over Thalweg's."""
    peer = min((peer for peer in PEERS if peer in row["seconds"]), key=lambda peer: row["seconds"][peer])
    return peer, row["seconds"][peer] / row["seconds"]["thalweg"]


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def tables(rows):
    """Rows that are told apart by dtype, threads and n, in the order in which they were asked for."""
    found = {}
    for row in rows:
        found.setdefault((row["dtype"], row["threads"], row["n"]), []).append(row)
    return found


def plural(threads):
    return f"{threads} thread{'s' * (threads > 1)}"


def print_table(head, lines):
    """A table whose first column is text."""
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    for index, line in enumerate([head, *lines]):
        cells = [cell.ljust(width) if column == 0 else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(line, widths))]
        print(f"| {' | '.join(cells)} |")
        if index == 0:
            print(f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    print()


def print_ratios(rows):
    grouped = tables(rows)
    for (kind, threads, n), group in grouped.items():
        print(f"n = {n:.0e}, {kind}, {plural(threads)}")
        lines = []
        for row in group:
            times = row["seconds"]
            ratios = [ratio_shown(times[peer] / times["thalweg"]) if peer in times else "-" for peer in PEERS]
            peer, ratio = best(row)
            lines.append([row["kernel"], shown(times["thalweg"]), *ratios, ratio_shown(ratio), SHOWN[peer]])
        print_table(["kernel", "Thalweg", *SHOWN.values(), "best", "peer"], lines)


def print_first_calls(rows):
    """At the first size that was measured: Numba compiles for no other, JAX for each."""
    first = {}
    for (kind, threads, _), group in tables(rows).items():
        first.setdefault((kind, threads), group)
    for (kind, threads), group in first.items():
        print(f"the first call at n = {group[0]['n']:.0e}, with compiling, {kind}, {plural(threads)}")
        lines = [[row["kernel"], *(shown(row["first"][who]) if who in row["first"] else "-" for who in ["thalweg", *PEERS])]
                 for row in group]
        print_table(["kernel", "Thalweg", *SHOWN.values()], lines)


def print_summary(rows):
    print("the best peer's time over Thalweg's: geometric means")
    grouped = tables(rows)
    lines = [[f"{n:.0e}", kind, str(threads), f"{geometric_mean([best(row)[1] for row in group]):.2f}"]
             for (kind, threads, n), group in grouped.items()]
    print_table(["n", "dtype", "threads", "mean"], lines)
    behind = sorted((pair for pair in ((best(row)[1], row) for row in rows) if pair[0] < ENOUGH), key=lambda pair: pair[0])
    print(f"below {ENOUGH} of the best peer: {len(behind)} of {len(rows)}")
    for ratio, row in behind:
        print(f"  {ratio_shown(ratio):>5}  {row['kernel']} (n = {row['n']:.0e}, {row['dtype']}, {plural(row['threads'])}): "
              f"{SHOWN[best(row)[0]]}")


def print_bandwidth(rows):
    """How many bytes a second the kernels move that do little else, beside a copy."""
    moving = [row for row in rows if "copy" in row]
    if not moving:
        return
    print("bytes read and written at least, a second, as a part of what NumPy's copy of as many elements moves")
    lines = []
    for row in moving:
        arrays, size = KERNELS[row["kernel"]].arrays, np.dtype(DTYPES[row["dtype"]]).itemsize
        rate, copied = arrays * row["n"] * size / row["seconds"]["thalweg"], 2 * row["n"] * size / row["copy"]
        lines.append([row["kernel"], row["dtype"], f"{row['n']:.0e}", f"{rate / 1e9:.1f} GB/s", f"{rate / copied:.2f}"])
    print_table(["kernel", "dtype", "n", "Thalweg", "of a copy"], lines)


def draw_growth(rows, path):
    """Time against n, both logarithmic, as an SVG: a panel for each kernel."""
    colors = {"thalweg": "#c0392b", "numpy": "#2c6fbb", "numexpr": "#8e6bb0", "numba": "#2e8b57", "jax": "#d98e04"}
    width, height, left, bottom = 330, 250, 52, 34
    names = list(dict.fromkeys(row["kernel"] for row in rows))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * len(names)}" height="{height + 24}" '
             'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
    for panel, name in enumerate(names):
        own = [row for row in rows if row["kernel"] == name]
        every = [seconds for row in own for seconds in row["seconds"].values()]
        low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))
        first, last = (math.log10(end(row["n"] for row in own)) for end in (min, max))
        across = lambda n: panel * width + left + (math.log10(n) - first) / max(last - first, 1) * (width - left - 14)  # noqa: B023, E731
        down = lambda seconds: 20 + (high - math.log10(seconds)) / (high - low) * (height - 20 - bottom)  # noqa: B023, E731
        parts.append(f'<text x="{panel * width + left}" y="13" font-weight="bold">{name}: seconds against n</text>')
        for power in range(low, high + 1):
            y = down(10.0 ** power)
            parts.append(f'<path d="M{panel * width + left} {y:.1f}H{(panel + 1) * width - 14}" stroke="#ddd"/>')
            parts.append(f'<text x="{panel * width + left - 5}" y="{y + 4:.1f}" text-anchor="end">1e{power}</text>')
        for n in dict.fromkeys(row["n"] for row in own):
            parts.append(f'<text x="{across(n):.1f}" y="{height - 18}" text-anchor="middle">{n:.0e}</text>'.replace("e+0", "e"))
        for who, color in colors.items():
            points = [f"{across(row['n']):.1f},{down(row['seconds'][who]):.1f}" for row in own if who in row["seconds"]]
            if points:
                parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" stroke-width="1.8"/>')
    for place, (who, color) in enumerate(colors.items()):
        label = {"thalweg": "Thalweg"} | SHOWN
        parts.append(f'<text x="{left + 90 * place}" y="{height + 14}" fill="{color}" font-weight="bold">{label[who]}</text>')
    pathlib.Path(path).write_text("\n".join([*parts, "</svg>"]) + "\n")


def print_growth(rows):
    """Time against n: a table for each kernel."""
    for name in dict.fromkeys(row["kernel"] for row in rows):
        for kind, threads in dict.fromkeys((row["dtype"], row["threads"]) for row in rows):
            print(f"{name}, {kind}, {plural(threads)}")
            lines = [[f"{row['n']:.0e}", *(shown(row["seconds"][who]) if who in row["seconds"] else "-"
                                           for who in ["thalweg", *PEERS])]
                     for row in rows if (row["kernel"], row["dtype"], row["threads"]) == (name, kind, threads)]
            print_table(["n", "Thalweg", *SHOWN.values()], lines)


def listed(convert=str):
    return lambda text: [convert(part) for part in text.split(",")]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--command", default=str(ROOT / "target" / "release" / "thalweg"), help="the thalweg command")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--sizes", type=listed(lambda text: int(float(text))), default=None, help="1e3,1e5,1e7")
    arguments.add_argument("--threads", type=listed(int), default=[1, 2])
    arguments.add_argument("--dtypes", type=listed(), default=["f64", "f32"])
    arguments.add_argument("--kernels", type=listed(), default=None, help=", ".join(KERNELS))
    arguments.add_argument("--grow", action="store_true", help="time against n, for a few kernels")
    arguments.add_argument("--plot", metavar="FILE", help="with --grow: draw it, too, as an SVG")
    arguments.add_argument("--json", action="store_true", help="one JSON object instead of the tables")
    arguments.add_argument("--verbose", action="store_true", help="say on stderr what is measured")
    arguments.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    # A hundred million f64 are 0.8 GB, and the three inputs, their copies for JAX and what the peers make are a dozen of them.
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    growing = [10 ** power for power in range(1, 9 if memory > 16e9 else 8)]
    options.sizes = options.sizes or (growing if options.grow else [1_000, 100_000, 10_000_000])
    options.kernels = options.kernels or (GROWING if options.grow else list(KERNELS))
    unknown = [name for name in options.kernels if name not in KERNELS] + [kind for kind in options.dtypes if kind not in DTYPES]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join([*KERNELS, *DTYPES])}")
    if options.child:
        child(options)
        return
    if not pathlib.Path(options.command).exists():
        sys.exit(f"{options.command} does not exist: run `cargo build --release` first, or give --command")
    cores = len(os.sched_getaffinity(0))
    if max(options.threads) > cores:
        sys.exit(f"{max(options.threads)} threads need as many cores; this process may use {cores}")
    load = os.getloadavg()[0]
    rows = [row for threads in options.threads for row in rows_of(options, threads)]
    versions = {"numpy": np.__version__, "numexpr": numexpr.__version__, "numba": numba.__version__, "jax": jax.__version__,
                "scipy": scipy.__version__}
    if options.json:
        print(json.dumps({"versions": versions, "cores": cores, "load": load, "rounds": options.rounds, "rows": rows}))
        return
    print(f"{', '.join(f'{SHOWN.get(name, name)} {version}' for name, version in versions.items())}, {cores} cores, "
          f"{platform.machine()}, load {load:.1f}, {options.rounds} rounds; a ratio is a peer's time over Thalweg's: "
          "above 1 Thalweg is faster\n")
    if options.grow:
        print_growth(rows)
        if options.plot:
            draw_growth(rows, options.plot)
        return
    print_ratios(rows)
    print_bandwidth(rows)
    print_first_calls(rows)
    print_summary(rows)


if __name__ == "__main__":
    main()
