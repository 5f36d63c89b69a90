//! The pass `place`: on how many threads each group and node runs, and why.
//!
//! An annotation decides where there is one. Elsewhere a rough estimate of the work does: threads are woken only where each
//! has more to do than waking it costs. The work is that of the kernels, each of which knows what an element costs it (a sine
//! as much as eight sums), and that of moving bytes. For long simple code moving is all that counts, for short code waking is,
//! and in between a kernel's kind decides.

use super::region::{Site, bytes_of, elements};
use super::{Draft, Group, fuse, schedule};
use crate::kernel::{Kernels, cast};
use crate::operation::Bodies;
use std::sync::Arc;
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::dtype::DType;
use thalweg_lang::graph::{Attribute, Graph, NodeId, NodeKind, Placement};
use thalweg_lang::types::ArrayType;

// The constants are measured, in nanoseconds, on the 2 cores of a Zen 5 server, as the least of some hundred runs by `thalweg
// bench`. They say where threads begin to pay; a factor of 2 either way changes little there, as both ways take about as long.

/// What a thread must have to do to be worth waking. Waking one helper and waiting for it took 4,000 on idle cores (`sum(a)`
/// of 20,000 elements: 2,200 alone, 4,500 with `@parallel(2)`) and 12,000 where others worked on them (the median of the
/// same). On 2 cores of a shared Xeon it took 20,000 to 40,000: with half of this, `sum(a * b + 2)` of 100,000 took twice as long on two
/// threads as on one, and 316 steps of a stencil of 316 by 316 too. So `sin(a)` wakes threads from about 130,000 elements, `a + 1` from
/// about 300,000.
const WORTH_WAKING: f64 = 50_000.0;

/// What a thread must have to do to share work when it is awake: `sum(a * b + 2)` of 100,000 elements took 20,000 alone and 13,000 shared.
const WORTH_SHARING: f64 = 8_000.0;

/// A byte that is read from an array or stored: `a + 1` took 0.010 a byte in the last cache, and 0.027 from memory.
const BYTE: f64 = 0.015;

/// A byte that is folded, in picoseconds: `sum(a)` took 120 for an f64 in the second cache.
const FOLD_BYTE: u32 = 15;

/// Starting a turn of a map that runs turn by turn.
const TURN: f64 = 2_000.0;

/// An element that is looked for by an index of its own.
const LOOK_UP: f64 = 1.5;

/// How many turns a loop has of which nobody knows.
const LOOP: f64 = 100.0;

/// An element of a node in such a turn of which nothing is known.
const UNKNOWN_ELEMENT: f64 = 0.6;

/// Runs the pass.
pub fn run(draft: &mut Draft) {
    let stored = schedule::stored(draft);
    for group in 0..draft.groups.len() {
        if !draft.groups[group].members.is_empty() {
            let work = group_work(draft, group, &stored);
            let placement = draft.groups[group].placement.clone();
            draft.groups[group].site = site(draft, placement.as_ref(), work);
            if elements(&draft.groups[group].shape) == 1 && placement.is_none() {
                draft.groups[group].site = Site { threads: 1, is_light: false, reason: "a single element".to_owned() };
            }
        }
    }
    let mut seen: Vec<Arc<str>> = Vec::new();
    let rest = draft.graph.rest.iter().flat_map(|rest| rest.pieces()).flat_map(|piece| &piece.nodes);
    let mut placements: Vec<Arc<Placement>> = rest.filter_map(|node| node.placement.clone()).collect();
    for index in 0..draft.graph.nodes.len() {
        if draft.needed[index] {
            placements.extend(draft.graph.nodes[index].placement.clone());
        }
    }
    for placement in placements {
        let mut placement = Some(placement);
        while let Some(one) = placement {
            note(draft, &one, &mut seen);
            placement = one.outer.clone();
        }
    }
}

