//! Text to a syntax tree, with a diagnostic for everything that is not Thalweg; the face of the generated parser.

use crate::ast::*;
use crate::diagnostic::Diagnostic;
use crate::layout::{self, End};
use crate::lexer::{self, Lexeme, Token};
use crate::source::{SourceId, Span};
use lalrpop_util::{ErrorRecovery, ParseError};
use std::collections::HashSet;
use std::sync::Arc;

lalrpop_util::lalrpop_mod!(
    #[allow(clippy::all, clippy::pedantic, missing_docs, unused)]
    #[rustfmt::skip]
    grammar
);

/// The codes of the errors of text.
pub mod code {
    /// A word stands where the grammar wants another.
    pub const UNEXPECTED: &str = "E0101";
    /// A bracket is not closed, closed by the wrong one, or closes nothing.
    pub const UNPAIRED_BRACKET: &str = "E0102";
    /// A string has no end on its line.
    pub const UNTERMINATED_TEXT: &str = "E0103";
    /// A backslash in a string is followed by something that means nothing.
    pub const BAD_ESCAPE: &str = "E0104";
    /// A number is written in a way that has no meaning.
    pub const BAD_NUMBER: &str = "E0105";
    /// An integer above 2**64 - 1, or a float above the largest f64.
    pub const NUMBER_TOO_BIG: &str = "E0106";
    /// A character that no word begins with.
    pub const UNKNOWN_CHARACTER: &str = "E0107";
    /// A word of another language whose meaning is plain.
    pub const FOREIGN_WORD: &str = "E0108";
    /// A brace in an f-string opens or closes nothing.
    pub const UNCLOSED_HOLE: &str = "E0109";
    /// An `@` that is neither a product nor followed by a name.
    pub const ANNOTATION_NAME: &str = "E0110";
    /// The text nests deeper than anything that was written by a person.
    pub const TOO_DEEP: &str = "E0111";
    /// The left side of `=` is nothing that can get a value.
    pub const BAD_TARGET: &str = "E0112";
    /// A parameter is not a name.
    pub const BAD_PARAMETER: &str = "E0113";
    /// The text has more bytes than a place can count.
    pub const TOO_LONG: &str = "E0114";
    /// The formatter would have changed what a program means, and has left it alone.
    pub const NOT_FORMATTED: &str = "E0115";
}

/// A text, read.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The statements; those that could not be read are `Error`.
    pub program: Block,
    /// What is wrong, in the text's order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a text. Each statement that is wrong gives its own diagnostics, and the others are kept.
pub fn parse(source: SourceId, text: &str) -> Parsed {
    read(source, text).parsed
}

/// Whether a text at a prompt asks for another line: it has open brackets, or ends after an operator, a comma, `=` or an
/// annotation. A text with an error before its end is complete: more text would not mend it.
pub fn is_incomplete(text: &str) -> bool {
    let read = read(SourceId::default(), text);
    match read.end {
        End::OpenBracket => true,
        End::WantsMore => !read.has_error_inside,
        End::Complete => false,
    }
}

struct Read {
    parsed: Parsed,
    end: End,
    /// Something is wrong that no further text can mend.
    has_error_inside: bool,
}

fn read(source: SourceId, text: &str) -> Read {
    if u32::try_from(text.len()).is_err() {
        let span = Span::new(source, 0, 0);
        let error = Diagnostic::error(code::TOO_LONG, "a text has at most 4 GiB", span, "");
        let program = Block { statements: Vec::new(), span };
        let parsed = Parsed { program, diagnostics: vec![error] };
        return Read { parsed, end: End::Complete, has_error_inside: true };
    }
    let scan = lexer::scan(source, text);
    let mut diagnostics = scan.diagnostics;
    let laid = layout::lay_out(source, scan.lexemes);
    let end = match laid.end {
        // A word that is wrong stays wrong, whatever follows.
        End::OpenBracket if !diagnostics.is_empty() => End::Complete,
        end => end,
    };
    // A string without an end has swallowed the bracket that would close what is open around it.
    let swallowed: Vec<u32> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.code == code::UNTERMINATED_TEXT)
        .filter_map(|diagnostic| diagnostic.labels.first().map(|label| label.span.start))
        .collect();
    let is_echo = |diagnostic: &Diagnostic| match diagnostic.labels.as_slice() {
        [open, missing] => swallowed.iter().any(|&at| open.span.start < at && at <= missing.span.start),
        [open] => swallowed.iter().any(|&at| open.span.start < at),
        _ => false,
    };
    diagnostics.extend(laid.diagnostics.into_iter().filter(|diagnostic| !is_echo(diagnostic)));
    let mut has_error_inside = !diagnostics.is_empty();

    let mut builder = Builder { source, recoveries: Vec::new(), diagnostics: Vec::new() };
    let words = laid.lexemes.iter().map(|lexeme| Ok((lexeme.start, lexeme.token.clone(), lexeme.end)));
    let program = match grammar::ProgramParser::new().parse(&mut builder, words) {
        Ok(program) => program,
        Err(error) => {
            builder.recoveries.push(ErrorRecovery { error, dropped_tokens: Vec::new() });
            Block { statements: Vec::new(), span: Span::new(source, 0, text.len()) }
        }
    };
    // The statement that nests too deep was cut off: the end that the parser then sees is none.
    let is_cut = diagnostics.iter().any(|diagnostic| diagnostic.code == code::TOO_DEEP);
    let reporter = Reporter { source, text, lexemes: &laid.lexemes };
    // Lines that the scanner or the layout has complained about: what the parser says of them is most often an echo.
    let ends: Vec<u32> = text.bytes().zip(0..).filter(|&(byte, _)| byte == b'\n').map(|(_, at)| at).collect();
    let line = |at: u32| ends.partition_point(|&end| end < at);
    let lines: HashSet<usize> = diagnostics.iter().flat_map(|d| &d.labels).map(|l| line(l.span.start)).collect();
    // Closing brackets whose partner was dropped on the way to where the parser went on: they are echoes too.
    let mut orphans: Vec<Token> = Vec::new();
    let mut wrong_lines: HashSet<usize> = HashSet::new();
    for recovery in &builder.recoveries {
        has_error_inside |= !matches!(recovery.error, ParseError::UnrecognizedEof { .. });
        let (at, orphan) = match &recovery.error {
            ParseError::UnrecognizedToken { token: (start, token, _), .. } => {
                (*start, orphans.iter().rposition(|orphan| orphan == token))
            }
            _ => (text.len(), None),
        };
        if let Some(orphan) = orphan {
            orphans.truncate(orphan);
        }
        let mut open: Vec<Token> = Vec::new();
        for (_, token, _) in &recovery.dropped_tokens {
            match layout::partner(token) {
                Some(closer) => open.push(closer),
                None => drop(open.pop_if(|closer| closer == token)),
            }
        }
        orphans.extend(open);
        // So is a closing bracket behind what is wrong in its line, the loop of a comprehension whose value is wrong, and the end of
        // another language's `a if c else b`.
        let is_closer =
            |token: &Token| matches!(token, Token::ParenClose | Token::SquareClose | Token::For | Token::Else);
        let closes =
            matches!(&recovery.error, ParseError::UnrecognizedToken { token: (_, token, _), .. } if is_closer(token));
        let is_second = !wrong_lines.insert(line(at as u32)) && closes;
        let is_echo = is_second || is_cut && matches!(recovery.error, ParseError::UnrecognizedEof { .. });
        if orphan.is_none() && !is_echo && !lines.contains(&line(at as u32)) {
            diagnostics.extend(reporter.report(&recovery.error));
        }
    }
    has_error_inside |= !builder.diagnostics.is_empty();
    diagnostics.extend(builder.diagnostics);
    diagnostics.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.span));
    Read { parsed: Parsed { program, diagnostics }, end, has_error_inside }
}

