//! Texts and what is read in them: trees as s-expressions, errors as one line each.

use super::*;
use crate::lexer::{TokenClass, highlight};

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
            let clauses = list(clauses, |clause| format!("{} in {}", target(&clause.target), expression(&clause.sequence)));
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
    let parsed = parse(SourceId(0), text);
    let complaints: Vec<String> = parsed.diagnostics.iter().map(|d| complaint(text, d)).collect();
    assert!(complaints.is_empty(), "{text}\n{complaints:#?}");
    assert_eq!(dump(&parsed.program), expected, "{text}");
}

#[test]
fn the_languages_page_is_read() {
    let text = include_str!("language.tw");
    assert_eq!(complaints(text), Vec::<String>::new());
    for (source, executor) in [
        ("a = range(5); a * a", ""),
        ("@process(4) map(square, array_split(arr, 4))", "process"),
        ("@parallel(4) [compute(x) for x in arr]", "parallel"),
        ("@gpu dot(a, b)", "gpu"),
    ] {
        let parsed = parse(SourceId(0), source);
        assert!(parsed.diagnostics.is_empty());
        let annotations = &parsed.program.statements[0].annotations;
        assert_eq!(annotations.first().map_or("", |annotation| &annotation.name.text), executor);
    }
}
#[test]
fn probe() {
    let path = std::env::var("PROBE").unwrap_or_default();
    for text in std::fs::read_to_string(path).unwrap_or_default().split("\n---\n") {
        let text = text.strip_suffix("\n").unwrap_or(text);
        println!("{text}\n    => {}", dump(&parse(SourceId(0), text).program));
        for line in complaints(text) { println!("    !! {line}"); }
        if is_incomplete(text) { println!("    incomplete"); }
    }
}
