//! Help on a name, as the command and the prompt show it.

use crate::wrap::wrap;
use thalweg::{Documentation, Interpreter};

/// The help on a name, or a sentence that there is none.
pub fn of(interpreter: &Interpreter, name: &str) -> Result<String, String> {
    // `?sum(` and `?@simd` are what a person has under the cursor.
    let name = name.trim().trim_end_matches(['(', ')']);
    match interpreter.documentation(name).or_else(|| interpreter.documentation(name.trim_start_matches('@'))) {
        Some(documentation) => Ok(written(&documentation)),
        None => {
            let near = interpreter.similar(name);
            let near: Vec<String> = near.iter().take(3).map(|name| format!("`{name}`")).collect();
            Err(match near.as_slice() {
                [] => format!("there is no help on `{name}`"),
                near => format!("there is no help on `{name}`; did you mean {}?", near.join(" or ")),
            })
        }
    }
}

fn written(documentation: &Documentation) -> String {
    let mut parts = vec![documentation.signature.clone()];
    for text in [&documentation.summary, &documentation.text] {
        if !text.trim().is_empty() {
            parts.push(text.trim().lines().map(wrapped).collect::<Vec<_>>().join("\n"));
        }
    }
    for (program, printed) in &documentation.examples {
        // As it looks at the prompt, so that it can be told from the text.
        let mut example = String::new();
        for (index, line) in program.trim_end().lines().enumerate() {
            example.push_str(if index == 0 { ">> " } else { "\n.. " });
            example.push_str(line);
        }
        if !printed.trim().is_empty() {
            example.push('\n');
            example.push_str(printed.trim_end());
        }
        parts.push(example);
    }
    parts.join("\n\n")
}

/// The longest line of help, where words allow it.
const WIDTH: usize = 88;

/// A line in lines that are short enough to read; one that is indented is left as it is.
fn wrapped(line: &str) -> String {
    if line.starts_with(' ') { line.to_string() } else { wrap(line, WIDTH, "") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indented_lines_are_kept() {
        assert_eq!(wrapped("    a = 1   # kept"), "    a = 1   # kept");
    }

    #[test]
    fn parts_are_apart() {
        let documentation = Documentation {
            signature: "sum(x)".into(),
            summary: "adds up".into(),
            text: String::new(),
            examples: vec![("a = 1\nsum(a)".into(), "1\n".into())],
        };
        assert_eq!(written(&documentation), "sum(x)\n\nadds up\n\n>> a = 1\n.. sum(a)\n1");
    }
}
