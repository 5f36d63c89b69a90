//! Every script in examples/ says what it shows, is short, and runs.

use crate::engines::Session;
use crate::golden;

#[test]
fn examples_run() {
    let mut faults = Vec::new();
    for path in golden::files("examples", "tw") {
        let (name, text) = (golden::shown(&path), golden::read(&path));
        if !text.starts_with("# ") {
            faults.push(format!("{name}: its first line does not say what it shows"));
        }
        if text.lines().count() > 40 {
            faults.push(format!("{name}: longer than a screen"));
        }
        let answer = Session::new().answer(&text);
        if answer.starts_with("error[")
            || answer.contains("\nerror[")
            || answer.contains("panic: ")
            || answer.is_empty()
        {
            faults.push(format!("{name}: {answer}"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn blend_prints_what_numpy_prints() {
    let text = golden::read(&golden::root().join("examples/blend.tw"));
    let expected = golden::read(&golden::root().join("examples/blend.expected"));
    assert_eq!(Session::new().answer(&text), expected.trim_end());
}
