//! What the rule of an operation may do: look at its arguments, and build its value in graph nodes.

use super::{Binding, Checker};
use crate::declaration::{Advice, Call, Given, Operand, Parameter};
use crate::diagnostic::{Diagnostic, Label};
use crate::dtype::{DType, Kind, Scalar};
use crate::graph::{Attribute, Effect, Graph, IndexAxis, NodeKind, OperationId, SourceAxis};
use crate::length::{Length, Polynomial};
use crate::source::Span;
use crate::types::{ArrayType, Type};
use crate::value::{TextPiece, Value};
use std::sync::Arc;

/// What an operation does with the elements of sequences that are walked together.
pub type MapFunction<'f> = &'f mut dyn FnMut(&mut Expansion, Vec<Value<Operand>>) -> Result<Value<Operand>, Diagnostic>;

/// The checker, as the rule of an operation sees it.
pub struct Expansion<'c, 'a> {
    checker: &'c mut Checker<'a>,
    /// The arguments' types at their places, where only the run tells their lengths: for what it may say of them.
    open: Vec<Label>,
}

impl<'c, 'a> Expansion<'c, 'a> {
    pub(super) fn new(checker: &'c mut Checker<'a>) -> Expansion<'c, 'a> {
        Expansion { checker, open: Vec::new() }
    }

    /// The same for the arguments of a call.
    pub(super) fn of(checker: &'c mut Checker<'a>, call: &Call) -> Expansion<'c, 'a> {
        let arrays = call.arguments.iter().filter_map(|given| match given.value {
            Value::Array(operand) if given.given => Some((operand, given.span)),
            _ => None,
        });
        let open = checker.open_labels(&arrays.collect::<Vec<_>>(), call.place);
        Expansion { checker, open }
    }

    /// An operand's type.
    pub fn type_of(&self, operand: Operand) -> Type {
        self.checker.type_of(operand).clone()
    }

    /// The value of an operand that is a known scalar.
    pub fn constant_of(&self, operand: Operand) -> Option<Scalar> {
        self.checker.constant_of(operand)
    }

    /// Adds where the function that is being checked names the sizes in two lengths.
    pub fn with_declarations(&self, diagnostic: Diagnostic, left: &Length, right: &Length) -> Diagnostic {
        self.checker.with_declarations(diagnostic, &[&left.into(), &right.into()])
    }

    /// What to declare instead, so that two lengths that a function's types name are one.
    pub fn declaration_help(&self, left: &Length, right: &Length) -> Option<String> {
        self.checker.declaration_help(&left.into(), &right.into())
    }

    /// The program's words at a place, where they are one short line.
    pub fn quoted(&self, place: Span) -> Option<String> {
        self.checker.quoted(place)
    }

    /// The same for what becomes an operand elsewhere: in parentheses, unless no operator can take it apart.
    pub fn quoted_operand(&self, place: Span) -> Option<String> {
        self.checker.quoted_operand(place)
    }

    /// Whether a statement that uses this name was refused, so that what it would have done is not there.
    pub fn is_refused(&self, name: &str) -> bool {
        self.checker.refused_names.contains(name)
    }

    /// What would make two shapes go together.
    pub fn broadcast_help(&self, left: &[Length], right: &[Length]) -> Option<String> {
        super::advice::broadcast_help(left, right)
    }

    /// A value's type in words.
    pub fn describe(&self, value: &Value<Operand>) -> String {
        self.checker.describe(value)
    }

    /// The argument at a position as an array.
    pub fn array(&self, call: &Call, index: usize) -> Result<Operand, Diagnostic> {
        let given = &call.arguments[index];
        match &given.value {
            Value::Array(operand) => Ok(*operand),
            other => {
                let found = self.describe(other);
                let message = format!("`{}` takes an array, not {found}", call.name);
                let diagnostic = Diagnostic::error("E0303", message, given.span, found);
                Err(match other {
                    Value::Tuple(_) => diagnostic.help("write `[ ]` to make an array of the values"),
                    Value::Function(_) | Value::Builtin(_) => diagnostic.help("call it: add `(…)`"),
                    Value::Text(_) => diagnostic.help("write a number, without quotes"),
                    Value::None => diagnostic.help(super::GIVE_A_VALUE),
                    _ => diagnostic,
                })
            }
        }
    }

    /// The argument at a position as an integer that is known before the run.
    pub fn integer(&self, call: &Call, index: usize) -> Result<i64, Diagnostic> {
        let given = &call.arguments[index];
        self.known_integer(call, index, &given.value, given.span)
    }

    /// What the operation calls the argument at a position.
    fn parameter(&self, call: &Call, index: usize) -> &Parameter {
        &self.checker.library.declarations()[call.operation.0 as usize].parameters[index]
    }

