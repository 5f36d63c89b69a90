//! The promises to a program that embeds the language: data in and out, errors as data, cancelling, no global state.

use crate::engines::{Printed, Session, plain};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use thalweg::{Call, Cancel, Expansion, Interpreter, Operand, Operation};
use thalweg_lang::diagnostic::{Diagnostic, Severity};
use thalweg_lang::value::Value;
use thalweg_runtime::array::Array;
use thalweg_runtime::machine::MachineCode;

fn array(value: Option<Value<Array>>) -> Array {
    match value {
        Some(Value::Array(array)) => array,
        _ => panic!("no array"),
    }
}

#[test]
fn an_interpreter_can_be_sent_and_shared() {
    fn check<T: Send + Sync>() {}
    check::<Interpreter>();
}

#[test]
fn arrays_go_in_and_come_out() {
    let mut interpreter = Interpreter::new();
    let a = Array::from_slice(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).expect("six elements");
    interpreter.set("a", a);
    let result = array(interpreter.run("<host>", "b = a * 2; b[:, 1]").expect("it runs").value);
    assert_eq!(result.shape(), [2]);
    assert_eq!(result.iter().map(|value| value.as_complex().0).collect::<Vec<_>>(), [4.0, 10.0]);
    let b = array(interpreter.get("b"));
    assert_eq!(b.as_slice::<f64>(), Some(&[2.0, 4.0, 6.0, 8.0, 10.0, 12.0][..]));
    assert!(interpreter.get("absent").is_none());
}

#[test]
fn errors_are_data() {
    let mut interpreter = Interpreter::new();
    let text = "a = zeros(3, 4)\nb = a + zeros(3)";
    let errors = interpreter.run("host.tw", text).expect_err("the shapes do not broadcast");
    let error = &errors[0];
    assert_eq!(error.severity, Severity::Error);
    assert!(error.code.starts_with("E03"), "{}", error.code);
    let source = interpreter.sources().get(error.labels[0].span.source);
    assert_eq!((&*source.name, &*source.text), ("host.tw", text));
    assert_eq!(interpreter.sources().line_column(error.labels[0].span).0, 2, "{error:?}");
    assert!(error.labels.iter().any(|label| label.text.contains("f64[3, 4]")), "{error:?}");
    assert!(error.labels.iter().any(|label| label.text.contains("f64[3]")), "{error:?}");
}

#[test]
fn a_failing_text_changes_nothing() {
    let mut session = Session::new();
    assert_eq!(session.answer("a = 1; b = [1, 2, 3]"), "");
    let before = session.interpreter.names();
    for text in ["a = 2; c = zeros(2) + zeros(3)", "a = 5; c = b // [1, 0, 1]", "a = 7; (", "b = b + 1; a = b // 0 * b"]
    {
        let answer = session.answer(text);
        assert!(answer.starts_with("error["), "{text}: {answer}");
        assert_eq!(session.interpreter.names(), before, "{text}");
        assert_eq!(session.answer("a"), "1", "{text}");
        assert_eq!(session.answer("b"), "[1 2 3]", "{text}");
    }
}

#[test]
fn check_and_plan_and_type_run_nothing() {
    let mut session = Session::new();
    assert!(session.interpreter.check("<host>", "print(1); x = 2").is_empty());
    assert!(session.interpreter.plan("<host>", "print(1); x = 2").is_ok());
    assert_eq!(session.interpreter.type_of("<host>", "x = zeros(2, 3); x + 1").as_deref(), Ok("f64[2, 3]"));
    assert!(session.interpreter.names().iter().all(|(name, _)| name != "x"));
    assert_eq!(session.answer("print(2)"), "2");
}

#[test]
fn two_interpreters_know_nothing_of_each_other() {
    let mut first = Interpreter::builder().threads(1).build();
    let mut second = Interpreter::builder().threads(2).build();
    first.run("<host>", "a = 1; fn f(x) = x").expect("it runs");
    let errors = second.run("<host>", "a").expect_err("the second has no a");
    assert!(errors[0].code.starts_with("E02"), "{}", plain(&errors));
    assert_eq!((first.threads(), second.threads()), (1, 2));
    first.set_threads(3);
    assert_eq!((first.threads(), second.threads()), (3, 2));
}

#[test]
fn many_threads_run_interpreters_at_once() {
    let answers: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|number| {
                scope.spawn(move || {
                    let mut session = Session::new();
                    let mut last = String::new();
                    for _ in 0..50 {
                        last = session.answer(&format!("sum(range(20_000) * {number})"));
                    }
                    last
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("no worker panics")).collect()
    });
    let expected: Vec<String> = (0..8).map(|number| (199_990_000_u64 * number).to_string()).collect();
    assert_eq!(answers, expected);
}

