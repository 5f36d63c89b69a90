//! The tree of brackets as text: one line where it fits, and else the breaks that show best what belongs together.
//!
//! What is too wide is broken at its loosest joints: a block's braces first, then the brackets that hold most of the width,
//! then the loosest operators. Each part is written once, and no choice depends on line breaks that the printer itself makes,
//! so the printed text is printed as it is.

use super::tree::*;
use super::{INDENT, WIDTH};
use crate::lexer::Token;

/// The text of a program.
pub(super) fn print(program: &Program) -> String {
    let mut printer = Printer { lines: Vec::new() };
    printer.statements(&program.statements, 0);
    printer.rest(&program.rest, 0, program.statements.is_empty());
    printer.finish()
}

/// A line of the result.
#[derive(Default)]
struct Line {
    text: String,
    /// The comment behind it, and the column where its author had it.
    comment: Option<(String, usize)>,
}

/// Where items stand.
#[derive(Clone, Copy)]
struct Place {
    /// The indentation of the line that they belong to: closing brackets stand there.
    indent: usize,
    /// The indentation of what goes on.
    hang: usize,
    /// The width of what follows them on their last line.
    tail: usize,
}

impl Place {
    fn at(indent: usize) -> Place {
        Place { indent, hang: indent + INDENT, tail: 0 }
    }

    fn with_tail(self, tail: usize) -> Place {
        Place { tail, ..self }
    }
}

struct Printer {
    lines: Vec<Line>,
}

impl Printer {
    // ---- lines ----

    fn put(&mut self, text: &str) {
        if let Some(line) = self.lines.last_mut() {
            line.text.push_str(text);
        }
    }

    fn newline(&mut self, indent: usize) {
        self.lines.push(Line { text: " ".repeat(indent), comment: None });
    }

    fn blank_line(&mut self) {
        self.lines.push(Line::default());
    }

    fn column(&self) -> usize {
        self.lines.last().map_or(0, |line| line.text.chars().count())
    }

    /// Comments, each behind what was written, or on a line of its own.
    fn comments(&mut self, comments: &[Comment], indent: usize) {
        for comment in comments {
            let takes = |line: &&mut Line| line.comment.is_none() && !line.text.trim_start().starts_with('#');
            match self.lines.last_mut().filter(|_| !comment.own_line).filter(takes) {
                Some(line) => line.comment = Some((comment.text.to_string(), comment.column)),
                None => {
                    self.newline(indent);
                    self.put(comment.text);
                }
            }
        }
    }

    /// Comments on lines of their own, with the blank lines before them; `is_first`: nothing is before them in the block.
    fn rest(&mut self, comments: &[Comment], indent: usize, is_first: bool) {
        for (index, comment) in comments.iter().enumerate() {
            if comment.blank && (index > 0 || !is_first) {
                self.blank_line();
            }
            self.newline(indent);
            self.put(comment.text);
        }
    }

    /// The whole text. Comments that their author had in one column, on lines that follow each other, get one column.
    fn finish(self) -> String {
        let source = |line: &Line| line.comment.as_ref().map(|&(_, column)| column);
        let mut text = String::new();
        for group in self.lines.chunk_by(|line, next| source(line).is_some() && source(line) == source(next)) {
            let width = group.iter().map(|line| line.text.chars().count()).max().unwrap_or(0);
            for line in group {
                match &line.comment {
                    Some((comment, _)) => {
                        let padding = width + 2 - line.text.chars().count();
                        text.push_str(&line.text);
                        text.push_str(&" ".repeat(padding));
                        text.push_str(comment);
                    }
                    None => text.push_str(line.text.trim_end()),
                }
                text.push('\n');
            }
        }
        text
    }

    // ---- statements ----

