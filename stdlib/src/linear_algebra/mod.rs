//! Linear algebra on whole arrays: what a row of products, factorisations and Fourier transforms runs.

pub(crate) mod convolution;
pub(crate) mod factor;
pub(crate) mod fourier;
pub(crate) mod product;

use thalweg_runtime::array::{Array, Complex, Element};
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

/// Elements that are multiplied and added one by one.
trait Ring: Element + Default {
    /// `self + a * b`; integers wrap, and of bools it is whether any pair is true.
    fn multiply_add(self, a: Self, b: Self) -> Self;
}

macro_rules! ring {
    ($($element:ty),* => |$sum:ident, $a:ident, $b:ident| $value:expr) => { $(
        impl Ring for $element {
            fn multiply_add(self, $a: $element, $b: $element) -> $element {
                let $sum = self;
                $value
            }
        }
    )* };
}

ring! { i8, i16, i32, i64, u8, u16, u32, u64 => |sum, a, b| sum.wrapping_add(a.wrapping_mul(b)) }
ring! { f32, f64 => |sum, a, b| sum + a * b }
ring! { bool => |sum, a, b| sum | (a & b) }
ring! { Complex<f32>, Complex<f64> => |sum, a, b| {
    Complex::new(sum.re + (a.re * b.re - a.im * b.im), sum.im + (a.re * b.im + a.im * b.re))
} }
