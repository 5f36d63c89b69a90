//! Thalweg's language: text to a checked dataflow graph. Knows no operation by name, no thread, no GPU.

pub mod ast;
pub mod check;
pub mod close;
pub mod declaration;
pub mod diagnostic;
pub mod dtype;
pub mod format;
pub mod graph;
pub mod layout;
pub mod length;
pub mod lexer;
pub mod parser;
mod pieces;
pub mod promotion;
mod roots;
pub mod source;
pub mod types;
pub mod value;
