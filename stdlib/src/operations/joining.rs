//! Arrays put together, taken apart and repeated.

use super::views::{axis_argument, known, moved, permuted, sliced, with_axes};
use crate::operation::{Expansion, Operation, joined, optional, required, variadic};
use crate::whole_array;
use thalweg_lang::declaration::{Call, Default, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Kind, Scalar};
use thalweg_lang::graph::{Attribute, SourceAxis};
use thalweg_lang::length::{Length, Polynomial};
use thalweg_lang::promotion::{Numeric, common};
use thalweg_lang::types::{ArrayType, DisplayShape, Type};
use thalweg_lang::value::Value;
use thalweg_runtime::array::{Array, Element};
use thalweg_runtime::for_dtype;
use thalweg_runtime::operation::{Failure, FunctionCall};

pub(super) fn rows(rows: &mut Vec<Operation>) {
    join_rows(rows);
    split_rows(rows);
    repeat_rows(rows);
}

const SEQUENCE: &str = "The arrays are a tuple, or one array, whose elements along its first axis they are.";

fn join_rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::function(
            "concatenate",
            vec![
                joined("arrays", |types| (0..MOST_AXES).any(|axis| go_along(types, axis))),
                optional("axis", Default::Integer(0)),
            ],
            |build, call| {
                let arrays = sequence(build, call, 0)?;
                if let Value::None = call.arguments[1].value {
                    let flat: Vec<Operand> = arrays.into_iter().map(|one| build.flat(one, call.span)).collect();
                    return concatenated(build, call, &flat, 0).map(Value::Array);
                }
                let of = build.type_of(arrays[0]);
                let axis = axis_argument(build, call, 1, &of)?;
                concatenated(build, call, &arrays, axis).map(Value::Array)
            },
            concatenate,
        )
        .summary("Arrays one after the other along an axis that they have; `axis=none` joins their elements.")
        .text(SEQUENCE)
        .examples(&[
            ("concatenate(([1, 2], [3.5]))", "[1.  2.  3.5]"),
            ("concatenate(([[1], [2]], [[3], [4]]), axis=1)", "[[1 3]\n [2 4]]"),
        ]),
    );
    rows.push(
        Operation::expand("stack", vec![required("arrays"), optional("axis", Default::Integer(0))], |build, call| {
            let arrays = sequence(build, call, 0)?;
            let first = build.type_of(arrays[0]);
            let stacked_type =
                Type::new(first.dtype, [vec![Length::Known(arrays.len())], first.shape.clone()].concat());
            let axis = axis_argument(build, call, 1, &stacked_type)?;
            same_shapes(build, call, &arrays)?;
            let stacked = build.stack(&arrays, call.span)?;
            Ok(Value::Array(moved(build, stacked, 0, axis, call.span)))
        })
        .summary("Arrays of one shape along a new axis.")
        .text(SEQUENCE)
        .examples(&[("stack(([1, 2], [3, 4]), axis=1)", "[[1 3]\n [2 4]]")]),
    );
    rows.push(
        Operation::function(
            "hstack",
            vec![joined("arrays", |types| {
                go_along(types, if types.iter().all(|one| one.rank() == 1) { 0 } else { 1 })
            })],
            |build, call| {
                let arrays = at_least(build, call, 1)?;
                let axis = if build.type_of(arrays[0]).rank() == 1 { 0 } else { 1 };
                concatenated(build, call, &arrays, axis).map(Value::Array)
            },
            concatenate,
        )
        .summary("Arrays side by side: along the second axis, or the first of arrays that have one.")
        .text(SEQUENCE)
        .examples(&[("hstack(([1, 2], [3]))", "[1 2 3]"), ("hstack(([[1], [2]], [[3], [4]]))", "[[1 3]\n [2 4]]")]),
    );
    rows.push(
        Operation::function(
            "vstack",
            vec![joined("arrays", |types| go_along(types, 0) && types.iter().all(|one| one.rank() > 1))],
            |build, call| {
                let arrays = at_least(build, call, 2)?;
                concatenated(build, call, &arrays, 0).map(Value::Array)
            },
            concatenate,
        )
        .summary("Arrays below one another: along the first axis; an array of one axis is a row.")
        .text(SEQUENCE)
        .examples(&[("vstack(([1, 2], [3, 4]))", "[[1 2]\n [3 4]]")]),
    );
    rows.push(
        Operation::function(
            "column_stack",
            vec![joined("arrays", |types| go_along(types, 1))],
            |build, call| {
                let arrays = at_least(build, call, 1)?;
                let column = |one: Operand, build: &mut Expansion| match build.type_of(one).rank() {
                    1 => with_axes(build, one, &[1], call.span),
                    _ => one,
                };
                let columns: Vec<Operand> = arrays.into_iter().map(|one| column(one, build)).collect();
                concatenated(build, call, &columns, 1).map(Value::Array)
            },
            concatenate,
        )
        .summary("Arrays side by side as columns.")
        .text(SEQUENCE)
        .examples(&[("column_stack(([1, 2], [3, 4]))", "[[1 3]\n [2 4]]")]),
    );
}

