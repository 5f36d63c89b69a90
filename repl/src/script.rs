//! One program from beginning to end: run, checked or planned, and its exit status.

use crate::arguments::{Action, Arguments, Binding, Options, Program, near_command};
use crate::bug;
use crate::interrupt::Interrupt;
use crate::screen::Screen;
use crate::status::Status;
use crate::{bench, documentation, formatting, session};
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;
use thalweg::Interpreter;
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::value::Value;

/// Does what the command line asks.
pub fn perform(arguments: Arguments, screen: &Arc<Screen>) -> Status {
    let options = &arguments.options;
    match arguments.action {
        Action::Prompt if io::stdin().is_terminal() => session::run(options, screen),
        Action::Prompt => with_program(&Program::StandardInput, options, screen, run),
        Action::Run(program) => with_program(&program, options, screen, run),
        Action::Check(program) => with_program(&program, options, screen, check),
        Action::Plan(program) => with_program(&program, options, screen, plan),
        Action::Bench(program) => with_program(&program, options, screen, bench::run),
        Action::Format { programs, check_only } => formatting::run(&programs, check_only, screen),
        Action::Document(name) => document(&name, options, screen),
        Action::Configuration => configuration(options, screen),
    }
}

/// A program and everything that a way of treating it needs.
pub struct Job<'a> {
    /// What findings call the program.
    pub name: String,
    /// Its text.
    pub text: String,
    /// It stood on the command line.
    pub is_code: bool,
    /// The options.
    pub options: &'a Options,
    /// Where its words go.
    pub screen: &'a Arc<Screen>,
}

fn with_program(program: &Program, options: &Options, screen: &Arc<Screen>, treat: fn(&Job) -> Status) -> Status {
    let (name, text) = match read(program) {
        Ok(read) => read,
        Err(message) => {
            screen.complain(&message);
            return Status::Usage;
        }
    };
    let is_code = matches!(program, Program::Code(_));
    treat(&Job { name, text, is_code, options, screen })
}

impl Job<'_> {
    /// An interpreter with the inputs bound, or how the command ends.
    pub fn interpreter(&self, prints: bool) -> Result<Interpreter, Status> {
        let mut interpreter = interpreter(self.options, prints.then_some(self.screen));
        bind(&mut interpreter, &self.options.inputs, self.screen)?;
        Ok(interpreter)
    }

    /// Does something that Ctrl-C and bugs may end.
    pub fn guarded<T>(&self, interrupt: &Interrupt, action: impl FnOnce() -> T) -> Result<T, Status> {
        let (result, pressed) = interrupt.during(|| bug::caught(action));
        match result {
            _ if pressed => Err(Status::Interrupted),
            Ok(result) => Ok(result),
            Err(message) => {
                self.screen.complain(&message);
                Err(Status::Failed)
            }
        }
    }

    /// Shows why a program was refused or failed.
    pub fn refused(&self, findings: &[Diagnostic], interpreter: &Interpreter) -> Status {
        let status = Status::of(findings);
        self.screen.findings(findings, interpreter.sources());
        if status == Status::Refused {
            self.screen.summary(findings);
        }
        status
    }
}

/// An interpreter as the options want it; without a screen it prints nothing.
pub fn interpreter(options: &Options, screen: Option<&Arc<Screen>>) -> Interpreter {
    let mut builder = Interpreter::builder();
    if let Some(threads) = options.threads {
        builder = builder.threads(threads);
    }
    if let Some(screen) = screen {
        builder = builder.host(screen.clone());
    }
    builder.build()
}

/// Binds names from files.
pub fn bind(interpreter: &mut Interpreter, inputs: &[Binding], screen: &Screen) -> Result<(), Status> {
    for Binding { name, path } in inputs {
        if let Err(message) = interpreter.load(name, path) {
            screen.complain(&format!("`--in {name}={}`: {message}", path.display()));
            return Err(Status::Usage);
        }
    }
    Ok(())
}

fn run(job: &Job) -> Status {
    run_to_end(job).unwrap_or_else(|status| status)
}

fn run_to_end(job: &Job) -> Result<Status, Status> {
    let mut interpreter = job.interpreter(true)?;
    let interrupt = Interrupt::install(interpreter.cancel(), false, job.screen);
    // Of a script only what it prints and what is asked for is needed; the rest is never computed.
    let wanted: Vec<&str> = job.options.outputs.iter().map(|output| output.name.as_str()).collect();
    let run = || match job.is_code {
        true => interpreter.run(&job.name, &job.text),
        false => interpreter.run_for(&job.name, &job.text, &wanted),
    };
    let outcome = match job.guarded(&interrupt, run)? {
        Ok(outcome) => outcome,
        Err(findings) => return Err(job.refused(&findings, &interpreter)),
    };
    job.screen.findings(&outcome.notes, interpreter.sources());
    if let Some(value) = outcome.value.filter(|value| job.is_code && !outcome.silent && !matches!(value, Value::None)) {
        job.screen.show(&value, false);
    }
    for Binding { name, path } in &job.options.outputs {
        if let Err(message) = interpreter.save(name, path) {
            job.screen.complain(&format!("`--out {name}={}`: {message}", path.display()));
            return Err(Status::Failed);
        }
    }
    Ok(Status::Done)
}

