//! Loops: `for`, `while`, `break`, `continue`, and folds.
//!
//! A loop's body becomes a graph. The names around it that it gives other values are carried: inputs of each turn and outputs of the
//! one before. Which names these are is read from the text; what only the walk can tell (the session's stream of random numbers, a
//! literal that takes a dtype) is found by walking the body again.
//!
//! `break` and `continue` are names, too: bools that no program can write, which `if` merges as it merges any name. What follows in a
//! block runs only where the turn is not over.

use super::body::{Body, Sequence, Walked, cast_in, close_bodies};
use super::journal::{Changes, Place};
use super::size::Bounds;
use super::{Binding, Checker, Checks, MOST_WALKS, Reported, Taken};
use crate::ast::{self, Block, Expression, ExpressionKind, Statement, StatementKind, Target};
use crate::declaration::{Advice, Operand};
use crate::diagnostic::Diagnostic;
use crate::dtype::{DType, Kind, Scalar};
use crate::graph::{Effect, NodeId, NodeKind};
use crate::length::{Length, Polynomial};
use crate::promotion::{Numeric, common};
use crate::source::Span;
use crate::types::Type;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Whether the turn is over: `continue` or `break` was met. `none`: a body that neither can leave.
const TURN_OVER: &str = "turn is over";

/// Whether the loop is over: `break` was met.
const LOOP_OVER: &str = "loop is over";

/// Which turn it is, in a loop that counts its turns.
const TURN: &str = "number of the turn";

/// What a fold has come to.
const FOLDED: &str = "folded value";

/// Whether a name is one of the checker's own, which no program sees.
pub(super) fn is_of_the_checker(place: &Place) -> bool {
    [TURN_OVER, LOOP_OVER, TURN, FOLDED].contains(&&*place.1)
}

/// A loop and what its names are before it.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct LoopKey {
    span: Span,
    names: Vec<(Place, Vec<(Type, bool)>)>,
}

/// What a loop carries, found by walking it: for each name the dtypes of its arrays, and whether they are weak.
pub(crate) type Settled = Vec<(Place, Vec<(DType, bool)>)>;

/// What a name that a loop carries must be at first, as walking it has told.
enum Adaptation {
    /// Of other dtypes, weak or not.
    DTypes(Vec<(DType, bool)>),
    /// The same as one of several strings.
    Widened(Value<Operand>),
    /// It cannot be carried.
    Dropped,
}

/// The names that must be others.
type Adapted = Vec<(Place, Adaptation)>;

/// How often a loop's strings may turn out to be more than was known: one that grows does so always.
const MOST_WIDENED: usize = 256;

/// A loop as its turns need it.
struct Site<'s> {
    /// The whole.
    span: Span,
    /// One element of each array that is walked, and where it is written.
    elements: Vec<(Type, Span)>,
    /// The arrays that are walked.
    mapped: Vec<NodeId>,
    /// An element made of those of the arrays.
    form: Value<u32>,
    /// Between which numbers the elements of each lie, where that is known.
    bounds: Vec<Option<Bounds>>,
    /// The names that its text assigns.
    assigned: Vec<Arc<str>>,
    /// The names among them that the elements get.
    targets: Vec<Arc<str>>,
    /// The text of a turn; none: a fold, of this function and this first value.
    text: Result<&'s Block, (Span, Span)>,
}

/// What a loop carries from turn to turn, as far as walking it has told.
struct Carried {
    /// The names and what they are before the first turn.
    values: BTreeMap<Place, Value<Operand>>,
    /// Names of the elements that are of another type before the loop: what they are after it nobody can tell.
    dropped: BTreeSet<Place>,
    /// Where the names that its text assigns got their values before it.
    written: BTreeMap<Place, Span>,
    /// How often strings among them have turned out to be more than was known.
    widened: usize,
}

/// How a name's value after a turn goes with the one before.
enum Fit {
    /// It has the same types, cast so.
    Same(Vec<DType>),
    /// The first value is of literals, which may as well be of these dtypes.
    Adapts(Vec<(DType, bool)>),
    /// They are of different types.
    Differs,
}

/// What walking the bodies of a loop once has come to.
enum Attempt {
    /// The condition is known never to hold.
    Never,
    /// It is built.
    Built,
    /// Something is known of what it carries that was not known before.
    Again,
}

/// What evaluates a condition, and what walks a turn with its elements.
type Condition<'w, 'a> = &'w mut dyn FnMut(&mut Checker<'a>) -> Checks<Operand>;
type Turn<'w, 'a> = &'w mut dyn FnMut(&mut Checker<'a>, Value<Operand>) -> Checks<()>;

/// What a fold does with what it has come to, and an element.
pub(super) type Step<'w, 'a> =
    &'w mut dyn FnMut(&mut Checker<'a>, Value<Operand>, Value<Operand>) -> Checks<Value<Operand>>;

impl<'a> Checker<'a> {
    /// `for target in sequence { … }`.
    pub(super) fn for_each(&mut self, target: &Target, sequence: &Expression, body: &Block, span: Span) -> Checks<()> {
        let mut targets = Vec::new();
        super::names::target_names(target, &mut targets);
        let mut assigned = targets.clone();
        assigned_in(body, &mut assigned);
        self.deeper(span, |checker| {
            let result = match checker.expression(sequence) {
                Ok(Value::Tuple(values)) => checker.unrolled(&values, target, body, span),
                Ok(Value::Array(range)) if let Some(counted) = checker.open_count(range) => {
                    checker.counted_turns(counted, target, sequence.span, body, assigned.clone(), span)
                }
                Ok(value) => checker.over_arrays(&value, target, sequence.span, body, targets, assigned.clone(), span),
                Err(reported) => Err(reported),
            };
            checker.forget_unless(result, &assigned)
        })
    }

