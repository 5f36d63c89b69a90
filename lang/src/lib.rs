//! Thalweg's language: text to a checked dataflow graph. Knows no operation by name, no thread, no GPU.

pub mod ast;
pub mod diagnostic;
pub mod dtype;
pub mod layout;
pub mod lexer;
pub mod parser;
pub mod source;
