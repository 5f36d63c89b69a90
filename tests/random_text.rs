//! Random text: whatever is typed, nothing panics, no name is lost, and what is formatted stays formatted. `THALWEG_FUZZ_SECONDS` says for
//! how long (5), `THALWEG_FUZZ_SEED` from where.

use crate::engines::{Session, panic_text};
use crate::golden::{self, Piece};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// A small generator of random numbers (xorshift64*); the same seed gives the same texts.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        ((self.next() >> 33) as usize) % limit.max(1)
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// How long the open-ended test runs.
fn budget() -> Duration {
    let seconds = std::env::var("THALWEG_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

/// Where the open-ended test begins: `THALWEG_FUZZ_SEED`, else always the same.
fn seed() -> u64 {
    std::env::var("THALWEG_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0x7A1_0001)
}

/// The statements of all golden programs and the wrong programs.
fn corpus() -> Vec<String> {
    let mut corpus = Vec::new();
    for path in golden::files("tests/programs", "txt") {
        for piece in golden::pieces(&golden::read(&path)) {
            if let Piece::Statement { text, .. } = piece {
                corpus.push(text);
            }
        }
    }
    for path in golden::files("tests/diagnostics", "txt") {
        let content = golden::read(&path);
        let program = content.split("----\n").next().unwrap_or("");
        corpus.push(program.lines().skip(1).collect::<Vec<_>>().join("\n"));
    }
    corpus
}

/// A text in pieces that are roughly tokens.
fn tokens(text: &str) -> Vec<&str> {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut previous: Option<char> = None;
    for (index, character) in text.char_indices() {
        if previous.is_some_and(|previous| !(word(previous) && word(character))) {
            tokens.push(&text[start..index]);
            start = index;
        }
        previous = Some(character);
    }
    tokens.push(&text[start..]);
    tokens
}

const STRANGE: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    "\n",
    ":",
    "::",
    "...",
    "->",
    "=",
    "==",
    "@",
    "@parallel(4) ",
    "@simd",
    "\"",
    "f\"",
    "f\"{",
    "\\",
    "'",
    "`",
    "#",
    "$",
    "?",
    "é",
    "λ",
    "→",
    "🌊",
    "\u{0}",
    "\u{feff}",
    "\r",
    "\t",
    "0x",
    "0b2",
    "1e",
    "1e999",
    ".5.",
    "1..2",
    "9223372036854775808",
    "1_",
    "_",
    "j",
    "2j",
    "fn ",
    "fn f(",
    "if ",
    "else ",
    "for ",
    "while ",
    "in ",
    "not ",
    "and ",
    "or ",
    "true",
    "newaxis",
    "none",
    "x -> ",
    "axis=",
    "keepdims=true",
    "dtype=",
    "f64[n",
    "-",
    "~",
    "**",
    "//",
    "<<",
    ">>",
    "<",
    ">=",
    "&",
    "|",
    "^",
    "zeros(0)",
    "sum",
    "a",
    "b",
    "x",
    "nan",
    "range(3)",
    ".T",
    ".shape",
    "ans",
    "import \"",
    "break",
    "((((((((((((((((((((",
    "[[[[[[[[[[[[[[[[[[[[",
    "- - - - - -",
    "x -> x -> x -> ",
];

/// One of the corpus's texts, changed at a few places.
fn mutated(random: &mut Random, corpus: &[String]) -> String {
    let base = &corpus[random.below(corpus.len())];
    let other = &corpus[random.below(corpus.len())];
    let (mut pieces, others) = (tokens(base), tokens(other));
    for _ in 0..=random.below(4) {
        let at = random.below(pieces.len() + 1);
        match random.below(6) {
            0 if at < pieces.len() => {
                pieces.remove(at);
            }
            1 if at < pieces.len() => pieces.insert(at, pieces[at]),
            2 if at < pieces.len() => pieces[at] = random.of(&others),
            3 => pieces.insert(at, random.of(STRANGE)),
            4 => pieces.insert(at, random.of(&others)),
            _ if !pieces.is_empty() => {
                let with = random.below(pieces.len());
                let at = at.min(pieces.len() - 1);
                pieces.swap(at, with);
            }
            _ => {}
        }
    }
    let mut text: String = pieces.concat();
    if random.below(20) == 0 {
        let cut = random.below(text.len() + 1);
        text.truncate((0..=cut).rev().find(|cut| text.is_char_boundary(*cut)).unwrap_or(0));
    }
    text
}

/// Every question about a text that runs nothing.
fn ask(session: &mut Session, text: &str) {
    let interpreter = &mut session.interpreter;
    interpreter.check("<random>", text);
    let _ = interpreter.type_of("<random>", text);
    let _ = interpreter.plan("<random>", text);
    thalweg::Interpreter::statements(text);
    let middle = (0..=text.len() / 2).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0);
    interpreter.complete(text, middle);
    interpreter.complete(text, text.len());
    thalweg_lang::parser::is_incomplete(text);
    let source = thalweg_lang::source::SourceId::default();
    if let Ok(once) = thalweg_lang::format::format(source, text) {
        let twice = thalweg_lang::format::format(source, &once);
        assert!(twice.as_ref() == Ok(&once), "formatted twice it differs:\n{once}\n{twice:?}");
    } else {
        let errors = thalweg_lang::parser::parse(source, text).diagnostics;
        assert!(!errors.is_empty(), "the formatter gives up on a program without errors");
    }
    let mut end = 0;
    for (range, _) in thalweg_lang::lexer::highlight(text) {
        assert!(
            range.start >= end && text.get(range.clone()).is_some(),
            "highlighting overlaps, or splits a character"
        );
        end = range.end;
    }
}

#[test]
fn no_text_makes_the_checker_panic() {
    let corpus = corpus();
    let mut random = Random(seed());
    let mut session = Session::new();
    let (begin, mut count) = (Instant::now(), 0);
    // The shortest text for each way to panic.
    let mut panics: BTreeMap<String, String> = BTreeMap::new();
    while count < 300 || begin.elapsed() < budget() {
        let text = mutated(&mut random, &corpus);
        count += 1;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| ask(&mut session, &text))) {
            let shortest = panics.entry(panic_text(&*panic)).or_insert_with(|| text.clone());
            if text.len() < shortest.len() {
                *shortest = text;
            }
            session = Session::new();
        }
        if count % 2000 == 0 {
            session = Session::new();
        }
    }
    assert!(panics.is_empty(), "{count} texts panic in {} ways: {panics:#?}", panics.len());
    println!("{count} random texts");
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    let mut session = Session::new();
    for (open, inner, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{", "1", "}"),
        ("-", "1", ""),
        ("not ", "true", ""),
        ("sqrt(", "1.0", ")"),
        ("x -> ", "x", ""),
        ("2 ** ", "1", ""),
        ("1 + (", "1", ")"),
        ("if true { ", "1", " } else { 2 }"),
        ("@simd ", "1", ""),
        ("a[", "0", "]"),
        ("(1, ", "1", ")"),
        ("[x for x in ", "[1]", "]"),
    ] {
        for depth in [50, 5_000, 100_000] {
            let text = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
            ask(&mut session, &text);
        }
    }
    for operator in ["+", "and", "<", "**", "//", "->"] {
        let text = vec!["1"; 20_000].join(&format!(" {operator} "));
        ask(&mut session, &text);
    }
    ask(&mut session, &format!("a{}", ".T".repeat(20_000)));
    ask(&mut session, &format!("a{}", "[0]".repeat(20_000)));
    ask(&mut session, &"a = 1; ".repeat(20_000));
}

