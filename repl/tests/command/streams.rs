//! What goes to which stream, and with which exit status the command ends.

use crate::process::Folder;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

#[test]
fn a_line_prints_its_last_value() {
    let folder = Folder::new();
    folder.run(&["-e", "a = range(5); a * a"], "").is(0, "[ 0  1  4  9 16]\n");
    folder.run(&["-e", "1 + 2;"], "").is(0, "");
    folder.run(&["-e", "print(1); 2"], "").is(0, "1\n2\n");
    folder.run(&["-e", "-3 + 1"], "").is(0, "-2\n");
    folder.run(&["-e", "x = 3"], "").is(0, "");
}

#[test]
fn a_script_prints_only_what_it_prints() {
    let folder = Folder::new();
    folder.write("unused.tw", "1 + 1\nprint(\"here\")\n");
    let unused = folder.run(&["unused.tw"], "");
    assert_eq!((unused.status, unused.output.as_str()), (Some(0), "here\n"));
    unused.says("note[N0302]");
    folder.write("script.tw", "# A script.\nprint(\"here\")\nx = 3\nx * 2\n");
    folder.run(&["script.tw"], "").is(0, "here\n");
    folder.run(&["run", "script.tw"], "").is(0, "here\n");
    folder.run(&["-"], "print(\"there\")\n5\n").is(0, "there\n");
    folder.run(&[], "fn f(x) {\n    x + 1\n}\n\nprint(f(1))\n").is(0, "2\n");
    folder.run(&[], "").is(0, "");
    folder.run(&["-"], "a = 1\r\nprint(a)\r\n").is(0, "1\n");
    folder.write("marked.tw", "\u{feff}print(7)\n");
    folder.run(&["marked.tw"], "").is(0, "7\n");
}