    fn statements(&mut self, statements: &[Statement], indent: usize) {
        for (index, statement) in statements.iter().enumerate() {
            let width = statement.width().map(|width| width + statement.silent as usize);
            let is_joined = index > 0
                && statement.joined
                && statements[index - 1].after.is_empty()
                && width.is_some_and(|width| self.column() + 1 + width <= WIDTH);
            if is_joined {
                self.put(" ");
            } else {
                self.rest(&statement.comments, indent, index == 0);
                if statement.blank && (index > 0 || !statement.comments.is_empty()) {
                    self.blank_line();
                }
                self.newline(indent);
            }
            self.statement(statement, indent);
            self.comments(&statement.after, indent);
        }
    }

    fn statement(&mut self, statement: &Statement, indent: usize) {
        let place = Place::at(indent).with_tail(statement.silent as usize);
        let mut start = 0;
        for line in statement.annotation_lines() {
            self.sequence(&statement.items[start..line], Place::at(indent));
            self.comments(&statement.items[line].first().comments, indent);
            self.newline(indent);
            start = line;
        }
        self.sequence(&statement.items[start..], place);
        if statement.silent {
            self.put(";");
        }
    }

    /// A block on lines of its own.
    fn block(&mut self, block: &Block, indent: usize) {
        self.put("{");
        if !block.is_empty() {
            self.comments(&block.after_open, indent + INDENT);
            self.statements(&block.statements, indent + INDENT);
            self.rest(&block.rest, indent + INDENT, block.statements.is_empty());
            self.newline(indent);
        }
        self.put("}");
    }

    // ---- on one line ----

    fn flat(&mut self, items: &[Item]) {
        for (index, item) in items.iter().enumerate() {
            if item.space && index > 0 {
                self.put(" ");
            }
            self.flat_item(item);
        }
    }

    fn flat_item(&mut self, item: &Item) {
        match &item.node {
            Node::Word(word) => self.put(word.text),
            Node::Brackets(brackets) => {
                self.put(brackets.open.text);
                for (index, element) in brackets.elements.iter().enumerate() {
                    self.put(if index > 0 { ", " } else { "" });
                    self.flat(&element.items);
                }
                self.put(if brackets.needs_comma() { "," } else { "" });
                self.put(brackets.close.text);
            }
            Node::Block(block) => {
                self.put("{");
                for statement in &block.statements {
                    self.put(" ");
                    self.flat(&statement.items);
                    self.put(if statement.silent { ";" } else { "" });
                }
                self.put(if block.statements.is_empty() { "}" } else { " }" });
            }
        }
    }

    fn fits(&self, items: &[Item], before: usize, tail: usize) -> bool {
        width(items).is_some_and(|width| self.column() + before + width + tail <= WIDTH)
    }

    // ---- on several lines ----

    /// Items, from where the line stands; the comments before the first were written already.
    fn sequence(&mut self, items: &[Item], place: Place) {
        if self.fits(items, 0, place.tail) {
            self.flat(items);
        } else if items.iter().skip(1).any(Item::begins_line) {
            self.lines_as_written(items, place);
        } else if let Some((value, has_line)) = function_value(items) {
            self.function(&items[..value], &items[value..], has_line, place);
        } else if items.iter().any(|item| matches!(item.node, Node::Block(_))) {
            self.around_blocks(items, place);
        } else {
            self.divided(items, place);
        }
    }

    /// Items among which some begin a line: those behind a comment, and `.name` where its author began one.
    fn lines_as_written(&mut self, items: &[Item], place: Place) {
        let starts: Vec<usize> = (1..items.len()).filter(|&at| items[at].begins_line()).collect();
        let mut start = 0;
        let mut indent = place.indent;
        for end in starts.into_iter().chain([items.len()]) {
            let is_last = end == items.len();
            let tail = if is_last { place.tail } else { 0 };
            self.sequence(&items[start..end], Place { indent, hang: place.hang, tail });
            if !is_last {
                indent = if items[end].is(&Token::Else) { place.indent } else { place.hang };
                self.comments(&items[end].first().comments, indent);
                self.newline(indent);
            }
            start = end;
        }
    }

