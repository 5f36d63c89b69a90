//! The dtype of every operator and function for every dtype: the tables of tests/tables, which NumPy wrote.

use crate::engines::Session;
use crate::golden;

/// A session with one array of each dtype, named `v_` and its dtype.
fn session() -> Session {
    let mut session = Session::new();
    for dtype in ["bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64", "c64", "c128"] {
        assert_eq!(session.answer(&format!("v_{dtype} = {dtype}([1])")), "", "the array of {dtype}");
    }
    session
}

/// An operand of a table: a dtype's array, or the literal itself.
fn operand(name: &str) -> String {
    match name {
        "2" | "2.5" | "true" | "1j" => name.to_string(),
        dtype => format!("v_{dtype}"),
    }
}

/// The dtype of an expression, `-` when it is refused.
fn dtype_of(session: &mut Session, expression: &str) -> String {
    match session.interpreter.type_of("<table>", expression) {
        Ok(written) => written.split('[').next().unwrap_or("").to_string(),
        Err(_) => "-".to_string(),
    }
}

/// Checks the tables of a file; `expression` makes a cell's expression of the table's name and its two operands.
fn check(file: &str, expression: impl Fn(&str, &str, &str) -> String) {
    let mut session = session();
    let text = golden::read(&golden::root().join("tests/tables").join(file));
    let (mut name, mut columns, mut cells, mut faults) = ("", Vec::new(), 0, Vec::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "operator" | "function" if words.len() == 2 => name = words[1],
            "left" | "function" => columns = words[1..].to_vec(),
            row => {
                for (column, expected) in columns.iter().zip(&words[1..]).filter(|(_, expected)| **expected != ".") {
                    let written = expression(if name.is_empty() { row } else { name }, &operand(row), &operand(column));
                    let found = dtype_of(&mut session, &written);
                    cells += 1;
                    if found != *expected {
                        faults.push(format!("{row}, {column}: {written} is {found}, NumPy's is {expected}"));
                    }
                }
            }
        }
    }
    assert!(cells > 200, "{file} has only {cells} cells");
    assert!(faults.is_empty(), "{} of {cells} dtypes are wrong:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn operators_give_numpys_dtypes() {
    check("operators.txt", |operator, left, right| format!("{left} {operator} {right}"));
}

#[test]
fn functions_of_two_arrays_give_numpys_dtypes() {
    check("pairs.txt", |function, left, right| match function {
        "where" => format!("where([true], {left}, {right})"),
        _ => format!("{function}({left}, {right})"),
    });
}

#[test]
fn functions_of_one_array_give_numpys_dtypes() {
    check("functions.txt", |function, _, argument| match function {
        "-" | "+" | "~" | "not" => format!("{function} {argument}"),
        _ => format!("{function}({argument})"),
    });
}
