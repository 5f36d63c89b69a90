//! Thalweg, an array language, as a library: the operations, and the interpreter that programs embed.
//!
//! ```
//! let mut interpreter = thalweg::Interpreter::new();
//! let outcome = interpreter.run("example", "a = range(5); sum(a * a)").unwrap();
//! assert_eq!(thalweg::display(&outcome.value.unwrap()), "30");
//! ```
//!
//! Nothing here is global: every [`Interpreter`] and every [`Program`] has its own names, memory and threads, can be used from
//! any thread, and installs no signal handler. Errors are data ([`Diagnostic`]); nothing prints.

mod explanation;
mod file;
pub mod format;
pub mod formulas;
mod help;
mod import;
mod interpreter;
mod library;
mod linear_algebra;
pub mod npy;
mod operation;
mod operations;
mod ordering;
mod picture;
mod program;
mod show;
mod table;
#[cfg(test)]
mod tests;
pub mod typing;
#[cfg(feature = "ndarray")]
#[path = "ndarray.rs"]
mod views;
mod whole_array;

pub use explanation::{Explanation, explanation_of, explanations};
pub use help::{Completion, Documentation};
pub use interpreter::{Builder, Compiled, Executed, Interpreter, Outcome};
pub use library::Library;
pub use operation::{Expansion, Operation, optional, required, variadic};
pub use program::{Argument, Program};
pub use show::{describe, display};
#[cfg(feature = "ndarray")]
pub use views::view;

pub use thalweg_lang::declaration::{Call, Default, Mismatch, Operand, Parameter, Typing};
pub use thalweg_lang::diagnostic::{Diagnostic, Label, Severity};
pub use thalweg_lang::dtype::{DType, Kind, Scalar};
pub use thalweg_lang::graph::Attribute;
pub use thalweg_lang::promotion::{Numeric, common, float_of};
pub use thalweg_lang::source::{Source, SourceId, Sources, Span};
pub use thalweg_lang::types::ArrayType;
pub use thalweg_lang::value::Value;
pub use thalweg_runtime::array::{Array, Complex, Element};
pub use thalweg_runtime::buffer::Pool;
pub use thalweg_runtime::execute::Cancel;
pub use thalweg_runtime::operation::{EffectCall, Failure, FunctionCall, Host};
pub use thalweg_runtime::{kernel, lane};
