//! Kernels: formulas compiled into functions over blocks of densely packed elements, for every dtype and instruction set.

mod cast;
mod fold;
mod formula;
mod level;
pub mod record;
mod step;
mod table;
#[cfg(test)]
mod tests;

pub use crate::lane::{Double, Float, Integer, Lane, Mask, Number, Quotients, Single, Whole, Words};
pub use cast::cast;
pub use fold::{BUNDLE, Fold, Folds, NARROWEST_BUNDLE, STRIPE, STRIPES};
pub use formula::{
    Complex, ComplexDoubleFormula, ComplexDoublePart, ComplexFormula, ComplexPart, ComplexTest, DoubleFormula,
    DrawFormula, FloatFormula, FloatTest, IntegerFormula, LogicFormula, MixedTest, NumberFormula, NumberTest,
    SingleFormula, WholeFormula, WordFormula,
};
pub use level::Level;
pub(crate) use table::from_bytes;
pub use table::{Fault, Kernel, Kernels};

/// A kernel for one block.
///
/// `operands` points to one pointer for each operand, each to `length` densely packed elements of the operand's dtype; the
/// result's elements are written densely from `result` on. A bool is one byte, 0 or 1. No alignment is needed and `length` may
/// be anything. Returns the index of the first element that has no answer (what is written from there on is unspecified), or
/// `usize::MAX`.
///
/// The result may be exactly where an operand is (in place) if the operand's elements are no smaller than the result's;
/// otherwise it must not overlap any.
///
/// # Safety
/// The pointers must be as described, and the machine must have the level that the function was asked for.
pub type BlockFunction = unsafe fn(operands: *const *const u8, result: *mut u8, length: usize) -> usize;
