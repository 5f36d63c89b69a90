//! The pass `schedule`: groups become regions, and steps get an order.
//!
//! Effects give the order: before each come the steps that it needs and that have not run, then at last those that only the
//! outputs need.

use super::counter::Counter;
use super::region::{Region, Site, Source, ValueId};
use super::{
    Choice, ChunkStep, Draft, Handed, IndexPlace, LoopStep, MapStep, Sizing, Step, UpdateStep, Walked, Work, build,
    fuse, place, plan_sized, vectorise,
};
use crate::machine::MachineCode;
use crate::machine::regions::lane_loop;
use std::collections::HashSet;
use thalweg_lang::dtype::Scalar;
use thalweg_lang::graph::{Effect, IndexAxis, NodeId, NodeKind};
use thalweg_lang::types::ArrayType;

/// Runs the pass.
pub fn run(draft: &mut Draft) {
    let bases = draft.bases();
    draft.values = value_types(draft);
    let stored = stored(draft);
    let mut scheduler = Scheduler { draft, bases, stored, made: Vec::new() };
    scheduler.made = vec![false; scheduler.draft.graph.nodes.len()];
    scheduler.order();
}

fn value_types(draft: &Draft) -> Vec<ArrayType> {
    let nodes = draft.graph.nodes.iter().filter(|node| !matches!(node.kind, NodeKind::Part { .. }));
    nodes.flat_map(|node| node.types.iter().cloned()).collect()
}

/// For each node whether its value is needed as an array outside of its group.
pub fn stored(draft: &Draft) -> Vec<bool> {
    let mut stored = vec![false; draft.graph.nodes.len()];
    for (index, node) in draft.graph.nodes.iter().enumerate().filter(|(index, _)| draft.needed[*index]) {
        let group = draft.group_of[index];
        for operand in node.kind.operands() {
            let is_register = group.is_some()
                && draft.group_of[operand.index()] == group
                && !matches!(draft.graph.node(operand).kind, NodeKind::Reduce { .. });
            stored[operand.index()] |= !is_register;
        }
    }
    draft.graph.outputs.iter().for_each(|id| stored[id.index()] = true);
    for effect in &draft.graph.effects {
        if let Effect::Call { arguments, .. } = effect {
            arguments.iter().for_each(|value| value.visit(&mut |id| stored[id.index()] = true));
        }
    }
    stored
}

struct Scheduler<'a, 'b> {
    draft: &'a mut Draft<'b>,
    bases: Vec<ValueId>,
    stored: Vec<bool>,
    /// For each node whether its value is there; for a group's members all at once.
    made: Vec<bool>,
}

impl Scheduler<'_, '_> {
    fn order(&mut self) {
        for effect in self.draft.graph.effects.clone() {
            match effect {
                Effect::Run(id) => self.make(id),
                Effect::Call { operation, arguments, span } => {
                    let mut roots = Vec::new();
                    arguments.iter().for_each(|value| value.visit(&mut |id| roots.push(*id)));
                    roots.into_iter().for_each(|id| self.make(id));
                    let arguments =
                        arguments.iter().map(|value| value.map(&mut |&id| self.draft.value_of(&self.bases, id)));
                    let work = Work::Effect { operation, arguments: arguments.collect() };
                    let site = Site { threads: 1, is_light: false, reason: "effects happen in order".to_owned() };
                    self.draft.steps.push(Step::new(work, span, site));
                }
            }
        }
        for id in self.draft.graph.outputs.clone() {
            self.make(id);
        }
    }

    /// Emits the steps that make a node's value, and before them those that they need.
    fn make(&mut self, id: NodeId) {
        let mut stack = vec![(id, false)];
        let mut begun: HashSet<NodeId> = HashSet::new();
        while let Some((id, ready)) = stack.pop() {
            if self.made[id.index()] {
                continue;
            }
            if ready {
                self.emit(id);
                continue;
            }
            if !begun.insert(self.first_of(id)) {
                let span = self.draft.graph.node(id).span;
                return self.draft.refuse("internal error: a step needs its own result".to_owned(), span);
            }
            stack.push((id, true));
            stack.extend(self.needs(id).into_iter().rev().map(|id| (id, false)));
        }
    }

