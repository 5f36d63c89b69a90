//! What may run never or many times, as graphs of their own: `if` with a condition that only the run can tell, comprehensions.

use super::advice::{apart_help, choosing_help, goes_into, one_part};
use super::journal::{Changes, Place, is_made_of_arrays};
use super::loops::{assigned_in, assigned_in_expression, last_assignment, last_assignment_in_expression, leaves};
use super::memo::key_of;
use super::size::Bounds;
use super::{Binding, Checker, Checks, Level, Reported, Taken};
use crate::ast::{Block, Clause, Expression, ExpressionKind};
use crate::declaration::{Advice, Operand};
use crate::diagnostic::Diagnostic;
use crate::dtype::DType;
use crate::graph::{Effect, Graph, Node, NodeId, NodeKind, SourceAxis};
use crate::length::{Length, Polynomial, Symbol};
use crate::promotion::{Numeric, common};
use crate::source::Span;
use crate::types::{ArrayType, Type};
use crate::value::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A body that was walked: its graph without outputs, what it took from around it, and what it gives.
pub(super) struct Walked {
    pub level: Level,
    pub value: Value<Operand>,
    /// What it did to the names around it; it is undone.
    pub changes: Changes,
    /// Whether it always leaves the turn of the loop around it.
    leaves: bool,
}

/// Where a comprehension and its element are written.
#[derive(Clone, Copy)]
struct Places {
    element: Span,
    whole: Span,
}

/// What a map does with the elements of what it walks.
pub(super) type MapFunction<'w, 'a> =
    &'w mut dyn FnMut(&mut Checker<'a>, Vec<Value<Operand>>) -> Checks<Value<Operand>>;

/// What a turn of a comprehension gives, told what the clauses' names stand for.
type ElementOf<'w, 'a> = &'w mut dyn FnMut(&mut Checker<'a>, &[Value<Operand>]) -> Checks<Value<Operand>>;

/// Arrays that are walked together along their first axes.
pub(super) struct Sequence {
    /// The type of one element of each, and where they are written.
    pub elements: Vec<(Type, Span)>,
    /// The arrays, as far as the shortest goes.
    pub mapped: Vec<NodeId>,
    /// How far that is.
    pub length: Length,
    /// An element made of theirs, by index.
    pub form: Value<u32>,
    /// Between which numbers the elements of each lie, where that is known.
    pub bounds: Vec<Option<Bounds>>,
}

/// How deep bodies may lie in each other.
const DEEPEST_BODY: usize = 512;

/// Something to walk.
pub(super) type Walk<'w, 'a> = &'w mut dyn FnMut(&mut Checker<'a>) -> Checks<Value<Operand>>;

impl<'a> Checker<'a> {
    /// `if condition { … } else { … }`.
    pub(super) fn conditional(
        &mut self,
        condition: &Expression,
        then: &Block,
        otherwise: Option<&Expression>,
        span: Span,
        taken: Taken,
    ) -> Checks<Value<Operand>> {
        let operand = self.condition(condition)?;
        let sides = Sides { whole: span, bodies: Some((then, otherwise)), taken };
        match (self.constant_of(operand), otherwise) {
            (Some(known), _) if known.as_integer() == Some(1) => return self.block(then, taken),
            (Some(_), Some(otherwise)) => return self.expression_for(otherwise, taken),
            (Some(_), None) => return Ok(Value::None),
            (None, _) => {}
        }
        let mut second;
        let walk: Option<Walk> = match otherwise {
            Some(otherwise) => {
                second = |checker: &mut Self| checker.expression_for(otherwise, taken);
                Some(&mut second)
            }
            None => None,
        };
        // Without `else` there is no value that anybody could take.
        let first_taken = if otherwise.is_some() { taken } else { Taken::Never };
        let chosen = self.choose(operand, &mut |checker| checker.block(then, first_taken), walk, sides);
        if chosen.is_err() {
            // What the sides would have given a value is not missing.
            let mut names = Vec::new();
            assigned_in(then, &mut names);
            otherwise.iter().for_each(|otherwise| assigned_in_expression(otherwise, &mut names));
            names.iter().for_each(|name| self.bind(name, Err(Reported)));
        }
        chosen
    }

