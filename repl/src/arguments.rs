//! What can be written after `thalweg`, and what it asks for.

use crate::similar::nearest;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use thalweg_runtime::kernel::Level;
use thalweg_runtime::machine::MachineCode;

const USAGE: &str = "\
thalweg [OPTIONS]                      a prompt
       thalweg [OPTIONS] FILE                 run a script, or `-`: standard input
       thalweg [OPTIONS] -e CODE              run CODE and show its last value
       thalweg [OPTIONS] COMMAND FILE|NAME    one of the commands below";

/// Shown below the options; the form of `--json` is a promise to other programs.
const AFTER_HELP: &str = "\
with --json, each line is one JSON object:
  on stdout  {\"type\":\"f64[2]\",\"value\":[1.0,2.0]} for a value that is shown, {\"print\":\"…\"} for what `print` prints;
             nan and inf are strings, a complex number is [real, imaginary], a function is null
  on stderr  {\"code\", \"severity\", \"message\", \"help\", \"labels\": [{\"source\", \"line\", \"column\", \"start\", \"end\", \"text\"}]}

exit status: 0 done, 1 failed while running, 2 wrong usage, 3 refused before anything ran, 130 interrupted";

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// on a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// also into a file or a pipe
    Always,
    /// not at all
    Never,
}

/// A name and the file that its value comes from or goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The name in the program.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// The options that every form of the command takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Options {
    /// bind a name from a file before the run (repeatable)
    #[arg(long = "in", value_name = "NAME=FILE", global = true, value_parser = parse_binding)]
    pub inputs: Vec<Binding>,
    /// write a name's value to a file after the run (repeatable)
    #[arg(long = "out", value_name = "NAME=FILE", global = true, value_parser = parse_binding)]
    pub outputs: Vec<Binding>,
    /// how many threads may work [default: THALWEG_NUM_THREADS, else every core]
    #[arg(long, value_name = "N", global = true, value_parser = parse_threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// values and messages as JSON, one object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// when to colour
    #[arg(long = "color", value_name = "WHEN", global = true, default_value = "auto", hide_default_value = true)]
    pub colour: Colour,
}

/// Where a program's text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A file.
    File(PathBuf),
    /// Standard input.
    StandardInput,
    /// The command line itself.
    Code(String),
}

impl Program {
    /// The one that a word means.
    fn of(path: PathBuf) -> Program {
        if path.as_os_str() == "-" { Program::StandardInput } else { Program::File(path) }
    }
}

/// What the command is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A prompt; a script from standard input where that is no terminal.
    Prompt,
    /// Run a program.
    Run(Program),
    /// Check it; nothing runs.
    Check(Program),
    /// Show its plan; nothing runs.
    Plan(Program),
    /// Time its statements and the whole.
    Bench(Program),
    /// Write programs in their one form.
    Format {
        /// Which.
        programs: Vec<Program>,
        /// Write nothing; only say which would change.
        check_only: bool,
    },
    /// Help on a name.
    Document(String),
    /// Versions and settings.
    Configuration,
}

/// A parsed command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// What to do.
    pub action: Action,
    /// How.
    pub options: Options,
}

#[derive(Debug, Parser)]
#[command(
    name = "thalweg",
    version,
    about = "Thalweg, a small array language: without arguments a prompt, with a file a script",
    override_usage = USAGE,
    after_help = AFTER_HELP,
    disable_help_subcommand = true
)]
struct CommandLine {
    #[command(flatten)]
    program: ProgramWords,
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Word>,
}

