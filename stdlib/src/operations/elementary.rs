//! Roots, powers' relatives, exponentials, logarithms and circular functions. Errors in units in the last place: docs/accuracy.md.

use crate::formula;
use crate::formulas::{self, arithmetic as a, complex, single};
use crate::operation::Operation;
use crate::typing;
use std::f64::consts::PI;
use thalweg_lang::declaration::{Mismatch, Typing};
use thalweg_lang::dtype::{DType, Kind};
use thalweg_lang::promotion::Numeric;
use thalweg_runtime::kernel::Kernels;

/// A function of floats, its one-sentence doc, and an example.
type Row = (&'static str, Kernels, &'static str, &'static [(&'static str, &'static str)]);

/// What `radians` and its other name compute.
const RADIANS: Kernels = formula!(float [x] x.multiply(L::constant(PI / 180.0)));
/// What `degrees` and its other name compute.
const DEGREES: Kernels = formula!(float [x] x.multiply(L::constant(180.0 / PI)));

pub(super) fn rows(rows: &mut Vec<Operation>) {
    let unary: [Row; 28] = [
        (
            "sqrt",
            formula!(float [x] x.square_root()).and(complex::SQRT),
            "The square root; NaN below 0.",
            &[("sqrt([4.0, 2.0])", "[2.         1.41421356]")],
        ),
        ("cbrt", formula!(double [x] formulas::cbrt(x)), "The cube root.", &[("cbrt(27.0)", "3.0")]),
        (
            "exp",
            formula!(double [x] formulas::exp(x); single single::exp(x)).and(complex::EXP),
            "e to the power of x.",
            &[("exp([0.0, 1.0])", "[1.         2.71828183]")],
        ),
        (
            "exp2",
            formula!(double [x] formulas::exp2(x); single single::exp2(x)).and(complex::EXP2),
            "2 to the power of x.",
            &[("exp2(10.0)", "1024.0")],
        ),
        (
            "expm1",
            formula!(double [x] formulas::expm1(x); single single::expm1(x)).and(complex::EXPM1),
            "exp(x) - 1, exact near 0.",
            &[("expm1(1e-10)", "1.00000000005e-10")],
        ),
        (
            "log",
            formula!(double [x] formulas::log(x); single single::log(x)).and(complex::LOG),
            "The natural logarithm; NaN below 0, -inf at 0.",
            &[("log([1.0, e])", "[0. 1.]")],
        ),
        (
            "log2",
            formula!(double [x] formulas::log2(x); single single::log2(x)).and(complex::LOG2),
            "The logarithm to base 2.",
            &[("log2(1024.0)", "10.0")],
        ),
        (
            "log10",
            formula!(double [x] formulas::log10(x); single single::log10(x)).and(complex::LOG10),
            "The logarithm to base 10.",
            &[("log10(1000.0)", "3.0")],
        ),
        (
            "log1p",
            formula!(double [x] formulas::log1p(x); single single::log1p(x)).and(complex::LOG1P),
            "log(1 + x), exact near 0.",
            &[("log1p(1e-300)", "1e-300")],
        ),
        (
            "sin",
            formula!(double [x] formulas::sin(x); single single::sin(x)).and(complex::SIN),
            "The sine of an angle in radians, of any size.",
            &[("sin([0.0, pi / 2])", "[0. 1.]")],
        ),
        (
            "cos",
            formula!(double [x] formulas::cos(x); single single::cos(x)).and(complex::COS),
            "The cosine of an angle in radians, of any size.",
            &[("cos([0.0, pi])", "[ 1. -1.]")],
        ),
        (
            "tan",
            formula!(double [x] formulas::tan(x); single single::tan(x)).and(complex::TAN),
            "The tangent of an angle in radians, of any size.",
            &[("tan(0.0)", "0.0")],
        ),
        (
            "arcsin",
            formula!(double [x] formulas::asin(x)).and(complex::ASIN),
            "The angle in [-pi/2, pi/2] whose sine is x.",
            &[("arcsin(1.0)", "1.5707963267948966")],
        ),
        (
            "arccos",
            formula!(double [x] formulas::acos(x)).and(complex::ACOS),
            "The angle in [0, pi] whose cosine is x.",
            &[("arccos(-1.0)", "3.141592653589793")],
        ),
        (
            "arctan",
            formula!(double [x] formulas::atan(x)).and(complex::ATAN),
            "The angle in (-pi/2, pi/2) whose tangent is x.",
            &[("arctan(1.0)", "0.7853981633974483")],
        ),
        (
            "sinh",
            formula!(double [x] formulas::sinh(x); single single::sinh(x)).and(complex::SINH),
            "The hyperbolic sine.",
            &[("sinh(0.0)", "0.0")],
        ),
        (
            "cosh",
            formula!(double [x] formulas::cosh(x); single single::cosh(x)).and(complex::COSH),
            "The hyperbolic cosine.",
            &[("cosh(0.0)", "1.0")],
        ),
        (
            "tanh",
            formula!(double [x] formulas::tanh(x); single single::tanh(x)).and(complex::TANH),
            "The hyperbolic tangent.",
            &[("tanh([-inf, 0.0, inf])", "[-1.  0.  1.]")],
        ),
        (
            "arcsinh",
            formula!(double [x] formulas::asinh(x)).and(complex::ASINH),
            "The inverse hyperbolic sine.",
            &[("arcsinh(0.0)", "0.0")],
        ),
        (
            "arccosh",
            formula!(double [x] formulas::acosh(x)).and(complex::ACOSH),
            "The inverse hyperbolic cosine; NaN below 1.",
            &[("arccosh(1.0)", "0.0")],
        ),
        (
            "arctanh",
            formula!(double [x] formulas::atanh(x)).and(complex::ATANH),
            "The inverse hyperbolic tangent; NaN beyond ±1.",
            &[("arctanh(0.0)", "0.0")],
        ),
        (
            "erf",
            formula!(double [x] formulas::erf(x); single single::erf(x)),
            "The error function, 2/sqrt(pi) times the integral of exp(-t²) from 0 to x.",
            &[("erf([0.0, inf])", "[0. 1.]")],
        ),
        (
            "erfc",
            formula!(double [x] formulas::erfc(x)),
            "1 - erf(x), exact for large x.",
            &[("erfc([0.0, inf])", "[1. 0.]")],
        ),
        (
            "reciprocal",
            formula!(float [x] L::constant(1.0).divide(x)).and(Kernels::complex::<a::Reciprocal, 1>()),
            "1 / x, in floats.",
            &[("reciprocal(4.0)", "0.25")],
        ),
        ("radians", RADIANS, "Angles in degrees to radians.", &[("radians(180.0)", "3.141592653589793")]),
        ("deg2rad", RADIANS, "Angles in degrees to radians.", &[("deg2rad(180.0)", "3.141592653589793")]),
        ("degrees", DEGREES, "Angles in radians to degrees.", &[("degrees(pi)", "180.0")]),
        ("rad2deg", DEGREES, "Angles in radians to degrees.", &[("rad2deg(pi)", "180.0")]),
    ];
    for (name, kernels, summary, examples) in unary {
        let typing = if kernels.find(&[DType::C128]).is_some() { typing::analytic } else { typing::floats };
        rows.push(Operation::elementwise(name, &["x"], typing, kernels).summary(summary).examples(examples));
    }
    rows.push(
        Operation::elementwise("arctan2", &["y", "x"], typing::floats, formula!(double [y, x] formulas::atan2(y, x)))
            .summary("The angle in (-pi, pi] of the point (x, y).")
            .examples(&[("arctan2(1.0, -1.0)", "2.356194490192345")]),
    );
    rows.push(
        Operation::elementwise(
            "hypot",
            &["x", "y"],
            typing::floats,
            formula!(double [x, y] formulas::hypot(x, y); single single::hypot(x, y)),
        )
        .summary("sqrt(x² + y²) without overflow.")
        .examples(&[("hypot(3.0, 4.0)", "5.0")]),
    );
    rows.push(
        Operation::elementwise(
            "logaddexp",
            &["x", "y"],
            typing::floats,
            formula!(double [x, y] formulas::log_of_sum_of_exponentials(x, y)),
        )
        .summary("log(exp(x) + exp(y)) without overflow.")
        .examples(&[("logaddexp(1000.0, 1000.0)", "1000.6931471805599")]),
    );
    rows.push(
        Operation::elementwise(
            "logaddexp2",
            &["x", "y"],
            typing::floats,
            formula!(double [x, y] formulas::log2_of_sum_of_powers(x, y)),
        )
        .summary("log2(2 ** x + 2 ** y) without overflow.")
        .examples(&[("logaddexp2(3.0, 3.0)", "4.0")]),
    );
    rows.push(
        Operation::elementwise(
            "heaviside",
            &["x", "middle"],
            typing::floats,
            formula!(float [x, middle] {
                let zero = L::constant(0.0);
                let side = L::select(x.less(zero), zero, L::constant(1.0));
                L::select(x.is_nan(), x, L::select(x.equal(zero), middle, side))
            }),
        )
        .summary("0 below 0, 1 above it, and at 0 the second argument.")
        .examples(&[("heaviside([-2.0, 0.0, 3.0], 0.5)", "[0.  0.5 1. ]")]),
    );
    rows.push(
        Operation::elementwise("fma", &["x", "y", "z"], typing::floats, formula!(float [x, y, z] x.fma(y, z)))
            .summary("x * y + z, rounded once.")
            .examples(&[("fma(2.0, 3.0, 1.0)", "7.0")]),
    );
    rows.push(
        Operation::elementwise("copysign", &["x", "sign"], typing::floats, formula!(float [x, sign] x.copy_sign(sign)))
            .summary("x with the sign of the other.")
            .examples(&[("copysign(3.0, -0.0)", "-3.0")]),
    );
    rows.push(
        Operation::elementwise("nextafter", &["x", "y"], typing::floats, Kernels::float::<a::NextAfter, 2>())
            .summary("The next float after x in the direction of y.")
            .examples(&[("nextafter(1.0, 2.0)", "1.0000000000000002"), ("nextafter(0.0, -1.0)", "-5e-324")]),
    );
    rows.push(
        Operation::elementwise(
            "ldexp",
            &["x", "exponent"],
            scaling,
            formula!(double [x, exponent] formulas::exponential::scaled_by_power(x, exponent)),
        )
        .summary("x times 2 to the power of an integer, rounded once.")
        .examples(&[("ldexp(0.75, 4)", "12.0")]),
    );
    parts(rows);
}

/// A float and an integer, which is taken as a float of the same size.
fn scaling(operands: &[Numeric]) -> typing::Typed {
    match operands[1].dtype.kind() {
        Kind::Signed | Kind::Unsigned => typing::floats(&[operands[0]])
            .map(|typing| Typing { operands: vec![typing.result; 2], result: typing.result }),
        _ => Err(Mismatch { takes: "a float and an integer".into(), help: Some("cast the second: `i64(x)`".into()) }),
    }
}

/// The parts of complex numbers, which real numbers have too.
fn parts(rows: &mut Vec<Operation>) {
    let real = Kernels::number::<a::Real, 1>().and(Kernels::logic::<a::Real, 1>());
    rows.push(
        Operation::elementwise("real", &["z"], typing::magnitude, real.and(Kernels::complex_part::<a::Real, 1>()))
            .property("real")
            .summary("The real part; a real number is its own.")
            .examples(&[("real([1 + 2j, 3])", "[1. 3.]"), ("(1 + 2j).real", "1.0")]),
    );
    let imaginary = Kernels::integer::<a::Imaginary, 1>()
        .and(Kernels::float::<a::Imaginary, 1>())
        .and(Kernels::logic::<a::Imaginary, 1>())
        .and(Kernels::complex_part::<a::Imaginary, 1>());
    rows.push(
        Operation::elementwise("imag", &["z"], typing::magnitude, imaginary)
            .property("imag")
            .summary("The imaginary part; 0 for a real number.")
            .examples(&[("imag([1 + 2j, 3])", "[2. 0.]")]),
    );
    rows.push(
        Operation::elementwise("conj", &["z"], typing::conjugate, real.and(Kernels::complex::<a::Conjugate, 1>()))
            .summary("The complex conjugate; a real number is its own.")
            .examples(&[("conj([1 + 2j, 3])", "[1.-2.j 3.-0.j]")]),
    );
}
