//! The same elements seen along other axes: nothing here is copied. Also what other rows use to say such views.

use crate::operation::{Expansion, Operation, optional, required};
use thalweg_lang::declaration::{Call, Default, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::graph::SourceAxis;
use thalweg_lang::length::{Length, Polynomial};
use thalweg_lang::source::Span;
use thalweg_lang::types::Type;
use thalweg_lang::value::Value;

pub(super) fn rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::expand("moveaxis", vec![required("x"), required("source"), required("destination")], move_axes)
            .summary("Some axes moved to other places; the others keep their order.")
            .examples(&[("moveaxis(zeros(2, 3, 4), 0, -1).shape", "(3, 4, 2)")]),
    );
    rows.push(
        Operation::expand("swapaxes", vec![required("x"), required("axis"), required("other")], |build, call| {
            let x = build.array(call, 0)?;
            let source = build.type_of(x);
            let (one, other) = (axis_argument(build, call, 1, &source)?, axis_argument(build, call, 2, &source)?);
            let mut order: Vec<usize> = (0..source.rank()).collect();
            order.swap(one, other);
            Ok(Value::Array(permuted(build, x, &order, call.span)))
        })
        .summary("Two axes in each other's place.")
        .examples(&[("swapaxes([[1, 2, 3]], 0, 1)", "[[1]\n [2]\n [3]]")]),
    );
    rows.push(
        Operation::expand("expand_dims", vec![required("x"), required("axis")], expand_dims)
            .summary("With new axes of length 1, counted in the result.")
            .examples(&[("expand_dims([1, 2], 1)", "[[1]\n [2]]"), ("expand_dims([1, 2], (0, 2)).shape", "(1, 2, 1)")]),
    );
    rows.push(
        Operation::expand(
            "diagonal",
            vec![
                required("x"),
                optional("offset", Default::Integer(0)),
                optional("axis1", Default::Integer(0)),
                optional("axis2", Default::Integer(1)),
            ],
            diagonal,
        )
        .summary(
            "The elements on a diagonal of two axes, along a new last axis; a positive offset lies above the main one.",
        )
        .examples(&[("diagonal([[1, 2], [3, 4]])", "[1 4]"), ("diagonal([[1, 2], [3, 4]], offset=1)", "[2]")]),
    );
    rows.push(
        Operation::expand("is_none", vec![required("x")], |build, call| {
            let is_none = matches!(call.arguments[0].value, Value::None);
            Ok(Value::Array(build.constant(thalweg_lang::dtype::Scalar::bool(is_none), false, call.span)))
        })
        .summary("Whether x is `none`; known before the run.")
        .examples(&[(
            "fn f(x, axis = none) = if is_none(axis) { sum(x) } else { sum(x, axis=axis) }; f([[1, 2]], 0)",
            "[1 2]",
        )]),
    );
}

/// The argument at a position as one axis.
pub(super) fn axis_argument(build: &Expansion, call: &Call, index: usize, of: &Type) -> Result<usize, Diagnostic> {
    let number = build.integer(call, index)?;
    build.axis(number, of.rank(), call.arguments[index].span, of)
}

/// The axes in another order: `order` names the source's axis for each of the result's.
pub(super) fn permuted(build: &mut Expansion, x: Operand, order: &[usize], span: Span) -> Operand {
    if order.is_sorted() {
        return x;
    }
    let source = build.type_of(x);
    let axes = (0..order.len())
        .map(|axis| SourceAxis::along(order.iter().position(|from| *from == axis).unwrap_or(axis)))
        .collect();
    let shape: Vec<_> = order.iter().map(|axis| source.shape[*axis].clone()).collect();
    build.view(x, axes, shape, span)
}

/// The order of axes that has one of them at another place.
fn order_with(rank: usize, from: usize, to: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rank).filter(|axis| *axis != from).collect();
    order.insert(to, from);
    order
}

/// One axis moved to another place.
pub(super) fn moved(build: &mut Expansion, x: Operand, from: usize, to: usize, span: Span) -> Operand {
    let rank = build.type_of(x).rank();
    permuted(build, x, &order_with(rank, from, to), span)
}

/// Some indices of an axis whose length is known: `count` of them from `start` on, `step` apart (0 repeats one).
pub(super) fn sliced(
    build: &mut Expansion,
    x: Operand,
    axis: usize,
    (start, count, step): (usize, usize, isize),
    span: Span,
) -> Operand {
    let source = build.type_of(x);
    let mut axes: Vec<SourceAxis<Length>> = (0..source.rank()).map(SourceAxis::along).collect();
    axes[axis] = match step {
        0 => SourceAxis::at(start),
        _ => SourceAxis { start: if count == 0 { 0 } else { start }.into(), step, axis: Some(axis) },
    };
    let mut shape = source.shape;
    shape[axis] = count.into();
    build.view(x, axes, shape, span)
}