    fn known_integer(&self, call: &Call, index: usize, value: &Value<Operand>, span: Span) -> Result<i64, Diagnostic> {
        let parameter = self.parameter(call, index);
        let called = &call.name;
        let shown = self.checker.visible_parameter(parameter.name, value, call.place);
        let refuse = |what: String| {
            let message = match (parameter.variadic, &shown) {
                (true, Some(name)) => format!("`{called}` takes integers in `{name}`, not {what}"),
                (false, Some(name)) => format!("`{called}` takes an integer as `{name}`, not {what}"),
                (_, None) => format!("`{called}` takes an integer, not {what}"),
            };
            Diagnostic::error("E0303", message, span, what.clone())
        };
        let Value::Array(operand) = value else {
            let diagnostic = refuse(self.describe(value));
            return Err(match value {
                Value::DType(dtype) => diagnostic.help(format!("give it its name: `dtype={dtype}`")),
                Value::Text(_) => diagnostic.help("write a number, without quotes"),
                // `zeros((2, 3), f32)`: the shape is a tuple, and what is wrong stands beside it.
                Value::Tuple(_) => match self.listed(call, index).into_iter().find_map(dtype_of) {
                    Some(dtype) => diagnostic.help(format!("give the dtype its name: `dtype={dtype}`")),
                    None => diagnostic.help("write the numbers one by one, or in one pair of `( )`"),
                },
                Value::None => diagnostic.help(super::GIVE_A_VALUE),
                _ => diagnostic,
            });
        };
        let array_type = self.checker.type_of(*operand);
        let is_integer = matches!(array_type.dtype.kind(), Kind::Signed | Kind::Unsigned);
        if array_type.rank() > 0 || !is_integer {
            let diagnostic = refuse(array_type.to_string());
            return Err(match (array_type.dtype.kind(), array_type.rank()) {
                (Kind::Float, 0) => diagnostic.help("divide with `//`, or cast: `i64(x)`"),
                (_, 1..) if parameter.name == "axis" => {
                    let parameters = &self.checker.library.declarations()[call.operation.0 as usize].parameters;
                    let takes_tuple = parameters.first().is_some_and(|first| first.joins.is_some());
                    let quoted = [call.arguments[0].span, span].map(|place| self.quoted(place));
                    diagnostic.help(match (takes_tuple, quoted) {
                        (true, [Some(first), Some(second)]) => {
                            format!("several arrays stand in a tuple: `{called}(({first}, {second}))`")
                        }
                        _ => format!("several axes stand in `( )`; several arrays in one: `{called}([a, b], axis=0)`"),
                    })
                }
                (_, 1) if is_integer => diagnostic.help("write the numbers one by one, or in `( )`"),
                _ => diagnostic.help("cast it: `i64(x)`"),
            });
        }
        match self.checker.constant_of(*operand).and_then(|scalar| scalar.as_integer()) {
            Some(known) => i64::try_from(known).map_err(|_| refuse(known.to_string())),
            None => Err(Diagnostic::error(
                "E0308",
                match &shown {
                    Some(name) => format!("`{called}` needs `{name}` before the run, and only the run can tell it"),
                    None => format!("`{called}` needs an integer before the run, and only the run can tell it"),
                },
                span,
                "",
            )
            .help(self.checker.library.advice(Advice::KnownSize))),
        }
    }

    /// The argument at a position as `true` or `false`.
    pub fn flag(&self, call: &Call, index: usize) -> Result<bool, Diagnostic> {
        let given = &call.arguments[index];
        if let Value::Array(operand) = &given.value
            && let Some(scalar) = self.checker.constant_of(*operand)
            && scalar.dtype == DType::Bool
        {
            return Ok(scalar.bits[0] != 0);
        }
        let found = self.describe(&given.value);
        let name = self.parameter(call, index).name;
        let message = format!("`{}` takes `true` or `false` as `{name}`, not {found}", call.name);
        let diagnostic = Diagnostic::error("E0303", message, given.span, found);
        Err(diagnostic.help(format!("write `{name}=true`; several numbers for one argument stand in `( )`")))
    }

    /// The argument at a position as a dtype; `None` for `none`.
    pub fn dtype(&self, call: &Call, index: usize) -> Result<Option<DType>, Diagnostic> {
        let given = &call.arguments[index];
        match &given.value {
            Value::DType(dtype) => Ok(Some(*dtype)),
            Value::None => Ok(None),
            other => {
                let found = self.describe(other);
                let message = format!("`{}` takes a dtype as `dtype`, not {found}", call.name);
                let diagnostic = Diagnostic::error("E0303", message, given.span, found);
                Err(match other {
                    Value::Array(_) => {
                        diagnostic.help("several lengths stand in `( )`; a dtype is written `dtype=f32`")
                    }
                    _ => diagnostic.help("write its name: `dtype=f32`"),
                })
            }
        }
    }

