//! Golden reports: the wrong programs of tests/diagnostics, and what a person reads about each; `UPDATE_GOLDEN=1` rewrites.

use crate::process::Folder;
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

#[test]
fn wrong_programs_are_reported_as_written() {
    let updating = std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1");
    let (mut faults, mut count) = (Vec::new(), 0);
    for path in files() {
        let content = std::fs::read_to_string(&path).expect("a readable file");
        let (head, expected) = content.split_once("----\n").expect("a wrong program has a line ----");
        let (wish, program) = head.split_once('\n').expect("a first line that says what one would want to read");
        assert!(wish.starts_with("# "), "{}: {wish}", path.display());
        let folder = Folder::new();
        folder.write("program.tw", program.strip_suffix('\n').unwrap_or(program));
        folder.write("bad.npy", "this is no array");
        let ended = folder.run(&["program.tw", "--threads", "2", "--color", "never"], "");
        let status = ended.status.map_or("a signal".to_string(), |status| status.to_string());
        let printed = if ended.output.is_empty() { String::new() } else { format!("printed:\n{}\n", ended.output) };
        let found = format!("exit {status}\n{printed}{}", ended.errors);
        let found: String = found.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        count += 1;
        if !matches!(ended.status, Some(1 | 3)) && (ended.status != Some(0) || ended.errors.is_empty())
            || ended.errors.contains("panicked")
        {
            faults.push(format!("{}: {found}", path.display()));
        } else if found.trim_end() != expected.trim_end() {
            faults.push(format!("{}\nexpected:\n{expected}\nfound:\n{found}", path.display()));
        }
        if updating {
            std::fs::write(&path, format!("{head}----\n{}\n", found.trim_end())).expect("a writable golden file");
        }
    }
    assert!(count >= 100, "only {count} wrong programs");
    assert!(faults.is_empty(), "{} of {count} reports differ:\n{}", faults.len(), faults.join("\n"));
}
