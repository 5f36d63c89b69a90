//! Operators of what is no array: strings, tuples, dtypes and `none`. All but the numbers in tuples is known before the run.

use super::text::known_texts;
use super::{Checker, Checks, Reported};
use crate::ast::{BinaryOperator, UnaryOperator};
use crate::declaration::{Advice, Operand};
use crate::diagnostic::Diagnostic;
use crate::dtype::Scalar;
use crate::source::Span;
use crate::value::{Extent, TextPiece, Value, join};

/// Whether two values are equal.
pub(super) enum Equality {
    Known(bool),
    /// The run tells, by a bool.
    Run(Operand),
}

impl Checker<'_> {
    /// The value of an operator whose operands are no arrays; `None`: it is for the library to say.
    pub(super) fn of_structure(
        &mut self,
        symbol: &'static str,
        operator_span: Span,
        operands: &[(Value<Operand>, Span)],
        span: Span,
    ) -> Option<Checks<Value<Operand>>> {
        let [(left, left_span), (right, right_span)] = operands else { return None };
        let is_addition = symbol == BinaryOperator::Add.symbol();
        let is_equality = symbol == BinaryOperator::Equal.symbol();
        if symbol == BinaryOperator::Multiply.symbol() {
            return match (left, right) {
                (Value::Text(text), Value::Array(count)) => Some(self.repeated(text, (*count, *right_span), span)),
                (Value::Array(count), Value::Text(text)) => Some(self.repeated(text, (*count, *left_span), span)),
                (Value::Tuple(parts), Value::Array(count)) if self.is_count(*count) => {
                    Some(self.repeated_tuple(parts, (*count, *right_span), span))
                }
                (Value::Array(count), Value::Tuple(parts)) if self.is_count(*count) => {
                    Some(self.repeated_tuple(parts, (*count, *left_span), span))
                }
                _ => None,
            };
        }
        if !is_addition && !is_equality && symbol != BinaryOperator::NotEqual.symbol() {
            return None;
        }
        match (left, right) {
            (Value::Text(one), Value::Text(other)) if is_addition => {
                let mut text = one.clone();
                other.iter().for_each(|piece| join(&mut text, piece.clone()));
                Some(self.bounded(Value::Text(text), span))
            }
            (Value::Tuple(one), Value::Tuple(other)) if is_addition => {
                Some(self.bounded(Value::Tuple(one.iter().chain(other).cloned().collect()), span))
            }
            (Value::Text(_), other) | (other, Value::Text(_)) if is_addition => {
                let message = format!("`+` joins two strings, and this is a string and {}", self.describe(other));
                let help = "put the value into the text: `f\"… {x}\"`";
                Some(Err(self.refuse(message, operator_span, operands, help)))
            }
            (Value::Tuple(_), _) | (_, Value::Tuple(_)) if is_addition => {
                let message = "`+` joins two tuples, and takes no tuple with anything else";
                let help = "for one more part write `t + (x,)`; to add numbers, make an array: `[a, b] + x`";
                Some(Err(self.refuse(message.into(), operator_span, operands, help)))
            }
            (Value::Text(_) | Value::Tuple(_) | Value::DType(_) | Value::None, _)
            | (_, Value::Text(_) | Value::Tuple(_) | Value::DType(_) | Value::None)
                if !is_addition =>
            {
                let equality = self.equality(left, *left_span, right, *right_span, operator_span);
                Some(equality.and_then(|equality| match equality {
                    Equality::Known(equal) => {
                        Ok(Value::Array(self.constant(Scalar::bool(equal == is_equality), false, span)))
                    }
                    Equality::Run(operand) if is_equality => Ok(Value::Array(operand)),
                    Equality::Run(operand) => {
                        let equal = vec![(Value::Array(operand), span)];
                        self.operator(UnaryOperator::Not.symbol(), operator_span, equal, span)
                    }
                }))
            }
            _ => None,
        }
    }

    /// A text so many times, one after the other.
    fn repeated(
        &mut self,
        text: &[TextPiece<Operand>],
        (count, place): (Operand, Span),
        span: Span,
    ) -> Checks<Value<Operand>> {
        let found = self.type_of(count).clone();
        if !self.is_integer(count) {
            let message = format!("a string is repeated by an integer, and this is {found}");
            let help = if found.rank() == 0 { "cast it: `i64(…)`" } else { "take one element: `[0]`" };
            return Err(self.report(Diagnostic::error("E0303", message, place, found.to_string()).help(help)));
        }
        let times = self.times("a string", count, place)?;
        let extent = match text {
            [TextPiece::Text(known)] => Extent { count: known.len().saturating_mul(times) / 1024, depth: 0 },
            _ => {
                let one = Value::Text(text.to_vec()).extent();
                Extent { count: one.count.saturating_mul(times), ..one }
            }
        };
        self.refuse_too_large(&Value::Text(Vec::new()), extent, span)?;
        let mut all = Vec::new();
        match text {
            [TextPiece::Text(known)] => join(&mut all, TextPiece::Text(known.repeat(times).into())),
            _ => (0..times).for_each(|_| text.iter().for_each(|piece| join(&mut all, piece.clone()))),
        }
        Ok(Value::Text(all))
    }

    /// Whether a value can say how often a tuple is repeated.
    fn is_count(&self, value: Operand) -> bool {
        self.is_integer(value) && self.type_of(value).rank() == 0
    }

    /// A tuple's parts so many times, one after the other.
    fn repeated_tuple(
        &mut self,
        parts: &[Value<Operand>],
        (count, place): (Operand, Span),
        span: Span,
    ) -> Checks<Value<Operand>> {
        let times = self.times("a tuple", count, place)?;
        let one = Value::Tuple(parts.to_vec()).extent();
        let extent = Extent { count: one.count.saturating_mul(times), ..one };
        self.refuse_too_large(&Value::Tuple(Vec::new()), extent, span)?;
        let all = std::iter::repeat_n(parts, if parts.is_empty() { 0 } else { times });
        Ok(Value::Tuple(all.flatten().cloned().collect()))
    }

    /// How often something is repeated, which must be known; less than never is never.
    fn times(&mut self, what: &str, count: Operand, place: Span) -> Checks<usize> {
        let Some(times) = self.constant_of(count) else {
            let message = format!("{what} is repeated by an integer that is known before the run");
            let diagnostic = Diagnostic::error("E0308", message, place, self.type_of(count).to_string());
            return Err(self.report(diagnostic.help(self.library.advice(Advice::KnownSize))));
        };
        Ok(times.as_integer().and_then(|times| usize::try_from(times).ok()).unwrap_or(0))
    }

    fn refuse(
        &mut self,
        message: String,
        operator_span: Span,
        operands: &[(Value<Operand>, Span)],
        help: &str,
    ) -> Reported {
        let mut diagnostic = Diagnostic::error("E0303", message, operator_span, "");
        for (value, span) in operands {
            diagnostic = diagnostic.label(*span, self.describe(value));
        }
        self.report(diagnostic.help(help))
    }

    fn equality(
        &mut self,
        left: &Value<Operand>,
        left_span: Span,
        right: &Value<Operand>,
        right_span: Span,
        operator_span: Span,
    ) -> Checks<Equality> {
        let operands = || [(left.clone(), left_span), (right.clone(), right_span)];
        match (left, right) {
            (Value::Text(one), Value::Text(other)) => match self.equal_texts(one, other, operator_span) {
                Some(equality) => Ok(equality),
                None => {
                    let span = if known_texts(one).is_none() { left_span } else { right_span };
                    let message = "only the run tells what this string holds, so it cannot be compared";
                    let diagnostic = Diagnostic::error("E0308", message, span, "a string with values in it");
                    Err(self.report(diagnostic.help("compare the values themselves")))
                }
            },
            (Value::Tuple(one), Value::Tuple(other)) if one.len() != other.len() => Ok(Equality::Known(false)),
            (Value::Tuple(one), Value::Tuple(other)) => {
                let mut all: Option<Operand> = None;
                let mut differ = false;
                for (one, other) in one.iter().zip(other) {
                    match self.equality(one, left_span, other, right_span, operator_span)? {
                        Equality::Known(equal) => differ |= !equal,
                        Equality::Run(operand) => {
                            all = Some(match all {
                                None => operand,
                                Some(before) => self.both(before, operand, operator_span)?,
                            });
                        }
                    }
                }
                Ok(match all {
                    Some(operand) if !differ => Equality::Run(operand),
                    _ => Equality::Known(!differ),
                })
            }
            (Value::Array(one), Value::Array(other)) => {
                if self.type_of(*one).rank() + self.type_of(*other).rank() > 0 {
                    let message = "tuples that hold arrays are not compared: which of their elements is to decide?";
                    let help = "compare the parts, for example `all(t[0] == u[0])`";
                    return Err(self.refuse(message.into(), operator_span, &operands(), help));
                }
                let symbol = BinaryOperator::Equal.symbol();
                match self.operator(symbol, operator_span, operands().into(), left_span)? {
                    Value::Array(operand) => Ok(match self.constant_of(operand) {
                        Some(scalar) => Equality::Known(scalar.bits[0] != 0),
                        None => Equality::Run(operand),
                    }),
                    _ => Err(Reported),
                }
            }
            (Value::DType(one), Value::DType(other)) => Ok(Equality::Known(one == other)),
            (Value::None, Value::None) => Ok(Equality::Known(true)),
            (Value::None, _) | (_, Value::None) => Ok(Equality::Known(false)),
            _ => {
                let (one, other) = (self.describe(left), self.describe(right));
                let message = format!("{one} and {other} are never equal, so comparing them is a slip");
                let help = "compare values of one kind; a number as text is `f\"{x}\"`";
                Err(self.refuse(message, operator_span, &operands(), help))
            }
        }
    }

    fn both(&mut self, one: Operand, other: Operand, span: Span) -> Checks<Operand> {
        let operands = vec![(Value::Array(one), span), (Value::Array(other), span)];
        match self.operator(BinaryOperator::And.symbol(), span, operands, span)? {
            Value::Array(operand) => Ok(operand),
            _ => Err(Reported),
        }
    }
}
