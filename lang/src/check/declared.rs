//! Declared types: what an argument must be, and the sizes that its type names.

use super::{Checker, Checks, Reported};
use crate::ast::{
    BinaryOperator, DimensionExpression, Expression, ExpressionKind, Name, TypeExpression, TypeExpressionKind,
    UnaryOperator,
};
use crate::declaration::{Advice, Operand};
use crate::diagnostic::Diagnostic;
use crate::dtype::{DType, Kind};
use crate::graph::NodeKind;
use crate::length::{Length, Polynomial};
use crate::source::Span;
use crate::types::{ArrayType, Type};
use crate::value::Value;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// What a call's types say of sizes.
#[derive(Default)]
pub(super) struct Sizes {
    /// The sizes that have a name so far.
    pub(super) known: BTreeMap<Arc<str>, Named>,
    /// The integers among the arguments: a size may be named after one.
    pub(super) integers: BTreeMap<Arc<str>, Operand>,
    /// Whether the function is checked where it is defined, so that all that its parameters name is known before its result.
    is_definition: bool,
    /// Lengths whose declared sizes have names that other arguments will tell.
    deferred: Vec<Fit>,
}

impl Sizes {
    /// Those of a function that is checked where it is defined.
    pub(super) fn of_definition() -> Sizes {
        Sizes { is_definition: true, ..Sizes::default() }
    }
}

/// A size that a type has named.
pub(super) struct Named {
    /// What it is.
    pub(super) length: Length,
    /// The argument that told it.
    pub(super) place: Span,
    /// Which of that argument's axes, when it has several.
    pub(super) axis: Option<usize>,
}

/// A length that must be a declared size.
struct Fit {
    what: Arc<str>,
    found: Type,
    length: Length,
    /// Which of the value's axes has it.
    axis: usize,
    /// Which of them is the first that the declaration has a size for, and what it says before that: `f64[`, `float[..., `.
    first: usize,
    head: Arc<str>,
    span: Span,
    expression: Expression,
}

impl Fit {
    /// What a declared size is called that this length tells.
    fn named(&self, length: Length) -> Named {
        Named { length, place: self.span, axis: Some(self.axis).filter(|_| self.found.rank() > 1) }
    }

    /// `along axis 1`, where there are others.
    fn along(&self) -> String {
        if self.found.rank() > 1 { format!(" along axis {}", self.axis) } else { String::new() }
    }

    /// An index that takes a part of this axis only.
    fn part(&self, part: &str) -> String {
        format!("[{}{part}]", ":, ".repeat(self.axis))
    }

    /// The declaration that would fit the value.
    fn fitting(&self) -> String {
        let lengths: Vec<String> = self.found.shape[self.first..].iter().map(Length::to_string).collect();
        format!("{}{}]", self.head, lengths.join(", "))
    }
}

/// What stands for the elements' type in a declaration.
enum Elements {
    Any,
    DType(DType),
    Kind(&'static str, &'static [Kind]),
}

/// What messages call a function's value.
const THE_RESULT: &str = "the result";

/// The names of kinds.
const KINDS: [(&str, &[Kind]); 3] =
    [("float", &[Kind::Float]), ("int", &[Kind::Signed, Kind::Unsigned]), ("complex", &[Kind::Complex])];

