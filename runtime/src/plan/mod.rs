//! From a checked graph to a plan: a list of named passes, each of which can be read by itself.

mod build;
mod compress;
mod counter;
mod fuse;
mod lanes;
mod memory;
mod order;
mod place;
pub mod region;
mod render;
mod reshape;
mod rest;
mod rewrite;
mod schedule;
mod short_loops;
mod straddled;
mod turns;
mod unroll;
mod vectorise;
mod verify;
mod views;
mod within;

use crate::execute::Cancel;
use crate::kernel::{BlockFunction, Level};
use crate::machine::MachineCode;
use crate::machine::loops::{self, Offer};
use crate::machine::regions::LaneLoop;
use crate::operation::{Bodies, Body, Reduction};
use region::{Region, Site, ValueId};
pub(crate) use rest::{Following, MOST_FACTOR, MOST_PLACEHOLDERS, PLACEHOLDER, placeholder};
use std::collections::HashSet;
use std::sync::Arc;
use straddled::Straddled;
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::Scalar;
use thalweg_lang::graph::{Attribute, Graph, Input, NodeId, NodeKind, OperationId, Placement, SourceAxis};
use thalweg_lang::source::Span;
use thalweg_lang::types::{ArrayType, Shape};
use thalweg_lang::value::Value;

/// What plans depend on beside the graph.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The budget.
    pub threads: usize,
    /// Whether operations become regions together; false only in tests.
    pub fuse: bool,
    /// The instruction set.
    pub level: Level,
    /// When machine code is made; without it the precompiled formulas do everything.
    pub machine_code: MachineCode,
    /// What stops the planning; the plan that comes of it cannot run.
    pub cancel: Cancel,
}

/// A pass.
pub struct Pass {
    /// What it is called.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub what: &'static str,
    run: fn(&mut Draft),
}

/// From a graph to a plan.
pub const PASSES: &[Pass] = &[
    Pass {
        name: "write out short loops",
        what: "a loop of few turns over elementwise code becomes its turns, one after the other",
        run: short_loops::run,
    },
    Pass {
        name: "vectorise maps",
        what: "a map whose body has a form on whole arrays becomes nodes with the map's axis in front; loops keep theirs",
        run: vectorise::run,
    },
    Pass {
        name: "sink views",
        what: "a view or another shape of a value that nothing else reads moves to that value's operands, and views of views become one",
        run: views::run,
    },
    Pass {
        name: "unroll short reductions",
        what: "a reduction over a short axis to many results becomes elementwise code",
        run: unroll::run,
    },
    Pass { name: "drop unneeded", what: "what neither an output nor an effect needs is forgotten", run: drop_unneeded },
    Pass {
        name: "order updates",
        what: "what changes a value comes after everything else that reads it, so that it is changed where it lies",
        run: order::run,
    },
    Pass {
        name: "fuse",
        what: "elementwise nodes and reductions over one iteration space become groups that compute without temporaries",
        run: fuse::run,
    },
    Pass { name: "place", what: "each group and node gets an executor, and the reason for it", run: place::run },
    Pass { name: "schedule", what: "groups become regions, and steps get an order", run: schedule::run },
    Pass {
        name: "write within",
        what: "a region whose result replaces a part of an array writes it there itself",
        run: within::run,
    },
    Pass {
        name: "compress",
        what: "what a mask selects is copied as the mask is read, without an array of places",
        run: compress::run,
    },
    Pass {
        name: "memory",
        what: "each value ends where it is read last, and results take the memory of what ends",
        run: memory::run,
    },
    Pass {
        name: "take turns",
        what: "regions that read and reduce the same rows run together, some rows at a time, while those are in the cache",
        run: turns::run,
    },
];

/// What is computed, by which steps, on which executors. Reusable for many runs.
pub struct Plan {
    pub(crate) level: Level,
    /// Each input, and the values that it becomes.
    pub(crate) inputs: Vec<(Input, Vec<ValueId>)>,
    /// The types of all values.
    pub(crate) values: Vec<ArrayType>,
    pub(crate) steps: Vec<Step>,
    pub(crate) outputs: Vec<Handed>,
    /// What follows when the last outputs have told the sizes that are not known yet; its outputs are those that are wanted.
    pub(crate) following: Option<Following>,
    peak: usize,
    notes: Vec<Diagnostic>,
    refusal: Option<Diagnostic>,
}

