//! Statements: what a program's names come to stand for.

use super::journal::Place;
use super::loops::is_of_the_checker;
use super::{Binding, Checker, Checks, Reported, Taken};
use crate::ast::{self, BinaryOperator, Expression, ExpressionKind, Statement, StatementKind, Target, UnaryOperator};
use crate::declaration::Operand;
use crate::diagnostic::Diagnostic;
use crate::graph::{NodeKind, SourceAxis};
use crate::source::Span;
use crate::types::ArrayType;
use crate::value::{Closure, Value};
use std::sync::Arc;

impl Checker<'_> {
    /// Checks a statement; the value is an expression statement's.
    pub(super) fn statement(&mut self, statement: &Statement, taken: Taken) -> Checks<Option<Value<Operand>>> {
        self.annotated(&statement.annotations, |checker| checker.statement_kind(statement, taken))
    }

    fn statement_kind(&mut self, statement: &Statement, taken: Taken) -> Checks<Option<Value<Operand>>> {
        match &statement.kind {
            StatementKind::Expression(expression) => self.expression_for(expression, taken).map(Some),
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
            StatementKind::Update { name, subscripts: Some(subscripts), operator, value } => {
                let new = self.expression(value).and_then(|new| self.valued(new, value));
                let updated = self.update_part(name, subscripts, *operator, (new, value.span), statement.span);
                self.bind_updated(&name.text, updated).map(|()| None)
            }
            StatementKind::Update { name, subscripts: None, operator: None, value } => {
                let checked = self.expression(value);
                self.bind(&name.text, checked);
                Ok(None)
            }
            StatementKind::Function(function) => {
                if let Some(name) = &function.name {
                    if let Err(reported) = self.parameters(function).and_then(|()| self.check_size_names(function)) {
                        self.bind(&name.text, Err(reported));
                        return Err(reported);
                    }
                    let captured = self.close_over(function);
                    let closure = Arc::new(Closure::new(function.clone(), captured));
                    let checked = self.check_definition(&closure);
                    let value = checked.and_then(|()| self.bounded(Value::Function(closure), name.span));
                    let defined = value.as_ref().map(|_| None).map_err(|reported| *reported);
                    self.bind(&name.text, value);
                    return defined;
                }
                Ok(None)
            }
            StatementKind::For { target, sequence, body } => {
                self.for_each(target, sequence, body, statement.span).map(|()| None)
            }
            StatementKind::While { condition, body } => {
                self.while_holds(condition, body, statement.span).map(|()| None)
            }
            StatementKind::Break => self.leave_turn(true, statement.span).map(|()| None),
            StatementKind::Continue => self.leave_turn(false, statement.span).map(|()| None),
            StatementKind::Import { .. } => Err(self.import_inside(statement.span)),
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
    fn rebind(&mut self, name: &Arc<str>, binding: Binding) {
        self.rebind_at(&(self.scope(), name.clone()), binding);
    }

    /// The same in a scope.
    pub(super) fn rebind_at(&mut self, place: &Place, binding: Binding) {
        if place.0 == 0 && !is_of_the_checker(place) {
            self.record_assigned(&place.1);
        }
        self.set_in_scope(place, Some(binding));
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
            (Target::Part(name, subscripts, span), value) => {
                let updated = self.update_part(name, subscripts, None, (value, *span), *span);
                self.bind_updated(&name.text, updated)
            }
        }
    }

    /// Gives a name whose part was updated its new value; a wrong update leaves its type, so that what follows can be checked.
    fn bind_updated(&mut self, name: &Arc<str>, updated: Checks<Value<Operand>>) -> Checks<()> {
        self.bind(name, Ok(updated?));
        Ok(())
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
                let length = self.type_of(*operand).shape[0].clone();
                let what = "names take an array's elements apart";
                let help = format!("write as many names as it has elements, or take the first {count}: `x[:{count}]`");
                if self.same_length_or(&length, &count.into(), (what, Some(&help)), span) {
                    return Ok((0..count).map(|index| Value::Array(self.element(*operand, index, span))).collect());
                }
                length.known().unwrap_or(0)
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
        let mut axes = vec![SourceAxis::at(index)];
        axes.extend((1..source.rank()).map(|axis| SourceAxis::along(axis - 1)));
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
                .help(match operator {
                    BinaryOperator::Divide if old_type.shape == new_type.shape => {
                        let whole = BinaryOperator::FloorDivide.symbol();
                        format!(
                            "start with floats, `{0} = {1}({0})`, or divide with `{whole}=`",
                            name.text, new_type.dtype
                        )
                    }
                    _ => format!("write `{0} = {0} {symbol} …` to give the name a value of another type", name.text),
                }),
            ));
        }
        Ok(Value::Array(self.cast(*new, old_type.dtype, span)))
    }

    /// Checks a block; its value is its last statement's.
    pub(super) fn block(&mut self, block: &ast::Block, taken: Taken) -> Checks<Value<Operand>> {
        self.statements(&block.statements, taken)
    }

    /// A value that is computed and dropped in the middle of a block: often the second half of a line that was broken before
    /// its operator, or a method that another language has change the array. `known` is the value where nothing else happened.
    pub(super) fn note_unused(&mut self, statement: &Statement, known: Option<&Value<Operand>>, follows_another: bool) {
        let StatementKind::Expression(value) = &statement.kind else { return };
        if let (ExpressionKind::Call { function, arguments }, Some(known)) = (&value.kind, known) {
            return self.note_unused_call(value, function, arguments, known);
        }
        let is_operator = matches!(
            value.kind,
            ExpressionKind::Unary { .. } | ExpressionKind::Binary { .. } | ExpressionKind::Chain { .. }
        );
        if !is_operator {
            return;
        }
        let note = Diagnostic::note("N0302", "the value of this line is not used", value.span, "");
        let help = match leading_sign(statement).filter(|_| follows_another) {
            Some(sign) => {
                format!("to go on with the line before, end that line with `{sign}`, or put all of it in `( )`")
            }
            None => "give it a name, or leave it out".to_string(),
        };
        let _ = self.report(note.help(help));
    }

    /// The same for a call of one of the library's functions, none of which changes its argument.
    fn note_unused_call(
        &mut self,
        call: &Expression,
        function: &Expression,
        arguments: &[ast::Argument],
        known: &Value<Operand>,
    ) {
        let (name, first) = match (&function.kind, arguments) {
            (ExpressionKind::Property { base, name }, _) => (name, Some(&**base)),
            (ExpressionKind::Name(name), [first, ..]) => (name, Some(&first.value)),
            (ExpressionKind::Name(name), []) => (name, None),
            _ => return,
        };
        let is_library = self.library.find(&name.text).is_some() || self.library.prelude(&name.text).is_some();
        if !is_library || matches!(known, Value::None) || self.is_assigned(&name.text, name.span) {
            return;
        }
        let changed = first.and_then(|first| match &first.kind {
            ExpressionKind::Name(changed) => {
                let before = self.look_up(&changed.text, changed.span).ok()?;
                let is_array = matches!(known, Value::Array(operand) if self.type_of(*operand).rank() > 0);
                (is_array && self.describe(&before) == self.describe(known)).then_some(changed)
            }
            _ => None,
        });
        let note = Diagnostic::note("N0302", "the value of this line is not used", call.span, "");
        let help = match (changed, &function.kind) {
            (Some(changed), ExpressionKind::Property { .. }) => {
                let inner = if arguments.is_empty() { "" } else { "…" };
                format!("`{0}` stays as it is: to change it write `{0} = {0}.{1}({inner})`", changed.text, name.text)
            }
            (Some(changed), _) => {
                format!("`{0}` stays as it is: to change it write `{0} = {1}({0})`", changed.text, name.text)
            }
            (None, _) => "give it a name, or leave it out".to_string(),
        };
        let _ = self.report(note.help(help));
    }

    /// The same for statements: what follows one that may leave the turn of a loop happens only if it did not.
    pub(super) fn statements(&mut self, statements: &[Statement], taken: Taken) -> Checks<Value<Operand>> {
        let mut last = Ok(None);
        let mut failed = false;
        for (index, statement) in statements.iter().enumerate() {
            let changes = self.changes;
            let rest = &statements[index + 1..];
            last = self.statement(statement, if rest.is_empty() { taken } else { Taken::Never });
            failed |= last.is_err();
            if self.refused {
                break;
            }
            if let (false, false, Ok(value)) = (rest.is_empty(), statement.silent, &last) {
                let happened = self.changes != changes;
                let value = value.clone().filter(|_| !happened);
                self.note_unused(statement, value.as_ref(), index > 0);
            }
            if !rest.is_empty() && self.may_leave_turn() {
                let followed = self.unless_left(statement.span, &mut |checker| checker.statements(rest, Taken::Never));
                return if failed { Err(Reported) } else { followed };
            }
        }
        if failed {
            return Err(Reported);
        }
        Ok(last?.unwrap_or(Value::None))
    }
}

/// The sign that an expression statement begins with.
fn leading_sign(statement: &Statement) -> Option<&'static str> {
    let StatementKind::Expression(value) = &statement.kind else { return None };
    let mut first = value;
    loop {
        match &first.kind {
            ExpressionKind::Binary { left, .. } => first = left,
            ExpressionKind::Chain { first: left, .. } => first = left,
            // In brackets it would begin further left.
            ExpressionKind::Unary { operator_span, .. } if operator_span.start != value.span.start => return None,
            ExpressionKind::Unary { operator: UnaryOperator::Negative, .. } => return Some("-"),
            ExpressionKind::Unary { operator: UnaryOperator::Positive, .. } => return Some("+"),
            _ => return None,
        }
    }
}
