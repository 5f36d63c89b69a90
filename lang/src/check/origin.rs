//! Where values come from, for messages: the expression that a name was given, the argument that a parameter got.

use super::Checker;
use super::journal::Place;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use std::collections::HashMap;
use std::sync::Arc;

/// The places that the names of a scope got their values from.
#[derive(Default)]
pub(super) struct Origins(HashMap<Arc<str>, Span>);

impl Origins {
    /// Notes where a name's value comes from.
    pub(super) fn set(&mut self, name: &Arc<str>, place: Span) {
        self.0.insert(name.clone(), place);
    }
}

impl Checker<'_> {
    /// Notes where a name of the innermost function, or of the program, gets its value.
    pub(super) fn set_origin(&mut self, name: &Arc<str>, place: Span) {
        match self.frames.last_mut() {
            Some(frame) => frame.origins.set(name, place),
            None => self.origins.set(name, place),
        }
    }

    /// Notes that a name is used at a place.
    pub(super) fn note_use(&mut self, name: &str, place: Span) {
        let origins = match self.frames.last() {
            Some(frame) if frame.locals.contains_key(name) => &frame.origins,
            _ => &self.origins,
        };
        if let Some(origin) = origins.0.get(name) {
            self.uses.insert(place, *origin);
        }
    }

    /// Where a name's value was written, in a scope.
    pub(super) fn origin_of(&self, place: &Place) -> Option<Span> {
        let origins = match place.0 {
            0 => &self.origins,
            frame => &self.frames[frame - 1].origins,
        };
        origins.0.get(&place.1).copied()
    }

    /// Adds where the value that stands at a place comes from: a name's own place says little about its length.
    pub(super) fn with_origin(&self, diagnostic: Diagnostic, place: Span, found: &str) -> Diagnostic {
        match self.uses.get(&place) {
            Some(origin) if diagnostic.labels.iter().all(|label| label.span != *origin) => {
                diagnostic.label(*origin, format!("{found} comes from here"))
            }
            _ => diagnostic,
        }
    }
}
