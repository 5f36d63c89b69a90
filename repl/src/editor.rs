//! The line at the prompt: colours, continuation lines, completion, suggestions, history.

use crate::command::{self, Argument, COMMANDS, Line};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::config::{BellStyle, ColorMode, CompletionType, Configurer};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter, HistoryHinter};
use rustyline::history::FileHistory;
use rustyline::line_buffer::LineBuffer;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Changeset, Cmd, ConditionalEventHandler, Config, Context, Event, EventContext, EventHandler, Helper, KeyCode,
    KeyEvent, Modifiers, RepeatCount,
};
use std::borrow::Cow;
use std::cell::RefCell;
use std::io::IsTerminal;
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use thalweg::Interpreter;
use thalweg_lang::lexer::{TokenClass, highlight};
use thalweg_lang::parser::is_incomplete;

/// Before the first line.
const PROMPT: &str = ">> ";
/// Before each other line.
const CONTINUATION: &str = ".. ";
/// What stands for [`CONTINUATION`] in the text being edited. The editor has no prompt for the lines after the first, so
/// they begin with three blanks of a kind that programs do not have, which are drawn as the prompt and removed at the end.
const PAD: &str = "\u{a0}\u{a0}\u{a0}";
/// The pad's blank.
const PAD_LETTER: char = '\u{a0}';
/// One step of indentation.
const INDENT: &str = "    ";
/// How many lines history keeps.
const HISTORY: usize = 10_000;

/// What came from the prompt.
pub enum Input {
    /// A line, or several.
    Line(String),
    /// Ctrl-C: nothing.
    Cleared,
    /// Ctrl-D: no more.
    End,
}

/// The editor.
pub struct Editor {
    inner: rustyline::Editor<Assistant, FileHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    /// An editor that knows what the interpreter knows.
    pub fn new(interpreter: Rc<RefCell<Interpreter>>, colour: bool) -> Result<Editor, String> {
        let config = Config::builder()
            .max_history_size(HISTORY)
            .and_then(|builder| builder.history_ignore_dups(true))
            .map_err(in_words)?
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .bell_style(BellStyle::None)
            .bracketed_paste(true)
            .build();
        let mut inner = rustyline::Editor::with_config(config).map_err(in_words)?;
        // The pad must be drawn as the prompt also without colours, and that is the highlighter's work.
        if std::io::stdout().is_terminal() {
            inner.set_color_mode(ColorMode::Forced);
        }
        let asked = Asked::default();
        bind_keys(&mut inner, &asked);
        inner.set_helper(Some(Assistant {
            asked,
            interpreter,
            colour,
            files: FilenameCompleter::new(),
            hints: HistoryHinter::new(),
        }));
        let history = history_file();
        if let Some(path) = &history {
            // The first session has none.
            let _ = inner.load_history(path);
        }
        Ok(Editor { inner, history })
    }

    /// Waits for a line.
    pub fn read(&mut self) -> Result<Input, String> {
        match self.inner.readline(PROMPT) {
            Ok(line) => Ok(Input::Line(bare(&line))),
            Err(ReadlineError::Interrupted) => Ok(Input::Cleared),
            Err(ReadlineError::Eof) => Ok(Input::End),
            Err(error) => Err(in_words(error)),
        }
    }

    /// Adds a line to the history, here and in its file.
    pub fn remember(&mut self, line: &str) {
        let added = self.inner.add_history_entry(padded(line));
        if let (Ok(true), Some(path)) = (added, &self.history) {
            // A history that cannot be kept is no reason to disturb anyone.
            if let Some(folder) = path.parent() {
                let _ = std::fs::create_dir_all(folder);
            }
            let _ = self.inner.append_history(path);
        }
    }
}

fn in_words(error: ReadlineError) -> String {
    format!("the terminal cannot be read: {error}")
}

/// `$XDG_STATE_HOME/thalweg/history`, else `~/.local/state/thalweg/history`.
fn history_file() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("thalweg").join("history"))
}

/// The program in a text that was edited: no pads, and no prompts that were pasted with it.
fn bare(text: &str) -> String {
    let text = text.strip_prefix(PROMPT).unwrap_or(text);
    let lines = text.split('\n').enumerate().map(|(index, line)| match index {
        0 => line,
        _ => line.strip_prefix(PAD).or_else(|| line.strip_prefix(CONTINUATION)).unwrap_or(line),
    });
    lines.collect::<Vec<_>>().join("\n").replace(PAD_LETTER, " ").replace('\r', "")
}

