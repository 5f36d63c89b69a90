//! Random numbers: counter-based, so that they fuse, split freely, and are the same on every executor.

use crate::formulas;
use crate::operation::{Expansion, Operation, optional, required, variadic};
use std::hash::{BuildHasher, Hasher};
use thalweg_lang::declaration::{Call, Default, Mismatch, Operand, Typing};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::length::Length;
use thalweg_lang::promotion::Numeric;
use thalweg_lang::types::Type;
use thalweg_lang::value::Value;

/// Where a session keeps its stream: the seed, and the number of draws so far. No program can write a name with a blank.
pub(crate) const STREAM: &str = "random stream";

/// A stream that no other session has.
pub(crate) fn initial_stream() -> (Scalar, Scalar) {
    let seed = std::collections::hash_map::RandomState::new().build_hasher().finish();
    (Scalar::u64(seed), Scalar::u64(0))
}

pub(super) fn rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::expand("seed", vec![required("number")], |build, call| {
            let number = build.integer(call, 0)?;
            let seed = build.constant(Scalar::u64(number as u64), false, call.span);
            let draws = build.constant(Scalar::u64(0), false, call.span);
            build.set_hidden(STREAM, Value::Tuple(vec![Value::Array(seed), Value::Array(draws)]), call)?;
            Ok(Value::None)
        })
        .summary("Starts the session's stream of random numbers anew: equal seeds, equal numbers.")
        .examples(&[("seed(7); a = rand(3); seed(7); all(a == rand(3))", "true")]),
    );
    rows.push(
        Operation::expand("rand", vec![variadic("shape"), optional("dtype", Default::DType(DType::F64))], rand)
            .summary("Uniform random numbers in [0, 1) from the session's stream.")
            .text(
                "Philox4x32-10 (Salmon et al., 2011), keyed by the seed and the draw, counted by the element's index.",
            )
            .examples(&[("seed(1); x = rand(1000); 0.4 < mean(x) < 0.6", "true")]),
    );
    rows.push(
        Operation::expand("randn", vec![variadic("shape"), optional("dtype", Default::DType(DType::F64))], randn)
            .summary("Random numbers of the standard normal distribution from the session's stream.")
            .examples(&[("seed(1); x = randn(1000); abs(mean(x)) < 0.2", "true")]),
    );
    rows.push(
        Operation::expand("randint", vec![required("low"), required("high"), variadic("shape")], randint)
            .summary("Random i64 from low up to and without high, from the session's stream.")
            .examples(&[("seed(1); x = randint(0, 6, 100); min(x) >= 0 and max(x) < 6", "true")]),
    );
    rows.push(
        Operation::elementwise("random_bits", &["index", "seed", "draw"], words, formulas::random::BITS)
            .summary("The 64 random bits of an index, a seed and a draw (u64 each).")
            .examples(&[("random_bits(0, 0, 0)", "16242730742183356629")]),
    );
}

/// Three u64 to one.
fn words(_: &[Numeric]) -> Result<Typing, Mismatch> {
    Ok(Typing { operands: vec![DType::U64; 3], result: DType::U64 })
}

/// Random bits of a shape: one draw of the session's stream.
fn draw(build: &mut Expansion, call: &Call, shape: Vec<Length>) -> Result<Operand, Diagnostic> {
    let Some(Value::Tuple(stream)) = build.hidden(STREAM, call.span) else {
        return Err(Diagnostic::error("E0401", "this session has no random numbers", call.span, ""));
    };
    let [Value::Array(seed), Value::Array(draws)] = stream.as_slice() else {
        return Err(Diagnostic::error("E0401", "this session has no random numbers", call.span, ""));
    };
    let one = build.constant(Scalar::u64(1), false, call.span);
    let next = build.elementwise("add", &[*draws, one], call.span)?;
    build.set_hidden(STREAM, Value::Tuple(vec![Value::Array(*seed), Value::Array(next)]), call)?;
    let count = Length::of(Type::new(DType::U64, shape.clone()).count()).unwrap_or(Length::Known(0));
    let index = build.iota(count, call.span);
    let index = build.cast(index, DType::U64, call.span);
    let bits = build.elementwise("random_bits", &[index, *seed, *draws], call.span)?;
    Ok(build.reshape(bits, shape, call.span))
}

