//! What the library says of itself: documentation of a name, completion, the configuration.

use crate::explanation::explanation_of;
use crate::interpreter::Interpreter;
use crate::library::PRELUDE;
use crate::show;
use std::sync::Arc;
use thalweg_lang::check::{self, signature_of};
use thalweg_lang::declaration::Library as _;
use thalweg_lang::dtype::DType;
use thalweg_lang::value::Value;

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documentation {
    /// How it is written: `sum(x, axis=none, keepdims=false)`.
    pub signature: String,
    /// One sentence.
    pub summary: String,
    /// More; may be empty.
    pub text: String,
    /// Programs and what they print.
    pub examples: Vec<(String, String)>,
}

/// A way to go on typing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What replaces the text from the start that came with it.
    pub text: String,
    /// What it is, to be shown beside.
    pub signature: String,
}

const KEYWORDS: [&str; 13] =
    ["and", "break", "continue", "else", "false", "fn", "for", "if", "import", "in", "not", "or", "true"];

impl Interpreter {
    /// What is known of an operation, a prelude function, an annotation (with or without `@`), an operator, a dtype, one of the
    /// session's names, or a diagnostic's code.
    pub fn documentation(&self, name: &str) -> Option<Documentation> {
        let simple = |signature: String, summary: String| {
            Some(Documentation { signature, summary, text: String::new(), examples: Vec::new() })
        };
        if let Some(value) = self.get(name) {
            let value_type = show::describe(&value);
            return match &value {
                Value::Function(closure) => {
                    let signature = signature_of(&closure.function, Some(&self.sources));
                    simple(signature, "A function of this session.".into())
                }
                _ => simple(format!("{name}: {value_type}"), "A name of this session.".into()),
            };
        }
        let operator = [2, 1].into_iter().find_map(|operands| self.library.operator(name, operands));
        if let Some(operation) = self.library.find(name).or(operator) {
            let declaration = &self.library.declarations()[operation.0 as usize];
            let mut signature = declaration.signature();
            if let Some((symbol, operands)) = declaration.operator {
                let written = if operands == 2 { format!("x {symbol} y") } else { format!("{symbol} x") };
                signature = format!("{written}, {signature}");
            }
            if let Some(property) = declaration.property {
                signature = format!("x.{property}, {signature}");
            }
            return Some(Documentation {
                signature,
                summary: declaration.summary.into(),
                text: declaration.text.into(),
                examples: declaration.examples.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect(),
            });
        }
        if let Some(function) = self.library.prelude(name) {
            let signature = signature_of(&function, Some(&self.sources));
            return Some(prelude_documentation(signature, function.span.start as usize));
        }
        let bare = name.trim_start_matches('@');
        if let Some(annotation) = self.library.annotations().iter().find(|one| one.name == bare) {
            let parameters: Vec<&str> = annotation.parameters.iter().map(|parameter| parameter.name).collect();
            let signature = match parameters.is_empty() {
                true => format!("@{bare}"),
                false => format!("@{bare}({})", parameters.join(", ")),
            };
            return simple(signature, annotation.summary.into());
        }
        if let Some(value) = self.library.constant(name) {
            return simple(format!("{name} = {value}"), "A constant.".into());
        }
        if let Some(dtype) = DType::from_name(name) {
            let summary = format!("The dtype {dtype}, {} bytes an element; called, it casts.", dtype.size());
            return simple(format!("{dtype}(x)"), summary);
        }
        explanation_of(name).map(|explanation| {
            let programs = [(explanation.wrong, explanation.said), (explanation.repaired, explanation.printed)];
            let examples =
                programs.into_iter().filter_map(|(program, prints)| Some((program?.into(), prints.into()))).collect();
            Documentation {
                signature: explanation.code.into(),
                summary: explanation.title.into(),
                text: explanation.text.clone(),
                examples,
            }
        })
    }

