//! Random numbers: counter-based, so that they fuse, split freely, and are the same on every executor.
//!
//! A stream is a key and the number of its draws so far. The session has one, behind `rand` and the like; a generator is one as a
//! value.

use crate::formulas::random::{BITS, NORMAL, UNIFORM};
use crate::operation::{Expansion, Operation, optional, required, variadic};
use std::hash::{BuildHasher, Hasher};
use thalweg_lang::declaration::{Call, Default, Mismatch, Operand, Parameter, Typing};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Kind, Scalar};
use thalweg_lang::graph::SourceAxis;
use thalweg_lang::length::Length;
use thalweg_lang::promotion::Numeric;
use thalweg_lang::types::Type;
use thalweg_lang::value::Value;

/// Where a session keeps its stream: the seed, and the number of draws so far. No program can write a name with a blank.
pub(crate) const STREAM: &str = "random stream";

/// The draw of a seed's own stream that gives the keys of its further ones: none that a program reaches by counting.
const KEYS: u64 = u64::MAX;

/// A stream that no other session has.
pub(crate) fn initial_stream() -> (Scalar, Scalar) {
    let seed = std::collections::hash_map::RandomState::new().build_hasher().finish();
    (Scalar::u64(seed), Scalar::u64(0))
}

const PHILOX: &str =
    "Philox4x32-10 (Salmon et al., 2011), keyed by the stream, counted by the draw and the element's index.";

pub(super) fn rows(rows: &mut Vec<Operation>) {
    session_rows(rows);
    generator_rows(rows);
    for (name, kernels, result, summary, examples) in [
        (
            "random_bits",
            BITS,
            words as fn(&[Numeric]) -> Result<Typing, Mismatch>,
            "The 64 random bits of an index, a key and a draw (u64 each).",
            &[("random_bits(0, 0, 0)", "16242730742183356629")],
        ),
        (
            "random_uniform",
            UNIFORM,
            numbers,
            "The number in [0, 1) of an index, a key and a draw (u64 each).",
            &[("random_uniform(0, 0, 0)", "0.8805201978886142")],
        ),
        (
            "random_normal",
            NORMAL,
            numbers,
            "The number of the standard normal distribution of an index, a key and a draw (u64 each).",
            &[("random_normal(0, 0, 0)", "-1.6249634408710398")],
        ),
    ] {
        let row = Operation::elementwise(name, &["index", "key", "draw"], result, kernels);
        rows.push(row.summary(summary).text(PHILOX).examples(examples));
    }
}

fn session_rows(rows: &mut Vec<Operation>) {
    let floats = || vec![variadic("shape"), optional("dtype", Default::DType(DType::F64))];
    rows.push(
        Operation::expand("seed", vec![required("number")], |build, call| {
            let number = build.integer(call, 0)?;
            let key = build.constant(Scalar::u64(number as u64), false, call.span);
            let draws = build.constant(Scalar::u64(0), false, call.span);
            build.set_hidden(STREAM, Value::Tuple(vec![Value::Array(key), Value::Array(draws)]), call)?;
            Ok(Value::None)
        })
        .summary("Starts the session's stream of random numbers anew: equal seeds, equal numbers.")
        .examples(&[("seed(7); a = rand(3); seed(7); all(a == rand(3))", "true")]),
    );
    rows.push(
        Operation::expand("rand", floats(), |build, call| {
            let (dtype, shape) = (float_dtype(build, call, 1)?, build.new_shape(call, 0)?);
            let stream = session_stream(build, call)?;
            uniform(build, call, stream, shape, dtype).map(Value::Array)
        })
        .summary("Uniform random numbers in [0, 1) from the session's stream.")
        .text(PHILOX)
        .examples(&[("seed(1); x = rand(1000); 0.4 < mean(x) < 0.6", "true")]),
    );
    rows.push(
        Operation::expand("randn", floats(), |build, call| {
            let (dtype, shape) = (float_dtype(build, call, 1)?, build.new_shape(call, 0)?);
            let stream = session_stream(build, call)?;
            normal(build, call, stream, shape, dtype).map(Value::Array)
        })
        .summary("Random numbers of the standard normal distribution from the session's stream.")
        .text(PHILOX)
        .examples(&[("seed(1); x = randn(1000); abs(mean(x)) < 0.2", "true")]),
    );
    rows.push(
        Operation::expand("randint", vec![required("low"), required("high"), variadic("shape")], |build, call| {
            let (low, high) = bounds(build, call, 0)?;
            let shape = build.new_shape(call, 2)?;
            let stream = session_stream(build, call)?;
            integers(build, call, stream, shape, low, high).map(Value::Array)
        })
        .summary("Random i64 from low up to and without high, from the session's stream.")
        .text(PHILOX)
        .examples(&[("seed(1); x = randint(0, 6, 100); min(x) >= 0 and max(x) < 6", "true")]),
    );
    rows.push(
        Operation::function(
            "permutation",
            vec![required("x"), optional("of", Default::None)],
            permutation,
            super::sorting::argsorted::<u64>,
        )
        .summary("The integers below x, or the elements of x along its first axis, in random order, from the session's stream.")
        .text("With a generator in front of it, from that: `rng(1).permutation(10)`.")
        .examples(&[("seed(1); sort(permutation(5))", "[0 1 2 3 4]"), ("sort(rng(1).permutation([3, 1, 2]))", "[1 2 3]")]),
    );
}

