//! The checker: a syntax tree to a dataflow graph, with every type known. Nothing runs here.
//!
//! It walks the program once, as an interpreter would, but its arrays are graph nodes. A call walks the function's body again
//! for its arguments' types, so a function is specialised by being inlined; equal nodes are shared. Where a body may run never
//! or many times, it becomes a graph of its own.

mod advice;
mod annotation;
mod body;
mod call;
mod declared;
mod definition;
mod elementwise;
mod expansion;
mod expression;
mod extent;
mod import;
mod index;
mod journal;
mod lift;
mod loops;
mod memo;
mod names;
mod origin;
mod quote;
mod reduction;
pub(crate) mod size;
mod slice;
mod statement;
mod structure;
mod text;

pub use call::signature_of;
pub use expansion::{Expansion, Happened};
pub use import::Imported;
pub use names::similar;

use crate::ast;
use crate::declaration::{Library, Operand};
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::dtype::Scalar;
use crate::graph::{Effect, Graph, GraphBuilder, Guard, NodeId, NodeKind, Placement};
use crate::length::{Length, Polynomial, Sizes, Symbol};
use crate::source::{SourceId, Span};
use crate::types::{ArrayType, Type};
use crate::value::{Closure, Mapped, Value};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What a session knows of an array that it holds.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its type.
    pub array_type: ArrayType,
    /// Whether it promotes like a literal.
    pub weak: bool,
    /// Its value, when it is a scalar that the program may be checked against: sizes, axes.
    pub constant: Option<Scalar>,
    /// Its elements in C order, when it was written as an array of literals: where a dtype is declared they take it, and where sizes
    /// or axes are wanted they are known.
    pub literal: Option<Arc<[Scalar]>>,
}

/// The names that a session holds; arrays are numbers that only the session understands.
pub trait Environment {
    /// The value of a name.
    fn value(&self, name: &str) -> Option<Value<usize>>;
    /// What is known of an array in such a value.
    fn known(&self, array: usize) -> Known;
    /// All names.
    fn names(&self) -> Vec<Arc<str>>;
    /// The file that an `import` in the text `from` names, or a sentence why there is none.
    fn import(&self, path: &str, from: SourceId) -> Result<Imported, String> {
        let _ = (path, from);
        Err("programs here cannot read files".into())
    }
    /// The words at a place, for messages that quote a program.
    fn text(&self, place: Span) -> Option<String> {
        let _ = place;
        None
    }
    /// Whether whoever waits for the check has given it up.
    fn is_cancelled(&self) -> bool {
        false
    }
    /// Whether a text is that of an imported file.
    fn is_imported(&self, source: SourceId) -> bool {
        let _ = source;
        false
    }
}

/// Which of a program's names are wanted when it has run.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// Every name, as at the prompt.
    All,
    /// These only; what no effect and none of them needs is never computed.
    Names(&'a [&'a str]),
    /// The last statement's value only.
    Value,
}

/// An output of a checked program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The index among the graph's outputs.
    pub index: usize,
    /// Whether it promotes like a literal.
    pub weak: bool,
    /// Whether it is an array of literals.
    pub literal: bool,
}

/// A program without errors.
#[derive(Debug)]
pub struct Checked {
    /// What is computed.
    pub graph: Graph,
    /// The session's array behind each input of the graph.
    pub inputs: Vec<usize>,
    /// What the session's names are to be when it has run.
    pub bindings: Vec<(Arc<str>, Value<Output>)>,
    /// The last statement's value, when it is an expression.
    pub value: Option<Value<Output>>,
    /// The type of that value.
    pub value_type: Option<String>,
    /// Whether a `;` ends it, so that it is not shown.
    pub silent: bool,
    /// Notes and warnings.
    pub notes: Vec<Diagnostic>,
    /// The places behind `and` and `or`, which are computed whatever stands before, and which of the two.
    pub both_sides: HashMap<Span, &'static str>,
}

