//! A text without errors as a tree of brackets: statements, words, and what stands between brackets, each with the comments
//! before it, the author's line breaks that are kept, and its width on one line.

use crate::layout::{self, ends_operand};
use crate::lexer::{self, Lexeme, Token};
use crate::source::SourceId;

/// A comment, without the blanks after it.
pub(super) struct Comment<'text> {
    pub text: &'text str,
    /// It stands on a line of its own.
    pub own_line: bool,
    /// A blank line is before it.
    pub blank: bool,
    /// The characters before it on its line.
    pub column: usize,
}

/// A word, and what is before it.
pub(super) struct Word<'text> {
    pub text: &'text str,
    pub token: Token,
    pub comments: Vec<Comment<'text>>,
    /// It begins a line.
    pub newline: bool,
    /// A blank line is before it, behind its comments.
    pub blank: bool,
    /// Something is between it and the word before.
    pub apart: bool,
}

/// A part of a statement.
pub(super) struct Item<'text> {
    pub node: Node<'text>,
    /// A space is before it.
    pub space: bool,
    /// Its width on one line; `None` when it must have several.
    pub width: Option<usize>,
    /// The width if it were written on one line, whatever its author says. What a line break adds to a text must not
    /// change it, or formatting twice would differ from formatting once.
    pub natural: usize,
}

pub(super) enum Node<'text> {
    Word(Word<'text>),
    Brackets(Brackets<'text>),
    Block(Block<'text>),
}

/// What round and square brackets are.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Call,
    Parameters,
    Annotation,
    Index,
    Array,
    Comprehension,
    /// Around one value, or a tuple.
    Parentheses,
}

pub(super) struct Brackets<'text> {
    pub kind: Kind,
    pub open: Word<'text>,
    pub elements: Vec<Element<'text>>,
    /// A comma stands behind the last element.
    pub ends_with_comma: bool,
    pub close: Word<'text>,
}

/// What stands between two commas.
pub(super) struct Element<'text> {
    pub items: Vec<Item<'text>>,
    /// Comments behind it on its line, or before its comma.
    pub after: Vec<Comment<'text>>,
}

pub(super) struct Block<'text> {
    pub open: Word<'text>,
    /// The comment behind the `{`.
    pub after_open: Vec<Comment<'text>>,
    pub statements: Vec<Statement<'text>>,
    /// The comments behind the last statement.
    pub rest: Vec<Comment<'text>>,
    /// Its author gave it lines of its own.
    has_lines: bool,
}

pub(super) struct Statement<'text> {
    pub comments: Vec<Comment<'text>>,
    pub items: Vec<Item<'text>>,
    /// A `;` ends it.
    pub silent: bool,
    /// It stands on the line of the statement before it.
    pub joined: bool,
    /// A blank line is before it, behind its comments.
    pub blank: bool,
    /// The comments behind it on its line.
    pub after: Vec<Comment<'text>>,
}

/// A whole text.
pub(super) struct Program<'text> {
    pub statements: Vec<Statement<'text>>,
    /// The comments behind the last statement.
    pub rest: Vec<Comment<'text>>,
}

/// Reads a text that has no errors.
pub(super) fn read(source: SourceId, text: &str) -> Program<'_> {
    let lexemes = lexer::scan(source, text).lexemes;
    let comments = lexemes.iter().filter(|lexeme| lexeme.token == Token::Comment).cloned().collect();
    let words = layout::lay_out(source, lexemes).lexemes;
    let mut reader = Reader { text, words, next: 0, comments, next_comment: 0, end: 0 };
    let mut statements = reader.statements();
    let mut rest = reader.comments(text.len());
    if let Some(last) = statements.last_mut() {
        last.after.extend(same_line(&mut rest));
    }
    Program { statements, rest }
}

/// Takes the comments that stand behind something on its line.
fn same_line<'text>(comments: &mut Vec<Comment<'text>>) -> Vec<Comment<'text>> {
    let own = comments.iter().position(|comment| comment.own_line).unwrap_or(comments.len());
    comments.drain(..own).collect()
}

struct Reader<'text> {
    text: &'text str,
    words: Vec<Lexeme>,
    next: usize,
    comments: Vec<Lexeme>,
    next_comment: usize,
    /// Where the word or comment before ends.
    end: usize,
}

