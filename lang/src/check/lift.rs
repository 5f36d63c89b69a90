//! What a body is given and every turn of it finds alike may as well stand outside of it: then a size that it tells is one for all.

use super::Checker;
use crate::declaration::Operand;
use crate::dtype::DType;
use crate::graph::{Node, NodeId, NodeKind};
use crate::length::{Length, Symbol};

/// How deep an expression is looked into.
const DEEPEST: usize = 32;

impl Checker<'_> {
    /// The outermost graph that a value of this level can be computed in without being computed where it would not be: what one
    /// side of an `if` needs stays in it.
    pub(super) fn outermost(&self, level: usize) -> usize {
        let is_branch = |depth: &usize| self.levels[*depth].is_branch;
        (level + 1..self.levels.len()).rev().find(is_branch).unwrap_or(level)
    }

    /// The same value in the outermost graph that has all it is made of; `operand` itself where that is its own.
    pub(super) fn lifted(&mut self, operand: Operand) -> Operand {
        let mut operand = operand;
        while operand.level > 0 && !self.levels[operand.level as usize].is_branch {
            match self.outside(operand.level as usize, operand.node, DEEPEST) {
                Some(node) => operand = Operand { level: operand.level - 1, node, ..operand },
                None => break,
            }
        }
        operand
    }

    /// The node of the graph around one of a body, when the body is given all that it is made of and it cannot fail.
    fn outside(&mut self, level: usize, node: NodeId, depth: usize) -> Option<NodeId> {
        if let Some(outer) = self.levels[level].imported.get(&node) {
            return Some(*outer);
        }
        let Node { mut kind, types, span, placement } = self.levels[level].builder.graph().node(node).clone();
        match &kind {
            NodeKind::Constant(_) | NodeKind::Literal(_) => {}
            NodeKind::Size(length) => (self.level_that_tells(length) < level).then_some(())?,
            NodeKind::Cast(_) | NodeKind::Select { .. } if depth > 0 => {}
            // What is read of an array whose size a guard tells may not be read before it.
            NodeKind::View { value, axes } if depth > 0 => {
                let source = &self.levels[level].builder.graph().node(*value).types[0];
                let mut lengths = source.shape.iter().chain(axes.iter().map(|axis| &axis.start));
                lengths.all(|length| length.known().is_some()).then_some(())?
            }
            NodeKind::Elementwise { operation, .. } if depth > 0 => {
                let operator = self.library.declarations()[operation.0 as usize].operator;
                // What gives bools compares or combines; of what gives numbers, integer division can fail.
                let is_total = types[0].dtype == DType::Bool || matches!(operator, Some(("+" | "-" | "*" | "/", _)));
                is_total.then_some(())?;
            }
            _ => return None,
        }
        let mut found = Some(());
        kind.replace_operands(&mut |operand| match self.outside(level, operand, depth - 1) {
            Some(outer) => outer,
            None => {
                found = None;
                operand
            }
        });
        found?;
        let is_told = types[0].shape.iter().all(|length| self.level_that_tells(length) < level);
        is_told.then(|| self.levels[level - 1].builder.add(kind, types, span, placement))
    }

    /// The innermost level that tells one of a length's sizes; 0 where nothing needs to be told.
    pub(super) fn level_that_tells(&self, length: &Length) -> usize {
        let Length::Open(polynomial) = length else { return 0 };
        let level_of = |symbol: &Symbol| self.levels.iter().position(|level| level.tellers.contains_key(symbol));
        polynomial.symbols().filter_map(level_of).max().unwrap_or(0)
    }

    /// An operand as a node of a graph at least as deep as its own; a constant of any.
    pub(super) fn known_at(&mut self, operand: Operand, depth: usize) -> NodeId {
        match self.constant_of(operand) {
            Some(scalar) => {
                let types = vec![self.type_of(operand).clone()];
                self.add_at(depth, NodeKind::Constant(scalar), types, crate::source::Span::default()).node
            }
            None => self.resolve_at(operand, depth),
        }
    }
}