    /// The argument at a position as known text.
    pub fn text(&self, call: &Call, index: usize) -> Result<Arc<str>, Diagnostic> {
        let given = &call.arguments[index];
        if let Value::Text(pieces) = &given.value {
            match pieces.as_slice() {
                [] => return Ok("".into()),
                [TextPiece::Text(text)] => return Ok(text.clone()),
                _ => {}
            }
            let message = format!("`{}` needs this text before the run", call.name);
            return Err(Diagnostic::error("E0308", message, given.span, "").help("write it as a literal: `\"…\"`"));
        }
        let found = self.describe(&given.value);
        Err(Diagnostic::error("E0303", format!("`{}` takes a string here, not {found}", call.name), given.span, found)
            .help("put it in quotes: `\"…\"`"))
    }

    /// The argument at a position as axes of an array: `none` (all of them), an integer, or a tuple of integers; ascending.
    pub fn axes(&self, call: &Call, index: usize, of: &Type) -> Result<Vec<usize>, Diagnostic> {
        let given = &call.arguments[index];
        let written = match &given.value {
            Value::None => return Ok((0..of.rank()).collect()),
            Value::Tuple(values) => values.clone(),
            other => vec![other.clone()],
        };
        let mut axes = Vec::new();
        for value in &written {
            let number = self.known_integer(call, index, value, given.span).map_err(|diagnostic| match of.rank() {
                // `max(a, b)`: the second is no axis of the first.
                0 => {
                    let found = self.describe(value);
                    let message = format!("`{}` takes one array, and this is one more value", call.name);
                    Diagnostic::error("E0304", message, given.span, found)
                        .label(call.arguments[0].span, of.to_string())
                        .help(format!("several values stand in brackets: `{}([a, b])`", call.name))
                }
                _ => diagnostic,
            })?;
            let axis = self.axis(number, of.rank(), given.span, of).map_err(|diagnostic| {
                let whole = &call.arguments[0];
                let diagnostic = diagnostic.label(whole.span, of.to_string());
                let diagnostic = self.checker.with_origin(diagnostic, whole.span, &of.to_string());
                match of.rank() {
                    0 => diagnostic
                        .help(format!("several values stand in brackets, `{}([a, b])`; one needs no axis", call.name)),
                    _ => diagnostic,
                }
            })?;
            if axes.contains(&axis) {
                let diagnostic = Diagnostic::error("E0304", format!("axis {number} is given twice"), given.span, "");
                return Err(diagnostic.help("write each axis once"));
            }
            axes.push(axis);
        }
        axes.sort_unstable();
        Ok(axes)
    }

    /// An axis counted from the start, from one that may count from the end.
    pub fn axis(&self, number: i64, rank: usize, span: Span, of: &Type) -> Result<usize, Diagnostic> {
        let from_start = if number < 0 { number + rank as i64 } else { number };
        if from_start >= 0 && from_start < rank as i64 {
            return Ok(from_start as usize);
        }
        let message = match rank {
            0 => format!("there is no axis {number}: {of} is a scalar"),
            1 => format!("there is no axis {number}: {of} has 1 axis"),
            _ => format!("there is no axis {number}: {of} has {rank} axes"),
        };
        let diagnostic = Diagnostic::error("E0304", message, span, "");
        Err(match rank {
            0 => diagnostic.help("an array has axes: write `[ ]` around its values"),
            1 => diagnostic.help("write 0 or -1"),
            _ => diagnostic.help(format!("axes go from 0 to {}, or from -{rank} to -1", rank - 1)),
        })
    }

    /// The argument at a position as integers that are known before the run: one, a tuple or an array of them, or further arguments.
    pub fn integers(&self, call: &Call, index: usize) -> Result<Vec<i64>, Diagnostic> {
        let span = call.arguments[index].span;
        match self.listed(call, index).as_slice() {
            [value] => self.known_integers(call, index, value, span),
            values => values.iter().map(|value| self.known_integer(call, index, value, span)).collect(),
        }
    }

    /// The same for a value in the argument at a position.
    pub fn known_integers(
        &self,
        call: &Call,
        index: usize,
        value: &Value<Operand>,
        span: Span,
    ) -> Result<Vec<i64>, Diagnostic> {
        if let Value::Array(operand) = value
            && self.checker.type_of(*operand).rank() == 1
            && let Some(elements) = self.elements_of(*operand)
        {
            let whole = elements.iter().map(|scalar| scalar.as_integer().and_then(|known| i64::try_from(known).ok()));
            if let Some(whole) = whole.collect() {
                return Ok(whole);
            }
        }
        match value {
            Value::Tuple(values) => values.iter().map(|value| self.known_integer(call, index, value, span)).collect(),
            other => Ok(vec![self.known_integer(call, index, other, span)?]),
        }
    }