// ---- what the grammar builds with ----

type Recovery = ErrorRecovery<usize, Token, ()>;

/// Makes nodes for the grammar's actions, and keeps what is wrong.
pub(crate) struct Builder {
    source: SourceId,
    recoveries: Vec<Recovery>,
    diagnostics: Vec<Diagnostic>,
}

impl Builder {
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        // Where nothing was read, the generated parser may give an end before the start.
        Span::new(self.source, start, end.max(start))
    }

    pub(crate) fn error(&mut self, error: Recovery) {
        self.recoveries.push(error);
    }

    pub(crate) fn expression(&self, kind: ExpressionKind, start: usize, end: usize) -> Expression {
        Expression { kind, span: self.span(start, end) }
    }

    /// An expression in parentheses: the place includes them.
    pub(crate) fn within(&self, inner: Expression, start: usize, end: usize) -> Expression {
        Expression { kind: inner.kind, span: self.span(start, end) }
    }

    pub(crate) fn broken(&mut self, error: Recovery, start: usize, end: usize) -> Expression {
        self.error(error);
        self.expression(ExpressionKind::Error, start, end)
    }

    pub(crate) fn tuple(&self, first: Expression, rest: Vec<Expression>, start: usize, end: usize) -> Expression {
        self.expression(ExpressionKind::Tuple(prepend(first, rest)), start, end)
    }

    pub(crate) fn statement(&self, kind: StatementKind, start: usize, end: usize) -> Statement {
        Statement { kind, annotations: Vec::new(), span: self.span(start, end), silent: false }
    }

    /// A `for`, `while` or `fn` whose head could not be read. Its body goes with it: without the head's names it would
    /// only give errors that are none.
    pub(crate) fn broken_statement(&mut self, _head: (), _body: Block) -> StatementKind {
        StatementKind::Error
    }

    /// Adds the annotation that stands before a statement; a function keeps its own.
    pub(crate) fn annotate(&self, annotation: Annotation, mut statement: Statement) -> Statement {
        match &mut statement.kind {
            StatementKind::Function(function) => Arc::make_mut(function).annotations.insert(0, annotation),
            _ => statement.annotations.insert(0, annotation),
        }
        statement
    }

    /// Moves the annotations that a statement begins with from its first expression to the statement.
    fn peel(&self, mut expression: Expression, annotations: &mut Vec<Annotation>) -> Expression {
        match expression.kind {
            // In parentheses an annotation holds for what they hold.
            ExpressionKind::Annotated { annotation, value } if annotation.span.start == expression.span.start => {
                annotations.push(annotation);
                self.peel(*value, annotations)
            }
            ExpressionKind::Tuple(mut parts) if !parts.is_empty() && parts[0].span.start == expression.span.start => {
                let first = parts.remove(0);
                let first = self.peel(first, annotations);
                expression.span.start = first.span.start;
                parts.insert(0, first);
                expression.kind = ExpressionKind::Tuple(parts);
                expression
            }
            _ => expression,
        }
    }

    pub(crate) fn value(&self, value: Expression, start: usize, end: usize) -> Statement {
        let mut annotations = Vec::new();
        let value = self.peel(value, &mut annotations);
        let span = Span { start: value.span.start, ..self.span(start, end) };
        Statement { kind: StatementKind::Expression(value), annotations, span, silent: false }
    }

    pub(crate) fn assign(&mut self, left: Expression, value: Expression, start: usize, end: usize) -> Statement {
        let mut annotations = Vec::new();
        let left = self.peel(left, &mut annotations);
        let span = Span { start: left.span.start, ..self.span(start, end) };
        let kind = match left.kind {
            ExpressionKind::Index { base, subscripts } => self.place(*base, Some(subscripts), None, value),
            _ => match self.target(left) {
                Some(target) => StatementKind::Assign { target, value },
                None => StatementKind::Error,
            },
        };
        Statement { kind, annotations, span, silent: false }
    }

    pub(crate) fn update(
        &mut self,
        left: Expression,
        operator: (BinaryOperator, Span),
        value: Expression,
        start: usize,
        end: usize,
    ) -> Statement {
        let mut annotations = Vec::new();
        let left = self.peel(left, &mut annotations);
        let span = Span { start: left.span.start, ..self.span(start, end) };
        let kind = match left.kind {
            ExpressionKind::Index { base, subscripts } => self.place(*base, Some(subscripts), Some(operator), value),
            _ => self.place(left, None, Some(operator), value),
        };
        Statement { kind, annotations, span, silent: false }
    }

    /// `name = …` or `name[…] = …`, with or without an operator.
    fn place(
        &mut self,
        base: Expression,
        subscripts: Option<Vec<Subscript>>,
        operator: Option<(BinaryOperator, Span)>,
        value: Expression,
    ) -> StatementKind {
        match self.updated_name(base, subscripts.is_some()) {
            Some(name) => StatementKind::Update { name, subscripts, operator, value },
            None => StatementKind::Error,
        }
    }

    /// The name that an update changes.
    fn updated_name(&mut self, base: Expression, is_part: bool) -> Option<Name> {
        match base.kind {
            ExpressionKind::Name(name) => return Some(name),
            ExpressionKind::Index { .. } if is_part => {
                let message = "only a name can be updated, and this is an index of an index";
                let error = Diagnostic::error(code::BAD_TARGET, message, base.span, "");
                self.diagnostics.push(error.help("write all indices in one pair of brackets: `a[i, j] = …`"));
            }
            _ => self.no_target(&base),
        }
        None
    }

    fn target(&mut self, expression: Expression) -> Option<Target> {
        match expression.kind {
            ExpressionKind::Name(name) => Some(Target::Name(name)),
            ExpressionKind::Tuple(parts) if !parts.is_empty() => {
                let targets: Option<Vec<Target>> = parts.into_iter().map(|part| self.target(part)).collect();
                Some(Target::Tuple(targets?, expression.span))
            }
            ExpressionKind::Index { base, subscripts } => {
                Some(Target::Part(self.updated_name(*base, true)?, subscripts, expression.span))
            }
            _ => {
                self.no_target(&expression);
                None
            }
        }
    }

    fn no_target(&mut self, expression: &Expression) {
        let (what, help) = match &expression.kind {
            ExpressionKind::Error => return,
            ExpressionKind::Property { .. } => ("a property", Some("a value is changed as a whole: `a = …`")),
            ExpressionKind::Call { .. } => ("a call", Some("a function is defined with `fn f(x) = …`")),
            ExpressionKind::Array(_) => ("an array", Some("several names stand without brackets: `a, b = …`")),
            ExpressionKind::Tuple(parts) if !parts.is_empty() => ("a tuple", Some("update one name at a time")),
            ExpressionKind::Binary { operator: BinaryOperator::Equal, .. } => ("a comparison", None),
            ExpressionKind::Integer(_)
            | ExpressionKind::Float(_)
            | ExpressionKind::Imaginary(_)
            | ExpressionKind::Bool(_)
            | ExpressionKind::Text(_) => ("a literal", Some("to compare, write `==`")),
            _ => ("this", None),
        };
        let message = format!("{what} cannot be given a value");
        let error = Diagnostic::error(code::BAD_TARGET, message, expression.span, "");
        self.diagnostics.push(match help {
            Some(help) => error.help(help),
            None => error,
        });
    }

    pub(crate) fn targets(&self, first: Target, rest: Vec<Target>, start: usize, end: usize) -> Target {
        Target::Tuple(prepend(first, rest), self.span(start, end))
    }

    pub(crate) fn function(
        &self,
        name: Name,
        parameters: Vec<Parameter>,
        result: Option<TypeExpression>,
        body: Expression,
        start: usize,
        end: usize,
    ) -> Function {
        let span = self.span(start, end);
        Function { name: Some(name), parameters, result, body, annotations: Vec::new(), span }
    }

    /// A lambda's parameters were read as an expression: a name, or a tuple of names.
    pub(crate) fn lambda(&mut self, left: Expression, body: Expression, start: usize, end: usize) -> Expression {
        let parts = match left.kind {
            ExpressionKind::Tuple(parts) => parts,
            _ => vec![left],
        };
        let mut parameters = Vec::with_capacity(parts.len());
        for part in parts {
            match part.kind {
                ExpressionKind::Name(name) => parameters.push(Parameter { name, declared: None, default: None }),
                ExpressionKind::Error => {}
                _ => {
                    let message = "a parameter is a name";
                    let error = Diagnostic::error(code::BAD_PARAMETER, message, part.span, "");
                    self.diagnostics.push(error.help("write `x -> …` or `(x, y) -> …`"));
                }
            }
        }
        let span = self.span(start, end);
        let function = Function { name: None, parameters, result: None, body, annotations: Vec::new(), span };
        Expression { kind: ExpressionKind::Lambda(Arc::new(function)), span }
    }

    pub(crate) fn array_type(
        &self,
        dtype: Option<Name>,
        dimensions: Vec<DimensionExpression>,
        start: usize,
        end: usize,
    ) -> TypeExpression {
        TypeExpression { kind: TypeExpressionKind::Array { dtype, dimensions }, span: self.span(start, end) }
    }

    pub(crate) fn tuple_type(&self, parts: Vec<TypeExpression>, start: usize, end: usize) -> TypeExpression {
        TypeExpression { kind: TypeExpressionKind::Tuple(parts), span: self.span(start, end) }
    }

    pub(crate) fn call(&self, function: Expression, arguments: Vec<Argument>, end: usize) -> Expression {
        let span = self.span(function.span.start as usize, end);
        Expression { kind: ExpressionKind::Call { function: Box::new(function), arguments }, span }
    }

    pub(crate) fn index(&self, base: Expression, subscripts: Vec<Subscript>, end: usize) -> Expression {
        let span = self.span(base.span.start as usize, end);
        Expression { kind: ExpressionKind::Index { base: Box::new(base), subscripts }, span }
    }

    pub(crate) fn conditional(
        &self,
        condition: Expression,
        then: Block,
        otherwise: Option<Expression>,
        start: usize,
        end: usize,
    ) -> Expression {
        let otherwise = otherwise.map(Box::new);
        self.expression(ExpressionKind::If { condition: Box::new(condition), then, otherwise }, start, end)
    }

    pub(crate) fn format_value(
        &self,
        value: Expression,
        specification: Option<Arc<str>>,
        start: usize,
        end: usize,
    ) -> FormatPiece {
        let specification_span = match specification {
            Some(_) => self.span(start, end),
            None => self.span(value.span.end as usize, value.span.end as usize),
        };
        FormatPiece::Value { value, specification: specification.unwrap_or_default(), specification_span }
    }

    pub(crate) fn annotation(&self, name: Arc<str>, arguments: Vec<Argument>, start: usize, end: usize) -> Annotation {
        let name = Name { span: self.span(start + 1, start + 1 + name.len()), text: name };
        Annotation { name, arguments, span: self.span(start, end) }
    }
}

