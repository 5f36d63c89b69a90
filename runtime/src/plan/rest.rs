//! What follows a plan whose sizes are not all known: when its steps have told them, the rest is closed and planned. The plans
//! are kept by sizes, because the body of a loop comes back with the same ones again and again.

use super::{Plan, Settings, Sizing, plan_sized};
use crate::operation::Bodies;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use thalweg_lang::close::close;
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::DType;
use thalweg_lang::graph::{Graph, Input, Node, NodeKind, Rest};
use thalweg_lang::length::{Length, Sizes};
use thalweg_lang::types::ArrayType;

/// How many plans are kept, the latest ones.
const MOST_PLANS: usize = 4096;

/// What stands for a size that nobody knows: each one is eight times the last. No length of an array that a body gets is half as
/// large as the first, so that a number tells what it is made of.
pub(crate) const PLACEHOLDER: i64 = 1 << 26;

/// How many placeholders there are.
pub(crate) const MOST_PLACEHOLDERS: usize = 4;

/// The greatest factor of a placeholder in a number that can be told apart.
pub(crate) const MOST_FACTOR: i64 = 3;

/// A placeholder by its number.
pub(crate) fn placeholder(number: usize) -> i64 {
    PLACEHOLDER << (3 * number)
}

/// The plan of a rest for all sizes at once: where a number depends on sizes, it is made of placeholders for them.
pub(crate) struct Generic {
    /// The plan; never run.
    pub(crate) plan: Plan,
    /// What stands for each size that the steps before tell.
    pub(crate) placeholders: Vec<i64>,
    /// The numbers that the plan takes as inputs behind its others: lengths that it computes with, as placeholders make them.
    pub(crate) lengths: Vec<i64>,
}

/// The rest of a plan.
pub(crate) struct Following {
    pub(super) rest: Rest,
    settings: Settings,
    limit: usize,
    known: Mutex<Known>,
    generic: OnceLock<Option<Box<Generic>>>,
}

/// The plans so far, each with the time of its last use.
#[derive(Default)]
struct Known {
    plans: HashMap<Vec<i64>, (Arc<Plan>, u64)>,
    time: u64,
}

impl Following {
    pub(super) fn new(rest: Rest, settings: Settings, limit: usize) -> Following {
        Following { rest, settings, limit, known: Mutex::default(), generic: OnceLock::new() }
    }

    /// How many sizes it waits for: the last outputs of the plan before it.
    pub(crate) fn waits_for(&self) -> usize {
        self.rest.told.len()
    }

