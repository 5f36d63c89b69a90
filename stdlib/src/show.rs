//! Values as text: what `print` shows, and what a value's type is called.

use crate::format;
use std::sync::Arc;
use thalweg_lang::check::signature_of;
use thalweg_lang::value::{TextPiece, Value};
use thalweg_runtime::array::Array;

/// A value as `print` shows it; the error says what an f-string's specification got wrong.
pub fn text_of(value: &Value<Array>) -> Result<String, String> {
    Ok(match value {
        Value::Array(array) => format::format_array(array),
        Value::Tuple(values) => {
            let parts: Result<Vec<String>, String> = values.iter().map(part_of).collect();
            let parts = parts?;
            match parts.as_slice() {
                [one] => format!("({one},)"),
                _ => format!("({})", parts.join(", ")),
            }
        }
        Value::Zip(_) => "zip".into(),
        Value::Text(pieces) => {
            let parts: Result<Vec<String>, String> = pieces.iter().map(piece_of).collect();
            parts?.concat()
        }
        Value::Function(closure) => format!("fn {}", signature_of(&closure.function, None)),
        Value::Builtin(name) => format!("fn {name}"),
        Value::DType(dtype) => dtype.to_string(),
        Value::None => "none".into(),
        Value::Newaxis => "newaxis".into(),
    })
}

/// Which of several strings the run chose.
pub fn index_of(which: &Array) -> Option<usize> {
    usize::try_from(which.scalar_value()?.as_integer()?).ok()
}

/// A piece of a string.
fn piece_of(piece: &TextPiece<Array>) -> Result<String, String> {
    match piece {
        TextPiece::Text(known) => Ok(known.to_string()),
        TextPiece::Value(value, specification, _) => formatted(value, specification),
        TextPiece::Choice(which, texts) => {
            let chosen = index_of(which).and_then(|index| texts.get(index));
            chosen.into_iter().flatten().map(piece_of).collect()
        }
    }
}

/// A value inside a tuple: strings in quotes.
fn part_of(value: &Value<Array>) -> Result<String, String> {
    let text = text_of(value)?;
    Ok(match value {
        Value::Text(_) => format!("{text:?}"),
        _ => text,
    })
}

fn formatted(value: &Value<Array>, specification: &Arc<str>) -> Result<String, String> {
    if specification.is_empty() {
        return text_of(value);
    }
    let explain = |error: format::FormatError| match error.help {
        Some(help) => format!("{}; {help}", error.message),
        None => error.message,
    };
    match value {
        Value::Array(array) => format::format_array_specification(array, specification).map_err(explain),
        other => format::format_text_specification(&text_of(other)?, specification).map_err(explain),
    }
}

/// A value as `print` shows it. An f-string whose specification does not fit its value shows why.
pub fn display(value: &Value<Array>) -> String {
    text_of(value).unwrap_or_else(|message| message)
}

/// A value's type: `f64[3, 4]`, `(f64, i64[3])`, `fn f(x, y)`.
pub fn describe(value: &Value<Array>) -> String {
    match value {
        Value::Array(array) => format::type_of(array),
        Value::Tuple(values) => {
            let parts: Vec<String> = values.iter().map(describe).collect();
            if parts.len() == 1 { format!("({},)", parts[0]) } else { format!("({})", parts.join(", ")) }
        }
        Value::Zip(_) => "zip".into(),
        Value::Text(_) => "text".into(),
        Value::Function(closure) => format!("fn {}", signature_of(&closure.function, None)),
        Value::Builtin(name) => format!("fn {name}"),
        Value::DType(_) => "dtype".into(),
        Value::None => "none".into(),
        Value::Newaxis => "newaxis".into(),
    }
}
