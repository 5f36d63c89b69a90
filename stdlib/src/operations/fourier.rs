//! Discrete Fourier transforms.

use super::joining::{concatenate, rolled_by};
use super::views::permuted;
use crate::linear_algebra::fourier;
use crate::operation::{Expansion, Operation, optional, required};
use crate::typing::real_of;
use thalweg_lang::declaration::{Call, Default, Operand, Parameter};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Kind, Scalar};
use thalweg_lang::graph::Attribute;
use thalweg_lang::length::{Length, Polynomial};
use thalweg_lang::types::Type;
use thalweg_lang::value::Value;

type Ruled = Result<Value<Operand>, Diagnostic>;

const PARAMETERS: &str = "`n` is the transform's length: the axis is cut to it, or zeros follow. `norm` says which direction divides by n: \
                          \"backward\" (the inverse), \"forward\", or \"ortho\" (each by its root). f32 gives c64, anything else c128.";

const TWO: &str = "`s` are the two lengths: the axes are cut to them, or zeros follow. `norm` is as in `fft`.";

pub(super) fn rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::function("fft", along(), |build, call| transform(build, call, Kind::Complex), fourier::forward)
            .summary("The discrete Fourier transform along an axis.")
            .text(PARAMETERS)
            .examples(&[("fft([1.0, 0.0, 0.0, 0.0])", "[1.+0.j 1.+0.j 1.+0.j 1.+0.j]")]),
    );
    rows.push(
        Operation::function("ifft", along(), |build, call| transform(build, call, Kind::Complex), fourier::inverse)
            .summary("The inverse discrete Fourier transform along an axis.")
            .text(PARAMETERS)
            .examples(&[("ifft([4.0, 0.0, 0.0, 0.0])", "[1.+0.j 1.+0.j 1.+0.j 1.+0.j]")]),
    );
    rows.push(
        Operation::function("rfft", along(), rfft, fourier::of_reals)
            .summary("The first n // 2 + 1 elements of the Fourier transform of real numbers; the others are their conjugates.")
            .text(PARAMETERS)
            .examples(&[("rfft([1.0, 2.0, 4.0, 8.0])", "[15.+0.j -3.+6.j -5.+0.j]")]),
    );
    rows.push(
        Operation::function("irfft", along(), irfft, fourier::to_reals)
            .summary("The real numbers whose `rfft` is given; 2 * (m - 1) of them unless `n` says otherwise.")
            .text(PARAMETERS)
            .examples(&[("irfft([1.0, 1.0, 1.0])", "[1. 0. 0. 0.]")]),
    );
    rows.push(
        Operation::function("fft2", over_two(), two, fourier::forward)
            .summary("The discrete Fourier transform over two axes, the last two unless others are given.")
            .text(TWO)
            .examples(&[("fft2([[1.0, 0.0], [0.0, 0.0]])", "[[1.+0.j 1.+0.j]\n [1.+0.j 1.+0.j]]")]),
    );
    rows.push(
        Operation::function("ifft2", over_two(), two, fourier::inverse)
            .summary("The inverse discrete Fourier transform over two axes.")
            .text(TWO)
            .examples(&[("ifft2([[4.0, 0.0], [0.0, 0.0]])", "[[1.+0.j 1.+0.j]\n [1.+0.j 1.+0.j]]")]),
    );
    rows.push(
        Operation::function("fftshift", over_axes(), |build, call| shift(build, call, "positive"), concatenate)
            .summary("The elements moved by half an axis, so that frequency 0 is in the middle; along all axes or those given.")
            .examples(&[("fftshift([0, 1, 2, -2, -1])", "[-2 -1  0  1  2]")]),
    );
    rows.push(
        Operation::function("ifftshift", over_axes(), |build, call| shift(build, call, "negative"), concatenate)
            .summary("The elements moved back from where `fftshift` puts them.")
            .examples(&[("ifftshift([-2, -1, 0, 1, 2])", "[ 0  1  2 -2 -1]")]),
    );
}

fn over_axes() -> Vec<Parameter> {
    vec![required("x"), optional("axes", Default::None)]
}

