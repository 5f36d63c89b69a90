//! A session: names, and lines that give them values. A line works on a draft and is committed when all of it succeeded.

use crate::import::{self, Files, Importer};
use crate::library::{Library, PRELUDE, PRELUDE_SOURCE};
use crate::operations::{STREAM, initial_stream};
use crate::program::Argument;
use crate::{npy, show};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thalweg_lang::ast::Block;
use thalweg_lang::check::{self, Checked, Environment, Imported, Known, Output, Wanted};
use thalweg_lang::diagnostic::{Diagnostic, Severity};
use thalweg_lang::parser;
use thalweg_lang::source::{SourceId, Sources, Span};
use thalweg_lang::types::ArrayType;
use thalweg_lang::value::Value;
use thalweg_runtime::array::Array;
use thalweg_runtime::buffer::Pool;
use thalweg_runtime::execute::Threads;
use thalweg_runtime::execute::{self, Cancel, Context};
use thalweg_runtime::kernel::Level;
use thalweg_runtime::machine::MachineCode;
use thalweg_runtime::operation::Host;
use thalweg_runtime::plan::{self, Plan, Settings};

/// An array that a session holds.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) array: Array,
    /// Whether it promotes like a literal: `k = 2.0`.
    pub(crate) weak: bool,
    /// Whether it was written as an array of literals: `a = [1, 2]`.
    literal: bool,
}

impl Held {
    /// An array that no literal stands for.
    fn of(array: Array) -> Held {
        Held { array, weak: false, literal: false }
    }
}

/// Discards what programs print.
struct Silence;
impl Host for Silence {
    fn print(&self, _: &str) {}
}

/// How a session is set up.
pub struct Builder {
    library: Library,
    threads: Option<usize>,
    host: Arc<dyn Host>,
    fuse: bool,
    machine_code: Option<MachineCode>,
    level: Option<Level>,
    memory: Option<usize>,
    importer: Importer,
}

impl Builder {
    /// The budget of threads. Without it: `THALWEG_NUM_THREADS` if it is a whole number above 0, else the cores that the process
    /// may use.
    pub fn threads(mut self, threads: usize) -> Builder {
        self.threads = Some(threads.max(1));
        self
    }

    /// Where `print` goes; nowhere without it.
    pub fn host(mut self, host: Arc<dyn Host>) -> Builder {
        self.host = host;
        self
    }

    /// Adds an operation to the library; one of the same name is replaced.
    pub fn operation(mut self, operation: crate::Operation) -> Builder {
        self.library.add(operation);
        self
    }

    /// Whether neighbouring nodes run in one pass; `false` gives the same bits, slower, for tests.
    pub fn fuse(mut self, fuse: bool) -> Builder {
        self.fuse = fuse;
        self
    }

    /// When machine code is made; without it as `THALWEG_MACHINE_CODE` says, else where it is worth it. The bits are the same.
    pub fn machine_code(mut self, machine_code: MachineCode) -> Builder {
        self.machine_code = Some(machine_code);
        self
    }

    /// The instruction set of the kernels; without it the best that the machine has.
    pub fn level(mut self, level: Level) -> Builder {
        self.level = Some(level);
        self
    }
    /// The most bytes that the session's arrays may take; a line that needs more is an error.
    pub fn memory_limit(mut self, bytes: usize) -> Builder {
        self.memory = Some(bytes);
        self
    }

    /// Where the files of `import` come from: the text of a path, or a sentence why there is none. Without it they are read from
    /// the file system. A path is relative to the folder of the text that imports it.
    pub fn importer(mut self, importer: impl Fn(&Path) -> Result<String, String> + Send + Sync + 'static) -> Builder {
        self.importer = Arc::new(importer);
        self
    }