    /// The first member of a node's group, or the node.
    fn first_of(&self, id: NodeId) -> NodeId {
        self.draft.group_of[id.index()].map_or(id, |group| self.draft.groups[group].members[0])
    }

    /// The nodes whose values must be there before a node's, or its group's, can be made.
    fn needs(&self, id: NodeId) -> Vec<NodeId> {
        let graph = &self.draft.graph;
        let Some(group) = self.draft.group_of[id.index()] else {
            let mut needs = self.draft.before[id.index()].clone();
            needs.extend(self.operands(id));
            return needs;
        };
        let mut needs = Vec::new();
        for &member in &self.draft.groups[group].members {
            for operand in graph.node(member).kind.operands() {
                if self.draft.group_of[operand.index()] == Some(group) {
                    continue;
                }
                let root = fuse::root(graph, operand);
                if fuse::is_array(graph, root) {
                    needs.push(root);
                }
            }
        }
        needs
    }

    /// The operands that a node that is in no group needs as values.
    fn operands(&self, id: NodeId) -> Vec<NodeId> {
        let kind = &self.draft.graph.node(id).kind;
        let mut operands = kind.operands();
        if let NodeKind::Map { mapped, .. } | NodeKind::Loop { mapped, .. } = kind {
            let count = mapped.len();
            let mut position = 0;
            operands.retain(|&operand| {
                position += 1;
                position > count || matches!(self.walked(operand), Walked::Value(_))
            });
        }
        operands
    }

    /// How a mapped array is walked along.
    fn walked(&self, id: NodeId) -> Walked {
        match Counter::of(&self.draft.graph, id) {
            Some(counter) if counter.steps.len() == 1 => {
                Walked::Counter { start: counter.start, step: counter.steps[0] }
            }
            _ => Walked::Value(self.draft.value_of(&self.bases, id)),
        }
    }