    /// `while condition { … }`.
    pub(super) fn while_holds(&mut self, condition: &Expression, body: &Block, span: Span) -> Checks<()> {
        let mut assigned = Vec::new();
        assigned_in_expression(condition, &mut assigned);
        assigned_in(body, &mut assigned);
        self.deeper(span, |checker| {
            let site = Site {
                span: Span { end: condition.span.end, ..span },
                elements: Vec::new(),
                mapped: Vec::new(),
                form: Value::None,
                bounds: Vec::new(),
                assigned: assigned.clone(),
                targets: Vec::new(),
                text: Ok(body),
            };
            let mut turn = |checker: &mut Self, _| checker.block(body, Taken::Never).map(|_| ());
            let result = checker.turns(&site, Some(&mut |checker| checker.condition(condition)), &mut turn);
            checker.forget_unless(result, &assigned)
        })
    }

    /// After an error, what the loop would have given its names is not known.
    fn forget_unless(&mut self, result: Checks<()>, assigned: &[Arc<str>]) -> Checks<()> {
        if result.is_err() {
            assigned.iter().for_each(|name| self.bind(name, Err(Reported)));
        }
        result
    }

    #[allow(clippy::too_many_arguments)]
    fn over_arrays(
        &mut self,
        value: &Value<Operand>,
        target: &Target,
        place: Span,
        body: &Block,
        targets: Vec<Arc<str>>,
        assigned: Vec<Arc<str>>,
        span: Span,
    ) -> Checks<()> {
        let Sequence { elements, mapped, form, bounds, .. } = self.sequence(value, "a loop", place)?;
        let span = Span { end: place.end, ..span };
        let site = Site { span, elements, mapped, form, bounds, assigned, targets, text: Ok(body) };
        self.turns(&site, None, &mut |checker, element| {
            checker.assign(target, Ok(element))?;
            checker.set_origins(target, place);
            checker.block(body, Taken::Never).map(|_| ())
        })
    }

    /// A loop over a range whose length the run tells: it counts, and no array is made.
    fn counted_turns(
        &mut self,
        (first, step, length): (Polynomial, Polynomial, Length),
        target: &Target,
        place: Span,
        body: &Block,
        mut assigned: Vec<Arc<str>>,
        span: Span,
    ) -> Checks<()> {
        let counter: Place = (self.scope(), TURN.into());
        let outer = self.in_scope(&counter).cloned();
        let zero = self.constant(Scalar::i64(0), false, place);
        self.set_in_scope(&counter, Some(Binding::Value(Value::Array(zero))));
        assigned.push(TURN.into());
        let end = self.length_value(&length, place);
        let end = Operand { weak: false, ..end };
        let most = Polynomial::from(&length).minus(&1.into());
        let site = Site {
            span: Span { end: place.end, ..span },
            elements: Vec::new(),
            mapped: Vec::new(),
            form: Value::None,
            bounds: Vec::new(),
            assigned,
            targets: Vec::new(),
            text: Ok(body),
        };
        let result = self.turns(
            &site,
            Some(&mut |checker| {
                let turn = checker.flag(TURN).ok_or(Reported)?;
                checker.arithmetic("<", turn, end, place).ok_or(Reported)
            }),
            &mut |checker, _| {
                let turn = checker.flag(TURN).ok_or(Reported)?;
                checker.note_bounds(turn, Bounds { least: 0.into(), most: most.clone() });
                let element = checker.counted_element(turn, &first, &step, place).ok_or(Reported)?;
                let one = checker.constant(Scalar::i64(1), false, place);
                let next = checker.arithmetic("+", turn, one, place).ok_or(Reported)?;
                let counter: Place = (checker.scope(), TURN.into());
                checker.set_in_scope(&counter, Some(Binding::Value(Value::Array(next))));
                checker.assign(target, Ok(Value::Array(element)))?;
                checker.block(body, Taken::Never).map(|_| ())
            },
        );
        self.set_in_scope(&counter, outer);
        result
    }

    /// `first + step * turn`.
    fn counted_element(&mut self, turn: Operand, first: &Polynomial, step: &Polynomial, span: Span) -> Option<Operand> {
        let mut element = turn;
        if step.known() != Some(1) {
            let step = self.integer_value(step, span)?;
            element = self.arithmetic("*", element, step, span)?;
        }
        match first.known() {
            Some(0) => Some(element),
            _ => {
                let first = self.integer_value(first, span)?;
                self.arithmetic("+", first, element, span)
            }
        }
    }

    /// A loop over a tuple: its turns one after the other, each with the types of its element.
    fn unrolled(&mut self, values: &[Value<Operand>], target: &Target, body: &Block, span: Span) -> Checks<()> {
        let places = [TURN_OVER, LOOP_OVER].map(|name| (self.scope(), Arc::from(name)));
        let outer = places.clone().map(|place| self.in_scope(&place).cloned());
        let result = self.unrolled_turns(values, target, body, span);
        for (place, binding) in places.iter().zip(outer) {
            self.set_in_scope(place, binding);
        }
        result
    }

    fn unrolled_turns(&mut self, values: &[Value<Operand>], target: &Target, body: &Block, span: Span) -> Checks<()> {
        for (index, value) in values.iter().enumerate() {
            self.begin_turn(span);
            self.assign(target, Ok(value.clone()))?;
            self.block(body, Taken::Never)?;
            let over = self.flag(LOOP_OVER);
            match over.and_then(|over| self.constant_of(over)).and_then(|known| known.as_integer()) {
                Some(0) => {}
                Some(_) => return Ok(()),
                None => {
                    let rest = &values[index + 1..];
                    let mut follow =
                        |checker: &mut Self| checker.unrolled_turns(rest, target, body, span).map(|()| Value::None);
                    let over = over.ok_or(Reported)?;
                    return self.choose(over, &mut |_| Ok(Value::None), Some(&mut follow), span).map(|_| ());
                }
            }
        }
        Ok(())
    }

