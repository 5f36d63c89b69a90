//! Texts and what is read in them: trees as s-expressions, errors as one line each.

use super::*;
use crate::lexer::{TokenClass, highlight};
use std::fmt::Write;

// ---- trees as text ----

fn dump(program: &Block) -> String {
    program.statements.iter().map(statement).collect::<Vec<_>>().join(" ")
}

fn list<Item>(items: &[Item], show: impl Fn(&Item) -> String) -> String {
    items.iter().map(|item| format!(" {}", show(item))).collect()
}

fn statement(statement: &Statement) -> String {
    let body = match &statement.kind {
        StatementKind::Expression(value) => expression(value),
        StatementKind::Assign { target: left, value } => format!("(= {} {})", target(left), expression(value)),
        StatementKind::Update { name, subscripts: entries, operator, value } => {
            let operator = operator.map_or("", |(operator, _)| operator.symbol());
            let left = match entries {
                Some(entries) => format!("{}[{}]", name.text, subscripts(entries)),
                None => name.text.to_string(),
            };
            format!("({operator}:= {left} {})", expression(value))
        }
        StatementKind::Function(function) => {
            let annotations: String = function.annotations.iter().map(|a| annotation(a) + " ").collect();
            format!("{annotations}{}", self::function(function))
        }
        StatementKind::For { target: left, sequence, body } => {
            format!("(for {} {} {})", target(left), expression(sequence), block(body))
        }
        StatementKind::While { condition, body } => format!("(while {} {})", expression(condition), block(body)),
        StatementKind::Break => "break".to_string(),
        StatementKind::Continue => "continue".to_string(),
        StatementKind::Import { path, .. } => format!("(import {path:?})"),
        StatementKind::Error => "ERROR".to_string(),
    };
    let annotations: String = statement.annotations.iter().map(|a| annotation(a) + " ").collect();
    format!("{annotations}{body}{}", if statement.silent { ";" } else { "" })
}

fn block(block: &Block) -> String {
    format!("{{{}}}", dump(block))
}

fn target(target: &Target) -> String {
    match target {
        Target::Name(name) => name.text.to_string(),
        Target::Tuple(parts, _) => format!("(tuple{})", list(parts, self::target)),
        Target::Part(name, entries, _) => format!("{}[{}]", name.text, subscripts(entries)),
    }
}

fn annotation(annotation: &Annotation) -> String {
    match annotation.arguments.is_empty() {
        true => format!("@{}", annotation.name.text),
        false => format!("@{}({})", annotation.name.text, list(&annotation.arguments, argument).trim_start()),
    }
}

fn argument(argument: &Argument) -> String {
    match &argument.name {
        Some(name) => format!("{}={}", name.text, expression(&argument.value)),
        None => expression(&argument.value),
    }
}

fn function(function: &Function) -> String {
    let name = function.name.as_ref().map_or("", |name| &name.text);
    let parameters = list(&function.parameters, |parameter| {
        let declared = parameter.declared.as_ref().map_or(String::new(), |t| format!(":{}", type_expression(t)));
        let default = parameter.default.as_ref().map_or(String::new(), |value| format!("={}", expression(value)));
        format!("{}{declared}{default}", parameter.name.text)
    });
    let result = function.result.as_ref().map_or(String::new(), |t| format!(" -> {}", type_expression(t)));
    format!("(fn {name}({}){result} {})", parameters.trim_start(), expression(&function.body))
}

fn type_expression(written: &TypeExpression) -> String {
    match &written.kind {
        TypeExpressionKind::Array { dtype, dimensions } => {
            let dtype = dtype.as_ref().map_or("", |name| &name.text);
            let dimensions = list(dimensions, |dimension| match dimension {
                DimensionExpression::Rest(_) => "...".to_string(),
                DimensionExpression::Size(size) => expression(size),
            });
            format!("{dtype}[{}]", dimensions.trim_start())
        }
        TypeExpressionKind::Tuple(parts) => format!("(tuple{})", list(parts, type_expression)),
    }
}

fn subscripts(entries: &[Subscript]) -> String {
    let optional = |part: &Option<Expression>| part.as_ref().map_or("_".to_string(), expression);
    let entries = list(entries, |entry| match entry {
        Subscript::Value(value) => expression(value),
        Subscript::Slice { start, stop, step, .. } => {
            format!("{}:{}:{}", optional(start), optional(stop), optional(step))
        }
    });
    entries.trim_start().to_string()
}

