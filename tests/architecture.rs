//! The invariants of absence: what a room of the house does not know. Each is stated in ARCHITECTURE.md.

use crate::engines::{Session, operation_names};
use crate::golden::{self, shown};
use std::path::{Path, PathBuf};

/// The Rust files below a folder.
fn sources(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a folder's entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&golden::root().join(folder), &mut found);
    found.sort();
    assert!(!found.is_empty(), "{folder} holds no source");
    found
}

/// Whether a source is a module of tests: `tests.rs`, or in a folder `tests`.
fn is_test(path: &Path) -> bool {
    let inside = path.strip_prefix(golden::root()).unwrap_or(path);
    inside.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

/// A file's code as numbered lines: without comments, and without its tests, which end a file or are modules of their own.
fn code(path: &Path) -> Vec<(usize, String)> {
    if is_test(path) {
        return Vec::new();
    }
    let text = golden::read(path);
    let lines = text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
    lines.map(|(index, line)| (index + 1, without_comment(line))).filter(|(_, line)| !line.trim().is_empty()).collect()
}

/// A line without what follows `//` outside a string.
fn without_comment(line: &str) -> String {
    let (mut inside, mut escaped, bytes) = (false, false, line.as_bytes());
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' if index == 0 || bytes[index - 1] != b'\'' || inside => inside = !inside,
            b'/' if !inside && bytes.get(index + 1) == Some(&b'/') => return line[..index].to_string(),
            _ => {}
        }
    }
    line.to_string()
}

/// The string literals of a line.
fn literals(line: &str) -> Vec<String> {
    let line = line.replace("'\"'", "");
    let mut found = Vec::new();
    let mut rest = line.as_str();
    while let Some(start) = rest.find('"') {
        let mut end = start + 1;
        while end < rest.len() && rest.as_bytes()[end] != b'"' {
            end += if rest.as_bytes()[end] == b'\\' { 2 } else { 1 };
        }
        found.push(rest[start + 1..end.min(rest.len())].to_string());
        rest = rest.get(end + 1..).unwrap_or("");
    }
    found
}

/// Whether a line holds a whole word.
fn has_word(line: &str, word: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    line.match_indices(word).any(|(start, _)| {
        let end = start + word.len();
        (start == 0 || !part(line.as_bytes()[start - 1])) && (end == line.len() || !part(line.as_bytes()[end]))
    })
}

/// The names under a `[section]` of a manifest.
fn dependencies(manifest: &str, section: &str) -> Vec<String> {
    let text = golden::read(&golden::root().join(manifest));
    let lines = text.lines().skip_while(|line| *line != format!("[{section}]")).skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| line.split(['.', ' ', '=']).next().unwrap_or("").to_string())
        .collect()
}

#[test]
fn dependencies_run_one_way() {
    let rooms = [("linear", 0), ("lang", 1), ("runtime", 2), ("stdlib", 3), ("repl", 4)];
    let rank = |dependency: &str| match dependency {
        "thalweg-linear" => Some(0),
        "thalweg-lang" => Some(1),
        "thalweg-runtime" => Some(2),
        "thalweg" => Some(3),
        "thalweg-repl" => Some(4),
        _ => None,
    };
    for (room, own) in rooms {
        let found = dependencies(&format!("{room}/Cargo.toml"), "dependencies");
        assert!(!found.is_empty(), "{room} depends on nothing");
        for dependency in found {
            assert!(rank(&dependency).is_none_or(|other| other < own), "{room} depends on {dependency}");
        }
    }
}

#[test]
fn a_room_depends_only_on_its_own_libraries() {
    let allowed: [(&str, &[&str]); 5] = [
        ("lang", &["logos", "lalrpop-util", "stacker", "strsim"]),
        (
            "runtime",
            &[
                "wide",
                "rayon",
                "iced-x86",
                "smallvec",
                "cranelift-codegen",
                "cranelift-frontend",
                "cranelift-jit",
                "cranelift-module",
            ],
        ),
        ("linear", &["faer", "rustfft", "realfft"]),
        ("stdlib", &["gemm", "ndarray", "png"]),
        ("repl", &["miette", "rustyline", "clap", "ctrlc", "serde_json", "terminal_size"]),
    ];
    for (room, allowed) in allowed {
        for dependency in dependencies(&format!("{room}/Cargo.toml"), "dependencies") {
            let own = dependency.starts_with("thalweg");
            assert!(own || allowed.contains(&dependency.as_str()), "{room} depends on {dependency}");
        }
    }
}

