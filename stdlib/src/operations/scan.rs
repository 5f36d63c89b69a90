//! Running sums, products and extremes.
//!
//! Their order is fixed by the length alone: blocks of 1024 elements are summed from their first element on, and the blocks' sums
//! likewise, so that blocks can be scanned by different threads with the same bits, and errors stay small.

use super::views::{axis_argument, moved};
use crate::operation::{Expansion, Operation, optional, required};
use crate::ordering::Ordered;
use crate::typing;
use crate::whole_array::{by_rows, each_piece, pieces_of};
use thalweg_lang::declaration::{Call, Default, Mismatch, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Kind, Scalar};
use thalweg_lang::value::Value;
use thalweg_runtime::array::{Array, Complex, Element};
use thalweg_runtime::for_dtype;
use thalweg_runtime::operation::{Failure, FunctionCall};

/// How many elements are scanned one after the other.
const BLOCK: usize = 1024;

const ORDER: &str = "Along one axis, or over all elements in C order with `axis=none`. The order of the combinations depends on the \
                     length alone: blocks of 1024 elements, and the blocks' results likewise.";

pub(super) fn rows(rows: &mut Vec<Operation>) {
    let parameters = || vec![required("x"), optional("axis", Default::None)];
    rows.push(
        Operation::function(
            "cumsum",
            parameters(),
            |build, call| scan(build, call, typing::accumulator),
            |call| accumulated(call, Sum),
        )
        .summary("The running sum; integers and bools accumulate in 64 bits.")
        .text(ORDER)
        .examples(&[
            ("cumsum([1, 2, 3])", "[1 3 6]"),
            ("cumsum([[1.0, 2.0], [3.0, 4.0]], axis=0)", "[[1. 2.]\n [4. 6.]]"),
        ]),
    );
    rows.push(
        Operation::function(
            "cumprod",
            parameters(),
            |build, call| scan(build, call, typing::accumulator),
            |call| accumulated(call, Product),
        )
        .summary("The running product; integers and bools accumulate in 64 bits.")
        .text(ORDER)
        .examples(&[("cumprod([1, 2, 3, 4])", "[ 1  2  6 24]")]),
    );
    rows.push(
        Operation::function(
            "cummax",
            parameters(),
            |build, call| scan(build, call, typing::extreme),
            |call| extremes(call, true),
        )
        .summary("The greatest element so far; NaN from the first one on.")
        .text(ORDER)
        .examples(&[("cummax([1, 3, 2, 5])", "[1 3 3 5]")]),
    );
    rows.push(
        Operation::function(
            "cummin",
            parameters(),
            |build, call| scan(build, call, typing::extreme),
            |call| extremes(call, false),
        )
        .summary("The smallest element so far; NaN from the first one on.")
        .text(ORDER)
        .examples(&[("cummin([3.0, 1.0, nan, 0.0])", "[ 3.  1. nan nan]")]),
    );
    rows.push(
        Operation::expand(
            "diff",
            vec![required("x"), optional("n", Default::Integer(1)), optional("axis", Default::Integer(-1))],
            differences,
        )
        .summary("The differences of neighbours along an axis, n times over; of bools whether they differ.")
        .examples(&[("diff([1, 4, 9, 16])", "[3 5 7]"), ("diff([1, 4, 9, 16], n=2)", "[2 2]")]),
    );
}

fn differences(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let times = build.integer(call, 1)?;
    if times < 0 {
        let message = format!("differences are taken 0 times or more, not {times}");
        return Err(Diagnostic::error("E0309", message, call.arguments[1].span, ""));
    }
    let source = build.type_of(x);
    let axis = axis_argument(build, call, 2, &source)?;
    let operation = if source.dtype == DType::Bool { "not_equal" } else { "subtract" };
    let [one, minus_one] = [1, -1].map(|bound| build.constant(Scalar::i64(bound), true, call.span));
    let mut value = x;
    for _ in 0..times {
        let next = build.slice(value, axis, [Some(one), None], call.span)?;
        let previous = build.slice(value, axis, [None, Some(minus_one)], call.span)?;
        value = build.elementwise(operation, &[next, previous], call.span)?;
    }
    Ok(Value::Array(Operand { weak: false, ..value }))
}

fn scan(
    build: &mut Expansion,
    call: &Call,
    accumulate: fn(DType) -> Result<DType, Mismatch>,
) -> Result<Value<Operand>, Diagnostic> {
    let x = build.array(call, 0)?;
    let span = call.arguments[0].span;
    let dtype = accumulate(build.type_of(x).dtype).map_err(|mismatch| {
        Diagnostic::error("E0302", format!("`{}` takes {}", call.name, mismatch.takes), span, "")
    })?;
    let x = build.cast(x, dtype, span);
    along_last(build, call, x, 1, &mut |build, x| {
        let array_type = build.type_of(x);
        Ok(build.apply(call, &[x], Vec::new(), vec![array_type])[0])
    })
}

