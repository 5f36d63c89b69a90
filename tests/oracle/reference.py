"""A second, independent reader of Thalweg programs, which computes with NumPy: what it prints is what Thalweg should print.

It shares nothing with the language's own lexer, grammar, checker or kernels. It knows the part of the language that is built
(`language.md`), gives NumPy's values, dtypes and shapes, and departs from NumPy only where language.md says so:
no f16 (f32 instead), integer division by zero is an error, `and`, `or`, `not` and chained comparisons work element by element.
"""

import math
import re

import numpy as np


class ThalwegError(Exception):
    """A program that should be refused, or should fail."""


DTYPES = {
    "bool": np.bool_, "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64,
    "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "u64": np.uint64,
    "f32": np.float32, "f64": np.float64, "c64": np.complex64, "c128": np.complex128,
}
DTYPE_NAMES = {np.dtype(value): name for name, value in DTYPES.items()}

TOKEN = re.compile(
    r"""(?P<blank>[ \t\r]+|\#[^\n]*|\\\n)
      | (?P<newline>\n)
      | (?P<ftext>f"(?:[^"\\\n]|\\.)*")
      | (?P<text>"(?:[^"\\\n]|\\.)*")
      | (?P<number>0x[0-9a-fA-F_]+|0b[01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?j?)
      | (?P<annotation>@[A-Za-z_]\w*(?:\([^()]*\))?)
      | (?P<name>[^\W\d]\w*)
      | (?P<operator>->|\*\*=|//=|<<=|>>=|\*\*|//|<<|>>|<=|>=|==|!=|\+=|-=|\*=|/=|%=|\.\.\.|[-+*/%@&|^~<>=()\[\]{},.:;])
    """,
    re.VERBOSE,
)
KEYWORDS = {"fn", "if", "else", "for", "in", "while", "and", "or", "not", "true", "false", "break", "continue"}
CONTINUES = {"+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>", "<", ">", "<=", ">=", "==", "!=",
             "=", ",", "->", "and", "or", "not", "+=", "-=", "*=", "/="}


def tokens_of(text):
    """The tokens of a text as (kind, text, blank_before), without the newlines that do not end a statement."""
    found, position, depth, blank = [], 0, [], False
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise ThalwegError(f"unexpected {text[position]!r}")
        kind, value = match.lastgroup, match.group()
        if kind == "annotation":
            # After an operand `@` is the matrix product; anywhere else it opens an annotation.
            last = found[-1] if found else ("newline", "\n", False)
            operand = last[0] in ("number", "text", "ftext") or last[1] in (")", "]") or (
                last[0] == "name" and last[1] not in KEYWORDS)
            if operand:
                kind, value = "operator", "@"
        position += len(value)
        if kind == "blank":
            blank = True
            continue
        if kind == "newline":
            rest = text[position:].lstrip(" \t\r\n")
            inside = depth and depth[-1] in "(["
            if inside or not found or found[-1][0] == "newline" or found[-1][1] in CONTINUES or re.match(r"\.\w", rest):
                continue
        if kind == "operator":
            if value in "([{":
                depth.append(value)
            elif value in ")]}" and depth:
                depth.pop()
        if kind == "name" and value in KEYWORDS:
            kind = "keyword"
        found.append((kind, value, blank))
        blank = False
    found.append(("end", "", True))
    return found


BINARY = {  # symbol: (strength, how it groups)
    "or": 3, "and": 4, "|": 7, "^": 8, "&": 9, "<<": 10, ">>": 10, "+": 11, "-": 11,
    "*": 12, "/": 12, "//": 12, "%": 12, "@": 12,
}
COMPARISONS = {"<", "<=", ">", ">=", "==", "!="}


