//! What can be wrong with a program, as data: a sentence, the places, and something to type instead.

use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The program does not run (or did not finish).
    Error,
    /// The program runs, and probably not as meant.
    Warning,
    /// Something worth knowing.
    Note,
}

/// A place and what is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there, for example `f64[3, 4]`; may be empty.
    pub text: String,
}

/// One finding. Its code is stable: `E01xx` text, `E02xx` names and calls, `E03xx` types and shapes, `E04xx` what is not
/// built, `E05xx` run time, `N0xxx` notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code, for example `E0301`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence without a full stop, beginning in lower case.
    pub message: String,
    /// The places; the first is where it went wrong.
    pub labels: Vec<Label>,
    /// What to do: something that can be typed.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place; `label` says what is there and may be empty.
    pub fn error(code: &'static str, message: impl Into<String>, span: Span, label: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: vec![Label { span, text: label.into() }],
            help: None,
        }
    }

    /// A note at a place.
    pub fn note(code: &'static str, message: impl Into<String>, span: Span, label: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Note, ..Diagnostic::error(code, message, span, label) }
    }

    /// Adds another place.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Sets the help.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }
}