/// What `work` makes of the array with one axis last, with that axis back in its place; `none` is all elements in C order.
pub(super) fn along_last(
    build: &mut Expansion,
    call: &Call,
    x: Operand,
    axis_index: usize,
    work: &mut dyn FnMut(&mut Expansion, Operand) -> Result<Operand, Diagnostic>,
) -> Result<Value<Operand>, Diagnostic> {
    let source = build.type_of(x);
    if let Value::None = call.arguments[axis_index].value {
        let flat = build.flat(x, call.span);
        return work(build, flat).map(Value::Array);
    }
    let axis = axis_argument(build, call, axis_index, &source)?;
    let last = source.rank() - 1;
    let turned = moved(build, x, axis, last, call.span);
    let result = work(build, turned)?;
    Ok(Value::Array(moved(build, result, last, axis, call.span)))
}

/// An operation that accumulates.
trait Accumulate<T>: Copy {
    fn combine(self, left: T, right: T) -> T;
}
#[derive(Clone, Copy)]
struct Sum;
#[derive(Clone, Copy)]
struct Product;

macro_rules! whole {
    ($($element:ty)*) => { $(
        impl Accumulate<$element> for Sum {
            fn combine(self, left: $element, right: $element) -> $element {
                left.wrapping_add(right)
            }
        }
        impl Accumulate<$element> for Product {
            fn combine(self, left: $element, right: $element) -> $element {
                left.wrapping_mul(right)
            }
        }
    )* };
}
whole!(i64 u64);

macro_rules! floats {
    ($($element:ty)*) => { $(
        impl Accumulate<$element> for Sum {
            fn combine(self, left: $element, right: $element) -> $element {
                left + right
            }
        }
        impl Accumulate<$element> for Product {
            fn combine(self, left: $element, right: $element) -> $element {
                left * right
            }
        }
        impl Accumulate<Complex<$element>> for Sum {
            fn combine(self, left: Complex<$element>, right: Complex<$element>) -> Complex<$element> {
                Complex::new(left.re + right.re, left.im + right.im)
            }
        }
        impl Accumulate<Complex<$element>> for Product {
            fn combine(self, left: Complex<$element>, right: Complex<$element>) -> Complex<$element> {
                Complex::new(left.re * right.re - left.im * right.im, left.re * right.im + left.im * right.re)
            }
        }
    )* };
}
floats!(f32 f64);

/// Blocks that go side by side: each is a chain of operations that wait for each other, and the processor has room for several.
const TOGETHER: usize = 4;

/// The most bytes of which blocks go side by side: more come from memory, and one stream after the other comes faster.
const MOST_TOGETHER: usize = 8 * 1024 * 1024;

/// Every block by itself, from its first element on; what it gives so far is passed to `keep` with the element's index.
fn scan_blocks<T: Element>(combine: impl Fn(T, T) -> T, from: &[T], mut keep: impl FnMut(usize, T)) {
    let mut groups = from.chunks_exact(TOGETHER * BLOCK);
    for (group, elements) in groups.by_ref().enumerate() {
        let first = group * TOGETHER * BLOCK;
        let mut within: [T; TOGETHER] = std::array::from_fn(|block| elements[block * BLOCK]);
        within.iter().enumerate().for_each(|(block, &total)| keep(first + block * BLOCK, total));
        for index in 1..BLOCK {
            for (block, total) in within.iter_mut().enumerate() {
                *total = combine(*total, elements[block * BLOCK + index]);
                keep(first + block * BLOCK + index, *total);
            }
        }
    }
    let rest = groups.remainder();
    let first = from.len() - rest.len();
    for (block, elements) in rest.chunks(BLOCK).enumerate() {
        let mut within = elements[0];
        keep(first + block * BLOCK, within);
        for (index, element) in elements.iter().enumerate().skip(1) {
            within = combine(within, *element);
            keep(first + block * BLOCK + index, within);
        }
    }
}

/// A block that was gone over by itself, combined with what all blocks before it gave; gives what all blocks up to here give.
fn raise<T: Element>(combine: impl Fn(T, T) -> T, before: Option<T>, block: &mut [T]) -> T {
    if let Some(before) = before {
        block.iter_mut().for_each(|element| *element = combine(before, *element));
    }
    block[block.len() - 1]
}

