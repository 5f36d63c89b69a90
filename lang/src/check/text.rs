//! Strings: their pieces, and those of which only the run tells which one it is.
//!
//! The run works on numbers alone, so a string that it chooses is a list of all that it may be, and an integer that says which one it
//! is. Two strings have one form if they differ in nothing but their arrays' elements; a list has each form once, and so a loop that
//! chooses again and again chooses among the same strings.

use super::memo::key_of;
use super::structure::Equality;
use super::{Checker, Checks, Level};
use crate::declaration::Operand;
use crate::dtype::{DType, Scalar};
use crate::graph::{IndexAxis, NodeId, NodeKind, SourceAxis};
use crate::length::Length;
use crate::source::Span;
use crate::types::Type;
use crate::value::{Mapped, Text, TextPiece, Value, is_alike, join};
use std::sync::Arc;

/// The most pieces of all the strings that a loop chooses between: one that a loop makes longer would have ever more.
const MOST_PIECES: usize = 1024;

/// What a string is before the run: its pieces, with types for arrays.
type Form = Text<Type>;

/// The forms of a string that the run chooses, each once.
#[derive(Default)]
struct Forms(Vec<Form>);

/// An array that a string in one of several forms is made of, from arrays `A` of the string that it was.
enum Leaf<A> {
    /// One that the string has.
    Kept(A),
    /// Which form it is.
    Which(usize),
    /// The same of a string that was chosen itself: the forms of all that it may be, and what tells which one.
    Chosen(A, Vec<usize>),
    /// One of a form that the string does not have.
    Unused(Type),
}

/// The strings that a string may be, and what tells which one.
fn possible<A: Copy>(text: &Text<A>) -> (Option<A>, &[Text<A>]) {
    match text.as_slice() {
        [TextPiece::Choice(which, texts)] => (Some(*which), texts),
        _ => (None, std::slice::from_ref(text)),
    }
}

fn form_of(text: &Text<Operand>, type_of: &dyn Fn(Operand) -> Type) -> Form {
    let known = &mut Mapped::new();
    text.iter().map(|piece| piece.map(&mut |operand| type_of(*operand), known)).collect()
}

impl Forms {
    /// Adds what a string may be; whether that was known.
    fn add(&mut self, text: &Text<Operand>, type_of: &dyn Fn(Operand) -> Type) -> bool {
        let before = self.0.len();
        for text in possible(text).1 {
            let form = form_of(text, type_of);
            if self.position(&form).is_none() {
                self.0.push(form);
            }
        }
        self.0.len() == before
    }

    fn position(&self, form: &Form) -> Option<usize> {
        self.0.iter().position(|known| is_alike(known, form, &mut |one, other| one == other))
    }

    /// The string itself; it is chosen only if there are several.
    fn text(self) -> Value<Type> {
        match <[Form; 1]>::try_from(self.0) {
            Ok([form]) => Value::Text(form),
            Err(forms) => Value::Text(vec![TextPiece::Choice(Type::scalar(DType::I64), forms)]),
        }
    }

    /// The types of all arrays in them.
    fn types(&self) -> Vec<Type> {
        let mut types = Vec::new();
        let mut see = |one: &Type| types.push(one.clone());
        self.0.iter().for_each(|form| form.iter().for_each(|piece| piece.visit(&mut see)));
        types
    }

    /// A string that was added, in this form: its arrays.
    fn leaves(&self, text: &Text<Operand>, type_of: &dyn Fn(Operand) -> Type) -> Vec<Leaf<Operand>> {
        let (which, texts) = possible(text);
        let positions: Vec<usize> = texts.iter().filter_map(|text| self.position(&form_of(text, type_of))).collect();
        let mut leaves = Vec::new();
        if self.0.len() > 1 {
            leaves.push(match which {
                None => Leaf::Which(positions[0]),
                Some(which) if positions.iter().copied().eq(0..positions.len()) => Leaf::Kept(which),
                Some(which) => Leaf::Chosen(which, positions.clone()),
            });
        }
        for (index, form) in self.0.iter().enumerate() {
            match positions.iter().position(|position| *position == index) {
                Some(own) => {
                    texts[own].iter().for_each(|piece| piece.visit(&mut |operand| leaves.push(Leaf::Kept(*operand))))
                }
                None => form.iter().for_each(|piece| piece.visit(&mut |one| leaves.push(Leaf::Unused(one.clone())))),
            }
        }
        leaves
    }
}