class Parser:
    """Recursive descent from tokens to nested tuples."""

    def __init__(self, text):
        self.tokens, self.at = tokens_of(text), 0

    def peek(self, offset=0):
        return self.tokens[min(self.at + offset, len(self.tokens) - 1)]

    def take(self, value=None):
        token = self.peek()
        if value is not None and token[1] != value:
            raise ThalwegError(f"expected {value!r}, found {token[1]!r}")
        self.at += 1
        return token

    def accept(self, value):
        if self.peek()[1] == value and self.peek()[0] not in ("text", "ftext"):
            self.at += 1
            return True
        return False

    def skip_lines(self):
        while self.peek()[0] == "newline" or self.peek()[1] == ";":
            self.at += 1

    def program(self, closing=None):
        statements = []
        self.skip_lines()
        while self.peek()[0] != "end" and self.peek()[1] != closing:
            statement = self.statement()
            silent = self.peek()[1] == ";"
            statements.append((statement, silent))
            if self.peek()[0] not in ("newline", "end") and self.peek()[1] not in (";", closing):
                raise ThalwegError(f"unexpected {self.peek()[1]!r}")
            self.skip_lines()
        return statements

    def statement(self):
        while self.peek()[0] == "annotation":
            self.take()
            while self.peek()[0] == "newline":
                self.take()
        if self.peek()[1] == "fn":
            return self.function()
        if self.accept("for"):
            target = self.comprehension_target()
            self.take("in")
            sequence = self.binary(3)
            return ("for", target, sequence, self.block())
        if self.accept("while"):
            condition = self.binary(3)
            return ("while", condition, self.block())
        if self.peek()[1] in ("break", "continue"):
            return ("leave", self.take()[1])
        start = self.at
        targets = self.targets()
        if targets is not None and self.accept("="):
            return ("assign", targets, self.expression_list())
        if targets is not None and targets[0] == "name" and self.peek()[1] in ("+=", "-=", "*=", "/=", "//=", "%=", "**="):
            operator = self.take()[1][:-1]
            return ("assign", targets, ("binary", operator, targets, self.expression_list()))
        self.at = start
        if self.peek()[0] == "name" and self.peek(1)[1] == "[":
            name = self.take()[1]
            self.take("[")
            subscripts = self.subscripts()
            if self.accept("="):
                return ("update", name, subscripts, None, self.expression_list())
            if self.peek()[1] in ("+=", "-=", "*=", "/=", "//=", "%=", "**="):
                operator = self.take()[1][:-1]
                return ("update", name, subscripts, operator, self.expression_list())
            self.at = start
        return ("value", self.expression_list())

    def targets(self):
        """`a`, `a, b`, `(a, b)`, `a[i], b`; None when the text is something else."""
        items, several = [], False
        while True:
            if self.accept("("):
                inner = self.targets()
                if inner is None or not self.accept(")"):
                    return None
                items.append(("targets", inner[1]) if inner[0] == "targets" else inner)
            elif self.peek()[0] == "name":
                name = self.take()[1]
                items.append(("part", name, self.subscripts()) if self.accept("[") else ("name", name))
            else:
                return None
            if not self.accept(","):
                break
            several = True
        if several:
            return ("targets", items)
        return None if items[0][0] == "part" else items[0]

    def expression_list(self):
        first = self.expression()
        if self.peek()[1] != ",":
            return first
        items = [first]
        while self.accept(","):
            items.append(self.expression())
        return ("tuple", items)

    def type(self):
        """A type's dimensions, as they are written."""
        if self.accept("("):
            while not self.accept(")"):
                self.type()
                self.accept(",")
            return []
        if self.peek()[0] == "name":
            self.take()
        dimensions = []
        if self.accept("["):
            while not self.accept("]"):
                dimensions.append(self.take()[1])
                self.accept(",")
        return dimensions

    def function(self):
        self.take("fn")
        name = self.take()[1]
        self.take("(")
        parameters = []
        while not self.accept(")"):
            parameter, default, dimensions = self.take()[1], None, []
            if self.accept(":"):
                dimensions = self.type()
            if self.accept("="):
                default = self.expression()
            parameters.append((parameter, default, dimensions))
            self.accept(",")
        if self.accept("->"):
            self.type()
        body = self.expression() if self.accept("=") else self.block()
        return ("assign", ("name", name), ("lambda", parameters, body, name))

    def block(self):
        self.take("{")
        statements = self.program("}")
        self.take("}")
        return ("block", statements)

    def expression(self):
        if self.peek()[0] == "annotation":
            self.take()
            return self.expression()
        lambda_ = self.try_lambda()
        if lambda_:
            return lambda_
        if self.peek()[1] == "if":
            return self.conditional()
        return self.binary(3)

    def try_lambda(self):
        start = self.at
        if self.peek()[0] == "name" and self.peek(1)[1] == "->":
            names = [self.take()[1]]
        elif self.peek()[1] == "(":
            self.take()
            names = []
            while self.peek()[0] == "name":
                names.append(self.take()[1])
                if not self.accept(","):
                    break
            if not (self.accept(")") and self.peek()[1] == "->"):
                self.at = start
                return None
        else:
            return None
        self.take("->")
        body = self.block() if self.peek()[1] == "{" else self.expression()
        return ("lambda", [(name, None, []) for name in names], body, None)

    def conditional(self):
        self.take("if")
        condition = self.binary(3)
        then = self.block()
        otherwise = None
        if self.accept("else"):
            otherwise = self.conditional() if self.peek()[1] == "if" else self.block()
        return ("if", condition, then, otherwise)

    def binary(self, strength):
        if strength == 5:
            if self.peek()[0] == "keyword" and self.peek()[1] == "not":
                self.take()
                return ("unary", "not", self.binary(5))
            return self.comparison()
        left = self.binary(strength + 1) if strength < 12 else self.unary()
        while BINARY.get(self.peek()[1]) == strength and self.peek()[0] in ("operator", "keyword"):
            operator = self.take()[1]
            right = self.binary(strength + 1) if strength < 12 else self.unary()
            left = ("binary", operator, left, right)
        return left

    def comparison(self):
        first, rest = self.binary(7), []
        while self.peek()[1] in COMPARISONS and self.peek()[0] == "operator":
            operator = self.take()[1]
            rest.append((operator, self.binary(7)))
        return ("compare", first, rest) if rest else first

    def unary(self):
        if self.peek()[0] == "operator" and self.peek()[1] in "-+~":
            operator = self.take()[1]
            return ("unary", operator, self.unary())
        return self.power()

    def power(self):
        base = self.postfix()
        if self.accept("**"):
            return ("binary", "**", base, self.unary())
        return base

    def postfix(self):
        value = self.atom()
        while True:
            if self.accept("("):
                positional, named = [], []
                while not self.accept(")"):
                    if self.peek()[0] == "name" and self.peek(1)[1] == "=":
                        name = self.take()[1]
                        self.take("=")
                        named.append((name, self.expression()))
                    else:
                        positional.append(self.expression())
                    self.accept(",")
                value = ("call", value, positional, named)
            elif self.accept("["):
                value = ("index", value, self.subscripts())
            elif self.peek()[1] == "." and self.peek(1)[0] == "name":
                self.take()
                value = ("property", value, self.take()[1])
            else:
                return value

    def subscripts(self):
        entries = []
        while not self.accept("]"):
            parts, colons = [None], 0
            while self.peek()[1] not in (",", "]"):
                if self.accept(":"):
                    colons += 1
                    parts.append(None)
                elif self.accept("..."):
                    parts[-1] = ("ellipsis",)
                else:
                    parts[-1] = self.expression()
            entries.append(("slice", parts) if colons else parts[0])
            self.accept(",")
        return entries

    def atom(self):
        kind, value, _ = self.take()
        if kind == "number":
            plain = value.replace("_", "")
            if plain.endswith("j"):
                return ("literal", complex(0, float(plain[:-1])))
            if plain[:2] in ("0x", "0b"):
                return ("literal", int(plain, 0))
            return ("literal", int(plain) if plain.isdigit() else float(plain))
        if kind == "text":
            return ("text", unescape(value[1:-1]))
        if kind == "ftext":
            return ("format", format_pieces(value[2:-1]))
        if value in ("true", "false"):
            return ("literal", value == "true")
        if kind == "name":
            return ("name", value)
        if value == "...":
            return ("ellipsis",)
        if value == "{":
            self.at -= 1
            return self.block()
        if value == "(":
            if self.accept(")"):
                return ("tuple", [])
            items, several = [self.expression()], False
            while self.accept(","):
                several = True
                if self.peek()[1] == ")":
                    break
                items.append(self.expression())
            self.take(")")
            return ("tuple", items) if several else items[0]
        if value == "[":
            if self.accept("]"):
                return ("array", [])
            first = self.expression()
            if self.accept("for"):
                clauses = []
                while True:
                    target = self.comprehension_target()
                    self.take("in")
                    clauses.append((target, self.binary(3)))
                    if not self.accept(","):
                        break
                condition = self.expression() if self.accept("if") else None
                self.take("]")
                return ("comprehension", first, clauses, condition)
            items = [first]
            while self.accept(","):
                if self.peek()[1] == "]":
                    break
                items.append(self.expression())
            self.take("]")
            return ("array", items)
        raise ThalwegError(f"unexpected {value!r}")

    def comprehension_target(self):
        names = [("name", self.take()[1])]
        while self.peek()[1] == "," and self.peek(1)[0] == "name":
            self.take()
            names.append(("name", self.take()[1]))
        return ("targets", names) if len(names) > 1 else names[0]


