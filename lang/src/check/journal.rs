//! What a body that may run never or many times changes of the names around it: noted while it is walked, and undone after, so that
//! the cost is that of the changes and not of the names.

use super::memo::key_of;
use super::{Binding, Checker};
use crate::declaration::Operand;
use crate::source::Span;
use crate::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A name and whose it is: 0 is the program, k the k-th function that is being walked.
pub(super) type Place = (usize, Arc<str>);

/// The first value of each name that a body changed.
pub(super) struct Journal {
    /// How many functions were being walked when the body began: the names of later ones are gone when it ends.
    frames: usize,
    before: BTreeMap<Place, Option<Binding>>,
}

/// What the names that a body changed stand for after it, in their scopes.
pub(super) type Changes = BTreeMap<Place, Option<Binding>>;

impl Checker<'_> {
    /// The scope that assignments go to: the innermost function's, or the program's.
    pub(super) fn scope(&self) -> usize {
        self.frames.len()
    }

    /// What a name stands for in a scope itself.
    pub(super) fn in_scope(&self, place: &Place) -> Option<&Binding> {
        match place.0 {
            0 => self.globals.get(&place.1),
            frame => self.frames[frame - 1].locals.get(&place.1),
        }
    }

    /// Gives a name of a scope another meaning, or none.
    pub(super) fn set_in_scope(&mut self, place: &Place, binding: Option<Binding>) {
        let known =
            self.journals.last().map(|journal| place.0 <= journal.frames && !journal.before.contains_key(place));
        if known == Some(true) {
            let before = self.in_scope(place).cloned();
            if let Some(journal) = self.journals.last_mut() {
                journal.before.insert(place.clone(), before);
            }
        }
        let names = match place.0 {
            0 => &mut self.globals,
            frame => &mut self.frames[frame - 1].locals,
        };
        match binding {
            Some(binding) => names.insert(place.1.clone(), binding),
            None => names.remove(&place.1),
        };
    }

    /// From here on changes of names are noted.
    pub(super) fn open_journal(&mut self) {
        self.journals.push(Journal { frames: self.frames.len(), before: BTreeMap::new() });
    }

    /// Undoes what changed since the journal was opened, and says what it was.
    pub(super) fn close_journal(&mut self) -> Changes {
        let mut changes = Changes::new();
        let Some(journal) = self.journals.pop() else { return changes };
        for (place, before) in journal.before {
            let after = self.in_scope(&place).cloned();
            if place.0 == 0 {
                self.changes += 1;
            }
            // The journal around this one noted the same first value, or none: the name is as it was there.
            let names = match place.0 {
                0 => &mut self.globals,
                frame => &mut self.frames[frame - 1].locals,
            };
            match &before {
                Some(binding) => names.insert(place.1.clone(), binding.clone()),
                None => names.remove(&place.1),
            };
            let is_same = match (&before, &after) {
                (Some(Binding::Value(old)), Some(Binding::Value(new))) => key_of(old) == key_of(new),
                (Some(Binding::Broken), Some(Binding::Broken)) | (None, None) => true,
                _ => false,
            };
            if !is_same {
                changes.insert(place, after);
            }
        }
        changes
    }

    /// What a name stands for where a body begins that changes it: its own scope's meaning, or what the function closed over, or the
    /// program's.
    pub(super) fn before_body(&mut self, place: &Place, span: Span) -> Option<Binding> {
        if let Some(binding) = self.in_scope(place) {
            return Some(binding.clone());
        }
        if place.0 == 0 {
            return self.global(&place.1, span);
        }
        let frame = &self.frames[place.0 - 1];
        match frame.closure.captured.get(&place.1) {
            Some(value) => Some(Binding::Value(value.clone())),
            None if frame.is_closed => None,
            None => self.global(&place.1, span),
        }
    }
}

/// Whether a value is made of arrays: what the sides of an `if` and the turns of a loop hand on.
pub(super) fn is_made_of_arrays(value: &Value<Operand>) -> bool {
    match value {
        Value::Array(_) => true,
        Value::Tuple(values) => values.iter().all(is_made_of_arrays),
        _ => false,
    }
}