    /// `break`, or `continue`.
    pub(super) fn leave_turn(&mut self, ends_loop: bool, span: Span) -> Checks<()> {
        let word = if ends_loop { "break" } else { "continue" };
        let place = (self.scope(), Arc::from(TURN_OVER));
        match self.in_scope(&place) {
            Some(Binding::Value(Value::Array(_))) => {
                let over = self.constant(Scalar::bool(true), false, span);
                self.set_in_scope(&place, Some(Binding::Value(Value::Array(over))));
                if ends_loop {
                    let place = (self.scope(), Arc::from(LOOP_OVER));
                    self.set_in_scope(&place, Some(Binding::Value(Value::Array(over))));
                }
                Ok(())
            }
            Some(_) => {
                let message = format!("`{word}` cannot leave a comprehension: its elements have no order");
                let help = "write a `for` loop, or keep some elements with `if` at the comprehension's end";
                Err(self.report(Diagnostic::error("E0321", message, span, "").help(help)))
            }
            None => {
                let does = if ends_loop { "ends" } else { "goes on with the next turn of" };
                let message = format!("`{word}` stands outside a loop");
                let help = format!("`{word}` {does} a `for` or a `while`: move it between its braces");
                Err(self.report(Diagnostic::error("E0321", message, span, "").help(help)))
            }
        }
    }

    /// A turn begins, and nothing has left it.
    fn begin_turn(&mut self, span: Span) {
        let not_over = self.constant(Scalar::bool(false), false, span);
        for name in [TURN_OVER, LOOP_OVER] {
            let place = (self.scope(), Arc::from(name));
            self.set_in_scope(&place, Some(Binding::Value(Value::Array(not_over))));
        }
    }

    /// A body begins that `break` and `continue` cannot leave.
    pub(super) fn close_turn(&mut self) {
        let place = (self.scope(), Arc::from(TURN_OVER));
        self.set_in_scope(&place, Some(Binding::Value(Value::None)));
    }

    fn flag(&self, name: &str) -> Option<Operand> {
        let names = self.frames.last().map_or(&self.globals, |frame| &frame.locals);
        match names.get(name) {
            Some(Binding::Value(Value::Array(operand))) => Some(*operand),
            _ => None,
        }
    }

    /// Whether what follows in the turn never runs.
    pub(super) fn turn_is_over(&self) -> bool {
        let known = self.flag(TURN_OVER).and_then(|over| self.constant_of(over));
        known.is_some_and(|known| known.as_integer() == Some(1))
    }

    /// Whether `break` or `continue` may have been met in this turn.
    pub(super) fn may_leave_turn(&self) -> bool {
        let over = self.flag(TURN_OVER);
        over.is_some_and(|over| self.constant_of(over).is_none_or(|known| known.as_integer() != Some(0)))
    }

    /// The rest of a block, which runs only if the turn is not over; in it that is known, so that a block within has a value.
    pub(super) fn unless_left(&mut self, span: Span, rest: super::body::Walk<'_, 'a>) -> Checks<Value<Operand>> {
        match self.flag(TURN_OVER) {
            Some(over) if !self.turn_is_over() => {
                let place = (self.scope(), Arc::from(TURN_OVER));
                let mut rest = |checker: &mut Self| {
                    let outside = checker.in_scope(&place).cloned();
                    let not_over = checker.constant(Scalar::bool(false), false, span);
                    checker.set_in_scope(&place, Some(Binding::Value(Value::Array(not_over))));
                    let walked = rest(checker);
                    // Nothing in it leaves the turn: the flag is none of what it changes.
                    if !checker.may_leave_turn() {
                        checker.set_in_scope(&place, outside);
                    }
                    walked.map(|_| Value::None)
                };
                self.choose(over, &mut |_| Ok(Value::None), Some(&mut rest), span)
            }
            _ => Ok(Value::None),
        }
    }

    /// Everything in order: what `step` makes of what it made before, and the next element.
    pub(super) fn fold(
        &mut self,
        sequence: (&Value<Operand>, Span),
        initial: (Value<Operand>, Span),
        function: Span,
        span: Span,
        step: Step<'_, 'a>,
    ) -> Checks<Value<Operand>> {
        if let Value::Tuple(values) = sequence.0 {
            return values.iter().try_fold(initial.0, |folded, value| step(self, folded, value.clone()));
        }
        let Sequence { elements, mapped, form, bounds, .. } = self.sequence(sequence.0, "a fold", sequence.1)?;
        let place: Place = (self.scope(), FOLDED.into());
        let outer = self.in_scope(&place).cloned();
        self.set_in_scope(&place, Some(Binding::Value(initial.0)));
        let site = Site {
            span,
            elements,
            mapped,
            form,
            bounds,
            assigned: vec![FOLDED.into()],
            targets: Vec::new(),
            text: Err((function, initial.1)),
        };
        let result = self.turns(&site, None, &mut |checker, element| {
            let folded = checker.folded()?;
            let next = step(checker, folded, element)?;
            let place = (checker.scope(), FOLDED.into());
            checker.set_in_scope(&place, Some(Binding::Value(next)));
            Ok(())
        });
        let folded = self.folded();
        self.set_in_scope(&place, outer);
        result.and(folded)
    }

    fn folded(&self) -> Checks<Value<Operand>> {
        match self.in_scope(&(self.scope(), FOLDED.into())) {
            Some(Binding::Value(value)) => Ok(value.clone()),
            _ => Err(Reported),
        }
    }

