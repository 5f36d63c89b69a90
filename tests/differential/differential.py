"""Random programs, each computed by NumPy and by the `thalweg` command; the dtypes, shapes and values must agree.

    python tests/differential/differential.py --command target/release/thalweg [--programs 2000] [--seed 1] [--keep FOLDER]

Four kinds of programs: exact ones (arithmetic, comparisons, indexing, exact reductions: the same bits), one elementary function
of an exact argument (2 ULP from the value in long double), one inexact reduction (the error bound of pairwise summation), and
refused ones (what NumPy refuses, Thalweg must refuse or fail). Each fault is printed as a program that can be run by itself.
"""

import argparse
import math
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "oracle"))
from reference import DTYPES, DTYPE_NAMES, Session, ThalwegError  # noqa: E402

REAL = [name for name in DTYPES if name not in ("c64", "c128")]
BATCH = 100
LARGEST = 200_000  # elements of an array
# What Thalweg refuses by decision although NumPy answers it, by what the refusal says: a literal that the other side's dtype
# cannot hold (`where(c, u8_array, -2)` wraps in NumPy).
DEPARTURES = ["does not fit in"]
ULPS = 2
# The strength of an expression's outermost operator, as in language.md; calls, indices and names are strongest.
OR, AND, NOT, COMPARE, BITOR, BITXOR, BITAND, SHIFT, SUM, PRODUCT, SIGN, POWER, ATOM = range(13)
STRENGTHS = {"or": OR, "and": AND, "|": BITOR, "^": BITXOR, "&": BITAND, "<<": SHIFT, ">>": SHIFT, "+": SUM, "-": SUM,
             "*": PRODUCT, "/": PRODUCT, "//": PRODUCT, "%": PRODUCT, "**": POWER}
COMPARISONS = ["<", "<=", ">", ">=", "==", "!="]


class Expression:
    """A text, its outermost operator's strength, and NumPy's value."""

    def __init__(self, text, strength, value):
        self.text, self.strength, self.value = text, strength, value

    def within(self, strength):
        """The text, in parentheses where an operator of this strength needs them."""
        return self.text if self.strength > strength else f"({self.text})"

    @property
    def array(self):
        return np.asarray(self.value)

    @property
    def kind(self):
        return self.array.dtype.kind


