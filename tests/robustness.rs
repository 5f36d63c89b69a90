//! Texts that no person would write and programs do: a clear result or a clear error, never a panic, a hang or an overflow.

use crate::engines::{Session, plain};
use thalweg::Interpreter;

/// What a text gives, on a thread with the stack that an embedder's threads have.
fn given(text: &str) -> String {
    let text = text.to_string();
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || Session::new().answer(&text));
    thread.expect("a thread").join().expect("no panic leaves a session")
}

/// The codes of a text's errors, in order.
fn codes(text: &str) -> Vec<String> {
    let answer = given(text);
    let code = |line: &str| line.strip_prefix("error[").and_then(|rest| rest.get(..5)).map(str::to_string);
    answer.lines().map(|line| code(line).unwrap_or_else(|| line.to_string())).collect()
}

#[test]
fn values_that_double_are_refused_and_not_copied() {
    assert_eq!(codes(&format!("t = 1\n{}print(3)", "t = (t, t)\n".repeat(30))), ["E0324"]);
    assert_eq!(codes(&format!("s = \"a\"\n{}print(3)", "s = f\"{s}{s}\"\n".repeat(30))), ["E0324"]);
    assert_eq!(codes(&format!("s = \"a\"\n{}print(3)", "s = s + s\n".repeat(40))), ["E0324"]);
    assert_eq!(codes(&format!("t = (1, 2)\n{}print(3)", "t = t + t\n".repeat(40))), ["E0324"]);
    assert_eq!(codes(&format!("t = (1, 2, 3, 4)\n{}print(3)", "t = [t for x in t]\n".repeat(9))), ["E0324"]);
    assert_eq!(codes(&format!("t = 1\n{}print(3)", "t = (t,)\n".repeat(100_000))), ["E0324"]);
    assert_eq!(codes(&format!("f = x -> x\n{}print(3)", "f = x -> f(x) + 1\n".repeat(400))), ["E0324"]);
}

#[test]
fn large_values_that_a_program_means_are_fine() {
    let numbers: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let numbers = numbers.join(", ");
    assert_eq!(given(&format!("t = ({numbers})\nt[999] + t[-1000]")), "999");
    assert_eq!(given(&format!("t = ({numbers})\nsum([x * 2 for x in [y for y in t]][7])")), "14");
    assert_eq!(given(&format!("sum([{numbers}])")), "499500");
    let nested = format!("{}1{}", "(".repeat(200), ",)".repeat(200));
    assert_eq!(given(&format!("t = {nested}\n2")), "2");
}

#[test]
fn chains_of_functions_are_walked_or_refused() {
    let chain = |length: usize| -> String {
        let step = |index: usize| format!("fn f{index}(x) = f{}(x) + 1\n", index - 1);
        format!("fn f0(x) = x\n{}", (1..length).map(step).collect::<String>())
    };
    assert_eq!(given(&format!("{}f199(1)", chain(200))), "200");
    assert_eq!(codes(&format!("{}f250(1)", chain(251))), ["E0210"]);
    assert_eq!(codes(&chain(300)), ["E0324"]);
    // Each calls the one before twice, with the same argument: that is walked once.
    let twice = |index: usize| format!("fn g{index}(x) = g{}(x) + g{}(x)\n", index - 1, index - 1);
    let doubling: String = (1..50).map(twice).collect();
    assert_eq!(given(&format!("fn g0(x) = x\n{doubling}g49(1.0)")), "562949953421312.0");
}

#[test]
fn a_file_whose_functions_need_each_other_is_walked_or_refused() {
    let import = |length: usize| {
        let step = |index: usize| format!("fn f{index}(x) = f{}(x) + 1\n", index + 1);
        let file = format!("{}fn f{length}(x) = x\n", (0..length).map(step).collect::<String>());
        let run = move || {
            let mut interpreter = Interpreter::builder().importer(move |_| Ok(file.clone())).build();
            interpreter.run("<host>", "import \"chain.tw\"\nf0(1)").map(|_| ()).map_err(|errors| plain(&errors))
        };
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run);
        thread.expect("a thread").join().expect("no panic leaves a session")
    };
    assert_eq!(import(150), Ok(()));
    assert!(import(100_000).is_err_and(|errors| errors.contains("nest more than 256 deep")));
}

