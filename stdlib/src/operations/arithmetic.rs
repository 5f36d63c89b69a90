//! Arithmetic: the operators on numbers and bits.

use crate::formula;
use crate::formulas::{self, arithmetic as a};
use crate::operation::{Expansion, Operation, required};
use crate::typing;
use thalweg_lang::declaration::{Call, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{Kind, Scalar};
use thalweg_lang::promotion::common;
use thalweg_lang::value::Value;
use thalweg_runtime::kernel::{ComplexFormula, Kernels, LogicFormula, NumberFormula};

pub(super) fn rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::elementwise(
            "add",
            &["x", "y"],
            typing::any,
            Kernels::number::<a::Add, 2>().and(Kernels::logic::<a::Or, 2>()).and(Kernels::complex::<a::Add, 2>()),
        )
        .operator("+", 2)
        .summary("The sum; integers wrap, bools give `or`.")
        .examples(&[("[1, 2, 3] + 0.5", "[1.5 2.5 3.5]"), ("u8(255) + u8(1)", "0")]),
    );
    rows.push(
        Operation::elementwise(
            "subtract",
            &["x", "y"],
            typing::numbers,
            Kernels::number::<a::Subtract, 2>().and(Kernels::complex::<a::Subtract, 2>()),
        )
        .operator("-", 2)
        .summary("The difference; integers wrap.")
        .examples(&[("[1, 2, 3] - 1", "[0 1 2]")]),
    );
    rows.push(
        Operation::elementwise(
            "multiply",
            &["x", "y"],
            typing::any,
            Kernels::number::<a::Multiply, 2>()
                .and(Kernels::logic::<a::And, 2>())
                .and(Kernels::complex::<a::Multiply, 2>()),
        )
        .operator("*", 2)
        .summary("The product; integers wrap, bools give `and`.")
        .examples(&[("[1, 2, 3] * 2", "[2 4 6]")]),
    );
    rows.push(
        Operation::elementwise(
            "divide",
            &["x", "y"],
            typing::division,
            Kernels::float::<a::Divide, 2>().and(Kernels::complex::<a::Divide, 2>()),
        )
        .operator("/", 2)
        .summary("The quotient as a float; integers divide in f64.")
        .examples(&[("7 / 2", "3.5"), ("1 / 0.0", "inf")]),
    );
    rows.push(
        Operation::elementwise(
            "floor_divide",
            &["x", "y"],
            typing::floor_division,
            Kernels::float::<a::FloorDivide, 2>().and(Kernels::whole::<a::FloorDivide, 2>()),
        )
        .operator("//", 2)
        .summary("The quotient rounded down; an integer by zero is an error.")
        .examples(&[("-7 // 2", "-4"), ("7.5 // 2", "3.0")]),
    );
    rows.push(
        Operation::elementwise(
            "remainder",
            &["x", "y"],
            typing::floor_division,
            Kernels::float::<a::Remainder, 2>().and(Kernels::whole::<a::Remainder, 2>()),
        )
        .operator("%", 2)
        .summary("What floor division leaves, with the divisor's sign; an integer by zero is an error.")
        .examples(&[("-7 % 3", "2"), ("[5.5, -5.5] % 2", "[1.5 0.5]")]),
    );
    rows.push(
        Operation::elementwise(
            "fmod",
            &["x", "y"],
            typing::floor_division,
            Kernels::float::<a::TruncatedRemainder, 2>().and(Kernels::whole::<a::TruncatedRemainder, 2>()),
        )
        .summary("What division towards zero leaves, with x's sign (C's fmod); an integer by zero is an error.")
        .examples(&[("fmod([-7, 7], 3)", "[-1  1]")]),
    );
    rows.push(
        Operation::expand("power", vec![required("x"), required("y")], power)
            .operator("**", 2)
            .summary("x to the power of y; integers stay integers and wrap.")
            .text("Small whole powers of integers and floats are products, those of complex numbers below 100 too. An integer array has no negative powers: cast it to a float first.")
            .examples(&[("2 ** 10", "1024"), ("[1.0, 2.0, 3.0] ** 2", "[1. 4. 9.]"), ("2 ** -1", "0.5"), ("1j ** 2", "(-1+0j)")]),
    );
    rows.push(
        Operation::elementwise(
            "float_power",
            &["x", "y"],
            typing::analytic,
            formula!(double [x, y] formulas::power(x, y)).and(formulas::complex::POWER),
        )
        .summary("x to the power of y in floats or complex numbers.")
        .examples(&[("float_power(2, 0.5)", "1.4142135623730951")]),
    );
    rows.push(
        Operation::elementwise("integer_power", &["x", "y"], typing::integers, Kernels::whole::<a::Power, 2>())
            .summary("x to the power of y in integers, wrapping; a negative power is an error.")
            .examples(&[("integer_power(3, 4)", "81")]),
    );
    rows.push(
        Operation::elementwise(
            "negative",
            &["x"],
            typing::numbers,
            Kernels::number::<a::Negative, 1>().and(Kernels::complex::<a::Negative, 1>()),
        )
        .operator("-", 1)
        .summary("-x; unsigned integers wrap.")
        .examples(&[("-[1, -2]", "[-1  2]")]),
    );
    rows.push(
        Operation::elementwise(
            "positive",
            &["x"],
            typing::numbers,
            Kernels::number::<a::Positive, 1>().and(Kernels::complex::<a::Positive, 1>()),
        )
        .operator("+", 1)
        .summary("x itself.")
        .examples(&[("+3", "3")]),
    );
    rows.push(
        Operation::elementwise(
            "abs",
            &["x"],
            typing::magnitude,
            Kernels::float::<a::Absolute, 1>()
                .and(Kernels::integer::<a::Absolute, 1>())
                .and(formula!(logic [x] x))
                .and(formulas::complex::MAGNITUDE),
        )
        .summary("The magnitude.")
        .examples(&[("abs([-1.5, 2.0])", "[1.5 2. ]")]),
    );
    rows.push(
        Operation::elementwise(
            "sign",
            &["x"],
            typing::numbers,
            Kernels::float::<a::Sign, 1>().and(Kernels::integer::<a::Sign, 1>()).and(formulas::complex::SIGN),
        )
        .summary("-1, 0 or 1 in x's dtype; NaN stays; x / abs(x) for complex x.")
        .examples(&[("sign([-2.5, 0.0, 3.0])", "[-1.  0.  1.]")]),
    );
    for (name, kernels, summary, examples) in [
        (
            "minimum",
            extremes::<a::Minimum, a::Minimum>(),
            "The lesser of x and y; NaN if either is.",
            &[("minimum([1.0, nan], 0.5)", "[0.5 nan]")],
        ),
        (
            "maximum",
            extremes::<a::Maximum, a::Maximum>(),
            "The greater of x and y; NaN if either is.",
            &[("maximum([1, 5], 3)", "[3 5]")],
        ),
        (
            "fmin",
            extremes::<a::Fmin, a::Minimum>(),
            "The lesser of x and y; NaN only if both are.",
            &[("fmin([1.0, nan], 0.5)", "[0.5 0.5]")],
        ),
        (
            "fmax",
            extremes::<a::Fmax, a::Maximum>(),
            "The greater of x and y; NaN only if both are.",
            &[("fmax([1.0, nan], 0.5)", "[1.  0.5]")],
        ),
    ] {
        rows.push(Operation::elementwise(name, &["x", "y"], typing::any, kernels).summary(summary).examples(examples));
    }
    bit_rows(rows);
}