def unescape(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m.group(1), m.group(1)), text)


def format_pieces(text):
    pieces, position = [], 0
    for match in re.finditer(r"\{\{|\}\}|\{([^{}:]*(?:\[[^\]]*\][^{}:]*)*)(?::([^{}]*))?\}", text):
        pieces.append(("text", unescape(text[position:match.start()])))
        if match.group() in ("{{", "}}"):
            pieces.append(("text", match.group()[0]))
        else:
            written = match.group(1)
            shown = re.fullmatch(r"(.*[^=!<>])=\s*", written)
            if shown:
                pieces.append(("text", written))
                written = shown.group(1)
            pieces.append(("value", Parser(written).expression(), match.group(2) or ""))
        position = match.end()
    pieces.append(("text", unescape(text[position:])))
    return pieces


# Values: NumPy arrays and scalars; Python's bool, int, float and complex are weak literals; tuples; str; Python functions.

def weak(value):
    return isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic)


def array(value):
    """The value as NumPy sees it, with a dtype."""
    return np.asarray(value)


def without_half(value):
    return value.astype(np.float32) if isinstance(value, (np.ndarray, np.generic)) and value.dtype == np.float16 else value


def check_dtypes(*values):
    for value in values:
        if isinstance(value, (tuple, str)) or callable(value) and not isinstance(value, np.generic):
            raise ThalwegError("not an array")


def no_zero(left, right):
    divisor = array(right)
    if np.result_type(left, right).kind in "iub" and divisor.size and array(left).size and (divisor == 0).any():
        raise ThalwegError("integer division by zero")


def power(left, right):
    exponent = array(right)
    if type(right) is int and right < 0 and array(left).dtype.kind in "iu" and not weak(left):
        raise ThalwegError("negative integer power")
    if np.result_type(left, right).kind in "iu" and exponent.dtype.kind in "i" and exponent.size and array(left).size \
            and (exponent < 0).any():
        raise ThalwegError("negative integer power")
    return np.power(left, right)


def floor_divide(left, right):
    no_zero(left, right)
    return np.floor_divide(left, right)


def remainder(left, right):
    no_zero(left, right)
    return np.remainder(left, right)


def logical(function):
    def apply(*values):
        for value in values:
            if array(value).dtype != np.bool_:
                raise ThalwegError("and, or, not take bools")
        return function(*values)
    return apply


OPERATORS = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.true_divide, "//": floor_divide, "%": remainder, "**": power,
    "&": np.bitwise_and, "|": np.bitwise_or, "^": np.bitwise_xor, "<<": np.left_shift, ">>": np.right_shift,
    "and": logical(np.logical_and), "or": logical(np.logical_or),
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal,
    "@": np.matmul,
}
UNARY = {"-": np.negative, "+": np.positive, "~": np.invert, "not": logical(np.logical_not)}


def operate(symbol, *values):
    """An operator on values; of weak values it is weak, except a comparison."""
    for kind in (str, tuple):
        if len(values) == 2 and symbol in ("+", "==", "!=") and all(isinstance(value, kind) for value in values):
            left, right = values
            return left + right if symbol == "+" else np.bool_((left == right) == (symbol == "=="))
    text = [value for value in values if isinstance(value, (str, tuple))]
    count = [int(value) for value in values if isinstance(value, (int, np.integer))]
    if symbol == "*" and len(text) == len(count) == 1:
        return text[0] * count[0]
    check_dtypes(*values)
    function = (UNARY if len(values) == 1 else OPERATORS)[symbol]
    try:
        with np.errstate(all="ignore"):
            if all(weak(value) for value in values):
                if symbol == "**" and all(type(value) is int for value in values) and values[1] < 0:
                    return float(values[0]) ** values[1]
                kept = [np.asarray(value)[()] for value in values]
                return function(*kept).item()
            return without_half(function(*values))
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise ThalwegError(str(error)) from error


def elementwise(function):
    def apply(*values, **named):
        check_dtypes(*values)
        # NumPy computes small integers in f16; Thalweg has none, and computes them in f32.
        widened = [np.asarray(v).astype(np.float32) if (not weak(v) or isinstance(v, bool)) and np.asarray(v).dtype.itemsize == 1
                   and np.asarray(v).dtype.kind in "iub" and function in FLOATING else v for v in values]
        with np.errstate(all="ignore"):
            return without_half(function(*widened, **named))
    return apply


def of_float(function):
    """A function of Python floats as one of arrays."""
    def apply(value):
        checked = np.asarray(value)
        if checked.dtype.kind != "f":
            checked = checked.astype(np.float32 if checked.dtype.itemsize <= 2 else np.float64)
        return np.vectorize(function, otypes=[checked.dtype])(checked)[()]
    return apply


error_function, complementary_error_function = of_float(math.erf), of_float(math.erfc)
FLOATING = {np.sqrt, np.exp, np.log, np.sin, np.cos, np.tan, np.tanh, np.arctan, np.arcsin, np.arccos, np.sinh, np.cosh,
            np.exp2, np.expm1, np.log2, np.log10, np.log1p, np.cbrt, np.arctan2, np.hypot, np.arcsinh, np.arccosh, np.arctanh,
            np.copysign, np.logaddexp, np.logaddexp2, np.degrees, np.deg2rad, np.rad2deg, np.radians, np.nextafter, np.rint, np.heaviside, np.spacing}


def axes(axis):
    if axis is None:
        return None
    return tuple(int(entry) for entry in axis) if isinstance(axis, tuple) else int(axis)


def reduction(function):
    def apply(value, axis=None, keepdims=False, initial=None):
        start = {} if initial is None else {"initial": initial.item() if isinstance(initial, np.generic) else initial}
        with np.errstate(all="ignore"):
            return np.asarray(function(np.asarray(value), axis=axes(axis), keepdims=bool(keepdims), **start))
    return apply