#[test]
fn one_compiled_text_is_executed_from_many_threads() {
    let mut interpreter = Interpreter::builder().threads(2).build();
    interpreter.run("<host>", "x = linspace(0, 1, 100_001)").expect("it runs");
    let compiled = interpreter.compile("<host>", "y = sum(x * x + 1)").expect("it compiles");
    assert!(compiled.bytes_read() >= 800_008, "{} bytes read", compiled.bytes_read());
    let shared = &interpreter;
    let compiled = &compiled;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(move || shared.execute(compiled).is_ok())).collect();
        assert!(workers.into_iter().all(|worker| worker.join().expect("no worker panics")));
    });
    assert!(interpreter.get("y").is_none(), "executing alone changes nothing");
    let executed = interpreter.execute(compiled).expect("it runs");
    interpreter.commit(executed);
    assert!(interpreter.get("y").is_some());
}

#[test]
fn cancelling_ends_a_long_computation_and_keeps_the_names() {
    let mut interpreter = Interpreter::builder().threads(2).build();
    interpreter.run("<host>", "kept = 5").expect("it runs");
    let cancel = interpreter.cancel();
    let session = cancel.clone();
    let begin = Instant::now();
    let watch = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        cancel.cancel();
    });
    // Minutes of work in constant memory, were it not cancelled.
    let errors =
        interpreter.run("<host>", "kept = sum(sin(sqrt(range(100_000_000_000) + 0.5)))").expect_err("it is cancelled");
    watch.join().expect("the watch does not panic");
    assert!(begin.elapsed() < Duration::from_secs(30), "it was not cancelled but finished after {:?}", begin.elapsed());
    assert_eq!(errors[0].code, "E0590", "{}", plain(&errors));
    // A cancellation holds until it is taken back, so that none is lost between two lines.
    assert!(interpreter.run("<host>", "kept + 1").is_err());
    session.reset();
    let again = array(interpreter.run("<host>", "kept + 1").expect("the next line runs").value);
    assert_eq!(again.scalar_value().and_then(|value| value.as_integer()), Some(6));
}

#[test]
fn cancelling_ends_machine_code_that_only_computes() {
    let endless = [
        "n = 1\nwhile n != 0 { n = if n % 2 == 0 { n // 2 } else { 3 * n + 1 } }",
        "n = 1\nwhile n > 0 { for i in range(n) { n = i + 1 } }",
        "x = zeros(9)\nn = 1\nwhile n > 0 { x[n % 9] = sum(x[:n % 9]) }",
        "fn never(i) { while i < 9 { i = (i + 1) % 3 }; i }\nn = [never(i) * sum(range(50)[:i]) for i in range(5)]",
    ];
    for text in endless {
        let mut interpreter = Interpreter::builder().threads(1).machine_code(MachineCode::Always).build();
        let cancel = interpreter.cancel();
        let watch = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            cancel.cancel();
        });
        let errors = interpreter.run("<host>", &format!("{text}\nprint(n)")).expect_err("it is cancelled");
        watch.join().expect("the watch does not panic");
        assert_eq!(errors[0].code, "E0590", "{}", plain(&errors));
    }
}

#[test]
fn a_value_that_nobody_takes_is_noted() {
    let notes = |text: &str| -> Vec<(&str, Option<String>)> {
        let notes = Interpreter::new().check("<host>", text);
        notes.into_iter().map(|note| (note.code, note.help)).collect()
    };
    let plain_help = Some("give it a name, or leave it out".to_string());
    assert_eq!(notes("a = 1\na == 2\na"), [("N0302", plain_help.clone())]);
    assert_eq!(notes("-1\na = 1"), [("N0302", plain_help.clone())]);
    assert_eq!(notes("a = 1\na == 2;\nsum(a);\na"), []);
    // None of the library's functions changes what it is given, and other functions may print.
    assert_eq!(notes("a = 1\nsum(a)\na"), [("N0302", plain_help)]);
    let sorted = Some("`a` stays as it is: to change it write `a = sort(a)`".to_string());
    assert_eq!(notes("a = [2, 1]\nsort(a)\na"), [("N0302", sorted)]);
    assert_eq!(notes("fn f(x) { print(x)\n x }\nf(1)\nmap(f, [1, 2])\nassert(true)\n1"), []);
}

