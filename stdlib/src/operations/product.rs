//! Products of vectors and matrices.

use super::views::permuted;
use crate::linear_algebra::{factor, product};
use crate::operation::{Expansion, Operation, optional, required};
use thalweg_lang::declaration::{Call, Default, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Kind};
use thalweg_lang::graph::Attribute;
use thalweg_lang::length::Length;
use thalweg_lang::promotion::{Numeric, common};
use thalweg_lang::types::{DisplayShape, Type};
use thalweg_lang::value::Value;

const DTYPES: &str = "The dtypes promote as in `a * b`; integers wrap on overflow, and bools give whether any pair is true. \
                      Transposed and sliced operands are read where they lie.";

pub(super) fn rows(rows: &mut Vec<Operation>) {
    let two = || vec![required("a"), required("b")];
    rows.push(
        Operation::function("matmul", two(), matmul, product::run)
            .operator("@", 2)
            .summary("The matrix product; of two vectors the sum of their products, a scalar.")
            .text(
                "The last axis of `a` and the last but one of `b` (the only one, of a vector) are equally long and vanish. \
                 Axes before the last two broadcast: each matrix of a stack by itself. The dtypes promote as in `a * b`; \
                 integers wrap on overflow, and bools give whether any pair is true. Transposed and sliced operands are \
                 read where they lie.",
            )
            .examples(&[
                ("[[1, 2], [3, 4]] @ [[5, 6], [7, 8]]", "[[19 22]\n [43 50]]"),
                ("[[1, 2], [3, 4]] @ [10, 1]", "[12 34]"),
                ("[1.0, 2.0, 3.0] @ [4.0, 5.0, 6.0]", "32.0"),
            ]),
    );
    rows.push(
        Operation::function("dot", two(), dot, product::run)
            .summary("The product over the last axis of `a` and the last but one of `b`; with a scalar, `a * b`.")
            .text(DTYPES)
            .examples(&[("dot([1, 2, 3], [4, 5, 6])", "32"), ("dot(zeros(2, 3), zeros(4, 3, 5)).shape", "(2, 4, 5)")]),
    );
    rows.push(
        Operation::expand("vdot", two(), vdot)
            .summary("The sum of the products of all elements, those of `a` conjugated.")
            .examples(&[("vdot([[1, 2], [3, 4]], [[1, 1], [1, 1]])", "10")]),
    );
    rows.push(
        Operation::function("inner", two(), inner, product::run)
            .summary("The product over the last axes of both; with a scalar, `a * b`.")
            .text(DTYPES)
            .examples(&[("inner([[1, 2], [3, 4]], [10, 1])", "[12 34]")]),
    );
    rows.push(
        Operation::expand("outer", two(), outer)
            .summary("Every product of an element of `a` with one of `b`, both taken as vectors.")
            .examples(&[("outer([1, 2], [10, 20, 30])", "[[10 20 30]\n [20 40 60]]")]),
    );
    rows.push(
        Operation::function(
            "tensordot",
            vec![required("a"), required("b"), optional("axes", Default::Integer(2))],
            tensordot,
            product::run,
        )
        .summary("The sums of products over several axes: the last of `a` with the first of `b`, or pairs of axes.")
        .text(
            "`axes` is how many, or two axes or tuples of axes, `(of_a, of_b)`: they go together in their order and vanish.",
        )
        .examples(&[
            ("tensordot(ones(2, 3, 4), ones(3, 4, 5)).shape", "(2, 5)"),
            ("tensordot([[1, 2], [3, 4]], [[1, 2], [3, 4]], axes=(0, 1))", "[[ 7 15]\n [10 22]]"),
        ]),
    );
    rows.push(
        Operation::expand("kron", two(), kron)
            .summary("The Kronecker product: `b` once for each element of `a`, multiplied by it.")
            .examples(&[("kron([1, 10], [[1, 2]])", "[[ 1  2 10 20]]")]),
    );
    rows.push(
        Operation::function("matrix_power", vec![required("a"), required("n")], matrix_power, factor::matrix_power)
            .summary("A square matrix multiplied with itself n times; of a negative n, its inverse.")
            .examples(&[("matrix_power([[1, 1], [1, 0]], 10)", "[[89 55]\n [55 34]]")]),
    );
}