    /// Every name that the library has, sorted: operations, prelude functions, constants.
    pub fn library_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.library.declarations().iter().map(|one| one.name.to_string()).collect();
        names.extend(self.library.prelude_names().iter().map(|name| name.to_string()));
        names.extend(self.library.constant_names().iter().map(|name| name.to_string()));
        names.sort();
        names.dedup();
        names
    }

    /// The known names nearest to one that is not known, nearest first.
    pub fn similar(&self, name: &str) -> Vec<String> {
        let mut names = self.library_names();
        names.extend(self.names().into_iter().map(|(name, _)| name));
        check::similar(name, names.iter().map(String::as_str)).map(|near| vec![near.to_string()]).unwrap_or_default()
    }

    /// The ways to go on typing at a position (a byte offset): where the replaced text starts, and the candidates.
    pub fn complete(&self, text: &str, position: usize) -> (usize, Vec<Completion>) {
        let before = text.get(..position).unwrap_or(text);
        let start = before
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let (lead, prefix) = before.split_at(start);
        let mut found: Vec<Completion> = Vec::new();
        if lead.ends_with('@') {
            let names = self.library.annotations().iter().map(|annotation| annotation.name);
            for name in names.filter(|name| name.starts_with(prefix)) {
                let signature = self.documentation(&format!("@{name}")).map_or_else(String::new, |doc| doc.signature);
                found.push(Completion { text: name.into(), signature });
            }
            return (start, found);
        }
        let is_method = lead.ends_with('.') && !lead.trim_end_matches('.').ends_with(|c: char| c.is_ascii_digit());
        if is_method {
            let properties = self.library.declarations().iter().filter_map(|one| one.property);
            for property in properties.filter(|name| name.starts_with(prefix)) {
                found.push(Completion { text: property.into(), signature: format!("x.{property}") });
            }
        } else if let Some(parameters) = self.open_call(lead) {
            for name in parameters.iter().filter(|name| name.starts_with(prefix)) {
                found.push(Completion { text: format!("{name}="), signature: "argument".into() });
            }
        }
        if prefix.is_empty() && !is_method {
            return (start, found);
        }
        if !is_method {
            for (name, signature) in self.names().into_iter().filter(|(name, _)| name.starts_with(prefix)) {
                found.push(Completion { text: name, signature });
            }
            for keyword in KEYWORDS.iter().filter(|keyword| keyword.starts_with(prefix)) {
                found.push(Completion { text: (*keyword).into(), signature: "keyword".into() });
            }
        }
        for name in self.library_names().into_iter().filter(|name| name.starts_with(prefix)) {
            let signature = self.documentation(&name).map_or_else(String::new, |doc| doc.signature);
            found.push(Completion { text: name, signature });
        }
        found.sort_by(|a, b| a.text.cmp(&b.text));
        found.dedup_by(|a, b| a.text == b.text);
        (start, found)
    }

    /// The parameters of the call whose parenthesis is open at the end of a text.
    fn open_call(&self, text: &str) -> Option<Vec<String>> {
        let mut depth = 0;
        let open = text.char_indices().rev().find(|(_, c)| {
            match c {
                ')' | ']' | '}' => depth += 1,
                '(' if depth == 0 => return true,
                '(' | '[' | '{' => depth -= 1,
                _ => {}
            }
            false
        })?;
        let head = &text[..open.0];
        let start = head.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
        let name = head.get(start..)?;
        let from_function = |function: &thalweg_lang::ast::Function| {
            function.parameters.iter().map(|parameter| parameter.name.text.to_string()).collect()
        };
        if let Some(Value::Function(closure)) = self.get(name) {
            return Some(from_function(&closure.function));
        }
        if let Some(operation) = self.library.find(name) {
            let parameters = &self.library.declarations()[operation.0 as usize].parameters;
            return Some(parameters.iter().map(|parameter| parameter.name.to_string()).collect());
        }
        self.library.prelude(name).map(|function: Arc<thalweg_lang::ast::Function>| from_function(&function))
    }

    /// What this is and what it runs on, for `thalweg config`.
    pub fn configuration(&self) -> Vec<(String, String)> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut rows = vec![
            ("version".to_string(), env!("CARGO_PKG_VERSION").to_string()),
            ("target".to_string(), format!("{} {}", std::env::consts::ARCH, std::env::consts::OS)),
            ("instruction set".to_string(), self.settings.level.name().to_string()),
            ("threads".to_string(), self.settings.threads.to_string()),
            ("cores".to_string(), cores.to_string()),
        ];
        for name in ["THALWEG_NUM_THREADS", "THALWEG_SIMD", "THALWEG_MACHINE_CODE"] {
            rows.push((name.to_string(), std::env::var(name).unwrap_or_else(|_| "not set".into())));
        }
        rows
    }
}

/// The comment right above a function of the prelude: sentences, then examples (`>> program`, and what it prints below).
fn prelude_documentation(signature: String, start: usize) -> Documentation {
    let above = PRELUDE.get(..start).unwrap_or("");
    let lines: Vec<&str> = above.lines().rev().take_while(|line| line.starts_with('#')).collect();
    let mut summary: Vec<&str> = Vec::new();
    let mut examples: Vec<(String, String)> = Vec::new();
    for line in lines.into_iter().rev() {
        let text = line.strip_prefix("# ").unwrap_or(line.trim_start_matches('#'));
        match (text.strip_prefix(">> "), examples.last_mut()) {
            (Some(program), _) => examples.push((program.to_string(), String::new())),
            (None, Some((_, printed))) => {
                if !printed.is_empty() {
                    printed.push('\n');
                }
                printed.push_str(text);
            }
            (None, None) => summary.push(text.trim()),
        }
    }
    Documentation { signature, summary: summary.join(" "), text: String::new(), examples }
}
