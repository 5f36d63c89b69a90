//! What operations on whole arrays share: results to fill, operands in C order, and rows of the last axis.

use std::sync::{Mutex, PoisonError};
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

/// Less than this many elements are not worth a second thread.
pub(crate) const WORTH_SHARING: usize = 1 << 15;

/// Runs `work` on each piece of what is to be written, with its number, on the call's threads.
pub(crate) fn each_piece<B: Send>(
    call: &FunctionCall,
    pieces: Vec<B>,
    work: impl Fn(usize, &mut B) + Sync,
) -> Result<Vec<B>, Failure> {
    // Each piece is one thread's alone; the lock says so to the compiler.
    let pieces: Vec<Mutex<B>> = pieces.into_iter().map(Mutex::new).collect();
    call.team.each(pieces.len(), &|index| {
        work(index, &mut pieces[index].lock().unwrap_or_else(PoisonError::into_inner));
    })?;
    Ok(pieces.into_iter().map(|piece| piece.into_inner().unwrap_or_else(PoisonError::into_inner)).collect())
}

/// How many pieces to cut so many elements into.
pub(crate) fn pieces_of(call: &FunctionCall, elements: usize) -> usize {
    if call.threads > 1 && elements >= WORTH_SHARING { 4 * call.threads } else { 1 }
}

/// A result made row by row of the last axis of the only operand; both may have lengths of their own along it. `alone` makes a
/// single row, and may use the call's threads.
pub(crate) fn by_rows<A: Element, B: Element>(
    call: &FunctionCall,
    row: impl Fn(&[A], &mut [B]) + Sync,
    alone: impl FnOnce(&[A], &mut [B]) -> Result<(), Failure>,
) -> Result<Vec<Array>, Failure> {
    let mut result = zeros(call, 0)?;
    let operand = contiguous(call, &call.operands[0])?;
    let lengths = (operand.shape().last().copied().unwrap_or(1), result.shape().last().copied().unwrap_or(1));
    let from = operand.as_slice::<A>().unwrap_or_default();
    let to = result.as_mut_slice::<B>().unwrap_or_default();
    if lengths.0 > 0 && lengths.1 > 0 && !from.is_empty() {
        let rows = from.len() / lengths.0;
        if rows == 1 {
            alone(from, to)?;
        } else {
            let together = rows.div_ceil(pieces_of(call, from.len()));
            let pieces = from.chunks(together * lengths.0).zip(to.chunks_mut(together * lengths.1)).collect();
            each_piece(call, pieces, |_, (from, to)| {
                from.chunks_exact(lengths.0).zip(to.chunks_exact_mut(lengths.1)).for_each(|(from, to)| row(from, to));
            })?;
        }
    }
    Ok(vec![result])
}
