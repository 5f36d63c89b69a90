"""Writes stdlib/src/formulas/tests/complex_points.rs: functions of complex numbers at points that are hard for one reason or
another, by mpmath at 60 digits.

    python tests/accuracy/complex_points.py > stdlib/src/formulas/tests/complex_points.rs
"""

import mpmath

mpmath.mp.dps = 60
FUNCTIONS = {
    "exp": mpmath.exp, "expm1": lambda z: mpmath.exp(z) - 1, "log": mpmath.log, "log1p": lambda z: mpmath.log(1 + z),
    "sqrt": mpmath.sqrt, "sin": mpmath.sin, "cos": mpmath.cos, "tan": mpmath.tan, "sinh": mpmath.sinh, "cosh": mpmath.cosh,
    "tanh": mpmath.tanh, "asin": mpmath.asin, "acos": mpmath.acos, "atan": mpmath.atan, "asinh": mpmath.asinh,
    "acosh": mpmath.acosh, "atanh": mpmath.atanh,
}
POINTS = [
    (0.5, 0.25), (-1.5, 2.0), (3.0, -4.0), (-2.25, -0.125), (0.6, 0.8), (0.8, -0.6000000000000001), (1.0, 1e-9), (1e-9, 1.0),
    (1e-5, -1e-5), (1e-20, 1e-12), (20.5, 3.0), (-30.0, 1.5), (0.01, 300.25), (5.0, 1e-300), (1e10, 1e9), (-1e-3, 1e4),
    (0.3, 17.0), (-19.0, -0.5), (0.9999999, 1e-4), (-1.0000001, 2e-7), (2.0, 3.141592653589793), (1e150, -2e150),
]


def main():
    print("//! Functions of complex numbers at hard points; written by tests/accuracy/complex_points.py.")
    print("#![allow(clippy::approx_constant)]")
    print("\n/// The function, its operand and its value, each as real and imaginary part.")
    print("#[rustfmt::skip]\npub const POINTS: &[(&str, [f64; 2], [f64; 2])] = &[")
    for name, function in FUNCTIONS.items():
        for real, imaginary in POINTS:
            if max(abs(real), abs(imaginary)) > 600 and name in ("exp", "expm1", "sin", "cos", "sinh", "cosh"):
                continue
            mpmath.mp.dps = 60 + (320 if max(abs(real), abs(imaginary)) > 1e5 or abs(imaginary) < 1e-100 else 0)
            value = mpmath.mpc(function(mpmath.mpc(real, imaginary)))
            parts = [float(value.real), float(value.imag)]
            print(f'    ("{name}", [{real!r}, {imaginary!r}], [{parts[0]!r}, {parts[1]!r}]),')
    print("];")


if __name__ == "__main__":
    main()