/// Every axis moved by half its length, with the sign that an operation gives it.
fn shift(build: &mut Expansion, call: &Call, sign: &str) -> Ruled {
    let mut x = build.array(call, 0)?;
    let source = build.type_of(x);
    for axis in build.axes(call, 1, &source)? {
        let length = build.length_value(&source.shape[axis], call.span);
        let two = build.constant(Scalar::i64(2), true, call.span);
        let half = build.elementwise("floor_divide", &[length, two], call.span)?;
        let half = build.elementwise(sign, &[half], call.span)?;
        x = rolled_by(build, call, x, &Value::Array(half), axis)?;
    }
    Ok(Value::Array(x))
}

fn along() -> Vec<Parameter> {
    vec![
        required("a"),
        optional("n", Default::None),
        optional("axis", Default::Integer(-1)),
        optional("norm", Default::Text("backward")),
    ]
}

fn over_two() -> Vec<Parameter> {
    vec![
        required("a"),
        optional("s", Default::None),
        optional("axes", Default::None),
        optional("norm", Default::Text("backward")),
    ]
}

/// The operand in the dtype that is transformed: real parts in f32 or f64.
fn operand(build: &mut Expansion, call: &Call, kind: Kind) -> Result<Operand, Diagnostic> {
    let operand = build.array(call, 0)?;
    let source = build.type_of(operand);
    let span = call.arguments[0].span;
    if source.rank() == 0 {
        let message = format!("`{}` takes an array with an axis, and this is a scalar", call.name);
        return Err(Diagnostic::error("E0303", message, span, source.to_string()).help("write `[x]`"));
    }
    let real = if source.dtype.is_integral() { DType::F64 } else { real_of(source.dtype) };
    let dtype = match (kind, real) {
        (Kind::Complex, DType::F32) => DType::C64,
        (Kind::Complex, _) => DType::C128,
        _ if source.dtype.kind() == Kind::Complex => {
            let message = format!("`{}` takes real numbers, not {}", call.name, source.dtype);
            let help = "`fft(a)` transforms complex numbers; `real(a)` are the real parts";
            return Err(Diagnostic::error("E0302", message, span, source.to_string()).help(help));
        }
        (_, real) => real,
    };
    let operand = build.convert(operand, dtype, span)?;
    Ok(Operand { weak: false, ..operand })
}

/// The argument `norm`, for the function.
fn norm(build: &Expansion, call: &Call) -> Result<Attribute<Length>, Diagnostic> {
    let norm = build.text(call, 3)?;
    if ["backward", "ortho", "forward"].contains(&&*norm) {
        return Ok(Attribute::Text(norm));
    }
    let message = format!("`{}` has no norm \"{norm}\"", call.name);
    let help = "write `norm=\"backward\"`, `norm=\"ortho\"` or `norm=\"forward\"`";
    Err(Diagnostic::error("E0303", message, call.arguments[3].span, "").help(help))
}

/// A length of at least 1.
fn at_least_one(build: &mut Expansion, call: &Call, index: usize, length: Length) -> Result<Length, Diagnostic> {
    if !length.is(0) {
        build.not_empty(call, &length, call.arguments[index].span);
        return Ok(length);
    }
    let message = format!("`{}` of nothing has no value", call.name);
    Err(Diagnostic::error("E0310", message, call.arguments[index].span, "")
        .help("check the shape first: `if a.size > 0 { … } else { … }`"))
}

/// The argument `n`; `None` when it is not given.
fn length(build: &mut Expansion, call: &Call) -> Result<Option<Length>, Diagnostic> {
    if matches!(call.arguments[1].value, Value::None) {
        return Ok(None);
    }
    let written = build.polynomial(call, 1)?;
    let span = call.arguments[1].span;
    match Length::of(written.clone()) {
        Some(length) => at_least_one(build, call, 1, length).map(Some),
        None => Err(Diagnostic::error("E0309", format!("a length cannot be negative: {written}"), span, "")),
    }
}

/// The call's function along one axis, which it gives another length.
fn along_axis(
    build: &mut Expansion,
    call: &Call,
    operand: Operand,
    axis: usize,
    to: (DType, Length),
    attributes: Vec<Attribute<Length>>,
) -> Operand {
    let rank = build.type_of(operand).rank();
    // The axis goes last, and back: the two exchange places.
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(axis, rank - 1);
    let turned = permuted(build, operand, &order, call.span);
    let mut shape = build.type_of(turned).shape;
    shape[rank - 1] = to.1;
    let result = build.apply(call, &[turned], attributes, vec![Type::new(to.0, shape)])[0];
    permuted(build, result, &order, call.span)
}

