//! Arrays from nothing: constants, ranges, files.

use crate::file;
use crate::operation::{Expansion, Operation, optional, required, variadic};
use thalweg_lang::declaration::{Call, Default, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Kind, Scalar};
use thalweg_lang::graph::Attribute;
use thalweg_lang::length::{Length, Polynomial, Symbol};
use thalweg_lang::source::Span;
use thalweg_lang::types::{ArrayType, Type};
use thalweg_lang::value::Value;
use thalweg_runtime::array::Array;
use thalweg_runtime::operation::{Failure, FunctionCall};

pub(super) fn rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::expand(
            "zeros",
            vec![variadic("shape"), optional("dtype", Default::DType(DType::F64))],
            |build, call| filled(build, call, Scalar::i64(0)),
        )
        .summary("An array of zeros; the shape as arguments or as one tuple.")
        .examples(&[("zeros(2, 3)", "[[0. 0. 0.]\n [0. 0. 0.]]"), ("zeros((2,), dtype=i64)", "[0 0]")]),
    );
    rows.push(
        Operation::expand(
            "ones",
            vec![variadic("shape"), optional("dtype", Default::DType(DType::F64))],
            |build, call| filled(build, call, Scalar::i64(1)),
        )
        .summary("An array of ones; the shape as arguments or as one tuple.")
        .examples(&[("ones(3)", "[1. 1. 1.]")]),
    );
    rows.push(
        Operation::expand(
            "empty",
            vec![variadic("shape"), optional("dtype", Default::DType(DType::F64))],
            |build, call| filled(build, call, Scalar::i64(0)),
        )
        .summary("A new array to be filled; its elements are zeros until then.")
        .examples(&[("empty(2)", "[0. 0.]")]),
    );
    rows.push(
        Operation::expand("full", vec![required("shape"), required("value"), optional("dtype", Default::None)], full)
            .summary("An array of one value, in the value's dtype or the one given.")
            .examples(&[("full((2, 2), 7)", "[[7 7]\n [7 7]]")]),
    );
    rows.push(
        Operation::expand(
            "range",
            vec![required("start"), optional("stop", Default::None), optional("step", Default::Integer(1))],
            range,
        )
        .summary("The integers from start (0 when one number is given) up to and without stop, as i64.")
        .text("The three are integers, which the run may tell. For evenly spaced floats use `linspace`.")
        .examples(&[("range(5)", "[0 1 2 3 4]"), ("range(10, 0, -3)", "[10  7  4  1]")]),
    );
    rows.push(
        Operation::function("load", vec![required("path")], load_rule, load)
            .summary("The array in a .npy file, a .png picture or a .csv table; its dtype and shape are read before anything runs.")
            .text("Of .npy files both byte orders and both memory orders are read. A picture is u8[height, width], with a third axis in colour; \
                 a table is f64[rows, columns], a heading is skipped. The path is relative to where the command runs. What an earlier \
                 line of the program saves has the type that it is saved with."),
    );
}

/// A constant repeated to the shape and dtype of the call's arguments.
fn filled(build: &mut Expansion, call: &Call, value: Scalar) -> Result<Value<Operand>, Diagnostic> {
    let shape = build.new_shape(call, 0)?;
    let dtype = build.dtype(call, 1)?.unwrap_or(DType::F64);
    let constant = build.constant(value.cast(dtype), false, call.span);
    Ok(Value::Array(build.broadcast_to(constant, shape, call.span)))
}

fn full(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let shape = build.new_shape(call, 0)?;
    let value = build.array(call, 1)?;
    let value_type = build.type_of(value);
    if value_type.rank() > 0 {
        let message = format!("`{}` takes one value, not {value_type}", call.name);
        let help = "`broadcast_to(x, shape)` repeats an array";
        return Err(Diagnostic::error("E0303", message, call.arguments[1].span, "").help(help));
    }
    let dtype = build.dtype(call, 2)?.unwrap_or(value_type.dtype);
    let value = build.convert(value, dtype, call.arguments[1].span)?;
    let filled = build.broadcast_to(Operand { weak: false, ..value }, shape, call.span);
    Ok(Value::Array(filled))
}

