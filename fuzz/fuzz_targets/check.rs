//! Any text through the lexer, the parser, the checker and the planner: an answer or errors, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use thalweg::Interpreter;

/// How many texts a session is asked about: it keeps the texts, so that it may show them.
const TEXTS: usize = 1000;

thread_local! {
    // Nothing here is run or committed, so that a text leaves a session as it was: the library is read once.
    static SESSION: RefCell<(usize, Interpreter)> = RefCell::new((0, session()));
}

fuzz_target!(|text: &str| {
    SESSION.with_borrow_mut(|(asked, interpreter)| {
        if *asked == TEXTS {
            (*asked, *interpreter) = (0, session());
        }
        *asked += 1;
        ask(interpreter, text);
    });
});

fn session() -> Interpreter {
    Interpreter::builder().threads(1).build()
}

/// Every question about a text that runs nothing.
fn ask(interpreter: &mut Interpreter, text: &str) {
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
}