    /// Builds a loop, and gives the names around it what they are when it has run.
    fn turns(&mut self, site: &Site, mut condition: Option<Condition<'_, 'a>>, turn: Turn<'_, 'a>) -> Checks<()> {
        let scope = self.scope();
        let mut values: BTreeMap<Place, Value<Operand>> = BTreeMap::new();
        for name in &site.assigned {
            let place = (scope, name.clone());
            if let Some(Binding::Value(value)) = self.before_body(&place, site.span)
                && can_be_carried(&value)
            {
                values.insert(place, value);
            }
        }
        let written = values.keys().filter_map(|place| Some((place.clone(), self.origin_of(place)?))).collect();
        let types_of = |checker: &Self, value: &Value<Operand>| {
            leaves(value).into_iter().map(|leaf| (checker.type_of(leaf).clone(), leaf.weak)).collect()
        };
        let names = values.iter().map(|(place, value)| (place.clone(), types_of(self, value))).collect();
        let key = LoopKey { span: site.span, names };
        if let Some(settled) = self.known_loops.get(&key).cloned() {
            let mut known = BTreeMap::new();
            for (place, dtypes) in settled {
                if let Some(Binding::Value(value)) = self.before_body(&place, site.span) {
                    let value = self.with_dtypes(&value, &dtypes, site.span)?;
                    known.insert(place, value);
                }
            }
            values = known;
        }
        let mut carried = Carried { values, dropped: BTreeSet::new(), written, widened: 0 };
        loop {
            self.walks += 1;
            if self.walks > MOST_WALKS {
                let message =
                    format!("the program is too large: its loops and calls walk more than {MOST_WALKS} bodies");
                return Err(self.report(Diagnostic::error("E0212", message, site.span, "")));
            }
            let condition = condition.as_mut().map(|condition| &mut **condition as Condition<'_, 'a>);
            match self.attempt(site, &mut carried, condition, turn)? {
                Attempt::Again => {}
                Attempt::Never => return Ok(()),
                Attempt::Built => break,
            }
        }
        if carried.widened > 0 {
            return Ok(());
        }
        let settled: Settled = carried
            .values
            .iter()
            .map(|(place, value)| {
                let of = |leaf: Operand| (self.type_of(leaf).dtype, leaf.weak);
                (place.clone(), leaves(value).into_iter().map(of).collect())
            })
            .collect();
        self.known_loops.insert(key, settled);
        Ok(())
    }

    fn attempt(
        &mut self,
        site: &Site,
        carried: &mut Carried,
        condition: Option<Condition<'_, 'a>>,
        turn: Turn<'_, 'a>,
    ) -> Checks<Attempt> {
        let span = site.span;
        let inputs: Vec<(Type, Span)> =
            carried.values.values().flat_map(leaves).map(|leaf| (self.type_of(leaf).clone(), span)).collect();
        let mut bodies = Vec::new();
        let mut in_body: Option<Condition<'_, 'a>> = None;
        if let Some(condition) = condition {
            let mut is_pure = true;
            let walked = self.walk(&inputs, span, |checker| {
                checker.close_turn();
                checker.enter_turn(&carried.values, 0);
                checker.open_journal();
                let holds = condition(checker);
                is_pure = checker.close_journal().is_empty() && checker.level().effects.is_empty();
                holds.map(Value::Array)
            })?;
            let Value::Array(holds) = walked.value else { return Err(Reported) };
            let known = match walked.level.builder.graph().node(holds.node).kind {
                NodeKind::Constant(scalar) => scalar.as_integer(),
                _ => None,
            };
            if is_pure && known == Some(0) {
                for name in &site.assigned {
                    let place = (self.scope(), name.clone());
                    if self.before_body(&place, span).is_none() {
                        self.rebind_at(&place, Binding::OfTurns(span));
                    }
                }
                return Ok(Attempt::Never);
            }
            if is_pure {
                bodies.push(Body { level: walked.level, own: inputs.len(), outputs: vec![holds.node] });
            } else {
                // A condition that changes something is evaluated in the turn, which begins always.
                let mut level = super::Level::new();
                for (one, span) in &inputs {
                    level.builder.input("element".into(), one.clone(), *span);
                }
                let holds = Scalar::bool(true);
                let node = level.builder.add(NodeKind::Constant(holds), vec![Type::scalar(holds.dtype)], span, None);
                bodies.push(Body { level, own: inputs.len(), outputs: vec![node] });
                in_body = Some(condition);
            }
        }
        let has_condition = !bodies.is_empty();
        let inputs = [site.elements.clone(), inputs].concat();
        // The names that a loop within the turn gives values of other types: what they are after it nobody can tell.
        let mut lost = Vec::new();
        let walked = self.walk(&inputs, span, |checker| {
            checker.begin_turn(span);
            checker.enter_turn(&carried.values, site.elements.len() as u32);
            for name in &site.assigned {
                let place = (checker.scope(), name.clone());
                if carried.dropped.contains(&place) {
                    checker.set_in_scope(&place, Some(Binding::Retyped(span)));
                } else if checker.before_body(&place, span).is_none() {
                    checker.set_in_scope(&place, Some(Binding::OfTurns(span)));
                }
            }
            let element = checker.element_inputs(&site.form, &site.bounds);
            match in_body {
                Some(condition) => checker.turn_if(condition, turn, span)?,
                None => turn(checker, element)?,
            }
            let mut after = Vec::new();
            for place in carried.values.keys() {
                match checker.in_scope(place) {
                    Some(Binding::Value(value)) => after.push(value.clone()),
                    Some(Binding::OfTurns(_) | Binding::Retyped(_) | Binding::OneSided(_)) => lost.push(place.clone()),
                    _ => return Err(Reported),
                }
            }
            after.push(Value::Array(checker.flag(LOOP_OVER).ok_or(Reported)?));
            Ok(Value::Tuple(after))
        })?;
        if !lost.is_empty() {
            let dropped = lost.into_iter().map(|place| (place, Adaptation::Dropped)).collect();
            self.adapt(carried, dropped, span)?;
            return Ok(Attempt::Again);
        }
        self.finish_turns(site, carried, walked, bodies, has_condition)
    }

