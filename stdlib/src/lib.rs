//! The operations.

pub mod formulas;
