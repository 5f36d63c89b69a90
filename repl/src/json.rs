//! Values and findings as JSON, one object a line.

use serde_json::json;
use std::io::{self, Write};
use thalweg::describe;
use thalweg_lang::diagnostic::{Diagnostic, Severity};
use thalweg_lang::dtype::{DType, Kind, Scalar};
use thalweg_lang::source::Sources;
use thalweg_lang::value::Value;
use thalweg_runtime::array::Array;

/// Writes `{"type": …, "value": …}`, element by element: an array may be larger than a JSON document should be in memory.
pub fn write_value(out: &mut dyn Write, value: &Value<Array>) -> io::Result<()> {
    write!(out, "{{\"type\":{},\"value\":", json!(describe(value)))?;
    write_bare(out, value)?;
    out.write_all(b"}\n")
}

fn write_bare(out: &mut dyn Write, value: &Value<Array>) -> io::Result<()> {
    match value {
        Value::Array(array) => {
            let mut elements = array.iter();
            write_axes(out, array.shape(), &mut elements)
        }
        Value::Tuple(values) => {
            out.write_all(b"[")?;
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.write_all(b",")?;
                }
                write_bare(out, value)?;
            }
            out.write_all(b"]")
        }
        Value::Text(_) => write!(out, "{}", json!(thalweg::display(value))),
        Value::DType(dtype) => write!(out, "{}", json!(dtype.name())),
        Value::Function(_) | Value::Builtin(_) | Value::Zip(_) | Value::None | Value::Newaxis => out.write_all(b"null"),
    }
}

fn write_axes(out: &mut dyn Write, shape: &[usize], elements: &mut dyn Iterator<Item = Scalar>) -> io::Result<()> {
    let Some((&length, rest)) = shape.split_first() else {
        return elements.next().map_or(Ok(()), |scalar| write_scalar(out, scalar));
    };
    out.write_all(b"[")?;
    for index in 0..length {
        if index > 0 {
            out.write_all(b",")?;
        }
        write_axes(out, rest, elements)?;
    }
    out.write_all(b"]")
}

fn write_scalar(out: &mut dyn Write, scalar: Scalar) -> io::Result<()> {
    let (real, imaginary) = scalar.as_complex();
    match scalar.dtype.kind() {
        Kind::Bool => write!(out, "{}", scalar.as_integer() == Some(1)),
        Kind::Unsigned | Kind::Signed => write!(out, "{}", scalar.as_integer().unwrap_or(0)),
        Kind::Float => write_float(out, real, scalar.dtype),
        Kind::Complex => {
            out.write_all(b"[")?;
            write_float(out, real, scalar.dtype)?;
            out.write_all(b",")?;
            write_float(out, imaginary, scalar.dtype)?;
            out.write_all(b"]")
        }
    }
}

fn write_float(out: &mut dyn Write, value: f64, dtype: DType) -> io::Result<()> {
    match value {
        value if value.is_nan() => out.write_all(b"\"nan\""),
        value if value.is_infinite() => out.write_all(if value > 0.0 { b"\"inf\"" } else { b"\"-inf\"" }),
        // The fewest digits that give the same f32 back, not those of the f64 that it becomes.
        value if matches!(dtype, DType::F32 | DType::C64) => write!(out, "{:?}", value as f32),
        value => write!(out, "{value:?}"),
    }
}

/// A finding as one line, without its newline.
pub fn finding(finding: &Diagnostic, sources: &Sources) -> String {
    let labels = finding.labels.iter().map(|label| {
        let (line, column) = sources.line_column(label.span);
        json!({
            "source": &*sources.get(label.span.source).name,
            "line": line,
            "column": column,
            "start": label.span.start,
            "end": label.span.end,
            "text": label.text,
        })
    });
    let labels: Vec<_> = labels.collect();
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let (code, message, help) = (finding.code, &finding.message, &finding.help);
    json!({ "code": code, "severity": severity, "message": message, "help": help, "labels": labels }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use thalweg_lang::source::Span;

    fn written(value: &Value<Array>) -> String {
        let mut out = Vec::new();
        write_bare(&mut out, value).unwrap();
        let text = String::from_utf8(out).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        text
    }

    #[test]
    fn values() {
        let array = |shape: &[usize], elements: &[f64]| Value::Array(Array::from_slice(shape, elements).unwrap());
        assert_eq!(written(&array(&[2, 2], &[1.0, -0.5, 1e300, f64::NAN])), "[[1.0,-0.5],[1e300,\"nan\"]]");
        assert_eq!(written(&array(&[], &[f64::NEG_INFINITY])), "\"-inf\"");
        assert_eq!(written(&array(&[2, 0], &[])), "[[],[]]");
        let tuple = Value::Tuple(vec![
            Value::Array(Array::scalar(Scalar::bool(true))),
            Value::Array(Array::scalar(Scalar::c128(1.0, -2.0))),
            Value::Array(Array::scalar(Scalar::f64(0.1).cast(DType::F32))),
            Value::Array(Array::scalar(Scalar::i64(-7))),
            Value::None,
        ]);
        assert_eq!(written(&tuple), "[true,[1.0,-2.0],0.1,-7,null]");
    }

    #[test]
    fn findings() {
        let mut sources = Sources::default();
        let id = sources.add("a.tw", "x = 1\ny = bad");
        let error = Diagnostic::error("E0201", "there is no `bad`", Span::new(id, 10, 13), "");
        assert_eq!(
            finding(&error, &sources),
            "{\"code\":\"E0201\",\"help\":null,\"labels\":[{\"column\":5,\"end\":13,\"line\":2,\"source\":\"a.tw\",\"start\":10,\
             \"text\":\"\"}],\"message\":\"there is no `bad`\",\"severity\":\"error\"}"
        );
    }
}