    /// One element along the first axis; a known one is a constant.
    pub fn element(&mut self, operand: Operand, index: usize, span: Span) -> Operand {
        let array_type = self.type_of(operand);
        let rank = array_type.rank();
        let known = match &self.checker.levels[operand.level as usize].builder.graph().node(operand.node).kind {
            NodeKind::Iota => Some(Scalar::i64(index as i64)),
            NodeKind::Literal(elements) if rank == 1 => elements.get(index).copied(),
            _ => None,
        };
        if let Some(known) = known {
            return self.constant(known, false, span);
        }
        let first = SourceAxis { start: index.into(), step: 0, axis: None };
        let others = (1..rank).map(|axis| SourceAxis { start: 0usize.into(), step: 1, axis: Some(axis - 1) });
        let axes = std::iter::once(first).chain(others).collect();
        Operand { weak: false, ..self.view(operand, axes, array_type.shape[1..].to_vec(), span) }
    }

    /// The elements, in C order, of an array that is known before the run.
    fn elements_of(&self, operand: Operand) -> Option<Vec<Scalar>> {
        match &self.checker.levels[operand.level as usize].builder.graph().node(operand.node).kind {
            NodeKind::Literal(elements) => Some(elements.to_vec()),
            _ => self.constant_of(operand).map(|scalar| vec![scalar]),
        }
    }

    /// The values of a variadic argument, or of the one tuple in it.
    fn listed(&self, call: &Call, index: usize) -> Vec<Value<Operand>> {
        let given = &call.arguments[index];
        let mut values = match &given.value {
            Value::Tuple(values) => values.clone(),
            other => vec![other.clone()],
        };
        if let [Value::Tuple(inner)] = values.as_slice() {
            values = inner.clone();
        }
        values
    }

    /// The argument at a position as an integer, which the run may tell: a polynomial in sizes.
    pub fn polynomial(&mut self, call: &Call, index: usize) -> Result<Polynomial, Diagnostic> {
        let given = &call.arguments[index];
        self.value_polynomial(call, index, &given.value, given.span)
    }

    fn value_polynomial(
        &mut self,
        call: &Call,
        index: usize,
        value: &Value<Operand>,
        span: Span,
    ) -> Result<Polynomial, Diagnostic> {
        match value {
            Value::Array(operand)
                if self.checker.is_integer(*operand) && self.checker.constant_of(*operand).is_none() =>
            {
                Ok(self.checker.polynomial_of(*operand))
            }
            _ => self.known_integer(call, index, value, span).map(Polynomial::from),
        }
    }

    /// The variadic argument at a position as a shape: integers, or one tuple of them; -1 stays -1.
    pub fn shape(&mut self, call: &Call, index: usize) -> Result<Vec<Polynomial>, Diagnostic> {
        let span = call.arguments[index].span;
        self.listed(call, index).iter().map(|value| self.value_polynomial(call, index, value, span)).collect()
    }

    /// One number of elements divided by another, as a size that the run tells.
    pub fn quotient(&mut self, count: &Polynomial, divisor: &Polynomial, span: Span) -> Result<Polynomial, Diagnostic> {
        let zero = Length::Known(0);
        let [count, divisor] = [count, divisor].map(|one| Length::of(one.clone()).unwrap_or(zero.clone()));
        let (count, divisor) = (self.length_value(&count, span), self.length_value(&divisor, span));
        let operands = vec![(Value::Array(count), span), (Value::Array(divisor), span)];
        match self.checker.operator("//", span, operands, span).map_err(|_| silent(span))? {
            Value::Array(quotient) => Ok(self.checker.polynomial_of(quotient)),
            _ => Err(silent(span)),
        }
    }

    /// A length that an integer scalar is; the run checks that it is not negative.
    pub fn length_of(&mut self, operand: Operand, span: Span) -> Result<Length, Diagnostic> {
        self.checker.length_of(operand, span).map_err(|_| silent(span))
    }

    /// A length as a value, which promotes like a literal.
    pub fn length_value(&mut self, length: &Length, span: Span) -> Operand {
        self.checker.length_value(length, span)
    }

    /// Whether two lengths are one: because they are equal, or because the run will see to it. `what` is the sentence that says so
    /// when the run finds that they are not: "`dot` needs equal lengths".
    pub fn same_length(&mut self, left: &Length, right: &Length, what: &str, span: Span) -> bool {
        let open = self.open.clone();
        self.checker.while_meeting(open, |checker| checker.same_length(left, right, what, span))
    }

    /// The same, with what to type where they are not.
    pub fn same_length_or(&mut self, left: &Length, right: &Length, (what, help): (&str, &str), span: Span) -> bool {
        let open = self.open.clone();
        self.checker.while_meeting(open, |checker| checker.same_length_or(left, right, (what, Some(help)), span))
    }

    /// The same for shapes.
    pub fn same_shape(&mut self, left: &[Length], right: &[Length], what: &str, span: Span) -> bool {
        let open = self.open.clone();
        self.checker.while_meeting(open, |checker| checker.same_shape(left, right, what, span))
    }