/// Checks a program against a session's names. `Err` holds every error found, and the notes.
pub fn check(
    program: &ast::Block,
    library: &dyn Library,
    environment: &dyn Environment,
    wanted: Wanted,
) -> Result<Checked, Vec<Diagnostic>> {
    let mut checker = Checker::new(library, environment);
    checker.defined_later = names::defined_functions(program);
    let mut last = None;
    let mut silent = true;
    let mut refused: Option<Span> = None;
    for (index, statement) in program.statements.iter().enumerate() {
        if checker.is_cancelled {
            break;
        }
        checker.uses.clear();
        let changes = checker.changes;
        let is_last = index + 1 == program.statements.len();
        let taken = if is_last && !statement.silent { Taken::IfAny } else { Taken::Never };
        let checked = checker.top_statement(statement, taken);
        if checked.is_err() {
            refused.get_or_insert(statement.span);
            checker.refused_names.extend(names::names_in(statement));
        }
        last = checked.unwrap_or(None);
        checker.refused = false;
        silent = statement.silent;
        if !silent && !is_last {
            let happened = checker.changes != changes;
            checker.note_unused(statement, last.as_ref().filter(|_| !happened), index > 0);
        }
    }
    if let (Some(span), false) = (refused, checker.has_errors()) {
        // Whoever refuses says why; a program must never be dropped without a word.
        let message = "internal error: this was refused, and nobody said why";
        checker.report(Diagnostic::error("E0599", message, span, ""));
    }
    if checker.has_errors() {
        return Err(checker.diagnostics);
    }
    checker.finish(last, silent, wanted)
}

/// Whether somebody takes the value of a statement or a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is a part of an expression, or a function's value.
    Always,
    /// It is shown, where both sides have one.
    IfAny,
    /// Nobody does.
    Never,
}

/// An error was reported; whoever sees this keeps quiet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported;

/// The result of checking a part.
pub(crate) type Checks<T> = Result<T, Reported>;

/// What a name stands for.
#[derive(Clone)]
pub(crate) enum Binding {
    /// A value.
    Value(Value<Operand>),
    /// An error was reported where it was assigned.
    Broken,
    /// Only one side of this `if` gives it a value.
    OneSided(Span),
    /// Only the turns of this loop give it a value, and there may be none.
    OfTurns(Span),
    /// The turns of this loop give it a value of another type than it has before.
    Retyped(Span),
}

/// One graph under construction.
pub(crate) struct Level {
    /// The nodes.
    builder: GraphBuilder<Length>,
    /// Nodes of the level below that this one uses, and its inputs for them.
    imports: HashMap<NodeId, NodeId>,
    /// The same the other way round.
    imported: HashMap<NodeId, NodeId>,
    /// Those nodes of the level below that became inputs, in the order of the inputs.
    captured: Vec<NodeId>,
    /// The sizes that its nodes are.
    symbols: HashMap<NodeId, Symbol>,
    /// The node that tells each of them when the program runs.
    tellers: HashMap<Symbol, NodeId>,
    /// What its integer scalars are as polynomials in sizes, as far as that was asked.
    polynomials: HashMap<NodeId, Polynomial>,
    /// Between which numbers some of its scalars lie.
    bounds: HashMap<NodeId, size::Bounds>,
    /// The graph's guards, each once.
    guards: HashSet<Guard>,
    /// What happens.
    effects: Vec<Effect>,
    /// Whether it is one side of an `if`, which may never run.
    is_branch: bool,
    /// Calls that were walked in this graph, and what they gave.
    calls: HashMap<memo::CallKey, Value<Operand>>,
    /// Whether it is walked once for each element, in no order.
    is_for_elements: bool,
}

impl Level {
    /// Whether a body has to run even where nobody wants what it gives: something happens in it, or must hold.
    fn must_run(&self) -> bool {
        !self.effects.is_empty() || !self.guards.is_empty()
    }

    fn new() -> Level {
        Level {
            builder: GraphBuilder::new(),
            imports: HashMap::new(),
            imported: HashMap::new(),
            captured: Vec::new(),
            symbols: HashMap::new(),
            tellers: HashMap::new(),
            polynomials: HashMap::new(),
            bounds: HashMap::new(),
            guards: HashSet::new(),
            effects: Vec::new(),
            is_branch: false,
            calls: HashMap::new(),
            is_for_elements: false,
        }
    }
}

/// A function that is being walked.
pub(crate) struct Frame {
    /// Its own names.
    locals: HashMap<Arc<str>, Binding>,
    /// Where they got their values.
    origins: origin::Origins,
    /// The function, with what it closed over.
    closure: Arc<Closure<Operand>>,
    /// Whether it is the prelude's or an imported file's: such a function sees the library, never the program's names.
    is_closed: bool,
    /// What messages call it.
    name: Arc<str>,
    /// Where it was called.
    call: Span,
    /// What the call gave it; kept of the prelude's functions only, for messages.
    given: Vec<call::GivenArgument>,
}