def at_least_one(function):
    def apply(value, axis=None, keepdims=False, initial=None):
        checked = np.asarray(value)
        reduced = range(checked.ndim) if axis is None else np.atleast_1d(np.asarray(axes(axis)))
        if initial is None and any(checked.shape[entry] == 0 for entry in reduced):
            raise ThalwegError("nothing to reduce")
        return reduction(function)(value, axis, keepdims, initial)
    return apply


def truth(function):
    return reduction(function)


def shape_of(arguments):
    if len(arguments) == 1 and isinstance(arguments[0], tuple):
        arguments = arguments[0]
    return tuple(int(entry) for entry in arguments)


def dtype_of(dtype, otherwise=np.float64):
    return DTYPES[dtype.name] if isinstance(dtype, DType) else otherwise


class DType:
    """A dtype's name, which is also the cast."""

    def __init__(self, name):
        self.name = name

    def __call__(self, value):
        with np.errstate(all="ignore"):
            # A literal must fit, as in `np.int8(300)`.
            return DTYPES[self.name](value) if weak(value) else np.asarray(value).astype(DTYPES[self.name])


def range_(start, stop=None, step=1):
    return np.arange(0, int(start)) if stop is None else np.arange(int(start), int(stop), int(step))


def linspace(start, stop, count=50):
    return np.linspace(array(start), array(stop), int(count))


def select(conditions, choices, default=0):
    return np.select(list(conditions), list(choices), default)


def unwrap(value, discont=None, axis=-1, period=2 * np.pi):
    return np.unwrap(value, discont, axis=int(axis), period=period)


def vander(value, n=None, increasing=False):
    return np.vander(value, None if n is None else int(n), increasing)


def full(shape, value, dtype=None):
    shape = shape if isinstance(shape, tuple) else (shape,)
    return np.full(shape_of(shape), value) if dtype is None else np.full(shape_of(shape), value, dtype=dtype_of(dtype))


def softmax(value, axis=-1):
    checked = np.asarray(value)
    exponential = np.exp(checked - checked.max(axis=axes(axis), keepdims=True))
    return exponential / exponential.sum(axis=axes(axis), keepdims=True)


def norm(value, ord=None, axis=None, keepdims=False):
    checked = np.asarray(value)
    if ord is not None:
        ord = ord if isinstance(ord, str) else float(ord)
        return np.asarray(np.linalg.norm(checked, ord, axis=axes(axis), keepdims=keepdims))
    return np.sqrt((np.abs(checked) ** 2).sum(axis=axes(axis), keepdims=keepdims))


def numbers(value):
    """An argument of known integers: one, or several."""
    checked = np.asarray(value)
    return int(checked) if checked.ndim == 0 else tuple(int(entry) for entry in checked)


def several(function):
    """A function of a sequence of arrays."""
    def apply(arrays, *more, **named):
        more = [axes(entry) for entry in more]
        named = {name: axes(entry) for name, entry in named.items()}
        return function([np.asarray(entry) for entry in arrays], *more, **named)
    return apply


def along(function, default):
    """A function of an array and an axis."""
    return lambda value, axis=default: function(np.asarray(value), axis=axes(axis))


def reduced(function):
    """A function of an array, axes and `keepdims`."""
    return lambda value, axis=None, keepdims=False: np.asarray(
        function(np.asarray(value), axis=axes(axis), keepdims=bool(keepdims)))


def accumulate(function):
    def apply(value, axis=None):
        checked = np.ravel(value) if axis is None else np.asarray(value)
        return function.accumulate(checked, axis=0 if axis is None else int(axis))
    return apply


def integral(function):
    """A function of floats that integers reach as f64, as Thalweg's prelude has it."""
    def apply(value, *more, **named):
        checked = np.asarray(value)
        return function(checked.astype(np.float64) if checked.dtype.kind in "iub" else checked, *more, **named)
    return apply


def quantile(value, q, axis=None, keepdims=False):
    return np.asarray(integral(np.quantile)(value, np.asarray(q, dtype=np.asarray(q).dtype), axis=axes(axis), keepdims=keepdims))


def pad(value, width, mode="constant", constant_values=0):
    named = {"constant_values": constant_values} if mode == "constant" else {}
    return np.pad(value, width, mode=mode, **named)


def tally(index, length, weights=None):
    index = np.asarray(index)
    inside = (index >= 0) & (index < length)
    return np.bincount(index[inside], None if weights is None else np.asarray(weights)[inside], minlength=int(length))


def gradient(value, x=1.0, axis=-1):
    return np.gradient(np.asarray(value, dtype=np.float64), x if np.ndim(x) else float(x), axis=int(axis))


def histogram(value, bins=10, range=None, density=False, weights=None):
    bins = int(bins) if np.ndim(bins) == 0 else np.asarray(bins)
    counts, edges = np.histogram(value, bins=bins, range=range, density=density, weights=weights)
    return counts, edges


def unique(value, return_index=False, return_inverse=False, return_counts=False):
    return np.unique(value, return_index=return_index, return_inverse=return_inverse, return_counts=return_counts)


def bincount(value, weights=None, minlength=0):
    return np.bincount(np.asarray(value), None if weights is None else np.asarray(weights), int(minlength))


def round_(value, decimals=0):
    return elementwise(lambda x: np.round(x, int(decimals)))(value)


def clip(value, low=None, high=None):
    raised = value if low is None else np.maximum(value, low)
    return raised if high is None else np.minimum(raised, high)


def bit_count(value):
    return np.bitwise_count(value).astype(np.asarray(value).dtype)


def average(value, axis=None, weights=None, keepdims=False):
    return np.asarray(np.average(np.asarray(value), axis=axes(axis), weights=weights, keepdims=keepdims))


def triangle(n, m=None, k=0, dtype=None):
    return np.tri(int(n), None if m is None else int(m), int(k), dtype_of(dtype))


def eye(n, m=None, k=0, dtype=None):
    return np.eye(int(n), None if m is None else int(m), int(k), dtype_of(dtype))


def ddof(function):
    return lambda value, axis=None, ddof=0, keepdims=False: np.asarray(
        integral(function)(value, axis=axes(axis), ddof=int(ddof), keepdims=keepdims))