/// Two operands in the dtype in which they meet.
pub(super) struct Pair {
    /// The operands.
    pub operands: [Operand; 2],
    /// The types that they were given in.
    pub types: [Type; 2],
    /// The dtype.
    pub dtype: DType,
}

/// The first two arguments.
pub(super) fn pair(build: &mut Expansion, call: &Call) -> Result<Pair, Diagnostic> {
    let operands = [build.array(call, 0)?, build.array(call, 1)?];
    let numerics = operands.map(|operand| Numeric { dtype: build.type_of(operand).dtype, weak: operand.weak });
    let dtype = common(&numerics).dtype;
    let mut converted = operands;
    for (index, operand) in operands.into_iter().enumerate() {
        let converted_one = build.convert(operand, dtype, call.arguments[index].span)?;
        converted[index] = Operand { weak: false, ..converted_one };
    }
    let types = operands.map(|operand| build.type_of(operand));
    Ok(Pair { operands: converted, types, dtype })
}

/// Two lengths that must be equal: that of one axis of `a` and that of one of `b`.
fn agree(build: &mut Expansion, call: &Call, pair: &Pair, [of_a, of_b]: [usize; 2]) -> Result<(), Diagnostic> {
    let [a, b] = &pair.types;
    let (left, right) = (&a.shape[of_a], &b.shape[of_b]);
    if build.same_length(left, right, &format!("`{}` needs equal lengths", call.name), call.place) {
        return Ok(());
    }
    let message = format!(
        "the shapes do not go together: {left} along {} of the left one, {right} along {} of the right one",
        axis_name(a.rank(), of_a),
        axis_name(b.rank(), of_b)
    );
    let needs = format!("`{}` needs them equal", call.name);
    let diagnostic = Diagnostic::error("E0301", message, call.place, needs)
        .label(call.arguments[0].span, a.to_string())
        .label(call.arguments[1].span, b.to_string());
    let diagnostic = build.with_declarations(diagnostic, left, right);
    let declared = || build.declaration_help(left, right);
    let help = match a.rank() == 1 && b.rank() == 1 {
        true => declared().or_else(|| repair(build, call, [a, b])),
        false => repair(build, call, [a, b]).or_else(declared),
    };
    Err(match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    })
}

fn axis_name(rank: usize, axis: usize) -> String {
    if rank == 1 { "the only axis".into() } else { format!("axis {axis}") }
}

/// What would make a product of two shapes go: the other order, or one of them turned.
fn repair(build: &Expansion, call: &Call, [a, b]: [&Type; 2]) -> Option<String> {
    let name = &*call.name;
    let quoted = [0, 1].map(|index| build.quoted_operand(call.arguments[index].span));
    let is_quoted = quoted.iter().all(Option::is_some);
    let [left, right] = quoted;
    let (left, right) = (left.unwrap_or_else(|| "a".into()), right.unwrap_or_else(|| "b".into()));
    let write = |left: &str, right: &str| {
        let product = if name == "@" { format!("{left} @ {right}") } else { format!("{name}({left}, {right})") };
        let letters = if is_quoted { "" } else { ", where `a` is the left one and `b` the right one" };
        Some(format!("write `{product}`{letters}"))
    };
    let turned = |operand: &str| match operand.strip_suffix(".T") {
        Some(straight) => straight.to_string(),
        None => format!("{operand}.T"),
    };
    match (&a.shape[..], &b.shape[..]) {
        _ if name == "tensordot" => Some("name the axes that go together: `tensordot(a, b, axes=(1, 0))`".into()),
        ([_], [_]) => Some("slice one of them, `a[:n]`, or write `outer(a, b)` for every pair of elements".into()),
        ([_, _], [_, _]) if name == "inner" => None,
        ([_, k], [_, n]) if k == n => write(&left, &turned(&right)),
        ([m, _], [k, _]) if m == k => write(&turned(&left), &right),
        ([m, _], [_, n]) if m == n && is_quoted => write(&right, &left),
        // Letters would mislead here: the program's own `a` and `b` may be the other way round.
        ([m, _], [_, n]) if m == n => Some("write the two in the other order, the second one first".into()),
        ([m, _], [k]) if m == k => write(&turned(&left), &right),
        ([k], [_, n]) if k == n => write(&left, &turned(&right)),
        // The one of more elements is cut to the other's length.
        ([.., k], [m, ..]) => match (k.known()?, m.known()?) {
            (0, _) | (_, 0) => None,
            (k, m) if k < m => write(&left, &format!("{right}[:{k}]")),
            (_, m) => write(&format!("{left}[{}:{m}]", ":, ".repeat(a.rank() - 1)), &right),
        },
        _ => None,
    }
}