impl Leaf<NodeId> {
    /// Its node.
    fn node(self, add: &mut dyn FnMut(NodeKind<Length>, Type) -> NodeId) -> NodeId {
        let index = |position: usize| Scalar::i64(position as i64);
        match self {
            Leaf::Kept(node) => node,
            Leaf::Which(position) => add(NodeKind::Constant(index(position)), Type::scalar(DType::I64)),
            Leaf::Chosen(which, positions) => {
                let shape = [Length::Known(positions.len())];
                let value =
                    add(NodeKind::Literal(positions.into_iter().map(index).collect()), Type::new(DType::I64, shape));
                let axes = vec![IndexAxis { place: SourceAxis::at(0), index: Some(which) }];
                add(NodeKind::Gather { value, axes }, Type::scalar(DType::I64))
            }
            Leaf::Unused(array_type) => {
                let zero = Scalar::i64(0).cast(array_type.dtype);
                let value = add(NodeKind::Constant(zero), Type::scalar(array_type.dtype));
                if array_type.shape.is_empty() {
                    value
                } else {
                    add(NodeKind::View { value, axes: Vec::new() }, array_type)
                }
            }
        }
    }
}

impl Leaf<Operand> {
    /// The same among nodes.
    fn map(self, enter: &mut dyn FnMut(Operand) -> NodeId) -> Leaf<NodeId> {
        match self {
            Leaf::Kept(operand) => Leaf::Kept(enter(operand)),
            Leaf::Which(position) => Leaf::Which(position),
            Leaf::Chosen(which, positions) => Leaf::Chosen(enter(which), positions),
            Leaf::Unused(array_type) => Leaf::Unused(array_type),
        }
    }
}