    /// A turn whose condition is evaluated in it.
    fn turn_if(&mut self, condition: Condition<'_, 'a>, turn: Turn<'_, 'a>, span: Span) -> Checks<()> {
        let holds = condition(self)?;
        match self.constant_of(holds).map(|known| known.as_integer() == Some(1)) {
            Some(true) => turn(self, Value::None),
            Some(false) => self.leave_turn(true, span),
            None => {
                let mut then = |checker: &mut Self| turn(checker, Value::None).map(|()| Value::None);
                let mut otherwise = |checker: &mut Self| checker.leave_turn(true, span).map(|()| Value::None);
                self.choose(holds, &mut then, Some(&mut otherwise), span).map(|_| ())
            }
        }
    }

    /// Carried names become inputs of the body, from this one on.
    fn enter_turn(&mut self, carried: &BTreeMap<Place, Value<Operand>>, first: u32) {
        let level = self.depth_of_levels();
        let mut next = first;
        for (place, value) in carried {
            let input = value.map(&mut |operand| {
                next += 1;
                Operand { level, node: NodeId(next - 1), weak: operand.weak }
            });
            self.set_in_scope(place, Some(Binding::Value(input)));
        }
    }

    /// Makes a loop of its walked bodies, or learns from them what else it carries.
    fn finish_turns(
        &mut self,
        site: &Site,
        carried: &mut Carried,
        walked: Walked,
        mut bodies: Vec<Body>,
        has_condition: bool,
    ) -> Checks<Attempt> {
        let Walked { mut level, value, changes, .. } = walked;
        let Value::Tuple(mut after) = value else { return Err(Reported) };
        let stop = after.pop().and_then(|stop| leaves(&stop).pop()).ok_or(Reported)?;
        let fitted = self.fit_carried(site, carried, &mut level, after);
        let before = carried.values.len();
        let others = self.other_names(site, carried, &changes);
        let ((mut outputs, adapted), others) = (fitted?, others?);
        if !adapted.is_empty() || carried.values.len() > before {
            self.adapt(carried, adapted, site.span)?;
            return Ok(Attempt::Again);
        }
        let stops = !matches!(level.builder.graph().node(stop.node).kind,
            NodeKind::Constant(known) if known.as_integer() == Some(0));
        if stops {
            outputs.push(stop.node);
        }
        let initial: Vec<Operand> = carried.values.values().flat_map(leaves).collect();
        bodies.push(Body { level, own: site.elements.len() + initial.len(), outputs });
        self.add_loop(site, carried, &initial, bodies, stops, has_condition)?;
        for (place, binding) in others {
            self.rebind_at(&place, binding);
        }
        Ok(Attempt::Built)
    }

    /// What the carried names are after a turn: the nodes that become the next turn's values, and the names that must be others.
    fn fit_carried(
        &mut self,
        site: &Site,
        carried: &mut Carried,
        level: &mut super::Level,
        after: Vec<Value<Operand>>,
    ) -> Checks<(Vec<NodeId>, Adapted)> {
        let mut failed = false;
        let mut outputs = Vec::new();
        let mut adapted = Vec::new();
        for ((place, before), after) in carried.values.iter().zip(after) {
            let after = self.in_form_before(level, before, after, site.span);
            match self.fit_turn(level, before, &after) {
                Fit::Same(dtypes) => {
                    for (leaf, dtype) in leaves(&after).into_iter().zip(dtypes) {
                        outputs.push(cast_in(level, leaf.node, dtype, site.span));
                    }
                }
                Fit::Adapts(dtypes) => adapted.push((place.clone(), Adaptation::DTypes(dtypes))),
                Fit::Differs if site.targets.contains(&place.1) => adapted.push((place.clone(), Adaptation::Dropped)),
                Fit::Differs
                    if carried.widened < MOST_WIDENED
                        && let Some(widened) = self.widened(level, before, &after, site.span) =>
                {
                    adapted.push((place.clone(), Adaptation::Widened(widened)));
                }
                Fit::Differs if matches!((before, &after), (Value::Text(_), Value::Text(_))) => {
                    self.cannot_carry(site, place, before);
                    failed = true;
                }
                Fit::Differs => {
                    let after = self.describe_in(level, &after);
                    self.type_changes(site, place, before, &after, carried.written.get(place).copied());
                    failed = true;
                }
            }
        }
        if adapted.iter().any(|(_, adaptation)| matches!(adaptation, Adaptation::Widened(_))) {
            carried.widened += 1;
        }
        if failed { Err(Reported) } else { Ok((outputs, adapted)) }
    }

    /// A value after a turn, with its strings in the forms that they had before it, where they are among these.
    fn in_form_before(
        &mut self,
        level: &mut super::Level,
        before: &Value<Operand>,
        after: Value<Operand>,
        span: Span,
    ) -> Value<Operand> {
        match (before, after) {
            (Value::Tuple(before), Value::Tuple(after)) if before.len() == after.len() => {
                let parts = before.iter().zip(after);
                Value::Tuple(parts.map(|(one, other)| self.in_form_before(level, one, other, span)).collect())
            }
            (Value::Text(form), Value::Text(text)) => match self.text_of_turn(level, form, &text, span) {
                Some(nodes) => {
                    let (own, mut nodes) = (self.levels.len() as u32, nodes.into_iter());
                    before.map(&mut |operand| match nodes.next() {
                        Some(node) => Operand { level: own, node, weak: operand.weak },
                        None => *operand,
                    })
                }
                None => Value::Text(text),
            },
            (_, after) => after,
        }
    }