fn range(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    for given in call.arguments.iter().filter(|given| given.given) {
        if let Value::Array(operand) = &given.value
            && matches!(build.type_of(*operand).dtype.kind(), Kind::Float)
        {
            let message = format!("`{}` counts in integers, and this is a float", call.name);
            let help = match call.arguments[1].given {
                true => "for floats write `linspace(start, stop, num)`, or scale: `range(n) * step`",
                false => "divide with `//`, or cast: `i64(x)`",
            };
            return Err(Diagnostic::error("E0302", message, given.span, build.describe(&given.value)).help(help));
        }
    }
    let first = build.polynomial(call, 0)?;
    let (start, stop) = match call.arguments[1].given {
        true => (first, build.polynomial(call, 1)?),
        false => (0.into(), first),
    };
    let step = match build.integer(call, 2) {
        Ok(0) => {
            let diagnostic = Diagnostic::error("E0309", "`range` cannot step by 0", call.arguments[2].span, "");
            return Err(diagnostic.help("step by 1, or by -1 to go down"));
        }
        Ok(step) => Some(step),
        // Only the run can tell it.
        Err(diagnostic) if diagnostic.code == "E0308" => None,
        Err(diagnostic) => return Err(diagnostic),
    };
    let (Some(start), Some(stop), Some(step)) = (start.known(), stop.known(), step) else {
        return open_range(build, call, &start, &stop, step);
    };
    let distance = (stop as i128 - start as i128) * step.signum() as i128;
    let magnitude = step.unsigned_abs() as i128;
    let count = if distance <= 0 { 0 } else { (distance + magnitude - 1) / magnitude };
    let count = match usize::try_from(count) {
        Ok(count) if count <= isize::MAX as usize / 16 => count,
        _ => {
            let diagnostic = Diagnostic::error("E0309", "this range is larger than any memory", call.span, "");
            return Err(diagnostic.help("name a smaller bound"));
        }
    };
    let mut value = build.iota(count, call.span);
    if step != 1 {
        let step = build.constant(Scalar::i64(step), false, call.span);
        value = build.elementwise("multiply", &[value, step], call.span)?;
    }
    if start != 0 {
        let start = build.constant(Scalar::i64(start), false, call.span);
        value = build.elementwise("add", &[value, start], call.span)?;
    }
    Ok(Value::Array(value))
}

