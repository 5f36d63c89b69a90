//! Functions whose parameters all have types are checked where they are defined, for all sizes.
//!
//! The body is walked once with arguments that stand for all that fit the types: a size that a type names is a variable, and what is
//! not equal for every value of it is an error. A kind (`float[n]`) is represented by its widest dtype.

use super::{Binding, Checker, Checks, Frame, Level, Reported};
use crate::ast::{self, DimensionExpression, ExpressionKind, TypeExpression, TypeExpressionKind};
use crate::declaration::Operand;
use crate::diagnostic::Diagnostic;
use crate::dtype::{DType, Kind};
use crate::length::{Length, Polynomial, Symbol};
use crate::source::Span;
use crate::types::{ArrayType, Type};
use crate::value::{Closure, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What stands for the numbers that the types of a function leave open.
#[derive(Default)]
struct Variables {
    /// The sizes that its types name.
    sizes: BTreeMap<Arc<str>, Symbol>,
    /// Its integer parameters, after which a type may name a size, too.
    integers: BTreeMap<Arc<str>, Symbol>,
}

impl Checker<'_> {
    /// Checks a function for all arguments that fit its types, when each parameter has one.
    pub(super) fn check_definition(&mut self, closure: &Arc<Closure<Operand>>) -> Checks<()> {
        let function = closure.function.clone();
        let is_typed = !function.parameters.is_empty() && function.parameters.iter().all(|one| one.declared.is_some());
        if !is_typed || self.is_defining {
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
        let mut sizes = super::declared::Sizes::default();
        let mut frame = Frame::of(closure, self.is_closed(function.span.source), Span::default());
        for (parameter, value) in function.parameters.iter().zip(arguments) {
            if let Value::Array(operand) = &value
                && self.is_integer(*operand)
            {
                sizes.integers.insert(parameter.name.text.clone(), *operand);
            }
            frame.locals.insert(parameter.name.text.clone(), Binding::Value(value));
        }
        for (name, symbol) in &variables.sizes {
            let length = Length::of(Polynomial::from(symbol)).ok_or(Reported)?;
            sizes.known.insert(name.clone(), (length, function.span));
        }
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
        match &size.kind {
            ExpressionKind::Integer(value) => i64::try_from(*value).ok().map(Polynomial::from),
            ExpressionKind::Name(name) => {
                let known = variables.sizes.get(&name.text).or_else(|| variables.integers.get(&name.text));
                let symbol = match known {
                    Some(symbol) => symbol.clone(),
                    None => {
                        let symbol = self.variable(&name.text);
                        variables.sizes.insert(name.text.clone(), symbol.clone());
                        symbol
                    }
                };
                Some(Polynomial::from(&symbol))
            }
            ExpressionKind::Unary { operator: ast::UnaryOperator::Negative, operand, .. } => {
                Some(Polynomial::from(0).minus(&self.stand_in_size(operand, variables)?))
            }
            ExpressionKind::Binary { operator, left, right, .. } => {
                let (left, right) = (self.stand_in_size(left, variables)?, self.stand_in_size(right, variables)?);
                match operator {
                    ast::BinaryOperator::Add => Some(left.plus(&right)),
                    ast::BinaryOperator::Subtract => Some(left.minus(&right)),
                    ast::BinaryOperator::Multiply => left.times(&right),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn variable(&mut self, name: &str) -> Symbol {
        self.symbol_count += 1;
        Symbol::variable(self.symbol_count, name)
    }
}
