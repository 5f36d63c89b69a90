//! Order: sorting, searching what is sorted, counting.

use super::scan::along_last;
use super::views::axis_argument;
use crate::operation::{Expansion, Operation, optional, required};
use crate::ordering::Ordered;
use crate::whole_array::{by_rows, contiguous, each_piece, pieces_of, zeros};
use std::cmp::Ordering;
use thalweg_lang::declaration::{Call, Default, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Kind, Scalar};
use thalweg_lang::graph::Attribute;
use thalweg_lang::promotion::{Numeric, common};
use thalweg_lang::types::{ArrayType, DisplayShape};
use thalweg_lang::value::Value;
use thalweg_runtime::array::{Array, Element};
use thalweg_runtime::for_dtype;
use thalweg_runtime::operation::{Failure, FunctionCall};

const NAN_LAST: &str = "NaN comes last; complex numbers are ordered by their real parts, then by their imaginary ones.";

pub(super) fn rows(rows: &mut Vec<Operation>) {
    let parameters = || vec![required("x"), optional("axis", Default::Integer(-1))];
    rows.push(
        Operation::function(
            "sort",
            parameters(),
            |build, call| sorted(build, call, None),
            |call| for_dtype!(call.types[0].dtype, T => by_rows(call, sort_row::<T>, |from, to| sort_alone::<T>(call, from, to))),
        )
        .summary("The elements in ascending order along an axis, the last by default, or all of them with `axis=none`.")
        .text(NAN_LAST)
        .examples(&[
            ("sort([3, 1, 2])", "[1 2 3]"),
            ("sort([[3.0, nan], [1.0, 2.0]], axis=0)", "[[ 1.  2.]\n [ 3. nan]]"),
        ]),
    );
    rows.push(
        Operation::function(
            "argsort",
            parameters(),
            |build, call| sorted(build, call, Some(DType::I64)),
            |call| for_dtype!(call.operands[0].dtype(), T => argsorted::<T>(call)),
        )
        .summary("The indices (i64) that sort along an axis; equal elements stay in their order.")
        .text(NAN_LAST)
        .examples(&[("argsort([3, 1, 2])", "[1 2 0]")]),
    );
    rows.push(
        Operation::function(
            "searchsorted",
            vec![required("sorted"), required("x"), optional("side", Default::Text("left"))],
            search_rule,
            search,
        )
        .summary("Where in a sorted array each x would be inserted: before equal elements, or after them with side=\"right\".")
        .examples(&[
            ("searchsorted([1, 2, 2, 5], [2, 3])", "[1 3]"),
            ("searchsorted([1, 2, 2, 5], 2, side=\"right\")", "3"),
        ]),
    );
    rows.push(
        Operation::expand(
            "take",
            vec![required("x"), required("indices"), optional("axis", Default::None)],
            |build, call| {
                let (x, indices) = (build.array(call, 0)?, build.array(call, 1)?);
                let indices_type = build.type_of(indices);
                if !matches!(indices_type.dtype.kind(), Kind::Signed | Kind::Unsigned) {
                    let message = format!("`{}` takes integer indices, not {indices_type}", call.name);
                    let found = indices_type.to_string();
                    let diagnostic = Diagnostic::error("E0302", message, call.arguments[1].span, found);
                    return Err(diagnostic.help("cast them: `i64(indices)`"));
                }
                let source = build.type_of(x);
                if let Value::None = call.arguments[2].value {
                    let flat = build.flat(x, call.span);
                    return build.take(flat, 0, indices, call.span).map(Value::Array);
                }
                let axis = axis_argument(build, call, 2, &source)?;
                build.take(x, axis, indices, call.span).map(Value::Array)
            },
        )
        .summary(
            "The elements at integer indices of any shape, along an axis or, by default, of all elements in C order.",
        )
        .examples(&[("take([10, 20, 30], [2, 0])", "[30 10]"), ("take([[1, 2], [3, 4]], [1], axis=1)", "[[2]\n [4]]")]),
    );
    rows.push(
        Operation::expand("nonzero", vec![required("x")], nonzero)
            .summary("The indices of the elements that are not 0 (or not false), in C order, as a tuple of one array for each axis.")
            .examples(&[("nonzero([0, 2, 0, 5])", "([1 3],)"), ("nonzero([[0, 1], [1, 0]])", "([0 1], [1 0])")]),
    );
    rows.push(
        Operation::function(
            "tally",
            vec![required("index"), required("length"), optional("weights", Default::None)],
            tally_rule,
            tally,
        )
        .summary("How often each of 0, 1, … below a length occurs among indices, or the sum of their weights; others do not count.")
        .examples(&[("tally([0, 2, 2, 7], 3)", "[1 0 2]"), ("tally([0, 1, 1], 2, [0.5, 1.0, 2.0])", "[0.5 3. ]")]),
    );
}