impl<'text> Reader<'text> {
    fn peek(&self) -> Option<&Token> {
        self.words.get(self.next).map(|lexeme| &lexeme.token)
    }

    /// The comments before a place.
    fn comments(&mut self, before: usize) -> Vec<Comment<'text>> {
        let mut comments = Vec::new();
        while let Some(&Lexeme { start, end, .. }) =
            self.comments.get(self.next_comment).filter(|comment| comment.start < before)
        {
            let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
            let line = &self.text[line_start..start];
            comments.push(Comment {
                text: self.text[start..end].trim_end(),
                own_line: line.chars().all(|character| character.is_whitespace() || character == '\u{feff}'),
                blank: self.lines(start) > 1,
                column: line.chars().count(),
            });
            self.end = end;
            self.next_comment += 1;
        }
        comments
    }

    /// The line breaks since the word or comment before.
    fn lines(&self, to: usize) -> usize {
        self.text.get(self.end..to).map_or(0, |between| between.matches('\n').count())
    }

    /// The next word; an f-string is one word.
    fn word(&mut self) -> Word<'text> {
        let Lexeme { token, start, mut end } = self.words[self.next].clone();
        let before = self.end;
        let comments = self.comments(start);
        let lines = self.lines(start);
        self.next += 1;
        if token == Token::FormatStart {
            let mut depth = 1;
            while depth > 0 {
                match self.words[self.next].token {
                    Token::FormatStart => depth += 1,
                    Token::FormatEnd => depth -= 1,
                    _ => {}
                }
                end = self.words[self.next].end;
                self.next += 1;
            }
        }
        self.end = end;
        let newline = lines > 0 || !comments.is_empty();
        Word { text: &self.text[start..end], token, comments, newline, blank: lines > 1, apart: start > before }
    }

    /// Statements up to a `}` or the end.
    fn statements(&mut self) -> Vec<Statement<'text>> {
        let mut statements: Vec<Statement> = Vec::new();
        loop {
            match self.peek() {
                Some(Token::Newline | Token::Semicolon) => self.next += 1,
                None | Some(Token::BraceClose) => return statements,
                Some(_) => {
                    let mut items = self.items(None);
                    let first = items[0].first_mut();
                    let (newline, blank) = (first.newline, first.blank);
                    let mut comments = std::mem::take(&mut first.comments);
                    if let Some(last) = statements.last_mut() {
                        last.after.extend(same_line(&mut comments));
                    }
                    let silent = self.peek() == Some(&Token::Semicolon);
                    statements.push(Statement { comments, items, silent, joined: !newline, blank, after: Vec::new() });
                }
            }
        }
    }

    /// The parts of a statement, or of an element of brackets.
    fn items(&mut self, brackets: Option<Kind>) -> Vec<Item<'text>> {
        let mut items: Vec<Item> = Vec::new();
        let mut is_comprehension = false;
        while let Some(token) = self.peek() {
            let node = match token {
                Token::Newline | Token::Semicolon => break,
                Token::ParenClose | Token::SquareClose | Token::BraceClose => break,
                Token::Comma if brackets.is_some() && !is_comprehension => break,
                Token::ParenOpen | Token::SquareOpen | Token::AnnotationOpen(_) => {
                    Node::Brackets(self.brackets(&items))
                }
                Token::BraceOpen => Node::Block(self.block()),
                _ => {
                    is_comprehension |= *token == Token::For && brackets.is_some();
                    Node::Word(self.word())
                }
            };
            let (width, natural) = node.widths();
            items.push(Item { node, space: false, width, natural });
        }
        space(&mut items, brackets);
        items
    }

    fn brackets(&mut self, before: &[Item]) -> Brackets<'text> {
        let is_behind = before.last().is_some_and(Item::ends_operand);
        let is_function = before.len() > 1 && before[before.len() - 2].is(&Token::Fn);
        let open = self.word();
        let mut kind = match open.token {
            Token::AnnotationOpen(_) => Kind::Annotation,
            Token::SquareOpen if is_behind => Kind::Index,
            Token::SquareOpen => Kind::Array,
            _ if is_function => Kind::Parameters,
            _ if is_behind => Kind::Call,
            _ => Kind::Parentheses,
        };
        let mut elements: Vec<Element> = Vec::new();
        let mut ends_with_comma = false;
        loop {
            let mut items = self.items(Some(kind));
            if let (Some(first), Some(last)) = (items.first_mut(), elements.last_mut()) {
                last.after.extend(same_line(&mut first.first_mut().comments));
            }
            if items.iter().any(|item| item.is(&Token::For)) {
                kind = Kind::Comprehension;
            }
            let is_empty = items.is_empty();
            if !is_empty {
                elements.push(Element { items, after: Vec::new() });
                ends_with_comma = false;
            }
            if self.peek() != Some(&Token::Comma) || is_empty {
                break;
            }
            let comma = self.word();
            if let Some(last) = elements.last_mut() {
                last.after.extend(comma.comments);
            }
            ends_with_comma = true;
        }
        let mut close = self.word();
        if let Some(last) = elements.last_mut() {
            last.after.extend(same_line(&mut close.comments));
        }
        Brackets { kind, open, elements, ends_with_comma, close }
    }

    fn block(&mut self) -> Block<'text> {
        let open = self.word();
        let mut statements = self.statements();
        let close = self.word();
        let mut rest = close.comments;
        let after_open = match statements.first_mut() {
            Some(first) => same_line(&mut first.comments),
            None => same_line(&mut rest),
        };
        if let Some(last) = statements.last_mut() {
            last.after.extend(same_line(&mut rest));
        }
        let has_lines = !statements.is_empty() && close.newline || statements.iter().any(|one| !one.joined);
        Block { open, after_open, statements, rest, has_lines }
    }
}