/// The leading axes of stacks, broadcast.
fn leading(build: &mut Expansion, call: &Call, pair: &Pair) -> Result<Vec<Length>, Diagnostic> {
    let [a, b] = &pair.types;
    let of = |one: &Type| one.shape[..one.rank().saturating_sub(2)].to_vec();
    build.broadcast(&of(a), &of(b), call).ok_or_else(|| {
        let message =
            format!("the stacks of matrices do not go together: {} and {}", DisplayShape(&of(a)), DisplayShape(&of(b)));
        Diagnostic::error("E0301", message, call.place, format!("`{}` needs equal lengths, or 1", call.name))
            .label(call.arguments[0].span, a.to_string())
            .label(call.arguments[1].span, b.to_string())
            .help("give one of them an axis for the other's stack: `a[:, newaxis]`")
    })
}

/// The result of matrices (or stacks of them), whose lengths are known to go together.
fn product_of(
    build: &mut Expansion,
    call: &Call,
    dtype: DType,
    operands: [Operand; 2],
    shape: Vec<Length>,
) -> Result<Operand, Diagnostic> {
    addressable(call, &shape)?;
    Ok(build.apply(call, &operands, Vec::new(), vec![Type::new(dtype, shape)])[0])
}

/// A shape that some memory could hold.
fn addressable(call: &Call, shape: &[Length]) -> Result<(), Diagnostic> {
    match shape.iter().filter_map(Length::known).try_fold(16usize, |bytes, length| bytes.checked_mul(length.max(1))) {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(()),
        _ => {
            let message = format!("the result would be larger than any memory: its shape is {}", DisplayShape(shape));
            Err(Diagnostic::error("E0309", message, call.place, "").help("multiply a part at a time: `a[:1000]`"))
        }
    }
}

/// The product of a matrix with a vector on either side. Memory decides how long that takes, so it is a sum of products like any
/// other, which joins what stands around it.
fn matrix_and_vector(build: &mut Expansion, call: &Call, pair: Pair) -> Result<Operand, Diagnostic> {
    let [mut a, b] = pair.operands;
    let of_a = &pair.types[0];
    if of_a.rank() == 2 {
        return sum_of_products(build, call, pair.dtype, [a, b], 1);
    }
    a = build.reshape(a, vec![of_a.shape[0].clone(), 1.into()], call.span);
    sum_of_products(build, call, pair.dtype, [a, b], 0)
}

/// The sums of the products of two arrays along an axis, in the one order of sums.
fn sum_of_products(
    build: &mut Expansion,
    call: &Call,
    dtype: DType,
    [a, b]: [Operand; 2],
    axis: usize,
) -> Result<Operand, Diagnostic> {
    let (product, fold) = if dtype == DType::Bool { ("logical_and", "any") } else { ("multiply", "sum") };
    let products = build.elementwise(product, &[a, b], call.span)?;
    let sum = build.reduce_axis(fold, products, axis, call.span)?;
    let sum = build.cast(sum, dtype, call.span);
    Ok(Operand { weak: false, ..sum })
}

fn matmul(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let pair = pair(build, call)?;
    for (index, one) in pair.types.iter().enumerate() {
        if one.rank() == 0 {
            let message = format!("`{}` takes vectors and matrices, and this is a scalar", call.name);
            let diagnostic = Diagnostic::error("E0303", message, call.arguments[index].span, one.to_string());
            return Err(diagnostic.help("write `*` to multiply by a number"));
        }
    }
    contract_last(build, call, pair).map(Value::Array)
}