    /// The plan for these sizes.
    pub(crate) fn plan(&self, told: Vec<i64>, bodies: &dyn Bodies) -> Result<Arc<Plan>, Diagnostic> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut known = known();
            known.time += 1;
            let time = known.time;
            if let Some((plan, used)) = known.plans.get_mut(&told) {
                *used = time;
                return Ok(plan.clone());
            }
        }
        let mut sizes = self.rest.known.clone();
        sizes.extend(self.rest.told.iter().cloned().zip(told.iter().copied()));
        let graph = close(&self.rest.graph, &sizes)?;
        let mut plan = plan_sized(&graph, bodies, &self.settings, self.limit, Sizing::Told);
        crate::machine::loops::offer(&mut plan, bodies, self.settings.machine_code);
        let plan = Arc::new(plan);
        let mut known = known();
        if known.plans.len() >= MOST_PLANS {
            // Half of them at once, so that looking for the oldest costs little.
            let mut times: Vec<u64> = known.plans.values().map(|(_, used)| *used).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            known.plans.retain(|_, (_, used)| *used > middle);
        }
        let time = known.time;
        known.plans.insert(told, (plan.clone(), time));
        Ok(plan)
    }

    /// The plan for all sizes, if there is one.
    pub(crate) fn generic(&self, bodies: &dyn Bodies) -> Option<&Generic> {
        self.generic.get_or_init(|| self.make_generic(bodies).map(Box::new)).as_deref()
    }

    fn make_generic(&self, bodies: &dyn Bodies) -> Option<Generic> {
        let Rest { graph, known, told } = &self.rest;
        let (numbers, open): (Sizes, Sizes) = known.clone().into_iter().partition(|(_, size)| *size < PLACEHOLDER / 2);
        if open.len() + told.len() > MOST_PLACEHOLDERS || !graph.effects.is_empty() || !is_generic(graph, &numbers) {
            return None;
        }
        let placeholders: Vec<i64> = (open.len()..open.len() + told.len()).map(placeholder).collect();
        let mut sizes = known.clone();
        sizes.extend(told.iter().cloned().zip(placeholders.iter().copied()));
        // A length that the body computes with is an input: what becomes of it is not to be told from its result.
        let mut graph = (**graph).clone();
        let mut lengths = Vec::new();
        for node in &mut graph.nodes {
            let NodeKind::Size(length) = &node.kind else { continue };
            if length.with(&numbers).ok()?.known().is_none() {
                lengths.push(length.with(&sizes).ok()?.known()? as i64);
                node.kind = NodeKind::Input(graph.inputs.len() as u32);
                graph.inputs.push(Input { name: "a length".into(), array_type: ArrayType::scalar(DType::I64) });
            }
        }
        let graph = close(&graph, &sizes).ok().filter(is_countable)?;
        let settings = Settings { threads: 1, ..self.settings.clone() };
        let plan = plan_sized(&graph, bodies, &settings, self.limit, Sizing::Open);
        plan.refusal.is_none().then_some(Generic { plan, placeholders, lengths })
    }
}

/// Whether every length in a graph is a number that is no placeholder, or a sum of sizes with small factors; whether its
/// bodies compute with none that is not known; and whether what must hold of sizes holds for all.
fn is_generic(graph: &Graph<Length>, numbers: &Sizes) -> bool {
    if !graph.guards.iter().all(|guard| guard.holds_always(numbers)) {
        return false;
    }
    let mut lengths: Vec<&Length> = Vec::new();
    for node in &graph.nodes {
        lengths.extend(node.types.iter().flat_map(|array_type| &array_type.shape));
    }
    let is_never_negative = |length: &Length| match length.with(numbers) {
        Ok(Length::Open(sum)) => sum.is_never_negative(),
        known => known.is_ok(),
    };
    let mut is_small = lengths.into_iter().all(|length| is_small_sum(length, numbers) && is_never_negative(length));
    for node in &graph.nodes {
        node.kind.lengths(&mut |length| is_small &= is_small_sum(length, numbers));
        for body in node.kind.bodies() {
            let computes = body.nodes.iter().any(|node| {
                matches!(&node.kind, NodeKind::Size(length) if length.with(numbers).map_or(true, |length| length.known().is_none()))
            });
            is_small &= !computes && is_generic(body, numbers);
        }
    }
    is_small
}

/// Whether arrays as large as their shapes say could be counted in bytes: placeholders multiply.
fn is_countable(graph: &Graph) -> bool {
    let is_countable_type = |array_type: &ArrayType| {
        let bytes = array_type.shape.iter().try_fold(16usize, |bytes, &length| bytes.checked_mul(length.max(1)));
        bytes.is_some_and(|bytes| bytes < 1 << 62)
    };
    let is_countable_node =
        |node: &Node| node.types.iter().all(is_countable_type) && node.kind.bodies().into_iter().all(is_countable);
    graph.nodes.iter().all(is_countable_node)
}

fn is_small_sum(length: &Length, numbers: &Sizes) -> bool {
    let is_number = |number: i64| number.abs() < PLACEHOLDER / 8;
    match length.with(numbers) {
        Ok(Length::Known(number)) => i64::try_from(number).is_ok_and(is_number),
        Ok(Length::Open(sum)) => sum.terms().all(|(symbols, factor)| match symbols.len() {
            0 => is_number(factor),
            1 => factor.abs() <= MOST_FACTOR,
            _ => false,
        }),
        // The last place of an axis without elements.
        Err(number) => number == -1,
    }
}
