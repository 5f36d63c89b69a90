//! What operations on whole arrays share: results to fill, operands in C order, and rows of the last axis.

use thalweg_runtime::array::{Array, Element};
use thalweg_runtime::buffer::OutOfMemory;
use thalweg_runtime::operation::{Failure, FunctionCall};

/// The result at a position, to be filled: zeros for now.
pub(crate) fn zeros(call: &FunctionCall, position: usize) -> Result<Array, Failure> {
    let array_type = &call.types[position];
    let refused = |refusal| memory(&format!("{array_type}"), refusal);
    Array::zeros(array_type.dtype, &array_type.shape, call.pool).map_err(refused)
}

/// An operand with its elements one after the other in C order.
pub(crate) fn contiguous(call: &FunctionCall, operand: &Array) -> Result<Array, Failure> {
    operand.to_contiguous(call.pool).map_err(|refusal| memory("a copy of an operand", refusal))
}

fn memory(what: &str, refusal: OutOfMemory) -> Failure {
    let help = refusal.limit.map(|limit| format!("the session's limit is {}", thalweg_runtime::buffer::Bytes(limit)));
    let bytes = thalweg_runtime::buffer::Bytes(refusal.requested);
    Failure { code: "E0502", message: format!("out of memory: {what} takes {bytes}"), help }
}

/// A result made row by row of the last axis of the only operand; both may have lengths of their own along it.
pub(crate) fn by_rows<A: Element, B: Element>(
    call: &FunctionCall,
    work: impl Fn(&[A], &mut [B]),
) -> Result<Vec<Array>, Failure> {
    let mut result = zeros(call, 0)?;
    let operand = contiguous(call, &call.operands[0])?;
    let lengths = (operand.shape().last().copied().unwrap_or(1), result.shape().last().copied().unwrap_or(1));
    let from = operand.as_slice::<A>().unwrap_or_default();
    let to = result.as_mut_slice::<B>().unwrap_or_default();
    if lengths.0 > 0 && lengths.1 > 0 {
        from.chunks_exact(lengths.0).zip(to.chunks_exact_mut(lengths.1)).for_each(|(from, to)| work(from, to));
    }
    Ok(vec![result])
}
