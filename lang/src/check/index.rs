//! Indexing: integers, slices, `newaxis`, `...`, masks and arrays of integers; and updates through them.
//!
//! What is known before the run is a view. An index that the run tells, or an array of them, makes a gather; a mask counts as the array
//! of the positions where it is true. An update selects in the same way.

use super::slice::resolve_slice;
use super::{Checker, Checks};
use crate::ast::{self, BinaryOperator, Expression, ExpressionKind, Subscript};
use crate::declaration::{Advice, Operand, Rule};
use crate::diagnostic::Diagnostic;
use crate::dtype::{DType, Kind, Scalar};
use crate::graph::{IndexAxis, NodeId, NodeKind, OperationId, SourceAxis};
use crate::length::{Length, Polynomial};
use crate::source::Span;
use crate::types::{ArrayType, DisplayShape, Type};
use crate::value::Value;

/// One subscript, understood.
enum Entry {
    /// An integer that is known.
    Integer(i128, Span),
    /// An integer scalar that is not.
    Scalar(Operand, Span),
    /// An array of integers.
    Array(Operand, Span),
    /// A bool array.
    Mask(Operand, Span),
    Slice {
        start: Option<Bound>,
        stop: Option<Bound>,
        step: Bound,
        span: Span,
    },
    Newaxis,
    Ellipsis,
}

/// A bound of a slice.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    Known(i128),
    Run(Operand),
}

impl Bound {
    pub(super) fn known(self) -> Option<i128> {
        match self {
            Bound::Known(known) => Some(known),
            Bound::Run(_) => None,
        }
    }
}

/// Which elements of an array subscripts select.
#[derive(Clone)]
struct Selection {
    /// One for each axis of the array, over the selection's shape.
    axes: Vec<IndexAxis<Length>>,
    /// The selection's shape.
    shape: Vec<Length>,
    /// Whether some index is an array, so that an element may be selected twice.
    repeats: bool,
}

impl Selection {
    /// The axes of a view, when nothing in it waits for the run.
    fn view(&self) -> Option<Vec<SourceAxis<Length>>> {
        self.axes.iter().map(|axis| axis.index.is_none().then(|| axis.place.clone())).collect()
    }
}

/// One axis of the array while a selection grows: a part of the result's shape of its own, or an index array's.
pub(super) enum Part {
    Fixed(usize),
    Along {
        start: Length,
        step: isize,
        index: Option<NodeId>,
        length: Length,
    },
    /// The indices that a slice selects, one by one; none stands there twice.
    Steps(Operand),
    Scalar(Operand),
    Array(Operand),
}

