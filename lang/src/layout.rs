//! Between lexer and grammar: pairs the brackets, decides which newlines end a statement, and bounds how deep a text nests.

use crate::ast::BinaryOperator;
use crate::diagnostic::Diagnostic;
use crate::lexer::{Lexeme, Token};
use crate::parser::{LONGEST_RUN, code};
use crate::source::{SourceId, Span};

/// How many brackets may be open at once.
pub const MAX_BRACKETS: usize = 256;

/// How many operators, calls, indices and brackets may lie on one way from a statement down to a name in it. The tree is
/// never deeper than this, so whoever walks it (or drops it) may do so recursively. A run of operators such as `a + b + c` is no
/// deeper for its length.
pub const MAX_DEPTH: usize = 512;

/// How many operators a statement or an element may have on one level. Each is checked, planned and compiled with all the others.
const MOST_OPERATORS: usize = 10_000;

/// How much deeper all the runs of operators in an element or statement can make it: one for each precedence, each as long as the
/// parser leaves it a tree, and the step to its right.
const MOST_OF_RUNS: usize = 10 * (LONGEST_RUN + 2);

/// Tokens for the grammar: brackets are paired, each newline left ends a statement, comments are gone.
pub(crate) struct Layout {
    pub lexemes: Vec<Lexeme>,
    pub diagnostics: Vec<Diagnostic>,
    pub end: End,
}

/// How a text ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// With a statement.
    Complete,
    /// Inside of brackets, and nothing else is wrong with brackets.
    OpenBracket,
    /// After an operator, a comma, `=` or an annotation.
    WantsMore,
}

/// Makes the grammar's tokens of the scanner's.
pub(crate) fn lay_out(source: SourceId, lexemes: Vec<Lexeme>) -> Layout {
    let mut diagnostics = Vec::new();
    let (lexemes, open_at_end, is_cut) = pair_brackets(source, lexemes, &mut diagnostics);
    let (lexemes, wants_more) = end_statements(source, &lexemes, is_cut, &mut diagnostics);
    let end = match (open_at_end, wants_more) {
        (true, _) => End::OpenBracket,
        (false, true) => End::WantsMore,
        (false, false) => End::Complete,
    };
    Layout { lexemes, diagnostics, end }
}

/// The closing partner of an opening bracket.
pub(crate) fn partner(token: &Token) -> Option<Token> {
    Some(match token {
        Token::ParenOpen | Token::AnnotationOpen(_) => Token::ParenClose,
        Token::SquareOpen => Token::SquareClose,
        Token::BraceOpen => Token::BraceClose,
        Token::HoleOpen => Token::HoleClose,
        _ => return None,
    })
}

fn bracket(token: &Token) -> &'static str {
    match token {
        Token::ParenOpen | Token::AnnotationOpen(_) => "(",
        Token::SquareOpen => "[",
        Token::ParenClose => ")",
        Token::SquareClose => "]",
        Token::BraceOpen | Token::HoleOpen => "{",
        _ => "}",
    }
}

// ---- brackets ----

struct Opened {
    closer: Token,
    /// Which lexeme.
    index: usize,
    /// The indentation of its line.
    indentation: usize,
    /// Before which lexeme its partner belongs if none comes: where the first line begins that is indented no further.
    guess: Option<usize>,
}

/// A partner to be put in, where one is missing.
struct Insertion {
    before: usize,
    closer: Token,
}

struct Pairing<'list> {
    source: SourceId,
    lexemes: &'list [Lexeme],
    open: Vec<Opened>,
    insertions: Vec<Insertion>,
    diagnostics: &'list mut Vec<Diagnostic>,
}

