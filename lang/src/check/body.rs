//! What may run never or many times, as graphs of their own: `if` with a condition that only the run can tell, comprehensions.

use super::memo::key_of;
use super::{Binding, Checker, Checks, Level, Reported};
use crate::ast::{Block, Clause, Expression, ExpressionKind};
use crate::declaration::{Advice, Operand};
use crate::diagnostic::Diagnostic;
use crate::dtype::DType;
use crate::graph::{Effect, Graph, Node, NodeId, NodeKind, SourceAxis};
use crate::promotion::common;
use crate::source::Span;
use crate::types::ArrayType;
use crate::value::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// A body that was walked: its graph without outputs, what it took from around it, and what it gives.
struct Walked {
    level: Level,
    value: Value<Operand>,
    names: HashMap<Arc<str>, Binding>,
}

impl Checker<'_> {
    /// `if condition { … } else { … }`.
    pub(super) fn conditional(
        &mut self,
        condition: &Expression,
        then: &Block,
        otherwise: Option<&Expression>,
        span: Span,
    ) -> Checks<Value<Operand>> {
        let value = self.expression(condition)?;
        let Value::Array(operand) = value else {
            let found = self.describe(&value);
            let message = format!("a condition is a bool, not {found}");
            let diagnostic = Diagnostic::error("E0306", message, condition.span, found);
            return Err(self.report(diagnostic.help("write a comparison, or `true`")));
        };
        let found = self.type_of(operand).clone();
        if found.rank() > 0 {
            return Err(self.report(
                Diagnostic::error(
                    "E0306",
                    format!("a condition is one bool, not {found}"),
                    condition.span,
                    found.to_string(),
                )
                .help(self.library.advice(Advice::ChooseByElement)),
            ));
        }
        if found.dtype != DType::Bool {
            return Err(self.report(
                Diagnostic::error(
                    "E0306",
                    format!("a condition is a bool, not {found}"),
                    condition.span,
                    found.to_string(),
                )
                .help("compare it: `x != 0`"),
            ));
        }
        match (self.constant_of(operand), otherwise) {
            (Some(known), _) if known.as_integer() == Some(1) => self.block(then),
            (Some(_), Some(otherwise)) => self.expression(otherwise),
            (Some(_), None) => Ok(Value::None),
            (None, _) => self.branches(operand, then, otherwise, span),
        }
    }

    fn branches(
        &mut self,
        condition: Operand,
        then: &Block,
        otherwise: Option<&Expression>,
        span: Span,
    ) -> Checks<Value<Operand>> {
        let before = self.own_names();
        let first = self.walk(&[], |checker| checker.block(then));
        self.restore_names(&before);
        let second = self.walk(&[], |checker| match otherwise {
            Some(otherwise) => checker.expression(otherwise),
            None => Ok(Value::None),
        });
        self.restore_names(&before);
        let (mut first, mut second) = (first?, second?);
        let mut pairs = Vec::new();
        let names = changed_names(&before, &first.names, &second.names);
        let mut sides = Vec::new();
        for name in &names {
            let previous = self.previous(name, span);
            let of = |walked: &Walked| walked.names.get(name).cloned().or_else(|| previous.clone());
            let side = match (of(&first), of(&second)) {
                (Some(Binding::Value(a)), Some(Binding::Value(b))) => {
                    pairs.push((a, b));
                    sides.push(None);
                    continue;
                }
                (Some(Binding::Broken), _) | (_, Some(Binding::Broken)) => Binding::Broken,
                _ => Binding::OneSided(span),
            };
            pairs.push((Value::None, Value::None));
            sides.push(Some(side));
        }
        let has_value = otherwise.is_some();
        if has_value {
            pairs.push((first.value.clone(), second.value.clone()));
        }
        let mut outputs = (Vec::new(), Vec::new());
        let mut shapes = Vec::new();
        for (position, (a, b)) in pairs.iter().enumerate() {
            let name = names.get(position).cloned();
            let places = Sides { whole: span, then: last_place(then), otherwise: otherwise.map(last_place_of) };
            shapes.push(self.unify(&mut first, &mut second, a, b, &mut outputs, name.as_deref(), places)?);
        }
        let types: Vec<ArrayType> =
            outputs.0.iter().map(|id| first.level.builder.graph().node(*id).array_type().clone()).collect();
        let (then_graph, otherwise_graph, captured, has_effects) = close_branches(first.level, second.level, outputs);
        let level = self.depth_of_levels();
        let condition = self.resolve(condition);
        let kind =
            NodeKind::If { condition, then: Arc::new(then_graph), otherwise: Arc::new(otherwise_graph), captured };
        let node = self.add_all(kind, types.clone(), span);
        if has_effects {
            self.level().effects.push(Effect::Run(node.node));
        }
        let mut results = shapes.into_iter().map(|shape| {
            shape.map(&mut |(index, weak): &(usize, bool)| {
                let kind = NodeKind::Part { value: node.node, index: *index as u32 };
                let part = if types.len() == 1 { node } else { self.add(kind, types[*index].clone(), span) };
                Operand { level, weak: *weak, ..part }
            })
        });
        let values: Vec<Value<Operand>> = results.by_ref().collect();
        for ((name, value), side) in names.iter().zip(&values).zip(sides) {
            self.rebind(name, side.unwrap_or_else(|| Binding::Value(value.clone())));
        }
        Ok(if has_value { values[names.len()].clone() } else { Value::None })
    }

    /// Walks a body in a graph of its own, with the given inputs first.
    fn walk(
        &mut self,
        inputs: &[(ArrayType, Span)],
        body: impl FnOnce(&mut Self) -> Checks<Value<Operand>>,
    ) -> Checks<Walked> {
        let mut level = Level::new();
        for (array_type, span) in inputs {
            level.builder.input("element".into(), array_type.clone(), *span);
        }
        self.levels.push(level);
        let value = body(self);
        let names = self.own_names();
        let value = value.map(|value| {
            // Outputs of a body are nodes of the body, whatever graph they came from.
            let level = self.depth_of_levels();
            value.map(&mut |operand| Operand { level, node: self.resolve(*operand), weak: operand.weak })
        });
        let level = self.levels.pop().unwrap_or_else(Level::new);
        Ok(Walked { level, value: value?, names })
    }

    /// What a name stood for before a body that assigns it, when the innermost scope itself did not define it.
    fn previous(&mut self, name: &Arc<str>, span: Span) -> Option<Binding> {
        match self.frames.last() {
            Some(frame) => frame.captured.get(name).cloned().map(Binding::Value),
            None => self.global(name, span),
        }
    }

    /// The names of the innermost function, or of the program.
    fn own_names(&self) -> HashMap<Arc<str>, Binding> {
        match self.frames.last() {
            Some(frame) => frame.locals.clone(),
            None => self.globals.clone(),
        }
    }

    fn restore_names(&mut self, names: &HashMap<Arc<str>, Binding>) {
        match self.frames.last_mut() {
            Some(frame) => frame.locals = names.clone(),
            None => {
                self.changes += 1;
                self.globals = names.clone();
            }
        }
    }

    /// Two branches' values as one: the arrays become outputs of both, in one order.
    #[allow(clippy::too_many_arguments)]
    fn unify(
        &mut self,
        first: &mut Walked,
        second: &mut Walked,
        a: &Value<Operand>,
        b: &Value<Operand>,
        outputs: &mut (Vec<NodeId>, Vec<NodeId>),
        name: Option<&str>,
        places: Sides,
    ) -> Checks<Value<(usize, bool)>> {
        let span = places.whole;
        match (a, b) {
            (Value::Tuple(left), Value::Tuple(right)) if left.len() == right.len() => {
                let mut values = Vec::new();
                for (a, b) in left.iter().zip(right) {
                    values.push(self.unify(first, second, a, b, outputs, name, places)?);
                }
                Ok(Value::Tuple(values))
            }
            (Value::Array(left), Value::Array(right)) => {
                let left_node = self.enter(&mut first.level, *left, span);
                let right_node = self.enter(&mut second.level, *right, span);
                let left_type = first.level.builder.graph().node(left_node).array_type().clone();
                let right_type = second.level.builder.graph().node(right_node).array_type().clone();
                if left_type.shape != right_type.shape {
                    let help = "give both sides one shape".to_string();
                    return Err(self.branch_types(&left_type.to_string(), &right_type.to_string(), help, name, places));
                }
                let numerics = [(left_type.dtype, left.weak), (right_type.dtype, right.weak)]
                    .map(|(dtype, weak)| crate::promotion::Numeric { dtype, weak });
                let common = common(&numerics);
                if common.dtype != left_type.dtype && !left.weak || common.dtype != right_type.dtype && !right.weak {
                    let help = format!("cast both sides to one dtype: `{}(x)`", common.dtype);
                    return Err(self.branch_types(&left_type.to_string(), &right_type.to_string(), help, name, places));
                }
                outputs.0.push(cast_in(&mut first.level, left_node, common.dtype, span));
                outputs.1.push(cast_in(&mut second.level, right_node, common.dtype, span));
                Ok(Value::Array((outputs.0.len() - 1, common.weak)))
            }
            (Value::Array(_) | Value::Tuple(_), _) | (_, Value::Array(_) | Value::Tuple(_)) => {
                let (left, right) = (self.describe_in(&first.level, a), self.describe_in(&second.level, b));
                let help = "give both sides a value of one kind".to_string();
                Err(self.branch_types(&left, &right, help, name, places))
            }
            (Value::None, Value::None) => Ok(Value::None),
            _ => Err(self.not_built("an `if` whose value is not made of arrays", span, "")),
        }
    }

    /// An operand in a finished body: through the graphs between, as an input.
    fn enter(&mut self, level: &mut Level, operand: Operand, span: Span) -> NodeId {
        if operand.level as usize == self.levels.len() {
            return operand.node;
        }
        let outside = self.resolve(operand);
        if let Some(known) = level.imports.get(&outside) {
            return *known;
        }
        let node = self.level().builder.graph().node(outside).clone();
        let imported = match node.kind {
            NodeKind::Constant(_) | NodeKind::Literal(_) => level.builder.add(node.kind, node.types, node.span, None),
            _ => {
                level.captured.push(outside);
                level.builder.input("captured".into(), node.types[0].clone(), span)
            }
        };
        level.imports.insert(outside, imported);
        imported
    }

    fn branch_types(&mut self, left: &str, right: &str, help: String, name: Option<&str>, places: Sides) -> Reported {
        let what = match name {
            Some(name) => format!("`{name}` is {left} after one branch and {right} after the other"),
            None => format!("the branches give {left} and {right}"),
        };
        // A name's value is somewhere in its branch; the branch's own value is its end.
        let diagnostic = match (name, places.otherwise) {
            (None, Some(otherwise)) => {
                Diagnostic::error("E0307", what, places.then, left).label(otherwise, right.to_string())
            }
            _ => Diagnostic::error("E0307", what, places.whole, ""),
        };
        self.report(diagnostic.help(help))
    }

    /// `[element for target in sequence …]`.
    pub(super) fn comprehension(
        &mut self,
        element: &Expression,
        clauses: &[Clause],
        condition: Option<&Expression>,
        span: Span,
    ) -> Checks<Value<Operand>> {
        if let Some(condition) = condition {
            return Err(self.not_built(
                "`if` in a comprehension",
                condition.span,
                self.library.advice(Advice::KeepShape),
            ));
        }
        let Some((clause, rest)) = clauses.split_first() else {
            return self.expression(element);
        };
        let sequence = self.expression(&clause.sequence)?;
        let walked_values = match &sequence {
            Value::Array(operand) => vec![*operand],
            Value::Tuple(values) => return self.over_tuple(values, element, clause, rest, span),
            Value::Zip(values) if values.iter().all(|value| matches!(value, Value::Array(_))) => values
                .iter()
                .filter_map(|value| if let Value::Array(operand) = value { Some(*operand) } else { None })
                .collect(),
            other => {
                let found = self.describe(other);
                let message = format!("a comprehension walks an array or a tuple, not {found}");
                let diagnostic = Diagnostic::error("E0303", message, clause.sequence.span, found);
                return Err(self.report(diagnostic.help("write the values in `( )` or `[ ]`")));
            }
        };
        let mut inputs = Vec::new();
        let mut length: Option<usize> = None;
        for operand in &walked_values {
            let array_type = self.type_of(*operand).clone();
            let Some((first, inner)) = array_type.shape.split_first() else {
                return Err(self.report(
                    Diagnostic::error(
                        "E0303",
                        format!("a comprehension walks an axis, and {array_type} has none"),
                        clause.sequence.span,
                        array_type.to_string(),
                    )
                    .help(self.library.advice(Advice::WalkNumbers)),
                ));
            };
            // Arrays that are walked together end with the shortest, as in Python.
            length = Some(length.map_or(*first, |shortest| shortest.min(*first)));
            inputs.push((ArrayType::new(array_type.dtype, inner), clause.sequence.span));
        }
        let length = length.unwrap_or(0);
        let is_zip = matches!(sequence, Value::Zip(_));
        let mapped: Vec<NodeId> =
            walked_values.iter().map(|operand| self.first_elements(*operand, length, clause.sequence.span)).collect();
        let before = self.own_names();
        let walked = self.walk(&inputs, |checker| {
            let level = checker.depth_of_levels();
            let elements: Vec<Value<Operand>> = (0..inputs.len() as u32)
                .map(|index| Value::Array(Operand { level, node: NodeId(index), weak: false }))
                .collect();
            let value = if is_zip { Value::Tuple(elements) } else { elements[0].clone() };
            checker.assign_quietly(&clause.target, value)?;
            checker.set_origins(&clause.target, clause.sequence.span);
            checker.comprehension(element, rest, None, span)
        });
        self.restore_names(&before);
        self.finish_map(walked?, mapped, length, element, span)
    }

    /// The first elements of an array along its first axis, as a node of the innermost graph.
    fn first_elements(&mut self, operand: Operand, length: usize, span: Span) -> NodeId {
        let source = self.type_of(operand).clone();
        let value = self.resolve(operand);
        if source.shape[0] == length {
            return value;
        }
        let axes = (0..source.rank()).map(|axis| SourceAxis { start: 0, step: 1, axis: Some(axis) }).collect();
        let shape = [&[length], &source.shape[1..]].concat();
        self.add(NodeKind::View { value, axes }, ArrayType::new(source.dtype, shape), span).node
    }

    /// Assigns a loop's names without making them names of the program.
    fn assign_quietly(&mut self, target: &crate::ast::Target, value: Value<Operand>) -> Checks<()> {
        let assigned = self.assigned.len();
        let result = self.assign(target, Ok(value));
        for name in self.assigned.drain(assigned..) {
            self.assigned_set.remove(&name);
        }
        result
    }

    fn over_tuple(
        &mut self,
        values: &[Value<Operand>],
        element: &Expression,
        clause: &Clause,
        rest: &[Clause],
        span: Span,
    ) -> Checks<Value<Operand>> {
        let before = self.own_names();
        let mut results = Vec::new();
        for value in values {
            let result = match self.assign_quietly(&clause.target, value.clone()) {
                Ok(()) => self.comprehension(element, rest, None, span),
                Err(reported) => Err(reported),
            };
            self.restore_names(&before);
            results.push(result?);
        }
        Ok(Value::Tuple(results))
    }

    fn finish_map(
        &mut self,
        walked: Walked,
        mapped: Vec<NodeId>,
        length: usize,
        element: &Expression,
        span: Span,
    ) -> Checks<Value<Operand>> {
        let Walked { mut level, value, .. } = walked;
        let is_array = |value: &Value<Operand>| match value {
            Value::Array(_) => true,
            Value::Tuple(values) => values.iter().all(|value| matches!(value, Value::Array(_) | Value::Tuple(_))),
            _ => false,
        };
        if !is_array(&value) {
            let found = self.describe_in(&level, &value);
            return Err(self.report(Diagnostic::error(
                "E0303",
                format!("a comprehension's elements are arrays, not {found}"),
                element.span,
                found,
            )));
        }
        if let ExpressionKind::Error = element.kind {
            return Err(Reported);
        }
        let mut outputs = Vec::new();
        let shape = value.map(&mut |operand: &Operand| {
            outputs.push(operand.node);
            outputs.len() - 1
        });
        let graph = level.builder.graph_mut();
        let types: Vec<ArrayType> = outputs
            .iter()
            .map(|id| graph.node(*id).array_type())
            .map(|one| ArrayType::new(one.dtype, [&[length], one.shape.as_slice()].concat()))
            .collect();
        graph.outputs = outputs;
        let has_effects = !level.effects.is_empty();
        let captured = level.captured;
        let mut body = level.builder.finish();
        body.effects = level.effects;
        let node = self.add_all(NodeKind::Map { body: Arc::new(body), mapped, captured }, types.clone(), span);
        if has_effects {
            self.level().effects.push(Effect::Run(node.node));
        }
        Ok(shape.map(&mut |index| match types.len() {
            1 => node,
            _ => self.add(NodeKind::Part { value: node.node, index: *index as u32 }, types[*index].clone(), span),
        }))
    }

    /// A value's type in words, where its arrays may be nodes of a body that was just walked.
    fn describe_in(&self, level: &Level, value: &Value<Operand>) -> String {
        match value {
            Value::Array(operand) if operand.level as usize == self.levels.len() => {
                level.builder.graph().node(operand.node).array_type().to_string()
            }
            Value::Tuple(values) => {
                let parts: Vec<String> = values.iter().map(|value| self.describe_in(level, value)).collect();
                format!("({})", parts.join(", "))
            }
            other => self.describe(other),
        }
    }
}