impl Frame {
    /// A function that is called, without names of its own yet.
    fn of(closure: &Arc<Closure<Operand>>, is_closed: bool, call: Span) -> Frame {
        let name = closure.function.name.as_ref().map_or("".into(), |name| name.text.clone());
        let origins = origin::Origins::default();
        Frame { locals: HashMap::new(), origins, closure: closure.clone(), is_closed, name, call, given: Vec::new() }
    }
}

/// The state of one check.
pub(crate) struct Checker<'a> {
    pub(crate) library: &'a dyn Library,
    environment: &'a dyn Environment,
    diagnostics: Vec<Diagnostic>,
    reported: HashSet<(&'static str, Span)>,
    levels: Vec<Level>,
    frames: Vec<Frame>,
    /// The program's own names.
    globals: HashMap<Arc<str>, Binding>,
    /// Where they got their values.
    origins: origin::Origins,
    /// Where the names that the statement uses got their values, by the place of the use.
    uses: HashMap<Span, Span>,
    /// Names that were reported as unknown: one message each.
    unknown: HashSet<Arc<str>>,
    /// For how many of them a near name was looked for.
    searches: usize,
    /// Comparisons' operands that are bit operators, as in `a > 0 & b > 0`.
    tight: HashSet<Span>,
    /// What stands behind an `and` or `or`.
    both_sides: HashMap<Span, &'static str>,
    /// The argument of a library's operation that is being walked.
    site: Option<call::Site>,
    /// What meets where lengths are compared just now, and how many axes it has at most.
    meeting: Vec<Label>,
    meeting_rank: usize,
    /// A file was not found: nobody knows which names it would have given.
    lacks_import: bool,
    /// That functions or calls nest too deep was reported: those around them do as well.
    is_too_deep: bool,
    /// The names in statements that were refused: what they would have done is not missing.
    refused_names: HashSet<Arc<str>>,
    /// A function refused its arguments: what follows in its body was written for others.
    refused: bool,
    /// The session's names that the program has used, as inputs.
    held: HashMap<Arc<str>, Value<Operand>>,
    /// The names that the program itself assigned, in order, and the same as a set.
    assigned: Vec<Arc<str>>,
    assigned_set: HashSet<Arc<str>>,
    /// What the bodies that are being walked changed.
    journals: Vec<journal::Journal>,
    /// What loops that were walked before took their carried names for.
    known_loops: HashMap<loops::LoopKey, loops::Settled>,
    /// How often a name of the program changed or something happened: a call between two equal counts is pure.
    changes: usize,
    /// How many function bodies were walked.
    walks: usize,
    /// Names of functions that the program defines somewhere.
    defined_later: HashSet<Arc<str>>,
    /// The files that are being imported, outermost first.
    importing: Vec<import::Importing>,
    /// What the files gave that were imported.
    imported: HashMap<Arc<str>, import::Exports>,
    /// The session's array behind each input of the program's graph.
    inputs: Vec<usize>,
    inputs_of: HashMap<usize, NodeId>,
    pub(crate) placement: Option<Arc<Placement>>,
    /// Nobody waits for the check any more, and that is reported.
    is_cancelled: bool,
    /// How many expressions and calls are being walked.
    depth: usize,
    /// Whether a function is being checked where it is defined.
    is_defining: bool,
    /// That function, once its arguments are known.
    definition: Option<definition::Definition>,
    /// How many symbols there are.
    symbol_count: u32,
    /// How many of them are named `?k`.
    unknown_count: u32,
}

/// The code of a diagnostic that stands for one already reported.
pub(crate) const REPORTED: &str = "";

/// The code of a function's own refusal of its arguments.
const REFUSED: &str = "E0315";

/// How many function bodies may be walked. Each call of a function walks its body for the arguments' types, so functions that call
/// each other twice at each level double the work with each level.
const MOST_WALKS: usize = 100_000;

/// What to do where `none` stands for what has to be there.
const GIVE_A_VALUE: &str = "leave it out, or give it a value: `none` is none";

/// How the label of a call ends that led to an error.
const CALLED: &str = "called here";

/// How many messages are read, so that it is worth telling what else they are about.
const MOST_SHOWN: usize = 20;

/// How many of the calls around it a message shows.
const MOST_CALLS: usize = 4;

/// How many places a message may have before other calls that lead to the same are left out.
const MOST_LABELS: usize = 8;

/// How deep calls may nest; a chain of functions longer than this is taken for an error, not for the machine's stack to find out.
const DEEPEST_CALL: usize = 200;