    /// A condition: one bool.
    pub(super) fn condition(&mut self, condition: &Expression) -> Checks<Operand> {
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
        Ok(operand)
    }

    /// One of two bodies, as the run decides: an `If`. Without `otherwise` it has no value.
    pub(super) fn choose<'w>(
        &mut self,
        condition: Operand,
        then: Walk<'_, 'a>,
        otherwise: Option<Walk<'_, 'a>>,
        at: impl Into<Sides<'w>>,
    ) -> Checks<Value<Operand>> {
        let at = at.into();
        let span = at.whole;
        let has_value = otherwise.is_some();
        let first = self.walk_branch(span, then);
        let second = match otherwise {
            Some(otherwise) => self.walk_branch(span, otherwise),
            None => self.walk_branch(span, &mut |_| Ok(Value::None)),
        };
        let (mut first, mut second) = (first?, second?);
        let mut pairs = Vec::new();
        let places: BTreeSet<&Place> = first.changes.keys().chain(second.changes.keys()).collect();
        let places: Vec<Place> = places.into_iter().cloned().collect();
        let mut sides = Vec::new();
        for place in &places {
            let before = self.before_body(place, span);
            let of = |walked: &Walked| match walked.changes.get(place) {
                Some(after) => after.clone(),
                None => before.clone(),
            };
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
        let is_taken = match at.taken {
            Taken::Always => true,
            Taken::IfAny => ![&first.value, &second.value].into_iter().any(|value| matches!(value, Value::None)),
            Taken::Never => false,
        };
        // A side that leaves the loop's turn gives nobody a value.
        let has_value = has_value && is_taken && !first.leaves && !second.leaves;
        if has_value {
            pairs.push((first.value.clone(), second.value.clone()));
        }
        let mut outputs = (Vec::new(), Vec::new());
        let mut shapes = Vec::new();
        for (position, (a, b)) in pairs.iter().enumerate() {
            let name = places.get(position).map(|place| &*place.1);
            shapes.push(self.unify(&mut first, &mut second, a, b, &mut outputs, name, at)?);
        }
        let types: Vec<Type> =
            outputs.0.iter().map(|id| first.level.builder.graph().node(*id).array_type().clone()).collect();
        let (mut graphs, captured, must_run) = close_bodies(vec![
            Body { level: first.level, own: 0, outputs: outputs.0 },
            Body { level: second.level, own: 0, outputs: outputs.1 },
        ]);
        let level = self.depth_of_levels();
        let condition = self.resolve(condition);
        let otherwise = Arc::new(graphs.remove(1));
        let kind = NodeKind::If { condition, then: Arc::new(graphs.remove(0)), otherwise, captured };
        let node = self.add_all(kind, types.clone(), span);
        if must_run {
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
        for ((place, value), side) in places.iter().zip(&values).zip(sides) {
            self.rebind_at(place, side.unwrap_or_else(|| Binding::Value(value.clone())));
        }
        Ok(if has_value { values[places.len()].clone() } else { Value::None })
    }

    /// Walks one side of an `if`.
    fn walk_branch(&mut self, span: Span, side: Walk<'_, 'a>) -> Checks<Walked> {
        self.walk(&[], span, |checker| {
            checker.level().is_branch = true;
            side(checker)
        })
    }

    /// Walks a body in a graph of its own, with the given inputs first. What it does to names is undone.
    pub(super) fn walk(
        &mut self,
        inputs: &[(Type, Span)],
        span: Span,
        body: impl FnOnce(&mut Self) -> Checks<Value<Operand>>,
    ) -> Checks<Walked> {
        if self.levels.len() >= DEEPEST_BODY {
            let message =
                format!("more than {DEEPEST_BODY} bodies of `if`, loops and comprehensions lie in each other");
            return Err(self.report(
                Diagnostic::error("E0210", message, span, "").help("give a part of it a function of its own"),
            ));
        }
        let mut level = Level::new();
        for (array_type, place) in inputs {
            level.builder.input("element".into(), array_type.clone(), *place);
        }
        self.levels.push(level);
        self.open_journal();
        let value = body(self);
        let value = value.map(|value| {
            // Outputs of a body are nodes of the body, whatever graph they came from.
            let level = self.depth_of_levels();
            value.map(&mut |operand| Operand { level, node: self.resolve(*operand), weak: operand.weak })
        });
        let leaves = self.turn_is_over();
        let changes = self.close_journal();
        let level = self.levels.pop().unwrap_or_else(Level::new);
        Ok(Walked { level, value: value?, changes, leaves })
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
        places: Sides<'_>,
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
                let untold = |side: &Type| side.shape.iter().any(|length| self.untold(length).is_some());
                let help = match untold(&left_type) && untold(&right_type) {
                    true => "select before the `if`, and use what is kept in both sides: `kept = x[mask]`",
                    false => KEEP_THE_SHAPE,
                };
                if left_type.rank() == right_type.rank() {
                    let [then, otherwise] = places.of(name).map(|place| place.unwrap_or(span));
                    let found = [(then, &left_type), (otherwise, &right_type)];
                    self.refuse_untold(&found, "the two sides of an `if`", help)?;
                }
                let what = "both sides of an `if` give one shape";
                if !self.same_shape(&left_type.shape, &right_type.shape, what, span) {
                    let help = self.one_shape_help(&left_type, &right_type, name);
                    return Err(self.branch_types(&left_type.to_string(), &right_type.to_string(), help, name, places));
                }
                let common = match common_dtype((&left_type, left.weak), (&right_type, right.weak)) {
                    Ok(common) => common,
                    Err(dtype) => {
                        let help = format!("cast both sides to one dtype: `{dtype}(x)`");
                        let (left, right) = (left_type.to_string(), right_type.to_string());
                        return Err(self.branch_types(&left, &right, help, name, places));
                    }
                };
                outputs.0.push(cast_in(&mut first.level, left_node, common.dtype, span));
                outputs.1.push(cast_in(&mut second.level, right_node, common.dtype, span));
                Ok(Value::Array((outputs.0.len() - 1, common.weak)))
            }
            (Value::Array(_) | Value::Tuple(_), _) | (_, Value::Array(_) | Value::Tuple(_)) => {
                let (left, right) = (self.describe_in(&first.level, a), self.describe_in(&second.level, b));
                let help = match (name, a, b) {
                    (None, Value::None, _) | (None, _, Value::None) => {
                        "a side's value is its last line's: end the side that gives none with an expression".into()
                    }
                    _ => apart_help(name),
                };
                Err(self.branch_types(&left, &right, help, name, places))
            }
            // What is no array and holds none is the same in both sides, or known before the run.
            _ if key_of(a) == key_of(b) && leaves(a).is_empty() => Ok(a.map(&mut |_| (0, false))),
            (Value::Text(one), Value::Text(other)) => {
                self.unify_texts([&mut first.level, &mut second.level], [one, other], outputs, span)
            }
            _ => {
                let (left, right) = (self.describe_in(&first.level, a), self.describe_in(&second.level, b));
                let help = choosing_help(a, b).unwrap_or_else(|| apart_help(name));
                Err(self.branch_types(&left, &right, help, name, places))
            }
        }
    }

    /// Refuses types at their places, one of which has a size in it that only a body that is left tells.
    pub(super) fn refuse_untold(&mut self, found: &[(Span, &Type)], what: &str, help: &str) -> Checks<()> {
        let mut untold = found.iter().filter_map(|(place, array_type)| {
            let symbol = array_type.shape.iter().find_map(|length| self.untold(length))?;
            Some((*place, *array_type, symbol))
        });
        let Some((place, array_type, symbol)) = untold.next() else { return Ok(()) };
        let message =
            format!("{what} have one shape, and the size `{}` in {array_type} is each one's own", symbol.name());
        let mut diagnostic = Diagnostic::error("E0323", message, place, array_type.to_string());
        for (other, array_type) in found.iter().filter(|(other, _)| *other != place) {
            diagnostic = diagnostic.label(*other, array_type.to_string());
        }
        Err(self.report(diagnostic.help(help)))
    }

    /// An operand in a finished body: through the graphs between, as an input.
    pub(super) fn enter(&mut self, level: &mut Level, operand: Operand, span: Span) -> NodeId {
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

    /// What makes the values of two branches one shape; in doubt they are not made one.
    fn one_shape_help(&self, left: &Type, right: &Type, name: Option<&str>) -> String {
        let (a, b) = (&*left.shape, &*right.shape);
        let is_empty = |shape: &[Length]| shape.iter().any(|length| length.is(0));
        let (small, large) = if goes_into(a, b) { (left, right) } else { (right, left) };
        let help = if a.len() != b.len() && goes_into(&small.shape, &large.shape) {
            let which = if small.rank() == 0 { "one value".to_string() } else { small.to_string() };
            self.filled(large).map(|zeros| format!("write `… + {zeros}` for the {which}"))
        } else if is_empty(a) != is_empty(b) {
            let other = if is_empty(a) { right } else { left };
            self.filled(other).map(|zeros| format!("write `{zeros}` for the empty one"))
        } else {
            one_part(a, b).or_else(|| {
                let mut pairs = a.iter().zip(b).filter(|(a, b)| a != b);
                let (one, two) = pairs.next().filter(|_| a.len() == b.len() && pairs.next().is_none())?;
                self.declaration_help(&one.into(), &two.into())
            })
        };
        match help {
            Some(help) => format!("give both sides one shape: {help}"),
            None => apart_help(name),
        }
    }

    /// An array of a type as it would be written, unless only the run tells its lengths.
    fn filled(&self, array_type: &Type) -> Option<String> {
        let is_sayable = |length: &Length| Polynomial::from(length).symbols().all(Symbol::is_variable);
        let lengths: Vec<String> = array_type.shape.iter().map(ToString::to_string).collect();
        let start = self.library.advice(Advice::StartWith);
        let filled = start.replace("{shape}", &lengths.join(", ")).replace("{dtype}", array_type.dtype.name());
        array_type.shape.iter().all(is_sayable).then_some(filled)
    }

    fn branch_types(
        &mut self,
        left: &str,
        right: &str,
        help: String,
        name: Option<&str>,
        places: Sides<'_>,
    ) -> Reported {
        let what = match name {
            Some(name) => format!("`{name}` is {left} after one branch and {right} after the other"),
            None => format!("the branches give {left} and {right}"),
        };
        let [then, otherwise] = places.of(name);
        let diagnostic = match (then, otherwise) {
            (Some(then), Some(otherwise)) => Diagnostic::error("E0307", what, then, left).label(otherwise, right),
            (Some(then), None) => Diagnostic::error("E0307", what, then, left),
            (None, Some(otherwise)) => Diagnostic::error("E0307", what, otherwise, right),
            (None, None) => Diagnostic::error("E0307", what, places.whole, ""),
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
        let Some((clause, _)) = clauses.split_first() else { return Err(Reported) };
        let sequence = self.expression(&clause.sequence)?;
        let places = Places { element: element.span, whole: span };
        match (condition, &sequence) {
            (None, _) => self.over_clauses(
                sequence,
                clauses,
                &mut Vec::new(),
                &mut |checker, _| checker.expression(element),
                places,
            ),
            (Some(condition), Value::Tuple(values)) => self.kept_of_tuple(values, element, clauses, condition, span),
            (Some(condition), _) => self.kept(sequence, element, clauses, condition, span),
        }
    }

    /// What `element` gives in each turn over the clauses' sequences, of which the first is known; it is told what the clauses' names
    /// stand for.
    fn over_clauses(
        &mut self,
        sequence: Value<Operand>,
        clauses: &[Clause],
        bound: &mut Vec<Value<Operand>>,
        element: ElementOf<'_, 'a>,
        places: Places,
    ) -> Checks<Value<Operand>> {
        let Some((clause, rest)) = clauses.split_first() else { return Err(Reported) };
        if let Value::Tuple(values) = &sequence {
            let mut results = Vec::new();
            for value in values {
                self.open_journal();
                self.close_turn();
                let result = self.one_element(value.clone(), clause, rest, bound, element, places);
                self.close_journal();
                results.push(result?);
            }
            return self.bounded(Value::Tuple(results), places.whole);
        }
        let Sequence { elements, mapped, length, form, bounds } =
            self.sequence(&sequence, "a comprehension", clause.sequence.span)?;
        let walked = self.walk(&elements, places.whole, |checker| {
            checker.begin_elements();
            let value = checker.element_inputs(&form, &bounds);
            checker.one_element(value, clause, rest, bound, element, places)
        });
        self.finish_map(walked?, mapped, length, places.element, places.whole)
    }

    fn one_element(
        &mut self,
        value: Value<Operand>,
        clause: &Clause,
        rest: &[Clause],
        bound: &mut Vec<Value<Operand>>,
        element: ElementOf<'_, 'a>,
        places: Places,
    ) -> Checks<Value<Operand>> {
        self.assign_quietly(&clause.target, value.clone())?;
        self.set_origins(&clause.target, clause.sequence.span);
        bound.push(value);
        let result = match rest.first() {
            None => element(self, bound),
            Some(next) => self
                .expression(&next.sequence)
                .and_then(|sequence| self.over_clauses(sequence, rest, bound, element, places)),
        };
        bound.pop();
        result
    }

    /// `[element for … if condition]` over arrays: first the condition of every turn, then the elements of the turns that are kept,
    /// along one axis.
    fn kept(
        &mut self,
        sequence: Value<Operand>,
        element: &Expression,
        clauses: &[Clause],
        condition: &Expression,
        span: Span,
    ) -> Checks<Value<Operand>> {
        let places = Places { element: condition.span, whole: span };
        let mut conditions = |checker: &mut Self, bound: &[Value<Operand>]| {
            let holds = checker.condition(condition)?;
            Ok(Value::Tuple([&[Value::Array(holds)], bound].concat()))
        };
        let all = self.over_clauses(sequence, clauses, &mut Vec::new(), &mut conditions, places)?;
        let (mask, elements) = match all {
            Value::Tuple(mut values) if matches!(values.first(), Some(Value::Array(_))) => {
                let elements = values.split_off(1);
                (values.remove(0), elements)
            }
            _ => return Err(self.not_built("`if` in a comprehension over an array and a tuple", condition.span, "")),
        };
        let axes = clauses.len();
        let Value::Array(mask) = mask.map(&mut |operand| self.flat(*operand, axes, span)) else { return Err(Reported) };
        let positions = self.positions(mask, condition.span);
        let mut failed = false;
        let mut kept = |checker: &mut Self, operand: &Operand| {
            let flat = checker.flat(*operand, axes, span);
            checker.take_axis(flat, 0, positions, span).unwrap_or_else(|Reported| {
                failed = true;
                flat
            })
        };
        let kept: Vec<Value<Operand>> =
            elements.iter().map(|value| as_sequence(value.map(&mut |operand| kept(self, operand)))).collect();
        if failed {
            return Err(Reported);
        }
        let Sequence { elements, mapped, length, form, bounds } =
            self.sequence(&Value::Zip(kept), "a comprehension", span)?;
        let walked = self.walk(&elements, span, |checker| {
            checker.begin_elements();
            let Value::Tuple(values) = checker.element_inputs(&form, &bounds) else { return Err(Reported) };
            for (clause, value) in clauses.iter().zip(values) {
                checker.assign_quietly(&clause.target, value)?;
                checker.set_origins(&clause.target, clause.sequence.span);
            }
            checker.expression(element)
        });
        self.finish_map(walked?, mapped, length, element.span, span)
    }

    /// The same over a tuple, whose elements are kept or not before the run.
    fn kept_of_tuple(
        &mut self,
        values: &[Value<Operand>],
        element: &Expression,
        clauses: &[Clause],
        condition: &Expression,
        span: Span,
    ) -> Checks<Value<Operand>> {
        let [clause] = clauses else {
            return Err(self.not_built("`if` in a comprehension over a tuple and more", condition.span, ""));
        };
        let mut results = Vec::new();
        for value in values {
            let mut one = |checker: &mut Self, _: &[Value<Operand>]| {
                let holds = checker.condition(condition)?;
                match checker.constant_of(holds).map(|known| known.as_integer() == Some(1)) {
                    Some(true) => checker.expression(element).map(|value| Value::Tuple(vec![value])),
                    Some(false) => Ok(Value::Tuple(Vec::new())),
                    None => {
                        let message = "which elements of a tuple are kept must be known before the run";
                        let diagnostic =
                            Diagnostic::error("E0308", message, condition.span, "only the run can tell this");
                        Err(checker
                            .report(diagnostic.help("walk an array: write `[ ]` around the elements instead of `( )`")))
                    }
                }
            };
            self.open_journal();
            self.close_turn();
            let result = self.one_element(
                value.clone(),
                clause,
                &[],
                &mut Vec::new(),
                &mut one,
                Places { element: element.span, whole: span },
            );
            self.close_journal();
            if let Value::Tuple(kept) = result? {
                results.extend(kept);
            }
        }
        Ok(Value::Tuple(results))
    }

    /// An array with its first axes as one.
    pub(super) fn flat(&mut self, operand: Operand, axes: usize, span: Span) -> Operand {
        if axes == 1 {
            return operand;
        }
        let array_type = self.type_of(operand).clone();
        let (first, rest) = array_type.shape.split_at(axes);
        let count = self.count(first, span);
        let length = Length::of(count).unwrap_or(Length::Known(0));
        let value = self.resolve(operand);
        let shape = [&[length], rest].concat();
        self.add(NodeKind::Reshape(value), ArrayType::new(array_type.dtype, shape), span)
    }

    /// A body begins that is walked for each element, in no order.
    fn begin_elements(&mut self) {
        self.level().is_for_elements = true;
        self.close_turn();
    }

    /// The first inputs of a body as one element of what it walks.
    pub(super) fn element_inputs(&mut self, form: &Value<u32>, bounds: &[Option<Bounds>]) -> Value<Operand> {
        let level = self.depth_of_levels();
        form.map(&mut |index| {
            let element = Operand { level, node: NodeId(*index), weak: false };
            if let Some(bounds) = &bounds[*index as usize] {
                self.note_bounds(element, bounds.clone());
            }
            element
        })
    }

    /// What `function` gives for the elements of arrays that are walked together, along a new first axis; for tuples, a tuple.
    pub(super) fn map_elements(
        &mut self,
        sequences: &[(Value<Operand>, Span)],
        span: Span,
        function: MapFunction<'_, 'a>,
    ) -> Checks<Value<Operand>> {
        let place = sequences.iter().map(|(_, place)| *place).reduce(Span::to).unwrap_or(span);
        let tuples: Option<Vec<&Vec<Value<Operand>>>> =
            sequences.iter().map(|(one, _)| if let Value::Tuple(values) = one { Some(values) } else { None }).collect();
        if let Some(tuples) = tuples {
            let length = tuples.iter().map(|values| values.len()).min().unwrap_or(0);
            let turns = (0..length).map(|index| tuples.iter().map(|values| values[index].clone()).collect());
            return turns.map(|arguments| function(self, arguments)).collect::<Checks<_>>().map(Value::Tuple);
        }
        let (value, is_one) = match sequences {
            [(one, _)] => (one.clone(), true),
            several => (Value::Zip(several.iter().map(|(value, _)| value.clone()).collect()), false),
        };
        let Sequence { elements, mapped, length, form, bounds } = self.sequence(&value, "a map", place)?;
        let walked = self.walk(&elements, span, |checker| {
            checker.begin_elements();
            let value = checker.element_inputs(&form, &bounds);
            let arguments = match value {
                Value::Tuple(values) if !is_one => values,
                value => vec![value],
            };
            function(checker, arguments)
        });
        self.finish_map(walked?, mapped, length, span, span)
    }

    /// What a comprehension, a loop or a fold walks: arrays along their first axes, as far as the shortest goes.
    pub(super) fn sequence(&mut self, value: &Value<Operand>, what: &str, span: Span) -> Checks<Sequence> {
        let mut walked_values = Vec::new();
        let Some(form) = element_of(value, &mut walked_values) else {
            let found = self.describe(value);
            let message = format!("{what} walks an array or a tuple, not {found}");
            let diagnostic = Diagnostic::error("E0303", message, span, found);
            return Err(self.report(diagnostic.help("write the values in `( )` or `[ ]`")));
        };
        let mut elements = Vec::new();
        let mut length: Option<Length> = None;
        for operand in &walked_values {
            let array_type = self.type_of(*operand).clone();
            let Some((first, inner)) = array_type.shape.split_first() else {
                let message = format!("{what} walks an axis, and {array_type} has none");
                let diagnostic = Diagnostic::error("E0303", message, span, array_type.to_string());
                return Err(self.report(diagnostic.help(self.library.advice(Advice::WalkNumbers))));
            };
            // Arrays that are walked together end with the shortest, as in Python.
            length = Some(match length {
                Some(shortest) => self.shorter(&shortest, first, span),
                None => first.clone(),
            });
            elements.push((ArrayType::new(array_type.dtype, inner), span));
        }
        let length = length.unwrap_or(Length::Known(0));
        let bounds = walked_values.iter().map(|operand| self.element_bounds(*operand)).collect();
        let mapped = walked_values.iter().map(|operand| self.first_elements(*operand, &length, span)).collect();
        Ok(Sequence { elements, mapped, length, form, bounds })
    }

    /// The first elements of an array along its first axis, as a node of the innermost graph.
    fn first_elements(&mut self, operand: Operand, length: &Length, span: Span) -> NodeId {
        let source = self.type_of(operand).clone();
        let value = self.resolve(operand);
        if source.shape[0] == *length {
            return value;
        }
        let axes = (0..source.rank()).map(SourceAxis::along).collect();
        let shape = [std::slice::from_ref(length), &source.shape[1..]].concat();
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

    fn finish_map(
        &mut self,
        walked: Walked,
        mapped: Vec<NodeId>,
        length: Length,
        element: Span,
        span: Span,
    ) -> Checks<Value<Operand>> {
        let Walked { mut level, value, .. } = walked;
        if !is_made_of_arrays(&value) {
            let found = self.describe_in(&level, &value);
            let message = format!("a comprehension's elements are arrays, not {found}");
            let diagnostic = Diagnostic::error("E0303", message, element, found);
            return Err(self.report(match value {
                Value::Text(_) => diagnostic.help(self.library.advice(Advice::ShowInLoop)),
                Value::None => diagnostic.help("what gives no value stands in a loop: `for x in xs { … }`"),
                Value::Function(_) | Value::Builtin(_) => diagnostic.help("call it: add `(…)`"),
                _ => diagnostic.help("write `[ ]` to make an array of the values"),
            }));
        }
        let mut outputs = Vec::new();
        let shape = value.map(&mut |operand: &Operand| {
            outputs.push(operand.node);
            outputs.len() - 1
        });
        let graph = level.builder.graph_mut();
        let types: Vec<Type> = outputs
            .iter()
            .map(|id| graph.node(*id).array_type())
            .map(|one| ArrayType::new(one.dtype, [std::slice::from_ref(&length), one.shape.as_slice()].concat()))
            .collect();
        graph.outputs = outputs;
        for array_type in &types {
            self.refuse_untold(&[(element, array_type)], "the elements of a comprehension", KEEP_THE_SHAPE)?;
        }
        let must_run = level.must_run();
        let captured = level.captured;
        let mut body = level.builder.finish();
        body.effects = level.effects;
        let node = self.add_all(NodeKind::Map { body: Arc::new(body), mapped, captured }, types.clone(), span);
        if must_run {
            self.level().effects.push(Effect::Run(node.node));
        }
        Ok(shape.map(&mut |index| match types.len() {
            1 => node,
            _ => self.add(NodeKind::Part { value: node.node, index: *index as u32 }, types[*index].clone(), span),
        }))
    }

    /// The type of an operand that may be a node of a body that was just walked.
    pub(super) fn type_in<'l>(&'l self, level: &'l Level, operand: Operand) -> &'l Type {
        if operand.level as usize == self.levels.len() {
            return level.builder.graph().node(operand.node).array_type();
        }
        self.type_of(operand)
    }

    /// A value's type in words, where its arrays may be nodes of a body that was just walked.
    pub(super) fn describe_in(&self, level: &Level, value: &Value<Operand>) -> String {
        match value {
            Value::Array(operand) => self.type_in(level, *operand).to_string(),
            Value::Tuple(values) => {
                let parts: Vec<String> = values.iter().map(|value| self.describe_in(level, value)).collect();
                format!("({})", parts.join(", "))
            }
            other => self.describe(other),
        }
    }
}

/// An `if`, as far as what is said of it needs it.
#[derive(Clone, Copy)]
pub(super) struct Sides<'s> {
    /// Where it stands.
    whole: Span,
    /// Its two sides, where it is written as an `if`.
    bodies: Option<(&'s Block, Option<&'s Expression>)>,
    /// Whether somebody takes its value.
    taken: Taken,
}

impl Sides<'_> {
    /// Where its sides give a name their values, or, without a name, where their own values stand.
    fn of(&self, name: Option<&str>) -> [Option<Span>; 2] {
        let Some((then, otherwise)) = self.bodies else { return [None; 2] };
        match name {
            Some(name) => [
                last_assignment(then, name),
                otherwise.and_then(|otherwise| last_assignment_in_expression(otherwise, name)),
            ],
            None => [Some(last_place(then)), otherwise.map(last_place_of)],
        }
    }
}