    /// The session.
    pub fn build(self) -> Interpreter {
        let mut sources = Sources::default();
        let prelude = sources.add("<prelude>", PRELUDE);
        debug_assert_eq!(prelude, PRELUDE_SOURCE);
        let pool = Pool::new();
        if self.memory.is_some() {
            pool.set_limit(self.memory);
        }
        let cancel = Cancel::new();
        let (seed, draws) = initial_stream();
        let hidden = [seed, draws].map(|scalar| Value::Array(Held::of(Array::scalar(scalar))));
        Interpreter {
            library: Arc::new(self.library),
            sources,
            imported: HashSet::new(),
            importer: self.importer,
            scope: HashMap::from([(STREAM.into(), Value::Tuple(hidden.to_vec()))]),
            settings: Settings {
                threads: self.threads.unwrap_or_else(default_threads),
                fuse: self.fuse,
                level: self.level.unwrap_or_else(Level::detect),
                machine_code: self.machine_code.unwrap_or_else(MachineCode::detect),
                cancel: cancel.clone(),
            },
            pool,
            threads: Threads::new(),
            cancel,
            host: self.host,
        }
    }
}

/// `THALWEG_NUM_THREADS`, else the cores that the process may use.
pub(crate) fn default_threads() -> usize {
    let wanted = std::env::var("THALWEG_NUM_THREADS").ok().and_then(|text| text.trim().parse().ok());
    wanted.filter(|threads| *threads > 0).unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// A session: its names and what they stand for.
pub struct Interpreter {
    pub(crate) library: Arc<Library>,
    pub(crate) sources: Sources,
    /// Which of the sources are imported files.
    imported: HashSet<SourceId>,
    importer: Importer,
    pub(crate) scope: HashMap<Arc<str>, Value<Held>>,
    pub(crate) settings: Settings,
    pool: Pool,
    threads: Threads,
    cancel: Cancel,
    host: Arc<dyn Host>,
}

/// A text that was checked and planned against the session's names.
pub struct Compiled {
    plan: Plan,
    inputs: Vec<Array>,
    sources: Vec<InputSource>,
    results: Arc<Results>,
    bytes_read: usize,
    bytes_written: usize,
    checking: Duration,
    planning: Duration,
}

/// Where an input of a compiled program comes from at each call.
enum InputSource {
    Argument(usize),
    Held(Array),
}

/// What becomes of a run's outputs.
struct Results {
    bindings: Vec<(Arc<str>, Value<Output>)>,
    value: Option<Value<Output>>,
    value_type: Option<String>,
    silent: bool,
    notes: Vec<Diagnostic>,
    both_sides: HashMap<Span, &'static str>,
}

/// A run that succeeded and is not committed.
pub struct Executed {
    arrays: Vec<Array>,
    results: Arc<Results>,
}

/// What a text gave.
#[derive(Debug)]
pub struct Outcome {
    /// The last statement's value, when it is an expression with one.
    pub value: Option<Value<Array>>,
    /// Whether it is not to be shown: a `;` ends it, or there is none.
    pub silent: bool,
    /// Notes and warnings.
    pub notes: Vec<Diagnostic>,
}

impl Compiled {
    /// Bytes of the arrays that it takes in.
    pub fn bytes_read(&self) -> usize {
        self.bytes_read
    }

    /// Bytes of the arrays that it gives.
    pub fn bytes_written(&self) -> usize {
        self.bytes_written
    }

    /// How long it took to parse and check it.
    pub fn checking(&self) -> Duration {
        self.checking
    }

    /// How long it took to plan it.
    pub fn planning(&self) -> Duration {
        self.planning
    }

    /// The most bytes that inputs, intermediate values and results take at once, as planned.
    pub fn peak_bytes(&self) -> usize {
        self.plan.peak_bytes()
    }

    /// The number of regions: passes over arrays.
    pub fn region_count(&self) -> usize {
        self.plan.region_count()
    }
}

/// The session's names as the checker sees them.
struct Names<'a> {
    scope: &'a HashMap<Arc<str>, Value<Held>>,
    arrays: RefCell<Vec<Held>>,
    files: RefCell<Files<'a>>,
    cancel: &'a Cancel,
}

