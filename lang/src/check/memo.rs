//! Calls that were walked before: the same function on the same values gives the same nodes, and is not walked again.

use super::Checker;
use crate::ast;
use crate::declaration::Operand;
use crate::dtype::DType;
use crate::graph::Placement;
use crate::value::{TextPiece, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// What a call depends on.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct CallKey {
    /// The function, by its place in memory: the tree outlives the check.
    function: usize,
    /// Its parameters' values in order, then what it closed over, by name.
    values: Vec<ValueKey>,
    /// The annotations around the call.
    placement: Option<Arc<Placement>>,
    /// The state of the program's names, which a body may look up.
    changes: usize,
}

/// A value as far as a call can tell it from others.
#[derive(PartialEq, Eq, Hash)]
enum ValueKey {
    Array(Operand),
    Tuple(Vec<ValueKey>),
    Zip(Vec<ValueKey>),
    Text(Arc<str>),
    Function(usize, Vec<ValueKey>),
    Builtin(Arc<str>),
    DType(DType),
    None,
    Newaxis,
}

impl Checker<'_> {
    /// The key of a call with its parameters bound; `None` when its values cannot be compared.
    pub(super) fn call_key(
        &self,
        function: &ast::Function,
        parameters: &[&Value<Operand>],
        captured: &HashMap<Arc<str>, Value<Operand>>,
    ) -> Option<CallKey> {
        let mut values = parameters.iter().map(|value| key_of(value)).collect::<Option<Vec<_>>>()?;
        values.extend(captured_keys(captured)?);
        let function = std::ptr::from_ref(function).addr();
        Some(CallKey { function, values, placement: self.placement.clone(), changes: self.changes })
    }
}

fn captured_keys(captured: &HashMap<Arc<str>, Value<Operand>>) -> Option<Vec<ValueKey>> {
    let mut sorted: Vec<(&Arc<str>, &Value<Operand>)> = captured.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    sorted.into_iter().map(|(_, value)| key_of(value)).collect()
}

fn key_of(value: &Value<Operand>) -> Option<ValueKey> {
    Some(match value {
        Value::Array(operand) => ValueKey::Array(*operand),
        Value::Tuple(values) => ValueKey::Tuple(values.iter().map(key_of).collect::<Option<_>>()?),
        Value::Zip(values) => ValueKey::Zip(values.iter().map(key_of).collect::<Option<_>>()?),
        Value::Text(pieces) => match pieces.as_slice() {
            [TextPiece::Text(text)] => ValueKey::Text(text.clone()),
            _ => return None,
        },
        Value::Function(closure) => {
            ValueKey::Function(Arc::as_ptr(&closure.function).addr(), captured_keys(&closure.captured)?)
        }
        Value::Builtin(name) => ValueKey::Builtin(name.clone()),
        Value::DType(dtype) => ValueKey::DType(*dtype),
        Value::None => ValueKey::None,
        Value::Newaxis => ValueKey::Newaxis,
    })
}
