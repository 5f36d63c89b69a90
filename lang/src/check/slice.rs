//! Slices of an axis: known, provably within it, cut off in the run, or with a step that only the run tells.

use super::index::{Bound, Part};
use super::{Checker, Checks};
use crate::ast::Expression;
use crate::declaration::Operand;
use crate::diagnostic::Diagnostic;
use crate::dtype::{DType, Scalar};
use crate::graph::{NodeId, NodeKind};
use crate::length::{Length, Polynomial};
use crate::source::Span;
use crate::types::ArrayType;
use crate::value::Value;

impl Checker<'_> {
    pub(super) fn slice(
        &mut self,
        start: Option<Bound>,
        stop: Option<Bound>,
        step: i128,
        length: &Length,
        span: Span,
    ) -> Part {
        let is_known =
            start.is_none_or(|bound| bound.known().is_some()) && stop.is_none_or(|bound| bound.known().is_some());
        if let (true, Length::Known(length)) = (is_known, length) {
            let (first, count, step) =
                resolve_slice(start.and_then(Bound::known), stop.and_then(Bound::known), step, *length);
            return Part::Along { start: first.into(), step, index: None, length: count.into() };
        }
        self.proved_slice(start, stop, step, length)
            .unwrap_or_else(|| self.clamped_slice(start, stop, step, length, span))
    }

    /// A slice of step 1 or -1 whose bounds provably lie within the axis.
    fn proved_slice(&mut self, start: Option<Bound>, stop: Option<Bound>, step: i128, length: &Length) -> Option<Part> {
        let whole = Polynomial::from(length);
        if step == -1 && start.is_none() && stop.is_none() {
            let last = whole.minus(&1.into());
            let last = Length::of(last)?;
            return Some(Part::Along { start: last, step: -1, index: None, length: length.clone() });
        }
        if step != 1 {
            return None;
        }
        let first = match start {
            None => Polynomial::from(0),
            Some(bound) => self.counted_from_start(bound, &whole)?,
        };
        let end = match stop {
            None => whole.clone(),
            Some(bound) => self.counted_from_start(bound, &whole)?,
        };
        let count = end.minus(&first);
        let proved = self.is_proved(&first) && self.is_proved(&count) && self.is_proved(&whole.minus(&end));
        if !proved {
            return None;
        }
        let count = Length::of(count)?;
        let (start, index) = match (first.known(), start) {
            (Some(known), _) => (Length::Known(usize::try_from(known).ok()?), None),
            (None, Some(Bound::Run(operand))) if !self.is_of_variables(&first) => {
                (Length::Known(0), Some(self.resolve_index(operand)))
            }
            _ => (Length::of(first)?, None),
        };
        Some(Part::Along { start, step: 1, index, length: count })
    }

    pub(super) fn resolve_index(&mut self, operand: Operand) -> NodeId {
        let span = self.levels[operand.level as usize].builder.graph().node(operand.node).span;
        self.index_node(operand, span)
    }

    /// A slice's bound counted from the axis's start.
    fn counted_from_start(&mut self, bound: Bound, length: &Polynomial) -> Option<Polynomial> {
        let bound = match bound {
            Bound::Known(known) => Polynomial::from(i64::try_from(known).ok()?),
            Bound::Run(operand) => self.polynomial_of(operand),
        };
        let is_negative = Polynomial::from(-1).minus(&bound).is_never_negative()
            || self.is_of_variables(&bound) && bound.is_written_negative();
        Some(if is_negative { length.plus(&bound) } else { bound })
    }

    /// Whether a number is 0 or more: provably; or as far as anybody can say of a function that is checked for all sizes.
    fn is_proved(&self, polynomial: &Polynomial) -> bool {
        polynomial.is_never_negative() || self.is_of_variables(polynomial)
    }

    /// Any other slice: the run clamps its bounds, and tells how long it is.
    fn clamped_slice(
        &mut self,
        start: Option<Bound>,
        stop: Option<Bound>,
        step: i128,
        length: &Length,
        span: Span,
    ) -> Part {
        let mut bound = |bound: Option<Bound>| {
            bound.map(|bound| match bound {
                Bound::Known(known) => {
                    let constant = Scalar::i64(known.clamp(i64::MIN as i128, i64::MAX as i128) as i64);
                    self.constant(constant, false, span)
                }
                Bound::Run(operand) => {
                    let index = self.cast(operand, DType::I64, span);
                    self.lifted(index)
                }
            })
        };
        let (start, stop) = (bound(start), bound(stop));
        let step = step.clamp(i64::MIN as i128 + 1, i64::MAX as i128) as i64;
        let scalar = ArrayType::scalar(DType::I64);
        // Bounds that are the same in every turn of a body are told outside of it.
        let tells = |operand: &Operand| if self.constant_of(*operand).is_some() { 0 } else { operand.level as usize };
        let least = start.iter().chain(&stop).map(tells).max().unwrap_or(0);
        let depth = self.outermost(least.max(self.level_that_tells(length)));
        let mut node = |operand: Option<Operand>| operand.map(|operand| self.known_at(operand, depth));
        let kind = NodeKind::SliceBounds { length: length.clone(), start: node(start), stop: node(stop), step };
        let bounds = self.add_at(depth, kind, vec![scalar.clone(), scalar.clone()], span);
        let first = self.add_at(depth, NodeKind::Part { value: bounds.node, index: 0 }, vec![scalar.clone()], span);
        let count = self.add_at(depth, NodeKind::Part { value: bounds.node, index: 1 }, vec![scalar], span);
        let whole = Polynomial::from(length);
        self.note_bounds(count, super::size::Bounds { least: 0.into(), most: whole });
        let first = self.resolve(first);
        let count = Length::of(self.polynomial_of(count)).unwrap_or(Length::Known(0));
        Part::Along { start: 0.into(), step: step as isize, index: Some(first), length: count }
    }

    /// The indices of a slice whose step only the run can tell, as Python has them. What every turn of a body finds alike is computed
    /// outside of it.
    pub(super) fn stepped(
        &mut self,
        start: Option<Bound>,
        stop: Option<Bound>,
        step: Operand,
        length: &Length,
        span: Span,
    ) -> Checks<Operand> {
        let number = |checker: &mut Self, number: i64| checker.constant(Scalar::i64(number), false, span);
        let (zero, one, minus_one) = (number(self, 0), number(self, 1), number(self, -1));
        let length = self.length_value(length, span);
        let last = self.of_lifted("-", length, one, span)?;
        let step = self.cast(step, DType::I64, span);
        let step = self.lifted(step);
        // Downwards it begins with the last element, and ends before the first.
        let is_down = self.of_lifted("<", step, zero, span)?;
        let least = self.one_of(is_down, minus_one, zero, span);
        let most = self.one_of(is_down, last, length, span);
        // A step that leads out of the axis at once is as good as a shorter one, which can be computed with.
        let longest = self.of_lifted("+", length, one, span)?;
        let back = self.of_lifted("-", minus_one, length, span)?;
        let step = self.between(step, back, longest, span)?;
        let back = self.of_lifted("-", zero, step, span)?;
        let magnitude = self.one_of(is_down, back, step, span);
        let magnitude = self.length_of(magnitude, span)?;
        let help = "write 1 for every element, or -1 for every one backwards";
        self.at_least(&magnitude, 1, "a slice's step cannot be 0", help, span);
        let bound = |checker: &mut Self, bound: Option<Bound>| {
            let bound = match bound {
                None => return Ok(None),
                Some(Bound::Known(known)) => number(checker, known.clamp(i64::MIN as i128, i64::MAX as i128) as i64),
                Some(Bound::Run(operand)) => {
                    let bound = checker.cast(operand, DType::I64, span);
                    checker.lifted(bound)
                }
            };
            let from_end = checker.of_lifted("+", bound, length, span)?;
            let is_negative = checker.of_lifted("<", bound, zero, span)?;
            let bound = checker.one_of(is_negative, from_end, bound, span);
            checker.between(bound, least, most, span).map(Some)
        };
        let start = match bound(self, start)? {
            Some(start) => start,
            None => self.one_of(is_down, last, zero, span),
        };
        let stop = match bound(self, stop)? {
            Some(stop) => stop,
            None => self.one_of(is_down, minus_one, length, span),
        };
        let distance = self.of_lifted("-", stop, start, span)?;
        let sign = self.one_of(is_down, minus_one, one, span);
        let rounding = self.of_lifted("-", step, sign, span)?;
        let rounded = self.of_lifted("+", distance, rounding, span)?;
        // Lengths are exact as floats, whose quotient is never an error: a step of 0 was told above.
        let count = self.of_lifted("/", rounded, step, span)?;
        let count = self.cast(count, DType::I64, span);
        let count = self.lifted(count);
        let count = self.between(count, zero, length, span)?;
        let count = self.length_of(count, span)?;
        let counted = self.add(NodeKind::Iota, ArrayType::new(DType::I64, vec![count]), span);
        let along = self.of_two("*", counted, step, span)?;
        self.of_two("+", along, start, span)
    }

    /// An integer, or the nearer end of a range that it lies outside of.
    fn between(&mut self, number: Operand, least: Operand, most: Operand, span: Span) -> Checks<Operand> {
        let is_below = self.of_lifted("<", number, least, span)?;
        let number = self.one_of(is_below, least, number, span);
        let is_above = self.of_lifted("<", most, number, span)?;
        Ok(self.one_of(is_above, most, number, span))
    }

    /// An operator of two scalars, outside of the bodies that are given both.
    fn of_lifted(&mut self, symbol: &'static str, left: Operand, right: Operand, span: Span) -> Checks<Operand> {
        let value = self.of_two(symbol, left, right, span)?;
        Ok(self.lifted(value))
    }

    /// One of two integers, as a bool says.
    fn one_of(&mut self, which: Operand, then: Operand, otherwise: Operand, span: Span) -> Operand {
        let (then, otherwise) = (self.cast(then, DType::I64, span), self.cast(otherwise, DType::I64, span));
        let value = self.select(which, then, otherwise, &ArrayType::scalar(DType::I64), span);
        self.lifted(value)
    }

    pub(super) fn slice_bound(&mut self, bound: Option<&Expression>) -> Checks<Option<Bound>> {
        let Some(expression) = bound else { return Ok(None) };
        let value = self.expression(expression)?;
        match &value {
            Value::None => return Ok(None),
            Value::Array(operand) if self.is_integer(*operand) => {
                let known = self.constant_of(*operand).and_then(|scalar| scalar.as_integer());
                return Ok(Some(known.map_or(Bound::Run(*operand), Bound::Known)));
            }
            _ => {}
        }
        let found = self.describe(&value);
        Err(self.report(
            Diagnostic::error("E0305", format!("a slice's bounds are integers, not {found}"), expression.span, found)
                .help("divide with `//` to keep integers"),
        ))
    }
}

/// The first index, the count and the step of a slice of an axis, as Python has them.
pub(super) fn resolve_slice(
    start: Option<i128>,
    stop: Option<i128>,
    step: i128,
    length: usize,
) -> (usize, usize, isize) {
    let length = length as i128;
    let clamp = |bound: i128, low: i128, high: i128| {
        let from_start = if bound < 0 { bound + length } else { bound };
        from_start.clamp(low, high)
    };
    let (first, end) = if step > 0 {
        (start.map_or(0, |bound| clamp(bound, 0, length)), stop.map_or(length, |bound| clamp(bound, 0, length)))
    } else {
        (
            start.map_or(length - 1, |bound| clamp(bound, -1, length - 1)),
            stop.map_or(-1, |bound| clamp(bound, -1, length - 1)),
        )
    };
    let distance = if step > 0 { end - first } else { first - end };
    let magnitude = step.unsigned_abs() as i128;
    let count = if distance <= 0 { 0 } else { (distance + magnitude - 1) / magnitude };
    let first = if count == 0 { 0 } else { first };
    (first as usize, count as usize, if count <= 1 { step.signum() as isize } else { step as isize })
}
