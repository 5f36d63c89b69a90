//! Calls: binding arguments to parameters, walking functions' bodies, and the library's operations.

use super::{Binding, Checker, Checks, DEEPEST_CALL, Expansion, Frame, MOST_WALKS, Reported, similar};
use crate::ast::{self, Argument, Expression, ExpressionKind, Name};
use crate::declaration::{Call, Declaration, Default, Given, Operand, Parameter, Rule};
use crate::diagnostic::Diagnostic;
use crate::dtype::{DType, Scalar};
use crate::graph::{Effect, NodeId, OperationId};
use crate::source::{Sources, Span};
use crate::types::Type;
use crate::value::{Closure, TextPiece, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An argument whose value is known.
#[derive(Clone)]
pub(super) struct Passed {
    name: Option<Name>,
    value: Value<Operand>,
    span: Span,
}

/// An argument of a function that is being walked, for what its messages may say of the call.
pub(super) struct GivenArgument {
    /// The parameter that got it.
    pub(super) parameter: Arc<str>,
    pub(super) value: Value<Operand>,
    pub(super) place: Span,
}

/// An argument of a library's operation that is being walked, for what its messages may say of the call.
#[derive(Clone, Copy)]
pub(super) struct Site {
    argument: Span,
    call: Span,
    operation: OperationId,
    /// The index of the parameter that gets it.
    parameter: usize,
    is_named: bool,
}

/// What binding needs to know of what is called.
struct Form<'a> {
    /// What messages call it.
    name: &'a str,
    signature: &'a dyn Fn() -> String,
    slots: &'a [Slot<'a>],
    /// Where the program defines it.
    definition: Option<Span>,
}

impl Form<'_> {
    /// Its parameters, and how it is called.
    fn help(&self) -> String {
        let names: Vec<String> = self.slots.iter().map(|slot| format!("`{}`", slot.name)).collect();
        // What has no name of its own is not called by its signature.
        let signature = match (self.signature)() {
            signature if signature.starts_with('(') => String::new(),
            signature => format!(": write `{signature}`"),
        };
        match names.as_slice() {
            [] => format!("it has no parameters{signature}"),
            [one] => format!("its parameter is {one}{signature}"),
            [others @ .., last] => {
                format!("its parameters are {} and {last}{signature}", others.join(", "))
            }
        }
    }
}

/// What binding needs to know of a parameter.
struct Slot<'a> {
    name: &'a str,
    required: bool,
    variadic: bool,
}