/// A rough estimate of a group's work in nanoseconds: what its kernels compute, and what passes between memory and the core.
fn group_work(draft: &Draft, group: usize, stored: &[bool]) -> f64 {
    let Group { members, shape, .. } = &draft.groups[group];
    let count = elements(shape) as f64;
    let mut read: Vec<NodeId> = Vec::new();
    let mut work = 0.0;
    for &member in members {
        let node = draft.graph.node(member);
        work += count * element_cost(&draft.graph, draft.bodies, member);
        if stored[member.index()] {
            work += bytes_of(node.array_type()) as f64 * BYTE;
        }
        for operand in node.kind.operands() {
            if draft.group_of[operand.index()] == Some(group) {
                continue;
            }
            let root = fuse::root(&draft.graph, operand);
            let array_type = draft.graph.node(root).array_type();
            if read.contains(&root) || matches!(draft.graph.node(root).kind, NodeKind::Constant(_)) {
                continue;
            }
            read.push(root);
            let bytes = count.min(elements(&array_type.shape) as f64) * array_type.dtype.size() as f64;
            // Counting costs about what reading does.
            work += bytes * BYTE;
        }
    }
    work
}

/// What a node computes for an element of its group, in nanoseconds.
fn element_cost(graph: &Graph, bodies: &dyn Bodies, id: NodeId) -> f64 {
    let node = graph.node(id);
    let dtype_of = |id: NodeId| graph.node(id).array_type().dtype;
    let picoseconds = match &node.kind {
        NodeKind::Elementwise { operation, operands } => {
            let dtypes: Vec<DType> = operands.iter().map(|&operand| dtype_of(operand)).collect();
            bodies.body(*operation).kernel(&dtypes).map_or(0, |kernel| kernel.cost)
        }
        NodeKind::Cast(value) => cast(dtype_of(*value), node.array_type().dtype).cost,
        NodeKind::Select { then, .. } => {
            let dtype = dtype_of(*then);
            Kernels::select().find(&[DType::Bool, dtype, dtype]).map_or(0, |kernel| kernel.cost)
        }
        NodeKind::Reduce { value, .. } => FOLD_BYTE * dtype_of(*value).size() as u32,
        _ => 0,
    };
    f64::from(picoseconds) * 1e-3
}

/// The elements of all results of a node.
fn count(types: &[ArrayType]) -> f64 {
    types.iter().map(|array_type| elements(&array_type.shape) as f64).sum()
}

/// A node that is no member of a group is a function of its own: only it knows what it does, and whether threads pay. It may
/// take what there is, and a person is told only of an annotation.
pub fn apply_site(draft: &Draft, id: NodeId) -> Site {
    match &draft.graph.node(id).placement {
        Some(placement) => {
            let mut site = annotated_site(draft, placement);
            let most = if site.threads == 1 {
                "on one thread".to_owned()
            } else {
                format!("on at most {} threads", site.threads)
            };
            site.reason = format!("{most}: {}", site.reason);
            site
        }
        None => Site { threads: draft.settings.threads.max(1), is_light: false, reason: String::new() },
    }
}

/// Where a gather runs: each of its elements is looked for by itself.
pub fn gather_site(draft: &Draft, id: NodeId) -> Site {
    let node = draft.graph.node(id);
    site(draft, node.placement.as_ref(), elements(&node.array_type().shape) as f64 * LOOK_UP)
}

/// Where an annotation puts something.
fn annotated_site(draft: &Draft, placement: &Placement) -> Site {
    let threads = annotated(placement, draft.settings.threads.max(1)).min(draft.limit).max(1);
    Site { threads, is_light: false, reason: format!("`{}` says so", display(placement)) }
}

/// Where a map runs that is run turn by turn: a turn costs what its nodes cost, and starting it.
pub fn map_site(draft: &Draft, id: NodeId) -> Site {
    let node = draft.graph.node(id);
    let NodeKind::Map { body, mapped, .. } = &node.kind else { return apply_site(draft, id) };
    let turn = body_work(body, draft.bodies);
    let turns = draft.graph.node(mapped[0]).array_type().shape[0];
    let mut site = site(draft, node.placement.as_ref(), turns as f64 * (TURN + turn));
    if site.is_light {
        site = Site { threads: 1, is_light: false, reason: "less work than waking threads costs".to_owned() };
    }
    if !body.effects.is_empty() {
        site = Site { threads: 1, is_light: false, reason: "its effects happen in order".to_owned() };
    }
    site.threads = site.threads.min(turns.max(1));
    site
}

/// What a body costs in one turn.
fn body_work(body: &Graph, bodies: &dyn Bodies) -> f64 {
    let needed = body.needed();
    let nodes = (0..body.nodes.len()).filter(|&index| needed[index]);
    nodes.map(|index| turn_work(body, bodies, NodeId(index as u32))).sum()
}

