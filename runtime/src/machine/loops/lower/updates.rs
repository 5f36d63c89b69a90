//! What turns change: elements where they lie, in memory that the loop owns and nothing else shows.

use super::super::program::{Affine, Fault, Local, Statement};
use super::{Binding, Lowered, Lowering, Lying, Table, UNROLLED, bound, indices};
use crate::plan::region::{ValueId, elements};
use crate::plan::{Step, UpdateStep};

impl<'a> Lowering<'a> {
    /// Declines what would need a copy of an array in every turn: the loop must own it, and no other value may show it.
    pub(super) fn take(&self, array: &Lying, value: ValueId, last: bool, table: &Table<'a>) -> Lowered<()> {
        self.take_beside(array, value, &[], last, table)
    }

    /// The same where some values may show it, which are read before it changes.
    pub(super) fn take_beside(
        &self,
        array: &Lying,
        value: ValueId,
        read: &[ValueId],
        last: bool,
        table: &Table<'a>,
    ) -> Lowered<()> {
        let shown = |(other, binding): (usize, &Option<Binding>)| {
            other != value
                && !read.contains(&other)
                && binding.as_ref().is_some_and(|binding| binding.shows(array.root))
        };
        if !array.is_whole() {
            return Err("a part of an array is changed as a value of its own".to_owned());
        }
        if !self.owned[array.root] {
            return Err("it changes an array that is needed as it was".to_owned());
        }
        if !last || table.iter().enumerate().any(shown) {
            return Err("it changes an array that is needed as it was before".to_owned());
        }
        Ok(())
    }

    pub(super) fn update(&mut self, update: &UpdateStep, step: &Step, table: &mut Table<'a>) -> Lowered<Binding<'a>> {
        if !update.shape.is_empty() {
            return self.update_several(update, step, table);
        }
        let value = bound(table, update.value.value)?;
        let Binding::Element(new) = bound(table, update.new.value)? else {
            return Err("an array of one element is written".to_owned());
        };
        let array = match value {
            Binding::Element(old) => return Ok(Binding::Element(self.combined(update, step, old, new)?)),
            Binding::Array(array) => array,
            _ => return Err("it changes an array that it makes in every turn".to_owned()),
        };
        self.take(&array, update.value.value, update.value.last, table)?;
        let mut place = array.place.clone();
        let lengths = array.shape.clone();
        for (at, &stride) in
            self.places(&update.axes, &lengths, &update.shape, step.span, table)?.iter().zip(&array.strides)
        {
            place.bytes.add(at, stride);
        }
        let from = if update.combine.is_some() {
            let old = self.element(array.dtype);
            self.push(Statement::Load { to: old, place: place.clone() });
            self.combined(update, step, old, new)?
        } else {
            new
        };
        self.push(Statement::Store { place, from });
        Ok(Binding::Array(array))
    }

    /// What an element becomes.
    pub(super) fn combined(&mut self, update: &UpdateStep, step: &Step, old: Local, new: Local) -> Lowered<Local> {
        let Some(combine) = &update.combine else { return Ok(new) };
        let dtype = self.dtype(old);
        let kernel = self.bodies.body(combine.operation).kernel(&[dtype, dtype]).ok_or("an operation has no kernel")?;
        let fault = kernel.fault.map(|text| self.fault(Fault::Update { text, span: step.span }));
        Ok(self.compute(kernel, vec![old, new], fault))
    }

    /// A few elements changed at once: all new ones are read before the first old one changes.
    fn update_several(&mut self, update: &UpdateStep, step: &Step, table: &mut Table<'a>) -> Lowered<Binding<'a>> {
        if update.combine.as_ref().is_some_and(|combine| !combine.fault.is_empty()) {
            return Err("several elements are changed at once, and may have no answer".to_owned());
        }
        if !(1..=UNROLLED).contains(&elements(&update.shape)) {
            return self.change(update, step, table);
        }
        let Binding::Array(array) = bound(table, update.value.value)? else {
            return Err("it changes an array that it makes in every turn".to_owned());
        };
        let read = if update.new.last { &[update.new.value][..] } else { &[] };
        self.take_beside(&array, update.value.value, read, update.value.last, table)?;
        let places = self.places(&update.axes, &array.shape, &update.shape, step.span, table)?;
        let new = bound(table, update.new.value)?;
        let shape = new.shape().to_vec();
        let missing = update.shape.len() - shape.len();
        let mut stores = Vec::new();
        for index in indices(&update.shape) {
            let own: Vec<Affine> = (shape.iter().zip(&index[missing..]))
                .map(|(&length, &at)| Affine::known(if length == 1 { 0 } else { at as i64 }))
                .collect();
            let new = self.at(&new, &own)?;
            let mut place = array.place.clone();
            for ((at, axis), &stride) in places.iter().zip(&update.axes).zip(&array.strides) {
                place.bytes.add(at, stride);
                if let Some(along) = axis.place.axis {
                    place.bytes.add(&Affine::known(index[along] as i64), axis.place.step as i64 * stride);
                }
            }
            let mut from = new;
            if update.combine.is_some() {
                let old = self.element(array.dtype);
                self.push(Statement::Load { to: old, place: place.clone() });
                from = self.combined(update, step, old, new)?;
            }
            stores.push(Statement::Store { place, from });
        }
        stores.into_iter().for_each(|store| self.push(store));
        Ok(Binding::Array(array))
    }
}
