"""Writes tests/tables/*.txt: the result dtype of every operator and function for every dtype, as NumPy has it (f16 becomes f32).

    python tests/oracle/tables.py

`-` stands for a combination that is refused. The columns `2`, `2.5`, `true` and `1j` are weak literals; `.` for what is not compared.
"""

import pathlib

import numpy as np
from reference import DTYPES, DTYPE_NAMES, FLOATING, OPERATORS, ThalwegError, operate

TABLES = pathlib.Path(__file__).resolve().parent.parent / "tables"
LITERALS = {"2": 2, "2.5": 2.5, "true": True, "1j": 1j}
# Thalweg does not say which complex number is the first smallest one.
OURS = {("argmin", "c64"), ("argmin", "c128"), ("argmax", "c64"), ("argmax", "c128")}


def name_of(value):
    dtype = np.asarray(value).dtype
    return DTYPE_NAMES[np.dtype(np.float32) if dtype == np.float16 else dtype]


def attempt(compute):
    try:
        return name_of(compute())
    except (ThalwegError, TypeError, ValueError):
        return "-"


def binary():
    operands = {name: np.ones(1, dtype) for name, dtype in DTYPES.items()}
    both = {**operands, **LITERALS}
    lines = ["# The result dtype of each operator: the left operand's dtype, then one column for each right operand."]
    for symbol in OPERATORS:
        if symbol == "@":
            continue
        lines += ["", f"operator {symbol}", "left " + " ".join(both)]
        for left, left_value in both.items():
            row = [attempt(lambda: operate(symbol, left_value, right_value)) if left in operands or right in operands else "."
                   for right, right_value in both.items()]
            lines.append(" ".join([left, *row]))
    (TABLES / "operators.txt").write_text("\n".join(lines) + "\n")


def unary_result(function, value):
    if function in FLOATING and value.dtype.itemsize == 1:
        value = value.astype(np.float32)
    return function(value)


def unary():
    functions = {
        "sqrt": np.sqrt, "cbrt": np.cbrt, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2,
        "log10": np.log10, "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan, "arcsin": np.arcsin,
        "arccos": np.arccos, "arctan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "arcsinh": np.arcsinh,
        "arccosh": np.arccosh, "arctanh": np.arctanh, "abs": np.abs, "sign": np.sign, "floor": np.floor, "ceil": np.ceil,
        "trunc": np.trunc, "round": np.round, "rint": np.rint, "conj": np.conj, "real": np.real, "imag": np.imag,
        "isnan": np.isnan, "isfinite": np.isfinite, "isinf": np.isinf, "signbit": np.signbit,
        "cumsum": np.cumsum, "cumprod": np.cumprod, "sort": np.sort, "argsort": np.argsort, "diff": lambda x: np.diff(x, n=0),
        "median": np.median, "nansum": np.nansum, "nanmax": np.nanmax,
        "sum": np.sum, "prod": np.prod, "min": np.min, "max": np.max, "any": np.any, "all": np.all,
        "square": np.square, "nan_to_num": np.nan_to_num, "radians": np.radians, "degrees": np.degrees, "spacing": np.spacing,
        "ravel": np.ravel, "ptp": np.ptp, "sinc": np.sinc, "nanmean": np.nanmean, "nanvar": np.nanvar, "nanmedian": np.nanmedian,
        "nanprod": np.nanprod, "flatnonzero": np.flatnonzero, "count_nonzero": np.count_nonzero, "unique": np.unique,
        "zeros_like": np.zeros_like, "bincount": np.bincount, "unwrap": np.unwrap, "vander": np.vander, "cov": np.cov,
        "argmin": np.argmin, "argmax": np.argmax, "mean": np.mean, "var": np.var, "std": np.std,
    }
    lines = ["# The result dtype of each function, one column for each argument's dtype.", "", "function " + " ".join(DTYPES)]
    for name, function in functions.items():
        row = ["." if (name, dtype) in OURS else attempt(lambda: unary_result(function, np.ones(1, DTYPES[dtype])))
               for dtype in DTYPES]
        lines.append(" ".join([name, *row]))
    for symbol, name in (("-", "-"), ("+", "+"), ("~", "~"), ("not", "not")):
        row = [attempt(lambda: operate(symbol, np.ones(1, DTYPES[dtype]))) for dtype in DTYPES]
        lines.append(" ".join([name, *row]))
    (TABLES / "functions.txt").write_text("\n".join(lines) + "\n")


def widened(function):
    """NumPy computes small integers in f16; Thalweg has none, and computes them in f32."""
    def apply(*values):
        checked = [np.asarray(value) for value in values]
        half = all(one.dtype.itemsize == 1 for one in checked)
        return function(*[one.astype(np.float32) for one in checked]) if half else function(*values)
    return apply


def pairs():
    functions = {
        "minimum": np.minimum, "maximum": np.maximum, "where": lambda a, b: np.where([True], a, b), "fmax": np.fmax,
        "fmod": np.fmod, "gcd": np.gcd, "arctan2": widened(np.arctan2), "hypot": widened(np.hypot),
        "heaviside": widened(np.heaviside), "logaddexp": widened(np.logaddexp), "logaddexp2": widened(np.logaddexp2),
        "copysign": widened(np.copysign), "nextafter": widened(np.nextafter),
    }
    operands = {name: np.ones(1, DTYPES[name]) for name in DTYPES}
    both = {**operands, **LITERALS}
    lines = ["# The result dtype of each function of two arrays (of `where`: its two branches)."]
    for name, function in functions.items():
        lines += ["", f"function {name}", "left " + " ".join(both)]
        for left, left_value in both.items():
            row = [attempt(lambda: function(left_value, right_value)) if left in operands or right in operands else "."
                   for right, right_value in both.items()]
            lines.append(" ".join([left, *row]))
    (TABLES / "pairs.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    TABLES.mkdir(exist_ok=True)
    binary()
    unary()
    pairs()
