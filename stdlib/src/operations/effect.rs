//! What happens in program order: showing, saving, insisting.

use crate::file;
use crate::operation::{Operation, optional, required, variadic};
use crate::show;
use thalweg_lang::declaration::Default;
use thalweg_lang::value::Value;
use thalweg_runtime::operation::{EffectCall, Failure};

pub(super) fn rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::effect(
            "print",
            vec![variadic("values"), optional("sep", Default::Text(" ")), optional("end", Default::Text("\n"))],
            print,
        )
        .summary("Shows values as text, with blanks between and a newline after.")
        .examples(&[("print(\"total\", 1 + 2)", "total 3"), ("print(f\"{1 / 3:.3f}\")", "0.333")]),
    );
    rows.push(
        Operation::effect("save", vec![required("path"), required("x")], save)
            .summary("Writes an array to a .npy file that NumPy reads, a .png picture or a .csv table."),
    );
    rows.push(
        Operation::effect("assert", vec![required("condition"), optional("message", Default::Text(""))], assert)
            .summary("Stops the program unless the condition, one bool, holds.")
            .examples(&[("assert(1 + 1 == 2, \"arithmetic\")", "")]),
    );
}

fn failure(code: &'static str, message: impl Into<String>) -> Failure {
    Failure { code, message: message.into(), help: None }
}

fn print(call: &EffectCall) -> Result<(), Failure> {
    let Value::Tuple(values) = &call.arguments[0] else { return Ok(()) };
    let separator = show::text_of(&call.arguments[1]).map_err(|message| failure("E0511", message))?;
    let end = show::text_of(&call.arguments[2]).map_err(|message| failure("E0511", message))?;
    let texts: Result<Vec<String>, String> = values.iter().map(show::text_of).collect();
    let text = texts.map_err(|message| failure("E0511", message))?.join(&separator) + &end;
    call.host.print(&text);
    Ok(())
}

fn save(call: &EffectCall) -> Result<(), Failure> {
    let path = match &call.arguments[0] {
        text @ Value::Text(_) => show::text_of(text).map_err(|message| failure("E0511", message))?,
        _ => {
            return Err(Failure {
                help: Some("write `save(\"file.npy\", x)`".into()),
                ..failure("E0510", "`save` takes a path first")
            });
        }
    };
    let Value::Array(array) = &call.arguments[1] else {
        let help = Some("save one array a line, or `[ ]` of several of one shape".into());
        return Err(Failure { help, ..failure("E0510", "`save` writes one array") });
    };
    let place = std::path::Path::new(&path);
    if !file::has_format(place) {
        let help = Some("write a path that ends in `.npy`".into());
        let message = format!("`save` writes .npy, .png and .csv files, and {path} is none");
        return Err(Failure { help, ..failure("E0510", message) });
    }
    // What else can fail is the file system's, and says so.
    let is_picture = path.ends_with(".png");
    let help = is_picture.then(|| {
        "a picture is `u8(x)`, or floats from 0 to 1, as `[height, width]` or `[height, width, 3]`".to_string()
    });
    file::write(place, array).map_err(|message| Failure { help, ..failure("E0510", message) })
}

fn assert(call: &EffectCall) -> Result<(), Failure> {
    let held = match &call.arguments[0] {
        Value::Array(array) => array.scalar_value().filter(|value| value.dtype == thalweg_lang::dtype::DType::Bool),
        _ => None,
    };
    match held {
        Some(value) if value.bits[0] != 0 => Ok(()),
        Some(_) => {
            let message = show::text_of(&call.arguments[1]).map_err(|message| failure("E0511", message))?;
            let text = if message.is_empty() { "the assertion does not hold".to_string() } else { message };
            Err(failure("E0512", text))
        }
        None => {
            let (found, help) = match &call.arguments[0] {
                Value::Array(array) if array.dtype() == thalweg_lang::dtype::DType::Bool => {
                    (show::describe(&call.arguments[0]), "for all of them write `all(…)`")
                }
                other => (show::describe(other), "compare it: `x != 0`"),
            };
            Err(Failure {
                help: Some(help.into()),
                ..failure("E0512", format!("`assert` takes one bool, not {found}"))
            })
        }
    }
}