/// Bits to uniform numbers in [0, 1): the top 53 bits times 2^-53.
fn uniform(build: &mut Expansion, call: &Call, bits: Operand) -> Result<Operand, Diagnostic> {
    let shift = build.constant(Scalar::u64(11), false, call.span);
    let top = build.elementwise("right_shift", &[bits, shift], call.span)?;
    let float = build.cast(top, DType::F64, call.span);
    let unit = build.constant(Scalar::f64(1.0 / (1u64 << 53) as f64), false, call.span);
    build.elementwise("multiply", &[float, unit], call.span)
}

fn float_dtype(build: &Expansion, call: &Call) -> Result<DType, Diagnostic> {
    match build.dtype(call, 1)? {
        None | Some(DType::F64) => Ok(DType::F64),
        Some(DType::F32) => Ok(DType::F32),
        Some(other) => {
            let message = format!("`{}` gives f64 or f32, not {other}", call.name);
            let diagnostic = Diagnostic::error("E0302", message, call.arguments[1].span, "");
            Err(diagnostic.help("for integers write `randint(low, high, n)`"))
        }
    }
}

fn rand(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let dtype = float_dtype(build, call)?;
    let shape = build.new_shape(call, 0)?;
    let bits = draw(build, call, shape)?;
    if dtype == DType::F32 {
        // 24 bits: all that the mantissa holds, so that nothing rounds up to 1.
        let shift = build.constant(Scalar::u64(40), false, call.span);
        let top = build.elementwise("right_shift", &[bits, shift], call.span)?;
        let float = build.cast(top, DType::F32, call.span);
        let unit = build.constant(Scalar::f64(1.0 / (1u64 << 24) as f64).cast(DType::F32), false, call.span);
        return build.elementwise("multiply", &[float, unit], call.span).map(Value::Array);
    }
    uniform(build, call, bits).map(Value::Array)
}

fn randn(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let dtype = float_dtype(build, call)?;
    let shape = build.new_shape(call, 0)?;
    // The Box-Muller transform of two draws; 1 - u keeps the logarithm's argument above 0.
    let radius_bits = draw(build, call, shape.clone())?;
    let angle_bits = draw(build, call, shape)?;
    let radius_uniform = uniform(build, call, radius_bits)?;
    let angle_uniform = uniform(build, call, angle_bits)?;
    let span = call.span;
    let one = build.constant(Scalar::f64(1.0), false, span);
    let positive = build.elementwise("subtract", &[one, radius_uniform], span)?;
    let logarithm = build.elementwise("log", &[positive], span)?;
    let minus_two = build.constant(Scalar::f64(-2.0), false, span);
    let squared = build.elementwise("multiply", &[minus_two, logarithm], span)?;
    let radius = build.elementwise("sqrt", &[squared], span)?;
    let turn = build.constant(Scalar::f64(std::f64::consts::TAU), false, span);
    let angle = build.elementwise("multiply", &[turn, angle_uniform], span)?;
    let cosine = build.elementwise("cos", &[angle], span)?;
    let normal = build.elementwise("multiply", &[radius, cosine], span)?;
    Ok(Value::Array(build.cast(normal, dtype, span)))
}

fn randint(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let (low, high) = (build.integer(call, 0)?, build.integer(call, 1)?);
    if high <= low {
        let place = call.arguments[0].span.to(call.arguments[1].span);
        let message = format!("there is no integer from {low} up to and without {high}");
        let help = match high < low {
            true => format!("the lower bound stands first: `{high}, {low}`"),
            false => format!("the upper bound is left out itself: `{low}, {}`", high.saturating_add(1)),
        };
        return Err(Diagnostic::error("E0309", message, place, "").help(help));
    }
    let shape = build.new_shape(call, 2)?;
    let bits = draw(build, call, shape)?;
    let span = call.span;
    let width = (high as i128 - low as i128) as u64;
    // The remainder of 64 bits: its bias is below width / 2^64.
    let width = build.constant(Scalar::u64(width), false, span);
    let remainder = build.elementwise("remainder", &[bits, width], span)?;
    let offset = build.cast(remainder, DType::I64, span);
    let low = build.constant(Scalar::i64(low), false, span);
    build.elementwise("add", &[offset, low], span).map(Value::Array)
}