    /// A value before a loop, with strings that may also be what a turn makes of them; `None`: it differs in something else.
    fn widened(
        &mut self,
        level: &super::Level,
        before: &Value<Operand>,
        after: &Value<Operand>,
        span: Span,
    ) -> Option<Value<Operand>> {
        match (before, after) {
            (Value::Tuple(before), Value::Tuple(after)) if before.len() == after.len() => {
                let mut parts = before.iter().zip(after);
                parts
                    .try_fold(Vec::new(), |mut parts, (one, other)| {
                        parts.push(self.widened(level, one, other, span)?);
                        Some(parts)
                    })
                    .map(Value::Tuple)
            }
            (Value::Text(before), Value::Text(after)) => self.widened_text(level, before, after, span),
            _ => match self.fit_turn(level, before, after) {
                Fit::Same(_) => Some(before.clone()),
                Fit::Adapts(dtypes) => self.with_dtypes(before, &dtypes, span).ok(),
                Fit::Differs => None,
            },
        }
    }

    /// What a turn did to names that are not carried: those that had a value before it are carried from now on, and the others are known
    /// in a turn only.
    fn other_names(&mut self, site: &Site, carried: &mut Carried, changes: &Changes) -> Checks<Vec<(Place, Binding)>> {
        let mut failed = false;
        let mut others = Vec::new();
        for (place, after) in changes {
            if carried.values.contains_key(place) || is_of_the_checker(place) {
                continue;
            }
            match (self.before_body(place, site.span), after) {
                (_, Some(Binding::Broken)) | (Some(Binding::Broken), _) => {
                    others.push((place.clone(), Binding::Broken));
                }
                (Some(Binding::Value(value)), Some(Binding::Value(_))) if !carried.dropped.contains(place) => {
                    if can_be_carried(&value) {
                        carried.values.insert(place.clone(), value);
                    } else {
                        self.cannot_carry(site, place, &value);
                        failed = true;
                    }
                }
                (None, Some(Binding::OfTurns(span))) if *span == site.span => {}
                _ if carried.dropped.contains(place) => others.push((place.clone(), Binding::Retyped(site.span))),
                _ => others.push((place.clone(), Binding::OfTurns(site.span))),
            }
        }
        if failed { Err(Reported) } else { Ok(others) }
    }

    /// Gives carried names first values of other dtypes, or carries them no more.
    fn adapt(&mut self, carried: &mut Carried, adapted: Adapted, span: Span) -> Checks<()> {
        for (place, adaptation) in adapted {
            match adaptation {
                Adaptation::DTypes(dtypes) => {
                    let value = self.with_dtypes(&carried.values[&place], &dtypes, span)?;
                    carried.values.insert(place, value);
                }
                Adaptation::Widened(value) => {
                    carried.values.insert(place, value);
                }
                Adaptation::Dropped => {
                    carried.values.remove(&place);
                    carried.dropped.insert(place);
                }
            }
        }
        Ok(())
    }

    /// Adds the node of a loop, and makes the carried names stand for what it gives.
    fn add_loop(
        &mut self,
        site: &Site,
        carried: &Carried,
        initial: &[Operand],
        bodies: Vec<Body>,
        stops: bool,
        has_condition: bool,
    ) -> Checks<()> {
        let span = site.span;
        let (mut graphs, captured, must_run) = close_bodies(bodies);
        let body = Arc::new(graphs.pop().ok_or(Reported)?);
        let condition = if has_condition { graphs.pop().map(Arc::new) } else { None };
        let types: Vec<Type> = initial.iter().map(|leaf| self.type_of(*leaf).clone()).collect();
        let first = initial.iter().map(|leaf| self.resolve(*leaf)).collect();
        let mapped = site.mapped.clone();
        let kind = NodeKind::Loop { condition, body, stops, mapped, carried: first, captured };
        let node = self.add_all(kind, types.clone(), span);
        if must_run {
            self.level().effects.push(Effect::Run(node.node));
        }
        let mut index = 0;
        for (place, value) in &carried.values {
            let result = value.map(&mut |leaf: &Operand| {
                let kind = NodeKind::Part { value: node.node, index };
                index += 1;
                let part =
                    if types.len() == 1 { node } else { self.add(kind, types[index as usize - 1].clone(), span) };
                Operand { weak: leaf.weak, ..part }
            });
            self.rebind_at(place, Binding::Value(result));
        }
        Ok(())
    }

    /// Whether a value after a turn (nodes of the body) may be the next turn's value before it.
    fn fit_turn(&self, level: &super::Level, before: &Value<Operand>, after: &Value<Operand>) -> Fit {
        if !self.is_alike_after(level, before, after) {
            return Fit::Differs;
        }
        let mut cast = Vec::new();
        let mut adapted = Vec::new();
        let mut adapts = false;
        for (old, new) in leaves(before).into_iter().zip(leaves(after)) {
            let old_type = self.type_of(old);
            let new_type = level.builder.graph().node(new.node).array_type();
            if old_type.shape != new_type.shape {
                return Fit::Differs;
            }
            let numerics = [(old_type.dtype, old.weak), (new_type.dtype, new.weak)];
            let meeting = common(&numerics.map(|(dtype, weak)| Numeric { dtype, weak }));
            let is_adapted = old.weak && !new.weak;
            if is_adapted && is_literal_of(old_type.dtype, new_type.dtype) {
                adapts = true;
                adapted.push((new_type.dtype, false));
            } else if !is_adapted && meeting.dtype == old_type.dtype && (new.weak || new_type.dtype == old_type.dtype) {
                adapted.push((old_type.dtype, old.weak));
            } else {
                return Fit::Differs;
            }
            cast.push(old_type.dtype);
        }
        if adapts { Fit::Adapts(adapted) } else { Fit::Same(cast) }
    }