#[test]
fn wrong_names_by_the_thousand_are_all_told() {
    let text: String = (0..3000).map(|index| format!("right{index} = {index}\nb{index} = wrong{index}\n")).collect();
    assert_eq!(codes(&text).iter().filter(|code| *code == "E0201").count(), 3000);
}

#[test]
fn sizes_that_double_are_sizes_of_their_own() {
    let doubled = "n = n + n\n".repeat(40);
    assert_eq!(given(&format!("n = sum(rand(5) > 2)\n{doubled}zeros(n).shape")), "(0,)");
    let squared = "n = n * n\n".repeat(40);
    assert_eq!(given(&format!("n = sum(rand(5) < 2) - 4\n{squared}zeros(n, 2).shape")), "(1, 2)");
    let parts: String = (0..40).map(|index| format!("x{index} = a[a > 5{index}]\n")).collect();
    let product: Vec<String> = (0..40).map(|index| format!("(x{index}.size + 1)")).collect();
    assert_eq!(given(&format!("a = rand(5)\n{parts}zeros({}).shape", product.join(" * "))), "(1,)");
    let shape: Vec<String> = (0..30).map(|index| format!("x{index}.size + 1")).collect();
    assert_eq!(given(&format!("a = rand(5)\n{parts}zeros({}).ravel().size", shape.join(", "))), "1");
    let names: Vec<String> = (0..40).map(|index| format!("(n{index} + 1)")).collect();
    assert_eq!(codes(&format!("fn f(x: f64[{}]) = x\n2", names.join(" * "))), ["E0312"]);
}

#[test]
fn text_that_nests_deep_or_goes_on_long() {
    for (opener, closer) in [("(", ")"), ("[", "]"), ("{ ", " }"), ("-(", ")"), ("sqrt(", ")"), ("f\"{", "}\"")] {
        for depth in [300, 100_000] {
            let text = format!("x = {}1{}", opener.repeat(depth), closer.repeat(depth));
            assert_eq!(codes(&text), ["E0111"], "{depth} of {opener}");
        }
    }
    for chain in ["-", "not ", "2 ** ", "1 + ", "x -> ", "@simd ", "1 < "] {
        assert_eq!(codes(&format!("x = {}1", chain.repeat(100_000))), ["E0111"], "{chain}");
    }
    assert_eq!(codes(&format!("x = {}", "[".repeat(100_000))), ["E0111"]);
    assert_eq!(given(&format!("{} = 3", "a".repeat(1_000_000))), "");
    assert_eq!(codes(&format!("{}.0", "9".repeat(1_000_000))), ["E0106"]);
    assert_eq!(given(&format!("x = \"{}\"", "x".repeat(1_000_000))), "");
    let long: String = (0..20_000).map(|index| format!("a{index} = {index}\n")).collect();
    assert_eq!(given(&format!("{long}a19999")), "19999");
}

#[test]
fn literals_at_the_ends_of_what_there_is() {
    assert_eq!(given("-9223372036854775808"), "-9223372036854775808");
    assert_eq!(given("-9223372036854775808 // -1"), "-9223372036854775808");
    assert_eq!(given("18446744073709551615"), "18446744073709551615");
    assert_eq!(codes("-9223372036854775809"), ["E0106"]);
    assert_eq!(codes("18446744073709551616"), ["E0106"]);
    assert_eq!(codes("[1, 2][-9223372036854775808]"), ["E0305"]);
    assert_eq!(given("[1, 2][-9223372036854775808:9223372036854775807:4611686018427387904]"), "[1]");
    assert_eq!(codes("range(9223372036854775807)"), ["E0309"]);
    assert_eq!(codes("range(-9223372036854775807, 9223372036854775807).size"), ["E0309"]);
    assert_eq!(codes("zeros(9223372036854775807, 2)"), ["E0309"]);
    assert_eq!(given("zeros(1000000, 1000000)[999999, 999999]"), "0.0");
    assert_eq!(given("1 << 64, 1 << 63"), "(0, -9223372036854775808)");
}