/// How many axes are tried for one that arrays may be joined along.
const MOST_AXES: usize = 8;

/// Whether arrays have an axis, and equal lengths along every other one.
fn go_along(types: &[Type], axis: usize) -> bool {
    let others = |one: &Type| [&one.shape[..axis], &one.shape[axis + 1..]].concat();
    types.iter().all(|one| axis < one.rank()) && types.windows(2).all(|pair| others(&pair[0]) == others(&pair[1]))
}

/// The argument at a position as one or more arrays.
fn sequence(build: &mut Expansion, call: &Call, index: usize) -> Result<Vec<Operand>, Diagnostic> {
    let given = &call.arguments[index];
    let mut arrays = Vec::new();
    match &given.value {
        Value::Tuple(values) => {
            for value in values {
                let Value::Array(operand) = value else {
                    let found = build.describe(value);
                    let message = format!("`{}` takes arrays, not {found}", call.name);
                    let help = "put the arrays in one pair of parentheses, and nothing else";
                    return Err(Diagnostic::error("E0303", message, given.span, found).help(help));
                };
                arrays.push(*operand);
            }
        }
        Value::Array(all) if build.type_of(*all).rank() > 0 => {
            let source = build.type_of(*all);
            let count = known(build, call, &source.shape[0])?;
            for index in 0..count {
                let mut axes = vec![SourceAxis::at(index)];
                axes.extend((0..source.rank() - 1).map(SourceAxis::along));
                arrays.push(build.view(*all, axes, source.shape[1..].to_vec(), given.span));
            }
        }
        other => {
            let found = build.describe(other);
            let message = format!("`{}` takes several arrays, not {found}", call.name);
            let help = format!("put them in a tuple: `{}((a, b))`", call.name);
            return Err(Diagnostic::error("E0303", message, given.span, found).help(help));
        }
    }
    if arrays.is_empty() {
        let message = format!("`{}` needs at least one array", call.name);
        return Err(Diagnostic::error("E0203", message, given.span, "").help(format!("write `{}((a, b))`", call.name)));
    }
    Ok(arrays)
}

/// The same with at least 1 or 2 axes each, new ones first.
fn at_least(build: &mut Expansion, call: &Call, rank: usize) -> Result<Vec<Operand>, Diagnostic> {
    let arrays = sequence(build, call, 0)?;
    let raise = |one: Operand, build: &mut Expansion| {
        let missing = rank.saturating_sub(build.type_of(one).rank());
        let places: Vec<usize> = (0..missing).collect();
        if missing == 0 { one } else { with_axes(build, one, &places, call.span) }
    };
    Ok(arrays.into_iter().map(|one| raise(one, build)).collect())
}

