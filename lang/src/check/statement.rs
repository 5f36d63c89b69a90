//! Statements: what a program's names come to stand for.

use super::{Binding, Checker, Checks, Reported};
use crate::ast::{self, BinaryOperator, Expression, ExpressionKind, Statement, StatementKind, Target};
use crate::declaration::Operand;
use crate::diagnostic::Diagnostic;
use crate::graph::{NodeKind, SourceAxis};
use crate::source::Span;
use crate::types::ArrayType;
use crate::value::{Closure, Value};
use std::sync::Arc;

impl Checker<'_> {
    /// Checks a statement; the value is an expression statement's.
    pub(super) fn statement(&mut self, statement: &Statement) -> Checks<Option<Value<Operand>>> {
        let outer = self.placement.clone();
        for annotation in &statement.annotations {
            self.place(annotation)?;
        }
        let result = self.unplaced_statement(statement);
        self.placement = outer;
        result
    }

    fn unplaced_statement(&mut self, statement: &Statement) -> Checks<Option<Value<Operand>>> {
        match &statement.kind {
            StatementKind::Expression(expression) => self.expression(expression).map(Some),
            StatementKind::Assign { target, value } => {
                let checked = self.expression(value).and_then(|known| self.valued(known, value));
                self.assign(target, checked)?;
                self.set_origins(target, value.span);
                Ok(None)
            }
            StatementKind::Update { name, subscripts: None, operator: Some((operator, span)), value } => {
                let updated = self.update(name, *operator, *span, value, statement.span);
                self.bind(&name.text, updated);
                Ok(None)
            }
            StatementKind::Update { name, value, .. } => {
                let result = self.not_built("assigning to a part of an array", statement.span, "");
                let _ = self.expression(value);
                self.bind(&name.text, Err(result));
                Err(result)
            }
            StatementKind::Function(function) => {
                if let Some(name) = &function.name {
                    if let Err(reported) = self.parameters(function) {
                        self.bind(&name.text, Err(reported));
                        return Err(reported);
                    }
                    let captured = self.close_over(function);
                    let value = Value::Function(Arc::new(Closure { function: function.clone(), captured }));
                    self.bind(&name.text, Ok(value));
                }
                Ok(None)
            }
            StatementKind::For { target, sequence, .. } => {
                let span = Span { end: sequence.span.end, ..statement.span };
                let result = self.not_built(
                    "`for`",
                    span,
                    "a comprehension `[… for x in xs]` computes one value for each element",
                );
                self.forget(target, &statement.kind);
                Err(result)
            }
            StatementKind::While { condition, .. } => {
                let span = Span { end: condition.span.end, ..statement.span };
                let result = self.not_built("`while`", span, "");
                self.forget(&Target::Tuple(Vec::new(), span), &statement.kind);
                Err(result)
            }
            StatementKind::Break => Err(self.not_built("`break`", statement.span, "")),
            StatementKind::Continue => Err(self.not_built("`continue`", statement.span, "")),
            StatementKind::Import { .. } => Err(self.not_built("`import`", statement.span, "")),
            StatementKind::Error => Err(Reported),
        }
    }

    /// Refuses the value of an `if` without `else` where a value is needed.
    pub(super) fn valued(&mut self, value: Value<Operand>, expression: &Expression) -> Checks<Value<Operand>> {
        match (&value, &expression.kind) {
            (Value::None, ExpressionKind::If { otherwise: None, .. }) => {
                let diagnostic = Diagnostic::error("E0318", "an `if` without `else` has no value", expression.span, "");
                Err(self.report(diagnostic.help("say what it is otherwise: `if c { … } else { … }`")))
            }
            _ => Ok(value),
        }
    }

    /// Checks a function's parameters where it is defined: each name once, defaults last, dtypes known.
    pub(super) fn parameters(&mut self, function: &ast::Function) -> Checks<()> {
        let mut defaulted: Option<&ast::Name> = None;
        let mut result = Ok(());
        for (index, parameter) in function.parameters.iter().enumerate() {
            let (name, earlier) = (&parameter.name, &function.parameters[..index]);
            if let Some(first) = earlier.iter().find(|other| other.name.text == name.text) {
                let diagnostic =
                    Diagnostic::error("E0213", format!("two parameters are named `{}`", name.text), name.span, "again");
                result = Err(self.report(diagnostic.label(first.name.span, "first").help("give each its own name")));
            }
            match (&parameter.default, defaulted) {
                (Some(_), _) => defaulted = Some(name),
                (None, Some(before)) => {
                    let message =
                        format!("`{}` has no default, and stands after `{}`, which has one", name.text, before.text);
                    let diagnostic =
                        Diagnostic::error("E0214", message, name.span, "").label(before.span, "has a default");
                    result = Err(self.report(diagnostic.help("put the parameters with defaults last")));
                }
                (None, None) => {}
            }
        }
        let declared = function.parameters.iter().filter_map(|parameter| parameter.declared.as_ref());
        for declared in declared.chain(&function.result) {
            result = self.known_dtypes(declared).and(result);
        }
        result
    }

    /// Reports that something is part of the language and cannot run yet.
    pub(crate) fn not_built(&mut self, what: &str, span: Span, help: &str) -> Reported {
        let diagnostic = Diagnostic::error("E0401", format!("{what} is not built yet"), span, "");
        self.report(if help.is_empty() { diagnostic } else { diagnostic.help(help) })
    }

    /// Names that a statement which cannot run would have changed: later uses of them are not errors of their own.
    fn forget(&mut self, target: &Target, kind: &StatementKind) {
        let mut names = Vec::new();
        super::names::target_names(target, &mut names);
        let (StatementKind::For { body, .. } | StatementKind::While { body, .. }) = kind else { return };
        assigned_names(body, &mut names);
        for name in names {
            self.bind(&name, Err(Reported));
        }
    }

    /// Makes a name stand for a value, in the function or in the program.
    pub(super) fn bind(&mut self, name: &Arc<str>, value: Checks<Value<Operand>>) {
        self.rebind(
            name,
            match value {
                Ok(value) => Binding::Value(value),
                Err(Reported) => Binding::Broken,
            },
        );
    }

    /// The same, whatever is known of the value.
    pub(super) fn rebind(&mut self, name: &Arc<str>, binding: Binding) {
        match self.frames.last_mut() {
            Some(frame) => {
                frame.locals.insert(name.clone(), binding);
            }
            None => {
                self.record_assigned(name);
                self.globals.insert(name.clone(), binding);
            }
        }
    }

    /// Notes that the program gives one of its own names a value.
    pub(super) fn record_assigned(&mut self, name: &Arc<str>) {
        self.changes += 1;
        if self.assigned_set.insert(name.clone()) {
            self.assigned.push(name.clone());
        }
    }

    /// `target = value`, taking tuples apart.
    pub(super) fn assign(&mut self, target: &Target, value: Checks<Value<Operand>>) -> Checks<()> {
        match (target, value) {
            (Target::Name(name), value) => {
                let failed = value.is_err();
                self.bind(&name.text, value);
                if failed { Err(Reported) } else { Ok(()) }
            }
            (Target::Tuple(targets, _), Err(reported)) => {
                for target in targets {
                    let _ = self.assign(target, Err(reported));
                }
                Err(Reported)
            }
            (Target::Tuple(targets, span), Ok(value)) => match self.elements(&value, targets.len(), *span) {
                Ok(values) => {
                    for (target, value) in targets.iter().zip(values) {
                        self.assign(target, Ok(value))?;
                    }
                    Ok(())
                }
                Err(reported) => self.assign(target, Err(reported)),
            },
        }
    }

    /// Notes where the names of a target get their values.
    pub(super) fn set_origins(&mut self, target: &Target, place: Span) {
        let mut names = Vec::new();
        super::names::target_names(target, &mut names);
        names.iter().for_each(|name| self.set_origin(name, place));
    }

    /// A value taken apart into `count` parts: a tuple's, or an array's along its first axis.
    fn elements(&mut self, value: &Value<Operand>, count: usize, span: Span) -> Checks<Vec<Value<Operand>>> {
        let found = match value {
            Value::Tuple(values) if values.len() == count => return Ok(values.clone()),
            Value::Tuple(values) => values.len(),
            Value::Array(operand) if self.type_of(*operand).rank() > 0 => {
                let length = self.type_of(*operand).shape[0];
                if length == count {
                    return Ok((0..count).map(|index| Value::Array(self.element(*operand, index, span))).collect());
                }
                length
            }
            other => {
                let found = self.describe(other);
                let message = format!("{found} cannot be taken apart into {count} names");
                let diagnostic = Diagnostic::error("E0313", message, span, format!("{count} names"));
                return Err(self.report(diagnostic.help("write one name for it")));
            }
        };
        let text = self.describe(value);
        let values = if found == 1 { "1 value".to_string() } else { format!("{found} values") };
        Err(self.report(
            Diagnostic::error(
                "E0313",
                format!("{values} for {count} names"),
                span,
                format!("{count} names for {text}"),
            )
            .help(format!("write {found} names")),
        ))
    }

    /// The element of an array at an index of its first axis.
    pub(super) fn element(&mut self, operand: Operand, index: usize, span: Span) -> Operand {
        let source = self.type_of(operand).clone();
        let mut axes = vec![SourceAxis { start: index, step: 0, axis: None }];
        axes.extend((1..source.rank()).map(|axis| SourceAxis { start: 0, step: 1, axis: Some(axis - 1) }));
        let value = self.resolve(operand);
        let kind = NodeKind::View { value, axes };
        Operand { weak: operand.weak, ..self.add(kind, ArrayType::new(source.dtype, &source.shape[1..]), span) }
    }

    /// `name += value`: the name keeps its dtype and shape.
    fn update(
        &mut self,
        name: &ast::Name,
        operator: BinaryOperator,
        operator_span: Span,
        value: &Expression,
        span: Span,
    ) -> Checks<Value<Operand>> {
        let before = self.look_up(&name.text, name.span)?;
        let right = self.expression(value)?;
        let after = self.operator(
            operator.symbol(),
            operator_span,
            vec![(before.clone(), name.span), (right, value.span)],
            span,
        )?;
        let (Value::Array(old), Value::Array(new)) = (&before, &after) else { return Ok(after) };
        if old.weak {
            return Ok(after);
        }
        let (old_type, new_type) = (self.type_of(*old).clone(), self.type_of(*new).clone());
        if old_type.shape != new_type.shape || old_type.dtype.kind() < new_type.dtype.kind() {
            let symbol = operator.symbol();
            return Err(self.report(
                Diagnostic::error(
                    "E0314",
                    format!("`{symbol}=` would change `{}` from {old_type} to {new_type}", name.text),
                    span,
                    format!("gives {new_type}"),
                )
                .label(name.span, format!("{old_type}"))
                .help(format!("write `{0} = {0} {symbol} …` to give the name a value of another type", name.text)),
            ));
        }
        Ok(Value::Array(self.cast(*new, old_type.dtype, span)))
    }

    /// Checks a block; its value is its last statement's.
    pub(super) fn block(&mut self, block: &ast::Block) -> Checks<Value<Operand>> {
        let mut last = Ok(None);
        let mut failed = false;
        for statement in &block.statements {
            last = self.statement(statement);
            failed |= last.is_err();
            if self.refused {
                break;
            }
        }
        if failed {
            return Err(Reported);
        }
        Ok(last?.unwrap_or(Value::None))
    }
}

/// The names that a block assigns.
pub(super) fn assigned_names(block: &ast::Block, names: &mut Vec<Arc<str>>) {
    for statement in &block.statements {
        match &statement.kind {
            StatementKind::Assign { target, .. } => super::names::target_names(target, names),
            StatementKind::Update { name, .. } => names.push(name.text.clone()),
            StatementKind::Function(function) => names.extend(function.name.iter().map(|name| name.text.clone())),
            StatementKind::For { target, body, .. } => {
                super::names::target_names(target, names);
                assigned_names(body, names);
            }
            StatementKind::While { body, .. } => assigned_names(body, names),
            _ => {}
        }
    }
}