    /// Items among which are blocks, which get lines of their own.
    fn around_blocks(&mut self, items: &[Item], place: Place) {
        let mut start = 0;
        for (at, item) in items.iter().enumerate() {
            let Node::Block(block) = &item.node else { continue };
            if start < at {
                self.space_before(items, start);
                self.sequence(&items[start..at], place.with_tail(2));
            }
            self.space_before(items, at);
            self.block(block, place.indent);
            start = at + 1;
        }
        if start < items.len() {
            self.space_before(items, start);
            self.sequence(&items[start..], place);
        }
    }

    fn space_before(&mut self, items: &[Item], at: usize) {
        self.put(if at > 0 && items[at].space { " " } else { "" });
    }

    /// Items that are too wide for the line, or hold brackets with lines.
    fn divided(&mut self, items: &[Item], place: Place) {
        let joint = |wanted: fn(&Token) -> bool| {
            let is_joint = |item: &Item| matches!(&item.node, Node::Word(word) if wanted(&word.token));
            items[..items.len() - 1].iter().position(is_joint).map(|at| at + 1)
        };
        // A function's head has its result's type behind an arrow; its parameters are what is wide.
        let is_head = items[0].is(&Token::Fn);
        let is_for = items[0].is(&Token::For);
        if let Some(value) = joint(|token| matches!(token, Token::Assign | Token::Update(_))) {
            return self.after_joint(items, value, place);
        }
        if let Some(body) = joint(|token| *token == Token::Arrow).filter(|_| !is_head) {
            return self.after_joint(items, body, place);
        }
        let loosest = (1..items.len() - 1).filter_map(|at| looseness(items, at)).min().filter(|_| !is_head);
        // Of equals the last: what is before it stays on the line. An annotation's arguments are short.
        let widest = (0..items.len())
            .filter(|&at| holds_something(&items[at]))
            .max_by_key(|&at| (!items[at].is_annotation(), items[at].natural, at));
        let widest = if is_head { (0..items.len()).find(|&at| holds_something(&items[at])) } else { widest };
        let dominates = |at: usize| 2 * items[at].natural >= natural(items);
        match (loosest.filter(|&loosest| !(is_for && loosest == 0)), widest) {
            (Some(_), Some(at)) if dominates(at) => self.open_brackets(items, at, place),
            (Some(loosest), _) => self.at_operators(items, loosest, place),
            (None, Some(at)) => self.open_brackets(items, at, place),
            // Nothing can be broken; what is too wide stays so.
            (None, None) => self.flat(items),
        }
    }

    /// `fn f(x) = value`
    fn function(&mut self, head: &[Item], value: &[Item], has_line: bool, place: Place) {
        self.sequence(head, place.with_tail(0));
        let below = place.indent + INDENT;
        let fits_below = width(value).is_some_and(|width| below + width + place.tail <= WIDTH);
        if has_line || fits_below && !self.fits(value, 1, place.tail) {
            self.newline(below);
            self.sequence(value, Place::at(below).with_tail(place.tail));
        } else {
            self.put(" ");
            self.sequence(value, place);
        }
    }

    /// `head = value`, `head -> value`
    fn after_joint(&mut self, items: &[Item], value: usize, place: Place) {
        let (head, value) = items.split_at(value);
        self.sequence(head, place.with_tail(0));
        let space = value[0].space;
        let cannot_break = !value.iter().any(holds_something)
            && !(1..value.len()).any(|at| at + 1 < value.len() && looseness(value, at).is_some());
        let fits_below = width(value).is_some_and(|width| place.hang + width + place.tail <= WIDTH);
        if space && cannot_break && fits_below && !self.fits(value, 1, place.tail) {
            self.newline(place.hang);
        } else {
            self.put(if space { " " } else { "" });
        }
        self.sequence(value, place);
    }

    /// As many operands on each line as fit, with a break behind each of the loosest operators where needed.
    fn at_operators(&mut self, items: &[Item], loosest: u8, place: Place) {
        let mut starts = vec![0];
        starts.extend((1..items.len() - 1).filter(|&at| looseness(items, at) == Some(loosest)).map(|at| at + 1));
        for (index, &start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(items.len());
            let operand = &items[start..end];
            let tail = if end == items.len() { place.tail } else { 0 };
            if index > 0 {
                if self.fits(operand, 1, tail) {
                    self.put(" ");
                } else {
                    self.newline(place.hang);
                }
            }
            let indent = if index > 0 { place.hang } else { place.indent };
            self.sequence(operand, Place { indent, hang: place.hang, tail });
        }
    }