fn same_shapes(build: &mut Expansion, call: &Call, arrays: &[Operand]) -> Result<(), Diagnostic> {
    let first = build.type_of(arrays[0]);
    for one in arrays {
        let other = build.type_of(*one);
        let what = format!("`{}` needs arrays of one shape", call.name);
        if !build.same_shape(&first.shape, &other.shape, &what, call.arguments[0].span) {
            let message = format!("`{}` needs arrays of one shape, and these are {first} and {other}", call.name);
            let diagnostic = Diagnostic::error("E0301", message, call.arguments[0].span, "");
            return Err(
                diagnostic.help(format!("give each of them the shape of the first, {}", DisplayShape(&first.shape)))
            );
        }
    }
    Ok(())
}

/// The dtype in which arrays meet.
fn meeting(build: &Expansion, arrays: &[Operand]) -> DType {
    let numerics: Vec<Numeric> =
        arrays.iter().map(|one| Numeric { dtype: build.type_of(*one).dtype, weak: one.weak }).collect();
    common(&numerics).dtype
}

/// The arrays one after the other along an axis; whatever row the call is of, it must run by `concatenate`.
fn concatenated(build: &mut Expansion, call: &Call, arrays: &[Operand], axis: usize) -> Result<Operand, Diagnostic> {
    let first = build.type_of(arrays[0]);
    let span = call.arguments[0].span;
    let mut length = Polynomial::from(0);
    for one in arrays {
        let other = build.type_of(*one);
        let what = format!("`{}` needs equal lengths along every other axis", call.name);
        let mut fits = |at: usize| at == axis || build.same_length(&other.shape[at], &first.shape[at], &what, span);
        if other.rank() != first.rank() || axis >= first.rank() || !(0..first.rank()).all(&mut fits) {
            let message = format!("{first} and {other} do not go together along axis {axis}");
            return Err(Diagnostic::error("E0301", message, span, "").help(joining_help(&first, &other, axis)));
        }
        length = length.plus(&Polynomial::from(&other.shape[axis]));
    }
    let dtype = meeting(build, arrays);
    let converted: Result<Vec<Operand>, Diagnostic> =
        arrays.iter().map(|one| build.convert(*one, dtype, span)).collect();
    let mut shape = first.shape;
    shape[axis] = Length::of(length).unwrap_or(Length::Known(0));
    let attributes = vec![Attribute::Integer(axis as i64)];
    Ok(build.apply(call, &converted?, attributes, vec![ArrayType::new(dtype, shape)])[0])
}

/// What makes two arrays go together along an axis.
fn joining_help(first: &Type, other: &Type, axis: usize) -> String {
    let (shorter, longer) = if other.rank() < first.rank() { (other, first) } else { (first, other) };
    let index = if axis == 0 { "[newaxis, :]" } else { "[:, newaxis]" };
    match (&shorter.shape[..], &longer.shape[..]) {
        ([length], [rows, columns]) if axis < 2 && length == if axis == 0 { columns } else { rows } => {
            format!("give the {shorter} another axis: `{index}`")
        }
        _ => "joined arrays have equal lengths along every other axis; `stack` makes a new one".to_string(),
    }
}

pub(super) fn concatenate(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let axis = match call.attributes.first() {
        Some(Attribute::Integer(axis)) => *axis as usize,
        _ => 0,
    };
    let result = whole_array::zeros(call, 0)?;
    let result = for_dtype!(call.types[0].dtype, T => join::<T>(call, result, axis)?);
    Ok(vec![result])
}

/// Each array's stretches of elements, at their places.
fn join<T: Element>(call: &FunctionCall, mut result: Array, axis: usize) -> Result<Array, Failure> {
    let shape = &call.types[0].shape;
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    let stride = shape[axis] * inner;
    let mut from = 0;
    for operand in call.operands {
        let stretch = operand.shape()[axis] * inner;
        let operand = whole_array::contiguous(call, operand)?;
        let elements = operand.as_slice::<T>().unwrap_or_default();
        let places = result.as_mut_slice::<T>().unwrap_or_default();
        for index in 0..if stretch == 0 { 0 } else { outer } {
            let to = index * stride + from;
            places[to..to + stretch].copy_from_slice(&elements[index * stretch..(index + 1) * stretch]);
        }
        from += stretch;
    }
    Ok(result)
}

