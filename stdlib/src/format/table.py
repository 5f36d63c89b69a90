"""Writes the table of values and their texts that format's test reads, from NumPy: `python3 table.py SEED CASES LONGEST > table.txt` (the
one kept here is 1 400 500: so many cases, less those whose line would be longer; a bigger one is checked with
THALWEG_FORMAT_TABLE=FILE cargo test -p thalweg format).

A line is `array`, dtype, shape, elements (hexadecimal bytes, repeated as often as the shape needs) and the text; or `value`,
dtype, the format specification, the element and the text, or `!` where Python refuses. Newlines are written `\\n`.
"""
import random
import re
import sys

import numpy as np

DTYPES = {"bool": "?", "i8": "i1", "i16": "i2", "i32": "i4", "i64": "i8", "u8": "u1", "u16": "u2", "u32": "u4", "u64": "u8",
          "f32": "f4", "f64": "f8", "c64": "c8", "c128": "c16"}
SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0, 0.1, 0.5, 2.5, 1e16, 9999999999999998.0, 1e-4, 9.999e-5, 1e8, 1e6,
           99999999.0, 999999.5, 1 / 512, 3 / 512, 5e-324, 1.7976931348623157e308, 1000.0, 1000.1, 123456789.123, 2.0**-44,
           2.0**60, 0.30000000000000004, 1 / 3, 2 / 3, 1e22, 1e23, 0.99999999999, 9.9999999999, 999.999999999, 1e100, 1e-100]


def floats(rng, count, dtype):
    style = rng.randrange(9)
    if style == 0:
        bits = np.frombuffer(rng.randbytes(count * dtype.itemsize), dtype=dtype)
        return bits
    if style == 1:
        values = [rng.gauss(0, 1) for _ in range(count)]
    elif style == 2:
        scale = 10.0 ** rng.randint(-6, 10)
        values = [rng.gauss(0, 1) * scale for _ in range(count)]
    elif style == 3:
        values = [rng.choice(SPECIAL) for _ in range(count)]
    elif style == 4:
        values = [float(rng.randint(-999, 999)) for _ in range(count)]
    elif style == 5:
        values = [rng.randint(-4000, 4000) / 2 ** rng.randint(0, 12) for _ in range(count)]
    elif style == 6:
        values = [round(rng.uniform(-100, 100), rng.randint(0, 10)) for _ in range(count)]
    elif style == 7:
        values = [rng.choice([1.0, -2.5, np.nan, np.inf, -np.inf]) for _ in range(count)]
    else:
        values = [10.0 ** rng.uniform(-8, 12) * rng.choice([1, -1]) for _ in range(count)]
    with np.errstate(all="ignore"):
        return np.array(values, dtype=dtype)


def elements(rng, count, name):
    dtype = np.dtype(DTYPES[name])
    if dtype.kind == "b":
        return np.array([rng.random() < 0.5 for _ in range(count)])
    if dtype.kind in "iu":
        if rng.random() < 0.5:
            return np.frombuffer(rng.randbytes(count * dtype.itemsize), dtype=dtype)
        return np.array([rng.randint(0 if dtype.kind == "u" else -9, 120) for _ in range(count)], dtype=dtype)
    if dtype.kind == "f":
        return floats(rng, count, dtype)
    half = np.dtype("f4") if name == "c64" else np.dtype("f8")
    pairs = np.empty((count, 2), dtype=half)
    pairs[:, 0] = floats(rng, count, half)
    pairs[:, 1] = floats(rng, count, half)
    return np.ascontiguousarray(pairs).view(dtype).ravel()


def escape(text):
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def words(text):
    return text.replace("True", "true").replace("False", "false")


def array_case(rng):
    name = rng.choice(list(DTYPES))
    style = rng.randrange(10)
    if style < 2:
        shape = ()
    elif style < 5:
        shape = (rng.choice([1, 2, 3, 5, 8, 20, rng.randint(1, 60)]),)
    elif style < 8:
        shape = tuple(rng.choice([0, 1, 1, 2, 2, 3, 4, 5]) for _ in range(rng.randint(2, 4)))
    else:
        shape = rng.choice([(1001,), (1000,), (40, 40), (5, 300), (300, 5), (12, 9, 11), (2, 7, 7, 13), (1, 1, 2000), (6, 6, 6, 6),
                            (10**9,), (1000, 1000, 1000), (7, 1, 7, 1, 30)])
    size = int(np.prod(shape))
    values = elements(rng, rng.choice([1, 2, 7, 19, max(1, min(size, 200))]), name)
    if size > 10**6:
        values = values[:1]
        array = np.broadcast_to(values[0], shape)
    elif size == 0:
        array = np.zeros(shape, values.dtype)
    else:
        array = np.resize(values, shape)
    text = words(str(array if shape else array[()]))
    return "\t".join(["array", name, ",".join(map(str, shape)), np.ascontiguousarray(values).tobytes().hex(), escape(text)])


def value_case(rng):
    name = rng.choice(["text", "bool", "i64", "u8", "i8", "u64", "f32", "f64", "f64", "f64", "c64", "c128"])
    if rng.random() < 0.02:
        spec = "".join(rng.choice("<>=^+- z#0,_.5dfgx%") for _ in range(rng.randint(1, 6)))
    else:
        spec = rng.choice(["", "", "", "<", ">", "^", "=", "*<", "é^", "0>", "0=", "=="]) + rng.choice(["", "", "+", "-", " "])
        spec += rng.choice(["", "", "", "", "z"]) + rng.choice(["", "", "", "#"]) + rng.choice(["", "", "0"])
        spec += rng.choice(["", "", "5", "12", "13", "14", "30"]) + rng.choice(["", "", "", ",", "_"])
        spec += rng.choice(["", "", ".0", ".1", ".3", ".8", ".17", ".40"])
        spec += rng.choice(["", "", "d", "f", "f", "g", "e", "s", *"bcdeEfFgGnoxX%"])
    if name == "text":
        value = rng.choice(["", "a", "valley", "Größe", "line of flow"])
        raw, subject = value.encode().hex(), value
    else:
        single = elements(rng, 1, name)
        raw, subject = single.tobytes().hex(), single[0].item()
        bare = not spec or spec[-1] not in "sbcdeEfFgGnoxX%"
        if name == "bool" and (bare or spec[-1] == "s"):
            subject = str(subject).lower()
        if name in ("f32", "c64") and bare and not re.search(r"\.\d", spec) and any(
                abs(part) >= 1e6 or part == np.float32(1e-4) for part in (single[0].real, single[0].imag)):
            return None  # NumPy changes to an exponent earlier than Python
        if name == "f32" and bare and not re.search(r"\.\d", spec):
            subject = float(str(single[0]))
        if name == "c64" and bare and not re.search(r"\.\d", spec):
            subject = complex(float(str(single[0].real)), float(str(single[0].imag)))
        if not spec and name != "bool":
            subject = None
            text = str(single[0])
    try:
        text = text if subject is None else format(subject, spec)
    except (ValueError, OverflowError):
        text = "!"
    if "\r" in text or any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        return None
    return "\t".join(["value", name, spec, raw, escape(text)])


def main():
    seed, cases, longest = map(int, sys.argv[1:])
    rng = random.Random(seed)
    for case in range(cases):
        line = (value_case if case % 2 else array_case)(rng)
        if line and len(line) <= longest:
            print(line)


main()
