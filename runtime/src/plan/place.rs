//! The pass `place`: on how many threads each group and node runs, and why.
//!
//! An annotation decides where there is one. Elsewhere a rough estimate of the work does: threads are woken only where each
//! has more to do than waking it costs.

use super::Draft;
use super::region::{Site, elements};
use std::sync::Arc;
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::graph::{Attribute, NodeId, NodeKind, Placement};
use thalweg_lang::types::ArrayType;

/// What a thread must have to do to be worth waking, in nanoseconds.
const WORTH_WAKING: f64 = 50_000.0;

/// Runs the pass.
pub fn run(draft: &mut Draft) {
    for group in 0..draft.groups.len() {
        if !draft.groups[group].members.is_empty() {
            let work = group_work(draft, group);
            let placement = draft.groups[group].placement.clone();
            draft.groups[group].site = site(draft, placement.as_ref(), work);
            if elements(&draft.groups[group].shape) == 1 && placement.is_none() {
                draft.groups[group].site = Site { threads: 1, reason: "a single element".to_owned() };
            }
        }
    }
    let mut seen: Vec<Arc<str>> = Vec::new();
    for index in 0..draft.graph.nodes.len() {
        if draft.needed[index] {
            let mut placement = draft.graph.nodes[index].placement.clone();
            while let Some(one) = placement {
                note(draft, &one, &mut seen);
                placement = one.outer.clone();
            }
        }
    }
}

/// A rough estimate of a group's work in nanoseconds: each node costs by the size of its elements.
fn group_work(draft: &Draft, group: usize) -> f64 {
    let group = &draft.groups[group];
    let count = elements(&group.shape);
    let per_element: f64 = group.members.iter().map(|&member| node_work(draft, member)).sum();
    count as f64 * per_element
}

fn node_work(draft: &Draft, id: NodeId) -> f64 {
    0.1 + 0.06 * draft.graph.node(id).array_type().dtype.size() as f64
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
        None => Site { threads: draft.settings.threads.max(1), reason: String::new() },
    }
}

/// Where an annotation puts something.
fn annotated_site(draft: &Draft, placement: &Placement) -> Site {
    let threads = annotated(placement, draft.settings.threads.max(1)).min(draft.limit).max(1);
    Site { threads, reason: format!("`{}` says so", display(placement)) }
}

/// Where a map runs that is run turn by turn: a turn costs what its nodes cost, and starting it.
pub fn map_site(draft: &Draft, id: NodeId) -> Site {
    let node = draft.graph.node(id);
    let NodeKind::Map { body, mapped, .. } = &node.kind else { return apply_site(draft, id) };
    let needed = body.needed();
    let elements: f64 =
        body.nodes.iter().zip(&needed).filter(|(_, needed)| **needed).map(|(node, _)| count(&node.types)).sum();
    let turns = draft.graph.node(mapped[0]).array_type().shape[0];
    let mut site = site(draft, node.placement.as_ref(), turns as f64 * (2000.0 + elements * 0.6));
    if !body.effects.is_empty() {
        site = Site { threads: 1, reason: "its effects happen in order".to_owned() };
    }
    site.threads = site.threads.min(turns.max(1));
    site
}

/// Where work of so many nanoseconds runs.
pub fn site(draft: &Draft, placement: Option<&Arc<Placement>>, work: f64) -> Site {
    let budget = draft.settings.threads.max(1);
    if let Some(placement) = placement {
        return annotated_site(draft, placement);
    }
    if budget == 1 {
        return Site { threads: 1, reason: "the budget is one thread".to_owned() };
    }
    let worth = (work / WORTH_WAKING) as usize;
    if worth < 2 {
        return Site { threads: 1, reason: "less work than waking threads costs".to_owned() };
    }
    Site { threads: budget.min(worth), reason: format!("{} of work is split", duration(work)) }
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

/// The number of threads that an annotation and those around it leave.
fn annotated(placement: &Placement, budget: usize) -> usize {
    let own = match &*placement.annotation {
        "simd" => 1,
        "parallel" | "process" => number(placement).unwrap_or(budget),
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
    }
    if !seen.contains(name) {
        seen.push(name.clone());
        let message = format!("`@{name}` is not built yet: this runs on threads, with the same bits");
        draft.notes.push(Diagnostic::note("N0401", message, placement.span, ""));
    }
}
