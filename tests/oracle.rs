//! The golden programs' answers are NumPy's: asked of NumPy itself, where `THALWEG_PYTHON` names a Python that has it.

use crate::golden;

#[test]
fn golden_programs_answer_what_numpy_answers() {
    let Some(python) = std::env::var_os("THALWEG_PYTHON") else {
        println!("skipped: THALWEG_PYTHON names no Python with NumPy; .ci/run makes one");
        return;
    };
    let script = golden::root().join("tests/oracle/golden.py");
    let output = std::process::Command::new(python).arg(script).output().expect("THALWEG_PYTHON can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}
