//! Declared types: what an argument must be, and the sizes that its type names.

use super::{Binding, Checker, Checks, Reported};
use crate::ast::{
    self, BinaryOperator, DimensionExpression, Expression, ExpressionKind, Name, TypeExpression, TypeExpressionKind,
    UnaryOperator,
};
use crate::declaration::{Advice, Operand};
use crate::diagnostic::{Diagnostic, Label};
use crate::dtype::Scalar;
use crate::dtype::{DType, Kind};
use crate::graph::NodeKind;
use crate::length::{Length, Polynomial, Symbol};
use crate::source::Span;
use crate::types::{ArrayType, Type};
use crate::value::{Closure, Value};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// What a call's types say of sizes.
#[derive(Default)]
pub(super) struct Sizes {
    /// The sizes that have a name so far.
    pub(super) known: BTreeMap<Arc<str>, Named>,
    /// The integers among the arguments: a size may be named after one.
    pub(super) integers: BTreeMap<Arc<str>, (Operand, Span)>,
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

/// Which values of a name make a declared size a length.
enum Solution {
    /// One does.
    One(Length),
    /// These do, or any when there are none here.
    Several(Vec<Length>),
    /// None does.
    Nothing,
    /// Only the run can tell.
    Open,
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
        match self.missing(&fit, sizes).as_slice() {
            [] => {}
            [name] if is_last => {
                self.refuse_unbound(&fit, name, sizes)?;
                let solved = match self.solve(&fit, name, sizes) {
                    Solution::One(solved) => Some(solved),
                    Solution::Several(values) => return Err(self.several_sizes_fit(&fit, name, &values)),
                    Solution::Open => self.solve_in_run(&fit, name, sizes),
                    Solution::Nothing => None,
                };
                let Some(solved) = solved else {
                    return Err(self.no_size_fits(&fit, name, sizes));
                };
                let help = format!("give it more elements{}", fit.along());
                self.at_least(&solved, 0, &format!("the size `{name}` cannot be negative"), &help, fit.span);
                sizes.known.insert(name.clone(), fit.named(solved));
                return Ok(());
            }
            names if is_last => return Err(self.several_untold(names, fit.expression.span)),
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
                let declared = Label { span: fit.expression.span, text: "declared here".into() };
                self.while_meeting(vec![declared], |checker| checker.same_length(&fit.length, &wanted, &what, fit.span))
            }
            None => false,
        };
        if fits { Ok(()) } else { Err(self.size_mismatch(&fit, &wanted, sizes)) }
    }

    /// The names in a declared size that stand for nothing yet.
    fn missing(&mut self, fit: &Fit, sizes: &Sizes) -> Vec<Arc<str>> {
        let names = names_of(&fit.expression);
        names
            .into_iter()
            .map(|name| name.text.clone())
            .filter(|name| self.declared_size(name, sizes).is_none())
            .collect()
    }

    /// A length alone does not tell several names.
    fn several_untold(&mut self, names: &[Arc<str>], place: Span) -> Reported {
        let listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("one length cannot tell what {} are", listed.join(" and "));
        let diagnostic = Diagnostic::error("E0312", message, place, "nothing else tells them");
        self.report(match names {
            [first, .., last] => {
                diagnostic.help(format!("add a parameter `{last}: i64`, or name the whole size: `f64[{first}]`"))
            }
            _ => diagnostic,
        })
    }

    /// Checks the names of sizes where a function is defined: a parameter of such a name is an integer, and arguments tell each.
    pub(super) fn check_size_names(&mut self, function: &ast::Function) -> Checks<()> {
        let types = function.parameters.iter().filter_map(|parameter| parameter.declared.as_ref());
        let all_sizes: Vec<&Expression> = types.flat_map(sizes_of).collect();
        let mut told: HashSet<Arc<str>> = self.outer_sizes(function).into_keys().collect();
        for parameter in &function.parameters {
            let (name, Some(declared)) = (&parameter.name, &parameter.declared) else { continue };
            if is_integer(declared) {
                told.insert(name.text.clone());
                continue;
            }
            let is_same = |other: &&Name| other.text == name.text;
            if let Some(size) = all_sizes.iter().flat_map(|size| names_of(size)).find(is_same) {
                let message = format!("`{}` is a size, and a parameter that is no integer", name.text);
                let diagnostic = Diagnostic::error("E0312", message, declared.span, "not an integer");
                let help = format!("declare it `{0}: i64`, or give the size another name than `{0}`", name.text);
                return Err(self.report(diagnostic.label(size.span, "a size here").help(help)));
            }
        }
        // A size that is a name alone tells that name, and one with a single name that is not told tells this one.
        let mut waiting = all_sizes;
        loop {
            let mut is_stuck = true;
            waiting.retain(|size| {
                let untold = untold_names(size, &told);
                let is_waiting = untold.len() > 1;
                if !is_waiting {
                    told.extend(untold);
                    is_stuck = false;
                }
                is_waiting
            });
            let Some(size) = waiting.first() else { return Ok(()) };
            if is_stuck {
                return Err(self.several_untold(&untold_names(size, &told), size.span));
            }
        }
    }

    /// The sizes in a function's types that the function around it knows, unless a parameter of its own is one or tells it alone.
    pub(super) fn outer_sizes(&self, function: &ast::Function) -> BTreeMap<Arc<str>, Value<Operand>> {
        let Some(frame) = self.frames.last() else { return BTreeMap::new() };
        let known = |name: &Arc<str>| match frame.locals.get(name) {
            Some(Binding::Value(value)) => Some(value.clone()),
            Some(_) => None,
            None => frame.closure.captured.get(name).cloned(),
        };
        let sizes = untold_sizes(function).into_iter().filter_map(|name| Some((known(&name)?, name)));
        let is_size = |value: &Value<Operand>| matches!(value, Value::Array(operand) if self.is_integer(*operand));
        sizes.filter(|(value, _)| is_size(value)).map(|(value, name)| (name, value)).collect()
    }

    /// Notes the sizes that a function's types took from the function around it.
    pub(super) fn take_outer_sizes(&self, closure: &Closure<Operand>, sizes: &mut Sizes) {
        for name in untold_sizes(&closure.function) {
            if let Some(Value::Array(operand)) = closure.captured.get(&name)
                && self.is_integer(*operand)
            {
                sizes.integers.insert(name, (*operand, closure.function.span));
            }
        }
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

    /// No value of a name makes a declared size equal to a length, or the length does not tell it.
    fn no_size_fits(&mut self, fit: &Fit, name: &Arc<str>, sizes: &mut Sizes) -> Reported {
        let length = &fit.length;
        let found = self.size_in(fit, name, sizes);
        let is_of_run = |size: &Polynomial| size.symbols().any(|symbol| !symbol.is_variable());
        let size_is_of_run = found.as_ref().is_some_and(|(_, size)| is_of_run(size));
        let always = found.as_ref().and_then(|(_, size)| size.known());
        let nearest = found.and_then(|(symbol, size)| size.roots(&symbol, length.known()? as i64));
        let (below, above) = nearest.map_or((None, None), |nearest| (nearest.below, nearest.above));
        let none_makes = format!("no `{name}` makes this size {length}");
        let (message, help) = match (below, above) {
            _ if size_is_of_run || is_of_run(&length.into()) => (
                format!("only the run tells this size, and `{name}` cannot be made of it"),
                format!("make it a parameter: `{name}: i64`"),
            ),
            _ if let Some(always) = always => (
                format!("this size is {always} with every `{name}`, and this has {length}"),
                format!("give it {always} elements{}", fit.along()),
            ),
            _ if length.known().is_none() => (none_makes, format!("make it a parameter: `{name}: i64`")),
            (Some(below), above) if below > 0 => (
                match above {
                    Some(above) => format!("{none_makes}: {below} and {above} are the nearest"),
                    None => format!("{none_makes}: {below} is the greatest"),
                },
                format!("take the first {below} along this axis: `{}`", fit.part(&format!(":{below}"))),
            ),
            (_, Some(above)) => {
                (format!("{none_makes}: {above} is the least"), format!("give it {above} elements{}", fit.along()))
            }
            _ => (none_makes, format!("give it a length that some `{name}` makes")),
        };
        let diagnostic = Diagnostic::error("E0312", message, fit.span, fit.found.to_string());
        self.report(diagnostic.label(fit.expression.span, "declared here").help(help))
    }

    /// More than one value of a name makes a declared size equal to a length: these, or any when there are none.
    fn several_sizes_fit(&mut self, fit: &Fit, name: &Arc<str>, values: &[Length]) -> Reported {
        let length = &fit.length;
        let message = match values {
            [first, second, ..] => format!("`{name}` may be {first} or {second}: this size is {length} with both"),
            _ => format!("`{name}` may be any number: this size is {length} with all of them"),
        };
        let diagnostic = Diagnostic::error("E0312", message, fit.span, fit.found.to_string());
        let help = format!("make it a parameter: `{name}: i64`");
        self.report(diagnostic.label(fit.expression.span, "declared here").help(help))
    }

    /// A length that is not the declared one: where each comes from, and what makes them one.
    fn size_mismatch(&mut self, fit: &Fit, wanted: &Polynomial, sizes: &mut Sizes) -> Reported {
        let (what, along) = (&fit.what, fit.along());
        let message = match wanted.known() {
            Some(wanted) if wanted < 0 => {
                format!("{what} is declared with length {wanted}{along} here, and no length is negative")
            }
            _ => format!("{what} is declared with length {wanted}{along} here, and this has {}", fit.length),
        };
        let found = fit.found.to_string();
        let mut diagnostic = Diagnostic::error("E0312", message, fit.span, found.clone());
        diagnostic = diagnostic.label(fit.expression.span, "declared here");
        let mut other = None;
        for name in names_of(&fit.expression) {
            if let Some(Named { length: known @ Length::Known(_), place, axis }) = sizes.known.get(&name.text) {
                other = axis.filter(|_| *place == fit.span && is_name(&fit.expression));
                let because = match axis {
                    Some(axis) => format!("its axis {axis}"),
                    None => "this".into(),
                };
                diagnostic = diagnostic.label(*place, format!("`{}` is {known} because of {because}", name.text));
            } else if let Some((operand, place)) = sizes.integers.get(&name.text)
                && let Some(known) = self.constant_of(*operand)
            {
                diagnostic = diagnostic.label(*place, format!("`{}` is {known}", name.text));
            }
        }
        let diagnostic = self.with_origin(diagnostic, fit.span, &found);
        let diagnostic = self.with_declarations(diagnostic, &[wanted, &Polynomial::from(&fit.length)]);
        let help = self.size_help(fit, wanted, other, sizes);
        self.report(diagnostic.help(help))
    }

    /// What makes a length the declared one; `other` is the axis of the same value that told it.
    fn size_help(&mut self, fit: &Fit, wanted: &Polynomial, other: Option<usize>, sizes: &mut Sizes) -> String {
        let length = Polynomial::from(&fit.length);
        if let (Some(wanted), Some(length)) = (wanted.known(), length.known()) {
            // What is empty has no first elements.
            if (wanted <= 0 || wanted > length)
                && let Some(help) = self.argument_help(fit, sizes)
            {
                return help;
            }
            let first = |count: i64, axis: usize| format!("`[{}:{count}]`", ":, ".repeat(axis));
            let is_written = is_number(&fit.expression);
            if !is_written && (wanted <= 0 || length == 0 || wanted > length && !is_name(&fit.expression)) {
                let size = self.quoted(fit.expression.span).map_or("this size".into(), |size| format!("`{size}`"));
                return match wanted {
                    1.. => format!("give it {wanted} elements{}", fit.along()),
                    0 if is_name(&fit.expression) => format!("give the argument that tells {size} {length} elements"),
                    ..0 if &*fit.what == THE_RESULT => {
                        format!("give it more elements, {} at least: then {size} is 0 or more", -wanted)
                    }
                    _ => format!("give the other arguments lengths for which {size} is {length}"),
                };
            }
            return match (wanted >= 0 && wanted < length, other) {
                (true, _) => format!("take the first {wanted} along this axis: {}", first(wanted, fit.axis)),
                (false, Some(axis)) => format!("take the first {length} along axis {axis}: {}", first(length, axis)),
                (false, None) if is_written => {
                    format!(
                        "declare it for any length: `n` for `{wanted}`; or give it {wanted} elements{}",
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

    /// What another argument must be, so that a declared size is as long as a value: an integer, or an array of another length.
    fn argument_help(&mut self, fit: &Fit, sizes: &mut Sizes) -> Option<String> {
        let names = names_of(&fit.expression);
        let [name] = names.as_slice() else { return None };
        let is_integer = !sizes.known.contains_key(&name.text);
        // Another argument would give another result, too.
        if !is_integer && (is_name(&fit.expression) || &*fit.what == THE_RESULT) {
            return None;
        }
        let Solution::One(solved) = self.solve(fit, &name.text, sizes) else { return None };
        if is_integer {
            return Some(format!("pass {solved} for `{}`", name.text));
        }
        let size = self.quoted(fit.expression.span).map_or("this size".into(), |size| format!("`{size}`"));
        let Named { axis, .. } = sizes.known.get(&name.text)?;
        let along = axis.map(|axis| format!(" along axis {axis}")).unwrap_or_default();
        let length = &fit.length;
        Some(format!(
            "{size} is {length} where `{}` is {solved}: give that argument {solved} elements{along}",
            name.text
        ))
    }

    /// Fits what waited for the names of other arguments. A size whose names are told is one more that may be wrong, and one with a
    /// single name that is not tells it.
    pub(super) fn fit_deferred(&mut self, sizes: &mut Sizes) -> Checks<()> {
        loop {
            for fit in std::mem::take(&mut sizes.deferred) {
                self.fit_size(fit, sizes, false)?;
            }
            let waiting = std::mem::take(&mut sizes.deferred);
            let telling = waiting.iter().position(|fit| self.missing(fit, sizes).len() == 1).unwrap_or(0);
            sizes.deferred = waiting;
            if telling >= sizes.deferred.len() {
                return Ok(());
            }
            let fit = sizes.deferred.remove(telling);
            self.fit_size(fit, sizes, true)?;
        }
    }

    /// Which values of a name make a declared size equal to a length.
    fn solve(&mut self, fit: &Fit, name: &Arc<str>, sizes: &mut Sizes) -> Solution {
        let Some((symbol, size)) = self.size_in(fit, name, sizes) else { return Solution::Nothing };
        let wanted = Polynomial::from(&fit.length);
        if size.symbols().all(|other| *other != symbol) {
            return if size == wanted { Solution::Several(Vec::new()) } else { Solution::Nothing };
        }
        let is_open = [&size, &wanted].iter().any(|one| one.symbols().any(|other| !other.is_variable()));
        let mut values: Vec<Length> = size.solved_for(&symbol, &wanted).into_iter().filter_map(Length::of).collect();
        match values.len() {
            0 if is_open => Solution::Open,
            0 => Solution::Nothing,
            1 => Solution::One(values.remove(0)),
            _ => Solution::Several(values),
        }
    }

    /// The same for a length that only the run tells, where a formula gives the name: the run checks that it makes the length.
    fn solve_in_run(&mut self, fit: &Fit, name: &Arc<str>, sizes: &mut Sizes) -> Option<Length> {
        let (symbol, size) = self.size_in(fit, name, sizes)?;
        let factors = size.factors(&symbol)?;
        let (least, powers) = factors.split_first()?;
        let above = self.integer_value(&Polynomial::from(&fit.length).minus(&(*least).into()), fit.span)?;
        // A half more keeps a rounded root from falling below the integer that it is.
        let half_more = self.with_number("+", above, 0.5, fit.span)?;
        let value = match powers {
            [factor] if *factor > 0 => {
                let divisor = self.constant(Scalar::i64(*factor), false, fit.span);
                self.arithmetic("//", above, divisor, fit.span)?
            }
            // Where it only grows from 0 on, so that one value at most makes the length.
            [linear, square] if *linear >= 0 && *square > 0 => {
                let (linear, square) = (*linear as f64, *square as f64);
                let scaled = self.with_number("*", half_more, 4.0 * square, fit.span)?;
                let under_root = self.with_number("+", scaled, linear * linear, fit.span)?;
                let root = self.with_number("**", under_root, 0.5, fit.span)?;
                let scaled = self.with_number("-", root, linear, fit.span)?;
                let root = self.with_number("/", scaled, 2.0 * square, fit.span)?;
                self.cast(root, DType::I64, fit.span)
            }
            [none @ .., factor] if *factor > 0 && none.iter().all(|factor| *factor == 0) => {
                let power = self.with_number("/", half_more, *factor as f64, fit.span)?;
                let root = self.with_number("**", power, 1.0 / powers.len() as f64, fit.span)?;
                self.cast(root, DType::I64, fit.span)
            }
            _ => return None,
        };
        let value = self.polynomial_of(value);
        let wanted = Length::of(size.at(&symbol, &value))?;
        let what = format!("{} is declared with length {wanted} here", fit.what);
        self.same_length(&fit.length, &wanted, &what, fit.span).then(|| Length::of(value)).flatten()
    }

    /// A scalar, an operator and a number, as floats.
    fn with_number(&mut self, symbol: &'static str, left: Operand, right: f64, span: Span) -> Option<Operand> {
        let left = self.cast(left, DType::F64, span);
        let right = self.constant(Scalar::f64(right), false, span);
        self.arithmetic(symbol, left, right, span)
    }

    /// A declared size in a symbol that stands for a name.
    fn size_in(&mut self, fit: &Fit, name: &Arc<str>, sizes: &mut Sizes) -> Option<(Symbol, Polynomial)> {
        let symbol = self.variable(name);
        let length = Length::of(Polynomial::from(&symbol))?;
        let before = sizes.known.insert(name.clone(), fit.named(length));
        let size = self.size_of(&fit.expression, sizes);
        match before {
            Some(before) => sizes.known.insert(name.clone(), before),
            None => sizes.known.remove(name),
        };
        Some((symbol, size?))
    }

    /// The size that a name stands for: one that a type has named, or an integer that the function is given.
    fn declared_size(&mut self, name: &str, sizes: &Sizes) -> Option<Polynomial> {
        if let Some(named) = sizes.known.get(name) {
            return Some(Polynomial::from(&named.length));
        }
        sizes.integers.get(name).map(|(operand, _)| self.polynomial_of(*operand))
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
    names_of(size).is_empty()
}

/// Whether a declared size is a name alone.
fn is_name(size: &Expression) -> bool {
    matches!(size.kind, ExpressionKind::Name(_))
}

/// Whether a type is that of one integer.
fn is_integer(declared: &TypeExpression) -> bool {
    let is_kind = |name: &str, kind: Kind| KINDS.iter().any(|(word, kinds)| *word == name && kinds.contains(&kind));
    let is_integral = |name: &str| match DType::from_name(name) {
        Some(dtype) => matches!(dtype.kind(), Kind::Signed | Kind::Unsigned),
        None => is_kind(name, Kind::Signed),
    };
    match &declared.kind {
        TypeExpressionKind::Array { dtype: Some(name), dimensions } => dimensions.is_empty() && is_integral(&name.text),
        _ => false,
    }
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
    for size in sizes_of(declared) {
        names.extend(names_of(size).into_iter().map(|name| name.text.clone()));
    }
}

/// The names of sizes in a function's types that none of its parameters is, or tells alone.
fn untold_sizes(function: &ast::Function) -> HashSet<Arc<str>> {
    let mut names = HashSet::new();
    let types = || function.parameters.iter().filter_map(|parameter| parameter.declared.as_ref());
    types().chain(&function.result).for_each(|declared| dimension_names(declared, &mut names));
    for size in types().flat_map(sizes_of) {
        if let ExpressionKind::Name(name) = &size.kind {
            names.remove(&name.text);
        }
    }
    function.parameters.iter().for_each(|parameter| {
        names.remove(&parameter.name.text);
    });
    names
}

/// The sizes in a declared type.
fn sizes_of(declared: &TypeExpression) -> Vec<&Expression> {
    match &declared.kind {
        TypeExpressionKind::Tuple(types) => types.iter().flat_map(sizes_of).collect(),
        TypeExpressionKind::Array { dimensions, .. } => dimensions.iter().filter_map(size_of_dimension).collect(),
    }
}

/// The size that a dimension is, unless it is `...`.
fn size_of_dimension(dimension: &DimensionExpression) -> Option<&Expression> {
    match dimension {
        DimensionExpression::Size(size) => Some(size),
        DimensionExpression::Rest(_) => None,
    }
}

/// The names in a declared size that are not among those that arguments tell.
fn untold_names(size: &Expression, told: &HashSet<Arc<str>>) -> Vec<Arc<str>> {
    names_of(size).into_iter().map(|name| name.text.clone()).filter(|name| !told.contains(name)).collect()
}

/// The names in a declared size, each once, as they stand in it.
fn names_of(size: &Expression) -> Vec<&Name> {
    fn gather<'e>(size: &'e Expression, names: &mut Vec<&'e Name>) {
        match &size.kind {
            ExpressionKind::Name(name) if names.iter().all(|other| other.text != name.text) => names.push(name),
            ExpressionKind::Unary { operand, .. } => gather(operand, names),
            ExpressionKind::Binary { left, right, .. } => {
                gather(left, names);
                gather(right, names);
            }
            ExpressionKind::Chain { first, rest } => {
                gather(first, names);
                rest.iter().for_each(|(_, _, right)| gather(right, names));
            }
            _ => {}
        }
    }
    let mut names = Vec::new();
    gather(size, &mut names);
    names
}
