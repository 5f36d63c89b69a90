//! The part of a source that a message shows: long lines cropped to what is pointed at, nothing that could upset a terminal.

use std::ops::Range;

/// How many columns of a line are kept around a place when the line is too long.
const AROUND: usize = 24;
/// A place longer than this is shown by its two ends.
const LONGEST_PLACE: usize = 48;
/// A place that covers more lines than this is shown by its first line.
const MOST_LINES: usize = 8;

/// A readable part of a source, and where places of the source lie in it.
pub struct Excerpt {
    /// The text.
    pub text: String,
    /// The line of the source (counted from 0) that the text begins with.
    pub first_line: usize,
    /// The places in the text, one for each that was asked for.
    pub places: Vec<Range<usize>>,
}

/// Makes the excerpt of `source` that shows the tidy `places` and a line around them, in lines of about `width` columns.
pub fn excerpt(source: &str, places: &[Range<usize>], width: usize) -> Excerpt {
    let first = places.iter().map(|place| place.start).min().unwrap_or(0);
    let last = places.iter().map(|place| place.end).max().unwrap_or(0);
    let start = line_start(source, line_start(source, first).saturating_sub(1));
    let end = line_end(source, (line_end(source, last) + 1).min(source.len()));
    let mut text = String::new();
    let mut moved = Moved { places, starts: vec![None; places.len()], ends: vec![None; places.len()] };
    let mut offset = start;
    for line in source[start..end].split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        for piece in kept(content, offset, places, width) {
            match piece {
                Piece::Gap => text.push('…'),
                Piece::Text(range) => {
                    for (at, letter) in content[range.clone()].char_indices() {
                        moved.pass(offset + range.start + at, text.len());
                        text.push(harmless(letter));
                    }
                    moved.pass(offset + range.end, text.len());
                }
            }
        }
        moved.pass(offset + content.len(), text.len());
        offset += line.len();
        if line.ends_with('\n') {
            text.push('\n');
        }
    }
    let places = moved.finish(text.len());
    Excerpt { text, first_line: source[..start].matches('\n').count(), places }
}

/// Where the places of a source have gone in the text that is being made.
struct Moved<'a> {
    places: &'a [Range<usize>],
    starts: Vec<Option<usize>>,
    ends: Vec<Option<usize>>,
}

impl Moved<'_> {
    /// The text has reached `to`, which shows the source at `from`: places that begin or end up to there do so here.
    fn pass(&mut self, from: usize, to: usize) {
        for (index, place) in self.places.iter().enumerate() {
            if place.start <= from {
                self.starts[index].get_or_insert(to);
            }
            if place.end <= from {
                self.ends[index].get_or_insert(to);
            }
        }
    }

    fn finish(self, end: usize) -> Vec<Range<usize>> {
        let pairs = self.starts.into_iter().zip(self.ends);
        pairs.map(|(start, stop)| start.unwrap_or(end)..stop.unwrap_or(end)).collect()
    }
}

enum Piece {
    Gap,
    Text(Range<usize>),
}

/// The pieces of a line that are worth showing; `offset` is where the line begins in its source.
fn kept(line: &str, offset: usize, places: &[Range<usize>], width: usize) -> Vec<Piece> {
    if line.chars().count() <= width {
        return vec![Piece::Text(0..line.len())];
    }
    let letters: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
    let column = |at: usize| letters.partition_point(|&letter| letter < at);
    let count = letters.len() - 1;
    let mut wanted: Vec<Range<usize>> = Vec::new();
    let mut want = |start: usize, end: usize| wanted.push(start.saturating_sub(AROUND)..(end + AROUND).min(count));
    for place in places {
        if place.end < offset || place.start > offset + line.len() {
            continue;
        }
        let start = column(place.start.saturating_sub(offset));
        let end = column((place.end - offset).min(line.len()));
        if end.saturating_sub(start) <= LONGEST_PLACE {
            want(start, end);
        } else {
            want(start, start);
            want(end, end);
        }
    }
    if wanted.is_empty() {
        wanted.push(0..width.saturating_sub(1));
    }
    wanted.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in wanted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end + 1 => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    let mut pieces = Vec::new();
    let mut reached = 0;
    for range in merged {
        if range.start > reached {
            pieces.push(Piece::Gap);
        }
        reached = range.end;
        pieces.push(Piece::Text(letters[range.start]..letters[range.end]));
    }
    if reached < count {
        pieces.push(Piece::Gap);
    }
    pieces
}

/// A place inside the source, on letter boundaries, and of few enough lines. The end of the source is the end of what is
/// written there, not the empty line after it.
pub fn tidy(source: &str, place: &Range<usize>) -> Range<usize> {
    let start = source.floor_char_boundary(place.start.min(source.trim_end().len()));
    let mut end = source.floor_char_boundary(place.end.min(source.len())).max(start);
    if source[start..end].matches('\n').count() >= MOST_LINES {
        end = line_end(source, start);
    }
    // A place that ends with its line's newline would be drawn as reaching into the next line.
    end = start + source[start..end].trim_end_matches(['\n', '\r']).len();
    start..end
}

fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn line_end(source: &str, at: usize) -> usize {
    source[at..].find('\n').map_or(source.len(), |newline| at + newline)
}

/// Control characters could move the cursor or change colours.
fn harmless(letter: char) -> char {
    match letter {
        '\t' => ' ',
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(source: &str, place: Range<usize>) -> (String, String) {
        let (text, mut places) = shown(source, std::slice::from_ref(&place));
        (text, places.remove(0))
    }

    fn shown(source: &str, places: &[Range<usize>]) -> (String, Vec<String>) {
        let places: Vec<_> = places.iter().map(|place| tidy(source, place)).collect();
        let excerpt = excerpt(source, &places, 80);
        let texts = excerpt.places.iter().map(|place| excerpt.text[place.clone()].to_string()).collect();
        (excerpt.text, texts)
    }

    #[test]
    fn a_line_around_the_places() {
        let source = "a\nb\nc + d\ne\nf\n";
        let excerpt = excerpt(source, &[4..5, 8..9], 80);
        assert_eq!((excerpt.text.as_str(), excerpt.first_line), ("b\nc + d\ne", 1));
        assert_eq!(excerpt.places, [2..3, 6..7]);
    }

    #[test]
    fn long_lines_are_cropped_to_the_places() {
        let source = format!("x = {}bad{}worse{}", "1 + ".repeat(100), " + 2".repeat(100), " + 3".repeat(100));
        let bad = source.find("bad").unwrap();
        let worse = source.find("worse").unwrap();
        let (text, places) = shown(&source, &[bad..bad + 3, worse..worse + 5]);
        assert_eq!(places, ["bad", "worse"]);
        assert!(text.chars().count() < 120, "{text}");
        assert!(text.starts_with("…1 + ") && text.ends_with("+ 3…"), "{text}");
        let (text, place) = one(&source, 0..source.len());
        assert_eq!(place, text);
        assert!(text.chars().count() < 80, "{text}");
    }

    #[test]
    fn odd_places_are_harmless() {
        assert_eq!(one("", 0..0).1, "");
        assert_eq!(one("a", 1..9).1, "");
        assert_eq!(one("é\u{1b}[31m", 1..3), ("é\u{fffd}[31m".to_string(), "é\u{fffd}".to_string()));
        let many = "line\n".repeat(50);
        assert_eq!(one(&many, 0..200).1, "line");
        assert_eq!(one("a = 1\r\nb", 0..7).1, "a = 1");
    }
}