#[test]
fn a_length_that_turns_out_to_be_one_says_what_to_type() {
    let wrong = "a = [1.0, -1.0]\nb = a[a > 0]\nb + [1, 2, 3]";
    let errors = Interpreter::new().run("<host>", wrong).expect_err("the lengths differ");
    assert_eq!(errors[0].code, "E0504");
    assert!(errors[0].help.as_ref().is_some_and(|help| help.contains("x.reshape(1)")), "{}", plain(&errors));
    let right =
        array(Interpreter::new().run("<host>", &wrong.replace("b +", "b.reshape(1) +")).expect("it runs").value);
    assert_eq!(right.shape(), [3]);
}

#[test]
fn cancelling_ends_a_check() {
    /// The flag of the session below: a row is a plain function and holds nothing.
    static CANCEL: OnceLock<Cancel> = OnceLock::new();
    /// What somebody's Ctrl-C does while a text is being checked.
    fn interrupt(_: &mut Expansion, _: &Call) -> Result<Value<Operand>, Diagnostic> {
        CANCEL.get_or_init(Cancel::new).cancel();
        Ok(Value::None)
    }
    let printed = Arc::new(Printed::default());
    let row = Operation::expand("interrupt", Vec::new(), interrupt);
    let mut interpreter = Interpreter::builder().operation(row).host(printed.clone()).build();
    CANCEL.set(interpreter.cancel()).unwrap_or_else(|_| panic!("it is set once"));
    let errors = interpreter.run("<host>", "print(1)\ninterrupt()\nx = 2\nprint(x)").expect_err("it is cancelled");
    assert_eq!(printed.take(), "");
    assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), ["E0590"], "{}", plain(&errors));
    assert_eq!(interpreter.check("<host>", "1")[0].code, "E0590");
    interpreter.cancel().reset();
    assert!(interpreter.check("<host>", "1").is_empty());
}

#[test]
fn print_goes_where_the_host_says() {
    let printed = Arc::new(Printed::default());
    let mut interpreter = Interpreter::builder().host(printed.clone()).build();
    interpreter.run("<host>", "print(1, [2, 3]); print(f\"{0.5:.2f}\")").expect("it runs");
    assert_eq!(printed.take(), "1 [2 3]\n0.50\n");
    interpreter.run("<host>", "1 + 1").expect("it runs");
    assert_eq!(printed.take(), "", "a value that is not printed is not printed");
}