/// A program as it is edited.
fn padded(text: &str) -> String {
    text.replace('\n', &format!("\n{PAD}"))
}

/// Whether more lines must follow.
fn needs_more(text: &str) -> bool {
    command::program_in(text).is_some_and(|program| is_incomplete(&text[program]))
}

/// How many brackets are open at the end of a text.
fn depth(text: &str) -> usize {
    let program = command::program_in(text).unwrap_or(0..0);
    let text = &text[program];
    highlight(text).into_iter().fold(0, |depth: usize, (place, class)| match &text[place] {
        "(" | "[" | "{" if class == TokenClass::Punctuation => depth + 1,
        ")" | "]" | "}" if class == TokenClass::Punctuation => depth.saturating_sub(1),
        _ => depth,
    })
}

/// The part of the line under the cursor that lies before it, without the pad, and whether there was one.
fn before_cursor(text: &str, position: usize) -> (&str, bool) {
    let line = text[..position].rsplit('\n').next().unwrap_or("");
    match line.strip_prefix(PAD) {
        Some(rest) => (rest, true),
        None => (line, false),
    }
}

/// A change of the text that the editor has no command for.
#[derive(Debug, PartialEq, Eq)]
struct Edit {
    /// What is replaced.
    range: Range<usize>,
    /// By what.
    text: String,
    /// Where the cursor is then.
    cursor: usize,
}

impl Edit {
    fn replace(range: Range<usize>, text: String) -> Edit {
        let cursor = range.start + text.len();
        Edit { range, text, cursor }
    }

    fn go(cursor: usize) -> Edit {
        Edit { range: cursor..cursor, text: String::new(), cursor }
    }
}

/// The edit that a key has asked for. The editor lets only completion change the text freely: the key asks for completion,
/// and completion finds the edit here.
type Asked = Arc<Mutex<Option<Edit>>>;

/// What a key does with a text and the cursor; nothing: what it always does.
type KeyHandler = fn(&str, usize) -> Option<Edit>;

/// A key whose meaning depends on the text and the cursor.
struct Key {
    handler: KeyHandler,
    asked: Asked,
}

impl ConditionalEventHandler for Key {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        let edit = (self.handler)(context.line(), context.pos())?;
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(edit);
        Some(Cmd::Complete)
    }
}

fn bind_keys(editor: &mut rustyline::Editor<Assistant, FileHistory>, asked: &Asked) {
    let plain = |code| KeyEvent(code, Modifiers::NONE);
    let keys: [(KeyEvent, KeyHandler); 14] = [
        (plain(KeyCode::Enter), enter),
        (KeyEvent::ctrl('J'), enter),
        (KeyEvent(KeyCode::Enter, Modifiers::ALT), |text, position| Some(new_line(text, position))),
        (plain(KeyCode::Tab), tab),
        (plain(KeyCode::Backspace), backspace),
        (KeyEvent::ctrl('H'), backspace),
        (plain(KeyCode::Delete), delete),
        (plain(KeyCode::Left), left),
        (plain(KeyCode::Right), right),
        (plain(KeyCode::Home), home),
        (KeyEvent::ctrl('A'), home),
        (plain(KeyCode::Char(')')), |text, position| close(text, position, ")")),
        (plain(KeyCode::Char(']')), |text, position| close(text, position, "]")),
        (plain(KeyCode::Char('}')), |text, position| close(text, position, "}")),
    ];
    for (key, handler) in keys {
        let key_handler = Key { handler, asked: asked.clone() };
        editor.bind_sequence(key, EventHandler::Conditional(Box::new(key_handler)));
    }
}

/// Enter ends the input when it is complete, which is what it does by itself.
fn enter(text: &str, position: usize) -> Option<Edit> {
    needs_more(&bare(text)).then(|| new_line(text, position))
}

