//! The pass `schedule`: groups become regions, steps get an order, and every value's memory its end.
//!
//! Effects give the order: before each come the steps that it needs and that have not run, then at last those that only the
//! outputs need. A value is dropped after the step that reads it last, and a stored result may take over the memory of an
//! operand that dies there.

use super::region::{Region, Site, Source, ValueId, bytes_of};
use super::{Draft, MapStep, Step, Work, build, fuse, place, plan_body};
use std::collections::HashMap;
use thalweg_lang::graph::{Effect, NodeId, NodeKind, SourceAxis};
use thalweg_lang::types::ArrayType;

/// Runs the pass.
pub fn run(draft: &mut Draft) {
    let bases = draft.bases();
    draft.values = value_types(draft);
    let stored = stored(draft);
    let mut scheduler = Scheduler { draft, bases, stored, made: Vec::new() };
    scheduler.made = vec![false; scheduler.draft.graph.nodes.len()];
    scheduler.order();
    drops(draft);
    takeovers(draft);
    draft.peak = peak(draft);
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
                    let site = Site { threads: 1, reason: "effects happen in order".to_owned() };
                    self.draft.steps.push(Step {
                        work,
                        results: Vec::new(),
                        types: Vec::new(),
                        span,
                        site,
                        drops: Vec::new(),
                    });
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
        while let Some((id, ready)) = stack.pop() {
            if self.made[id.index()] {
                continue;
            }
            if ready {
                self.emit(id);
                continue;
            }
            stack.push((id, true));
            stack.extend(self.needs(id).into_iter().rev().map(|id| (id, false)));
        }
    }

    /// The nodes whose values must be there before a node's, or its group's, can be made.
    fn needs(&self, id: NodeId) -> Vec<NodeId> {
        let graph = &self.draft.graph;
        let Some(group) = self.draft.group_of[id.index()] else { return graph.node(id).kind.operands() };
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
        let calling = |reason: &str| Site { threads: 1, reason: reason.to_owned() };
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
                let body = self.body(body, share);
                (Work::Map(MapStep { body, mapped: values(mapped), captured: values(captured) }), site)
            }
            NodeKind::If { condition, then, otherwise, captured } => {
                let threads = self.draft.settings.threads;
                let (then, otherwise) = (self.body(then, threads), self.body(otherwise, threads));
                let work = Work::If { condition: value(*condition), then, otherwise, captured: values(captured) };
                (work, calling("one of two"))
            }
            NodeKind::Elementwise { operation, .. } | NodeKind::Reduce { operation, .. } => {
                let message = format!("internal error: `{}` is in no region", self.draft.bodies.name(*operation));
                return self.draft.refuse(message, node.span);
            }
            NodeKind::Size(_)
            | NodeKind::Select { .. }
            | NodeKind::Gather { .. }
            | NodeKind::Update { .. }
            | NodeKind::Count(_)
            | NodeKind::Positions(_)
            | NodeKind::SliceBounds { .. }
            | NodeKind::Loop { .. } => {
                return self.draft.refuse("internal error: this node is not built yet".to_owned(), node.span);
            }
            NodeKind::Cast(_) => {
                return self.draft.refuse("internal error: a cast is in no region".to_owned(), node.span);
            }
        };
        let base = self.bases[id.index()];
        let results = (base..base + node.types.len()).collect();
        self.draft.steps.push(Step { work, results, types: node.types, span: node.span, site, drops: Vec::new() });
    }

    /// The plan of a body that has so many threads.
    fn body(&self, body: &thalweg_lang::graph::Graph, threads: usize) -> Box<super::Plan> {
        let settings = super::Settings { threads, ..self.draft.settings.clone() };
        let limit = if threads < self.draft.settings.threads { threads } else { self.draft.limit };
        Box::new(plan_body(body, self.draft.bodies, &settings, limit))
    }

    fn push_region(&mut self, region: Region, span: thalweg_lang::source::Span) {
        let site = region.site.clone();
        let work = Work::Region(Box::new(region));
        self.draft.steps.push(Step { work, results: Vec::new(), types: Vec::new(), span, site, drops: Vec::new() });
    }
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
                values.collect()
            }
            Work::Constant(_) | Work::Literal(_) => Vec::new(),
            Work::View { value, .. } | Work::Reshape { value } => vec![*value],
            Work::Stack { values } => values.clone(),
            Work::Apply { operands, .. } => operands.clone(),
            Work::Map(map) => map.mapped.iter().chain(&map.captured).copied().collect(),
            Work::If { condition, captured, .. } => {
                std::iter::once(*condition).chain(captured.iter().copied()).collect()
            }
            Work::Effect { arguments, .. } => {
                let mut values = Vec::new();
                arguments.iter().for_each(|value| value.visit(&mut |value| values.push(*value)));
                values
            }
        }
    }

    /// The values that the step makes.
    pub(super) fn makes(&self) -> Vec<ValueId> {
        match &self.work {
            Work::Region(region) => {
                let stores = region.stores.iter().map(|store| store.value);
                stores.chain(region.ends.iter().map(|end| end.value)).collect()
            }
            _ => self.results.clone(),
        }
    }
}