class Generator:
    """Makes one random program at a time; `names` are its inputs."""

    def __init__(self, random):
        self.random = random

    def of(self, choices):
        return choices[self.random.integers(len(choices))]

    def chance(self, probability):
        return self.random.random() < probability

    # Inputs

    def shape(self):
        if self.chance(0.06):
            return (int(self.of([513, 4097, 20_000, 150_001])),)
        if self.chance(0.04):
            return (int(self.of([300, 65])), int(self.of([70, 129])))
        rank = self.of([0, 1, 1, 1, 2, 2, 2, 3, 3, 4])
        lengths = [0, 1, 1, 2, 3, 3, 4, 5, 8, 17] if self.chance(0.1) else [1, 2, 3, 3, 4, 5, 8, 17]
        return tuple(int(self.of(lengths)) for _ in range(rank))

    def input(self, dtype, shape):
        random, numpy_dtype = self.random, np.dtype(DTYPES[dtype])
        if dtype == "bool":
            return random.integers(0, 2, shape).astype(np.bool_)
        if numpy_dtype.kind in "iu":
            limits = np.iinfo(numpy_dtype)
            values = random.integers(max(limits.min, -20), 21, shape).astype(numpy_dtype)
            special = [limits.min, limits.max, limits.max - 1, 0, 1, limits.max // 2 + 1]
        else:
            values = (random.normal(0, 1, shape) * 10.0 ** random.integers(-3, 4, shape)).astype(numpy_dtype)
            values = np.where(random.random(shape) < 0.3, np.round(values), values).astype(numpy_dtype)
            limits = np.finfo(numpy_dtype)
            special = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, np.nan, np.inf, -np.inf, limits.max, limits.tiny,
                       limits.smallest_subnormal, -limits.smallest_subnormal * 3, limits.eps, 2.0 ** 31, 2.0 ** 53 + 2]
        if self.chance(0.5):
            chosen = random.random(shape) < 0.15
            picks = np.array(special, dtype=numpy_dtype)[random.integers(len(special), size=shape)]
            values = np.where(chosen, picks, values).astype(numpy_dtype)
        return np.asarray(values)

    def partner_shape(self, shape):
        """A shape that broadcasts with this one."""
        partner = [1 if self.chance(0.25) else length for length in shape]
        while partner and self.chance(0.25):
            partner.pop(0)
        return tuple(partner)

    def leaf(self, shape=None):
        if self.inputs and (shape is None or self.chance(0.6)):
            name = self.of(list(self.inputs))
            leaf = Expression(name, ATOM, self.inputs[name])
            if shape is None or leaf.array.shape == shape or self.broadcasts(leaf.array.shape, shape):
                return leaf
        name = f"a{len(self.inputs)}"
        chosen = self.shape() if shape is None else self.partner_shape(shape)
        self.inputs[name] = self.input(self.of(REAL), chosen)
        return Expression(name, ATOM, self.inputs[name])

    def broadcasts(self, left, right):
        try:
            return math.prod(np.broadcast_shapes(left, right)) <= LARGEST
        except ValueError:
            return False

    def literal(self):
        value = self.of([0, 1, 2, 3, 7, -1, -2, 10, 100, 0.5, 2.0, -1.5, 0.1, 1e3, 3.25, True])
        if value is True:
            return Expression("true", ATOM, True)
        return Expression(str(value), ATOM if value >= 0 else SIGN, value)

    # Operations

    def evaluate(self, text, strength, *parts):
        """The expression of a text, computed by the reference; raises ThalwegError when NumPy refuses it."""
        session = Session()
        session.names.update(self.inputs)
        session.names.update(self.assigned)
        scope = dict(session.names)
        for definition in self.functions:
            session.block(self.parse(definition), scope)
        parsed = session.block(self.parse(text), scope)[0]
        if np.asarray(parsed).size > LARGEST:
            raise ThalwegError("too large")
        return Expression(text, strength, parsed)

    @staticmethod
    def parse(text):
        from reference import Parser
        return Parser(text).program()

    def expression(self, depth):
        """An exact expression."""
        if depth <= 0:
            return self.leaf()
        for _ in range(20):
            try:
                made = self.step(depth)
                if made is not None:
                    return made
            except ThalwegError:
                continue
        return self.leaf()

    def step(self, depth):
        make = self.of([self.binary] * 6 + [self.compare] * 2 + [self.unary, self.function, self.choose, self.extreme]
                       + [self.view] * 3 + [self.reduce] * 2
                       + [self.cast, self.reshape, self.name, self.branch, self.comprehension, self.own_function])
        return make(depth)

    def operand(self, depth, shape):
        if self.chance(0.3):
            return self.literal()
        if self.chance(0.5):
            return self.leaf(shape)
        other = self.expression(depth - 2)
        return other if self.broadcasts(other.array.shape, shape) else self.leaf(shape)

    def binary(self, depth):
        left = self.expression(depth - 1)
        right = self.operand(depth, left.array.shape)
        if not self.broadcasts(left.array.shape, right.array.shape):
            return None
        if self.chance(0.3):
            left, right = right, left
        both = left.kind + right.kind
        if set(both) <= {"b"} and self.chance(0.7):
            symbol = self.of(["and", "or", "&", "|", "^"])
        elif set(both) <= set("iub"):
            symbol = self.of(["+", "-", "*", "/", "//", "%", "**", "&", "|", "^", "<<", ">>"])
        else:
            symbol = self.of(["+", "-", "*", "/", "//", "%"])
        # Where the integers meet as floats a power is not exact.
        if symbol == "**" and np.result_type(left.value, right.value).kind == "f":
            return None
        strength = STRENGTHS[symbol]
        if symbol == "**":
            text = f"{left.within(POWER)} ** {right.within(POWER)}"
        else:
            text = f"{left.within(strength - 1)} {symbol} {right.within(strength)}"
        return self.evaluate(text, strength)

    def compare(self, depth):
        left = self.expression(depth - 1)
        right = self.operand(depth, left.array.shape)
        if not self.broadcasts(left.array.shape, right.array.shape):
            return None
        text = f"{left.within(COMPARE)} {self.of(COMPARISONS)} {right.within(COMPARE)}"
        if self.chance(0.2):
            third = self.operand(depth, left.array.shape)
            text += f" {self.of(COMPARISONS)} {third.within(COMPARE)}"
        return self.evaluate(text, COMPARE)

    def unary(self, depth):
        inner = self.expression(depth - 1)
        if inner.kind == "b" and self.chance(0.6):
            return self.evaluate(f"not {inner.within(NOT)}", NOT)
        symbol = self.of(["-", "+", "~"])
        return self.evaluate(f"{symbol}{inner.within(SIGN)}", SIGN)

    def function(self, depth):
        inner = self.expression(depth - 1)
        name = self.of(["abs", "floor", "ceil", "round", "sqrt", "abs"])
        if name == "sqrt" and inner.array.dtype.kind in "iu" and inner.array.dtype.itemsize == 8 and self.chance(0.5):
            name = "abs"
        if self.chance(0.3):
            return self.evaluate(f"{inner.within(POWER)}.{name}()", ATOM)
        return self.evaluate(f"{name}({inner.text})", ATOM)

    def extreme(self, depth):
        left = self.expression(depth - 1)
        right = self.operand(depth, left.array.shape)
        # Which of two zeros of different sign is the smaller is not said.
        if "f" in left.kind + right.kind and (left.array == 0).any() and (right.array == 0).any():
            return None
        return self.evaluate(f"{self.of(['minimum', 'maximum'])}({left.text}, {right.text})", ATOM)

    def choose(self, depth):
        left = self.expression(depth - 1)
        right = self.operand(depth, left.array.shape)
        shape = np.broadcast_shapes(left.array.shape, right.array.shape)
        tested = self.leaf(shape)
        condition = tested.text if tested.kind == "b" else f"{tested.text} > {self.of(['0', '1', '2.5'])}"
        return self.evaluate(f"where({condition}, {left.text}, {right.text})", ATOM)

    def view(self, depth):
        inner = self.expression(depth - 1)
        array = inner.array
        if array.ndim == 0:
            return self.evaluate(f"{inner.within(POWER)}[newaxis]", ATOM)
        if self.chance(0.25):
            return self.evaluate(f"{inner.within(POWER)}.T", ATOM)
        entries = []
        for length in array.shape[: self.random.integers(1, array.ndim + 1)]:
            choice = self.random.random()
            if choice < 0.15 and length:
                entries.append(str(int(self.random.integers(-length, length))))
            elif choice < 0.35:
                entries.append(":")
            else:
                bound = lambda: "" if self.chance(0.4) else str(int(self.random.integers(-length - 2, length + 3)))
                step = self.of(["", "", ":2", ":-1", ":3", ":-2", ":1"])
                entries.append(f"{bound()}:{bound()}{step}")
        if self.chance(0.15):
            entries.insert(int(self.random.integers(len(entries) + 1)), "newaxis")
        if self.chance(0.15):
            entries.insert(int(self.of([0, len(entries)])), "...")
        return self.evaluate(f"{inner.within(POWER)}[{', '.join(entries)}]", ATOM)

    def axis(self, rank):
        choice = self.random.random()
        if rank == 0 or choice < 0.3:
            return ""
        if choice < 0.75:
            axis = str(int(self.random.integers(-rank, rank)))
        else:
            picked = [int(axis) for axis in self.random.permutation(rank)[: self.random.integers(1, rank + 1)]]
            axis = "(" + "".join(f"{axis - rank if self.chance(0.3) else axis}, " for axis in picked).strip() + ")"
        return f", axis={axis}"

    def reduce(self, depth):
        inner = self.expression(depth - 1)
        exact = inner.kind in "iub"
        name = self.of(["min", "max", "any", "all", "argmin", "argmax"] + ["sum", "sum", "prod"] * exact)
        axis = self.axis(inner.array.ndim)
        if name in ("argmin", "argmax") and "(" in axis:
            axis = ""
        if name in ("min", "max") and inner.kind == "f" and (inner.array == 0).any():
            return None
        keep = ", keepdims=true" if self.chance(0.25) else ""
        if self.chance(0.3):
            return self.evaluate(f"{inner.within(POWER)}.{name}({(axis + keep).lstrip(', ')})", ATOM)
        return self.evaluate(f"{name}({inner.text}{axis}{keep})", ATOM)

    def cast(self, depth):
        inner = self.expression(depth - 1)
        to = self.of(REAL)
        if inner.kind == "f" and to not in ("bool", "f32", "f64"):
            limits = np.iinfo(DTYPES[to])
            # Beyond the integer's range a cast of a float is whatever the processor does.
            fits = np.isfinite(inner.array) & (inner.array > limits.min) & (inner.array < limits.max * 0.99)
            if not fits.all():
                return None
        return self.evaluate(f"{to}({inner.text})", ATOM)

    def reshape(self, depth):
        inner = self.expression(depth - 1)
        size = inner.array.size
        factors = [f for f in (1, 2, 3, 4, 5, 6, 8) if size and size % f == 0]
        if not factors:
            return None
        first = self.of(factors)
        shape = self.of([f"{first}, {size // first}", f"-1, {first}", f"{first}, -1", f"({size // first}, {first})", "-1"])
        return self.evaluate(f"reshape({inner.text}, {shape})", ATOM)

    def name(self, depth):
        """Names a part, so that it can be used several times."""
        inner = self.expression(depth - 1)
        name = f"b{len(self.assigned)}"
        self.assigned[name] = inner.value
        self.lines.append(f"{name} = {inner.text}")
        return Expression(name, ATOM, inner.value)

    def branch(self, depth):
        inner = self.expression(depth - 1)
        # What is known before the run, and what only the run can tell.
        tested = self.leaf()
        condition = self.of(["1 < 2", "2 < 1", f"any({tested.text} == {tested.text})", f"all({tested.text} > 0)"])
        return self.evaluate(f"(if {condition} {{ {inner.text} }} else {{ {inner.text} }})", ATOM)

    def own_function(self, depth):
        """A function of the program's own, called by place, by name, or as a method."""
        inner = self.expression(depth - 1)
        other = self.operand(depth, inner.array.shape)
        name = f"g{len(self.functions)}"
        body = self.of(["x + y", "y - x * 2", "where(x > y, x, y)", "{ t = x * y; t + t }", "(p -> p + y)(x)"])
        definition = f"fn {name}(x, y = 2) = {body}"
        call = self.of([f"{name}({inner.text}, {other.text})", f"{name}(y={other.text}, x={inner.text})", f"{name}({inner.text})",
                        f"{inner.within(POWER)}.{name}({other.text})"])
        self.functions.append(definition)
        try:
            return self.evaluate(call, ATOM)
        except ThalwegError:
            self.functions.pop()
            raise

    def comprehension(self, depth):
        inner = self.expression(depth - 1)
        if inner.array.ndim == 0 or inner.array.shape[0] == 0 or inner.array.shape[0] > 50:
            return None
        body = self.of(["x + 1", "x * 2 - x", "where(x > 1, x, 0)", "abs(x)", "x > 0", "(y -> y * y)(x)", "x == x"])
        return self.evaluate(f"[{body} for x in {inner.text}]", ATOM)

    # Programs

    def program(self, kind):
        """(lines, the last expression, its exact value or None, how to compare)."""
        self.inputs, self.assigned, self.lines, self.functions = {}, {}, [], []
        depth = int(self.of([1, 2, 3, 4, 5]))
        if kind == "exact":
            made = self.expression(depth)
            return made.text, made.value, ("exact",)
        if kind == "elementary":
            return self.elementary(min(depth, 3))
        if kind == "inexact":
            return self.inexact(min(depth, 3))
        return self.refused(depth)

    def floats(self, depth):
        """An exact expression that is floating point, or becomes so."""
        inner = self.expression(depth)
        if inner.kind == "f":
            return inner
        return self.evaluate(f"{self.of(['f32', 'f64'])}({inner.text})", ATOM)

    def elementary(self, depth):
        inner = self.floats(depth)
        name = self.of(["exp", "log", "sin", "cos", "tan", "tanh", "**", "**", "exp2", "expm1", "log2", "log10", "log1p", "cbrt", "arcsin",
                        "arccos", "arctan", "sinh", "cosh", "arcsinh", "arccosh", "arctanh"])
        precise = np.longdouble if inner.array.dtype == np.float64 else np.float64
        argument = inner.array.astype(precise)
        if name == "**":
            other = self.of(["3", "-1", "2.5", "-0.5", "1.7", "10"])
            text = f"{inner.within(POWER)} ** {other}"
            with np.errstate(all="ignore"):
                expected = np.power(argument, precise(inner.array.dtype.type(float(other))))
        else:
            text = f"{name}({inner.text})"
            with np.errstate(all="ignore"):
                expected = getattr(np, name)(argument)
        self.evaluate(text, ATOM)
        return text, expected, ("ulps", inner.array.dtype)

    def inexact(self, depth):
        inner = self.floats(depth)
        values = inner.array
        if values.size == 0 or not np.isfinite(values).all() or np.abs(values).max(initial=0) > 1e15:
            raise ThalwegError("not for sums")
        name = self.of(["sum", "sum", "mean", "var", "std", "norm", "softmax"])
        axis = "" if name == "softmax" else self.axis(values.ndim)
        if name == "softmax" and values.ndim == 0:
            raise ThalwegError("softmax of a scalar")
        text = f"{name}({inner.text}{axis})"
        exact = Expression("", ATOM, values.astype(np.longdouble))
        self.inputs["exact"] = exact.value
        expected = self.evaluate(f"{name}(exact{axis})", ATOM).value
        del self.inputs["exact"]
        self.evaluate(text, ATOM)
        single = np.finfo(values.dtype).eps
        size = max(values.size, 2)
        scale = float(np.abs(values).max(initial=0))
        steps = 80 + math.log2(size)
        bound = {
            "sum": steps * single * scale * size, "mean": steps * single * scale, "var": 4 * steps * single * scale ** 2,
            "std": None, "norm": steps * single * scale * math.sqrt(size), "softmax": steps * single,
        }[name]
        if name == "std":
            # A small variance's root magnifies the error: compare squares.
            return text, expected, ("square", 6 * steps * single * scale ** 2, values.dtype)
        if name == "softmax":
            bound = (steps + 4 * scale) * single
        return text, expected, ("bound", bound + np.finfo(values.dtype).tiny, values.dtype)

    def refused(self, depth):
        """A program that NumPy refuses."""
        for _ in range(50):
            inner = self.expression(min(depth, 3))
            rank = inner.array.ndim
            text = self.of([
                f"sum({inner.text}, axis={rank})", f"{inner.within(POWER)}[{', '.join(['0'] * (rank + 1))}]",
                f"reshape({inner.text}, {inner.array.size + 1})", f"{inner.within(PRODUCT)} + zeros(2, 3, 5, 7)[:, :, :4, :6]",
                f"min({inner.within(POWER)}[..., newaxis][..., 1:])", f"{inner.within(POWER)}[..., 1.5]", f"~({inner.text} + 0.5)",
                f"{inner.within(BITAND)} & 0.5", f"not ({inner.text} + 1)", f"i64({inner.text}) // 0" if inner.array.size else "1 // 0",
                f"{inner.within(SHIFT)} << 0.5", f"u8([1]) + 256", f"{inner.within(POWER)}[{'0, ' * (rank - 1)}{max(inner.array.shape, default=0)}]",
                f"sum({inner.text}, axis=(0, 0))", "true - false", f"[{inner.text}, zeros(3, 3, 3, 3)]",
            ])
            if "f" in inner.kind and text.startswith("i64"):
                continue
            try:
                self.evaluate(text, ATOM)
            except (ThalwegError, IndexError, TypeError, ValueError):
                return text, None, ("refused",)
        raise ThalwegError("nothing is refused")


