//! Every example in README.md, in docs/ and in the operations' rows runs, and prints what it says.

use crate::engines::{Session, operation_names};
use crate::golden;

/// A fenced block of a Markdown text: its language, its first line's number, its text.
struct Fenced {
    language: String,
    line: usize,
    text: String,
}

/// The fenced blocks of a Markdown text.
fn fenced(markdown: &str) -> Vec<Fenced> {
    let mut blocks = Vec::new();
    let mut open: Option<Fenced> = None;
    for (index, line) in markdown.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                open = Some(Fenced { language: language.trim().to_string(), line: index + 2, text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fenced block is not closed");
    blocks
}

/// Runs a transcript with `>> ` and `.. ` prompts; gives what differs.
fn transcript(text: &str) -> Vec<String> {
    let mut session = Session::new();
    let mut faults = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(first) = line.strip_prefix(">> ") else {
            faults.push(format!("no prompt before: {line}"));
            continue;
        };
        let mut statement = first.to_string();
        while let Some(more) = lines.next_if(|line| line.starts_with("..")) {
            statement.push('\n');
            statement.push_str(more.strip_prefix(".. ").unwrap_or(""));
        }
        let mut expected = Vec::new();
        while let Some(printed) = lines.next_if(|line| !line.starts_with(">> ")) {
            expected.push(printed.trim_end());
        }
        let found = session.answer(&statement);
        if found != expected.join("\n").trim_end() {
            faults.push(format!(">> {statement}\nexpected:\n{}\nfound:\n{found}", expected.join("\n")));
        }
    }
    faults
}

#[test]
fn documents_say_what_happens() {
    let mut documents = vec![golden::root().join("README.md")];
    // What docs/errors.md says of its programs is more than what they print: tests/explanations.rs.
    documents.extend(golden::files("docs", "md").into_iter().filter(|path| !path.ends_with("errors.md")));
    let (mut run, mut faults) = (0, Vec::new());
    for path in documents {
        let blocks = fenced(&golden::read(&path));
        for (index, block) in blocks.iter().enumerate().filter(|(_, block)| block.language == "thalweg") {
            run += 1;
            let place = format!("{}:{}", golden::shown(&path), block.line);
            if block.text.starts_with(">> ") {
                faults.extend(transcript(&block.text).into_iter().map(|fault| format!("{place}: {fault}")));
                continue;
            }
            let mut session = Session::new();
            let found = session.answer(&block.text);
            let expected =
                blocks.get(index + 1).filter(|next| next.language == "text").map(|next| next.text.trim_end());
            match expected {
                Some(expected) if expected != found => {
                    faults.push(format!("{place}: expected:\n{expected}\nfound:\n{found}"));
                }
                None if found.starts_with("error[") || found.starts_with("panic") => {
                    faults.push(format!("{place}: {found}"));
                }
                _ => {}
            }
        }
    }
    assert!(run >= 10, "only {run} examples were found");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn operations_examples_print_what_they_say() {
    let session = Session::new();
    let (mut run, mut without, mut faults) = (0, Vec::new(), Vec::new());
    for name in operation_names(&session) {
        let Some(documentation) = session.interpreter.documentation(&name) else { continue };
        if documentation.signature.is_empty() || documentation.summary.is_empty() {
            faults.push(format!("{name} has no signature or no summary"));
        }
        // Those two are about files; docs/tour.md and the examples use them.
        if documentation.examples.is_empty() && !["load", "save"].contains(&&*name) {
            without.push(name.to_string());
        }
        for (program, expected) in &documentation.examples {
            run += 1;
            let found = Session::new().answer(program);
            if found != expected.trim_end() {
                faults.push(format!("{name}: {program}\nexpected:\n{expected}\nfound:\n{found}"));
            }
        }
    }
    assert!(run >= 40, "only {run} examples were found");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    // A function of the prelude has its source for an example; an operation whose point is its effect has none to print.
    let prelude = golden::read(&golden::root().join("stdlib/src/prelude.tw"));
    let excused = |name: &String| {
        prelude.contains(&format!("fn {name}("))
            || ["assert", "error", "load", "random_bits", "save"].contains(&name.as_str())
    };
    without.retain(|name| !excused(name));
    assert!(without.is_empty(), "without an example: {}", without.join(", "));
}
