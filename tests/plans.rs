//! "This is one kernel" and other promises about plans, as golden files: what is promised, the program, `----`, its plan.

use crate::engines::{Session, plain};
use crate::golden;

/// A session whose plans are the same on every machine.
fn session() -> Session {
    Session::of(
        thalweg::Interpreter::builder().threads(2).machine_code(thalweg_runtime::machine::MachineCode::WhenWorth),
    )
}

/// Whether a line of a plan opens a region that walks over an array, not over a scalar or one element.
fn is_pass(line: &str) -> bool {
    let mut words = line.trim_start().split("   ");
    let space = words.next().filter(|first| first.starts_with("region ")).and_then(|_| words.next()).unwrap_or("");
    let lengths = space.split(['[', ']', ',']).skip(1).filter_map(|length| length.trim().parse::<usize>().ok());
    lengths.product::<usize>() > 1
}

#[test]
fn golden_plans_are_what_is_planned() {
    let (mut faults, mut count) = (Vec::new(), 0);
    for path in golden::files("tests/plans", "txt") {
        let content = golden::read(&path);
        let (head, expected) = content.split_once("----\n").expect("a plan file has a line ----");
        let mut lines = head.lines();
        let promise =
            lines.next().and_then(|line| line.strip_prefix("# ")).expect("a first line that says what is promised");
        let passes =
            lines.next().and_then(|line| line.strip_prefix("passes: ")).expect("a second line: how many passes");
        let text = lines.map(|line| format!("{line}\n")).collect::<String>();
        let (setup, program) = text.split_once("--\n").unwrap_or(("", &text));
        let mut session = session();
        assert_eq!(session.answer(setup), "", "{}: the setup", golden::shown(&path));
        let found = session.interpreter.plan("<plan>", program).unwrap_or_else(|errors| plain(&errors));
        count += 1;
        let planned = found.lines().filter(|line| is_pass(line)).count();
        if planned.to_string() != passes {
            faults.push(format!("{}: {promise}\n{planned} passes instead of {passes}:\n{found}", golden::shown(&path)));
        }
        if found.trim_end() != expected.trim_end() {
            faults.push(format!("{}\nexpected:\n{expected}\nfound:\n{found}", golden::shown(&path)));
            if golden::updating() {
                std::fs::write(&path, format!("{head}----\n{}\n", found.trim_end())).expect("a writable golden file");
            }
        }
    }
    assert!(count >= 20, "only {count} plans");
    assert!(faults.is_empty(), "{} plans differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_plan_knows_its_memory_before_it_runs() {
    let setup = "a = linspace(0, 1, 1_000_000); b = a + 1; c = b * 2";
    // The expression, its result's bytes.
    let expressions = [
        ("r = a * b + 2", 8_000_000),
        ("r = 2*a + 3*b - a*b/(1+c*c)", 8_000_000),
        ("r = sin(a)**2 + cos(b)**2", 8_000_000),
        ("r = sum(a * b + 2)", 8),
        ("r = (a - mean(a)) / std(a)", 8_000_000),
        ("r = f32(a)", 4_000_000),
    ];
    for (expression, result) in expressions {
        let mut session = session();
        assert_eq!(session.answer(setup), "");
        session.interpreter.reset_peak_bytes();
        let before = session.interpreter.peak_bytes();
        let compiled = session.interpreter.compile("<plan>", expression).unwrap_or_else(|errors| panic!("{errors:?}"));
        let executed = session.interpreter.execute(&compiled).unwrap_or_else(|errors| panic!("{errors:?}"));
        let used = session.interpreter.peak_bytes().saturating_sub(before);
        drop(executed);
        assert!(used >= result, "{expression}: {used} bytes cannot hold the result");
        assert!(used < result + 2_000_000, "{expression}: {used} bytes beside the inputs, {result} are the result's");
    }
}
