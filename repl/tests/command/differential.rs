//! Random programs against NumPy, where `THALWEG_PYTHON` names a Python that has it; `THALWEG_DIFFERENTIAL` says how many (500).

use std::path::Path;
use std::process::Command;

#[test]
fn random_programs_give_what_numpy_gives() {
    let Some(python) = std::env::var_os("THALWEG_PYTHON") else {
        println!("skipped: THALWEG_PYTHON names no Python with NumPy; .ci/run makes one");
        return;
    };
    let programs = std::env::var("THALWEG_DIFFERENTIAL").unwrap_or_else(|_| "500".to_string());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/differential/differential.py");
    let mut command = Command::new(python);
    command.arg(script).args(["--command", env!("CARGO_BIN_EXE_thalweg"), "--programs", &programs]);
    let output = command.output().expect("THALWEG_PYTHON can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", text.trim_end());
}
