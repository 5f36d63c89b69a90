//! Names: what a program defines, which names a function closes over, and what a wrong name was probably meant to be.

use super::{Binding, Checker, Checks};
use crate::ast::{self, Expression, ExpressionKind, StatementKind, Target};
use crate::declaration::Operand;
use crate::diagnostic::Diagnostic;
use crate::dtype::DType;
use crate::source::Span;
use crate::value::Value;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// For how many wrong names a near one is looked for: each time all names are looked at, and nobody reads so many messages.
const MOST_SEARCHES: usize = 100;

impl Checker<'_> {
    /// The value of a name: a local, what the function closed over, a global, the session's, the library's.
    pub(super) fn look_up(&mut self, name: &str, span: Span) -> Checks<Value<Operand>> {
        self.note_use(name, span);
        if let Some(frame) = self.frames.last() {
            if let Some(binding) = frame.locals.get(name).cloned() {
                return self.bound(name, binding, span);
            }
            if let Some(value) = frame.closure.captured.get(name) {
                return Ok(value.clone());
            }
        }
        if self.sees_program()
            && let Some(binding) = self.global(name, span)
        {
            return self.bound(name, binding, span);
        }
        if let Some(value) = self.library_value(name, span) {
            return Ok(value);
        }
        Err(self.unknown_name(name, span))
    }

    /// Whether the program's names are visible: not to the functions of the prelude and of imported files.
    fn sees_program(&self) -> bool {
        !self.frames.last().is_some_and(|frame| frame.is_closed)
    }

    fn bound(&mut self, name: &str, binding: Binding, span: Span) -> Checks<Value<Operand>> {
        match binding {
            Binding::Value(value) => Ok(value),
            Binding::Broken => Err(super::Reported),
            Binding::OfTurns(place) => {
                let message = format!("`{name}` may have no value here: only the turns of a loop give it one");
                let diagnostic = Diagnostic::error("E0216", message, span, "").label(place, "this loop");
                Err(self.report(diagnostic.help(format!("give it one before the loop: `{name} = …`"))))
            }
            Binding::Retyped(place) => {
                let message =
                    format!("`{name}` may be of either of two types here: the turns of a loop give it another");
                let diagnostic = Diagnostic::error("E0216", message, span, "").label(place, "this loop");
                Err(self.report(diagnostic.help("take another name in the loop")))
            }
            Binding::OneSided(place) => {
                let message = format!("`{name}` has a value on only one side of an `if`");
                let diagnostic = Diagnostic::error("E0216", message, span, "not known here").label(place, "this `if`");
                Err(self.report(diagnostic.help(format!("give it one before the `if`: `{name} = …`"))))
            }
        }
    }

    /// A name of the program or of the session.
    pub(super) fn global(&mut self, name: &str, span: Span) -> Option<Binding> {
        if let Some(binding) = self.globals.get(name) {
            return Some(binding.clone());
        }
        // A file that is imported has names of its own; those with a blank are the session's state, and everywhere.
        if !self.importing.is_empty() && !name.contains(' ') {
            return None;
        }
        if let Some(value) = self.held.get(name) {
            return Some(Binding::Value(value.clone()));
        }
        let held = self.environment.value(name)?;
        let value = held.map(&mut |array| self.input(*array, name, span));
        self.held.insert(name.into(), value.clone());
        Some(Binding::Value(value))
    }

    /// Whether the program or the session gives the name a value here.
    pub(super) fn is_assigned(&mut self, name: &str, span: Span) -> bool {
        let is_local = self
            .frames
            .last()
            .is_some_and(|frame| frame.locals.contains_key(name) || frame.closure.captured.contains_key(name));
        is_local || self.sees_program() && self.global(name, span).is_some()
    }

    /// A name that the library gives.
    fn library_value(&mut self, name: &str, span: Span) -> Option<Value<Operand>> {
        if let Some(scalar) = self.library.constant(name) {
            return Some(Value::Array(self.constant(scalar, true, span)));
        }
        if let Some(dtype) = DType::from_name(name) {
            return Some(Value::DType(dtype));
        }
        match name {
            "none" => return Some(Value::None),
            "newaxis" => return Some(Value::Newaxis),
            _ => {}
        }
        (self.library.find(name).is_some() || self.library.prelude(name).is_some()).then(|| Value::Builtin(name.into()))
    }

    /// `np.sum`: what stands behind another language's module, when nothing gives that module's name a value.
    pub(super) fn module_member(&mut self, base: &Expression, member: &ast::Name) -> Checks<()> {
        let mut root = base;
        while let ExpressionKind::Property { base, .. } = &root.kind {
            root = base;
        }
        let ExpressionKind::Name(module) = &root.kind else { return Ok(()) };
        if self.library.foreign(&module.text).is_none() || self.is_assigned(&module.text, module.span) {
            return Ok(());
        }
        let name = &*member.text;
        let is_known = self.library_value(name, member.span).is_some();
        // `np.random.normal` is not what `normal` is here.
        let inner = match &base.kind {
            ExpressionKind::Property { name, .. } | ExpressionKind::Name(name) => &*name.text,
            _ => "",
        };
        let of_module = self.library.foreign(&format!("{inner}.{name}"));
        let help = match of_module.or_else(|| self.library.foreign(name)) {
            Some(help) => help.to_string(),
            None if is_known => format!("nothing needs importing: write `{name}` alone"),
            None => return Ok(()),
        };
        let message = format!("there is no name `{}`", module.text);
        Err(self.report(Diagnostic::error("E0201", message, module.span, "not defined").help(help)))
    }

    fn unknown_name(&mut self, name: &str, span: Span) -> super::Reported {
        // A function of an imported file closes over all of its file but the functions that are calling it.
        if !self.sees_program() && self.frames.iter().any(|frame| frame.is_closed && *frame.name == *name) {
            return self.recursion(name, span);
        }
        if !self.unknown.insert(name.into()) || self.lacks_import {
            return super::Reported;
        }
        if self.library.is_unbuilt(name) {
            return self.not_built(&format!("`{name}`"), span, "");
        }
        if self.defined_later.contains(name) {
            let diagnostic =
                Diagnostic::error("E0201", format!("`{name}` is defined further down"), span, "not defined yet");
            return self.report(diagnostic.help(format!("move `fn {name}` above this line")));
        }
        let diagnostic = Diagnostic::error("E0201", format!("there is no name `{name}`"), span, "not defined");
        let familiar = self.library.foreign(name).map(str::to_string);
        let familiar = familiar.map(|help| self.dtype_help(span, &help).unwrap_or(help));
        let help = familiar.or_else(|| match self.near_name(name, &[]) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None => self.near_foreign(name),
        });
        self.report(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic.help(format!("give it a value first: `{name} = …`")),
        })
    }

    /// What a wrong name was probably meant to be: a name that a program could use here, or one of `others`.
    pub(super) fn near_name(&mut self, name: &str, others: &[&str]) -> Option<String> {
        self.searches += 1;
        if self.searches > MOST_SEARCHES {
            return None;
        }
        let names = self.visible_names();
        let candidates = others.iter().copied().chain(names.iter().map(|name| &**name));
        similar(name, candidates).map(str::to_string)
    }

    /// What to write instead of the name of another language that a wrong name was probably meant to be.
    pub(super) fn near_foreign(&self, name: &str) -> Option<String> {
        let near = similar(name, self.library.foreign_names().into_iter())?;
        self.library.foreign(near).map(str::to_string)
    }

    /// Every name that a program could use here.
    pub(super) fn visible_names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = Vec::new();
        if let Some(frame) = self.frames.last() {
            names.extend(frame.locals.keys().cloned());
            names.extend(frame.closure.captured.keys().cloned());
        }
        names.extend(self.globals.keys().cloned());
        names.extend(self.environment.names());
        names.extend(self.defined_later.iter().cloned());
        names.extend(self.library.prelude_names());
        names.extend(self.library.constant_names());
        names.extend(self.library.declarations().iter().map(|declaration| declaration.name.clone()));
        names.extend(DType::ALL.iter().map(|dtype| dtype.name().into()));
        names.retain(|name| !name.contains(' '));
        names
    }

    /// The values of the names that a function uses and does not define, as they are now; reports names that nothing defines.
    pub(super) fn close_over(&mut self, function: &ast::Function) -> BTreeMap<Arc<str>, Value<Operand>> {
        let own = function.name.as_ref().map(|name| name.text.clone());
        let mut captured = BTreeMap::new();
        let names = free_names(function);
        for (name, span) in names.free {
            if Some(&name) == own.as_ref() {
                continue;
            }
            let local = self.frames.last().and_then(|frame| match frame.locals.get(&name) {
                Some(binding) => Some(binding.clone()),
                None => frame.closure.captured.get(&name).cloned().map(Binding::Value),
            });
            let known = local.or_else(|| if self.sees_program() { self.global(&name, span) } else { None });
            match known {
                Some(Binding::Value(value)) => {
                    captured.insert(name, value);
                }
                Some(Binding::Broken | Binding::OneSided(_) | Binding::OfTurns(_) | Binding::Retyped(_)) => {}
                None if self.defined_later.contains(&name) => {}
                // A later name of the program's own does not change what the function means.
                None => match self.library_value(&name, span) {
                    Some(value) => {
                        captured.insert(name, value);
                    }
                    None => {
                        match self.size_of_result_only(function, &name, span) {
                            Some(diagnostic) => self.report(diagnostic),
                            None => self.unknown_name(&name, span),
                        };
                        self.unknown.insert(name);
                    }
                },
            }
        }
        for (name, place) in names.updated.into_iter().filter(|(name, _)| !names.read.contains(name)) {
            if captured.contains_key(&name) {
                self.note_lost_update(&name, place);
            }
        }
        self.note_last_name(function);
        for (name, size) in self.outer_sizes(function) {
            captured.entry(name).or_insert(size);
        }
        captured
    }

    /// Notes that a function gives nothing, because its last line gives a value a name that ends there.
    fn note_last_name(&mut self, function: &ast::Function) {
        let ExpressionKind::Block(block) = &function.body.kind else { return };
        let Some(last) = block.statements.last().filter(|_| function.result.is_none()) else { return };
        let (name, what) = match &last.kind {
            StatementKind::Assign { target: Target::Name(name), .. } => (name, "this value is not used"),
            StatementKind::Update { name, .. } => (name, "this update is lost"),
            _ => return,
        };
        let message = format!("{what}: a function's value is its last line's, and `{}` ends here", name.text);
        let help = format!("end the function with a line `{}`", name.text);
        let _ = self.report(Diagnostic::note("N0303", message, name.span, "").help(help));
    }

    /// Notes that a function updates a name from around it and never reads what the update made of it.
    fn note_lost_update(&mut self, name: &str, place: Span) {
        let message = format!("this update of `{name}` is lost: a function changes no names but its own");
        let help = format!("make it the function's value: `{name} = f({name}, …)` where it is called");
        let _ = self.report(Diagnostic::note("N0303", message, place, "").help(help));
    }
}