fn new_line(text: &str, position: usize) -> Edit {
    let indent = INDENT.repeat(depth(&bare(&text[..position])));
    let padded_before = padded(&bare(&text[..position]));
    let unpadded = text.split('\n').skip(1).any(|line| !line.starts_with(PAD));
    if unpadded {
        // Pasted lines have no pads; with the first line written by hand all of them get theirs.
        let before = format!("{padded_before}\n{PAD}{indent}");
        let after = padded(&bare(&text[position..]));
        return Edit { range: 0..text.len(), cursor: before.len(), text: before + &after };
    }
    Edit::replace(position..position, format!("\n{PAD}{indent}"))
}

/// Tab indents where there is nothing to complete.
fn tab(text: &str, position: usize) -> Option<Edit> {
    let (before, _) = before_cursor(text, position);
    before.trim().is_empty().then(|| Edit::replace(position..position, INDENT.to_string()))
}

/// A newline and a pad, as many bytes as they are.
const BREAK: usize = 1 + PAD.len();

/// Backspace takes a step of indentation, or joins two lines, pad and all.
fn backspace(text: &str, position: usize) -> Option<Edit> {
    let taken = match before_cursor(text, position) {
        ("", true) => BREAK,
        (before, true) if before.ends_with(INDENT) && before.trim().is_empty() => INDENT.len(),
        _ => return None,
    };
    Some(Edit::replace(position - taken..position, String::new()))
}

/// Delete joins two lines, pad and all.
fn delete(text: &str, position: usize) -> Option<Edit> {
    before_pad(text, position).then(|| Edit::replace(position..position + BREAK, String::new()))
}

/// The cursor steps over pads, from line to line.
fn left(text: &str, position: usize) -> Option<Edit> {
    (before_cursor(text, position) == ("", true)).then(|| Edit::go(position - BREAK))
}

fn right(text: &str, position: usize) -> Option<Edit> {
    before_pad(text, position).then(|| Edit::go(position + BREAK))
}

fn home(text: &str, position: usize) -> Option<Edit> {
    let (before, on_pad) = before_cursor(text, position);
    on_pad.then(|| Edit::go(position - before.len()))
}

/// A closing bracket that begins its line stands one step further left.
fn close(text: &str, position: usize, bracket: &str) -> Option<Edit> {
    let (before, on_pad) = before_cursor(text, position);
    let indentation = on_pad && before.ends_with(INDENT) && before.trim().is_empty();
    indentation.then(|| Edit::replace(position - INDENT.len()..position, bracket.to_string()))
}

/// Whether the cursor is at the end of a line, and a pad follows.
fn before_pad(text: &str, position: usize) -> bool {
    text[position..].strip_prefix('\n').is_some_and(|next| next.starts_with(PAD))
}

/// What helps while a line is edited.
struct Assistant {
    asked: Asked,
    interpreter: Rc<RefCell<Interpreter>>,
    colour: bool,
    files: FilenameCompleter,
    hints: HistoryHinter,
}

impl Helper for Assistant {}

