//! Findings as text: a sentence, the source with its places, the help.

use crate::excerpt::{excerpt, tidy};
use crate::wrap::wrap;
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, Severity as Level,
    SourceCode, SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};
use std::fmt;
use std::ops::Range;
use thalweg_lang::diagnostic::{Diagnostic, Severity};
use thalweg_lang::source::{SourceId, Sources, Span};

/// The width of what is no terminal, so that files of messages can be compared.
const PLAIN_WIDTH: usize = 100;
/// More errors than this help nobody; the rest is counted.
const MOST_SHOWN: usize = 20;

/// How findings are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With colours.
    pub colour: bool,
    /// Columns.
    pub width: usize,
}

impl Style {
    /// For standard error as it is.
    pub fn new(colour: bool, terminal: bool) -> Style {
        let width = match terminal_size::terminal_size_of(std::io::stderr()) {
            Some((terminal_size::Width(columns), _)) if terminal => usize::from(columns).clamp(40, 160),
            _ => PLAIN_WIDTH,
        };
        Style { colour, width }
    }
}

/// Draws findings, most important first, an empty line between two.
pub fn render(findings: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let mut text = String::new();
    for finding in findings.iter().take(MOST_SHOWN) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&render_one(finding, sources, style));
    }
    if findings.len() > MOST_SHOWN {
        text.push_str(&format!("\n… and {} more\n", findings.len() - MOST_SHOWN));
    }
    text
}

/// The line after the findings of a program that was refused: `2 errors; nothing ran`.
pub fn summary(findings: &[Diagnostic]) -> Option<String> {
    match findings.iter().filter(|finding| finding.severity == Severity::Error).count() {
        0 => None,
        1 => Some("1 error; nothing ran".to_string()),
        count => Some(format!("{count} errors; nothing ran")),
    }
}

fn render_one(finding: &Diagnostic, sources: &Sources, style: Style) -> String {
    let (word, colour, level) = match finding.severity {
        Severity::Error => ("error", "\x1b[1;31m", Level::Error),
        Severity::Warning => ("warning", "\x1b[1;33m", Level::Warning),
        Severity::Note => ("note", "\x1b[1;36m", Level::Advice),
    };
    let head = format!("{word}[{}]:", finding.code);
    let mut text = wrap(&format!("{head} {}", finding.message), style.width, "  ");
    if style.colour {
        text = format!("{colour}{head}\x1b[0m\x1b[1m{}\x1b[0m", &text[head.len()..]);
    }
    text.push('\n');
    let handler = handler(style);
    let mut parts: Vec<Option<Shown>> = by_source(finding, sources, style.width).into_iter().map(Some).collect();
    if parts.is_empty() {
        parts.push(None);
    }
    let last = parts.len() - 1;
    for (index, excerpt) in parts.into_iter().enumerate() {
        let help = finding.help.as_deref().filter(|_| index == last);
        let mut drawn = String::new();
        // Drawing fails only for a place outside its excerpt, and there is none; if ever, the sentence is still there.
        let _ = handler.render_report(&mut drawn, &Part { level, excerpt, help });
        // The first line is the sentence, which is above already.
        text.push_str(drawn.split_once('\n').map_or("", |(_, rest)| rest));
    }
    text
}

fn handler(style: Style) -> GraphicalReportHandler {
    let styles = if style.colour { ThemeStyles::ansi() } else { ThemeStyles::none() };
    GraphicalReportHandler::new_themed(GraphicalTheme { characters: ThemeCharacters::unicode(), styles })
        .with_width(style.width)
        .with_context_lines(1)
        .with_break_words(false)
        .with_urls(false)
        .without_syntax_highlighting()
}

/// The places of a finding, one excerpt for each source that they lie in, the source where it went wrong first.
fn by_source(finding: &Diagnostic, sources: &Sources, width: usize) -> Vec<Shown> {
    let mut order: Vec<SourceId> = Vec::new();
    for label in &finding.labels {
        if !order.contains(&label.span.source) {
            order.push(label.span.source);
        }
    }
    let mut parts = Vec::new();
    for id in order {
        let labels = finding.labels.iter().filter(|label| label.span.source == id);
        let mut places: Vec<(Span, String)> = Vec::new();
        for label in labels {
            // Two texts for one place would be drawn over each other.
            match places.iter_mut().find(|(span, _)| *span == label.span) {
                Some((_, text)) if text.is_empty() => text.clone_from(&label.text),
                Some((_, text)) if !label.text.is_empty() => *text = format!("{text}; {}", label.text),
                Some(_) => {}
                None => places.push((label.span, label.text.clone())),
            }
        }
        let source = sources.get(id);
        let ranges: Vec<_> = places.iter().map(|(span, _)| tidy(&source.text, &span.range())).collect();
        // The gutter and the line's number take up to 8 columns.
        let part = excerpt(&source.text, &ranges, width.saturating_sub(8));
        let labels = places.iter().zip(&part.places).enumerate().map(|(index, ((_, text), place))| {
            let text = Some(text.clone()).filter(|text| !text.is_empty());
            let span = SourceSpan::from(uncovered(&part.text, place, &part.places));
            if index == 0 {
                LabeledSpan::new_primary_with_span(text, span)
            } else {
                LabeledSpan::new_with_span(text, span)
            }
        });
        parts.push(Shown {
            labels: labels.collect(),
            name: source.name.to_string(),
            first_line: part.first_line,
            positions: ranges.iter().map(|place| sources.line_column(Span::new(id, place.start, place.end))).collect(),
            text: part.text,
        });
    }
    parts
}

