//! What happens in program order: showing, saving, insisting.

use crate::file;
use crate::operation::{Expansion, Operation, optional, required, variadic};
use crate::show;
use thalweg_lang::declaration::{Call, Default, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::DType;
use thalweg_lang::value::{TextPiece, Value};
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
        Operation::expand("save", vec![required("path"), required("x")], check_save)
            .happening(save)
            .summary("Writes an array to a .npy file that NumPy reads, a .png picture or a .csv table."),
    );
    rows.push(
        Operation::expand("assert", vec![required("condition"), optional("message", Default::Text(""))], check_assert)
            .happening(assert)
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
    if let Some((message, help)) = refused_path(&path) {
        return Err(Failure { help: Some(help.into()), ..failure("E0510", message) });
    }
    // What else can fail is the file system's, and says so.
    let is_picture = path.ends_with(".png");
    let help = is_picture.then(|| {
        "a picture is `u8(x)`, or floats from 0 to 1, as `[height, width]` or `[height, width, 3]`".to_string()
    });
    file::write(place, array).map_err(|message| Failure { help, ..failure("E0510", message) })
}

/// Why no array can be written to a path, and what to type instead.
fn refused_path(path: &str) -> Option<(String, &'static str)> {
    let message = format!("`save` writes .npy, .png and .csv files, and {path} is none");
    (!file::has_format(std::path::Path::new(path))).then_some((message, "write a path that ends in `.npy`"))
}

/// What is wrong with a call of `save` is known before the run, when the path is: the work before it is not lost.
fn check_save(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let [path, array] = [&call.arguments[0], &call.arguments[1]];
    let Value::Text(pieces) = &path.value else {
        let found = build.describe(&path.value);
        let diagnostic = Diagnostic::error("E0303", "`save` takes a path first", path.span, found);
        return Err(diagnostic.help("write `save(\"file.npy\", x)`"));
    };
    if let [TextPiece::Text(path_text)] = pieces.as_slice()
        && let Some((message, help)) = refused_path(path_text)
    {
        return Err(Diagnostic::error("E0316", message, path.span, "").help(help));
    }
    if !matches!(array.value, Value::Array(_)) {
        let found = build.describe(&array.value);
        let diagnostic = Diagnostic::error("E0303", "`save` writes one array", array.span, found);
        return Err(diagnostic.help("save one array a line, or `[ ]` of several of one shape"));
    }
    build.happen(call);
    Ok(Value::None)
}

/// An assertion about anything but one bool is refused before the run.
fn check_assert(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let given = &call.arguments[0];
    let is_bool = match &given.value {
        Value::Array(operand) => {
            let found = build.type_of(*operand);
            if found.dtype == DType::Bool && found.rank() == 0 {
                build.happen(call);
                return Ok(Value::None);
            }
            found.dtype == DType::Bool
        }
        _ => false,
    };
    let found = build.describe(&given.value);
    let message = format!("`assert` takes one bool, not {found}");
    let help = if is_bool { "for all of them write `all(…)`" } else { "compare it: `x != 0`" };
    Err(Diagnostic::error("E0306", message, given.span, found).help(help))
}

fn assert(call: &EffectCall) -> Result<(), Failure> {
    let held = match &call.arguments[0] {
        Value::Array(array) => array.scalar_value(),
        _ => None,
    };
    if held.is_some_and(|value| value.bits[0] != 0) {
        return Ok(());
    }
    let message = show::text_of(&call.arguments[1]).map_err(|message| failure("E0511", message))?;
    let text = if message.is_empty() { "the assertion does not hold".to_string() } else { message };
    Err(failure("E0512", text))
}
