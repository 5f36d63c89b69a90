//! Sizes: lengths as values, values as lengths, and when two lengths are one.

use super::{Checker, Checks, Level};
use crate::declaration::Operand;
use crate::diagnostic::{Diagnostic, Label};
use crate::dtype::{DType, Kind, Scalar};
use crate::graph::{Claim, Guard, NodeId, NodeKind};
use crate::length::{Length, Polynomial, Symbol};
use crate::source::Span;
use crate::types::ArrayType;
use crate::value::Value;
use std::sync::Arc;

/// How deep an expression is looked into for what it says of a size.
const DEEPEST: usize = 64;

/// The same for an index; what it is made of may be shared, and is looked at each time.
const DEEPEST_INDEX: usize = 6;

/// The most axes of an array, as in NumPy.
const MOST_AXES: usize = 64;

/// Refuses an array of more axes than there may be.
pub(super) fn refuse_rank(rank: usize, span: Span) -> Result<(), Diagnostic> {
    if rank <= MOST_AXES {
        return Ok(());
    }
    let message = format!("an array has at most {MOST_AXES} axes, not {rank}");
    Err(Diagnostic::error("E0309", message, span, "").help("leave axes of length 1 out, or put several together"))
}

/// Between which numbers a scalar lies, both inclusive.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// The least.
    pub(crate) least: Polynomial,
    /// The greatest.
    pub(crate) most: Polynomial,
}