fn split_rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::expand(
            "split",
            vec![required("x"), required("parts"), optional("axis", Default::Integer(0))],
            |build, call| split(build, call, true),
        )
        .summary(
            "A tuple of so many equal parts along an axis, or of the parts between given indices; nothing is copied.",
        )
        .examples(&[("split(range(4), 2)", "([0 1], [2 3])"), ("split(range(4), (1, 3))", "([0], [1 2], [3])")]),
    );
    rows.push(
        Operation::expand(
            "array_split",
            vec![required("x"), required("parts"), optional("axis", Default::Integer(0))],
            |build, call| split(build, call, false),
        )
        .summary("As `split`, and parts need not be equal: the first ones have one more.")
        .examples(&[("array_split(range(5), 2)", "([0 1 2], [3 4])")]),
    );
}

fn split(build: &mut Expansion, call: &Call, is_equal: bool) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    let axis = axis_argument(build, call, 2, &source)?;
    let span = call.arguments[1].span;
    let is_count = match &call.arguments[1].value {
        Value::Array(operand) => build.type_of(*operand).rank() == 0,
        _ => false,
    };
    let numbers = build.integers(call, 1)?;
    let mut bounds = vec![None];
    if is_count {
        let parts = numbers[0];
        if parts < 1 {
            let message = format!("`{}` makes 1 part or more, not {parts}", call.name);
            return Err(Diagnostic::error("E0309", message, span, ""));
        }
        let length = &source.shape[axis];
        if is_equal {
            let size = equal_part(build, call, &source, axis, parts)?;
            for part in 1..parts {
                let bound = Length::of(size.scaled(part)).unwrap_or(Length::Known(0));
                bounds.push(Some(build.length_value(&bound, span)));
            }
        } else {
            let length = build.length_value(length, span);
            let whole = |build: &mut Expansion, number: i64| build.constant(Scalar::i64(number), true, span);
            let count = whole(build, parts);
            let size = build.elementwise("floor_divide", &[length, count], span)?;
            let left = build.elementwise("remainder", &[length, count], span)?;
            for part in 1..parts {
                let part = whole(build, part);
                let before = build.elementwise("multiply", &[size, part], span)?;
                let more = build.elementwise("minimum", &[left, part], span)?;
                bounds.push(Some(build.elementwise("add", &[before, more], span)?));
            }
        }
    } else {
        bounds.extend(numbers.iter().map(|index| Some(build.constant(Scalar::i64(*index), true, span))));
    }
    bounds.push(None);
    let mut parts = Vec::new();
    for pair in bounds.windows(2) {
        parts.push(Value::Array(build.slice(x, axis, [pair[0], pair[1]], call.span)?));
    }
    Ok(Value::Tuple(parts))
}

/// The length of each of so many equal parts.
fn equal_part(
    build: &mut Expansion,
    call: &Call,
    source: &Type,
    axis: usize,
    parts: i64,
) -> Result<Polynomial, Diagnostic> {
    let length = &source.shape[axis];
    let span = call.arguments[1].span;
    let whole = Polynomial::from(length);
    let size = match whole.divided(parts) {
        Some(size) => size,
        None => build.quotient(&whole, &parts.into(), span)?,
    };
    let again = Length::of(size.scaled(parts)).unwrap_or(Length::Known(0));
    if build.same_length(length, &again, "`split` makes equal parts", span) {
        return Ok(size);
    }
    let message = format!("{length} elements do not split into {parts} equal parts");
    let diagnostic = Diagnostic::error("E0309", message, span, "");
    let help = "`array_split` makes parts that differ by at most 1";
    Err(diagnostic.label(call.arguments[0].span, source.to_string()).help(help))
}

