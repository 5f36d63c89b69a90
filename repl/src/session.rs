//! The prompt: one line after the other, in one session.

use crate::arguments::{Options, parse_threads};
use crate::command::{self, Kind, Line};
use crate::editor::{Editor, Input};
use crate::interrupt::Interrupt;
use crate::screen::Screen;
use crate::script::{self, columns, why};
use crate::status::Status;
use crate::{bug, documentation, units};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use thalweg::{Interpreter, Outcome};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::lexer::{TokenClass, highlight};
use thalweg_lang::value::Value;

/// The first line of what `:save` writes; a file with another one is not overwritten.
const SAVED: &str = "# saved from a Thalweg session";

/// The name of the last value shown.
const ANS: &str = "ans";

/// A line or script that worked.
struct Entry {
    text: String,
    /// Its value was shown, and became `ans`.
    shown: bool,
}

struct Session<'a> {
    interpreter: Rc<RefCell<Interpreter>>,
    screen: &'a Arc<Screen>,
    interrupt: Interrupt,
    /// How many programs were written at the prompt; they are named by it.
    count: usize,
    worked: Vec<Entry>,
}

/// Whether the session goes on.
enum Next {
    On,
    Quit,
}

/// Prompts until the person leaves.
pub fn run(options: &Options, screen: &Arc<Screen>) -> Status {
    if !options.outputs.is_empty() {
        screen.complain("`--out` needs a program: a FILE or `-e CODE`");
        return Status::Usage;
    }
    let mut interpreter = script::interpreter(options, Some(screen));
    if let Err(status) = script::bind(&mut interpreter, &options.inputs, screen) {
        return status;
    }
    let interrupt = Interrupt::install(interpreter.cancel(), true, screen);
    let interpreter = Rc::new(RefCell::new(interpreter));
    let mut editor = match Editor::new(interpreter.clone(), screen.colour) {
        Ok(editor) => editor,
        Err(message) => {
            screen.complain(&message);
            return Status::Failed;
        }
    };
    screen.line(&format!("Thalweg {}; :help for help, :quit to leave", env!("CARGO_PKG_VERSION")));
    let mut session = Session { interpreter, screen, interrupt, count: 0, worked: Vec::new() };
    loop {
        screen.finish_line();
        let input = match bug::caught(|| editor.read()) {
            Ok(Ok(input)) => input,
            Ok(Err(message)) => {
                screen.complain(&message);
                return Status::Failed;
            }
            Err(message) => {
                screen.complain(&message);
                continue;
            }
        };
        match input {
            Input::Line(line) if line.trim().is_empty() => {}
            Input::Line(line) => {
                editor.remember(&line);
                if let Next::Quit = session.line(&line) {
                    return Status::Done;
                }
            }
            Input::Cleared => {}
            Input::End => return Status::Done,
        }
    }
}

