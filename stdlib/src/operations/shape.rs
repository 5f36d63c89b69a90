//! Shapes: what they are, and the same elements in another one.

use crate::operation::{Expansion, Operation, optional, required, variadic};
use thalweg_lang::declaration::{Call, Default, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::DType;
use thalweg_lang::graph::SourceAxis;
use thalweg_lang::length::{Length, Polynomial};
use thalweg_lang::types::DisplayShape;
use thalweg_lang::value::{TextPiece, Value};
use thalweg_runtime::operation::Failure;

pub(super) fn rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::expand("shape", vec![required("x")], |build, call| {
            let shape = build.array(call, 0).map(|x| build.type_of(x).shape)?;
            Ok(Value::Tuple(shape.into_iter().map(|length| number(build, call, length)).collect()))
        })
        .property("shape")
        .summary("The lengths of the axes, as a tuple.")
        .examples(&[("zeros(2, 3).shape", "(2, 3)")]),
    );
    rows.push(
        Operation::expand("ndim", vec![required("x")], |build, call| {
            let rank = build.array(call, 0).map(|x| build.type_of(x).rank())?;
            Ok(number(build, call, rank))
        })
        .property("ndim")
        .summary("How many axes there are.")
        .examples(&[("zeros(2, 3).ndim", "2")]),
    );
    rows.push(
        Operation::expand("len", vec![required("x")], len)
            .summary("The length of an array's first axis, of a tuple, or of a string.")
            .text("Of a string the characters are counted; it must be known before the run.")
            .examples(&[("len(zeros(2, 3)), len((1, 2, 3)), len(\"strömung\")", "(2, 3, 8)")]),
    );
    rows.push(
        Operation::expand("size", vec![required("x"), optional("axis", Default::None)], |build, call| {
            let array_type = build.array(call, 0).map(|x| build.type_of(x))?;
            let axes = build.axes(call, 1, &array_type)?;
            let count = build.count(axes.iter().map(|axis| &array_type.shape[*axis]), call.span);
            Ok(number(build, call, count))
        })
        .property("size")
        .summary("How many elements there are, in all or along axes.")
        .examples(&[("zeros(2, 3).size", "6"), ("size(zeros(2, 3), axis=0)", "2")]),
    );
    rows.push(
        Operation::expand("dtype", vec![required("x")], |build, call| {
            build.array(call, 0).map(|x| Value::DType(build.type_of(x).dtype))
        })
        .property("dtype")
        .summary("The dtype, which is also a cast.")
        .examples(&[("[1, 2].dtype", "i64")]),
    );
    rows.push(
        Operation::expand("reshape", vec![required("x"), variadic("shape")], reshape)
            .summary("The elements in C order in another shape; one length may be -1, for what is left.")
            .examples(&[("range(6).reshape(2, -1)", "[[0 1 2]\n [3 4 5]]")]),
    );
    rows.push(
        Operation::expand("transpose", vec![required("x"), variadic("axes")], transpose)
            .property("T")
            .summary("The axes in another order: reversed, or as given.")
            .examples(&[
                ("[[1, 2], [3, 4]].T", "[[1 3]\n [2 4]]"),
                ("zeros(2, 3, 4).transpose(1, 0, 2).shape", "(3, 2, 4)"),
            ]),
    );
    rows.push(
        Operation::expand("flip", vec![required("x"), optional("axis", Default::None)], flip)
            .summary("The elements in reverse along axes.")
            .examples(&[("flip(range(3))", "[2 1 0]")]),
    );
    rows.push(
        Operation::expand("squeeze", vec![required("x"), optional("axis", Default::None)], squeeze)
            .summary("Without the axes of length 1: all of them, or those given.")
            .examples(&[("zeros(1, 3, 1).squeeze().shape", "(3,)")]),
    );
    rows.push(
        Operation::expand("broadcast_to", vec![required("x"), variadic("shape")], broadcast_to)
            .summary("The array repeated to a shape that it broadcasts to; nothing is copied.")
            .examples(&[("broadcast_to([1, 2], 2, 2)", "[[1 2]\n [1 2]]")]),
    );
    rows.push(
        Operation::expand("floating", vec![required("x")], |build, call| {
            let x = build.array(call, 0)?;
            let dtype = build.type_of(x).dtype;
            let dtype = if dtype.is_integral() { DType::F64 } else { dtype };
            Ok(Value::Array(Operand { weak: false, ..build.cast(x, dtype, call.span) }))
        })
        .summary("x as floats: integers and bools in f64, floats and complex numbers as they are.")
        .examples(&[("floating([1, 2])", "[1. 2.]")]),
    );
    rows.push(
        Operation::expand("zip", vec![variadic("sequences")], |build, call| match &call.arguments[0].value {
            Value::Tuple(sequences) if !sequences.is_empty() => zip(build, call, sequences),
            _ => {
                let diagnostic = Diagnostic::error("E0203", "`zip` needs sequences to walk together", call.span, "");
                Err(diagnostic.help("write them between the parentheses: `zip([1, 2], [3, 4])`"))
            }
        })
        .summary("Arrays or tuples for a loop or a comprehension to walk together, as far as the shortest.")
        .examples(&[
            ("[a * b for a, b in zip([1, 2, 3], [10, 20, 30])]", "[10 40 90]"),
            ("for name, x in zip((\"a\", \"b\"), [1.5, 2.5]) { print(name, x) }", "a 1.5\nb 2.5"),
        ]),
    );
    rows.push(
        Operation::expand("error", vec![required("message"), optional("help", Default::Text(""))], |build, call| {
            let (message, help) = (build.text(call, 0)?, build.text(call, 1)?);
            if build.is_conditional() {
                build.happen(call);
                return Ok(Value::None);
            }
            let diagnostic = Diagnostic::error("E0315", message.to_string(), call.span, "");
            Err(if help.is_empty() { diagnostic } else { diagnostic.help(&*help) })
        })
        .happening(|call| {
            let message = crate::show::text_of(&call.arguments[0]).unwrap_or_default();
            let help = crate::show::text_of(&call.arguments[1]).ok().filter(|help| !help.is_empty());
            Err(Failure { code: "E0513", message, help })
        })
        .summary(
            "Refuses the program with a message, and what to type instead: when it is checked, for an `if` that a shape decides, \
             otherwise when it runs.",
        )
        .examples(&[(
            "fn half(x) { if x.size % 2 == 1 { error(\"an even length, please\") }; x[:x.size // 2] }; half([1, 2])",
            "[1]",
        )])
        .text("What the function's caller got wrong is known before the run: shapes, dtypes, sizes."),
    );
    rows.push(
        Operation::expand("text", vec![required("x")], |_, call| {
            let piece = TextPiece::Value(call.arguments[0].value.clone(), "".into(), call.arguments[0].span);
            Ok(Value::Text(vec![piece]))
        })
        .summary("A value as the text that `print` shows.")
        .examples(&[("text([1, 2])", "[1 2]")]),
    );
}

