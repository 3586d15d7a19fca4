//! One error type. Every message says what was wrong, with names and numbers, and what to do about it.

/// What can go wrong, by what the caller can do about it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What is asked for cannot be: an unknown layer, a number out of range.
    #[error("{0}")]
    Usage(String),
    /// A file is not what it should be, or holds something that this program does not support.
    #[error("{file}: {problem}")]
    File { file: String, problem: String },
    /// The job takes more memory than it may: than the limit that was set, or else half of what is free.
    #[error("{0}")]
    Limit(String),
    /// The job needs more memory than there is, or a tensor is larger than the device can address.
    #[error("{0}")]
    Memory(String),
    /// No usable GPU adapter, or it gave up.
    #[error("{0}")]
    Device(String),
    /// Backprop and finite differences do not agree.
    #[error("{0}")]
    Disagreement(String),
    /// The user pressed Ctrl-C; what was finished is kept.
    #[error("interrupted; what was finished is kept")]
    Interrupted,
}

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A problem with the file at `path`.
    pub fn file(path: impl AsRef<std::path::Path>, problem: impl std::fmt::Display) -> Error {
        Error::File { file: path.as_ref().display().to_string(), problem: problem.to_string() }
    }

    /// The exit code that the command line program ends with: 2 for wrong usage, 130 for Ctrl-C, otherwise 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Interrupted => 130,
            Error::File { .. } | Error::Limit(_) | Error::Memory(_) | Error::Device(_) | Error::Disagreement(_) => 1,
        }
    }
}