impl Checker<'_> {
    /// An argument against its parameter's type: the value (a literal takes the declared dtype), or an error with both.
    pub(super) fn fit_declared(
        &mut self,
        parameter: &str,
        value: Value<Operand>,
        span: Span,
        declared: &TypeExpression,
        sizes: &mut Sizes,
    ) -> Checks<Value<Operand>> {
        self.fit(&format!("`{parameter}`"), value, span, declared, sizes)
    }

    /// A function's value against its declared result.
    pub(super) fn fit_result(
        &mut self,
        value: Value<Operand>,
        span: Span,
        declared: &TypeExpression,
        sizes: &mut Sizes,
    ) -> Checks<Value<Operand>> {
        self.fit(THE_RESULT, value, span, declared, sizes)
    }

    fn fit(
        &mut self,
        what: &str,
        value: Value<Operand>,
        span: Span,
        declared: &TypeExpression,
        sizes: &mut Sizes,
    ) -> Checks<Value<Operand>> {
        match (&declared.kind, value) {
            (TypeExpressionKind::Tuple(types), Value::Tuple(values)) if types.len() == values.len() => {
                let mut fitted = Vec::new();
                for (one, value) in types.iter().zip(values) {
                    fitted.push(self.fit(what, value, span, one, sizes)?);
                }
                Ok(Value::Tuple(fitted))
            }
            (TypeExpressionKind::Array { dtype, dimensions }, Value::Array(operand)) => {
                let elements = match dtype {
                    None => Elements::Any,
                    Some(name) => match (DType::from_name(&name.text), KINDS.iter().find(|kind| kind.0 == &*name.text))
                    {
                        (Some(dtype), _) => Elements::DType(dtype),
                        (None, Some((name, kinds))) => Elements::Kind(name, kinds),
                        (None, None) => return Err(self.unknown_dtype(&name.text, name.span)),
                    },
                };
                let operand = self.fit_elements(what, operand, span, declared, &elements)?;
                self.fit_shape(what, operand, span, declared, (dtype.as_ref(), dimensions), sizes)?;
                Ok(Value::Array(operand))
            }
            (_, other) => {
                let found = self.describe(&other);
                let kind = if matches!(declared.kind, TypeExpressionKind::Tuple(_)) { "a tuple" } else { "an array" };
                let message = format!("{what} is declared as {kind}, and this is {found}");
                let diagnostic = Diagnostic::error("E0312", message, span, found).label(declared.span, "declared here");
                let help = match kind {
                    "a tuple" => "several values stand in `( )`, with a comma between",
                    _ => "write `[ ]` to make an array of the values",
                };
                Err(self.report(diagnostic.help(help)))
            }
        }
    }

    /// Checks that the dtypes in a declared type exist.
    pub(super) fn known_dtypes(&mut self, declared: &TypeExpression) -> Checks<()> {
        match &declared.kind {
            TypeExpressionKind::Tuple(types) => types.iter().try_for_each(|one| self.known_dtypes(one)),
            TypeExpressionKind::Array { dtype: Some(name), .. }
                if DType::from_name(&name.text).is_none() && KINDS.iter().all(|kind| kind.0 != &*name.text) =>
            {
                Err(self.unknown_dtype(&name.text, name.span))
            }
            TypeExpressionKind::Array { .. } => Ok(()),
        }
    }

    fn unknown_dtype(&mut self, name: &str, span: Span) -> Reported {
        let names: Vec<&str> =
            DType::ALL.iter().map(|dtype| dtype.name()).chain(KINDS.iter().map(|kind| kind.0)).collect();
        let is_no_array = ["str", "string", "tuple", "function"].contains(&name);
        let help = match self
            .library
            .foreign(name)
            .map(str::to_string)
            .or_else(|| super::similar(name, names.iter().copied()).map(|near| format!("did you mean `{near}`?")))
        {
            _ if is_no_array => format!("only arrays have types: leave `: {name}` out"),
            Some(help) => help,
            None => format!("the dtypes are {}", names.join(", ")),
        };
        self.report(Diagnostic::error("E0201", format!("there is no dtype `{name}`"), span, "").help(help))
    }

    fn fit_elements(
        &mut self,
        what: &str,
        operand: Operand,
        span: Span,
        declared: &TypeExpression,
        elements: &Elements,
    ) -> Checks<Operand> {
        let found = self.type_of(operand).clone();
        let (fits, wanted, cast) = match elements {
            Elements::Any => return Ok(operand),
            Elements::DType(dtype) => {
                if let Some(written) = self.literals_as(operand, *dtype, span) {
                    return written;
                }
                // A literal that is too big for the dtype is refused where it is converted.
                let narrows = found.dtype == DType::I64 && dtype.kind() == Kind::Unsigned;
                let adapts = operand.weak && (found.dtype.kind() <= dtype.kind() || narrows);
                if adapts {
                    let converted = self.convert(operand, *dtype, span)?;
                    return Ok(Operand { weak: false, ..converted });
                }
                (found.dtype == *dtype, dtype.name(), dtype.name())
            }
            Elements::Kind(name, kinds) => {
                let widest = match *name {
                    "float" if found.dtype.is_integral() => Some(DType::F64),
                    "complex" if found.dtype.kind() < Kind::Complex => Some(DType::C128),
                    _ => None,
                };
                if let Some(widest) = widest {
                    if let Some(written) = self.literals_as(operand, widest, span) {
                        return written;
                    }
                    if operand.weak {
                        return self.convert(operand, widest, span);
                    }
                }
                (
                    kinds.contains(&found.dtype.kind()),
                    *name,
                    if *name == "int" {
                        "i64"
                    } else if *name == "complex" {
                        "c128"
                    } else {
                        "f64"
                    },
                )
            }
        };
        if fits {
            return Ok(Operand { weak: operand.weak && matches!(elements, Elements::Kind(..)), ..operand });
        }
        let message = format!("{what} is declared {wanted}, and this is {}", found.dtype);
        Err(self.report(
            Diagnostic::error("E0312", message, span, found.to_string()).label(declared.span, "declared here").help(
                match found.dtype.kind() == Kind::Complex
                    && DType::from_name(cast).is_some_and(|to| to.kind() != Kind::Complex)
                {
                    true => self.library.advice(Advice::FromComplex).to_string(),
                    false => format!("cast it: `{cast}(…)`"),
                },
            ),
        ))
    }

    /// An array of literals in the dtype that is declared for it: as a literal alone, it takes it when it loses nothing of its kind.
    fn literals_as(&mut self, operand: Operand, dtype: DType, span: Span) -> Option<Checks<Operand>> {
        let found = self.type_of(operand).clone();
        let kind = &self.levels[operand.level as usize].builder.graph().node(operand.node).kind;
        let NodeKind::Literal(elements) = kind else { return None };
        let elements = elements.clone();
        let is_plain = matches!(found.dtype, DType::I64 | DType::F64 | DType::C128) && found.dtype != dtype;
        let keeps = found.dtype.kind() <= dtype.kind() || found.dtype == DType::I64 && dtype.kind() == Kind::Unsigned;
        if !(is_plain && (keeps || elements.is_empty())) {
            return None;
        }
        for element in elements.iter() {
            if let Err(reported) = self.refuse_too_big(*element, dtype, span) {
                return Some(Err(reported));
            }
        }
        let cast = elements.iter().map(|element| element.cast(dtype)).collect();
        Some(Ok(self.add(NodeKind::Literal(cast), ArrayType::new(dtype, found.shape), span)))
    }

    fn fit_shape(
        &mut self,
        what: &str,
        operand: Operand,
        span: Span,
        declared: &TypeExpression,
        (dtype, dimensions): (Option<&Name>, &[DimensionExpression]),
        sizes: &mut Sizes,
    ) -> Checks<()> {
        let found = self.type_of(operand).clone();
        let has_rest = matches!(dimensions.first(), Some(DimensionExpression::Rest(_)));
        let named = &dimensions[has_rest as usize..];
        let ranks_fit = if has_rest { found.rank() >= named.len() } else { found.rank() == named.len() };
        if !ranks_fit {
            let at_least = if has_rest { "at least " } else { "" };
            let axes = if named.len() == 1 { "axis" } else { "axes" };
            let message =
                format!("{what} is declared with {at_least}{} {axes}, and this has {}", named.len(), found.rank());
            let help = match found.rank() < named.len() {
                true if found.rank() == 0 => "write `[ ]` around one number to make an array of it".to_string(),
                true => "give it another axis: `[newaxis, :]` for a row, `[:, newaxis]` for a column".to_string(),
                false => {
                    let zeros = vec!["0"; found.rank() - named.len()].join(", ");
                    let each = if found.rank() == 1 { ", or call it for each: `[f(x) for x in xs]`" } else { "" };
                    format!("take a part with fewer axes, such as `[{zeros}]`{each}")
                }
            };
            let diagnostic =
                Diagnostic::error("E0312", message, span, found.to_string()).label(declared.span, "declared here");
            return Err(self.report(self.with_origin(diagnostic, span, &found.to_string()).help(help)));
        }
        let first = found.rank() - named.len();
        let head: Arc<str> =
            format!("{}[{}", dtype.map_or("", |name| &*name.text), if has_rest { "..., " } else { "" }).into();
        for (position, dimension) in named.iter().enumerate() {
            let DimensionExpression::Size(expression) = dimension else {
                let message = "`...` stands first in a type";
                return Err(self.report(Diagnostic::error("E0312", message, declared.span, "")));
            };
            let axis = first + position;
            let fit = Fit {
                what: what.into(),
                found: found.clone(),
                length: found.shape[axis].clone(),
                axis,
                first,
                head: head.clone(),
                span,
                expression: expression.clone(),
            };
            self.fit_size(fit, sizes, false)?;
        }
        Ok(())
    }

    /// A length against the size that is declared for it. One whose names are not all bound waits for the other arguments; `is_last`
    /// solves for the name that is still missing.
    fn fit_size(&mut self, fit: Fit, sizes: &mut Sizes, is_last: bool) -> Checks<()> {
        if let ExpressionKind::Name(name) = &fit.expression.kind
            && self.declared_size(&name.text, sizes).is_none()
        {
            self.refuse_unbound(&fit, &name.text, sizes)?;
            sizes.known.insert(name.text.clone(), fit.named(fit.length.clone()));
            return Ok(());
        }
        let mut names = HashSet::new();
        names_in(&fit.expression, &mut names);
        let missing: Vec<Arc<str>> =
            names.into_iter().filter(|name| self.declared_size(name, sizes).is_none()).collect();
        match missing.as_slice() {
            [] => {}
            [name] if is_last => {
                self.refuse_unbound(&fit, name, sizes)?;
                let Some(solved) = self.solve(&fit, name, sizes) else {
                    return Err(self.no_size_fits(&fit, name, sizes));
                };
                sizes.known.insert(name.clone(), fit.named(solved));
                return Ok(());
            }
            [..] if is_last => {
                let message = "this size has several names that nothing else tells";
                let diagnostic = Diagnostic::error("E0312", message, fit.expression.span, "");
                return Err(self.report(diagnostic.help("let another parameter have each of them alone: `f64[n]`")));
            }
            [..] => {
                sizes.deferred.push(fit);
                return Ok(());
            }
        }
        let Some(wanted) = self.size_of(&fit.expression, sizes) else {
            let message = "a size is made of names, integers, `+`, `-` and `*`";
            let diagnostic = Diagnostic::error("E0312", message, fit.expression.span, "");
            return Err(self.report(diagnostic.help("name the size alone: `f64[n]`")));
        };
        let fits = match Length::of(wanted.clone()) {
            Some(wanted) => {
                let what = format!("{} is declared with length {wanted} here", fit.what);
                self.same_length(&fit.length, &wanted, &what, fit.span)
            }
            None => false,
        };
        if fits { Ok(()) } else { Err(self.size_mismatch(&fit, &wanted, sizes)) }
    }

    /// A size of a result that no parameter names must be one that only the data can tell; any other has a name already.
    fn refuse_unbound(&mut self, fit: &Fit, name: &str, sizes: &Sizes) -> Checks<()> {
        let is_of_data = match &fit.length {
            Length::Known(_) => false,
            Length::Open(size) => size.symbols().any(|symbol| !symbol.is_variable()),
        };
        if !sizes.is_definition || is_of_data {
            return Ok(());
        }
        let message =
            format!("no parameter tells what `{name}` is, and the result has length {}{}", fit.length, fit.along());
        let diagnostic = Diagnostic::error("E0312", message, fit.expression.span, "nothing names this size")
            .label(fit.span, fit.found.to_string());
        Err(self.report(diagnostic.help(format!("declare what the result is: `{}`", fit.fitting()))))
    }

    /// No value of a name makes a declared size equal to a length.
    fn no_size_fits(&mut self, fit: &Fit, name: &Arc<str>, sizes: &mut Sizes) -> Reported {
        let message = format!("no `{name}` makes this size {}", fit.length);
        let help = match self.greatest_size(fit, name, sizes) {
            Some(size) => format!("take the first {size} along this axis: `{}`", fit.part(&format!(":{size}"))),
            None => format!("give it a length that some `{name}` makes"),
        };
        let diagnostic = Diagnostic::error("E0312", message, fit.span, fit.found.to_string());
        self.report(diagnostic.label(fit.expression.span, "declared here").help(help))
    }

    /// A length that is not the declared one: where each comes from, and what makes them one.
    fn size_mismatch(&mut self, fit: &Fit, wanted: &Polynomial, sizes: &Sizes) -> Reported {
        let message =
            format!("{} is declared with length {wanted}{} here, and this has {}", fit.what, fit.along(), fit.length);
        let found = fit.found.to_string();
        let mut diagnostic = Diagnostic::error("E0312", message, fit.span, found.clone());
        diagnostic = diagnostic.label(fit.expression.span, "declared here");
        let mut other = None;
        if let ExpressionKind::Name(name) = &fit.expression.kind
            && let Some(Named { length: known @ Length::Known(_), place, axis }) = sizes.known.get(&name.text)
        {
            other = axis.filter(|_| *place == fit.span);
            let because = match axis {
                Some(axis) => format!("its axis {axis}"),
                None => "this".into(),
            };
            diagnostic = diagnostic.label(*place, format!("`{}` is {known} because of {because}", name.text));
        }
        let diagnostic = self.with_origin(diagnostic, fit.span, &found);
        let diagnostic = self.with_declarations(diagnostic, &[wanted, &Polynomial::from(&fit.length)]);
        let help = self.size_help(fit, wanted, other);
        self.report(diagnostic.help(help))
    }

    /// What makes a length the declared one; `other` is the axis of the same value that told it.
    fn size_help(&self, fit: &Fit, wanted: &Polynomial, other: Option<usize>) -> String {
        let length = Polynomial::from(&fit.length);
        if let (Some(wanted), Some(length)) = (wanted.known(), length.known()) {
            let first = |count: i64, axis: usize| format!("`[{}:{count}]`", ":, ".repeat(axis));
            return match (wanted >= 0 && wanted < length, other) {
                (true, _) => format!("take the first {wanted} along this axis: {}", first(wanted, fit.axis)),
                (false, Some(axis)) => format!("take the first {length} along axis {axis}: {}", first(length, axis)),
                (false, None) if is_number(&fit.expression) => {
                    format!(
                        "give it {wanted} elements{}, or declare it for any length: `n` for `{wanted}`",
                        fit.along()
                    )
                }
                (false, None) => format!("give both one length: the first {length} of the other are `[:{length}]`"),
            };
        }
        if &*fit.what == THE_RESULT {
            return format!("declare what the result is: `{}`", fit.fitting());
        }
        let part = super::advice::longer_part(&length, wanted);
        part.map(|part| format!("take as many as are declared: `{}`", fit.part(&part)))
            .or_else(|| self.declaration_help(&length, wanted))
            .unwrap_or_else(|| format!("give it {wanted} elements{}, as it is declared", fit.along()))
    }

    /// Fits what waited for the names of other arguments.
    pub(super) fn fit_deferred(&mut self, sizes: &mut Sizes) -> Checks<()> {
        for is_last in [false, true] {
            for fit in std::mem::take(&mut sizes.deferred) {
                self.fit_size(fit, sizes, is_last)?;
            }
        }
        Ok(())
    }

    /// The value of a name that makes a declared size equal to a length, when there is one.
    fn solve(&mut self, fit: &Fit, name: &Arc<str>, sizes: &mut Sizes) -> Option<Length> {
        let (zero, step) = self.line(fit, name, sizes)?;
        let distance = Polynomial::from(&fit.length).minus(&zero).scaled(step.signum());
        Length::of(distance.divided(step.abs())?)
    }

    /// The greatest size, of those that a name can make, that is no greater than a length.
    fn greatest_size(&mut self, fit: &Fit, name: &Arc<str>, sizes: &mut Sizes) -> Option<i64> {
        let (zero, step) = self.line(fit, name, sizes)?;
        let (zero, length) = (zero.known()?, fit.length.known()? as i64);
        (step > 0 && zero <= length).then(|| zero + (length - zero) / step * step).filter(|size| *size > 0)
    }

    /// A declared size as a linear function of a name: what it is for 0, and by how much it grows with each step of the name.
    fn line(&mut self, fit: &Fit, name: &Arc<str>, sizes: &mut Sizes) -> Option<(Polynomial, i64)> {
        // A size is linear in a name when it grows by the same for each step of it.
        let mut at = |value: i64| {
            let length = Length::of(value.into())?;
            sizes.known.insert(name.clone(), fit.named(length));
            let result = self.size_of(&fit.expression, sizes);
            sizes.known.remove(name);
            result
        };
        let (zero, one, two) = (at(0)?, at(1)?, at(2)?);
        let step = one.minus(&zero).known().filter(|step| *step != 0 && two.minus(&one).known() == Some(*step))?;
        Some((zero, step))
    }

    /// The size that a name stands for: one that a type has named, or an integer that the function is given.
    fn declared_size(&mut self, name: &str, sizes: &Sizes) -> Option<Polynomial> {
        if let Some(named) = sizes.known.get(name) {
            return Some(Polynomial::from(&named.length));
        }
        sizes.integers.get(name).map(|operand| self.polynomial_of(*operand))
    }

    /// The value of a size, when its names are known.
    fn size_of(&mut self, expression: &Expression, sizes: &Sizes) -> Option<Polynomial> {
        match &expression.kind {
            ExpressionKind::Integer(value) => i64::try_from(*value).ok().map(Polynomial::from),
            ExpressionKind::Name(name) => self.declared_size(&name.text, sizes),
            ExpressionKind::Unary { operator: UnaryOperator::Negative, operand, .. } => {
                Some(Polynomial::from(0).minus(&self.size_of(operand, sizes)?))
            }
            ExpressionKind::Binary { operator, left, right, .. } => {
                let (left, right) = (self.size_of(left, sizes)?, self.size_of(right, sizes)?);
                combined(*operator, &left, &right)
            }
            ExpressionKind::Chain { first, rest } => {
                let mut size = self.size_of(first, sizes)?;
                for (operator, _, right) in rest {
                    size = combined(*operator, &size, &self.size_of(right, sizes)?)?;
                }
                Some(size)
            }
            _ => None,
        }
    }
}