fn repeat_rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::expand("tile", vec![required("x"), required("repeats")], tile)
            .summary("The array several times over along its last axes: `tile(x, 3)`, `tile(x, (2, 3))`.")
            .examples(&[("tile([1, 2], 2)", "[1 2 1 2]"), ("tile([1, 2], (2, 1))", "[[1 2]\n [1 2]]")]),
    );
    rows.push(
        Operation::expand("repeat", vec![required("x"), required("repeats"), optional("axis", Default::None)], repeat)
            .summary("Each element several times, along an axis or over all elements: all as often, or each by a count of its own.")
            .examples(&[
                ("repeat([1, 2], 2)", "[1 1 2 2]"),
                ("repeat([[1, 2]], 2, axis=0)", "[[1 2]\n [1 2]]"),
                ("repeat([7, 8, 9], [2, 0, 1])", "[7 7 9]"),
            ]),
    );
    rows.push(
        Operation::function(
            "roll",
            vec![required("x"), required("shift"), optional("axis", Default::None)],
            roll,
            concatenate,
        )
        .summary("The elements moved along axes; what leaves at one end comes in at the other.")
        .examples(&[("roll(range(5), 2)", "[3 4 0 1 2]"), ("roll([[1, 2, 3]], -1, axis=1)", "[[2 3 1]]")]),
    );
    rows.push(
        Operation::function(
            "pad",
            vec![
                required("x"),
                required("width"),
                optional("mode", Default::Text("constant")),
                optional("constant_values", Default::Integer(0)),
            ],
            pad,
            concatenate,
        )
        .summary("The array with a border.")
        .text(
            "`width` is one number, a pair `(before, after)` for every axis, or a tuple of a pair for each axis. `mode` is \
             \"constant\", \"edge\" (the nearest element), \"reflect\" (mirrored at the edge's element), \"symmetric\" (at the edge \
             itself) or \"wrap\".",
        )
        .examples(&[
            ("pad([1, 2, 3], 1)", "[0 1 2 3 0]"),
            ("pad([1, 2, 3], (2, 1), mode=\"reflect\")", "[3 2 1 2 3 2]"),
            ("pad([[1]], ((0, 1), (1, 0)), constant_values=9)", "[[9 1]\n [9 9]]"),
        ]),
    );
    rows.push(
        Operation::expand("meshgrid", vec![variadic("axes"), optional("indexing", Default::Text("xy"))], meshgrid)
            .summary("The coordinates of a grid as a tuple of arrays, one for each axis; nothing is copied.")
            .text("With indexing=\"xy\" (the default) the first axis runs along rows; with \"ij\" every axis in its place.")
            .examples(&[("x, y = meshgrid([1, 2, 3], [10, 20]); x + y", "[[11 12 13]\n [21 22 23]]")]),
    );
}

/// How often something is repeated.
fn repeats(build: &mut Expansion, call: &Call, value: &Value<Operand>) -> Result<Length, Diagnostic> {
    let span = call.arguments[1].span;
    match value {
        Value::Array(operand) if is_integer(&build.type_of(*operand)) => build.length_of(*operand, span),
        other => {
            let found = build.describe(other);
            let message = format!("`{}` repeats a whole number of times, not {found}", call.name);
            Err(Diagnostic::error("E0303", message, span, found).help("give an integer, `i64(n)`"))
        }
    }
}

fn tile(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    let values = match &call.arguments[1].value {
        Value::Tuple(values) => values.clone(),
        other => vec![other.clone()],
    };
    let mut counts = Vec::new();
    for value in &values {
        counts.push(repeats(build, call, value)?);
    }
    let rank = source.rank().max(counts.len());
    let missing = rank - source.rank();
    // [n, m] repeated (a, b) times is [a, n, b, m], where a and b are broadcast, as [a n, b m].
    let (mut axes, mut spread, mut shape) = (Vec::new(), Vec::new(), Vec::new());
    let one = Length::Known(1);
    for axis in 0..rank {
        let count = if axis < rank - counts.len() { &one } else { &counts[axis + counts.len() - rank] };
        let length = if axis < missing { &one } else { &source.shape[axis - missing] };
        if axis >= missing {
            axes.push(SourceAxis::along(2 * axis + 1));
        }
        spread.extend([count.clone(), length.clone()]);
        shape.push(build.count([count, length], call.span));
    }
    let view = build.view(x, axes, spread, call.span);
    Ok(Value::Array(build.reshape(view, shape, call.span)))
}