pub(crate) fn prepend<Item>(first: Item, mut rest: Vec<Item>) -> Vec<Item> {
    rest.insert(0, first);
    rest
}

pub(crate) fn variable(name: Name) -> Expression {
    Expression { span: name.span, kind: ExpressionKind::Name(name) }
}

pub(crate) fn annotated(annotation: Annotation, value: Expression) -> Expression {
    let span = annotation.span.to(value.span);
    Expression { kind: ExpressionKind::Annotated { annotation, value: Box::new(value) }, span }
}

pub(crate) fn property(base: Expression, name: Name) -> Expression {
    let span = base.span.to(name.span);
    Expression { kind: ExpressionKind::Property { base: Box::new(base), name }, span }
}

pub(crate) fn unary((operator, operator_span): (UnaryOperator, Span), operand: Expression) -> Expression {
    let span = operator_span.to(operand.span);
    Expression { kind: ExpressionKind::Unary { operator, operator_span, operand: Box::new(operand) }, span }
}

pub(crate) fn binary(
    left: Expression,
    (operator, operator_span): (BinaryOperator, Span),
    right: Expression,
) -> Expression {
    let span = left.span.to(right.span);
    let left = if operator.is_comparison() { left } else { flattened(left) };
    match left.kind {
        ExpressionKind::Chain { first, mut rest } if !operator.is_comparison() && !compares(&rest) => {
            rest.push((operator, operator_span, right));
            Expression { kind: ExpressionKind::Chain { first, rest }, span }
        }
        kind => {
            let (left, right) = (Box::new(Expression { kind, span: left.span }), Box::new(right));
            Expression { kind: ExpressionKind::Binary { operator, operator_span, left, right }, span }
        }
    }
}