class Program:
    """A program with its inputs, its text and what is expected of its result."""

    def __init__(self, number, generator, kind):
        text, self.expected, self.rule = generator.program(kind)
        self.number, self.kind = number, kind
        self.inputs = {f"{name}_{number}": value for name, value in generator.inputs.items()}
        annotation = generator.of(["", "", "", "@simd ", "@parallel(2) ", "@parallel(3, chunk=7) "])
        lines = [*generator.functions, *generator.lines, f"{annotation}r = {text}"]
        rename = lambda line: self.rename(line, number)
        self.lines = [rename(line) for line in lines]

    @staticmethod
    def rename(line, number):
        return re.sub(r"\b(r|[abg]\d+)\b", lambda match: f"{match.group(1)}_{number}", line)

    def text(self, folder):
        loads = [f'{name} = load("{folder / name}.npy")' for name in self.inputs]
        return "\n".join([*loads, *self.lines, f'save("{folder}/r_{self.number}.npy", r_{self.number})'])

    def save_inputs(self, folder):
        for name, value in self.inputs.items():
            np.save(folder / f"{name}.npy", value)

    def fault(self, folder):
        """What is wrong with the saved result; None: nothing."""
        path = folder / f"r_{self.number}.npy"
        if not path.exists():
            return "nothing was saved"
        found = np.load(path)
        expected = np.asarray(self.expected)
        dtype = expected.dtype if self.rule[0] == "exact" else self.rule[-1]
        if dtype == np.float16:
            dtype = np.dtype(np.float32)
        if found.dtype != dtype:
            return f"its dtype is {DTYPE_NAMES[found.dtype]}, NumPy's is {DTYPE_NAMES[np.dtype(dtype)]}"
        if found.shape != expected.shape:
            return f"its shape is {found.shape}, NumPy's is {expected.shape}"
        good = self.agrees(found, expected)
        if good.all():
            return None
        place = tuple(int(index[0]) for index in np.nonzero(~good)) if found.ndim else ()
        return f"at {list(place)} it is {found[place]!r}, NumPy's is {expected[place]!r} ({int((~good).sum())} of {good.size} differ)"

    def agrees(self, found, expected):
        with np.errstate(all="ignore"):
            both_nan = np.asarray((found != found) & (expected != expected))
            if self.rule[0] == "exact":
                same = found == expected
                if found.dtype.kind == "f":
                    same = same & (np.signbit(found) == np.signbit(expected))
                return both_nan | same
            precise = np.longdouble
            difference = np.abs(found.astype(precise) - expected.astype(precise))
            same = found == expected.astype(found.dtype)
            if self.rule[0] == "ulps":
                size = np.abs(expected).astype(precise)
                exponent = np.floor(np.log2(np.maximum(size, np.finfo(found.dtype).tiny)))
                spacing = np.exp2(exponent) * precise(np.finfo(found.dtype).eps)
                overflow = np.isinf(found) & (size > np.finfo(found.dtype).max * (1 - 2 * np.finfo(found.dtype).eps))
                return both_nan | same | overflow | (difference <= ULPS * spacing)
            if self.rule[0] == "square":
                squares = np.abs(found.astype(precise) ** 2 - expected.astype(precise) ** 2)
                return both_nan | same | (squares <= self.rule[1])
            return both_nan | same | (difference <= self.rule[1])


