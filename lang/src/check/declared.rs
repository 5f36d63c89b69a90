//! Declared types: what an argument must be, and the sizes that its type names.

use super::{Checker, Checks, Reported};
use crate::ast::{
    BinaryOperator, DimensionExpression, Expression, ExpressionKind, TypeExpression, TypeExpressionKind, UnaryOperator,
};
use crate::declaration::Operand;
use crate::diagnostic::Diagnostic;
use crate::dtype::{DType, Kind};
use crate::source::Span;
use crate::value::Value;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The sizes that a call's types have named so far, each with the place that named it.
pub(super) type Sizes = BTreeMap<Arc<str>, (usize, Span)>;

/// What stands for the elements' type in a declaration.
enum Elements {
    Any,
    DType(DType),
    Kind(&'static str, &'static [Kind]),
}

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
        self.fit("the result", value, span, declared, sizes)
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
                self.fit_shape(what, operand, span, declared, dimensions, sizes)?;
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
        let help = match self
            .library
            .foreign(name)
            .map(str::to_string)
            .or_else(|| super::similar(name, names.iter().copied()).map(|near| format!("did you mean `{near}`?")))
        {
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
                let adapts = operand.weak && found.dtype.kind() <= dtype.kind();
                if adapts {
                    let converted = self.convert(operand, *dtype, span)?;
                    return Ok(Operand { weak: false, ..converted });
                }
                (found.dtype == *dtype, dtype.name(), dtype.name())
            }
            Elements::Kind(name, kinds) => {
                if operand.weak && *name == "float" && found.dtype.is_integral() {
                    return self.convert(operand, DType::F64, span);
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
            Diagnostic::error("E0312", message, span, found.to_string())
                .label(declared.span, "declared here")
                .help(format!("cast it: `{cast}(…)`")),
        ))
    }

    fn fit_shape(
        &mut self,
        what: &str,
        operand: Operand,
        span: Span,
        declared: &TypeExpression,
        dimensions: &[DimensionExpression],
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
                false => "take a part with fewer axes, such as `[0]`".to_string(),
            };
            let diagnostic =
                Diagnostic::error("E0312", message, span, found.to_string()).label(declared.span, "declared here");
            return Err(self.report(self.with_origin(diagnostic, span, &found.to_string()).help(help)));
        }
        let offset = found.rank() - named.len();
        for (position, dimension) in named.iter().enumerate() {
            let length = found.shape[offset + position];
            let DimensionExpression::Size(expression) = dimension else {
                let message = "`...` stands first in a type";
                return Err(self.report(Diagnostic::error("E0312", message, declared.span, "")));
            };
            self.fit_size(what, &found.to_string(), length, span, expression, sizes)?;
        }
        Ok(())
    }

    fn fit_size(
        &mut self,
        what: &str,
        found: &str,
        length: usize,
        span: Span,
        expression: &Expression,
        sizes: &mut Sizes,
    ) -> Checks<()> {
        if let ExpressionKind::Name(name) = &expression.kind
            && !sizes.contains_key(&name.text)
        {
            sizes.insert(name.text.clone(), (length, span));
            return Ok(());
        }
        let Some(wanted) = size_of(expression, sizes) else {
            return Err(self.not_built(
                "a size that must be solved for its names",
                expression.span,
                "name the size alone first: `f64[n]`",
            ));
        };
        if wanted == length as i128 {
            return Ok(());
        }
        let message = format!("{what} is declared with length {wanted} here, and this has {length}");
        let mut diagnostic = Diagnostic::error("E0312", message, span, found).label(expression.span, "declared here");
        if let ExpressionKind::Name(name) = &expression.kind
            && let Some((known, place)) = sizes.get(&name.text)
        {
            diagnostic = diagnostic.label(*place, format!("`{}` is {known} because of this", name.text));
        }
        let diagnostic = self.with_origin(diagnostic, span, found);
        let help = match usize::try_from(wanted) {
            Ok(wanted) if wanted < length => format!("take the first {wanted} along this axis: `[:{wanted}]`"),
            _ => format!("give both one length: the first {length} of the other are `[:{length}]`"),
        };
        Err(self.report(diagnostic.help(help)))
    }
}

/// The value of a dimension, when its names are known.
fn size_of(expression: &Expression, sizes: &Sizes) -> Option<i128> {
    match &expression.kind {
        ExpressionKind::Integer(value) => Some(*value as i128),
        ExpressionKind::Name(name) => sizes.get(&name.text).map(|(length, _)| *length as i128),
        ExpressionKind::Unary { operator: UnaryOperator::Negative, operand, .. } => {
            size_of(operand, sizes).map(|value| -value)
        }
        ExpressionKind::Binary { operator, left, right, .. } => {
            let (left, right) = (size_of(left, sizes)?, size_of(right, sizes)?);
            match operator {
                BinaryOperator::Add => left.checked_add(right),
                BinaryOperator::Subtract => left.checked_sub(right),
                BinaryOperator::Multiply => left.checked_mul(right),
                _ => None,
            }
        }
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
        _ => {}
    }
}