    /// NumPy's broadcasting of two shapes; `None` when they do not go together.
    pub fn broadcast(&mut self, left: &[Length], right: &[Length], call: &Call) -> Option<Vec<Length>> {
        self.checker.broadcast_pair(left, right, &call.name, call.span).ok()
    }

    /// Where a bool array is true, counted in C order: `i64[?k]`, ascending.
    pub fn positions(&mut self, mask: Operand, span: Span) -> Operand {
        self.checker.positions(mask, span)
    }

    /// The elements of a new array: no length may be negative, and the whole must be addressable.
    pub fn new_shape(&mut self, call: &Call, index: usize) -> Result<Vec<Length>, Diagnostic> {
        let span = call.arguments[index].span;
        let mut shape = Vec::new();
        let mut count = 1usize;
        for polynomial in self.shape(call, index)? {
            let length = self.checker.new_length(polynomial, span)?;
            let Some(known) = length.known() else {
                shape.push(length);
                continue;
            };
            let length = known;
            match count.checked_mul(length.max(1)) {
                Some(product) if product <= isize::MAX as usize / 16 => count = product,
                _ => {
                    let message = "an array of this shape is larger than any memory";
                    let diagnostic = Diagnostic::error("E0309", message, span, "");
                    return Err(diagnostic.help(
                        "make a length smaller; the lengths are multiplied: `(1000, 1000)` has 1_000_000 elements",
                    ));
                }
            }
            shape.push(length.into());
        }
        super::size::refuse_rank(shape.len(), span)?;
        Ok(shape)
    }

    /// A known scalar; `weak` promotes like a literal.
    pub fn constant(&mut self, scalar: Scalar, weak: bool, span: Span) -> Operand {
        self.checker.constant(scalar, weak, span)
    }

    /// 0, 1, 2, …: `i64[n]`.
    pub fn iota(&mut self, length: impl Into<Length>, span: Span) -> Operand {
        self.checker.add(NodeKind::Iota, ArrayType::new(DType::I64, vec![length.into()]), span)
    }

    /// An operand in another dtype.
    pub fn cast(&mut self, operand: Operand, dtype: DType, span: Span) -> Operand {
        self.checker.cast(operand, dtype, span)
    }

    /// An operand in another dtype; a literal that does not fit is an error.
    pub fn convert(&mut self, operand: Operand, dtype: DType, span: Span) -> Result<Operand, Diagnostic> {
        self.checker.convert(operand, dtype, span).map_err(|_| silent(span))
    }

    /// An operation of the library by name, elementwise, on operands.
    pub fn elementwise(&mut self, name: &str, operands: &[Operand], span: Span) -> Result<Operand, Diagnostic> {
        let Some(operation) = self.checker.library.find(name) else {
            return Err(Diagnostic::error("E0401", format!("`{name}` is not built yet"), span, ""));
        };
        let placed: Vec<(Operand, Span)> = operands.iter().map(|operand| (*operand, span)).collect();
        self.checker.elementwise(operation, name, span, &placed, span).map_err(|_| silent(span))
    }

    /// An elementwise operation on the arguments of a call, errors naming their places.
    pub fn elementwise_call(&mut self, name: &str, call: &Call) -> Result<Operand, Diagnostic> {
        let Some(operation) = self.checker.library.find(name) else {
            return Err(Diagnostic::error("E0401", format!("`{name}` is not built yet"), call.span, ""));
        };
        let values: Vec<_> = call.arguments.iter().map(|given| (given.value.clone(), given.span)).collect();
        let operands = self.checker.arrays(&call.name, &values).map_err(|_| silent(call.span))?;
        self.checker.elementwise(operation, &call.name, call.span, &operands, call.span).map_err(|_| silent(call.span))
    }

    /// A reduction of the library by name, over all axes.
    pub fn reduce(&mut self, name: &str, operand: Operand, span: Span) -> Result<Operand, Diagnostic> {
        self.reduce_over(name, operand, Value::None, span)
    }

    /// A reduction of the library by name, over one axis.
    pub fn reduce_axis(
        &mut self,
        name: &str,
        operand: Operand,
        axis: usize,
        span: Span,
    ) -> Result<Operand, Diagnostic> {
        let axis = self.constant(Scalar::i64(axis as i64), false, span);
        self.reduce_over(name, operand, Value::Array(axis), span)
    }

    fn reduce_over(
        &mut self,
        name: &str,
        operand: Operand,
        axes: Value<Operand>,
        span: Span,
    ) -> Result<Operand, Diagnostic> {
        let Some(operation) = self.checker.library.find(name) else {
            return Err(Diagnostic::error("E0401", format!("`{name}` is not built yet"), span, ""));
        };
        let arguments = [Value::Array(operand), axes, Value::Array(self.constant(Scalar::bool(false), false, span))];
        let arguments: Vec<Given> = arguments.into_iter().map(|value| Given { value, span, given: true }).collect();
        self.checker.reduction_named(operation, name, &arguments, span).map_err(|_| silent(span))
    }