impl<'a> Checker<'a> {
    fn new(library: &'a dyn Library, environment: &'a dyn Environment) -> Checker<'a> {
        Checker {
            library,
            environment,
            diagnostics: Vec::new(),
            reported: HashSet::new(),
            levels: vec![Level::new()],
            frames: Vec::new(),
            globals: HashMap::new(),
            origins: origin::Origins::default(),
            uses: HashMap::new(),
            unknown: HashSet::new(),
            searches: 0,
            tight: HashSet::new(),
            both_sides: HashMap::new(),
            site: None,
            meeting: Vec::new(),
            meeting_rank: 0,
            lacks_import: false,
            is_too_deep: false,
            refused_names: HashSet::new(),
            refused: false,
            held: HashMap::new(),
            assigned: Vec::new(),
            assigned_set: HashSet::new(),
            journals: Vec::new(),
            known_loops: HashMap::new(),
            changes: 0,
            walks: 0,
            defined_later: HashSet::new(),
            importing: Vec::new(),
            imported: HashMap::new(),
            inputs: Vec::new(),
            inputs_of: HashMap::new(),
            placement: None,
            is_cancelled: false,
            depth: 0,
            is_defining: false,
            definition: None,
            symbol_count: 0,
            unknown_count: 0,
        }
    }

    fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Reports a diagnostic once for its code and place, adding where the functions around it were called.
    pub(crate) fn report(&mut self, mut diagnostic: Diagnostic) -> Reported {
        if diagnostic.code == REPORTED {
            return Reported;
        }
        self.refused |= diagnostic.code == REFUSED;
        self.leave_prelude(&mut diagnostic);
        let place = diagnostic.labels.first().map(|label| label.span).unwrap_or_default();
        if self.reported.insert((diagnostic.code, place)) {
            for frame in self.frames.iter().rev().filter(|frame| frame.call != place).take(MOST_CALLS) {
                if frame.call.source == self.library.prelude_source() {
                    continue;
                }
                let text = match &*frame.name {
                    "" => CALLED.into(),
                    name => format!("`{name}` is {CALLED}"),
                };
                diagnostic = diagnostic.label(frame.call, text);
            }
            let diagnostic = self.show_imports(diagnostic);
            self.diagnostics.push(diagnostic);
        } else if let (Some(frame), true) = (self.frames.first(), self.frames.len() <= MOST_CALLS) {
            self.add_call(diagnostic.code, place, frame.call);
        }
        Reported
    }

    /// Adds another call from which the same error comes to what was said of the first.
    fn add_call(&mut self, code: &str, place: Span, call: Span) {
        let is_same = |other: &&mut Diagnostic| {
            other.code == code && other.labels.first().is_some_and(|label| label.span == place)
        };
        if let Some(known) = self.diagnostics.iter_mut().take(MOST_SHOWN).find(is_same)
            && call.source == place.source
            && known.labels.len() < MOST_LABELS
            && known.labels.iter().any(|label| label.text.ends_with(CALLED))
            && known.labels.iter().all(|label| label.span != call)
        {
            known.labels.push(Label { span: call, text: "from this call as well".into() });
        }
    }

    /// What goes wrong in the prelude is shown where the program called it: at the argument that it is about, where it is about one,
    /// and with the types of the others.
    fn leave_prelude(&self, diagnostic: &mut Diagnostic) {
        let Some(first) = diagnostic.labels.first().cloned() else { return };
        let Some(frame) = self.visible_frame(first.span) else { return };
        let prelude = self.library.prelude_source();
        diagnostic.labels.retain(|label| label.span.source != prelude);
        let label = match self.given_from(frame, first.span) {
            Some(given) => Label { span: given.place, text: first.text },
            None => Label { span: frame.call, text: format!("in `{}`", frame.name) },
        };
        diagnostic.labels.retain(|other| other.span != label.span);
        diagnostic.labels.insert(0, label);
        for label in self.given_labels(frame) {
            if diagnostic.labels.iter().all(|other| other.span != label.span) {
                diagnostic.labels.push(label);
            }
        }
    }

    /// The call of the program's that led to a place in the prelude.
    fn visible_frame(&self, place: Span) -> Option<&Frame> {
        let prelude = self.library.prelude_source();
        let mut frames = self.frames.iter().rev();
        if place.source == prelude { frames.find(|frame| frame.call.source != prelude) } else { None }
    }

    /// The argument of a call that the name at a place in the prelude stands for.
    fn given_from<'f>(&self, frame: &'f Frame, place: Span) -> Option<&'f call::GivenArgument> {
        let origin = self.uses.get(&place)?;
        frame.given.iter().find(|given| given.place == *origin || self.uses.get(&given.place) == Some(origin))
    }

    /// What to do where two lengths do not go together at a place in the prelude, if they are none that the call gave: what was made
    /// of those is not there to be cut.
    fn lengths_made_of(&self, place: Span, lengths: [&Length; 2]) -> Option<String> {
        let frame = self.visible_frame(place)?;
        let has = |given: &call::GivenArgument, length: &Length| matches!(&given.value, Value::Array(operand) if self.type_of(*operand).shape.contains(length));
        let are_given = lengths.into_iter().all(|length| frame.given.iter().any(|given| has(given, length)));
        (!are_given).then(|| format!("give the arguments of `{}` lengths that go together", frame.name))
    }

    /// The types of a call's arguments, except of numbers and texts, which stand there.
    fn given_labels(&self, frame: &Frame) -> Vec<Label> {
        let says_more = |value: &Value<Operand>| match value {
            Value::Array(operand) => self.constant_of(*operand).is_none(),
            Value::Tuple(_) => true,
            _ => false,
        };
        let shown = frame.given.iter().filter(|given| given.place != frame.call && says_more(&given.value));
        shown.map(|given| Label { span: given.place, text: self.describe(&given.value) }).collect()
    }

    fn level(&mut self) -> &mut Level {
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    /// What happens in the innermost graph.
    pub(crate) fn level_effects(&mut self) -> &mut Vec<Effect> {
        &mut self.level().effects
    }

    fn depth_of_levels(&self) -> u32 {
        self.levels.len() as u32 - 1
    }

    /// The node that an operand is in the innermost graph, carried in through the graphs between.
    pub(crate) fn resolve(&mut self, operand: Operand) -> NodeId {
        self.resolve_at(operand, self.levels.len() - 1)
    }

    /// The same for one of the graphs between.
    pub(super) fn resolve_at(&mut self, operand: Operand, depth: usize) -> NodeId {
        let mut node = operand.node;
        for level in operand.level as usize..depth {
            let outer = self.levels[level].builder.graph().node(node).clone();
            let inner = &mut self.levels[level + 1];
            node = match inner.imports.get(&node) {
                Some(known) => *known,
                None => {
                    let imported = match outer.kind {
                        NodeKind::Constant(_) | NodeKind::Literal(_) => {
                            inner.builder.add(outer.kind.clone(), outer.types.clone(), outer.span, None)
                        }
                        _ => {
                            inner.captured.push(node);
                            inner.builder.input("captured".into(), outer.types[0].clone(), outer.span)
                        }
                    };
                    inner.imports.insert(node, imported);
                    inner.imported.insert(imported, node);
                    imported
                }
            };
        }
        node
    }

    /// The type of an operand.
    pub(crate) fn type_of(&self, operand: Operand) -> &Type {
        self.levels[operand.level as usize].builder.graph().node(operand.node).array_type()
    }

    /// The value of an operand that is a known scalar.
    pub(crate) fn constant_of(&self, operand: Operand) -> Option<Scalar> {
        match self.levels[operand.level as usize].builder.graph().node(operand.node).kind {
            NodeKind::Constant(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// A place that the program's author can see: a place in the prelude is where the program called it.
    pub(crate) fn visible(&self, span: Span) -> Span {
        self.visible_frame(span).map_or(span, |frame| frame.call)
    }

    /// What the program's author called, where a function of the prelude calls an operation at a place.
    fn visible_name<'n>(&self, name: &'n str, place: Span) -> Cow<'n, str> {
        self.visible_frame(place).map_or(Cow::Borrowed(name), |frame| Cow::Owned(frame.name.to_string()))
    }

    /// What the program's author calls an argument of an operation that is called at a place: in the prelude that parameter of the
    /// function whose value it is, if it is one's.
    fn visible_parameter(&self, name: &'static str, value: &Value<Operand>, place: Span) -> Option<Arc<str>> {
        let Some(frame) = self.visible_frame(place) else { return Some(name.into()) };
        let is_it = |given: &&call::GivenArgument| memo::key_of(&given.value) == memo::key_of(value);
        let mut same = frame.given.iter().filter(is_it).map(|given| &given.parameter);
        let first = same.next()?;
        Some(if same.any(|parameter| **parameter == *name) { name.into() } else { first.clone() })
    }

    /// Whether what is being walked may never run, because only the run decides a condition around it.
    pub(crate) fn is_conditional(&self) -> bool {
        self.levels.iter().any(|level| level.is_branch)
    }

    /// Adds a node with one result to the innermost graph.
    pub(crate) fn add(&mut self, kind: NodeKind<Length>, array_type: Type, span: Span) -> Operand {
        self.add_all(kind, vec![array_type], span)
    }

    /// Adds a node with any number of results.
    pub(crate) fn add_all(&mut self, kind: NodeKind<Length>, types: Vec<Type>, span: Span) -> Operand {
        self.add_at(self.levels.len() - 1, kind, types, span)
    }

    /// The same for one of the graphs around the innermost one.
    pub(super) fn add_at(&mut self, depth: usize, kind: NodeKind<Length>, types: Vec<Type>, span: Span) -> Operand {
        let placement = match kind {
            NodeKind::Constant(_) | NodeKind::Literal(_) | NodeKind::Size(_) | NodeKind::Iota => None,
            _ => self.placement.clone(),
        };
        let span = self.visible(span);
        let node = self.levels[depth].builder.add(kind, types, span, placement);
        Operand { level: depth as u32, node, weak: false }
    }

    /// A known scalar.
    pub(crate) fn constant(&mut self, scalar: Scalar, weak: bool, span: Span) -> Operand {
        let operand = self.add(NodeKind::Constant(scalar), ArrayType::scalar(scalar.dtype), span);
        Operand { weak, ..operand }
    }

    /// The session's array as an operand of the program's own graph.
    fn input(&mut self, array: usize, name: &str, span: Span) -> Operand {
        let known = self.environment.known(array);
        if let Some(scalar) = known.constant {
            let node = self.levels[0].builder.add(
                NodeKind::Constant(scalar),
                vec![ArrayType::scalar(scalar.dtype)],
                span,
                None,
            );
            return Operand { level: 0, node, weak: known.weak };
        }
        if let Some(elements) = known.literal {
            let types = vec![Type::from(&known.array_type)];
            let node = self.levels[0].builder.add(NodeKind::Literal(elements), types, span, None);
            return Operand { level: 0, node, weak: known.weak };
        }
        let node = match self.inputs_of.get(&array) {
            Some(node) => *node,
            None => {
                let node = self.levels[0].builder.input(name.into(), Type::from(&known.array_type), span);
                self.inputs_of.insert(array, node);
                self.inputs.push(array);
                node
            }
        };
        Operand { level: 0, node, weak: known.weak }
    }

    /// Turns wanted names and the last value into outputs.
    fn finish(
        mut self,
        last: Option<Value<Operand>>,
        silent: bool,
        wanted: Wanted,
    ) -> Result<Checked, Vec<Diagnostic>> {
        let mut outputs: Vec<NodeId> = Vec::new();
        let mut index_of: HashMap<NodeId, usize> = HashMap::new();
        let nodes = self.levels[0].builder.graph();
        let is_literal = |node: NodeId| matches!(nodes.node(node).kind, NodeKind::Literal(_));
        let mut output = |operand: &Operand| {
            let index = *index_of.entry(operand.node).or_insert_with(|| {
                outputs.push(operand.node);
                outputs.len() - 1
            });
            Output { index, weak: operand.weak, literal: is_literal(operand.node) }
        };
        let mut bindings = Vec::new();
        let mut mapped = Mapped::new();
        for name in &self.assigned {
            let is_wanted = match wanted {
                Wanted::All => true,
                Wanted::Names(names) => names.contains(&&**name),
                Wanted::Value => false,
            };
            if let (true, Some(Binding::Value(value))) = (is_wanted, self.globals.get(name)) {
                bindings.push((name.clone(), value.map_among(&mut output, &mut mapped)));
            }
        }
        let value = last
            .as_ref()
            .filter(|_| !matches!(wanted, Wanted::Names(_)))
            .map(|value| value.map_among(&mut output, &mut mapped));
        let value_type = last.as_ref().map(|value| self.describe(value));
        let level = self.levels.remove(0);
        let mut graph = level.builder.finish();
        graph.outputs = outputs;
        graph.effects = level.effects;
        let graph = crate::close::close(&graph, &Sizes::new()).map_err(|diagnostic| vec![diagnostic])?;
        let (inputs, notes, both_sides) = (self.inputs, self.diagnostics, self.both_sides);
        Ok(Checked { graph, inputs, bindings, value, value_type, silent, notes, both_sides })
    }
}
