//! The operations.

pub mod format;
pub mod npy;
