//! Reductions: many elements to one along axes, and the element that they may begin with.

use super::{Checker, Checks, Expansion};
use crate::declaration::{Advice, Call, Given, Mismatch, Operand, Rule};
use crate::diagnostic::Diagnostic;
use crate::dtype::{DType, Kind};
use crate::graph::{IndexAxis, NodeKind, OperationId, SourceAxis};
use crate::length::{Length, Polynomial};
use crate::source::Span;
use crate::types::{ArrayType, Type};
use crate::value::Value;

/// What a reduction does.
struct Reduction<'r> {
    operation: OperationId,
    name: &'r str,
    /// The dtype that it accumulates in.
    dtype: DType,
    /// The dtype that it gives.
    result: DType,
    span: Span,
}

impl Checker<'_> {
    /// A reduction by its row.
    pub(super) fn reduction_named(
        &mut self,
        operation: OperationId,
        name: &str,
        arguments: &[Given],
        span: Span,
    ) -> Checks<Operand> {
        let library = self.library;
        let Rule::Reduction { accumulate, index, identity, combine } =
            library.declarations()[operation.0 as usize].rule
        else {
            return Err(self.not_built(&format!("reducing by `{name}`"), span, ""));
        };
        let operand = self.arrays(name, &[(arguments[0].value.clone(), arguments[0].span)])?[0];
        let source = self.type_of(operand.0).clone();
        let dtype = match accumulate(source.dtype) {
            Ok(dtype) => dtype,
            Err(mismatch) => return Err(self.refuse_reduction(name, operand.1, &source, mismatch)),
        };
        let call = Call { operation, name: name.into(), arguments: arguments.to_vec(), span, place: span };
        let (axes, keep) = {
            let expansion = Expansion::new(self);
            let axes = expansion.axes(&call, 1, &source);
            let keep = expansion.flag(&call, 2);
            match (axes, keep) {
                (Ok(axes), Ok(keep)) => (axes, keep),
                (Err(diagnostic), _) | (_, Err(diagnostic)) => return Err(self.report(diagnostic)),
            }
        };
        let result = if index { DType::I64 } else { dtype };
        let reduction = Reduction { operation, name, dtype, result, span };
        let given = arguments.get(3).filter(|given| given.given && !matches!(given.value, Value::None));
        let reduced = match (combine, given) {
            (Some(combine), Some(given)) => {
                let initial = self.initial(&reduction, given)?;
                self.reduced_from(&reduction, combine, identity, operand, &axes, (initial, given.span))?
            }
            _ if !identity && axes.iter().any(|axis| source.shape[*axis].is(0)) => {
                let message = format!("`{name}` of nothing has no value");
                let diagnostic = Diagnostic::error("E0310", message, operand.1, source.to_string());
                return Err(self.report(diagnostic.help(self.library.advice(Advice::AskWhetherEmpty))));
            }
            // An element alone is what it is reduced to; so a condition on a known number is known.
            _ if axes.is_empty() && !index => Operand { weak: false, ..self.cast(operand.0, dtype, operand.1) },
            _ => self.reduced(&reduction, operand, &axes),
        };
        Ok(if keep { self.keep_axes(reduced, &axes, source.rank(), span) } else { reduced })
    }

    fn refuse_reduction(&mut self, name: &str, place: Span, source: &Type, mismatch: Mismatch) -> super::Reported {
        let message = format!("`{name}` takes {}, not {}", mismatch.takes, source.dtype);
        let diagnostic = Diagnostic::error("E0302", message, place, source.to_string());
        self.report(match mismatch.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        })
    }

    /// All elements along axes.
    fn reduced(&mut self, reduction: &Reduction, (operand, place): (Operand, Span), axes: &[usize]) -> Operand {
        let source = self.type_of(operand).clone();
        let cast = self.cast(operand, reduction.dtype, place);
        let value = self.resolve(cast);
        let node = NodeKind::Reduce { operation: reduction.operation, value, axes: axes.to_vec() };
        self.add(node, ArrayType::new(reduction.result, without_axes(&source, axes)), reduction.span)
    }

    /// What a reduction begins with, in its dtype; what would lose its kind is an error.
    fn initial(&mut self, reduction: &Reduction, given: &Given) -> Checks<Operand> {
        let Reduction { name, dtype, .. } = *reduction;
        let operand = self.arrays(name, &[(given.value.clone(), given.span)])?[0].0;
        let found = self.type_of(operand).clone();
        if found.rank() > 0 {
            let message = format!("`{name}` begins with one number, and `initial` is {found}");
            let diagnostic = Diagnostic::error("E0303", message, given.span, found.to_string());
            return Err(self.report(diagnostic.help("combine the results with it afterwards")));
        }
        let is_literal =
            operand.weak && found.dtype.is_integral() && matches!(dtype.kind(), Kind::Unsigned | Kind::Signed);
        if found.dtype.kind() > dtype.kind() && !is_literal {
            let message = format!("`{name}` gives {dtype} here, and begins with {}", found.dtype);
            let diagnostic = Diagnostic::error("E0302", message, given.span, found.to_string());
            let array = &self.library.declarations()[reduction.operation.0 as usize].parameters[0].name;
            let help = format!("cast it, `initial={dtype}(…)`, or the elements: `{}({array})`", found.dtype);
            return Err(self.report(diagnostic.help(help)));
        }
        self.convert(operand, dtype, given.span)
    }

    /// All elements along axes, and one number before them, which is the result where there are none.
    fn reduced_from(
        &mut self,
        reduction: &Reduction,
        combine: &str,
        identity: bool,
        (operand, place): (Operand, Span),
        axes: &[usize],
        (initial, initial_span): (Operand, Span),
    ) -> Checks<Operand> {
        let source = self.type_of(operand).clone();
        let shape = without_axes(&source, axes);
        let is_any = |is_such: &dyn Fn(&Length) -> bool| axes.iter().any(|axis| is_such(&source.shape[*axis]));
        if !identity && is_any(&|length| length.is(0)) {
            let value = self.resolve(initial);
            let node = NodeKind::View { value, axes: Vec::new() };
            return Ok(self.add(node, ArrayType::new(reduction.result, shape), reduction.span));
        }
        if !identity && is_any(&|length| length.known().is_none()) {
            let extended = self.extended(reduction, operand, axes, initial);
            return Ok(self.reduced(reduction, (extended, place), axes));
        }
        let reduced = self.reduced(reduction, (operand, place), axes);
        let Some(operation) = self.library.find(combine) else {
            return Err(self.not_built(&format!("`{combine}`"), reduction.span, ""));
        };
        let operands = [(initial, initial_span), (reduced, reduction.span)];
        self.elementwise(operation, reduction.name, reduction.span, &operands, reduction.span)
            .map(|operand| Operand { weak: false, ..operand })
    }

    /// An array with a number behind its elements along axes, so that there is something even when only the run tells how long they
    /// are.
    fn extended(&mut self, reduction: &Reduction, operand: Operand, axes: &[usize], initial: Operand) -> Operand {
        let source = self.type_of(operand).clone();
        let mut shape = source.shape.clone();
        for axis in axes {
            let longer = Polynomial::from(&shape[*axis]).plus(&1.into());
            shape[*axis] = Length::of(longer).unwrap_or(Length::Known(1));
        }
        let array_type = ArrayType::new(reduction.dtype, shape);
        let value = self.resolve(initial);
        let filled = self.add(NodeKind::View { value, axes: Vec::new() }, array_type.clone(), reduction.span);
        let cast = self.cast(operand, reduction.dtype, reduction.span);
        let (value, new) = (self.resolve(filled), self.resolve(cast));
        let whole = |axis| IndexAxis { place: SourceAxis::along(axis), index: None };
        let places = (0..source.rank()).map(whole).collect();
        let kind = NodeKind::Update { value, axes: places, shape: source.shape, new, operation: None };
        self.add(kind, array_type, reduction.span)
    }

    /// Reduced axes put back with length 1.
    fn keep_axes(&mut self, reduced: Operand, axes: &[usize], rank: usize, span: Span) -> Operand {
        let inner = self.type_of(reduced).clone();
        let mut shape = Vec::new();
        let mut source_axes = Vec::new();
        for axis in 0..rank {
            if axes.contains(&axis) {
                shape.push(Length::Known(1));
            } else {
                source_axes.push(SourceAxis::along(axis));
                shape.push(inner.shape[source_axes.len() - 1].clone());
            }
        }
        let value = self.resolve(reduced);
        self.add(NodeKind::View { value, axes: source_axes }, ArrayType::new(inner.dtype, shape), span)
    }
}

/// A shape without the axes that are reduced.
fn without_axes(source: &Type, axes: &[usize]) -> Vec<Length> {
    let is_kept = |axis: &usize| !axes.contains(axis);
    (0..source.rank()).filter(is_kept).map(|axis| source.shape[axis].clone()).collect()
}