impl Validator for Assistant {
    /// Asked only by terminals that cannot edit, line by line.
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let more = needs_more(&bare(context.input()));
        Ok(if more { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

/// The rest of an earlier line; of several lines the first is shown.
struct Suggestion {
    display: String,
    completion: String,
}

impl Hint for Suggestion {
    fn display(&self) -> &str {
        &self.display
    }

    fn completion(&self) -> Option<&str> {
        Some(&self.completion)
    }
}

impl Hinter for Assistant {
    type Hint = Suggestion;

    fn hint(&self, line: &str, position: usize, context: &Context) -> Option<Suggestion> {
        if !self.colour {
            // It could not be told from what was written.
            return None;
        }
        let completion = self.hints.hint(line, position, context)?;
        let display = match completion.split_once('\n') {
            Some((first, _)) => format!("{first} …"),
            None => completion.clone(),
        };
        Some(Suggestion { display, completion })
    }
}

const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        Cow::Owned(drawn(line, self.colour))
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match self.colour {
            true => Cow::Owned(format!("{DIM}{prompt}{RESET}")),
            false => Cow::Borrowed(prompt),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("{DIM}{hint}{RESET}"))
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        kind != CmdKind::MoveCursor
    }
}

/// A text as it is shown: coloured, and pads as prompts.
fn drawn(text: &str, colour: bool) -> String {
    let plain = text.replace(PAD_LETTER, " ");
    let program = command::program_in(&plain).unwrap_or(0..0);
    let mut tokens = highlight(&plain[program.clone()]);
    for (place, _) in &mut tokens {
        *place = place.start + program.start..place.end + program.start;
    }
    let mut out = String::new();
    // Where the line begins in `plain`, whose blanks are shorter than the pad's.
    let mut start = 0;
    let mut first = 0;
    for (index, line) in text.split('\n').enumerate() {
        let end = start + line.replace(PAD_LETTER, " ").len();
        if index > 0 {
            out.push('\n');
        }
        if index > 0 && line.starts_with(PAD) {
            start += CONTINUATION.len();
            paint(CONTINUATION, if colour { DIM } else { "" }, &mut out);
        }
        // Tokens that end before this line are done with; one that begins in it may go on in the next.
        while tokens.get(first).is_some_and(|(place, _)| place.end <= start) {
            first += 1;
        }
        for (place, class) in tokens[first..].iter().take_while(|(place, _)| place.start < end) {
            let token = place.start.max(start)..place.end.min(end);
            if token.is_empty() {
                continue;
            }
            out.push_str(&plain[start..token.start]);
            start = token.end;
            paint(&plain[token], if colour { style_of(*class) } else { "" }, &mut out);
        }
        out.push_str(&plain[start..end]);
        start = end + 1;
    }
    out
}

fn paint(text: &str, style: &str, out: &mut String) {
    out.push_str(style);
    out.push_str(text);
    if !style.is_empty() {
        out.push_str(RESET);
    }
}

/// Only the eight colours that every terminal lets its owner choose.
fn style_of(class: TokenClass) -> &'static str {
    match class {
        TokenClass::Keyword => "\x1b[35m",
        TokenClass::Number => "\x1b[36m",
        TokenClass::Text => "\x1b[32m",
        TokenClass::Comment => DIM,
        TokenClass::Annotation => "\x1b[33m",
        TokenClass::Error => "\x1b[31m",
        TokenClass::Operator | TokenClass::Name | TokenClass::Punctuation => "",
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, position: usize, context: &Context) -> rustyline::Result<(usize, Vec<Pair>)> {
        if self.asked.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            // The only candidate is taken without a question.
            return Ok((position, vec![Pair { display: String::new(), replacement: String::new() }]));
        }
        if in_text(line, position) {
            return self.files.complete(line, position, context);
        }
        // The interpreter gets the text with ordinary blanks; places are carried over by counting letters.
        let plain = line.replace(PAD_LETTER, " ");
        let letters = line[..position].chars().count();
        let plain_position = plain.char_indices().nth(letters).map_or(plain.len(), |(at, _)| at);
        if let Some(rest) = plain[..plain_position].trim_start().strip_prefix(':')
            && !rest.contains(char::is_whitespace)
        {
            let fitting = COMMANDS.iter().filter(|command| command.word.starts_with(rest));
            let pair = |command: &command::Command| Pair {
                display: format!(":{} {}", command.word, command.shown).trim_end().to_string(),
                replacement: if command.argument == Argument::None {
                    command.word.into()
                } else {
                    format!("{} ", command.word)
                },
            };
            return Ok((position - rest.len(), fitting.map(pair).collect()));
        }
        let start = match command::parse(&plain) {
            Line::Command(command, _) if command.argument == Argument::File => {
                return self.files.complete(line, position, context);
            }
            Line::Command(_, argument) => plain.trim_end().len() - argument.len(),
            Line::Program(_) | Line::Wrong(_) => 0,
        };
        let Some(before) = plain_position.checked_sub(start) else { return Ok((position, Vec::new())) };
        // While a line is edited nothing else uses the interpreter; if ever, a line goes without completion.
        let Ok(interpreter) = self.interpreter.try_borrow() else { return Ok((position, Vec::new())) };
        let (begin, found) = interpreter.complete(&plain[start..], before);
        let replaced = before.saturating_sub(begin);
        let pairs = found.into_iter().map(|found| Pair {
            display: match found.signature.starts_with(&found.text) {
                true => found.signature,
                false => format!("{}  {}", found.text, found.signature).trim_end().to_string(),
            },
            replacement: found.text,
        });
        Ok((position - replaced, pairs.collect()))
    }

    fn update(&self, line: &mut LineBuffer, start: usize, elected: &str, changes: &mut Changeset) {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        match asked {
            Some(edit) => {
                line.replace(edit.range, &edit.text, changes);
                line.set_pos(edit.cursor);
            }
            None => line.replace(start..line.pos(), elected, changes),
        }
    }
}