fn expression(written: &Expression) -> String {
    match &written.kind {
        ExpressionKind::Integer(value) => value.to_string(),
        ExpressionKind::Float(value) => format!("{value:?}"),
        ExpressionKind::Imaginary(value) => format!("{value:?}j"),
        ExpressionKind::Bool(value) => value.to_string(),
        ExpressionKind::Text(text) => format!("{text:?}"),
        ExpressionKind::FormatText(pieces) => {
            let pieces = list(pieces, |piece| match piece {
                FormatPiece::Text(text) => format!("{text:?}"),
                FormatPiece::Value { value, specification, .. } => format!("{}:{specification}", expression(value)),
            });
            format!("(f{pieces})")
        }
        ExpressionKind::Name(name) => name.text.to_string(),
        ExpressionKind::Ellipsis => "...".to_string(),
        ExpressionKind::Unary { operator, operand, .. } => format!("({} {})", operator.symbol(), expression(operand)),
        ExpressionKind::Binary { operator, left, right, .. } => {
            format!("({} {} {})", operator.symbol(), expression(left), expression(right))
        }
        ExpressionKind::Chain { first, rest } => {
            let rest = list(rest, |(operator, _, value)| format!("{} {}", operator.symbol(), expression(value)));
            format!("(chain {}{rest})", expression(first))
        }
        ExpressionKind::If { condition, then, otherwise } => {
            let otherwise = otherwise.as_ref().map_or(String::new(), |value| format!(" {}", expression(value)));
            format!("(if {} {}{otherwise})", expression(condition), block(then))
        }
        ExpressionKind::Lambda(lambda) => function(lambda),
        ExpressionKind::Call { function, arguments } => {
            format!("(call {}{})", expression(function), list(arguments, argument))
        }
        ExpressionKind::Index { base, subscripts: entries } => {
            format!("(index {} {})", expression(base), subscripts(entries))
        }
        ExpressionKind::Property { base, name } => format!("(. {} {})", expression(base), name.text),
        ExpressionKind::Tuple(parts) => format!("(tuple{})", list(parts, expression)),
        ExpressionKind::Array(parts) => format!("(array{})", list(parts, expression)),
        ExpressionKind::Comprehension { element, clauses, condition } => {
            let clauses =
                list(clauses, |clause| format!("{} in {}", target(&clause.target), expression(&clause.sequence)));
            let condition = condition.as_ref().map_or(String::new(), |c| format!(" if {}", expression(c)));
            format!("(each {}{clauses}{condition})", expression(element))
        }
        ExpressionKind::Block(inner) => block(inner),
        ExpressionKind::Annotated { annotation: before, value } => {
            format!("({} {})", annotation(before), expression(value))
        }
        ExpressionKind::Error => "ERROR".to_string(),
    }
}

/// A diagnostic as one line: what it points at, what it says, what helps.
fn complaint(text: &str, diagnostic: &Diagnostic) -> String {
    let place = text.get(diagnostic.labels[0].span.range()).unwrap_or("OUTSIDE");
    let help = diagnostic.help.as_ref().map_or(String::new(), |help| format!(" -- {help}"));
    format!("{} [{place}] {}{help}", diagnostic.code, diagnostic.message)
}

fn complaints(text: &str) -> Vec<String> {
    parse(SourceId(0), text).diagnostics.iter().map(|diagnostic| complaint(text, diagnostic)).collect()
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(complaints(text), Vec::<String>::new(), "{text}");
    assert_eq!(dump(&parse(SourceId(0), text).program), expected, "{text}");
}

/// What a text gives: its tree after `=>`, its diagnostics after `!!`, and `??` when a prompt would ask for more.
fn answer(text: &str) -> String {
    let parsed = parse(SourceId(0), text);
    let mut answer = format!("=> {}\n", dump(&parsed.program));
    for diagnostic in &parsed.diagnostics {
        let _ = writeln!(answer, "!! {}", complaint(text, diagnostic));
    }
    if is_incomplete(text) {
        answer.push_str("??\n");
    }
    answer
}

/// Compares a file of texts and answers, one blank line behind each; `THALWEG_BLESS=1` writes the answers anew.
fn check_golden(name: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/parser").join(name);
    let golden = std::fs::read_to_string(&path).expect("the file is beside this one").replace('\r', "");
    let is_answer = |line: &&str| ["=> ", "!! ", "??"].iter().any(|mark| line.starts_with(mark) || *line == "=>");
    let mut actual = String::new();
    for case in golden.split("\n---\n") {
        let lines: Vec<&str> = case.lines().take_while(|line| !is_answer(line)).collect();
        let text = lines.join("\n");
        let separator = if actual.is_empty() { "" } else { "---\n" };
        let _ = write!(actual, "{separator}{text}\n{}", answer(&text));
    }
    if std::env::var_os("THALWEG_BLESS").is_some() {
        std::fs::write(&path, &actual).expect("the file can be written");
    } else if actual != golden {
        let line = actual.lines().zip(golden.lines()).position(|(new, old)| new != old).unwrap_or(0);
        let (new, old) = (actual.lines().nth(line), golden.lines().nth(line));
        panic!("{name}, line {}:\n  was {}\n  is  {}", line + 1, old.unwrap_or(""), new.unwrap_or(""));
    }
}

