//! What the checker is told of an operation: the language's half of a row of the library.

use crate::ast;
use crate::check::Expansion;
use crate::diagnostic::Diagnostic;
use crate::dtype::{DType, Scalar};
use crate::graph::OperationId;
use crate::promotion::Numeric;
use crate::source::Span;
use crate::types::Type;
use crate::value::Value;
use std::sync::Arc;

/// The operations, prelude functions, constants and annotations that programs may name.
pub trait Library: Send + Sync {
    /// The rows; an [`OperationId`] is an index here.
    fn declarations(&self) -> &[Declaration];
    /// The row of a name.
    fn find(&self, name: &str) -> Option<OperationId>;
    /// The row that claims an operator: its symbol, and how many operands it stands between.
    fn operator(&self, symbol: &str, operands: usize) -> Option<OperationId>;
    /// A function of the prelude.
    fn prelude(&self, name: &str) -> Option<Arc<ast::Function>>;
    /// The names of the prelude's functions.
    fn prelude_names(&self) -> Vec<Arc<str>>;
    /// The source that the prelude's places lie in.
    fn prelude_source(&self) -> crate::source::SourceId;
    /// A named constant, which promotes like a literal.
    fn constant(&self, name: &str) -> Option<Scalar>;
    /// The names of the constants.
    fn constant_names(&self) -> Vec<Arc<str>>;
    /// What to write instead of a name or property of another language: `np`, `astype`, `True`.
    fn foreign(&self, name: &str) -> Option<&str>;
    /// The names of other languages that it knows.
    fn foreign_names(&self) -> Vec<&str>;
    /// What to type where only the library knows the operations that help.
    fn advice(&self, advice: Advice) -> &str;
    /// Whether the language has the name and nobody has built it yet.
    fn is_unbuilt(&self, name: &str) -> bool;
    /// Why a format specification does not fit arrays of a type, or, without one, text, and what to write; `None` when it fits.
    fn refuse_format(&self, array_type: Option<&Type>, specification: &str) -> Option<(String, Option<String>)>;
    /// A scalar as text, as an f-string shows it; `None` when only the run can.
    fn format(&self, scalar: Scalar, specification: &str) -> Option<String> {
        let _ = (scalar, specification);
        None
    }
    /// The annotations.
    fn annotations(&self) -> &[AnnotationDeclaration];
    /// An elementwise operation on known scalars of the dtypes its kernel wants; `None` when it faults.
    fn fold(&self, operation: OperationId, operands: &[Scalar]) -> Option<Scalar>;
}

/// The situations for which the library, not the checker, knows what to type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// An array stands where one bool chooses.
    ChooseByElement,
    /// A number stands where something is walked.
    WalkNumbers,
    /// A reduction may meet nothing.
    AskWhetherEmpty,
    /// Two matrices fit when one is turned.
    Transpose,
    /// A complex number stands where a real one is wanted.
    FromComplex,
    /// A size must be known before the run.
    KnownSize,
    /// A name needs its shape before a loop: an array of a `{shape}` and a `{dtype}`.
    StartWith,
    /// A loop or a comprehension makes a string in each turn.
    ShowInLoop,
}

/// An operation as the checker sees it.
pub struct Declaration {
    /// The name in programs, plans and messages.
    pub name: Arc<str>,
    /// The operator that it stands behind: symbol and number of operands.
    pub operator: Option<(&'static str, usize)>,
    /// The name as a property, without parentheses: `T`, `shape`.
    pub property: Option<&'static str>,
    /// The parameters.
    pub parameters: Vec<Parameter>,
    /// How a call is typed and what it becomes.
    pub rule: Rule,
    /// One sentence.
    pub summary: &'static str,
    /// More: shapes, dtypes, errors, sources.
    pub text: &'static str,
    /// Programs and what they print.
    pub examples: &'static [(&'static str, &'static str)],
}

/// A parameter of an operation.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name, for named arguments.
    pub name: &'static str,
    /// What stands in when it is not given.
    pub default: Default,
    /// Whether it takes all further positional arguments, as one tuple.
    pub variadic: bool,
    /// Whether arrays of such types, which make no array together, go together here as a tuple.
    pub joins: Option<fn(&[Type]) -> bool>,
}

/// What stands in for an argument that is not given.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Default {
    Required,
    None,
    Integer(i64),
    Float(f64),
    Flag(bool),
    Text(&'static str),
    DType(DType),
}

/// The dtypes that an elementwise kernel wants for its operands, and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typing {
    /// What each operand is cast to.
    pub operands: Vec<DType>,
    /// What comes out.
    pub result: DType,
}

/// Why dtypes do not fit an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What it takes instead: "numbers", "integers or bools".
    pub takes: String,
    /// Something to type.
    pub help: Option<String>,
}

/// How a call is typed and what it becomes.
pub enum Rule {
    /// Each element by itself: operands broadcast, and the function says to which dtypes they are cast.
    Elementwise(fn(&[Numeric]) -> Result<Typing, Mismatch>),
    /// Parameters `(x, axis, keepdims)`, and `initial` with `combine`: the function gives the dtype to accumulate in, which is the result's unless
    /// `index` says that the result is an index.
    Reduction {
        /// The dtype to accumulate in.
        accumulate: fn(DType) -> Result<DType, Mismatch>,
        /// The result is an i64 index.
        index: bool,
        /// Whether reducing nothing has a value.
        identity: bool,
        /// The operation of two operands that combines a first element, the parameter `initial`, with the others.
        combine: Option<&'static str>,
    },
    /// Anything else: builds its value in graph nodes.
    Expand(fn(&mut Expansion, &Call) -> Result<Value<Operand>, Diagnostic>),
    /// Something that happens; its arguments go to the runtime as they are.
    Effect,
}

/// A call of an operation, its arguments bound.
pub struct Call {
    /// The row.
    pub operation: OperationId,
    /// The name in messages.
    pub name: Arc<str>,
    /// One for each parameter.
    pub arguments: Vec<Given>,
    /// The whole call.
    pub span: Span,
    /// Where its name or its operator stands.
    pub place: Span,
}

/// An argument as it was given, or its default.
#[derive(Clone, Debug)]
pub struct Given {
    /// The value.
    pub value: Value<Operand>,
    /// Its place; the call's when it is a default.
    pub span: Span,
    /// Whether the call gives it.
    pub given: bool,
}

/// An array while a program is checked: a node of one of the graphs under construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operand {
    /// The depth of the graph: 0 is the program's own, 1 a body in it.
    pub level: u32,
    /// The node there.
    pub node: crate::graph::NodeId,
    /// Whether it promotes like a literal (NEP 50).
    pub weak: bool,
}

/// An annotation that programs may use.
pub struct AnnotationDeclaration {
    /// Without the `@`.
    pub name: &'static str,
    /// Its parameters; a bare word as an argument is taken as text.
    pub parameters: &'static [AnnotationParameter],
    /// One sentence.
    pub summary: &'static str,
}

/// A parameter of an annotation; all are optional.
pub struct AnnotationParameter {
    /// The name.
    pub name: &'static str,
    /// The words that it may be, when it is not a number.
    pub words: &'static [&'static str],
    /// Whether it may be a number (at least 1).
    pub number: bool,
    /// Whether it may stand without its name.
    pub positional: bool,
}