impl Checker<'_> {
    /// `function(arguments)`, and `value.method(arguments)`.
    pub(super) fn call_expression(
        &mut self,
        function: &Expression,
        arguments: &[Argument],
        span: Span,
    ) -> Checks<Value<Operand>> {
        let (callee, first) = match &function.kind {
            ExpressionKind::Property { base, name } => {
                self.module_member(base, name)?;
                let value = self.expression(base)?;
                let method = self.method(&value, base.span, name)?;
                (method, Some(Passed { name: None, value, span: base.span }))
            }
            ExpressionKind::Name(name) => {
                let value = self.expression(function)?;
                self.not_hidden(&value, name)?;
                (value, None)
            }
            _ => (self.expression(function)?, None),
        };
        let mut passed: Vec<Passed> = first.into_iter().collect();
        let mut failed = false;
        let methods = passed.len();
        for (position, argument) in arguments.iter().enumerate() {
            let around = self.site.take();
            self.site = self.site_of(&callee, argument, methods + position, span);
            let value = self.expression(&argument.value).and_then(|value| self.valued(value, &argument.value));
            self.site = around;
            match value {
                Ok(value) => passed.push(Passed { name: argument.name.clone(), value, span: argument.value.span }),
                Err(Reported) => failed = true,
            }
        }
        if failed {
            return Err(Reported);
        }
        let name_span = match &function.kind {
            ExpressionKind::Property { name, .. } => name.span,
            _ => function.span,
        };
        self.call(&callee, passed, name_span, span)
    }

    /// What is known of the call while one of its arguments is walked.
    fn site_of(&self, callee: &Value<Operand>, argument: &Argument, position: usize, call: Span) -> Option<Site> {
        let Value::Builtin(name) = callee else { return None };
        let operation = self.library.find(name)?;
        let parameters = &self.library.declarations()[operation.0 as usize].parameters;
        let parameter = match &argument.name {
            Some(name) => parameters.iter().position(|one| one.name == &*name.text),
            None => Some(parameters.iter().position(|one| one.variadic).unwrap_or(usize::MAX).min(position)),
        };
        let is_named = argument.name.is_some();
        Some(Site { argument: argument.value.span, call, operation, parameter: parameter?, is_named })
    }

    /// What to write for a list of arrays of different shapes, where a tuple of them may stand.
    pub(super) fn tuple_help(&self, list: Span, types: &[Type]) -> Option<String> {
        let site = self.site.as_ref().filter(|site| site.argument == list)?;
        let parameter = self.library.declarations()[site.operation.0 as usize].parameters.get(site.parameter)?;
        if !parameter.joins.is_some_and(|joins| joins(types)) {
            return None;
        }
        let text = self.quoted(site.call)?;
        let place = (list.start - site.call.start) as usize..(list.end - site.call.start) as usize;
        let inside = text.get(place.clone())?.strip_prefix('[')?.strip_suffix(']')?;
        let call = format!("{}({inside}){}", &text[..place.start], &text[place.end..]);
        Some(format!("arrays of different shapes stand in a tuple: `{call}`"))
    }

    /// The help for an unknown name that another language has for a dtype, where an argument without a name cannot be one.
    pub(super) fn dtype_help(&self, place: Span, help: &str) -> Option<String> {
        let site = self.site.as_ref().filter(|site| site.argument == place && !site.is_named)?;
        let parameters = &self.library.declarations()[site.operation.0 as usize].parameters;
        let index = parameters.iter().position(|one| matches!(one.default, Default::DType(_)))?;
        let dtype = help.strip_prefix("write `")?.strip_suffix('`').and_then(DType::from_name)?;
        (index != site.parameter).then(|| format!("write `{}={dtype}`", parameters[index].name))
    }

    /// Refuses a call of a name whose value hides an operation that was meant.
    fn not_hidden(&mut self, value: &Value<Operand>, name: &Name) -> Checks<()> {
        let is_value = matches!(value, Value::Array(_) | Value::Tuple(_) | Value::Text(_));
        let hides = self.library.find(&name.text).is_some()
            || self.library.prelude(&name.text).is_some()
            || DType::from_name(&name.text).is_some();
        if !is_value || !hides {
            return Ok(());
        }
        let found = self.describe(value);
        let message = format!("`{}` is {found} here, and cannot be called", name.text);
        let diagnostic = Diagnostic::error("E0206", message, name.span, "not the library's function");
        let diagnostic = self.with_origin(diagnostic, name.span, &found);
        Err(self.report(diagnostic.help(format!("give the value another name, such as `{}_value`", name.text))))
    }

    /// Calls a value with values.
    pub(super) fn call_with(
        &mut self,
        callee: (&Value<Operand>, Span),
        arguments: Vec<Value<Operand>>,
        span: Span,
    ) -> Checks<Value<Operand>> {
        let passed = arguments.into_iter().map(|value| Passed { name: None, value, span: callee.1 }).collect();
        self.call(callee.0, passed, callee.1, span)
    }

    /// Calls a value.
    pub(super) fn call(
        &mut self,
        callee: &Value<Operand>,
        passed: Vec<Passed>,
        name_span: Span,
        span: Span,
    ) -> Checks<Value<Operand>> {
        match callee {
            Value::Function(closure) => self.call_closure(closure, None, passed, name_span, span),
            Value::Builtin(name) => match (self.library.find(name), self.library.prelude(name)) {
                (Some(operation), _) => self.call_operation(operation, passed, name_span, span),
                (None, Some(function)) => {
                    let closure = Arc::new(Closure::new(function, BTreeMap::new()));
                    self.call_closure(&closure, None, passed, name_span, span)
                }
                (None, None) => Err(Reported),
            },
            Value::DType(dtype) => self.call_cast(*dtype, &passed, name_span, span),
            other => {
                let found = self.describe(other);
                let diagnostic =
                    Diagnostic::error("E0206", format!("{found} cannot be called"), name_span, "not a function");
                Err(self.report(match other {
                    Value::Text(_) => diagnostic.help("a function's name stands without quotes: `f(x)`"),
                    _ => diagnostic.help("write `a[i]` for an element, `a * (b)` for a product"),
                }))
            }
        }
    }

    fn call_cast(&mut self, dtype: DType, passed: &[Passed], name_span: Span, span: Span) -> Checks<Value<Operand>> {
        let [Passed { name: None, value, span: place }] = passed else {
            let message = format!("the cast `{dtype}` takes one array");
            return Err(self.report(Diagnostic::error("E0204", message, span, "").help(format!("write `{dtype}(x)`"))));
        };
        let operands = self.arrays(dtype.name(), &[(value.clone(), *place)])?;
        let operand = operands[0].0;
        if let (true, Some(_)) = (operand.weak, self.constant_of(operand)) {
            let converted = self.convert(operand, dtype, *place)?;
            return Ok(Value::Array(Operand { weak: false, ..converted }));
        }
        let cast = self.cast(operand, dtype, name_span);
        Ok(Value::Array(Operand { weak: false, ..cast }))
    }

    /// What `value.name(…)` calls.
    fn method(&mut self, value: &Value<Operand>, base_span: Span, name: &Name) -> Checks<Value<Operand>> {
        let is_function =
            |value: &Value<Operand>| matches!(value, Value::Function(_) | Value::Builtin(_) | Value::DType(_));
        if self.is_assigned(&name.text, name.span) {
            let callee = self.look_up(&name.text, name.span)?;
            if is_function(&callee) {
                return Ok(callee);
            }
        }
        if self.library.find(&name.text).is_some() || self.library.prelude(&name.text).is_some() {
            return Ok(Value::Builtin(name.text.clone()));
        }
        Err(self.unknown_property(value, base_span, name, true))
    }

    /// `value.name` without parentheses.
    pub(super) fn property(
        &mut self,
        value: Value<Operand>,
        base_span: Span,
        name: &Name,
        span: Span,
    ) -> Checks<Value<Operand>> {
        let found = self.library.declarations().iter().rposition(|one| one.property == Some(&*name.text));
        match found {
            Some(index) => {
                let passed = vec![Passed { name: None, value, span: base_span }];
                self.call_operation(OperationId(index as u32), passed, name.span, span)
            }
            None => Err(self.unknown_property(&value, base_span, name, false)),
        }
    }

    fn unknown_property(&mut self, value: &Value<Operand>, base_span: Span, name: &Name, called: bool) -> Reported {
        // A function of the file that is missing may have been meant.
        if self.lacks_import && called {
            return Reported;
        }
        let text = &*name.text;
        if self.library.is_unbuilt(text) {
            return self.not_built(&format!("`{text}`"), name.span, "");
        }
        let found = self.describe(value);
        let is_function = self.library.find(text).is_some()
            || self.library.prelude(text).is_some()
            || matches!(self.global(text, name.span), Some(Binding::Value(Value::Function(_))));
        let (message, help) = if is_function && !called {
            (format!("`{text}` is a function, and a function is called"), Some(format!("write `.{text}()`")))
        } else {
            let properties: Vec<&str> = self.library.declarations().iter().filter_map(|one| one.property).collect();
            let is_property = properties.contains(&text);
            let help = if is_property {
                Some(format!("`{text}` is a property: write `.{text}` without parentheses"))
            } else {
                let foreign = self.library.foreign(text).map(str::to_string);
                foreign.or_else(|| match self.near_name(text, &properties) {
                    Some(near) => Some(format!("did you mean `.{near}`?")),
                    None => self.near_foreign(text),
                })
            };
            (format!("there is no property or function `{text}`"), help)
        };
        let diagnostic = Diagnostic::error("E0208", message, name.span, "").label(base_span, found);
        self.report(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic.help(format!("define it, and it can be called so: `fn {text}(x) = …`")),
        })
    }

    /// Assigns arguments to parameters; each slot gets what was passed to it.
    fn bind_arguments(
        &mut self,
        form: &Form,
        passed: Vec<Passed>,
        name_span: Span,
        span: Span,
    ) -> Checks<Vec<Vec<Passed>>> {
        let Form { name, signature, slots, definition } = form;
        let defined = |diagnostic: Diagnostic| match definition {
            Some(place) => diagnostic.label(*place, "defined here"),
            None => diagnostic,
        };
        let mut bound: Vec<Vec<Passed>> = slots.iter().map(|_| Vec::new()).collect();
        let mut next = 0;
        let mut named = None;
        for argument in passed {
            named = argument.name.as_ref().map(|name| name.span).or(named);
            let index = match &argument.name {
                Some(given) => match slots.iter().position(|slot| slot.name == &*given.text) {
                    Some(index) => index,
                    None => {
                        let near = similar(&given.text, slots.iter().map(|slot| slot.name));
                        let signature = signature();
                        let help = match near {
                            Some(near) => format!("did you mean `{near}`? the parameters are `{signature}`"),
                            None => format!("the parameters are `{signature}`"),
                        };
                        let message = format!("`{name}` has no parameter `{}`", given.text);
                        return Err(self.report(Diagnostic::error("E0202", message, given.span, "").help(help)));
                    }
                },
                None => {
                    if let Some(named) = named {
                        let message = "an argument without a name stands after one with a name";
                        let diagnostic =
                            Diagnostic::error("E0215", message, argument.span, "").label(named, "has a name");
                        return Err(
                            self.report(diagnostic.help("put the arguments without names first, or name this one"))
                        );
                    }
                    let index = next;
                    if index >= slots.len() {
                        let count = slots.len();
                        let takes = match count {
                            0 => "no argument".into(),
                            1 => "1 argument".into(),
                            _ => format!("{count} arguments"),
                        };
                        let message = format!("`{name}` takes {takes}, and this is one more");
                        let diagnostic = defined(Diagnostic::error("E0204", message, argument.span, "one too many"));
                        return Err(self.report(diagnostic.help(form.help())));
                    }
                    if !slots[index].variadic {
                        next += 1;
                    }
                    index
                }
            };
            let takes_more = slots[index].variadic && argument.name.is_none();
            if !bound[index].is_empty() && !takes_more {
                let message = format!("`{name}` gets `{}` twice", slots[index].name);
                let first = bound[index][0].span;
                let diagnostic = Diagnostic::error("E0205", message, argument.span, "again").label(first, "first");
                return Err(self.report(diagnostic.help("leave one of the two out")));
            }
            bound[index].push(argument);
        }
        for (slot, given) in slots.iter().zip(&bound) {
            if slot.required && given.is_empty() {
                let message = format!("`{name}` needs `{}`", slot.name);
                // What a call that gives too little was meant to be, where other languages have more than one thing of that name.
                let familiar = self.library.foreign(&format!("{name}()")).map(str::to_string);
                let help = familiar.unwrap_or_else(|| form.help());
                let place = if span.source == name_span.source { span } else { name_span };
                let missing = format!("`{}` is missing", slot.name);
                return Err(self.report(defined(Diagnostic::error("E0203", message, place, missing)).help(help)));
            }
        }
        Ok(bound)
    }

    /// Refuses a function that calls itself.
    pub(super) fn recursion(&mut self, name: &str, span: Span) -> Reported {
        let message = format!("`{name}` calls itself, and recursion is not part of the language");
        self.report(
            Diagnostic::error("E0207", message, span, "").help("write what one call does as a loop: `while c { … }`"),
        )
    }

    /// Calls a function of the prelude for an operation, under whose name messages speak of it.
    pub(super) fn call_prelude(
        &mut self,
        function: &str,
        call: &Call,
        arguments: Vec<(Value<Operand>, Span)>,
    ) -> Checks<Value<Operand>> {
        let function = self.library.prelude(function).ok_or(Reported)?;
        let closure = Arc::new(Closure::new(function, BTreeMap::new()));
        let passed = arguments.into_iter().map(|(value, span)| Passed { name: None, value, span }).collect();
        self.call_closure(&closure, Some(&call.name), passed, call.place, call.span)
    }

    /// Walks a function's body with its parameters bound; `name` is what messages call it, if not by its own name.
    fn call_closure(
        &mut self,
        closure: &Arc<Closure<Operand>>,
        name: Option<&Arc<str>>,
        passed: Vec<Passed>,
        name_span: Span,
        span: Span,
    ) -> Checks<Value<Operand>> {
        let function = &closure.function;
        let mut frame = Frame::of(closure, self.is_closed(function.span.source), span);
        if let Some(name) = name {
            frame.name = name.clone();
        }
        let shown: Arc<str> = match (&*frame.name, function.parameters.as_slice()) {
            ("", [one]) => format!("{} -> …", one.name.text).into(),
            ("", _) => format!("{} -> …", signature_of(function, None)).into(),
            _ => frame.name.clone(),
        };
        if self.frames.iter().any(|frame| Arc::ptr_eq(&frame.closure.function, function)) {
            return Err(self.recursion(&shown, name_span));
        }
        if self.frames.len() >= DEEPEST_CALL {
            if std::mem::replace(&mut self.is_too_deep, true) {
                return Err(Reported);
            }
            let diagnostic = Diagnostic::error("E0210", "calls are nested too deeply", name_span, "");
            return Err(self.report(
                diagnostic.help("write some of the calls out: put their bodies into the functions that call them"),
            ));
        }
        let slots: Vec<Slot> = function
            .parameters
            .iter()
            .map(|parameter| Slot {
                name: &parameter.name.text,
                required: parameter.default.is_none(),
                variadic: false,
            })
            .collect();
        let signature = || signature_of(function, None);
        let place = function.name.as_ref().map_or(function.span, |name| name.span);
        let definition = Some(place).filter(|place| place.source != self.library.prelude_source());
        let form = Form { name: &shown, signature: &signature, slots: &slots, definition };
        let bound = self.bind_arguments(&form, passed, name_span, span)?;
        let mut sizes = super::declared::Sizes::default();
        self.take_outer_sizes(&frame.closure, &mut sizes);
        let frame = self.bind_parameters(frame, bound, &mut sizes)?;
        self.annotated(&function.annotations, |checker| {
            let key = checker.call_key(&frame);
            if let Some(known) = key.as_ref().and_then(|key| checker.level().calls.get(key)) {
                return Ok(known.clone());
            }
            checker.walks += 1;
            if checker.walks > MOST_WALKS {
                let message =
                    format!("the program is too large: its calls walk more than {MOST_WALKS} function bodies");
                let diagnostic = Diagnostic::error("E0212", message, name_span, "");
                return Err(checker.report(diagnostic.help("give a value that is used twice a name: `y = f(x)`")));
            }
            let changes = checker.changes;
            let result = checker.walk_body(frame, &mut sizes);
            checker.refused = false;
            if let (Some(key), Ok(value), true) = (key, &result, changes == checker.changes) {
                checker.level().calls.insert(key, value.clone());
            }
            result
        })
    }

    /// Gives a function's parameters what was passed, or their defaults, and its sizes what the declared types say of them.
    fn bind_parameters(
        &mut self,
        mut frame: Frame,
        bound: Vec<Vec<Passed>>,
        sizes: &mut super::declared::Sizes,
    ) -> Checks<Frame> {
        let closure = frame.closure.clone();
        let mut values = Vec::new();
        let is_of_prelude = closure.function.span.source == self.library.prelude_source();
        for (parameter, given) in closure.function.parameters.iter().zip(bound) {
            if let (true, [passed]) = (is_of_prelude, given.as_slice()) {
                let (parameter, value) = (parameter.name.text.clone(), passed.value.clone());
                frame.given.push(GivenArgument { parameter, value, place: passed.span });
            }
            let (value, place) = match (given.into_iter().next(), &parameter.default) {
                (Some(passed), _) => (passed.value, passed.span),
                (None, Some(default)) => {
                    // Its names are those around the function, not those around the call.
                    self.frames.push(frame);
                    let value = self.expression(default);
                    frame = self.frames.pop().ok_or(Reported)?;
                    (value?, default.span)
                }
                (None, None) => return Err(Reported),
            };
            if let (Value::Array(operand), Some(_)) = (&value, &parameter.declared)
                && self.is_integer(*operand)
            {
                sizes.integers.insert(parameter.name.text.clone(), (*operand, place));
            }
            values.push((parameter, value, place));
        }
        for (parameter, value, place) in values {
            let value = match &parameter.declared {
                Some(declared) => self.fit_declared(&parameter.name.text, value, place, declared, sizes)?,
                None => value,
            };
            frame.locals.insert(parameter.name.text.clone(), Binding::Value(value));
            frame.origins.set(&parameter.name.text, self.uses.get(&place).copied().unwrap_or(place));
        }
        self.fit_deferred(sizes)?;
        self.name_sizes(&mut frame, sizes);
        Ok(frame)
    }

    /// Makes the sizes that types have named names of the function, where no parameter has that name.
    pub(super) fn name_sizes(&mut self, frame: &mut Frame, sizes: &super::declared::Sizes) {
        for (size, named) in &sizes.known {
            let operand = self.length_value(&named.length, named.place);
            frame.locals.entry(size.clone()).or_insert(Binding::Value(Value::Array(operand)));
        }
    }

    /// The value of a function's body, which fits its declared result.
    pub(super) fn walk_body(&mut self, frame: Frame, sizes: &mut super::declared::Sizes) -> Checks<Value<Operand>> {
        let function = frame.closure.function.clone();
        self.frames.push(frame);
        let mut result = self.expression(&function.body);
        if let (Ok(value), Some(declared)) = (&result, &function.result) {
            let value = value.clone();
            result = self.fit_result(value, function.body.span, declared, sizes);
            result = self.fit_deferred(sizes).and(result);
        }
        self.frames.pop();
        result
    }

    /// An operator's operands go to its operation by position.
    pub(super) fn apply_operator(
        &mut self,
        operation: OperationId,
        symbol: &'static str,
        operator_span: Span,
        operands: Vec<(Value<Operand>, Span)>,
        span: Span,
    ) -> Checks<Value<Operand>> {
        let library = self.library;
        let declaration = &library.declarations()[operation.0 as usize];
        let name = self.visible_name(symbol, operator_span);
        match &declaration.rule {
            Rule::Elementwise(_) => {
                let operands = self.arrays(&name, &operands)?;
                self.elementwise(operation, &name, operator_span, &operands, span).map(Value::Array)
            }
            _ => {
                let arguments =
                    operands.into_iter().map(|(value, span)| Given { value, span, given: true }).collect::<Vec<_>>();
                self.apply(operation, declaration, name.into(), arguments, operator_span, span)
            }
        }
    }

    /// A call of one of the library's operations.
    fn call_operation(
        &mut self,
        operation: OperationId,
        passed: Vec<Passed>,
        name_span: Span,
        span: Span,
    ) -> Checks<Value<Operand>> {
        let library = self.library;
        let declaration = &library.declarations()[operation.0 as usize];
        let slots: Vec<Slot> = declaration
            .parameters
            .iter()
            .map(|parameter| Slot {
                name: parameter.name,
                required: parameter.default == Default::Required && !parameter.variadic,
                variadic: parameter.variadic,
            })
            .collect();
        let signature = || declaration.signature();
        let bound = self.bind_arguments(
            &Form { name: &declaration.name, signature: &signature, slots: &slots, definition: None },
            passed,
            name_span,
            span,
        )?;
        let mut arguments = Vec::new();
        for (parameter, given) in declaration.parameters.iter().zip(bound) {
            arguments.push(self.given(parameter, given, span));
        }
        let name = self.visible_name(&declaration.name, name_span);
        self.apply(operation, declaration, name.into(), arguments, name_span, span)
    }

    fn given(&mut self, parameter: &Parameter, given: Vec<Passed>, span: Span) -> Given {
        if parameter.variadic {
            let place = given.iter().map(|passed| passed.span).reduce(Span::to).unwrap_or(span);
            let is_given = !given.is_empty();
            let named = given.iter().any(|passed| passed.name.is_some());
            let mut values: Vec<Value<Operand>> = given.into_iter().map(|passed| passed.value).collect();
            if let (true, [Value::Tuple(inner)]) = (named, values.as_slice()) {
                values = inner.clone();
            }
            return Given { value: Value::Tuple(values), span: place, given: is_given };
        }
        if let Some(passed) = given.into_iter().next() {
            return Given { value: passed.value, span: passed.span, given: true };
        }
        let value = match parameter.default {
            Default::Required | Default::None => Value::None,
            Default::Integer(value) => Value::Array(self.constant(Scalar::i64(value), true, span)),
            Default::Float(value) => Value::Array(self.constant(Scalar::f64(value), true, span)),
            Default::Flag(value) => Value::Array(self.constant(Scalar::bool(value), false, span)),
            Default::Text(text) => Value::Text(vec![TextPiece::Text(text.into())]),
            Default::DType(dtype) => Value::DType(dtype),
        };
        Given { value, span, given: false }
    }

    fn apply(
        &mut self,
        operation: OperationId,
        declaration: &Declaration,
        name: Arc<str>,
        arguments: Vec<Given>,
        name_span: Span,
        span: Span,
    ) -> Checks<Value<Operand>> {
        match &declaration.rule {
            Rule::Elementwise(_) => {
                let values: Vec<_> = arguments.into_iter().map(|given| (given.value, given.span)).collect();
                let operands = self.arrays(&name, &values)?;
                self.elementwise(operation, &name, name_span, &operands, span)
                    .map(|operand| Value::Array(Operand { weak: false, ..operand }))
            }
            Rule::Reduction { .. } => self.reduction_named(operation, &name, &arguments, span).map(Value::Array),
            Rule::Expand(expand) => {
                let call = Call { operation, name, arguments, span, place: name_span };
                match expand(&mut Expansion::of(self, &call), &call) {
                    Ok(value) => self.bounded(value, span),
                    Err(diagnostic) => Err(self.report(diagnostic)),
                }
            }
            Rule::Effect => {
                let level = self.levels.len() - 1;
                let mut nodes: Vec<Value<NodeId>> = Vec::new();
                for given in &arguments {
                    nodes.push(given.value.map(&mut |operand| self.resolve(*operand)));
                }
                self.changes += 1;
                self.levels[level].effects.push(Effect::Call { operation, arguments: nodes, span });
                Ok(Value::None)
            }
        }
    }
}