fn sorted(build: &mut Expansion, call: &Call, result: Option<DType>) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    along_last(build, call, x, 1, &mut |build, x| {
        let source = build.type_of(x);
        let array_type = ArrayType::new(result.unwrap_or(source.dtype), source.shape);
        Ok(build.apply(call, &[x], Vec::new(), vec![array_type])[0])
    })
}

fn sort_row<T: Ordered>(from: &[T], to: &mut [T]) {
    to.copy_from_slice(from);
    // Stable, so that -0.0 and 0.0, which are equal, stay in one order however many threads sort.
    to.sort_by(T::order);
}

fn sort_alone<T: Ordered>(call: &FunctionCall, from: &[T], to: &mut [T]) -> Result<(), Failure> {
    to.copy_from_slice(from);
    sort_together(call, to, T::order)
}

/// The indices that sort rows.
pub(super) fn argsorted<T: Ordered>(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let row = |from: &[T], to: &mut [i64]| {
        count_up(to);
        to.sort_by(|left, right| from[*left as usize].order(&from[*right as usize]));
    };
    let alone = |from: &[T], to: &mut [i64]| {
        count_up(to);
        sort_together(call, to, |left: &i64, right: &i64| from[*left as usize].order(&from[*right as usize]))
    };
    by_rows(call, row, alone)
}

fn count_up(to: &mut [i64]) {
    to.iter_mut().enumerate().for_each(|(index, place)| *place = index as i64);
}

/// A stable sort on the call's threads: pieces by themselves, then neighbours merged until one is left.
fn sort_together<T: Element>(
    call: &FunctionCall,
    elements: &mut [T],
    order: impl Fn(&T, &T) -> Ordering + Sync,
) -> Result<(), Failure> {
    let count = if pieces_of(call, elements.len()) == 1 { 1 } else { call.threads.next_power_of_two() };
    let mut length = elements.len().div_ceil(count).max(1);
    each_piece(call, elements.chunks_mut(length).collect(), |_, piece| piece.sort_by(&order))?;
    if count == 1 {
        return Ok(());
    }
    let mut merged = elements.to_vec();
    while length < elements.len() {
        let pairs = elements.chunks(2 * length).zip(merged.chunks_mut(2 * length)).collect();
        each_piece(call, pairs, |_, (from, to)| {
            let (left, right) = from.split_at(length.min(from.len()));
            merge(left, right, to, &order);
        })?;
        elements.copy_from_slice(&merged);
        length *= 2;
    }
    Ok(())
}

/// Two sorted pieces as one; of equal elements the left piece's come first.
fn merge<'a, T: Element>(mut left: &'a [T], mut right: &'a [T], to: &mut [T], order: &impl Fn(&T, &T) -> Ordering) {
    for place in to {
        let takes_left = match (left.first(), right.first()) {
            (Some(one), Some(other)) => order(one, other).is_le(),
            (one, _) => one.is_some(),
        };
        let source = if takes_left { &mut left } else { &mut right };
        if let [first, rest @ ..] = *source {
            (*place, *source) = (*first, rest);
        }
    }
}

