//! Expressions: each to a value whose arrays are nodes.

use super::{Checker, Checks, Reported, Taken};
use crate::ast::{self, Expression, ExpressionKind};
use crate::declaration::Operand;
use crate::diagnostic::Diagnostic;
use crate::dtype::{DType, Scalar};
use crate::graph::NodeKind;
use crate::length::Length;
use crate::parser::compares;
use crate::promotion::{Numeric, common};
use crate::source::Span;
use crate::types::{ArrayType, DisplayShape, Type};
use crate::value::{Closure, TextPiece, Value};
use std::sync::Arc;

/// How deep expressions may nest while they are walked, functions called in them included.
const DEEPEST_EXPRESSION: usize = 2_000;

/// A level of nesting takes a few kilobytes of stack, and the calling thread may have little: below so many bytes more is made.
const RED_ZONE: usize = 96 * 1024;
const MORE_STACK: usize = 2 * 1024 * 1024;

impl Checker<'_> {
    /// The value of an expression.
    pub(super) fn expression(&mut self, expression: &Expression) -> Checks<Value<Operand>> {
        self.expression_for(expression, Taken::Always)
    }

    /// The same where the value may be taken or not.
    pub(super) fn expression_for(&mut self, expression: &Expression, taken: Taken) -> Checks<Value<Operand>> {
        self.deeper(expression.span, |checker| checker.expression_kind(expression, taken))
    }

    /// What takes stack for each level of nesting.
    pub(super) fn deeper<T>(&mut self, span: Span, check: impl FnOnce(&mut Self) -> Checks<T>) -> Checks<T> {
        if self.is_cancelled {
            return Err(Reported);
        }
        if self.environment.is_cancelled() {
            self.is_cancelled = true;
            return Err(self.report(Diagnostic::error("E0590", "interrupted", span, "this was being checked")));
        }
        if self.depth >= DEEPEST_EXPRESSION {
            let diagnostic = Diagnostic::error("E0210", "this is nested too deeply", span, "")
                .help("give a part of it a name of its own");
            return Err(self.report(diagnostic));
        }
        self.depth += 1;
        let result = stacker::maybe_grow(RED_ZONE, MORE_STACK, || check(self));
        self.depth -= 1;
        result
    }

    fn expression_kind(&mut self, expression: &Expression, taken: Taken) -> Checks<Value<Operand>> {
        let span = expression.span;
        match &expression.kind {
            ExpressionKind::Integer(value) => {
                let scalar = i64::try_from(*value).map_or(Scalar::u64(*value), Scalar::i64);
                Ok(Value::Array(self.constant(scalar, true, span)))
            }
            ExpressionKind::Float(value) => Ok(Value::Array(self.constant(Scalar::f64(*value), true, span))),
            ExpressionKind::Imaginary(value) => Ok(Value::Array(self.constant(Scalar::c128(0.0, *value), true, span))),
            ExpressionKind::Bool(value) => Ok(Value::Array(self.constant(Scalar::bool(*value), false, span))),
            ExpressionKind::Text(text) => Ok(Value::Text(vec![TextPiece::Text(text.clone())])),
            ExpressionKind::FormatText(pieces) => {
                let text = self.format_text(pieces)?;
                self.bounded(text, span)
            }
            ExpressionKind::Name(name) => self.look_up(&name.text, name.span),
            ExpressionKind::Ellipsis => Err(self.report(
                Diagnostic::error("E0303", "`...` stands only in an index", span, "").help("write `a[..., 0]`"),
            )),
            // The literal below the range of i64 has no positive twin in it.
            ExpressionKind::Unary { operator: ast::UnaryOperator::Negative, operand, .. } if matches!(operand.kind, ExpressionKind::Integer(magnitude) if magnitude > i64::MAX as u64) =>
            {
                if matches!(operand.kind, ExpressionKind::Integer(magnitude) if magnitude == 1 << 63) {
                    return Ok(Value::Array(self.constant(Scalar::i64(i64::MIN), true, span)));
                }
                let message = format!("this number is too small: the least integer is {}", i64::MIN);
                let diagnostic = Diagnostic::error("E0106", message, span, "");
                Err(self.report(diagnostic.help("for a float write `.0` behind it")))
            }
            ExpressionKind::Unary { operator, operator_span, operand } => {
                let value = self.expression(operand)?;
                self.operator(operator.symbol(), *operator_span, vec![(value, operand.span)], span)
            }
            ExpressionKind::Binary { operator, operator_span, left, right } => {
                if operator.is_comparison() {
                    self.note_tight_bits([&**left, &**right]);
                }
                self.note_both_sides(*operator, right.span);
                let (a, b) = (self.expression(left), self.expression(right));
                self.operator(operator.symbol(), *operator_span, vec![(a?, left.span), (b?, right.span)], span)
            }
            ExpressionKind::Chain { first, rest } if compares(rest) => self.chain(first, rest, span),
            ExpressionKind::Chain { first, rest } => self.run_of_operators(first, rest),
            ExpressionKind::If { condition, then, otherwise } => {
                self.conditional(condition, then, otherwise.as_deref(), span, taken)
            }
            ExpressionKind::Lambda(function) => {
                self.parameters(function)?;
                let captured = self.close_over(function);
                self.bounded(Value::Function(Arc::new(Closure::new(function.clone(), captured))), span)
            }
            ExpressionKind::Call { function, arguments } => self.call_expression(function, arguments, span),
            ExpressionKind::Index { base, subscripts } => {
                let value = self.expression(base)?;
                self.index(value, base.span, subscripts, span)
            }
            ExpressionKind::Property { base, name } => {
                self.module_member(base, name)?;
                let value = self.expression(base)?;
                self.property(value, base.span, name, span)
            }
            ExpressionKind::Tuple(values) => {
                let values: Vec<_> = values.iter().map(|value| self.expression(value)).collect();
                self.bounded(Value::Tuple(values.into_iter().collect::<Checks<_>>()?), span)
            }
            ExpressionKind::Array(values) => self.array(values, span),
            ExpressionKind::Comprehension { element, clauses, condition } => {
                self.comprehension(element, clauses, condition.as_deref(), span)
            }
            ExpressionKind::Block(block) => self.block(block, taken),
            ExpressionKind::Annotated { annotation, value } => {
                self.annotated(std::slice::from_ref(annotation), |checker| checker.expression_for(value, taken))
            }
            ExpressionKind::Error => Err(Reported),
        }
    }

    /// An operator's operation, found by its symbol.
    pub(super) fn operator(
        &mut self,
        symbol: &'static str,
        operator_span: Span,
        operands: Vec<(Value<Operand>, Span)>,
        span: Span,
    ) -> Checks<Value<Operand>> {
        if let Some(result) = self.of_structure(symbol, operator_span, &operands, span) {
            return result;
        }
        let Some(operation) = self.library.operator(symbol, operands.len()) else {
            return Err(self.not_built(&format!("`{symbol}`"), operator_span, ""));
        };
        self.apply_operator(operation, symbol, operator_span, operands, span)
    }

    /// `a < b <= c` is `a < b and b <= c`, `b` computed once.
    fn chain(
        &mut self,
        first: &Expression,
        rest: &[(ast::BinaryOperator, Span, Expression)],
        span: Span,
    ) -> Checks<Value<Operand>> {
        self.refuse_tight_bits(rest)?;
        self.note_tight_bits([first].into_iter().chain(rest.last().map(|(_, _, operand)| operand)));
        let mut left = (self.expression(first)?, first.span);
        let mut all: Option<Value<Operand>> = None;
        for (operator, operator_span, operand) in rest {
            let right = (self.expression(operand)?, operand.span);
            let place = left.1.to(right.1);
            let one = self.operator(operator.symbol(), *operator_span, vec![left, right.clone()], place)?;
            all = Some(match all {
                None => one,
                Some(before) => self.operator(
                    ast::BinaryOperator::And.symbol(),
                    *operator_span,
                    vec![(before, span), (one, span)],
                    span,
                )?,
            });
            left = right;
        }
        all.ok_or(Reported)
    }

    /// Remembers bit operators that are a comparison's operands, and not in parentheses.
    fn note_tight_bits<'e>(&mut self, operands: impl IntoIterator<Item = &'e Expression>) {
        let bits = operands.into_iter().filter_map(tight_bits);
        self.tight
            .extend(bits.filter(|(operator, _)| *operator != ast::BinaryOperator::BitXor).map(|(_, place)| place));
    }

    /// `a == 1 | a == 2` is `a == (1 | a) == 2`, which nobody means: between two comparisons, bits stand in parentheses.
    fn refuse_tight_bits(&mut self, rest: &[(ast::BinaryOperator, Span, Expression)]) -> Checks<()> {
        let between = &rest[..rest.len().saturating_sub(1)];
        let mut found = between.iter().filter_map(|(_, _, operand)| tight_bits(operand));
        let Some((operator, place)) = found.next() else { return Ok(()) };
        let symbol = operator.symbol();
        let message = format!("`{symbol}` binds tighter than the comparisons around it");
        let mut diagnostic = Diagnostic::error("E0325", message, place, "");
        for (_, place) in found {
            diagnostic = diagnostic.label(place, "");
        }
        let help = match operator {
            ast::BinaryOperator::BitOr => {
                "between conditions write `or`: `a > 0 or b > 0`; the bits stand in parentheses"
            }
            ast::BinaryOperator::BitAnd => {
                "between conditions write `and`: `a > 0 and b > 0`; the bits stand in parentheses"
            }
            _ => "a power is written `**`; between conditions write `(a > 0) ^ (b > 0)`; the bits stand in parentheses",
        };
        Err(self.report(diagnostic.help(help)))
    }

    fn format_text(&mut self, pieces: &[ast::FormatPiece]) -> Checks<Value<Operand>> {
        let mut text = Vec::new();
        for piece in pieces {
            match piece {
                ast::FormatPiece::Text(known) => crate::value::join(&mut text, TextPiece::Text(known.clone())),
                ast::FormatPiece::Value { value, specification, specification_span } => {
                    let value = self.expression(value)?;
                    self.check_format(&value, specification, *specification_span)?;
                    self.format_value(&mut text, value, specification, *specification_span);
                }
            }
        }
        Ok(Value::Text(text))
    }

    /// Refuses a format specification that does not fit its value.
    fn check_format(&mut self, value: &Value<Operand>, specification: &str, span: Span) -> Checks<()> {
        if specification.is_empty() {
            return Ok(());
        }
        // What is no array is formatted as the text that `print` shows.
        let array_type = if let Value::Array(operand) = value { Some(self.type_of(*operand).clone()) } else { None };
        match self.library.refuse_format(array_type.as_ref(), specification) {
            None => Ok(()),
            Some((message, help)) => {
                let formatted = format!("formats {}", self.describe(value));
                let diagnostic = Diagnostic::error("E0319", message, span, formatted);
                Err(self.report(match help {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                }))
            }
        }
    }

    /// `[a, b, c]`: the values, cast to what they promote to, along a new first axis.
    fn array(&mut self, values: &[Expression], span: Span) -> Checks<Value<Operand>> {
        let checked: Vec<_> = values.iter().map(|value| self.expression(value)).collect();
        let mut operands = Vec::new();
        for (value, expression) in checked.into_iter().zip(values) {
            match value? {
                Value::Array(operand) => operands.push((operand, expression.span)),
                other => {
                    let found = self.describe(&other);
                    return Err(self.report(
                        Diagnostic::error("E0303", "an array's elements are numbers or arrays", expression.span, found)
                            .help("write `( )` for a tuple of other values"),
                    ));
                }
            }
        }
        let Some((first, first_span)) = operands.first().copied() else {
            let kind = NodeKind::Literal(Arc::new([]));
            return Ok(Value::Array(self.add(kind, ArrayType::new(DType::F64, vec![Length::Known(0)]), span)));
        };
        let shape = self.type_of(first).shape.clone();
        for (operand, place) in &operands {
            let (one, other) = (self.type_of(first).clone(), self.type_of(*operand).clone());
            if !self.same_shape(&one.shape, &other.shape, "an array's elements have one shape", *place) {
                return Err(self.report(
                    Diagnostic::error(
                        "E0301",
                        "the elements of an array must have one shape",
                        *place,
                        other.to_string(),
                    )
                    .label(first_span, one.to_string())
                    .help(self.equal_shapes_help(&operands, &one.shape, &other.shape, span)),
                ));
            }
        }
        let numerics: Vec<Numeric> = operands.iter().map(|(operand, _)| self.numeric(*operand)).collect();
        let dtype = common(&numerics).dtype;
        self.stack(&operands, dtype, &shape, span)
    }

    /// What to write where the elements of an array have two shapes.
    fn equal_shapes_help(&self, elements: &[(Operand, Span)], one: &[Length], other: &[Length], span: Span) -> String {
        if one.is_empty() {
            return "write the numbers of a row in brackets of their own: `[[a, b], [c, d]]`".to_string();
        }
        let types: Vec<Type> = elements.iter().map(|(element, _)| self.type_of(*element).clone()).collect();
        self.tuple_help(span, &types).unwrap_or_else(|| {
            let part = super::advice::one_part(one, other).map(|part| format!(", or {part}")).unwrap_or_default();
            format!("give each of them the shape of the first, {}{part}", DisplayShape(one))
        })
    }

    /// Arrays of one shape along a new first axis; known elements become one known array.
    pub(super) fn stack(
        &mut self,
        operands: &[(Operand, Span)],
        dtype: DType,
        shape: &[Length],
        span: Span,
    ) -> Checks<Value<Operand>> {
        let mut cast = Vec::new();
        for (operand, place) in operands {
            cast.push(self.convert(*operand, dtype, *place)?);
        }
        super::size::refuse_rank(shape.len() + 1, span).map_err(|diagnostic| self.report(diagnostic))?;
        let array_type = ArrayType::new(dtype, [&[Length::Known(operands.len())], shape].concat());
        let mut known = Vec::new();
        for operand in &cast {
            match &self.levels[operand.level as usize].builder.graph().node(operand.node).kind {
                NodeKind::Constant(scalar) => known.push(*scalar),
                NodeKind::Literal(elements) => known.extend_from_slice(elements),
                _ => {
                    let values = cast.iter().map(|operand| self.resolve(*operand)).collect();
                    return Ok(Value::Array(self.add(NodeKind::Stack(values), array_type, span)));
                }
            }
        }
        Ok(Value::Array(self.add(NodeKind::Literal(known.into()), array_type, span)))
    }

    /// A value's type in words: `f64[3, 4]`, `(f64, i64[3])`, `a string`.
    pub(crate) fn describe(&self, value: &Value<Operand>) -> String {
        match value {
            Value::Array(operand) => self.type_of(*operand).to_string(),
            Value::Tuple(values) => {
                let parts: Vec<String> = values.iter().map(|value| self.describe(value)).collect();
                format!("({})", parts.join(", "))
            }
            Value::Zip(_) => "a zip".into(),
            Value::Text(_) => "a string".into(),
            Value::Function(closure) => match &closure.function.name {
                Some(name) => format!("the function `{}`", name.text),
                None => "a function".into(),
            },
            Value::Builtin(name) => format!("the function `{name}`"),
            Value::DType(dtype) => format!("the dtype {dtype}"),
            Value::None => "none".into(),
            Value::Newaxis => "newaxis".into(),
        }
    }

    /// Notes what stands behind an `and` or `or`: it is computed whatever stands before.
    fn note_both_sides(&mut self, operator: ast::BinaryOperator, right: Span) {
        if matches!(operator, ast::BinaryOperator::And | ast::BinaryOperator::Or) {
            self.both_sides.insert(right, operator.symbol());
        }
    }

    /// `a + b - c`: each operator takes what those before it gave.
    fn run_of_operators(
        &mut self,
        first: &Expression,
        rest: &[(ast::BinaryOperator, Span, Expression)],
    ) -> Checks<Value<Operand>> {
        let mut span = first.span;
        let mut value = self.expression(first);
        for (operator, operator_span, right) in rest {
            self.note_both_sides(*operator, right.span);
            let other = self.expression(right);
            let whole = span.to(right.span);
            value = match (value, other) {
                (Ok(left), Ok(right_value)) => {
                    let operands = vec![(left, span), (right_value, right.span)];
                    self.operator(operator.symbol(), *operator_span, operands, whole)
                }
                _ => Err(Reported),
            };
            span = whole;
        }
        value
    }

    /// How an operand promotes.
    pub(crate) fn numeric(&self, operand: Operand) -> Numeric {
        Numeric { dtype: self.type_of(operand).dtype, weak: operand.weak }
    }
}

/// The operator and its place of an operand that works on bits and does not stand in parentheses.
fn tight_bits(operand: &Expression) -> Option<(ast::BinaryOperator, Span)> {
    use ast::BinaryOperator::{BitAnd, BitOr, BitXor};
    match &operand.kind {
        ExpressionKind::Binary { operator: operator @ (BitAnd | BitOr | BitXor), operator_span, left, .. }
            if left.span.start == operand.span.start =>
        {
            Some((*operator, *operator_span))
        }
        ExpressionKind::Chain { first, rest } if first.span.start == operand.span.start => match rest.last() {
            Some((operator @ (BitAnd | BitOr | BitXor), operator_span, _)) => Some((*operator, *operator_span)),
            _ => None,
        },
        _ => None,
    }
}
