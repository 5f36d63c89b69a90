//! The lines of the prompt that are no program: `:help`, `:time a * b`, `?sum`.

use crate::similar::nearest;

/// A line at the prompt.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A program.
    Program(&'a str),
    /// A command and its argument.
    Command(&'static Command, &'a str),
    /// What is wrong with it.
    Wrong(String),
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Doc,
    Help,
    Load,
    Plan,
    Quit,
    Save,
    Set,
    Time,
    Type,
    Vars,
}

/// What a command's argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Argument {
    None,
    Name,
    Program,
    File,
    Setting,
}

/// A row of the table of commands.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// What it does.
    pub kind: Kind,
    /// The word after the colon.
    pub word: &'static str,
    /// Its argument.
    pub argument: Argument,
    /// How `:help` writes the argument.
    pub shown: &'static str,
    /// What `:help` says.
    pub help: &'static str,
}

const fn row(kind: Kind, word: &'static str, argument: Argument, shown: &'static str, help: &'static str) -> Command {
    Command { kind, word, argument, shown, help }
}

/// Every command.
pub const COMMANDS: &[Command] = &[
    row(Kind::Doc, "doc", Argument::Name, "NAME", "help on a name, also as ?NAME"),
    row(Kind::Type, "type", Argument::Program, "CODE", "the type and shape of a value; nothing runs"),
    row(Kind::Plan, "plan", Argument::Program, "CODE", "what would run where, and why; nothing runs"),
    row(Kind::Time, "time", Argument::Program, "CODE", "run it, and show how long that took"),
    row(Kind::Vars, "vars", Argument::None, "", "the session's names and their types"),
    row(Kind::Load, "load", Argument::File, "FILE", "run a script in this session"),
    row(Kind::Save, "save", Argument::File, "FILE", "write the lines that worked as a script"),
    row(Kind::Set, "set", Argument::Setting, "threads N", "change a setting; alone, show the settings"),
    row(Kind::Help, "help", Argument::None, "", "this"),
    row(Kind::Quit, "quit", Argument::None, "", "leave, also Ctrl-D"),
];

/// Reads a line.
pub fn parse(line: &str) -> Line<'_> {
    let text = line.trim();
    if let Some(name) = text.strip_prefix('?') {
        let name = name.trim();
        return match COMMANDS.iter().find(|command| command.kind == Kind::Doc) {
            Some(doc) if !name.is_empty() => Line::Command(doc, name),
            _ => Line::Wrong("help on which name? for example `?sum`".to_string()),
        };
    }
    let Some(rest) = text.strip_prefix(':') else {
        return Line::Program(line);
    };
    let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let argument = argument.trim();
    let Some(command) = COMMANDS.iter().find(|command| command.word == word) else {
        return Line::Wrong(unknown(word));
    };
    let example = match command.argument {
        Argument::None if argument.is_empty() => return Line::Command(command, argument),
        Argument::None => return Line::Wrong(format!("`:{word}` stands alone")),
        Argument::Setting => return Line::Command(command, argument),
        _ if !argument.is_empty() => return Line::Command(command, argument),
        Argument::Name => "sum",
        Argument::Program => "1 + 2",
        Argument::File => "work.tw",
    };
    Line::Wrong(format!("`:{word}` needs something, for example `:{word} {example}`"))
}

/// The part of a line that is a program, as a place in the line: what is highlighted, and asked whether more must come.
pub fn program_in(line: &str) -> Option<std::ops::Range<usize>> {
    match parse(line) {
        Line::Program(_) => Some(0..line.len()),
        Line::Command(command, argument) if command.argument == Argument::Program => {
            let end = line.trim_end().len();
            Some(end - argument.len()..end)
        }
        _ => None,
    }
}

fn unknown(word: &str) -> String {
    match nearest(word, COMMANDS.iter().map(|command| command.word)) {
        Some(near) => format!("there is no command `:{word}`; did you mean `:{near}`?"),
        None => format!("there is no command `:{word}`; `:help` lists them"),
    }
}

/// What `:help` shows.
pub fn help() -> String {
    let mut text = String::from("write a line of Thalweg, for example  mean(rand(1000) ** 2)\n\n");
    for command in COMMANDS {
        let form = format!(":{} {}", command.word, command.shown);
        text.push_str(&format!("  {form:<16}{}\n", command.help));
    }
    text.push_str(
        "\n  ans is the last value shown; a line that ends with ; shows nothing\n  \
         Tab completes, the right arrow takes the dim suggestion, Ctrl-R searches, Ctrl-C stops what runs",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (Option<Kind>, &str) {
        match parse(line) {
            Line::Command(command, argument) => (Some(command.kind), argument),
            Line::Program(text) => (None, text),
            Line::Wrong(message) => panic!("{message}"),
        }
    }

    fn wrong(line: &str) -> String {
        match parse(line) {
            Line::Wrong(message) => message,
            line => panic!("{line:?}"),
        }
    }

    #[test]
    fn lines() {
        assert_eq!(read("a = 1"), (None, "a = 1"));
        assert_eq!(read("?sum"), (Some(Kind::Doc), "sum"));
        assert_eq!(read("  ? sum "), (Some(Kind::Doc), "sum"));
        assert_eq!(read(":doc sum"), (Some(Kind::Doc), "sum"));
        assert_eq!(read(":time  sum(a) + 1 "), (Some(Kind::Time), "sum(a) + 1"));
        assert_eq!(read(":load my file.tw"), (Some(Kind::Load), "my file.tw"));
        assert_eq!(read(":set"), (Some(Kind::Set), ""));
        assert_eq!(read(":set threads 4"), (Some(Kind::Set), "threads 4"));
        assert_eq!(read(":quit"), (Some(Kind::Quit), ""));
    }

    #[test]
    fn wrong_lines() {
        assert_eq!(wrong(":tiem 1"), "there is no command `:tiem`; did you mean `:time`?");
        assert_eq!(wrong(":frobnicate"), "there is no command `:frobnicate`; `:help` lists them");
        assert_eq!(wrong(":"), "there is no command `:`; `:help` lists them");
        assert_eq!(wrong(":type"), "`:type` needs something, for example `:type 1 + 2`");
        assert_eq!(wrong(":vars a"), "`:vars` stands alone");
        assert_eq!(wrong("?"), "help on which name? for example `?sum`");
    }

    #[test]
    fn programs_in_lines() {
        assert_eq!(program_in("a + 1"), Some(0..5));
        assert_eq!(program_in(":time  f( "), Some(7..9));
        assert_eq!(program_in(":vars"), None);
        assert_eq!(program_in("?sum"), None);
    }
}