/// The most characters of a name for which another is suggested: how near two are takes time in proportion to both lengths.
const LONGEST_SUGGESTED: usize = 64;

/// The candidate nearest to a name, when one is near enough to have been meant.
pub fn similar<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let allowed = match name.chars().count() {
        // A short name is near to anything; only its case can be wrong.
        LONGEST_SUGGESTED.. => return None,
        0..=2 => 0,
        3..=4 => 1,
        5..=7 => 2,
        _ => 3,
    };
    candidates
        .filter(|candidate| !candidate.is_empty() && candidate.len() <= 4 * LONGEST_SUGGESTED && *candidate != name)
        .map(|candidate| {
            let folded =
                if candidate.eq_ignore_ascii_case(name) { 0 } else { strsim::damerau_levenshtein(name, candidate) };
            (folded, candidate)
        })
        .filter(|(distance, candidate)| *distance <= allowed && *distance * 2 <= candidate.chars().count().max(2))
        // People seldom mistake the first letter.
        .min_by_key(|(distance, candidate)| (*distance, candidate.chars().next() != name.chars().next(), *candidate))
        .map(|(_, candidate)| candidate)
}

/// The names of the functions that a program defines at its top level.
pub(super) fn defined_functions(program: &ast::Block) -> HashSet<Arc<str>> {
    let mut names = HashSet::new();
    for statement in &program.statements {
        if let StatementKind::Function(function) = &statement.kind {
            names.extend(function.name.iter().map(|name| name.text.clone()));
        }
    }
    names
}