impl Checker<'_> {
    /// Two sides' strings as one: the integer that tells which, and the arrays in all that it may be, become outputs of both sides.
    pub(super) fn unify_texts(
        &mut self,
        levels: [&mut Level; 2],
        texts: [&Text<Operand>; 2],
        outputs: &mut (Vec<NodeId>, Vec<NodeId>),
        span: Span,
    ) -> Checks<Value<(usize, bool)>> {
        let mut forms = Forms::default();
        for (level, text) in levels.iter().zip(texts) {
            forms.add(text, &|operand| self.type_in(level, operand).clone());
        }
        for array_type in forms.types() {
            let what = "the strings that an `if` chooses between";
            self.refuse_untold(
                &[(span, &array_type)],
                what,
                "make the array before the `if`, or print each string in its own branch",
            )?;
        }
        let mut next = outputs.0.len();
        for ((level, text), nodes) in levels.into_iter().zip(texts).zip([&mut outputs.0, &mut outputs.1]) {
            nodes.extend(self.text_in_form(&forms, level, text, span));
        }
        Ok(forms.text().map(&mut |_| {
            next += 1;
            (next - 1, false)
        }))
    }

    /// A string's arrays in a form, as nodes of a body that was walked.
    fn text_in_form(&mut self, forms: &Forms, level: &mut Level, text: &Text<Operand>, span: Span) -> Vec<NodeId> {
        let leaves = forms.leaves(text, &|operand| self.type_in(level, operand).clone());
        let nodes = leaves.into_iter().map(|leaf| {
            let leaf = leaf.map(&mut |operand| self.enter(level, operand, span));
            leaf.node(&mut |kind, array_type| level.builder.add(kind, vec![array_type], span, None))
        });
        nodes.collect()
    }

    /// A string before a loop as one that may also be what a turn makes of it; `None`: that would be without end.
    pub(super) fn widened_text(
        &mut self,
        level: &Level,
        before: &Text<Operand>,
        after: &Text<Operand>,
        span: Span,
    ) -> Option<Value<Operand>> {
        let mut forms = Forms::default();
        forms.add(before, &|operand| self.type_of(operand).clone());
        forms.add(after, &|operand| self.type_in(level, operand).clone());
        if Value::Text(forms.0.concat()).extent().count > MOST_PIECES {
            return None;
        }
        if forms.types().iter().flat_map(|one| &one.shape).any(|length| self.untold(length).is_some()) {
            return None;
        }
        let leaves = forms.leaves(before, &|operand| self.type_of(operand).clone());
        let mut nodes = Vec::new();
        for leaf in leaves {
            let leaf = leaf.map(&mut |operand| self.resolve(operand));
            nodes.push(leaf.node(&mut |kind, array_type| self.add(kind, array_type, span).node));
        }
        let (level, mut nodes) = (self.depth_of_levels(), nodes.into_iter());
        Some(forms.text().map(&mut |_| Operand { level, node: nodes.next().unwrap_or(NodeId(0)), weak: false }))
    }

    /// A string after a turn in the form that it had before it, as arrays of the body; `None`: it may be one that it was not.
    pub(super) fn text_of_turn(
        &mut self,
        level: &mut Level,
        before: &Text<Operand>,
        after: &Text<Operand>,
        span: Span,
    ) -> Option<Vec<NodeId>> {
        let mut forms = Forms::default();
        forms.add(before, &|operand| self.type_of(operand).clone());
        let is_known = forms.add(after, &|operand| self.type_in(level, operand).clone());
        is_known.then(|| self.text_in_form(&forms, level, after, span))
    }

    /// Whether two strings are equal: known, or a bool of the run; `None`: they hold values, and only the run tells which strings they
    /// are.
    pub(super) fn equal_texts(&mut self, one: &Text<Operand>, other: &Text<Operand>, span: Span) -> Option<Equality> {
        let known = |text: &Text<Operand>| -> Option<Vec<String>> {
            possible(text).1.iter().map(|text| known_text(text)).collect()
        };
        let (Some(all), Some(others)) = (known(one), known(other)) else {
            return (key_of(&Value::Text(one.clone())) == key_of(&Value::Text(other.clone())))
                .then_some(Equality::Known(true));
        };
        let table: Vec<bool> = all.iter().flat_map(|one| others.iter().map(move |other| one == other)).collect();
        if let [first, rest @ ..] = table.as_slice()
            && rest.iter().all(|equal| equal == first)
        {
            return Some(Equality::Known(*first));
        }
        let shape = [all.len(), others.len()].map(Length::Known);
        let elements = table.into_iter().map(Scalar::bool).collect();
        let value = self.add(NodeKind::Literal(elements), Type::new(DType::Bool, shape), span).node;
        let axes = [one, other].map(|text| {
            let index = possible(text).0.map(|which| self.resolve(which));
            IndexAxis { place: SourceAxis::at(0), index }
        });
        let kind = NodeKind::Gather { value, axes: axes.into() };
        Some(Equality::Run(self.add(kind, Type::scalar(DType::Bool), span)))
    }

    /// Adds a value to a text: what is known of it becomes text at once.
    pub(super) fn format_value(
        &self,
        text: &mut Text<Operand>,
        value: Value<Operand>,
        specification: &Arc<str>,
        span: Span,
    ) {
        let known = match &value {
            Value::Array(operand) => {
                self.constant_of(*operand).and_then(|scalar| self.library.format(scalar, specification))
            }
            _ => None,
        };
        match (known, value) {
            (Some(known), _) => join(text, TextPiece::Text(known.into())),
            (None, Value::Text(pieces)) if specification.is_empty() => {
                pieces.into_iter().for_each(|piece| join(text, piece));
            }
            (None, value) => text.push(TextPiece::Value(value, specification.clone(), span)),
        }
    }
}

/// The whole of a text that holds no value of the run.
pub(super) fn known_text<A>(text: &[TextPiece<A>]) -> Option<String> {
    text.iter()
        .map(|piece| match piece {
            TextPiece::Text(text) => Some(&**text),
            TextPiece::Value(..) | TextPiece::Choice(..) => None,
        })
        .collect()
}
