"""Random programs of statements, each written twice, in Thalweg and in Python with NumPy, and what Python's gives.

    python tests/differential/statements.py [--programs 300] [--seed 1]

Loops that carry arrays and scalars, `while`, `break`, `continue`, updates by index, slice, mask and index arrays, comprehensions
whose bodies loop, typed functions, folds, tuples, casts. `tests/statements.rs` runs what is printed here on every engine:

    === 17                          a program's number
    its text
    --- name f64 3,4 0011aabb…      what Python has: dtype, shape, bytes; `--- refused` when NumPy refuses it

Types are known while a program is written: every part carries an example value of its dtype and shape (`sample`), which is what
NumPy makes of its operands' examples.
"""

import argparse
import math
import sys
import warnings

import numpy as np

DTYPES = {
    "bool": np.bool_, "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64, "u8": np.uint8, "u16": np.uint16,
    "u32": np.uint32, "u64": np.uint64, "f32": np.float32, "f64": np.float64, "c64": np.complex64, "c128": np.complex128,
}
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
INTEGERS = ["i8", "i16", "i32", "i64", "i64", "i64", "u8", "u16", "u32", "u64"]
MOST = 2000  # turns of the innermost body
LARGEST = 9000  # elements of an array
ROWS, COLUMNS = 31, 17  # what stands for `n` and `m`, so far apart that no part of one is as long as a part of the other
FLOATS = ["f64", "f64", "f64", "f32"]


# What the Python side calls: NumPy, and the few rules in which the language departs from it.

class Refused(Exception):
    """A program that fails."""


def copied(value):
    return np.array(value)[()] if isinstance(value, (np.ndarray, np.generic)) else value


def divided(left, right):
    if np.result_type(left, right).kind in "iub" and np.size(left) and np.any(np.asarray(right) == 0):
        raise Refused("division by zero")
    return np.floor_divide(left, right)


def remainder(left, right):
    if np.result_type(left, right).kind in "iub" and np.size(left) and np.any(np.asarray(right) == 0):
        raise Refused("division by zero")
    return np.remainder(left, right)


def product(left, right):
    """Complex products of four real ones, without the fused multiplication that NumPy's vectors use."""
    dtype = np.result_type(left, right)
    if dtype.kind != "c":
        return left * right
    left, right = np.asarray(left, dtype), np.asarray(right, dtype)
    result = np.empty(np.broadcast_shapes(left.shape, right.shape), dtype)
    result.real = left.real * right.real - left.imag * right.imag
    result.imag = left.real * right.imag + left.imag * right.real
    return result[()]


def in_order(operation, values):
    """The one order of reductions: along the first axis, stripes of 512 bytes, then halves."""
    lanes = 512 // values.dtype.itemsize
    while True:
        results = []
        for start in range(0, len(values), 64 * lanes):
            block = values[start:start + 64 * lanes]
            totals = [block[index] for index in range(min(lanes, len(block)))]
            for index in range(lanes, len(block)):
                totals[index % lanes] = operation(totals[index % lanes], block[index])
            half = lanes // 2
            while half:
                for index in range(half):
                    if index + half < len(totals):
                        totals[index] = operation(totals[index], totals[index + half])
                totals = totals[:half]
                half //= 2
            results.append(totals[0])
        if len(results) == 1:
            return results[0]
        values = np.array(results)


def total(value, axis=None):
    value = np.asarray(value)
    if value.dtype.kind in "iub" or value.size == 0:
        return value.sum(axis=axis)
    if axis is None:
        return in_order(np.add, value.reshape(-1))
    return np.asarray(in_order(np.add, np.moveaxis(value, axis, 0)))[()]


def scattered(array, places, operation, value):
    """An update in which equal indices all count, one after the other."""
    flat = np.arange(array.size).reshape(array.shape)[places]
    memory = array.flat  # Not reshape(-1): of an array turned by .T that is a copy.
    for place, one in zip(np.ravel(flat), np.ravel(np.broadcast_to(value, np.shape(flat)))):
        memory[place] = operation(memory[place], one)


def reduced(function, values, neutral):
    for value in values:
        neutral = function(neutral, value)
    return neutral


def scanned(function, values, neutral):
    results = []
    for value in values:
        neutral = function(neutral, value)
        results.append(neutral)
    return np.array(results)


def cast(name, value):
    return DTYPES[name](value) if np.ndim(value) == 0 else np.asarray(value).astype(DTYPES[name])


def clipped(value, low, high):
    return np.minimum(np.maximum(value, low), high)


SCOPE = {
    "np": np, "i64": np.int64, "copied": copied, "divided": divided, "remainder": remainder, "product": product, "total": total,
    "scattered": scattered, "reduced": reduced, "scanned": scanned, "cast": cast, "clipped": clipped,
}


class Part:
    """An expression: its text in both languages, an example of its value, and the Python functions that its text calls."""

    def __init__(self, thalweg, python, sample, before=(), literal=False):
        self.thalweg, self.python, self.before, self.literal = thalweg, python, list(before), literal
        self.sample = sample

    @property
    def shape(self):
        return np.shape(self.sample)

    @property
    def dtype(self):
        return NAMES[np.asarray(self.sample).dtype]

    @property
    def kind(self):
        return np.asarray(self.sample).dtype.kind


def example(dtype, shape):
    return np.ones(shape, DTYPES[dtype])[()]


def indented(lines):
    return ["    " + line for line in lines]