/// Adds the closing brackets that are missing and drops those that close nothing, with an error for each, so that one
/// forgotten bracket does not cost the statements after it. Also tells whether brackets are open at the end, and whether the text
/// was cut within a statement, because too many were.
fn pair_brackets(
    source: SourceId,
    lexemes: Vec<Lexeme>,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<Lexeme>, bool, bool) {
    let errors_before = diagnostics.len();
    let mut pairing = Pairing { source, lexemes: &lexemes, open: Vec::new(), insertions: Vec::new(), diagnostics };
    let mut dropped: Vec<usize> = Vec::new();
    let mut end = lexemes.len();
    let mut indentation = 0;
    let mut line_start = Some(0);
    // Where the last line's last token ends, as a number of lexemes.
    let mut after_last = 0;
    for (index, lexeme) in lexemes.iter().enumerate() {
        match &lexeme.token {
            Token::Newline => {
                line_start = Some(lexeme.end);
                continue;
            }
            Token::Comment => continue,
            _ => {}
        }
        let is_closer =
            matches!(lexeme.token, Token::ParenClose | Token::SquareClose | Token::BraceClose | Token::HoleClose);
        if let Some(start) = line_start.take() {
            indentation = lexeme.start - start;
            if !is_closer {
                for open in pairing.open.iter_mut().filter(|open| open.guess.is_none()) {
                    open.guess = (indentation <= open.indentation).then_some(after_last);
                }
            }
        }
        after_last = index + 1;
        if let Some(closer) = partner(&lexeme.token) {
            if pairing.open.len() == MAX_BRACKETS {
                let span = Span::new(source, lexeme.start, lexeme.end);
                let message = format!("more than {MAX_BRACKETS} brackets are open here");
                pairing.diagnostics.push(too_deep(&lexeme.token, message, span));
                // What is left cannot be told apart; what came before the statement is still worth reading.
                end = pairing.open.first().map_or(0, |open| open.index);
                pairing.open.clear();
                pairing.insertions.retain(|insertion| insertion.before <= end);
                break;
            }
            pairing.open.push(Opened { closer, index, indentation, guess: None });
        } else if is_closer && !pairing.close(index) {
            dropped.push(index);
        }
    }
    let open_at_end = !pairing.open.is_empty() && pairing.diagnostics.len() == errors_before;
    while let Some(open) = pairing.open.pop() {
        pairing.unclosed(open, end);
    }

    let mut insertions = pairing.insertions;
    let is_cut = end < lexemes.len();
    if insertions.is_empty() && dropped.is_empty() && !is_cut {
        return (lexemes, open_at_end, false);
    }
    insertions.sort_by_key(|insertion| insertion.before);
    let mut insertions = insertions.into_iter().peekable();
    let mut dropped = dropped.into_iter().peekable();
    let mut paired = Vec::with_capacity(end);
    let mut insert = |before: usize, paired: &mut Vec<Lexeme>| {
        while let Some(insertion) = insertions.next_if(|insertion| insertion.before == before) {
            let at = paired.last().map_or(0, |last: &Lexeme| last.end);
            paired.push(Lexeme { token: insertion.closer, start: at, end: at });
        }
    };
    for (index, lexeme) in lexemes.iter().enumerate().take(end) {
        insert(index, &mut paired);
        if dropped.next_if_eq(&index).is_none() {
            paired.push(lexeme.clone());
        }
    }
    insert(end, &mut paired);
    (paired, open_at_end, is_cut)
}

impl Pairing<'_> {
    fn span(&self, index: usize) -> Span {
        let lexeme = &self.lexemes[index];
        Span::new(self.source, lexeme.start, lexeme.end)
    }

    /// Finds a closing bracket's partner; false when it has none.
    fn close(&mut self, index: usize) -> bool {
        let token = &self.lexemes[index].token;
        // `)` and `]` do not look beyond a `{`, for a block is not inside of what it stands in by accident.
        let is_fence = |open: &Opened| match token {
            Token::BraceClose => open.closer == Token::HoleClose,
            Token::HoleClose => false,
            _ => matches!(open.closer, Token::BraceClose | Token::HoleClose),
        };
        let reachable = self.open.iter().rev().take_while(|open| !is_fence(open));
        match reachable.map(|open| open.closer == *token).position(|fits| fits) {
            Some(depth) => {
                for _ in 0..depth {
                    if let Some(open) = self.open.pop() {
                        self.unclosed(open, index);
                    }
                }
                if let Some(open) = self.open.pop() {
                    self.closed(open.index, index);
                }
                true
            }
            None => {
                let written = bracket(token);
                let span = self.span(index);
                let is_slip = !matches!(token, Token::BraceClose);
                match self.open.pop_if(|open| is_slip && !matches!(open.closer, Token::BraceClose | Token::HoleClose)) {
                    Some(open) => {
                        let closer = bracket(&open.closer);
                        let opener = bracket(&self.lexemes[open.index].token);
                        let message = format!("`{opener}` is closed by `{written}`");
                        let error = Diagnostic::error(code::UNPAIRED_BRACKET, message, span, "")
                            .label(self.span(open.index), format!("this `{opener}`"))
                            .help(format!("write `{closer}`"));
                        self.diagnostics.push(error);
                        self.insertions.push(Insertion { before: index, closer: open.closer });
                        self.closed(open.index, index);
                    }
                    None => {
                        let message = format!("this `{written}` closes nothing");
                        let error = Diagnostic::error(code::UNPAIRED_BRACKET, message, span, "");
                        self.diagnostics.push(error.help("delete it, or open it earlier"));
                    }
                }
                false
            }
        }
    }

    fn unclosed(&mut self, open: Opened, found: usize) {
        let before = open.guess.unwrap_or(found);
        let opener = bracket(&self.lexemes[open.index].token);
        // A hole that is not closed was reported by the scanner, which ends it.
        let closer = bracket(&open.closer);
        let mut error = Diagnostic::error(
            code::UNPAIRED_BRACKET,
            format!("this `{opener}` is not closed"),
            self.span(open.index),
            "",
        );
        if let Some(last) = before.checked_sub(1).filter(|&last| last > open.index) {
            let end = self.lexemes[last].end;
            error = error.label(Span::new(self.source, end, end), format!("`{closer}` is missing here at the latest"));
        }
        self.diagnostics.push(error.help(format!("add `{closer}`")));
        self.closed(open.index, before);
        self.insertions.push(Insertion { before, closer: open.closer });
    }

    /// A pair was found; no guess may lie between the two, or pairs would cross.
    fn closed(&mut self, opener: usize, closer: usize) {
        for open in &mut self.open {
            if open.guess.is_some_and(|guess| opener < guess && guess < closer) {
                open.guess = None;
            }
        }
    }
}