/// The names that a target gives values.
pub(super) fn target_names(target: &Target, names: &mut Vec<Arc<str>>) {
    match target {
        Target::Name(name) => names.push(name.text.clone()),
        Target::Tuple(targets, _) => targets.iter().for_each(|target| target_names(target, names)),
        Target::Part(name, ..) => names.push(name.text.clone()),
    }
}

/// The names that a function uses and does not define.
pub(super) fn free_names(function: &ast::Function) -> FreeNames {
    let mut walk = FreeNames { bound: vec![HashSet::new()], ..FreeNames::default() };
    walk.function(function);
    walk
}

/// The names that a statement uses.
pub(super) fn names_in(statement: &ast::Statement) -> HashSet<Arc<str>> {
    let mut walk = FreeNames::default();
    walk.statement(statement);
    walk.seen
}

/// A walk over a function for the names that it does not define.
#[derive(Default)]
pub(super) struct FreeNames {
    bound: Vec<HashSet<Arc<str>>>,
    /// Each with one place.
    pub(super) free: Vec<(Arc<str>, Span)>,
    seen: HashSet<Arc<str>>,
    /// Those that an update changes, with the place of the first.
    pub(super) updated: Vec<(Arc<str>, Span)>,
    /// Those that stand anywhere else.
    pub(super) read: HashSet<Arc<str>>,
}