    fn emit(&mut self, id: NodeId) {
        if let Some(group) = self.draft.group_of[id.index()] {
            let members = self.draft.groups[group].members.clone();
            members.iter().for_each(|member| self.made[member.index()] = true);
            let region = build::region(self.draft, group, &self.bases, &self.stored);
            let span = self.draft.graph.node(members[members.len() - 1]).span;
            return self.push_region(region, span);
        }
        self.made[id.index()] = true;
        let node = self.draft.graph.node(id).clone();
        let value = |id: NodeId| self.draft.value_of(&self.bases, id);
        let values = |ids: &[NodeId]| ids.iter().map(|&id| self.draft.value_of(&self.bases, id)).collect::<Vec<_>>();
        // Which of them are read here last is known when all steps are.
        let handed =
            |ids: &[NodeId]| values(ids).into_iter().map(|value| Handed { value, last: false }).collect::<Vec<_>>();
        let places = |axes: &[IndexAxis]| index_places(self.draft, &self.bases, axes);
        let calling = |reason: &str| Site { threads: 1, is_light: false, reason: reason.to_owned() };
        let (work, site) = match &node.kind {
            NodeKind::Input(_) | NodeKind::Part { .. } => return,
            NodeKind::Iota => {
                let region = build::iota(self.draft, id, value(id));
                return self.push_region(region, node.span);
            }
            NodeKind::Constant(scalar) => (Work::Constant(*scalar), calling("known")),
            NodeKind::Literal(elements) => (Work::Literal(elements.clone()), calling("known")),
            NodeKind::View { value: source, axes } => {
                (Work::View { value: value(*source), axes: axes.clone() }, calling("no copy"))
            }
            NodeKind::Reshape(source) => {
                (Work::Reshape { value: value(*source) }, calling("no copy if it lies in order"))
            }
            NodeKind::Stack(sources) => (Work::Stack { values: values(sources) }, calling("a copy")),
            NodeKind::Apply { operation, operands, attributes } => {
                let work =
                    Work::Apply { operation: *operation, operands: values(operands), attributes: attributes.clone() };
                (work, place::apply_site(self.draft, id))
            }
            NodeKind::Map { body, mapped, captured } => {
                let site = place::map_site(self.draft, id);
                let share = (self.draft.settings.threads / site.threads).max(1);
                let length = self.draft.graph.node(mapped[0]).array_type().shape[0];
                let chunks = vectorise::chunks(&node, length, site.threads, self.draft.bodies);
                let chunks = chunks.map(|chunks| ChunkStep {
                    lanes: chunks.lanes,
                    each: self.body(&chunks.each, share),
                    last: chunks.last.map(|last| self.body(&last, share)),
                });
                let body = self.body(body, share);
                let mapped = mapped.iter().map(|&id| self.walked(id)).collect();
                let captured = values(captured);
                (Work::Map(MapStep { body, chunks, length, mapped, captured, machine: None }), site)
            }
            NodeKind::If { condition, then, otherwise, captured } => {
                let threads = self.draft.settings.threads;
                let (then, otherwise) = (self.body(then, threads), self.body(otherwise, threads));
                let captured = handed(captured);
                let work = Work::If(Choice { condition: value(*condition), then, otherwise, captured });
                (work, calling("one of two"))
            }
            NodeKind::Loop { condition, body, stops, mapped, carried, captured } => {
                let threads = self.draft.settings.threads;
                let length = mapped.first().map(|&id| self.draft.graph.node(id).array_type().shape[0]);
                let mut work = LoopStep {
                    condition: condition.as_ref().map(|condition| self.body(condition, threads)),
                    body: self.body(body, threads),
                    stops: *stops,
                    turns: length.unwrap_or(usize::MAX),
                    mapped: mapped.iter().map(|&id| self.walked(id)).collect(),
                    carried: handed(carried),
                    captured: values(captured),
                    machine: None,
                    lanes: None,
                };
                if self.draft.settings.machine_code != MachineCode::Off && self.draft.sizing != Sizing::Open {
                    work.lanes = lane_loop(&work, self.draft.settings.level).ok().map(Box::new);
                }
                (Work::Loop(work), calling("turn by turn"))
            }
            NodeKind::Elementwise { operation, .. } | NodeKind::Reduce { operation, .. } => {
                let message = format!("internal error: `{}` is in no region", self.draft.bodies.name(*operation));
                return self.draft.refuse(message, node.span);
            }
            NodeKind::Gather { value: source, axes } => {
                (Work::Gather { value: value(*source), axes: places(axes) }, place::gather_site(self.draft, id))
            }
            NodeKind::Update { value: source, axes, shape, new, operation } => {
                let combine = operation.map(|operation| build::combine(self.draft, operation, id));
                if combine.as_ref().is_some_and(Option::is_none) {
                    return;
                }
                let handed = |id: NodeId| Handed { value: self.draft.value_of(&self.bases, id), last: false };
                let (value, new) = (handed(*source), handed(*new));
                let axes = index_places(self.draft, &self.bases, axes);
                let update = UpdateStep { value, axes, shape: shape.clone(), new, combine: combine.flatten() };
                (Work::Update(update), calling("where it lies if nothing else needs it"))
            }
            NodeKind::Count(source) => (Work::Count { value: value(*source) }, calling("a count")),
            NodeKind::Positions(source) => (Work::Positions { value: value(*source) }, calling("a search")),
            NodeKind::SliceBounds { length, start, stop, step } => {
                let (start, stop) = (start.map(value), stop.map(value));
                (Work::SliceBounds { length: *length, start, stop, step: *step }, calling("known now"))
            }
            NodeKind::Size(length) => (Work::Constant(Scalar::i64(*length as i64)), calling("known")),
            NodeKind::Cast(_) | NodeKind::Select { .. } => {
                return self.draft.refuse("internal error: a cast is in no region".to_owned(), node.span);
            }
        };
        let base = self.bases[id.index()];
        let results = (base..base + node.types.len()).collect();
        self.draft.steps.push(Step { results, types: node.types, ..Step::new(work, node.span, site) });
    }

