//! The operations.

pub mod format;
pub mod formulas;
pub mod npy;
