//! Values as the language has them: arrays, and what stands beside arrays and is known before anything runs.

use crate::ast;
use crate::dtype::DType;
use crate::source::Span;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// A value whose arrays are `A`: a graph's nodes while a program is checked, arrays once it has run.
#[derive(Clone, Debug)]
pub enum Value<A> {
    /// An array.
    Array(A),
    /// A tuple.
    Tuple(Vec<Value<A>>),
    /// Sequences that a comprehension walks together.
    Zip(Vec<Value<A>>),
    /// A string.
    Text(Text<A>),
    /// A user's function.
    Function(Arc<Closure<A>>),
    /// An operation of the library, or a function of its prelude, by name.
    Builtin(Arc<str>),
    /// A dtype's name, which is also the cast.
    DType(DType),
    /// `none`: no axis, no value.
    None,
    /// `newaxis`.
    Newaxis,
}

/// Functions that were mapped, by where they are.
pub type Mapped<A, B> = HashMap<*const Closure<A>, Arc<Closure<B>>>;

/// A string: its pieces, one behind the other.
pub type Text<A> = Vec<TextPiece<A>>;

/// A piece of a string.
#[derive(Clone, Debug)]
pub enum TextPiece<A> {
    /// Known text.
    Text(Arc<str>),
    /// A value formatted by a specification (Python's format mini-language; may be empty).
    Value(Value<A>, Arc<str>, Span),
    /// One of several strings: an i64 scalar is the index of the one that the run chose.
    Choice(A, Vec<Text<A>>),
}

impl<A> TextPiece<A> {
    /// The strings in it, in order.
    fn texts(&self) -> &[Text<A>] {
        match self {
            TextPiece::Choice(_, texts) => texts,
            TextPiece::Text(_) | TextPiece::Value(..) => &[],
        }
    }

    /// How large it is.
    fn extent(&self) -> Extent {
        match self {
            // Doubling a long text costs as much as doubling many values.
            TextPiece::Text(text) => Extent { count: 1 + text.len() / 1024, depth: 0 },
            TextPiece::Value(value, ..) => value.extent(),
            TextPiece::Choice(_, texts) => Extent::of(texts.iter().flatten().map(TextPiece::extent)),
        }
    }

    fn visit_new(&self, see: &mut dyn FnMut(&A), seen: &mut HashSet<*const Closure<A>>) {
        match self {
            TextPiece::Text(_) => {}
            TextPiece::Value(value, ..) => value.visit_new(see, seen),
            TextPiece::Choice(which, _) => see(which),
        }
        self.texts().iter().flatten().for_each(|piece| piece.visit_new(see, seen));
    }

    /// The same piece with each array replaced; see [`Value::map_among`].
    pub fn map<B>(&self, change: &mut dyn FnMut(&A) -> B, known: &mut Mapped<A, B>) -> TextPiece<B> {
        match self {
            TextPiece::Text(text) => TextPiece::Text(text.clone()),
            TextPiece::Value(value, specification, span) => {
                TextPiece::Value(value.map_among(change, known), specification.clone(), *span)
            }
            TextPiece::Choice(which, texts) => {
                let which = change(which);
                let mut map = |text: &Text<A>| text.iter().map(|piece| piece.map(change, known)).collect();
                TextPiece::Choice(which, texts.iter().map(&mut map).collect())
            }
        }
    }

    fn is_alike<B>(&self, other: &TextPiece<B>, same: &mut dyn FnMut(&A, &B) -> bool) -> bool {
        match (self, other) {
            (TextPiece::Text(one), TextPiece::Text(other)) => one == other,
            (TextPiece::Value(one, specification, _), TextPiece::Value(other, expected, _)) => {
                specification == expected && one.is_alike(other, same)
            }
            (TextPiece::Choice(which, texts), TextPiece::Choice(other, others)) => {
                let mut alike = |(one, other): (&Text<A>, &Text<B>)| is_alike(one, other, same);
                texts.len() == others.len() && texts.iter().zip(others).all(&mut alike) && same(which, other)
            }
            _ => false,
        }
    }
}

/// The arrays of a string, in order; those of a function that occurs twice once.
pub fn arrays_of<A: Clone>(text: &[TextPiece<A>]) -> Vec<A> {
    let (mut arrays, mut seen) = (Vec::new(), HashSet::new());
    text.iter().for_each(|piece| piece.visit_new(&mut |array| arrays.push(array.clone()), &mut seen));
    arrays
}

/// Adds a piece behind a string; what is known is one piece.
pub fn join<A>(text: &mut Text<A>, piece: TextPiece<A>) {
    match (text.last_mut(), piece) {
        (Some(TextPiece::Text(before)), TextPiece::Text(piece)) => *before = format!("{before}{piece}").into(),
        (_, piece) => text.push(piece),
    }
}

/// Adds the pieces of a string of which the run has told which one it is.
fn join_settled<A>(all: &mut Text<A>, text: Text<A>, index_of: &dyn Fn(&A) -> Option<usize>) {
    for piece in text {
        match piece {
            TextPiece::Choice(which, texts) => {
                let chosen = index_of(&which).and_then(|index| texts.into_iter().nth(index));
                join_settled(all, chosen.unwrap_or_default(), index_of);
            }
            TextPiece::Value(value, specification, span) => {
                all.push(TextPiece::Value(value.settled(index_of), specification, span));
            }
            TextPiece::Text(_) => join(all, piece),
        }
    }
}

/// Whether two strings have the same pieces, and arrays that `same` holds to be the same.
pub fn is_alike<A, B>(one: &[TextPiece<A>], other: &[TextPiece<B>], same: &mut dyn FnMut(&A, &B) -> bool) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.is_alike(other, same))
}

