//! Every code that can be said is explained in docs/errors.md, by programs that are run here.

use crate::engines::Session;
use crate::golden;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use thalweg::{Explanation, explanation_of, explanations};
use thalweg_lang::diagnostic::{Diagnostic, Severity};

/// The codes that no program alone can show: they are about gigabytes of text, options of the command, embedding, what only a
/// machine of another kind or a part that is not built would say, and programs of hundreds of lines.
const WITHOUT_PROGRAM: [&str; 18] = [
    "E0111", "E0114", "E0115", "E0210", "E0211", "E0212", "E0218", "E0401", "E0503", "E0504", "E0506", "E0511",
    "E0522", "E0590", "E0599", "E0601", "E0602", "N0401",
];

/// The `.rs` files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the source") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        match path.is_dir() {
            true if name != "tests" => sources(&path, found),
            false if name.ends_with(".rs") && name != "tests.rs" => found.push(path),
            _ => {}
        }
    }
}

/// The codes that the source can give a diagnostic, tests left out.
fn codes() -> BTreeSet<String> {
    let mut files = Vec::new();
    for package in ["lang", "runtime", "linear", "stdlib", "repl"] {
        sources(&golden::root().join(package).join("src"), &mut files);
    }
    let mut codes = BTreeSet::new();
    for path in files {
        let text = golden::read(&path);
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
        for (at, _) in text.match_indices('"') {
            let Some(word) = text.get(at + 1..at + 7) else { continue };
            let is_code = word.starts_with(['E', 'N']) && word[1..5].bytes().all(|byte| byte.is_ascii_digit());
            if is_code && word.ends_with('"') {
                codes.insert(word[..5].to_string());
            }
        }
    }
    assert!(codes.len() > 50, "only {} codes were found", codes.len());
    codes
}

#[test]
fn every_code_is_explained_and_no_other() {
    let explained: BTreeSet<String> = explanations().iter().map(|one| one.code.to_string()).collect();
    assert_eq!(explained.len(), explanations().len(), "a code is explained twice");
    let codes = codes();
    let missing: Vec<_> = codes.difference(&explained).collect();
    assert!(missing.is_empty(), "docs/errors.md says nothing of {missing:?}");
    let stale: Vec<_> = explained.difference(&codes).collect();
    assert!(stale.is_empty(), "docs/errors.md explains {stale:?}, which nothing gives");
    let sorted: Vec<_> = explanations().iter().map(|one| one.code.replace('N', "Z")).collect();
    assert!(sorted.is_sorted(), "docs/errors.md is not in the order of the codes");
}

