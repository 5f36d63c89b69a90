//! Elementwise formulas: one generic text for every lane, from one element to a GPU's thread.
//!
//! All are written for f64. The most used have a second text for f32 alone, in `single`, with half as wide elements and shorter
//! polynomials; for the others f32 operands are widened, computed and rounded. Nothing here asks the platform's libm and nothing
//! branches on a value, so that every executor gives the same bits. The polynomials are our own: weighted Remez fits
//! made with mpmath at 50 digits, the lowest coefficients rounded first and the others fitted again around them. Each
//! constant's comment gives the largest weighted error of the rounded polynomial. Measured errors: docs/accuracy.md.

pub use thalweg_runtime::lane::{Double, Single};

// No closures in what follows: one that the compiler does not inline loses the vectors' instruction set.
pub mod arithmetic;
pub mod complex;
pub mod error_function;
pub mod exponential;
pub mod hyperbolic;
pub mod inverse_trigonometric;
pub mod logarithm;
pub mod pair;
pub mod polynomial;
pub mod power;
pub mod random;
pub mod roots;
pub mod single;
pub mod trigonometric;

#[cfg(test)]
mod tests;

pub use error_function::{erf, erfc};
pub use exponential::{exp, exp2, expm1};
pub use hyperbolic::{acosh, asinh, atanh, cosh, sinh, tanh};
pub use inverse_trigonometric::{acos, asin, atan, atan2};
pub use logarithm::{log, log_of_sum_of_exponentials, log1p, log2, log2_of_sum_of_powers, log10};
pub use power::power;
pub use roots::{cbrt, hypot};
pub use trigonometric::{cos, sin, tan};
