//! Formulas for f32 alone: the ways of their namesakes for f64, with constants and polynomials of 24 bits.
//!
//! Far arguments have paths of 32 bits, too: one 64-bit operation would halve the vectors of all code that it stands in.
//! Each is compared with the f64 formula, rounded, at all 2^32 arguments (`examples/accuracy_single.rs`): docs/accuracy.md.

mod error_function;
mod exponential;
mod hyperbolic;
mod logarithm;
mod roots;
mod trigonometric;

pub use error_function::erf;
pub use exponential::{exp, exp2, expm1};
pub use hyperbolic::{cosh, sinh, tanh};
pub use logarithm::{log, log1p, log2, log10};
pub use roots::hypot;
pub use trigonometric::{cos, sin, tan};

#[cfg(test)]
mod tests;
