//! Convolutions of vectors, by the definition.

use super::{Ring, elements, in_c_order, out_of_memory, unexpected, worth};
use std::sync::{Mutex, PoisonError};
use thalweg_lang::graph::Attribute;
use thalweg_runtime::array::Array;
use thalweg_runtime::for_dtype;
use thalweg_runtime::operation::{Failure, FunctionCall};

/// So many sums at a time stay in the first cache.
const BLOCK: usize = 1024;

/// The part of the full convolution of two vectors that begins where the attributes say: at which of its elements, as a text, and
/// whether halves are counted from the other end when the first vector is the shorter one.
///
/// # Errors
/// When memory cannot be had, or the run is cancelled.
pub(crate) fn convolve(call: &FunctionCall) -> Result<Vec<Array>, Failure> {
    let ([a, b], Some(to)) = (call.operands, call.types.first()) else { return Err(unexpected()) };
    let (Some(Attribute::Text(mode)), Some(Attribute::Flag(turned))) =
        (call.attributes.first(), call.attributes.get(1))
    else {
        return Err(unexpected());
    };
    let short = a.len().min(b.len());
    let start = match &**mode {
        "same" if *turned && a.len() < b.len() => short / 2,
        "same" => short.saturating_sub(1) / 2,
        "valid" => short.saturating_sub(1),
        _ => 0,
    };
    let (a, b) = (in_c_order(call, a)?, in_c_order(call, b)?);
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let mut result = Array::zeros(to.dtype, &to.shape, call.pool).map_err(out_of_memory)?;
    for_dtype!(to.dtype, T => {
        let (long, short) = (elements::<T>(&long)?, elements::<T>(&short)?);
        let all = result.as_mut_slice::<T>().ok_or_else(unexpected)?;
        let cost = all.len() as f64 * short.len() as f64 * 0.4;
        let blocks: Vec<Mutex<&mut [T]>> = all.chunks_mut(BLOCK).map(Mutex::new).collect();
        let work = |block: usize| {
            let mut sums = blocks[block].lock().unwrap_or_else(PoisonError::into_inner);
            add(&mut sums, start + block * BLOCK, long, short);
        };
        match worth(call, cost) {
            1 if cost < 1e6 => (0..blocks.len()).for_each(work),
            _ => call.team.each(blocks.len(), &work)?,
        }
    });
    Ok(vec![result])
}

/// Adds to sums, the first of which is element `first` of the full convolution.
fn add<T: Ring>(sums: &mut [T], first: usize, long: &[T], short: &[T]) {
    for (shift, &factor) in short.iter().enumerate() {
        // Element k takes `factor` times the long vector's element k - shift.
        let from = shift.max(first);
        let until = (shift + long.len()).min(first + sums.len());
        if from < until {
            let others = &long[from - shift..until - shift];
            for (sum, &other) in sums[from - first..until - first].iter_mut().zip(others) {
                *sum = sum.multiply_add(factor, other);
            }
        }
    }
}
