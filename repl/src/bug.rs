//! A panic is a bug in Thalweg: it is caught, said plainly, and costs one line, not the session.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// What the last panic said, and where; the hook has no other way to hand it on.
static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Keeps panics from printing by themselves.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let place = panic.location().map(|at| format!(" ({}:{})", at.file(), at.line())).unwrap_or_default();
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        // Of several threads the first to fail knows why.
        last.get_or_insert(format!("{message}{place}"));
    }));
}

/// Runs something; a panic in it becomes a sentence.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = None;
    // What the panic has left half done is the interpreter's draft of the line, which is dropped.
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| {
        let what = LAST.lock().unwrap_or_else(PoisonError::into_inner).take();
        format!("this is a bug in Thalweg: {}", what.unwrap_or_else(|| "no message".to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_sentence() {
        quiet_panics();
        assert_eq!(caught(|| 3), Ok(3));
        let sentence = caught(|| panic!("two is {}", 3)).unwrap_err();
        // The other tests' failures are to be seen.
        let _ = std::panic::take_hook();
        assert!(sentence.starts_with("this is a bug in Thalweg: two is 3 ("), "{sentence}");
    }
}