/// What a node of a body costs in one turn: nobody knows what a function or a map inside costs, so that each element counts as
/// if it were looked at a few times.
fn turn_work(body: &Graph, bodies: &dyn Bodies, id: NodeId) -> f64 {
    let node = body.node(id);
    let of_operand = |value: NodeId| elements(&body.node(value).array_type().shape) as f64;
    match node.kind {
        NodeKind::Elementwise { .. } | NodeKind::Cast(_) | NodeKind::Select { .. } => {
            let bytes = bytes_of(node.array_type()) as f64;
            count(&node.types) * element_cost(body, bodies, id) + bytes * BYTE
        }
        NodeKind::Reduce { value, .. } => of_operand(value) * element_cost(body, bodies, id),
        NodeKind::Loop { body: ref turn, ref mapped, .. } => {
            let turns = mapped.first().map_or(LOOP, |&id| body.node(id).array_type().shape[0] as f64);
            turns * body_work(turn, bodies)
        }
        NodeKind::If { ref then, .. } => body_work(then, bodies),
        _ => count(&node.types) * UNKNOWN_ELEMENT,
    }
}

/// Where work of so many nanoseconds runs.
pub fn site(draft: &Draft, placement: Option<&Arc<Placement>>, work: f64) -> Site {
    let budget = draft.settings.threads.max(1);
    if let Some(placement) = placement {
        return annotated_site(draft, placement);
    }
    if budget == 1 {
        return Site { threads: 1, is_light: false, reason: "the budget is one thread".to_owned() };
    }
    let (worth, worth_sharing) = ((work / WORTH_WAKING) as usize, (work / WORTH_SHARING) as usize);
    if worth_sharing < 2 {
        return Site { threads: 1, is_light: false, reason: "less work than waking threads costs".to_owned() };
    }
    let is_light = worth < 2;
    let when = if is_light { " when steps like it follow each other" } else { "" };
    let threads = budget.min(if is_light { worth_sharing } else { worth });
    Site { threads, is_light, reason: format!("{} of work is split{when}", duration(work)) }
}

/// A duration to one digit: it is an estimate.
fn duration(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        n if n < 1e6 => (n / 1e3, "µs"),
        n if n < 1e9 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    if value < 10.0 { format!("about {value:.1} {unit}") } else { format!("about {value:.0} {unit}") }
}

/// The most threads that an annotation gets, whatever it asks for: more than any machine's cores cost memory and gain nothing.
const MOST_THREADS: usize = 256;

/// The number of threads that an annotation and those around it leave.
fn annotated(placement: &Placement, budget: usize) -> usize {
    let own = match &*placement.annotation {
        "simd" => 1,
        "parallel" | "process" => number(placement).unwrap_or(budget).min(MOST_THREADS),
        _ => budget,
    };
    match &placement.outer {
        Some(outer) => own.min(annotated(outer, budget)),
        None => own,
    }
}

/// How many of them an annotation wants.
fn number(placement: &Placement) -> Option<usize> {
    let options = ["chunk", "timeout", "retries"];
    placement.arguments.iter().filter(|(name, _)| !options.contains(&&**name)).find_map(|(_, value)| match value {
        Attribute::Integer(number) => usize::try_from(*number).ok().filter(|number| *number > 0),
        _ => None,
    })
}

/// An annotation as it is written.
fn display(placement: &Placement) -> String {
    match (&*placement.annotation, number(placement)) {
        ("simd", _) | (_, None) => format!("@{}", placement.annotation),
        (name, Some(number)) => format!("@{name}({number})"),
    }
}

/// Notes once what an annotation asks for that is not built.
fn note(draft: &mut Draft, placement: &Placement, seen: &mut Vec<Arc<str>>) {
    let name = &placement.annotation;
    if !matches!(&**name, "gpu" | "process") {
        return;
    }
    let strict = placement.arguments.iter().any(|(name, value)| {
        matches!(value, Attribute::Text(text) if &**text == "strict")
            || (&**name == "strict" && *value == Attribute::Flag(true))
    });
    if strict {
        let message = format!("`@{name}(strict)` cannot be kept: `@{name}` is not built yet");
        let help = format!("`@{name}` runs on threads, with the same bits");
        draft.refusal.get_or_insert_with(|| Diagnostic::error("E0401", message, placement.span, "").help(help));
    } else if !seen.contains(name) {
        seen.push(name.clone());
        let message = format!("`@{name}` is not built yet: this runs on threads, with the same bits");
        draft.notes.push(Diagnostic::note("N0401", message, placement.span, ""));
    }
}