fn generator_rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::expand("rng", vec![required("seed"), optional("stream", Default::Integer(0))], |build, call| {
            let [seed, stream] = [word(build, call, 0)?, word(build, call, 1)?];
            let span = call.span;
            let draw = build.constant(Scalar::u64(KEYS), false, span);
            let key = build.elementwise("random_bits", &[stream, seed, draw], span)?;
            let draws = build.constant(Scalar::u64(0), false, span);
            build.stack(&[key, draws], span).map(Value::Array)
        })
        .summary("A generator of random numbers: the stream of that number of a seed. Equal ones draw equal numbers.")
        .text(
            "A generator is a value, two u64: a key, and the draw that comes next. Drawing does not change it; `.next` is the same \
             stream one draw on. Streams of one seed are independent, whatever executor draws from them.",
        )
        .examples(&[
            ("r = rng(42, 3); all(r.uniform(5) == r.uniform(5))", "true"),
            ("r = rng(42); any(r.uniform(5) == r.next.uniform(5))", "false"),
        ]),
    );
    rows.push(
        Operation::expand("next", vec![required("generator")], |build, call| {
            let [key, draw] = generator(build, call)?;
            let one = build.constant(Scalar::u64(1), false, call.span);
            let following = build.elementwise("add", &[draw, one], call.span)?;
            build.stack(&[key, following], call.span).map(Value::Array)
        })
        .property("next")
        .summary("The generator one draw on.")
        .examples(&[("r = rng(1); all(r.next == next(r))", "true")]),
    );
    rows.push(
        Operation::expand("uniform", moved_slots([("low", 0.0), ("high", 1.0)]), |build, call| {
            moved(build, call, uniform, |build, [low, high]| {
                Ok([low, build.elementwise("subtract", &[high, low], call.span)?])
            })
        })
        .summary("Uniform random numbers in [0, 1), or from low to high, of a generator's draw.")
        .examples(&[("x = rng(1).uniform(1000, low=2, high=4); 2.9 < mean(x) < 3.1", "true")]),
    );
    rows.push(
        Operation::expand("normal", moved_slots([("loc", 0.0), ("scale", 1.0)]), |build, call| {
            moved(build, call, normal, |_, given| Ok(given))
        })
        .summary("Random numbers of a normal distribution with mean `loc` and standard deviation `scale`, of a generator's draw.")
        .examples(&[("x = rng(1).normal(1000, loc=5.0); 4.8 < mean(x) < 5.2", "true")]),
    );
    rows.push(
        Operation::expand(
            "integers",
            vec![required("generator"), required("low"), required("high"), variadic("shape")],
            |build, call| {
                let (low, high) = bounds(build, call, 1)?;
                let shape = build.new_shape(call, 3)?;
                let stream = generator(build, call)?;
                integers(build, call, stream, shape, low, high).map(Value::Array)
            },
        )
        .summary("Random i64 from low up to and without high, of a generator's draw.")
        .examples(&[("x = rng(1).integers(0, 6, 100); min(x) >= 0 and max(x) < 6", "true")]),
    );
}

