//! What a formula is: a zero-sized type with one function over lanes, from which `Kernels` makes code for every dtype and level.
//!
//! ```
//! use thalweg_runtime::kernel::{Kernels, NumberFormula};
//! use thalweg_runtime::lane::Number;
//!
//! struct Add;
//! impl NumberFormula<2> for Add {
//!     #[inline(always)]
//!     fn apply<L: Number>([a, b]: [L; 2]) -> L {
//!         a.add(b)
//!     }
//! }
//! const ADD: Kernels = Kernels::number::<Add, 2>();
//! ```
//!
//! Mark every `apply` `#[inline(always)]`: it must be compiled inside the function that has the instruction set.

use crate::lane::{Double, Float, Integer, Mask, Number, Quotients, Single, Whole, Words};

/// Numbers to a number of the same dtype: the integers, f32 and f64.
pub trait NumberFormula<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Number>(operands: [L; N]) -> L;
}

/// Numbers to truth: comparisons.
pub trait NumberTest<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Number>(operands: [L; N]) -> L::Mask;
}

/// Floats to a float of the same dtype, each in its own precision.
pub trait FloatFormula<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Float>(operands: [L; N]) -> L;
}

/// Floats to a float, written for f64 alone: f32 operands are widened, and the result is rounded.
pub trait DoubleFormula<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Double>(operands: [L; N]) -> L;
}

/// Floats to a float, written for f32 alone: beside a `DoubleFormula` of the same function, whose place it takes for f32.
pub trait SingleFormula<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Single>(operands: [L; N]) -> L;
}

/// 64-bit words to one: bits that are not numbers.
pub trait WordFormula<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Words>(operands: [L; N]) -> L;
}

/// 64-bit words to an f64: numbers made of bits.
pub trait DrawFormula<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Double>(operands: [L::Bits; N]) -> L;
}

/// Floats to truth.
pub trait FloatTest<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Float>(operands: [L; N]) -> L::Mask;
}

/// Integers to an integer of the same dtype.
pub trait IntegerFormula<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Integer>(operands: [L; N]) -> L;
}

/// Two integers of different signedness to truth, exactly: both as i128.
pub trait MixedTest: 'static {
    /// The formula.
    fn apply(left: i128, right: i128) -> bool;
}

/// Truths to a truth.
pub trait LogicFormula<const N: usize>: 'static {
    /// The formula.
    fn apply<M: Mask>(operands: [M; N]) -> M;
}

/// Integers to an integer, one element at a time, with branches and loops allowed; for what has no vector form of its own (division,
/// powers, greatest common divisors) and for what can fail.
pub trait WholeFormula<const N: usize>: 'static {
    /// What it means that `apply` gives `None`, if it ever does: the middle of a sentence ("division by zero").
    const FAULT: Option<&'static str>;
    /// The formula; `None` where it has no answer.
    fn apply<T: Whole>(operands: [T; N]) -> Option<T>;
    /// The same without branches and loops, for machine code of single elements; `None` if it has no such form.
    #[inline(always)]
    fn straight<L: Quotients>(_operands: [L; N]) -> Option<L> {
        None
    }
    /// Whether the formula is `of_floats`, too.
    const HAS_FLOATS: bool = false;
    /// The same of operands that floats hold, as `Whole::is_held` says, and of which the last is not zero, so that vectors of floats compute
    /// it: an integer without rounding errors.
    #[inline(always)]
    fn of_floats<L: Float>(operands: [L; N]) -> L {
        operands[0]
    }
}

/// A complex number, or a vector of them as two vectors.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Complex<L> {
    /// The real part.
    pub real: L,
    /// The imaginary part.
    pub imaginary: L,
}

/// Complex numbers to a complex number, each in its own precision.
pub trait ComplexFormula<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Float>(operands: [Complex<L>; N]) -> Complex<L>;
}

/// Complex numbers to truth.
pub trait ComplexTest<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Float>(operands: [Complex<L>; N]) -> L::Mask;
}

/// Complex numbers to a float, each in its own precision: parts.
pub trait ComplexPart<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Float>(operands: [Complex<L>; N]) -> L;
}

/// Complex numbers to a complex number, computed on f64 parts as `DoubleFormula` is.
pub trait ComplexDoubleFormula<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Double>(operands: [Complex<L>; N]) -> Complex<L>;
}

/// Complex numbers to a float, computed on f64 parts as `DoubleFormula` is: magnitudes, angles.
pub trait ComplexDoublePart<const N: usize>: 'static {
    /// The formula.
    fn apply<L: Double>(operands: [Complex<L>; N]) -> L;
}
