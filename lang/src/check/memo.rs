//! Calls that were walked before: the same function on the same values gives the same nodes, and is not walked again.

use super::{Binding, Checker, Frame};
use crate::ast;
use crate::declaration::Operand;
use crate::dtype::DType;
use crate::graph::Placement;
use crate::value::{Closure, TextPiece, Value};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a call depends on.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct CallKey {
    /// The function, and with it what it closed over.
    function: FunctionKey,
    /// Its parameters' values in order.
    values: Vec<ValueKey>,
    /// The annotations around the call.
    placement: Option<Arc<Placement>>,
    /// The state of the program's names, which a body may look up.
    changes: usize,
}

/// A value as far as a call can tell it from others.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum ValueKey {
    Array(Operand),
    Tuple(Vec<ValueKey>),
    Zip(Vec<ValueKey>),
    Text(Vec<PieceKey>),
    Function(FunctionKey),
    Builtin(Arc<str>),
    DType(DType),
    None,
    Newaxis,
}

/// A piece of a string.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum PieceKey {
    Text(Arc<str>),
    Value(ValueKey, Arc<str>),
    Choice(Operand, Vec<Vec<PieceKey>>),
}

/// A function by what it is: its text if it closed over nothing, else the very closure. The key holds it, so that its place in
/// memory is not given to another one.
pub(super) enum FunctionKey {
    Text(Arc<ast::Function>),
    Closure(Arc<Closure<Operand>>),
}

impl FunctionKey {
    fn of(closure: &Arc<Closure<Operand>>) -> FunctionKey {
        match closure.captured.is_empty() {
            true => FunctionKey::Text(closure.function.clone()),
            false => FunctionKey::Closure(closure.clone()),
        }
    }

    fn address(&self) -> usize {
        match self {
            FunctionKey::Text(function) => Arc::as_ptr(function).addr(),
            FunctionKey::Closure(closure) => Arc::as_ptr(closure).addr(),
        }
    }
}

impl PartialEq for FunctionKey {
    fn eq(&self, other: &FunctionKey) -> bool {
        self.address() == other.address()
    }
}

impl Eq for FunctionKey {}

impl Hash for FunctionKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}

impl Checker<'_> {
    /// The key of a call whose parameters are bound; `None` where one of them has no value.
    pub(super) fn call_key(&self, frame: &Frame) -> Option<CallKey> {
        let parameters = frame.closure.function.parameters.iter();
        let values = parameters.map(|parameter| match frame.locals.get(&parameter.name.text) {
            Some(Binding::Value(value)) => Some(key_of(value)),
            _ => None,
        });
        Some(CallKey {
            function: FunctionKey::of(&frame.closure),
            values: values.collect::<Option<_>>()?,
            placement: self.placement.clone(),
            changes: self.changes,
        })
    }
}

/// What makes two values the same.
pub(super) fn key_of(value: &Value<Operand>) -> ValueKey {
    match value {
        Value::Array(operand) => ValueKey::Array(*operand),
        Value::Tuple(values) => ValueKey::Tuple(values.iter().map(key_of).collect()),
        Value::Zip(values) => ValueKey::Zip(values.iter().map(key_of).collect()),
        Value::Text(pieces) => ValueKey::Text(pieces.iter().map(piece_key).collect()),
        Value::Function(closure) => ValueKey::Function(FunctionKey::of(closure)),
        Value::Builtin(name) => ValueKey::Builtin(name.clone()),
        Value::DType(dtype) => ValueKey::DType(*dtype),
        Value::None => ValueKey::None,
        Value::Newaxis => ValueKey::Newaxis,
    }
}

pub(super) fn piece_key(piece: &TextPiece<Operand>) -> PieceKey {
    match piece {
        TextPiece::Text(text) => PieceKey::Text(text.clone()),
        TextPiece::Value(value, specification, _) => PieceKey::Value(key_of(value), specification.clone()),
        TextPiece::Choice(which, texts) => {
            PieceKey::Choice(*which, texts.iter().map(|text| text.iter().map(piece_key).collect()).collect())
        }
    }
}
