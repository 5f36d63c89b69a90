//! The grammar for editors, docs/editors/thalweg.tmLanguage.json: its words are the lexer's, its patterns are patterns, and they
//! see in a word what the lexer sees.

use fancy_regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use thalweg_lang::dtype::DType;
use thalweg_lang::lexer::{TokenClass, highlight};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn grammar() -> Value {
    serde_json::from_str(&read("docs/editors/thalweg.tmLanguage.json")).expect("the grammar is JSON")
}

/// Every rule of the grammar, at whatever depth.
fn rules<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            if ["match", "begin", "include"].iter().any(|key| fields.contains_key(*key)) {
                found.push(value);
            }
            fields.values().for_each(|value| rules(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| rules(value, found)),
        _ => {}
    }
}

/// The words of the rules whose scope begins so: `\b(?:one|two)\b`.
fn words(grammar: &Value, scopes: &[&str]) -> BTreeSet<String> {
    let mut found = Vec::new();
    rules(grammar, &mut found);
    let named = |rule: &&&Value| rule["name"].as_str().is_some_and(|name| scopes.contains(&name));
    let patterns = found.iter().filter(named).filter_map(|rule| rule["match"].as_str());
    let lists = patterns.filter_map(|pattern| pattern.strip_prefix(r"\b(?:")?.strip_suffix(r")\b"));
    lists.flat_map(|list| list.split('|')).map(str::to_string).collect()
}

#[test]
fn keywords_and_dtypes_are_the_lexers() {
    let grammar = grammar();
    let lexer = read("lang/src/lexer.rs");
    let tokens = lexer.split("#[token(\"").skip(1).filter_map(|rest| rest.split_once("\")]")).map(|(word, _)| word);
    let keywords = tokens.filter(|word| word.chars().all(char::is_alphabetic)).map(str::to_string);
    let keywords: BTreeSet<String> = keywords.filter(|word| word.is_ascii()).collect();
    assert!(keywords.len() >= 14, "{keywords:?}");
    let scopes = [
        "keyword.control.thalweg",
        "keyword.declaration.thalweg",
        "keyword.operator.logical.thalweg",
        "constant.language.boolean.thalweg",
    ];
    assert_eq!(words(&grammar, &scopes), keywords);
    let dtypes: BTreeSet<String> = DType::ALL.iter().map(|dtype| dtype.name().to_string()).collect();
    assert_eq!(words(&grammar, &["support.type.dtype.thalweg"]), dtypes);
}

#[test]
fn patterns_are_patterns_and_rules_are_there() {
    let grammar = grammar();
    assert_eq!(grammar["scopeName"], "source.thalweg");
    let mut found = Vec::new();
    rules(&grammar, &mut found);
    let mut patterns = 0;
    for rule in found {
        for key in ["match", "begin", "end"] {
            if let Some(pattern) = rule.get(key) {
                let pattern = pattern.as_str().expect("a pattern is a string");
                Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
                patterns += 1;
            }
        }
        assert_eq!(rule.get("begin").is_some(), rule.get("end").is_some(), "{rule}");
        if let Some(name) = rule.get("include").and_then(Value::as_str) {
            let name = name.strip_prefix('#').unwrap_or_else(|| panic!("{name} is of another grammar"));
            assert!(grammar["repository"].get(name).is_some(), "there is no rule {name}");
        }
    }
    assert!(patterns > 25, "only {patterns} patterns");
}

/// The scope of the rule that takes what stands at a place, and where that ends.
fn scope_at(grammar: &Value, rule: &Value, text: &str, at: usize) -> Option<(String, usize)> {
    if let Some(name) = rule.get("include").and_then(Value::as_str) {
        return scope_at(grammar, &grammar["repository"][&name[1..]], text, at);
    }
    if let Some(inner) = rule.get("patterns").filter(|_| rule.get("begin").is_none()) {
        return inner.as_array()?.iter().find_map(|rule| scope_at(grammar, rule, text, at));
    }
    let pattern = rule.get("match").or(rule.get("begin"))?.as_str()?;
    let pattern = Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let found = pattern.find_from_pos(text, at).expect("a match").filter(|found| found.start() == at)?;
    let name = rule["name"].as_str().or(rule["captures"]["1"]["name"].as_str())?;
    Some((name.to_string(), found.end()))
}

#[test]
fn words_have_the_colours_that_the_prompt_gives_them() {
    let grammar = grammar();
    let program = "\
@parallel(4) fn area(r: f64[n], scale = 1.5e-3) -> f64[n] {  # of circles
    a @ b + 0xff - 2j * 1_000 ** x.T
    while not r >= 2. and true { r //= 3; break }
}
[@gpu x for x in xs if x != 1]
";
    let mut checked = 0;
    for (range, class) in highlight(program) {
        // A name has no colour of its own, but for calls and functions.
        let expected: &[&str] = match class {
            TokenClass::Keyword => &["keyword.", "constant.language.boolean"],
            TokenClass::Number => &["constant.numeric"],
            TokenClass::Comment => &["comment."],
            TokenClass::Annotation => &["storage.modifier.annotation"],
            TokenClass::Operator => &["keyword.operator", "punctuation.accessor"],
            TokenClass::Punctuation => continue,
            _ => continue,
        };
        // Editors read line by line.
        let line = program[..range.start].rfind('\n').map_or(0, |end| end + 1);
        let text = program[line..].lines().next().unwrap_or("");
        let mut rules = grammar["patterns"].as_array().expect("rules").iter();
        let found = rules.find_map(|rule| scope_at(&grammar, rule, text, range.start - line));
        let found = found.map(|(scope, end)| (scope, end + line));
        let word = &program[range.clone()];
        let (scope, end) = found.unwrap_or_else(|| panic!("no rule takes `{word}`"));
        assert!(expected.iter().any(|start| scope.starts_with(start)), "`{word}` is {scope}, and {class:?}");
        // `fn` and the name behind it are taken together.
        assert!(end == range.end || word == "fn", "`{word}` ends elsewhere: `{}`", &program[range.start..end]);
        checked += 1;
    }
    assert!(checked > 30, "only {checked} words");
}
