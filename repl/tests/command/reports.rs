//! Golden reports: the wrong programs of tests/diagnostics, and what a person reads about each; `UPDATE_GOLDEN=1` rewrites.
//!
//! Behind the line `----` stand facts: `repair: old => new` is an edit that makes the program right (several are made together;
//! `\n` is a line break), `repair: none: reason` says why no edit of the text can, and `mistakes: 2` how many errors there are to
//! find, when it is not one.
//!
//! A first line `# Not yet: …` marks a program that nothing is said against so far; once something is, the mark must go.

use crate::process::{Ended, Folder};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/diagnostics");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of wrong programs")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

/// A wrong program and what is known of it.
struct Wrong {
    path: PathBuf,
    /// The first line: what one would want to read.
    wish: String,
    program: String,
    /// The edits that repair it.
    repairs: Vec<(String, String)>,
    /// Why there are none.
    irreparable: bool,
    mistakes: usize,
    /// The lines behind `----` that are not the report.
    facts: String,
    /// The report.
    expected: String,
}

impl Wrong {
    fn read(path: PathBuf) -> Wrong {
        let content = std::fs::read_to_string(&path).expect("a readable file");
        let (head, rest) = content.split_once("----\n").expect("a wrong program has a line ----");
        let (wish, program) = head.split_once('\n').expect("a first line that says what one would want to read");
        assert!(wish.starts_with("# "), "{}: {wish}", path.display());
        let is_fact = |line: &&str| line.starts_with("repair: ") || line.starts_with("mistakes: ");
        let facts: Vec<&str> = rest.lines().take_while(is_fact).collect();
        let expected: Vec<&str> = rest.lines().skip(facts.len()).collect();
        let mut wrong = Wrong {
            wish: wish.to_string(),
            program: program.strip_suffix('\n').unwrap_or(program).to_string(),
            repairs: Vec::new(),
            irreparable: false,
            mistakes: 1,
            facts: facts.iter().map(|fact| format!("{fact}\n")).collect(),
            expected: expected.join("\n"),
            path,
        };
        for fact in facts {
            if let Some(number) = fact.strip_prefix("mistakes: ") {
                wrong.mistakes = number.parse().expect("a number of mistakes");
            } else if fact.starts_with("repair: none: ") {
                wrong.irreparable = true;
            } else {
                let edit = fact.trim_start_matches("repair: ");
                let (old, new) = edit.split_once(" =>").unwrap_or_else(|| panic!("{}: {fact}", wrong.path.display()));
                let new = new.strip_prefix(' ').unwrap_or(new);
                wrong.repairs.push((old.replace("\\n", "\n"), new.replace("\\n", "\n")));
            }
        }
        wrong
    }

    /// What the command does with a program in a folder of its own.
    fn run(program: &str) -> Ended {
        let folder = Folder::new();
        folder.write("program.tw", program);
        folder.write("bad.npy", "this is no array");
        folder.run(&["program.tw", "--threads", "2", "--color", "never"], "")
    }

    /// The program with its repairs, or what is wrong with them.
    fn repaired(&self) -> Result<String, String> {
        let mut program = self.program.clone();
        for (old, new) in &self.repairs {
            let found = program.matches(old.as_str()).count();
            if found != 1 {
                return Err(format!("`{old}` is there {found} times"));
            }
            program = program.replace(old.as_str(), new);
        }
        Ok(program)
    }

    /// The words and signs of the repairs that stand neither in the program nor in its report: a person could not know them.
    fn unheard(&self, report: &str) -> BTreeSet<String> {
        let known = words(&format!("{} {report}", self.program));
        let typed: String = self.repairs.iter().map(|(_, new)| format!("{new} ")).collect();
        // What a value is called is the person's to choose.
        let is_chosen = |word: &&String| typed.contains(&format!("{word} = ")) || typed.contains(&format!(", {word})"));
        words(&typed).difference(&known).filter(|word| !is_chosen(word)).cloned().collect()
    }
}