// ---- lines and depth ----

/// What is known of a bracket's inside, or of the whole text.
#[derive(Default)]
struct Level {
    /// Whether newlines end statements here.
    has_lines: bool,
    /// The `)` ends an annotation.
    is_annotation: bool,
    /// It stands behind an operand, as a call's or an index's: then what follows is around both.
    is_behind: bool,
    /// The operators around it, in all the brackets that it stands in.
    outside: usize,
    /// What reaches to the end of this element or statement and so is around all that follows in it: `->`, `if`, annotations,
    reaching: usize,
    /// `not`, which ends at `and` and `or`,
    negations: usize,
    /// what ends at the next operator between two operands: signs, powers, calls, indices, `.`,
    operators: usize,
    /// and the most inside a bracket since that operator.
    inside: usize,
    /// The operators between two operands,
    runs: usize,
    /// and the most of what stood between two of them.
    operand: usize,
    /// The most of all elements before.
    deepest: usize,
}

impl Level {
    /// What is around the next operand.
    fn around(&self) -> usize {
        self.reaching + self.negations + self.operators + self.runs.min(MOST_OF_RUNS)
    }

    fn depth(&self) -> usize {
        let operand = self.operand.max(self.reaching + self.negations + self.operators + self.inside);
        self.deepest.max(operand + self.runs.min(MOST_OF_RUNS))
    }

    /// An operator between two operands: what was only around the left one is over.
    fn next_operand(&mut self, token: &Token) {
        self.operand = self.operand.max(self.reaching + self.negations + self.operators + self.inside);
        (self.operators, self.inside) = (0, 0);
        if matches!(token, Token::And | Token::Or) {
            self.negations = 0;
        }
        self.runs += 1;
    }

    /// An `else if`: what stood in the condition and the block before is over.
    fn next_side(&mut self) {
        *self = Level { deepest: self.depth(), negations: 0, operators: 0, inside: 0, runs: 0, operand: 0, ..*self };
    }

    /// Something begins that reaches to the end of the element, with all that is around it.
    fn reach(&mut self) {
        let around = self.around() + 1;
        self.next_side();
        self.reaching = around;
    }

    /// The next element or statement begins.
    fn next_element(&mut self) {
        self.next_side();
        self.reaching = 0;
    }
}

