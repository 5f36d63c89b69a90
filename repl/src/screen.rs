//! Where words go: values to standard output, everything else to standard error, each in the form that was asked for.

use crate::arguments::Colour;
use crate::json;
use crate::report::{self, Style};
use crate::script::why;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use thalweg::{describe, display};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::source::Sources;
use thalweg_lang::value::Value;
use thalweg_runtime::array::Array;
use thalweg_runtime::operation::Host;

/// An array of more elements than this is shown below a line with its type; NumPy shortens from there on.
const BIG: usize = 1000;

/// Both streams of the command.
pub struct Screen {
    output: Mutex<BufWriter<Stdout>>,
    /// A person reads standard output as it is written.
    live: bool,
    json: bool,
    /// A program has printed a line without an end.
    unfinished: AtomicBool,
    /// Colours on standard output.
    pub colour: bool,
    style: Style,
}

impl Screen {
    /// The streams as they are now.
    pub fn new(colour: Colour, json: bool) -> Screen {
        let (output, error) = (io::stdout(), io::stderr());
        let live = output.is_terminal();
        let terminal = error.is_terminal();
        Screen {
            output: Mutex::new(BufWriter::new(output)),
            live,
            json,
            unfinished: AtomicBool::new(false),
            colour: wants_colour(colour, live),
            style: Style::new(wants_colour(colour, terminal), terminal),
        }
    }

    /// Whether values and findings are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Shows a value as the last one of a line; `headed` sets the type above a big array.
    pub fn show(&self, value: &Value<Array>, headed: bool) {
        if self.json {
            return self.write(|out| json::write_value(out, value));
        }
        let text = display(value);
        match value {
            Value::Array(array) if headed && array.len() > BIG => self.line(&format!("{}\n{text}", describe(value))),
            _ => self.line(&text),
        }
    }

    /// A line that was asked for: standard output.
    pub fn line(&self, text: &str) {
        self.write(|out| writeln!(out, "{text}"));
    }

    /// A text as it is, which ends its own lines: standard output.
    pub fn text(&self, text: &str) {
        self.write(|out| out.write_all(text.as_bytes()));
    }

    /// The answer to a question about a program or a name: a text, under its name in JSON.
    pub fn answer(&self, name: &str, text: &str) {
        match self.json {
            true => self.line(&serde_json::json!({ name: text }).to_string()),
            false => self.line(text),
        }
    }

    /// Findings: standard error.
    pub fn findings(&self, findings: &[Diagnostic], sources: &Sources) {
        if findings.is_empty() {
            return;
        }
        let text = match self.json {
            true => findings.iter().map(|finding| json::finding(finding, sources) + "\n").collect(),
            false => report::render(findings, sources, self.style),
        };
        self.aside(&text);
    }

    /// How many errors there were, after the findings of a program that was refused.
    pub fn summary(&self, findings: &[Diagnostic]) {
        if let Some(line) = report::summary(findings).filter(|_| !self.json) {
            self.aside(&format!("\n{line}\n"));
        }
    }

    /// Something that went wrong outside the program's text.
    pub fn complain(&self, message: &str) {
        match self.json {
            true => self.aside(&format!("{}\n", serde_json::json!({ "severity": "error", "message": message }))),
            false => self.aside(&format!("error: {message}\n")),
        }
    }

    /// A remark to the person at the terminal.
    pub fn remark(&self, text: &str) {
        self.aside(&format!("{text}\n"));
    }

    /// Begins a new line where a program has left one unfinished.
    pub fn finish_line(&self) {
        if self.unfinished.swap(false, Ordering::Relaxed) {
            self.line("");
        }
    }

    /// Hands on what is still kept back.
    pub fn flush(&self) {
        self.write(|out| out.flush());
    }

    /// Hands on what is still kept back, if nobody is writing: for a signal, which must not wait.
    pub fn try_flush(&self) {
        if let Ok(mut output) = self.output.try_lock() {
            // The process ends either way.
            let _ = output.flush();
        }
    }

    fn aside(&self, text: &str) {
        // What was printed before comes before, also where both streams go to one file.
        self.flush();
        // There is nowhere left to say that standard error is closed.
        let _ = io::stderr().write_all(text.as_bytes());
    }

    fn write(&self, action: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let mut output = self.locked();
        let result = action(&mut *output).and_then(|()| if self.live { output.flush() } else { Ok(()) });
        if let Err(error) = result {
            give_up(error);
        }
    }

    fn locked(&self) -> MutexGuard<'_, BufWriter<Stdout>> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for Screen {
    fn print(&self, text: &str) {
        match self.json {
            true => self.line(&serde_json::json!({ "print": text.strip_suffix('\n').unwrap_or(text) }).to_string()),
            false => {
                self.unfinished.store(!text.is_empty() && !text.ends_with('\n'), Ordering::Relaxed);
                self.write(|out| out.write_all(text.as_bytes()));
            }
        }
    }
}

/// Ends the command when its output cannot be written: quietly when the reader has gone (`| head`), which is no failure.
fn give_up(error: io::Error) -> ! {
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    let _ = writeln!(io::stderr(), "error: the output cannot be written: {}", why(&error));
    std::process::exit(1);
}

fn wants_colour(colour: Colour, terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => terminal && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb"),
    }
}
