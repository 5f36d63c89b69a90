"""Writes stdlib/src/formulas/tests/hard_points.rs: of each range of measure.py the points where the formulas err most, with
the correctly rounded results by mpmath.

    python3 tests/accuracy/hard_points.py > stdlib/src/formulas/tests/hard_points.rs
"""
import mpmath
import numpy as np

import measure

FUNCTIONS = {
    "exp2": lambda x: mpmath.power(2, x),
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "log10": lambda x: mpmath.log(x) / mpmath.log(10),
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
}


def nearest(value):
    """The nearest double, subnormal ones included (mpmath's own conversion rounds those twice)."""
    if value == 0:
        return 0.0
    exponent = max(int(mpmath.floor(mpmath.log(abs(value), 2))) - 52, -1074)
    scaled = value / mpmath.mpf(2) ** exponent
    integer = int(mpmath.nint(scaled))
    return float(np.ldexp(float(integer), exponent)) if exponent > -1022 else float(integer * 2.0 ** -52 * 2.0 ** (exponent + 52))


def correct(name, *operands):
    function = FUNCTIONS.get(name) or getattr(mpmath, name)
    with mpmath.workprec(2600):
        return nearest(function(*[mpmath.mpf(float(x)) for x in operands]))


def main():
    lib = measure.library()
    one, two = [], []
    for name, ranges in measure.RANGES.items():
        for _, points in ranges:
            operands = points(100000)
            a, b = operands if isinstance(operands, tuple) else (operands, operands)
            high, low = measure.reference(lib, name, a, b)
            error = measure.errors(measure.ours(name, a, b), high, low)
            error[~np.isfinite(high)] = 0
            for place in np.argsort(error)[-4:]:
                x, y = float(a[place]), float(b[place])
                if b is a:
                    one.append(f'    ("{name}", {x!r}, {correct(name, x)!r}),')
                else:
                    two.append(f'    ("{name}", {x!r}, {y!r}, {correct(name, x, y)!r}),')
    print("//! Where the formulas err most, with the correctly rounded results: written by tests/accuracy/hard_points.py.")
    print("#![allow(clippy::approx_constant)]\n")
    print("/// Formula, operand, result.")
    print("#[rustfmt::skip]\npub const ONE: &[(&str, f64, f64)] = &[\n" + "\n".join(one) + "\n];\n")
    print("/// Formula, operands, result.")
    print("#[rustfmt::skip]\npub const TWO: &[(&str, f64, f64, f64)] = &[\n" + "\n".join(two) + "\n];")


if __name__ == "__main__":
    main()