/// The kernels of the lesser or the greater of two; complex numbers are ordered by their real parts first.
const fn extremes<F: NumberFormula<2> + ComplexFormula<2>, G: LogicFormula<2>>() -> Kernels {
    Kernels::number::<F, 2>().and(Kernels::logic::<G, 2>()).and(Kernels::complex::<F, 2>())
}

fn bit_rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::elementwise(
            "bitwise_and",
            &["x", "y"],
            typing::bits,
            Kernels::integer::<a::And, 2>().and(Kernels::logic::<a::And, 2>()),
        )
        .operator("&", 2)
        .summary("The bits that both have; on bools, `and`.")
        .examples(&[("12 & 10", "8")]),
    );
    rows.push(
        Operation::elementwise(
            "bitwise_or",
            &["x", "y"],
            typing::bits,
            Kernels::integer::<a::Or, 2>().and(Kernels::logic::<a::Or, 2>()),
        )
        .operator("|", 2)
        .summary("The bits that either has; on bools, `or`.")
        .examples(&[("12 | 10", "14")]),
    );
    rows.push(
        Operation::elementwise(
            "bitwise_xor",
            &["x", "y"],
            typing::bits,
            Kernels::integer::<a::Xor, 2>().and(Kernels::logic::<a::Xor, 2>()),
        )
        .operator("^", 2)
        .summary("The bits that exactly one has.")
        .examples(&[("12 ^ 10", "6")]),
    );
    rows.push(
        Operation::elementwise(
            "invert",
            &["x"],
            typing::bits,
            Kernels::integer::<a::Not, 1>().and(Kernels::logic::<a::Not, 1>()),
        )
        .operator("~", 1)
        .summary("The bits that x has not; on bools, `not`.")
        .examples(&[("~5", "-6")]),
    );
    rows.push(
        Operation::elementwise("left_shift", &["x", "count"], typing::integers, Kernels::integer::<a::LeftShift, 2>())
            .operator("<<", 2)
            .summary("The bits moved up; a count of the width or more gives 0.")
            .examples(&[("1 << 10", "1024")]),
    );
    rows.push(
        Operation::elementwise(
            "right_shift",
            &["x", "count"],
            typing::integers,
            Kernels::integer::<a::RightShift, 2>(),
        )
        .operator(">>", 2)
        .summary("The bits moved down, the sign kept.")
        .examples(&[("-16 >> 2", "-4")]),
    );
    rows.push(
        Operation::elementwise("bit_count", &["x"], typing::integers, Kernels::whole::<a::BitCount, 1>())
            .summary("How many bits of x's magnitude are set, in x's dtype.")
            .examples(&[("bit_count([7, -8])", "[3 1]")]),
    );
    rows.push(
        Operation::elementwise("gcd", &["x", "y"], typing::strict_integers, Kernels::whole::<a::Gcd, 2>())
            .summary("The greatest common divisor.")
            .examples(&[("gcd(12, 18)", "6")]),
    );
    rows.push(
        Operation::elementwise("lcm", &["x", "y"], typing::strict_integers, Kernels::whole::<a::Lcm, 2>())
            .summary("The least common multiple.")
            .examples(&[("lcm(4, 6)", "12")]),
    );
}

