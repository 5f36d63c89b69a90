"""Measures the formulas of stdlib/src/formulas against 113-bit references and prints docs/accuracy.md's table.

    RUSTFLAGS="-C target-feature=+fma,+avx2" cargo build --release -p thalweg --example accuracy
    python3 tests/accuracy/measure.py [--points 1000000] [--check] [FORMULA ...]

Needs numpy and gcc (for libquadmath); with --check also mpmath, which then confirms the reference on 300 points a range.
The error of a result r for the exact value v is |r - v| / ulp(v), where ulp(v) is the distance between the doubles
around v: 0.5 is a correctly rounded result.
"""
import argparse
import ctypes
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
random = np.random.default_rng(20260101)
HUGE, TINY, LEAST = 1.7976931348623157e308, 2.2250738585072014e-308, 5e-324


def flat(low, high):
    return lambda n: random.uniform(low, high, n)


def spread(low, high, signs=False):
    """Uniform in the bits: every binade alike."""
    def points(n):
        bits = random.integers(np.float64(low).view(np.int64), np.float64(high).view(np.int64), n)
        values = bits.view(np.float64)
        return np.where(random.random(n) < 0.5, -values, values) if signs else values
    return points


def near(center, width):
    return lambda n: center + random.uniform(-1, 1, n) * width * 2.0 ** random.uniform(-50, 0, n)


def near_multiples(unit, most):
    """The doubles nearest to multiples of `unit`, and their neighbours."""
    def points(n):
        x = random.integers(1, most, n) * unit
        return x * (1 + random.integers(-2, 3, n) * 2.0 ** -52)
    return points


def both(first, second):
    return lambda n: (first(n), second(n))


def power_near(limit):
    """Pairs whose power is near 2^limit."""
    def points(n):
        x = spread(1e-300, 1e300)(n)
        return x, limit * random.uniform(0.9, 1.02, n) / np.log2(x)
    return points


def power_near_one(n):
    x = 1 + random.uniform(-1, 1, n) * 2.0 ** random.uniform(-45, -2, n)
    return x, random.uniform(-745, 709, n) / np.log(x)


RANGES = {
    "exp": [("-1..1", flat(-1, 1)), ("-708..709", flat(-708, 709)), ("subnormal results, -745..-708", flat(-745.1, -708)), ("tiny to 700, both signs", spread(LEAST, 700, True))],
    "exp2": [("-1..1", flat(-1, 1)), ("-1022..1024", flat(-1022, 1024)), ("subnormal results, -1074..-1022", flat(-1074.9, -1022)), ("tiny to 1000, both signs", spread(LEAST, 1000, True))],
    "expm1": [("-1..1", flat(-1, 1)), ("-40..709", flat(-40, 709)), ("tiny to 700, both signs", spread(LEAST, 700, True)), ("-0.7..0.7 around the reduction's edges", near(0.34657359, 0.02))],
    "log": [("0.5..2", flat(0.5, 2)), ("near 1", near(1, 0.1)), ("all normal", spread(TINY, HUGE)), ("subnormal", spread(LEAST, TINY))],
    "log2": [("0.5..2", flat(0.5, 2)), ("near 1", near(1, 0.1)), ("all normal", spread(TINY, HUGE)), ("subnormal", spread(LEAST, TINY))],
    "log10": [("0.5..2", flat(0.5, 2)), ("near 1", near(1, 0.1)), ("all normal", spread(TINY, HUGE)), ("subnormal", spread(LEAST, TINY))],
    "log1p": [("-0.5..1", flat(-0.5, 1)), ("near 0", near(0, 0.1)), ("-1..0", lambda n: -1 + spread(1e-16, 0.9)(n)), ("all positive", spread(LEAST, HUGE)), ("tiny, both signs", spread(LEAST, 0.9, True))],
    "sin": [], "cos": [], "tan": [],
    "asin": [("-1..1", flat(-1, 1)), ("tiny, both signs", spread(LEAST, 1, True)), ("near 1", lambda n: 1 - spread(1e-16, 0.5)(n))],
    "acos": [("-1..1", flat(-1, 1)), ("tiny, both signs", spread(LEAST, 1, True)), ("near 1", lambda n: 1 - spread(1e-16, 0.5)(n)), ("near -1", lambda n: -1 + spread(1e-16, 0.5)(n))],
    "atan": [("-1..1", flat(-1, 1)), ("1..5", flat(1, 5)), ("all", spread(LEAST, HUGE, True))],
    "atan2": [("unit square", both(flat(-1, 1), flat(-1, 1))), ("all", both(spread(LEAST, HUGE, True), spread(LEAST, HUGE, True))), ("within 2^10", both(spread(1, 1024, True), spread(1, 1024, True)))],
    "sinh": [("-1..1", flat(-1, 1)), ("-710..710", flat(-710.4, 710.4)), ("tiny to 700", spread(LEAST, 700, True))],
    "cosh": [("-1..1", flat(-1, 1)), ("-710..710", flat(-710.4, 710.4)), ("tiny to 700", spread(LEAST, 700, True))],
    "tanh": [("-1..1", flat(-1, 1)), ("-20..20", flat(-20, 20)), ("tiny to 700", spread(LEAST, 700, True))],
    "asinh": [("-1..1", flat(-1, 1)), ("-100..100", flat(-100, 100)), ("all", spread(LEAST, HUGE, True))],
    "acosh": [("1..2", flat(1, 2)), ("near 1", lambda n: 1 + spread(2.3e-16, 0.5)(n)), ("all", spread(1, HUGE))],
    "atanh": [("-1..1", flat(-1, 1)), ("tiny", spread(LEAST, 1, True)), ("near 1", lambda n: 1 - spread(1.2e-16, 0.5)(n))],
    "power": [("0..10 to -10..10", both(flat(0, 10), flat(-10, 10))), ("all results", lambda n: power_near(1024)(n)), ("subnormal results", lambda n: power_near(-1060)(n)), ("near 1 to huge", power_near_one), ("subnormal base", both(spread(LEAST, TINY), flat(-0.95, 0.95))), ("negative base", both(flat(-30, -0.01), lambda n: random.integers(-60, 60, n).astype(float)))],
    "cbrt": [("-10..10", flat(-10, 10)), ("all", spread(TINY, HUGE, True)), ("subnormal", spread(LEAST, TINY, True))],
    "hypot": [("unit square", both(flat(-1, 1), flat(-1, 1))), ("all", both(spread(LEAST, 1e308, True), spread(LEAST, 1e308, True))), ("within 2^10", both(spread(1, 1024, True), spread(1, 1024, True))), ("subnormal", both(spread(LEAST, TINY * 4), spread(LEAST, TINY * 4)))],
    "erf": [("-1..1", flat(-1, 1)), ("-6..6", flat(-6, 6)), ("tiny", spread(LEAST, 7, True))],
    "erfc": [("-1..1", flat(-1, 1)), ("0.5..26.5", flat(0.5, 26.5)), ("subnormal results, 26.5..27.2", flat(26.54, 27.22)), ("-6..0.5", flat(-6, 0.5))],
}
for name in ("sin", "cos", "tan"):
    RANGES[name] = [("-pi..pi", flat(-np.pi, np.pi)), ("-1e5..1e5", flat(-1e5, 1e5)), ("to 2^30", spread(1, 2.0 ** 30, True)), ("beside multiples of pi/2 to 2^30", near_multiples(np.pi / 2, 2 ** 29)), ("2^30 to the largest", spread(2.0 ** 30, HUGE, True)), ("tiny", spread(LEAST, 1, True))]


