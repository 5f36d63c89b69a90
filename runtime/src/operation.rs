//! How an operation runs: the runtime's half of a row of the library.

use crate::array::Array;
use crate::buffer::Pool;
use crate::kernel::{Fold, Kernel, Kernels};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::{DType, Scalar};
use thalweg_lang::graph::{Attribute, OperationId};
use thalweg_lang::source::Span;
use thalweg_lang::types::ArrayType;
use thalweg_lang::value::Value;

/// How an operation runs.
pub enum Body {
    /// Each element by itself.
    Elementwise(Elementwise),
    /// Many elements to one.
    Reduction(Reduction),
    /// Whole arrays by a function of its own.
    Function(fn(&FunctionCall) -> Result<Vec<Array>, Failure>),
    /// Something that happens.
    Effect(fn(&EffectCall) -> Result<(), Failure>),
    /// The checker writes it in other operations; it never reaches a plan.
    Expanded,
}

impl Body {
    /// The kernel of an elementwise node with this operation, for its operands' dtypes: a row's own; of a reduction that is unrolled,
    /// what it does with two elements.
    pub fn kernel(&self, operands: &[DType]) -> Option<&'static Kernel> {
        match (self, operands) {
            (Body::Elementwise(row), _) => row.kernels.find(operands),
            (Body::Reduction(Reduction::Fold { fold, .. }), &[one, other]) if one == other => {
                fold(one).map(|fold| &fold.kernel)
            }
            (Body::Reduction(Reduction::FirstExtreme { beats, .. }), _) => beats.find(operands),
            _ => None,
        }
    }
}

/// An elementwise operation.
pub struct Elementwise {
    /// Its kernel for each combination of operand dtypes.
    pub kernels: Kernels,
}

/// A reduction; its operand has the dtype that it accumulates in.
pub enum Reduction {
    /// Combines with an associative operation in the one fixed order.
    Fold {
        /// The inner kernel for a dtype.
        fold: fn(DType) -> Option<&'static Fold>,
        /// What nothing gives; `None`: reducing nothing is an error (the checker refuses it).
        identity: fn(DType) -> Option<Scalar>,
    },
    /// The first index (i64) of the smallest or greatest element; NaN counts as such.
    FirstExtreme {
        /// Greatest, not smallest.
        greatest: bool,
        /// Whether an element takes the place of the best before it.
        beats: Kernels,
    },
}

/// A failure while running: a diagnostic's parts without the place, which the caller knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The stable code, `E05xx`.
    pub code: &'static str,
    /// The sentence.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Failure {
    /// The failure at a place.
    pub fn at(self, span: Span) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.code, self.message, span, "");
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

/// What a whole-array operation gets.
pub struct FunctionCall<'a> {
    /// The operands.
    pub operands: &'a [Array],
    /// What else the call says.
    pub attributes: &'a [Attribute],
    /// The types of the results.
    pub types: &'a [ArrayType],
    /// Where memory comes from.
    pub pool: &'a Pool,
    /// How many threads it may use.
    pub threads: usize,
    /// The threads themselves.
    pub team: &'a dyn Team,
}

/// The threads that a call may use, the calling one among them.
pub trait Team: Sync {
    /// Runs `work` once for each number below `pieces`, several at once where the call has several threads.
    ///
    /// # Errors
    /// When the run was cancelled: what the pieces made is then worth nothing, and the failure is to be passed on.
    fn each(&self, pieces: usize, work: &(dyn Fn(usize) + Sync)) -> Result<(), Failure>;
}

/// What an operation with an effect gets.
pub struct EffectCall<'a> {
    /// The arguments, one for each parameter.
    pub arguments: &'a [Value<Array>],
    /// The world outside.
    pub host: &'a dyn Host,
}

/// The world outside a computation.
pub trait Host: Send + Sync {
    /// Shows text that a program prints.
    fn print(&self, text: &str);
}

/// The runtime's view of a library.
pub trait Bodies: Send + Sync {
    /// How an operation runs.
    fn body(&self, operation: OperationId) -> &Body;
    /// What plans and messages call it.
    fn name(&self, operation: OperationId) -> &str;
    /// What to type where a reduction may meet nothing.
    fn help_for_nothing(&self) -> Option<&str> {
        None
    }
}