/// Whether the operators of a `Chain` are comparisons.
pub(crate) fn compares(rest: &[(BinaryOperator, Span, Expression)]) -> bool {
    rest.iter().any(|(operator, ..)| operator.is_comparison())
}

/// The left operand of an operator: when it is a long run of operators itself, as a `Chain`.
fn flattened(left: Expression) -> Expression {
    let mut depth = 0;
    let mut inner = &left;
    while let ExpressionKind::Binary { operator, left, .. } = &inner.kind
        && !operator.is_comparison()
    {
        depth += 1;
        inner = left;
    }
    if depth < LONGEST_RUN {
        return left;
    }
    let span = left.span;
    let mut rest = Vec::new();
    let mut first = left;
    loop {
        match first.kind {
            ExpressionKind::Binary { operator, operator_span, left, right } if !operator.is_comparison() => {
                rest.push((operator, operator_span, *right));
                first = *left;
            }
            kind => {
                first = Expression { kind, span: first.span };
                break;
            }
        }
    }
    rest.reverse();
    Expression { kind: ExpressionKind::Chain { first: Box::new(first), rest }, span }
}

/// A run of more operators than this, each of which has the run before it on its left, becomes a `Chain`.
pub(crate) const LONGEST_RUN: usize = 4;

/// Comparisons in a row: none is the operand itself, one is a `Binary`, more are a `Chain`.
pub(crate) fn chain((first, mut rest): (Expression, Vec<(BinaryOperator, Span, Expression)>)) -> Expression {
    if rest.len() > 1 {
        let span = rest.iter().fold(first.span, |span, (_, _, operand)| span.to(operand.span));
        return Expression { kind: ExpressionKind::Chain { first: Box::new(first), rest }, span };
    }
    match rest.pop() {
        Some((operator, operator_span, right)) => binary(first, (operator, operator_span), right),
        None => first,
    }
}

// ---- what the parser says ----

/// Turns the generated parser's errors into sentences.
struct Reporter<'text> {
    source: SourceId,
    text: &'text str,
    lexemes: &'text [Lexeme],
}