def run(command, text, folder, threads):
    script = folder / "script.tw"
    script.write_text(text + "\n")
    return subprocess.run([command, str(script), "--threads", str(threads), "--color", "never"],
                          capture_output=True, text=True, check=False)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--command", required=True, help="the thalweg command")
    arguments.add_argument("--programs", type=int, default=500)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--keep", help="a folder to keep the programs in")
    arguments.add_argument("--faults", type=int, default=20, help="how many faults to print")
    options = arguments.parse_args()
    np.seterr(all="ignore")
    random = np.random.default_rng(options.seed)
    generator = Generator(random)
    programs = []
    while len(programs) < options.programs:
        kind = random.choice(["exact", "elementary", "inexact", "refused"], p=[0.65, 0.15, 0.12, 0.08])
        try:
            programs.append(Program(len(programs), generator, kind))
        except ThalwegError:
            continue
    faults, departed = [], 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for program in programs:
            program.save_inputs(folder)
        accepted = [program for program in programs if program.kind != "refused"]
        for start in range(0, len(accepted), BATCH):
            batch, threads = accepted[start:start + BATCH], int(random.integers(1, 5))
            together = run(options.command, "\n".join(program.text(folder) for program in batch), folder, threads)
            for program in batch:
                message = None
                if together.returncode != 0:
                    alone = run(options.command, program.text(folder), folder, threads)
                    if alone.returncode == 3 and any(departure in alone.stderr for departure in DEPARTURES):
                        departed += 1
                        continue
                    if alone.returncode != 0:
                        message = f"exit status {alone.returncode}: {alone.stderr.strip()}"
                message = message or program.fault(folder)
                if message:
                    faults.append((program, message))
        for program in (program for program in programs if program.kind == "refused"):
            alone = run(options.command, program.text(folder), folder, 1)
            if alone.returncode not in (1, 3) or "panicked" in alone.stderr:
                faults.append((program, f"NumPy refuses it; exit status {alone.returncode} {alone.stderr.strip()}"))
        for program, message in faults[: options.faults]:
            print(f"--- program {program.number} ({program.kind}): {message}")
            for name, value in program.inputs.items():
                shown = np.array2string(value, threshold=20, separator=", ").replace("\n", " ")
                print(f"    # {name}: {DTYPE_NAMES[value.dtype]}{list(value.shape)} = {shown}")
            print("    " + "\n    ".join(program.lines))
    print(f"seed {options.seed}: {len(programs)} programs, {departed} refused by decision, {len(faults)} faults")
    if departed > len(programs) // 20:
        print("more than one in twenty is refused by decision: too many")
        return 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