#[test]
fn one_file_knows_each_outside_library() {
    let homes = [
        ("logos", "lang/src/lexer.rs"),
        ("lalrpop_util", "lang/src/parser.rs"),
        ("stacker", "lang/src/check/expression.rs"),
        ("strsim", "lang/src/check/names.rs"),
        ("wide", "runtime/src/lane/portable.rs"),
        ("rayon", "runtime/src/execute/threads.rs"),
        ("iced_x86", "runtime/src/machine/regions/x86.rs"),
        ("smallvec", "runtime/src/short.rs"),
        ("cranelift_codegen", "runtime/src/machine/loops/emit.rs"),
        ("cranelift_frontend", "runtime/src/machine/loops/emit.rs"),
        ("cranelift_jit", "runtime/src/machine/loops/emit.rs"),
        ("cranelift_module", "runtime/src/machine/loops/emit.rs"),
        ("ndarray", "stdlib/src/ndarray.rs"),
        ("png", "stdlib/src/picture.rs"),
        ("gemm", "stdlib/src/linear_algebra/product.rs"),
        ("faer", "linear/src/factor.rs"),
        ("rustfft", "linear/src/fourier.rs"),
        ("realfft", "linear/src/fourier.rs"),
        ("rustyline", "repl/src/editor.rs"),
        ("miette", "repl/src/report.rs"),
        ("terminal_size", "repl/src/report.rs"),
        ("clap", "repl/src/arguments.rs"),
        ("ctrlc", "repl/src/interrupt.rs"),
    ];
    let mut faults = Vec::new();
    for path in
        ["lang/src", "runtime/src", "linear/src", "stdlib/src", "repl/src"].iter().flat_map(|folder| sources(folder))
    {
        let own_modules = golden::read(&path);
        for (number, line) in code(&path) {
            for (library, home) in homes.iter().filter(|(library, _)| !own_modules.contains(&format!("mod {library};")))
            {
                let named = line.contains(&format!("{library}::")) && has_word(&line, library)
                    || has_word(&line, library) && line.trim_start().starts_with("use ");
                let path_of_own = line.contains(&format!("::{library}"));
                if named && !path_of_own && shown(&path) != *home {
                    faults.push(format!("{}:{number} names {library}, which only {home} knows", shown(&path)));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_the_command_prints() {
    let printing = ["println!", "eprintln!", "print!", "eprint!", "dbg!", "stdout()", "stderr()", "process::exit"];
    let mut faults = Vec::new();
    for path in ["lang/src", "runtime/src", "linear/src", "stdlib/src"].iter().flat_map(|folder| sources(folder)) {
        for (number, line) in code(&path) {
            if printing.iter().any(|call| line.contains(call)) {
                faults.push(format!("{}:{number}: {}", shown(&path), line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_language_and_the_runtime_name_no_operation() {
    let operations: Vec<String> = operation_names(&Session::new())
        .into_iter()
        // A dtype's name is a type of the language, and so is its cast.
        .filter(|name| thalweg_lang::dtype::DType::from_name(name).is_none())
        // An operator that is a word is the language's, whichever row claims it.
        .filter(|name| !matches!(name.as_str(), "and" | "or" | "not"))
        .collect();
    // The same word in another meaning: a token of the grammar, a word of other languages, an instruction set.
    let homonyms = [
        ("lang/src/parser/report.rs", "text"),
        ("lang/src/parser/report.rs", "var"),
        ("lang/src/parser/report.rs", "repeat"),
        // What the plan calls the graph's own nodes.
        ("runtime/src/plan/render.rs", "map"),
        ("runtime/src/plan/render.rs", "reshape"),
        ("runtime/src/plan/render.rs", "select"),
        ("runtime/src/plan/render.rs", "stack"),
        ("runtime/src/kernel/level.rs", "fma"),
        ("runtime/src/lane/portable.rs", "fma"),
    ];
    assert!(operations.iter().any(|name| name == "sum") && operations.len() > 30, "the operations: {operations:?}");
    let mut faults = Vec::new();
    for path in ["lang/src", "runtime/src"].iter().flat_map(|folder| sources(folder)) {
        for (number, line) in code(&path) {
            for literal in literals(&line) {
                if operations.contains(&literal) && !homonyms.contains(&(&shown(&path), &literal)) {
                    faults.push(format!("{}:{number} names the operation {literal}", shown(&path)));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn unsafe_code_stands_in_few_files_and_says_why_it_is_sound() {
    let allowed = [
        "runtime/src/lane/",
        "runtime/src/kernel/",
        "runtime/src/execute/",
        "runtime/src/machine/regions/memory.rs",
        "runtime/src/machine/regions/mod.rs",
        "runtime/src/machine/loops/code.rs",
        "runtime/src/array.rs",
        "runtime/src/buffer.rs",
        "stdlib/src/linear_algebra/",
        "stdlib/src/ndarray.rs",
        "stdlib/src/program.rs",
    ];
    let mut faults = Vec::new();
    for path in
        ["lang/src", "runtime/src", "linear/src", "stdlib/src", "repl/src"].iter().flat_map(|folder| sources(folder))
    {
        let name = shown(&path);
        let text = golden::read(&path);
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let line = without_comment(line);
            // What an unsafe function asks of its callers stands where it is declared; a block must say why it may call.
            let block = has_word(&line, "unsafe") && (line.contains("unsafe {") || line.contains("unsafe impl"));
            if !has_word(&line, "unsafe")
                || line.contains("unsafe_op_in_unsafe_fn")
                || literals(&line).join(" ").contains("unsafe")
            {
                continue;
            }
            if !allowed.iter().any(|place| name.starts_with(place)) && !is_test(&path) {
                faults.push(format!("{name}:{} is unsafe outside the files that may be", index + 1));
            }
            let from = index.saturating_sub(12);
            let explained =
                lines[from..=index].iter().any(|line| line.contains("SAFETY:") || line.contains("# Safety"));
            if block && !explained {
                faults.push(format!("{name}:{} does not say why it is sound: {}", index + 1, line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_file_opens_with_a_sentence_that_says_what_it_is_for() {
    let folders =
        ["lang/src", "runtime/src", "linear/src", "stdlib/src", "repl/src", "repl/tests", "tests", "examples"];
    for path in folders.iter().flat_map(|folder| sources(folder)) {
        let text = golden::read(&path);
        let first = text.lines().next().unwrap_or("");
        assert!(first.starts_with("//! ") && first.len() > 12, "{} opens with: {first}", shown(&path));
    }
}