/// Drops the newlines that end no statement, and mends a few words of other languages. Also tells whether the last
/// statement wants more. Of a text that is cut, only the statements before that one are kept.
fn end_statements(
    source: SourceId,
    lexemes: &[Lexeme],
    is_cut: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<Lexeme>, bool) {
    let mut laid: Vec<Lexeme> = Vec::with_capacity(lexemes.len() + 1);
    let mut levels = vec![Level { has_lines: true, ..Level::default() }];
    let mut newline: Option<usize> = None;
    // Whether what came before asks for more, so that a newline after it means nothing.
    let mut wants_more = true;
    // Where the last statement outside of all brackets begins.
    let mut statement = 0;
    let significant = |from: usize| lexemes[from.min(lexemes.len())..].iter().find(|l| l.token != Token::Comment);
    for (index, lexeme) in lexemes.iter().enumerate() {
        let &Lexeme { ref token, start, end } = lexeme;
        let bottom = levels.len() == 1;
        let Some(level) = levels.last_mut() else { break };
        match token {
            Token::Comment => continue,
            Token::Newline => {
                if level.has_lines && !wants_more && newline.is_none() {
                    newline = Some(start);
                }
                continue;
            }
            _ => {}
        }
        if let Some(at) = newline.take()
            && !matches!(token, Token::Dot | Token::Arrow | Token::Else)
        {
            laid.push(Lexeme { token: Token::Newline, start: at, end: at + 1 });
            level.next_element();
            if bottom {
                statement = laid.len();
            }
        }
        // A statement right behind a block: the newline that is missing is put in, for the parser would look for it in the
        // block.
        if level.has_lines
            && begins_statement(token)
            && laid.last().is_some_and(|last| last.token == Token::BraceClose)
            && !is_else_if(token)
        {
            let span = Span::new(source, start, end);
            let message = "a statement begins behind a `}` on the same line";
            let error = Diagnostic::error(code::UNEXPECTED, message, span, "");
            diagnostics.push(error.help("begin a new line here, or write a `;` before it"));
            laid.push(Lexeme { token: Token::Newline, start, end: start });
        }
        let mut token = token.clone();
        let next = significant(index + 1);
        match (&token, next.map(|next| &next.token)) {
            (Token::Name(name), Some(Token::Name(_))) if matches!(&**name, "def" | "func" | "function") => {
                let span = Span::new(source, start, end);
                let message = format!("a function begins with `fn`, not `{name}`");
                diagnostics.push(
                    Diagnostic::error(code::FOREIGN_WORD, message, span, "")
                        .help("write `fn f(x) = …`, or `fn f(x) { … }`"),
                );
                token = Token::Fn;
            }
            (Token::Name(name), Some(Token::Name(_) | Token::Not | Token::ParenOpen))
                if is_else_if(&token) && follows_block(&laid) =>
            {
                let span = Span::new(source, start, end);
                let message = format!("`{name}` is written `else if`");
                diagnostics.push(Diagnostic::error(code::FOREIGN_WORD, message, span, "").help("write `else if`"));
                if laid.last().is_some_and(|last| last.token == Token::Newline) {
                    laid.pop();
                }
                laid.push(Lexeme { token: Token::Else, start, end });
                token = Token::If;
            }
            (Token::Plus | Token::Minus, after)
                if matches!(after, None | Some(Token::Newline | Token::Semicolon | Token::BraceClose))
                    && laid.last().is_some_and(|last| last.token == token && last.end == start) =>
            {
                let (sign, operator) = match token {
                    Token::Plus => ('+', BinaryOperator::Add),
                    _ => ('-', BinaryOperator::Subtract),
                };
                let span = Span::new(source, start - 1, end);
                let message = format!("`{sign}{sign}` is not an operator");
                let error = Diagnostic::error(code::FOREIGN_WORD, message, span, "");
                diagnostics.push(error.help(format!("write `{sign}= 1`")));
                laid.pop();
                laid.push(Lexeme { token: Token::Update(operator), start: start - 1, end });
                token = Token::Integer(1);
            }
            _ => {}
        }
        wants_more = asks_for_more(&token);
        match &token {
            Token::Semicolon | Token::Comma => {
                level.next_element();
            }
            _ if is_run_operator(&token) && laid.last().is_some_and(|last| ends_operand(&last.token)) => {
                level.next_operand(&token);
                if level.runs > MOST_OPERATORS {
                    let message = format!("more than {MOST_OPERATORS} operators stand in a row here");
                    diagnostics.push(too_deep(&token, message, Span::new(source, start, end)));
                    laid.truncate(statement);
                    return (laid, false);
                }
            }
            Token::ParenClose | Token::SquareClose | Token::BraceClose | Token::HoleClose if !bottom => {
                let depth = level.depth();
                wants_more = level.is_annotation;
                let is_behind = level.is_behind;
                levels.pop();
                if let Some(around) = levels.last_mut() {
                    // The bracket itself was counted as an operator, for all that is in it. Only behind an operand is it one.
                    around.operators -= !is_behind as usize;
                    around.inside = around.inside.max(depth + !is_behind as usize);
                }
            }
            _ if deepens(&token) => {
                let is_behind = laid.last().is_some_and(|last| ends_operand(&last.token));
                match token {
                    // What stood between the `if` or `for` and its block is over.
                    Token::BraceOpen if is_behind => {
                        level.next_side();
                        level.operators += 1;
                    }
                    Token::Not => level.negations += 1,
                    // `else if` is one step.
                    Token::Else if matches!(next.map(|next| &next.token), Some(Token::If)) => level.next_side(),
                    Token::AnnotationOpen(_) => {
                        level.reach();
                        level.operators += 1;
                    }
                    Token::Arrow | Token::Annotation(_) | Token::If | Token::Else | Token::Fn => level.reach(),
                    _ => level.operators += 1,
                }
                if level.outside + level.around() + level.inside > MAX_DEPTH {
                    let message = format!("this statement is more than {MAX_DEPTH} operations deep");
                    diagnostics.push(too_deep(&token, message, Span::new(source, start, end)));
                    laid.truncate(statement);
                    return (laid, false);
                }
                if partner(&token).is_some() {
                    let outside = level.outside + level.around();
                    let has_lines = token == Token::BraceOpen;
                    let is_annotation = matches!(token, Token::AnnotationOpen(_));
                    levels.push(Level { has_lines, is_annotation, is_behind, outside, ..Level::default() });
                }
            }
            _ => {}
        }
        let ends_statement = bottom && token == Token::Semicolon;
        laid.push(Lexeme { token, start, end });
        if ends_statement {
            statement = laid.len();
        }
    }
    if is_cut {
        // The cut is where a statement begins, or within it.
        match newline.filter(|_| levels.len() == 1) {
            Some(at) => laid.push(Lexeme { token: Token::Newline, start: at, end: at + 1 }),
            None => laid.truncate(statement),
        }
        return (laid, false);
    }
    // The last statement ends with the text, unless something is clearly to follow.
    if !wants_more && levels.len() == 1 {
        let at = laid.last().map_or(0, |last| last.end);
        laid.push(Lexeme { token: Token::Newline, start: at, end: at });
    }
    let is_open = laid.last().is_some_and(|last| !matches!(last.token, Token::Newline | Token::Semicolon));
    (laid, wants_more && is_open)
}

