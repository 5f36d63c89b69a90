//! Every way to run a program; each must print the same.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use thalweg::{Builder, Interpreter};
use thalweg_lang::diagnostic::{Diagnostic, Severity};
use thalweg_runtime::kernel::Level;
use thalweg_runtime::machine::MachineCode;
use thalweg_runtime::operation::Host;

/// Keeps what a program prints.
#[derive(Default)]
pub struct Printed(Mutex<String>);

impl Printed {
    /// What was printed since the last call.
    pub fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().expect("no printer panicked"))
    }
}

impl Host for Printed {
    fn print(&self, text: &str) {
        let mut kept = self.0.lock().expect("no printer panicked");
        kept.push_str(text);
        if !text.ends_with('\n') {
            kept.push('\n');
        }
    }
}

/// One way to run programs.
pub struct Engine {
    /// What reports call it.
    pub name: String,
    /// Sets it up.
    configure: Box<dyn Fn(Builder) -> Builder>,
    /// What stands before every statement.
    pub annotation: &'static str,
}

/// All of them, the plainest first.
pub fn engines() -> Vec<Engine> {
    fn engine(name: &str, configure: impl Fn(Builder) -> Builder + 'static, annotation: &'static str) -> Engine {
        Engine { name: name.to_string(), configure: Box::new(configure), annotation }
    }
    let mut engines = vec![
        engine("1 thread", |builder| builder.threads(1), ""),
        engine("2 threads", |builder| builder.threads(2), ""),
        engine("4 threads", |builder| builder.threads(4), ""),
        engine("without fusion", |builder| builder.threads(2).fuse(false), ""),
        engine("machine code", |builder| builder.threads(2).machine_code(MachineCode::Always), ""),
        engine("@simd", |builder| builder.threads(2), "@simd"),
        engine("@parallel", |builder| builder.threads(4), "@parallel"),
        engine("@parallel(2)", |builder| builder.threads(1), "@parallel(2)"),
    ];
    for level in Level::available() {
        let formulas = move |builder: Builder| builder.threads(1).level(level).machine_code(MachineCode::Off);
        engines.push(engine(level.name(), formulas, ""));
    }
    for level in [Level::Avx2, Level::Avx512].into_iter().filter(|level| level.is_available()) {
        let compiled = move |builder: Builder| builder.threads(2).level(level).machine_code(MachineCode::Always);
        engines.push(engine(&format!("machine code, {}", level.name()), compiled, ""));
    }
    engines
}

/// A session on one engine.
pub struct Session {
    /// The interpreter.
    pub interpreter: Interpreter,
    printed: Arc<Printed>,
    annotation: &'static str,
}

impl Engine {
    /// A fresh session.
    pub fn session(&self) -> Session {
        Session { annotation: self.annotation, ..Session::of((self.configure)(Interpreter::builder())) }
    }
}

impl Session {
    /// A session on the plainest engine.
    pub fn new() -> Session {
        engines()[0].session()
    }

    /// A session of an interpreter that is set up.
    pub fn of(builder: Builder) -> Session {
        let printed = Arc::new(Printed::default());
        Session { interpreter: builder.host(printed.clone()).build(), printed, annotation: "" }
    }

    /// A statement under the engine's annotation.
    pub fn annotated(&self, text: &str) -> String {
        match self.annotation {
            "" => text.to_string(),
            _ if text.starts_with('#') => text.to_string(),
            annotation => format!("{annotation}\n{text}"),
        }
    }

    /// What a text prints, its last value included; errors as `error[E0301]: message` lines; a panic as `panic: …`.
    pub fn answer(&mut self, text: &str) -> String {
        let text = self.annotated(text);
        let interpreter = &mut self.interpreter;
        let outcome = catch_unwind(AssertUnwindSafe(|| interpreter.run("<test>", &text)));
        let mut answer = self.printed.take();
        match outcome {
            Ok(Ok(outcome)) => {
                if let (Some(value), false) = (&outcome.value, outcome.silent) {
                    answer.push_str(&thalweg::display(value));
                }
            }
            Ok(Err(diagnostics)) => answer.push_str(&plain(&diagnostics)),
            Err(panic) => answer.push_str(&format!("panic: {}", panic_text(&*panic))),
        }
        let lines: Vec<&str> = answer.lines().map(str::trim_end).collect();
        lines.join("\n").trim_end().to_string()
    }
}

/// The errors among diagnostics, one line each.
pub fn plain(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors.map(|error| format!("error[{}]: {}\n", error.code, error.message)).collect()
}

/// What a panic said.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a text".to_string())
}

/// The names of all operations and prelude functions: what completion offers for each first letter.
pub fn operation_names(session: &Session) -> Vec<String> {
    let mut names = Vec::new();
    for letter in ('a'..='z').chain('A'..='Z') {
        let (_, offered) = session.interpreter.complete(&letter.to_string(), 1);
        let offered = offered.into_iter().map(|completion| completion.text.trim_end_matches('(').to_string());
        let documented =
            |name: &String| session.interpreter.documentation(name).is_some_and(|found| found.signature.contains('('));
        names.extend(offered.filter(documented));
    }
    names
}