MORE_FUNCTIONS = {
    "real": np.real, "imag": np.imag, "conj": np.conj, "angle": lambda value, deg=False: np.angle(value, deg),
    "reciprocal": integral(np.reciprocal), "nextafter": elementwise(np.nextafter), "ldexp": elementwise(np.ldexp), "rint": elementwise(np.rint),
    "round": round_, "clip": clip, "divmod": lambda x, y: (floor_divide(x, y), remainder(x, y)),
    "modf": integral(np.modf), "sinc": elementwise(np.sinc), "heaviside": elementwise(np.heaviside),
    "nan_to_num": lambda value, nan=0.0, posinf=None, neginf=None: np.nan_to_num(value, nan=nan, posinf=posinf, neginf=neginf),
    "spacing": elementwise(np.spacing), "logaddexp2": elementwise(np.logaddexp2), "fmod": elementwise(np.fmod),
    "bit_count": bit_count, "logical_xor": logical(np.logical_xor), "float_power": elementwise(np.float_power),
    "diff": lambda value, n=1, axis=-1: np.diff(value, int(n), axis=int(axis)),
    "cumsum": along(np.cumsum, None), "cumprod": along(np.cumprod, None),
    "cummax": accumulate(np.maximum), "cummin": accumulate(np.minimum),
    "sort": along(np.sort, -1), "argsort": lambda value, axis=-1: np.argsort(value, axis=axes(axis), kind="stable"),
    "searchsorted": lambda ordered, value, side="left": np.asarray(np.searchsorted(ordered, value, side=side)),
    "tally": tally, "bincount": bincount, "digitize": lambda value, bins, right=False: np.asarray(np.digitize(value, bins, right)),
    "histogram": histogram, "unique": unique, "isin": lambda value, values: np.asarray(np.isin(value, values)),
    "nonzero": lambda value: tuple(np.nonzero(value)), "flatnonzero": np.flatnonzero, "argwhere": np.argwhere,
    "take": lambda value, indices, axis=None: np.take(value, indices, axis=axes(axis)),
    "take_along_axis": lambda value, indices, axis=-1: np.take_along_axis(np.asarray(value), np.asarray(indices), int(axis)),
    "concatenate": several(np.concatenate), "stack": several(np.stack), "hstack": several(np.hstack),
    "vstack": several(np.vstack), "column_stack": several(np.column_stack),
    "split": lambda value, parts, axis=0: tuple(np.split(value, numbers(parts), int(axis))),
    "array_split": lambda value, parts, axis=0: tuple(np.array_split(value, numbers(parts), int(axis))),
    "tile": lambda value, counts: np.tile(value, numbers(counts)),
    "repeat": lambda value, count, axis=None: np.repeat(value, np.asarray(count), axes(axis)),
    "enumerate": lambda value, start=0: tuple(
        (np.int64(index), one) for index, one in enumerate(value if isinstance(value, tuple) else list(value), int(start))),
    "polyval": lambda p, x: np.asarray(np.polyval(p, x)),
    "polyfit": lambda x, y, deg: np.polyfit(x, y, int(deg)),
    "roll": lambda value, shift, axis=None: np.roll(value, numbers(shift), axes(axis)), "pad": pad,
    "meshgrid": lambda *values, indexing="xy": tuple(np.meshgrid(*values, indexing=indexing)),
    "moveaxis": lambda value, source, destination: np.moveaxis(value, numbers(source), numbers(destination)),
    "swapaxes": lambda value, one, other: np.swapaxes(value, int(one), int(other)),
    "expand_dims": lambda value, axis: np.expand_dims(value, axes(axis)),
    "diagonal": lambda value, offset=0, axis1=0, axis2=1: np.diagonal(value, int(offset), int(axis1), int(axis2)),
    "tri": triangle, "eye": eye, "identity": lambda n, dtype=None: eye(n, dtype=dtype),
    "tril": lambda value, k=0: np.tril(value, int(k)), "triu": lambda value, k=0: np.triu(value, int(k)),
    "diag": lambda value, k=0: np.diag(value, int(k)), "flatten": np.ravel, "fliplr": np.fliplr, "flipud": np.flipud,
    "rot90": lambda value, k=1: np.rot90(value, int(k)), "empty_like": np.zeros_like,
    "empty": lambda *shape, dtype=None: np.zeros(shape_of(shape), dtype_of(dtype)),
    "logspace": lambda start, stop, num=50, endpoint=True, base=10.0: np.logspace(start, stop, int(num), endpoint, base),
    "geomspace": lambda start, stop, num=50, endpoint=True: np.geomspace(start, stop, int(num), endpoint),
    "trapezoid": lambda value, x=None, dx=1.0, axis=-1: np.asarray(np.trapezoid(value, x, dx, int(axis))), "gradient": gradient,
    "average": average, "median": lambda value, axis=None, keepdims=False: np.median(value, axis, keepdims=keepdims),
    "quantile": quantile, "percentile": lambda value, q, axis=None, keepdims=False: quantile(
        value, np.asarray(q) / 100, axis, keepdims),
    "nansum": reduced(np.nansum), "nanprod": reduced(np.nanprod), "nanmin": reduction(np.nanmin), "nanmax": reduction(np.nanmax),
    "nanmean": reduced(np.nanmean), "nanvar": ddof(np.nanvar), "nanstd": ddof(np.nanstd), "nanmedian": reduced(np.nanmedian),
    "nanargmin": reduced(np.nanargmin), "nanargmax": reduced(np.nanargmax),
    "interp": lambda x, xp, fp, left=None, right=None: np.asarray(np.interp(x, xp, fp, left, right)),
    "cov": lambda value, rowvar=True, ddof=1: np.asarray(np.cov(value, rowvar=rowvar, ddof=int(ddof))),
    "corrcoef": lambda value, rowvar=True: np.asarray(np.corrcoef(value, rowvar=rowvar)),
    "dstack": several(np.dstack),
    "union1d": np.union1d, "intersect1d": np.intersect1d, "setdiff1d": np.setdiff1d, "setxor1d": np.setxor1d,
    "select": select, "unwrap": unwrap, "vander": vander,
    "deg2rad": elementwise(np.deg2rad), "rad2deg": elementwise(np.rad2deg),
    "array_equal": lambda left, right: np.bool_(np.array_equal(left, right)),
}
FUNCTIONS = {
    "where": elementwise(np.where), "sqrt": elementwise(np.sqrt), "exp": elementwise(np.exp), "log": elementwise(np.log),
    "sin": elementwise(np.sin), "cos": elementwise(np.cos), "tan": elementwise(np.tan), "tanh": elementwise(np.tanh),
    "abs": elementwise(np.abs), "floor": elementwise(np.floor), "ceil": elementwise(np.ceil),
    "trunc": elementwise(np.trunc), "round": elementwise(np.round), "sign": elementwise(np.sign),
    "minimum": elementwise(np.minimum), "maximum": elementwise(np.maximum), "clip": elementwise(np.clip),
    "isnan": elementwise(np.isnan), "isinf": elementwise(np.isinf), "isfinite": elementwise(np.isfinite),
    "cbrt": elementwise(np.cbrt), "exp2": elementwise(np.exp2), "expm1": elementwise(np.expm1), "log2":
    elementwise(np.log2), "log10": elementwise(np.log10), "log1p": elementwise(np.log1p), "arcsin":
    elementwise(np.arcsin), "arccos": elementwise(np.arccos), "arctan": elementwise(np.arctan), "sinh":
    elementwise(np.sinh), "cosh": elementwise(np.cosh), "arcsinh": elementwise(np.arcsinh), "arccosh":
    elementwise(np.arccosh), "arctanh": elementwise(np.arctanh), "arctan2": elementwise(np.arctan2), "hypot":
    elementwise(np.hypot), "copysign": elementwise(np.copysign), "fmin": elementwise(np.fmin), "fmax":
    elementwise(np.fmax), "gcd": elementwise(np.gcd), "lcm": elementwise(np.lcm), "square": elementwise(np.square),
    "degrees": elementwise(np.degrees), "radians": elementwise(np.radians), "logaddexp": elementwise(np.logaddexp),
    "signbit": elementwise(np.signbit), "isclose": elementwise(np.isclose),
    "erf": elementwise(error_function), "erfc": elementwise(complementary_error_function),
    "ptp": at_least_one(np.ptp), "count_nonzero": lambda value, axis=None, keepdims=False: np.asarray(
        np.count_nonzero(value, axis=axes(axis), keepdims=bool(keepdims))),
    "allclose": lambda left, right: np.bool_(np.allclose(left, right)),
    "flip": lambda value, axis=None: np.flip(value, axes(axis)), "squeeze": lambda value, axis=None: np.squeeze(value, axes(axis)),
    "ravel": lambda value: np.ravel(value), "eye": lambda size: np.eye(int(size)),
    "broadcast_to": lambda value, *shape: np.broadcast_to(value, shape_of(shape)),
    "zeros_like": np.zeros_like, "ones_like": np.ones_like, "full_like": np.full_like,
    "sum": reduction(np.sum), "prod": reduction(np.prod), "min": at_least_one(np.min), "max": at_least_one(np.max),
    "any": truth(np.any), "all": truth(np.all),
    "argmin": at_least_one(np.argmin), "argmax": at_least_one(np.argmax),
    "mean": at_least_one(np.mean), "var": at_least_one(np.var), "std": at_least_one(np.std),
    "softmax": softmax, "norm": norm,
    "zeros": lambda *shape, dtype=None: np.zeros(shape_of(shape), dtype_of(dtype)),
    "ones": lambda *shape, dtype=None: np.ones(shape_of(shape), dtype_of(dtype)),
    "full": full, "range": range_, "linspace": linspace,
    "reshape": lambda value, *shape: np.asarray(value).reshape(shape_of(shape)),
    "transpose": lambda value, *order: np.asarray(value).transpose(shape_of(order) if order else None),
}
FUNCTIONS.update(MORE_FUNCTIONS)