fn len(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let given = &call.arguments[0];
    let known = match &given.value {
        Value::Tuple(parts) => Some(parts.len()),
        Value::Text(_) => Some(build.text(call, 0)?.chars().count()),
        _ => None,
    };
    if let Some(count) = known {
        return Ok(number(build, call, count));
    }
    if let Value::Zip(_) = &given.value
        && let Some(length) = walked_length(build, &given.value)
    {
        return Ok(number(build, call, length));
    }
    let array_type = build.array(call, 0).map(|x| build.type_of(x))?;
    match array_type.shape.first() {
        Some(length) => Ok(number(build, call, length.clone())),
        None => {
            let message = format!("one value has no length: this is {array_type}");
            Err(Diagnostic::error("E0303", message, given.span, "").help("the number of elements is `x.size`, here 1"))
        }
    }
}

/// A length, which promotes like a literal.
fn number(build: &mut Expansion, call: &Call, length: impl Into<Length>) -> Value<Operand> {
    Value::Array(build.length_value(&length.into(), call.span))
}

/// Arrays walk as arrays; with a tuple among them, the result is a tuple of tuples.
fn zip(build: &mut Expansion, call: &Call, sequences: &[Value<Operand>]) -> Result<Value<Operand>, Diagnostic> {
    if !sequences.iter().any(|one| matches!(one, Value::Tuple(_))) {
        return Ok(Value::Zip(sequences.to_vec()));
    }
    let mut shortest = usize::MAX;
    for one in sequences {
        let length = match one {
            Value::Tuple(values) => Some(values.len()),
            other => walked_length(build, other).and_then(|length| length.known()),
        };
        let Some(length) = length else {
            let found = build.describe(one);
            let message =
                format!("a tuple is walked together with tuples and arrays of known lengths, not with {found}");
            let diagnostic = Diagnostic::error("E0308", message, call.arguments[0].span, "");
            return Err(diagnostic.help("if the tuple's values are numbers, make it an array: `[a, b]`"));
        };
        shortest = shortest.min(length);
    }
    let turn = |index: usize| Value::Tuple(sequences.iter().map(|one| element(build, one, index, call)).collect());
    Ok(Value::Tuple((0..shortest).map(turn).collect()))
}

