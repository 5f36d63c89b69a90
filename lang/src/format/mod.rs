//! A program's text in its one form: the same words and comments, with the spaces and lines that everybody's programs have.

mod meaning;
mod print;
mod tree;

#[cfg(test)]
mod tests;

use crate::diagnostic::Diagnostic;
use crate::parser::{self, code};
use crate::source::{SourceId, Span};

/// How wide a line may be, in characters; comments and words that nothing can break may be wider.
pub const WIDTH: usize = 100;

/// The spaces that a block's lines stand further in.
pub const INDENT: usize = 4;

/// Formats a text. A text with errors is not formatted: the errors are returned. The tree of what is returned is that of what
/// was given, places apart; comments are kept, and of the blank lines between statements one each.
pub fn format(source: SourceId, text: &str) -> Result<String, Vec<Diagnostic>> {
    let parsed = parser::parse(source, text);
    if !parsed.diagnostics.is_empty() {
        return Err(parsed.diagnostics);
    }
    let formatted = print::print(&tree::read(source, text));
    // A formatter that changes what a program does is worse than none, so each answer is read again.
    let again = parser::parse(source, &formatted);
    if !again.diagnostics.is_empty() || !meaning::is_same(parsed.program, again.program) {
        let message = "formatting would change what this program does, which is a fault of the formatter";
        let span = Span::new(source, 0, 0);
        return Err(vec![Diagnostic::error(code::NOT_FORMATTED, message, span, "").help("leave this file as it is")]);
    }
    Ok(formatted)
}