#[test]
fn npy_files_are_written_and_read() {
    let folder = std::env::temp_dir().join(format!("thalweg-suite-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the files");
    let mut session = Session::new();
    let values = "[[1, 0, 3], [0, 5, 6]]";
    for dtype in ["bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64"] {
        let path = folder.join(format!("{dtype}.npy"));
        let path = path.display();
        assert_eq!(session.answer(&format!("a = {dtype}({values}); save(\"{path}\", a)")), "", "{dtype}");
        assert_eq!(
            session.answer(&format!("b = load(\"{path}\"); (b.dtype, b.shape, all(a == b))")),
            format!("({dtype}, (2, 3), true)")
        );
    }
    let path = folder.join("transposed.npy");
    session.interpreter.save("b", &path).expect("a name can be saved");
    session.interpreter.load("c", &path).expect("a file can be bound to a name");
    assert_eq!(session.answer(&format!("save(\"{}\", c.T[::-1])", path.display())), "");
    // The header of a file is read when a text is checked: a file is read by another text than writes it.
    assert_eq!(session.answer(&format!("all(load(\"{}\") == c.T[::-1])", path.display())), "true");
    assert!(session.interpreter.load("d", &folder.join("absent.npy")).is_err());
    assert!(session.interpreter.save("absent", &path).is_err());
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
}

#[test]
fn a_file_has_the_type_that_the_program_saves() {
    let folder = std::env::temp_dir().join(format!("thalweg-suite-saved-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("part")).expect("a folder for the files");
    let mut session = Session::new();
    let path = |name: &str| folder.join(name).display().to_string();
    // However the path is written.
    let (one, other, third) = (path("a.npy"), path("./a.npy"), path("part/../a.npy"));
    let text = format!("save(\"{other}\", ones(2, 3)); a = load(\"{one}\"); (a.shape, sum(load(\"{third}\")))");
    assert_eq!(session.answer(&text), "((2, 3), 6.0)");
    // What only a loop saves.
    let one = path("b.npy");
    let text = format!("for i in range(4) {{ save(\"{one}\", ones(3) * i) }}; load(\"{one}\")");
    assert_eq!(session.answer(&text), "[3. 3. 3.]");
    let one = path("c.npy");
    let text = format!("for i in range(4) {{ if i % 2 == 1 {{ save(\"{one}\", i32([i])) }} }}; load(\"{one}\")");
    assert_eq!(session.answer(&text), "[3]");
    // A loop may save again what was loaded before it.
    let text = format!(
        "save(\"{one}\", [1]); x = load(\"{one}\"); for i in range(3) {{ save(\"{one}\", [i]) }}; (x, load(\"{one}\"))"
    );
    assert_eq!(session.answer(&text), "([1], [2])");
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
}

#[test]
fn an_array_of_literals_stays_one_in_the_lines_that_follow() {
    let lines = ["a = [1, 2]", "s = [2, 3]", "b = a", "fn f(x: f32[n]) = x", "fn g(x: float[n]) = x"];
    for wanted in ["f(a).dtype", "g(b).dtype", "(a * f32([1, 2])).dtype", "f(s)"] {
        let script = format!("{}; {wanted}", lines.join("; "));
        let expected = Session::new().answer(&script);
        let mut session = Session::new();
        lines.iter().for_each(|line| assert_eq!(session.answer(line), ""));
        assert_eq!(session.answer(wanted), expected, "{wanted}");
        assert!(!expected.contains("error"), "{expected}");
    }
}

#[test]
fn completion_and_documentation_know_the_library_and_the_session() {
    let mut session = Session::new();
    assert_eq!(session.answer("velocity = 3; fn area(width, height) = width * height"), "");
    let texts = |interpreter: &Interpreter, text: &str| -> Vec<String> {
        interpreter.complete(text, text.len()).1.into_iter().map(|completion| completion.text).collect()
    };
    assert!(texts(&session.interpreter, "velo").iter().any(|text| text.starts_with("velocity")));
    assert!(texts(&session.interpreter, "x = soft").iter().any(|text| text.starts_with("softmax")));
    assert!(texts(&session.interpreter, "sum(velocity, ax").iter().any(|text| text.starts_with("axis")));
    assert!(session.interpreter.documentation("sum").is_some_and(|found| found.signature.contains("axis")));
    assert!(session.interpreter.documentation("area").is_some_and(|found| found.signature.contains("height")));
    assert!(session.interpreter.documentation("absent").is_none());
    assert!(session.interpreter.similar("sofmax").iter().any(|name| name == "softmax"));
}

#[test]
fn memory_is_given_back() {
    let mut interpreter = Interpreter::builder().threads(2).build();
    interpreter.run("<host>", "x = linspace(0, 1, 1_000_000);").expect("it runs");
    interpreter.reset_peak_bytes();
    let mut peaks = Vec::new();
    for _ in 0..10 {
        interpreter.run("<host>", "y = x * 2 + 1; y = 0").expect("it runs");
        peaks.push(interpreter.peak_bytes());
    }
    assert!(peaks[9] <= peaks[0] + (1 << 20), "ten runs take more than one: {peaks:?}");
    interpreter.reset_peak_bytes();
    interpreter.run("<host>", "s = sum(x * x + 2 * x - 1)").expect("it runs");
    let extra = interpreter.peak_bytes().saturating_sub(8_000_000);
    assert!(extra < 4_000_000, "a fused sum makes {extra} bytes of temporaries");
}

#[test]
fn an_embedder_says_where_imported_files_come_from() {
    let importer = |path: &std::path::Path| match path.to_str() {
        Some("lib/one.tw") => Ok("import \"two.tw\"\nfn f(x) = x + two".to_string()),
        Some("lib/two.tw") => Ok("two = 2".to_string()),
        _ => Err("this host has no such text".to_string()),
    };
    let mut interpreter = Interpreter::builder().importer(importer).build();
    let result = array(interpreter.run("<host>", "import \"lib/one.tw\"; f(range(2))").expect("it runs").value);
    assert_eq!(result.as_slice::<i64>(), Some(&[2, 3][..]));
    // The function stays, with the names of its file.
    let result = array(interpreter.run("<host>", "two = 100; f(1)").expect("it runs").value);
    assert_eq!(result.as_slice::<i64>(), Some(&[3][..]));
    let errors = interpreter.run("<host>", "import \"other.tw\"").expect_err("it is refused");
    assert_eq!(errors[0].code, "E0217");
    assert!(errors[0].message.contains("this host has no such text"), "{}", errors[0].message);
}
