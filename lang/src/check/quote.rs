//! A program's own words in messages: what can be typed names what the program names.

use super::Checker;
use crate::source::Span;

/// How many letters a quotation has at most; a longer one is not read.
const LONGEST_QUOTE: usize = 60;

impl Checker<'_> {
    /// The program's words at a place, where they are one short line.
    pub(super) fn quoted(&self, place: Span) -> Option<String> {
        if place.source == self.library.prelude_source() {
            return None;
        }
        let is_short = |text: &String| !text.contains('\n') && (1..=LONGEST_QUOTE).contains(&text.chars().count());
        self.environment.text(place).filter(is_short)
    }

    /// The same for what becomes an operand elsewhere: in parentheses, unless no operator can take it apart.
    pub(super) fn quoted_operand(&self, place: Span) -> Option<String> {
        let text = self.quoted(place)?;
        Some(if is_whole(&text) { text } else { format!("({text})") })
    }
}

/// Whether an expression is a name, a number or brackets, with calls, indices and properties behind it.
fn is_whole(text: &str) -> bool {
    let mut depth = 0usize;
    for letter in text.chars() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' if depth == 0 => return false,
            ')' | ']' => depth -= 1,
            // Brackets in a text are none.
            '"' => return false,
            _ if depth > 0 || letter.is_alphanumeric() || matches!(letter, '_' | '.') => {}
            _ => return false,
        }
    }
    depth == 0
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    #[test]
    fn only_what_no_operator_takes_apart_is_whole() {
        for text in ["a", "a.T", "f(x + 1)[0]", "[1, 2]", "(a + b)", "2.5"] {
            assert!(is_whole(text), "{text}");
        }
        for text in ["a + b", "-a", "(a) * (b)", "x -> x", "if c { a } else { b }", "a @ b"] {
            assert!(!is_whole(text), "{text}");
        }
    }
}