impl FreeNames {
    fn bind(&mut self, target: &Target) {
        match target {
            Target::Name(name) => {
                if let Some(scope) = self.bound.last_mut() {
                    scope.insert(name.text.clone());
                }
            }
            Target::Tuple(targets, _) => targets.iter().for_each(|target| self.bind(target)),
            // A part is given a value: what it is a part of is there before.
            Target::Part(name, subscripts, _) => {
                self.name(name);
                self.subscripts(subscripts);
            }
        }
    }

    fn name(&mut self, name: &ast::Name) {
        if self.is_free(name) {
            self.read.insert(name.text.clone());
        }
    }

    fn updated_name(&mut self, name: &ast::Name) {
        if self.is_free(name) && self.updated.iter().all(|(known, _)| *known != name.text) {
            self.updated.push((name.text.clone(), name.span));
        }
    }

    /// Whether a name that is used is free; the first use is kept.
    fn is_free(&mut self, name: &ast::Name) -> bool {
        let is_free = self.bound.iter().all(|scope| !scope.contains(&name.text));
        if is_free && self.seen.insert(name.text.clone()) {
            self.free.push((name.text.clone(), name.span));
        }
        is_free
    }

    fn function(&mut self, function: &ast::Function) {
        let mut scope: HashSet<Arc<str>> = function.name.iter().map(|name| name.text.clone()).collect();
        for parameter in &function.parameters {
            if let Some(default) = &parameter.default {
                self.expression(default);
            }
            scope.insert(parameter.name.text.clone());
            if let Some(declared) = &parameter.declared {
                super::declared::dimension_names(declared, &mut scope);
            }
        }
        self.bound.push(scope);
        self.expression(&function.body);
        self.bound.pop();
    }