    /// All items on the line, but for what is in the brackets that have lines, or else in the widest, and in those that do not
    /// fit either.
    fn open_brackets(&mut self, items: &[Item], widest: usize, place: Place) {
        let widest = Some(widest).filter(|_| items.iter().all(|item| item.width.is_some()));
        for (at, item) in items.iter().enumerate() {
            self.space_before(items, at);
            let behind = natural(&items[at + 1..]) + items.get(at + 1).is_some_and(|next| next.space) as usize;
            let fits = item.width.is_some_and(|width| self.column() + width <= WIDTH);
            match &item.node {
                Node::Brackets(brackets) if widest == Some(at) || !fits => {
                    self.brackets(brackets, place.with_tail(behind + place.tail));
                }
                _ => self.flat_item(item),
            }
        }
    }

    fn brackets(&mut self, brackets: &Brackets, place: Place) {
        if brackets.elements.is_empty() && !brackets.has_comments() {
            self.put(brackets.open.text);
            self.put(brackets.close.text);
            return;
        }
        let plain = !brackets.has_lines() && !brackets.has_comments();
        match brackets.elements.as_slice() {
            [only] if plain && !brackets.needs_comma() && clings(&only.items) => {
                self.put(brackets.open.text);
                let tail = place.tail + 1;
                self.sequence(&only.items, place.with_tail(tail));
                self.put(brackets.close.text);
            }
            elements if plain && self.has_one_wide(brackets, place) => {
                self.put(brackets.open.text);
                for (index, element) in elements.iter().enumerate() {
                    self.put(if index > 0 { ", " } else { "" });
                    self.sequence(&element.items, place.with_tail(0));
                }
                self.put(if brackets.needs_comma() { "," } else { "" });
                self.put(brackets.close.text);
            }
            _ => self.opened(brackets, place),
        }
    }

    /// Whether one of the elements has lines, as a block or as brackets at its end, and all else fits before and behind it.
    fn has_one_wide(&self, brackets: &Brackets, place: Place) -> bool {
        let elements = &brackets.elements;
        let mut wide = elements.iter().enumerate().filter(|(_, element)| width(&element.items).is_none());
        let (Some((at, element)), None) = (wide.next(), wide.next()) else { return false };
        let items = &element.items;
        let is_block = |item: &Item| matches!(item.node, Node::Block(_));
        let blocks = items.iter().position(is_block).zip(items.iter().rposition(is_block));
        let last = items.len() - 1;
        let ends = brackets.kind != Kind::Array && clings(items) && items[last].width.is_none();
        let Some((first, last)) = blocks.or(ends.then_some((last, last))) else { return false };
        let others = |elements: &[Element]| elements.iter().map(|other| natural(&other.items) + 2).sum::<usize>();
        let before = others(&elements[..at]) + natural(&items[..first]);
        let behind = natural(&items[last + 1..]) + others(&elements[at + 1..]);
        items.iter().enumerate().all(|(at, item)| at == last || is_block(item) || item.width.is_some())
            && !items.iter().skip(1).any(Item::begins_line)
            && self.column() + before + 4 <= WIDTH
            && place.indent + behind + place.tail + 4 <= WIDTH
    }

