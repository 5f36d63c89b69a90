//! Text to tokens: every word of the language, what is wrong inside words, and the classes for highlighting.

use crate::ast::BinaryOperator;
use crate::diagnostic::Diagnostic;
use crate::parser::code;
use crate::source::{SourceId, Span};
use logos::Logos;
use std::ops::Range;
use std::sync::Arc;

/// A word of the language. The variants without a comment are what they are called; a grammar reads them by their text.
#[derive(Logos, Clone, Debug, PartialEq)]
#[logos(skip r"[ \t\r\x0c\u{a0}\u{feff}]+")]
#[allow(missing_docs)]
pub(crate) enum Token {
    #[token("\n")]
    Newline,
    #[regex(r"#[^\n]*", allow_greedy = true)]
    Comment,

    #[regex(r"[\p{XID_Start}_]\p{XID_Continue}*", |lexer| Arc::<str>::from(lexer.slice()))]
    Name(Arc<str>),
    Integer(u64),
    Float(f64),
    Imaginary(f64),
    Text(Arc<str>),

    /// `f"`: the pieces follow, and then `FormatEnd`.
    FormatStart,
    /// The text between the holes, escapes resolved.
    FormatText(Arc<str>),
    /// `{` in an f-string.
    HoleOpen,
    /// `:.3f` in a hole, without the colon.
    Specification(Arc<str>),
    /// `}` in an f-string.
    HoleClose,
    FormatEnd,

    /// `@name`
    Annotation(Arc<str>),
    /// `@name(`
    AnnotationOpen(Arc<str>),

    #[token("fn")]
    Fn,
    #[token("if")]
    If,
    #[token("else")]
    Else,
    #[token("for")]
    For,
    #[token("in")]
    In,
    #[token("while")]
    While,
    #[token("break")]
    Break,
    #[token("continue")]
    Continue,
    #[token("and")]
    And,
    #[token("or")]
    Or,
    #[token("not")]
    Not,
    #[token("true")]
    True,
    #[token("false")]
    False,
    #[token("import")]
    Import,

    #[token("(")]
    ParenOpen,
    #[token(")")]
    ParenClose,
    #[token("[")]
    SquareOpen,
    #[token("]")]
    SquareClose,
    #[token("{")]
    BraceOpen,
    #[token("}")]
    BraceClose,

    #[token(",")]
    Comma,
    #[token(";")]
    Semicolon,
    #[token(":")]
    Colon,
    #[token(".")]
    Dot,
    #[token("...")]
    Ellipsis,
    #[token("->")]
    Arrow,
    #[token("=")]
    Assign,
    /// `+=` and its family.
    #[token("+=", |_| BinaryOperator::Add)]
    #[token("-=", |_| BinaryOperator::Subtract)]
    #[token("*=", |_| BinaryOperator::Multiply)]
    #[token("/=", |_| BinaryOperator::Divide)]
    #[token("//=", |_| BinaryOperator::FloorDivide)]
    #[token("%=", |_| BinaryOperator::Remainder)]
    #[token("@=", |_| BinaryOperator::MatrixProduct)]
    #[token("**=", |_| BinaryOperator::Power)]
    #[token("&=", |_| BinaryOperator::BitAnd)]
    #[token("|=", |_| BinaryOperator::BitOr)]
    #[token("^=", |_| BinaryOperator::BitXor)]
    #[token("<<=", |_| BinaryOperator::ShiftLeft)]
    #[token(">>=", |_| BinaryOperator::ShiftRight)]
    Update(BinaryOperator),

    #[token("<")]
    Less,
    #[token("<=")]
    LessEqual,
    #[token(">")]
    Greater,
    #[token(">=")]
    GreaterEqual,
    #[token("==")]
    Equal,
    #[token("!=")]
    NotEqual,
    #[token("|")]
    Pipe,
    #[token("^")]
    Caret,
    #[token("&")]
    Ampersand,
    #[token("<<")]
    ShiftLeft,
    #[token(">>")]
    ShiftRight,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("//")]
    DoubleSlash,
    #[token("%")]
    Percent,
    #[token("@")]
    MatrixProduct,
    #[token("**")]
    DoubleStar,
    #[token("~")]
    Tilde,

    // What follows never leaves the scanner: the beginning of something that is read by hand, or another language's word.
    #[regex("[0-9]")]
    Digit,
    #[regex("[\"']")]
    Quote,
    #[regex("[fF][\"']")]
    FormatQuote,
    #[token("&&", |_| Foreign::And)]
    #[token("||", |_| Foreign::Or)]
    #[token("!", |_| Foreign::Not)]
    #[token("=>", |_| Foreign::Arrow)]
    #[token(":=", |_| Foreign::Assign)]
    #[token("===", |_| Foreign::Equal)]
    #[token("!==", |_| Foreign::NotEqual)]
    #[token("<>", |_| Foreign::NotEqual)]
    #[token("×", |_| Foreign::Times)]
    #[token("·", |_| Foreign::Times)]
    #[token("÷", |_| Foreign::Divide)]
    #[token("−", |_| Foreign::Minus)]
    #[token("–", |_| Foreign::Minus)]
    #[token("≤", |_| Foreign::LessEqual)]
    #[token("≥", |_| Foreign::GreaterEqual)]
    #[token("≠", |_| Foreign::NotEqual)]
    #[token("→", |_| Foreign::Arrow)]
    #[token("…", |_| Foreign::Ellipsis)]
    Foreign(Foreign),
}