class Writer:
    """Writes one program."""

    def __init__(self, random):
        self.random = random
        self.count = 0
        self.names = {}  # what can be read: a name or `t[0]`, and its example
        self.kept = set()  # names that loops count with, which nothing else may assign
        self.functions = []  # (name, parameters' (dtype, shape), result's samples)
        self.symbolic = False  # in a typed function: lengths are variables
        self.room = 40  # how much more may be written
        self.turns = 1  # how often what is written now will run

    # Chance

    def of(self, choices):
        return choices[self.random.integers(len(choices))]

    def chance(self, probability):
        return self.random.random() < probability

    def number(self, low, high):
        return int(self.random.integers(low, high))

    def fresh(self, letter):
        self.count += 1
        while f"{letter}{self.count}" in DTYPES:  # A variable of that name would hide the conversion.
            self.count += 1
        return f"{letter}{self.count}"

    # Parts

    def literal(self, kind):
        if kind == "f":
            value = self.of([0.5, 2.0, 0.25, 1.5, 3.0, 0.1, 1, 2, 10.0])
        elif kind == "c":
            value = self.of([1j, 2j, 0.5, 2])
        else:
            value = self.of([1, 1, 2, 3, 5, 7, 0])
        text = f"{value.imag:g}j" if isinstance(value, complex) else str(value)
        return Part(text, text, value, literal=True)

    def binary(self, symbol, left, right):
        """`left symbol right`; None where NumPy refuses the dtypes."""
        if left.literal and right.literal:
            return None
        before = left.before + right.before
        python = {
            "//": f"divided({left.python}, {right.python})", "%": f"remainder({left.python}, {right.python})",
            "*": f"product({left.python}, {right.python})",
            "and": f"np.logical_and({left.python}, {right.python})", "or": f"np.logical_or({left.python}, {right.python})",
        }.get(symbol, f"({left.python} {symbol} {right.python})")
        try:
            operation = {"//": np.floor_divide, "%": np.remainder, "*": product, "and": np.logical_and, "or": np.logical_or}.get(symbol)
            sample = operation(left.sample, right.sample) if operation else eval(
                f"left {symbol} right", {"left": left.sample, "right": right.sample})
        except (TypeError, OverflowError):
            return None
        if np.asarray(sample).dtype not in NAMES:
            return None
        return Part(f"({left.thalweg} {symbol} {right.thalweg})", python, example(NAMES[np.asarray(sample).dtype], np.shape(sample)), before)

    def call(self, thalweg, python, *parts, sample=None):
        """A call; `{0}`, `{1}` in both texts are the parts'."""
        before = [line for part in parts for line in part.before]
        text = thalweg.format(*[part.thalweg for part in parts])
        code = python.format(*[part.python for part in parts])
        if sample is None:
            sample = eval(python.format(*[f"p{index}" for index in range(len(parts))]),
                          {**SCOPE, **{f"p{index}": part.sample for index, part in enumerate(parts)}})
        return Part(text, code, example(NAMES[np.asarray(sample).dtype], np.shape(sample)), before)

    def cast(self, part, dtype):
        """A part as another dtype; only what has one answer is cast."""
        if part.literal:
            return self.call(f"{dtype}({{0}})", f"cast('{dtype}', {{0}})", part, sample=example(dtype, ()))
        if part.dtype == dtype:
            return part
        if part.kind == "c" and dtype not in ("c64", "c128"):
            part = self.call("real({0})", "np.real({0})", part)
            return self.cast(part, dtype)
        target = np.dtype(DTYPES[dtype]).kind
        if part.kind == "f" and target in "iu":
            low = -100.0 if target == "i" else 0.0
            part = self.call("where({0} >= -1000.0, clip({0}, " + str(low) + ", 100.0), 3.0)",
                             "np.where({0} >= -1000.0, clipped({0}, " + str(low) + ", 100.0), 3.0)", part)
        return self.call(f"{dtype}({{0}})", f"cast('{dtype}', {{0}})", part, sample=example(dtype, part.shape))

    def readable(self, wanted):
        return [name for name, sample in self.names.items() if wanted(np.asarray(sample))]

    def name(self, text):
        return Part(text, text, self.names[text])

    def view(self, shape):
        """A name, or a part of one, of this shape; None when there is none."""
        found = []
        for text, sample in self.names.items():
            have = np.shape(sample)
            if have == shape:
                found += [self.name(text)] * 3
            if not have or np.asarray(sample).dtype.kind == "c" and self.chance(0.5):
                continue
            if len(have) == len(shape):
                cuts = []
                for length, wanted in zip(have, shape):
                    cuts.append(self.cut(length, wanted))
                if all(cut is not None for cut in cuts):
                    inside = ", ".join(cuts)
                    found.append(Part(f"{text}[{inside}]", f"{text}[{inside}]", example(NAMES[np.asarray(sample).dtype], shape)))
            if len(have) == len(shape) + 1 and np.size(sample):
                if have[1:] == shape:
                    place = self.place(have[0])
                    found.append(Part(f"{text}[{place.thalweg}]", f"{text}[{place.python}]", np.asarray(sample)[0], place.before))
                if len(have) == 2 and have[:1] == shape:
                    place = self.place(have[1])
                    found.append(Part(f"{text}[:, {place.thalweg}]", f"{text}[:, {place.python}]", np.asarray(sample)[:, 0], place.before))
            if len(have) == 2 and have[::-1] == shape:
                found.append(Part(f"{text}.T", f"{text}.T", np.asarray(sample).T))
        return self.of(found) if found else None

    def cut(self, length, wanted):
        """The text of a slice that leaves so many; None when there is none."""
        if wanted == length:
            return self.of([":", ":", "::-1"])
        if self.symbolic:
            return {1: self.of(["1:", ":-1"]), 2: self.of(["1:-1", "2:", ":-2"])}.get(length - wanted)
        if wanted > length:
            return None
        start = self.number(0, length - wanted + 1)
        choices = [f"{start}:{start + wanted}"]
        if 0 < start < length:
            choices.append(f"{start - length}:{start + wanted}")
        if start + wanted < length:
            choices.append(f"{start}:{start + wanted - length}")
        if wanted and (length + 1) // 2 == wanted:
            choices.append("::2")
        if wanted and length // 2 == wanted:
            choices.append("1::2")
        return self.of(choices)

    def place(self, length):
        """An index below a length."""
        counters = [name for name in self.kept if name in self.names]
        choice = self.random.random()
        if counters and choice < 0.6:
            name = self.of(counters)
            if self.chance(0.03):
                return Part(name, name, np.int64(1))
            bound = length if not self.symbolic else 2
            return Part(f"{name} % {bound}", f"remainder({name}, {bound})", np.int64(1))
        if choice < 0.85 or self.symbolic or not length:
            text = self.of(["0", "-1", "1"] if length > 1 else ["0", "-1"])
            return Part(text, text, np.int64(1))
        numbers = self.readable(lambda sample: sample.ndim == 0 and sample.dtype.kind in "iu")
        if not numbers:
            return Part("0", "0", np.int64(0))
        inner = self.cast(self.name(self.of(numbers)), "i64")
        return self.binary("%", inner, Part(str(length), str(length), length, literal=True))

    def scalar(self, depth, kind=None):
        return self.expression((), depth, kind)

    def kind(self):
        return self.of(["f", "f", "f", "i", "i", "c" if self.complex else "f"])

    def leaf(self, shape, kind):
        for _ in range(4):
            part = self.view(shape)
            if part is None:
                break
            if kind is None or part.kind == kind or self.chance(0.2):
                return part
        if shape and not self.symbolic and self.chance(0.4):
            return self.made(shape, kind or self.kind())
        part = self.view(())
        if part is not None and (kind is None or part.kind == kind or self.chance(0.3)):
            return part
        dtype = {"f": self.of(FLOATS), "c": "c128", "b": "f64"}.get(kind) or self.of(INTEGERS)
        return self.cast(self.literal("i" if kind in ("i", "u", None) else kind if kind != "b" else "f"), dtype)

    def made(self, shape, kind):
        """An array of numbers that both languages make alike."""
        size = math.prod(shape)
        factor, modulus = self.of([3, 7, 37, 7919]), self.of([5, 11, 101, 1009])
        sizes = ", ".join(map(str, shape))
        text = f"(reshape(range({size}), {sizes}) * {factor} % {modulus})"
        code = f"(np.arange({size}).reshape({sizes}) * {factor} % {modulus})"
        part = Part(text, code, example("i64", shape))
        if kind == "f":
            part = self.binary("*", part, Part("0.25", "0.25", 0.25, literal=True))
            part = self.binary("-", part, Part("2.5", "2.5", 2.5, literal=True))
            return self.cast(part, self.of(FLOATS))
        if kind == "c":
            return self.cast(part, self.of(["c64", "c128"]))
        if self.chance(0.5):
            part = self.binary("-", part, Part("5", "5", 5, literal=True))
        return self.cast(part, self.of(INTEGERS))

    def expression(self, shape, depth, kind=None):
        """A value of this shape exactly."""
        self.room -= 1
        if depth <= 0 or self.room < 0:
            part = self.leaf(shape, kind)
        else:
            part = None
            for _ in range(6):
                part = self.step(shape, depth, kind or self.kind())
                if part is not None:
                    break
            if part is None:
                part = self.leaf(shape, kind)
        if part.literal:
            part = self.cast(part, "f64" if isinstance(part.sample, float) else "i64")
        if part.shape != shape:
            # A number, or a row, that stands for a whole array.
            if self.symbolic:
                names = self.readable(lambda sample: sample.shape == shape)
                if names:
                    like = self.name(self.of(names))
                    return self.call("where({0} == {0}, {1}, {1})", "np.where({0} == {0}, {1}, {1})", like, part)
            sizes = ", ".join(map(self.size, shape)) + ("," if len(shape) == 1 else "")
            return self.call(f"broadcast_to({{0}}, ({sizes}))", f"np.broadcast_to({{0}}, ({sizes}))", part,
                             sample=example(part.dtype, shape))
        return part

    def size(self, length):
        """A length's text."""
        if not self.symbolic:
            return str(length)
        name, whole = ("n", ROWS) if length > COLUMNS else ("m", COLUMNS)
        return name if length == whole else f"{name} - {whole - length}"

    def operand(self, shape, depth, kind):
        if self.chance(0.3):
            return self.literal(kind)
        if shape and self.chance(0.2):
            return self.scalar(depth - 2, kind)
        if len(shape) == 2 and self.chance(0.2):
            return self.expression(shape[1:], depth - 2, kind)
        return self.expression(shape, depth - 1, kind)

    def condition(self, shape, depth):
        """Bools of this shape."""
        kind = self.of(["f", "i"])
        left = self.expression(shape, depth - 1, kind)
        if left.kind == "c":
            left = self.call("real({0})", "np.real({0})", left)
        if left.kind == "b":
            return left
        right = self.literal(kind) if self.chance(0.6) else self.expression(shape, depth - 2, kind)
        if right.kind == "c":
            right = self.call("real({0})", "np.real({0})", right)
        made = self.binary(self.of(["<", "<=", ">", ">=", "==", "!="]), left, right)
        if self.chance(0.2) and depth > 0:
            made = self.binary(self.of(["and", "or"]), made, self.condition(shape, depth - 1))
        if self.chance(0.1):
            made = self.call("(not {0})", "np.logical_not({0})", made)
        return made

    def step(self, shape, depth, kind):
        choices = [self.arithmetic] * 6 + [self.unary] * 2 + [self.select] * 2 + [self.convert, self.extreme, self.conditional]
        choices += [self.reduction] * 2 + [self.called] * 2 + [self.block, self.gathered]
        if len(shape) >= 1:
            choices += [self.comprehension] * 3 + [self.accumulated]
        else:
            choices += [self.folded] * 2
        return self.of(choices)(shape, depth, kind)

    def arithmetic(self, shape, depth, kind):
        left, right = self.expression(shape, depth - 1, kind), self.operand(shape, depth, kind)
        if left.kind == "b" and right.kind == "b":
            return self.binary(self.of(["and", "or", "&", "|", "^"]), left, right)
        if self.chance(0.3):
            left, right = right, left
        kinds = left.kind + right.kind
        if "c" in kinds:
            symbol = self.of(["+", "-", "*"])
        elif "f" in kinds:
            symbol = self.of(["+", "+", "-", "-", "*", "*", "/", "//", "%"])
        else:
            symbol = self.of(["+", "-", "*", "+", "-", "*", "/", "&", "|", "^", "//", "%"])
            if symbol in ("//", "%") and not self.chance(0.1):
                right = self.binary("|", right, Part("1", "1", 1, literal=True)) if not right.literal else Part("7", "7", 7, literal=True)
        return self.binary(symbol, left, right) if left is not None and right is not None else None

    def unary(self, shape, depth, kind):
        inner = self.expression(shape, depth - 1, kind)
        if inner.kind == "b":
            return self.call("(not {0})", "np.logical_not({0})", inner)
        if inner.kind == "f":
            return self.call(*self.of([("(-{0})", "(-{0})"), ("abs({0})", "np.abs({0})"), ("sqrt(abs({0}))", "np.sqrt(np.abs({0}))"),
                                       ("floor({0})", "np.floor({0})"), ("({0} ** 2)", "np.square({0})")]), inner)
        if inner.kind == "c":
            return self.call(*self.of([("(-{0})", "(-{0})"), ("conj({0})", "np.conj({0})"), ("imag({0})", "np.imag({0})")]), inner)
        return self.call(*self.of([("(-{0})", "(-{0})"), ("abs({0})", "np.abs({0})"), ("(~{0})", "(~{0})"), ("({0} ** 3)", "({0} ** 3)"),
                                   ("({0} << 2)", "({0} << 2)"), ("({0} >> 1)", "({0} >> 1)")]), inner)

    def select(self, shape, depth, kind):
        condition = self.condition(shape, depth - 1)
        left, right = self.expression(shape, depth - 1, kind), self.operand(shape, depth - 1, kind)
        if right.literal and left.kind in "iub" and isinstance(right.sample, float):
            return None
        return self.call("where({0}, {1}, {2})", "np.where({0}, {1}, {2})", condition, left, right)

    def extreme(self, shape, depth, kind):
        left, right = self.expression(shape, depth - 1, kind), self.operand(shape, depth, kind)
        if "c" in left.kind + right.kind:
            return None
        name = self.of(["minimum", "maximum"])
        made = self.call(f"{name}({{0}}, {{1}})", f"np.{name}({{0}}, {{1}})", left, right)
        # Which zero of two is the smaller is not said.
        return self.call("({0} + 0.0)", "({0} + 0.0)", made) if made.kind == "f" else made

    def convert(self, shape, depth, kind):
        inner = self.expression(shape, depth - 1)
        dtype = {"f": self.of(FLOATS), "c": self.of(["c64", "c128"])}.get(kind) or self.of(INTEGERS + ["bool"])
        return self.cast(inner, dtype)

    def conditional(self, shape, depth, kind):
        condition = self.condition((), depth - 1)
        left = self.expression(shape, depth - 1, kind)
        right = self.cast(self.expression(shape, depth - 1, kind), left.dtype)
        before = condition.before + left.before + right.before
        return Part(f"(if {condition.thalweg} {{ {left.thalweg} }} else {{ {right.thalweg} }})",
                    f"({left.python} if {condition.python} else {right.python})", left.sample, before)

    def reduction(self, shape, depth, kind):
        if len(shape) > 1:
            return None
        lengths = [length for sample in self.names.values() for length in np.shape(sample)]
        if not lengths:
            return None
        wide = int(self.of(lengths))
        axis = self.of([0, -1]) if shape else None
        full = {0: (wide, *shape), -1: (*shape, wide), None: (wide,)}[axis]
        if math.prod(full) > LARGEST or self.symbolic and not self.readable(lambda sample: sample.shape == full):
            return None
        inner = self.expression(full, depth - 2, kind)
        named = "" if axis is None else f", axis={axis}"
        choice = self.of(["sum", "sum", "sum", "min", "max", "any", "argmax"])
        if inner.kind == "c" or choice == "sum":
            return self.call(f"sum({{0}}{named})", f"total({{0}}{named})", inner)
        if choice in ("min", "max"):
            made = self.call(f"{choice}({{0}}{named})", f"np.{choice}({{0}}{named})", inner)
            return self.call("({0} + 0.0)", "({0} + 0.0)", made) if made.kind == "f" else made
        if choice == "argmax":
            return self.call(f"argmax({{0}}{named})", f"np.argmax({{0}}{named})", inner)
        return self.call(f"any({{0}} > 1{named})", f"np.any({{0}} > 1{named})", inner)

    def accumulated(self, shape, depth, kind):
        if self.chance(0.4) and len(shape) == 1 and shape[0] < 300:
            inner = self.expression(shape, depth - 1, kind)
            if shape[0] * self.turns > MOST:
                return None
            if inner.kind == "f":
                low = Part("-inf", "-np.inf", -np.inf, literal=True)
                made = self.combined("scan", inner, self.cast(low, inner.dtype), "maximum({0}, {1})", "np.maximum({0}, {1})")
                return self.call("({0} + 0.0)", "({0} + 0.0)", made)
            if inner.kind in "iu":
                return self.combined("scan", inner, self.cast(Part("0", "0", 0, literal=True), inner.dtype), "({0} + {1})", "({0} + {1})")
            return None
        inner = self.expression(shape, depth - 1, kind)
        if inner.kind == "b":
            return None
        if len(shape) == 1 and shape[0] <= 1024:
            return self.call("cumsum({0})", "np.cumsum({0})", inner)
        return self.call("{0}[::-1]", "{0}[::-1]", inner)

    def combined(self, how, values, first, thalweg, python):
        left, right = self.fresh("p"), self.fresh("p")
        text = f"{how}(({left}, {right}) -> {thalweg.format(left, right)}, {values.thalweg}, {first.thalweg})"
        function = "scanned" if how == "scan" else "reduced"
        code = f"{function}(lambda {left}, {right}: {python.format(left, right)}, {values.python}, {first.python})"
        sample = values.sample if how == "scan" else first.sample
        return Part(text, code, sample, values.before + first.before)

    def folded(self, shape, depth, kind):
        if self.large and self.chance(0.7):
            return None
        values = self.view((self.of([length for sample in self.names.values() for length in np.shape(sample)] or [3]),))
        if values is None or values.kind in "bc" or values.shape[0] * self.turns > MOST:
            return None
        if self.chance(0.4) and values.kind in "iu":
            symbol = self.of(["+", "*", "^", "|"])
            neutral = self.cast(Part(*{"*": ("1", "1", 1)}.get(symbol, ("0", "0", 0)), literal=True), values.dtype)
            return self.combined("reduce", values, neutral, f"({{0}} {symbol} {{1}})", f"({{0}} {symbol} {{1}})")
        # Strictly from left to right, whatever the function.
        before, after, start = self.fresh("p"), self.fresh("p"), self.scalar(depth - 2, kind)
        if start.kind == "b":
            return None
        saved = dict(self.names)
        self.names[before], self.names[after] = start.sample, np.asarray(values.sample).reshape(-1)[0]
        body = self.cast(self.scalar(depth - 1, kind), start.dtype)
        self.names = saved
        function = self.fresh("f")
        lines = [f"def {function}({before}, {after}):", *indented(body.before), f"    return {body.python}"]
        return Part(f"fold(({before}, {after}) -> {body.thalweg}, {values.thalweg}, {start.thalweg})",
                    f"reduced({function}, {values.python}, {start.python})", start.sample, values.before + start.before + lines)

    def gathered(self, shape, depth, kind):
        if self.symbolic:
            return None
        names = self.readable(lambda sample: sample.ndim in (1, 2) and sample.size > 0)
        if not names:
            return None
        name = self.of(names)
        have = np.shape(self.names[name])
        if len(have) == 2 and self.chance(0.5):
            places = [self.index(shape, length, depth) for length in have]
            return self.call("{0}[{1}, {2}]", "{0}[{1}, {2}]", self.name(name), *places, sample=example(self.name(name).dtype, shape))
        if len(have) == 2:
            if not shape or shape[1:] != have[1:] or len(shape) != 2:
                return None
            return self.call("{0}[{1}]", "{0}[{1}]", self.name(name), self.index(shape[:1], have[0], depth), sample=example(self.name(name).dtype, shape))
        return self.call("{0}[{1}]", "{0}[{1}]", self.name(name), self.index(shape, have[0], depth), sample=example(self.name(name).dtype, shape))

    def index(self, shape, length, depth):
        """An array of indices below a length."""
        inner = self.cast(self.expression(shape, min(depth - 1, 1), "i"), "i64")
        made = self.binary("%", inner, Part(str(length), str(length), length, literal=True))
        if self.chance(0.3):
            made = self.binary("-", made, Part(str(length), str(length), length, literal=True))
        return made

    def called(self, shape, depth, kind):
        """A call of one of the program's own functions."""
        fitting = [entry for entry in self.functions if len(entry[2]) == 1 and len(np.shape(entry[2][0])) == len(shape)]
        if not fitting or self.symbolic:
            return None
        name, parameters, results, rule = self.of(fitting)
        lengths = rule(shape)
        if lengths is None:
            return None
        arguments = [self.cast(self.expression(tuple(lengths[axis] for axis in axes), depth - 2), dtype) for dtype, axes in parameters]
        before = [line for argument in arguments for line in argument.before]
        return Part(f"{name}({', '.join(argument.thalweg for argument in arguments)})",
                    f"{name}({', '.join(argument.python for argument in arguments)})",
                    example(NAMES[np.asarray(results[0]).dtype], shape), before)

    def body(self, shape, depth, kind):
        """What a function of the names so far gives: (Thalweg's text, Python's lines up to `return`, the result's example)."""
        if self.room < 5 or self.chance(0.6):
            part = self.expression(shape, depth, kind)
            return part.thalweg, [*part.before, f"return {part.python}"], part
        saved, kept, outside = dict(self.names), set(self.kept), self.assignable
        self.assignable = set()
        thalweg, python = [], []
        for _ in range(self.number(1, 3)):
            lines = self.assign(depth - 1, shape if self.chance(0.5) else ())
            thalweg += lines[0]
            python += lines[1]
        if self.chance(0.7):
            lines = self.loop(1)
            thalweg += lines[0]
            python += lines[1]
        part = self.expression(shape, 1, kind)
        self.names, self.kept, self.assignable = saved, kept, outside
        inside = "\n".join([*thalweg, part.thalweg])
        return "{\n" + inside + "\n}", [*python, *part.before, f"return {part.python}"], part

    def block(self, shape, depth, kind):
        if self.room < 8:
            return None
        text, lines, part = self.body(shape, depth - 1, kind)
        function = self.fresh("f")
        return Part(f"({text})" if text.startswith("{") else text, f"{function}()", part.sample,
                    [f"def {function}():", *indented(lines)])

    def comprehension(self, shape, depth, kind):
        if self.symbolic and shape[0] not in [length for sample in self.names.values() for length in np.shape(sample)[:1]]:
            return None
        if self.turns * math.prod(shape) > MOST:
            return None
        saved, outside, turns = dict(self.names), self.assignable, self.turns
        form = self.of(["one", "one", "zip", "rows", "range"])
        function, before, variables = self.fresh("f"), [], []

        def walk(walked):
            variable = self.fresh("x")
            part = self.expression(walked, 1, None)
            before.extend(part.before)
            variables.append((variable, np.asarray(part.sample)[0] if walked[0] else np.zeros(part.shape, DTYPES[part.dtype]).sum(axis=0)))
            return part

        if form == "zip":
            sources = [walk(shape[:1]), walk(shape[:1])]
            over, code = f"zip({', '.join(part.thalweg for part in sources)})", f"zip({', '.join(part.python for part in sources)})"
        elif form == "range" and not self.symbolic:
            variable = self.fresh("x")
            variables.append((variable, np.int64(1)))
            over, code = f"range({shape[0]})", f"np.arange({shape[0]})"
        else:
            wide = [sample.shape[1] for sample in map(np.asarray, self.names.values()) if sample.ndim == 2 and sample.shape[0] == shape[0]]
            source = walk((shape[0], int(self.of(wide)))) if form == "rows" and wide else walk(shape[:1])
            over, code = source.thalweg, source.python
        for variable, sample in variables:
            self.names[variable] = sample
        self.assignable = set()
        self.turns *= shape[0]
        if len(shape) == 2 and self.chance(0.3) and not self.symbolic:
            # Two clauses, an axis each.
            second = self.expression(shape[1:], 1, None)
            before.extend(second.before)
            variable = self.fresh("x")
            if any(name in second.thalweg for name, _ in variables):
                self.names, self.assignable, self.turns = saved, outside, turns
                return None
            self.turns *= shape[1]
            self.names[variable] = np.asarray(second.sample)[0] if shape[1] else np.float64(1)
            text, lines, part = self.body((), depth - 1, kind)
            names = ", ".join(name for name, _ in variables)
            self.names, self.assignable, self.turns = saved, outside, turns
            whole = [f"def {function}({names}, {variable}):", *indented(lines)]
            return Part(f"[{text} for {names} in {over}, {variable} in {second.thalweg}]",
                        f"np.array([[{function}({names}, {variable}) for {variable} in {second.python}] for {names} in {code}], dtype=np.{np.dtype(DTYPES[part.dtype]).name}).reshape({shape})",
                        example(part.dtype, shape), before + whole)
        text, lines, part = self.body(shape[1:], depth - 1, kind)
        names = ", ".join(name for name, _ in variables)
        self.names, self.assignable, self.turns = saved, outside, turns
        whole = [f"def {function}({names}):", *indented(lines)]
        size = f".reshape({shape})" if not self.symbolic else ""
        return Part(f"[{text} for {names} in {over}]",
                    f"np.array([{function}({names}) for {names} in {code}], dtype=np.{np.dtype(DTYPES[part.dtype]).name}){size}",
                    example(part.dtype, shape), before + whole)

    # Statements: (Thalweg's lines, Python's lines)

    def assign(self, depth, shape=None):
        if shape is None:
            shape = self.shape()
        part = self.expression(shape, depth)
        name = self.fresh("a" if shape else "s")
        self.names[name] = part.sample
        self.assignable.add(name)
        return [f"{name} = {part.thalweg}"], [*part.before, f"{name} = copied({part.python})"]

    def shape(self):
        shapes = [np.shape(sample) for sample in self.names.values()]
        if self.symbolic:
            return self.of(shapes + [()])
        shape = self.of(shapes + [(), (self.length(),), (self.length(), self.length())])
        return shape if math.prod(shape) <= LARGEST else shape[:1]

    def length(self):
        if self.large and self.chance(0.3):
            return self.of([513, 1025, 4097])
        return self.of([1, 2, 3, 4, 5, 8, 9, 17] + [0] * self.chance(0.1))

    def changed(self, wanted=lambda sample: True):
        names = [name for name in self.assignable if name in self.names and name not in self.kept and wanted(np.asarray(self.names[name]))]
        return self.of(sorted(names)) if names else None

    def reassign(self, depth):
        name = self.changed()
        if name is None:
            return self.assign(depth)
        sample = np.asarray(self.names[name])
        part = self.cast(self.expression(sample.shape, depth, sample.dtype.kind), NAMES[sample.dtype])
        if self.chance(0.4) and sample.dtype.kind in "iufc":
            symbol = self.of(["+", "-", "*"])
            code = f"{name} = copied(product({name}, {part.python}))" if symbol == "*" else f"{name} = {name} {symbol} ({part.python})"
            return [f"{name} {symbol}= {part.thalweg}"], [*part.before, code]
        return [f"{name} = {part.thalweg}"], [*part.before, f"{name} = copied({part.python})"]

    def swap(self, depth):
        first = self.changed()
        if first is None:
            return self.assign(depth)
        sample = np.asarray(self.names[first])
        second = self.changed(lambda other: other.shape == sample.shape and other.dtype == sample.dtype)
        if second == first:
            return self.reassign(depth)
        part = self.cast(self.expression(sample.shape, depth, sample.dtype.kind), NAMES[sample.dtype])
        return ([f"{first}, {second} = {second}, {part.thalweg}"],
                [*part.before, f"{first}, {second} = copied({second}), copied({part.python})"])

    def update(self, depth):
        name = self.changed(lambda sample: sample.ndim > 0 and (sample.size > 0 or self.chance(0.1)))
        if name is None:
            return self.assign(depth)
        sample = np.asarray(self.names[name])
        dtype, shape, before, duplicates = NAMES[sample.dtype], sample.shape, [], False
        form = self.of(["place", "place", "slice", "slice", "slice", "mask", "mask", "array", "arrays"])
        if self.symbolic and form in ("array", "arrays"):
            form = "slice"
        if form == "mask":
            condition = self.condition(shape, depth)
            before = condition.before
            inside, code = condition.thalweg, condition.python
            if self.chance(0.5):
                value = self.cast(self.scalar(depth - 1, sample.dtype.kind), dtype)
            else:
                whole = self.cast(self.expression(shape, depth - 1, sample.dtype.kind), dtype)
                mask, other = self.fresh("m"), self.fresh("v")
                symbol = self.operator(dtype)
                lines = [f"{mask} = {condition.thalweg}", f"{other} = {whole.thalweg}", f"{name}[{mask}] {symbol} {other}[{mask}]"]
                python = [*before, f"{mask} = copied({condition.python})", *whole.before, f"{other} = copied({whole.python})",
                          self.updated(name, mask, symbol, f"{other}[{mask}]")]
                return lines, python
            part_shape = ()
        elif form == "array" or form == "arrays" and len(shape) < 2:
            count = (self.of([1, 2, 3, 4]),) if not self.large or self.chance(0.5) else (self.of([600, 1500]),)
            places = self.index(count, shape[0], depth)
            before, inside, code, duplicates = places.before, places.thalweg, places.python, True
            part_shape = (*count, *shape[1:])
            if len(shape) == 2 and self.chance(0.4):
                cut_length = self.number(1, shape[1] + 1) if shape[1] else 0
                cut = self.cut(shape[1], cut_length)
                inside, code, part_shape = f"{inside}, {cut}", f"{code}, {self.python_slice(cut)}", (*count, cut_length)
            elif len(shape) == 2 and self.chance(0.4):
                place = self.place(shape[1])
                before = before + place.before
                inside, code, part_shape = f"{inside}, {place.thalweg}", f"{code}, {place.python}", count
        elif form == "arrays":
            count = (self.of([1, 2, 3, 4]),)
            places = [self.index(count, length, depth) for length in shape[:2]]
            before, duplicates = places[0].before + places[1].before, True
            inside, code = f"{places[0].thalweg}, {places[1].thalweg}", f"{places[0].python}, {places[1].python}"
            part_shape = (*count, *shape[2:])
        else:
            entries, codes, part_shape = [], [], []
            axes = len(shape) if form == "slice" else self.number(1, len(shape) + 1)
            for axis in range(axes):
                length = shape[axis]
                if form == "place" or axis and self.chance(0.3):
                    if not length:
                        return self.assign(depth)
                    place = self.place(length)
                    before = before + place.before
                    entries.append(place.thalweg)
                    codes.append(place.python)
                else:
                    wanted = max(length - self.number(0, 3), 0) if self.symbolic else self.number(0 if self.chance(0.1) else min(1, length), length + 1)
                    cut = self.cut(length, wanted)
                    entries.append(cut)
                    codes.append(self.python_slice(cut))
                    part_shape.append(wanted)
            part_shape = (*part_shape, *shape[axes:])
            inside, code = ", ".join(entries), ", ".join(codes)
        if form != "mask":
            if not part_shape or self.chance(0.3):
                value = self.cast(self.scalar(depth - 1, sample.dtype.kind), dtype)
            else:
                value = self.cast(self.expression(part_shape, depth - 1, sample.dtype.kind), dtype)
        symbol = self.operator(dtype)
        lines = [f"{name}[{inside}] {symbol} {value.thalweg}"]
        if duplicates and symbol != "=":
            operation = {"+=": "np.add", "-=": "np.subtract", "*=": "product"}[symbol]
            return lines, [*before, *value.before, f"scattered({name}, np.s_[{code}], {operation}, copied({value.python}))"]
        return lines, [*before, *value.before, self.updated(name, code, symbol, value.python)]

    @staticmethod
    def python_slice(cut):
        return cut

    @staticmethod
    def updated(name, places, symbol, value):
        if symbol == "*=":
            return f"{name}[{places}] = product({name}[{places}], {value})"
        return f"{name}[{places}] {symbol} copied({value})"

    def operator(self, dtype):
        return "=" if dtype == "bool" else self.of(["=", "=", "+=", "-=", "*="])

    def pair(self, depth):
        first, second = self.expression(self.shape(), depth), self.scalar(depth)
        name = self.fresh("t")
        self.names[f"{name}[0]"], self.names[f"{name}[1]"] = first.sample, second.sample
        return ([f"{name} = ({first.thalweg}, {second.thalweg})"],
                [*first.before, *second.before, f"{name} = (copied({first.python}), copied({second.python}))"])

    def branch(self, depth):
        condition = self.condition((), depth)
        saved = dict(self.names), set(self.assignable)
        then = self.statements(depth - 1, self.number(1, 3), True)
        self.names, self.assignable = dict(saved[0]), set(saved[1])
        lines = [f"if {condition.thalweg} {{", *indented(then[0])]
        code = [*condition.before, f"if {condition.python}:", *indented(then[1])]
        if self.chance(0.5):
            otherwise = self.statements(depth - 1, self.number(1, 3), True)
            self.names, self.assignable = dict(saved[0]), set(saved[1])
            lines += ["} else {", *indented(otherwise[0])]
            code += ["else:", *indented(otherwise[1])]
        return [*lines, "}"], code

    def leave(self):
        word = self.of(["break", "continue", "continue"])
        condition = self.condition((), 1)
        return ([f"if {condition.thalweg} {{ {word} }}"], [*condition.before, f"if {condition.python}: {word}"])

    def loop(self, depth):
        saved, kept, outside = dict(self.names), set(self.kept), set(self.assignable)
        before, guard, before_turns = [], ([], []), self.turns
        form = self.of(["range", "range", "array", "zip", "while", "while", "rows"])
        self.nested += 1
        turns = self.number(1, 7) if self.nested < 3 else 2
        if form == "while":
            counter = self.fresh("k")
            # Sometimes a literal, which stays weak: it is read with a dtype.
            first = self.of(["i64(0)", "0"])
            read = counter if first != "0" else f"i64({counter})"
            self.names[read] = np.int64(1)
            self.kept.add(read)
            condition = self.condition((), depth)
            opening = [f"{counter} = {first}", f"while {counter} < {turns} and {condition.thalweg} {{"]
            code = [f"{counter} = np.int64(0)", *condition.before,
                    f"while np.logical_and({counter} < {turns}, {condition.python}):"]
            guard = [f"    {counter} += 1"], [f"    {counter} = {counter} + 1"]
        elif form in ("array", "rows", "zip"):
            lengths = [np.shape(sample)[0] for sample in self.names.values() if np.ndim(sample) and np.shape(sample)[0] * self.turns <= MOST]
            length = int(self.of(lengths)) if lengths else 3
            if self.symbolic and not lengths:
                length = None
            shape = (length,)
            wide = [np.shape(sample) for sample in self.names.values() if np.ndim(sample) == 2 and np.shape(sample)[0] == length]
            if form == "rows" and wide:
                shape = self.of(wide)
            if length is None:
                self.names, self.kept, self.assignable = saved, kept, outside
                self.nested -= 1
                return self.assign(depth)
            sources = [self.expression(shape, depth - 1) for _ in range(2 if form == "zip" else 1)]
            variables = [self.fresh("x") for _ in sources]
            for variable, source in zip(variables, sources):
                self.names[variable] = np.asarray(source.sample)[0] if length else np.asarray(source.sample).sum(axis=0).astype(DTYPES[source.dtype])
                before += source.before
            texts, codes = [source.thalweg for source in sources], [source.python for source in sources]
            names = ", ".join(variables)
            if form == "zip":
                opening = [f"for {names} in zip({', '.join(texts)}) {{"]
                code = [*before, f"for {names} in zip({', '.join(f'copied({text})' for text in codes)}):"]
            else:
                opening, code = [f"for {names} in {texts[0]} {{"], [*before, f"for {names} in copied({codes[0]}):"]
        else:
            counter = self.fresh("i")
            text = self.of([f"{turns}", f"1, {turns + 1}", f"{turns}, 0, -1", f"0, {2 * turns}, 2"])
            sizes = [name for name in ("n", "m") if self.symbolic and f"i64({name})" in self.names]
            if sizes and self.chance(0.6):
                size = self.of(sizes)
                text = self.of([size, f"1, {size} - 1", f"{size} - 1, -1, -1"])
            elif not self.symbolic and self.chance(0.2):
                limit = self.cast(self.scalar(1, "i"), "i64")
                before, text = limit.before, f"{limit.thalweg} % 5"
                opening, code = [f"for {counter} in range({text}) {{"], [*before, f"for {counter} in np.arange(remainder({limit.python}, 5)):"]
            self.names[counter] = np.int64(1)
            self.kept.add(counter)
            if not before and "% 5" not in text:
                opening, code = [f"for {counter} in range({text}) {{"], [f"for {counter} in np.arange({text}):"]
        walked = length if form in ("array", "rows", "zip") else turns
        self.turns *= max(walked, 1)
        body = self.statements(depth - 1, self.number(1, 4), True, loop=True)
        self.turns = before_turns
        self.names, self.kept, self.assignable = saved, kept, outside
        self.nested -= 1
        return ([*opening, *guard[0], *indented(body[0]), "}"], [*code, *guard[1], *indented(body[1])])

    def statements(self, depth, count, inner=False, loop=False):
        thalweg, python = [], []
        for index in range(count):
            choices = [self.assign] + [self.reassign] * 3 + [self.update] * 5 + [self.swap]
            if self.room > 8 and depth > 0:
                choices += [self.loop] * 3 + [self.branch] + [self.pair] * (not inner)
            lines = self.of(choices)(max(depth, 1))
            thalweg += lines[0]
            python += lines[1]
            if loop and self.chance(0.25):
                lines = self.leave()
                thalweg += lines[0]
                python += lines[1]
        return thalweg, python

    def function(self):
        """A typed function, for all lengths."""
        saved, outside = self.names, self.assignable
        n, m = ROWS, COLUMNS
        self.names, self.assignable, self.symbolic = {}, set(), True
        axes = self.of([[("n",)], [("n",), ("n",)], [("n", "m"), ("m",)], [("n", "m"), ("n",)], [("n",), ()], [("n", "m"), ()]])
        parameters, texts = [], []
        lengths = {"n": n, "m": m}
        for place, dimensions in enumerate(axes):
            dtype = self.of(["f64", "f64", "f32", "i64", "i32"])
            name = f"v{place}"
            texts.append(f"{name}: {dtype}" + (f"[{', '.join(dimensions)}]" if dimensions else ""))
            parameters.append((dtype, dimensions))
            self.names[name] = example(dtype, tuple(lengths[dimension] for dimension in dimensions))
            self.assignable.add(name)
        used = sorted({dimension for dimensions in axes for dimension in dimensions}, reverse=True)
        opening = [f"v{place} = copied(v{place})" for place in range(len(axes))]
        for dimension in used:
            owner = next(place for place, dimensions in enumerate(axes) if dimension in dimensions)
            axis = axes[owner].index(dimension)
            opening.append(f"{dimension} = np.int64(np.shape(v{owner})[{axis}])")
            self.names[f"i64({dimension})"] = np.int64(1)
        result = self.of([("n",), ("n",), (), axes[0]])
        self.room = 25
        body = self.statements(2, self.number(1, 4))
        part = self.expression(tuple(lengths[dimension] for dimension in result), 2)
        self.names, self.assignable, self.symbolic = saved, outside, False
        name = self.fresh("g")
        typed = part.dtype + (f"[{', '.join(result)}]" if result else "")
        thalweg = [f"fn {name}({', '.join(texts)}) -> {typed} {{", *indented(body[0]), f"    {part.thalweg}", "}"]
        python = [f"def {name}({', '.join(text.split(':')[0] for text in texts)}):", *indented([*opening, *body[1], *part.before]),
                  f"    return {part.python}"]

        def rule(shape):
            found = {dimension: self.of([2, 3, 4, 6]) for dimension in used}
            for dimension, length in zip(result, shape):
                if length < 2:
                    return None
                found[dimension] = length
            return found

        self.functions.append((name, parameters, [part.sample], rule))
        return thalweg, python

    def program(self):
        """(Thalweg's text, Python's, the names to compare)."""
        self.complex = self.chance(0.15)
        self.large = self.chance(0.08)
        self.nested = 0
        self.assignable = set()
        thalweg, python = [], []

        def add(lines):
            thalweg.extend(lines[0])
            python.extend(lines[1])

        for _ in range(self.of([0, 0, 1, 1, 2])):
            add(self.function())
        for _ in range(self.number(2, 4)):
            shape = self.of([(self.length(),), (self.length(),), (self.length(), self.length()), ()])
            shape = shape if math.prod(shape) <= LARGEST else shape[:1]
            part = self.made(shape, self.kind()) if shape else self.cast(self.literal(self.of("fi")), self.of(INTEGERS + FLOATS))
            name = self.fresh("a" if shape else "s")
            self.names[name] = part.sample
            self.assignable.add(name)
            add(([f"{name} = {part.thalweg}"], [f"{name} = {part.python}"]))
        self.room = self.of([20, 40, 60, 100])
        add(self.statements(self.of([2, 3, 3, 4]), self.number(2, 6)))
        names = sorted({text.split("[")[0] for text in self.names} - {text.split("[")[0] for text in self.names if text.startswith("t")})
        return "\n".join(thalweg), "\n".join(python), [name for name in names if name in self.assignable]


