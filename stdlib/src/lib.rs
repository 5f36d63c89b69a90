//! The operations.

pub mod format;
