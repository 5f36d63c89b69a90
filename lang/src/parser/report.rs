//! What the parser says: the generated parser's errors as sentences, with something to type instead.

use super::code;
use crate::diagnostic::Diagnostic;
use crate::layout;
use crate::lexer::{Lexeme, Token};
use crate::source::{SourceId, Span};

/// Turns the generated parser's errors into sentences.
pub(super) struct Reporter<'text> {
    pub source: SourceId,
    pub text: &'text str,
    pub lexemes: &'text [Lexeme],
}

impl Reporter<'_> {
    /// A word where the grammar wants another: which words it wants.
    pub fn unexpected(&self, (start, token, end): (usize, &Token, usize), expected: &[String]) -> Diagnostic {
        let index = self.lexemes.partition_point(|lexeme| lexeme.start < start);
        let same = |lexeme: &Lexeme| lexeme.token == *token && lexeme.end == end;
        let index = index + self.lexemes[index..].iter().take(8).position(same).unwrap_or(0);
        let expected = families(expected, self.is_after_operand(index));
        let message = format!("expected {expected}, found {}", self.found(token, start, end));
        // The end of a line is no place that one can see: point behind the last word.
        let end = if *token == Token::Newline { start } else { end };
        self.error(message, start, end, self.help(index, &expected))
    }

    /// The text ends at a place where the grammar wants more.
    pub fn unfinished(&self, at: usize, expected: &[String]) -> Diagnostic {
        let message = format!("expected {}, but the text ends here", families(expected, false));
        let at = at.min(self.text.len());
        self.error(message, at, at, self.help_at_end(self.lexemes.len()))
    }

    fn error(&self, message: String, start: usize, end: usize, help: Option<String>) -> Diagnostic {
        let error = Diagnostic::error(code::UNEXPECTED, message, Span::new(self.source, start, end), "");
        match help {
            Some(help) => error.help(help),
            None => error,
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
        (is_operator(&last.token) || matches!(last.token, Assign | Not))
            .then(|| format!("a value stands behind `{word}`"))
    }

    fn found(&self, token: &Token, start: usize, end: usize) -> String {
        match token {
            Token::Newline => "the end of the line".to_string(),
            Token::FormatText(_) | Token::FormatEnd => "the end of the string".to_string(),
            Token::Text(_) => "a string".to_string(),
            Token::FormatStart => "an f-string".to_string(),
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
        if let Some(help) = self.help_with_words(index, expected) {
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
            If if after_operand && [For, If].iter().all(|word| words().any(|(_, token)| token == word)) => {
                "join the conditions with `and`"
            }
            If if after_operand => return Some(self.conditional(index)),
            // `x = 3 // two words`: a quotient of names that stand side by side.
            Name(_) if after_operand && words().any(|(_, token)| *token == DoubleSlash) => {
                "a comment begins with `#`; between two values stands an operator"
            }
            Break | Continue if expected.starts_with("an expression") => {
                "it stands on a line of its own in the body of a loop: `if c { break }`"
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
            Else => "`else` stands behind the `}` of its `if`",
            In if previous.is_some() && self.opened_behind_for(index) => {
                "leave the parentheses out: `for x in xs { … }`"
            }
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
            Dot if expected.starts_with("an expression") && matches!(self.token(index + 1), Some(Integer(_))) => {
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
            Name(word) if after_operand && matches!(&**word, "mod" | "rem") => "the remainder is written `%`",
            Name(word) if after_operand && &**word == "div" => "the quotient of integers is written `//`",
            Name(word) if after_operand && &**word == "xor" => "write `^`",
            Name(_) if self.token(index + 1) == Some(&Assign) => "begin a new line here, or write a `;` before it",
            Name(_) | ParenOpen if matches!(previous, Some(Integer(_) | Float(_) | Imaginary(_))) => {
                "a product is written `*`"
            }
            Semicolon | Newline | BraceClose if expected == "an expression" && previous == Some(&If) => {
                "a condition stands behind `if`"
            }
            FormatStart if previous == Some(&Import) => {
                "which file it is must be known before the run: `import \"file.tw\"`"
            }
            ParenOpen if expected.starts_with("a name") && words().any(|(_, token)| is_opener(token)) => {
                "a parameter is a name: take a tuple apart in the body, `{ (a, b) = t; … }`"
            }
            _ if is_keyword(found) && expected.starts_with("a name") => "this is a keyword: choose another name",
            _ if is_keyword(found) && self.token(index + 1) == Some(&Assign) => {
                "this is a keyword: choose another name"
            }
            _ => return self.help_for_call(index).or_else(|| self.help_between(index, expected)),
        };
        Some(help.to_string())
    }

    /// The same, where what to type is made of the program's own words.
    fn help_with_words(&self, index: usize, expected: &str) -> Option<String> {
        use Token::*;
        let (found, previous) = (self.token(index)?, self.token(index.checked_sub(1)?)?);
        let first = self.before(index).last().map(|(at, _)| at)?;
        let place_of = |wanted: &Token| self.before(index).find(|(_, token)| *token == wanted).map(|(at, _)| at);
        match (previous, found) {
            // `f64(n)`: a type
            (Name(dtype), ParenOpen) if expected.ends_with("`,`, `)` or `=`") => {
                let lengths = self.rest(index + 1).split(')').next().unwrap_or("n");
                Some(format!("lengths stand in square brackets: `{dtype}[{lengths}]`"))
            }
            // `f64[:]`
            (SquareOpen | Comma, Colon) if self.before(index).last().is_some_and(|_| self.is_type(index)) => {
                Some("each length has a name: `f64[n]`, `f64[n, m]`; any rank is `f64[...]`".to_string())
            }
            // `for i = 0; …`
            (Name(name), Assign) if index >= 2 && self.token(index - 2) == Some(&For) => {
                Some(format!("write `for {name} in range(start, stop) {{ … }}`"))
            }
            // `a and= b`
            (And | Or, Assign) if index >= 2 => {
                let (target, word) = (self.words(first, index - 2)?, self.words(index - 1, index - 1)?);
                Some(format!("write `{target} = {target} {word} {}`", self.rest(index + 1)))
            }
            // `r"a"`
            (Name(word), Text(_)) if self.words(index - 1, index)?.starts_with(&format!("{word}\"")) => {
                Some(format!("leave `{word}` out; in a string a backslash is written `\\\\`"))
            }
            // `fn f x = …`
            (Name(name), Name(_)) if index >= 2 && self.token(index - 2) == Some(&Fn) => {
                let (parameters, body) = self.rest(index).split_once('=')?;
                let parameters: Vec<&str> = parameters.split_whitespace().collect();
                Some(format!("write `fn {name}({}) = {}`", parameters.join(", "), body.trim()))
            }
            // `int x = 3`
            (Name(_), Name(_)) if first == index - 1 && self.token(index + 1) == Some(&Assign) => {
                Some(format!("a name has the type of its value: write `{}`", self.rest(index)))
            }
            // `fn f(x) -> x + 1`
            (_, found) if *found != Newline && expected == "`{` or `=`" => {
                let (head, arrow) = (place_of(&Fn)?, place_of(&Arrow)?);
                let (head, body) = (self.words(head, arrow - 1)?, self.rest(arrow + 1));
                Some(format!("a type stands behind `->`: write `{head} = {body}`"))
            }
            // `x = |a| a + 1`
            (_, Pipe) if expected == "an expression" => {
                let (parameters, body) = self.rest(index + 1).split_once('|')?;
                match parameters.contains(',') {
                    true => Some(format!("write `({parameters}) -> {}`", body.trim())),
                    false => Some(format!("write `{parameters} -> {}`", body.trim())),
                }
            }
            // `if c { 1 } else if { 2 }`
            (BraceClose, Newline) if self.before(index).next()?.1 == &If => {
                Some("a condition stands behind `if`".to_string())
            }
            // `for i in range(3) print(i)`
            (_, found) if expected.contains("`{`") && is_operand(found) => {
                let head = self.before(index).find(|(_, token)| matches!(token, If | For | While));
                let body = head.map(|_| self.rest(index)).filter(|body| !body.contains('{'))?;
                Some(format!("a block stands in braces: `{{ {body} }}`"))
            }
            // `for i in 1:5`, `[1:5]`
            (Integer(_), Colon)
                if matches!(self.token(index + 1), Some(Integer(_) | Name(_)))
                    && matches!(self.token(index.checked_sub(2)?), Some(In | SquareOpen)) =>
            {
                let (start, stop) = (self.words(index - 1, index - 1)?, self.words(index + 1, index + 1)?);
                Some(format!("numbers in a row are `range({start}, {stop})`"))
            }
            _ => None,
        }
    }

    /// Whether the parenthesis around a place opens behind `for`.
    fn opened_behind_for(&self, index: usize) -> bool {
        let opener = self.before(index).find(|(_, token)| **token == Token::ParenOpen).map(|(at, _)| at);
        opener.and_then(|at| at.checked_sub(1)).and_then(|at| self.token(at)) == Some(&Token::For)
    }

    /// Whether the bracket around a place is that of a parameter's type.
    fn is_type(&self, index: usize) -> bool {
        let opener = self.before(index).find(|(_, token)| **token == Token::SquareOpen).map(|(at, _)| at);
        let Some(opener) = opener.filter(|&at| at >= 2) else { return false };
        matches!(self.token(opener - 1), Some(Token::Name(_))) && self.token(opener - 2) == Some(&Token::Colon)
    }

    /// For `print(x y)`: two values that nothing joins.
    fn help_between(&self, index: usize, expected: &str) -> Option<String> {
        let found = self.token(index).filter(|found| is_operand(found))?;
        let is_inside = self.before(index).any(|(_, token)| matches!(token, Token::ParenOpen | Token::SquareOpen));
        let joins = expected.contains("an operator") && is_inside && !is_keyword(found);
        joins.then(|| "values stand between commas: write a `,` before it".to_string())
    }

    /// The program's words from one to another one, if they stand on one line.
    fn words(&self, from: usize, to: usize) -> Option<&str> {
        let (from, to) = (self.lexemes.get(from)?, self.lexemes.get(to)?);
        self.text.get(from.start..to.end).filter(|words| !words.contains('\n'))
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
        let Some(start) = self.lexemes.get(index).map(|lexeme| lexeme.start) else { return "…" };
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
            "elif" | "elsif" | "elseif" => match rest.split_once(':') {
                Some((condition, _)) => {
                    format!("write `}} else if {} {{`, and the block's `}}` at its end", condition.trim())
                }
                None => format!("write `else if {rest}`"),
            },
            "match" | "switch" | "case" => "write `if c { … } else if d { … } else { … }`".to_string(),
            "raise" | "throw" => match found {
                Token::Text(_) | Token::FormatStart => format!("write `error({rest})`"),
                _ => "write `error(\"…\")`".to_string(),
            },
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
        let parts = otherwise.filter(|&at| at > index + 1 && at < last).and_then(|at| {
            Some((self.words(first, index - 1)?, self.words(index + 1, at - 1)?, self.words(at + 1, last)?))
        });
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

/// Whether a value begins with it.
fn is_operand(token: &Token) -> bool {
    use Token::*;
    matches!(token, Name(_) | Integer(_) | Float(_) | Imaginary(_) | Text(_) | FormatStart)
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