/// What helps where a part of a value has a length of its own.
const KEEP_THE_SHAPE: &str = "reduce it to one value, or keep its shape: `where(c, x, 0)`";

impl From<Span> for Sides<'_> {
    fn from(whole: Span) -> Self {
        Sides { whole, bodies: None, taken: Taken::Always }
    }
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

/// What an element of a sequence of arrays is, and those arrays; `None` when there is something else among them.
fn element_of(sequence: &Value<Operand>, arrays: &mut Vec<Operand>) -> Option<Value<u32>> {
    match sequence {
        Value::Array(operand) => {
            arrays.push(*operand);
            Some(Value::Array(arrays.len() as u32 - 1))
        }
        Value::Zip(values) => {
            values.iter().map(|value| element_of(value, arrays)).collect::<Option<_>>().map(Value::Tuple)
        }
        _ => None,
    }
}

/// Arrays as something that is walked together.
fn as_sequence(value: Value<Operand>) -> Value<Operand> {
    match value {
        Value::Tuple(values) => Value::Zip(values.into_iter().map(as_sequence).collect()),
        other => other,
    }
}

/// The dtype that both of two types have or, as literals, take; `Err` is the one that both could be cast to.
fn common_dtype(left: (&Type, bool), right: (&Type, bool)) -> Result<Numeric, DType> {
    let sides = [left, right].map(|(array_type, weak)| Numeric { dtype: array_type.dtype, weak });
    let common = common(&sides);
    let takes = |side: &Numeric| side.weak || side.dtype == common.dtype;
    if sides.iter().all(takes) { Ok(common) } else { Err(common.dtype) }
}

