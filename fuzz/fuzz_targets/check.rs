//! Any text through the lexer, the parser, the checker and the planner: an answer or errors, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use thalweg::Interpreter;

fuzz_target!(|text: &str| {
    let mut interpreter = Interpreter::builder().threads(1).build();
    let found = interpreter.check("<fuzz>", text);
    for label in found.iter().flat_map(|diagnostic| &diagnostic.labels) {
        assert!(label.span.start <= label.span.end);
    }
    let _ = interpreter.plan("<fuzz>", text);
    let _ = interpreter.complete(text, text.len());
    let _ = thalweg_lang::parser::is_incomplete(text);
    let mut end = 0;
    for (range, _) in thalweg_lang::lexer::highlight(text) {
        assert!(range.start >= end && text.get(range.clone()).is_some());
        end = range.end;
    }
});