/// The product over the last axis of `a` and the last but one (or only one) of `b`, stacks matrix by matrix.
fn contract_last(build: &mut Expansion, call: &Call, pair: Pair) -> Result<Operand, Diagnostic> {
    let ranks = pair.types.each_ref().map(Type::rank);
    agree(build, call, &pair, [ranks[0] - 1, ranks[1].saturating_sub(2)])?;
    if ranks == [1, 1] {
        return sum_of_products(build, call, pair.dtype, pair.operands, 0);
    }
    if let [1, 2] | [2, 1] = ranks {
        return matrix_and_vector(build, call, pair);
    }
    let mut shape = leading(build, call, &pair)?;
    let [mut a, mut b] = pair.operands;
    let [of_a, of_b] = &pair.types;
    let mut wanted = shape.clone();
    if ranks[0] == 1 {
        a = build.reshape(a, vec![1.into(), of_a.shape[0].clone()], call.span);
        shape.push(1.into());
    } else {
        shape.push(of_a.shape[ranks[0] - 2].clone());
        wanted.push(of_a.shape[ranks[0] - 2].clone());
    }
    if ranks[1] == 1 {
        b = build.reshape(b, vec![of_b.shape[0].clone(), 1.into()], call.span);
        shape.push(1.into());
    } else {
        shape.push(of_b.shape[ranks[1] - 1].clone());
        wanted.push(of_b.shape[ranks[1] - 1].clone());
    }
    let product = product_of(build, call, pair.dtype, [a, b], shape)?;
    Ok(build.reshape(product, wanted, call.span))
}

fn dot(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let pair = pair(build, call)?;
    match pair.types.each_ref().map(Type::rank) {
        [0, _] | [_, 0] => scaled(build, call, &pair),
        [_, 1] | [1 | 2, 2] => contract_last(build, call, pair),
        [of_a, of_b] => contract(build, call, pair, &[of_a - 1], &[of_b - 2]),
    }
    .map(Value::Array)
}

fn inner(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let pair = pair(build, call)?;
    match pair.types.each_ref().map(Type::rank) {
        [0, _] | [_, 0] => scaled(build, call, &pair),
        [_, 1] => contract_last(build, call, pair),
        [of_a, of_b] => contract(build, call, pair, &[of_a - 1], &[of_b - 1]),
    }
    .map(Value::Array)
}

/// The product with a scalar: of bools as of any.
fn scaled(build: &mut Expansion, call: &Call, pair: &Pair) -> Result<Operand, Diagnostic> {
    let name = if pair.dtype == DType::Bool { "logical_and" } else { "multiply" };
    let product = build.elementwise(name, &pair.operands, call.span)?;
    Ok(Operand { weak: false, ..product })
}

fn tensordot(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let pair = pair(build, call)?;
    let [a, b] = &pair.types;
    let span = call.arguments[2].span;
    let (of_a, of_b) = match &call.arguments[2].value {
        Value::Tuple(parts) => {
            let [of_a, of_b] = &parts[..] else {
                let message = "`axes` is a number, or two axes or tuples of axes: those of `a` and those of `b`";
                return Err(Diagnostic::error("E0303", message, span, "").help("write `axes=(1, 0)`"));
            };
            (axes_in_order(build, call, of_a, a)?, axes_in_order(build, call, of_b, b)?)
        }
        _ => {
            let count = build.integer(call, 2)?;
            let least = a.rank().min(b.rank());
            let Some(count) = usize::try_from(count).ok().filter(|count| *count <= least) else {
                let message = format!("`tensordot` cannot pair {count} axes of {a} and {b}");
                let help = format!("write a number from 0 to {least}");
                return Err(Diagnostic::error("E0304", message, span, "").help(help));
            };
            ((a.rank() - count..a.rank()).collect(), (0..count).collect())
        }
    };
    if of_a.len() != of_b.len() {
        let message = format!("{} axes of `a` cannot go together with {} of `b`", of_a.len(), of_b.len());
        return Err(
            Diagnostic::error("E0304", message, span, "").help("give as many axes of each: `axes=((0, 1), (1, 2))`")
        );
    }
    contract(build, call, pair, &of_a, &of_b).map(Value::Array)
}

/// Axes as they are written: an integer or a tuple of them, in their order.
fn axes_in_order(
    build: &mut Expansion,
    call: &Call,
    value: &Value<Operand>,
    of: &Type,
) -> Result<Vec<usize>, Diagnostic> {
    let written = match value {
        Value::Tuple(values) => values.clone(),
        other => vec![other.clone()],
    };
    let span = call.arguments[2].span;
    let mut axes = Vec::new();
    for value in written {
        let one = Call {
            operation: call.operation,
            name: call.name.clone(),
            arguments: vec![thalweg_lang::declaration::Given { value, span, given: true }],
            span: call.span,
            place: call.place,
        };
        let number = build.integer(&one, 0)?;
        let axis = build.axis(number, of.rank(), span, of)?;
        if axes.contains(&axis) {
            return Err(Diagnostic::error("E0304", format!("axis {number} is given twice"), span, ""));
        }
        axes.push(axis);
    }
    Ok(axes)
}

