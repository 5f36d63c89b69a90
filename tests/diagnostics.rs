//! What every diagnostic keeps to, whatever it says; how the reports look is tested in repl/tests, where they are drawn.

use crate::engines::Session;
use crate::golden;
use thalweg_lang::diagnostic::{Diagnostic, Severity};

/// The program of a diagnostics file: between its first comment and `----`.
fn program(content: &str) -> String {
    let lines = content.lines().skip(1).take_while(|line| *line != "----");
    lines.map(|line| format!("{line}\n")).collect()
}

/// What is wrong with the form of a diagnostic about a text.
fn fault(diagnostic: &Diagnostic, text: &str) -> Option<String> {
    let code = diagnostic.code.as_bytes();
    let family = if diagnostic.severity == Severity::Error { b'E' } else { b'N' };
    let number = code.len() == 5 && code[1..].iter().all(u8::is_ascii_digit);
    if code.first() != Some(&family) || !number {
        return Some(format!("its code is {}", diagnostic.code));
    }
    if diagnostic.message.trim() != diagnostic.message || diagnostic.message.is_empty() {
        return Some("its message is empty, or has blanks around it".into());
    }
    if diagnostic.message.ends_with('.') || diagnostic.message.starts_with(char::is_uppercase) {
        return Some(format!("its message is written as a sentence of a text: {}", diagnostic.message));
    }
    let said = format!("{} {}", diagnostic.message, diagnostic.help.as_deref().unwrap_or(""));
    for inner in ["NodeId", "Some(", "None", "DType::", "Value::", "Span {", "unwrap", "panicked"] {
        if said.contains(inner) && !text.contains(inner) {
            return Some(format!("it shows the inside of the program: {said}"));
        }
    }
    let Some(first) = diagnostic.labels.first() else { return Some("it has no place".into()) };
    for label in &diagnostic.labels {
        let range = label.span.range();
        if label.span.source == first.span.source && (range.start > range.end || text.get(range).is_none()) {
            return Some(format!("a label's place {:?} is not in the text", label.span));
        }
    }
    if diagnostic.help.as_deref().is_some_and(|help| help.trim().is_empty()) {
        return Some("its help is empty".into());
    }
    None
}

#[test]
fn wrong_programs_have_well_formed_diagnostics_and_run_nothing() {
    let mut faults = Vec::new();
    for path in golden::files("tests/diagnostics", "txt") {
        let content = golden::read(&path);
        let text = program(&content);
        if !content.lines().any(|line| line == "exit 3") {
            continue;
        }
        let mut session = Session::new();
        let found = session.interpreter.check("program.tw", &text);
        if !found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
            faults.push(format!("{}: the checker has nothing against it", golden::shown(&path)));
        }
        for diagnostic in &found {
            if let Some(fault) = fault(diagnostic, &text) {
                faults.push(format!("{}: {}: {fault}", golden::shown(&path), diagnostic.message));
            }
        }
        if found
            != session.interpreter.check("program.tw", &text).into_iter().map(same_source(&found)).collect::<Vec<_>>()
        {
            faults.push(format!("{}: a second check says something else", golden::shown(&path)));
        }
        let before = session.interpreter.names();
        let answer = session.answer(&text);
        if !answer.starts_with("error[") {
            faults.push(format!("{}: something was printed before the errors:\n{answer}", golden::shown(&path)));
        }
        if session.interpreter.names() != before {
            faults.push(format!("{}: a refused program left names behind", golden::shown(&path)));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Puts a diagnostic's places into the source of the first check, as each check adds a source of its own.
fn same_source(first: &[Diagnostic]) -> impl Fn(Diagnostic) -> Diagnostic {
    let source = first.first().and_then(|diagnostic| diagnostic.labels.first()).map(|label| label.span.source);
    move |mut diagnostic| {
        for label in &mut diagnostic.labels {
            label.span.source = source.unwrap_or(label.span.source);
        }
        diagnostic
    }
}