#[test]
fn exit_statuses_say_what_happened() {
    let folder = Folder::new();
    folder.write("script.tw", "print(1)\nprint([1, 2] // [1, 0])\nprint(2)\n");
    folder.run(&["script.tw"], "").is(1, "1\n").says("script.tw:2:");
    folder.run(&["-e", "print(1); sqrtt(2)"], "").is(3, "").says("sqrt");
    folder.run(&["check", "script.tw"], "").is(0, "");
    folder.run(&["check", "-"], "a = zeros(2) + zeros(3)\n").is(3, "");
    folder.run(&["absent.tw"], "").is(2, "").says("absent.tw");
    folder.run(&["--no-such-option"], "").is(2, "");
    folder.run(&["--threads", "none", "-e", "1"], "").is(2, "");
    folder.run(&["--threads", "0", "-e", "1"], "").is(2, "");
    folder.run(&["-e", "1", "--in", "a=absent.npy"], "").says("absent.npy");
    let help = folder.run(&["--help"], "");
    assert_eq!((help.status, help.errors.as_str()), (Some(0), ""));
    assert!(help.output.contains("exit status"), "{}", help.output);
    let version = folder.run(&["--version"], "");
    assert_eq!(version.output, format!("thalweg {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn files_are_bound_to_names_and_written() {
    let folder = Folder::new();
    folder.run(&["-e", "save(\"a.npy\", linspace(0, 1, 5)); save(\"b.npy\", f32([1, 2, 3, 4, 5]))"], "").is(0, "");
    folder.write("blend.tw", "result = a * b + 2\nprint(mean(result))\n");
    folder.run(&["blend.tw", "--in", "a=a.npy", "--in", "b=b.npy", "--out", "result=result.npy"], "").is(0, "4.0\n");
    folder.run(&["-e", "r = load(\"result.npy\"); (r.dtype, r)"], "").is(0, "(f64, [2.  2.5 3.5 5.  7. ])\n");
    let ended = folder.run(&["-e", "x = 1", "--out", "y=y.npy"], "");
    assert!(matches!(ended.status, Some(1..=3)), "{ended:?}");
    ended.says("y");
    assert!(!folder.path().join("y.npy").exists());
}

#[test]
fn questions_about_a_program_run_nothing() {
    let folder = Folder::new();
    folder.write("script.tw", "a = linspace(0, 1, 1000)\nprint(sum(a * a + 2))\nsave(\"never.npy\", a)\n");
    let plan = folder.run(&["plan", "script.tw"], "");
    assert_eq!((plan.status, plan.errors.as_str()), (Some(0), ""));
    assert!(plan.output.contains("peak"), "{}", plan.output);
    folder.run(&["check", "script.tw"], "").is(0, "");
    assert!(!folder.path().join("never.npy").exists());
    let documentation = folder.run(&["doc", "sum"], "");
    assert_eq!(documentation.status, Some(0), "{documentation:?}");
    assert!(documentation.output.contains("axis"), "{}", documentation.output);
    let unknown = folder.run(&["doc", "summ"], "");
    assert_ne!(unknown.status, Some(0));
    unknown.says("sum");
    let configuration = folder.run(&["config"], "");
    assert_eq!(configuration.status, Some(0));
    assert!(configuration.output.contains("threads"), "{}", configuration.output);
    let bench = folder.run(&["bench", "-", "--json"], "a = linspace(0, 1, 1000)\nb = sum(a * a)\n");
    assert_eq!(bench.status, Some(0), "{bench:?}");
    assert!(bench.output.contains("\"median_seconds\"") && bench.output.contains("\"peak_bytes\""), "{}", bench.output);
}

#[test]
fn json_is_for_programs() {
    let folder = Folder::new();
    let objects = |text: &str| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
    };
    let ended = folder.run(&["--json", "-e", "print(\"a\"); [1.5, 2, nan]"], "");
    let expected = [json!({"print": "a"}), json!({"type": "f64[3]", "value": [1.5, 2.0, "nan"]})];
    assert_eq!((ended.status, objects(&ended.output)), (Some(0), expected.to_vec()), "{}", ended.errors);
    let ended = folder.run(&["--json", "-e", "x = 1\nzeros(2) + zeros(3)"], "");
    assert_eq!((ended.status, ended.output.as_str()), (Some(3), ""));
    let findings = objects(&ended.errors);
    assert_eq!(findings.len(), 1, "{}", ended.errors);
    let (finding, first) = (&findings[0], &findings[0]["labels"][0]);
    assert!(finding["code"].as_str().is_some_and(|code| code.starts_with("E03")), "{finding}");
    assert_eq!((&finding["severity"], &first["line"]), (&json!("error"), &json!(2)), "{finding}");
    assert!(finding["message"].is_string() && first["column"].is_u64() && first["start"].is_u64(), "{finding}");
}

#[test]
fn colours_are_for_terminals() {
    let folder = Folder::new();
    let plain = folder.run(&["-e", "sqrtt(2)"], "");
    assert!(!plain.errors.contains('\u{1b}'), "{:?}", plain.errors);
    let coloured = folder.run(&["--color", "always", "-e", "sqrtt(2)"], "");
    assert!(coloured.errors.contains('\u{1b}'), "{:?}", coloured.errors);
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let folder = Folder::new();
    folder.write("script.tw", "print(range(100)); ".repeat(5000));
    let mut child =
        folder.command().arg("script.tw").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("it was piped")).read_line(&mut first).expect("it prints a line");
    assert!(first.starts_with("[ 0  1  2"), "{first}");
    let mut errors = String::new();
    child.stderr.take().expect("it was piped").read_to_string(&mut errors).expect("UTF-8");
    let status = child.wait().expect("it ends");
    assert_eq!(errors, "", "{status}");
}

#[test]
fn threads_are_chosen_by_option_and_environment() {
    let folder = Folder::new();
    let threads = |arguments: &[&str], variable: Option<&str>| {
        let mut command = folder.command();
        if let Some(value) = variable {
            command.env("THALWEG_NUM_THREADS", value);
        }
        let output = command.arg("config").args(arguments).output().expect("it starts");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let line = text.lines().find(|line| line.trim_start().starts_with("threads")).unwrap_or("").to_string();
        line.split_whitespace().find_map(|word| word.parse::<usize>().ok())
    };
    assert_eq!(threads(&["--threads", "3"], None), Some(3));
    assert_eq!(threads(&[], Some("5")), Some(5));
    assert_eq!(threads(&["--threads", "2"], Some("5")), Some(2));
    assert!(threads(&[], None) >= Some(1));
}

