//! What the codes of diagnostics mean: docs/errors.md, taken apart.

use std::sync::OnceLock;

/// The page that people read is the table that the program reads.
const ERRORS: &str = include_str!("../../docs/errors.md");

/// What is known of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The code: `E0301`.
    pub code: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
    /// What it means: paragraphs, each on one line, with a blank line between.
    pub text: String,
    /// A program that gives it; none where no text alone can.
    pub wrong: Option<&'static str>,
    /// What is said of that program: the message's line, and the help's.
    pub said: &'static str,
    /// The same program without the error.
    pub repaired: Option<&'static str>,
    /// What that prints.
    pub printed: &'static str,
}

/// All codes, in their order.
pub fn explanations() -> &'static [Explanation] {
    static TABLE: OnceLock<Vec<Explanation>> = OnceLock::new();
    TABLE.get_or_init(|| ERRORS.split("\n## ").skip(1).filter_map(explanation).collect())
}

/// What is known of a code, whatever its case.
pub fn explanation_of(code: &str) -> Option<&'static Explanation> {
    explanations().iter().find(|explanation| explanation.code.eq_ignore_ascii_case(code))
}

/// A section of the page: a heading, paragraphs, and fenced blocks.
fn explanation(section: &'static str) -> Option<Explanation> {
    let (heading, body) = section.split_once('\n')?;
    let (code, title) = heading.split_once(": ")?;
    let mut paragraphs: Vec<String> = Vec::new();
    let mut blocks: Vec<(&str, &str)> = Vec::new();
    for (index, part) in body.split("```").enumerate() {
        // What stands between two fences is a block, which begins with its language.
        if index % 2 == 1 {
            blocks.extend(part.split_once('\n'));
            continue;
        }
        let apart = part.split("\n\n").map(|paragraph| paragraph.trim().replace('\n', " "));
        paragraphs.extend(apart.filter(|paragraph| !paragraph.is_empty()));
    }
    // A program's text block follows it at once.
    let program = |count: usize| {
        let mut places = blocks.iter().enumerate().filter(|(_, (language, _))| *language == "thalweg");
        let (at, (_, text)) = places.nth(count)?;
        let output = blocks.get(at + 1).filter(|(language, _)| *language == "text").map_or("", |(_, text)| text);
        Some((*text, output))
    };
    let (wrong, repaired) = (program(0), program(1));
    Some(Explanation {
        code,
        title,
        text: paragraphs.join("\n\n"),
        wrong: wrong.map(|(text, _)| text),
        said: wrong.map_or("", |(_, said)| said),
        repaired: repaired.map(|(text, _)| text),
        printed: repaired.map_or("", |(_, printed)| printed),
    })
}