impl Checker<'_> {
    /// Whether two lengths are one: because they are equal, or because the run will see to it. `what` needs it, as a sentence.
    pub(crate) fn same_length(&mut self, left: &Length, right: &Length, what: &str, span: Span) -> bool {
        self.same_length_or(left, right, (what, None), span)
    }

    /// The same, with what to type where the run finds that they are not.
    pub(super) fn same_length_or(
        &mut self,
        left: &Length,
        right: &Length,
        (what, help): (&str, Option<&str>),
        span: Span,
    ) -> bool {
        self.same_or_guarded((left, right), what, Claim::Equal, (None, help), span)
    }

    /// The same for lengths that broadcast along an axis, counted from the end: one of them, if it were known to be 1, would be
    /// stretched.
    pub(super) fn same_in_broadcast(
        &mut self,
        lengths: (&Length, &Length),
        what: &str,
        from_end: usize,
        span: Span,
    ) -> bool {
        self.same_or_guarded(lengths, what, Claim::EqualInBroadcast, (Some(from_end), None), span)
    }

    /// The same for arrays of indices, which broadcast too: one index that only the run can count is stretched to a known length.
    pub(super) fn same_in_index(&mut self, left: &Length, right: &Length, help: &str, span: Span) -> bool {
        let lengths = if left.known().is_some() { (right, left) } else { (left, right) };
        let what = "arrays of indices in one `[ ]` need equal lengths";
        self.same_or_guarded(lengths, what, Claim::EqualOrOne, (None, Some(help)), span)
    }

    /// The same for a part of an array and the values that it gets.
    pub(super) fn same_in_part(&mut self, own: &Length, given: &Length, help: &str, span: Span) -> bool {
        self.same_or_guarded((own, given), "`=` needs equal lengths", Claim::Equal, (None, Some(help)), span)
    }

    fn same_or_guarded(
        &mut self,
        (left, right): (&Length, &Length),
        what: &str,
        claim: Claim,
        (from_end, help): (Option<usize>, Option<&str>),
        span: Span,
    ) -> bool {
        if left == right {
            return true;
        }
        if left.known().is_some() && right.known().is_some() || self.differ_always(left, right) {
            return false;
        }
        let around = match from_end {
            Some(from_end) if self.meeting_rank > 1 => ("..., ".into(), ", :".repeat(from_end - 1).into()),
            _ => ("".into(), "".into()),
        };
        let places = self.guard_places(&self.meeting, left, right, span);
        let made = if help.is_none() { self.lengths_made_of(span, [left, right]) } else { None };
        self.guard(Guard {
            left: left.clone(),
            right: right.clone(),
            what: what.into(),
            span,
            after: 0,
            claim,
            places,
            around,
            help: help.map(Arc::from).or_else(|| made.map(Arc::from)),
        });
        true
    }

    /// What the run has to see to, before anything happens that is not in the program yet.
    fn guard(&mut self, guard: Guard) {
        let (span, after) = (self.visible(guard.span), self.level().effects.len());
        let guard = Guard { span, after, ..guard };
        let level = self.level();
        if level.guards.insert(guard.clone()) {
            level.builder.graph_mut().guards.push(guard);
        }
    }

    /// The length of a new array; if only the run tells it, the run checks that it is not negative.
    pub(super) fn new_length(&mut self, polynomial: Polynomial, span: Span) -> Result<Length, Diagnostic> {
        let known = polynomial.known();
        let length = Length::of(polynomial).ok_or_else(|| {
            let message = format!("a length cannot be negative: {}", known.unwrap_or(-1));
            Diagnostic::error("E0309", message, span, "").help("write 0 or more")
        })?;
        let typed = self.quoted(span).filter(|text| !text.starts_with('('));
        let help = match typed {
            Some(text) => format!("write 0 or more: `maximum({text}, 0)`"),
            None => "write 0 or more: `maximum(k, 0)` where `k` may be negative".into(),
        };
        self.at_least(&length, 0, "a length cannot be negative", &help, span);
        Ok(length)
    }

    /// Sees to it that the run refuses a length that is too small. `what` says why, as a sentence.
    pub(crate) fn at_least(&mut self, length: &Length, least: usize, what: &str, help: &str, span: Span) {
        if Polynomial::from(length).minus(&(least as i64).into()).is_never_negative() {
            return;
        }
        let (left, right, claim) = (length.clone(), Length::Known(least), Claim::AtLeast);
        let (places, around) = (self.guard_places(&[], &left, &right, span), Default::default());
        let help = Some(help.into());
        self.guard(Guard { left, right, what: what.into(), span, after: 0, claim, places, around, help });
    }

    /// The operands that meet, and where the sizes in two lengths come from that are claimed at a place.
    fn guard_places(&self, meeting: &[Label], left: &Length, right: &Length, claimed: Span) -> Arc<[Label]> {
        let given = self.visible_frame(claimed).filter(|_| meeting.is_empty());
        // In the prelude everything stands at the call: that a size comes from there says nothing.
        let is_of_prelude = self.visible_frame(claimed).is_some();
        let claimed = self.visible(claimed);
        let mut places = given.map_or_else(|| meeting.to_vec(), |frame| self.given_labels(frame));
        places.retain(|label| label.span != claimed);
        let mut named: Vec<&Symbol> = Vec::new();
        for length in [left, right] {
            for symbol in length.symbols() {
                let mut levels = self.levels.iter();
                let found = levels.find_map(|level| Some(level.builder.graph().node(*level.tellers.get(symbol)?).span));
                let found = found.filter(|place| !(is_of_prelude && *place == claimed));
                if let (Some(place), false) = (found, named.contains(&symbol)) {
                    named.push(symbol);
                    places.push(Label { span: place, text: format!("`{}` comes from here", symbol.name()) });
                }
            }
        }
        places.into()
    }

    /// Whether lengths are not equal for all sizes that they are checked for, or for none.
    fn differ_always(&self, left: &Length, right: &Length) -> bool {
        let difference = Polynomial::from(left).minus(&Polynomial::from(right));
        difference.known().is_some() || difference.symbols().all(Symbol::is_variable)
    }

    /// The same for shapes.
    pub(crate) fn same_shape(&mut self, left: &[Length], right: &[Length], what: &str, span: Span) -> bool {
        let differ = |checker: &Self, a: &Length, b: &Length| {
            a != b && (a.known().is_some() && b.known().is_some() || checker.differ_always(a, b))
        };
        left.len() == right.len()
            && !left.iter().zip(right).any(|(a, b)| differ(self, a, b))
            && left.iter().zip(right).all(|(a, b)| self.same_length(a, b, what, span))
    }

    /// The shorter of two lengths: a size of its own where only the run can tell which it is.
    pub(crate) fn shorter(&mut self, left: &Length, right: &Length, span: Span) -> Length {
        let (a, b) = (Polynomial::from(left), Polynomial::from(right));
        if a.minus(&b).is_never_negative() {
            return right.clone();
        }
        if b.minus(&a).is_never_negative() {
            return left.clone();
        }
        let lengths = [left, right].map(|length| self.length_value(length, span));
        let [a, b] = lengths;
        let operands = lengths.map(|length| (Value::Array(length), span)).to_vec();
        let Ok(Value::Array(is_less)) = self.operator("<", span, operands, span) else { return left.clone() };
        let shorter = self.select(is_less, a, b, &ArrayType::scalar(DType::I64), span);
        let bounds = Bounds { least: 0.into(), most: Polynomial::from(left) };
        self.level().bounds.insert(shorter.node, bounds);
        Length::of(self.polynomial_of(shorter)).unwrap_or_else(|| left.clone())
    }

    /// A length as a value, which promotes like a literal.
    pub(crate) fn length_value(&mut self, length: &Length, span: Span) -> Operand {
        let polynomial = Polynomial::from(length);
        let value = polynomial.known().map(|known| self.constant(Scalar::i64(known), true, span));
        let value = value.or_else(|| self.computed(&polynomial, span));
        let value = value.unwrap_or_else(|| self.size_node(length.clone(), span));
        Operand { weak: true, ..value }
    }

    /// A polynomial as an integer, which may be negative.
    pub(super) fn integer_value(&mut self, polynomial: &Polynomial, span: Span) -> Option<Operand> {
        let value = self.computed(polynomial, span);
        value.or_else(|| Length::of(polynomial.clone()).map(|length| self.size_node(length, span)))
    }

    /// What a function is checked with has no value, and needs none.
    fn size_node(&mut self, length: Length, span: Span) -> Operand {
        self.add(NodeKind::Size(length), ArrayType::scalar(DType::I64), span)
    }

    /// A product of sizes; one that is too long to be written out is a size of its own.
    pub(crate) fn product(&mut self, left: &Polynomial, right: &Polynomial, span: Span) -> Polynomial {
        if let Some(product) = left.times(right) {
            return product;
        }
        let (one, other) = (self.integer_value(left, span), self.integer_value(right, span));
        match (one, other) {
            (Some(one), Some(other)) => match self.arithmetic("*", one, other, span) {
                Some(product) => self.polynomial_of(product),
                None => Polynomial::from(0),
            },
            _ => Polynomial::from(0),
        }
    }

    /// How many elements lengths make together.
    pub(super) fn count<'l>(&mut self, lengths: impl IntoIterator<Item = &'l Length>, span: Span) -> Polynomial {
        lengths.into_iter().fold(1.into(), |count, length| self.product(&count, &length.into(), span))
    }

    /// A polynomial, computed from the scalars that tell its sizes; `None` when a size has none.
    fn computed(&mut self, polynomial: &Polynomial, span: Span) -> Option<Operand> {
        let mut sum: Option<Operand> = None;
        for (symbols, factor) in polynomial.terms() {
            let mut term: Option<Operand> = None;
            for symbol in symbols {
                let teller = self.teller(symbol)?;
                term = Some(match term {
                    None => teller,
                    Some(term) => self.arithmetic("*", term, teller, span)?,
                });
            }
            let constant = (factor.abs() != 1 || symbols.is_empty())
                .then(|| self.constant(Scalar::i64(factor.abs()), false, span));
            let term = match (term, constant) {
                (Some(term), Some(constant)) => self.arithmetic("*", term, constant, span)?,
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => continue,
            };
            sum = Some(match (sum, factor < 0) {
                (None, false) => term,
                (None, true) => {
                    let zero = self.constant(Scalar::i64(0), false, span);
                    self.arithmetic("-", zero, term, span)?
                }
                (Some(sum), false) => self.arithmetic("+", sum, term, span)?,
                (Some(sum), true) => self.arithmetic("-", sum, term, span)?,
            });
        }
        sum
    }

    /// The scalar that tells a size.
    fn teller(&self, symbol: &Symbol) -> Option<Operand> {
        let mut levels = self.levels.iter().enumerate();
        let found = levels.find_map(|(depth, level)| Some((depth, *level.tellers.get(symbol)?)));
        found.map(|(depth, node)| Operand { level: depth as u32, node, weak: false })
    }

    /// Two scalars with an operator between them.
    pub(super) fn arithmetic(
        &mut self,
        symbol: &'static str,
        left: Operand,
        right: Operand,
        span: Span,
    ) -> Option<Operand> {
        let operands = vec![(Value::Array(left), span), (Value::Array(right), span)];
        match self.operator(symbol, span, operands, span) {
            Ok(Value::Array(operand)) => Some(operand),
            _ => None,
        }
    }

    /// The length that an integer scalar is.
    pub(crate) fn length_of(&mut self, operand: Operand, span: Span) -> Checks<Length> {
        let polynomial = self.polynomial_of(operand);
        self.new_length(polynomial, span).map_err(|diagnostic| self.report(diagnostic))
    }

    /// What an integer scalar is as a polynomial in sizes; one that the run tells is a size by itself.
    pub(crate) fn polynomial_of(&mut self, operand: Operand) -> Polynomial {
        self.polynomial_at(operand.level as usize, operand.node, DEEPEST)
    }

    fn polynomial_at(&mut self, level: usize, node: NodeId, depth: usize) -> Polynomial {
        if let Some(symbol) = self.levels[level].symbols.get(&node) {
            return Polynomial::from(symbol);
        }
        if let Some(known) = self.levels[level].polynomials.get(&node) {
            return known.clone();
        }
        if let (Some(outer), true) = (self.levels[level].imported.get(&node).copied(), level > 0) {
            return self.polynomial_at(level - 1, outer, depth);
        }
        let kind = self.levels[level].builder.graph().node(node).kind.clone();
        let found = match kind {
            NodeKind::Constant(scalar) => {
                scalar.as_integer().and_then(|value| i64::try_from(value).ok()).map(Polynomial::from)
            }
            NodeKind::Size(length) => Some(Polynomial::from(&length)),
            NodeKind::Cast(value) if depth > 0 && self.is_integer_at(level, value) => {
                Some(self.polynomial_at(level, value, depth - 1))
            }
            NodeKind::Elementwise { operation, operands } if depth > 0 => {
                let operator = self.library.declarations()[operation.0 as usize].operator;
                let integers = operands.iter().all(|operand| self.is_integer_at(level, *operand));
                match (operator, operands.as_slice(), integers) {
                    (Some((symbol @ ("+" | "-" | "*"), 2)), [left, right], true) => {
                        let left = self.polynomial_at(level, *left, depth - 1);
                        let right = self.polynomial_at(level, *right, depth - 1);
                        match symbol {
                            "+" => Some(left.plus(&right)),
                            "-" => Some(left.minus(&right)),
                            _ => left.times(&right),
                        }
                    }
                    (Some(("-", 1)), [value], true) => {
                        Some(Polynomial::from(0).minus(&self.polynomial_at(level, *value, depth - 1)))
                    }
                    (Some(("//", 2)), [left, right], true) => {
                        let divisor =
                            self.polynomial_at(level, *right, depth - 1).known().filter(|divisor| *divisor > 0);
                        let left = self.polynomial_at(level, *left, depth - 1);
                        divisor.and_then(|divisor| left.divided(divisor))
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        // One that is too long is a size of its own.
        let found = found.filter(|found| !found.is_too_long());
        let found = found.unwrap_or_else(|| Polynomial::from(&self.symbol_at(level, node)));
        self.levels[level].polynomials.insert(node, found.clone());
        found
    }

    /// Whether an integer scalar is computed from sizes and known numbers alone.
    pub(super) fn is_made_of_sizes(&self, operand: Operand) -> bool {
        self.is_made_of_sizes_at(operand.level as usize, operand.node, DEEPEST_INDEX)
    }

    fn is_made_of_sizes_at(&self, level: usize, node: NodeId, depth: usize) -> bool {
        if let (Some(outer), true) = (self.levels[level].imported.get(&node), level > 0) {
            return self.is_made_of_sizes_at(level - 1, *outer, depth);
        }
        match &self.levels[level].builder.graph().node(node).kind {
            NodeKind::Constant(_) | NodeKind::Size(_) => true,
            NodeKind::Cast(value) => depth > 0 && self.is_made_of_sizes_at(level, *value, depth - 1),
            NodeKind::Elementwise { operation, operands } => {
                let operator = self.library.declarations()[operation.0 as usize].operator;
                depth > 0
                    && matches!(operator, Some(("+" | "-" | "*", _)))
                    && operands.iter().all(|operand| self.is_made_of_sizes_at(level, *operand, depth - 1))
            }
            _ => false,
        }
    }

    /// Whether an operand is an integer scalar.
    pub(super) fn is_integer(&self, operand: Operand) -> bool {
        self.is_integer_at(operand.level as usize, operand.node)
    }

    fn is_integer_at(&self, level: usize, node: NodeId) -> bool {
        let found = self.levels[level].builder.graph().node(node).array_type();
        found.rank() == 0 && matches!(found.dtype.kind(), Kind::Signed | Kind::Unsigned)
    }

    /// The size that a scalar node tells when the program runs.
    fn symbol_at(&mut self, level: usize, node: NodeId) -> Symbol {
        if let Some(symbol) = self.levels[level].symbols.get(&node) {
            return symbol.clone();
        }
        let kind = self.levels[level].builder.graph().node(node).kind.clone();
        let (is_count, name) = match kind {
            NodeKind::Input(index) => {
                let name = self.levels[level].builder.graph().inputs[index as usize].name.clone();
                (false, Some(name).filter(|name| is_programs(name)))
            }
            NodeKind::Count(_) => (true, None),
            NodeKind::Part { value, index: 1 } => {
                (matches!(self.levels[level].builder.graph().node(value).kind, NodeKind::SliceBounds { .. }), None)
            }
            _ => (false, None),
        };
        let name = name.unwrap_or_else(|| {
            self.unknown_count += 1;
            format!("?{}", self.unknown_count).into()
        });
        let bounds = self.levels[level].bounds.get(&node).cloned();
        let least = bounds.as_ref().and_then(|bounds| bounds.least.known());
        let least = least.unwrap_or(if is_count { 0 } else { i64::MIN / 4 });
        self.symbol_count += 1;
        let symbol = Symbol::of_run(self.symbol_count, &name, least, bounds.map(|bounds| bounds.most));
        let told = self.told_by(level, node);
        let Level { symbols, tellers, builder, .. } = &mut self.levels[level];
        symbols.insert(node, symbol.clone());
        tellers.insert(symbol.clone(), told);
        builder.graph_mut().sizes.push((symbol.clone(), told));
        symbol
    }

    /// The node itself as an i64.
    fn told_by(&mut self, level: usize, node: NodeId) -> NodeId {
        let found = self.levels[level].builder.graph().node(node).clone();
        match found.array_type().dtype {
            DType::I64 => node,
            _ => {
                let kind = NodeKind::Cast(node);
                self.levels[level].builder.add(kind, vec![ArrayType::scalar(DType::I64)], found.span, None)
            }
        }
    }

    /// Says between which numbers a scalar of the innermost graph lies.
    pub(crate) fn note_bounds(&mut self, operand: Operand, bounds: Bounds) {
        self.levels[operand.level as usize].bounds.insert(operand.node, bounds);
    }

    /// Between which numbers the elements of an array of counted integers lie: a range, or one scaled and moved.
    pub(crate) fn element_bounds(&mut self, array: Operand) -> Option<Bounds> {
        let (first, step, length) = self.counted(array.level as usize, array.node, DEEPEST)?;
        let last = first.plus(&Polynomial::from(&length).minus(&1.into()).times(&step)?);
        match step.known() {
            Some(step) if step >= 0 => Some(Bounds { least: first, most: last }),
            Some(_) => Some(Bounds { least: last, most: first }),
            None => None,
        }
    }

    /// `first + step * [0, 1, …, length - 1]`, when an array is that and only the run tells how long it is.
    pub(super) fn open_count(&mut self, array: Operand) -> Option<(Polynomial, Polynomial, Length)> {
        let counted = self.counted(array.level as usize, array.node, DEEPEST)?;
        matches!(counted.2, Length::Open(_)).then_some(counted)
    }

    /// The same of any length.
    fn counted(&mut self, level: usize, node: NodeId, depth: usize) -> Option<(Polynomial, Polynomial, Length)> {
        if let (Some(outer), true) = (self.levels[level].imported.get(&node).copied(), level > 0) {
            return self.counted(level - 1, outer, depth);
        }
        if depth == 0 {
            return None;
        }
        let found = self.levels[level].builder.graph().node(node).clone();
        match found.kind {
            NodeKind::Iota => Some((0.into(), 1.into(), found.types[0].shape[0].clone())),
            NodeKind::Elementwise { operation, operands } => {
                let symbol = self.library.declarations()[operation.0 as usize].operator?.0;
                let [left, right] = operands.as_slice() else { return None };
                let (array, scalar, turned) = match self.is_integer_at(level, *right) {
                    true => (*left, *right, false),
                    false if self.is_integer_at(level, *left) => (*right, *left, true),
                    false => return None,
                };
                let (first, step, length) = self.counted(level, array, depth - 1)?;
                let scalar = self.polynomial_at(level, scalar, depth - 1);
                match (symbol, turned) {
                    ("+", _) => Some((first.plus(&scalar), step, length)),
                    ("-", false) => Some((first.minus(&scalar), step, length)),
                    ("*", _) => Some((first.times(&scalar)?, step.times(&scalar)?, length)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A size in a length that only a graph inside of the innermost one tells.
    pub(super) fn untold(&self, length: &Length) -> Option<Symbol> {
        let Length::Open(polynomial) = length else { return None };
        let is_told = |symbol: &Symbol| {
            symbol.is_variable() || self.levels.iter().any(|level| level.tellers.contains_key(symbol))
        };
        polynomial.symbols().find(|symbol| !is_told(symbol)).cloned()
    }
}

/// Whether an input's name is one that the program wrote.
fn is_programs(name: &str) -> bool {
    !matches!(name, "element" | "captured" | "carried") && !name.contains(' ')
}
