//! What an evaluation comes to.

/// What an expression is on an event's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It has this value.
    Value(T),
    /// The data are not JSON, as `json.loads` takes it, or nest deeper than 500 levels.
    NotJson,
    /// `jmespath` would raise an error, as on a type that a function cannot take.
    Failed,
    /// It is not sure: Python must evaluate it.
    Undecided,
}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoValue {
    /// `Outcome::NotJson`.
    NotJson,
    /// `Outcome::Failed`.
    Failed,
    /// `Outcome::Undecided`.
    Undecided,
}

/// What the functions in here give.
pub type Result<T> = std::result::Result<T, NoValue>;

impl<T> From<Result<T>> for Outcome<T> {
    fn from(result: Result<T>) -> Self {
        match result {
            Ok(value) => Self::Value(value),
            Err(NoValue::NotJson) => Self::NotJson,
            Err(NoValue::Failed) => Self::Failed,
            Err(NoValue::Undecided) => Self::Undecided,
        }
    }
}