fn nonzero(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let source = build.type_of(x);
    if source.rank() == 0 {
        let message = format!("`{}` gives indices, and a scalar has none", call.name);
        let diagnostic = Diagnostic::error("E0303", message, call.arguments[0].span, source.to_string());
        return Err(diagnostic.help("write `x != 0`"));
    }
    let zero = build.constant(Scalar::i64(0).cast(source.dtype), false, call.span);
    let mask = match source.dtype {
        DType::Bool => x,
        _ => build.elementwise("not_equal", &[x, zero], call.span)?,
    };
    let mut left = build.positions(mask, call.span);
    let mut indices = Vec::new();
    for length in source.shape[1..].iter().rev() {
        let length = build.length_value(length, call.span);
        indices.push(Value::Array(build.elementwise("remainder", &[left, length], call.span)?));
        left = build.elementwise("floor_divide", &[left, length], call.span)?;
    }
    indices.push(Value::Array(left));
    indices.reverse();
    Ok(Value::Tuple(indices))
}

fn search_rule(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let (sorted, x) = (build.array(call, 0)?, build.array(call, 1)?);
    let side = build.text(call, 2)?;
    if !["left", "right"].contains(&&*side) {
        let message = format!("`searchsorted` has no side \"{side}\"");
        let help = "write side=\"left\" or side=\"right\"";
        return Err(Diagnostic::error("E0309", message, call.arguments[2].span, "").help(help));
    }
    let (sorted_type, x_type) = (build.type_of(sorted), build.type_of(x));
    if sorted_type.rank() != 1 {
        let message = format!("`{}` searches an array of one axis, not {sorted_type}", call.name);
        let diagnostic = Diagnostic::error("E0303", message, call.arguments[0].span, "");
        return Err(diagnostic.help("`ravel(x)` puts all elements along one axis"));
    }
    let numeric = |operand: Operand, dtype| Numeric { dtype, weak: operand.weak };
    let dtype = common(&[numeric(sorted, sorted_type.dtype), numeric(x, x_type.dtype)]).dtype;
    let sorted = build.convert(sorted, dtype, call.arguments[0].span)?;
    let x = build.convert(x, dtype, call.arguments[1].span)?;
    let attributes = vec![Attribute::Flag(&*side == "right")];
    let types = vec![ArrayType::new(DType::I64, x_type.shape)];
    Ok(Value::Array(build.apply(call, &[sorted, x], attributes, types)[0]))
}

fn search(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    fn places<T: Ordered>(call: &FunctionCall, after: bool) -> Result<Vec<Array>, Failure> {
        let (sorted, x) = (contiguous(call, &call.operands[0])?, contiguous(call, &call.operands[1])?);
        let mut result = zeros(call, 0)?;
        let sorted = sorted.as_slice::<T>().unwrap_or_default();
        let wanted = x.as_slice::<T>().unwrap_or_default();
        let places = result.as_mut_slice::<i64>().unwrap_or_default();
        let length = wanted.len().div_ceil(pieces_of(call, wanted.len())).max(1);
        each_piece(call, wanted.chunks(length).zip(places.chunks_mut(length)).collect(), |_, (wanted, places)| {
            for (place, x) in places.iter_mut().zip(*wanted) {
                let is_before = |element: &T| if after { element.order(x).is_le() } else { element.order(x).is_lt() };
                *place = sorted.partition_point(is_before) as i64;
            }
        })?;
        Ok(vec![result])
    }
    let after = matches!(call.attributes.first(), Some(Attribute::Flag(true)));
    for_dtype!(call.operands[0].dtype(), T => places::<T>(call, after))
}