#[test]
fn many_axes() {
    let ones = |count: usize| vec!["1"; count].join(", ");
    for rank in [32, 64] {
        let program = format!("a = zeros({}) + 1\n(a.ndim, sum(a), sum(a, axis=3).ndim, (a + a.T).ndim)", ones(rank));
        assert_eq!(given(&program), format!("({rank}, 1.0, {}, {rank})", rank - 1));
        let mut shape = vec!["2"; 10];
        shape.extend(vec!["1"; rank - 10]);
        let program = format!("a = ones({})\n(sum(a), sum(a * 2, axis=(1, 3)).ndim)", shape.join(", "));
        assert_eq!(given(&program), format!("(1024.0, {})", rank - 2));
    }
    assert_eq!(codes(&format!("zeros({})", ones(65))), ["E0309"]);
    assert_eq!(given(&format!("zeros(3)[{}].ndim", vec!["newaxis"; 31].join(", "))), "32");
    let nested = |depth: usize| format!("({}1{} + 1).ndim", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(given(&nested(64)), "64");
    assert_eq!(codes(&nested(65)), ["E0309"]);
    assert_eq!(codes(&format!("zeros(3)[{}].ndim", vec!["newaxis"; 64].join(", "))), ["E0309"]);
}

#[test]
fn arrays_of_nothing() {
    for (program, expected) in [
        ("a = zeros(0); (a, a + 1, sum(a), prod(a), all(a > 0), any(a > 0))", "([], [], 0.0, 1.0, true, false)"),
        (
            "a = zeros(0); (a[::-1], flip(a), a.reshape(0, 5).shape, a[:0], sum(a[:, newaxis], axis=0))",
            "([], [], (0, 5), [], [0.])",
        ),
        (
            "a = zeros(0, 3); (sum(a, axis=0), sum(a, axis=1), a.T.shape, (a + ones(3)).shape)",
            "([0. 0. 0.], [], (3, 0), (0, 3))",
        ),
        ("a = zeros(3, 0); [sum(row) for row in a]", "[0. 0. 0.]"),
        ("[x * 2 for x in range(0)]", "[]"),
        ("[[x + y for x in range(0)] for y in range(3)].shape", "(3, 0)"),
        ("[[], []].shape", "(2, 0)"),
        ("zeros(0, 4).reshape(-1, 2).shape", "(0, 2)"),
    ] {
        assert_eq!(given(program), expected, "{program}");
    }
    for (program, code) in [
        ("max(zeros(0))", "E0310"),
        ("mean(zeros(0))", "E0315"),
        ("zeros(0)[0]", "E0305"),
        ("zeros(3, 0).reshape(-1, 0)", "E0309"),
        ("zeros(0) + zeros(2)", "E0301"),
        ("argmin(zeros(2, 0), axis=1)", "E0310"),
    ] {
        assert_eq!(codes(program), [code], "{program}");
    }
    assert_eq!(plain(&Session::new().interpreter.check("program.tw", "")), "");
}

#[test]
fn one_mistake_is_one_message() {
    // The same unknown name many times, and what was made of it.
    assert_eq!(codes("a = missing + 1\nb = missing * a\nc = b + missing"), ["E0201"]);
    // A function that refuses its arguments says so, and nothing of what its body would have made of them.
    let halves = "fn halves(x) {\n    if x.size % 2 == 1 { error(\"even, please\") }\n    x.reshape(2, -1)\n}\n";
    assert_eq!(codes(&format!("{halves}a = halves(range(5))\nb = a + 1")), ["E0315"]);
    // A string without an end takes the bracket with it.
    assert_eq!(codes("print(sum([1, 2]), \"total)"), ["E0103"]);
    assert_eq!(codes("print(\n    \"total)\nb = 3"), ["E0103"]);
    assert_eq!(codes("a = \"\"\"one\ntwo\"\"\"\nb = 2"), ["E0108"]);
    assert_eq!(codes("a = [1, 2; 3, 4]\nb = 2"), ["E0101"]);
}