/// Small whole powers are products; other integers go to `integer_power`, floats to roots or `float_power`.
fn power(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let (x, y) = (build.array(call, 0)?, build.array(call, 1)?);
    let numerics = [x, y]
        .map(|operand| thalweg_lang::promotion::Numeric { dtype: build.type_of(operand).dtype, weak: operand.weak });
    let meeting = common(&numerics);
    let exponent = build.constant_of(y);
    let is_negative = exponent.and_then(|scalar| scalar.as_integer()).is_some_and(|whole| whole < 0);
    let power = match meeting.dtype.kind() {
        Kind::Float | Kind::Complex => {
            let x = build.convert(x, meeting.dtype, call.arguments[0].span)?;
            float_power(build, call, x, exponent.filter(|_| y.weak))?
        }
        _ if is_negative && x.weak => build.elementwise("float_power", &[x, y], call.span)?,
        _ if is_negative => {
            let message = "an integer has no negative integer powers";
            let found = build.describe(&call.arguments[0].value);
            let diagnostic = Diagnostic::error("E0317", message, call.arguments[1].span, "");
            return Err(diagnostic.label(call.arguments[0].span, found).help("cast it first: `f64(x) ** -1`"));
        }
        Kind::Signed | Kind::Unsigned => {
            let x = build.convert(x, meeting.dtype, call.arguments[0].span)?;
            match product_power(build, call, x, exponent.filter(|_| y.weak))? {
                Some(power) => power,
                None => build.elementwise_call("integer_power", call)?,
            }
        }
        _ => build.elementwise_call("integer_power", call)?,
    };
    Ok(Value::Array(Operand { weak: meeting.weak, ..power }))
}

/// Products for the exponents that users write most, where they are known; of floats each is within 2 ULP.
fn product_power(
    build: &mut Expansion,
    call: &Call,
    x: Operand,
    exponent: Option<Scalar>,
) -> Result<Option<Operand>, Diagnostic> {
    let span = call.span;
    let power = match exponent.and_then(real_part) {
        Some(1.0) => x,
        Some(2.0) => build.elementwise("multiply", &[x, x], span)?,
        Some(3.0) => {
            let square = build.elementwise("multiply", &[x, x], span)?;
            build.elementwise("multiply", &[square, x], span)?
        }
        Some(4.0) => {
            let square = build.elementwise("multiply", &[x, x], span)?;
            build.elementwise("multiply", &[square, square], span)?
        }
        _ => return Ok(None),
    };
    Ok(Some(power))
}

/// A power of floats or complex numbers.
fn float_power(
    build: &mut Expansion,
    call: &Call,
    x: Operand,
    exponent: Option<Scalar>,
) -> Result<Operand, Diagnostic> {
    if let Some(power) = product_power(build, call, x, exponent)? {
        return Ok(power);
    }
    match exponent.and_then(real_part) {
        Some(0.5) => build.elementwise("sqrt", &[x], call.span),
        Some(-1.0) => build.elementwise("reciprocal", &[x], call.span),
        _ => build.elementwise_call("float_power", call),
    }
}

/// The number, if it is real.
fn real_part(number: Scalar) -> Option<f64> {
    let (real, imaginary) = number.as_complex();
    (imaginary == 0.0).then_some(real)
}
