//! Golden programs: every statement prints what NumPy says, on every engine.

use crate::engines::engines;
use crate::golden::{self, Piece};

#[test]
fn golden_programs_print_the_same_on_every_engine() {
    let mut faults = Vec::new();
    let mut statements = 0;
    for path in golden::files("tests/programs", "txt") {
        let content = golden::read(&path);
        let pieces = golden::pieces(&content);
        for (number, engine) in engines().iter().enumerate() {
            let mut session = engine.session();
            let mut found = Vec::new();
            for piece in &pieces {
                let Piece::Statement { line, text, expected } = piece else { continue };
                statements += 1;
                let printed = session.answer(text);
                let both_fail = printed.starts_with("error[") && expected.starts_with("error: ");
                if printed != *expected && !both_fail {
                    faults.push(format!(
                        "{}:{line} on {}\n> {text}\nexpected:\n{expected}\nfound:\n{printed}\n",
                        golden::shown(&path),
                        engine.name,
                    ));
                }
                found.push(printed);
            }
            if number == 0 && golden::updating() {
                std::fs::write(&path, golden::rewritten(&pieces, &found)).expect("the golden file can be written");
            }
        }
    }
    assert!(statements > 1000, "only {statements} statements were run");
    assert!(faults.is_empty(), "{} of {statements} answers are wrong:\n\n{}", faults.len(), faults.join("\n"));
}
