//! Golden files: what a program gives, written beside it; `UPDATE_GOLDEN=1` writes what it gives now.

use std::path::{Path, PathBuf};

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether golden files are to be rewritten.
pub fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1")
}

/// The files of a folder below the root that end in `.extension`, in order of their names; at least one.
pub fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let listing = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = listing
        .map(|entry| entry.expect("a folder's entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no .{extension} file", folder.display());
    files
}

/// The text of a file.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file's path below the root, for messages.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// A piece of a golden program.
pub enum Piece {
    /// A line that is neither a statement nor what one printed.
    Comment(String),
    /// A statement and what it prints.
    Statement {
        /// The 1-based line of the file.
        line: usize,
        /// The text, its continuation lines included.
        text: String,
        /// What is printed, without trailing blank lines.
        expected: String,
    },
}

/// Takes a golden program apart: `> ` opens a statement, `. ` continues it, what follows is what it prints, and `#` at a
/// line's start is a comment.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (index, content) in text.lines().enumerate() {
        if let Some(statement) = content.strip_prefix("> ") {
            pieces.push(Piece::Statement { line: index + 1, text: statement.to_string(), expected: String::new() });
            continue;
        }
        match pieces.last_mut() {
            Some(Piece::Statement { text, expected, .. }) if !content.starts_with('#') => {
                match content.strip_prefix(". ") {
                    Some(more) if expected.is_empty() => {
                        text.push('\n');
                        text.push_str(more);
                    }
                    _ => {
                        expected.push_str(content);
                        expected.push('\n');
                    }
                }
            }
            _ => pieces.push(Piece::Comment(content.to_string())),
        }
    }
    for piece in &mut pieces {
        if let Piece::Statement { expected, .. } = piece {
            expected.truncate(expected.trim_end().len());
        }
    }
    pieces
}

/// A golden program's text again, with what its statements print replaced by `found`, one for each statement.
pub fn rewritten(pieces: &[Piece], found: &[String]) -> String {
    let mut text = String::new();
    let mut found = found.iter();
    for piece in pieces {
        match piece {
            Piece::Comment(content) => text.push_str(content),
            Piece::Statement { text: statement, .. } => {
                text.push_str("> ");
                text.push_str(&statement.replace('\n', "\n. "));
                if let Some(printed) = found.next().filter(|printed| !printed.is_empty()) {
                    text.push('\n');
                    text.push_str(printed);
                }
            }
        }
        text.push('\n');
    }
    text
}
