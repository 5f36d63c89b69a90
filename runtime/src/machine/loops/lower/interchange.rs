//! Loops whose turns change a part of an array that lies apart in memory, as a column of a matrix does.
//!
//! Where each new element depends on its own row alone, all turns can be done for one row and then for the next (loop interchange;
//! Allen and Kennedy, *Optimizing Compilers for Modern Architectures*, 2001). So a row's elements are read and written where they lie
//! side by side. Several rows go along together, because a turn of one has to wait for the turn before.

use super::super::program::{Affine, Local, Place, Repeat, Statement};
use super::{Binding, Computed, Lowered, Lowering, Reason, Table, bound};
use crate::plan::region::{Region, ValueId, elements};
use crate::plan::{Step, UpdateStep};
use std::collections::HashMap;
use std::rc::Rc;

/// The most that a row's turn may cost, in picoseconds as vectors take them: what costs more is left to the interpreter, whose vectors
/// gain more than collecting a column's elements costs.
const MOST_COST: u32 = 1500;

/// About how many elements that lie apart take the interpreter as long as a step does.
const ELEMENTS_A_STEP: f64 = 32.0;

/// The most rows that go along together, and the most statements that their turn becomes.
const MOST_ROWS: usize = 4;
const MOST_TOGETHER: usize = 160;

/// The bytes of a line of the cache.
const CACHE_LINE: i64 = 64;

/// Elements that a turn changes: a loop over each of their axes.
pub(super) struct Change {
    /// What counts along each axis, and how far.
    axes: Vec<(Local, i64)>,
    /// The array that they are a part of.
    base: Local,
    /// The distances along the axes, in bytes.
    strides: Vec<i64>,
    /// An element's bytes.
    size: i64,
}

fn declined(why: &str) -> Reason {
    format!("several elements are changed at once{why}")
}

