//! Counters: integers that follow from the index alone, so that no array of them need exist.

use super::region::elements;
use crate::array::contiguous_strides;
use thalweg_lang::graph::{Graph, NodeId, NodeKind, SourceAxis};

/// `start`, and for each axis what a step along it adds; as i64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The number at the index 0 of every axis.
    pub start: i64,
    /// One for each axis.
    pub steps: Vec<i64>,
}

impl Counter {
    /// 0, 1, 2, …
    pub fn iota() -> Counter {
        Counter { start: 0, steps: vec![1] }
    }

    /// What a node counts, if it does: it is an iota, or a view or another shape of one.
    pub fn of(graph: &Graph, id: NodeId) -> Option<Counter> {
        let mut chain = Vec::new();
        let mut root = id;
        while let NodeKind::View { value, .. } | NodeKind::Reshape(value) = graph.node(root).kind {
            chain.push(root);
            root = value;
        }
        let NodeKind::Iota = graph.node(root).kind else { return None };
        let mut counter = Counter::iota();
        for &id in chain.iter().rev() {
            let shape = &graph.node(id).array_type().shape;
            counter = match &graph.node(id).kind {
                NodeKind::View { axes, .. } => counter.viewed(axes, shape.len()),
                NodeKind::Reshape(value) => counter.reshaped(&graph.node(*value).array_type().shape, shape)?,
                _ => return None,
            };
        }
        Some(counter)
    }

    /// What a view of `rank` axes shows.
    pub fn viewed(&self, axes: &[SourceAxis], rank: usize) -> Counter {
        let mut counter = Counter { start: self.start, steps: vec![0; rank] };
        for (axis, &step) in axes.iter().zip(&self.steps) {
            counter.start = counter.start.wrapping_add(step.wrapping_mul(axis.start as i64));
            if let Some(own) = axis.axis {
                let more = step.wrapping_mul(axis.step as i64);
                counter.steps[own] = counter.steps[own].wrapping_add(more);
            }
        }
        counter
    }

    /// The same numbers in C order in another shape; `None` where that is no counter, as after a transposition.
    pub fn reshaped(&self, from: &[usize], to: &[usize]) -> Option<Counter> {
        let step = if elements(from) == 0 { 0 } else { self.single_step(from)? };
        let steps = contiguous_strides(to).into_iter().map(|stride| step.wrapping_mul(stride as i64)).collect();
        Some(Counter { start: self.start, steps })
    }

    /// The distance between neighbours in C order, where it is the same everywhere.
    pub fn single_step(&self, shape: &[usize]) -> Option<i64> {
        let mut axes = shape.iter().zip(&self.steps).rev().filter(|(length, _)| **length != 1);
        let Some((&innermost, &step)) = axes.next() else { return Some(0) };
        let mut expected = step.wrapping_mul(innermost as i64);
        for (&length, &own) in axes {
            if own != expected {
                return None;
            }
            expected = expected.wrapping_mul(length as i64);
        }
        Some(step)
    }
}
