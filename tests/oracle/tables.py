"""Writes tests/tables/*.txt: the result dtype of every operator and function for every dtype, as NumPy has it (f16 becomes f32).

    python tests/oracle/tables.py

`-` stands for a combination that is refused. The columns `2`, `2.5` and `true` are weak literals.
"""

import pathlib

import numpy as np
from reference import DTYPES, DTYPE_NAMES, FLOATING, OPERATORS, ThalwegError, operate

TABLES = pathlib.Path(__file__).resolve().parent.parent / "tables"
REAL = [name for name in DTYPES if name not in ("c64", "c128")]
LITERALS = {"2": 2, "2.5": 2.5, "true": True}


def name_of(value):
    dtype = np.asarray(value).dtype
    return DTYPE_NAMES[np.dtype(np.float32) if dtype == np.float16 else dtype]


def attempt(compute):
    try:
        return name_of(compute())
    except (ThalwegError, TypeError, ValueError):
        return "-"


def binary():
    operands = {name: np.ones(1, dtype) for name, dtype in DTYPES.items() if name in REAL}
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
        "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh,
        "abs": np.abs, "floor": np.floor, "ceil": np.ceil, "round": np.round,
        "sum": np.sum, "prod": np.prod, "min": np.min, "max": np.max, "any": np.any, "all": np.all,
        "argmin": np.argmin, "argmax": np.argmax, "mean": np.mean, "var": np.var, "std": np.std,
    }
    lines = ["# The result dtype of each function, one column for each argument's dtype.", "", "function " + " ".join(REAL)]
    for name, function in functions.items():
        row = [attempt(lambda: unary_result(function, np.ones(1, DTYPES[dtype]))) for dtype in REAL]
        lines.append(" ".join([name, *row]))
    for symbol, name in (("-", "-"), ("+", "+"), ("~", "~"), ("not", "not")):
        row = [attempt(lambda: operate(symbol, np.ones(1, DTYPES[dtype]))) for dtype in REAL]
        lines.append(" ".join([name, *row]))
    (TABLES / "functions.txt").write_text("\n".join(lines) + "\n")


def pairs():
    functions = {"minimum": np.minimum, "maximum": np.maximum, "where": lambda a, b: np.where([True], a, b)}
    operands = {name: np.ones(1, DTYPES[name]) for name in REAL}
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
