//! Watching a run.

use serde::{Deserialize, Serialize};

use crate::error::BadInput;
use crate::plugin::Plugin;
use crate::record::Record;
use crate::view::View;

/// What kind of content an artefact has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtefactKind {
    /// A table: comma-separated values with a line of names.
    Csv,
    /// JSON.
    Json,
    /// A picture.
    Svg,
    /// Plain text.
    Text,
}

impl ArtefactKind {
    /// The ending of its file.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Svg => "svg",
            Self::Text => "txt",
        }
    }
}

/// Something an observer leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artefact {
    /// Its name, one of its own among those of the observer: letters, digits, `_` and `-`.
    pub name: String,
    /// What kind of content it has.
    pub kind: ArtefactKind,
    /// The content.
    pub content: String,
}

/// Watches a run. It cannot change it and cannot stop it: one that fails is taken off, which is told, and the run goes on.
pub trait Observer: Plugin {
    /// Sees a record, with the view after the step that it belongs to.
    ///
    /// # Errors
    /// When it cannot go on; it is then shown nothing more.
    fn on_record(&mut self, record: &Record<'_>, view: &View<'_>) -> Result<(), BadInput>;
    /// What it leaves behind at the end of a run: files of the run folder, shown in the report.
    fn artefacts(&self) -> Vec<Artefact> {
        Vec::new()
    }
}