/// How many elements a walk over arrays has: as many as the shortest.
fn walked_length(build: &mut Expansion, sequence: &Value<Operand>) -> Option<Length> {
    match sequence {
        Value::Array(operand) => build.type_of(*operand).shape.first().cloned(),
        Value::Zip(sequences) => {
            let lengths: Option<Vec<Length>> = sequences.iter().map(|one| walked_length(build, one)).collect();
            let lengths = lengths?;
            let known: Option<Vec<usize>> = lengths.iter().map(Length::known).collect();
            match known {
                Some(known) => known.into_iter().min().map(Length::Known),
                None => lengths
                    .split_first()
                    .and_then(|(first, rest)| rest.iter().all(|one| one == first).then(|| first.clone())),
            }
        }
        _ => None,
    }
}

/// One element of what is walked.
fn element(build: &mut Expansion, sequence: &Value<Operand>, index: usize, call: &Call) -> Value<Operand> {
    match sequence {
        Value::Tuple(values) => values[index].clone(),
        Value::Zip(sequences) => Value::Tuple(sequences.iter().map(|one| element(build, one, index, call)).collect()),
        other => other.map(&mut |operand| build.element(*operand, index, call.span)),
    }
}

fn reshape(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    let written = build.shape(call, 1)?;
    let span = call.arguments[1].span;
    let count = Polynomial::from(&build.count(&source.shape, span));
    let is_open = |length: &Polynomial| length.known() == Some(-1);
    let text = || {
        let lengths: Vec<String> = written.iter().map(|length| length.to_string()).collect();
        format!("[{}]", lengths.join(", "))
    };
    if written.iter().filter(|length| is_open(length)).count() > 1 {
        let diagnostic = Diagnostic::error("E0309", "only one length may be -1", span, "");
        return Err(diagnostic.help("write a number for the others"));
    }
    let others: Vec<&Polynomial> = written.iter().filter(|length| !is_open(length)).collect();
    let bytes =
        others.iter().try_fold(16i64, |product, length| product.checked_mul(length.known().unwrap_or(1).max(1)));
    if others.iter().any(|length| length.known().is_some_and(|length| length < 0)) || bytes.is_none() {
        let diagnostic = Diagnostic::error("E0309", format!("{} is not a shape", text()), span, "");
        return Err(diagnostic.help("lengths are 0 or more; one may be -1"));
    }
    let product = others.iter().fold(Polynomial::from(1), |product, length| build.product(&product, length, span));
    let refuse = || {
        let message = format!("{count} elements do not fit the shape {}", text());
        let diagnostic =
            Diagnostic::error("E0309", message, span, text()).label(call.arguments[0].span, source.to_string());
        let lengths: Option<Vec<i64>> = written.iter().map(Polynomial::known).collect();
        Err(match (lengths, count.known()) {
            (Some(lengths), Some(count)) => {
                let wanted = lengths.iter().try_fold(1i64, |product, length| product.checked_mul(*length));
                let fitting = format!("{count} elements have the shape `{}`", fitting_shape(&lengths, count));
                diagnostic.help(match wanted {
                    Some(wanted) if source.rank() == 1 && (1..count).contains(&wanted) => {
                        format!("{fitting}; or take the first {wanted}: `[:{wanted}]`")
                    }
                    _ => fitting,
                })
            }
            _ => diagnostic.help(WORKED_OUT),
        })
    };
    let kept = format!("`{}` keeps the number of elements", call.name);
    let left = match (others.len() < written.len(), count.known(), product.known()) {
        (false, ..) => None,
        (true, _, Some(0)) => return refuse(),
        (true, Some(count), Some(product)) if count % product != 0 => return refuse(),
        (true, ..) => Some(match count.divided_by(&product) {
            Some(quotient) => quotient,
            None => build.quotient(&count, &product, span)?,
        }),
    };
    let shape: Option<Vec<Length>> =
        written.iter().map(|length| Length::of(if is_open(length) { left.clone()? } else { length.clone() })).collect();
    let whole = left.as_ref().map_or(product.clone(), |left| build.product(&product, left, span));
    match (shape, Length::of(count.clone()), Length::of(whole)) {
        (Some(shape), Some(have), Some(want)) if build.same_length_or(&have, &want, (&kept, WORKED_OUT), span) => {
            Ok(Value::Array(build.reshape(x, shape, call.span)))
        }
        _ => refuse(),
    }
}

