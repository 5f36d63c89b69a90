//! What must hold of sizes that only the run tells: it is looked at where it stands in the program, and everything before it happens.

use crate::engines::engines;

/// Programs, and what they print and say.
const PROGRAMS: [(&str, &str); 26] = [
    // What stands before a guard happens, also when it needs the same size; what stands behind it does not.
    ("print(1); print(zeros(k)); print(zeros(k - 5).size); print(2)", "1\n[0. 0.]\nE0506 ?1 - 5 = -3"),
    ("print(1); z = zeros(k - 5); print(2)", "1\nE0506 ?1 - 5 = -3"),
    ("b = x[x > 0] + x[x > 2]; for i in range(2) { print(i) }; print(b.size)", "E0504 ?1 = 2 and ?2 = 1"),
    // A loop that tells a size and prints does not run before an earlier guard.
    (
        "b = x[x > 0] + x[x > 2]; c = 0; for i in range(3) { print(i); if x[i] > 0 { c += 1 } }; print(zeros(c).size)",
        "E0504 ?1 = 2 and ?2 = 1",
    ),
    ("c = 0; for i in range(2) { print(i); c += k }; z = zeros(c - 9); print(3)", "0\n1\nE0506 ?1 - 9 = -5"),
    // Where nobody wants the elements.
    ("print(zeros(k - 3).shape)", "E0506 ?1 - 3 = -1"),
    ("print((x + x[x > 0]).shape)", "E0504 3 and ?1 = 2"),
    ("y = [zeros(k - 3) for i in range(3)]; print(y.shape)", "E0506 ?1 - 3 = -1"),
    ("y = [x + x[x > 0] for i in range(3)]; print(y.shape)", "E0504 3 and ?1 = 2"),
    ("for i in range(2) { z = zeros(k - 3) }; print(1)", "E0506 ?1 - 3 = -1"),
    ("for i in range(2) { print(i); if k > 9 { continue }; z = zeros(k - 3) }; print(2)", "0\nE0506 ?1 - 3 = -1"),
    ("for i in range(2) { z = zeros(i - 1) }; print(1)", "E0506 ?1 - 1 = -1"),
    ("s = 0.0; for i in range(9) { s += sum(x[i:] + zeros(2 - i)) }; print(s)", "E0504 ?4 = 3 and -?3 + 2 = 2"),
    ("if k < 9 { z = zeros(k - 3) }; print(1)", "E0506 ?1 - 3 = -1"),
    ("i = 0; while i < 2 { i += 1; z = zeros(k - 3) }; print(i)", "E0506 ?1 - 3 = -1"),
    // What never runs claims nothing.
    ("if k > 9 { z = zeros(k - 3) }; for i in range(k - 2) { z = zeros(k - 3) }; print(1)", "1"),
    ("y = [if v > 9 { zeros(k - 3).size } else { 7 } for v in x]; print(y)", "[7 7 7]"),
    // A part gets as many values as it has.
    ("w = x * 1; w[:1] = x[x > 9]; print(w)", "E0504 1 and ?1 = 0"),
    ("w = x * 1; w[1:2] += x[x > 0]; print(w)", "E0504 1 and ?1 = 2"),
    ("w = x * 1; w[[0]] = x[x > 0]; print(w)", "E0504 1 and ?1 = 2"),
    ("w = x * 1; w[:1] = x[x > 2]; w[x > 0] = 5; print(w)", "[ 5. -2.  5.]"),
    // A length tells the size whose powers it is, and no other length does.
    (
        "fn side(y: bool[n * n]) = n; for i in range(300) { w = ones(i * i) > 0; assert(side(w[w]) == i) }; print(1)",
        "1",
    ),
    (
        "fn side(y: bool[2 * n * n + 3 * n + 1]) = n
        for i in range(300) { w = ones(2 * i * i + 3 * i + 1) > 0; assert(side(w[w]) == i) }; print(1)",
        "1",
    ),
    (
        "fn side(y: bool[5 * n * n * n + 2]) = n
        for i in range(40) { w = ones(5 * i * i * i + 2) > 0; assert(side(w[w]) == i) }; print(1)",
        "1",
    ),
    ("w = zeros(8); fn side(y: f64[n * n]) = n; print(side(w[w == 0]))", "E0504 ?1 = 8 and ?2 * ?2 = 4"),
    ("w = zeros(3); fn side(y: f64[n * n + 1]) = n; print(side(w[w > 0]))", "E0504 ?1 = 0 and ?2 * ?2 + 1 = 1"),
];

/// What a program prints, and of its first error the code and the numbers.
fn outcome(answer: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in answer.lines() {
        match line.strip_prefix("error[") {
            None => lines.push(line.to_string()),
            Some(error) => {
                let (code, message) = error.split_once("]: ").expect("a code and a message");
                let numbers = ["and they are ", ": "].iter().find_map(|mark| message.split_once(mark));
                lines.push(format!("{code} {}", numbers.map_or(message, |(_, numbers)| numbers)));
                break;
            }
        }
    }
    lines.join("\n")
}

#[test]
fn guards_hold_where_they_stand() {
    // A long program is closed piece by piece, with the same order.
    let long: String = (0..700).map(|line| format!("p{} = sqrt(p{line} + {line}); ", line + 1)).collect();
    for engine in engines() {
        for (program, expected) in PROGRAMS {
            let whole = format!("x = [1.0, -2.0, 3.0]; k = sum(x > 0); {program}");
            assert_eq!(outcome(&engine.session().answer(&whole)), expected, "{} {program}", engine.name);
        }
    }
    for (program, expected) in PROGRAMS {
        let whole =
            format!("x = [1.0, -2.0, 3.0]; p0 = sum(x); {long}k = sum(x + 0 * p700 > 0); {program}; q = p700 + 1");
        let found = outcome(&engines()[0].session().answer(&whole));
        assert_eq!(lettered(&found), lettered(expected), "after a long program: {program}");
    }
}

/// The outcome without the numbers of sizes, which a longer program counts differently.
fn lettered(outcome: &str) -> String {
    outcome.split('?').map(|part| part.trim_start_matches(|letter: char| letter.is_ascii_digit())).collect()
}