/// A range whose bounds are sizes, or whose step only the run can tell: provably so long, or as long as the run finds.
fn open_range(
    build: &mut Expansion,
    call: &Call,
    start: &Polynomial,
    stop: &Polynomial,
    step: Option<i64>,
) -> Result<Value<Operand>, Diagnostic> {
    let is_two = call.arguments[1].given;
    let (first, last) = (if is_two { 0 } else { 1 }, if is_two { 1 } else { 0 });
    let distance = stop.minus(start);
    let mut by = match step {
        Some(step) => build.constant(Scalar::i64(step), false, call.span),
        None => {
            let span = call.arguments[2].span;
            let by = build.array(call, 2)?;
            let by = build.cast(by, DType::I64, span);
            let magnitude = build.elementwise("abs", &[by], span)?;
            let magnitude = build.length_of(magnitude, span)?;
            build.at_least(&magnitude, 1, "`range` cannot step by 0", "step by 1, or by -1 to go down", span);
            by
        }
    };
    let count = match (step, Length::of(distance.clone())) {
        (Some(1), Some(count)) if distance.is_never_negative() || distance.symbols().all(Symbol::is_variable) => count,
        _ => {
            let stop = build.array(call, last)?;
            let stop = build.cast(stop, DType::I64, call.span);
            let distance = match is_two {
                true => {
                    let start = build.array(call, first)?;
                    build.elementwise("subtract", &[stop, start], call.span)?
                }
                false => stop,
            };
            // A step that leads out of the range at once is as good as a shorter one, which can be computed with.
            let one = build.constant(Scalar::i64(1), false, call.span);
            let magnitude = build.elementwise("abs", &[distance], call.span)?;
            let longest = build.elementwise("add", &[magnitude, one], call.span)?;
            let back = build.elementwise("negative", &[longest], call.span)?;
            by = build.elementwise("minimum", &[by, longest], call.span)?;
            by = build.elementwise("maximum", &[by, back], call.span)?;
            let sign = build.elementwise("sign", &[by], call.span)?;
            let rounding = build.elementwise("subtract", &[by, sign], call.span)?;
            let rounded = build.elementwise("add", &[distance, rounding], call.span)?;
            // A step of 0 is told when its magnitude is: until then it divides by 1.
            let zero = build.constant(Scalar::i64(0), false, call.span);
            let is_zero = build.elementwise("equal", &[by, zero], call.span)?;
            let is_zero = build.cast(is_zero, DType::I64, call.span);
            let divisor = build.elementwise("add", &[by, is_zero], call.span)?;
            let count = build.elementwise("floor_divide", &[rounded, divisor], call.span)?;
            let count = build.elementwise("maximum", &[count, zero], call.span)?;
            build.length_of(count, call.span)?
        }
    };
    let mut value = build.iota(count, call.span);
    if step != Some(1) {
        value = build.elementwise("multiply", &[value, by], call.span)?;
    }
    if start.known() != Some(0) {
        let start = build.array(call, first)?;
        let start = build.cast(start, DType::I64, call.span);
        value = build.elementwise("add", &[value, start], call.span)?;
    }
    Ok(Value::Array(Operand { weak: false, ..value }))
}

fn load_rule(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let path = build.text(call, 0)?;
    let span = call.arguments[0].span;
    let path_of = std::path::Path::new(&*path);
    let saved = build.latest_with_text("save", &|text| file::is_same(std::path::Path::new(text), path_of));
    let is_sure = saved.as_ref().is_some_and(|saved| !saved.is_conditional);
    let saved = saved.and_then(|saved| file::type_when_saved(path_of, &saved.array_type));
    let array_type = match (saved, type_in_file(path_of, span)) {
        (Some(saved), _) if is_sure => saved,
        (_, Ok(found)) => found,
        (Some(saved), Err(_)) => saved,
        // The line that writes the file is wrong, which was said.
        (None, Err(error)) if build.is_refused("save") => return Err(Diagnostic { code: "", ..error }),
        (None, Err(error)) => return Err(error),
    };
    let results = build.apply_in_order(call, &[], vec![Attribute::Text(path)], vec![array_type]);
    Ok(Value::Array(results[0]))
}

/// The type of the array in a file that is there before the program runs.
fn type_in_file(path_of: &std::path::Path, span: Span) -> Result<Type, Diagnostic> {
    let found = file::type_of(path_of).map_err(|message| {
        let diagnostic = Diagnostic::error("E0316", message, span, "");
        match file::has_format(path_of) {
            true => diagnostic
                .help("what it holds is read before anything runs: run first what writes it, or correct the path"),
            false => {
                diagnostic.help("`load` reads .npy files, as `np.save` writes them, .png pictures and .csv tables")
            }
        }
    })?;
    Ok(Type::from(&found))
}

fn load(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let Some(Attribute::Text(path)) = call.attributes.first() else { return Ok(Vec::new()) };
    let fail = |message: String| Failure { code: "E0510", message, help: None };
    let array = file::read(std::path::Path::new(&**path), call.pool).map_err(fail)?;
    let expected = &call.types[0];
    if array.dtype() != expected.dtype || array.shape() != expected.shape {
        let found = ArrayType::new(array.dtype(), array.shape().to_vec());
        let message = format!("{path} was to hold {expected}, as it was checked, and holds {found}");
        let help =
            "a program that writes it ends before the one that loads it begins; within one, use the value itself";
        return Err(Failure { code: "E0510", message, help: Some(help.into()) });
    }
    Ok(vec![array])
}