/// Text that nests too deep, or goes on too long, at a token.
fn too_deep(token: &Token, message: String, span: Span) -> Diagnostic {
    let help = match token {
        Token::BraceOpen | Token::If | Token::Else => "make an inner part a function of its own: `fn part(x) { … }`",
        _ => "name an inner part first, for example `part = …`",
    };
    Diagnostic::error(code::TOO_DEEP, message, span, "").help(help)
}

/// Whether a token can begin a statement and cannot go on with one.
fn begins_statement(token: &Token) -> bool {
    use Token::*;
    matches!(token, Name(_) | Integer(_) | Float(_) | Imaginary(_) | Text(_) | FormatStart | True | False)
        || matches!(token, Annotation(_) | AnnotationOpen(_) | Fn | If | For | While | Not)
        || matches!(token, Break | Continue | Import)
}

fn is_else_if(token: &Token) -> bool {
    matches!(token, Token::Name(name) if matches!(&**name, "elif" | "elsif" | "elseif"))
}

fn follows_block(laid: &[Lexeme]) -> bool {
    let mut before = laid.iter().rev().map(|lexeme| &lexeme.token);
    match before.next() {
        Some(Token::Newline) => before.next() == Some(&Token::BraceClose),
        last => last == Some(&Token::BraceClose),
    }
}

/// Whether a statement cannot end with this token, or has just begun.
fn asks_for_more(token: &Token) -> bool {
    use Token::*;
    matches!(token, Newline | Semicolon | BraceOpen | Comma | Assign | Update(_) | Arrow | Dot | In | Else)
        || matches!(token, Annotation(_))
        || is_operator(token)
}

/// Whether the tree may be one deeper for this token.
fn deepens(token: &Token) -> bool {
    use Token::*;
    matches!(token, Arrow | Dot | Annotation(_) | If | Else | Fn) || is_operator(token) || partner(token).is_some()
}

/// Whether an operand, or a function's or a block's head, may end with this token.
pub(crate) fn ends_operand(token: &Token) -> bool {
    use Token::*;
    matches!(token, Name(_) | Integer(_) | Float(_) | Imaginary(_) | Text(_) | FormatEnd | True | False)
        || matches!(token, ParenClose | SquareClose | BraceClose)
}

/// Whether this is an operator between two operands of which a run is applied from the left to the right.
fn is_run_operator(token: &Token) -> bool {
    is_operator(token) && !matches!(token, Token::Not | Token::Tilde | Token::DoubleStar)
}

/// Whether an operand must follow, at the least.
fn is_operator(token: &Token) -> bool {
    use Token::*;
    matches!(token, Or | And | Not | Less | LessEqual | Greater | GreaterEqual | Equal | NotEqual)
        || matches!(token, Pipe | Caret | Ampersand | ShiftLeft | ShiftRight | Plus | Minus | Tilde)
        || matches!(token, Star | Slash | DoubleSlash | Percent | MatrixProduct | DoubleStar)
}