impl Environment for Names<'_> {
    fn value(&self, name: &str) -> Option<Value<usize>> {
        let value = self.scope.get(name)?;
        let mut arrays = self.arrays.borrow_mut();
        Some(value.map(&mut |held| {
            arrays.push(held.clone());
            arrays.len() - 1
        }))
    }

    fn known(&self, array: usize) -> Known {
        let held = &self.arrays.borrow()[array];
        Known {
            array_type: ArrayType::new(held.array.dtype(), held.array.shape()),
            weak: held.weak,
            constant: held.array.scalar_value(),
            literal: held.literal.then(|| held.array.iter().collect()),
        }
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.scope.keys().cloned().collect()
    }

    fn import(&self, path: &str, from: SourceId) -> Result<Imported, String> {
        self.files.borrow_mut().import(path, from)
    }

    fn is_imported(&self, source: SourceId) -> bool {
        self.files.borrow().imported.contains(&source)
    }

    fn text(&self, place: Span) -> Option<String> {
        Some(self.files.borrow().sources.text(place).to_string())
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

/// A program's arguments, whose types are known and whose values are not, before the session's names.
struct Arguments<'a> {
    parameters: &'a [Arc<str>],
    types: &'a [ArrayType],
    session: Names<'a>,
}

impl Environment for Arguments<'_> {
    fn value(&self, name: &str) -> Option<Value<usize>> {
        match self.parameters.iter().position(|parameter| &**parameter == name) {
            Some(index) => Some(Value::Array(index)),
            None => Some(self.session.value(name)?.map(&mut |index| index + self.parameters.len())),
        }
    }

    fn known(&self, array: usize) -> Known {
        match array.checked_sub(self.parameters.len()) {
            Some(held) => self.session.known(held),
            None => Known { array_type: self.types[array].clone(), weak: false, constant: None, literal: None },
        }
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.parameters.iter().cloned().chain(self.session.names()).collect()
    }

    fn import(&self, path: &str, from: SourceId) -> Result<Imported, String> {
        self.session.import(path, from)
    }

    fn is_imported(&self, source: SourceId) -> bool {
        self.session.is_imported(source)
    }

    fn text(&self, place: Span) -> Option<String> {
        self.session.text(place)
    }

    fn is_cancelled(&self) -> bool {
        self.session.is_cancelled()
    }
}

impl std::default::Default for Interpreter {
    fn default() -> Interpreter {
        Interpreter::new()
    }
}

impl Interpreter {
    /// A session with the standard library, that discards what programs print.
    pub fn new() -> Interpreter {
        Interpreter::builder().build()
    }

    /// Sets a session up.
    pub fn builder() -> Builder {
        Builder {
            library: Library::standard(),
            threads: None,
            host: Arc::new(Silence),
            fuse: true,
            machine_code: None,
            level: None,
            memory: None,
            importer: import::from_files(),
        }
    }

    /// Checks, plans, runs and commits a text. When anything fails, the session is as it was.
    ///
    /// # Errors
    /// Every error of the check, or the one of the run, and the notes.
    pub fn run(&mut self, name: &str, text: &str) -> Result<Outcome, Vec<Diagnostic>> {
        let compiled = self.compile(name, text)?;
        let executed = self.execute(&compiled)?;
        Ok(self.commit(executed))
    }

    /// Runs a text of which only some names are wanted: what no effect and none of them needs is never computed, and the
    /// last statement's value is not among them.
    ///
    /// # Errors
    /// As [`Interpreter::run`].
    pub fn run_for(&mut self, name: &str, text: &str, wanted: &[&str]) -> Result<Outcome, Vec<Diagnostic>> {
        let compiled = self.compile_for(name, text, Wanted::Names(wanted))?;
        let executed = self.execute(&compiled)?;
        Ok(self.commit(executed))
    }

    /// Every error and note of a text; nothing runs.
    pub fn check(&mut self, name: &str, text: &str) -> Vec<Diagnostic> {
        match self.compile(name, text) {
            Ok(compiled) => compiled.results.notes.clone(),
            Err(diagnostics) => diagnostics,
        }
    }

