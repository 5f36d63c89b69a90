//! Texts and how they are formatted; and what holds for every text: formatted twice it is the same, and no comment is lost.

use super::*;
use crate::lexer::{Token, scan};
use std::path::{Path, PathBuf};

fn formatted(text: &str) -> String {
    format(SourceId::default(), text).unwrap_or_else(|errors| panic!("{text}\n{errors:#?}"))
}

#[track_caller]
fn becomes(text: &str, expected: &str) {
    let found = formatted(text);
    assert!(found == expected, "expected:\n{expected}\nfound:\n{found}");
    let again = formatted(&found);
    assert!(again == found, "once:\n{found}\ntwice:\n{again}");
}

/// A text that is formatted as it stands.
#[track_caller]
fn stays(text: &str) {
    becomes(text, text);
}

// ---- what holds for every text ----

fn comments(text: &str) -> Vec<String> {
    let lexemes = scan(SourceId::default(), text).lexemes;
    let comments = lexemes.iter().filter(|lexeme| lexeme.token == Token::Comment);
    comments.map(|lexeme| text[lexeme.start..lexeme.end].trim_end().to_string()).collect()
}

/// What must hold of a text; texts with errors say nothing. Whether it has none.
fn check(text: &str) -> bool {
    let Ok(once) = format(SourceId::default(), text) else {
        let errors = parser::parse(SourceId::default(), text).diagnostics;
        assert!(!errors.is_empty(), "the formatter gives up on:\n{text}");
        return false;
    };
    let twice = formatted(&once);
    assert!(once == twice, "source:\n{text}\nonce:\n{once}\ntwice:\n{twice}");
    assert_eq!(comments(text), comments(&once), "source:\n{text}\nformatted:\n{once}");
    assert!(!once.contains("\n\n\n") && !once.lines().any(|line| line.ends_with(' ')), "{once}");
    true
}

/// Every program in the repository: scripts, those in documents, and the lines of golden files.
fn corpus() -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let listing = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in listing.map(|entry| entry.expect("a folder's entry").path()) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                walk(&path, found);
            } else if path.extension().is_some_and(|found| ["tw", "md", "txt"].iter().any(|kind| found == *kind)) {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut paths);
    paths.sort();
    let mut corpus = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("tw") => corpus.push(text),
            Some("md") => corpus.extend(text.split("```").skip(1).step_by(2).map(|block| {
                let lines = block.lines().skip(1).map(|line| line.trim_start_matches(">> ").trim_start_matches(".. "));
                lines.collect::<Vec<_>>().join("\n")
            })),
            _ => {
                corpus.push(text.split("----\n").next().unwrap_or("").to_string());
                corpus.extend(text.split("\n> ").skip(1).map(|piece| {
                    let mut lines = piece.lines();
                    let first = lines.next().unwrap_or("").to_string();
                    lines.map_while(|line| line.strip_prefix(". ")).fold(first, |text, line| text + "\n" + line)
                }));
            }
        }
    }
    corpus
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % limit.max(1)
    }
}

/// The same words with other blanks, line breaks and comments between them; some of it will be wrong.
fn shaken(text: &str, random: &mut Random) -> String {
    let lexemes = scan(SourceId::default(), text).lexemes;
    let mut shaken = String::new();
    let mut end = 0;
    let mut depth = 0;
    let mut in_text = 0;
    for lexeme in &lexemes {
        let between = &text[end..lexeme.start];
        let breaks = depth > 0 || shaken.trim_end().ends_with([',', '+', '*', '=', '{', '>']);
        let added = match random.below(24) {
            _ if in_text > 0 => between,
            0 if breaks => "\n",
            1 if breaks => " # a comment\n",
            2 if breaks => "\n    # a line\n\n",
            3 => "  ",
            4 => " ",
            5 if shaken.ends_with('\n') => "\n\n# a remark\n",
            6 if shaken.ends_with(['{', '}']) => "\n",
            _ => between,
        };
        shaken.push_str(added);
        shaken.push_str(&text[lexeme.start..lexeme.end]);
        end = lexeme.end;
        match lexeme.token {
            Token::ParenOpen | Token::SquareOpen | Token::AnnotationOpen(_) => depth += 1,
            Token::ParenClose | Token::SquareClose => depth -= 1,
            Token::FormatStart => in_text += 1,
            Token::FormatEnd => in_text -= 1,
            _ => {}
        }
    }
    shaken
}

#[test]
fn every_program_of_the_repository() {
    let corpus = corpus();
    let right = corpus.iter().filter(|text| check(text)).count();
    assert!(right > 400, "only {right} of {} texts are programs", corpus.len());
}