/// Words of other languages whose meaning is plain: each is an error, and is read as the word meant.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub(crate) enum Foreign {
    And,
    Or,
    Not,
    Arrow,
    Assign,
    Equal,
    NotEqual,
    Times,
    Divide,
    Minus,
    LessEqual,
    GreaterEqual,
    Ellipsis,
}

impl Foreign {
    /// The word meant, and how it is written.
    fn meant(self) -> (Token, &'static str) {
        match self {
            Foreign::And => (Token::And, "and"),
            Foreign::Or => (Token::Or, "or"),
            Foreign::Not => (Token::Not, "not"),
            Foreign::Arrow => (Token::Arrow, "->"),
            Foreign::Assign => (Token::Assign, "="),
            Foreign::Equal => (Token::Equal, "=="),
            Foreign::NotEqual => (Token::NotEqual, "!="),
            Foreign::Times => (Token::Star, "*"),
            Foreign::Divide => (Token::Slash, "/"),
            Foreign::Minus => (Token::Minus, "-"),
            Foreign::LessEqual => (Token::LessEqual, "<="),
            Foreign::GreaterEqual => (Token::GreaterEqual, ">="),
            Foreign::Ellipsis => (Token::Ellipsis, "..."),
        }
    }
}

/// A token and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lexeme {
    pub token: Token,
    pub start: usize,
    pub end: usize,
}

/// What a text consists of.
pub(crate) struct Scan {
    /// All tokens, comments and newlines included.
    pub lexemes: Vec<Lexeme>,
    /// What is wrong inside words; for each a stand-in is among the tokens where one makes sense.
    pub diagnostics: Vec<Diagnostic>,
}

/// What is open while the scanner goes on.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Paren,
    /// The `(` of an annotation's arguments: what follows its `)` is no operator.
    Annotation,
    Square,
    Brace,
    /// `{` in an f-string: where it is, and the f-string's quote.
    Hole {
        start: usize,
        quote: char,
    },
}

struct Scanner<'text> {
    source: SourceId,
    text: &'text str,
    scan: Scan,
    open: Vec<Open>,
    /// How many of `open` are braces or holes: without one a `}` need not look for its partner.
    braces: usize,
    holes: usize,
    /// Whether the last token ends an operand, so that an `@` is a product.
    operand: bool,
}

/// Splits a text into tokens.
pub(crate) fn scan(source: SourceId, text: &str) -> Scan {
    let scan = Scan { lexemes: Vec::with_capacity(text.len() / 3), diagnostics: Vec::new() };
    let mut scanner = Scanner { source, text, scan, open: Vec::new(), braces: 0, holes: 0, operand: false };
    scanner.run();
    scanner.scan
}