    /// The plan of a text: regions, executors and reasons, bytes; nothing runs.
    ///
    /// # Errors
    /// Every error of the check.
    pub fn plan(&mut self, name: &str, text: &str) -> Result<String, Vec<Diagnostic>> {
        let compiled = self.compile(name, text)?;
        Ok(compiled.plan.render(&*self.library))
    }

    /// The plan of a text of which only some names are wanted: what [`Interpreter::run_for`] would run.
    ///
    /// # Errors
    /// Every error of the check.
    pub fn plan_for(&mut self, name: &str, text: &str, wanted: &[&str]) -> Result<String, Vec<Diagnostic>> {
        let compiled = self.compile_for(name, text, Wanted::Names(wanted))?;
        Ok(compiled.plan.render(&*self.library))
    }

    /// The type of a text's last value; nothing runs.
    ///
    /// # Errors
    /// Every error of the check.
    pub fn type_of(&mut self, name: &str, text: &str) -> Result<String, Vec<Diagnostic>> {
        let compiled = self.compile(name, text)?;
        Ok(compiled.results.value_type.clone().unwrap_or_else(|| "no value".into()))
    }

    /// Checks and plans a text against the session's names.
    ///
    /// # Errors
    /// Every error of the check, and the notes.
    pub fn compile(&mut self, name: &str, text: &str) -> Result<Compiled, Vec<Diagnostic>> {
        self.compile_for(name, text, Wanted::All)
    }

    fn compile_for(&mut self, name: &str, text: &str, wanted: Wanted) -> Result<Compiled, Vec<Diagnostic>> {
        let begin = Instant::now();
        let source = self.sources.add(name, text);
        let program = parse(source, text)?;
        let library = self.library.clone();
        let names = self.environment();
        let checked = check::check(&program, &*library, &names, wanted)?;
        let arrays = names.arrays.into_inner();
        if let Wanted::Names(wanted) = wanted {
            let given = |name: &str| checked.bindings.iter().any(|(bound, _)| **bound == *name);
            if let Some(missing) = wanted.iter().find(|name| !given(name) && !self.scope.contains_key(**name)) {
                let message = format!("the program gives `{missing}` no value, and it is asked for");
                let end = Span::new(source, text.trim_end().len(), text.trim_end().len());
                return Err(vec![Diagnostic::error("E0211", message, end, "the program ends here")]);
            }
        }
        let inputs: Vec<Array> = checked.inputs.iter().map(|index| arrays[*index].array.clone()).collect();
        self.plan_checked(checked, inputs, begin)
    }

