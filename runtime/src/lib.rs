//! Thalweg's runtime: a dataflow graph to arrays. Knows how to run anything, and no operation by name.

pub mod array;
pub mod buffer;
pub mod execute;
pub mod kernel;
pub mod lane;
pub mod machine;
pub mod operation;
pub mod plan;
