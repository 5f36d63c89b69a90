//! Factorisations of matrices and Fourier transforms of rows, as functions of plain slices.
//!
//! A crate of its own that depends on no other of the workspace, because the libraries behind it are generic: what becomes of them for
//! four kinds of numbers takes the compiler minutes, and here that happens once.
//!
//! Matrices are given by columns and come back by rows. Nothing here knows threads.

mod factor;
mod fourier;

pub use factor::{Fault, Field, c32, c64};
pub use fourier::{ComplexNumber, ComplexTransform, FromReals, Real, ToReals};