/// A function and the values of the names that it does not define itself.
#[derive(Clone, Debug)]
pub struct Closure<A> {
    /// What was written.
    pub function: Arc<ast::Function>,
    /// The values it closes over.
    pub captured: BTreeMap<Arc<str>, Value<A>>,
    /// How deep functions close over functions in it; 1 when it closes over none.
    depth: usize,
}

impl<A> Closure<A> {
    /// A function that closes over values.
    pub fn new(function: Arc<ast::Function>, captured: BTreeMap<Arc<str>, Value<A>>) -> Closure<A> {
        let depth = 1 + captured.values().map(|value| value.extent().depth).max().unwrap_or(0);
        Closure { function, captured, depth }
    }

    /// How deep functions close over functions in it; 1 when it closes over none.
    pub fn depth(&self) -> usize {
        self.depth
    }
}

/// How large a value is, arrays and functions counting as one each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// How many values it is made of.
    pub count: usize,
    /// How deep they nest.
    pub depth: usize,
}

impl Extent {
    /// That of what has these parts.
    fn of(parts: impl Iterator<Item = Extent>) -> Extent {
        let whole = parts.fold(Extent::default(), |whole, part| Extent {
            count: whole.count.saturating_add(part.count),
            depth: whole.depth.max(part.depth),
        });
        Extent { count: whole.count.saturating_add(1), depth: whole.depth + 1 }
    }
}

impl<A> Value<A> {
    /// How large it is: what a copy of it costs, and how deep whoever walks it must go.
    pub fn extent(&self) -> Extent {
        match self {
            Value::Tuple(values) | Value::Zip(values) => Extent::of(values.iter().map(Value::extent)),
            Value::Text(pieces) => Extent::of(pieces.iter().map(TextPiece::extent)),
            Value::Function(closure) => Extent { count: 1, depth: closure.depth },
            _ => Extent { count: 1, depth: 0 },
        }
    }

    /// Shows every array to `see`, in order; those of a function that occurs twice once.
    pub fn visit(&self, see: &mut dyn FnMut(&A)) {
        self.visit_new(see, &mut HashSet::new());
    }

    fn visit_new(&self, see: &mut dyn FnMut(&A), seen: &mut HashSet<*const Closure<A>>) {
        match self {
            Value::Array(array) => see(array),
            Value::Tuple(values) | Value::Zip(values) => values.iter().for_each(|value| value.visit_new(see, seen)),
            Value::Text(pieces) => pieces.iter().for_each(|piece| piece.visit_new(see, seen)),
            Value::Function(closure) => {
                if seen.insert(Arc::as_ptr(closure)) {
                    closure.captured.values().for_each(|value| value.visit_new(see, seen));
                }
            }
            Value::Builtin(_) | Value::DType(_) | Value::None | Value::Newaxis => {}
        }
    }

    /// The value after the run, which has told by i64 scalars which strings it chose: only these are left.
    pub fn settled(self, index_of: &dyn Fn(&A) -> Option<usize>) -> Value<A> {
        match self {
            Value::Tuple(values) => Value::Tuple(values.into_iter().map(|value| value.settled(index_of)).collect()),
            Value::Text(text) => {
                let mut settled = Vec::new();
                join_settled(&mut settled, text, index_of);
                Value::Text(settled)
            }
            other => other,
        }
    }

    /// Whether two values are made alike of tuples and strings, and of arrays that `same` holds to be the same. Functions never are.
    pub fn is_alike<B>(&self, other: &Value<B>, same: &mut dyn FnMut(&A, &B) -> bool) -> bool {
        match (self, other) {
            (Value::Array(one), Value::Array(other)) => same(one, other),
            (Value::Tuple(one), Value::Tuple(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.is_alike(other, same))
            }
            (Value::Text(one), Value::Text(other)) => is_alike(one, other, same),
            (Value::Builtin(one), Value::Builtin(other)) => one == other,
            (Value::DType(one), Value::DType(other)) => one == other,
            (Value::None, Value::None) | (Value::Newaxis, Value::Newaxis) => true,
            _ => false,
        }
    }

    /// The same value with each array replaced; a function that occurs twice stays one.
    pub fn map<B>(&self, change: &mut dyn FnMut(&A) -> B) -> Value<B> {
        self.map_among(change, &mut Mapped::new())
    }

    /// The same for one of several values, whose functions may close over each other: those that `known` has are mapped already.
    pub fn map_among<B>(&self, change: &mut dyn FnMut(&A) -> B, known: &mut Mapped<A, B>) -> Value<B> {
        match self {
            Value::Array(array) => Value::Array(change(array)),
            Value::Tuple(values) => Value::Tuple(values.iter().map(|value| value.map_among(change, known)).collect()),
            Value::Zip(values) => Value::Zip(values.iter().map(|value| value.map_among(change, known)).collect()),
            Value::Text(pieces) => Value::Text(pieces.iter().map(|piece| piece.map(change, known)).collect()),
            Value::Function(closure) => {
                if let Some(known) = known.get(&Arc::as_ptr(closure)) {
                    return Value::Function(known.clone());
                }
                let captured = closure
                    .captured
                    .iter()
                    .map(|(name, value)| (name.clone(), value.map_among(change, known)))
                    .collect();
                let mapped = Arc::new(Closure { function: closure.function.clone(), captured, depth: closure.depth });
                known.insert(Arc::as_ptr(closure), mapped.clone());
                Value::Function(mapped)
            }
            Value::Builtin(name) => Value::Builtin(name.clone()),
            Value::DType(dtype) => Value::DType(*dtype),
            Value::None => Value::None,
            Value::Newaxis => Value::Newaxis,
        }
    }
}