/// What to type where the number of elements does not fit.
const WORKED_OUT: &str = "write -1 for one of the lengths, and it is worked out";

/// How many lengths are tried for a suggestion.
const MOST_TRIED: i64 = 10_000;

/// A shape like the one that was written which a number of elements fills: one length is left to be worked out.
fn fitting_shape(written: &[i64], count: i64) -> String {
    let lengths = |kept: &[i64], open: usize| {
        let mut words: Vec<String> = kept.iter().map(|length| length.to_string()).collect();
        words[open] = "-1".into();
        words.join(", ")
    };
    let fits = |open: &usize| {
        let others = written.iter().enumerate().filter(|(axis, _)| axis != open);
        let product = others.map(|(_, length)| *length).try_fold(1i64, i64::checked_mul);
        product.is_some_and(|product| product > 0 && count % product == 0)
    };
    match (0..written.len()).find(fits) {
        Some(open) if count > 0 => lengths(written, open),
        _ if written.len() == 2 && written[0] > 0 && count > 0 => {
            // No length of the two divides it: the nearest to the first one that does.
            let divisors = (1..=count.min(MOST_TRIED)).filter(|length| count % length == 0);
            let first = divisors.min_by_key(|length| length.abs_diff(written[0])).unwrap_or(1);
            lengths(&[first, -1], 1)
        }
        _ => "-1".into(),
    }
}

