//! Functions of functions: `map`, `fold`, `reduce`, `scan`.

use crate::operation::{Expansion, Operation, required, variadic};
use thalweg_lang::declaration::{Call, Given, Operand};
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::graph::SourceAxis;
use thalweg_lang::length::Length;
use thalweg_lang::promotion::{Numeric, common};
use thalweg_lang::types::Type;
use thalweg_lang::value::Value;

const ORDER: &str = "The function must be associative: then any order of the combinations means the same. The one that is taken \
                     depends on the length alone, so every executor gives the same bits: neighbours are combined in pairs, the \
                     pairs' results in pairs again, and what has no partner waits for the end. Each round is one parallel map. The \
                     function's result must have the type of an element. The neutral element takes part once, leftmost: \
                     `f(f(neutral, x[0]), x[1])`.";

pub(super) fn rows(rows: &mut Vec<Operation>) {
    rows.push(
        Operation::expand("map", vec![required("f"), variadic("sequences")], map)
            .summary("What a function gives for each element, along a new first axis: `[f(x) for x in xs]`.")
            .text(
                "Several sequences are walked together, as far as the shortest goes. Over a tuple the result is a tuple. The \
                 elements have no order, so they run in parallel.",
            )
            .examples(&[
                ("map(x -> x * x, [1, 2, 3])", "[1 4 9]"),
                ("map(maximum, [1, 5, 2], [3, 4, 6])", "[3 5 6]"),
                ("map(sum, [[1, 2], [3, 4]])", "[3 7]"),
                ("map(sum, ([1, 2], [3, 4, 5]))", "(3, 12)"),
            ]),
    );
    rows.push(
        Operation::expand("fold", vec![required("f"), required("x"), required("initial")], fold)
            .summary("`f(…f(f(initial, x[0]), x[1])…)`: one element after the other, in order.")
            .text(
                "The function takes what it gave before and the next element of the first axis; its result must keep the type of \
                 `initial`, which may be a tuple. It need not be associative, and nothing runs in parallel: see `reduce`.",
            )
            .examples(&[
                ("fold((a, b) -> a * 10 + b, [1, 2, 3], 0)", "123"),
                ("fold((low, x) -> minimum(low, sum(x)), [[3, 4], [1, 2]], 100)", "3"),
            ]),
    );
    rows.push(
        Operation::expand("reduce", vec![required("f"), required("x"), required("neutral")], reduce)
            .summary("All elements of the first axis combined by an associative function of two; the neutral element of nothing.")
            .text(ORDER)
            .examples(&[
                ("reduce((a, b) -> a + b, [1, 2, 3, 4, 5], 0)", "15"),
                ("reduce(maximum, [-3.0, -1.0], -inf)", "-1.0"),
                ("reduce(maximum, [-3.0, -1.0], 0.0)", "0.0"),
                ("reduce((a, b) -> a + b, zeros(0), 0.0)", "0.0"),
            ]),
    );
    rows.push(
        Operation::expand("scan", vec![required("f"), required("x"), required("neutral")], scan)
            .summary("What `reduce` gives for the elements of the first axis up to and with each one.")
            .text(ORDER)
            .examples(&[
                ("scan((a, b) -> a + b, [1, 2, 3, 4, 5], 0)", "[ 1  3  6 10 15]"),
                ("scan(maximum, [2.0, 1.0, 4.0, 3.0], -inf)", "[2. 2. 4. 4.]"),
            ]),
    );
}

/// Refuses a first argument that cannot be called.
fn function<'c>(build: &Expansion, call: &'c Call) -> Result<&'c Given, Diagnostic> {
    let given = &call.arguments[0];
    match &given.value {
        Value::Function(_) | Value::Builtin(_) | Value::DType(_) => Ok(given),
        other => {
            let found = build.describe(other);
            let message = format!("`{}` takes a function first, not {found}", call.name);
            let help = format!(
                "write the function before what it is applied to: `{}(f, x{}`",
                call.name,
                match &*call.name {
                    "map" => ")",
                    "fold" => ", initial)",
                    _ => ", neutral)",
                }
            );
            Err(Diagnostic::error("E0303", message, given.span, found).help(help))
        }
    }
}