impl Reporter<'_> {
    fn report(&self, error: &ParseError<usize, Token, ()>) -> Option<Diagnostic> {
        match error {
            ParseError::UnrecognizedToken { token: (start, token, end), expected } => {
                let index = self.lexemes.partition_point(|lexeme| lexeme.start < *start);
                let index = index
                    + self.lexemes[index..]
                        .iter()
                        .take(8)
                        .position(|l| l.token == *token && l.end == *end)
                        .unwrap_or(0);
                let after_operand = self.is_after_operand(index);
                let expected = families(expected, after_operand);
                let message = format!("expected {expected}, found {}", self.found(token, *start, *end));
                // The end of a line is no place that one can see: point behind the last word.
                let end = if *token == Token::Newline { *start } else { *end };
                let error = Diagnostic::error(code::UNEXPECTED, message, Span::new(self.source, *start, end), "");
                Some(match self.help(index, &expected) {
                    Some(help) => error.help(help),
                    None => error,
                })
            }
            ParseError::UnrecognizedEof { location, expected } => {
                let message = format!("expected {}, but the text ends here", families(expected, false));
                let at = (*location).min(self.text.len());
                let error = Diagnostic::error(code::UNEXPECTED, message, Span::new(self.source, at, at), "");
                Some(match self.help_at_end(self.lexemes.len()) {
                    Some(help) => error.help(help),
                    None => error,
                })
            }
            // The scanner gives no errors, and the grammar ends only with the text.
            ParseError::InvalidToken { .. } | ParseError::ExtraToken { .. } | ParseError::User { .. } => None,
        }
    }

    /// What stands behind the word before `index`, where the statement ends too early.
    fn help_at_end(&self, index: usize) -> Option<String> {
        use Token::*;
        let mut last = self.lexemes[..index.min(self.lexemes.len())].iter().rev();
        let last = last.find(|lexeme| !matches!(lexeme.token, Newline | Semicolon))?;
        let word = self.text.get(last.start..last.end)?;
        let before = || self.before(index).map(|(_, token)| token);
        if before().any(|token| *token == Fn) {
            return Some("a function has a body: `fn f(x) = …` or `fn f(x) { … }`".to_string());
        }
        let statement = self.lexemes[..index.min(self.lexemes.len())].iter().rev();
        let first = statement.skip_while(|lexeme| lexeme.token == Newline).take_while(|l| l.token != Newline).last();
        if first.is_some_and(|lexeme| matches!(lexeme.token, Annotation(_) | AnnotationOpen(_))) {
            return Some("an annotation stands before what it is for: `@parallel(4) a = …`".to_string());
        }
        (is_operator(&last.token) || last.token == Assign).then(|| format!("a value stands behind `{word}`"))
    }

    fn found(&self, token: &Token, start: usize, end: usize) -> String {
        match token {
            Token::Newline => "the end of the line".to_string(),
            Token::FormatText(_) | Token::FormatEnd => "the end of the string".to_string(),
            Token::Text(_) | Token::FormatStart => "a string".to_string(),
            _ => format!("`{}`", self.text.get(start..end).unwrap_or("")),
        }
    }

    /// Whether an operand ends before `index`, so that an operator could follow. The generated parser has often taken the
    /// operand for complete by the time it finds that something is wrong, and then forgets to expect operators.
    fn is_after_operand(&self, index: usize) -> bool {
        use Token::*;
        let previous = index.checked_sub(1).and_then(|at| self.token(at));
        let ends_operand = previous.is_some_and(|token| layout::ends_operand(token) && *token != BraceClose);
        // Between `fn` and its body there are types and parameters, not operands.
        let is_head = |at: usize| {
            self.before(at).find_map(|(_, token)| match token {
                Assign | BraceOpen => Some(false),
                Fn | Import => Some(true),
                _ => None,
            })
        };
        let opener = self.before(index).find(|(_, token)| is_opener(token)).map(|(at, _)| at);
        let is_parameters = opener
            .is_some_and(|at| at >= 2 && matches!((self.token(at - 2), self.token(at - 1)), (Some(Fn), Some(Name(_)))));
        ends_operand && !is_parameters && !is_head(index).unwrap_or(false)
    }

    fn token(&self, index: usize) -> Option<&Token> {
        self.lexemes.get(index).map(|lexeme| &lexeme.token)
    }

    /// The words before `index` of the same statement and the same brackets, nearest first; then the bracket itself.
    fn before(&self, index: usize) -> impl Iterator<Item = (usize, &Token)> {
        let mut depth = 0;
        let mut is_over = false;
        // A long line with many errors must not cost the square of its length.
        self.lexemes[..index.min(self.lexemes.len())]
            .iter()
            .enumerate()
            .rev()
            .take(400)
            .map_while(move |(at, lexeme)| {
                use Token::*;
                if is_over {
                    return None;
                }
                match lexeme.token {
                    ParenClose | SquareClose | BraceClose | HoleClose => depth += 1,
                    ParenOpen | SquareOpen | BraceOpen | HoleOpen | AnnotationOpen(_) => {
                        is_over = depth == 0;
                        if depth > 0 {
                            depth -= 1;
                            return Some(None);
                        }
                    }
                    Newline | Semicolon if depth == 0 => return None,
                    _ => {}
                }
                Some((depth == 0).then_some((at, &lexeme.token)))
            })
            .flatten()
    }

    /// Something to type instead, for slips whose meaning is plain.
    fn help(&self, index: usize, expected: &str) -> Option<String> {
        use Token::*;
        let found = self.token(index)?;
        let previous = index.checked_sub(1).and_then(|at| self.token(at));
        let words = || self.before(index);
        let after_operand = expected.contains("an operator");
        let is_block_colon = *found == Colon && previous == Some(&Else);
        if let (Some(operator), false) = (self.line_goes_on(index), is_block_colon) {
            return Some(format!("the line before ends with `{operator}`, so it goes on here"));
        }
        if words().any(|(at, token)| matches!(token, Annotation(_)) && self.token(at + 1) == Some(&ParenOpen)) {
            return Some("the `(` of an annotation's arguments touches its name".to_string());
        }
        if let Some(Name(word)) = previous
            && let Some(help) = self.help_for_word(word, index)
        {
            return Some(help);
        }
        let help = match found {
            Assign => {
                if previous.is_some_and(is_keyword) && !matches!(previous, Some(True | False)) {
                    "this is a keyword: choose another name"
                } else if words().any(|(_, token)| matches!(token, If | While)) || words().any(|(_, t)| is_opener(t)) {
                    "to compare, write `==`"
                } else if words().any(|(_, token)| *token == Assign) {
                    "give one name its value at a time: `b = …; a = b`"
                } else {
                    return None;
                }
            }
            Update(_) if words().any(|(_, token)| is_opener(token)) => "a name is updated by a statement of its own",
            Colon if is_block_colon => "a block stands in braces: write `{` here, and `}` at its end",
            Colon if self.is_dictionary(index) => "there are no dictionaries: several values are a tuple, `(a, b)`",
            Colon if words().any(|(_, token)| *token == Assign) => match self.token(index + 1) {
                None | Some(Newline | Semicolon) => "leave the `:` out: a statement ends with its line",
                _ => "a `:` makes a slice, in an index only; numbers in a row are `range(start, stop)`",
            },
            Colon => match words().find(|(_, token)| matches!(token, If | Else | For | While | Fn)) {
                Some(_) => "a block stands in braces: write `{` here, and `}` at its end",
                None if words().any(|(_, token)| matches!(token, Name(word) if &**word == "lambda")) => {
                    "write `x -> …` or `(x, y) -> …`"
                }
                None if words().any(|(_, token)| is_opener(token)) => return None,
                None => "a name has the type of its value: write `x = …`",
            },
            If if after_operand => return Some(self.conditional(index)),
            // `x = 3 // two words`: a quotient of names that stand side by side.
            Name(_) if after_operand && words().any(|(_, token)| *token == DoubleSlash) => {
                "a comment begins with `#`; between two values stands an operator"
            }
            Fn if expected == "an expression" => "a function without a name is written `x -> …` or `(x, y) -> …`",
            Dot if previous == Some(&Dot) || matches!(self.token(index + 1), Some(Dot)) => {
                "numbers in a row are `range(start, stop)`"
            }
            For if words().any(|(_, token)| *token == For) => {
                "clauses stand between commas: `[… for y in ys, x in xs]`"
            }
            For if after_operand || words().any(|(_, token)| matches!(token, ParenOpen | BraceOpen)) => {
                "a comprehension stands in brackets: `[… for x in xs]`"
            }
            If if words().any(|(_, token)| *token == For) => "join the conditions with `and`",
            Else => "`else` stands behind the `}` of its `if`",
            In | Not if after_operand => "ask whether any of them is equal: `any(values == x)`",
            // Everywhere but in a size these go on with an expression.
            Slash | DoubleSlash | Percent | DoubleStar if after_operand => {
                "a size is made of names, integers, `+`, `-` and `*`: name the whole of it, `f64[k]`, or with `m` for the half write `2 * m` and `m`"
            }
            Arrow if after_operand => "the parameters of a function are a name, or names in parentheses: `(x, y) -> …`",
            Newline if expected.contains("`{`") && self.token(index + 1) == Some(&BraceOpen) => {
                "write the `{` on this line"
            }
            Newline | BraceClose if matches!(previous, Some(In)) => "what is walked stands behind `in`",
            SquareClose if previous == Some(&SquareOpen) => "the whole array is `a[:]`",
            HoleClose if previous == Some(&HoleOpen) => {
                "write a value between the braces, or `{{}}` for braces in the text"
            }
            Name(_) if previous == Some(&Import) => {
                "nothing of the library needs importing: delete this line; a file is brought in by `import \"file.tw\"`"
            }
            ParenOpen if previous == Some(&Import) => {
                "`import` is a statement, and gives the names that the file assigns: `import \"file.tw\"`"
            }
            Import => {
                "`import` stands alone on a line, and gives the names that the file assigns: `import \"file.tw\"`"
            }
            Name(word) if &**word == "is" && self.token(index + 1) == Some(&Not) => "write `!=`",
            Name(word) if matches!(&**word, "is") => "write `==`",
            Slash if self.token(index + 1) == Some(&Star) => {
                "a comment begins with `#`, and goes to the end of its line"
            }
            DoubleSlash if expected == "a statement" => "a comment begins with `#`, and goes to the end of its line",
            DoubleStar | Star if matches!(previous, Some(ParenOpen | Comma)) => {
                "a tuple is given as it is: leave the `*` out"
            }
            Caret if previous == Some(&Dot) => "operators work element by element: write `**`",
            found if previous == Some(&Dot) && is_operator(found) => {
                "operators work element by element: leave the `.` out"
            }
            Integer(_) if previous == Some(&Dot) => "a number has one point",
            Dot if expected == "an expression" && matches!(self.token(index + 1), Some(Integer(_))) => {
                "a number begins with a digit: write `0` before the point"
            }
            Semicolon if words().any(|(_, token)| *token == SquareOpen) => {
                "rows are arrays in an array: `[[1, 2], [3, 4]]`"
            }
            _ if self.is_bare_annotation(index) => "an annotation's arguments stand in parentheses: `@parallel(4)`",
            // `reduce(+, x)`
            Comma | ParenClose
                if previous.is_some_and(is_operator)
                    && index >= 2
                    && matches!(self.token(index - 2), Some(ParenOpen | Comma)) =>
            {
                let last = &self.lexemes[index - 1];
                let symbol = self.text.get(last.start..last.end)?;
                return Some(format!("an operator as a function is written `(a, b) -> a {symbol} b`"));
            }
            Name(word) if &**word == "as" && words().any(|(_, token)| *token == Import) => {
                "leave `as` and the name out: what the file assigns comes in under its own names"
            }
            _ if *found != Newline && expected.contains("`{`, `->` or `=`") => {
                "write `= …` before the value, or `{ … }` around a block"
            }
            found if expected == "an expression" && is_operator(found) && previous.is_some_and(is_operator) => {
                "leave one of the two operators out"
            }
            Newline | Semicolon | ParenClose | SquareClose | BraceClose
                if expected == "an expression" && previous.is_some_and(is_operator)
                    || *found == Newline && expected.contains("`{`") =>
            {
                return self.help_at_end(index);
            }
            Integer(_) | Float(_) | Imaginary(_) if matches!(previous, Some(Integer(_) | Float(_) | Imaginary(_))) => {
                "an operator is missing between them, such as `*`; elements stand between commas"
            }
            Name(word) if matches!(&**word, "then" | "do") => {
                "a block stands in braces: write `{` here, and `}` at its end"
            }
            Name(word) if matches!(&**word, "elif") => "write `else if`",
            Name(_) if self.token(index + 1) == Some(&Assign) => "begin a new line here, or write a `;` before it",
            Name(_) | ParenOpen if matches!(previous, Some(Integer(_) | Float(_) | Imaginary(_))) => {
                "a product is written `*`"
            }
            Semicolon | Newline | BraceClose if expected == "an expression" && previous == Some(&If) => {
                "a condition stands behind `if`"
            }
            _ if is_keyword(found) && expected.starts_with("a name") => "this is a keyword: choose another name",
            _ if is_keyword(found) && self.token(index + 1) == Some(&Assign) => {
                "this is a keyword: choose another name"
            }
            _ => return self.help_for_call(index),
        };
        Some(help.to_string())
    }

    /// Whether a `:` stands in braces that are no block's.
    fn is_dictionary(&self, index: usize) -> bool {
        use Token::*;
        let opener = self.before(index).find(|(_, token)| **token == BraceOpen).map(|(at, _)| at);
        let before = opener.and_then(|at| at.checked_sub(1)).and_then(|at| self.token(at));
        if opener.is_some() && matches!(before, None | Some(Newline | Semicolon)) {
            return true;
        }
        matches!(before, Some(Assign | Comma | ParenOpen | SquareOpen | Colon))
    }

    /// `@parallel 4 …`: an argument without parentheses.
    fn is_bare_annotation(&self, index: usize) -> bool {
        let is_number = |at: usize| matches!(self.token(at), Some(Token::Integer(_)));
        index >= 2 && is_number(index - 1) && matches!(self.token(index - 2), Some(Token::Annotation(_)))
    }

    /// For `print x`: a statement of a name and something behind it that nothing joins.
    fn help_for_call(&self, index: usize) -> Option<String> {
        use Token::*;
        let mut before = self.before(index);
        let (_, Name(word)) = before.next()? else { return None };
        let begins = before.next().is_none_or(|(_, token)| *token == BraceOpen);
        // `print(x) print(y)`: the first is a call already.
        if index.checked_sub(1).and_then(|at| self.token(at)) == Some(&ParenClose) {
            let is_call = matches!(self.token(index), Some(Name(_))) && self.token(index + 1) == Some(&ParenOpen);
            return (begins && is_call).then(|| "begin a new line here, or write a `;` before it".to_string());
        }
        let fits = matches!(self.token(index)?, Name(_) | Text(_) | FormatStart | Integer(_) | Float(_));
        let rest = self.rest(index);
        (begins && fits).then(|| format!("to call `{word}`, write `{word}({rest})`"))
    }

    /// The rest of the statement, or as much of it as one cares to read again.
    fn rest(&self, index: usize) -> &str {
        let start = self.lexemes[index].start;
        let mut letters = self.text[start..].char_indices().take(100);
        let end = letters.find(|(_, letter)| matches!(letter, '\n' | ';' | '}'));
        let end = end.map_or(self.text.len().min(start + 100), |(at, _)| start + at);
        self.text.get(start..end).unwrap_or("…").trim_end()
    }

    /// The operator at the end of the line before, when that is why `index` is not in a statement of its own.
    fn line_goes_on(&self, index: usize) -> Option<&str> {
        if self.before(index).any(|(_, token)| is_opener(token)) {
            return None;
        }
        let mut next = self.lexemes[index].start;
        for (at, token) in self.before(index) {
            let lexeme = &self.lexemes[at];
            if *token == Token::BraceOpen {
                return None;
            }
            // A block or a bracket between the two has lines of its own.
            let is_next = self.lexemes.get(at + 1).is_some_and(|after| after.start == next);
            if is_next && self.text.get(lexeme.end..next)?.contains('\n') {
                // What begins with a dot goes on of itself.
                let is_chained = matches!(self.token(at + 1), Some(Token::Dot | Token::Else));
                return self.text.get(lexeme.start..lexeme.end).filter(|_| !is_chained);
            }
            next = lexeme.start;
        }
        None
    }

    /// For a name before the error that is a keyword elsewhere.
    fn help_for_word(&self, word: &str, index: usize) -> Option<String> {
        let found = self.token(index)?;
        if matches!(found, Token::Newline | Token::Assign | Token::Dot) {
            return None;
        }
        let rest = self.rest(index);
        Some(match word {
            "let" | "var" | "const" | "auto" | "local" | "global" | "mut" | "val" => format!("write `{rest}`"),
            "return" | "yield" => format!(
                "the last expression of a block is its value: write `{rest}`; what is left after an `if` goes into its `else {{ … }}`"
            ),
            "lambda" => match rest.split_once(':') {
                Some((names, body)) if names.contains(',') => format!("write `({}) -> {}`", names.trim(), body.trim()),
                Some((name, body)) => format!("write `{} -> {}`", name.trim(), body.trim()),
                None => "write `x -> …` or `(x, y) -> …`".to_string(),
            },
            "from" | "use" | "include" | "require" => {
                "nothing of the library needs importing: delete this line; a file is brought in by `import \"file.tw\"`"
                    .to_string()
            }
            "is" => "write `==`, or `!=`".to_string(),
            "elif" | "elsif" | "elseif" => format!("write `else if {rest}`"),
            "match" | "switch" | "case" => "write `if c { … } else if d { … } else { … }`".to_string(),
            "loop" | "repeat" | "do" => "write `while true { … }`".to_string(),
            "try" | "with" | "class" | "struct" | "async" | "await" | "del" | "lazy" | "type" | "enum" => {
                format!("there is no `{word}` in Thalweg")
            }
            _ => return None,
        })
    }

    /// `a if c else b`, turned round, when it can be told what the three are.
    fn conditional(&self, index: usize) -> String {
        use Token::*;
        let general = "write `if c { a } else { b }`".to_string();
        let stops = |token: &Token| is_opener(token) || matches!(token, Comma | Assign | Update(_) | Colon | Arrow);
        let Some(first) = self.before(index).take_while(|(_, token)| !stops(token)).map(|(at, _)| at).last() else {
            return general;
        };
        let mut otherwise = None;
        let mut depth = 0;
        let mut last = index;
        for (at, lexeme) in self.lexemes.iter().enumerate().skip(index + 1).take(100) {
            match lexeme.token {
                ParenOpen | SquareOpen | HoleOpen | AnnotationOpen(_) => depth += 1,
                ParenClose | SquareClose | HoleClose if depth == 0 => break,
                ParenClose | SquareClose | HoleClose => depth -= 1,
                Newline | Semicolon | BraceOpen | BraceClose => break,
                // `[a if c else b for x in xs]`: a comprehension's own words are not the last value's.
                Comma | For if depth == 0 => break,
                Else if depth == 0 => otherwise = Some(at),
                _ => {}
            }
            last = at;
        }
        let words = |from: usize, to: usize| match (self.lexemes.get(from), self.lexemes.get(to)) {
            (Some(from), Some(to)) => self.text.get(from.start..to.end).filter(|words| !words.contains('\n')),
            _ => None,
        };
        let parts = otherwise
            .filter(|&at| at > index + 1 && at < last)
            .and_then(|at| Some((words(first, index - 1)?, words(index + 1, at - 1)?, words(at + 1, last)?)));
        match parts {
            Some((then, condition, otherwise)) => {
                format!("write `if {condition} {{ {then} }} else {{ {otherwise} }}`")
            }
            None => general,
        }
    }
}