impl Session<'_> {
    fn line(&mut self, line: &str) -> Next {
        let (command, argument) = match command::parse(line) {
            Line::Program(text) => {
                self.program(text);
                return Next::On;
            }
            Line::Command(command, argument) => (command, argument),
            Line::Wrong(message) => {
                self.screen.complain(&message);
                return Next::On;
            }
        };
        match command.kind {
            Kind::Quit => return Next::Quit,
            Kind::Help => self.screen.line(&command::help()),
            Kind::Doc => self.document(argument),
            Kind::Type => self.ask(argument, Interpreter::type_of),
            Kind::Plan => self.ask(argument, Interpreter::plan),
            Kind::Time => self.time(argument),
            Kind::Vars => self.variables(),
            Kind::Load => self.load(argument),
            Kind::Save => self.save(argument),
            Kind::Set => self.set(argument),
        }
        Next::On
    }

    /// Runs a program and shows its value.
    fn program(&mut self, text: &str) {
        if matches!(text.trim(), "quit" | "exit" | "quit()" | "exit()") && !self.has(text.trim().trim_end_matches("()"))
        {
            return self.screen.remark("`:quit` leaves, and so does Ctrl-D");
        }
        let name = self.next_name();
        if let Some(outcome) = self.guarded(|interpreter| interpreter.run(&name, text)) {
            self.succeeded(text, outcome);
        }
    }

    /// Shows what a program that ran leaves.
    fn succeeded(&mut self, text: &str, outcome: Outcome) {
        self.screen.findings(&outcome.notes, self.interpreter.borrow().sources());
        let value = outcome.value.filter(|value| !outcome.silent && !matches!(value, Value::None));
        if let Some(value) = &value {
            self.screen.show(value, true);
            self.interpreter.borrow_mut().set_value(ANS, value.clone());
        }
        self.worked.push(Entry { text: text.trim_end().to_string(), shown: value.is_some() });
    }

    /// Does something with the interpreter that may fail, be cancelled, or show a bug; says so.
    fn guarded<T>(&self, action: impl FnOnce(&mut Interpreter) -> Result<T, Vec<Diagnostic>>) -> Option<T> {
        let action = || bug::caught(|| action(&mut self.interpreter.borrow_mut()));
        match self.interrupt.during(action) {
            (Ok(Ok(result)), _) => return Some(result),
            // Over what the terminal has echoed of Ctrl-C.
            (Ok(Err(_)), true) => self.screen.remark("\ninterrupted"),
            (Ok(Err(findings)), false) => {
                self.screen.findings(&findings, self.interpreter.borrow().sources());
                if findings.len() > 1 && Status::of(&findings) == Status::Refused {
                    self.screen.summary(&findings);
                }
            }
            (Err(message), _) => self.screen.complain(&format!("{message}\nthe session is as it was before the line")),
        }
        None
    }

    fn next_name(&mut self) -> String {
        self.count += 1;
        format!("<line {}>", self.count)
    }

    fn has(&self, name: &str) -> bool {
        self.interpreter.borrow().get(name).is_some()
    }

    fn document(&self, name: &str) {
        match documentation::of(&self.interpreter.borrow(), name) {
            Ok(text) => self.screen.answer("doc", &text),
            Err(message) => self.screen.complain(&message),
        }
    }

    /// Asks a question about a program that does not run.
    fn ask(&mut self, text: &str, question: fn(&mut Interpreter, &str, &str) -> Result<String, Vec<Diagnostic>>) {
        let name = self.next_name();
        if let Some(answer) = self.guarded(|interpreter| question(interpreter, &name, text)) {
            self.screen.line(answer.trim_end());
        }
    }

    /// Runs a program and shows how long each part of that took.
    fn time(&mut self, text: &str) {
        let name = self.next_name();
        let timed = self.guarded(|interpreter| {
            let compiled = interpreter.compile(&name, text)?;
            let begin = Instant::now();
            let executed = interpreter.execute(&compiled)?;
            let running = begin.elapsed();
            Ok((interpreter.commit(executed), [compiled.checking(), compiled.planning(), running]))
        });
        if let Some((outcome, times)) = timed {
            self.succeeded(text, outcome);
            let [checking, planning, running] = times.map(|time| units::time(time.as_secs_f64()));
            self.screen.line(&format!("check {checking}, plan {planning}, run {running}"));
        }
    }

    fn variables(&self) {
        let names = self.interpreter.borrow().names();
        if names.is_empty() {
            self.screen.remark("no names yet; `a = 1` makes one");
        }
        columns(&names).iter().for_each(|line| self.screen.line(line));
    }

    fn load(&mut self, path: &str) {
        let path = file_name(path);
        let text = match script::read_file(Path::new(&path)) {
            Ok(text) => text,
            Err(message) => return self.screen.complain(&message),
        };
        // As in any script only `print` prints.
        if let Some(outcome) = self.guarded(|interpreter| interpreter.run(&path, &text)) {
            self.screen.findings(&outcome.notes, self.interpreter.borrow().sources());
            let text = format!("# from {path}\n{}", text.trim_end());
            self.worked.push(Entry { text, shown: false });
        }
    }

    fn save(&self, path: &str) {
        let path = file_name(path);
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Ok(text) if text.lines().next() == Some(SAVED) => {}
            _ => {
                return self
                    .screen
                    .complain(&format!("`{path}` is there already, and no saved session; name another file"));
            }
        }
        match std::fs::write(&path, saved(&self.worked)) {
            Ok(()) => self.screen.remark(&format!("saved to `{path}`")),
            Err(error) => self.screen.complain(&format!("`{path}` cannot be written: {}", why(&error))),
        }
    }

    fn set(&self, argument: &str) {
        let words: Vec<&str> = argument.split_whitespace().collect();
        match words.as_slice() {
            [] | ["threads"] => self.screen.line(&format!("threads {}", self.interpreter.borrow().threads())),
            ["threads", number] => match parse_threads(number) {
                Ok(threads) => self.interpreter.borrow_mut().set_threads(threads),
                Err(message) => self.screen.complain(&message),
            },
            _ => self.screen.complain("write `:set threads 4`; there is nothing else to set"),
        }
    }
}

/// A file's name as it is meant: quotes around it are no part of it, `~` is home.
fn file_name(written: &str) -> String {
    let quoted = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let name = quoted.unwrap_or(written);
    match (name.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        _ => name.to_string(),
    }
}

/// The lines that worked, as a script that does the same.
fn saved(worked: &[Entry]) -> String {
    let uses_ans = worked.iter().any(|entry| mentions_ans(&entry.text));
    let mut script = format!("{SAVED}\n");
    for entry in worked {
        // A script has no `ans` of its own.
        let last = if uses_ans && entry.shown { Interpreter::statements(&entry.text).pop() } else { None };
        match last {
            Some(last) => {
                script.push_str(&format!("{}{ANS} = {}", &entry.text[..last.start], &entry.text[last.start..]))
            }
            None => script.push_str(&entry.text),
        }
        script.push('\n');
    }
    script
}

fn mentions_ans(text: &str) -> bool {
    highlight(text).into_iter().any(|(place, class)| class == TokenClass::Name && &text[place] == ANS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str, shown: bool) -> Entry {
        Entry { text: text.to_string(), shown }
    }

    #[test]
    fn a_saved_session_names_the_answers_it_uses() {
        let worked = [entry("a = 1", false), entry("a + 1", true)];
        assert_eq!(saved(&worked), format!("{SAVED}\na = 1\na + 1\n"));
        let worked = [entry("a = 1", false), entry("b = 2\na + b", true), entry("c = ans", false)];
        assert_eq!(saved(&worked), format!("{SAVED}\na = 1\nb = 2\nans = a + b\nc = ans\n"));
    }

    #[test]
    fn file_names() {
        assert_eq!(file_name("\"my file.tw\""), "my file.tw");
        assert_eq!(file_name("a.tw"), "a.tw");
    }
}