def linear(function, kinds="iufcb"):
    """An operation of linear algebra: NumPy's, an error where NumPy raises one."""
    def apply(*values, **named):
        check_dtypes(*values)
        try:
            with np.errstate(all="ignore"):
                found = function(*values, **named)
        except np.linalg.LinAlgError as error:
            raise ThalwegError(str(error)) from error
        return tuple(found) if isinstance(found, tuple) else found
    return apply


def complex_too(function):
    """NumPy gives real eigenvalues where all are; here the dtype is known before the run."""
    def apply(value):
        found = function(value)
        wide = [np.asarray(part) + np.zeros((), np.result_type(np.asarray(part).dtype, np.complex64)) for part in np.atleast_1d(
            found) ] if not isinstance(found, tuple) else [np.asarray(part).astype(np.result_type(
                np.asarray(part).dtype, np.complex64)) for part in found]
        return tuple(wide) if isinstance(found, tuple) else np.asarray(wide)
    return apply


def multiplied(name, function):
    """Products with NumPy's scalars kept weak."""
    def apply(*values, **named):
        check_dtypes(*values)
        named = {key: tuple(tuple(one) if isinstance(one, tuple) else int(one) for one in value)
                 if isinstance(value, tuple) else int(value) for key, value in named.items()}
        return function(*values, **named)
    return apply


def transformed(function):
    def apply(value, length=None, axis=-1, norm="backward", **named):
        length = named.pop("n", length)
        return function(value, None if length is None else int(length), int(axis), norm)
    return apply


def transformed_twice(function):
    def apply(value, s=None, axes=(-2, -1), norm="backward"):
        return function(value, None if s is None else tuple(map(int, s)), tuple(map(int, axes)), norm)
    return apply