fn check(job: &Job) -> Status {
    let check = || {
        let mut interpreter = job.interpreter(false)?;
        let interrupt = Interrupt::install(interpreter.cancel(), false, job.screen);
        let findings = job.guarded(&interrupt, || interpreter.check(&job.name, &job.text))?;
        Ok(job.refused(&findings, &interpreter))
    };
    check().unwrap_or_else(|status| status)
}

fn plan(job: &Job) -> Status {
    let plan = || {
        let mut interpreter = job.interpreter(false)?;
        let interrupt = Interrupt::install(interpreter.cancel(), false, job.screen);
        let wanted: Vec<&str> = job.options.outputs.iter().map(|output| output.name.as_str()).collect();
        let plan = || match wanted.is_empty() {
            true if job.is_code => interpreter.plan(&job.name, &job.text),
            // What a run would compute; of a file that shows and gives nothing, everything.
            _ => match interpreter.plan_for(&job.name, &job.text, &wanted) {
                Ok(plan) if !plan.contains("region ") && !plan.contains("effect ") => {
                    interpreter.plan(&job.name, &job.text)
                }
                other => other,
            },
        };
        match job.guarded(&interrupt, plan)? {
            Ok(plan) => {
                job.screen.answer("plan", plan.trim_end());
                Ok(Status::Done)
            }
            Err(findings) => Err(job.refused(&findings, &interpreter)),
        }
    };
    plan().unwrap_or_else(|status| status)
}

fn document(name: &str, options: &Options, screen: &Arc<Screen>) -> Status {
    match documentation::of(&interpreter(options, None), name) {
        Ok(text) => {
            screen.answer("doc", &text);
            Status::Done
        }
        Err(message) => {
            screen.complain(&message);
            Status::Usage
        }
    }
}

fn configuration(options: &Options, screen: &Arc<Screen>) -> Status {
    let rows = interpreter(options, None).configuration();
    if screen.is_json() {
        let object: serde_json::Map<_, _> = rows.into_iter().map(|(name, value)| (name, value.into())).collect();
        screen.line(&serde_json::Value::Object(object).to_string());
    } else {
        columns(&rows).iter().for_each(|line| screen.line(line));
    }
    Status::Done
}

/// Two columns, aligned.
pub fn columns(rows: &[(String, String)]) -> Vec<String> {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:width$}  {value}").trim_end().to_string()).collect()
}

/// The name and the text of a program.
pub fn read(program: &Program) -> Result<(String, String), String> {
    match program {
        Program::Code(text) => Ok(("-e".to_string(), text.clone())),
        Program::File(path) => Ok((path.display().to_string(), read_file(path)?)),
        Program::StandardInput => {
            let mut bytes = Vec::new();
            io::stdin()
                .read_to_end(&mut bytes)
                .map_err(|error| format!("standard input cannot be read: {}", why(&error)))?;
            Ok(("<stdin>".to_string(), decode(bytes, "standard input")?))
        }
    }
}

/// The text of a script, or a sentence why there is none.
pub fn read_file(path: &Path) -> Result<String, String> {
    let shown = format!("`{}`", path.display());
    let bytes = std::fs::read(path).map_err(|error| match path.to_str() {
        // A person who knows other tools, or the next version of this one, means a command and not a file.
        Some(word @ "gpu") => format!("`thalweg {word}` is not built yet"),
        word => {
            let near = word.filter(|_| error.kind() == io::ErrorKind::NotFound).and_then(near_command);
            let hint = near.map(|near| format!("; did you mean `thalweg {near}`?")).unwrap_or_default();
            format!("{shown} cannot be read: {}{hint}", why(&error))
        }
    })?;
    decode(bytes, &shown)
}

fn decode(bytes: Vec<u8>, shown: &str) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|_| format!("{shown} is not a text in UTF-8"))?;
    // Some editors begin a text with a byte order mark, which is no part of the program.
    Ok(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text))
}

/// Why a file could not be read or written, in plain words.
pub fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_string(),
        io::ErrorKind::PermissionDenied => "permission is denied".to_string(),
        io::ErrorKind::IsADirectory => "it is a folder".to_string(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_lowercase()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_utf_8() {
        assert_eq!(decode(b"\xef\xbb\xbfa = 1".to_vec(), "x").as_deref(), Ok("a = 1"));
        assert_eq!(decode(b"a = \xff".to_vec(), "`x`"), Err("`x` is not a text in UTF-8".to_string()));
    }

    #[test]
    fn files_that_are_not_there() {
        let missing = read_file(Path::new("/nowhere/a.tw"));
        assert_eq!(missing, Err("`/nowhere/a.tw` cannot be read: there is no such file".to_string()));
        assert_eq!(read_file(Path::new("gpu")), Err("`thalweg gpu` is not built yet".to_string()));
        assert_eq!(read_file(Path::new("/")), Err("`/` cannot be read: it is a folder".to_string()));
    }
}