fn tally_rule(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let index = build.array(call, 0)?;
    let length = build.array(call, 1)?;
    let length_type = build.type_of(length);
    if !length_type.shape.is_empty() || !matches!(length_type.dtype.kind(), Kind::Signed | Kind::Unsigned) {
        let message = format!("the number of bins is an integer, not {length_type}");
        let diagnostic = Diagnostic::error("E0302", message, call.arguments[1].span, length_type.to_string());
        return Err(diagnostic.help("write one integer, or cast it: `i64(x)`"));
    }
    let length = build.cast(length, DType::I64, call.arguments[1].span);
    let length = build.length_of(length, call.arguments[1].span)?;
    let index_type = build.type_of(index);
    if !matches!(index_type.dtype.kind(), Kind::Signed | Kind::Unsigned) {
        let message = format!("`{}` takes integers, not {}", call.name, index_type.dtype);
        let help = "round and cast first: `i64(round(x))`";
        return Err(Diagnostic::error("E0302", message, call.arguments[0].span, index_type.to_string()).help(help));
    }
    let index = build.cast(index, DType::I64, call.arguments[0].span);
    let mut operands = vec![index];
    let mut dtype = DType::I64;
    if !matches!(call.arguments[2].value, Value::None) {
        let weights = build.array(call, 2)?;
        let weights_type = build.type_of(weights);
        let what = format!("`{}` needs a weight for each number", call.name);
        if !build.same_shape(&weights_type.shape, &index_type.shape, &what, call.arguments[2].span) {
            let message = format!("{what}: these are {index_type} and {weights_type}");
            let diagnostic = Diagnostic::error("E0301", message, call.arguments[2].span, weights_type.to_string());
            let diagnostic = diagnostic.label(call.arguments[0].span, index_type.to_string());
            let shape = DisplayShape(&index_type.shape);
            return Err(diagnostic.help(format!("give the weights the shape {shape}")));
        }
        dtype = DType::F64;
        operands.push(build.cast(weights, dtype, call.arguments[2].span));
    }
    let types = vec![ArrayType::new(dtype, vec![length])];
    Ok(Value::Array(build.apply(call, &operands, Vec::new(), types)[0]))
}

/// Counts the indices of the bins, and gives those of none, their bits together.
fn count(index: &[i64], counts: &mut [i64]) -> i64 {
    let mut outside = 0;
    for index in index {
        match counts.get_mut(*index as usize) {
            Some(count) => *count += 1,
            None => outside |= index,
        }
    }
    outside
}

fn tally(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let index = contiguous(call, &call.operands[0])?;
    let index = index.as_slice::<i64>().unwrap_or_default();
    let mut result = zeros(call, 0)?;
    // Their sign tells whether one is negative: as a place, such a one is beyond all bins.
    let outside = match call.operands.get(1) {
        // Sums have one order, that of the elements.
        Some(weights) => {
            let weights = contiguous(call, weights)?;
            let weights = weights.as_slice::<f64>().unwrap_or_default();
            let sums = result.as_mut_slice::<f64>().unwrap_or_default();
            let mut outside = 0;
            for (index, weight) in index.iter().zip(weights) {
                match sums.get_mut(*index as usize) {
                    Some(sum) => *sum += weight,
                    None => outside |= index,
                }
            }
            outside
        }
        None => {
            let counts = result.as_mut_slice::<i64>().unwrap_or_default();
            // Each thread has bins of its own, which together must not cost more than what is counted.
            let most = index.len() / (8 * counts.len().max(1));
            let shares = pieces_of(call, index.len()).min(call.threads).min(most);
            if shares <= 1 {
                count(index, counts)
            } else {
                let own = |piece| Ok((piece, zeros(call, 0)?, 0));
                let pieces =
                    index.chunks(index.len().div_ceil(shares)).map(own).collect::<Result<Vec<_>, Failure>>()?;
                let pieces = each_piece(call, pieces, |_, (index, own, outside)| {
                    *outside = count(index, own.as_mut_slice::<i64>().unwrap_or_default());
                })?;
                for (_, own, _) in &pieces {
                    let own = own.as_slice::<i64>().unwrap_or_default();
                    counts.iter_mut().zip(own).for_each(|(count, own)| *count += own);
                }
                pieces.iter().fold(0, |all, (_, _, outside)| all | outside)
            }
        }
    };
    let negative = if outside < 0 { index.iter().find(|index| **index < 0) } else { None };
    match negative {
        Some(negative) => {
            let message = format!("integers from 0 on are counted, and {negative} is among them");
            let help = Some("leave the negative ones out: `x[x >= 0]`".to_owned());
            Err(Failure { code: "E0513", message, help })
        }
        None => Ok(vec![result]),
    }
}