    /// Whether a value after a turn is made as it was before it: of arrays, of whatever type, and of strings of one form.
    fn is_alike_after(&self, level: &super::Level, before: &Value<Operand>, after: &Value<Operand>) -> bool {
        match (before, after) {
            (Value::Array(_), Value::Array(_)) => true,
            (Value::Tuple(one), Value::Tuple(other)) => {
                let mut parts = one.iter().zip(other);
                one.len() == other.len() && parts.all(|(one, other)| self.is_alike_after(level, one, other))
            }
            (Value::Text(_), Value::Text(_)) => {
                before.is_alike(after, &mut |one, other| self.type_of(*one) == self.type_in(level, *other))
            }
            _ => false,
        }
    }

    /// A value with its arrays in other dtypes.
    fn with_dtypes(&mut self, value: &Value<Operand>, dtypes: &[(DType, bool)], span: Span) -> Checks<Value<Operand>> {
        let mut failed = false;
        let mut dtypes = dtypes.iter();
        let value = value.map(&mut |leaf: &Operand| match dtypes.next() {
            Some((dtype, weak)) => match self.convert(*leaf, *dtype, span) {
                Ok(converted) => Operand { weak: *weak, ..converted },
                Err(Reported) => {
                    failed = true;
                    *leaf
                }
            },
            None => *leaf,
        });
        if failed { Err(Reported) } else { Ok(value) }
    }

    /// Reports a name that is of one type before a turn and of another one after it.
    fn type_changes(
        &mut self,
        site: &Site,
        place: &Place,
        before: &Value<Operand>,
        after: &str,
        written: Option<Span>,
    ) {
        let name = &*place.1;
        let found = self.describe(before);
        let (message, diagnostic) = match site.text {
            Ok(body) => {
                let message = format!("`{name}` is {found} before a turn of this loop, and {after} after it");
                let turn = last_assignment(body, name).unwrap_or(site.span);
                let diagnostic = Diagnostic::error("E0320", message, turn, format!("{after} after a turn"));
                let first = written.filter(|first| first.start < body.span.start || first.end > body.span.end);
                match first {
                    Some(first) => (name, diagnostic.label(first, format!("{found} before the loop"))),
                    None => (name, diagnostic.label(site.span, format!("`{name}` is {found} before it"))),
                }
            }
            Err((function, initial)) => {
                let message = format!("the function gives {after}, and what it folds into is {found}");
                let diagnostic = Diagnostic::error("E0320", message, function, format!("gives {after}"));
                ("x", diagnostic.label(initial, found))
            }
        };
        let help = match site.text {
            Ok(_) => self.help_to_keep(message, before, after, written),
            Err(_) => format!("make both one type: start with {after}, or cast what the function gives"),
        };
        self.report(diagnostic.help(help));
    }

    /// What to type so that a name keeps its type.
    fn help_to_keep(&self, name: &str, before: &Value<Operand>, after: &str, written: Option<Span>) -> String {
        let Value::Array(operand) = before else {
            return "a loop's names keep their types: give what is of another type a name of its own".into();
        };
        let found = self.type_of(*operand);
        let dtype = after.split('[').next().unwrap_or(after);
        let shape = shape_in_words(after);
        let known = self.constant_of(*operand).and_then(|scalar| scalar.as_integer());
        let wanted = DType::from_name(dtype);
        match (known, wanted) {
            _ if !shape.is_empty() && found.rank() == 0 => {
                let whole = self.library.advice(Advice::StartWith).replace("{shape}", shape).replace("{dtype}", dtype);
                format!("start with the shape that a turn gives: `{name} = {whole}`")
            }
            (Some(known), Some(wanted)) if shape.is_empty() && found.rank() == 0 => match wanted.kind() {
                Kind::Float => format!("start with a float: `{name} = {known}.0`"),
                Kind::Complex => format!("start with a complex number: `{name} = {known} + 0j`"),
                _ => format!("start with that dtype: `{name} = {wanted}({known})`"),
            },
            (_, Some(_)) if shape_in_words(&found.to_string()) == shape => {
                let first = written.and_then(|written| self.quoted(written)).unwrap_or_else(|| "…".into());
                let start = format!("start with {dtype}: `{name} = {dtype}({first})`");
                format!("{start}, or cast what a turn gives: `{name} = {}(…)`", found.dtype)
            }
            _ => "a loop's names keep their shapes: collect values with a comprehension, `[… for x in xs]`".into(),
        }
    }

    /// Reports a name that a loop gives another value, and that is not made of arrays.
    fn cannot_carry(&mut self, site: &Site, place: &Place, value: &Value<Operand>) {
        let found = self.describe(value);
        let name = &place.1;
        let message = match value {
            Value::Text(_) => {
                format!("a loop chooses between strings that are known, and every turn makes new ones of `{name}`")
            }
            _ => format!("a loop carries arrays, strings and tuples of them, and `{name}` is {found}"),
        };
        let turn = site.text.ok().and_then(|body| last_assignment(body, name)).unwrap_or(site.span);
        let diagnostic = Diagnostic::error("E0320", message, turn, "given another value here");
        let help = match found.as_str() {
            "a string" => self.library.advice(Advice::ShowInLoop),
            _ => "choose by a number, and use an `if` where it is used",
        };
        self.report(diagnostic.label(site.span, "in this loop").help(help));
    }
}

/// Whether a literal of one dtype may as well be of another: both are integers, floats, or complex.
fn is_literal_of(literal: DType, dtype: DType) -> bool {
    let kind = |dtype: DType| match dtype.kind() {
        Kind::Unsigned => Kind::Signed,
        other => other,
    };
    kind(literal) == kind(dtype)
}