#[test]
fn settings_of_the_environment_that_say_nothing_are_told() {
    let folder = Folder::new();
    for wrong in ["many", "0", "-2", "1.5", "1025"] {
        let output =
            folder.command().env("THALWEG_NUM_THREADS", wrong).args(["-e", "1 + 2"]).output().expect("it starts");
        let errors = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{wrong}: {errors}");
        assert!(errors.contains(&format!("THALWEG_NUM_THREADS is `{wrong}`")), "{errors}");
        assert!(errors.contains("a whole number from 1 to 1024"), "{errors}");
    }
    for (name, allowed) in [("THALWEG_SIMD", "`avx2` or `avx512`"), ("THALWEG_MACHINE_CODE", "`off` or `always`")] {
        let output = folder.command().env(name, "foo").args(["-e", "1 + 2"]).output().expect("it starts");
        let errors = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{name}: {errors}");
        assert!(errors.contains(&format!("{name} is `foo`")) && errors.contains(allowed), "{errors}");
    }
    // The option says it already.
    let mut command = folder.command();
    let output = command.env("THALWEG_NUM_THREADS", "many").args(["--threads", "2", "-e", "1 + 2"]).output();
    assert_eq!(output.expect("it starts").status.code(), Some(0));
}

#[test]
fn codes_are_explained() {
    let folder = Folder::new();
    let ended = folder.run(&["doc", "E0301"], "");
    assert_eq!(ended.status, Some(0), "{}", ended.errors);
    for part in
        ["E0301", "shapes that do not go together", ">> table = ones(3, 4)", "error[E0301]", "[:, newaxis]", "(3, 4)"]
    {
        assert!(ended.output.contains(part), "{part}: {}", ended.output);
    }
    folder.run(&["-"], "x = E0301").is(3, "");
    assert_eq!(folder.run(&["doc", "E9999"], "").status, Some(2));
}

#[test]
fn errors_in_a_file_name_the_file_and_the_place() {
    let folder = Folder::new();
    folder.write("wrong.tw", "a = zeros(3, 4)\nb = zeros(3)\n\nc = a +\n    b\n");
    folder.run(&["wrong.tw"], "").is(3, "").says("wrong.tw:4:").says("f64[3, 4]").says("f64[3]");
}

#[test]
fn a_file_that_the_program_saves_is_loaded_with_the_type_that_was_saved() {
    let folder = Folder::new();
    let program = "save(\"a.npy\", f32([1, 2, 3]))\na = load(\"a.npy\")\nprint(a.dtype, a.shape, sum(a))\n\
                   save(\"./a.npy\", zeros(2, 2))\nb = load(\"./a.npy\")\nprint(b.shape)\n\
                   kept = a[a > 1]\nsave(\"c.npy\", kept)\nprint(load(\"c.npy\") + kept)\n\
                   save(\"d.csv\", [1, 2])\nprint(load(\"d.csv\").shape)\n\
                   save(\"e.png\", ones(2, 3, 1))\nprint(load(\"e.png\")[0])\n";
    let printed = "f32 (3,) 6.0\n(2, 2)\n[4. 6.]\n(2, 1)\n[255 255 255]\n";
    folder.write("script.tw", program);
    folder.run(&["script.tw"], "").is(0, printed);
    // The files hold other types than the first lines load, and that says nothing about what will be saved.
    folder.run(&["script.tw"], "").is(0, printed);
    // What a loop saves is known to the file alone.
    folder.write("loop.tw", "for i in range(2) { save(\"never.npy\", zeros(i + 1)) }\nprint(load(\"never.npy\"))\n");
    folder.run(&["loop.tw"], "").is(3, "");
}