/// A folder of its own for the files that programs name, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(std::env::temp_dir().join(format!("thalweg-explanations-{}", std::process::id())));
        std::fs::create_dir_all(&folder.0).expect("a folder for files");
        let array = thalweg::Array::from_slice(&[3], &[1.0, 2.0, 3.0]).expect("three elements");
        thalweg::npy::write(folder.0.join("table.npy"), &array).expect("a file");
        folder
    }

    /// A program that names its files in this folder.
    fn inside(&self, program: &str) -> String {
        program.replace("\"table.", &format!("\"{}/table.", self.0.display()))
    }

    /// A message without the folder.
    fn outside(&self, message: &str) -> String {
        message.replace(&format!("{}/", self.0.display()), "")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a program is told: the code, the message and the help of each diagnostic.
fn said(text: &str, folder: &Folder) -> String {
    let mut session = Session::new();
    let diagnostics = match session.interpreter.run("program.tw", &folder.inside(text)) {
        Ok(outcome) => outcome.notes,
        Err(errors) => errors,
    };
    let one = |one: &Diagnostic| {
        let kind = match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let help = one.help.as_ref().map_or(String::new(), |help| format!("help: {help}\n"));
        format!("{kind}[{}]: {}\n{help}", one.code, one.message)
    };
    folder.outside(&diagnostics.iter().map(one).collect::<String>())
}

/// What a repaired program prints, or what is against it.
fn printed(text: &str, folder: &Folder) -> Result<String, String> {
    let mut session = Session::new();
    let text = folder.inside(text);
    let notes = session.interpreter.check("program.tw", &text);
    match notes.is_empty() {
        true => Ok(session.answer(&text)),
        false => Err(notes.iter().map(|note| format!("{}: {}\n", note.code, note.message)).collect()),
    }
}

#[test]
fn explained_programs_are_wrong_and_repaired_ones_are_not() {
    let folder = Folder::new();
    let (mut faults, mut page) = (Vec::new(), golden::read(&golden::root().join("docs/errors.md")));
    for explanation in explanations() {
        let Explanation { code, wrong, said: expected, repaired, printed: wanted, .. } = *explanation;
        let (Some(wrong), Some(repaired)) = (wrong, repaired) else {
            if wrong.is_some() || !WITHOUT_PROGRAM.contains(&code) {
                faults.push(format!("{code} has no two programs"));
            }
            continue;
        };
        let found = said(wrong, &folder);
        let diagnostics = found.lines().filter(|line| !line.starts_with("help: ")).count();
        if diagnostics != 1 || !found.contains(&format!("[{code}]")) {
            faults.push(format!("{code}: this program gives not just {code}:\n{wrong}{found}"));
        } else if found.trim_end() != expected.trim_end() {
            faults.push(format!("{code}: expected:\n{expected}\nfound:\n{found}"));
            page = page.replacen(
                &format!("{wrong}```\n```text\n{expected}```"),
                &format!("{wrong}```\n```text\n{found}```"),
                1,
            );
        }
        match printed(repaired, &folder) {
            Ok(found) if found == wanted.trim_end() => {}
            Ok(found) => faults.push(format!("{code}: the repaired program prints\n{found}\nand not\n{wanted}")),
            Err(against) => faults.push(format!("{code}: the repaired program is wrong:\n{against}")),
        }
    }
    if golden::updating() {
        std::fs::write(golden::root().join("docs/errors.md"), page).expect("a writable page");
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn help_knows_the_codes() {
    let session = Session::new();
    let documentation = session.interpreter.documentation("e0301").expect("a code in any case");
    let explanation = explanation_of("E0301").expect("a code");
    assert_eq!(documentation.signature, "E0301");
    assert_eq!(documentation.summary, explanation.title);
    assert!(documentation.text.contains("broadcast") || documentation.text.contains("axes"), "{documentation:?}");
    assert_eq!(documentation.examples.len(), 2);
    assert!(documentation.examples[0].1.starts_with("error[E0301]"), "{documentation:?}");
    assert_eq!(session.interpreter.documentation("E9999"), None);
}

/// What the last column of docs/errors-compared.md says of a program.
fn compared(program: &str) -> String {
    let mut session = Session::new();
    let diagnostics = match session.interpreter.run("program.tw", program) {
        Ok(outcome) => outcome.notes,
        Err(errors) => errors,
    };
    let one = |one: &Diagnostic| match &one.help {
        Some(help) => format!("{}: {}<br>help: {help}", one.code, one.message),
        None => format!("{}: {}", one.code, one.message),
    };
    diagnostics.iter().map(one).collect::<Vec<_>>().join("<br>")
}

#[test]
fn compared_mistakes_are_told_as_the_table_says() {
    let path = golden::root().join("docs/errors-compared.md");
    let (mut faults, mut rows, mut page) = (Vec::new(), 0, String::new());
    for line in golden::read(&path).lines() {
        let cells: Vec<&str> = line.split(" | ").collect();
        match cells.as_slice() {
            [mistake, program, numpy, jax, said] if program.starts_with('`') => {
                rows += 1;
                let found = compared(program.trim_matches('`'));
                let said = said.trim_end_matches('|').trim();
                if found.is_empty() || said != found {
                    faults.push(format!("{program}: expected:\n{said}\nfound:\n{found}"));
                }
                page.push_str(&format!("{mistake} | {program} | {numpy} | {jax} | {found} |\n"));
            }
            _ => page.push_str(&format!("{line}\n")),
        }
    }
    if golden::updating() {
        std::fs::write(&path, page).expect("a writable page");
    }
    assert!(rows >= 20, "only {rows} rows");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