/// The names and signs in a text.
fn words(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut word = String::new();
    for letter in text.chars().chain([' ']) {
        if letter.is_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        // Which number is meant is the person's to know.
        if word.starts_with(|first: char| !first.is_ascii_digit()) {
            words.insert(std::mem::take(&mut word));
        }
        word.clear();
        if !letter.is_whitespace() {
            words.insert(letter.to_string());
        }
    }
    words
}

/// How many errors a report shows.
fn errors(report: &str) -> usize {
    report.lines().filter(|line| line.starts_with("error[")).count()
}

#[test]
fn wrong_programs_are_reported_as_written() {
    let updating = std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1");
    let (mut faults, mut count) = (Vec::new(), 0);
    for wrong in files().into_iter().map(Wrong::read) {
        let ended = Wrong::run(&wrong.program);
        let status = ended.status.map_or("a signal".to_string(), |status| status.to_string());
        let printed = if ended.output.is_empty() { String::new() } else { format!("printed:\n{}\n", ended.output) };
        let found = format!("exit {status}\n{printed}{}", ended.errors);
        let found: String = found.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        count += 1;
        let noticed = matches!(ended.status, Some(1 | 3)) || (ended.status == Some(0) && !ended.errors.is_empty());
        let bug = ended.errors.contains("panicked") || ended.errors.contains("bug in Thalweg");
        let mistakes = if ended.status == Some(0) { 0 } else { wrong.mistakes };
        let name = wrong.path.display();
        if bug || noticed == wrong.wish.starts_with("# Not yet: ") {
            faults.push(format!("{name}: {}\n{found}", wrong.wish));
        } else if errors(&found) != mistakes {
            faults.push(format!("{name}: {mistakes} mistakes, and another number of errors:\n{found}"));
        } else if found.trim_end() != wrong.expected.trim_end() {
            faults.push(format!("{name}\nexpected:\n{}\nfound:\n{found}", wrong.expected));
        }
        if updating {
            let Wrong { wish, program, facts, .. } = &wrong;
            let content = format!("{wish}\n{program}\n----\n{facts}{}\n", found.trim_end());
            std::fs::write(&wrong.path, content).expect("a writable golden file");
        }
    }
    assert!(count >= 200, "only {count} wrong programs");
    assert!(faults.is_empty(), "{} of {count} reports differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_report_says_what_to_type_and_that_works() {
    let (mut faults, mut repaired) = (Vec::new(), 0);
    for wrong in files().into_iter().map(Wrong::read) {
        let name = wrong.path.display();
        // What is not built, or not yet noticed, has no repair but time; a note needs none.
        let is_excused = wrong.expected.contains("[E0401]") || !wrong.expected.contains("error[");
        match (wrong.repairs.is_empty(), wrong.irreparable) {
            (true, false) if !is_excused => faults.push(format!("{name}: no repair, and no reason why there is none")),
            (false, true) => faults.push(format!("{name}: a repair, and a reason why there is none")),
            _ => {}
        }
        if wrong.repairs.is_empty() {
            continue;
        }
        repaired += 1;
        let helps = wrong.expected.lines().filter(|line| line.starts_with("  help: ")).count();
        if helps < errors(&wrong.expected) {
            faults.push(format!("{name}: an error without a help"));
        }
        let unheard = wrong.unheard(&wrong.expected);
        if !unheard.is_empty() {
            faults.push(format!("{name}: nothing says {unheard:?}"));
        }
        match wrong.repaired() {
            Err(fault) => faults.push(format!("{name}: {fault}")),
            Ok(program) => {
                let ended = Wrong::run(&program);
                if ended.status != Some(0) || !ended.errors.is_empty() {
                    faults.push(format!("{name}: repaired it is wrong:\n{program}\n{}", ended.errors));
                }
            }
        }
    }
    assert!(repaired >= 200, "only {repaired} programs are repaired");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