/// One step of a plan.
pub struct Step {
    pub(crate) work: Work,
    /// The values that it makes (a region's stand in the region), and their types.
    pub(crate) results: Vec<ValueId>,
    pub(crate) types: Vec<ArrayType>,
    pub(crate) span: Span,
    pub(crate) site: Site,
    /// The values that nothing needs afterwards.
    pub(crate) drops: Vec<ValueId>,
    /// Which steps take turns from this one on.
    pub(crate) turns: Turns,
}

/// Steps that run together, some rows at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns {
    /// How many steps, all of them regions if there are several.
    pub(crate) steps: usize,
    /// How many elements of the first axis each of them computes at a time.
    pub(crate) rows: usize,
}

impl Turns {
    /// One step, which runs to its end.
    pub(crate) const NONE: Turns = Turns { steps: 1, rows: 0 };
}

impl Step {
    /// A step whose results its work names, or that has none; by itself, and after which nothing dies as far as is known.
    fn new(work: Work, span: Span, site: Site) -> Step {
        Step { work, results: Vec::new(), types: Vec::new(), span, site, drops: Vec::new(), turns: Turns::NONE }
    }
}

/// What a step does.
pub(crate) enum Work {
    Region(Box<Region>),
    Constant(Scalar),
    Literal(Arc<[Scalar]>),
    View {
        value: ValueId,
        axes: Vec<SourceAxis>,
    },
    Reshape {
        value: ValueId,
    },
    Stack {
        values: Vec<ValueId>,
    },
    Apply {
        operation: OperationId,
        operands: Vec<ValueId>,
        attributes: Vec<Attribute>,
    },
    Map(MapStep),
    If(Choice),
    Loop(LoopStep),
    Gather {
        value: ValueId,
        axes: Vec<IndexPlace>,
    },
    Update(UpdateStep),
    Count {
        value: ValueId,
    },
    Positions {
        value: ValueId,
    },
    /// The rows along the first axis where a mask is true.
    Compress {
        value: ValueId,
        mask: ValueId,
    },
    SliceBounds {
        length: usize,
        start: Option<ValueId>,
        stop: Option<ValueId>,
        step: i64,
    },
    Effect {
        operation: OperationId,
        arguments: Vec<Value<ValueId>>,
    },
}

/// A value on its way out of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handed {
    pub(crate) value: ValueId,
    /// Whether nothing reads it there any more, so that whoever gets it may write where it lies.
    pub(crate) last: bool,
}

/// What a map or a loop walks along.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Walked {
    /// The elements of a value's first axis.
    Value(ValueId),
    /// Integers that follow from the turn alone.
    Counter { start: i64, step: i64 },
}

/// Where an index along a source axis comes from.
#[derive(Clone, Debug)]
pub(crate) struct IndexPlace {
    pub(crate) place: SourceAxis,
    pub(crate) index: Option<ValueId>,
}

/// The change of some elements.
pub(crate) struct UpdateStep {
    pub(crate) value: Handed,
    pub(crate) axes: Vec<IndexPlace>,
    /// The selection's shape.
    pub(crate) shape: Shape,
    pub(crate) new: Handed,
    /// `None`: the new elements take the old ones' places.
    pub(crate) combine: Option<Combine>,
}

/// What an update makes of an old element and a new one.
pub(crate) struct Combine {
    pub(crate) operation: OperationId,
    pub(crate) function: BlockFunction,
    /// The same for one element.
    pub(crate) single: BlockFunction,
    pub(crate) fault: &'static str,
}

/// A map that is not flattened.
pub(crate) struct MapStep {
    /// One turn.
    pub(crate) body: Box<Plan>,
    /// Many turns at once, if the body has a form on lanes; then a single turn only tells what went wrong.
    pub(crate) chunks: Option<ChunkStep>,
    /// How many turns.
    pub(crate) length: usize,
    pub(crate) mapped: Vec<Walked>,
    pub(crate) captured: Vec<ValueId>,
    /// Its program for machine code, or why it has none; `None`: it was not asked for.
    pub(crate) machine: Option<Result<Box<Offer>, String>>,
}

