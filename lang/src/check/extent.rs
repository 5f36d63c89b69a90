//! Bounds on values: a tuple that is used twice is copied twice, and twenty lines can ask for a million of them.

use super::{Checker, Checks, Reported};
use crate::declaration::Operand;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::value::{Extent, Value};

/// How many values a tuple or a text may be made of.
const MOST_VALUES: usize = 100_000;

/// How deep tuples, texts and functions that close over others may nest.
pub(super) const DEEPEST_VALUE: usize = 256;

impl Checker<'_> {
    /// A new value, unless it is larger than any that a person means.
    pub(super) fn bounded(&mut self, value: Value<Operand>, span: Span) -> Checks<Value<Operand>> {
        self.refuse_too_large(&value, value.extent(), span)?;
        Ok(value)
    }

    /// Refuses a value like this one whose extent is too large.
    pub(super) fn refuse_too_large(&mut self, value: &Value<Operand>, extent: Extent, span: Span) -> Checks<()> {
        if extent.count <= MOST_VALUES && extent.depth <= DEEPEST_VALUE {
            return Ok(());
        }
        let (what, help) = match value {
            Value::Text(_) => ("this text", "print its parts one by one"),
            Value::Function(_) => return Err(self.nests_too_deep(span)),
            _ => ("this tuple", "values of one type make an array: write `[ ]` for `( )`"),
        };
        let message = match extent.count > MOST_VALUES {
            true if matches!(value, Value::Text(_)) => format!("{what} is larger than any that is read"),
            true => format!("{what} is made of more than {MOST_VALUES} values"),
            false => format!("{what} nests more than {DEEPEST_VALUE} deep"),
        };
        Err(self.report(Diagnostic::error("E0324", message, span, "").help(help)))
    }

    /// Refuses a function that closes over functions, which close over others, and so on.
    pub(super) fn nests_too_deep(&mut self, span: Span) -> Reported {
        if std::mem::replace(&mut self.is_too_deep, true) {
            return Reported;
        }
        let message = format!("the functions that this one closes over nest more than {DEEPEST_VALUE} deep");
        let diagnostic = Diagnostic::error("E0324", message, span, "");
        self.report(diagnostic.help("write some of the calls out: put their bodies into the functions that call them"))
    }
}