fn map(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let function = function(build, call)?;
    let given = &call.arguments[1];
    let Value::Tuple(sequences) = &given.value else {
        return Err(Diagnostic::error("E0203", "`map` needs a sequence to walk", call.span, ""));
    };
    if sequences.is_empty() {
        let diagnostic = Diagnostic::error("E0203", "`map` needs a sequence to walk", call.span, "");
        return Err(diagnostic.help("write `map(f, xs)`"));
    }
    let sequences: Vec<_> = sequences.iter().map(|one| (one.clone(), given.span)).collect();
    build.map(&sequences, call.span, &mut |build, elements| build.call(function, elements, call.span))
}

fn fold(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let function = function(build, call)?;
    build.fold(function, &call.arguments[1], &call.arguments[2], call.span)
}

fn reduce(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let tree = Tree::new(build, call)?;
    match tree.walk(build)? {
        Walk::Nothing(neutral) => Ok(neutral),
        Walk::Elements(values) => tree.reduce_values(build, values),
        Walk::Array(x, length) => tree.reduce_array(build, x, length),
        Walk::Open(x, neutral) => tree.in_prelude(build, "reduce_in_order", x, neutral),
    }
}

fn scan(build: &mut Expansion, call: &Call) -> Result<Value<Operand>, Diagnostic> {
    let tree = Tree::new(build, call)?;
    match tree.walk(build)? {
        Walk::Nothing(_) => Ok(as_tuple(call.arguments[1].value.clone())),
        Walk::Elements(values) => tree.scan_values(build, values).map(Value::Tuple),
        Walk::Array(x, length) => tree.scan_array(build, x, length, true),
        Walk::Open(x, neutral) => tree.in_prelude(build, "scan_in_order", x, neutral),
    }
}

/// A call of `reduce` or `scan`. Its elements are arrays, or tuples of arrays when it walks a `zip`.
struct Tree<'c> {
    call: &'c Call,
    function: &'c Given,
    sequence: &'c Given,
}

/// What is walked.
enum Walk {
    /// Nothing: the neutral element as an element.
    Nothing(Value<Operand>),
    /// A tuple's values.
    Elements(Vec<Value<Operand>>),
    /// Arrays of a known length.
    Array(Value<Operand>, usize),
    /// An array whose length the run tells, and the neutral element as an element.
    Open(Value<Operand>, Value<Operand>),
}