#[test]
fn trees() {
    check_golden("trees.txt");
}

#[test]
fn wrong_texts() {
    check_golden("wrong.txt");
}

#[test]
fn the_languages_page_is_read() {
    let text = include_str!("language.tw");
    assert_eq!(complaints(text), Vec::<String>::new());
    assert!(!is_incomplete(text));
}

#[test]
fn a_prompt_knows_when_to_ask_for_more() {
    let incomplete = [
        "f(",
        "f(x,",
        "[1, 2",
        "x = {",
        "if a {",
        "if a { 1 } else {",
        "fn f(x) {\n  x",
        "x =",
        "x +=",
        "x = 3 +",
        "a and",
        "not",
        "x ->",
        "a,",
        "a.",
        "@gpu",
        "@parallel(4)",
        "@parallel(4) @simd # why",
        "@parallel(",
        "x = y @",
        "a if (",
        "if a { 1 } else",
        "fn f(x) =",
        "fn f(x) ->",
        "x = # why",
        "f(1,\n\n",
    ];
    for text in incomplete {
        assert!(is_incomplete(text), "{text:?} is incomplete");
        assert!(is_incomplete(&format!("{text}\n")), "{text:?} is incomplete, whatever blank lines follow");
    }
    let complete = [
        "",
        "x",
        "x;",
        "f(x))",
        "3 + * 4",
        "3 + * 4 +",
        "\"abc",
        "f(\"abc",
        "f\"{x",
        "x = 1 # (",
        "if a { 1 }",
        "fn f(x)",
        "if",
        "for x in",
        "}",
        "]",
        "f(x]",
        "1__0 +",
        "\"(\"",
    ];
    for text in complete.iter().filter(|text| **text != "for x in") {
        assert!(!is_incomplete(text), "{text:?} is complete");
    }
}

#[test]
fn lines_may_end_as_on_windows() {
    check("a = 1\r\nb = [1,\r\n 2]\r\n\r\n# c\r\n", "(= a 1) (= b (array 1 2))");
}

#[test]
fn places() {
    let text = "y = -(a + b)[0] * f\"é {c + d:.3f}\"\n@gpu(1) z = w";
    let parsed = parse(SourceId(3), text);
    let at = |span: Span| {
        assert_eq!(span.source, SourceId(3));
        &text[span.range()]
    };
    let [first, second] = parsed.program.statements.as_slice() else { panic!("two statements") };
    assert_eq!(at(first.span), "y = -(a + b)[0] * f\"é {c + d:.3f}\"");
    assert_eq!(at(second.span), "z = w");
    assert_eq!(at(second.annotations[0].span), "@gpu(1)");
    assert_eq!(at(second.annotations[0].name.span), "gpu");
    let StatementKind::Assign { value, .. } = &first.kind else { panic!("an assignment") };
    let ExpressionKind::Binary { left, right, operator_span, .. } = &value.kind else { panic!("a product") };
    assert_eq!((at(left.span), at(*operator_span)), ("-(a + b)[0]", "*"));
    let ExpressionKind::Unary { operand, .. } = &left.kind else { panic!("a minus") };
    let ExpressionKind::Index { base, .. } = &operand.kind else { panic!("an index") };
    assert_eq!(at(base.span), "(a + b)");
    let ExpressionKind::FormatText(pieces) = &right.kind else { panic!("an f-string") };
    let FormatPiece::Value { value, specification_span, .. } = &pieces[1] else { panic!("a value") };
    assert_eq!((at(value.span), at(*specification_span)), ("c + d", ".3f"));
}

#[test]
fn colours() {
    let text = "@gpu(1) x = f\"a {b:.1f}\" @ y # why\nif $ 2j";
    let shown: Vec<(&str, TokenClass)> =
        highlight(text).into_iter().map(|(range, class)| (&text[range], class)).collect();
    use TokenClass::*;
    let expected = [
        ("@gpu", Annotation),
        ("(", Punctuation),
        ("1", Number),
        (")", Punctuation),
        ("x", Name),
        ("=", Operator),
        ("f\"", Text),
        ("a ", Text),
        ("{", Punctuation),
        ("b", Name),
        (".1f", Text),
        ("}", Punctuation),
        ("\"", Text),
        ("@", Operator),
        ("y", Name),
        ("# why", Comment),
        ("if", Keyword),
        ("$", Error),
        ("2j", Number),
    ];
    assert_eq!(shown, expected);
}