/// A function's parameters as they are shown: `f(x, y=1.0)`; without the sources, defaults are left out: `f(x, y=…)`.
pub fn signature_of(function: &ast::Function, sources: Option<&Sources>) -> String {
    let name = function.name.as_ref().map_or("", |name| &*name.text);
    let default = |value: &Expression| sources.map_or("…", |sources| sources.text(value.span));
    let parameters: Vec<String> = function
        .parameters
        .iter()
        .map(|parameter| match &parameter.default {
            Some(value) => format!("{}={}", parameter.name.text, default(value)),
            None => parameter.name.text.to_string(),
        })
        .collect();
    format!("{name}({})", parameters.join(", "))
}

impl Declaration {
    /// The call as it is written: `sum(x, axis=none, keepdims=false)`.
    pub fn signature(&self) -> String {
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|parameter| match parameter.default {
                _ if parameter.variadic => format!("{}…", parameter.name),
                Default::Required => parameter.name.to_string(),
                Default::None => format!("{}=none", parameter.name),
                Default::Integer(value) => format!("{}={value}", parameter.name),
                Default::Float(value) => format!("{}={value:?}", parameter.name),
                Default::Flag(value) => format!("{}={value}", parameter.name),
                Default::Text(value) => format!("{}={value:?}", parameter.name),
                Default::DType(value) => format!("{}={value}", parameter.name),
            })
            .collect();
        format!("{}({})", self.name, parameters.join(", "))
    }
}