impl<'text> Item<'text> {
    /// The word that it begins with.
    pub(super) fn first(&self) -> &Word<'text> {
        match &self.node {
            Node::Word(word) => word,
            Node::Brackets(brackets) => &brackets.open,
            Node::Block(block) => &block.open,
        }
    }

    fn first_mut(&mut self) -> &mut Word<'text> {
        match &mut self.node {
            Node::Word(word) => word,
            Node::Brackets(brackets) => &mut brackets.open,
            Node::Block(block) => &mut block.open,
        }
    }

    /// Whether it is this word.
    pub(super) fn is(&self, token: &Token) -> bool {
        matches!(&self.node, Node::Word(word) if word.token == *token)
    }

    /// Whether an operand may end with it.
    pub(super) fn ends_operand(&self) -> bool {
        match &self.node {
            Node::Word(word) => ends_operand(&word.token) || word.token == Token::FormatStart,
            Node::Brackets(brackets) => brackets.kind != Kind::Annotation,
            Node::Block(_) => true,
        }
    }

    pub(super) fn is_annotation(&self) -> bool {
        match &self.node {
            Node::Word(word) => matches!(word.token, Token::Annotation(_)),
            Node::Brackets(brackets) => brackets.kind == Kind::Annotation,
            Node::Block(_) => false,
        }
    }

    /// Whether a line must begin with it, within a statement or an element.
    pub(super) fn begins_line(&self) -> bool {
        let first = self.first();
        !first.comments.is_empty() || first.token == Token::Dot && first.newline
    }
}

impl Node<'_> {
    /// The widths on one line: if it may be there, and if it had to.
    fn widths(&self) -> (Option<usize>, usize) {
        match self {
            Node::Word(word) => {
                let width = word.text.chars().count();
                (Some(width), width)
            }
            Node::Brackets(brackets) => brackets.widths(),
            Node::Block(block) => block.widths(),
        }
    }
}

impl Brackets<'_> {
    /// Whether an element, or the end, has comments before or behind it.
    pub(super) fn has_comments(&self) -> bool {
        let commented = |element: &Element| !element.after.is_empty() || !element.items[0].first().comments.is_empty();
        !self.close.comments.is_empty() || self.elements.iter().any(commented)
    }

    /// Whether its author gave its elements lines of their own; rows of an array count wherever they begin.
    pub(super) fn has_lines(&self) -> bool {
        let rows = if self.kind == Kind::Array { self.elements.len() } else { 1 };
        self.elements.iter().take(rows).any(|element| element.items[0].first().newline)
    }

    /// `(a,)` is no `(a)`.
    pub(super) fn needs_comma(&self) -> bool {
        self.kind == Kind::Parentheses && self.ends_with_comma && self.elements.len() == 1
    }

    fn widths(&self) -> (Option<usize>, usize) {
        let around = self.open.text.chars().count() + 1 + self.needs_comma() as usize;
        let around = around + 2 * self.elements.len().saturating_sub(1);
        let natural = self.elements.iter().map(|element| natural(&element.items)).sum::<usize>();
        let width: Option<usize> = self.elements.iter().map(|element| width(&element.items)).sum();
        let width = width.filter(|_| !self.has_lines() && !self.has_comments());
        (width.map(|width| width + around), natural + around)
    }
}

