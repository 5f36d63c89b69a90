//! Where the files of `import` come from: the file system, or what an embedder says.

use std::collections::HashSet;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use thalweg_lang::check::Imported;
use thalweg_lang::parser;
use thalweg_lang::source::{SourceId, Sources};

/// Gives the text of a file, or a sentence why there is none.
pub(crate) type Importer = Arc<dyn Fn(&Path) -> Result<String, String> + Send + Sync>;

/// Reads files from the file system.
pub(crate) fn from_files() -> Importer {
    Arc::new(|path| {
        let bytes = std::fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_string(),
            io::ErrorKind::PermissionDenied => "permission is denied".to_string(),
            io::ErrorKind::IsADirectory => "it is a folder".to_string(),
            _ => error.to_string(),
        })?;
        String::from_utf8(bytes).map_err(|_| "it is not a text in UTF-8".to_string())
    })
}

/// What a check needs to import files: the session's texts grow by each.
pub(crate) struct Files<'a> {
    pub(crate) sources: &'a mut Sources,
    pub(crate) imported: &'a mut HashSet<SourceId>,
    pub(crate) importer: &'a Importer,
}

impl Files<'_> {
    /// Reads the file that a text imports: relative to that text's own folder, which for a line of the prompt is where one is.
    pub(crate) fn import(&mut self, path: &str, from: SourceId) -> Result<Imported, String> {
        let importing = self.sources.get(from).name.clone();
        let folder = Path::new(&*importing).parent().unwrap_or(Path::new(""));
        let path = plain(&folder.join(path));
        let text = (self.importer)(&path)?;
        let name: Arc<str> = path.display().to_string().into();
        let key = std::path::absolute(&path).map_or_else(|_| path.clone(), |path| plain(&path));
        let source = self.sources.add(name.clone(), text.as_str());
        self.imported.insert(source);
        let parser::Parsed { program, diagnostics } = parser::parse(source, &text);
        Ok(Imported { key: key.display().to_string().into(), name, source, program, diagnostics })
    }
}

/// A path without `.`, and without a folder that is left again by `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_plain() {
        for (path, expected) in [
            ("a.tw", "a.tw"),
            ("./a.tw", "a.tw"),
            ("lib/../a.tw", "a.tw"),
            ("../a.tw", "../a.tw"),
            ("/x/./y/../a", "/x/a"),
        ] {
            assert_eq!(plain(Path::new(path)), Path::new(expected));
        }
    }
}