def answered(python, names):
    """What Python's text gives to names; None when NumPy refuses."""
    scope = dict(SCOPE)
    try:
        exec(compile(python, "<program>", "exec"), scope)
    except (Refused, IndexError, ZeroDivisionError, OverflowError):
        return None
    return {name: np.asarray(scope[name]) for name in names}


def written(seed, number):
    """A program of a seed; each has a stream of its own, so that it can be made again alone."""
    for attempt in range(20):
        try:
            return Writer(np.random.default_rng([seed, number, attempt])).program()
        except (IndexError, ValueError):
            continue  # parts of shapes that do not go together, or of nothing
    raise SystemExit(f"program {number} cannot be written")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--programs", type=int, default=300)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", type=int, help="one program, with its Python")
    options = arguments.parse_args()
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(5000)
    numbers = range(options.programs) if options.only is None else [options.only]
    for number in numbers:
        thalweg, python, names = written(options.seed, number)
        if options.only is not None:
            print(python, end="\n\n")
        try:
            values = answered(python, names)
        except Exception as error:
            raise SystemExit(f"{python}\n\nprogram {number}: {error!r}") from error
        print(f"=== {number}\n{thalweg}")
        if values is None:
            print("--- refused")
        for name, value in (values or {}).items():
            shape = ",".join(map(str, value.shape))
            print(f"--- {name} {NAMES[value.dtype]} [{shape}] {value.tobytes().hex()} ")


if __name__ == "__main__":
    main()