/// Whether a declared size is a number.
fn is_number(size: &Expression) -> bool {
    let mut names = HashSet::new();
    names_in(size, &mut names);
    names.is_empty()
}

/// Two sizes with an operator that sizes have between them.
pub(super) fn combined(operator: BinaryOperator, left: &Polynomial, right: &Polynomial) -> Option<Polynomial> {
    match operator {
        BinaryOperator::Add => Some(left.plus(right)),
        BinaryOperator::Subtract => Some(left.minus(right)),
        BinaryOperator::Multiply => left.times(right),
        _ => None,
    }
}

/// The size names in a declared type.
pub(super) fn dimension_names(declared: &TypeExpression, names: &mut HashSet<Arc<str>>) {
    match &declared.kind {
        TypeExpressionKind::Tuple(types) => types.iter().for_each(|one| dimension_names(one, names)),
        TypeExpressionKind::Array { dimensions, .. } => {
            for dimension in dimensions {
                if let DimensionExpression::Size(expression) = dimension {
                    names_in(expression, names);
                }
            }
        }
    }
}

fn names_in(expression: &Expression, names: &mut HashSet<Arc<str>>) {
    match &expression.kind {
        ExpressionKind::Name(name) => {
            names.insert(name.text.clone());
        }
        ExpressionKind::Unary { operand, .. } => names_in(operand, names),
        ExpressionKind::Binary { left, right, .. } => {
            names_in(left, names);
            names_in(right, names);
        }
        ExpressionKind::Chain { first, rest } => {
            names_in(first, names);
            rest.iter().for_each(|(_, _, right)| names_in(right, names));
        }
        _ => {}
    }
}