impl Block<'_> {
    /// Nothing is in it, not even a comment.
    pub(super) fn is_empty(&self) -> bool {
        self.statements.is_empty() && self.after_open.is_empty() && self.rest.is_empty()
    }

    fn widths(&self) -> (Option<usize>, usize) {
        let around = if self.statements.is_empty() { 2 } else { 3 };
        let ends = |statement: &Statement| 1 + statement.silent as usize;
        let natural = around + self.statements.iter().map(|s| natural(&s.items) + ends(s)).sum::<usize>();
        let width: Option<usize> = self.statements.iter().map(|s| Some(s.width()? + ends(s))).sum();
        let has_comments = !self.after_open.is_empty() || !self.rest.is_empty();
        (width.filter(|_| !self.has_lines && !has_comments).map(|width| width + around), natural)
    }
}

impl Statement<'_> {
    /// The width on one line, if it may be on one.
    pub(super) fn width(&self) -> Option<usize> {
        let has_comments = !self.comments.is_empty() || !self.after.is_empty();
        if has_comments || self.annotation_lines().next().is_some() { None } else { width(&self.items) }
    }

    /// Where lines begin behind the annotations before it.
    pub(super) fn annotation_lines(&self) -> impl Iterator<Item = usize> + '_ {
        let annotations = self.items.iter().take_while(|item| item.is_annotation()).count();
        (1..=annotations).filter(|&at| self.items.get(at).is_some_and(|item| item.first().newline))
    }
}

/// The width of items on one line, if they may be on one.
pub(super) fn width(items: &[Item]) -> Option<usize> {
    let breaks = items.iter().skip(1).any(Item::begins_line) || function_value(items).is_some_and(|(_, line)| line);
    let width: Option<usize> = items.iter().map(|item| item.width).sum();
    width.filter(|_| !breaks).map(|width| width + spaces(items))
}

/// The width of items if they had to be on one line.
pub(super) fn natural(items: &[Item]) -> usize {
    items.iter().map(|item| item.natural).sum::<usize>() + spaces(items)
}

fn spaces(items: &[Item]) -> usize {
    items.iter().skip(1).filter(|item| item.space).count()
}

/// For `fn f(x) = value`, where the value begins, and whether on a line of its own.
pub(super) fn function_value(items: &[Item]) -> Option<(usize, bool)> {
    let start = items.iter().take_while(|item| item.is_annotation()).count();
    if !items.get(start)?.is(&Token::Fn) {
        return None;
    }
    let value = items.iter().position(|item| item.is(&Token::Assign))? + 1;
    Some((value, items.get(value)?.first().newline))
}

/// Decides before which items there is a space.
fn space(items: &mut [Item], brackets: Option<Kind>) {
    use Token::*;
    let is_named = matches!(brackets, Some(Kind::Call | Kind::Annotation));
    let is_index = brackets == Some(Kind::Index);
    for at in 1..items.len() {
        let (before, item) = (&items[at - 1], &items[at]);
        let sign = matches!(&before.node, Node::Word(word) if matches!(word.token, Minus | Plus | Tilde))
            && !(at > 1 && items[at - 2].ends_operand());
        let touches = match &item.node {
            Node::Word(word) => match word.token {
                Comma => true,
                // In `2 .e5` the number would go on.
                Dot => !(before.is_integer() && word.apart),
                Colon => true,
                Assign => is_named,
                _ => false,
            },
            Node::Brackets(inner) => matches!(inner.kind, Kind::Call | Kind::Parameters | Kind::Index),
            Node::Block(_) => false,
        };
        let is_touched = sign || before.is(&Dot) || is_named && before.is(&Assign) || is_index && before.is(&Colon);
        let space = !touches && !is_touched;
        items[at].space = space;
    }
}

impl Item<'_> {
    fn is_integer(&self) -> bool {
        matches!(&self.node, Node::Word(word) if matches!(word.token, Token::Integer(_)))
    }
}
