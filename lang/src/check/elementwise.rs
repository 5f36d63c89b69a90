//! Operations on each element: promotion, casts, broadcasting, and folding what is known.

use super::advice::{bounds, broadcast_help, dtype_for, fits};
use super::{Checker, Checks};
use crate::ast::BinaryOperator;
use crate::declaration::{Advice, Mismatch, Operand, Rule, Typing};
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::dtype::{DType, Kind, Scalar};
use crate::graph::{NodeKind, OperationId};
use crate::length::{Length, Polynomial};
use crate::promotion::Numeric;
use crate::source::Span;
use crate::types::{ArrayType, DisplayShape};
use crate::value::Value;

/// Whether two lengths, neither of them known to be 1, are one, along an axis that is counted from the end.
type AreOne<'a> = &'a mut dyn FnMut(&mut Checker, (&Length, &Length), usize) -> bool;

impl Checker<'_> {
    /// The arrays among values; anything else is an error that names the operation.
    pub(super) fn arrays(&mut self, name: &str, values: &[(Value<Operand>, Span)]) -> Checks<Vec<(Operand, Span)>> {
        let mut operands = Vec::new();
        for (value, span) in values {
            match value {
                Value::Array(operand) => operands.push((*operand, *span)),
                other => {
                    let found = self.describe(other);
                    let mut diagnostic =
                        Diagnostic::error("E0303", format!("`{name}` takes arrays, not {found}"), *span, found.clone());
                    for (value, place) in values.iter().filter(|(_, place)| place != span) {
                        diagnostic = diagnostic.label(*place, self.describe(value));
                    }
                    diagnostic = self.with_origin(diagnostic, *span, &found);
                    let is_call = name.starts_with(char::is_alphabetic);
                    let help = match other {
                        Value::Function(_) | Value::Builtin(_) => Some("call it: add `(…)`"),
                        Value::Tuple(_) => Some("write `[ ]` to make an array of the values"),
                        Value::Text(_) if is_call => Some("write a number, without quotes"),
                        Value::Text(_) => Some("an f-string puts values and texts into one text: `f\"total: {x}\"`"),
                        Value::None if is_call => Some(super::GIVE_A_VALUE),
                        _ => None,
                    };
                    return Err(self.report(match help {
                        Some(help) => diagnostic.help(help),
                        None => diagnostic,
                    }));
                }
            }
        }
        Ok(operands)
    }

    /// An elementwise operation on arrays. `name` is what messages call it: the operator when one was written.
    pub(crate) fn elementwise(
        &mut self,
        operation: OperationId,
        name: &str,
        place: Span,
        operands: &[(Operand, Span)],
        span: Span,
    ) -> Checks<Operand> {
        let library = self.library;
        let declaration = &library.declarations()[operation.0 as usize];
        let Rule::Elementwise(typing) = &declaration.rule else {
            return Err(self.not_built(&format!("`{name}`"), place, ""));
        };
        let mut numerics: Vec<Numeric> = operands.iter().map(|(operand, _)| self.numeric(*operand)).collect();
        let mut typed = typing(&numerics);
        if typed.as_ref().is_ok_and(|typed| typed.result == DType::Bool) {
            // A number that a dtype cannot hold is compared all the same.
            let dtypes = typed.iter().flat_map(|typed| typed.operands.clone());
            for ((numeric, (operand, _)), dtype) in numerics.iter_mut().zip(operands).zip(dtypes) {
                let number = self.constant_of(*operand).filter(|_| numeric.weak);
                numeric.weak &= number.is_none_or(|number| fits(number, dtype));
            }
            typed = typing(&numerics);
        }
        let typing = match typed {
            Ok(typing) => typing,
            Err(mismatch) => return Err(self.dtype_mismatch(name, place, operands, mismatch)),
        };
        let shape = self.broadcast(name, place, operands)?;
        let mut cast = Vec::new();
        for ((operand, operand_span), dtype) in operands.iter().zip(&typing.operands) {
            cast.push(self.convert(*operand, *dtype, *operand_span)?);
        }
        let weak = declaration.operator.is_some() && numerics.iter().all(|numeric| numeric.weak);
        Ok(self.elementwise_node(operation, &cast, &typing, shape, weak, span))
    }

    fn elementwise_node(
        &mut self,
        operation: OperationId,
        operands: &[Operand],
        typing: &Typing,
        shape: Vec<Length>,
        weak: bool,
        span: Span,
    ) -> Operand {
        let known: Option<Vec<Scalar>> = operands.iter().map(|operand| self.constant_of(*operand)).collect();
        if let Some(scalar) = known.and_then(|scalars| self.library.fold(operation, &scalars)) {
            return self.constant(scalar, weak, span);
        }
        let operands = operands.iter().map(|operand| self.resolve(*operand)).collect();
        let kind = NodeKind::Elementwise { operation, operands };
        Operand { weak, ..self.add(kind, ArrayType::new(typing.result, shape), span) }
    }

    fn broadcast(&mut self, name: &str, place: Span, operands: &[(Operand, Span)]) -> Checks<Vec<Length>> {
        let mut shape: Vec<Length> = Vec::new();
        for (position, (operand, _)) in operands.iter().enumerate() {
            let other = self.type_of(*operand).shape.clone();
            self.set_meeting(&operands[..=position], place, shape.len().max(other.len()));
            let pair = self.broadcast_pair(&shape, &other, name, place);
            (self.meeting, self.meeting_rank) = (Vec::new(), 0);
            match pair {
                Ok(wider) => {
                    self.note_table(&shape, &other, &wider, place, &operands[..=position]);
                    shape = wider;
                }
                Err(from_end) => return Err(self.shape_mismatch(name, place, operands, position, &shape, from_end)),
            }
        }
        let bytes = shape.iter().filter_map(Length::known);
        let bytes = bytes.into_iter().try_fold(16usize, |bytes, length| bytes.checked_mul(length.max(1)));
        if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
            let message = format!("the result would be larger than any memory: its shape is {}", DisplayShape(&shape));
            let mut diagnostic = Diagnostic::error("E0309", message, place, "");
            for (operand, span) in operands.iter().filter(|(_, span)| *span != place) {
                diagnostic = diagnostic.label(*span, self.type_of(*operand).to_string());
            }
            return Err(self.report(diagnostic.help("take a part at a time: `a[:1000]`")));
        }
        Ok(shape)
    }

    /// Notes the operands whose shapes meet at a place, for what the run may say of them.
    fn set_meeting(&mut self, operands: &[(Operand, Span)], place: Span, rank: usize) {
        self.meeting_rank = rank;
        self.meeting = self.open_labels(operands, place);
    }

    /// The types of operands that meet at a place, if only the run tells a length of theirs; in the prelude those of what was given.
    pub(super) fn open_labels(&self, operands: &[(Operand, Span)], place: Span) -> Vec<Label> {
        let is_open = |operand: &Operand| self.type_of(*operand).shape.iter().any(|length| length.known().is_none());
        if !operands.iter().any(|(operand, _)| is_open(operand)) {
            return Vec::new();
        }
        if let Some(frame) = self.visible_frame(place) {
            return self.given_labels(frame);
        }
        let others = operands.iter().filter(|(_, span)| *span != place);
        others.map(|(operand, span)| Label { span: *span, text: self.type_of(*operand).to_string() }).collect()
    }

    /// Compares lengths while it is noted what meets.
    pub(super) fn while_meeting<T>(&mut self, labels: Vec<Label>, compare: impl FnOnce(&mut Self) -> T) -> T {
        let around = std::mem::replace(&mut self.meeting, labels);
        let result = compare(self);
        self.meeting = around;
        result
    }

    /// NumPy's broadcasting of two shapes. A length that only the run can tell is taken for the other one's, and the run checks it.
    /// `Err` is the axis, counted from the end, along which the lengths do not go together.
    pub(super) fn broadcast_pair(
        &mut self,
        left: &[Length],
        right: &[Length],
        name: &str,
        place: Span,
    ) -> Result<Vec<Length>, usize> {
        let what = format!("`{name}` needs equal lengths");
        let mut are_one = |checker: &mut Checker, lengths: (&Length, &Length), from_end: usize| {
            checker.same_in_broadcast(lengths, &what, from_end, place)
        };
        self.broadcast_where(left, right, &mut are_one)
    }

    /// The same, with what says whether two lengths, neither of them known to be 1, are one; it is told the axis, from the end.
    pub(super) fn broadcast_where(
        &mut self,
        left: &[Length],
        right: &[Length],
        are_one: AreOne,
    ) -> Result<Vec<Length>, usize> {
        let rank = left.len().max(right.len());
        let one = Length::Known(1);
        let mut shape = vec![one.clone(); rank];
        for from_end in 1..=rank {
            let of =
                |lengths: &[Length]| lengths.len().checked_sub(from_end).map_or(one.clone(), |at| lengths[at].clone());
            let (a, b) = (of(left), of(right));
            shape[rank - from_end] = if a == b || b.is(1) {
                a
            } else if a.is(1) {
                b
            } else if are_one(self, (&a, &b), from_end) {
                if a.known().is_some() { a } else { b }
            } else {
                return Err(from_end);
            };
        }
        Ok(shape)
    }

    /// The classic slip: `f64[n] - f64[n, 1]` is an n by n table. What the library does with lengths is meant.
    fn note_table(
        &mut self,
        left: &[Length],
        right: &[Length],
        wider: &[Length],
        place: Span,
        operands: &[(Operand, Span)],
    ) {
        let is_expansion = operands.iter().all(|(_, span)| *span == place);
        if is_expansion || place.source == self.library.prelude_source() {
            return;
        }
        let stretched = |lengths: &[Length], axis: usize| {
            (axis + lengths.len()).checked_sub(wider.len()).is_none_or(|own| lengths[own].is(1))
        };
        for axis in 0..wider.len() {
            let meets = |other: usize| {
                other != axis && wider[other] == wider[axis] && stretched(left, axis) && stretched(right, other)
            };
            if wider[axis].has_variable() && (0..wider.len()).any(meets) && left.len() != right.len() {
                let length = &wider[axis];
                let message = format!(
                    "this makes a table: `{length}` meets itself across a stretch, so the result is {}",
                    DisplayShape(wider)
                );
                let mut note = Diagnostic::error("N0301", message, place, "");
                for (operand, span) in operands {
                    note = note.label(*span, self.type_of(*operand).to_string());
                }
                note.severity = Severity::Note;
                let _ =
                    self.report(note.help("for elements by pairs, give both one shape: `x[:, newaxis]` or `y[:, 0]`"));
                return;
            }
        }
    }

    fn shape_mismatch(
        &mut self,
        name: &str,
        place: Span,
        operands: &[(Operand, Span)],
        position: usize,
        shape: &[Length],
        from_end: usize,
    ) -> super::Reported {
        let axis = if from_end == 1 { "the last axis".into() } else { format!("axis -{from_end}") };
        let right_shape = self.type_of(operands[position].0).shape.clone();
        let (left, right) = (&shape[shape.len() - from_end], &right_shape[right_shape.len() - from_end]);
        let mut diagnostic = Diagnostic::error(
            "E0301",
            format!("the shapes do not go together: {left} and {right} along {axis}"),
            place,
            format!("`{name}` needs equal lengths, or 1"),
        );
        for (operand, span) in operands.iter().take(position + 1) {
            if *span != place {
                diagnostic = diagnostic.label(*span, self.type_of(*operand).to_string());
            }
        }
        for (operand, span) in operands.iter().take(position + 1) {
            diagnostic = self.with_origin(diagnostic, *span, &self.type_of(*operand).to_string());
        }
        let lengths = [left, right].map(Polynomial::from);
        diagnostic = self.with_declarations(diagnostic, &[&lengths[0], &lengths[1]]);
        let is_product = name == BinaryOperator::Multiply.symbol()
            && matches!((shape, &*right_shape), ([_, n], [m, _]) if n == m)
            && self.library.operator(BinaryOperator::MatrixProduct.symbol(), 2).is_some();
        let made = self.lengths_made_of(place, [left, right]);
        let help = match is_product {
            _ if made.is_some() => made,
            true => Some("the matrix product is written `@`".to_string()),
            false if is_turned(shape, &right_shape) => Some(self.library.advice(Advice::Transpose).to_string()),
            false => broadcast_help(shape, &right_shape).or_else(|| self.declaration_help(&lengths[0], &lengths[1])),
        };
        self.report(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        })
    }

    fn dtype_mismatch(
        &mut self,
        name: &str,
        place: Span,
        operands: &[(Operand, Span)],
        mismatch: Mismatch,
    ) -> super::Reported {
        let mut found: Vec<&str> = operands.iter().map(|(operand, _)| self.type_of(*operand).dtype.name()).collect();
        found.dedup();
        let mut diagnostic = Diagnostic::error(
            "E0302",
            format!("`{name}` takes {}, not {}", mismatch.takes, found.join(" and ")),
            place,
            "",
        );
        for (operand, span) in operands {
            if *span != place {
                diagnostic = diagnostic.label(*span, self.type_of(*operand).to_string());
            }
        }
        let is_float = |operand: &(Operand, Span)| self.type_of(operand.0).dtype.kind() == Kind::Float;
        let help = if self.tight.contains(&place) {
            let word = if name == BinaryOperator::BitOr.symbol() { "or" } else { "and" };
            Some(format!("between conditions write `{word}`: `a > 0 {word} b > 0`"))
        } else if name == BinaryOperator::BitXor.symbol() && operands.iter().any(is_float) {
            Some("a power is written `**`".to_string())
        } else {
            mismatch.help.map(|help| help.to_string())
        };
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        self.report(diagnostic)
    }

    /// An operand in another dtype; a literal that does not fit it is an error.
    pub(crate) fn convert(&mut self, operand: Operand, dtype: DType, span: Span) -> Checks<Operand> {
        if let (true, Some(scalar)) = (operand.weak, self.constant_of(operand)) {
            self.refuse_too_big(scalar, dtype, span)?;
        }
        Ok(self.cast(operand, dtype, span))
    }

    /// Refuses a literal that an integer dtype cannot hold.
    pub(super) fn refuse_too_big(&mut self, scalar: Scalar, dtype: DType, span: Span) -> Checks<()> {
        if !fits(scalar, dtype) {
            let (least, greatest) = bounds(dtype);
            let wider = dtype_for(scalar, dtype);
            let help = format!("{dtype} goes from {least} to {greatest}: use a wider dtype, `{wider}(…)`");
            let message = format!("{scalar} does not fit in {dtype}");
            return Err(self.report(Diagnostic::error("E0311", message, span, "").help(help)));
        }
        Ok(())
    }

    /// An operand in another dtype, as `astype` converts.
    pub(crate) fn cast(&mut self, operand: Operand, dtype: DType, span: Span) -> Operand {
        let from = self.type_of(operand).clone();
        if from.dtype == dtype {
            return operand;
        }
        if let Some(scalar) = self.constant_of(operand) {
            return self.constant(scalar.cast(dtype), operand.weak, span);
        }
        let value = self.resolve(operand);
        let cast = self.add(NodeKind::Cast(value), ArrayType::new(dtype, from.shape), span);
        Operand { weak: operand.weak, ..cast }
    }
}

/// Whether two matrices have each other's shape turned.
fn is_turned(left: &[Length], right: &[Length]) -> bool {
    left.len() == 2 && right.len() == 2 && left[0] == right[1] && left[1] == right[0]
}