/// Whether the cursor stands in a string, where a file's name may be wanted.
fn in_text(text: &str, position: usize) -> bool {
    let (before, _) = before_cursor(text, position);
    before.matches('"').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_and_pasted_prompts_go() {
        assert_eq!(bare("a = (\n\u{a0}\u{a0}\u{a0}    1)"), "a = (\n    1)");
        assert_eq!(bare(">> a = (\n..     1)"), "a = (\n    1)");
        assert_eq!(bare("a = (\n    1)"), "a = (\n    1)");
        assert_eq!(bare(&padded("fn f(x) {\n    x\n}")), "fn f(x) {\n    x\n}");
    }

    #[test]
    fn pads_are_drawn_as_prompts() {
        assert_eq!(drawn(&padded("a = (\n1)"), false), "a = (\n.. 1)");
        assert_eq!(drawn(&padded("é = (\n1,\n2)"), false), "é = (\n.. 1,\n.. 2)");
        // One that was partly erased is not drawn over what follows it.
        assert_eq!(drawn("a = (\n\u{a0}\u{a0}1)", false), "a = (\n  1)");
        assert_eq!(drawn("(\n\u{a0}\u{a0}\u{a0}1)", true), "(\n\x1b[2m.. \x1b[0m\x1b[36m1\x1b[0m)");
    }

    #[test]
    fn colours() {
        assert_eq!(drawn("fn", true), "\x1b[35mfn\x1b[0m");
        assert_eq!(drawn(":time 1", true), ":time \x1b[36m1\x1b[0m");
        assert_eq!(drawn(":load 1", true), ":load 1");
    }

    /// The text after a key, with `|` for the cursor before and after it and `>` for pads.
    fn after(key: KeyHandler, text: &str) -> Option<String> {
        let text = text.replace('>', PAD);
        let position = text.find('|').unwrap();
        let text = text.replacen('|', "", 1);
        let edit = key(&text, position)?;
        let mut text = text;
        text.replace_range(edit.range, &edit.text);
        text.insert(edit.cursor, '|');
        Some(text.replace(PAD, ">"))
    }

    #[track_caller]
    fn expect(key: KeyHandler, text: &str, changed: &str) {
        assert_eq!(after(key, text).as_deref(), Some(changed));
    }

    #[test]
    fn enter_asks_whether_the_input_is_complete() {
        assert_eq!(after(enter, "a = 1|"), None);
        assert_eq!(after(enter, "a| = 1"), None);
        assert_eq!(after(enter, ":load f(|"), None);
        expect(enter, "f(|", "f(\n>    |");
        expect(enter, ":time f(|", ":time f(\n>    |");
        expect(enter, "f(|g(", "f(\n>    |g(");
        expect(enter, "f(\n>    [|", "f(\n>    [\n>        |");
        // Pasted lines get their pads.
        expect(enter, "f(\n1,|", "f(\n>1,\n>    |");
        expect(enter, "f(\n|1,", "f(\n>\n>    |1,");
    }

    #[test]
    fn keys_step_over_pads() {
        expect(left, "f(\n>|1", "f(|\n>1");
        assert_eq!(after(left, "f(\n>1|"), None);
        expect(right, "f(|\n>1", "f(\n>|1");
        assert_eq!(after(right, "f|(\n>1"), None);
        expect(home, "f(\n>    1|", "f(\n>|    1");
        assert_eq!(after(home, "f(|\n>1"), None);
        expect(backspace, "f(\n>|1", "f(|1");
        expect(backspace, "f(\n>    |1", "f(\n>|1");
        assert_eq!(after(backspace, "f(\n>  1|"), None);
        expect(delete, "f(|\n>1", "f(|1");
        expect(close_brace, "f {\n>        |", "f {\n>    }|");
        assert_eq!(after(close_brace, "f {\n>    x |"), None);
        expect(tab, "f {\n>|", "f {\n>    |");
        assert_eq!(after(tab, "su|"), None);
    }

    fn close_brace(text: &str, position: usize) -> Option<Edit> {
        close(text, position, "}")
    }

    #[test]
    fn strings() {
        assert!(in_text("a = load(\"po", 12));
        assert!(!in_text("a = load(\"po\"", 13));
    }
}