/// The places of an `if` and of its branches' values.
#[derive(Clone, Copy)]
struct Sides {
    whole: Span,
    then: Span,
    otherwise: Option<Span>,
}

/// Where a block's value stands.
fn last_place(block: &Block) -> Span {
    block.statements.last().map_or(block.span, |statement| statement.span)
}

fn last_place_of(expression: &Expression) -> Span {
    match &expression.kind {
        ExpressionKind::Block(block) => last_place(block),
        _ => expression.span,
    }
}

/// The names that either branch gave another value, sorted.
fn changed_names(
    before: &HashMap<Arc<str>, Binding>,
    first: &HashMap<Arc<str>, Binding>,
    second: &HashMap<Arc<str>, Binding>,
) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = first
        .iter()
        .chain(second)
        .filter(|(name, binding)| match (before.get(*name), binding) {
            (Some(Binding::Value(old)), Binding::Value(new)) => key_of(old) != key_of(new),
            (Some(Binding::Broken), Binding::Broken) => false,
            _ => true,
        })
        .map(|(name, _)| name.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// A node of a body in another dtype.
fn cast_in(level: &mut Level, node: NodeId, dtype: DType, span: Span) -> NodeId {
    let Node { kind, types, .. } = level.builder.graph().node(node).clone();
    if types[0].dtype == dtype {
        return node;
    }
    let array_type = ArrayType::new(dtype, types[0].shape.clone());
    let kind = match kind {
        NodeKind::Constant(scalar) => NodeKind::Constant(scalar.cast(dtype)),
        _ => NodeKind::Cast(node),
    };
    level.builder.add(kind, vec![array_type], span, None)
}

/// Both branches' graphs with one list of captured arrays.
fn close_branches(
    first: Level,
    second: Level,
    outputs: (Vec<NodeId>, Vec<NodeId>),
) -> (Graph, Graph, Vec<NodeId>, bool) {
    let mut captured = first.captured.clone();
    for node in &second.captured {
        if !captured.contains(node) {
            captured.push(*node);
        }
    }
    let has_effects = !first.effects.is_empty() || !second.effects.is_empty();
    let mut inputs = first.builder.graph().inputs.clone();
    for node in captured.iter().skip(inputs.len()) {
        let index = second.captured.iter().position(|other| other == node).unwrap_or(0);
        inputs.push(second.builder.graph().inputs[index].clone());
    }
    let close = |level: Level, outputs: Vec<NodeId>| {
        let own = level.captured;
        let mut graph = level.builder.finish();
        for node in &mut graph.nodes {
            if let NodeKind::Input(index) = &mut node.kind {
                let outer = own[*index as usize];
                *index = captured.iter().position(|node| *node == outer).unwrap_or(0) as u32;
            }
        }
        graph.inputs = inputs.clone();
        graph.outputs = outputs;
        graph.effects = level.effects;
        graph
    };
    let then = close(first, outputs.0);
    let otherwise = close(second, outputs.1);
    (then, otherwise, captured, has_effects)
}
