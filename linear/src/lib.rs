//! Thalweg's linear algebra: products of matrices, factorisations and Fourier transforms as functions that a row of the library can run,
//! each on the library that one file knows. A crate of its own, because those libraries are made anew for every dtype here, which takes
//! the compiler minutes.

pub mod factor;
pub mod fourier;
pub mod product;

use thalweg_runtime::array::{Array, Element};
use thalweg_runtime::buffer::OutOfMemory;
use thalweg_runtime::operation::{Failure, FunctionCall};

/// What a thread must have to do, in nanoseconds, to be worth waking.
const WORTH_WAKING: f64 = 25_000.0;

/// How many threads so many nanoseconds of work are worth.
fn worth(call: &FunctionCall, nanoseconds: f64) -> usize {
    call.threads.min((nanoseconds / WORTH_WAKING) as usize).max(1)
}

/// Memory that cannot be had, as a failure.
fn out_of_memory(refusal: OutOfMemory) -> Failure {
    Failure { code: "E0502", message: refusal.to_string(), help: None }
}

/// A call whose operands are not what its rule said.
fn unexpected() -> Failure {
    Failure { code: "E0599", message: "internal error: operands of other types".into(), help: None }
}

/// An operand's elements in C order, copied where they do not lie so.
fn in_c_order(call: &FunctionCall, array: &Array) -> Result<Array, Failure> {
    array.to_contiguous(call.pool).map_err(out_of_memory)
}

/// The elements of an array that lies in C order.
fn elements<T: Element>(array: &Array) -> Result<&[T], Failure> {
    array.as_slice().ok_or_else(unexpected)
}