impl Scanner<'_> {
    fn run(&mut self) {
        // Logos reads words; numbers, strings and annotations are read by hand from where it stands.
        let mut words = Token::lexer(self.text);
        while let Some(word) = words.next() {
            let Range { start, end } = words.span();
            let stopped = match word {
                Ok(Token::Newline) => {
                    self.newline(start);
                    end
                }
                Ok(Token::Comment) => {
                    self.scan.lexemes.push(Lexeme { token: Token::Comment, start, end });
                    end
                }
                Ok(Token::Digit) => self.number(start),
                Ok(Token::Quote) => self.string(start),
                Ok(Token::FormatQuote) => {
                    self.push(Token::FormatStart, start, end);
                    let quote = if self.text[..end].ends_with('"') { '"' } else { '\'' };
                    self.format_text(start, end, quote)
                }
                Ok(Token::MatrixProduct) => self.at(start),
                Ok(Token::Update(BinaryOperator::MatrixProduct)) if !self.operand => self.at(start),
                Ok(Token::Colon | Token::Foreign(Foreign::Assign))
                    if matches!(self.open.last(), Some(Open::Hole { .. })) =>
                {
                    self.specification(start)
                }
                Ok(Token::Assign) if self.ends_hole(end) => self.shown_with_its_text(end),
                Ok(Token::Foreign(Foreign::Not)) if self.is_conversion(end) => self.conversion(start),
                Ok(Token::BraceClose) => self.close_brace(start),
                Ok(Token::Foreign(foreign)) => {
                    let (token, written) = match foreign {
                        Foreign::Arrow if self.is_head_of_function() => (Token::Assign, "="),
                        _ => foreign.meant(),
                    };
                    let word = words.slice();
                    let span = self.span(start, end);
                    self.scan.diagnostics.push(
                        Diagnostic::error(code::FOREIGN_WORD, format!("`{word}` is not an operator"), span, "")
                            .help(format!("write `{written}`")),
                    );
                    self.push(token, start, end);
                    end
                }
                Ok(token) => {
                    self.push(token, start, end);
                    end
                }
                Err(()) => self.unknown(start),
            };
            words.bump(stopped.saturating_sub(end));
        }
        while self.holes > 0 {
            self.abandon_hole(self.text.len());
        }
    }

    /// Whether the line so far is `fn f(x)`.
    fn is_head_of_function(&self) -> bool {
        let line =
            self.scan.lexemes.iter().rev().map(|lexeme| &lexeme.token).take_while(|token| **token != Token::Newline);
        let mut head = line.take_while(|token| !matches!(token, Token::Assign | Token::BraceOpen)).collect::<Vec<_>>();
        head.first() == Some(&&Token::ParenClose)
            && matches!(head.split_off(head.len().saturating_sub(2)).as_slice(), [Token::Name(_), Token::Fn])
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.source, start, end)
    }

    fn error(&mut self, code: &'static str, message: impl Into<String>, start: usize, end: usize, help: &str) {
        let error = Diagnostic::error(code, message, self.span(start, end), "");
        self.scan.diagnostics.push(if help.is_empty() { error } else { error.help(help) });
    }

    /// Adds a token, and keeps what the next one depends on: the open brackets and whether an operand has ended.
    fn push(&mut self, token: Token, start: usize, end: usize) {
        self.operand = match &token {
            Token::ParenOpen => self.opened(Open::Paren),
            Token::AnnotationOpen(_) => self.opened(Open::Annotation),
            Token::SquareOpen => self.opened(Open::Square),
            Token::BraceOpen => self.opened(Open::Brace),
            Token::ParenClose => match self.open.last() {
                Some(Open::Annotation) => {
                    self.open.pop();
                    false
                }
                Some(Open::Paren) => {
                    self.open.pop();
                    true
                }
                _ => true,
            },
            Token::SquareClose => {
                if self.open.last() == Some(&Open::Square) {
                    self.open.pop();
                }
                true
            }
            Token::Name(_)
            | Token::Integer(_)
            | Token::Float(_)
            | Token::Imaginary(_)
            | Token::Text(_)
            | Token::FormatEnd
            | Token::True
            | Token::False
            | Token::BraceClose => true,
            _ => false,
        };
        self.scan.lexemes.push(Lexeme { token, start, end });
    }

    fn opened(&mut self, open: Open) -> bool {
        self.braces += matches!(open, Open::Brace | Open::Hole { .. }) as usize;
        self.holes += matches!(open, Open::Hole { .. }) as usize;
        self.open.push(open);
        false
    }

    /// Forgets all that is open down to the nearest `{`, and returns that.
    fn close_to_brace(&mut self) -> Option<Open> {
        if self.braces == 0 {
            return None;
        }
        while let Some(open) = self.open.pop() {
            if let Open::Brace | Open::Hole { .. } = open {
                self.braces -= 1;
                self.holes -= matches!(open, Open::Hole { .. }) as usize;
                return Some(open);
            }
        }
        None
    }

    fn close_brace(&mut self, start: usize) -> usize {
        let end = start + 1;
        match self.close_to_brace() {
            Some(Open::Hole { start: hole, quote }) => {
                self.push(Token::HoleClose, start, end);
                self.format_text(hole, end, quote)
            }
            _ => {
                self.push(Token::BraceClose, start, end);
                end
            }
        }
    }

    /// Whether a hole of an f-string, or its value, ends here.
    fn ends_hole(&self, at: usize) -> bool {
        let rest = self.text[at..].trim_start_matches(' ');
        matches!(self.open.last(), Some(Open::Hole { .. })) && rest.starts_with(['}', ':'])
    }

    /// `{x = }` shows what is written in the hole before the value: that becomes text before the hole.
    fn shown_with_its_text(&mut self, end: usize) -> usize {
        let Some(Open::Hole { start, .. }) = self.open.last().copied() else { return end };
        let blanks = self.text[end..].len() - self.text[end..].trim_start_matches(' ').len();
        let stop = end + blanks;
        if let Some(hole) =
            self.scan.lexemes.iter().rposition(|lexeme| lexeme.start == start && lexeme.end == start + 1)
        {
            let shown = Token::FormatText(self.text[start + 1..stop].into());
            self.scan.lexemes.insert(hole, Lexeme { token: shown, start, end: start });
        }
        stop
    }

    /// Whether the `!` before this place begins Python's `!r`.
    fn is_conversion(&self, at: usize) -> bool {
        self.text[at..].starts_with(['r', 's', 'a']) && self.ends_hole(at + 1)
    }

    fn conversion(&mut self, start: usize) -> usize {
        let end = start + 2;
        let message = format!("`{}` is not part of a format", &self.text[start..end]);
        let help = "write the value alone: `{x}`, or `{x=}` to show its name too";
        self.error(code::FOREIGN_WORD, message, start, end, help);
        end
    }

    fn newline(&mut self, start: usize) {
        while self.holes > 0 {
            self.abandon_hole(start);
        }
        self.scan.lexemes.push(Lexeme { token: Token::Newline, start, end: start + 1 });
        // Inside ( ) and [ ] the line goes on, and an `@` there is still a product.
        if !matches!(self.open.last(), Some(Open::Paren | Open::Annotation | Open::Square)) {
            self.operand = false;
        }
    }

    /// The line, or the f-string, ends before a hole's `}`.
    fn abandon_hole(&mut self, at: usize) {
        while let Some(open) = self.close_to_brace() {
            if let Open::Hole { start, .. } = open {
                let message = "this `{` of an f-string is not closed";
                self.error(
                    code::UNCLOSED_HOLE,
                    message,
                    start,
                    start + 1,
                    "close it with `}`, or write `{{` for a brace in the text",
                );
                self.push(Token::HoleClose, at, at);
                self.push(Token::FormatEnd, at, at);
                return;
            }
        }
    }

    /// `@`: a product after an operand, else an annotation.
    fn at(&mut self, start: usize) -> usize {
        let after = &self.text[start + 1..];
        if self.operand {
            self.push(Token::MatrixProduct, start, start + 1);
            return start + 1;
        }
        let length = name_length(after);
        let name: Arc<str> = after[..length].into();
        let mut end = start + 1 + length;
        if length == 0 {
            let help =
                "an annotation is `@name`; a matrix product that goes on has its `@` at the end of the line before";
            self.error(code::ANNOTATION_NAME, "`@` needs a name here", start, end, help);
        } else if after[length..].starts_with('(') {
            end += 1;
            self.push(Token::AnnotationOpen(name), start, end);
        } else {
            self.push(Token::Annotation(name), start, end);
        }
        end
    }

    fn unknown(&mut self, start: usize) -> usize {
        let Some(character) = self.text[start..].chars().next() else { return start + 1 };
        let end = start + character.len_utf8();
        match character {
            '“' | '”' | '„' | '‘' | '’' => {
                let closed = self.text[end..].find(['“', '”', '‘', '’', '\n']).map_or(self.text.len(), |at| end + at);
                let quote = self.text[closed..].chars().next().filter(|&quote| quote != '\n');
                let stop = closed + quote.map_or(0, char::len_utf8);
                let content = &self.text[end..closed];
                self.error(
                    code::FOREIGN_WORD,
                    format!("`{character}` does not begin a string"),
                    start,
                    stop,
                    &format!("write `\"{content}\"`"),
                );
                self.push(Token::Text(content.into()), start, stop);
                return stop;
            }
            '\\' => {
                let help = "a line goes on after an operator or a comma, and inside parentheses";
                self.error(code::UNKNOWN_CHARACTER, "`\\` does not continue a line", start, end, help);
            }
            '`' => self.error(code::UNKNOWN_CHARACTER, "a backquote means nothing here", start, end, ""),
            _ if character.is_control() => {
                let message = format!("the character U+{:04X} means nothing here", character as u32);
                self.error(code::UNKNOWN_CHARACTER, message, start, end, "delete it");
            }
            _ => {
                let is_size = self.text[..start].trim_end().ends_with(['[', ',']);
                let help = match character {
                    // `f64[?1]`, as messages show what only the run tells.
                    '?' if is_size => "a length that only the run tells is declared by a new name: `f64[k]`",
                    '?' => "a choice is `if c { a } else { b }`",
                    '$' => "names are letters, digits and `_`",
                    _ => "",
                };
                self.error(
                    code::UNKNOWN_CHARACTER,
                    format!("the character `{character}` means nothing here"),
                    start,
                    end,
                    help,
                );
            }
        }
        end
    }

    // ---- numbers ----

    /// A number; the token for one that is wrong is still a number.
    fn number(&mut self, start: usize) -> usize {
        let text = self.text.as_bytes();
        let byte = |at: usize| text.get(at).copied().unwrap_or(0);
        let digits = |mut at: usize| {
            while byte(at).is_ascii_digit() || byte(at) == b'_' {
                at += 1;
            }
            at
        };
        if byte(start) == b'0' && matches!(byte(start + 1), b'x' | b'X' | b'b' | b'B' | b'o' | b'O') {
            return self.radix_number(start);
        }
        let whole = digits(start);
        let mut end = whole;
        let mut is_float = false;
        if byte(end) == b'.' {
            let after = digits(end + 1);
            // `1.` is a number unless a name follows: `1.max(x)` is a property; `1.e5` and `1.j` are numbers all the same.
            if byte(end + 1).is_ascii_digit()
                || byte(end + 1) != b'.' && name_length(&self.text[end + 1..]) == 0
                || exponent_end(text, end + 1).is_some_and(|stop| name_length(&self.text[stop..]) == 0)
                || matches!(byte(end + 1), b'j' | b'J') && name_length(&self.text[end + 1..]) == 1
            {
                is_float = true;
                end = if byte(end + 1).is_ascii_digit() { after } else { end + 1 };
            }
        }
        if let Some(stop) = exponent_end(text, end) {
            is_float = true;
            end = stop;
        }
        let number_end = end;
        let is_imaginary = matches!(byte(end), b'j' | b'J');
        end += is_imaginary as usize;
        let written = &self.text[start..number_end];
        let tail = name_length(&self.text[end..]);
        if tail > 0 {
            let rest = &self.text[end..end + tail];
            let help = match rest {
                "i" => format!("an imaginary number is `{written}j`"),
                "f" | "F" => format!("write `f32({written})`"),
                "L" | "l" | "u" | "U" => format!("write `i64({written})` or `u64({written})`"),
                "e" | "E" => format!("an exponent has digits: `{written}e9`"),
                _ => format!("a product is `{written} * {rest}`"),
            };
            end += tail;
            self.error(code::BAD_NUMBER, format!("`{}` is not a number", &self.text[start..end]), start, end, &help);
        } else if !underscores_are_fine(written) {
            let help = format!("write `{}`", tidy_underscores(written));
            self.error(code::BAD_NUMBER, "a `_` in a number stands between two digits", start, end, &help);
        } else if !is_float
            && !is_imaginary
            && whole > start + 1
            && byte(start) == b'0'
            && written.bytes().any(|b| b != b'0' && b != b'_')
        {
            let help = format!(
                "write `{}`, or `0o{}` in octal",
                written.trim_start_matches(['0', '_']),
                written.trim_start_matches(['0', '_'])
            );
            self.error(code::BAD_NUMBER, "a whole number does not begin with `0`", start, end, &help);
        }
        let plain = written.replace('_', "");
        let token = if is_float || is_imaginary {
            let value = plain.parse::<f64>().unwrap_or(0.0);
            if value.is_infinite() {
                let message = "this number is too big: the largest f64 is about 1.8e308";
                self.error(code::NUMBER_TOO_BIG, message, start, end, "for infinity write `inf`");
            }
            if is_imaginary { Token::Imaginary(value) } else { Token::Float(value) }
        } else {
            Token::Integer(self.integer(&plain, 10, start, end))
        };
        self.push(token, start, end);
        end
    }

    fn radix_number(&mut self, start: usize) -> usize {
        let radix = match self.text.as_bytes()[start + 1] {
            b'x' | b'X' => 16,
            b'b' | b'B' => 2,
            _ => 8,
        };
        let end = start + 2 + name_length(&self.text[start + 2..]);
        let digits = &self.text[start + 2..end];
        let plain = digits.replace('_', "");
        let value = if plain.is_empty() || !plain.chars().all(|digit| digit.is_digit(radix)) {
            let kind = match radix {
                16 => "a hexadecimal number has the digits 0 to 9 and a to f",
                2 => "a binary number has the digits 0 and 1",
                _ => "an octal number has the digits 0 to 7",
            };
            self.error(code::BAD_NUMBER, format!("`{}` is not a number", &self.text[start..end]), start, end, kind);
            0
        } else {
            if digits.ends_with('_') || digits.contains("__") {
                let help = format!("write `{}{}`", &self.text[start..start + 2], plain);
                self.error(code::BAD_NUMBER, "a `_` in a number stands between two digits", start, end, &help);
            }
            self.integer(&plain, radix, start, end)
        };
        self.push(Token::Integer(value), start, end);
        end
    }

    fn integer(&mut self, plain: &str, radix: u32, start: usize, end: usize) -> u64 {
        // Only digits of the radix come here, so the one way to fail is to be too big.
        u64::from_str_radix(plain, radix).unwrap_or_else(|_| {
            let help = if radix == 10 { format!("for a float write `{plain}.0`") } else { String::new() };
            let message = "this number is too big: the largest integer is 18446744073709551615";
            self.error(code::NUMBER_TOO_BIG, message, start, end, &help);
            0
        })
    }

    // ---- strings ----

    /// A string that begins at `start`. In an f-string's hole its own quote may also be the end of the f-string.
    fn string(&mut self, start: usize) -> usize {
        let quote = if self.text.as_bytes()[start] == b'"' { '"' } else { '\'' };
        let closed = string_end(self.text, start + 1, quote);
        if self.text[start..].starts_with("\"\"\"") && self.holes == 0 {
            return self.long_string(start);
        }
        // MATLAB's transpose: the quote touches what it turns.
        if closed.is_none() && quote == '\'' && self.operand && !self.text[..start].ends_with([' ', '\t']) {
            self.error(
                code::FOREIGN_WORD,
                "`'` begins a string, and does not transpose",
                start,
                start + 1,
                "write `.T`",
            );
            self.push(Token::Dot, start, start);
            self.push(Token::Name("T".into()), start, start + 1);
            return start + 1;
        }
        if closed.is_none() && self.holes > 0 {
            let hole = self.open.iter().rev().find_map(|open| match open {
                Open::Hole { quote, .. } => Some(*quote),
                _ => None,
            });
            if hole == Some(quote) {
                self.abandon_hole(start + 1);
                return start + 1;
            }
        }
        let content_end = closed.unwrap_or_else(|| line_end(self.text, start));
        let mut end = content_end + closed.is_some() as usize;
        if closed.is_none() {
            self.unterminated(start, content_end, quote);
            end = self.end_on_next_line(content_end, quote).unwrap_or(end);
        }
        let mut content = String::new();
        self.unescape(start + 1, content_end, &mut content);
        self.push(Token::Text(content.into()), start, end);
        end
    }

    /// Python's `"""…"""`, which may have many lines.
    fn long_string(&mut self, start: usize) -> usize {
        let after = &self.text[start + 3..];
        let stop = after.find("\"\"\"").map_or(self.text.len(), |at| start + 3 + at + 3);
        let help = "write `\"…\"` on one line; a line break in the text is `\\n`";
        self.error(code::FOREIGN_WORD, "`\"\"\"` does not begin a string", start, start + 3, help);
        self.push(Token::Text("".into()), start, stop);
        stop
    }

    fn unterminated(&mut self, start: usize, end: usize, quote: char) {
        let help = format!("end it with `{quote}` on the same line; a line break in the text is `\\n`");
        self.error(code::UNTERMINATED_TEXT, "this string is not closed", start, end, &help);
    }

    /// Where a string over two lines ends, which is one mistake: the second line has a quote that begins nothing.
    fn end_on_next_line(&self, line_end: usize, quote: char) -> Option<usize> {
        let line = self.text[line_end..].strip_prefix('\n')?.lines().next()?;
        // An apostrophe in a comment is none.
        let line = line.split('#').next()?;
        let at = line.find(quote).filter(|_| line.matches(quote).count() % 2 == 1)?;
        Some(line_end + 1 + at + quote.len_utf8())
    }

    /// The text of an f-string from `from` on, up to the next hole or the end.
    fn format_text(&mut self, start: usize, from: usize, quote: char) -> usize {
        let mut content = String::new();
        let mut at = from;
        let mut plain = from;
        loop {
            let character = self.text[at..].chars().next();
            let next = at + character.map_or(0, char::len_utf8);
            let doubled = character.is_some() && self.text[next..].chars().next() == character;
            match character {
                None | Some('\n') => {
                    self.unescape(plain, at, &mut content);
                    self.unterminated(start, at, quote);
                    let end = self.end_on_next_line(at, quote).unwrap_or(at);
                    self.format_piece(content, from, at);
                    self.push(Token::FormatEnd, at, end);
                    return end;
                }
                Some('\\') => {
                    let skipped = self.text[next..].chars().next().filter(|&c| c != '\n').map_or(0, char::len_utf8);
                    at = next + skipped;
                }
                Some('{' | '}') if doubled => {
                    self.unescape(plain, next, &mut content);
                    at = next + 1;
                    plain = at;
                }
                Some('{') => {
                    self.unescape(plain, at, &mut content);
                    self.format_piece(content, from, at);
                    self.push(Token::HoleOpen, at, next);
                    self.opened(Open::Hole { start: at, quote });
                    return next;
                }
                Some('}') => {
                    self.error(
                        code::UNCLOSED_HOLE,
                        "this `}` of an f-string closes nothing",
                        at,
                        next,
                        "write `}}` for a brace in the text",
                    );
                    at = next;
                }
                Some(character) if character == quote => {
                    self.unescape(plain, at, &mut content);
                    self.format_piece(content, from, at);
                    self.push(Token::FormatEnd, at, next);
                    return next;
                }
                Some(_) => at = next,
            }
        }
    }

    fn format_piece(&mut self, content: String, start: usize, end: usize) {
        if !content.is_empty() {
            self.push(Token::FormatText(content.into()), start, end);
        }
    }

    /// The `:.3f` of a hole, up to its `}`.
    fn specification(&mut self, colon: usize) -> usize {
        let start = colon + 1;
        let quote = match self.open.last() {
            Some(Open::Hole { quote, .. }) => *quote,
            _ => '"',
        };
        let end = self.text[start..].find(['{', '}', quote, '\n']).map_or(self.text.len(), |at| start + at);
        self.push(Token::Specification(self.text[start..end].into()), start, end);
        if self.text[end..].starts_with('{') {
            let message = "a format specification is plain text";
            self.error(code::UNCLOSED_HOLE, message, end, end + 1, "write the number itself, for example `{x:.3f}`");
            // Skip the inner braces and what follows them, so that the outer hole closes where it was meant to.
            let stop = self.text[end..].find(['}', '\n']).map_or(self.text.len(), |at| end + at);
            let stop = stop + self.text[stop..].starts_with('}') as usize;
            return self.text[stop..].find(['{', '}', quote, '\n']).map_or(self.text.len(), |at| stop + at);
        }
        end
    }

    /// Adds `start..end` of the text to `content`, with its escapes resolved.
    fn unescape(&mut self, start: usize, end: usize, content: &mut String) {
        let mut at = start;
        while let Some(offset) = self.text[at..end].find('\\') {
            content.push_str(&self.text[at..at + offset]);
            let slash = at + offset;
            let Some(letter) = self.text[slash + 1..end].chars().next() else {
                at = end;
                break;
            };
            at = slash + 1 + letter.len_utf8();
            let resolved = match letter {
                'n' => Some('\n'),
                't' => Some('\t'),
                'r' => Some('\r'),
                '0' => Some('\0'),
                'a' => Some('\x07'),
                'b' => Some('\x08'),
                'e' => Some('\x1b'),
                'f' => Some('\x0c'),
                'v' => Some('\x0b'),
                '\\' | '"' | '\'' => Some(letter),
                'x' | 'u' | 'U' => {
                    let rest = &self.text[at..end];
                    let (hexadecimal, length) = match (letter, rest.strip_prefix('{').and_then(|r| r.split_once('}'))) {
                        ('u', Some((digits, _))) => (Some(digits), digits.len() + 2),
                        _ => {
                            let wanted = if letter == 'x' {
                                2
                            } else if letter == 'u' {
                                4
                            } else {
                                8
                            };
                            (rest.get(..wanted), wanted)
                        }
                    };
                    let character = hexadecimal
                        .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
                        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                        .and_then(char::from_u32);
                    if character.is_some() {
                        at += length;
                    }
                    character
                }
                _ => None,
            };
            match resolved {
                Some(character) => content.push(character),
                None => {
                    let help = match letter {
                        'x' => r"two hexadecimal digits follow, as in `\x41`".to_string(),
                        'u' => {
                            r"four hexadecimal digits follow, as in `\u00e9`, or any in braces: `\u{1f600}`".to_string()
                        }
                        'U' => r"eight hexadecimal digits follow, as in `\U0001f600`".to_string(),
                        _ => format!(r"for a backslash write `\\{letter}`"),
                    };
                    let message = format!(r"`\{letter}` is not an escape");
                    self.error(code::BAD_ESCAPE, message, slash, slash + 1 + letter.len_utf8(), &help);
                }
            }
        }
        content.push_str(&self.text[at..end]);
    }
}

