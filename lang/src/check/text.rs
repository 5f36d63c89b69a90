//! Strings: their pieces, and those of which only the run tells which one it is.
//!
//! The run works on numbers alone, so a string that it chooses is a list of all that it may be, and an integer that says which one it
//! is. Two strings have one form if they differ in nothing but their arrays' elements; a list has each form once, and so a loop that
//! chooses again and again chooses among the same strings.

use super::memo::{key_of, piece_key};
use super::structure::Equality;
use super::{Checker, Checks, Level, Reported};
use crate::declaration::Operand;
use crate::diagnostic::Diagnostic;
use crate::dtype::{DType, Scalar};
use crate::graph::{IndexAxis, NodeId, NodeKind, SourceAxis};
use crate::length::Length;
use crate::source::Span;
use crate::types::Type;
use crate::value::{Mapped, Text, TextPiece, Value, arrays_of, is_alike, join};
use std::sync::Arc;

/// The most pieces of all the strings that the run chooses between: one that every turn of a loop makes longer would have ever more.
const MOST_PIECES: usize = 1024;

/// Strings of more pieces than this are chosen where they differ, if they begin alike: else a string to which one `if` after the other
/// adds something would double each time.
const MOST_APART: usize = 64;

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
    /// Adds the forms of all that a string may be: where they stand.
    fn add(&mut self, text: &Text<Operand>, type_of: &dyn Fn(Operand) -> Type) -> Vec<usize> {
        let position = |text| {
            let form = form_of(text, type_of);
            let same = |known: &Form| is_alike(known, &form, &mut |one, other| one == other);
            self.0.iter().position(same).unwrap_or_else(|| {
                self.0.push(form);
                self.0.len() - 1
            })
        };
        possible(text).1.iter().map(position).collect()
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
        self.0.iter().flat_map(|form| arrays_of(form)).collect()
    }

    /// How many pieces and values they are made of.
    fn count(&self) -> usize {
        self.0.iter().map(|form| Value::Text(form.clone()).extent().count).sum()
    }

    /// A string in this form: its arrays. `positions`: where the forms of all that it may be stand.
    fn leaves(&self, text: &Text<Operand>, positions: &[usize]) -> Vec<Leaf<Operand>> {
        let (which, texts) = possible(text);
        let mut leaves = Vec::new();
        if self.0.len() > 1 {
            leaves.push(match which {
                None => Leaf::Which(positions[0]),
                Some(which) if positions.iter().copied().eq(0..positions.len()) => Leaf::Kept(which),
                Some(which) => Leaf::Chosen(which, positions.to_vec()),
            });
        }
        for (index, form) in self.0.iter().enumerate() {
            match positions.iter().position(|position| *position == index) {
                Some(own) => leaves.extend(arrays_of(&texts[own]).into_iter().map(Leaf::Kept)),
                None => leaves.extend(arrays_of(form).into_iter().map(Leaf::Unused)),
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
        let mut positions = Vec::new();
        for (level, text) in levels.iter().zip(texts) {
            positions.push(forms.add(text, &|operand| self.type_in(level, operand).clone()));
        }
        let [first, second] = levels;
        let shared =
            texts[0].iter().zip(texts[1]).take_while(|(one, other)| piece_key(one) == piece_key(other)).count();
        if forms.count() > MOST_APART && shared > 0 {
            return self.unify_ends([first, second], texts, shared, outputs, span);
        }
        if forms.count() > MOST_PIECES {
            let message = format!("the run would choose between strings of more than {MOST_PIECES} pieces");
            let diagnostic = Diagnostic::error("E0324", message, span, "");
            return Err(self.report(diagnostic.help("print each part where it is chosen: `print(\"…\", end=\"\")`")));
        }
        for array_type in forms.types() {
            let help = "make the array before the `if`, or print each string in its own branch";
            self.refuse_untold(&[(span, &array_type)], "the strings that an `if` chooses between", help)?;
        }
        let mut next = outputs.0.len();
        outputs.0.extend(self.text_in_form(first, forms.leaves(texts[0], &positions[0]), span));
        outputs.1.extend(self.text_in_form(second, forms.leaves(texts[1], &positions[1]), span));
        Ok(forms.text().map(&mut |_| {
            next += 1;
            (next - 1, false)
        }))
    }

    /// The same for long strings that begin alike: the beginning stays as it is, and the rest is chosen.
    fn unify_ends(
        &mut self,
        [first, second]: [&mut Level; 2],
        texts: [&Text<Operand>; 2],
        shared: usize,
        outputs: &mut (Vec<NodeId>, Vec<NodeId>),
        span: Span,
    ) -> Checks<Value<(usize, bool)>> {
        let [(beginning, one), (_, other)] = texts.map(|text| text.split_at(shared));
        let beginning = Value::Text(beginning.to_vec()).map(&mut |operand| {
            outputs.0.push(self.enter(first, *operand, span));
            outputs.1.push(self.enter(second, *operand, span));
            (outputs.0.len() - 1, false)
        });
        let rest = self.unify_texts([first, second], [&one.to_vec(), &other.to_vec()], outputs, span)?;
        match (beginning, rest) {
            (Value::Text(mut text), Value::Text(rest)) => {
                rest.into_iter().for_each(|piece| join(&mut text, piece));
                Ok(Value::Text(text))
            }
            _ => Err(Reported),
        }
    }

    /// A string's arrays in a form, as nodes of a body that was walked.
    fn text_in_form(&mut self, level: &mut Level, leaves: Vec<Leaf<Operand>>, span: Span) -> Vec<NodeId> {
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
        let positions = forms.add(before, &|operand| self.type_of(operand).clone());
        forms.add(after, &|operand| self.type_in(level, operand).clone());
        if forms.count() > MOST_PIECES {
            return None;
        }
        if forms.types().iter().flat_map(|one| &one.shape).any(|length| self.untold(length).is_some()) {
            return None;
        }
        let leaves = forms.leaves(before, &positions);
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
        let known = forms.0.len();
        let positions = forms.add(after, &|operand| self.type_in(level, operand).clone());
        (forms.0.len() == known).then(|| self.text_in_form(level, forms.leaves(after, &positions), span))
    }

    /// Whether two strings are equal: known, or a bool of the run; `None`: they hold values, and only the run tells which strings they
    /// are.
    pub(super) fn equal_texts(&mut self, one: &Text<Operand>, other: &Text<Operand>, span: Span) -> Option<Equality> {
        let (Some(all), Some(others)) = (known_texts(one), known_texts(other)) else {
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
            Value::Function(closure) if specification.is_empty() => {
                Some(format!("fn {}", super::signature_of(&closure.function, None)))
            }
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

/// All that a text may be, where none of that holds a value of the run.
pub(super) fn known_texts(text: &Text<Operand>) -> Option<Vec<String>> {
    possible(text).1.iter().map(|text| known_text(text)).collect()
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