    /// Brackets whose elements have lines of their own.
    fn opened(&mut self, brackets: &Brackets, place: Place) {
        let inner = place.indent + INDENT;
        self.put(brackets.open.text);
        let count = brackets.elements.len();
        let keeps_lines = brackets.has_lines() && lines_fit(&brackets.elements, inner);
        let may_pack = keeps_lines || is_row(&brackets.elements, inner) || are_short(&brackets.elements);
        let mut is_packable = false;
        let first_line = self.lines.len() + 1;
        for (index, element) in brackets.elements.iter().enumerate() {
            let items = &element.items;
            let first = items[0].first();
            let goes_on = is_packable && first.comments.is_empty() && !(keeps_lines && first.newline);
            if goes_on && self.fits(items, 1, 1) {
                self.put(" ");
            } else {
                self.comments(&first.comments, inner);
                self.newline(inner);
            }
            let hang = match brackets.kind {
                Kind::Parentheses if count == 1 => inner,
                _ => inner + INDENT,
            };
            let at = Place { indent: inner, hang, tail: 1 };
            match brackets.kind {
                Kind::Comprehension => self.comprehension(items, at),
                _ => self.sequence(items, at),
            }
            // A tuple may end with a comma, but a target in parentheses may not, and both look the same.
            let ends = index + 1 < count
                || brackets.needs_comma()
                || match brackets.kind {
                    Kind::Comprehension => false,
                    Kind::Parentheses => brackets.ends_with_comma,
                    _ => count > 1 && self.lines.len() > first_line,
                };
            self.put(if ends { "," } else { "" });
            self.comments(&element.after, inner);
            is_packable = may_pack && element.after.is_empty() && width(items).is_some();
        }
        self.comments(&brackets.close.comments, inner);
        self.newline(place.indent);
        self.put(brackets.close.text);
    }

    /// The element, `for …` and `if …` of a comprehension, each on a line.
    fn comprehension(&mut self, items: &[Item], place: Place) {
        let is_clause =
            |at: usize| items[at].is(&Token::For) || items[at].is(&Token::If) && items[at - 1].ends_operand();
        let mut start = 0;
        for end in (1..items.len()).filter(|&at| is_clause(at)).chain([items.len()]) {
            if start > 0 {
                self.comments(&items[start].first().comments, place.indent);
                self.newline(place.indent);
            }
            self.sequence(&items[start..end], place);
            start = end;
        }
    }
}

/// Whether an item is brackets with something in them, or a comment.
fn holds_something(item: &Item) -> bool {
    matches!(&item.node, Node::Brackets(brackets) if !brackets.elements.is_empty() || brackets.has_comments())
}

/// Whether an element of brackets may begin right behind them: it is wide only for the brackets that it ends with.
fn clings(items: &[Item]) -> bool {
    let Some((last, before)) = items.split_last() else { return false };
    let is_plain = |item: &Item| matches!(&item.node, Node::Word(word) if matches!(word.token, Token::Name(_) | Token::Dot | Token::Assign));
    holds_something(last) && before.iter().all(is_plain)
}

/// Elements that read well side by side.
fn are_short(elements: &[Element]) -> bool {
    elements.iter().all(|element| natural(&element.items) <= WIDTH / 3)
}

/// Whether elements fit on one line.
fn is_row(elements: &[Element], indent: usize) -> bool {
    indent + elements.iter().map(|element| natural(&element.items) + 2).sum::<usize>() < WIDTH
}

/// Whether the lines that their author gave to elements fit.
fn lines_fit(elements: &[Element], indent: usize) -> bool {
    let lines = elements.chunk_by(|_, next| !next.items[0].first().newline);
    lines.into_iter().all(|line| line.len() == 1 || is_row(line, indent))
}

/// How loosely an item joins its neighbours: a comma is the loosest; `None` for what is no joint.
fn looseness(items: &[Item], at: usize) -> Option<u8> {
    let Node::Word(word) = &items[at].node else { return None };
    if word.token != Token::Comma && !items[at - 1].ends_operand() {
        return None;
    }
    Some(match word.token {
        Token::Comma => 0,
        Token::Or => 1,
        Token::And => 2,
        Token::Less | Token::LessEqual | Token::Greater | Token::GreaterEqual | Token::Equal | Token::NotEqual => 3,
        Token::Pipe => 4,
        Token::Caret => 5,
        Token::Ampersand => 6,
        Token::ShiftLeft | Token::ShiftRight => 7,
        Token::Plus | Token::Minus => 8,
        Token::Star | Token::Slash | Token::DoubleSlash | Token::Percent | Token::MatrixProduct => 9,
        Token::DoubleStar => 10,
        _ => return None,
    })
}