fn repeat(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let counts = &call.arguments[1];
    if let Value::Array(operand) = &counts.value
        && build.type_of(*operand).rank() == 1
        && matches!(build.type_of(*operand).dtype.kind(), Kind::Signed | Kind::Unsigned)
    {
        // How long the result is, the run tells: that is said in Thalweg.
        let values = vec![Value::Array(x), counts.value.clone(), call.arguments[2].value.clone()];
        return build.call_prelude("repeat_by_counts", call, values);
    }
    let count = repeats(build, call, &call.arguments[1].value)?;
    let (x, axis) = match call.arguments[2].value {
        Value::None => (build.flat(x, call.span), 0),
        _ => {
            let source = build.type_of(x);
            (x, axis_argument(build, call, 2, &source)?)
        }
    };
    let source = build.type_of(x);
    let axes = (0..source.rank()).map(|one| SourceAxis::along(if one <= axis { one } else { one + 1 })).collect();
    let mut shape = source.shape.clone();
    shape[axis] = build.count([&shape[axis], &count], call.span);
    let mut spread = source.shape;
    spread.insert(axis + 1, count);
    let view = build.view(x, axes, spread, call.span);
    Ok(Value::Array(build.reshape(view, shape, call.span)))
}

fn roll(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    let shifts = match &call.arguments[1].value {
        Value::Tuple(values) => values.clone(),
        other => vec![other.clone()],
    };
    let is_flat = matches!(call.arguments[2].value, Value::None);
    let mut rolled = if is_flat { build.flat(x, call.span) } else { x };
    let axes = match is_flat {
        true => vec![0; shifts.len()],
        false => build
            .integers(call, 2)?
            .into_iter()
            .map(|number| build.axis(number, source.rank(), call.arguments[2].span, &source))
            .collect::<Result<Vec<usize>, Diagnostic>>()?,
    };
    if shifts.len() != axes.len() && shifts.len() != 1 && axes.len() != 1 {
        let message = format!("{} shifts do not go with {} axes", shifts.len(), axes.len());
        let diagnostic = Diagnostic::error("E0309", message, call.arguments[1].span, "");
        return Err(diagnostic.help("give one shift for each axis"));
    }
    for index in 0..shifts.len().max(axes.len()) {
        let (shift, axis) = (&shifts[index.min(shifts.len() - 1)], axes[index.min(axes.len() - 1)]);
        rolled = rolled_by(build, call, rolled, shift, axis)?;
    }
    Ok(Value::Array(build.reshape(rolled, source.shape, call.span)))
}

/// Whether a value of a type is one integer.
fn is_integer(array_type: &Type) -> bool {
    array_type.rank() == 0 && matches!(array_type.dtype.kind(), Kind::Signed | Kind::Unsigned)
}

pub(super) fn rolled_by(
    build: &mut Expansion,
    call: &Call,
    x: Operand,
    shift: &Value<Operand>,
    axis: usize,
) -> Result<Operand, Diagnostic> {
    let span = call.arguments[1].span;
    let shift = match shift {
        Value::Array(operand) if is_integer(&build.type_of(*operand)) => *operand,
        other => {
            let found = build.describe(other);
            return Err(Diagnostic::error("E0303", format!("`roll` shifts by an integer, not {found}"), span, found));
        }
    };
    let length = build.type_of(x).shape[axis].clone();
    let known = build.constant_of(shift).and_then(|scalar| scalar.as_integer());
    let (Some(shift), Some(length)) = (known, length.known()) else {
        // Only the run can tell where the seam lies: each element is looked up.
        let place = build.iota(length.clone(), call.span);
        let moved = build.elementwise("subtract", &[place, shift], span)?;
        let length = build.length_value(&length, call.span);
        let from = build.elementwise("remainder", &[moved, length], span)?;
        return build.take(x, axis, from, call.span);
    };
    if length == 0 || shift.rem_euclid(length as i128) == 0 {
        return Ok(x);
    }
    let seam = length - shift.rem_euclid(length as i128) as usize;
    let end = sliced(build, x, axis, (seam, length - seam, 1), call.span);
    let start = sliced(build, x, axis, (0, seam, 1), call.span);
    concatenated(build, call, &[end, start], axis)
}

