//! `import "file.tw"`: a file is walked once, with names of its own, and what its top level assigns becomes the importer's.

use super::extent::DEEPEST_VALUE;
use super::names::{defined_functions, free_names};
use super::{Binding, Checker, Checks, Reported, Taken};
use crate::ast::{Block, Statement, StatementKind};
use crate::declaration::Operand;
use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, Span};
use crate::value::{Closure, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A file that a program imports, read.
pub struct Imported {
    /// The same for each way to name the same file.
    pub key: Arc<str>,
    /// What messages call it.
    pub name: Arc<str>,
    /// Its text's number.
    pub source: SourceId,
    /// Its statements.
    pub program: Block,
    /// What is wrong with its text.
    pub diagnostics: Vec<Diagnostic>,
}

/// A file that is being walked.
pub(super) struct Importing {
    key: Arc<str>,
    name: Arc<str>,
    source: SourceId,
    /// The `import` that asked for it.
    span: Span,
}

/// What a file's top level assigned, in order.
pub(super) type Exports = Arc<Vec<(Arc<str>, Binding)>>;

/// Names with a blank are the session's own affair, and the same in every file.
fn is_hidden(name: &str) -> bool {
    name.contains(' ')
}

impl Checker<'_> {
    /// A statement of a file's top level, where alone an `import` may stand.
    pub(super) fn top_statement(&mut self, statement: &Statement, taken: Taken) -> Checks<Option<Value<Operand>>> {
        let StatementKind::Import { path, path_span } = &statement.kind else {
            return self.statement(statement, taken);
        };
        let import = |checker: &mut Self| checker.import(path, *path_span, statement.span);
        self.annotated(&statement.annotations, import).map(|()| None)
    }

    /// Refuses an `import` elsewhere.
    pub(super) fn import_inside(&mut self, span: Span) -> Reported {
        let diagnostic = Diagnostic::error("E0219", "`import` stands at the top level of a file", span, "");
        self.report(diagnostic.help("write it before the block or function that uses its names"))
    }

    /// Gives the program the names that a file assigns. Each file is walked once, where it is imported first.
    fn import(&mut self, path: &str, path_span: Span, span: Span) -> Checks<()> {
        let file = match self.environment.import(path, span.source) {
            Ok(file) => file,
            Err(reason) => {
                self.lacks_import = true;
                let message = format!("`{path}` cannot be imported: {reason}");
                let diagnostic = Diagnostic::error("E0217", message, path_span, "");
                return Err(self.report(diagnostic.help(match path.ends_with(".tw") {
                    _ if path.trim_end_matches(['.', '/']).is_empty() => {
                        "name a file of Thalweg: `import \"file.tw\"`".to_string()
                    }
                    true => "correct the path, which begins in the folder of this file, or write that file".to_string(),
                    false => format!("a file of Thalweg ends in .tw: `import \"{path}.tw\"`"),
                })));
            }
        };
        if let Some(first) = self.importing.iter().position(|other| other.key == file.key) {
            return Err(self.cycle(first, &file.name, span));
        }
        let known = self.imported.get(&file.key).cloned();
        let exports = match known {
            Some(exports) => exports,
            None => {
                let key = file.key.clone();
                let exports = Arc::new(self.walk_file(file, span));
                self.imported.insert(key, exports.clone());
                exports
            }
        };
        let is_program = self.importing.is_empty();
        for (name, binding) in &*exports {
            if is_program {
                self.record_assigned(name);
            }
            self.changes += 1;
            self.origins.set(name, span);
            self.set_in_scope(&(0, name.clone()), Some(binding.clone()));
        }
        Ok(())
    }

    /// Files that import each other: each step is shown.
    fn cycle(&mut self, first: usize, name: &str, span: Span) -> Reported {
        let steps = &self.importing[first..];
        let chain: Vec<String> = steps.iter().map(|step| format!("`{}`", step.name)).collect();
        let message = match chain.len() {
            1 => format!("`{name}` imports itself"),
            _ => format!("files import each other: {} → `{name}`", chain.join(" → ")),
        };
        let mut diagnostic = Diagnostic::error("E0218", message, span, format!("`{name}` is not complete here"));
        for pair in steps.windows(2) {
            diagnostic = diagnostic.label(pair[1].span, format!("`{}` imports `{}`", pair[0].name, pair[1].name));
        }
        self.report(diagnostic.help("move what both need into a third file, and import that"))
    }

    /// Walks a file with names of its own; gives what its top level assigns.
    fn walk_file(&mut self, file: Imported, span: Span) -> Vec<(Arc<str>, Binding)> {
        let importing = Importing { key: file.key, name: file.name, source: file.source, span };
        let mut globals: HashMap<Arc<str>, Binding> = HashMap::new();
        for (name, binding) in self.globals.iter().filter(|(name, _)| is_hidden(name)) {
            globals.insert(name.clone(), binding.clone());
        }
        let outer_globals = std::mem::replace(&mut self.globals, globals);
        let outer_origins = std::mem::take(&mut self.origins);
        let outer_assigned = std::mem::take(&mut self.assigned);
        let outer_assigned_set = std::mem::take(&mut self.assigned_set);
        let outer_defined = std::mem::replace(&mut self.defined_later, defined_functions(&file.program));
        self.importing.push(importing);
        self.changes += 1;
        let is_text_wrong = !file.diagnostics.is_empty();
        for diagnostic in file.diagnostics {
            self.report(diagnostic);
        }
        if is_text_wrong {
            // Its names are there, and nobody is told that they are missing.
            let mut names = Vec::new();
            super::loops::assigned_in(&file.program, &mut names);
            names.iter().for_each(|name| self.bind(name, Err(Reported)));
        } else {
            for statement in &file.program.statements {
                if self.top_statement(statement, Taken::Never).is_err() {
                    self.refused_names.extend(super::names::names_in(statement));
                }
            }
        }
        self.importing.pop();
        let mut globals = std::mem::replace(&mut self.globals, outer_globals);
        let assigned = std::mem::replace(&mut self.assigned, outer_assigned);
        self.origins = outer_origins;
        self.assigned_set = outer_assigned_set;
        self.defined_later = outer_defined;
        self.changes += 1;
        let hidden: Vec<Arc<str>> = assigned.iter().filter(|name| is_hidden(name)).cloned().collect();
        for name in hidden {
            self.record_assigned(&name);
            if let Some(binding) = globals.remove(&name) {
                self.globals.insert(name, binding);
            }
        }
        let mut whole = Whole { globals: &globals, known: HashMap::new(), open: HashSet::new(), too_deep: None };
        let own = assigned.iter().filter(|name| !is_hidden(name));
        let exports = own.filter_map(|name| Some((name.clone(), whole.binding(name)?))).collect();
        if let Some(place) = whole.too_deep {
            self.nests_too_deep(place);
        }
        exports
    }

    /// Adds where the files that are being walked were imported.
    pub(super) fn show_imports(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        for step in self.importing.iter().rev().take(4) {
            if diagnostic.labels.iter().all(|label| label.span != step.span) {
                diagnostic = diagnostic.label(step.span, format!("`{}` is imported here", step.name));
            }
        }
        diagnostic
    }

    /// Whether a function of this text sees only what it closed over, and the library: the prelude's, and those of files that are
    /// complete.
    pub(super) fn is_closed(&self, source: SourceId) -> bool {
        let is_walked = || self.importing.last().is_some_and(|file| file.source == source);
        source == self.library.prelude_source() || self.environment.is_imported(source) && !is_walked()
    }
}