/// A node of a body in another dtype.
pub(super) fn cast_in(level: &mut Level, node: NodeId, dtype: DType, span: Span) -> NodeId {
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

/// The graph of a body that was walked: how many inputs are its own, and its outputs.
pub(super) struct Body {
    pub level: Level,
    pub own: usize,
    pub outputs: Vec<NodeId>,
}

/// Bodies' graphs with one list of captured arrays, which follow each one's own inputs; and whether anything happens in them.
pub(super) fn close_bodies(bodies: Vec<Body>) -> (Vec<Graph<Length>>, Vec<NodeId>, bool) {
    let mut captured: Vec<NodeId> = Vec::new();
    let mut inputs = Vec::new();
    let mut index_of: HashMap<NodeId, usize> = HashMap::new();
    for body in &bodies {
        let own = &body.level.builder.graph().inputs[body.own..];
        for (node, input) in body.level.captured.iter().zip(own) {
            index_of.entry(*node).or_insert_with(|| {
                captured.push(*node);
                inputs.push(input.clone());
                captured.len() - 1
            });
        }
    }
    let must_run = bodies.iter().any(|body| body.level.must_run());
    let graphs = bodies.into_iter().map(|Body { level, own, outputs }| {
        let mut graph = level.builder.finish();
        for node in &mut graph.nodes {
            if let NodeKind::Input(index) = &mut node.kind
                && let Some(outer) = (*index as usize).checked_sub(own)
            {
                *index = (own + index_of[&level.captured[outer]]) as u32;
            }
        }
        graph.inputs.truncate(own);
        graph.inputs.extend(inputs.iter().cloned());
        // What only another body reads is an input here, too.
        for (outer, input) in captured.iter().zip(&inputs) {
            if !level.imports.contains_key(outer) {
                let kind = NodeKind::Input((own + index_of[outer]) as u32);
                let types = vec![input.array_type.clone()];
                graph.nodes.push(Node { kind, types, span: Span::default(), placement: None });
            }
        }
        graph.outputs = outputs;
        graph.effects = level.effects;
        graph
    });
    (graphs.collect(), captured, must_run)
}