/// Where the elements of a border come from.
fn border(mode: &str, length: i64, index: i64) -> i64 {
    match mode {
        "edge" => index.clamp(0, length - 1),
        "wrap" => index.rem_euclid(length),
        "symmetric" => {
            let turn = index.rem_euclid(2 * length);
            if turn < length { turn } else { 2 * length - 1 - turn }
        }
        _ if length == 1 => 0,
        _ => {
            let turn = index.rem_euclid(2 * length - 2);
            if turn < length { turn } else { 2 * length - 2 - turn }
        }
    }
}

/// Indices as slices: (start, count, step) of evenly spaced neighbours.
fn runs(indices: &[i64]) -> Vec<(usize, usize, isize)> {
    let mut found: Vec<(usize, usize, isize)> = Vec::new();
    for index in indices {
        if let Some((start, count, step)) = found.last_mut() {
            let distance = *index as isize - (*start as isize + (*count as isize - 1) * *step);
            if distance.abs() <= 1 && (*count == 1 || distance == *step) {
                (*count, *step) = (*count + 1, distance);
                continue;
            }
        }
        found.push((*index as usize, 1, 1));
    }
    found
}

fn pad(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    let mode = build.text(call, 2)?;
    if !["constant", "edge", "reflect", "symmetric", "wrap"].contains(&&*mode) {
        let message = format!("`pad` has no mode \"{mode}\"");
        let help = "the modes are \"constant\", \"edge\", \"reflect\", \"symmetric\" and \"wrap\"";
        return Err(Diagnostic::error("E0309", message, call.arguments[2].span, "").help(help));
    }
    let constant = &*mode == "constant";
    let widths: Vec<(Length, Length)> = match widths(build, call, source.rank()) {
        Ok(widths) => widths.into_iter().map(|(before, after)| (before.into(), after.into())).collect(),
        Err(diagnostic) if diagnostic.code == "E0308" && constant => {
            open_widths(build, call, source.rank()).ok_or(diagnostic)?
        }
        Err(diagnostic) => return Err(diagnostic),
    };
    let value = build.array(call, 3)?;
    if build.type_of(value).rank() > 0 {
        let message = format!("`pad` takes one value for the border, not {}", build.type_of(value));
        return Err(Diagnostic::error("E0303", message, call.arguments[3].span, ""));
    }
    let value = build.convert(value, source.dtype, call.arguments[3].span)?;
    let mut padded = x;
    for (axis, (before, after)) in widths.into_iter().enumerate() {
        if before.is(0) && after.is(0) {
            continue;
        }
        let inner = build.type_of(padded);
        let mut pieces = Vec::new();
        if constant {
            for width in [before, after] {
                let mut shape = inner.shape.clone();
                shape[axis] = width;
                pieces.push(build.broadcast_to(Operand { weak: false, ..value }, shape, call.span));
            }
            pieces.insert(1, padded);
        } else {
            let (before, after) = (known(build, call, &before)?, known(build, call, &after)?);
            let length = known(build, call, &inner.shape[axis])? as i64;
            if length == 0 {
                let message = format!("an empty axis has no element for the border: axis {axis}");
                let diagnostic = Diagnostic::error("E0309", message, call.arguments[0].span, inner.to_string());
                return Err(diagnostic.help("write mode=\"constant\""));
            }
            let origin = |index: i64| border(&mode, length, index);
            let first: Vec<i64> = (-(before as i64)..0).map(origin).collect();
            let last: Vec<i64> = (length..length + after as i64).map(origin).collect();
            for run in runs(&first) {
                pieces.push(sliced(build, padded, axis, run, call.span));
            }
            pieces.push(padded);
            for run in runs(&last) {
                pieces.push(sliced(build, padded, axis, run, call.span));
            }
        }
        padded = concatenated(build, call, &pieces, axis)?;
    }
    Ok(Value::Array(padded))
}

