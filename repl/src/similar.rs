//! The word that a mistyped one was meant to be.

/// The nearest of some words, if it is near enough to be what was meant.
pub fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (difference, near) = words.into_iter().map(|known| (distance(word, known), known)).min()?;
    (difference > 0 && difference <= 2 && difference < word.chars().count()).then_some(near)
}

/// How many letters must be changed, added or left out to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &target) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != target);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far() {
        let words = ["time", "type", "plan"];
        assert_eq!(nearest("tiem", words), Some("time"));
        assert_eq!(nearest("plna", words), Some("plan"));
        assert_eq!(nearest("frob", words), None);
        assert_eq!(nearest("t", words), None);
        assert_eq!(nearest("", words), None);
    }
}