    /// Slices, permutations, new axes and broadcasts of an operand.
    pub fn view(&mut self, operand: Operand, axes: Vec<SourceAxis<Length>>, shape: Vec<Length>, span: Span) -> Operand {
        let dtype = self.checker.type_of(operand).dtype;
        let value = self.checker.resolve(operand);
        let node = self.checker.add(NodeKind::View { value, axes }, ArrayType::new(dtype, shape), span);
        Operand { weak: operand.weak, ..node }
    }

    /// `x[:, :, start:stop]`: part of one axis, its bounds integer scalars, clamped as Python's.
    pub fn slice(
        &mut self,
        operand: Operand,
        axis: usize,
        bounds: [Option<Operand>; 2],
        span: Span,
    ) -> Result<Operand, Diagnostic> {
        self.checker.slice_axis(operand, axis, bounds, span).map_err(|_| silent(span))
    }

    /// `x[:, :, indices]`: elements of one axis at integer indices of any shape, which takes the axis's place.
    pub fn take(&mut self, operand: Operand, axis: usize, indices: Operand, span: Span) -> Result<Operand, Diagnostic> {
        self.checker.take_axis(operand, axis, indices, span).map_err(|_| silent(span))
    }

    /// A product of sizes.
    pub fn product(&mut self, left: &Polynomial, right: &Polynomial, span: Span) -> Polynomial {
        self.checker.product(left, right, span)
    }