fn is_opener(token: &Token) -> bool {
    matches!(token, Token::ParenOpen | Token::SquareOpen | Token::AnnotationOpen(_) | Token::HoleOpen)
}

/// Whether an operator between two values.
fn is_operator(token: &Token) -> bool {
    use Token::*;
    matches!(
        token,
        Plus | Minus
            | Star
            | Slash
            | DoubleSlash
            | Percent
            | DoubleStar
            | MatrixProduct
            | Ampersand
            | Pipe
            | Caret
            | ShiftLeft
            | ShiftRight
            | And
            | Or
            | Equal
            | NotEqual
            | Less
            | LessEqual
            | Greater
            | GreaterEqual
    )
}

fn is_keyword(token: &Token) -> bool {
    use Token::*;
    matches!(token, Fn | If | Else | For | In | While | Break | Continue | And | Or | Not | True | False | Import)
}

/// What the grammar would have taken, in a few words.
fn families(expected: &[String], ends_operand: bool) -> String {
    let has =
        |name: &str| expected.iter().any(|word| word.strip_prefix('"').and_then(|w| w.strip_suffix('"')) == Some(name));
    let mut words: Vec<&str> = Vec::new();
    let starts_expression = has("integer") && has("(");
    let after_operand = !has("integer") && (has("+") || ends_operand && !has("in"));
    if starts_expression {
        words.push(if has("for") && has("break") { "a statement" } else { "an expression" });
    } else if has("integer") {
        words.push("a dimension");
    } else if has("name") {
        words.push(if has("[") && !after_operand { "a type" } else { "a name" });
    }
    if after_operand {
        // In a dimension there are only these three.
        words.push(if has("+") && !has("/") && !has("newline") && !ends_operand {
            "`+`, `-`, `*`"
        } else {
            "an operator"
        });
    }
    for (name, written) in [
        (",", "`,`"),
        (")", "`)`"),
        ("]", "`]`"),
        ("} in f\\\"", "`}`"),
        ("\\\"", "the end of the string"),
        ("in", "`in`"),
        ("text", "a string"),
        ("newline", "the end of the line"),
    ] {
        if has(name) && !(starts_expression && matches!(name, "text" | "," | "newline")) {
            words.push(written);
        }
    }
    if !starts_expression {
        for (name, written) in [("{", "`{`"), ("}", "`}`"), ("->", "`->`"), ("=", "`=`"), (":", "`:`"), ("(", "`(`")] {
            // After an operand these would be no help: they begin something else.
            if has(name) && (!after_operand || name == "{" || name == "}" && !has("newline")) {
                words.push(written);
            }
        }
    }
    match words.as_slice() {
        [] => "something else".to_string(),
        [one] => one.to_string(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests;