/// The parameters of a distribution that can be moved and stretched.
fn moved_slots(spread: [(&'static str, f64); 2]) -> Vec<Parameter> {
    let [one, other] = spread.map(|(name, value)| optional(name, Default::Float(value)));
    vec![required("generator"), variadic("shape"), one, other, optional("dtype", Default::DType(DType::F64))]
}

/// What a stream draws of a shape and a dtype.
type Draw = fn(&mut Expansion, &Call, [Operand; 2], Vec<Length>, DType) -> Result<Operand, Diagnostic>;

/// A generator's draw, moved and stretched when it is asked for: `spread` makes of the two parameters where it begins, and how wide it is.
fn moved(
    build: &mut Expansion,
    call: &Call,
    draw: Draw,
    spread: impl FnOnce(&mut Expansion, [Operand; 2]) -> Result<[Operand; 2], Diagnostic>,
) -> Result<Value<Operand>, Diagnostic> {
    let (dtype, shape) = (float_dtype(build, call, 4)?, build.new_shape(call, 1)?);
    let stream = generator(build, call)?;
    let value = draw(build, call, stream, shape, dtype)?;
    let given = [build.array(call, 2)?, build.array(call, 3)?];
    if !call.arguments[2].given && !call.arguments[3].given {
        return Ok(Value::Array(value));
    }
    let [begin, width] = spread(build, given)?;
    let scaled = build.elementwise("multiply", &[value, width], call.span)?;
    build.elementwise("add", &[scaled, begin], call.span).map(Value::Array)
}

/// Three u64 to one.
fn words(_: &[Numeric]) -> Result<Typing, Mismatch> {
    Ok(Typing { operands: vec![DType::U64; 3], result: DType::U64 })
}

/// Three u64 to an f64.
fn numbers(_: &[Numeric]) -> Result<Typing, Mismatch> {
    Ok(Typing { operands: vec![DType::U64; 3], result: DType::F64 })
}

/// The argument at a position as a u64 scalar.
fn word(build: &mut Expansion, call: &Call, index: usize) -> Result<Operand, Diagnostic> {
    let given = build.array(call, index)?;
    let found = build.type_of(given);
    if found.rank() > 0 || !matches!(found.dtype.kind(), Kind::Signed | Kind::Unsigned) {
        let message = format!("`{}` takes an integer here, not {found}", call.name);
        let diagnostic = Diagnostic::error("E0303", message, call.arguments[index].span, found.to_string());
        return Err(diagnostic.help("one number, cast if it is a float: `i64(x)`"));
    }
    Ok(build.cast(given, DType::U64, call.arguments[index].span))
}

/// The key and the draw of the session's stream, which is one draw further then.
fn session_stream(build: &mut Expansion, call: &Call) -> Result<[Operand; 2], Diagnostic> {
    let Some(Value::Tuple(stream)) = build.hidden(STREAM, call.span) else {
        return Err(Diagnostic::error("E0401", "this session has no random numbers", call.span, ""));
    };
    let [Value::Array(key), Value::Array(draws)] = stream.as_slice() else {
        return Err(Diagnostic::error("E0401", "this session has no random numbers", call.span, ""));
    };
    let one = build.constant(Scalar::u64(1), false, call.span);
    let next = build.elementwise("add", &[*draws, one], call.span)?;
    build.set_hidden(STREAM, Value::Tuple(vec![Value::Array(*key), Value::Array(next)]), call)?;
    Ok([*key, *draws])
}

/// The key and the draw of a generator, the first argument.
fn generator(build: &mut Expansion, call: &Call) -> Result<[Operand; 2], Diagnostic> {
    let given = &call.arguments[0];
    let found = match &given.value {
        Value::Array(operand) if build.type_of(*operand) == Type::new(DType::U64, vec![Length::Known(2)]) => {
            let part =
                |build: &mut Expansion, index| build.view(*operand, vec![SourceAxis::at(index)], vec![], call.span);
            return Ok([part(build, 0), part(build, 1)]);
        }
        other => build.describe(other),
    };
    let message = format!("`{}` draws from a generator, not from {found}", call.name);
    let help = format!("make one of a seed: `rng(42).{}(…)`", call.name);
    Err(Diagnostic::error("E0303", message, given.span, found).help(help))
}

fn float_dtype(build: &Expansion, call: &Call, index: usize) -> Result<DType, Diagnostic> {
    match build.dtype(call, index)? {
        None | Some(DType::F64) => Ok(DType::F64),
        Some(DType::F32) => Ok(DType::F32),
        Some(other) => {
            let message = format!("`{}` gives f64 or f32, not {other}", call.name);
            let diagnostic = Diagnostic::error("E0302", message, call.arguments[index].span, "");
            Err(diagnostic.help("for integers write `randint(low, high, n)`"))
        }
    }
}

/// Low and high as known integers with something between them.
fn bounds(build: &Expansion, call: &Call, index: usize) -> Result<(i64, i64), Diagnostic> {
    let (low, high) = (build.integer(call, index)?, build.integer(call, index + 1)?);
    if high <= low {
        let place = call.arguments[index].span.to(call.arguments[index + 1].span);
        let message = format!("there is no integer from {low} up to and without {high}");
        let help = match high < low {
            true => format!("the lower bound stands first: `{high}, {low}`"),
            false => format!("the upper bound is left out itself: `{low}, {}`", high.saturating_add(1)),
        };
        return Err(Diagnostic::error("E0309", message, place, "").help(help));
    }
    Ok((low, high))
}

/// One draw of a shape: what `formula` makes of each element's index.
fn draw(
    build: &mut Expansion,
    call: &Call,
    formula: &str,
    [key, draw]: [Operand; 2],
    shape: Vec<Length>,
) -> Result<Operand, Diagnostic> {
    let count = build.count(&shape, call.span);
    let index = build.iota(count, call.span);
    let index = build.cast(index, DType::U64, call.span);
    let drawn = build.elementwise(formula, &[index, key, draw], call.span)?;
    Ok(build.reshape(drawn, shape, call.span))
}

fn uniform(
    build: &mut Expansion,
    call: &Call,
    stream: [Operand; 2],
    shape: Vec<Length>,
    dtype: DType,
) -> Result<Operand, Diagnostic> {
    if dtype == DType::F64 {
        return draw(build, call, "random_uniform", stream, shape);
    }
    // 24 bits: all that the mantissa holds, so that nothing rounds up to 1.
    let bits = draw(build, call, "random_bits", stream, shape)?;
    let shift = build.constant(Scalar::u64(40), false, call.span);
    let top = build.elementwise("right_shift", &[bits, shift], call.span)?;
    let float = build.cast(top, DType::F32, call.span);
    let unit = build.constant(Scalar::f64(1.0 / (1u64 << 24) as f64).cast(DType::F32), false, call.span);
    build.elementwise("multiply", &[float, unit], call.span)
}

fn normal(
    build: &mut Expansion,
    call: &Call,
    stream: [Operand; 2],
    shape: Vec<Length>,
    dtype: DType,
) -> Result<Operand, Diagnostic> {
    let drawn = draw(build, call, "random_normal", stream, shape)?;
    Ok(build.cast(drawn, dtype, call.span))
}

fn integers(
    build: &mut Expansion,
    call: &Call,
    stream: [Operand; 2],
    shape: Vec<Length>,
    low: i64,
    high: i64,
) -> Result<Operand, Diagnostic> {
    let bits = draw(build, call, "random_bits", stream, shape)?;
    let span = call.span;
    // The remainder of 64 bits: its bias is below width / 2^64.
    let width = build.constant(Scalar::u64((high as i128 - low as i128) as u64), false, span);
    let remainder = build.elementwise("remainder", &[bits, width], span)?;
    let offset = build.cast(remainder, DType::I64, span);
    let low = build.constant(Scalar::i64(low), false, span);
    build.elementwise("add", &[offset, low], span)
}

/// The order of random bits: 64 of them are equal once in a world.
fn permutation(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let has_generator = call.arguments[1].given;
    let stream = if has_generator { generator(build, call)? } else { session_stream(build, call)? };
    let x = build.array(call, usize::from(has_generator))?;
    let found = build.type_of(x);
    let span = call.arguments[usize::from(has_generator)].span;
    let is_count = found.rank() == 0;
    let length = if is_count { build.length_of(x, span)? } else { found.shape[0].clone() };
    if is_count && !matches!(found.dtype.kind(), Kind::Signed | Kind::Unsigned) {
        let message = format!("`{}` takes an integer or an array, not {found}", call.name);
        return Err(Diagnostic::error("E0303", message, span, found.to_string()).help("cast it: `i64(x)`"));
    }
    let bits = draw(build, call, "random_bits", stream, vec![length.clone()])?;
    let order = build.apply(call, &[bits], Vec::new(), vec![Type::new(DType::I64, vec![length])])[0];
    Ok(Value::Array(if is_count { order } else { build.take(x, 0, order, call.span)? }))
}