impl<'a> Lowering<'a> {
    /// Elements of an array that lie apart, each changed by what its own row tells: it is seen later, when all of the loop is known,
    /// whether they are ([`Lowering::interchanged`]).
    pub(super) fn change(&mut self, update: &UpdateStep, step: &Step, table: &mut Table<'a>) -> Lowered<Binding<'a>> {
        let Binding::Array(array) = bound(table, update.value.value)? else {
            return Err("it changes an array that it makes in every turn".to_owned());
        };
        let in_body = self.code.len() == 2 && self.may_interchange;
        // Without rows nothing would say what goes wrong in a turn.
        if !in_body || elements(&update.shape) == 0 || update.shape.iter().any(|&length| super::is_open(length)) {
            return Err(declined(""));
        }
        let new = bound(table, update.new.value)?;
        // What one region computes is computed at once, before anything that it reads is changed.
        let beside = self.beside(&new, update.new.value, array.root, table);
        let mut read: Vec<ValueId> = beside.iter().map(|&(value, _)| value).collect();
        read.extend(update.new.last.then_some(update.new.value));
        self.take_beside(&array, update.value.value, &read, update.value.last, table)?;
        let places = self.places(&update.axes, &array.shape, &update.shape, step.span, table)?;
        let counts = update.shape.iter().map(|&length| length as i64);
        let axes: Vec<(Local, i64)> = match counters_of(&new) {
            Some(counters) if new.shape() == update.shape => counters.iter().copied().zip(counts).collect(),
            Some(_) => return Err(declined("")),
            None => counts.map(|count| (self.counter(count), count)).collect(),
        };
        let (mut place, strides) = array.part(&places, &update.axes, axes.len());
        for (&(index, _), &stride) in axes.iter().zip(&strides) {
            place.bytes.add(&Affine::of(index), stride);
        }
        let shape = new.shape().to_vec();
        if !beside.is_empty() && shape != update.shape {
            return Err(declined(""));
        }
        let missing = axes.len() - shape.len();
        let own: Vec<Affine> = (shape.iter().zip(&axes[missing..]))
            .map(|(&length, &(index, _))| if length == 1 { Affine::known(0) } else { Affine::of(index) })
            .collect();
        let (mut body, elements_beside, weight) = self.block(|lowering| {
            let (mut from, elements) = lowering.computed_row(&new, &own, &beside)?;
            if update.combine.is_some() {
                let old = lowering.element(array.dtype);
                lowering.push(Statement::Load { to: old, place: place.clone() });
                from = lowering.combined(update, step, old, from)?;
            }
            lowering.push(Statement::Store { place, from });
            Ok(elements)
        })?;
        for (&(value, _), element) in beside.iter().zip(elements_beside) {
            let counters = axes.iter().map(|axis| axis.0).collect();
            table[value] = Some(Binding::Computed(Rc::new(Computed::Row { element, counters, shape: shape.clone() })));
        }
        for &(index, count) in axes.iter().rev() {
            body = vec![Statement::Each { index, count: Affine::known(count), body }];
        }
        body.into_iter().for_each(|each| self.push(each));
        self.weight += weight + elements(&update.shape) as f64 / ELEMENTS_A_STEP;
        let size = array.dtype.size() as i64;
        self.changes.push(Change { axes, base: array.place.base, strides, size });
        Ok(Binding::Array(array))
    }

    /// The other values that the region computes which computes this one, as far as they show a root, and their registers.
    fn beside(&self, new: &Binding<'a>, value: ValueId, root: usize, table: &Table<'a>) -> Vec<(ValueId, usize)> {
        let Some((own, _, _)) = region_of(new) else { return Vec::new() };
        let others = table.iter().enumerate().filter(|&(other, _)| other != value);
        let found = others.filter_map(|(other, binding)| {
            let binding = binding.as_ref().filter(|binding| binding.shows(root))?;
            let (region, _, register) = region_of(binding)?;
            std::ptr::eq(region, own).then_some((other, register))
        });
        found.collect()
    }

    /// An element of a value, and those that its region computes beside it.
    fn computed_row(
        &mut self,
        new: &Binding<'a>,
        own: &[Affine],
        beside: &[(ValueId, usize)],
    ) -> Lowered<(Local, Vec<Local>)> {
        let may_be_long = std::mem::replace(&mut self.may_be_long, true);
        let computed = match region_of(new) {
            Some((region, leaves, register)) if !beside.is_empty() => self
                .registers_at(region, leaves, own)
                .map(|registers| (registers[register], beside.iter().map(|&(_, other)| registers[other]).collect())),
            _ => self.at(new, own).map(|element| (element, Vec::new())),
        };
        self.may_be_long = may_be_long;
        computed
    }

    fn counter(&mut self, count: i64) -> Local {
        let index = self.element(thalweg_lang::dtype::DType::I64);
        self.ranges[index] = Some((0, (count - 1).max(0)));
        index
    }

    /// A program whose loop changes elements that lie apart, row by row: its statements, the loop last.
    pub(super) fn interchanged(&mut self, mut statements: Vec<Statement>) -> Lowered<Vec<Statement>> {
        let changes = std::mem::take(&mut self.changes);
        let [first, ..] = &changes[..] else { return Ok(statements) };
        let Some(Statement::Loop(repeat)) = statements.pop() else { return Err(declined("")) };
        let turn = Turn::of(*repeat, &changes)?;
        if !self.are_rows_apart(&changes, &turn.each) {
            return Err(declined(", which lie side by side or depend on each other"));
        }
        let (outer, inner) = first.axes.split_at(first.axes.len() - 1);
        let count = inner[0].1;
        let together = turn.together().min(count);
        if turn.cost() > MOST_COST || !turn.reads_along_rows() {
            return Err(declined(", and vectors do it faster"));
        }
        let whole = count - count % together;
        let mut nest = vec![self.rows(&turn, (0, whole), together)?];
        if whole < count {
            nest.push(self.rows(&turn, (whole, count), 1)?);
        }
        for &(index, count) in outer.iter().rev() {
            nest = vec![Statement::Each { index, count: Affine::known(count), body: nest }];
        }
        statements.extend(nest);
        Ok(statements)
    }

    /// All turns for the rows of a range, so many together.
    fn rows(&mut self, turn: &Turn, (start, end): (i64, i64), together: i64) -> Lowered<Statement> {
        let count = (end - start) / together;
        let group = self.counter(count);
        let (body, (), _) = self.block(|lowering| {
            let mut body = turn.once.clone();
            for row in 0..together {
                let mut number = Affine::known(start + row);
                number.add(&Affine::of(group), together);
                let own = lowering.counter(end);
                lowering.push(Statement::Number { to: own, number });
                let mut names = HashMap::new();
                for (change, statements) in &turn.each {
                    for (axis, &(index, _)) in change.axes.iter().enumerate() {
                        let last = axis + 1 == change.axes.len();
                        names.insert(index, if last { own } else { turn.each[0].0.axes[axis].0 });
                    }
                    body.extend(lowering.renamed(statements, &mut names));
                }
            }
            lowering.statements += body.len();
            let (turns, most) = (turn.turns, turn.most);
            let repeat = Repeat { turns, most, is_outermost: true, condition: None, body, stop: None };
            lowering.push(Statement::Loop(Box::new(repeat)));
            Ok(())
        })?;
        Ok(Statement::Each { index: group, count: Affine::known(count), body })
    }

    /// Statements over variables of their own, but for those that have a name already or are set elsewhere.
    fn renamed(&mut self, statements: &[Statement], names: &mut HashMap<Local, Local>) -> Vec<Statement> {
        let mut renamed = Vec::new();
        for statement in statements {
            let of = |local: Local| names.get(&local).copied().unwrap_or(local);
            let sum = |affine: &Affine| {
                let mut sum = Affine::known(affine.offset);
                affine.terms.iter().for_each(|&(local, factor)| sum.add(&Affine::of(of(local)), factor));
                sum
            };
            let place = |place: &Place| Place { base: of(place.base), bytes: sum(&place.bytes) };
            let mut own = statement.clone();
            let set = match &mut own {
                Statement::Constant { to, .. } | Statement::Data { to, .. } => Some(to),
                Statement::Number { to, number } => {
                    *number = sum(number);
                    Some(to)
                }
                Statement::Compute { to, operands, .. } => {
                    operands.iter_mut().for_each(|operand| *operand = of(*operand));
                    Some(to)
                }
                Statement::Load { to, place: from } => {
                    *from = place(from);
                    Some(to)
                }
                Statement::Store { place: to, from } => {
                    (*to, *from) = (place(to), of(*from));
                    None
                }
                _ => unreachable!("these are the statements that a row's turn has"),
            };
            if let Some(to) = set {
                let own = self.local(self.program.locals[*to]);
                names.insert(*to, own);
                *to = own;
            }
            renamed.push(own);
        }
        renamed
    }

    /// Whether no row reads or writes what another one writes, and rows lie apart.
    fn are_rows_apart(&self, changes: &[Change], each: &[(&Change, Vec<Statement>)]) -> bool {
        changes.iter().all(|written| {
            // Between which bytes of its row all elements lie that a row has to do with.
            let mut reach = (i64::MAX, i64::MIN);
            for (change, statements) in each {
                for statement in statements {
                    let (Statement::Load { place, .. } | Statement::Store { place, .. }) = statement else { continue };
                    if place.base != written.base {
                        continue;
                    }
                    let Some((least, most)) = self.within_row(place, change, written) else { return false };
                    reach = (reach.0.min(least), reach.1.max(most.saturating_add(written.size)));
                }
            }
            // Rows of rows, the shortest first: each begins behind the end of the one before.
            let mut axes: Vec<(i64, i64)> = (written.strides.iter().zip(&written.axes))
                .map(|(&stride, &(_, count))| (stride.abs(), count))
                .filter(|&(_, count)| count > 1)
                .collect();
            axes.sort_unstable();
            let Some(mut length) = reach.1.checked_sub(reach.0) else { return false };
            let is_behind = |&(stride, count): &(i64, i64)| {
                let is_behind = length <= stride;
                length = length.saturating_add(stride.saturating_mul(count - 1));
                is_behind
            };
            let is_one_piece = axes.first().is_none_or(|axis| axis.0 <= written.size);
            axes.iter().all(is_behind) && !is_one_piece
        })
    }

    /// Between which bytes of a row a place lies; `None`: it is in no row, or in another one's.
    fn within_row(&self, place: &Place, change: &Change, written: &Change) -> Option<(i64, i64)> {
        let mut strides = vec![0; written.strides.len()];
        let mut reach = (place.bytes.offset, place.bytes.offset);
        for &(local, factor) in &place.bytes.terms {
            if let Some(axis) = change.axes.iter().position(|axis| axis.0 == local) {
                strides[axis] += factor;
                continue;
            }
            let (least, most) = self.ranges[local]?;
            let (least, most) = if factor < 0 { (most, least) } else { (least, most) };
            reach.0 = reach.0.checked_add(factor.checked_mul(least)?)?;
            reach.1 = reach.1.checked_add(factor.checked_mul(most)?)?;
        }
        (strides == written.strides).then_some(reach)
    }
}

/// The region that computes a value, what its leaves are, and the value's register.
fn region_of<'b, 'a>(binding: &'b Binding<'a>) -> Option<(&'a Region, &'b [Binding<'a>], usize)> {
    match binding {
        Binding::Computed(computed) => match &**computed {
            Computed::Region { region, leaves, register } => Some((region, leaves, *register)),
            _ => None,
        },
        _ => None,
    }
}

/// What counts along the axes of a value that was computed beside another one.
fn counters_of<'b>(binding: &'b Binding) -> Option<&'b [Local]> {
    match binding {
        Binding::Computed(computed) => match &**computed {
            Computed::Row { counters, .. } => Some(counters),
            _ => None,
        },
        _ => None,
    }
}