/// The same where sizes tell it: one for all, or a pair.
fn open_widths(build: &mut Expansion, call: &Call, rank: usize) -> Option<Vec<(Length, Length)>> {
    let given = build.shape(call, 1).ok()?;
    let lengths: Vec<Length> = given.into_iter().map(Length::of).collect::<Option<_>>()?;
    let span = call.arguments[1].span;
    for length in &lengths {
        build.at_least(length, 0, "a border's width cannot be negative", "write 0 or more", span);
    }
    match &lengths[..] {
        [all] => Some(vec![(all.clone(), all.clone()); rank]),
        [before, after] => Some(vec![(before.clone(), after.clone()); rank]),
        _ => None,
    }
}

/// How much a border adds before and after each axis.
fn widths(build: &Expansion, call: &Call, rank: usize) -> Result<Vec<(usize, usize)>, Diagnostic> {
    let given = &call.arguments[1];
    let refuse = |message: String| {
        let help = "write one number, a pair `(before, after)`, or a pair for each axis: `((1, 1), (0, 2))`";
        Diagnostic::error("E0309", message, given.span, "").help(help)
    };
    let pair = |numbers: &[i64]| {
        let width = |number: i64| {
            usize::try_from(number).map_err(|_| refuse(format!("a border is 0 or more wide, not {number}")))
        };
        match numbers {
            [both] => Ok((width(*both)?, width(*both)?)),
            [before, after] => Ok((width(*before)?, width(*after)?)),
            _ => Err(refuse(format!("a border has two widths, not {}", numbers.len()))),
        }
    };
    match &given.value {
        Value::Tuple(values) if values.iter().any(|value| matches!(value, Value::Tuple(_))) => {
            if values.len() != rank && values.len() != 1 {
                return Err(refuse(format!("{} pairs do not go with {rank} axes", values.len())));
            }
            let mut pairs = Vec::new();
            for value in values {
                pairs.push(pair(&build.known_integers(call, 1, value, given.span)?)?);
            }
            if pairs.len() == 1 {
                pairs = vec![pairs[0]; rank];
            }
            Ok(pairs)
        }
        other => Ok(vec![pair(&build.known_integers(call, 1, other, given.span)?)?; rank]),
    }
}

fn meshgrid(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let arrays = sequence(build, call, 0)?;
    let indexing = build.text(call, 1)?;
    if !["xy", "ij"].contains(&&*indexing) {
        let message = format!("`meshgrid` has no indexing \"{indexing}\"");
        let help = "write indexing=\"xy\" or indexing=\"ij\"";
        return Err(Diagnostic::error("E0309", message, call.arguments[1].span, "").help(help));
    }
    let rank = arrays.len();
    let mut shape = Vec::new();
    for one in &arrays {
        let one_type = build.type_of(*one);
        match one_type.rank() {
            0 => shape.push(Length::Known(1)),
            1 => shape.push(one_type.shape[0].clone()),
            _ => {
                let message = format!("`meshgrid` takes arrays of one axis, not {one_type}");
                return Err(Diagnostic::error("E0303", message, call.arguments[0].span, ""));
            }
        }
    }
    let mut grids = Vec::new();
    for (axis, one) in arrays.iter().enumerate() {
        let axes = if build.type_of(*one).rank() == 0 { Vec::new() } else { vec![SourceAxis::along(axis)] };
        let grid = build.view(*one, axes, shape.clone(), call.span);
        let mut order: Vec<usize> = (0..rank).collect();
        if &*indexing == "xy" && rank >= 2 {
            order.swap(0, 1);
        }
        grids.push(Value::Array(permuted(build, grid, &order, call.span)));
    }
    Ok(Value::Tuple(grids))
}