/// Notes for each step the values that are read there last; what nothing reads dies where it is made.
fn drops(draft: &mut Draft) {
    let bases = draft.bases();
    let mut last: HashMap<ValueId, usize> = HashMap::new();
    for (index, step) in draft.steps.iter().enumerate() {
        step.reads().into_iter().chain(step.makes()).for_each(|value| {
            last.insert(value, index);
        });
    }
    for &output in &draft.graph.outputs {
        last.remove(&draft.value_of(&bases, output));
    }
    let mut last: Vec<(ValueId, usize)> = last.into_iter().collect();
    last.sort_unstable();
    for (value, step) in last {
        draft.steps[step].drops.push(value);
    }
}

/// Lets stored results take over the memory of operands that die in their region.
fn takeovers(draft: &mut Draft) {
    // A view's memory is another value's. An input's is the caller's, who may give it away: the run finds out, and a value
    // that a step has made is the better choice.
    let mut is_view = vec![false; draft.values.len()];
    let mut is_made = vec![false; draft.values.len()];
    for step in &draft.steps {
        let views = matches!(step.work, Work::View { .. } | Work::Reshape { .. } | Work::Constant(_));
        for value in step.makes() {
            is_view[value] = views;
            is_made[value] = true;
        }
    }
    for step in &mut draft.steps {
        let drops = step.drops.clone();
        let Work::Region(region) = &mut step.work else { continue };
        let mut free: Vec<ValueId> = drops.into_iter().filter(|&value| !is_view[value]).collect();
        free.sort_by_key(|&value| !is_made[value]);
        for index in 0..region.stores.len() {
            let bytes = bytes_of(&draft.values[region.stores[index].value]);
            let fits = |value: ValueId| bytes_of(&draft.values[value]) == bytes && may_take(region, index, value);
            let found = free.iter().position(|&value| fits(value));
            region.stores[index].reuse = found.map(|found| free.remove(found));
        }
    }
}

/// Whether a store may write where a value lies: the value is read at the same index only, and by nothing after the write.
fn may_take(region: &Region, store: usize, value: ValueId) -> bool {
    let leaves = region.leaves.len();
    let register = region.stores[store].register;
    let in_c_order = region.order.iter().copied().eq(0..region.order.len());
    let reads: Vec<usize> = (0..leaves)
        .filter(|&leaf| matches!(&region.leaves[leaf].source, Source::Array { value: other, .. } if *other == value))
        .collect();
    let [leaf] = reads[..] else { return false };
    let Source::Array { axes, .. } = &region.leaves[leaf].source else { return false };
    let straight = axes.len() == region.shape.len()
        && axes.iter().enumerate().all(|(index, axis)| *axis == SourceAxis { start: 0, step: 1, axis: Some(index) });
    let read_later = register < leaves
        || region.instructions[register - leaves + 1..].iter().any(|instruction| instruction.operands.contains(&leaf));
    let kept = region.ends.iter().any(|end| end.register == leaf) || region.stores.iter().any(|s| s.register == leaf);
    in_c_order && straight && !read_later && !kept && region.leaves[leaf].dtype.size() == region.dtype(register).size()
}

/// The most bytes that values take at once, as far as shapes tell: bodies count once for each turn that runs at once.
fn peak(draft: &Draft) -> usize {
    let bytes = |value: ValueId| bytes_of(&draft.values[value]);
    // Views share their source's memory, which lives as long as the last of them.
    let mut owner: Vec<ValueId> = (0..draft.values.len()).collect();
    let mut holders = vec![0usize; draft.values.len()];
    let mut is_made = vec![false; draft.values.len()];
    draft.steps.iter().flat_map(Step::makes).for_each(|value| is_made[value] = true);
    let inputs = draft.graph.inputs.iter();
    let mut live = inputs.fold(0usize, |total, input| total.saturating_add(bytes_of(&input.array_type)));
    let mut peak = live;
    for step in &draft.steps {
        let inside = match &step.work {
            Work::Map(map) => map.body.peak.saturating_mul(step.site.threads),
            Work::If { then, otherwise, .. } => then.peak.max(otherwise.peak),
            _ => 0,
        };
        let mut taken = Vec::new();
        if let Work::Region(region) = &step.work {
            // Whether an input's memory can be taken over is not known here.
            taken.extend(region.stores.iter().filter_map(|store| store.reuse).filter(|&value| is_made[value]));
        }
        for value in step.makes() {
            if let Work::View { value: source, .. } | Work::Reshape { value: source } = step.work {
                owner[value] = owner[source];
            } else {
                live = live.saturating_add(bytes(value));
            }
            holders[owner[value]] += 1;
        }
        for &value in &taken {
            live = live.saturating_sub(bytes(value));
        }
        peak = peak.max(live.saturating_add(inside));
        for &value in &step.drops {
            let owner = owner[value];
            holders[owner] = holders[owner].saturating_sub(1);
            if holders[owner] == 0 && is_made[owner] && !taken.contains(&value) {
                live = live.saturating_sub(bytes(owner));
            }
        }
    }
    peak
}