/// One row, so many blocks side by side; `before` gives what comes before a block, which may be what the block before it gave.
fn scan_row<T: Element>(
    combine: impl Fn(T, T) -> T,
    together: usize,
    from: &[T],
    to: &mut [T],
    mut before: impl FnMut(Option<T>) -> Option<T>,
) {
    let mut last = None;
    for (from, to) in from.chunks(together * BLOCK).zip(to.chunks_mut(together * BLOCK)) {
        if together == 1 {
            let before = before(last);
            let raised = |element| before.map_or(element, |before| combine(before, element));
            scan_blocks(&combine, from, |index, element| to[index] = raised(element));
            last = to.last().copied();
            continue;
        }
        scan_blocks(&combine, from, |index, element| to[index] = element);
        for block in to.chunks_mut(BLOCK) {
            last = Some(raise(&combine, before(last), block));
        }
    }
}

/// One row on all threads: every block by itself first, to know what comes before each.
fn scan_alone<T: Element>(
    call: &FunctionCall,
    combine: impl Fn(T, T) -> T + Sync,
    together: usize,
    from: &[T],
    to: &mut [T],
) -> Result<(), Failure> {
    let count = pieces_of(call, from.len());
    if count == 1 {
        scan_row(combine, together, from, to, |last| last);
        return Ok(());
    }
    let length = from.len().div_ceil(BLOCK).div_ceil(count) * BLOCK;
    let totals: Vec<Vec<T>> = vec![Vec::new(); from.len().div_ceil(length)];
    let totals = each_piece(call, totals, |index, totals| {
        let piece = &from[index * length..from.len().min((index + 1) * length)];
        totals.extend(piece.chunks(BLOCK).map(|block| block[0]));
        scan_blocks(&combine, piece, |element, total| totals[element / BLOCK] = total);
    })?;
    let mut before = None;
    let befores: Vec<Option<T>> = totals
        .into_iter()
        .flatten()
        .map(|total| {
            let after = before.map_or(total, |before| combine(before, total));
            before.replace(after)
        })
        .collect();
    each_piece(call, to.chunks_mut(length).collect(), |index, to| {
        let first = index * length;
        let mut befores = befores[first / BLOCK..].iter();
        scan_row(&combine, together, &from[first..first + to.len()], to, |_| {
            *befores.next().expect("one for each block")
        });
    })?;
    Ok(())
}

/// The rows of the operand, or its only one. `waits`: whether the combination takes longer than a load and a store.
fn scanned<T: Element>(
    call: &FunctionCall,
    combine: impl Fn(T, T) -> T + Sync,
    waits: bool,
) -> Result<Vec<Array>, Failure> {
    let is_cached = call.operands[0].len() * size_of::<T>() <= MOST_TOGETHER;
    let together = if waits && is_cached { TOGETHER } else { 1 };
    by_rows(
        call,
        |from: &[T], to: &mut [T]| scan_row(&combine, together, from, to, |last| last),
        |from, to| scan_alone(call, &combine, together, from, to),
    )
}

fn accumulated<A>(call: &FunctionCall, operation: A) -> Result<Vec<Array>, Failure>
where
    A: Sync
        + Accumulate<i64>
        + Accumulate<u64>
        + Accumulate<f32>
        + Accumulate<f64>
        + Accumulate<Complex<f32>>
        + Accumulate<Complex<f64>>,
{
    fn rows<T: Element>(call: &FunctionCall, operation: impl Accumulate<T> + Sync) -> Result<Vec<Array>, Failure> {
        let waits = !matches!(T::DTYPE.kind(), Kind::Signed | Kind::Unsigned);
        scanned(call, |left: T, right: T| operation.combine(left, right), waits)
    }
    match call.types[0].dtype {
        DType::U64 => rows::<u64>(call, operation),
        DType::F32 => rows::<f32>(call, operation),
        DType::F64 => rows::<f64>(call, operation),
        DType::C64 => rows::<Complex<f32>>(call, operation),
        DType::C128 => rows::<Complex<f64>>(call, operation),
        _ => rows::<i64>(call, operation),
    }
}

/// Running extremes; NaN stays.
fn extremes(call: &FunctionCall, greatest: bool) -> Result<Vec<Array>, Failure> {
    fn rows<T: Ordered>(call: &FunctionCall, greatest: bool) -> Result<Vec<Array>, Failure> {
        let combine = |kept: T, next: T| {
            let replaces = if greatest { kept.is_below(next) } else { next.is_below(kept) };
            if !kept.is_undefined() && (replaces || next.is_undefined()) { next } else { kept }
        };
        scanned(call, combine, true)
    }
    for_dtype!(call.types[0].dtype, T => rows::<T>(call, greatest))
}