/// The turns of a map in chunks.
pub(crate) struct ChunkStep {
    pub(crate) lanes: usize,
    pub(crate) each: Box<Plan>,
    /// For the last chunk, if it has fewer lanes.
    pub(crate) last: Option<Box<Plan>>,
}

/// One of two bodies.
pub(crate) struct Choice {
    pub(crate) condition: ValueId,
    pub(crate) then: Box<Plan>,
    pub(crate) otherwise: Box<Plan>,
    pub(crate) captured: Vec<Handed>,
}

/// A body again and again.
pub(crate) struct LoopStep {
    pub(crate) condition: Option<Box<Plan>>,
    pub(crate) body: Box<Plan>,
    /// Whether the body's last output says that there is no other turn.
    pub(crate) stops: bool,
    /// The most turns.
    pub(crate) turns: usize,
    pub(crate) mapped: Vec<Walked>,
    pub(crate) carried: Vec<Handed>,
    pub(crate) captured: Vec<ValueId>,
    /// Its program for machine code, or why it has none; `None`: it was not asked for.
    pub(crate) machine: Option<Result<Box<Offer>, String>>,
    /// The same on lanes, when it is a loop on lanes.
    pub(crate) lanes: Option<Box<LaneLoop>>,
}

impl Plan {
    /// The most bytes that inputs, intermediate values and results take at once, as far as sizes are known.
    pub fn peak_bytes(&self) -> usize {
        self.peak
    }

    /// What is worth knowing about the plan.
    pub fn notes(&self) -> &[Diagnostic] {
        &self.notes
    }

    /// The plan as a person reads it: each step, the executor and why. The same plan always gives the same text.
    pub fn render(&self, bodies: &dyn Bodies) -> String {
        render::render(self, bodies)
    }

    /// Why the plan cannot run, if it cannot.
    pub(crate) fn refusal(&self) -> Option<&Diagnostic> {
        self.refusal.as_ref()
    }

    /// The number of regions, without those in bodies.
    pub fn region_count(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.work, Work::Region(_))).count()
    }
}

/// Plans a graph.
pub fn plan(graph: &Graph, bodies: &dyn Bodies, settings: &Settings) -> Plan {
    let mut plan = plan_body(graph, bodies, settings, usize::MAX);
    loops::offer(&mut plan, bodies, settings.machine_code);
    plan
}

/// Plans a graph of which several may run at once, so that no placement in it may use more than `limit` threads.
fn plan_body(graph: &Graph, bodies: &dyn Bodies, settings: &Settings, limit: usize) -> Plan {
    plan_sized(graph, bodies, settings, limit, Sizing::Known)
}

/// The same for a graph in which placeholders may stand for sizes (`rest.rs`), with which views reach beyond what they show.
fn plan_sized(graph: &Graph, bodies: &dyn Bodies, settings: &Settings, limit: usize, sizing: Sizing) -> Plan {
    let mut draft = Draft {
        graph: graph.clone(),
        bodies,
        settings: settings.clone(),
        limit,
        sizing,
        needed: Vec::new(),
        before: Vec::new(),
        groups: Vec::new(),
        group_of: Vec::new(),
        straddled: Straddled::default(),
        walk: fuse::Walk::default(),
        steps: Vec::new(),
        values: Vec::new(),
        peak: 0,
        notes: Vec::new(),
        refusal: None,
    };
    for pass in PASSES {
        (pass.run)(&mut draft);
        if cfg!(debug_assertions)
            && sizing != Sizing::Open
            && let Err(what) = verify::verify(&draft)
        {
            panic!("after the pass `{}`: {what}", pass.name);
        }
        if settings.cancel.is_cancelled() {
            draft.refusal = Some(Diagnostic::error("E0590", "interrupted", Span::default(), ""));
            drop_unneeded(&mut draft);
            break;
        }
    }
    draft.finish()
}

/// What is known of a plan's sizes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sizing {
    /// They were known before the run.
    Known,
    /// The run has told them, and may tell others the next time: the plan had better be made soon.
    Told,
    /// Placeholders stand for some.
    Open,
}