/// What is left of a place without those that lie within it. miette draws the places of a line one behind the other, so that one
/// within another would be drawn behind it.
fn uncovered(text: &str, place: &Range<usize>, all: &[Range<usize>]) -> Range<usize> {
    let is_within = |other: &&Range<usize>| {
        other.len() < place.len() && place.start <= other.start && other.end <= place.end && !other.is_empty()
    };
    let mut inner: Vec<&Range<usize>> = all.iter().filter(is_within).collect();
    // What covers several lines is drawn beside them.
    if inner.is_empty() || text[place.clone()].contains('\n') {
        return place.clone();
    }
    inner.sort_by_key(|other| other.start);
    let mut start = place.start;
    let mut pieces = Vec::new();
    for other in inner {
        pieces.push(start..other.start.max(start));
        start = start.max(other.end);
    }
    pieces.push(start..place.end);
    let trimmed = pieces.into_iter().map(|piece| {
        let piece_text = &text[piece.clone()];
        let start = piece.start + piece_text.len() - piece_text.trim_start().len();
        start..start.max(piece.start + piece_text.trim_end().len())
    });
    let says_something = |piece: &Range<usize>| text[piece.clone()].contains(char::is_alphanumeric);
    let left: Vec<Range<usize>> = trimmed.filter(|piece| !piece.is_empty()).collect();
    let best = left.iter().find(|piece| says_something(piece)).or(left.first());
    best.cloned().unwrap_or_else(|| place.clone())
}

/// An excerpt as miette reads it.
#[derive(Debug)]
struct Shown {
    name: String,
    text: String,
    first_line: usize,
    /// Line and column in the whole source, from 1, of each place.
    positions: Vec<(usize, usize)>,
    labels: Vec<LabeledSpan>,
}

impl SourceCode for Shown {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let inner = self.text.read_span(span, before, after)?;
        // Without context it is the head of an excerpt that asks where the place is in the whole source.
        let place = self.labels.iter().position(|label| label.inner() == span).filter(|_| (before, after) == (0, 0));
        let (line, column) = match place.and_then(|place| self.positions.get(place)) {
            Some((line, column)) => (line - 1, column - 1),
            None => (inner.line() + self.first_line, inner.column()),
        };
        let (data, span, count) = (inner.data(), *inner.span(), inner.line_count());
        Ok(Box::new(MietteSpanContents::new_named(self.name.clone(), data, span, line, column, count)))
    }
}

/// What a finding says of one source, as miette reads it.
#[derive(Debug)]
struct Part<'a> {
    level: Level,
    excerpt: Option<Shown>,
    help: Option<&'a str>,
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, _: &mut fmt::Formatter) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Part<'_> {}