    /// The session as the checker sees it.
    fn environment(&mut self) -> Names<'_> {
        let files = Files { sources: &mut self.sources, imported: &mut self.imported, importer: &self.importer };
        Names { scope: &self.scope, arrays: RefCell::default(), files: RefCell::new(files), cancel: &self.cancel }
    }

    fn plan_checked(&self, checked: Checked, inputs: Vec<Array>, begin: Instant) -> Result<Compiled, Vec<Diagnostic>> {
        let checking = begin.elapsed();
        let Checked { graph, bindings, value, value_type, silent, mut notes, both_sides, .. } = checked;
        let plan = plan::plan(&graph, &*self.library, &self.settings);
        if self.cancel.is_cancelled() {
            return Err(vec![Diagnostic::error("E0590", "interrupted", Span::default(), "")]);
        }
        notes.extend(plan.notes().iter().cloned());
        let bytes = |types: &mut dyn Iterator<Item = &ArrayType>| types.map(ArrayType::bytes).sum();
        let bytes_read = bytes(&mut graph.inputs.iter().map(|input| &input.array_type));
        let bytes_written = bytes(&mut graph.outputs.iter().map(|node| graph.node(*node).array_type()));
        let results = Arc::new(Results { bindings, value, value_type, silent, notes, both_sides });
        let planning = begin.elapsed() - checking;
        Ok(Compiled { plan, inputs, sources: Vec::new(), results, bytes_read, bytes_written, checking, planning })
    }

    /// Checks and plans a text whose free names are arguments of the given types.
    pub(crate) fn compile_program(
        &mut self,
        text: &str,
        parameters: &[Arc<str>],
        types: &[ArrayType],
    ) -> Result<Compiled, Vec<Diagnostic>> {
        let begin = Instant::now();
        let source = self.sources.add("<program>", text);
        let program = parse(source, text)?;
        let library = self.library.clone();
        let arguments = Arguments { parameters, types, session: self.environment() };
        let checked = check::check(&program, &*library, &arguments, Wanted::Value)?;
        let arrays = arguments.session.arrays.into_inner();
        let count = parameters.len();
        let sources: Vec<InputSource> = checked
            .inputs
            .iter()
            .map(|index| match index.checked_sub(count) {
                Some(held) => InputSource::Held(arrays[held].array.clone()),
                None => InputSource::Argument(*index),
            })
            .collect();
        let mut compiled = self.plan_checked(checked, Vec::new(), begin)?;
        compiled.sources = sources;
        Ok(compiled)
    }

    /// Runs a compiled program on arguments; the session's names stay as they are.
    pub(crate) fn execute_with(&self, compiled: &Compiled, arguments: &[Argument]) -> Result<Outcome, Vec<Diagnostic>> {
        let inputs = compiled.sources.iter().map(|source| match source {
            InputSource::Argument(index) => &arguments[*index].array,
            InputSource::Held(array) => array,
        });
        let executed = self.execute_on(compiled, inputs)?;
        let value = executed.results.value.as_ref();
        let value = value.map(|value| value.map(&mut |output| executed.arrays[output.index].clone()));
        let value = value.map(|value| value.settled(&show::index_of));
        Ok(Outcome { value, silent: executed.results.silent, notes: executed.results.notes.clone() })
    }

    /// Runs what was compiled; the session's names stay as they are.
    ///
    /// # Errors
    /// What went wrong while running, or `E0590` when it was cancelled.
    pub fn execute(&self, compiled: &Compiled) -> Result<Executed, Vec<Diagnostic>> {
        self.execute_on(compiled, compiled.inputs.iter())
    }

    fn execute_on<'lent>(
        &self,
        compiled: &Compiled,
        inputs: impl ExactSizeIterator<Item = &'lent Array>,
    ) -> Result<Executed, Vec<Diagnostic>> {
        let context = Context {
            pool: &self.pool,
            threads: &self.threads,
            cancel: &self.cancel,
            host: &*self.host,
            bodies: &*self.library,
        };
        let arrays = execute::run(&compiled.plan, inputs, &context).map_err(|diagnostic| {
            let diagnostic = with_both_sides(diagnostic, &compiled.results.both_sides);
            let mut diagnostics = compiled.results.notes.clone();
            diagnostics.push(diagnostic);
            diagnostics
        })?;
        Ok(Executed { arrays, results: compiled.results.clone() })
    }

    /// Gives the session's names the values of a run.
    pub fn commit(&mut self, executed: Executed) -> Outcome {
        let Executed { arrays, results } = executed;
        for (name, value) in &results.bindings {
            let held = value.map(&mut |output: &Output| {
                let Output { index, weak, literal } = *output;
                Held { array: arrays[index].clone(), weak, literal }
            });
            self.scope.insert(name.clone(), held.settled(&|which| show::index_of(&which.array)));
        }
        let value = results.value.as_ref().map(|value| value.map(&mut |output| arrays[output.index].clone()));
        let value = value.map(|value| value.settled(&show::index_of));
        // A statement that only does something has the value none, which nobody wants to see.
        let is_nothing = matches!(&value, None | Some(Value::None));
        Outcome {
            value: value.filter(|_| !is_nothing),
            silent: results.silent || is_nothing,
            notes: results.notes.clone(),
        }
    }

    /// The byte ranges of a text's top-level statements.
    pub fn statements(text: &str) -> Vec<std::ops::Range<usize>> {
        let parsed = parser::parse(SourceId::default(), text);
        let statements = &parsed.program.statements;
        let starts = statements.iter().map(|statement| {
            let first = statement.annotations.first().map_or(statement.span, |annotation| annotation.span);
            first.start.min(statement.span.start) as usize
        });
        starts.zip(statements).map(|(start, statement)| start..statement.span.end as usize).collect()
    }

    /// Starts the count of [`Interpreter::peak_bytes`] anew.
    pub fn reset_peak_bytes(&self) {
        self.pool.reset_peak();
    }

    /// The most bytes of array memory at once since the last reset.
    pub fn peak_bytes(&self) -> usize {
        self.pool.peak_bytes()
    }

    /// The texts that the spans of diagnostics point into.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// What a name stands for.
    pub fn get(&self, name: &str) -> Option<Value<Array>> {
        Some(self.scope.get(name)?.map(&mut |held| held.array.clone()))
    }

    /// Makes a name stand for an array.
    pub fn set(&mut self, name: &str, array: Array) {
        self.set_value(name, Value::Array(array));
    }

    /// Makes a name stand for a value that a run gave.
    pub fn set_value(&mut self, name: &str, value: Value<Array>) {
        let held = value.map(&mut |array| Held::of(array.clone()));
        self.scope.insert(name.into(), held);
    }

    /// Makes a name stand for the array in a .npy file.
    ///
    /// # Errors
    /// What is wrong with the file, as a sentence.
    pub fn load(&mut self, name: &str, path: &Path) -> Result<(), String> {
        let array = npy::read(path, &self.pool).map_err(|error| error.to_string())?;
        self.set(name, array);
        Ok(())
    }

    /// Writes a name's array to a .npy file.
    ///
    /// # Errors
    /// That there is no such array, or what is wrong with the file, as a sentence.
    pub fn save(&self, name: &str, path: &Path) -> Result<(), String> {
        match self.get(name) {
            Some(Value::Array(array)) => npy::write(path, &array).map_err(|error| error.to_string()),
            Some(other) => Err(format!("`{name}` is {}, and a .npy file holds one array", show::describe(&other))),
            None => Err(format!("there is no name `{name}`")),
        }
    }

    /// The session's names and their types, sorted.
    pub fn names(&self) -> Vec<(String, String)> {
        let mut names: Vec<(String, String)> = self
            .scope
            .iter()
            .filter(|(name, _)| !name.contains(' '))
            .map(|(name, value)| (name.to_string(), show::describe(&value.map(&mut |held| held.array.clone()))))
            .collect();
        names.sort();
        names
    }

    /// The budget of threads.
    pub fn threads(&self) -> usize {
        self.settings.threads
    }

    /// Changes the budget of threads for the lines that follow.
    pub fn set_threads(&mut self, threads: usize) {
        self.settings.threads = threads.max(1);
    }

    /// The handle that stops what this session runs, from any thread. It stays stopped until `reset`.
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }
}

