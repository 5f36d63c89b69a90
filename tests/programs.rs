//! Golden programs: every statement prints what NumPy says, on every engine.

use crate::engines::engines;
use crate::golden::{self, Piece};

/// A statement's answer, and the engines that gave it.
struct Answer {
    printed: String,
    engines: Vec<String>,
}

#[test]
fn golden_programs_print_the_same_on_every_engine() {
    let (mut faults, mut statements) = (Vec::new(), 0);
    for path in golden::files("tests/programs", "txt") {
        let content = golden::read(&path);
        let pieces = golden::pieces(&content);
        let mut answers: Vec<Vec<Answer>> = Vec::new();
        for engine in engines() {
            let mut session = engine.session();
            let texts = pieces.iter().filter_map(|piece| match piece {
                Piece::Statement { text, .. } => Some(text),
                Piece::Comment(_) => None,
            });
            for (index, text) in texts.enumerate() {
                let printed = session.answer(text);
                if answers.len() == index {
                    answers.push(Vec::new());
                }
                match answers[index].iter_mut().find(|answer| answer.printed == printed) {
                    Some(answer) => answer.engines.push(engine.name.clone()),
                    None => answers[index].push(Answer { printed, engines: vec![engine.name.clone()] }),
                }
            }
        }
        let mut given = answers.iter();
        for piece in &pieces {
            let Piece::Statement { line, text, expected } = piece else { continue };
            let answers = given.next().expect("as many answers as statements");
            statements += 1;
            for answer in answers.iter().filter(|answer| answer.printed != *expected) {
                let engines = if answers.len() == 1 { "every engine".to_string() } else { answer.engines.join(", ") };
                faults.push(format!(
                    "{}:{line} on {engines}\n> {text}\nexpected:\n{expected}\nfound:\n{}\n",
                    golden::shown(&path),
                    answer.printed,
                ));
            }
        }
        if golden::updating() {
            let found: Vec<String> = answers.iter().map(|answers| answers[0].printed.clone()).collect();
            std::fs::write(&path, golden::rewritten(&pieces, &found)).expect("the golden file can be written");
        }
    }
    assert!(statements > 700, "only {statements} statements were run");
    assert!(
        faults.is_empty(),
        "{} answers of {statements} statements are wrong:\n\n{}",
        faults.len(),
        faults.join("\n")
    );
}