/// The bytes of the letters, digits and `_` that a text begins with.
fn name_length(text: &str) -> usize {
    text.find(|character: char| !(character.is_alphanumeric() || character == '_')).unwrap_or(text.len())
}

/// Where an exponent `e-9` that begins at `at` ends.
fn exponent_end(text: &[u8], at: usize) -> Option<usize> {
    let byte = |at: usize| text.get(at).copied().unwrap_or(0);
    if !matches!(byte(at), b'e' | b'E') {
        return None;
    }
    let mut end = at + 1 + matches!(byte(at + 1), b'+' | b'-') as usize;
    if !byte(end).is_ascii_digit() {
        return None;
    }
    while byte(end).is_ascii_digit() || byte(end) == b'_' {
        end += 1;
    }
    Some(end)
}

/// Whether each `_` stands between two digits.
fn underscores_are_fine(number: &str) -> bool {
    let bytes = number.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (0..bytes.len()).all(|at| bytes[at] != b'_' || at > 0 && is_digit(at - 1) && is_digit(at + 1))
}

fn tidy_underscores(number: &str) -> String {
    let bytes = number.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let keep = |at: usize| bytes[at] != b'_' || at > 0 && is_digit(at - 1) && is_digit(at + 1);
    (0..bytes.len()).filter(|&at| keep(at)).map(|at| bytes[at] as char).collect()
}