    /// The plan of a body that has so many threads.
    fn body(&self, body: &thalweg_lang::graph::Graph, threads: usize) -> Box<super::Plan> {
        let settings = super::Settings { threads, ..self.draft.settings.clone() };
        let limit = if threads < self.draft.settings.threads { threads } else { self.draft.limit };
        Box::new(plan_sized(body, self.draft.bodies, &settings, limit, self.draft.sizing))
    }

    fn push_region(&mut self, region: Region, span: thalweg_lang::source::Span) {
        let site = region.site.clone();
        let work = Work::Region(Box::new(region));
        self.draft.steps.push(Step::new(work, span, site));
    }
}

/// The indices of a gather or an update, as values.
fn index_places(draft: &Draft, bases: &[ValueId], axes: &[IndexAxis]) -> Vec<IndexPlace> {
    let place = |axis: &IndexAxis| IndexPlace {
        place: axis.place,
        index: axis.index.map(|index| draft.value_of(bases, index)),
    };
    axes.iter().map(place).collect()
}

fn walked_values(walked: &[Walked]) -> impl Iterator<Item = ValueId> {
    walked.iter().filter_map(|walked| match walked {
        Walked::Value(value) => Some(*value),
        Walked::Counter { .. } => None,
    })
}

impl Step {
    /// The values that the step reads.
    pub(super) fn reads(&self) -> Vec<ValueId> {
        match &self.work {
            Work::Region(region) => {
                let values = region.leaves.iter().filter_map(|leaf| match &leaf.source {
                    Source::Array { value, .. } => Some(*value),
                    _ => None,
                });
                let within = region.stores.iter().filter_map(|store| store.within.as_ref());
                values.chain(within.map(|within| within.value.value)).collect()
            }
            Work::Constant(_) | Work::Literal(_) => Vec::new(),
            Work::View { value, .. } | Work::Reshape { value } => vec![*value],
            Work::Stack { values } => values.clone(),
            Work::Gather { value, axes } => {
                std::iter::once(*value).chain(axes.iter().filter_map(|axis| axis.index)).collect()
            }
            Work::Update(update) => [update.value.value, update.new.value]
                .into_iter()
                .chain(update.axes.iter().filter_map(|axis| axis.index))
                .collect(),
            Work::Count { value } | Work::Positions { value } => vec![*value],
            Work::Compress { value, mask } => vec![*value, *mask],
            Work::SliceBounds { start, stop, .. } => start.iter().chain(stop).copied().collect(),
            Work::Apply { operands, .. } => operands.clone(),
            Work::Map(map) => walked_values(&map.mapped).chain(map.captured.iter().copied()).collect(),
            Work::If(choice) => {
                std::iter::once(choice.condition).chain(choice.captured.iter().map(|handed| handed.value)).collect()
            }
            Work::Loop(repeated) => walked_values(&repeated.mapped)
                .chain(repeated.carried.iter().map(|handed| handed.value))
                .chain(repeated.captured.iter().copied())
                .collect(),
            Work::Effect { arguments, .. } => {
                let mut values = Vec::new();
                arguments.iter().for_each(|value| value.visit(&mut |value| values.push(*value)));
                values
            }
        }
    }

    /// The values that the step makes.
    pub(crate) fn makes(&self) -> Vec<ValueId> {
        match &self.work {
            Work::Region(region) => {
                let stores = region.stores.iter().map(|store| store.value);
                stores.chain(region.ends.iter().map(|end| end.value)).collect()
            }
            _ => self.results.clone(),
        }
    }
}