/// With new axes of length 1 at places of the result.
pub(super) fn with_axes(build: &mut Expansion, x: Operand, places: &[usize], span: Span) -> Operand {
    let source = build.type_of(x);
    let rank = source.rank() + places.len();
    let (mut axes, mut shape, mut next) = (Vec::new(), Vec::new(), source.shape.into_iter());
    for place in 0..rank {
        if places.contains(&place) {
            shape.push(Length::Known(1));
        } else if let Some(length) = next.next() {
            axes.push(SourceAxis::along(place));
            shape.push(length);
        }
    }
    build.view(x, axes, shape, span)
}

fn move_axes(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    let mut lists = Vec::new();
    for index in [1, 2] {
        let span = call.arguments[index].span;
        let mut axes = Vec::new();
        for number in build.integers(call, index)? {
            let axis = build.axis(number, source.rank(), span, &source)?;
            if axes.contains(&axis) {
                return Err(Diagnostic::error("E0304", format!("axis {number} is given twice"), span, ""));
            }
            axes.push(axis);
        }
        lists.push(axes);
    }
    let (from, to) = (&lists[0], &lists[1]);
    if from.len() != to.len() {
        let message = format!("{} axes cannot move to {} places", from.len(), to.len());
        let place = call.arguments[1].span.to(call.arguments[2].span);
        return Err(Diagnostic::error("E0304", message, place, "").help("give as many places as axes"));
    }
    let mut left = (0..source.rank()).filter(|axis| !from.contains(axis));
    let order: Vec<usize> = (0..source.rank())
        .filter_map(|place| match to.iter().position(|taken| *taken == place) {
            Some(index) => Some(from[index]),
            None => left.next(),
        })
        .collect();
    Ok(Value::Array(permuted(build, x, &order, call.span)))
}

fn expand_dims(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    let numbers = build.integers(call, 1)?;
    let rank = source.rank() + numbers.len();
    let mut places = Vec::new();
    for number in numbers {
        let from_start = if number < 0 { number + rank as i64 } else { number };
        let place = usize::try_from(from_start).ok().filter(|place| *place < rank && !places.contains(place));
        let Some(place) = place else {
            let message = format!("there is no place {number} for a new axis: the result has {rank} axes");
            let help = format!("write different places from 0 to {}", rank - 1);
            let diagnostic = Diagnostic::error("E0304", message, call.arguments[1].span, "");
            return Err(diagnostic.label(call.arguments[0].span, source.to_string()).help(help));
        };
        places.push(place);
    }
    Ok(Value::Array(with_axes(build, x, &places, call.span)))
}

fn diagonal(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    if source.rank() < 2 {
        let message = format!("a diagonal lies along two axes, and {source} has {}", source.rank());
        let help = "`diag(x)` is the matrix that has it on its diagonal";
        return Err(Diagnostic::error("E0304", message, call.arguments[0].span, "").help(help));
    }
    let offset = build.integer(call, 1)?;
    let (first, second) = (axis_argument(build, call, 2, &source)?, axis_argument(build, call, 3, &source)?);
    if first == second {
        return Err(Diagnostic::error("E0304", "a diagonal lies along two different axes", call.span, ""));
    }
    let (down, right) = (offset.min(0).unsigned_abs() as usize, offset.max(0) as usize);
    let left_of = |length: &Length, taken: usize| match length {
        Length::Known(known) => Length::Known(known.saturating_sub(taken)),
        Length::Open(_) => Length::of(Polynomial::from(length).minus(&(taken as i64).into())).unwrap_or(0.into()),
    };
    let (height, width) = (left_of(&source.shape[first], down), left_of(&source.shape[second], right));
    let length = match (height.known(), width.known()) {
        (Some(height), Some(width)) => Length::Known(height.min(width)),
        _ => build.shorter(&height, &width, call.span),
    };
    let kept: Vec<usize> = (0..source.rank()).filter(|axis| *axis != first && *axis != second).collect();
    let axes = (0..source.rank())
        .map(|axis| match kept.iter().position(|one| *one == axis) {
            Some(place) => SourceAxis::along(place),
            None => {
                let start = if axis == first { down } else { right };
                SourceAxis { start: if length.is(0) { 0 } else { start }.into(), step: 1, axis: Some(kept.len()) }
            }
        })
        .collect();
    let shape: Vec<_> = kept.iter().map(|axis| source.shape[*axis].clone()).chain([length]).collect();
    Ok(Value::Array(build.view(x, axes, shape, call.span)))
}

/// A length as a number, where nothing else will do.
pub(super) fn known(build: &Expansion, call: &Call, length: &Length) -> Result<usize, Diagnostic> {
    length.known().ok_or_else(|| {
        let message = format!("`{}` needs this length before the run, and only the run can tell {length}", call.name);
        let given = &call.arguments[0];
        Diagnostic::error("E0308", message, given.span, build.describe(&given.value))
    })
}