#[test]
fn every_program_of_the_repository_written_otherwise() {
    let mut random = Random(5);
    let mut right = 0;
    for text in corpus() {
        for _ in 0..6 {
            right += check(&shaken(&text, &mut random)) as usize;
        }
    }
    assert!(right > 1500, "only {right} texts are programs");
}

/// Long names make every line too wide somewhere.
#[test]
fn every_program_of_the_repository_with_long_names() {
    let mut random = Random(6);
    let mut right = 0;
    for text in corpus() {
        for length in [4, 12, 24] {
            let mut longer = String::new();
            let mut end = 0;
            for lexeme in scan(SourceId::default(), &text).lexemes {
                longer.push_str(&text[end..lexeme.end]);
                if matches!(lexeme.token, Token::Name(_)) {
                    longer.push_str(&"_".repeat(random.below(length)));
                }
                end = lexeme.end;
            }
            right += check(&longer) as usize;
        }
    }
    assert!(right > 1000, "only {right} texts are programs");
}

/// The scripts of the repository, but for the parser's own, are written as the formatter writes them; `UPDATE_GOLDEN=1`
/// writes them so.
#[test]
fn the_repositorys_scripts_are_formatted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths = vec![root.join("stdlib/src/prelude.tw")];
    for folder in ["examples", "examples/npbench"] {
        let listing = std::fs::read_dir(root.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let scripts = listing.map(|entry| entry.expect("a folder's entry").path());
        paths.extend(scripts.filter(|path| path.extension().is_some_and(|extension| extension == "tw")));
    }
    assert!(paths.len() > 5, "{paths:?}");
    let mut faults = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // Whether a script is right is for others to say.
        let Ok(expected) = format(SourceId::default(), &text) else { continue };
        if expected == text {
            continue;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
            std::fs::write(&path, expected).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        } else {
            faults.push(format!("`thalweg fmt {}`", path.display()));
        }
    }
    assert!(faults.is_empty(), "not formatted: run\n{}", faults.join("\n"));
}

// ---- single rules ----

#[test]
fn blanks_between_words() {
    becomes("a=1+2*-b ** -2", "a = 1 + 2 * -b ** -2\n");
    becomes("a  [ 1 : - 1 , : : 2 ]", "a[1:-1, ::2]\n");
    becomes("a[i+1:n] + a[:n-1] + a[i+1::2]", "a[i + 1:n] + a[:n - 1] + a[i + 1::2]\n");
    becomes("f (x , axis = 0)( y ).T . shape [0]", "f(x, axis=0)(y).T.shape[0]\n");
    becomes(
        "fn f ( x :f64[ n+1,... ] , y=1.0 )->( f64[n] , i64 )=(x,y)",
        "fn f(x: f64[n + 1, ...], y = 1.0) -> (f64[n], i64) = (x, y)\n",
    );
    becomes("g=x->(a,b)->not x<1 or~a==-b", "g = x -> (a, b) -> not x < 1 or ~a == -b\n");
    becomes(
        "@parallel(4,chunk = 2)[ -x for x,y in zip(a,b)if x>0 ]",
        "@parallel(4, chunk=2) [-x for x, y in zip(a, b) if x > 0]\n",
    );
    becomes("@gpu (a)@b", "@gpu (a) @ b\n");
    becomes("a,b=b,a;c+=1 ; ; d", "a, b = b, a; c += 1; d\n");
    becomes("if(a){b}else if(c){ d }else{}", "if (a) { b } else if (c) { d } else {}\n");
    becomes("2 .e5 + 2.sum()", "2 .e5 + 2.sum()\n");
    becomes("(a,) + (b,c,) + f(x,) + ()", "(a,) + (b, c) + f(x) + ()\n");
}

#[test]
fn numbers_and_strings_stay_as_they_are_written() {
    stays("a = 1_000 + 0xFF + 1e-9 + 2. + 3J\nb = 'it' + \"\\u00e9\" + f\"{x:.3f} {  y+1 }{{}}\"\n");
}

#[test]
fn lines_between_statements() {
    becomes("\n\n\na = 1\n\n\n\nb = 2\n\n\n", "a = 1\n\nb = 2\n");
    becomes("for i in range(3) {\n\n\n  a = i\n\n\n  b = i\n\n}\n", "for i in range(3) {\n    a = i\n\n    b = i\n}\n");
    becomes("if a { b\n} else { c }", "if a {\n    b\n} else {\n    c\n}\n");
    becomes("a = 1\r\nb = 2\r\n", "a = 1\nb = 2\n");
    becomes("", "");
    becomes("\n \n", "");
    stays("@parallel(4)\nfor i in range(3) { a = i }\n");
    stays("@parallel(4) for i in range(3) { a = i }\n");
    stays("@parallel\n@simd\n# why\nfn f(x) =\n    x + 1\n");
}