impl Checker<'_> {
    /// `value[subscripts]`.
    pub(super) fn index(
        &mut self,
        value: Value<Operand>,
        base_span: Span,
        subscripts: &[Subscript],
        span: Span,
    ) -> Checks<Value<Operand>> {
        match value {
            Value::Array(operand) => self.index_array(operand, base_span, subscripts, span).map(Value::Array),
            Value::Tuple(values) => self.index_tuple(&values, base_span, subscripts, span),
            other => {
                let found = self.describe(&other);
                let diagnostic = Diagnostic::error("E0303", format!("{found} cannot be indexed"), base_span, found);
                Err(self.report(match other {
                    Value::Builtin(name) => {
                        // `sum [1, 2]`: what was to be an argument reads as an index.
                        let argument = self.quoted(Span { start: base_span.end, ..span });
                        let argument = argument.as_deref().map_or("…", str::trim_start);
                        diagnostic.help(format!("a call has parentheses: `{name}({argument})`"))
                    }
                    Value::Function(_) => diagnostic.help("a call has parentheses: `f(x)`"),
                    _ => diagnostic.help("take it as a whole: leave the index out"),
                }))
            }
        }
    }

    fn index_tuple(
        &mut self,
        values: &[Value<Operand>],
        base_span: Span,
        subscripts: &[Subscript],
        span: Span,
    ) -> Checks<Value<Operand>> {
        let entries = self.entries(subscripts)?;
        let length = values.len() as i128;
        match entries.as_slice() {
            [Entry::Integer(index, place)] => {
                let from_start = if *index < 0 { index + length } else { *index };
                match usize::try_from(from_start).ok().and_then(|at| values.get(at)) {
                    Some(value) => Ok(value.clone()),
                    None => Err(self.report(
                        Diagnostic::error(
                            "E0305",
                            format!("there is no element {index} in a tuple of {length}"),
                            *place,
                            "",
                        )
                        .label(base_span, if length == 1 { "1 element".into() } else { format!("{length} elements") })
                        .help(match length {
                            0 => "the tuple is empty: leave the index out".to_string(),
                            1 => "the only element is `[0]`".to_string(),
                            _ => format!("elements go from 0 to {}, or from -{length} to -1", length - 1),
                        }),
                    )),
                }
            }
            [Entry::Slice { start, stop, step, span }] => {
                let mut known = |bound: &Option<Bound>| match bound {
                    None => Ok(None),
                    Some(Bound::Known(known)) => Ok(Some(*known)),
                    Some(Bound::Run(_)) => {
                        let message = "which part of a tuple is meant must be known before the run";
                        Err(self.report(Diagnostic::error("E0308", message, *span, "")))
                    }
                };
                let (start, stop, step) = (known(start)?, known(stop)?, known(&Some(*step))?.unwrap_or(1));
                let (first, count, step) = resolve_slice(start, stop, step, values.len());
                let picked = (0..count).map(|k| values[(first as isize + k as isize * step) as usize].clone());
                Ok(Value::Tuple(picked.collect()))
            }
            [Entry::Scalar(_, place)] => {
                let message = "which element of a tuple is meant must be known before the run";
                let diagnostic = Diagnostic::error("E0308", message, *place, "");
                Err(self.report(diagnostic.help(match values.iter().all(|value| matches!(value, Value::Array(_))) {
                    true => "make it an array, if the elements have one type: `[a, b]`",
                    false => "choose one with `if`: `if i == 0 { \"a\" } else { \"b\" }`",
                })))
            }
            _ => {
                let diagnostic = Diagnostic::error("E0303", "a tuple is indexed by one integer or slice", span, "");
                Err(self.report(diagnostic.help("write one index, `t[i]`; an array has more axes: `[ ]`")))
            }
        }
    }

    fn index_array(
        &mut self,
        operand: Operand,
        base_span: Span,
        subscripts: &[Subscript],
        span: Span,
    ) -> Checks<Operand> {
        let entries = self.entries(subscripts)?;
        let selection = self.selection(operand, base_span, entries, false, span)?;
        Ok(self.selected(operand, selection, span))
    }

    /// The elements that a selection selects.
    fn selected(&mut self, operand: Operand, selection: Selection, span: Span) -> Operand {
        let dtype = self.type_of(operand).dtype;
        let value = self.resolve(operand);
        let kind = match selection.view() {
            Some(axes) => NodeKind::View { value, axes },
            None => NodeKind::Gather { value, axes: selection.axes },
        };
        self.add(kind, ArrayType::new(dtype, selection.shape), span)
    }

    /// `name[subscripts] = value`, and `name[subscripts] operator= value`: what the name stands for afterwards.
    pub(super) fn update_part(
        &mut self,
        name: &ast::Name,
        subscripts: &[Subscript],
        operator: Option<(BinaryOperator, Span)>,
        (new, new_span): (Checks<Value<Operand>>, Span),
        span: Span,
    ) -> Checks<Value<Operand>> {
        let before = self.look_up(&name.text, name.span);
        let before = match before? {
            Value::Array(operand) => operand,
            other => {
                let found = self.describe(&other);
                let message = format!("only an array has parts that can be changed, and `{}` is {found}", name.text);
                let diagnostic = Diagnostic::error("E0303", message, name.span, found.clone());
                return Err(self.report(
                    self.with_origin(diagnostic, name.span, &found)
                        .help("make it an array, `[ ]`, or give the name a new value as a whole"),
                ));
            }
        };
        let new = new?;
        if let Value::Text(_) = new {
            let message = format!("the elements of `{}` are numbers, and this is a string", name.text);
            let diagnostic = Diagnostic::error("E0303", message, new_span, "a string");
            let diagnostic = diagnostic.label(name.span, self.type_of(before).to_string());
            return Err(self.report(diagnostic.help("give it a number; strings stand in a tuple: `(\"a\", \"b\")`")));
        }
        let new = self.arrays("=", &[(new, new_span)])?[0].0;
        let whole = self.type_of(before).clone();
        // A mask that covers the array and one value is a choice by element: nothing is counted, and it fuses.
        let entries = self.entries(subscripts)?;
        if let ([Entry::Mask(mask, _)], 0) = (entries.as_slice(), self.type_of(new).rank())
            && self.type_of(*mask).shape == whole.shape
        {
            let mask = *mask;
            let updated = match operator {
                Some((operator, place)) => self.operated(before, operator, place, (name.span, new, new_span), span)?,
                None => new,
            };
            let updated = self.fit_part(name, &whole, updated, operator.is_some(), new_span)?;
            return Ok(Value::Array(self.select(mask, updated, before, &whole, span)));
        }
        let selection = self.selection(before, name.span, entries, true, span)?;
        let mut operation = None;
        // What is counted is counted in the dtype that the operator gives, and the array takes what it comes to.
        let mut dtype = whole.dtype;
        let new = match operator {
            None => new,
            Some((operator, _))
                if selection.repeats
                    && let Some((counting, common)) = self.accumulating(operator, before, new) =>
            {
                operation = Some(counting);
                dtype = common;
                self.convert(new, common, new_span)?
            }
            // What is made of several steps is done once for each element, as NumPy does it.
            Some((operator, place)) => {
                let old = self.selected(before, selection.clone(), span);
                self.operated(old, operator, place, (name.span, new, new_span), span)?
            }
        };
        let fitting = self.fit_part(name, &whole, new, operator.is_some(), new_span)?;
        let new = if operation.is_some() { new } else { fitting };
        let given = self.type_of(new).shape.clone();
        let help = self.count_help(name.span, subscripts);
        // The new values are stretched to the part, and the part to nothing.
        let fits = given.len() <= selection.shape.len()
            && given
                .iter()
                .rev()
                .zip(selection.shape.iter().rev())
                .all(|(given, own)| given.is(1) || self.same_in_part(own, given, &help, span));
        if !fits {
            let part = Type::new(whole.dtype, selection.shape.clone());
            let found = self.type_of(new).to_string();
            let message = format!("the part is {part}, and this is {found}");
            let diagnostic = Diagnostic::error("E0301", message, new_span, found);
            let lengths: Vec<Polynomial> = selection.shape.iter().chain(&given).map(Polynomial::from).collect();
            let diagnostic = diagnostic.label(name.span, whole.to_string());
            let diagnostic = self.with_declarations(diagnostic, &lengths.iter().collect::<Vec<_>>());
            let help = self.part_help(&selection.shape, &given);
            return Err(self.report(diagnostic.help(help)));
        }
        let before = self.cast(before, dtype, span);
        let (value, new) = (self.resolve(before), self.resolve(new));
        let kind = NodeKind::Update { value, axes: selection.axes, shape: selection.shape, new, operation };
        let updated = self.add(kind, Type::new(dtype, whole.shape), span);
        Ok(Value::Array(self.cast(updated, whole.dtype, span)))
    }

    /// What to do where the run finds that a part of an array and the values for it are not equally many.
    fn count_help(&self, name: Span, subscripts: &[Subscript]) -> String {
        let quoted = match subscripts {
            [Subscript::Value(index)] if !matches!(index.kind, ExpressionKind::Integer(_)) => {
                self.quoted(name).zip(self.quoted(index.span))
            }
            _ => None,
        };
        match quoted {
            Some((name, index)) => format!(
                "select the values like the part, `{name}[{index}] = values[{index}]`, or give one value, a scalar, for all of it"
            ),
            None => "give the part as many values as it has, or one value, a scalar, for all of it".into(),
        }
    }

    /// What makes a part of an array and the value for it fit.
    fn part_help(&self, part: &[Length], given: &[Length]) -> String {
        let ([own], [new]) = (part, given) else {
            return format!("give it the shape {}, or one value for all of it", DisplayShape(part));
        };
        match (own.known(), new.known()) {
            (Some(own), Some(new)) if own < new && own > 0 => {
                format!("take the first {own} values: `[:{own}]`; or give one value for all")
            }
            (Some(own), Some(new)) if new > 0 => {
                format!("update the first {new} only: `[:{new}]`; or give {own} values, or one for all")
            }
            _ => self
                .declaration_help(&own.into(), &new.into())
                .unwrap_or_else(|| format!("give it {own} values, or one for all")),
        }
    }

    /// `old operator new`.
    fn operated(
        &mut self,
        old: Operand,
        operator: BinaryOperator,
        operator_span: Span,
        (name_span, new, new_span): (Span, Operand, Span),
        span: Span,
    ) -> Checks<Operand> {
        let operands = vec![(Value::Array(old), name_span), (Value::Array(new), new_span)];
        match self.operator(operator.symbol(), operator_span, operands, span)? {
            Value::Array(operand) => Ok(operand),
            _ => Err(super::Reported),
        }
    }

    /// The operation that `operator=` applies once for each time that an element is selected, and the dtype of all its operands.
    fn accumulating(&self, operator: BinaryOperator, old: Operand, new: Operand) -> Option<(OperationId, DType)> {
        let operation = self.library.operator(operator.symbol(), 2)?;
        let Rule::Elementwise(typing) = &self.library.declarations()[operation.0 as usize].rule else { return None };
        let typing = typing(&[self.numeric(old), self.numeric(new)]).ok()?;
        Some((operation, typing.result))
    }

    /// A new part in the array's dtype; what would lose its kind is an error.
    fn fit_part(
        &mut self,
        name: &ast::Name,
        whole: &Type,
        new: Operand,
        is_update: bool,
        span: Span,
    ) -> Checks<Operand> {
        let found = self.type_of(new).clone();
        let loses =
            found.dtype.kind() > whole.dtype.kind() && !(found.dtype.is_integral() && whole.dtype.is_integral());
        if loses {
            let becomes = if is_update { "would become" } else { "is" };
            let message = format!("`{}` is {whole}, and the new part {becomes} {}", name.text, found.dtype);
            let help = match is_update {
                true => format!("give `{0}` that dtype first: `{0} = {1}({0})`", name.text, found.dtype),
                false => format!("cast it: `{}(…)`, or give `{}` the dtype {}", whole.dtype, name.text, found.dtype),
            };
            let diagnostic = Diagnostic::error("E0314", message, span, found.to_string());
            return Err(self.report(diagnostic.label(name.span, whole.to_string()).help(help)));
        }
        self.convert(new, whole.dtype, span)
    }

    /// `value[:, :, start:stop]`: part of one axis.
    pub(super) fn slice_axis(
        &mut self,
        operand: Operand,
        axis: usize,
        bounds: [Option<Operand>; 2],
        span: Span,
    ) -> Checks<Operand> {
        let [start, stop] = bounds.map(|bound| {
            let operand = bound?;
            let known = self.constant_of(operand).and_then(|scalar| scalar.as_integer());
            Some(known.map_or(Bound::Run(operand), Bound::Known))
        });
        self.along_axis(operand, axis, Entry::Slice { start, stop, step: Bound::Known(1), span }, span)
    }

    /// `value[:, :, indices]`: elements of one axis.
    pub(super) fn take_axis(&mut self, operand: Operand, axis: usize, indices: Operand, span: Span) -> Checks<Operand> {
        let known = self.constant_of(indices).and_then(|scalar| scalar.as_integer());
        let entry = match (known, self.type_of(indices).rank()) {
            (Some(known), _) => Entry::Integer(known, span),
            (None, 0) => Entry::Scalar(indices, span),
            (None, _) => Entry::Array(indices, span),
        };
        self.along_axis(operand, axis, entry, span)
    }

    fn along_axis(&mut self, operand: Operand, axis: usize, entry: Entry, span: Span) -> Checks<Operand> {
        let whole = |_| Entry::Slice { start: None, stop: None, step: Bound::Known(1), span };
        let entries = (0..axis).map(whole).chain([entry]).collect();
        let selection = self.selection(operand, span, entries, false, span)?;
        Ok(self.selected(operand, selection, span))
    }

    /// `then` where a mask is true, `otherwise` elsewhere.
    pub(super) fn select(
        &mut self,
        mask: Operand,
        then: Operand,
        otherwise: Operand,
        result: &Type,
        span: Span,
    ) -> Operand {
        let (mask, then, otherwise) = (self.resolve(mask), self.resolve(then), self.resolve(otherwise));
        self.add(NodeKind::Select { mask, then, otherwise }, result.clone(), span)
    }

    /// Which elements of an array subscripts select; `is_update` says that they get new values.
    fn selection(
        &mut self,
        operand: Operand,
        base_span: Span,
        entries: Vec<Entry>,
        is_update: bool,
        span: Span,
    ) -> Checks<Selection> {
        let crossing = self.crossing_help(&entries, base_span, is_update);
        let source = self.type_of(operand).clone();
        let rank = source.rank();
        let mut consumed = 0;
        for entry in &entries {
            consumed += match entry {
                Entry::Newaxis | Entry::Ellipsis => 0,
                Entry::Mask(mask, _) => self.type_of(*mask).rank(),
                _ => 1,
            };
        }
        let ellipses = entries.iter().filter(|entry| matches!(entry, Entry::Ellipsis)).count();
        if ellipses > 1 {
            let diagnostic = Diagnostic::error("E0305", "an index has at most one `...`", span, "");
            return Err(
                self.report(diagnostic.help("write `:` for each axis that is kept whole, or leave the last `...` out"))
            );
        }
        if consumed > rank {
            let axes = if rank == 1 { "1 axis".to_string() } else { format!("{rank} axes") };
            let indices = if consumed == 1 { "1 index".to_string() } else { format!("{consumed} indices") };
            let diagnostic = Diagnostic::error("E0305", format!("{indices} for an array of {axes}"), span, indices);
            let diagnostic =
                self.with_origin(diagnostic.label(base_span, source.to_string()), base_span, &source.to_string());
            let tables = entries.iter().filter_map(|entry| match entry {
                Entry::Mask(mask, place) => Some((self.type_of(*mask).clone(), *place)),
                _ => None,
            });
            let table = tables.into_iter().find(|(mask, _)| mask.rank() > 1);
            return Err(self.report(match (table, rank) {
                (_, 0) => diagnostic.help("a scalar has no axes: leave the index out"),
                (Some((mask, place)), _) => {
                    let first = format!("[:{}]", ", 0".repeat(mask.rank() - 1));
                    let typed = self.quoted_operand(place).unwrap_or_else(|| "mask".into());
                    let help = format!("for a mask of one axis take a column of it: `{typed}{first}`");
                    let text = format!("{mask} stands for {} indices", mask.rank());
                    diagnostic.label(place, text).help(help)
                }
                (None, 1) => diagnostic.help("give one index: `[i]`"),
                (None, _) => diagnostic.help(format!("give at most {rank} indices, one for each axis")),
            }));
        }
        // `None` is a new axis.
        let mut parts: Vec<Option<Part>> = Vec::new();
        let mut axis = 0;
        let mut ellipsis = 0;
        for entry in entries {
            match entry {
                Entry::Newaxis => parts.push(None),
                Entry::Ellipsis => {
                    ellipsis = parts.len();
                    for _ in 0..rank - consumed {
                        parts.push(Some(whole_axis(&source.shape[axis])));
                        axis += 1;
                    }
                }
                Entry::Integer(index, place) => {
                    parts.push(Some(self.fixed(&source, axis, index, place, base_span)?));
                    axis += 1;
                }
                Entry::Scalar(index, place) => {
                    self.refuse_outside(index, &source, axis, place, base_span)?;
                    parts.push(Some(Part::Scalar(index)));
                    axis += 1;
                }
                Entry::Array(index, _) => {
                    parts.push(Some(Part::Array(index)));
                    axis += 1;
                }
                Entry::Mask(mask, place) => {
                    let count = self.type_of(mask).rank();
                    for index in self.mask_indices(mask, &source, axis, base_span, place)? {
                        parts.push(Some(Part::Array(index)));
                    }
                    axis += count;
                }
                Entry::Slice { start, stop, step, span } => {
                    let length = &source.shape[axis];
                    parts.push(Some(match step {
                        Bound::Known(step) => self.slice(start, stop, step, length, span),
                        Bound::Run(step) => Part::Steps(self.stepped(start, stop, step, length, span)?),
                    }));
                    axis += 1;
                }
            }
        }
        for length in &source.shape[axis..] {
            parts.push(Some(whole_axis(length)));
        }
        self.select_parts(parts, ellipsis, &crossing, span)
    }

    /// What to write for every element that one array of indices selects, with every one that another does.
    fn crossing_help(&self, entries: &[Entry], base: Span, is_update: bool) -> String {
        // Only several of them can miss each other, and few indices have several.
        if entries.iter().filter(|entry| matches!(entry, Entry::Mask(..) | Entry::Array(..))).count() < 2 {
            return String::new();
        }
        let rank = |operand: &Operand| self.type_of(*operand).rank();
        let part = |entry: &Entry| match entry {
            Entry::Mask(operand, place) if rank(operand) == 1 => Some((true, self.quoted_operand(*place)?)),
            Entry::Array(operand, place) if rank(operand) == 1 => Some((false, self.quoted_operand(*place)?)),
            _ => None,
        };
        let name = self.quoted_operand(base).unwrap_or_else(|| "a".into());
        let parts: Option<Vec<(bool, String)>> = entries.iter().map(part).collect();
        let index = match (parts.as_deref(), is_update) {
            (Some([(true, first), (true, second)]), true) => format!("{name}[{first}[:, newaxis] and {second}]"),
            (Some([(false, first), (false, second)]), true) => format!("{name}[{first}[:, newaxis], {second}]"),
            (Some([(_, first), (_, second)]), false) => format!("{name}[{first}][:, {second}]"),
            _ => format!("{name}[i[:, newaxis], j]"),
        };
        format!(
            "they go together index by index; for every one of the first with every one of the second, write `{index}`"
        )
    }

    /// The axes and the shape of a selection, from its parts in the order of the subscripts; `ellipsis` is the place of a `...`
    /// among them, or 0.
    fn select_parts(
        &mut self,
        parts: Vec<Option<Part>>,
        ellipsis: usize,
        crossing: &str,
        span: Span,
    ) -> Checks<Selection> {
        let is_array = |part: &Option<Part>| matches!(part, Some(Part::Array(_)));
        let repeats = parts.iter().any(is_array);
        // With an array among them, integers count as arrays too, and all broadcast to one shape. It stands where the first of
        // them stands, or in front when something else stands between them (NumPy's rule).
        let is_advanced =
            |part: &Option<Part>| is_array(part) || repeats && matches!(part, Some(Part::Scalar(_) | Part::Fixed(_)));
        let first = parts.iter().position(is_advanced).unwrap_or(parts.len());
        let last = parts.iter().rposition(is_advanced).unwrap_or(0);
        // A `...` stands between them even where it is no axis.
        let is_divided = first < ellipsis && ellipsis <= last;
        let together = repeats && !is_divided && (first..=last).all(|at| is_advanced(&parts[at]));
        let common = self.index_shape(&parts, crossing, span)?;
        let mut shape: Vec<Length> = Vec::new();
        let mut at = 0;
        if repeats && !together {
            shape.extend(common.iter().cloned());
        }
        // Where each slice's axis lies in the result.
        let mut own = vec![0; parts.len()];
        for (position, part) in parts.iter().enumerate() {
            if together && position == first {
                at = shape.len();
                shape.extend(common.iter().cloned());
            }
            own[position] = shape.len();
            match part {
                None => shape.push(Length::Known(1)),
                Some(Part::Along { length, .. }) => shape.push(length.clone()),
                Some(Part::Steps(indices)) => shape.extend(self.type_of(*indices).shape.iter().cloned()),
                _ => {}
            }
        }
        super::size::refuse_rank(shape.len(), span).map_err(|diagnostic| self.report(diagnostic))?;
        let behind = shape.len() - at - common.len();
        let mut axes = Vec::new();
        for (position, part) in parts.into_iter().enumerate() {
            let nowhere = |start: Length| SourceAxis { start, step: 0, axis: None };
            axes.push(match part {
                None => continue,
                Some(Part::Fixed(index)) => IndexAxis { place: nowhere(index.into()), index: None },
                Some(Part::Scalar(index)) => {
                    IndexAxis { place: nowhere(0.into()), index: Some(self.index_node(index, span)) }
                }
                Some(Part::Array(index)) => {
                    let spread = self.with_axes_behind(index, behind, span);
                    IndexAxis { place: nowhere(0.into()), index: Some(self.index_node(spread, span)) }
                }
                Some(Part::Steps(indices)) => {
                    let spread = self.with_axes_behind(indices, shape.len() - own[position] - 1, span);
                    IndexAxis { place: nowhere(0.into()), index: Some(self.index_node(spread, span)) }
                }
                Some(Part::Along { start, step, index, .. }) => {
                    IndexAxis { place: SourceAxis { start, step, axis: Some(own[position]) }, index }
                }
            });
        }
        Ok(Selection { axes, shape, repeats })
    }

    /// The shape that the arrays of indices broadcast to.
    fn index_shape(&mut self, parts: &[Option<Part>], crossing: &str, span: Span) -> Checks<Vec<Length>> {
        let shape_of = |part: &Option<Part>| match part {
            Some(Part::Array(index)) => Some(self.type_of(*index).shape.clone()),
            _ => None,
        };
        let mut shapes: Vec<Vec<Length>> = parts.iter().filter_map(shape_of).collect();
        // Those that only the run can tell come last: one index of them is stretched to what is known.
        shapes.sort_by_key(|shape| shape.iter().any(|length| length.known().is_none()));
        let mut common: Vec<Length> = Vec::new();
        for shape in shapes {
            let mut are_one = |checker: &mut Checker, (a, b): (&Length, &Length), _: usize| {
                checker.same_in_index(a, b, crossing, span)
            };
            common = match self.broadcast_where(&common, &shape, &mut are_one) {
                Ok(wider) => wider,
                Err(_) => {
                    let (one, other) = (crate::types::DisplayShape(&common), crate::types::DisplayShape(&shape));
                    let message = format!("the arrays of indices do not go together: {one} and {other}");
                    let diagnostic = Diagnostic::error("E0301", message, span, "");
                    return Err(self.report(diagnostic.help(crossing)));
                }
            };
        }
        Ok(common)
    }

    /// An index as an i64 node of the innermost graph.
    pub(super) fn index_node(&mut self, index: Operand, span: Span) -> NodeId {
        let index = self.cast(index, DType::I64, span);
        self.resolve(index)
    }

    /// An array with so many axes of length 1 put behind its own.
    fn with_axes_behind(&mut self, operand: Operand, count: usize, span: Span) -> Operand {
        if count == 0 {
            return operand;
        }
        let source = self.type_of(operand).clone();
        let axes = (0..source.rank()).map(SourceAxis::along).collect();
        let shape = source.shape.into_iter().chain(std::iter::repeat_n(Length::Known(1), count)).collect::<Vec<_>>();
        let value = self.resolve(operand);
        self.add(NodeKind::View { value, axes }, ArrayType::new(source.dtype, shape), span)
    }

    /// Refuses an index that is out of bounds whatever the sizes in it are.
    fn refuse_outside(
        &mut self,
        index: Operand,
        source: &Type,
        axis: usize,
        place: Span,
        base_span: Span,
    ) -> Checks<()> {
        // What the run tells would become a size by being looked at.
        if !self.is_made_of_sizes(index) {
            return Ok(());
        }
        let (index, length) = (self.polynomial_of(index), Polynomial::from(&source.shape[axis]));
        let is_behind = index.minus(&length).is_never_negative();
        let is_before = Polynomial::from(-1).minus(&index.plus(&length)).is_never_negative();
        if !is_behind && !is_before {
            return Ok(());
        }
        let message = format!("index {index} is out of bounds for axis {axis} of length {length}");
        let help = format!("indices go from 0 to {length} - 1, or from -{length} to -1");
        let diagnostic = Diagnostic::error("E0305", message, place, "").label(base_span, source.to_string());
        Err(self.report(self.with_origin(diagnostic, base_span, &source.to_string()).help(help)))
    }

    fn fixed(&mut self, source: &Type, axis: usize, index: i128, place: Span, base_span: Span) -> Checks<Part> {
        let length = match &source.shape[axis] {
            Length::Known(length) => *length,
            Length::Open(_) => {
                // The run checks it.
                let index = Scalar::i64(index as i64);
                return Ok(Part::Scalar(self.constant(index, false, place)));
            }
        };
        let from_start = if index < 0 { index + length as i128 } else { index };
        if from_start < 0 || from_start >= length as i128 {
            let diagnostic = Diagnostic::error(
                "E0305",
                format!("index {index} is out of bounds for axis {axis} of length {length}"),
                place,
                "",
            );
            let help = match length {
                0 => "the axis is empty".to_string(),
                _ => format!("indices go from 0 to {}, or from -{length} to -1", length - 1),
            };
            let diagnostic = diagnostic.label(base_span, source.to_string()).help(help);
            return Err(self.report(self.with_origin(diagnostic, base_span, &source.to_string())));
        }
        Ok(Part::Fixed(from_start as usize))
    }

    /// The positions along each axis where a mask is true: arrays of one unknown length.
    fn mask_indices(
        &mut self,
        mask: Operand,
        source: &Type,
        axis: usize,
        base_span: Span,
        place: Span,
    ) -> Checks<Vec<Operand>> {
        let found = self.type_of(mask).clone();
        let masked = &source.shape[axis..axis + found.rank()];
        if !self.same_shape(&found.shape, masked, "a mask is as long as the axis that it masks", place) {
            let message = format!("a mask of {found} does not fit {source}");
            let diagnostic =
                Diagnostic::error("E0301", message, place, found.to_string()).label(base_span, source.to_string());
            return Err(self.report(diagnostic.help("a mask has the lengths of the axes that it masks")));
        }
        let positions = self.positions(mask, place);
        let mut indices = Vec::new();
        for own in 0..found.rank() {
            let mut index = positions;
            if own + 1 < found.rank() {
                let count = self.count(&found.shape[own + 1..], place);
                index = self.integer_operation("//", index, &count, place)?;
            }
            if own > 0 {
                index = self.integer_operation("%", index, &Polynomial::from(&found.shape[own]), place)?;
            }
            indices.push(index);
        }
        Ok(indices)
    }

    /// Where a bool array is true, counted in C order: `i64[?k]`. A body that is given the mask, or all that it is made of, need not
    /// look again in each turn: its graph, or one around it, looks once, and what it finds is as long in every turn.
    pub(super) fn positions(&mut self, mask: Operand, span: Span) -> Operand {
        let mask = self.lifted(mask);
        let depth = self.outermost(mask.level as usize);
        let node = self.resolve_at(mask, depth);
        let count = self.add_at(depth, NodeKind::Count(node), vec![ArrayType::scalar(DType::I64)], span);
        let length = Length::of(self.polynomial_of(count)).unwrap_or(Length::Known(0));
        self.add_at(depth, NodeKind::Positions(node), vec![ArrayType::new(DType::I64, vec![length])], span)
    }

    fn integer_operation(
        &mut self,
        symbol: &'static str,
        left: Operand,
        right: &Polynomial,
        span: Span,
    ) -> Checks<Operand> {
        let right = Length::of(right.clone()).unwrap_or(Length::Known(0));
        let right = self.length_value(&right, span);
        self.of_two(symbol, left, right, span)
    }

    /// An operator of two arrays.
    pub(super) fn of_two(
        &mut self,
        symbol: &'static str,
        left: Operand,
        right: Operand,
        span: Span,
    ) -> Checks<Operand> {
        match self.operator(symbol, span, vec![(Value::Array(left), span), (Value::Array(right), span)], span)? {
            Value::Array(operand) => Ok(operand),
            _ => Err(super::Reported),
        }
    }

    pub(super) fn is_of_variables(&self, polynomial: &Polynomial) -> bool {
        polynomial.known().is_none() && polynomial.symbols().all(crate::length::Symbol::is_variable)
    }

    fn entries(&mut self, subscripts: &[Subscript]) -> Checks<Vec<Entry>> {
        let entries: Vec<Checks<Entry>> = subscripts.iter().map(|subscript| self.entry(subscript)).collect();
        entries.into_iter().collect()
    }

    fn entry(&mut self, subscript: &Subscript) -> Checks<Entry> {
        match subscript {
            Subscript::Value(Expression { kind: ExpressionKind::Ellipsis, .. }) => Ok(Entry::Ellipsis),
            Subscript::Value(expression) => match self.expression(expression)? {
                Value::Newaxis | Value::None => Ok(Entry::Newaxis),
                Value::Array(operand) => self.array_entry(operand, expression.span),
                other => {
                    let found = self.describe(&other);
                    Err(self.report(
                        Diagnostic::error(
                            "E0303",
                            format!("an index is an integer, a slice or an array, not {found}"),
                            expression.span,
                            "",
                        )
                        .help("write `a[i, j]` or `a[start:stop]`; a tuple is taken apart first: `i, j = …`"),
                    ))
                }
            },
            Subscript::Slice { start, stop, step, span } => {
                let start = self.slice_bound(start.as_ref())?;
                let stop = self.slice_bound(stop.as_ref())?;
                let place = step.as_ref().map_or(*span, |step| step.span);
                let step = match self.slice_bound(step.as_ref())? {
                    None => Bound::Known(1),
                    Some(Bound::Known(0)) => {
                        return Err(self.report(
                            Diagnostic::error("E0305", "a slice's step cannot be 0", place, "")
                                .help("write `::1` for every element"),
                        ));
                    }
                    Some(step) => step,
                };
                // What goes wrong with a step that the run tells is told of the step.
                let span = if step.known().is_some() { *span } else { place };
                Ok(Entry::Slice { start, stop, step, span })
            }
        }
    }

    fn array_entry(&mut self, operand: Operand, span: Span) -> Checks<Entry> {
        let found = self.type_of(operand).clone();
        match (found.dtype.kind(), found.rank()) {
            (Kind::Signed | Kind::Unsigned, 0) => {
                Ok(match self.constant_of(operand).and_then(|scalar| scalar.as_integer()) {
                    Some(index) => Entry::Integer(index, span),
                    None => Entry::Scalar(operand, span),
                })
            }
            (Kind::Bool, rank) if rank > 0 => Ok(Entry::Mask(operand, span)),
            (Kind::Signed | Kind::Unsigned, _) => Ok(Entry::Array(operand, span)),
            // `[]` is f64, and selects nothing.
            (Kind::Float, 1) if found.shape[0].is(0) => Ok(Entry::Array(operand, span)),
            (Kind::Bool, _) => Err(self.report(
                Diagnostic::error("E0305", "an index is an integer, not bool", span, found.to_string())
                    .help(self.library.advice(Advice::ChooseByElement)),
            )),
            _ => Err(self.report(
                Diagnostic::error("E0305", format!("an index is an integer, not {found}"), span, found.to_string())
                    .help("round it first: `i64(x)`, or divide with `//`"),
            )),
        }
    }
}

/// All of an axis.
fn whole_axis(length: &Length) -> Part {
    Part::Along { start: Length::Known(0), step: 1, index: None, length: length.clone() }
}