    /// How many elements lengths make together.
    pub fn count<'l>(&mut self, lengths: impl IntoIterator<Item = &'l Length>, span: Span) -> Length {
        Length::of(self.checker.count(lengths, span)).unwrap_or(Length::Known(0))
    }

    /// All elements of an operand along one axis.
    pub fn flat(&mut self, operand: Operand, span: Span) -> Operand {
        let axes = self.type_of(operand).rank();
        self.checker.flat(operand, axes, span)
    }

    /// Sees to it that an operand that the run finds to have no elements along an axis of this length is refused.
    pub fn not_empty(&mut self, call: &Call, length: &Length, span: Span) {
        let what = format!("`{}` needs at least one element", call.name);
        let help = "check the shape first: `if a.size > 0 { … } else { … }`";
        self.checker.at_least(length, 1, &what, help, span);
    }

    /// Sees to it that the run refuses a length that is too small; `what` says why, as a sentence, and `help` what to type.
    pub fn at_least(&mut self, length: &Length, least: usize, what: &str, help: &str, span: Span) {
        self.checker.at_least(length, least, what, help, span);
    }

    /// The shorter of two lengths; where that is not known, a size that the run computes.
    pub fn shorter(&mut self, left: &Length, right: &Length, span: Span) -> Length {
        self.checker.shorter(left, right, span)
    }

    /// An operand's elements in another shape of as many elements.
    pub fn reshape(&mut self, operand: Operand, shape: Vec<Length>, span: Span) -> Operand {
        let array_type = self.checker.type_of(operand).clone();
        if array_type.shape == shape {
            return operand;
        }
        let value = self.checker.resolve(operand);
        self.checker.add(NodeKind::Reshape(value), ArrayType::new(array_type.dtype, shape), span)
    }

    /// An operand repeated to a shape that it broadcasts to.
    pub fn broadcast_to(&mut self, operand: Operand, shape: Vec<Length>, span: Span) -> Operand {
        let source = self.checker.type_of(operand).clone();
        if source.shape == shape {
            return operand;
        }
        let offset = shape.len() - source.rank();
        let axes = (0..source.rank())
            .map(|axis| match source.shape[axis].is(1) && shape[offset + axis] != source.shape[axis] {
                true => SourceAxis::at(0),
                // Where they are not equal the run checks that they will be.
                false => SourceAxis::along(offset + axis),
            })
            .collect();
        self.view(operand, axes, shape, span)
    }

    /// Arrays of one shape along a new first axis, in the dtype that they promote to.
    pub fn stack(&mut self, operands: &[Operand], span: Span) -> Result<Operand, Diagnostic> {
        let numerics: Vec<_> = operands.iter().map(|operand| self.checker.numeric(*operand)).collect();
        let dtype = crate::promotion::common(&numerics).dtype;
        let shape = operands.first().map_or(Vec::new(), |first| self.type_of(*first).shape);
        let placed: Vec<(Operand, Span)> = operands.iter().map(|operand| (*operand, span)).collect();
        match self.checker.stack(&placed, dtype, &shape, span).map_err(|_| silent(span))? {
            Value::Array(stacked) => Ok(stacked),
            _ => Err(silent(span)),
        }
    }

    /// The call's own operation on whole arrays; one operand for each result type.
    pub fn apply(
        &mut self,
        call: &Call,
        operands: &[Operand],
        attributes: Vec<Attribute<Length>>,
        types: Vec<Type>,
    ) -> Vec<Operand> {
        let operands = operands.iter().map(|operand| self.checker.resolve(*operand)).collect();
        let kind = NodeKind::Apply { operation: call.operation, operands, attributes };
        let node = self.checker.add_all(kind, types.clone(), call.span);
        if types.len() == 1 {
            return vec![node];
        }
        let part = |(index, array_type): (usize, Type)| {
            self.checker.add(NodeKind::Part { value: node.node, index: index as u32 }, array_type, call.span)
        };
        types.into_iter().enumerate().map(part).collect()
    }

    /// The same for an operation that reads the world outside: it runs where it stands among what happens, and is never shared
    /// across what happens between.
    pub fn apply_in_order(
        &mut self,
        call: &Call,
        operands: &[Operand],
        mut attributes: Vec<Attribute<Length>>,
        types: Vec<Type>,
    ) -> Vec<Operand> {
        let level = self.checker.level();
        let graph = level.builder.graph();
        let changes = |effect: &&Effect| match effect {
            Effect::Call { .. } => true,
            Effect::Run(node) => !graph.node(*node).kind.bodies().is_empty(),
        };
        let happened = level.effects.iter().filter(changes).count();
        attributes.push(Attribute::Integer(happened as i64));
        let results = self.apply(call, operands, attributes, types);
        let node = results.first().map(|result| result.node);
        let effects = self.checker.level_effects();
        if let Some(node) = node
            && !effects.iter().any(|effect| matches!(effect, Effect::Run(known) if *known == node))
        {
            effects.push(Effect::Run(node));
        }
        results
    }

    /// Whether the call may never run, because only the run decides a condition around it.
    pub fn is_conditional(&self) -> bool {
        self.checker.is_conditional()
    }

    /// Makes the call something that happens when the program runs, by the row's effect.
    pub fn happen(&mut self, call: &Call) {
        let mut arguments = Vec::new();
        for given in &call.arguments {
            arguments.push(given.value.map(&mut |operand| self.checker.resolve(*operand)));
        }
        self.checker.changes += 1;
        let span = self.checker.visible(call.span);
        self.checker.level_effects().push(Effect::Call { operation: call.operation, arguments, span });
    }

    /// The type of the array that the latest call of an effect before this one was given with a known text: `save("a.npy", x)`. What
    /// happens under a condition that only the run decides counts where nothing else does.
    pub fn latest_with_text(&self, effect: &str, is_meant: &dyn Fn(&str) -> bool) -> Option<Happened> {
        [false, true].into_iter().find_map(|is_conditional| {
            let array_type = self.latest_given(effect, is_meant, is_conditional)?;
            Some(Happened { array_type, is_conditional })
        })
    }

    fn latest_given(&self, effect: &str, is_meant: &dyn Fn(&str) -> bool, is_conditional: bool) -> Option<Type> {
        let declarations = self.checker.library.declarations();
        let is_effect = |operation: OperationId| *declarations[operation.0 as usize].name == *effect;
        let wanted = Wanted { is_effect: &is_effect, is_meant, is_conditional };
        let inner = self.checker.levels.len() - 1;
        for (index, level) in self.checker.levels.iter().enumerate().rev() {
            if let Some(found) = wanted.latest(level.builder.graph(), &level.effects) {
                // What is not known before the run has no name in a body.
                let is_known = |found: &Type| found.shape.iter().all(|length| length.known().is_some());
                let is_told = |found: &Type| found.shape.iter().all(|length| self.checker.untold(length).is_none());
                let is_usable = is_known(&found) || index == inner && is_told(&found);
                return is_usable.then_some(found);
            }
        }
        None
    }

    /// Calls a function that the call was given.
    pub fn call(
        &mut self,
        function: &Given,
        values: Vec<Value<Operand>>,
        span: Span,
    ) -> Result<Value<Operand>, Diagnostic> {
        self.checker.call_with((&function.value, function.span), values, span).map_err(|_| silent(span))
    }

    /// What a function of the prelude gives for a call's arguments, or what was made of them: messages name the call.
    pub fn call_prelude(
        &mut self,
        function: &str,
        call: &Call,
        values: Vec<Value<Operand>>,
    ) -> Result<Value<Operand>, Diagnostic> {
        let places = call.arguments.iter().map(|given| given.span);
        let arguments = values.into_iter().zip(places).collect();
        self.checker.call_prelude(function, call, arguments).map_err(|_| silent(call.span))
    }

    /// What `function` gives for each element of sequences that are walked together; over tuples, a tuple.
    pub fn map(
        &mut self,
        sequences: &[(Value<Operand>, Span)],
        span: Span,
        function: MapFunction,
    ) -> Result<Value<Operand>, Diagnostic> {
        let mut each = |checker: &mut Checker<'a>, elements| {
            function(&mut Expansion::new(checker), elements).map_err(|diagnostic| checker.report(diagnostic))
        };
        self.checker.map_elements(sequences, span, &mut each).map_err(|_| silent(span))
    }

    /// A function that the call was given, of what it gave before and the next element, from the first element to the last.
    pub fn fold(
        &mut self,
        function: &Given,
        sequence: &Given,
        initial: &Given,
        span: Span,
    ) -> Result<Value<Operand>, Diagnostic> {
        let mut step = |checker: &mut Checker<'a>, folded, element| {
            checker.call_with((&function.value, function.span), vec![folded, element], span)
        };
        let initial = (initial.value.clone(), initial.span);
        let sequence = (&sequence.value, sequence.span);
        self.checker.fold(sequence, initial, function.span, span, &mut step).map_err(|_| silent(span))
    }

    /// An array with the elements at `start`, `start + step`, … of its first axis replaced by those of `new`, which it has in whole.
    pub fn replace(&mut self, operand: Operand, start: usize, step: isize, new: Operand, span: Span) -> Operand {
        let array_type = self.checker.type_of(operand).clone();
        let shape = self.checker.type_of(new).shape.clone();
        let (value, new) = (self.checker.resolve(operand), self.checker.resolve(new));
        let first = SourceAxis { start: start.into(), step, axis: Some(0) };
        let others = (1..array_type.rank()).map(SourceAxis::along);
        let axes = std::iter::once(first).chain(others).map(|place| IndexAxis { place, index: None }).collect();
        self.checker.add(NodeKind::Update { value, axes, shape, new, operation: None }, array_type, span)
    }

    /// A value that the session keeps under a name that no program can write (it must contain a blank).
    pub fn hidden(&mut self, name: &str, span: Span) -> Option<Value<Operand>> {
        match self.checker.global(name, span)? {
            Binding::Value(value) => Some(value),
            Binding::Broken | Binding::OneSided(_) | Binding::OfTurns(_) | Binding::Retyped(_) => None,
        }
    }

    /// Keeps such a value. A body that is walked for each element cannot: its turns have no order.
    pub fn set_hidden(&mut self, name: &str, value: Value<Operand>, call: &Call) -> Result<(), Diagnostic> {
        if self.checker.levels.iter().any(|level| level.is_for_elements) {
            let message = format!("`{}` in a comprehension is not built yet", call.name);
            let help = "draw all the numbers before it, or write a `for` loop";
            return Err(Diagnostic::error("E0401", message, call.span, "").help(help));
        }
        let name: Arc<str> = name.into();
        self.checker.record_assigned(&name);
        self.checker.set_in_scope(&(0, name), Some(Binding::Value(value)));
        Ok(())
    }
}