#[test]
fn comments_stay_where_they_are() {
    stays("# first\n\n# second\na = 1  # third\n\n# last\n");
    becomes("a = 1# one\nbb = 2   # two", "a = 1  # one\nbb = 2  # two\n");
    // One column stays one column.
    becomes("a = 1    # one\nlonger=2 # two", "a = 1       # one\nlonger = 2  # two\n");
    becomes(
        "fn f(x) { # about f\n  x # about x\n  # the end\n}",
        "fn f(x) {  # about f\n    x  # about x\n    # the end\n}\n",
    );
    becomes(
        "a = [1, # one\n  2, # two\n  # three\n  3]",
        "a = [\n    1,  # one\n    2,  # two\n    # three\n    3,\n]\n",
    );
    stays("a = b +  # why\n    c\n");
    stays("if a {\n    b\n}\n# otherwise\nelse {\n    c\n}\n");
    stays("a\n    # first\n    .sum()\n    .mean()\n");
    becomes("# only this", "# only this\n");
}

#[test]
fn what_is_too_wide_is_broken_at_its_loosest_joints() {
    stays(
        "\
fn assign(points: f64[n, d], centres: f64[k, d]) =
    argmin(sum((points[:, newaxis, :] - centres[newaxis, :, :]) ** 2, axis=2), axis=1)
",
    );
    becomes(
        "result = first_function_of_all(argument_number_one, argument_number_two) + second_function(argument_number_three)",
        "\
result = first_function_of_all(argument_number_one, argument_number_two) +
    second_function(argument_number_three)
",
    );
    becomes(
        "total = number_one * weight_one + number_two * weight_two + number_three * weight_three + number_four * weight_four",
        "\
total = number_one * weight_one + number_two * weight_two + number_three * weight_three +
    number_four * weight_four
",
    );
    becomes(
        "u[1:-1, 1:-1] = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] + forcing[1:-1, 1:-1])",
        "\
u[1:-1, 1:-1] = 0.25 * (
    u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] + forcing[1:-1, 1:-1]
)
",
    );
    becomes(
        "image = [[escape_time_of_a_point(x + 1j * y, limit_of_steps) for x in real_axis] for y in imaginary_axis if y > 0]",
        "\
image = [
    [escape_time_of_a_point(x + 1j * y, limit_of_steps) for x in real_axis]
    for y in imaginary_axis
    if y > 0
]
",
    );
    becomes(
        "fn a_function_with_so_many_parameters(first: f64[n], second: f64[n], third: f64[n, m], fourth = 1.0) { first }",
        "\
fn a_function_with_so_many_parameters(
    first: f64[n], second: f64[n], third: f64[n, m], fourth = 1.0
) {
    first
}
",
    );
    let numbers = (100..130).map(|number| number.to_string()).collect::<Vec<_>>();
    becomes(
        &format!("a = [{}]", numbers.join(",")),
        &format!("a = [\n    {},\n    {},\n]\n", numbers[..19].join(", "), numbers[19..].join(", ")),
    );
}

#[test]
fn lines_that_an_author_gave_to_elements_are_kept() {
    becomes("m = [[1, 2],\n     [3, 4]]", "m = [\n    [1, 2],\n    [3, 4],\n]\n");
    becomes("m = [\n1, 2,\n3, 4]", "m = [\n    1, 2,\n    3, 4,\n]\n");
    becomes("f(\na, b)", "f(\n    a, b\n)\n");
    becomes("f(\na, b,\nc)", "f(\n    a, b,\n    c,\n)\n");
    becomes("f(a,\nb)", "f(a, b)\n");
    becomes("sum([[1, 2],\n[3, 4]])", "sum([\n    [1, 2],\n    [3, 4],\n])\n");
    becomes(
        "reduce((a, b) -> {\nc = a\nc + b }, values, 0.0)",
        "reduce((a, b) -> {\n    c = a\n    c + b\n}, values, 0.0)\n",
    );
    becomes("for (a,\nb) in pairs { a }", "for (a, b) in pairs { a }\n");
    becomes("for (\na, b) in pairs { a }", "for (\n    a, b\n) in pairs {\n    a\n}\n");
}

#[test]
fn a_program_with_errors_is_not_formatted() {
    let errors = format(SourceId::default(), "a = (1\nb   =  2\n").expect_err("a bracket is open");
    assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), [code::UNPAIRED_BRACKET]);
}

#[test]
fn a_tuple_of_one_wide_element_keeps_its_comma() {
    stays("x = ([\n    1,\n    # two\n    2,\n],)\n");
    becomes("x = (sum(\n    # a\n 1),)\n", "x = (sum(\n    # a\n    1\n),)\n");
}
