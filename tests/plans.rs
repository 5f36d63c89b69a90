//! "This is one kernel" and other promises about plans, as golden files: a program, `----`, its plan.

use crate::engines::Session;
use crate::golden;

#[test]
fn golden_plans_are_what_is_planned() {
    let mut faults = Vec::new();
    for path in golden::files("tests/plans", "txt") {
        let content = golden::read(&path);
        let (head, expected) = content.split_once("----\n").expect("a plan file has a line ----");
        let mut session = Session::new();
        let (setup, program) = match head.split_once("--\n") {
            Some((setup, program)) => (setup, program),
            None => ("", head),
        };
        assert_eq!(session.answer(setup), "", "{}: the setup", golden::shown(&path));
        let found = match session.interpreter.plan("<plan>", program) {
            Ok(plan) => plan,
            Err(errors) => crate::engines::plain(&errors),
        };
        if found.trim_end() != expected.trim_end() {
            faults.push(format!("{}\nexpected:\n{expected}\nfound:\n{found}", golden::shown(&path)));
            if golden::updating() {
                std::fs::write(&path, format!("{head}----\n{}\n", found.trim_end())).expect("a writable golden file");
            }
        }
    }
    assert!(faults.is_empty(), "{} plans differ:\n{}", faults.len(), faults.join("\n"));
}
