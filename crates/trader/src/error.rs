//! What a command can end with, and its exit code.

use tradewind_core_types::Invalid;
use tradewind_data::DataError;
use tradewind_engine::EngineError;

/// Why a command failed. Exit codes: 1 failed, 2 usage or configuration, 3 data.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for something that does not exist.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be used.
    #[error("{origin}: {} problem{}\n{}", .problems.0.len(), if .problems.0.len() == 1 { "" } else { "s" }, indent(.problems))]
    Config {
        /// File, or what else it came from.
        origin: String,
        /// Everything wrong with it.
        problems: Invalid,
    },
    /// The data cannot be used.
    #[error("data: {0}")]
    Data(String),
    /// The run failed.
    #[error("{0}")]
    Run(String),
    /// A check found what it looks for.
    #[error("check failed: {0}")]
    Check(String),
}

fn indent(problems: &Invalid) -> String {
    problems.to_string().lines().map(|l| format!("  {l}")).collect::<Vec<_>>().join("\n")
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Run(_) | Self::Check(_) => 1,
            Self::Usage(_) | Self::Config { .. } => 2,
            Self::Data(_) => 3,
        }
    }
    /// A file that cannot be written or read, with the path and what to do.
    pub fn io(what: &str, path: &std::path::Path, e: &std::io::Error) -> Self {
        let hint = match e.kind() {
            std::io::ErrorKind::PermissionDenied => ": choose a folder you may write to with --out",
            std::io::ErrorKind::StorageFull => ": the disk is full, make room or choose another folder with --out",
            std::io::ErrorKind::NotFound => ": check the path",
            std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => {
                ": there is a file where a folder is needed"
            }
            _ => "",
        };
        Self::Run(format!("cannot {what} {}: {e}{hint}", path.display()))
    }
}

impl From<DataError> for Failure {
    fn from(e: DataError) -> Self {
        match e.problem() {
            tradewind_data::Problem::Config(bad) => Self::Config { origin: e.file().to_owned(), problems: bad.clone() },
            _ => Self::Data(e.to_string()),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(e: EngineError) -> Self {
        match e {
            EngineError::Source { .. } | EngineError::Backwards { .. } => Self::Data(e.to_string()),
            _ => Self::Run(e.to_string()),
        }
    }
}