impl miette::Diagnostic for Part<'_> {
    fn severity(&self) -> Option<Level> {
        Some(self.level)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.excerpt.as_ref().map(|excerpt| Box::new(excerpt.labels.iter().cloned()) as Box<dyn Iterator<Item = _>>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { colour: false, width: PLAIN_WIDTH };

    fn place(source: SourceId, sources: &Sources, what: &str) -> Span {
        let start = sources.get(source).text.find(what).unwrap();
        Span::new(source, start, start + what.len())
    }

    #[track_caller]
    fn expect(finding: Diagnostic, sources: &Sources, drawn: &str) {
        assert_eq!(render(&[finding], sources, PLAIN), drawn.trim_start_matches('\n'));
    }

    #[test]
    fn both_operands_and_a_help() {
        let mut sources = Sources::default();
        let id = sources.add("<line 2>", "c = a + b");
        let finding =
            Diagnostic::error("E0301", "shapes do not fit: f64[3] and f64[4]", place(id, &sources, "a"), "f64[3]")
                .label(place(id, &sources, "b"), "f64[4]")
                .help("cut one: `a + b[:3]`");
        let drawn = "
error[E0301]: shapes do not fit: f64[3] and f64[4]
   ╭─[<line 2>:1:5]
 1 │ c = a + b
   ·     ┬   ┬
   ·     │   ╰── f64[4]
   ·     ╰── f64[3]
   ╰────
  help: cut one: `a + b[:3]`
";
        expect(finding, &sources, drawn);
    }

    #[test]
    fn a_place_within_another() {
        let mut sources = Sources::default();
        let id = sources.add("in.tw", "print(y[0, 1])");
        let finding = Diagnostic::error("E0305", "too many", place(id, &sources, "y[0, 1]"), "this index")
            .label(place(id, &sources, "y"), "f64[3]");
        let drawn = "
error[E0305]: too many
   ╭─[in.tw:1:7]
 1 │ print(y[0, 1])
   ·       ┬───┬──
   ·       │   ╰── this index
   ·       ╰── f64[3]
   ╰────
";
        expect(finding, &sources, drawn);
        let finding = Diagnostic::error("E0301", "wrong", place(id, &sources, "print(y[0, 1])"), "all")
            .label(place(id, &sources, "0, 1"), "two");
        let drawn = "
error[E0301]: wrong
   ╭─[in.tw:1:1]
 1 │ print(y[0, 1])
   · ────┬─────┬─
   ·     │     ╰── two
   ·     ╰── all
   ╰────
";
        expect(finding, &sources, drawn);
    }

    #[test]
    fn places_in_two_sources() {
        let mut sources = Sources::default();
        let first = sources.add("<line 1>", "fn f(x) = x + b");
        let second = sources.add("<line 7>", "y = é(f(a))");
        let finding = Diagnostic::error("E0301", "shapes do not fit", place(second, &sources, "f(a)"), "called here")
            .label(place(first, &sources, "x + b"), "f64[3] + f64[4]")
            .help("look");
        let drawn = "
error[E0301]: shapes do not fit
   ╭─[<line 7>:1:7]
 1 │ y = é(f(a))
   ·       ──┬─
   ·         ╰── called here
   ╰────
   ╭─[<line 1>:1:11]
 1 │ fn f(x) = x + b
   ·           ──┬──
   ·             ╰── f64[3] + f64[4]
   ╰────
  help: look
";
        expect(finding, &sources, drawn);
    }

    #[test]
    fn odd_places() {
        let mut sources = Sources::default();
        let empty = sources.add("empty.tw", "");
        let text = sources.add("text.tw", "a = (\n");
        expect(
            Diagnostic { labels: Vec::new(), ..Diagnostic::note("N0001", "no place", Span::default(), "") },
            &sources,
            "note[N0001]: no place\n",
        );
        expect(
            Diagnostic::error("E0101", "nothing here", Span::new(empty, 0, 0), ""),
            &sources,
            "error[E0101]: nothing here\n   ╭─[empty.tw:1:1]\n   ╰────\n",
        );
        expect(
            Diagnostic::error("E0101", "unfinished", Span::new(text, 6, 6), "here"),
            &sources,
            "\nerror[E0101]: unfinished\n   ╭─[text.tw:1:6]\n 1 │ a = (\n   ·      ▲\n   ·      ╰── here\n   ╰────\n",
        );
    }

    #[test]
    fn a_far_line_has_its_number() {
        let mut sources = Sources::default();
        let id = sources.add("far.tw", format!("{}bad\n{}", "x = 1\n".repeat(119), "y = 2\n".repeat(9)));
        let drawn = "
error[E0201]: there is no `bad`
     ╭─[far.tw:120:1]
 119 │ x = 1
 120 │ bad
     · ───
 121 │ y = 2
     ╰────
";
        expect(Diagnostic::error("E0201", "there is no `bad`", place(id, &sources, "bad"), ""), &sources, drawn);
    }

    #[test]
    fn two_places_far_apart() {
        let mut sources = Sources::default();
        let id = sources.add("far.tw", "y = x + 1\n\n\n\n\n    f(x)\n");
        let finding =
            Diagnostic::error("E0301", "a sentence ".repeat(12).trim_end(), place(id, &sources, "x + 1"), "here")
                .label(place(id, &sources, "f(x)"), "called here");
        let drawn = "
error[E0301]: a sentence a sentence a sentence a sentence a sentence a sentence a sentence a
  sentence a sentence a sentence a sentence a sentence
   ╭─[far.tw:1:5]
 1 │ y = x + 1
   ·     ──┬──
   ·       ╰── here
 2 │ 
   ╰────
   ╭─[far.tw:6:5]
 5 │ 
 6 │     f(x)
   ·     ──┬─
   ·       ╰── called here
   ╰────
";
        expect(finding, &sources, drawn);
    }

    #[test]
    fn a_long_line_is_cropped() {
        let mut sources = Sources::default();
        let id = sources.add("long.tw", format!("x = [{}bad, 1]", "1, ".repeat(2000)));
        let drawn =
            render(&[Diagnostic::error("E0201", "there is no `bad`", place(id, &sources, "bad"), "")], &sources, PLAIN);
        assert!(drawn.lines().all(|line| line.chars().count() <= PLAIN_WIDTH), "{drawn}");
        assert!(drawn.contains("[long.tw:1:6006]") && drawn.contains("bad, 1]"), "{drawn}");
    }

    #[test]
    fn the_last_line_counts_errors() {
        let error = Diagnostic::error("E0201", "wrong", Span::default(), "");
        let note = Diagnostic::note("N0101", "by the way", Span::default(), "");
        assert_eq!(summary(&[]), None);
        assert_eq!(summary(std::slice::from_ref(&note)), None);
        assert_eq!(summary(&[error.clone(), note]).as_deref(), Some("1 error; nothing ran"));
        assert_eq!(summary(&[error.clone(), error]).as_deref(), Some("2 errors; nothing ran"));
    }
}