impl<'c> Tree<'c> {
    fn new(build: &Expansion, call: &'c Call) -> Result<Tree<'c>, Diagnostic> {
        Ok(Tree { call, function: function(build, call)?, sequence: &call.arguments[1] })
    }

    fn walk(&self, build: &mut Expansion) -> Result<Walk, Diagnostic> {
        let sequence = &self.sequence.value;
        if let Value::Tuple(values) = sequence {
            return Ok(match values.is_empty() {
                true => Walk::Nothing(self.call.arguments[2].value.clone()),
                false => Walk::Elements(values.clone()),
            });
        }
        let Some(arrays) = arrays_of(sequence) else {
            let found = build.describe(sequence);
            let message = format!("`{}` walks an array, not {found}", self.call.name);
            return Err(Diagnostic::error("E0303", message, self.sequence.span, found));
        };
        let mut shortest: Option<Length> = None;
        for array in &arrays {
            let array_type = build.type_of(*array);
            let Some(length) = array_type.shape.first() else {
                let message = format!("`{}` walks an axis, and {array_type} has none", self.call.name);
                return Err(Diagnostic::error("E0303", message, self.sequence.span, array_type.to_string()));
            };
            shortest = Some(match shortest.as_ref().map(|shortest| (shortest.known(), length.known())) {
                None => length.clone(),
                Some((Some(one), Some(other))) => one.min(other).into(),
                Some(_) => {
                    let shortest = shortest.unwrap_or(Length::Known(0));
                    build.same_length(
                        &shortest,
                        length,
                        "arrays that are walked together are equally long",
                        self.sequence.span,
                    );
                    shortest
                }
            });
        }
        match shortest {
            Some(Length::Known(0)) => self.neutral(build).map(Walk::Nothing),
            Some(Length::Known(length)) => Ok(Walk::Array(sequence.clone(), length)),
            _ if matches!(sequence, Value::Array(_)) => {
                let neutral = self.neutral(build)?;
                Ok(Walk::Open(sequence.clone(), neutral))
            }
            _ => {
                let message =
                    format!("`{}` of a `zip` whose length only the run can tell is not built yet", self.call.name);
                Err(Diagnostic::error("E0401", message, self.sequence.span, ""))
            }
        }
    }

    /// The neutral element as an element of the arrays.
    fn neutral(&self, build: &mut Expansion) -> Result<Value<Operand>, Diagnostic> {
        let given = &self.call.arguments[2];
        let wanted = element_type(build, &self.sequence.value);
        self.fit_neutral(build, &given.value, &wanted)
    }

    fn fit_neutral(
        &self,
        build: &mut Expansion,
        neutral: &Value<Operand>,
        element: &Value<Type>,
    ) -> Result<Value<Operand>, Diagnostic> {
        let span = self.call.arguments[2].span;
        match (neutral, element) {
            (Value::Array(operand), Value::Array(wanted)) => {
                let found = build.type_of(*operand);
                let of = |one: &Type, weak| Numeric { dtype: one.dtype, weak };
                let fits = common(&[of(wanted, false), of(&found, operand.weak)]).dtype == wanted.dtype
                    && (operand.weak || found.dtype == wanted.dtype);
                if fits && (found.rank() == 0 || found.shape == wanted.shape) {
                    let converted = build.convert(*operand, wanted.dtype, span)?;
                    let whole = build.broadcast_to(converted, wanted.shape.clone(), span);
                    return Ok(Value::Array(Operand { weak: false, ..whole }));
                }
            }
            (Value::Tuple(neutrals), Value::Tuple(elements)) if neutrals.len() == elements.len() => {
                let fitted =
                    neutrals.iter().zip(elements).map(|(neutral, element)| self.fit_neutral(build, neutral, element));
                return fitted.collect::<Result<_, _>>().map(Value::Tuple);
            }
            _ => {}
        }
        let found = build.describe(&self.call.arguments[2].value);
        let wanted = shown(&element_type(build, &self.sequence.value));
        let message = match &self.sequence.value {
            Value::Tuple(values) => {
                let one = values.first().map_or(String::new(), |value| build.describe(value));
                format!("`{}` combines the {one} of this tuple, and its neutral element is {found}", self.call.name)
            }
            _ => format!("`{}` combines elements of type {wanted}, and its neutral element is {found}", self.call.name),
        };
        let help = match element {
            // `scan(f, (xs, ys), (0, 1))`: a tuple's values are walked, not its arrays together.
            _ if matches!(self.sequence.value, Value::Tuple(_)) => {
                "arrays are walked together by `zip(xs, ys)`; of a tuple, each value is one element".to_string()
            }
            Value::Array(one) if one.rank() == 0 => {
                format!("cast it: `{}(…)`, or the array: `{}(…)`", one.dtype, found)
            }
            _ => format!("give one of type {wanted}"),
        };
        Err(Diagnostic::error("E0322", message, span, found)
            .label(self.sequence.span, format!("elements of {wanted}"))
            .help(help))
    }

    /// The function of two elements, which gives an element.
    fn combine(
        &self,
        build: &mut Expansion,
        left: Value<Operand>,
        right: Value<Operand>,
    ) -> Result<Value<Operand>, Diagnostic> {
        let wanted = build.describe(&right);
        let result = build.call(self.function, vec![left, right], self.call.span)?;
        let found = build.describe(&result);
        if found != wanted {
            let message = format!(
                "`{}` needs a function that gives what it takes: it takes {wanted} and gives {found}",
                self.call.name
            );
            let diagnostic = Diagnostic::error("E0322", message, self.function.span, format!("gives {found}"))
                .label(self.sequence.span, format!("elements of {wanted}"));
            return Err(diagnostic.help("cast its result, or use `fold` for a function whose sides differ"));
        }
        Ok(result)
    }

    fn combine_all(
        &self,
        build: &mut Expansion,
        left: Value<Operand>,
        right: Value<Operand>,
    ) -> Result<Value<Operand>, Diagnostic> {
        let span = self.sequence.span;
        let combined =
            build.map(&[(left, span), (right, span)], self.call.span, &mut |build, pair| match pair.as_slice() {
                [left, right] => self.combine(build, left.clone(), right.clone()),
                _ => Err(Diagnostic::error("E0303", "a pair is two elements", span, "")),
            })?;
        Ok(as_sequence(combined))
    }

    /// The first element, the neutral one before it.
    fn first(&self, build: &mut Expansion, x: &Value<Operand>) -> Result<Value<Operand>, Diagnostic> {
        let neutral = self.neutral(build)?;
        let first = self.at(build, x, 0);
        self.combine(build, neutral, first)
    }

    fn reduce_array(
        &self,
        build: &mut Expansion,
        x: Value<Operand>,
        length: usize,
    ) -> Result<Value<Operand>, Diagnostic> {
        if length == 1 {
            return self.first(build, &x);
        }
        let (mut x, mut length) = (x, length);
        let mut waiting = Vec::new();
        let mut is_first = true;
        while length > 1 {
            if length % 2 == 1 {
                waiting.push(self.at(build, &x, length - 1));
            }
            length /= 2;
            x = self.pairs(build, &x, length, is_first)?;
            is_first = false;
        }
        let root = self.at(build, &x, 0);
        waiting.into_iter().rev().try_fold(root, |left, right| self.combine(build, left, right))
    }

    /// The first `2 * count` elements combined in pairs; with the neutral element before the first, when it still has to take part.
    fn pairs(
        &self,
        build: &mut Expansion,
        x: &Value<Operand>,
        count: usize,
        with_neutral: bool,
    ) -> Result<Value<Operand>, Diagnostic> {
        let (left, right) = (self.every_second(build, x, 0, count), self.every_second(build, x, 1, count));
        let pairs = self.combine_all(build, left, right)?;
        if !with_neutral {
            return Ok(pairs);
        }
        let first = self.first(build, x)?;
        let second = self.at(build, x, 1);
        let first = self.combine(build, first, second)?;
        Ok(self.with_first(build, &pairs, &first))
    }

    fn scan_array(
        &self,
        build: &mut Expansion,
        x: Value<Operand>,
        length: usize,
        with_neutral: bool,
    ) -> Result<Value<Operand>, Diagnostic> {
        let half = length / 2;
        let mut result = x.clone();
        if half > 0 {
            let pairs = self.pairs(build, &x, half, with_neutral)?;
            let upto = as_sequence(self.scan_array(build, pairs, half, false)?);
            result = self.replace(build, &result, 1, &upto);
            let between = (length - 1) / 2;
            if between > 0 {
                let before = self.slice(build, &upto, 0, 1, between);
                let third = self.every_second(build, &x, 2, between);
                let upto = self.combine_all(build, before, third)?;
                result = self.replace(build, &result, 2, &upto);
            }
        }
        if with_neutral {
            let first = self.first(build, &x)?;
            result = self.with_first(build, &result, &first);
        }
        Ok(as_tuple(result))
    }

    /// The same for a tuple's values, each with a type of its own.
    fn reduce_values(&self, build: &mut Expansion, values: Vec<Value<Operand>>) -> Result<Value<Operand>, Diagnostic> {
        let mut values = self.with_neutral(build, values)?;
        let mut waiting = Vec::new();
        while values.len() > 1 {
            if values.len() % 2 == 1 {
                waiting.extend(values.pop());
            }
            let pairs = values.chunks_exact(2).map(|pair| self.combine(build, pair[0].clone(), pair[1].clone()));
            values = pairs.collect::<Result<_, _>>()?;
        }
        let root = values.pop().unwrap_or(Value::None);
        waiting.into_iter().rev().try_fold(root, |left, right| self.combine(build, left, right))
    }

    fn scan_values(
        &self,
        build: &mut Expansion,
        values: Vec<Value<Operand>>,
    ) -> Result<Vec<Value<Operand>>, Diagnostic> {
        let values = self.with_neutral(build, values)?;
        self.scan_tuple(build, values)
    }

    fn scan_tuple(
        &self,
        build: &mut Expansion,
        values: Vec<Value<Operand>>,
    ) -> Result<Vec<Value<Operand>>, Diagnostic> {
        if values.len() < 2 {
            return Ok(values);
        }
        let pairs = values.chunks_exact(2).map(|pair| self.combine(build, pair[0].clone(), pair[1].clone()));
        let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
        let upto = self.scan_tuple(build, pairs)?;
        let mut result = vec![values[0].clone()];
        for index in 1..values.len() {
            result.push(match index % 2 {
                1 => upto[index / 2].clone(),
                _ => self.combine(build, upto[index / 2 - 1].clone(), values[index].clone())?,
            });
        }
        Ok(result)
    }

    fn with_neutral(
        &self,
        build: &mut Expansion,
        mut values: Vec<Value<Operand>>,
    ) -> Result<Vec<Value<Operand>>, Diagnostic> {
        let wanted = types_of(build, &values[0]);
        let neutral = self.fit_neutral(build, &self.call.arguments[2].value, &wanted)?;
        values[0] = self.combine(build, neutral, values[0].clone())?;
        Ok(values)
    }

    /// The same order for a length that only the run can tell, one element after the other.
    fn in_prelude(
        &self,
        build: &mut Expansion,
        name: &str,
        x: Value<Operand>,
        neutral: Value<Operand>,
    ) -> Result<Value<Operand>, Diagnostic> {
        self.combine(build, neutral.clone(), neutral.clone())?;
        build.call_prelude(name, self.call, vec![self.function.value.clone(), x, neutral])
    }

    fn at(&self, build: &mut Expansion, x: &Value<Operand>, index: usize) -> Value<Operand> {
        let span = self.sequence.span;
        as_tuple(x.map(&mut |operand| {
            let shape = build.type_of(*operand).shape;
            let mut axes = vec![SourceAxis::at(index)];
            axes.extend(whole_axes(shape.len() - 1, 0));
            Operand { weak: false, ..build.view(*operand, axes, shape[1..].to_vec(), span) }
        }))
    }

    fn every_second(&self, build: &mut Expansion, x: &Value<Operand>, start: usize, count: usize) -> Value<Operand> {
        self.slice(build, x, start, 2, count)
    }

    fn slice(
        &self,
        build: &mut Expansion,
        x: &Value<Operand>,
        start: usize,
        step: isize,
        count: usize,
    ) -> Value<Operand> {
        let span = self.sequence.span;
        x.map(&mut |operand| {
            let mut shape = build.type_of(*operand).shape;
            shape[0] = count.into();
            let mut axes = vec![SourceAxis { start: start.into(), step, axis: Some(0) }];
            axes.extend(whole_axes(shape.len() - 1, 1));
            Operand { weak: false, ..build.view(*operand, axes, shape, span) }
        })
    }

    /// The arrays with every second element from `start` on replaced, as many as there are new ones.
    fn replace(&self, build: &mut Expansion, x: &Value<Operand>, start: usize, new: &Value<Operand>) -> Value<Operand> {
        let mut new = arrays_of(new).unwrap_or_default().into_iter();
        x.map(&mut |operand| match new.next() {
            Some(new) => build.replace(*operand, start, 2, new, self.call.span),
            None => *operand,
        })
    }

    /// The arrays with another first element.
    fn with_first(&self, build: &mut Expansion, x: &Value<Operand>, first: &Value<Operand>) -> Value<Operand> {
        let span = self.call.span;
        let one = first.map(&mut |operand| {
            let shape = build.type_of(*operand).shape;
            let axes = whole_axes(shape.len(), 1).collect();
            let shape = [&[Length::Known(1)], shape.as_slice()].concat();
            build.view(*operand, axes, shape, span)
        });
        self.replace(build, x, 0, &as_sequence(one))
    }
}

/// Axes that stay as they are, the first of them the result's axis `first`.
fn whole_axes(count: usize, first: usize) -> impl Iterator<Item = SourceAxis<Length>> {
    (0..count).map(move |axis| SourceAxis::along(first + axis))
}

/// The arrays that a sequence walks; `None` when there is something else among them.
fn arrays_of(sequence: &Value<Operand>) -> Option<Vec<Operand>> {
    match sequence {
        Value::Array(operand) => Some(vec![*operand]),
        Value::Zip(values) => {
            let arrays: Option<Vec<Vec<Operand>>> = values.iter().map(arrays_of).collect();
            arrays.map(|arrays| arrays.concat())
        }
        _ => None,
    }
}

/// Results that a map gave, as what the next one walks.
fn as_sequence(value: Value<Operand>) -> Value<Operand> {
    match value {
        Value::Tuple(values) => Value::Zip(values.into_iter().map(as_sequence).collect()),
        other => other,
    }
}

/// What is walked together, or one element of it, as a tuple.
fn as_tuple<A>(value: Value<A>) -> Value<A> {
    match value {
        Value::Zip(values) => Value::Tuple(values.into_iter().map(as_tuple).collect()),
        other => other,
    }
}

/// The type of an element of a sequence.
fn element_type(build: &Expansion, sequence: &Value<Operand>) -> Value<Type> {
    let of_one = sequence.map(&mut |operand| {
        let array_type = build.type_of(*operand);
        Type::new(array_type.dtype, array_type.shape.get(1..).unwrap_or_default())
    });
    as_tuple(of_one)
}

fn types_of(build: &Expansion, value: &Value<Operand>) -> Value<Type> {
    value.map(&mut |operand| build.type_of(*operand))
}

fn shown(value: &Value<Type>) -> String {
    match value {
        Value::Array(one) => one.to_string(),
        Value::Tuple(values) | Value::Zip(values) => {
            let parts: Vec<String> = values.iter().map(shown).collect();
            format!("({})", parts.join(", "))
        }
        _ => "no array".into(),
    }
}
