//! Indexing with integers, slices, `newaxis` and `...`: every such index is one view.

use super::{Checker, Checks};
use crate::ast::{Expression, ExpressionKind, Subscript};
use crate::declaration::{Advice, Operand};
use crate::diagnostic::Diagnostic;
use crate::dtype::Kind;
use crate::graph::{NodeKind, SourceAxis};
use crate::source::Span;
use crate::types::ArrayType;
use crate::value::Value;

/// One subscript, understood.
enum Entry {
    Integer(i128, Span),
    Slice { start: Option<i128>, stop: Option<i128>, step: i128 },
    Newaxis,
    Ellipsis,
}

impl Checker<'_> {
    /// `value[subscripts]`.
    pub(super) fn index(
        &mut self,
        value: Value<Operand>,
        base_span: Span,
        subscripts: &[Subscript],
        span: Span,
    ) -> Checks<Value<Operand>> {
        match value {
            Value::Array(operand) => self.index_array(operand, base_span, subscripts, span).map(Value::Array),
            Value::Tuple(values) => self.index_tuple(&values, base_span, subscripts, span),
            other => {
                let found = self.describe(&other);
                let diagnostic = Diagnostic::error("E0303", format!("{found} cannot be indexed"), base_span, found);
                Err(self.report(match other {
                    Value::Function(_) | Value::Builtin(_) => diagnostic.help("a call has parentheses: `f(x)`"),
                    _ => diagnostic.help("take it as a whole: leave the index out"),
                }))
            }
        }
    }

    fn index_tuple(
        &mut self,
        values: &[Value<Operand>],
        base_span: Span,
        subscripts: &[Subscript],
        span: Span,
    ) -> Checks<Value<Operand>> {
        let entries = self.entries(subscripts)?;
        let length = values.len() as i128;
        match entries.as_slice() {
            [Entry::Integer(index, place)] => {
                let from_start = if *index < 0 { index + length } else { *index };
                match usize::try_from(from_start).ok().and_then(|at| values.get(at)) {
                    Some(value) => Ok(value.clone()),
                    None => Err(self.report(
                        Diagnostic::error(
                            "E0305",
                            format!("there is no element {index} in a tuple of {length}"),
                            *place,
                            "",
                        )
                        .label(base_span, format!("{length} elements"))
                        .help(format!("elements go from 0 to {}, or from -{length} to -1", length - 1)),
                    )),
                }
            }
            [Entry::Slice { start, stop, step }] => {
                let (first, count, step) = resolve_slice(*start, *stop, *step, values.len());
                let picked = (0..count).map(|k| values[(first as isize + k as isize * step) as usize].clone());
                Ok(Value::Tuple(picked.collect()))
            }
            _ => Err(self.report(Diagnostic::error("E0303", "a tuple is indexed by one integer or slice", span, ""))),
        }
    }

    fn index_array(
        &mut self,
        operand: Operand,
        base_span: Span,
        subscripts: &[Subscript],
        span: Span,
    ) -> Checks<Operand> {
        let entries = self.entries(subscripts)?;
        let source = self.type_of(operand).clone();
        let rank = source.rank();
        let consumed = entries.iter().filter(|entry| matches!(entry, Entry::Integer(..) | Entry::Slice { .. })).count();
        let ellipses = entries.iter().filter(|entry| matches!(entry, Entry::Ellipsis)).count();
        if ellipses > 1 {
            let diagnostic = Diagnostic::error("E0305", "an index has at most one `...`", span, "");
            return Err(
                self.report(diagnostic.help("write `:` for each axis that is kept whole, or leave the last `...` out"))
            );
        }
        if consumed > rank {
            let axes = if rank == 1 { "1 axis".to_string() } else { format!("{rank} axes") };
            let indices = if consumed == 1 { "1 index".to_string() } else { format!("{consumed} indices") };
            let diagnostic = Diagnostic::error("E0305", format!("{indices} for an array of {axes}"), span, "");
            let diagnostic =
                self.with_origin(diagnostic.label(base_span, source.to_string()), base_span, &source.to_string());
            return Err(self.report(match rank {
                0 => diagnostic.help("a scalar has no axes: leave the index out"),
                _ => diagnostic.help(format!("leave {} out", consumed - rank)),
            }));
        }
        let mut shape = Vec::new();
        let mut axes = Vec::new();
        let keep_all = |axes: &mut Vec<SourceAxis>, shape: &mut Vec<usize>, count: usize| {
            for _ in 0..count {
                let length = source.shape[axes.len()];
                axes.push(SourceAxis { start: 0, step: 1, axis: Some(shape.len()) });
                shape.push(length);
            }
        };
        for entry in &entries {
            match entry {
                Entry::Newaxis => shape.push(1),
                Entry::Ellipsis => keep_all(&mut axes, &mut shape, rank - consumed),
                Entry::Integer(index, place) => {
                    let length = source.shape[axes.len()];
                    let from_start = if *index < 0 { index + length as i128 } else { *index };
                    if from_start < 0 || from_start >= length as i128 {
                        let axis = axes.len();
                        let diagnostic = Diagnostic::error(
                            "E0305",
                            format!("index {index} is out of bounds for axis {axis} of length {length}"),
                            *place,
                            "",
                        );
                        let help = match length {
                            0 => "the axis is empty".to_string(),
                            _ => format!("indices go from 0 to {}, or from -{length} to -1", length - 1),
                        };
                        let diagnostic = diagnostic.label(base_span, source.to_string()).help(help);
                        return Err(self.report(self.with_origin(diagnostic, base_span, &source.to_string())));
                    }
                    axes.push(SourceAxis { start: from_start as usize, step: 0, axis: None });
                }
                Entry::Slice { start, stop, step } => {
                    let (first, count, step) = resolve_slice(*start, *stop, *step, source.shape[axes.len()]);
                    axes.push(SourceAxis { start: first, step, axis: Some(shape.len()) });
                    shape.push(count);
                }
            }
        }
        let left = rank - axes.len();
        keep_all(&mut axes, &mut shape, left);
        let value = self.resolve(operand);
        Ok(self.add(NodeKind::View { value, axes }, ArrayType::new(source.dtype, shape), span))
    }

    fn entries(&mut self, subscripts: &[Subscript]) -> Checks<Vec<Entry>> {
        let entries: Vec<Checks<Entry>> = subscripts.iter().map(|subscript| self.entry(subscript)).collect();
        entries.into_iter().collect()
    }

    fn entry(&mut self, subscript: &Subscript) -> Checks<Entry> {
        match subscript {
            Subscript::Value(Expression { kind: ExpressionKind::Ellipsis, .. }) => Ok(Entry::Ellipsis),
            Subscript::Value(expression) => match self.expression(expression)? {
                Value::Newaxis | Value::None => Ok(Entry::Newaxis),
                Value::Array(operand) => self.integer_entry(operand, expression.span),
                other => {
                    let found = self.describe(&other);
                    Err(self.report(
                        Diagnostic::error(
                            "E0303",
                            format!("an index is an integer or a slice, not {found}"),
                            expression.span,
                            "",
                        )
                        .help("write `a[i, j]` or `a[start:stop]`; a tuple is taken apart first: `i, j = …`"),
                    ))
                }
            },
            Subscript::Slice { start, stop, step, span } => {
                let start = self.slice_bound(start.as_ref())?;
                let stop = self.slice_bound(stop.as_ref())?;
                let step_value = self.slice_bound(step.as_ref())?;
                if step_value == Some(0) {
                    let place = step.as_ref().map_or(*span, |step| step.span);
                    return Err(self.report(
                        Diagnostic::error("E0305", "a slice's step cannot be 0", place, "")
                            .help("write `::1` for every element"),
                    ));
                }
                Ok(Entry::Slice { start, stop, step: step_value.unwrap_or(1) })
            }
        }
    }

    fn integer_entry(&mut self, operand: Operand, span: Span) -> Checks<Entry> {
        let found = self.type_of(operand).clone();
        match (found.dtype.kind(), found.rank()) {
            (Kind::Signed | Kind::Unsigned, 0) => {
                match self.constant_of(operand).and_then(|scalar| scalar.as_integer()) {
                    Some(index) => Ok(Entry::Integer(index, span)),
                    None => Err(self.not_built(
                        "an index that only the run can tell",
                        span,
                        "an index that is known before the run works: a literal, or a length",
                    )),
                }
            }
            (Kind::Bool, rank) if rank > 0 => {
                Err(self.not_built("indexing by a mask", span, self.library.advice(Advice::KeepShape)))
            }
            (Kind::Signed | Kind::Unsigned, _) => Err(self.not_built("indexing by an array of integers", span, "")),
            _ => Err(self.report(
                Diagnostic::error("E0305", format!("an index is an integer, not {found}"), span, found.to_string())
                    .help("round it first: `i64(x)`, or divide with `//`"),
            )),
        }
    }

    fn slice_bound(&mut self, bound: Option<&Expression>) -> Checks<Option<i128>> {
        let Some(expression) = bound else { return Ok(None) };
        let value = self.expression(expression)?;
        if let Value::None = value {
            return Ok(None);
        }
        let known = match &value {
            Value::Array(operand) if self.type_of(*operand).rank() == 0 => {
                let is_integer = matches!(self.type_of(*operand).dtype.kind(), Kind::Signed | Kind::Unsigned);
                is_integer.then(|| self.constant_of(*operand))
            }
            _ => None,
        };
        match known {
            Some(Some(scalar)) => Ok(scalar.as_integer()),
            Some(None) => Err(self.not_built("a slice bound that only the run can tell", expression.span, "")),
            None => {
                let found = self.describe(&value);
                Err(self.report(
                    Diagnostic::error(
                        "E0305",
                        format!("a slice's bounds are integers, not {found}"),
                        expression.span,
                        found,
                    )
                    .help("divide with `//` to keep integers"),
                ))
            }
        }
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