FUNCTIONS.update({
    "len": len,
    "matmul": linear(np.matmul), "dot": linear(np.dot), "vdot": linear(np.vdot), "inner": linear(np.inner),
    "outer": linear(np.outer), "tensordot": multiplied("tensordot", np.tensordot), "kron": linear(np.kron),
    "trace": multiplied("trace", lambda value, offset=0: np.trace(value, int(offset))), "cross": linear(np.cross),
    "matrix_power": linear(lambda value, n: np.linalg.matrix_power(value, int(n))),
    "inv": linear(np.linalg.inv), "solve": linear(np.linalg.solve), "det": linear(np.linalg.det),
    "slogdet": linear(lambda value: tuple(np.linalg.slogdet(value))), "cholesky": linear(np.linalg.cholesky),
    "qr": linear(lambda value, mode="reduced": np.linalg.qr(value, mode) if mode == "r" else tuple(np.linalg.qr(value, mode))),
    "svd": linear(lambda value, full_matrices=True, compute_uv=True: tuple(np.linalg.svd(
        value, bool(full_matrices))) if compute_uv else np.linalg.svd(value, compute_uv=False)),
    "svdvals": linear(np.linalg.svdvals), "eigh": linear(lambda value: tuple(np.linalg.eigh(value))),
    "eigvalsh": linear(np.linalg.eigvalsh), "eig": linear(complex_too(lambda value: tuple(np.linalg.eig(value)))),
    "eigvals": linear(complex_too(np.linalg.eigvals)),
    "lstsq": linear(lambda value, wanted: tuple(np.linalg.lstsq(value, wanted))), "pinv": linear(np.linalg.pinv),
    "matrix_rank": linear(np.linalg.matrix_rank), "cond": linear(np.linalg.cond),
    "fft": transformed(np.fft.fft), "ifft": transformed(np.fft.ifft), "rfft": transformed(np.fft.rfft),
    "irfft": transformed(np.fft.irfft), "fft2": transformed_twice(np.fft.fft2), "ifft2": transformed_twice(np.fft.ifft2),
    "convolve": linear(np.convolve), "correlate": linear(np.correlate),
    "fftfreq": lambda n, d=1.0: np.fft.fftfreq(int(n), float(d)), "rfftfreq": lambda n, d=1.0: np.fft.rfftfreq(int(n), float(d)),
    "fftshift": lambda value, axes=None: np.fft.fftshift(value, None if axes is None else int(axes)),
    "ifftshift": lambda value: np.fft.ifftshift(value),
})
PROPERTIES = {
    "T": lambda value: np.asarray(value).T,
    "shape": lambda value: tuple(np.asarray(value).shape),
    "size": lambda value: int(np.asarray(value).size),
    "ndim": lambda value: np.asarray(value).ndim,
    "dtype": lambda value: DTYPE_NAMES[np.asarray(value).dtype],
    "real": lambda value: np.real(value)[()], "imag": lambda value: np.imag(value)[()],
}
CONSTANTS = {"pi": np.pi, "e": np.e, "inf": np.inf, "nan": np.nan, "newaxis": None, "none": None}