/// A turn of a loop: what it does once, and what it does for each row.
struct Turn<'c> {
    once: Vec<Statement>,
    each: Vec<(&'c Change, Vec<Statement>)>,
    turns: Option<(Local, i64)>,
    most: Option<i64>,
}

impl<'c> Turn<'c> {
    /// Of a loop whose turns are counted and carry nothing but the arrays that they change; what is done once reads none of these.
    fn of(repeat: Repeat, changes: &'c [Change]) -> Lowered<Turn<'c>> {
        let counts = |change: &Change| change.axes.iter().map(|axis| axis.1).collect::<Vec<_>>();
        if changes.iter().any(|change| counts(change) != counts(&changes[0])) {
            return Err(declined(", of several shapes"));
        }
        if repeat.turns.is_none() || repeat.condition.is_some() || repeat.stop.is_some() {
            return Err(declined(", and the turns are not counted"));
        }
        let is_changed = |place: &Place| changes.iter().any(|change| change.base == place.base);
        let reads = |statement: &Statement| matches!(statement, Statement::Load { place, .. } if is_changed(place));
        let mut turn = Turn { once: Vec::new(), each: Vec::new(), turns: repeat.turns, most: repeat.most };
        for statement in repeat.body {
            match statement {
                Statement::Each { .. } => {
                    let change = changes.get(turn.each.len()).ok_or_else(|| declined(""))?;
                    turn.each.push((change, innermost(statement, change)?));
                }
                Statement::Assign { to, from } if to == from => {}
                statement if (only_computes(&statement) || may_only_fail(&statement)) && !reads(&statement) => {
                    turn.once.push(statement);
                }
                _ => return Err(declined(", and a turn depends on the one before")),
            }
        }
        if turn.each.len() == changes.len() { Ok(turn) } else { Err(declined("")) }
    }

    fn each(&self) -> impl Iterator<Item = &Statement> {
        self.each.iter().flat_map(|(_, statements)| statements)
    }

    /// How many rows go along together.
    fn together(&self) -> i64 {
        let size = self.once.len() + self.each().count();
        (MOST_TOGETHER / size.max(1)).clamp(1, MOST_ROWS) as i64
    }

    /// What a row's turn costs. What a turn does once is done again for each few rows, without vectors.
    fn cost(&self) -> u32 {
        let cost =
            |statement: &Statement| if let Statement::Compute { kernel, .. } = statement { kernel.cost } else { 0 };
        self.once.iter().chain(self.each()).map(cost).fold(0, u32::saturating_add)
    }

    /// Whether going along the rows is the better way for more of what is read and written: it lies a line of the cache apart from row to
    /// row, rather than side by side.
    fn reads_along_rows(&self) -> bool {
        let (mut beside, mut apart) = (0, 0);
        for (change, statements) in &self.each {
            let row = change.axes.last().map(|axis| axis.0);
            for statement in statements {
                let (Statement::Load { place, .. } | Statement::Store { place, .. }) = statement else { continue };
                let factor = place.bytes.terms.iter().find(|(local, _)| Some(*local) == row);
                let distance = factor.map_or(0, |(_, factor)| factor.abs());
                beside += usize::from((1..=change.size).contains(&distance));
                apart += usize::from(distance >= CACHE_LINE);
            }
        }
        beside <= apart
    }
}

/// What is done for each element that a turn changes.
fn innermost(statement: Statement, change: &Change) -> Lowered<Vec<Statement>> {
    let mut statements = vec![statement];
    for &(own, _) in &change.axes {
        statements = match statements.pop() {
            Some(Statement::Each { index, body, .. }) if index == own && statements.is_empty() => body,
            _ => return Err(declined("")),
        };
    }
    let is_simple = |statement: &Statement| only_computes(statement) || matches!(statement, Statement::Store { .. });
    if statements.iter().all(is_simple) { Ok(statements) } else { Err(declined(", and may have no answer")) }
}

/// Whether a statement does nothing but compute, and always has an answer: it may be done again.
fn only_computes(statement: &Statement) -> bool {
    match statement {
        Statement::Constant { .. } | Statement::Data { .. } | Statement::Number { .. } | Statement::Load { .. } => true,
        Statement::Compute { fault, .. } => fault.is_none(),
        _ => false,
    }
}

/// Whether a statement does nothing but compute, and has no answer in some turns. Such a turn goes wrong with the first rows.
fn may_only_fail(statement: &Statement) -> bool {
    matches!(statement, Statement::Position { .. } | Statement::Compute { .. })
}