/// The product over pairs of axes: what is left of `a`, then what is left of `b`.
fn contract(
    build: &mut Expansion,
    call: &Call,
    pair: Pair,
    of_a: &[usize],
    of_b: &[usize],
) -> Result<Operand, Diagnostic> {
    for (&left, &right) in of_a.iter().zip(of_b) {
        agree(build, call, &pair, [left, right])?;
    }
    let [a, b] = &pair.types;
    let rest = |one: &Type, paired: &[usize]| (0..one.rank()).filter(|axis| !paired.contains(axis)).collect();
    let (rest_a, rest_b): (Vec<usize>, Vec<usize>) = (rest(a, of_a), rest(b, of_b));
    let lengths =
        |one: &Type, axes: &[usize]| axes.iter().map(|axis| one.shape[*axis].clone()).collect::<Vec<Length>>();
    let (outer_a, outer_b) = (lengths(a, &rest_a), lengths(b, &rest_b));
    let [m, n, of_left, of_right] =
        [&outer_a, &outer_b, &lengths(a, of_a), &lengths(b, of_b)].map(|lengths| build.count(lengths, call.span));
    let left = permuted(build, pair.operands[0], &[&rest_a[..], of_a].concat(), call.span);
    let left = build.reshape(left, vec![m.clone(), of_left], call.span);
    let right = permuted(build, pair.operands[1], &[of_b, &rest_b[..]].concat(), call.span);
    let right = build.reshape(right, vec![of_right, n.clone()], call.span);
    let product = product_of(build, call, pair.dtype, [left, right], vec![m, n])?;
    let shape = [outer_a, outer_b].concat();
    addressable(call, &shape)?;
    Ok(build.reshape(product, shape, call.span))
}

fn vdot(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let mut pair = pair(build, call)?;
    for (index, operand) in pair.operands.into_iter().enumerate() {
        pair.operands[index] = build.flat(operand, call.span);
        pair.types[index] = build.type_of(pair.operands[index]);
    }
    agree(build, call, &pair, [0, 0])?;
    if pair.dtype.kind() == Kind::Complex {
        pair.operands[0] = build.elementwise("conj", &[pair.operands[0]], call.span)?;
    }
    sum_of_products(build, call, pair.dtype, pair.operands, 0).map(Value::Array)
}

fn outer(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let pair = pair(build, call)?;
    let [a, b] = pair.operands;
    let (a, b) = (build.flat(a, call.span), build.flat(b, call.span));
    let shape = [build.type_of(a).shape, build.type_of(b).shape].concat();
    addressable(call, &shape)?;
    let column = build.reshape(a, vec![shape[0].clone(), 1.into()], call.span);
    let pair = Pair { operands: [column, b], ..pair };
    scaled(build, call, &pair).map(Value::Array)
}

fn kron(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let pair = pair(build, call)?;
    let rank = pair.types.iter().map(Type::rank).max().unwrap_or(0);
    let padded = |one: &Type| [vec![Length::Known(1); rank - one.rank()], one.shape.clone()].concat();
    let [a, b] = pair.types.each_ref().map(padded);
    let shape: Vec<Length> = a.iter().zip(&b).map(|(a, b)| build.count([a, b], call.span)).collect();
    addressable(call, &shape)?;
    let [left, right] = pair.operands;
    let left = build.reshape(left, a.into_iter().flat_map(|length| [length, 1.into()]).collect(), call.span);
    let right = build.reshape(right, b.into_iter().flat_map(|length| [1.into(), length]).collect(), call.span);
    let pair = Pair { operands: [left, right], ..pair };
    let products = scaled(build, call, &pair)?;
    Ok(Value::Array(build.reshape(products, shape, call.span)))
}

fn matrix_power(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let a = build.array(call, 0)?;
    let n = build.integer(call, 1)?;
    let span = call.arguments[0].span;
    let source = super::factorisation::square(build, call, 0)?;
    let dtype = if n < 0 && source.dtype.is_integral() { DType::F64 } else { source.dtype };
    let a = build.convert(a, dtype, span)?;
    let attributes = vec![Attribute::Integer(n)];
    Ok(Value::Array(build.apply(call, &[a], attributes, vec![Type::new(dtype, source.shape)])[0]))
}
