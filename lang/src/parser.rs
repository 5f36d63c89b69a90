//! Text to a syntax tree, with a diagnostic for everything that is not Thalweg; the face of the generated parser.

use crate::ast::*;
use crate::diagnostic::Diagnostic;
use crate::layout::{self, End};
use crate::lexer::{self, Token};
use crate::source::{SourceId, Span};
use lalrpop_util::{ErrorRecovery, ParseError};
use report::Reporter;
use std::collections::HashSet;
use std::sync::Arc;

mod report;

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
        // So is a closing bracket, or the end of the line, behind what is wrong in its line, the loop of a comprehension whose value is wrong, and the end of
        // another language's `a if c else b`.
        let is_closer = |token: &Token| {
            matches!(token, Token::ParenClose | Token::SquareClose | Token::For | Token::Else | Token::Newline)
        };
        let closes =
            matches!(&recovery.error, ParseError::UnrecognizedToken { token: (_, token, _), .. } if is_closer(token));
        let is_second = !wrong_lines.insert(line(at as u32)) && closes;
        let is_echo = is_second || is_cut && matches!(recovery.error, ParseError::UnrecognizedEof { .. });
        if orphan.is_none() && !is_echo && !lines.contains(&line(at as u32)) {
            diagnostics.extend(report(&reporter, &recovery.error));
        }
    }
    has_error_inside |= !builder.diagnostics.is_empty();
    diagnostics.extend(builder.diagnostics);
    diagnostics.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.span));
    Read { parsed: Parsed { program, diagnostics }, end, has_error_inside }
}

/// An error of the generated parser as a sentence.
fn report(reporter: &Reporter, error: &ParseError<usize, Token, ()>) -> Option<Diagnostic> {
    match error {
        ParseError::UnrecognizedToken { token: (start, token, end), expected } => {
            Some(reporter.unexpected((*start, token, *end), expected))
        }
        ParseError::UnrecognizedEof { location, expected } => Some(reporter.unfinished(*location, expected)),
        // The scanner gives no errors, and the grammar ends only with the text.
        ParseError::InvalidToken { .. } | ParseError::ExtraToken { .. } | ParseError::User { .. } => None,
    }
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
            _ => self.no_target(&base, is_part),
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
                self.no_target(&expression, false);
                None
            }
        }
    }

    fn no_target(&mut self, expression: &Expression, is_part: bool) {
        let (what, help) = match &expression.kind {
            ExpressionKind::Error => return,
            ExpressionKind::Property { .. } => ("a property", Some("a value is changed as a whole: `a = …`")),
            ExpressionKind::Call { .. } => ("a call", Some("a function is defined with `fn f(x) = …`")),
            ExpressionKind::Array(_) if is_part => {
                ("a part of a literal", Some("name the array first: `a = …; a[0] = …`"))
            }
            ExpressionKind::Array(_) => ("an array", Some("several names stand without brackets: `a, b = …`")),
            ExpressionKind::Tuple(parts) if !parts.is_empty() => ("a tuple", Some("update one name at a time")),
            ExpressionKind::Binary { operator: BinaryOperator::Equal, .. } | ExpressionKind::Chain { .. } => {
                ("a comparison", Some("write `=` once, behind the name alone; two comparisons are joined with `and`"))
            }
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

#[cfg(test)]
mod tests;