/// Whether the turns of a loop may hand a value on: it is made of arrays and strings.
fn can_be_carried(value: &Value<Operand>) -> bool {
    match value {
        Value::Array(_) | Value::Text(_) => true,
        Value::Tuple(values) => values.iter().all(can_be_carried),
        _ => false,
    }
}

/// The arrays of a value, in order.
pub(super) fn leaves(value: &Value<Operand>) -> Vec<Operand> {
    let mut leaves = Vec::new();
    value.visit(&mut |operand| leaves.push(*operand));
    leaves
}

/// The names that a block gives values, those of comprehensions and functions in it left out: they are their own.
pub(super) fn assigned_in(block: &Block, names: &mut Vec<Arc<str>>) {
    visit_statements(block, &mut |statement| match &statement.kind {
        StatementKind::Assign { target, .. } | StatementKind::For { target, .. } => {
            super::names::target_names(target, names);
        }
        StatementKind::Update { name, .. } => names.push(name.text.clone()),
        StatementKind::Function(function) => names.extend(function.name.iter().map(|name| name.text.clone())),
        _ => {}
    });
}

/// The same of an expression.
pub(super) fn assigned_in_expression(expression: &Expression, names: &mut Vec<Arc<str>>) {
    visit_blocks(expression, &mut |block| assigned_in(block, names));
}

/// The lengths in a type's words.
fn shape_in_words(array_type: &str) -> &str {
    array_type.split_once('[').map_or("", |(_, shape)| shape.trim_end_matches(']'))
}

/// The last place where a block gives a name a value.
pub(super) fn last_assignment(block: &Block, name: &str) -> Option<Span> {
    let mut last = None;
    visit_statements(block, &mut |statement| {
        let mut names = Vec::new();
        match &statement.kind {
            StatementKind::Assign { target, .. } => super::names::target_names(target, &mut names),
            StatementKind::Update { name, .. } => names.push(name.text.clone()),
            StatementKind::Function(function) => names.extend(function.name.iter().map(|name| name.text.clone())),
            StatementKind::For { target, sequence, .. } => {
                super::names::target_names(target, &mut names);
                if names.iter().any(|one| &**one == name) {
                    last = Some(Span { end: sequence.span.end, ..statement.span });
                }
                return;
            }
            _ => {}
        }
        if names.iter().any(|one| &**one == name) {
            last = Some(statement.span);
        }
    });
    last
}

/// The same of an expression.
pub(super) fn last_assignment_in_expression(expression: &Expression, name: &str) -> Option<Span> {
    let mut last = None;
    visit_blocks(expression, &mut |block| last = last_assignment(block, name).or(last));
    last
}

/// Shows every statement of a block, and of the blocks in it that share its names.
fn visit_statements(block: &Block, see: &mut dyn FnMut(&Statement)) {
    for statement in &block.statements {
        see(statement);
        match &statement.kind {
            StatementKind::Expression(value)
            | StatementKind::Assign { value, .. }
            | StatementKind::Update { value, .. } => {
                visit_blocks(value, &mut |block| visit_statements(block, see));
            }
            StatementKind::For { sequence, body, .. } => {
                visit_blocks(sequence, &mut |block| visit_statements(block, see));
                visit_statements(body, see);
            }
            StatementKind::While { condition, body } => {
                visit_blocks(condition, &mut |block| visit_statements(block, see));
                visit_statements(body, see);
            }
            _ => {}
        }
    }
}

/// Shows the blocks of an expression whose names are the names around it.
fn visit_blocks(expression: &Expression, see: &mut dyn FnMut(&Block)) {
    match &expression.kind {
        ExpressionKind::Block(block) => see(block),
        ExpressionKind::If { condition, then, otherwise } => {
            visit_blocks(condition, see);
            see(then);
            otherwise.iter().for_each(|otherwise| visit_blocks(otherwise, see));
        }
        ExpressionKind::Annotated { value, .. } => visit_blocks(value, see),
        ExpressionKind::Unary { operand, .. } => visit_blocks(operand, see),
        ExpressionKind::Binary { left, right, .. } => {
            visit_blocks(left, see);
            visit_blocks(right, see);
        }
        ExpressionKind::Chain { first, rest } => {
            visit_blocks(first, see);
            rest.iter().for_each(|(_, _, operand)| visit_blocks(operand, see));
        }
        ExpressionKind::Call { function, arguments } => {
            visit_blocks(function, see);
            arguments.iter().for_each(|argument| visit_blocks(&argument.value, see));
        }
        ExpressionKind::Index { base, subscripts } => {
            visit_blocks(base, see);
            for subscript in subscripts {
                match subscript {
                    ast::Subscript::Value(value) => visit_blocks(value, see),
                    ast::Subscript::Slice { start, stop, step, .. } => {
                        [start, stop, step].into_iter().flatten().for_each(|bound| visit_blocks(bound, see));
                    }
                }
            }
        }
        ExpressionKind::Property { base, .. } => visit_blocks(base, see),
        ExpressionKind::Tuple(values) | ExpressionKind::Array(values) => {
            values.iter().for_each(|value| visit_blocks(value, see));
        }
        ExpressionKind::FormatText(pieces) => {
            for piece in pieces {
                if let ast::FormatPiece::Value { value, .. } = piece {
                    visit_blocks(value, see);
                }
            }
        }
        ExpressionKind::Comprehension { .. }
        | ExpressionKind::Lambda(_)
        | ExpressionKind::Integer(_)
        | ExpressionKind::Float(_)
        | ExpressionKind::Imaginary(_)
        | ExpressionKind::Bool(_)
        | ExpressionKind::Text(_)
        | ExpressionKind::Name(_)
        | ExpressionKind::Ellipsis
        | ExpressionKind::Error => {}
    }
}
