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
    Text(Vec<TextPiece<A>>),
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

/// A piece of a string.
#[derive(Clone, Debug)]
pub enum TextPiece<A> {
    /// Known text.
    Text(Arc<str>),
    /// A value formatted by a specification (Python's format mini-language; may be empty).
    Value(Value<A>, Arc<str>, Span),
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

impl<A> Value<A> {
    /// How large it is: what a copy of it costs, and how deep whoever walks it must go.
    pub fn extent(&self) -> Extent {
        let all = |values: &mut dyn Iterator<Item = Extent>| {
            let whole = values.fold(Extent::default(), |whole, part| Extent {
                count: whole.count.saturating_add(part.count),
                depth: whole.depth.max(part.depth),
            });
            Extent { count: whole.count.saturating_add(1), depth: whole.depth + 1 }
        };
        match self {
            Value::Tuple(values) | Value::Zip(values) => all(&mut values.iter().map(Value::extent)),
            Value::Text(pieces) => all(&mut pieces.iter().map(|piece| match piece {
                // Doubling a long text costs as much as doubling many values.
                TextPiece::Text(text) => Extent { count: 1 + text.len() / 1024, depth: 0 },
                TextPiece::Value(value, ..) => value.extent(),
            })),
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
            Value::Text(pieces) => {
                for piece in pieces {
                    if let TextPiece::Value(value, ..) = piece {
                        value.visit_new(see, seen);
                    }
                }
            }
            Value::Function(closure) => {
                if seen.insert(Arc::as_ptr(closure)) {
                    closure.captured.values().for_each(|value| value.visit_new(see, seen));
                }
            }
            Value::Builtin(_) | Value::DType(_) | Value::None | Value::Newaxis => {}
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
            Value::Text(pieces) => Value::Text(
                pieces
                    .iter()
                    .map(|piece| match piece {
                        TextPiece::Text(text) => TextPiece::Text(text.clone()),
                        TextPiece::Value(value, specification, span) => {
                            TextPiece::Value(value.map_among(change, known), specification.clone(), *span)
                        }
                    })
                    .collect(),
            ),
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
