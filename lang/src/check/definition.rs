//! Functions whose parameters all have types are checked where they are defined, for all sizes.
//!
//! The body is walked once with arguments that stand for all that fit the types: a size that a type names is a variable, and what is
//! not equal for every value of it is an error. A kind (`float[n]`) is represented by its widest dtype.

use super::declared::{Named, combined, dimension_names};
use super::{Binding, Checker, Checks, Frame, Level, Reported};
use crate::ast::{self, DimensionExpression, ExpressionKind, TypeExpression, TypeExpressionKind};
use crate::declaration::Operand;
use crate::diagnostic::Diagnostic;
use crate::dtype::{DType, Kind};
use crate::length::{Length, Polynomial, Symbol};
use crate::source::Span;
use crate::types::{ArrayType, Type};
use crate::value::{Closure, Value};
use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// What stands for the numbers that the types of a function leave open.
#[derive(Default)]
struct Variables {
    /// The sizes that its types name.
    sizes: BTreeMap<Arc<str>, Symbol>,
    /// Where each of them is named first.
    places: BTreeMap<Arc<str>, Span>,
    /// Its integer parameters, after which a type may name a size, too.
    integers: BTreeMap<Arc<str>, Symbol>,
}

/// The length that comes in a declared one's place, if there is another.
type PutLength<'p> = &'p dyn Fn(&Polynomial) -> Option<Polynomial>;

impl Variables {
    /// A declared type with other lengths put in, and whether that changes it.
    fn written(&self, declared: &TypeExpression, put: PutLength) -> Option<(String, bool)> {
        match &declared.kind {
            TypeExpressionKind::Tuple(types) => {
                let parts: Option<Vec<_>> = types.iter().map(|one| self.written(one, put)).collect();
                let (texts, found): (Vec<String>, Vec<bool>) = parts?.into_iter().unzip();
                Some((format!("({})", texts.join(", ")), found.contains(&true)))
            }
            TypeExpressionKind::Array { dtype, dimensions } => {
                let mut is_other = false;
                let mut texts = Vec::new();
                for dimension in dimensions {
                    texts.push(match dimension {
                        DimensionExpression::Rest(_) => "...".to_string(),
                        DimensionExpression::Size(expression) => {
                            let polynomial = self.polynomial(expression)?;
                            let new = put(&polynomial);
                            is_other |= new.is_some();
                            new.unwrap_or(polynomial).to_string()
                        }
                    });
                }
                let dtype = dtype.as_ref().map_or("", |name| &*name.text);
                let shape = if texts.is_empty() { String::new() } else { format!("[{}]", texts.join(", ")) };
                Some((format!("{dtype}{shape}"), is_other))
            }
        }
    }

    /// A declared size, all of whose names are known.
    fn polynomial(&self, size: &ast::Expression) -> Option<Polynomial> {
        match &size.kind {
            ExpressionKind::Integer(value) => i64::try_from(*value).ok().map(Polynomial::from),
            ExpressionKind::Name(name) => {
                self.sizes.get(&name.text).or_else(|| self.integers.get(&name.text)).map(Polynomial::from)
            }
            ExpressionKind::Unary { operator: ast::UnaryOperator::Negative, operand, .. } => {
                Some(Polynomial::from(0).minus(&self.polynomial(operand)?))
            }
            ExpressionKind::Binary { operator, left, right, .. } => {
                let (left, right) = (self.polynomial(left)?, self.polynomial(right)?);
                combined(*operator, &left, &right)
            }
            ExpressionKind::Chain { first, rest } => {
                let mut size = self.polynomial(first)?;
                for (operator, _, right) in rest {
                    size = combined(*operator, &size, &self.polynomial(right)?)?;
                }
                Some(size)
            }
            _ => None,
        }
    }
}

/// The function that is being checked where it is defined.
pub(super) struct Definition {
    function: Arc<ast::Function>,
    variables: Variables,
}