/// An index out of bounds that stands behind an `and` or `or` says that the other side does not keep it from being looked at.
fn with_both_sides(diagnostic: Diagnostic, both_sides: &HashMap<Span, &'static str>) -> Diagnostic {
    let Some(place) = diagnostic.labels.first().map(|label| label.span) else { return diagnostic };
    let holds = |side: &Span| side.source == place.source && side.start <= place.start && place.end <= side.end;
    let innermost = both_sides.iter().filter(|(side, _)| holds(side)).min_by_key(|(side, _)| side.end - side.start);
    let word = innermost.map(|(_, word)| *word);
    let (Some(word), "E0505") = (word, diagnostic.code) else { return diagnostic };
    let instead = if word == "and" { "if … { … } else { false }" } else { "if … { true } else { … }" };
    let help = format!("both sides of `{word}` are computed: write `{instead}`");
    let help = diagnostic.help.as_ref().map_or(help.clone(), |known| format!("{known}; {help}"));
    diagnostic.help(help)
}

/// The statements of a text without errors.
pub(crate) fn parse(source: SourceId, text: &str) -> Result<Block, Vec<Diagnostic>> {
    let parsed = parser::parse(source, text);
    if parsed.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(parsed.diagnostics);
    }
    Ok(parsed.program)
}
