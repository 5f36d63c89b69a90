//! How the command ends: its exit statuses.

use crate::interrupt::INTERRUPTED;
use std::process::ExitCode;
use thalweg_lang::diagnostic::{Diagnostic, Severity};

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All is done.
    Done,
    /// It failed while it ran.
    Failed,
    /// The command was used wrongly.
    Usage,
    /// The program was refused; nothing ran.
    Refused,
    /// Ctrl-C.
    Interrupted,
}

impl Status {
    /// What the findings of a program make of its run: codes from E0500 on are found only while running.
    pub fn of(findings: &[Diagnostic]) -> Status {
        let mut errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        let any = errors.clone().next().is_some();
        match errors.any(|finding| finding.code.starts_with("E05")) {
            true => Status::Failed,
            false if any => Status::Refused,
            false => Status::Done,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(match status {
            Status::Done => 0,
            Status::Failed => 1,
            Status::Usage => 2,
            Status::Refused => 3,
            Status::Interrupted => INTERRUPTED,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thalweg_lang::source::Span;

    #[test]
    fn codes_decide() {
        let error = |code| Diagnostic::error(code, "wrong", Span::default(), "");
        let note = Diagnostic::note("N0501", "by the way", Span::default(), "");
        assert_eq!(Status::of(&[note]), Status::Done);
        assert_eq!(Status::of(&[error("E0301"), error("E0201")]), Status::Refused);
        assert_eq!(Status::of(&[error("E0501")]), Status::Failed);
    }
}