/// A group of fused nodes, on its way to be a region.
#[derive(Clone, Debug)]
struct Group {
    /// In the graph's order; empty: it was merged into another.
    members: Vec<NodeId>,
    /// The iteration space.
    shape: Vec<usize>,
    placement: Option<Arc<Placement>>,
    /// The axes that its reductions reduce.
    reduced: Option<Vec<usize>>,
    /// The first effect that needs it.
    epoch: usize,
    /// The first effect that needs what may have no answer in it.
    faults_in: Option<usize>,
    site: Site,
}

/// A plan on its way through the passes.
struct Draft<'a> {
    graph: Graph,
    bodies: &'a dyn Bodies,
    settings: Settings,
    limit: usize,
    sizing: Sizing,
    /// For each node whether something needs it, from the pass `drop unneeded` on.
    needed: Vec<bool>,
    /// For each node those that must run before it although it does not read them, from the pass `order updates` on.
    before: Vec<Vec<NodeId>>,
    /// From the pass `fuse` on, as `group_of` each node.
    groups: Vec<Group>,
    group_of: Vec<Option<usize>>,
    straddled: Straddled,
    walk: fuse::Walk,
    /// From the pass `schedule` on.
    steps: Vec<Step>,
    values: Vec<ArrayType>,
    peak: usize,
    notes: Vec<Diagnostic>,
    refusal: Option<Diagnostic>,
}

impl Draft<'_> {
    /// The value of a node: its index among all results of all nodes.
    fn value_of(&self, bases: &[ValueId], id: NodeId) -> ValueId {
        match self.graph.node(id).kind {
            NodeKind::Part { value, index } => bases[value.index()] + index as usize,
            _ => bases[id.index()],
        }
    }

    /// The first value of each node; a `Part` has none of its own.
    fn bases(&self) -> Vec<ValueId> {
        let mut next = 0;
        let count = |node: &thalweg_lang::graph::Node| match node.kind {
            NodeKind::Part { .. } => 0,
            _ => node.types.len(),
        };
        self.graph
            .nodes
            .iter()
            .map(|node| {
                let base = next;
                next += count(node);
                base
            })
            .collect()
    }

    /// Adds everything that must have run before a node.
    fn add_dependencies(&self, id: NodeId, to: &mut Vec<NodeId>) {
        self.graph.node(id).kind.visit_operands(&mut |id| to.push(id));
        to.extend(&self.before[id.index()]);
    }

    /// Everything that must have run before a node.
    fn dependencies(&self, id: NodeId) -> Vec<NodeId> {
        let mut dependencies = Vec::new();
        self.add_dependencies(id, &mut dependencies);
        dependencies
    }

    /// The reduction row of an operation.
    fn reduction(&self, operation: OperationId) -> Option<&Reduction> {
        match self.bodies.body(operation) {
            Body::Reduction(row) => Some(row),
            _ => None,
        }
    }

    /// Notes that the plan cannot run; the first reason counts.
    fn refuse(&mut self, message: String, span: Span) {
        self.refusal.get_or_insert_with(|| Diagnostic::error("E0599", message, span, ""));
    }

    fn finish(self) -> Plan {
        let bases = self.bases();
        let outputs: Vec<ValueId> = self.graph.outputs.iter().map(|&id| self.value_of(&bases, id)).collect();
        let mut later = HashSet::new();
        let mut outputs: Vec<Handed> =
            outputs.into_iter().rev().map(|value| Handed { value, last: later.insert(value) }).collect();
        outputs.reverse();
        let rest = self.graph.rest.clone();
        let following = rest.map(|rest| Following::new(rest, self.settings.clone(), self.limit));
        let mut inputs: Vec<(Input, Vec<ValueId>)> =
            self.graph.inputs.iter().map(|input| (input.clone(), Vec::new())).collect();
        for (index, node) in self.graph.nodes.iter().enumerate() {
            if let NodeKind::Input(input) = node.kind
                && self.needed[index]
            {
                inputs[input as usize].1.push(bases[index]);
            }
        }
        Plan {
            level: self.settings.level,
            inputs,
            values: self.values,
            steps: self.steps,
            outputs,
            following,
            peak: self.peak,
            notes: self.notes,
            refusal: self.refusal,
        }
    }
}

/// The pass `drop unneeded`. Nodes stay where they are, marked: an id is an id in every pass.
fn drop_unneeded(draft: &mut Draft) {
    draft.needed = draft.graph.needed();
}