#[derive(Clone, Debug, Default, Args)]
struct ProgramWords {
    /// a script, or `-` for standard input
    #[arg(value_name = "FILE", conflicts_with = "code")]
    file: Option<PathBuf>,
    /// a program on the command line; with nothing else, its last value is shown
    // A program may begin with a minus sign, and with anything that looks like an option.
    #[arg(short = 'e', value_name = "CODE", allow_hyphen_values = true)]
    code: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Word {
    /// run a script (the same as FILE alone)
    Run(ProgramWords),
    /// report what is wrong with a script; nothing runs
    Check(ProgramWords),
    /// show what a script would do: its graph, its fused parts, where each runs and why
    Plan(ProgramWords),
    /// time each statement of a script, and the whole
    Bench(ProgramWords),
    /// write scripts in their one form, each in its place; `-`: standard input to standard output
    Fmt {
        /// the scripts
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// write nothing; list the scripts that would change, and end with 1 if there are any
        #[arg(long)]
        check: bool,
    },
    /// show help on a name
    Doc {
        /// an operation, a function or an annotation
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// show versions, the instruction set and the number of threads
    Config,
}

impl ProgramWords {
    fn program(self) -> Option<Program> {
        match (self.file, self.code) {
            (_, Some(code)) => Some(Program::Code(code)),
            (Some(path), None) => Some(Program::of(path)),
            (None, None) => None,
        }
    }
}

impl Arguments {
    /// Reads a command line whose first word is the command's own name.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
        let words: Vec<OsString> = words.into_iter().collect();
        let mut command = CommandLine::command();
        let line = match command.try_get_matches_from_mut(&words) {
            Ok(matches) => CommandLine::from_arg_matches(&matches)?,
            Err(error) if error.kind() == ErrorKind::UnknownArgument => {
                return Err(command.error(ErrorKind::UnknownArgument, unknown(&error, &words)));
            }
            Err(error) => return Err(error),
        };
        let program = line.program.program();
        let mut error = |kind: ErrorKind, message: &str| Err(command.error(kind, message));
        let action = match (line.command, program) {
            (Some(_), Some(_)) => {
                return error(
                    ErrorKind::ArgumentConflict,
                    "a file or `-e` goes after the word that says what to do with it",
                );
            }
            (None, None) => Action::Prompt,
            (None, Some(program)) => Action::Run(program),
            (Some(Word::Fmt { files, check }), None) => {
                Action::Format { programs: files.into_iter().map(Program::of).collect(), check_only: check }
            }
            (Some(Word::Doc { name }), None) => Action::Document(name),
            (Some(Word::Config), None) => Action::Configuration,
            (Some(Word::Run(words) | Word::Check(words) | Word::Plan(words) | Word::Bench(words)), None)
                if words.file.is_none() && words.code.is_none() =>
            {
                return error(
                    ErrorKind::MissingRequiredArgument,
                    "which program? name a FILE, or `-`, or write `-e CODE`",
                );
            }
            (Some(Word::Run(words)), None) => action(words, Action::Run),
            (Some(Word::Check(words)), None) => action(words, Action::Check),
            (Some(Word::Plan(words)), None) => action(words, Action::Plan),
            (Some(Word::Bench(words)), None) => action(words, Action::Bench),
        };
        if !line.options.outputs.is_empty() && !matches!(action, Action::Run(_) | Action::Prompt) {
            return error(ErrorKind::ArgumentConflict, "`--out` needs a program that runs");
        }
        Ok(Arguments { action, options: line.options })
    }
}

/// What to say of a word that means nothing where it stands.
fn unknown(error: &clap::Error, words: &[OsString]) -> String {
    let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidArg) else {
        return "the command line is not understood".to_string();
    };
    if wrong.starts_with('-') {
        return match error.get(ContextKind::SuggestedArg) {
            Some(ContextValue::String(near)) => format!("there is no option `{wrong}`; did you mean `{near}`?"),
            _ => format!("there is no option `{wrong}`"),
        };
    }
    // Two words in a row: the first is probably a mistyped command.
    let meant = words.iter().filter_map(|word| word.to_str()).find_map(|word| Some((word, near_command(word)?)));
    match meant {
        Some((word, near)) => format!("there is no command `{word}`; did you mean `{near}`?"),
        None => format!("`{wrong}` is one word too many"),
    }
}

/// The command that a word is probably meant to be.
pub fn near_command(word: &str) -> Option<&'static str> {
    const COMMANDS: [&str; 7] = ["run", "check", "plan", "bench", "fmt", "doc", "config"];
    nearest(word, COMMANDS)
}

fn action(words: ProgramWords, make: fn(Program) -> Action) -> Action {
    words.program().map_or(Action::Prompt, make)
}

fn parse_binding(text: &str) -> Result<Binding, String> {
    let (name, path) = text.split_once('=').ok_or("write it as NAME=FILE")?;
    let starts_well = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    if !starts_well || !name.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
        return Err(format!("`{name}` is not a name"));
    }
    if path.is_empty() {
        return Err(format!("which file is `{name}`?"));
    }
    Ok(Binding { name: name.to_string(), path: PathBuf::from(path) })
}

/// More threads than this is a slip of the finger, and would exhaust the machine.
const MOST_THREADS: usize = 1024;

/// The number of threads that a text asks for, or what is wrong with it.
pub fn parse_threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if (1..=MOST_THREADS).contains(&threads) => Ok(threads),
        _ => Err(format!("a number of threads is a whole number from 1 to {MOST_THREADS}")),
    }
}

/// Checks what the environment sets: the number of threads, unless an option has it, the vectors, and when machine code is made.
pub fn check_environment(threads: Option<usize>) -> Result<(), String> {
    let is_one_of = |names: &[&str], text: &str| match names.contains(&text) {
        true => Ok(()),
        false => Err(format!("it may be {}, or not be set", alternatives(names))),
    };
    if threads.is_none() {
        check_variable("THALWEG_NUM_THREADS", |text| parse_threads(text).map(|_| ()))?;
    }
    check_variable("THALWEG_SIMD", |text| is_one_of(&Level::ALL.map(Level::name), text))?;
    check_variable("THALWEG_MACHINE_CODE", |text| is_one_of(&MachineCode::NAMES, text))
}

/// Checks a variable of the environment, if it is set to something.
fn check_variable(name: &str, check: impl Fn(&str) -> Result<(), String>) -> Result<(), String> {
    match std::env::var(name) {
        Err(std::env::VarError::NotPresent) => Ok(()),
        Ok(text) if text.trim().is_empty() => Ok(()),
        Ok(text) => check(text.trim()).map_err(|message| format!("{name} is `{text}`: {message}")),
        Err(_) => Err(format!("{name} is not text")),
    }
}