def library():
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "reference.so")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", os.path.join(HERE, "reference.c"), "-o", path, "-lquadmath", "-lm"], check=True)
    return ctypes.CDLL(path)


def reference(lib, name, a, b):
    pointer = lambda array: array.ctypes.data_as(ctypes.c_void_p)
    high, low = np.empty_like(a), np.empty_like(a)
    if lib.reference(name.encode(), pointer(a), pointer(b), pointer(high), pointer(low), ctypes.c_long(len(a))):
        sys.exit(f"no reference for {name}")
    return high, low


def ours(name, a, b):
    operands = a if b is a else np.ascontiguousarray(np.stack([a, b], axis=1))
    program = os.path.join(TARGET, "release", "examples", "accuracy")
    result = subprocess.run([program, name], input=operands.tobytes(), stdout=subprocess.PIPE, check=True)
    return np.frombuffer(result.stdout, dtype=np.float64)


def errors(result, high, low):
    with np.errstate(all="ignore"):
        ulp = np.spacing(np.abs(high))
        # At a power of two the doubles below are twice as dense.
        below = (np.frexp(high)[0] == 0.5) & (low * np.sign(high) < 0) & (np.abs(high) > TINY)
        ulp = np.where(below, ulp / 2, ulp)
        scale = np.where(np.abs(high) < 1e-270, 2.0 ** 200, 1)
        error = np.abs((result - high) * scale - low) / (ulp * scale)
    same = (result == high) & ~np.isfinite(high) | np.isnan(result) & np.isnan(high)
    # Beyond the largest double, infinity and it are both within a unit.
    error = np.where(same, 0, error)
    return np.where(np.isnan(error), np.inf, error)


def check(name, a, b, high, low):
    import mpmath
    mpmath.mp.prec = 2400 if name in ("sin", "cos", "tan") else 300
    names = {"power": "power", "log2": lambda x: mpmath.log(x, 2), "exp2": lambda x: mpmath.power(2, x), "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x))}
    function = names.get(name, name)
    function = getattr(mpmath, function) if isinstance(function, str) else function
    for i in range(min(300, len(a))):
        if not np.isfinite(high[i]) or abs(high[i]) < TINY:
            continue
        with mpmath.workprec(2400 if name in ("asinh", "acosh", "atanh", "log1p", "expm1", "asin", "atan", "erf") else mpmath.mp.prec):
            exact = function(mpmath.mpf(a[i])) if b is a else function(mpmath.mpf(a[i]), mpmath.mpf(b[i]))
            difference = abs(exact - mpmath.mpf(high[i]) - mpmath.mpf(low[i]) / (2 ** 200 if abs(high[i]) < 1e-270 else 1)) / np.spacing(abs(high[i]))
        if not difference < 1e-6:
            print(f"reference of {name}({a[i]!r}, {b[i]!r}) is off by {float(difference)} ULP", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=1000000)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("formula", nargs="*")
    options = parser.parse_args()
    lib = library()
    print("| formula | range | points | max ULP | wrongly rounded | worst at |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, ranges in RANGES.items():
        if options.formula and name not in options.formula:
            continue
        for label, points in ranges:
            operands = points(options.points)
            a, b = operands if isinstance(operands, tuple) else (operands, operands)
            high, low = reference(lib, name, a, b)
            if options.check:
                check(name, a[:300], b[:300] if b is not a else a[:300], high, low) if b is not a else check(name, (c := a[:300]), c, high, low)
            error = errors(ours(name, a, b), high, low)
            worst = int(np.argmax(error))
            place = repr(float(a[worst])) if b is a else f"{float(a[worst])!r}, {float(b[worst])!r}"
            print(f"| {name} | {label} | {len(a)} | {error[worst]:.3f} | {100 * np.mean(error > 0.5):.1f} % | {place} |", flush=True)


if __name__ == "__main__":
    main()