#[test]
fn ten_thousand_random_lines_lose_no_name() {
    let corpus: Vec<String> = corpus()
        .into_iter()
        // Files are left alone, and so are numbers that make large arrays.
        .filter(|text| !text.contains("save") && !text.contains("load"))
        // What is changed in the condition of a `while` may hold for ever.
        .filter(|text| !text.contains("while"))
        .filter(|text| !text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 3))
        .collect();
    let mut random = Random(0x7A1_0002);
    let mut session = Session::new();
    assert_eq!(session.answer("kept = range(4); a = [1.0, 2.0]; fn twice(x) = x * 2"), "");
    let (mut succeeded, mut failed) = (0, 0);
    for count in 0..10_000 {
        let text = mutated(&mut random, &corpus);
        let before = session.interpreter.names();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let interpreter = &mut session.interpreter;
            let compiled = interpreter.compile("<random>", &text)?;
            if compiled.peak_bytes() > 1 << 26 {
                return Ok(false);
            }
            let executed = interpreter.execute(&compiled)?;
            interpreter.commit(executed);
            Ok(true)
        }));
        match outcome {
            Ok(Ok(true)) => {
                succeeded += 1;
                for (name, _) in &before {
                    let kept = session.interpreter.names().iter().any(|(found, _)| found == name);
                    assert!(kept, "line {count} lost the name {name}:\n{text}");
                }
            }
            Ok(Ok(false)) => {}
            Ok::<_, _>(Err::<bool, Vec<thalweg_lang::diagnostic::Diagnostic>>(errors)) => {
                failed += 1;
                assert!(!errors.is_empty(), "line {count} fails without an error:\n{text}");
                assert_eq!(session.interpreter.names(), before, "line {count} fails and changes the names:\n{text}");
            }
            Err(panic) => panic!("line {count} panics with `{}`:\n{text}\n{text:?}", panic_text(&*panic)),
        }
    }
    assert!(
        succeeded > 500 && failed > 500,
        "{succeeded} lines succeeded, {failed} failed: the mutation is too weak or too strong"
    );
}