/// What the latest call of an effect was given.
#[derive(Clone)]
pub struct Happened {
    /// The type of the array.
    pub array_type: Type,
    /// Whether it happens under a condition that only the run decides.
    pub is_conditional: bool,
}

/// A call of an effect that is looked for.
struct Wanted<'w> {
    is_effect: &'w dyn Fn(OperationId) -> bool,
    is_meant: &'w dyn Fn(&str) -> bool,
    /// Whether the sides of an `if` are looked into.
    is_conditional: bool,
}

impl Wanted<'_> {
    /// The latest one among what happens in a graph, and in the bodies that run in it.
    fn latest(&self, graph: &Graph<Length>, effects: &[Effect]) -> Option<Type> {
        effects.iter().rev().find_map(|happened| match happened {
            Effect::Call { operation, arguments, .. } => match arguments.as_slice() {
                [Value::Text(text), Value::Array(array), ..] if (self.is_effect)(*operation) => {
                    super::text::known_text(text).filter(|text| (self.is_meant)(text))?;
                    Some(graph.node(*array).array_type().clone())
                }
                _ => None,
            },
            Effect::Run(node) => {
                let kind = &graph.node(*node).kind;
                // A loop is written for its turns; of an `if` one side may do nothing.
                let is_seen = self.is_conditional || !matches!(kind, NodeKind::If { .. });
                let inside = |body: &Graph<Length>| self.latest(body, &body.effects);
                kind.bodies().into_iter().rev().filter(|_| is_seen).find_map(inside)
            }
        })
    }
}

/// The dtype that a value is.
fn dtype_of(value: Value<Operand>) -> Option<DType> {
    match value {
        Value::DType(dtype) => Some(dtype),
        _ => None,
    }
}

/// Stands for an error that was reported already: it has no place of its own, and nobody shows it.
fn silent(span: Span) -> Diagnostic {
    Diagnostic::error(super::REPORTED, "", span, "")
}