class Session:
    """One scope; `run` gives the lines that a text prints, its last value included."""

    def __init__(self):
        self.names = {name: DType(name) for name in DTYPES}
        self.names.update(FUNCTIONS)
        self.names.update(CONSTANTS)
        self.names["print"] = lambda *values: self.printed.append(" ".join(display(value) for value in values))
        self.names["save"] = lambda path, value: np.save(path, array(value))
        self.names["load"] = lambda path: np.load(path)
        self.printed = []

    def run(self, text):
        self.printed = []
        draft = dict(self.names)
        value, silent = self.block(Parser(text).program(), draft)
        self.names = draft
        if value is not None and not silent:
            self.printed.append(display(value))
        return self.printed

    def block(self, statements, scope):
        value, silent = None, True
        for statement, silent in statements:
            if statement[0] == "assign":
                self.bind(statement[1], self.value(statement[2], scope), scope)
                value = None
            elif statement[0] in ("for", "while", "leave", "update"):
                getattr(self, statement[0] + "_statement")(statement, scope)
                value = None
            else:
                value = self.value(statement[1], scope)
        return value, silent

    def for_statement(self, statement, scope):
        for item in self.items(statement[2], scope):
            self.bind(statement[1], item, scope)
            if not self.turn(statement[3], scope):
                break

    def while_statement(self, statement, scope):
        while self.truth(statement[1], scope):
            if not self.turn(statement[2], scope):
                break

    def turn(self, body, scope):
        """Whether the loop goes on after its body."""
        try:
            self.block(body[1], scope)
        except Leave as leave:
            return str(leave) == "continue"
        return True

    def leave_statement(self, statement, scope):
        raise Leave(statement[1])

    def update_statement(self, statement, scope):
        name, subscripts, operator = statement[1:4]
        changed = np.array(scope[name])
        entries = tuple(self.subscript(entry, scope) for entry in subscripts)
        new = self.value(statement[4], scope)
        if operator is not None:
            # Indices that occur twice count twice.
            every = np.arange(changed.size).reshape(changed.shape)[entries]
            flat, new = changed.reshape(-1), np.broadcast_to(np.asarray(new), np.shape(every))
            for index, one in zip(np.ravel(every), np.ravel(new)):
                flat[index] = operate(operator, flat[index], one)
        else:
            changed[entries] = new
        scope[name] = changed

    def truth(self, node, scope):
        condition = self.value(node, scope)
        if array(condition).ndim or array(condition).dtype != np.bool_:
            raise ThalwegError("a condition is a bool scalar")
        return bool(condition)

    def items(self, sequence, scope):
        """What a loop or a comprehension walks."""
        if sequence[0] == "call" and sequence[1] == ("name", "zip"):
            walked = [self.value(item, scope) for item in sequence[2]]
            return list(zip(*[list(item) if isinstance(item, tuple) else list(np.asarray(item)) for item in walked]))
        value = self.value(sequence, scope)
        return list(value) if isinstance(value, tuple) else list(np.asarray(value))

    def bind(self, target, value, scope):
        if target[0] == "name":
            scope[target[1]] = value
            return
        if target[0] == "part":
            changed = np.array(scope[target[1]])
            changed[tuple(self.subscript(entry, scope) for entry in target[2])] = value
            scope[target[1]] = changed
            return
        values = list(value)
        if len(values) != len(target[1]):
            raise ThalwegError("a tuple of another length")
        for part, item in zip(target[1], values):
            self.bind(part, item, scope)

    def value(self, node, scope):
        kind = node[0]
        if kind in ("literal", "text"):
            return node[1]
        if kind == "name":
            if node[1] not in scope:
                raise ThalwegError(f"unknown name {node[1]}")
            return scope[node[1]]
        if kind == "format":
            return "".join(
                piece[1] if piece[0] == "text" else formatted(self.value(piece[1], scope), piece[2]) for piece in node[1])
        if kind == "binary":
            return operate(node[1], self.value(node[2], scope), self.value(node[3], scope))
        if kind == "unary":
            return operate(node[1], self.value(node[2], scope))
        if kind == "compare":
            left, result = self.value(node[1], scope), None
            for symbol, right_node in node[2]:
                right = self.value(right_node, scope)
                one = operate(symbol, left, right)
                result = one if result is None else operate("and", result, one)
                left = right
            return result
        if kind == "tuple":
            return tuple(self.value(item, scope) for item in node[1])
        if kind == "array":
            items = [self.value(item, scope) for item in node[1]]
            check_dtypes(*items)
            if all(weak(item) for item in items):
                return np.array(items) if items else np.zeros(0)
            shapes = {np.shape(item) for item in items}
            if len(shapes) > 1:
                raise ThalwegError("rows of different shapes")
            dtype = np.result_type(*[item if weak(item) else np.asarray(item).dtype for item in items])
            return np.stack([np.asarray(item, dtype=dtype) for item in items])
        if kind == "if":
            branch = node[2] if self.truth(node[1], scope) else node[3]
            return self.value(branch, scope) if branch else None
        if kind == "block":
            return self.block(node[1], scope)[0]
        if kind == "lambda":
            return self.function(node, scope)
        if kind == "call":
            return self.call(node, scope)
        if kind == "index":
            base = np.asarray(self.value(node[1], scope)) if not isinstance(
                self.value(node[1], scope), tuple) else self.value(node[1], scope)
            entries = tuple(self.subscript(entry, scope) for entry in node[2])
            try:
                return base[entries[0] if len(entries) == 1 else entries]
            except IndexError as error:
                raise ThalwegError(str(error)) from error
        if kind == "property":
            base = self.value(node[1], scope)
            if node[2] not in PROPERTIES:
                raise ThalwegError(f"unknown property {node[2]}")
            return PROPERTIES[node[2]](base)
        if kind == "comprehension":
            return self.comprehension(node, scope)
        if kind == "ellipsis":
            return Ellipsis
        raise ThalwegError(f"not built in the oracle: {kind}")

    def subscript(self, entry, scope):
        if entry[0] == "slice":
            return slice(*[None if part is None else int(self.value(part, scope)) for part in entry[1]])
        value = self.value(entry, scope)
        if value is None or value is Ellipsis:
            return value
        if array(value).dtype.kind == "b" and array(value).ndim > 0:
            return array(value)
        if array(value).dtype.kind not in "iu":
            raise ThalwegError("an index is an integer")
        return int(value) if array(value).ndim == 0 else array(value)

    def function(self, node, scope):
        captured, parameters, body = dict(scope), node[1], node[2]
        defaults = {name: self.value(default, scope) for name, default, _ in parameters if default is not None}

        def apply(*values, **named):
            inner = dict(captured)
            inner.update(defaults)
            bound = dict(zip([name for name, _, _ in parameters], values))
            bound.update(named)
            inner.update(bound)
            known = [name for name, _, _ in parameters]
            missing = [name for name, default, _ in parameters if default is None and name not in bound]
            if missing or len(values) > len(parameters) or any(name not in known for name in named):
                raise ThalwegError("wrong arguments")
            for name, _, dimensions in parameters:
                for axis, dimension in enumerate(reversed(dimensions)):
                    if dimension.isidentifier():
                        inner[dimension] = np.shape(inner[name])[-1 - axis]
            return self.value(body, inner)
        return apply

    def call(self, node, scope):
        positional = [self.value(item, scope) for item in node[2]]
        named = {name: self.value(item, scope) for name, item in node[3]}
        callee = node[1]
        if callee[0] == "property":
            positional.insert(0, self.value(callee[1], scope))
            callee = ("name", callee[2])
        function = self.value(callee, scope)
        try:
            return function(*positional, **named)
        except (TypeError, ValueError, IndexError, OverflowError, MemoryError) as error:
            raise ThalwegError(str(error)) from error

    def comprehension(self, node, scope):
        element, clauses, condition = node[1:4]
        if condition is not None:
            # What is kept lies along one axis.
            results = list(self.kept(element, clauses, condition, scope))
            return tuple(results) if clauses[0][1][0] == "tuple" else stacked(results)
        target, sequence = clauses[0]
        results = []
        for item in self.items(sequence, scope):
            inner = dict(scope)
            self.bind(target, item, inner)
            results.append(self.value(element, inner) if len(clauses) == 1
                           else self.comprehension(("comprehension", element, clauses[1:], None), inner))
        if isinstance(self.value(sequence, scope) if sequence[0] == "tuple" else None, tuple):
            return tuple(results)
        return stacked(results)

    def kept(self, element, clauses, condition, scope):
        if not clauses:
            if self.truth(condition, scope):
                yield self.value(element, scope)
            return
        for item in self.items(clauses[0][1], scope):
            inner = dict(scope)
            self.bind(clauses[0][0], item, inner)
            yield from self.kept(element, clauses[1:], condition, inner)


class Leave(Exception):
    """`break` or `continue`."""


def stacked(results):
    dtype = np.result_type(*[np.asarray(result) for result in results]) if results else np.float64
    return np.stack([np.asarray(result).astype(dtype) for result in results]) if results else np.zeros(0)


def folded(function, sequence, initial):
    """What a function makes of what it made before and the next element; the values on the way, too."""
    values = [initial]
    for item in (sequence if isinstance(sequence, tuple) else list(np.asarray(sequence))):
        values.append(function(values[-1], item))
    return values


def mapped(function, *sequences):
    results = [function(*items) for items in zip(*sequences)]
    return tuple(results) if isinstance(sequences[0], tuple) else stacked(results)


FUNCTIONS.update({
    "map": mapped,
    "fold": lambda function, sequence, initial: folded(function, sequence, initial)[-1],
    "reduce": lambda function, sequence, neutral: folded(function, sequence, neutral)[-1],
    "scan": lambda function, sequence, neutral: stacked(folded(function, sequence, neutral)[1:]),
})


def formatted(value, specification):
    if not specification:
        return display(value)
    return format(value if isinstance(value, str) else np.asarray(value).item(), specification)


def display(value):
    """As `print` shows it: NumPy's text, tuples in parentheses."""
    if isinstance(value, tuple):
        inner = ", ".join(display(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, str):
        return value
    if isinstance(value, DType):
        return value.name
    if value is None:
        return "none"
    checked = np.asarray(value)
    text = str(checked[()])
    # The language's words for NumPy's.
    return text.replace("True", "true").replace("False", "false") if checked.dtype == np.bool_ else text
