//! What can go wrong in the core: stored bytes that the layout does not allow, and arguments that make no sense.

use std::fmt;

/// An error of the core. Its text is for the user, and says which journal, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// What is stored does not have the shape that the layout prescribes.
    Corrupt {
        /// The journal that it is stored in, or for.
        journal_id: String,
        /// What is wrong with it.
        message: String,
    },
    /// An argument is wrong, whatever is stored: the caller made the mistake.
    Argument(String),
}

impl Error {
    /// An error about what is stored in, or for, a journal.
    pub fn corrupt(journal_id: &str, what: impl fmt::Display) -> Self {
        Self::Corrupt { journal_id: journal_id.to_owned(), message: format!("journal {journal_id}: {what}") }
    }

    /// An error about an argument.
    pub fn argument(what: impl fmt::Display) -> Self {
        Self::Argument(what.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt { message, .. } | Self::Argument(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

/// What the core's functions give.
pub type Result<T> = std::result::Result<T, Error>;