impl Checker<'_> {
    /// Checks a function for all arguments that fit its types, when each parameter has one. One inside another function closes over
    /// what that was called with, which no other call need fit: it is checked at each call.
    pub(super) fn check_definition(&mut self, closure: &Arc<Closure<Operand>>) -> Checks<()> {
        let function = closure.function.clone();
        let is_typed = !function.parameters.is_empty() && function.parameters.iter().all(|one| one.declared.is_some());
        if !is_typed || self.is_defining || !self.frames.is_empty() {
            return Ok(());
        }
        self.is_defining = true;
        let placement = self.placement.take();
        self.levels.push(Level::new());
        self.open_journal();
        let result = self.walk_definition(closure, &function);
        self.close_journal();
        self.levels.pop();
        self.placement = placement;
        self.definition = None;
        self.is_defining = false;
        result
    }

    fn walk_definition(&mut self, closure: &Arc<Closure<Operand>>, function: &Arc<ast::Function>) -> Checks<()> {
        let mut variables = Variables::default();
        let mut arguments = Vec::new();
        for parameter in &function.parameters {
            let Some(declared) = &parameter.declared else { return Ok(()) };
            arguments.push(self.stand_in(&parameter.name.text, declared, &mut variables)?);
        }
        let mut sizes = super::declared::Sizes::of_definition();
        let mut frame = Frame::of(closure, self.is_closed(function.span.source), Span::default());
        for (parameter, value) in function.parameters.iter().zip(arguments) {
            if let Value::Array(operand) = &value
                && self.is_integer(*operand)
            {
                sizes.integers.insert(parameter.name.text.clone(), (*operand, parameter.name.span));
            }
            frame.locals.insert(parameter.name.text.clone(), Binding::Value(value));
        }
        for (name, symbol) in &variables.sizes {
            let length = Length::of(Polynomial::from(symbol)).ok_or(Reported)?;
            let place = variables.places.get(name).copied().unwrap_or(function.span);
            sizes.known.insert(name.clone(), Named { length, place, axis: None });
        }
        self.definition = Some(Definition { function: function.clone(), variables });
        self.name_sizes(&mut frame, &sizes);
        self.walk_body(frame, &mut sizes).map(|_| ())
    }

    /// A value that stands for all of a declared type.
    fn stand_in(
        &mut self,
        name: &Arc<str>,
        declared: &TypeExpression,
        variables: &mut Variables,
    ) -> Checks<Value<Operand>> {
        match &declared.kind {
            TypeExpressionKind::Tuple(types) => {
                let parts: Checks<Vec<_>> = types.iter().map(|one| self.stand_in(name, one, variables)).collect();
                Ok(Value::Tuple(parts?))
            }
            TypeExpressionKind::Array { dtype, dimensions } => {
                let dtype = match dtype.as_ref().map(|name| &*name.text) {
                    None | Some("float") => DType::F64,
                    Some("int") => DType::I64,
                    Some("complex") => DType::C128,
                    Some(name) => DType::from_name(name).ok_or(Reported)?,
                };
                let mut shape = Vec::new();
                for dimension in dimensions {
                    let polynomial = match dimension {
                        DimensionExpression::Rest(_) => continue,
                        DimensionExpression::Size(size) => self.stand_in_size(size, variables),
                    };
                    // A size that only takes away is negative for every value of its names, but for 0.
                    let length = polynomial.filter(|size| !size.is_written_negative()).and_then(Length::of);
                    let Some(length) = length else {
                        let message = "a size is made of names, integers, `+`, `-` and `*`, and is not negative";
                        let diagnostic = Diagnostic::error("E0312", message, declared.span, "");
                        return Err(self.report(diagnostic.help("name the size alone: `f64[n]`")));
                    };
                    shape.push(length);
                }
                let array_type: Type = ArrayType::new(dtype, shape);
                let is_integer = array_type.rank() == 0 && matches!(dtype.kind(), Kind::Signed | Kind::Unsigned);
                let level = self.depth_of_levels();
                let node = self.level().builder.input(name.clone(), array_type, declared.span);
                if is_integer {
                    // A type before it may have named a size after it.
                    let symbol = match variables.sizes.get(name) {
                        Some(symbol) => symbol.clone(),
                        None => self.variable(name),
                    };
                    variables.integers.insert(name.clone(), symbol.clone());
                    self.level().symbols.insert(node, symbol);
                }
                Ok(Value::Array(Operand { level, node, weak: false }))
            }
        }
    }

    fn stand_in_size(&mut self, size: &ast::Expression, variables: &mut Variables) -> Option<Polynomial> {
        self.name_variables(size, variables);
        variables.polynomial(size)
    }

    /// Makes the names in a declared size variables, where they are none yet.
    fn name_variables(&mut self, size: &ast::Expression, variables: &mut Variables) {
        match &size.kind {
            ExpressionKind::Name(name)
                if !variables.sizes.contains_key(&name.text) && !variables.integers.contains_key(&name.text) =>
            {
                let symbol = self.variable(&name.text);
                variables.sizes.insert(name.text.clone(), symbol);
                variables.places.insert(name.text.clone(), name.span);
            }
            ExpressionKind::Unary { operand, .. } => self.name_variables(operand, variables),
            ExpressionKind::Binary { left, right, .. } => {
                self.name_variables(left, variables);
                self.name_variables(right, variables);
            }
            ExpressionKind::Chain { first, rest } => {
                self.name_variables(first, variables);
                rest.iter().for_each(|(_, _, right)| self.name_variables(right, variables));
            }
            _ => {}
        }
    }

    /// The error of a body that uses a size which only its function's result names: a caller must say what it is.
    pub(super) fn size_of_result_only(&self, function: &ast::Function, name: &str, place: Span) -> Option<Diagnostic> {
        let mut names = HashSet::new();
        let result = function.result.as_ref()?;
        dimension_names(result, &mut names);
        if !names.contains(name) {
            return None;
        }
        let message = format!("only the result's type names `{name}`, and nothing tells what it is");
        let diagnostic = Diagnostic::error("E0201", message, place, "not known").label(result.span, "named here");
        let mut help = format!("make it a parameter: `{name}: i64`");
        let called = function.name.as_ref();
        let last = function.parameters.last().map(|last| (last.declared.as_ref(), last.default.is_some()));
        if let (Some(called), Some((Some(declared), false))) = (called, last)
            && let (Some(head), Some(result)) = (self.quoted(called.span.to(declared.span)), self.quoted(result.span))
        {
            help = format!("make it a parameter: `fn {head}, {name}: i64) -> {result}`");
        }
        Some(diagnostic.help(help))
    }

    /// Adds where the function that is being checked names the sizes in these lengths.
    pub(super) fn with_declarations(&self, mut diagnostic: Diagnostic, lengths: &[&Polynomial]) -> Diagnostic {
        let Some(definition) = &self.definition else { return diagnostic };
        for (name, place) in &definition.variables.places {
            let symbol = &definition.variables.sizes[name];
            if lengths.iter().any(|length| length.symbols().any(|other| other == symbol)) {
                diagnostic = diagnostic.label(*place, format!("`{name}` can be any length"));
            }
        }
        diagnostic
    }

    /// What to declare instead, so that two lengths are one: a size that a parameter names becomes the other length.
    pub(super) fn declaration_help(&self, left: &Polynomial, right: &Polynomial) -> Option<String> {
        let Definition { variables, .. } = self.definition.as_ref()?;
        let is_sayable = |length: &Polynomial| length.symbols().all(Symbol::is_variable);
        let is_free = |size: &Polynomial, other: &Polynomial| {
            let symbol = size.single()?.clone();
            let is_parameter = variables.integers.values().any(|integer| *integer == symbol);
            (!is_parameter && is_sayable(other) && other.symbols().all(|other| *other != symbol)).then_some(symbol)
        };
        // The one that was named later gives way.
        let pairs = [(left, right), (right, left)];
        let mut choices: Vec<(Symbol, &Polynomial)> =
            pairs.into_iter().filter_map(|(size, other)| Some((is_free(size, other)?, other))).collect();
        choices.sort_by(|one, other| one.0.cmp(&other.0));
        let Some((symbol, length)) = choices.pop() else {
            let is_left_last = left.symbols().max() > right.symbols().max();
            let (first, last) = if is_left_last { (right, left) } else { (left, right) };
            let whole = self.declared_whole(last, first).or_else(|| self.declared_whole(first, last));
            return whole.filter(|_| is_sayable(left) && is_sayable(right));
        };
        self.declared_as(&|size| {
            let has_it = size.symbols().any(|other| *other == symbol);
            has_it.then(|| size.replaced(&|other| (*other == symbol).then(|| length.clone())))
        })
    }

    /// The same for two lengths of which none is a size alone: one is declared as the other. Its sizes must stand in another
    /// parameter's type, or be needed no more.
    fn declared_whole(&self, size: &Polynomial, other: &Polynomial) -> Option<String> {
        let Definition { function, variables } = self.definition.as_ref()?;
        let has_size = |length: &Polynomial| length.symbols().any(|symbol| size.symbols().any(|of| of == symbol));
        if has_size(other) || variables.integers.values().any(|integer| has_size(&integer.into())) {
            return None;
        }
        let stands_elsewhere = Cell::new(false);
        let help = self.declared_as(&|length| {
            stands_elsewhere.set(stands_elsewhere.get() || length != size && has_size(length));
            (length == size).then(|| other.clone())
        });
        let in_result = |result| variables.written(result, &|length| has_size(length).then(|| length.clone()));
        let is_needed = function.result.as_ref().and_then(in_result).is_some_and(|(_, is_there)| is_there);
        help.filter(|_| stands_elsewhere.get() || !is_needed)
    }

    /// The parameters whose types other lengths change, as they would be written.
    fn declared_as(&self, put: PutLength) -> Option<String> {
        let Definition { function, variables } = self.definition.as_ref()?;
        let redeclared = function.parameters.iter().filter_map(|parameter| {
            let (text, is_other) = variables.written(parameter.declared.as_ref()?, put)?;
            is_other.then(|| format!("`{}: {text}`", parameter.name.text))
        });
        let redeclared: Vec<String> = redeclared.collect();
        (!redeclared.is_empty()).then(|| format!("declare the two lengths as one: {}", redeclared.join(" and ")))
    }

    pub(super) fn variable(&mut self, name: &str) -> Symbol {
        self.symbol_count += 1;
        Symbol::variable(self.symbol_count, name)
    }
}