fn transpose(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    let rank = source.rank();
    let order: Vec<usize> = match call.arguments.get(1).is_some_and(|given| given.given) {
        false => (0..rank).rev().collect(),
        true => {
            let span = call.arguments[1].span;
            let written = build.integers(call, 1)?;
            let mut order = Vec::new();
            for number in &written {
                order.push(build.axis(*number, rank, span, &source)?);
            }
            let mut sorted = order.clone();
            sorted.sort_unstable();
            if sorted != (0..rank).collect::<Vec<_>>() {
                let message = format!("`transpose` needs each of the {rank} axes once");
                let order: Vec<String> = (0..rank).rev().map(|axis| axis.to_string()).collect();
                return Err(Diagnostic::error("E0304", message, span, "")
                    .label(call.arguments[0].span, source.to_string())
                    .help(format!("reversed they are `{}`", order.join(", "))));
            }
            order
        }
    };
    let axes = (0..rank)
        .map(|axis| SourceAxis { axis: order.iter().position(|from| *from == axis), ..SourceAxis::along(axis) })
        .collect();
    let shape = order.iter().map(|axis| source.shape[*axis].clone()).collect();
    Ok(Value::Array(build.view(x, axes, shape, call.span)))
}

fn flip(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    let flipped = build.axes(call, 1, &source)?;
    let axes = (0..source.rank())
        .map(|axis| match (flipped.contains(&axis), last(&source.shape[axis])) {
            (true, Some(last)) => SourceAxis { start: last, step: -1, axis: Some(axis) },
            _ => SourceAxis::along(axis),
        })
        .collect();
    Ok(Value::Array(build.view(x, axes, source.shape, call.span)))
}

/// The last index of an axis; `None` when it has none.
fn last(length: &Length) -> Option<Length> {
    Length::of(Polynomial::from(length).minus(&1.into()))
}

fn squeeze(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    let dropped: Vec<usize> = match call.arguments[1].given {
        false => (0..source.rank()).filter(|axis| source.shape[*axis].is(1)).collect(),
        true => build.axes(call, 1, &source)?,
    };
    if let Some(axis) = dropped.iter().find(|axis| !source.shape[**axis].is(1)) {
        let message = format!("axis {axis} has length {}, and only axes of length 1 can go", source.shape[*axis]);
        let place = call.arguments[1].span;
        let diagnostic = Diagnostic::error("E0304", message, place, "");
        let diagnostic = diagnostic.label(call.arguments[0].span, source.to_string());
        return Err(match source.shape.iter().position(|length| length.is(1)) {
            Some(one) => diagnostic.help(format!("write `axis={one}`, or leave it out")),
            None => diagnostic.help("no axis has length 1; one element of an axis is `a[0]`"),
        });
    }
    let mut shape = Vec::new();
    let mut axes = Vec::new();
    for axis in 0..source.rank() {
        if dropped.contains(&axis) {
            axes.push(SourceAxis::at(0));
        } else {
            axes.push(SourceAxis::along(shape.len()));
            shape.push(source.shape[axis].clone());
        }
    }
    Ok(Value::Array(build.view(x, axes, shape, call.span)))
}

fn broadcast_to(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    let shape = build.new_shape(call, 1)?;
    // Nothing is stretched to length 1, and only length 1 is stretched: what only the run tells must be equal then.
    let mut own = source.shape.clone();
    let must_equal =
        |own: &Length, wanted: &Length| wanted.is(1) || wanted.known().is_none() && own.known().is_some() && !own.is(1);
    for (own, wanted) in own.iter_mut().rev().zip(shape.iter().rev()).filter(|(own, wanted)| must_equal(own, wanted)) {
        if build.same_length(own, wanted, &format!("`{}` needs equal lengths", call.name), call.place) {
            *own = wanted.clone();
        }
    }
    if build.broadcast(&own, &shape, call).is_none_or(|wider| wider != shape) {
        let message = format!("{source} does not broadcast to {}", DisplayShape(&shape));
        let place = call.arguments[1].span;
        let diagnostic = Diagnostic::error("E0301", message, place, "");
        let diagnostic = diagnostic.label(call.arguments[0].span, source.to_string());
        return Err(match build.broadcast_help(&source.shape, &shape) {
            Some(help) if source.rank() != shape.len() => diagnostic.help(help),
            _ => diagnostic.help("each length is the array's own, or stands where the array has 1"),
        });
    }
    Ok(Value::Array(build.broadcast_to(x, shape, call.span)))
}