// ---- size ----

#[test]
fn depth_is_bounded_and_length_is_not() {
    let too_deep = [
        "(".repeat(300) + &")".repeat(300),
        "[".repeat(100_000),
        "x = ".to_string() + &"-".repeat(10_000) + "1",
        "not ".repeat(1000) + "a",
        "x -> ".repeat(1000) + "1",
        "2 ** ".repeat(1000) + "1",
        "1 + ".repeat(20_000) + "1",
        "f".to_string() + &"(1)".repeat(1000),
        "a".to_string() + &".b".repeat(1000),
        "a".to_string() + &"[0]".repeat(1000),
        "x = ".to_string() + &"@gpu ".repeat(1000) + "1",
        "if a { 1 } else ".repeat(1000) + "{ 2 }",
        "f\"{".repeat(1000) + "x" + &"}\"".repeat(1000),
        "{ ".repeat(1000) + &"} ".repeat(1000),
        // Each half is allowed; one on top of the other is not.
        format!("y = {}({}1)", "-".repeat(300), "-".repeat(300)),
        format!("y = ({}1){}", "-".repeat(300), ".b".repeat(300)),
        format!("y = {}(a{})", "1 + -".repeat(100), ".b".repeat(500)),
    ];
    for text in too_deep {
        let parsed = parse(SourceId(0), &format!("a = 1\n{text}\n"));
        let codes: Vec<&str> = parsed.diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert!(codes.contains(&code::TOO_DEEP), "{}: {codes:?}", &text[..20]);
        assert!(codes.iter().all(|code| *code == code::TOO_DEEP || text.contains("f\"")), "{}: {codes:?}", &text[..20]);
        assert_eq!(dump(&parsed.program).get(..7), Some("(= a 1)"), "{}", &text[..20]);
    }
    let fine = [
        "(".repeat(250) + "1" + &")".repeat(250),
        "1 + ".repeat(9_000) + "1",
        "-a.b * 2 - not_c(1) / ".repeat(1_000) + "1",
        "not a < 2 and ".repeat(1_000) + "b",
        "a | ".repeat(1_000) + "b",
        "if a { 1 } else ".repeat(500) + "{ 2 }",
        "if a + b > 2 {\n".repeat(250) + "x = 1\n" + &"}\n".repeat(250),
        "if a + b > 2 { f(1, -2) } else ".repeat(500) + "{ 2 }",
        "[".to_string() + &"1 + 2 * x, ".repeat(10_000) + "]",
        "x = 1; ".repeat(10_000),
        "x = a + f(b * 2, c - 1)\n".repeat(10_000),
        format!("f\"{}\"", "{x:a} {(y)}".repeat(1000)),
        format!("f({}1)", "(1 + 2 * 3 + 4 - 5) * a + ".repeat(150)),
        "if a { x = 1 }\n".repeat(1000),
    ];
    for text in fine {
        assert_eq!(complaints(&text), Vec::<String>::new(), "{}", &text[..20]);
    }
}

/// Random words in random order: whatever they are, there is an answer, and each place in it is a place in the text.
#[test]
fn any_words_get_an_answer() {
    let single = r#"x y f n 1 2.5 3j 0xff "a" 'b' f" { } {{ " ' ( ) [ ] , ; : . ... -> = += == < + - * ** / // % @ @gpu
        @parallel(4) @a( ~ and or not if else for in while fn break continue import true elif def lambda return && ! \ $ é
        “ ” ++ 1_ \q f(x"#;
    let several = ["\n", "\n", "# c\n", "\u{a0}", "x = 1\n", "if c {\n", "}\n", "fn g(a: f64[n]) -> f64 {\n"];
    let words: Vec<&str> = single.split_whitespace().chain(several).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    for _ in 0..4000 {
        let mut text = String::new();
        for _ in 0..random(40) {
            text.push_str(words[random(words.len())]);
            text.push_str(["", " ", " "][random(3)]);
        }
        let parsed = parse(SourceId(0), &text);
        for label in parsed.diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
            assert!(text.get(label.span.range()).is_some(), "{text:?} {:?}", parsed.diagnostics);
        }
        let is_broken = dump(&parsed.program).contains("ERROR");
        assert!(!is_broken || !parsed.diagnostics.is_empty(), "an error without a word: {text:?}");
        is_incomplete(&text);
        let mut end = 0;
        for (range, _) in highlight(&text) {
            assert!(end <= range.start && range.start < range.end, "{text:?}");
            assert!(text.get(range.clone()).is_some(), "{text:?}");
            end = range.end;
        }
    }
}