/// A file's functions with all that they need of their file, also what it defines further down: who calls them from elsewhere
/// has other names.
struct Whole<'a> {
    globals: &'a HashMap<Arc<str>, Binding>,
    known: HashMap<Arc<str>, Value<Operand>>,
    /// Functions that are being completed: one that calls itself stays as it is, which a call reports.
    open: HashSet<Arc<str>>,
    /// A function that needs others which need others, and so on beyond what a value may be.
    too_deep: Option<Span>,
}

impl Whole<'_> {
    fn binding(&mut self, name: &Arc<str>) -> Option<Binding> {
        match self.globals.get(name)? {
            Binding::Value(Value::Function(_)) => self.value(name).map(Binding::Value),
            other => Some(other.clone()),
        }
    }

    fn value(&mut self, name: &Arc<str>) -> Option<Value<Operand>> {
        if let Some(known) = self.known.get(name) {
            return Some(known.clone());
        }
        let value = match self.globals.get(name)? {
            Binding::Value(Value::Function(closure)) => {
                if self.open.len() >= DEEPEST_VALUE {
                    self.too_deep.get_or_insert(closure.function.span);
                    return None;
                }
                if !self.open.insert(name.clone()) {
                    return None;
                }
                let closure = closure.clone();
                let value = Value::Function(Arc::new(self.closure(&closure)));
                self.open.remove(name);
                value
            }
            Binding::Value(value) => value.clone(),
            _ => return None,
        };
        self.known.insert(name.clone(), value.clone());
        Some(value)
    }

    fn closure(&mut self, closure: &Closure<Operand>) -> Closure<Operand> {
        let mut captured = closure.captured.clone();
        for (name, _) in free_names(&closure.function).free {
            let is_wanted = match (captured.get(&name), self.globals.get(&name)) {
                (None, _) => true,
                // What it closed over may itself lack what was defined later.
                (Some(Value::Function(old)), Some(Binding::Value(Value::Function(new)))) => {
                    Arc::ptr_eq(&old.function, &new.function)
                }
                _ => false,
            };
            if is_wanted && let Some(value) = self.value(&name) {
                captured.insert(name, value);
            }
        }
        Closure::new(closure.function.clone(), captured)
    }
}