fn axis_of(build: &Expansion, call: &Call, source: &Type) -> Result<usize, Diagnostic> {
    let number = build.integer(call, 2)?;
    build.axis(number, source.rank(), call.arguments[2].span, source)
}

fn transform(build: &mut Expansion, call: &Call, kind: Kind) -> Ruled {
    let operand = operand(build, call, kind)?;
    let source = build.type_of(operand);
    let axis = axis_of(build, call, &source)?;
    let length = match length(build, call)? {
        Some(length) => length,
        None => at_least_one(build, call, 0, source.shape[axis].clone())?,
    };
    let attributes = vec![norm(build, call)?];
    Ok(Value::Array(along_axis(build, call, operand, axis, (source.dtype, length), attributes)))
}

fn rfft(build: &mut Expansion, call: &Call) -> Ruled {
    let operand = operand(build, call, Kind::Float)?;
    let source = build.type_of(operand);
    let axis = axis_of(build, call, &source)?;
    let length = match length(build, call)? {
        Some(length) => length,
        None => at_least_one(build, call, 0, source.shape[axis].clone())?,
    };
    let half = build.quotient(&(&length).into(), &2.into(), call.span)?.plus(&1.into());
    let half = Length::of(half).unwrap_or(Length::Known(1));
    let dtype = if source.dtype == DType::F32 { DType::C64 } else { DType::C128 };
    let attributes = vec![norm(build, call)?, Attribute::Shape(vec![length])];
    Ok(Value::Array(along_axis(build, call, operand, axis, (dtype, half), attributes)))
}

fn irfft(build: &mut Expansion, call: &Call) -> Ruled {
    let operand = operand(build, call, Kind::Complex)?;
    let source = build.type_of(operand);
    let axis = axis_of(build, call, &source)?;
    let length = match length(build, call)? {
        Some(length) => length,
        None => {
            let twice = Polynomial::from(&source.shape[axis]).minus(&1.into()).scaled(2);
            at_least_one(build, call, 0, Length::of(twice).unwrap_or(0.into()))?
        }
    };
    let attributes = vec![norm(build, call)?, Attribute::Shape(vec![length.clone()])];
    let to = (real_of(source.dtype), length);
    Ok(Value::Array(along_axis(build, call, operand, axis, to, attributes)))
}

/// Two integers: a tuple that is given, or `none`.
fn pair_of(build: &Expansion, call: &Call, index: usize) -> Result<Option<[i64; 2]>, Diagnostic> {
    if matches!(call.arguments[index].value, Value::None) {
        return Ok(None);
    }
    match build.integers(call, index)?[..] {
        [first, second] => Ok(Some([first, second])),
        _ => {
            let message = format!("`{}` takes two numbers here", call.name);
            Err(Diagnostic::error("E0303", message, call.arguments[index].span, "").help("write `(8, 8)`"))
        }
    }
}

fn two(build: &mut Expansion, call: &Call) -> Ruled {
    let mut operand = operand(build, call, Kind::Complex)?;
    let source = build.type_of(operand);
    if source.rank() < 2 {
        let message = format!("`{}` takes an array of at least two axes, not {source}", call.name);
        let diagnostic = Diagnostic::error("E0303", message, call.arguments[0].span, source.to_string());
        return Err(diagnostic.help("`fft(a)` transforms along one axis"));
    }
    let lengths = pair_of(build, call, 1)?;
    let axes = pair_of(build, call, 2)?.unwrap_or([-2, -1]);
    for index in [1, 0] {
        let axis = build.axis(axes[index], source.rank(), call.arguments[2].span, &source)?;
        let length = match lengths {
            None => at_least_one(build, call, 0, source.shape[axis].clone())?,
            Some(lengths) => match usize::try_from(lengths[index]) {
                Ok(length) => at_least_one(build, call, 1, length.into())?,
                Err(_) => {
                    let message = format!("a length cannot be negative: {}", lengths[index]);
                    return Err(Diagnostic::error("E0309", message, call.arguments[1].span, ""));
                }
            },
        };
        let attributes = vec![norm(build, call)?];
        operand = along_axis(build, call, operand, axis, (source.dtype, length), attributes);
    }
    Ok(Value::Array(operand))
}