/// Where the line of `at` ends.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |offset| at + offset)
}

/// Where the quote stands that ends a string whose content begins at `at`.
fn string_end(text: &str, at: usize, quote: char) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = at;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\n' => return None,
            b'\\' if bytes.get(at + 1).is_some_and(|&next| next != b'\n') => at += 2,
            _ if byte == quote as u8 => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// What a stretch of text is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum TokenClass {
    Keyword,
    Number,
    Text,
    Comment,
    Operator,
    Name,
    Annotation,
    Punctuation,
    Error,
}

/// The stretches of a text that have a colour, in order, without overlap; blanks are left out.
pub fn highlight(text: &str) -> Vec<(Range<usize>, TokenClass)> {
    let scan = scan(SourceId::default(), text);
    let mut classes: Vec<(Range<usize>, TokenClass)> = Vec::with_capacity(scan.lexemes.len());
    for lexeme in &scan.lexemes {
        let range = lexeme.start..lexeme.end;
        match lexeme.token {
            Token::Newline => {}
            Token::AnnotationOpen(_) => {
                classes.push((range.start..range.end - 1, TokenClass::Annotation));
                classes.push((range.end - 1..range.end, TokenClass::Punctuation));
            }
            _ if range.is_empty() => {}
            _ => classes.push((range, class(&lexeme.token))),
        }
    }
    // What is wrong inside words is shown as wrong: whole tokens that an error covers, and characters that make no token.
    // A string that has no end yet is left as it is: someone is typing it.
    let mut unknown = Vec::new();
    let is_unfinished = |error: &&Diagnostic| matches!(error.code, code::UNTERMINATED_TEXT | code::UNCLOSED_HOLE);
    for error in scan.diagnostics.iter().filter(|error| !is_unfinished(error)) {
        let Some(span) = error.labels.first().map(|label| label.span.range()) else { continue };
        let first = classes.partition_point(|(range, _)| range.end <= span.start);
        match classes.get_mut(first) {
            Some((range, class)) if range.start < span.end => {
                if span.start <= range.start && range.end <= span.end {
                    *class = TokenClass::Error;
                }
            }
            _ if span.is_empty() => {}
            _ => unknown.push((span, TokenClass::Error)),
        }
    }
    classes.extend(unknown);
    classes.sort_by_key(|(range, _)| range.start);
    classes
}

fn class(token: &Token) -> TokenClass {
    use Token::*;
    match token {
        Fn | If | Else | For | In | While | Break | Continue | And | Or | Not | True | False | Import => {
            TokenClass::Keyword
        }
        Integer(_) | Float(_) | Imaginary(_) | Digit => TokenClass::Number,
        Text(_) | FormatStart | FormatText(_) | FormatEnd | Specification(_) | Quote | FormatQuote => TokenClass::Text,
        Name(_) => TokenClass::Name,
        Annotation(_) | AnnotationOpen(_) => TokenClass::Annotation,
        Comment | Newline => TokenClass::Comment,
        ParenOpen | ParenClose | SquareOpen | SquareClose | BraceOpen | BraceClose | HoleOpen | HoleClose | Comma
        | Semicolon | Colon => TokenClass::Punctuation,
        _ => TokenClass::Operator,
    }
}