/// `a`, `b` or `c`.
fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, ErrorKind> {
        let words = std::iter::once("thalweg").chain(words.iter().copied()).map(OsString::from);
        Arguments::parse(words).map_err(|error| error.kind())
    }

    fn file(path: &str) -> Program {
        Program::File(path.into())
    }

    fn code(text: &str) -> Program {
        Program::Code(text.into())
    }

    #[test]
    fn each_form_of_the_command() {
        let table: &[(&[&str], Action)] = &[
            (&[], Action::Prompt),
            (&["blend.tw"], Action::Run(file("blend.tw"))),
            (&["run", "blend.tw"], Action::Run(file("blend.tw"))),
            (&["-"], Action::Run(Program::StandardInput)),
            (&["./check"], Action::Run(file("./check"))),
            (&["-e", "1 + 2"], Action::Run(code("1 + 2"))),
            (&["-e", "-1 + 2"], Action::Run(code("-1 + 2"))),
            (&["-e", "--1"], Action::Run(code("--1"))),
            (&["-e", "-x"], Action::Run(code("-x"))),
            (&["-e", ""], Action::Run(code(""))),
            (&["-e", "check"], Action::Run(code("check"))),
            (&["check", "a.tw"], Action::Check(file("a.tw"))),
            (&["check", "-"], Action::Check(Program::StandardInput)),
            (&["plan", "-e", "-a * b"], Action::Plan(code("-a * b"))),
            (&["bench", "a.tw"], Action::Bench(file("a.tw"))),
            (&["fmt", "a.tw"], Action::Format { programs: vec![file("a.tw")], check_only: false }),
            (
                &["fmt", "--check", "a.tw", "-"],
                Action::Format { programs: vec![file("a.tw"), Program::StandardInput], check_only: true },
            ),
            (&["doc", "sum"], Action::Document("sum".into())),
            (&["config"], Action::Configuration),
        ];
        for (words, action) in table {
            assert_eq!(parse(words).map(|arguments| arguments.action), Ok(action.clone()), "{words:?}");
        }
    }

    #[test]
    fn options_stand_anywhere() {
        for words in [
            &["--threads", "2", "--json", "bench", "a.tw"][..],
            &["bench", "--threads=2", "a.tw", "--json"],
            &["bench", "a.tw", "--json", "--threads", "2"],
        ] {
            let arguments = parse(words).unwrap();
            assert_eq!(arguments.action, Action::Bench(file("a.tw")));
            assert_eq!((arguments.options.threads, arguments.options.json), (Some(2), true));
        }
        let arguments = parse(&["a.tw", "--in", "a=x.npy", "--in", "b=y=z.npy", "--out", "c=-"]).unwrap();
        let pairs =
            |list: &[Binding]| list.iter().map(|b| format!("{} {}", b.name, b.path.display())).collect::<Vec<_>>();
        assert_eq!(pairs(&arguments.options.inputs), ["a x.npy", "b y=z.npy"]);
        assert_eq!(pairs(&arguments.options.outputs), ["c -"]);
        assert_eq!(parse(&["--color", "always"]).unwrap().options.colour, Colour::Always);
    }

    #[test]
    fn wrong_usage() {
        for words in [
            &["a.tw", "b.tw"][..],
            &["-e"],
            &["-e", "1", "a.tw"],
            &["a.tw", "-e", "1"],
            &["-e", "1", "check", "a.tw"],
            &["check"],
            &["plan"],
            &["bench"],
            &["doc"],
            &["fmt"],
            &["fmt", "-e", "1"],
            &["config", "x"],
            &["--threads", "0"],
            &["--threads", "-1"],
            &["--threads", "many"],
            &["--in", "a"],
            &["--in", "1a=x.npy"],
            &["--in", "a="],
            &["--color", "sometimes"],
            &["check", "a.tw", "--out", "a=x.npy"],
            // Not built yet: neither listed nor taken.
            &["--safe", "a.tw"],
            &["--time-limit", "3", "a.tw"],
            &["--memory-limit", "1G", "a.tw"],
            &["--allow-read", "/", "a.tw"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn words_that_mean_nothing() {
        let said = |words: &[&str]| {
            let words = std::iter::once("thalweg").chain(words.iter().copied()).map(OsString::from);
            Arguments::parse(words).unwrap_err().to_string().lines().next().map(str::to_string)
        };
        let table: &[(&[&str], &str)] = &[
            (&["chek", "a.tw"], "error: there is no command `chek`; did you mean `check`?"),
            (&["a.tw", "b.tw"], "error: `b.tw` is one word too many"),
            (&["--safe", "a.tw"], "error: there is no option `--safe`"),
            (&["--thread", "4"], "error: there is no option `--thread`; did you mean `--threads`?"),
        ];
        for (words, message) in table {
            assert_eq!(said(words).as_deref(), Some(*message));
        }
    }

    #[test]
    fn help_lists_only_what_is_built() {
        let help = CommandLine::command().render_long_help().to_string();
        for word in ["gpu", "safe", "limit", "allow"] {
            assert!(!help.contains(word), "{word} in\n{help}");
        }
    }
}
