//! The programs of examples/npbench run by themselves, and give what their NumPy versions give for random inputs.

use crate::engines::Session;
use crate::golden;
use std::path::Path;
use thalweg_lang::value::Value;
use thalweg_runtime::array::Array;

/// How far a result may be from NumPy's, relative to its greatest element.
const TOLERANCE: f64 = 1e-9;

/// Programs that need what the language does not have yet.
const NOT_YET: &[&str] = &[];

/// The programs that run, and their texts.
fn programs() -> Vec<(String, String)> {
    let paths = golden::files("examples/npbench", "tw");
    let named = paths.iter().map(|path| (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), path));
    named.filter(|(name, _)| !NOT_YET.contains(&name.as_str())).map(|(name, path)| (name, golden::read(path))).collect()
}

fn arrays(value: Value<Array>) -> Vec<Array> {
    match value {
        Value::Array(array) => vec![array],
        Value::Tuple(values) => values.into_iter().flat_map(arrays).collect(),
        _ => Vec::new(),
    }
}

/// What is wrong with a result, if anything.
fn difference(found: &Array, expected: &Array) -> Option<String> {
    if (found.dtype(), found.shape()) != (expected.dtype(), expected.shape()) {
        let [found, expected] = [found, expected].map(|array| format!("{:?}{:?}", array.dtype(), array.shape()));
        return Some(format!("it is {found}, NumPy's is {expected}"));
    }
    let elements = |array: &Array| array.iter().map(|element| element.as_complex()).collect::<Vec<(f64, f64)>>();
    let (found, expected) = (elements(found), elements(expected));
    let greatest = expected.iter().map(|(re, im)| re.hypot(*im)).filter(|size| size.is_finite()).fold(0.0, f64::max);
    let agree = |found: f64, expected: f64| {
        found == expected || found.is_nan() && expected.is_nan() || (found - expected).abs() <= TOLERANCE * greatest
    };
    let wrong = found.iter().zip(&expected).position(|(a, b)| !agree(a.0, b.0) || !agree(a.1, b.1))?;
    Some(format!("element {wrong} is {:?}, NumPy's is {:?}", found[wrong], expected[wrong]))
}

/// Runs one program on the inputs in a folder and compares its results with those in the folder.
fn compare(folder: &Path, text: &str) -> Result<(), String> {
    let mut session = Session::new();
    session.answer(text);
    let files = |below: &str| {
        let mut paths: Vec<_> = std::fs::read_dir(folder.join(below))
            .map_err(|error| format!("{}: {error}", folder.display()))?
            .flatten()
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        Ok::<_, String>(paths)
    };
    for path in files("inputs")? {
        session.interpreter.load(&path.file_stem().unwrap_or_default().to_string_lossy(), &path)?;
    }
    let call = golden::read(&folder.join("call"));
    let outcome = session.interpreter.run("<call>", &call).map_err(|errors| format!("{errors:?}"))?;
    let found = outcome.value.map(arrays).unwrap_or_default();
    let results = files("results")?;
    if found.len() != results.len() {
        return Err(format!("{} results, NumPy has {}", found.len(), results.len()));
    }
    for (index, (found, path)) in found.iter().zip(&results).enumerate() {
        session.interpreter.load("expected", path)?;
        let expected = session.interpreter.get("expected").map(arrays).unwrap_or_default();
        if let Some(fault) = difference(found, &expected[0]) {
            return Err(format!("result {index}: {fault}"));
        }
    }
    Ok(())
}

#[test]
fn every_program_has_a_numpy_version_and_runs_by_itself() {
    let mut faults = Vec::new();
    for (name, text) in programs() {
        if !golden::root().join(format!("examples/npbench/{name}.py")).exists() {
            faults.push(format!("{name}: no {name}.py beside it"));
        }
        if !text.starts_with("# ") {
            faults.push(format!("{name}: its first line does not say what it computes"));
        }
        let answer = Session::new().answer(&text);
        if answer.is_empty() || answer.contains("error[") || answer.contains("panic: ") {
            faults.push(format!("{name}: {answer}"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_programs_compute_what_numpy_computes() {
    let Some(python) = std::env::var_os("THALWEG_PYTHON") else {
        println!("skipped: THALWEG_PYTHON names no Python with NumPy; .ci/run makes one");
        return;
    };
    let folder = std::env::temp_dir().join(format!("thalweg-npbench-{}", std::process::id()));
    let mut command = std::process::Command::new(python);
    command.arg(golden::root().join("examples/npbench/compare.py")).arg("--write").arg(&folder);
    let output = command.output().expect("THALWEG_PYTHON can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let programs = programs();
    assert!(programs.len() + NOT_YET.len() >= 34, "programs are missing");
    let faults: Vec<String> = programs
        .iter()
        .filter_map(|(name, text)| Some(format!("{name}: {}", compare(&folder.join(name), text).err()?)))
        .collect();
    std::fs::remove_dir_all(&folder).expect("the folder of the inputs can be removed");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
