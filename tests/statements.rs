//! Random programs of statements, written by `tests/differential/statements.py` with what NumPy makes of them, on every engine. They need
//! a Python with NumPy, which `THALWEG_PYTHON` names; `THALWEG_STATEMENTS` says how many (200), `THALWEG_FUZZ_SEED` which.

use crate::engines::{Engine, engines, panic_text, plain};
use crate::golden;
use std::panic::{AssertUnwindSafe, catch_unwind};
use thalweg::Interpreter;
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::value::Value;
use thalweg_runtime::array::Array;

/// How many faults are shown.
const SHOWN: usize = 10;

/// A program and what its names must be.
struct Program {
    number: usize,
    text: String,
    /// None: NumPy refuses it.
    expected: Option<Vec<Expected>>,
}

/// A name's value as Python has it.
struct Expected {
    name: String,
    dtype: String,
    shape: String,
    bytes: Vec<u8>,
}

/// What an engine makes of a program: the values of its names, or what it reports.
enum Given {
    Values(Vec<Option<Array>>),
    Refused(String),
    Panicked(String),
}

fn programs(count: &str, seed: &str) -> Option<Vec<Program>> {
    let Some(python) = std::env::var_os("THALWEG_PYTHON") else {
        println!("skipped: THALWEG_PYTHON names no Python with NumPy; .ci/run makes one");
        return None;
    };
    let mut command = std::process::Command::new(python);
    command.arg(golden::root().join("tests/differential/statements.py")).args(["--programs", count, "--seed", seed]);
    let output = command.output().expect("THALWEG_PYTHON can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("programs are text");
    Some(text.split("=== ").filter(|piece| !piece.is_empty()).map(program).collect())
}

/// Reads one program; `statements.py` tells the form.
fn program(piece: &str) -> Program {
    let (number, rest) = piece.split_once('\n').expect("a number stands on a line");
    let (mut text, mut expected) = (String::new(), Some(Vec::new()));
    for line in rest.lines() {
        match line.strip_prefix("--- ").map(|line| line.split(' ').collect::<Vec<&str>>()) {
            None => text += &format!("{line}\n"),
            Some(words) if words.len() < 4 => expected = None,
            Some(words) => expected.get_or_insert_default().push(Expected {
                name: words[0].to_string(),
                dtype: words[1].to_string(),
                shape: words[2].to_string(),
                bytes: words[3].as_bytes().chunks(2).map(byte).collect(),
            }),
        }
    }
    Program { number: number.parse().expect("a number"), text, expected }
}

fn byte(digits: &[u8]) -> u8 {
    let digit = |digit: u8| (digit as char).to_digit(16).expect("a hexadecimal digit") as u8;
    16 * digit(digits[0]) + digit(digits[1])
}

/// An array's type as Python's side writes it.
fn shape_of(array: &Array) -> String {
    let lengths: Vec<String> = array.shape().iter().map(usize::to_string).collect();
    format!("[{}]", lengths.join(","))
}

/// An element's bytes, any NaN as the same one: which of two NaNs an operation hands on is not said.
fn one_nan(bytes: &[u8], dtype: &str) -> Vec<u8> {
    match dtype {
        "f32" | "c64" => bytes
            .chunks(4)
            .flat_map(|chunk| {
                let value = f32::from_le_bytes(chunk.try_into().expect("four bytes"));
                if value.is_nan() { f32::NAN } else { value }.to_le_bytes()
            })
            .collect(),
        "f64" | "c128" => bytes
            .chunks(8)
            .flat_map(|chunk| {
                let value = f64::from_le_bytes(chunk.try_into().expect("eight bytes"));
                if value.is_nan() { f64::NAN } else { value }.to_le_bytes()
            })
            .collect(),
        _ => bytes.to_vec(),
    }
}

/// What is wrong with a value; None: nothing.
fn fault(found: Option<&Array>, expected: &Expected) -> Option<String> {
    let Some(found) = found else { return Some(format!("{} has no value", expected.name)) };
    let (dtype, shape) = (found.dtype().to_string(), shape_of(found));
    if (&dtype, &shape) != (&expected.dtype, &expected.shape) {
        return Some(format!("{} is {dtype}{shape}, NumPy's is {}{}", expected.name, expected.dtype, expected.shape));
    }
    let contiguous = found.to_contiguous(&Default::default()).expect("there is memory");
    let bytes = one_nan(contiguous.as_bytes().unwrap_or_default(), &dtype);
    let wanted = one_nan(&expected.bytes, &dtype);
    if bytes == wanted {
        return None;
    }
    let size = found.dtype().size();
    let differ: Vec<usize> =
        (0..found.len()).filter(|at| bytes[at * size..][..size] != wanted[at * size..][..size]).collect();
    let element = found.iter().nth(differ[0]).expect("an element that differs");
    let other = Array::from_slice(&[size], &wanted[differ[0] * size..][..size]).expect("bytes");
    let name = &expected.name;
    Some(format!(
        "{name}: {dtype}{shape}: element {} is {element}, NumPy's bytes are {other:?} ({} differ)",
        differ[0],
        differ.len()
    ))
}

/// Runs a program as one text, or statement by statement.
fn given(engine: &Engine, program: &Program, whole: bool) -> Given {
    let mut session = engine.session();
    let names: Vec<&str> = program.expected.iter().flatten().map(|expected| expected.name.as_str()).collect();
    let mut run = || -> Result<(), Vec<Diagnostic>> {
        if whole {
            return session.interpreter.run("<random>", &program.text).map(drop);
        }
        for range in Interpreter::statements(&program.text) {
            let text = session.annotated(&program.text[range]);
            session.interpreter.run("<random>", &text)?;
        }
        Ok(())
    };
    match catch_unwind(AssertUnwindSafe(&mut run)) {
        Err(panic) => Given::Panicked(panic_text(&*panic)),
        Ok(Err(diagnostics)) => Given::Refused(plain(&diagnostics)),
        Ok(Ok(())) => Given::Values(
            names
                .iter()
                .map(|name| match session.interpreter.get(name) {
                    Some(Value::Array(array)) => Some(array),
                    _ => None,
                })
                .collect(),
        ),
    }
}

#[test]
fn random_statements_give_what_numpy_gives_on_every_engine() {
    let variable = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_string());
    let Some(programs) = programs(&variable("THALWEG_STATEMENTS", "200"), &variable("THALWEG_FUZZ_SEED", "1")) else {
        return;
    };
    let engines = engines();
    let (mut faults, mut refused, mut runs) = (Vec::new(), 0, 0);
    for program in &programs {
        // What the first engine says of a program that NumPy refuses, all must say.
        let mut report: Option<String> = None;
        let mut wrong: Vec<(String, String)> = Vec::new();
        refused += usize::from(program.expected.is_none());
        for engine in &engines {
            for whole in [true, false] {
                // An annotation before a text would be its first statement's alone.
                if whole != engine.annotation.is_empty() && engine.name != "1 thread" {
                    continue;
                }
                runs += 1;
                let way = format!("{}{}", engine.name, if whole { "" } else { ", statement by statement" });
                let message = match (given(engine, program, whole), &program.expected) {
                    (Given::Panicked(text), _) => Some(format!("panic: {text}")),
                    (Given::Refused(text), Some(_)) => Some(text),
                    (Given::Refused(text), None) if whole => {
                        let first = report.get_or_insert_with(|| text.clone());
                        (*first != text).then(|| format!("{text} where the first engine says {first}"))
                    }
                    // What nothing needs is never computed, so that it cannot fail.
                    (_, None) => None,
                    (Given::Values(values), Some(expected)) => {
                        values.iter().zip(expected).find_map(|(value, expected)| fault(value.as_ref(), expected))
                    }
                };
                if let Some(message) = message {
                    match wrong.iter_mut().find(|(known, _)| *known == message) {
                        Some((_, ways)) => *ways += &format!("; {way}"),
                        None => wrong.push((message, way)),
                    }
                }
            }
        }
        for (message, ways) in wrong {
            faults.push(format!("--- program {} on {ways}: {message}\n{}", program.number, program.text));
        }
    }
    println!("{} random programs, {refused} that NumPy refuses, {runs} runs, {} faults", programs.len(), faults.len());
    let shown = faults.iter().take(SHOWN).cloned().collect::<Vec<String>>().join("\n");
    assert!(faults.is_empty(), "{} faults in {} programs:\n{shown}", faults.len(), programs.len());
    assert!(refused * 2 < programs.len(), "{refused} of {} programs are refused: too many", programs.len());
}