    fn block(&mut self, block: &ast::Block) {
        block.statements.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &ast::Statement) {
        match &statement.kind {
            StatementKind::Expression(value) => self.expression(value),
            StatementKind::Assign { target, value } => {
                self.expression(value);
                self.bind(target);
            }
            StatementKind::Update { name, subscripts, value, .. } => {
                self.updated_name(name);
                self.expression(value);
                self.subscripts(subscripts.as_deref().unwrap_or(&[]));
            }
            StatementKind::Function(function) => {
                if let (Some(name), Some(scope)) = (&function.name, self.bound.last_mut()) {
                    scope.insert(name.text.clone());
                }
                self.function(function);
            }
            StatementKind::For { target, sequence, body } => {
                self.expression(sequence);
                self.bind(target);
                self.block(body);
            }
            StatementKind::While { condition, body } => {
                self.expression(condition);
                self.block(body);
            }
            StatementKind::Break | StatementKind::Continue | StatementKind::Import { .. } | StatementKind::Error => {}
        }
    }

    fn subscripts(&mut self, subscripts: &[ast::Subscript]) {
        for subscript in subscripts {
            match subscript {
                ast::Subscript::Value(value) => self.expression(value),
                ast::Subscript::Slice { start, stop, step, .. } => {
                    [start, stop, step].into_iter().flatten().for_each(|bound| self.expression(bound));
                }
            }
        }
    }

    fn expression(&mut self, expression: &Expression) {
        match &expression.kind {
            ExpressionKind::Name(name) => self.name(name),
            ExpressionKind::FormatText(pieces) => {
                for piece in pieces {
                    if let ast::FormatPiece::Value { value, .. } = piece {
                        self.expression(value);
                    }
                }
            }
            ExpressionKind::Unary { operand, .. } => self.expression(operand),
            ExpressionKind::Binary { left, right, .. } => {
                self.expression(left);
                self.expression(right);
            }
            ExpressionKind::Chain { first, rest } => {
                self.expression(first);
                rest.iter().for_each(|(_, _, operand)| self.expression(operand));
            }
            ExpressionKind::If { condition, then, otherwise } => {
                self.expression(condition);
                self.block(then);
                otherwise.iter().for_each(|otherwise| self.expression(otherwise));
            }
            ExpressionKind::Lambda(function) => self.function(function),
            ExpressionKind::Call { function, arguments } => {
                self.expression(function);
                arguments.iter().for_each(|argument| self.expression(&argument.value));
            }
            ExpressionKind::Index { base, subscripts } => {
                self.expression(base);
                self.subscripts(subscripts);
            }
            ExpressionKind::Property { base, .. } => self.expression(base),
            ExpressionKind::Tuple(values) | ExpressionKind::Array(values) => {
                values.iter().for_each(|value| self.expression(value));
            }
            ExpressionKind::Comprehension { element, clauses, condition } => {
                self.bound.push(HashSet::new());
                for clause in clauses {
                    self.expression(&clause.sequence);
                    self.bind(&clause.target);
                }
                condition.iter().for_each(|condition| self.expression(condition));
                self.expression(element);
                self.bound.pop();
            }
            ExpressionKind::Block(block) => self.block(block),
            ExpressionKind::Annotated { value, .. } => self.expression(value),
            ExpressionKind::Integer(_)
            | ExpressionKind::Float(_)
            | ExpressionKind::Imaginary(_)
            | ExpressionKind::Bool(_)
            | ExpressionKind::Text(_)
            | ExpressionKind::Ellipsis
            | ExpressionKind::Error => {}
        }
    }
}
